"""Installing the packages of a lock into an empty folder: by uv, or by pip where there is none."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pyve_core import HelperError
from pyve_locks.sync import Uv
from pyve_locks.uv_find import find_uv, has_uv

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyve_store.digest import Interpreter

__all__ = ["Engine"]


class Engine:
    """What installs.

    Attributes:
        pythons: the paths by which the scripts that it makes name the interpreter.
    """

    def __init__(
        self,
        python: Interpreter,
        root: Path,
        offline: bool = False,
        pip: str = "",
        words: Sequence[str] = (),
        only_binary: bool = False,
        env: dict[str, str] | None = None,
    ) -> None:
        """Note what is to be done later.

        Args:
            python: the interpreter.
            root: the project's folder.
            offline: whether the network is left alone.
            pip: the folder with pip in it, for when there is no uv; "" for none.
            words: further options of ``uv pip sync``.
            only_binary: whether nothing may be built.
            env: variables more.
        """
        self.python = python
        self.root = root
        self.offline = offline
        self.pip = pip
        self.words = list(words)
        self.only_binary = only_binary
        self.env = env or {}
        self.pythons: tuple[str, ...] = (python.path, os.path.realpath(python.path))

    def install(self, lock: Path, prefix: Path) -> None:
        """Install all that a lock has for the interpreter.

        Args:
            lock: its extras and groups are chosen already.
            prefix: an empty folder.

        Raises:
            HelperError: as sync.Uv.sync and PipSync.sync; E_RESOLVE_ENGINE when there is neither.
        """
        words = list(self.words)
        if has_uv():
            uv = Uv(find_uv(), prefix, self.root, self.offline, self.python.path)
            # A link to what uv keeps would give that the modes that files have in the store.
            uv.env.update(self.env, UV_LINK_MODE="copy")
            uv.env.pop("UV_COMPILE_BYTECODE", None)
            if self.only_binary:
                words += ["--only-binary", ":all:"]
            uv.sync(lock, words)
            return
        if not self.pip:
            raise HelperError("E_RESOLVE_ENGINE", "there is neither uv nor pip to do this with")
        from pyve_locks.pip_engine_sync import PipSync

        class PrefixPip(PipSync):
            """pip, which installs elsewhere than into its own environment."""

            def run(self, command: str, *words: str) -> str:
                """Run it; see PipSync."""
                if command == "install":
                    words = ("--ignore-installed", "--prefix", os.fspath(prefix), *words)
                return super().run(command, *words)

        with tempfile.TemporaryDirectory(prefix="pyve-pip-") as name:
            pip = PrefixPip(self.make_environment(Path(name)), self.root, self.offline)
            pip.env.update(self.env)
            if self.only_binary:
                words += ["--only-binary", ":all:"]
            pip.sync(lock, words)

    def make_environment(self, folder: Path) -> Path:
        """Make an environment with nothing but pip in it."""
        python = os.fspath(folder / "bin" / "python")
        minor = ".".join(self.python.version.split(".")[:2])
        name = f"pypy{minor}" if self.python.implementation == "pypy" else f"python{minor}"
        packages = folder / "lib" / name / "site-packages"
        packages.mkdir(parents=True)
        (folder / "bin").mkdir()
        os.symlink(self.python.path, python)
        home = os.path.dirname(self.python.path)
        settings = f"home = {home}\ninclude-system-site-packages = false\n"
        (folder / "pyvenv.cfg").write_text(settings, encoding="utf-8")
        (packages / "pip.pth").write_text(f"{self.pip}\n", encoding="utf-8")
        self.pythons = (*self.pythons, python)
        return folder
