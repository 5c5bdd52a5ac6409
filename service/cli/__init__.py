"""The command `crudmq`: argv to a call; nothing is decided here."""

from service.cli.commands import main

__all__ = ["main"]
