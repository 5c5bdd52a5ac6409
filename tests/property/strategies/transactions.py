"""Transactions, with and without references to the results of their earlier commands."""

from typing import Any

from hypothesis import strategies as st

from tests.property.strategies import rows
from tests.property.strategies.commands import CALLS, SPOILED, VALID

Command = dict[str, Any]
_PLAIN = st.one_of(VALID, VALID, VALID, VALID, VALID, CALLS, SPOILED)


def _transaction(commands: list[Command]) -> Command:
    return {"action": "transaction", "commands": commands}


def _referring(thing: Command, part: Command, rest: list[Command], path: str) -> Command:
    create_thing = {"resource": "things", "action": "create", "as": "it", "data": thing}
    create_part = {"resource": "parts", "action": "create", "data": {**part, "thing_id": {"$ref": path}}}
    update_thing = {
        "resource": "things",
        "action": "update",
        "key": {"$ref": "it.id"},
        "data": {"note": {"$ref": "it.name"}},
    }
    get_thing = {"resource": "things", "action": "get", "where": {"id": {"in": [{"$ref": "it.id"}]}}}
    return _transaction([create_thing, *rest, create_part, update_thing, get_thing][:5])


TRANSACTIONS: st.SearchStrategy[Command] = st.one_of(
    st.lists(_PLAIN, min_size=1, max_size=4).map(_transaction),
    st.lists(_PLAIN, min_size=1, max_size=4).map(_transaction),
    st.builds(
        _referring,
        rows.new_rows("things"),
        rows.new_rows("parts"),
        st.lists(VALID, max_size=1),
        st.sampled_from(["it.id"] * 6 + ["it.nosuch", "that.id", "it", "it.name"]),
    ),
    st.sampled_from(
        [
            _transaction([]),
            _transaction([1]),  # type: ignore[list-item]
            _transaction([{"action": "transaction", "commands": []}]),
            _transaction([{"resource": "things", "action": "list", "dry_run": True}]),
            _transaction([{"resource": "things", "action": "list", "as": name} for name in ("a", "a")]),
            _transaction([{"resource": "things", "action": "list", "as": 1}]),
            {"action": "transaction", "commands": {}},
            {"action": "transaction", "resource": "things", "commands": []},
        ]
    ),
)
