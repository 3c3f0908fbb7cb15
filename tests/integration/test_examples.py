"""The projects in examples/, as their README says, without a network."""

from __future__ import annotations

from pathlib import Path

import pytest
from conda_channel import CondaChannel, conda_channel
from example_channel import example_channel
from pyve_test_helpers import TREE, Pyve, need_wheelhouse, snapshot

__all__ = ["conda_channel", "example_channel"]


@pytest.mark.venv
@pytest.mark.slow
def test_the_package_goes_from_nothing_to_its_tests_passing(pyve: Pyve) -> None:
    need_wheelhouse()
    pyve.copy_example("greeter-package")
    pyve.init("--deps", "--yes")
    readme = (pyve.project / "README.md").read_text()
    out = pyve.ok("run", "greeter", "Dear {name}, your {item} is ready.", "people.csv")
    assert out
    for line in out.splitlines():
        assert line in readme
    result = pyve("test", "-q", PYVE_TEST_AUTO_INSTALL_PYTEST="1")
    assert result.returncode == 0, (result.stdout, result.stderr)
    assert "passed" in result.stdout
    doctor = pyve("doctor")
    assert doctor.returncode == 0
    assert "✓ Packages: " in doctor.stdout
    # Editable: what one changes is what runs.
    module = pyve.project / "src/greeter/extra.py"
    module.write_text("print('changed')\n")
    assert pyve.ok("run", "python", "-m", "greeter.extra") == "changed\n"


@pytest.mark.venv
@pytest.mark.slow
def test_the_web_api_answers(pyve: Pyve) -> None:
    need_wheelhouse()
    pyve.copy_example("web-api")
    pyve.init("--deps")
    # The application is called as a server would call it: no port is needed.
    code = (
        "import asyncio, app\n"
        "async def call(method, path, body=b''):\n"
        "    said = []\n"
        "    async def receive():\n"
        "        return {'type': 'http.request', 'body': body, 'more_body': False}\n"
        "    async def send(message):\n"
        "        said.append(message)\n"
        "    scope = {'type': 'http', 'http_version': '1.1', 'method': method, 'path': path,\n"
        "             'raw_path': path.encode(), 'query_string': b'', 'headers': [],\n"
        "             'scheme': 'http', 'server': ('x', 80), 'client': ('y', 1), 'root_path': ''}\n"
        "    await app.app(scope, receive, send)\n"
        "    print(said[0]['status'], said[1]['body'].decode())\n"
        "async def main():\n"
        "    await call('POST', '/items', b'{\"title\": \"PEP 405\"}')\n"
        "    await call('GET', '/health')\n"
        "    await call('POST', '/items', b'nonsense')\n"
        "asyncio.run(main())\n"
    )
    database = str(pyve.root / "list.sqlite3")
    out = pyve.ok("run", "python", "-c", code, READING_LIST_DB=database).splitlines()
    assert out[0].startswith("201 ")
    assert "PEP 405" in out[0]
    assert out[1].startswith("200 ")
    assert out[2].startswith("400 ")
    assert "uvicorn" in pyve.ok("run", "uvicorn", "--version")
    assert pyve("doctor").returncode == 0


@pytest.mark.venv
def test_the_folder_with_only_a_script_needs_nothing_else(pyve: Pyve) -> None:
    pyve.copy_example("script-only")
    pyve.init()
    for name in ("a", "b"):
        pyve.write(f"pictures/{name}.png", "the same content\n")
    out = pyve.ok("run", "python", "duplicates.py", "pictures")
    assert "a.png" in out
    assert "b.png" in out


@pytest.mark.micromamba
@pytest.mark.slow
def test_the_data_science_project_does_as_its_readme_says(
    pyve: Pyve, example_channel: CondaChannel
) -> None:
    need_wheelhouse()
    pyve.copy_example("data-science")
    # The file is as it is; only where the name of the channel leads is another place.
    pyve.env["CONDA_CHANNEL_ALIAS"] = example_channel.folder.as_uri()
    assert "Made .pyve/envs/nile" in pyve.init()
    lock = pyve.ok("lock")
    assert "Wrote conda-lock.yml" in lock
    readme = (pyve.project / "README.md").read_text()
    out = pyve.ok("run", "python", "change_point.py", "nile.csv")
    said = [line[4:] for line in readme.splitlines() if line.startswith("    ")]
    assert out.splitlines() == said[1:5]
    where = pyve.ok("run", "python", "-c", "import numpy; print(numpy.__file__)")
    assert Path(where).is_relative_to(pyve.project / ".pyve" / "envs" / "nile")
    result = pyve("test", "-q", PYVE_TEST_AUTO_INSTALL_PYTEST="1")
    assert result.returncode == 0, (result.stdout, result.stderr)
    assert "8 passed" in result.stdout
    doctor = pyve("doctor")
    assert doctor.returncode == 0, doctor.stdout
    assert "✓ Lock: conda-lock.yml, up to date" in doctor.stdout


def test_the_examples_of_the_tree_hold_nothing_that_pyve_makes() -> None:
    made = {".venv", ".pyve", ".envrc", ".env", ".gitignore"}
    assert {path.parent.name for path in (TREE / "examples").glob("*/README.md")} >= {
        "greeter-package",
        "web-api",
        "script-only",
        "data-science",
    }
    for name in snapshot(TREE / "examples"):
        assert not made & set(name.split("/")), name
