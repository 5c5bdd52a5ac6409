"""Strict JSON."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.contract import codec
from service.contract.errors import LimitExceeded, Malformed

MAX = 1000

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), values, max_size=5))
def test_what_is_encoded_is_decoded_to_the_same(value: dict[str, object]) -> None:
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
        b'{"a": ' + b"1" * 5000 + b"}",
        b'{"a": "\x01"}',
        b'{"a": 01}',
    ],
)
def test_what_is_no_strict_json_object_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        codec.decode(body, max_bytes=10**6)


@pytest.mark.parametrize("depth", [33, 1000, 100_000])
def test_what_is_nested_too_deep_is_over_a_limit(depth: int) -> None:
    body = b'{"a": ' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"
    with pytest.raises(LimitExceeded):
        codec.decode(body, max_bytes=10**6)


def test_thirty_two_levels_are_not_too_deep() -> None:
    body = b'{"a": ' + b"[" * 31 + b"]" * 31 + b"}"
    assert codec.decode(body, max_bytes=MAX)


def test_a_body_may_have_the_limit_and_not_a_byte_more() -> None:
    body = json.dumps({"a": "x" * (MAX - 9)}).encode()
    assert len(body) == MAX
    assert codec.decode(body, max_bytes=MAX)
    with pytest.raises(LimitExceeded):
        codec.decode(body + b" ", max_bytes=MAX)


def test_integers_of_any_size_stay_exact() -> None:
    assert codec.decode(codec.encode({"a": 10**30}), max_bytes=MAX) == {"a": 10**30}


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_a_command_error(body: bytes) -> None:
    with contextlib.suppress(Malformed, LimitExceeded):
        codec.decode(body, max_bytes=MAX)
