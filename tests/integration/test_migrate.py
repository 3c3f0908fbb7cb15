"""pyve migrate: the plan, and the project of another tool taken over with its pins; or nothing."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from code_cases import bring, brings, corrects, mends
from conda_channel import CondaChannel, copy_channel
from conda_project import CondaUser
from distributions import make_wheel
from example_channel import example_channel
from local_index import LocalIndex
from lock_user import versions
from pyve_test_helpers import Pyve, snapshot
from sync_user import use_index

__all__ = ["example_channel"]

DISTRIBUTIONS = (
    *(make_wheel("alpha", version) for version in ("1.0.0", "1.1", "2.0")),
    *(make_wheel("beta", version, ["alpha"]) for version in ("1.0", "1.5")),
    make_wheel("gamma", "1.0"),
    make_wheel("numpy", "1.24.0"),
    make_wheel("numpy", "1.26.0"),
)
POETRY = """\
# Ours.
[tool.poetry]
name = "shop"
version = "1.0"
description = "Sells"
authors = ["Ada <ada@example.org>"]

[tool.poetry.dependencies]
python = "^3.9"
beta = "^1.0"  # for the counter

[tool.poetry.group.dev.dependencies]
gamma = "*"
"""
POETRY_LOCK = """\
[[package]]
name = "alpha"
version = "1.0.0"

[[package]]
name = "beta"
version = "1.0"

[[package]]
name = "gone"
version = "3.0"

