"""The table of cases, over AMQP, on every database."""

from typing import Any

import pytest

from tests.acceptance.peer import Peer
from tests.cases import CASES
from tests.cases.case import Case
from tests.cases.compare import compare

TABLES = ("emails", "profiles", "people", "groups", "users")
NOBODY = {"resource": "people", "action": "delete", "key": -1}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_each_case_is_answered_as_the_table_says(peer: Peer, case: Case) -> None:
    for table in TABLES:
        assert peer.ask({"resource": table, "action": "delete", "where": {}, "max_rows": 1000}).status == "ok"
    for said in case.said:
        if said.events is not None:
            events_so_far(peer)
        result = peer.ask(said.command)
        compare(said, result.content, [] if said.events is None else events_so_far(peer))


def events_so_far(peer: Peer) -> list[dict[str, Any]]:
    """Give the events before one that a later command, which changes nothing, has caused."""
    marker = peer.publish(NOBODY, reply_to=None)
    found: list[dict[str, Any]] = []
    while (event := peer.heard(1)[0].content)["commandid"] != marker:
        found.append(event)
    return found
