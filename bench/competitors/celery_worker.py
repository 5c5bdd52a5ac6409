"""Celery on RabbitMQ: a task for each kind of command, late acknowledgements, publishes with confirm."""

import sys
from typing import Any

from celery import Celery
from celery.signals import worker_process_init, worker_ready
from kombu import Exchange, Queue
from sqlalchemy.orm import Session, sessionmaker

from bench.competitors import session_each
from service import settings
from service.messaging.topology import Topology

_SETTINGS = settings.read()
_NAMES = Topology(_SETTINGS.prefix)
_QUEUE = Queue(_NAMES.commands, no_declare=True, queue_arguments={"x-queue-type": "quorum"})
_EVENTS = Exchange(_NAMES.events, type="topic", no_declare=True)

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
    """What each of the processes has for itself."""

    sessions: sessionmaker[Session]


@worker_process_init.connect
def _open(**_: object) -> None:
    _Process.sessions = session_each.sessions(_SETTINGS.database_url, connections=1)


@worker_ready.connect
def _say(**_: object) -> None:
    sys.stderr.write("consuming\n")
    sys.stderr.flush()


def _task(routing_key: str) -> None:
    @app.task(name=routing_key)
    def run(command: dict[str, Any], reply_to: str | None) -> None:
        type_, body = session_each.run(_Process.sessions, routing_key, command)
        where = {"exchange": _EVENTS, "routing_key": type_} if reply_to is None else {"routing_key": reply_to}
        with app.producer_pool.acquire(block=True) as producer:
            producer.publish(body, content_type="application/json", content_encoding="utf-8", delivery_mode=2, **where)


for _name in session_each.HANDLERS:
    _task(_name)


if __name__ == "__main__":
    quiet = ("--loglevel=warning", "--without-gossip", "--without-mingle", "--without-heartbeat")
    app.worker_main(["worker", "--pool=prefork", f"--concurrency={sys.argv[1]}", *quiet])
