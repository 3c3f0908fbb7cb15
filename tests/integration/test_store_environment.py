"""Environments from the shared store: they do all that a plain environment does."""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from distributions import make_wheel
from local_index import LocalIndex
from pyve_test_helpers import Pyve, commit, snapshot
from store_packages import make_everything
from sync_user import ask, installed, use_index

EVERYTHING, PROBE = make_everything()
TYPED = make_wheel(
    "typed",
    "1.0",
    files={
        "typed/__init__.py": "def double(number: int) -> int:\n    return 2 * number\n",
        "typed/py.typed": "",
    },
)
DISTRIBUTIONS = (
    *EVERYTHING,
    TYPED,
    *(make_wheel("alpha", version) for version in ("1.0", "2.0")),
    make_wheel("ring", "1.0"),
    make_wheel("loud", "1.0", ["ring"]),
)
NAMES = ("everything", "acme-two", "speedy", "shelf", "starter")
ALLOWED = "sync:\n  allow_startup:\n    - starter\n"


def entries(user: Pyve) -> list[Path]:
    """Return the environments in the store."""
    return sorted((user.home / ".cache/pyve/store/v1/envs").glob("*"))


def store_of(user: Pyve) -> str:
    """Return what pyve.state says about the store."""
    lines = (user.venv / "pyve.state").read_text().splitlines()
    return "".join(line[len("store=") :] for line in lines if line.startswith("store="))


def ask_for_everything(user: Pyve) -> None:
    """Ask for all of it, and allow the start-up code."""
    user.init()
    ask(user, *NAMES)
    config = user.project / ".pyve/config"
    config.write_text(config.read_text() + ALLOWED)


# --- as in a plain environment


def test_all_is_as_in_a_plain_environment(user: Pyve) -> None:
    ask_for_everything(user)
    user.ok("sync")
    assert store_of(user) == str(entries(user)[0])
    # (No copied distribution has left a folder there; what was made writable is none of its files.)
    assert "every file is as it was" in user.ok("store", "verify")
    said = user.ok("doctor", "--only", "packages-startup")
    assert "starter" in said and "belongs to no package" not in said
    before = snapshot(entries(user)[0])
    shared = json.loads(user.ok("run", "python", "-c", PROBE, PYTHONDONTWRITEBYTECODE=""))
    assert snapshot(entries(user)[0]) == before, "nothing was written into the store"
    assert shared["wrote"] == "x"
    assert (user.site_packages / "shelf/kept.txt").read_text() == "x"
    user.ok("sync", "--no-store")
    assert store_of(user) == ""
    plain = json.loads(user.ok("run", "python", "-c", PROBE))
    assert shared == plain
    assert plain["versions"]["acme-one"] == "1.0"
    assert plain["script"] == [3, "everything ['c d']\n", ""]
    assert plain["started"] == "was here"


def test_the_store_holds_bytecode_and_nobody_makes_it_anew(user: Pyve) -> None:
    ask(user, "everything")
    user.ok("sync")
    (site,) = (entry / "site" for entry in entries(user))
    (compiled,) = site.glob("everything/__pycache__/__init__.*.pyc")
    # PEP 552: checked by no time stamp, and by no hash.
    assert int.from_bytes(compiled.read_bytes()[4:8], "little") == 0b01
    code = "import everything; print(everything.__cached__)"
    assert user.ok("run", "python", "-c", code, PYTHONDONTWRITEBYTECODE="") == f"{compiled}\n"
    assert not list(user.site_packages.glob("everything*")), "nothing of it is in the project"
    for path in (site, *site.rglob("*")):
        mode = path.lstat().st_mode
        assert not stat.S_IMODE(mode) & 0o222, f"{path} can be written"


def test_pytest_and_its_plugins_work(pyve: Pyve, tmp_path: Path) -> None:
    plugin = make_wheel(
        "pytest-shout",
        "1.0",
        files={
            "pytest_shout-1.0.dist-info/entry_points.txt": "[pytest11]\nshout = pytest_shout\n",
            "pytest_shout/__init__.py": (
                "import pytest\n\n\n@pytest.fixture\ndef shout():\n    return 'HEY'\n"
            ),
        },
    )
    user = use_wheelhouse(pyve, plugin.write(tmp_path / "wheels").parent)
    # (What pytest needs on Windows only.)
    make_wheel("colorama", "0.4.6").write(tmp_path / "wheels")
    ask(user, "pytest", "pytest-shout")
    user.write("test_it.py", "def test_it(shout):\n    assert shout == 'HEY'\n")
    user.ok("sync")
    assert store_of(user)
    assert "1 passed" in user.ok("run", "pytest", "-q", "-p", "no:cacheprovider")
    assert "1 passed" in user.ok("run", "python", "-m", "pytest", "-q", "-p", "no:cacheprovider")


