"""Celery on RabbitMQ: a task per kind of command, late acknowledgements, publisher confirms."""

import sys
from typing import Any

from celery import Celery
from celery.signals import worker_process_init, worker_ready
from kombu import Exchange, Queue
from sqlalchemy.orm import Session, sessionmaker

from bench.competitors import sync_handlers
from crudmq import settings
from crudmq.messaging.topology import Topology

_SETTINGS = settings.read()
_TOPOLOGY = Topology(_SETTINGS.prefix)
_QUEUE = Queue(_TOPOLOGY.commands, no_declare=True, queue_arguments={"x-queue-type": "quorum"})
_EVENTS = Exchange(_TOPOLOGY.events, type="topic", no_declare=True)

app = Celery("bench", broker=_SETTINGS.broker_url)
app.conf.update(
    broker_transport_options={"confirm_publish": True},
    task_queues=[_QUEUE],
    task_acks_late=True,
    task_ignore_result=True,
    task_create_missing_queues=False,
    worker_enable_remote_control=False,
    worker_hijack_root_logger=False,
)


class _Process:
    """State of a worker process."""

    sessions: sessionmaker[Session]


@worker_process_init.connect
def _open(**_: object) -> None:
    _Process.sessions = sync_handlers.sessions(_SETTINGS.database_url, connections=1)


@worker_ready.connect
def _report_consuming(**_: object) -> None:
    sys.stderr.write("consuming\n")
    sys.stderr.flush()


def _task(routing_key: str) -> None:
    @app.task(name=routing_key)
    def run(command: dict[str, Any], reply_to: str | None) -> None:
        type_, body = sync_handlers.run(_Process.sessions, routing_key, command)
        target = {"exchange": _EVENTS, "routing_key": type_} if reply_to is None else {"routing_key": reply_to}
        with app.producer_pool.acquire(block=True) as producer:
            producer.publish(body, content_type="application/json", content_encoding="utf-8", delivery_mode=2, **target)


for _name in sync_handlers.HANDLERS:
    _task(_name)


if __name__ == "__main__":
    options = ("--loglevel=warning", "--without-gossip", "--without-mingle", "--without-heartbeat")
    app.worker_main(["worker", "--pool=prefork", f"--concurrency={sys.argv[1]}", *options])
