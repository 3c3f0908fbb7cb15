#!/usr/bin/env bash
# Take examples/greeter-package from nothing to its tests passing, and show each step.
#
# Usage: scripts/demo.sh
#
# Works on a copy in a temporary folder and with a HOME of its own, both removed at the end. The
# network is used by pip only: for the package's build backend, and for pytest.
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

# Usage: demo
demo() {
  local project="$WORK/my greeter"
  mkdir -p "$WORK/home" "$WORK/bin" "$project"
  cp -R "$ROOT/examples/greeter-package/." "$project/"
  # Somebody may have tried the example in place: the demo begins with nothing.
  rm -rf "$project/.venv" "$project/.pyve" "$project/.envrc" "$project/.env"
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
}

demo
