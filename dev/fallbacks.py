"""Where a server may come from, tried in order."""

import os
from collections.abc import Callable, Iterable

from dev.shell import CommandError, say

Candidate = Callable[[], str | None]
"""Returns the URL of a server, or None if this machine does not offer it."""


class NoServerError(Exception):
    """No candidate led to a server; the message says what the user can do."""


def first_available(candidates: Iterable[Candidate], advice: str) -> str:
    """Return the URL of the first candidate that has one. A candidate that fails is reported and skipped.

    Raises:
        NoServerError: no candidate has one.
    """
    for candidate in candidates:
        try:
            url = candidate()
        except CommandError as error:
            say(f"  {error}")
        else:
            if url:
                return url
    raise NoServerError(advice)


def environment(variable: str) -> str | None:
    """Return the URL that the user has set, unchanged."""
    url = os.environ.get(variable)
    if url:
        say(f"using the server that {variable} names")
    return url
