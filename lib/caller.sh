# shellcheck shell=bash
# The environment of whoever called Pyve, for the shell hook and for commands that take Pyve's place.
#
# A shell variable that has the name of an environment variable changes that one, too, also when it
# is local. So the environment is copied before it is touched: NAME to _pyve_was_NAME. (Names that
# begin with _pyve are Pyve's own.)

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/caller.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

# Usage: keep_caller_environment
# Copies what is exported, but the names that pyve.sh uses itself: those it has copied before.
keep_caller_environment() {
  if ((BASH_VERSINFO[0] > 4 || (BASH_VERSINFO[0] == 4 && BASH_VERSINFO[1] >= 4))); then
    # (No process, unlike $(compgen -e).)
    for _pyve_name in ${!A@} ${!B@} ${!C@} ${!D@} ${!E@} ${!F@} ${!G@} ${!H@} ${!I@} ${!J@} ${!K@} ${!L@} ${!M@} \
      ${!N@} ${!O@} ${!P@} ${!Q@} ${!R@} ${!S@} ${!T@} ${!U@} ${!V@} ${!W@} ${!X@} ${!Y@} ${!Z@} ${!a@} ${!b@} \
      ${!c@} ${!d@} ${!e@} ${!f@} ${!g@} ${!h@} ${!i@} ${!j@} ${!k@} ${!l@} ${!m@} ${!n@} ${!o@} ${!p@} ${!q@} \
      ${!r@} ${!s@} ${!t@} ${!u@} ${!v@} ${!w@} ${!x@} ${!y@} ${!z@} ${!_@}; do
      if [[ -n ${!_pyve_name+set} && ${!_pyve_name@a} == *x* ]]; then
        keep_caller_variable "$_pyve_name"
      fi
    done
  else
    for _pyve_name in $(compgen -e); do
      keep_caller_variable "$_pyve_name"
    done
  fi
}

# Usage: keep_caller_variable <name>
# Copies one variable, unless that was done before.
keep_caller_variable() {
  case $1 in
    # Read-only, or another for every process; and Pyve's own.
    BASHOPTS | BASH_VERSINFO | EUID | PPID | SHELLOPTS | UID | _ | _pyve*) return 0 ;;
  esac
  _pyve_slot=_pyve_was_$1
  if [[ -z ${!_pyve_slot+set} ]]; then
    printf -v "$_pyve_slot" '%s' "${!1}"
  fi
}

# Usage: restore_caller_environment
# Puts it back, also the umask, where a command that is executed then sees it; but for names that begin with PYVE_,
# which are Pyve's. Other variables of the caller of this function may be lost: only its arguments
# are safe.
restore_caller_environment() {
  [[ -z ${_pyve_umask-} ]] || umask "$_pyve_umask"
  for _pyve_slot in "${!_pyve_was_@}"; do
    if [[ $_pyve_slot != _pyve_was_PYVE_* ]]; then
      # (An array of that name would not be exported.)
      unset -v "${_pyve_slot#_pyve_was_}"
      export "${_pyve_slot#_pyve_was_}=${!_pyve_slot}"
    fi
  done
}

# Usage: get_caller_variable <name>
# Sets REPLY to what the environment held when Pyve was called. Status 1 when it held no such name.
get_caller_variable() {
  _pyve_slot=_pyve_was_$1
  REPLY=${!_pyve_slot-}
  [[ -n ${!_pyve_slot+set} ]]
}
