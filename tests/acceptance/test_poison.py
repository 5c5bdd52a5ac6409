"""Messages that end the connection, or the process, are found out; none of their neighbours goes with them."""

import struct

import pytest
from pika import BasicProperties

from tests.acceptance.commands import create, unique, update
from tests.acceptance.peer import Peer, Result
from tests.acceptance.poison_models import DEADLY
from tests.acceptance.process import Service
from tests.support import sql

BYSTANDERS = 120
SETTINGS = {"CRUDMQ_PREFETCH": "50", "CRUDMQ_MODELS": "tests.acceptance.poison_models"}
CREATES_TABLES = True
DEADLY_ONES = (30, 90)
_MOST_STARTS = 20
CAUGHT = "SELECT id FROM crudmq_strikes WHERE number > 1"


class Raw(BasicProperties):
    """Properties as bytes that no client would write."""

    def __init__(self, flags: int, content: bytes) -> None:
        super().__init__()
        self._encoded = struct.pack(">H", flags) + content

    def encode(self) -> list[bytes]:
        return [self._encoded]


def short(text: bytes) -> bytes:
    return bytes([len(text)]) + text


def nested_tables(depth: int) -> bytes:
    """Give a table in a table in a table."""
    table = struct.pack(">I", 0)
    for _ in range(depth):
        entry = short(b"a") + b"F" + table
        table = struct.pack(">I", len(entry)) + entry
    return table


HEADERS, MESSAGE_ID, TIMESTAMP = 1 << 13, 1 << 7, 1 << 6
UNREADABLE = {
    "a message_id that is not UTF-8": Raw(MESSAGE_ID, short(b"\xff\xfe")),
    "a time after the end of all calendars": Raw(MESSAGE_ID | TIMESTAMP, short(b"late") + b"\xff" * 8),
    "headers 1,500 deep": Raw(HEADERS, nested_tables(1500)),
}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    """Do it where a process shares nothing with the database, and where it does."""
    kind: str = request.param
    return kind


@pytest.mark.parametrize("poison", UNREADABLE.values(), ids=UNREADABLE)
def test_what_the_client_cannot_read_is_malformed_and_its_neighbours_are_answered(peer: Peer, poison: Raw) -> None:
    for number in range(BYSTANDERS):
        if number == BYSTANDERS // 2:
            peer.channel.basic_publish(f"{peer.prefix}.commands", "people.create", b"{}", poison)
        peer.publish(create("people", name=unique()))
    assert [reply.status for reply in peer.replies(BYSTANDERS)] == ["ok"] * BYSTANDERS
    (dead,) = peer.dead_letters()
    assert dead.body == b"{}"
    assert dead.headers["x-error-code"] == "malformed"
    assert "properties cannot be read" in dead.headers["x-error-message"]


def test_a_routing_key_may_be_any_bytes(peer: Peer) -> None:
    peer.channel.basic_publish(
        f"{peer.prefix}.commands",
        b"\xff\xfe",  # type: ignore[arg-type]  # pika writes bytes as they are
        b'{"resource": "people", "action": "list", "limit": 1}',
        BasicProperties(message_id=unique(), reply_to=peer.reply_to),
    )
    assert peer.reply().status == "ok"


def test_a_command_that_ends_the_process_is_dead_lettered_alone(service: Service) -> None:
    with Peer(service.prefix) as peer:
        peer.dead_letters()
        ids = [
            peer.publish(create("notes", text=DEADLY if number in DEADLY_ONES else unique()))
            for number in range(BYSTANDERS)
        ]
        guilty = {ids[number] for number in DEADLY_ONES}
        replies: dict[str, Result] = {}
        starts = 0
        while len(replies) < BYSTANDERS:
            if not service.is_running:
                starts += 1
                assert starts <= _MOST_STARTS
                service.end()
                service.start()
            peer.until(lambda: peer.waiting > 0 or not service.is_running, "a result, or an end")
            for reply in peer.replies(peer.waiting):
                replies[reply.content["id"]] = reply
        assert {message_id for message_id, reply in replies.items() if reply.status != "ok"} == guilty
        assert {replies[message_id].code for message_id in guilty} == {"internal"}
        assert {dead.properties.message_id for dead in peer.dead_letters()} == guilty
        assert sql.select(service.database_url, "SELECT count(*) FROM notes") == [(BYSTANDERS - len(guilty),)]
        # Those of a process that died after the last acknowledgement are pruned later.
        peer.until(lambda: not sql.select(service.database_url, CAUGHT), "an end of all suspicions")


WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
END_WAITING = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND wait_event_type = 'Lock'"
)
"""The server does not notice that the process is gone while its statement waits."""
KILLS = 8


def test_a_command_that_waits_for_a_lock_is_never_taken_for_one_that_ends_the_process(
    service: Service, database_kind: str
) -> None:
    if database_kind != "postgresql":
        pytest.skip("nobody else holds locks")

    def is_waiting() -> bool:
        return sql.select(service.database_url, WAITING) == [(1,)] and not sql.select(service.database_url, CAUGHT)

    with Peer(service.prefix) as peer:
        peer.dead_letters()
        tom = peer.created("people", name="Tom", age=1)
        with sql.open_transaction(service.database_url, f"SELECT id FROM people WHERE id = {tom['id']} FOR UPDATE"):  # noqa: S608
            ids = [peer.publish(update("people", tom["id"], {"age": 2}))]
            ids += [peer.publish(create("people", name=unique())) for _ in range(BYSTANDERS)]
            for _ in range(KILLS):
                peer.until(is_waiting, "a command that waits for the lock")
                service.kill()
                sql.execute(service.database_url, END_WAITING)
                service.start()
        replies: dict[str, Result] = {}
        while len(replies) < len(ids):
            reply = peer.reply()
            replies[reply.content["id"]] = reply
        assert {reply.status for reply in replies.values()} == {"ok"}
        assert peer.dead_letters() == []
