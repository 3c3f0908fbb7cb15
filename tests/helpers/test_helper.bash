# Shared by the bats files: `load ../helpers/test_helper`, and `setup() { setup_project; }`.
#
# Every test gets a private HOME and a project whose path has a space in it, no version
# manager, no cache of the machine's user, and Pyve's settings unset.

PYVE_TREE=$(CDPATH="" cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)

# A machine that stands still for seconds may fail what drives a server or another process: in CI, what
# fails is run again.
if [[ -n ${CI-} ]]; then
  # shellcheck disable=SC2034 # read by bats
  BATS_TEST_RETRIES=2
fi

# Usage: setup_project [name]
# Makes HOME and the project below bats' folder for this test, and enters the project.
setup_project() {
  local name
  for name in CI NO_COLOR CLICOLOR CLICOLOR_FORCE FORCE_COLOR COLUMNS LINES VIRTUAL_ENV PYTHONHOME PYTHONPATH XDG_CONFIG_HOME XDG_DATA_HOME XDG_CACHE_HOME \
    XDG_STATE_HOME PYENV_ROOT PYENV_VERSION ASDF_DIR ASDF_DATA_DIR MISE_DATA_DIR UV_PYTHON_INSTALL_DIR ZDOTDIR \
    PYTHONDONTWRITEBYTECODE; do
    unset "$name"
  done
  for name in $(compgen -v PYVE_) $(compgen -v PIP_) $(compgen -v UV_); do
    case $name in
      PYVE_TREE | PIP_CERT) ;;
      *) unset "$name" ;;
    esac
  done
  # (Those of bats. Pyve starts anew for a caller who exports functions, and kcov would not see it.)
  for name in $(compgen -A function bats_); do
    export -n -f "${name?}"
  done
  case ${LC_ALL:-${LC_CTYPE:-${LANG-}}} in
    *[Uu][Tt][Ff]8* | *[Uu][Tt][Ff]-8*) ;;
    *)
      # Pyve would write ASCII instead of its symbols.
      unset LC_ALL LC_CTYPE LANG
      ;;
  esac
  export HOME="$BATS_TEST_TMPDIR/home of user"
  PROJECT="$BATS_TEST_TMPDIR/${1:-my project}"
  mkdir -p "$HOME" "$PROJECT"
  # Templates of environments are only read: one set for all tests of a run.
  export PYVE_TEMPLATES="$BATS_RUN_TMPDIR/templates"
  # So is Pyve's own toolchain; see use_toolchain.
  export PYVE_TOOLCHAIN="$PYVE_TREE/.dev/toolchain"
  cd "$PROJECT" || return 1
}

# Usage: load_lib [module]...
# Sources lib modules as pyve.sh does (all of the spec's when none is named).
load_lib() {
  local module
  PYVE_ROOT=$PYVE_TREE
  (($#)) || set -- utils env_detect interpreter backend_detect distutils_shim version
  for module; do
    # shellcheck source=/dev/null # named by the test
    . "$PYVE_TREE/lib/$module.sh"
  done
  VERSION=2.0.0
  DEFAULT_PYTHON_VERSION=3.14.3
  DEFAULT_VENV_DIR=.venv
  # errexit stays on: with it off, bats would overlook every check but a test's last.
  set +u +o pipefail
  # bats looks at each command, to tell the line of one that fails. In the test alone: within Pyve's
  # functions it makes them twenty times slower.
  set +T
  declare -ft "$BATS_TEST_NAME" bats_error_trap bats_check_status_from_trap bats_teardown_trap bats_exit_trap || true
}

# Usage: pyve [argument]...
# Runs Pyve from this tree, as a user would.
pyve() {
  "$PYVE_TREE/pyve.sh" "$@"
}

# Usage: use_toolchain
# For tests that ask a helper of Pyve's toolchain: sees to it that the one that all tests share is
# there. Sets TOOLCHAIN_PYTHON to its interpreter.
use_toolchain() {
  TOOLCHAIN_PYTHON=$("$PYVE_TREE/scripts/make-test-toolchain.sh")
}

# Usage: find_real_python
# Sets REAL_PYTHON to a real interpreter (no shim) of version 3.9 or newer that this machine
# has; skips the test when there is none.
find_real_python() {
  local candidate
  if [[ -z ${REAL_PYTHON-} ]]; then
    for candidate in "${PYVE_TEST_PYTHON-}" python3 python3.13 python3.12 python3.11 python3.10 python3.9; do
      REAL_PYTHON=$("$candidate" -I -c 'import sys; assert sys.version_info >= (3, 9); import os; print(os.path.realpath(sys._base_executable))' 2>/dev/null) && break
    done
  fi
  if [[ -z ${REAL_PYTHON-} ]]; then
    skip "no Python 3.9 or newer on PATH"
  fi
}

# Usage: offer_python
# Puts REAL_PYTHON first on PATH, and keeps Pyve from installing another.
offer_python() {
  local minor
  find_real_python
  minor=$("$REAL_PYTHON" -I -c 'import sys; print("python3.%d" % sys.version_info[1])')
  mkdir "$BATS_TEST_TMPDIR/with python"
  ln -s "$REAL_PYTHON" "$BATS_TEST_TMPDIR/with python/python3"
  ln -s "$REAL_PYTHON" "$BATS_TEST_TMPDIR/with python/$minor"
  PATH=$BATS_TEST_TMPDIR/with\ python:$PATH
  export PYVE_PYTHON_DOWNLOADS=never
}

# Usage: assert_contains <text> <part>
assert_contains() {
  if [[ $1 != *"$2"* ]]; then
    printf 'expected to find: %s\nin: %s\n' "$2" "$1" >&2
    return 1
  fi
}

# Usage: refute_contains <text> <part>
refute_contains() {
  if [[ $1 == *"$2"* ]]; then
    printf 'expected not to find: %s\nin: %s\n' "$2" "$1" >&2
    return 1
  fi
}

# Usage: assert_equal <actual> <expected>
assert_equal() {
  if [[ $1 != "$2" ]]; then
    printf 'expected: %s\nactual:   %s\n' "$2" "$1" >&2
    return 1
  fi
}
