#!/usr/bin/env bash
# Take examples/greeter-package from nothing to its tests passing, lock examples/web-api and install it from
# the lock, and show each step.
#
# Usage: scripts/demo.sh
#
# Works on copies in a temporary folder and with a HOME of its own, both removed at the end. The
# network is used for the package's build backend, for pytest, for the web API's dependencies, and for Pyve's own
# tools, which lock. Where no index answers, locking is left out, with a word.
# Exit: 0 every step did what it should; otherwise the status of the step that failed.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly ROOT

WORK=$(mktemp -d "${TMPDIR:-/tmp}/pyve-demo.XXXXXX")
readonly WORK
trap 'rm -rf "$WORK"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Usage: show <command>...
# Prints the command as one would type it, then runs it. Its status ends the demo when not 0.
show() {
  local word line='' status=0
  for word in "$@"; do
    if [[ $word =~ ^[A-Za-z0-9_./=:-]+$ ]]; then
      line="$line $word"
    else
      line="$line '$word'"
    fi
  done
  printf '\n$%s\n' "$line"
  "$@" </dev/null || status=$?
  if ((status != 0)); then
    printf '\nERROR: the demo stopped:%s (exit %d)\n' "$line" "$status" >&2
    exit "$status"
  fi
}

# Usage: copy_example <name> <folder>
# Copies an example. Somebody may have tried it in place: the demo begins with nothing.
copy_example() {
  mkdir -p "$2"
  cp -R "$ROOT/examples/$1/." "$2/"
  rm -rf "$2/.venv" "$2/.pyve" "$2/.envrc" "$2/.env" "$2/pylock.toml"
}

# Usage: show_lock
# Locks the web API, and installs it from the lock.
show_lock() {
  copy_example web-api "$WORK/my api"
  cd "$WORK/my api"
  if ! (show pyve lock); then
    printf '\nNot shown: pyve sync, add and why, as examples/web-api cannot be locked here.\n'
    return 0
  fi
  show pyve sync
  show pyve tree
  show pyve add --dry-run --dev pytest
  show pyve run python -c 'import app; print(app.app)'
  printf '\nShown: a lock for all platforms, and an environment made from it.\n'
}

# Usage: demo
demo() {
  local project="$WORK/my greeter"
  mkdir -p "$WORK/home" "$WORK/bin"
  copy_example greeter-package "$project"
  ln -s "$ROOT/pyve.sh" "$WORK/bin/pyve"

  export HOME="$WORK/home" PATH="$WORK/bin:$PATH"
  export PYVE_TEST_AUTO_INSTALL_PYTEST=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1
  unset XDG_DATA_HOME XDG_CACHE_HOME XDG_CONFIG_HOME XDG_STATE_HOME VIRTUAL_ENV CONDA_PREFIX \
    PYTHONPATH PYTHONHOME
  cd "$project"

  show ls
  show pyve init --no-direnv --deps --yes
  show pyve run greeter 'Dear {name}, your {item} is ready.' people.csv
  show env CI=1 pyve test
  show pyve doctor
  printf '\nShown: a package from nothing to an environment, its command, its tests and a check-up.\n'
  show_lock
}

demo
