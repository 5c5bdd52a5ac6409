"""The dependencies of the Node.js consumer."""

import json
import shutil
import subprocess
from pathlib import Path

FOLDER = Path(__file__).parent / "node_consumer"
SCRIPT = FOLDER / "consumer.mjs"
_MODULES = FOLDER / "node_modules"
_PACKAGES = ("amqplib", "pg")
_TIMEOUT = 120


def install() -> str | None:
    """Install missing packages. Return the reason if that is not possible, else None."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return "node or npm is not installed"
    if all((_MODULES / name).is_dir() for name in _PACKAGES):
        return None
    command = [npm, "install", "--no-audit", "--no-fund", "--silent"]
    try:
        subprocess.run(command, cwd=FOLDER, check=True, capture_output=True, text=True, timeout=_TIMEOUT)
    except subprocess.CalledProcessError as exc:
        return f"npm install failed: {exc.stderr.strip()[-200:]}"
    except subprocess.TimeoutExpired:
        return "npm install timed out"
    return None


def versions() -> str | None:
    """Return the versions of Node.js and of the packages; None if they are not installed."""
    node = shutil.which("node")
    if node is None or not _MODULES.is_dir():
        return None
    version = subprocess.run([node, "--version"], check=True, capture_output=True, text=True, timeout=_TIMEOUT)
    packages = (f"{name} {_version(name)}" for name in _PACKAGES)
    return ", ".join([version.stdout.strip().removeprefix("v"), *packages])


def _version(package: str) -> str:
    return str(json.loads((_MODULES / package / "package.json").read_text(encoding="utf-8"))["version"])
