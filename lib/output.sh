# shellcheck shell=bash
# What Pyve says: diagnostics for a person and, with --json, one document for a program.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/output.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F quote_word >/dev/null || . "${BASH_SOURCE[0]%/*}/text.sh"
declare -F is_plain >/dev/null || . "${BASH_SOURCE[0]%/*}/streams.sh"

# What only talks leaves REPLY alone (`local REPLY`), so that a result survives a log line.
_json_detail=()
_json_diagnostics=()
_json_events=()
# Where the JSON goes.
_json_stream=1
_warning_count=0
_error_count=0
_cleanups=()
_started=${EPOCHREALTIME-}
_interrupted=""
# True when a step has failed, and when a signal other than Ctrl-C's has ended Pyve.
_step_failed="" _broken_off="" _watches_ending=""
# True when the status is that of a command of the user's.
_has_run=""
# The open file on which an answer could not be written, "" as long as all went well.
_lost_stream=""
# True while the cursor stands behind a question.
_question_open=""
# The size that the user asks for; later bash writes its own into these two.
_wanted_columns=${COLUMNS-} _wanted_lines=${LINES-}

# Usage: say <1|2> <style> <lead> <text>
# Prints "<lead><text>" on that stream. On a terminal the lead has a colour by its style (error,
# warning, ok, plain), and text wraps behind it; "command" is a text to paste, never broken.
say() {
  local REPLY
  load_redact
  redact "$4"
  if is_plain "$1"; then
    print_text "$3$REPLY"$'\n' "$1"
  else
    load_terminal
    say_styled "$1" "$2" "$3" "$REPLY"
  fi
}

# Usage: print_text <text> [number of an open file]
# Prints the text as it is, on stdout when no other is named. Never fails: whoever reads may be gone, or the
# disk full, and the work goes on; finish says what is to be said about it.
print_text() {
  # shellcheck disable=SC2261 # stdout goes there first, and stderr is silent then
  printf '%s' "$1" >&"${2:-1}" 2>/dev/null || [[ ${2:-1} != 1 && $2 != "$_json_stream" ]] || _lost_stream=${2:-1}
}

# Usage: load_redact
# Reads lib/redact.sh, without which nothing is said.
load_redact() {
  # shellcheck source=/dev/null # read when needed
  declare -F redact >/dev/null || . "${BASH_SOURCE[0]%/*}/redact.sh"
}

# Usage: load_terminal
# Reads lib/terminal.sh, which quick work on a pipe does without.
load_terminal() {
  # shellcheck source=/dev/null # read when needed; it reads this file back
  declare -F say_styled >/dev/null || . "${BASH_SOURCE[0]%/*}/terminal.sh"
}

# Usage: fail <code> <message> [why <text>]... [fix <command>]...
# Says what is wrong, why, and what to type next. Always status 1. What may follow the message is
# told at report.
fail() {
  _error_count=$((_error_count + 1))
  report error ERROR "$@"
  return 1
}

# Usage: warn <code> <message> [why <text>]... [fix <command>]...
# The same for what is no failure. Status 0.
warn() {
  _warning_count=$((_warning_count + 1))
  report warning WARNING "$@"
}

# Usage: note <code> <message> [why <text>]... [fix <command>]...
# The same for what is good to know. Status 0.
note() {
  report info NOTE "$@"
}

