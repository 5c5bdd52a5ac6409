"""The limits that an operator sets."""

from typing import Any

from tests.acceptance.commands import create, create_all, find, unique
from tests.acceptance.peer import Peer

SETTINGS = {"CRUDMQ_MAX_PAGE": "5", "CRUDMQ_MAX_MESSAGE_BYTES": "2048"}


def command_of_size(size: int) -> bytes:
    """Give a good command of so many bytes."""
    body = b'{"resource": "people", "action": "create", "data": {"name": "Tom"}}'
    return body + b" " * (size - len(body))


def test_a_message_may_be_as_large_as_the_setting_says_and_no_larger(peer: Peer) -> None:
    assert peer.ask(command_of_size(2048)).status == "ok"
    message_id = unique()
    reply = peer.ask(command_of_size(2049), message_id=message_id)
    assert reply.code == "limit_exceeded"
    assert (reply.content["id"], reply.error["retryable"]) == (message_id, False)
    assert len(peer.events()) == 1
    assert peer.dead_letters() == []
    assert peer.ask(command_of_size(2048)).status == "ok"


def test_a_page_may_be_as_large_as_the_setting_says_and_no_larger(peer: Peer) -> None:
    name = unique()
    rows: list[dict[str, Any]] = [{"name": name}] * 8
    peer.ask(create_all("people", rows))
    assert len(peer.ask(find("people", where={"name": name}, limit=5)).data) == 5
    for limit in (6, 10**30):
        reply = peer.ask(find("people", where={"name": name}, limit=limit))
        assert (reply.code, reply.paths) == ("limit_exceeded", {"limit"})


def test_a_page_without_a_limit_is_within_the_setting(peer: Peer) -> None:
    name = unique()
    peer.ask(create_all("people", [{"name": name}] * 8))
    assert len(peer.ask(find("people", where={"name": name})).data) == 5


def test_messages_over_the_size_limit_do_not_delay_others(peer: Peer) -> None:
    replies = peer.burst([command_of_size(3000 if number % 2 else 100) for number in range(50)])
    assert sorted(reply.status for reply in replies) == ["error"] * 25 + ["ok"] * 25
    assert peer.ask(create("people", name="Tom")).status == "ok"
