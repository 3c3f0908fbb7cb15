# shellcheck shell=bash
# How the checks of `pyve doctor` and `pyve validate` are run, and what they say is kept.
#
# A check is a function check_<id, - as _> in the module of lib/doctor that lib/doctor/list.sh names. It is
# run in the project's root, reads DOCTOR_BACKEND, DOCTOR_ENV and their kin (prepare_doctor), writes
# nothing, works whatever is missing, and says what it sees by found, passed and noted.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/doctor/checks.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F talk >/dev/null || . "${BASH_SOURCE[0]%/*}/../utils.sh"
declare -F validate_pyve_version >/dev/null || . "${BASH_SOURCE[0]%/*}/../version.sh"
declare -F quote_word >/dev/null || . "${BASH_SOURCE[0]%/*}/../text.sh"
declare -F look_at_environment >/dev/null || . "${BASH_SOURCE[0]%/*}/environment.sh"
[[ -n ${DOCTOR_CHECKS+set} ]] || . "${BASH_SOURCE[0]%/*}/list.sh"

_doctor_folder=${BASH_SOURCE[0]%/*}

# How what checks say is told: doctor (a line each, and diagnostics for the JSON answer), report (the lines only),
# validate (as any diagnostic), silent.
DOCTOR_STYLE=doctor
# The check that is being run.
DOCTOR_CHECK=""
# The backend whose environment is to be looked at; "" for the one that the config names.
DOCTOR_ASKED=""
# What was found, at the same index: the check, the code, the level, the message, and the rest of the
# arguments of found.
FOUND_CHECKS=() FOUND_CODES=() FOUND_LEVELS=() FOUND_MESSAGES=() FOUND_PARTS=()
# What each check that was run came to: its id, ok|note|warning|error|fixed, and its first line.
CHECK_IDS=() CHECK_STATUSES=() CHECK_MESSAGES=()
# Where the project is looked for.
_doctor_place=""
# The open file on which messages are written: another one while look_silently is at work.
_doctor_talk=2
# Stands between the words of FOUND_PARTS.
_part_mark=$'\x1e'

# --- what checks say

# Usage: found <code> <message> [<word> <value>]...
# Keeps a fault, and says it: an error (E_), a warning (W_) or something to know (I_). The words are those of
# report: why, fix, auto, destructive, with. Commands are given for the project's root; a `pyve ...` in them
# gets the -C that it needs where Pyve was called from elsewhere (file_here for other commands).
found() {
  local code=$1 message=$2 level=warning i
  local -a parts=("${@:3}")
  complete_report
  case $code in
    E_*) level=error ;;
    I_*) level=note ;;
  esac
  for ((i = 0; i + 1 < ${#parts[@]}; i += 2)); do
    case ${parts[i]} in
      fix | auto | destructive)
        place_command "${parts[i + 1]}"
        parts[i + 1]=$REPLY
        ;;
    esac
  done
  parts+=(with "check=$DOCTOR_CHECK")
  FOUND_CHECKS+=("$DOCTOR_CHECK")
  FOUND_CODES+=("$code")
  FOUND_LEVELS+=("$level")
  FOUND_MESSAGES+=("$message")
  local IFS=$_part_mark
  FOUND_PARTS+=("${parts[*]}")
  unset IFS
  keep_outcome "$level" "$message"
  tell_finding "$((${#FOUND_CODES[@]} - 1))"
}

# Usage: passed <text>
# Says that all is well, in one line.
passed() {
  tell_line ok "$1"
  keep_outcome ok "$1"
}

# Usage: noted <text>
# Says what is worth knowing, and no fault.
noted() {
  tell_line note "$1"
  keep_outcome note "$1"
}

# Usage: was_found <check>
# True when the check has found something, and it is not mended.
was_found() {
  local check
  for check in ${FOUND_CHECKS[@]+"${FOUND_CHECKS[@]}"}; do
    [[ $check != "$1" ]] || return 0
  done
  return 1
}

# Usage: file_here <file of the project>
# Sets REPLY to the file as a word of a command that is pasted where Pyve was called.
file_here() {
  local file=$1
  [[ -z $DOCTOR_ELSEWHERE || $file == /* ]] || file=${PROJECT_ROOT%/}/$file
  quote_word "$file"
}

# Usage: find_free_name <file>
# Sets REPLY to the name under which a file is put aside: <file>.bad, with a number when that is there.
find_free_name() {
  local number=1
  REPLY=$1.bad
  while [[ -e $REPLY || -L $REPLY ]]; do
    number=$((number + 1))
    REPLY=$1.bad$number
  done
}

# Usage: place_command <command>
# Sets REPLY to the command as it works where Pyve was called.
place_command() {
  REPLY=$1
  # What was asked for is not what the config names.
  if [[ -n $DOCTOR_ASKED && $1 =~ ^pyve\ (init|doctor)( |$) && $1 != *" --backend "* ]]; then
    REPLY+=" --backend $DOCTOR_ASKED"
  fi
  if [[ -n $DOCTOR_ELSEWHERE && $1 == "pyve "* && $1 != "pyve -C "* ]]; then
    REPLY="pyve -C $DOCTOR_ELSEWHERE ${REPLY#pyve }"
  fi
}

# Usage: rank_level <ok|note|warning|error>
# Sets REPLY to a number: the worse, the higher.
rank_level() {
  case $1 in
    error) REPLY=3 ;;
    warning) REPLY=2 ;;
    note) REPLY=1 ;;
    *) REPLY=0 ;;
  esac
}

# Usage: keep_outcome <ok|note|warning|error> <text>
# Notes what the running check came to: the worst that it has said.
keep_outcome() {
  local last=$((${#CHECK_IDS[@]} - 1)) rank REPLY
  rank_level "$1"
  rank=$REPLY
  rank_level "${CHECK_STATUSES[last]}"
  if [[ -z ${CHECK_MESSAGES[last]} ]] || ((rank > REPLY)); then
    CHECK_STATUSES[last]=$1
    CHECK_MESSAGES[last]=$2
  fi
}

# Usage: tell_line <ok|note|warning|error> <text> [what stands behind it]
# Prints a line of the report on stdout; with --quiet only what is wrong.
tell_line() {
  local REPLY PYVE_JSON=${_doctor_json-${PYVE_JSON-}}
  [[ $DOCTOR_STYLE != silent ]] || return 0
  record_event "$1" "$2"
  if [[ $DOCTOR_STYLE == validate && $1 == note ]]; then
    return 0
  fi
  if [[ -z ${PYVE_QUIET-} || $1 == warning || $1 == error ]]; then
    choose_mark "$1"
    # (What files are called gives no orders to the terminal.)
    talk "${2//[[:cntrl:]]/?}${3-}" "$1" "$REPLY " 2>&"$_doctor_talk"
  fi
}

# Usage: tell_finding <index>
# Says what was found, and keeps the diagnostic for the JSON answer.
tell_finding() {
  local REPLY i level=${FOUND_LEVELS[$1]} text=${FOUND_MESSAGES[$1]} PYVE_JSON=${_doctor_json-${PYVE_JSON-}}
  local -a parts
  split_parts "$1"
  case $DOCTOR_STYLE in
    silent) return 0 ;;
    validate)
      give_diagnostic "$1" 2>&"$_doctor_talk"
      return 0
      ;;
  esac
  tell_line "$level" "$text" " [${FOUND_CHECKS[$1]}]"
  if [[ $level != note || -z ${PYVE_QUIET-} ]]; then
    for ((i = 0; i + 1 < ${#parts[@]}; i += 2)); do
      case ${parts[i]} in
        why) talk "${parts[i + 1]//[[:cntrl:]]/?}" plain "    why: " 2>&"$_doctor_talk" ;;
        fix | auto | destructive)
          show_command "${parts[i + 1]}"
          talk "$REPLY" command "    fix: " 2>&"$_doctor_talk"
          ;;
      esac
    done
  fi
  [[ $DOCTOR_STYLE != doctor ]] || give_diagnostic "$1" 2>/dev/null
}

# Usage: show_command <command>
# Sets REPLY to the command as it can be shown and pasted: one with control characters in it is written in bash's
# own way, $'...'.
show_command() {
  local word out
  REPLY=$1
  [[ $1 == *[[:cntrl:]]* ]] || return 0
  local -a WORDS=()
  split_words "$1"
  REPLY=""
  for word in "${WORDS[@]}"; do
    printf -v out '%q' "$word"
    REPLY+=${REPLY:+ }$out
  done
}

# Usage: give_diagnostic <index>
# The finding as the diagnostic that other commands would give: on stderr, and in the JSON answer.
give_diagnostic() {
  local -a parts
  split_parts "$1"
  set -- "${FOUND_LEVELS[$1]}" "${FOUND_CODES[$1]}" "${FOUND_MESSAGES[$1]}" ${parts[@]+"${parts[@]}"}
  case $1 in
    error) fail "${@:2}" || : ;;
    warning) warn "${@:2}" ;;
    *) note "${@:2}" ;;
  esac
}

# Usage: split_parts <index>
# Sets the caller's array parts to the words of a finding.
split_parts() {
  local IFS=$_part_mark
  set -f
  # shellcheck disable=SC2206 # split on purpose
  parts=(${FOUND_PARTS[$1]})
  set +f
}

# --- running them

# Usage: look_silently <function>
# Runs what looks at things. It speaks by found, passed and noted: what else is said aloud meanwhile, by programs
# that are missing or functions that serve other commands, is no answer of doctor's.
look_silently() {
  local function=$1 _doctor_json=${PYVE_JSON-} PYVE_JSON="" _doctor_talk=6
  if { : 6>&2; } 2>/dev/null; then
    "$function" 6>&2 2>/dev/null || :
  else
    "$function" 6>/dev/null 2>/dev/null || :
  fi
}

# Usage: prepare_doctor
# Sets DOCTOR_START (where Pyve was called), DOCTOR_ELSEWHERE (the project as a word, "" when it is there) and
# PROJECT_ROOT, goes there, reads the config, and looks at the environment: sets DOCTOR_INITIALIZED
# ("1" with a .pyve/config), DOCTOR_BACKEND (venv, micromamba), DOCTOR_ENV (an absolute path), and what
# look_at_environment sets. Status 1, with a diagnostic, when the folder is gone.
prepare_doctor() {
  _doctor_place=${_doctor_place:-$PWD} DOCTOR_ELSEWHERE=""
  # Commands to paste are for the folder that the shell is in, which -C does not change.
  DOCTOR_START=${PYVE_CALLED_FROM:-$_doctor_place}
  find_project "$_doctor_place" || :
  if ! CDPATH="" cd -- "$PROJECT_ROOT" 2>/dev/null; then
    fail E_FOLDER_GONE "the folder that this shell is in is gone" why "it was $_doctor_place" why "change to a folder that is there"
    return 1
  fi
  if [[ ! $PROJECT_ROOT -ef $DOCTOR_START ]]; then
    quote_word "$PROJECT_ROOT"
    DOCTOR_ELSEWHERE=$REPLY
  fi
  DOCTOR_INITIALIZED="" DOCTOR_BACKEND=venv
  [[ ! -e .pyve/config ]] || DOCTOR_INITIALIZED=1
  config_load || :
  config_get backend
  case $REPLY in
    micromamba) DOCTOR_BACKEND=micromamba ;;
    auto)
      declare -F find_backend >/dev/null || . "$_doctor_folder/../backend_detect.sh"
      find_backend "" 2>/dev/null || REPLY=venv
      [[ $REPLY != micromamba ]] || DOCTOR_BACKEND=micromamba
      ;;
    venv) ;;
    *)
      # What it was meant to be is seen by what is there.
      if [[ ! -f ${DEFAULT_VENV_DIR:-.venv}/pyvenv.cfg ]] && compgen -G ".pyve/envs/*/conda-meta" >/dev/null; then
        DOCTOR_BACKEND=micromamba
      fi
      ;;
  esac
  if [[ $DOCTOR_ASKED == "$DOCTOR_BACKEND" ]]; then
    DOCTOR_ASKED=""
  elif [[ -n $DOCTOR_ASKED ]]; then
    DOCTOR_BACKEND=$DOCTOR_ASKED
  fi
  look_silently look_at_environment
}

