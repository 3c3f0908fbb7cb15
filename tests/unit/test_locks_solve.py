"""From a manifest to pylock.toml by uv: what is in the lock, and that pip and uv install it."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
from distributions import make_wheel, write_source
from local_index import LocalIndex
from solving import GROUPS, WHEELS, Project, fails, markers, package, versions

from pyve_locks.lock_file import format_lock, parse_lock

OLD_PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
OLD_TOML = {"tomlish"} if sys.version_info < (3, 11) else set()


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    env = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    command = ["git", *identity, *words]
    return subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, check=True
    ).stdout.strip()


def make_repository(folder: Path, version: str = "1.0") -> str:
    """Make or change a repository with a project in ``inside``, and return its newest commit."""
    write_source(folder / "inside", "gitted", version, ["ring"])
    if not (folder / ".git").exists():
        git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", version)
    return git(folder, "rev-parse", "HEAD")


def test_the_head_of_a_lock_says_what_can_be_chosen_and_what_it_was_made_from(
    project: Project, shared_index: LocalIndex
) -> None:
    project.ask("beta", more=GROUPS)
    lock = project.lock()
    assert lock["lock-version"] == "1.0"
    assert lock["requires-python"] == ">=3.9"
    assert lock["extras"] == ["loud-bell", "old"]
    assert lock["dependency-groups"] == ["dev", "docs", "empty"]
    assert lock["default-groups"] == ["dev"]
    assert lock["created-by"] == "pyve"
    assert "environments" not in lock
    assert lock.pyve["version"] == 1
    assert lock.pyve["files"] == ["pyproject.toml"]
    assert lock.pyve["engine"] == "uv"
    assert json.loads(lock.pyve["manifest"])["roots"][""] == ["beta"]
    assert len(lock.pyve["manifest-sha256"]) == len(lock.pyve["files-sha256"]) == 64
    beta = package(lock, "beta")
    assert beta["index"] == shared_index.url
    assert beta["dependencies"] == [{"name": "alpha"}, {"name": "tomlish"}]
    assert [list(wheel["hashes"]) for wheel in beta["wheels"]] == [["sha256"]]


def test_markers_join_environment_extras_and_groups(project: Project) -> None:
    project.ask("beta", "ring; sys_platform == 'linux'", more=GROUPS)
    lock = project.lock()
    assert markers(lock, "alpha") == {"1.1": ""}
    assert markers(lock, "tomlish") == {"1.0": "python_full_version < '3.11'"}
    assert markers(lock, "loud") == {"1.0": "'loud-bell' in extras"}
    assert markers(lock, "ring") == {"1.0": "sys_platform == 'linux' or 'loud-bell' in extras"} or (
        markers(lock, "ring") == {"1.0": "'loud-bell' in extras or sys_platform == 'linux'"}
    )
    chosen = "'dev' in dependency_groups or 'docs' in dependency_groups"
    old, new = markers(lock, "newer")["1.0"], markers(lock, "newer")["2.0"]
    assert "python_full_version < '3.11' and" in old
    assert "python_full_version >= '3.11' and" in new
    assert all(part in new for part in chosen.split(" or "))
    # What an extra of a package brings is its dependency.
    assert package(lock, "loud")["dependencies"] == [{"name": "ring"}]


def test_pip_and_uv_install_the_same_whatever_is_chosen(project: Project) -> None:
    project.ask("beta", "built", "winly; sys_platform == 'win32'", more=GROUPS)
    project.save()
    base = {"beta", "alpha", "built", "ring", "newer"} | OLD_TOML
    for selection, more in (
        ((), set()),
        (("extra:loud-bell",), {"loud"}),
        (("extra:old", "group:docs"), set()),
        (("extra:loud-bell", "extra:old", "group:docs", "group:dev", "group:empty"), {"loud"}),
    ):
        by_uv = project.install_by_uv(*selection)
        assert set(by_uv) == base | more, selection
        assert project.install_by_pip(*selection) == by_uv, selection
    assert by_uv["newer"][0] == ("2.0" if sys.version_info >= (3, 11) else "1.0")


def test_a_lock_with_everything_local_is_installed_alike(
    project: Project, shared_index: LocalIndex
) -> None:
    write_source(project.root / "libs/near", "near", "1.0", ["alpha"])
    write_source(project.root / "libs/far", "far", "1.0")
    make_wheel("filed", "1.0", ["alpha"]).write(project.root / "wheels")
    ring = next(one for one in WHEELS if one.name == "ring")
    project.ask(
        *("near", "far", "filed", f"ring @ {shared_index.file_url(ring.filename)}"),
        more="""
