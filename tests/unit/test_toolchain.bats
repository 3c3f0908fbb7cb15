#!/usr/bin/env bats
# lib/toolchain.sh, lib/toolchain_build.sh, lib/helper.sh: finding a toolchain, one that cannot be made,
# and reading what helpers answer. (That a real one is made: tests/integration/test_toolchain.py.)

load ../helpers/test_helper

setup() {
  setup_project
  load_lib utils toolchain helper toolchain_build
  # shellcheck disable=SC2034 # read by lib/output.sh
  PYVE_COMMAND=init
  # A Pyve with requirements of its own.
  PYVE_ROOT="$BATS_TEST_TMPDIR/pyve root"
  export PYVE_TOOLCHAIN="$BATS_TEST_TMPDIR/tools of pyve"
  mkdir -p "$PYVE_ROOT/helpers/requirements"
  : >"$PYVE_ROOT/pyve.sh"
  printf 'PyYAML\n' >"$PYVE_ROOT/helpers/requirements/base.in"
  printf '# Python: >=3.9\n-r base.in\n' >"$PYVE_ROOT/helpers/requirements/conda.in"
  printf -- '-r conda.in\n' >"$PYVE_ROOT/helpers/requirements/conda-lock.in"
  local extra
  for extra in base conda conda-lock; do
    printf '%s==1\n' "$extra" >"$PYVE_ROOT/helpers/requirements/$extra.txt"
  done
}

# Usage: refute <command>...
# Fails when the command does not.
refute() {
  ! "$@"
}

# Usage: put_toolchain <folder name> <extra> [line of complete]...
# Puts a toolchain there, of today's requirements unless the lines say otherwise.
put_toolchain() {
  local folder=$PYVE_TOOLCHAIN/$1
  mkdir -p "$folder/bin"
  printf '#!/bin/sh\n' >"$folder/bin/python"
  chmod +x "$folder/bin/python"
  sha256_of_file "$PYVE_ROOT/helpers/requirements/$2.txt"
  printf '%s\n' "format=$TOOLCHAIN_FORMAT" "extra=$2" "requirements=$REPLY" "stdlib=/bin/sh" "root=$PYVE_ROOT" "${@:3}" \
    >"$folder/complete"
}

# Usage: refuse_to_make
# From here on a test fails when a toolchain would be made.
refuse_to_make() {
  make_toolchain() {
    printf 'it would be made: %s\n' "$1" >&2
    return 1
  }
}

@test "a toolchain of today's requirements is used, without a process but the digest" {
  refuse_to_make
  put_toolchain 0123456789abcdef base
  ensure_toolchain
  assert_equal "$TOOLCHAIN_PYTHON" "$PYVE_TOOLCHAIN/0123456789abcdef/bin/python"
}

@test "a toolchain that holds more serves as well, and one that holds less does not" {
  refuse_to_make
  put_toolchain aa conda
  ensure_toolchain base
  assert_equal "$TOOLCHAIN_PYTHON" "$PYVE_TOOLCHAIN/aa/bin/python"
  ensure_toolchain conda
  run ensure_toolchain conda-lock
  [ "$status" -eq 1 ]
  assert_contains "$output" "it would be made: conda-lock"
}

@test "a toolchain of other requirements, of another format, or without its interpreter is none" {
  refuse_to_make
  put_toolchain aa base requirements=0000
  put_toolchain bb base format=0
  put_toolchain cc base stdlib=/nowhere/os.py
  put_toolchain dd base extra=nothing
  put_toolchain ee base
  rm "$PYVE_TOOLCHAIN/ee/bin/python"
  ln -s /nowhere/python3 "$PYVE_TOOLCHAIN/ee/bin/python"
  put_toolchain ff base
  rm "$PYVE_TOOLCHAIN/ff/complete"
  run ensure_toolchain base
  [ "$status" -eq 1 ]
  assert_contains "$output" "it would be made: base"
}

@test "what another Pyve is making is not taken for a toolchain" {
  refuse_to_make
  put_toolchain new.123 base
  put_toolchain gone.123.aa base
  run ensure_toolchain base
  [ "$status" -eq 1 ]
}

@test "the place is PYVE_TOOLCHAIN, else the data folder of the user" {
  PYVE_TOOLCHAIN="rel ative" find_toolchain_root
  assert_equal "$TOOLCHAIN_ROOT" "$PROJECT/rel ative"
  unset PYVE_TOOLCHAIN
  find_toolchain_root
  assert_equal "$TOOLCHAIN_ROOT" "$HOME/.local/share/pyve/toolchain"
  XDG_DATA_HOME=/data find_toolchain_root
  assert_equal "$TOOLCHAIN_ROOT" /data/pyve/toolchain
  HOME="" run find_toolchain_root
  [ "$status" -eq 1 ]
  assert_contains "$output" "HOME is not set"
  assert_contains "$output" "[E_DATA_WRITE]"
}

