"""One service for each module and kind of database, and a peer for each test."""

import asyncio
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.acceptance import process
from tests.acceptance.peer import Peer
from tests.acceptance.process import Service
from tests.support import broker, databases

_HERE = Path(__file__).parent
_LINES_SHOWN = 60


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep together what shares a service: one worker runs it."""
    for item in items:
        if isinstance(item, pytest.Function) and item.path.is_relative_to(_HERE):
            callspec = getattr(item, "callspec", None)
            kind = callspec.params.get("database_kind", "") if callspec is not None else ""
            item.add_marker(pytest.mark.xdist_group(f"{item.path.stem}-{kind}"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the service logged where a test failed."""
    report = yield
    if report.failed:
        for service_process in process.started:
            lines = service_process.log.splitlines()[-_LINES_SHOWN:]
            report.sections.append((f"log of crudmq {service_process.prefix}", "\n".join(lines)))
    return report


@pytest.fixture(scope="module", params=databases.KINDS)
def database_kind(request: pytest.FixtureRequest) -> str:
    """Run the tests once on each kind of database."""
    kind: str = request.param
    return kind


@pytest.fixture(scope="module")
def service(
    database_kind: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Service]:
    """Run a service that the tests of the module share, with the module's `SETTINGS`, `OPTIONS` and tables, if any."""
    fresh = databases.fresh(database_kind, tmp_path_factory.mktemp("database"))
    settings = getattr(request.module, "SETTINGS", {})
    with asyncio.Runner() as runner, broker.fresh_prefix() as prefix:
        url = runner.run(fresh.__aenter__())
        try:
            service = Service(url, prefix, settings)
            service.options = getattr(request.module, "OPTIONS", ())
            if getattr(request.module, "CREATES_TABLES", False):
                service.migrate("--create-tables")
            with service:
                yield service
        finally:
            runner.run(fresh.__aexit__(None, None, None))


@pytest.fixture
def peer(service: Service) -> Iterator[Peer]:
    """Connect to the service; whatever tests before left behind is out of the way."""
    with Peer(service.prefix) as connected:
        connected.events()
        connected.dead_letters()
        yield connected
