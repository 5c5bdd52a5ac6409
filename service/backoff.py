"""How long to wait before the next try."""

import random

_MOST_DOUBLINGS = 32


def pause(tries: int, first: float, longest: float) -> float:
    """Give a number of seconds that doubles with each try, from about `first` to `longest`, with full jitter.

    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter
    """
    return random.uniform(0, min(first * 2 ** min(tries, _MOST_DOUBLINGS), longest))  # noqa: S311 - not for secrets
