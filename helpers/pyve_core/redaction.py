"""Keeping secrets out of what people read, by the rules of lib/redact.sh.

tests/helpers/redaction_cases.json says for both what these rules are.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_MARK = "***"
# A shorter value is no secret: it would be found in every second word.
_LEAST = 6

_SECRET_NAME = re.compile(
    r".*_(?:TOKEN|PASSWORD|PASSWD|PASS|SECRET|KEY|token|password|secret|key)"
    r"|TOKEN|PASSWORD|SECRET|.*APIKEY",
    re.DOTALL,
)
_PARAMETER = re.compile(
    r"(?:.*(?:token|key|secret|signature|password|passwd|credential)|sig|pwd|jwt|auth)", re.I
)
_HEADER = re.compile(r"(uthorization['\"]?[:=][ \t]*['\"]?(?:[A-Za-z]+[ \t]+)?)[^\s'\"]+")
# Or, with a slash in the password: what stands behind the colon is no port.
_LOGIN = re.compile(
    r"[^/\s'\"]*@"
    r"|(?!\[)[^/\s'\"@]*:[^:/\s'\"@]*[^0-9:/\s'\"@][^:/\s'\"@]*/[^\s'\"]*@"
)
_TOKEN = re.compile(r"([^\s'\"]*?/t/)[^/\s'\"]+")
_WORD = re.compile(r"[^\s'\"]*")
_QUERY = re.compile(r"([?&;#])([^=?&;#]*)=([^&#]+)")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:[._][0-9]+)*")
_NETRC_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)')
_VARIABLE = re.compile(r"\$(?:\{([A-Za-z0-9_.]+)(?::-([^}]*))?\}|([A-Za-z_][A-Za-z0-9_]*))")

# What is looked for, the longest first; None before it was gathered.
_secrets: list[str] | None = None


def redact(text: str) -> str:
    """Replace the secrets of a text by ``***``.

    That is: user and password, the token of a conda channel (``/t/TOKEN/``) and the parameters of a
    query that are named like a token or a password, in URLs; what follows ``Authorization:``; the
    values of environment variables ``*_TOKEN``, ``*_PASSWORD``, ``*_SECRET`` and ``*_KEY``;
    passwords of URLs in the environment and in .netrc; the values of the project's .env and of
    ~/.local/.env.
    """
    global _secrets
    if _secrets is None:
        try:
            folder = os.getcwd()
        except OSError:
            folder = "/"
        _secrets = gather_secrets(dict(os.environ), folder)
    return replace_secrets(text, _secrets)


def replace_secrets(text: str, secrets: list[str]) -> str:
    """Replace these secrets, and those that a text shows to be secret by itself."""
    if len(text) < _LEAST:
        return text
    for secret in secrets:
        if secret in text:
            text = text.replace(secret, _MARK)
    if "uthorization" in text:
        text = _HEADER.sub(rf"\1{_MARK}", text)
    if "://" in text:
        before, *behind = text.split("://")
        text = "://".join([before, *map(_redact_url, behind)])
    return text


def _redact_url(text: str) -> str:
    """Redact what stands behind ``://``, up to the next."""
    login = _LOGIN.match(text)
    if login:
        text = f"{_MARK}@{text[login.end() :]}"
    token = _TOKEN.match(text)
    if token:
        text = token.group(1) + _MARK + text[token.end() :]
    word = _WORD.match(text)
    end = word.end() if word else 0
    return _QUERY.sub(_redact_parameter, text[:end]) + text[end:]


def _redact_parameter(found: re.Match[str]) -> str:
    mark, name, value = found.groups()
    return f"{mark}{name}={_MARK if _PARAMETER.fullmatch(name) else value}"


def gather_secrets(environment: dict[str, str], folder: str) -> list[str]:
    """Find what is secret for a process.

    Args:
        environment: its environment variables.
        folder: where it works; the project is found from there.

    Returns:
        The texts to look for, the longest first, in the ways in which programs write them.
    """
    home = environment.get("HOME", "")
    project = find_project(folder)
    public = f"{home}/:{project}/:{folder}/:{os.path.dirname(os.path.dirname(_here()))}/"
    found: list[str] = []
    for name, value in environment.items():
        if _SECRET_NAME.fullmatch(name) and not (value[:1] == "/" and _exists(value)):
            found.append(value)
        found.extend(find_passwords(value))
    netrc = environment.get("NETRC") or os.path.join(home or "/", ".netrc")
    for file in (netrc, os.path.join(home or "/", "_netrc")):
        found.extend(read_netrc(_read(file)))
    name = environment.get("ENV_FILE_NAME") or ".env"
    for place in (os.path.join(home or "/", ".local"), project):
        for value in read_dotenv(_read(os.path.join(place, name)), environment):
            if not (_exists(value) or _exists(os.path.join(place, value))):
                found.append(value)
    forms: set[str] = set()
    for text in (text.rstrip("\n") for text in found):
        lines = [line.rstrip("\r") for line in text.split("\n") if not line.startswith("-----")]
        for part in [text, *lines]:
            if len(part) >= _LEAST and part.strip("*") and part not in public:
                forms.update(list_forms(part))
    return sorted(forms, key=len, reverse=True)


