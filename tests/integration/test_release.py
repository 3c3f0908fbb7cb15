"""Releases of Pyve: which are trusted, which are none, and how they are made."""

from __future__ import annotations

import os
import shutil
import tarfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from code_cases import bring, brings, mends
from pyve_test_helpers import Pyve, find_program, snapshot
from release_user import NEXT, nothing_left, update
from releases import BASE, SIGNER, Makers, installed, make_key, member, public, run, sign, sign_sums

OLD = "8.9.0"
DIR, LINK, HARD, FIFO = tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE


@pytest.fixture
def user(pyve: Pyve, makers: Makers) -> Pyve:
    """A user who has installed version 9.0.0."""
    return makers.install(pyve)


# --- who signed, and what


def change_byte(file: Path) -> None:
    """Change the last but third letter."""
    data = bytearray(file.read_bytes())
    data[-3] ^= 1
    file.write_bytes(data)


def spoil_signature(kind: str, user: Pyve, makers: Makers, offered: Path) -> str:
    """Make the signature one that does not count; return a part of the reason."""
    data = user.tree / "lib/data"
    if kind == "another key":
        sign_sums(offered, makers.other)
        return "a key that is not one of Pyve's: SHA256:"
    if kind == "another use":
        sign_sums(offered, makers.key, "file")
        return "namespace does not match"
    if kind == "altered sums":
        text = (offered / "SHA256SUMS").read_text()
        (offered / "SHA256SUMS").write_text(text.replace("  pyve", " *pyve"))
        return "incorrect signature"
    if kind == "no signature":
        (offered / "SHA256SUMS.sig").write_text("trust me\n")
        return "ssh-keygen says"
    if kind == "empty signature":
        (offered / "SHA256SUMS.sig").write_text("")
        return "ssh-keygen says"
    if kind == "another release's":
        shutil.copy2(makers.release("9.2.0") / "SHA256SUMS.sig", offered)
        return "incorrect signature"
    if kind == "expired":
        valid = f'namespaces="{SIGNER}",valid-before="20240101"'
        (data / "release-signers").write_text(f"{SIGNER} {valid} {public(makers.key)}\n")
        return "not valid today: key has expired"
    if kind == "for another use":
        (data / "release-signers").write_text(f'{SIGNER} namespaces="x" {public(makers.key)}\n')
        return "not one of Pyve's"
    assert kind == "revoked"
    (data / "release-revoked").write_text(f"# lost\n{public(makers.key)}\n")
    return "was revoked: SHA256:"


@brings("E_RELEASE_SIGNATURE")
@pytest.mark.parametrize(
    "kind",
    [
        *("another key", "another use", "altered sums", "no signature", "empty signature"),
        *("another release's", "expired", "for another use", "revoked"),
    ],
)
def test_a_signature_that_does_not_count(
    user: Pyve, makers: Makers, offered: Path, kind: str
) -> None:
    reason = spoil_signature(kind, user, makers, offered)
    # Nothing of the archive is looked at.
    (offered / f"pyve-{NEXT}.tar.gz").write_text("no archive")
    before = snapshot(user.home)
    failure = bring(user, "E_RELEASE_SIGNATURE", "self", "update", "--from", str(offered))
    failure.by_hand(reason, "nothing of it was used")
    assert snapshot(user.home) == before
    data = user.tree / "lib/data"
    (data / "release-revoked").unlink(missing_ok=True)
    (data / "release-signers").write_text(f"{SIGNER} {public(makers.key)}\n")
    shutil.rmtree(offered)
    makers.copy(NEXT, offered)
    failure.check_gone()
    assert installed(user) == NEXT


def test_any_of_several_keys_is_enough(user: Pyve, makers: Makers, offered: Path) -> None:
    third = make_key(user.root, "third")
    text = "".join(f"{SIGNER} {public(key)}\n" for key in (makers.key, third))
    (user.tree / "lib/data/release-signers").write_text(text)
    sign_sums(offered, third)
    update(user, offered)


