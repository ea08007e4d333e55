"""Attempts stand alone"""

from alembic import op

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None

NAME = 'fk_attempt_task_id_task'


def upgrade() -> None:
    with op.batch_alter_table('attempt') as table:
        table.drop_constraint(NAME, type_='foreignkey')


def downgrade() -> None:
    with op.batch_alter_table('attempt') as table:
        table.create_foreign_key(NAME, 'task', ['task_id'], ['id'], ondelete='CASCADE')
