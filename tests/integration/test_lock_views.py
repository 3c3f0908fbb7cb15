"""pyve why, tree, export and lock diff: what a lock says, of either backend."""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from code_cases import bring, brings, corrects
from conda_channel import CondaChannel, conda_platform
from conda_project import CondaUser
from locked_project import PACKAGES, write_locked
from pyve_test_helpers import Pyve, commit, find_program, obey_modes, snapshot


@pytest.fixture
def locked(pyve: Pyve) -> Pyve:
    """A user with a venv project that has a lock, and with git."""
    write_locked(pyve.project)
    pyve.write(".pyve/config", 'pyve_version: "2.0.0"\nbackend: venv\n')
    (pyve.bin / "git").symlink_to(find_program("git"))
    return pyve


@pytest.fixture(scope="module")
def conda(
    tmp_path_factory: pytest.TempPathFactory, template_cache: Path, conda_channel: CondaChannel
) -> Iterator[CondaUser]:
    """A user with a conda project that has a lock for two platforms; only read."""
    folder = tmp_path_factory.mktemp("conda")
    user = CondaUser(folder, template_cache, conda_channel)
    user.manifest("greeter-extras", "kettle")
    platforms = {conda_platform(), "osx-arm64"}
    words = [word for platform in sorted(platforms) for word in ("--platform", platform)]
    user.manifest("kettle")
    user.ok("lock", *words)
    yield user
    shutil.rmtree(folder, ignore_errors=True)


def change_lock(pyve: Pyve) -> None:
    """Let alpha move, and paper give way to stone."""
    changed = [
        ("alpha", "2.0", *package[2:])
        if package[0] == "alpha"
        else ("stone", *package[1:])
        if package[0] == "paper"
        else package
        for package in PACKAGES
    ]
    write_locked(pyve.project, tuple(sorted(changed)))


# --- why


def test_why_shows_every_way_from_the_manifest(locked: Pyve) -> None:
    before = snapshot(locked.project)
    assert locked.ok("why", "Ring") == (
        "ring 1.0\n"
        "  extra web: loud[bell] → loud 1.0 → ring 1.0\n"
        "  group dev: plugin 1.0 → ring 1.0\n"
    )
    plain = locked.ok("why", "winly", LC_ALL="C")
    assert plain == 'winly 1.0 ; sys_platform == "win32"\n  beta 1.0 -> winly 1.0\n'
    detail = locked.json("why", "alpha")["detail"]
    assert detail["lock"] == str(locked.project / "pylock.toml")
    (found,) = detail["packages"]
    assert found["direct"] is False
    (path,) = found["paths"]
    assert (path["root"], path["requirement"]) == ("", "beta")
    assert [step["name"] for step in path["packages"]] == ["beta", "alpha"]
    assert snapshot(locked.project) == before


def test_why_works_in_a_folder_below(locked: Pyve) -> None:
    locked.write("src/deep/x.py", "")
    text = locked.ok("why", "tiny", cwd=locked.project / "src" / "deep")
    assert text.startswith("tiny 0.1\n")


def test_a_lock_of_another_tool_is_read_with_the_manifest_of_today(locked: Pyve) -> None:
    path = locked.project / "pylock.toml"
    head, packages = path.read_text().split("\n[[packages]]", 1)
    path.write_text(head.partition("[tool.pyve]")[0] + "\n[[packages]]" + packages)
    assert locked.ok("why", "alpha").splitlines() == ["alpha 1.1", "  beta 1.0 → alpha 1.1"]
    (locked.project / "pyproject.toml").unlink()
    assert "nothing that the lock records" in locked.ok("why", "alpha")


@brings("E_PACKAGE_UNKNOWN")
@pytest.mark.parametrize("command", ["why", "tree"])
def test_a_package_that_is_not_in_the_lock(locked: Pyve, command: str) -> None:
    corrects(locked, "E_PACKAGE_UNKNOWN", command, "plugni", fix=f"pyve {command} plugin")
    corrects(locked, "E_PACKAGE_UNKNOWN", command, "requests", fix="pyve tree")


