"""The tables of crudmq. Times are seconds since 1970 by the clock of the database, which all processes share.

Each row belongs to one service, identified by its `CRUDMQ_PREFIX`: several services may share a database. The previous
version does not write the columns `prefix` and `token`; their server defaults stand in for it during an upgrade.
"""

from secrets import token_bytes

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, Table, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from crudmq.storage.dialects.constructs import CHARSET, DIGEST, LONG_TEXT, PREFIX, SERIAL, now
from crudmq.storage.errors import Transient

metadata = MetaData()

DEFAULT_PREFIX = "crudmq"
PREFIX_INFO = "crudmq_prefix"
"""The key of the prefix in the `info` of sessions."""
_SECRET_BYTES = 16
UNKNOWN_TOKEN = 0
"""The token of outbox rows that the previous version wrote."""


def prefix_of(session: AsyncSession) -> str:
    """Return the prefix of the service to which a session of a `Database` belongs."""
    prefix: str = session.info[PREFIX_INFO]
    return prefix


def _prefix(*, primary_key: bool = False) -> Column[str]:
    # `crudmq migrate` sets the server default to the configured prefix.
    return Column("prefix", PREFIX, nullable=False, primary_key=primary_key, server_default=DEFAULT_PREFIX)


inbox = Table(
    "crudmq_inbox",
    metadata,
    # Digests instead of strings: any message_id fits, independently of the collation, and the index stays small.
    # The id comes first in the key, because the previous version looks entries up by their ids alone.
    Column("id", DIGEST, primary_key=True, comment="digest of the message_id"),
    _prefix(primary_key=True),
    Column("body", DIGEST, nullable=False, comment="digest of the body"),
    Column("result", LONG_TEXT, nullable=False, comment="the encoded result, returned to repeats"),
    Column("outbox_id", BigInteger, comment="the outbox row of its messages, until they are published"),
    Column("stored_at", BigInteger, nullable=False, default=now()),
    Index("ix_crudmq_inbox_prefix_stored_at", "prefix", "stored_at"),
    **CHARSET,
)

outbox = Table(
    "crudmq_outbox",
    metadata,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    _prefix(),
    Column("token", BigInteger, nullable=False, server_default=str(UNKNOWN_TOKEN), comment="random; an id may recur"),
    Column("messages", LONG_TEXT, nullable=False, comment="all messages of a group, in order, as JSON"),
    Column("leased_until", BigInteger, nullable=False, comment="until then, only its writer publishes it"),
    # Inbox entries keep the ids of deleted rows, so an id must never be reused.
    sqlite_autoincrement=True,
    **CHARSET,
)

crashes = Table(
    "crudmq_strikes",
    metadata,
    Column("id", DIGEST, primary_key=True, comment="digest of the message_id"),
    _prefix(primary_key=True),
    Column("number", Integer, nullable=False, comment="number of crashes while the command ran"),
    Column("noted_at", BigInteger, nullable=False, default=now()),
    **CHARSET,
)

secrets = Table(
    "crudmq_secrets",
    metadata,
    _prefix(primary_key=True),
    Column("secret", DIGEST, nullable=False, comment="random; signs cursors"),
    **CHARSET,
)


async def shared_secret(session: AsyncSession) -> bytes:
    """Return the secret that all processes of a service share, 16 bytes; the first one creates it. May be repeated.

    :raises Transient: another process is creating it
    """
    prefix = prefix_of(session)
    stored: bytes | None = (await session.execute(select(secrets.c.secret).where(secrets.c.prefix == prefix))).scalar()
    if stored is not None:
        return stored
    created = token_bytes(_SECRET_BYTES)
    try:
        await session.execute(insert(secrets).values(prefix=prefix, secret=created))
    except IntegrityError as exc:
        raise Transient("another process is creating the secret of the service") from exc
    return created
