"""Groups: many commands in one transaction, with the results of one at a time."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, func, insert, select, text
from sqlalchemy import update as change

from crudmq import failpoints
from crudmq.examples.models import Person
from crudmq.execution.job import DeadLetter
from crudmq.failpoints import Failpoint
from crudmq.storage import journal, tables
from crudmq.storage.database import Database
from crudmq.storage.errors import AlreadyRecorded, StatementTimeout
from crudmq.storage.translation import translated
from tests.integration.conftest import Bench
from tests.support import sql
from tests.support.broken import breaking
from tests.support.waiting import GENEROUS


def create(name: str, **rest: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON is any value
    return {"resource": "people", "action": "create", "data": {"name": name, **rest}}


def update(key: int, **data: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON is any value
    return {"resource": "people", "action": "update", "key": key, "data": data}


def on(action: str, key: int, resource: str = "people") -> dict[str, Any]:
    return {"resource": resource, "action": action, "key": key}


def email(person: int, address: str) -> dict[str, Any]:
    return {"resource": "emails", "action": "create", "data": {"person_id": person, "address": address}}


def codes(results: list[dict[str, Any]]) -> list[str]:
    return [result["error"]["code"] if result["status"] == "error" else "ok" for result in results]


async def count(bench: Bench, table: Any) -> int:  # noqa: ANN401 - a class or a table
    async with bench.database.reading() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def test_commands_of_a_group_see_the_changes_of_earlier_ones(bench: Bench) -> None:
    results = await bench.run(
        bench.job(create("Tom", id=1, age=1)),
        bench.job(update(1, age=2)),
        bench.job(on("get", 1)),
        bench.job(update(1, age=3)),
        bench.job(on("delete", 1)),
        bench.job(on("get", 1)),
        bench.job(create("Tim", id=1, age=4)),
        bench.job(on("get", 1)),
    )
    assert [result.get("data", {}).get("age") for result in results] == [1, 2, 2, 3, 3, None, 4, 4]
    assert codes(results) == ["ok"] * 5 + ["not_found", "ok", "ok"]
    assert len(bench.batches) == 1
    assert [(event["type"], event["sequence"]) for event in bench.events] == [
        ("people.created", "1"),
        ("people.updated", "2"),
        ("people.updated", "3"),
        ("people.deleted", "3"),
        ("people.created", "1"),
    ]


async def test_a_refused_command_leaves_its_neighbours_alone(bench: Bench) -> None:
    await bench.ask(create("Tom", id=1))
    results = await bench.run(*(bench.job(email(1 + (n == 5), f"a{n % 9}")) for n in range(12)))
    assert codes(results) == ["ok"] * 5 + ["conflict"] + ["ok"] * 3 + ["conflict"] * 3
    assert [event["type"] for event in bench.events].count("emails.created") == 8
    assert [event["type"] for event in bench.events].count("emails.failed") == 4


async def test_commands_with_taken_values_are_found_by_a_query_and_share_the_transaction(bench: Bench) -> None:
    await bench.ask(create("Tom", id=1))
    await bench.ask(email(1, "a"))
    bench.batches.clear()
    addresses = ["b", "a", "c", "d", "c", "e", "a", "f"]
    results = await bench.run(*(bench.job(email(1, address)) for address in addresses))
    assert codes(results) == ["ok", "conflict", "ok", "ok", "conflict", "ok", "conflict", "ok"]
    assert len(bench.batches) == 1


async def test_a_value_freed_by_a_command_may_be_used_later_in_the_same_group(bench: Bench) -> None:
    await bench.ask(create("Tom", id=1))
    await bench.ask(email(1, "a"))
    await bench.ask(email(1, "b"))
    move = [
        {"resource": "emails", "action": "update", "key": 1, "data": {"address": "c"}},
        {"resource": "emails", "action": "update", "key": 2, "data": {"address": "a"}},
        {"resource": "emails", "action": "update", "key": 1, "data": {"address": "a"}},
    ]
    results = await bench.run(*map(bench.job, move), bench.job(email(1, "b")))
    assert codes(results) == ["ok", "ok", "conflict", "ok"]


async def test_a_command_does_not_succeed_because_of_later_ones(bench: Bench) -> None:
    await bench.ask(create("Tom", id=1))
    await bench.ask(email(1, "a"))
    results = await bench.run(
        bench.job(email(1, "a")),
        bench.job(email(2, "b")),
        bench.job(on("delete", 1)),
        bench.job(create("Ann", id=2)),
        bench.job(on("delete", 1, "emails")),
        bench.job(on("delete", 1)),
        bench.job(email(2, "a")),
    )
    assert codes(results) == ["conflict", "conflict", "conflict", "ok", "ok", "ok", "ok"]


async def test_writes_before_a_savepoint_are_not_rolled_back_with_it(bench: Bench) -> None:
    def group(action: str, key: int, name: str) -> dict[str, Any]:
        return {"resource": "groups", "action": action, "data": {"id": key, "name": name}}

    await bench.ask(group("create", 1, "a"))
    results = await bench.run(bench.job(group("create", 5, "a")), bench.job(group("upsert", 7, "z")))
    assert codes(results) == ["conflict", "ok"]
    dry = {**group("create", 8, "y"), "dry_run": True}
    results = await bench.run(bench.job(group("create", 6, "a")), bench.job(dry))
    assert codes(results) == ["conflict", "ok"]


async def test_the_same_command_twice_in_a_group_takes_effect_once(bench: Bench) -> None:
    original, repeated, other = (
        bench.job(create("Tom"), "same"),
        bench.job(create("Tom"), "same"),
        bench.job(create("Tim"), "same"),
    )
    results = await bench.run(original, repeated, other)
    assert results[0] == results[1]
    assert codes(results) == ["ok", "ok", "id_reused"]
    assert [message.replayed for message in bench.published if message.reply_to] == [False, True, False]
    assert [event["type"] for event in bench.events] == ["people.created", "people.failed"]


async def test_a_refusal_is_recorded(bench: Bench) -> None:
    command = update(7, age=1)
    refused = await bench.ask(command, "early")
    await bench.ask(create("Tom", id=7))
    assert await bench.ask(command, "early") == refused
    assert codes([refused]) == ["not_found"]


async def test_reads_are_not_recorded(bench: Bench) -> None:
    await bench.ask(on("get", 1), "read")
    await bench.ask(create("Tom", id=1))
    assert codes([await bench.ask(on("get", 1), "read")]) == ["ok"]
    assert await count(bench, tables.inbox) == 1


async def test_a_read_with_an_id_that_a_write_used_is_refused(bench: Bench) -> None:
    await bench.ask(create("Tom", id=1), "same")
    assert codes([await bench.ask(on("get", 1), "same")]) == ["id_reused"]
    query = bench.job({"resource": "people", "action": "list"}, "same")
    (outcome,) = (await bench.execution.executor.read(query)).outcomes
    assert '"id_reused"' in outcome.messages[0].body


async def test_processes_that_run_the_same_commands_at_once_do_each_once(bench: Bench, other_bench: Bench) -> None:
    results = await asyncio.gather(
        *(
            process.run(*(process.job(create(f"p{number}"), f"same-{number}") for number in numbers))
            for process in (bench, other_bench)
            for numbers in (range(10), range(9, -1, -1))
        )
    )
    assert {code for group in results for code in codes(group)} == {"ok"}
    by_id = {result["id"]: result for group in results for result in group}
    assert all(by_id[result["id"]] == result for group in results for result in group)
    assert await count(bench, Person) == 10
    assert len({event["id"] for event in [*bench.events, *other_bench.events]}) == 10


async def test_upserts_of_one_row_by_two_processes_at_once_insert_it_once(bench: Bench, other_bench: Bench) -> None:
    for number in range(10):
        command = {"resource": "groups", "action": "upsert", "data": {"name": f"g{number}"}, "on": ["name"]}
        both = (bench.ask(command, f"one-{number}"), other_bench.ask(command, f"other-{number}"))
        results = list(await asyncio.gather(*both))
        assert codes(results) == ["ok", "ok"]
        assert sorted(result["created"] for result in results) == [0, 1]


async def test_an_id_recorded_by_another_process_rolls_the_transaction_back(bench: Bench) -> None:
    entry = journal.Entry(b"1" * 16, b"2" * 16, "{}")
    async with bench.database.writing.begin() as session:
        await journal.record(session, [entry], [])
    async with bench.database.writing() as session:
        await session.execute(insert(Person).values(id=1, name="Tom", version=1))
        with pytest.raises(AlreadyRecorded):
            await journal.record(session, [entry], [])
    assert await count(bench, Person) == 0


async def test_an_internal_error_is_isolated_and_dead_lettered(bench: Bench, database_kind: str) -> None:
    async with bench.database.writing.begin() as session:
        for statement in breaking(database_kind, "users"):
            await session.execute(text(statement))
    broken = {"resource": "users", "action": "create", "data": {"id": 1, "email": "e", "login": "l"}}
    results = await bench.run(bench.job(create("Tom")), bench.job(broken), bench.job(create("Ann")))
    assert codes(results) == ["ok", "internal", "ok"]
    assert "users" not in results[1]["error"]["message"]
    (disposition,) = [
        outcome.disposition
        for batch in bench.batches
        for outcome in batch.outcomes
        if isinstance(outcome.disposition, DeadLetter)
    ]
    assert disposition.error.code == "internal"


async def test_unpublished_messages_are_published_after_a_redelivery_with_the_same_ids(
    bench: Bench, other_bench: Bench
) -> None:
    """The process dies between its commit and the publishing; the broker delivers to another one."""
    tom, ann = create("Tom"), create("Ann")
    await bench.run(bench.job(tom, "1"), bench.job(ann, "2"))
    await other_bench.run(other_bench.job(tom, "1", redelivered=True))
    assert other_bench.events == bench.events
    assert [message.replayed for message in other_bench.published if message.reply_to][-1]
    await other_bench.mark()
    other_bench.published.clear()
    await other_bench.run(other_bench.job(ann, "2", redelivered=True))
    assert other_bench.events == []


async def test_a_repeat_by_its_publisher_publishes_no_events_again(bench: Bench, other_bench: Bench) -> None:
    await bench.ask(create("Tom"), "1")
    assert (await other_bench.ask(create("Tom"), "1"))["status"] == "ok"
    assert other_bench.events == []


async def test_a_repeat_while_its_events_are_being_published_does_not_publish_them_again(bench: Bench) -> None:
    await bench.ask(create("Tom"), "1")
    bench.published.clear()
    await bench.ask(create("Tom"), "1")
    assert bench.events == []


REPEATED = {
    "an update": update(1, age=5),
    "a create, whose row is there by now": create("Ann", id=2),
    "a delete, whose row is gone by now": on("delete", 1),
    "one that would be refused by now": {
        "resource": "people",
        "action": "update",
        "where": {"name": "Ann"},
        "data": {"name": "Tom"},
        "max_rows": 1,
    },
}


@pytest.mark.parametrize("command", REPEATED.values(), ids=REPEATED)
async def test_a_lone_repeat_is_answered_with_the_recorded_result(bench: Bench, command: dict[str, Any]) -> None:
    await bench.ask(create("Tom", id=1))
    if "where" in command:
        await bench.ask(create("Ann", id=3))
    original = await bench.ask(command, "1")
    assert original["status"] == "ok"
    if "where" in command:
        await bench.run(*[bench.job(create("Ann")) for _ in range(3)])
    before = await count(bench, Person)
    assert await bench.ask(command, "1") == original
    assert await count(bench, Person) == before
    assert (await bench.ask(update(1, age=6), "1"))["error"]["code"] == "id_reused"


async def test_the_outbox_is_empty_once_everything_is_published(bench: Bench) -> None:
    await bench.ask(create("Tom"))
    assert await count(bench, tables.outbox) == 1
    await bench.mark()
    assert await count(bench, tables.outbox) == 0


async def test_messages_of_a_commit_without_a_reply_are_published_at_once(bench: Bench) -> None:
    await bench.ask(create("Tom", id=1))

    def lose_the_reply(_: object) -> None:
        failpoints.set_handler(Failpoint.COMMITTED, None)
        raise ConnectionResetError

    failpoints.set_handler(Failpoint.COMMITTED, lose_the_reply)
    results = await bench.run(bench.job(update(1, age=1)), bench.job(update(1, age=2)))
    assert codes(results) == ["ok", "ok"]
    await bench.ask(update(1, age=3))
    assert [event["sequence"] for event in bench.events] == ["1", "2", "3", "4"]
    await bench.mark()
    assert await count(bench, tables.outbox) == 0


async def test_unpublished_messages_are_claimed_once_their_lease_has_expired(bench: Bench, other_bench: Bench) -> None:
    await bench.ask(create("Tom"))
    assert (await other_bench.execution.publication.claim_expired(limit=10)).unpublished == {}
    async with bench.database.writing.begin() as session:
        await session.execute(change(tables.outbox).values(leased_until=0))
    assert (await bench.execution.publication.claim_expired(limit=10)).unpublished == {}, "its own are on their way"
    batch = await other_bench.execution.publication.claim_expired(limit=10)
    assert [message for row in batch.unpublished.values() for message in row] == bench.published
    assert (await other_bench.execution.publication.claim_expired(limit=10)).unpublished == {}


async def test_published_rows_that_cannot_be_deleted_are_deleted_later(bench: Bench) -> None:
    await bench.ask(create("Tom"))
    async with bench.database.writing.begin() as session:
        await session.execute(text("ALTER TABLE crudmq_outbox RENAME TO renamed"))
    failed = asyncio.Event()
    event.listen(bench.database.engine.sync_engine, "handle_error", lambda _: failed.set())
    marking = asyncio.create_task(bench.mark())
    async with asyncio.timeout(GENEROUS):
        await failed.wait()
        async with bench.database.writing.begin() as session:
            await session.execute(text("ALTER TABLE renamed RENAME TO crudmq_outbox"))
        await marking
    assert await count(bench, tables.outbox) == 0


async def test_a_repeat_is_answered_with_the_recorded_result_though_its_row_is_locked(
    bench: Bench, other_bench: Bench
) -> None:
    if bench.database.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one lock for all rows")
    await bench.ask(create("Tom", id=1))
    original = await bench.ask(update(1, age=2), "once")
    async with sql.holding(bench.url, "SELECT id FROM people WHERE id = 1 FOR UPDATE"):
        assert await other_bench.ask(update(1, age=2), "once") == original
        again = await other_bench.ask(update(1, age=3), "another")
        assert again["error"]["code"] == "timeout"
    assert codes([await other_bench.ask(update(1, age=3), "another")]) == ["ok"]


async def test_a_group_may_name_more_keys_than_a_statement_has_parameters(bench: Bench) -> None:
    async with bench.database.writing.begin() as session:
        await session.execute(insert(Person), [{"id": n, "name": "p", "version": 1} for n in range(1, 17_001)])
    updates = [
        {
            "resource": "people",
            "action": "update",
            "data": [{"key": n, "data": {"age": 5}} for n in range(start, start + 1000)],
        }
        for start in range(1, 17_001, 1000)
    ]
    results = await bench.run(*(bench.job(command) for command in updates))
    assert codes(results) == ["ok"] * 17
    assert len(bench.batches) == 1


async def test_a_statement_is_cancelled_after_the_statement_timeout(bench: Bench) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    database = Database.open(bench.url, statement_timeout=timedelta(seconds=0.2))
    with pytest.raises(StatementTimeout), translated():
        async with database.reading() as session:
            await session.execute(text(endless))
    await database.close()


async def test_the_same_value_of_a_hidden_field_is_a_change_as_well(bench: Bench) -> None:
    key = {"id": 1, "email": "t@example.org"}
    await bench.ask({"resource": "users", "action": "create", "data": {**key, "login": "tom", "password_hash": "hush"}})
    for guess in ("hush", "other"):
        update = {"resource": "users", "action": "update", "key": key, "data": {"password_hash": guess}}
        assert (await bench.ask(update))["status"] == "ok"
    assert [event["type"] for event in bench.events] == ["users.created", "users.updated", "users.updated"]


async def test_hidden_fields_are_written_and_shown_nowhere(bench: Bench) -> None:
    key = {"id": 1, "email": "t@example.org"}
    user = {**key, "login": "tom", "password_hash": "hush"}
    results = await bench.run(
        bench.job({"resource": "users", "action": "create", "data": user}),
        bench.job({"resource": "users", "action": "update", "key": key, "data": {"password_hash": "hush2"}}),
        bench.job({"resource": "users", "action": "create", "data": {**user, "id": 2, "password_hash": 5}}),
        bench.job({"resource": "users", "action": "get", "key": key}),
    )
    assert codes(results) == ["ok", "ok", "invalid", "ok"]
    published = " ".join(message.body for message in bench.published)
    assert "hush" not in published
    assert "password_hash" not in published
    assert bench.events[1]["data"]["changed"] == []
    async with bench.database.reading() as session:
        assert await session.scalar(text("SELECT password_hash FROM users")) == "hush2"
