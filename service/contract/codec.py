"""Strict JSON in, compact JSON out: the one place that knows how bytes and values become each other."""

import json
import math
from typing import Any, NoReturn

import orjson

from service.contract.errors import LimitExceeded, Malformed

MAX_DEPTH = 32


def decode(body: bytes, *, max_bytes: int) -> dict[str, Any]:
    """Read one strict UTF-8 JSON object.

    :raises Malformed: not UTF-8, not JSON, a duplicate key, NaN or Infinity, or not an object
    :raises LimitExceeded: over `max_bytes`, or nested deeper than 32
    """
    if len(body) > max_bytes:
        raise LimitExceeded(f"the message is larger than {max_bytes} bytes")
    value = _parse(body)
    if not isinstance(value, dict):
        raise Malformed("the body is not a JSON object")
    # What has no more brackets than that cannot be deeper.
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH:
        check_depth(value)
    return value


def check_depth(value: object) -> None:
    """Check a value that was put together of others.

    :raises LimitExceeded: it is nested deeper than 32
    """
    if _is_deeper(value, MAX_DEPTH):
        raise _too_deep()


def encode(value: object) -> bytes:
    """Write compact UTF-8 JSON."""
    try:
        return orjson.dumps(value)
    except TypeError:
        # orjson stops at 64 bits and at lone surrogates; the standard library writes any integer.
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def same(one: object, other: object) -> bool:
    """Tell whether two values are the same JSON: `true` is not 1, and the order of an object's names says nothing."""
    try:
        return orjson.dumps(one, option=orjson.OPT_SORT_KEYS) == orjson.dumps(other, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _parse(body: bytes) -> Any:  # noqa: ANN401 - JSON is any value
    try:
        return _STRICT.decode(body.decode())
    except UnicodeDecodeError as exc:
        raise Malformed(f"the body is not UTF-8 (byte {exc.start})") from None
    except json.JSONDecodeError as exc:
        raise Malformed(f"the body is not JSON: {exc.msg} (character {exc.pos})") from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError as exc:
        # Python refuses to convert integers of thousands of digits.
        raise Malformed("the body is not JSON: a number is too long") from exc


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Malformed("the body is not strict JSON: an object names a key twice")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise Malformed(f"the body is not strict JSON: {name} is not a JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise Malformed("the body is not strict JSON: a number is too large")
    return number


_STRICT = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_refuse_constant, parse_float=_finite)


def _is_deeper(value: Any, levels: int) -> bool:  # noqa: ANN401 - JSON is any value
    if isinstance(value, dict):
        return levels == 0 or any(_is_deeper(item, levels - 1) for item in value.values())
    if isinstance(value, list):
        return levels == 0 or any(_is_deeper(item, levels - 1) for item in value)
    return False


def _too_deep() -> LimitExceeded:
    return LimitExceeded(f"the body is nested deeper than {MAX_DEPTH}")
