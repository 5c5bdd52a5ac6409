"""The scripts in `examples/` that the pages name do what they say."""

import os
import subprocess
import sys
from pathlib import Path

from tests.acceptance.peer import Peer
from tests.acceptance.process import Service
from tests.docs.pages import ROOT

BODY = b"{name: Tom}"


def dead_letters(service: Service, *words: str, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples/dead_letters.py"), *words],
        env={**os.environ, **service.environ},
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done.stdout


def test_dead_letters_are_shown_and_sent_back(tmp_path: Path, prefix: str) -> None:
    with Service(f"sqlite+aiosqlite:///{tmp_path / 'test.db'}", prefix) as service, Peer(prefix) as peer:
        assert peer.ask(BODY, message_id="bad").code == "malformed"
        peer.until(lambda: peer.depth("dead-letters") == 1, "the dead letter")
        shown = dead_letters(service)
        assert shown.splitlines()[0].startswith("bad  malformed  the body is not JSON")
        assert str(BODY) in shown
        dead_letters(service, "nobody", code=1)
        dead_letters(service, "bad")
        assert peer.reply().code == "malformed"
        (again,) = [one for one in peer.dead_letters() if one.properties.message_id == "bad"]
        assert again.headers["x-attempts"] == 1