[[package]]
name = "gamma"
version = "0.5"
"""


def detail(user: Pyve, *words: str) -> dict[str, Any]:
    """Run a command with --json, expect success, and return its detail."""
    found: dict[str, Any] = json.loads(user.ok("--json", *words))["detail"]
    return found


def read(user: Pyve, name: str) -> str:
    """Return the text of a file of the project, with its line ends."""
    return (user.project / name).read_bytes().decode()


def write_poetry(user: Pyve) -> None:
    """Write a project of Poetry."""
    user.write("pyproject.toml", POETRY)
    user.write("poetry.lock", POETRY_LOCK)


# --- the plan


def test_a_plan_is_a_diff_and_writes_nothing(user: Pyve) -> None:
    write_poetry(user)
    before = snapshot(user.project)
    told = user.ok("migrate")
    assert '+dependencies = [\n+    "beta>=1.0,<2",\n+]' in told
    assert "From poetry (pyproject.toml poetry.lock) to pyproject" in told
    assert "4 versions are kept where they are allowed" in told
    found = detail(user, "migrate")
    assert found["source"] == "poetry"
    assert found["dry_run"] is True
    assert found["files"] == ["pyproject.toml"]
    assert found["diff"] in told
    assert snapshot(user.project) == before


def test_no_secret_is_shown_or_written(user: Pyve, index: LocalIndex) -> None:
    url = index.url.replace("://", "://ada:hunter22@")
    user.write("Pipfile", f'[[source]]\nname = "x"\nurl = "{url}"\n[packages]\nalpha = "*"\n')
    result = user("migrate", "--apply")
    assert result.returncode == 0, result.stderr
    everything = result.stdout + result.stderr + user.ok("--json", "migrate")
    assert "hunter22" not in everything
    assert "hunter22" not in read(user, "pyproject.toml") + read(user, "pylock.toml")
    assert "UV_INDEX_X_PASSWORD" in everything


# --- taking over


def test_poetry_is_taken_over_with_its_pins(user: Pyve) -> None:
    write_poetry(user)
    found = detail(user, "migrate", "--apply")
    assert found["kept"] == ["alpha 1.0.0", "beta 1.0"]
    assert found["changed"] == ["gamma 0.5 1.0", "gone 3.0"]
    assert found["next"] == "pyve sync"
    assert versions(user) == {"alpha": "1.0.0", "beta": "1.0", "gamma": "1.0"}
    assert read(user, "pyproject.toml").endswith(POETRY)
    assert read(user, "poetry.lock") == POETRY_LOCK
    user.ok("lock", "--check")
    # Once more there is nothing to do.
    after = read(user, "pyproject.toml"), read(user, "pylock.toml")
    again = detail(user, "migrate", "--apply")
    assert (again["files"], again["diff"]) == ([], "")
    assert (read(user, "pyproject.toml"), read(user, "pylock.toml")) == after


def test_people_are_told_what_was_kept(user: Pyve) -> None:
    write_poetry(user)
    told = user.ok("migrate", "--apply")
    assert "2 of 4 versions were kept" in told
    assert "gone 3.0 is not needed any more" in told
    assert "gamma 0.5 -> 1.0" in told
    assert "Next: pyve sync" in told


def test_a_pipfile_is_taken_over(user: Pyve, index: LocalIndex) -> None:
    text = (
        f'[[source]]\nname = "main"\nurl = "{index.url}"\n'
        '[packages]\nbeta = "*"\n[dev-packages]\ngamma = ">=1"\n'
        '[requires]\npython_version = "3.11"\n'
    )
    user.write("Pipfile", text)
    pins = {"default": {"alpha": {"version": "==1.1"}, "beta": {"version": "==1.0"}}}
    user.write("Pipfile.lock", json.dumps(pins))
    found = detail(user, "migrate", "--apply")
    assert found["read"] == ["Pipfile", "Pipfile.lock"]
    assert versions(user) == {"alpha": "1.1", "beta": "1.0", "gamma": "1.0"}
    assert read(user, "Pipfile") == text
    assert 'requires-python = "==3.11.*"' in read(user, "pylock.toml")


def test_compiled_requirements_are_taken_over(user: Pyve) -> None:
    user.write("requirements.in", "beta\n-c limits.txt\n")
    user.write("limits.txt", "alpha<2\n")
    user.write("requirements.txt", "alpha==1.0.0\nbeta==1.0\n")
    user.write("requirements-dev.txt", "-r requirements.txt\ngamma\n")
    found = detail(user, "migrate", "--apply")
    assert found["kept"] == ["alpha 1.0.0", "beta 1.0"]
    assert 'version = "1.0.0"' in read(user, "pylock.toml")
    assert 'dev = [\n    "gamma",\n]' in read(user, "pyproject.toml")
    assert 'constraint-dependencies = ["alpha<2"]' in read(user, "pyproject.toml")


def test_setup_cfg_is_taken_over(user: Pyve) -> None:
    user.write(
        "setup.cfg",
        "[metadata]\nname = shop\nversion = 1.0\n[options]\npy_modules = shop\n"
        "install_requires =\n    beta<1.5\n[options.extras_require]\nmore = gamma\n",
    )
    user.ok("migrate", "--apply")
    assert versions(user) == {"alpha": "2.0", "beta": "1.0", "gamma": "1.0"}
    assert 'extras = ["more"]' in read(user, "pylock.toml")
    user.ok("lock", "--check")


def test_what_is_installed_is_taken_over(user: Pyve) -> None:
    user.write(".venv/pyvenv.cfg", "version = 3.11.4\n")
    for name, version, needs in (("alpha", "1.1", ""), ("beta", "1.0", "alpha"), ("pip", "1", "")):
        text = f"Name: {name}\nVersion: {version}\n"
        text += f"Requires-Dist: {needs}\n\n" if needs else "\n"
        folder = f".venv/lib/python3.11/site-packages/{name}-{version}.dist-info"
        user.write(f"{folder}/METADATA", text)
    before = snapshot(user.project / ".venv")
    user.ok("migrate", "--apply")
    assert 'dependencies = [\n    "beta",\n]' in read(user, "pyproject.toml")
    assert versions(user) == {"alpha": "1.1", "beta": "1.0"}
    assert snapshot(user.project / ".venv") == before


def test_an_environment_of_conda_is_taken_over(user: Pyve) -> None:
    user.write(".pyve/config", "backend: micromamba  # conda's\n")
    text = "name: lab\ndependencies:\n  - python>=3.9\n  - numpy>=1.20\n  - pip\n  - pip: [beta]\n"
    user.write("environment.yml", text)
    user.write(
        "conda-lock.yml",
        "version: 1\nmetadata:\n  content_hash: {linux-64: " + "0" * 64 + "}\n  channels: []\n"
        "  platforms: [linux-64]\n  sources: [environment.yml]\npackage:\n"
        "- {name: numpy, version: 1.24.0, manager: conda, platform: linux-64, dependencies: {},"
        f" url: 'https://c.example.org/numpy-1.24.0-0.conda', hash: {{md5: '{'0' * 32}'}},"
        " category: main, optional: false}\n",
    )
    found = detail(user, "migrate", "--apply")
    assert found["kept"] == ["numpy 1.24.0"]
    assert versions(user) == {"alpha": "2.0", "beta": "1.5", "numpy": "1.24.0"}
    assert read(user, ".pyve/config").startswith("backend: venv  # conda's\n")
    assert read(user, "environment.yml") == text


def test_requirements_can_be_the_target(user: Pyve) -> None:
    user.write("Pipfile", '[packages]\nbeta = "*"\n[dev-packages]\ngamma = "*"\n')
    user.write("Pipfile.lock", '{"default": {"alpha": {"version": "==1.1"}}}')
    found = detail(user, "migrate", "--to", "requirements", "--apply")
    assert found["files"] == ["requirements.in", "pyproject.toml"]
    assert read(user, "requirements.in").splitlines()[1:] == ["beta"]
    assert versions(user) == {"alpha": "1.1", "beta": "1.5", "gamma": "1.0"}
    user.ok("lock", "--check")


def test_a_project_of_pyve_goes_to_conda_as_a_plan(user: Pyve) -> None:
    user.write("pyproject.toml", '[project]\nname = "a"\nversion = "1"\ndependencies = ["numpy"]\n')
    assert "Nothing to migrate" in user.ok("migrate", "--apply")
    found = detail(user, "migrate", "--to", "conda")
    assert found["files"] == ["environment.yml"]
    assert "+  - numpy\n" in found["diff"]


@pytest.fixture
def conda_user(
    tmp_path: Path, template_cache: Path, example_channel: CondaChannel, index: LocalIndex
) -> Iterator[CondaUser]:
    """A user for whom conda-forge is a folder."""
    user = CondaUser(tmp_path, template_cache, example_channel)
    use_index(user, index, tmp_path / "uv cache")
    user.env["CONDA_CHANNEL_ALIAS"] = example_channel.folder.as_uri()
    user.write(
        "pyproject.toml",
        '[project]\nname = "lab"\nversion = "1"\nrequires-python = ">=3.9"\n'
        'dependencies = ["numpy>=1"]\n',
    )
    yield user
    shutil.rmtree(tmp_path, ignore_errors=True)


@pytest.mark.micromamba
def test_a_project_goes_to_conda_with_a_lock(conda_user: CondaUser) -> None:
    found = detail(conda_user, "migrate", "--to", "conda", "--apply")
    assert found["files"] == ["environment.yml"]
    assert "name: numpy" in read(conda_user, "conda-lock.yml")
    assert read(conda_user, ".pyve/config").startswith("backend: micromamba\n")
    conda_user.ok("lock", "--check")
    # And back, with the versions that it got; [project] says the same.
    back = detail(conda_user, "migrate", "--from", "conda", "--apply")
    assert back["files"] == []
    assert "backend: venv" in read(conda_user, ".pyve/config")


@pytest.mark.micromamba
def test_a_project_that_goes_to_conda_is_told_once(conda_user: CondaUser) -> None:
    done = conda_user("migrate", "--to", "conda", "--apply")
    assert done.returncode == 0
    said = done.stdout + done.stderr
    assert said.count("Wrote conda-lock.yml") == 1
    assert "not found" not in said and "Would" not in said


@pytest.mark.micromamba
def test_conda_keeps_the_versions_that_it_has(
    conda_user: CondaUser, example_channel: CondaChannel, tmp_path: Path
) -> None:
    folder = copy_channel(example_channel, tmp_path / "channels").folder
    old = ""
    for path in folder.glob("conda-forge/*/repodata.json"):
        index = json.loads(path.read_text())
        for packages in (index["packages"], index["packages.conda"]):
            for name, record in list(packages.items()):
                if record["name"] == "numpy":
                    old = record["version"]
                    packages[name.replace(old, "99.0")] = {**record, "version": "99.0"}
        path.write_text(json.dumps(index))
    conda_user.env["CONDA_CHANNEL_ALIAS"] = folder.as_uri()
    conda_user.write("Pipfile", '[packages]\nnumpy = "*"\n')
    pins = {"default": {"numpy": {"version": f"=={old}"}, "gone": {"version": "==1.0"}}}
    conda_user.write("Pipfile.lock", json.dumps(pins))
    found = detail(conda_user, "migrate", "--from", "pipfile", "--to", "conda", "--apply")
    assert found["kept"] == [f"numpy {old}"]
    assert found["changed"] == ["gone 1.0"]
    conda_user.ok("lock", "--upgrade", "numpy")
    assert "version: '99.0'" in read(conda_user, "conda-lock.yml").replace('"', "'")


@pytest.mark.micromamba
def test_what_conda_cannot_solve_changes_nothing(conda_user: CondaUser) -> None:
    text = read(conda_user, "pyproject.toml")
    conda_user.write("pyproject.toml", text.replace("numpy>=1", "numpy>=99"))
    before = snapshot(conda_user.project)
    conda_user.fails("migrate", "--to", "conda", "--apply", code="E_CONDA_MISSING")
    assert snapshot(conda_user.project) == before


# --- all of it or nothing


@pytest.mark.parametrize(
    ("words", "old", "new", "code"),
    [
        ((), 'beta = "^1.0"', 'beta = "^9.0"', "E_RESOLVE_MISSING"),
        ((), 'beta = "^1.0"', 'nothere = "^1"', "E_RESOLVE_MISSING"),
        ((), 'beta = "^1.0"', 'beta = "newest"', "E_MIGRATE_ANSWER"),
        ((), "[tool.poetry]", "[tool.poetry", "E_MANIFEST"),
        (("--offline",), "Ours", "Mine", "E_INDEX_OFFLINE"),
        (("--to", "requirements"), "# Ours.", '[project]\nname = "a"', "E_MIGRATE_TARGET"),
    ],
)
def test_after_a_failure_every_file_is_what_it_was(
    user: Pyve, words: tuple[str, ...], old: str, new: str, code: str
) -> None:
    write_poetry(user)
    user.write("pyproject.toml", POETRY.replace(old, new))
    user.write("environment.yml", "name: lab\n")
    user.write("pylock.toml", 'lock-version = "1.0"\ncreated-by = "x"\npackages = []\n')
    before = snapshot(user.project)
    if code == "E_MANIFEST":
        words = ("--from", "poetry")
    user.fails("migrate", "--from", "poetry", "--apply", *words, code=code)
    assert snapshot(user.project) == before


def test_a_failure_leaves_no_file_where_none_was(user: Pyve) -> None:
    user.write("Pipfile", '[packages]\nbeta = ">1.4"\nalpha = "==9"\n')
    user.write(".pyve/config", "backend: micromamba\n")
    before = snapshot(user.project)
    said = user.fails("migrate", "--apply", code="E_RESOLVE_MISSING")
    assert "fix:" not in said
    assert snapshot(user.project) == before


def test_what_a_killed_migration_wrote_is_put_back(user: Pyve, index: LocalIndex) -> None:
    write_poetry(user)
    before = snapshot(user.project)
    fault = index.add_fault("beta", hold=True)
    try:
        process = subprocess.Popen(
            user.command("migrate", "--apply"),
            cwd=user.project,
            env=user.env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        assert fault.reached.wait(60)
        assert "[project]" in read(user, "pyproject.toml")
        process.kill()
        process.wait()
    finally:
        index.clear_faults()
    user("config")
    user("add", "--dry-run", "gamma")
    assert snapshot(user.project, (".pyve",)) == before


# --- what is refused


@brings("E_MIGRATE_SOURCE")
def test_one_of_several_tools_has_to_be_named(user: Pyve) -> None:
    write_poetry(user)
    user.write("Pipfile", "[packages]\n")
    corrects(
        user,
        "E_MIGRATE_SOURCE",
        "migrate",
        "--to",
        "pyproject",
        fix="pyve migrate --to pyproject --from pipfile",
    )


@pytest.mark.parametrize(
    ("words", "fix"),
    [
        (("--from", "poetri"), "pyve migrate --from poetry"),
        (("--from", "venv"), "pyve migrate --from poetry"),
        (("--from", "pyproject"), "pyve lock"),
    ],
)
def test_a_source_that_is_not_there_gets_another(
    user: Pyve, words: tuple[str, ...], fix: str
) -> None:
    write_poetry(user)
    assert f"fix: {fix}" in user.fails("migrate", *words, code="E_MIGRATE_SOURCE")


def test_a_folder_with_nothing_has_no_source(user: Pyve) -> None:
    assert "fix: pyve init" in user.fails("migrate", code="E_MIGRATE_SOURCE")


def test_options_that_do_not_go_together(user: Pyve) -> None:
    assert "pyve migrate --to conda" in user.fails(
        "migrate", "--to", "cunda", code="E_USAGE_CHOICE"
    )
    user.fails("migrate", "--offline", code="E_USAGE_CONFLICT")


@brings("E_MIGRATE_TARGET")
def test_what_is_there_is_not_overwritten(user: Pyve) -> None:
    user.write("Pipfile", '[packages]\nbeta = "*"\n')
    user.write("pyproject.toml", '[project]\nname = "a"\nversion = "1"\ndependencies = ["gamma"]\n')
    mends(user, "E_MIGRATE_TARGET", "migrate", "--from", "pipfile", "--apply")
    assert (user.project / "pyproject.toml.old").exists()


@brings("E_MIGRATE_ANSWER")
def test_what_has_no_answer_is_left_out_on_demand(user: Pyve) -> None:
    user.write("environment.yml", "dependencies:\n  - beta\n  - r-base\n")
    before = snapshot(user.project)
    failure = bring(user, "E_MIGRATE_ANSWER", "migrate", "--apply")
    assert failure.diagnostic["why"] == [
        "environment.yml, line 3: r-base is no distribution of Python: a venv has no answer to it"
    ]
    assert snapshot(user.project) == before
    failure.apply()
    assert versions(user) == {"alpha": "2.0", "beta": "1.5"}
    user.write("environment.yml", "dependencies:\n  - beta\n")
    failure.check_gone()


@brings("W_MIGRATE", "W_MIGRATE_ANSWER")
def test_a_plan_tells_what_is_another_then(user: Pyve) -> None:
    user.write("environment.yml", "dependencies:\n  - never-heard\n  - r-base\n")
    for code, said in (("W_MIGRATE", "never-heard"), ("W_MIGRATE_ANSWER", "r-base")):
        failure = bring(user, code, "migrate").by_hand(said)
    user.write("environment.yml", "dependencies:\n  - numpy\n")
    for code in ("W_MIGRATE", "W_MIGRATE_ANSWER"):
        failure.code = code
        failure.check_gone()
