"""Releases of Pyve that tests make, sign and spoil, and users who have installed one.

makers = Makers(folder)                       # a checkout with signing keys of its own
release = makers.release("9.1.0")             # by scripts/make-release.sh
user = makers.install(pyve, "9.0.0")          # what pyve self install makes of it
user("self", "update", "--from", str(release))
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pyve_test_helpers import TREE, Pyve, find_program

# What a release needs to be one, and to be updated.
PARTS = (
    *("pyve.sh", "LICENSE", "lib", "helpers", "docs/pyve.1", "docs/schema"),
    *("scripts/make-release.sh", "scripts/pack_release.py"),
)
SIGNER = "pyve-release"
BASE = "9.0.0"
# A room that waits in the middle of its work, and reads a module then.
STAMP = """# Summary: Wait, and say two versions
# Usage: pyve stamp FILE
# Group: Pyve itself
# Exit: 0

cmd_stamp() {
  local tries=0
  : >"$1.ready"
  while [[ ! -e $1 ]] && ((tries < 600)); do
    sleep 0.1
    tries=$((tries + 1))
  done
  need stamp
  printf '%s %s\\n' "$VERSION" "$STAMP"
}
"""

Change = Callable[[Path], None]


def make_key(folder: Path, name: str) -> Path:
    """Make a pair of keys; return the private one's file."""
    file = folder / name
    run(find_program("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", file)
    return file


def run(*argv: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a program, and expect success."""
    done = subprocess.run(
        [str(word) for word in argv],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        **options,
    )
    assert done.returncode == 0, f"{argv}: {done.stdout}\n{done.stderr}"
    return done


def public(key: Path) -> str:
    """Return kind and value of a public key."""
    return " ".join(key.with_name(f"{key.name}.pub").read_text().split()[:2])


def sign(folder: Path, key: Path, namespace: str = SIGNER) -> None:
    """Write SHA256SUMS of all archives in a folder, and its signature."""
    lines = ""
    for file in sorted(folder.glob("*.tar.gz")):
        lines += f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n"
    (folder / "SHA256SUMS").write_text(lines)
    sign_sums(folder, key, namespace)


def sign_sums(folder: Path, key: Path, namespace: str = SIGNER) -> None:
    """Sign the SHA256SUMS that is there."""
    (folder / "SHA256SUMS.sig").unlink(missing_ok=True)
    run("ssh-keygen", "-q", "-Y", "sign", "-f", key, "-n", namespace, folder / "SHA256SUMS")


class Makers:
    """Those who make releases: a checkout of a small Pyve, with keys.

    Attributes:
        key: the key that installations trust.
        other: a key that they do not.
        tree: the checkout.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = make_key(folder, "key of maintainers")
        self.other = make_key(folder, "another key")
        self.tree = folder / "a checkout"
        for part in PARTS:
            place = self.tree / part
            place.parent.mkdir(parents=True, exist_ok=True)
            if (TREE / part).is_dir():
                ignored = shutil.ignore_patterns("__pycache__", "*.txt.new", "conda-lock.txt")
                shutil.copytree(TREE / part, place, ignore=ignored)
            else:
                shutil.copy2(TREE / part, place)
        (self.tree / "lib/commands/stamp.sh").write_text(STAMP)
        # (A test's key, and the least for each version: revoked keys are a test's own.)
        self.trust(f'{SIGNER} namespaces="{SIGNER}" {public(self.key)}\n')
        (self.tree / "lib/data/release-revoked").unlink(missing_ok=True)
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PYVE_RELEASE_KEY": str(self.key),
        }
        self.git("init", "-q")
        self.git("config", "user.name", "maintainer")
        self.git("config", "user.email", "maintainer@invalid")
        self.set_version(BASE)
        self._made: dict[str, Path] = {}
        self._homes: dict[str, Path] = {}

    def git(self, *words: str) -> None:
        """Run git in the checkout."""
        run("git", *words, cwd=self.tree, env=self.env)

    def trust(self, text: str) -> None:
        """Write release-signers."""
        (self.tree / "lib/data/release-signers").write_text(text)

    def set_version(self, version: str) -> None:
        """Commit another version."""
        file = self.tree / "pyve.sh"
        lines = file.read_text().splitlines(keepends=True)
        lines = [f'VERSION="{version}"\n' if x.startswith("VERSION=") else x for x in lines]
        file.write_text("".join(lines))
        (self.tree / "lib/stamp.sh").write_text(f"# shellcheck shell=bash\nSTAMP={version}\n")
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", version, "--date", "2024-01-01T00:00:00Z")

    def make(self, *words: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
        """Run scripts/make-release.sh."""
        return subprocess.run(
            [str(self.tree / "scripts/make-release.sh"), *map(str, words)],
            env={**self.env, **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )

    def release(self, version: str) -> Path:
        """Return the folder of a release, which is made once. Not to be changed."""
        if version not in self._made:
            self.set_version(version)
            folder = self.folder / "releases" / version
            done = self.make(folder)
            assert done.returncode == 0, done.stderr
            self._made[version] = folder
        return self._made[version]

    def copy(self, version: str, place: Path) -> Path:
        """Return a copy of a release, for a test to spoil."""
        shutil.copytree(self.release(version), place)
        return place

    def install(self, pyve: Pyve, version: str = BASE) -> Pyve:
        """Give the user an installation, as `pyve self install` makes it."""
        if version not in self._homes:
            self.set_version(version)
            home = self.folder / f"home with {version}"
            home.mkdir()
            env = {**self.env, "HOME": str(home), "SHELL": "/bin/bash"}
            run(self.tree / "pyve.sh", "self", "install", env=env)
            self._homes[version] = home
        home = self._homes[version]
        shutil.copytree(home, pyve.home, symlinks=True, dirs_exist_ok=True)
        record = pyve.home / ".local/share/pyve/install.state"
        record.write_text(record.read_text().replace(str(home), str(pyve.home)))
        pyve.env["SHELL"] = "/bin/bash"
        pyve.tree = pyve.home / ".local/share/pyve/app"
        for name in ("ssh-keygen", "curl"):
            (pyve.bin / name).symlink_to(find_program(name))
        return pyve

    def craft(self, folder: Path, version: str, members: list[tarfile.TarInfo | str]) -> Path:
        """Make a signed release whose archive has these members.

        Args:
            folder: the release's, made here.
            version: of its name.
            members: as they are to stand in the archive (with content of zeros); a text ``x=y`` is
                the content of RELEASE.
        """
        folder.mkdir()
        with tarfile.open(folder / f"pyve-{version}.tar.gz", "w:gz") as archive:
            for member in members:
                if isinstance(member, str):
                    data = member.encode()
                    member = tarfile.TarInfo(f"pyve-{version}/RELEASE")
                    member.size = len(data)
                    archive.addfile(member, io.BytesIO(data))
                else:
                    archive.addfile(member, io.BytesIO(bytes(member.size)))
        sign(folder, self.key)
        return folder


def member(
    name: str, kind: bytes = tarfile.REGTYPE, size: int = 0, link: str = ""
) -> tarfile.TarInfo:
    """Describe a member of an archive."""
    info = tarfile.TarInfo(name)
    info.type = kind
    info.size = size
    info.linkname = link
    return info


def versions(pyve: Pyve) -> list[str]:
    """Return the versions of the trees that an installation has, the one in use last."""
    data = pyve.home / ".local/share/pyve"
    used = os.readlink(data / "app").removeprefix("versions/")
    names = sorted(path.name for path in (data / "versions").iterdir())
    names.remove(used)
    return [name.rpartition("-")[0] for name in [*names, used]]


def installed(pyve: Pyve) -> str:
    """Return what the command that is installed answers."""
    done = pyve.execute(pyve.home / ".local/bin/pyve", "--version")
    assert done.returncode == 0, done.stderr
    return done.stdout.removeprefix("pyve ").strip()
