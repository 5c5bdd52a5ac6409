"""SIGTERM while the broker is unavailable."""

import time
from collections.abc import Callable, Iterator

import pytest
from yarl import URL

from tests.acceptance.process import Service
from tests.faults.fixtures.proxy import Effect, Proxy
from tests.support import broker

GRACE = 6


@pytest.fixture(scope="module", params=["sqlite"])
def database_kind(request: pytest.FixtureRequest) -> str:
    """Nothing here depends on it."""
    kind: str = request.param
    return kind


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with Proxy(URL(broker.url()).port or 5672) as proxy:
        yield proxy


def behind(proxy: Proxy, service: Service, name: str) -> Service:
    """Return another service, which reaches the broker by a proxy."""
    other = Service(service.database_url, f"{service.prefix}-{name}", {"CRUDMQ_SHUTDOWN_GRACE": f"{GRACE}s"})
    other.environ["CRUDMQ_BROKER_URL"] = str(URL(broker.url()).with_host("127.0.0.1").with_port(proxy.port))
    return other


def seconds_to_end(service: Service) -> float:
    service.signal_termination()
    started = time.monotonic()
    assert service.end() == 0
    return time.monotonic() - started


@pytest.mark.parametrize(("effect", "outage"), [(Effect.REFUSED, Proxy.refuse), (Effect.HELD, Proxy.hold)])
def test_a_service_that_never_reached_its_broker_ends_within_the_grace_period(
    service: Service, proxy: Proxy, effect: Effect, outage: Callable[[Proxy], None]
) -> None:
    outage(proxy)
    other = behind(proxy, service, outage.__name__)
    other.launch()
    while proxy.effects[effect] < 2:  # the consumer and the publisher
        time.sleep(0.01)
    assert seconds_to_end(other) <= GRACE


@pytest.mark.parametrize("outage", [Proxy.refuse, Proxy.hold])
def test_a_service_that_lost_its_broker_ends_within_the_grace_period(
    service: Service, proxy: Proxy, outage: Callable[[Proxy], None]
) -> None:
    other = behind(proxy, service, f"lost-{outage.__name__}").start()
    outage(proxy)
    assert seconds_to_end(other) <= GRACE
