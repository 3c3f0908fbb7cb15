#!/usr/bin/env bats
# shellcheck disable=SC2016 # code in single quotes is for another bash
# shellcheck disable=SC2030,SC2031 # bats runs every test in a process of its own
# lib/micromamba_env.sh: environments made by a stand-in for micromamba, whole or not at all.

bats_require_minimum_version 1.5.0
load ../helpers/test_helper

OWNER=""

setup() {
  setup_project
  load_lib micromamba_env
}

teardown() {
  if [[ -n $OWNER ]]; then
    kill "$OWNER" 2>/dev/null || :
    wait "$OWNER" 2>/dev/null || :
  fi
}

# Usage: use_stand_in [version]
# Puts the stand-in for micromamba into the project. CALLS: the file that gets its calls.
use_stand_in() {
  mkdir -p .pyve/bin
  cp "$PYVE_TREE/tests/helpers/micromamba.bash" .pyve/bin/micromamba
  chmod +x .pyve/bin/micromamba
  CALLS="$BATS_TEST_TMPDIR/calls"
  export STAND_IN_LOG=$CALLS STAND_IN_VERSION=${1:-2.8.1}
}

# Usage: strictly <code> [argument]...
# Runs code as a Pyve of its own would, with the modules read.
strictly() {
  bash -c 'set -euo pipefail; PYVE_COMMAND=demo; . "$1/lib/utils.sh"; trap finish EXIT
    trap "interrupt; exit 130" INT; . "$1/lib/micromamba_env.sh"; shift; '"$1" - "$PYVE_TREE" "${@:2}" 3>&-
}

# Usage: write_yaml <line>...
# Writes environment.yml.
write_yaml() {
  printf '%b\n' "$@" >environment.yml
}

# --- making an environment

@test "an environment is made from environment.yml, and records what it was made from" {
  use_stand_in 1.5.10
  write_yaml "name: demo" "dependencies:" "  - python=3.12"
  run -0 --separate-stderr strictly 'create_micromamba_env demo'
  assert_contains "$output" "Made .pyve/envs/demo (Python 3.12.8, 2 packages)"
  refute_contains "$output$stderr" "Transaction finished"
  run -0 sed -n '$p' "$CALLS"
  assert_equal "$output" "create --yes --prefix ${PWD// /\\ }/.pyve/envs/demo --file ${PWD// /\\ }/environment.yml"
  assert_equal "$(ls -A .pyve/envs)" demo
  assert_equal "$(cat .pyve/envs/demo/pyve.state)" "format=1
path=$PWD/.pyve/envs/demo
name=demo
backend=micromamba
engine=micromamba
engine_version=1.5.10
file=environment.yml
file_sha256=$(sha256_of_file environment.yml && printf '%s' "$REPLY")"
  check_micromamba_env_exists demo
  run -0 verify_micromamba_env demo
}

@test "the lock is preferred; another file may be named" {
  use_stand_in
  write_yaml "dependencies: [python]"
  printf 'version: 1\n' >conda-lock.yml
  strictly 'create_micromamba_env one; create_micromamba_env two environment.yml' >/dev/null 2>&1
  run -0 grep create "$CALLS"
  assert_contains "${lines[0]}" "/conda-lock.yml"
  assert_contains "${lines[1]}" "/environment.yml"
}

@test "an environment that is there is kept" {
  use_stand_in
  write_yaml "dependencies: [python]"
  strictly 'create_micromamba_env demo' >/dev/null
  : >.pyve/envs/demo/mark
  run -0 strictly 'create_micromamba_env demo'
  assert_contains "$output" "is kept"
  [ -e .pyve/envs/demo/mark ]
}

@test "a failure shows what micromamba said, and leaves nothing" {
  local kind
  use_stand_in
  write_yaml "dependencies: [nosuch]"
  for kind in solve half; do
    STAND_IN_FAIL=$kind run -1 strictly 'create_micromamba_env demo'
    assert_contains "$output" "libmamba"
    assert_contains "$output" "[E_CONDA_CREATE]"
    [ ! -e .pyve/envs ]
  done
  STAND_IN_FAIL=lie run -1 strictly 'create_micromamba_env demo'
  assert_contains "$output" "[E_CONDA_CREATE]"
  [ ! -e .pyve/envs ]
}

@test "nothing is begun without micromamba, with a bad name or a bad file" {
  write_yaml "dependencies: [python]"
  PATH=/usr/bin:/bin run -1 strictly 'create_micromamba_env demo'
  assert_contains "$output" "[E_MICROMAMBA_MISSING]"
  use_stand_in
  run -1 strictly 'create_micromamba_env ../demo'
  assert_contains "$output" "[E_ENV_NAME]"
  run -1 strictly 'create_micromamba_env demo missing.yml'
  assert_contains "$output" "[E_ENV_FILE_READ]"
  : >environment.yml
  run -1 strictly 'create_micromamba_env demo'
  assert_contains "$output" "[E_ENV_FILE_EMPTY]"
  [ ! -e .pyve/envs ] && [ ! -e .pyve/demo ]
}

