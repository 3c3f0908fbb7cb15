"""One fault at a time in a real project of the venv backend: doctor names it, its fix mends it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from code_cases import brings
from doctor_faults import Fault, Variables, diagnose, find_fault, mend_fault
from pyve_test_helpers import Pyve, find_program, other_python, real_python, series
from workshop import make_whole, set_up_plain

pytestmark = pytest.mark.venv

# A process that is not there.
DEAD = 2**22 - 3

OTHER_MACHINE = 183 if os.uname().machine in {"x86_64", "AMD64"} else 62


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory, template_cache: Path) -> Iterator[Pyve]:
    """A user with a project into which one fault after the other is put."""
    root = tmp_path_factory.mktemp("workshop")
    yield Pyve(root, template_cache)
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def pyve(workshop: Pyve) -> Iterator[Pyve]:
    """The same, whole again: made anew when the test before has left something wrong."""
    usual = dict(workshop.env)
    make_whole(workshop, set_up_plain)
    yield workshop
    workshop.env = usual
    for name in ("direnv", "python3.99"):
        (workshop.bin / name).unlink(missing_ok=True)
    for path in (workshop.project / ".envrc", workshop.home / ".bashrc"):
        path.unlink(missing_ok=True)
    shutil.rmtree(workshop.project / ".git", ignore_errors=True)


def edit(path: Path, old: str, new: str) -> None:
    """Replace a part of a file's text."""
    text = path.read_text()
    assert old in text, text
    # Never through a hard link into the template.
    path.unlink()
    path.write_text(text.replace(old, new))


def replace_python(pyve: Pyve, content: bytes) -> None:
    """Put something else where the environment's interpreter is."""
    python = pyve.venv / "bin/python"
    python.unlink()
    python.write_bytes(content)
    python.chmod(0o755)


# --- the faults


def lose_config(pyve: Pyve) -> None:
    shutil.rmtree(pyve.project / ".pyve")


def be_of_another_pyve(pyve: Pyve) -> None:
    edit(pyve.project / ".pyve/config", "2.0.0", "1.1.3")


def lose_backend(pyve: Pyve) -> None:
    edit(pyve.project / ".pyve/config", "backend: venv\n", "")


def leave_files(pyve: Pyve) -> None:
    (pyve.project / f".pyve/tmp/new.venv.{DEAD}").mkdir(parents=True)
    (pyve.project / ".pyve/lock").symlink_to(f"{DEAD}:1")


def break_off_a_swap(pyve: Pyve) -> None:
    leave_files(pyve)
    pyve.venv.rename(pyve.project / f".pyve/tmp/old.venv.{DEAD}")


def lose_environment(pyve: Pyve) -> None:
    shutil.rmtree(pyve.venv)


def lose_pyvenv_cfg(pyve: Pyve) -> None:
    (pyve.venv / "pyvenv.cfg").unlink()


def be_a_file(pyve: Pyve) -> None:
    shutil.rmtree(pyve.venv)
    pyve.venv.write_text("mine\n")


def be_moved(pyve: Pyve) -> None:
    pyve.project = pyve.project.rename(pyve.project.with_name(pyve.project.name + "'"))


def lose_interpreter(pyve: Pyve) -> None:
    python = pyve.venv / "bin/python"
    python.unlink()
    python.symlink_to("/usr/opt/python@3.12/bin/python3.12")


def lose_link(pyve: Pyve) -> None:
    (pyve.venv / "bin/python").unlink()


def be_of_another_machine(pyve: Pyve) -> None:
    header = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\x00" + bytes([OTHER_MACHINE, 0])
    replace_python(pyve, header + bytes(100))


def break_interpreter(pyve: Pyve) -> None:
    replace_python(pyve, b"#!/bin/sh\necho 'Illegal instruction' >&2\nexit 132\n")


def change_interpreter(pyve: Pyve) -> None:
    python = pyve.venv / "bin/python"
    python.unlink()
    python.symlink_to(other_python())


def wish_for_another_python(pyve: Pyve) -> None:
    other = other_python()
    version = os.path.basename(os.path.realpath(other))[len("python") :]
    if not (pyve.bin / f"python{version}").exists():
        pyve.add_python(other)
    config = pyve.project / ".pyve/config"
    mine = series("%d.%d.%d" % sys.version_info[:3])
    edit(config, f'version: "{mine}"', f'version: "{version}"')


