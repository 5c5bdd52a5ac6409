"""The supported database URLs."""

import importlib.util

import pytest

from crudmq.storage.dialects import checked_url

SUPPORTED = [
    "sqlite+aiosqlite:///crudmq.db",
    "postgresql+asyncpg://user:password@host/database",
    "mysql+asyncmy://user:password@host/database",
    "mariadb+asyncmy://user:password@host/database",
    "sqlite+aiosqlite:///crudmq.db?timeout=5",
    "postgresql+asyncpg://host/database?ssl=require&statement_cache_size=0&prepared_statement_cache_size=0",
    "postgresql+asyncpg:///database?host=one:5432&host=two:5432",
    "mysql+asyncmy://host/database?ssl_ca=ca.pem&charset=utf8mb4&unix_socket=/run/mysqld.sock",
]


@pytest.mark.parametrize("url", SUPPORTED)
def test_a_url_with_a_supported_driver_is_accepted(url: str) -> None:
    assert checked_url(url) == url


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("crudmq.db", "must be a URL"),
        ("mysql+pymysql://host/database", r"has the unsupported scheme mysql\+pymysql; supported: "),
        ("oracle+oracledb://host/database", r"has the unsupported scheme oracle\+oracledb; supported: "),
        ("sqlite+aiosqlite://", "has no file path"),
        ("mysql+asyncmy://host", "has no database name"),
        ("mariadb+asyncmy://host/", "has no database name"),
        (
            "postgresql+asyncpg://host/database?sslmode=require",
            "unknown parameter sslmode: write ssl=require or ssl=",
        ),
        ("postgresql+asyncpg://host/database?ssl=require&colour=red", "has the unknown parameter colour"),
        ("postgresql+asyncpg:///database?host=one&host=two", "All ports are required"),
        ("mysql+asyncmy://host/database?ssl_mode=REQUIRED", "has the unknown parameter ssl_mode"),
    ],
)
def test_any_other_url_is_rejected_with_the_reason(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        checked_url(url)


def test_without_the_driver_the_error_names_the_package_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ValueError, match=r'pip install "crudmq\[server,mysql\]"'):
        checked_url("mysql+asyncmy://host/database")
