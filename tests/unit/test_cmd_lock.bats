#!/usr/bin/env bats
# pyve lock in projects of the conda backend: which platforms, what --check says, and what is refused.

bats_require_minimum_version 1.5.0
load ../helpers/test_helper

setup_file() {
  CHANNEL=$("$BATS_TEST_DIRNAME/../../.dev/bin/python" "$BATS_TEST_DIRNAME/../helpers/conda_channel.py" "$BATS_FILE_TMPDIR")
  export CHANNEL
}

setup() {
  setup_project
  use_toolchain
  export PYVE_CONDA_CACHE="$BATS_FILE_TMPDIR/conda packages" PYVE_PYPI_MAPPING=none
  write_manifest libwater
}

# Usage: write_manifest <dependency>...
# Writes environment.yml.
write_manifest() {
  local name
  printf 'name: demo\nchannels:\n  - %s\ndependencies:\n' "$CHANNEL" >environment.yml
  for name; do
    printf '  - %s\n' "$name" >>environment.yml
  done
}

# Usage: list_locked
# Prints the platforms of conda-lock.yml in one line.
list_locked() {
  sed -n '/^  platforms:/,/^  sources:/s/^  - //p' conda-lock.yml | paste -s -d ' ' -
}

@test "lock writes conda-lock.yml for the platforms named, and adds what is missing" {
  run -0 --separate-stderr pyve lock --platform osx-arm64
  assert_equal "$output" "✓ Wrote conda-lock.yml (osx-arm64)"
  assert_equal "$stderr" ""
  assert_equal "$(list_locked)" "osx-arm64"
  run -0 pyve lock --platform linux-64 --platform osx-arm64
  assert_equal "$(list_locked)" "linux-64 osx-arm64"
  assert_contains "$(cat conda-lock.yml)" "$CHANNEL/linux-64/libwater-1.1-"
}

@test "a lock that is current is left alone, byte for byte" {
  run -0 pyve lock --platform linux-64
  touch -t 202601010000 conda-lock.yml
  run -0 pyve lock
  assert_contains "$output" "is current and stays as it is"
  assert_equal "$(find conda-lock.yml ! -newer environment.yml)" "conda-lock.yml"
}

@test "the platforms of the config come in either form of a list, and the option goes before them" {
  mkdir .pyve
  printf 'backend: micromamba\nlock:\n  platforms: [osx-64, "linux-aarch64"]\n' >.pyve/config
  run -0 pyve lock
  assert_equal "$(list_locked)" "linux-aarch64 osx-64"
  rm conda-lock.yml
  printf 'backend: micromamba\nlock:\n  platforms:\n    - linux-64\n    - osx-64\n' >.pyve/config
  run -0 pyve lock
  assert_equal "$(list_locked)" "linux-64 osx-64"
  rm conda-lock.yml
  run -0 pyve lock --platform osx-arm64
  assert_equal "$(list_locked)" "osx-arm64"
}

@test "check says missing, current and stale by its status, and writes nothing" {
  run -1 pyve lock --check
  assert_contains "$output" "[E_LOCK_MISSING]"
  [[ ! -e conda-lock.yml && ! -e .pyve ]]
  pyve -q lock
  run -0 pyve lock --check
  assert_equal "$output" "✓ conda-lock.yml is current"
  assert_contains "$(pyve lock --check --json)" '"status": "current"'
  write_manifest libwater kettle
  cp conda-lock.yml before
  run -1 pyve lock --check
  assert_contains "$output" "[E_LOCK_STALE]"
  assert_contains "$output" "fix: pyve lock"
  cmp conda-lock.yml before
  # A comment changes nothing that would be installed.
  write_manifest "libwater # a comment"
  run -0 pyve lock --check
}

@test "it works from any folder of the project" {
  mkdir -p .pyve "deep/er"
  printf 'backend: micromamba\n' >.pyve/config
  cd deep/er
  run -0 pyve lock
  [[ -f ../../conda-lock.yml && ! -e conda-lock.yml ]]
}

@test "what cannot be solved leaves the lock that is there" {
  pyve -q lock
  cp conda-lock.yml before
  write_manifest teapot "libwater >=1.1"
  run -1 pyve lock
  assert_contains "$output" "[E_CONDA_CONFLICT]"
  assert_contains "$output" "teapot"
  write_manifest no-such-package
  run -1 pyve lock
  assert_contains "$output" "no-such-package"
  cmp conda-lock.yml before
}

@test "a mistake in environment.yml is named with line and column" {
  printf 'channels: [x]\ndependencies:\n  - libwater\n - kettle\n' >environment.yml
  run -1 pyve lock
  assert_contains "$output" "environment.yml, line 4, column 2"
  [[ ! -e conda-lock.yml ]]
}

@test "platforms, engines, options and arguments that do not exist are refused" {
  run -1 pyve lock --platform "linux 64; rm"
  assert_contains "$output" "[E_PLATFORM]"
  run -1 pyve lock --platform ../x-64
  assert_contains "$output" "[E_PLATFORM]"
  run -1 pyve lock --engine poetry
  assert_contains "$output" "[E_ENGINE_UNKNOWN]"
  run -1 pyve lock --plattform linux-64
  assert_contains "$output" "--platform"
  run -1 pyve lock environment.yml
  [[ ! -e conda-lock.yml ]]
}

@test "a project of the venv backend has another lock, and one without environment.yml is told why" {
  mkdir .pyve
  printf 'backend: venv\n' >.pyve/config
  run -1 pyve lock --check
  assert_contains "$output" "[E_MANIFEST_MISSING]"
  [[ ! -e conda-lock.yml ]]
  printf 'backend: micromamba\n' >.pyve/config
  rm environment.yml
  run -1 pyve lock
  assert_contains "$output" "[E_ENV_FILE_MISSING]"
}

@test "all is upgraded when nothing is named, and options of the other backend are refused" {
  write_manifest "libwater <1.1"
  pyve -q lock
  write_manifest libwater
  run -0 pyve lock --upgrade
  assert_contains "$(cat conda-lock.yml)" "libwater-1.1-"
  run -0 pyve lock --upgrade libwater
  run -0 pyve lock --upgrade=libwater --upgrade libwater
  run -1 pyve lock --exclude-newer 7d
  assert_contains "$output" "[E_USAGE_CONFLICT]"
}

@test "another environment file that the config names is the one that is locked" {
  mkdir .pyve
  mv environment.yml "my env.yml"
  printf 'backend: micromamba\nmicromamba:\n  env_file: my env.yml\n' >.pyve/config
  run -0 pyve lock
  assert_contains "$(cat conda-lock.yml)" "- my env.yml"
  run -0 pyve lock --check
}
