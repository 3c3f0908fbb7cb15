"""Each code about a conda project's files, name and environment: brought about, mended, gone."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from code_cases import bring, brings, mends
from conda_channel import CondaChannel
from conda_codes import INIT, add_micromamba, bring_helper, check_helper
from conda_project import CondaUser
from pyve_test_helpers import snapshot

pytestmark = pytest.mark.micromamba


@pytest.fixture
def user(tmp_path: Path, template_cache: Path, conda_channel: CondaChannel) -> Iterator[CondaUser]:
    """A user with a project that asks for one small package, and no conda tool."""
    user = CondaUser(tmp_path, template_cache, conda_channel)
    user.manifest("libwater")
    yield user
    shutil.rmtree(tmp_path, ignore_errors=True)


# --- environment.yml


@brings("E_ENVIRONMENT_FILE")
def test_environment_yml_is_wrong(user: CondaUser) -> None:
    text = (user.project / "environment.yml").read_text()
    user.write("environment.yml", text + "name: again\n")
    failure = bring(user, "E_ENVIRONMENT_FILE", *INIT)
    failure.by_hand("environment.yml, line 6, column 1", "'name' is here twice", "line 1")
    user.write("environment.yml", text)
    failure.check_gone()


@brings("E_ENVIRONMENT_FILE_READ")
def test_a_helper_cannot_read_environment_yml(user: CondaUser) -> None:
    file = user.project / "environment.yml"
    text = file.read_text()
    file.unlink()
    file.mkdir()
    read = ("environment_file", "environment", "--file", "environment.yml")
    failure = bring_helper(user, "E_ENVIRONMENT_FILE_READ", *read)
    failure.by_hand("cannot read environment.yml", "Is a directory", "has to be a file")
    file.rmdir()
    file.write_text(text)
    check_helper(failure)


@brings("E_ENV_FILE_MISSING")
def test_there_is_no_environment_yml(user: CondaUser) -> None:
    (user.project / "environment.yml").unlink()
    words = (*INIT, "--backend", "micromamba")
    failure = bring(user, "E_ENV_FILE_MISSING", *words)
    failure.says("environment.yml", "conda-lock.yml")
    failure.apply()
    assert (user.venv / "pyvenv.cfg").exists()
    # And to lock, an environment.yml has to be there.
    shutil.rmtree(user.project)
    user.project.mkdir()
    user.write(".pyve/config", "backend: micromamba\n")
    failure = bring(user, "E_ENV_FILE_MISSING", "lock", "--check")
    failure.says(str(user.project)).apply()
    failure.check_gone(others=("E_LOCK_MISSING",))


@brings("E_ENV_FILE_READ", "E_ENV_FILE_FORM", "E_ENV_FILE_EMPTY")
@pytest.mark.parametrize("code", ["E_ENV_FILE_READ", "E_ENV_FILE_FORM", "E_ENV_FILE_EMPTY"])
def test_environment_yml_cannot_be_used(user: CondaUser, code: str) -> None:
    file = user.project / "environment.yml"
    text = file.read_text()
    if code == "E_ENV_FILE_READ":
        file.unlink()
        file.symlink_to("gone.yml")
        said = "gone"
    elif code == "E_ENV_FILE_EMPTY":
        file.write_text("\n")
        said = "environment.yml is empty"
    else:
        file.write_text(text + "variables:\n\tA: b\n")
        said = "line 7 begins with a tab"
    failure = bring(user, code, *INIT, "--backend", "micromamba")
    failure.by_hand(said)
    file.unlink()
    file.write_text(text)
    failure.check_gone()


@brings("E_ENV_FILE_READ")
def test_environment_yml_may_not_be_read(user: CondaUser) -> None:
    file = user.project / "environment.yml"
    file.chmod(0)
    if os.access(file, os.R_OK):
        pytest.skip("NOT TESTED: nothing is forbidden to this user")
    mends(user, "E_ENV_FILE_READ", *INIT, fix=f"chmod u+r '{file}'")


@brings("W_ENVIRONMENT_FILE")
def test_a_key_of_environment_yml_is_misspelt(user: CondaUser) -> None:
    user.write("environment.yml", (user.project / "environment.yml").read_text() + "varables: {}\n")
    failure = bring(user, "W_ENVIRONMENT_FILE", *INIT)
    failure.by_hand("environment.yml, line 6", "'varables'", "did you mean 'variables'?")
    user.manifest("libwater")
    failure.check_gone()


@brings("W_ENV_FILE_DEPENDENCIES")
def test_environment_yml_names_nothing(user: CondaUser) -> None:
    user.write("environment.yml", f"name: demo\nchannels:\n  - {user.channel.main}\n")
    failure = bring(user, "W_ENV_FILE_DEPENDENCIES", *INIT)
    failure.by_hand("environment.yml names no dependencies")
    user.manifest("libwater")
    failure.check_gone()


@brings("W_ENV_FILE_FORM")
def test_the_name_in_environment_yml_takes_a_parser(user: CondaUser) -> None:
    text = (user.project / "environment.yml").read_text()
    user.write("environment.yml", text.replace("name: demo", "name: !!str demo"))
    failure = bring(user, "W_ENV_FILE_FORM", *INIT)
    failure.says("environment.yml", "YAML parser")
    shutil.rmtree(user.project / ".pyve")
    failure.apply()
    failure.check_gone()


# --- names


@brings("E_ENV_NAME")
@pytest.mark.parametrize("name", ["base", "ü", "n" * 250])
def test_the_name_cannot_be_an_environments(user: CondaUser, name: str) -> None:
    user.manifest("libwater", name=name)
    failure = bring(user, "E_ENV_NAME", *INIT)
    failure.says("250 characters" if len(name) > 9 else f"'{name}'")
    failure.apply()
    failure.check_gone()


@brings("E_UPDATE_NAME")
def test_an_update_would_change_the_name(user: CondaUser) -> None:
    user.init()
    failure = bring(user, "E_UPDATE_NAME", *INIT, "--update", "--env-name", "other")
    failure.says("demo", "other").apply(answer="y\n")
    failure.check_gone()
    assert [path.name for path in user.envs.iterdir()] == ["other"]


@brings("E_UPDATE_BACKEND")
def test_an_update_would_change_the_backend(user: CondaUser) -> None:
    user.init()
    failure = bring(user, "E_UPDATE_BACKEND", *INIT, "--update", "--backend", "venv")
    failure.says("micromamba", "venv").apply(answer="y\n")
    failure.check_gone()


# --- engines


@brings("E_ENGINE_MISSING", "E_ENGINE_UNKNOWN")
@pytest.mark.parametrize(
    ("code", "engine"), [("E_ENGINE_MISSING", "mamba"), ("E_ENGINE_UNKNOWN", "poetry")]
)
@pytest.mark.parametrize("how", ["option", "config"])
def test_the_engine_is_not_to_be_had(user: CondaUser, code: str, engine: str, how: str) -> None:
    words: tuple[str, ...] = INIT
    asks = "--engine"
    if how == "option":
        words = (*INIT, "--engine", engine)
    else:
        user.write(".pyve/config", f"backend: micromamba\nmicromamba:\n  engine: {engine}\n")
        words = (*INIT, "--update")
        asks = "micromamba.engine of .pyve/config"
    failure = bring(user, code, *words)
    failure.says(engine, asks).apply()
    if how == "option":
        assert user.conda.is_dir()
        failure.count_as_gone()
    else:
        failure.check_gone()
    failure = bring(user, code, "lock", "--engine", engine)
    failure.apply()
    assert (user.project / "conda-lock.yml").exists()


@brings("E_CONDA_PATH")
def test_the_path_breaks_what_a_program_makes(user: CondaUser) -> None:
    add_micromamba(user)
    user.project = user.project.rename(user.root / "it's $5")
    failure = bring(user, "E_CONDA_PATH", *INIT)
    failure.says("it's $5", "micromamba")
    assert failure.fixes[0].text == "pyve init --engine rattler"
    failure.apply()
    failure.check_gone(CI="1")


@brings("E_CONDA_CREATE")
@pytest.mark.parametrize("how", ["solve", "lie"])
def test_a_program_makes_no_environment(user: CondaUser, how: str) -> None:
    path = add_micromamba(user)
    failure = bring(user, "E_CONDA_CREATE", *INIT, STAND_IN_FAIL=how)
    failure.says(str(path))
    assert failure.fixes[0].text == "pyve init --engine rattler"
    failure.apply()
    assert "libwater" in user.packages()
    failure.check_gone(CI="1")
    # The same for one that is there: it stays until the new one is whole.
    user.ok(*INIT, "--force", "--yes", "--engine", "micromamba")
    before = snapshot(user.conda)
    again = bring(user, "E_CONDA_CREATE", *INIT, "--force", "--yes", STAND_IN_FAIL=how)
    assert snapshot(user.conda) == before
    again.apply(answer="y\n")
    again.check_gone()


# --- the environment


@brings("E_CONDA_ENV_BROKEN")
@pytest.mark.parametrize("command", ["run", "init"])
def test_the_environment_is_not_whole(user: CondaUser, command: str) -> None:
    user.init()
    shutil.rmtree(user.conda / "conda-meta")
    words = ("run", "true") if command == "run" else (*INIT, "--update")
    failure = bring(user, "E_CONDA_ENV_BROKEN", *words)
    failure.says(".pyve/envs/demo", "conda environment" if command == "run" else "conda-meta")
    failure.apply(answer="y\n")
    failure.check_gone()


@brings("E_CONDA_STATE")
def test_the_variables_of_the_environment_cannot_be_read(user: CondaUser) -> None:
    user.init()
    state = user.conda / "conda-meta/state"
    state.write_text("{env_vars")
    failure = bring(user, "E_CONDA_STATE", "run", "true")
    failure.says(str(state), "line 1 column 2").apply(answer="y\n")
    failure.check_gone()


@brings("E_CONDA_ACTIVATION")
@pytest.mark.parametrize("owner", ["nobody", "package"])
def test_a_script_ends_the_activation(user: CondaUser, owner: str) -> None:
    user.manifest("kettle")
    user.init()
    folder = user.conda / "etc/conda/activate.d"
    script = folder / ("kettle.sh" if owner == "package" else "mine.sh")
    script.unlink(missing_ok=True)
    script.write_text("echo no water >&2\nexit 3\n")
    failure = bring(user, "E_CONDA_ACTIVATION", "run", "true")
    failure.says(str(script), "no water")
    assert ("package kettle-2.0-" in failure.why) == (owner == "package")
    failure.apply()
    failure.check_gone()
    assert not script.exists()
