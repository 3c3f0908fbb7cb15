"""The built-in conda engine: what goes wrong, and that it leaves nothing then."""

from __future__ import annotations

import base64
import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from conda_channel import CondaChannel, copy_channel
from conda_engine_helpers import CondaHelpers, serve_folder
from conda_helpers import web_server

MARKER = ".pyve-unfinished"


FAILURES = {
    "conflict": (
        ["kettle", "teapot", "libwater >=1.1"],
        "E_CONDA_CONFLICT",
        ["teapot 1.0 would require", "libwater <1.1", "environment.yml asks for libwater >=1.1"],
    ),
    "unsatisfiable": (["samovar"], "E_CONDA_CONFLICT", ["libwater >=9", "no candidates"]),
    "misspelt": (["gretter"], "E_CONDA_MISSING", ["asks for gretter", "did you mean greeter?"]),
    "no such version": (["greeter >=7"], "E_CONDA_MISSING", ["there are: 2.0, 1.1, 1.0"]),
    "elsewhere": (["only-osx"], "E_CONDA_MISSING", ["it is there for osx-arm64"]),
    "wrong digest": (["kettle", "tampered"], "E_CONDA_HASH", ["expected sha256 000", "found "]),
    "torn archive": (["kettle", "torn"], "E_CONDA_ARCHIVE", ["torn-1.0-"]),
    "no archive": (["kettle", "vanished"], "E_CONDA_MISSING", ["vanished-1.0-"]),
}


@pytest.mark.parametrize("case", list(FAILURES))
@pytest.mark.parametrize("scheme", ["file", "http"])
def test_a_failure_is_explained_and_leaves_nothing(
    cold_conda: CondaHelpers,
    conda_channel: CondaChannel,
    conda_prefix: Path,
    case: str,
    scheme: str,
) -> None:
    dependencies, code, why = FAILURES[case]
    if case == "elsewhere" and conda_channel.platform == "osx-arm64":
        pytest.skip("NOT TESTED: this machine is where the package is there")
    with serve_folder(conda_channel.folder / "main") as url:
        channel = conda_channel.main if scheme == "file" else url
        file = cold_conda.write_environment([channel], dependencies)
        answer = cold_conda.engine("create", "--prefix", conda_prefix, "--from", file)
    assert (answer.status, answer.value["code"]) == (1, code), answer
    for text in why:
        assert text in answer.why + answer.value["message"], answer.value
    assert "linking" not in answer.talk
    assert not conda_prefix.exists()
    assert list((cold_conda.cache / "archives").iterdir()) == []


@pytest.mark.parametrize(
    ("channels", "code"),
    [
        (["file:///no/such/channel"], "E_CONDA_CHANNEL"),
        (["nodefaults"], "E_CONDA_CHANNEL"),
        (["https://${NOT_SET_HERE}@localhost/x"], "E_CONDA_CHANNEL"),
    ],
)
def test_channels_that_are_none(conda: CondaHelpers, channels: list[str], code: str) -> None:
    file = conda.write_environment(channels, ["python"])
    answer = conda.engine("create", "--prefix", conda.root / "p", "--from", file)
    assert (answer.status, answer.value["code"]) == (1, code), answer


def test_a_damaged_index_is_named(
    cold_conda: CondaHelpers, conda_channel: CondaChannel, conda_prefix: Path, tmp_path: Path
) -> None:
    channel = copy_channel(conda_channel, tmp_path / "channels")
    (tmp_path / "channels/main/noarch/repodata.json").write_text('{"packages": {')
    file = cold_conda.write_environment([channel.main], ["greeter"])
    answer = cold_conda.engine("create", "--prefix", conda_prefix, "--from", file)
    assert (answer.status, answer.value["code"]) == (1, "E_CONDA_CHANNEL"), answer


