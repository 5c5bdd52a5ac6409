"""The prefix of the service to which each row belongs, and the tokens of outbox rows.

The rows that exist, and those that the previous version still writes, belong to the service that migrates.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import mysql

revision = "service_0003"
down_revision = "service_0002"
branch_labels = None
depends_on = None

INBOX, CRASHES, OUTBOX = "crudmq_inbox", "crudmq_strikes", "crudmq_outbox"


def upgrade() -> None:
    for table in (INBOX, CRASHES, OUTBOX):
        op.add_column(table, prefix())
    token = sa.Column("token", sa.BigInteger(), nullable=False, server_default="0", comment="random; an id may recur")
    op.add_column(OUTBOX, token)
    op.drop_index("ix_crudmq_inbox_stored_at", INBOX)
    for table in (INBOX, CRASHES):
        set_primary_key(table, ["id", "prefix"], [*columns(table), prefix()])
    op.create_index("ix_crudmq_inbox_prefix_stored_at", INBOX, ["prefix", "stored_at"])


def downgrade() -> None:
    op.drop_index("ix_crudmq_inbox_prefix_stored_at", INBOX)
    for table in (INBOX, CRASHES):
        delete_repeated_ids(table)
        set_primary_key(table, ["id"], [*columns(table), prefix()])
    op.create_index("ix_crudmq_inbox_stored_at", INBOX, ["stored_at"])
    # Not by copying: a copied table would assign the ids of deleted rows again.
    op.drop_column(OUTBOX, "token")
    for table in (INBOX, CRASHES, OUTBOX):
        op.drop_column(table, "prefix")


def prefix() -> sa.Column[str]:
    type_ = sa.String(50).with_variant(mysql.VARCHAR(50, charset="ascii", collation="ascii_bin"), "mysql", "mariadb")
    default = context.config.attributes.get("prefix", "crudmq")
    return sa.Column("prefix", type_, nullable=False, server_default=default)


def columns(table: str) -> list[sa.Column[Any]]:
    """Return the columns of a table whose primary key changes, as the revision before has them, for SQLite."""
    digest = sa.LargeBinary(16)
    if table == CRASHES:
        return [
            sa.Column("id", digest, nullable=False),
            sa.Column("number", sa.Integer(), nullable=False),
            sa.Column("noted_at", sa.BigInteger(), nullable=False),
        ]
    return [
        sa.Column("id", digest, nullable=False),
        sa.Column("body", digest, nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("outbox_id", sa.BigInteger()),
        sa.Column("stored_at", sa.BigInteger(), nullable=False),
    ]


def set_primary_key(table: str, key: Sequence[str], copied: Sequence[sa.Column[Any]]) -> None:
    if op.get_context().opts["render_as_batch"]:
        old, names = f"{table}_old", ", ".join(column.name for column in copied)
        op.rename_table(table, old)
        op.create_table(table, *copied, sa.PrimaryKeyConstraint(*key))
        op.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM {old}")  # noqa: S608 - constants
        op.drop_table(old)
        return
    # In one statement: some servers allow no table without a primary key, not even in between.
    name = sa.inspect(op.get_bind()).get_pk_constraint(table)["name"]
    dropped = f"CONSTRAINT {name}" if name else "PRIMARY KEY"
    op.execute(f"ALTER TABLE {table} DROP {dropped}, ADD PRIMARY KEY ({', '.join(key)})")


def delete_repeated_ids(table: str) -> None:
    """Keep one row per id."""
    repeated = f"SELECT id, MIN(prefix) AS kept FROM {table} GROUP BY id HAVING COUNT(*) > 1"  # noqa: S608 - constants
    is_repeated = f"repeated.id = {table}.id AND repeated.kept <> {table}.prefix"
    op.execute(f"DELETE FROM {table} WHERE EXISTS (SELECT 1 FROM ({repeated}) AS repeated WHERE {is_repeated})")  # noqa: S608