[tool.uv.sources]
near = {path = "libs/near", editable = true}
far = {path = "libs/far"}
filed = {path = "wheels/filed-1.0-py3-none-any.whl"}
""",
    )
    lock = project.save()
    assert package(lock, "near")["directory"] == {"path": "libs/near", "editable": True}
    assert package(lock, "near")["dependencies"] == [{"name": "alpha"}]
    assert package(lock, "far")["directory"] == {"path": "libs/far"}
    assert package(lock, "filed")["archive"]["path"] == "wheels/filed-1.0-py3-none-any.whl"
    assert package(lock, "ring")["archive"]["url"] == shared_index.file_url(ring.filename)
    assert package(lock, "ring")["archive"]["hashes"] == {"sha256": ring.sha256}
    by_uv = project.install_by_uv()
    assert by_uv["near"] == ("1.0", True, "")
    assert by_uv["far"] == ("1.0", False, "")
    # A folder has no hash, and pip wants one of everything as soon as one thing has one.
    assert project.install_by_pip(options=("--no-require-hashes",)) == by_uv


@pytest.mark.parametrize("reference", ["", "@main", "@v1"])
def test_a_repository_is_locked_to_its_commit_which_stays_until_it_is_upgraded(
    project: Project, reference: str
) -> None:
    folder = project.root / "repository"
    first = make_repository(folder)
    git(folder, "tag", "v1")
    project.env["HERE"] = project.root.as_uri()
    url = f"git+${{HERE}}/repository{reference}#subdirectory=inside"
    project.write("requirements.in", f"gitted @ {url}\n")
    lock = project.save(python=">=3.9")
    vcs = package(lock, "gitted")["vcs"]
    assert (vcs["type"], vcs["commit-id"], vcs["subdirectory"]) == ("git", first, "inside")
    assert (vcs["path"], vcs.get("requested-revision", "")) == ("repository", reference[1:])
    assert package(lock, "gitted")["dependencies"] == [{"name": "ring"}]
    second = make_repository(folder, "1.1")
    assert format_lock(project.lock(preferences=lock)) == format_lock(lock)
    again = project.lock(preferences=lock, upgrade_names=("Gitted",))
    moved = second if reference != "@v1" else first
    assert package(again, "gitted")["vcs"]["commit-id"] == moved
    if not reference:
        by_uv = project.install_by_uv()
        assert by_uv["gitted"] == ("1.0", False, first)
        assert project.install_by_pip(options=("--no-require-hashes",)) == by_uv


def test_pins_of_the_lock_stay_unless_they_are_upgraded_or_no_longer_allowed(
    project: Project, tmp_path: Path
) -> None:
    with LocalIndex(make_wheel("one", "1.0"), make_wheel("two", "1.0")) as index:
        project.env.update(index.env)
        project.ask("one", "two")
        first = project.save()
        index.add(make_wheel("one", "1.1"), make_wheel("two", "1.1"))
        assert format_lock(project.lock(preferences=first)) == format_lock(first)
        assert versions(project.lock()) == ["one 1.1", "two 1.1"]
        some = project.lock(preferences=first, upgrade_names=("ONE",))
        assert versions(some) == ["one 1.1", "two 1.0"]
        everything = project.lock(preferences=first, upgrade=True)
        assert versions(everything) == ["one 1.1", "two 1.1"]
        project.ask("one", "two>1")
        assert versions(project.lock(preferences=first)) == ["one 1.0", "two 1.1"]


def test_both_sides_of_a_merge_are_preferences(project: Project) -> None:
    project.ask("alpha", "newer")
    text = format_lock(project.lock())
    ours = text.replace("2.0", "1.0")
    theirs = text.replace("alpha-2.0", "alpha-1.1").replace('"2.0"', '"1.1"')
    merged = f"<<<<<<< HEAD\n{ours}=======\n{theirs}>>>>>>> other\n"
    lock = parse_lock(merged, Path("pylock.toml"))
    assert lock.conflicted
    solved = project.lock(preferences=lock)
    assert versions(solved)[0] == "alpha 1.1"
    assert not solved.conflicted
    assert format_lock(project.lock(preferences=lock)) == format_lock(solved)


def test_the_same_bytes_elsewhere_and_later(project: Project, shared_index: LocalIndex) -> None:
    project.ask("beta", "loud[bell]", "dynamic", more=GROUPS)
    first = format_lock(project.lock())
    elsewhere = Project.make(project.root.parent / "elsewhere", shared_index.env)
    text = (project.root / "pyproject.toml").read_text(encoding="utf-8")
    elsewhere.write("pyproject.toml", text)
    elsewhere.env["TZ"] = "Asia/Kolkata"
    elsewhere.env["LC_ALL"] = "C"
    mask = os.umask(0o077)
    try:
        os.utime(elsewhere.root / "pyproject.toml", (0, 0))
        assert format_lock(elsewhere.lock()) == first
        assert format_lock(elsewhere.lock(preferences=parse_lock(first, Path("x")))) == first
    finally:
        os.umask(mask)


CONFLICTS = """
[project.optional-dependencies]
old = ["alpha>=1.1,<2"]
new = ["alpha>=2"]
[dependency-groups]
docs = ["alpha"]
older = ["alpha<1.1"]
[tool.uv]
conflicts = [[{extra = "old"}, {extra = "new"}, {group = "older"}]]
"""


def test_extras_that_exclude_each_other_have_a_version_each(project: Project) -> None:
    project.ask("ring", more=CONFLICTS)
    project.save()
    expected = {
        (): None,
        ("extra:old",): "1.1",
        ("extra:new",): "2.0",
        ("group:older",): "1.0",
        ("group:docs",): "2.0",
        ("group:docs", "extra:old"): "1.1",
        ("group:docs", "group:older"): "1.0",
    }
    for selection, version in expected.items():
        by_uv = project.install_by_uv(*selection)
        assert by_uv.get("alpha", (None,))[0] == version, selection
    by_pip = project.install_by_pip("group:docs", "extra:old")
    assert by_pip == project.install_by_uv("group:docs", "extra:old")


def test_they_may_ask_for_what_all_ask_for(project: Project) -> None:
    """Then the same stands in uv's lock twice, under the same condition."""
    extras = '[project.optional-dependencies]\nold = ["alpha<2"]\nnew = ["alpha>=2"]\n'
    both = 'conflicts = [[{extra = "old"}, {extra = "new"}]]\n'
    project.ask("alpha", more=f"{extras}[tool.uv]\n{both}")
    assert markers(project.save(), "alpha") == {
        "1.1": "'old' in extras",
        "2.0": "'new' in extras or 'old' not in extras",
    }
    for selection, version in (((), "2.0"), (("extra:old",), "1.1"), (("extra:new",), "2.0")):
        assert project.install_by_uv(*selection)["alpha"][0] == version


