"""One run: load, a fault, quiet, and what the checker says."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.faults import quiet
from tests.faults.checker import Verdict, check
from tests.faults.fault import Fault, Route, Run, straight
from tests.faults.replica import Replica

_FIRST_SECONDS = 30
MOST_SECONDS = 10.0
"""By then the service has to be back at work."""


@dataclass(frozen=True)
class Outcome:
    """What a run came to."""

    fault: Fault
    verdict: Verdict
    seconds: float | None
    """From the fault's end until the first command that was published after it was answered."""
    notes: tuple[str, ...] = ()
    log: str = ""

    @property
    def is_good(self) -> bool:
        return self.verdict.is_good and self.seconds is not None and self.seconds <= MOST_SECONDS


def run(fault: Fault, route: Route = straight) -> Outcome:
    """Put load on the service, inject the fault, wait until all is quiet, and check."""
    with TemporaryDirectory() as directory, ExitStack() as stack:
        found = Run(fault, route, Path(directory), stack)
        _begin(found)
        fault.inject(found)
        if found.over_at is None:
            found.over()
        found.load.enough(max(fault.commands, len(found.load.sent) + fault.after))
        evidence = quiet.gather(found)
        verdict = check(evidence, fault.expected)
        log = "\n".join(replica.log for replica in found.replicas)
        return Outcome(fault, verdict, _recovery(found), tuple(found.notes), log)


def _begin(run: Run) -> None:
    fault = run.fault
    run.observer.start()
    run.stack.callback(run.observer.stop)
    run.stack.callback(run.load.stop)
    fault.prepare(run)
    migrating = Replica(run.database_url, run.prefix, run.settings)
    migrating.migrate()
    for number in range(fault.replicas):
        run.add_replica(fault.asked if number == 0 else None)
    run.load.start()
    assert run.load.wait_for_all(_FIRST_SECONDS), "the first commands were not confirmed"
    run.answered(len(run.load.sent) - len(run.answer_times()), _FIRST_SECONDS)
    run.load.go_on()


def _recovery(run: Run) -> float | None:
    """Find the first answer to a command that was published after the fault."""
    assert run.over_at is not None
    answered = run.answer_times()
    times = [
        answered[identifier]
        for identifier, sent in run.load.sent.items()
        if identifier in answered and sent.confirmed_at is not None and sent.confirmed_at > run.over_at
    ]
    return max(min(times) - run.over_at, 0) if times else None
