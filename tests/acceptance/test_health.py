"""Health over HTTP."""

import pytest

from dev.shell import free_port
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


def test_a_health_port_in_use_is_reported_in_one_line(service: Service) -> None:
    done = crudmq("run", environ=service.environ)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (f"crudmq: cannot bind health port 127.0.0.1:{PORT}: address already in use")


def test_a_service_that_waits_for_its_broker_is_alive_and_not_ready(service: Service, peer: Peer) -> None:
    port = free_port()
    lonely = Service(service.database_url, service.prefix, {"CRUDMQ_HEALTH_PORT": str(port)})
    lonely.environ["CRUDMQ_BROKER_URL"] = f"amqp://127.0.0.1:{free_port()}/"
    lonely.launch()
    try:
        lonely.wait_for("broker unavailable, reconnecting")
        assert ask(port, "/health/live")[0] == 200
        status, components = ask(port, "/health/ready")
        assert status == 503
        assert (components["database"], components["consumer"], components["publisher"]) == (True, False, False)
        peer.until(
            lambda: set(ask(port, "/health/ready")[1].get("reasons", {})) == {"consumer", "publisher"}, "reasons"
        )
        assert all(
            reason.startswith("AMQPConnectionError: ") for reason in ask(port, "/health/ready")[1]["reasons"].values()
        )
    finally:
        lonely.kill()
    assert peer.events() == []
