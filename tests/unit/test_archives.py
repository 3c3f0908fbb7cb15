"""What archives of packages may have in them: helpers/pyve_files/archives.py."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import pytest
from distributions import Distribution, make_sdist, make_wheel
from hostile_wheels import make_hostile, make_tarball

from pyve_core import HelperError
from pyve_files.archives import check_archive

HOSTILE: dict[str, tuple[Distribution, str]] = {
    "absolute": (make_hostile("evil", {"/tmp/out": "x"}), "/tmp/out has an absolute path"),
    "dots": (make_hostile("evil", {"a/../../out": "x"}), "a/../../out leads out"),
    "backslash": (make_hostile("evil", {"..\\out": "x"}), "leads out of its folder"),
    "drive": (make_hostile("evil", {"C:/out": "x"}), "C:/out has an absolute path"),
    "link": (make_hostile("evil", {"link": "/etc"}, links=["link"]), "link is a link"),
    "twice": (make_hostile("evil", twice={"evil.py": "1"}), "evil.py is there twice"),
    "lie": (make_hostile("evil", lies={"evil.py": "1"}), "evil.py has another hash"),
    "unrecorded": (
        make_hostile("evil", {"evil.pth": "import os\n"}, unrecorded=["evil.pth"]),
        "evil.pth is in no RECORD",
    ),
    "missing": (make_hostile("evil", more_rows=["gone.py,sha256=AA,1"]), "gone.py, which is not"),
    "no record": (make_hostile("evil", record=b""), "evil.py is in no RECORD"),
    "no hash": (
        make_hostile("evil", {"x.py": ""}, unrecorded=["x.py"], more_rows=["x.py,,"]),
        "RECORD has no hash of x.py",
    ),
    "weak hash": (
        make_hostile("evil", {"x.py": ""}, unrecorded=["x.py"], more_rows=["x.py,md5=AA,0"]),
        "RECORD has no hash of x.py",
    ),
    "two answers": (
        make_hostile("evil", more_rows=["evil.py,sha256=AA,1"]),
        "RECORD has evil.py twice",
    ),
    "two infos": (
        make_hostile("evil", {"pip-9.dist-info/METADATA": "Name: pip"}),
        "it has 2 .dist-info folders",
    ),
    "config": (
        make_hostile("evil", {"evil-1.0.data/data/pyvenv.cfg": "home = /tmp"}),
        "pyvenv.cfg would be a file of the environment itself",
    ),
    "state": (
        make_hostile("evil", {"evil-1.0.data/data/./pyve.state": "x"}),
        "pyve.state would be a file of the environment itself",
    ),
    "interpreter": (
        make_hostile("evil", {"evil-1.0.data/scripts/python3.12": "x"}),
        "python3.12 is no name for a script",
    ),
    "activate": (
        make_hostile("evil", {"evil-1.0.data/scripts/activate.fish": "x"}),
        "activate.fish is no name for a script",
    ),
    "entry point": (
        make_hostile(
            "evil", {"evil-1.0.dist-info/entry_points.txt": "[console_scripts]\n\n../x = a:b\n"}
        ),
        "entry_points.txt:3: ../x is no name for a script",
    ),
    "option": (
        make_hostile(
            "evil", {"evil-1.0.dist-info/entry_points.txt": "[ gui_scripts ]\n-rf = a:b\n"}
        ),
        "entry_points.txt:2: -rf is no name for a script",
    ),
}


def refuse(path: Path, thorough: bool = True) -> str:
    with pytest.raises(HelperError) as caught:
        check_archive(path, thorough)
    assert caught.value.code == "E_ARCHIVE"
    return "\n".join(caught.value.why)


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_wheel_is_refused_and_the_member_named(case: str, tmp_path: Path) -> None:
    wheel, words = HOSTILE[case]
    assert words in refuse(wheel.write(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == [wheel.filename]


def test_names_alone_are_judged_without_reading_the_members(tmp_path: Path) -> None:
    lie = HOSTILE["lie"][0].write(tmp_path / "lie")
    check_archive(lie, thorough=False)
    assert "is in no RECORD" in refuse(HOSTILE["unrecorded"][0].write(tmp_path), False)


@pytest.mark.parametrize(
    "wheel",
    [
        make_wheel("plain", "1.0"),
        make_wheel("with-data", "1.0", files={"with_data-1.0.data/scripts/tool": "#!python\n"}),
        make_wheel("argcomplete", "3", commands={"activate-global-python-argcomplete": "a:b"}),
        make_wheel("scripts", "1", commands={"python-config-of-mine": "a:b", "py.test": "a:b"}),
    ],
    ids=lambda wheel: wheel.name,
)
def test_an_ordinary_wheel_passes(wheel: Distribution, tmp_path: Path) -> None:
    check_archive(wheel.write(tmp_path))


def test_an_ordinary_sdist_passes(tmp_path: Path) -> None:
    check_archive(make_sdist("plain", "1.0").write(tmp_path))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (make_tarball({"/tmp/out": "x"}), "/tmp/out has an absolute path"),
        (make_tarball({"evil/../../out": "x"}), "leads out"),
        (make_tarball({}, links={"evil/link": "/etc/passwd"}), "a link that leads out"),
        (make_tarball({}, links={"evil/a/link": "../../../x"}), "a link that leads out"),
        (make_tarball({}, hard={"evil/hard": "../x"}), "a link that leads out"),
        (make_tarball({"evil/d/x": "1"}, links={"evil/d": "."}), "through a link"),
        (make_tarball({}, devices=["evil/null"]), "evil/null is a device"),
        (make_tarball({"evil/x": "1", "evil/./x": "2"}), "is there twice"),
        (b"\x1f\x8b no archive", "it cannot be read"),
        (make_tarball({"evil/x": "1" * 9000})[:60], "it cannot be read"),
    ],
)
def test_a_hostile_sdist_is_refused(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "evil-1.0.tar.gz"
    path.write_bytes(content)
    assert words in refuse(path)


def test_links_inside_of_an_sdist_pass(tmp_path: Path) -> None:
    path = tmp_path / "plain-1.0.tar.gz"
    path.write_bytes(
        make_tarball({"p/x": "1"}, links={"p/a/up": "../x"}, hard={"p/same": "p/a/up"})
    )
    check_archive(path)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    wheel = tmp_path / "bomb-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.py", b"0")
    # The sizes that a zip archive says are those of its directory: no gigabyte is written here.
    data = bytearray(wheel.read_bytes())
    directory = data.index(b"PK\x01\x02")
    data[directory + 24 : directory + 28] = (1 << 31).to_bytes(4, "little")
    wheel.write_bytes(data)
    assert "far larger" in refuse(wheel)
    sdist = tmp_path / "bomb-1.0.tar"
    with open(sdist, "wb") as file:
        member = tarfile.TarInfo("bomb/x")
        member.size = 1 << 31
        file.write(member.tobuf())
        file.truncate(1 << 12)
    assert "far larger" in refuse(sdist)


def test_what_the_directory_calls_otherwise_than_the_member_is_refused(tmp_path: Path) -> None:
    wheel = make_hostile("evil", {"aaaa.py": "x"}).write(tmp_path)
    data = wheel.read_bytes()
    # Only the local header: who reads the archive from its beginning sees another name.
    wheel.write_bytes(data.replace(b"aaaa.py", b"bbbb.py", 1))
    assert "cannot be read" in refuse(wheel)


def test_other_files_are_not_looked_at_and_a_name_may_be_given(tmp_path: Path) -> None:
    part = tmp_path / ".evil.part"
    part.write_bytes(HOSTILE["absolute"][0].content)
    check_archive(part)
    with pytest.raises(HelperError) as caught:
        check_archive(part, name="evil-1.0-py3-none-any.whl")
    assert "evil-1.0-py3-none-any.whl" in caught.value.message


def test_names_are_shown_so_that_no_terminal_obeys_them(tmp_path: Path) -> None:
    wheel = make_hostile("evil", {"\x1b[31mred\n": "x"})
    words = refuse(wheel.write(tmp_path))
    assert "\x1b" not in words
    assert "\\x1b[31mred" in words


def test_many_faults_are_counted(tmp_path: Path) -> None:
    wheel = make_hostile("evil", {f"/tmp/{number}": "" for number in range(50)})
    assert "40 more like these" in refuse(wheel.write(tmp_path))
