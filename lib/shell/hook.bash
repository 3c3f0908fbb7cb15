# Enters and leaves environments when the folder changes, in bash (3.2 to 5.x). Printed by
# `pyve hook bash`, which sets _pyve_program in front of it.
#
# Before each prompt: walk up to the project, and compare its .pyve/config, its .env and the stamp of
# the trust records with the last time. That is all done by the shell itself; Pyve is started
# only when one of them is another. What it prints are commands of two functions, with quoted words.
# All names begin with _pyve: a local would hide a variable of the user's with its name.

_pyve_stamp=${XDG_STATE_HOME:-$HOME/.local/state}/pyve/trust/stamp

# What Pyve prints. A name that is read-only here stays as it is.
_pyve_set() {
  export "$1=$2" 2>/dev/null || :
}

_pyve_unset() {
  unset -v "$1" 2>/dev/null || :
}

# Usage: _pyve_go <project>
# Brings the shell into the project ("": into none).
_pyve_go() {
  eval "$("$_pyve_program" hook --export bash "$1")"
}

_pyve_hook() {
  # The next part of PROMPT_COMMAND sees the $? of the last command.
  local _pyve_status=$? _pyve_root=$PWD _pyve_now="" _pyve_text="" _pyve_direnv=""
  # With errexit on, handing on a failure would end the shell.
  [ "${-#*e}" = "$-" ] || _pyve_status=0
  if [ -n "${PYVE_SHELL-}" ] || [ ! -x "$_pyve_program" ]; then
    return "$_pyve_status"
  fi
  while [ -n "$_pyve_root" ] && [ ! -f "$_pyve_root/.pyve/config" ]; do
    _pyve_root=${_pyve_root%/*}
  done
  if declare -F _direnv_hook >/dev/null; then
    _pyve_direnv=1
    if [ -n "$_pyve_root" ] && [ -e "$_pyve_root/.envrc" ]; then
      _pyve_root=""
    fi
  fi
  if [ -n "$_pyve_root" ]; then
    _pyve_now=$_pyve_root
    for _pyve_text in "$_pyve_stamp" "$_pyve_root/.pyve/config" "$_pyve_root/.env"; do
      _pyve_now+=$'\n'$_pyve_text
      if [ -f "$_pyve_text" ] && [ -r "$_pyve_text" ]; then
        IFS= read -r -d '' _pyve_text <"$_pyve_text" || :
        _pyve_now+=$'\n'$_pyve_text
      fi
    done
  fi
  # (Not [[: with nocasematch, it would not see every change.)
  if [ "$_pyve_now" != "${_pyve_last-}" ] || [ -z "${_pyve_last+set}" ]; then
    _pyve_last=$_pyve_now
    if [ -n "$_pyve_direnv" ] && [ "$_pyve_root" != "${PYVE_HOOK_ROOT-}" ]; then
      # What direnv does belongs below what this does: it must not take note of it.
      [ -z "${PYVE_HOOK_ROOT-}" ] || _pyve_go ""
      _direnv_hook || :
    fi
    if [ -n "$_pyve_root" ] || [ -n "${PYVE_HOOK_ROOT-}" ]; then
      _pyve_go "$_pyve_root"
    fi
  fi
  case ${PROMPT_COMMAND-} in
    *_direnv_hook*_pyve_hook*) _pyve_go_first ;;
  esac
  return "$_pyve_status"
}

# In front: what shows the prompt comes after it, and direnv. (An array's first element, in every bash.)
# shellcheck disable=SC2178,SC2128 # the first element is meant when it is an array
_pyve_go_first() {
  PROMPT_COMMAND=_pyve_hook$'\n'${PROMPT_COMMAND//_pyve_hook/:}
}

case $'\n'${PROMPT_COMMAND[*]-}$'\n' in
  *_pyve_hook*) ;;
  *) _pyve_go_first ;;
esac
