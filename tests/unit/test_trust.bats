#!/usr/bin/env bats
# lib/trust.sh: which projects the shell hook may enter.

bats_require_minimum_version 1.5.0
load ../helpers/test_helper

setup() {
  setup_project
  load_lib trust
  ENV_FILE_NAME=.env
  RECORDS=$HOME/.local/state/pyve/trust
  mkdir .pyve
  printf 'backend: venv\n' >.pyve/config
}

# Usage: is_entered [folder]
# True when the hook may enter the project as it is now.
is_entered() {
  digest_project "${1:-$PWD}" && is_trusted
}

@test "a project is trusted after it was recorded, and by nobody else" {
  run -1 is_entered
  trust_project "$PWD"
  is_entered
  run -0 ls -l "$RECORDS"
  assert_equal "${#lines[@]}" 3
  assert_equal "$(find "$RECORDS" -prune -perm 700)" "$RECORDS"
  XDG_STATE_HOME=$HOME/other run -1 is_entered
}

@test "any change of what would be applied asks again, and the same text is trusted again" {
  trust_project "$PWD"
  printf 'backend: venv\n\n' >.pyve/config
  run -1 is_entered
  printf 'backend: venv\n' >.pyve/config
  is_entered
  printf 'A=1\n' >.env
  run -1 is_entered
  trust_project "$PWD"
  is_entered
  printf 'A=2\n' >.env
  run -1 is_entered
  # What was trusted before is so no longer.
  rm .env
  run -1 is_entered
}

@test "the places of config, .env and path cannot be exchanged" {
  printf 'x' >.pyve/config
  printf 'y z' >.env
  trust_project "$PWD"
  printf 'x y' >.pyve/config
  printf 'z' >.env
  run -1 is_entered
}

@test "what activates a conda environment is part of what is trusted" {
  mkdir -p .pyve/envs/a
  trust_project "$PWD"
  printf '+A=1\n' >.pyve/envs/a/pyve.activation
  run -1 is_entered
  trust_project "$PWD"
  is_entered
  printf '+A=2\n' >.pyve/envs/a/pyve.activation
  run -1 is_entered
  # Nor can .env take its place.
  trust_project "$PWD"
  rm .pyve/envs/a/pyve.activation
  printf ' +A=2\n \n.\n' >.env
  run -1 is_entered
}

@test "a copy and a moved project are not trusted; a link to a trusted one is" {
  trust_project "$PWD"
  cp -R "$PROJECT" "$BATS_TEST_TMPDIR/copy"
  run -1 is_entered "$BATS_TEST_TMPDIR/copy"
  ln -s "$PROJECT" "$BATS_TEST_TMPDIR/link"
  is_entered "$BATS_TEST_TMPDIR/link"
  cd "$BATS_TEST_TMPDIR"
  mv "$PROJECT" moved
  run -1 is_entered "$PWD/moved"
}

@test "trust can be taken back, of this project only" {
  cp -R "$PROJECT" "$BATS_TEST_TMPDIR/other"
  trust_project "$PWD"
  trust_project "$BATS_TEST_TMPDIR/other"
  distrust_project "$PWD"
  run -1 is_entered
  is_entered "$BATS_TEST_TMPDIR/other"
  run -1 distrust_project "$PWD"
}

@test "one record is kept for each path, and none for what is gone" {
  local i
  for i in 1 2 3; do
    printf 'A=%s\n' "$i" >.env
    trust_project "$PWD"
  done
  assert_equal "$(find "$RECORDS" -type f ! -name stamp | wc -l | tr -d ' ')" 1
  cp -R "$PROJECT" "$BATS_TEST_TMPDIR/gone"
  trust_project "$BATS_TEST_TMPDIR/gone"
  rm -r "$BATS_TEST_TMPDIR/gone"
  trust_project "$PWD"
  assert_equal "$(find "$RECORDS" -type f ! -name stamp | wc -l | tr -d ' ')" 1
}

