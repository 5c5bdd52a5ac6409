"""What follows when a message was sent."""

import pytest
from aiormq.exceptions import (
    AMQPError,
    ChannelAccessRefused,
    ChannelClosed,
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
    ConnectionClosed,
    ConnectionFrameError,
    ConnectionInternalError,
    ConnectionResourceError,
)

from crudmq.messaging.sending import Pending, Sending
from crudmq.messaging.verdicts import Verdict, explain, judge
from crudmq.messaging.wire.outgoing import Kind, Outgoing, Plain
from crudmq.messaging.wire.publishing import (
    RefusedError,
    UnconfirmedError,
    UnencodableError,
    UnroutableError,
    unconfirmed,
)

SHUTDOWN = ConnectionClosed(320, "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'")
TOO_LARGE = ChannelPreconditionFailed("PRECONDITION_FAILED - message size 20 is larger than configured max size 16")
NOT_FOUND = ChannelNotFoundEntity("NOT_FOUND - no exchange 'crudmq.events' in vhost '/'")
DENIED = ChannelAccessRefused("ACCESS_REFUSED - access to exchange 'crudmq.events' in vhost '/' refused")
INTERNAL = ConnectionInternalError("INTERNAL_ERROR")
FRAME = ConnectionFrameError("FRAME_ERROR")
KINDS = tuple(Kind)


def pending(kind: Kind, *, queue: str = "queue", refusals: int = 0, closes: int = 0) -> Pending:
    message = Outgoing("", queue, b"", Plain("application/json", "1", None), mandatory=True, kind=kind)
    (made,) = Sending([message]).pending
    made.refusals, made.closes = refusals, closes
    return made


@pytest.mark.parametrize("kind", KINDS)
def test_a_message_that_cannot_be_encoded_is_undeliverable(kind: Kind) -> None:
    assert judge(pending(kind), UnencodableError(""), is_alone=False) is Verdict.UNDELIVERABLE


def test_only_a_result_may_be_unroutable() -> None:
    assert judge(pending(Kind.RESULT), UnroutableError(""), is_alone=False) is Verdict.UNDELIVERABLE
    assert judge(pending(Kind.COMMAND), UnroutableError(""), is_alone=False) is Verdict.UNROUTABLE


def test_a_result_that_a_queue_refuses_is_sent_again_a_few_times_and_anything_else_is_held() -> None:
    error = RefusedError("")
    assert judge(pending(Kind.RESULT, refusals=4), error, is_alone=False) is Verdict.RETRY
    assert judge(pending(Kind.RESULT, refusals=5), error, is_alone=False) is Verdict.UNDELIVERABLE
    assert judge(pending(Kind.EVENT, refusals=1000), error, is_alone=True) is Verdict.HOLD


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("is_alone", [True, False])
@pytest.mark.parametrize("reason", [None, SHUTDOWN, NOT_FOUND, ConnectionResourceError(""), OSError(), TimeoutError()])
def test_a_lost_link_is_nobodys_fault_unless_the_broker_says_so(
    *, kind: Kind, is_alone: bool, reason: BaseException | None
) -> None:
    assert judge(pending(kind, closes=1000), unconfirmed(reason), is_alone=is_alone) is Verdict.UNCONFIRMED


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reason", [TOO_LARGE, DENIED, INTERNAL, FRAME, ChannelClosed(311, "CONTENT_TOO_LARGE")])
def test_all_messages_of_a_link_that_the_broker_closes_are_suspects(kind: Kind, reason: AMQPError) -> None:
    assert judge(pending(kind, closes=1000), unconfirmed(reason), is_alone=False) is Verdict.SUSPECT


@pytest.mark.parametrize("reason", [TOO_LARGE, DENIED, ChannelClosed(311, "CONTENT_TOO_LARGE")])
def test_a_result_that_closes_its_channel_is_undeliverable(reason: AMQPError) -> None:
    assert judge(pending(Kind.RESULT), unconfirmed(reason), is_alone=True) is Verdict.UNDELIVERABLE


def test_a_result_that_closes_its_connection_is_tried_again_unless_its_address_explains_it() -> None:
    error = unconfirmed(INTERNAL)
    assert judge(pending(Kind.RESULT, closes=1), error, is_alone=True) is Verdict.HOLD
    assert judge(pending(Kind.RESULT, closes=2), error, is_alone=True) is Verdict.UNDELIVERABLE
    direct = pending(Kind.RESULT, queue="amq.rabbitmq.reply-to.!!!.x")
    assert judge(direct, error, is_alone=True) is Verdict.UNDELIVERABLE


@pytest.mark.parametrize("reason", [TOO_LARGE, INTERNAL, FRAME])
@pytest.mark.parametrize("kind", [Kind.EVENT, Kind.COMMAND, Kind.SUBSTITUTE])
def test_any_other_message_is_undeliverable_when_it_has_closed_three_links(kind: Kind, reason: AMQPError) -> None:
    error = unconfirmed(reason)
    assert judge(pending(kind, closes=1), error, is_alone=True) is Verdict.HOLD
    assert judge(pending(kind, closes=2), error, is_alone=True) is Verdict.UNDELIVERABLE


def test_an_event_waits_for_permissions() -> None:
    assert judge(pending(Kind.EVENT, closes=1000), unconfirmed(DENIED), is_alone=True) is Verdict.HOLD


def test_the_reason_is_given_in_the_brokers_words() -> None:
    assert explain(unconfirmed(TOO_LARGE)) == f"ChannelPreconditionFailed: {TOO_LARGE}"
    assert explain(UnroutableError("NO_ROUTE")) == "NO_ROUTE"
    assert explain(UnconfirmedError("the channel is closed")) == "the channel is closed"
