"""The profile for sandbox-exec of macOS.

Source: sandbox-exec(1), sandbox_init(3), and the profiles in /System/Library/Sandbox/Profiles.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyve_sandbox.places import Places

__all__ = ["PROGRAM", "make_text"]

PROGRAM = "/usr/bin/sandbox-exec"
# Programs and libraries of the system, beside those that places lists.
_READ = ("/System", "/Library/Frameworks", "/Library/Apple", "/private/var/db/timezone")
_DEVICES = ("null", "zero", "random", "urandom", "tty", "dtracehelper")


def _quote(path: str) -> str:
    """Write a path as a string of the profile's language."""
    escaped = path.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def make_text(places: Places, net: bool) -> str:
    """Give the profile: nothing is allowed but what it lists; the last rule that fits counts.

    Args:
        places: what is open.
        net: whether there is a network.
    """
    lines = [
        "(version 1)",
        "(deny default)",
        "(allow process-exec process-fork)",
        "(allow signal (target same-sandbox))",
        "(allow sysctl-read)",
        "(allow file-read-metadata)",
        '(allow file-read* (literal "/"))',
    ]
    lines += [f"(allow file-read* (subpath {_quote(path)}))" for path in _READ]
    for name in _DEVICES:
        lines.append(f'(allow file-read* file-write-data file-ioctl (literal "/dev/{name}"))')
    # (Deeper places later: they count.)
    for place in sorted(places.open, key=lambda one: one.real.count("/")):
        lines.append(f"(allow file-read* (subpath {_quote(place.real)}))")
        rule = "allow" if place.writes else "deny"
        lines.append(f"({rule} file-write* (subpath {_quote(place.real)}))")
    for place in places.guarded:
        lines.append(f"(deny file-write* (subpath {_quote(place.real)}))")
        # (The kernel knows the way to a link without other links.)
        above, name = os.path.split(place.path)
        link = os.path.join(os.path.realpath(above), name)
        if link != place.real:
            lines.append(f"(deny file-write* (literal {_quote(link)}))")
    if net:
        lines.append("(allow network-outbound network-inbound)")
        lines.append("(deny network* (local unix-socket) (remote unix-socket))")
        lines.append('(allow network-outbound (literal "/private/var/run/mDNSResponder"))')
        lines.append("(allow system-socket)")
        for service in ("SystemConfiguration.configd", "trustd.agent", "SecurityServer"):
            lines.append(f'(allow mach-lookup (global-name "com.apple.{service}"))')
    return "\n".join(lines) + "\n"
