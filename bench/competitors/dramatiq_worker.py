"""Dramatiq on RabbitMQ: an actor per kind of command, publisher confirms. Started by Dramatiq's own command line."""

import sys
from typing import Any

import dramatiq
import pika
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.cli import main, make_argument_parser

from bench.competitors import sync_handlers
from crudmq import settings
from crudmq.messaging.topology import Topology

_THREADS = 4
_SETTINGS = settings.read()
_TOPOLOGY = Topology(_SETTINGS.prefix)
_PROPERTIES = pika.BasicProperties(content_type="application/json", delivery_mode=2)


class _Broker(RabbitmqBroker):
    """Uses the existing queue, whatever its arguments."""

    def _declare_queue(self, queue_name: str) -> object:
        return self.channel.queue_declare(queue=queue_name, passive=True)


_broker = _Broker(url=_SETTINGS.broker_url, confirm_delivery=True)
dramatiq.set_broker(_broker)
_sessions = sync_handlers.sessions(_SETTINGS.database_url, connections=_THREADS)


def _actor(routing_key: str) -> None:
    @dramatiq.actor(actor_name=routing_key, queue_name=_TOPOLOGY.commands)
    def run(command: dict[str, Any], reply_to: str | None) -> None:
        type_, body = sync_handlers.run(_sessions, routing_key, command)
        exchange, key = (_TOPOLOGY.events, type_) if reply_to is None else ("", reply_to)
        # The channel belongs to this thread.
        _broker.channel.basic_publish(exchange, key, body.encode(), _PROPERTIES)


for _name in sync_handlers.HANDLERS:
    _actor(_name)


class _ReportConsuming(dramatiq.Middleware):
    def after_worker_boot(self, *_: object) -> None:
        sys.stderr.write("consuming\n")
        sys.stderr.flush()


_broker.add_middleware(_ReportConsuming())


if __name__ == "__main__":
    processes = str(max(1, int(sys.argv[1]) // _THREADS))
    arguments = ["bench.competitors.dramatiq_worker", "--processes", processes, "--threads", str(_THREADS)]
    sys.exit(main(make_argument_parser().parse_args(arguments)))
