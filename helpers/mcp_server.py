"""The MCP server of `pyve mcp`, and the files that tell clients of it.

serve --root DIR --version VER [--allow-write] [--allow-run]
    Speaks the Model Context Protocol on stdin and stdout until stdin ends.
install --client NAME --project DIR --command WORD [--allow-write] [--allow-run] [--dry-run]
    See pyve_mcp/install.py. Answers as other helpers do.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pyve_core import Answer, HelperError, parse_options, run_helper


def serve(argv: list[str]) -> int:
    """Serve a client; return the exit status."""
    from pyve_mcp.server import run_server
    from pyve_mcp.tools import Rights

    options = parse_options(argv, "root version", "allow-write allow-run")
    rights = Rights(options.has("allow-write"), options.has("allow-run"))
    return run_server(Path(options.get("root")), options.get("version"), rights)


def main(argv: list[str]) -> Answer:
    """Answer as other helpers do."""
    if argv[:1] != ["install"]:
        raise HelperError("E_HELPER_USAGE", "the helper knows serve and install")
    from pyve_mcp.install import install

    return install(argv[1:])


if __name__ == "__main__":
    sys.exit(serve(sys.argv[2:]) if sys.argv[1:2] == ["serve"] else run_helper(main))
