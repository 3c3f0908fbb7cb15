"""Faults of locks, alone, side by side and against the environment, in both backends."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator

import pytest
from code_cases import brings
from conda_project import CondaUser
from doctor_faults import Fault, diagnose, find_fault, mend_fault
from package_index import PackageIndex
from pyve_test_helpers import Pyve, find_program, snapshot
from workshop import make_whole


@pytest.fixture
def pyve(workshops: dict[str, Pyve]) -> Iterator[Pyve]:
    """A project of the venv backend whose environment is what its pylock.toml says."""
    user = workshops["venv"]
    make_whole(user, set_up_venv)
    yield user
    for name in ("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "requirements.in"):
        (user.project / name).unlink(missing_ok=True)
    for name in ("requirements.txt", "conda-lock.yml", "environment.yml"):
        (user.project / name).unlink(missing_ok=True)


@pytest.fixture
def user(workshops: dict[str, Pyve]) -> Iterator[CondaUser]:
    """A project of the conda backend whose environment is what its conda-lock.yml says."""
    conda = workshops["micromamba"]
    assert isinstance(conda, CondaUser)
    make_whole(conda, set_up_conda)
    yield conda
    for name in ("uv.lock", "conda-lock.yml.bad"):
        (conda.project / name).unlink(missing_ok=True)


def set_up_venv(pyve: Pyve) -> None:
    """Install packages, and lock them."""
    pyve.init()
    with PackageIndex() as index:
        # pip takes an empty variable for none.
        env = {name: value or "" for name, value in index.env.items()}
        pyve.ok("run", "python", "-m", "pip", "install", "anyio", **env)
    pyve.write("pyproject.toml", '[tool.demo]\nkey = "value"\n')
    write_pylock(pyve)


def set_up_conda(user: CondaUser) -> None:
    """Lock, and make the environment from the lock."""
    user.manifest("python", "greeter <2", "greeter-extras")
    user.ok("lock")
    user.init()


def versions(pyve: Pyve) -> dict[str, str]:
    """Return what is installed: name -> version, without pip."""
    found = {}
    for info in pyve.site_packages.glob("*.dist-info"):
        name, _, version = info.name[: -len(".dist-info")].partition("-")
        found[name.replace("_", "-")] = version
    found.pop("pip", None)
    return found


def write_pylock(pyve: Pyve, **changes: str) -> None:
    """Write a pylock.toml (PEP 751) of what is installed."""
    lines = ['lock-version = "1.0"', 'created-by = "tests"']
    for name, version in sorted({**versions(pyve), **changes}.items()):
        lines += ["", "[[packages]]", f'name = "{name}"', f'version = "{version}"']
        lines += [f'wheels = [{{ name = "{name}.whl", hashes = {{ sha256 = "00" }} }}]']
    lines += ["", "[[packages]]", 'name = "only-elsewhere"', 'version = "1"']
    lines += ["marker = \"sys_platform == 'win32'\""]
    pyve.write("pylock.toml", "\n".join(lines) + "\n")


def write(name: str, text: str) -> Callable[[Pyve], None]:
    """Give the injector that writes a file."""

    def inject(pyve: Pyve) -> None:
        pyve.write(name, text)

    return inject


# --- venv


def uninstall(pyve: Pyve) -> None:
    # (What nothing here needs at run time of this Python, so that only the lock is at odds.)
    pyve.ok("run", "python", "-m", "pip", "uninstall", "-y", "anyio")


def install_another_version(pyve: Pyve) -> None:
    pyve.ok("run", "python", "-m", "pip", "install", "--no-deps", "anyio==4.12.1")


def install_more(pyve: Pyve) -> None:
    pyve.ok("run", "python", "-m", "pip", "install", "h11")


def uninstall_and_install_more(pyve: Pyve) -> None:
    uninstall(pyve)
    install_more(pyve)


def mend_both(pyve: Pyve) -> None:
    """What is missing comes back by itself; what is more goes after a yes."""
    result = pyve("doctor", "--fix", "--yes", "--only", "environment-drift")
    assert result.returncode == 2, result.stdout
    assert "anyio" in versions(pyve)
    assert "h11" in versions(pyve)
    result = pyve("doctor", "--fix", "--only", "environment-drift", answer="y\n")
    assert result.returncode == 0, result.stdout + result.stderr


def break_pylock(pyve: Pyve) -> None:
    pyve.write("pylock.toml", '[[packages]]\nname = "idna\n')


def have_files_of_conda_only(pyve: Pyve) -> None:
    for name in ("pylock.toml", "pyproject.toml"):
        (pyve.project / name).unlink()
    pyve.write("environment.yml", "dependencies: [python]\n")


def go_back_to_python_files(pyve: Pyve) -> None:
    (pyve.project / "environment.yml").unlink()
    pyve.write("pyproject.toml", '[tool.demo]\nkey = "value"\n')
    write_pylock(pyve)


def ask_for_more(pyve: Pyve) -> None:
    """Ask for what has not been compiled."""
    text = "anyio\nclick>=8\n-r other.txt\nwin; sys_platform=='win32'\n"
    pyve.write("requirements.in", text)
    pyve.write("requirements.txt", "anyio==4.16.0 \\\n    --hash=sha256:00\n")


UV_LOCK = """version = 1
requires-python = ">=3.9"

