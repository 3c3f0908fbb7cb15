"""Which files and folders are open in a sandbox: what is not listed here is not."""

from __future__ import annotations

import glob
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from pyve_core.errors import HelperError
from pyve_sandbox.landlock import check_place
from pyve_sandbox.system import O_PATH, list_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pyve_sandbox.profile import Profile

__all__ = ["Place", "Places", "find_places"]

# Programs and libraries of the system.
_SYSTEM = (
    "/usr",
    *("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"),
    *("/nix/store", "/gnu/store", "/run/current-system/sw"),
)
# Of /etc: what programs need to start, to know names, and to trust; no keys, no passwords.
_ETC = list_words(
    "passwd group hosts host.conf hostname resolv.conf nsswitch.conf gai.conf"
    " services protocols networks ethers"
    " ssl/certs ssl/openssl.cnf ssl/cert.pem pki/tls/certs pki/tls/cert.pem pki/tls/openssl.cnf"
    " pki/ca-trust ca-certificates crypto-policies"
    " localtime timezone locale.conf default/locale ld.so.cache ld.so.conf ld.so.conf.d ld-musl-*"
    " alternatives os-release debian_version redhat-release alpine-release lsb-release mime.types"
    " magic fonts terminfo inputrc bash.bashrc profile profile.d shells xattr.conf"
    " python3* static"
)
_SHM = "/dev/shm"
_SYS = ("/sys/devices/system/cpu", "/sys/devices/system/node")
# Inside of what can be written: what is used outside of the sandbox later, without a look at it.
# (All of .git: beside hooks and config, there are commondir, the commands of a rebase that waits,
# worktrees and modules; in a worktree it is a file that names another folder.)
_GUARDED = (".pyve", ".envrc", ".env", ".git")
_NO_PROJECTS = (
    *("/", "/etc", "/usr", "/var", "/proc", "/sys", "/dev", "/run", "/boot"),
    # (Others keep their sockets there.)
    *("/tmp", "/var/tmp", "/private/tmp", "/private/var/tmp", _SHM, f"/run/user/{os.getuid()}"),
)
_STDLIB = re.compile(r"python3\.\d+t?")
# How many links lead to an interpreter, at most.
_HOPS = 20


class Place(NamedTuple):
    """A file or folder that is open.

    Attributes:
        path: how it is called.
        real: the path without links.
        writes: whether it can be written.
    """

    path: str
    real: str
    writes: bool


