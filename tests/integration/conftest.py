"""Fixtures of the black-box tests."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conda_channel import conda_channel  # noqa: F401  a fixture
from conda_engine_helpers import (  # noqa: F401  fixtures
    cold_conda,
    conda,
    conda_prefix,
    warm_cache,
)
from pyve_test_helpers import Pyve, copy_interpreter
from release_user import certificate, makers, offered  # noqa: F401  fixtures
from sync_user import index, served, shop, user  # noqa: F401  fixtures
from workshop import workshops  # noqa: F401  a fixture


@pytest.fixture(scope="session")
def template_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for templates of environments, the same for all workers: they are only read."""
    folder = tmp_path_factory.getbasetemp()
    if folder.name.startswith("popen-"):
        folder = folder.parent
    cache = folder / "template cache"
    cache.mkdir(exist_ok=True)
    return cache


@pytest.fixture
def make_pyve(tmp_path: Path, template_cache: Path) -> Iterator[Callable[[str], Pyve]]:
    """Makes the user, with a project folder of the given name."""

    def make(project: str) -> Pyve:
        return Pyve(tmp_path, template_cache, project)

    yield make
    shutil.rmtree(tmp_path, ignore_errors=True)


@pytest.fixture
def pyve(make_pyve: Callable[[str], Pyve]) -> Pyve:
    """A user with a private HOME and an empty project, on a machine without managers."""
    return make_pyve("my project")


@pytest.fixture(scope="session")
def _second_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_interpreter(tmp_path_factory.mktemp("second") / "python")


@pytest.fixture
def second_python(_second_python: Path) -> Iterator[Path]:
    """An interpreter of its own that a test may break; it is mended afterwards."""
    prefix = _second_python.parent.parent
    kept = prefix.with_name("kept")
    shutil.copytree(prefix, kept, symlinks=True)
    yield _second_python
    shutil.rmtree(prefix, ignore_errors=True)
    kept.rename(prefix)
