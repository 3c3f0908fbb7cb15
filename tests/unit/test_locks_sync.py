"""What a sync hands to uv, and what it makes of uv's words."""

from __future__ import annotations

from pathlib import Path

import pytest
from distributions import make_wheel

from pyve_locks.links import Links
from pyve_locks.lock_file import LockFile, parse_lock
from pyve_locks.project_install import find_installed, hidden, is_package
from pyve_locks.sync import (
    Changes,
    explain_sync,
    is_local,
    made_lock,
    needs_made_lock,
    read_changes,
)

SHA = "0" * 64
LOCK = f"""\
lock-version = "1.0"
created-by = "x"
extras = ["web"]
dependency-groups = ["dev", "docs"]
default-groups = ["dev", "pyve-default"]

[[packages]]
name = "alpha"
version = "1.0"
wheels = [
    {{ url = "https://files.example.org/a%2Bb/alpha-1.0-py3-none-any.whl", hashes = {{ sha256 = "{SHA}" }} }},
    {{ url = "https://files.example.org/alpha-1.0-py2-none-any.whl", hashes = {{ sha256 = "{SHA}" }} }},
]

[[packages]]
name = "lib"
directory = {{ path = "../lib x" }}

[[packages]]
name = "tool"
directory = {{ path = "tool", editable = true }}
"""  # noqa: E501


@pytest.fixture
def lock(tmp_path: Path) -> LockFile:
    return parse_lock(LOCK, tmp_path / "pylock.toml")


def test_the_lines_of_uv_are_told_apart() -> None:
    said = (
        "Using Python 3.11.7 environment at: /x\nUninstalled 2 packages in 1ms\n"
        " - Alpha==1.0\n + alpha==1.1\n + beta==2.0\n - gone==3\n ~ same==4.0\n"
        " + lib @ file:///lib\n - lib==1.0 (from file:///lib)\n + url==1 (from https://u:secret@x/y)\n"
    )
    assert read_changes(said) == Changes(
        ("beta 2.0", "url 1"),
        ("alpha 1.0 1.1", "lib 1.0 file:///lib", "same 4.0 4.0"),
        ("gone 3",),
    )
    left = Changes(removed=("my-shop 1", "b 2")).without({"My_Shop"})
    assert left.removed == ("b 2",)
    assert read_changes("Would make no changes\n") == Changes()


def test_no_password_is_among_the_changes() -> None:
    (line,) = read_changes(" + lib @ https://user:secret@example.org/lib.whl\n").added
    assert "secret" not in line


def test_a_lock_is_made_only_when_options_cannot_say_it(lock: LockFile) -> None:
    assert not needs_made_lock(lock, True, [])
    assert needs_made_lock(lock, False, [])
    assert needs_made_lock(lock, True, [Links("x", Path())])
    assert not needs_made_lock(LockFile({"packages": []}), False, [])


def test_without_default_groups_what_always_counts_stays(lock: LockFile, tmp_path: Path) -> None:
    made = parse_lock(made_lock(lock, tmp_path, False, []), tmp_path / "pylock.toml")
    # One that is no group stands for what is always installed.
    assert made["default-groups"] == ["pyve-default"]
    assert lock["default-groups"] == ["dev", "pyve-default"], "the one that was given is the same"


def test_paths_are_absolute_and_files_come_from_the_folder(lock: LockFile, tmp_path: Path) -> None:
    links = tmp_path / "all wheels"
    make_wheel("alpha", "1.0").write(links)
    made = parse_lock(
        made_lock(lock, tmp_path, True, [Links("all wheels", tmp_path)]), tmp_path / "pylock.toml"
    )
    alpha, lib, tool = made.packages
    assert alpha["wheels"][0] == {
        "path": str(links / "alpha-1.0-py3-none-any.whl"),
        "hashes": {"sha256": SHA},
    }
    assert alpha["wheels"][1]["url"].startswith("https://")
    assert lib["directory"]["path"] == f"{tmp_path}/../lib x"
    assert tool["directory"] == {"path": f"{tmp_path}/tool", "editable": True}


