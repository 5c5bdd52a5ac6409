"""What a standby had not received is left out of the evidence, and nothing else."""

import json
from datetime import UTC, datetime, timedelta

from tests.faults.database import digest
from tests.faults.evidence import Evidence, Received
from tests.faults.failover import Failover
from tests.faults.workload import Command

SWITCH = datetime(2026, 1, 1, tzinfo=UTC)
BEFORE, AFTER = SWITCH - timedelta(seconds=1), SWITCH + timedelta(seconds=1)
NAMES = ("kept", "lost", "run-again", "unanswered", "new")
EVIDENCE = Evidence(
    commands=[Command(name, b"{}", "people.create", "people/1") for name in NAMES],
    confirmed=frozenset(NAMES),
    results=[
        Received("kept", None, b"kept"),
        Received("lost", None, b"lost"),
        Received("run-again", None, b"first"),
        Received("run-again", None, b"second"),
        Received("new", None, b"new"),
    ],
    events=[
        Received(name, None, json.dumps({"commandid": name, "time": time.isoformat()}).encode())
        for name, time in [
            ("kept", BEFORE),
            ("lost", BEFORE),
            ("run-again", BEFORE),
            ("run-again", AFTER),
            ("new", AFTER),
        ]
    ],
    dead=[],
    inbox={digest("kept"): b"kept", digest("run-again"): b"second"},
    rows={},
    links=frozenset(),
)


def test_what_the_standby_lacked_is_left_out() -> None:
    evidence = Failover({digest("kept")}, SWITCH).without_lost_commits(EVIDENCE)
    # A command that was never answered, or that only the new primary ran, is not lost by the failover.
    assert [command.id for command in evidence.commands] == ["kept", "run-again", "unanswered", "new"]
    assert [result.body for result in evidence.results] == [b"kept", b"second", b"new"]
    assert [json.loads(event.body)["commandid"] for event in evidence.events] == ["kept", "run-again", "new"]