def test_without_saying_so_such_extras_have_no_solution(project: Project) -> None:
    project.ask("ring", more=CONFLICTS.partition("[tool.uv]")[0])
    error = fails(project)
    assert error.code == "E_RESOLVE_CONFLICT"
    assert any("<2" in line and "alpha>=2" in line for line in error.why)


def test_what_asks_for_the_project_itself_gets_it_from_nowhere_else(project: Project) -> None:
    extras = '[project.optional-dependencies]\nall = ["shop[more]"]\nmore = ["loud"]\n'
    project.ask("plugin", more=extras)
    lock = project.save()
    assert versions(lock) == ["loud 1.0", "plugin 1.0", "ring 1.0"]
    assert package(lock, "plugin")["dependencies"] == [{"name": "loud"}, {"name": "ring"}]
    assert markers(lock, "loud") == {"1.0": ""}
    by_uv = project.install_by_uv()
    assert set(by_uv) == {"loud", "plugin", "ring"}
    assert project.install_by_pip(options=("--no-deps",)) == by_uv


def test_a_workspace_of_uv_gives_its_members(project: Project) -> None:
    write_source(project.root / "packages/member", "member", "1.0", ["ring"])
    project.ask(
        "member",
        more="[tool.uv.sources]\nmember = {workspace = true}\n"
        '[tool.uv.workspace]\nmembers = ["packages/*"]\n',
    )
    lock = project.lock()
    assert package(lock, "member")["directory"] == {"path": "packages/member", "editable": True}
    project.ask("member", more="[tool.uv.sources]\nmember = {workspace = true}\n")
    assert fails(project).code == "E_MANIFEST"


