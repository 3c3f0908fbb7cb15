"""The .env: read as direnv reads it, for its owner alone, and never shown."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path

import pytest
from dotenv_readers import make_text, readers
from pyve_test_helpers import TREE, Pyve, find_program, mode

# Each is a text of its own; \n makes more lines.
LINES = r"""
A=b
A=
A=\x20
A =b
A= b
A	=	b
A: b
A:	b
A:  b
A:b
A :b
A : b
A:\x20
A:
A: = b
A: 'b c' # d
A==b
A=b=c
=b
 A=b
	A=b
export A=b
export	A = b
  export  A=b
export A
export
export=b
export = b
export: b
export export=b
export export A=b
exportA=b
A
A b
A b=c
A=b c
A=b # c
A=b#c
A=b #c
A=#c
A= #c
A=b "c"
A=b"c"
A=b'c
A=it's
A='b'
A='b c'
A='b
A=b'
A='
A="
A=''
A=""
A='''
A='b'c
A='b' c
A='b'#c
A='b' # c
A='b' # it's
A='b' # 'c'
A='b' # c'
A='b' 'c'
A='b' # 'c' d
A='b' # c' # 'd
A='b"c'
A="b'c"
A="b" # "c"
A="b" # c"
A="b # c
A='b # c
A='b\'c'
A='b\nc'
A='b\\c'
A="b\"c"
A="b\nc\rd\te"
A="b\\nc"
A="b\\\nc"
A="b\\\\nc"
A="\\"
A="\"
A="b\"
A="b\ c\é\'"
A="\$E"
A="\\$E"
A="\\\$E"
A=\$E
A=b\nc
A=b\ c
A=$E
A=${E}
A="${E}"
A='${E}'
A='$E'
A=$E.b
A=$E_
A=${E
A="${E b"
A=${}
A=${}b${}
A=$
A=$$
A=$$$
A=$$E
A=$1
A=$10
A=${1}
A=$*$@$#$?$-$!
A=${*}${$}
A=$.b
A="$ b $"
A=$(b)
A=`b`
A="$(b c)"
A=${E:-b}
A=${EMPTY:-b}
A=${NOPE:-b}
A="${NOPE:-b c}"
A=${NOPE:-$E}
A=${NOPE:-${E}}
A=${NOPE:-}
A=${NOPE:-b:-c}
A=${NOPE-b}
A=${NOPE:=b}
A=${:-b}
A=${b$c}d
A=${b$c}${E}
A=${${E}}
A=${b"c}
A="${b"c}"
A=$PWD
A=$LC_ALL$line
A=$not_there$IFS$RANDOM
A=b\nB=$A
A=\nB=${A:-c}
A=b\nA=c$A
B=$A\nA=b
a.b=c\nA=${a.b}$a.b
1=b\nA=$1${1}
A=b\n\n\nB=c\n
A=b\rB=c
A=b\r\nB='c'\r\n
# A=b
#
  # A
A=b\n#\nB=c # d
A.B.C=d
1A=b
é=b
A-B=c
A+=b
A[0]=b
A=é☃\x20
A="é ☃"
A=b;c&d|e<f>g(h)
A=*?[a]{b,c}~!^
A=~/b
A=\x01\x7f
A="\x01 \x7f \x0b \x0c"
A=b\x0bc\xa0
A=b\x0cc
\xef\xbb\xbfA=b
\xffA=b
A=\xff\xc3
'A'=b
"A"=b
A=b,c:d/e@f%g
"""


def unfold(line: str) -> bytes:
    """Return the text that a line of LINES stands for."""
    text = line.encode("utf-8", "surrogateescape")
    for name in ("x01", "x20", "x0b", "x0c", "x7f", "xa0", "xc3", "xff", "xef", "xbb", "xbf"):
        text = text.replace(f"\\{name}".encode(), bytes([int(name[1:], 16)]))
    if b'"' not in text and b"b\\nc" not in text:
        text = text.replace(rb"\r", b"\r").replace(rb"\n", b"\n")
    return text


def compare_with_direnv(folder: Path, texts: list[bytes]) -> int:
    """Compare parse_dotenv with direnv, name by name; return how many texts were refused."""
    refused = 0
    with readers(folder, texts) as made:
        for number, ours in enumerate(made.by_pyve()):
            theirs = made.by_direnv(number)
            text = texts[number]
            if isinstance(theirs, bytes):
                refused += 1
                assert isinstance(ours, int), (text, ours)
                assert theirs in text.split(b"\n")[ours - 1].split(b"\r"), (text, ours, theirs)
            else:
                assert ours == theirs, text
    return refused


@pytest.mark.requires_direnv
def test_every_form_of_a_line_is_read_as_direnv_reads_it(tmp_path: Path) -> None:
    texts = [unfold(line) for line in LINES.strip("\n").split("\n")]
    assert len(texts) > 150
    refused = compare_with_direnv(tmp_path, texts)
    assert 20 < refused < len(texts) / 2


@pytest.mark.requires_direnv
@pytest.mark.parametrize("seed", range(4))
def test_made_up_texts_are_read_as_direnv_reads_them(tmp_path: Path, seed: int) -> None:
    source = random.Random(seed)
    texts = [make_text(source) for _ in range(100)]
    refused = compare_with_direnv(tmp_path, texts)
    assert 10 < refused < 60


@pytest.mark.requires_direnv
def test_the_names_that_reach_the_environment_are_those_of_direnv(pyve: Pyve) -> None:
    names = """A _A a_b 1X a.b REPLY path rcpath rcpath_dir rcfile ret PS1 PS2 PS4 PWD OLDPWD SHELL
        SHLVL _ SHELLOPTS BASHOPTS BASH_VERSINFO BASH_VERSION BASH_ENV BASH_FUNC_x BASH_COMMAND
        BASH_SOURCE BASH_REMATCH UID EUID PPID GROUPS FUNCNAME DIRSTACK PIPESTATUS HOSTNAME LANG
        COMP_WORDBREAKS TERM HOME IFS OPTIND DIRENV_BASH DIRENV_CONFIG DIRENV_DIR DIRENV_FILE
        DIRENV_DIFF DIRENV_LOG_FORMAT __fish_x fish_x path_ status name value line"""
    (pyve.bin / "direnv").symlink_to(find_program("direnv"))
    pyve.write(".envrc", "dotenv\n")
    text = "".join(f"{name}=7\n" for name in names.split())
    pyve.write(".env", text)
    for argv in (["direnv", "allow", "."], ["direnv", "export", "json"]):
        result = pyve.execute(*argv)
        assert result.returncode == 0, result.stderr
    loaded = {name for name, value in json.loads(result.stdout).items() if value == "7"}
    code = '. "$1/lib/dotenv.sh"; parse_dotenv "$2"; keep_loadable_names; echo "${DOTENV_NAMES[@]}"'
    kept = subprocess.run(
        ["bash", "-c", code, "-", str(TREE), text], capture_output=True, text=True, check=True
    )
    assert set(kept.stdout.split()) == loaded
    assert {"A", "HOSTNAME", "BASH_ENV"} <= loaded
    assert not {"path", "PS1", "UID", "1X"} & loaded


# --- the file

CANARY = "cAnArY"
SECRETS = f"""A={CANARY}
B = {CANARY}
C={CANARY} {CANARY}
{CANARY}
{CANARY}=1
D="{CANARY}
{CANARY}"
E=${{{CANARY}:-{CANARY}}}
F=`{CANARY}`
{CANARY}: {CANARY}
"""


@pytest.mark.venv
def test_nothing_of_its_content_is_ever_shown(pyve: Pyve) -> None:
    template = pyve.home / ".local" / ".env"
    template.parent.mkdir()
    template.write_text(SECRETS)
    commands = [
        ["init", "--no-direnv", "--local-env"],
        ["init", "--no-direnv", "--local-env"],
        ["doctor"],
        ["doctor", "--json"],
        ["--verbose", "doctor"],
        ["validate"],
        ["validate", "--json"],
        ["config"],
        ["config", "--json"],
        ["run", "-h"],
        ["run", "no-such-program"],
        ["nonsense"],
        [],
        ["init", "--update", "--no-direnv", "--local-env", "--verbose"],
        ["init", "--force", "--no-direnv", "--json", "--yes"],
        ["init", "--update", "--python-version", "3.1"],
        ["purge", "--json"],
        ["purge"],
    ]
    for command in commands:
        result = pyve(*command)
        assert CANARY not in result.stdout + result.stderr, command
        assert "E_INTERNAL" not in result.stderr, command
        assert (pyve.project / ".env").read_text() == SECRETS
    assert mode(pyve.project / ".env") == 0o600


@pytest.mark.venv
def test_git_ignores_it_before_there_is_anything_in_it(pyve: Pyve) -> None:
    template = pyve.home / ".local" / ".env"
    template.parent.mkdir()
    template.write_text("SECRET=1\n")
    # The program that copies, in the place where it is found first.
    pyve.add_program("cat", '#!/bin/sh\n/bin/cp .gitignore "$HOME/seen"\nexec /bin/cat "$@"\n')
    pyve.init("--local-env")
    assert ".env" in (pyve.home / "seen").read_text().splitlines()
    assert (pyve.project / ".env").read_text() == "SECRET=1\n"


@pytest.mark.venv
def test_doctor_says_who_can_read_it_and_what_is_misread(pyve: Pyve) -> None:
    pyve.init()
    env = pyve.write(".env", "A=1\nB = 2\nC='3'\nD=4 5\n")
    env.chmod(0o644)
    result = pyve("doctor")
    assert result.returncode == 2
    lines = result.stdout.splitlines()
    place = lines.index("⚠ .env: others can read it [dotenv-mode]")
    assert lines[place + 2].strip() == "fix: chmod 600 .env"
    shown = " ".join(result.stdout.split())
    assert "⚠ .env line 4: direnv refuses the whole file" in shown
    assert "⚠ .env line 2: there are blanks before the =" in shown
    assert "⚠ .env line 4: the value has blanks and no quotes" in shown
    env.chmod(0o600)
    env.write_text("A=1\nC='3'\n")
    assert "✓ .env: mode 600" in pyve.ok("doctor")


@pytest.mark.venv
def test_doctor_points_at_ten_lines_and_counts_the_rest(pyve: Pyve) -> None:
    pyve.init()
    pyve.write(".env", "".join(f"A{number} = 1\n" for number in range(25))).chmod(0o600)
    document = pyve.json("doctor")
    messages = [item["message"] for item in document["diagnostics"]]
    assert sum(message.startswith(".env line") for message in messages) == 10
    assert any(message.startswith(".env: and 15 more") for message in messages)


@pytest.mark.venv
def test_doctor_warns_of_what_is_no_file_or_cannot_be_all_read(pyve: Pyve) -> None:
    pyve.init()
    env = pyve.project / ".env"
    env.write_bytes(b"A=1\nB=2\0C = 3\n")
    assert "NUL" in pyve("doctor").stdout
    env.unlink()
    assert ".env: not there" in pyve.ok("doctor")
    env.symlink_to("nowhere")
    assert "link to nothing" in pyve("doctor").stdout
    env.unlink()
    env.mkdir()
    assert pyve("doctor").returncode == 2


@pytest.mark.venv
def test_doctor_and_init_warn_when_git_has_it(pyve: Pyve) -> None:
    git = find_program("git")
    pyve.init()
    env = pyve.write(".env", "SECRET=1\n")
    env.chmod(0o600)
    pyve.execute(git, "init", "-q", ".")
    assert "git" not in "".join(line for line in pyve.ok("doctor").splitlines() if ".env:" in line)
    pyve.execute(git, "add", "-f", ".env")
    result = pyve("doctor")
    assert result.returncode == 2
    assert "git rm --cached .env" in result.stdout
    assert "git rm --cached .env" in pyve("init", "--no-direnv", "--update").stderr
    pyve.execute(git, "rm", "-q", "--cached", ".env")
    assert pyve("doctor").returncode == 0
    (pyve.project / ".gitignore").write_text("")
    assert "git does not ignore it" in pyve("doctor").stdout
    pyve.init("--update")
    assert pyve("doctor").returncode == 0
