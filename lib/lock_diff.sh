# shellcheck shell=bash
# pyve lock diff: what changed between two locks.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/lock_diff.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F open_lock >/dev/null || . "${BASH_SOURCE[0]%/*}/stored_lock.sh"
declare -F expect_arguments >/dev/null || . "${BASH_SOURCE[0]%/*}/cli.sh"

# Usage: lock_diff [revision|file]
# For cmd_lock, after parse_options: compares the lock with a file, else with a revision of git (default: HEAD).
# opt_markdown: as a table for a pull request.
lock_diff() {
  local folder=$PWD old name given=${1:-HEAD}
  expect_arguments 2 || return 1
  for name in ${_option_long[@]+"${_option_long[@]}"}; do
    old=opt_${name//-/_}
    if [[ $name != markdown && -n ${!old-} ]]; then
      fail E_USAGE_CONFLICT "--$name is not for pyve lock diff" why "it writes nothing and solves nothing" fix "pyve lock diff"
      return 1
    fi
  done
  open_lock || return 1
  old=$given
  if [[ $old == /* && -f $old ]]; then
    STORED_WORDS+=(--with "$old")
  elif [[ -f $folder/$old ]]; then
    STORED_WORDS+=(--with "$folder/$old")
  else
    STORED_WORDS+=(--revision "$old")
  fi
  [[ -z ${opt_markdown-} ]] || STORED_WORDS+=(--markdown)
  show_lock diff
}
