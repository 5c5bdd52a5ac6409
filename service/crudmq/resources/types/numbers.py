"""Numbers: integers of each size, decimals, floats."""

import math
from decimal import Context, Decimal, InvalidOperation
from typing import Any

from crudmq.resources.types.value_type import ValueType


def integer(bits: int) -> ValueType:
    """Return the type of signed integers with this number of bits."""
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1

    def load(value: Any) -> int:  # noqa: ANN401 - JSON is any value
        if type(value) is not int:
            raise ValueError("is not an integer")
        if not low <= value <= high:
            raise ValueError(f"is not between {low} and {high}")
        return value

    return ValueType(f"integer({bits})", load)


_MAX_DIGITS = 1000
_EXACT = Context(prec=2 * _MAX_DIGITS)


def decimal(precision: int | None, scale: int | None) -> ValueType:
    """Return the type of exact numbers with `scale` of their `precision` digits after the decimal point."""

    def load(value: Any) -> Decimal:  # noqa: ANN401 - JSON is any value
        if type(value) is int:
            number = Decimal(value)
        elif type(value) is str:
            number = _decimal(value)
        else:
            raise ValueError("is neither an integer nor a string with a decimal number")
        if abs(number.adjusted()) > _MAX_DIGITS:
            raise ValueError("has too many digits")
        if precision is not None:
            _check_digits(number, precision, scale or 0)
            # In the form in which the column returns it.
            number = number.quantize(Decimal(1).scaleb(-(scale or 0)), context=_EXACT)
        return number or abs(number)

    name = "decimal" if precision is None else f"decimal({precision},{scale or 0})"
    return ValueType(name, load, dump=lambda value: format(value, "f"))


def _decimal(value: str) -> Decimal:
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise ValueError("is not a decimal number") from None
    # Decimal also accepts NaN, digits of other scripts, underscores and surrounding blanks.
    if not number.is_finite() or not value.isascii() or "_" in value or value != value.strip():
        raise ValueError("is not a decimal number")
    return number


def _check_digits(number: Decimal, precision: int, scale: int) -> None:
    digits, exponent = number.as_tuple().digits, number.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > scale and any(digits[exponent + scale :]):
        raise ValueError(f"has more than {scale} digits after the decimal point")
    if number and number.adjusted() >= precision - scale:
        raise ValueError(f"has more than {precision - scale} digits before the decimal point")


def _load_number(value: Any) -> float:  # noqa: ANN401 - JSON is any value
    if type(value) not in (int, float):
        raise ValueError("is not a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if math.isinf(number):
        raise ValueError("is out of range")
    # Databases do not agree on negative zero.
    return number + 0.0


NUMBER = ValueType("number", _load_number, dump=float)
