"""The fault suite in short: a few of its faults, on the servers that all tests use. `make faults` injects them all."""

import pytest

from crudmq.failpoints import Failpoint
from tests.faults import scenario
from tests.faults.fault import Fault
from tests.faults.faults import process

SHORT = [
    process.killed(Failpoint.IN_TRANSACTION),
    process.killed(Failpoint.COMMITTED),
    process.killed(Failpoint.PUBLISHING),
    process.TERMINATED,
    process.PAUSED,
]


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("fault", SHORT, ids=lambda fault: fault.name)
def test_a_fault_loses_nothing_duplicates_nothing_and_keeps_the_order(fault: Fault) -> None:
    outcome = scenario.execute(fault)
    assert outcome.proofs, "was not injected"
    assert outcome.verdict.findings == []
    assert outcome.verdict.confirmed >= fault.commands >= 500
    assert outcome.seconds_to_recover is not None
