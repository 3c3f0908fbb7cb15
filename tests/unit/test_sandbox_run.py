"""The parts of the sandbox that only decide: the profile, what is open, the filter, the words."""

from __future__ import annotations

import errno
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from pyve_core import HelperError
from pyve_sandbox import apple
from pyve_sandbox.bubblewrap import find_bubblewrap, list_between, make_words
from pyve_sandbox.build import list_folders, make_stand_in
from pyve_sandbox.places import Places, find_places
from pyve_sandbox.profile import Profile, parse_profile
from pyve_sandbox.scratch import Scratch
from pyve_sandbox.start import run

if sys.platform.startswith("linux"):
    from pyve_sandbox.seccomp import ALLOW, ASK, Wishes, build_filter
    from pyve_sandbox.system import CALLS, is_known_machine, machine

on_linux = pytest.mark.skipif(
    not sys.platform.startswith("linux") or not is_known_machine(), reason="calls of Linux"
)


# --- the profile


def test_a_profile_is_read_with_odd_paths() -> None:
    text = "project /a b\nfolder /a b/c\\nd\\\\ne\nro on\nread /x\nread /y\nmemory 1024\n"
    profile = parse_profile(text)
    assert profile.project == "/a b"
    assert profile.folder == "/a b/c\nd\\ne"
    assert (profile.ro, profile.net) == (True, False)
    assert (profile.read, profile.memory) == (["/x", "/y"], 1024)


@pytest.mark.parametrize(
    "line",
    ["", "ro off", "rw on", "memory 0", "memory \u0661", "cpu -1", "time 9" + "9" * 30, "net"],
)
def test_what_is_not_understood_is_refused(line: str) -> None:
    if not line:
        assert parse_profile(line) == Profile()
        return
    with pytest.raises(HelperError) as caught:
        parse_profile(line)
    assert caught.value.code == "E_SANDBOX_OPTION"


# --- what is open


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """A home with a project and a folder beside it."""
    for name in (
        "home/project/sub",
        "home/other",
        "home/.cache/pyve/store/v1/envs/entry",
        "elsewhere",
    ):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path


def look(world: Path, **asked: object) -> Places:
    """Find what is open for a command in the project; by bubblewrap, if no engine is asked for."""
    project = str(world / "home" / "project")
    profile = Profile(engine="bubblewrap", project=project, folder=project)
    for name, value in asked.items():
        setattr(profile, name, value)
    return find_places(profile, profile.engine, {"HOME": str(world / "home")}, ["true"], [])


def test_the_project_is_open_and_nothing_beside_it(world: Path) -> None:
    places = look(world)
    project = world / "home" / "project"
    assert places.is_open(str(project / "sub" / "file"), writes=True)
    assert not places.is_open(str(world / "home" / "other"), writes=False)
    assert not places.is_open(str(project) + "-2/file", writes=False)
    assert places.is_open("/usr/bin/env", writes=False)
    assert not places.is_open("/usr/bin/env", writes=True)
    assert not places.is_open("/etc/shadow", writes=False)
    assert not look(world, ro=True).is_open(str(project / "file"), writes=True)


def test_the_deepest_place_counts(world: Path) -> None:
    project = world / "home" / "project"
    (project / ".pyve").mkdir()
    places = look(world, write=[str(project / "sub")], ro=True)
    assert places.is_open(str(project / "sub" / "file"), writes=True)
    assert not places.is_open(str(project / "file"), writes=True)
    assert not look(world).is_open(str(project / ".pyve" / "config"), writes=True)


