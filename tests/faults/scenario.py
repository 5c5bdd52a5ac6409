"""One run: load, a fault, the drain, and the checker's verdict."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.faults import drain
from tests.faults.checker import Verdict, check
from tests.faults.fault import Fault, Route, Run, direct
from tests.faults.replica import LIMIT, Replica

RECOVERY_TARGET = 10.0
"""Seconds within which the service is expected to recover; reported, since a busy machine takes longer."""


@dataclass(frozen=True)
class Outcome:
    """The outcome of a run."""

    fault: Fault
    verdict: Verdict
    seconds_to_recover: float | None
    """From the end of the fault to the first answer to a command that was published after it."""
    proofs: tuple[str, ...] = ()
    """What proves that the fault was injected."""
    notes: tuple[str, ...] = ()
    log: str = ""

    @property
    def is_good(self) -> bool:
        return self.verdict.is_good and self.seconds_to_recover is not None and bool(self.proofs)


def execute(fault: Fault, route: Route = direct) -> Outcome:
    """Put load on the service, inject the fault, wait until all work is done, and check.

    :raises NotInjectedError: the fault did not take hold
    """
    with TemporaryDirectory() as directory, ExitStack() as stack:
        run = Run(fault, route, Path(directory), stack)
        _begin(run)
        fault.inject(run)
        run.check_injected()
        if run.ended_at is None:
            run.end_fault()
        run.load.set_goal(max(fault.commands, len(run.load.sent) + fault.commands_after))
        evidence = run.amend(drain.gather(run))
        verdict = check(evidence, fault.expected)
        log = "\n".join(replica.log for replica in run.replicas)
        return Outcome(fault, verdict, _seconds_to_recover(run), tuple(run.proofs), tuple(run.notes), log)


def _begin(run: Run) -> None:
    fault = run.fault
    run.observer.start()
    run.stack.callback(run.observer.stop)
    run.stack.callback(run.load.stop)
    fault.prepare(run)
    Replica(run.database_url, run.prefix, run.settings).migrate()
    for number in range(fault.replicas):
        run.add_replica(fault.injection if number == 0 else None)
    run.load.start()
    assert run.load.wait_until_finished(LIMIT), "the initial commands were not confirmed"
    run.wait_answered(len(run.load.sent) - len(run.answer_times()))
    run.load.set_goal(None)


def _seconds_to_recover(run: Run) -> float | None:
    """Return when the first command that was published after the fault was answered."""
    assert run.ended_at is not None
    answered = run.answer_times()
    times = [
        answered[identifier]
        for identifier, sent in run.load.sent.items()
        if identifier in answered and sent.confirmed_at is not None and sent.confirmed_at > run.ended_at
    ]
    return max(min(times) - run.ended_at, 0) if times else None
