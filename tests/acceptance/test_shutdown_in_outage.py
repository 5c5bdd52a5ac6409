"""SIGTERM while the database is unavailable."""

import json
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import make_url

from tests.acceptance.commands import create
from tests.acceptance.peer import Peer
from tests.acceptance.process import Service
from tests.faults.fixtures.proxy import Proxy

GRACE = 6
PORTS = {"postgresql": 5432, "mysql": 3306}


@pytest.fixture(scope="module", params=["postgresql", "mariadb"])
def database_kind(request: pytest.FixtureRequest) -> str:
    """Those that are reached over a network."""
    kind: str = request.param
    return kind


@pytest.fixture
def proxy(service: Service) -> Iterator[Proxy]:
    url = make_url(service.database_url)
    with Proxy(url.port or PORTS[url.get_backend_name()]) as proxy:
        yield proxy


@pytest.mark.parametrize("outage", ["refused", "held"])
def test_it_ends_within_the_grace_period_and_claims_no_recovery(service: Service, proxy: Proxy, outage: str) -> None:
    url = make_url(service.database_url).set(host="127.0.0.1", port=proxy.port)
    settings = {"CRUDMQ_SHUTDOWN_GRACE": f"{GRACE}s", "CRUDMQ_STATEMENT_TIMEOUT": "1s"}
    other = Service(url.render_as_string(hide_password=False), f"{service.prefix}-{outage}", settings)
    with Peer(other.prefix) as peer:
        other.migrate()
        other.start()
        peer.created("people", name="Tom")
        if outage == "refused":
            proxy.refuse()
        else:
            proxy.hold()
        peer.publish(create("people", name="Ann"))
        other.wait_for("database unavailable, retrying")
        other.signal_termination()
        other.wait_for("draining")
        started = time.monotonic()
        assert other.end() == 1
        assert time.monotonic() - started <= GRACE
    entries = [json.loads(line) for line in other.log.splitlines() if line.startswith("{")]
    assert "database available again" not in [entry["event"] for entry in entries]
    assert "the database is unavailable" in other.log.splitlines()[-1]
