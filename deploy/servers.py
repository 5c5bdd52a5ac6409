"""Prints the URL of a server, which is found or else started: `python -m deploy.servers rabbitmq|postgres|mariadb`.

The URL alone goes to stdout; what is done to get it goes to stderr, a line for each step.
"""

import sys
from collections.abc import Callable, Mapping, Sequence

from deploy import mariadb, postgres, rabbitmq
from deploy.host import say
from deploy.ways import NoServerError

SERVERS: Mapping[str, Callable[[], str]] = {
    "rabbitmq": rabbitmq.find,
    "postgres": postgres.find,
    "mariadb": mariadb.find,
}


def main(arguments: Sequence[str], servers: Mapping[str, Callable[[], str]] = SERVERS) -> int:
    """Print the URL of the server that is named, and return the exit code."""
    if len(arguments) != 1 or arguments[0] not in servers:
        say(f"usage: python -m deploy.servers {'|'.join(servers)}")
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
