"""Commands that the database refuses, though nothing is wrong with them: each harms itself only, and for now only."""

import asyncio
from collections.abc import Sequence
from itertools import count
from typing import Any

import pytest
from sqlalchemy import event, text
from structlog.testing import capture_logs

from crudmq import failpoints
from crudmq.aio import cancel, race
from crudmq.contract.command import Limits
from crudmq.examples.models import Person, User
from crudmq.execution.job import RETRY_DELAYS, Ack, DeadLetter, Disposition, Job, Retry
from crudmq.failpoints import Failpoint
from crudmq.processing.decoder import Decoder
from crudmq.resources.registry import Registry
from crudmq.storage.database import Database
from crudmq.storage.errors import ConnectionLost
from tests.integration.conftest import Bench
from tests.support.execution import Execution
from tests.support.waiting import GENEROUS

GOOD = {"resource": "people", "action": "create", "data": {"name": "Tom"}}
GROUP = {"resource": "groups", "action": "create", "data": {"name": "a"}}
USER = {"resource": "users", "action": "create", "data": {"id": 1, "email": "e", "login": "l"}}
LOSSES = 3
LAST: dict[str, Any] = {"attempts": len(RETRY_DELAYS)}
SIGNAL = "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no more users'"
REJECTING = {
    "sqlite": ["CREATE TRIGGER no BEFORE INSERT ON users BEGIN SELECT RAISE(ABORT, 'no more users'); END"],
    "mariadb": ["CREATE TRIGGER no BEFORE INSERT ON users FOR EACH ROW " + SIGNAL],
    "postgresql": [
        "CREATE FUNCTION reject() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'no more users'; END$$",
        "CREATE TRIGGER no BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION reject()",
    ],
}
RENAME = "ALTER TABLE users RENAME COLUMN login TO name"


async def execute(bench: Bench, statements: Sequence[str]) -> None:
    async with bench.database.writing.begin() as session:
        for statement in statements:
            await session.execute(text(statement))


async def dispositions(bench: Bench, *jobs: Job) -> list[Disposition]:
    outcomes = {
        id(outcome.delivery): outcome.disposition
        async for batch in bench.execution.executor.execute(jobs)
        for outcome in batch.outcomes
    }
    return [outcomes[id(job.delivery)] for job in jobs]


async def test_a_trigger_rejects_a_command_as_a_constraint_does(bench: Bench, database_kind: str) -> None:
    await execute(bench, REJECTING[database_kind])
    results = await bench.run(bench.job(GOOD), bench.job(USER, "rejected"), bench.job(GOOD))
    assert [result["status"] for result in results] == ["ok", "error", "ok"]
    assert results[1]["error"] == {
        "code": "conflict",
        "message": "no more users",
        "retryable": False,
        "details": [{"path": "", "message": "no more users", "kind": "trigger"}],
    }
    assert "no more users" not in str(bench.events)
    (again,) = await bench.run(bench.job(USER, "rejected"))
    assert again == results[1]


@pytest.mark.parametrize("database_kind", ["postgresql"])
@pytest.mark.parametrize(
    "state", ["08006", "25006", "28000", "53100", "53400", "55P03", "57014", "57P01", "57P03", "57P04"]
)
async def test_a_trigger_rejects_a_command_with_any_code(bench: Bench, state: str) -> None:
    function, trigger = REJECTING["postgresql"]
    await execute(bench, [function.replace("users'", f"users' USING ERRCODE = '{state}'"), trigger])
    async with asyncio.timeout(GENEROUS):
        with capture_logs() as logs:
            results = await bench.run(bench.job(GOOD), bench.job(USER), bench.job(GOOD))
    assert [result["status"] for result in results] == ["ok", "error", "ok"]
    assert (results[1]["error"]["code"], results[1]["error"]["message"]) == ("conflict", "no more users")
    assert logs == []