def use_wheelhouse(pyve: Pyve, folder: Path) -> Pyve:
    """Let a user lock from a folder of wheels, beside those that tests share."""
    from pyve_test_helpers import TREE, WHEELHOUSE

    pyve.add_program("uv", f'#!/bin/sh\nexec "{TREE}/.dev/bin/uv" "$@"\n')
    pyve.env.update(
        UV_FIND_LINKS=f"{WHEELHOUSE} {folder}".replace(" ", ",", 1),
        UV_NO_INDEX="1",
        UV_CACHE_DIR=str(pyve.root / "uv cache"),
    )
    return pyve


# --- what is installed on top


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_what_is_installed_on_top_goes_first_and_never_into_the_store(
    user: Pyve, tool: str
) -> None:
    ask(user, "alpha<2")
    user.ok("sync")
    (entry,) = entries(user)
    before = snapshot(entry)
    words: tuple[str, ...] = ("pip", "install", "-q")
    if tool == "uv":
        words = ("uv", "pip", "install", "-q", "--python", str(user.venv / "bin/python"))
    user.ok("run", *words, "alpha==2.0", "loud")
    assert installed(user) == ["alpha 2.0", "loud 1.0", "ring 1.0"]
    assert user.ok("run", "python", "-c", "import alpha; print(alpha.__version__)") == "2.0\n"
    assert snapshot(entry) == before
    out = user.ok("sync")
    assert "~ alpha 2.0 -> 1.0" in out
    assert "- loud 1.0" in out
    assert installed(user) == ["alpha 1.0"]
    assert snapshot(entry) == before
    user.ok("run", *words, "--reinstall" if tool == "uv" else "--force-reinstall", "alpha==1.0")
    assert "~ alpha 1.0 (installed anew)" in user.ok("sync")


def test_pip_sees_the_store_and_uv_what_is_on_top(user: Pyve) -> None:
    ask(user, "alpha")
    user.ok("sync")
    assert "alpha" in user.ok("run", "pip", "list")
    python = ("--python", str(user.venv / "bin/python"))
    assert "alpha" not in user.ok("run", "uv", "pip", "list", *python)
    user.ok("run", "pip", "install", "-q", "loud")
    assert "loud" in user.ok("run", "uv", "pip", "list", *python)


def test_files_of_the_user_in_the_environment_stay(user: Pyve) -> None:
    ask(user, "everything")
    user.ok("sync")
    kept = {"notes.txt": "mine", "share/mine/a b.txt": "mine too", "two\nlines": "mine as well"}
    for name, text in kept.items():
        (user.venv / name).parent.mkdir(parents=True, exist_ok=True)
        (user.venv / name).write_text(text)
    assert (user.venv / "share/man/man1/everything.1").exists()
    ask(user, "alpha")
    user.ok("sync")
    assert {name: (user.venv / name).read_text() for name in kept} == kept
    assert not (user.venv / "share/man/man1/everything.1").exists()
    assert not (user.venv / "etc/everything.conf").exists()
    user.ok("sync", "--no-store")
    ask(user, "everything")
    user.ok("sync", "--no-store")
    ask(user, "alpha")
    user.ok("sync")
    assert store_of(user)
    assert {name: (user.venv / name).read_text() for name in kept} == kept
    assert not (user.venv / "share/man/man1/everything.1").exists(), "it was a package's"


# --- worktrees, clones, and moved projects


def without_python(user: Pyve, folder: Path) -> dict[str, str]:
    """Return variables with which no helper and no uv can be started."""
    return {"PYVE_TOOLCHAIN": str(folder / "none"), "UV_CACHE_DIR": str(folder / "none")}


