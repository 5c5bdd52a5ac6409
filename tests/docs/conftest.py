"""A terminal under a prefix of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.terminal import Terminal


@pytest.fixture
def terminal(tmp_path: Path, broker_url: str, prefix: str) -> Iterator[Terminal]:
    opened = Terminal(tmp_path, broker_url, prefix)
    try:
        yield opened
    finally:
        opened.kill()
