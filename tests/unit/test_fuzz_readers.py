"""What hypothesis makes of the files that helpers read: each is read, or refused with a code, in bounded time.

``PYVE_FUZZ=5000 .dev/bin/pytest tests/unit/test_fuzz_readers.py`` is the long run, with other files each time.
"""

# ruff: noqa: E501 - what is hostile is longer than a line
from __future__ import annotations

import contextlib
import importlib
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Union

import pytest
import yaml
from hostile_texts import CANARY, bounded, broken, config, twisted, write_json, write_toml
from hypothesis import given

from pyve_core import HelperError
from pyve_locks.toml_lines import parse_toml

Text = Union[str, bytes]

HASH = "a" * 64
PYLOCK = f"""\
lock-version = "1.0"
requires-python = ">=3.9"
created-by = "pyve"
extras = ["x"]
dependency-groups = ["dev"]
default-groups = ["dev"]

[tool.pyve]
version = 1
manifest-sha256 = "{HASH}"
files-sha256 = "{HASH}"
files = ["requirements.in"]
platforms = ["linux-64"]
manifest = "{{\\"roots\\":{{\\"\\":[\\"six\\"]}},\\"version\\":1}}"

[[packages]]
name = "six"
version = "1.17.0"
index = "https://pypi.org/simple"
dependencies = [{{ name = "b", marker = "os_name == 'x'" }}]
sdist = {{ url = "https://h.invalid/six-1.17.0.tar.gz", size = 3, hashes = {{ sha256 = "{HASH}" }} }}
wheels = [
    {{ url = "https://h.invalid/six-1.17.0-py3-none-any.whl", size = 3, hashes = {{ sha256 = "{HASH}" }} }},
]

[[packages]]
name = "b"
marker = "extra == 'x'"
vcs = {{ type = "git", url = "https://h.invalid/b", commit-id = "abc" }}

[[packages]]
name = "c"
directory = {{ path = "../c", editable = true }}
"""
REQUIREMENTS = f"""\
# comment
six==1.17 ; python_version > '3'
-r other.txt
-c limits.txt
--index-url https://user:word@h.invalid/simple
-e ./x
foo @ file:///x/y.whl
git+https://h.invalid/x@v1#egg=y&subdirectory=z
a[b]>=1,<2 \\
  --hash=sha256:{HASH}
"""
PYPROJECT = """\
[build-system]
requires = ["hatchling"]
[project]
name = "p"
version = "1"
requires-python = ">=3.9"
dependencies = ["six>=1", "a[b]~=1.0; os_name=='x'"]
optional-dependencies = {test = ["p[x]"], x = ["y"]}
[dependency-groups]
dev = ["z", {include-group = "t"}]
t = ["w"]
[tool.uv]
sources = {z = {git = "https://h.invalid/z", tag = "v"}}
constraint-dependencies = ["k<2"]
index = [{name = "i", url = "https://user:word@h.invalid/s"}]
"""
POETRY = """\
[tool.poetry]
name = "p"
version = "1"
extras = {q = ["b"]}
source = [{name = "s", url = "https://h.invalid/s"}]
[tool.poetry.dependencies]
python = "^3.9"
a = "^1.2"
b = {version = "~1", extras = ["x"], optional = true, markers = "os_name=='x'"}
c = {git = "https://h.invalid/c.git", tag = "1"}
d = {path = "../d", develop = true}
[tool.poetry.group.dev.dependencies]
e = "*"
"""
PDM = """\
[project]
name = "p"
dependencies = ["a"]
[tool.pdm]
dev-dependencies = {test = ["b", "-e file:///${PROJECT_ROOT}/x"]}
source = [{name = "x", url = "https://h.invalid"}]
resolution = {overrides = {a = "1"}}
"""
PIPFILE = """\
[[source]]
url = "https://h.invalid/simple"
verify_ssl = true
name = "pypi"
[packages]
a = "*"
b = {version = "==1", extras = ["x"], markers = "os_name=='x'"}
c = {git = "https://h.invalid/c", ref = "1"}
[dev-packages]
d = ">1"
[requires]
python_version = "3.11"
"""
PIPFILE_LOCK: dict[str, Any] = {
    "_meta": {"hash": {"sha256": "a"}, "sources": [{"name": "pypi", "url": "https://h.invalid/s"}]},
    "default": {"a": {"version": "==1.0", "hashes": ["sha256:aa"], "markers": "os_name=='x'"}},
    "develop": {"d": {"version": "==2"}},
}
OLD_LOCK = """\
[[package]]
name = "a"
version = "1"
marker = "os_name=='x'"
files = [{file = "a-1.whl", hash = "sha256:aa"}]
source = {type = "git", url = "https://h.invalid", resolved_reference = "abc"}
[metadata]
content-hash = "x"
"""
SETUP_CFG = """\
[metadata]
name = p
version = attr: p.v
[options]
install_requires =
  a>=1
  b; os_name=="x"
python_requires = >=3.9
[options.extras_require]
x = c
[options.entry_points]
console_scripts =
  p = p:main
"""
SETUP_PY = (
    "from setuptools import setup\n"
    "setup(name='p', version='1', install_requires=['a>=1'], extras_require={'x': ['b']})\n"
)
ENVIRONMENT: dict[str, Any] = {
    "name": "e",
    "channels": ["conda-forge", "https://user:word@h.invalid/c"],
    "dependencies": [
        "python=3.12",
        "numpy>=1,<2",
        "c::x=1=b",
        {"pip": ["six", "-r r.txt", "-e ."]},
    ],
    "variables": {"A": "1"},
    "platforms": ["linux-64"],
    "channel_priority": "strict",
}
CONDA_LOCK: dict[str, Any] = {
    "version": 1,
    "metadata": {
        "content_hash": {"linux-64": HASH},
        "channels": [{"url": "conda-forge", "used_env_vars": []}],
        "platforms": ["linux-64"],
        "sources": ["environment.yml"],
    },
    "package": [
        {
            "name": "a",
            "version": "1",
            "manager": "conda",
            "platform": "linux-64",
            "dependencies": {"b": ">=1"},
            "url": "https://h.invalid/linux-64/a-1-0.conda",
            "hash": {"md5": "x", "sha256": HASH},
            "category": "main",
            "optional": False,
        },
        {
            "name": "b",
            "version": "2",
            "manager": "pip",
            "platform": "linux-64",
            "dependencies": {},
            "url": "https://h.invalid/b-2.whl",
            "hash": {"sha256": HASH},
            "category": "dev",
            "optional": True,
        },
    ],
}

