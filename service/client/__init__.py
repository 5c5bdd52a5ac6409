"""For other services: publish commands, await results, subscribe to events."""

from service.client.client import Client, ClientError, Event, Result

__all__ = ["Client", "ClientError", "Event", "Result"]
