#!/usr/bin/env bash
# Everything that can be said about the code without running it: ShellCheck, shfmt, syntax of the
# zsh and fish files, actionlint, Ruff, mypy, and whether the generated documents are current.
#
# Usage: scripts/check.sh
#
# Runs every checker, also after one has failed. Exit: 0 all is well; 1 something is not.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
status=0

# Usage: list_files <pattern>...
# Prints the project's files whose base name matches, one per line.
list_files() {
  local pattern
  for pattern in "$@"; do
    find . \( -name .git -o -name .dev -o -name .pyve -o -name .venv -o -name node_modules \) \
      -prune -o -type f -name "$pattern" -print
  done
}

# Usage: check <name> <command>...
# Runs the command; a failure is remembered.
check() {
  local name=$1
  shift
  if "$@"; then
    printf 'ok      %s\n' "$name"
  else
    printf 'FAILED  %s\n' "$name"
    status=1
  fi
}

# Usage: read_files <pattern>...
# Sets the array FILES.
read_files() {
  local file
  FILES=()
  while IFS= read -r file; do
    if [[ -n $file ]]; then
      FILES[${#FILES[@]}]=$file
    fi
  done <<<"$(list_files "$@")"
}

# Usage: find_unused_locals <file>...
# Prints the lower-case variables that are set and never read. Those in capitals, and the options, are how modules
# hand values to each other, which ShellCheck cannot see.
# shellcheck disable=SC2329 # called through check
find_unused_locals() {
  local found
  found=$(.dev/bin/shellcheck --norc -s bash -i SC2034 -f gcc "$@" |
    awk '/: [a-z][a-z0-9_]* appears unused/ && !/: opt_/') || true
  if [[ -n $found ]]; then
    printf '%s\n' "$found"
    return 1
  fi
}

# Usage: check_syntax <shell> <pattern>
# Parses the files with their own shell, where it is installed.
check_syntax() {
  local shell=$1 file
  type -P "$shell" >/dev/null || return 0
  read_files "$2"
  for file in ${FILES[@]+"${FILES[@]}"}; do
    check "$shell -n $file" "$shell" -n "$file"
  done
}

# Modules have no first line that names their shell: they are sourced, not run.
read_files '*.sh' '*.bash'
FILES[${#FILES[@]}]=.ci/run
check "shellcheck (${#FILES[@]} bash files)" .dev/bin/shellcheck -s bash "${FILES[@]}"
check "no unused locals" find_unused_locals "${FILES[@]}"
check "shfmt (${#FILES[@]} bash files)" .dev/bin/shfmt -d -ln bash -i 2 -ci "${FILES[@]}"
read_files '*.bats'
if ((${#FILES[@]} > 0)); then
  # Every test is a subshell (SC2030, SC2031), and what `bash -c` gets is quoted on purpose (SC2016).
  check "shellcheck (${#FILES[@]} bats files)" .dev/bin/shellcheck -s bats \
    -e SC2016,SC2030,SC2031 "${FILES[@]}"
  check "shfmt (${#FILES[@]} bats files)" .dev/bin/shfmt -d -ln bats -i 2 -ci "${FILES[@]}"
fi
check_syntax zsh '*.zsh'
check_syntax zsh _pyve
check_syntax fish '*.fish'

check "actionlint (.github/workflows)" .dev/bin/actionlint -shellcheck "$PWD/.dev/bin/shellcheck"
check "action.yml" .dev/bin/python scripts/check_actions.py

check "ruff check" .dev/bin/ruff check --quiet .
check "ruff format" .dev/bin/ruff format --quiet --check .

read_files '*.py'
for file in ${FILES[@]+"${FILES[@]}"}; do
  if [[ $file == ./helpers/* ]]; then
    check "mypy --strict helpers" .dev/bin/python -m mypy --no-error-summary helpers
    break
  fi
done

if [[ -x scripts/gen-docs.sh ]]; then
  check "generated documents are current" scripts/gen-docs.sh --check
fi

exit "$status"
