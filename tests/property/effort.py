"""How much is tried: in `make test` always the same, in `make search` much more and never the same."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

SEARCH = "search"
_MORE = 20
_PATIENCE = 1800
"""Seconds that a test may take on a machine that is busy; one that hangs is found all the same."""

Decorated = Callable[[Any], Any]


def register() -> None:
    """Make the profile known by which `make search` asks for more."""
    settings.register_profile(SEARCH)


def trying(examples: int) -> Decorated:
    """Decorate a test: this many examples, or a search."""
    is_search = settings.get_current_profile_name() == SEARCH
    tried = settings(
        max_examples=examples * _MORE if is_search else examples,
        derandomize=not is_search,
        database=None,
        deadline=None,
        print_blob=True,
        phases=set(Phase) - {Phase.explain},
        suppress_health_check=[HealthCheck.too_slow],
    )
    patience = pytest.mark.timeout(0 if is_search else _PATIENCE)
    quiet = pytest.mark.filterwarnings("ignore:Generating overly large repr")
    return lambda test: patience(quiet(tried(test)))
