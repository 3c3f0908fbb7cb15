"""Making an environment of the store: ``envs/<digest>``.

    site/            the folder that a line of ``.pth`` leads to: what is shared as it is
    tree/            below an environment, linked into it: that .pth, start-up lines, links to
                     programs, pages of the manual, headers
    copy/            below an environment, copied into it: distributions that cannot be shared (see
                     classify.py), data files, other scripts. Only where there are some
    bin/             programs
    scripts          the bodies of all scripts that an interpreter runs, see scripts.py
    token            an empty file: each environment that uses this has a hard link of it
    packages         "name version" lines
    distributions    "<identity> name version" lines
    pylock.toml      what it was made from
    files            all of that with digests, modes and sizes
    entry            what it is, in key=value lines

It is made in ``tmp/``, written to the disk, and renamed in whole. Files have mode 0444 or 0555,
folders 0555 (those of tree/ 0755: they are copied as they are), whatever the umask is.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import re
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pyve_core import HelperError, count_things, progress
from pyve_core.durable import sync_folder
from pyve_installed.distributions import STORE_PTH
from pyve_installed.unpacked import check_unpacked
from pyve_locks.requirement import strip_credentials
from pyve_store.classify import Kinds, classify
from pyve_store.disk import remove_empty
from pyve_store.known import list_bytecode
from pyve_store.layout import (
    FORMAT,
    FileLine,
    clear_dead,
    entry_path,
    format_entry,
    format_files,
    list_dead,
    list_folders,
    list_names,
    make_folder,
    make_staging,
    remove_tree,
)
from pyve_store.pool import Found, fail_write, list_tree, make_pool, pool_files, take_file
from pyve_store.scripts import FINDING_HEAD, format_scripts, is_program, is_text, split_script

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pyve_store.digest import Choice, Interpreter
    from pyve_store.unpack import Engine

__all__ = ["Wishes", "fill", "has_entry", "make_draft", "write_summaries"]

# Below an environment: what is linked into it, and not copied.
_LINKED = ("share/man/", "include/")
# The second word of bytecode that belongs to a hash of its source.
_UNCHECKED = b"\x01\0\0\0"
_CHECKED = b"\x03\0\0\0"


@dataclass(frozen=True)
class Wishes:
    """What the config says of packages, by their names.

    Attributes:
        own: those that are to be copied.
        startup: those that may execute code at each start.
        unrecorded: those whose RECORD may be wrong.
        selection: the words that chose packages, as the index has them.
        only_binary: whether nothing may be built.
    """

    own: tuple[str, ...] = ()
    startup: tuple[str, ...] = ()
    unrecorded: tuple[str, ...] = ()
    selection: str = "default"
    only_binary: bool = False


@dataclass
class Draft:
    """An environment that is being made.

    Attributes:
        place: its folder, below ``tmp``.
        inner: ``lib/python3.N/site-packages``.
        lines: what is in it, by path.
        scripts: names and bodies.
        kinds: what cannot be shared, and why.
    """

    place: Path
    inner: str = ""
    lines: dict[str, FileLine] = field(default_factory=dict)
    scripts: dict[str, bytes] = field(default_factory=dict)
    kinds: Kinds = field(default_factory=Kinds)

    def add(self, path: str, found: Found) -> None:
        """Take down a file."""
        self.lines[path] = FileLine(found.sha256, f"{found.mode:o}", found.size, path)

    def write(self, path: str, data: bytes) -> None:
        """Write a file of the environment's own, and take it down."""
        place = self.place / path
        place.parent.mkdir(parents=True, exist_ok=True)
        with open(place, "wb") as stream:
            stream.write(data)
        place.chmod(0o444)
        self.add(path, Found(hashlib.sha256(data).hexdigest(), 0o444, len(data)))

    def link(self, path: str, target: str) -> None:
        """Make a symbolic link, and take it down."""
        place = self.place / path
        place.parent.mkdir(parents=True, exist_ok=True)
        os.symlink(target, place)
        text = os.fsencode(target)
        sha256 = hashlib.sha256(text).hexdigest()
        self.lines[path] = FileLine(sha256, "120000", len(text), path)

    def move(self, before: str, after: str, found: Mapping[str, Found], path: str) -> None:
        """Move a file below another folder of the environment, and take it down there."""
        place = self.place / after / path
        os.makedirs(place.parent, exist_ok=True)
        os.rename(self.place / before / path, place)
        self.add(f"{after}/{path}", found[path])


