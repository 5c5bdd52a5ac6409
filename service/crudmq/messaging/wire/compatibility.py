"""The supported versions of aiormq and pamqp, and checks for the attributes that this package uses."""

from collections.abc import Callable, Iterable
from importlib.metadata import version

_SUPPORTED = {"aiormq": ((7, 2), (8, 0)), "pamqp": ((4, 0), (5, 0))}
"""The lowest supported version of each, and the first unsupported one."""
_MESSAGE = "crudmq requires aiormq>=7.2,<8 and pamqp>=4,<5; installed: {installed}{reason}"


class UnsupportedClientError(ImportError):
    """The installed AMQP client is not supported."""


def check_versions(installed: Callable[[str], str] = version) -> None:
    """Check the installed versions.

    :raises UnsupportedClientError: one of them is not supported
    """
    for package, (lowest, excluded) in _SUPPORTED.items():
        if not lowest <= _major_minor(installed(package)) < excluded:
            raise UnsupportedClientError(_message("", installed))


def check_attributes(owner: object, names: Iterable[str]) -> None:
    """Check that a class, module or object of the client has all of the named attributes.

    :raises UnsupportedClientError: one is missing
    """
    missing = [name for name in names if not hasattr(owner, name)]
    if missing:
        label = owner.__name__ if isinstance(owner, type) else type(owner).__name__
        raise UnsupportedClientError(_message(f"; {label} lacks {', '.join(missing)}", version))


def _message(reason: str, installed: Callable[[str], str]) -> str:
    versions = ", ".join(f"{package} {installed(package)}" for package in _SUPPORTED)
    return _MESSAGE.format(installed=versions, reason=reason)


def _major_minor(text: str) -> tuple[int, int]:
    major, minor, *_ = [*text.split("."), "0"]
    return int(major), int(minor)
