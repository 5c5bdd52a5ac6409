"""Being careful after connections that died before anything was done."""

_BARREN = 3


class Caution:
    """Counts connections without progress.

    Something that the broker hands over may end the connection before we see it. What is handed over together with it
    counts as tried, and would in the end be dead-lettered with it: so after a while, take one delivery at a time.
    """

    def __init__(self, enough: int) -> None:
        """Take how many deliveries must be acknowledged one by one before the danger is over."""
        self._enough = enough
        self._barren = -1
        self._progress = 0

    @property
    def is_due(self) -> bool:
        """Tell whether to take one delivery at a time."""
        return self._barren >= _BARREN

    def connected(self) -> None:
        """Note that a connection begins to consume."""
        self._barren += 1
        self._progress = 0

    def acknowledged(self, number: int) -> bool:
        """Note progress; tell whether there is no need for care any more."""
        self._progress += number
        if self.is_due and self._progress < self._enough:
            return False
        was_due, self._barren = self.is_due, -1
        return was_due