@pytest.mark.parametrize(
    ("first", "name"),
    [
        ("sync", "the other"),
        ("init", "plain"),
        ("sync", "o'th\"er $(touch x) `y` & % ö" + "z" * 90),
    ],
)
def test_a_worktree_has_its_environment_without_a_python(
    user: Pyve, tmp_path: Path, first: str, name: str
) -> None:
    if first == "init":
        user.init()
    user.write("requirements.in", "everything\nalpha\n")
    user.ok("sync")
    commit(user)
    made = user.execute("git", "worktree", "add", "-q", "-b", "other", f"../{name}")
    assert made.returncode == 0, made.stderr
    other = tmp_path / name
    seen = tmp_path / "started"
    for program in ("sha256sum", "cp", "ln", "mv", "chmod", "mkdir", "rm"):
        real = shutil.which(program)
        user.add_program(program, f'#!/bin/sh\necho {program} >>"{seen}"\nexec {real} "$@"\n')
    # (The folder of programs has changed: what was remembered does not count until it is seen
    # again.)
    user.ok("sync", cwd=other)
    # What is remembered of an environment in use stays.
    user.ok("store", "gc")
    shutil.rmtree(other / ".venv")
    (other / ".env").unlink()
    seen.unlink()
    out = user.ok("sync", "--frozen", cwd=other, **without_python(user, tmp_path))
    assert "+ alpha 2.0" in out
    assert "+ everything 1.0" in out
    assert "3 added" in out
    assert sorted(seen.read_text().split()) == sorted(
        ["sha256sum", "mkdir", "ln", "cp", "chmod", "cp", "chmod", "mv", "rm"]
    ), "each program costs a twentieth of all the time there is"
    at_once = snapshot(other / ".venv")
    code = "import alpha, everything, sys; print(alpha.__file__, sys.prefix)"
    said = user.ok("run", "python", "-c", code, cwd=other)
    assert said == f"{entries(user)[0]}/site/alpha/__init__.py {other}/.venv\n"
    assert (other / ".env").stat().st_mode & 0o777 == 0o600
    assert user.json("status", cwd=other)["detail"]["state"] == "consistent"
    assert "is what pylock.toml says" in user.ok("sync", "--frozen", cwd=other)
    assert len(entries(user)) == 1
    # The long way, where nothing is remembered, makes the same.
    shutil.rmtree(other / ".venv")
    for note in (entries(user)[0].parents[1] / "recall").iterdir():
        note.unlink()
    user.ok("sync", "--frozen", cwd=other)
    assert snapshot(other / ".venv") == at_once


def test_a_worktree_with_another_config_is_looked_at_with_care(user: Pyve, tmp_path: Path) -> None:
    user.write("requirements.in", "alpha\n")
    user.ok("sync")
    commit(user)
    user.execute("git", "clone", "-q", ".", "../other")
    other = tmp_path / "other"
    config = other / ".pyve/config"
    config.write_text(config.read_text() + "store: off\n")
    user.ok("sync", "--frozen", cwd=other)
    assert "store=" not in (other / ".venv/pyve.state").read_text()
    assert list((other / ".venv").glob("lib/python3*/site-packages/alpha"))


def test_a_moved_and_a_copied_project_are_mended(user: Pyve, tmp_path: Path) -> None:
    ask(user, "everything")
    user.ok("sync")
    (entry,) = entries(user)
    token = entry / "token"
    links = token.stat().st_nlink
    moved = tmp_path / "moved"
    user.project.rename(moved)
    copied = tmp_path / "copied"
    shutil.copytree(moved, copied, symlinks=True)
    for place in (moved, copied):
        user.ok("init", "--update", cwd=place)
        out = user.execute(place / ".venv/bin/everything", "x", cwd=place)
        assert out.stdout == "everything ['x']\n", out.stderr
        assert f"store={entry}\n" in (place / ".venv/pyve.state").read_text()
        assert "is what pylock.toml says" in user.ok("sync", cwd=place)
        assert os.path.samefile(place / ".venv/pyve.token", token)
    assert token.stat().st_nlink == links + 1
    owners = (user.home / ".cache/pyve/store/v1/owners").glob("*")
    assert f"{copied}/.venv" in {path.read_text().strip() for path in owners}


def test_a_store_that_is_gone_is_told_and_mended(user: Pyve) -> None:
    ask_for_everything(user)
    user.ok("sync")
    (user.venv / "bin/tool-of-the-store").symlink_to(f"{store_of(user)}/bin/tool-of-the-store")
    store = user.home / ".cache/pyve/store"
    for folder in (store, *(path for path in store.rglob("*") if path.is_dir())):
        folder.chmod(0o755)
    shutil.rmtree(store)
    stderr = user.fails("run", "python", "-c", "import everything", code="E_STORE_GONE")
    assert "fix: pyve sync" in stderr
    status = user.json("status")["detail"]
    assert (status["state"], status["next"]) == ("needs-env", "pyve sync")
    # One fault, and nothing that comes of it.
    diagnosis = user.json("doctor")
    assert [item["code"] for item in diagnosis["diagnostics"]] == ["E_STORE_GONE"]
    assert "pip: Error" not in str(diagnosis["detail"])
    user.ok("sync")
    user.ok("run", "python", "-c", "import everything")


# --- full environments


