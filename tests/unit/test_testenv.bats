#!/usr/bin/env bats
# lib/testenv.sh, pyve testenv and pyve test: the environment of the test runner.

bats_require_minimum_version 1.5.0
load ../helpers/test_helper

setup_file() {
  find_real_python
  export REAL_PYTHON
}

setup() {
  setup_project
  load_lib utils project_lock venv_env testenv
  TESTENV_DIR_NAME=testenv
  mkdir "$BATS_TEST_TMPDIR/bin"
  ln -s "$REAL_PYTHON" "$BATS_TEST_TMPDIR/bin/python3"
  PATH=$BATS_TEST_TMPDIR/bin:/usr/bin:/bin
  export PYVE_PYTHON_DOWNLOADS=never
  unset PYVE_TEST_AUTO_INSTALL_PYTEST
  probe_interpreter "$REAL_PYTHON"
  ensure_template
  build_environment venv "$PWD/.venv" demo
  config_set pyve_version "$VERSION" backend venv venv.directory .venv
  rm -rf .pyve/tmp
}

# Usage: add_pytest <environment>
# A stand-in for pytest: prints where and how it was called, and ends with status 5.
add_pytest() {
  local site
  for site in "$1"/lib/python3*/site-packages; do
    mkdir "$site/pytest"
    : >"$site/pytest/__init__.py"
    printf 'import os, sys\nprint("stand-in pytest", os.getcwd(), sys.argv[1:])\nsys.exit(5)\n' >"$site/pytest/__main__.py"
  done
}

# Usage: make_pytest_wheel
# The same as a wheel in the current folder. Sets WHEEL.
make_pytest_wheel() {
  WHEEL=pytest-99.0-py3-none-any.whl
  "$REAL_PYTHON" -I -c 'import sys, zipfile
info = "pytest-99.0.dist-info/"
files = {
    "pytest/__init__.py": "",
    "pytest/__main__.py": "import sys\nprint(\"wheel pytest\", sys.argv[1:])\nsys.exit(5)\n",
    info + "METADATA": "Metadata-Version: 2.1\nName: pytest\nVersion: 99.0\n",
    info + "WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
}
with zipfile.ZipFile(sys.argv[1], "w") as archive:
    for file, text in files.items():
        archive.writestr(file, text)
    archive.writestr(info + "RECORD", "".join(file + ",,\n" for file in [*files, info + "RECORD"]))' "$WHEEL"
  printf -- '--no-index\n./%s\n' "$WHEEL" >requirements-dev.txt
}

@test "testenv --init makes the test environment with the project's interpreter" {
  run -0 pyve testenv --init
  run -0 .pyve/testenv/venv/bin/python -c 'import sys; print(sys.prefix)'
  assert_equal "$output" "$PWD/.pyve/testenv/venv"
  get_environment_state .pyve/testenv/venv python
  assert_equal "$REPLY" "$PYTHON"
  [ ! -e .pyve/tmp ]
}

@test "testenv --init keeps a test environment that is fine" {
  pyve -q testenv --init
  : >.pyve/testenv/venv/kept
  run -0 pyve testenv --init
  [ -f .pyve/testenv/venv/kept ]
}

@test "testenv init, install and purge are words, too" {
  run -0 pyve testenv init
  [ -d .pyve/testenv/venv ]
  run -0 pyve testenv purge
  [ ! -e .pyve/testenv ]
  run -1 pyve testenv inti
  assert_contains "$output" E_USAGE
}

@test "testenv needs exactly one thing to do" {
  run -1 pyve testenv
  assert_contains "$output" E_USAGE_CONFLICT
  run -1 pyve testenv --init --purge
  assert_contains "$output" E_USAGE_CONFLICT
  run -1 pyve testenv --init -r requirements.txt
  assert_contains "$output" E_USAGE_CONFLICT
  [ ! -e .pyve/testenv ]
}

@test "testenv --install -r needs the file before anything is done" {
  run -1 pyve testenv --install -r missing.txt
  assert_contains "$output" missing.txt
  [ ! -e .pyve/testenv ]
}

@test "the test environment sees the project's packages, its own first" {
  local site
  pyve -q testenv --init
  for site in .venv/lib/python3*/site-packages; do
    printf 'where = "project"\n' >"$site/shared.py"
    printf 'where = "project"\n' >"$site/only_project.py"
  done
  for site in .pyve/testenv/venv/lib/python3*/site-packages; do
    printf 'where = "testenv"\n' >"$site/shared.py"
  done
  run -0 .pyve/testenv/venv/bin/python -c 'import shared, only_project; print(shared.where, only_project.where)'
  assert_equal "$output" "testenv project"
  run ! .venv/bin/python -c 'import shared; assert shared.where == "testenv"'
}

