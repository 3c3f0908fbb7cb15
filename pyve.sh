#!/usr/bin/env bash
#
# Pyve: the one front door to a Python project's environment.
#
# This is only the door: it finds its own root, reads the global options and opens one
# room, lib/commands/<name>.sh. What rooms share is in lib/; each piece is read when needed.
set -euo pipefail

VERSION="2.0.0"
DEFAULT_PYTHON_VERSION="3.14.3"
DEFAULT_VENV_DIR=".venv"
ENV_FILE_NAME=".env"
TESTENV_DIR_NAME="testenv"

PYVE_QUIET="" PYVE_VERBOSE="" PYVE_JSON="" PYVE_YES=""
PYVE_COMMAND=""
_loaded=" "

# Usage: find_pyve_root
# Sets PYVE_ROOT to the absolute folder of the real pyve.sh. A link is recognised without a
# process where an installation puts it; any other chain of links costs one readlink a link.
find_pyve_root() {
  local script=${BASH_SOURCE[0]} folder candidate target
  [[ $script == */* ]] || script=./$script
  if [[ -L $script ]]; then
    folder=${script%/*}
    for candidate in "$folder/../share/pyve/app" "${XDG_DATA_HOME:-${HOME:-}/.local/share}/pyve/app"; do
      if [[ $candidate/pyve.sh -ef $script ]]; then
        script=$candidate/pyve.sh
        break
      fi
    done
  fi
  while [[ -L $script ]]; do
    target=$(readlink "$script")
    [[ $target == /* ]] || target=${script%/*}/$target
    script=$target
  done
  PYVE_ROOT=${script%/*}
  [[ $PYVE_ROOT == /* ]] || PYVE_ROOT=$PWD/$PYVE_ROOT
  PYVE_ROOT=${PYVE_ROOT%/.}
}

# Usage: need <module>...
# Reads lib/<module>.sh, each once.
need() {
  local module
  for module; do
    if [[ $_loaded != *" $module "* ]]; then
      _loaded+="$module "
      # shellcheck source=/dev/null # the module is named by the room
      . "$PYVE_ROOT/lib/$module.sh"
    fi
  done
}

# Usage: take_global_option <argument>...
# Applies the global option at the front, if there is one. REPLY: how many arguments it was
# (0: none). Status 1 when its value is missing or bad.
take_global_option() {
  REPLY=1
  case $1 in
    -q | --quiet) PYVE_QUIET=1 ;;
    -v | --verbose) PYVE_VERBOSE=1 ;;
    --json | --format=json) PYVE_JSON=1 ;;
    -C)
      if (($# < 2)) || [[ ! -d $2 ]] || ! CDPATH="" cd -- "$2" 2>/dev/null; then
        need output
        fail E_USAGE_DIRECTORY "-C needs a folder that can be entered" why "given: ${2-nothing}"
        return 1
      fi
      REPLY=2
      ;;
    *) REPLY=0 ;;
  esac
}

# Usage: open_room <name> [argument]...
# Reads the command's file and hands over to it.
open_room() {
  local name=$1
  shift
  PYVE_COMMAND=$name
  # shellcheck source=/dev/null # one of lib/commands
  . "$PYVE_ROOT/lib/commands/$name.sh"
  "cmd_${name//-/_}" "$@"
}

# Usage: main [argument]...
main() {
  local name
  find_pyve_root
  while (($#)) && [[ $1 != -v || $# -gt 1 ]]; do
    take_global_option "$@"
    ((REPLY)) || break
    shift "$REPLY"
  done
  case ${1-} in
    run) ;;
    *) need output && trap finish EXIT ;;
  esac
  case ${1-} in
    "" | -h) name=help ;;
    -v) name=version ;;
    -i) name=init ;;
    -p) name=purge ;;
    -c) name=config ;;
    *) name=${1#--} ;;
  esac
  (($# == 0)) || shift
  if [[ ! $name =~ ^[a-z][a-z-]*$ || ! -f $PYVE_ROOT/lib/commands/$name.sh ]]; then
    need cli
    PYVE_COMMAND=$name
    fail_unknown_command "$name"
    return 1
  fi
  if wants_help "$name" "$@"; then
    set -- "$name"
    name=help
  fi
  open_room "$name" "$@"
}

# Usage: wants_help <command> [argument]...
# True when --help or -h is meant for Pyve and not for a command that Pyve will run.
wants_help() {
  local name=$1 word
  shift
  for word; do
    case $word in
      -h | --help) return 0 ;;
      --) return 1 ;;
      *) [[ $name != run && $name != test ]] || return 1 ;;
    esac
  done
  return 1
}

main "$@"
