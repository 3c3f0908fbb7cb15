"""Solving by pip: the same packages as by uv, for this machine; the same codes when it fails."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conflicting_sets import CASES, Case, shared_index
from distributions import make_wheel, write_source
from local_index import LocalIndex
from solving import Project, explain, markers, package, versions

from pyve_core import HelperError
from pyve_locks.lock_file import LockFile, format_lock
from pyve_locks.pip_engine import find_platform, read_time
from pyve_locks.pip_engine_run import explain_pip, write_direct
from pyve_locks.pip_engine_words import read_pip_words

__all__ = ["shared_index"]

PIP = (sys.executable, "-I", "-X", "utf8", "-m", "pip")
HERE = "{}.{}".format(*sys.version_info)


@pytest.fixture
def project(cached_project: Project) -> Project:
    cached_project.env["PIP_CONFIG_FILE"] = os.devnull
    return cached_project


def fail(project: Project, **options: Any) -> HelperError:
    """Solve by pip what has no solution."""
    return explain(project, pip=PIP, **options)


def test_the_same_as_by_uv_but_for_here_only(project: Project) -> None:
    project.ask(
        *("beta", "loud[bell]", "many", "built", 'winly; sys_platform == "win32"'),
        more='[project.optional-dependencies]\nmore = ["newer"]\nall = ["shop[more]", "horn"]\n'
        '[dependency-groups]\ndev = ["newer", "tomlish", "alpha"]\n',
    )
    lock = project.save(pip=PIP)
    by_uv = project.lock(platforms=(find_platform(),), python=f"=={HERE}.*")
    assert versions(lock) == versions(by_uv)
    for one in lock.packages:
        other = package(by_uv, one["name"])
        assert one.get("dependencies") == other.get("dependencies")
        (file,) = one.get("wheels") or (one["sdist"],)
        known = [*other.get("wheels", ()), other.get("sdist")]
        assert (file["url"], file["hashes"]) in [(f["url"], f["hashes"]) for f in known if f]
    by = "'all' in extras or 'more' in extras or 'dev' in dependency_groups"
    assert markers(lock, "newer") == {"2.0": by}
    assert markers(lock, "horn") == {"1.0": "'all' in extras"}
    assert markers(lock, "alpha") == {"1.1": ""}
    assert lock["requires-python"] == f"=={HERE}.*"
    assert lock.pyve["platforms"] == [find_platform()]
    for key in ("environments", "extras", "dependency-groups", "default-groups"):
        assert lock[key] == by_uv[key]
    # The next time, and whatever is newer by then.
    assert format_lock(project.lock(pip=PIP, preferences=lock)) == format_lock(lock)
    found = project.install_by_uv("extra:more")
    assert {"alpha", "newer"} <= set(found)
    assert "horn" not in found
    assert set(project.install_by_pip("extra:more")) == set(found)


def test_folders_repositories_archives_and_sources(
    project: Project, shared_index: LocalIndex
) -> None:
    root = project.root
    write_source(root / "libs" / "own", "own", "1.0", ["ring"])
    write_source(root / "libs" / "near", "near", "1.0")
    write_source(root / "libs" / "tracked", "tracked", "1.0")
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *words], cwd=root / "libs" / "tracked", check=True, env=project.env)
    project.ask(
        *("own", "near", "tracked"),
        f"alpha @ {shared_index.file_url('alpha-1.0-py3-none-any.whl')}",
        more='[tool.uv.sources]\nown = { path = "libs/own", editable = true }\n'
        'near = { path = "libs/near" }\n'
        f'tracked = {{ git = "{(root / "libs" / "tracked").as_uri()}" }}\n',
    )
    lock = project.lock(pip=PIP)
    assert package(lock, "own")["directory"] == {"path": "libs/own", "editable": True}
    assert package(lock, "near")["directory"] == {"path": "libs/near"}
    assert re.fullmatch("[0-9a-f]{40}", package(lock, "tracked")["vcs"]["commit-id"])
    assert set(package(lock, "alpha")["archive"]) == {"url", "hashes"}
    by_uv = project.lock(platforms=(find_platform(),), python=f"=={HERE}.*")
    assert [p["name"] for p in lock.packages] == [p["name"] for p in by_uv.packages]
    for name in ("own", "near", "tracked"):
        for key in ("directory", "vcs"):
            assert package(lock, name).get(key) == package(by_uv, name).get(key)


def test_what_is_kept_and_what_moves(project: Project) -> None:
    with LocalIndex(make_wheel("alpha", "1.0"), make_wheel("ring", "1.0")) as old:
        project.ask("alpha", "ring")
        first = project.lock(pip=PIP, environ=dict(old.env))
    assert versions(project.lock(pip=PIP, preferences=first)) == ["alpha 1.0", "ring 1.0"]
    moved = project.lock(pip=PIP, preferences=first, upgrade_names=("Alpha",))
    assert versions(moved) == ["alpha 2.0", "ring 1.0"]
    assert versions(project.lock(pip=PIP, preferences=first, upgrade=True)) == versions(moved)
    # What another one needs goes before what is there.
    project.ask("alpha", "ring", "gamma")
    kept = project.lock(pip=PIP, preferences=first)
    assert versions(kept) == ["alpha 2.0", "gamma 1.0", "ring 1.0"]


def test_constraints_pre_releases_times_and_folders(project: Project, tmp_path: Path) -> None:
    project.ask("alpha", more='[tool.uv]\nconstraint-dependencies = ["alpha<2"]\n')
    assert versions(project.lock(pip=PIP)) == ["alpha 1.1"]
    project.ask("alpha")
    assert versions(project.lock(pip=PIP, prerelease=True)) == ["alpha 3.0rc1"]
    project.ask("dated")
    assert versions(project.lock(pip=PIP, exclude_newer="2024-03-01")) == ["dated 1.0"]
    assert project.lock(pip=PIP, exclude_newer="2024-03-01").pyve["exclude-newer"] == "2024-03-01"
    links = tmp_path / "a folder"
    links.mkdir()
    make_wheel("alone", "1.0").write(links)
    project.ask("alone")
    lock = project.lock(pip=PIP, find_links=(str(links),), offline=True)
    assert package(lock, "alone")["wheels"][0]["path"] == "../a folder/alone-1.0-py3-none-any.whl"
    project.ask("alone", "ring")
    error = fail(project, find_links=(str(links),), offline=True)
    assert error.code == "E_INDEX_OFFLINE"


@pytest.mark.parametrize(
    ("more", "options", "says"),
    [
        ("", {"platforms": ("win-64",)}, "win-64 is asked for, too"),
        ("", {"indexes": ("https://user:secret@example.org/simple",)}, "whoever uploaded it"),
        ('[tool.uv]\noverride-dependencies = ["alpha"]\n', {}, "overrides"),
        (
            '[[tool.uv.index]]\nname = "other"\nurl = "https://example.org/simple"\n'
            "explicit = true\n[tool.uv.sources]\nalpha = { index = 'other' }\n",
            {},
            "alpha is from an index of its own",
        ),
        (
            "[project.optional-dependencies]\na = []\nb = []\n[tool.uv]\n"
            'conflicts = [[{ extra = "a" }, { extra = "b" }]]\n',
            {},
            "exclude each other",
        ),
    ],
)
def test_what_pip_cannot_is_refused(
    project: Project, shared_index: LocalIndex, more: str, options: dict[str, Any], says: str
) -> None:
    asked = len(shared_index.requests)
    project.ask("alpha", more=more)
    error = fail(project, **options)
    assert error.code == "E_RESOLVE_ENGINE"
    assert says in " ".join(error.why)
    assert "secret" not in " ".join(error.why)
    assert len(shared_index.requests) == asked


def test_a_further_index_of_pips_own_configuration_is_refused(
    project: Project, tmp_path: Path
) -> None:
    config = tmp_path / "pip.conf"
    config.write_text("[global]\nextra-index-url = https://example.org/simple\n")
    project.env["PIP_CONFIG_FILE"] = str(config)
    project.ask("alpha")
    error = fail(project)
    assert (error.code, "example.org" in " ".join(error.why)) == ("E_RESOLVE_ENGINE", True)


def test_a_python_that_is_not_locked_for(project: Project) -> None:
    project.ask("ring", python=">=3.99")
    error = fail(project)
    assert error.code == "E_RESOLVE_PYTHON"
    assert error.fix == ["pyve init --force --python-version 3.99"]


def test_passwords_are_not_among_the_arguments_nor_in_the_lock(tmp_path: Path) -> None:
    with LocalIndex(make_wheel("ring", "1.0"), user="someone", password="open-sesame") as closed:
        project = Project.make(tmp_path, {**closed.env, "PIP_CONFIG_FILE": os.devnull})
        project.ask("ring")
        lock = project.lock(pip=PIP, default_index=closed.url_with_password)
        assert "open-sesame" not in format_lock(lock)
        record = tmp_path / "words"
        program = tmp_path / "pip"
        program.write_text(f'#!/bin/sh\necho "$@" >>"{record}"\nexec {" ".join(PIP)} "$@"\n')
        program.chmod(0o755)
        project.lock(pip=(str(program),), default_index=closed.url_with_password)
        assert "open-sesame" not in record.read_text()
        error = fail(project, default_index=closed.url)
        assert error.code == "E_INDEX_AUTH"
        assert "open-sesame" not in " ".join(error.why)


def pick(*names: str) -> list[Case]:
    """Give the cases of these names."""
    found = [case for case in CASES if case.name in names]
    assert len(found) == len(names)
    return found


# Of each kind some: each takes seconds.
TOLD = pick(
    "diamond: three deep",
    "diamond: the project is one side",
    "asked for twice",
    "a group",
    "an extra of a dependency",
    "a constraint",
    "Python: none here is new enough",
    "platform: an older version has wheels",
    "missing: asked for by another one",
    "missing: no such version",
    "misspelt",
    "build: a newer version has a wheel",
)


@pytest.mark.parametrize("case", TOLD, ids=lambda case: case.name)
def test_the_same_is_said_as_with_uv(project: Project, case: Case) -> None:
    project.ask(*case.asked, more=case.more, python=case.python)
    error = fail(project, **case.options)
    said = [re.sub(r"^pyproject\.toml, line \d+(: |, )", "", line) for line in error.why]
    assert (error.code, error.message) == (case.code, case.message or error.message), said
    # (What was built says the same in other lines.)
    whole = [line for line in case.why if not line.startswith(" ")]
    chosen = [re.sub(r"deep-d==1\.0", "deep-d>=1", line) for line in whole]
    assert [line for line in chosen if line not in said] == [], said
    assert error.fix == [case.fix], said


def test_an_index_that_does_not_answer_well(project: Project) -> None:
    with LocalIndex(make_wheel("ring", "1.0")) as own:
        own.add_fault("ring", status=500)
        project.ask("ring")
        error = fail(project, default_index=own.url)
        assert error.code == "E_INDEX", error.why
    with LocalIndex(make_wheel("ring", "1.0"), metadata=False) as own:
        own.add_fault("ring-1.0-py3-none-any.whl", tampered=True)
        assert fail(project, default_index=own.url).code == "E_INDEX"
    assert fail(project, default_index="http://127.0.0.1:9/simple").code == "E_INDEX"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("/x/python: No module named pip", "E_RESOLVE_ENGINE"),
        ("no such option: --report", "E_RESOLVE_ENGINE"),
        ("OSError: [Errno 28] No space left on device", "E_DISK_FULL"),
        ("ERROR: Could not find a version that satisfies the requirement x>3 (from versions: 1.0)\n"
         "ERROR: No matching distribution found for x>3", "E_RESOLVE_MISSING"),
        ("ERROR: Ignored the following versions that require a different python version: "
         "1.0 Requires-Python >=3.99\nERROR: Could not find a version that satisfies the "
         "requirement x>3 (from versions: none)\nERROR: No matching distribution found for x>3",
         "E_RESOLVE_MISSING"),
        ("something else", "E_RESOLVE_ENGINE"),
    ],
)  # fmt: skip
def test_failures_of_pip(said: str, code: str) -> None:
    assert explain_pip(said).code == code


def test_words_of_pip_are_facts() -> None:
    words = read_pip_words(
        [
            "The conflict is caused by:",
            '    bells[more] 1.0 depends on alpha>=2; extra == "more"',
            "    The user requested alpha<=1.1",
        ]
    )
    assert [(e.parent, e.child, e.wants) for e in words.edges] == [("bells", "alpha", "alpha>=2")]
    asked = "Could not find a version that satisfies the requirement"
    words = read_pip_words([f"{asked} c>1 (from b>=1->a) (from versions: 1.0)"])
    assert [(e.parent, e.child) for e in words.edges] == [("b", "c"), ("a", "b")]
    assert (words.available, words.missing) == ({"c": "1.0"}, ())
    yanked = "Ignored the following yanked versions: 1.0"
    asked = "Could not find a version that satisfies the requirement p (from versions: none)"
    assert read_pip_words([yanked, asked]).yanked == {"p": ""}
    assert read_pip_words([asked]).missing == ("p",)


def test_repositories_in_folders_as_older_pips_read_them() -> None:
    assert write_direct("a @ https://example.org/a.whl") == "a @ https://example.org/a.whl"
    assert write_direct("a[x] @ git+file:///b@c") == "git+file:///b@c#egg=a[x]"
    line = "a @ git+file:///b@c#subdirectory=d ; python_version > '3'"
    assert write_direct(line) == "git+file:///b@c#egg=a&subdirectory=d ; python_version > '3'"


def test_times() -> None:
    assert read_time("2024-03-01") == "2024-03-02T00:00:00Z"
    assert read_time("2024-03-01T12:00:00Z") == "2024-03-01T12:00:00Z"
    now = 1_700_000_000.0
    assert read_time("7d", now) == read_time("P7D", now) == read_time("1 week", now)
    assert read_time("7d", now) == "2023-11-07T22:13:20Z"


def test_a_pin_that_cannot_be_read_is_no_pin(project: Project) -> None:
    project.ask("ring")
    odd = LockFile({"packages": [{"name": "ring", "version": "nonsense", "wheels": []}]})
    assert versions(project.lock(pip=PIP, preferences=odd)) == ["ring 1.0"]


def test_what_depends_on_the_project_itself(project: Project) -> None:
    with LocalIndex(make_wheel("plugin", "1.0", ["shop"]), make_wheel("shop", "9.0")) as own:
        project.ask("plugin")
        error = fail(project, default_index=own.url)
    assert (error.code, error.message) == (
        "E_RESOLVE_ENGINE",
        "something depends on shop, which is this project",
    )
