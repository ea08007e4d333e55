"""Where an endpoint may reach"""

import sqlalchemy as sa
import taskyard.core.types
from alembic import op

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('endpoint', sa.Column('allow', taskyard.core.types.Json(), server_default='[]', nullable=False))


def downgrade() -> None:
    with op.batch_alter_table('endpoint') as table:
        table.drop_column('allow')