def has_entry(store: Path, digest: str) -> bool:
    """Tell whether an environment is there."""
    return (entry_path(store, digest) / "entry").is_file()


def fill(
    store: Path,
    choice: Choice,
    lock: str,
    kept: str,
    lock_sha256: str,
    python: Interpreter,
    wishes: Wishes,
    engine: Engine,
) -> Kinds:
    """Make an environment, unless somebody else is faster.

    Args:
        store: the folder of the store.
        choice: what is to be in it.
        lock: the text of the lock with just that, for the engine.
        kept: the same, as it is kept: without places that are there today only.
        lock_sha256: of the lock that was chosen from.
        python: what it is for.
        wishes: what the config says.
        engine: installs the packages of a lock.

    Returns:
        What could not be shared.

    Raises:
        HelperError: what the engine and check_unpacked raise, E_DISK_FULL.
        StoreUnusable: the store cannot be written to.
    """
    try:
        if list_dead(store):
            clear_dead(store)
            sweep(store)
        make_folder(store / "envs")
        make_pool(store)
        work = make_staging(store)
    except OSError as error:
        raise fail_write(error) from error
    try:
        draft = make_draft(store, work, choice, lock, python, wishes, engine)
        finish(draft, store, choice, kept, lock_sha256, python, wishes)
        move_in(draft, store, work, choice.digest)
        return draft.kinds
    except OSError as error:
        raise fail_write(error) from error
    finally:
        remove_tree(work)
        if not has_entry(store, choice.digest):
            sweep(store)


def sweep(store: Path) -> None:
    """Remove what an environment that was not made has left in the pool.

    Others that want such a file at this moment put it there once more.
    """
    for folder in list_folders(store / "files"):
        for name in list_names(folder):
            with suppress(OSError):
                if os.lstat(folder / name).st_nlink == 1:
                    os.unlink(folder / name)


def make_draft(
    store: Path | None,
    work: Path,
    choice: Choice,
    lock: str,
    python: Interpreter,
    wishes: Wishes,
    engine: Engine,
) -> Draft:
    """Install, compile, pool and arrange packages below ``work``."""
    prefix = work / "unpacked"
    prefix.mkdir()
    file = work / "pylock.toml"
    file.write_text(lock, encoding="utf-8")
    engine.install(file, prefix)
    inner = merge_site(prefix, python.version)
    draft = Draft(work / "entry", inner)
    draft.place.mkdir()
    site = draft.place / "site"
    with ThreadPoolExecutor(1) as other:
        # What is there already reaches the disk while the rest is made.
        other.submit(flush, work)
        files, odd = list_tree(prefix / inner)
        if odd:
            # (Says which distribution it came with.)
            check_unpacked(prefix / inner, None, wishes.startup, thorough=False)
            raise HelperError("E_PACKAGE_ESCAPES", "a link was unpacked", odd[:10])
        progress(f"Compiling {count_things(len(files), 'file')}")
        identities = [one.identity for one in choice.packages]
        known = list_bytecode(store, python.ident, identities) if store else ()
        found = pool_files(prefix / inner, files, python.path, store, known, work)
    check_unpacked(
        prefix / inner,
        None,
        wishes.startup,
        unrecorded=wishes.unrecorded,
        prefix=prefix,
        digests={path: one.sha256 for path, one in found.items()},
    )
    draft.kinds = classify(prefix / inner, found, wishes.own)
    os.rename(prefix / inner, site)
    for path, one in found.items():
        if path in draft.kinds.copied:
            draft.move("site", f"copy/{inner}", found, path)
            if path.endswith(".pyc"):
                check_sources(draft, f"copy/{inner}/{path}", store)
        else:
            draft.add(f"site/{path}", one)
    remove_empty(site)
    for path in draft.kinds.both:
        link_file(draft, f"site/{path}", f"copy/{inner}/{path}")
    for path in draft.kinds.startup:
        link_file(draft, f"site/{path}", f"tree/{inner}/{path}")
    target = entry_path(store, choice.digest) if store else draft.place
    arrange_rest(draft, prefix, store, engine.pythons, target)
    return draft


