"""Which engine makes a conda environment, and what micromamba, mamba and conda are called with."""

from __future__ import annotations

import hashlib
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from conda_channel import CondaChannel
from conda_helpers import STAND_IN
from conda_project import CondaUser, find_fixes
from pyve_test_helpers import snapshot

pytestmark = pytest.mark.micromamba

VERSIONS = ("1.5.10", "2.0.5", "2.8.1")

# Answers as conda and mamba do; each call gets a line in $CALLS. The file that it was given is kept
# beside that.
PROGRAM = """#!/usr/bin/env bash
set -euo pipefail
printf '%s' "${0##*/}" >>"$CALLS"
printf ' %q' "$@" >>"$CALLS"
printf '\\n' >>"$CALLS"
if [[ $1 == --version ]]; then
  printf '%b\\n' "VERSION_TEXT"
  exit 0
fi
[[ ${CONDA_ALWAYS_YES-} == true && ! -t 0 ]] || { echo "it would ask" >&2; exit 97; }
while (($#)); do
  case $1 in
    --prefix) prefix=$2 ;;
    --file) file=$2 ;;
  esac
  shift
done
[[ ! -e $prefix && -f $file ]] || { echo "not as expected: $prefix $file" >&2; exit 98; }
cp "$file" "$CALLS.file"
[[ ! -e $CALLS.fail ]] || { echo "CondaError: it is told to fail" >&2; exit 1; }
mkdir -p "$prefix/conda-meta" "$prefix/bin"
: >"$prefix/conda-meta/history"
record=$prefix/conda-meta/libwater-1.1-0.json
printf '{"name": "libwater", "version": "1.1", "build": "0", "files": [],' >"$record"
printf '"md5": "d41d8cd98f00b204e9800998ecf8427e", ' >>"$record"
printf '"url": "file:///channel/noarch/libwater-1.1-0.conda"}\\n' >>"$record"
"""


@pytest.fixture
def user(tmp_path: Path, template_cache: Path, conda_channel: CondaChannel) -> Iterator[CondaUser]:
    """A user with a project that asks for one package, and no conda tool."""
    user = CondaUser(tmp_path, template_cache, conda_channel)
    user.env["STAND_IN_LOG"] = user.env["CALLS"] = str(user.root / "calls")
    user.manifest("libwater")
    yield user
    shutil.rmtree(tmp_path, ignore_errors=True)


def add_micromamba(user: CondaUser, folder: Path | None = None, version: str = "2.8.1") -> Path:
    """Put the stand-in of micromamba on PATH, or into another folder."""
    folder = folder or user.bin
    folder.mkdir(parents=True, exist_ok=True)
    user.env["STAND_IN_VERSION"] = version
    path = Path(shutil.copy(STAND_IN, folder / "micromamba"))
    path.chmod(0o755)
    return path


def add_conda(user: CondaUser, name: str, version: str) -> Path:
    """Put a stand-in of conda or mamba on PATH, whose --version answers so."""
    return user.add_program(name, PROGRAM.replace("VERSION_TEXT", version))


def calls(user: CondaUser) -> list[list[str]]:
    """Return the calls since the last time, without those for the version."""
    file = user.root / "calls"
    lines = file.read_text().splitlines() if file.exists() else []
    file.unlink(missing_ok=True)
    found = [shlex.split(line) for line in lines]
    return [words for words in found if "--version" not in words]


# --- micromamba


@pytest.mark.parametrize("version", VERSIONS)
def test_micromamba_makes_the_environment(user: CondaUser, version: str) -> None:
    path = add_micromamba(user, version=version)
    out = user.init()
    assert f"with micromamba {version}" in out
    file = user.project / "environment.yml"
    create = ["create", "--yes", "--prefix", str(user.conda), "--file"]
    assert calls(user) == [[*create, str(file)]]
    state = user.state()
    assert (state["engine"], state["engine_version"]) == ("micromamba", version)
    report = user("doctor")
    assert report.returncode == 0, report.stdout
    assert f"✓ Micromamba: {path} (system, {version})" in report.stdout
    assert user("validate").returncode == 0
    assert user.variables()["CONDA_PREFIX"] == str(user.conda)
    # Nothing of this asks micromamba.
    assert calls(user) == []
    # The lock is preferred, and given as it is.
    user.ok("lock", "--engine", "rattler")
    user.init("--force", "--yes")
    assert calls(user) == [[*create, str(user.project / "conda-lock.yml")]]
    assert user.state()["file"] == "conda-lock.yml"


