"""The shell hook does what direnv does: compared variable by variable, in real shells."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyve_test_helpers import Pyve, find_program
from shells import SHELLS, Shell, direnv_line, hook_line, make_project, quote

pytestmark = pytest.mark.requires_direnv
every_shell = pytest.mark.parametrize("name", SHELLS)

DOTENVS: dict[str, bytes] = {
    "plain": b"",
    # (direnv fails in folders whose name has one of " $ [.)
    "it's two  words; % ü": b"NAME='in it'\n",
    "values": b"""# a comment
A=1
export B = two words
C='single $A "x" \\n' # and why
D="double $A ${B} \\n \\t \\$A \\" 'y' \\\\ ${NOPE:-default}"
E=$HOME/x:${PATH}
F=
G=""
H: yaml
I=100%
J='%25 %0A'
K=a#b
L=back\\slash
M="caf\xc3\xa9 \xe2\x98\x83"
N='$(touch pwned)`touch pwned`'
O="trailing\\n\\n"
A=2
P=$A$VIRTUAL_ENV$PYVE_ENV_NAME$USER_SET
USER_SET=changed
UNEXPORTED=$UNSET
""",
    "what Pyve sets": b"""VIRTUAL_ENV=/elsewhere
VIRTUAL_ENV_PROMPT=x
PYVE_PROMPT_PREFIX='(mine) '
PYVE_BACKEND=x
PYTHONHOME=/home
UV_PROJECT_ENVIRONMENT=
ASDF_PYTHON_PLUGIN_DISABLE_RESHIM=
""",
    "PATH": b"PATH=$HOME/bin:$PATH\n",
    "what a shell sets": b"""IFS=:
