"""Values of every type: a few that often collide, some drawn freely, and some invalid."""

import base64
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from tests.property.reference.schema import RESOURCES

Json = Any

_TOKEN = "6f0e2c1a-7d7b-4b7e-9a51-0c9f5a3e1b2d"
_TEXTS: list[Json] = ["a", "b", "A", "", "a%", "a_b", "é", "'; --", 'q"`\\']
_GOOD: dict[str, list[Json]] = {
    "id": [1, 2, 3],
    "name": ["tom", "ann", "Tom"],
    "small": [0, 1, -32768, 32767],
    "whole": [0, 1, 2, -(2**31), 2**31 - 1],
    "big": [0, 2**53 + 1, -(2**63), 2**63 - 1],
    "price": ["0.10", "9.99", 5, "-12345678.9", "1e2", "99999999.99", "0", "-0.00"],
    "ratio": [0.5, -2.25, 1024, 0.0, -0.0, 5],
    "flag": [True, False],
    "code": ["a", "b", "A", "é"],
    "note": [*_TEXTS, "line\nline", "tab\t", "日本語", "😀", " padded "],
    "blob": ["", "AAEC", "/w=="],
    "day": ["2026-01-31", "2024-02-29", "1999-12-31"],
    "hour": ["00:00:00", "12:30:00", "23:59:59.999999"],
    "moment": ["2026-01-01T00:00:00Z", "2026-01-01T02:00:00+02:00", "2026-01-01 00:00:00.5Z"],
    "local": ["2026-01-01T00:00:00Z", "2025-12-31T23:00:00-01:00", "2024-02-29t12:00:00z"],
    "span": [0, 60, 3600, -60, 86400],
    "token": [_TOKEN, _TOKEN.upper(), "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-4fff-bfff-ffffffffffff"],
    "mood": ["GLAD", "MEEK", "SAD"],
    "extra": [1, True, 0, False, "x", [], {"a": 1, "b": [None]}, {"b": [None], "a": 1}, [2**70], 1.5],
    "left": [1, 2],
    "right": ["x", "y"],
    "amount": [0, 1, 5, -1],
    "state": ["new", "old"],
    "rank": [7, 8],
    "grade": ["GLAD", "MEEK", "SAD"],
    "ready": [True, False],
    "seen": ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00+01:00", "2027-01-01T00:00:00.25Z"],
    "fee": ["1", "0.50", 3],
    "secret": ["hush", "hist"],
    "origin": ["here", "there"],
    "thing_id": [1, 2, 3],
    "label": ["a", "b", "c"],
    "size": [1, 2, 3],
    "number": [1, 2],
    "letter": ["a", "b", "/"],
    "value": [1, 2, 3],
    "pair_number": [1, 2],
    "pair_letter": ["a", "b"],
    "text": _TEXTS,
    "parent_id": [1, 2, 3],
    "word": ["a", "b", "A", "é"],
}
OFTEN = frozenset({"code", "left", "right", "amount", "origin", "secret", "extra"})
_LONG = "x" * 21
_WRONG_TEXT: list[Json] = [1, True, ["a"], {}, "a\0b", "\ud800"]
_WRONG_WHOLE: list[Json] = ["1", 1.5, 1.0, True, [], 2**31, -(2**40)]
_WRONG_MOMENT: list[Json] = ["2026-01-01T00:00:00", "2026-13-01T00:00:00Z", 0, "now", "20260101T000000Z", True]
_WRONG_MOMENT += ["2026-01-01T00:00Z", "2026-01-01T00:00:00,5Z", "2026-01-01T00:00:00+0100", "2026-W01-1T00:00:00Z"]
_WRONG_MOMENT += ["2026-01-01T00:00:00+01:00:30", "2026-01-01T00:00:00+01", "2026-01-01x00:00:00Z"]
_WRONG: dict[str, list[Json]] = {
    "small": [2**15, "1", 1.5, True],
    "big": [2**63, "1", 0.5, False],
    "price": ["1.005", "100000000", 1.5, "NaN", "1e1000000000", "1_0", " 1", "", "x", True],
    "ratio": ["1.5", True, []],
    "flag": [0, 1, "true", "f"],
    "blob": ["A", "A===", 1, "é", "AA EC"],
    "day": ["2026-W01-1", "0000-01-01", "2026-02-30", "20260101", "2026-01-01T00:00:00Z", 5, ""],
    "hour": ["12:30:00,5", "24:00:00", "12:30:00+01:00", "24:00:01", "12:30", "12:30:00Z", 5, "123000"],
    "moment": _WRONG_MOMENT,
    "local": _WRONG_MOMENT,
    "span": ["60", True, 10**30, {}],
    "token": ["x", _TOKEN.replace("-", ""), f"{{{_TOKEN}}}", f"{_TOKEN.replace('-', '')}----", 7],
    "mood": ["glad", "g", "", 1],
    "grade": ["glad", "g", "", 1],
    "ready": [0, 1, "true"],
    "seen": _WRONG_MOMENT,
    "fee": ["1.005", "NaN", True],
    "extra": ["a\0b", ["\ud800"], {"\0": 1}],
}
_EXACT = st.floats(width=32, allow_nan=False, allow_infinity=False, min_value=-1e6, max_value=1e6).filter(
    lambda value: value == 0.0 or abs(value) > 1e-6
)
_LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
_FREE: dict[str, st.SearchStrategy[Json]] = {
    "note": st.text(_LETTERS, max_size=8),
    "name": st.text(_LETTERS, max_size=20),
    "big": st.integers(-(2**63), 2**63 - 1),
    "whole": st.integers(-(2**31), 2**31 - 1),
    "price": st.decimals(-(10**8) + 1, 10**8 - 1, places=2).map(str),
    "ratio": _EXACT.map(lambda value: value + 0.0),
    "blob": st.binary(max_size=6).map(lambda value: base64.b64encode(value).decode()),
    "day": st.dates().filter(lambda day: day.year >= 1000).map(lambda day: day.isoformat()),
    "hour": st.times().map(lambda hour: hour.replace(tzinfo=None).isoformat()),
    "moment": st.datetimes().filter(lambda at: 1000 < at.year < 9999).map(lambda at: f"{at.isoformat()}+01:00"),
    "span": st.integers(-(10**8), 10**8),
    "token": st.uuids(version=4).map(str),
    "extra": st.recursive(
        st.none() | st.booleans() | st.integers(-9, 9) | st.text(_LETTERS, max_size=3),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(_LETTERS, max_size=3), inner, max_size=2),
        max_leaves=4,
    ),
}  # fmt: skip


