"""Fixtures of the helpers' own tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from local_index import LocalIndex
from manifests import write  # noqa: F401  a fixture
from solving import Project, serve
from store_user import user  # noqa: F401  a fixture


@pytest.fixture(scope="module")
def shared_index() -> Iterator[LocalIndex]:
    """An index that no test changes; a module that needs another overrides it."""
    with serve() as index:
        yield index


@pytest.fixture
def project(tmp_path: Path, shared_index: LocalIndex) -> Iterator[Project]:
    """An empty project whose index is the shared one; its locks are installed in the end."""
    made = Project.make(tmp_path, shared_index.env)
    yield made
    made.check_installers()


@pytest.fixture(scope="module")
def caches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Caches of pip and uv for all tests of a module."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def cached_project(tmp_path: Path, shared_index: LocalIndex, caches: Path) -> Iterator[Project]:
    """The same with caches that all tests of the module fill."""
    made = Project.make(tmp_path, shared_index.env)
    made.env.update(PIP_CACHE_DIR=str(caches / "pip"), UV_CACHE_DIR=str(caches / "uv"))
    yield made
    made.check_installers()
