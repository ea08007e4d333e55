"""The first tables"""

import sqlalchemy as sa
import taskyard.core.types
from alembic import op

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('catalogue',
    sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_catalogue'))
    )
    op.create_table('command',
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.Column('description', sa.String(length=2000), nullable=False),
    sa.Column('queue', sa.String(length=100), nullable=True),
    sa.Column('priority', sa.String(length=10), nullable=False),
    sa.Column('timeout_s', sa.Integer(), nullable=True),
    sa.Column('max_attempts', sa.Integer(), nullable=True),
    sa.Column('max_crashes', sa.Integer(), nullable=True),
    sa.Column('backoff', taskyard.core.types.Json(), nullable=True),
    sa.Column('on_lost', sa.String(length=10), nullable=False),
    sa.Column('schema_version', sa.Integer(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('created_at', taskyard.core.types.Instant(timezone=True), nullable=False),
    sa.Column('updated_at', taskyard.core.types.Instant(timezone=True), nullable=False),
    sa.CheckConstraint("on_lost IN ('retry', 'hold', 'fail')", name=op.f('ck_command_on_lost')),
    sa.CheckConstraint("priority IN ('low', 'normal', 'high')", name=op.f('ck_command_priority')),
    sa.CheckConstraint('max_attempts > 0', name=op.f('ck_command_max_attempts')),
    sa.CheckConstraint('timeout_s > 0', name=op.f('ck_command_timeout_s')),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_command'))
    )
    op.create_table('command_schema',
    sa.Column('command', sa.String(length=100), nullable=False),
    sa.Column('version', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('payload_schema', taskyard.core.types.Json(), nullable=True),
    sa.Column('result_schema', taskyard.core.types.Json(), nullable=True),
    sa.Column('created_at', taskyard.core.types.Instant(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('command', 'version', name=op.f('pk_command_schema'))
    )
    op.create_table('idempotency',
    sa.Column('owner_id', taskyard.core.types.Id(length=36), nullable=False),
    sa.Column('key', sa.String(length=255), nullable=False),
    sa.Column('fingerprint', sa.String(length=64), nullable=False),
    sa.Column('status', sa.Integer(), nullable=False),
    sa.Column('headers', taskyard.core.types.Json(), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('created_at', taskyard.core.types.Instant(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('owner_id', 'key', name=op.f('pk_idempotency'))
    )
    with op.batch_alter_table('idempotency', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_idempotency_created_at'), ['created_at'], unique=False)

    op.create_table('lease',
    sa.Column('task_id', taskyard.core.types.Id(length=36), nullable=False),
    sa.Column('token', sa.String(length=43), nullable=False),
    sa.Column('attempt', sa.Integer(), nullable=False),
    sa.Column('queue', sa.String(length=100), nullable=False),
    sa.Column('lane', sa.SmallInteger(), nullable=False),
    sa.Column('worker', sa.String(length=200), nullable=False),
    sa.Column('holder_id', taskyard.core.types.Id(length=36), nullable=False),
    sa.Column('claim_id', sa.String(length=100), nullable=True),
    sa.Column('leased_at', taskyard.core.types.Instant(timezone=True), nullable=False),
    sa.Column('expires_at', taskyard.core.types.Instant(timezone=True), nullable=False),
    sa.Column('beat_at', taskyard.core.types.Instant(timezone=True), nullable=True),
    sa.Column('cancel_at', taskyard.core.types.Instant(timezone=True), nullable=True),
    sa.Column('progress', sa.SmallInteger(), nullable=True),
    sa.Column('note', sa.String(length=500), nullable=True),
    sa.Column('log', sa.Text(), server_default='', nullable=False),
    sa.PrimaryKeyConstraint('task_id', name=op.f('pk_lease'))
    )
    with op.batch_alter_table('lease', schema=None) as batch_op:
        batch_op.create_index('ix_lease_claim_id', ['claim_id', 'holder_id'], unique=False, sqlite_where=sa.text('claim_id IS NOT NULL'), postgresql_where=sa.text('claim_id IS NOT NULL'))
        batch_op.create_index(batch_op.f('ix_lease_expires_at'), ['expires_at'], unique=False)

    op.create_table('login_guard',
    sa.Column('name', sa.String(length=254), nullable=False),
    sa.Column('failures', sa.Integer(), nullable=False),
    sa.Column('failed_at', taskyard.core.types.Instant(timezone=True), nullable=False),
    sa.Column('locked_until', taskyard.core.types.Instant(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_login_guard'))
    )
    with op.batch_alter_table('login_guard', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_login_guard_failed_at'), ['failed_at'], unique=False)

    op.create_table('operation',
    sa.Column('id', taskyard.core.types.Id(length=36), nullable=False),
    sa.Column('owner_id', taskyard.core.types.Id(length=36), nullable=False),
    sa.Column('action', sa.String(length=10), nullable=False),
    sa.Column('filter', taskyard.core.types.Json(), nullable=False),
    sa.Column('arguments', taskyard.core.types.Json(), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('below_id', taskyard.core.types.Id(length=36), nullable=True),
    sa.Column('from_id', taskyard.core.types.Id(length=36), nullable=False),
    sa.Column('matched', sa.Integer(), nullable=False),
    sa.Column('changed', sa.Integer(), nullable=False),
    sa.Column('refused', sa.Integer(), nullable=False),
    sa.Column('faults', taskyard.core.types.Json(), nullable=False),
    sa.Column('created_at', taskyard.core.types.Instant(timezone=True), nullable=False),
    sa.Column('updated_at', taskyard.core.types.Instant(timezone=True), nullable=False),
    sa.Column('finished_at', taskyard.core.types.Instant(timezone=True), nullable=True),
    sa.CheckConstraint("action IN ('retry', 'cancel', 'delete', 'move')", name=op.f('ck_operation_action')),
    sa.CheckConstraint("state IN ('running', 'paused', 'done', 'cancelled')", name=op.f('ck_operation_state')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_operation'))
    )
    with op.batch_alter_table('operation', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_operation_owner_id'), ['owner_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_operation_state'), ['state'], unique=False)

    op.create_table('queue',
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.Column('paused_at', taskyard.core.types.Instant(timezone=True), nullable=True),
    sa.Column('closed_at', taskyard.core.types.Instant(timezone=True), nullable=True),
    sa.Column('version', sa.Integer(), server_default='1', nullable=False),
    sa.Column('created_at', taskyard.core.types.Instant(timezone=True), nullable=False),
    sa.Column('updated_at', taskyard.core.types.Instant(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_queue'))
    )
    op.create_table('ready',
    sa.Column('task_id', taskyard.core.types.Id(length=36), nullable=False),
    sa.Column('queue', sa.String(length=100), nullable=False),
    sa.Column('lane', sa.SmallInteger(), nullable=False),
    sa.Column('pass', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('seq', sa.BigInteger(), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('task_id', name=op.f('pk_ready'))
    )
    with op.batch_alter_table('ready', schema=None) as batch_op:
        batch_op.create_index('ix_ready_order', ['queue', 'lane', 'pass', 'seq'], unique=False)

    op.create_table('schedule',
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.Column('owner_id', taskyard.core.types.Id(length=36), nullable=False),
    sa.Column('description', sa.String(length=2000), nullable=False),
    sa.Column('cron', sa.String(length=200), nullable=False),
    sa.Column('time_zone', sa.String(length=100), nullable=False),
    sa.Column('task', taskyard.core.types.Json(), nullable=False),
    sa.Column('missed', sa.String(length=10), nullable=False),
    sa.Column('missed_limit', sa.Integer(), nullable=False),
    sa.Column('overlap', sa.String(length=10), nullable=False),
    sa.Column('jitter_s', sa.Integer(), nullable=False),
    sa.Column('paused_at', taskyard.core.types.Instant(timezone=True), nullable=True),
    sa.Column('pause_reason', sa.String(length=500), nullable=True),
    sa.Column('next_at', taskyard.core.types.Instant(timezone=True), nullable=True),
    sa.Column('waiting_at', taskyard.core.types.Instant(timezone=True), nullable=True),
    sa.Column('last_at', taskyard.core.types.Instant(timezone=True), nullable=True),
    sa.Column('last_task_id', taskyard.core.types.Id(length=36), nullable=True),
    sa.Column('last_error', sa.String(length=500), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('created_at', taskyard.core.types.Instant(timezone=True), nullable=False),
    sa.Column('updated_at', taskyard.core.types.Instant(timezone=True), nullable=False),
    sa.CheckConstraint("missed IN ('skip', 'once', 'all')", name=op.f('ck_schedule_missed')),
    sa.CheckConstraint("overlap IN ('allow', 'skip', 'queue')", name=op.f('ck_schedule_overlap')),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_schedule'))
    )
    with op.batch_alter_table('schedule', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_schedule_next_at'), ['next_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_schedule_owner_id'), ['owner_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_schedule_waiting_at'), ['waiting_at'], unique=False)

    op.create_table('scheduled',
    sa.Column('task_id', taskyard.core.types.Id(length=36), nullable=False),
    sa.Column('run_at', taskyard.core.types.Instant(timezone=True), nullable=False),
    sa.Column('queue', sa.String(length=100), nullable=False),
    sa.Column('lane', sa.SmallInteger(), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('task_id', name=op.f('pk_scheduled'))
    )
    with op.batch_alter_table('scheduled', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_scheduled_queue_run_at'), ['queue', 'run_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_scheduled_run_at'), ['run_at'], unique=False)

    op.create_table('task',
    sa.Column('id', taskyard.core.types.Id(length=36), nullable=False),
    sa.Column('owner_id', taskyard.core.types.Id(length=36), nullable=False),
    sa.Column('command', sa.String(length=100), nullable=False),
    sa.Column('command_version', sa.Integer(), nullable=True),
    sa.Column('queue', sa.String(length=100), nullable=False),
    sa.Column('lane', sa.SmallInteger(), nullable=False),
    sa.Column('payload', sa.Text(), nullable=False),
    sa.Column('tags', taskyard.core.types.Json(), nullable=False),
    sa.Column('created_at', taskyard.core.types.Instant(timezone=True), nullable=False),
    sa.Column('run_at', taskyard.core.types.Instant(timezone=True), nullable=False),
    sa.Column('expires_at', taskyard.core.types.Instant(timezone=True), nullable=True),
    sa.Column('timeout_s', sa.Integer(), nullable=False),
    sa.Column('max_attempts', sa.Integer(), nullable=False),
    sa.Column('backoff', taskyard.core.types.Json(), nullable=True),
    sa.Column('retry_until', taskyard.core.types.Instant(timezone=True), nullable=True),
    sa.Column('max_crashes', sa.Integer(), nullable=True),
    sa.Column('on_lost', sa.String(length=10), nullable=False),
    sa.Column('attempts', sa.Integer(), server_default='0', nullable=False),
    sa.Column('failures', sa.Integer(), server_default='0', nullable=False),
    sa.Column('crashes', sa.Integer(), server_default='0', nullable=False),
    sa.Column('outcome', sa.String(length=10), nullable=True),
    sa.Column('result', sa.Text(), nullable=True),
    sa.Column('error', sa.Text(), nullable=True),
    sa.Column('fingerprint', sa.String(length=16), nullable=True),
    sa.Column('unique_key', sa.String(length=200), nullable=True),
    sa.Column('schedule', sa.String(length=100), nullable=True),
    sa.Column('finished_at', taskyard.core.types.Instant(timezone=True), nullable=True),
    sa.CheckConstraint("on_lost IN ('retry', 'hold', 'fail')", name=op.f('ck_task_on_lost')),
    sa.CheckConstraint("outcome IN ('succeeded', 'failed', 'cancelled', 'expired', 'lost')", name=op.f('ck_task_outcome')),
    sa.CheckConstraint('(outcome IS NULL) = (finished_at IS NULL)', name=op.f('ck_task_finished_at')),
    sa.CheckConstraint('lane BETWEEN 0 AND 2', name=op.f('ck_task_lane')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_task'))
    )
    with op.batch_alter_table('task', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_task_command_id'), ['command', 'id'], unique=False)
        batch_op.create_index('ix_task_expires_at', ['expires_at'], unique=False, sqlite_where=sa.text('outcome IS NULL AND expires_at IS NOT NULL'), postgresql_where=sa.text('outcome IS NULL AND expires_at IS NOT NULL'))
        batch_op.create_index('ix_task_fingerprint', ['fingerprint', 'id'], unique=False, sqlite_where=sa.text('fingerprint IS NOT NULL'), postgresql_where=sa.text('fingerprint IS NOT NULL'))
        batch_op.create_index('ix_task_finished_at', ['outcome', 'finished_at'], unique=False, sqlite_where=sa.text('outcome IS NOT NULL'), postgresql_where=sa.text('outcome IS NOT NULL'))
        batch_op.create_index('ix_task_owner_id_fingerprint', ['owner_id', 'fingerprint', 'id'], unique=False, sqlite_where=sa.text('fingerprint IS NOT NULL'), postgresql_where=sa.text('fingerprint IS NOT NULL'))
        batch_op.create_index(batch_op.f('ix_task_outcome_id'), ['outcome', 'id'], unique=False)
        batch_op.create_index(batch_op.f('ix_task_owner_id_id'), ['owner_id', 'id'], unique=False)
        batch_op.create_index(batch_op.f('ix_task_queue_id'), ['queue', 'id'], unique=False)

    op.create_table('unique_key',
    sa.Column('owner_id', taskyard.core.types.Id(length=36), nullable=False),
    sa.Column('key', sa.String(length=200), nullable=False),
    sa.Column('task_id', taskyard.core.types.Id(length=36), nullable=False),
    sa.Column('statuses', taskyard.core.types.Json(), nullable=False),
    sa.Column('until', taskyard.core.types.Instant(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['task_id'], ['task.id'], name=op.f('fk_unique_key_task_id_task'), ondelete='CASCADE', initially='DEFERRED', deferrable=True),
    sa.PrimaryKeyConstraint('owner_id', 'key', name=op.f('pk_unique_key'))
    )
    with op.batch_alter_table('unique_key', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_unique_key_task_id'), ['task_id'], unique=False)

    op.create_table('user',
    sa.Column('id', taskyard.core.types.Id(length=36), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('username', sa.String(length=80), nullable=False),
    sa.Column('email', sa.String(length=254), nullable=False),
    sa.Column('email_key', sa.String(length=254), nullable=False),
    sa.Column('age', sa.Integer(), nullable=True),
    sa.Column('role', sa.String(length=20), nullable=False),
    sa.Column('password_hash', sa.String(length=200), nullable=True),
    sa.Column('tokens_since', taskyard.core.types.Instant(timezone=True), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('created_at', taskyard.core.types.Instant(timezone=True), nullable=False),
    sa.Column('updated_at', taskyard.core.types.Instant(timezone=True), nullable=False),
    sa.CheckConstraint("role IN ('user', 'moderator', 'admin')", name=op.f('ck_user_role')),
    sa.CheckConstraint('age BETWEEN 0 AND 150', name=op.f('ck_user_age')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_user')),
    sa.UniqueConstraint('email_key', name=op.f('uq_user_email_key')),
    sa.UniqueConstraint('username', name=op.f('uq_user_username'))
    )
    op.create_table('worker',
    sa.Column('holder_id', taskyard.core.types.Id(length=36), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('id', taskyard.core.types.Id(length=36), nullable=False),
    sa.Column('queues', taskyard.core.types.Json(), nullable=False),
    sa.Column('seen_at', taskyard.core.types.Instant(timezone=True), nullable=False),
    sa.Column('drain_at', taskyard.core.types.Instant(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('holder_id', 'name', name=op.f('pk_worker')),
    sa.UniqueConstraint('id', name=op.f('uq_worker_id'))
    )
    with op.batch_alter_table('worker', schema=None) as batch_op:
        batch_op.create_index('ix_worker_drain_at', ['drain_at'], unique=False, sqlite_where=sa.text('drain_at IS NOT NULL'), postgresql_where=sa.text('drain_at IS NOT NULL'))
        batch_op.create_index(batch_op.f('ix_worker_seen_at'), ['seen_at'], unique=False)

    op.create_table('attempt',
    sa.Column('task_id', taskyard.core.types.Id(length=36), nullable=False),
    sa.Column('number', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('worker', sa.String(length=200), nullable=False),
    sa.Column('started_at', taskyard.core.types.Instant(timezone=True), nullable=False),
    sa.Column('ended_at', taskyard.core.types.Instant(timezone=True), nullable=False),
    sa.Column('outcome', sa.String(length=10), nullable=False),
    sa.Column('error', sa.Text(), nullable=True),
    sa.Column('log', sa.Text(), server_default='', nullable=False),
    sa.CheckConstraint("outcome IN ('succeeded', 'failed', 'released', 'cancelled', 'lost')", name=op.f('ck_attempt_outcome')),
    sa.ForeignKeyConstraint(['task_id'], ['task.id'], name=op.f('fk_attempt_task_id_task'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('task_id', 'number', name=op.f('pk_attempt'))
    )
    op.create_table('key',
    sa.Column('id', taskyard.core.types.Id(length=36), nullable=False),
    sa.Column('user_id', taskyard.core.types.Id(length=36), nullable=False),
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.Column('hint', sa.String(length=20), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('scopes', taskyard.core.types.Json(), nullable=False),
    sa.Column('created_at', taskyard.core.types.Instant(timezone=True), nullable=False),
    sa.Column('expires_at', taskyard.core.types.Instant(timezone=True), nullable=True),
    sa.Column('last_used_at', taskyard.core.types.Instant(timezone=True), nullable=True),
    sa.Column('revoked_at', taskyard.core.types.Instant(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['user.id'], name=op.f('fk_key_user_id_user'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_key')),
    sa.UniqueConstraint('digest', name=op.f('uq_key_digest'))
    )
    with op.batch_alter_table('key', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_key_user_id'), ['user_id'], unique=False)

    op.create_table('refresh_token',
    sa.Column('id', taskyard.core.types.Id(length=36), nullable=False),
    sa.Column('user_id', taskyard.core.types.Id(length=36), nullable=False),
    sa.Column('family_id', taskyard.core.types.Id(length=36), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('scopes', taskyard.core.types.Json(), nullable=False),
    sa.Column('created_at', taskyard.core.types.Instant(timezone=True), nullable=False),
    sa.Column('expires_at', taskyard.core.types.Instant(timezone=True), nullable=False),
    sa.Column('used_at', taskyard.core.types.Instant(timezone=True), nullable=True),
    sa.Column('revoked_at', taskyard.core.types.Instant(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['user.id'], name=op.f('fk_refresh_token_user_id_user'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_refresh_token')),
    sa.UniqueConstraint('digest', name=op.f('uq_refresh_token_digest'))
    )
    with op.batch_alter_table('refresh_token', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_refresh_token_expires_at'), ['expires_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_refresh_token_family_id'), ['family_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_refresh_token_user_id'), ['user_id'], unique=False)

    op.create_table('schedule_run',
    sa.Column('schedule', sa.String(length=100), nullable=False),
    sa.Column('due_at', taskyard.core.types.Instant(timezone=True), nullable=False),
    sa.Column('task_id', taskyard.core.types.Id(length=36), nullable=True),
    sa.Column('reason', sa.String(length=500), nullable=True),
    sa.Column('created_at', taskyard.core.types.Instant(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['schedule'], ['schedule.name'], name=op.f('fk_schedule_run_schedule_schedule'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('schedule', 'due_at', name=op.f('pk_schedule_run'))
    )
    with op.batch_alter_table('schedule_run', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_schedule_run_created_at'), ['created_at'], unique=False)

    op.create_table('task_tag',
    sa.Column('tag', sa.String(length=100), nullable=False),
    sa.Column('task_id', taskyard.core.types.Id(length=36), nullable=False),
    sa.ForeignKeyConstraint(['task_id'], ['task.id'], name=op.f('fk_task_tag_task_id_task'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('tag', 'task_id', name=op.f('pk_task_tag'))
    )
    with op.batch_alter_table('task_tag', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_task_tag_task_id'), ['task_id'], unique=False)
    op.execute("INSERT INTO catalogue (id, revision) VALUES (1, 0)")


def downgrade() -> None:
    with op.batch_alter_table('task_tag', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_task_tag_task_id'))

    op.drop_table('task_tag')
    with op.batch_alter_table('schedule_run', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_schedule_run_created_at'))

    op.drop_table('schedule_run')
    with op.batch_alter_table('refresh_token', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_refresh_token_user_id'))
        batch_op.drop_index(batch_op.f('ix_refresh_token_family_id'))
        batch_op.drop_index(batch_op.f('ix_refresh_token_expires_at'))

    op.drop_table('refresh_token')
    with op.batch_alter_table('key', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_key_user_id'))

    op.drop_table('key')
    op.drop_table('attempt')
    with op.batch_alter_table('worker', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_worker_seen_at'))
        batch_op.drop_index('ix_worker_drain_at', sqlite_where=sa.text('drain_at IS NOT NULL'), postgresql_where=sa.text('drain_at IS NOT NULL'))

    op.drop_table('worker')
    op.drop_table('user')
    with op.batch_alter_table('unique_key', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_unique_key_task_id'))

    op.drop_table('unique_key')
    with op.batch_alter_table('task', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_task_queue_id'))
        batch_op.drop_index(batch_op.f('ix_task_owner_id_id'))
        batch_op.drop_index(batch_op.f('ix_task_outcome_id'))
        batch_op.drop_index('ix_task_owner_id_fingerprint', sqlite_where=sa.text('fingerprint IS NOT NULL'), postgresql_where=sa.text('fingerprint IS NOT NULL'))
        batch_op.drop_index('ix_task_finished_at', sqlite_where=sa.text('outcome IS NOT NULL'), postgresql_where=sa.text('outcome IS NOT NULL'))
        batch_op.drop_index('ix_task_fingerprint', sqlite_where=sa.text('fingerprint IS NOT NULL'), postgresql_where=sa.text('fingerprint IS NOT NULL'))
        batch_op.drop_index('ix_task_expires_at', sqlite_where=sa.text('outcome IS NULL AND expires_at IS NOT NULL'), postgresql_where=sa.text('outcome IS NULL AND expires_at IS NOT NULL'))
        batch_op.drop_index(batch_op.f('ix_task_command_id'))

    op.drop_table('task')
    with op.batch_alter_table('scheduled', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_scheduled_run_at'))
        batch_op.drop_index(batch_op.f('ix_scheduled_queue_run_at'))

    op.drop_table('scheduled')
    with op.batch_alter_table('schedule', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_schedule_waiting_at'))
        batch_op.drop_index(batch_op.f('ix_schedule_owner_id'))
        batch_op.drop_index(batch_op.f('ix_schedule_next_at'))

    op.drop_table('schedule')
    with op.batch_alter_table('ready', schema=None) as batch_op:
        batch_op.drop_index('ix_ready_order')

    op.drop_table('ready')
    op.drop_table('queue')
    with op.batch_alter_table('operation', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_operation_state'))
        batch_op.drop_index(batch_op.f('ix_operation_owner_id'))

    op.drop_table('operation')
    with op.batch_alter_table('login_guard', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_login_guard_failed_at'))

    op.drop_table('login_guard')
    with op.batch_alter_table('lease', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_lease_expires_at'))
        batch_op.drop_index('ix_lease_claim_id', sqlite_where=sa.text('claim_id IS NOT NULL'), postgresql_where=sa.text('claim_id IS NOT NULL'))

    op.drop_table('lease')
    with op.batch_alter_table('idempotency', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_idempotency_created_at'))

    op.drop_table('idempotency')
    op.drop_table('command_schema')
    op.drop_table('command')
    op.drop_table('catalogue')
