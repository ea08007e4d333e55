"""Sources and the requests they receive"""

import sqlalchemy as sa
import taskyard.core.types
from alembic import op

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('request',
    sa.Column('id', taskyard.core.types.Id(length=36), nullable=False),
    sa.Column('source_id', taskyard.core.types.Id(length=36), nullable=False),
    sa.Column('source', sa.String(length=100), nullable=False),
    sa.Column('owner_id', taskyard.core.types.Id(length=36), nullable=False),
    sa.Column('received_at', taskyard.core.types.Instant(timezone=True), nullable=False),
    sa.Column('peer', sa.String(length=100), nullable=False),
    sa.Column('method', sa.String(length=20), nullable=False),
    sa.Column('path', sa.Text(), nullable=False),
    sa.Column('query', sa.Text(), nullable=False),
    sa.Column('headers', taskyard.core.types.Json(), nullable=False),
    sa.Column('body', sa.LargeBinary(), nullable=False),
    sa.Column('size', sa.Integer(), nullable=False),
    sa.Column('verdict', sa.String(length=10), nullable=False),
    sa.Column('reason', sa.String(length=50), nullable=True),
    sa.Column('detail', sa.String(length=1000), nullable=True),
    sa.Column('faults', taskyard.core.types.Json(), nullable=True),
    sa.Column('event_type', sa.String(length=200), nullable=True),
    sa.Column('dedupe_key', sa.String(length=255), nullable=True),
    sa.Column('secret_id', sa.String(length=36), nullable=True),
    sa.CheckConstraint("verdict IN ('routed', 'unrouted', 'unroutable', 'answered', 'rejected')", name=op.f('ck_request_verdict')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_request'))
    )
    with op.batch_alter_table('request', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_request_owner_id_id'), ['owner_id', 'id'], unique=False)
        batch_op.create_index(batch_op.f('ix_request_owner_id_verdict_id'), ['owner_id', 'verdict', 'id'], unique=False)
        batch_op.create_index(batch_op.f('ix_request_received_at'), ['received_at'], unique=False)
        batch_op.create_index('ix_request_rejected', ['source_id', 'id', 'size'], unique=False, sqlite_where=sa.text("verdict = 'rejected'"), postgresql_where=sa.text("verdict = 'rejected'"))
        batch_op.create_index(batch_op.f('ix_request_source_id'), ['source', 'id'], unique=False)

    op.create_table('request_key',
    sa.Column('source_id', taskyard.core.types.Id(length=36), nullable=False),
    sa.Column('key', sa.String(length=255), nullable=False),
    sa.Column('request_id', taskyard.core.types.Id(length=36), nullable=False),
    sa.Column('until', taskyard.core.types.Instant(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('source_id', 'key', name=op.f('pk_request_key'))
    )
    with op.batch_alter_table('request_key', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_request_key_until'), ['until'], unique=False)

    op.create_table('source',
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.Column('id', taskyard.core.types.Id(length=36), nullable=False),
    sa.Column('owner_id', taskyard.core.types.Id(length=36), nullable=False),
    sa.Column('description', sa.String(length=2000), nullable=False),
    sa.Column('preset', sa.String(length=50), nullable=False),
    sa.Column('scheme', taskyard.core.types.Json(), nullable=True),
    sa.Column('secrets', taskyard.core.types.Json(), nullable=False),
    sa.Column('routes', taskyard.core.types.Json(), nullable=False),
    sa.Column('event_type', sa.String(length=2000), nullable=True),
    sa.Column('dedupe', taskyard.core.types.Json(), nullable=False),
    sa.Column('max_body', sa.Integer(), nullable=False),
    sa.Column('rate', taskyard.core.types.Json(), nullable=True),
    sa.Column('networks', taskyard.core.types.Json(), nullable=False),
    sa.Column('respond', taskyard.core.types.Json(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('created_at', taskyard.core.types.Instant(timezone=True), nullable=False),
    sa.Column('updated_at', taskyard.core.types.Instant(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_source')),
    sa.UniqueConstraint('id', name=op.f('uq_source_id'))
    )
    with op.batch_alter_table('source', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_source_owner_id'), ['owner_id'], unique=False)

    op.create_table('request_task',
    sa.Column('request_id', taskyard.core.types.Id(length=36), nullable=False),
    sa.Column('task_id', taskyard.core.types.Id(length=36), nullable=False),
    sa.Column('route', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['request_id'], ['request.id'], name=op.f('fk_request_task_request_id_request'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('request_id', 'task_id', name=op.f('pk_request_task'))
    )


def downgrade() -> None:
    op.drop_table('request_task')
    with op.batch_alter_table('source', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_source_owner_id'))

    op.drop_table('source')
    with op.batch_alter_table('request_key', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_request_key_until'))

    op.drop_table('request_key')
    with op.batch_alter_table('request', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_request_source_id'))
        batch_op.drop_index('ix_request_rejected', sqlite_where=sa.text("verdict = 'rejected'"), postgresql_where=sa.text("verdict = 'rejected'"))
        batch_op.drop_index(batch_op.f('ix_request_received_at'))
        batch_op.drop_index(batch_op.f('ix_request_owner_id_verdict_id'))
        batch_op.drop_index(batch_op.f('ix_request_owner_id_id'))

    op.drop_table('request')
