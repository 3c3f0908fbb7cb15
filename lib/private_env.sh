# shellcheck shell=bash
# shellcheck disable=SC2034 # what is found is read by lib/cached_env.sh
# Whether an environment that belongs to no project can be used, as its own notes tell: what a warm start has to know of
# lib/cached_env.sh. No process, and nothing else is read.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/private_env.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

# Variables that decide which files a solver chooses. (Their values go into the digest only.)
_cached_settings=(UV_DEFAULT_INDEX UV_INDEX UV_INDEX_URL UV_EXTRA_INDEX_URL UV_INDEX_STRATEGY UV_FIND_LINKS UV_NO_INDEX
  UV_CONSTRAINT UV_OVERRIDE UV_EXCLUDE_NEWER UV_PRERELEASE UV_RESOLUTION UV_NO_BINARY UV_NO_BINARY_PACKAGE UV_NO_BUILD
  UV_NO_BUILD_PACKAGE UV_NO_SOURCES UV_CONFIG_FILE PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_FIND_LINKS PIP_NO_INDEX)

# Usage: find_cached_root
# Sets CACHED_ROOT to the folder of all these environments. Status 1 where there can be none.
find_cached_root() {
  local cache=${XDG_CACHE_HOME-}
  [[ $cache == /* ]] || cache=${HOME:+$HOME/.cache}
  CACHED_ROOT=$cache/pyve/environments
  [[ $cache == /* && $cache != *[[:cntrl:]]* ]]
}

# Usage: use_cached_env <folder>
# True when the environment in the folder, one that find_cached_env has named, can be used: it is whole, and so is what it
# leads to. Notes that it is used now (but not where it is only told what would be done). No process.
use_cached_env() {
  [[ -O $1/used ]] || return 1
  # (Before the look: `pyve store gc` looks at the note last.)
  [[ -n ${PYVE_EXPLAIN-} ]] || { : >"$1/used"; } 2>/dev/null || :
  is_private_env "$1/venv"
}

# Usage: is_private_env <environment>
# True when it was made for this place, and its interpreter, and what it has from the store, are there. No process.
is_private_env() {
  local text="" line
  [[ -x $1/bin/python && -f $1/pyve.state && -r $1/pyve.state && -O $1 ]] || return 1
  IFS= read -r -d '' -n 65536 text <"$1/pyve.state" || :
  line=${text#*$'\n'path=}
  [[ ${line%%$'\n'*} == "${1//$'\n'/\\n}" ]] || return 1
  line=${text#*$'\n'stdlib=}
  [[ -e ${line%%$'\n'*} ]] || return 1
  if [[ $text == *$'\n'store=* ]]; then
    line=${text#*$'\n'store=}
    [[ -e ${line%%$'\n'*}/entry ]] || return 1
  fi
}
