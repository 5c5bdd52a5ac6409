"""Names."""

from datetime import timedelta

import pytest

from crudmq.messaging.topology import ReplyQueues, Topology


def test_without_partitions_there_is_one_queue() -> None:
    assert Topology("crudmq").queues == ("crudmq.commands",)


def test_with_partitions_the_single_queue_is_emptied_as_well() -> None:
    assert Topology("crudmq", 2).queues == ("crudmq.commands", "crudmq.commands.0", "crudmq.commands.1")


def test_retry_queues_are_named_by_milliseconds() -> None:
    assert Topology("crudmq").retry(timedelta(seconds=1.5)) == "crudmq.commands.retry.1500"


OWN = ("crudmq.commands", "crudmq.dead-letters", "crudmq.commands.0", "crudmq.commands.retry.1000")


@pytest.mark.parametrize("queue", OWN)
def test_results_never_go_to_a_queue_of_the_service(queue: str) -> None:
    assert not ReplyQueues(Topology("crudmq"), ["*", queue]).allow(queue)


@pytest.mark.parametrize(
    ("queue", "is_allowed"),
    [("replies.shop", True), ("amq.gen-x", True), ("shop.commands", False), ("Replies.shop", False), ("", False)],
)
def test_results_go_to_queues_that_match_a_pattern(queue: str, *, is_allowed: bool) -> None:
    assert ReplyQueues(Topology("crudmq"), ["replies.*", "amq.gen-*"]).allow(queue) is is_allowed
