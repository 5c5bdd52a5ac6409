"""Unique keys of tables."""

from sqlalchemy import Column, Index, Integer, MetaData, String, Table, UniqueConstraint, text

from crudmq.resources.resource import unique_constraints, unique_keys

TABLE = Table(
    "things",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("code", String, unique=True),
    Column("left", Integer),
    Column("right", Integer),
    Column("state", String),
    UniqueConstraint("left", "right"),
)
Index("things_right", TABLE.c.right.desc(), unique=True)
Index("things_state", TABLE.c.state)
Index("things_new", TABLE.c.state, unique=True, postgresql_where=text("state = 'new'"))
Index("things_old", TABLE.c.left, unique=True, sqlite_where=text("state = 'old'"))
Index("things_sum", TABLE.c.left + TABLE.c.right, unique=True)


def test_unique_keys_are_those_that_cover_every_row() -> None:
    keys = {tuple(sorted(key)) for key in unique_keys(TABLE)}
    assert keys == {("id",), ("code",), ("left", "right"), ("right",)}


def test_a_duplicate_may_violate_partial_indexes_too() -> None:
    names = {constraint.name for constraint in unique_constraints(TABLE)[1:] if constraint.name}
    assert names == {"things_right", "things_new", "things_old", "things_sum"}
    assert unique_constraints(TABLE)[0] is TABLE.primary_key
