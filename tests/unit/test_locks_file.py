"""pylock.toml: what is read, and that the same content is the same bytes."""

from __future__ import annotations

import datetime
import os
import random
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from packaging.pylock import Pylock

from pyve_core import HelperError
from pyve_locks.lock_file import LockFile, format_lock, parse_lock, read_lock, write_lock
from pyve_locks.lock_text import parse_pylock
from pyve_locks.toml_lines import parse_toml

DIGEST = "0" * 64
TIME = datetime.datetime(2024, 1, 2, 3, 4, 5, 678000, tzinfo=datetime.timezone.utc)
PACKAGES: list[dict[str, Any]] = [
    {
        "wheels": [
            {
                "hashes": {"sha256": DIGEST},
                "size": 10,
                "upload-time": TIME,
                "url": "https://files.example/alpha-1.10-py3-none-any.whl",
            },
            {
                "url": "https://files.example/alpha-1.10-py2-none-any.whl",
                "hashes": {"sha256": DIGEST},
            },
        ],
        "sdist": {
            "hashes": {"sha256": DIGEST},
            "url": "https://files.example/alpha-1.10.tar.gz",
        },
        "index": "https://index.example/simple",
        "dependencies": [{"version": "1.0", "name": "beta"}],
        "marker": "'docs' in dependency_groups",
        "version": "1.10",
        "name": "alpha",
    },
    {
        "name": "alpha",
        "version": "1.9",
        "archive": {"path": "wheels/a b-1.9.whl", "hashes": {"sha256": DIGEST}},
        "marker": "'docs' not in dependency_groups",
    },
    {"name": "beta", "directory": {"editable": True, "path": "libs/beta"}},
    {
        "name": "gamma",
        "vcs": {"commit-id": "1" * 40, "type": "git", "url": "https://git.example/gamma"},
    },
]
TEXT = """\
lock-version = "1.0"
requires-python = ">=3.9"
extras = ["loud"]
dependency-groups = [
    "dev",
    "docs",
]
default-groups = ["dev"]
created-by = "pyve"

[tool.other]
"a key" = "\\"\\u007f\\\\ é\\n"

[tool.pyve]
version = 1
manifest-sha256 = "abc"
files = ["pyproject.toml"]

[[packages]]
name = "alpha"
version = "1.9"
marker = "'docs' not in dependency_groups"
archive = { path = "wheels/a b-1.9.whl", hashes = { sha256 = "DIGEST" } }

[[packages]]
name = "alpha"
version = "1.10"
marker = "'docs' in dependency_groups"
dependencies = [
    { name = "beta", version = "1.0" },
]
index = "https://index.example/simple"
sdist = { url = "https://files.example/alpha-1.10.tar.gz", hashes = { sha256 = "DIGEST" } }
wheels = [
    { upload-time = 2024-01-02T03:04:05.678Z, \
url = "https://files.example/alpha-1.10-py3-none-any.whl", size = 10, \
hashes = { sha256 = "DIGEST" } },
    { url = "https://files.example/alpha-1.10-py2-none-any.whl", hashes = { sha256 = "DIGEST" } },
]

[[packages]]
name = "beta"
directory = { path = "libs/beta", editable = true }

[[packages]]
name = "gamma"
vcs = { type = "git", url = "https://git.example/gamma", commit-id = "ONES" }
""".replace("DIGEST", DIGEST).replace("ONES", "1" * 40)


def make_lock(packages: list[dict[str, Any]] | None = None) -> LockFile:
    return LockFile(
        {
            "packages": PACKAGES if packages is None else packages,
            "tool": {
                "pyve": {"files": ["pyproject.toml"], "manifest-sha256": "abc", "version": 1},
                "other": {"a key": '"\x7f\\ é\n'},
            },
            "created-by": "pyve",
            "default-groups": ["dev"],
            "dependency-groups": ["dev", "docs"],
            "extras": ["loud"],
            "requires-python": ">=3.9",
            "lock-version": "1.0",
        }
    )


def shuffled(value: Any, chance: random.Random) -> Any:
    """The same, with the keys of all tables in another order."""
    if isinstance(value, dict):
        keys = list(value)
        chance.shuffle(keys)
        return {key: shuffled(value[key], chance) for key in keys}
    if isinstance(value, list):
        return [shuffled(item, chance) for item in value]
    return value


def fails(text: str) -> HelperError:
    with pytest.raises(HelperError) as caught:
        parse_lock(text, Path("pylock.toml"))
    return caught.value


def test_a_lock_is_written_in_the_order_of_the_standard_an_artifact_a_line() -> None:
    assert format_lock(make_lock()) == TEXT


