# shellcheck shell=bash
# Asking a Python helper that runs in Pyve's toolchain, and reading its answer without a parser.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/helper.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
declare -F write_file >/dev/null || . "${BASH_SOURCE[0]%/*}/files.sh"
declare -F repeat_command >/dev/null || . "${BASH_SOURCE[0]%/*}/fixes.sh"
declare -F ensure_toolchain >/dev/null || . "${BASH_SOURCE[0]%/*}/toolchain.sh"
declare -F find_build_sandbox >/dev/null || . "${BASH_SOURCE[0]%/*}/build_sandbox.sh"
declare -F logged >/dev/null || . "${BASH_SOURCE[0]%/*}/debug_log.sh"

# Usage: call_helper <extra> <helper> [argument]...
# Runs helpers/<helper>.py in a toolchain that holds the extra, with nothing on stdin; what it says on
# stderr is shown. Its answer is in the arrays HELPER_KEYS and HELPER_VALUES, same index. Status 1 after a
# diagnostic: there is no toolchain, or the helper failed (HELPER_CODE is then the code that it gave).
# From 128 on, with nothing said: it was ended by a signal.
call_helper() {
  local answer="" status=0
  prepare_helper "$@" || return 1
  load_redact
  answer=$(redact_stderr logged "${HELPER_COMMAND[@]}" </dev/null) || status=$?
  read_helper_answer "$status" "$answer"
}

# Usage: prepare_helper <extra> <helper> [argument]...
# Sets the array HELPER_COMMAND to what call_helper would run, for work that something else shows, such as
# run_long. With the arguments "--answer FILE" in front, the answer is written to FILE; take_helper_answer
# reads it then. Status 1, after a diagnostic, when there is no toolchain.
prepare_helper() {
  local extra=$1
  HELPER_NAME=$2 HELPER_CODE="" HELPER_KEYS=() HELPER_VALUES=() HELPER_COMMAND=()
  shift 2
  ensure_toolchain "$extra" || return 1
  find_build_sandbox
  # A failure is then told in full.
  [[ -z ${PYVE_VERBOSE-} ]] || export PYVE_VERBOSE
  # So that what it proposes may be to try once more.
  repeat_command
  export PYVE_AGAIN=$REPLY
  # -E -s: nothing of the caller's Python. Bytecode, without which each start would compile all that it reads, is kept
  # in the toolchain: nothing is written into Pyve's own folder.
  HELPER_COMMAND=("$TOOLCHAIN_PYTHON" -E -s -X "pycache_prefix=${TOOLCHAIN_PYTHON%/bin/python}/bytecode" -X utf8 "$PYVE_ROOT/helpers/$HELPER_NAME.py" --format lines "$@")
}

# Usage: take_helper_answer <status> <file>
# What call_helper does when the helper has ended: <status> is how, <file> has its answer.
take_helper_answer() {
  local answer=""
  # (It may be longer than what read_file takes.)
  [[ ! -r $2 ]] || IFS= read -r -d '' answer <"$2" || :
  read_helper_answer "$1" "$answer"
}