def test_why_needs_a_name(locked: Pyve) -> None:
    assert "needs the name" in locked.fails("why", code="E_USAGE_ARGUMENT")
    locked.fails("why", "alpha", "beta", code="E_USAGE_ARGUMENT")


@pytest.mark.parametrize("words", [("why", "x"), ("tree",), ("export",)])
def test_a_project_without_a_lock(pyve: Pyve, words: tuple[str, ...]) -> None:
    failure = bring(pyve, "E_LOCK_MISSING", *words)
    assert failure.fixes[0].text == "pyve lock"
    pyve.write("pylock.toml", "x = \n")
    failure = bring(pyve, "E_LOCK_FILE", *words).says("pylock.toml:1:")


@pytest.mark.parametrize("words", [("why", "ring"), ("tree",), ("export",)])
def test_a_stale_lock_is_shown_with_a_warning(locked: Pyve, words: tuple[str, ...]) -> None:
    path = locked.project / "pyproject.toml"
    text = path.read_text()
    path.write_text(f"# a remark\n{text}")
    result = locked(*words)
    assert (result.returncode, result.stderr) == (0, "")
    path.write_text(text.replace('"tiny"', '"more>=2"'))
    again = locked(*words)
    assert (again.returncode, again.stdout) == (0, result.stdout)
    assert "[W_LOCK_STALE]\n  why: added more>=2\n  why: removed tiny\n" in again.stderr
    assert locked.json(*words)["status"] == "warning"


def test_a_lock_with_marks_of_a_merge_is_not_taken_for_one_of_its_sides(locked: Pyve) -> None:
    path = locked.project / "pylock.toml"
    text = path.read_text()
    one, two = 'version = "1.1"\n', 'version = "1.2"\n'
    path.write_text(text.replace(one, f"<<<<<<< HEAD\n{one}=======\n{two}>>>>>>> x\n"))
    assert "merge" in locked.fails("tree", code="E_LOCK_FILE")


# --- tree


def test_tree_shows_what_needs_what(locked: Pyve) -> None:
    before = snapshot(locked.project)
    assert locked.ok("tree") == (
        "shop\n├── beta 1.0\n│   ├── alpha 1.1\n│   └── winly 1.0\n└── tiny 0.1\n"
        "extra web\n└── loud 1.0 (loud[bell])\n    └── ring 1.0\n"
        "group dev\n└── plugin 1.0\n    └── ring 1.0\n"
        "group docs\n└── paper 3.0\n"
    )
    assert locked.ok("tree", "--depth", "0").splitlines() == [
        *("shop", "extra web", "group dev", "group docs"),
    ]
    assert locked.ok("tree", "beta", "tiny", "--depth=1", LC_ALL="C") == (
        "beta 1.0\n|-- alpha 1.1\n`-- winly 1.0\ntiny 0.1\n"
    )
    assert locked.ok("tree", "--invert", "ring") == (
        "ring 1.0\n├── loud 1.0\n│   └── shop (extra web): loud[bell]\n"
        "└── plugin 1.0\n    └── shop (group dev): plugin\n"
    )
    detail = locked.json("tree", "ring", "--invert")["detail"]
    (top,) = detail["trees"]
    assert [one["name"] for one in top["dependents"]] == ["loud", "plugin"]
    assert detail["invert"] is True
    assert snapshot(locked.project) == before


def test_tree_as_a_picture(locked: Pyve) -> None:
    dot = locked.ok("tree", "--dot", "beta")
    assert dot.startswith('digraph "shop" {\n')
    assert '"alpha 1.1"' in dot
    assert "ring" not in dot
    assert locked.json("tree", "--dot", "beta")["detail"]["text"] == dot
    below = locked.project / "docs"
    below.mkdir()
    document = locked.json("-C", str(below), "tree", "--svg", "all packages.svg")
    detail = document["detail"]
    assert (detail["file"], detail["changed"]) == (str(below / "all packages.svg"), True)
    svg = (below / "all packages.svg").read_text()
    assert ElementTree.fromstring(svg).tag == "{http://www.w3.org/2000/svg}svg"
    assert locked.ok("tree", "--svg", "-") == svg
    again = locked.json("-C", str(below), "tree", "--svg", "all packages.svg")
    assert again["detail"]["changed"] is False
    assert os.listdir(below) == ["all packages.svg"]