def check_sources(draft: Draft, path: str, store: Path | None) -> None:
    """Let Python see whether the source of bytecode has changed (PEP 552): people may do that."""
    place = draft.place / path
    data = place.read_bytes()
    if data[4:8] != _UNCHECKED:
        return
    data = data[:4] + _CHECKED + data[8:]
    place.unlink()
    place.write_bytes(data)
    found = Found(hashlib.sha256(data).hexdigest(), 0o444, len(data))
    if store:
        take_file(store, place, found)
    else:
        place.chmod(0o444)
    draft.add(path, found)


def merge_site(prefix: Path, version: str) -> str:
    """Bring what was installed together into one folder of packages.

    Args:
        prefix: where an engine has installed to.
        version: of the interpreter, for a folder when there is none.

    Returns:
        The folder, relative to the prefix; in an environment it is called so, too.
    """
    found = sorted(prefix.glob("**/*-packages")) if any(prefix.iterdir()) else []
    found = [one for one in found if len(one.relative_to(prefix).parts) <= 4]
    name = f"python{'.'.join(version.split('.')[:2])}"
    if found:
        name = found[0].parent.name
    inner = f"lib/{name}/site-packages"
    place = prefix / inner
    if place not in found:
        place.parent.mkdir(parents=True, exist_ok=True)
        if found:
            os.rename(found[0], place)
        else:
            place.mkdir()
    for other in found:
        if other != place and other.is_dir():
            _merge(other, place)
    return inner


def _merge(other: Path, place: Path) -> None:
    """Move all files below a folder into another one."""
    for path in list_tree(other)[0]:
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        os.replace(other / path, place / path)
    shutil.rmtree(other)


def link_file(draft: Draft, before: str, after: str) -> None:
    """Let a file have a second name in the environment."""
    place = draft.place / after
    place.parent.mkdir(parents=True, exist_ok=True)
    os.link(draft.place / before, place)
    draft.lines[after] = draft.lines[before]._replace(path=after)


def arrange_rest(
    draft: Draft, prefix: Path, store: Path | None, pythons: Collection[str], target: Path
) -> None:
    """Put scripts, programs and data files where they belong.

    Args:
        draft: the environment.
        prefix: where they are; the folder of packages is no longer below it.
        store: the folder of the store; None: nothing is pooled.
        pythons: the paths by which scripts name the interpreter.
        target: where the environment will be.
    """
    files, odd = list_tree(prefix)
    if odd:
        raise HelperError("E_PACKAGE_ESCAPES", "a link was unpacked", odd[:10])
    has_libraries = any(path.startswith(("lib/", "lib64/")) for path in files)
    for path, status in sorted(files.items()):
        place = prefix / path
        content = place.read_bytes()
        is_executable = bool(status.st_mode & 0o111)
        folder, _, name = path.partition("/")
        after = "tree" if path.startswith(_LINKED) else "copy"
        if folder == "bin" and "/" not in name:
            body = split_script(content, pythons)
            if body is not None and is_text(body) and "\n" not in name:
                draft.scripts[name] = body
                continue
            if body is not None:
                content = FINDING_HEAD + body
                place.unlink()
                place.write_bytes(content)
                is_executable = True
            elif is_program(content) and not has_libraries:
                # (One that looks for libraries beside itself has to be beside them.)
                after = "bin"
        mode = 0o555 if is_executable else 0o444
        found = Found(hashlib.sha256(content).hexdigest(), mode, len(content))
        if store:
            take_file(store, place, found)
        else:
            place.chmod(mode)
        kept = f"bin/{name}" if after == "bin" else f"{after}/{path}"
        (draft.place / kept).parent.mkdir(parents=True, exist_ok=True)
        os.rename(place, draft.place / kept)
        draft.add(kept, found)
        if after == "bin":
            draft.link(f"tree/bin/{name}", os.fspath(target / kept))


