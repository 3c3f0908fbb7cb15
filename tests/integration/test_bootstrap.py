"""micromamba is installed from a real server by whichever program can download, or not at all.

And the dialogues of the conda backend, in a terminal.
"""

from __future__ import annotations

import bz2
import functools
import hashlib
import io
import os
import re
import shutil
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator

import pytest
from conda_helpers import STAND_IN, WebServer, driver, link_tools, web_server
from pyve_test_helpers import Pyve, find_program, real_python, snapshot
from terminal import Terminal

pytestmark = pytest.mark.micromamba

TOOLS = (
    "awk bash bzip2 cat chmod cksum cp cut date dd dirname env find grep gzip head id kill ls mkdir"
    " mktemp mv ps readlink rm rmdir sed sh sha256sum shasum sleep sort tail tar tr uname wc xz"
)

PROGRAM = b'#!/bin/sh\n[ "$*" = --version ] || exit 98\necho 2.9.0\n# ' + b"x" * 200_000 + b"\n"


@functools.cache
def tarball() -> bytes:
    """Return a package of conda's with PROGRAM in it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in (("info/index.json", b"{}"), ("bin/micromamba", PROGRAM)):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return bz2.compress(out.getvalue())


@pytest.fixture
def server() -> Iterator[WebServer]:
    """A server with the good files on it."""
    with web_server() as server:
        server.answer("/micromamba", PROGRAM)
        server.answer("/package.tar.bz2", tarball())
        yield server


@pytest.fixture(params=["curl", "wget", "busybox", "python"])
def machine(request: pytest.FixtureRequest, pyve: Pyve) -> Pyve:
    """A user on a machine where only one program can download."""
    tools = link_tools(pyve.root / "tools", TOOLS)
    if request.param == "python":
        pyve.env["PATH"] = f"{pyve.bin}:{tools}"
    else:
        program = find_program(request.param)
        (tools / {"busybox": "wget"}.get(request.param, request.param)).symlink_to(program)
        pyve.env["PATH"] = str(tools)
    pyve.env["PYVE_MICROMAMBA_SHA256"] = hashlib.sha256(PROGRAM).hexdigest()
    return pyve


def install(pyve: Pyve, url: str, before: str = "") -> subprocess.CompletedProcess[str]:
    """Install micromamba for the user from this URL."""
    code = f"{before}bootstrap_micromamba_auto"
    return pyve.execute(*driver("micromamba_bootstrap", code), PYVE_MICROMAMBA_URL=url)


def refuse(pyve: Pyve, url: str, code: str, before: str = "") -> str:
    """See that nothing is installed from this URL, or left; return what is said."""
    home = snapshot(pyve.home)
    project = snapshot(pyve.project)
    result = install(pyve, url, before)
    assert result.returncode == 1, result.stderr
    assert f"[{code}]" in result.stderr, result.stderr
    assert "  why: " in result.stderr
    assert "E_INTERNAL" not in result.stderr
    assert "✓" not in result.stdout
    assert (snapshot(pyve.home), snapshot(pyve.project)) == (home, project)
    return result.stderr


def installed(pyve: Pyve) -> bytes:
    """Return the user's micromamba; there is nothing else beside it."""
    folder = pyve.home / ".pyve" / "bin"
    assert os.listdir(folder) == ["micromamba"]
    return (folder / "micromamba").read_bytes()


def test_an_executable_and_a_tarball_are_installed(machine: Pyve, server: WebServer) -> None:
    for path in ("/micromamba", "/package.tar.bz2"):
        result = install(machine, server.url + path)
        assert result.returncode == 0, result.stderr
        assert "Installed micromamba 2.9.0" in result.stdout
        assert installed(machine) == PROGRAM
        (machine.home / ".pyve/bin/micromamba").unlink()


