"""Attempts that succeeded"""

import sqlalchemy as sa
from alembic import op
import taskyard.core.types

revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('task', sa.Column('done_by', sa.String(length=200), nullable=True))
    op.add_column('task', sa.Column('begun_at', taskyard.core.types.Instant(), nullable=True))


def downgrade() -> None:
    op.execute("""
        INSERT INTO attempt (task_id, number, worker, started_at, ended_at, outcome, log)
        SELECT id, attempts, done_by, begun_at, finished_at, 'succeeded', '' FROM task WHERE done_by IS NOT NULL
    """)
    op.drop_column('task', 'begun_at')
    op.drop_column('task', 'done_by')
