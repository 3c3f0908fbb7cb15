"""Each code about pyve test's own options: seen and mended."""

from __future__ import annotations

import pytest
from code_cases import bring, brings, corrects, mends
from pyve_test_helpers import Pyve, need_wheelhouse, python_version, real_python, series

pytestmark = pytest.mark.venv

PLUGINS = ("pytest_xdist", "pytest_rerunfailures", "syrupy")


@pytest.fixture
def tested(pyve: Pyve) -> Pyve:
    """A user whose project has stand-ins for pytest and its plugins: nothing is run."""
    pyve.init()
    for name in ("__init__", "__main__"):
        pyve.add_module(pyve.venv, f"pytest/{name}.py")
    for name in PLUGINS:
        pyve.add_module(pyve.testenv, f"{name}-1.0.dist-info/METADATA")
    return pyve


@brings("E_TEST_BACKEND")
def test_unittest_has_no_plugins(tested: Pyve) -> None:
    for line in ("-n 2", "--retries=2", "--snapshot update"):
        given = ("test", "--backend", "unittest", *line.split(), "-q")
        corrects(tested, "E_TEST_BACKEND", *given, fix=f"pyve test {line} -q").says(line[:2])


@brings("E_TEST_PLUGIN")
@pytest.mark.slow
def test_a_plugin_is_missing(pyve: Pyve) -> None:
    need_wheelhouse()
    pyve.init()
    # (That the project has pytest is good enough for pytest.)
    pyve.add_module(pyve.venv, "pytest/__init__.py")
    pyve.write("test_it.py", "def test_it(): pass\n")
    fix = "pyve testenv --install pytest-timeout"
    mends(pyve, "E_TEST_PLUGIN", "test", "--timeout", "9", fix=fix).says("pytest-timeout")
    # Several at once, and unasked where that is allowed.
    words = ("test", "--retries", "1", "--snapshot", "update", "-q")
    failure = bring(pyve, "E_TEST_PLUGIN", *words)
    assert failure.fixes[0].argv[3:] == ["pytest-rerunfailures", "syrupy"]
    assert "1 passed" in pyve.ok(*words, PYVE_TEST_AUTO_INSTALL_PYTEST="1")
    # pip gets no options this way.
    corrects(pyve, "E_USAGE_ARGUMENT", "testenv", "--install", "--", "--target=/tmp/x")


@brings("E_TEST_PYTHONS")
def test_a_conda_environment_has_one_interpreter(pyve: Pyve) -> None:
    pyve.write(".pyve/config", "backend: micromamba\nmicromamba:\n  env_name: demo\n")
    environment = pyve.project / ".pyve/envs/demo"
    for folder in ("conda-meta", "bin"):
        (environment / folder).mkdir(parents=True)
    (environment / "bin/python").symlink_to(real_python())
    package = environment / f"lib/python{series(python_version())}/site-packages/pytest"
    package.mkdir(parents=True)
    for name in ("__init__", "__main__"):
        (package / f"{name}.py").touch()
    corrects(pyve, "E_TEST_PYTHONS", "test", "--python", "3.11", fix="pyve test").says("conda")


@brings("E_TEST_REVISION")
def test_there_is_no_such_commit(tested: Pyve) -> None:
    pyve = tested
    failure = corrects(pyve, "E_TEST_REVISION", "test", "--changed", fix="pyve test")
    failure.says("no git repository")
    assert pyve.execute("git", "init", "-q").returncode == 0
    bring(pyve, "E_TEST_REVISION", "test", "--changed").says("nothing has been committed")
    words = ("test", "--changed", "no such; $(branch)", "-q")
    corrects(pyve, "E_TEST_REVISION", *words, fix="pyve test -q").says("no such; $(br")
    corrects(pyve, "E_TEST_REVISION", "test", "--changed=--output=x", fix="pyve test")
    assert not (pyve.project / "x").exists()
    # Of a clone that CI has made, only the newest commit is there.
    settings = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    assert (
        pyve.execute("git", *settings, "commit", "-q", "--allow-empty", "-m", "one").returncode == 0
    )
    pyve.write(".git/shallow", pyve.execute("git", "rev-parse", "HEAD").stdout)
    bring(pyve, "E_TEST_REVISION", "test", "--changed", "HEAD~1").says("git fetch --unshallow")


@brings("E_TEST_TIMINGS")
def test_there_are_no_durations(tested: Pyve) -> None:
    given = ("test", "--timings", "gone.json", "--shard", "1/2")
    corrects(tested, "E_TEST_TIMINGS", *given, fix="pyve test --shard 1/2").says("gone.json")


@pytest.mark.parametrize(
    ("words", "fix"),
    [
        (["--shard", "3/2"], "--shard 1/2"),
        (["--shard=0/2"], "--shard=1/2"),
        (["--shard", "half"], "--shard 1/2"),
        (["-n", "many"], "-n auto"),
        (["--retries", "x"], "--retries 2"),
        (["--timeout", "1h"], "--timeout 60"),
        (["--backend", "nose"], "--backend pytest"),
        (["--backend=unitest"], "--backend=unittest"),
        (["--snapshot", "delete"], "--snapshot update"),
        (["--python", "3.x"], "--python 3.12"),
    ],
)
def test_a_value_is_none(pyve: Pyve, words: list[str], fix: str) -> None:
    failure = bring(pyve, "E_USAGE_CHOICE", "test", *words, "tests")
    assert failure.fixes[0].text == f"pyve test {fix} tests"


def test_options_exclude_each_other_or_lack_a_value(tested: Pyve) -> None:
    pyve = tested
    given = ("test", "--discover", "--python", "3.11", "-q")
    corrects(pyve, "E_USAGE_CONFLICT", *given, fix="pyve test --discover -q")
    given = ("test", "--timings=t.json", "--python", "3.11")
    failure = bring(pyve, "E_USAGE_CONFLICT", *given)
    assert failure.fixes[0].text == "pyve test --python 3.11"
    given = ("test", "--watch", "--discover")
    corrects(pyve, "E_USAGE_CONFLICT", *given, fix="pyve test --discover")
    for words in (["--shard"], ["--shard", "--discover"], ["--junit="], ["--discover=1"]):
        bring(pyve, "E_USAGE_VALUE", "test", *words)
