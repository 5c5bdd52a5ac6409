"""Health over HTTP."""

import pytest

from deploy.host import free_port
from tests.acceptance.health import ask
from tests.acceptance.peer import Peer
from tests.acceptance.process import Service, crudmq

PORT = free_port()
SETTINGS = {"CRUDMQ_HEALTH_PORT": str(PORT)}


@pytest.fixture(scope="module", params=["sqlite"])
def database_kind(request: pytest.FixtureRequest) -> str:
    """Nothing here depends on it."""
    kind: str = request.param
    return kind


def test_a_service_that_consumes_is_alive_and_ready(peer: Peer) -> None:
    peer.until(lambda: ask(PORT, "/health/ready")[0] == 200, "readiness")
    assert ask(PORT, "/health/ready") == (200, {"database": True, "consumer": True, "publisher": True})
    assert ask(PORT, "/health/live") == (200, {})


def test_a_port_that_is_taken_is_told_in_a_line(service: Service) -> None:
    done = crudmq("run", environ=service.environ)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"crudmq: the health port 127.0.0.1:{PORT} cannot be had: ")


def test_a_service_that_waits_for_its_broker_is_alive_and_not_ready(service: Service, peer: Peer) -> None:
    port = free_port()
    lonely = Service(service.database_url, service.prefix, {"CRUDMQ_HEALTH_PORT": str(port)})
    lonely.environ["CRUDMQ_BROKER_URL"] = f"amqp://127.0.0.1:{free_port()}/"
    lonely.launch()
    try:
        lonely.wait_for("the broker is away")
        assert ask(port, "/health/live")[0] == 200
        status, parts = ask(port, "/health/ready")
        assert status == 503
        assert (parts["database"], parts["consumer"], parts["publisher"]) == (True, False, False)
    finally:
        lonely.kill()
    assert peer.events() == []
