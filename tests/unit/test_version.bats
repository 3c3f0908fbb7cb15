#!/usr/bin/env bats
# shellcheck disable=SC2016 # code and hostile texts in single quotes are meant to stay as they are
# shellcheck disable=SC2103 # a failed cd ends the test
# lib/version.sh: comparing versions, and checking an installation.

bats_require_minimum_version 1.5.0
load ../helpers/test_helper

setup() {
  setup_project
  load_lib version backend_detect
}

# Usage: configure <text>
configure() {
  mkdir -p .pyve
  printf '%s\n' "$1" >.pyve/config
}

# Usage: make_environment_stub [folder] [version]
# A folder that looks like an environment, with an interpreter that answers with a version.
make_environment_stub() {
  local folder=${1:-.venv}
  mkdir -p "$folder/bin"
  printf '#!/bin/sh\n[ "$1 $2 $3 $4" = "-I -S -B -c" ] || exit 99\necho %s\n' "${2:-3.12.4}" >"$folder/bin/python"
  chmod +x "$folder/bin/python"
  printf 'home = /usr/bin\n' >"$folder/pyvenv.cfg"
}

# Usage: make_good_project
make_good_project() {
  configure $'pyve_version: "2.0.0"\nbackend: venv\nvenv:\n  directory: .venv\npython:\n  version: "3.12"'
  make_environment_stub
  (umask 077 && : >.env)
}

@test "compare_versions tells equal, greater and less" {
  local left right answer
  while read -r left right answer; do
    assert_equal "$left $right $(compare_versions "$left" "$right")" "$left $right $answer"
  done <<'END'
1.0.0 1.0.0 equal
1.0.1 1.0.0 greater
1.0.0 1.0.1 less
1.10.0 1.9.9 greater
2.0.0 10.0.0 less
1.2 1.2.0 equal
1.2.0 1.2 equal
1.2 1.2.1 less
1 0.9.9 greater
1.2.3.4 1.2.3 greater
v1.2.3 1.2.3 equal
1.08.0 1.8.0 equal
1.09 1.010 less
3.14.0 3.9.18 greater
END
}

@test "compare_versions does not stumble over words, nor execute them" {
  run -0 compare_versions "" ""
  assert_equal "$output" equal
  run -0 compare_versions 'a[$(touch pwned)]' 1.0
  assert_equal "$output" less
  run -0 compare_versions '1.x[$(touch pwned)].2' 1.0.2
  [ ! -e pwned ]
}

@test "a project of this version, or of no recorded one, needs no word" {
  run -0 validate_pyve_version
  configure 'pyve_version: "2.0.0"'
  run -0 validate_pyve_version
  configure 'backend: venv'
  run -0 validate_pyve_version
}

@test "a project of another version is noticed, and the message has both versions" {
  configure 'pyve_version: "1.1.3"'
  run -1 validate_pyve_version
  validate_pyve_version || assert_contains "$REPLY" 1.1.3
  assert_contains "$REPLY" 2.0.0
  configure 'pyve_version: "9.0.0"'
  validate_pyve_version || assert_contains "$REPLY" newer
}

@test "PYVE_SKIP_VERSION_CHECK=1 silences the comparison" {
  configure 'pyve_version: "1.1.3"'
  PYVE_SKIP_VERSION_CHECK=1 run -0 validate_pyve_version
  PYVE_SKIP_VERSION_CHECK=0 run -1 validate_pyve_version
}

@test "the structure needs .pyve and its config" {
  run -1 validate_installation_structure
  validate_installation_structure || assert_equal "$REPLY" "Missing .pyve directory"
  mkdir .pyve
  validate_installation_structure || assert_equal "$REPLY" "Missing .pyve/config"
  configure "backend: venv"
  run -0 validate_installation_structure
}

@test "the venv structure needs the folder of the config, or the default one, and its interpreter" {
  run -1 validate_venv_structure
  validate_venv_structure || assert_contains "$REPLY" "Virtual environment not found"
  mkdir -p .venv/bin
  validate_venv_structure || assert_contains "$REPLY" "missing Python executable"
  make_environment_stub
  run -0 validate_venv_structure
  configure $'venv:\n  directory: other'
  validate_venv_structure || assert_contains "$REPLY" "other"
  make_environment_stub other
  run -0 validate_venv_structure
}

@test "the venv structure is checked with DEFAULT_VENV_DIR unset, too" {
  unset DEFAULT_VENV_DIR
  make_environment_stub
  run -0 validate_venv_structure
}

@test "a link to an interpreter that is gone is a missing one" {
  mkdir -p .venv/bin
  ln -s /nowhere/python .venv/bin/python
  validate_venv_structure || assert_contains "$REPLY" "missing Python executable"
}

