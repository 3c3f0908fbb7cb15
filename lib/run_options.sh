# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # COMMAND_WORDS and RUN_... are read by the rooms; parse_options sets opt_...
# The options of a room that stand before a command of the user's, to whom the rest belongs.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/run_options.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F parse_options >/dev/null || . "${BASH_SOURCE[0]%/*}/cli.sh"

# Usage: parse_leading_options [argument]...
# As parse_options for the words before the first that is no option, or before "--". COMMAND_WORDS: the words behind
# them, without the "--"; COMMAND_IS_PLAIN: "1" where that stood. Words in LEADING_STOPS ("- -c -m") are no options,
# but the beginning of the command.
parse_leading_options() {
  local i=1 word
  read_option_header "$PYVE_ROOT/lib/commands/$PYVE_COMMAND.sh"
  COMMAND_IS_PLAIN=""
  while ((i <= $#)); do
    word=${!i}
    if [[ $word == -- ]]; then
      COMMAND_IS_PLAIN=1
      break
    elif [[ $word != -?* || " ${LEADING_STOPS-} " == *" $word "* ]]; then
      break
    fi
    count_option_words "$word"
    i=$((i + REPLY))
  done
  ((i <= $# + 1)) || i=$(($# + 1))
  COMMAND_WORDS=("${@:i}")
  _option_behind=(${COMMAND_WORDS[@]+"${COMMAND_WORDS[@]}"})
  [[ -z $COMMAND_IS_PLAIN ]] || COMMAND_WORDS=("${@:i+1}")
  parse_options "${@:1:i-1}" || return 1
  _option_behind=()
}

# Usage: count_option_words <option>
# After read_option_header: sets REPLY to 2 for an option whose value is the next word, else to 1.
count_option_words() {
  local known
  REPLY=1
  case $1 in
    -C | --format) REPLY=2 ;;
  esac
  for ((known = 0; known < ${#_option_long[@]}; known++)); do
    if [[ -n ${_option_takes[known]} && ($1 == "--${_option_long[known]}" || $1 == "${_option_short[known]}") ]]; then
      REPLY=2
    fi
  done
}

# Usage: is_help_asked <run|watch|x> [argument]...
# True when -h or --help stands among the options before the command, where it is Pyve's.
is_help_asked() {
  local room=$1
  local -a long takes short
  shift
  read_option_header "$PYVE_ROOT/lib/commands/$room.sh"
  if [[ $room == watch ]]; then
    long=("${_option_long[@]}") takes=("${_option_takes[@]}") short=("${_option_short[@]}")
    read_option_header "$PYVE_ROOT/lib/commands/run.sh"
    _option_long+=("${long[@]}") _option_takes+=("${takes[@]}") _option_short+=("${short[@]}")
  fi
  while (($#)); do
    case $1 in
      -h | --help) return 0 ;;
      -- | - | -c | -m | [!-]* | "") return 1 ;;
    esac
    count_option_words "$1"
    shift "$((REPLY < $# ? REPLY : $#))"
  done
  return 1
}

# Usage: take_run_options [argument]...
# For run: reads the options by the header, for what its short way does not know; COMMAND_WORDS: the command.
take_run_options() {
  trap finish EXIT
  LEADING_STOPS="- -c -m"
  parse_leading_options "$@" || return 1
  RUN_IS_PLAIN=$COMMAND_IS_PLAIN
  [[ -z $opt_frozen ]] || RUN_FROZEN=--frozen
  [[ -z $opt_no_frozen ]] || RUN_FROZEN=--no-frozen
  RUN_PROFILE=${opt_profile:-$RUN_PROFILE}
  RUN_WITH=$opt_with RUN_PYTHON=$opt_python RUN_SCRIPT=$opt_script RUN_EPHEMERAL=$opt_ephemeral RUN_AT=$opt_at
  RUN_FLOATING=$opt_allow_floating
  RUN_SANDBOX=$opt_sandbox$opt_ro$opt_net$opt_allow_read$opt_allow_write$opt_allow_env$opt_memory$opt_cpu$opt_time$opt_processes
  RUN_SANDBOX+=$opt_sandbox_engine$opt_audit
}
