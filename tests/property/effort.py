"""The number of examples: in `make test` few and always the same, in `make search` many and always new."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

SEARCH = "search"
_SEARCH_FACTOR = 20
_TIMEOUT_SECONDS = 1800
"""Generous, for slow machines."""

Decorated = Callable[[Any], Any]


def register() -> None:
    """Register the profile that `make search` selects."""
    settings.register_profile(SEARCH)


def examples(max_examples: int) -> Decorated:
    """Decorate a test: run this many examples, or a search."""
    is_search = settings.get_current_profile_name() == SEARCH
    configured = settings(
        max_examples=max_examples * _SEARCH_FACTOR if is_search else max_examples,
        derandomize=not is_search,
        database=None,
        deadline=None,
        print_blob=True,
        phases=set(Phase) - {Phase.explain},
        suppress_health_check=[HealthCheck.too_slow],
    )
    timeout = pytest.mark.timeout(0 if is_search else _TIMEOUT_SECONDS)
    without_warnings = pytest.mark.filterwarnings("ignore:Generating overly large repr")
    return lambda test: timeout(without_warnings(configured(test)))