def test_requirements_files_with_all_that_they_know(
    project: Project, shared_index: LocalIndex
) -> None:
    write_source(project.root / "libs/near", "near", "1.0", ["alpha"])
    write_source(project.root, "root", "1.0", ["ring"])
    (project.root / "pyproject.toml").rename(project.root / "libs/keep")
    project.write("setup.py", "from setuptools import setup\nsetup(name='root')\n")
    ring = next(one for one in WHEELS if one.name == "ring")
    many = [one for one in WHEELS if one.name == "many"]
    project.write(
        "requirements.txt",
        "-e ./libs/near\n-r more.txt\n-c limits.txt\n"
        f"many==1.0 --hash=sha256:{many[0].sha256} --hash=sha256:{many[-1].sha256}\n"
        "winly; sys_platform == 'win32'\n",
    )
    project.write("more.txt", f"{shared_index.file_url(ring.filename)}\nalpha\n")
    project.write("limits.txt", "alpha<1.1\n")
    lock = project.save(python=OLD_PYTHON)
    assert versions(lock) == ["alpha 1.0", "many 1.0", "near", "ring 1.0", "winly 1.0"]
    assert lock["requires-python"] == f">={OLD_PYTHON}"
    assert package(lock, "near")["directory"]["editable"] is True
    names = [wheel["url"].rpartition("/")[2] for wheel in package(lock, "many")["wheels"]]
    assert names == ["many-1.0-py3-none-any.whl"]
    assert package(lock, "many")["sdist"]["hashes"]["sha256"] == many[-1].sha256
    assert markers(lock, "winly") == {"1.0": "sys_platform == 'win32'"}
    assert lock.pyve["files"][:3] == ["requirements.txt", "more.txt", "limits.txt"]
    by_uv = project.install_by_uv()
    assert project.install_by_pip(options=("--no-require-hashes",)) == by_uv


@pytest.mark.parametrize(
    ("option", "files"),
    [
        ("--no-binary many", ["sdist"]),
        ("--only-binary :all:", ["wheels"]),
        ("", ["sdist", "wheels"]),
    ],
)
def test_kinds_of_files_that_are_not_wanted_are_left_out(
    project: Project, option: str, files: list[str]
) -> None:
    project.write("requirements.in", f"{option}\nmany\n")
    found = package(project.lock(), "many")
    assert [key for key in ("sdist", "wheels") if key in found] == files


def test_platforms_limit_environments_and_wheels(project: Project) -> None:
    project.ask("many", "winly; sys_platform == 'win32'", "gamma")
    lock = project.save(platforms=("osx-arm64", "linux-64", "linux-64"))
    assert lock.pyve["platforms"] == ["linux-64", "osx-arm64"]
    assert lock["environments"] == [
        "sys_platform == 'linux' and platform_machine == 'x86_64'",
        "sys_platform == 'darwin' and platform_machine == 'arm64'",
    ]
    assert "winly 1.0" not in versions(lock)
    urls = [wheel["url"] for wheel in package(lock, "many")["wheels"]]
    assert len(urls) == 3
    assert not any("win_amd64" in url for url in urls)
    assert project.lock(platforms=("win-64",))["environments"] == [
        "sys_platform == 'win32' and platform_machine == 'AMD64'"
    ]
    project.ask("gamma", more="[tool.uv]\nenvironments = \"sys_platform == 'linux'\"\n")
    assert project.lock()["environments"] == ["sys_platform == 'linux'"]
    error = fails(project, platforms=("linux",))
    assert error.code == "E_PLATFORM"


@pytest.mark.skipif(sys.platform not in ("linux", "darwin"), reason="has other platforms")
def test_a_lock_for_this_platform_alone_is_installed_alike(project: Project) -> None:
    system = {"linux": "linux", "darwin": "osx"}[sys.platform]
    machine = {"x86_64": "64"}.get(platform.machine(), platform.machine())
    project.ask("beta", "many", python=f">={OLD_PYTHON}")
    project.save(platforms=(f"{system}-{machine}", "win-64"))
    by_uv = project.install_by_uv()
    assert set(by_uv) == {"alpha", "beta", "many"} | OLD_TOML
    assert project.install_by_pip() == by_uv


def test_groups_that_come_unasked_are_those_that_the_project_says(project: Project) -> None:
    for said, found in (('["Docs", "gone"]', ["docs"]), ('"all"', ["dev", "docs", "empty"])):
        project.ask("ring", more=f"{GROUPS}[tool.uv]\ndefault-groups = {said}\n")
        assert project.lock()["default-groups"] == found
    project.ask("ring", more="[dependency-groups]\ndocs = []\n")
    assert "default-groups" not in project.lock()


