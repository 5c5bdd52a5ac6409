"""Cursors: positions in the pages of a query, signed with the secret of the database."""

import base64
import binascii
import hmac
import json
import secrets
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

from crudmq.contract.codec import encode
from crudmq.contract.errors import Detail, Invalid
from crudmq.execution.query.order import OrderBy
from crudmq.resources.resource import Row

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
