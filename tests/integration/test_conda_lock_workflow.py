"""Conda projects with a lock, or that were moved: the same packages again, or a clear word."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from conda_channel import CondaChannel
from conda_engine_helpers import serve_folder
from conda_project import CondaUser, find_fixes, parse_variables
from pyve_test_helpers import need_wheelhouse, snapshot
from terminal import open_pyve

pytestmark = pytest.mark.micromamba


@pytest.fixture
def user(tmp_path: Path, template_cache: Path, conda_channel: CondaChannel) -> Iterator[CondaUser]:
    """A user with an empty project."""
    yield CondaUser(tmp_path, template_cache, conda_channel)
    shutil.rmtree(tmp_path, ignore_errors=True)


def locked_packages(user: CondaUser, platform: str = "") -> dict[str, tuple[str, str]]:
    """Return version and SHA-256 of what conda-lock.yml holds for a platform, by name."""
    text = (user.project / "conda-lock.yml").read_text()
    found = {}
    for entry in re.split(r"^- ", text.split("\npackage:\n")[1], flags=re.MULTILINE)[1:]:
        fields = dict(re.findall(r"^ *(\w+): '?([^'\n]*)'?$", entry, re.MULTILINE))
        if fields["platform"] == (platform or user.channel.platform):
            found[fields["name"]] = (fields["version"], fields["sha256"])
    return found


def installed(user: CondaUser) -> dict[str, tuple[str, str]]:
    """Return version and SHA-256 of each package in the environment, by name."""
    return {name: (value[0], value[2]) for name, value in user.packages().items()}


def make_stale(user: CondaUser) -> None:
    """Ask for one package more, with a time stamp that says nothing."""
    file = user.project / "environment.yml"
    stamp = (user.project / "conda-lock.yml").stat().st_mtime - 100
    file.write_text(file.read_text() + "  - libwater\n")
    os.utime(file, (stamp, stamp))


def test_a_lock_is_preferred_and_gives_the_same_bytes_again(user: CondaUser) -> None:
    user.manifest("python", "greeter <2", "kettle")
    assert f"Wrote conda-lock.yml ({user.channel.platform})" in user.ok("lock")
    locked = locked_packages(user)
    assert locked["greeter"][0] == "1.1"
    # With it, environment.yml is not asked any more.
    user.init()
    assert installed(user) == locked
    assert user.state()["file"] == "conda-lock.yml"
    files = {
        path: path.read_bytes()
        for path in user.conda.rglob("*")
        if path.is_file() and not path.is_symlink() and "conda-meta" not in path.parts
    }
    user.init("--force", "--yes", "--strict")
    assert installed(user) == locked
    for path, content in files.items():
        assert path.read_bytes() == content, path
    # Nothing to do: nothing is written.
    before = snapshot(user.project)
    assert "is current" in user.ok("lock")
    assert "is current" in user.ok("lock", "--check")
    assert snapshot(user.project, skip=(".pyve",)) == {
        name: value for name, value in before.items() if not name.startswith(".pyve")
    }
    report = user("doctor")
    assert (report.returncode, report.stderr) == (0, "")
    assert "✓ Lock: conda-lock.yml, up to date" in report.stdout


def test_a_lock_alone_is_enough(user: CondaUser) -> None:
    user.manifest("python", "greeter")
    user.ok("lock")
    (user.project / "environment.yml").unlink()
    user.init("--strict")
    assert [path.name for path in user.envs.iterdir()] == ["data-science"]
    assert user("run", "greet").returncode == 0
    report = user("doctor")
    assert report.returncode == 0
    assert "✓ Lock: conda-lock.yml" in report.stdout.splitlines()
    assert user("validate").returncode == 0
    user.fails("lock", code="E_ENV_FILE_MISSING")


def test_a_stale_lock_is_told_asked_about_refused_or_left_alone(user: CondaUser) -> None:
    user.manifest("kettle")
    user.ok("lock")
    user.init()
    make_stale(user)
    stderr = user.fails("lock", "--check", code="E_LOCK_STALE")
    assert "environment.yml" in stderr
    assert find_fixes(stderr) == ["pyve lock"]
    report = user("doctor")
    assert report.returncode == 2
    assert "Lock: conda-lock.yml is stale" in report.stdout
    before = snapshot(user.conda)
    user.fails("init", "--force", "--yes", "--strict", code="E_LOCK_STALE")
    # No: nothing is changed. Enter: it goes on, with the lock.
    stderr = user.fails("init", "--force", answer="y\nn\n", code="E_LOCK_STALE")
    assert "W_LOCK_STALE" in stderr
    assert snapshot(user.conda) == before
    with open_pyve(user, "init", "--force", columns=120) as terminal:
        terminal.wait_for("Continue? [y/N]:")
        terminal.type("y\r")
        terminal.wait_for("Continue anyway? [Y/n]:")
        terminal.type("\r")
        assert terminal.wait() == 0
    result = user("init", "--force", CI="1")
    assert (result.returncode, result.stderr) == (0, "")
    assert user.ok("lock")
    user.init("--force", "--yes", "--strict")
    assert user("doctor").returncode == 0


def test_without_a_lock_strict_stops(user: CondaUser) -> None:
    user.manifest("kettle")
    before = snapshot(user.project)
    user.fails("init", "--strict", "--no-direnv", code="E_LOCK_MISSING")
    assert snapshot(user.project) == before
    assert find_fixes(user.fails("lock", "--check", code="E_LOCK_MISSING")) == ["pyve lock"]


def test_a_lock_without_this_platform_names_the_command_that_adds_it(user: CondaUser) -> None:
    user.manifest("kettle")
    user.init()
    before = snapshot(user.conda)
    other = "osx-arm64" if user.channel.platform != "osx-arm64" else "linux-64"
    user.ok("lock", "--platform", other)
    assert locked_packages(user) == {}
    stderr = user.fails("init", "--force", "--yes", "--no-direnv", code="E_LOCK_PLATFORM")
    assert user.channel.platform in stderr
    assert snapshot(user.conda) == before
    report = user("doctor")
    assert report.returncode == 1
    assert f"is not for this machine, {user.channel.platform}" in report.stdout
    locked = locked_packages(user, other)
    (fix,) = find_fixes(stderr)
    program, *words = shlex.split(fix)
    assert program == "pyve"
    user.ok(*words)
    # What was locked for the other platform stays.
    assert locked_packages(user, other) == locked
    user.init("--force", "--yes", "--strict")
    assert installed(user) == locked_packages(user)
    assert user("doctor").returncode == 0


def test_platforms_come_from_the_option_the_config_or_the_lock(user: CondaUser) -> None:
    user.manifest("libwater")
    user.init()
    config = user.project / ".pyve/config"
    config.write_text(config.read_text() + "\nlock:\n  platforms: [linux-aarch64, osx-64]\n")
    user.ok("lock")
    assert locked_packages(user, "osx-64").keys() == {"libwater"}
    assert locked_packages(user, "linux-aarch64").keys() == {"libwater"}
    config.write_text(config.read_text().split("\nlock:")[0])
    make_stale(user)
    # Now those of the lock.
    user.ok("lock")
    assert locked_packages(user, "osx-64").keys() == {"libwater"}
    user.ok("lock", "--platform", user.channel.platform)
    assert locked_packages(user)["libwater"][0] == "1.1"


def test_a_wrong_digest_in_the_lock_stops_the_install(user: CondaUser) -> None:
    user.manifest("python", "greeter")
    user.ok("lock")
    user.init()
    before = snapshot(user.conda)
    lock = user.project / "conda-lock.yml"
    text = lock.read_text()
    digest = locked_packages(user)["greeter"][1]
    lock.write_text(text.replace(digest, "0" * 64))
    stderr = user.fails("init", "--force", "--yes", "--no-direnv", code="E_CONDA_HASH")
    assert "0" * 64 in stderr
    assert digest in stderr
    assert snapshot(user.conda) == before
    assert user("run", "greet").returncode == 0
    assert user.leftovers() == []


@pytest.mark.parametrize("text", ["", "\0", "version: 1\n", "{", "version: 2\npackage: []\n"])
def test_a_damaged_lock_is_named_and_nothing_is_made(user: CondaUser, text: str) -> None:
    user.manifest("kettle")
    user.write("conda-lock.yml", text)
    before = snapshot(user.project)
    stderr = user.fails("init", "--no-direnv", "--yes")
    assert "conda-lock.yml" in stderr
    assert "Traceback" not in stderr
    assert snapshot(user.project) == before
    user.fails("lock", "--check")


# --- moved


def test_an_empty_manifest_is_named_as_such(user: CondaUser) -> None:
    path = user.manifest()
    path.write_text(path.read_text().partition("dependencies:")[0] + "dependencies:\n")
    assert "dependencies: []" in user.fails("lock", code="E_CONDA_SPEC")
    path.write_text(path.read_text().replace("dependencies:", "dependencies: []"))
    user.ok("lock")


def test_a_moved_project_says_what_to_do_and_gets_the_same_packages(user: CondaUser) -> None:
    need_wheelhouse()
    table = '[build-system]\nrequires = []\nbuild-backend = "own"\nbackend-path = ["."]\n'
    user.write("pyproject.toml", f'{table}[project]\nname = "own"\nversion = "1"\n')
    user.write("own.py", EDITABLE)
    user.manifest("python", "greeter <2", "kettle", pip=("iniconfig <2.2", "-e ."))
    user.ok("init", "--backend", "micromamba")
    packages = user.packages()
    moved = user.root / "elsewhere, it's moved"
    user.project.rename(moved)
    user.project = moved
    # A newer one would fit now; the list of packages counts.
    user.manifest("python", "greeter", "kettle", pip=("iniconfig", "-e ."))
    for words in (["run", "greet"], ["shell", "bash"], ["test"]):
        stderr = user.fails(*words, code="E_ENV_MOVED")
        assert find_fixes(stderr) == ["pyve init --update"]
    deep = moved / "deep"
    deep.mkdir()
    (fix,) = find_fixes(user.fails("run", "greet", cwd=deep, code="E_ENV_MOVED"))
    assert shlex.split(fix)[1:3] == ["-C", str(moved)]
    for words in (["doctor"], ["validate"]):
        report = user(*words)
        assert report.returncode == 1
        assert "pyve init --update" in find_fixes(report.stdout + report.stderr)
    assert "moved since" in user.ok()
    program, *words = shlex.split(fix)
    assert program == "pyve"
    user.ok(*words, cwd=deep)
    assert user.packages() == packages
    assert user.ok("run", "greet").startswith("Hello from greeter 1.1")
    code = "import own, importlib.metadata as m; print(m.version('iniconfig'), own.__file__)"
    assert user.ok("run", "python", "-c", code) == f"2.1.0 {moved}/own.py\n"
    assert user.variables()["KETTLE_HOME"] == f"{user.conda}/share/kettle"
    script = "PATH_add() { PATH=$1:$PATH; }; dotenv() { :; }; . ./.envrc; env -0"
    envrc = parse_variables(user.execute("bash", "-eu", "-c", script).stdout)
    assert envrc["KETTLE_HOME"] == f"{user.conda}/share/kettle"
    # It is the old list in a new place; what changed in environment.yml comes with --force.
    assert "environment.yml was changed after it was made" in user("doctor").stdout
    assert user("validate").returncode == 0
    assert user.leftovers() == []


# A build backend that installs its project by a path in a .pth file (PEP 660), without setuptools.
EDITABLE = """import os, zipfile


