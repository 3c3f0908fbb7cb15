"""A project into which tests put one fault after the other, for both backends."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conda_channel import CondaChannel
from conda_project import CondaUser
from doctor_faults import diagnose
from pyve_test_helpers import Pyve


def clear_project(pyve: Pyve) -> None:
    """Remove everything from the project."""
    for path in pyve.project.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


@pytest.fixture(scope="module")
def workshops(
    tmp_path_factory: pytest.TempPathFactory,
    template_cache: Path,
    conda_channel: CondaChannel,
) -> Iterator[dict[str, Pyve]]:
    """A user for each backend, for all tests of a file."""
    roots = [tmp_path_factory.mktemp("workshop"), tmp_path_factory.mktemp("conda workshop")]
    yield {
        "venv": Pyve(roots[0], template_cache),
        "micromamba": CondaUser(roots[1], template_cache, conda_channel),
    }
    for root in roots:
        shutil.rmtree(root, ignore_errors=True)


def make_whole(pyve: Pyve, set_up: Callable[[Any], None]) -> None:
    """Make the project healthy again, anew when something is wrong with it.

    A project in which the test before has seen its fault mended (mend_fault) is healthy.

    Args:
        pyve: the user.
        set_up: fills an empty project.
    """
    whole = getattr(pyve, "is_whole", False)
    pyve.is_whole = False  # type: ignore[attr-defined]
    if whole:
        return
    if not (pyve.project / ".pyve/config").is_file() or diagnose(pyve)["diagnostics"]:
        clear_project(pyve)
        set_up(pyve)
        document = diagnose(pyve)
        assert document["diagnostics"] == [], document["diagnostics"]


def set_up_plain(pyve: Pyve) -> None:
    """Fill a project with the least that there is."""
    if isinstance(pyve, CondaUser):
        pyve.manifest("python", "greeter", "pip")
    pyve.init()
