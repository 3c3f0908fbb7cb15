# Summary: Check the types of the project's code
# Group: Scripts and tools
# Agent: run network
# Usage: pyve typecheck [--refresh] [--offline] [--with REQ]... [--] [ARGUMENT]...
# Argument: ARGUMENT files
# About: Runs mypy, or the checker that the project has settings for (pyright, ty, pyrefly), or that tools.typecheck of the
# About: config names, as pyve x would: in an environment of its own, from which it sees the packages of the project's. The
# About: project's lock and environment are not touched. Its version is that of the project's lock, if that has it. A list in
# About: the config, such as [mypy, types-requests], or --with, adds stubs and plugins. The arguments are the tool's; without
# About: a path it is what its settings name, or the whole project.
# Option: --refresh        Lock the tool anew, to the newest version
# Option: --offline        Take what is in the cache
# Option: --with REQ...    A distribution that the tool is to find, too
# Example: pyve typecheck
# Example: pyve typecheck --with types-requests src
# Exit: the tool's own; 1 the tool cannot be had
# States: any -> the same

cmd_typecheck() {
  need utils tool_checks
  check_project_with typecheck "$@"
}
