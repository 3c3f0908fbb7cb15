"""`pyve self update`: the old Pyve or the new one at every moment, and back."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from code_cases import bring, brings, mends
from doctor_faults import Fault, find_fault, mend_fault
from pyve_test_helpers import Pyve, find_program, obey_modes, snapshot
from release_user import NEXT, kill_at, nothing_left, serve, update
from releases import BASE, Makers, installed, run, sign, versions

KILLS = int(os.environ.get("PYVE_TEST_KILLS", "8"))


@pytest.fixture
def user(pyve: Pyve, makers: Makers) -> Pyve:
    """A user who has installed version 9.0.0."""
    return makers.install(pyve)


# --- forth and back


def test_an_update_and_the_way_back(user: Pyve, offered: Path) -> None:
    source = os.path.relpath(offered, user.project)
    seen = update(user, source, "--check")
    assert seen == {"available": NEXT, "version": BASE, "updated": False}
    assert versions(user) == [BASE]
    seen = update(user, source)
    assert seen == {"available": NEXT, "version": NEXT, "previous": BASE, "updated": True}
    assert (installed(user), versions(user)) == (NEXT, [BASE, NEXT])
    before = snapshot(user.home)
    seen = update(user, source)
    assert seen == {"available": NEXT, "version": NEXT, "updated": False}
    assert snapshot(user.home) == before
    assert "Pyve 9.0.0 is in use again" in user.ok("self", "update", "--rollback", "--offline")
    assert installed(user) == BASE
    nothing_left(user)


@brings("E_RELEASE_ROLLBACK")
def test_going_back_twice(user: Pyve, offered: Path) -> None:
    """There is one way back, and no way back from there."""
    update(user, offered)
    user.ok("self", "update", "--rollback")
    before = installed(user)
    source = {"PYVE_RELEASES": str(offered)}
    failure = bring(user, "E_RELEASE_ROLLBACK", "self", "update", "--rollback", **source)
    assert installed(user) == before == BASE
    failure.apply()
    assert installed(user) == NEXT
    failure.check_gone()
    assert installed(user) == BASE


def test_only_the_version_before_is_kept(user: Pyve, makers: Makers) -> None:
    for version in (NEXT, "9.2.0", "9.10.0"):
        update(user, makers.release(version))
    assert versions(user) == ["9.2.0", "9.10.0"]
    update(user, makers.release(NEXT), "--version", NEXT)
    assert versions(user) == ["9.10.0", NEXT]


def test_the_newest_of_a_folder_is_taken_and_any_can_be_named(user: Pyve, makers: Makers) -> None:
    folder = makers.copy(NEXT, user.root / "all")
    for version in ("9.10.0", "9.2.0"):
        shutil.copy2(makers.release(version) / f"pyve-{version}.tar.gz", folder)
    sign(folder, makers.key)
    assert update(user, folder, "--check")["available"] == "9.10.0"
    assert update(user, folder, "--version", "9.2.0")["version"] == "9.2.0"
    assert update(user, folder, PYVE_RELEASES="/nowhere")["version"] == "9.10.0"


def test_what_is_uninstalled_after_an_update(makers: Makers, pyve: Pyve) -> None:
    before = snapshot(pyve.home)
    release = makers.release(NEXT)
    makers.set_version(BASE)
    pyve.env["SHELL"] = "/bin/bash"
    for name in ("ssh-keygen", "curl"):
        (pyve.bin / name).symlink_to(find_program(name))
    pyve.tree = makers.tree
    pyve.ok("self", "install")
    pyve.tree = pyve.home / ".local/share/pyve/app"
    update(pyve, release)
    pyve.ok("self", "uninstall", "--yes")
    assert snapshot(pyve.home) == before


def test_a_release_knows_where_the_next_one_is(user: Pyve, makers: Makers) -> None:
    """PYVE_RELEASE_URL of make release; installing from the unpacked archive keeps it, too."""
    place = user.root / "releases"
    makers.set_version("9.3.0")
    assert makers.make(user.root / "first", PYVE_RELEASE_URL=place.as_uri()).returncode == 0
    update(user, user.root / "first")
    makers.copy("9.10.0", place)
    said = user.ok("self", "update", "--check")
    assert "9.10.0 is there" in said
    assert said.endswith("To install it: pyve self update\n")
    said = user.ok("self", "update", "--check", "--from", str(place))
    assert said.endswith(f"To install it: pyve self update --from {place}\n")
    run("tar", "-xzf", user.root / "first/pyve-9.3.0.tar.gz", cwd=user.root)
    user.tree = user.root / "pyve-9.3.0"
    user.ok("self", "install")
    user.tree = user.home / ".local/share/pyve/app"
    assert "9.10.0 is there" in user.ok("self", "update", "--check")


def test_an_installation_whose_app_is_a_folder(user: Pyve, offered: Path) -> None:
    """As Pyve 2.0 made it."""
    app = user.tree
    tree = app.resolve()
    app.unlink()
    tree.rename(app)
    update(user, offered)
    assert (installed(user), versions(user)) == (NEXT, [NEXT])
    nothing_left(user)


# --- servers


def test_over_https(user: Pyve, offered: Path, certificate: Path) -> None:
    trusted = {"CURL_CA_BUNDLE": str(certificate)}
    with serve(offered, certificate) as server:
        assert update(user, f"{server.url}/", **trusted)["version"] == NEXT
    login = server.url.replace("//", "//name:secret@")
    said = user.fails("self", "update", "--from", login, code="E_RELEASE_DOWNLOAD", **trusted)
    assert "secret" not in said.replace(f"--from {login}", "")


@pytest.mark.parametrize("program", ["curl", "wget", "python"])
def test_https_does_not_lead_to_http(
    user: Pyve, offered: Path, certificate: Path, program: str
) -> None:
    """Whatever downloads here."""
    tools = user.root / "tools"
    shutil.copytree(user.env["PATH"].split(os.pathsep)[1], tools, symlinks=True)
    user.env["PATH"] = f"{user.bin}{os.pathsep}{tools}"
    for name in {"curl", "wget"} - {program}:
        (tools / name).unlink(missing_ok=True)
        (user.bin / name).unlink(missing_ok=True)
    if program == "wget":
        (user.home / ".wgetrc").write_text(f"ca_certificate={certificate}\n")
        user.env["WGETRC"] = str(user.home / ".wgetrc")
        (user.bin / "wget").unlink(missing_ok=True)
        (user.bin / "wget").symlink_to(find_program("wget"))
    trusted = {"CURL_CA_BUNDLE": str(certificate), "SSL_CERT_FILE": str(certificate)}
    with serve(offered, certificate) as server, serve(offered, None) as plain:
        update(user, server.url, "--check", **trusted)
        server.elsewhere = plain.url
        words = ("self", "update", "--from", server.url)
        user.fails(*words, code="E_RELEASE_DOWNLOAD", **trusted)


@brings("E_RELEASE_DOWNLOAD")
@pytest.mark.parametrize("part", ["SHA256SUMS", "SHA256SUMS.sig", f"pyve-{NEXT}.tar.gz"])
@pytest.mark.parametrize("how", ["half", "missing"])
def test_a_part_that_cannot_be_fetched(
    user: Pyve, offered: Path, certificate: Path, part: str, how: str
) -> None:
    before = snapshot(user.home)
    with serve(offered, certificate) as server:
        source = ("self", "update", "--from", server.url)
        if how == "half":
            server.short.add(part)
        else:
            (offered / part).rename(offered / "away")
        failure = bring(user, "E_RELEASE_DOWNLOAD", *source, CURL_CA_BUNDLE=str(certificate))
        failure.says(part, server.url)
        assert snapshot(user.home) == before
        if how == "half":
            server.short.clear()
        else:
            (offered / "away").rename(offered / part)
        failure.apply()
        failure.check_gone()
    assert installed(user) == NEXT


def test_no_network_and_a_server_that_nobody_knows(
    user: Pyve, offered: Path, certificate: Path
) -> None:
    with serve(offered, certificate) as server:
        said = user.fails("self", "update", "--from", server.url, code="E_RELEASE_DOWNLOAD")
        assert "certificate" in said
    user.fails("self", "update", "--from", server.url, code="E_RELEASE_DOWNLOAD")
    assert installed(user) == BASE
    nothing_left(user)


@brings("E_RELEASE_SOURCE")
def test_http_and_other_places_are_refused(user: Pyve, offered: Path) -> None:
    with serve(offered, None) as server:
        failure = bring(user, "E_RELEASE_SOURCE", "self", "update", "--from", server.url)
        failure.by_hand("over http", "https, file, or a folder")
    for bad in ("ftp://127.0.0.1/x", "https://127.0.0.1/x?token=1", "file://x y", "nowhere", "-"):
        user.fails("self", "update", "--from", bad, code="E_RELEASE_SOURCE")
    failure = bring(user, "E_RELEASE_SOURCE", "self", "update")
    failure.by_hand("--from, or in PYVE_RELEASES")
    failure.check_gone(PYVE_RELEASES=offered.as_uri())


@brings("E_USAGE_CONFLICT")
def test_offline_takes_folders_only(user: Pyve, offered: Path) -> None:
    words = ("self", "update", "--offline", "--from")
    failure = bring(user, "E_USAGE_CONFLICT", *words, "https://127.0.0.1:1")
    assert failure.fixes[0].argv == ["pyve", "self", "update", "--from", "https://127.0.0.1:1"]
    failure.count_as_gone()
    update(user, offered, "--offline")


# --- where it cannot be done


@brings("E_INSTALL_OTHER")
def test_a_checkout_is_for_git(user: Pyve, makers: Makers) -> None:
    """Its fix is the pull; here, one that changes nothing."""
    user.tree = makers.tree
    user.env["GIT_CONFIG_GLOBAL"] = "/dev/null"
    (user.bin / "git").unlink(missing_ok=True)
    user.add_program("git", f"#!/bin/sh\n[ \"$1 $3\" = '-C pull' ] && : >'{user.root}/pulled'\n")
    failure = bring(user, "E_INSTALL_OTHER", "self", "update")
    assert failure.fixes[0].argv == ["git", "-C", str(makers.tree), "pull"]
    failure.apply()
    assert (user.root / "pulled").exists()
    user.tree = user.home / ".local/share/pyve/app"
    failure.check_gone(PYVE_RELEASES=str(makers.release(NEXT)))


def test_a_copied_folder_is_for_whoever_copied_it(user: Pyve) -> None:
    shutil.copytree(user.tree.resolve(), user.root / "a copy")
    user.tree = user.root / "a copy"
    for words in ([], ["--rollback"], ["--check"]):
        said = user.fails("self", "update", *words, code="E_INSTALL_OTHER")
        assert "self install" in said


def test_an_installation_that_is_read_only(user: Pyve, offered: Path) -> None:
    data = user.home / ".local/share/pyve"
    data.chmod(0o555)
    user.before = obey_modes()
    failure = mends(user, "E_INSTALL_WRITE", "self", "update", "--from", str(offered))
    failure.says(str(data))
    assert installed(user) == NEXT


@pytest.mark.parametrize("room", ["nothing", "the archive", "a part of the tree"])
def test_a_disk_that_is_full(user: Pyve, offered: Path, room: str) -> None:
    """On a file system with just so much room."""
    data = user.home / ".local/share/pyve"
    used = sum(-(-path.lstat().st_size // 4096) * 4 for path in data.rglob("*"))
    archive = (offered / f"pyve-{NEXT}.tar.gz").stat().st_size // 1024
    size = (
        used
        + {"nothing": 8, "the archive": archive // 2, "a part of the tree": archive + 800}[room]
    )
    kept = user.root / "kept"
    data.rename(kept)
    data.mkdir()
    words = ("-t", "tmpfs", "-o", f"size={size}k", "tmpfs", str(data))
    if os.geteuid() != 0 or subprocess.run(["mount", *words], capture_output=True).returncode:
        pytest.skip("NOT TESTED: no file system of a given size can be mounted here")
    try:
        shutil.copytree(kept, data, symlinks=True, dirs_exist_ok=True)
        before = snapshot(user.home)
        said = user.fails("self", "update", "--from", str(offered))
        assert "[E_DISK_FULL]" in said or "[E_INSTALL_WRITE]" in said, said
        assert "make room" in said
        assert snapshot(user.home) == before
        run("mount", "-o", "remount,size=64m", data)
        update(user, offered)
        assert installed(user) == NEXT
    finally:
        run("umount", data)


@brings("E_INSTALL_BUSY")
def test_two_updates_at_once(user: Pyve, offered: Path, certificate: Path) -> None:
    trusted = {"CURL_CA_BUNDLE": str(certificate)}
    with serve(offered, certificate) as server:
        server.held.add("SHA256SUMS.sig")
        argv = user.command("self", "update", "--from", server.url)
        env = {**user.env, **trusted}
        with subprocess.Popen(argv, env=env, cwd=user.project, stdout=subprocess.PIPE) as first:
            assert server.asked.wait(60)
            words = ("self", "update", "--from", str(offered))
            failure = bring(user, "E_INSTALL_BUSY", *words)
            failure.by_hand(f"process {first.pid}")
            user.fails("self", "uninstall", "--yes", code="E_INSTALL_BUSY")
            server.go_on.set()
            first.communicate()
        assert first.returncode == 0
    failure.check_gone()
    assert (installed(user), versions(user)) == (NEXT, [BASE, NEXT])
    nothing_left(user)


# --- at every moment


@pytest.mark.parametrize("what", ["update", "rollback"])
def test_a_kill_at_any_step_leaves_the_old_pyve_or_the_new_one(
    user: Pyve, offered: Path, what: str
) -> None:
    """At some of the steps; PYVE_TEST_KILLS=1000 tries them all."""
    words = ["self", "update", "--from", str(offered)]
    if what == "rollback":
        update(user, offered)
        words = ["self", "update", "--rollback"]
    kept = user.root / "kept"
    shutil.copytree(user.home, kept, symlinks=True)
    goal = {"update": NEXT, "rollback": BASE}[what]

    def put_back() -> None:
        shutil.rmtree(user.home)
        shutil.copytree(kept, user.home, symlinks=True)

    assert kill_at(user, 0, *words) == 0
    assert installed(user) == goal
    # Before each step, and after it.
    moments = int((user.root / "count").read_text())
    assert moments > 16
    step = max(1, moments // KILLS)
    for moment in range(random.randrange(1, step + 1), moments + 1, step):
        put_back()
        assert kill_at(user, moment, *words) == -signal.SIGKILL
        assert installed(user) in {BASE, NEXT}, moment
        # The next command clears up, whichever it was.
        again = user(*words)
        assert again.returncode == 0 or (what == "rollback" and installed(user) == BASE), moment
        assert installed(user) == goal, again.stderr
        nothing_left(user)


def test_a_running_pyve_goes_on_with_its_own_files(user: Pyve, makers: Makers) -> None:
    """It reads a module when others have installed another version, and gone back, and on."""
    link = user.home / ".local/bin/pyve"

    def start(name: str) -> subprocess.Popen[str]:
        file = user.root / name
        child = subprocess.Popen(
            [link, "stamp", file], env=user.env, cwd=user.project, stdout=subprocess.PIPE, text=True
        )
        while not file.with_name(f"{name}.ready").exists():
            assert child.poll() is None
        return child

    first = start("first")
    update(user, makers.release(NEXT))
    second = start("second")
    for name, child, version in (("first", first, BASE), ("second", second, NEXT)):
        (user.root / name).touch()
        assert child.communicate()[0].split() == [version, version]
    third = start("third")
    user.ok("self", "update", "--rollback")
    (user.root / "third").touch()
    assert third.communicate()[0].split() == [NEXT, NEXT]


def test_what_is_written_down_outlives_updates(user: Pyve) -> None:
    """The hook in a shell, and the entry of an agent's client, name the link."""
    hook = user.ok("hook", "bash")
    assert "pyve/app/pyve.sh" in hook and "versions" not in hook.splitlines()[0]
    entry = user.ok("mcp", "install", "--dry-run")
    assert "pyve/app/pyve.sh" in entry and "versions" not in entry


