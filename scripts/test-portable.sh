#!/usr/bin/env bash
# Run the bats tests with other tools than GNU's: busybox for everything that it has, the original
# awk, and without flock, realpath, timeout and the programs for SHA digests.
#
# Usage: scripts/test-portable.sh [file.bats]...
#
# Exit: as scripts/test-unit.sh; 0, with a message, when busybox is missing.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly FARM=.dev/portable
# What Pyve must do without; and programs of which tests need the real one.
readonly HIDDEN=' flock realpath timeout '
readonly REAL=' bash sh su ps kill stty script tcsh '

# Usage: is_hidden <program>
is_hidden() {
  [[ $HIDDEN == *" $1 "* || $1 == sha*sum ]]
}

# Usage: make_farm
# Fills FARM with links to every program on PATH, busybox's own going first.
make_farm() {
  local folder program name applet
  local IFS=:
  rm -rf "$FARM"
  mkdir -p "$FARM"
  for folder in $PATH; do
    [[ $folder == /* && $folder != */shims ]] || continue
    for program in "$folder"/*; do
      name=${program##*/}
      if [[ -x $program && -f $program && ! -e $FARM/$name ]] && ! is_hidden "$name"; then
        ln -s "$program" "$FARM/$name"
      fi
    done
  done
  IFS=$'\n'
  for applet in $(busybox --list); do
    if ! is_hidden "$applet" && [[ $REAL != *" $applet "* ]]; then
      ln -sf "$(type -P busybox)" "$FARM/$applet"
    fi
  done
  if type -P original-awk >/dev/null; then
    ln -sf "$(type -P original-awk)" "$FARM/awk"
  fi
}

if ! type -P busybox >/dev/null; then
  printf 'NOT TESTED: busybox is not on this machine (apt-get install busybox original-awk)\n'
  exit 0
fi
make_farm
if (($# == 0)); then
  for file in tests/unit/*.bats; do
    # (It reads the code, and runs Pyve with other tools by itself.)
    [[ $file == */test_portability.bats ]] || set -- "$@" "$file"
  done
fi
PATH=$PWD/$FARM exec scripts/test-unit.sh "$@"
