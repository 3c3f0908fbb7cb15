"""pyve lock in projects of the venv backend: what it writes, keeps and says."""

from __future__ import annotations

import re
import sys

from code_cases import bring, brings
from distributions import make_wheel
from local_index import LocalIndex
from lock_user import WHEELS, ask, configure, connect, own, read, shared, text, user, versions
from pyve_test_helpers import Pyve, snapshot

__all__ = ["own", "shared", "user"]

HERE = ".".join(map(str, sys.version_info[:2]))


def test_a_lock_is_written_once_and_is_current_then(user: Pyve) -> None:
    assert user.ok("lock") == "✓ Wrote pylock.toml (2 packages)\n"
    assert versions(user) == {"alpha": "1.1", "beta": "1.0"}
    before = snapshot(user.project)
    assert user.ok("lock") == "✓ pylock.toml is current and stays as it is\n"
    # A check starts no Python, needs no toolchain, no tool and no network.
    (user.bin / "uv").unlink()
    nothing = str(user.home / "nothing")
    said = user.ok("lock", "--check", PYVE_TOOLCHAIN=nothing, UV_DEFAULT_INDEX="http://127.0.0.1:9")
    assert said == "✓ pylock.toml is current\n"
    assert snapshot(user.project) == before
    assert not (user.project / ".pyve" / "tmp").exists()


def test_from_any_folder_and_without_a_config(pyve: Pyve, shared: LocalIndex) -> None:
    connect(pyve, shared)
    ask(pyve, "ring")
    pyve.ok("lock")
    assert sorted(path.name for path in pyve.project.iterdir()) == [
        "pylock.toml",
        "requirements.in",
    ]
    pyve.write(".pyve/config", "backend: venv\n")
    (pyve.project / "deep").mkdir()
    assert "current" in pyve.ok("lock", "--check", cwd=pyve.project / "deep")


@brings("E_LOCK_STALE")
def test_what_was_changed_makes_it_stale_and_is_named(user: Pyve) -> None:
    user.ok("lock")
    ask(user, "beta >= 1", "ring")
    before = snapshot(user.project)
    failure = bring(user, "E_LOCK_STALE", "lock", "--check")
    assert failure.why.splitlines() == ["beta: any version -> >=1", "added ring"]
    assert failure.document["detail"]["status"] == "stale"
    assert snapshot(user.project) == before
    assert failure.fixes[0].text == "pyve lock"
    failure.apply()
    failure.check_gone()
    assert read(user)["packages"][-1]["name"] == "ring"


def test_comments_and_order_cost_no_solving(user: Pyve, own: LocalIndex) -> None:
    connect(user, own)
    ask(user, "beta", "ring")
    user.ok("lock")
    packages = read(user).packages
    asked = len(own.requests)
    own.add(make_wheel("ring", "2.0"))
    ask(user, "# for bells", "ring", "beta   # the best")
    assert "is current" in user.ok("lock", "--check")
    user.ok("lock")
    assert len(own.requests) == asked
    assert read(user).packages == packages
    # And the next check needs no helper again.
    assert "is current" in user.ok("lock", "--check", PYVE_TOOLCHAIN="/no/such/folder")


def test_another_manifest_that_comes_first_is_noticed(user: Pyve) -> None:
    user.ok("lock")
    user.write("pyproject.toml", '[project]\nname = "shop"\nversion = "1"\ndependencies = []\n')
    failure = bring(user, "E_LOCK_STALE", "lock", "--check")
    failure.says("removed beta")
    user.write("pyproject.toml", "[tool.other]\nkey = 1\n")
    assert "is current" in user.ok("lock", "--check")
    # What [project] goes before does not count.
    user.write("pyproject.toml", '[project]\nname = "shop"\nversion = "1"\ndependencies = []\n')
    user.ok("lock")
    ask(user, "ring")
    assert "is current" in user.ok("lock", "--check", PYVE_TOOLCHAIN="/no/such/folder")


def test_upgrades_move_what_they_name(user: Pyve, own: LocalIndex) -> None:
    connect(user, own)
    ask(user, "alpha", "ring", "dated")
    user.ok("lock")
    first = {"alpha": "2.0", "ring": "1.0", "dated": "2.0"}
    assert versions(user) == first
    for name in ("alpha", "ring", "dated"):
        own.add(make_wheel(name, "9.0"))
    ask(user, "alpha", "ring", "dated", "beta; python_version < '3'")
    user.ok("lock")
    assert versions(user) == first
    assert "ring 1.0 -> 9.0" in user.ok("lock", "--upgrade", "Ring")
    assert versions(user) == {**first, "ring": "9.0"}
    assert "dated 2.0 -> 9.0" in user.ok("lock", "--upgrade=dated")
    document = user.json("lock", "--upgrade")
    assert document["detail"]["changes"] == ["alpha 2.0 -> 9.0"]
    assert document["detail"]["changed"] is True
    failure = bring(user, "E_PACKAGE_UNKNOWN", "lock", "--upgrade", "rnig")
    assert failure.fixes[0].text == "pyve lock --upgrade ring"


