"""The secret of each service, which signs its cursors. The previous version needs none."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "service_0004"
down_revision = "service_0003"
branch_labels = None
depends_on = None

PREFIX = sa.String(50).with_variant(mysql.VARCHAR(50, charset="ascii", collation="ascii_bin"), "mysql", "mariadb")
SECRET = sa.LargeBinary(16).with_variant(mysql.BINARY(16), "mysql", "mariadb")
CHARSET: dict[str, Any] = {"mysql_charset": "utf8mb4", "mariadb_charset": "utf8mb4"}


def upgrade() -> None:
    op.create_table(
        "crudmq_secrets",
        sa.Column("prefix", PREFIX, primary_key=True, server_default="crudmq"),
        sa.Column("secret", SECRET, nullable=False, comment="random; signs cursors"),
        **CHARSET,
    )


def downgrade() -> None:
    op.drop_table("crudmq_secrets")