def take_back_the_wish(pyve: Pyve) -> None:
    """As doctor proposes; then, for the next test, what was before."""
    assert pyve("doctor", "--fix", answer="y\n").returncode == 0


def be_made_with_a_shim(pyve: Pyve) -> None:
    state = pyve.venv / "pyve.state"
    lines = [
        "python=/home/x/.pyenv/shims/python3" if line.startswith("python=") else line
        for line in state.read_text().splitlines()
    ]
    state.write_text("\n".join(lines) + "\n")


def enter(pyve: Pyve, *front: Path) -> Variables:
    """The variables of a shell that is in the environment, with folders in front of PATH."""
    folders = [*map(str, front), str(pyve.venv / "bin"), pyve.env["PATH"]]
    return {"VIRTUAL_ENV": str(pyve.venv), "PATH": os.pathsep.join(folders)}


def put_in_front(pyve: Pyve, folder: str) -> Path:
    place = pyve.home / folder
    place.mkdir(parents=True, exist_ok=True)
    if not (place / "python3").exists():
        (place / "python3").symlink_to(real_python())
    return place


def have_shims_in_front(pyve: Pyve) -> Variables:
    return enter(pyve, put_in_front(pyve, ".pyenv/shims"))


def have_another_in_front(pyve: Pyve) -> Variables:
    return enter(pyve, put_in_front(pyve, "tools"))


def be_in_another_environment(pyve: Pyve) -> Variables:
    return {"VIRTUAL_ENV": str(pyve.root / "other project/.venv")}


def lose_python3(pyve: Pyve) -> None:
    (pyve.venv / "bin/python3").unlink()
    (pyve.venv / "bin/python3").symlink_to("python3.99")


def lose_a_program(pyve: Pyve) -> None:
    (pyve.venv / "bin/tool").symlink_to(pyve.root / "gone")


def add_script(pyve: Pyve, head: str) -> None:
    script = pyve.venv / "bin/tool"
    script.write_text(head + "import sys\nprint(sys.prefix)\n")
    script.chmod(0o755)


def copy_a_script(pyve: Pyve) -> None:
    add_script(pyve, "#!/home/x/elsewhere/.venv/bin/python3.9\n")


def copy_a_script_with_a_detour(pyve: Pyve) -> None:
    place = f"/home/x/{'long' * 40}/my project/.venv/bin/python"
    add_script(pyve, f"#!/bin/sh\n'''exec' '{place}' \"$0\" \"$@\"\n' '''\n")


def run_the_script(pyve: Pyve) -> None:
    """Mend it, and see that it runs."""
    assert pyve("doctor", "--fix", "--yes").returncode == 0
    assert pyve.ok("run", "tool") == f"{pyve.venv}\n"
    (pyve.venv / "bin/tool").unlink()


def be_managed(pyve: Pyve) -> None:
    (pyve.site_packages.parent / "EXTERNALLY-MANAGED").write_text(
        "[externally-managed]\nError=no\n"
    )


def see_the_systems_packages(pyve: Pyve) -> None:
    edit(
        pyve.venv / "pyvenv.cfg",
        "include-system-site-packages = false",
        "include-system-site-packages = true",
    )


def lose_template(pyve: Pyve) -> None:
    path = pyve.site_packages / "pyve_pip.pth"
    # (One file for all environments of the template.)
    path.unlink()
    path.write_text(f"{pyve.root}/templates of old/pip\n")


def break_pip(pyve: Pyve) -> None:
    pyve.add_module(pyve.venv, "pip/__init__.py", "raise ImportError('broken')\n")


def use_direnv(pyve: Pyve) -> None:
    """Have direnv, with its hook in bash, and an .envrc that it may load."""
    if not (pyve.bin / "direnv").exists():
        (pyve.bin / "direnv").symlink_to(find_program("direnv"))
    pyve.env["SHELL"] = "/bin/bash"
    (pyve.home / ".bashrc").write_text('eval "$(direnv hook bash)"\n')
    pyve.ok("init", "--update", "--allow")
    assert diagnose(pyve)["diagnostics"] == []


def lack_the_hook(pyve: Pyve) -> None:
    use_direnv(pyve)
    (pyve.home / ".bashrc").write_text("# nothing\n")