@pytest.mark.parametrize("database_kind", ["postgresql"])
class TestOnPostgreSQL:
    @pytest.fixture(autouse=True)
    async def _unprivileged(self, bench: Bench) -> None:
        """Grant a role all but what a test takes away."""
        await execute(
            bench,
            [
                "GRANT ALL ON ALL TABLES IN SCHEMA public TO pg_monitor",
                "GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO pg_monitor",
            ],
        )
        name = bench.database.engine.url.database
        await execute(bench, [f'ALTER DATABASE "{name}" SET role = pg_monitor'])

    async def test_a_policy_rejects_a_command_as_a_constraint_does(self, bench: Bench) -> None:
        await execute(
            bench,
            ["ALTER TABLE users ENABLE ROW LEVEL SECURITY", "CREATE POLICY p ON users USING (true) WITH CHECK (false)"],
        )
        await bench.database.close()
        results = await bench.run(bench.job(GOOD), bench.job(USER))
        assert [result["status"] for result in results] == ["ok", "error"]
        assert (results[1]["error"]["code"], results[1]["error"]["details"][0]["kind"]) == ("conflict", "policy")

    async def test_a_missing_privilege_is_retried_and_then_unavailable(self, bench: Bench) -> None:
        await execute(bench, ["REVOKE INSERT ON users FROM pg_monitor"])
        await bench.database.close()
        with capture_logs() as logs:
            assert await dispositions(bench, bench.job(USER)) == [Retry(1)]
            (dead,) = await dispositions(bench, bench.job(USER, "last", **LAST))
        assert isinstance(dead, DeadLetter)
        assert dead.error.code == "unavailable"
        assert [line["log_level"] for line in logs] == ["warning", "error"]
        assert all("permission denied for table" in line["reason"] for line in logs)

    async def test_a_missing_privilege_on_the_inbox_concerns_all_commands(self, bench: Bench) -> None:
        await execute(bench, ["REVOKE INSERT ON crudmq_inbox FROM pg_monitor"])
        await bench.database.close()
        assert "crudmq_inbox" in await reason_of_waiting(bench)


async def reason_of_waiting(bench: Bench) -> str:
    """Run a command, and return the reason for which it waits."""
    errors, is_repeated = count(1), asyncio.Event()

    def observe(_: object) -> None:
        if next(errors) > 1:
            is_repeated.set()

    event.listen(bench.database.engine.sync_engine, "handle_error", observe)
    running = asyncio.create_task(dispositions(bench, bench.job(GOOD)))
    async with asyncio.timeout(GENEROUS):
        await race(is_repeated.wait(), running)
    assert not running.done()
    reason = bench.execution.gate.reason
    await cancel(running)
    return reason or ""


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE crudmq_outbox RENAME TO elsewhere",
        "ALTER TABLE crudmq_inbox RENAME TO elsewhere",
        "ALTER TABLE crudmq_inbox RENAME COLUMN body TO elsewhere",
    ],
)
async def test_a_fault_of_the_tables_of_crudmq_concerns_all_commands(bench: Bench, statement: str) -> None:
    await execute(bench, [statement])
    reason = await reason_of_waiting(bench)
    assert "crudmq_" in reason or "body" in reason


@pytest.mark.parametrize("database_kind", ["postgresql", "mariadb"])
async def test_a_key_column_without_further_keys_fails_only_the_commands_that_need_one(
    bench: Bench, database_kind: str
) -> None:
    await execute(bench, [EXHAUST[database_kind]])
    acknowledged, dead = await dispositions(bench, bench.job(GOOD), bench.job(GROUP, "last", **LAST))
    assert not isinstance(acknowledged, DeadLetter)
    assert isinstance(dead, DeadLetter)
    assert dead.error.code == "unavailable"


EXHAUST = {
    "postgresql": "SELECT setval(pg_get_serial_sequence('groups', 'id'), 2147483647)",
    "mariadb": "INSERT INTO `groups` (id, name) VALUES (2147483647, 'last')",
}


async def test_without_a_check_a_missing_column_is_the_error_of_its_commands(bench: Bench) -> None:
    await execute(bench, [RENAME])
    acknowledged, waiting = await dispositions(bench, bench.job(GOOD), bench.job(USER))
    assert not isinstance(acknowledged, Retry | DeadLetter)
    assert waiting == Retry(1)


SUICIDE = "SELECT pg_terminate_backend(pg_backend_pid()) AS ended"
MURDER = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
TERMINATING = "CREATE FUNCTION terminate() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN %s; RETURN NEW; END$$"
CALL = {"action": "call", "name": "crash"}


def bench_that_probes(database: Database, registry: Registry) -> Bench:
    """Make a process that can find out whether the database is available."""

    async def is_available() -> None:
        async with database.reading() as session:
            await session.execute(text("SELECT 1"))

    return Bench(database, Execution.on(database, is_available), Decoder(registry, Limits()))


def registry_with(sql: str = SUICIDE, *, writes: bool = True) -> Registry:
    registry = Registry()
    registry.expose(Person)
    registry.expose(User)
    registry.register_statement("crash", sql, writes=writes)
    return registry


