"""Events, endpoints and deliveries"""

import sqlalchemy as sa
import taskyard.core.types
from alembic import op

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('endpoint',
    sa.Column('id', taskyard.core.types.Id(), nullable=False),
    sa.Column('owner_id', taskyard.core.types.Id(), nullable=False),
    sa.Column('url', sa.String(length=2048), nullable=False),
    sa.Column('description', sa.String(length=2000), nullable=False),
    sa.Column('event_types', taskyard.core.types.Json(), nullable=False),
    sa.Column('every_owner', sa.Boolean(), nullable=False),
    sa.Column('filter', sa.String(length=1000), nullable=True),
    sa.Column('headers', taskyard.core.types.Json(), nullable=False),
    sa.Column('retry_delays_s', taskyard.core.types.Json(), nullable=True),
    sa.Column('timeout_s', sa.Integer(), nullable=False),
    sa.Column('concurrency', sa.Integer(), nullable=False),
    sa.Column('rate_per_s', sa.Float(), nullable=True),
    sa.Column('ordering', sa.String(length=10), nullable=False),
    sa.Column('paused_at', taskyard.core.types.Instant(), nullable=True),
    sa.Column('disabled_at', taskyard.core.types.Instant(), nullable=True),
    sa.Column('disabled_reason', sa.String(length=500), nullable=True),
    sa.Column('deleted_at', taskyard.core.types.Instant(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('created_at', taskyard.core.types.Instant(), nullable=False),
    sa.Column('updated_at', taskyard.core.types.Instant(), nullable=False),
    sa.CheckConstraint("ordering IN ('none', 'key', 'strict')", name=op.f('ck_endpoint_ordering')),
    sa.CheckConstraint('concurrency BETWEEN 1 AND 100', name=op.f('ck_endpoint_concurrency')),
    sa.CheckConstraint('timeout_s BETWEEN 1 AND 60', name=op.f('ck_endpoint_timeout_s')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_endpoint'))
    )
    op.create_index(op.f('ix_endpoint_deleted_at'), 'endpoint', ['deleted_at'], unique=False)
    op.create_index(op.f('ix_endpoint_owner_id'), 'endpoint', ['owner_id'], unique=False)
    op.create_table('event',
    sa.Column('id', taskyard.core.types.Id(), nullable=False),
    sa.Column('owner_id', taskyard.core.types.Id(), nullable=False),
    sa.Column('type', sa.String(length=100), nullable=False),
    sa.Column('key', sa.String(length=200), nullable=True),
    sa.Column('data', sa.Text(), nullable=False),
    sa.Column('created_at', taskyard.core.types.Instant(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_event'))
    )
    op.create_index(op.f('ix_event_created_at_id'), 'event', ['created_at', 'id'], unique=False)
    op.create_index(op.f('ix_event_owner_id_created_at_id'), 'event', ['owner_id', 'created_at', 'id'], unique=False)
    op.create_table('subscription',
    sa.Column('owner_id', taskyard.core.types.Id(), nullable=False),
    sa.Column('type', sa.String(length=100), nullable=False),
    sa.Column('subscriber_id', taskyard.core.types.Id(), nullable=False),
    sa.PrimaryKeyConstraint('owner_id', 'type', 'subscriber_id', name=op.f('pk_subscription'))
    )
    op.create_index(op.f('ix_subscription_subscriber_id'), 'subscription', ['subscriber_id'], unique=False)
    op.create_table('delivery',
    sa.Column('id', taskyard.core.types.Id(), nullable=False),
    sa.Column('event_id', taskyard.core.types.Id(), nullable=False),
    sa.Column('endpoint_id', taskyard.core.types.Id(), nullable=False),
    sa.Column('status', sa.String(length=10), nullable=False),
    sa.Column('lane', sa.SmallInteger(), nullable=False),
    sa.Column('due_at', taskyard.core.types.Instant(), nullable=False),
    sa.Column('order_key', sa.String(length=200), nullable=True),
    sa.Column('tries', sa.Integer(), server_default='0', nullable=False),
    sa.Column('charged', sa.Integer(), server_default='0', nullable=False),
    sa.Column('error', sa.String(length=40), nullable=True),
    sa.Column('fence', sa.String(length=32), nullable=True),
    sa.Column('leased_until', taskyard.core.types.Instant(), nullable=True),
    sa.Column('created_at', taskyard.core.types.Instant(), nullable=False),
    sa.Column('deadline_at', taskyard.core.types.Instant(), nullable=False),
    sa.Column('finished_at', taskyard.core.types.Instant(), nullable=True),
    sa.CheckConstraint("(status = 'sending') = (fence IS NOT NULL)", name=op.f('ck_delivery_fence')),
    sa.CheckConstraint("(status IN ('delivered', 'failed', 'held')) = (finished_at IS NOT NULL)", name=op.f('ck_delivery_finished_at')),
    sa.CheckConstraint("status IN ('waiting', 'blocked', 'sending', 'delivered', 'failed', 'held')", name=op.f('ck_delivery_status')),
    sa.CheckConstraint('lane BETWEEN 0 AND 2', name=op.f('ck_delivery_lane')),
    sa.ForeignKeyConstraint(['endpoint_id'], ['endpoint.id'], name=op.f('fk_delivery_endpoint_id_endpoint'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['event_id'], ['event.id'], name=op.f('fk_delivery_event_id_event'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_delivery'))
    )
    op.create_index('ix_delivery_deadline', 'delivery', ['deadline_at'], unique=False, sqlite_where=sa.text("status IN ('waiting', 'blocked')"), postgresql_where=sa.text("status IN ('waiting', 'blocked')"))
    op.create_index('ix_delivery_due', 'delivery', ['endpoint_id', 'lane', 'due_at', 'id'], unique=False, sqlite_where=sa.text("status = 'waiting'"), postgresql_where=sa.text("status = 'waiting'"))
    op.create_index(op.f('ix_delivery_endpoint_id_id'), 'delivery', ['endpoint_id', 'id'], unique=False)
    op.create_index('ix_delivery_finished', 'delivery', ['finished_at'], unique=False, sqlite_where=sa.text('finished_at IS NOT NULL'), postgresql_where=sa.text('finished_at IS NOT NULL'))
    op.create_index('ix_delivery_leased', 'delivery', ['leased_until'], unique=False, sqlite_where=sa.text("status = 'sending'"), postgresql_where=sa.text("status = 'sending'"))
    op.create_index('ix_delivery_order', 'delivery', ['endpoint_id', 'order_key', 'event_id'], unique=False, sqlite_where=sa.text('order_key IS NOT NULL AND finished_at IS NULL'), postgresql_where=sa.text('order_key IS NOT NULL AND finished_at IS NULL'))
    op.create_index('ux_delivery_event', 'delivery', ['event_id', 'endpoint_id'], unique=True)
    op.create_table('endpoint_secret',
    sa.Column('id', taskyard.core.types.Id(), nullable=False),
    sa.Column('endpoint_id', taskyard.core.types.Id(), nullable=False),
    sa.Column('kind', sa.String(length=10), nullable=False),
    sa.Column('value', sa.String(length=200), nullable=False),
    sa.Column('public_key', sa.String(length=200), nullable=True),
    sa.Column('created_at', taskyard.core.types.Instant(), nullable=False),
    sa.Column('expires_at', taskyard.core.types.Instant(), nullable=True),
    sa.CheckConstraint("kind IN ('hmac', 'ed25519')", name=op.f('ck_endpoint_secret_kind')),
    sa.ForeignKeyConstraint(['endpoint_id'], ['endpoint.id'], name=op.f('fk_endpoint_secret_endpoint_id_endpoint'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_endpoint_secret'))
    )
    op.create_index(op.f('ix_endpoint_secret_endpoint_id'), 'endpoint_secret', ['endpoint_id'], unique=False)
    op.create_table('gate',
    sa.Column('endpoint_id', taskyard.core.types.Id(), nullable=False),
    sa.Column('in_flight', sa.Integer(), server_default='0', nullable=False),
    sa.Column('cap', sa.Integer(), nullable=True),
    sa.Column('tokens', sa.Float(), server_default='0', nullable=False),
    sa.Column('refilled_at', taskyard.core.types.Instant(), nullable=False),
    sa.Column('failures', sa.Integer(), server_default='0', nullable=False),
    sa.Column('failing_since', taskyard.core.types.Instant(), nullable=True),
    sa.Column('opened_at', taskyard.core.types.Instant(), nullable=True),
    sa.Column('probe_s', sa.Integer(), server_default='0', nullable=False),
    sa.Column('hold_until', taskyard.core.types.Instant(), nullable=True),
    sa.Column('last_error', sa.String(length=40), nullable=True),
    sa.Column('delivered_at', taskyard.core.types.Instant(), nullable=True),
    sa.ForeignKeyConstraint(['endpoint_id'], ['endpoint.id'], name=op.f('fk_gate_endpoint_id_endpoint'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('endpoint_id', name=op.f('pk_gate'))
    )
    op.create_table('lane',
    sa.Column('endpoint_id', taskyard.core.types.Id(), nullable=False),
    sa.Column('kind', sa.SmallInteger(), nullable=False),
    sa.Column('next_due', taskyard.core.types.Instant(), nullable=True),
    sa.Column('in_flight', sa.Integer(), server_default='0', nullable=False),
    sa.ForeignKeyConstraint(['endpoint_id'], ['endpoint.id'], name=op.f('fk_lane_endpoint_id_endpoint'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('endpoint_id', 'kind', name=op.f('pk_lane'))
    )
    op.create_index('ix_lane_next_due', 'lane', ['kind', 'next_due'], unique=False, sqlite_where=sa.text('next_due IS NOT NULL'), postgresql_where=sa.text('next_due IS NOT NULL'))
    op.create_table('pending_event',
    sa.Column('event_id', taskyard.core.types.Id(), nullable=False),
    sa.ForeignKeyConstraint(['event_id'], ['event.id'], name=op.f('fk_pending_event_event_id_event'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('event_id', name=op.f('pk_pending_event'))
    )
    op.create_table('replay',
    sa.Column('id', taskyard.core.types.Id(), nullable=False),
    sa.Column('endpoint_id', taskyard.core.types.Id(), nullable=False),
    sa.Column('since', taskyard.core.types.Instant(), nullable=False),
    sa.Column('until', taskyard.core.types.Instant(), nullable=False),
    sa.Column('which', sa.String(length=20), nullable=False),
    sa.Column('event_types', taskyard.core.types.Json(), nullable=True),
    sa.Column('filter', sa.Text(), nullable=True),
    sa.Column('rate_per_s', sa.Float(), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('after_at', taskyard.core.types.Instant(), nullable=True),
    sa.Column('after_id', taskyard.core.types.Id(), nullable=True),
    sa.Column('seen', sa.Integer(), nullable=False),
    sa.Column('replayed', sa.Integer(), nullable=False),
    sa.Column('next_at', taskyard.core.types.Instant(), nullable=False),
    sa.Column('created_at', taskyard.core.types.Instant(), nullable=False),
    sa.Column('updated_at', taskyard.core.types.Instant(), nullable=False),
    sa.Column('finished_at', taskyard.core.types.Instant(), nullable=True),
    sa.CheckConstraint("state IN ('running', 'paused', 'done', 'cancelled')", name=op.f('ck_replay_state')),
    sa.CheckConstraint("which IN ('undelivered', 'all')", name=op.f('ck_replay_which')),
    sa.ForeignKeyConstraint(['endpoint_id'], ['endpoint.id'], name=op.f('fk_replay_endpoint_id_endpoint'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_replay'))
    )
    op.create_index(op.f('ix_replay_endpoint_id'), 'replay', ['endpoint_id'], unique=False)
    op.create_index(op.f('ix_replay_state'), 'replay', ['state'], unique=False)
    op.create_table('delivery_attempt',
    sa.Column('delivery_id', taskyard.core.types.Id(), nullable=False),
    sa.Column('number', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('started_at', taskyard.core.types.Instant(), nullable=False),
    sa.Column('status', sa.Integer(), nullable=True),
    sa.Column('error', sa.String(length=40), nullable=True),
    sa.Column('charged', sa.Integer(), nullable=False),
    sa.Column('phases', taskyard.core.types.Json(), nullable=False),
    sa.Column('headers', taskyard.core.types.Json(), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('signed_with', taskyard.core.types.Json(), nullable=False),
    sa.ForeignKeyConstraint(['delivery_id'], ['delivery.id'], name=op.f('fk_delivery_attempt_delivery_id_delivery'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('delivery_id', 'number', name=op.f('pk_delivery_attempt'))
    )
    op.create_index(op.f('ix_delivery_attempt_started_at'), 'delivery_attempt', ['started_at'], unique=False)


def downgrade() -> None:
    op.drop_table('delivery_attempt')
    op.drop_table('replay')
    op.drop_table('pending_event')
    op.drop_table('lane')
    op.drop_table('gate')
    op.drop_table('endpoint_secret')
    op.drop_table('delivery')
    op.drop_table('subscription')
    op.drop_table('event')
    op.drop_table('endpoint')