@test "an extra that is none is refused" {
  run ensure_toolchain ../x
  [ "$status" -eq 1 ]
  assert_contains "$output" "[E_TOOLCHAIN_EXTRA]"
  run ensure_toolchain nothing
  [ "$status" -eq 1 ]
}

@test "a place that cannot be written is an error that names it, and another one" {
  : >"$BATS_TEST_TMPDIR/file"
  PYVE_TOOLCHAIN="$BATS_TEST_TMPDIR/file/x" run ensure_toolchain base
  [ "$status" -eq 1 ]
  assert_contains "$output" "cannot write to $BATS_TEST_TMPDIR/file/x"
  assert_contains "$output" "$BATS_TEST_TMPDIR/file is not a folder"
  assert_contains "$output" "PYVE_TOOLCHAIN names another folder"
  assert_contains "$output" "fix: mv $BATS_TEST_TMPDIR/file $BATS_TEST_TMPDIR/file.old"
}

# Usage: try_log <status> <log text>
# Runs fail_toolchain as after a failed installation.
try_log() {
  find_toolchain_root
  mkdir -p "$TOOLCHAIN_ROOT"
  printf '%s\n' "$2" >"$BATS_TEST_TMPDIR/log"
  # shellcheck disable=SC2034 # read by fail_toolchain
  PYTHON_VERSION=3.12.4 PYTHON=/usr/bin/python3.12
  run fail_toolchain base "$1" "$BATS_TEST_TMPDIR/log"
  [ "$status" -eq 1 ]
}

@test "what uv and pip say of a network that is down becomes one sentence" {
  local text
  for text in 'error: Failed to fetch: `https://user:secret@mirror.example/simple/pyyaml/`
  Caused by: dns error: failed to lookup address information: Name or service not known' \
    "WARNING: Retrying after connection broken by NewConnectionError('Failed to establish a new connection')
ERROR: No matching distribution found for packaging==26.3" \
    'hint: Packages were unavailable because the network was disabled. Network connectivity is disabled'; do
    try_log 1 "$text"
    assert_contains "$output" "[E_TOOLCHAIN_OFFLINE]"
    assert_contains "$output" "fix: pyve init"
    refute_contains "$output" "secret"
  done
}

@test "a certificate that uv does not trust is told from a network that is down" {
  try_log 1 'error: Request failed after 3 retries
  cause: Failed to fetch
  cause: client error (Connect)
  cause: invalid peer certificate: UnknownIssuer'
  assert_contains "$output" "certificate is not trusted"
  assert_contains "$output" "why: invalid peer certificate: UnknownIssuer"
  assert_contains "$output" "UV_SYSTEM_CERTS=1"
}

@test "a wrong hash, a full disk, missing wheels and a missing venv have codes of their own" {
  try_log 1 'ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.'
  assert_contains "$output" "[E_TOOLCHAIN_HASH]"
  try_log 1 'error: Hash mismatch for `packaging==26.3`'
  assert_contains "$output" "[E_TOOLCHAIN_HASH]"
  try_log 1 'failed to write: No space left on device (os error 28)'
  assert_contains "$output" "[E_DISK_FULL]"
  try_log 1 'ERROR: No matching distribution found for pyyaml==6.0.3'
  assert_contains "$output" "[E_TOOLCHAIN_WHEEL]"
  try_log 1 'cause: Because pyyaml==6.0.3 has no usable wheels and you require pyyaml==6.0.3'
  assert_contains "$output" "[E_TOOLCHAIN_WHEEL]"
  try_log 3 "/usr/bin/python3.12: No module named venv"
  assert_contains "$output" "[E_VENV_MISSING]"
  assert_contains "$output" "python3.12-venv"
  try_log 4 "/usr/bin/python3.12: No module named pip"
  assert_contains "$output" "[E_PIP_MISSING]"
}

@test "anything else is shown whole, without the passwords of URLs" {
  try_log 1 'looking at https://me:secret@mirror.example/simple
error: something new'
  assert_contains "$output" "[E_TOOLCHAIN_INSTALL]"
  assert_contains "$output" "why: something new"
  assert_contains "$output" "https://***@mirror.example/simple"
  refute_contains "$output" "secret"
  try_log 5 "ImportError: GLIBC_2.38 not found"
  assert_contains "$output" "[E_TOOLCHAIN_BROKEN]"
}

