"""Reading and writing the text of a ``pylock.toml`` that has thousands of artifacts.

Most lines of a lock are artifacts, written in one way each by uv and by Pyve. Those are read and
written here; everything else is left to what can do all of TOML, which takes several times as
long for them.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pyve_locks.toml_lines import TomlError, parse_toml
from pyve_locks.toml_text import Written

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["parse_pylock", "write_artifact"]

_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(?:\d{3}|\d{6}))?"
_WHEEL = (
    rf"(?:upload-time = ({_TIME})Z, )?"
    r'url = "([^"\\\x00-\x1f\x7f]*)", '
    rf"(?:upload-time = ({_TIME})Z, )?"
    r"(?:size = (0|[1-9]\d*), )?"
    r'hashes = \{ sha256 = "([0-9a-f]{64})" \}'
)
# What stands for a part that was taken out, with a number behind it.
_MARK = "taken out: "
_ARTIFACT = re.compile(rf"\{{ {_WHEEL} \}}")
_ONE = rf"\{{ {re.sub('[(](?=[^?])', '(?:', _WHEEL)} \}}"
_PARTS = re.compile(
    rf"^wheels = \[(\n(?:    {_ONE},\n)+|{_ONE})\]$|^sdist = ({_ONE})$", re.MULTILINE
)


def parse_pylock(text: str) -> dict[str, Any]:
    """Read TOML: the same that parse_toml gives, sooner.

    Raises:
        TomlError: it is none.
    """
    # Within a text of several lines, what looks like wheels may be none.
    if '"""' in text or "'''" in text or _MARK in text:
        return parse_toml(text)
    taken: dict[str, str] = {}

    def take(found: re.Match[str]) -> str:
        wheels, sdist = found.groups()
        mark = f"{_MARK}{len(taken)}"
        taken[mark] = wheels or sdist
        return f'{"wheels" if wheels else "sdist"} = "{mark}"'

    short = _PARTS.sub(take, text)
    try:
        lock = parse_toml(short)
    except TomlError:
        # The place in the whole text is wanted.
        return parse_toml(text)
    packages = lock.get("packages")
    for package in packages if isinstance(packages, list) else ():
        for key in ("sdist", "wheels") if isinstance(package, dict) else ():
            mark = package.get(key)
            part = taken.pop(mark, "") if isinstance(mark, str) else ""
            if part:
                read = [_read_artifact(one) for one in _ARTIFACT.findall(part)]
                package[key] = read if key == "wheels" else read[0]
    # What is not in a package has nothing to do with this.
    return parse_toml(text) if taken else lock


def _read_artifact(found: tuple[str, str, str, str, str]) -> dict[str, Any]:
    before, url, behind, size, digest = found
    artifact: dict[str, Any] = {}
    if before or behind:
        artifact["upload-time"] = datetime.fromisoformat(f"{before or behind}+00:00")
    artifact["url"] = url
    if size:
        artifact["size"] = int(size)
    artifact["hashes"] = {"sha256": digest}
    return artifact


_KEYS = frozenset(("upload-time", "url", "size", "hashes"))
_PLAIN = re.compile(r"[ !#-\[\]-~]*")
_DIGEST = re.compile(r"[0-9a-f]{64}")


def write_artifact(artifact: Mapping[str, Any]) -> Written | None:
    """Write an artifact with its keys in the order of PEP 751, as toml_text does, sooner.

    Returns:
        None for one that is not as most are: by URL, with a SHA-256 and nothing unusual.
    """
    url, size, hashes = artifact.get("url"), artifact.get("size"), artifact.get("hashes")
    uploaded = artifact.get("upload-time")
    if (
        not artifact.keys() <= _KEYS
        or type(url) is not str
        or not _PLAIN.fullmatch(url)
        or type(hashes) is not dict
        or len(hashes) != 1
        or not _DIGEST.fullmatch(str(hashes.get("sha256")))
        or ("size" in artifact and type(size) is not int)
    ):
        return None
    when = ""
    if uploaded is not None:
        text = uploaded.isoformat() if type(uploaded) is datetime else ""
        if not text.endswith("+00:00"):
            return None
        text = text[:-6]
        when = f"upload-time = {text.rstrip('0') if '.' in text else text}Z, "
    length = "" if size is None else f"size = {size}, "
    return Written(
        f'{{ {when}url = "{url}", {length}hashes = {{ sha256 = "{hashes["sha256"]}" }} }}'
    )
