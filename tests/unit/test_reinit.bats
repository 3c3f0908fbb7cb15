#!/usr/bin/env bats
# shellcheck disable=SC2016 # code and hostile texts in single quotes are meant to stay as they are
# pyve init where something is already, and pyve purge: what is kept, what is asked.

bats_require_minimum_version 1.5.0
load ../helpers/test_helper

setup_file() {
  find_real_python
  export REAL_PYTHON
}

setup() {
  setup_project
  local minor
  minor=$("$REAL_PYTHON" -I -c 'import sys; print("python3.%d" % sys.version_info[1])')
  mkdir "$BATS_TEST_TMPDIR/bin"
  ln -s "$REAL_PYTHON" "$BATS_TEST_TMPDIR/bin/python3"
  ln -s "$REAL_PYTHON" "$BATS_TEST_TMPDIR/bin/$minor"
  SERIES=${minor#python}
  # No version manager, no uv, no direnv of the machine.
  PATH=$BATS_TEST_TMPDIR/bin:/usr/bin:/bin
  export PYVE_PYTHON_DOWNLOADS=never
}

# Usage: init [argument]...
# A first init, with the interpreter that these tests have a template for.
init() {
  pyve -q init --python-version "$SERIES" "$@" </dev/null
}

# Usage: digest_files
# Prints a line for each file of the project that Pyve writes, without the environments.
digest_files() {
  find . \( -path ./.venv -o -path ./.pyve/testenv \) -prune -o -type f -exec cksum {} + -exec ls -l {} + |
    sed 's/ root .* \./ ./' | LC_ALL=C sort
}

# Usage: mark
# Leaves a mark in the environment: it is gone when the environment is made anew.
mark() {
  : >"${1:-.venv}/mark"
}

@test "the first init makes environment, test environment, .envrc, .env, .gitignore and config" {
  run -0 init
  run -0 .venv/bin/python -m pip --version
  [ -x .pyve/testenv/venv/bin/python ]
  [ -f .envrc ] && [ -f .env ] && [ -f .gitignore ]
  [ ! -e .pyve/tmp ] && [ ! -L .pyve/lock ]
  assert_equal "$(cat .pyve/config)" "pyve_version: \"2.0.0\"
backend: venv

venv:
  directory: .venv

python:
  version: \"$SERIES\""
  run -0 pyve validate
  # (Whether this shell has direnv's hook is no matter in CI.)
  CI=true run -0 pyve doctor
}

@test "init again with --yes, or in CI, keeps everything, byte for byte" {
  printf 'mine\n\n' >.gitignore
  init
  mark
  local before
  before=$(digest_files)
  run -0 pyve init --yes
  assert_equal "$(digest_files)" "$before"
  CI=true run -0 pyve init
  assert_equal "$(digest_files)" "$before"
  [ -f .venv/mark ]
}

@test "init again asks what to do: 1 and nothing are an update" {
  init
  mark
  run -0 pyve init <<<"1"
  assert_contains "$output" "What would you like to do?"
  [ -f .venv/mark ]
  run -0 pyve init <<<""
  [ -f .venv/mark ]
}

@test "init again asks what to do: 2 makes the environment anew" {
  init
  mark
  run -0 pyve init <<<"2"
  [ ! -e .venv/mark ]
  [ -x .venv/bin/python ]
}

@test "init again asks what to do: 3 and the end of input are cancel, status 0" {
  init
  mark
  local before
  before=$(digest_files)
  run -0 pyve init <<<"3"
  assert_contains "$output" cancelled
  run -0 pyve init </dev/null
  assert_contains "$output" cancelled
  [ -f .venv/mark ]
  assert_equal "$(digest_files)" "$before"
}

@test "init again with another answer is an error, and nothing is done" {
  init
  mark
  local answer
  for answer in 4 y update '$(touch pwned)' 11; do
    run -1 pyve init <<<"$answer"
    assert_contains "$output" "Invalid choice"
  done
  [ -f .venv/mark ] && [ ! -e pwned ]
}

@test "--force asks, and a yes makes the environment anew" {
  init
  mark
  run -0 --separate-stderr pyve init --force <<<"y"
  assert_contains "$stderr" "Force re-initialization"
  assert_contains "$stderr" "Continue? [y/N]"
  [ ! -e .venv/mark ]
  run -0 .venv/bin/pip --version
}

@test "--force is cancelled by no, by nothing and by the end of input, with status 0" {
  init
  mark
  run -0 pyve init --force <<<"n"
  assert_contains "$output" cancelled
  run -0 pyve init --force <<<""
  run -0 pyve init --force </dev/null
  [ -f .venv/mark ]
}

@test "--force does not ask in CI, with PYVE_FORCE_YES and with --yes" {
  init
  mark
  CI=true run -0 --separate-stderr pyve init --force </dev/null
  refute_contains "$stderr" Continue
  [ ! -e .venv/mark ]
  mark
  PYVE_FORCE_YES=1 run -0 pyve init --force </dev/null
  [ ! -e .venv/mark ]
  mark
  run -0 pyve init --force --yes </dev/null
  [ ! -e .venv/mark ]
}

@test "--force removes nothing when the rebuild cannot be done" {
  init
  mark
  local before
  before=$(digest_files)
  run -1 pyve init --force --yes --python-version 3.99
  run -1 pyve init --force --yes --python-version nonsense
  run -1 pyve init --force --yes --backend micromamba
  run -1 pyve init --force --yes .git
  mkdir foreign
  : >foreign/kept
  run -1 pyve init --force --yes foreign
  rm -r foreign
  [ -f .venv/mark ] && [ -d .pyve/testenv ]
  assert_equal "$(digest_files)" "$before"
  assert_equal "$(find .pyve -mindepth 1 -maxdepth 1 | LC_ALL=C sort)" "$(printf '.pyve/%s\n' config state testenv)"
}

@test "--force with another folder moves there, and removes the old environment" {
  init
  run -0 pyve init --force --yes other-env
  [ -x other-env/bin/python ] && [ ! -e .venv ]
  assert_contains "$(cat .pyve/config)" "directory: other-env"
  assert_contains "$(cat .envrc)" other-env
}

@test "--force and --update exclude each other" {
  init
  run -1 pyve init --force --update
  assert_contains "$output" E_USAGE_CONFLICT
}

@test "--update needs a project" {
  run -1 pyve init --update
  assert_contains "$output" E_NOT_INITIALIZED
  assert_equal "$(ls -A)" ""
}

@test "--update keeps the environment, and brings the version up to date" {
  init
  mark
  sed 's/2\.0\.0/1.1.3/' .pyve/config >config
  mv config .pyve/config
  run -0 pyve init --update
  [ -f .venv/mark ]
  assert_contains "$(cat .pyve/config)" 'pyve_version: "2.0.0"'
}

@test "--update makes an environment that is missing" {
  init
  rm -r .venv
  run -0 pyve init --update
  [ -x .venv/bin/python ]
}

@test "--update refuses another backend, folder and Python" {
  init
  mark
  local before
  before=$(digest_files)
  run -1 pyve init --update --backend micromamba
  assert_contains "$output" "Cannot update in-place"
  run -1 pyve init --update other-env
  assert_contains "$output" "Cannot update in-place"
  run -1 pyve init --update --python-version 3.99
  assert_contains "$output" "Cannot update in-place"
  [ -f .venv/mark ]
  assert_equal "$(digest_files)" "$before"
}

@test "what the config says is honoured, and its comments and unknown keys stay" {
  mkdir .pyve
  cat >.pyve/config <<END
# ours
pyve_version: "1.0.0"
backend: venv
custom:
  key: "a value"   # keep
venv:
  directory: my-env
python:
  version: "$SERIES"
END
  run -0 pyve init --yes
  [ -x my-env/bin/python ] && [ ! -e .venv ]
  assert_equal "$(cat .pyve/config)" "# ours
pyve_version: \"2.0.0\"
backend: venv
custom:
  key: \"a value\"   # keep
venv:
  directory: my-env
python:
  version: \"$SERIES\""
  gitignore=$(cat .gitignore)
  assert_contains "$gitignore" $'\nmy-env\n'
}

@test "a working environment without a config is kept, one that is broken is reported" {
  "$REAL_PYTHON" -m venv --without-pip .venv
  mark
  run -0 init
  [ -f .venv/mark ]
  rm -rf .pyve .venv/bin/python*
  run -1 init
  [ -f .venv/mark ]
}

@test "a folder that is no environment is not touched" {
  mkdir .venv
  : >.venv/mine
  run -1 init
  run -1 pyve init --force --yes
  run -0 pyve purge
  run pyve purge .venv
  assert_equal "$(find . -mindepth 1)" $'./.venv\n./.venv/mine'
}

@test "an .envrc and an .env that are there are kept, and it is said" {
  printf 'mine\n' >.envrc
  printf 'SECRET=1\n' >.env
  run -0 pyve init --python-version "$SERIES"
  assert_contains "$output" ".envrc is there already"
  assert_contains "$output" "It keeps its content"
  refute_contains "$output" SECRET
  assert_equal "$(cat .envrc)" mine
  assert_equal "$(cat .env)" SECRET=1
}

@test "--no-direnv writes no .envrc" {
  run -0 init --no-direnv
  [ ! -e .envrc ]
}

@test "--deps installs the requirements, and without it nothing is installed" {
  printf 'no-such-distribution-at-all\n' >requirements.txt
  run -0 init
  printf -- '--no-index\n' >requirements.txt
  run -0 pyve init --update --deps
  assert_contains "$output" requirements.txt
  printf -- '--no-index\n./missing.whl\n' >requirements.txt
  mark
  run -1 pyve init --force --yes --deps
  assert_contains "$output" E_INSTALL_REQUIREMENTS
  [ -f .venv/mark ]
}

@test "a .gitignore that cannot be written is noticed before the environment is made anew" {
  init
  mark
  mv .gitignore theirs
  mkdir .gitignore
  run -1 pyve init --force --yes
  [ -f .venv/mark ]
}

# --- purge

@test "purge removes all that init made, and nothing else" {
  printf 'mine\n' >.gitignore
  printf 'x\n' >app.py
  local before
  before=$(ls -A)
  init
  run -0 pyve purge
  assert_equal "$(ls -A)" "$before"
  local pattern
  for pattern in .venv .env .envrc; do
    run -1 grep -qx -- "$pattern" .gitignore
  done
  run -0 grep -qx mine .gitignore
}

@test "purge and init again give the same files" {
  init
  local before
  before=$(digest_files)
  pyve -q purge
  init
  assert_equal "$(digest_files)" "$before"
}

@test "purge --keep-testenv keeps the test environment" {
  init
  run -0 pyve purge --keep-testenv
  [ -x .pyve/testenv/venv/bin/python ] && [ ! -e .venv ] && [ ! -e .pyve/config ]
}

@test "purge keeps what has content or was changed, and says so" {
  init
  printf '\n' >.env
  printf 'mine\n' >>.envrc
  printf '3.1.4\n' >.python-version
  : >.pyve/mine
  run -0 pyve purge
  local name
  for name in .env .envrc .python-version .pyve/mine; do
    [ -f "$name" ]
    assert_contains "$output" "Kept $name"
  done
  [ ! -e .venv ] && [ ! -e .pyve/config ]
}

@test "purge takes the folder from the argument, else from the config" {
  init my-env
  run -0 pyve purge
  [ ! -e my-env ]
  "$REAL_PYTHON" -m venv --without-pip theirs
  run -0 pyve purge theirs
  [ ! -e theirs ]
}

@test "purge with a folder that is no environment removes nothing" {
  init
  mark
  mkdir data
  : >data/kept
  local before
  before=$(digest_files)
  run -1 pyve purge data
  run -1 pyve purge ..
  run -1 pyve purge .git
  [ -f .venv/mark ]
  assert_equal "$(digest_files)" "$before"
}

@test "purge twice is fine" {
  init
  run -0 pyve purge
  run -0 pyve purge
  assert_contains "$output" "nothing to remove"
}
