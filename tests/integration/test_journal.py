"""The inbox and the outbox of services that share a database, of a database that lost transactions, and their end."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, text, update

from crudmq.contract.delivery import Delivery
from crudmq.execution.job import Batch
from crudmq.processing.poison import PoisonDetector, Suspects
from crudmq.storage import journal, tables
from crudmq.storage.database import Database
from tests.integration.conftest import STATEMENT_TIMEOUT, Bench, bench_on

CREATE = {"resource": "people", "action": "create", "data": {"name": "Tom"}}
ALL = 10
MANY_ENTRIES = """
    INSERT INTO crudmq_inbox (id, prefix, body, result, stored_at)
    SELECT decode(md5(number::text), 'hex'), 'crudmq', '', '', 0 FROM generate_series(1, 20000) AS number
"""


@pytest.fixture
async def other_service(bench: Bench) -> AsyncIterator[Bench]:
    """Give a process of a service with another prefix, on the same database."""
    opened = Database.open(bench.url, statement_timeout=STATEMENT_TIMEOUT, prefix="other")
    yield bench_on(opened)
    await opened.close()


async def names(bench: Bench) -> list[str]:
    result = await bench.ask({"resource": "people", "action": "list", "fields": ["name"]})
    return [row["name"] for row in result["data"]]


async def rows(bench: Bench, *columns: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401 - columns of any type
    async with bench.database.reading() as session:
        return [tuple(row) for row in await session.execute(select(*columns).order_by(*columns))]


async def expire_leases(bench: Bench) -> None:
    async with bench.database.writing.begin() as session:
        await session.execute(update(tables.outbox).values(leased_until=0))


async def claimed(bench: Bench) -> list[str]:
    """Claim what is to be relayed, and return its bodies."""
    batch = await bench.execution.publication.claim_expired(ALL)
    return [message.body for row in batch.unpublished.values() for message in row]


async def prune(bench: Bench) -> int:
    async with bench.database.writing.begin() as session:
        before = await journal.current_time(session) + 1
        return await journal.prune(session, timedelta(hours=1), before, ALL)


async def age(bench: Bench) -> None:
    async with bench.database.writing.begin() as session:
        await session.execute(update(tables.inbox).values(stored_at=tables.inbox.c.stored_at - 3601))


async def test_two_services_run_commands_with_the_same_id(bench: Bench, other_service: Bench) -> None:
    await bench.run(bench.job(CREATE, "1"), bench.job(CREATE, "2"))
    await other_service.run(other_service.job(CREATE, "1"), other_service.job(CREATE, "2"))
    await other_service.run(other_service.job(CREATE, "3"))
    await bench.run(bench.job(CREATE, "3"))
    assert [message.replayed for message in bench.published + other_service.published] == [False] * 12
    assert await names(bench) == ["Tom"] * 6


async def test_a_service_relays_its_own_messages_only(bench: Bench, other_service: Bench, other_bench: Bench) -> None:
    await bench.ask(CREATE, "1")
    await expire_leases(bench)
    assert await claimed(other_service) == []
    assert await claimed(other_bench) == [message.body for message in bench.published]


async def test_a_service_prunes_its_own_entries_only(bench: Bench, other_service: Bench) -> None:
    await bench.ask(CREATE, "1")
    await bench.mark()
    await age(bench)
    assert await prune(other_service) == 0
    assert await prune(bench) == 1


async def test_a_service_counts_its_own_crashes_only(bench: Bench, other_service: Bench) -> None:
    mine, others = (PoisonDetector(each.database, each.execution.gate) for each in (bench, other_service))
    command = Delivery(b"{}", message_id="1")
    await mine.record_start(Suspects([command]))
    assert await mine.split([command]) == [Suspects([command], 1)]
    assert await others.split([command]) == [Suspects([command], 0)]
    await others.clear(Suspects([command]))
    assert await mine.split([command]) == [Suspects([command], 1)]


async def test_entries_are_pruned_once_their_messages_are_published(bench: Bench) -> None:
    await bench.run(bench.job(CREATE), bench.job(CREATE))
    assert await prune(bench) == 0
    await age(bench)
    assert await prune(bench) == 0
    await bench.mark()
    assert await prune(bench) == 2


async def test_entries_stored_since_a_time_are_not_pruned(bench: Bench) -> None:
    await bench.ask(CREATE)
    await bench.mark()
    ((stored_at,),) = await rows(bench, tables.inbox.c.stored_at)
    async with bench.database.writing.begin() as session:
        assert await journal.prune(session, timedelta(hours=-1), stored_at, ALL) == 0
        assert await journal.prune(session, timedelta(hours=-1), stored_at + 1, ALL) == 1


async def test_a_refreshed_entry_is_as_new(bench: Bench, other_service: Bench) -> None:
    await bench.run(bench.job(CREATE, "1"), bench.job(CREATE, "2"))
    await bench.mark()
    await age(bench)
    for each in (bench, other_service):
        async with each.database.writing.begin() as session:
            await journal.refresh(session, {journal.digest(b"1" if each is bench else b"2")})
    assert await prune(bench) == 1
    assert await rows(bench, tables.inbox.c.id) == [(journal.digest(b"1"),)]


async def test_entries_are_not_searched_by_their_prefix(bench: Bench) -> None:
    """A table that has no statistics, as after a start with an empty one: PostgreSQL takes a prefix to be rare."""
    if bench.database.engine.dialect.name != "postgresql":
        pytest.skip("only PostgreSQL chooses the index by such an estimate")
    ids = [journal.digest(bytes([number])) for number in range(200)]
    async with bench.database.writing.begin() as session:
        await session.execute(text(MANY_ENTRIES))
    async with bench.database.writing.begin() as session:
        await journal.lookup(session, ids)
        await journal.refresh(session, ids)
        scans = await session.scalar(
            text("SELECT pg_stat_get_xact_numscans('ix_crudmq_inbox_prefix_stored_at'::regclass)")
        )
    assert scans == 0


async def publish_and_lose(bench: Bench) -> tuple[Batch, int]:
    """Commit and publish a batch whose transaction the database loses then; return it and the id of its outbox row."""
    await bench.ask(CREATE, "lost")
    ((outbox_id,),) = await rows(bench, tables.outbox.c.id)
    async with bench.database.writing.begin() as session:
        for table in (tables.outbox, tables.inbox):
            await session.execute(table.delete())
    return bench.batches.pop(), outbox_id


async def assign_again(bench: Bench, outbox_id: int) -> None:
    async with bench.database.writing.begin() as session:
        await session.execute(update(tables.outbox).values(id=outbox_id))
        await session.execute(update(tables.inbox).values(outbox_id=outbox_id))


async def test_a_row_that_got_the_id_of_a_lost_one_is_not_deleted_with_it(bench: Bench, other_bench: Bench) -> None:
    lost, outbox_id = await publish_and_lose(bench)
    await other_bench.ask(CREATE, "new")
    await assign_again(bench, outbox_id)
    bench.execution.publication.confirm(lost.outbox_keys())
    await bench.execution.publication.delete_published()
    assert await rows(bench, tables.outbox.c.id) == [(outbox_id,)]


async def test_a_row_that_got_the_id_of_a_lost_one_is_relayed(bench: Bench, other_bench: Bench) -> None:
    _, outbox_id = await publish_and_lose(bench)
    await other_bench.ask(CREATE, "new")
    await assign_again(bench, outbox_id)
    await expire_leases(bench)
    assert await claimed(bench) == [message.body for message in other_bench.published]


async def test_a_row_that_got_the_id_of_a_lost_one_is_published_by_a_redelivery(
    bench: Bench, other_bench: Bench
) -> None:
    _, outbox_id = await publish_and_lose(bench)
    await other_bench.ask(CREATE, "new")
    await assign_again(bench, outbox_id)
    bench.published.clear()
    await bench.run(bench.job(CREATE, "new", redelivered=True))
    assert bench.events == other_bench.events


async def test_other_processes_do_not_publish_what_is_held_for_longer_than_a_lease(
    bench: Bench, other_bench: Bench
) -> None:
    await bench.ask(CREATE, "held")
    await bench.execution.publication.renew_leases()
    await expire_leases(bench)
    await bench.execution.publication.renew_leases()
    assert await claimed(other_bench) == []


async def test_a_row_of_the_previous_version_is_relayed_and_deleted(bench: Bench) -> None:
    old = {"prefix": bench.database.prefix, "messages": "[]", "leased_until": 0}
    async with bench.database.writing.begin() as session:
        await session.execute(insert(tables.outbox), old)
    batch = await bench.execution.publication.claim_expired(ALL)
    bench.execution.publication.confirm(batch.outbox_keys())
    await bench.execution.publication.delete_published()
    assert await rows(bench, tables.outbox.c.id) == []
