# shellcheck shell=bash
# JSON: one document at the end (--json), or a line for each event (--format=jsonl).

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/json.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F quote_word >/dev/null || . "${BASH_SOURCE[0]%/*}/text.sh"
declare -F answer_json >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
declare -F redact >/dev/null || . "${BASH_SOURCE[0]%/*}/redact.sh"

_json_is_started=""

# Usage: json_string <text>
# Sets REPLY to <text>, without secrets, as a JSON string.
json_string() {
  redact "$1"
  # Most texts are plain ASCII.
  if [[ $REPLY == *[![:ascii:]]* || $REPLY == *[[:cntrl:]\\\"]* ]]; then
    # (When bash goes back to a locale that the machine does not have, it complains on stderr.)
    escape_json "$REPLY" 2>/dev/null
  fi
  REPLY="\"$REPLY\""
}

# Usage: escape_json <text>
# Sets REPLY to <text> as it stands between the quotes of a JSON string.
escape_json() {
  local text=$1 char code escape LC_ALL=C
  if [[ $text == *[![:ascii:]]* ]]; then
    replace_invalid_utf8 "$text"
    text=$REPLY
  fi
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
  REPLY=$text
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

# Usage: json_list [text]...
# Sets REPLY to a JSON array of the texts.
json_list() {
  local text out=""
  for text; do
    json_string "$text"
    out+=${out:+, }$REPLY
  done
  REPLY="[$out]"
}

# Usage: json_object <key> <value> [<key> <value>]...
# Sets REPLY to a JSON object. A key with "-" in front: "" is null; with ":" in front: the value is JSON already.
json_object() {
  local out=""
  while (($# >= 2)); do
    case $1 in
      :*) REPLY=$2 ;;
      -*) [[ -n $2 ]] && json_string "$2" || REPLY=null ;;
      *) json_string "$2" ;;
    esac
    out+="${out:+, }\"${1#[:-]}\": $REPLY"
    shift 2
  done
  REPLY="{$out}"
}

# Usage: record_diagnostic <level> <code> <message> [<word> <value>]...
# Keeps a diagnostic of report for the document, and emits its event.
record_diagnostic() {
  local level=$1 code=$2 message whys="" fixes="" context="" argv risk REPLY
  json_string "$3"
  message=$REPLY
  shift 3
  while (($# >= 2)); do
    case $1 in
      why)
        json_string "$2"
        whys+=${whys:+, }$REPLY
        ;;
      fix | auto | destructive)
        json_argv "$2"
        argv=$REPLY risk=safe
        if [[ $1 == destructive ]] || { [[ $1 == fix ]] && is_destructive "$2"; }; then
          risk=destructive
        fi
        [[ $1 == auto ]] && REPLY=true || REPLY=false
        fixes+="${fixes:+, }{\"command\": $argv, \"risk\": \"$risk\", \"automatic\": $REPLY}"
        ;;
      with)
        json_string "${2#*=}"
        context+="${context:+, }\"${2%%=*}\": $REPLY"
        ;;
    esac
    shift 2
  done
  _json_diagnostics+=("{\"code\": \"$code\", \"level\": \"$level\", \"message\": $message, \"why\": [$whys], \"fix\": [$fixes], \"context\": {$context}}")
  emit_event diagnostic "\"diagnostic\": ${_json_diagnostics[${#_json_diagnostics[@]} - 1]}"
}

# Usage: emit_event <name> <members>
# With --format=jsonl, prints a line; <members> are those of its JSON object besides version and event.
emit_event() {
  if [[ ${PYVE_JSON-} == jsonl ]]; then
    emit_start
    print_text "{\"version\": 1, \"event\": \"$1\", $2}"$'\n' "$_json_stream"
  fi
}

# Usage: emit_start
# With --format=jsonl, prints the first line, once.
emit_start() {
  local REPLY
  if [[ $PYVE_JSON == jsonl && -z $_json_is_started ]]; then
    _json_is_started=1
    json_string "${PYVE_COMMAND-}"
    emit_event start "\"command\": $REPLY${PYVE_TRACE_ID:+, \"trace_id\": \"$PYVE_TRACE_ID\"}"
  fi
}

# Usage: emit_progress <message> <step> <elapsed>
# With --format=jsonl, prints how far long work is; <elapsed> is in tenths of a second.
emit_progress() {
  local message REPLY
  json_string "$1"
  message=$REPLY
  json_string "$2"
  emit_event progress "\"message\": $message, \"step\": $REPLY, \"elapsed_ms\": $(($3 * 100))"
}

# Usage: print_document <exit status>
# Prints the JSON answer on stdout.
print_document() {
  local status=$1 state=ok joined="" item text milliseconds=0
  if [[ -n $_started && -n ${EPOCHREALTIME-} ]]; then
    # 10# because a fraction may begin with zeros; a comma in some locales.
    milliseconds=$(((10#${EPOCHREALTIME//[.,]/} - 10#${_started//[.,]/}) / 1000))
  else
    milliseconds=$((SECONDS * 1000))
  fi
  # (2 says that there are warnings only, but for a command of the user's.)
  if ((status != 0 && status != 2)) || [[ $status == 2 && -n $_has_run ]]; then
    state=error
  elif ((_warning_count > 0 || status == 2)); then
    state=warning
  fi
  json_string "${PYVE_COMMAND-}"
  printf -v text '{"version": 1, "command": %s, "status": "%s", "exit_code": %d, "duration_ms": %d' "$REPLY" "$state" "$status" "$milliseconds"
  for item in ${_json_detail[@]+"${_json_detail[@]}"}; do
    joined+=${joined:+, }$item
  done
  text+=", \"detail\": {$joined}"
  joined=""
  for item in ${_json_events[@]+"${_json_events[@]}"}; do
    joined+=${joined:+, }$item
  done
  text+=", \"events\": [$joined]"
  joined=""
  for item in ${_json_diagnostics[@]+"${_json_diagnostics[@]}"}; do
    joined+=${joined:+, }$item
  done
  text+=", \"diagnostics\": [$joined]${PYVE_TRACE_ID:+, \"trace_id\": \"$PYVE_TRACE_ID\"}}"
  if [[ $PYVE_JSON == jsonl ]]; then
    emit_event end "\"document\": $text"
  else
    print_text "$text"$'\n' "$_json_stream"
  fi
}

# Usage: run_for_json <command> [argument]...
# With --json, runs the command as a child, because a document has to follow; what it prints on stdout
# is talk then, or goes to the open file with the number PYVE_OUTPUT_FD. Its own status. What ends Pyve meanwhile ends the
# command first: see finish.
run_for_json() {
  _pyve_status=0 _pyve_has_int=""
  _has_run=1
  if [[ ! ${PYVE_OUTPUT_FD-} =~ ^([3-8]|[1-9][0-9])$ || $PYVE_OUTPUT_FD == 1[78] ]] || ! { : >&"$PYVE_OUTPUT_FD"; } 2>/dev/null; then
    PYVE_OUTPUT_FD=2
  fi
  # (exec: it is no function of Pyve's that is meant. The number is not for Pyves that the command calls. When a
  # signal ends the command, bash would show this line on stderr.)
  declare -F logged >/dev/null || . "${BASH_SOURCE[0]%/*}/debug_log.sh"
  watch_ending
  # (Ctrl-C is for the command, which may go on, or end as it likes.)
  trap '_pyve_has_int=1' INT
  _pyve_waits=1
  {
    (set +e && exec 2>&18 18>&- && exec >&"$PYVE_OUTPUT_FD" 9>&- && unset PYVE_OUTPUT_FD && logged_exec "$@") || _pyve_status=$?
  } 18>&2 2>/dev/null
  _pyve_waits=""
  watch_ending
  json_string "$1"
  _pyve_words=$REPLY
  for _pyve_word in "${@:2}"; do
    json_string "$_pyve_word"
    _pyve_words+=", $REPLY"
  done
  answer_json command "[$_pyve_words]"
  if [[ -n $_pyve_has_int && $_pyve_status == 130 ]]; then
    interrupt
    exit 130
  fi
  return "$_pyve_status"
}
