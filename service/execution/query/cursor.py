"""Cursors: where a page ended, in an opaque text that fits one query only.

A digest over the query and the values makes a changed cursor, or that of another query, `invalid`. It keeps no secret:
a cursor gives nothing that the query would not.
"""

import base64
import binascii
import json
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

from service.contract.codec import encode
from service.contract.errors import Detail, Invalid
from service.execution.query.order import Term
from service.resources.resource import Row

_DIGEST_BYTES = 8


def write(query: object, terms: Sequence[Term], row: Row) -> str:
    """Write the place of a row."""
    values = encode([term.field.dump(row[term.field.column.key]) for term in terms])
    return base64.urlsafe_b64encode(_digest(query, values) + values).decode()


def read(cursor: str, query: object, terms: Sequence[Term]) -> list[Any]:
    """Read the values of the row where the page ended.

    :raises Invalid: it was changed, or is the cursor of another query
    """
    try:
        content = base64.b64decode(cursor, altchars=b"-_", validate=True)
        digest, values = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
        if digest == _digest(query, values):
            found = json.loads(values)
            return [term.field.load(value) for term, value in zip(terms, found, strict=True)]
    except (binascii.Error, ValueError):
        pass
    raise Invalid("the cursor is not valid", [Detail("after", "is not the cursor of this query")])


def _digest(query: object, values: bytes) -> bytes:
    return blake2b(values, key=blake2b(encode(query)).digest()[:64], digest_size=_DIGEST_BYTES).digest()
