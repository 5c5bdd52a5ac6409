"""A client for other services: send commands, await results, subscribe to events."""

from crudmq.client.client import Client, Event, Result
from crudmq.client.connection import ClientError

__all__ = ["Client", "ClientError", "Event", "Result"]