def test_a_link_that_the_command_can_change_opens_nothing(world: Path) -> None:
    project = world / "home" / "project"
    (project / "data").symlink_to(world / "elsewhere")
    (world / "elsewhere" / "more").mkdir()
    (world / "kept").symlink_to(world / "elsewhere")
    for engine in ("bubblewrap", "landlock", "sandbox-exec"):
        for asked in ("read", "write"):
            for name in ("data", "sub/../data/more", "data/../elsewhere/more"):
                path = project / name
                with pytest.raises(HelperError) as caught:
                    look(world, engine=engine, **{asked: [str(path)]})
                assert caught.value.code == "E_SANDBOX_PATH"
                assert str(path.resolve()) in caught.value.why[1]
    look(world, read=[str(world / "kept" / "more"), str(world / "elsewhere")])
    # Where the command cannot write, it changes no link.
    look(world, read=[str(project / "data")], ro=True)
    with pytest.raises(HelperError):
        look(world, read=[str(project / "data")], write=[str(project)], ro=True)


@pytest.mark.parametrize("name", [".git", ".env", ".envrc", ".pyve", "venv"])
def test_a_link_to_what_is_used_outside_is_not_left_to_the_command(world: Path, name: str) -> None:
    target, link = world / "elsewhere", world / "home" / "project" / name
    (target / "pyvenv.cfg").write_text("")
    link.symlink_to(target)
    environment = [str(link)] if name == "venv" else []
    with pytest.raises(HelperError) as caught:
        look(world, environment=environment)
    assert caught.value.code == "E_SANDBOX_PROJECT"
    assert str(link) in caught.value.message
    look(world, environment=environment, ro=True)
    look(world, environment=environment, engine="landlock")
    text = apple.make_text(look(world, environment=environment, engine="sandbox-exec"), net=False)
    assert f'(deny file-write* (literal "{link}"))' in text.splitlines()
    # Who opens what it leads to has decided.
    look(world, environment=environment, write=[str(target)])


def test_what_is_opened_for_writing_by_name_is_not_guarded(world: Path) -> None:
    repository = world / "home" / "project" / ".git"
    repository.mkdir()
    for engine in ("bubblewrap", "sandbox-exec"):
        assert not look(world, engine=engine).is_open(str(repository / "HEAD"), writes=True)
        places = look(world, engine=engine, write=[str(repository)])
        assert places.is_open(str(repository / "HEAD"), writes=True)
    assert f'(deny file-write* (subpath "{repository}"))' not in apple.make_text(places, net=False)
    words = make_words("bwrap", Profile(), look(world, write=[str(repository)]), [])
    assert words[words.index(str(repository)) - 1] == "--bind"


@pytest.mark.parametrize("folder", ["/tmp", "/var/tmp", "/dev/shm", f"/run/user/{os.getuid()}"])
def test_what_everybody_uses_is_no_project(world: Path, folder: str) -> None:
    if not os.path.isdir(folder):
        pytest.skip(f"NOT TESTED: no {folder} here")
    with pytest.raises(HelperError, match="cannot be what a sandbox leaves open"):
        look(world, project=folder, folder=folder)


@pytest.mark.parametrize("name", ["home", ".", "home/project/../.."])
def test_a_project_that_has_the_home_in_it_is_refused(world: Path, name: str) -> None:
    folder = str(world / name)
    with pytest.raises(HelperError) as caught:
        look(world, project=folder, folder=folder)
    assert caught.value.code == "E_SANDBOX_PROJECT"


def test_a_link_to_the_home_is_no_project(world: Path) -> None:
    link = world / "link"
    link.symlink_to(world / "home")
    with pytest.raises(HelperError):
        look(world, project=str(link), folder=str(link))


def test_a_record_of_an_environment_opens_nothing_but_the_store(world: Path) -> None:
    venv = world / "home" / "project" / ".venv"
    packages = venv / "lib" / "python3.12" / "site-packages"
    packages.mkdir(parents=True)
    (venv / "pyvenv.cfg").write_text("home = /usr/bin\n")
    store = world / "home" / ".cache" / "pyve" / "store" / "v1" / "envs" / "entry"
    (venv / "pyve.state").write_text(f"store={store}\nstore={world}/home/other\n")
    (packages / "a.pth").write_text(
        f"{world}/home/other\n{store}/../../../../../..\n{store}/..\nimport os\n"
    )
    places = look(world, environment=[str(venv)])
    assert places.is_open(str(store / "module.py"), writes=False)
    assert not places.is_open(str(world / "home" / "other"), writes=False)
    for above in (store.parent, world / "home" / ".cache"):
        assert not places.is_open(str(above), writes=False)


