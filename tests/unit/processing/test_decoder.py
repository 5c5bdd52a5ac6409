"""Decoding: whatever a message raises concerns this message alone."""

import pytest
from structlog.testing import capture_logs

from crudmq.contract.command import Limits
from crudmq.contract.delivery import Delivery
from crudmq.contract.errors import Internal, Malformed
from crudmq.execution.planner import Planner
from crudmq.messaging.topology import ReplyQueues, Topology
from crudmq.processing.decoder import Decoder
from crudmq.resources.registry import load

LIST = Delivery(b'{"resource": "people", "action": "list"}', message_id="one", reply_to="replies")


@pytest.mark.parametrize("error", [TypeError, KeyError, RecursionError, MemoryError, StopIteration])
def test_what_decoding_does_not_expect_is_an_internal_error_of_the_message(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise error("bug")

    monkeypatch.setattr(Planner, "plan", fail)
    with capture_logs() as logs:
        job = Decoder(load("crudmq.examples.models"), Limits()).decode(LIST)
    assert isinstance(job.error, Internal)
    assert job.plan is None
    assert [(line["event"], line["message_id"]) for line in logs] == [("command failed with an internal error", "one")]


def test_a_command_whose_result_would_go_to_a_queue_of_the_service_is_malformed_and_gets_none() -> None:
    forged = Delivery(LIST.body, message_id="one", reply_to="crudmq.dead-letters")
    job = Decoder(load("crudmq.examples.models"), Limits(), replies=ReplyQueues(Topology("crudmq"))).decode(forged)
    assert isinstance(job.error, Malformed)
    assert job.delivery.reply_to is None
