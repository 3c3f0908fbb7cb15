"""action.yml, the pipelines in docs/ci-cd-examples.md, and the hooks for pre-commit.

The shell of every step is run as the host would: with its variables, its files for outputs, and the
options of its shells. What hosts bring themselves (caches, checkouts) is left out.
"""

from __future__ import annotations

import os
import re
import subprocess
from typing import Any

import pytest
import yaml
from conda_channel import CondaChannel, conda_channel
from doc_blocks import read_blocks
from example_channel import example_channel
from pyve_test_helpers import TREE, Pyve, need_wheelhouse, real_python, series

__all__ = ["conda_channel", "example_channel"]

ACTION = yaml.safe_load((TREE / "action.yml").read_text(encoding="utf-8"))
DOCUMENT = TREE / "docs" / "ci-cd-examples.md"


class Runner:
    """A machine of a CI system, with the project checked out."""

    def __init__(self, pyve: Pyve, channel: CondaChannel | None = None) -> None:
        self.pyve = pyve
        self.log = ""
        self.paths = pyve.root / "path file"
        self.outputs = pyve.root / "output file"
        self.variables = pyve.root / "variables file"
        for file in (self.paths, self.outputs, self.variables):
            file.touch()
        pyve.env.update(
            CI="true",
            RUNNER_OS="Linux",
            RUNNER_TEMP=str(pyve.root / "runner temp"),
            GITHUB_ACTION_PATH=str(TREE),
            GITHUB_PATH=str(self.paths),
            GITHUB_OUTPUT=str(self.outputs),
            GITHUB_ENV=str(self.variables),
            GITHUB_WORKSPACE=str(pyve.project),
        )
        if channel:
            pyve.env["CONDA_CHANNEL_ALIAS"] = channel.folder.as_uri()

    def run(self, script: str, cwd: str = ".", **env: str) -> int:
        """Run the script of a step; return its status."""
        env["PATH"] = os.pathsep.join(
            [*reversed(self.paths.read_text().split("\n")[:-1]), self.pyve.env["PATH"]]
        )
        lines = self.variables.read_text().splitlines()
        env.update(line.split("=", 1) for line in lines)
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
        result = self.pyve.execute(*command, cwd=self.pyve.project / cwd, **env)
        self.log += result.stdout + result.stderr
        return result.returncode

    def use(self, **inputs: str) -> int:
        """Use the action with these inputs ("_" stands for "-"); return the status of the job."""
        values = {name: str(value["default"]) for name, value in ACTION["inputs"].items()}
        values.update({name.replace("_", "-"): value for name, value in inputs.items()})

        def fill(text: str) -> str:
            return re.sub(r"\$\{\{ inputs\.([a-z-]+) \}\}", lambda match: values[match[1]], text)

        for step in ACTION["runs"]["steps"]:
            condition = re.fullmatch(r"inputs\.([a-z-]+) == 'true'", step.get("if", ""))
            if "run" not in step or (condition and values[condition[1]] != "true"):
                continue
            env = {name: fill(value) for name, value in step.get("env", {}).items()}
            status = self.run(step["run"], fill(step.get("working-directory", ".")), **env)
            if status:
                return status
        return 0

    def get_outputs(self) -> dict[str, str]:
        """Return what steps have said."""
        return dict(line.split("=", 1) for line in self.outputs.read_text().splitlines())


@pytest.mark.venv
def test_the_action_makes_a_venv_and_puts_pyve_on_path(pyve: Pyve) -> None:
    runner = Runner(pyve)
    folder = pyve.project / "app of mine"
    folder.mkdir()
    version = series(pyve.execute(real_python(), "-V").stdout.split()[1])
    before = {path.name for path in pyve.home.iterdir()}
    assert runner.use(working_directory="app of mine", python_version=version) == 0, runner.log
    assert runner.get_outputs()["environment"] == str(folder / ".venv")
    assert runner.run("pyve run python -c 'import sys; print(sys.prefix)'", "app of mine") == 0
    assert f"{folder}/.venv" in runner.log
    assert not (folder / ".envrc").exists()
    # No rc file, nothing in ~/.local/bin: only Pyve's own folders.
    assert {path.name for path in pyve.home.iterdir()} - before <= {".local", ".cache"}
    assert not (pyve.home / ".local" / "bin").exists()


@pytest.mark.micromamba
def test_the_action_makes_a_conda_environment_from_a_current_lock_only(
    pyve: Pyve, example_channel: CondaChannel
) -> None:
    pyve.copy_example("data-science")
    runner = Runner(pyve, example_channel)
    assert runner.use(strict="true") == 1
    assert "[E_LOCK_MISSING]" in runner.log
    pyve.ok("lock")
    assert runner.use(strict="true", engine="rattler") == 0, runner.log
    assert runner.get_outputs()["environment"] == str(pyve.project / ".pyve/envs/nile")


def test_what_is_in_an_input_is_never_a_command(pyve: Pyve) -> None:
    runner = Runner(pyve)
    assert runner.use(python_version="3.12; touch owned $(touch owned) `touch owned`") == 1
    assert "[E_PYTHON_VERSION_INVALID]" in runner.log
    assert not (pyve.project / "owned").exists()
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step.get("run", "")


def test_without_init_the_action_only_installs(pyve: Pyve) -> None:
    runner = Runner(pyve)
    assert runner.use(init="false") == 0
    assert runner.run("pyve --version") == 0
    assert not list(pyve.project.iterdir())
    outputs = runner.get_outputs()
    assert outputs["data"] == str(pyve.home / ".local/share/pyve")
    assert outputs["tools"].isdigit()


