"""Manifests without a solution, with what is said about each, and what is locked after its fix.

The index of ``solving``, with MORE, has what they ask for.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from distributions import make_sdist, make_wheel
from local_index import LocalIndex
from solving import serve

HERE = "{}.{}".format(*sys.version_info)
# More than the index of the other tests has.
MORE = (
    make_wheel("diamond", "1.0", ["alpha<2"]),
    make_wheel("diamond", "2.0", ["alpha>=2"]),
    make_wheel("diamond", "3.0", ["alpha>=2"]),
    make_wheel("deep-a", "1.0", ["deep-b"]),
    make_wheel("deep-b", "1.0", ["alpha<2"]),
    make_wheel("deep-c", "1.0", ["deep-d>=1"]),
    make_wheel("deep-d", "1.0", ["alpha>=2"]),
    make_wheel("pair", "1.0", ["twin==1.0"]),
    make_wheel("pair", "2.0", ["twin==2.0"]),
    make_wheel("twin", "1.0"),
    make_wheel("twin", "2.0"),
    make_wheel("old-pair", "1.0", ["diamond==1.0", "pair==1.0"]),
    make_wheel("here", "1.0"),
    make_wheel("here", "2.0", requires_python=f">={HERE}"),
    make_wheel("future", "1.0"),
    make_wheel("future", "2.0", requires_python=">=3.99"),
    make_wheel("only-future", "1.0", requires_python=">=3.99"),
    make_wheel("wrap", "1.0", ["only-future"]),
    make_wheel("winner", "1.0", ["alpha>=2; sys_platform == 'win32'"]),
    make_wheel("horn", "1.0", extras={"big": ["ring>=2"], "small": ["ring"]}),
    make_wheel("bells", "1.0", extras={"more": ["alpha>=2"]}),
    make_wheel("picky", "1.0", ["alpha!=1.1"]),
    make_wheel("platy", "1.0"),
    make_wheel("platy", "2.0", tag="py3-none-win_amd64"),
    make_wheel("mended", "1.1"),
    make_sdist("mended", "1.0", dynamic=True, build_fails="no compiler here"),
    make_wheel("scikit-learn", "1.0"),
)


def both(*commands: str) -> str:
    """Give the command that runs some, each when the one before did well."""
    joined = " && ".join(commands).replace("'", r"'\''")
    return f"sh -c '{joined}'"


@dataclass(frozen=True)
class Case:
    """A manifest without a solution.

    Attributes:
        name: what it is about.
        asked: the dependencies.
        code, message: of the diagnostic.
        why: lines that it has, the place of requirements left out.
        fix: the command that it proposes; "" for none.
        after: what is locked after that.
        more: the rest of pyproject.toml.
        options: of the solver.
        python: requires-python.
    """

    name: str
    asked: tuple[str, ...]
    code: str
    message: str
    why: tuple[str, ...]
    fix: str
    after: str
    more: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    python: str = ">=3.9"


CASES = (
    Case(
        "diamond: no versions but one each",
        ("beta", "gamma"),
        "E_RESOLVE_CONFLICT",
        "beta and gamma need versions of alpha that exclude each other",
        ("beta -> alpha<2", "gamma -> alpha>=2", "there is alpha 2.0, 1.1, 1.0"),
        "pyve remove gamma",
        "alpha 1.1, beta 1.0, tomlish 1.0",
    ),
    Case(
        "diamond: an older pin",
        ("diamond==1.0", "gamma"),
        "E_RESOLVE_CONFLICT",
        "diamond and gamma need versions of alpha that exclude each other",
        ("diamond==1 -> alpha<2", "gamma -> alpha>=2"),
        "pyve add diamond==2.0",
        "alpha 2.0, diamond 2.0, gamma 1.0, winly 1.0",
    ),
    Case(
        "diamond: three deep",
        ("deep-a", "ring", "deep-c"),
        "E_RESOLVE_CONFLICT",
        "deep-a and deep-c need versions of alpha that exclude each other",
        ("deep-a -> deep-b -> alpha<2", "deep-c -> deep-d==1.0 -> alpha>=2"),
        "pyve remove deep-c",
        "alpha 1.1, deep-a 1.0, deep-b 1.0, ring 1.0",
    ),
    Case(
        "diamond: the project is one side",
        ("alpha>=1,<2", "gamma"),
        "E_RESOLVE_CONFLICT",
        "gamma and the project need versions of alpha that exclude each other",
        ("alpha<2,>=1", "gamma -> alpha>=2"),
        "pyve add 'alpha>=1,<3'",
        "alpha 2.0, gamma 1.0, winly 1.0",
    ),
    Case(
        "diamond: both have to move",
        ("diamond==1.0", "gamma", "pair==1.0", "twin==2.0"),
        "E_RESOLVE_CONFLICT",
        "",
        ("diamond==1 -> alpha<2", "gamma -> alpha>=2", "pair==1 -> twin==1.0", "twin==2"),
        "pyve add pair==2.0 diamond==2.0",
        "alpha 2.0, diamond 2.0, gamma 1.0, pair 2.0, twin 2.0, winly 1.0",
    ),
    Case(
        "asked for twice",
        ("alpha==1.0", "alpha==2.0"),
        "E_RESOLVE_CONFLICT",
        "alpha is asked for in versions that exclude each other",
        ("alpha==1", "alpha==2"),
        both("pyve remove alpha", "pyve add alpha==2"),
        "alpha 2.0",
    ),
    Case(
        "a group",
        ("alpha>=2",),
        "E_RESOLVE_CONFLICT",
        "alpha is asked for in versions that exclude each other",
        ("alpha>=2", "group dev: alpha<1.1"),
        "pyve add --group dev 'alpha<2.1'",
        "alpha 2.0",
        more='[dependency-groups]\ndocs = [{include-group = "dev"}]\ndev = ["alpha<1.1"]\n',
    ),
    Case(
        "the same in a group, too",
        ("alpha<2", "gamma"),
        "E_RESOLVE_CONFLICT",
        "gamma and the project need versions of alpha that exclude each other",
        ("alpha<2", "gamma -> alpha>=2"),
        both("pyve remove alpha", "pyve add 'alpha<3'", "pyve add --group test 'alpha<3'"),
        "alpha 2.0, gamma 1.0, winly 1.0",
        more='[dependency-groups]\ntest = ["alpha<2"]\n',
    ),
    Case(
        "a choice of versions",
        ("picky==1.0", "alpha==1.1"),
        "E_RESOLVE_CONFLICT",
        "picky and the project need versions of alpha that exclude each other",
        ("picky==1 -> alpha<1.1 or alpha>1.1", "alpha==1.1"),
        "pyve add alpha==2.0",
        "alpha 2.0, picky 1.0",
    ),
    Case(
        "four conflicts at once",
        ("beta", "nothing-there", "gamma", "alhpa", "twin>3"),
        "E_RESOLVE_MISSING",
        "",
        ("beta -> alpha<2", "gamma -> alpha>=2", "alhpa", "nothing-there", "twin>3"),
        both("pyve remove alhpa gamma nothing-there twin", "pyve add alpha 'twin>=2.0'"),
        "alpha 1.1, beta 1.0, tomlish 1.0, twin 2.0",
    ),
    Case(
        "an extra of the project",
        ("gamma",),
        "E_RESOLVE_CONFLICT",
        "gamma and the project need versions of alpha that exclude each other",
        ("gamma -> alpha>=2", "extra old: alpha<2"),
        "pyve add --extra old 'alpha<3'",
        "alpha 2.0, gamma 1.0, winly 1.0",
        more='[project.optional-dependencies]\nold = ["alpha<2"]\n',
    ),
    Case(
        "an extra of a dependency",
        ("bells[more]", "alpha<=1.1"),
        "E_RESOLVE_CONFLICT",
        "bells and the project need versions of alpha that exclude each other",
        ("bells[more] -> alpha>=2", "alpha<=1.1"),
        "pyve add 'alpha<=2.0'",
        "alpha 2.0, bells 1.0",
    ),
    Case(
        "an extra that nothing fits",
        ("horn[big]", "alpha"),
        "E_RESOLVE_MISSING",
        "there is no version of ring that fits ring>=2",
        ("horn[big] -> ring>=2", "there is ring 1.0"),
        "pyve remove horn",
        "alpha 2.0",
    ),
    Case(
        "a constraint",
        ("gamma",),
        "E_RESOLVE_CONFLICT",
        "gamma and the project need versions of alpha that exclude each other",
        ("gamma -> alpha>=2", "constraint: alpha<2"),
        both('sed -i.old \'7s/"alpha<2"/"alpha<3"/\' pyproject.toml', "pyve lock"),
        "alpha 2.0, gamma 1.0, winly 1.0",
        more='[tool.uv]\nconstraint-dependencies = ["alpha<2"]\n',
    ),
    Case(
        "a marker of the project",
        ('alpha<2; sys_platform == "win32"', "gamma"),
        "E_RESOLVE_CONFLICT",
        "gamma and the project need versions of alpha that exclude each other",
        ('alpha<2; sys_platform == "win32"', "gamma -> alpha>=2"),
        "pyve add 'alpha<3; sys_platform == \"win32\"'",
        "alpha 2.0, gamma 1.0, winly 1.0",
    ),
    Case(
        "a marker of a dependency",
        ("alpha~=1.0", "winner"),
        "E_RESOLVE_CONFLICT",
        "winner and the project need versions of alpha that exclude each other",
        ("alpha~=1.0", "winner -> alpha>=2; sys_platform == 'win32'"),
        "pyve add 'alpha~=2.0'",
        "alpha 2.0, winner 1.0",
    ),
    Case(
        "Python: the limit is too low",
        ("here==2.0",),
        "E_RESOLVE_PYTHON",
        f"here needs Python >={HERE}, and the project is for >=3.8",
        (f"here==2 -> Python>={HERE}", "there is here 2.0, 1.0"),
        both(f'sed -i.old \'4s/=.*"/= ">={HERE}"/\' pyproject.toml', "pyve lock"),
        "here 2.0",
        python=">=3.8",
    ),
    Case(
        "Python: none here is new enough",
        ("future==2.0",),
        "E_RESOLVE_PYTHON",
        "future needs Python >=3.99, and the project is for >=3.9",
        ("future==2 -> Python>=3.99", "there is future 2.0, 1.0"),
        "pyve add future==1.0",
        "future 1.0",
    ),
    Case(
        "Python: through another one",
        ("wrap",),
        "E_RESOLVE_PYTHON",
        "only-future needs Python >=3.99, and the project is for >=3.9",
        ("wrap -> only-future -> Python>=3.99", "there is only-future 1.0"),
        both("pyve remove wrap", "pyve add 'wrap; python_full_version >= \"3.99\"'"),
        "only-future 1.0, wrap 1.0",
    ),
    Case(
        "Python: a marker that nothing fits",
        ('only-future; python_version < "3.11"', "ring"),
        "E_RESOLVE_PYTHON",
        "only-future needs Python >=3.99, and the project is for >=3.9",
        ('only-future; python_version < "3.11"', "the project is for Python >=3.9"),
        "pyve remove only-future",
        "ring 1.0",
    ),
    Case(
        "platform: no wheel",
        ("only-windows",),
        "E_RESOLVE_MISSING",
        "only-windows has no wheel for linux-64, win-64, and no source distribution",
        ("only-windows", "only-windows 1.0 has wheels for win_amd64"),
        both("pyve remove only-windows", "pyve add 'only-windows; sys_platform == \"win32\"'"),
        "only-windows 1.0",
        options={"platforms": ("linux-64", "win-64")},
    ),
    Case(
        "platform: an older version has wheels",
        ("platy==2.0",),
        "E_RESOLVE_MISSING",
        "platy has no wheel for linux-64, and no source distribution",
        ("platy==2", "there is platy 2.0, 1.0", "platy 2.0 has wheels for win_amd64"),
        "pyve add platy==1.0",
        "platy 1.0",
        options={"platforms": ("linux-64",)},
    ),
    Case(
        "missing: nothing like it",
        ("ring", "nothing-there"),
        "E_RESOLVE_MISSING",
        "there is no distribution called nothing-there",
        ("nothing-there",),
        "pyve remove nothing-there",
        "ring 1.0",
    ),
    Case(
        "missing: asked for by another one",
        ("needs-missing", "ring"),
        "E_RESOLVE_MISSING",
        "there is no distribution called nothing-there",
        ("needs-missing -> nothing-there>1",),
        "pyve remove needs-missing",
        "ring 1.0",
    ),
    Case(
        "missing: no such version",
        ("alpha>5",),
        "E_RESOLVE_MISSING",
        "there is no version of alpha that fits alpha>5",
        ("alpha>5", "there is alpha 2.0, 1.1, 1.0", "before a release, there is alpha 3.0rc1"),
        "pyve add 'alpha>=2.0'",
        "alpha 2.0",
    ),
    Case(
        "missing: no such version, and that one alone is wanted",
        ("alpha==99",),
        "E_RESOLVE_MISSING",
        "there is no version of alpha that fits alpha==99",
        ("alpha==99", "there is alpha 2.0, 1.1, 1.0", "before a release, there is alpha 3.0rc1"),
        "pyve add alpha==2.0",
        "alpha 2.0",
    ),
    Case(
        "missing: yanked",
        ("pulled", "ring"),
        "E_RESOLVE_MISSING",
        "every version of pulled that fits was yanked",
        ("pulled", "pulled was yanked: it eats files"),
        "pyve remove pulled",
        "ring 1.0",
    ),
    Case(
        "missing: too new",
        ("dated>=2",),
        "E_RESOLVE_MISSING",
        "there is no version of dated that fits dated>=2",
        ("dated>=2", "there is dated 2.0, 1.0"),
        "pyve lock --exclude-newer 2024-06-01T00:00:01Z",
        "dated 2.0",
        options={"exclude_newer": "2024-03-01"},
    ),
    Case(
        "misspelt",
        ("alhpa>=1.1", "ring"),
        "E_RESOLVE_MISSING",
        "there is no distribution called alhpa",
        ("alhpa>=1.1",),
        both("pyve remove alhpa", "pyve add 'alpha>=1.1'"),
        "alpha 2.0, ring 1.0",
    ),
    Case(
        "misspelt: what is imported",
        ("sklearn",),
        "E_RESOLVE_MISSING",
        "there is no distribution called sklearn",
        ("sklearn",),
        both("pyve remove sklearn", "pyve add scikit-learn"),
        "scikit-learn 1.0",
    ),
    Case(
        "build: a newer version has a wheel",
        ("mended==1.0",),
        "E_RESOLVE_BUILD",
        "the metadata of a distribution cannot be built",
        ("mended==1", " no compiler here"),
        "pyve add mended==1.1",
        "mended 1.1",
    ),
)


@pytest.fixture(scope="module")
def shared_index() -> Iterator[LocalIndex]:
    """The index of ``solving`` with MORE, which no test changes."""
    with serve(*MORE) as index:
        yield index
