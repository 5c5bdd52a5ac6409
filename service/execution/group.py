"""A group of commands in one transaction."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from service.contract.errors import CommandError, Conflict, IdReused
from service.contract.message import Message
from service.execution.actions.plan import Plan
from service.execution.answers import Answers, reply
from service.execution.attempt import Attempt
from service.execution.blame import blamed
from service.execution.change import Answer
from service.execution.outcome import Ack, Batch, Settled, outcome
from service.execution.rows import Rows
from service.execution.undoing import UndoneError
from service.resources.resource import Key, Resource
from service.storage import boxes, inbox, outbox
from service.storage.errors import Transient

Ending = Answer | CommandError
"""What a command came to."""


class SpoiledError(Exception):
    """A command failed half-way without a savepoint; run again, it needs one."""


class Group:
    """Attempts that share a transaction; made anew for each try, since it keeps what the try came to."""

    def __init__(self, attempts: Sequence[Attempt], answers: Answers) -> None:
        """Take the attempts in the order of their deliveries."""
        self._attempts = attempts
        self._answers = answers
        self._came_before = {one.id for one in attempts if one.tried or one.delivery.redelivered}
        self._entries: dict[bytes, inbox.Entry] = {}
        self._messages: list[Message] = []

    async def run(self, session: AsyncSession, in_flight: Collection[int]) -> Batch:
        """Do all that the group asks for, up to the commit.

        :param in_flight: rows of the outbox that this process is about to publish anyway
        :raises StorageError: the database did not take it; rolled back, nothing has happened
        """
        is_guess = self._may_guess()
        known = {} if is_guess else await inbox.lookup(session, {one.id for one in self._attempts})
        endings = await self._run_in_order(session, self._new(known))
        settled = [self._settle(attempt, endings.get(id(attempt)), known) for attempt in self._attempts]
        if is_guess and not self._entries:
            raise Transient("what no key of the inbox judges is only answered when the inbox was asked")
        outbox_id = await boxes.add(session, list(self._entries.values()), self._messages)
        leftovers = await self._leftovers(session, known, in_flight)
        return Batch(settled, outbox_id, leftovers)

    def _may_guess(self) -> bool:
        """Tell whether the inbox need not be asked: what it has is refused by its key, and then run again.

        So for one that comes alone, for the first time as far as is known: there each round trip shows.
        """
        (attempt, *others) = self._attempts
        if others or attempt.guessed or attempt.id in self._came_before or not attempt.is_stored(attempt.error):
            return False
        if attempt.delivery.attempts:
            return False
        attempt.guessed = True
        return True

    def _new(self, known: Collection[bytes]) -> list[Attempt]:
        """Leave out what the inbox knows, and what stands in the group a second time."""
        seen = set(known)
        fresh = []
        for attempt in self._attempts:
            if attempt.id not in seen:
                fresh.append(attempt)
                if attempt.is_stored(attempt.error):
                    seen.add(attempt.id)
        return fresh

    async def _run_in_order(self, session: AsyncSession, fresh: Sequence[Attempt]) -> dict[int, Ending]:
        rows = Rows(session)
        for resource, keys, lock in _named(fresh):
            await rows.load(resource, keys, lock=lock)
        endings = {id(attempt): await _run(attempt, rows) for attempt in fresh}
        await rows.flush()
        return endings

    def _settle(self, attempt: Attempt, ending: Ending | None, known: Mapping[bytes, inbox.Entry]) -> Settled:
        if ending is None:
            return self._repeat(attempt, known.get(attempt.id) or self._entries[attempt.id])
        error = ending if isinstance(ending, CommandError) else None
        body = self._answers.body(attempt, ending)
        messages = self._answers.messages(attempt, ending, body)
        if attempt.is_stored(error):
            self._entries[attempt.id] = inbox.Entry(attempt.id, attempt.body, body.decode())
            self._messages += messages
        return Settled(attempt.delivery, outcome(error), messages)

    def _repeat(self, attempt: Attempt, entry: inbox.Entry) -> Settled:
        if entry.body != attempt.body:
            return self._answers.settle(attempt, IdReused())
        return Settled(attempt.delivery, Ack(), reply(attempt, entry.result.encode(), replayed=True))

    async def _leftovers(
        self, session: AsyncSession, known: Mapping[bytes, inbox.Entry], in_flight: Collection[int]
    ) -> dict[int, list[Message]]:
        """Find what earlier transactions stored for these commands and nobody is known to have published.

        Only for what the broker delivers again, and what we try again, since a commit whose reply is lost is one: a
        publisher's repeat comes while somebody may be at it.
        """
        entries = [entry for entry in known.values() if entry.id in self._came_before]
        rows = {entry.outbox_id for entry in entries if entry.outbox_id is not None}
        return await outbox.read(session, rows.difference(in_flight))


async def _run(attempt: Attempt, rows: Rows) -> Ending:
    if attempt.error is not None:
        return attempt.error
    plan = attempt.plan
    assert plan is not None  # noqa: S101 - what has no error has a plan
    is_guarded = plan.is_opaque or attempt.is_guarded or attempt.subject.dry_run
    try:
        return await (_run_guarded(plan, rows, keep=not attempt.subject.dry_run) if is_guarded else plan.run(rows))
    except CommandError as error:
        if plan.is_atomic and not is_guarded:
            # What it did before it failed can only be undone with all the others.
            raise SpoiledError from error
        return error


async def _run_guarded(plan: Plan, rows: Rows, *, keep: bool) -> Answer:
    try:
        return await _run_in_savepoint(plan, rows, keep=keep)
    except Conflict:
        if not plan.may_race:
            raise
        return await _run_in_savepoint(plan, rows, keep=keep)


async def _run_in_savepoint(plan: Plan, rows: Rows, *, keep: bool) -> Answer:
    # What the commands before it left waiting is not its fault: refused here, it splits the group.
    await rows.flush()
    try:
        with blamed(plan.target):
            async with rows.savepoint(keep=keep):
                return await plan.run(rows)
    except UndoneError as exc:
        raise exc.reason from exc


def _named(attempts: Sequence[Attempt]) -> list[tuple[Resource, set[Key], bool]]:
    """Give the keys that the group names, by resource, and whether any of them is to be written."""
    keys: dict[Resource, set[Key]] = {}
    written: set[Resource] = set()
    for attempt in attempts:
        for resource, key in () if attempt.plan is None else attempt.plan.keys:
            keys.setdefault(resource, set()).add(key)
            if attempt.is_write:
                written.add(resource)
    return [(resource, named, resource in written) for resource, named in keys.items()]
