#!/usr/bin/env bash
# Writes docs/commands.md, docs/pyve.1 and lib/data/commands.txt from the headers of lib/commands, and docs/errors.md
# from the registry of codes; with --check compares only.
set -euo pipefail

root=$(CDPATH="" cd -- "${BASH_SOURCE[0]%/*}/.." && pwd)
PYVE_ROOT=$root
# shellcheck source=lib/markdown.sh
. "$root/lib/markdown.sh"
# shellcheck source=lib/man.sh
. "$root/lib/man.sh"
status=0

# Usage: find_version
# Sets REPLY to the version that pyve.sh gives.
find_version() {
  while IFS= read -r REPLY; do
    if [[ $REPLY == VERSION=* ]]; then
      REPLY=${REPLY#*\"}
      REPLY=${REPLY%\"*}
      return 0
    fi
  done <"$root/pyve.sh"
  return 1
}

# Usage: keep_current <file> <text> [--check]
# Writes the file, or says that it is not what it should be.
keep_current() {
  if [[ ${3-} != --check ]]; then
    printf '%s\n' "$2" >"$root/$1"
  elif [[ ! -f $root/$1 || $2 != "$(cat "$root/$1")" ]]; then
    printf '%s is not current; run: make docs\n' "$1" >&2
    status=1
  fi
}

# Usage: list_commands
# Prints the groups of commands, for `pyve help`.
list_commands() {
  group_commands
  printf '%s' "$REPLY"
}

find_version
version=$REPLY
keep_current docs/commands.md "$(show_markdown)" "${1-}"
keep_current lib/data/commands.txt "$(list_commands)" "${1-}"
keep_current docs/errors.md "$(show_errors_markdown)" "${1-}"
keep_current docs/pyve.1 "$(show_man "$version")" "${1-}"
exit "$status"
