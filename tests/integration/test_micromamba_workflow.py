"""The conda backend from end to end, with the built-in engine: init, run, activation, purge."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conda_channel import CondaChannel
from conda_project import CondaUser, find_fixes, parse_variables
from pyve_test_helpers import find_program, need_wheelhouse, snapshot
from shells import Shell, hook_line
from terminal import open_pyve
from traced import agree, explain

pytestmark = pytest.mark.micromamba

# Real names of folders, each with something that a careless program stumbles over.
ODD_FOLDERS = ['it\'s 100% "$HOME" `x` & ü', " [a]; {b} * -", "-x\\ny"]


@pytest.fixture
def make_user(
    tmp_path: Path, template_cache: Path, conda_channel: CondaChannel
) -> Iterator[Callable[[str], CondaUser]]:
    """Makes a user with a project folder of the given name."""
    yield lambda name: CondaUser(tmp_path, template_cache, conda_channel, name)
    shutil.rmtree(tmp_path, ignore_errors=True)


@pytest.fixture
def user(make_user: Callable[[str], CondaUser]) -> CondaUser:
    """A user with an empty project."""
    return make_user("data science ü")


@pytest.fixture(scope="module")
def ready(
    tmp_path_factory: pytest.TempPathFactory, template_cache: Path, conda_channel: CondaChannel
) -> Iterator[CondaUser]:
    """A user whose project has an environment; tests do not change it."""
    need_wheelhouse()
    root = tmp_path_factory.mktemp("ready")
    user = CondaUser(root, template_cache, conda_channel)
    (user.bin / "direnv").symlink_to(find_program("direnv"))
    words = ("python", "greeter", "kettle")
    user.manifest(*words, pip=("iniconfig",), variables={"MODE": "a b %25 ü"})
    user.write(".env", "FROM_ENV='$x in it'\n").chmod(0o600)
    user.ok("init", "--allow")
    yield user
    shutil.rmtree(root, ignore_errors=True)


# --- run


def test_run_hands_the_command_everything_that_is_its_own(ready: CondaUser) -> None:
    result = ready("run", "greet", "a", "--", "-v")
    assert (result.returncode, result.stdout) == (3, "Hello from greeter 2.0 a -- -v\n")
    code = "import sys, iniconfig; print(sys.prefix, iniconfig.__file__); print(sys.stdin.read())"
    folder = ready.project / "deep" / "er"
    folder.mkdir(parents=True, exist_ok=True)
    out = ready.ok("run", "--", "python", "-c", code, cwd=folder, answer="in\n").splitlines()
    assert out[0].startswith(f"{ready.conda} {ready.conda}/lib/")
    assert out[1:] == ["in", ""]
    assert ready("run", "sh", "-c", "kill -TERM $$").returncode == -signal.SIGTERM
    missing = ready("run", "no such command")
    assert (missing.returncode, missing.stdout) == (127, "")
    assert "[E_COMMAND_NOT_FOUND]" in missing.stderr
    assert "environment.yml" in missing.stderr
    # The command takes Pyve's place.
    with subprocess.Popen(
        ready.command("run", "sh", "-c", "echo $$"),
        env=ready.env,
        cwd=ready.project,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert int(process.stdout.read()) == process.pid


def test_run_gives_what_an_activation_gives(ready: CondaUser) -> None:
    before = parse_variables(ready.execute("env", "-0").stdout)
    after = ready.variables()
    own = {"_", "SHLVL", "PWD"}
    changed = {k: v for k, v in after.items() if before.get(k) != v and k not in own}
    prefix = str(ready.conda)
    assert changed == {
        "CONDA_PREFIX": prefix,
        "CONDA_DEFAULT_ENV": "demo",
        "CONDA_SHLVL": "1",
        "CONDA_PROMPT_MODIFIER": "(demo) ",
        "KETTLE_HOME": f"{prefix}/share/kettle",
        "KETTLE_TEMPERATURE": "100",
        "KETTLE_OLD": "",
        "MODE": "a b %25 ü",
        "PATH": f"{prefix}/bin:{before['PATH']}",
        "PYVE_BACKEND": "micromamba",
        "PYVE_ENV_NAME": "demo",
        "PYVE_ENV_PATH": prefix,
    }


def test_a_script_of_a_package_sees_the_callers_own_value(ready: CondaUser) -> None:
    after = ready.variables(KETTLE_TEMPERATURE="37", VIRTUAL_ENV="/x", PYTHONHOME="/x")
    assert (after["KETTLE_OLD"], after["KETTLE_TEMPERATURE"]) == ("37", "100")
    assert "VIRTUAL_ENV" not in after
    assert "PYTHONHOME" not in after


@pytest.mark.requires_direnv
def test_every_way_into_the_environment_sets_the_same(ready: CondaUser) -> None:
    ways = {
        "run": ready.variables(),
        "direnv": ready.variables("direnv", "exec", str(ready.project), "env", "-0"),
        "shell": parse_variables(ready.ok("shell", "bash", answer="env -0\n")),
    }
    with Shell("bash", ready, setup=hook_line("bash")) as shell:
        shell.run(f"cd '{ready.project}'")
        found = shell.environment()
        ways["hook"] = {os.fsdecode(k): os.fsdecode(v) for k, v in found.items()}
        assert shell.prompt() == "(micromamba:demo) "
        shell.run("cd /")
        left = shell.environment()
        assert not [name for name in left if name.startswith((b"CONDA", b"KETTLE", b"PYVE_ENV"))]
    expected = ways["run"]
    for name, value in expected.items():
        if name.startswith(("CONDA_", "KETTLE_", "PYVE_ENV", "PYVE_BACKEND")) or name == "MODE":
            assert {way: seen.get(name) for way, seen in ways.items()} == dict.fromkeys(ways, value)
    for way, seen in ways.items():
        assert seen["PATH"].split(":")[0] == f"{ready.conda}/bin", way
        assert seen["PATH"].count(str(ready.conda)) == 1, way
        assert "VIRTUAL_ENV" not in seen
        assert way == "run" or seen["FROM_ENV"] == "$x in it"


def test_doctor_validate_and_status_know_the_environment(ready: CondaUser) -> None:
    report = ready("doctor")
    assert (report.returncode, report.stderr) == (0, "")
    for line in (
        "✓ Backend: micromamba",
        "✓ Engine: rattler, built in",
        "✓ Environment: .pyve/envs/demo",
        "✓ Name: demo",
        f"✓ Python: {ready.channel.python}",
        f"✓ Packages: {len(ready.packages())}",
        "✓ Environment file: environment.yml",
        "· Lock: missing; pyve lock makes conda-lock.yml",
    ):
        assert line in report.stdout.splitlines()
    validate = ready("validate")
    assert (validate.returncode, validate.stderr) == (0, "")
    assert f"✓ Python: {ready.channel.python}" in validate.stdout
    assert ready.json("doctor")["diagnostics"] == []
    assert f"Environment  .pyve/envs/demo, Python {ready.channel.python}" in ready.ok()


@pytest.mark.linux
@pytest.mark.skipif(sys.platform != "linux", reason="NOT TESTED: strace is for Linux")
def test_explain_foresees_what_a_command_gets(ready: CondaUser) -> None:
    plan = agree(ready, "run", "greet", "a b")
    assert plan["environment"] == {"path": str(ready.conda), "backend": "micromamba"}
    assert plan["interpreter"].startswith(f"{ready.conda}/bin/python") and not plan["steps"]
    sets = {item["name"]: item["value"] for item in plan["sets"]}
    assert sets["KETTLE_HOME"] == f"{ready.conda}/share/kettle"
    # Scripts whose outcome depends on the caller are not run.
    plan = explain(ready, "run", "greet", KETTLE_TEMPERATURE="37")
    assert "the activation scripts" in plan["steps"][0]


def test_the_test_runner_sees_the_packages_and_the_variables(ready: CondaUser) -> None:
    text = "import os, greeter\ndef test_it():\n    assert os.environ['KETTLE_HOME']\n"
    ready.write("tests/test_it.py", text)
    # (It is made when it is needed.)
    assert not ready.testenv.exists()
    result = ready("test", "-q", PYVE_TEST_AUTO_INSTALL_PYTEST="1")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "1 passed" in result.stdout
    # pytest is in the test environment, not in the project's.
    assert ready("run", "python", "-c", "import pytest").returncode == 1


# --- init


def test_init_writes_what_belongs_to_a_project(user: CondaUser) -> None:
    user.manifest("python", "greeter")
    assert f"Made .pyve/envs/demo (Python {user.channel.python}, 2 packages)" in user.ok("init")
    config = (user.project / ".pyve/config").read_text()
    assert "backend: micromamba\n" in config
    assert "  env_name: demo\n" in config
    ignored = (user.project / ".gitignore").read_text().splitlines()
    assert {".pyve/envs", ".pyve/bin", ".envrc", ".env"} <= set(ignored)
    state = user.state()
    assert (state["path"], state["engine"]) == (str(user.conda), "rattler")
    assert state["file"] == "environment.yml"
    assert user.leftovers() == []


def test_init_again_and_update_keep_what_works(user: CondaUser) -> None:
    user.manifest("python", "greeter")
    user.init()
    before = snapshot(user.conda)
    user.manifest("python", "kettle")
    assert "is kept" in user.init("--yes")
    assert "is kept" in user.init("--update")
    assert snapshot(user.conda) == before
    # What changed in the file comes with --force.
    report = user("doctor")
    assert report.returncode == 2
    assert "environment.yml was changed after it was made" in report.stdout
    assert find_fixes(report.stdout) == ["pyve init --force"]
    user.init("--force", "--yes")
    assert user.ok("run", "kettle") == "whistle\n"
    assert user("run", "greet").returncode == 127
    assert user("doctor").returncode == 0


def test_a_force_that_fails_leaves_the_old_environment_at_work(user: CondaUser) -> None:
    user.manifest("python", "greeter", "pip")
    user.init()
    before = snapshot(user.project, skip=(".pyve/state", ".pyve/lock"))
    cases: list[tuple[tuple[str, ...], tuple[str, ...], str]] = [
        (("teapot", "libwater >=1.1"), (), "E_CONDA_CONFLICT"),
        (("samovar",), (), "E_CONDA_CONFLICT"),
        (("no-such-package",), (), "E_CONDA_MISSING"),
        (("python", "tampered"), (), "E_CONDA_HASH"),
        (("python", "torn"), (), "E_CONDA_ARCHIVE"),
        (("python", "vanished"), (), "E_CONDA_MISSING"),
        (("python",), ("idna", "no-such-distribution"), "E_INSTALL_REQUIREMENTS"),
    ]
    old = (user.project / "environment.yml").read_text()
    for dependencies, pip, code in cases:
        user.manifest(*dependencies, pip=pip)
        stderr = user.fails("init", "--force", "--yes", "--no-direnv", code=code)
        # (What environment.yml asks for, a person has to change.)
        assert find_fixes(stderr) or "environment.yml" in stderr or "pyve lock" in stderr, code
        assert user.ok("run", "python", "-c", "import greeter; print(1)") == "1\n"
        user.write("environment.yml", old)
        assert snapshot(user.project, skip=(".pyve/state", ".pyve/lock")) == before, code


def test_force_changes_the_backend_and_removes_the_other_environment(user: CondaUser) -> None:
    user.manifest("python")
    user.init()
    user.init("--force", "--yes", "--backend", "venv")
    assert not user.conda.exists()
    assert user.prefix() == str(user.venv)
    assert "backend: venv\n" in (user.project / ".pyve/config").read_text()
    stderr = user.fails("init", "--update", "--backend", "micromamba", code="E_UPDATE_BACKEND")
    assert "pyve init --force --backend micromamba" in stderr
    user.init("--force", "--yes", "--backend", "micromamba")
    assert not user.venv.exists()
    assert user.prefix() == str(user.conda)
    assert user("doctor").returncode == 0


def test_an_environment_of_another_name_takes_the_place_of_the_old_one(user: CondaUser) -> None:
    user.manifest("kettle")
    user.init()
    user.init("--force", "--yes", "--env-name", "other")
    assert sorted(path.name for path in user.envs.iterdir()) == ["other"]
    assert user.variables()["CONDA_DEFAULT_ENV"] == "other"


@pytest.mark.parametrize(
    ("option", "config", "file", "folder", "expected"),
    [
        ("Mine", "theirs", "demo", "folder", "Mine"),
        ("", "theirs", "demo", "folder", "theirs"),
        ("", "", "Data Science!", "folder", "data-science"),
        ("", "", None, "My Project (2)", "my-project-2"),
        ("", "", None, "2nd", "env-2nd"),
        ("", "", None, "base", "env-base"),
        ("", "", None, "äöü", "env"),
        ("", "", '"42"', "folder", "env-42"),
    ],
)
def test_the_name_comes_from_the_first_that_has_one(
    make_user: Callable[[str], CondaUser],
    option: str,
    config: str,
    file: str | None,
    folder: str,
    expected: str,
) -> None:
    user = make_user(folder)
    user.manifest("libwater", name=file)
    if config:
        user.write(".pyve/config", f"backend: micromamba\nmicromamba:\n  env_name: {config}\n")
    user.init("--yes", *(["--env-name", option] if option else []))
    assert [path.name for path in user.envs.iterdir()] == [expected]
    assert user.variables()["CONDA_DEFAULT_ENV"] == expected


@pytest.mark.parametrize("name", ["base", "Root", "-x", "../x", "a/b", "ü", "x" * 300, "conda"])
def test_names_that_would_do_harm_are_refused_before_anything_is_done(
    user: CondaUser, name: str
) -> None:
    user.manifest("libwater")
    before = snapshot(user.root)
    result = user("init", f"--env-name={name}", "--no-direnv")
    if result.returncode == 0:
        # Made into a name that can be one; never a path.
        (made,) = user.envs.iterdir()
        assert made.name.replace("-", "").isalnum()
        return
    assert result.returncode == 1
    assert "[E_ENV_NAME]" in result.stderr
    assert snapshot(user.root) == before


def test_a_pip_section_is_installed_whole_or_not_at_all(user: CondaUser) -> None:
    need_wheelhouse()
    user.manifest("python", pip=("iniconfig", "no-such-distribution"))
    stderr = user.fails("init", "--no-direnv", code="E_INSTALL_REQUIREMENTS")
    # All that pip said, in the order in which it said it.
    assert "iniconfig" in stderr
    assert "No matching distribution found for no-such-distribution" in stderr
    assert not user.conda.exists()
    assert not (user.project / ".pyve/config").exists()
    assert user.leftovers() == []
    # A line may name files of the project, from the project's folder.
    user.write("more/own.txt", "idna\n")
    user.manifest("python", pip=("iniconfig", "-r more/own.txt"))
    user.init()
    assert user.ok("run", "python", "-c", "import idna, iniconfig; print(1)") == "1\n"
    assert "pip" in user.packages()


def test_an_environment_may_do_without_python(user: CondaUser) -> None:
    user.manifest("kettle")
    assert "(2 packages)" in user.ok("init")
    assert user.ok("run", "kettle") == "whistle\n"
    report = user("doctor")
    assert report.returncode == 0, report.stdout
    assert "· Python: none in the environment" in report.stdout
    assert user("validate").returncode == 0
    assert "add python" in user.fails("test", code="E_PYTHON_MISSING")
    user.bin.joinpath("python3").rename(user.bin / "hidden")
    missing = user("run", "python3")
    assert missing.returncode == 127
    assert "pip install" not in missing.stderr


@pytest.mark.parametrize("folder", ODD_FOLDERS)
def test_a_projects_path_may_be_anything(
    make_user: Callable[[str], CondaUser], folder: str
) -> None:
    user = make_user(folder)
    need_wheelhouse()
    user.manifest("python", "greeter", "kettle", pip=("iniconfig",))
    user.ok("init")
    assert user.prefix() == str(user.conda)
    assert user("run", "greet", "x").returncode == 1
    assert user.variables()["KETTLE_HOME"] == f"{user.conda}/share/kettle"
    # Once more by the long way: with a value of the caller's.
    assert user.variables(KETTLE_OLD="x")["KETTLE_HOME"] == f"{user.conda}/share/kettle"
    shell = parse_variables(user.ok("shell", "bash", answer="env -0\n"))
    assert shell["KETTLE_HOME"] == f"{user.conda}/share/kettle"
    script = 'PATH_add() { PATH=$1:$PATH; }; dotenv() { :; }; . ./.envrc; printf %s "$KETTLE_HOME"'
    assert user.execute("bash", "-eu", "-c", script).stdout == f"{user.conda}/share/kettle"
    assert user("doctor").returncode == 0
    assert not list(user.root.rglob("pwned"))


def test_an_environment_whose_python_is_gone_is_not_run_with_another(user: CondaUser) -> None:
    user.manifest("python", "kettle")
    user.init()
    assert user.prefix() == str(user.conda)
    (user.conda / "bin/python").resolve().unlink()
    for words in (["run", "python", "-c", "print(1)"], ["run", "kettle"], ["test"], ["shell"]):
        stderr = user.fails(*words, code="E_INTERPRETER_GONE")
        assert find_fixes(stderr) == ["pyve init --force"]
    for words in (["doctor"], ["validate"]):
        report = user(*words)
        assert report.returncode == 1
        assert "its Python is gone" in report.stdout + report.stderr
    assert "does not work any more" in user.ok()
    user.fails("init", "--update", "--no-direnv", code="E_CONDA_ENV_BROKEN")
    user.init("--force", "--yes")
    assert user.prefix() == str(user.conda)
    # The packages' records gone: no tool can say what is in there.
    shutil.rmtree(user.conda / "conda-meta")
    user.fails("run", "kettle", code="E_CONDA_ENV_BROKEN")
    assert user("doctor").returncode == user("validate").returncode == 1
    user.init("--force", "--yes")
    assert user("doctor").returncode == 0


def test_purge_removes_all_that_init_made(user: CondaUser) -> None:
    user.manifest("python", "greeter")
    user.ok("init")
    user.ok("purge")
    left = {path.name for path in user.project.iterdir()}
    assert left <= {"environment.yml", ".gitignore"}
    assert ".envrc" not in (user.project / ".gitignore").read_text().splitlines()
    user.fails("run", "greet", code="E_ENV_MISSING")
    user.ok("init")
    assert user("run", "greet").returncode == 0


# --- choosing the backend


def test_a_person_is_asked_when_files_speak_for_both(user: CondaUser) -> None:
    user.manifest("libwater")
    user.write("pyproject.toml", "")
    with open_pyve(user, "init", "--no-direnv") as terminal:
        terminal.wait_for("Which backend")
        terminal.wait_for("2. micromamba")
        terminal.type("2\r")
        assert terminal.wait() == 0
    assert user.conda.is_dir()
    assert "backend: micromamba\n" in (user.project / ".pyve/config").read_text()


def test_without_a_toolchain_and_an_index_nothing_is_begun(user: CondaUser) -> None:
    user.manifest("python")
    before = snapshot(user.project)
    empty = user.root / "empty"
    empty.mkdir()
    user.env.update(PYVE_TOOLCHAIN=str(user.root / "tools"), PIP_FIND_LINKS=empty.as_uri())
    stderr = user.fails("init", "--no-direnv")
    assert "[E_TOOLCHAIN_" in stderr
    assert find_fixes(stderr)
    assert snapshot(user.project) == before
    user.remove_pythons()
    assert "[E_" in user.fails("init", "--no-direnv")
    assert snapshot(user.project) == before