@brings("E_RELEASE_DIGEST")
@pytest.mark.parametrize("how", ["altered", "cut off", "empty"])
def test_an_archive_that_was_changed(user: Pyve, makers: Makers, offered: Path, how: str) -> None:
    file = offered / f"pyve-{NEXT}.tar.gz"
    if how == "altered":
        change_byte(file)
    else:
        file.write_bytes(file.read_bytes()[: -100 if how == "cut off" else 0])
    before = snapshot(user.home)
    failure = bring(user, "E_RELEASE_DIGEST", "self", "update", "--from", str(offered))
    failure.by_hand("expected was", "not unpacked")
    assert snapshot(user.home) == before
    shutil.copy2(makers.release(NEXT) / file.name, offered)
    failure.check_gone()


@brings("E_RELEASE_VERIFIER")
@pytest.mark.parametrize("how", ["missing", "old"])
def test_without_a_verifier_nothing_is_installed(user: Pyve, offered: Path, how: str) -> None:
    program = user.bin / "ssh-keygen"
    program.unlink()
    real = find_program("ssh-keygen")
    tools = user.root / "tools"
    shutil.copytree(user.env["PATH"].split(os.pathsep)[1], tools, symlinks=True)
    (tools / "ssh-keygen").unlink(missing_ok=True)
    user.env["PATH"] = f"{user.bin}{os.pathsep}{tools}"
    user.add_program("sudo", '#!/bin/sh\nexec "$@"\n')
    for name in ("apt-get", "dnf", "apk", "pacman", "brew"):
        user.add_program(name, f"#!/bin/sh\nln -sf {real} '{program}'\n")
    words = ("self", "update", "--from", str(offered))
    if how == "missing":
        mends(user, "E_RELEASE_VERIFIER", *words)
    else:
        said = "unknown option -- Y\nusage: ssh-keygen [-q] ..."
        user.add_program("ssh-keygen", f"#!/bin/sh\nprintf '%s\\n' '{said}' >&2\nexit 1\n")
        failure = bring(user, "E_RELEASE_VERIFIER", *words)
        failure.by_hand("OpenSSH 8.1")
        program.unlink()
        program.symlink_to(real)
        failure.check_gone()
    assert installed(user) == NEXT


def test_a_tree_without_signers_verifies_nothing(user: Pyve, offered: Path) -> None:
    (user.tree / "lib/data/release-signers").write_text("")
    user.fails("self", "update", "--from", str(offered), code="E_INSTALL_SOURCE")


# --- which version


@brings("E_RELEASE_OLDER")
def test_an_older_release_only_when_it_is_named(user: Pyve, makers: Makers) -> None:
    """A server that holds new releases back must not bring old faults back."""
    folder = makers.release(OLD)
    words = ("self", "update", "--from", str(folder))
    failure = bring(user, "E_RELEASE_OLDER", *words)
    failure.by_hand(OLD, BASE, "--version")
    assert installed(user) == BASE
    assert "is newer" in user.ok(*words, "--check")
    user.ok(*words, "--version", OLD)
    assert installed(user) == OLD
    failure.check_gone()


@brings("E_RELEASE_VERSION")
def test_a_version_that_is_not_there(user: Pyve, offered: Path) -> None:
    source = {"PYVE_RELEASES": str(offered)}
    failure = bring(user, "E_RELEASE_VERSION", "self", "update", "--version", "9.7", **source)
    failure.says("9.7", NEXT)
    assert NEXT in failure.apply().stdout
    failure.count_as_gone()
    for bad in ("v9", "9.1.0rc1", "../9.1.0", "9.1.0 9.2.0"):
        user.fails("self", "update", "--version", bad, code="E_RELEASE_VERSION", **source)


