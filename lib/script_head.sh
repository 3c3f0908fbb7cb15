# shellcheck shell=bash
# Console scripts: how they find their interpreter, and how many of them are written.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/script_head.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

# Usage: script_head <environment>
# Sets REPLY to the first lines of a console script: a plain #! line where the system can
# read it, else a detour by sh that Python reads as a string.
script_head() {
  local python=$1/bin/python
  if [[ $python =~ ^[^[:space:]]+$ ]] && ((${#python} <= 120)); then
    REPLY="#!$python"$'\n'
  else
    # shellcheck source=/dev/null # read when needed
    declare -F quote_word >/dev/null || . "${BASH_SOURCE[0]%/*}/text.sh"
    quote_word "$python"
    if [[ $python == *\\* ]]; then
      # Python would take a backslash for an escape, perhaps a malformed one; octal is none.
      replace_all "$python" "\\" "\\0134"
      replace_all "$REPLY" "'" "\\0047"
      REPLY="\"\$(printf '%b' '$REPLY')\""
    fi
    REPLY="#!/bin/sh"$'\n'"'''exec' $REPLY \"\$0\" \"\$@\""$'\n'"' '''"$'\n'
  fi
}

# Usage: write_scripts <text> <folder> <head>
# Writes the console scripts of the store's text, in which a mark, its name and a line end stand before each, into the
# folder, behind that head. Adds their paths to the array VENV_SCRIPTS.
write_scripts() {
  local name body count=${#VENV_SCRIPTS[@]} IFS="" LC_ALL=C
  [[ -f $1 && -r $1 ]] || return 0
  {
    # (Before the first mark stands nothing. Read one by one: cutting up the whole costs more, and so does +=().)
    read -r -d $'\x1e' name || return 0
    while read -r name; do
      read -r -d $'\x1e' body || :
      printf '%s' "$3$body" >"$2/$name" || return 1
      VENV_SCRIPTS[count++]=$2/$name
    done
  } <"$1"
}
