"""What pip, uv and the engines of conda environments print and write comes without secrets."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from canaries import CHANNEL, LOGIN, URL_LOGIN, LockedIndex, find, find_in_files
from conda_channel import CondaChannel
from conda_engine_helpers import serve_folder
from conda_project import CondaUser
from pyve_test_helpers import TREE, Pyve, find_program, need_wheelhouse

from pyve_conda.cache_folders import make_index

WRONG = URL_LOGIN.replace("Aword", "Aother-word")
FORMS = {
    "plain": ([], {}),
    "verbose": (["--verbose"], {"PYVE_LOG": "debug"}),
    "jsonl": (["--format=jsonl"], {}),
}


def read_umask() -> int:
    """The permissions that new files do not get."""
    umask = os.umask(0o022)
    os.umask(umask)
    return umask


@pytest.fixture(params=["pip", "uv"])
def tool(request: pytest.FixtureRequest, pyve: Pyve) -> str:
    """Which of the two installs; uv is preferred when it is on PATH."""
    if request.param == "uv":
        uv = TREE / ".dev/bin/uv"
        (pyve.bin / "uv").symlink_to(uv if uv.exists() else find_program("uv"))
    need_wheelhouse()
    return str(request.param)


@pytest.fixture
def index(pyve: Pyve) -> Iterator[LockedIndex]:
    """An index that wants a password, and no other."""
    with LockedIndex() as index:
        for name, value in index.env.items():
            pyve.env.pop(name, None)
            if value is not None and "INDEX" not in name:
                pyve.env[name] = value
        # uv takes every answer to be the last.
        pyve.env["UV_HTTP_TIMEOUT"] = "20"
        yield index


def name_index(pyve: Pyve, index: LockedIndex, login: str, where: str, tool: str) -> set[Path]:
    """Tell the tool where the index is, and user and password; give the files that hold them."""
    if where == "environment":
        pyve.env[f"{tool.upper()}_INDEX_URL"] = index.url_for(login)
        return set()
    if where == "requirements":
        path = pyve.project / "requirements.txt"
        path.write_text(f"--index-url {index.url_for(login)}\n{path.read_text()}")
        return {path}
    if where == "netrc":
        pyve.env[f"{tool.upper()}_INDEX_URL"] = index.url
        path = pyve.home / ".netrc"
        password = LOGIN[1] if login == URL_LOGIN else "canary-wrong"
        path.write_text(f"machine 127.0.0.1\nlogin {LOGIN[0]}\npassword {password}\n")
        path.chmod(0o600)
        return {path}
    path = pyve.home / ".config" / "pip" / "pip.conf"
    path.parent.mkdir(parents=True)
    path.write_text(f"[global]\nindex-url = {index.url_for(login)}\n")
    pyve.env.pop("PIP_CONFIG_FILE", None)
    return {path}


def search(pyve: Pyve, result: subprocess.CompletedProcess[str], planted: set[Path]) -> None:
    """Fail where a secret was printed, or written into a file that the user has not made."""
    assert find(result.stdout.encode()) == [], result.stdout
    assert find(result.stderr.encode()) == [], result.stderr
    assert find_in_files([pyve.home, pyve.project], planted) == []


@pytest.mark.parametrize(
    ("where", "form"),
    [
        ("environment", "verbose"),
        ("environment", "jsonl"),
        ("requirements", "verbose"),
        ("netrc", "plain"),
        ("configuration", "verbose"),
    ],
)
def test_an_index_with_a_password(
    pyve: Pyve, index: LockedIndex, tool: str, where: str, form: str
) -> None:
    if tool == "uv" and where == "configuration":
        pytest.skip("pip.conf is pip's")
    options, env = FORMS[form]
    pyve.write("requirements.txt", "iniconfig\n")
    planted = name_index(pyve, index, URL_LOGIN, where, tool)
    result = pyve(*options, "init", "--no-direnv", "--deps", **env)
    assert result.returncode == 0, result.stderr
    assert index.asked > 0
    assert (pyve.site_packages / "iniconfig").is_dir()
    search(pyve, result, planted)
    if form == "verbose" and where == "requirements":
        assert "http://***@127.0.0.1" in result.stderr or tool == "uv"


@pytest.mark.parametrize(
    ("where", "form"), [("environment", "verbose"), ("requirements", "plain"), ("netrc", "jsonl")]
)
@pytest.mark.parametrize("fault", ["wrong password", "no such package", "no index"])
def test_an_index_that_fails(
    pyve: Pyve, index: LockedIndex, tool: str, where: str, form: str, fault: str
) -> None:
    options, env = FORMS[form]
    pyve.write("requirements.txt", "iniconfig\n" if fault != "no such package" else "nonesuch\n")
    login = WRONG if fault == "wrong password" else URL_LOGIN
    planted = name_index(pyve, index, login, where, tool)
    if fault == "no index":
        index.__exit__()
        env = {**env, "PIP_RETRIES": "0", "UV_HTTP_RETRIES": "0"}
    result = pyve(*options, "init", "--no-direnv", "--deps", **env)
    assert result.returncode == 1, result.stderr
    assert "E_INSTALL_REQUIREMENTS" in result.stderr + result.stdout
    search(pyve, result, planted)


@pytest.mark.parametrize(
    ("fault", "form"),
    [("none", "verbose"), ("none", "jsonl"), ("wrong token", "verbose"), ("no server", "plain")],
)
@pytest.mark.micromamba
def test_a_channel_with_a_password(
    tmp_path: Path, template_cache: Path, conda_channel: CondaChannel, form: str, fault: str
) -> None:
    options, env = FORMS[form]
    user = CondaUser(tmp_path, template_cache, conda_channel)
    user.env["PYVE_CONDA_CACHE"] = str(tmp_path / "cache")
    folder = Path(unquote(conda_channel.main.removeprefix("file://")))
    with serve_folder(folder.parent) as url:
        base = url.replace("://", f"://{URL_LOGIN}@").rstrip("/")
        channel = f"{base}/{folder.name}"
        if fault == "wrong token":
            channel = f"{base}/t/tk-canary/{folder.name}"
        elif fault == "no server":
            channel = CHANNEL
        planted = {user.manifest("libwater", channel=channel)}
        words = ["init", "--no-direnv", "--engine", "rattler"]
        result = user(*options, *words, **env)
        assert (result.returncode == 0) == (fault == "none"), result.stderr
        search(user, result, planted)
        # (The index that the engine keeps for the next time has the URL that it came from.)
        kept = set((tmp_path / "cache" / "index").rglob("*"))
        assert find_in_files([tmp_path / "cache"], kept) == []
        assert (tmp_path / "cache").stat().st_mode & 0o077 == 0
        if fault == "none":
            result = user(*options, "lock", **env)
            assert find(result.stdout.encode() + result.stderr.encode()) == [], result


def test_a_cache_that_was_there_keeps_its_mode_and_hides_its_indexes(tmp_path: Path) -> None:
    for mode, wanted in ((0o755, 0o700), (0o700, 0o700), (0o775, 0o755)):
        root = tmp_path / oct(mode)
        (root / "index").mkdir(parents=True)
        (root / "index").chmod(0o755)
        root.chmod(mode)
        assert make_index(root) == root / "index"
        assert (root / "index").stat().st_mode & 0o777 == wanted
        assert root.stat().st_mode & 0o777 == mode
    root = tmp_path / "parent" / "new"
    assert make_index(root).stat().st_mode & 0o777 == 0o700
    assert root.stat().st_mode & 0o777 == 0o700
    assert root.parent.stat().st_mode & 0o777 == 0o777 & ~read_umask()
