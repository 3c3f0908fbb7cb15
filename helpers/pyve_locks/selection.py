"""Choosing from a lock: what its markers come to when extras and dependency groups are known.

Source: PEP 751, "Marker expression syntax": ``'x' in extras``, ``'x' in dependency_groups``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Union

from packaging.markers import InvalidMarker, Marker
from packaging.utils import canonicalize_name

from pyve_core import HelperError
from pyve_core.fixes import repeat_with, repeat_without_value

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

# True and False: always and never; a text: where it holds.
Truth = Union[bool, str]
_FEW = 3


class _Chosen:
    """The extras and groups that are chosen; None stands for whatever there is."""

    def __init__(self, extras: Iterable[str] | None, groups: Iterable[str] | None) -> None:
        self.names = {
            "extras": None if extras is None else {canonicalize_name(name) for name in extras},
            "dependency_groups": None
            if groups is None
            else {canonicalize_name(name) for name in groups},
        }

    def reduce(self, items: Any) -> Truth:
        """Reduce a list of conditions, "and" and "or", as packaging has parsed it."""
        branches: list[list[Truth]] = [[]]
        for item in items:
            if item == "or":
                branches.append([])
            elif item != "and":
                branches[-1].append(
                    self.reduce(item) if isinstance(item, list) else self.reduce_condition(item)
                )
        return _join([_join(branch, "and") for branch in branches], "or")

    def reduce_condition(self, condition: tuple[Any, Any, Any]) -> Truth:
        """Reduce ``'x' in extras``; another condition stays."""
        left, operator, right = condition
        if right.value in self.names and type(right).__name__ == "Variable":
            chosen = self.names[right.value]
            has: bool = chosen is None or canonicalize_name(left.value) in chosen
            if operator.value in ("in", "not in"):
                return has is (operator.value == "in")
        return " ".join(part.serialize() for part in condition)


def _join(parts: Iterable[Truth], word: str) -> Truth:
    """Join conditions by "and" or "or"; each once."""
    decides = word == "or"
    texts = []
    for part in parts:
        if part is decides:
            return decides
        if isinstance(part, str) and part not in texts:
            texts.append(part)
    if not texts:
        return not decides
    if word == "and" and len(texts) > 1:
        texts = [f"({text})" if " or " in text else text for text in texts]
    return f" {word} ".join(texts)


def reduce_marker(
    marker: str, extras: Iterable[str] | None = (), groups: Iterable[str] | None = ()
) -> Truth:
    """Say what a marker of a lock comes to for some extras and dependency groups.

    Args:
        marker: of a package of a ``pylock.toml``; "" holds always.
        extras: those chosen; None for all, whatever they are called.
        groups: those chosen; None for all.

    Returns:
        True or False where this decides it, else a marker about the environment alone.

    Raises:
        HelperError: E_LOCK_FILE, when it is no marker.
    """
    if not marker:
        return True
    try:
        parsed = Marker(marker)
    except (InvalidMarker, RecursionError) as error:
        why = str(error).partition("\n")[0]
        raise HelperError("E_LOCK_FILE", f"'{marker}' is no marker", why, "pyve lock") from error
    return _Chosen(extras, groups).reduce(parsed._markers)


def describe_place(marker: str) -> str:
    """Give what a marker of a lock says about the environment, without extras and groups."""
    left = reduce_marker(marker, None, None)
    return left if isinstance(left, str) else ""


def find_groups(lock: Mapping[str, Any], groups: Iterable[str] | None) -> list[str]:
    """Say which dependency groups are meant.

    Args:
        lock: a ``pylock.toml``.
        groups: those asked for; None for those that the lock has as default.

    Returns:
        They, and those default ones that only stand for what is always installed (PEP 751).
    """
    default = list(lock.get("default-groups") or ())
    if groups is None:
        return default
    known = set(lock.get("dependency-groups") or ())
    return [*groups, *(name for name in default if name not in known)]


def check_choice(lock: Mapping[str, Any], extras: Iterable[str], groups: Iterable[str]) -> None:
    """See that a lock has these extras and groups.

    Raises:
        HelperError: E_GROUP_UNKNOWN, with the names that it has.
    """
    default = list(lock.get("default-groups") or ())
    known = list(lock.get("dependency-groups") or ())
    _check_names("extra", extras, lock.get("extras") or ())
    _check_names("dependency group", [name for name in groups if name not in default], known)


def _check_names(kind: str, names: Iterable[str], known: Collection[str]) -> None:
    there: dict[str, str] = {canonicalize_name(name): name for name in known}
    for name in names:
        if canonicalize_name(name) in there:
            continue
        import difflib

        has = f"it has {', '.join(sorted(known))}" if known else f"it has no {kind}"
        close = difflib.get_close_matches(canonicalize_name(name), sorted(there), 1, 0.6)
        # Without one that is nearly the same, any that there is.
        names = [there[one] for one in close] or sorted(known)[:_FEW]
        fixes = [repeat_with({name: [other]}) for other in names]
        raise HelperError(
            "E_GROUP_UNKNOWN",
            f"the lock has no {kind} '{name}'",
            has,
            fixes or repeat_without_value(name),
        )


def select(
    lock: Mapping[str, Any], extras: Iterable[str] = (), groups: Iterable[str] | None = None
) -> list[tuple[Mapping[str, Any], str]]:
    """Choose the packages of a lock that some extras and groups take.

    Args:
        lock: a ``pylock.toml``, as tomllib gives it.
        extras: those wanted.
        groups: those wanted; None for those that the lock has as default.

    Returns:
        Each package and the marker that is left of its own ("" for always), sorted by name,
        version and marker.

    Raises:
        HelperError: E_GROUP_UNKNOWN; E_LOCK_FILE.
    """
    from pyve_locks.graph import read_packages, sort_key

    extras, chosen = list(extras), find_groups(lock, groups)
    check_choice(lock, extras, chosen)
    found = []
    for package in read_packages(lock):
        left = reduce_marker(str(package.get("marker", "")), extras, chosen)
        if left is not False:
            found.append((package, "" if left is True else left))
    found.sort(
        key=lambda pair: (
            canonicalize_name(pair[0]["name"]),
            sort_key(str(pair[0].get("version", ""))),
            pair[1],
        )
    )
    return found
