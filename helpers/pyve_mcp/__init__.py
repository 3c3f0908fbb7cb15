"""The MCP server: Pyve's commands as tools for agents, and the files that tell clients of it."""
