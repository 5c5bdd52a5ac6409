"""The secret of a service, stored in its database: all processes share it, and it survives restarts."""

import secrets as random

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from crudmq.storage.database import Database
from crudmq.storage.errors import Transient
from crudmq.storage.tables import prefix_of, secrets

_BYTES = 16


async def shared_secret(database: Database) -> bytes:
    """Return the secret of the database's service, 16 bytes; the first process creates it. May be repeated.

    :raises Transient: another process is creating it
    """
    async with database.reading.begin() as session:
        secret = await _stored(session)
    if secret is not None:
        return secret
    async with database.writing.begin() as session:
        return await _create(session)


async def _stored(session: AsyncSession) -> bytes | None:
    query = select(secrets.c.secret).where(secrets.c.prefix == prefix_of(session))
    secret: bytes | None = (await session.execute(query)).scalar()
    return secret


async def _create(session: AsyncSession) -> bytes:
    secret = random.token_bytes(_BYTES)
    try:
        await session.execute(insert(secrets).values(prefix=prefix_of(session), secret=secret))
    except IntegrityError as exc:
        raise Transient("another process is creating the secret of the service") from exc
    return secret