@test "the micromamba structure needs an environment file and the environment" {
  run -1 validate_micromamba_structure
  validate_micromamba_structure || assert_equal "$REPLY" "Missing environment.yml"
  touch environment.yml
  run -0 validate_micromamba_structure
  configure $'micromamba:\n  env_name: demo'
  validate_micromamba_structure || assert_contains "$REPLY" ".pyve/envs/demo"
  mkdir -p .pyve/envs/demo
  run -0 validate_micromamba_structure
}

@test "write_config_with_version makes a config with the version in quotes" {
  write_config_with_version
  assert_equal "$(cat .pyve/config)" 'pyve_version: "2.0.0"'
}

@test "write_config_with_version keeps what the config says" {
  configure $'# mine\nbackend: venv'
  write_config_with_version
  assert_equal "$(cat .pyve/config)" $'# mine\nbackend: venv\npyve_version: "2.0.0"'
}

@test "update_config_version changes the version and nothing else" {
  configure $'# mine\npyve_version: "1.0.0" # old\nbackend: venv'
  update_config_version
  assert_equal "$(cat .pyve/config)" $'# mine\npyve_version: "2.0.0" # old\nbackend: venv'
}

@test "update_config_version makes no config where there is none" {
  run -1 update_config_version
  [ ! -e .pyve ]
}

# --- the whole report

@test "validate is content with a good project: status 0, a line each" {
  make_good_project
  run -0 --separate-stderr pyve validate
  assert_equal "$stderr" ""
  local word
  for word in Structure Version Backend Environment Python .env; do
    assert_contains "$output" "✓ $word"
  done
}

@test "validate reports a project without .pyve, and one without a config" {
  run -1 pyve validate
  assert_contains "$output" "Missing .pyve directory"
  mkdir .pyve
  run -1 pyve validate
  assert_contains "$output" "Missing .pyve/config"
}

@test "validate reports a missing and an unknown backend" {
  make_good_project
  configure 'pyve_version: "2.0.0"'
  run -1 pyve validate
  assert_contains "$output" "No backend specified"
  configure $'pyve_version: "2.0.0"\nbackend: conda'
  run -1 pyve validate
  assert_contains "$output" "Unknown backend"
}

@test "validate reports an environment that is missing, without Python, or with one that does not run" {
  make_good_project
  rm -r .venv
  run -1 pyve validate
  assert_contains "$output" "Virtual environment not found"
  mkdir .venv
  run -1 pyve validate
  assert_contains "$output" "missing Python executable"
  make_environment_stub
  printf '#!/no/such/interpreter\n' >.venv/bin/python
  run -1 pyve validate
  assert_contains "$output" "does not run"
}

@test "validate reports a missing environment.yml for micromamba" {
  configure $'pyve_version: "2.0.0"\nbackend: micromamba'
  run -1 pyve validate
  assert_contains "$output" "Missing environment.yml"
}

@test "validate ends with status 2 when there are warnings only" {
  make_good_project
  rm .env
  run -2 pyve validate
  assert_contains "$output" "Missing .env"
  : >.env
  chmod 644 .env
  run -2 pyve validate
  assert_contains "$output" "read by others"
}

@test "validate warns about another version of Pyve, and about another Python than the config's" {
  make_good_project
  configure $'pyve_version: "1.1.3"\nbackend: venv\npython:\n  version: "3.12"'
  run -2 pyve validate
  assert_contains "$output" "1.1.3"
  PYVE_SKIP_VERSION_CHECK=1 run -0 pyve validate
  configure $'pyve_version: "2.0.0"\nbackend: venv\npython:\n  version: "3.1"'
  run -2 pyve validate
  assert_contains "$output" "3.12.4"
}

@test "a warning never hides an error" {
  make_good_project
  rm -r .venv .env
  run -1 pyve validate
  assert_contains "$output" "WARNING"
  assert_contains "$output" "ERROR"
}

@test "validate works from a subfolder, and changes nothing" {
  make_good_project
  find . -exec ls -ld {} + >"$BATS_TEST_TMPDIR/before"
  mkdir "$BATS_TEST_TMPDIR/elsewhere"
  mkdir sub
  cd sub
  run -0 pyve validate
  cd ..
  rmdir sub
  find . -exec ls -ld {} + >"$BATS_TEST_TMPDIR/after"
  run -0 diff <(sed 's/^d.* \.$//' "$BATS_TEST_TMPDIR/before") <(sed 's/^d.* \.$//' "$BATS_TEST_TMPDIR/after")
}

@test "run_full_validation works when version.sh is sourced alone" {
  make_good_project
  run -0 bash -c 'set -euo pipefail; . "$1/lib/version.sh"; VERSION=2.0.0; run_full_validation' - "$PYVE_TREE"
  assert_contains "$output" "✓ Backend: venv"
}
