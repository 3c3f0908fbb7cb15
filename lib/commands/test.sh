# Summary: Run the project's tests with pytest
# Group: Environment
# Usage: pyve test [--] [PYTEST_ARGUMENT]...
# About: pytest runs in the test environment, which finds the project's packages too. When pytest
# About: is missing it is installed (from requirements-dev.txt, when there is one): unasked in CI and
# About: with PYVE_TEST_AUTO_INSTALL_PYTEST=1, after a question on a terminal.
# Example: pyve test -q tests
# Example: pyve test -- --help
# Exit: pytest's own; 1 no environment, or no pytest
# States: consistent -> consistent

cmd_test() {
  local venv here=$PWD
  need utils cli env_detect python_wish probe interpreter distutils_shim project_lock venv_env testenv
  PYVE_TALK_FD=2
  if [[ ${1-} == -- ]]; then
    shift
  fi
  find_project || :
  CDPATH="" cd -- "$PROJECT_ROOT" || return 1
  clear_leftovers "$PWD"
  config_load || :
  config_get venv.directory
  venv=$PWD/${REPLY:-$DEFAULT_VENV_DIR}
  if ! check_environment "$venv"; then
    fail_environment "$PROJECT_ROOT" "$venv"
    return 1
  fi
  if ! is_testenv_current "$venv" || ! has_pytest "$venv"; then
    lock_project && ensure_testenv "$venv" || return 1
    if ! has_pytest "$venv"; then
      install_pytest || return 1
    fi
    unlock_project
  fi
  unset PYTHONHOME
  export VIRTUAL_ENV=$PWD/$TESTENV_PATH VIRTUAL_ENV_PROMPT=${PWD##*/}
  export PYVE_BACKEND=venv PYVE_ENV_NAME=${PWD##*/}
  PATH=$VIRTUAL_ENV/bin:$venv/bin:$PATH
  # Paths among the arguments are meant from where the user is.
  CDPATH="" cd -- "$here" || return 1
  exec "$VIRTUAL_ENV/bin/python" -m pytest "$@"
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
  if ! "$TESTENV_PATH/bin/python" -c 'import pytest' 2>/dev/null </dev/null; then
    fail E_PYTEST_MISSING "pytest is not among what was installed" why "installed: ${requirements[*]}" fix "pyve testenv --install"
    return 1
  fi
}
