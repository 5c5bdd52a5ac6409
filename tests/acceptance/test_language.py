"""The table of cases, over AMQP, on every database."""

import pytest

from tests.acceptance.peer import Peer
from tests.cases import CASES
from tests.cases.case import Case
from tests.cases.compare import compare

TABLES = ("emails", "profiles", "people", "groups", "users")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_each_case_is_answered_as_the_table_says(peer: Peer, case: Case) -> None:
    for table in TABLES:
        assert peer.ask({"resource": table, "action": "delete", "where": {}, "max_rows": 1000}).status == "ok"
    for said in case.said:
        if said.events is not None:
            peer.events_so_far()
        result = peer.ask(said.command)
        compare(said, result.content, [] if said.events is None else [event.content for event in peer.events_so_far()])