@test "interpreters of projects and of conda environments are never taken" {
  mkdir -p "$PROJECT/tool/bin" "$HOME/conda/bin" "$HOME/conda/conda-meta" "$HOME/conda/condabin" \
    "$HOME/work/bin" "$HOME/work/conda-meta"
  is_private_python "$PROJECT/tool/bin/python3.12"
  is_private_python "$HOME/work/bin/python3.12"
  refute is_private_python "$HOME/conda/bin/python3.12"
  refute is_private_python "/usr/bin/python3.12"
  PROJECT_ROOT=$HOME refute is_private_python "$HOME/.pyenv/versions/3.12.1/bin/python"
  INTERPRETER_PATHS=("$PROJECT/tool/bin/python3.12" /usr/bin/python3.12 "$HOME/work/bin/python3.12")
  # shellcheck disable=SC2034 # they belong together
  INTERPRETER_VERSIONS=(3.12 3.12 3.12) INTERPRETER_MANAGERS=(system system system)
  drop_interpreters is_private_python
  assert_equal "${INTERPRETER_PATHS[*]}" /usr/bin/python3.12
}

@test "a Python that is too old is named, with the one that it takes" {
  put_python 3.8 3.8.18
  run ensure_toolchain conda
  [ "$status" -eq 1 ]
  assert_contains "$output" "[E_TOOLCHAIN_PYTHON]"
  assert_contains "$output" "satisfies '>=3.9'"
  assert_contains "$output" "found: 3.8 at $BATS_TEST_TMPDIR/tools/python3.8"
  [ -z "$(ls "$PYVE_TOOLCHAIN")" ]
}

@test "a machine without any Python is told so" {
  put_python
  run ensure_toolchain conda
  [ "$status" -eq 1 ]
  assert_contains "$output" "no Python here can be used for Pyve's toolchain [E_TOOLCHAIN_PYTHON]"
  assert_contains "$output" "found: none"
}