def test_a_link_of_an_environment_opens_nothing_but_an_installation(world: Path) -> None:
    venv = world / "home" / "project" / ".venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "pyvenv.cfg").write_text("")
    other = world / "home" / "other" / "bin" / "python"
    (venv / "bin" / "python").symlink_to(other)
    places = look(world, environment=[str(venv)])
    assert not places.is_open(str(other), writes=False)
    library = world / "home" / "other" / "lib" / "python3.12"
    library.mkdir(parents=True)
    (library / "os.py").write_text("")
    assert look(world, environment=[str(venv)]).is_open(str(other), writes=False)


def test_an_environment_that_is_the_home_is_not_opened(world: Path) -> None:
    (world / "home" / "pyvenv.cfg").write_text("")
    places = look(world, environment=[str(world / "home")])
    assert not places.is_open(str(world / "home" / "other"), writes=False)


# --- the words for bubblewrap


def test_words_mount_what_is_above_first(world: Path) -> None:
    project = str(world / "home" / "project")
    profile = Profile(project=project, folder=project)
    places = look(world)
    words = make_words("/usr/bin/bwrap", profile, places, ["true"])
    text = " ".join(words)
    assert "--unshare-net" in words and "--share-net" not in text
    home = words.index(str(world / "home"))
    assert words[home - 1] == "--tmpfs"
    assert home < words.index(project)
    assert words[-2:] == ["--", "true"]
    assert "--unshare-net" not in make_words("bwrap", Profile(net=True), places, [])


def test_what_cannot_be_written_cannot_be_moved_away_or_reached_by_another_name(
    world: Path,
) -> None:
    project = world / "home" / "project"
    venv = project / "deep" / "er" / "venv"
    venv.mkdir(parents=True)
    (venv / "pyvenv.cfg").write_text("")
    (project / ".git").mkdir()
    (world / "alias").symlink_to(world / "home")
    named = str(world / "alias" / "project")
    places = look(world, project=named, folder=named, environment=[f"{named}/deep/er/venv"])
    words = make_words("/usr/bin/bwrap", Profile(project=named, folder=named), places, ["true"])
    mounts = {
        words[i + 2]: words[i : i + 2]
        for i, one in enumerate(words)
        if one in ("--bind", "--ro-bind", "--symlink")
    }
    assert mounts[str(project)] == ["--bind", str(project)]
    assert list_between(places) == {str(project / "deep"), str(project / "deep" / "er")}
    for between in ("deep", "deep/er"):
        assert mounts[str(project / between)] == ["--bind", str(project / between)]
    for path in (venv, project / ".git"):
        assert mounts[str(path)] == ["--ro-bind", str(path)]
    # (A second mount of the project would not have them.)
    assert mounts[named] == ["--symlink", str(project)]


def test_bubblewrap_of_somebody_else_is_not_used(tmp_path: Path) -> None:
    program = tmp_path / "bwrap"
    assert find_bubblewrap(str(program)) == ""
    program.write_text("")
    program.chmod(0o755)
    assert find_bubblewrap(str(program)) == str(program)
    program.chmod(0o775)
    with pytest.raises(HelperError):
        find_bubblewrap(str(program))


# --- the profile for macOS


def test_the_profile_of_macos_denies_what_it_does_not_list(world: Path) -> None:
    (world / "home" / "project" / ".pyve").mkdir()
    text = apple.make_text(look(world, read=[str(world / "elsewhere")]), net=False)
    lines = text.splitlines()
    project = str(world / "home" / "project")
    assert lines[:2] == ["(version 1)", "(deny default)"]
    assert f'(allow file-write* (subpath "{project}"))' in lines
    assert f'(deny file-write* (subpath "{project}/.pyve"))' in lines
    assert f'(deny file-write* (subpath "{world}/elsewhere"))' in lines
    assert "(allow network" not in text
    assert "network-outbound" in apple.make_text(look(world), net=True)


