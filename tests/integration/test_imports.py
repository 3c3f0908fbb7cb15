"""pyve imports: time, find, lazy, unused and missing, in a project."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from distributions import make_wheel
from json_documents import check
from pyve_test_helpers import Pyve, snapshot
from sync_user import ask

DISTRIBUTIONS = (
    make_wheel("alpha", "1.0", ["beta"], files={"alpha/deep/__init__.py": "import alpha\n"}),
    make_wheel("beta", "1.0"),
    make_wheel("gamma", "1.0"),
    make_wheel("py-delta", "1.0", files={"delta.py": "raise SystemExit('executed')\n"}),
)


@pytest.fixture
def home(user: Pyve) -> Pyve:
    """A user whose project asks for alpha, gamma and py-delta; what it imports differs from it."""
    ask(user, "alpha", "gamma", more='[dependency-groups]\ndev = ["py-delta"]\n')
    user.ok("sync")
    user.write(
        "src/shop/__init__.py", "import shop.own, alpha.deep, beta, delta, yaml\nimport tomllib\n"
    )
    user.write("src/shop/own.py", "")
    user.write("tests/test_x.py", "import pytest, gamma\n")
    return user


def test_time_says_where_the_start_goes(home: Pyve) -> None:
    home.write("slow one.py", "import time\ntime.sleep(0.05)\n")
    home.write(
        "app.py",
        'import sys\n__import__("slow one")\nimport alpha.deep\n'
        'sys.stderr.write("mine\\n")\nprint("out")\n',
    )
    before = snapshot(home.project, (".venv",))
    result = home("imports", "time", "--top", "1000", "python", "-B", "app.py", "--svg", "x")
    assert result.returncode == 0
    assert "slow one" in result.stdout.splitlines()[3]
    assert "alpha.deep" in result.stdout
    # What the program prints is talk, and what Python says about imports is not to be seen.
    assert "mine\n" in result.stderr and "out\n" in result.stderr
    assert "import time:" not in result.stderr
    assert "out" not in result.stdout.splitlines()
    assert snapshot(home.project, (".venv",)) == before
    home.ok("imports", "time", "--svg", 'a "<b>.svg', "--", "python", "-c", "import alpha")
    assert "alpha: " in (home.project / 'a "<b>.svg').read_text()
    picture = home.ok("imports", "time", "--svg=-", "python", "-c", "import alpha #<&>")
    assert "imports of python -c" in "".join(ElementTree.fromstring(picture).itertext())
    # What cannot be written is seen before the command runs.
    failed = home("imports", "time", "--svg", "no/x.svg", "python", "-c", "print('out')")
    assert failed.returncode == 1
    assert "[E_FILE_WRITE]" in failed.stderr and "out" not in failed.stderr.splitlines()
    # One diagnostic, and the status, of what cannot be started.
    failed = home("imports", "time", "nosuch")
    assert failed.returncode == 127 and failed.stderr.count("ERROR") == 1
    # The end is the command's.
    assert home("imports", "time", "python", "-c", "import sys; sys.exit(7)").returncode == 7


def test_time_for_programs(home: Pyve) -> None:
    said = home(
        "imports", "--json", "time", "python", "-c", "import alpha.deep; raise SystemExit(3)"
    )
    document = json.loads(said.stdout)
    check(document, "document")
    assert said.returncode == document["exit_code"] == 3
    modules = {item["name"]: item for item in document["detail"]["modules"]}
    assert modules["alpha.deep"]["imported_by"] is None
    assert modules["alpha"]["cumulative_us"] >= modules["alpha"]["self_us"]
    packages = {item["name"]: item["modules"] for item in document["detail"]["packages"]}
    assert packages["alpha"] == 2


def test_find_tells_what_an_import_takes(home: Pyve) -> None:
    assert "(alpha 1.0)" in home.ok("imports", "find", "alpha.deep")
    assert "(py-delta 1.0)" in home.ok("imports", "find", "delta")
    home.write("gamma.py", "raise SystemExit('executed')")
    result = home("imports", "find", "gamma")
    assert result.returncode == 0
    assert "gamma.py  (a file of the project)" in result.stdout
    assert "hides " in result.stdout and "(gamma 1.0)" in result.stdout
    assert "[W_IMPORTS_HIDDEN]" in result.stderr
    # Nor is a file of the project executed that has the name of what the answer needs; and what
    # the user's Python is told, or a profile that watches, is not in the way.
    home.write("json.py", "raise SystemExit('executed')")
    home.ok("config", "set", "imports.lazy", "json")
    home.ok("config", "set", "run.profiles.dev.watch", "true")
    said = home.ok("imports", "find", "json", PYTHONPATH=str(home.project), PYVE_PROFILE="dev")
    assert "json.py  (a file of the project)" in said
    assert "(standard library)" in home.ok("imports", "find", "json", PYTHONSAFEPATH="1")
    (home.project / "json.py").unlink()
    home.ok("imports", "time", "--profile", "dev", "python", "-c", "import alpha")
    document = json.loads(home("imports", "find", "--json", "gamma").stdout)
    check(document, "document")
    assert document["detail"]["hides"][0]["distribution"] == "gamma 1.0"
    # A Python that does not answer is not Pyve's own.
    python = home.venv / "bin/python"
    python.unlink()
    python.write_text("#!/bin/sh\nexit 3\n")
    python.chmod(0o755)
    failed = home("imports", "find", "json")
    assert failed.returncode == 1
    assert "[E_HELPER]" in failed.stderr and "fix: pyve doctor" in failed.stderr


def test_unused_and_missing_compare_with_the_manifest(home: Pyve) -> None:
    said = home("imports", "unused")
    assert said.returncode == 1
    assert said.stdout == "gamma  not imported  pyproject.toml\n"
    said = home("imports", "missing", "--json")
    document = json.loads(said.stdout)
    check(document, "document")
    found = {item["name"]: item for item in document["detail"]["missing"]}
    assert {name: item["kind"] for name, item in found.items()} == {
        "PyYAML": "missing",
        "beta": "transitive",
        "py-delta": "development",
    }
    assert found["PyYAML"]["place"] == "src/shop/__init__.py:1"
    assert found["PyYAML"]["module"] == "yaml"
    assert document["diagnostics"][0]["fix"][0]["command"] == [
        "pyve",
        "add",
        "PyYAML",
        "beta",
        "py-delta",
    ]
    # The project's own settings for deptry count.
    with (home.project / "pyproject.toml").open("a") as stream:
        stream.write('[tool.deptry.per_rule_ignores]\nDEP002 = ["gamma"]\n')
    assert "All that the project asks for is imported" in home("imports", "unused").stderr
    # Without a [project], the requirements are the manifest.
    (home.project / "pyproject.toml").unlink()
    home.write("requirements.in", "alpha\nbeta\npy-delta\nPyYAML\n")
    said = home("imports", "missing")
    assert said.returncode == 0, said.stderr


def test_a_conda_project_is_judged_by_its_packages(home: Pyve) -> None:
    # The conda packages that brought alpha, and one without any Python.
    home.write(".pyve/config", "backend: micromamba\nmicromamba:\n  env_name: shop\n")
    prefix = home.project / ".pyve/envs/shop"
    prefix.parent.mkdir(exist_ok=True)
    home.venv.rename(prefix)
    (prefix / "pyve.state").unlink()
    (prefix / "conda-meta").mkdir()
    (prefix / "conda-meta/history").touch()
    for name, files in {
        "conda-alpha": ["lib/python3.11/site-packages/alpha-1.0.dist-info/METADATA"],
        "tool": ["bin/tool"],
        "lib-gamma": ["lib/python3.11/site-packages/gamma-1.0.dist-info/METADATA"],
    }.items():
        text = json.dumps({"name": name, "files": files})
        (prefix / f"conda-meta/{name}-1.0-0.json").write_text(text)
    home.write(
        "environment.yml",
        "dependencies:\n- python=3.11\n- conda-alpha>=1\n- c::tool\n- lib-gamma\n"
        "- pip:\n  - py_delta==1\n",
    )
    said = home("imports", "unused")
    assert said.stdout == "lib-gamma  not imported\n", said.stderr
    said = home("imports", "missing")
    assert [line.split()[0] for line in said.stdout.splitlines()] == ["PyYAML", "beta"]


def test_lazy_imports_are_tried_and_then_in_force(home: Pyve) -> None:
    home.write(
        "app.py",
        "import alpha, beta, gamma, sys\nsys.exit(beta.__name__ != 'beta')\n",
    )
    words = ("python", "app.py")
    document = json.loads(
        home("imports", "lazy", "--json", "--runs", "1", "--allow", "alpha", "--allow=beta",
             "--allow", "decimal", *words).stdout
    )  # fmt: skip
    check(document, "document")
    assert document["detail"]["modules"] == [
        {"name": "alpha", "state": "deferred"},
        {"name": "beta", "state": "loaded"},
        {"name": "decimal", "state": "absent"},
    ]
    assert document["detail"]["runs"] == 1
    # Nothing is lazy that is not named.
    show = "import alpha, gamma, sys; print(type(alpha).__name__, type(gamma).__name__, *sys.path)"
    assert home.ok("run", "python", "-c", show).startswith("module module")
    home.ok("config", "set", "imports.lazy", "alpha", "decimal")
    said = home.ok("run", "python", "-c", show)
    assert said.startswith("_LazyModule module")
    # A module that is to be lazy can be a program, too.
    home.write("own.py", "print(__name__)")
    home.ok("config", "set", "imports.lazy", "alpha", "decimal", "own")
    assert home.ok("run", "python", "-m", "own") == "__main__\n"
    assert "/pyve/lazy" not in said
    assert "alpha: imported, and not used" in home.ok("imports", "lazy", "--runs=1", *words)
    # The user's own path and customisation stay; other Pythons are as they were.
    folder = home.root / "more"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text("import sys; sys.mine = 1")
    code = "import sys, alpha; print(sys.mine, type(alpha).__name__)"
    assert home.ok("run", "python", "-c", code, PYTHONPATH=str(folder)) == "1 _LazyModule\n"
    other = str(next(home.bin.glob("python3.*")))
    code = "import sys, decimal; print(type(decimal).__name__)"
    assert home.ok("run", other, "-c", code) == "module\n"
    assert home.ok("run", "python", "-c", show, PYVE_NO_LAZY_IMPORTS="1").startswith("module")
    assert not list(Path(home.tree / "helpers/lazy_start").glob("__pycache__"))
