"""Numbers: integers of each size, exact decimals, floating ones."""

import math
from decimal import Context, Decimal, InvalidOperation
from typing import Any

from service.resources.values.kind import Kind


def integer(bits: int) -> Kind:
    """Make the kind of a signed integer of so many bits."""
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1

    def load(value: Any) -> int:  # noqa: ANN401 - JSON is any value
        if type(value) is not int:
            raise ValueError("is not an integer")
        if not low <= value <= high:
            raise ValueError(f"is not within {low} and {high}")
        return value

    return Kind(f"integer({bits})", load)


_MOST_DIGITS = 1000
_EXACT = Context(prec=2 * _MOST_DIGITS)


def decimal(precision: int | None, scale: int | None) -> Kind:
    """Make the kind of an exact number with `scale` of its `precision` digits behind the point."""

    def load(value: Any) -> Decimal:  # noqa: ANN401 - JSON is any value
        if type(value) is int:
            number = Decimal(value)
        elif type(value) is str:
            number = _decimal(value)
        else:
            raise ValueError("is not a decimal number in a string, nor an integer")
        if abs(number.adjusted()) > _MOST_DIGITS:
            raise ValueError("has too many digits")
        if precision is not None:
            _check_digits(number, precision, scale or 0)
            # As the column gives it back.
            number = number.quantize(Decimal(1).scaleb(-(scale or 0)), context=_EXACT)
        return number or abs(number)

    name = "decimal" if precision is None else f"decimal({precision},{scale or 0})"
    return Kind(name, load, dump=lambda value: format(value, "f"))


def _decimal(value: str) -> Decimal:
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise ValueError("is not a decimal number") from None
    # Decimal takes more than numbers: NaN, other scripts' digits, underscores, blanks.
    if not number.is_finite() or not value.isascii() or "_" in value or value != value.strip():
        raise ValueError("is not a decimal number")
    return number


def _check_digits(number: Decimal, precision: int, behind: int) -> None:
    digits, exponent = number.as_tuple().digits, number.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > behind and any(digits[exponent + behind :]):
        raise ValueError(f"has more than {behind} digits behind the point")
    if number and number.adjusted() >= precision - behind:
        raise ValueError(f"has more than {precision - behind} digits before the point")


def _load_number(value: Any) -> float:  # noqa: ANN401 - JSON is any value
    if type(value) not in (int, float):
        raise ValueError("is not a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if math.isinf(number):
        raise ValueError("is out of range")
    # Databases do not agree on whether there is a negative zero.
    return number + 0.0


NUMBER = Kind("number", _load_number, dump=float)
