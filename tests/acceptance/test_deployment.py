"""A schema that does not match the models: the service does not start, and a running one waits."""

from collections.abc import Iterator

import pytest

from dev.shell import free_port
from tests.acceptance.commands import create, find
from tests.acceptance.health import ask
from tests.acceptance.peer import Peer
from tests.acceptance.process import Service, crudmq
from tests.support import sql

PORT = free_port()
SETTINGS = {"CRUDMQ_HEALTH_PORT": str(PORT)}
REMOVE = "ALTER TABLE users RENAME COLUMN login TO nickname"
RESTORE = "ALTER TABLE users RENAME COLUMN nickname TO login"
MISSING = "the database has no column users.login: migrate your own tables"


@pytest.fixture
def changed(service: Service) -> Iterator[None]:
    """Rename a column that the service needs."""
    sql.execute(service.database_url, REMOVE)
    yield
    sql.execute(service.database_url, RESTORE)


@pytest.mark.usefixtures("changed")
def test_a_missing_column_is_reported_at_the_start(service: Service) -> None:
    done = crudmq("run", environ={**service.environ, "CRUDMQ_HEALTH_PORT": "0"})
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"crudmq: {MISSING}"


def test_commands_wait_for_a_missing_column_and_readiness_says_so(service: Service, peer: Peer) -> None:
    peer.until(lambda: ask(PORT, "/health/ready")[0] == 200, "readiness")
    sql.execute(service.database_url, REMOVE)
    ids = [peer.publish(create("people", name="Tom")) for _ in range(3)]
    ids.append(peer.publish(create("users", id=1, email="e@example.org", login="l")))
    ids.append(peer.publish(find("users", where={"login": "l"})))
    peer.until(lambda: ask(PORT, "/health/ready")[0] == 503, "the missing column")
    _, readiness = ask(PORT, "/health/ready")
    assert (readiness["database"], readiness["reasons"]) == (False, {"database": MISSING})
    sql.execute(service.database_url, RESTORE)
    replies = peer.replies(len(ids))
    assert {reply.content["id"]: reply.status for reply in replies} == dict.fromkeys(ids, "ok")
    peer.until(lambda: ask(PORT, "/health/ready")[0] == 200, "readiness")
    assert peer.dead_letters() == []