def test_a_project_behind_a_link_has_the_same_lock(project: Project) -> None:
    write_source(project.root / "libs/near", "near", "1.0", ["ring"])
    project.write("requirements.in", "-e ./libs/near\n")
    first = project.lock(python=">=3.9")
    link = project.root.parent / "link"
    link.symlink_to(project.root.name)
    behind = Project(link, project.env, solved=10)
    assert package(first, "near")["directory"]["path"] == "libs/near"
    assert format_lock(behind.lock(python=">=3.9")) == format_lock(first)


def test_where_nothing_says_which_python_the_lock_keeps_what_it_has(project: Project) -> None:
    project.ask("newer", python="")
    assert versions(project.lock(python="3.11")) == ["newer 2.0"]
    assert project.lock(python="3.11")["requires-python"] == ">=3.11"
    older = project.lock(python=">=3.9")
    assert versions(older) == ["newer 1.0", "newer 2.0"]
    assert format_lock(project.lock(preferences=older)) == format_lock(older)
    assert project.lock()["requires-python"] == f">={OLD_PYTHON}"
    project.ask("newer", python=">=3.9")
    assert project.lock(python="<3.14,>=3.11")["requires-python"] == ">=3.11, <3.14"
    for limit in ("new", "<3.8"):
        assert fails(project, python=limit).code == "E_RESOLVE_PYTHON"


def test_prereleases_dates_constraints_and_overrides(project: Project) -> None:
    project.ask("alpha")
    assert versions(project.lock()) == ["alpha 2.0"]
    assert versions(project.lock(prerelease=True)) == ["alpha 3.0rc1"]
    project.ask("dated")
    assert versions(project.lock()) == ["dated 2.0"]
    early = project.lock(exclude_newer="2024-03-01")
    assert versions(early) == ["dated 1.0"]
    assert early.pyve["exclude-newer"] == "2024-03-01"
    assert versions(project.lock(exclude_newer="7d")) == ["dated 2.0"]
    limits = '[tool.uv]\nconstraint-dependencies = ["alpha<1.1"]\n'
    project.ask("beta", more=limits)
    assert "alpha 1.0" in versions(project.lock())
    project.ask("beta", more='[tool.uv]\noverride-dependencies = ["alpha==2.0"]\n')
    lock = project.save()
    assert "alpha 2.0" in versions(lock)
    by_uv = project.install_by_uv()
    assert project.install_by_pip(options=("--no-deps",)) == by_uv


def test_what_uv_warns_of_comes_with_the_lock(project: Project) -> None:
    project.ask("pulled==1.0", "ring[nope]")
    lock = project.lock()
    assert any("it eats files" in text for text in lock.warnings)
    assert any("nope" in text for text in lock.warnings)


def test_the_users_project_is_not_touched(project: Project) -> None:
    project.ask("beta", more=GROUPS)
    project.write("uv.lock", "not to be read\n")
    project.write("deep/x.txt", "")
    before = {path: path.stat().st_mtime_ns for path in project.root.rglob("*")}
    project.lock()
    assert {path: path.stat().st_mtime_ns for path in project.root.rglob("*")} == before


def test_the_project_of_uv_below_another_one_is_its_own(project: Project) -> None:
    project.ask("beta", more='[tool.uv.workspace]\nmembers = ["*/*"]\n')
    (project.root / "inside").mkdir()
    inside = Project(project.root / "inside" / "again", project.env)
    inside.root.mkdir()
    inside.ask("ring")
    # Its workspace is made beside it, which is below the first one.
    assert versions(inside.lock()) == ["ring 1.0"]


@pytest.mark.parametrize("platforms", [(), ("linux-64",), ("linux-64", "osx-arm64")])
def test_markers_do_not_depend_on_whether_there_was_a_lock(
    project: Project, platforms: tuple[str, ...]
) -> None:
    project.ask("beta", "winly; sys_platform == 'win32'")
    for newer in ("", "7d", "2025-01-01"):
        first = project.lock(platforms=platforms, exclude_newer=newer)
        project.ask("beta", "winly; sys_platform == 'win32'", "ring")
        fresh = project.lock(platforms=platforms, exclude_newer=newer)
        again = project.lock(platforms=platforms, exclude_newer=newer, preferences=first)
        assert format_lock(fresh) == format_lock(again), newer
        project.ask("beta", "winly; sys_platform == 'win32'")