@test "replacing puts the new one in place, or keeps the old one" {
  use_stand_in
  write_yaml "dependencies: [python]"
  strictly 'create_micromamba_env demo' >/dev/null
  : >.pyve/envs/demo/old
  STAND_IN_FAIL=half run -1 strictly 'replace_micromamba_env demo'
  [ -e .pyve/envs/demo/old ]
  assert_equal "$(ls -A .pyve/envs)" demo
  run -0 strictly 'replace_micromamba_env demo'
  [ ! -e .pyve/envs/demo/old ]
  assert_equal "$(ls -A .pyve/envs)" demo
  run -0 strictly 'replace_micromamba_env other'
  [ -d .pyve/envs/other ]
}

@test "a folder with quotes, dollars and other letters in its path does not matter" {
  mkdir "../it's a \$HOME \"é\""
  cd "../it's a \$HOME \"é\""
  use_stand_in
  write_yaml "dependencies: [python]"
  run -0 strictly 'create_micromamba_env demo'
  run -0 verify_micromamba_env demo
}

# --- killed in between

# Usage: start_and_kill <signal>
# Starts making "demo" with a micromamba that stops in the middle, and kills Pyve then. Sets OWNER to the
# process of micromamba.
start_and_kill() {
  local i
  STAND_IN_FAIL="wait" bash -c 'set -euo pipefail; PYVE_COMMAND=demo; . "$1/lib/utils.sh"; trap finish EXIT
    . "$1/lib/micromamba_env.sh"; replace_micromamba_env demo' - "$PYVE_TREE" >/dev/null 2>&1 3>&- &
  local pid=$!
  for ((i = 0; i < 200; i++)); do
    [[ ! -e .pyve/envs/demo/waiting ]] || break
    sleep 0.05
  done
  [ -e .pyve/envs/demo/waiting ]
  OWNER=$(sed -n '$p' .pyve/envs/.making.demo)
  OWNER=${OWNER%%:*}
  kill "-$1" "$pid"
  wait "$pid" 2>/dev/null || :
}

@test "half an environment is none, and the next command removes it" {
  use_stand_in
  write_yaml "dependencies: [python]"
  start_and_kill KILL
  kill "$OWNER"
  [ -d .pyve/envs/demo ]
  run -1 check_micromamba_env_exists demo
  run -1 verify_micromamba_env demo
  assert_contains "$output" "making it was broken off"
  clear_half_environments
  assert_equal "$(ls -A .pyve/envs)" ""
}

@test "the environment that was to be replaced comes back after a kill" {
  use_stand_in
  write_yaml "dependencies: [python]"
  strictly 'create_micromamba_env demo' >/dev/null
  : >.pyve/envs/demo/old
  start_and_kill KILL
  [ ! -e .pyve/envs/demo/old ]
  kill "$OWNER"
  clear_half_environments
  [ -e .pyve/envs/demo/old ]
  assert_equal "$(ls -A .pyve/envs)" demo
  run -0 verify_micromamba_env demo
}

@test "the next command makes a whole one where half of one was" {
  use_stand_in
  write_yaml "dependencies: [python]"
  start_and_kill KILL
  kill "$OWNER"
  run -0 strictly 'create_micromamba_env demo'
  [ ! -e .pyve/envs/demo/waiting ]
  assert_equal "$(ls -A .pyve/envs)" demo
}

@test "a micromamba that goes on without its Pyve is waited for, and that is said" {
  use_stand_in
  write_yaml "dependencies: [python]"
  start_and_kill KILL
  strictly 'clear_half_environments; echo done' >out 2>err &
  local pid=$! i
  for ((i = 0; i < 100; i++)); do
    [[ ! -s err ]] || break
    sleep 0.05
  done
  assert_equal "$(cat err)" "Waiting for process $OWNER, which is making .pyve/envs/demo."
  [ -d .pyve/envs/demo ]
  kill "$OWNER"
  wait "$pid"
  [ ! -e .pyve/envs/demo ]
}

