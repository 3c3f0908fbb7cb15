"""Each code about making an environment from pylock.toml: brought about, mended, gone."""

from __future__ import annotations

import shutil

import pytest
from code_cases import bring, brings
from distributions import make_sdist, make_wheel, write_source
from pyve_test_helpers import Pyve, other_python, python_version, real_python, series
from sync_user import ask

DISTRIBUTIONS = (
    make_wheel("alpha", "1.0"),
    make_wheel("only-windows", "1.0", tag="py3-none-win_amd64"),
    make_sdist("built", "1.0"),
    make_sdist("broken", "1.0", build_fails="no compiler here"),
)


@brings("E_SYNC_BUILD")
@pytest.mark.parametrize("option", ["--only-binary", "--no-build"])
def test_a_package_would_have_to_be_built(user: Pyve, option: str) -> None:
    ask(user, "built")
    failure = bring(user, "E_SYNC_BUILD", "sync", option).says("built")
    assert failure.fixes[0].text == "pyve sync"
    failure.apply()
    failure.check_gone()


@brings("E_SYNC_BUILD")
def test_a_package_cannot_be_built(user: Pyve) -> None:
    ask(user, "broken")
    failure = bring(user, "E_SYNC_BUILD", "sync")
    failure.by_hand("no compiler here", "broken")
    ask(user, "alpha")
    failure.check_gone()


@brings("E_SYNC_PLATFORM")
def test_a_package_is_for_other_machines(user: Pyve) -> None:
    ask(user, "only-windows")
    failure = bring(user, "E_SYNC_PLATFORM", "sync")
    failure.by_hand("only-windows", "win_amd64")
    ask(user, "only-windows; sys_platform == 'win32'")
    failure.check_gone()


@brings("E_SYNC_PYTHON")
def test_the_lock_is_for_another_python(user: Pyve) -> None:
    user.add_python(other_python())
    low, high = sorted(map(python_version, (real_python(), other_python())), key=_key)
    user.init("--python-version", series(low))
    wheel = DISTRIBUTIONS[0]
    wheel.write(user.project)
    user.write(
        "pylock.toml",
        f'lock-version = "1.0"\nrequires-python = ">={series(high)}"\ncreated-by = "somebody"\n'
        '[[packages]]\nname = "alpha"\nversion = "1.0"\n'
        f'wheels = [{{ path = "{wheel.filename}", hashes = {{ sha256 = "{wheel.sha256}" }} }}]\n',
    )
    failure = bring(user, "E_SYNC_PYTHON", "sync").says(low, series(high))
    assert failure.fixes[0].text == f"pyve init --force --python-version {series(high)}"
    failure.apply(answer="y\n")
    failure.check_gone()


def _key(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


@brings("E_SYNC")
def test_a_folder_that_the_lock_names_is_gone(user: Pyve) -> None:
    folder = user.project / "lib"
    write_source(folder, "lib", "1.0")
    user.write(
        "pylock.toml",
        'lock-version = "1.0"\ncreated-by = "somebody"\n'
        '[[packages]]\nname = "lib"\ndirectory = { path = "lib" }\n',
    )
    folder.rename(user.project / "kept")
    failure = bring(user, "E_SYNC", "sync")
    failure.by_hand("lib")
    shutil.move(user.project / "kept", folder)
    failure.check_gone()
