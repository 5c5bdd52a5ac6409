"""Sort orders, and cursors as positions in them. Every order is total, since it ends with the primary key."""

import base64
import binascii
import hmac
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_, false, literal, or_, tuple_

from crudmq.contract.codec import encode
from crudmq.contract.errors import Detail, Invalid, at
from crudmq.resources.resource import Field, Resource, Row
from crudmq.storage.dialects.constructs import sorted_by


@dataclass(frozen=True, slots=True)
class OrderBy:
    """A sort key. Nulls are last in ascending order, first in descending order."""

    field: Field
    descending: bool = False

    def clause(self, rows: FromClause) -> ColumnElement[Any]:
        """Return the `ORDER BY` expression."""
        column = rows.c[self.field.column.key]
        if self.field.column.nullable:
            return sorted_by(column, descending=self.descending)
        return column.desc() if self.descending else column.asc()

    def equals(self, rows: FromClause, value: object) -> ColumnElement[bool]:
        """Return the condition that a row has this value."""
        column = rows.c[self.field.column.key]
        return column.is_(None) if value is None else column == literal(value, column.type)

    def seek(self, rows: FromClause, value: object) -> ColumnElement[bool]:
        """Return the condition that a row sorts after those with this value."""
        column = rows.c[self.field.column.key]
        if self.descending:
            return column.is_not(None) if value is None else column < literal(value, column.type)
        if value is None:
            return false()
        greater = column > literal(value, column.type)
        return or_(greater, column.is_(None)) if self.field.column.nullable else greater


def parse(resource: Resource, names: Sequence[str], path: str = "order") -> list[OrderBy]:
    """Return the sort keys of a command, completed by the primary key. A repeated field counts once.

    :raises Invalid: the details list all errors
    """
    faults: list[Detail] = []
    order_by: dict[str, OrderBy] = {}
    for index, name in enumerate(names):
        field = resource.readable(name.removeprefix("-"))
        if field is None or not field.value_type.comparable:
            faults.append(Detail(at(path, index), f"is not a sortable field of {resource.name}"))
        else:
            order_by.setdefault(field.name, OrderBy(field, descending=name.startswith("-")))
    if faults:
        raise Invalid("the order is not valid", faults)
    for field in resource.key:
        order_by.setdefault(field.name, OrderBy(field))
    return list(order_by.values())


def clauses(order_by: Sequence[OrderBy], rows: FromClause) -> list[ColumnElement[Any]]:
    """Return the `ORDER BY` expressions."""
    return [key.clause(rows) for key in order_by]


def seek(order_by: Sequence[OrderBy], values: Sequence[object], rows: FromClause) -> ColumnElement[bool]:
    """Return the condition that a row sorts after the one with these values (keyset pagination)."""
    if len(order_by) == 1:
        return order_by[0].seek(rows, values[0])
    if _is_row_comparable(order_by):
        columns = [rows.c[key.field.column.key] for key in order_by]
        left = tuple_(*columns)
        right = tuple_(*(literal(value, column.type) for column, value in zip(columns, values, strict=True)))
        return left < right if order_by[0].descending else left > right
    steps = [
        and_(
            *(previous.equals(rows, value) for previous, value in zip(order_by[:index], values, strict=False)),
            key.seek(rows, values[index]),
        )
        for index, key in enumerate(order_by)
    ]
    # Implied by the steps, and repeated because it allows an index range scan.
    leading = or_(order_by[0].equals(rows, values[0]), order_by[0].seek(rows, values[0]))
    return and_(leading, or_(*steps))


def _is_row_comparable(order_by: Sequence[OrderBy]) -> bool:
    """Whether one comparison of rows expresses the order: an index can be scanned from there."""
    has_nulls = any(key.field.column.nullable for key in order_by)
    return not has_nulls and len({key.descending for key in order_by}) == 1


_SIGNATURE_BYTES = 16


class Cursors:
    """Writes and reads cursors. A publisher can neither forge one nor use it for another query."""

    def __init__(self) -> None:
        """Start with a secret of this object alone."""
        self._secret = secrets.token_bytes()

    def share(self, secret: bytes) -> None:
        """Use a secret of 16 to 64 bytes that all processes of the service share."""
        self._secret = secret

    def write(self, query: object, order_by: Sequence[OrderBy], row: Row) -> str:
        """Return a cursor that points after a row."""
        values = encode([key.field.dump(row[key.field.column.key]) for key in order_by])
        return base64.urlsafe_b64encode(self._signature(query, values) + values).decode()

    def read(self, cursor: str, query: object, order_by: Sequence[OrderBy]) -> list[Any]:
        """Return the sort values of the row where the page ended.

        :raises Invalid: the cursor was changed, or belongs to another query or another database
        """
        try:
            content = base64.b64decode(cursor, altchars=b"-_", validate=True)
            signature, values = content[:_SIGNATURE_BYTES], content[_SIGNATURE_BYTES:]
            if hmac.compare_digest(signature, self._signature(query, values)):
                return [key.field.load(value) for key, value in zip(order_by, json.loads(values), strict=True)]
        except (binascii.Error, ValueError):
            # Not base64, or the mapping was changed since.
            pass
        raise Invalid("the cursor is not valid", [Detail("after", "does not belong to this query")])

    def _signature(self, query: object, values: bytes) -> bytes:
        key = blake2b(encode(query), key=self._secret).digest()
        return blake2b(values, key=key, digest_size=_SIGNATURE_BYTES).digest()
