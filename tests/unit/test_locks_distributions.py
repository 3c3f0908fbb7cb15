"""Distributions that tests make: whether they are what the packaging specifications say."""

from __future__ import annotations

import base64
import csv
import gzip
import hashlib
import io
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import build_backend
import pytest
from distributions import Distribution, make_sdist, make_wheel, write_source
from packaging.metadata import Metadata
from packaging.requirements import InvalidRequirement
from packaging.tags import parse_tag
from packaging.utils import InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename
from packaging.version import InvalidVersion, Version

UV = Path(__file__).resolve().parents[2] / ".dev" / "bin" / "uv"
STEM = "rich_wheel-1.0.0rc1+local.2"


def rich_wheel() -> Distribution:
    """Return a wheel that has something of everything."""
    return make_wheel(
        "Rich.Wheel",
        "1.0.0-rc.1+local.2",
        ["idna>=3", 'tomli; python_version < "3.11"'],
        ">=3.9",
        {
            "loud": ["bell>1; os_name == 'a' or os_name == 'b'", "far @ http://127.0.0.1/f.zip"],
            "none": [],
        },
        {"rich_wheel/data, odd.txt": "ü", f"{STEM}.data/scripts/odd": b"#!python\n"},
        "py2.py3-none-any",
        commands={"rich": "rich_wheel:main"},
        build="2",
    )


