"""For other services: publish commands, await results, subscribe to events."""

from service.client.client import Client, Event, Result

__all__ = ["Client", "Event", "Result"]