@brings("W_INSTALL_LEFTOVERS")
def test_doctor_sees_what_a_killed_update_left(user: Pyve) -> None:
    user.init()
    data = user.home / ".local/share/pyve"

    def inject(_: Pyve) -> None:
        for name in ("update.999999", "versions/.new.999999"):
            (data / name).mkdir()
        (data / "install.lock").symlink_to("999999:1")

    says = ("update.999999",)
    fault = Fault("leftovers", "installation", "W_INSTALL_LEFTOVERS", inject, "auto", says)
    inject(user)
    mend_fault(find_fault(user, fault, {}), fault)
    assert {"app", "install.state", "versions"} <= {path.name for path in data.iterdir()}
    assert not list(data.glob("update.*")) and not list(data.glob("versions/.*"))


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("install --check", "E_USAGE_OPTION"),
        ("uninstall --from x", "E_USAGE_OPTION"),
        ("update --rollback --check", "E_USAGE_CONFLICT"),
        ("update --rollback --version 1", "E_USAGE_CONFLICT"),
        ("update now", "E_USAGE_ARGUMENT"),
        ("updat", "E_USAGE_COMMAND"),
    ],
)
def test_what_is_typed_wrongly(user: Pyve, words: str, code: str) -> None:
    user.fails("self", *words.split(), code=code)
