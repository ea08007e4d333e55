"""Open tasks of schedules"""

import sqlalchemy as sa
from alembic import op

revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None


def upgrade() -> None:
    where = sa.text('schedule IS NOT NULL AND outcome IS NULL')
    op.create_index('ix_task_schedule', 'task', ['schedule'], unique=False, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    where = sa.text('schedule IS NOT NULL AND outcome IS NULL')
    op.drop_index('ix_task_schedule', table_name='task', sqlite_where=where, postgresql_where=where)
