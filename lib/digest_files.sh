# shellcheck shell=bash
# SHA-256 of several files by one process, where this system has sha256sum.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/digest_files.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F logged_exec >/dev/null || . "${BASH_SOURCE[0]%/*}/debug_log.sh"

# Usage: has_sha256sum_for <file>...
# True when one process can make the digests of all of these.
has_sha256sum_for() {
  local name
  for name; do
    [[ -f $name && -r $name ]] || return 1
  done
  type -P sha256sum >/dev/null
}

# Usage: exec_sha256_with_text <text> <file>...
# In a subshell, which ends with it: prints a line for each file, and one for the text with a line end behind it, in which
# the SHA-256 stands before the first blank. Only where has_sha256sum_for the files.
exec_sha256_with_text() {
  local text=$1
  shift
  logged_exec sha256sum -- "$@" - <<<"$text" 2>/dev/null
}
