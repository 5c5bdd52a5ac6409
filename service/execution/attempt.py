"""One command of a group on its way through a transaction."""

from dataclasses import dataclass, field

from service.contract.command import READS, WRITES
from service.contract.delivery import Delivery
from service.contract.errors import CommandError, Malformed
from service.contract.result import Subject
from service.execution.actions.plan import Plan
from service.storage import inbox


@dataclass(slots=True)
class Attempt:
    """A delivery, what it asks for, and what is wrong with that for certain, whatever the transaction."""

    delivery: Delivery
    subject: Subject
    plan: Plan | None = None
    error: CommandError | None = None
    is_reading_call: bool = False
    is_guarded: bool = False
    """Whether it runs in a savepoint: another row may have what it wants, or it failed half-way before."""
    failed: bool = False
    """Whether the error is the database's or ours: the inbox has been asked already."""
    guessed: bool = False
    """Whether it was run once without asking the inbox."""
    asked: bool = False
    """Whether the inbox was asked because that failed."""
    tried: bool = False
    """Whether a commit was asked for: it may be committed, though we did not hear so."""
    id: bytes = field(init=False)
    body: bytes = field(init=False)

    def __post_init__(self) -> None:
        """Digest what the inbox knows a command by."""
        self.id = inbox.digest(self.delivery.id.encode())
        self.body = inbox.digest(self.delivery.body)

    @property
    def is_read(self) -> bool:
        """Tell whether the command changes nothing by its nature."""
        return self.subject.action in READS or self.is_reading_call

    @property
    def runs_beside(self) -> bool:
        """Tell whether it may be slow and holds no group up."""
        return self.plan is not None and self.plan.runs_beside

    @property
    def is_write(self) -> bool:
        """Tell whether the command would change something."""
        return self.subject.action in WRITES and not self.is_reading_call

    @property
    def needs_database(self) -> bool:
        """Tell whether the inbox has a say in it: it has none in what is no command, or has failed for good."""
        if self.error is None or self.error.stored:
            return True
        # A command that took effect is answered with its result, even when it comes again too late.
        return not (self.failed or isinstance(self.error, Malformed))

    def is_stored(self, error: CommandError | None) -> bool:
        """Tell whether the inbox keeps what it came to."""
        return not self.is_read and not self.subject.dry_run and (error is None or error.stored)

    def fail(self, error: CommandError) -> None:
        """Note that it cannot be done, by the word of the database or through a fault of ours."""
        self.error, self.failed = error, True
