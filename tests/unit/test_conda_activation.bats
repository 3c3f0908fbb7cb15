#!/usr/bin/env bats
# lib/conda_activation.sh: what activation does in a conda environment, recorded once.

bats_require_minimum_version 1.5.0
load ../helpers/test_helper

setup() {
  setup_project
  load_lib output conda_activation
  PREFIX="$PROJECT/.pyve/envs/my env"
  mkdir -p "$PREFIX/bin" "$PREFIX/conda-meta" "$PREFIX/etc/conda/activate.d"
  unset OF_SCRIPT LD_LIBRARY_PATH
}

# Usage: write_script <name> <text>
# An activation script of a package.
write_script() {
  printf '%s\n' "$2" >"$PREFIX/etc/conda/activate.d/$1"
}

# Usage: show_activated <name>...
# Enters the environment in a subshell and prints the variables as the children see them.
show_activated() {
  (
    find_activation "$PREFIX" "my env" || exit 1
    enter_conda_environment "$PREFIX" "my env"
    for name; do
      env | grep -a "^$name=" || printf '%s is not set\n' "$name"
    done
  )
}

@test "activation sets CONDA_PREFIX and its kin, and puts bin in front of PATH" {
  run -0 show_activated CONDA_PREFIX CONDA_DEFAULT_ENV CONDA_SHLVL CONDA_PROMPT_MODIFIER PATH
  assert_equal "${lines[0]}" "CONDA_PREFIX=$PREFIX"
  assert_equal "${lines[1]}" "CONDA_DEFAULT_ENV=my env"
  assert_equal "${lines[2]}" "CONDA_SHLVL=1"
  assert_equal "${lines[3]}" "CONDA_PROMPT_MODIFIER=(my env) "
  assert_equal "${lines[4]}" "PATH=$PREFIX/bin:$PATH"
}

@test "scripts of packages are sourced in the order of their names, and need not be clean under set -u" {
  write_script a.sh 'export OF_SCRIPT=first; [ "$NOT_SET" = x ]; false'
  write_script b.sh 'set -eu; export OF_SCRIPT="$OF_SCRIPT, second"; set -- changed; alias export=false'
  run -0 show_activated OF_SCRIPT
  assert_equal "$output" "OF_SCRIPT=first, second"
}

@test "values with line ends, percent signs and blanks come back as they are" {
  write_script a.sh $'export OF_SCRIPT="one\n two%0A  three%25 "'
  find_activation "$PREFIX" "my env"
  find_activation "$PREFIX" "my env"
  enter_conda_environment "$PREFIX" "my env"
  assert_equal "$OF_SCRIPT" $'one\n two%0A  three%25 '
}

@test "what a script unsets is unset, and what it puts behind PATH is behind it" {
  export OF_SCRIPT=1
  write_script a.sh 'unset OF_SCRIPT; export PATH="$CONDA_PREFIX/tools:$PATH:/behind it"'
  run -0 show_activated OF_SCRIPT PATH
  assert_equal "${lines[0]}" "OF_SCRIPT is not set"
  assert_equal "${lines[1]}" "PATH=$PREFIX/tools:$PREFIX/bin:$PATH:/behind it"
}

@test "a second time, nothing is run" {
  write_script a.sh "printf x >>'$BATS_TEST_TMPDIR/runs'"
  find_activation "$PREFIX" "my env"
  find_activation "$PREFIX" "my env"
  assert_equal "$(cat "$BATS_TEST_TMPDIR/runs")" x
}

@test "the record is renewed when a script, the scripts' folder, the packages or the variables change" {
  local file
  write_script a.sh "printf x >>'$BATS_TEST_TMPDIR/runs'"
  : >"$PREFIX/conda-meta/history"
  find_activation "$PREFIX" "my env"
  for file in etc/conda/activate.d/a.sh etc/conda/activate.d conda-meta/history; do
    touch -t 203001010000 "$PREFIX/$file"
    is_activation_current "$PREFIX" && return 1
    touch -t 202001010000 "$PREFIX/$file"
    is_activation_current "$PREFIX"
  done
  printf '{"env_vars": {"OF_STATE": "a\\nb"}}' >"$PREFIX/conda-meta/state"
  touch -t 203001010000 "$PREFIX/conda-meta/state"
  find_activation "$PREFIX" "my env"
  enter_conda_environment "$PREFIX" "my env"
  assert_equal "$OF_STATE" $'a\nb'
  assert_equal "$(cat "$BATS_TEST_TMPDIR/runs")" xx
}