def test_options_of_tree_that_do_not_fit(locked: Pyve) -> None:
    corrects(locked, "E_USAGE_VALUE", "tree", "--depth", "two", fix="pyve tree --depth 1")
    corrects(locked, "E_USAGE_CONFLICT", "tree", "--dot", "--svg", "x.svg", fix="pyve tree --dot")
    words = ("tree", "beta", "--platform", "linux-64")
    corrects(locked, "E_USAGE_CONFLICT", *words, fix="pyve tree beta")
    assert not (locked.project / "x.svg").exists()


def test_what_cannot_be_written_leaves_the_old_file(locked: Pyve) -> None:
    locked.before = obey_modes()
    folder = locked.project / "closed"
    folder.mkdir()
    old = locked.write("closed/x.svg", "old")
    folder.chmod(0o500)
    try:
        failure = bring(locked, "E_FILE_WRITE", "tree", "--svg", "closed/x.svg")
        assert old.read_text() == "old"
        assert os.listdir(folder) == ["x.svg"]
        failure.apply()
        failure.check_gone()
    finally:
        folder.chmod(0o700)
    assert old.read_text().startswith("<svg")


# --- export


def list_names(text: str) -> list[str]:
    """Give the names in a requirements file."""
    return [line.partition("==")[0] for line in text.splitlines() if "==" in line[:40]]


def test_export_writes_requirements_with_hashes(locked: Pyve) -> None:
    text = locked.ok("export")
    assert list_names(text) == ["alpha", "beta", "plugin", "ring", "tiny", "winly"]
    assert 'winly==1.0 ; sys_platform == "win32" \\\n    --hash=sha256:' in text
    assert list_names(locked.ok("export", "--no-dev")) == ["alpha", "beta", "tiny", "winly"]
    with_docs = list_names(locked.ok("export", "--group", "docs"))
    assert with_docs == ["alpha", "beta", "paper", "plugin", "ring", "tiny", "winly"]
    chosen = locked.ok("export", "--no-dev", "--extra", "web", "--group", "docs", "--no-hashes")
    assert list_names(chosen) == ["alpha", "beta", "loud", "paper", "ring", "tiny", "winly"]
    assert "--hash" not in chosen


@pytest.mark.parametrize("form", ["constraints", "environment", "cyclonedx"])
def test_export_in_other_forms(locked: Pyve, form: str) -> None:
    text = locked.ok("export", "--format", form)
    assert text == locked.ok("export", f"--format={form}", HOME=str(locked.root), TZ="Asia/Tokyo")
    if form == "cyclonedx":
        document = json.loads(text)
        assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
        assert {"alpha", "paper", "loud"} < {one["name"] for one in document["components"]}
        subject = document["metadata"]["component"]
        assert (subject["name"], subject["version"]) == ("shop", "1.5")
        some = json.loads(locked.ok("export", "--format", form, "--no-dev"))
        names = [one["name"] for one in some["components"]]
        assert sorted(names) == ["alpha", "beta", "tiny", "winly"]
        timed = locked.ok("export", "--format", form, SOURCE_DATE_EPOCH="0")
        assert json.loads(timed)["metadata"]["timestamp"].startswith("1970-01-01T00:00:00")
    elif form == "environment":
        assert text.startswith("name: shop\nchannels:\n  - conda-forge\n")
        assert "\n      - alpha==1.1\n" in text
    else:
        assert "alpha==1.1\n" in text
        assert "--hash" not in text


def test_export_into_a_file(locked: Pyve) -> None:
    path = locked.write("requirements.lock", "old\n")
    path.chmod(0o640)
    link = locked.project / "link.txt"
    link.symlink_to(path.name)
    document = locked.json("export", "-o", "link.txt")
    assert document["detail"]["changed"] is True
    assert document["detail"]["file"] == str(link)
    assert "text" not in document["detail"]
    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert path.read_text() == locked.ok("export", "--output", "-")
    assert "stays as it is" in locked.ok("export", "--output", "requirements.lock")


