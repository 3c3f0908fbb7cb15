#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031,SC2034 # bats runs every test in a process of its own; globals are for the lib
# lib/conda_engine.sh: which engine is chosen, and what programs of conda get instead of a lock.

bats_require_minimum_version 1.5.0
load ../helpers/test_helper

setup() {
  setup_project
  TOOLS="$BATS_TEST_TMPDIR/tools"
  mkdir -p "$TOOLS"
  PATH="$TOOLS:/usr/bin:/bin"
  CI=1
  load_lib utils conda_engine
}

# Usage: add_tool <name> <what its --version prints> [folder]
add_tool() {
  mkdir -p "${3:-$TOOLS}"
  printf '#!/bin/sh\n[ "$*" = --version ] || exit 98\nprintf "%%b\\n" "%s"\n' "$2" >"${3:-$TOOLS}/$1"
  chmod +x "${3:-$TOOLS}/$1"
}

# Usage: chosen [argument for choose_engine]...
# Prints what is chosen.
chosen() {
  config_load || :
  choose_engine "$@" || return 1
  printf '%s %s %s\n' "$CONDA_ENGINE" "$CONDA_ENGINE_VERSION" "$CONDA_ENGINE_PATH"
}

@test "auto takes micromamba, then mamba, then conda, then the built-in one" {
  run -0 chosen ""
  assert_equal "$output" "rattler  "
  add_tool conda "conda 24.11.3"
  run -0 chosen ""
  assert_equal "$output" "conda 24.11.3 $TOOLS/conda"
  add_tool mamba '2.0.5'
  run -0 chosen auto
  assert_equal "$output" "mamba 2.0.5 $TOOLS/mamba"
  add_tool micromamba 2.8.1
  run -0 chosen ""
  assert_equal "$output" "micromamba 2.8.1 $TOOLS/micromamba"
}

@test "a version is found in each form that programs have" {
  local answer
  for answer in 'mamba 1.5.8\nconda 23.11.0' 'mamba  1.5.8' '1.5.8' 'mamba 1.5.8rc1'; do
    add_tool mamba "$answer"
    run -0 chosen mamba
    assert_equal "$output" "mamba 1.5.8 $TOOLS/mamba"
  done
}

@test "a program that does not answer is passed over, and named when it is asked for" {
  add_tool mamba "what?"
  add_tool conda ""
  run -0 chosen ""
  assert_equal "$output" "rattler  "
  run -1 chosen mamba
  assert_contains "$output" "[E_ENGINE_MISSING]"
  assert_contains "$output" "$TOOLS/mamba --version"
  rm "$TOOLS/mamba"
  run -1 chosen mamba
  assert_contains "$output" "there is no such program"
}

@test "the option goes before the config, the config before what is there" {
  add_tool micromamba 2.8.1
  add_tool conda "conda 24.11.3"
  mkdir .pyve
  printf 'micromamba:\n  engine: conda\n' >.pyve/config
  run -0 chosen ""
  assert_equal "$output" "conda 24.11.3 $TOOLS/conda"
  run -0 chosen rattler
  assert_equal "$output" "rattler  "
  run -0 chosen auto
  assert_equal "$output" "micromamba 2.8.1 $TOOLS/micromamba"
  printf 'micromamba:\n  engine: banana\n' >.pyve/config
  run -1 chosen ""
  assert_contains "$output" "[E_ENGINE_UNKNOWN]"
  assert_contains "$output" "'banana'"
}

@test "micromamba that is asked for and not there is an error in CI, never a download" {
  PYVE_MICROMAMBA_URL="file://$TOOLS/nothing" run -1 chosen micromamba
  assert_contains "$output" "[E_MICROMAMBA_MISSING]"
  [[ ! -e "$HOME/.pyve" && ! -e .pyve ]]
}

@test "a list of archives has each one's digest; what pip installed is for pip" {
  call_helper() {
    HELPER_KEYS=() HELPER_VALUES=()
    while IFS=$'\t' read -r key value; do
      HELPER_KEYS+=("packages.$key")
      HELPER_VALUES+=("$value")
    done <<'LIST'
0.name	water
0.url	https://channel.example/noarch/water-1-0.conda
0.md5	11111111111111111111111111111111
0.sha256	22
0.manager	conda
1.name	tea
1.url	https://channel.example/noarch/tea-1-0.conda
1.manager	conda
2.name	idna
2.url	https://index.example/idna-3.whl
2.sha256	33
2.manager	pip
10.name	last
10.url	https://channel.example/noarch/last-1-0.conda
LIST
  }
  CONDA_PIP_LINES=()
  write_explicit_list list.txt environment_file lock
  assert_equal "$(cat list.txt)" "@EXPLICIT
https://channel.example/noarch/water-1-0.conda#11111111111111111111111111111111
https://channel.example/noarch/tea-1-0.conda
https://channel.example/noarch/last-1-0.conda"
  assert_equal "${CONDA_PIP_LINES[*]}" "idna @ https://index.example/idna-3.whl --hash=sha256:33"
  assert_equal "$CONDA_PIP_NO_DEPS" "1"
}

@test "what pip has installed in a prefix is installed again by the lines that the helper tells" {
  HELPER_KEYS=(packages.0.name packages.0.requirement packages.1.requirement packages.1.name count)
  HELPER_VALUES=(a "a==1" "-e file:///x%20y" b 2)
  CONDA_PIP_LINES=() CONDA_PIP_NO_DEPS=""
  get_pip_requirements
  assert_equal "${#CONDA_PIP_LINES[@]} ${CONDA_PIP_LINES[*]} $CONDA_PIP_NO_DEPS" "2 a==1 -e file:///x%20y 1"
}

@test "a warning is said once" {
  HELPER_KEYS=(warnings warnings)
  HELPER_VALUES=("environment.yml, line 1: odd" "$PWD/environment.yml, line 1: odd")
  run -0 tell_helper_warnings
  assert_equal "${#lines[@]}" 2
  assert_equal "${lines[0]}" "WARNING: environment.yml, line 1: odd [W_ENVIRONMENT_FILE]"
}

@test "an update does not change the environment's name" {
  setup_project
  mkdir -p .pyve/envs/one
  printf 'backend: micromamba\n\nmicromamba:\n  env_name: one\n' >.pyve/config
  printf 'name: one\ndependencies: []\n' >environment.yml
  run -1 pyve init --update --env-name two
  assert_contains "$output" E_UPDATE_NAME
  assert_contains "$output" "fix: pyve init --force --env-name two"
}
