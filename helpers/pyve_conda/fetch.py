"""Gets archives into the package cache, and lets none through whose digest is not the expected one.

py-rattler does not look at the digest of a local archive, nor of one that was unpacked before. So
archives are fetched and checked here, all of them before the first is linked, and handed to it
below ``archives/<digest>/`` in the cache. Its cache is keyed by that path, and so by the digest:
what was unpacked for one digest is never taken for another. After unpacking the archives are
removed; the ``index.json`` of each stays, which says what a lock does not.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import hashlib
import os
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from pyve_conda.cache_folders import explain_cache, make_cache, make_usable
from pyve_conda.channels import split_archive_url, strip_credentials
from pyve_conda.failures import ANOTHER_VERSION, explain_download, full_disk
from pyve_core import HelperError, count_things, progress
from pyve_core.fixes import repeat_without

if TYPE_CHECKING:
    from collections.abc import Sequence

AT_ONCE = 8
TRIES = 3
STALL_SECONDS = 60.0
CHUNK = 1 << 20


@dataclass
class Item:
    """A package on its way into an environment.

    Attributes:
        url: where its archive is; may hold secrets.
        md5: expected digest, in hexadecimal, or "".
        sha256: expected digest, or ""; it counts when both are there.
        record: py-rattler's record, or None while only a lock knows the package.
        source: a copy of the archive on this machine, which is taken in place of what the URL
            names; "" for none.
    """

    url: str
    md5: str
    sha256: str
    record: Any = None
    source: str = ""

    @property
    def file_name(self) -> str:
        """The name of the archive."""
        return split_archive_url(self.url)[2]

    @property
    def local(self) -> Path | None:
        """Where the archive is on this machine, or None when it has to be fetched."""
        return Path(self.source) if self.source else local_path(self.url)

    @property
    def stem(self) -> str:
        """Name, version and build, as conda joins them."""
        return re.sub(r"\.(conda|tar\.bz2)$", "", self.file_name)

    @property
    def title(self) -> str:
        """Name and version, for people."""
        return self.stem.rpartition("-")[0] or self.stem

    @property
    def key(self) -> str:
        """What the package is known by in the cache."""
        return self.sha256 or self.md5 or "url-" + hashlib.sha256(self.url.encode()).hexdigest()


def item_of(record: Any) -> Item:
    """Make an item of a record of py-rattler."""
    md5 = record.md5.hex() if record.md5 else ""
    return Item(record.url, md5, record.sha256.hex() if record.sha256 else "", record)


def digest_of(path: Path, algorithm: str) -> str:
    """Return the digest of a file, in hexadecimal."""
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with open(path, "rb") as stream:
        while data := stream.read(CHUNK):
            digest.update(data)
    return digest.hexdigest()


def check_digest(item: Item, path: Path) -> None:
    """Compare an archive with what is expected of it.

    Raises:
        HelperError: E_CONDA_HASH.
    """
    expected = item.sha256 or item.md5
    if not expected:
        return
    algorithm = "sha256" if item.sha256 else "md5"
    found = digest_of(path, algorithm)
    if found != expected.lower():
        raise HelperError(
            "E_CONDA_HASH",
            f"{item.title}: the archive is not the expected one; nothing was installed",
            [
                f"expected {algorithm} {expected}",
                f"found    {algorithm} {found}",
                strip_credentials(item.url),
                "the channel may have replaced it since it was locked (pyve lock takes the new),"
                " or something on its way changed it",
            ],
        )


def local_path(url: str) -> Path | None:
    """Return the path that a file URL stands for, or None for other URLs."""
    parts = urlsplit(url)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None


class Cache:
    """The package cache of the built-in engine."""

    def __init__(self, root: Path) -> None:
        """Open the cache, and make it when it is missing.

        Raises:
            HelperError: E_CONDA_CACHE, E_DISK_FULL.
        """
        self.root = root
        self.archives = root / "archives"
        self.infos = root / "infos"
        try:
            make_cache(root)
            for folder in (self.archives, self.infos, root / "packages"):
                folder.mkdir(parents=True, exist_ok=True)
            self._lock = open(root / ".archives.lock", "ab")  # noqa: SIM115
        except OSError as error:
            raise explain_cache(error, root) from error
        # Shared while archives are in use; who can lock it alone at the end clears them away.
        self._try_lock(fcntl.LOCK_SH)

    def _try_lock(self, kind: int) -> bool:
        try:
            fcntl.flock(self._lock, kind)
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Remove the archives, unless another process uses them still."""
        if self._try_lock(fcntl.LOCK_EX | fcntl.LOCK_NB):
            for folder in self.archives.iterdir():
                shutil.rmtree(folder, ignore_errors=True)
        self._lock.close()

    def packages(self) -> Any:
        """Return py-rattler's cache of unpacked packages."""
        from rattler import PackageCache

        return PackageCache.new_layered([self.root / "packages"], True)

    def archive(self, item: Item) -> Path:
        """Return where the archive of a package is while it is needed."""
        return self.archives / item.key / unquote(item.file_name)

    def info(self, item: Item) -> Path:
        """Return where the index.json of a package is kept."""
        return self.infos / f"{item.key}.json"

    def complete(self, item: Item) -> Any:
        """Return py-rattler's record of a package, which says that its archive is in the cache."""
        from rattler import PackageRecord, RepoDataRecord

        record = item.record
        if record is None:
            plain = PackageRecord.from_index_json(self.info(item))
            plain.sha256 = bytes.fromhex(item.sha256) if item.sha256 else None
            plain.md5 = bytes.fromhex(item.md5) if item.md5 else None
            channel = split_archive_url(item.url)[0] + "/"
            record = RepoDataRecord(plain, unquote(item.file_name), item.url, channel)
            item.record = record
        record.url = self.archive(item).as_uri()
        return record


