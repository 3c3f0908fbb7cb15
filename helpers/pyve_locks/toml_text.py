"""TOML (version 1.0) written for machines: the same text for the same values."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date, datetime, time, timezone
from typing import Any

__all__ = ["Written", "write_key", "write_table", "write_value"]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_PLAIN = re.compile(r"[ !#-\[\]-~]*")


class Written(str):
    """A value that is TOML already."""

    __slots__ = ()


def write_key(key: str) -> str:
    """Write a key, quoted where it has to be."""
    return key if _BARE.fullmatch(key) else _write_string(key)


def write_value(value: Any) -> str:
    """Write a value on one line; tables are inline.

    Raises:
        TypeError: TOML has no such value.
    """
    if isinstance(value, Written):
        return value
    if isinstance(value, str):
        return _write_string(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, datetime):
        return _write_time(value)
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, Mapping):
        items = ", ".join(f"{write_key(key)} = {write_value(value[key])}" for key in value)
        return f"{{ {items} }}" if items else "{}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(write_value, value))}]"
    raise TypeError(f"TOML has no {type(value).__name__}")


def write_table(table: Mapping[str, Any]) -> list[str]:
    """Write what stands below a header: a line a key, and one for each item of a longer list."""
    lines: list[str] = []
    for key, value in table.items():
        if isinstance(value, (list, tuple)) and (
            len(value) > 1 or any(isinstance(item, (Mapping, Written)) for item in value)
        ):
            lines += [f"{write_key(key)} = [", *(f"    {write_value(v)}," for v in value), "]"]
        else:
            lines.append(f"{write_key(key)} = {write_value(value)}")
    return lines


def _write_string(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return f'"{text}"'
    # What JSON escapes, and how, TOML's basic strings understand; DEL alone is missing.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _write_time(value: datetime) -> str:
    """Write a time of day and date, in UTC where it has an offset (RFC 3339)."""
    if value.tzinfo is not None:
        value = value.astimezone(timezone.utc)
    text = value.replace(tzinfo=None).isoformat()
    if "." in text:
        text = text.rstrip("0")
    return f"{text}Z" if value.tzinfo is not None else text