@pytest.mark.parametrize("database_kind", ["postgresql"])
class TestThatEndConnections:
    async def test_a_read_that_ends_its_own_connection_is_not_repeated_for_ever(self, database: Database) -> None:
        bench = bench_that_probes(database, registry_with(writes=False))
        async with asyncio.timeout(GENEROUS):
            batch = await bench.execution.executor.read(bench.job(CALL))
        assert batch.outcomes[0].disposition == Retry(1)

    async def test_a_write_that_ends_its_own_connection_fails_alone(self, database: Database) -> None:
        bench = bench_that_probes(database, registry_with())
        group = [bench.job(CALL, "culprit") if number == 5 else bench.job(GOOD) for number in range(9)]
        async with asyncio.timeout(GENEROUS):
            with capture_logs() as logs:
                ended = await dispositions(bench, *group)
                (dead,) = await dispositions(bench, bench.job(CALL, "culprit", **LAST))
        assert [number for number, each in enumerate(ended) if each != Ack()] == [5]
        assert ended[5] == Retry(1)
        assert isinstance(dead, DeadLetter)
        assert dead.error.code == "unavailable"
        assert [(line["log_level"], line.get("message_id")) for line in logs] == [
            ("warning", "culprit"),
            ("error", "culprit"),
        ]

    @pytest.mark.parametrize("when", ["BEFORE INSERT ON users", "AFTER INSERT ON users DEFERRABLE INITIALLY DEFERRED"])
    async def test_so_does_a_write_whose_trigger_ends_its_connection(self, database: Database, when: str) -> None:
        bench = bench_that_probes(database, registry_with())
        kind = "CONSTRAINT TRIGGER" if "DEFERRED" in when else "TRIGGER"
        perform = SUICIDE.replace("SELECT", "PERFORM")
        trigger = f"CREATE {kind} no {when} FOR EACH ROW EXECUTE FUNCTION terminate()"
        await execute(bench, [TERMINATING % perform, trigger])
        async with asyncio.timeout(GENEROUS):
            ended = await dispositions(bench, bench.job(GOOD), bench.job(USER, "u"), bench.job(GOOD))
            (dead,) = await dispositions(bench, bench.job(USER, "u", **LAST))
        assert ended == [Ack(), Retry(1), Ack()]
        assert isinstance(dead, DeadLetter)

    async def test_a_write_that_ends_all_connections_fails_alone(self, database: Database) -> None:
        bench = bench_that_probes(database, registry_with(MURDER))
        async with asyncio.timeout(GENEROUS):
            ended = await dispositions(bench, bench.job(GOOD), bench.job(CALL), bench.job(GOOD))
        assert ended == [Ack(), Retry(1), Ack()]

    async def test_a_command_whose_commit_was_not_answered_does_not_fail_if_it_took_effect(
        self, database: Database
    ) -> None:
        bench, runs = bench_that_probes(database, registry_with()), count(1)

        async def lose_the_connection(_: object) -> None:
            if next(runs) < LOSSES:
                raise ConnectionLost("before the commit")

        async def lose_the_reply(_: object) -> None:
            failpoints.set_handler(Failpoint.COMMITTED, None)
            raise ConnectionLost("after the commit")

        failpoints.set_handler(Failpoint.IN_TRANSACTION, lose_the_connection)
        failpoints.set_handler(Failpoint.COMMITTED, lose_the_reply)
        try:
            (ended,) = await dispositions(bench, bench.job(GOOD, "uncertain", **LAST))
        finally:
            failpoints.set_handler(Failpoint.IN_TRANSACTION, None)
            failpoints.set_handler(Failpoint.COMMITTED, None)
        assert next(runs) > LOSSES
        assert ended == Ack()
        assert (await bench.ask({"resource": "people", "action": "count"}))["data"] == 1


async def test_a_deferred_read_that_the_database_cannot_run_is_retried_and_then_unavailable(bench: Bench) -> None:
    await execute(bench, [RENAME])
    command: dict[str, Any] = {"resource": "users", "action": "list", "where": {"login": "l"}}
    batch = await bench.execution.executor.read(bench.job(command))
    assert batch.outcomes[0].disposition == Retry(1)
    batch = await bench.execution.executor.read(bench.job(command, **LAST))
    assert isinstance(batch.outcomes[0].disposition, DeadLetter)


SORT = "SELECT count(*) FROM (SELECT * FROM generate_series(1, 100000) AS x ORDER BY x DESC) AS y"


@pytest.mark.parametrize("database_kind", ["postgresql"])
@pytest.mark.parametrize("neighbors", [0, 1], ids=["alone", "in a group"])
@pytest.mark.parametrize("nested", [False, True], ids=["a call", "a call in a transaction"])
async def test_a_write_that_exceeds_a_limit_of_the_database_is_logged_once(
    database: Database, *, neighbors: int, nested: bool
) -> None:
    bench = bench_that_probes(database, registry_with(SORT))
    name = database.engine.url.database
    limits = ("temp_file_limit = 64", "work_mem = '64kB'")
    await execute(bench, [f'ALTER DATABASE "{name}" SET {limit}' for limit in limits])
    await database.close()
    command = {"action": "transaction", "commands": [CALL]} if nested else CALL
    with capture_logs() as logs:
        result, *_ = await bench.run(bench.job(command, "sorts"), *(bench.job(GOOD) for _ in range(neighbors)))
    assert result["error"]["code"] == "limit_exceeded"
    assert [(line["event"], line["message_id"]) for line in logs] == [("database cannot run a command", "sorts")]
