# shellcheck shell=bash
# The options of pyve run in front of a command that another room starts by pyve run.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/run_words.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F read_option_header >/dev/null || . "${BASH_SOURCE[0]%/*}/cli.sh"

# What stands behind `pyve run`, and whether a command is among it.
RUN_WORDS=() RUN_HAS_COMMAND=""

# Usage: take_run_words <taker> [argument]...
# Reads the arguments of a room of which the last are options of pyve run and a command. `<taker> <word>...` looks at
# each word that may be an option of the room's own: it sets REPLY to how many words it has taken, 0 for none, or fails
# with a diagnostic. Sets RUN_WORDS to the rest, and RUN_HAS_COMMAND to "1" when a command is there. Status 1 after a
# diagnostic.
take_run_words() {
  local taker=$1
  shift
  _option_words=("$@")
  RUN_WORDS=() RUN_HAS_COMMAND=""
  while (($#)); do
    case $1 in
      --)
        if (($# > 1)); then
          RUN_WORDS+=("$@")
          RUN_HAS_COMMAND=1
        fi
        return 0
        ;;
      - | -c | -m | [!-]* | "")
        RUN_WORDS+=("$@")
        RUN_HAS_COMMAND=1
        return 0
        ;;
    esac
    "$taker" "$@" || return 1
    if ((REPLY == 0)); then
      take_global_option "$@" || return 1
    fi
    if ((REPLY == 0)); then
      pass_run_option "$@" || return 1
    fi
    shift "$REPLY"
  done
}

# Usage: pass_run_option <option> [argument]...
# Adds an option of pyve run, with its value, to RUN_WORDS; REPLY: how many words that were. Status 1, with a
# diagnostic, when run has no such option.
pass_run_option() {
  local i name=${1%%=*}
  local -a long=()
  read_option_header "$PYVE_ROOT/lib/commands/$PYVE_COMMAND.sh"
  long=(${_option_long[@]+"${_option_long[@]}"})
  read_option_header "$PYVE_ROOT/lib/commands/run.sh"
  for ((i = 0; i < ${#_option_long[@]}; i++)); do
    if [[ $name == "--${_option_long[i]}" || $1 == "${_option_short[i]}" ]]; then
      REPLY=1
      if [[ -n ${_option_takes[i]} && $1 != --*=* && -n ${2+set} ]]; then
        REPLY=2
      fi
      RUN_WORDS+=("${@:1:REPLY}")
      return 0
    fi
  done
  _option_long+=(${long[@]+"${long[@]}"})
  fail_unknown_option "$name"
}

# Usage: take_own_value <option> [argument]...
# For a taker: sets REPLY_VALUE to the value of an option that is in front, as "--name VALUE" or "--name=VALUE", and
# REPLY to how many words that were. Status 1, with a diagnostic, when there is no value.
take_own_value() {
  REPLY=1 REPLY_VALUE=""
  if [[ $1 == --*=* ]]; then
    REPLY_VALUE=${1#*=}
  elif [[ -n ${2+set} ]]; then
    REPLY=2 REPLY_VALUE=$2
  fi
  if [[ -z $REPLY_VALUE ]]; then
    fail E_USAGE_VALUE "${1%%=*} needs a value" fix "pyve help $PYVE_COMMAND"
    return 1
  fi
}
