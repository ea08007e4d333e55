"""Pushed commands"""

import sqlalchemy as sa
import taskyard.core.types
from alembic import op

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('command', sa.Column('push', taskyard.core.types.Json(), nullable=True))
    op.add_column('command', sa.Column('push_keys', taskyard.core.types.Json(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('command') as batch:
        batch.drop_column('push_keys')
        batch.drop_column('push')
