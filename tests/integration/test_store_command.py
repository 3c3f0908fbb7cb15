"""pyve store: info, verify, repair and gc of a store that pyve sync has filled."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from distributions import make_sdist, make_wheel
from local_index import LocalIndex
from made_store import add_to, take_from, write_into
from pyve_test_helpers import TREE, Pyve, obey_modes
from sync_user import ask

DISTRIBUTIONS = (
    make_wheel("alpha", "1.0", ["beta"], files={"alpha/data.txt": "data of alpha\n" * 200_000}),
    make_wheel("beta", "1.0", files={"beta/deep/data.txt": "data of beta\n" * 500}),
    make_wheel("gamma", "1.0"),
    make_sdist("built", "1.0"),
)


def store_of(pyve: Pyve) -> Path:
    return pyve.home / ".cache" / "pyve" / "store" / "v1"


def entry_of(pyve: Pyve, environment: Path | None = None) -> Path:
    """The part of the store that an environment uses."""
    text = ((environment or pyve.venv) / "pyve.state").read_text()
    (line,) = [line for line in text.splitlines() if line.startswith("store=")]
    return Path(line[len("store=") :])


def detail(pyve: Pyve, *words: str) -> dict[str, Any]:
    """Run pyve store, expect success, and return what it answers."""
    document: dict[str, Any] = json.loads(pyve.ok("--json", "store", *words))
    return dict(document["detail"])


def du(*places: Path) -> int:
    """What du says, in bytes."""
    command = ["du", "-s", "-B", "1", "--total", *map(str, places)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(result.stdout.splitlines()[-1].split()[0])


def copy_project(pyve: Pyve, name: str) -> Path:
    """Make a second checkout of the project, and an environment in it."""
    folder = pyve.root / name
    folder.mkdir()
    for file in ("pyproject.toml", "pylock.toml"):
        shutil.copy(pyve.project / file, folder / file)
    pyve.ok("sync", "--frozen", cwd=folder)
    return folder


# --- info


def test_without_a_store(pyve: Pyve) -> None:
    assert "There is no store yet" in pyve.ok("store", "info")
    assert "Freed 0 bytes" in pyve.ok("store", "gc")
    assert pyve.ok("store", "verify") and pyve.ok("store", "repair")
    assert not (pyve.home / ".cache" / "pyve" / "store").exists()
    assert "pyve store gc" in pyve.ok("store")


def test_info_tells_true_bytes_and_who_uses_what(shop: Pyve) -> None:
    second = copy_project(shop, "second $(touch x)")
    third = copy_project(shop, "third")
    fourth = copy_project(shop, "fourth")
    third.rename(shop.root / "elsewhere")
    shutil.rmtree(fourth)
    before = du(store_of(shop))
    found = detail(shop, "info")
    assert found["bytes"] == before == du(store_of(shop))
    (one,) = found["environments"]
    assert one["digest"] == entry_of(shop).name
    assert one["packages"] == 2 and one["used"]
    assert one["environments"] == sorted([str(shop.venv), str(second / ".venv")])
    assert one["elsewhere"] == 1
    assert sorted(item["state"] for item in one["records"]) == ["gone", "gone", "here", "here"]
    assert found["bytes_saved"] > 0
    text = shop.ok("store", "info")
    assert str(second / ".venv").replace(str(shop.home), "~") in text
    assert "1 environment that no record names" in text
    assert "fourth/.venv is gone: removed or moved" in text
    # A project that has left the store, and was in it more than once, is named once.
    for option in ("--no-store", "", "--no-store"):
        shutil.rmtree(shop.venv)
        shop.ok("sync", *([option] if option else []))
    assert shop.ok("store", "info").count("does not use it any more") == 1


# --- gc


def test_gc_removes_what_no_project_uses_and_says_what_du_says(shop: Pyve) -> None:
    second = copy_project(shop, "second")
    before = du(store_of(shop), shop.project, second)
    assert detail(shop, "gc")["removed"] == []
    assert du(store_of(shop), shop.project, second) == before
    ask(shop, "gamma")
    shop.ok("sync", cwd=shop.project)
    moved = second.rename(shop.root / "moved")
    # Both are in use: one by a project that was moved.
    assert detail(shop, "gc")["removed"] == []
    assert entry_of(shop, moved / ".venv").is_dir()
    shutil.rmtree(moved)
    places = store_of(shop), shop.project
    before = du(*places)
    planned = detail(shop, "gc", "--dry-run")
    assert du(*places) == before and planned["dry_run"] is True
    done = detail(shop, "gc")
    assert len(done["removed"]) == 1 and done["in_use"] == [entry_of(shop).name]
    assert done["freed"] == before - du(*places) == planned["freed"] > 0
    assert done["bytes"] == du(store_of(shop)) == planned["bytes"]
    shop.ok("run", "python", "-c", "import gamma")
    # The next project with the old lock gets it anew.
    ask(shop, "alpha")
    shop.ok("sync")
    shop.ok("run", "python", "-c", "import alpha, beta")


def test_the_limits_of_gc(shop: Pyve) -> None:
    shop.ok("purge", "--yes")
    assert detail(shop, "gc", "--older-than", "1d")["within_limits"]
    assert detail(shop, "gc", "--max-size", "5G")["within_limits"]
    assert detail(shop, "gc", "--max-size", "5G", "--older-than", "0d")["removed"]
    assert list((store_of(shop) / "envs").iterdir()) == []


def test_gc_while_others_sync_run_verify_and_repair(shop: Pyve) -> None:
    """What each says is what it would say without the others, and nothing is lost."""
    lock = (shop.project / "pyproject.toml").read_text(), (shop.project / "pylock.toml").read_text()
    code = (
        "for i in 1 2 3; do rm -rf .venv; {0} sync --frozen && {0} run python -c 'import alpha' "
        "|| exit 1; done"
    )
    workers = []
    for number in range(3):
        folder = shop.root / f"worker {number}"
        folder.mkdir()
        for name, text in zip(("pyproject.toml", "pylock.toml"), lock):
            (folder / name).write_text(text)
        workers.append((code, folder))
    workers.append(("for i in 1 2 3 4 5; do {0} store gc || exit 1; done", shop.root))
    workers.append(
        ("for i in 1 2 3; do {0} store verify && {0} store repair || exit 1; done", shop.root)
    )
    # (The only one that used it so far is gone.)
    shutil.rmtree(shop.venv)
    started = [
        subprocess.Popen(
            ["bash", "-c", script.format(f"'{TREE}/pyve.sh'")],
            cwd=folder,
            env=shop.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for script, folder in workers
    ]
    for process in started:
        said, _ = process.communicate(timeout=300)
        assert process.returncode == 0, said
    assert "every file is as it was" in shop.ok("store", "verify")
    assert not list((store_of(shop) / "tmp").iterdir())
    for number in range(3):
        shop.ok("run", "python", "-c", "import beta", cwd=shop.root / f"worker {number}")


# --- verify and repair


def test_verify_lists_each_file_for_programs(shop: Pyve) -> None:
    entry = entry_of(shop)
    write_into(entry / "site/alpha/data.txt", b"D")
    take_from(entry / "site/beta/deep/data.txt")
    add_to(entry / "site/alpha", "new\nline.py")
    document = json.loads(shop("--json", "store", "verify").stdout)
    assert document["exit_code"] == 1
    faults = {
        (item["path"], item["fault"])
        for item in document["detail"]["faults"]
        if item["environment"]
    }
    assert faults == {
        ("site/alpha/data.txt", "changed"),
        ("site/beta/deep/data.txt", "missing"),
        ("site/alpha/new\nline.py", "extra"),
    }
    said = shop.fails("store", "verify", entry.name[:8], code="E_STORE_DAMAGED")
    assert "new?line.py" in said


def test_repair_fetches_just_what_is_damaged(shop: Pyve, index: LocalIndex) -> None:
    second = copy_project(shop, "second")
    ask(shop, "alpha", "gamma")
    shop.ok("sync")
    first, other = entry_of(shop), entry_of(shop, second / ".venv")
    assert first != other
    shop.env["UV_NO_CACHE"] = "1"
    path = "site/beta/deep/data.txt"
    assert (first / path).stat().st_ino == (other / path).stat().st_ino
    write_into(first / path, b"D")
    index.requests.clear()
    mended = detail(shop, "repair")["mended"]
    assert {item["digest"] for item in mended} == {first.name, other.name}
    assert [name for name in index.downloads if name.endswith(".whl")] == [
        "beta-1.0-py3-none-any.whl"
    ]
    for entry in (first, other):
        assert (entry / path).read_bytes() == b"data of beta\n" * 500
    assert (first / path).stat().st_ino == (other / path).stat().st_ino
    assert "every file is as it was" in shop.ok("store", "verify")
    shop.ok("run", "python", "-c", "import beta")
    # The environments still count.
    assert detail(shop, "gc")["removed"] == []


def test_repair_needs_no_network_for_bytecode_and_for_what_the_pool_has(
    shop: Pyve, index: LocalIndex
) -> None:
    entry = entry_of(shop)
    (code,) = (entry / "site/alpha/__pycache__").glob("__init__.*.pyc")
    write_into(code, b"XXXX")
    take_from(entry / "site/beta/deep/data.txt")
    (entry / "site").chmod(0o755)
    (entry / "site/hollow/deep/er").mkdir(parents=True)
    (entry / "site").chmod(0o555)
    index.requests.clear()
    shop.ok("store", "repair", "--offline", UV_NO_CACHE="1")
    assert index.requests == []
    assert "every file is as it was" in shop.ok("store", "verify")
    assert not list(shop.site_packages.glob("alpha*"))
    shop.ok("run", "python", "-c", "import alpha")


def test_repair_of_what_was_built(user: Pyve) -> None:
    ask(user, "built")
    user.ok("lock")
    user.ok("sync")
    (path,) = (entry_of(user) / "site").glob("built*/__init__.py")
    data = path.read_bytes()
    write_into(path, b"#")
    user.ok("store", "repair")
    assert path.read_bytes() == data
    assert "every file is as it was" in user.ok("store", "verify")


def test_repair_without_network_says_so_and_leaves_all_as_it_was(
    shop: Pyve, index: LocalIndex
) -> None:
    entry = entry_of(shop)
    write_into(entry / "site/beta/deep/data.txt", b"D")
    shop.env["UV_NO_CACHE"] = "1"
    before = sorted((str(path), path.lstat().st_ino) for path in entry.rglob("*"))
    said = shop.fails("store", "repair", "--offline")
    assert "beta" in said and "[E_STORE_REPAIR]" not in said
    assert sorted((str(path), path.lstat().st_ino) for path in entry.rglob("*")) == before
    assert not list((store_of(shop) / "tmp").iterdir())
    shop.ok("store", "repair")


def test_a_repair_that_is_killed_can_be_repeated(shop: Pyve) -> None:
    entry = entry_of(shop)
    write_into(entry / "site/beta/deep/data.txt", b"D")
    process = subprocess.Popen(
        shop.command("store", "repair"),
        cwd=shop.project,
        env=shop.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    while process.poll() is None and not list((store_of(shop) / "tmp").iterdir()):
        pass
    os.killpg(process.pid, 9)
    process.wait()
    shop.ok("run", "python", "-c", "import alpha, beta")
    shop.ok("store", "repair")
    assert "every file is as it was" in shop.ok("store", "verify")
    shop.ok("store", "gc")
    assert not list((store_of(shop) / "tmp").iterdir())


# --- as an ordinary user


def test_all_of_it_without_the_rights_of_root(user: Pyve) -> None:
    """Root may write into read-only folders, which hides mistakes."""
    user.before = obey_modes()
    ask(user, "alpha")
    user.ok("lock")
    user.ok("sync")
    entry = entry_of(user)
    with pytest.raises(AssertionError):
        user.ok("run", "python", "-c", "open(__import__('alpha').__file__, 'a')")
    write_into(entry / "site/beta/deep/data.txt", b"D")
    (entry / "site/alpha").chmod(0o000)
    said = user.fails("store", "verify", code="E_STORE_DAMAGED")
    assert "site/alpha" in said and "alpha/data.txt" not in said
    user.ok("store", "repair")
    assert "every file is as it was" in user.ok("store", "verify")
    assert detail(user, "gc")["in_use"] == [entry.name]
    user.ok("run", "python", "-c", "import alpha, beta")
    user.ok("purge", "--yes")
    assert detail(user, "gc")["removed"] == [entry.name]
    assert list((store_of(user) / "envs").iterdir()) == []