@test "every moment of a replacement is settled to the old or to the new one" {
  local state expected mark old prefix
  while read -r mark old prefix expected; do
    rm -rf .pyve
    mkdir -p .pyve/envs
    [[ $mark == - ]] || printf '999999999:1\n' >.pyve/envs/.making.demo
    [[ $old == - ]] || mkdir .pyve/envs/.old.demo
    [[ $old == - ]] || : >.pyve/envs/.old.demo/old
    [[ $prefix == - ]] || mkdir .pyve/envs/demo
    [[ $prefix == - ]] || : >.pyve/envs/demo/new
    clear_half_environments
    state=$(cd .pyve/envs && find . -mindepth 1 | tr '\n' ' ')
    assert_equal "$mark $old $prefix: $state" "$mark $old $prefix: ${expected:+./demo ./demo/$expected }"
  done <<'END'
- - prefix new
mark - -
mark - prefix
- old - old
mark old - old
mark old prefix old
- old prefix new
END
}

@test "two at once make one environment, one after the other" {
  use_stand_in
  write_yaml "dependencies:" "  - python"
  local i pids=()
  for i in 1 2 3; do
    strictly 'lock_project; create_micromamba_env demo' >"out.$i" 2>&1 &
    pids+=("$!")
  done
  for i in "${pids[@]}"; do
    wait "$i"
  done
  run -0 grep -c create "$CALLS"
  assert_equal "$output" 1
  run -0 verify_micromamba_env demo
  assert_equal "$(ls -A .pyve/envs)" demo
}

@test "the mark of the built-in engine counts, too" {
  mkdir -p .pyve/envs/demo/conda-meta
  : >.pyve/envs/demo/.pyve-unfinished
  run -1 check_micromamba_env_exists demo
  run -1 verify_micromamba_env demo
  assert_contains "$output" "making it was broken off"
  clear_half_environments
  [ ! -e .pyve/envs/demo ]
}

@test "only what Pyve's names can be is cleared" {
  mkdir -p .pyve/envs/.old..x .pyve/envs/.mine .pyve/envs/a.making.b
  : >".pyve/envs/.making.-x"
  clear_half_environments
  assert_equal "$(find .pyve/envs -mindepth 1 | LC_ALL=C sort)" "$(printf '%s\n' .pyve/envs/.making.-x .pyve/envs/.mine .pyve/envs/.old..x .pyve/envs/a.making.b)"
}

# --- looking at one

@test "an environment exists when its folder does" {
  run -1 check_micromamba_env_exists demo
  run -1 check_micromamba_env_exists
  mkdir -p .pyve/envs/demo
  check_micromamba_env_exists demo
}

@test "what is wrong with an environment is told apart" {
  use_stand_in
  run -1 verify_micromamba_env demo
  assert_contains "$output" "[E_ENV_MISSING]"
  mkdir -p .pyve/envs/demo
  run -1 verify_micromamba_env demo
  assert_contains "$output" "[E_CONDA_ENV_BROKEN]"
  assert_contains "$output" "no conda-meta"
  rmdir .pyve/envs/demo
  write_yaml "dependencies:" "  - python"
  strictly 'create_micromamba_env demo' >/dev/null
  inspect_conda_env demo
  assert_equal "$ENV_PYTHON_VERSION $CONDA_PACKAGE_COUNT" "3.12.8 2"
  printf '#!/no/such/shell\n' >.pyve/envs/demo/bin/python
  run -1 verify_micromamba_env demo
  assert_contains "$output" "its Python does not run"
  rm .pyve/envs/demo/bin/python
  run -1 verify_micromamba_env demo
  assert_contains "$output" "its Python is gone"
  # Without a package python there is nothing to miss.
  rm .pyve/envs/demo/conda-meta/python-*.json
  run -0 verify_micromamba_env demo
  cd ..
  mv "my project" "moved project"
  cd "moved project"
  run -1 verify_micromamba_env demo
  assert_contains "$output" "made at $BATS_TEST_TMPDIR/my project/.pyve/envs/demo"
}

# --- the stand-in itself

@test "the stand-in lists packages in the form of its version" {
  local form
  write_yaml "dependencies:" "  - python"
  while read -r version form; do
    use_stand_in "$version"
    rm -rf .pyve/envs
    strictly 'create_micromamba_env demo' >/dev/null
    run -0 .pyve/bin/micromamba list --json --prefix "$PWD/.pyve/envs/demo"
    [[ $output == "$form"* ]]
    assert_contains "$output" '"name": "python"'
    find_real_python
    "$REAL_PYTHON" -m json.tool <<<"$output" >/dev/null
  done <<'END'
1.5.10 [
2.0.5 [
2.8.1 {"packages": [
END
}

@test "the stand-in refuses calls that Pyve has no business to make" {
  use_stand_in
  local call
  for call in "create" "create -p x -f y" "install x" "list" "shell hook" "--version x" "create --yes --prefix /x --file environment.yml --nonsense"; do
    # shellcheck disable=SC2086 # words on purpose
    run .pyve/bin/micromamba $call </dev/null
    [ "$status" -eq 98 ]
  done
}
