# shellcheck shell=bash
# What Pyve says: diagnostics for a person and, with --json, one document for a program.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/output.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F replace_all >/dev/null || . "${BASH_SOURCE[0]%/*}/text.sh"

# What only talks leaves REPLY alone (`local REPLY`), so that a result survives a log line.
_json_detail=()
_json_diagnostics=()
_json_events=()
_warning_count=0
_error_count=0
_cleanups=()
_started=${EPOCHREALTIME-}
_interrupted=""
# True while the cursor stands behind a question.
_question_open=""
# The size that the user asks for; later bash writes its own into these two.
_wanted_columns=${COLUMNS-} _wanted_lines=${LINES-}

# Usage: say <1|2> <style> <lead> <text>
# Prints "<lead><text>" on that stream. On a terminal the lead has a colour by its style (error,
# warning, ok, plain), and text wraps behind it; "command" is a text to paste, never broken.
say() {
  if is_plain "$1"; then
    printf '%s%s\n' "$3" "$4" >&"$1"
  else
    load_terminal
    say_styled "$@"
  fi
}

# Usage: is_plain <1|2>
# True for a stream that gets text as it is: no terminal, and nobody forces colour.
is_plain() {
  [[ ! -t $1 && -z ${CLICOLOR_FORCE-} && -z ${FORCE_COLOR-} ]]
}

# Usage: load_terminal
# Reads lib/terminal.sh, which quick work on a pipe does without.
load_terminal() {
  # shellcheck source=/dev/null # read when needed; it reads this file back
  declare -F say_styled >/dev/null || . "${BASH_SOURCE[0]%/*}/terminal.sh"
}

# Usage: choose_mark <ok|note|warning|error>
# Sets REPLY to the symbol before a line: ✓ · ⚠ ✗, or plain letters where the locale has no UTF-8.
# A locale that is not set at all is taken for UTF-8, as in most containers.
choose_mark() {
  case ${LC_ALL:-${LC_CTYPE:-${LANG:-UTF-8}}}:$1 in
    *[Uu][Tt][Ff]8*:ok | *[Uu][Tt][Ff]-8*:ok) REPLY="✓" ;;
    *[Uu][Tt][Ff]8*:note | *[Uu][Tt][Ff]-8*:note) REPLY="·" ;;
    *[Uu][Tt][Ff]8*:warning | *[Uu][Tt][Ff]-8*:warning) REPLY="⚠" ;;
    *[Uu][Tt][Ff]8*:error | *[Uu][Tt][Ff]-8*:error) REPLY="✗" ;;
    *:ok) REPLY="ok" ;;
    *:note) REPLY="- " ;;
    *:warning) REPLY="! " ;;
    *:error) REPLY="x " ;;
  esac
}

# Usage: fail <code> <message> [why <text>]... [fix <command>]...
# Says what is wrong, why, and what to type next. Always status 1.
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

