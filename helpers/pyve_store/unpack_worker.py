"""Hash, compile and pool the files of an environment of the store: one of several at once.

Usage: unpack_worker.py LIST FOLDER POOL KNOWN < QUEUE > RESULTS

Run as ``PYTHON -I -S`` by the interpreter that the environment is for, of which nothing is imported
but its standard library: what is compiled is not executed. So this keeps to syntax of Python 3.7.

LIST has the paths below FOLDER, each ended by a NUL; a ``+`` before it marks a program, a ``-`` any
other file. Python sources are compiled (PEP 3147, PEP 552, unchecked hash). QUEUE is a pipe that
all workers read: 4 bytes are the number of a file in LIST with which a batch begins, 4 more that
behind its end. KNOWN has three fields for each source whose bytecode is in POOL already: path,
SHA-256 of the source, of the bytecode. RESULTS has seven fields for each file, each ended by a NUL:
number in LIST, SHA-256, size, path of the bytecode, its SHA-256, its size, and for a source a ``1``
where it is worth a closer look (see writes.py). Exit status 4: the system refused something; its
number for that (errno) is on stderr.

Each file gets mode 0444 or 0555, and is a hard link of one in POOL afterwards (unless POOL is "").
"""

import builtins
import gc
import hashlib
import importlib.util
import marshal
import os
import re
import struct
import sys
import warnings

# What a source has that finds its own folder, and what it has that writes.
# (Texts: a pattern for all of them takes ten times as long.)
FINDS = (
    b"__file__",
    b"__path__",
    b"resource_filename",
    b"importlib.resources",
    b"importlib_resources",
    b"import resources",
    b"getsourcefile",
)
WRITES = re.compile(
    rb"""["'](?:[wax][bt]?\+?[bt]?|r[bt]?\+[bt]?)["']|write_(?:text|bytes)|mkdir|makedirs|sqlite3"""
    rb"""|shelve|shutil|copyfile|copytree|copy2|os\.(?:rename|replace|remove|unlink|rmdir|link"""
    rb"""|symlink|open|truncate)|\.(?:unlink|touch|rmdir|symlink_to|hardlink_to)\s*\(|FileHandler"""
    rb"""|mkstemp|mkdtemp|Temporary|FileLock|FileCache|diskcache|urlretrieve|from\s+os\s+import"""
)


def write_file(path, data, mode):
    # type: (bytes, bytes, int) -> None
    """Write a file that nobody has, with a mode that is not the umask's."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(handle, view) :]
        os.fchmod(handle, mode)
    finally:
        os.close(handle)


def read_file(path):
    # type: (bytes) -> tuple[bytes, bool]
    """Read a file, and say whether it has other names; a symbolic link is not followed."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    try:
        status = os.fstat(handle)
        size = status.st_size
        parts = []
        while True:
            # (One more than there is, so that the first read tells that it was the last.)
            part = os.read(handle, size + 1)
            parts.append(part)
            if not part or (len(parts) == 1 and len(part) == size):
                break
        return parts[0] if len(parts) == 1 else b"".join(parts), status.st_nlink > 1
    finally:
        os.close(handle)


class Pool:
    """The files of the store, each once."""

    def __init__(self, folder):
        # type: (bytes) -> None
        self.folder = folder
        # What stands beside, for the moment between two steps.
        self.aside = b".%d.pyve" % os.getpid()

    def place(self, digest, mode):
        # type: (str, int) -> bytes
        """Give the path of a file."""
        name = digest.encode() + (b".x" if mode == 0o555 else b"")
        return self.folder + b"/" + name[:2] + b"/" + name

    def is_sound(self, place, mode, size):
        # type: (bytes, int, int) -> bool
        """Tell whether a file of the pool looks as it was put there."""
        found = os.lstat(place)
        return found.st_mode == 0o100000 | mode and found.st_size == size

    def fetch(self, path, digest, mode, size):
        # type: (bytes, str, int, int) -> bool
        """Make a new link of a file of the pool, when it has it."""
        place = self.place(digest, mode)
        try:
            if size < 0:
                size = os.lstat(place).st_size
            if not self.is_sound(place, mode, size):
                return False
            os.link(place, path)
        except OSError:
            return False
        return True

    def take(self, path, digest, mode, size):
        # type: (bytes, str, int, int) -> None
        """Let a file be one of the pool: the one that is there, or itself from now on.

        Where the system has no more links for it, it stays a copy.
        """
        place = self.place(digest, mode)
        for _ in range(3):
            try:
                os.link(path, place)
                return
            except FileExistsError:
                pass
            except OSError:
                return
            aside = path + self.aside
            try:
                if not self.is_sound(place, mode, size):
                    # (Somebody wrote to it: those who have it keep it.)
                    os.unlink(place)
                    continue
                os.link(place, aside)
                os.rename(aside, path)
                # (When both were the same file already, rename does nothing.)
                if os.path.lexists(aside):
                    os.unlink(aside)
                return
            except OSError:
                # It went meanwhile, or it has as many links as there can be.
                continue