# Usage: find_check <id>
# Sets CHECK_MODULE, CHECK_KIND and CHECK_ABOUT of a check. Status 1 when there is none of that id.
find_check() {
  local line
  for line in "${DOCTOR_CHECKS[@]}"; do
    if [[ $line == "$1 "* ]]; then
      line=${line#* }
      CHECK_MODULE=${line%% *}
      line=${line#* }
      CHECK_KIND=${line%% *}
      CHECK_ABOUT=${line#"$CHECK_KIND"}
      CHECK_ABOUT=${CHECK_ABOUT# }
      return 0
    fi
  done
  return 1
}

# Usage: run_check <id>
# Runs a check; what it says is kept, in place of what it has said before.
run_check() {
  local function=check_${1//-/_} about
  find_check "$1" || return 1
  # shellcheck source=/dev/null # the module is named by the list
  declare -F "$function" >/dev/null || . "$_doctor_folder/$CHECK_MODULE.sh"
  forget_check "$1"
  DOCTOR_CHECK=$1
  CHECK_IDS+=("$1") CHECK_STATUSES+=(ok) CHECK_MESSAGES+=("")
  about=$CHECK_ABOUT
  look_silently "$function"
  DOCTOR_CHECK=""
  if [[ -n ${PYVE_VERBOSE-} && $DOCTOR_STYLE == doctor && -z ${CHECK_MESSAGES[${#CHECK_MESSAGES[@]} - 1]} ]]; then
    tell_line note "$1: nothing found ($about)"
  fi
  # Whatever it has done.
  CDPATH="" cd -- "$PROJECT_ROOT" 2>/dev/null || :
}

# Usage: run_checks [id]...
# Runs the checks, all of them when none is named.
run_checks() {
  local line
  if ((! $#)); then
    for line in "${DOCTOR_CHECKS[@]}"; do
      set -- "$@" "${line%% *}"
    done
  fi
  for line; do
    run_check "$line"
  done
}

# Usage: forget_check <id>
# Drops what the check has said.
forget_check() {
  local i
  local -a a=() b=() c=() d=() e=()
  for ((i = 0; i < ${#FOUND_CHECKS[@]}; i++)); do
    if [[ ${FOUND_CHECKS[i]} != "$1" ]]; then
      a+=("${FOUND_CHECKS[i]}") b+=("${FOUND_CODES[i]}") c+=("${FOUND_LEVELS[i]}")
      d+=("${FOUND_MESSAGES[i]}") e+=("${FOUND_PARTS[i]}")
    fi
  done
  FOUND_CHECKS=(${a[@]+"${a[@]}"}) FOUND_CODES=(${b[@]+"${b[@]}"}) FOUND_LEVELS=(${c[@]+"${c[@]}"})
  FOUND_MESSAGES=(${d[@]+"${d[@]}"}) FOUND_PARTS=(${e[@]+"${e[@]}"})
  a=() b=() c=()
  for ((i = 0; i < ${#CHECK_IDS[@]}; i++)); do
    if [[ ${CHECK_IDS[i]} != "$1" ]]; then
      a+=("${CHECK_IDS[i]}") b+=("${CHECK_STATUSES[i]}") c+=("${CHECK_MESSAGES[i]}")
    fi
  done
  CHECK_IDS=(${a[@]+"${a[@]}"}) CHECK_STATUSES=(${b[@]+"${b[@]}"}) CHECK_MESSAGES=(${c[@]+"${c[@]}"})
}

# Usage: judge_findings
# Status 1 when an error was found, 2 when there are warnings only, else 0.
judge_findings() {
  local level result=0
  for level in ${FOUND_LEVELS[@]+"${FOUND_LEVELS[@]}"}; do
    case $level in
      error) return 1 ;;
      warning) result=2 ;;
    esac
  done
  return "$result"
}

# Usage: answer_checks
# Adds what each check came to to the JSON answer.
answer_checks() {
  local i list="" REPLY
  [[ -n ${PYVE_JSON-} ]] || return 0
  load_json
  for ((i = 0; i < ${#CHECK_IDS[@]}; i++)); do
    json_string "${CHECK_MESSAGES[i]}"
    list+="${list:+, }{\"id\": \"${CHECK_IDS[i]}\", \"status\": \"${CHECK_STATUSES[i]}\", \"message\": $REPLY}"
  done
  answer_json checks "[$list]"
}

# Usage: split_words <command line>
# Sets WORDS to the words of a command line; '...', "..." (without expansion) and \ are understood.
split_words() {
  local rest=$1 word="" open="" char i quote=""
  WORDS=()
  for ((i = 0; i < ${#rest}; i++)); do
    char=${rest:i:1}
    if [[ -n $quote && $char == "$quote" ]]; then
      quote=""
    elif [[ -z $quote && ($char == "'" || $char == '"') ]]; then
      quote=$char open=1
    elif [[ $char == "\\" && $quote != "'" ]]; then
      i=$((i + 1))
      word+=${rest:i:1} open=1
    elif [[ -n $quote || $char != [[:space:]] ]]; then
      word+=$char open=1
    elif [[ -n $open ]]; then
      WORDS+=("$word")
      word="" open=""
    fi
  done
  [[ -z $open ]] || WORDS+=("$word")
}