SHLVL=9
PS1=x
PS2=y
PWD=/
OLDPWD=/
SHELL=/bin/false
_=x
REPLY=x
COMP_WORDBREAKS=x
DIRENV_LOG_FORMAT=
name=n
text=t
line=l
folder=f
XDG_STATE_HOME=/nowhere/state
TMPDIR=/nowhere
LC_TIME=C
""",
    "bad names": b"1A=x\nA.B=y\nC=z\n",
    "outer": b"WHERE=outer\nONLY_OUTER=1\n",
    "outer/inner": b"WHERE=inner\n",
}
CONFIGS = {
    "format": 'prompt:\n  format: "<{env_name}|{backend}> %n $x `touch pwned` \\\\"\n',
    "no prompt": "prompt:\n  show: false\n",
    "folder": "venv:\n  directory: my-env\n",
}
OUTSIDE = {
    "USER_SET": "by the user\n",
    "PYTHONHOME": "/the user's",
    "VIRTUAL_ENV": "/the user's venv",
    "C": "100% ",
    "name": "user",
    # (direnv makes others of bytes that are no UTF-8; the hook does not.)
    "M": "ünï\n☃",
    # What direnv says is not compared.
    "DIRENV_LOG_FORMAT": "",
}


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory, template_cache: Path) -> Iterator[Pyve]:
    """A user who has direnv; the tests share the projects, and change none."""
    root = tmp_path_factory.mktemp("direnv")
    pyve = Pyve(root, template_cache)
    (pyve.bin / "direnv").symlink_to(find_program("direnv"))
    yield pyve
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="module")
def folders(user: Pyve) -> list[Path]:
    """A project for each of the cases, which both direnv and the hook may enter."""
    folders = [make_project(user, name, "--allow", dotenv=data) for name, data in DOTENVS.items()]
    folders += [make_project(user, name, "--allow", config=text) for name, text in CONFIGS.items()]
    link = user.root / "a link"
    link.symlink_to(folders[2])
    # direnv knows a project by the path on which it was reached.
    user.execute("direnv", "allow", cwd=link, PWD=str(link))
    # From a project with another HOME, direnv does not find the way into the next.
    home = make_project(user, "HOME", "--allow", dotenv="HOME=/nowhere/home\nXDG_DATA_HOME=/x\n")
    return [*folders, link, link / ".pyve", home]


def compared(environment: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """Leave out how direnv and the hook remember what was before."""
    own = (b"DIRENV_DIR", b"DIRENV_FILE", b"DIRENV_WATCHES", b"DIRENV_DIFF", b"PYVE_HOOK_")
    return {key: value for key, value in environment.items() if not key.startswith(own)}


def visit(user: Pyve, name: str, setup: str, folders: list[Path]) -> list[dict[bytes, bytes]]:
    """Return what is set in each folder: coming from outside, then from the one before."""
    found = []
    with Shell(name, user, setup=setup, env=OUTSIDE) as shell:
        before = shell.environment()
        for folder in folders:
            shell.cd(folder)
            found.append(compared(shell.environment()))
            shell.run("cd /")
            assert shell.environment() == before, folder
        for folder in folders:
            shell.cd(folder)
            found.append(compared(shell.environment()))
    return found


@every_shell
def test_the_hook_sets_what_direnv_sets(user: Pyve, folders: list[Path], name: str) -> None:
    by_direnv = visit(user, name, direnv_line(name), folders)
    by_hook = visit(user, name, hook_line(name), folders)
    for folder, theirs, ours in zip([*folders, *folders], by_direnv, by_hook):
        assert b"PYVE_BACKEND" in theirs, folder
        different = {
            key: (theirs.get(key), ours.get(key))
            for key in {*theirs, *ours}
            if theirs.get(key) != ours.get(key)
        }
        assert different == {}, folder
    assert not list(user.root.rglob("pwned"))


@every_shell
def test_what_the_user_changes_inside_goes_as_with_direnv(
    user: Pyve, folders: list[Path], name: str
) -> None:
    two, one = folders[1:3]
    put, take = ("set -gx {} {}", "set -e {}") if name == "fish" else ("export {}={}", "unset {}")
    path = "$PATH" if name == "fish" else '"$PATH"'
    lines = [
        f"cd {quote(name, one)}",
        put.format("PATH", f"/added {path}" if name == "fish" else f"/added:{path}"),
        put.format("A", "mine"),
        take.format("B"),
        put.format("NEW", "new"),
        "cd .venv",
        f"cd {quote(name, two)}",
        put.format("VIRTUAL_ENV", "/mine"),
        "cd /",
        f"cd {quote(name, one)}",
        "cd /",
    ]
    results = []
    for setup in (direnv_line(name), hook_line(name)):
        found = []
        with Shell(name, user, setup=setup, env={**OUTSIDE, "B": "before"}) as shell:
            for line in lines:
                shell.run(line)
                found.append(compared(shell.environment()))
        results.append(found)
    for line, theirs, ours in zip(lines, *results):
        assert ours == theirs, line


@pytest.fixture(scope="module")
def both(user: Pyve) -> list[Path]:
    """Projects for direnv and for the hook, below, above and beside each other."""
    by_direnv = make_project(user, "by direnv", "--allow", dotenv="BY=direnv\n")
    by_hook = make_project(user, "by hook", dotenv="BY=hook\n")
    within = make_project(user, "by direnv/sub/within", dotenv="BY=within\n")
    other = user.root / "no project"
    other.mkdir()
    (other / ".envrc").write_text("export OTHER=1\nPATH_add bin\n")
    user.execute("direnv", "allow", cwd=other)
    beneath = make_project(user, "no project/beneath", dotenv="BY=beneath\n")
    return [by_direnv, by_hook, within, other, beneath]


ORDERS = {
    "direnv first": lambda name: direnv_line(name) + hook_line(name),
    "direnv last": lambda name: hook_line(name) + direnv_line(name),
}


@every_shell
@pytest.mark.parametrize("order", ORDERS)
def test_with_both_hooks_each_project_is_entered_once(
    user: Pyve, both: list[Path], name: str, order: str
) -> None:
    """Projects with an .envrc are direnv's; the hook enters the others, in whatever order."""
    by_direnv, by_hook, within, other, beneath = both
    setup = ORDERS[order](name)
    with Shell(name, user, setup=setup, env=OUTSIDE) as shell:
        before = shell.environment()
        # This is every way from one to another.
        pairs = itertools.combinations([*both, Path("/")], 2)
        for folder in [*itertools.chain.from_iterable(pairs), both[0]]:
            shell.cd(folder)
            there = shell.environment()
            path = os.fsdecode(there[b"PATH"]).split(":")
            expected = os.fsdecode(before[b"PATH"]).split(":")
            if folder == by_direnv or by_direnv in folder.parents:
                # direnv stays where it is, below.
                expected.insert(0, f"{by_direnv}/.venv/bin")
            if folder == other or other in folder.parents:
                expected.insert(0, f"{other}/bin")
            if folder in (by_hook, within, beneath):
                expected.insert(0, f"{folder}/.venv/bin")
            assert path == expected, folder
            assert there.get(b"BY") == {
                by_direnv: b"direnv",
                by_hook: b"hook",
                within: b"within",
                beneath: b"beneath",
            }.get(folder), folder
            assert (b"DIRENV_DIR" in there) == (folder not in (by_hook, Path("/"))), folder
            assert (b"PYVE_HOOK_ROOT" in there) == (folder in (by_hook, within, beneath)), folder
            if folder == Path("/"):
                assert there == before
