"""Commands that exceed a limit."""

from typing import Any

from hypothesis import strategies as st

from tests.property.reference.limits import LIMITS

Command = dict[str, Any]


def _nested(depth: int) -> dict[str, Any]:
    return {"not": _nested(depth - 1)} if depth else {"id": 1}


def _list(**fields: Any) -> Command:  # noqa: ANN401 - JSON
    return {"resource": "things", "action": "list", **fields}


_WORDS = [{"id": number, "word": str(number)} for number in range(1, LIMITS.rows + 2)]
OVER_LIMITS: st.SearchStrategy[Command] = st.sampled_from(
    [
        _list(limit=LIMITS.page + 1),
        _list(where=_nested(LIMITS.where_depth + 1)),
        _list(where={"or": [{"id": number} for number in range(LIMITS.conditions + 1)]}),
        _list(where={"id": {"in": list(range(LIMITS.values + 1))}}),
        _list(include=["parts.thing.parts.thing"]),
        _list(include={"parts": {"limit": LIMITS.page + 1}}),
        {"resource": "words", "action": "create", "data": _WORDS},
        {"resource": "words", "action": "upsert", "data": _WORDS},
        {"resource": "words", "action": "update", "data": [{"key": row["id"], "data": {"size": 1}} for row in _WORDS]},
        {"resource": "words", "action": "update", "where": {}, "max_rows": LIMITS.rows + 1, "data": {"size": 1}},
        {"resource": "words", "action": "delete", "where": {}, "max_rows": LIMITS.rows + 1},
        {"action": "transaction", "commands": [_list()] * (LIMITS.commands + 1)},
    ]
)