# A stage is a folder that the caller gives for what is to be written.
STAGE = "stage"
LOCK_WORKS = [
    ["why", "six"],
    ["tree"],
    ["tree", "--invert", "a"],
    ["tree", "--dot"],
    ["diff", "--with", "LOCK"],
    ["export", "--kind", "requirements"],
    ["export", "--kind", "environment"],
    ["export", "--kind", "cyclonedx"],
]


class Reading:
    """A project that holds one hostile file, and what is asked about it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder / "project"
        self.folder.mkdir()
        monkeypatch.chdir(self.folder)
        # (Nothing of the one who runs the tests is read, as a netrc or a cache.)
        monkeypatch.setenv("HOME", str(folder / "home"))

    def put(self, files: dict[str, Text]) -> None:
        """Make these the only files."""
        for path in self.folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        (self.folder / STAGE).mkdir()
        for name, text in files.items():
            data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    def ask(self, helper: str, *words: str) -> None:
        """Ask a helper: it answers, or fails with a code of its own; and it writes nowhere else."""
        before = {path.name for path in self.folder.parent.iterdir()}
        with bounded(), contextlib.redirect_stderr(io.StringIO()):
            try:
                importlib.import_module(helper).main(list(words))
            except HelperError as error:
                assert error.code.startswith("E_") and error.code != "E_HELPER"
                assert "Traceback" not in error.message
        assert not (self.folder / CANARY).exists()
        assert {path.name for path in self.folder.parent.iterdir()} == before

    def ask_of_lock(self, name: str) -> None:
        """Ask for all views of a lock."""
        for work in LOCK_WORKS:
            words = [name if word == "LOCK" else word for word in work]
            self.ask("show_packages", *words, "--lock", name, "--root", ".", "--here", "linux-64")
        self.ask(
            "show_packages", "tree", "--json", "--lock", name, "--root", ".", "--here", "linux-64"
        )

    def plan_migration(self) -> None:
        """Ask for all plans to leave another tool."""
        for target in ("pyproject", "requirements", "conda"):
            words = ("--root", ".", "--to", target, "--stage", STAGE, "--partial")
            self.ask("migrate_project", "plan", *words)


@pytest.fixture
def reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reading:
    """An empty project."""
    return Reading(tmp_path, monkeypatch)


def read_pylock(reading: Reading, text: Text) -> None:
    """Read a pylock.toml in every way."""
    reading.put({"pylock.toml": text, "requirements.in": "six\n"})
    reading.ask_of_lock("pylock.toml")
    reading.ask("lock_packages", "check", "--output", "pylock.toml")
    reading.ask("edit_manifest", "known", "--root", ".", "--", "six")


def read_requirements(reading: Reading, text: Text) -> None:
    """Read a requirements.in in every way."""
    others = {"other.txt": "k\n", "limits.txt": "k<1\n", "pylock.toml": PYLOCK}
    reading.put({"requirements.in": text, **others})
    change_manifest(reading)
    reading.plan_migration()


def read_pyproject(reading: Reading, text: Text) -> None:
    """Read a pyproject.toml in every way."""
    reading.put({"pyproject.toml": text, "pylock.toml": PYLOCK})
    change_manifest(reading)
    reading.plan_migration()


def change_manifest(reading: Reading) -> None:
    """Compare with the lock, add and remove."""
    reading.ask("lock_packages", "check", "--output", "pylock.toml")
    words = ("--root", ".", "--stage", STAGE, "--")
    reading.ask("edit_manifest", "add", *words, "newone>=1")
    reading.ask("edit_manifest", "remove", *words, "six")


def read_environment(reading: Reading, text: Text) -> None:
    """Read an environment.yml in every way."""
    reading.put({"environment.yml": text, "conda-lock.yml": write_json(CONDA_LOCK)})
    file = ("--file", "environment.yml")
    reading.ask("environment_file", "environment", *file)
    status = ("--lock", "conda-lock.yml", "--platform", "linux-64")
    reading.ask("environment_file", "status", *file, *status)
    reading.ask("environment_file", "content-hash", *file, "--platform", "linux-64")
    words = ("--root", ".", "--stage", STAGE, *file)
    reading.ask("edit_manifest", "add", *words, "--", "newone>=1")
    reading.ask("edit_manifest", "add", *words, "--where", "pip", "--", "newone>=1")
    reading.ask("edit_manifest", "remove", *words, "--", "numpy")
    reading.plan_migration()


def read_conda_lock(reading: Reading, text: Text) -> None:
    """Read a conda-lock.yml in every way."""
    reading.put({"conda-lock.yml": text, "environment.yml": write_json(ENVIRONMENT)})
    reading.ask("environment_file", "lock", "--file", "conda-lock.yml", "--packages")
    reading.ask("environment_file", "lock", "--file", "conda-lock.yml", "--sides")
    words = ("--file", "environment.yml", "--lock", "conda-lock.yml", "--platform", "linux-64")
    reading.ask("environment_file", "status", *words)
    reading.ask_of_lock("conda-lock.yml")


def read_foreign(name: str, **others: Text) -> Callable[[Reading, Text], None]:
    """Make a reader of a file of another tool."""

    def read(reading: Reading, text: Text) -> None:
        reading.put(
            {name: text, **{other.replace("_", "."): text for other, text in others.items()}}
        )
        reading.plan_migration()

    return read


def read_direct_url(reading: Reading, text: Text) -> None:
    """Read what stands beside an installed distribution."""
    info = "env/lib/python3.11/site-packages/six-1.dist-info"
    reading.put({f"{info}/direct_url.json": text, f"{info}/METADATA": "Name: six\nVersion: 1\n"})
    words = ("--prefix", "env", "--project", ".", "--lock", "pylock.toml")
    (reading.folder / "pylock.toml").write_text(PYLOCK)
    reading.ask("inspect_environment", *words)


def read_metadata(reading: Reading, text: Text) -> None:
    """Read the metadata, the record and the start-up file of an installed distribution."""
    site = "env/lib/python3.11/site-packages"
    for name in ("METADATA", "RECORD", "INSTALLER", "top_level.txt"):
        good = {f"{site}/six-1.dist-info/METADATA": "Name: six\nVersion: 1\nRequires-Dist: a\n"}
        reading.put({**good, f"{site}/six-1.dist-info/{name}": text, f"{site}/x.pth": text})
        reading.ask("inspect_environment", "--prefix", "env", "--project", ".")


# name: what reads it, good ones, and how what hypothesis makes of their form is written.
FILES: dict[str, tuple[Callable[[Reading, Text], None], list[str], Callable[[Any], str] | None]] = {
    "pylock.toml": (read_pylock, [PYLOCK], write_toml),
    "requirements.in": (read_requirements, [REQUIREMENTS], None),
    "pyproject.toml": (read_pyproject, [PYPROJECT], write_toml),
    "poetry": (read_pyproject, [POETRY], write_toml),
    "pdm": (read_pyproject, [PDM], write_toml),
    "Pipfile": (read_foreign("Pipfile"), [PIPFILE], write_toml),
    "Pipfile.lock": (
        read_foreign("Pipfile.lock", Pipfile=PIPFILE),
        [write_json(PIPFILE_LOCK)],
        write_json,
    ),
    "poetry.lock": (read_foreign("poetry.lock", pyproject_toml=POETRY), [OLD_LOCK], write_toml),
    "pdm.lock": (read_foreign("pdm.lock", pyproject_toml=PDM), [OLD_LOCK], write_toml),
    "setup.cfg": (read_foreign("setup.cfg"), [SETUP_CFG], None),
    "setup.py": (read_foreign("setup.py"), [SETUP_PY], None),
    "environment.yml": (
        read_environment,
        [write_json(ENVIRONMENT), yaml.safe_dump(ENVIRONMENT)],
        write_json,
    ),
    "conda-lock.yml": (
        read_conda_lock,
        [write_json(CONDA_LOCK), yaml.safe_dump(CONDA_LOCK)],
        write_json,
    ),
    "direct_url.json": (
        read_direct_url,
        ['{"url": "file:///x", "dir_info": {"editable": true}}'],
        write_json,
    ),
    "METADATA": (
        read_metadata,
        ["Name: six\nVersion: 1\nRequires-Dist: a[b]>1; x\n\nwords\n"],
        None,
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_good_file_is_read(reading: Reading, name: str) -> None:
    read, good, _ = FILES[name]
    for text in good:
        read(reading, text)


@pytest.mark.parametrize("name", FILES)
def test_broken_bytes_are_read_or_refused(reading: Reading, name: str) -> None:
    read, good, _ = FILES[name]
    config(25)(given(broken(*good))(lambda text: read(reading, text)))()


@pytest.mark.parametrize("name", [name for name, parts in FILES.items() if parts[2]])
def test_unexpected_values_are_read_or_refused(reading: Reading, name: str) -> None:
    read, good, write = FILES[name]
    assert write is not None
    load: Callable[[str], Any] = parse_toml if write is write_toml else json.loads
    # (Through JSON, which makes texts of times.)
    document = json.loads(json.dumps(load(good[0]), default=str))
    config(35)(given(twisted(document))(lambda new: read(reading, write(new))))()


# --- large and deep

BIG = 100 * 1000 * 1000
DEEP = 100_000


def fill(piece: str, size: int) -> bytes:
    """Repeat a piece up to a size in bytes."""
    data = piece.encode()
    return data * (size // len(data))


@pytest.mark.parametrize("name", FILES)
def test_a_hundred_megabytes_are_refused_at_once(reading: Reading, name: str) -> None:
    if name in ("METADATA", "direct_url.json"):
        pytest.skip("what is installed may be as large as it is")
    FILES[name][0](reading, b"x" * BIG)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "deep",
    [
        "[" * DEEP,
        "{" * DEEP,
        "a = " + "[" * DEEP + "]" * DEEP,
        "a = " + "{a=" * DEEP + "1" + "}" * DEEP,
        '{"a":' * DEEP + "1" + "}" * DEEP,
        ".".join(["a"] * 3000) + " = 1",
        "[" + ".".join(["a"] * 3000) + "]\nb = 1",
        "a = " + "9" * 5000,
        '{"url": ' + "9" * 5000 + "}",
        "a" + "[" * DEEP,
        "a ; " + "(" * DEEP,
        "- " * 5000,
        "".join(f"{' ' * level}a:\n" for level in range(500)),
        "x = " + "(" * DEEP,
        "x = " + "-" * DEEP + "1",
    ],
    ids=range(15),
)
def test_what_is_nested_deeply_is_refused(reading: Reading, name: str, deep: str) -> None:
    FILES[name][0](reading, deep)


@pytest.mark.parametrize("kind", ["lists", "merges"])
@pytest.mark.parametrize("name", ["environment.yml", "conda-lock.yml"])
def test_a_yaml_bomb_is_refused(reading: Reading, name: str, kind: str) -> None:
    if kind == "lists":
        lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
        lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40)]
    else:
        lines = ["a0: &a0 {k: v}"]
        lines += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 40)]
    FILES[name][0](reading, "\n".join([*lines, "dependencies: *a39", "package: *a39", ""]))
    FILES[name][0](reading, "a: &a [*a]\ndependencies: *a\n")
    FILES[name][0](reading, "a: &a {<<: *a}\ndependencies: *a\n")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("conda-lock.yml", fill("- a\n", 30 << 20)),
        ("conda-lock.yml", fill("a", 30 << 20)),
        ("conda-lock.yml", b"version: 1\nmetadata: [" + fill("a,", 30 << 20) + b"]"),
        ("environment.yml", b"dependencies:\n" + fill("- a\n", 1000_000)),
        ("environment.yml", b"channels: [" + fill("a,", 1000_000) + b"]"),
    ],
    ids=range(5),
)
def test_what_is_just_small_enough_takes_bounded_time_and_memory(
    reading: Reading, name: str, text: bytes
) -> None:
    reading.put({name: text})
    work = "lock" if name.startswith("conda") else "environment"
    reading.ask("environment_file", work, "--file", name)


def test_the_strategies_find_what_is_wrong() -> None:
    """A reader that trusts its file is found out by both."""
    document = {"dependencies": ["a"]}

    def trust(text: str) -> None:
        said = json.loads(text)
        if not isinstance(said["dependencies"][0], str):
            raise TypeError("found out")

    with pytest.raises(Exception, match=""):
        config(50)(given(broken(json.dumps(document)))(lambda new: trust(new.decode())))()
    with pytest.raises(Exception, match=""):
        config(50)(given(twisted(document))(lambda new: trust(json.dumps(new))))()