@dataclass
class Places:
    """What is open.

    Attributes:
        open: files and folders that are.
        guarded: what cannot be written although it is in what can be.
        home: the real path that HOME names outside; inside, it is empty or not open. "" for none.
        private: folders that are empty inside, and belong to the sandbox alone.
    """

    open: list[Place] = field(default_factory=list)
    guarded: list[Place] = field(default_factory=list)
    home: str = ""
    private: list[str] = field(default_factory=list)

    def add(self, path: str, writes: bool = False) -> None:
        """Open a file or folder that is there."""
        if os.path.exists(path):
            self.open.append(Place(path, os.path.realpath(path), writes))

    def needs_link(self, place: Place) -> bool:
        """Say whether a link has to be made: a path leads over one that is in nothing open."""
        above = os.path.dirname(place.path)
        return place.path != place.real and not any(
            _is_below(above, folder) for one in self.open for folder in (one.path, one.real)
        )

    def identify(self, more: Iterable[str] = ()) -> list[tuple[str, int, int]]:
        """Give the device and the number of each file and folder that is open or guarded.

        Args:
            more: paths without links that are wanted, too.

        Raises:
            OSError: one is no more what it was when it was looked at.
        """
        found = []
        known = (one.real for one in (*self.open, *self.guarded))
        for place in dict.fromkeys((*known, *more)):
            number = os.open(place, O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                check_place(number, place)
                status = os.fstat(number)
            finally:
                os.close(number)
            found.append((place, status.st_dev, status.st_ino))
        return found

    def is_open(self, path: str, writes: bool) -> bool:
        """Say whether a path is; the deepest place that it is in counts, as for bubblewrap."""
        best, answer = -1, False
        for folder in self.private:
            if _is_below(path, folder) and len(folder) > best:
                # What is there outside is not what is there inside.
                best, answer = len(folder), not os.path.lexists(path)
        if _is_below(path, "/proc") or (_is_below(path, "/dev") and not _is_below(path, _SHM)):
            return True
        for place in (*self.open, *self.guarded):
            for folder in (place.path, place.real):
                if _is_below(path, folder) and len(folder) >= best:
                    best, answer = len(folder), place.writes or not writes
        return answer


def _is_below(path: str, folder: str) -> bool:
    """Say whether a path is a folder, or in it."""
    return bool(folder) and (path == folder or path.startswith(folder.rstrip("/") + "/"))


def find_places(
    profile: Profile,
    engine: str,
    environ: Mapping[str, str],
    words: Sequence[str],
    own: Sequence[str],
) -> Places:
    """Find out what is to be open.

    Args:
        profile: what was asked for.
        engine: what confines. (Landlock has no way to except something from what is open.)
        environ: variables of the command.
        words: the command.
        own: what the sandbox itself needs.

    Raises:
        HelperError: E_SANDBOX_PROJECT, E_SANDBOX_PATH.
    """
    places = Places(home=_find_home(environ))
    for path in (*_SYSTEM, *_SYS):
        places.add(path)
    for name in _ETC:
        for path in glob.glob(f"/etc/{name}") if "*" in name else [f"/etc/{name}"]:
            # (Some are links to a link of /etc.)
            places.add(path)
    project = profile.project or profile.folder
    _check_project(project, places.home)
    places.add(project, writes=not profile.ro)
    environments = _list_environments(profile, environ, words)
    for environment in environments:
        _add_environment(places, environment, environ)
    for path in own:
        places.add(path)
        if os.path.basename(os.path.dirname(path)) == "bin":
            _add_interpreter(places, path)
    for path in profile.read:
        places.add(_check_path(path))
    for path in profile.write:
        places.add(_check_path(path), writes=True)
    for path in (*profile.read, *profile.write):
        _check_links(places, path)
    if not any(_is_below(os.path.realpath(profile.folder), one.real) for one in places.open):
        raise HelperError(
            "E_SANDBOX_PROJECT",
            "the current folder is not in the sandbox",
            [f"the project is {project}", f"the current folder is {profile.folder}"],
        )
    if not profile.ro and engine != "landlock":
        _guard(places, profile, environments, engine == "bubblewrap")
    return places


def _find_home(environ: Mapping[str, str]) -> str:
    home = environ.get("HOME", "")
    return os.path.realpath(home) if home.startswith("/") and home.strip("/") else ""


def _homes(home: str) -> Iterator[str]:
    """Give the folders that are nobody's to open as a whole: the user's home, and what is above."""
    import pwd

    for folder in (home, _of_user(pwd)):
        while folder:
            yield folder
            if folder == "/":
                break
            folder = os.path.dirname(folder)


def _of_user(pwd: object) -> str:
    try:
        folder: str = pwd.getpwuid(os.getuid()).pw_dir  # type: ignore[attr-defined]
    except KeyError:
        return ""
    return os.path.realpath(folder) if folder.strip("/") else ""


def _check_project(project: str, home: str) -> None:
    """Refuse a project that would open the home folder.

    Raises:
        HelperError: E_SANDBOX_PROJECT.
    """
    if not os.path.isdir(project):
        raise HelperError("E_SANDBOX_PROJECT", f"there is no folder {project}")
    if os.path.realpath(project) in set(_homes(home)) | set(_NO_PROJECTS):
        raise HelperError(
            "E_SANDBOX_PROJECT",
            f"{project} cannot be what a sandbox leaves open",
            "it is your home folder, has it in it, or belongs to the system or to everybody",
        )


def _check_path(path: str) -> str:
    """Refuse a path that is not there, or that would open everything.

    Raises:
        HelperError: E_SANDBOX_PATH.
    """
    if not os.path.exists(path):
        raise HelperError("E_SANDBOX_PATH", f"there is no {path} to open in the sandbox")
    if os.path.realpath(path) in ("/", "/proc", "/dev"):
        raise HelperError("E_SANDBOX_PATH", f"{path} as a whole cannot be opened in a sandbox")
    return path


def _find_link(places: Places, path: str) -> str:
    """Give the first link that a path leads over and that the command could replace, or ""."""
    # (Not normalized: what ".." means behind a link is for the link to say.)
    parts = path.split("/")
    for count in range(2, len(parts) + 1):
        link = "/".join(parts[:count])
        if os.path.islink(link):
            above = os.path.realpath(os.path.dirname(link))
            if any(one.writes and _is_below(above, one.real) for one in places.open):
                return link
    return ""


def _check_links(places: Places, path: str) -> None:
    """Refuse a path that an earlier command in the same sandbox can have made lead elsewhere.

    Raises:
        HelperError: E_SANDBOX_PATH.
    """
    link = _find_link(places, path)
    if link:
        raise HelperError(
            "E_SANDBOX_PATH",
            f"{path} leads over a link that the command can change",
            [f"{link} is a link", f"without links the path is {os.path.realpath(path)}"],
        )


def _list_environments(
    profile: Profile, environ: Mapping[str, str], words: Sequence[str]
) -> list[str]:
    """Give the folders of the environments that the command uses."""
    found = [*profile.environment, environ.get("VIRTUAL_ENV", ""), environ.get("CONDA_PREFIX", "")]
    if words and words[0].startswith("/"):
        found.append(os.path.dirname(os.path.dirname(words[0])))
    return [folder for folder in dict.fromkeys(found) if folder and _is_environment(folder)]


def _is_environment(folder: str) -> bool:
    return os.path.isfile(os.path.join(folder, "pyvenv.cfg")) or os.path.isdir(
        os.path.join(folder, "conda-meta")
    )


def _add_environment(places: Places, folder: str, environ: Mapping[str, str]) -> None:
    """Open an environment, its interpreter and its entry of the store, for reading."""
    if os.path.realpath(folder) in set(_homes(places.home)):
        return
    places.add(folder)
    _add_interpreter(places, os.path.join(folder, "bin", "python"))
    shared = list(_list_shared(environ, places.home))
    for entry in _read_entries(folder):
        # (A confined command may have written what names them: only what is Pyve's counts, and
        # not all of that at once.)
        if any(_is_below(os.path.dirname(os.path.realpath(entry)), one) for one in shared):
            places.add(entry)


def _list_shared(environ: Mapping[str, str], home: str) -> Iterator[str]:
    """Give the folders of Pyve that environments lead into: the store's, and the templates."""
    for named, variable, usual, name, inside in (
        ("PYVE_STORE", "XDG_CACHE_HOME", ".cache", "store", "v1/envs"),
        ("PYVE_TEMPLATES", "XDG_DATA_HOME", ".local/share", "templates", ""),
    ):
        folder = environ.get(named, "")
        if not folder:
            above = environ.get(variable, "")
            above = above if above.startswith("/") else os.path.join(home, usual)
            folder = os.path.join(above, "pyve", name)
        yield os.path.realpath(os.path.join(folder, inside))


def _read_entries(environment: str) -> Iterator[str]:
    """Give the folders that the record and the ``.pth`` files of an environment name."""
    packages = glob.glob(f"{glob.escape(environment)}/lib/python3.*/site-packages/*.pth")
    for file in (os.path.join(environment, "pyve.state"), *packages):
        try:
            with open(file, encoding="utf-8", errors="surrogateescape") as lines:
                for line in lines:
                    named = line[6:] if line.startswith("store=") else line
                    if named.startswith("/"):
                        yield named.rstrip("\n")
        except OSError:
            continue


def _add_interpreter(places: Places, path: str) -> None:
    """Open the installations that a path leads to, over all its links."""
    for _ in range(_HOPS):
        prefix = os.path.dirname(os.path.dirname(path))
        if _is_installation(prefix) and os.path.realpath(prefix) not in set(_homes(places.home)):
            places.add(prefix)
        if not os.path.islink(path):
            break
        path = os.path.normpath(os.path.join(os.path.dirname(path), os.readlink(path)))


def _is_installation(prefix: str) -> bool:
    """Say whether a folder has a Python with its standard library, which nobody makes by a link."""
    for lib in ("lib", "lib64"):
        try:
            names = os.listdir(os.path.join(prefix, lib))
        except OSError:
            continue
        for name in names:
            if _STDLIB.fullmatch(name) and os.path.isfile(os.path.join(prefix, lib, name, "os.py")):
                return not _is_below(prefix, "/usr")
    return False


def _guard(
    places: Places, profile: Profile, environments: Sequence[str], has_only_mounts: bool
) -> None:
    """Keep what is used outside later, and the environments, from being written.

    What was opened by name for writing is not kept.

    Args:
        places: what is open so far.
        profile: what was asked for.
        environments: folders of environments.
        has_only_mounts: whether the engine cannot keep a link from being replaced.

    Raises:
        HelperError: E_SANDBOX_PROJECT.
    """
    project = profile.project or profile.folder
    given = {os.path.realpath(path) for path in profile.write} - {os.path.realpath(project)}
    guarded = [os.path.join(project, name) for name in _GUARDED]
    for path in (*guarded, *environments):
        real = os.path.realpath(path)
        if real in given:
            continue
        link = _find_link(places, path)
        if link and has_only_mounts:
            raise HelperError(
                "E_SANDBOX_PROJECT",
                f"{link} is a link, which the command could replace",
                "what it leads to is used outside of the sandbox, too; --ro keeps it as it is",
            )
        if link or (path in guarded and os.path.lexists(path)):
            places.guarded.append(Place(link or path, real, False))
