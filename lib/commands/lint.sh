# Summary: Look for mistakes in the project's code
# Group: Scripts and tools
# Agent: run network
# Usage: pyve lint [--refresh] [--offline] [--with REQ]... [--] [ARGUMENT]...
# Argument: ARGUMENT files
# About: Runs ruff check, or the linter that the project has settings for (flake8, pylint), or that tools.lint of the config
# About: names, as pyve x would: in an environment of its own; the project's lock and environment are not touched. Its
# About: version is that of the project's lock, if that has it. The arguments are the tool's; without a path it is the
# About: whole project.
# Option: --fix            Mend what can be mended (handed on to the tool)
# Option: --refresh        Lock the tool anew, to the newest version
# Option: --offline        Take what is in the cache
# Option: --with REQ...    A distribution that the tool is to find, too
# Example: pyve lint
# Example: pyve lint --fix src
# Exit: the tool's own; 1 the tool cannot be had
# States: any -> the same

cmd_lint() {
  need utils tool_checks
  check_project_with lint "$@"
}
