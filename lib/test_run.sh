# shellcheck shell=bash
# Running tests: what is executed for `pyve test`, and what is told of it.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/test_run.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F begin_plan >/dev/null || . "${BASH_SOURCE[0]%/*}/run_plan.sh"
declare -F read_helper_answer >/dev/null || . "${BASH_SOURCE[0]%/*}/helper.sh"
declare -F escape_json >/dev/null || . "${BASH_SOURCE[0]%/*}/json.sh"
declare -F logged >/dev/null || . "${BASH_SOURCE[0]%/*}/debug_log.sh"

# The folder of a run that is going on, "" before; the options of helpers/test_results.py for each run.
TEST_RUN=""
_test_runs=()

# Usage: begin_test_run
# Makes the folder of this run, TEST_RUN, and clears away those of runs that were killed.
begin_test_run() {
  local folder=$PROJECT_ROOT/.pyve/testenv/results left
  TEST_RUN=$folder/$$
  is_explaining && return 0
  for left in "$folder"/[0-9]*; do
    if [[ -d $left ]] && ! kill -0 "${left##*/}" 2>/dev/null; then
      rm -rf "$left"
    fi
  done
  rm -rf "$TEST_RUN"
  if ! mkdir -p "$TEST_RUN" 2>/dev/null; then
    declare -F fail_write >/dev/null || . "${BASH_SOURCE[0]%/*}/files.sh"
    fail_write "$TEST_RUN"
    return 1
  fi
  at_exit end_test_run
}

# Usage: end_test_run
# At exit: removes the folder of the run.
end_test_run() {
  [[ -z $TEST_RUN ]] || rm -rf "$TEST_RUN"
}

# Usage: json_member <key> <value>
# Adds a text to the JSON object in REPLY, as it is: secrets are not taken out.
json_member() {
  local object=$REPLY LC_ALL=C
  escape_json "$2" 2>/dev/null
  REPLY="${object:-{}${object:+, }\"$1\": \"$REPLY\""
}

# Usage: compose_test_request <where records go, below the project, or ""> [JUnit file for unittest]
# Sets REPLY to the request for helpers/pyve_tests: what was asked for, as JSON. Paths of Pyve's are relative to the
# project, those of the user's to the folder where Pyve was called.
compose_test_request() {
  local timings=$opt_timings learn=""
  if [[ -z $opt_shard && -z $opt_discover && -z $opt_python ]]; then
    learn=${opt_timings:-$PROJECT_ROOT/.pyve/testenv/results/durations.json}
  fi
  REPLY=""
  json_member results "$1"
  [[ -z $opt_changed ]] || json_member changed "$opt_changed"
  [[ -z $opt_changed ]] || json_member memory .pyve/testenv/results/imports.json
  if [[ -n $opt_shard ]]; then
    json_member shard "$opt_shard"
    json_member timings "${timings:-$PROJECT_ROOT/.pyve/testenv/results/durations.json}"
  fi
  [[ -z $learn ]] || json_member learn "$learn"
  [[ -z $opt_discover ]] || json_member discover 1
  [[ $opt_backend != unittest || -z $opt_timeout ]] || json_member timeout "$opt_timeout"
  [[ -z ${2-} ]] || json_member junit "$2"
  REPLY+="}"
}

# Usage: plan_tests <environment of the test runner> <records, below the project, or ""> <JUnit file, or ""> <argument>...
# Sets PLAN_ARGV, and what makes the test environment the active one, behind what the plan says of the project's.
plan_tests() {
  local testenv=$1 records=$2 junit=$3
  shift 3
  PLAN_SETS+=("VIRTUAL_ENV=$testenv" "VIRTUAL_ENV_PROMPT=${PROJECT_ROOT##*/}")
  PLAN_UNSETS+=(UV_PROJECT_ENVIRONMENT)
  PLAN_PATHS=("$testenv/bin" ${PLAN_PATHS[@]+"${PLAN_PATHS[@]}"})
  PLAN_PYTHON=$testenv/bin/python
  if [[ $opt_backend == unittest ]]; then
    compose_test_request "$records" "$junit"
    PLAN_ARGV=("$testenv/bin/python" -m pyve_tests.unittest_run "$PROJECT_ROOT" "$REPLY")
    if [[ -n $opt_fail_fast && ${1-} == discover ]]; then
      # (What follows discover are its own options.)
      shift
      set -- discover --failfast "$@"
    elif [[ -n $opt_fail_fast ]]; then
      set -- --failfast "$@"
    fi
    PLAN_ARGV+=("$@")
    return 0
  fi
  PLAN_ARGV=("$testenv/bin/python" -m pytest)
  if [[ -n $TEST_REQUEST ]]; then
    compose_test_request "$records"
    PLAN_ARGV+=(-p pyve_tests.plugin "--pyve-root=$PROJECT_ROOT" "--pyve-request=$REPLY")
  fi
  # (By name, so that they are loaded also where settings keep pytest from loading plugins unasked, or those.)
  [[ -z $opt_numprocesses ]] || PLAN_ARGV+=(-p xdist -n "$opt_numprocesses")
  [[ -z $opt_retries ]] || PLAN_ARGV+=(-p rerunfailures --reruns "$opt_retries")
  [[ -z $opt_timeout ]] || PLAN_ARGV+=(-p timeout "--timeout=$opt_timeout")
  [[ -z $opt_fail_fast ]] || PLAN_ARGV+=(--exitfirst)
  [[ -z $opt_snapshot ]] || PLAN_ARGV+=(-p syrupy --snapshot-update)
  [[ -z $junit ]] || PLAN_ARGV+=("--junitxml=$junit")
  [[ -z $opt_discover ]] || PLAN_ARGV+=(--collect-only -q)
  PLAN_ARGV+=("$@")
}

