#!/usr/bin/env bash
# Writes docs/commands.md from the headers of lib/commands; with --check compares only.
set -euo pipefail

root=$(CDPATH="" cd -- "${BASH_SOURCE[0]%/*}/.." && pwd)
PYVE_ROOT=$root
# shellcheck source=lib/help.sh
. "$root/lib/help.sh"
text=$(show_markdown)
if [[ ${1-} == --check ]]; then
  if [[ ! -f $root/docs/commands.md || $text != "$(cat "$root/docs/commands.md")" ]]; then
    printf 'docs/commands.md is not current; run: make docs\n' >&2
    exit 1
  fi
else
  printf '%s\n' "$text" >"$root/docs/commands.md"
fi
