#!/usr/bin/env bash
# Make .dev/toolchain: the toolchains of Pyve's own (lib/toolchain.sh) that all tests share: one for all that is
# about conda, one for the MCP server, one for locks and bills of materials, one that watches files, one that compares
# imports. They are for the interpreter of .dev, and made from .dev/wheelhouse/toolchain, without a network.
#
# Usage: scripts/make-test-toolchain.sh [EXTRA]
#
# Prints the path of the interpreter that has the extra (conda-lock). Makes nothing of what is there and is
# that of today's requirements.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
PYVE_ROOT=$PWD
# shellcheck disable=SC2034 # read by lib/output.sh
PYVE_COMMAND=init
export PYVE_TOOLCHAIN=$PWD/.dev/toolchain
. lib/utils.sh
. lib/toolchain.sh

wanted=${1:-conda-lock}
readonly EXTRAS='mcp sbom watch imports conda-lock'

# Usage: has_all_toolchains
# True when there is one for each extra.
has_all_toolchains() {
  local extra
  for extra in $EXTRAS; do
    find_toolchain "$extra" || return 1
  done
}

find_toolchain_root
if has_all_toolchains && find_toolchain "$wanted"; then
  printf '%s\n' "$TOOLCHAIN_PYTHON"
  exit 0
fi

trap finish EXIT
trap 'exit 130' INT
. lib/toolchain_build.sh

# Usage: list_interpreters
# The wheels are for one interpreter only.
list_interpreters() {
  INTERPRETER_PATHS=("$(.dev/bin/python -c 'import sys; print(sys._base_executable)')")
  # shellcheck disable=SC2034 # read by lib/interpreter.sh
  INTERPRETER_VERSIONS=("") INTERPRETER_MANAGERS=(system)
}

# A checkout may be inside of what PWD or a project is.
# Usage: is_private_python <path>
is_private_python() {
  return 1
}

PATH=$PWD/.dev/bin:$PATH
wheels=$PWD/.dev/wheelhouse/toolchain
export UV_OFFLINE=1 UV_FIND_LINKS=$wheels UV_NO_CACHE=1 PIP_NO_INDEX=1 PIP_FIND_LINKS=$wheels
unset UV_CACHE_DIR UV_NO_CONFIG CI
for extra in $EXTRAS; do
  make_toolchain "$extra"
done
find_toolchain "$wanted"
printf '%s\n' "$TOOLCHAIN_PYTHON"
