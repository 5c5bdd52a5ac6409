"""Typed commands and events of the competitors."""

from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

from pydantic import BaseModel, Field


class NewPerson(BaseModel):
    """The `data` of a create."""

    name: str
    age: int | None = None


class PersonChange(BaseModel):
    """The `data` of an update."""

    age: int | None


class NewGroup(BaseModel):
    """The `data` of a create of a group."""

    name: str


class CreatePerson(BaseModel):
    """Adds a person."""

    resource: Literal["people"]
    action: Literal["create"]
    data: NewPerson


class UpdatePerson(BaseModel):
    """Changes a person."""

    resource: Literal["people"]
    action: Literal["update"]
    key: int
    data: PersonChange


class GetPerson(BaseModel):
    """Reads a person."""

    resource: Literal["people"]
    action: Literal["get"]
    key: int


class DeletePerson(BaseModel):
    """Removes a person."""

    resource: Literal["people"]
    action: Literal["delete"]
    key: int


class CreateGroup(BaseModel):
    """Adds a group."""

    resource: Literal["groups"]
    action: Literal["create"]
    data: NewGroup


class Transaction(BaseModel):
    """Executes all of its commands or none."""

    action: Literal["transaction"]
    commands: list[Annotated[CreatePerson | UpdatePerson, Field(discriminator="action")]]


class PersonView(BaseModel):
    """A person in an event or reply."""

    id: int
    name: str
    age: int | None
    version: int


class Event(BaseModel):
    """An event."""

    id: UUID = Field(default_factory=uuid4)
    type: str
    before: PersonView | None = None
    after: PersonView | None = None
    data: dict[str, Any] | None = None
