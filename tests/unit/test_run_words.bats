#!/usr/bin/env bats
# Options of pyve run in front of another room's command, and what loads modules lazily.

load ../helpers/test_helper

bats_require_minimum_version 1.5.0

setup() {
  setup_project
  load_lib output text config files cli run_words lazy_imports
  VERSION=9.9
}

# Usage: take_global_option <word>...
# That of pyve.sh, for words that are none.
take_global_option() {
  REPLY=0
}

# Usage: take_mark <word>...
# A taker that knows --mark VALUE.
take_mark() {
  REPLY=0
  [[ $1 != --mark && $1 != --mark=* ]] || { take_own_value "$@" && mark=$REPLY_VALUE; }
}

@test "the room's own options are taken, those of run are passed on, the rest is the command's" {
  local mark=""
  PYVE_COMMAND=watch
  take_run_words take_mark --with "a b" --mark=x --frozen --mark y --with=c -- -q --mark z
  assert_equal "$mark" y
  assert_equal "$(printf '<%s>' "${RUN_WORDS[@]}")" "<--with><a b><--frozen><--with=c><--><-q><--mark><z>"
  assert_equal "$RUN_HAS_COMMAND" 1
  take_run_words take_mark -m http.server --mark z
  assert_equal "${RUN_WORDS[*]}" "-m http.server --mark z"
  take_run_words take_mark --with x --
  assert_equal "${RUN_WORDS[*]}|$RUN_HAS_COMMAND" "--with x|"
}

@test "an option that nobody knows, and a value that is missing, are said" {
  local mark=""
  PYVE_COMMAND=watch
  run --separate-stderr take_run_words take_mark --cleer x
  assert_contains "$stderr" "did you mean '--clear'?"
  run --separate-stderr take_run_words take_mark --mark
  assert_contains "$stderr" "--mark needs a value"
}

@test "lazy imports are planned by the config alone, with the user's own path behind" {
  PLAN_SETS=()
  HOME=$BATS_TEST_TMPDIR/home PYTHONPATH=/own
  unset XDG_CACHE_HOME
  mkdir -p .pyve
  printf 'imports:\n  lazy: [decimal, "a.b", $(touch x), -x]\n' >.pyve/config
  config_load .pyve/config
  plan_lazy_imports
  assert_equal "${PLAN_SETS[0]}" "PYTHONPATH=$HOME/.cache/pyve/lazy/9.9:/own"
  assert_equal "${PLAN_SETS[1]}" "PYVE_LAZY_IMPORTS=decimal a.b"
  cmp "$HOME/.cache/pyve/lazy/9.9/sitecustomize.py" "$PYVE_ROOT/helpers/lazy_start/sitecustomize.py"
  [[ ! -e x ]]
  # What is explained is not made, and what is turned off is not planned.
  rm -r "$HOME/.cache"
  PYVE_EXPLAIN=1 plan_lazy_imports
  [[ ! -e $HOME/.cache ]]
  PLAN_SETS=()
  PYVE_NO_LAZY_IMPORTS=1 plan_lazy_imports
  assert_equal "${#PLAN_SETS[@]}" 0
}