# Usage: report <level> <label> <code> <message> [<word> <value>]...
# Prints a diagnostic on stderr, and keeps it for the JSON answer. The words: why TEXT; fix COMMAND (to
# paste); auto COMMAND (a fix that loses nothing, which `pyve doctor --fix` runs); destructive COMMAND
# (a fix that asks first); with KEY=VALUE (for programs only). What is not given, message ("") and
# fix, comes from the registry of codes.
report() {
  local level=$1 label=$2 code=$3 message=$4 i REPLY
  shift 4
  local -a parts=("$@")
  complete_report
  [[ -z ${PYVE_FOLDER-} ]] || aim_fixes
  say 2 "$level" "$label: " "$message [$code]"
  for ((i = 0; i + 1 < ${#parts[@]}; i += 2)); do
    case ${parts[i]} in
      why) say 2 plain "  why: " "${parts[i + 1]}" ;;
      fix | auto | destructive) say 2 command "  fix: " "${parts[i + 1]}" ;;
    esac
  done
  if [[ -n ${PYVE_JSON-} ]]; then
    load_json
    record_diagnostic "$level" "$code" "$message" ${parts[@]+"${parts[@]}"}
  fi
}

# Usage: complete_report
# Adds what the registry of codes knows to the message and the parts of report, its caller.
complete_report() {
  local i has_fix="" has_why=""
  for ((i = 0; i + 1 < ${#parts[@]}; i += 2)); do
    case ${parts[i]} in
      fix | auto | destructive) has_fix=1 ;;
      why) has_why=1 ;;
    esac
  done
  [[ -z $has_fix || -z $message ]] || return 0
  # shellcheck source=/dev/null # read when something is wrong
  declare -F find_code >/dev/null || . "${BASH_SOURCE[0]%/*}/codes.sh"
  find_code "$code" || return 0
  message=${message:-$CODE_MESSAGE}
  if [[ -z $has_fix && ${#CODE_FIXES[@]} -gt 0 ]]; then
    parts+=(fix "${CODE_FIXES[0]}")
  elif [[ -z $has_fix$has_why && -n $CODE_REMEDY ]]; then
    parts+=(why "$CODE_REMEDY")
  fi
}

# Usage: aim_fixes
# Where -C gave the folder, the fixes of report, its caller, need it, too.
aim_fixes() {
  local i
  declare -F quote_word >/dev/null || . "${BASH_SOURCE[0]%/*}/text.sh"
  quote_word "$PYVE_FOLDER"
  for ((i = 0; i + 1 < ${#parts[@]}; i += 2)); do
    case ${parts[i]}:${parts[i + 1]} in
      fix:"pyve -C "* | auto:"pyve -C "* | destructive:"pyve -C "*) ;;
      fix:"pyve "* | auto:"pyve "* | destructive:"pyve "*) parts[i + 1]="pyve -C $REPLY ${parts[i + 1]#pyve }" ;;
    esac
  done
}

# Usage: is_destructive <command>
# True when a proposed command removes something.
is_destructive() {
  [[ $1 == *--force* || $1 == *purge* || $1 == "rm "* || $1 == "pyve remove "* || $1 == "pyve -C "*" remove "* ]]
}

# Usage: log_verbose <message>
# Prints a line on stderr, with --verbose only.
log_verbose() {
  if [[ -n ${PYVE_VERBOSE-} ]]; then
    say 2 plain "" "$1"
  fi
}

# Usage: record_event <kind> <message>
# Keeps something that happened for the JSON answer.
record_event() {
  local REPLY
  if [[ -n ${PYVE_JSON-} ]]; then
    load_json
    json_string "$2"
    _json_events+=("{\"event\": \"$1\", \"message\": $REPLY}")
    emit_event step "\"level\": \"$1\", \"message\": $REPLY"
  fi
}

# Usage: answer <key> <value>
# Adds a string to "detail" of the JSON answer.
answer() {
  local REPLY
  if [[ -n ${PYVE_JSON-} ]]; then
    load_json
    json_string "$2"
    _json_detail+=("\"$1\": $REPLY")
  fi
}

# Usage: answer_json <key> <json>
# Adds any JSON value to "detail" of the JSON answer.
answer_json() {
  if [[ -n ${PYVE_JSON-} ]]; then
    _json_detail+=("\"$1\": $2")
  fi
}

# Usage: load_json
# Reads lib/json.sh, which people's output does without.
load_json() {
  # shellcheck source=/dev/null # read when needed
  declare -F json_string >/dev/null || . "${BASH_SOURCE[0]%/*}/json.sh"
}

# Usage: begin_json <json|jsonl>
# From here on stdout belongs to one JSON document (or to one line of JSON for each event): whatever
# else is printed goes to stderr.
begin_json() {
  load_json
  PYVE_JSON=$1
  if [[ $_json_stream == 1 ]]; then
    # (Who has closed stdout wants no answer.)
    { exec 9>&1; } 2>/dev/null || exec 9>/dev/null
    _json_stream=9
    exec >&2
  fi
  [[ -z ${PYVE_COMMAND-} ]] || emit_start
}

# Usage: begin_trace
# Sets PYVE_TRACE_ID for this process and those that it starts: the one of the Pyve that started this, or
# a new one of 32 hexadecimal digits.
begin_trace() {
  local i part
  if [[ ! ${PYVE_TRACE_ID-} =~ ^[0-9a-f]{32}$ ]]; then
    PYVE_TRACE_ID=""
    for ((i = 0; i < 8; i++)); do
      printf -v part '%04x' "$((${SRANDOM:-RANDOM * 2 + RANDOM} & 0xffff))"
      PYVE_TRACE_ID+=$part
    done
  fi
  export PYVE_TRACE PYVE_TRACE_ID
}

# Usage: at_exit <function>
# Calls <function> when Pyve ends, however it ends (but for kill -9). The last added goes first.
at_exit() {
  _cleanups=("$1" ${_cleanups[@]+"${_cleanups[@]}"})
}

# Usage: interrupt
# For the trap of Ctrl-C, which has to exit after it: says that Pyve stops. What is half done is
# then cleared by finish, which a second Ctrl-C does not break off.
interrupt() {
  trap '' INT
  _interrupted=1
  tell_end E_CANCELLED "cancelled by Ctrl-C" Cancelled.
}

# Usage: tell_end <code> <message> <what people read>
# Says that a signal has ended Pyve.
tell_end() {
  if [[ -n $_question_open ]]; then
    printf '\n' >&2
  elif [[ -t 2 && ${TERM:-dumb} != dumb ]]; then
    # The terminal has written ^C, or the line of run_long is there.
    printf '\r\033[K' >&2
  fi
  if [[ -n ${PYVE_JSON-} ]]; then
    report error ERROR "$1" "$2"
  else
    printf '%s\n' "$3" >&2 || :
  fi
}

# Usage: watch_ending
# For pyve.sh: has finish called, however Pyve ends, and Ctrl-C clear up, too. (TERM and HUP have no trap of their own: bash
# would wait for the program that it runs before it looks at that.)
watch_ending() {
  _watches_ending=1
  set -E
  trap '_step_failed=1' ERR
  trap finish EXIT
  trap 'interrupt; exit 130' INT
}

# Usage: end_children
# After a signal: ends the programs that Pyve has started, and those that they have, so that none of them changes anything
# behind Pyve's back.
end_children() {
  # shellcheck source=/dev/null # read when needed
  declare -F end_descendants >/dev/null || . "${BASH_SOURCE[0]%/*}/descendants.sh"
  end_descendants
}

# Usage: end_command
# Hands the signal that ends Pyve on to the command that it runs for --json, and waits until that has ended: it may clear
# up, too.
end_command() {
  local pid target IFS=$' \t\n'
  for pid in $(jobs -p); do
    target=$pid
    if [[ ${PYVE_LOG-} == debug ]]; then
      # (Between stands a shell that logs how the command ends.)
      # shellcheck source=/dev/null # read when needed
      declare -F list_descendants >/dev/null || . "${BASH_SOURCE[0]%/*}/descendants.sh"
      list_descendants "$pid"
      target=${DESCENDANTS[0]:-$pid}
    fi
    kill -TERM "$target" && wait "$pid" || :
  done
}

# Usage: finish [status] [depth]
# The exit trap: cleans up, and prints the JSON answer. Where another function is the trap, it says the status that Pyve
# ends with, and how deep in functions it was.
finish() {
  local status=${1:-$?} depth=${2:-${#FUNCNAME[@]}} cleanup
  # What is cleared up now is not broken off. (At once: a child of bash that is just starting sends its parent the signal
  # that it gets, and a second one would be the end.)
  trap '' HUP TERM INT
  set +e
  # A signal that ends Pyve leads here from the middle of its work, and nothing has failed before.
  if ((depth > 2 && _error_count == 0)) && [[ -n $_watches_ending && -z $_interrupted$_step_failed && (-z $_has_run || -n ${_pyve_waits-}) ]]; then
    _broken_off=1 status=143
    [[ -z ${_pyve_waits-} ]] || end_command 2>/dev/null
    tell_end E_CANCELLED "cancelled by a signal" Terminated
  fi
  # (bash says of each that it was terminated.)
  [[ -z $_interrupted$_broken_off ]] || end_children 2>/dev/null
  for cleanup in ${_cleanups[@]+"${_cleanups[@]}"}; do
    "$cleanup"
  done
  if [[ -z $_broken_off ]] && ((status != 0 && status < 126 && _error_count == 0 && _warning_count == 0)) && [[ -z $_has_run ]]; then
    fail E_INTERNAL "pyve $PYVE_COMMAND stopped with status $status" \
      why "a step failed without saying why; this is a mistake in Pyve" \
      fix "pyve --verbose $PYVE_COMMAND"
  fi
  if [[ -n ${PYVE_JSON-} ]]; then
    load_json
    print_document "$status"
  fi
  if [[ -n $_lost_stream && -z $_interrupted ]] && ! tell_lost_answer && ((status == 0 || status == 2)); then
    exit 1
  fi
  if [[ -n $_interrupted ]]; then
    # A loop of the calling shell stops only when it sees that Ctrl-C ended its child.
    trap - INT
    kill -INT "$$"
  fi
  return "$status"
}

# Usage: tell_lost_answer
# After an answer could not be written: says why, with status 1. A reader that has gone (as head does when it
# has seen enough) is no fault.
tell_lost_answer() {
  local reason=""
  {
    reason=$(LC_ALL=C && printf '\n' 2>&1 >&8) || :
  } 8>&"$_lost_stream"
  case $reason in
    *"roken pipe"* | *"ad file descriptor"* | *"onnection reset"*) return 0 ;;
  esac
  _json_stream=2 PYVE_JSON=""
  fail E_OUTPUT "what pyve $PYVE_COMMAND printed was lost" \
    why "writing to stdout failed${reason:+: ${reason##*: }}" why "the rest of what the command does is not touched by it"
}
