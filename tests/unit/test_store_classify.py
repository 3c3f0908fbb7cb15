"""What of an environment is shared, and what each project gets for itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from distributions import Distribution, make_wheel
from store_user import INNER, StoreUser, judge, names

from pyve_store.writes import judge_source

NSPKG = (
    "import sys, types, os;has_mfs = sys.version_info > (3, 5);p = os.path.join("
    "sys._getframe(1).f_locals['sitedir'], *('space',));importlib = has_mfs and "
    "__import__('importlib.util');has_mfs and __import__('importlib.machinery');m = has_mfs and "
    "sys.modules.setdefault('space', importlib.util.module_from_spec("
    "importlib.machinery.PathFinder.find_spec('space', [os.path.dirname(p)])));m = m or "
    "sys.modules.setdefault('space', types.ModuleType('space'));mp = (m or []) and "
    "m.__dict__.setdefault('__path__',[]);(p not in mp) and mp.append(p)\n"
)
COVERAGE = (
    "import sys; exec('try: import coverage; coverage.process_startup()\\n"
    "except ImportError: pass')\n"
)
WRITES = "import os\n\nopen(os.path.join(os.path.dirname(__file__), 'log'), 'w')\n"


def split(entry: Path) -> tuple[set[str], set[str]]:
    """Give the distributions that are shared, and those that are copied."""
    assert judge(entry) == []
    found = []
    for folder in (entry / "site", entry / "copy" / INNER):
        infos = folder.glob("*.dist-info/METADATA")
        found.append({one.parent.name.partition("-")[0] for one in infos})
    return found[0], found[1]


PLAIN = make_wheel("plain", "1.0")


@pytest.mark.parametrize(
    ("wheel", "why"),
    [
        (make_wheel("writer", "1.0", files={"writer/log.py": WRITES}), "writer/log.py line 3: "),
        (make_wheel("paths", "1.0", files={"paths.pth": "./more\n"}), "adds folders to the path"),
        (make_wheel("custom", "1.0", files={"usercustomize.py": ""}), "at each start of Python"),
        (
            make_wheel("old", "1.0", files={"old-nspkg.pth": NSPKG, "space/old/__init__.py": ""}),
            "asks where it stands",
        ),
        (
            make_wheel("looker", "1.0", files={"looker/x.so": b"\x7fELF\0$ORIGIN/../../../\0"}),
            "looks for libraries outside",
        ),
    ],
    ids=lambda value: value.name if isinstance(value, Distribution) else "",
)
def test_what_cannot_be_shared_is_copied(user: StoreUser, wheel: Distribution, why: str) -> None:
    answer = user.fill(PLAIN, wheel, allow_startup="custom")
    assert [line.partition(" ")[0] for line in answer["own"]] == [wheel.project]
    assert why in answer["own"][0]
    assert split(Path(answer["entry"])) == ({"plain"}, {wheel.project})


def test_what_the_config_names_is_copied_with_its_bytecode(user: StoreUser) -> None:
    entry = user.entry(PLAIN, make_wheel("Named.One", "1.0"), own=["named-one"])
    assert split(entry) == ({"plain"}, {"named_one"})
    (code,) = (entry / "copy" / INNER).rglob("*.pyc")
    # A source that a person changes counts.
    assert code.read_bytes()[4:8] == b"\3\0\0\0"
    assert code.stat().st_nlink == 2, "it is in the pool"


def test_a_startup_line_that_only_imports_stands_in_the_project(user: StoreUser) -> None:
    entry = user.entry(make_wheel("coverage", "1.0", files={"a1_coverage.pth": COVERAGE}))
    assert split(entry) == ({"coverage"}, set())
    line = entry / "tree" / INNER / "a1_coverage.pth"
    assert line.samefile(entry / "site/a1_coverage.pth")


def test_libraries_of_other_distributions_are_found_where_they_are(user: StoreUser) -> None:
    library = b"\x7fELF\0$ORIGIN/../plain.libs:$ORIGIN\0"
    entry = user.entry(PLAIN, make_wheel("looker", "1.0", files={"looker/x.so": library}))
    assert split(entry) == ({"plain", "looker"}, set())


def test_what_shares_a_package_stays_together(user: StoreUser) -> None:
    plugin = make_wheel("plugin", "1.0", files={"base/plugin.py": "", "plugin/__init__.py": ""})
    base = make_wheel("base", "1.0")
    answer = user.fill(PLAIN, base, plugin, own="plugin")
    assert split(Path(answer["entry"])) == ({"plain"}, {"base", "plugin"})
    assert "base it shares a package with plugin, which is copied" in answer["own"]


@pytest.mark.parametrize(
    "init", [None, "__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n"]
)
def test_a_namespace_may_be_in_both(user: StoreUser, init: str | None) -> None:
    more = {} if init is None else {"space/__init__.py": init}
    one = make_wheel("one", "1.0", files={"space/one/__init__.py": "", **more})
    two = make_wheel("two", "1.0", files={"space/two/__init__.py": "", **more})
    entry = user.entry(one, two, own="two")
    assert split(entry) == ({"one"}, {"two"})
    assert (entry / "copy" / INNER / "space/two/__init__.py").is_file()
    assert (entry / "site/space/one/__init__.py").is_file()
    if init is not None:
        # Both have it, and each needs it in its own place.
        assert (entry / "copy" / INNER / "space/__init__.py").is_file()
        assert (entry / "site/space/__init__.py").is_file()


def test_an_old_namespace_takes_all_of_it_along(user: StoreUser) -> None:
    old = make_wheel("old", "1.0", files={"old-nspkg.pth": NSPKG, "space/old/__init__.py": ""})
    new = make_wheel("new", "1.0", files={"space/new/__init__.py": ""})
    assert split(user.entry(PLAIN, old, new)) == ({"plain"}, {"old", "new"})


def test_a_file_of_two_distributions(user: StoreUser) -> None:
    one = make_wheel("one", "1.0", files={"both/data.txt": "same\n"})
    two = make_wheel("two", "1.0", files={"both/data.txt": "same\n"})
    assert "both/data.txt" in names(user.entry(one, two) / "site")


# --- sources

HERE = "import os\nfrom pathlib import Path\nHERE = Path(__file__).parent\n"


@pytest.mark.parametrize(
    "source",
    [
        HERE + "(HERE / 'x').write_text('')",
        HERE + "def f():\n    with (HERE / 'x').open(mode='a') as s:\n        pass",
        HERE + "class A:\n    def __init__(self):\n        self.p = HERE / 'x'\n"
        "    def go(self):\n        self.p.mkdir()",
        HERE + "def place(n):\n    return HERE / n\nopen(place('x'), 'wb')",
        HERE + "def f(cache=HERE):\n    os.makedirs(cache, exist_ok=True)",
        HERE + "import sqlite3\nsqlite3.connect(str(HERE / 'db'))",
        HERE + "import shutil\nshutil.copy('/etc/x', HERE)",
        HERE + "import tempfile\ntempfile.mkstemp(dir=HERE)",
        HERE + "import logging\nlogging.FileHandler(f'{HERE}/log')",
        HERE + "os.open(HERE, os.O_CREAT | os.O_WRONLY)",
        "import os\nopen(os.path.join(__path__[0], 'x'), 'w')",
        "import shelve\nfrom importlib import resources\n"
        "shelve.open(str(resources.files(__package__) / 'x'))",
        "import pkg_resources\nopen(pkg_resources.resource_filename(__name__, 'x'), 'r+')",
        "import a.b\nopen(a.b.__file__ + 'c', 'w')",
    ],
)
def test_sources_that_write_into_their_own_folder(source: str) -> None:
    assert judge_source(source.encode()).startswith("line ")


@pytest.mark.parametrize(
    "source",
    [
        HERE + "open(HERE / 'x').read()",
        HERE + "(HERE / 'x').read_text()",
        HERE + "open(os.path.join('/tmp', HERE.name), 'w')",
        HERE + "open(os.path.join(os.getcwd(), os.path.basename(__file__)), 'w')",
        HERE + "import shutil\nshutil.copy(HERE / 'x', '/tmp')",
        HERE + "if __name__ == '__main__':\n    open(HERE / 'x', 'w')",
        HERE + "def main():\n    open(HERE / 'x', 'w')\nif __name__ == '__main__':\n    main()",
        HERE + "def f(HERE):\n    load(HERE)\nopen('x', 'w')",
        "def (",
        "x = 1",
    ],
)
def test_sources_that_do_not(source: str) -> None:
    assert judge_source(source.encode()) == ""
