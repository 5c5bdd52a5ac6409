"""Values: how each type of column is written in JSON, both ways.

A `load` takes a JSON value and gives what the column takes, or raises ValueError saying what is wrong with it,
without the value. A `dump` gives the JSON value of what the column gave.
"""

from service.resources.values.choices import BOOLEAN, enumeration
from service.resources.values.kind import Kind
from service.resources.values.moments import DATE, MOMENT, NAIVE_MOMENT, SECONDS, TIME
from service.resources.values.nested import JSON, array
from service.resources.values.numbers import NUMBER, decimal, integer
from service.resources.values.texts import BYTES, UUID, text

__all__ = [
    "BOOLEAN",
    "BYTES",
    "DATE",
    "JSON",
    "MOMENT",
    "NAIVE_MOMENT",
    "NUMBER",
    "SECONDS",
    "TIME",
    "UUID",
    "Kind",
    "array",
    "decimal",
    "enumeration",
    "integer",
    "text",
]
