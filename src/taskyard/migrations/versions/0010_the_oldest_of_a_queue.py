"""The oldest of a queue, and shares among what is parked"""

import sqlalchemy as sa
from alembic import op

revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f('ix_parked_queue_seq'), 'parked', ['queue', 'seq'], unique=False)
    op.create_index('ix_parked_age', 'parked', ['queue', 'limit_key', 'lane', 'seq'], unique=False)
    op.create_index('ix_parked_share', 'parked', ['queue', 'limit_key', 'lane', 'fairness_key', 'pass', 'seq'], unique=False)
    op.create_index('ix_ready_shared', 'ready', ['queue', 'seq'], unique=False, sqlite_where=sa.text('pass > 0'), postgresql_where=sa.text('pass > 0'))


def downgrade() -> None:
    op.drop_index('ix_ready_shared', table_name='ready', sqlite_where=sa.text('pass > 0'), postgresql_where=sa.text('pass > 0'))
    op.drop_index('ix_parked_share', table_name='parked')
    op.drop_index('ix_parked_age', table_name='parked')
    op.drop_index(op.f('ix_parked_queue_seq'), table_name='parked')