@brings("E_RELEASE_FORMAT")
def test_a_release_for_a_newer_pyve(user: Pyve, makers: Makers, offered: Path) -> None:
    top = [member("pyve-9.5.0", DIR), "format=2\nversion=9.5.0\n", member("pyve-9.5.0/x", LINK)]
    other = makers.craft(user.root / "newer", "9.5.0", top)
    before = snapshot(user.home)
    failure = bring(user, "E_RELEASE_FORMAT", "self", "update", "--from", str(other))
    failure.by_hand("format 2", "format 1")
    assert snapshot(user.home) == before
    shutil.rmtree(other)
    offered.rename(other)
    failure.check_gone()


TOP = member("pyve-9.5.0", DIR)
RELEASE = "format=1\nversion=9.5.0\n"
HOSTILE: dict[str, tuple[list[tarfile.TarInfo | str], str]] = {
    "climbs": ([TOP, RELEASE, member("pyve-9.5.0/../../../evil")], "has the name"),
    "climbs at once": ([TOP, RELEASE, member("../evil")], "has the name"),
    "absolute": ([TOP, RELEASE, member("/tmp/evil")], "has the name"),
    "elsewhere": ([TOP, RELEASE, member("other/file")], "not below"),
    "dots": ([TOP, RELEASE, member("pyve-9.5.0/./x")], "has the name"),
    "escape": ([TOP, RELEASE, member("pyve-9.5.0/\x1b[2J")], "has the name"),
    "backslash": ([TOP, RELEASE, member("pyve-9.5.0/a\\b")], "has the name"),
    "link": ([TOP, RELEASE, member("pyve-9.5.0/x", LINK, 0, "/etc")], "neither a file"),
    "hard link": ([TOP, RELEASE, member("pyve-9.5.0/x", HARD, 0, "/etc/passwd")], "neither"),
    "pipe": ([TOP, RELEASE, member("pyve-9.5.0/x", FIFO)], "neither a file"),
    "twice": ([TOP, RELEASE, member("pyve-9.5.0/x"), member("pyve-9.5.0/x")], "twice"),
    "capitals": ([TOP, RELEASE, member("pyve-9.5.0/x"), member("pyve-9.5.0/X")], "twice"),
    "below a file": ([TOP, RELEASE, member("pyve-9.5.0/x"), member("pyve-9.5.0/x/y")], "before"),
    "no folder": ([member("pyve-9.5.0")], "no folder"),
    "first": ([TOP, member("pyve-9.5.0/x"), RELEASE], "first file"),
    "other version": ([TOP, "format=1\nversion=9.6.0\n"], "9.6.0"),
    "no format": ([TOP, "format=\nversion=9.5.0\n"], "which format"),
    "not whole": ([TOP, RELEASE, member("pyve-9.5.0/pyve.sh")], "there is no lib"),
    "large": ([TOP, RELEASE, member("pyve-9.5.0/x", size=300 << 20)], "more than 256 MiB"),
}


@brings("E_RELEASE_ARCHIVE")
@pytest.mark.parametrize("kind", HOSTILE)
def test_a_signed_archive_that_is_no_release(
    user: Pyve, makers: Makers, offered: Path, kind: str
) -> None:
    """The keys of the maintainers were stolen, or they made a mistake."""
    members, reason = HOSTILE[kind]
    other = makers.craft(user.root / "hostile", "9.5.0", members)
    before = snapshot(user.root)
    failure = bring(user, "E_RELEASE_ARCHIVE", "self", "update", "--from", str(other))
    failure.by_hand(reason)
    assert snapshot(user.root) == before
    shutil.rmtree(other)
    offered.rename(other)
    failure.check_gone()


