"""The first commands of sequences: rows that later commands usually find."""

from typing import Any

from hypothesis import strategies as st

from tests.property.reference.schema import RESOURCES
from tests.property.strategies.rows import pairs
from tests.property.strategies.values import good

Command = dict[str, Any]
MAX_SEEDS = 7
"""The largest number of seed commands of a sequence."""
_CONSTRAINED = frozenset({"id", "name", "code", "left", "right", "amount"})
_OPEN = [
    name
    for name, field in RESOURCES["things"].fields.items()
    if field.null and not field.read_only and name not in _CONSTRAINED
]


def _create(resource: str, *rows: Command) -> Command:
    return {"resource": resource, "action": "create", "data": list(rows)}


def _full(index: int) -> Command:
    """Return most fields of a row one of their common values."""
    return {
        name: good(name)[(index + position) % len(good(name))]
        for position, name in enumerate(_OPEN)
        if position % 4 != index
    }


_FULL: list[Command] = [{}, _full(0), _full(1), _full(2)]


def _thing(number: int, base: Command, given: list[tuple[str, Any]]) -> Command:
    free = {name: value for name, value in given if name not in _CONSTRAINED}
    own = {"id": number, "name": "tom", "code": "abc"[number - 1], "left": 1, "right": "xyz"[number - 1]}
    return {**base, **free, **own}


_ROW = st.tuples(st.sampled_from(_FULL), st.lists(pairs("things"), max_size=5))
_THINGS = st.lists(_ROW, min_size=2, max_size=3).map(
    lambda rows: _create("things", *(_thing(number, *row) for number, row in enumerate(rows, 1)))
)
_REST = [
    _create("tags", {"id": 1, "name": "a", "things": {"add": [1, 2]}}, {"id": 2, "name": "b", "things": {"add": [1]}}),
    _create("pairs", {"number": 1, "letter": "a", "value": 1}, {"number": 2, "letter": "b", "label": "a"}),
    _create(
        "nodes", {"id": 1, "name": "a"}, {"id": 2, "name": "b", "parent_id": 1}, {"id": 3, "name": "a", "parent_id": 1}
    ),
    _create("words", {"id": 1, "word": "a", "size": 1}, {"id": 2, "word": "b"}, {"id": 3, "word": "é", "size": 2}),
    _create(
        "parts",
        {"id": 1, "thing_id": 1, "label": "a"},
        {"id": 2, "thing_id": 1, "label": "b", "size": 2},
        {"id": 3, "thing_id": 2, "label": "a", "size": 1},
        {"thing_id": 1, "label": "c", "size": 2},
    ),
    _create(
        "cards", {"id": 1, "thing_id": 1, "pair_number": 1, "pair_letter": "a"}, {"id": 2, "thing_id": 2, "text": "a"}
    ),
]
SEEDS: st.SearchStrategy[list[Command]] = st.builds(
    lambda things, chosen: [things, *(_REST[index] for index in sorted(chosen))],
    _THINGS,
    st.lists(st.sampled_from(range(len(_REST))), unique=True, min_size=3),
)
