"""Asking a service for its health."""

import json
from http.client import HTTPConnection
from typing import Any

from tests.support.waiting import GENEROUS


def ask(port: int, path: str) -> tuple[int, Any]:
    """Give the status and the JSON that came with it; 0 where nobody answers."""
    connection = HTTPConnection("127.0.0.1", port, timeout=GENEROUS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    except OSError:
        return 0, None
    finally:
        connection.close()
