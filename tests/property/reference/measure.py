"""The size of a filter."""

from tests.property.reference.faults import ANYWHERE, Json, RefusedError
from tests.property.reference.limits import LIMITS

_QUANTIFIERS = frozenset({"any", "none", "every"})


def check_size(where: Json, path: str) -> None:
    """Reject a filter that is too deep, has too many conditions or objects, or too many values in a list."""
    too_many = _conditions(where) > LIMITS.conditions or _objects(where) > 10 * LIMITS.conditions
    if too_many or _depth(where) > LIMITS.where_depth or _longest(where) > LIMITS.values:
        raise RefusedError("limit_exceeded", (path, ANYWHERE))


def _inner(where: Json) -> list[Json]:
    """Return the filters inside a filter."""
    if not isinstance(where, dict):
        return []
    filters = []
    for name, value in where.items():
        if name in ("and", "or") and isinstance(value, list):
            filters += value
        elif name == "not":
            filters.append(value)
        elif isinstance(value, dict):
            filters += [inner for operator, inner in value.items() if operator in _QUANTIFIERS]
    return filters


def _depth(where: Json) -> int:
    return max((1 + _depth(inner) for inner in _inner(where)), default=0)


def _objects(where: Json) -> int:
    return 1 + sum(map(_objects, _inner(where)))


def _conditions(where: Json) -> int:
    if not isinstance(where, dict):
        return 0
    own = [value for name, value in where.items() if name not in ("and", "or", "not")]
    return sum(len(value) if isinstance(value, dict) else 1 for value in own) + sum(map(_conditions, _inner(where)))


def _longest(where: Json) -> int:
    if not isinstance(where, dict):
        return 0
    conditions = [value for value in where.values() if isinstance(value, dict)]
    lists = [len(operand) for value in conditions for operand in value.values() if isinstance(operand, list)]
    return max([0, *lists, *map(_longest, _inner(where))])