def test_a_damaged_archive_and_sums_that_are_none(
    user: Pyve, makers: Makers, offered: Path
) -> None:
    words = ("self", "update", "--from", str(offered))
    file = offered / f"pyve-{NEXT}.tar.gz"
    file.write_bytes(file.read_bytes()[:5000])
    sign(offered, makers.key)
    assert "damaged" in user.fails(*words, code="E_RELEASE_ARCHIVE")
    file.write_bytes(b"no archive")
    sign(offered, makers.key)
    assert "damaged" in user.fails(*words, code="E_RELEASE_ARCHIVE")
    (offered / "SHA256SUMS").write_text(f"{'0' * 64}  pyve-{NEXT}.tar.gz\n" * 2)
    sign_sums(offered, makers.key)
    assert "twice" in user.fails(*words, code="E_RELEASE_ARCHIVE")
    (offered / "SHA256SUMS").write_text("# nothing\n" + f"{'0' * 64}  ../pyve-{NEXT}.tar.gz\n")
    sign_sums(offered, makers.key)
    assert "no version" in user.fails(*words, code="E_RELEASE_VERSION")
    (offered / "SHA256SUMS").write_text("x" * (2 << 20))
    assert "larger than 1 MiB" in user.fails(*words, code="E_RELEASE_ARCHIVE")
    assert installed(user) == BASE
    nothing_left(user)


@pytest.mark.parametrize("kind", ["says another version", "does not run"])
def test_a_release_that_does_not_work_here(user: Pyve, makers: Makers, kind: str) -> None:
    release = makers.copy("9.2.0", user.root / "broken")
    run("tar", "-xzf", release / "pyve-9.2.0.tar.gz", cwd=user.root)
    script = user.root / "pyve-9.2.0/pyve.sh"
    text = script.read_text()
    if kind == "does not run":
        text = text.replace("set -euo pipefail", "exit 3", 1)
    else:
        text = text.replace('VERSION="9.2.0"', 'VERSION="9.3.0"')
    script.write_text(text)
    (release / "pyve-9.2.0.tar.gz").unlink()
    names = ["pyve-9.2.0", "pyve-9.2.0/RELEASE"]
    names += sorted(
        str(path.relative_to(user.root))
        for path in script.parent.rglob("*")
        if path.name != "RELEASE"
    )
    run("tar", "-czf", release / "pyve-9.2.0.tar.gz", "--no-recursion", *names, cwd=user.root)
    shutil.rmtree(script.parent)
    sign(release, makers.key)
    before = snapshot(user.home)
    said = user.fails("self", "update", "--from", str(release), code="E_INSTALL_COPY")
    assert "the one in use stays" in said
    assert snapshot(user.home) == before


# --- make release


def test_a_release_is_always_the_same(makers: Makers, tmp_path: Path) -> None:
    first = makers.release("9.2.0")
    makers.set_version("9.2.0")
    commit = Path(makers.tree, ".git/HEAD").read_text()
    for name in ("one", "two"):
        os.utime(makers.tree / "pyve.sh")
        done = makers.make(tmp_path / name)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "one/SHA256SUMS").read_text() == (tmp_path / "two/SHA256SUMS").read_text()
    with tarfile.open(tmp_path / "one/pyve-9.2.0.tar.gz") as archive:
        members = archive.getmembers()
    assert members[1].name == "pyve-9.2.0/RELEASE"
    assert {(item.uid, item.gid, item.uname, item.gname) for item in members} == {(0, 0, "", "")}
    assert {oct(item.mode) for item in members} == {"0o755", "0o644"}
    assert len({item.mtime for item in members}) == 1
    assert first.is_dir() and commit


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("changed", "has changes"),
        ("no key", "no key to sign with"),
        ("another key", "an installation would not accept"),
        ("there already", "is there already"),
        ("version", "is not a version"),
    ],
)
def test_what_is_no_release(makers: Makers, tmp_path: Path, kind: str, says: str) -> None:
    env: dict[str, str] = {}
    undo: Callable[[], object] = str
    target = tmp_path / "release"
    if kind == "changed":
        extra = makers.tree / "extra"
        extra.touch()
        undo = extra.unlink
    elif kind == "no key":
        env["PYVE_RELEASE_KEY"] = ""
    elif kind == "another key":
        env["PYVE_RELEASE_KEY"] = str(makers.other)
    elif kind == "there already":
        target.mkdir()
    else:
        makers.set_version("9.9.9rc1")
        undo = partial(makers.set_version, BASE)
    done = makers.make(target, **env)
    undo()
    assert done.returncode == 1 and says in done.stderr, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["release"] * (kind == "there already")