@pytest.mark.parametrize("failure", ["solve", "half", "lie"])
def test_a_micromamba_that_fails_leaves_the_old_environment(user: CondaUser, failure: str) -> None:
    add_micromamba(user)
    user.init()
    before = snapshot(user.conda)
    words = ("init", "--force", "--yes", "--no-direnv")
    stderr = user.fails(*words, code="E_CONDA_CREATE", STAND_IN_FAIL=failure)
    if failure == "solve":
        # Its own words are not lost.
        assert "nosuch =* * does not exist" in stderr
    assert snapshot(user.conda) == before
    assert user.leftovers() == []


def test_with_micromamba_no_toolchain_is_needed(user: CondaUser) -> None:
    add_micromamba(user)
    tools = user.root / "tools"
    empty = user.root / "empty"
    empty.mkdir()
    user.env.update(PYVE_TOOLCHAIN=str(tools), PIP_FIND_LINKS=empty.as_uri())
    user.init()
    assert user("run", "true").returncode == 0
    assert user("doctor").returncode == 0
    assert not tools.exists()


def test_a_moved_project_is_made_again_from_the_list_of_archives(user: CondaUser) -> None:
    add_conda(user, "conda", "conda 24.11.3")
    user.init()
    calls(user)
    moved = user.root / "moved"
    user.project.rename(moved)
    user.project = moved
    user.init("--update")
    (call,) = calls(user)
    assert call[:5] == ["conda", "create", "--yes", "--prefix", str(user.conda)]
    text = (user.root / "calls.file").read_text()
    md5 = "d41d8cd98f00b204e9800998ecf8427e"
    assert text == f"@EXPLICIT\nfile:///channel/noarch/libwater-1.1-0.conda#{md5}\n"
    assert user.leftovers() == []


# --- conda and mamba


@pytest.mark.parametrize(
    ("name", "answer", "version", "words"),
    [
        ("conda", "conda 24.11.3", "24.11.3", ["env", "create"]),
        ("mamba", "mamba 1.5.8\\nconda 23.11.0", "1.5.8", ["env", "create"]),
        ("mamba", "2.0.5", "2.0.5", ["create", "--yes"]),
    ],
)
def test_conda_and_mamba_make_the_environment(
    user: CondaUser, name: str, answer: str, version: str, words: list[str]
) -> None:
    path = add_conda(user, name, answer)
    assert f"with {name} {version}" in user.init()
    prefix = ["--prefix", str(user.conda), "--file"]
    assert calls(user) == [[name, *words, *prefix, str(user.project / "environment.yml")]]
    state = user.state()
    assert (state["engine"], state["engine_version"]) == (name, version)
    assert f"✓ Engine: {path} ({name} {version})" in user.ok("doctor")
    # From a lock: the list of archives, without solving.
    user.ok("lock", "--engine", "rattler")
    user.init("--force", "--yes")
    (call,) = calls(user)
    assert call[:-1] == [name, "create", "--yes", *prefix]
    assert call[-1].endswith(".txt")
    lines = (user.root / "calls.file").read_text().splitlines()
    assert lines[0] == "@EXPLICIT"
    (line,) = lines[1:]
    archive, _, md5 = line.partition("#")
    assert archive.startswith(f"{user.channel.main}/{user.channel.platform}/libwater-1.1-")
    file = next((user.channel.folder / "main" / user.channel.platform).glob("libwater-1.1-*"))
    assert md5 == hashlib.md5(file.read_bytes()).hexdigest()
    # A failure shows its words, and the old one stays.
    (user.root / "calls.fail").touch()
    before = snapshot(user.conda)
    stderr = user.fails("init", "--force", "--yes", "--no-direnv", code="E_CONDA_CREATE")
    assert "CondaError: it is told to fail" in stderr
    assert snapshot(user.conda) == before
    assert user.leftovers() == []


@pytest.mark.parametrize("name", ["conda", "mamba", "micromamba"])
def test_a_sync_takes_the_archives_of_a_folder(user: CondaUser, name: str) -> None:
    user.ok("lock")
    user.ok("prefetch", "all % archives")
    if name == "micromamba":
        add_micromamba(user)
    else:
        add_conda(user, name, "2.0.5")
    user.ok("sync", "--offline", "--find-links", "all % archives")
    (call,) = calls(user)
    assert call[-5:-1] == ["--yes", "--prefix", str(user.conda), "--file"]
    assert call[-1].endswith(".txt")
    if name != "micromamba":
        _, line = (user.root / "calls.file").read_text().splitlines()
        (archive,) = (user.project / "all % archives").glob("*/libwater-1.1-*")
        assert line.partition("#")[0] == archive.as_uri().replace("%C3%BC", "ü")
        (user.project / "conda-lock.yml").write_text(
            (user.project / "conda-lock.yml").read_text().replace("file://", "https://x.example")
        )
        archive.unlink()
        user.ok("sync", "--offline", "--find-links", "all % archives")
        assert "--offline" in calls(user)[-1], "what is in its cache it takes from there"


