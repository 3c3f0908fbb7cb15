# shellcheck shell=bash
# The environment of the test runner: its own packages, and the project's beneath them.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/testenv.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F write_file >/dev/null || . "${BASH_SOURCE[0]%/*}/files.sh"
declare -F build_environment >/dev/null || . "${BASH_SOURCE[0]%/*}/venv_env.sh"
declare -F logged >/dev/null || . "${BASH_SOURCE[0]%/*}/debug_log.sh"

# Where it is, below the project.
TESTENV_PATH=.pyve/${TESTENV_DIR_NAME:-testenv}/venv

# Usage: find_project_python <environment>
# Sets REPLY to the real interpreter that the project's environment was made with.
find_project_python() {
  get_environment_state "$1" python
  if [[ -z $REPLY ]]; then
    probe_interpreter "$1/bin/python" || return 1
    REPLY=$PYTHON
  fi
}

# Usage: find_tested_environment
# Goes to the project's root and sets ENVIRONMENT to the environment whose packages are tested, of either backend.
# Status 1, with a diagnostic, when it does not work or has no Python.
find_tested_environment() {
  declare -F find_environment >/dev/null || . "${BASH_SOURCE[0]%/*}/project_state.sh"
  if ! find_environment; then
    fail_no_environment
    return 1
  fi
  CDPATH="" cd -- "$PROJECT_ROOT" || return 1
  if [[ $ENVIRONMENT_BACKEND == micromamba && -z $ENVIRONMENT_PYTHON && ! -e $ENVIRONMENT/bin/python ]]; then
    fail E_PYTHON_MISSING "there is no Python in the environment" why "$ENVIRONMENT has packages, but python is not among them" \
      why "add python to the dependencies in environment.yml" fix "pyve init --force"
    return 1
  fi
  if ! check_environment "$ENVIRONMENT"; then
    fail_environment "$PROJECT_ROOT" "$ENVIRONMENT"
    return 1
  fi
}

# Usage: is_testenv_current <project's environment>
# True when the test environment works and has the project's interpreter.
is_testenv_current() {
  has_project_python "$1" && ! is_environment_moved "$PWD/$TESTENV_PATH"
}

# Usage: has_project_python <project's environment>
# True when the test environment has the project's interpreter, and that is there.
has_project_python() {
  local wanted
  find_project_python "$1" || return 1
  wanted=$REPLY
  get_environment_state "$TESTENV_PATH" python
  [[ $REPLY == "$wanted" && -x $TESTENV_PATH/bin/python ]]
}

# Usage: ensure_testenv <project's environment>
# Makes the test environment of the project in the current folder when it is missing, broken, or
# made with another interpreter than the project's; mends it when it was moved. Status 1 when that
# fails.
ensure_testenv() {
  if is_testenv_current "$1"; then
    # (That may have been broken off.)
    compgen -G "$TESTENV_PATH/lib/python3*/site-packages/zz_pyve_project.pth" >/dev/null || link_project_packages "${1#"$PWD"/}"
    return
  fi
  if has_project_python "$1"; then
    find_project_python "$1"
    probe_interpreter "$REPLY" && ensure_template && mend_environment "$PWD/$TESTENV_PATH" testenv
    return
  fi
  if [[ -e $TESTENV_PATH ]]; then
    log_info "The test environment was made for another interpreter; it is made anew"
  fi
  find_project_python "$1" || return 1
  if [[ $REPLY != "${PYTHON-}" || ! -f ${TEMPLATE-}/complete ]]; then
    probe_interpreter "$REPLY" && ensure_template || return 1
  fi
  build_testenv "${1#"$PWD"/}"
}

# Usage: build_testenv <environment below the project>
# Makes the test environment from TEMPLATE.
build_testenv() {
  build_environment testenv "$PWD/$TESTENV_PATH" testenv || return 1
  link_project_packages "$1"
}

# Usage: link_project_packages <environment below the project>
# Lets the test environment find the project's packages behind its own. The place is relative, so
# that the project can be moved. Not while packages are installed into it: pip would take the
# project's for its own.
link_project_packages() {
  local site
  for site in "$TESTENV_PATH"/lib/python3*/site-packages; do
    write_file "$site/zz_pyve_project.pth" "import os, site, sys; os.environ.get('PYVE_TESTENV_ALONE') or site.addsitedir(os.path.join(sys.prefix, *'../../../$1/lib/${site#"$TESTENV_PATH"/lib/}'.split('/')))"$'\n' || return 1
  done
}

# Usage: find_in_packages <environment> <pattern>
# Sets REPLY to what has such a name in its folder of packages, or in that of the store which belongs to it. Status 1, and
# "", when nothing has.
find_in_packages() {
  local store
  declare -F get_sync_note >/dev/null || . "${BASH_SOURCE[0]%/*}/sync_state.sh"
  get_sync_note "$1" store
  store=$REPLY
  # shellcheck disable=SC2231 # a pattern
  for REPLY in "$1"/lib/python3*/site-packages/$2 ${store:+"$store"/site/$2}; do
    [[ ! -e $REPLY ]] || return 0
  done
  REPLY=""
  return 1
}

# Usage: has_pytest <project's environment>
# True when the test environment can import pytest, its own or the project's.
has_pytest() {
  if find_in_packages "$TESTENV_PATH" pytest/__init__.py || find_in_packages "$1" pytest/__init__.py; then
    return 0
  fi
  logged "$TESTENV_PATH/bin/python" -B -c 'import importlib.util as u, sys; sys.exit(u.find_spec("pytest") is None)' 2>/dev/null </dev/null
}

# Usage: get_pytest_version <environment>
# Sets REPLY to the version of pytest among its packages, "" for none.
get_pytest_version() {
  find_in_packages "$1" "pytest-[0-9]*.dist-info" || return 0
  REPLY=${REPLY##*/pytest-}
  REPLY=${REPLY%.dist-info}
  [[ $REPLY =~ ^[0-9][A-Za-z0-9.!+]*$ ]] || REPLY=""
}

# Usage: install_in_testenv <argument for pip install>...
# Installs packages into the test environment.
install_in_testenv() {
  local word needs_pytest=""
  for word; do
    case $word in
      pytest[-_]* | syrupy*) needs_pytest=1 ;;
    esac
  done
  # Where pytest is one of the project's packages, it stays the one that is used: plugins would bring the newest.
  if [[ -n $needs_pytest && -n ${ENVIRONMENT-} ]] && ! find_in_packages "$TESTENV_PATH" pytest/__init__.py; then
    get_pytest_version "$ENVIRONMENT"
    for word; do
      [[ $word != pytest && $word != pytest[\ =\<\>~!\;@\[]* && $word != -r ]] || REPLY=""
    done
    [[ -z $REPLY ]] || set -- "$@" "pytest==$REPLY"
  fi
  PYVE_TESTENV_ALONE=1 install_requirements testenv "$PWD/$TESTENV_PATH" "$@"
}
