"""Example models: people with a profile, emails and groups, and users with a composite key."""

from typing import Any

from sqlalchemy import Column, ForeignKey, Integer, String, Table, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from crudmq import expose

# By default MySQL and MariaDB ignore case, unlike SQLite and PostgreSQL. A URL that begins with mysql may lead to
# MariaDB: each server reads its own version comment.
BY_BYTES: dict[str, Any] = {
    "mysql_charset": "utf8mb4",
    "mysql_collate": "/*M! utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */",
    "mariadb_charset": "utf8mb4",
    "mariadb_collate": "utf8mb4_nopad_bin",
}


class Base(DeclarativeBase):
    """The declarative base of the example."""

    __table_args__: Any = BY_BYTES


memberships = Table(
    "memberships",
    Base.metadata,
    Column("person_id", ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
    Column("group_id", ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True),
    **BY_BYTES,
)


class Person(Base):
    """A person, with a version."""

    __tablename__ = "people"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    age: Mapped[int | None]
    version: Mapped[int] = mapped_column(Integer)

    profile: Mapped["Profile | None"] = relationship(back_populates="person")
    emails: Mapped[list["Email"]] = relationship(back_populates="person")
    groups: Mapped[list["Group"]] = relationship(secondary=memberships, back_populates="people")

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own way


class Profile(Base):
    """The profile of one person."""

    __tablename__ = "profiles"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), unique=True)
    bio: Mapped[str | None] = mapped_column(String(1000))

    person: Mapped[Person] = relationship(back_populates="profile")


class Email(Base):
    """An email address of one person."""

    __tablename__ = "emails"
    __table_args__ = (UniqueConstraint("address", name="uq_emails_address"), BY_BYTES)

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    address: Mapped[str] = mapped_column(String(200))

    person: Mapped[Person] = relationship(back_populates="emails")


class Group(Base):
    """A group of people."""

    __tablename__ = "groups"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)

    people: Mapped[list[Person]] = relationship(secondary=memberships, back_populates="groups")


class User(Base):
    """A user account, with a composite key."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    email: Mapped[str] = mapped_column(String(200), primary_key=True)
    login: Mapped[str] = mapped_column(String(50), unique=True)
    password_hash: Mapped[str | None] = mapped_column(String(200))


expose(Person)
expose(Profile)
expose(Email)
expose(Group)
expose(User, hidden=["password_hash"])
