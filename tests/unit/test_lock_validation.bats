#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031 # bats runs every test in a process of its own
# lib/micromamba_lock.sh: whether conda-lock.yml fits environment.yml, and what is asked when not. (In a
# terminal: tests/integration/test_conda_dialogues.py.)

bats_require_minimum_version 1.5.0
load ../helpers/test_helper
load ../helpers/managers

setup() {
  setup_project
  load_lib micromamba_lock
}

# Usage: write_files [order]
# Writes environment.yml and conda-lock.yml, the lock later ("current", the default) or earlier ("stale").
write_files() {
  printf 'name: demo\ndependencies: [python]\n' >environment.yml
  printf 'version: 1\n' >conda-lock.yml
  touch -t 202601051030.00 environment.yml
  if [[ ${1-} == stale ]]; then
    touch -t 202512151420.00 conda-lock.yml
  else
    touch -t 202601061030.00 conda-lock.yml
  fi
}

# Usage: check_with <answers> [strict]
# Runs the check with these answers in a pipe, as in a Pyve of its own.
check_with() {
  # shellcheck disable=SC2016 # for the other bash
  printf '%b' "$1" | bash -c 'set -euo pipefail; PYVE_COMMAND=demo; . "$1/lib/utils.sh"; trap finish EXIT
    . "$1/lib/micromamba_lock.sh"; validate_lock_file_status "${@:2}"; echo "goes on"' - "$PYVE_TREE" ${2+"$2"} 3>&-
}

@test "a lock is stale when the environment file was changed after it" {
  write_files
  run -1 is_lock_file_stale
  touch -t 202601051030.00 conda-lock.yml
  run -1 is_lock_file_stale
  write_files stale
  run -0 is_lock_file_stale
  assert_equal "$output" ""
}

@test "a lock is not stale when one of the two is missing" {
  run -1 is_lock_file_stale
  : >environment.yml
  run -1 is_lock_file_stale
  rm environment.yml
  : >conda-lock.yml
  run -1 is_lock_file_stale
}

@test "the five states have names" {
  find_lock_state
  assert_equal "$REPLY" none
  : >environment.yml
  find_lock_state
  assert_equal "$REPLY" missing
  write_files
  find_lock_state
  assert_equal "$REPLY $CONDA_MANIFEST $CONDA_LOCK" "current environment.yml conda-lock.yml"
  write_files stale
  find_lock_state
  assert_equal "$REPLY" stale
  rm environment.yml
  find_lock_state
  assert_equal "$REPLY" alone
}

@test "the time of the last change is printed in the form of the plan" {
  local file
  for file in plain "with space" -dash 123; do
    : >"./$file"
    touch -t 202601051030.07 "./$file"
    run -0 get_file_mtime_formatted "$file"
    assert_equal "$output" "2026-01-05 10:30:07"
  done
  run -0 get_file_mtime_formatted "$PWD/plain"
  assert_equal "$output" "2026-01-05 10:30:07"
}

@test "the time of a file that is missing is unknown" {
  run -1 get_file_mtime_formatted missing
  assert_equal "$output" unknown
  run -1 get_file_mtime_formatted
  assert_equal "$output" unknown
}

@test "a current lock, and one that is alone, need no word" {
  local strict
  write_files
  for strict in true false; do
    run -0 validate_lock_file_status "$strict"
    assert_equal "$output" ""
  done
  run -0 validate_lock_file_status
  rm environment.yml
  run -0 validate_lock_file_status true
  assert_equal "$output" ""
}

@test "without either file the check fails and says so" {
  run -1 validate_lock_file_status
  assert_contains "$output" "[E_ENV_FILE_MISSING]"
}

@test "strict fails for a stale and for a missing lock, also in CI, and says how to make it" {
  write_files stale
  CI=true run -1 validate_lock_file_status true
  assert_contains "$output" "[E_LOCK_STALE]"
  assert_contains "$output" "fix: pyve lock"
  rm conda-lock.yml
  run -1 validate_lock_file_status true
  assert_contains "$output" "[E_LOCK_MISSING]"
  assert_contains "$output" "fix: pyve lock"
}

@test "nothing is asked or said in CI, with --yes, and when nobody is there" {
  write_files stale
  CI=true run -0 validate_lock_file_status
  assert_equal "$output" ""
  PYVE_YES=1 run -0 validate_lock_file_status false
  assert_equal "$output" ""
  run -0 validate_lock_file_status false </dev/null
  assert_equal "$output" ""
  rm conda-lock.yml
  run -0 validate_lock_file_status false </dev/null
  assert_equal "$output" ""
}

@test "a stale lock is asked about, with both times, the default and the command" {
  write_files stale
  CONDA_SUBDIR=osx-arm64 run -0 check_with 'y\n'
  assert_contains "$output" "WARNING: Lock file may be stale [W_LOCK_STALE]"
  assert_contains "$output" "environment.yml: modified 2026-01-05 10:30:00"
  assert_contains "$output" "conda-lock.yml: modified 2025-12-15 14:20:00"
  assert_contains "$output" "using conda-lock.yml for reproducibility"
  assert_contains "$output" "fix: pyve lock"
  assert_contains "$output" "Continue anyway? [Y/n]: "
  assert_contains "$output" "goes on"
}

@test "yes and Enter go on; no, the end of input and nonsense stop" {
  local answer
  write_files stale
  for answer in 'y\n' 'YES\n' '\n' 'x\ny\n' y; do
    run -0 check_with "$answer"
    assert_contains "$output" "goes on"
  done
  for answer in 'n\n' 'No\n' '' 'x\nx\nx\n' 'x\n'; do
    run -1 check_with "$answer"
    assert_contains "$output" "[E_LOCK_STALE]"
    assert_contains "$output" "nothing was changed"
    refute_contains "$output" "goes on"
    refute_contains "$output" E_INTERNAL
  done
}

@test "a missing lock is mentioned, not asked about" {
  write_files
  rm conda-lock.yml
  run -0 check_with ''
  assert_contains "$output" "There is no conda-lock.yml"
  refute_contains "$output" "Continue"
  assert_contains "$output" "goes on"
}

@test "the environment file that the config names counts" {
  mkdir .pyve
  printf 'micromamba:\n  env_file: "my env.yml"\n' >.pyve/config
  write_files
  run -0 validate_lock_file_status true
  printf 'dependencies: [python]\n' >"my env.yml"
  run -0 is_lock_file_stale
  run -1 validate_lock_file_status true
  assert_contains "$output" "fix: pyve lock"
}

@test "interactive is a terminal or a pipe, outside CI and without --yes" {
  run -1 is_interactive </dev/null
  # shellcheck disable=SC2119 # a test of stdin
  true | is_interactive
  CI=1 run -1 bash -c '. "$1/lib/micromamba_lock.sh"; true | is_interactive' - "$PYVE_TREE"
}
