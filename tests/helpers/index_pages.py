"""The pages of a package index, in all their formats; pure functions, for ``local_index``."""

from __future__ import annotations

import hashlib
import html
import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from distributions import Distribution

JSON = "application/vnd.pypi.simple.v1+json"
HTML = "application/vnd.pypi.simple.v1+html"
TEXT = "text/html"

# What an index that has pages of a format can answer with.
TYPES = {"json": (JSON,), "html": (HTML, TEXT)}
ALIASES = {"application/vnd.pypi.simple.latest+json": JSON, "*/*": TEXT}


@dataclass(frozen=True)
class Entry:
    """A file of a project, and what the page says of it.

    Attributes:
        distribution: the file.
        yanked: whether it is; a text is the reason (PEP 592).
        upload_time: RFC 3339, UTC; "" to say none (PEP 700).
        requires_python: what the page says, which may differ from the file.
    """

    distribution: Distribution
    yanked: bool | str
    upload_time: str
    requires_python: str


@dataclass(frozen=True)
class Style:
    """What the pages of an index say.

    Attributes:
        hashes: whether they say digests.
        metadata: whether the metadata of wheels can be had beside them (PEP 658).
        lies: names of files (of metadata: with ``.metadata``) whose digests are wrong.
    """

    hashes: bool = True
    metadata: bool = True
    lies: Collection[str] = ()

    def has_metadata(self, one: Distribution) -> bool:
        """Whether the metadata of a distribution can be had beside it."""
        return self.metadata and one.is_wheel

    def digest(self, content: bytes, name: str) -> str:
        """Return the SHA-256 that the page says of a file or of metadata."""
        return hashlib.sha256(b"another" if name in self.lies else content).hexdigest()


def choose_type(accept: str, offered: Sequence[str]) -> str:
    """Return what of ``offered`` a client likes best, "" when it takes none (RFC 9110, 12.5.1).

    Args:
        accept: the header Accept; "" is ``*/*``.
        offered: media types; among those that the client likes the same, the first wins.
    """
    liked: dict[str, float] = {}
    for part in (accept or "*/*").split(","):
        kind, *parameters = (word.strip() for word in part.split(";"))
        quality = next((float(p[2:]) for p in parameters if p.startswith("q=")), 1.0)
        liked[ALIASES.get(kind, kind)] = quality
    best = max(offered, key=lambda kind: liked.get(kind, 0.0))
    return best if liked.get(best, 0.0) > 0 or "*/*" in (accept or "*/*") else ""


def file_path(one: Distribution) -> str:
    """Return the path of a file in the index; other bytes have another path."""
    return f"/files/{one.sha256}/{quote(one.filename)}"


def list_page(content_type: str, projects: Iterable[str]) -> bytes:
    """Return the page of all projects (PEP 503, PEP 691)."""
    if content_type == JSON:
        names = [{"name": name} for name in projects]
        return _document({"meta": {"api-version": "1.1"}, "projects": names})
    return _page(f'<a href="{name}/">{name}</a><br/>' for name in projects)


def project_page(content_type: str, project: str, entries: Iterable[Entry], style: Style) -> bytes:
    """Return the page of a project.

    Args:
        content_type: JSON (PEP 691, PEP 700), HTML or TEXT (PEP 503).
        project: its name, normalised.
        entries: its files.
        style: what is said of them.
    """
    ordered = sorted(entries, key=lambda entry: entry.distribution.filename)
    if content_type != JSON:
        return _page(_anchor(entry, style) for entry in ordered)
    return _document(
        {
            "meta": {"api-version": "1.1"},
            "name": project,
            "versions": sorted({entry.distribution.version for entry in ordered}),
            "files": [_file(entry, style) for entry in ordered],
        }
    )


def _file(entry: Entry, style: Style) -> dict[str, Any]:
    """Return what JSON says of a file (PEP 691, PEP 700, PEP 714)."""
    one = entry.distribution
    hashes = {"sha256": style.digest(one.content, one.filename)} if style.hashes else {}
    file: dict[str, Any] = {
        "filename": one.filename,
        "url": file_path(one),
        "hashes": hashes,
        "size": len(one.content),
        "yanked": entry.yanked,
    }
    if entry.requires_python:
        file["requires-python"] = entry.requires_python
    if entry.upload_time:
        file["upload-time"] = entry.upload_time
    if style.has_metadata(one):
        digest = style.digest(one.metadata, f"{one.filename}.metadata")
        # The first is the name of PEP 714, the second what clients of PEP 658 know.
        for key in ("core-metadata", "dist-info-metadata"):
            file[key] = {"sha256": digest} if style.hashes else True
    return file


def _anchor(entry: Entry, style: Style) -> str:
    """Return what HTML says of a file (PEP 503, PEP 592, PEP 658, PEP 714)."""
    one = entry.distribution
    fragment = f"#sha256={style.digest(one.content, one.filename)}" if style.hashes else ""
    attributes = {"href": file_path(one) + fragment}
    if entry.requires_python:
        attributes["data-requires-python"] = entry.requires_python
    if entry.yanked is not False:
        attributes["data-yanked"] = entry.yanked if isinstance(entry.yanked, str) else ""
    if style.has_metadata(one):
        digest = style.digest(one.metadata, f"{one.filename}.metadata")
        for key in ("data-core-metadata", "data-dist-info-metadata"):
            attributes[key] = f"sha256={digest}" if style.hashes else "true"
    text = " ".join(f'{key}="{html.escape(value)}"' for key, value in attributes.items())
    return f"<a {text}>{html.escape(one.filename)}</a><br/>"


def _document(document: dict[str, Any]) -> bytes:
    return json.dumps(document, indent=1).encode()


def _page(lines: Iterable[str]) -> bytes:
    meta = '<meta name="pypi:repository-version" content="1.1">'
    body = "".join(f"    {line}\n" for line in lines)
    head = f"<!DOCTYPE html>\n<html>\n  <head>{meta}</head>\n"
    return f"{head}  <body>\n{body}  </body>\n</html>\n".encode()