def test_redirects_are_followed(machine: Pyve, server: WebServer) -> None:
    headers = {"Location": "/second"}
    url = server.answer("/first", b"moved", status=302, headers=headers)
    server.answer("/second", status=301, headers={"Location": server.url + "/micromamba"})
    assert install(machine, url).returncode == 0
    assert installed(machine) == PROGRAM


def test_what_the_server_refuses_is_an_error(machine: Pyve, server: WebServer) -> None:
    said = refuse(machine, server.url + "/missing", "E_MICROMAMBA_DOWNLOAD")
    assert "404" in said
    url = server.answer("/broken", b"oops", status=500)
    assert "500" in refuse(machine, url, "E_MICROMAMBA_DOWNLOAD")


def test_endless_redirects_are_an_error(machine: Pyve, server: WebServer) -> None:
    url = server.answer("/loop", status=302, headers={"Location": "/loop"})
    refuse(machine, url, "E_MICROMAMBA_DOWNLOAD")


def test_a_download_that_breaks_off_installs_nothing(machine: Pyve, server: WebServer) -> None:
    for name, body in (("/part", PROGRAM), ("/part.tar.bz2", tarball())):
        refuse(machine, server.answer(name, body, sent=len(body) // 2), "E_MICROMAMBA_DOWNLOAD")
    # Where nothing tells the length, it is the content that is wrong.
    headers = {"Content-Length": ""}
    url = server.answer("/part", PROGRAM, headers=headers, sent=len(PROGRAM) // 2)
    refuse(machine, url, "E_MICROMAMBA_DIGEST")
    url = server.answer("/part.tar.bz2", tarball(), headers=headers, sent=len(tarball()) // 2)
    refuse(machine, url, "E_MICROMAMBA_ARCHIVE")


def test_a_web_page_is_no_program(machine: Pyve, server: WebServer) -> None:
    url = server.answer("/page", b"<!DOCTYPE html>\n<html>Log in first</html>")
    assert "web page" in refuse(machine, url, "E_MICROMAMBA_ARCHIVE")


def test_another_program_is_refused_and_never_runs(machine: Pyve, server: WebServer) -> None:
    trap = machine.root / "executed"
    url = server.answer("/evil", f"#!/bin/sh\ntouch '{trap}'\necho 2.9.0\n".encode())
    said = refuse(machine, url, "E_MICROMAMBA_DIGEST")
    assert machine.env["PYVE_MICROMAMBA_SHA256"] in said
    assert not trap.exists()


def test_what_is_too_large_is_refused(machine: Pyve, server: WebServer) -> None:
    for headers in ({}, {"Content-Length": ""}):
        url = server.answer("/large", b"\x7fELF" + b"x" * 3_000_000, headers=headers)
        said = refuse(machine, url, "E_MICROMAMBA_ARCHIVE", before="_micromamba_limit=1024; ")
        assert "larger than 1 MiB" in said


def test_a_server_that_is_not_there_is_an_error(machine: Pyve) -> None:
    with web_server() as gone:
        url = gone.url
    said = refuse(machine, url + "/x", "E_MICROMAMBA_DOWNLOAD")
    assert "fix: env -u PYVE_MICROMAMBA_SHA256 -u PYVE_MICROMAMBA_URL pyve " in said
    assert "fix: pyve init --engine rattler" in said


def test_a_limit_on_the_size_of_files_is_told(machine: Pyve, server: WebServer) -> None:
    refuse(machine, server.url + "/micromamba", "E_DISK_FULL", before="ulimit -f 100; ")


def test_a_bad_download_does_not_replace_what_works(machine: Pyve, server: WebServer) -> None:
    assert install(machine, server.url + "/micromamba").returncode == 0
    machine.env["PYVE_MICROMAMBA_SHA256"] = "0" * 64
    for path in ("/micromamba", "/package.tar.bz2", "/missing"):
        assert install(machine, server.url + path).returncode == 1
        assert installed(machine) == PROGRAM


def test_user_and_password_are_sent_and_not_shown(machine: Pyve, server: WebServer) -> None:
    url = server.url.replace("://", "://me:s%2Fcret@") + "/micromamba?token=hidden"
    server.answer("/micromamba?token=hidden", PROGRAM)
    result = install(machine, url)
    assert result.returncode == 0, result.stderr
    said = result.stdout + result.stderr
    assert "cret" not in said
    assert "hidden" not in said
    sent = [request.get("Authorization", "") for request in server.requests]
    # Some send it only when they are asked for it.
    assert sent[-1] in ("Basic bWU6cy9jcmV0", "")
    shutil.rmtree(machine.home / ".pyve")
    said = refuse(machine, url.replace("/micromamba", "/missing"), "E_MICROMAMBA_DOWNLOAD")
    assert "cret" not in said
    assert "hidden" not in said


def test_two_bootstraps_at_once_both_succeed(machine: Pyve, server: WebServer) -> None:
    running = [
        subprocess.Popen(
            driver("micromamba_bootstrap", "bootstrap_micromamba_auto"),
            cwd=machine.project,
            env={**machine.env, "PYVE_MICROMAMBA_URL": server.url + "/package.tar.bz2"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in running:
        said = process.communicate()[1]
        assert process.returncode == 0, said
    assert installed(machine) == PROGRAM


@pytest.mark.parametrize("machine", ["curl", "wget", "python"], indirect=True)
def test_https_does_not_lead_to_http(machine: Pyve, server: WebServer) -> None:
    key, certificate = machine.root / "key", machine.root / "certificate"
    command = f"{find_program('openssl')} req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test"
    extra = [
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-keyout",
        str(key),
        "-out",
        str(certificate),
    ]
    subprocess.run([*command.split(), *extra], check=True, capture_output=True)
    (machine.root / "wgetrc").write_text(f"ca_certificate = {certificate}\n")
    machine.env.update(
        SSL_CERT_FILE=str(certificate),
        CURL_CA_BUNDLE=str(certificate),
        WGETRC=str(machine.root / "wgetrc"),
    )
    there = {"Location": server.url + "/micromamba"}
    with web_server((certificate, key)) as secure:
        refuse(machine, secure.answer("/a", status=302, headers=there), "E_MICROMAMBA_DOWNLOAD")
        assert not server.requests
        there = {"Location": secure.url + "/good"}
        secure.answer("/good", PROGRAM)
        result = install(machine, secure.answer("/b", status=302, headers=there))
    assert result.returncode == 0, result.stderr
    assert installed(machine) == PROGRAM


# --- dialogues in a terminal


@pytest.fixture
def ask(pyve: Pyve) -> Iterator[Callable[..., Terminal]]:
    """Opens a terminal in which a function of a module runs; it is closed at the end."""
    opened = []
    pyve.env["PYVE_MICROMAMBA_SHA256"] = hashlib.sha256(PROGRAM).hexdigest()
    (pyve.root / "served").write_bytes(PROGRAM)
    pyve.env["PYVE_MICROMAMBA_URL"] = (pyve.root / "served").as_uri()
    pyve.write("environment.yml", "name: demo\ndependencies:\n  - python\n")

    def ask(module: str, code: str, columns: int = 80, **env: str) -> Terminal:
        terminal = Terminal(
            driver(module, code + "; echo goes on"),
            env={**pyve.env, **env},
            cwd=pyve.project,
            columns=columns,
        )
        opened.append(terminal)
        return terminal

    yield ask
    for terminal in opened:
        # The last words of a program are not its end.
        for _ in range(200):
            if not terminal.processes():
                break
            time.sleep(0.05)
        assert not terminal.processes()
        terminal.close()


def ask_for_micromamba(ask: Callable[..., Terminal], **options: str) -> Terminal:
    """Open the menu of the bootstrap."""
    terminal = ask("micromamba_bootstrap", "bootstrap_micromamba_interactive", **options)
    terminal.wait_for("Choice [1]:")
    return terminal


def no_micromamba(pyve: Pyve) -> None:
    """See that nothing was installed or left."""
    assert not (pyve.home / ".pyve").exists()
    assert not (pyve.project / ".pyve").exists()


@pytest.mark.parametrize(
    ("keys", "place"),
    [("\r", "project"), ("1\r", "project"), ("2\r", "home"), (" 2 \r", "home")],
)
def test_the_menu_installs_where_it_is_told(
    pyve: Pyve, ask: Callable[..., Terminal], keys: str, place: str
) -> None:
    terminal = ask_for_micromamba(ask)
    assert "Detected: environment.yml" in terminal.lines
    assert "  1. Install to project sandbox: .pyve/bin/micromamba" in terminal.lines
    terminal.type(keys)
    terminal.wait_for("goes on")
    assert terminal.wait() == 0
    assert (getattr(pyve, place) / ".pyve/bin/micromamba").read_bytes() == PROGRAM
    other = pyve.home if place == "project" else pyve.project
    assert not (other / ".pyve").exists()


def test_the_menu_tells_the_package_manager_of_the_machine(
    pyve: Pyve, ask: Callable[..., Terminal]
) -> None:
    pyve.add_program("brew", "#!/bin/sh\nexit 98\n")
    terminal = ask_for_micromamba(ask)
    terminal.type("3\r")
    terminal.wait_for("fix: brew install micromamba")
    assert terminal.wait() == 1
    no_micromamba(pyve)


@pytest.mark.parametrize("answer", ["4\r", "ctrl-d"])
def test_the_menu_can_be_left(pyve: Pyve, ask: Callable[..., Terminal], answer: str) -> None:
    terminal = ask_for_micromamba(ask)
    if answer == "ctrl-d":
        terminal.press(answer)
    else:
        terminal.type(answer)
    terminal.wait_for("[E_MICROMAMBA_MISSING]")
    assert terminal.wait() == 1
    assert "goes on" not in terminal.text
    no_micromamba(pyve)


@pytest.mark.parametrize("answer", ["5\r", "y\r", "0\r", "11\r"])
def test_a_wrong_answer_to_the_menu_changes_nothing(
    pyve: Pyve, ask: Callable[..., Terminal], answer: str
) -> None:
    terminal = ask_for_micromamba(ask)
    terminal.type(answer)
    terminal.wait_for("Invalid choice: " + answer.strip())
    assert terminal.wait() == 1
    no_micromamba(pyve)


def test_ctrl_c_at_the_menu_leaves_nothing(pyve: Pyve, ask: Callable[..., Terminal]) -> None:
    terminal = ask_for_micromamba(ask)
    terminal.press("ctrl-c")
    assert terminal.wait() == 130
    assert terminal.is_sane
    no_micromamba(pyve)


def test_ctrl_c_during_the_download_leaves_nothing(
    pyve: Pyve, ask: Callable[..., Terminal]
) -> None:
    started = pyve.root / "started"
    pyve.add_program("curl", f"#!/bin/sh\n: >'{started}'\nexec sleep 60\n")
    pyve.env["PYVE_MICROMAMBA_URL"] = "https://mirror.example/micromamba"
    terminal = ask_for_micromamba(ask)
    terminal.type("2\r")
    terminal.wait_until(started.exists)
    terminal.press("ctrl-c")
    assert terminal.wait() == 130
    assert terminal.is_sane
    no_micromamba(pyve)


def test_the_menu_is_not_shown_in_ci(pyve: Pyve, ask: Callable[..., Terminal]) -> None:
    terminal = ask("micromamba_bootstrap", "bootstrap_micromamba_interactive", CI="true")
    terminal.wait_for("[E_MICROMAMBA_MISSING]")
    assert terminal.wait() == 1
    assert "Choice" not in terminal.text
    no_micromamba(pyve)


def test_the_menu_fits_a_narrow_terminal(ask: Callable[..., Terminal]) -> None:
    terminal = ask("micromamba_bootstrap", "bootstrap_micromamba_interactive", columns=60)
    terminal.wait_for("Choice [1]:")
    for line in terminal.lines:
        assert not line.endswith("micromam")
    terminal.type("4\r")
    assert terminal.wait() == 1


def ask_about_lock(pyve: Pyve, ask: Callable[..., Terminal], **options: str) -> Terminal:
    """Open the dialogue about a stale lock."""
    lock = pyve.write("conda-lock.yml", "version: 1\n")
    os.utime(lock, (time.time() - 10_000,) * 2)
    return ask("micromamba_env", "validate_lock_file_status", **options)


@pytest.mark.parametrize("keys", ["\r", "y\r", "Yes\r", "what\rx\ry\r"])
def test_a_stale_lock_may_be_used(pyve: Pyve, ask: Callable[..., Terminal], keys: str) -> None:
    terminal = ask_about_lock(pyve, ask)
    for asked, line in enumerate(keys.split("\r")[:-1], start=1):
        terminal.wait_for(re.compile(r"(Continue anyway\? \[Y/n\]:[^?]*){%d}" % asked))
        terminal.type(line + "\r")
    terminal.wait_for("goes on")
    assert terminal.wait() == 0
    assert "[W_LOCK_STALE]" in terminal.text


@pytest.mark.parametrize("answer", ["n\r", "NO\r", "ctrl-d", "x\rx\rx\r"])
def test_a_stale_lock_may_be_refused(pyve: Pyve, ask: Callable[..., Terminal], answer: str) -> None:
    terminal = ask_about_lock(pyve, ask)
    terminal.wait_for("Continue anyway? [Y/n]:")
    if answer == "ctrl-d":
        terminal.press(answer)
    else:
        terminal.type(answer)
    terminal.wait_for("[E_LOCK_STALE]")
    assert terminal.wait() == 1
    assert "goes on" not in terminal.text


def test_ctrl_c_at_a_stale_lock_stops(pyve: Pyve, ask: Callable[..., Terminal]) -> None:
    terminal = ask_about_lock(pyve, ask)
    terminal.wait_for("Continue anyway? [Y/n]:")
    terminal.press("ctrl-c")
    assert terminal.wait() == 130
    assert "goes on" not in terminal.text


def test_a_stale_lock_is_used_without_a_word_in_ci(
    pyve: Pyve, ask: Callable[..., Terminal]
) -> None:
    terminal = ask_about_lock(pyve, ask, CI="1")
    assert terminal.wait() == 0
    assert terminal.lines == ["goes on"]


# --- making an environment


def test_ctrl_c_while_an_environment_is_made_leaves_nothing(
    pyve: Pyve, ask: Callable[..., Terminal]
) -> None:
    """And what was there before comes back."""
    engine = pyve.write(".pyve/bin/micromamba", STAND_IN.read_text())
    engine.chmod(0o755)
    old = pyve.write(".pyve/envs/demo/mark", "old")
    terminal = ask("micromamba_env", "replace_micromamba_env demo", STAND_IN_FAIL="wait")
    terminal.wait_until((pyve.project / ".pyve/envs/demo/waiting").exists)
    terminal.press("ctrl-c")
    assert terminal.wait() == 130
    assert os.listdir(pyve.project / ".pyve/envs") == ["demo"]
    assert old.read_text() == "old"


def test_an_environment_of_a_real_python_is_made_and_verified(pyve: Pyve) -> None:
    engine = pyve.write(".pyve/bin/micromamba", STAND_IN.read_text())
    engine.chmod(0o755)
    pyve.write("environment.yml", "name: demo\ndependencies:\n  - python\n")
    code = 'create_micromamba_env "$1" && verify_micromamba_env "$1" && echo "$ENV_PYTHON_VERSION"'
    result = pyve.execute(*driver("micromamba_env", code, "demo"), STAND_IN_PYTHON=real_python())
    assert result.returncode == 0, result.stderr
    assert "Made .pyve/envs/demo" in result.stdout
