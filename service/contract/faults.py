"""Gathering what is wrong with a command, so that its publisher is told everything at once."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from service.contract.errors import Detail, Invalid


class Faults:
    """Gathers the faults of several parts of a command, to tell them at once."""

    def __init__(self, details: Iterable[Detail] = ()) -> None:
        """Begin with these."""
        self._details = list(details)

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """Note what a part is found to be `Invalid` for, and go on."""
        try:
            yield
        except Invalid as error:
            self._details += error.details

    def check(self) -> None:
        """Tell what was gathered.

        :raises Invalid: there was a fault
        """
        if self._details:
            raise Invalid("the command is not valid", self._details)
