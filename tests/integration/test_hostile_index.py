"""What an index may serve: wheels that are more, or less, than they say, through uv and pip.

Each is asked for with nothing in the way, and nothing of it may stay: neither in the environment
nor beside it. Where uv itself protects, the test shows that it does.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pytest
from code_cases import bring, brings
from distributions import Distribution, make_wheel
from hostile_wheels import make_hostile
from lock_user import drop_uv
from pyve_test_helpers import Pyve, snapshot
from sync_user import ask, installed

# Would be left by code that was executed.
TRACE = "import os; open(os.path.join(os.path.expanduser('~'), 'executed'), 'w').close()\n"
POINTS = "{0}-1.0.dist-info/entry_points.txt"

# name -> (what is served, what is said)
REFUSED: dict[str, tuple[Distribution, str, str]] = {
    wheel.name: (wheel, code, words)
    for wheel, code, words in (
        (
            make_hostile("unrecorded", {"unrecorded.pth": TRACE}, unrecorded=["unrecorded.pth"]),
            "E_PACKAGE_RECORD",
            "unrecorded 1.0: RECORD has no hash of unrecorded.pth",
        ),
        (
            make_hostile("liar", lies={"liar.py": TRACE}),
            "E_PACKAGE_RECORD",
            "liar 1.0: liar.py has",
        ),
        (
            make_hostile("double", twice={"double.py": TRACE}),
            "E_INDEX",
            "multiple entries with different contents for: double.py",
        ),
        (
            make_hostile("masked", {"alpha-9.dist-info/METADATA": "Name: alpha\nVersion: 9\n"}),
            "E_INDEX",
            "Multiple .dist-info directories found: alpha-9",
        ),
        (
            make_hostile("config", {"config-1.0.data/data/pyvenv.cfg": "home = /tmp\n"}),
            "E_PACKAGE_ESCAPES",
            "pyvenv.cfg is a file of the environment itself",
        ),
        (
            make_hostile("state", {"state-1.0.data/data/pyve.state": "path=/tmp\n"}),
            "E_PACKAGE_ESCAPES",
            "pyve.state is a file of the environment itself",
        ),
        (
            make_hostile("activates", {"activates-1.0.data/scripts/activate": "touch ~/executed"}),
            "E_PACKAGE_ESCAPES",
            "bin/activate is a file of the environment itself",
        ),
        (
            make_hostile("snake", {"snake-1.0.data/scripts/python": "#!/bin/sh\ntouch ~/executed"}),
            "E_",
            "python",
        ),
        (
            make_hostile("pointer", {POINTS.format("pointer"): "[console_scripts]\n../../x=a:b\n"}),
            "E_",
            "../../x",
        ),
        (
            make_hostile("option", {POINTS.format("option"): "[console_scripts]\n-rf = a:b\n"}),
            "E_PACKAGE_ESCAPES",
            "option 1.0: option-1.0.dist-info/entry_points.txt:2: -rf is no name for a script",
        ),
        (
            make_hostile("starter", {"starter.pth": f"# first\n{TRACE}"}),
            "E_STARTUP_CODE",
            "starter 1.0: starter.pth:2: import os; open(",
        ),
        (
            make_hostile("customizer", {"sitecustomize.py": TRACE}),
            "E_STARTUP_CODE",
            "customizer 1.0: sitecustomize.py:1: is executed as a whole",
        ),
        (
            make_hostile(
                "sideways", {"sideways-1.0.data/purelib/usercustomize/__init__.py": TRACE}
            ),
            "E_STARTUP_CODE",
            "sideways 1.0: usercustomize is imported at each start",
        ),
        (
            make_hostile("pathfinder", {"pathfinder.pth": "/tmp\n"}),
            "E_STARTUP_CODE",
            "pathfinder 1.0: pathfinder.pth:1: adds /tmp to the path",
        ),
    )
}
# What uv leaves out of what it unpacks, or makes harmless; the rest of the wheel is used.
HARMLESS = (
    make_hostile("climber", {"../../../../../climbed": "x", "a/../../../../../../climbed": "x"}),
    make_hostile("rooted", {"/tmp/pyve-test-rooted": "x"}),
    make_hostile("linker", {"linker_link": "/etc/hostname"}, links=["linker_link"]),
)
DISTRIBUTIONS = (
    make_wheel("alpha", "1.0"),
    *(wheel for wheel, _, _ in REFUSED.values()),
    *HARMLESS,
)


def left_outside(user: Pyve) -> list[str]:
    """List what stands where a package could have put it by leaving its place."""
    found = [
        str(path) for path in (user.root / "executed", user.home / "executed") if path.exists()
    ]
    found += [str(path) for path in user.root.rglob("climbed")]
    return found + [path for path in ("/tmp/pyve-test-rooted",) if os.path.exists(path)]


def refuse_all(user: Pyve, names: Iterable[str]) -> None:
    """See each of these refused beside what is installed, and nothing changed by it."""
    ask(user, "alpha")
    user.ok("sync")
    here = installed(user)
    before = snapshot(user.project / ".venv")
    for name in names:
        _, code, words = REFUSED[name]
        ask(user, "alpha", name)
        document = user.json("sync")
        codes = [one["code"] for one in document["diagnostics"]]
        assert len(codes) == 1, f"{name}: {document}"
        said = document["diagnostics"][0]
        assert said["code"].startswith(code), f"{name}: {said}"
        assert words in "\n".join([said["message"], *said["why"]]), f"{name}: {said}"
        assert snapshot(user.project / ".venv") == before, f"{name}: the environment was changed"
        assert left_outside(user) == [], name
    assert installed(user) == here


@pytest.mark.parametrize("store", ["on", "off"])
def test_what_uv_has_unpacked_is_refused(store: str, user: Pyve) -> None:
    user.write(".pyve/config", f"backend: venv\nstore: {store}\n")
    refuse_all(user, REFUSED)
    assert not list((user.home / ".cache/pyve/store").glob("v1/tmp/*")), "nothing half is left"


def test_what_pip_has_unpacked_is_refused(user: Pyve) -> None:
    drop_uv(user)
    refuse_all(user, ["liar", "config", "starter"])


@pytest.mark.parametrize("store", ["on", "off"])
def test_members_that_lead_out_are_left_out_by_uv(store: str, user: Pyve) -> None:
    user.write(".pyve/config", f"backend: venv\nstore: {store}\n")
    ask(user, *(wheel.name for wheel in HARMLESS))
    user.ok("sync")
    assert {f"{wheel.name} 1.0" for wheel in HARMLESS} <= set(installed(user))
    assert left_outside(user) == []
    where = (
        "import linker, os; print(os.path.join(os.path.dirname(linker.__file__), 'linker_link'))"
    )
    link = Path(user.ok("run", "python", "-c", where).rstrip("\n"))
    assert not link.is_symlink()
    assert link.read_text() == "/etc/hostname"


@brings("E_PACKAGE_RECORD")
def test_a_wrong_record_is_let_through_by_name(user: Pyve) -> None:
    ask(user, "liar")
    failure = bring(user, "E_PACKAGE_RECORD", "sync")
    assert failure.fixes[0].text == "pyve config set sync.allow_record liar"
    failure.apply()
    failure.check_gone()
    assert "liar 1.0" in installed(user)


@brings("E_STARTUP_CODE")
def test_start_up_code_is_allowed_by_name(user: Pyve) -> None:
    user.write(".pyve/config", "backend: venv\nsync:\n  allow_startup:\n    - other  # mine\n")
    ask(user, "starter")
    failure = bring(user, "E_STARTUP_CODE", "sync")
    assert failure.fixes[0].text == "pyve config set sync.allow_startup other starter"
    assert left_outside(user) == []
    failure.apply()
    failure.check_gone()
    user.ok("run", "python", "-c", "pass")
    assert left_outside(user) != [], "now it is executed"
    # Without the leave it is refused again, where it is not installed yet.
    user.ok("config", "unset", "sync.allow_startup")
    user.ok("purge", "--yes")
    user.fails("sync", code="E_STARTUP_CODE")


@brings("E_PACKAGE_ESCAPES")
def test_a_package_that_leaves_its_place_has_to_go(user: Pyve) -> None:
    ask(user, "config")
    failure = bring(user, "E_PACKAGE_ESCAPES", "sync")
    failure.by_hand("config 1.0", "pyvenv.cfg")
    ask(user, "alpha")
    failure.check_gone()


@brings("E_ARCHIVE")
def test_a_hostile_archive_is_neither_fetched_nor_taken_from_a_folder(
    user: Pyve, tmp_path: Path
) -> None:
    ask(user, "climber")
    folder = tmp_path / "wheels"
    failure = bring(user, "E_ARCHIVE", "prefetch", str(folder))
    assert list(folder.iterdir()) == []
    HARMLESS[0].write(folder)
    said = user("sync", "--find-links", str(folder))
    assert "[E_ARCHIVE]" in said.stderr
    assert left_outside(user) == []
    failure.by_hand("climber-1.0", "leads out of its folder")
    ask(user, "alpha")
    failure.check_gone()
