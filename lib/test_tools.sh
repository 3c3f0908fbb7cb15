# shellcheck shell=bash
# The tools of `pyve test`: pytest, and the plugins that its options need, in the test environment.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/test_tools.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F logged >/dev/null || . "${BASH_SOURCE[0]%/*}/debug_log.sh"
declare -F has_pytest >/dev/null || . "${BASH_SOURCE[0]%/*}/testenv.sh"
declare -F is_explaining >/dev/null || . "${BASH_SOURCE[0]%/*}/run_plan.sh"
declare -F lock_project >/dev/null || . "${BASH_SOURCE[0]%/*}/project_lock.sh"
declare -F can_ask >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"

# Usage: list_test_plugins
# Sets the array TEST_PLUGINS to the distributions that the options need.
list_test_plugins() {
  TEST_PLUGINS=()
  [[ -z $opt_numprocesses ]] || TEST_PLUGINS+=(pytest-xdist)
  [[ -z $opt_retries ]] || TEST_PLUGINS+=(pytest-rerunfailures)
  [[ -z $opt_timeout || $opt_backend != pytest ]] || TEST_PLUGINS+=(pytest-timeout)
  [[ -z $opt_snapshot ]] || TEST_PLUGINS+=(syrupy)
}

# Usage: find_missing_plugins
# Sets the array MISSING_PLUGINS to those of TEST_PLUGINS that the test environment itself does not have. (One of the
# project's is not taken: which version that is, is for the project's lock to say.)
find_missing_plugins() {
  local name
  MISSING_PLUGINS=()
  for name in ${TEST_PLUGINS[@]+"${TEST_PLUGINS[@]}"}; do
    compgen -G "$TESTENV_PATH/lib/python3*/site-packages/${name//-/_}-*.dist-info" >/dev/null || MISSING_PLUGINS+=("$name")
  done
}

# Usage: prepare_testenv <project's environment>
# Sees that the test environment is there, and has what the options need. Status 1 after a diagnostic.
prepare_testenv() {
  local needs_pytest=""
  list_test_plugins
  find_missing_plugins
  [[ $opt_backend != pytest ]] || needs_pytest=1
  if is_testenv_current "$1" && { [[ -z $needs_pytest ]] || has_pytest "$1"; } && ((${#MISSING_PLUGINS[@]} == 0)); then
    [[ -z $TEST_REQUEST ]] || place_test_package
    return
  fi
  if is_explaining; then
    is_testenv_current "$1" || plan_step "the test environment $PROJECT_ROOT/$TESTENV_PATH is made"
    [[ -z $needs_pytest ]] || has_pytest "$1" || plan_step "pytest is installed into the test environment"
    ((${#MISSING_PLUGINS[@]} == 0)) || plan_step "${MISSING_PLUGINS[*]} is installed into the test environment"
    return 0
  fi
  lock_project && ensure_testenv "$1" || return 1
  if [[ -n $needs_pytest ]] && ! has_pytest "$1"; then
    install_pytest || return 1
  fi
  find_missing_plugins
  ((${#MISSING_PLUGINS[@]} == 0)) || install_plugins || return 1
  unlock_project
  [[ -z $TEST_REQUEST ]] || place_test_package
}

# Usage: may_install <question>
# True when test tools may be installed: in CI, with PYVE_TEST_AUTO_INSTALL_PYTEST=1, or after a yes.
may_install() {
  [[ -n ${CI-} || ${PYVE_TEST_AUTO_INSTALL_PYTEST-} == 1 ]] || { can_ask && prompt_yes_no "$1"; }
}

# Usage: install_pytest
# Installs the test tools, when that is allowed; otherwise says how to.
install_pytest() {
  local requirements=(pytest)
  if [[ -f requirements-dev.txt ]]; then
    requirements=(-r requirements-dev.txt)
  fi
  if ! may_install "pytest is not installed. Install ${requirements[*]#-r} into the test environment?"; then
    fail E_PYTEST_MISSING "pytest is not installed in the test environment" fix "pyve testenv --install"
    return 1
  fi
  install_in_testenv "${requirements[@]}" || return 1
  if ! logged "$TESTENV_PATH/bin/python" -c 'import pytest' 2>/dev/null </dev/null; then
    fail E_PYTEST_MISSING "pytest is not among what was installed" why "installed: ${requirements[*]}" fix "pyve testenv --install"
    return 1
  fi
}

# Usage: install_plugins
# Installs MISSING_PLUGINS, when that is allowed; otherwise says how to.
install_plugins() {
  local names="${MISSING_PLUGINS[*]}" fix
  names=${names// /, }
  fix="pyve testenv --install ${MISSING_PLUGINS[*]}"
  if ! may_install "$names is not installed. Install it into the test environment?"; then
    fail E_TEST_PLUGIN "the test environment lacks what the options need: $names" \
      why "in CI, and with PYVE_TEST_AUTO_INSTALL_PYTEST=1, it is installed unasked" fix "$fix"
    return 1
  fi
  INSTALL_FIX=$fix install_in_testenv "${MISSING_PLUGINS[@]}" || return 1
  find_missing_plugins
  if ((${#MISSING_PLUGINS[@]})); then
    fail E_TEST_PLUGIN "the test environment lacks what the options need: $names" why "it was installed, but is not there" fix "$fix"
    return 1
  fi
}

# Usage: place_test_package [environment]
# Puts Pyve's part of the test runner (helpers/pyve_tests) into the test environment, where it is not as it is here. (It
# is a copy, because Python keeps compiled files beside what it imports, and nothing is written into Pyve's own folder.)
place_test_package() {
  local file target text site
  is_explaining && return 0
  for site in "${1:-$TESTENV_PATH}"/lib/python3*/site-packages; do
    target=$site/pyve_tests
    [[ -d $target ]] || mkdir "$target" 2>/dev/null || [[ -d $target ]] || fail_environment_write "$site" || return 1
    for file in "$PYVE_ROOT"/helpers/pyve_tests/*.py; do
      read_file "$file"
      text=$REPLY REPLY=""
      [[ ! -f $target/${file##*/} ]] || read_file "$target/${file##*/}"
      [[ $text == "$REPLY" ]] || write_file "$target/${file##*/}" "$text" || return 1
    done
  done
}