# Usage: report <level> <label> <code> <message> [why <text>]... [fix <command>]...
# Prints a diagnostic on stderr, and keeps it for the JSON answer.
report() {
  local level=$1 label=$2 code=$3 message=$4 whys="" fixes="" argv REPLY
  shift 4
  say 2 "$level" "$label: " "$message [$code]"
  while (($# >= 2)); do
    if [[ $1 == fix ]]; then
      say 2 command "  fix: " "$2"
    else
      say 2 plain "  $1: " "$2"
    fi
    if [[ -n ${PYVE_JSON-} && $1 == why ]]; then
      json_string "$2"
      whys+=${whys:+, }$REPLY
    elif [[ -n ${PYVE_JSON-} ]]; then
      json_argv "$2"
      argv=$REPLY
      is_destructive "$2" && REPLY=destructive || REPLY=safe
      fixes+="${fixes:+, }{\"command\": $argv, \"risk\": \"$REPLY\", \"automatic\": false}"
    fi
    shift 2
  done
  if [[ -n ${PYVE_JSON-} ]]; then
    json_string "$message"
    _json_diagnostics+=("{\"code\": \"$code\", \"level\": \"$level\", \"message\": $REPLY, \"why\": [$whys], \"fix\": [$fixes], \"context\": {}}")
  fi
}

# Usage: is_destructive <command>
# True when a proposed command removes something.
is_destructive() {
  [[ $1 == *--force* || $1 == *purge* || $1 == "rm "* ]]
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
    json_string "$2"
    _json_events+=("{\"event\": \"$1\", \"message\": $REPLY}")
  fi
}

# Usage: answer <key> <value>
# Adds a string to "detail" of the JSON answer.
answer() {
  local REPLY
  if [[ -n ${PYVE_JSON-} ]]; then
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

# Usage: json_string <text>
# Sets REPLY to <text> as a JSON string.
json_string() {
  local text char code escape
  replace_invalid_utf8 "$1"
  text=$REPLY
  text=${text//\\/\\\\}
  text=${text//\"/\\\"}
  text=${text//$'\n'/\\n}
  text=${text//$'\t'/\\t}
  text=${text//$'\r'/\\r}
  while [[ $text =~ [[:cntrl:]] ]]; do
    char=${BASH_REMATCH[0]}
    printf -v code '%d' "'$char"
    printf -v escape '\\u%04x' "$code"
    replace_all "$text" "$char" "$escape"
    text=$REPLY
  done
  REPLY="\"$text\""
}

# Usage: replace_invalid_utf8 <text>
# Sets REPLY to <text> with every byte that is no part of UTF-8 (RFC 3629) replaced by U+FFFD.
replace_invalid_utf8() {
  local LC_ALL=C rest=$1 out="" valid two=$'[\x80-\xbf][\x80-\xbf]'
  valid=$'^([\x01-\x7f]|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|\xed[\x80-\x9f][\x80-\xbf]'
  valid+=$'|[\xe1-\xec\xee\xef]'$two$'|\xf0[\x90-\xbf]'$two$'|[\xf1-\xf3][\x80-\xbf]'$two$'|\xf4[\x80-\x8f]'$two')+'
  while [[ -n $rest ]]; do
    if [[ $rest =~ $valid ]]; then
      out+=${BASH_REMATCH[0]}
      rest=${rest:${#BASH_REMATCH[0]}}
    else
      out+=$'\xef\xbf\xbd'
      rest=${rest:1}
    fi
  done
  REPLY=$out
}

# Usage: json_argv <command line>
# Sets REPLY to the words of a command line ('single quotes' and \ are understood) as a JSON array.
json_argv() {
  local rest=$1 word="" out="" open="" char i quoted=""
  for ((i = 0; i <= ${#rest}; i++)); do
    char=${rest:i:1}
    if [[ $char == "'" ]]; then
      [[ -n $quoted ]] && quoted="" || quoted=1
      open=1
    elif [[ $char == "\\" && -z $quoted ]]; then
      i=$((i + 1))
      word+=${rest:i:1}
      open=1
    elif [[ -n $quoted || ($char != " " && -n $char) ]]; then
      word+=$char
      open=1
    elif [[ -n $open ]]; then
      json_string "$word"
      out+=${out:+, }$REPLY
      word="" open=""
    fi
  done
  REPLY="[$out]"
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
  if [[ -n $_question_open ]]; then
    printf '\n' >&2
  elif [[ -t 2 && ${TERM:-dumb} != dumb ]]; then
    # The terminal has written ^C.
    printf '\r\033[K' >&2
  fi
  if [[ -n ${PYVE_JSON-} ]]; then
    report error ERROR E_CANCELLED "cancelled by Ctrl-C"
  else
    printf 'Cancelled.\n' >&2
  fi
}

# Usage: finish
# The exit trap: cleans up, and prints the JSON answer.
finish() {
  local status=$? cleanup
  set +e
  for cleanup in ${_cleanups[@]+"${_cleanups[@]}"}; do
    "$cleanup"
  done
  if ((status != 0 && status < 126 && _error_count == 0 && _warning_count == 0)); then
    fail E_INTERNAL "pyve $PYVE_COMMAND stopped with status $status" \
      why "a step failed without saying why; this is a mistake in Pyve" \
      fix "pyve --verbose $PYVE_COMMAND"
  fi
  [[ -z ${PYVE_JSON-} ]] || print_document "$status"
  if [[ -n $_interrupted ]]; then
    # A loop of the calling shell stops only when it sees that Ctrl-C ended its child.
    trap - INT
    kill -INT "$$"
  fi
  return "$status"
}

# Usage: print_document <exit status>
# Prints the JSON answer on stdout.
print_document() {
  local status=$1 state=ok joined="" item milliseconds=0
  if [[ -n $_started && -n ${EPOCHREALTIME-} ]]; then
    # 10# because a fraction may begin with zeros; a comma in some locales.
    milliseconds=$(((10#${EPOCHREALTIME//[.,]/} - 10#${_started//[.,]/}) / 1000))
  else
    milliseconds=$((SECONDS * 1000))
  fi
  if ((status != 0 && status != 2)); then
    state=error
  elif ((_warning_count > 0 || status == 2)); then
    state=warning
  fi
  json_string "${PYVE_COMMAND-}"
  printf '{"version": 1, "command": %s, "status": "%s", "exit_code": %d, "duration_ms": %d' "$REPLY" "$state" "$status" "$milliseconds"
  for item in ${_json_detail[@]+"${_json_detail[@]}"}; do
    joined+=${joined:+, }$item
  done
  printf ', "detail": {%s}' "$joined"
  joined=""
  for item in ${_json_events[@]+"${_json_events[@]}"}; do
    joined+=${joined:+, }$item
  done
  printf ', "events": [%s]' "$joined"
  joined=""
  for item in ${_json_diagnostics[@]+"${_json_diagnostics[@]}"}; do
    joined+=${joined:+, }$item
  done
  printf ', "diagnostics": [%s]}\n' "$joined"
}
