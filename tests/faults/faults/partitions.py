"""Faults of several replicas that divide the commands by their keys: then, too, there is an order."""

from collections.abc import Callable

from tests.faults.evidence import Expected
from tests.faults.fault import Fault, Run
from tests.faults.faults.process import PAST_THE_HEARTBEAT, paused, rolled
from tests.faults.workload import OF_SEVERAL_KEYS

_PARTITIONS = 4


def _killed(run: Run) -> None:
    for replica in [*run.replicas, *run.replicas]:
        run.answered(60)
        replica.kill()
        run.over()
        replica.start()


def _joined(run: Run) -> None:
    """Let another replica take its share of the partitions, and leave it again."""
    run.answered(100)
    other = run.add_replica()
    run.answered(100)
    other.terminate()


def _fault(name: str, inject: Callable[[Run], None]) -> Fault:
    return Fault(
        f"partitions: {name}",
        inject,
        replicas=2,
        partitions=_PARTITIONS,
        without=OF_SEVERAL_KEYS,
        expected=Expected(consumers=2),
    )


FAULTS = [
    _fault("kill -9 of each in turn", _killed),
    _fault("rolling restart", rolled),
    _fault("a third comes and goes", _joined),
    _fault("SIGSTOP past the heartbeat", paused(PAST_THE_HEARTBEAT)),
]
