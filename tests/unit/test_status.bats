#!/usr/bin/env bats
# What `pyve status` is made of: digests and managers, with whatever tools there are.

bats_require_minimum_version 1.5.0
load ../helpers/test_helper

setup() {
  setup_project
  PYVE_ROOT=$PYVE_TREE
  # shellcheck source=/dev/null # the module under test
  . "$PYVE_TREE/lib/project_report.sh"
}

# Usage: hide_program <name>
# From here on the system has everything in /usr/bin and /bin but this program.
hide_program() {
  mkdir -p "$BATS_TEST_TMPDIR/tools"
  ln -sf /usr/bin/* /bin/* "$BATS_TEST_TMPDIR/tools/" 2>/dev/null || :
  rm -f "$BATS_TEST_TMPDIR/tools/$1"
  export PATH=$BATS_TEST_TMPDIR/tools
}

@test "digests are the same with and without sha256sum, and files that are not there have none" {
  local first
  . "$PYVE_TREE/lib/conda_facts.sh"
  printf 'one\n' >"a b"
  printf 'two\n' >$'odd \\ name\n'
  sha256_of_files "$PWD/a b" $'odd \\ name\n'
  first="${DIGESTS[*]}"
  assert_equal "${#DIGESTS[@]}" 2
  assert_equal "$first" "2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806 27dd8ed44a83ff94d557f9fd0412ed5a8cbca69ea04922d88c01184a07300a5a"
  hide_program sha256sum
  sha256_of_files "$PWD/a b" $'odd \\ name\n'
  assert_equal "${DIGESTS[*]}" "$first"
  sha256_of_files "a b" "none" 2>"$BATS_TEST_TMPDIR/said"
  assert_equal "${#DIGESTS[@]}:${DIGESTS[1]}" "2:"
  assert_equal "$(<"$BATS_TEST_TMPDIR/said")" ""
}

@test "an .envrc is known to be allowed by the file that direnv keeps of it, with and without sha256sum" {
  local digest PROJECT_ROOT=$PWD ENVIRONMENT=$PWD/.venv
  printf '#!/bin/sh\n' >"$BATS_TEST_TMPDIR/direnv"
  chmod +x "$BATS_TEST_TMPDIR/direnv"
  printf 'export A=1\n' >.envrc
  digest=$("$PYVE_TREE/.dev/bin/python" -c 'import hashlib, sys; print(hashlib.sha256(sys.argv[1].encode()).hexdigest())' \
    "$PWD/.envrc"$'\nexport A=1\n')
  mkdir -p "$HOME/.local/share/direnv/allow"
  hide_program direnv
  begin_direnv
  find_direnv
  assert_equal "$ENVRC:$ENVRC_INSTALLED:$ENVRC_ALLOWED" "foreign::"
  PATH=$BATS_TEST_TMPDIR:$PATH
  begin_direnv
  find_direnv
  assert_equal "$ENVRC:$ENVRC_INSTALLED:$ENVRC_ALLOWED" "foreign:1:"
  : >"$HOME/.local/share/direnv/allow/$digest"
  begin_direnv
  find_direnv
  assert_equal "$ENVRC_ALLOWED" 1
  hide_program sha256sum
  PATH=$BATS_TEST_TMPDIR:$PATH
  begin_direnv
  find_direnv
  assert_equal "$ENVRC_ALLOWED" 1
  printf 'export A=2\n' >.envrc
  begin_direnv
  find_direnv
  assert_equal "$ENVRC_ALLOWED" ""
}

@test "the manager of an interpreter is told by its folder" {
  . "$PYVE_TREE/lib/manager_folders.sh"
  unset ASDF_DATA_DIR PYENV_ROOT MISE_DATA_DIR UV_PYTHON_INSTALL_DIR XDG_DATA_HOME
  local path expected
  while IFS=' ' read -r expected path; do
    find_manager_of "$HOME/$path/bin/python3"
    assert_equal "$path $REPLY" "$path $expected"
  done <<'END'
asdf .asdf/installs/python/3.12.1
pyenv .pyenv/versions/3.12.1
mise .local/share/mise/installs/python/3.12
uv .local/share/uv/python/cpython-3.12.1-linux-x86_64-gnu
system .pyenv
system .local/bin
END
  PYENV_ROOT=/opt/py
  find_manager_of /opt/py/versions/3.12.1/bin/python3
  assert_equal "$REPLY" pyenv
}

@test "what a state file says is found whole, and the last one counts" {
  ENVIRONMENT_STATE=$'format=1\npath=/a b=c\nfile=x\nfile=y\n'
  get_recorded path
  assert_equal "$REPLY" "/a b=c"
  get_recorded file
  assert_equal "$REPLY" y
  get_recorded ormat
  assert_equal "$REPLY" ""
  get_recorded format
  assert_equal "$REPLY" 1
}

@test "facts come in their order, whatever order they are found in" {
  local PROJECT_FACTS=() PROJECT_ROOT=$PWD PROJECT_STATE=consistent NEXT=$'a\e[31mb'
  add_fact 9 "This shell" x
  add_fact 2 Backend venv
  run -0 print_state
  assert_equal "${lines[1]}" "  Backend      venv"
  assert_equal "${lines[2]}" "  This shell   x"
  assert_equal "${lines[3]}" "Next: a?[31mb"
}
