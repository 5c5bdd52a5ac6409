"""The wheel, installed as its users install it: into environments of its own."""

import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import Distribution, distribution, distributions
from pathlib import Path
from zipfile import ZipFile

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LONG_TIMEOUT = 600
"""A limit that a slow and busy machine does not reach."""
_METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"


def build_wheel(directory: Path) -> Path:
    """Build the wheel of this tree with the backend of pyproject.toml."""
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(directory), str(ROOT)]
    run(command, directory)
    (wheel,) = directory.glob("*.whl")
    return wheel


def run(
    command: Sequence[str], directory: Path, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command, and require that it succeeds."""
    done = run_unchecked(command, directory, environ)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done


def run_unchecked(
    command: Sequence[str], directory: Path, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("CRUDMQ_", "PYTHON"))}
    return subprocess.run(
        command,
        cwd=directory,
        env={**inherited, **(environ or {})},
        capture_output=True,
        text=True,
        timeout=LONG_TIMEOUT,
        check=False,
    )


@dataclass
class Environment:
    """An environment. pip installs the wheel; its dependencies are links to those of the test environment."""

    directory: Path
    site: Path = field(init=False)

    def __post_init__(self) -> None:
        venv.create(self.directory, symlinks=True)
        paths = sysconfig.get_paths("venv", {"base": str(self.directory), "platbase": str(self.directory)})
        self.site = Path(paths["purelib"])

    @property
    def python(self) -> str:
        return str(self.directory / "bin" / "python")

    @property
    def crudmq(self) -> str:
        return str(self.directory / "bin" / "crudmq")

    def install(self, wheel: Path, *extras: str) -> None:
        """Install the wheel with its dependencies."""
        self._pip("install", "--no-deps", "--no-index", "--no-compile", str(wheel))
        (installed,) = distributions(name="crudmq", path=[str(self.site)])
        for dependency in _dependencies(installed, {"", *extras}).values():
            for name in {file.parts[0] for file in dependency.files or ()} - {"..", "__pycache__"}:
                (self.site / name).symlink_to(str(dependency.locate_file(name)))

    def install_foreign(self, name: str) -> None:
        """Install another project's package of this name."""
        package = self.site / name
        package.mkdir()
        (package / "__init__.py").write_text(f'raise ImportError("the foreign package {name}")\n')
        metadata = self.site / f"{name}-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(_METADATA.format(name=name))
        (metadata / "INSTALLER").write_text("pip\n")
        files = f"{name}/__init__.py,,", *(f"{metadata.name}/{file},," for file in ("METADATA", "INSTALLER", "RECORD"))
        (metadata / "RECORD").write_text("\n".join(files) + "\n")

    def uninstall(self, name: str) -> None:
        self._pip("uninstall", "--yes", name)

    def _pip(self, *arguments: str) -> None:
        run([sys.executable, "-m", "pip", "--python", self.python, *arguments], self.directory)


def _dependencies(root: Distribution, root_extras: set[str]) -> dict[str, Distribution]:
    """Return the distributions of the test environment that another one needs, by name."""
    needed: dict[str, Distribution] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    pending = [(root, root_extras)]
    while pending:
        parent, extras = pending.pop()
        for requirement in map(Requirement, parent.requires or ()):
            name, marker = canonicalize_name(requirement.name), requirement.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras):
                needed[name] = needed.get(name) or distribution(name)
                if (name, edge := frozenset({"", *requirement.extras})) not in seen:
                    seen.add((name, edge))
                    pending.append((needed[name], {*edge}))
    return needed


def files(wheel: Path) -> list[str]:
    with ZipFile(wheel) as archive:
        return archive.namelist()


def metadata(wheel: Path) -> str:
    with ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return archive.read(name).decode()
