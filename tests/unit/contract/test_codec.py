"""Strict JSON."""

import contextlib
import json
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crudmq.contract import codec
from crudmq.contract.errors import LimitExceeded, Malformed

MAX = 1000
# Slow machines are not a fault of the code.
_patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@_patient
@given(st.dictionaries(st.text(), values, max_size=5))
def test_decoding_reverses_encoding(value: dict[str, object]) -> None:
    assert codec.decode(codec.encode(value), max_bytes=10**6) == value


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{name: 1}",
        b"[]",
        b'"text"',
        b"null",
        b'{"a": 1, "a": 2}',
        b'{"a": {"b": 1, "b": 1}}',
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": -Infinity}',
        b'{"a": 1e999}',
        b'{"a": 1} trailing',
        b'{"a": "\xff"}',
        b'\xef\xbb\xbf{"a": 1}',
        '{"a": 1}'.encode("utf-16"),
        b'{"a": "\x01"}',
        b'{"a": 01}',
    ],
)
def test_a_body_that_is_not_a_strict_json_object_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        codec.decode(body, max_bytes=10**6)


@pytest.mark.parametrize(
    "number",
    [
        "1" + "0" * 309,
        "-1" + "0" * 309,
        "2" + "0" * 308,
        "9" * 309,
        "1" + "0" * 400,
        "1" * 4000,
        "-" + "1" * 5000,
        "1" * 1_000_000,
        "0." + "1" * 5000,
        "0." + "0" * 999,
        "1" * 400 + ".5",
        "1e309",
        "1e" + "9" * 5000,
        "1e-" + "0" * 999,
    ],
    ids=lambda number: f"{number[:6]}x{len(number)}",
)
def test_a_number_beyond_a_double_or_too_long_is_malformed(number: str) -> None:
    with pytest.raises(Malformed, match="a number"):
        codec.decode(f'{{"a": [{{"b": {number}}}]}}'.encode(), max_bytes=2 * 10**6)


@pytest.mark.parametrize(
    ("number", "value"),
    [
        ("1" + "0" * 308, 10**308),
        ("-1" + "0" * 308, -(10**308)),
        ("0." + "1" * 998, float("0." + "1" * 998)),
        ("1e308", 1e308),
        ("1e-400", 0.0),
        ("-0", 0),
    ],
    ids=lambda number: f"{str(number)[:6]}x{len(str(number))}",
)
def test_a_number_up_to_the_limits_of_a_double_is_exact(number: str, value: float) -> None:
    assert codec.decode(f'{{"a": {number}}}'.encode(), max_bytes=2000) == {"a": value}


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("neighbour", [1, 2**70])
def test_nan_and_infinity_are_encoded_as_null(number: float, neighbour: int) -> None:
    body = codec.encode({"a": [number, {"b": (number,)}], "c": neighbour})
    assert codec.decode(body, max_bytes=MAX) == {"a": [None, {"b": [None]}], "c": neighbour}


@pytest.mark.parametrize("depth", [33, 1000, 100_000])
def test_a_body_nested_too_deep_exceeds_a_limit(depth: int) -> None:
    body = b'{"a": ' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"
    with pytest.raises(LimitExceeded):
        codec.decode(body, max_bytes=10**6)


def test_a_body_may_have_thirty_two_levels() -> None:
    body = b'{"a": ' + b"[" * 31 + b"]" * 31 + b"}"
    assert codec.decode(body, max_bytes=MAX)


def test_a_body_may_have_the_largest_size_but_not_a_byte_more() -> None:
    body = json.dumps({"a": "x" * (MAX - 9)}).encode()
    assert len(body) == MAX
    assert codec.decode(body, max_bytes=MAX)
    with pytest.raises(LimitExceeded):
        codec.decode(body + b" ", max_bytes=MAX)


def test_integers_of_any_size_stay_exact() -> None:
    assert codec.decode(codec.encode({"a": 10**30}), max_bytes=MAX) == {"a": 10**30}


@_patient
@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_a_command_error(body: bytes) -> None:
    with contextlib.suppress(Malformed, LimitExceeded):
        codec.decode(body, max_bytes=MAX)
