# shellcheck shell=bash
# Modules that a Python of the project loads when they are first used: imports.lazy in the config. What makes it do so
# is helpers/lazy_start/sitecustomize.py, in front of PYTHONPATH.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/lazy_imports.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
declare -F config_get >/dev/null || . "${BASH_SOURCE[0]%/*}/config.sh"
declare -F write_file >/dev/null || . "${BASH_SOURCE[0]%/*}/files.sh"

# Usage: plan_lazy_imports
# Adds to the plan what has the modules of imports.lazy, of the config that was read, loaded lazily. Nothing where none
# is named, or the environment has PYVE_NO_LAZY_IMPORTS. Status 1, with a diagnostic, when there is no place for it.
plan_lazy_imports() {
  local names folder path
  [[ -z ${PYVE_NO_LAZY_IMPORTS-} ]] || return 0
  read_lazy_names
  names=$REPLY
  [[ -n $names ]] || return 0
  find_lazy_folder || return 1
  folder=$REPLY
  [[ -n ${PYVE_EXPLAIN-} ]] || make_lazy_folder "$folder" || return 1
  # (For a sandbox, which has no home.)
  [[ ! -d $folder ]] || SANDBOX_READ+=("$folder")
  path=${PYTHONPATH-}
  PLAN_SETS+=("PYTHONPATH=$folder${path:+:$path}" "PYVE_LAZY_IMPORTS=$names")
}

# Usage: read_lazy_names
# Sets REPLY to the modules of imports.lazy with blanks between them, or to "".
read_lazy_names() {
  local word names=""
  config_get imports.lazy
  for word in ${REPLY//[][,\"\']/ }; do
    [[ ! $word =~ ^[A-Za-z_][A-Za-z0-9_.]*$ ]] || names+=${names:+ }$word
  done
  REPLY=$names
}

# Usage: find_lazy_folder
# Sets REPLY to the folder in the user's cache that is put in front of PYTHONPATH. Status 1 when there is no cache.
find_lazy_folder() {
  if [[ ${XDG_CACHE_HOME-} == /* ]]; then
    REPLY=$XDG_CACHE_HOME/pyve/lazy/$VERSION
  elif [[ ${HOME-} == /* ]]; then
    REPLY=$HOME/.cache/pyve/lazy/$VERSION
  else
    fail E_IMPORTS_PLACE "there is no place for what loads modules lazily" why "HOME is not set, or is no absolute path"
    return 1
  fi
  if [[ $REPLY == *:* ]]; then
    fail E_IMPORTS_PLACE "there is no place for what loads modules lazily" why "PYTHONPATH cannot hold $REPLY: ':' ends a folder in it"
    return 1
  fi
}

# Usage: make_lazy_folder <folder>
# Puts the customisation module there, unless it is there as it should be. (Pyve's own folder is not taken: Python
# writes bytecode beside what it imports.) Status 1 after a diagnostic.
make_lazy_folder() {
  local wanted
  read_file "$PYVE_ROOT/helpers/lazy_start/sitecustomize.py"
  wanted=$REPLY
  read_file "$1/sitecustomize.py"
  [[ $REPLY != "$wanted" ]] || return 0
  mkdir -p "$1" 2>/dev/null || :
  write_file "$1/sitecustomize.py" "$wanted"
}
