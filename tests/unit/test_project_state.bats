#!/usr/bin/env bats
# `pyve` alone: where the project stands, and the next command, which really leads on.

bats_require_minimum_version 1.5.0
load ../helpers/test_helper

setup_file() {
  find_real_python
  export REAL_PYTHON
  # The machine's programs, but Pythons and direnv.
  local tools=$BATS_FILE_TMPDIR/tools
  mkdir "$tools"
  ln -s /usr/bin/* "$tools/"
  ln -s /bin/* "$tools/" 2>/dev/null || :
  rm -f "$tools"/python* "$tools"/pip* "$tools"/{direnv,uv,asdf,mise,pyenv,conda,mamba,micromamba}
}

setup() {
  setup_project
  local minor
  minor=$("$REAL_PYTHON" -I -S -c 'import sys; print("python3.%d" % sys.version_info[1])')
  mkdir "$BATS_TEST_TMPDIR/bin"
  ln -s "$REAL_PYTHON" "$BATS_TEST_TMPDIR/bin/python3"
  ln -s "$REAL_PYTHON" "$BATS_TEST_TMPDIR/bin/$minor"
  SERIES=${minor#python}
  # No version manager, no uv; direnv is there when a test puts it there.
  ln -s "$BATS_FILE_TMPDIR/tools" "$BATS_TEST_TMPDIR/tools"
  PATH=$BATS_TEST_TMPDIR/bin:$BATS_TEST_TMPDIR/tools
  export PYVE_PYTHON_DOWNLOADS=never
  export DIRENV_LOG_FORMAT=""
}

# Usage: list_files
# Prints a digest of the project's files, sizes and times. (Not of the numbers of their names: other tests
# share files of environments with this one.)
list_files() {
  find . -exec ls -ldn {} + | awk '{ $2 = ""; print }' | cksum
}

# Usage: show_state
# What `pyve` alone says, where no Python can be started and no file can be written.
show_state() {
  local before after
  before=$(list_files)
  PATH=$BATS_TEST_TMPDIR/tools run -0 --separate-stderr pyve
  assert_equal "$stderr" ""
  after=$(list_files)
  assert_equal "$after" "$before"
}

# Usage: assert_state <state> <next command>
assert_state() {
  show_state
  assert_equal "${lines[0]}" "${PROJECT##*/}: $1"
  assert_contains "$output" $'\n'"Next: $2"$'\n'
  assert_contains "$output" "All commands: pyve help"
  run -0 pyve --json
  assert_contains "$output" "\"state\": \"$1\""
  assert_contains "$output" "\"next\": \"$2\""
}

# Usage: follow <argument>...
# Types the command that was proposed; for the rest, the defaults.
follow() {
  run -0 --separate-stderr pyve
  local line=${output#*Next: }
  line=${line%%$'\n'*}
  assert_equal "$line" "$*"
  shift
  CI=1 pyve -q "$@" </dev/null
}

@test "from an empty folder to a shell in the environment" {
  assert_state uninitialized "pyve init"
  assert_contains "$(pyve)" "no project files yet"
  printf '%s\n' "$SERIES" >.python-version
  printf '[project]\n' >pyproject.toml
  : >requirements-dev.txt
  assert_contains "$(pyve)" "pyproject.toml, requirements-dev.txt, .python-version"
  follow pyve init
  assert_state consistent "pyve shell"
  assert_contains "$(pyve)" ".venv, Python $SERIES."
  assert_contains "$(pyve)" "is not in the environment"
  # shellcheck disable=SC2016 # expanded by the inner shell
  run -0 bash -c 'printf "%s\n" "\"$0/pyve.sh\"" | "$0/pyve.sh" shell sh' "$PYVE_TREE"
  assert_contains "$output" "is in the environment"
  assert_contains "$output" "Next: python"
}

@test "a lost environment is made again" {
  printf '%s\n' "$SERIES" >.python-version
  CI=1 pyve -q init --no-direnv
  rm -r .venv
  assert_state needs-env "pyve init --update"
  follow pyve init --update
  assert_state consistent "pyve shell"
}

@test "a moved environment is mended, a dead one is made anew" {
  printf '%s\n' "$SERIES" >.python-version
  CI=1 pyve -q init --no-direnv
  cd ..
  mv "$PROJECT" moved
  PROJECT=$PWD/moved
  cd moved
  assert_state broken "pyve init --update"
  assert_contains "$(pyve)" "moved since"
  follow pyve init --update
  assert_state consistent "pyve shell"
  rm .venv/bin/python*
  assert_state broken "pyve init --force"
  follow pyve init --force
  assert_state consistent "pyve shell"
}

@test "from a subfolder it says the same, with a command that works there" {
  local here
  mkdir -p sub/folder
  printf '%s\n' "$SERIES" >.python-version
  CI=1 pyve -q init --no-direnv
  cd sub/folder
  assert_state consistent "pyve shell"
  rm -r ../../.venv
  here=$(pyve)
  assert_contains "$here" "${PROJECT##*/}: needs-env"
  assert_contains "$here" "Next: pyve -C '$PROJECT' init --update"
  CI=1 pyve -q -C "$PROJECT" init --update
  assert_state consistent "pyve shell"
}

@test "with direnv: allow, where that is what is missing" {
  local direnv
  direnv=$(PATH=/usr/bin:/usr/local/bin:/opt/homebrew/bin type -P direnv) || skip "NOT TESTED: direnv is not on this machine"
  ln -s "$direnv" "$BATS_TEST_TMPDIR/bin/"
  printf '%s\n' "$SERIES" >.python-version
  CI=1 pyve -q init
  run -0 pyve
  assert_contains "$output" $'\nNext: direnv allow\n'
  mkdir sub
  cd sub
  run -0 pyve
  assert_contains "$output" $'\nNext: direnv allow\n'
  direnv allow
  # This shell has no hook of direnv.
  run -0 pyve
  assert_contains "$output" $'\nNext: pyve shell\n'
  run -0 direnv exec . "$PYVE_TREE/pyve.sh"
  assert_contains "$output" $'\nNext: python\n'
  printf '\n' >>../.envrc
  run -0 pyve
  assert_contains "$output" $'\nNext: direnv allow\n'
}

@test "an environment that Pyve did not make is noticed" {
  "$REAL_PYTHON" -m venv --without-pip .venv
  assert_state uninitialized "pyve init"
  assert_contains "$(pyve)" "not made by Pyve"
}

@test "names cannot give orders to the terminal" {
  cd "$BATS_TEST_TMPDIR"
  mkdir $'a\e]0;x\ab'
  cd $'a\e]0;x\ab'
  : >requirements-$'\e[31m'.txt
  run -0 pyve
  assert_equal "$(printf '%s' "$output" | tr -d '[:print:]\n')" ""
}

@test "the root folder has a name, too" {
  run -0 bash -c 'cd / && "$0/pyve.sh"' "$PYVE_TREE"
  assert_equal "${lines[0]}" "/: uninitialized"
}