@pytest.mark.parametrize("words", [("--json", "export"), ("export", "--format=json")])
def test_the_format_of_the_answer_is_not_that_of_the_export(
    locked: Pyve, words: tuple[str, ...]
) -> None:
    result = locked(*words, "--format", "constraints")
    detail = json.loads(result.stdout)["detail"]
    assert detail["format"] == "constraints"
    assert detail["text"] == locked.ok("export", "--format", "constraints")
    lines = [json.loads(line) for line in locked.ok("export", "--format=jsonl").splitlines()]
    assert lines[-1]["document"]["detail"]["format"] == "requirements"


@brings("E_EXPORT_KIND", "E_GROUP_UNKNOWN")
def test_what_export_does_not_know(locked: Pyve) -> None:
    words = ("export", "--format", "constraint")
    corrects(locked, "E_EXPORT_KIND", *words, fix="pyve export --format constraints")
    words = ("export", "--no-dev", "--group", "doc")
    corrects(locked, "E_GROUP_UNKNOWN", *words, fix="pyve export --no-dev --group docs")
    corrects(locked, "E_GROUP_UNKNOWN", "export", "--extra=wbe", fix="pyve export --extra=web")
    corrects(locked, "E_USAGE_CONFLICT", "export", "--no-hashes", "--format", "environment")


@brings("E_EXPORT_HASH")
def test_a_repository_has_no_hash(locked: Pyve) -> None:
    vcs = (
        f'vcs = {{ type = "git", url = "https://git.example.org/t.git", commit-id = "{"a" * 40}" }}'
    )
    path = locked.project / "pylock.toml"
    path.write_text(f'{path.read_text()}\n[[packages]]\nname = "vessel"\n{vcs}\n')
    failure = bring(locked, "E_EXPORT_HASH", "export").says("vessel", "git.example.org")
    result = failure.apply()
    assert f"vessel @ git+https://git.example.org/t.git@{'a' * 40}\n" in result.stdout
    failure.count_as_gone()


@brings("E_EXPORT_ORIGIN")
def test_a_folder_whose_path_no_requirements_file_can_hold(locked: Pyve) -> None:
    path = locked.project / "pylock.toml"
    text = path.read_text()
    path.write_text(f'{text}\n[[packages]]\nname = "vessel"\ndirectory = {{ path = "a;b" }}\n')
    failure = bring(locked, "E_EXPORT_ORIGIN", "export", "--no-hashes")
    failure.by_hand("vessel", "a;b")
    path.write_text(f'{text}\n[[packages]]\nname = "vessel"\ndirectory = {{ path = "ab" }}\n')
    failure.check_gone()


# --- lock diff


def test_diff_compares_with_what_was_committed(locked: Pyve) -> None:
    commit(locked)
    assert locked.ok("lock", "diff") == "no changes\n"
    change_lock(locked)
    before = snapshot(locked.project, (".git",))
    lines = [
        "1 added, 1 removed, 1 changed",
        "+ stone  3.0  (indirect)",
        "- paper  3.0  (direct)",
        "~ alpha  1.1 → 2.0  (major, indirect)",
    ]
    assert locked.ok("lock", "diff").splitlines() == lines
    table = locked.ok("lock", "diff", "--markdown")
    assert "| changed | `alpha` | `1.1` | `2.0` | major, indirect |\n" in table
    document = locked.json("lock", "diff", "main", "--markdown")
    found: dict[str, Any] = document["detail"]["diff"]
    assert found["old"] == "main"
    assert [one["name"] for one in found["added"]] == ["stone"]
    assert [one["name"] for one in found["removed"]] == ["paper"]
    assert (found["changed"][0]["step"], found["changed"][0]["way"]) == ("major", "up")
    assert document["detail"]["text"] == table
    assert snapshot(locked.project, (".git",)) == before
    commit(locked)
    assert locked.ok("lock", "diff").splitlines() == ["no changes"]
    assert locked.ok("lock", "diff", "HEAD~1").splitlines() == lines
    # Nothing of either is left anywhere.
    assert not list(locked.project.glob(".pyve/tmp/*"))


