"""helpers/environment_file.py: what environment.yml and conda-lock.yml say, and if they fit."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import environment_file
from pyve_core import HelperError
from pyve_files import content_hash
from pyve_files.environment import Environment, read_environment
from pyve_files.lock import LockReader, read_lock
from pyve_files.status import find_status, list_hashes

HELPER = Path(environment_file.__file__)
PLATFORMS = list(content_hash.ARCHITECTURES)


def write(folder: Path, text: str, name: str = "environment.yml") -> str:
    """Write a file, and return its path."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def read(folder: Path, text: str, platform: str = "linux-64") -> Environment:
    """Read a text as an environment.yml."""
    return read_environment(write(folder, text), platform)


def complain(folder: Path, text: str | bytes) -> HelperError:
    """Read a text that is wrong, and return what is said of it."""
    path = folder / "environment.yml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(HelperError) as caught:
        read_environment(str(path), "linux-64")
    return caught.value


def run(python: str | Path, *args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the helper as Pyve does."""
    argv = [str(python), "-E", "-s", "-B", "-X", "utf8", str(HELPER), *args]
    return subprocess.run(argv, cwd=cwd, capture_output=True, text=True)


# --- environment.yml: what is legal


def test_everything_that_conda_reads_is_read(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        """\
# A comment with: a colon
name: "my env"  # another
channels: [conda-forge, https://host.example/chan, nodefaults]
channel_priority: strict
dependencies:
  - python >=3.10,<3.13
  - 'conda-forge::numpy=1.26'
  - pip:
    - -r requirements.txt
    - -e .
    - https://host.example/a-1.0-py3-none-any.whl
    - requests[socks]>=2; python_version < "3.13"
  - "zlib"
  - https://host.example/linux-64/a-1.0-0.conda
variables: {NUMBER: 1.10, FLAG: yes, EMPTY: , TEXT: "a: b"}
prefix: /opt/envs/my env
platforms: [linux-64]
x-mine: {anything: [goes]}
""",
    )
    assert found.name == "my env"
    assert found.channels == ["conda-forge", "https://host.example/chan"]
    assert found.nodefaults
    assert found.channel_priority == "strict"
    assert found.dependencies == [
        "python >=3.10,<3.13",
        "conda-forge::numpy=1.26",
        "zlib",
        "https://host.example/linux-64/a-1.0-0.conda",
    ]
    assert found.pip == [
        "-r requirements.txt",
        "-e .",
        "https://host.example/a-1.0-py3-none-any.whl",
        'requests[socks]>=2; python_version < "3.13"',
    ]
    assert found.variables == {"NUMBER": "1.10", "FLAG": "yes", "EMPTY": "", "TEXT": "a: b"}
    assert found.prefix == "/opt/envs/my env"
    assert found.platforms == ["linux-64"]
    assert found.warnings == []


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("dependencies: []", []),
        ("dependencies:", []),
        ("name: x\ndependencies: ~", []),
        ('{"name": "x", "dependencies": ["a", "b"]}', ["a", "b"]),
        ("---\ndependencies:\n- a\n...\n", ["a"]),
        ("%YAML 1.1\n---\ndependencies: [a]", ["a"]),
        ("\ufeffdependencies:\r\n  - a\r\n  - b\r\n", ["a", "b"]),
        ("dependencies:\n  - >-\n    a\n", ["a"]),
        ("dependencies:\n  - python=3.10\n  - 7zip\n", ["python=3.10", "7zip"]),
        ("x-d: &d [a]\ndependencies: *d", ["a"]),
        ("x-d: &d {dependencies: [a]}\n<<: *d\n", ["a"]),
        ("dependencies:\n  - pip:\n  - a\n", ["a"]),
        ("dependencies:\n  - sel(unix): a\n  - sel(win): b\n  - sel(osx): c\n", ["a"]),
    ],
)
def test_forms_of_yaml(tmp_path: Path, text: str, names: list[str]) -> None:
    assert read(tmp_path, text).dependencies == names


def test_an_old_windows_editors_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "environment.yml"
    path.write_bytes("name: é\r\ndependencies: [a]\r\n".encode("utf-16"))
    assert read_environment(str(path)).name == "é"


def test_pip_sections_are_joined_in_their_order(tmp_path: Path) -> None:
    found = read(tmp_path, "dependencies: [{pip: [b, a]}, python, {pip: [c]}]")
    assert found.pip == ["b", "a", "c"]
    assert found.has_pip_section


def test_what_is_probably_a_mistake_is_warned_of(tmp_path: Path) -> None:
    path = write(tmp_path, "name: x\ndependancies: [a]\nfoo: 1\n")
    warnings = read_environment(path).warnings
    assert f"{path}, line 2: the key 'dependancies' is not known" in warnings[1]
    assert warnings[1].endswith("did you mean 'dependencies'?")
    assert "no key 'dependencies'" in warnings[0]
    assert "line 3: the key 'foo'" in warnings[2]


# --- environment.yml: what is wrong


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("", "line 1, column 1", "it is empty"),
        ("# nothing\n", "line 1, column 1", "it is empty"),
        ("- a\n", "line 1, column 1", "the file is a list"),
        ("just text", "line 1, column 1", "the file is the text 'just text'"),
        ("name: x\nname: y\n", "line 2, column 1", "the key 'name' is here twice"),
        ("variables: {A: 1, A: 2}", "line 1, column 19", "the key 'A' is here twice"),
        ("dependencies:\n  - a\n  b: c\n", "line 3, column 3", "cannot be read as YAML"),
        ("dependencies:\n\t- a\n", "line 2, column 1", "cannot be read as YAML"),
        ("name: 'x\n", "line 2, column 1", "cannot be read as YAML"),
        ("name: x\n---\nname: y\n", "line 2, column 1", "another document"),
        ("dependencies:\n  a: 1\n", "line 2, column 3", "'dependencies' is a mapping"),
        ("dependencies: numpy\n", "line 1, column 15", "'dependencies' is the text 'numpy'"),
        ("dependencies:\n  - a\n  -\n", "line 3, column 4", "a dependency is empty"),
        ("dependencies:\n  - a:\n", "line 2, column 5", "'a:' has a colon behind it"),
        (
            "dependencies:\n  - npm: [x]\n",
            "line 2, column 5",
            "'npm:' is no part of conda's format",
        ),
        ("dependencies:\n  - [a, b]\n", "line 2, column 5", "a dependency is a list"),
        ("dependencies:\n  - <=1.2\n", "line 2, column 5", "no dependency that conda understands"),
        ("dependencies:\n  - päth=1\n", "line 2, column 5", "no dependency that conda understands"),
        ('dependencies:\n  - a>=1;os_name=="x"\n', "line 2, column 5", "is written for pip"),
        ("dependencies:\n  - pip: requests\n", "line 2, column 10", "'pip' is the text 'requests'"),
        ("dependencies:\n  - pip:\n    - a: b\n", "line 3, column 7", "a line for pip has keys"),
        ("channels: conda-forge\n", "line 1, column 11", "'channels' is the text 'conda-forge'"),
        ("channels: [a b]\n", "line 1, column 12", "without blanks"),
        ("channels: [{a: b}]\n", "line 1, column 12", "a channel is a mapping"),
        ("channel_priority: high\n", "line 1, column 19", "'channel_priority' is 'high'"),
        ("variables: [A=1]\n", "line 1, column 12", "'variables' is a list"),
        ("variables: {1A: x}\n", "line 1, column 13", "'1A' cannot be the name"),
        ("name: [x]\n", "line 1, column 7", "'name' is a list"),
        ("name: !!python/object:os.system x\n", "line 1, column 7", "has no meaning here"),
        ("a: &a [*a]\n", "line 1, column 4", "a part of itself"),
        ("name: *nowhere\n", "line 1, column 7", "undefined alias"),
        ("? [a]\n: b\n", "line 1, column 3", "a key has to be plain text"),
        ("name: x\n<<<<<<< HEAD\ndependencies: [a]\n", "line 2, column 1", "merge conflict"),
        ("name: a\x07b\n", "line 1, column 8", "U+0007"),
        (b"name: x\nchannels: [\xff]\n", "line 2, column 12", "this is not UTF-8"),
        ("[" * 100_000, "line 1, column 101", "nested too deeply"),
        ("- " * 100_000, "line 1, column 201", "nested too deeply"),
        ("name: x\n" + "#" * 2_000_000, "", "larger than 1024 KiB"),
    ],
)
def test_a_complaint_says_where_and_what(
    tmp_path: Path, text: str | bytes, place: str, said: str
) -> None:
    error = complain(tmp_path, text)
    assert error.code == "E_ENVIRONMENT_FILE"
    assert said in error.message
    assert f"environment.yml, {place}: " in error.message or not place
    # A person has to correct it.
    assert error.fix == []


def test_an_alias_bomb_is_refused_at_once(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for level in range(1, 60):
        items = ", ".join([f"*a{level - 1}"] * 10)
        lines.append(f"a{level}: &a{level} [{items}]")
    error = complain(tmp_path, "\n".join(lines))
    assert "too large when its aliases are written out" in error.message


def test_a_file_that_is_not_there_is_an_error_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(HelperError) as caught:
        read_environment(str(tmp_path / "none.yml"))
    assert caught.value.code == "E_ENVIRONMENT_FILE_READ"
    with pytest.raises(HelperError) as caught:
        read_environment(str(tmp_path))
    assert caught.value.code == "E_ENVIRONMENT_FILE_READ"


# --- as a program


def test_the_answer_holds_secrets_only_where_the_engine_needs_them(tmp_path: Path) -> None:
    write(
        tmp_path,
        """\
channels:
  - https://me:pw1@host.example/t/tk-2/chan
  - conda-forge
dependencies:
  - https://me:pw3@host.example/c::numpy
  - python 3.12.*
  - pip: ["--index-url https://me:pw4@host.example/simple?token=pw5", requests]
""",
    )
    result = run(sys.executable, "environment", "--file", "environment.yml", cwd=tmp_path)
    answer = json.loads(result.stdout)
    assert answer["channels"][0] == "https://me:pw1@host.example/t/tk-2/chan"
    assert answer["channels_shown"] == ["https://***@host.example/t/***/chan", "conda-forge"]
    assert answer["dependencies_shown"][0] == "https://***@host.example/c::numpy"
    assert answer["pip_shown"][0] == "--index-url https://***@host.example/simple?token=***"
    assert answer["needs_pip"] is True
    assert answer["python"] == "3.12.*"
    shown = json.dumps({key: value for key, value in answer.items() if key.endswith("_shown")})
    assert "pw" not in shown


def test_a_complaint_holds_no_secret(tmp_path: Path) -> None:
    write(tmp_path, "channels: https://me:pw@host.example/t/tk-2/chan\n")
    result = run(sys.executable, "environment", "--file", "environment.yml", cwd=tmp_path)
    assert result.returncode == 1
    assert json.loads(result.stdout)["code"] == "E_ENVIRONMENT_FILE"
    assert "pw" not in result.stdout + result.stderr
    assert "tk-2" not in result.stdout + result.stderr


def test_lines_hold_every_value_in_one_line(tmp_path: Path) -> None:
    write(tmp_path, 'name: "a\\tb"\nvariables: {A: "x\\ny\\\\z"}\nchannels: [b, a]\n')
    args = ("--format", "lines", "environment", "--file", "environment.yml")
    result = run(sys.executable, *args, cwd=tmp_path)
    lines = result.stdout.splitlines()
    assert "name\ta\\tb" in lines
    assert "variables.A\tx\\ny\\\\z" in lines
    assert [line for line in lines if line.startswith("channels\t")] == [
        "channels\tb",
        "channels\ta",
    ]
    assert "nodefaults\t" in lines


def test_an_answer_can_go_to_a_file(tmp_path: Path) -> None:
    write(tmp_path, "name: x\n")
    args = ("--answer", "out", "--format", "lines", "environment", "--file", "environment.yml")
    result = run(sys.executable, *args, cwd=tmp_path)
    assert (result.returncode, result.stdout) == (0, "")
    assert (tmp_path / "out").read_text().startswith("name\tx\n")


@pytest.mark.parametrize("args", [(), ("nothing",), ("environment",), ("lock", "--filee", "x")])
def test_wrong_arguments_are_a_diagnostic_and_no_traceback(
    tmp_path: Path, args: tuple[str, ...]
) -> None:
    result = run(sys.executable, *args, cwd=tmp_path)
    assert result.returncode == 1
    assert json.loads(result.stdout)["code"] == "E_HELPER_USAGE"
    assert "Traceback" not in result.stderr


def test_an_accident_is_a_diagnostic_too(tmp_path: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv.pop(1))\n"
        "from pyve_core import run_helper\n"
        "def main(argv): print('noise'); raise KeyError('https://me:pw@host.example/')\n"
        "sys.exit(run_helper(main))"
    )
    argv = [sys.executable, "-c", code, str(HELPER.parent)]
    result = subprocess.run(argv, capture_output=True, text=True, cwd=tmp_path)
    assert result.returncode == 1
    assert json.loads(result.stdout)["code"] == "E_HELPER"
    assert result.stderr == "noise\n"
    assert "pw" not in result.stdout


# --- conda-lock.yml

LOCK = """\
# This lock file was generated by conda-lock
version: 1
metadata:
  content_hash:
    linux-64: {linux}
    osx-64:
  channels:
  - url: conda-forge
    used_env_vars: []
  platforms:
  - linux-64
  - osx-64
  sources:
  - environment.yml
package:
- name: python
  version: 3.12.4
  manager: conda
  platform: linux-64
  dependencies: {{libgcc: '>=12', openssl: '>=3,<4.0a0'}}
  url: https://host.example/conda-forge/linux-64/python-3.12.4-h1_0_cpython.conda
  hash: {{md5: {md5}, sha256: {sha}}}
  category: main
  optional: false
- name: my-x
  version: 1.2.3
  manager: pip
  platform: linux-64
  dependencies: {{}}
  url: https://host.example/my_x-1.2.3-py3-none-any.whl
  hash: {{sha256: {sha}}}
  category: dev
  optional: true
- name: python
  version: 3.12.4
  manager: conda
  platform: osx-64
  url: https://host.example/conda-forge/osx-64/python-3.12.4-h2_0.tar.bz2
  hash: {{md5: {md5}}}
  optional: false
"""


def write_lock(folder: Path, linux: str = "00", **parts: str) -> str:
    """Write a lock for linux-64 and, without a content hash, for osx-64."""
    text = LOCK.format(linux=linux, md5="a" * 32, sha="b" * 64)
    for old, new in parts.values() if parts else ():
        assert old in text
        text = text.replace(old, new)
    return write(folder, text, "conda-lock.yml")


def test_a_lock_is_read(tmp_path: Path) -> None:
    lock = read_lock(write_lock(tmp_path))
    assert lock.platforms == ["linux-64", "osx-64"]
    assert lock.channels == ["conda-forge"]
    assert lock.content_hash == {"linux-64": "00"}
    first, second, third = lock.packages
    assert (first.name, first.version, first.build) == ("python", "3.12.4", "h1_0_cpython")
    assert first.dependencies == ["libgcc >=12", "openssl >=3,<4.0a0"]
    assert (first.md5, first.sha256) == ("a" * 32, "b" * 64)
    assert (second.manager, second.category, second.optional) == ("pip", "dev", True)
    assert (third.build, third.category, third.sha256) == ("h2_0", "main", "")


def test_the_head_of_a_lock_is_read_without_its_packages(tmp_path: Path) -> None:
    path = write_lock(tmp_path)
    with open(path, "a", encoding="utf-8") as stream:
        stream.write("- this is [no YAML\n")
    lock = read_lock(path, packages=False)
    assert lock.platforms == ["linux-64", "osx-64"]
    assert not lock.packages
    with pytest.raises(HelperError):
        read_lock(path)


def test_a_lock_with_its_packages_first_is_read_too(tmp_path: Path) -> None:
    head, package, rest = Path(write_lock(tmp_path)).read_text().partition("package:")
    path = write(tmp_path, package + rest + head, "other-lock.yml")
    assert read_lock(path, packages=False).platforms == ["linux-64", "osx-64"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it is empty"),
        ("name: x\n", "no 'version'"),
        ("version: 2\nmetadata: {}\npackage: []\n", "a lock of version 2"),
        ("version: 1\npackage: []\n", "no 'metadata'"),
        ("version: 1\nmetadata: {platforms: []}\npackage: []\n", "made for no platform"),
        ("version: 1\nmetadata: {platforms: [x]}\n", "it has no packages"),
        ("version: 1\nmetadata: {platforms: [x]}\npackage: [{name: a}]\n", "has no 'version'"),
        (
            "version: 1\nmetadata: {platforms: [x]}\npackage:\n"
            "- {name: a, version: 1, manager: npm, platform: x, url: u}\n",
            "line 4, column 3: the package a is for 'npm'",
        ),
        (
            "version: 1\nmetadata: {platforms: [x]}\npackage:\n"
            "- {name: a, version: 1, manager: conda, platform: x, url: u, hash: {}}\n",
            "line 4, column 3: the package a has no hash",
        ),
        ("version: 1\n<<<<<<< HEAD\nmetadata:\n=======\n", "merge conflict"),
    ],
)
def test_a_lock_that_is_wrong_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = write(tmp_path, text, "conda-lock.yml")
    with pytest.raises(HelperError) as caught:
        LockReader(path).read()
    assert caught.value.code == "E_LOCK_FILE"
    assert said in caught.value.message


def test_a_lock_without_the_platform_says_which_it_has(tmp_path: Path) -> None:
    write_lock(tmp_path)
    args = ("lock", "--file", "conda-lock.yml", "--platform", "linux-aarch64")
    answer = json.loads(run(sys.executable, *args, cwd=tmp_path).stdout)
    assert answer["code"] == "E_LOCK_PLATFORM"
    assert answer["why"] == ["it is made for linux-64, osx-64"]
    assert answer["fix"] == [
        "pyve lock --platform linux-aarch64 --platform linux-64 --platform osx-64"
    ]


# --- do they belong together

MANIFEST = "channels: [conda-forge]\ndependencies: [python=3.12, {pip: [My_X==1.2.3]}]\n"


def compute(path: str, platform: str = "linux-64") -> str:
    """Return what conda-lock would record today."""
    return next(list_hashes([path], platform, None, os.path.dirname(path)))


@pytest.fixture
def pair(tmp_path: Path) -> tuple[str, str]:
    """An environment.yml, and the lock that was made from it."""
    path = write(tmp_path, MANIFEST.replace("{pip:", "pip, {pip:"))
    return path, write_lock(tmp_path, compute(path))


def test_a_lock_is_current_until_its_source_asks_for_something_else(pair: tuple[str, str]) -> None:
    path, lock = pair
    assert find_status(path, lock, "linux-64")["status"] == "current"
    text = Path(path).read_text()
    # Comments, quotes, order and the time of the change do not matter.
    Path(path).write_text(
        "# new\nname: other\ndependencies:\n- pip\n- pip: [my-x==1.2.3]\n- 'python=3.12'\n"
        "channels:\n- conda-forge\n- nodefaults\nvariables: {A: b}\n"
    )
    assert find_status(path, lock, "linux-64")["status"] == "current"
    Path(path).write_text(text.replace("3.12,", "3.13,"))
    answer = find_status(path, lock, "linux-64")
    assert answer["status"] == "stale"
    assert "python=3.13 (environment.yml, line 2), but the lock has python 3.12.4" in answer["why"]


def test_a_stale_lock_says_what_is_new(pair: tuple[str, str]) -> None:
    path, lock = pair
    Path(path).write_text(
        "channels: [conda-forge, https://me:pw@host.example/c]\n"
        "dependencies:\n- python\n- numpy\n- pip:\n  - torch\n"
    )
    answer = find_status(path, lock, "linux-64")
    assert answer["status"] == "stale"
    assert answer["why"] == [
        "channels: conda-forge, https://***@host.example/c; in the lock: conda-forge",
        "numpy is not in the lock (environment.yml, line 4)",
        "torch, for pip, is not in the lock (environment.yml, line 6)",
    ]


def test_a_lock_may_record_no_hash_or_lack_the_platform(pair: tuple[str, str]) -> None:
    path, lock = pair
    assert find_status(path, lock, "osx-64")["status"] == "no-hash"
    answer = find_status(path, lock, "win-64")
    assert answer["status"] == "platform-missing"
    assert answer["platforms"] == ["linux-64", "osx-64"]


@pytest.mark.parametrize(
    "entry",
    ["numpy[build_number=0]", "conda-forge/linux-64::numpy", "https://host.example/a-1.0-0.conda"],
)
def test_what_only_conda_lock_can_tell_is_unknown_without_it(
    pair: tuple[str, str], entry: str
) -> None:
    path, lock = pair
    Path(path).write_text(f"dependencies: ['{entry}']\n")
    answer = find_status(path, lock, "linux-64")
    assert answer["status"] == "unknown"
    assert entry in answer["why"][0]


def test_all_sources_of_a_lock_count(tmp_path: Path) -> None:
    path = write(tmp_path, "channels: [conda-forge]\ndependencies: [python]\n")
    dev = write(tmp_path, "category: dev\ndependencies: [pytest]\n", "dev.yml")
    both = next(list_hashes([path, dev], "linux-64", None, str(tmp_path)))
    lock = write_lock(
        tmp_path, both, sources=("- environment.yml\n", "- environment.yml\n  - dev.yml\n")
    )
    assert find_status(path, lock, "linux-64")["status"] == "current"
    Path(dev).write_text("category: dev\ndependencies: [pytest, hypothesis]\n")
    assert find_status(path, lock, "linux-64")["status"] == "stale"
    Path(dev).unlink()
    answer = find_status(path, lock, "linux-64")
    assert (answer["status"], "dev.yml" in answer["why"][0]) == ("stale", True)


def test_a_lock_of_a_pyproject_is_not_judged(tmp_path: Path) -> None:
    path = write(tmp_path, "dependencies: [python]\n")
    sources = ("- environment.yml\n", "- environment.yml\n  - pyproject.toml\n")
    lock = write_lock(tmp_path, "00", sources=sources)
    assert find_status(path, lock, "linux-64")["status"] == "unknown"


def test_channels_that_were_given_to_conda_lock_are_taken_from_the_lock(tmp_path: Path) -> None:
    bare = write(tmp_path, "dependencies: [python]\n")
    full = write(tmp_path, "channels: [conda-forge]\ndependencies: [python]\n", "full.yml")
    lock = write_lock(tmp_path, compute(full))
    assert find_status(bare, lock, "linux-64")["status"] == "current"


def test_a_lock_that_an_older_conda_lock_wrote_is_current(tmp_path: Path) -> None:
    """The hashes are what those releases computed for this file."""
    path = write(
        tmp_path,
        "channels: [conda-forge]\n"
        "dependencies: [python=3.12, numpy>=1, conda-forge::xz=5.2=h_0, pip]\n",
    )
    for release, platform, value in OLD_HASHES:
        found = set(list_hashes([path], platform, None, str(tmp_path)))
        assert value in found, (release, platform)


OLD_HASHES = [
    ("2.0.0", "linux-64", "d9c3ff292ca52f6370ee86e4c7d57bc1220d6f3a166651034e889b61aa14728e"),
    ("2.0.0", "osx-64", "22f273ef7430020a7b5fd0ab2a532a745b74f8c1a2e12751f16b3ecccc5dd279"),
    ("2.0.0", "win-64", "44d1fcfa46e248986e095ee1f3631c9a3019a916560295a8b9a8baf66e65abdb"),
    ("2.5.8", "linux-64", "26138d6a45a83847ecc37b931c39b28d6df9b76b4c5f797c608b975714db4035"),
    ("2.5.8", "osx-64", "d299a0f7986ec003b6d5dd5b7338699c9372791e37816584ea272f77eb32e4a7"),
]


# --- the same as conda-lock

PARITY = r"""
import json, logging, os, pathlib, sys, warnings
warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
sys.path.insert(0, sys.argv[1])
from conda_lock.src_parser.conda_common import conda_spec_to_versioned_dep
from conda_lock.src_parser.pyproject_toml import parse_python_requirement
from pyve_files import content_hash, status

asked = json.load(sys.stdin)
pathlib.Path("mapping.json").write_text("{}")
bad = []
told = 0
def theirs_of(function, *args, **options):
    try:
        return function(*args, **options).model_dump()
    except Exception:
        return None
for spec in asked["specs"]:
    theirs = theirs_of(conda_spec_to_versioned_dep, spec, "main")
    try:
        ours = content_hash.parse_conda_spec(spec, "main")
    except content_hash.Unsupported:
        continue
    told += 1
    if theirs is not None and ours != theirs:
        bad.append([spec, str(ours), str(theirs)])
for line in asked["lines"]:
    theirs = theirs_of(parse_python_requirement, line, manager="pip", mapping_url="mapping.json")
    try:
        ours = content_hash.parse_pip_line(line, "main")
    except content_hash.Unsupported:
        continue
    told += 1
    if theirs is not None and ours != theirs:
        bad.append([line, str(ours), str(theirs)])
for name in asked["files"]:
    for platform in content_hash.ARCHITECTURES:
        folder = os.path.dirname(name)
        ours = list(status.list_hashes([name], platform, None, folder))
        told += 1
        if ours[0] != status.hash_now([name], platform, folder):
            bad.append([name, platform, "today"])
        if not status.hash_by_conda_lock([name], platform, folder) <= set(ours):
            bad.append([name, platform, "compatible"])
json.dump({"bad": bad, "told": told}, sys.stdout)
"""
NAMES = ["numpy", "Scikit-Learn", "ruamel.yaml", "_libgcc_mutex", "7zip"]
CHANNELS = ["", "conda-forge::", "main::", "defaults::", "pkgs/main::", "https://host.example/c::"]
VERSIONS = [
    *("", "=1.2", "==1.2", " 1.2", " =1.2", ">=1,<2", " >=1 , <2|3.*", "=1.2=h_0", "==1.2=h_0"),
    *(" 1.2 h_0", " 1.2.* *_cpu", "=1.2.*", "~=1.2", "!=1.3", " >1.8,<2|==1.7", " *", " * *_cuda"),
    *(
        "[version='>=1']",
        " (1.2|1.3),<4",
        "=",
        "==",
        "  ",
        "=1.2*",
        "=*",
        " 1.*.3",
        "= 1.2",
        "=1!2",
    ),
    *("=1.2=*cuda*", " ^1.*$", " >=1.0 py27_0", " =1.2 py_0", "<1.0 py*", "@", " >=2020a", " # c"),
]
LINES = [
    *("requests", "My_Package[b,a]>=1,<2", "x~=1.2", "x===1.0", "x != 1.5 , >=1", "x (>=1)"),
    *("x ; python_version < '3.11'", "x;sys_platform=='darwin'", "x==1 --hash=sha256:aa", "./x"),
    *(
        "git+https://host.example/a/b.git@v1",
        "n @ git+https://host.example/b.git@v1#subdirectory=s",
    ),
    *("https://host.example/a-1.0-py3-none-any.whl", "n[e] @ https://host.example/a.whl#sha256=aa"),
    *("git+ssh://git@host.example/a/b@main", "-r r.txt", "--pre", "x==1.*", "n @ file:///a/b"),
]
FILES = [
    MANIFEST,
    "dependencies: []\n",
    "channels: [é]\ndependencies:\n- a\n- B=1\n- b 1.*\n- pip: []\ncategory: dev\n",
    """\
channels:
- https://me:${PASSWORD_1}@Host.example:8080/chan
- https://host.example/t/$TOKEN_2/c
dependencies:
- zlib  # [linux]
- win  # [win]
- pip=23
- pip: ["colorama ; sys_platform == 'win32'", -e ., "x ; python_version < '3'"]
pip-repositories: [https://me:$PASSWORD_1@pypi.example/simple]
""",
]
OWN_VIRTUAL_PACKAGES = """\
subdirs:
  linux-64: {packages: {__glibc: "2.31", __archspec: 1 x86_64_v3}}
  osx-64: {packages: {__osx: "11.0"}}
"""


def test_it_agrees_with_conda_lock_in_everything_that_it_tells(
    tmp_path: Path, toolchain: Path
) -> None:
    files = []
    for number, text in enumerate(FILES):
        for own in (False, True):
            folder = tmp_path / f"{number}{own}"
            folder.mkdir()
            files.append(write(folder, text))
            if own:
                write(folder, OWN_VIRTUAL_PACKAGES, "virtual-packages.yml")
    specs = [c + n + v for n, c, v in itertools.product(NAMES, CHANNELS, VERSIONS)]
    result = subprocess.run(
        [str(toolchain), "-E", "-s", "-B", "-c", PARITY, str(HELPER.parent)],
        input=json.dumps({"specs": specs, "lines": LINES, "files": files}),
        cwd=tmp_path,
        env={**os.environ, "PASSWORD_1": "secret1", "TOKEN_2": "secret2"},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    answer: dict[str, Any] = json.loads(result.stdout)
    assert answer["bad"] == []
    assert answer["told"] > 400


def test_with_conda_lock_the_rare_forms_are_told_too(tmp_path: Path, toolchain: Path) -> None:
    path = write(tmp_path, "channels: [conda-forge]\ndependencies: ['numpy[version=\">=1\"]']\n")
    args = ("content-hash", "--file", path, "--platform", "linux-64")
    bare = run(sys.executable, *args, cwd=tmp_path)
    assert json.loads(bare.stdout)["code"] == "E_CONTENT_HASH"
    told = json.loads(run(toolchain, *args, cwd=tmp_path).stdout)["content_hash"]["linux-64"]
    write_lock(tmp_path, told)
    args = ("status", "--file", path, "--lock", "conda-lock.yml", "--platform", "linux-64")
    answer = json.loads(run(toolchain, *args, cwd=tmp_path).stdout)
    assert answer["status"] == "current"
