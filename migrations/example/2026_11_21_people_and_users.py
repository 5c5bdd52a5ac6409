"""The example's tables."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "example_0001"
down_revision = None
branch_labels = ("example",)
depends_on = None

# The same as in the models.
BY_BYTES: dict[str, Any] = {
    "mysql_charset": "utf8mb4",
    "mysql_collate": "/*M! utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */",
    "mariadb_charset": "utf8mb4",
    "mariadb_collate": "utf8mb4_nopad_bin",
}


def upgrade() -> None:
    op.create_table(
        "people",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("age", sa.Integer()),
        sa.Column("version", sa.Integer(), nullable=False),
        **BY_BYTES,
    )
    op.create_table(
        "profiles",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("person_id", sa.Integer(), sa.ForeignKey("people.id"), nullable=False, unique=True),
        sa.Column("bio", sa.String(1000)),
        **BY_BYTES,
    )
    op.create_table(
        "emails",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("person_id", sa.Integer(), sa.ForeignKey("people.id"), nullable=False),
        sa.Column("address", sa.String(200), nullable=False),
        sa.UniqueConstraint("address", name="uq_emails_address"),
        **BY_BYTES,
    )
    op.create_index("ix_emails_person_id", "emails", ["person_id"])
    op.create_table(
        "groups",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("name", sa.String(100), nullable=False, unique=True),
        **BY_BYTES,
    )
    op.create_table(
        "memberships",
        sa.Column("person_id", sa.Integer(), sa.ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("group_id", sa.Integer(), sa.ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True),
        **BY_BYTES,
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("email", sa.String(200), primary_key=True),
        sa.Column("login", sa.String(50), nullable=False, unique=True),
        sa.Column("password_hash", sa.String(200)),
        **BY_BYTES,
    )


def downgrade() -> None:
    for table in ("users", "memberships", "groups", "emails", "profiles", "people"):
        op.drop_table(table)
