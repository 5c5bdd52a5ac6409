"""What tests of every kind share: databases and prefixes of their own."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support import broker, databases

_LONGEST = Path(__file__).parent / "property"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files whose single tests take minutes: at the end, a worker would have nothing beside them."""
    items.sort(key=lambda item: not item.path.is_relative_to(_LONGEST))


@pytest.fixture(params=databases.KINDS)
def database_kind(request: pytest.FixtureRequest) -> str:
    """Run the test once on each kind of database."""
    kind: str = request.param
    return kind


@pytest.fixture
async def database_url(database_kind: str, tmp_path: Path) -> AsyncIterator[str]:
    """Give an empty database."""
    async with databases.fresh(database_kind, tmp_path) as url:
        yield url


@pytest.fixture
def broker_url() -> str:
    """Give a real RabbitMQ."""
    return broker.url()


@pytest.fixture
def prefix() -> Iterator[str]:
    """Give a prefix that no other test uses."""
    with broker.fresh_prefix() as fresh:
        yield fresh
