"""What changed between two canonical manifests, in sentences."""

from __future__ import annotations

import json
import re
from typing import Any

_NAME = re.compile(r"(?:-e )?([a-z0-9][a-z0-9-]*)(?=$|[<>=!~;\[ ])")
_UNKNOWN = "it is not known what the lock was made from"


def compare(old: str, new: str) -> list[str]:
    """Say what changed from one canonical manifest to another.

    Args:
        old, new: what ``manifest.canonical`` gave.

    Returns:
        Sentences such as ``requests: >=2 -> >=3``, ``added idna (group dev)``; none when both say
        the same. When one of them cannot be understood, that is said.
    """
    before, after = _load(old), _load(new)
    if before is None or after is None:
        return [_UNKNOWN]
    lines: list[str] = []
    for key in ("name", "requires-python"):
        lines += _compare_values(key, before.get(key), after.get(key))
    lines += _compare_roots(before["roots"], after["roots"])
    for key in ("constraints", "overrides"):
        where = f" ({key[:-1]})"
        lines += _compare_texts(before.get(key, []), after.get(key, []), where)
    local_before, local_after = before.get("local", {}), after.get("local", {})
    for path in sorted({*local_before, *local_after}):
        if path not in local_after:
            lines.append(f"removed what is in {path}")
        elif path not in local_before:
            lines.append(f"added what is in {path}")
        else:
            where = f" (of {path})"
            lines += _compare_texts(local_before[path], local_after[path], where)
    for table in ("options", "uv"):
        said = {"options": "--{}", "uv": "[tool.uv] {}"}[table]
        one, other = before.get(table, {}), after.get(table, {})
        for key in sorted({*one, *other}):
            lines += _compare_values(said.format(key), one.get(key), other.get(key))
    if not lines and before != after:
        return [_UNKNOWN]
    return lines


def _load(text: str) -> dict[str, Any] | None:
    """Read a canonical manifest; None when it is none."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict) or data.get("version") != 1:
        return None
    data.setdefault("roots", {})
    for key in ("roots", "local"):
        table = data.get(key, {})
        if not isinstance(table, dict) or not all(_is_texts(found) for found in table.values()):
            return None
    for key in ("options", "uv"):
        if not isinstance(data.get(key, {}), dict):
            return None
    if not all(_is_texts(data.get(key, [])) for key in ("constraints", "overrides")):
        return None
    return data


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _say_root(root: str) -> str:
    """Name a root for people."""
    return root.replace(":", " ", 1)


def _compare_roots(old: dict[str, list[str]], new: dict[str, list[str]]) -> list[str]:
    lines = []
    for root in sorted({*old, *new}):
        where = f" ({_say_root(root)})" if root else ""
        if root and root not in new:
            lines.append(f"removed {_say_root(root)}")
        elif root and root not in old:
            listed = f": {', '.join(new[root])}" if new[root] else ""
            lines.append(f"added {_say_root(root)}{listed}")
        else:
            lines += _compare_texts(old.get(root, []), new.get(root, []), where)
    return lines


def _compare_texts(old: list[str], new: list[str], where: str) -> list[str]:
    """Compare lists of requirements, by their names."""
    before, after = _by_name(old), _by_name(new)
    lines = []
    for name in sorted({*before, *after}):
        one, other = before.get(name), after.get(name)
        if one == other:
            continue
        if one is None:
            lines += [f"added {text}{where}" for text in after[name].values()]
        elif other is None:
            lines.append(f"removed {name}{where}")
        else:
            lines.append(f"{name}: {' and '.join(one)} -> {' and '.join(other)}{where}")
    return lines


def _by_name(texts: list[str]) -> dict[str, dict[str, str]]:
    """Give name -> what is asked of it -> the whole text."""
    found: dict[str, dict[str, str]] = {}
    for text in texts:
        named = _NAME.match(text)
        name = named.group(1) if named else text
        rest = text.replace(name, "", 1).strip() if named else ""
        rest = rest.replace("-e  ", "-e ")
        found.setdefault(name, {})[rest or "any version"] = text
    return found


def _compare_values(key: str, old: Any, new: Any) -> list[str]:
    return [] if old == new else [f"{key}: {_say(old)} -> {_say(new)}"]


def _say(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if _is_texts(value):
        return ", ".join(value)
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
