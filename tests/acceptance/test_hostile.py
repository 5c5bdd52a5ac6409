"""A publisher that may do nothing but publish commands can neither stop the service nor speak in its name."""

import pytest

from tests.acceptance.commands import create, find, unique
from tests.acceptance.peer import Peer
from tests.acceptance.process import Service

SETTINGS = {"CRUDMQ_REPLY_QUEUES": "amq.*, replies.*"}
NUMBER = "F-WWxp5rxBI1"
"""What an unsigned cursor over the number 1 looked like."""
TOO_LONG = "x" * 513


@pytest.mark.parametrize("cursor", [NUMBER, "", "e30=", "A" * 10_000])
def test_a_forged_cursor_is_invalid_and_its_neighbours_are_answered(peer: Peer, service: Service, cursor: str) -> None:
    replies = peer.burst([find("people", limit=1), find("people", after=cursor), create("people", name=unique())])
    assert sorted(reply.content["status"] for reply in replies) == ["error", "ok", "ok"]
    assert {reply.code for reply in replies if reply.status == "error"} == {"invalid"}
    assert service.is_running


def test_a_cursor_is_a_position_after_a_restart_as_well(peer: Peer, service: Service) -> None:
    marker = unique()
    peer.burst([create("people", name=marker, age=age) for age in (1, 2)])
    query = {"where": {"name": marker}, "order": ["age"], "limit": 1}
    after = peer.ask(find("people", **query)).content["page"]["next"]
    service.terminate()
    service.start()
    assert [row["age"] for row in peer.ask(find("people", **query, after=after)).data] == [2]


@pytest.mark.parametrize("queue", ["commands", "dead-letters", "commands.retry.1000"])
def test_no_result_is_sent_to_a_queue_of_the_service(peer: Peer, queue: str) -> None:
    name = unique()
    forged = peer.publish(create("people", name=name), reply_to=f"{peer.prefix}.{queue}")
    assert peer.ask(find("people", where={"name": name})).data == []
    (dead,) = peer.dead_letters()
    assert (dead.properties.message_id, dead.headers["x-error-code"]) == (forged, "malformed")


def test_a_result_is_sent_to_a_queue_that_matches_any_pattern(peer: Peer) -> None:
    allowed = str(peer.channel.queue_declare(f"replies.{unique()}", exclusive=True).method.queue)
    peer.publish(create("people", name=unique()), reply_to=allowed)
    peer.events()
    assert peer.channel.queue_declare(allowed, passive=True).method.message_count == 1


def test_no_result_is_sent_to_a_queue_that_matches_no_pattern(peer: Peer) -> None:
    stranger = str(peer.channel.queue_declare(f"stranger.{unique()}", exclusive=True).method.queue)
    peer.publish(create("people", name=unique()), reply_to=stranger)
    assert [dead.headers["x-error-code"] for dead in peer.dead_letters()] == ["malformed"]
    assert peer.channel.queue_declare(stranger, passive=True).method.message_count == 0


def test_a_command_cannot_be_taken_for_an_event_that_is_published_again(peer: Peer) -> None:
    forged = {"x-error-code": "undeliverable", "x-original-exchange": f"{peer.prefix}.events", "x-user-id": "admin"}
    peer.publish(create("people", name="Tom"), content_type="application/cloudevents+json", headers=forged)
    (dead,) = peer.dead_letters()
    assert dead.headers["x-error-code"] == "malformed"
    assert dead.headers["x-original-exchange"] == f"{peer.prefix}.commands"
    assert "x-user-id" not in dead.headers


def test_long_headers_are_not_copied_to_events(peer: Peer) -> None:
    peer.publish(create("people", name=unique()), headers={"traceparent": TOO_LONG, "tracestate": TOO_LONG})
    peer.publish(create("people", name=unique()), headers={"partition-key": TOO_LONG})
    (created,) = peer.events()
    assert {"traceparent", "tracestate"}.isdisjoint(created.content)
    assert [dead.headers["x-error-code"] for dead in peer.dead_letters()] == ["malformed"]
