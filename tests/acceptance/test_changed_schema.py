"""Tables that are migrated while the service runs."""

import pytest

from tests.acceptance.commands import create, find, get, update
from tests.acceptance.peer import Peer
from tests.acceptance.process import Service
from tests.support import sql


@pytest.fixture(scope="module", params=["postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    """Only PostgreSQL changes a column's type."""
    kind: str = request.param
    return kind


def test_a_column_that_was_widened_meanwhile_is_no_fault(peer: Peer, service: Service) -> None:
    tom = peer.created("people", name="Tom", age=1)
    for length in (150, 200):
        assert peer.ask(get("people", tom["id"])).data == tom
        assert peer.ask(find("people", where={"id": tom["id"]})).data == [tom]
        sql.execute(service.database_url, f"ALTER TABLE people ALTER COLUMN name TYPE VARCHAR({length})")
        assert peer.ask(get("people", tom["id"])).data == tom
        assert peer.ask(find("people", where={"id": tom["id"]})).data == [tom]
        assert peer.ask(create("people", name="Ann")).status == "ok"
        tom = peer.ask(update("people", tom["id"], {"age": length})).data
    assert peer.dead_letters() == []


def test_a_column_that_was_added_meanwhile_is_no_fault(peer: Peer, service: Service) -> None:
    tom = peer.created("people", name="Tom", age=1)
    sql.execute(service.database_url, "ALTER TABLE people ADD COLUMN shoe_size INTEGER")
    assert peer.ask(get("people", tom["id"])).data == tom
    assert peer.ask(update("people", tom["id"], {"age": 2})).data == {**tom, "age": 2, "version": 2}


@pytest.mark.parametrize("table", ["people", "crudmq_secrets"])
def test_a_table_that_is_locked_at_startup_is_waited_for(prefix: str, database_url: str, table: str) -> None:
    other = Service(database_url, prefix, {"CRUDMQ_STATEMENT_TIMEOUT": "1s"})
    other.migrate()
    with sql.open_transaction(database_url, f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"):
        other.launch()
        other.wait_for("database unavailable, retrying")
        other.wait_for_line("another session may have locked a table")
    other.wait_for("consuming")
    other.terminate()
