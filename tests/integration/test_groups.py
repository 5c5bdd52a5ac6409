"""Groups: many commands in one transaction, as if they had come one by one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, insert, select, text
from sqlalchemy import update as change
from sqlalchemy.ext.asyncio import AsyncSession

from service.examples.models import Person
from service.execution.outcome import DeadLetter
from service.storage import inbox, outbox, tables
from service.storage.engine import Database
from service.storage.errors import TooSlow, Transient, translated
from service.storage.inbox import Entry
from tests.integration.conftest import Bench


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


async def test_commands_of_a_group_see_what_those_before_them_did(bench: Bench) -> None:
    results = await bench.run(
        bench.attempt(create("Tom", id=1, age=1)),
        bench.attempt(update(1, age=2)),
        bench.attempt(on("get", 1)),
        bench.attempt(update(1, age=3)),
        bench.attempt(on("delete", 1)),
        bench.attempt(on("get", 1)),
        bench.attempt(create("Tim", id=1, age=4)),
        bench.attempt(on("get", 1)),
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
    results = await bench.run(*(bench.attempt(email(1 + (n == 5), f"a{n % 9}")) for n in range(12)))
    assert codes(results) == ["ok"] * 5 + ["conflict"] + ["ok"] * 3 + ["conflict"] * 3
    assert [event["type"] for event in bench.events].count("emails.created") == 8
    assert [event["type"] for event in bench.events].count("emails.failed") == 4


async def test_commands_whose_values_are_taken_are_found_by_a_look_and_share_the_transaction(bench: Bench) -> None:
    await bench.ask(create("Tom", id=1))
    await bench.ask(email(1, "a"))
    bench.batches.clear()
    addresses = ["b", "a", "c", "d", "c", "e", "a", "f"]
    results = await bench.run(*(bench.attempt(email(1, one)) for one in addresses))
    assert codes(results) == ["ok", "conflict", "ok", "ok", "conflict", "ok", "conflict", "ok"]
    assert len(bench.batches) == 1


async def test_a_value_may_be_taken_from_who_gave_it_away_in_the_same_group(bench: Bench) -> None:
    await bench.ask(create("Tom", id=1))
    await bench.ask(email(1, "a"))
    await bench.ask(email(1, "b"))
    move = [
        {"resource": "emails", "action": "update", "key": 1, "data": {"address": "c"}},
        {"resource": "emails", "action": "update", "key": 2, "data": {"address": "a"}},
        {"resource": "emails", "action": "update", "key": 1, "data": {"address": "a"}},
    ]
    results = await bench.run(*map(bench.attempt, move), bench.attempt(email(1, "b")))
    assert codes(results) == ["ok", "ok", "conflict", "ok"]


async def test_a_command_is_not_saved_by_those_after_it(bench: Bench) -> None:
    await bench.ask(create("Tom", id=1))
    await bench.ask(email(1, "a"))
    results = await bench.run(
        bench.attempt(email(1, "a")),
        bench.attempt(email(2, "b")),
        bench.attempt(on("delete", 1)),
        bench.attempt(create("Ann", id=2)),
        bench.attempt(on("delete", 1, "emails")),
        bench.attempt(on("delete", 1)),
        bench.attempt(email(2, "a")),
    )
    assert codes(results) == ["conflict", "conflict", "conflict", "ok", "ok", "ok", "ok"]


async def test_what_waits_before_a_command_that_runs_in_a_savepoint_is_not_lost_with_it(bench: Bench) -> None:
    def group(action: str, key: int, name: str) -> dict[str, Any]:
        return {"resource": "groups", "action": action, "data": {"id": key, "name": name}}

    await bench.ask(group("create", 1, "a"))
    results = await bench.run(bench.attempt(group("create", 5, "a")), bench.attempt(group("upsert", 7, "z")))
    assert codes(results) == ["conflict", "ok"]
    dry = {**group("create", 8, "y"), "dry_run": True}
    results = await bench.run(bench.attempt(group("create", 6, "a")), bench.attempt(dry))
    assert codes(results) == ["conflict", "ok"]


async def test_the_same_command_twice_in_a_group_takes_effect_once(bench: Bench) -> None:
    first, again, other = (
        bench.attempt(create("Tom"), "same"),
        bench.attempt(create("Tom"), "same"),
        bench.attempt(create("Tim"), "same"),
    )
    results = await bench.run(first, again, other)
    assert results[0] == results[1]
    assert codes(results) == ["ok", "ok", "id_reused"]
    assert [one.replayed for one in bench.published if one.reply_to] == [False, True, False]
    assert [event["type"] for event in bench.events] == ["people.created", "people.failed"]


async def test_a_refusal_is_remembered_as_well(bench: Bench) -> None:
    command = update(7, age=1)
    refused = await bench.ask(command, "early")
    await bench.ask(create("Tom", id=7))
    assert await bench.ask(command, "early") == refused
    assert codes([refused]) == ["not_found"]


async def test_reads_and_what_failed_through_us_are_not_remembered(bench: Bench) -> None:
    await bench.ask(on("get", 1), "read")
    await bench.ask(create("Tom", id=1))
    assert codes([await bench.ask(on("get", 1), "read")]) == ["ok"]
    assert await count(bench, tables.inbox) == 1


async def test_a_read_with_an_id_that_a_write_used_is_refused(bench: Bench) -> None:
    await bench.ask(create("Tom", id=1), "same")
    assert codes([await bench.ask(on("get", 1), "same")]) == ["id_reused"]
    query = bench.attempt({"resource": "people", "action": "list"}, "same")
    (settled,) = (await bench.executor.read(query)).settled
    assert '"id_reused"' in settled.messages[0].body


async def test_processes_that_run_the_same_commands_at_once_do_each_once(bench: Bench, other_bench: Bench) -> None:
    results = await asyncio.gather(
        *(
            one.run(*(one.attempt(create(f"p{number}"), f"same-{number}") for number in numbers))
            for one in (bench, other_bench)
            for numbers in (range(10), range(9, -1, -1))
        )
    )
    assert {code for found in results for code in codes(found)} == {"ok"}
    by_id = {result["id"]: result for found in results for result in found}
    assert all(by_id[result["id"]] == result for found in results for result in found)
    assert await count(bench, Person) == 10
    assert len({event["id"] for event in [*bench.events, *other_bench.events]}) == 10


async def test_upserts_of_one_row_by_two_processes_at_once_insert_it_once(bench: Bench, other_bench: Bench) -> None:
    for number in range(10):
        command = {"resource": "groups", "action": "upsert", "data": {"name": f"g{number}"}, "on": ["name"]}
        both = (bench.ask(command, f"one-{number}"), other_bench.ask(command, f"other-{number}"))
        results = list(await asyncio.gather(*both))
        assert codes(results) == ["ok", "ok"]
        assert sorted(result["created"] for result in results) == [0, 1]


async def test_an_id_that_another_process_stored_meanwhile_undoes_the_transaction(bench: Bench) -> None:
    entry = Entry(b"1" * 16, b"2" * 16, "{}")
    async with bench.database.writing.begin() as session:
        await inbox.add(session, [entry])
    async with bench.database.writing() as session:
        await session.execute(insert(Person).values(id=1, name="Tom", version=1))
        with pytest.raises(Transient):
            await inbox.add(session, [entry])
    assert await count(bench, Person) == 0


async def test_what_breaks_is_isolated_and_kept(bench: Bench) -> None:
    async with bench.database.writing.begin() as session:
        await session.execute(text("DROP TABLE users"))
    broken = {"resource": "users", "action": "create", "data": {"id": 1, "email": "e", "login": "l"}}
    results = await bench.run(bench.attempt(create("Tom")), bench.attempt(broken), bench.attempt(create("Ann")))
    assert codes(results) == ["ok", "internal", "ok"]
    assert "users" not in results[1]["error"]["message"]
    (kept,) = [one for batch in bench.batches for one in batch.settled if isinstance(one.outcome, DeadLetter)]
    assert kept.outcome.error.code == "internal"  # type: ignore[union-attr]


async def test_what_is_not_known_to_be_published_is_told_again_with_the_same_ids(
    bench: Bench, other_bench: Bench
) -> None:
    """The process dies between its commit and the publishing; the broker delivers to another one."""
    tom, ann = create("Tom"), create("Ann")
    await bench.run(bench.attempt(tom, "1"), bench.attempt(ann, "2"))
    await other_bench.run(other_bench.attempt(tom, "1", redelivered=True))
    assert other_bench.events == bench.events
    assert [one.replayed for one in other_bench.published if one.reply_to][-1]
    await other_bench.mark()
    other_bench.published.clear()
    await other_bench.run(other_bench.attempt(ann, "2", redelivered=True))
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
async def test_one_that_comes_again_alone_is_answered_with_what_it_came_to(
    bench: Bench, command: dict[str, Any]
) -> None:
    await bench.ask(create("Tom", id=1))
    if "where" in command:
        await bench.ask(create("Ann", id=3))
    first = await bench.ask(command, "1")
    assert first["status"] == "ok"
    if "where" in command:
        await bench.run(*[bench.attempt(create("Ann")) for _ in range(3)])
    before = await count(bench, Person)
    assert await bench.ask(command, "1") == first
    assert await count(bench, Person) == before
    assert (await bench.ask(update(1, age=6), "1"))["error"]["code"] == "id_reused"


async def test_once_all_is_published_the_outbox_is_empty(bench: Bench) -> None:
    await bench.ask(create("Tom"))
    assert await count(bench, tables.outbox) == 1
    await bench.mark()
    assert await count(bench, tables.outbox) == 0


async def test_what_was_committed_without_our_hearing_of_it_is_told_at_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.ask(create("Tom", id=1))
    begin = bench.database.writing.begin

    @asynccontextmanager
    async def without_reply() -> AsyncIterator[AsyncSession]:
        monkeypatch.undo()
        async with begin() as session:
            yield session
        raise ConnectionResetError

    monkeypatch.setattr(bench.database.writing, "begin", without_reply)
    results = await bench.run(bench.attempt(update(1, age=1)), bench.attempt(update(1, age=2)))
    assert codes(results) == ["ok", "ok"]
    await bench.ask(update(1, age=3))
    assert [told["sequence"] for told in bench.events] == ["1", "2", "3", "4"]
    await bench.mark()
    assert await count(bench, tables.outbox) == 0


async def test_leftovers_are_taken_over_once_their_lease_is_over(bench: Bench, other_bench: Bench) -> None:
    await bench.ask(create("Tom"))
    assert (await other_bench.executor.take_over(limit=10)).leftovers == {}
    async with bench.database.writing.begin() as session:
        await session.execute(change(tables.outbox).values(leased_until=0))
    assert (await bench.executor.take_over(limit=10)).leftovers == {}, "its own are on their way"
    batch = await other_bench.executor.take_over(limit=10)
    assert [one for row in batch.leftovers.values() for one in row] == bench.published
    assert (await other_bench.executor.take_over(limit=10)).leftovers == {}


async def test_what_the_inbox_kept_long_enough_is_forgotten(bench: Bench) -> None:
    await bench.run(*(bench.attempt(create("Tom")) for _ in range(20)))
    assert await bench.executor.forget(timedelta(hours=1)) == 0
    async with bench.database.writing.begin() as session:
        await session.execute(change(tables.inbox).values(stored_at=tables.inbox.c.stored_at - 3601))
    assert await bench.executor.forget(timedelta(hours=1)) == 20
    assert await count(bench, tables.inbox) == 0


async def test_marks_that_cannot_be_written_wait_for_a_next_time(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    await bench.ask(create("Tom"))

    async def refused(*_: object) -> None:
        raise TooSlow

    with monkeypatch.context() as patched:
        patched.setattr(outbox, "published", refused)
        await bench.mark()
    assert await count(bench, tables.outbox) == 1
    await bench.executor.mark_published()
    assert await count(bench, tables.outbox) == 0


async def test_a_repeat_whose_row_somebody_holds_is_answered_what_it_came_to(bench: Bench, other_bench: Bench) -> None:
    if bench.database.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one lock for all rows")
    await bench.ask(create("Tom", id=1))
    told = await bench.ask(update(1, age=2), "once")
    async with bench.database.engine.connect() as holder:
        await holder.execute(text("SELECT id FROM people WHERE id = 1 FOR UPDATE"))
        assert await other_bench.ask(update(1, age=2), "once") == told
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
    results = await bench.run(*(bench.attempt(one) for one in updates))
    assert codes(results) == ["ok"] * 17
    assert len(bench.batches) == 1


async def test_a_statement_has_its_time_and_no_more(bench: Bench) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    database = Database.open(bench.url, statement_timeout=timedelta(seconds=0.2))
    with pytest.raises(TooSlow), translated():
        async with database.reading() as session:
            await session.execute(text(endless))
    await database.close()


async def test_hidden_fields_are_written_and_shown_nowhere(bench: Bench) -> None:
    key = {"id": 1, "email": "t@example.org"}
    user = {**key, "login": "tom", "password_hash": "hush"}
    results = await bench.run(
        bench.attempt({"resource": "users", "action": "create", "data": user}),
        bench.attempt({"resource": "users", "action": "update", "key": key, "data": {"password_hash": "hush2"}}),
        bench.attempt({"resource": "users", "action": "create", "data": {**user, "id": 2, "password_hash": 5}}),
        bench.attempt({"resource": "users", "action": "get", "key": key}),
    )
    assert codes(results) == ["ok", "ok", "invalid", "ok"]
    told = " ".join(one.body for one in bench.published)
    assert "hush" not in told
    assert "password_hash" not in told
    assert bench.events[1]["data"]["changed"] == []
    async with bench.database.reading() as session:
        assert await session.scalar(text("SELECT password_hash FROM users")) == "hush2"