[[package]]
name = "anyio"
version = "3.7.1"
source = { registry = "https://host.invalid/simple" }
dependencies = [
    { name = "idna" },
]

[package.metadata]
version = "9"

[[package]]
name = "unrelated"
version = "1.0"
"""
PIPFILE_LOCK = """{
    "_meta": {"hash": {"sha256": "00"}, "pipfile-spec": 6},
    "default": {
        "AnyIO": {
            "hashes": ["sha256:00"],
            "version": "==3.7.1"
        }
    },
    "develop": {}
}
"""

VENV_FAULTS = [
    Fault(
        "missing",
        "environment-drift",
        "W_ENVIRONMENT_DRIFT",
        uninstall,
        says=("anyio", "is locked, and not installed"),
    ),
    Fault(
        "another version",
        "environment-drift",
        "W_ENVIRONMENT_DRIFT",
        install_another_version,
        "paste",
        ("is locked, 4.12.1 is installed",),
    ),
    Fault(
        "more",
        "environment-drift",
        "W_ENVIRONMENT_DRIFT",
        install_more,
        "asked",
        ("h11 0.16.0 is installed, and not locked",),
    ),
    Fault(
        "missing and more",
        "environment-drift",
        "W_ENVIRONMENT_DRIFT",
        uninstall_and_install_more,
        mend_both,
        ("2 differences",),
    ),
    Fault(
        "no TOML",
        "lock-unreadable",
        "E_LOCK_DAMAGED",
        break_pylock,
        write_pylock,
        ("pylock.toml cannot be used", "line 2"),
    ),
    *(
        Fault(
            name,
            "locks-at-odds",
            "W_LOCKS_AT_ODDS",
            write(name, text),
            "asked",
            ("anyio: 4.16.0 in pylock.toml, 3.7.1 in " + name, f"{name} is {owner}"),
        )
        for name, owner, text in (
            ("uv.lock", "uv's", UV_LOCK),
            ("poetry.lock", "Poetry's", UV_LOCK.replace("\n", "\r\n")),
            ("pdm.lock", "PDM's", UV_LOCK),
            ("Pipfile.lock", "Pipenv's", PIPFILE_LOCK),
        )
    ),
    Fault(
        "requirements.txt",
        "locks-at-odds",
        "W_LOCKS_AT_ODDS",
        ask_for_more,
        lambda pyve: pyve.write("requirements.txt", "anyio==4.16.0\nclick==8.1.8\n"),
        ("click is in requirements.in, and requirements.txt has no version of it",),
    ),
    Fault(
        "backend",
        "locks-at-odds",
        "W_BACKEND_FILES",
        have_files_of_conda_only,
        go_back_to_python_files,
        ("only environment.yml",),
    ),
]


@brings("W_ENVIRONMENT_DRIFT", "E_LOCK_DAMAGED", "W_LOCKS_AT_ODDS", "W_BACKEND_FILES")
@pytest.mark.venv
@pytest.mark.parametrize(
    ("code", "fault"), [(f.code, f) for f in VENV_FAULTS], ids=[f.name for f in VENV_FAULTS]
)
def test_each_fault_of_locks_in_a_venv_project(pyve: Pyve, code: str, fault: Fault) -> None:
    fault.inject(pyve)
    before = snapshot(pyve.project)
    failure = find_fault(pyve, fault, {})
    assert snapshot(pyve.project) == before
    mend_fault(failure, fault)


@pytest.mark.venv
def test_locks_that_agree_are_only_noted(pyve: Pyve) -> None:
    pyve.write("uv.lock", UV_LOCK.replace("3.7.1", versions(pyve)["anyio"]))
    document = diagnose(pyve)
    assert document["exit_code"] == 0
    (check,) = (c for c in document["detail"]["checks"] if c["id"] == "locks-at-odds")
    assert check["status"] == "note"
    assert "uv.lock is uv's; it agrees with pylock.toml" in check["message"]


# --- conda


def lose_a_record(user: CondaUser) -> None:
    (record,) = (user.conda / "conda-meta").glob("greeter-extras-*.json")
    record.unlink()


def lock_another_build(user: CondaUser) -> None:
    path = user.project / "conda-lock.yml"
    path.write_text(
        re.sub(r"(/greeter-extras-[^/\n]*?)(\.conda|\.tar\.bz2)", r"\g<1>0\2", path.read_text())
    )


def unlock_another_build(user: CondaUser) -> None:
    path = user.project / "conda-lock.yml"
    path.write_text(
        re.sub(r"(/greeter-extras-[^/\n]*?)0(\.conda|\.tar\.bz2)", r"\1\2", path.read_text())
    )


def change_manifest(user: CondaUser) -> None:
    path = user.project / "environment.yml"
    stamp = (user.project / "conda-lock.yml").stat().st_mtime - 100
    path.write_text(path.read_text().replace("greeter <2", "greeter <=1.1"))
    os.utime(path, (stamp, stamp))


def cut_lock(user: CondaUser) -> None:
    path = user.project / "conda-lock.yml"
    path.write_text(path.read_text()[: path.stat().st_size // 2].rstrip() + "\n  - [\n")


def merge_lock(user: CondaUser) -> None:
    path = user.project / "conda-lock.yml"
    path.write_text(path.read_text().replace("package:\n", "<<<<<<< HEAD\npackage:\n"))


def be_for_another_machine(user: CondaUser) -> None:
    path = user.project / "conda-lock.yml"
    other = "osx-arm64" if user.channel.platform != "osx-arm64" else "linux-64"
    text = path.read_text()
    path.write_text(text.replace(user.channel.platform, other))


CONDA_FAULTS = [
    Fault("stale", "lock-stale", "W_LOCK_STALE", change_manifest, "paste", ("is stale",)),
    Fault(
        "cut off", "lock-unreadable", "E_LOCK_FILE", cut_lock, "paste", ("conda-lock.yml", "line ")
    ),
    Fault("merged", "lock-unreadable", "E_LOCK_FILE", merge_lock, "paste", ("line ",)),
    Fault(
        "empty", "lock-unreadable", "E_LOCK_FILE", write("conda-lock.yml", ""), "paste", ("empty",)
    ),
    Fault(
        "another machine",
        "lock-platform",
        "E_LOCK_PLATFORM",
        be_for_another_machine,
        "paste",
        ("is not for this machine",),
    ),
    Fault(
        "drifted",
        "environment-drift",
        "W_ENVIRONMENT_DRIFT",
        lose_a_record,
        "asked",
        ("greeter-extras", "is locked, and not installed"),
    ),
    Fault(
        "another build",
        "environment-drift",
        "W_ENVIRONMENT_DRIFT",
        lock_another_build,
        unlock_another_build,
        ("greeter-extras", "is locked,"),
    ),
    Fault(
        "uv.lock",
        "locks-at-odds",
        "W_LOCKS_AT_ODDS",
        write("uv.lock", '[[package]]\nname = "greeter"\nversion = "9.9"\n'),
        "asked",
        ("greeter: 1.1 in conda-lock.yml, 9.9 in uv.lock",),
    ),
]


@brings("W_LOCK_STALE", "E_LOCK_FILE", "E_LOCK_PLATFORM", "W_ENVIRONMENT_DRIFT", "W_LOCKS_AT_ODDS")
@pytest.mark.micromamba
@pytest.mark.parametrize(
    ("code", "fault"), [(f.code, f) for f in CONDA_FAULTS], ids=[f.name for f in CONDA_FAULTS]
)
def test_each_fault_of_locks_in_a_conda_project(user: CondaUser, code: str, fault: Fault) -> None:
    fault.inject(user)
    failure = find_fault(user, fault, {})
    mend_fault(failure, fault)


PIP_PACKAGE = """- name: Water.Level
  version: 1.0
  manager: pip
  platform: PLATFORM
  dependencies: {}
  url: https://host.invalid/water_level-1.0-py3-none-any.whl
  hash:
    sha256: HASH
  category: main
  optional: false