# --- choosing


def engine_of(user: CondaUser, *words: str, **env: str) -> str:
    """Return which engine makes the environment anew, with these options."""
    user.init("--force", "--yes", *words, **env)
    return user.state()["engine"]


def test_the_first_engine_that_answers_is_taken(user: CondaUser) -> None:
    assert engine_of(user) == "rattler"
    add_conda(user, "conda", "conda 24.11.3")
    assert engine_of(user) == "conda"
    add_conda(user, "mamba", "mamba 2.0.5")
    assert engine_of(user) == "mamba"
    path = add_micromamba(user)
    assert engine_of(user) == "micromamba"
    # Those that do not answer are passed over.
    path.write_text("#!/bin/sh\nexit 1\n")
    assert engine_of(user) == "mamba"
    (user.bin / "mamba").write_text("#!/bin/sh\necho what\n")
    (user.bin / "mamba").chmod(0o755)
    assert engine_of(user) == "conda"


def test_micromamba_of_the_project_goes_before_the_users_and_the_systems(user: CondaUser) -> None:
    places = {
        "system": add_micromamba(user),
        "user": add_micromamba(user, user.home / ".pyve/bin"),
        "project": add_micromamba(user, user.project / ".pyve/bin"),
    }
    user.init()
    for location in ("project", "user", "system"):
        assert f"Micromamba: {places[location]} ({location}, " in user.ok("doctor").replace(
            ": .pyve/", f": {user.project}/.pyve/"
        )
        places[location].unlink()
    assert "Engine: rattler, built in" in user.ok("doctor")


def test_option_and_config_name_the_engine(user: CondaUser) -> None:
    add_micromamba(user)
    add_conda(user, "conda", "conda 24.11.3")
    assert engine_of(user, "--engine", "conda") == "conda"
    # It is remembered.
    assert "  engine: conda\n" in (user.project / ".pyve/config").read_text()
    assert engine_of(user) == "conda"
    assert engine_of(user, "--engine", "rattler") == "rattler"
    assert engine_of(user) == "rattler"
    assert "Engine: rattler" in user.ok("doctor")
    assert engine_of(user, "--engine", "auto") == "micromamba"
    before = snapshot(user.project)
    words = ("init", "--force", "--yes", "--no-direnv", "--engine")
    assert "rattler" in user.fails(*words, "poetry", code="E_ENGINE_UNKNOWN")
    user.fails(*words, "mamba", code="E_ENGINE_MISSING")
    assert snapshot(user.project) == before


@pytest.mark.parametrize("how", ["option", "config"])
def test_micromamba_is_not_fetched_unless_somebody_says_so(user: CondaUser, how: str) -> None:
    words = ["--engine", "micromamba"]
    if how == "config":
        user.write(".pyve/config", "micromamba:\n  engine: micromamba\n")
        words = ["--force"]
    before = snapshot(user.root, skip=("home of user/.cache",))
    for force in ("", "1"):
        result = user("init", "--no-direnv", *words, CI="1", PYVE_FORCE_YES=force)
        assert result.returncode == 1
        assert "[E_MICROMAMBA_MISSING]" in result.stderr
        assert any("--auto-bootstrap" in fix for fix in find_fixes(result.stderr))
    assert snapshot(user.root, skip=("home of user/.cache",)) == before


@pytest.mark.parametrize("place", ["project", "user"])
def test_auto_bootstrap_fetches_it_and_makes_the_environment(user: CondaUser, place: str) -> None:
    digest = hashlib.sha256(STAND_IN.read_bytes()).hexdigest()
    user.env.update(PYVE_MICROMAMBA_URL=STAND_IN.as_uri(), PYVE_MICROMAMBA_SHA256=digest)
    words = ["--bootstrap-to", "project"] if place == "project" else []
    user.init("--auto-bootstrap", *words)
    folder = user.project if place == "project" else user.home
    assert (folder / ".pyve/bin/micromamba").read_bytes() == STAND_IN.read_bytes()
    assert user.state()["engine"] == "micromamba"
    assert len(calls(user)) == 1
    # What is there is not fetched again.
    user.env["PYVE_MICROMAMBA_URL"] = "file:///gone"
    user.init("--auto-bootstrap", "--force", "--yes")
    assert len(calls(user)) == 1


def test_a_bootstrap_that_fails_makes_nothing(user: CondaUser) -> None:
    user.env.update(PYVE_MICROMAMBA_URL=STAND_IN.as_uri(), PYVE_MICROMAMBA_SHA256="0" * 64)
    before = snapshot(user.project)
    stderr = user.fails("init", "--auto-bootstrap", "--no-direnv")
    assert "0" * 64 in stderr
    assert snapshot(user.project) == before
    assert calls(user) == []
