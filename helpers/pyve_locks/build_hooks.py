"""What a build backend asks for beside what ``pyproject.toml`` says that a build needs.

Source: PEP 517 (``get_requires_for_build_wheel``), PEP 660 (``get_requires_for_build_editable``).
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from pyve_core import HelperError
from pyve_core.errors import redact
from pyve_locks.confined_builds import confined_words
from pyve_locks.programs import run_program
from pyve_locks.toml_lines import TomlError, parse_toml
from pyve_locks.uv_run import no_index, uv_environment
from pyve_sandbox.build import FOLDERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["Backends", "unpacked", "unpacked_commit"]

SHOWN = 10
# Runs with what the build needs, in the source tree.
_ASK = """
import importlib, json, os, sys
source, backend, paths, kinds, answer = json.loads(sys.argv[1])
os.chdir(source)
sys.path[:0] = [os.path.abspath(path) for path in paths]
module, _, names = backend.partition(":")
thing = importlib.import_module(module)
for name in filter(None, names.split(".")):
    thing = getattr(thing, name)
found = []
for kind in kinds:
    if hasattr(thing, "build_" + kind):
        hook = getattr(thing, "get_requires_for_build_" + kind, None)
        found = list(hook(None) or ()) if hook else []
        break
with open(answer, "w", encoding="utf-8") as stream:
    json.dump(found, stream)
"""


class Backends:
    """Asks build backends, each in an environment of its own, which goes away again."""

    def __init__(
        self, uv: str, root: Path, links: Path, interpreter: str, environ: Mapping[str, str]
    ) -> None:
        """Take what they run with.

        Args:
            uv: its path.
            root: the project; its indexes count.
            links: a folder with distributions that need not be fetched again.
            interpreter: path of a Python, or "" for the one that uv finds.
            environ: environment variables.
        """
        self.uv = uv
        self.root = root
        self.links = links
        self.interpreter = interpreter
        self.env = uv_environment(environ)

    def ask(
        self, name: str, source: Path, requires: Sequence[str], kinds: Sequence[str] = ("wheel",)
    ) -> tuple[str, ...]:
        """Ask a backend what else it needs.

        Setuptools is not asked: it would run a setup.py, for a setup_requires that nobody should
        have any more.

        Args:
            name: of the package, for people.
            source: its source tree.
            requires: what building it needs, as read_build_requires says.
            kinds: "editable", "wheel": the first that the backend can build.

        Returns:
            Further requirements.

        Raises:
            HelperError: E_SYNC_BUILD.
        """
        backend, paths = _read_backend(source)
        if not backend or backend.partition(".")[0].partition(":")[0] == "setuptools":
            return ()
        with tempfile.TemporaryDirectory(prefix="pyve-hook-") as folder:
            answer = Path(folder) / "answer.json"
            words = ["run", "--no-project", "--isolated", "--quiet", "--color=never"]
            words += [f"--python={self.interpreter}"] if self.interpreter else []
            words += [f"--find-links={self.links}", *no_index(self.env)]
            words += [f"--with={one}" for one in requires]
            told = json.dumps([str(source), backend, paths, list(kinds), str(answer)])
            words += ["--", "python", "-I", "-B", "-c", _ASK, told]
            folders = os.pathsep.join((str(source), folder))
            with confined_words(words, self.env) as confined:
                env = {**self.env, FOLDERS: folders}
                _, _, said = run_program("uv", [self.uv, *confined], self.root, env)
            try:
                found = json.loads(answer.read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                lines = [line for line in redact(said).splitlines() if line.strip()]
                raise HelperError(
                    "E_SYNC_BUILD",
                    f"the build backend of {name} does not say what it needs",
                    [f"the backend is {backend}", *lines[-SHOWN:]],
                ) from error
        return tuple(str(one) for one in found)


def _read_backend(source: Path) -> tuple[str, list[str]]:
    """Give ``build-backend`` and ``backend-path`` of a source tree; "" for setuptools' old way."""
    try:
        content = parse_toml((source / "pyproject.toml").read_text(encoding="utf-8-sig"))
    except (OSError, TomlError, ValueError):
        return "", []
    system = content.get("build-system")
    if not isinstance(system, dict):
        return "", []
    paths = system.get("backend-path")
    backend = str(system.get("build-backend") or "")
    return backend, [str(path) for path in paths] if isinstance(paths, list) else []


@contextlib.contextmanager
def unpacked(archive: Path) -> Iterator[Path]:
    """Unpack a source distribution for a while; gives the folder of its source tree.

    Raises:
        HelperError: E_INDEX when it cannot be, or would write outside of its folder.
    """
    with tempfile.TemporaryDirectory(prefix="pyve-source-") as folder:
        place = Path(folder)
        try:
            if archive.name.endswith(".zip"):
                with zipfile.ZipFile(archive) as zipped:
                    zipped.extractall(place)
            else:
                with tarfile.open(archive) as tarball:
                    _extract(tarball, place)
        except (OSError, EOFError, ValueError, tarfile.TarError, zipfile.BadZipFile) as error:
            why = str(error) or type(error).__name__
            raise HelperError("E_INDEX", f"{archive.name} cannot be unpacked", why) from error
        inside = [path for path in place.iterdir() if path.is_dir()]
        yield inside[0] if len(inside) == 1 else place


@contextlib.contextmanager
def unpacked_commit(repository: Path, commit: str) -> Iterator[Path]:
    """Unpack a commit of a repository for a while; gives the folder.

    Raises:
        HelperError: E_REPOSITORY.
    """
    with tempfile.TemporaryDirectory(prefix="pyve-source-") as folder:
        file, place = Path(folder) / "tree.tar", Path(folder) / "tree"
        words = ["git", "-C", os.fspath(repository), "archive", f"--output={file}", commit]
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        try:
            place.mkdir()
            with tarfile.open(file) as tarball:
                _extract(tarball, place)
        except (OSError, tarfile.TarError, ValueError) as error:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            message = f"{repository.name} cannot be unpacked"
            raise HelperError("E_REPOSITORY", message, said[-SHOWN:] or str(error)) from error
        yield place


def _extract(tarball: tarfile.TarFile, place: Path) -> None:
    """Unpack what stays within a folder; an old Python leaves out links and devices."""
    if hasattr(tarfile, "data_filter"):
        tarball.extractall(place, filter="data")
        return
    root = os.path.realpath(place)
    for member in tarball.getmembers():
        target = os.path.realpath(os.path.join(root, member.name))
        if target != root and not target.startswith(root + os.sep):
            raise ValueError(f"{member.name} is outside of the archive's folder")
        if member.isfile() or member.isdir():
            tarball.extract(member, place)