def test_pre_releases_stay_welcome_until_all_is_upgraded(user: Pyve) -> None:
    ask(user, "alpha")
    user.ok("lock", "--pre")
    assert versions(user) == {"alpha": "3.0rc1"}
    assert "is current" in user.ok("lock", "--check")
    ask(user, "alpha", "ring")
    user.ok("lock")
    assert versions(user) == {"alpha": "3.0rc1", "ring": "1.0"}
    user.ok("lock", "--upgrade")
    assert versions(user) == {"alpha": "2.0", "ring": "1.0"}
    assert "prerelease: no -> yes" in user.fails("lock", "--check", "--pre", code="E_LOCK_STALE")


def test_the_config_says_platforms_pythons_and_how_old(user: Pyve) -> None:
    ask(user, "dated")
    user.ok("lock")
    assert versions(user) == {"dated": "2.0"}
    assert read(user)["requires-python"] == f">={HERE}"
    configure(user, "  platforms: [osx-arm64, linux-64]", "  cooldown: 2024-03-01")
    said = user.fails("lock", "--check", code="E_LOCK_STALE")
    assert "platforms: any -> linux-64, osx-arm64" in said
    assert "exclude-newer: any -> 2024-03-01" in said
    user.ok("lock", "--upgrade")
    assert versions(user) == {"dated": "1.0"}
    assert read(user).pyve["platforms"] == ["linux-64", "osx-arm64"]
    assert len(read(user)["environments"]) == 2
    # In the other form of a list, and in another order, it is the same; without any it stays.
    configure(user, "  platforms:", "    - linux-64", "    - osx-arm64", "  cooldown: 2024-03-01")
    nowhere = {"PYVE_TOOLCHAIN": "/no/such/folder"}
    assert "is current" in user.ok("lock", "--check", **nowhere)
    configure(user, f'  python: ">={HERE},<4"')
    assert f"python: any -> >={HERE},<4" in user.fails("lock", "--check", code="E_LOCK_STALE")
    user.ok("lock")
    assert read(user)["requires-python"] in (f">={HERE},<4", f">={HERE}, <4", f"<4,>={HERE}")
    assert read(user).pyve["platforms"] == ["linux-64", "osx-arm64"]
    assert read(user).pyve["exclude-newer"] == "2024-03-01"
    assert "is current" in user.ok("lock", "--check", **nowhere)
    # What is given goes before the config.
    user.ok("lock", "--platform", "win-64", "--exclude-newer", "7d", "--upgrade")
    assert read(user).pyve["platforms"] == ["win-64"]
    assert versions(user) == {"dated": "2.0"}


def conflict(one: str, other: str) -> str:
    """Join two texts as git does when it cannot merge them."""
    import difflib

    lines: list[str] = []
    first, second = one.splitlines(True), other.splitlines(True)
    for tag, a, b, c, d in difflib.SequenceMatcher(None, first, second, False).get_opcodes():
        if tag == "equal":
            lines += first[a:b]
        else:
            lines += ["<<<<<<< HEAD\n", *first[a:b], "=======\n", *second[c:d], ">>>>>>> topic\n"]
    return "".join(lines)


def test_of_a_merge_conflict_both_sides_are_kept(user: Pyve, own: LocalIndex) -> None:
    connect(user, own)
    ask(user, "alpha<2")
    user.ok("lock")
    ask(user, "alpha<2", "dated<2")
    user.ok("lock")
    mine = text(user)
    ask(user, "alpha<2", "ring")
    user.ok("lock")
    theirs = text(user)
    for name in ("alpha", "dated", "ring"):
        own.add(make_wheel(name, "1.9"))
    ask(user, "alpha<2", "dated<2", "ring")
    user.write("pylock.toml", conflict(mine, theirs))
    assert "conflict marks" in user.fails("lock", "--check", code="E_LOCK_STALE")
    user.ok("lock")
    assert versions(user) == {"alpha": "1.1", "dated": "1.0", "ring": "1.0"}
    assert "<<<<" not in text(user)
    assert "is current" in user.ok("lock", "--check")


