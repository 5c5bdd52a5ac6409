"""Which databases the service takes."""

import importlib.util

import pytest

from service.storage.engine import checked_url

TAKEN = [
    "sqlite+aiosqlite:///crudmq.db",
    "postgresql+asyncpg://user:password@host/database",
    "mysql+asyncmy://user:password@host/database",
    "mariadb+asyncmy://user:password@host/database",
]


@pytest.mark.parametrize("url", TAKEN)
def test_an_address_with_one_of_the_drivers_is_taken(url: str) -> None:
    assert checked_url(url) == url


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("crudmq.db", "is not an address"),
        ("mysql+pymysql://host/database", r"begins with mysql\+pymysql, and not with"),
        ("sqlite+aiosqlite://", "names no file"),
        ("mysql+asyncmy://host", "names no database"),
        ("mariadb+asyncmy://host/", "names no database"),
    ],
)
def test_any_other_is_not(url: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        checked_url(url)


def test_without_the_driver_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ValueError, match=r"pip install crudmq\[mysql\]"):
        checked_url("mysql+asyncmy://host/database")
