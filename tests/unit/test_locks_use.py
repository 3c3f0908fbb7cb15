"""What solving gives is what the graph, why, diff and export take."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from distributions import write_source
from solving import UV, Installed, Project

from pyve_locks.diff import diff
from pyve_locks.export import export_requirements
from pyve_locks.graph import graph_of
from pyve_locks.manifest import read_manifest
from pyve_locks.tree import format_tree, tree
from pyve_locks.why import explain, format_why

MORE = """
[project.optional-dependencies]
web = ["loud[bell]"]
all = ["shop[web]", "many"]
[dependency-groups]
dev = ["plugin", {include-group = "docs"}]
docs = ["dated; sys_platform != 'win32'"]
"""


@pytest.fixture
def project(project: Project, tmp_path: Path) -> Project:
    project.env["TMPDIR"] = str(tmp_path)
    return project


def install(project: Project, by: str, *options: str) -> Installed:
    """Install requirements.txt into a new environment by pip or uv."""
    venv = project._venv(f"exported-by-{by}")
    if by == "uv":
        command = [str(UV), "pip", "sync", "-q", "--python", str(venv), "requirements.txt"]
    else:
        command = [sys.executable, "-m", "pip", "--python", str(venv), "install", "-q"]
        command += ["--no-compile", *options, "-r", "requirements.txt"]
    project.run(command)
    return project._list(venv)


def test_an_exported_lock_is_installed_as_the_lock_itself(project: Project) -> None:
    project.ask("beta", more=MORE)
    lock = project.save()
    project.write("requirements.txt", export_requirements(lock, ["all"], ["dev"]))
    wanted = project.install_by_uv("extra:all", "group:dev")
    assert {"beta", "alpha", "loud", "ring", "many", "plugin", "dated"} <= set(wanted)
    assert install(project, "uv") == wanted
    assert install(project, "pip", "--require-hashes", "--no-deps") == wanted


def test_what_is_local_is_exported_without_hashes(project: Project) -> None:
    write_source(project.root / "libs" / "plain", "greeter", "1.0", ["ring"])
    write_source(project.root / "libs" / "my lib", "helper", "1.0")
    write_source(project.root / "libs" / "never", "never", "1.0")
    lines = ["-e ./libs/plain", "./libs/my lib", "-e ./libs/never ; python_version < '3'", "beta"]
    project.write("requirements.in", "\n".join(lines))
    lock = project.save()
    project.write("requirements.txt", export_requirements(lock, hashes=False))
    wanted = project.install_by_uv()
    assert wanted["greeter"] == ("1.0", True, "")
    assert wanted["helper"] == ("1.0", False, "")
    assert "never" not in wanted
    assert install(project, "uv") == wanted
    assert install(project, "pip") == wanted


def test_everything_in_a_lock_is_there_for_a_reason(project: Project) -> None:
    project.ask("beta", "gone; python_version < '3'", "newer", more=MORE)
    lock = project.lock()
    graph = graph_of(lock)
    assert graph.find_loose() == []
    assert [text.split(";")[0] for _, text in graph.unmet] == ["gone"]
    assert format_why(graph, explain(graph, "ring"), utf8=False) == (
        "ring 1.0\n"
        "  extra all: loud[bell] -> loud 1.0 -> ring 1.0\n"
        "  extra web: loud[bell] -> loud 1.0 -> ring 1.0\n"
        "  group dev: plugin 1.0 -> ring 1.0\n"
    )
    assert format_tree(tree(graph.choose([""])), utf8=False) == (
        "shop\n"
        "|-- beta 1.0\n"
        "|   |-- alpha 1.1\n"
        "|   `-- tomlish 1.0\n"
        '|-- newer 1.0 ; python_full_version < "3.11"\n'
        '`-- newer 2.0 ; python_full_version >= "3.11"\n'
    )
    assert graph.wishes == graph_of(lock, read_manifest(project.root, project.env)).wishes


def test_the_difference_between_two_locks(project: Project) -> None:
    project.ask("alpha<2", "ring")
    old = graph_of(project.lock())
    project.ask("alpha", "loud[bell]")
    new = graph_of(project.lock())
    assert [(c.kind, c.name, c.direct, c.step) for c in diff(old, new)] == [
        ("added", "loud", True, ""),
        ("changed", "alpha", True, "major"),
    ]
    assert diff(new, new) == []