def test_another_tools_lock_gives_its_versions(user: Pyve, shared: LocalIndex) -> None:
    wheel = next(one for one in WHEELS if (one.name, one.version) == ("alpha", "1.0"))
    url = shared.file_url(wheel.filename)
    user.write(
        "pylock.toml",
        'lock-version = "1.0"\ncreated-by = "other"\n\n[[packages]]\nname = "alpha"\n'
        f'version = "1.0"\nindex = "{shared.url}"\n'
        f'wheels = [{{ url = "{url}", hashes = {{ sha256 = "{wheel.sha256}" }} }}]\n',
    )
    assert "other made it" in user.fails("lock", "--check", code="E_LOCK_STALE")
    user.ok("lock")
    assert versions(user) == {"alpha": "1.0", "beta": "1.0"}


# --- status and doctor


def test_status_and_doctor_go_by_the_same_rule(user: Pyve) -> None:
    def states() -> tuple[str, str, str]:
        detail = user.json("status")["detail"]
        return detail["lock"]["state"], detail["lock"]["basis"] or "", detail["next"]

    user.init("--update")
    assert states()[0] == "none"
    user.ok("lock")
    assert states()[:2] == ("current", "digest")
    ask(user, "beta", "# the best")
    assert states()[:2] == ("current", "content")
    ask(user, "beta", "ring")
    assert states() == ("stale", "content", "pyve lock")
    assert "added ring" in user.ok("status")
    (fault,) = user.json("doctor", "--only", "lock-stale")["diagnostics"]
    assert (fault["code"], fault["why"]) == ("W_LOCK_STALE", ["added ring"])
    assert [fix["command"] for fix in fault["fix"]] == [["pyve", "lock"]]
    user.ok("lock")
    configure(user, "  platforms: [win-64]")
    assert states() == ("stale", "digest", "pyve lock")
    user.ok("lock")
    state, _, command = states()
    assert state == "platform-missing"
    assert command.endswith("--platform win-64")
    (fault,) = user.json("doctor", "--only", "lock-platform")["diagnostics"]
    assert fault["code"] == "E_LOCK_PLATFORM"
    assert ["pyve", *command.split()[1:]] == fault["fix"][0]["command"]
    configure(user, "  cooldown: 7d")
    user.ok(*command.split()[1:])
    assert states()[0] == "current"
    whole = text(user)
    user.write("pylock.toml", conflict(whole, whole.replace("1.1", "1.0")))
    assert states() == ("stale", "content", "pyve lock")
    user.write("requirements.in", "beta >> 1\n")
    user.write("pylock.toml", whole)
    # The lock is well, and what it was made from is not.
    assert states()[:2] == ("stale", "content")
    (user.project / "requirements.in").unlink()
    assert states()[0] == "alone"


def test_an_environment_of_another_lock_needs_a_sync(user: Pyve) -> None:
    user.init("--update")
    user.ok("lock")
    detail = user.json("status")["detail"]
    assert (detail["state"], detail["next"]) == ("needs-env", "pyve sync")
    user.ok("sync")
    assert user.json("status")["detail"]["state"] == "consistent"
    ask(user, "beta", "ring")
    user.ok("lock")
    detail = user.json("status")["detail"]
    assert (detail["state"], detail["next"]) == ("needs-env", "pyve sync")
    user.ok("sync")
    assert user.json("status")["detail"]["state"] == "consistent"


def test_the_check_reads_what_the_helper_writes(user: Pyve) -> None:
    # A file whose name has blanks, several files, an empty one.
    user.write("requirements.in", "-r 'my files/a b.in'\n-r empty.in\nbeta\n")
    user.write("my files/a b.in", "ring\n")
    user.write("empty.in", "")
    user.ok("lock")
    nowhere = {"PYVE_TOOLCHAIN": "/no/such/folder"}
    assert "is current" in user.ok("lock", "--check", **nowhere)
    user.write("empty.in", "dated\n")
    assert "added dated" in user.fails("lock", "--check", code="E_LOCK_STALE")
    (user.project / "empty.in").unlink()
    user.fails("lock", "--check", code="E_MANIFEST")
    # Without sha256sum, the others do.
    user.write("empty.in", "")
    assert "is current" in user.ok("lock", "--check")


def test_help_tells_it_all(user: Pyve) -> None:
    page = user.ok("help", "lock")
    for word in ("--exclude-newer", "lock.cooldown", "pylock.toml", "conda-lock.yml"):
        assert re.search(re.escape(word), page), word
