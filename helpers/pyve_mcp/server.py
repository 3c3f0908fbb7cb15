"""The server: what clients ask, answered by commands of Pyve."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import time
import warnings
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.shared.exceptions import MCPDeprecationWarning, MCPError
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import create_model

from pyve_core import HelperError, redact
from pyve_core.answers import describe_accident
from pyve_mcp.checks import check_arguments, check_rights
from pyve_mcp.child import (
    HASTY,
    LONGEST_LINE,
    Outcome,
    Patience,
    Progress,
    run_command,
    stop_all,
    write_document,
)
from pyve_mcp.confine import Confinement, find_project
from pyve_mcp.envelope import Document, add_failure, last_line, make_diagnostic, make_document
from pyve_mcp.headers import read_rooms
from pyve_mcp.journal import write_entry
from pyve_mcp.tools import (
    MOST_SECONDS,
    OUTPUT_SCHEMA,
    USUAL_OUTPUT,
    Rights,
    Tool,
    make_tools,
)

# So many commands run at the same time.
_CROWD = 8
# How long the client may take to say its roots, in seconds.
_ROOTS_SECONDS = 10
_ROOTS = "roots"

# What can be read without a tool: the name behind pyve://, and the command that gives it.
_RESOURCES = {
    "status": ["status"],
    "config": ["config"],
    "lock": ["lock", "--check"],
    "doctor": ["doctor"],
}

_INSTRUCTIONS = """\
Pyve makes and mends the Python environment of a project. Begin with the tool status: its \
detail.next is the command that brings the project to order. Every tool returns one document: \
status (ok, warning, error), exit_code, detail, and diagnostics, each with a code, why, and fix: \
commands that mend it. The tool explain tells more about a code, doctor looks for what is wrong.\
"""

Context = Any

# What a client answers to roots/list, whatever kind of URI it names.
_Roots = create_model("_Roots", __base__=types.Result, roots=(list[Any], ...))


class Service:
    """Answers one client.

    Attributes:
        tools: all that the commands offer, also what is not allowed.
    """

    def __init__(self, root: Path, start: str, rights: Rights) -> None:
        self._root = root
        self._start = start
        self._rights = rights
        self._headers = read_rooms(root / "lib" / "commands")
        self.tools = make_tools(self._headers)
        self._crowd = anyio.CapacityLimiter(_CROWD)
        self._asking = anyio.Lock()
        # Those that the client named, once it was asked; how often they have changed.
        self._uris: list[str] | None = None
        self._changes = 0
        # What the log has to say of the calls that are not yet answered.
        self._open: dict[int, tuple[str, dict[str, Any]]] = {}

    # --- tools

    async def list_tools(self, _context: Context, _params: Any) -> types.ListToolsResult:
        """Answer tools/list."""
        return types.ListToolsResult(
            tools=[
                self._describe_tool(tool)
                for tool in self.tools.values()
                if self._rights.allows(tool.level)
            ]
        )

    def _describe_tool(self, tool: Tool) -> types.Tool:
        return types.Tool(
            name=tool.name,
            title=tool.header.summary,
            description=tool.describe(),
            input_schema=tool.make_input_schema(self._rights),
            output_schema=OUTPUT_SCHEMA,
            annotations=types.ToolAnnotations.model_validate(
                {"title": tool.header.summary, **tool.find_annotations(self._rights)}
            ),
        )

    async def call_tool(self, context: Context, params: types.CallToolRequestParams) -> Any:
        """Answer tools/call."""
        tool = self.tools.get(params.name)
        if tool is None:
            raise self._refuse_unknown(params.name)
        uris = await self._find_uris(context, params)
        if isinstance(uris, types.InputRequiredResult):
            return uris
        arguments = dict(params.arguments or {})
        client = _name_client(context)
        entry: dict[str, Any] = {
            "tool": tool.name,
            "arguments": arguments,
            "client": client,
            "directory": "",
            "outcome": "refused",
        }
        confinement = Confinement(self._start, uris)
        home = confinement.find_home()
        self._open[id(entry)] = (home, entry)
        begun = time.monotonic()
        document: Document | None = None
        try:
            check_rights(tool, arguments, self._rights, client)
            check_arguments(tool, arguments, self._rights)
            directory = confinement.resolve(arguments.get("directory", ""), tool.changes(arguments))
            home = find_project(directory) or directory
            self._open[id(entry)] = (home, entry)
            entry["directory"] = directory
            for path in tool.list_paths(arguments):
                confinement.check(path, directory)
            entry["outcome"] = "cancelled"
            document = await self._run_tool(tool, arguments, directory, _tell(context))
            entry["outcome"] = "done"
        except HelperError as error:
            if entry["outcome"] != "refused":
                entry["outcome"] = "failed"
            document = make_document(tool.name, error, home)
        finally:
            passed = int((time.monotonic() - begun) * 1000)
            if document is not None:
                errors = [item for item in document["diagnostics"] if item["level"] == "error"]
                entry["exit_code"] = document["exit_code"]
                entry["codes"] = [item["code"] for item in errors]
                # (A command that gave no answer did not say how long it took.)
                document["duration_ms"] = document["duration_ms"] or passed
            entry["duration_ms"] = passed
            # (When the server is about to end, it was noted already.)
            if self._open.pop(id(entry), None) is not None:
                write_entry(home, entry)
        text = types.TextContent(type="text", text=write_document(document))
        return types.CallToolResult(
            content=[text], structured_content=document, is_error=document["status"] == "error"
        )

    async def _run_tool(
        self, tool: Tool, arguments: dict[str, Any], directory: str, progress: Progress
    ) -> Document:
        """Run the command of a tool whose call was found to be in order."""
        words = tool.make_command(arguments)
        seconds = int(arguments.get("timeout", tool.seconds))
        if not tool.has_output:
            outcome = await self._run(directory, words, seconds, None, progress)
            return _finish(tool.name, outcome, seconds, directory)
        limit = int(arguments.get("max_output", USUAL_OUTPUT))
        outcome = await self._run(directory, words, seconds, limit, progress)
        document = _finish(tool.name, outcome, seconds, directory)
        for name, kept in (("stdout", outcome.stdout), ("stderr", outcome.stderr)):
            document["detail"][name] = kept.text()
            document["detail"][f"{name}_left_out"] = kept.cut
        return document

    async def _run(
        self,
        directory: str,
        words: list[str],
        seconds: int,
        limit: int | None,
        progress: Progress | None,
    ) -> Outcome:
        argv = [str(self._root / "pyve.sh"), "-C", directory, "--format=jsonl", *words]
        async with self._crowd:
            try:
                return await run_command(argv, seconds, limit, progress)
            except OSError as error:
                raise HelperError(
                    "E_MCP_CHILD",
                    f"pyve {words[0]} could not be started",
                    error.strerror or str(error),
                    "pyve doctor",
                ) from error

    def _refuse_unknown(self, name: str) -> MCPError:
        error = HelperError(
            "E_MCP_TOOL",
            f"there is no tool {name!r}",
            f"there are {', '.join(self.tools)}",
            "pyve help",
        )
        # What a tool does not exist for is an error of the protocol.
        return MCPError(
            types.INVALID_PARAMS, f"{error.message} [{error.code}]", make_diagnostic(error)
        )

    def log_open(self) -> None:
        """Note the calls that are ended because the server ends."""
        while self._open:
            write_entry(*self._open.popitem()[1])

    # --- resources

    async def list_resources(self, _context: Context, _params: Any) -> types.ListResourcesResult:
        """Answer resources/list."""
        found = [
            types.Resource(
                uri=f"pyve://{name}",
                name=name,
                description=self._headers[words[0]].summary,
                mime_type="application/json",
            )
            for name, words in _RESOURCES.items()
            if words[0] in self._headers
        ]
        if self._schema_file.is_file():
            found.append(
                types.Resource(
                    uri="pyve://schema",
                    name="schema",
                    description="The JSON Schema of what every command answers",
                    mime_type="application/json",
                )
            )
        return types.ListResourcesResult(resources=found)

    @property
    def _schema_file(self) -> Path:
        return self._root / "docs" / "schema" / "pyve-v1.json"

    async def read_resource(self, context: Context, params: types.ReadResourceRequestParams) -> Any:
        """Answer resources/read."""
        uri = str(params.uri)
        name = uri[len("pyve://") :].rstrip("/") if uri.startswith("pyve://") else ""
        if name == "schema" and self._schema_file.is_file():
            return _give(uri, self._schema_file.read_text(encoding="utf-8"))
        words = _RESOURCES.get(name, [""])
        if words[0] not in self._headers:
            raise MCPError(types.INVALID_PARAMS, f"there is no resource {uri!r}", {"uri": uri})
        uris = await self._find_uris(context, params)
        if isinstance(uris, types.InputRequiredResult):
            return uris
        try:
            directory = Confinement(self._start, uris).resolve()
            outcome = await self._run(directory, words, MOST_SECONDS, None, None)
            document = _finish(words[0], outcome, MOST_SECONDS, directory)
        except HelperError as error:
            document = make_document(words[0], error)
        return _give(uri, write_document(document))

    # --- roots

    async def _find_uris(self, context: Context, params: Any) -> Any:
        """Give the roots that the client names, none when it names none; or how to ask for them."""
        capabilities = context.session.client_capabilities
        if capabilities is None or capabilities.roots is None:
            return []
        if context.protocol_version in MODERN_PROTOCOL_VERSIONS:
            answer = (params.input_responses or {}).get(_ROOTS)
            if answer is None:
                return types.InputRequiredResult(input_requests={_ROOTS: types.ListRootsRequest()})
            if not isinstance(answer, types.ListRootsResult):
                raise MCPError(types.INVALID_PARAMS, "the answer to roots/list is no list of roots")
            return [str(root.uri) for root in answer.roots]
        async with self._asking:
            uris = self._uris
            if uris is None:
                changes = self._changes
                uris = await _ask_roots(context)
                # (They may have changed while the answer was on its way.)
                self._uris = uris if changes == self._changes else None
            return uris

    async def forget_roots(self, _context: Context, _params: Any) -> None:
        """Take notice of notifications/roots/list_changed."""
        self._uris = None
        self._changes += 1


async def _ask_roots(context: Context) -> list[str]:
    """Ask the client for its roots. A client that cannot say them after all has none.

    A root that cannot be read stays one, of no folder: nothing more is allowed because of it.
    """
    try:
        result = await context.session.send_request(
            types.ListRootsRequest(),
            _Roots,
            request_read_timeout_seconds=_ROOTS_SECONDS,
        )
    except MCPError as error:
        print(f"the client did not say its roots: {error}", file=sys.stderr)
        return []
    except ValueError:
        return [""]
    return [str(root.get("uri")) if isinstance(root, dict) else "" for root in result.roots]


def _tell(context: Context) -> Progress:
    """Make what passes progress on to the client, which gets it only when it asked for it."""
    count = 0

    async def progress(text: str) -> None:
        nonlocal count
        count += 1
        await context.session.report_progress(count, None, text)

    return progress


def _name_client(context: Context) -> str:
    params = context.session.client_params
    return params.client_info.name if params is not None else ""


def _give(uri: str, text: str) -> types.ReadResourceResult:
    contents = types.TextResourceContents(uri=uri, mime_type="application/json", text=text)
    return types.ReadResourceResult(contents=[contents])


def _finish(command: str, outcome: Outcome, seconds: int, folder: str) -> Document:
    """Give the answer of a command that has ended, however it ended."""
    if outcome.timed_out:
        error = HelperError(
            "E_MCP_TIMEOUT",
            f"pyve {command} took longer than {seconds} seconds, and was ended",
            f"a command may take {MOST_SECONDS} seconds at most",
        )
    elif outcome.document is None:
        last = last_line(outcome.stderr.text())
        error = HelperError(
            "E_MCP_CHILD",
            f"pyve {command} ended with status {outcome.status} and no answer",
            [f"it said: {last}" if last else "it said nothing"],
            "pyve doctor",
        )
    else:
        return outcome.document
    if outcome.document is None:
        return make_document(command, error, folder)
    add_failure(outcome.document, error, folder)
    return outcome.document


# --- the connection


class Input:
    """The lines on stdin, read without a thread, which could not be cancelled."""

    async def __aiter__(self) -> AsyncIterator[str]:
        """Give each line. At their end there is little time: the client kills the server soon."""
        kept: list[bytes] = []
        size, is_cut = 0, False
        while data := await _read_some(0):
            *lines, rest = data.split(b"\n")
            for line in lines:
                if not is_cut:
                    yield b"".join([*kept, line]).decode("utf-8", "replace")
                kept, size, is_cut = [], 0, False
            kept.append(rest)
            size += len(rest)
            if size > LONGEST_LINE:
                # What has no end is no message; nor is what is left of it.
                kept, size, is_cut = [], 0, True
        Patience.steps = HASTY


async def _read_some(descriptor: int) -> bytes:
    """Read what is there; nothing at the end."""
    # (A file cannot be waited for, and need not.)
    with contextlib.suppress(PermissionError):
        await anyio.wait_readable(descriptor)
    return os.read(descriptor, 65536)


async def _end_by_signal(service: Service) -> None:
    """Wait for a signal that ends the server, and end all that it started, too."""
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        async for number in signals:
            with contextlib.suppress(Exception):
                service.log_open()
                await stop_all()
            # (A thread that writes to a client that does not read cannot be cancelled.)
            os._exit(128 + number)


async def serve(root: Path, start: str, version: str, rights: Rights) -> None:
    """Serve one client on stdin and stdout until it closes them.

    Args:
        root: Pyve's own folder.
        start: the folder that an agent may work in when the client names none.
        version: of Pyve.
        rights: what agents may do.
    """
    service = Service(root, start, rights)
    server: Server[Any] = Server(
        "pyve",
        version=version,
        title="Pyve",
        instructions=_INSTRUCTIONS,
        on_list_tools=service.list_tools,
        on_call_tool=service.call_tool,
        on_list_resources=service.list_resources,
        on_read_resource=service.read_resource,
    )
    server.add_notification_handler(
        "notifications/roots/list_changed", types.NotificationParams, service.forget_roots
    )
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_end_by_signal, service)
        async with stdio_server(stdin=Input()) as (reading, writing):
            await server.run(reading, writing, server.create_initialization_options())
        tasks.cancel_scope.cancel()


def run_server(root: Path, version: str, rights: Rights) -> int:
    """Serve a client; return the exit status."""
    # (Closed from the beginning: the first file that is opened would take their numbers.)
    if sys.stdin is None or sys.stdout is None:
        return 0
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="pyve mcp: %(message)s")
    warnings.simplefilter("ignore", MCPDeprecationWarning)
    try:
        start = os.getcwd()
    except OSError:
        start = ""
    try:
        anyio.run(serve, root, start, version, rights)
    except Exception as error:
        if _is_hang_up(error):
            return 0
        report = describe_accident(_find_first(error))
        lines = [f"ERROR: {report.message} [{report.code}]"]
        lines += [f"  why: {why}" for why in report.why]
        print(redact("\n".join(lines)), file=sys.stderr)
        return 1
    return 0


def _find_first(error: BaseException) -> BaseException:
    """Give what is behind a group of errors."""
    while inner := getattr(error, "exceptions", None):
        error = inner[0]
    return error


def _is_hang_up(error: BaseException) -> bool:
    """Tell whether nothing is wrong but that the client no longer listens."""
    inner = getattr(error, "exceptions", None)
    if inner is not None:
        return all(_is_hang_up(one) for one in inner)
    return isinstance(error, (BrokenPipeError, anyio.BrokenResourceError))
