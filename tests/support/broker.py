"""Queues and exchanges that a test makes for itself and removes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pika

from crudmq.execution.job import RETRY_DELAYS
from crudmq.messaging.topology import Topology
from tests.support.waiting import GENEROUS

DEFAULT_URL = "amqp://guest:guest@127.0.0.1:5672/"


def url() -> str:
    """Give the broker that tests use."""
    return os.environ.get("CRUDMQ_BROKER_URL", DEFAULT_URL)


def connect() -> pika.BlockingConnection:
    """Connect with a client that the service does not use."""
    parameters = pika.URLParameters(url())
    parameters.heartbeat = 0
    parameters.socket_timeout = GENEROUS
    return pika.BlockingConnection(parameters)


@contextmanager
def fresh_prefix() -> Iterator[str]:
    """Give a prefix that nobody uses, and remove all that was declared under it."""
    prefix = f"test-{uuid4().hex[:12]}"
    try:
        yield prefix
    finally:
        _remove(Topology(prefix))


def _remove(names: Topology) -> None:
    connection = connect()
    try:
        channel = connection.channel()
        queues = [names.commands, names.dead_letters, *(names.retry(delay) for delay in RETRY_DELAYS)]
        for queue in queues:
            channel.queue_delete(queue)
        for exchange in (names.commands, names.events, names.dead_letters):
            channel.exchange_delete(exchange)
    finally:
        connection.close()