def change_envrc(pyve: Pyve) -> None:
    use_direnv(pyve)
    shutil.rmtree(pyve.home / ".local/share/direnv")


def have_a_foreign_envrc(pyve: Pyve) -> None:
    use_direnv(pyve)
    (pyve.project / ".envrc").write_text("export MINE=1\n")
    pyve.execute("direnv", "allow")


def add_the_lines(pyve: Pyve) -> None:
    """What is added has to be allowed, as any change."""
    result = pyve("doctor", "--fix", answer="y\ny\n")
    assert "✓ envrc-foreign: mended" in result.stdout
    text = (pyve.project / ".envrc").read_text()
    assert text.startswith("export MINE=1\n")
    assert ".venv/bin" in text
    pyve.execute("direnv", "allow")


def let_others_read_env(pyve: Pyve) -> None:
    (pyve.project / ".env").chmod(0o644)


def make_env_a_folder(pyve: Pyve) -> None:
    (pyve.project / ".env").unlink()
    (pyve.project / ".env").mkdir()


def move_it_away(pyve: Pyve) -> None:
    assert pyve("doctor", "--fix", answer="y\n").returncode == 0
    assert (pyve.project / ".env.kept").is_dir()
    (pyve.project / ".env.kept").rmdir()
    write_env(pyve, b"")


def write_env(pyve: Pyve, content: bytes) -> None:
    (pyve.project / ".env").write_bytes(content)
    (pyve.project / ".env").chmod(0o600)


def add_nul(pyve: Pyve) -> None:
    write_env(pyve, b"A=1\n\0")


def empty_env(pyve: Pyve) -> None:
    write_env(pyve, b"")


def be_read_differently(pyve: Pyve) -> None:
    write_env(pyve, b"A = secret\n")


def use_git(pyve: Pyve) -> str:
    git = find_program("git")
    pyve.execute(git, "init", "-q", ".")
    return git


def not_ignore_env(pyve: Pyve) -> None:
    use_git(pyve)
    (pyve.project / ".gitignore").write_text("")


def track_env(pyve: Pyve) -> None:
    pyve.execute(use_git(pyve), "add", "-f", ".env")


def break_testenv(pyve: Pyve) -> None:
    python = pyve.testenv / "bin/python"
    python.unlink()
    python.symlink_to("/usr/opt/python@3.12/bin/python3.12")


