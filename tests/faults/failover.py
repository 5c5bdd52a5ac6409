"""What a failover to an asynchronous standby may lose: the last commits of the old primary, and nothing else."""

import json
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from tests.faults.database import digest
from tests.faults.evidence import Evidence, Received


@dataclass(frozen=True)
class Failover:
    """A standby that became the primary: the commands that it knew, and when it took over."""

    kept: Collection[bytes]
    """The digests of the commands in its inbox."""
    at: datetime
    """After the last commit of the old primary, before the first of the new one."""

    def without_lost_commits(self, evidence: Evidence) -> Evidence:
        """Return the evidence as if the old primary had never made the commits that the standby lacks.

        Their results and events were published, since they were committed. A command whose result was published and
        which is nowhere any more is left out; one that was run again is judged by what its second run published.
        """
        lost = self.lost_commands(evidence)
        return replace(
            evidence,
            commands=[each for each in evidence.commands if each.id not in lost],
            confirmed=evidence.confirmed - lost,
            results=[each for each in evidence.results if each.command not in lost and self._stands(each, evidence)],
            events=[each for each in evidence.events if _command(each) not in lost and self._is_committed(each)],
        )

    def lost_commands(self, evidence: Evidence) -> frozenset[str]:
        """Return the commands that were answered by the old primary alone."""
        answered = {result.command for result in evidence.results}
        run_later = {_command(event) for event in evidence.events if _time(event) > self.at}
        return frozenset(
            each.id
            for each in evidence.commands
            if digest(each.id) not in evidence.inbox and each.id in answered and each.id not in run_later
        )

    def _stands(self, result: Received, evidence: Evidence) -> bool:
        """Whether a result is not one of a lost commit, which a second run has replaced."""
        key = digest(result.command or "")
        return key in self.kept or evidence.inbox.get(key) in (None, result.body)

    def _is_committed(self, event: Received) -> bool:
        return digest(_command(event)) in self.kept or _time(event) > self.at


def _command(event: Received) -> str:
    return str(json.loads(event.body)["commandid"])


def _time(event: Received) -> datetime:
    return datetime.fromisoformat(json.loads(event.body)["time"])