def test_a_path_cannot_leave_its_string_in_the_profile_of_macos(tmp_path: Path) -> None:
    odd = tmp_path / 'a")) (allow default) ((subpath "\\'
    odd.mkdir()
    places = Places()
    places.add(str(odd))
    text = apple.make_text(places, net=False)
    assert '\\")) (allow default) ((subpath \\"\\\\"' in text


# --- the filter


def decide(program: bytes, name: str, *words: int, number: int | None = None) -> int:
    """Interpret a filter for a call, as the kernel does (Documentation/networking/filter.rst)."""
    architecture, column = machine()
    data = struct.pack("=iIQ", number or CALLS[name][column], architecture, 0)
    data += struct.pack("=6Q", *(*words, *[0] * (6 - len(words))))
    place = accumulator = 0
    while True:
        code, if_true, if_false, k = struct.unpack_from("=HBBI", program, place * 8)
        place += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, k)
        elif code == 0x06:
            return int(k)
        elif code == 0x54:
            accumulator &= k
        else:
            holds = {0x15: accumulator == k, 0x35: accumulator >= k, 0x45: accumulator & k != 0}
            place += if_true if holds[code] else if_false


def is_refused(answer: int) -> bool:
    """Say whether a filter lets a call fail."""
    return answer & 0xFFFF0000 == 0x00050000 and answer & 0xFFFF != 0


@on_linux
def test_the_filter_refuses_what_confines_nothing_else() -> None:
    alone = build_filter(Wishes(alone=True)).compile()
    spaces = build_filter(Wishes(unix=True)).compile()
    for program in (alone, spaces):
        for name in ("mount", "bpf", "setns", "io_uring_setup", "keyctl", "clone3"):
            assert is_refused(decide(program, name)), name
        assert is_refused(decide(program, "unshare", 0x10000000))
        assert decide(program, "unshare", 0x400) == ALLOW
        assert is_refused(decide(program, "clone", 0x10000011))
        assert is_refused(decide(program, "setpriority", 1, 0, 5))
        assert is_refused(decide(program, "ioprio_set", 2, 0, 0))
        assert decide(program, "setpriority", 0, 0, 5) == ALLOW
        assert decide(program, "socketpair", 1, 0o2000001, 0) == ALLOW
        assert is_refused(decide(program, "ioctl", 0, 0x5412))
        assert is_refused(decide(program, "ioctl", 0, 0xFFFFFFFF00005412))
        assert decide(program, "ioctl", 0, 0x5413) == ALLOW
        # The mode counts where a file is made, and nowhere else.
        assert is_refused(decide(program, "openat", 0, 0, 0o101, 0o4755))
        assert decide(program, "openat", 0, 0, 0, 0o4755) == ALLOW
        assert is_refused(decide(program, "fchmod", 0, 0o2755))
        assert is_refused(decide(program, "socket", 40, 1, 0))
        assert is_refused(decide(program, "socket", 16, 3, 9))
    assert is_refused(decide(alone, "socket", 1, 1, 0))
    assert is_refused(decide(alone, "socket", 2, 1, 0))
    assert decide(spaces, "socket", 1, 1, 0) == ALLOW
    assert decide(build_filter(Wishes(alone=True, net=True)).compile(), "socket", 2, 1, 0) == ALLOW
    # Of datagrams (and raw ones, which are the same): they could send to any socket.
    assert is_refused(decide(alone, "socketpair", 1, 2, 0))
    assert is_refused(decide(alone, "socketpair", 1, 0o2000003, 0))
    assert decide(spaces, "socketpair", 1, 2, 0) == ALLOW
    # All processes of the user; there are no others within a namespace.
    for name, which in (("setpriority", 2), ("ioprio_set", 3)):
        assert is_refused(decide(alone, name, which, 0, 5))
        assert decide(spaces, name, which, 0, 5) == ALLOW
    assert decide(alone, "ioprio_set", 1, 0, 5) == ALLOW
    assert is_refused(decide(alone, "ioprio_set", 1, 77, 5))
    # Terminals, sockets and what only reads, but not chattr, fs-verity, or folders of btrfs.
    for command in (0x5413, 0x802C542A, 0x541B, 0x8912, 0x80086601, 0x40049409):
        assert decide(alone, "ioctl", 0, command) == ALLOW, hex(command)
    for command in (0x40086602, 0x401C5820, 0x40806685, 0x5000940E, 0xFFFFFFFF40086602):
        assert is_refused(decide(alone, "ioctl", 0, command)), hex(command)
        assert decide(spaces, "ioctl", 0, command) == ALLOW
    for name in ("inotify_init1", "getxattr", "listxattr", "mq_open"):
        assert is_refused(decide(alone, name)), name
    # The group that waits outside, where Landlock does not hold signals.
    held = build_filter(Wishes(unix=True, scoped=True)).compile()
    for name, words in (("kill", (0, 9)), ("pidfd_send_signal", (3, 9, 0, 4))):
        assert is_refused(decide(spaces, name, *words)), name
        assert decide(held, name, *words) == ALLOW
    assert decide(spaces, "kill", 1, 9) == ALLOW
    assert decide(alone, "fchmod", 0, 0o755) == ASK
    assert decide(alone, "prlimit64", 0) == ALLOW
    assert is_refused(decide(alone, "prlimit64", 7))
    assert is_refused(decide(alone, "shmget"))
    assert decide(build_filter(Wishes(processes=True)).compile(), "clone", 0x11) == ASK
    assert (decide(alone, "clone", 0x11), decide(spaces, "clone", 0x11)) == (ASK, ALLOW)


