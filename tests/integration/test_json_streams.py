"""JSON from odd strings; the stream of events; the trace id; and what is typed wrong."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from json_documents import FORMS, check, execute, place, read_answer, read_document, read_events
from pyve_test_helpers import Pyve

# Quotes, control characters, a tab, an escape of a terminal, a backslash, bytes that are no UTF-8.
ODD = (
    b'it\'s "q" \\n \x01\x1f\x7f\t\x1b[31m \xff\xc0\xaf \xed\xa0\x80 \xc3\xbc\xe2\x82\xac'
    b"\xf0\x9f\x90\x8d"
)
# The same as JSON has to tell it: each byte that is no part of UTF-8 (RFC 3629) replaced.
TOLD = ODD.replace(b"\xff\xc0\xaf", "\ufffd\ufffd\ufffd".encode()).replace(
    b"\xed\xa0\x80", "\ufffd\ufffd\ufffd".encode()
)


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory, template_cache: Path) -> Iterator[Pyve]:
    """A project with an environment, for commands that change nothing."""
    folder = tmp_path_factory.mktemp("ready")
    user = Pyve(folder, template_cache)
    user.init()
    yield user
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", [ODD, b"line\nend", b" -x", b"$(touch x) `touch x`"])
def test_the_name_of_a_folder_cannot_break_json(pyve: Pyve, name: bytes, form: str) -> None:
    folder = os.path.join(os.fsencode(pyve.project), name)
    os.mkdir(folder)
    told = name.replace(ODD, TOLD).decode("utf-8")
    for command in ("status", "config", "version"):
        result = execute(pyve, place(form, [command]), folder)
        document = read_answer(form, result.stdout)
        assert document["exit_code"] == 0
        if command == "status":
            assert document["detail"]["project"] == str(pyve.project / told)
    result = execute(pyve, place(form, ["validate"]), folder)
    assert read_answer(form, result.stdout)["exit_code"] == 1
    assert os.listdir(folder) == []


# The last one is on no machine: bash then says so, and works as in C.
LOCALES = ("C", "C.UTF-8", "xx_XX.UTF-8")


@pytest.mark.parametrize("locale", LOCALES)
def test_strings_are_the_same_in_every_locale(ready: Pyve, locale: str) -> None:
    config = ready.project / ".pyve" / "config"
    good = config.read_bytes()
    plain = ODD.replace(b'"', b"").replace(b"'", b"").replace(b"\\n", b"")
    try:
        config.write_bytes(good + b'double: "' + plain + b"\"\nsingle: '" + plain + b"'\n")
        result = execute(ready, ["--json", "config"], LC_ALL=locale)
        values = read_document(result.stdout)["detail"]["values"]
        told = TOLD.decode().replace('"', "").replace("'", "").replace("\\n", "")
        assert (values["double"], values["single"]) == (told, told)
    finally:
        config.write_bytes(good)
    for words in (["explain", ODD], ["run", "printf", ODD], [ODD]):
        result = execute(ready, ["--json", *words], LC_ALL=locale)
        document = read_document(result.stdout)
        assert TOLD.decode()[-8:] in json.dumps(document, ensure_ascii=False)
        said = [line for line in result.stderr.splitlines() if b"setlocale" in line]
        # (Each bash says it once when it starts.)
        assert [line for line in said if b"/lib/json.sh" in line or b"/lib/output.sh" in line] == []


def test_values_of_the_config_cannot_break_json(ready: Pyve) -> None:
    config = ready.project / ".pyve" / "config"
    good = config.read_bytes()
    try:
        config.write_bytes(good + b"note: " + ODD + b'\nlist:\n  - a\n  - b"c\n')
        document = read_document(execute(ready, ["--json", "config"]).stdout)
        assert document["detail"]["values"]["note"] == TOLD.decode()
        assert document["detail"]["values"]["list"] == 'a\nb"c'
        assert document["detail"]["values"]["backend"] == "venv"
        for command in ("status", "doctor", "validate"):
            read_document(execute(ready, ["--json", command]).stdout)
        config.write_bytes(good.replace(b"backend: venv", b"backend: " + ODD))
        document = read_document(execute(ready, ["--json", "status"]).stdout)
        assert document["detail"]["state"] == "broken"
        assert TOLD.decode() in document["detail"]["why"][0]
        read_document(execute(ready, ["--json", "validate"]).stdout)
    finally:
        config.write_bytes(good)


@pytest.mark.parametrize("form", FORMS)
def test_arguments_cannot_break_json(ready: Pyve, form: str) -> None:
    command = [b"printf", b"%s", ODD]
    words = place(form, ["run", *command])  # type: ignore[list-item]
    result = execute(ready, words)
    document = read_answer(form, result.stdout)
    assert document["detail"]["command"] == ["printf", "%s", TOLD.decode()]
    # What it says is talk, untouched.
    assert ODD in result.stderr
    for argument in (["explain", ODD], ["help", ODD], ["run", ODD], ["init", ODD], ["hook", ODD]):
        if argument[0] == "run" and form.startswith("COMMAND"):
            continue
        result = execute(ready, place(form, argument))  # type: ignore[arg-type]
        document = read_answer(form, result.stdout)
        assert document["status"] == "error"
        assert "E_INTERNAL" not in str(document["diagnostics"])


def test_what_is_no_command_is_answered_too(ready: Pyve) -> None:
    for name in (b"nope", b"statsu", ODD, b"", b"a b", b"../x", b"--nope", b"-x"):
        result = execute(ready, ["--json", name])
        document = read_document(result.stdout)
        if name:
            assert result.returncode == document["exit_code"] == 1, document
            assert document["detail"] == {}
            assert document["diagnostics"][0]["code"] == "E_USAGE_COMMAND"
        else:
            assert document["command"] == "status"
        events = read_events(execute(ready, ["--format=jsonl", name]).stdout)
        assert events[-1]["document"]["diagnostics"] == document["diagnostics"]


def test_a_format_that_is_none_is_refused(ready: Pyve) -> None:
    for words in (
        ["--format=xml", "status"],
        ["--format", "xml", "status"],
        ["status", "--format=yaml"],
    ):
        result = execute(ready, words)
        assert (result.returncode, result.stdout) == (1, b""), words
        assert b"[E_USAGE_CHOICE]" in result.stderr
    result = execute(ready, ["status", "--format"])
    assert (result.returncode, result.stdout) == (1, b"")
    # Who has asked for JSON before gets it.
    document = read_document(execute(ready, ["--json", "--format=xml", "status"]).stdout)
    assert document["diagnostics"][0]["code"] == "E_USAGE_CHOICE"
    # As two words, too.
    assert read_document(execute(ready, ["--format", "json", "status"]).stdout)["status"] == "ok"
    read_events(execute(ready, ["status", "--format", "jsonl"]).stdout)


def test_c_goes_with_json_on_both_sides(ready: Pyve) -> None:
    folder = ready.root
    for words in (
        ["-C", ready.project, "--json", "status"],
        ["--json", "-C", ready.project, "status"],
        ["status", "--json", "-C", ready.project],
    ):
        document = read_document(execute(ready, words, folder).stdout)
        assert document["detail"]["project"] == str(ready.project)
        assert document["detail"]["next"] == f"pyve -C '{ready.project}' shell"
    for words in (["--json", "-C", "no such", "status"], ["-C", "no such", "--json", "status"]):
        document = read_document(execute(ready, words, folder).stdout)
        assert document["diagnostics"][0]["code"] == "E_USAGE_DIRECTORY"
        assert "no such" in str(document["diagnostics"])


def test_help_completion_and_hook_are_text_in_the_document(ready: Pyve) -> None:
    for line in ("help init", "help", "hook zsh", "complete -- in"):
        plain = execute(ready, line.split()).stdout.decode()
        assert plain
        document = read_document(execute(ready, ["--json", *line.split()]).stdout)
        assert document["detail"]["text"].rstrip("\n") == plain.rstrip("\n")
    plain = execute(ready, ["self", "completions", "bash"]).stdout.decode()
    document = read_document(execute(ready, ["--json", "self", "completions", "bash"]).stdout)
    assert document["detail"]["script"] == plain
    assert (
        read_document(execute(ready, ["--json"]).stdout)["detail"]
        == (read_document(execute(ready, ["--json", "status"]).stdout)["detail"])
    )
    # What the shell's hook executes is for the shell, whatever is around it.
    document = read_document(execute(ready, ["--json", "hook", "--distrust"]).stdout)
    assert document["detail"]["trusted"] is False


def start(pyve: Pyve, *words: str, **env: str) -> subprocess.Popen[bytes]:
    """Start pyve with pipes."""
    return subprocess.Popen(
        pyve.command(*words),
        cwd=pyve.project,
        env={**pyve.env, **env},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_events_come_as_they_happen(ready: Pyve) -> None:
    # The command waits for a line, which comes after the first event was read.
    with start(
        ready, "--format=jsonl", "run", "sh", "-c", "read line; echo $line; exit 3"
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        first = process.stdout.readline()
        assert json.loads(first)["event"] == "start"
        process.stdin.write(b"heard\n")
        process.stdin.close()
        rest = process.stdout.read()
        assert process.stderr.read() == b"heard\n"
    events = read_events(first + rest)
    assert events[-1]["document"]["exit_code"] == process.returncode == 3


def test_long_work_tells_its_progress(pyve: Pyve) -> None:
    # No template yet: the first environment of an interpreter takes a while.
    result = execute(
        pyve, ["--format=jsonl", "init", "--no-direnv"], PYVE_TEMPLATES=str(pyve.root / "new")
    )
    events = read_events(result.stdout)
    assert [event for event in events if event["event"] == "progress"], events
    assert [event for event in events if event["event"] == "step"], events
    document = events[-1]["document"]
    assert document["status"] == "ok"
    assert document["detail"]["environment"] == str(pyve.venv)
    times = [event["elapsed_ms"] for event in events if event["event"] == "progress"]
    assert times == sorted(times)


def test_nothing_that_a_child_prints_comes_between(ready: Pyve) -> None:
    script = "echo out; echo err >&2; printf '%s' '{\"a\": 1}'"
    for form in (FORMS[0], FORMS[3]):
        result = execute(ready, place(form, ["run", "sh", "-c", script]))
        assert read_answer(form, result.stdout)["exit_code"] == 0
        assert result.stderr == b'out\nerr\n{"a": 1}'


def test_how_a_command_ends_is_told_by_the_document_alone(ready: Pyve) -> None:
    # (2 is "warnings only" for Pyve's own commands, and a failure of others.)
    for script, status in (("exit 0", 0), ("exit 2", 2), ("exit 7", 7), ("kill -9 $$", 137)):
        result = execute(ready, ["--json", "run", "sh", "-c", script])
        document = read_document(result.stdout)
        assert document["exit_code"] == result.returncode == status
        assert document["status"] == ("error" if status else "ok")
        assert result.stderr == b""


def trace_of(document: dict[str, Any]) -> str:
    """Return the trace id of a document."""
    check(document)
    found: str = document["trace_id"]
    return found


def test_a_trace_goes_through_children_and_helpers(ready: Pyve) -> None:
    assert "trace_id" not in read_document(execute(ready, ["--json", "status"]).stdout)
    assert "trace_id" not in read_document(
        execute(ready, ["--json", "status"], PYVE_TRACE="0").stdout
    )
    one = trace_of(read_document(execute(ready, ["--json", "status"], PYVE_TRACE="1").stdout))
    two = trace_of(read_document(execute(ready, ["--json", "status"], PYVE_TRACE="1").stdout))
    assert one != two
    assert re.fullmatch("[0-9a-f]{32}", one)
    # A child Pyve has that of its parent; so has every other program.
    script = f"'{ready.command()[0]}' --json version; echo; env"
    result = execute(ready, ["--json", "run", "sh", "-c", script], PYVE_TRACE="1")
    found = trace_of(read_document(result.stdout))
    child, _, variables = result.stderr.decode().partition("\n\n")
    assert trace_of(json.loads(child)) == found
    assert f"PYVE_TRACE_ID={found}" in variables.splitlines()
    # Also where the command takes Pyve's place, and there is no JSON.
    result = execute(ready, ["run", "sh", "-c", script], PYVE_TRACE="1")
    child, _, variables = result.stdout.decode().partition("\n\n")
    assert f"PYVE_TRACE_ID={trace_of(json.loads(child))}" in variables.splitlines()
    # One that is no id is not taken over.
    bad = execute(ready, ["--json", "version"], PYVE_TRACE="1", PYVE_TRACE_ID='"; x')
    assert trace_of(read_document(bad.stdout)) != '"; x'
    given = execute(ready, ["--format=jsonl", "version"], PYVE_TRACE="1", PYVE_TRACE_ID=one)
    assert read_events(given.stdout)[0]["trace_id"] == one
