"""Links to the broker that end in the middle of a frame, or lose what the service sends."""

from collections.abc import Callable, Mapping, Sequence

from tests.faults.fault import Fault, Run
from tests.faults.faults.cutting import at, losing_acks
from tests.faults.fixtures.proxy import Direction, Effect
from tests.faults.fixtures.servers import Servers
from tests.faults.replica import LIMIT

_CUTS: Mapping[str, tuple[Direction, bytes, int]] = {
    "the method frame of a delivery": (Direction.TO_CLIENT, b"\x00\x3c\x00\x3c", 3),
    "the body of a command": (Direction.TO_CLIENT, b'{"resource"', 5),
    "a confirmation": (Direction.TO_CLIENT, b"\x00\x3c\x00\x50", 2),
    "the method frame of a publish": (Direction.TO_SERVER, b"\x00\x3c\x00\x28", 3),
    "the body of a result": (Direction.TO_SERVER, b'"status"', 4),
    "the body of an event": (Direction.TO_SERVER, b'"specversion"', 6),
}
"""Direction, pattern, and how many bytes from its beginning on pass."""
_UNACKNOWLEDGED = 60


def _cut(servers: Servers, run: Run) -> None:
    for name, (direction, pattern, passing) in _CUTS.items():
        run.wait_answered(40)
        with at(servers.to_broker, direction, pattern, passing=passing) as cut:
            run.prove(f"the link was cut within {name}", holds=cut.wait(LIMIT))


def _acks_lost(servers: Servers, run: Run) -> None:
    """Lose the acknowledgements of commands that are answered: they are redelivered."""
    for _ in range(3):
        run.wait_answered(40)
        _lose_acks(servers, run)
    run.prove_soon(
        "commands were redelivered, and answered from the inbox",
        lambda: any(result.headers.get("x-replayed") for result in list(run.observer.results)),
    )


def _lose_acks(servers: Servers, run: Run) -> None:
    effects = servers.to_broker.effects
    before = effects[Effect.SWALLOWED]
    with losing_acks(servers.to_broker):
        run.prove_soon("acknowledgements were lost", lambda: effects[Effect.SWALLOWED] > before)
        run.wait_answered(_UNACKNOWLEDGED)


def faults(servers: Servers) -> Sequence[Fault]:
    """Return the faults of frames."""

    def bind(inject: Callable[[Servers, Run], None]) -> Callable[[Run], None]:
        return lambda run: inject(servers, run)

    return [Fault("frames cut", bind(_cut)), Fault("acks lost", bind(_acks_lost))]