@on_linux
def test_who_answers_for_the_filter_refuses_what_it_does() -> None:
    from pyve_sandbox.audit import Audit
    from pyve_sandbox.notices import Listener, Notice

    audit = Audit(Places())
    listener = Listener(-1, ["/"], 0, audit)

    def answer(name: str, *words: int) -> tuple[int, int]:
        return listener._decide(Notice(0, os.getpid(), name, (*words, *[0] * (6 - len(words)))))

    for name, words in (
        ("openat", (0, 0, os.O_CREAT, 0o4755)),
        ("open", (0, os.O_CREAT, 0o2755)),
        ("mkdir", (0, 0o2777)),
        ("mknodat", (0, 0, 0o104755)),
        ("fchmod", (0, 0o4755)),
        ("fchmodat", (0, 0, 0o2755)),
    ):
        assert answer(name, *words) == (errno.EPERM, 0), name
    assert answer("clone", 0x10000011) == (errno.EPERM, 0)
    assert answer("clone", 0x11) == (0, 1)
    # At the end there are no new processes, which nobody could catch.
    listener.is_over = True
    assert answer("clone", 0x11) == answer("vfork") == (errno.EAGAIN, 0)
    assert ("call", "openat of a setuid file") in audit.refused


@on_linux
def test_a_link_that_is_put_where_a_folder_was_is_not_followed(world: Path) -> None:
    from pyve_sandbox.confine import Orders, _confine
    from pyve_sandbox.landlock import READ, Rule, find_abi, restrict

    project = world / "home" / "project"
    places = look(world, read=[str(world / "elsewhere")])
    before = places.identify()
    assert (str(project), project.stat().st_dev, project.stat().st_ino) in before
    # (A folder between what can be written and what cannot is named.)
    sub = str(project / "sub")
    assert (sub, os.stat(sub).st_dev, os.stat(sub).st_ino) in places.identify([sub])
    (world / "elsewhere").rename(world / "moved")
    (world / "elsewhere").symlink_to(world / "home")
    # Before the engine is started; within a namespace, and by a rule, after that.
    with pytest.raises(OSError):
        places.identify()
    with pytest.raises(OSError, match="was changed"):
        _confine(Orders((), False, False, False, False, False, 0, 0, [], -1, before))
    if find_abi():
        with pytest.raises(OSError):
            restrict([Rule(str(world / "elsewhere"), READ)], find_abi(), closes_tcp=True)