class Worker:
    """What one process does."""

    def __init__(self, files, folder, pool, known):
        # type: (list[bytes], bytes, Pool | None, dict[bytes, tuple[str, str]]) -> None
        self.files = files
        self.folder = folder
        self.pool = pool
        self.known = known
        self.tag = (".%s.pyc" % sys.implementation.cache_tag).encode()
        # PEP 552: 1 is a hash, 2 would ask for it to be checked.
        self.head = importlib.util.MAGIC_NUMBER + struct.pack("<L", 1)
        self.out = []  # type: list[str]

    def do(self, number):
        # type: (int) -> None
        """Do all that is to be done with one file."""
        name = self.files[number]
        mode = 0o555 if name[:1] == b"+" else 0o444
        name = name[1:]
        path = self.folder + b"/" + name
        data, is_shared = read_file(path)
        digest = hashlib.sha256(data).hexdigest()
        if is_shared:
            # It is one of the installer's cache, which is not to have the modes of the store.
            os.unlink(path)
            self.put(path, data, digest, mode)
        else:
            os.chmod(path, mode)
            if self.pool is not None:
                self.pool.take(path, digest, mode, len(data))
        row = [str(number), digest, str(len(data))]
        if name.endswith(b".py"):
            row += self.compile(name, data, digest)
            finds = any(word in data for word in FINDS)
            row.append("1" if finds and WRITES.search(data) else "")
        else:
            row += ["", "", "", ""]
        self.out.append("\0".join(row) + "\0")

    def put(self, path, data, digest, mode):
        # type: (bytes, bytes, str, int) -> None
        """Make a file: a link of one of the pool, or a new one that is then in it."""
        if self.pool is None:
            write_file(path, data, mode)
        elif not self.pool.fetch(path, digest, mode, len(data)):
            write_file(path, data, mode)
            self.pool.take(path, digest, mode, len(data))

    def compile(self, name, data, digest):
        # type: (bytes, bytes, str) -> list[str]
        """Make the bytecode of a source: path, SHA-256 and size; empty for what is no Python."""
        folder, _, base = name.rpartition(b"/")
        cached = (folder + b"/" if folder else b"") + b"__pycache__/" + base[:-3] + self.tag
        path = self.folder + b"/" + cached
        source, code = self.known.get(name, ("", ""))
        if self.pool is not None and source == digest and self.pool.fetch(path, code, 0o444, -1):
            return [os.fsdecode(cached), code, str(os.lstat(path).st_size)]
        try:
            # (Python puts the place where it finds it instead of this name.)
            made = builtins.compile(data, os.fsdecode(name), "exec", 0, True, 0)
        except (SyntaxError, ValueError, MemoryError, RecursionError, OverflowError):
            return ["", "", ""]
        whole = self.head + importlib.util.source_hash(data) + marshal.dumps(made)
        found = hashlib.sha256(whole).hexdigest()
        self.put(path, whole, found, 0o444)
        return [os.fsdecode(cached), found, str(len(whole))]


def split_file(path):
    # type: (str) -> list[bytes]
    """Read the fields of a file, each ended by a NUL."""
    with open(path, "rb") as stream:
        return stream.read().split(b"\0")[:-1]


def main(argv):
    # type: (list[str]) -> int
    """Do what the queue has, batch by batch."""
    files, folder, pool, known = argv
    warnings.simplefilter("ignore")
    gc.disable()
    fields = split_file(known)
    there = {
        name: (digest.decode(), code.decode())
        for name, digest, code in zip(fields[0::3], fields[1::3], fields[2::3])
    }
    worker = Worker(
        split_file(files), os.fsencode(folder), Pool(os.fsencode(pool)) if pool else None, there
    )
    try:
        while True:
            batch = os.read(0, 8)
            if len(batch) < 8:
                break
            for number in range(*struct.unpack("<LL", batch)):
                worker.do(number)
        data = "".join(worker.out).encode("utf-8", "surrogateescape")
        while data:
            data = data[os.write(1, data) :]
    except OSError as error:
        sys.stderr.write("%d\n" % (error.errno or 0))
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
