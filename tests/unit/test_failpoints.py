"""Failpoints."""

from collections.abc import Iterator

import pytest

from crudmq.failpoints import Failpoint, reach, set_handler

POINT = Failpoint.RECEIVED


@pytest.fixture(autouse=True)
def cleared() -> Iterator[None]:
    yield
    set_handler(POINT, None)


async def test_without_a_handler_nothing_happens() -> None:
    await reach(POINT, "subject")


async def test_a_plain_handler_is_called_with_the_subject_of_its_own_point_only() -> None:
    subjects: list[object] = []
    set_handler(POINT, subjects.append)
    await reach(POINT, "subject")
    await reach(Failpoint.COMMITTED, "other")
    assert subjects == ["subject"]


async def test_an_async_handler_is_waited_for_and_may_raise() -> None:
    async def fail(subject: object) -> None:
        raise ConnectionError(subject)

    set_handler(POINT, fail)
    with pytest.raises(ConnectionError, match="subject"):
        await reach(POINT, "subject")


async def test_a_handler_can_be_removed() -> None:
    subjects: list[object] = []
    set_handler(POINT, subjects.append)
    set_handler(POINT, None)
    await reach(POINT, "subject")
    assert subjects == []
