"""The short form of `make fuzz`."""

from pathlib import Path

import pytest

from tests.fuzz.bugs import Bug
from tests.fuzz.fuzzed import fuzz
from tests.support import databases

MESSAGES = 600
SHORT = 15
"""In seconds: how long the run waits for commands that are never answered."""


@pytest.mark.parametrize("kind", databases.KINDS)
async def test_hostile_messages_are_answered_and_acknowledged_and_memory_does_not_grow(
    kind: str, tmp_path: Path
) -> None:
    report = await fuzz(kind, tmp_path, MESSAGES, seed=1)
    assert report.findings == []
    assert report.messages.total() == MESSAGES + MESSAGES // 50


@pytest.mark.parametrize("bug", list(Bug))
async def test_the_messages_find_a_bug(bug: Bug, tmp_path: Path) -> None:
    assert (await fuzz("sqlite", tmp_path, MESSAGES, seed=1, bug=bug, patience=SHORT)).findings
