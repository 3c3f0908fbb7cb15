"""What the tests of pyve_locks.edit share."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from packaging.requirements import Requirement

from pyve_core import HelperError
from pyve_locks.edit import add_requirements, remove_requirements

NAMES = ["Alpha", "beta", "Gamma_ray", "delta", "zope.interface", "ypsilon", "mike", "n2"]
NEW = ["aaa", "Charlie>=1,<2", "mid-way", "zz.top[x]==1.*; python_version < '3.12'"]


def add(text: str, *wishes: str, kind: str = "pyproject", root: str = "") -> str:
    """Add, and see that adding the same again changes nothing."""
    new = add_requirements(text, kind, wishes, root)
    assert add_requirements(new, kind, wishes, root) == new
    return new


def remove(text: str, *names: str, kind: str = "pyproject", root: str = "") -> str:
    """Remove, and return the text only."""
    return remove_requirements(text, kind, names, root)[0]


def complain(call: Callable[[], object]) -> HelperError:
    """Return what is said of something that cannot be done."""
    with pytest.raises(HelperError) as caught:
        call()
    assert caught.value.code == "E_MANIFEST"
    return caught.value


def bare(wish: str) -> str:
    """Give the name of a requirement."""
    return Requirement(wish).name


def project(dependencies: str) -> str:
    """Give a pyproject.toml with some dependencies, and things around them."""
    return (
        "# A project\n[build-system]\nrequires = ['hatchling']  # by hand\n\n[project]\n"
        f'name   =   "x"\ndependencies = {dependencies}\n\n[tool."odd key"]\nx.y = {{ a=1 }}\n'
    )
