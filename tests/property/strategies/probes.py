"""Commands for rare cases: unknown values in related rows, pages with nulls, write-once fields."""

from typing import Any

from hypothesis import strategies as st

from tests.property.reference.schema import RESOURCES
from tests.property.strategies.questions import conditions
from tests.property.strategies.values import good

Command = dict[str, Any]
Commands = st.SearchStrategy[Command]


def _nullable(resource: str) -> list[str]:
    """Return the nullable fields that all databases sort alike."""
    return [
        name
        for name, field in RESOURCES[resource].fields.items()
        if field.null and not field.hidden and field.value_type.sortable and "gt" in field.value_type.operators
    ]


def _related(resource: str, name: str) -> Commands:
    target = RESOURCES[resource].relationships[name].target
    unknown = [condition for condition in conditions(target) if next(iter(condition)) in _nullable(target)]
    where = st.builds(
        lambda quantifier, inner, negated: _negated({name: {quantifier: inner}}, negated=negated),
        st.sampled_from(["every", "every", "none", "any"]),
        st.one_of(st.sampled_from(unknown), st.sampled_from(unknown).map(lambda condition: {"not": condition})),
        st.booleans(),
    )
    action = st.sampled_from(["list", "count"])
    return st.fixed_dictionaries({"resource": st.just(resource), "action": action, "where": where})


def _negated(where: Command, *, negated: bool) -> Command:
    return {"not": where} if negated else where


QUANTIFIED: Commands = st.sampled_from(
    [("things", "parts"), ("things", "parts"), ("tags", "things"), ("pairs", "cards"), ("nodes", "children")]
).flatmap(lambda drawn: _related(*drawn))
"""Filter rows by related rows, for some of which the condition is unknown."""


def _page(resource: str) -> Commands:
    names = _nullable(resource)
    terms = st.sampled_from([*names, *(f"-{name}" for name in names)])
    order = st.lists(terms, min_size=1, max_size=2, unique_by=lambda term: term.removeprefix("-"))
    head = {"resource": st.just(resource), "action": st.just("list"), "order": order}
    return st.fixed_dictionaries({**head, "limit": st.integers(1, 2)})


FIRST_PAGES: Commands = st.sampled_from(["things", "things", "parts", "words", "pairs", "nodes", "cards"]).flatmap(
    _page
)
"""Read the first of several pages, in an order with nulls."""

_WRITE_ONCE = {"name": st.just("tom"), "origin": st.sampled_from([*good("origin"), None])}
_BY_KEY = st.fixed_dictionaries({**_WRITE_ONCE, "id": st.sampled_from([1, 2, 3])})
_BY_CODE = st.fixed_dictionaries({**_WRITE_ONCE, "code": st.sampled_from(["a", "b", "c"])})


def _upsert(data: st.SearchStrategy[Any], **rest: Any) -> Commands:  # noqa: ANN401 - JSON
    head = {"resource": "things", "action": "upsert", **rest}
    return st.one_of(data, st.lists(data, min_size=1, max_size=3)).map(lambda rows: {**head, "data": rows})


WRITTEN_ONCE: Commands = st.one_of(_upsert(_BY_KEY), _upsert(_BY_CODE, on=["code"]))
"""Write write-once fields again."""
