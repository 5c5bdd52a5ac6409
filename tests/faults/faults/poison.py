"""Messages that kill the process or the connection that receives them, and must be dead-lettered alone."""

import struct
import sys
from collections.abc import Callable

from pika.spec import BasicProperties

from tests.faults.evidence import Expected
from tests.faults.fault import Fault, Run
from tests.faults.injection import Injection
from tests.support import broker

_DEPTH = 1_500
_RECURSION = 20_000
"""Stack frames that the suite's own client may use to read such a message back."""
_MESSAGE_ID, _TIMESTAMP, _HEADERS, _PERSISTENT = 1 << 7, 1 << 6, 1 << 13, 1 << 12
_SETTINGS = {"CRUDMQ_PREFETCH": "50"}


def _short(text: bytes) -> bytes:
    return struct.pack(">B", len(text)) + text


def _nested(depth: int) -> bytes:
    """Return an AMQP table, nested that deep."""
    table = struct.pack(">I", 0)
    for _ in range(depth):
        inner = _short(b"n") + b"F" + table
        table = struct.pack(">I", len(inner)) + inner
    return table


# The order of properties: headers, delivery mode, message_id, timestamp.
_BAD_ID = struct.pack(">H", _PERSISTENT | _MESSAGE_ID) + b"\x02" + _short(b"\xff\xfe\xfd")
_BAD_TIME = struct.pack(">H", _PERSISTENT | _MESSAGE_ID | _TIMESTAMP) + b"\x02" + _short(b"late") + b"\xff" * 8
_DEEP = struct.pack(">H", _HEADERS | _PERSISTENT | _MESSAGE_ID) + _nested(_DEPTH) + b"\x02" + _short(b"deep")
_PLAIN = struct.pack(">H", _PERSISTENT | _MESSAGE_ID) + b"\x02" + _short(b"killer")


class _Raw(BasicProperties):
    """Encoded properties that the client would refuse to encode."""

    def __init__(self, encoded: bytes) -> None:
        super().__init__()
        self._encoded = encoded

    def encode(self) -> list[bytes]:
        return [self._encoded]


def _publish(prefix: str, properties: bytes, body: bytes) -> None:
    connection = broker.connect()
    channel = connection.channel()
    channel.confirm_delivery()
    channel.basic_publish(f"{prefix}.commands", "people.create", body, _Raw(properties), mandatory=True)
    connection.close()


def _poison(properties: bytes, body: bytes) -> Callable[[Run], None]:
    def inject(run: Run) -> None:
        sys.setrecursionlimit(_RECURSION)
        run.wait_answered(100)
        _publish(run.prefix, properties, body)
        run.prove("the broker has routed and confirmed the poison")
        deaths = run.restart_until(lambda: any(dead.body == body for dead in list(run.observer.dead)))
        if run.fault.injection.poison is not None:
            run.prove(f"{' and '.join(sorted(set(deaths)))}, killed {len(deaths)} times", holds=bool(deaths))
        run.end_fault()

    return inject


def _fault(name: str, properties: bytes, *, kills: bool = False) -> Fault:
    body = b'{"resource": "people", "action": "create", "data": {"name": "poison"}}'
    return Fault(
        f"poison: {name}",
        _poison(properties, body),
        settings=_SETTINGS,
        injection=Injection(poison=body.decode() if kills else None),
        expected=Expected(poison=frozenset({body})),
    )


FAULTS = [
    _fault("kills the process", _PLAIN, kills=True),
    _fault("bad UTF-8 in the message_id", _BAD_ID),
    _fault("a timestamp out of range", _BAD_TIME),
    _fault(f"headers nested {_DEPTH} deep", _DEEP),
]
