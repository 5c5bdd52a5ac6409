"""Compress the messages of the outbox with LZ4, if PostgreSQL supports it: it takes a third of the time."""

import sqlalchemy as sa
from alembic import op

revision = "service_0005"
down_revision = "service_0004"
branch_labels = None
depends_on = None

# PostgreSQL 14 and later, unless it was built without LZ4.
HAS_LZ4 = sa.text("SELECT 'lz4' = ANY (enumvals) FROM pg_settings WHERE name = 'default_toast_compression'")


def upgrade() -> None:
    set_compression("lz4")


def downgrade() -> None:
    set_compression("default")


def set_compression(method: str) -> None:
    """Set how new rows are compressed."""
    connection = op.get_bind()
    if connection.dialect.name == "postgresql" and connection.scalar(HAS_LZ4):
        op.execute(f"ALTER TABLE crudmq_outbox ALTER COLUMN messages SET COMPRESSION {method}")
