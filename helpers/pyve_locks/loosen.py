"""Specifiers that let in one version more, and are otherwise as they were."""

from __future__ import annotations

from packaging.specifiers import Specifier, SpecifierSet
from packaging.version import Version

__all__ = ["how_far", "loosen", "next_above"]


def _order(clause: Specifier) -> tuple[bool, str]:
    """People write the lower bound first."""
    return clause.operator.startswith("<"), str(clause)


def loosen(specifier: str, version: Version) -> str:
    """Change what excludes a version, in the way in which it is written: ``<2`` becomes ``<3``.

    Args:
        specifier: any, also "".
        version: what is to be let in.

    Returns:
        A specifier; "" only for "".
    """
    kept = []
    for clause in sorted(SpecifierSet(specifier), key=_order):
        if clause.contains(version, prereleases=True) and _is_welcome(clause, version):
            kept.append(str(clause))
        else:
            kept.append(_change(clause, version))
    found = ",".join(clause for clause in kept if clause)
    return found or (f">={version}" if specifier else "")


def _is_welcome(clause: Specifier, version: Version) -> bool:
    """Tell whether a lower bound lets a pre-release in without being asked to."""
    lower = clause.operator in (">", ">=", "~=")
    return not (lower and version.is_prerelease and not Version(clause.version).is_prerelease)


def _change(clause: Specifier, version: Version) -> str:
    operator, bound = clause.operator, clause.version
    if operator == "!=":
        return ""
    if operator == "==" and bound.endswith(".*"):
        count = bound.count(".")
        return f"=={'.'.join(str(part) for part in _release(version, count))}.*"
    if operator == "~=":
        count = len(Version(bound).release)
        pre = str(version)[len(version.base_version) :] if version.is_prerelease else ""
        return f"~={'.'.join(str(part) for part in _release(version, count))}{pre}"
    if operator == "<":
        release = list(Version(bound).release)
        while len(release) > 1 and release[-1] == 0:
            release.pop()
        above = _release(version, len(release))
        above[-1] += 1
        return f"<{'.'.join(str(part) for part in above)}"
    return f"{'>=' if operator == '>' else operator}{version}"


def _release(version: Version, count: int) -> list[int]:
    return [*version.release, *[0] * count][:count]


def next_above(specifier: str, version: Version) -> str:
    """Give a specifier of what lies between the upper end of another one and a version.

    Args:
        specifier: one that excludes the version.
        version: some version above it.

    Returns:
        Such as ``>=2`` for ``>=1,<2``; "" when the version lies below.
    """
    for clause in SpecifierSet(specifier):
        if clause.contains(version, prereleases=True) or clause.version.endswith(".*"):
            continue
        if clause.operator == "<" and version >= Version(clause.version):
            return f">={clause.version}"
        if clause.operator in ("<=", "==", "~=", "!=") and version > Version(clause.version):
            return f">{clause.version}"
    return ""


def how_far(specifier: str, version: Version) -> tuple[int, bool]:
    """Tell how far a version is from what a specifier allows.

    Returns:
        3 for another first number (major), 2 for another second one, 1 for another third one or
        less; and whether it lies below, which people like less.
    """
    far, is_below = 1, False
    for clause in SpecifierSet(specifier):
        if clause.contains(version, prereleases=True):
            continue
        bound = Version(clause.version.replace(".*", ""))
        pairs = zip(_release(bound, 2), _release(version, 2))
        differing = [number for number, (one, other) in enumerate(pairs) if one != other]
        far = max(far, 3 - differing[0] if differing else 1)
        is_below = is_below or version < bound
    return far, is_below