def members(wheel: Distribution) -> dict[str, bytes]:
    """Return the files of a wheel."""
    with zipfile.ZipFile(io.BytesIO(wheel.content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == sorted(set(archive.namelist()), key=archive.namelist().index)
        return {name: archive.read(name) for name in archive.namelist()}


def unpack(sdist: Distribution, folder: Path) -> Path:
    """Unpack an sdist, and return its one folder."""
    with tarfile.open(fileobj=io.BytesIO(sdist.content)) as archive:
        for member in archive.getmembers():
            content = archive.extractfile(member)
            assert content is not None and not member.name.startswith(("/", "."))
            path = folder / member.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.read())
    return folder / sdist.filename[: -len(".tar.gz")]


def private_env(home: Path) -> dict[str, str]:
    """Return what uv needs to run, and to leave everything below its HOME."""
    return {"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home)}


def build(source: Path, into: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Build a source tree with uv, offline."""
    env = private_env(into.parent)
    command = [str(UV), "build", "--offline", "--python", sys.executable, "-o", str(into)]
    command += [*words, str(source)]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)


def test_the_names_of_files_are_those_of_the_specifications() -> None:
    wheel = rich_wheel()
    name, version, number, tags = parse_wheel_filename(wheel.filename)
    assert (name, version, number) == ("rich-wheel", Version("1.0.0rc1+local.2"), (2, ""))
    assert tags == parse_tag("py2.py3-none-any")
    assert wheel.filename == f"{STEM}-2-py2.py3-none-any.whl"
    assert (wheel.name, wheel.project) == ("Rich.Wheel", "rich-wheel")
    sdist = make_sdist("Some-.Name", "1!2.0post1")
    assert sdist.filename == "some_name-1!2.0.post1.tar.gz"
    assert parse_sdist_filename(sdist.filename) == ("some-name", Version("1!2.0.post1"))
    assert (wheel.is_wheel, sdist.is_wheel) == (True, False)


def test_the_record_lists_every_file_with_its_digest() -> None:
    files = members(rich_wheel())
    record = files.pop(f"{STEM}.dist-info/RECORD").decode()
    rows = {path: (digest, size) for path, digest, size in csv.reader(io.StringIO(record))}
    assert rows.pop(f"{STEM}.dist-info/RECORD") == ("", "")
    assert set(rows) == set(files)
    for path, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
        assert rows[path] == (f"sha256={digest}", str(len(content)))


def test_what_a_wheel_says_of_itself() -> None:
    wheel = rich_wheel()
    files = members(wheel)
    assert files["rich_wheel/data, odd.txt"] == "ü".encode()
    assert b'__version__ = "1.0.0rc1+local.2"' in files["rich_wheel/__init__.py"]
    assert (
        files[f"{STEM}.dist-info/entry_points.txt"]
        == b"[console_scripts]\nrich = rich_wheel:main\n"
    )
    about = files[f"{STEM}.dist-info/WHEEL"].decode().splitlines()
    assert about[-3:] == ["Tag: py2-none-any", "Tag: py3-none-any", "Build: 2"]
    assert files[f"{STEM}.dist-info/METADATA"] == wheel.metadata
    metadata = Metadata.from_email(wheel.metadata, validate=True)
    assert (metadata.name, str(metadata.requires_python)) == ("Rich.Wheel", ">=3.9")
    assert [str(requirement) for requirement in metadata.requires_dist or []] == [
        "idna>=3",
        'tomli; python_version < "3.11"',
        'bell>1; (os_name == "a" or os_name == "b") and extra == "loud"',
        'far @ http://127.0.0.1/f.zip ; extra == "loud"',
    ]
    assert metadata.provides_extra == ["loud", "none"]


def test_the_same_bytes_every_time_and_everywhere() -> None:
    assert rich_wheel() == rich_wheel()
    assert make_sdist("a", "1") == make_sdist("a", "1")
    other_order = {"b.py": "b", "a.py": "a"}
    wheel = make_wheel("a", "1", files={"a.py": "a", "b.py": "b"})
    assert wheel == make_wheel("a", "1", files=other_order)
    # Locks that tests expect have such digests in them.
    digest = "495a466bb7d59cd2103ef6c6cc4841dc2df6e0b14b1f16d511f391f6119ff473"
    assert wheel.sha256 == digest
    _, content = build_backend.pack_sdist("a", "1", {"b": b"b" * 100_000, "a": b"a"})
    digest = "ef97d7faa9176df7f8879f95921a7b9e5c73d1ace314c8e61c791d48aef9a244"
    assert hashlib.sha256(content).hexdigest() == digest


@pytest.mark.parametrize("size", [0, 1, 65534, 65535, 65536, 131070, 131071])
def test_gzip_reads_what_is_packed(size: int) -> None:
    data = bytes(number % 251 for number in range(size))
    assert gzip.decompress(build_backend.gzip_data(data)) == data


@pytest.mark.parametrize("make", [make_wheel, make_sdist])
def test_nonsense_is_refused(make: Callable[..., Distribution]) -> None:
    with pytest.raises(InvalidVersion):
        make("a", "one")
    with pytest.raises(InvalidRequirement):
        make("a", "1", ["b=>1"])


def test_tags_without_three_parts_are_refused() -> None:
    with pytest.raises((ValueError, InvalidWheelFilename)):
        make_wheel("a", "1", tag="py3-any")


def test_an_sdist_is_a_source_tree_with_its_metadata(tmp_path: Path) -> None:
    needs: Any = (["idna>=3"], ">=3.9", {"loud": ["bell"]})
    sdist = make_sdist("my-lib", "1.0", *needs)
    root = unpack(sdist, tmp_path / "unpacked")
    assert (root / "PKG-INFO").read_bytes() == sdist.metadata
    metadata = Metadata.from_email(sdist.metadata, validate=True)
    assert [str(line) for line in metadata.requires_dist or []] == [
        "idna>=3",
        'bell; extra == "loud"',
    ]
    assert not metadata.dynamic
    tree = write_source(tmp_path / "tree", "my-lib", "1.0", *needs)
    (root / "PKG-INFO").unlink()
    listed = [
        {p.relative_to(top): p.read_bytes() for p in top.rglob("*.*")} for top in (root, tree)
    ]
    assert listed[0] == listed[1]


def test_its_backend_builds_what_the_makers_make(tmp_path: Path) -> None:
    more: dict[str, Any] = {
        "requires": ["idna"],
        "files": {"my_lib/x.txt": "x"},
        "commands": {"lib": "my_lib:run"},
    }
    tree = write_source(tmp_path / "my tree", "My_Lib", "1.0", **more)
    result = build(tree, tmp_path / "dist", "--sdist", "--wheel")
    assert result.returncode == 0, result.stderr
    for made in (make_wheel("My_Lib", "1.0", **more), make_sdist("My_Lib", "1.0", **more)):
        assert (tmp_path / "dist" / made.filename).read_bytes() == made.content
    root = unpack(make_sdist("My_Lib", "1.0", **more), tmp_path / "unpacked")
    assert build(root, tmp_path / "again", "--wheel").returncode == 0
    (wheel,) = (tmp_path / "again").glob("*.whl")
    assert wheel.read_bytes() == make_wheel("My_Lib", "1.0", **more).content


def test_a_dynamic_sdist_tells_its_dependencies_to_who_builds_it(tmp_path: Path) -> None:
    sdist = make_sdist("a", "1", ["idna"], ">=3.9", dynamic=True)
    assert b"Dynamic: Requires-Dist\n" in sdist.metadata
    assert b"idna" not in sdist.metadata and b"Requires-Python" not in sdist.metadata.splitlines()
    root = unpack(sdist, tmp_path / "unpacked")
    assert "[project]" not in (root / "pyproject.toml").read_text()
    assert build(root, tmp_path / "dist", "--wheel").returncode == 0
    wheel = make_wheel("a", "1", ["idna"], ">=3.9")
    assert (tmp_path / "dist" / wheel.filename).read_bytes() == wheel.content


def test_a_build_that_fails_says_its_words(tmp_path: Path) -> None:
    tree = write_source(tmp_path / "tree", "a", "1", build_fails="error: no Fortran here")
    result = build(tree, tmp_path / "dist", "--wheel")
    assert result.returncode != 0
    assert "error: no Fortran here" in result.stderr
    assert not list((tmp_path / "dist").glob("*.whl"))


def test_what_a_build_needs_is_missing_offline(tmp_path: Path) -> None:
    tree = write_source(tmp_path / "tree", "a", "1", build_requires=["rare-tool>=2"])
    result = build(tree, tmp_path / "dist", "--wheel")
    assert result.returncode != 0
    assert "rare-tool" in result.stderr


def test_an_editable_install_leads_to_the_source(tmp_path: Path) -> None:
    tree = write_source(tmp_path / "my tree", "my-lib", "1.0")
    env = private_env(tmp_path)
    target = tmp_path / "target"
    command = [str(UV), "pip", "install", "--offline", "--python", sys.executable]
    command += ["--target", str(target), "-e", str(tree)]
    subprocess.run(command, env=env, check=True, capture_output=True, timeout=120)
    (link,) = target.glob("*.pth")
    assert link.read_text() == f"{tree / 'src'}\n"
    assert (target / "my_lib-1.0.dist-info/METADATA").read_bytes() == make_wheel(
        "my-lib", "1.0"
    ).metadata


def test_a_file_is_written_where_one_says(tmp_path: Path) -> None:
    wheel = make_wheel("a", "1")
    path = wheel.write(tmp_path / "new" / "folder")
    assert path.name == wheel.filename
    assert hashlib.sha256(path.read_bytes()).hexdigest() == wheel.sha256