def finish(
    draft: Draft,
    store: Path,
    choice: Choice,
    lock: str,
    lock_sha256: str,
    python: Interpreter,
    wishes: Wishes,
) -> None:
    """Write what an environment says of itself, and make it read-only."""
    target = entry_path(store, choice.digest)
    for name in ("site", "bin", "tree"):
        (draft.place / name).mkdir(exist_ok=True)
    line = os.fsencode(target / "site") + b"\n"
    draft.write(f"tree/{draft.inner}/{STORE_PTH}", line)
    draft.write("token", b"")
    link_file(draft, "token", "tree/pyve.token")
    count = write_summaries(draft, choice)
    draft.write("pylock.toml", hide_logins(lock).encode("utf-8"))
    listed = format_files(draft.lines.values())
    draft.write("files", listed)
    named = draft.kinds.own
    fields = {
        "format": str(FORMAT),
        "python": python.ident,
        "interpreter": python.path,
        "version": python.version,
        "implementation": python.implementation,
        "platform": python.platform,
        "selection": wishes.selection,
        "lock-sha256": lock_sha256,
        "only-binary": "1" if wishes.only_binary else "",
        "own": " ".join(sorted(named)),
        "startup": " ".join(sorted(wishes.startup)),
        "record": " ".join(sorted(wishes.unrecorded)),
        "bytecode": "relative",
        "packages": str(count),
        "bytes": str(sum(one.size for one in draft.lines.values())),
        "count": str(len(draft.lines)),
        "made": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "files-sha256": hashlib.sha256(listed).hexdigest(),
    }
    draft.write("entry", format_entry(fields))
    close_folders(draft.place)


def write_summaries(draft: Draft, choice: Choice) -> int:
    """Write what is made of all packages; return how many there are."""
    draft.write("scripts", format_scripts(draft.scripts))
    pairs = [
        (one.name, draft.kinds.versions.get(one.name) or one.version, one.identity)
        for one in choice.packages
    ]
    draft.write("packages", "".join(f"{name} {version}\n" for name, version, _ in pairs).encode())
    text = "".join(f"{identity} {name} {version}\n" for name, version, identity in pairs)
    draft.write("distributions", text.encode())
    return len(pairs)


def hide_logins(lock: str) -> str:
    """Take users and passwords out of the addresses in a lock."""
    return re.sub(
        r"""(?<=["'])[a-z+]+://[^"'\s]*@[^"'\s]*""", lambda m: strip_credentials(m.group()), lock
    )


def close_folders(place: Path) -> None:
    """Take away the right to write in all folders but the top (it is moved yet) and ``tree``."""
    for top, _, _ in os.walk(place):
        inside = os.path.relpath(top, place)
        is_tree = inside == "tree" or inside.startswith("tree" + os.sep)
        os.chmod(top, 0o755 if is_tree or inside == os.curdir else 0o555)


def move_in(draft: Draft, store: Path, work: Path, digest: str) -> None:
    """Let an environment appear; where there is one already, that one stays."""
    target = entry_path(store, digest)
    flush(draft.place)
    for number in range(3):
        try:
            os.rename(draft.place, target)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST) or number == 2:
                raise
            if has_entry(store, digest):
                return
            # What is no environment is in the way.
            os.chmod(target, 0o700)
            os.rename(target, work / f"broken{number}")
        else:
            os.chmod(target, 0o555)
            sync_folder(target.parent)
            return


def flush(place: Path) -> None:
    """Wait until the disk has what was written to its file system."""
    handle = os.open(place, os.O_RDONLY)
    try:
        try:
            sync = ctypes.CDLL(None, use_errno=True).syncfs
        except (OSError, AttributeError):
            os.sync()
        else:
            sync(handle)
    finally:
        os.close(handle)
