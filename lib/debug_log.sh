# shellcheck shell=bash
# PYVE_LOG=debug: each program that Pyve starts is shown on stderr, without secrets, with its status and time.
# Any other value of PYVE_LOG means nothing.
#
# Programs that are called by their plain names are logged by functions of the same names
# (lib/debug_programs.sh); before one whose name is in a variable stands `logged`, or `logged_exec`.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/debug_log.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

# Usage: logged <command> [argument]...
# Runs the command. Its own status.
logged() {
  "$@"
}

# Usage: logged_exec <program> [argument]...
# In a subshell: runs the program in its place.
logged_exec() {
  exec -- "$@"
}

# Usage: log_exec <program> [argument]...
# Before Pyve hands over to a program by exec.
log_exec() {
  :
}

if [[ ${PYVE_LOG-} == debug ]]; then
  . "${BASH_SOURCE[0]%/*}/debug_programs.sh"
fi
