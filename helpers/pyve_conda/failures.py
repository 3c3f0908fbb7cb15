"""What a person reads when py-rattler fails: its error texts, taken apart."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pyve_core import HelperError
from pyve_core.fixes import repeat, repeat_without

if TYPE_CHECKING:
    from collections.abc import Iterable

_FULL_DISK = re.compile(r"No space left on device|Disk quota exceeded|os error (28|122)\b")
_STATUS = re.compile(
    r"HTTP status (?:client|server) error \((\d{3}) ([^)]*)\)|\b(40[1347])\b (\w+)"
)
_TORN = re.compile(
    r"decompression|EOF|zip|bzip|zstd|unexpected end|corrupt|invalid (?:gzip|archive|header|tar)"
    r"|failed to (?:iterate|unpack|extract)|numeric field",
    re.IGNORECASE,
)
PROBE_SECONDS = 5.0
ANOTHER_VERSION = "ask for another version in environment.yml; the channel has to mend this one"


def say_once(lines: Iterable[str]) -> list[str]:
    """Leave out empty lines and what was said before."""
    return list(dict.fromkeys(line.strip() for line in lines if line.strip()))


def describe_chain(text: str) -> list[str]:
    """Give the reasons in an error text, one a line, without their "Caused by:"."""
    return say_once(re.sub(r"^Caused by:\s*", "", line.strip()) for line in text.splitlines())


def probe_host(url: str) -> str:
    """Say why the host of a URL cannot be reached, or "" when it can."""
    parts = urlsplit(url)
    if not parts.hostname:
        return ""
    port = parts.port or {"http": 80}.get(parts.scheme, 443)
    try:
        socket.create_connection((parts.hostname, port), PROBE_SECONDS).close()
    except OSError as error:
        return f"{parts.hostname}: {error.strerror or error}"
    return ""


def is_full_disk(text: str) -> bool:
    """Tell whether an error text says that there is no room left."""
    return bool(_FULL_DISK.search(text))


def full_disk(place: str) -> HelperError:
    """Give the diagnostic of a full disk."""
    return HelperError(
        "E_DISK_FULL",
        f"no space left on the disk of {place}",
        "make room there, or name another folder for packages in PYVE_CONDA_CACHE",
    )


def explain_download(text: str, url: str, name: str, cache: str) -> HelperError:
    """Turn the failure of a download into a diagnostic.

    Args:
        text: what py-rattler said.
        url: what was to be fetched.
        name: what it is, for a person.
        cache: where it was to be kept.

    Returns:
        E_CONDA_AUTH, E_CONDA_MISSING, E_DISK_FULL or E_CONDA_NETWORK.
    """
    found = _STATUS.search(text)
    status = (found.group(1) or found.group(3)) if found else ""
    if status in ("401", "403", "407"):
        return HelperError(
            "E_CONDA_AUTH",
            f"{name}: the server does not let you in",
            [
                f"HTTP status {status}",
                url,
                "user and password may be in ~/.netrc, in the file that RATTLER_AUTH_FILE names, "
                "or as ${NAME} in the URL in environment.yml",
            ],
        )
    if status in ("404", "410"):
        return HelperError(
            "E_CONDA_MISSING",
            f"{name} is not there any more",
            [f"HTTP status {status}", url, "ask for another version of it, or another channel"],
        )
    if is_full_disk(text):
        return full_disk(cache)
    why = [*describe_chain(text)[-1:], probe_host(url)]
    return HelperError(
        "E_CONDA_NETWORK",
        f"cannot fetch {name}",
        say_once([*why, url]),
        repeat(),
    )


def explain_channel(text: str, offline: bool, cache: str) -> HelperError:
    """Turn a failure to read the index of a channel into a diagnostic.

    Args:
        text: what py-rattler said.
        offline: whether the network was not to be used.
        cache: where indexes are kept.
    """
    chain = describe_chain(text)
    urls = re.findall(r"(?:https?|file|s3|oci)://[^\s'\")]+", text)
    url = urls[0] if urls else ""
    found = _STATUS.search(text)
    status = (found.group(1) or found.group(3)) if found else ""
    if is_full_disk(text):
        return full_disk(cache)
    if status in ("401", "403", "407"):
        return explain_download(text, url, "the channel", cache)
    if "could not find subdir" in text or status in ("404", "410"):
        return HelperError(
            "E_CONDA_CHANNEL",
            "a channel is not there",
            [*chain, "mend its name in environment.yml"],
        )
    if offline:
        return HelperError(
            "E_CONDA_OFFLINE",
            "the index of a channel is not in the cache",
            chain[:1],
            repeat_without("--offline"),
        )
    if re.search(r"expected|EOF|parse|invalid type|trailing|missing field", chain[-1]):
        return HelperError(
            "E_CONDA_CHANNEL",
            "the index of a channel is damaged",
            [*chain, "the channel has to mend it; or take another one in environment.yml"],
        )
    return HelperError(
        "E_CONDA_NETWORK",
        "a channel does not answer",
        say_once([*chain[-1:], probe_host(url) if url.startswith("http") else "", url]),
        repeat(),
    )


def explain_install(text: str, prefix: str) -> HelperError:
    """Turn a failure to unpack or to link into a diagnostic."""
    chain = describe_chain(text)
    if is_full_disk(text):
        return full_disk(prefix)
    found = re.match(r"failed to fetch (\S+)", chain[0]) if chain else None
    if found and _TORN.search(text):
        return HelperError(
            "E_CONDA_ARCHIVE",
            f"the archive {found.group(1)} is damaged",
            [*chain[1:], ANOTHER_VERSION],
        )
    again = repeat()
    engine = " --engine micromamba --auto-bootstrap"
    return HelperError(
        "E_CONDA_LINK",
        "the environment could not be made",
        chain or [text],
        again + engine if again.startswith("pyve init") and "--engine" not in again else (),
    )