def _here() -> str:
    return os.path.dirname(os.path.abspath(__file__))


def _exists(path: str) -> bool:
    try:
        return os.path.exists(path)
    except ValueError:
        return False


def _read(file: str) -> str:
    try:
        with open(file, encoding="utf-8", errors="surrogateescape", newline="") as stream:
            return stream.read()
    except OSError:
        return ""


def find_project(folder: str) -> str:
    """Give the nearest folder with a ``.pyve/config``, or the folder itself."""
    place = folder
    while not os.path.isfile(os.path.join(place, ".pyve", "config")):
        above = os.path.dirname(place)
        if above == place:
            return folder
        place = above
    return place


def find_passwords(text: str) -> Iterator[str]:
    """Find the passwords of the URLs in a text, as they are written and decoded."""
    if "://" not in text or "@" not in text:
        return
    for rest in text.split("://")[1:]:
        found = _LOGIN.match(rest)
        if not found:
            continue
        user, colon, password = found.group()[:-1].partition(":")
        # A long name without a password is a token.
        if not colon and len(user) < 16:
            continue
        secret = password if colon else user
        yield secret
        if "%" in secret:
            from urllib.parse import unquote

            yield unquote(secret, errors="surrogateescape")


def read_netrc(text: str) -> Iterator[str]:
    """Find the passwords of a .netrc."""
    is_password = False
    for found in _NETRC_WORD.finditer(text):
        quoted, word = found.groups()
        if is_password:
            is_password = False
            secret = quoted if word is None else word
            yield secret
            if "\\" in secret:
                yield secret.replace("\\", "")
        else:
            is_password = word in ("password", "account")


def read_dotenv(text: str, environment: dict[str, str]) -> Iterator[str]:
    """Find the values of a .env that may be secret, as they are written and what they stand for."""
    values: dict[str, str] = {}
    # The quote and the name of a value of several lines, as some readers of such files know them.
    # (For direnv each line stands by itself.)
    quote = opened = ""
    for line in text.split("\n"):
        line = line.strip()
        if quote:
            part, closing, _ = line.partition(quote)
            if not line.startswith("-----") and is_secret_value(opened, part):
                yield part
            quote = "" if closing else quote
        found = re.match(r"(?:export\s+)?([^=:]*?)\s*[=:]\s*(.*)", line)
        if line.startswith("#") or not found:
            continue
        name, value = found.groups()
        candidates = []
        quoted = re.match(r"(['\"])(.*)\1", value)
        if quoted:
            value = quoted.group(2)
        else:
            if value[:1] in ("'", '"'):
                if not quote:
                    quote, opened = value[0], name
                value = value[1:]
            candidates.append(re.split(r"\s#", value)[0].rstrip())
        candidates.append(value)
        if not quoted or quoted.group(1) == '"':
            meant = candidates[0]
            for escaped, plain in (("\\n", "\n"), ("\\r", "\r"), ('\\"', '"'), ("\\\\", "\\")):
                meant = meant.replace(escaped, plain)
            meant = _VARIABLE.sub(
                lambda match: (
                    values.get(match.group(1) or match.group(3))
                    or environment.get(match.group(1) or match.group(3), match.group(2) or "")
                ),
                meant,
            )
            candidates.append(meant)
        values[name] = candidates[-1]
        for candidate in candidates:
            yield from find_passwords(candidate)
            if is_secret_value(name, candidate):
                yield candidate


def is_secret_value(name: str, value: str) -> bool:
    """Tell whether the value of a .env may be secret, by its name and how it looks."""
    if _SECRET_NAME.fullmatch(name):
        return True
    return not (_NUMBER.fullmatch(value) or value.lower() in ("enabled", "disabled"))


def list_forms(text: str) -> Iterator[str]:
    """Give the ways in which programs write a text: as it is, escaped, quoted, encoded for URLs."""
    yield text
    escaped = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    escaped = escaped.replace("\t", "\\t")
    yield escaped
    if '"' in text:
        yield escaped.replace('"', '\\"')
    if "'" in text:
        yield text.replace("'", "'\\''")
        yield escaped.replace("'", "\\'")
    if len(text) <= 512 and not re.fullmatch(r"[A-Za-z0-9._~-]*", text):
        from urllib.parse import quote

        for safe in ("", "/", "/!$&'()*+,;=:"):
            encoded = quote(text, safe=safe, errors="surrogateescape")
            yield encoded
            if not safe:
                yield re.sub("%..", lambda match: match.group().lower(), encoded)
