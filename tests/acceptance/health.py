"""Asking a service for its health."""

import json
from http.client import HTTPConnection
from typing import Any

SECONDS = 5


def ask(port: int, path: str) -> tuple[int, Any]:
    """Give the status and the JSON that came with it; 0 where nobody answers."""
    connection = HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    except OSError:
        return 0, None
    finally:
        connection.close()