# Usage: put_python [series version]
# Makes a PATH with the tools of the system, and with one stand-in for Python or none.
put_python() {
  local tools=$BATS_TEST_TMPDIR/tools tool
  mkdir -p "$tools"
  for tool in bash sh cat mkdir rm mv ln sleep sed readlink ps date uname cp; do
    tool=$(type -P "$tool") && ln -sf "$tool" "$tools/"
  done
  for tool in sha256sum shasum openssl; do
    tool=$(type -P "$tool") && ln -sf "$tool" "$tools/"
  done
  if (($#)); then
    printf '%s\n' '#!/bin/sh' "printf '%s\n' executable=$tools/python$1 version=$2 build=x implementation=cpython \
id=cpython-$2-x stdlib=/bin/sh venv=1 ensurepip=1 pip_wheel= prerelease= complete=1" >"$tools/python$1"
    chmod +x "$tools/python$1"
  fi
  PATH=$tools
}

@test "the caller's choice of an interpreter stays what it was" {
  put_python 3.8 3.8.18
  PYTHON=/chosen PYTHON_VERSION=3.11.1 PYTHON_WISH_KIND=name
  INTERPRETER_PATHS=(/chosen)
  ensure_toolchain base 2>/dev/null || true
  assert_equal "$PYTHON $PYTHON_VERSION $PYTHON_WISH_KIND ${INTERPRETER_PATHS[*]}" "/chosen 3.11.1 name /chosen"
}

@test "the lock of a process that is gone is taken over; what it left is cleared" {
  find_toolchain_root
  mkdir -p "$TOOLCHAIN_ROOT/new.99999/bin" "$TOOLCHAIN_ROOT/aa"
  : >"$TOOLCHAIN_ROOT/new.99999.log"
  ln -s 99999999:1 "$TOOLCHAIN_ROOT/lock"
  put_toolchain bb base
  lock_toolchains
  clear_dead_toolchains
  unlock_toolchains
  assert_equal "$(ls "$TOOLCHAIN_ROOT")" bb
}

@test "old toolchains go; those of another Pyve and those of today stay" {
  put_toolchain aa base requirements=0000
  put_toolchain bb base
  put_toolchain cc conda "root=$BATS_TEST_TMPDIR/removed pyve"
  mkdir -p "$BATS_TEST_TMPDIR/other pyve"
  : >"$BATS_TEST_TMPDIR/other pyve/pyve.sh"
  put_toolchain dd base requirements=1111 "root=$BATS_TEST_TMPDIR/other pyve"
  put_toolchain ee base stdlib=/nowhere/os.py
  put_toolchain ff conda requirements=2222 "root=$BATS_TEST_TMPDIR/removed pyve"
  find_toolchain_root
  remove_old_toolchains
  # (What a Pyve that is gone has made, as after an update, may be what this one needs.)
  assert_equal "$(cd "$TOOLCHAIN_ROOT" && printf "%s " *)" "bb cc dd "
}

# Usage: put_helper <shell text>
# Puts a toolchain whose Python runs that text instead of the helper.
put_helper() {
  put_toolchain aa base
  printf '#!/bin/sh\n%s\n' "$1" >"$PYVE_TOOLCHAIN/aa/bin/python"
}

@test "a helper's answer is read into keys and values, whatever is in them" {
  put_helper 'printf "%s\t%s\n" name "a\\\\b \$x" line "one\\ntwo\\tthree\\x1b" channels x channels "y z" empty ""'
  call_helper base environment_file environment
  get_helper_value name
  assert_equal "$REPLY" 'a\b $x'
  get_helper_value line
  assert_equal "$REPLY" $'one\ntwo\tthree\e'
  get_helper_values channels
  assert_equal "${#HELPER_FOUND[@]} ${HELPER_FOUND[1]}" "2 y z"
  get_helper_value empty
  assert_equal "$REPLY" ""
  run get_helper_value none
  [ "$status" -eq 1 ]
}

@test "a helper is called away from the caller's Python, and with its arguments as they are" {
  put_helper 'printf "arg\t%s\n" "$@"'
  call_helper base environment_file status --file "a b"
  get_helper_values arg
  assert_equal "${HELPER_FOUND[*]}" "-E -s -X pycache_prefix=$(dirname "$(dirname "$TOOLCHAIN_PYTHON")")/bytecode -X utf8 $PYVE_ROOT/helpers/environment_file.py --format lines status --file a b"
}

@test "a helper's diagnostic is said as Pyve's own" {
  put_helper 'printf "%s\t%s\n" code E_ENVIRONMENT_FILE message "env.yml, line 2" why "first" why "second" fix "vi +2 env.yml"
exit 1'
  run call_helper base environment_file environment
  [ "$status" -eq 1 ]
  assert_equal "$output" "ERROR: env.yml, line 2 [E_ENVIRONMENT_FILE]
  why: first
  why: second
  fix: vi +2 env.yml"
  call_helper base environment_file environment 2>/dev/null || true
  assert_equal "$HELPER_CODE" E_ENVIRONMENT_FILE
}

@test "a helper whose answer cannot be written is an error of the disk" {
  put_helper 'exit 3'
  run call_helper base environment_file environment
  [ "$status" -eq 1 ]
  assert_contains "$output" "the answer of the helper environment_file.py cannot be written [E_FILE_WRITE]"
}

@test "a helper that fails without an answer is an error that says what to do" {
  put_helper 'exit 4'
  run call_helper base environment_file environment
  [ "$status" -eq 1 ]
  assert_contains "$output" "environment_file.py ended with status 4 and no answer [E_HELPER]"
  assert_contains "$output" "fix: rm -rf"
}

@test "a helper that a signal ended says nothing more" {
  put_helper 'kill -9 $$'
  run call_helper base environment_file environment
  [ "$status" -eq 137 ]
  refute_contains "$output" "ERROR"
}

@test "a prepared helper answers into a file" {
  put_helper 'printf "%s\t%s\n" name x >"$BATS_TEST_TMPDIR/answer"'
  prepare_helper base environment_file --answer "$BATS_TEST_TMPDIR/answer" environment
  "${HELPER_COMMAND[@]}"
  take_helper_answer 0 "$BATS_TEST_TMPDIR/answer"
  get_helper_value name
  assert_equal "$REPLY" x
}

@test "every extra has requirements with hashes, and says for which Python and what it brings" {
  PYVE_ROOT=$PYVE_TREE
  local extra
  for extra in base conda conda-lock; do
    grep -q -- '--hash=sha256:' "$PYVE_TREE/helpers/requirements/$extra.txt"
    refute grep -E '^[a-z].*[^\\]$' "$PYVE_TREE/helpers/requirements/$extra.txt"
    read_requirement_note "$extra" Python
    version_satisfies 3.12.0 "$REPLY"
    refute version_satisfies 3.8.0 "$REPLY"
    read_requirement_note "$extra" Modules
    [ -n "$REPLY" ]
  done
  list_holders conda
  assert_equal "$HOLDERS" "conda conda-lock"
}