"""


@pytest.mark.micromamba
def test_a_lock_that_changed_is_compared_by_its_packages_also_by_status(user: CondaUser) -> None:
    """More text, or a package of pip that is there, is no fault; one that is not there is."""
    lock = user.project / "conda-lock.yml"
    usual = lock.read_text()
    stamp = lock.stat().st_mtime + 1
    package = PIP_PACKAGE.replace("PLATFORM", user.channel.platform).replace("HASH", "0" * 64)
    (site,) = user.conda.glob("lib/python3.*/site-packages")
    record = site / "water_level-1.0.dist-info"
    states = []
    for text, installed in (("# more\n", ""), (package, "1.0"), (package, "1.1"), (package, "")):
        shutil.rmtree(record, ignore_errors=True)
        record = site / f"water_level-{installed or 'none'}.dist-info"
        if installed:
            record.mkdir()
        lock.write_text(usual + text)
        os.utime(lock, (stamp, stamp))
        found = diagnose(user, "--only", "environment-drift,environment-outdated")["diagnostics"]
        why = found[0]["why"] if found else []
        states.append((why, user.ok("status", "--brief").split()[0]))
    shutil.rmtree(record, ignore_errors=True)
    lock.write_text(usual)
    assert states == [
        ([], "consistent"),
        ([], "consistent"),
        (["water-level 1.0 is locked, 1.1 is installed"], "needs-env"),
        (["water-level 1.0 is locked, and not installed"], "needs-env"),
    ]


@pytest.mark.micromamba
def test_a_lock_that_nobody_may_read_is_made_readable(user: CondaUser) -> None:
    prefix: list[str] = []
    if os.geteuid() == 0:
        drop = "-dac_override,-dac_read_search"
        prefix = [find_program("setpriv"), f"--inh-caps={drop}", f"--bounding-set={drop}"]
    (user.project / "conda-lock.yml").chmod(0)
    command = user.command("doctor", "--json", "--only", "lock-unreadable", "--only", "lock-stale")
    (diagnostic,) = json.loads(user.execute(*prefix, *command).stdout)["diagnostics"]
    assert diagnostic["code"] == "E_LOCK_FILE_READ"
    assert diagnostic["fix"][0]["command"] == ["chmod", "u+r", "conda-lock.yml"]
    command = user.command("doctor", "--fix", "--only", "lock-unreadable")
    result = user.execute(*prefix, *command)
    assert result.returncode == 0, result.stdout
    assert diagnose(user)["diagnostics"] == []
