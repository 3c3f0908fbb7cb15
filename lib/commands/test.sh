# Summary: Run the project's tests, all or a part of them
# Group: Environment
# Agent: run network
# Agent: never --watch
# Usage: pyve test [--shard PART | --changed] [--numprocesses N] [--python LIST] [--discover] [--] [PYTEST_ARGUMENT]...
# Argument: PYTEST_ARGUMENT files
# About: pytest runs in the test environment, which finds the project's packages too. When pytest, or a plugin
# About: that an option needs, is missing it is installed there (pytest from requirements-dev.txt, when there is
# About: one): unasked in CI and with PYVE_TEST_AUTO_INSTALL_PYTEST=1, after a question on a terminal.
# About: Pyve's own options go first (-q, -v, -x and their like may stand between); from the first other word on, all
# About: belongs to pytest.
# About: In CI a lock that is stale, or an environment that pyve sync did not make from it, is a failure.
# About: With --json (before "test") the document has each test: outcome, seconds, and where it failed.
# Option: --frozen  Fail when the lock is missing, stale, or not that of the environment
# Option: --no-frozen  Do not look at the lock, in CI either
# Option: -n, --numprocesses N  Run in N processes, or auto (pytest-xdist)
# Option: --shard PART  I/N: run the I-th of N parts of about equal time; together they run every test once
# Option: --timings FILE  Where durations of tests are read from for --shard, and written to without it
# Option: --changed  Run what a change may affect: of the working tree; with --changed REV, since that commit
# Option: --retries N  Run a test that fails up to N times more (pytest-rerunfailures)
# Option: --timeout SECONDS  The longest time of a test (pytest-timeout)
# Option: --fail-fast  Stop at the first failure
# Option: --snapshot ACTION  update: write the snapshots anew (syrupy)
# Option: --watch  Run again whenever a file changes
# Option: --backend NAME  pytest (default) or unittest
# Option: --python LIST  Run with each of these versions at the same time, as in 3.10,3.11,3.12
# Option: --junit FILE  Write the results as JUnit XML
# Option: --discover  List the tests, and run none
# Option: --profile NAME  Run with that profile
# Option: --sandbox  Only the project can be written; no home, no network
# Option: --ro  In the sandbox: the project cannot be written either
# Option: --net  In the sandbox: with network
# Option: --allow-read PATH...  In the sandbox: a file or folder that can be read, too
# Option: --allow-write PATH...  In the sandbox: a file or folder that can be written, too
# Option: --allow-env NAME...  In the sandbox: a variable that is kept
# Option: --memory SIZE  In the sandbox: the most memory, such as 2G
# Option: --cpu SECONDS  In the sandbox: the most processor time
# Option: --time SECONDS  In the sandbox: the longest time
# Option: --processes COUNT  In the sandbox: the most processes
# Option: --sandbox-engine NAME  In the sandbox: bubblewrap or landlock
# Option: --audit  In the sandbox: say at the end what was refused
# Example: pyve test -q tests
# Example: pyve test -n auto --shard 1/3
# Example: pyve test --changed main
# Example: pyve test -- --help
# Exit: pytest's own; 1 no environment, no pytest, or --frozen fails; a part with no tests passes
# States: needs-lock, needs-env, consistent -> the same

cmd_test() {
  local here=$PWD junit profile
  need utils cli env_detect python_wish probe interpreter distutils_shim project_lock venv_env testenv project_state \
    test_options test_tools test_run
  PYVE_TALK_FD=2
  take_test_options "$@" && check_test_options || return 1
  if [[ -n $opt_watch && -z ${PYVE_WATCHED-}${PYVE_EXPLAIN-} ]]; then
    watch_tests
    return
  fi
  junit=$opt_junit profile=${opt_profile:-${PYVE_PROFILE-}}
  [[ -z $junit || $junit == /* ]] || junit=$here/$junit
  # (Without an option of Pyve's, pytest is started as it is.)
  TEST_REQUEST=""
  if [[ -n $TEST_IS_ASKED$PYVE_JSON || $opt_backend == unittest ]]; then
    TEST_REQUEST=1
  fi
  find_tested_environment || return 1
  if [[ -n $opt_changed ]]; then
    check_test_revision || return 1
  fi
  if [[ -n $opt_frozen || (-n ${CI-} && -z $opt_no_frozen) ]]; then
    need frozen
    if [[ -n $opt_frozen ]] || is_ci; then
      check_frozen "$opt_frozen" || return 1
    fi
  fi
  begin_plan test
  plan_project_environment
  PLAN_FOLDER=$here
  if [[ -n $profile ]]; then
    need profile
    use_profile "$profile" || return 1
  fi
  if [[ -n $PYVE_JSON$opt_discover$opt_python ]]; then
    begin_test_run || return 1
  fi
  if [[ -n $opt_python ]]; then
    need test_pythons
    run_test_pythons "$here" "$profile" "$junit" ${TEST_WORDS[@]+"${TEST_WORDS[@]}"}
    return
  fi
  prepare_testenv "$ENVIRONMENT" || return 1
  if is_explaining; then
    plan_chosen interpreter "$PROJECT_ROOT/$TESTENV_PATH/bin/python" "the test environment has the test tools; the project's packages are behind them"
  fi
  if [[ -n $opt_discover ]]; then
    run_collected "$PROJECT_ROOT/$TESTENV_PATH" ${TEST_WORDS[@]+"${TEST_WORDS[@]}"}
  elif [[ -n $PYVE_JSON ]]; then
    run_for_results "$PROJECT_ROOT/$TESTENV_PATH" "$junit" ${TEST_WORDS[@]+"${TEST_WORDS[@]}"}
  else
    plan_tests "$PROJECT_ROOT/$TESTENV_PATH" "" "$junit" ${TEST_WORDS[@]+"${TEST_WORDS[@]}"} && confine_tests || return 1
    start_planned
  fi
}

# Usage: watch_tests
# For --watch: has pyve test run without it now, and whenever a file changes.
watch_tests() {
  local word
  local -a words=()
  for word in "${TEST_OPTIONS[@]}"; do
    [[ $word == --watch ]] || words+=("$word")
  done
  need config watch
  WATCH_ON=() WATCH_CLEAR="" WATCH_POLL="" WATCH_KILL_AFTER=""
  # (What follows may begin with an option of Pyve's, when "--" stood before it.)
  start_watching test ${words[@]+"${words[@]}"} -- ${TEST_WORDS[@]+"${TEST_WORDS[@]}"}
}
