"""All faults, in the order in which they are run."""

from collections.abc import Sequence

from tests.faults.fault import Fault
from tests.faults.faults import boxes, broker, crowd, partitions, poison, process, storage, versions
from tests.faults.rig.rig import Rig


def faults(rig: Rig) -> Sequence[Fault]:
    """Give every fault."""
    return [
        *process.FAULTS,
        *broker.faults(rig),
        *storage.faults(rig),
        *poison.FAULTS,
        *partitions.FAULTS,
        *boxes.FAULTS,
        *versions.FAULTS,
        *crowd.FAULTS,
    ]
