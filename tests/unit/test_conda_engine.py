"""The parts of the built-in conda engine that need no engine: what is read, decided and said."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conda_archive import Entry, Package, add_package, pack, store_as_zstandard, write_index

from conda_stand_in import read_arguments
from pyve_conda.channels import (
    expand_variables,
    split_archive_url,
    split_subdir,
    strip_credentials,
)
from pyve_conda.failures import explain_channel, explain_download, explain_install
from pyve_conda.fetch import Item, check_digest, digest_of, local_path
from pyve_conda.link import MARKER, mend_texts, remove_tree
from pyve_conda.prefix import (
    escape_in_python,
    list_packages,
    quote_in_double,
    state_of,
    verify_prefix,
)
from pyve_conda.records import items_of_lock, pip_lines, select_packages
from pyve_conda.solve import tidy_explanation
from pyve_conda.virtual import default_virtual_packages, override
from pyve_core import HelperError

STRANGE = ["plain", "with blank", "don't", 'say "x"', "a$HOME", "back`tick`", "back\\slash", "ü"]


@pytest.mark.parametrize("path", STRANGE)
def test_a_path_survives_the_quotes_of_shell_and_python(path: str) -> None:
    script = f"printf %s {quote_in_double(path)}"
    shell = subprocess.run(["sh", "-c", script], capture_output=True, text=True)
    assert shell.stdout == path
    literal = f"'''{quote_in_double(path)} '''"
    compile(literal, "literal", "eval")
    for quote in "'\"":
        assert ast.literal_eval(quote + escape_in_python(path) + quote) == path


@pytest.mark.parametrize("name", STRANGE)
def test_a_command_starts_wherever_it_is(tmp_path: Path, name: str) -> None:
    prefix = tmp_path / name
    (prefix / "bin").mkdir(parents=True)
    (prefix / "bin/python").symlink_to(sys.executable)
    command = prefix / "bin/greet"
    line = f"'''exec' \"{prefix}/bin/python\" \"$0\" \"$@\" #'''"
    command.write_text(f"#!/bin/sh\n{line}\nimport sys\nprint(sys.argv[1])\n")
    command.chmod(0o755)
    entry = {"_path": "bin/greet", "path_type": "unix_python_entry_point", "sha256": ""}
    mend_texts(prefix, {"paths_data": {"paths": [entry]}})
    result = subprocess.run([command, "a  b"], capture_output=True, text=True)
    assert result.stdout == "a  b\n", result.stderr


def test_credentials_are_taken_out_of_urls() -> None:
    assert strip_credentials("https://me:pw@host:8/c/x") == "https://host:8/c/x"
    assert strip_credentials("https://host/t/tk-1/c/x") == "https://host/c/x"
    assert strip_credentials("file:///a%20b/c") == "file:///a%20b/c"


def test_variables_are_expanded_in_urls_only() -> None:
    assert expand_variables("https://$A:${B}@h/c", {"A": "x", "B": "y"}) == "https://x:y@h/c"
    assert expand_variables("name$A", {}) == "name$A"
    with pytest.raises(HelperError) as error:
        expand_variables("https://me:${NOT}@h/c", {})
    assert error.value.code == "E_CONDA_CHANNEL"
    assert "me:" not in "".join(error.value.why)


def test_urls_and_channels_are_taken_apart() -> None:
    assert split_subdir("conda-forge/linux-64") == ("conda-forge", "linux-64")
    assert split_subdir("conda-forge/label/dev") == ("conda-forge/label/dev", "")
    assert split_archive_url("https://h/c/noarch/a-1-0.conda#x") == (
        "https://h/c",
        "noarch",
        "a-1-0.conda",
    )
    assert local_path("file:///a%20b/%C3%BC") == Path("/a b/ü")
    assert local_path("https://h/x") is None


def test_virtual_packages_of_platforms(monkeypatch: pytest.MonkeyPatch) -> None:
    linux = default_virtual_packages("linux-64")
    assert linux["__glibc"] == ("2.28", "0") and linux["__archspec"] == ("1", "x86_64")
    assert default_virtual_packages("osx-arm64") == {
        "__archspec": ("1", "arm64"),
        "__unix": ("0", "0"),
        "__osx": ("11.0", "0"),
    }
    assert "__unix" not in default_virtual_packages("win-64")
    monkeypatch.setenv("CONDA_OVERRIDE_GLIBC", "2.17")
    monkeypatch.setenv("CONDA_OVERRIDE_CUDA", "")
    monkeypatch.setenv("CONDA_OVERRIDE_ARCHSPEC", "zen4")
    changed = override(linux)
    assert changed["__glibc"] == ("2.17", "0")
    assert changed["__archspec"] == ("1", "zen4")
    assert "__cuda" not in changed


def test_the_solvers_explanation_is_made_readable() -> None:
    text = (
        "Cannot solve the request because of: The following packages are incompatible\n"
        "├─ teapot * can be installed with any of the following options:\n"
        "│  └─ teapot 1.0 would require\n"
        '│     └─ libwater <1.1[channel="file:///x/"]\n'
        "├─ the constraint libwater >=1.1 cannot be fulfilled\n"
        "└─ the constraint libwater >=1.1 cannot be fulfilled\n"
    )
    assert tidy_explanation(text, "env.yml") == [
        "teapot can be installed with any of the following options:",
        "└─ teapot 1.0 would require",
        "   └─ libwater <1.1",
        "env.yml asks for libwater >=1.1",
    ]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("HTTP status client error (401 Unauthorized) for url (http://x/)", "E_CONDA_AUTH"),
        ("HTTP status client error (404 Not Found) for url (http://x/)", "E_CONDA_MISSING"),
        ("HTTP status server error (503 Service Unavailable) for url", "E_CONDA_NETWORK"),
        ("No space left on device (os error 28)", "E_DISK_FULL"),
        ("error sending request for url", "E_CONDA_NETWORK"),
    ],
)
def test_failed_downloads_are_told_apart(text: str, code: str) -> None:
    url = "http://127.0.0.1:1/c/noarch/a-1-0.conda"
    error = explain_download(text, url, "a-1", "/cache")
    assert error.code == code
    assert error.fix == (["pyve init"] if code == "E_CONDA_NETWORK" else [])


def test_failed_channels_and_installs_are_told_apart() -> None:
    gone = "could not find subdir 'noarch' in channel 'file:///x/'\nCaused by: no such file"
    assert explain_channel(gone, False, "/c").code == "E_CONDA_CHANNEL"
    assert explain_channel("no usable repodata cache", True, "/c").code == "E_CONDA_OFFLINE"
    torn = "failed to fetch a-1-0.conda\nCaused by: an io error occurred: unexpected end of file"
    error = explain_install(torn, "/p")
    assert (error.code, error.message) == ("E_CONDA_ARCHIVE", "the archive a-1-0.conda is damaged")
    assert explain_install("failed to link a\nCaused by: os error 28", "/p").code == "E_DISK_FULL"
    other = explain_install("failed to link a\nCaused by: b", "/p")
    assert (other.code, other.why) == ("E_CONDA_LINK", ["failed to link a", "b"])


def locked(name: str, **more: Any) -> Any:
    """Return a package of a lock."""
    values = {
        "name": name,
        "version": "1.0",
        "manager": "conda",
        "platform": "linux-64",
        "category": "main",
        "url": f"https://h/c/linux-64/{name}-1.0-h0_0.conda",
        "md5": "0" * 32,
        "sha256": "0" * 64,
    }
    return SimpleNamespace(**{**values, **more})


def test_packages_of_a_lock_are_chosen() -> None:
    packages = [
        locked("b"),
        locked("a", category="dev"),
        locked("a", category="docs"),
        locked("c", platform="osx-64"),
        locked("d", manager="pip", url="https://h/d-1.0-py3-none-any.whl"),
    ]
    assert [p.name for p in select_packages(packages, "linux-64", [])] == ["b", "d"]
    chosen = select_packages(packages, "linux-64", ["dev", "docs"])
    assert [p.name for p in chosen] == ["a", "b", "d"]
    assert [item.stem for item in items_of_lock(chosen, "lock")] == ["a-1.0-h0_0", "b-1.0-h0_0"]
    digest = "0" * 64
    assert pip_lines(chosen) == [f"d @ https://h/d-1.0-py3-none-any.whl --hash=sha256:{digest}"]


@pytest.mark.parametrize(
    "change",
    [
        {"url": "https://h/c/linux-64/other-1.0-h0_0.conda"},
        {"url": "https://h/c/linux-64/a-1.0-h0_0.exe"},
        {"url": "a-1.0-h0_0.conda"},
        {"sha256": "abc"},
        {"md5": "../../x"},
    ],
)
def test_what_cannot_be_right_in_a_lock_is_refused(change: dict[str, str]) -> None:
    with pytest.raises(HelperError) as error:
        items_of_lock([locked("a", **change)], "conda-lock.yml")
    assert error.value.code == "E_CONDA_LOCK"


def test_the_stronger_digest_counts(tmp_path: Path) -> None:
    file = tmp_path / "a-1-0.conda"
    file.write_bytes(b"content")
    md5, sha256 = digest_of(file, "md5"), digest_of(file, "sha256")
    check_digest(Item("https://h/c/noarch/a-1-0.conda", "0" * 32, sha256), file)
    check_digest(Item("https://h/c/noarch/a-1-0.conda", md5, ""), file)
    for item in (Item("https://me:pw@h/c/noarch/a-1-0.conda", md5, "0" * 64),):
        with pytest.raises(HelperError) as error:
            check_digest(item, file)
        assert error.value.code == "E_CONDA_HASH"
        assert "pw" not in "".join(error.value.why)


def make_prefix(prefix: Path) -> None:
    """Make a prefix as micromamba would, with one package of two files."""
    (prefix / "conda-meta").mkdir(parents=True)
    (prefix / "conda-meta" / "history").write_text("")
    (prefix / "bin").mkdir()
    (prefix / "bin/tool").write_text("tool")
    record = {
        "name": "tool",
        "version": "1",
        "build": "h_0",
        "channel": "https://h/c",
        "url": "https://h/c/noarch/tool-1-h_0.conda",
        "md5": "0" * 32,
        "files": ["bin/tool", "lib/x/__pycache__/y.pyc"],
        "paths_data": {
            "paths_version": 1,
            "paths": [
                {
                    "_path": "bin/tool",
                    "path_type": "hardlink",
                    "sha256": "49c649d1c7a2c85a8d72fb62b05c7d44a57dd19de5ce9d6a8ec97c0b6b4d4dd7",
                    "size_in_bytes": 4,
                },
                {"_path": "lib/x/__pycache__/y.pyc", "path_type": "pyc_file"},
            ],
        },
    }
    (prefix / "conda-meta" / "tool-1-h_0.json").write_text(json.dumps(record))


def test_prefixes_are_listed_and_compared(tmp_path: Path) -> None:
    prefix = tmp_path / "env"
    assert state_of(prefix) == "missing"
    make_prefix(prefix)
    assert state_of(prefix) == "complete"
    (package,) = list_packages(prefix)
    assert (package["kind"], package["name"], package["build"]) == ("conda", "tool", "h_0")
    assert verify_prefix(prefix) == [("changed", "tool", "bin/tool")]
    assert verify_prefix(prefix, quick=True) == []
    (prefix / "bin/tool").write_text("longer")
    assert verify_prefix(prefix, quick=True) == [("size", "tool", "bin/tool")]
    (prefix / "conda-meta" / "broken-1-0.json").write_text("{")
    assert verify_prefix(prefix)[0] == ("unreadable", "", "conda-meta/broken-1-0.json")
    (prefix / MARKER).touch()
    assert verify_prefix(prefix) == [("unfinished", "", "")]


def test_the_marker_is_removed_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prefix = tmp_path / "env"
    make_prefix(prefix)
    (prefix / MARKER).touch()
    removed = []
    unlink = os.unlink

    def note(path: Any, *args: Any, **more: Any) -> None:
        removed.append(os.path.basename(path))
        unlink(path, *args, **more)

    monkeypatch.setattr(os, "unlink", note)
    remove_tree(prefix, keep_marker=True)
    assert os.listdir(prefix) == [MARKER]
    assert MARKER not in removed
    remove_tree(prefix)
    assert not prefix.exists()


def test_condas_command_line_is_taken_apart() -> None:
    words = "create --prefix /p --dry-run --json --override-channels --channel a --channel b x"
    command, values, specs = read_arguments([*words.split(" "), "y >=1"])
    assert (command, specs) == ("create", ["x", "y >=1"])
    assert values == {"p": ["/p"], "c": ["a", "b"]}


def test_packages_for_tests_are_always_the_same_bytes(tmp_path: Path) -> None:
    package = Package("a", "1", {"share/b c": Entry("x"), "bin/d": Entry(link="../share/b c")})
    assert pack(package) == pack(package)
    record = add_package(tmp_path, package, sha256="0" * 64)
    write_index(tmp_path, [record], ("noarch", "linux-64"))
    index = json.loads((tmp_path / "noarch/repodata.json").read_text())
    assert index["packages.conda"][record["fn"]]["sha256"] == "0" * 64
    with zipfile.ZipFile(tmp_path / "noarch" / record["fn"]) as archive:
        assert archive.testzip() is None
        assert [n.split("-")[0] for n in archive.namelist()] == ["metadata.json", "pkg", "info"]


def test_stored_zstandard_is_what_other_programs_read() -> None:
    zstd = "/usr/bin/zstd"
    if not os.path.exists(zstd):
        pytest.skip("NOT TESTED: there is no zstd on this machine")
    for data in (b"", b"x", bytes(range(256)) * 2000):
        frame = store_as_zstandard(data)
        result = subprocess.run([zstd, "-dc"], input=frame, capture_output=True)
        assert result.stdout == data, result.stderr
