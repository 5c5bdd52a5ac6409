"""SIGTERM while a command takes too long."""

from typing import Any

import pytest

from tests.acceptance.commands import get, update
from tests.acceptance.peer import Peer
from tests.acceptance.process import Service
from tests.support import sql

SETTINGS = {"CRUDMQ_SHUTDOWN_GRACE": "1s"}


@pytest.fixture(scope="module", params=["postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    """Only PostgreSQL lets another connection hold a row."""
    kind: str = request.param
    return kind


@pytest.mark.parametrize("signals", [1, 2])
def test_it_does_not_keep_the_service_from_ending(service: Service, signals: int) -> None:
    """Neither past the grace period, nor past a second signal."""
    with Peer(service.prefix) as peer:
        tom: dict[str, Any] = peer.created("people", name="Tom", age=1)
        held = f"SELECT id FROM people WHERE id = {tom['id']} FOR UPDATE"  # noqa: S608
        waits = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        with sql.open_transaction(service.database_url, held):
            message_id = peer.publish(update("people", tom["id"], {"age": 2}))
            peer.until(lambda: bool(sql.select(service.database_url, waits)), "the update")
            service.signal_termination()
            service.wait_for("draining")
            if signals == 2:
                service.signal_termination()
            assert service.end() == 1
        service.start()
        reply = peer.reply()
        assert (reply.content["id"], reply.data["age"]) == (message_id, 2)
        assert peer.ask(get("people", tom["id"])).data == {**tom, "age": 2, "version": 2}
