#!/usr/bin/env bash
# Run the unit tests: bats files on several processors, then the Python helpers' pytest files.
#
# Usage: scripts/test-unit.sh [file.bats]...
#
# Prints the runners' own output and, after bats, one line "N passed, N failed, N skipped".
# Exit: 0 everything passed; 1 something failed.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly BATS=.dev/bin/bats

# Usage: count_processors
# Sets REPLY to their number, 1 when nothing tells it.
count_processors() {
  REPLY=$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN 2>/dev/null ||
    sysctl -n hw.ncpu 2>/dev/null) || REPLY=1
  [[ $REPLY =~ ^[1-9][0-9]*$ ]] || REPLY=1
}

# Usage: has_gnu_parallel
# Status 0 when `parallel` on PATH is GNU's: moreutils has another program of that name.
has_gnu_parallel() {
  local version
  version=$(parallel --version 2>/dev/null </dev/null) || return 1
  [[ $version == GNU\ parallel* ]]
}

# Usage: run_files <jobs> <file>...
# One bats per file, <jobs> at a time; prints their output in the order of the files.
run_files() {
  local jobs=$1 logs file status=0
  shift
  logs=$(mktemp -d "${TMPDIR:-/tmp}/pyve-unit.XXXXXX") || return 1
  # shellcheck disable=SC2016 # expanded by the inner shell
  printf '%s\0' "$@" |
    xargs -0 -n 1 -P "$jobs" sh -c '"$0" --tap "$2" >"$1/${2##*/}.log" 2>&1 </dev/null' \
      "$BATS" "$logs" || status=1
  for file in "$@"; do
    printf '# %s\n' "$file"
    cat "$logs/${file##*/}.log" || status=1
  done
  rm -rf "$logs"
  return "$status"
}

# Usage: run_bats <file>...
# Runs them the fastest way there is here.
run_bats() {
  count_processors
  local jobs=$REPLY
  # bats needs a locking program, too, to run the tests of a file in parallel.
  if ((jobs > 1)) && has_gnu_parallel && { type -P flock || type -P shlock; } >/dev/null; then
    PARALLEL_HOME="$PWD/.dev/cache/parallel" "$BATS" --tap -j "$jobs" "$@" </dev/null
  else
    run_files "$jobs" "$@"
  fi
}

# Usage: summarize
# Passes TAP through and adds the counts, and the names of what failed, at the end.
summarize() {
  awk '
    { print; fflush() }
    /^ok [0-9]+ / { if ($0 ~ / # skip/) skipped++; else passed++ }
    /^not ok [0-9]+ / { failed++; names = names "\n  " $0 }
    END {
      if (names != "") print "\nFailed:" names
      printf "\n%d passed, %d failed, %d skipped\n", passed, failed, skipped
    }
  '
}

# Usage: main [file.bats]...
main() {
  local status=0 chosen=$#
  shopt -s nullglob
  if ((chosen == 0)); then
    set -- tests/unit/*.bats
  fi
  local -a python_tests=(tests/unit/test_*.py)
  if (($# > 0)); then
    run_bats "$@" 2>&1 | summarize || status=1
  fi
  if ((chosen == 0 && ${#python_tests[@]} > 0)); then
    .dev/bin/python -m pytest -q tests/unit || status=1
  fi
  return "$status"
}

main "$@"