def good(name: str) -> list[Json]:
    """Return valid values of a field."""
    return _GOOD[name]


def wrong(resource: str, name: str) -> list[Json]:
    """Return invalid values of a field."""
    field = RESOURCES[resource].fields[name]
    python_type = type(_GOOD.get(name, [0])[0])
    values = _WRONG.get(name) or ([*_WRONG_TEXT, _LONG] if python_type is str else _WRONG_WHOLE)
    values = [value for value in values if value != _LONG or name not in ("note", "text")]
    return values if field.null else [*values, None]


def good_pairs(resource: str) -> Iterator[tuple[str, Json]]:
    """Return optional fields with their values."""
    for name, field in RESOURCES[resource].fields.items():
        if not field.read_only and name in _GOOD and name not in RESOURCES[resource].key:
            for value in _GOOD[name] + ([None] if field.null else []):
                yield name, value


def wrong_pairs(resource: str) -> Iterator[tuple[str, Json]]:
    """Return fields with invalid values."""
    yield from (("nosuch", 1), ("", None), ("a.b", "x"))
    for name, field in RESOURCES[resource].fields.items():
        for value in [1] if field.read_only else wrong(resource, name):
            yield name, value


def free_pairs(resource: str) -> st.SearchStrategy[tuple[str, Json]]:
    """Draw a field of a type with many values, and a value."""
    names = [name for name in _FREE if name in RESOURCES[resource].fields] if resource == "things" else []
    return st.one_of([st.tuples(st.just(name), _FREE[name]) for name in names])
