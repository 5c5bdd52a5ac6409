"""Cursors: only one that the service wrote for the same query is a position."""

import base64
import json

import pytest

from crudmq.contract.errors import Invalid
from crudmq.execution.query import order
from crudmq.execution.query.order import Cursors
from crudmq.resources.registry import load

PEOPLE = load("crudmq.examples.models").get("people")
assert PEOPLE is not None
ORDER = order.parse(PEOPLE, ["-name"])
QUERY: list[object] = ["people", ["-name"], {"age": {"gt": 1}}]
TOM = {"id": 7, "name": "Tom"}
FORGED: tuple[object, ...] = (
    5,
    None,
    True,
    "text",
    {},
    {"0": 1},
    [],
    [1],
    ["Tom"],
    ["Tom", 7, 8],
    [None, None],
    [[], {}],
    [7, "Tom"],
)


def test_a_cursor_gives_back_the_values_of_its_row() -> None:
    cursors = Cursors()
    assert cursors.read(cursors.write(QUERY, ORDER, TOM), QUERY, ORDER) == ["Tom", 7]


def test_processes_that_share_a_secret_read_the_cursors_of_one_another() -> None:
    one, other = Cursors(), Cursors()
    for each in (one, other):
        each.share(b"0123456789abcdef")
    assert other.read(one.write(QUERY, ORDER, TOM), QUERY, ORDER) == ["Tom", 7]


@pytest.mark.parametrize("other", [["users", ["-name"], {"age": {"gt": 1}}], ["people", ["-name"], {"age": "\ud800"}]])
def test_a_cursor_is_not_valid_for_another_query(other: object) -> None:
    cursors = Cursors()
    with pytest.raises(Invalid):
        cursors.read(cursors.write(QUERY, ORDER, TOM), other, ORDER)


def test_a_cursor_of_another_secret_is_not_valid() -> None:
    with pytest.raises(Invalid):
        Cursors().read(Cursors().write(QUERY, ORDER, TOM), QUERY, ORDER)


@pytest.mark.parametrize("values", FORGED, ids=json.dumps)
def test_a_cursor_with_other_values_is_not_valid(values: object) -> None:
    cursors = Cursors()
    signature = base64.urlsafe_b64decode(cursors.write(QUERY, ORDER, TOM))[:16]
    with pytest.raises(Invalid):
        cursors.read(base64.urlsafe_b64encode(signature + json.dumps(values).encode()).decode(), QUERY, ORDER)


@pytest.mark.parametrize("text", ["", "F-WWxp5rxBI1", "=", "é", "\ud800", "A" * 100_000])
def test_any_other_text_is_not_a_cursor(text: str) -> None:
    with pytest.raises(Invalid):
        Cursors().read(text, QUERY, ORDER)