def test_a_copy_has_all_files_and_later_syncs_keep_it_so(user: Pyve) -> None:
    ask(user, "alpha<2", "everything")
    user.ok("sync", "--copy")
    assert store_of(user) == ""
    file = user.site_packages / "alpha/__init__.py"
    (entry,) = entries(user)
    assert os.path.samefile(file, entry / "site/alpha/__init__.py")
    (file.parent / "new.py").write_text("")
    assert installed(user)[:2] == ["acme-one 1.0", "alpha 1.0"]
    assert "is what pylock.toml says" in user.ok("sync")
    ask(user, "alpha>=2", "everything")
    assert "~ alpha 1.0 -> 2.0" in user.ok("sync")
    assert (user.site_packages / "alpha/__init__.py").stat().st_nlink > 1
    assert not (user.site_packages / "alpha/new.py").exists()
    user.ok("run", "pip", "uninstall", "-q", "-y", "alpha")
    assert not (user.site_packages / "alpha").exists()
    assert "pyve sync" in user.json("status")["detail"]["next"]


def test_the_config_turns_the_store_off(user: Pyve) -> None:
    user.init()
    ask(user, "alpha")
    user.ok("sync")
    assert store_of(user)
    config = user.project / ".pyve/config"
    config.write_text(config.read_text() + "store: off\n")
    user.ok("sync")
    assert store_of(user) == ""
    assert not list(user.site_packages.glob("_pyve_store.pth"))
    assert (user.site_packages / "alpha/__init__.py").exists()
    user.fails("sync", "--copy", "--no-store", code="E_USAGE_CONFLICT")


# --- the project itself


def test_the_project_itself_is_editable_in_each_worktree(
    make_pyve: Callable[[str], Pyve], index: LocalIndex, tmp_path: Path
) -> None:
    user = use_index(make_pyve("shop"), index, tmp_path / "uv cache")
    ask(user, "alpha")
    user.write(
        "pyproject.toml",
        (user.project / "pyproject.toml").read_text()
        + '[project.scripts]\nshop = "shop:main"\n'
        + '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
    )
    user.write("shop.py", "def main():\n    print('shop at', __file__)\n")
    write_backend(user)
    out = user.ok("sync")
    assert "the project itself" in out
    assert user.ok("run", "shop") == f"shop at {user.project}/shop.py\n"
    commit(user)
    user.execute("git", "worktree", "add", "-q", "../other")
    other = tmp_path / "other"
    out = user.ok("sync", "--frozen", cwd=other)
    assert "the project itself" in out
    assert user.ok("run", "shop", cwd=other) == f"shop at {other}/shop.py\n"
    code = "import importlib.metadata as m; print(m.version('shop'), m.requires('shop'))"
    assert user.ok("run", "python", "-c", code, cwd=other) == "1.5 ['alpha']\n"


def write_backend(user: Pyve) -> None:
    """Write a build backend into the project, which needs nothing."""
    user.write(
        "backend.py",
        """import os, zipfile

def build_editable(folder, config=None, metadata=None):
    name = "shop-1.5-py3-none-any.whl"
    info = "shop-1.5.dist-info"
    files = {
        "shop.pth": os.getcwd() + "\\n",
        info + "/METADATA": "Metadata-Version: 2.1\\nName: shop\\nVersion: 1.5\\n"
        "Requires-Dist: alpha\\n",
        info + "/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
        info + "/entry_points.txt": "[console_scripts]\\nshop = shop:main\\n",
    }
    files[info + "/RECORD"] = "".join(n + ",,\\n" for n in files) + info + "/RECORD,,\\n"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return name
""",
    )


# --- type checkers


def test_mypy_finds_the_packages(user: Pyve) -> None:
    from pyve_test_helpers import TREE

    ask(user, "typed")
    user.ok("sync")
    user.write("good.py", "from typed import double\n\nx: int = double(2)\n")
    user.write("bad.py", "from typed import double\n\nx: str = double(2)\n")
    mypy, python = TREE / ".dev/bin/mypy", user.venv / "bin/python"
    words = (mypy, "--cache-dir", os.devnull, "--python-executable", python)
    out = user.execute(*words, "good.py")
    assert out.returncode == 0, out.stdout + out.stderr
    out = user.execute(*words, "bad.py")
    assert 'has type "int"' in out.stdout, out.stdout + out.stderr


def test_pyright_finds_the_packages(user: Pyve) -> None:
    from pyve_test_helpers import TREE

    program = TREE / ".dev/node/node_modules/pyright/index.js"
    node = shutil.which("node")
    if not node or not program.is_file():
        pytest.skip("NOT TESTED: node, or .dev/node with pyright in it, is not there")
    ask(user, "typed")
    user.ok("sync")
    user.write("good.py", "from typed import double\n\nx: int = double(2)\n")
    user.write("bad.py", "from typed import double\n\nx: str = double(2)\n")
    words = (node, program, "--pythonpath", user.venv / "bin/python")
    out = user.execute(*words, "good.py")
    assert out.returncode == 0, out.stdout + out.stderr
    out = user.execute(*words, "bad.py")
    assert '"int" is not assignable to "str"' in out.stdout, out.stdout + out.stderr
