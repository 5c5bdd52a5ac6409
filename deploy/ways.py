"""The ways to a server, tried in order."""

import os
from collections.abc import Callable, Iterable

from deploy.host import CommandError, say

Way = Callable[[], str | None]


class NoServerError(Exception):
    """No way led to a server; the message says what the user can do."""


def first(ways: Iterable[Way], advice: str) -> str:
    """Return the URL that the first way which leads to a server gives.

    A way that is not open here returns None; one that breaks off is reported, and the next is tried.

    Raises:
        NoServerError: none of the ways leads to a server.
    """
    for way in ways:
        try:
            url = way()
        except CommandError as error:
            say(f"  {error}")
        else:
            if url:
                return url
    raise NoServerError(advice)


def environment(variable: str) -> str | None:
    """The URL that the user has set, as it is."""
    url = os.environ.get(variable)
    if url:
        say(f"using the server that {variable} names")
    return url
