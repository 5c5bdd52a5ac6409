"""Log in to a server on this machine in its own protocol."""

import socket
import struct
from typing import IO

from dev.shell import HOST

TIMEOUT = 5
# Longer than any server's greeting: a larger length is another protocol's bytes.
MAX_LENGTH = 1 << 17

AMQP_0_9_1 = b"AMQP\x00\x00\x09\x01"
START, START_OK, TUNE = (10, 10), (10, 11), (10, 30)
POSTGRES_3_0 = 3 << 16
TRUSTED = 0
MYSQL_10 = 10
# Speaks protocol 4.1, with authentication by plugins.
MYSQL_CAPABILITIES = 0x0200 | 0x8000 | 0x0008_0000
LARGEST_PACKET = 1 << 24
UTF8MB4 = 45


def rabbitmq(port: int) -> bool:
    """Whether an AMQP 0-9-1 broker accepts guest."""
    try:
        with socket.create_connection((HOST, port), TIMEOUT) as link, link.makefile("rb") as stream:
            link.sendall(AMQP_0_9_1)
            if _amqp_method(stream) != START:
                return False
            link.sendall(_log_in_as_guest())
            return _amqp_method(stream) == TUNE
    except (OSError, ValueError):
        return False


def _amqp_method(stream: IO[bytes]) -> tuple[int, int]:
    kind, _channel, length = struct.unpack(">BHI", _read(stream, 7))
    if kind != 1:
        raise ValueError(kind)
    class_, method = struct.unpack_from(">HH", _read(stream, length + 1))
    return class_, method


def _log_in_as_guest() -> bytes:
    properties = struct.pack(">I", 0)
    mechanism, locale = b"\x05PLAIN", b"\x05en_US"
    response = b"\x00guest\x00guest"
    arguments = properties + mechanism + struct.pack(">I", len(response)) + response + locale
    payload = struct.pack(">HH", *START_OK) + arguments
    return struct.pack(">BHI", 1, 0, len(payload)) + payload + b"\xce"


def postgres(port: int) -> bool:
    """Whether PostgreSQL accepts the user postgres without a password."""
    try:
        with socket.create_connection((HOST, port), TIMEOUT) as link, link.makefile("rb") as stream:
            link.sendall(_start_as_postgres())
            return _postgres_is_ready(stream)
    except (OSError, ValueError):
        return False


def _start_as_postgres() -> bytes:
    payload = struct.pack(">I", POSTGRES_3_0) + b"user\x00postgres\x00database\x00postgres\x00\x00"
    return struct.pack(">I", 4 + len(payload)) + payload


def _postgres_is_ready(stream: IO[bytes]) -> bool:
    """Read up to the first message that accepts or refuses the login."""
    while True:
        kind, length = struct.unpack(">cI", _read(stream, 5))
        body = _read(stream, length - 4)
        if kind == b"E" or (kind == b"R" and int.from_bytes(body[:4]) != TRUSTED):
            return False
        if kind == b"Z":
            return True


def mariadb(port: int) -> bool:
    """Whether MariaDB accepts the user root without a password."""
    try:
        with socket.create_connection((HOST, port), TIMEOUT) as link, link.makefile("rb") as stream:
            greeting, _ = _mysql_packet(stream)
            if greeting[:1] != bytes([MYSQL_10]) or b"MariaDB" not in greeting.split(b"\0")[0]:
                return False
            link.sendall(_mysql_log_in_as_root())
            reply, number = _mysql_packet(stream)
            if reply[:1] == b"\xfe":  # asks for another authentication plugin: the password is empty there as well
                link.sendall(_mysql_framed(b"", number + 1))
                reply, _ = _mysql_packet(stream)
            return reply[:1] == b"\0"
    except (OSError, ValueError):
        return False


def _mysql_log_in_as_root() -> bytes:
    about = struct.pack("<IIB23x", MYSQL_CAPABILITIES, LARGEST_PACKET, UTF8MB4)
    return _mysql_framed(about + b"root\0" + b"\0" + b"mysql_native_password\0", 1)


def _mysql_framed(payload: bytes, number: int) -> bytes:
    return struct.pack("<I", len(payload) | number << 24) + payload


def _mysql_packet(stream: IO[bytes]) -> tuple[bytes, int]:
    header = int.from_bytes(_read(stream, 4), "little")
    return _read(stream, header & 0xFFFFFF), header >> 24


def _read(stream: IO[bytes], length: int) -> bytes:
    if not 0 <= length <= MAX_LENGTH:
        raise ValueError(length)
    data = stream.read(length)
    if len(data) < length:
        raise ValueError(data)
    return data
