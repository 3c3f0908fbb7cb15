# shellcheck shell=bash
# The short way of `pyve run FILE.py`, for pyve.sh: a script that has had its environment before, or the project's. Nothing
# that the caller has exported is changed, and no process is started but where there is a lock, or settings of an index.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/script_warm.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F recall_script >/dev/null || . "${BASH_SOURCE[0]%/*}/script_metadata.sh"

# Usage: find_script_at_once <script>
# Status 0 when its environment is entered: _pyve_script_python is the interpreter. Otherwise something is unusual, and
# lib/run_script.sh looks with care.
find_script_at_once() {
  local READ_CUT="" CACHED_ROOT="" CACHED_FOLDER="" CACHED_ENV="" CACHED_LOCK=""
  local SCRIPT_STATE="" SCRIPT_BLOCK="" SCRIPT_KEY="" SCRIPT_MEMORY="" SCRIPT_PATH="" lock=""
  # (What the modules of a digest set when they are read stays; the caller may have exported this name.)
  [[ -z ${PYVE_TRACE-}${PYVE_LOG-}${PYVE_PROFILE-}${TIE+1} && -r $1 ]] || return 1
  [[ $1 == */* ]] || ! is_command_near "$1" || return 1
  read_script_block "$1"
  if [[ $SCRIPT_STATE == none ]]; then
    # (One that can be executed says itself by what.)
    [[ ! -x $1 ]] && run_at_once python || return 1
    _pyve_script_python=$VIRTUAL_ENV/bin/python
    return 0
  fi
  [[ ! -e $1.lock ]] || lock=$1.lock
  [[ $SCRIPT_STATE == block && (-z $lock || (-f $lock && -r $lock)) ]] && compose_script_key "$SCRIPT_BLOCK" "" "" "$lock" && recall_script "$1" || return 1
  enter_environment "$CACHED_ENV" "${1##*/}"
  unset UV_PROJECT_ENVIRONMENT
  _pyve_script_python=$CACHED_ENV/bin/python
}

# Usage: is_command_near <word>
# True when a program on PATH, or perhaps of the project's environment, has this name, too.
is_command_near() {
  local folder=$PWD file
  ! is_executable_command "$1" || return 0
  while [[ ! -f $folder/.pyve/config ]]; do
    [[ $folder == */* ]] || return 1
    folder=${folder%/*}
  done
  for file in "$folder"/*/bin/"$1" "$folder"/.[!.]*/bin/"$1" "$folder"/.pyve/envs/*/bin/"$1"; do
    [[ ! -e $file ]] || return 0
  done
  return 1
}
