"""The crash counts of commands."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "service_0002"
down_revision = "service_0001"
branch_labels = None
depends_on = None

DIGEST = sa.LargeBinary(16).with_variant(mysql.BINARY(16), "mysql", "mariadb")
CHARSET: dict[str, Any] = {"mysql_charset": "utf8mb4", "mariadb_charset": "utf8mb4"}


def upgrade() -> None:
    op.create_table(
        "crudmq_strikes",
        sa.Column("id", DIGEST, primary_key=True, comment="digest of the message_id"),
        sa.Column("number", sa.Integer(), nullable=False, comment="number of crashes while the command ran"),
        sa.Column("noted_at", sa.BigInteger(), nullable=False),
        **CHARSET,
    )


def downgrade() -> None:
    op.drop_table("crudmq_strikes")