# Usage: read_helper_answer <status> <answer>
# Sets HELPER_KEYS and HELPER_VALUES from a helper's answer. Status 1 after the diagnostic that it holds; the
# status of the helper when a signal ended it.
read_helper_answer() {
  local status=$1 line value IFS=$'\n'
  local -a lines
  HELPER_CODE="" HELPER_KEYS=() HELPER_VALUES=()
  if ((status >= 128)); then
    return "$status"
  fi
  # (Read from <<<, it would come byte by byte.)
  set -f
  # shellcheck disable=SC2206 # lines
  lines=($2)
  set +f
  IFS=$' \t\n'
  for line in ${lines[@]+"${lines[@]}"}; do
    [[ $line == *$'\t'* ]] || continue
    value=${line#*$'\t'}
    if [[ $value == *\\* ]]; then
      printf -v value '%b' "$value"
    fi
    HELPER_KEYS+=("${line%%$'\t'*}")
    HELPER_VALUES+=("$value")
  done
  if ((status != 0)); then
    fail_helper "$status"
    return 1
  fi
}

# Usage: fail_helper <status>
# Says what the helper's answer, a diagnostic, says. HELPER_FIX_FILTER may name a function that turns each fix into another
# one, or "", in REPLY; HELPER_WHY_FILTER the same for message and reasons. Status 1.
fail_helper() {
  local message i
  local -a lines=()
  get_helper_value code || :
  HELPER_CODE=$REPLY
  if [[ ! $HELPER_CODE =~ ^E_[A-Z0-9_]+$ ]]; then
    if (($1 == 3)); then
      # (What it said is on stderr already.)
      HELPER_CODE=E_FILE_WRITE
      fail E_FILE_WRITE "the answer of the helper $HELPER_NAME.py cannot be written" \
        why "no space left, or no permission to write in $PWD/.pyve: make room, and try again"
      return 1
    fi
    HELPER_CODE=E_HELPER
    quote_word "${TOOLCHAIN_PYTHON%/bin/python}"
    fail E_HELPER "the helper $HELPER_NAME.py ended with status $1 and no answer" \
      why "Pyve's toolchain may be damaged; it is made anew when it is not there" fix "rm -rf $REPLY"
    return 1
  fi
  get_helper_value message || :
  [[ -z ${HELPER_WHY_FILTER-} ]] || "$HELPER_WHY_FILTER" "$REPLY" message
  message=$REPLY
  for ((i = 0; i < ${#HELPER_KEYS[@]}; i++)); do
    case ${HELPER_KEYS[i]} in
      why)
        REPLY=${HELPER_VALUES[i]}
        [[ -z ${HELPER_WHY_FILTER-} ]] || "$HELPER_WHY_FILTER" "$REPLY"
        [[ -z $REPLY ]] || lines+=(why "$REPLY")
        ;;
      fix)
        REPLY=${HELPER_VALUES[i]}
        [[ -z ${HELPER_FIX_FILTER-} ]] || "$HELPER_FIX_FILTER" "$REPLY"
        [[ -z $REPLY ]] || lines+=(fix "$REPLY")
        ;;
    esac
  done
  fail "$HELPER_CODE" "$message" ${lines[@]+"${lines[@]}"}
}

# Usage: get_helper_value <key>
# Sets REPLY to the first value of the key in the last answer. Status 1, and "", when it has none.
get_helper_value() {
  local i
  for ((i = 0; i < ${#HELPER_KEYS[@]}; i++)); do
    if [[ ${HELPER_KEYS[i]} == "$1" ]]; then
      REPLY=${HELPER_VALUES[i]}
      return 0
    fi
  done
  REPLY=""
  return 1
}

# Usage: set_from_helper <variable=key>...
# Sets each variable to the first value of its key in the last answer, to "" when it has none.
set_from_helper() {
  local _pair
  for _pair; do
    get_helper_value "${_pair#*=}" || :
    printf -v "${_pair%%=*}" '%s' "$REPLY"
  done
}

# Usage: get_helper_values <key>
# Sets the array HELPER_FOUND to all values of the key in the last answer.
get_helper_values() {
  local i
  HELPER_FOUND=()
  for ((i = 0; i < ${#HELPER_KEYS[@]}; i++)); do
    if [[ ${HELPER_KEYS[i]} == "$1" ]]; then
      HELPER_FOUND+=("${HELPER_VALUES[i]}")
    fi
  done
}

# Usage: show_helper_answer
# Gives the last answer of a helper that has "text" for people and "detail.KEY", JSON texts, for programs.
show_helper_answer() {
  local i
  for ((i = 0; i < ${#HELPER_KEYS[@]}; i++)); do
    case ${HELPER_KEYS[i]} in
      detail.*) answer_json "${HELPER_KEYS[i]#detail.}" "${HELPER_VALUES[i]}" ;;
      text) print_text "${HELPER_VALUES[i]}" ;;
    esac
  done
}
