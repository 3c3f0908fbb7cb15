# Summary: Format the project's code
# Group: Scripts and tools
# Agent: run network
# Usage: pyve fmt [--refresh] [--offline] [--with REQ]... [--] [ARGUMENT]...
# Argument: ARGUMENT files
# About: Runs ruff format, or the formatter that the project has settings for (black, yapf), or that tools.fmt of the config
# About: names, as pyve x would: in an environment of its own; the project's lock and environment are not touched. Its
# About: version is that of the project's lock, if that has it. The arguments are the tool's; without a path it is the
# About: whole project.
# Option: --check          Change nothing; fail when something would be changed (handed on to the tool)
# Option: --refresh        Lock the tool anew, to the newest version
# Option: --offline        Take what is in the cache
# Option: --with REQ...    A distribution that the tool is to find, too
# Example: pyve fmt
# Example: pyve fmt --check src
# Exit: the tool's own; 1 the tool cannot be had
# States: any -> the same

cmd_fmt() {
  need utils tool_checks
  check_project_with fmt "$@"
}