# Usage: confine_tests
# Last of all: the sandbox, when one of its options was given. Status 1 after a diagnostic.
confine_tests() {
  local folder=$PROJECT_ROOT/.pyve/testenv
  [[ -n $opt_sandbox$opt_ro$opt_net$opt_allow_read$opt_allow_write$opt_allow_env$opt_memory$opt_cpu$opt_time$opt_processes$opt_sandbox_engine$opt_audit ]] || return 0
  declare -F plan_sandbox >/dev/null || . "${BASH_SOURCE[0]%/*}/sandbox.sh"
  SANDBOX_READ=("$folder") SANDBOX_WRITE=()
  if [[ -n $TEST_REQUEST ]]; then
    if ! is_explaining && ! mkdir -p "$folder/results" 2>/dev/null; then
      declare -F fail_write >/dev/null || . "${BASH_SOURCE[0]%/*}/files.sh"
      fail_write "$folder/results"
      return 1
    fi
    SANDBOX_WRITE=("$folder/results")
  fi
  plan_sandbox
}

# Usage: add_test_run <label> <exit status> <records> <JUnit file, or "">
# Keeps a run for tell_tests.
add_test_run() {
  _test_runs+=(--label "$1" --status "$2" --results "$3" --part "$4")
}

# Usage: tell_tests <interpreter> [option of helpers/test_results.py]...
# Tells what the runs that were kept came to. Status 1 after a diagnostic. (-S: of the environment, which is the project's,
# nothing but the interpreter is used.)
tell_tests() {
  local python=$1 answer="" status=0
  shift
  HELPER_NAME=test_results
  answer=$(logged "$python" -E -s -S -B -X utf8 "$PYVE_ROOT/helpers/test_results.py" --format lines "$@" "${_test_runs[@]}" </dev/null) || status=$?
  read_helper_answer "$status" "$answer" && show_helper_answer
}

# Usage: show_test_output <file>
# Shows on stderr what a run has printed.
show_test_output() {
  # (In a sandbox the folder can be written: no other file is shown in its place.)
  [[ -f $1 && ! -L $1 ]] || return 0
  load_redact
  # (In a process of its own: it ignores Ctrl-C.)
  (redact_lines <"$1") >&2
}

# Usage: run_collected <test environment> <argument>...
# With --discover: has the tests listed as a child, and tells them. Its status.
run_collected() {
  local python=$1/bin/python status=0
  plan_tests "$1" ".pyve/testenv/results/$$/records" "" "${@:2}"
  confine_tests || return 1
  if is_explaining; then
    start_planned
    return
  fi
  (PYVE_JSON="" && start_planned) >"$TEST_RUN/output" 2>&1 </dev/null || status=$?
  # (Not before: what is broken off by a signal has to end its children.)
  _has_run=1
  ((status == 0)) || show_test_output "$TEST_RUN/output"
  add_test_run "" "$status" "$TEST_RUN/records" ""
  tell_tests "$python" --discover || return 1
  return "$status"
}

# Usage: run_for_results <test environment> <JUnit file, or ""> <argument>...
# With --json: runs the tests as a child, and tells of each. Its status. (The environment is the caller's afterwards:
# only names that begin with _pyve are safe.)
run_for_results() {
  plan_tests "$1" ".pyve/testenv/results/$$/records" "$2" "${@:3}"
  confine_tests || return 1
  if is_explaining; then
    start_planned
    return
  fi
  _pyve_test_python=$1/bin/python _pyve_test_run=$TEST_RUN _pyve_test_status=0
  [[ -z $2 ]] || answer junit "$2"
  # (What is known when a signal ends Pyve is told, too.)
  at_exit tell_test_results
  start_planned || _pyve_test_status=$?
  # (It says 126 or 127 where nothing was run.)
  [[ -n $_has_run ]] || _pyve_test_run=""
  tell_test_results || return 1
  return "$_pyve_test_status"
}

# Usage: tell_test_results
# For run_for_results, and at exit, where it did not come so far: tells of each test, once.
tell_test_results() {
  [[ -n $_pyve_test_run ]] || return 0
  TEST_RUN=$_pyve_test_run _pyve_test_run="" _test_runs=()
  add_test_run "" "$_pyve_test_status" "$TEST_RUN/records" ""
  tell_tests "$_pyve_test_python"
}