def test_only_a_folder_that_is_copied_may_change_unseen(lock: LockFile) -> None:
    assert [is_local(package) for package in lock.packages] == [False, True, False]


@pytest.mark.parametrize(
    ("said", "code", "fix"),
    [
        (
            "error: The requested interpreter resolved to Python 3.11.7, which is incompatible "
            "with the `pylock.toml`'s Python requirement: `>=3.13`",
            "E_SYNC_PYTHON",
            ["pyve init --force --python-version 3.13"],
        ),
        (
            "error: Package `x` can't be installed because it doesn't have a source distribution "
            "or wheel for the current platform",
            "E_SYNC_PLATFORM",
            [],
        ),
        (
            "error: Package `x` can't be installed because it is marked as `--no-build` but has no "
            "binary distribution",
            "E_SYNC_BUILD",
            ["pyve sync --frozen"],
        ),
        (
            "error: Failed to build `x==1`\n  cause: The build backend returned an error",
            "E_SYNC_BUILD",
            [],
        ),
        ("error: Failed to download `x`\n  cause: Hash mismatch for `x`", "E_INDEX", []),
        ("error: x has size 1, but the lockfile records 2", "E_INDEX", []),
        ("error: HTTP status client error (404 Not Found) for url (https://x)", "E_INDEX", []),
        ("error: (401 Unauthorized) for url (https://x)", "E_INDEX_AUTH", []),
        ("error: Network connectivity is disabled, but", "E_INDEX_OFFLINE", ["pyve sync"]),
        ("error: failed to write\n  cause: No space left on device", "E_DISK_FULL", []),
        ("error: something that nobody knows", "E_SYNC", []),
    ],
)
def test_uvs_words_become_a_diagnostic(
    said: str, code: str, fix: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    again = {"E_SYNC_BUILD": " --frozen --no-build", "E_INDEX_OFFLINE": " --offline"}.get(code, "")
    monkeypatch.setenv("PYVE_AGAIN", f"pyve sync{again}")
    error = explain_sync(f"Using Python 3.11 environment at: /e\n{said}\n", "/e")
    assert (error.code, error.fix) == (code, fix)
    assert error.why
    assert not any(line.startswith(("error:", "Using")) for line in error.why)


# --- the project itself


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, False),
        ({"pyproject.toml": '[project]\nname = "x"\n'}, False),
        ({"pyproject.toml": '[project]\nname = "x"\n[build-system]\nrequires = []\n'}, True),
        ({"pyproject.toml": '[project]\nname = "x"\n[tool.uv]\npackage = true\n'}, True),
        ({"pyproject.toml": "[build-system]\n[tool.uv]\npackage = false\n"}, False),
        ({"setup.py": ""}, True),
        ({"setup.py": "", "pyproject.toml": "[tool.black]\n"}, True),
        ({"setup.py": "", "pyproject.toml": "no toml"}, True),
    ],
)
def test_a_project_with_a_build_backend_can_be_installed(
    tmp_path: Path, files: dict[str, str], expected: bool
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert is_package(tmp_path) is expected


def test_the_projects_own_install_is_found_and_hidden(tmp_path: Path) -> None:
    root = tmp_path / "my project"
    site = tmp_path / "env/lib/python3.11/site-packages"
    root.mkdir()
    for name, text in (
        ("shop-1.0", f'{{"url": "{root.as_uri()}", "dir_info": {{"editable": true}}}}'),
        ("copied-1.0", f'{{"url": "{root.as_uri()}", "dir_info": {{}}}}'),
        ("other-1.0", '{"url": "file:///other", "dir_info": {"editable": true}}'),
        ("odd-1.0", "no JSON"),
    ):
        (site / f"{name}.dist-info").mkdir(parents=True)
        (site / f"{name}.dist-info/direct_url.json").write_text(text)
    found = find_installed(tmp_path / "env", root)
    assert [path.name for path in found] == ["shop-1.0.dist-info"]
    with pytest.raises(RuntimeError), hidden(tmp_path / "env", found):
        assert not found[0].exists()
        raise RuntimeError
    assert (found[0] / "direct_url.json").exists()
    assert sorted(path.name for path in (tmp_path / "env").iterdir()) == ["lib"]