class Fetcher:
    """Fetches what the cache does not have."""

    def __init__(self, cache: Cache, client: Any, offline: bool) -> None:
        self.cache = cache
        self.client = client
        self.offline = offline
        self._done = 0
        self._count = 0

    async def fetch(self, items: Sequence[Item]) -> list[Any]:
        """Get all packages into the cache.

        Returns:
            Records of py-rattler that it can install without any other source than the cache.

        Raises:
            HelperError: E_CONDA_HASH, E_CONDA_ARCHIVE, E_CONDA_MISSING, E_CONDA_NETWORK,
                E_CONDA_AUTH, E_CONDA_OFFLINE, E_DISK_FULL.
        """
        index = await self.cache.packages().index()
        missing = []
        for item in items:
            if not (
                self.cache.info(item).exists() and index.contains_record(self.cache.complete(item))
            ):
                missing.append(item)
        remote = [item for item in missing if item.local is None]
        if self.offline and remote:
            raise HelperError(
                "E_CONDA_OFFLINE",
                f"{len(remote)} of {count_things(len(items), 'package')}"
                f" {'is' if len(remote) == 1 else 'are'} not in the cache",
                [f"{item.title} would have to be fetched" for item in remote[:5]],
                repeat_without("--offline"),
            )
        self._done, self._count = 0, len(missing)
        places = asyncio.Semaphore(AT_ONCE)
        tasks = [asyncio.ensure_future(self._take(item, places)) for item in missing]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return [self.cache.complete(item) for item in items]

    async def _take(self, item: Item, places: asyncio.Semaphore) -> None:
        async with places:
            target = self.cache.archive(item)
            part = target.with_name(f"{target.name}.{os.getpid()}")
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                source = item.local
                if source is None:
                    await self._download(item, part)
                else:
                    await asyncio.to_thread(copy_local, item, source, part)
                await asyncio.to_thread(check_digest, item, part)
                os.replace(part, target)
                await self._keep_info(item, target)
            except OSError as error:
                part.unlink(missing_ok=True)
                if error.errno in (errno.ENOSPC, errno.EDQUOT):
                    raise full_disk(str(self.cache.root)) from error
                raise HelperError(
                    "E_CONDA_CACHE",
                    f"{item.title}: {error.strerror or error}",
                    str(error.filename),
                    make_usable(self.cache.root),
                ) from error
            self._done += 1
            progress(f"fetching {self._done} of {self._count} {item.title}")

    async def _download(self, item: Item, part: Path) -> None:
        """Fetch an archive, and try again when the network is to blame."""
        for attempt in range(1, TRIES + 1):
            try:
                await self._download_once(item, part)
                return
            except HelperError as error:
                if error.code != "E_CONDA_NETWORK" or attempt == TRIES:
                    raise
                await asyncio.sleep(0.5 * attempt)

    async def _download_once(self, item: Item, part: Path) -> None:
        from rattler.package_streaming import download_to_path

        from pyve_core.debug_log import write_request

        started = time.monotonic()
        outcome = "failed"
        task = asyncio.ensure_future(download_to_path(self.client, item.url, part))
        clock = asyncio.get_running_loop().time
        size, since = -1, clock()
        seconds = float(os.environ.get("PYVE_CONDA_TIMEOUT") or STALL_SECONDS)
        try:
            while not (await asyncio.wait({task}, timeout=1.0))[0]:
                now = part.stat().st_size if part.exists() else 0
                if now != size:
                    size, since = now, clock()
                elif clock() - since > seconds:
                    text = f"nothing came for {seconds:.0f} seconds"
                    raise self._explain(text, item)
            task.result()
            outcome = "200"
        except (RuntimeError, OSError) as error:
            raise self._explain(str(error), item) from error
        finally:
            task.cancel()
            write_request("GET", item.url, started, outcome)

    def _explain(self, text: str, item: Item) -> HelperError:
        return explain_download(text, item.url, item.title, str(self.cache.root))

    async def _keep_info(self, item: Item, archive: Path) -> None:
        """Write down what the archive says of itself."""
        from rattler import RepoDataRecord

        try:
            record = await RepoDataRecord.from_package_archive(archive)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # py-rattler raises many kinds here
            raise HelperError(
                "E_CONDA_ARCHIVE",
                f"the archive {item.file_name} is damaged",
                [
                    str(error).splitlines()[0],
                    strip_credentials(item.url),
                    ANOTHER_VERSION,
                ],
            ) from error
        info = self.cache.info(item)
        part = info.with_suffix(f".{os.getpid()}")
        part.write_text(record.to_json(), encoding="utf-8")
        os.replace(part, info)


def copy_local(item: Item, source: Path, target: Path) -> None:
    """Take an archive of a local channel: as a hard link, or else as a copy.

    Raises:
        HelperError: E_CONDA_MISSING.
    """
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
        return
    except FileNotFoundError as error:
        raise HelperError(
            "E_CONDA_MISSING",
            f"{item.title} is not there, though its channel lists it",
            [strip_credentials(item.url), ANOTHER_VERSION],
        ) from error
    except OSError:
        shutil.copyfile(source, target)
