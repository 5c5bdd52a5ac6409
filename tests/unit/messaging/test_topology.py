"""Names."""

from datetime import timedelta

from crudmq.messaging.topology import Topology


def test_without_partitions_there_is_one_queue() -> None:
    assert Topology("crudmq").queues == ("crudmq.commands",)


def test_with_partitions_the_single_queue_is_emptied_as_well() -> None:
    assert Topology("crudmq", 2).queues == ("crudmq.commands", "crudmq.commands.0", "crudmq.commands.1")


def test_retry_queues_are_named_by_milliseconds() -> None:
    assert Topology("crudmq").retry(timedelta(seconds=1.5)) == "crudmq.commands.retry.1500"
