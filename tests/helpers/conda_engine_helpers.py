"""Calling the helpers of the built-in conda engine as Pyve does, each time as another user."""

from __future__ import annotations

import functools
import http.server
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pyve_test_helpers import KEPT, TREE


@dataclass
class Answer:
    """What a helper answered.

    Attributes:
        status: its exit status.
        value: the answer, or the diagnostic; {} when it printed none.
        talk: what it wrote to stderr.
    """

    status: int
    value: dict[str, Any]
    talk: str

    @property
    def names(self) -> dict[str, str]:
        """The versions of the packages of the answer, by name."""
        return {package["name"]: package["version"] for package in self.value["packages"]}

    @property
    def why(self) -> str:
        """The reasons of a diagnostic, as one text."""
        return "\n".join(self.value["why"])


@dataclass
class CondaHelpers:
    """Runs the helpers in a folder of their own.

    Attributes:
        python: the interpreter of the toolchain.
        root: a folder of the test's own; HOME and the caches are below it.
        env: environment variables.
    """

    python: Path
    root: Path
    env: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        home = self.root / "home of user"
        home.mkdir(parents=True, exist_ok=True)
        own = {name: os.environ[name] for name in KEPT if name in os.environ}
        self.env = {**own, "HOME": str(home), "TMPDIR": str(self.root), **self.env}

    @property
    def cache(self) -> Path:
        """Where the engine keeps packages and indexes."""
        return self.root / "home of user" / ".cache" / "pyve" / "conda"

    def command(self, helper: str, *args: str | Path) -> list[str]:
        """Return the command line of a helper, as lib/helper.sh makes it."""
        path = TREE / "helpers" / f"{helper}.py"
        words = [str(self.python), "-E", "-s", "-B", "-X", "utf8", str(path)]
        return [*words, *(str(arg) for arg in args)]

    def call(self, helper: str, *args: str | Path, **env: str) -> Answer:
        """Run a helper, and see that it answers with one JSON document, never with a traceback."""
        result = subprocess.run(
            self.command(helper, *args),
            capture_output=True,
            text=True,
            env={**self.env, **env},
            cwd=self.root,
            stdin=subprocess.DEVNULL,
            timeout=120,
        )
        assert "Traceback" not in result.stderr, result.stderr
        value = json.loads(result.stdout) if result.stdout else {}
        if result.returncode == 1:
            assert set(value) == {"code", "message", "why", "fix"}, value
        return Answer(result.returncode, value, result.stderr)

    def engine(self, action: str, *args: str | Path, **env: str) -> Answer:
        """Run conda_engine.py."""
        return self.call("conda_engine", action, *args, **env)

    def lock(self, *args: str | Path, **env: str) -> Answer:
        """Run conda_lock_file.py."""
        return self.call("conda_lock_file", "lock", *args, **env)

    def write_environment(
        self,
        channels: list[str],
        dependencies: list[Any],
        name: str = "environment.yml",
        **more: Any,
    ) -> Path:
        """Write an environment.yml (JSON is YAML), and return its path."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = {"channels": channels, "dependencies": dependencies, **more}
        path.write_text(json.dumps(text, ensure_ascii=False, indent=1), encoding="utf-8")
        return path


@functools.cache
def toolchain_python() -> Path:
    """Return the interpreter of the toolchain that all tests share; makes it when it is missing."""
    script = TREE / "scripts" / "make-test-toolchain.sh"
    result = subprocess.run([script], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if result.returncode != 0:
        pytest.fail(f"no toolchain for tests: {result.stderr}")
    return Path(result.stdout.strip().splitlines()[-1])


@pytest.fixture(scope="session")
def warm_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package cache for the tests that do not look into it."""
    return tmp_path_factory.mktemp("package cache")


@pytest.fixture
def cold_conda(tmp_path: Path) -> Iterator[CondaHelpers]:
    """The helpers of a user who has made no environment yet."""
    yield CondaHelpers(toolchain_python(), tmp_path)
    shutil.rmtree(tmp_path, ignore_errors=True)


@pytest.fixture
def conda(cold_conda: CondaHelpers, warm_cache: Path) -> CondaHelpers:
    """The helpers of a user who has made environments before."""
    cold_conda.env["PYVE_CONDA_CACHE"] = str(warm_cache)
    return cold_conda


@pytest.fixture
def conda_prefix(tmp_path: Path) -> Path:
    """Where an environment is to be made: a path that needs care."""
    return tmp_path / "my 'project' ü$x" / ".pyve" / "envs" / "demo"


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_args: object) -> None:
        pass


@contextmanager
def serve_folder(folder: Path) -> Iterator[str]:
    """Serve a folder over HTTP on this machine; gives the URL."""
    handler = functools.partial(_QuietHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
