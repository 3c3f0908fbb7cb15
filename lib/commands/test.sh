# Summary: Run the project's tests with pytest
# Group: Environment
# Agent: run network
# Usage: pyve test [--frozen|--no-frozen] [--] [PYTEST_ARGUMENT]...
# Argument: PYTEST_ARGUMENT files
# About: pytest runs in the test environment, which finds the project's packages too. When pytest
# About: is missing it is installed (from requirements-dev.txt, when there is one): unasked in CI and
# About: with PYVE_TEST_AUTO_INSTALL_PYTEST=1, after a question on a terminal. Pyve's own options go first.
# About: In CI a lock that is stale, or an environment that pyve sync did not make from it, is a failure.
# Option: --frozen  Fail when the lock is missing, stale, or not that of the environment
# Option: --no-frozen  Do not look at the lock, in CI either
# Example: pyve test -q tests
# Example: pyve test -- --help
# Exit: pytest's own; 1 no environment, no pytest, or --frozen fails
# States: needs-lock, needs-env, consistent -> the same

cmd_test() {
  local venv here=$PWD frozen=""
  need utils cli env_detect python_wish probe interpreter distutils_shim project_lock venv_env testenv project_state
  PYVE_TALK_FD=2
  while [[ ${1-} == --frozen || ${1-} == --no-frozen ]]; do
    frozen=$1
    shift
  done
  if [[ ${1-} == -- ]]; then
    shift
  fi
  find_tested_environment || return 1
  venv=$ENVIRONMENT
  if [[ $frozen == --frozen || (-n ${CI-} && -z $frozen) ]]; then
    need frozen
    if [[ -n $frozen ]] || is_ci; then
      check_frozen "${frozen:+1}" || return 1
    fi
  fi
  if ! is_testenv_current "$venv" || ! has_pytest "$venv"; then
    lock_project && ensure_testenv "$venv" || return 1
    if ! has_pytest "$venv"; then
      install_pytest || return 1
    fi
    unlock_project
  fi
  if [[ $ENVIRONMENT_BACKEND == micromamba ]]; then
    need conda_activation
  fi
  # Paths among the arguments are meant from where the user is.
  CDPATH="" cd -- "$here" || return 1
  hand_over_tests "$ENVIRONMENT_BACKEND" "$venv" "$PROJECT_ROOT" "$PROJECT_ROOT/$TESTENV_PATH" "$@"
}

# Usage: hand_over_tests <backend> <environment> <project> <test environment> [argument]...
# Executes pytest in Pyve's place, with the caller's environment and what makes both environments active.
# (It has no variable: the tests would see it.)
hand_over_tests() {
  restore_caller_environment
  if [[ $1 == micromamba ]]; then
    find_activation "$2" "${2##*/}" || return 1
    enter_conda_environment "$2" "${2##*/}"
  else
    enter_environment "$2" "$3"
  fi
  export VIRTUAL_ENV=$4 VIRTUAL_ENV_PROMPT=${3##*/}
  unset -v UV_PROJECT_ENVIRONMENT
  PATH=$4/bin:$PATH
  set -- "$4/bin/python" -m pytest "${@:5}"
  if [[ -n $PYVE_JSON ]]; then
    run_for_json "$@"
    return
  fi
  [[ ${PYVE_LOG-} != debug ]] || { need debug_log && log_exec "$@"; }
  exec "$@"
}

# Usage: install_pytest
# Installs the test tools, when that is allowed; otherwise says how to.
install_pytest() {
  local requirements=(pytest)
  if [[ -f requirements-dev.txt ]]; then
    requirements=(-r requirements-dev.txt)
  fi
  if [[ -z ${CI-} && ${PYVE_TEST_AUTO_INSTALL_PYTEST-} != 1 ]]; then
    if ! can_ask || ! prompt_yes_no "pytest is not installed. Install ${requirements[*]#-r} into the test environment?"; then
      fail E_PYTEST_MISSING "pytest is not installed in the test environment" fix "pyve testenv --install"
      return 1
    fi
  fi
  install_in_testenv "${requirements[@]}" || return 1
  if ! logged "$TESTENV_PATH/bin/python" -c 'import pytest' 2>/dev/null </dev/null; then
    fail E_PYTEST_MISSING "pytest is not among what was installed" why "installed: ${requirements[*]}" fix "pyve testenv --install"
    return 1
  fi
}
