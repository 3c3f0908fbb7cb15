"""Requirements that are not met, as ``pip check`` sees them."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

from pyve_installed.distributions import normalize

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pyve_installed.distributions import Distribution


def find_judge(folders: Iterable[Path]) -> Any:
    """Find `packaging`, in the toolchain or beside pip.

    Args:
        folders: those to look into; the first that has it serves.

    Returns:
        The modules ``requirements`` and ``specifiers``, or None.
    """
    for folder in folders:
        for package in ("packaging", "pip/_vendor/packaging"):
            if (folder / package / "requirements.py").is_file():
                sys.path.append(str(folder))
                try:
                    name = package.replace("/", ".")
                    __import__(f"{name}.requirements")
                    return sys.modules[f"{name}.requirements"], sys.modules[f"{name}.specifiers"]
                except Exception:  # whatever is wrong with it: the next one may do
                    sys.path.remove(str(folder))
    return None


def find_broken(
    distributions: list[Distribution], judge: Any, version: str
) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]], list[str]]:
    """Find requirements that are not met, as ``pip check`` does.

    Args:
        distributions: all that can be imported, in the order of the path.
        judge: what find_judge found; without it only names are looked at.
        version: of the interpreter.

    Returns:
        What is missing, what has the wrong version, and what pip has to be asked for.
    """
    installed: dict[str, list[Distribution]] = {}
    for distribution in distributions:
        installed.setdefault(distribution.name, []).append(distribution)
    missing: list[tuple[str, ...]] = []
    wrong: list[tuple[str, ...]] = []
    wanted: dict[str, list[str]] = {}
    faulty: list[str] = []
    for distribution in [group[0] for group in installed.values()]:
        if not distribution.own:
            continue
        by = f"{distribution.shown} {distribution.version}"
        if judge and distribution.requires_python:
            try:
                allowed = judge[1].SpecifierSet(distribution.requires_python)
            except ValueError:
                allowed = None
            if allowed is not None and not allowed.contains(version, prereleases=True):
                wrong.append((by, f"Python {distribution.requires_python}", "Python", version))
        for text in distribution.requires:
            requirement = judge_requirement(text, judge)
            if requirement is None:
                continue
            name, shown, specifier = requirement
            # Of one that is there twice, either will do here: that it is, is another fault.
            others = installed.get(normalize(name), [])
            wanted.setdefault(normalize(name), []).append(shown if "@" in shown else specifier)
            if not others:
                missing.append((by, shown, name))
                faulty.append(normalize(name))
            elif judge and specifier and all(other.whole for other in others):
                try:
                    allowed = judge[1].SpecifierSet(specifier)
                    fits = any(allowed.contains(o.version, prereleases=True) for o in others)
                except ValueError:
                    continue
                if not fits:
                    wrong.append((by, shown, others[0].shown, others[0].version))
                    faulty.append(normalize(name))
    install = [compose_requirement(name, wanted[name]) for name in dict.fromkeys(faulty)]
    return missing, wrong, install


def judge_requirement(text: str, judge: Any) -> tuple[str, str, str] | None:
    """Take a requirement apart.

    Returns:
        Name, the requirement without its marker, and its specifiers; None when it does not apply
        here, or cannot be read.
    """
    shown, _, marker = text.partition(";")
    shown = shown.strip()
    if judge is None:
        # Without the means to evaluate a marker, only what always applies can be told.
        match = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", shown)
        return None if marker or match is None else (match.group(), shown, "")
    try:
        requirement = judge[0].Requirement(text)
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            return None
    except Exception:  # the exceptions of different releases have no common name
        return None
    return requirement.name, shown, str(requirement.specifier)


def compose_requirement(name: str, wishes: Iterable[str]) -> str:
    """Join what several distributions ask for to one requirement."""
    wishes = list(dict.fromkeys(wish for wish in wishes if wish))
    for wish in wishes:
        if "@" in wish:
            return wish
    parts = dict.fromkeys(part.strip() for wish in wishes for part in wish.split(","))
    return name + ",".join(parts)
