"""One requirement (PEP 508), or what pip's requirements files know beside: paths, bare URLs, -e."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import quote, unquote, urlsplit

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Parsed
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    canonicalize_version,
    parse_sdist_filename,
    parse_wheel_filename,
)

from pyve_core import HelperError
from pyve_core.redaction import replace_secrets
from pyve_locks.local_project import read_name, relate_url, show_path

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ARCHIVES = (".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tar.xz", ".tar")
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
_EXTRAS = re.compile(r"^(.*?)\s*\[([^\[\]]*)\]$", re.DOTALL)
_BEGINNING = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*\s*(\[[^\]]*\]\s*)?@")
_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]+:")


@dataclass(frozen=True)
class Requirement:
    """What one line, or one text of a list, asks for.

    Attributes:
        name: normalised (PEP 503); "" where only the metadata of what ``path`` or ``url`` leads to
            tells it.
        extras: normalised, sorted.
        specifier: normalised, as ``<3,>=2``; "" for any version.
        marker: as `packaging` writes it; "" for none.
        url: to be used, with its credentials: do not show it. "" for none, and for local ones.
        shown: the same without credentials, and with ``${NAME}`` as it was written.
        path: of a local folder or archive, relative to the project, POSIX: ``libs/a``, ``.``,
            ``../b``; "" for none. Then ``shown`` is "", or how it is written with ``${NAME}``.
        fragment: of a local URL, as ``subdirectory=a``.
        editable: asked for with ``-e``.
        hashes: ``sha256:...``, sorted; an artifact has to have one of them. () for any.
        config_settings: for the build backend, ``KEY=VALUE``.
        file, line: where it stands; the line is 0 when that is not known.
    """

    name: str
    extras: tuple[str, ...] = ()
    specifier: str = ""
    marker: str = ""
    url: str = field(default="", repr=False)
    shown: str = ""
    path: str = ""
    fragment: str = ""
    editable: bool = False
    hashes: tuple[str, ...] = ()
    config_settings: tuple[str, ...] = ()
    file: str = field(default="", compare=False)
    line: int = field(default=0, compare=False)

    def canonical(self) -> str:
        """Give the one way to write it, without credentials: what canonical manifests hold."""
        extras = f"[{','.join(self.extras)}]" if self.extras else ""
        text = f"{self.name}{extras}{self.specifier}"
        if self.path or self.shown:
            place = self.shown
            if not place:
                place = show_path(self.path)
                place += f"#{self.fragment}" if self.fragment else ""
            text = f"{self.name}{extras} @ {place}" if self.name else f"{place}{extras}"
        if self.marker:
            text += f" ; {self.marker}" if self.path or self.shown else f"; {self.marker}"
        for option, values in (("--hash", self.hashes), ("-C", self.config_settings)):
            text += "".join(f" {option}={value}" for value in values)
        return f"-e {text}" if self.editable else text

    def pep508(self, root: Path | None = None) -> str:
        """Write it as other tools read it, with its credentials: do not show it.

        Args:
            root: the project, from which local paths become ``file:`` URLs.

        Raises:
            ValueError: it has no name, or it is local and there is no root.
        """
        if not self.name:
            raise ValueError(f"the name of {self.canonical()} is not known")
        extras = f"[{','.join(self.extras)}]" if self.extras else ""
        text = f"{self.name}{extras}{self.specifier}"
        url = self.url
        if self.path:
            if root is None:
                raise ValueError(f"{self.canonical()} is local")
            from pathlib import Path

            url = Path(os.path.normpath(os.path.join(root, self.path))).as_uri()
            url += f"#{self.fragment}" if self.fragment else ""
        if url:
            text = f"{self.name}{extras} @ {url}"
        if self.marker:
            text += f" ; {self.marker}" if url else f"; {self.marker}"
        return text

    def when(self, marker: str) -> Requirement:
        """Give the same, where a marker holds, too."""
        if not marker or marker == self.marker:
            return self
        joined = f"({self.marker}) and ({marker})" if self.marker else marker
        return replace(self, marker=str(Marker(joined)))


class MissingPlace(HelperError):
    """A requirement leads to a path where nothing is."""


@dataclass(frozen=True)
class Place:
    """Where a text was read, for diagnostics.

    Attributes:
        root: the project.
        file: relative to it; what people read.
        line: from 1, or 0.
    """

    root: Path
    file: str
    line: int

    def fail(self, message: str, *why: str, kind: type[HelperError] = HelperError) -> NoReturn:
        """Raise E_MANIFEST with file and line."""
        where = f"{self.file}, line {self.line}" if self.line else self.file
        raise kind(
            "E_MANIFEST",
            f"{where}: {replace_secrets(message, [])}",
            [replace_secrets(text, []) for text in why],
        )


def is_variable(text: str) -> bool:
    """Tell whether a text is another one elsewhere, by a variable in it."""
    return any(name != "PROJECT_ROOT" for name in _VARIABLE.findall(text))


def expand(text: str, environ: Mapping[str, str], root: Path | None = None) -> str:
    """Replace ``${NAME}`` as pip does; what is unset or empty stays as it is written.

    ``${PROJECT_ROOT}`` is the project where it is not set, as uv and PDM have it.
    """

    def replaced(found: re.Match[str]) -> str:
        value = environ.get(found.group(1), "")
        if not value and root is not None and found.group(1) == "PROJECT_ROOT":
            value = os.path.abspath(root)
            if re.search(r"file:/*$", text[: found.start()]):
                value = quote(value)
        return value or found.group()

    return _VARIABLE.sub(replaced, text)


def strip_credentials(url: str) -> str:
    """Take user, password and tokens out of a URL; the user of an ssh URL is no secret."""
    scheme, mark, rest = url.partition("://")
    user = ""
    if mark and scheme.lower().endswith("ssh"):
        user, at, behind = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")
        if at:
            rest = behind + rest[len(user) + len(at) + len(behind) :]
            user = f"{user.partition(':')[0]}@"
    shown = replace_secrets(scheme + mark + rest, []).replace("://***@", "://")
    return shown.replace("://", f"://{user}", 1) if user else shown


def normalize_specifier(text: str) -> str:
    """Write version specifiers in one way: sorted, without blanks and needless zeros (PEP 440).

    Raises:
        InvalidSpecifier: they are none.
    """
    parts = []
    for specifier in SpecifierSet(text):
        version = specifier.version
        if specifier.operator == "~=":
            version = canonicalize_version(version, strip_trailing_zero=False)
        elif specifier.operator != "===":
            version = canonicalize_version(version)
        parts.append(specifier.operator + version)
    return ",".join(sorted(set(parts)))


def parse_requirement(text: str, place: Place, written: str = "") -> Requirement:
    """Read a requirement as PEP 508 has it.

    Args:
        text: with variables expanded.
        place: where it stands.
        written: as it stands there, when that is different.

    Raises:
        HelperError: E_MANIFEST.
    """
    try:
        parsed = Parsed(text)
    except (InvalidRequirement, RecursionError) as error:
        place.fail(f"'{written or text}' is no requirement", *explain(error))
    found = Requirement(
        name=canonicalize_name(parsed.name),
        extras=normalize_extras(parsed.extras),
        specifier=normalize_specifier(str(parsed.specifier)),
        marker=str(parsed.marker or ""),
        file=place.file,
        line=place.line,
    )
    if not parsed.url:
        return found
    shown = parsed.url
    if written and written != text:
        try:
            shown = Parsed(written).url or shown
        except (InvalidRequirement, RecursionError):
            shown = _find_url(written)
    return locate(found, parsed.url, shown, place)


def _find_url(text: str) -> str:
    """Find the URL in a text that is no requirement without its variables."""
    found = re.search(r"(?:@|^)\s*(\S+)", text)
    return found.group(1) if found else text


def explain(error: Exception) -> list[str]:
    """Give what `packaging` says of a text, without the picture of its place."""
    return [str(error).split("\n")[0]]


def normalize_extras(extras: set[str] | list[str]) -> tuple[str, ...]:
    """Write extras in one way (PEP 685)."""
    return tuple(sorted({str(canonicalize_name(extra)) for extra in extras}))


def locate(found: Requirement, url: str, shown: str, place: Place) -> Requirement:
    """Add where a requirement is had from: a URL, or a path below or beside the project."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        place.fail(f"'{shown}' is no URL", str(error))
    if parts.scheme == "file" or not _SCHEME.match(url):
        if parts.netloc not in ("", "localhost"):
            place.fail(f"'{shown}' is on another machine", "a file: URL has three slashes")
        path = unquote(parts.path) if parts.scheme == "file" else url.partition("#")[0]
        fragment = url.partition("#")[2]
        return _locate_path(found, path, _tidy_fragment(fragment), shown, place)
    base, mark, fragment = relate_url(shown, os.path.abspath(place.root)).partition("#")
    fragment = _tidy_fragment(fragment)
    return replace(
        found,
        url=url,
        shown=strip_credentials(_tidy_url(base) + (mark + fragment if fragment else "")),
    )


