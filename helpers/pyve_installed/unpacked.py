"""What an installer has put into an environment, looked at before any Python of it is started.

An installer verifies the hash of an archive, and so that it is the one which the lock names; what
is in it is another matter. Here a distribution has to be what its RECORD says, has to keep to its
places, and may execute nothing at each start of Python but by leave.

    known = snapshot(site_packages)     # before; only where there was something already
    check_unpacked(site_packages, names, allowed, known=known)

Source: the binary distribution format (PEP 427, PEP 491), recording installed projects (PEP 376,
PEP 627), entry points, the module ``site``.

Standard library only.
"""

from __future__ import annotations

import base64
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from pyve_core import HelperError
from pyve_installed.claims import (
    Claim,
    Row,
    is_bytecode,
    is_reserved,
    is_script_name,
    list_scripts,
    read_claims,
    show,
    walk,
)
from pyve_installed.distributions import normalize
from pyve_installed.start_files import (
    is_start_file,
    list_start_files,
    match_known,
    read_start_lines,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

__all__ = ["Snapshot", "check_unpacked", "snapshot"]

# Path below site-packages -> its sha256 for a start-up file, "" for others.
Snapshot = dict[str, str]

# How many reasons are given.
_SHOWN = 10
# How many files a thread takes at once.
_AT_ONCE = 200
_STRONG = ("sha256", "sha384", "sha512")
# What an installer writes beside the files of a wheel.
_INSTALLERS = ("INSTALLER", "REQUESTED", "direct_url.json", "uv_build.json", "uv_cache.json")
# Files of a wheel that need no hash.
_UNHASHED = ("RECORD", "RECORD.jws", "RECORD.p7s")


def snapshot(site_packages: Path) -> Snapshot:
    """Note what is there that no distribution claims: people's own files, and Pyve's."""
    claims = read_claims(site_packages, site_packages)
    claimed = {path for claim in claims for path in claim.rows}
    found = {}
    for path in walk(site_packages).files:
        if path not in claimed and not is_bytecode(path):
            found[path] = _sha256(site_packages / path) if _is_start_path(path) else ""
    return found


def check_unpacked(
    site_packages: Path,
    names: Collection[str] | None = None,
    allowed: Collection[str] = (),
    *,
    known: Snapshot | None = None,
    unrecorded: Collection[str] = (),
    prefix: Path | None = None,
    digests: Mapping[str, str] | None = None,
    thorough: bool = True,
) -> None:
    """Look at what an installer has unpacked; nothing of it is executed.

    Args:
        site_packages: the folder; one for both pure and compiled distributions.
        names: the distributions to look at, in any spelling; None: all. What was made from a
            folder of the user's is the user's own, and is not to be among them.
        allowed: distributions that may execute code at each start (``sync.allow_startup``).
        known: what was there before (``snapshot``), claimed by no distribution. What is neither
            claimed nor known came with what was unpacked.
        unrecorded: distributions whose RECORD need not be right (``sync.allow_record``).
        prefix: the environment's folder; default: what lib/python3.N/site-packages is below,
            else ``site_packages`` itself.
        digests: sha256 of files, in hexadecimal, by path below ``site_packages``; what is not
            in it is read here.
        thorough: compare hashes; else only sizes.

    Raises:
        HelperError: E_PACKAGE_ESCAPES for what leaves its place, E_PACKAGE_RECORD for what is not
            as RECORD says, E_STARTUP_CODE for what would be executed at each start.
    """
    prefix = prefix or _find_prefix(site_packages)
    check = _Check(site_packages, prefix, names, known or {}, digests or {})
    check.find_escapes()
    check.find_record_faults(frozenset(map(normalize, unrecorded)), thorough)
    check.find_start_code(frozenset(map(normalize, allowed)))


class _Check:
    """One look at one folder."""

    def __init__(
        self,
        site: Path,
        prefix: Path,
        names: Collection[str] | None,
        known: Snapshot,
        digests: Mapping[str, str],
    ) -> None:
        self.site = site
        self.prefix = prefix
        self.place = os.path.relpath(site, prefix)
        self.known = known
        self.digests = digests
        self.claims = read_claims(site, prefix)
        wanted = None if names is None else frozenset(map(normalize, names))
        self.chosen = [c for c in self.claims if wanted is None or c.name in wanted]
        self.tree = walk(site)
        self.owners: dict[str, list[Row]] = {}
        for claim in self.claims:
            for path, row in claim.rows.items():
                self.owners.setdefault(path, []).append(row)

    # --- places

    def find_escapes(self) -> None:
        """Raise E_PACKAGE_ESCAPES."""
        why = [line for claim in self.chosen for line in self._list_escapes(claim)]
        chosen = {claim.info for claim in self.chosen}
        for path in self.tree.links:
            rows = self.owners.get(path, [])
            if not self._leads_out(path) or (not rows and path in self.known):
                continue
            # (An installer may be told to make links to its cache: these hold what RECORD says.)
            if rows and any(row.owner.info not in chosen or self._fits(path, row) for row in rows):
                continue
            why.append(f"{self._tell(path)} is a link that leads out of the environment")
        if why:
            raise HelperError(
                "E_PACKAGE_ESCAPES",
                "a distribution does not keep to its place",
                _shorten([*why, "nothing of it was used"]),
            )

    def _list_escapes(self, claim: Claim) -> Iterator[str]:
        for path in claim.rows:
            if os.path.isabs(path):
                yield f"{claim.shown}: RECORD names {show(path)}, outside of the environment"
            elif path.startswith(".."):
                whole = os.path.normpath(os.path.join(self.place, path))
                if whole.startswith("..") or os.path.isabs(whole):
                    yield f"{claim.shown}: RECORD names {show(path)}, outside of the environment"
                elif is_reserved(whole):
                    yield f"{claim.shown}: {show(whole)} is a file of the environment itself"
                elif self._leads_out(path) and not self._fits(path, claim.rows[path]):
                    yield f"{claim.shown}: {show(whole)} is a link that leads out"
            elif self.place == os.curdir and is_reserved(path):
                yield f"{claim.shown}: {show(path)} is a file of the environment itself"
        for number, name in list_scripts(_read(self.site / claim.info / "entry_points.txt")):
            if not is_script_name(name):
                yield (
                    f"{claim.shown}: {claim.info}/entry_points.txt:{number}: "
                    f"{show(name)} is no name for a script"
                )

    def _leads_out(self, path: str) -> bool:
        place = os.path.join(self.site, path)
        if path.startswith("..") and not os.path.islink(place):
            # Files beside site-packages: a folder on the way may be a link.
            place = os.path.dirname(place)
        root = os.path.realpath(self.prefix)
        found = os.path.realpath(place)
        return found != root and not found.startswith(root + os.sep)

    # --- RECORD

    def find_record_faults(self, forgiven: Collection[str], thorough: bool) -> None:
        """Raise E_PACKAGE_RECORD."""
        why: list[str] = []
        blamed: set[str] = set()
        for claim in self.chosen:
            if claim.name not in forgiven:
                found = [*claim.faults, *self._list_row_faults(claim, thorough)]
                why += [f"{claim.shown}: {fault}" for fault in found]
                blamed.update([claim.name] if found else [])
        for path in self._list_unclaimed():
            owner = self._guess_owner(path)
            if owner is None or owner.name not in forgiven:
                shown = f"{owner.shown}: " if owner else ""
                why.append(f"{shown}{show(path)} is in no RECORD")
                blamed.update([owner.name] if owner else [])
        if why:
            raise HelperError(
                "E_PACKAGE_RECORD",
                "a distribution is not what its RECORD says",
                _shorten([*why, _hint(why, blamed)]),
                _allow("sync.allow_record", {*forgiven, *blamed}) if blamed else (),
            )

    def _list_row_faults(self, claim: Claim, thorough: bool) -> Iterator[str]:
        doubtful: list[tuple[str, Row]] = []
        for path, row in claim.rows.items():
            top = path.partition("/")[0]
            if top.endswith(".dist-info") and top != claim.info:
                yield f"RECORD claims {show(path)}, of another distribution"
                continue
            if path.startswith(".."):
                try:
                    size = os.stat(self.site / path).st_size
                except (OSError, ValueError):
                    size = None
            else:
                size = self.tree.files.get(path)
            if size is None:
                if not is_bytecode(path):
                    yield f"{show(path)} is not there"
            elif not row.digest:
                if not _needs_no_hash(path, claim):
                    yield f"RECORD has no hash of {show(path)}"
            elif row.digest.partition("=")[0] not in _STRONG:
                yield f"RECORD has a weak hash of {show(path)}"
            elif size >= 0 and row.size.isdigit() and int(row.size) != size:
                if not self._fits_another(path, row):
                    yield f"{show(path)} has {size} bytes, and RECORD says {row.size}"
            elif thorough:
                doubtful.append((path, row))
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            # (In a few parts: a task of its own for each file costs more than the file.)
            parts = [doubtful[i : i + _AT_ONCE] for i in range(0, len(doubtful), _AT_ONCE)]
            for part in pool.map(self._list_misfits, parts):
                yield from part

    def _list_misfits(self, rows: list[tuple[str, Row]]) -> list[str]:
        return [
            f"{show(path)} has another hash than RECORD says"
            for path, row in rows
            if not self._fits(path, row) and not self._fits_another(path, row)
        ]

    def _fits_another(self, path: str, row: Row) -> bool:
        """Tell whether a file is that of another distribution which has the same path.

        Many have a ``tests/__init__.py``, or one of a namespace: one of them is there.
        """
        return any(
            other.digest and other.owner is not row.owner and self._fits(path, other)
            for other in self.owners.get(path, [])
        )

    def _fits(self, path: str, row: Row) -> bool:
        kind, _, value = row.digest.partition("=")
        known = self.digests.get(path) if kind == "sha256" else None
        try:
            if known is None:
                with open(f"{self.site}/{path}", "rb") as file:
                    found = hashlib.new(kind, file.read()).digest()
            else:
                found = bytes.fromhex(known)
        except (OSError, ValueError):
            return False
        return base64.urlsafe_b64encode(found).rstrip(b"=").decode() == value.rstrip("=")

    def _list_unclaimed(self) -> Iterator[str]:
        infos = {claim.info for claim in self.claims}
        for path in sorted(self.tree.files.keys() - self.owners.keys()):
            top, _, rest = path.partition("/")
            if is_bytecode(path) or (top in infos and rest in _INSTALLERS):
                continue
            if path not in self.known or (
                _is_start_path(path) and _sha256(self.site / path) != self.known[path]
            ):
                yield path

    def _guess_owner(self, path: str) -> Claim | None:
        """Say which distribution a file that none claims came with, as far as that can be said."""
        top = path.partition("/")[0]
        for claim in self.chosen:
            if claim.info == top or (
                "/" in path and any(row.startswith(f"{top}/") for row in claim.rows)
            ):
                return claim
        return self.chosen[0] if len(self.chosen) == 1 else None

    # --- start-up code

    def find_start_code(self, allowed: Collection[str]) -> None:
        """Raise E_STARTUP_CODE."""
        why: list[str] = []
        blamed: set[str] = set()
        chosen = {claim.info: claim for claim in self.chosen}
        for name in list_start_files(self.site):
            below = f"{name}/"
            paths = [p for p in self.owners if p == name or p.startswith(below)]
            owners = {row.owner.info for path in paths for row in self.owners[path]}
            claims = [chosen[info] for info in sorted(owners) if info in chosen]
            if not claims or any(claim.name in allowed for claim in claims):
                continue
            for claim in claims:
                for line in self._judge(name, claim):
                    why.append(f"{claim.shown}: {line}")
                    blamed.add(claim.name)
        if why:
            raise HelperError(
                "E_STARTUP_CODE",
                "a distribution executes code at each start of Python",
                _shorten([*why, "nothing of it was executed"]),
                _allow("sync.allow_startup", {*allowed, *blamed}),
            )

    def _judge(self, name: str, claim: Claim) -> Iterator[str]:
        """Say which lines of a start-up file need leave."""
        path = self.site / name
        if not path.is_file():
            yield f"{show(name)} is imported at each start"
            return
        for line in read_start_lines(path):
            if line.kind == "path":
                if not self._is_inside(line.text):
                    yield f"{show(name)}:{line.number}: adds {show(line.text)} to the path"
                continue
            if not line.number:
                yield f"{show(name)}:1: is executed as a whole"
                continue
            modules = match_known(line.text, claim.name)
            if modules is None or not all(self._answers(claim, module) for module in modules):
                yield f"{show(name)}:{line.number}: {show(line.text)}"

    def _is_inside(self, line: str) -> bool:
        try:
            found = os.path.realpath(os.path.join(self.site, line))
        except (OSError, ValueError):
            return False
        root = os.path.realpath(self.site)
        return found == root or found.startswith(root + os.sep)

    def _answers(self, claim: Claim, module: str) -> bool:
        """Tell whether a module is of the distribution, and of no other."""
        below = (f"{module}/", f"{module}.")
        found = [rows for path, rows in self.owners.items() if path.startswith(below)]
        return all(row.owner is claim for rows in found for row in rows)

    def _tell(self, path: str) -> str:
        rows = self.owners.get(path)
        return f"{rows[0].owner.shown}: {show(path)}" if rows else show(path)


# --- reading


def _find_prefix(site: Path) -> Path:
    parts = site.parts[-3:]
    if len(parts) == 3 and parts[0] in ("lib", "lib64") and parts[2] == "site-packages":
        return site.parents[2]
    return site


def _is_start_path(path: str) -> bool:
    return is_start_file(path.partition("/")[0])


def _needs_no_hash(path: str, claim: Claim) -> bool:
    folder, _, name = path.rpartition("/")
    return is_bytecode(path) or (folder == claim.info and name in (*_UNHASHED, *_INSTALLERS))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return "-"


# --- words


def _shorten(why: list[str]) -> list[str]:
    if len(why) <= _SHOWN + 1:
        return why
    return [*why[:_SHOWN], f"{len(why) - 1 - _SHOWN} more like these", why[-1]]


def _hint(why: list[str], names: Collection[str]) -> str:
    """Say the last reason; bytes that are not those of the archive may be a cache's."""
    if any(line.endswith("RECORD says") or " bytes, and " in line for line in why):
        clean = " ".join(sorted(names))
        return f"nothing of it was used; where uv's cache is damaged: uv cache clean {clean}"
    return "nothing of it was used"


def _allow(key: str, names: Collection[str]) -> str:
    return " ".join(["pyve config set", key, *sorted(names)])
