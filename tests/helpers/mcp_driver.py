"""A client of the official SDK that does what lines of JSON on stdin say; for mcp_session.py.

Run by the interpreter of Pyve's toolchain (extra mcp). The first line is how to connect:
    {"command", "args", "cwd", "env", "roots": [URI...] or null, "mode": "auto" or "legacy", "name"}
Each further line is {"id", "do", ...}; each answer is a line {"id", "result"} or {"id", "error"}.
"""

from __future__ import annotations

import json
import sys
import warnings
from typing import Any

import anyio
import mcp_types as types
from mcp import Client, StdioServerParameters
from mcp.shared.exceptions import MCPError

warnings.simplefilter("ignore")


def say(**message: Any) -> None:
    """Write an answer."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def dump(result: Any) -> Any:
    """Write a result as it goes over the wire."""
    return result.model_dump(by_alias=True, mode="json", exclude_none=True)


class Driver:
    """One client.

    Attributes:
        roots: what the client answers to roots/list.
    """

    def __init__(self, start: dict[str, Any]) -> None:
        self.roots: list[str] = start["roots"] or []
        self.asked = 0
        self.scopes: dict[int, anyio.CancelScope] = {}
        server = StdioServerParameters(
            command=start["command"], args=start["args"], cwd=start["cwd"], env=start["env"]
        )
        self.client = Client(
            server,
            mode=start["mode"],
            client_info=types.Implementation(name=start["name"], version="1"),
            list_roots_callback=None if start["roots"] is None else self.list_roots,
        )

    async def list_roots(self, _context: Any) -> types.ListRootsResult:
        """Answer roots/list."""
        self.asked += 1
        return types.ListRootsResult(roots=[types.Root(uri=uri) for uri in self.roots])

    async def answer(self, order: dict[str, Any]) -> None:
        """Do what a line says, and answer it."""
        with anyio.CancelScope() as scope:
            self.scopes[order["id"]] = scope
            try:
                say(id=order["id"], result=await self.obey(order))
            except MCPError as error:
                say(id=order["id"], error=error.error.model_dump(mode="json"))
            except Exception as error:
                say(id=order["id"], error={"message": repr(error)})
        if scope.cancelled_caught:
            say(id=order["id"], error={"message": "cancelled"})

    async def obey(self, order: dict[str, Any]) -> Any:
        """Do what a line says."""
        do = order["do"]
        if do == "call":
            notes: list[list[Any]] = []

            async def progress(count: float, total: float | None, message: str | None) -> None:
                notes.append([count, total, message])

            result = await self.client.call_tool(
                order["name"],
                order["arguments"],
                progress_callback=progress if order["progress"] else None,
            )
            return {**dump(result), "progress": notes}
        if do == "cancel":
            self.scopes[order["target"]].cancel()
            return {}
        if do == "roots":
            self.roots = order["roots"]
            if order["notify"]:
                await self.client.send_roots_list_changed()
            return {"asked": self.asked}
        if do == "tools":
            return dump(await self.client.list_tools())
        if do == "resources":
            return dump(await self.client.list_resources())
        if do == "read":
            return dump(await self.client.read_resource(order["uri"]))
        if do == "info":
            return {
                "version": self.client.protocol_version,
                "server": dump(self.client.server_info),
                "instructions": self.client.instructions,
                "capabilities": dump(self.client.server_capabilities),
            }
        raise ValueError(do)


async def main() -> None:
    """Connect, and obey until stdin ends."""
    lines = anyio.wrap_file(sys.stdin)
    driver = Driver(json.loads(await lines.readline()))
    async with driver.client, anyio.create_task_group() as tasks:
        say(id=0, result={})
        async for line in lines:
            order = json.loads(line)
            if order["do"] == "close":
                break
            tasks.start_soon(driver.answer, order)
        tasks.cancel_scope.cancel()


anyio.run(main)