def test_what_is_written_is_read_back_and_is_a_lock_of_the_standard() -> None:
    lock = parse_lock(TEXT, Path("pylock.toml"))
    assert lock["tool"] == make_lock()["tool"]
    assert {write["name"] for write in lock.packages} == {"alpha", "beta", "gamma"}
    assert lock.packages[1]["wheels"][0]["upload-time"] == TIME
    assert format_lock(lock) == TEXT
    valid = parse_toml(TEXT)
    valid["packages"] = [p for p in valid["packages"] if "archive" not in p]
    Pylock.from_dict(valid)


@pytest.mark.parametrize("seed", range(5))
def test_neither_the_order_of_keys_nor_that_of_packages_changes_a_byte(seed: int) -> None:
    chance = random.Random(seed)
    packages = shuffled(PACKAGES, chance)
    chance.shuffle(packages)
    assert format_lock(LockFile(shuffled(make_lock(packages), chance))) == TEXT


def test_offsets_of_times_do_not_matter() -> None:
    packages = shuffled(PACKAGES, random.Random(1))
    zone = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
    packages[0]["wheels"][0]["upload-time"] = TIME.astimezone(zone)
    assert format_lock(make_lock(packages)) == TEXT


def test_text_with_every_character_comes_back() -> None:
    text = "".join(map(chr, [*range(0x300), 0x2028, 0xFFFD, 0x1F600]))
    lock = LockFile({"lock-version": "1.0", "created-by": text, "packages": []})
    assert parse_lock(format_lock(lock), Path("x"))["created-by"] == text


WHEEL = """    { upload-time = 2024-01-02T03:04:05.678Z, \
url = "https://files.example/alpha-1.0-py3-none-any.whl", size = 10, \
hashes = { sha256 = "DIGEST" } },
""".replace("DIGEST", DIGEST)


@pytest.mark.parametrize(
    "text",
    [
        f'[[packages]]\nname = "a"\nwheels = [\n{WHEEL}{WHEEL}]\n',
        f'[[packages]]\nname = "a"\nwheels = [\n{WHEEL}]\n[[packages]]\nwheels = [\n{WHEEL}]\n',
        f'wheels = [\n{WHEEL}]\n[[packages]]\nname = "a"\n',
        f"[[packages]]\nwheels = [0]\n[[packages]]\nwheels = [\n{WHEEL}]\n",
        f"[[packages]]\nwheels = [1]\n[[packages]]\nwheels = [\n{WHEEL}]\n",
        f"[[packages]]\nwheels = [false]\n[[packages]]\nwheels = [\n{WHEEL}]\n",
        "[[packages]]\nwheels = [0]\n",
        f"[[packages]]\nsdist = {WHEEL.strip(' ,' + chr(10))}\nwheels = [\n{WHEEL}{WHEEL}]\n",
        f"[[packages]]\nwheels = [{WHEEL.strip(' ,' + chr(10))}]\nsdist = 0\n",
        f"sdist = {WHEEL.strip(' ,' + chr(10))}\n[[packages]]\n",
        f"[[packages]]\nsdist = 'taken out: 0'\nwheels = [\n{WHEEL}]\n",
        f'text = """\nwheels = [\n{WHEEL}]\n"""\n',
        f"text = '''\nwheels = [\n{WHEEL}]\n'''\n",
        f"[[packages]]\nwheels = [\n{WHEEL}{WHEEL.rstrip()} # last\n]\n",
        f"[[packages]]\nwheels = [\n{WHEEL}]\n".replace("\n", "\r\n"),
        "",
    ],
)
def test_what_is_read_faster_is_the_same(text: str) -> None:
    assert parse_pylock(text) == parse_toml(text)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (".678Z", "Z"),
        (".678Z", ".6Z"),
        (".678Z", ".678+01:00"),
        (".678Z", ".678"),
        ("size = 10, ", ""),
        ("alpha", "a\\u0041"),
        ("alpha", "é"),
        ("url", 'name = "x", url'),
        ("sha256", "sha512"),
        (DIGEST, "short"),
    ],
)
def test_and_also_of_wheels_that_are_written_in_another_way(old: str, new: str) -> None:
    text = f"[[packages]]\nwheels = [\n{WHEEL}{WHEEL.replace(old, new)}]\n"
    assert parse_pylock(text) == parse_toml(text)


