"""One fault at a time in a real project of the conda backend: doctor names it, its fix mends it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from code_cases import brings
from conda_channel import CondaChannel
from conda_project import CondaUser
from doctor_faults import Fault, Variables, diagnose, find_fault, mend_fault
from pyve_test_helpers import find_program, other_python
from workshop import make_whole, set_up_plain

pytestmark = pytest.mark.micromamba

# A process that is not there.
DEAD = 2**22 - 3

OTHER_MACHINE = 183 if os.uname().machine in {"x86_64", "AMD64"} else 62


@pytest.fixture(scope="module")
def workshop(
    tmp_path_factory: pytest.TempPathFactory, template_cache: Path, conda_channel: CondaChannel
) -> Iterator[CondaUser]:
    """A user with a project into which one fault after the other is put."""
    root = tmp_path_factory.mktemp("workshop")
    yield CondaUser(root, template_cache, conda_channel)
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def user(workshop: CondaUser) -> Iterator[CondaUser]:
    """The same, whole again: made anew when the test before has left something wrong."""
    make_whole(workshop, set_up_plain)
    usual = dict(workshop.env)
    yield workshop
    workshop.env = usual
    for path in (workshop.bin / "direnv", workshop.home / ".bashrc", workshop.project / ".envrc"):
        path.unlink(missing_ok=True)
    shutil.rmtree(workshop.project / ".git", ignore_errors=True)


def leave_files(user: CondaUser) -> None:
    (user.project / f".pyve/tmp/engine.{DEAD}").mkdir(parents=True)
    (user.project / ".pyve/lock").symlink_to(f"{DEAD}:1")


def break_off_a_rebuild(user: CondaUser) -> None:
    """As after a kill in the middle of init --force: the old one aside, the new one half made."""
    user.conda.rename(user.envs / ".old.demo")
    (user.envs / ".making.demo").write_text(f"{DEAD}:1\n")
    (user.conda / "conda-meta").mkdir(parents=True)


def break_off_the_first(user: CondaUser) -> None:
    (user.envs / ".making.demo").write_text(f"{DEAD}:1\n")


def lose_environment(user: CondaUser) -> None:
    shutil.rmtree(user.conda)


def lose_records(user: CondaUser) -> None:
    shutil.rmtree(user.conda / "conda-meta")


def be_moved(user: CondaUser) -> None:
    user.project = user.project.rename(user.project.with_name(user.project.name + " moved"))


def lose_interpreter(user: CondaUser) -> None:
    (user.conda / "bin/python").resolve().unlink()


def replace_python(user: CondaUser, content: bytes) -> None:
    python = user.conda / "bin/python"
    python.unlink()
    python.write_bytes(content)
    python.chmod(0o755)


def be_of_another_machine(user: CondaUser) -> None:
    header = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\x00" + bytes([OTHER_MACHINE, 0])
    replace_python(user, header + bytes(100))


def break_interpreter(user: CondaUser) -> None:
    replace_python(user, b"#!/bin/sh\necho 'no libpython' >&2\nexit 127\n")


def lose_environment_file(user: CondaUser) -> None:
    git = find_program("git")
    user.execute(git, "init", "-q", ".")
    user.execute(git, "add", "environment.yml")
    (user.project / "environment.yml").unlink()


def change_environment_file(user: CondaUser) -> None:
    user.manifest("python", "greeter", "pip", "libwater")


def lose_engine(user: CondaUser) -> None:
    config = user.project / ".pyve/config"
    text = config.read_text()
    config.write_text(text.replace("  env_name: demo\n", "  env_name: demo\n  engine: mamba\n"))


def lose_a_program(user: CondaUser) -> None:
    (user.conda / "bin/tool").symlink_to(user.root / "gone")


def copy_a_script(user: CondaUser) -> None:
    script = user.conda / "bin/tool"
    script.write_text("#!/home/x/miniconda/envs/old/bin/python3.9\nimport sys\nprint(sys.prefix)\n")
    script.chmod(0o755)


def run_the_script(user: CondaUser) -> None:
    assert user("doctor", "--fix", "--yes").returncode == 0
    assert user.ok("run", "tool") == f"{user.conda}\n"
    (user.conda / "bin/tool").unlink()


def be_managed(user: CondaUser) -> None:
    (library,) = user.conda.glob("lib/python3.*/")
    (library / "EXTERNALLY-MANAGED").write_text("[externally-managed]\nError=no\n")


def be_in_another_environment(user: CondaUser) -> Variables:
    return {"CONDA_PREFIX": str(user.root / "envs/other"), "CONDA_DEFAULT_ENV": "other"}


def be_in_a_virtual_environment(user: CondaUser) -> Variables:
    return {"VIRTUAL_ENV": str(user.root / "other project/.venv")}


def enter_behind(user: CondaUser, folder: str) -> Variables:
    """The variables of a shell that is in the environment, with another python in front of it."""
    place = user.home / folder
    place.mkdir(parents=True, exist_ok=True)
    if not (place / "python").exists():
        (place / "python").symlink_to(user.bin / "python3")
    folders = [str(place), str(user.conda / "bin"), user.env["PATH"]]
    return {"CONDA_PREFIX": str(user.conda), "PATH": os.pathsep.join(folders)}


def have_another_in_front(user: CondaUser) -> Variables:
    return enter_behind(user, "tools")


def have_shims_in_front(user: CondaUser) -> Variables:
    return enter_behind(user, ".pyenv/shims")


def be_of_another_pyve(user: CondaUser) -> None:
    edit_config(user, "2.0.0", "1.1.3")


def lose_backend(user: CondaUser) -> None:
    edit_config(user, "backend: micromamba\n", "")


def edit_config(user: CondaUser, old: str, new: str) -> None:
    """Replace a part of the config."""
    config = user.project / ".pyve/config"
    text = config.read_text()
    assert old in text, text
    config.write_text(text.replace(old, new))


def change_interpreter(user: CondaUser) -> None:
    """As after a copy of another Python over it: it looks for its packages elsewhere."""
    python = user.conda / "bin/python"
    python.unlink()
    python.symlink_to(other_python())


def site(user: CondaUser) -> Path:
    (folder,) = user.conda.glob("lib/python3.*/site-packages")
    return folder


def break_pip(user: CondaUser) -> None:
    main = site(user) / "pip/__init__.py"
    # (Perhaps a hard link into the cache of packages.)
    main.unlink()
    main.write_text("raise ImportError('broken')\n")


def have_greeter_twice(user: CondaUser) -> None:
    stale = site(user) / "greeter-0.1.dist-info"
    stale.mkdir()
    (stale / "METADATA").write_text("Metadata-Version: 2.1\nName: greeter\nVersion: 0.1\n\n")
    (stale / "INSTALLER").write_text("pip\n")
    (stale / "RECORD").write_text(
        "greeter/gone.py,sha256=AAAA,10\ngreeter-0.1.dist-info/RECORD,,\n"
    )


def use_direnv(user: CondaUser) -> None:
    """Have direnv, with its hook in bash, and an .envrc that it may load."""
    (user.bin / "direnv").symlink_to(find_program("direnv"))
    user.env["SHELL"] = "/bin/bash"
    (user.home / ".bashrc").write_text('eval "$(direnv hook bash)"\n')
    user.ok("init", "--update", "--allow")
    assert diagnose(user)["diagnostics"] == []


def lack_the_hook(user: CondaUser) -> None:
    use_direnv(user)
    (user.home / ".bashrc").write_text("# nothing\n")


def change_envrc(user: CondaUser) -> None:
    use_direnv(user)
    shutil.rmtree(user.home / ".local/share/direnv")


def have_a_foreign_envrc(user: CondaUser) -> None:
    use_direnv(user)
    (user.project / ".envrc").write_text("export MINE=1")
    user.execute("direnv", "allow")


def add_the_lines(user: CondaUser) -> None:
    """What is added has to be allowed, as any change; then it enters the environment."""
    result = user("doctor", "--fix", answer="y\ny\n")
    assert "✓ envrc-foreign: mended" in result.stdout
    text = (user.project / ".envrc").read_text()
    assert text.startswith("export MINE=1\n")
    user.execute("direnv", "allow")
    shown = user.execute("direnv", "exec", ".", "sh", "-c", 'echo "$MINE $CONDA_PREFIX"')
    assert shown.stdout == f"1 {user.conda}\n", shown.stderr


def let_others_read_env(user: CondaUser) -> None:
    (user.project / ".env").chmod(0o644)


def not_ignore_env(user: CondaUser) -> None:
    user.execute(find_program("git"), "init", "-q", ".")
    (user.project / ".gitignore").write_text("")


def track_env(user: CondaUser) -> None:
    git = find_program("git")
    user.execute(git, "init", "-q", ".")
    user.execute(git, "add", "-f", ".env")


def have_a_broken_testenv(user: CondaUser) -> None:
    user.ok("testenv", "--init")
    python = user.testenv / "bin/python"
    python.unlink()
    python.symlink_to("/usr/opt/python@3.12/bin/python3.12")


FAULTS = [
    Fault("leftovers", "leftovers", "W_LEFTOVERS", leave_files),
    Fault("half a rebuild", "leftovers", "E_LEFTOVERS", break_off_a_rebuild),
    Fault("half made", "environment-whole", "E_CONDA_ENV_BROKEN", break_off_the_first),
    Fault("no environment", "environment-missing", "E_ENV_MISSING", lose_environment),
    Fault("no records", "environment-whole", "E_CONDA_ENV_BROKEN", lose_records, "asked"),
    Fault("moved project", "environment-moved", "E_ENV_MOVED", be_moved),
    Fault("python gone", "interpreter-gone", "E_INTERPRETER_GONE", lose_interpreter, "asked"),
    Fault(
        "another machine's", "architecture", "E_INTERPRETER_MACHINE", be_of_another_machine, "asked"
    ),
    Fault(
        *("does not run", "interpreter-broken", "E_INTERPRETER_BROKEN", break_interpreter, "asked"),
        ("no libpython",),
    ),
    Fault("no file", "environment-file", "E_ENV_FILE_MISSING", lose_environment_file),
    Fault(
        "file changed", "environment-outdated", "W_ENV_OUTDATED", change_environment_file, "asked"
    ),
    Fault("no engine", "engine", "W_ENGINE_MISSING", lose_engine, "paste"),
    Fault("a link dangles", "links-dangling", "W_LINK_DANGLING", lose_a_program, "asked"),
    Fault("dead shebang", "scripts-shebang", "W_SCRIPT_SHEBANG", copy_a_script, run_the_script),
    Fault("PEP 668", "base-managed", "W_BASE_MANAGED", be_managed, "asked"),
    Fault(
        *("another's shell", "virtualenv-foreign", "W_VIRTUALENV_FOREIGN"),
        *(be_in_another_environment, "shell", ("envs/other",)),
    ),
    Fault(
        *("a virtual environment", "virtualenv-foreign", "W_VIRTUALENV_FOREIGN"),
        *(be_in_a_virtual_environment, "shell"),
    ),
    Fault("PATH order", "path-order", "W_PATH_ORDER", have_another_in_front, "shell"),
    Fault(
        "shims in front", "interpreter-shims", "W_INTERPRETER_SHIM", have_shims_in_front, "shell"
    ),
    Fault("another version of Pyve", "pyve-version", "W_PYVE_VERSION", be_of_another_pyve),
    Fault("no backend", "backend", "E_BACKEND_MISSING", lose_backend),
    Fault(
        *("replaced", "interpreter-changed", "E_INTERPRETER_CHANGED", change_interpreter, "asked")
    ),
    Fault("broken pip", "pip-missing", "W_PIP_MISSING", break_pip, "asked", ("broken",)),
    Fault(
        *("twice", "packages-duplicate", "W_PACKAGES_DUPLICATE", have_greeter_twice, "asked"),
        ("greeter-0.1.dist-info is not what is on disk",),
    ),
    Fault("no hook", "direnv-hook", "W_DIRENV_HOOK", lack_the_hook, "paste"),
    Fault("not allowed", "direnv-allowed", "W_DIRENV_ALLOW", change_envrc),
    Fault("foreign .envrc", "envrc-foreign", "W_ENVRC", have_a_foreign_envrc, add_the_lines),
    Fault(".env is read", "dotenv-mode", "W_ENV_MODE", let_others_read_env),
    Fault("not ignored", "dotenv-ignored", "W_ENV_NOT_IGNORED", not_ignore_env),
    Fault("tracked", "dotenv-tracked", "W_ENV_TRACKED", track_env, "asked"),
    Fault("broken test environment", "testenv", "W_TESTENV", have_a_broken_testenv),
]


@pytest.mark.parametrize(
    ("fault", "code"),
    [pytest.param(fault, fault.code, id=fault.name.replace(" ", "-")) for fault in FAULTS],
)
@brings(
    "W_LEFTOVERS",
    "E_LEFTOVERS",
    "E_CONDA_ENV_BROKEN",
    "E_ENV_MISSING",
    "E_ENV_MOVED",
    "E_INTERPRETER_GONE",
    "E_INTERPRETER_MACHINE",
    "E_INTERPRETER_BROKEN",
    "E_ENV_FILE_MISSING",
    "W_ENV_OUTDATED",
    "W_ENGINE_MISSING",
    "W_LINK_DANGLING",
    "W_SCRIPT_SHEBANG",
    "W_BASE_MANAGED",
    "W_VIRTUALENV_FOREIGN",
    "W_PATH_ORDER",
    "W_INTERPRETER_SHIM",
    "W_PYVE_VERSION",
    "E_BACKEND_MISSING",
    "E_INTERPRETER_CHANGED",
    "W_PIP_MISSING",
    "W_PACKAGES_DUPLICATE",
    "W_DIRENV_HOOK",
    "W_DIRENV_ALLOW",
    "W_ENVRC",
    "W_ENV_MODE",
    "W_ENV_NOT_IGNORED",
    "W_ENV_TRACKED",
    "W_TESTENV",
)
def test_doctor_names_the_fault_and_nothing_else_and_mends_it(
    user: CondaUser, fault: Fault, code: str
) -> None:
    env = fault.inject(user) or {}
    mend_fault(find_fault(user, fault, env), fault)


def test_doctor_leaves_no_bytecode_in_the_environment(user: CondaUser) -> None:
    """Modules of the standard library that no installer has compiled stay so."""
    for folder in list(user.conda.rglob("__pycache__")):
        shutil.rmtree(folder)
    user("doctor")
    user("status")
    assert sorted(user.conda.rglob("__pycache__/*")) == []
