"""A service on each kind of database, without a broker: made once, emptied for each example."""

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

from service.resources import Registry
from tests.property import effort, models
from tests.property.running import Bench
from tests.support import databases

T = TypeVar("T")
effort.register()


@dataclass(frozen=True)
class Place:
    """A service, and the loop that it lives in: hypothesis calls functions, not coroutines."""

    bench: Bench
    loop: asyncio.Runner

    def run(self, what: Coroutine[Any, Any, T]) -> T:
        return self.loop.run(what)


@pytest.fixture(scope="module", autouse=True)
def all_new() -> Iterator[None]:
    """Draw every example anew, and the same ones in every run. There is no setting for either.

    Hypothesis makes five of six examples by copying parts of the one before: without copies, 300 sequences have 2,373
    different commands instead of 782. And it draws constants of all modules that happen to be imported by then.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ConjectureRunner, "generate_mutations_from", lambda *_: None)
        patch.setattr(providers.HypothesisProvider, "_local_constants", constants_ast.Constants())
        patch.setattr(providers, "CONSTANTS_CACHE", LRUCache(1024))
        yield


@pytest.fixture(scope="module", params=databases.KINDS)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    kind: str = request.param
    stack = AsyncExitStack()
    with asyncio.Runner() as loop:
        yield Place(loop.run(_open(stack, kind, tmp_path_factory.mktemp(kind))), loop)
        loop.run(stack.aclose())


def registry() -> Registry:
    found = Registry()
    models.expose_in(found)
    return found


async def _open(stack: AsyncExitStack, kind: str, directory: Path) -> Bench:
    url = await stack.enter_async_context(databases.fresh(kind, directory))
    bench = await Bench.open(url, registry())
    stack.push_async_callback(bench.close)
    return bench
