# Summary: Install tools for yourself, each in an environment of its own
# Group: Scripts and tools
# Agent: write destructive network
# Agent: never run
# Usage: pyve tool install TOOL... [--with REQ]... [--python VER]
# Usage: pyve tool list
# Usage: pyve tool upgrade [INSTALLED]... [--reinstall] [--python VER]
# Usage: pyve tool remove INSTALLED...
# Usage: pyve tool run [--from INSTALLED] COMMAND [ARGUMENT]...
# Argument: install  Install a tool, such as ruff, ruff@0.6 or 'black[jupyter]', and link its commands into ~/.local/bin
# Argument: list  What is installed, its version, Python and commands, and whether it works
# Argument: upgrade  Lock anew, to the newest versions that were asked for; all tools when none is named
# Argument: remove  Remove a tool, and its commands
# Argument: run  Run a command of an installed tool, or what pyve x would run
# Argument: INSTALLED tools
# About: Each tool has its lock (with hashes) and its interpreter below ~/.local/share/pyve/tools. What is in
# About: ~/.local/bin and was not made by Pyve is never replaced. When the Python of a tool goes, its environment is made
# About: anew from its lock the next time that one of its commands is started.
# Option: --with REQ...    install: a distribution that the tool is to find, too
# Option: --python VER  install, upgrade: the interpreter of the tool: a version, specifiers, or a path
# Option: --reinstall      upgrade: make the environment anew from the lock that it has
# Option: --exclude-newer WHEN  install, upgrade: nothing that was uploaded later: a date, or 7d
# Option: --offline        Take what is in the cache
# Option: --from INSTALLED  run: the tool that brings the command
# Example: pyve tool install ruff
# Example: pyve tool upgrade
# Example: pyve tool run ruff check
# Exit: 0 done; 1 it failed, or what is in ~/.local/bin stands in the way; run: the command's own
# States: any -> the same

cmd_tool() {
  local word=${1-}
  need utils cli tool_room
  if [[ $word == run ]]; then
    run_tool "${@:2}"
    return
  fi
  parse_options "$@" || return 1
  word=${ARGS[0]-}
  case $word in
    install | list | upgrade | remove) ;;
    *)
      fail_unknown_word install list upgrade remove run
      return
      ;;
  esac
  ARGS=("${ARGS[@]:1}")
  check_tool_options "$word" && find_tool_root || return 1
  [[ $word == list || ($word != install && ! -d $TOOL_ROOT) ]] || lock_tools || return 1
  answer action "$word"
  case $word in
    install) install_tools ;;
    list) show_tools ;;
    upgrade) upgrade_tools ;;
    remove) remove_tools ;;
  esac
}

# Usage: check_tool_options <word>
# Status 1, with a diagnostic, when an option was given that is for another word, or an argument is missing or too much.
check_tool_options() {
  local pair name
  for pair in "with:install" "python:install upgrade" "reinstall:upgrade" "exclude_newer:install upgrade" "offline:install upgrade" "from:run"; do
    name=opt_${pair%%:*}
    if [[ -n ${!name} && " ${pair#*:} " != *" $1 "* ]]; then
      name=${pair%%:*}
      fail E_USAGE_CONFLICT "--${name//_/-} is for pyve tool ${pair##*[ :]}" why "given: pyve tool $1" fix "pyve help tool"
      return 1
    fi
  done
  case $1:${#ARGS[@]} in
    install:0 | remove:0)
      fail E_USAGE_ARGUMENT "pyve tool $1 needs the name of a tool" fix "pyve help tool"
      return 1
      ;;
    list:0) ;;
    list:*)
      fail E_USAGE_ARGUMENT "pyve tool list takes no argument" why "given: ${ARGS[0]//[[:cntrl:]]/?}" fix "pyve tool list"
      return 1
      ;;
  esac
}