FAULTS = [
    Fault("no .pyve", "config-present", "E_NOT_INITIALIZED", lose_config, "paste"),
    Fault("another version of Pyve", "pyve-version", "W_PYVE_VERSION", be_of_another_pyve),
    Fault("no backend", "backend", "E_BACKEND_MISSING", lose_backend),
    Fault("leftovers", "leftovers", "W_LEFTOVERS", leave_files),
    Fault("half a swap", "leftovers", "E_LEFTOVERS", break_off_a_swap),
    Fault("no environment", "environment-missing", "E_ENV_MISSING", lose_environment),
    Fault("no pyvenv.cfg", "environment-whole", "E_ENV_FOREIGN", lose_pyvenv_cfg, "asked"),
    Fault("a file in its place", "environment-whole", "E_ENV_FOREIGN", be_a_file, "asked"),
    Fault("moved project", "environment-moved", "W_ENV_MOVED", be_moved),
    Fault(
        *("interpreter gone", "interpreter-gone", "E_INTERPRETER_GONE", lose_interpreter, "asked"),
        ("/usr/opt/python@3.12/bin/python3.12 is gone",),
    ),
    Fault("no bin/python", "interpreter-gone", "E_INTERPRETER_GONE", lose_link, "asked"),
    Fault(
        "another machine's", "architecture", "E_INTERPRETER_MACHINE", be_of_another_machine, "asked"
    ),
    Fault(
        *("does not run", "interpreter-broken", "E_INTERPRETER_BROKEN", break_interpreter, "asked"),
        ("Illegal instruction",),
    ),
    Fault(
        *("replaced", "interpreter-changed", "E_INTERPRETER_CHANGED", change_interpreter, "asked")
    ),
    Fault(
        *("another wish", "python-version", "W_PYTHON_WISH", wish_for_another_python),
        take_back_the_wish,
    ),
    Fault(
        "made with a shim", "interpreter-shims", "W_INTERPRETER_SHIM", be_made_with_a_shim, "asked"
    ),
    Fault(
        "shims in front", "interpreter-shims", "W_INTERPRETER_SHIM", have_shims_in_front, "shell"
    ),
    Fault("PATH order", "path-order", "W_PATH_ORDER", have_another_in_front, "shell"),
    Fault(
        *("another's shell", "virtualenv-foreign", "W_VIRTUALENV_FOREIGN"),
        *(be_in_another_environment, "shell", ("other project/.venv",)),
    ),
    Fault("python3 dangles", "links-dangling", "W_LINK_DANGLING", lose_python3),
    Fault("a link dangles", "links-dangling", "W_LINK_DANGLING", lose_a_program, "asked"),
    Fault(
        *("dead shebang", "scripts-shebang", "W_SCRIPT_SHEBANG", copy_a_script, run_the_script),
        ("/home/x/elsewhere/.venv/bin/python3.9",),
    ),
    Fault(
        *("dead long shebang", "scripts-shebang", "W_SCRIPT_SHEBANG"),
        *(copy_a_script_with_a_detour, run_the_script, ("/my project/.venv/bin/python",)),
    ),
    Fault("PEP 668", "base-managed", "W_BASE_MANAGED", be_managed, "asked"),
    Fault("system packages", "base-managed", "W_BASE_MANAGED", see_the_systems_packages, "asked"),
    Fault("no template", "template-gone", "W_TEMPLATE_GONE", lose_template),
    Fault("broken pip", "pip-missing", "W_PIP_MISSING", break_pip, says=("broken",)),
    Fault("no hook", "direnv-hook", "W_DIRENV_HOOK", lack_the_hook, "paste"),
    Fault("not allowed", "direnv-allowed", "W_DIRENV_ALLOW", change_envrc),
    Fault("foreign .envrc", "envrc-foreign", "W_ENVRC", have_a_foreign_envrc, add_the_lines),
    Fault(".env is read", "dotenv-mode", "W_ENV_MODE", let_others_read_env),
    Fault(".env a folder", "dotenv-file", "W_DOTENV_FILE", make_env_a_folder, move_it_away),
    Fault("NUL in .env", "dotenv-file", "W_DOTENV_NUL", add_nul, empty_env),
    Fault(
        *(".env read differently", "dotenv-differences", "W_DOTENV_DIFFERENCE"),
        *(be_read_differently, empty_env, ("blanks before the =",)),
    ),
    Fault("not ignored", "dotenv-ignored", "W_ENV_NOT_IGNORED", not_ignore_env),
    Fault("tracked", "dotenv-tracked", "W_ENV_TRACKED", track_env, "asked"),
    Fault("broken test environment", "testenv", "W_TESTENV", break_testenv),
]


@pytest.mark.parametrize(
    ("fault", "code"),
    [pytest.param(fault, fault.code, id=fault.name.replace(" ", "-")) for fault in FAULTS],
)
@brings(
    "E_NOT_INITIALIZED",
    "W_PYVE_VERSION",
    "E_BACKEND_MISSING",
    "W_LEFTOVERS",
    "E_LEFTOVERS",
    "E_ENV_MISSING",
    "E_ENV_FOREIGN",
    "W_ENV_MOVED",
    "E_INTERPRETER_GONE",
    "E_INTERPRETER_MACHINE",
    "E_INTERPRETER_BROKEN",
    "E_INTERPRETER_CHANGED",
    "W_PYTHON_WISH",
    "W_INTERPRETER_SHIM",
    "W_PATH_ORDER",
    "W_VIRTUALENV_FOREIGN",
    "W_LINK_DANGLING",
    "W_SCRIPT_SHEBANG",
    "W_BASE_MANAGED",
    "W_TEMPLATE_GONE",
    "W_PIP_MISSING",
    "W_DIRENV_HOOK",
    "W_DIRENV_ALLOW",
    "W_ENVRC",
    "W_ENV_MODE",
    "W_DOTENV_FILE",
    "W_DOTENV_NUL",
    "W_DOTENV_DIFFERENCE",
    "W_ENV_NOT_IGNORED",
    "W_ENV_TRACKED",
    "W_TESTENV",
)
def test_doctor_names_the_fault_and_nothing_else_and_mends_it(
    pyve: Pyve, fault: Fault, code: str
) -> None:
    env = fault.inject(pyve) or {}
    mend_fault(find_fault(pyve, fault, env), fault)