@on_linux
def test_calls_of_another_architecture_are_refused() -> None:
    program = build_filter(Wishes()).compile()
    if machine()[1] == 0:
        assert is_refused(decide(program, "", number=0x40000000 | 39))
    (first,) = struct.unpack_from("=I", program, 12)
    assert first == machine()[0]
    changed = program[:12] + struct.pack("=I", first ^ 1) + program[16:]
    assert is_refused(decide(changed, "socketpair", 1))


# --- what is kept outside


def test_a_folder_that_the_command_has_closed_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    left = tmp_path / "pyve-sandbox-left"
    (left / "deep").mkdir(parents=True)
    for folder in (left / "deep", left):
        folder.chmod(0)
    with Scratch() as scratch:
        assert not left.exists()
        for folder in (scratch.tmp, scratch.folder):
            os.chmod(folder, 0)
    assert not os.listdir(tmp_path)


def test_a_report_goes_into_a_new_file_without_a_name_only(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    named, written = tmp_path / "named", tmp_path / "written"
    named.write_text("")
    written.write_text("forged")
    for path in (named, written):
        number = os.open(path, os.O_RDWR)
        before = path.read_text()
        if path == written:
            path.unlink()
        assert run(f"report {number}", ["true"]) == 1
        assert "[E_SANDBOX_ENGINE]" in capfd.readouterr().err
        assert os.read(number, 100).decode() == before
        os.close(number)
    assert run(f"report {number}", ["true"]) == 1


# --- what stands between uv and the interpreter


def test_a_stand_in_says_what_the_interpreter_says_and_confines_the_rest(tmp_path: Path) -> None:
    launcher = ["/bin/echo", "confined"]
    folder = tmp_path / "it's a folder"
    script = make_stand_in(folder, os.path.realpath(sys.executable), launcher, [tmp_path / "known"])
    link, known = tmp_path / "build" / "python", tmp_path / "known" / "python"
    for path in (link, known):
        path.parent.mkdir()
        path.symlink_to(script)
    code = "import sys; print(sys.executable, sys.base_prefix)"

    def ask(path: Path, **env: str) -> str:
        words = [str(path), "-I", "-S", "-c", code]
        return subprocess.run(words, capture_output=True, text=True, env=env).stdout.strip()

    assert ask(script).startswith(f"{script} ")
    assert ask(known).startswith(f"{known} ")
    assert ask(link).startswith("confined build ")
    assert ask(link, PYVE_BUILD_INSIDE=str(folder)).startswith(f"{link} ")
    # Nothing else says that it is inside; and by these paths nothing is built.
    assert ask(link, PYVE_SANDBOX="landlock", PYVE_BUILD_INSIDE="1").startswith("confined build ")
    for path in (script, known):
        done = subprocess.run([str(path), "-c", code], capture_output=True, text=True, env={})
        assert (done.returncode, done.stdout) == (1, "")
        assert "[E_SANDBOX_OPTION]" in done.stderr


def test_a_hook_may_write_what_uv_made_for_it_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    builds = tmp_path / "cache" / "builds"
    source = tmp_path / "source"
    for folder in (builds / "env" / "bin", builds / "result", tmp_path / "home", source):
        folder.mkdir(parents=True)
    monkeypatch.chdir(source)
    program = "".join(
        f'__import__("os").fsdecode(b"{path}");'
        for path in (
            builds / "result",
            tmp_path / "home",
            builds,
            f"{builds}/result/../../../home",
            builds / "none",
        )
    )
    name = str(builds / "env" / "bin" / "python")
    found = list_folders(name, ["-c", program], {})
    assert found == [str(source), str(builds / "result")]
