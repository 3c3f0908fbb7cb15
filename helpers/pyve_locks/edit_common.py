"""What editing a manifest takes, whichever kind of file it is.

What is asked for replaces what is there of the same name, and nothing but the old version is lost:
see `find_replaced` and `merge`.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from pyve_core import HelperError, redact
from pyve_core.fixes import repeat_with
from pyve_locks.requirement import strip_credentials

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

CODE = "E_MANIFEST"
NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_VARIABLE = re.compile(r"\$\{[A-Z0-9_]+\}")
# Name and extras, a sign, a version or "latest", and a marker.
_OTHER_SPELLING = re.compile(
    rf"({NAME.pattern}(?:\s*\[[^\]]*\])?)(?P<sign>\s*@\s*|\s*=(?!=)\s*|\s+)"
    r"(latest|[~^]?v?[0-9][0-9A-Za-z.*+!_-]*)(\s*;.*|)"
)
_CONTROL = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029]")


def fail(path: str, message: str, why: Iterable[str] | str = (), line: int = 0) -> NoReturn:
    """Complain about a manifest.

    Args:
        path: how the user names the file.
        message, why: as a HelperError has them; they are redacted.
        line: counted from 1; 0 where no line is meant.
    """
    reasons = [why] if isinstance(why, str) else list(why)
    place = f"{path}, line {line}" if line else path
    raise HelperError(CODE, f"{place}: {redact(message)}", [redact(reason) for reason in reasons])


def line_of(text: str, offset: int) -> int:
    """Give the line of a place in a text, counted from 1."""
    return text.count("\n", 0, offset) + 1


def newline_of(text: str) -> str:
    r"""Give the end of a line as the first line of a text has it: ``\n`` or ``\r\n``."""
    end = text.find("\n")
    return "\r\n" if end > 0 and text[end - 1] == "\r" else "\n"


def indent_at(text: str, offset: int) -> str:
    """Give the blanks and tabs at the start of the line that a place is in."""
    start = text.rfind("\n", 0, offset) + 1
    match = re.compile(r"[ \t]*").match(text, start)
    return match.group() if match else ""


def starts_line(text: str, offset: int) -> bool:
    """Tell whether nothing but blanks and tabs stands before a place in its line."""
    return not text[text.rfind("\n", 0, offset) + 1 : offset].strip(" \t")


def check_wish(wish: str, path: str) -> str:
    """Give what is to be added, checked for what no manifest can hold.

    Raises:
        HelperError: E_MANIFEST: it is empty, has control characters, or holds a password.
    """
    text = wish.strip()
    if not text:
        fail(path, "the name of what is to be added is empty")
    if _CONTROL.search(text):
        fail(path, f"{text!r} has control characters in it", "a requirement is one line of text")
    for url in re.findall(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s;]+", text):
        check_secret(url, path)
    return text


def check_spelling(wish: str, folder: str, is_conda: bool = False) -> None:
    """Refuse what is a requirement elsewhere, and say how it is written here.

    Args:
        wish: ``six@1.2`` (npm, uv), ``six@latest``, ``six=1.2`` (conda), ``six 1.2``, ``-e PATH``.
        folder: from which relative paths count.
        is_conda: whether it is for an environment.yml, where all but ``@`` may be meant.

    Raises:
        HelperError: E_MANIFEST.
    """
    text = wish.strip()
    option = re.match(r"(?:-e|--editable)(?:\s+|=|(?=[./]))(\S.*)", text)
    if option and not is_conda:
        path = option.group(1).strip()
        raise HelperError(
            CODE,
            f"'{redact(wish)}' is no requirement, but an option and the path '{path}'",
            "they are two words, and stand before --",
            repeat_with({"--": [], wish: ["--editable", path]}),
        )
    match = _OTHER_SPELLING.fullmatch(text)
    if not match:
        return
    is_at = match["sign"].strip() == "@"
    if os.path.lexists(os.path.join(folder, match[3])) if is_at else is_conda:
        return
    from pyve_locks.migrate_constraints import specifier_of

    try:
        versions = "" if match[3] == "latest" else specifier_of(match[3])[0]
    except ValueError:
        return
    right = f"{match[1]}{versions}{match[4]}"
    newest = "nothing behind the name stands for the newest version that fits"
    why = f"a version is written as {match[1]}==1.2" if versions else newest
    message = f"'{wish}' is how other tools write '{right}'"
    raise HelperError(CODE, message, why, repeat_with({wish: [right]}))


def check_secret(url: str, path: str) -> None:
    """Refuse a URL with a secret, as a manifest is committed; ``${NAME}`` is none.

    Raises:
        HelperError: E_MANIFEST
    """
    try:
        parts = urlsplit(url)
    except ValueError as error:
        fail(path, f"'{url}' is no URL", str(error))
    user, _, host = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    web = parts.scheme.rpartition("+")[2] in ("http", "https")
    secret = password or (name if web and name != "git" else "")
    # Tokens may be in the path and behind it, too.
    rest = _VARIABLE.sub("", parts._replace(netloc=host).geturl())
    if (secret and not _VARIABLE.fullmatch(secret)) or strip_credentials(rest) != rest:
        fail(
            path,
            f"the URL of {host.partition('/')[0]} has a password or token in it, "
            "and the file is meant to be shared",
            [
                "leave it out of the URL, and put it into ~/.netrc or the keyring",
                "of a git repository, ssh:// takes your key",
            ],
        )


def read_requirement(text: str, path: str, line: int = 0) -> Requirement:
    """Take a requirement apart (dependency specifiers, PEP 508).

    Args:
        text: as somebody wrote it.
        path, line: where it stands; line 0 for what is to be added.

    Raises:
        HelperError: E_MANIFEST, with what is wrong.
    """
    try:
        return Requirement(text)
    except (InvalidRequirement, RecursionError) as error:
        reason = str(error).splitlines()[0]
        fail(
            path,
            f"'{text}' is no requirement",
            [reason, "it is written as: name, name>=1.2,<2, name[extra]==1.0 or name @ URL"],
            line,
        )


def name_of(text: str) -> str:
    """Give the normalised name (PEP 503) that a requirement begins with; "" when it has none."""
    match = NAME.match(text.strip())
    return canonicalize_name(match.group()) if match else ""


def write_requirement(requirement: Requirement, like: str = "", quote: str = '"') -> str:
    """Write a requirement; versions stand in the order that they have in another text.

    Args:
        requirement: what to write.
        like: where its versions were read from.
        quote: around the values of its marker, unless they have such in them.
    """
    compact = re.sub(r"\s+", "", like)
    versions = sorted(map(str, requirement.specifier), key=lambda part: (compact.find(part), part))
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    text = requirement.name + extras
    text += f" @ {requirement.url}" if requirement.url else ",".join(versions)
    if requirement.marker:
        marker = str(requirement.marker)
        if quote not in marker:
            marker = marker.replace('"', quote)
        text += (" ; " if requirement.url else "; ") + marker
    return text


def merge(old: Requirement, new: Requirement) -> Requirement:
    """Give the requirement that takes the place of an older one of the same name.

    It has the spelling of the old name, the extras of both, the marker of the new one, and the
    versions or URL of the new one; where it has neither, those of the old one stay.
    """
    merged = Requirement(str(new))
    merged.name = old.name
    merged.extras = set(old.extras) | set(new.extras)
    if not new.url and not len(new.specifier):
        merged.specifier, merged.url = old.specifier, old.url
    return merged


def find_replaced(
    new: Requirement, same: Sequence[tuple[int, Requirement]], path: str, lines: Sequence[int]
) -> int:
    """Find what a requirement replaces.

    Args:
        new: what is to be added.
        same: the place and the requirement of each of its name that is there.
        path: of the file, for complaints.
        lines: where they stand, in the order of ``same``.

    Returns:
        The place of what has the same marker, or of the only one when the new one has no marker
        and so holds wherever the old one did; -1 when it is to stand beside what is there.

    Raises:
        HelperError: E_MANIFEST: there are several, and it is not clear which is meant.
    """
    equal = [place for place, old in same if str(old.marker or "") == str(new.marker or "")]
    if not equal and new.marker is None:
        equal = [place for place, _ in same]
    if len(equal) > 1:
        fail(
            path,
            f"{new.name} is here more than once (lines {', '.join(map(str, lines))}), "
            "and it is not clear which is meant",
            "say it with the marker of the one that is to change, or remove the name first",
        )
    return equal[0] if equal else -1


def choose_place(names: Sequence[str], name: str) -> int:
    """Choose where a new name goes in a list.

    Args:
        names: those that are there, normalised, in their order; "" for what is no requirement.
        name: the new one, normalised; "" for what has no place in an alphabetical order.

    Returns:
        The place it will have: behind those of the same name, in its place when the list is in
        alphabetical order, else at the end.
    """
    known = [(place, other) for place, other in enumerate(names) if other]
    if not name:
        return len(names)
    for place, other in reversed(known):
        if other == name:
            return place + 1
    if known != sorted(known, key=lambda pair: pair[1]):
        return len(names)
    for place, other in known:
        if other > name:
            return place
    return known[-1][0] + 1 if known else len(names)
