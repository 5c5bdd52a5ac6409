"""The inbox and the outbox."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "service_0001"
down_revision = None
branch_labels = ("service",)
depends_on = None

LONG_TEXT = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
DIGEST = sa.LargeBinary(16).with_variant(mysql.BINARY(16), "mysql", "mariadb")
CHARSET: dict[str, Any] = {"mysql_charset": "utf8mb4", "mariadb_charset": "utf8mb4"}
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "crudmq_inbox",
        sa.Column("id", DIGEST, primary_key=True, comment="digest of the message_id"),
        sa.Column("body", DIGEST, nullable=False, comment="digest of the body"),
        sa.Column("result", LONG_TEXT, nullable=False, comment="the encoded result, returned to repeats"),
        sa.Column(
            "outbox_id",
            sa.BigInteger(),
            comment="the outbox row of its messages, until they are published",
        ),
        sa.Column("stored_at", sa.BigInteger(), nullable=False),
        **CHARSET,
    )
    op.create_index("ix_crudmq_inbox_stored_at", "crudmq_inbox", ["stored_at"])
    op.create_table(
        "crudmq_outbox",
        sa.Column("id", SERIAL, primary_key=True, autoincrement=True),
        sa.Column("messages", LONG_TEXT, nullable=False, comment="all messages of a group, in order, as JSON"),
        sa.Column(
            "leased_until",
            sa.BigInteger(),
            nullable=False,
            comment="until then, only its writer publishes it",
        ),
        sqlite_autoincrement=True,
        **CHARSET,
    )


def downgrade() -> None:
    op.drop_table("crudmq_outbox")
    op.drop_table("crudmq_inbox")