def build_editable(folder, *_arguments):
    name = "own-1-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        wheel.writestr("own.pth", os.getcwd() + "\\n")
        info = "own-1.dist-info/"
        wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: own\\nVersion: 1\\n")
        head = "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\n"
        wheel.writestr(info + "WHEEL", head + "Tag: py3-none-any\\n")
        wheel.writestr(info + "RECORD", "")
    return name
"""


def test_a_moved_project_that_cannot_be_made_again_keeps_what_it_has(user: CondaUser) -> None:
    user.manifest("python", "greeter")
    user.init()
    moved = user.root / "moved"
    user.project.rename(moved)
    user.project = moved
    before = snapshot(user.conda)
    record = next((user.conda / "conda-meta").glob("greeter-*.json"))
    text = json.loads(record.read_text())
    record.write_text(json.dumps({**text, "url": "file:///gone/noarch/greeter-9.conda"}))
    user.env["PYVE_CONDA_CACHE"] = str(user.root / "cold")
    assert find_fixes(user.fails("init", "--update", "--no-direnv"))
    record.write_text(json.dumps(text))
    assert snapshot(user.conda).keys() == before.keys()
    user.init("--update")
    assert user("run", "greet").returncode == 0


def test_a_copy_of_a_project_leaves_the_first_one_alone(user: CondaUser) -> None:
    user.manifest("kettle")
    user.init()
    first, before = user.project, snapshot(user.conda)
    copy = user.root / "copy"
    shutil.copytree(first, copy, symlinks=True)
    user.fails("run", "kettle", cwd=copy, code="E_ENV_MOVED")
    user.init("--update", cwd=copy)
    assert user.ok("run", "kettle", cwd=copy) == "whistle\n"
    assert snapshot(first / ".pyve/envs") == {f"demo/{k}": v for k, v in before.items()} | {
        "demo": snapshot(first / ".pyve/envs")["demo"]
    }


# --- without a network


def test_with_a_warm_cache_a_lock_needs_no_network(user: CondaUser) -> None:
    user.env["PYVE_CONDA_CACHE"] = str(user.root / "own cache")
    with serve_folder(user.channel.folder / "main") as url:
        user.manifest("python", "greeter", channel=url)
        user.ok("lock")
        user.init()
    packages = user.packages()
    user.init("--force", "--yes", "--strict")
    assert user.packages() == packages
    # Without the lock the channel has to be asked: said so, and the old environment stays.
    (user.project / "conda-lock.yml").unlink()
    before = snapshot(user.conda)
    stderr = user.fails("init", "--force", "--yes", "--no-direnv")
    assert "E_CONDA_NETWORK" in stderr or "E_CONDA_CHANNEL" in stderr
    assert snapshot(user.conda) == before
    user.fails("lock")
    user.ok("lock", "--offline")
    assert installed(user) == locked_packages(user)
