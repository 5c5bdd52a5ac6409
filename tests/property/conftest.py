"""A service on each database, without a broker: started once, emptied for each example."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis.internal import constants_ast
from hypothesis.internal.cache import LRUCache
from hypothesis.internal.conjecture import providers
from hypothesis.internal.conjecture.engine import ConjectureRunner

from crudmq.resources import Registry
from tests.property import effort, models
from tests.property.running import Bench
from tests.support import databases

T = TypeVar("T")
effort.register()


@dataclass(frozen=True)
class ServiceRunner:
    """A service and its event loop: hypothesis calls functions, not coroutines."""

    bench: Bench
    runner: asyncio.Runner

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(coroutine)


@pytest.fixture(scope="module", autouse=True)
def all_new() -> Iterator[None]:
    """Generate every example from scratch, and the same ones in every run; hypothesis has no settings for this.

    Hypothesis makes five of six examples by copying parts of the one before: without copies, 300 sequences have 2,373
    different commands instead of 782. It also draws constants of all modules imported so far.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ConjectureRunner, "generate_mutations_from", lambda *_: None)
        patch.setattr(providers.HypothesisProvider, "_local_constants", constants_ast.Constants())
        patch.setattr(providers, "CONSTANTS_CACHE", LRUCache(1024))
        yield


@pytest.fixture(scope="module", params=databases.KINDS)
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceRunner]:
    database: str = request.param
    stack = AsyncExitStack()
    with asyncio.Runner() as runner:
        yield ServiceRunner(runner.run(_open(stack, database, tmp_path_factory.mktemp(database))), runner)
        runner.run(stack.aclose())


def registry() -> Registry:
    registry_ = Registry()
    models.expose_in(registry_)
    return registry_


async def _open(stack: AsyncExitStack, database: str, directory: Path) -> Bench:
    url = await stack.enter_async_context(databases.fresh(database, directory))
    bench = await Bench.open(url, registry())
    stack.push_async_callback(bench.close)
    return bench
