"""Operations from the oldest on"""

import sqlalchemy as sa
from alembic import op
import taskyard.core.types

revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('operation', sa.Column('above_id', taskyard.core.types.Id(length=36), nullable=True))


def downgrade() -> None:
    op.drop_column('operation', 'above_id')