def test_diff_compares_with_another_file(locked: Pyve) -> None:
    other = locked.root / "other"
    other.mkdir()
    write_locked(other)
    change_lock(locked)
    text = locked.ok("lock", "diff", "../other/pylock.toml")
    assert text.startswith("1 added, 1 removed, 1 changed\n")
    assert locked.ok("lock", "diff", str(other / "pylock.toml")) == text
    assert locked.ok("lock", "diff", "pylock.toml") == "no changes\n"


def test_diff_where_one_side_has_no_lock(locked: Pyve) -> None:
    lock = locked.project / "pylock.toml"
    text = lock.read_text()
    lock.unlink()
    commit(locked)
    locked.fails("lock", "diff", code="E_LOCK_MISSING")
    lock.write_text(text)
    assert locked.ok("lock", "diff").startswith("8 added\n")
    commit(locked)
    lock.unlink()
    assert locked.ok("lock", "diff").startswith("8 removed\n")
    lock.write_text("x = \n")
    commit(locked)
    lock.write_text(text)
    assert "HEAD:pylock.toml:1:" in locked.fails("lock", "diff", code="E_LOCK_FILE")


@brings("E_LOCK_REVISION")
def test_a_revision_that_git_does_not_have(locked: Pyve) -> None:
    failure = bring(locked, "E_LOCK_REVISION", "lock", "diff")
    failure.by_hand("not a git repository", "another file")
    commit(locked)
    failure.check_gone()
    corrects(locked, "E_LOCK_REVISION", "lock", "diff", "mian", fix="pyve lock diff main")
    corrects(locked, "E_LOCK_REVISION", "lock", "diff", "v9", fix="pyve lock diff HEAD")
    locked.fails("lock", "diff", "--", "--output=x", code="E_LOCK_REVISION")
    assert not (locked.project / "x").exists()


def test_diff_without_git(pyve: Pyve) -> None:
    write_locked(pyve.project)
    if (pyve.bin.parent / "git").exists() or shutil.which("git", path=pyve.env["PATH"]):
        pyve.env["PATH"] = str(pyve.bin)
    assert "git" in pyve.fails("lock", "diff", code="E_LOCK_REVISION")


def test_diff_takes_no_option_of_locking(locked: Pyve) -> None:
    commit(locked)
    corrects(locked, "E_USAGE_CONFLICT", "lock", "diff", "--offline", fix="pyve lock diff")


# --- conda


def test_why_and_tree_of_conda(conda: CondaUser) -> None:
    before = snapshot(conda.project)
    text = conda.ok("why", "libwater")
    assert text.startswith("libwater 1.1 [")
    assert "  kettle " in text
    assert len(text.splitlines()) == 2
    assert len(conda.ok("why", "libwater", "--platform", "all").splitlines()) == 4
    assert "[osx-arm64]" in conda.ok("tree", "--platform", "osx-arm64")
    lines = conda.ok("tree").splitlines()
    assert "kettle" in lines[1] and "libwater" in lines[2]
    found = conda.json("why", "libwater")["detail"]["packages"]
    assert (found[0]["manager"], found[0]["platform"]) == ("conda", conda_platform())
    failure = bring(conda, "E_LOCK_PLATFORM", "why", "kettle", "--platform", "linux-ppc64le")
    assert failure.fixes[0].text == "pyve lock --platform linux-ppc64le"
    assert snapshot(conda.project) == before


def test_export_of_conda(conda: CondaUser) -> None:
    text = conda.ok("export")
    assert text.startswith("name: demo\nchannels:\n")
    assert "\n  - libwater=1.1\n" in text
    bill = json.loads(conda.ok("export", "--format", "cyclonedx"))
    assert len([one for one in bill["components"] if one["name"] == "libwater"]) == 2
    words = ("export", "--format", "requirements")
    corrects(conda, "E_EXPORT_KIND", *words, fix="pyve export --format environment")
    corrects(conda, "E_USAGE_CONFLICT", "export", "--no-dev")


def test_diff_of_conda(conda: CondaUser) -> None:
    lock = conda.project / "conda-lock.yml"
    old = conda.root / "old.yml"
    old.write_text(lock.read_text().replace("version: '1.1'", "version: '1.0'"))
    assert conda.ok("lock", "diff", "../old.yml").splitlines() == [
        "1 changed",
        "~ libwater  1.0 → 1.1  (minor, indirect, conda)",
    ]
