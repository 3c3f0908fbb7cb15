#!/usr/bin/env bats
# shellcheck disable=SC2016 # hostile names are meant to stay as they are
# shellcheck disable=SC2030,SC2031 # bats runs every test in a process of its own
# lib/micromamba_env.sh: what an environment is called.

bats_require_minimum_version 1.5.0
load ../helpers/test_helper

setup() {
  setup_project
  load_lib micromamba_env
}

# Usage: assert_name <raw> <expected>
assert_name() {
  run -0 sanitize_environment_name "$1"
  assert_equal "$1 -> $output" "$1 -> $2"
}

@test "a name is lower case, with one hyphen for whatever else there is" {
  assert_name myproject myproject
  assert_name MyProject myproject
  assert_name "My Project" my-project
  assert_name "my@project#name!" my-project-name
  assert_name my_project my_project
  assert_name "my---project" my-project
  assert_name "-my-project-" my-project
  assert_name "  spaces  " spaces
  assert_name "a/b\\c:d" a-b-c-d
  assert_name "py3.11" py3-11
  assert_name _private _private
  assert_name ABCDEFGHIJKLMNOPQRSTUVWXYZ abcdefghijklmnopqrstuvwxyz
}

@test "a name does not begin with a digit" {
  assert_name 123project env-123project
  assert_name "2024 plan" env-2024-plan
  assert_name --7-- env-7
}

@test "of other alphabets and control characters only hyphens stay, also where the locale knows them" {
  local locale
  for locale in $(locale -a | grep -iE '^(C|C\.utf-?8|en_US\.utf-?8)$'); do
    LC_ALL=$locale assert_name "Prénom" pr-nom
    LC_ALL=$locale assert_name $'a\tb\nc\x7fd\xffe' a-b-c-d-e
  done
}

@test "what leaves nothing is no name" {
  local raw
  for raw in "" "---" "   " "@#!" "日本語"; do
    run -1 sanitize_environment_name "$raw"
    assert_equal "$output" ""
  done
}

@test "a name has at most 255 characters, and no hyphen at its end then" {
  local long
  printf -v long '%300s' ""
  long=${long// /x}
  run -0 sanitize_environment_name "$long"
  assert_equal "${#output}" 255
  run -0 sanitize_environment_name "${long:0:254} yyy"
  assert_equal "${#output}" 254
  run -0 sanitize_environment_name "1$long"
  assert_equal "${#output}" 255
}

@test "some names are reserved, however they are written" {
  local name
  for name in base root default conda mamba micromamba BASE Root MicroMamba; do
    is_reserved_environment_name "$name"
    run -1 validate_environment_name "$name"
    assert_contains "$output" "[E_ENV_NAME]"
    assert_contains "$output" "reserved"
  done
  for name in "" bases my-base rooted env conda2; do
    run -1 is_reserved_environment_name "$name"
  done
}

@test "a valid name is accepted as it is" {
  local name
  for name in a _ myenv My_Env-2 py3.11; do
    run -0 validate_environment_name "$name"
    assert_equal "$output" ""
  done
}

@test "a bad name is refused, with a good one to type" {
  local name long
  printf -v long '%256s' ""
  for name in "my env" my/env ../x .hidden -x 1x 'a$(touch pwned)' "a'b" $'a\nb' 'é' "" "${long// /x}"; do
    run -1 --separate-stderr validate_environment_name "$name"
    assert_equal "$output" ""
    assert_contains "$stderr" "[E_ENV_NAME]"
  done
  run -1 validate_environment_name "My Env"
  assert_contains "$output" "fix: pyve init --env-name my-env"
  run -1 validate_environment_name ""
  assert_contains "$output" "the name of the environment is empty"
  run -1 validate_environment_name Base
  assert_contains "$output" "fix: pyve init --env-name env-base"
  [ ! -e pwned ]
}

# --- whose name it is

@test "the command line goes before the config, that before the environment file, that before the folder" {
  run -0 resolve_environment_name
  assert_equal "$output" my-project
  printf 'name: from-file\n' >environment.yml
  run -0 resolve_environment_name
  assert_equal "$output" from-file
  mkdir .pyve
  printf 'micromamba:\n  env_name: from-config\n' >.pyve/config
  run -0 resolve_environment_name
  assert_equal "$output" from-config
  run -0 resolve_environment_name from-flag
  assert_equal "$output" from-flag
}

@test "find_environment_name says where the name is from" {
  find_environment_name
  assert_equal "$REPLY, $ENV_NAME_SOURCE" "my-project, the folder's name"
  printf 'name: x1\n' >environment.yml
  find_environment_name
  assert_equal "$REPLY, $ENV_NAME_SOURCE" "x1, environment.yml"
  find_environment_name y
  assert_equal "$REPLY, $ENV_NAME_SOURCE" "y, --env-name"
}

@test "the environment file that the config names is the one that is read" {
  mkdir .pyve
  printf 'micromamba:\n  env_file: conda/dev env.yml\n' >.pyve/config
  printf 'name: wrong\n' >environment.yml
  mkdir conda
  printf 'name: right\n' >"conda/dev env.yml"
  run -0 resolve_environment_name
  assert_equal "$output" right
}

@test "a name that cannot be one is made one; only the name is printed" {
  run -0 --separate-stderr resolve_environment_name "My Project"
  assert_equal "$output" my-project
  printf 'name: "2024 Study"\n' >environment.yml
  run -0 --separate-stderr resolve_environment_name
  assert_equal "$output" env-2024-study
  printf 'name: Keep.Me_As-I-Am\n' >environment.yml
  run -0 resolve_environment_name
  assert_equal "$output" Keep.Me_As-I-Am
}

@test "a reserved name that somebody chose is refused; that of a folder is changed" {
  run -1 --separate-stderr resolve_environment_name base
  assert_equal "$output" ""
  assert_contains "$stderr" "[E_ENV_NAME]"
  printf 'name: base\n' >environment.yml
  run -1 resolve_environment_name
  rm environment.yml
  mkdir ../Base
  cd ../Base
  run -0 resolve_environment_name
  assert_equal "$output" env-base
}

@test "a folder of which no letter can be kept still gives a name" {
  mkdir "../日本語"
  cd "../日本語"
  run -0 resolve_environment_name
  assert_equal "$output" env
}

@test "a name in a form that bash does not read is told, never guessed" {
  printf 'name: &x study\n' >environment.yml
  run -0 --separate-stderr resolve_environment_name
  assert_equal "$output" my-project
  assert_contains "$stderr" "[W_ENV_FILE_FORM]"
}
