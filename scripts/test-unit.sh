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

# Usage: run_bats <file>...
# One bats per file, as many at a time as there are processors (that costs a third less than bats -j, which starts
# each test by GNU parallel); the largest go first. Prints their output in the order of the files.
run_bats() {
  local jobs logs file status=0
  count_processors
  jobs=$REPLY
  logs=$(mktemp -d "${TMPDIR:-/tmp}/pyve-unit.XXXXXX") || return 1
  # shellcheck disable=SC2016 # expanded by the inner shell
  wc -c "$@" | sort -rn | awk '$2 != "total" { print $2 }' |
    xargs -n 1 -P "$jobs" sh -c '"$0" --tap "$2" >"$1/${2##*/}.log" 2>&1 </dev/null' \
      "$BATS" "$logs" || status=1
  for file in "$@"; do
    printf '# %s\n' "$file"
    cat "$logs/${file##*/}.log" || status=1
  done
  rm -rf "$logs"
  return "$status"
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

# Usage: work_in_memory
# Lets temporary files of the bats tests be in memory, where it has room and nobody has chosen another place.
work_in_memory() {
  local free
  if [[ -z ${TMPDIR-} && -d /dev/shm && -w /dev/shm ]]; then
    free=$(df -Pk /dev/shm | awk 'NR == 2 { print $4 }') || free=0
    if ((free >= 4000000)); then
      TMPDIR=$(mktemp -d /dev/shm/pyve-bats.XXXXXX) || return 0
      export TMPDIR
      trap 'chmod -R u+rwX "$TMPDIR"; rm -rf "$TMPDIR"' EXIT
    fi
  fi
}

# Usage: main [file.bats]...
main() {
  local status=0 chosen=$#
  work_in_memory
  shopt -s nullglob
  if ((chosen == 0)); then
    set -- tests/unit/*.bats
  fi
  local -a python_tests=(tests/unit/test_*.py)
  if (($# > 0)); then
    run_bats "$@" 2>&1 | summarize || status=1
  fi
  if ((chosen == 0 && ${#python_tests[@]} > 0)); then
    .dev/bin/python -m pytest -q -rs -n auto tests/unit || status=1
  fi
  return "$status"
}

main "$@"