@pytest.mark.parametrize("key", ["sdist", "wheels", "archive"])
@pytest.mark.parametrize(
    "change",
    [
        {},
        {"size": 10},
        {"size": "10"},
        {"url": 'https://example.org/"a'},
        {"url": "https://example.org/\u00e9"},
        {"name": "a.whl"},
        {"hashes": {"sha256": "a" * 64, "md5": "b"}},
        {"hashes": {"sha512": "a" * 64}},
        {"upload-time": datetime.datetime(2024, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)},
        {
            "upload-time": datetime.datetime(
                2024, 1, 2, 3, 4, 5, 120000, tzinfo=datetime.timezone.utc
            )
        },
        {"upload-time": datetime.datetime(2024, 1, 2, 3, 4, 5)},
        {
            "upload-time": datetime.datetime(
                2024, 1, 2, 3, 4, 5, tzinfo=datetime.timezone(datetime.timedelta(hours=2))
            )
        },
    ],
)
def test_what_is_written_faster_is_the_same(
    key: str, change: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = {"hashes": {"sha256": "a" * 64}, "url": "https://example.org/a.whl", **change}
    package = {"name": "a", key: [artifact] if key == "wheels" else artifact}
    lock = {"lock-version": "1.0", "packages": [package]}
    text = format_lock(lock)
    monkeypatch.setattr("pyve_locks.lock_file.write_artifact", lambda _: None)
    assert format_lock(lock) == text


def test_an_error_behind_wheels_has_its_place_in_the_file() -> None:
    text = f'lock-version = "1.0"\n[[packages]]\nwheels = [\n{WHEEL}]\nmarker = no\n'
    assert fails(text).message.startswith("pylock.toml:6:10 ")


def test_the_table_of_pyve_stands_before_the_packages() -> None:
    assert TEXT.index("[tool.pyve]") < TEXT.index("[[packages]]")
    assert make_lock().pyve["version"] == 1
    assert LockFile({"tool": {"pyve": 3}}).pyve == {}
    assert LockFile({}).pyve == {}
    assert LockFile({}).packages == []


@pytest.mark.parametrize(
    ("text", "place", "why"),
    [
        ('lock-version = "1.0"\nextras = [', "pylock.toml:2:11", ""),
        ('lock-version = "1.0"\nextras = no\n', "pylock.toml:2:10", "invalid value"),
        ("packages = []\n", "pylock.toml", "lock-version"),
        ('lock-version = "2.0"\npackages = []\n', "pylock.toml", "2.0"),
        ('lock-version = "1.0"\n', "pylock.toml", "no list of packages"),
        (
            'lock-version = "1.0"\n[[packages]]\nname="a"\n[[packages]]\nversion="1"\n',
            "pylock.toml:4:1",
            "package 2 has no name",
        ),
        (
            'lock-version = "1.0"\n[[packages]]\nname="a"\nwheels = 1\n',
            "pylock.toml:2:1",
            "wheels of a is no array",
        ),
        ('lock-version = "1.0"\ntool = 1\npackages = []\n', "pylock.toml", "tool is no table"),
    ],
)
def test_what_is_no_lock_is_refused_with_its_place(text: str, place: str, why: str) -> None:
    error = fails(text)
    assert error.code == "E_LOCK_FILE"
    assert error.message == f"{place} is not what a lock should be"
    assert why in error.why[0]
    assert error.fix == ["pyve lock"]


def test_bytes_that_are_no_utf8_are_refused_with_their_place(tmp_path: Path) -> None:
    path = tmp_path / "pylock.toml"
    path.write_bytes(b'lock-version = "1.0"\ncreated-by = "\xff"\n')
    with pytest.raises(HelperError) as caught:
        read_lock(path)
    assert (caught.value.code, caught.value.why) == ("E_LOCK_FILE", ["it is not UTF-8"])
    assert f"{path}:2:15 " in caught.value.message


def test_a_lock_that_is_not_there_or_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(HelperError) as caught:
        read_lock(tmp_path / "pylock.toml")
    assert (caught.value.code, caught.value.fix) == ("E_LOCK_MISSING", ["pyve lock"])
    with pytest.raises(HelperError) as caught:
        read_lock(tmp_path)
    assert caught.value.code == "E_LOCK_FILE_READ"


CONFLICT = """\
lock-version = "1.0"

[[packages]]
name = "alpha"
<<<<<<< HEAD
version = "1.0"
{ancestor}=======
version = "2.0"
>>>>>>> branch
archive = {{ url = "https://files.example/x.whl", hashes = {{ sha256 = "0" }} }}
"""


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("ancestor", ["", '||||||| 1234567\nversion = "0.9"\n'])
def test_both_sides_of_a_merge_conflict_are_kept(ancestor: str, ends: str) -> None:
    lock = parse_lock(CONFLICT.format(ancestor=ancestor).replace("\n", ends), Path("x"))
    assert lock.conflicted
    assert lock.packages[0]["version"] == "1.0"
    found = [parse_lock(side, Path("x")).packages[0]["version"] for side in lock.sides]
    assert found == ["1.0", "2.0"]
    assert all("<<<<" not in side and "0.9" not in side for side in lock.sides)


def test_a_real_merge_conflict_of_git_is_understood(tmp_path: Path) -> None:
    def git(*words: str, status: int = 0) -> None:
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
        done = subprocess.run(
            ["git", *identity, *words], cwd=tmp_path, env=env, capture_output=True
        )
        assert done.returncode == status, done.stderr

    def commit(version: str) -> None:
        package = {**PACKAGES[0], "version": version}
        write_lock(make_lock([package, *PACKAGES[2:]]), tmp_path / "pylock.toml")
        git("add", "pylock.toml")
        git("commit", "-qm", version)

    git("init", "-q", "-b", "main")
    commit("1.0")
    git("checkout", "-qb", "other")
    commit("1.1")
    git("checkout", "-q", "main")
    commit("1.2")
    git("merge", "other", status=1)
    lock = read_lock(tmp_path / "pylock.toml")
    assert lock.conflicted
    sides = [parse_lock(side, Path("x")).packages for side in lock.sides]
    assert [packages[0]["version"] for packages in sides] == ["1.2", "1.1"]
    assert all(len(packages) == 3 for packages in sides)


def test_a_side_that_is_no_lock_is_left_out_and_two_of_them_are_refused() -> None:
    whole = CONFLICT.format(ancestor="")
    lock = parse_lock(whole.replace('version = "1.0"\n=', "broken\n="), Path("x"))
    assert lock.packages[0]["version"] == "2.0"
    assert fails(whole.replace("lock-version", "version")).code == "E_LOCK_FILE"


def test_marks_within_a_text_are_no_conflict() -> None:
    text = format_lock(LockFile({"lock-version": "1.0", "created-by": "<<<<<<< >>>>>>>", **EMPTY}))
    assert not parse_lock(text, Path("x")).conflicted


EMPTY: dict[str, Any] = {"packages": []}


def test_a_new_lock_has_the_mode_of_the_umask_and_an_old_one_keeps_its_own(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; os.umask(int(sys.argv[2], 8));"
        "from pyve_locks.lock_file import write_lock;"
        "write_lock({'lock-version': '1.0', 'packages': []}, Path(sys.argv[1]))"
    )
    helpers = Path(__file__).resolve().parents[2] / "helpers"
    for mask, mode in (("022", 0o644), ("077", 0o600), ("000", 0o644)):
        path = tmp_path / mask
        env = {"PYTHONPATH": str(helpers), "PYTHONDONTWRITEBYTECODE": "1"}
        subprocess.run([sys.executable, "-c", script, path, mask], env=env, check=True)
        assert stat.S_IMODE(path.stat().st_mode) == mode
    path.chmod(0o664)
    assert write_lock(make_lock(), path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o664
    assert path.read_text(encoding="utf-8") == TEXT


def test_a_lock_that_says_the_same_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "pylock.toml"
    assert write_lock(make_lock(), path)
    before = path.stat()
    assert not write_lock(make_lock(), path)
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert write_lock(make_lock([]), path)
    assert path.stat().st_ino != before.st_ino
    assert os.listdir(tmp_path) == ["pylock.toml"]


def test_a_link_in_the_way_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    (tmp_path / f".pylock.toml.{os.getpid()}").symlink_to(tmp_path / "mine")
    assert write_lock(make_lock(), tmp_path / "pylock.toml")
    assert (tmp_path / "mine").read_text() == "mine"
    assert not (tmp_path / "pylock.toml").is_symlink()


def test_of_a_link_the_file_is_replaced_that_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    link = tmp_path / "pylock.toml"
    link.symlink_to("real/lock.toml")
    write_lock(make_lock(), link)
    assert link.is_symlink()
    assert (tmp_path / "real/lock.toml").read_text(encoding="utf-8") == TEXT


def test_when_writing_fails_the_old_lock_is_untouched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "pylock.toml"
    write_lock(make_lock(), path)

    def full(*_paths: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(HelperError) as caught:
        write_lock(make_lock([]), path)
    assert caught.value.code == "E_DISK_FULL"
    assert path.read_text(encoding="utf-8") == TEXT
    assert os.listdir(tmp_path) == ["pylock.toml"]


def test_a_folder_in_the_place_of_the_lock_is_said(tmp_path: Path) -> None:
    path = tmp_path / "pylock.toml"
    path.mkdir()
    with pytest.raises(HelperError) as caught:
        write_lock(make_lock(), path)
    assert caught.value.code == "E_FILE_WRITE"
    assert caught.value.fix == [f"mv {path} {path}.old"]
    assert os.listdir(tmp_path) == ["pylock.toml"]
