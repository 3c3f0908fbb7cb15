# Summary: Run a tool without installing it
# Group: Scripts and tools
# Agent: run network
# Usage: pyve x [OPTION]... TOOL [ARGUMENT]...
# Argument: ARGUMENT files
# About: TOOL is a distribution that brings a command of the same name: ruff, ruff@0.6 (the newest 0.6.x), ruff@latest,
# About: 'black[jupyter]>=24'. The first time, it is locked with hashes, and installed into an environment of its own in
# About: the cache; after that nothing is solved or fetched. An installed tool (pyve tool) goes first where only its name
# About: is given. The project, its lock and its environment are not touched.
# Option: --from REQ       The distribution that brings the command: a name, a version, a path, a URL, git+URL
# Option: --with REQ...    A distribution that the tool is to find, too
# Option: --python VER  The interpreter of the tool: a version, specifiers, or a path
# Option: --refresh        Lock anew, to the newest versions
# Option: --exclude-newer WHEN  Nothing that was uploaded later: a date, or 7d
# Option: --offline        Take what is in the cache
# Option: --sandbox  Only the project can be written; no home, no network
# Option: --ro  In the sandbox: the project cannot be written either
# Option: --net  In the sandbox: with network
# Option: --allow-read PATH...  In the sandbox: a file or folder that can be read, too
# Option: --allow-write PATH...  In the sandbox: a file or folder that can be written, too
# Option: --allow-env NAME...  In the sandbox: a variable that is kept
# Option: --memory SIZE  In the sandbox: the most memory, such as 2G
# Option: --cpu SECONDS  In the sandbox: the most processor time
# Option: --time SECONDS  In the sandbox: the longest time
# Option: --processes COUNT  In the sandbox: the most processes
# Option: --sandbox-engine NAME  In the sandbox: bubblewrap or landlock
# Option: --audit  In the sandbox: say at the end what was refused
# Example: pyve x ruff check
# Example: pyve x --from httpie http --help
# Example: pyve x --with rich --python 3.12 mypy@1 src
# Exit: the tool's own; 1 no such tool; 126 not executable; 127 not found
# States: any -> the same

cmd_x() {
  X_SANDBOX=""
  need run_plan tool_run
  if [[ ${1--} == -* ]]; then
    take_x_options "$@" || return 1
    set -- ${COMMAND_WORDS[@]+"${COMMAND_WORDS[@]}"}
  fi
  if (($# == 0)); then
    fail E_USAGE_ARGUMENT "pyve x needs a tool" why "it is the name of a distribution that brings a command" fix "pyve help x"
    return 1
  fi
  begin_plan x
  plan_tool "$@" || return
  if [[ -n $X_SANDBOX ]]; then
    need sandbox
    plan_sandbox || return
  fi
  start_planned
}

# Usage: take_x_options [argument]...
# Reads the options before the tool; COMMAND_WORDS: the tool and its arguments.
take_x_options() {
  local item
  need run_options
  parse_leading_options "$@" || return 1
  while IFS= read -r item; do
    [[ -z $item ]] || TOOL_WITH+=("$item")
  done <<<"$opt_with"
  TOOL_FROM=$opt_from TOOL_PYTHON=$opt_python TOOL_REFRESH=$opt_refresh TOOL_NEWER=$opt_exclude_newer TOOL_OFFLINE=$opt_offline
  X_SANDBOX=$opt_sandbox$opt_ro$opt_net$opt_allow_read$opt_allow_write$opt_allow_env$opt_memory$opt_cpu$opt_time$opt_processes$opt_sandbox_engine$opt_audit
}
