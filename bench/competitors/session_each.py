"""What the synchronous peers do for each message: typed commands, a session of SQLAlchemy on psycopg, no inbox."""

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel
from sqlalchemy import create_engine, make_url
from sqlalchemy.orm import Session, sessionmaker

from bench.competitors.typed import CreatePerson, DeletePerson, GetPerson, PersonShown, Told, UpdatePerson
from service.examples.models import Person

Work = Callable[[Session, Any], BaseModel]
"""Does a command; gives the event, or the answer of a read."""


def sessions(database_url: str, connections: int) -> sessionmaker[Session]:
    """Open a pool; whoever forks does so before."""
    url = make_url(database_url).set(drivername="postgresql+psycopg")
    return sessionmaker(create_engine(url, pool_size=connections, max_overflow=0), expire_on_commit=False)


def run(maker: sessionmaker[Session], routing_key: str, command: dict[str, Any]) -> tuple[str, str]:
    """Do a command in a transaction of its own; give the type of what to tell, and its body."""
    model, work = HANDLERS[routing_key]
    with maker.begin() as session:
        told = work(session, model.model_validate(command))
    return f"{routing_key}d", told.model_dump_json()


def _create(session: Session, command: CreatePerson) -> Told:
    session.add(person := Person(name=command.data.name, age=command.data.age))
    session.flush()
    return Told(type="people.created", after=_shown(person))


def _update(session: Session, command: UpdatePerson) -> Told:
    person = session.get_one(Person, command.key, with_for_update=True)
    before = _shown(person)
    person.age = command.data.age
    session.flush()
    return Told(type="people.updated", before=before, after=_shown(person))


def _get(session: Session, command: GetPerson) -> PersonShown:
    return _shown(session.get_one(Person, command.key))


def _delete(session: Session, command: DeletePerson) -> Told:
    person = session.get_one(Person, command.key)
    session.delete(person)
    return Told(type="people.deleted", before=_shown(person))


def _shown(person: Person) -> PersonShown:
    return PersonShown(id=person.id, name=person.name, age=person.age, version=person.version)


HANDLERS: dict[str, tuple[type[BaseModel], Work]] = {
    "people.create": (CreatePerson, _create),
    "people.update": (UpdatePerson, _update),
    "people.get": (GetPerson, _get),
    "people.delete": (DeletePerson, _delete),
}