def test_a_channel_that_cannot_be_reached_or_does_not_answer(
    cold_conda: CondaHelpers, conda_prefix: Path
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        file = cold_conda.write_environment([url + "/x"], ["greeter"])
        answer = cold_conda.engine("create", "--prefix", conda_prefix, "--from", file)
    assert answer.value["code"] == "E_CONDA_NETWORK"
    assert "refused" in answer.why
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(100)
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        file = cold_conda.write_environment([url + "/x"], ["greeter"])
        create = ("create", "--prefix", conda_prefix, "--from", file)
        answer = cold_conda.engine(*create, PYVE_CONDA_TIMEOUT="1")
    assert answer.value["code"] == "E_CONDA_NETWORK", answer
    assert not conda_prefix.exists()


def test_an_archive_that_stops_coming_is_given_up(
    cold_conda: CondaHelpers, conda_channel: CondaChannel, conda_prefix: Path
) -> None:
    folder = conda_channel.folder / "main"
    with web_server() as server:
        for path in folder.glob("*/*"):
            name = f"/{path.relative_to(folder).as_posix()}"
            is_cut = path.name.startswith("kettle")
            server.answer(name, path.read_bytes(), sent=1000 if is_cut else None)
        file = cold_conda.write_environment([server.url], ["kettle"])
        create = ("create", "--prefix", conda_prefix, "--from", file)
        answer = cold_conda.engine(*create, PYVE_CONDA_TIMEOUT="2")
        tries = [r for r in server.requests if "/kettle-" in r["path"]]
    assert answer.value["code"] == "E_CONDA_NETWORK", answer
    assert "kettle-2.0" in answer.value["message"]
    assert len(tries) == 3
    assert not conda_prefix.exists()


def test_credentials_reach_the_channel_and_nothing_else(
    cold_conda: CondaHelpers, conda_channel: CondaChannel, conda_prefix: Path
) -> None:
    folder = conda_channel.folder / "main"
    with web_server() as server:
        for path in folder.glob("*/*"):
            server.answer(f"/ch/{path.relative_to(folder).as_posix()}", path.read_bytes())
        url = server.url.replace("//", "//${WHO}:${SECRET}@") + "/ch"
        file = cold_conda.write_environment([url], [f"{url}::kettle"])
        create = ("create", "--prefix", conda_prefix, "--from", file)
        answer = cold_conda.engine(*create, WHO="me", SECRET="geheim%20nis")
        logins = {r.get("Authorization") or r.get("authorization") for r in server.requests}
    assert answer.status == 0, answer
    assert logins == {"Basic " + base64.b64encode(b"me:geheim nis").decode()}
    assert "geheim" not in json.dumps(answer.value) + answer.talk
    for path in conda_prefix.glob("conda-meta/*"):
        assert "geheim" not in path.read_text(), path
    assert answer.value["packages"][0]["channel"] == f"{server.url}/ch"


def test_a_server_that_wants_a_password_is_named_so(
    cold_conda: CondaHelpers, conda_prefix: Path
) -> None:
    with web_server() as server:
        for name in ("repodata_shards.msgpack.zst", "repodata.json", "repodata.json.zst"):
            for subdir in ("noarch", "linux-64", "osx-arm64", "osx-64", "linux-aarch64"):
                server.answer(f"/{subdir}/{name}", status=401)
        file = cold_conda.write_environment([server.url.replace("//", "//me:geheim@")], ["kettle"])
        answer = cold_conda.engine("create", "--prefix", conda_prefix, "--from", file)
    assert answer.value["code"] == "E_CONDA_AUTH", answer
    assert "geheim" not in json.dumps(answer.value) + answer.talk


@pytest.mark.parametrize("name", ["SIGINT", "SIGKILL"])
@pytest.mark.parametrize("word", ["solving", "fetching", "linking"])
def test_a_signal_at_any_instant_leaves_nothing_that_looks_complete(
    cold_conda: CondaHelpers, conda_channel: CondaChannel, conda_prefix: Path, name: str, word: str
) -> None:
    file = cold_conda.write_environment([conda_channel.main], ["greeter", "kettle", "pip"])
    args = ("create", "--prefix", conda_prefix, "--from", file)
    command = cold_conda.command("conda_engine", *args)
    process = subprocess.Popen(
        command, env=cold_conda.env, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith(word):
            process.send_signal(getattr(signal, name))
            break
    talk = process.communicate()[1]
    assert "Traceback" not in talk
    if name == "SIGINT":
        assert process.returncode == 130
        assert not conda_prefix.exists()
    else:
        assert (conda_prefix / MARKER).exists() or not conda_prefix.exists()
        assert cold_conda.engine("list", "--prefix", conda_prefix).value["state"] in (
            "unfinished",
            "missing",
        )
        cold_conda.engine("remove", "--prefix", conda_prefix)
    assert cold_conda.engine(*args).status == 0
    assert cold_conda.engine("verify", "--prefix", conda_prefix).value == {
        "ok": True,
        "count": 5,
        "problems": [],
    }
    assert list((cold_conda.cache / "archives").iterdir()) == []


def test_two_at_once_share_a_cold_cache(
    cold_conda: CondaHelpers, conda_channel: CondaChannel, tmp_path: Path
) -> None:
    file = cold_conda.write_environment([conda_channel.main], ["greeter", "kettle"])
    commands = [
        cold_conda.command("conda_engine", "create", "--prefix", tmp_path / name, "--from", file)
        for name in ("a", "b", "c")
    ]
    running = [
        subprocess.Popen(
            command, env=cold_conda.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for command in commands
    ]
    for process in running:
        out, err = process.communicate()
        assert process.returncode == 0, (out, err)
    for name in ("a", "b", "c"):
        assert cold_conda.engine("verify", "--prefix", tmp_path / name).value["ok"]
    assert list((cold_conda.cache / "archives").iterdir()) == []


def test_a_cache_that_cannot_be_written_is_named(
    cold_conda: CondaHelpers, conda_channel: CondaChannel, conda_prefix: Path
) -> None:
    (cold_conda.root / "a file").write_text("")
    file = cold_conda.write_environment([conda_channel.main], ["kettle"])
    create = ("create", "--prefix", conda_prefix, "--from", file)
    answer = cold_conda.engine(*create, PYVE_CONDA_CACHE=str(cold_conda.root / "a file" / "cache"))
    assert answer.value["code"] == "E_CONDA_CACHE"
    assert not conda_prefix.exists()


def test_a_full_disk_is_named(
    cold_conda: CondaHelpers, conda_channel: CondaChannel, tmp_path: Path
) -> None:
    small = tmp_path / "small"
    small.mkdir()
    script = 'mount -t tmpfs -o size=1m tmpfs "$1" && shift && exec "$@"'
    mounted = ["unshare", "-rm", "sh", "-c", script, "-", str(small)]
    if subprocess.run([*mounted, "true"], capture_output=True).returncode != 0:
        pytest.skip("NOT TESTED: no file system of one megabyte can be mounted here")
    file = cold_conda.write_environment([conda_channel.main], ["python"])
    engine = cold_conda.command(
        "conda_engine", "create", "--prefix", tmp_path / "p", "--from", file
    )
    result = subprocess.run(
        [*mounted, *engine],
        capture_output=True,
        text=True,
        env={**cold_conda.env, "PYVE_CONDA_CACHE": str(small / "cache")},
    )
    assert json.loads(result.stdout)["code"] == "E_DISK_FULL", result
    assert not (tmp_path / "p").exists()


def test_without_the_engine_the_toolchain_is_to_blame(conda: CondaHelpers) -> None:
    plain = CondaHelpers(Path(sys.executable), conda.root)
    file = conda.write_environment(["main"], ["python"])
    answer = plain.engine("create", "--prefix", conda.root / "p", "--from", file)
    assert answer.value["code"] == "E_ENGINE_MISSING"