@test "a project that was trusted before is told from one that never was" {
  digest_project "$PWD"
  run -1 was_trusted
  trust_project "$PWD"
  printf 'A=1\n' >.env
  digest_project "$PWD"
  was_trusted
  cp -R "$PROJECT" "$BATS_TEST_TMPDIR/other"
  digest_project "$BATS_TEST_TMPDIR/other"
  run -1 was_trusted
}

@test "every change of the records changes the stamp" {
  local before
  trust_project "$PWD"
  before=$(cat "$RECORDS/stamp")
  trust_project "$PWD"
  [ "$(cat "$RECORDS/stamp")" != "$before" ]
  before=$(cat "$RECORDS/stamp")
  distrust_project "$PWD"
  [ "$(cat "$RECORDS/stamp")" != "$before" ]
}

@test "paths with line ends, blanks, quotes and percent signs are told apart" {
  local name
  for name in $'two\nlines' 'two\nlines' 'two\\nlines' $'two\nlines\n' "it's \"two\"" '100%' ' ' '-n' $'tab\t' '*' "\\"; do
    mkdir -p "$BATS_TEST_TMPDIR/x/$name/.pyve"
    printf 'backend: venv\n' >"$BATS_TEST_TMPDIR/x/$name/.pyve/config"
    run -1 is_entered "$BATS_TEST_TMPDIR/x/$name"
    trust_project "$BATS_TEST_TMPDIR/x/$name"
    is_entered "$BATS_TEST_TMPDIR/x/$name"
  done
  for name in $'two\nlines' 'two\nlines' 'two\\nlines' $'two\nlines\n' "it's \"two\"" '100%' ' ' '-n' $'tab\t' '*' "\\"; do
    is_entered "$BATS_TEST_TMPDIR/x/$name"
    distrust_project "$BATS_TEST_TMPDIR/x/$name"
    run -1 is_entered "$BATS_TEST_TMPDIR/x/$name"
  done
}

@test "where no record can be written, that is said" {
  XDG_STATE_HOME=/dev/null/x run -1 --separate-stderr trust_project "$PWD"
  assert_contains "$stderr" "[E_TRUST_WRITE]"
  HOME="" run -1 --separate-stderr trust_project "$PWD"
  assert_contains "$stderr" "[E_TRUST_WRITE]"
  run -1 --separate-stderr digest_project "$PWD/gone"
}

@test "a state folder that is no absolute path is not used" {
  XDG_STATE_HOME=relative trust_project "$PWD"
  [ ! -e relative ]
  is_entered
}

@test "pyve hook --trust and --distrust work from a subfolder, and say what they did" {
  mkdir -p a/b
  cd a/b
  run -0 pyve hook --trust
  assert_contains "$output" "$PROJECT"
  is_entered "$PROJECT"
  run -0 pyve hook --distrust
  assert_contains "$output" "does not enter"
  run -1 is_entered "$PROJECT"
  run -0 pyve hook --distrust
  assert_contains "$output" "was not trusted"
}

@test "trust needs a project, and one wish at a time" {
  run -1 --separate-stderr pyve hook --trust --distrust
  assert_contains "$stderr" "[E_USAGE_CONFLICT]"
  cd "$HOME"
  run -1 --separate-stderr pyve hook --trust
  assert_contains "$stderr" "[E_NOT_INITIALIZED]"
  assert_contains "$stderr" "fix: pyve init"
}

@test "purge takes the trust back" {
  trust_project "$PWD"
  is_entered
  pyve -q purge --yes
  mkdir -p .pyve
  printf 'backend: venv\n' >.pyve/config
  run -1 is_entered
  assert_equal "$(find "$RECORDS" -type f ! -name stamp)" ""
}

@test "where the state folder cannot be written, init and purge go on" {
  offer_python
  export XDG_STATE_HOME=/dev/null/x
  run -0 --separate-stderr pyve init --no-direnv --yes
  assert_equal "$stderr" ""
  run -0 --separate-stderr pyve purge --yes
  assert_equal "$stderr" ""
}
