"""Value types: how the values of each column type are written in JSON.

`load` converts a JSON value to a column value, or raises ValueError with a message that does not contain the value.
`dump` converts a column value to JSON.
"""

from crudmq.resources.types.datetimes import DATE, DATETIME, DURATION, NAIVE_DATETIME, TIME
from crudmq.resources.types.json import BOOLEAN, BYTES, JSON, UUID, enumeration, text
from crudmq.resources.types.numbers import NUMBER, decimal, integer
from crudmq.resources.types.value_type import ValueType, array

__all__ = [
    "BOOLEAN",
    "BYTES",
    "DATE",
    "DATETIME",
    "DURATION",
    "JSON",
    "NAIVE_DATETIME",
    "NUMBER",
    "TIME",
    "UUID",
    "ValueType",
    "array",
    "decimal",
    "enumeration",
    "integer",
    "text",
]
