"""Every command answers with JSON as docs/schema says: success and failure, however it is asked."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from conda_channel import CondaChannel
from conda_project import CondaUser
from distributions import make_wheel
from json_documents import FORMS, SCHEMA_FILE, check, execute, place, read_answer, schema
from locked_project import lock_nothing, write_locked
from pyve_test_helpers import TREE, Pyve, find_program, snapshot

ROOMS = {path.stem: path for path in (TREE / "lib" / "commands").glob("*.sh")}


@dataclass(frozen=True)
class Case:
    """A command line, and what has to come of it.

    Attributes:
        line: the words; the first is the command.
        status: the exit code.
        code: the diagnostic, for a failure.
        command: what the document says, when that is not the first word.
        project: "ready" (shared, with an environment: the command changes nothing), "own" (the
            same, for this command alone), "empty", "conda", "locked" (no environment, and a
            pylock.toml), or "idle" (the same, and nothing is asked for).
        keys: what "detail" has to hold.
        env: further variables.
    """

    line: str
    status: int = 0
    code: str = ""
    command: str | None = None
    project: str = "ready"
    keys: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)

    @property
    def room(self) -> str:
        """The command."""
        return self.line.split()[0]


NOWHERE = {"HOME": "/no/such/home", "XDG_DATA_HOME": ""}
CASES = [
    Case(
        "add --dry-run never;\tpython_version<'3'",
        project="idle",
        keys=("files", "diff", "dry_run", "locked"),
    ),
    Case("add", 1, "E_USAGE_ARGUMENT"),
    Case("add ./nowhere", 1, "E_MANIFEST", project="locked"),
    Case("complete -- st", keys=("text",)),
    Case("config", keys=("backend", "values")),
    Case("config", project="empty", keys=("backend",)),
    Case("config --nope", 1, "E_USAGE_OPTION"),
    Case("doctor --only config-syntax", keys=("checks",)),
    Case("doctor --list", keys=("known_checks",)),
    Case("doctor", 1, project="empty", keys=("checks",)),
    Case("doctor --only nope", 1, "E_DOCTOR_CHECK"),
    Case("explain E_ENV_MISSING", keys=("code", "fix")),
    Case("explain", keys=("codes",)),
    Case("explain E_NO_SUCH_CODE", 1, "E_CODE_UNKNOWN"),
    Case("explain run printf talk", keys=("plan",)),
    Case("explain run true", 1, "E_ENV_MISSING", project="empty"),
    Case("explain tool list", 1, "E_USAGE_ARGUMENT"),
    Case("export", project="locked", keys=("format", "lock", "text")),
    Case("export --format cyclonedx", project="locked", keys=("format", "text")),
    Case("export --output x.txt", project="locked", keys=("file", "changed")),
    Case("export --no-dev --group doc", 1, "E_GROUP_UNKNOWN", project="locked"),
    Case("fmt --check", keys=("command",)),
    Case("fmt --with", 1, "E_USAGE_VALUE"),
    Case("help", keys=("text",)),
    Case("help init", keys=("text",)),
    Case("init --help", command="help", keys=("text",)),
    Case("help nope", 1, "E_USAGE_COMMAND"),
    Case("hook bash", keys=("text",)),
    Case("hook --trust", project="own", keys=("project", "trusted")),
    Case("hook --distrust", project="own", keys=("project", "trusted")),
    Case("hook csh", 1, "E_USAGE_SHELL"),
    Case("hook --trust", 1, "E_NOT_INITIALIZED", project="empty"),
    Case("imports find json", keys=("name", "kind", "files", "distribution", "hides")),
    Case("imports time python -c pass", keys=("total_us", "packages", "modules")),
    Case("imports time", 1, "E_RUN_COMMAND"),
    Case("init --no-direnv", project="empty", keys=("environment", "python", "mode")),
    Case("init --update", project="own", keys=("environment",)),
    Case("init --python-version nope", 1, "E_PYTHON_VERSION_INVALID", project="empty"),
    Case("install", project="empty", keys=("tree", "link", "rc_file")),
    Case("install", 1, "E_INSTALL_HOME", env=NOWHERE),
    Case("lint", keys=("command",)),
    Case("lint --with", 1, "E_USAGE_VALUE"),
    Case("lock --check", 1, "E_LOCK_MISSING", project="conda", keys=("status",)),
    Case("lock", project="conda", keys=("file", "changed", "platforms")),
    Case("lock diff pylock.toml --markdown", project="locked", keys=("lock", "diff", "text")),
    Case("lock diff HEAD", 1, "E_LOCK_REVISION", project="locked"),
    Case("lock", 1, "E_MANIFEST_MISSING"),
    Case("lock", project="locked", keys=("file", "changed", "platforms", "changes")),
    Case("lock --check", project="locked", keys=("status",)),
    Case("mcp install --dry-run", keys=("client", "file", "text", "changed")),
    Case("mcp", 1, "E_MCP_JSON"),
    Case("mcp --allow-run", 1, "E_MCP_ALLOW"),
    Case("migrate", keys=("source", "target", "dry_run", "read", "files", "diff", "notes")),
    Case("migrate --from venv --to conda", keys=("unanswered", "kept", "changed")),
    Case("migrate --apply", project="locked", keys=("source", "dry_run")),
    Case("migrate", 1, "E_MIGRATE_SOURCE", project="empty"),
    Case("outdated", project="idle", keys=("packages", "upgradable")),
    Case("outdated", 1, "E_LOCK_MISSING"),
    Case(
        "prefetch wheels --platform linux-64 --python 3.12",
        project="idle",
        keys=("folder", "fetched"),
    ),
    Case("prefetch wheels", 1, "E_MANIFEST_MISSING"),
    Case("profile list", keys=("profiles",)),
    Case("profile show dev", keys=("name", "fields")),
    Case("profile diff dev prod", keys=("from", "to", "changes")),
    Case("profile show nope", 1, "E_PROFILE_UNKNOWN"),
    Case("purge", project="own", keys=("project", "removed")),
    Case("purge", project="empty", keys=("project", "removed")),
    Case("purge a/../b", 1),
    Case("python list", keys=("action", "interpreters", "wish", "source")),
    Case("python which", keys=("action", "version", "path", "manager", "source")),
    Case("python which 3.91", 1, "E_PYTHON_MISSING"),
    Case("python-version", keys=("version", "source")),
    Case("python-version nope", 1, "E_PYTHON_VERSION_INVALID"),
    Case("remove --dry-run gone", project="idle", keys=("files", "diff", "dry_run", "locked")),
    Case("remove --dry-run beta", 1, "E_RESOLVE_MISSING", project="locked"),
    Case("remove alpha", 1, "E_PACKAGE_INDIRECT", project="locked"),
    Case("remove nope", 1, "E_PACKAGE_UNKNOWN", project="locked"),
    Case("run printf talk", keys=("command",)),
    Case("run sh -c exit\t7", 7, keys=("command",)),
    Case("run no-such-command", 127, "E_COMMAND_NOT_FOUND"),
    Case("run true", 1, "E_ENV_MISSING", project="empty"),
    Case("schema", keys=("schema",)),
    Case("schema --nope", 1, "E_USAGE_OPTION"),
    Case("self", keys=("text",)),
    Case("self completions fish", keys=("script",)),
    Case("self uninstall --yes", project="empty", keys=("removed",)),
    Case("self nope", 1, "E_USAGE_COMMAND"),
    Case("shell sh", keys=("command",)),
    Case("shell no-such-shell", 1, "E_SHELL_MISSING"),
    Case("status", keys=("state", "next")),
    Case("status", project="empty", keys=("state", "next")),
    Case("status --check", 1, "E_NOT_CONSISTENT", project="empty", keys=("state",)),
    Case("store", keys=("text",)),
    Case("store info", keys=("action", "store", "bytes", "environments")),
    Case("store verify", keys=("action", "verified", "faults")),
    Case("store repair", keys=("action", "mended", "removed")),
    Case("store gc --dry-run", keys=("action", "freed", "removed", "in_use", "dry_run")),
    Case("store verify 0123456", 1, "E_STORE_UNKNOWN"),
    Case("store nope", 1, "E_USAGE_COMMAND"),
    Case("sync", project="idle", keys=("environment", "made", "added", "changed", "removed")),
    Case("sync --dry-run", project="idle", keys=("environment", "dry_run", "added")),
    Case("sync", 1, "E_MANIFEST_MISSING"),
    Case("sync --frozen --group nope", 1, "E_GROUP_UNKNOWN", project="idle"),
    Case("test -q", keys=("command",)),
    Case("test", 1, "E_ENV_MISSING", project="empty"),
    Case("testenv --init", project="own", keys=("action", "environment")),
    Case("testenv --purge", project="own", keys=("action", "environment")),
    Case("testenv", 1, "E_USAGE_CONFLICT"),
    Case("tool list", keys=("action", "tools")),
    Case("tool remove nope", 1, "E_TOOL_UNKNOWN"),
    Case("tree", project="locked", keys=("lock", "trees", "invert")),
    Case("tree --invert ring --depth 1", project="locked", keys=("trees",)),
    Case("tree --svg x.svg", project="locked", keys=("file", "changed")),
    Case("tree --dot", project="locked", keys=("text",)),
    Case("tree nope", 1, "E_PACKAGE_UNKNOWN", project="locked"),
    Case("typecheck", keys=("command",)),
    Case("typecheck --with", 1, "E_USAGE_VALUE"),
    Case("uninstall", project="empty", keys=("removed",), env={"CI": "1"}),
    Case("uninstall", 1, "E_INSTALL_HOME", env=NOWHERE),
    Case("upgrade --no-sync", project="idle", keys=("locked", "dry_run")),
    Case("upgrade nope", 1, "E_PACKAGE_UNKNOWN", project="locked"),
    Case("validate", keys=("checks",)),
    Case("validate", 1, project="empty", keys=("checks",)),
    Case("version", keys=("version",)),
    Case("--version", command="version", keys=("version",)),
    Case("version one", 1, "E_USAGE_ARGUMENT"),
    Case("watch --on nowhere true", 1, "E_WATCH_PATH"),
    Case("why ring", project="locked", keys=("lock", "name", "packages")),
    Case("why nope", 1, "E_PACKAGE_UNKNOWN", project="locked"),
    Case("why", 1, "E_USAGE_ARGUMENT"),
    Case("x ruff --version", keys=("command",)),
    Case("x --from ruff nope", 1, "E_TOOL_COMMAND"),
]
# Why a command has no case that succeeds, or none that fails.
ONE_SIDED = {
    ("complete", "failure"): "at a Tab there is nobody to read a diagnostic",
    ("watch", "success"): "it goes on until somebody ends it; test_watch.py has its document",
}
# Commands that ask an interpreter, or run what the user names.
STARTS_PYTHON = {
    *("fmt", "imports", "lint", "python", "typecheck", "x"),
    *("add", "doctor", "export", "init", "lock", "mcp", "outdated", "prefetch", "remove", "test"),
    *("migrate", "store", "testenv", "sync", "tree", "upgrade", "validate", "why"),
}


def fill(pyve: Pyve) -> Pyve:
    """Make an environment, with a pytest that only says that it was called, and tools like that."""
    pyve.init()
    pyve.env["UV_FIND_LINKS"] = str(pyve.root / "wheels")
    for name in ("ruff", "mypy"):
        files = {f"{name}/__init__.py": "def main():\n    print('talk')\n"}
        wheel = make_wheel(name, "1.0", files=files, commands={name: f"{name}:main"})
        wheel.write(pyve.root / "wheels")
    pyve.add_module(pyve.testenv, "pytest/__init__.py")
    pyve.add_module(pyve.testenv, "pytest/__main__.py", "print('talk')\n")
    return pyve


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory, template_cache: Path) -> Iterator[Pyve]:
    """A project with an environment, for commands that change nothing."""
    folder = tmp_path_factory.mktemp("ready")
    yield fill(Pyve(folder, template_cache))
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def find_user(
    request: pytest.FixtureRequest, tmp_path: Path, template_cache: Path
) -> Iterator[Callable[[str], Pyve]]:
    """Gives the user with the project that a case asks for."""
    count = 0

    def find(kind: str) -> Pyve:
        nonlocal count
        if kind == "ready":
            user: Pyve = request.getfixturevalue("ready")
            return user
        count += 1
        folder = tmp_path / str(count)
        folder.mkdir()
        if kind == "conda":
            channel: CondaChannel = request.getfixturevalue("conda_channel")
            conda = CondaUser(folder, template_cache, channel)
            conda.manifest("libwater")
            return conda
        user = Pyve(folder, template_cache)
        if kind == "locked":
            write_locked(user.project)
        if kind == "idle":
            lock_nothing(user)
        return fill(user) if kind == "own" else user

    yield find
    shutil.rmtree(tmp_path, ignore_errors=True)


def describe(case: Case) -> str:
    """Return the name of a case."""
    return f"{case.line} in {case.project}"


@pytest.mark.parametrize("case", CASES, ids=describe)
def test_a_command_answers_as_the_schema_says(case: Case, find_user: Callable[[str], Pyve]) -> None:
    changes = case.project != "ready" and case.status == 0
    user = find_user(case.project)
    seen = {}
    for form in FORMS:
        if case.room == "complete" and form.startswith("COMMAND"):
            continue
        if changes and form != FORMS[0]:
            if form != FORMS[3]:
                # What is changed is made anew for one document and one stream.
                continue
            user = find_user(case.project)
        words = [word.replace("\t", " ") for word in place(form, case.line.split(" "))]
        result = execute(user, words, **case.env)
        where = f"{form}: {result.returncode}\n{result.stdout!r}\n{result.stderr.decode()}"
        assert result.returncode == case.status, where
        document = read_answer(form, result.stdout)
        assert document["exit_code"] == case.status, where
        assert document["command"] == (case.room if case.command is None else case.command)
        codes = [entry["code"] for entry in document["diagnostics"]]
        assert not case.code or codes[-1:] == [case.code], where
        assert "E_INTERNAL" not in codes, where
        assert set(case.keys) <= set(document["detail"]), where
        # A person who watches reads the same.
        for entry in document["diagnostics"]:
            if case.room not in ("doctor", "validate"):
                assert f"{entry['message']} [{entry['code']}]" in result.stderr.decode(), where
        seen[form] = (document["detail"], document["status"], codes)
    if not changes:
        # (These look at the clock and the disk.)
        looks = case.room in ("doctor", "imports", "test")
        assert looks or len({json.dumps(value) for value in seen.values()}) == 1, seen


def test_every_command_has_a_case_that_succeeds_and_one_that_fails() -> None:
    for room in ROOMS:
        cases = [case for case in CASES if case.room == room]
        for name, found in (
            ("success", [case for case in cases if case.status == 0]),
            ("failure", [case for case in cases if case.status != 0]),
        ):
            assert found or (room, name) in ONE_SIDED, f"add a case of {name} for pyve {room}"
    assert {room for room, _ in ONE_SIDED} <= set(ROOMS)


def test_the_schema_has_the_keys_that_commands_answer_with() -> None:
    details = {
        name.removeprefix("detail-"): value
        for name, value in schema()["$defs"].items()
        if name.startswith("detail-")
    }
    assert set(details) == set(ROOMS), "each command has its $defs/detail-COMMAND"
    for room, path in ROOMS.items():
        assert details[room]["additionalProperties"] is False
        text = re.sub(r"^\s*#.*$", "", path.read_text(), flags=re.MULTILINE)
        keys = set(re.findall(r"\banswer(?:_json)? ([a-z_]+) ", text))
        assert keys <= set(details[room]["properties"]), f"pyve {room}: not in the schema"


def test_the_schema_is_one(ready: Pyve) -> None:
    import jsonschema

    jsonschema.Draft202012Validator.check_schema(schema())
    # References, which the check of the schema does not follow.
    names = re.findall(r'"\$ref": "#/\$defs/([^"]+)"', SCHEMA_FILE.read_text())
    assert set(names) == set(schema()["$defs"])
    assert ready.ok("schema") == SCHEMA_FILE.read_text()
    assert ready.json("schema")["detail"]["schema"] == schema()


def test_the_schema_refuses_what_is_wrong(ready: Pyve) -> None:
    good = ready.json("status")
    for change in (
        {"version": 2},
        {"status": "fine"},
        {"exit_code": "0"},
        {"extra": 1},
        {"command": "nope"},
        {"detail": {**good["detail"], "extra": 1}},
        {"detail": {}},
        {"detail": {**good["detail"], "state": "good"}},
        {"status": "error", "exit_code": 1},
        {"exit_code": 1},
        {"diagnostics": [{"code": "E_X"}]},
        {"trace_id": "1"},
    ):
        with pytest.raises(AssertionError):
            check({**good, **change})
    for event in (
        {"event": "start"},
        {"version": 1, "event": "other"},
        {"version": 1, "event": "end"},
    ):
        with pytest.raises(AssertionError):
            check(event)


def test_an_installed_pyve_has_its_schema(pyve: Pyve) -> None:
    pyve.ok("install")
    result = pyve.execute(pyve.home / ".local/bin/pyve", "schema", PYVE_ROOT="")
    assert result.stdout == SCHEMA_FILE.read_text()
    installed = pyve.home / ".local/share/pyve/app/docs/schema/pyve-v1.json"
    installed.unlink()
    result = pyve.execute(pyve.home / ".local/bin/pyve", "--json", "schema")
    document = json.loads(result.stdout)
    check(document)
    assert document["diagnostics"][0]["code"] == "E_INSTALL_SOURCE"


@pytest.mark.parametrize(
    "case",
    [
        case
        for case in CASES
        if case.room not in STARTS_PYTHON
        and case.project in ("ready", "empty")
        and "run" not in case.line
    ],
    ids=describe,
)
def test_no_python_is_started_for_json(
    case: Case, find_user: Callable[[str], Pyve], tmp_path: Path
) -> None:
    if case.room == "python-version" and case.status == 0:
        pytest.skip("it asks the interpreters that it finds")
    user = find_user(case.project)
    loud = tmp_path / "loud"
    loud.mkdir()
    log = tmp_path / "log of python"
    names = {"python", "python3", *(path.name for path in user.bin.glob("python*"))}
    for name in names:
        (loud / name).write_text(f"#!/bin/sh\necho \"$0 $*\" >>'{log}'\nexit 97\n")
        (loud / name).chmod(0o755)
    path = f"{loud}:{user.env['PATH']}"
    words = place(FORMS[0], case.line.split(" "))
    before = snapshot(user.project)
    strace = find_program("strace")
    argv = [strace, "-f", "-qq", "-e", "trace=execve", "-o", str(tmp_path / "trace")]
    result = user.execute(*argv, *user.command(*words), **{**case.env, "PATH": path})
    assert result.returncode == case.status, result.stderr
    json.loads(result.stdout)
    assert not log.exists(), log.read_text()
    programs = re.findall(
        r'execve\("([^"]+)".* = 0$', (tmp_path / "trace").read_text(), re.MULTILINE
    )
    assert programs, "strace saw nothing"
    assert not [name for name in programs if "python" in Path(name).name], programs
    if case.project == "ready":
        assert snapshot(user.project) == before
