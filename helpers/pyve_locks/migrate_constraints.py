"""Version constraints as Poetry writes them, in the terms of PEP 440 and PEP 508.

Source: "Dependency specification" of Poetry's manual: caret, tilde and wildcard requirements, exact
versions without an operator, ``||`` between alternatives.
"""

from __future__ import annotations

import re
from typing import Optional

from packaging.specifiers import SpecifierSet
from packaging.version import Version

__all__ = ["marker_of", "specifier_of"]

# Operator and version of PEP 440.
Comparison = tuple[str, str]
# From (included) and up to (excluded); None for no end.
_Range = tuple[Optional[Version], Optional[Version]]

_PART = re.compile(r"(\^|~=|~|===|==|=|!=|<=|>=|<|>)?\s*v?([0-9A-Za-z.*+!_-]+)$")
_ANY = ("", "*")
_MOST = 40


def compare(text: str) -> list[list[Comparison]]:
    """Take a constraint apart.

    Returns:
        The alternatives, one of which has to hold; of each what has to hold together. An empty
        one is any version.

    Raises:
        ValueError: it is no constraint.
    """
    found = []
    for alternative in re.split(r"\s*\|\|?\s*", text.strip()):
        joined = re.sub(r"(\^|~=|~|===|==|=|!=|<=|>=|<|>)\s+", r"\1", alternative.strip())
        words = [word for word in re.split(r"[,\s]+", joined) if word not in _ANY]
        found.append([pair for word in words for pair in _read(word)])
    return found


def _read(word: str) -> list[Comparison]:
    match = _PART.match(word)
    if not match:
        raise ValueError(f"'{word}' is no version constraint")
    operator, version = match.group(1) or "==", match.group(2)
    operator = "==" if operator == "=" else operator
    if operator == "===":
        return [(operator, version)]
    version = re.sub(r"\.[xX]\b", ".*", version)
    wild = version.endswith(".*")
    base = re.sub(r"(\.\*)+$", "", version)
    try:
        parsed = Version(base)
    except ValueError as error:
        raise ValueError(f"'{word}' is no version constraint") from error
    if operator in ("^", "~"):
        return [(">=", base), ("<", _next(parsed, base, operator))]
    if wild and operator not in ("==", "!="):
        # ">=3.7.*" is what Poetry takes it for: the wildcard says nothing there.
        return [(operator, base)]
    return [(operator, f"{base}.*" if wild else base)]


def _next(version: Version, text: str, operator: str) -> str:
    """Give the version below which a caret or tilde requirement stays."""
    parts = list(version.release)
    given = len(re.split(r"[^0-9.]", text.rpartition("!")[2])[0].strip(".").split("."))
    if operator == "~":
        place = 0 if given == 1 else 1
    else:
        place = next((n for n, part in enumerate(parts) if part), given - 1)
    upper = [*parts[:place], parts[place] + 1]
    epoch = f"{version.epoch}!" if version.epoch else ""
    return epoch + ".".join(map(str, upper))


def specifier_of(text: str) -> tuple[str, bool]:
    """Write a constraint as a specifier (PEP 440).

    Args:
        text: as Poetry has it, such as ``^1.2`` or ``~2.7 || ^3.6``.

    Returns:
        The specifier, "" for any version; and whether it says the same. Where alternatives leave
        gaps that PEP 440 cannot name, it does not: the gaps are then allowed, too.

    Raises:
        ValueError: it is no constraint.
    """
    alternatives = compare(text)
    if len(alternatives) == 1:
        return _check(",".join(operator + version for operator, version in alternatives[0])), True
    ranges: list[_Range] = []
    exact = True
    for alternative in alternatives:
        span, whole = _span(alternative)
        ranges.append(span)
        exact = exact and whole
    ranges = _join(ranges)
    low, high = ranges[0][0], ranges[-1][1]
    parts = ([f">={low}"] if low else []) + ([f"<{high}"] if high else [])
    for (_, end), (start, _) in zip(ranges, ranges[1:]):
        gap = _exclude(end, start)
        exact = exact and gap is not None
        parts += gap or []
    return _check(",".join(parts)), exact


def _check(specifier: str) -> str:
    try:
        SpecifierSet(specifier)
    except ValueError as error:
        raise ValueError(str(error)) from error
    return specifier


def _span(alternative: list[Comparison]) -> tuple[_Range, bool]:
    """Give the range of an alternative, and whether it is all that is said."""
    low: Version | None = None
    high: Version | None = None
    exact = True
    for operator, text in alternative:
        if operator == "===":
            raise ValueError("=== cannot be one of several alternatives")
        version = Version(text.replace(".*", ""))
        above = Version(_bump(version))
        starts, ends = None, None
        if operator == ">=":
            starts = version
        elif operator == "<":
            ends = version
        elif operator == "==":
            starts, ends = version, above
            exact = exact and text.endswith(".*")
        elif operator == "~=":
            starts = version
            ends = Version(_bump(Version(".".join(map(str, version.release[:-1])))))
        elif operator == ">":
            starts, exact = version, False
        elif operator == "<=":
            ends, exact = above, False
        else:
            exact = False
        low = max(low, starts) if low and starts else low or starts
        high = min(high, ends) if high and ends else high or ends
    return (low, high), exact


def _bump(version: Version) -> str:
    parts = list(version.release)
    return ".".join(map(str, [*parts[:-1], parts[-1] + 1]))


def _join(ranges: list[_Range]) -> list[_Range]:
    """Join ranges that touch, in their order."""
    joined: list[_Range] = []
    for low, high in sorted(ranges, key=lambda span: span[0] or Version("0.dev0")):
        if joined:
            last_low, last_high = joined[-1]
            if last_high is None or low is None or low <= last_high:
                ends = None if last_high is None or high is None else max(last_high, high)
                joined[-1] = (last_low, ends)
                continue
        joined.append((low, high))
    return joined


def _exclude(end: Version | None, start: Version | None) -> list[str] | None:
    """Name what lies between two ranges, as ``!=2.*``; None when that takes too many words."""
    if end is None or start is None:
        return []
    if end.major == 2 and start.major == 3 and end >= Version("2.8"):
        # Of Python, nothing came between 2.7 and 3.0.
        end = Version("3.0")
    one, two = ([*version.release, 0] for version in (end, start))
    if not any(one[1:]) and not any(two[1:]):
        count = range(one[0], two[0])
        return [f"!={major}.*" for major in count] if len(count) <= _MOST else None
    if one[0] == two[0] and not any(one[2:]) and not any(two[2:]):
        return [f"!={one[0]}.{minor}.*" for minor in range(one[1], two[1])]
    return None


def marker_of(text: str) -> str:
    """Write a constraint of Python as a marker (PEP 508), "" for any.

    Args:
        text: as Poetry has it behind ``python =``.

    Raises:
        ValueError: it is no constraint.
    """
    alternatives = []
    for alternative in compare(text):
        words = []
        for operator, version in alternative:
            base = version.replace(".*", "")
            short = len(base.split(".")) <= 2
            variable = "python_version" if short else "python_full_version"
            if short and operator in ("==", "!="):
                version = base if "." in base else f"{base}.*"
            if not short and version.endswith(".*"):
                version = base
            words.append(f"{variable} {operator} '{version}'")
        if not words:
            return ""
        alternatives.append(" and ".join(words))
    if len(alternatives) == 1:
        return alternatives[0]
    return " or ".join(alternatives)
