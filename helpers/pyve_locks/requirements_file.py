"""Requirements files, in pip's format ("Requirements File Format" of its documentation)."""

from __future__ import annotations

import codecs
import optparse
import os
import re
import shlex
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import unquote, urlsplit

from pyve_locks.local_project import LIMIT, WHY_INSIDE, check_inside, is_outside, show_path
from pyve_locks.requirement import (
    Place,
    Requirement,
    expand,
    is_variable,
    normalize_extras,
    parse_line,
    strip_credentials,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_COMMENT = re.compile(r"(^|\s+)#.*$")
_CODING = re.compile(rb"coding[:=]\s*([-\w.]+)")
# Longest first: one is the beginning of another.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_EDITABLE = re.compile(r"^(?:-e\s*=?|--editable(?:\s+|\s*=))\s*(.*)$")
_HASH = re.compile(r"(sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})$")
_URL = re.compile(r"^(https?|ftp|file|s3|git\+\w+):", re.I)


@dataclass(frozen=True)
class Source:
    """An index or a place of files, as an option names it.

    Attributes:
        use: with its credentials: do not show it. A local one is relative to the project, ``./x``.
        shown: without credentials, and with ``${NAME}`` as it was written.
    """

    use: str = field(repr=False)
    shown: str


@dataclass(frozen=True)
class PipOptions:
    """Options of requirements files that change what is found.

    Attributes:
        index_url: the one index, or None.
        extra_index_urls, find_links: in their order.
        no_index, pre, prefer_binary, require_hashes: whether they are given.
        no_binary, only_binary: normalised names, or ``:all:``; sorted.
        trusted_hosts: changes no answer.
    """

    index_url: Source | None = None
    extra_index_urls: tuple[Source, ...] = ()
    find_links: tuple[Source, ...] = ()
    no_index: bool = False
    pre: bool = False
    prefer_binary: bool = False
    require_hashes: bool = False
    no_binary: tuple[str, ...] = ()
    only_binary: tuple[str, ...] = ()
    trusted_hosts: tuple[str, ...] = ()


@dataclass
class Requirements:
    """What requirements files say together.

    Attributes:
        files: those that were read, relative to the project, in their order.
        requirements, constraints: in their order.
        options: of all files; the last --index-url counts.
    """

    files: list[str] = field(default_factory=list)
    requirements: list[Requirement] = field(default_factory=list)
    constraints: list[Requirement] = field(default_factory=list)
    options: PipOptions = field(default_factory=PipOptions)


class _UsageError(Exception):
    pass


class _Parser(optparse.OptionParser):
    """The options of a line; abbreviations and ``-rFILE`` are understood as pip does."""

    def __init__(self) -> None:
        super().__init__(add_help_option=False)
        for names in (
            ("-r", "--requirement"),
            ("-c", "--constraint"),
            ("--extra-index-url",),
            ("-f", "--find-links"),
            ("--no-binary",),
            ("--only-binary",),
            ("--trusted-host",),
            ("--use-feature",),
            ("--hash",),
            ("-C", "--config-settings", "--config-setting"),
            ("--all-releases",),
            ("--only-final",),
        ):
            self.add_option(*names, action="append")
        self.add_option("-i", "--index-url", "--pypi-url", default="")
        for name in ("no-index", "pre", "prefer-binary", "require-hashes", "no-require-hashes"):
            self.add_option(f"--{name}", action="store_true", default=False)

    def error(self, msg: str) -> NoReturn:
        raise _UsageError(msg)

    def read(self, text: str) -> tuple[optparse.Values, list[str]]:
        """Give the options of a text, and words that are none."""
        values, rest = self.parse_args(shlex.split(text))
        for name, value in vars(values).items():
            if value is None:
                setattr(values, name, [])
        return values, rest


class RequirementsReader:
    """Reads requirements files and those that they include.

    Args:
        root: the project; files outside of it are not read.
        environ: the variables of which ``${NAME}`` is expanded.
        edited: name -> what it is to hold, of files that are not to be read as they are.
    """

    def __init__(
        self, root: Path, environ: Mapping[str, str], edited: Mapping[str, bytes] | None = None
    ) -> None:
        self.root = root
        self.environ = environ
        self.edited = edited or {}
        self.parser = _Parser()
        self.found = Requirements()
        # What includes what at the moment, and what was read in which role.
        self.open: list[str] = []
        self.done: set[tuple[str, bool]] = set()

    def read(self, file: str, is_constraint: bool = False, place: Place | None = None) -> None:
        """Read a file into ``found``.

        Args:
            file: relative to the project, POSIX.
            is_constraint: whether it limits versions only (``-c``).
            place: the line that includes it.

        Raises:
            HelperError: E_MANIFEST.
        """
        if file in self.open:
            chain = " -> ".join([*self.open[self.open.index(file) :], file])
            (place or Place(self.root, file, 0)).fail("files include each other", chain)
        if (file, is_constraint) in self.done:
            return
        self.done.add((file, is_constraint))
        if file not in self.found.files:
            self.found.files.append(file)
        self.open.append(file)
        for number, line in list_lines(self._load(file, place)):
            self._read_line(line, is_constraint, Place(self.root, file, number))
        self.open.pop()

    def _load(self, file: str, place: Place | None) -> str:
        if file in self.edited:
            return decode(self.edited[file], Place(self.root, file, 0))
        place = place or Place(self.root, file, 0)
        path = os.path.join(self.root, file)
        if not os.path.isfile(path):
            place.fail(
                f"there is no file {file}" if not os.path.exists(path) else f"{file}: no file"
            )
        check_inside(self.root, file)
        try:
            if os.path.getsize(path) > LIMIT:
                place.fail(f"{file} is larger than {LIMIT >> 20} MiB")
            with open(path, "rb") as stream:
                data = stream.read()
        except OSError as error:
            place.fail(f"cannot read {file}", error.strerror or str(error))
        return decode(data, Place(self.root, file, 0))

    def _read_line(self, written: str, is_constraint: bool, place: Place) -> None:
        line = expand(written, self.environ, self.root)
        editable = _EDITABLE.match(line)
        if editable:
            shown = _EDITABLE.match(written)
            target, options = split_options(editable.group(1))
            target_shown = split_options(shown.group(1) if shown else written)[0]
            target, target_shown = _unquote(target), _unquote(target_shown)
        else:
            target, options = split_options(line)
            target_shown = split_options(written)[0]
        try:
            given, rest = self.parser.read(options)
        except _UsageError as error:
            place.fail(f"'{written}' is not understood", str(error))
        except ValueError as error:
            place.fail(f"'{written}' is not understood", str(error))
        if rest:
            place.fail(f"'{written}' is not understood", f"'{rest[0]}' has no option before it")
        if editable or target:
            self._add(target, target_shown, given, bool(editable), is_constraint, place)
        else:
            self._set_options(given, split_options(written)[1], place)

    def _add(
        self,
        target: str,
        shown: str,
        given: optparse.Values,
        editable: bool,
        is_constraint: bool,
        place: Place,
    ) -> None:
        for option, value in vars(given).items():
            if value and option not in ("hash", "config_settings"):
                name = option.replace("_", "-")
                place.fail(f"--{name} stands on a line of its own", "pip does not see it here")
        if editable and not target:
            place.fail("-e has nothing behind it", "it is followed by a folder or a repository")
        hashes = [value.lower() for value in given.hash]
        for value in hashes:
            if not _HASH.match(value):
                place.fail(
                    f"'--hash={value}' is no hash",
                    "it is written as sha256:, sha384: or sha512:, and all digits of it",
                )
        requirement = replace(
            parse_line(target, shown, place, editable),
            hashes=tuple(sorted(set(hashes))),
            config_settings=tuple(sorted(set(given.config_settings))),
        )
        if not is_constraint:
            self.found.requirements.append(requirement)
            return
        if editable or not requirement.name:
            place.fail(f"'{shown}' cannot be a constraint", "a constraint has a name")
        if requirement.extras:
            place.fail(f"'{shown}' cannot be a constraint", "a constraint has no extras")
        self.found.constraints.append(requirement)

    def _set_options(self, given: optparse.Values, written: str, place: Place) -> None:
        included = [(file, False) for file in given.requirement]
        included += [(file, True) for file in given.constraint]
        if len(included) > 1:
            place.fail("a line includes one file", "pip does not see the others")
        if given.hash or given.config_settings:
            place.fail("--hash and --config-settings belong behind a requirement")
        shown = self._read_written(written, given)
        options = self.found.options
        if given.index_url:
            source = self._source(given.index_url, shown.index_url, place)
            options = replace(options, index_url=source)
        pairs = zip(given.extra_index_url, shown.extra_index_url)
        extra = [self._source(use, text, place) for use, text in pairs]
        pairs = zip(given.find_links, shown.find_links)
        links = [self._source(use, text, place, beside=True) for use, text in pairs]
        pre = given.pre or ":all:" in given.all_releases
        for name in {*given.all_releases, *given.only_final} - {":all:", ":none:"}:
            place.fail(f"--all-releases and --only-final cannot name {name}", "only :all: is known")
        self.found.options = replace(
            options,
            extra_index_urls=tuple(dict.fromkeys((*options.extra_index_urls, *extra))),
            find_links=tuple(dict.fromkeys((*options.find_links, *links))),
            no_index=options.no_index or given.no_index,
            pre=(options.pre or pre) and ":all:" not in given.only_final,
            prefer_binary=options.prefer_binary or given.prefer_binary,
            require_hashes=(options.require_hashes or given.require_hashes)
            and not given.no_require_hashes,
            no_binary=_join_names(options.no_binary, given.no_binary),
            only_binary=_join_names(options.only_binary, given.only_binary),
            trusted_hosts=tuple(sorted({*options.trusted_hosts, *given.trusted_host})),
        )
        for file, is_constraint in included:
            self.read(self.include(file, place), is_constraint, place)

    def _read_written(self, text: str, given: optparse.Values) -> optparse.Values:
        """Read options before their variables are expanded; else what they are now is given."""
        try:
            shown, _ = self.parser.read(text)
        except (_UsageError, ValueError):
            return given
        for name, value in vars(given).items():
            other = getattr(shown, name)
            if bool(value) != bool(other) or (isinstance(value, list) and len(value) != len(other)):
                return given
        return shown

    def _source(self, use: str, shown: str, place: Place, beside: bool = False) -> Source:
        """Take an index or a place of files; a local one gets relative to the project."""
        if _URL.match(use) and not use.lower().startswith("file:"):
            return Source(use, strip_credentials(shown))
        path = unquote(urlsplit(use).path) if use.lower().startswith("file:") else use
        start = os.path.abspath(self.root)
        near = os.path.join(os.path.dirname(os.path.join(start, place.file)), path)
        full = os.path.normpath(
            near if beside and os.path.exists(near) else os.path.join(start, path)
        )
        relative = os.path.relpath(full, start).replace(os.sep, "/")
        relative = show_path(relative)
        return Source(relative, strip_credentials(shown) if is_variable(shown) else relative)

    def include(self, file: str, place: Place) -> str:
        """Give the name of an included file, which counts from the one that includes it."""
        if "://" in file and not file.lower().startswith("file:"):
            place.fail(
                f"'{strip_credentials(file)}' is not a file of the project",
                "what a lock is made from has to be there without a network: keep a copy of it",
            )
        if file.lower().startswith("file:"):
            file = unquote(urlsplit(file).path)
        start = os.path.abspath(self.root)
        full = os.path.normpath(
            os.path.join(os.path.dirname(os.path.join(start, place.file)), file)
        )
        relative = os.path.relpath(full, start).replace(os.sep, "/")
        if relative.startswith("../") or is_outside(start, full):
            place.fail(f"'{file}' is outside of the project", WHY_INSIDE)
        if re.search(r"[\\\n\r]", relative):
            place.fail("the name of an included file has a backslash or a line break in it")
        return relative


def decode(data: bytes, place: Place) -> str:
    """Decode a requirements file: by its byte order mark, its comment (PEP 263), or as UTF-8.

    Raises:
        HelperError: E_MANIFEST. (pip takes the locale's encoding then, which is another elsewhere.)
    """
    encoding = "utf-8"
    for mark, name in _MARKS:
        if data.startswith(mark):
            data, encoding = data[len(mark) :], name
            break
    else:
        for line in data.split(b"\n")[:2]:
            named = _CODING.search(line) if line.startswith(b"#") else None
            if named:
                encoding = named.group(1).decode("ascii")
                break
    try:
        text = data.decode(encoding)
    except LookupError:
        place.fail(f"the encoding '{encoding}' is not known")
    except UnicodeDecodeError as error:
        broken = data.count(b"\n", 0, error.start) + 1
        replace(place, line=broken).fail(
            f"the text is not {encoding}",
            "another encoding is named in the first line, as: # -*- coding: latin-1 -*-",
        )
    except (ValueError, TypeError) as error:
        place.fail(f"the text is not {encoding}", str(error))
    if "\0" in text:
        broken = text.count("\n", 0, text.index("\0")) + 1
        replace(place, line=broken).fail("there is a NUL in the text")
    return text


def list_lines(text: str) -> Iterator[tuple[int, str]]:
    """Give the lines as pip takes them: continued ones joined, without comments and empty ones.

    Returns:
        Pairs of the line where it begins, from 1, and its text.
    """
    joined: list[str] = []
    first = 0
    for number, line in enumerate([*text.splitlines(), ""], 1):
        if not joined:
            first = number
        is_comment = _COMMENT.match(line)
        if line.endswith("\\") and not is_comment:
            joined.append(line.strip("\\"))
            continue
        # With a blank before it, a comment is one, too, behind a continued line.
        joined.append(f" {line}" if is_comment else line)
        whole = _COMMENT.sub("", "".join(joined)).strip()
        joined = []
        if whole:
            yield first, whole


def split_options(line: str) -> tuple[str, str]:
    """Split a line before its first word that begins with a dash, as pip does."""
    found = re.search(r"(?:^|(?<=\s))-", line)
    if not found:
        return line.strip(), ""
    return line[: found.start()].strip(), line[found.start() :]


def _unquote(text: str) -> str:
    """Take the quotes from a path with blanks."""
    if text[:1] not in ("'", '"'):
        return text
    try:
        return " ".join(shlex.split(text))
    except ValueError:
        return text


def _join_names(names: tuple[str, ...], given: list[str]) -> tuple[str, ...]:
    """Add to a list of names; ``:none:`` empties it, ``:all:`` is all of them."""
    joined = set(names)
    for value in given:
        for name in re.split(r"\s*,\s*", value.strip()):
            if name == ":none:":
                joined.clear()
            elif name:
                joined.add(name if name == ":all:" else normalize_extras([name])[0])
    return (":all:",) if ":all:" in joined else tuple(sorted(joined))
