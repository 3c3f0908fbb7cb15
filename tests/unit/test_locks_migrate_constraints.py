"""Poetry's version constraints say the same in the terms of PEP 440 and PEP 508."""

from __future__ import annotations

import pytest
from packaging.markers import Marker
from packaging.specifiers import SpecifierSet

from pyve_locks.migrate_constraints import marker_of, specifier_of

# What is written, its specifier, versions that it allows, and versions that it does not.
TABLE = [
    ("*", "", "0.1 99", ""),
    ("", "", "1", ""),
    ("1.2.3", "==1.2.3", "1.2.3", "1.2.4 1.2"),
    ("=1.2", "==1.2", "1.2.0", "1.2.1"),
    ("^1.2.3", ">=1.2.3,<2", "1.2.3 1.9", "2.0 1.2.2"),
    ("^1", ">=1,<2", "1 1.9", "2 0.9"),
    ("^0.2.3", ">=0.2.3,<0.3", "0.2.9", "0.3 0.2.2"),
    ("^0.0.3", ">=0.0.3,<0.0.4", "0.0.3", "0.0.4"),
    ("^0.0", ">=0.0,<0.1", "0.0.9", "0.1"),
    ("^0", ">=0,<1", "0.9", "1"),
    ("~1.2.3", ">=1.2.3,<1.3", "1.2.9", "1.3"),
    ("~1.2", ">=1.2,<1.3", "1.2.9", "1.3"),
    ("~1", ">=1,<2", "1.9", "2"),
    ("~=1.2.3", "~=1.2.3", "1.2.9", "1.3"),
    ("1.2.*", "==1.2.*", "1.2.9", "1.3"),
    ("1.x", "==1.*", "1.9", "2"),
    ("!=1.2.*", "!=1.2.*", "1.3", "1.2.1"),
    (">=1,<2", ">=1,<2", "1.5", "2"),
    (">= 1.0 < 2.0", ">=1.0,<2.0", "1.5", "2"),
    (">=1.0, !=1.5", ">=1.0,!=1.5", "1.4", "1.5"),
    ("v2.0", "==2.0", "2.0", "2.1"),
    ("^1.2 || ^2.0", ">=1.2,<3", "1.2 1.9 2.5", "3 1.1"),
    ("^1.2|^4", ">=1.2,<5,!=2.*,!=3.*", "1.5 4.2", "2.5 3.0 5"),
    ("~1.2 || ~1.5", ">=1.2,<1.6,!=1.3.*,!=1.4.*", "1.2.3 1.5.1", "1.3 1.4.9"),
    ("~2.7 || ^3.2", ">=2.7,<4,!=3.0.*,!=3.1.*", "2.7.18 3.9", "3.1.5 4"),
]


@pytest.mark.parametrize(("written", "specifier", "allowed", "others"), TABLE)
def test_a_constraint_allows_the_same_versions(
    written: str, specifier: str, allowed: str, others: str
) -> None:
    found, exact = specifier_of(written)
    assert found == specifier
    assert exact
    for version in allowed.split():
        assert version in SpecifierSet(found)
    for version in others.split():
        assert version not in SpecifierSet(found)


def test_gaps_that_have_no_name_are_told() -> None:
    found, exact = specifier_of("^1.2 || ^3.5.1")
    assert (found, exact) == (">=1.2,<4", False)
    assert specifier_of(">=2 || <1") == ("!=1.*", True)


@pytest.mark.parametrize("written", ["1.2 - 2", "latest", "^x", "^^1", ">=1 || ===a"])
def test_what_is_no_constraint_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        specifier_of(written)


@pytest.mark.parametrize(
    ("written", "holds", "fails"),
    [
        ("^3.8", "3.8.0 3.12.1", "3.7.9"),
        (">=3.6,<3.8", "3.7.1", "3.8.0 3.5.0"),
        ("3.9.*", "3.9.7", "3.10.0"),
        ("3.9", "3.9.7", "3.10.0"),
        ("~3.9.2", "3.9.2 3.9.9", "3.9.1 3.10.0"),
        ("~2.7 || ^3.10", "2.7.18 3.11.0", "3.9.0"),
        ("!=3.9.*", "3.10.0", "3.9.1"),
    ],
)
def test_a_python_becomes_a_marker(written: str, holds: str, fails: str) -> None:
    marker = Marker(marker_of(written))

    def is_met(version: str) -> bool:
        short = ".".join(version.split(".")[:2])
        return marker.evaluate({"python_full_version": version, "python_version": short})

    assert all(is_met(version) for version in holds.split())
    assert not any(is_met(version) for version in fails.split())


def test_any_python_is_no_marker() -> None:
    assert marker_of("*") == ""
    assert marker_of(">=3.8 || *") == ""
