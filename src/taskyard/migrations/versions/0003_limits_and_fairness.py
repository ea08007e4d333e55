"""Limits and fairness"""

import sqlalchemy as sa
import taskyard.core.types
from alembic import op

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None

KEYED = ('task', 'ready', 'scheduled', 'lease')
LIMITS = ('max_running', 'rate_count', 'rate_per_s')


def upgrade() -> None:
    for table in KEYED:
        op.add_column(table, sa.Column('limit_key', sa.String(length=100), nullable=True))
        op.add_column(table, sa.Column('fairness_key', sa.String(length=100), nullable=True))
    op.create_index(op.f('ix_lease_queue_limit_key'), 'lease', ['queue', 'limit_key'], unique=False)

    for name in ('limit_key', 'fairness_key'):
        op.add_column('command', sa.Column(name, sa.String(length=500), nullable=True))
    for name in ('limited', 'fair'):
        op.add_column('queue', sa.Column(name, sa.Boolean(), server_default=sa.false(), nullable=False))
    for name in (*LIMITS, *(f'key_{name}' for name in LIMITS)):
        op.add_column('queue', sa.Column(name, sa.Integer(), nullable=True))
    op.add_column('queue', sa.Column('weights', taskyard.core.types.Json(), nullable=True))

    op.create_table('parked',
    sa.Column('task_id', taskyard.core.types.Id(length=36), nullable=False),
    sa.Column('queue', sa.String(length=100), nullable=False),
    sa.Column('lane', sa.SmallInteger(), nullable=False),
    sa.Column('pass', sa.BigInteger(), nullable=False),
    sa.Column('seq', sa.BigInteger(), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('limit_key', sa.String(length=100), nullable=False),
    sa.Column('fairness_key', sa.String(length=100), nullable=True),
    sa.PrimaryKeyConstraint('task_id', name=op.f('pk_parked'))
    )
    op.create_index('ix_parked_order', 'parked', ['queue', 'limit_key', 'lane', 'pass', 'seq'], unique=False)

    op.create_table('limit_key',
    sa.Column('queue', sa.String(length=100), nullable=False),
    sa.Column('key', sa.String(length=100), nullable=False),
    sa.Column('max_running', sa.Integer(), nullable=True),
    sa.Column('rate_count', sa.Integer(), nullable=True),
    sa.Column('rate_per_s', sa.Integer(), nullable=True),
    sa.Column('paused_at', taskyard.core.types.Instant(timezone=True), nullable=True),
    sa.Column('version', sa.Integer(), server_default='0', nullable=False),
    sa.Column('created_at', taskyard.core.types.Instant(timezone=True), nullable=False),
    sa.Column('updated_at', taskyard.core.types.Instant(timezone=True), nullable=False),
    sa.Column('starts', taskyard.core.types.Json(), nullable=True),
    sa.Column('used_at', taskyard.core.types.Instant(timezone=True), nullable=True),
    sa.Column('wake_at', taskyard.core.types.Instant(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('queue', 'key', name=op.f('pk_limit_key'))
    )
    op.create_index('ix_limit_key_wake_at', 'limit_key', ['wake_at'], unique=False, sqlite_where=sa.text('wake_at IS NOT NULL'), postgresql_where=sa.text('wake_at IS NOT NULL'))

    op.create_table('share',
    sa.Column('queue', sa.String(length=100), nullable=False),
    sa.Column('lane', sa.SmallInteger(), autoincrement=False, nullable=False),
    sa.Column('key', sa.String(length=100), nullable=False),
    sa.Column('pass', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('queue', 'lane', 'key', name=op.f('pk_share'))
    )
    op.create_index(op.f('ix_share_queue_lane_pass'), 'share', ['queue', 'lane', 'pass'], unique=False)


def downgrade() -> None:
    for table in ('share', 'limit_key', 'parked'):
        op.drop_table(table)
    op.drop_index(op.f('ix_lease_queue_limit_key'), table_name='lease')
    names = ('weights', *LIMITS, *(f'key_{name}' for name in LIMITS), 'limited', 'fair')
    for table, columns in (('queue', names), *((table, ('limit_key', 'fairness_key')) for table in ('command', *KEYED))):
        for name in columns:
            op.drop_column(table, name)