def _tidy_url(url: str) -> str:
    """Write scheme and host small, where no variable is in them."""
    scheme, mark, rest = url.partition("://")
    if not mark or "$" in url:
        return url
    host = re.split(r"[/?#]", rest, maxsplit=1)[0]
    login, at, name = host.rpartition("@")
    return f"{scheme.lower()}://{login}{at}{name.lower()}{rest[len(host) :]}"


def _tidy_fragment(fragment: str) -> str:
    """Leave the name out of a fragment: it is known already."""
    parts = [part for part in fragment.split("&") if part and not part.startswith("egg=")]
    return "&".join(sorted(parts))


def _locate_path(
    found: Requirement, path: str, fragment: str, shown: str, place: Place
) -> Requirement:
    root = os.path.abspath(place.root)
    if path.startswith("~"):
        path = os.path.expanduser(path)
    full = os.path.normpath(os.path.join(root, path))
    if not os.path.exists(full):
        why = "a path counts from the project's folder"
        if os.path.isabs(path):
            why = "it may be there on another machine: a lock is for all of them"
        place.fail(f"there is no '{shown}'", why, kind=MissingPlace)
    relative = os.path.relpath(full, root).replace(os.sep, "/")
    name = found.name or _name_archive(os.path.basename(full)) or read_name(full)
    return replace(
        found,
        name=name,
        path=relative,
        fragment=fragment,
        shown=strip_credentials(shown) if is_variable(shown) else "",
    )


