"""Reading what --json and --format=jsonl print, and comparing it with docs/schema."""

from __future__ import annotations

import functools
import json
import subprocess
from typing import Any

import jsonschema
from pyve_test_helpers import TREE, Pyve

SCHEMA_FILE = TREE / "docs" / "schema" / "pyve-v1.json"
# Commands that start a program with the words behind theirs.
HANDS_ON = (
    *("run", "x", "fmt", "lint", "typecheck", "watch"),
    *(("explain", "run"), ("imports", "time")),
)
# Ways to ask for JSON: the option, and whether it comes after the command's words.
FORMS = ("--json COMMAND", "COMMAND --json", "--format=json COMMAND", "--format=jsonl COMMAND")


@functools.cache
def schema() -> dict[str, Any]:
    """Return the schema."""
    return json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))


@functools.cache
def validator(definition: str = "") -> jsonschema.Draft202012Validator:
    """Return a validator for the schema, or for one of its $defs."""
    if not definition:
        return jsonschema.Draft202012Validator(schema())
    part = {"$ref": f"#/$defs/{definition}", "$defs": schema()["$defs"]}
    return jsonschema.Draft202012Validator(part)


def check(value: Any, definition: str = "") -> None:
    """Fail, by name and place, where a value is not as the schema says."""
    faults = [f"{e.json_path}: {e.message}" for e in validator(definition).iter_errors(value)]
    assert not faults, "\n".join([*faults, json.dumps(value, indent=1)[:4000]])


def place(form: str, words: list[str]) -> list[str]:
    """Return the words of a command line with the option where the form has it."""
    option, last = (form.split()[0], False) if form.startswith("-") else (form.split()[1], True)
    if not last or words[:1] == ["test"]:
        # (What comes behind `pyve test` belongs to pytest.)
        return [option, *words]
    if words[0] in HANDS_ON or tuple(words[:2]) in HANDS_ON:
        # (What comes behind the command of such a room belongs to that.)
        return [words[0], option, *words[1:]]
    if "--" in words:
        at = words.index("--")
        return [*words[:at], option, *words[at:]]
    return [*words, option]


def execute(
    pyve: Pyve, words: list[str | bytes], folder: Any = None, answer: bytes = b"", **env: str
) -> subprocess.CompletedProcess[bytes]:
    """Run pyve with any bytes, in the project."""
    return subprocess.run(
        [*pyve.command(), *words],
        cwd=folder or pyve.project,
        input=answer,
        env={**pyve.env, **env},
        capture_output=True,
        timeout=300,
        check=False,
    )


def read_document(output: bytes) -> dict[str, Any]:
    """Return the one document that stdout holds; it must be valid, and nothing else be there."""
    assert output.endswith(b"}\n"), output[-500:]
    assert output.count(b"\n") == 1, output[:4000]
    document: dict[str, Any] = json.loads(output.decode("utf-8"))
    check(document)
    check(document, "document")
    return document


def read_events(output: bytes) -> list[dict[str, Any]]:
    """Return the events of --format=jsonl, each valid, in an order that is right."""
    assert output.endswith(b"}\n"), output[-500:]
    events = [json.loads(line.decode("utf-8")) for line in output.splitlines()]
    for event in events:
        check(event)
        check(event, "event")
    names = [event["event"] for event in events]
    assert names[0] == "start", names
    assert names[-1] == "end", names
    assert names.count("start") == names.count("end") == 1, names
    document = events[-1]["document"]
    check(document)
    assert events[0]["command"] in (document["command"], ""), document
    assert events[0].get("trace_id") == document.get("trace_id")
    # What came as it happened is what the document holds.
    told = [event["diagnostic"] for event in events if event["event"] == "diagnostic"]
    assert told == document["diagnostics"]
    steps = [
        {"event": event["level"], "message": event["message"]}
        for event in events
        if event["event"] == "step"
    ]
    assert steps == document["events"]
    return events


def read_answer(form: str, output: bytes) -> dict[str, Any]:
    """Return the document, whichever form was asked for."""
    if "jsonl" in form:
        document: dict[str, Any] = read_events(output)[-1]["document"]
        return document
    return read_document(output)
