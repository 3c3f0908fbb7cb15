"""Every code of the registry has a test that brings it about and sees it gone."""

from __future__ import annotations

from pathlib import Path

import pytest
from code_cases import find_covered, read_registry

HERE = Path(__file__).parent

# What no test can bring about, each with its reason.
EXCEPTIONS: dict[str, str] = {}


@pytest.mark.parametrize("code", sorted(read_registry()))
def test_a_test_brings_the_code_about_and_sees_it_gone(code: str) -> None:
    covered = find_covered(HERE)
    if code in EXCEPTIONS:
        assert code not in covered, f"{covered[code]} brings it about: take it from EXCEPTIONS"
    else:
        assert code in covered, f'no test of tests/integration has @brings("{code}")'


def test_tests_and_exceptions_name_codes_of_the_registry() -> None:
    registry = read_registry()
    named = {*find_covered(HERE), *EXCEPTIONS}
    assert named <= set(registry), f"not in the registry: {sorted(named - set(registry))}"


@pytest.mark.parametrize("code", sorted(read_registry()))
def test_the_registry_knows_a_way_out(code: str) -> None:
    block = read_registry()[code]
    assert code.startswith("I_") or "Fix" in block or "Remedy" in block