def _name_archive(file: str) -> str:
    """Tell the distribution of a wheel or sdist by its file's name; "" when it does not say."""
    try:
        if file.endswith(".whl"):
            return str(parse_wheel_filename(file)[0])
        return str(parse_sdist_filename(file)[0])
    except (InvalidWheelFilename, InvalidSdistFilename):
        return ""


def parse_line(text: str, written: str, place: Place, editable: bool = False) -> Requirement:
    """Read what a line of a requirements file asks for, without its options.

    Beside PEP 508 that is a path, a URL, or ``name @ path``, each with extras and a marker behind.

    Args:
        text: with variables expanded.
        written: as it stands in the file.
        place: where.
        editable: whether ``-e`` is before it.

    Raises:
        HelperError: E_MANIFEST.
    """
    if not is_place(text, place.root, editable):
        found = parse_requirement(text, place, written)
    else:
        target, marker = split_marker(text, place)
        shown = split_marker(written, place)[0] if written != text else target
        extras: tuple[str, ...] = ()
        with_extras = _EXTRAS.match(target)
        if with_extras:
            target = with_extras.group(1)
            extras = normalize_extras([e for e in re.split(r"\s*,\s*", with_extras.group(2)) if e])
            shown_extras = _EXTRAS.match(shown)
            shown = shown_extras.group(1) if shown_extras else shown
        name, more = _name_url(target)
        found = Requirement(
            name=name,
            extras=tuple(sorted({*extras, *more})),
            marker=marker,
            file=place.file,
            line=place.line,
        )
        found = locate(found, target, shown, place)
    if editable and not (found.path or re.match(r"(git|hg|svn|bzr)\+", found.url)):
        place.fail(
            f"'{written}' cannot be editable",
            "-e is for a folder, or for a repository such as git+https://host/project#egg=name",
        )
    return replace(found, editable=editable)


def is_place(text: str, root: Path, editable: bool = False) -> bool:
    """Tell whether a line is a path or a URL, and not a requirement with a name."""
    if _BEGINNING.match(text) and not _SCHEME.match(text):
        return False
    target = re.split(r"\s;|;\s" if _SCHEME.match(text) else ";", text, maxsplit=1)[0].strip()
    if _SCHEME.match(target) or editable or target.startswith((".", "/", "~")):
        return True
    bare = _EXTRAS.sub(r"\1", target)
    if "/" in bare and not re.search(r"[<>=!~]", bare):
        return True
    return bare.lower().endswith(ARCHIVES) and os.path.isfile(os.path.join(root, bare))


def split_marker(text: str, place: Place) -> tuple[str, str]:
    """Split a path or URL from the marker behind it; a URL is followed by a blank, as in pip."""
    separators = (" ;", "; ") if _SCHEME.match(text) else (";",)
    for separator in separators:
        target, mark, marker = text.partition(separator)
        if mark:
            break
    if not mark:
        return text.strip(), ""
    try:
        return target.strip(), str(Marker(marker.strip()))
    except (InvalidMarker, RecursionError) as error:
        place.fail(f"'{marker.strip()}' is no marker", *explain(error))


def _name_url(target: str) -> tuple[str, tuple[str, ...]]:
    """Tell name and extras by ``#egg=`` or the file's name in a URL."""
    base, _, fragment = target.partition("#")
    for part in fragment.split("&"):
        if part.startswith("egg="):
            found = re.match(r"([A-Za-z0-9._-]+)(?:\[([^\]]*)\])?", unquote(part[4:]))
            if found:
                extras = [e.strip() for e in (found.group(2) or "").split(",") if e.strip()]
                return str(canonicalize_name(found.group(1))), normalize_extras(extras)
    if _SCHEME.match(base):
        return _name_archive(unquote(base.partition("?")[0]).rpartition("/")[2]), ()
    return "", ()


__all__ = [
    "InvalidSpecifier",
    "Place",
    "Requirement",
    "expand",
    "is_place",
    "is_variable",
    "locate",
    "normalize_extras",
    "normalize_specifier",
    "parse_line",
    "parse_requirement",
    "strip_credentials",
]
