"""Prints the URL of a server, found or started: `python -m dev.servers rabbitmq|postgres|mariadb`.

Only the URL goes to stdout; progress goes to stderr, a line per step.
"""

import sys
from collections.abc import Callable, Mapping, Sequence

from dev import mariadb, postgres, rabbitmq
from dev.fallbacks import NoServerError
from dev.shell import say

SERVERS: Mapping[str, Callable[[], str]] = {
    "rabbitmq": rabbitmq.find,
    "postgres": postgres.find,
    "mariadb": mariadb.find,
}


def main(arguments: Sequence[str], servers: Mapping[str, Callable[[], str]] = SERVERS) -> int:
    """Print the URL of the named server, and return the exit code."""
    if len(arguments) != 1 or arguments[0] not in servers:
        say(f"usage: python -m dev.servers {'|'.join(servers)}")
        return 2
    try:
        url = servers[arguments[0]]()
    except NoServerError as error:
        say(f"{arguments[0]}: {error}")
        return 1
    sys.stdout.write(f"{url}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
