"""`crudmq run --workers 2`: several processes under one."""

import signal

import psutil
import pytest

from dev.shell import free_port
from tests.acceptance.commands import create, unique
from tests.acceptance.health import ask
from tests.acceptance.peer import Peer
from tests.acceptance.process import Service, crudmq, environment
from tests.support.waiting import GENEROUS

PORT = free_port()
# What it echoes goes to the standard output, which nobody reads.
SETTINGS = {"CRUDMQ_HEALTH_PORT": str(PORT), "CRUDMQ_SQL_ECHO": "true"}
OPTIONS = ("--workers", "2")
COMMANDS = 1_000


@pytest.fixture(scope="module", params=["postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    """SQLite supports one process only."""
    kind: str = request.param
    return kind


def workers(service: Service) -> list[psutil.Process]:
    return psutil.Process(service.pid).children()


def until_ready(peer: Peer) -> None:
    peer.until(lambda: ask(PORT, "/health/ready") == (200, {"worker 1": True, "worker 2": True}), "both workers")


def test_all_workers_consume_and_share_one_health_port(peer: Peer, service: Service) -> None:
    until_ready(peer)
    assert len(workers(service)) == 2
    assert ask(PORT, "/health/live") == (200, {})


def test_one_that_is_killed_is_replaced_and_nothing_is_lost(peer: Peer, service: Service) -> None:
    until_ready(peer)
    ids = {peer.publish(create("people", name=unique())) for _ in range(COMMANDS)}
    before = workers(service)
    before[0].kill()
    # What was published when it was killed may be published again, with the same id.
    answered: set[str] = set()
    while not ids <= answered:
        reply = peer.reply()
        assert reply.status == "ok"
        answered.add(reply.content["id"])
    assert answered == ids
    until_ready(peer)
    assert before[0] not in workers(service)
    assert before[1] in workers(service)


def test_they_end_with_the_one_that_they_belong_to(peer: Peer, service: Service) -> None:
    until_ready(peer)
    orphans = workers(service)
    service.kill()
    _, alive = psutil.wait_procs(orphans, timeout=GENEROUS)
    assert alive == []
    service.start()


def test_a_second_signal_ends_all_at_once(peer: Peer, service: Service) -> None:
    until_ready(peer)
    stopped = workers(service)
    for worker in stopped:
        worker.send_signal(signal.SIGSTOP)
    service.signal_termination()
    service.wait_for("stopping workers")
    service.signal_termination()
    assert service.end() == 1
    _, alive = psutil.wait_procs(stopped, timeout=GENEROUS)
    assert alive == []
    service.start()


def test_where_one_cannot_begin_all_end(service: Service) -> None:
    done = crudmq(
        "run", *OPTIONS, environ={**service.environ, "CRUDMQ_MODELS": "no.such.models", "CRUDMQ_HEALTH_PORT": "0"}
    )
    assert done.returncode == 1
    assert "no.such.models" in done.stderr
    assert done.stderr.splitlines()[-1] == "crudmq: a worker exited with code 1, see its log"


def test_sqlite_is_for_one_process() -> None:
    environ = environment("sqlite+aiosqlite:///nobody.db", "nobody")
    done = crudmq("run", *OPTIONS, environ=environ)
    assert (done.returncode, done.stderr) == (
        1,
        "crudmq: SQLite supports one process only: omit --workers, or use another database\n",
    )
