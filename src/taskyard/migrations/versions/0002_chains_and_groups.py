"""Chains and groups"""

import sqlalchemy as sa
import taskyard.core.types
from alembic import op

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None

GROUPED = sa.text('group_id IS NOT NULL')
COLUMNS = ('after', 'on_failure', 'blocked', 'followed', 'group_id')


def upgrade() -> None:
    op.add_column('task', sa.Column('after', taskyard.core.types.Json(), nullable=True))
    op.add_column('task', sa.Column('on_failure', sa.String(length=10), nullable=True))
    op.add_column('task', sa.Column('blocked', sa.Boolean(), nullable=True))
    op.add_column('task', sa.Column('followed', sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column('task', sa.Column('group_id', taskyard.core.types.Id(), nullable=True))
    op.create_index(
        'ix_task_group_id', 'task', ['group_id', 'id'], sqlite_where=GROUPED, postgresql_where=GROUPED
    )
    op.create_table('blocked',
    sa.Column('task_id', taskyard.core.types.Id(), nullable=False),
    sa.Column('queue', sa.String(length=100), nullable=False),
    sa.Column('left', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('task_id', name=op.f('pk_blocked'))
    )
    op.create_index(op.f('ix_blocked_queue'), 'blocked', ['queue'])
    op.create_table('dependency',
    sa.Column('on_id', taskyard.core.types.Id(), nullable=False),
    sa.Column('task_id', taskyard.core.types.Id(), nullable=False),
    sa.ForeignKeyConstraint(
        ['task_id'], ['blocked.task_id'], name=op.f('fk_dependency_task_id_blocked'), ondelete='CASCADE'
    ),
    sa.PrimaryKeyConstraint('on_id', 'task_id', name=op.f('pk_dependency'))
    )
    op.create_index(op.f('ix_dependency_task_id'), 'dependency', ['task_id'])
    op.create_table('followup',
    sa.Column('task_id', taskyard.core.types.Id(), nullable=False),
    sa.Column('outcome', sa.String(length=10), nullable=False),
    sa.PrimaryKeyConstraint('task_id', name=op.f('pk_followup'))
    )
    op.create_table('task_group',
    sa.Column('id', taskyard.core.types.Id(), nullable=False),
    sa.Column('owner_id', taskyard.core.types.Id(), nullable=False),
    sa.Column('completion_id', taskyard.core.types.Id(), nullable=False),
    sa.Column('created_at', taskyard.core.types.Instant(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_task_group'))
    )
    op.create_index(op.f('ix_task_group_created_at'), 'task_group', ['created_at'])


def downgrade() -> None:
    for table in ('task_group', 'followup', 'dependency', 'blocked'):
        op.drop_table(table)
    op.drop_index('ix_task_group_id', 'task')
    for column in COLUMNS:
        op.drop_column('task', column)
