"""Message handlers of the synchronous competitors: typed commands, SQLAlchemy on psycopg, no inbox."""

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel
from sqlalchemy import create_engine, make_url
from sqlalchemy.orm import Session, sessionmaker

from bench.competitors.typed import CreatePerson, DeletePerson, Event, GetPerson, PersonView, UpdatePerson
from crudmq.examples.models import Person

Handler = Callable[[Session, Any], BaseModel]
"""Executes a command; returns the event, or the reply to a read."""


def sessions(database_url: str, connections: int) -> sessionmaker[Session]:
    """Return a session factory with a connection pool. Must be called after forking."""
    url = make_url(database_url).set(drivername="postgresql+psycopg")
    return sessionmaker(create_engine(url, pool_size=connections, max_overflow=0), expire_on_commit=False)


def run(maker: sessionmaker[Session], routing_key: str, command: dict[str, Any]) -> tuple[str, str]:
    """Execute a command in a transaction of its own; return type and body of its event or reply."""
    model, handler = HANDLERS[routing_key]
    with maker.begin() as session:
        outgoing = handler(session, model.model_validate(command))
    return f"{routing_key}d", outgoing.model_dump_json()


def _create(session: Session, command: CreatePerson) -> Event:
    session.add(person := Person(name=command.data.name, age=command.data.age))
    session.flush()
    return Event(type="people.created", after=_view(person))


def _update(session: Session, command: UpdatePerson) -> Event:
    person = session.get_one(Person, command.key, with_for_update=True)
    before = _view(person)
    person.age = command.data.age
    session.flush()
    return Event(type="people.updated", before=before, after=_view(person))


def _get(session: Session, command: GetPerson) -> PersonView:
    return _view(session.get_one(Person, command.key))


def _delete(session: Session, command: DeletePerson) -> Event:
    person = session.get_one(Person, command.key)
    session.delete(person)
    return Event(type="people.deleted", before=_view(person))


def _view(person: Person) -> PersonView:
    return PersonView(id=person.id, name=person.name, age=person.age, version=person.version)


HANDLERS: dict[str, tuple[type[BaseModel], Handler]] = {
    "people.create": (CreatePerson, _create),
    "people.update": (UpdatePerson, _update),
    "people.get": (GetPerson, _get),
    "people.delete": (DeletePerson, _delete),
}
