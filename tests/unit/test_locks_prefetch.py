"""What is fetched for which machine, who is asked for it, and what a build needs."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest
from distributions import make_wheel
from requests import Request

from prefetch_conda import want_packages
from pyve_conda.records import items_of_lock, pip_lines, take_from
from pyve_core import HelperError
from pyve_files.lock import LockedPackage
from pyve_locks.build_hooks import unpacked
from pyve_locks.download import Wanted, digest_of, fetch
from pyve_locks.links import Links
from pyve_locks.lock_file import LockFile
from pyve_locks.logins import Logins, find_logins
from pyve_locks.prefetch import (
    LEGACY,
    choose_files,
    read_build_requires,
    refuse_builds,
)
from pyve_locks.repositories import fetch_repository, repository_settings
from pyve_locks.targets import Target, list_targets, parse_python
from pyve_locks.web import open_session

LINUX = Target("linux-64", (3, 12))
SHA = "0" * 64


def wheel(name: str, sha256: str = SHA) -> dict[str, object]:
    """Return a wheel as a lock has it."""
    return {"name": name, "url": f"https://example.org/{name}", "hashes": {"sha256": sha256}}


def lock_of(*packages: dict[str, object], **more: object) -> LockFile:
    """Return a lock."""
    return LockFile({"packages": list(packages), **more})


@pytest.mark.parametrize(
    ("target", "tag", "fits"),
    [
        (LINUX, "py3-none-any", True),
        (LINUX, "py2.py3-none-any", True),
        (LINUX, "py2-none-any", False),
        (LINUX, "cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64", True),
        (LINUX, "cp312-cp312-manylinux1_x86_64", True),
        (LINUX, "cp312-cp312-linux_x86_64", True),
        (LINUX, "cp311-cp311-manylinux_2_17_x86_64", False),
        (LINUX, "cp38-abi3-manylinux_2_28_x86_64", True),
        (LINUX, "cp313-abi3-manylinux_2_28_x86_64", False),
        (LINUX, "cp312-cp312-manylinux_2_17_aarch64", False),
        (LINUX, "cp312-cp312-musllinux_1_2_x86_64", False),
        (LINUX, "cp312-cp312t-manylinux_2_17_x86_64", False),
        (LINUX, "pp310-pypy310_pp73-manylinux_2_17_x86_64", False),
        (LINUX, "py3-none-macosx_11_0_arm64", False),
        (Target("linux-64", (3, 12), has_musl=True), "py3-none-musllinux_1_2_x86_64", True),
        (Target("linux-64", (3, 12), has_musl=True), "py3-none-manylinux_2_17_x86_64", False),
        (Target("linux-64", (3, 13), is_free=True), "cp313-cp313t-manylinux_2_17_x86_64", True),
        (Target("linux-64", (3, 13), is_free=True), "cp313-cp313-manylinux_2_17_x86_64", False),
        (Target("linux-64", (3, 13), is_free=True), "cp38-abi3-manylinux_2_17_x86_64", False),
        (Target("osx-arm64", (3, 9)), "cp39-cp39-macosx_11_0_universal2", True),
        (Target("osx-arm64", (3, 9)), "cp39-cp39-macosx_14_0_arm64", True),
        (Target("osx-arm64", (3, 9)), "cp39-cp39-macosx_10_9_x86_64", False),
        (Target("osx-64", (3, 9)), "cp39-cp39-macosx_10_9_intel", True),
        (Target("win-64", (3, 9)), "cp39-cp39-win_amd64", True),
        (Target("win-64", (3, 9)), "cp39-cp39-win32", False),
        (Target("linux-armv7l", (3, 9)), "py3-none-manylinux_2_17_armv7l", True),
    ],
)
def test_a_wheel_fits_by_its_tags(target: Target, tag: str, fits: bool) -> None:
    assert target.fits(f"x-1.0-{tag}.whl") is fits


def test_what_is_no_wheel_fits_nowhere() -> None:
    assert not LINUX.fits("x-1.0.tar.gz")
    assert not LINUX.fits("x.whl")


def test_markers_hold_when_they_may() -> None:
    assert LINUX.holds("")
    assert LINUX.holds("sys_platform == 'linux' and platform_machine == 'x86_64'")
    assert not LINUX.holds("sys_platform == 'win32' or os_name == 'nt'")
    assert LINUX.holds("python_full_version >= '3.12.4'")
    assert LINUX.holds("python_full_version < '3.12.4'")
    assert not Target("linux-64", (3, 12), 5).holds("python_full_version < '3.12.4'")
    assert Target("win-64", (3, 12)).holds("platform_system == 'Windows'")


def test_pythons_are_those_of_the_lock_unless_named() -> None:
    found = list_targets(["linux-64", "osx-64"], [], ">=3.12,<3.14")
    assert [str(one) for one in found] == [
        f"{platform}, Python {version}"
        for platform in ("linux-64", "osx-64")
        for version in ("3.12", "3.13")
    ]
    (one,) = list_targets(["linux-64"], ["3.12.7", "3.12.7"], ">=3.12.4", "linux-64")
    assert one == Target("linux-64", (3, 12), 7, has_musl=True)
    assert parse_python("3.14t") == ((3, 14), None, True)
    for pythons, requires, code in (
        (["3.12.1"], ">=3.12.4", "E_SYNC_PYTHON"),
        ([], ">=4", "E_SYNC_PYTHON"),
        (["3"], "", "E_USAGE_CHOICE"),
        (["3.12; x"], "", "E_USAGE_CHOICE"),
        ([], "nonsense", "E_LOCK_FILE"),
    ):
        with pytest.raises(HelperError) as caught:
            list_targets(["linux-64"], pythons, requires)
        assert caught.value.code == code


def test_files_are_chosen_once_for_all_machines() -> None:
    mac = Target("osx-arm64", (3, 12))
    lock = lock_of(
        {"name": "a", "version": "1", "wheels": [wheel("a-1-py3-none-any.whl")]},
        {
            "name": "b",
            "version": "1",
            "wheels": [wheel("b-1-py3-none-macosx_11_0_arm64.whl")],
            "sdist": wheel("b-1.tar.gz"),
        },
        {"name": "c", "marker": "sys_platform == 'win32'", "sdist": wheel("c-1.tar.gz")},
        {"name": "d", "archive": {"path": "lib/d-1.tar.gz", "hashes": {"sha256": SHA}}},
        {"name": "e", "directory": {"path": "lib/e", "subdirectory": "in"}},
        {"name": "f", "vcs": {"type": "git", "url": "https://x/f", "commit-id": "1" * 40}},
        {"name": "g", "archive": wheel("g-1-py3-none-any.whl")},
        {"name": "me", "directory": {"path": ".", "editable": True}},
    )
    choice = choose_files(lock, [LINUX, mac])
    assert sorted(choice.files) == [
        "a-1-py3-none-any.whl",
        "b-1-py3-none-macosx_11_0_arm64.whl",
        "b-1.tar.gz",
        "g-1-py3-none-any.whl",
    ]
    assert choice.builds == ["b-1.tar.gz", "f", "lib/d-1.tar.gz", "lib/e/in"]
    assert choice.sources["b-1.tar.gz"] == {"3.12"}
    with pytest.raises(HelperError) as caught:
        refuse_builds(choice)
    assert caught.value.code == "E_SYNC_BUILD"
    assert choose_files(lock, [mac]).sources.keys() == {"lib/d-1.tar.gz"}


@pytest.mark.parametrize(
    ("package", "code"),
    [
        ({"name": "a", "wheels": [wheel("a-1-py3-none-win_amd64.whl")]}, "E_SYNC_PLATFORM"),
        ({"name": "a", "sdist": {"url": "https://x/a-1.tar.gz"}}, "E_LOCK_FILE"),
        ({"name": "a", "sdist": {**wheel("../a-1.tar.gz")}}, "E_LOCK_FILE"),
        ({"name": "a", "sdist": {**wheel(".a-1.tar.gz")}}, "E_LOCK_FILE"),
    ],
)
def test_a_lock_that_does_not_do_is_refused(package: dict[str, object], code: str) -> None:
    with pytest.raises(HelperError) as caught:
        choose_files(lock_of(package), [LINUX])
    assert caught.value.code == code


def test_two_files_of_one_name_are_refused() -> None:
    name = "a-1-py3-none-any.whl"
    lock = lock_of(
        {"name": "a", "version": "1", "wheels": [wheel(name)]},
        {"name": "a", "version": "1", "wheels": [wheel(name, "1" * 64)]},
    )
    with pytest.raises(HelperError) as caught:
        choose_files(lock, [LINUX])
    assert caught.value.code == "E_LOCK_FILE"


def test_what_a_build_needs_is_read() -> None:
    assert read_build_requires(None) == LEGACY
    assert read_build_requires("not toml [") == LEGACY
    assert read_build_requires("[project]\nname = 'x'") == LEGACY
    assert read_build_requires("[build-system]\nrequires = []") == ()
    text = "[build-system]\nrequires = ['hatchling>=1', 'x; os_name == \"nt\"']\n"
    wanted = ("hatchling>=1", 'x; os_name == "nt"')
    assert read_build_requires(text) == wanted


def write_tarball(path: Path, files: dict[str, str], link: str = "") -> Path:
    """Write a source distribution, perhaps with a link in it."""
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
        if link:
            info = tarfile.TarInfo("x-1/link")
            info.type, info.linkname = tarfile.SYMTYPE, link
            archive.addfile(info)
    return path


@pytest.mark.parametrize("has_filter", [True, False])
def test_source_distributions_are_unpacked_within_their_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_filter: bool
) -> None:
    if not has_filter:
        monkeypatch.delattr(tarfile, "data_filter", raising=False)
    tarball = write_tarball(tmp_path / "x-1.tar.gz", {"x-1/pyproject.toml": "a", "./x-1/b/c": "d"})
    with unpacked(tarball) as source:
        assert (source / "pyproject.toml").read_text() == "a"
        assert (source / "b/c").read_text() == "d"
    assert not source.exists()
    with zipfile.ZipFile(tmp_path / "x-1.zip", "w") as zipped:
        zipped.writestr("x-1/pyproject.toml", "a")
    with unpacked(tmp_path / "x-1.zip") as source:
        assert (source / "pyproject.toml").read_text() == "a"
    (tmp_path / "y-1.tar.gz").write_bytes(b"no archive")
    evil = write_tarball(tmp_path / "z-1.tar.gz", {"../../evil": "x"})
    for path in (tmp_path / "y-1.tar.gz", evil):
        with pytest.raises(HelperError) as caught, unpacked(path):
            pass
        assert caught.value.code == "E_INDEX"


def test_who_to_be_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("UV_", "PIP_")):
            monkeypatch.delenv(name)
    (tmp_path / "netrc").write_text("machine files.example login ann password one\n")
    (tmp_path / "pyproject.toml").write_text(
        "[project]\nname = 'x'\nversion = '1'\n"
        "[[tool.uv.index]]\nname = 'inner'\nurl = 'https://inner.example/simple'\n"
    )
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("UV_INDEX_INNER_USERNAME", "bob")
    monkeypatch.setenv("UV_INDEX_INNER_PASSWORD", "two")
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://eve:th%40ree@main.example:444/simple")
    monkeypatch.setenv("UV_INDEX", "other=https://other.example/simple")
    monkeypatch.setenv("UV_INDEX_OTHER_PASSWORD", "four")
    logins = find_logins(tmp_path)
    for url, login in (
        ("https://files.example/x", "Basic YW5uOm9uZQ=="),
        ("https://inner.example/files/x", "Basic Ym9iOnR3bw=="),
        ("https://main.example:444/x", "Basic ZXZlOnRoQHJlZQ=="),
        ("https://other.example/x", "Basic OmZvdXI="),
        ("https://main.example/x", ""),
        ("http://inner.example/x", ""),
    ):
        assert ask_as(logins, url) == (url, login)
    assert ask_as(logins, "https://a:b@files.example/x?y=1") == (
        "https://files.example/x?y=1",
        "Basic YTpi",
    )
    # (Text of another alphabet, and a user without a password.)
    assert ask_as(logins, "https://%D0%B6:@x.example/")[1] == "Basic 0LY6"
    assert ask_as(logins, "https://token@files.example/") == (
        "https://files.example/",
        "Basic dG9rZW46",
    )


def ask_as(logins: Logins, url: str) -> tuple[str, str]:
    """Return the URL and the header Authorization that a request is sent with."""
    with open_session(logins) as session:
        request = session.prepare_request(Request("GET", url))
    return str(request.url), request.headers.get("Authorization", "")


def test_files_are_fetched_from_folders_too(tmp_path: Path) -> None:
    source = tmp_path / "a b"
    source.write_bytes(b"content")
    wanted = Wanted("sub/a b", source.as_uri(), digest_of(source))
    folder = tmp_path / "new" / "folder"
    assert fetch(folder, [wanted], Logins({})) == ["sub/a b"]
    assert fetch(folder, [wanted], Logins({})) == []
    assert (folder / "sub/a b").read_bytes() == b"content"
    assert digest_of(tmp_path / "nothing") == ""
    for url in ((tmp_path / "nothing").as_uri(), "ftp://127.0.0.1/x"):
        with pytest.raises(HelperError) as caught:
            fetch(folder, [Wanted("x", url, SHA)], Logins({}))
        assert caught.value.code == "E_INDEX"
    assert sorted(path.name for path in folder.iterdir()) == ["sub"]


def test_repositories_are_known_by_where_they_are_from(tmp_path: Path) -> None:
    url = "https://x.example/never-asked.git"
    with pytest.raises(HelperError) as caught:
        fetch_repository(tmp_path, "x", (tmp_path / "nothing").as_uri(), "1" * 40)
    assert caught.value.code == "E_REPOSITORY"
    assert list(tmp_path.iterdir()) == []
    for wrong in (("--url", "1" * 40), (url, "--remote=elsewhere"), (url, "main"), (url, "")):
        with pytest.raises(HelperError) as caught:
            fetch_repository(tmp_path, "x", *wrong)
        assert caught.value.code == "E_LOCK_FILE"
    assert repository_settings([tmp_path], [url], {}) == {}
    place = tmp_path / "x-1.git"
    place.mkdir()
    (place / "config").write_text(f'[pyve]\n  url = "{url}"\n')
    (place / "HEAD").write_text("ref: refs/heads/x\n")
    (place / "objects").mkdir()
    (place / "refs").mkdir()
    assert repository_settings([tmp_path], [url], {"GIT_CONFIG_COUNT": "2"}) == {
        "GIT_CONFIG_COUNT": "3",
        "GIT_CONFIG_KEY_2": f"url.{place.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_2": url,
    }
    assert repository_settings([tmp_path], ["https://other.example/x"], {}) == {}
    assert repository_settings([tmp_path], [], {}) == {}


def test_links_are_folders_from_the_root(tmp_path: Path) -> None:
    wheel = make_wheel("plain", "1.0").write(tmp_path / "w")
    links = Links("w", tmp_path)
    assert links.find(wheel.name) == {"path": str(wheel)}
    assert links.find("y.whl") == links.find("") == {}
    (tmp_path / "w" / "x.whl").write_bytes(b"no archive")
    with pytest.raises(HelperError, match=r"x\.whl is not what a package has to be"):
        links.find("x.whl")


def locked(name: str, url: str, manager: str = "conda", sha256: str = SHA) -> LockedPackage:
    """Return a package of a conda-lock.yml."""
    return LockedPackage(
        name=name,
        version="1",
        manager=manager,
        platform="linux-64",
        dependencies=[],
        url=url,
        md5="",
        sha256=sha256,
        category="main",
        optional=False,
        build="0",
    )


def test_archives_of_conda_lie_as_in_a_channel(tmp_path: Path) -> None:
    packages = [
        locked("a", "https://c.example/main/linux-64/a-1-0.conda"),
        locked("b", "https://c.example/main/noarch/b-1-0.tar.bz2", sha256="1" * 64),
        locked("c", "https://files.example/c%2Bd-1-py3-none-any.whl#x", "pip"),
        locked("e", "https://files.example/e-1.tar.gz", "pip"),
    ]
    wanted, builds = want_packages(packages, "conda-lock.yml")
    assert [file.name for file in wanted] == [
        "linux-64/a-1-0.conda",
        "noarch/b-1-0.tar.bz2",
        "c+d-1-py3-none-any.whl",
        "e-1.tar.gz",
    ]
    assert builds == ["e-1.tar.gz"]
    for name in ("linux-64/a-1-0.conda", "c+d-1-py3-none-any.whl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    items = items_of_lock(packages, "conda-lock.yml")
    take_from([tmp_path / "nothing", tmp_path], items)
    assert [item.local for item in items] == [tmp_path / "linux-64/a-1-0.conda", None]
    first, second = pip_lines(packages, [tmp_path])
    assert first.startswith(f"c @ {tmp_path.as_uri()}/c%2Bd-1-py3-none-any.whl --hash=sha256:")
    assert second == f"e @ https://files.example/e-1.tar.gz --hash=sha256:{SHA}"
    for package in (
        locked("a", "https://c.example/m/noarch/a-1-0.conda", sha256=""),
        locked("a", "https://c.example/m/../a-1-0.conda"),
    ):
        with pytest.raises(HelperError) as caught:
            want_packages([package], "x.yml")
        assert caught.value.code == "E_CONDA_LOCK"
