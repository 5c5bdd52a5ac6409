"""Decode strict JSON and encode compact JSON."""

import json
import math
from typing import Any, NoReturn

import orjson

from crudmq.contract.errors import LimitExceeded, Malformed

MAX_DEPTH = 32
MAX_NUMBER = 1000
"""In characters. The conversion of longer numbers takes a time that grows with the square of their length."""
_SURELY_FINITE = 300


def decode(body: bytes, *, max_bytes: int) -> dict[str, Any]:
    """Return the JSON object in a body.

    :raises Malformed: the body is not UTF-8, not JSON, not an object, or has a duplicate key, NaN, Infinity, or a
        number that overflows a double or has more than 1000 characters
    :raises LimitExceeded: the body exceeds `max_bytes` or 32 levels of nesting
    """
    if len(body) > max_bytes:
        raise LimitExceeded(f"the body exceeds the limit of {max_bytes} bytes")
    value = _parse(body)
    if not isinstance(value, dict):
        raise Malformed("the body is not a JSON object")
    # Counting brackets is cheap, and a body with few brackets cannot be nested deeply.
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH:
        check_depth(value)
    return value


def check_depth(value: object) -> None:
    """Check the nesting of a value that was assembled after decoding.

    :raises LimitExceeded: the value exceeds 32 levels of nesting
    """
    if _is_deeper(value, MAX_DEPTH):
        raise _too_deep()


def encode(value: object) -> bytes:
    """Return a value as compact UTF-8 JSON. NaN and infinity become null: JSON has no such numbers."""
    try:
        return orjson.dumps(value)
    except TypeError:
        # orjson refuses integers over 64 bits; the standard library encodes any integer.
        return json.dumps(_finite_only(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def encode_strictly(value: object) -> bytes:
    """Return a value as compact UTF-8 JSON.

    :raises ValueError: the value contains NaN or infinity, or a lone surrogate
    :raises TypeError: the value contains something that JSON has no form for
    """
    body = encode(value)
    if b"null" in body and not _is_finite(value):
        raise ValueError("NaN and infinity are not JSON")
    return body


def same(left: object, right: object) -> bool:
    """Whether two values are equal as JSON: `true` differs from 1, the order of an object's names is ignored."""
    try:
        return orjson.dumps(left, option=orjson.OPT_SORT_KEYS) == orjson.dumps(right, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


def _parse(body: bytes) -> Any:  # noqa: ANN401 - JSON is any value
    try:
        return _STRICT.decode(body.decode())
    except UnicodeDecodeError as exc:
        raise Malformed(f"the body is not UTF-8 (byte {exc.start})") from None
    except json.JSONDecodeError as exc:
        raise Malformed(f"the body is not JSON: {exc.msg} (character {exc.pos})") from None
    except RecursionError:
        raise _too_deep() from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Malformed("the body is not strict JSON: an object has a duplicate key")
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise Malformed(f"the body is not strict JSON: {name} is not a JSON number")


def _float(text: str) -> float:
    if len(text) > MAX_NUMBER:
        raise Malformed(f"the body is not strict JSON: a number has more than {MAX_NUMBER} characters")
    number = float(text)
    if math.isinf(number):
        raise Malformed("the body is not strict JSON: a number is too large")
    return number


def _integer(text: str) -> int:
    # Databases that store a JSON number as a double would make a larger integer infinite.
    if len(text) > _SURELY_FINITE:
        _float(text)
    return int(text)


_STRICT = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_refuse_constant, parse_float=_float, parse_int=_integer
)


def _finite_only(value: Any) -> Any:  # noqa: ANN401 - JSON is any value
    """Return a value with null instead of NaN and infinity."""
    if isinstance(value, dict):
        return {name: _finite_only(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite_only(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _is_finite(value: Any) -> bool:  # noqa: ANN401 - JSON is any value
    if isinstance(value, dict):
        return all(map(_is_finite, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_is_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def _is_deeper(value: Any, levels: int) -> bool:  # noqa: ANN401 - JSON is any value
    if isinstance(value, dict):
        return levels == 0 or any(_is_deeper(item, levels - 1) for item in value.values())
    if isinstance(value, list):
        return levels == 0 or any(_is_deeper(item, levels - 1) for item in value)
    return False


def _too_deep() -> LimitExceeded:
    return LimitExceeded(f"the body exceeds the limit of {MAX_DEPTH} levels of nesting")
