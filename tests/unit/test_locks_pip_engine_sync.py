"""Environments made equal to a lock by their own pip."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from distributions import make_wheel, write_source
from local_index import LocalIndex
from solving import Project

from pyve_core import HelperError
from pyve_locks.pip_engine_sync import PipSync


@pytest.fixture
def project(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project, and an environment with pip beside it."""
    for name in [key for key in os.environ if key.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    for name, value in {**project.env, "PIP_CONFIG_FILE": os.devnull}.items():
        if value is not None:
            monkeypatch.setenv(name, value)
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "env")], check=True)
    return project


def sync(project: Project, *words: str, offline: bool = False) -> dict[str, str]:
    """Sync; return name -> version of what is installed then."""
    environment = project.root.parent / "env"
    pip = PipSync(environment, project.root, offline)
    lock = project.root / "pylock.toml"
    plan = pip.plan(lock, words)
    assert pip.sync(lock, words) == plan
    said = pip.plan(lock, words)
    assert (said.added, said.removed) == ((), ())
    found = project._list(environment)
    return {name: found[name][0] for name in found if name not in ("pip", "setuptools")}


def test_what_is_chosen_comes_and_the_rest_goes(project: Project, shared_index: LocalIndex) -> None:
    project.ask(
        *("beta", "many", 'winly; sys_platform == "win32"'),
        more='[project.optional-dependencies]\nmore = ["loud[bell]"]\n'
        '[dependency-groups]\ndev = ["newer"]\ndocs = ["built"]\n',
    )
    project.save()
    plain = {"alpha": "1.1", "beta": "1.0", "many": "1.0", "newer": "2.0"}
    assert sync(project) == plain
    shared_index.requests.clear()
    assert sync(project) == plain
    assert shared_index.requests == []
    assert sync(project, "--extra=more") == {**plain, "loud": "1.0", "ring": "1.0"}
    # A group that is named comes in place of those that come unasked.
    del plain["newer"]
    assert sync(project, "--group=docs") == {**plain, "built": "1.0", "ring": "1.0"}


def test_folders_repositories_and_archives(project: Project, shared_index: LocalIndex) -> None:
    root = project.root
    for name in ("own", "near", "tracked"):
        write_source(root / "libs" / name, name, "1.0")
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *words], cwd=root / "libs" / "tracked", check=True)
    project.ask(
        *("own", "near", "tracked"),
        f"alpha @ {shared_index.file_url('alpha-1.0-py3-none-any.whl')}",
        more='[tool.uv.sources]\nown = { path = "libs/own", editable = true }\n'
        'near = { path = "libs/near" }\n'
        f'tracked = {{ git = "{(root / "libs" / "tracked").as_uri()}" }}\n',
    )
    project.save()
    assert sync(project) == {"alpha": "1.0", "near": "1.0", "own": "1.0", "tracked": "1.0"}
    installed = project._list(root.parent / "env")
    assert installed["own"][1] is True
    assert len(installed["tracked"][2]) == 40
    # Only what may have changed since is installed once more.
    pip = PipSync(root.parent / "env", root, False)
    again = pip.plan(root / "pylock.toml", [])
    assert [line.split(" ")[0] for line in again.changed] == ["near"]


def test_a_file_that_was_tampered_with_is_not_installed(project: Project) -> None:
    with LocalIndex(make_wheel("ring", "1.0")) as own:
        project.ask("ring")
        project.save(default_index=own.url)
        own.add_fault("ring-1.0-py3-none-any.whl", tampered=True)
        with pytest.raises(HelperError) as caught:
            sync(project)
    assert caught.value.code == "E_INDEX"


def test_what_the_lock_is_not_for(project: Project) -> None:
    project.ask("ring", python=">=3.9")
    project.save(platforms=("win-64",))
    with pytest.raises(HelperError) as caught:
        sync(project)
    assert caught.value.code == "E_SYNC_PLATFORM"
    text = (project.root / "pylock.toml").read_text(encoding="utf-8")
    project.write("pylock.toml", text.replace('">=3.9"', '">=3.99"', 1))
    with pytest.raises(HelperError) as caught:
        sync(project)
    assert caught.value.code == "E_SYNC_PYTHON"
    assert caught.value.fix == ["pyve init --force --python-version 3.99"]


def test_without_network_only_folders_count(project: Project, tmp_path: Path) -> None:
    project.ask("ring")
    project.save()
    with pytest.raises(HelperError) as caught:
        sync(project, offline=True)
    assert caught.value.code == "E_INDEX_OFFLINE"
    make_wheel("ring", "1.0").write(tmp_path)
    assert sync(project, f"--find-links={tmp_path}", offline=True) == {"ring": "1.0"}


def test_a_login_that_the_index_wants(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalIndex(make_wheel("ring", "1.0"), user="someone", password="open-sesame") as closed:
        project.ask("ring")
        project.save(default_index=closed.url_with_password)
        monkeypatch.setenv("UV_DEFAULT_INDEX", closed.url_with_password)
        assert sync(project) == {"ring": "1.0"}


def test_a_lock_asks_for_nothing_by_its_line_ends(project: Project) -> None:
    project.ask("ring")
    project.save()
    text = (project.root / "pylock.toml").read_text(encoding="utf-8")
    project.write("pylock.toml", re.sub(r'sha256 = "[^"]*', r"\g<0>\\n--pre", text))
    with pytest.raises(HelperError) as caught:
        sync(project)
    assert caught.value.code == "E_LOCK_FILE"