def test_on_windows_the_action_says_that_pyve_does_not_run_there(pyve: Pyve) -> None:
    runner = Runner(pyve)
    pyve.env["RUNNER_OS"] = "Windows"
    assert runner.use() == 1
    assert "::error::Pyve runs on Linux and macOS" in runner.log


def test_every_input_of_the_action_is_used_and_described() -> None:
    text = (TREE / "action.yml").read_text()
    table = DOCUMENT.read_text()
    for name in ACTION["inputs"]:
        assert f"inputs.{name}" in text
        assert f"`{name}`" in table


def pipelines() -> list[Any]:
    """Return the pipelines in the document, by the number of the line."""
    blocks = read_blocks(DOCUMENT.read_text(encoding="utf-8"))
    found = [(block.line, yaml.safe_load(block.text)) for block in blocks if block.tag == "yaml"]
    return [pytest.param(job, id=f"line-{line}") for line, job in found if "repos" not in job]


def commit_project(pyve: Pyve) -> None:
    """Commit the project, as the branch that a pull request is for; gh looks at the comment."""
    pyve.env.update(GITHUB_BASE_REF="main", NUMBER="7", GIT_CONFIG_GLOBAL=os.devnull)
    name = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    for words in (
        ["init", "--quiet"],
        ["add", "--all"],
        [*name, "commit", "--quiet", "--message", "base"],
        ["update-ref", "refs/remotes/origin/main", "HEAD"],
    ):
        assert pyve.execute("git", *words).returncode == 0
    pyve.add_program("gh", '#!/bin/sh\n[ "$3" = 7 ] && grep -q "^[*][*]" lock.md\n')


@pytest.mark.slow
@pytest.mark.parametrize("pipeline", pipelines())
def test_the_pipelines_in_the_documents_do_what_they_say(
    pyve: Pyve, example_channel: CondaChannel, pipeline: dict[str, Any]
) -> None:
    need_wheelhouse()
    text = str(pipeline)
    pyve.copy_example("data-science" if "change_point.py" in text else "greeter-package")
    runner = Runner(pyve, example_channel)
    if any(word in text for word in ("strict", "pyve sync", "pyve lock")):
        (pyve.bin / "uv").symlink_to(TREE / ".dev" / "bin" / "uv")
        pyve.ok("lock", XDG_CACHE_HOME=str(pyve.root / "cache of another machine"))
    if "lock diff" in text:
        commit_project(pyve)
    if "jobs" in pipeline:
        (job,) = pipeline["jobs"].values()
        for step in job["steps"]:
            if step.get("with", {}).get("path") == "pyve-tool":
                (pyve.project / "pyve-tool").mkdir()
                (pyve.project / "pyve-tool" / "pyve.sh").symlink_to(TREE / "pyve.sh")
            elif step.get("uses", "").startswith("OWNER/pyve@"):
                given = {name.replace("-", "_"): value for name, value in step["with"].items()}
                if "matrix" in given.get("python_version", ""):
                    given["python_version"] = ""
                assert runner.use(**given) == 0, runner.log
            elif "run" in step:
                assert runner.run(step["run"]) == 0, runner.log
        return
    variables = {"CI_PROJECT_DIR": str(pyve.project), "PYVE_REPOSITORY": str(TREE)}
    for name, value in pipeline.pop("variables").items():
        variables[name] = value.replace("$CI_PROJECT_DIR", str(pyve.project))
    (job,) = pipeline.values()
    # A clone has what was committed; this is about the tree as it is.
    pyve.add_program("git", f'#!/bin/sh\nfor last; do :; done\nln -s "{TREE}" "$last"\n')
    script = "\n".join([*job["before_script"], *job["script"]])
    bin_folder = "/usr/local/bin/"
    assert bin_folder in script
    script = script.replace(bin_folder, f"'{pyve.bin}'/")
    assert runner.run(script, **variables) == 0, runner.log
    assert not (pyve.home / ".cache" / "pyve").exists()


def run_hook(pyve: Pyve, name: str) -> subprocess.CompletedProcess[str]:
    """Run a hook as pre-commit runs those of the language "script"."""
    hooks = yaml.safe_load((TREE / ".pre-commit-hooks.yaml").read_text())
    (hook,) = [hook for hook in hooks if hook["id"] == name]
    assert hook["language"] == "script"
    command, *words = hook["entry"].split()
    return pyve.execute(TREE / command, *words)


@pytest.mark.micromamba
def test_the_hooks_for_pre_commit_say_what_is_stale(
    pyve: Pyve, example_channel: CondaChannel
) -> None:
    pyve.copy_example("data-science")
    pyve.env["CONDA_CHANNEL_ALIAS"] = example_channel.folder.as_uri()
    assert run_hook(pyve, "pyve-lock").returncode == 1
    pyve.ok("lock")
    assert run_hook(pyve, "pyve-lock").returncode == 0
    assert run_hook(pyve, "pyve-validate").returncode == 1
    pyve.init()
    assert run_hook(pyve, "pyve-validate").returncode == 0
    with open(pyve.project / "environment.yml", "a") as manifest:
        manifest.write("  - kettle\n")
    stale = run_hook(pyve, "pyve-lock")
    assert stale.returncode == 1
    assert "[E_LOCK_STALE]" in stale.stderr


def test_the_file_of_the_hooks_has_what_pre_commit_asks_for() -> None:
    hooks = yaml.safe_load((TREE / ".pre-commit-hooks.yaml").read_text())
    for hook in hooks:
        assert {"id", "name", "entry", "language"} <= set(hook)
        assert os.access(TREE / hook["entry"].split()[0], os.X_OK)