@test "a caller's own value is extended as a real activation would" {
  write_script a.sh 'export LD_LIBRARY_PATH="$CONDA_PREFIX/lib:$LD_LIBRARY_PATH"'
  run -0 show_activated LD_LIBRARY_PATH
  assert_equal "$output" "LD_LIBRARY_PATH=$PREFIX/lib:"
  LD_LIBRARY_PATH=/own run -0 show_activated LD_LIBRARY_PATH
  assert_equal "$output" "LD_LIBRARY_PATH=$PREFIX/lib:/own"
  run -0 show_activated LD_LIBRARY_PATH
  assert_equal "$output" "LD_LIBRARY_PATH=$PREFIX/lib:"
}

@test "in an environment that is active already nothing is added twice" {
  write_script a.sh 'export OF_SCRIPT=1'
  find_activation "$PREFIX" "my env"
  enter_conda_environment "$PREFIX" "my env"
  local once=$PATH
  find_activation "$PREFIX" "my env"
  enter_conda_environment "$PREFIX" "my env"
  assert_equal "$PATH" "$once"
}

@test "a script that ends the shell is a diagnostic with its own last words" {
  write_script a.sh 'printf "licence has run out\n" >&2; exit 3'
  run -1 find_activation "$PREFIX" "my env"
  assert_contains "$output" E_CONDA_ACTIVATION
  assert_contains "$output" "licence has run out"
  [[ ! -e $PREFIX/pyve.activation ]]
}

@test "variables of packages and of the user are set, the user's win, and one can be unset" {
  mkdir -p "$PREFIX/etc/conda/env_vars.d"
  printf '{"OF_PACKAGE": "p", "OF_BOTH": "package"}' >"$PREFIX/etc/conda/env_vars.d/x.json"
  printf '{"env_vars": {"OF_BOTH": "user", "OF_CALLER": "***unset***"}}' >"$PREFIX/conda-meta/state"
  export OF_CALLER=1
  run -0 show_activated OF_PACKAGE OF_BOTH OF_CALLER
  assert_equal "${lines[0]}" "OF_PACKAGE=p"
  assert_equal "${lines[1]}" "OF_BOTH=user"
  assert_equal "${lines[2]}" "OF_CALLER is not set"
}

@test "a damaged conda-meta/state is a diagnostic" {
  printf '{"env_vars": ' >"$PREFIX/conda-meta/state"
  run -1 find_activation "$PREFIX" "my env"
  assert_contains "$output" E_CONDA_STATE
}

@test "a hostile record executes nothing" {
  printf 'front=$(touch pwned)\nback=\n+OF_SCRIPT=`touch pwned`$(touch pwned)\nend\n' >"$PREFIX/pyve.activation"
  touch -t 203001010000 "$PREFIX/pyve.activation"
  find_activation "$PREFIX" "my env"
  enter_conda_environment "$PREFIX" "my env"
  assert_equal "$OF_SCRIPT" '`touch pwned`$(touch pwned)'
  PATH=/usr/bin:/bin
  [[ ! -e pwned && ! -e $PREFIX/pwned ]]
}

@test "the record is made without the caller's variables; a script that asks for one is run with it" {
  write_script a.sh 'export OF_SCRIPT="${SECRET_OF_CALLER-nothing}"'
  export SECRET_OF_CALLER=1
  run -0 show_activated OF_SCRIPT
  assert_equal "$output" "OF_SCRIPT=1"
  run ! grep -q 'OF_SCRIPT=1' "$PREFIX/pyve.activation"
  unset SECRET_OF_CALLER
  run -0 show_activated OF_SCRIPT
  assert_equal "$output" "OF_SCRIPT=nothing"
}