@test "the test environment sees editable packages of the project" {
  local site
  mkdir src
  printf 'x = 1\n' >src/mine.py
  for site in .venv/lib/python3*/site-packages; do
    printf '%s\n' "$PWD/src" >"$site/mine.pth"
  done
  pyve -q testenv --init
  run -0 .pyve/testenv/venv/bin/python -c 'import mine'
}

@test "the test environment is made anew when the project's interpreter changes" {
  pyve -q testenv --init
  : >.pyve/testenv/venv/old
  sed 's|^python=.*|python=/another/python|' .pyve/testenv/venv/pyve.state >state
  cat state >.pyve/testenv/venv/pyve.state
  run -0 pyve testenv --init
  assert_contains "$output" "made anew"
  [ ! -e .pyve/testenv/venv/old ]
}

@test "the test environment works after the project was moved" {
  pyve -q testenv --init
  mv "$PWD" "$BATS_TEST_TMPDIR/new place"
  cd "$BATS_TEST_TMPDIR/new place"
  add_pytest .venv
  run -5 --separate-stderr pyve test -q
  assert_contains "$output" "stand-in pytest"
}

@test "test tools that were installed survive a move of the project" {
  make_pytest_wheel
  pyve -q testenv --install -r requirements-dev.txt
  mv "$PWD" "$BATS_TEST_TMPDIR/new place"
  cd "$BATS_TEST_TMPDIR/new place"
  rm -r ./*.whl
  run -0 pyve -q init --update --no-direnv
  run -0 .pyve/testenv/venv/bin/python -c 'import pytest'
}

@test "testenv --purge removes it, and has nothing against there being none" {
  pyve -q testenv --init
  run -0 pyve testenv --purge
  [ ! -e .pyve/testenv ]
  run -0 pyve testenv --purge
  [ -x .venv/bin/python ]
}

@test "testenv needs an environment in the project" {
  rm -r .venv
  run -1 pyve testenv --init
  assert_contains "$output" E_ENV_MISSING
  [ ! -e .pyve/testenv ]
}

@test "testenv --install -r installs what the file says" {
  make_pytest_wheel
  run -0 pyve testenv --install -r requirements-dev.txt
  run -0 .pyve/testenv/venv/bin/python -c 'import pytest; print(pytest.__file__)'
  assert_contains "$output" "$PWD/.pyve/testenv/venv/"
}

# --- pyve test

@test "test hands its arguments to pytest and gives its status back" {
  add_pytest .venv
  run -5 --separate-stderr pyve test -q "a b" --flag=x
  assert_equal "$output" "stand-in pytest $PWD ['-q', 'a b', '--flag=x']"
}

@test "test -- hands options on that are Pyve's own, too" {
  add_pytest .venv
  run -5 --separate-stderr pyve test -- --help
  assert_contains "$output" "['--help']"
}

@test "test works from a subfolder, and paths are meant from there" {
  add_pytest .venv
  mkdir "sub folder"
  cd "sub folder"
  run -5 --separate-stderr pyve test test_x.py
  assert_equal "$output" "stand-in pytest $PWD ['test_x.py']"
}

@test "test without pytest asks, and a no is an error with what to type" {
  run -1 --separate-stderr pyve test <<<"n"
  assert_equal "$output" ""
  assert_contains "$stderr" "[y/N]"
  assert_contains "$stderr" E_PYTEST_MISSING
  assert_contains "$stderr" "fix: pyve testenv --install"
}

@test "test without pytest at the end of input is an error, no download" {
  run -1 --separate-stderr pyve test </dev/null
  assert_contains "$stderr" E_PYTEST_MISSING
}

@test "test installs from requirements-dev.txt after a yes" {
  make_pytest_wheel
  run -5 --separate-stderr pyve test -q <<<"y"
  assert_equal "$output" "wheel pytest ['-q']"
}

@test "test installs unasked in CI, and when PYVE_TEST_AUTO_INSTALL_PYTEST=1" {
  make_pytest_wheel
  CI=true run -5 --separate-stderr pyve test </dev/null
  assert_equal "$output" "wheel pytest []"
  refute_contains "$stderr" "[y/N]"
  pyve -q testenv --purge
  PYVE_TEST_AUTO_INSTALL_PYTEST=1 run -5 --separate-stderr pyve test </dev/null
  assert_equal "$output" "wheel pytest []"
}

@test "requirements without pytest in them are an error" {
  printf -- '--no-index\n' >requirements-dev.txt
  CI=true run -1 --separate-stderr pyve test </dev/null
  assert_contains "$stderr" E_
}

@test "the test runner's lock is given back before the tests begin" {
  add_pytest .venv
  run -5 pyve test
  [ ! -L .pyve/lock ] && [ ! -e .pyve/tmp ]
}
