# shellcheck shell=bash
# shellcheck disable=SC2034 # the plan is read by lib/run_plan.sh
# The sandbox of a command: its options become a profile, and the words that stand before the command's own.
# What confines is helpers/sandbox_run.py; what it promises is in docs/sandbox.md.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/sandbox.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F logged >/dev/null || . "${BASH_SOURCE[0]%/*}/debug_log.sh"
declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
declare -F json_list >/dev/null || . "${BASH_SOURCE[0]%/*}/json.sh"
declare -F list_interpreters >/dev/null || . "${BASH_SOURCE[0]%/*}/interpreter.sh"
declare -F read_helper_answer >/dev/null || . "${BASH_SOURCE[0]%/*}/helper.sh"

# What a room opens beside the project, for reading and for writing: absolute paths that are there.
SANDBOX_READ=(${SANDBOX_READ[@]+"${SANDBOX_READ[@]}"}) SANDBOX_WRITE=(${SANDBOX_WRITE[@]+"${SANDBOX_WRITE[@]}"})

# Usage: plan_sandbox
# Puts the command of the plan into a sandbox, as the options of the room say (opt_sandbox, opt_ro, ...): sets PLAN_WRAP
# and PLAN_SANDBOX. Status 1 after a diagnostic; there is never a command without the sandbox that was asked for.
plan_sandbox() {
  local word folder=${PLAN_FOLDER:-$PWD}
  [[ -z ${PYVE_COMMAND-} || $PYVE_COMMAND != run ]] || trap finish EXIT
  check_sandbox_options && check_sandbox_descriptors || return 1
  find_sandbox_python || return 1
  _sandbox_profile=""
  if [[ -n ${opt_sandbox_engine-} ]]; then
    add_sandbox_line engine "$opt_sandbox_engine"
  fi
  add_sandbox_line project "${PLAN_PROJECT:-$folder}"
  add_sandbox_line folder "$folder"
  [[ -z $PLAN_ENVIRONMENT ]] || add_sandbox_line environment "$PLAN_ENVIRONMENT"
  [[ -z ${opt_ro-} ]] || add_sandbox_line ro on
  [[ -z ${opt_net-} ]] || add_sandbox_line net on
  [[ -z ${opt_audit-} ]] || add_sandbox_line audit on
  for word in ${PLAN_PATHS[@]+"${PLAN_PATHS[@]}"} ${SANDBOX_READ[@]+"${SANDBOX_READ[@]}"}; do
    add_sandbox_line read "$word"
  done
  for word in ${SANDBOX_WRITE[@]+"${SANDBOX_WRITE[@]}"}; do
    add_sandbox_line write "$word"
  done
  add_sandbox_paths read "${opt_allow_read-}"
  add_sandbox_paths write "${opt_allow_write-}"
  while IFS= read -r word; do
    [[ -n $word ]] || continue
    if [[ $word == *=* ]]; then
      fail E_SANDBOX_OPTION "--allow-env takes the name of a variable, and no value" why "given: ${word%%=*}=..."
      return 1
    fi
    add_sandbox_line env "$word"
  done <<<"${opt_allow_env-}"
  for word in ${PLAN_SETS[@]+"${PLAN_SETS[@]}"}; do
    add_sandbox_line env "${word%%=*}"
  done
  [[ -n ${PYVE_EXPLAIN-} ]] || hide_sandbox_variables
  for word in memory cpu time processes; do
    REPLY=opt_$word
    [[ -z ${!REPLY-} ]] || add_sandbox_limit "$word" "${!REPLY}" || return 1
  done
  if [[ -n $PYVE_JSON && -z ${PYVE_EXPLAIN-} ]]; then
    # (Without a name: TMPDIR may be where the command can write.)
    if ! REPLY=$(mktemp "${TMPDIR:-/tmp}/pyve.XXXXXX") || ! { exec 17<>"$REPLY"; } 2>/dev/null || ! rm -f "$REPLY"; then
      fail E_SANDBOX_ENGINE "there is no place for what the sandbox reports" why "no file can be made in ${TMPDIR:-/tmp}"
      return 1
    fi
    _pyve_sandbox_report=17
    add_sandbox_line report 17
  fi
  PLAN_WRAP=("$SANDBOX_PYTHON" -I -S -E -B "$PYVE_ROOT/helpers/sandbox_run.py" run "$_sandbox_profile" --)
  describe_sandbox
  if [[ -n $PYVE_JSON || -n ${PYVE_EXPLAIN-} ]]; then
    check_sandbox
  fi
}

# Usage: check_sandbox_options
# Status 1, with a diagnostic, when an option of the sandbox stands without --sandbox.
check_sandbox_options() {
  local word
  [[ -z ${opt_sandbox-} ]] || return 0
  for word in ro net allow_read allow_write allow_env memory cpu time processes sandbox_engine audit; do
    REPLY=opt_$word
    if [[ -n ${!REPLY-} ]]; then
      word=--${word//_/-}
      fail E_SANDBOX_OPTION "$word is for a sandbox" why "--sandbox does not stand before the command, and without it nothing is confined"
      return 1
    fi
  done
}

# Usage: check_sandbox_descriptors
# Status 1, with a diagnostic, when stdin, stdout or stderr is a folder or a disk: it would lead out of the sandbox, and
# no Python starts with such a stdin.
check_sandbox_descriptors() {
  local number
  for number in 0 1 2; do
    if [[ -d /dev/fd/$number || -b /dev/fd/$number ]]; then
      fail E_SANDBOX_DESCRIPTOR "stdin, stdout or stderr is a folder or a disk" \
        why "descriptor $number is no file, no pipe and no terminal: with it the command could leave the sandbox"
      return 1
    fi
  done
}

# Usage: hide_sandbox_variables
# Gives the variables that the plan sets other names, PYVE_SANDBOX_SET_0 and so on: a profile may set LD_PRELOAD or
# HOME, which are for the command, and not for what makes the sandbox outside of it.
hide_sandbox_variables() {
  local i count=0
  for ((i = 0; i < ${#PLAN_SETS[@]}; i++)); do
    # (What PATH gets in front is added later, and no program is looked for by it outside.)
    if [[ ${PLAN_SETS[i]} != PATH=* ]]; then
      PLAN_SETS[i]=PYVE_SANDBOX_SET_$count=${PLAN_SETS[i]}
      count=$((count + 1))
    fi
  done
  ((count == 0)) || add_sandbox_line sets "$count"
}

# Usage: add_sandbox_line <key> <value>
# Adds a line to the profile.
add_sandbox_line() {
  local value=${2//\\/\\\\}
  _sandbox_profile+="$1 ${value//$'\n'/\\n}"$'\n'
}

# Usage: add_sandbox_paths <read|write> <paths, a line each>
# Adds paths that may be relative to where Pyve was called.
add_sandbox_paths() {
  local path
  while IFS= read -r path; do
    case $path in
      "") ;;
      /*) add_sandbox_line "$1" "$path" ;;
      *) add_sandbox_line "$1" "$PWD/$path" ;;
    esac
  done <<<"$2"
}

# Usage: add_sandbox_limit <memory|cpu|time|processes> <value>
# Adds a limit: a size such as 512M or 2G for the memory, a whole number for the others. Status 1, with a diagnostic,
# when it is none.
add_sandbox_limit() {
  local number=${2%[KMGTkmgt]} unit=1
  local -a example=(10)
  if [[ $1 == memory ]]; then
    example=(2G)
    case ${2##*[0-9]} in
      [Kk]) unit=1024 ;;
      [Mm]) unit=1048576 ;;
      [Gg]) unit=1073741824 ;;
      [Tt]) unit=1099511627776 ;;
    esac
  elif [[ $2 != "$number" ]]; then
    number=""
  fi
  if [[ ! $number =~ ^[1-9][0-9]{0,6}$ && ! ($unit == 1 && $number =~ ^[1-9][0-9]{0,14}$) ]]; then
    fail E_SANDBOX_LIMIT "--$1 takes a number such as ${example[0]}" why "given: $2"
    return 1
  fi
  add_sandbox_line "$1" "$((number * unit))"
}

# Usage: describe_sandbox
# Sets PLAN_SANDBOX to what the profile says, for people: a line each.
describe_sandbox() {
  local line
  PLAN_SANDBOX=()
  while IFS= read -r line; do
    case $line in
      "") ;;
      "ro on") PLAN_SANDBOX+=("the project is read only") ;;
      "net on") PLAN_SANDBOX+=("with network") ;;
      "audit on") PLAN_SANDBOX+=("what is refused is told at the end") ;;
      "cpu "* | "time "*) PLAN_SANDBOX+=("$line s") ;;
      "memory "*) PLAN_SANDBOX+=("$line bytes") ;;
      "folder "* | "report "* | "sets "*) ;;
      *) PLAN_SANDBOX+=("$line") ;;
    esac
  done <<<"$_sandbox_profile"
}

# Usage: read_sandbox_report
# With --json: says what the sandbox has reported of a command that has ended. (The names of variables are Pyve's own:
# others may have become those of the command.)
read_sandbox_report() {
  IFS= read -r -d '' REPLY <&17 || :
  exec 17<&-
  HELPER_NAME=sandbox_run
  if [[ $'\n'$REPLY == *$'\n'code$'\t'* ]]; then
    read_helper_answer 1 "$REPLY" || :
  else
    read_helper_answer 0 "$REPLY"
  fi
  get_helper_values refused
  if ((${#HELPER_FOUND[@]})); then
    json_list "${HELPER_FOUND[@]}"
    answer_json refused "$REPLY"
  fi
}

# Usage: check_sandbox
# Asks whether the sandbox can be made, where what is wrong has to be said before the command starts. Status 1 after a
# diagnostic.
check_sandbox() {
  local answer="" status=0
  HELPER_NAME=sandbox_run
  answer=$(logged "$SANDBOX_PYTHON" -I -S -E -B "$PYVE_ROOT/helpers/sandbox_run.py" --format lines check "$_sandbox_profile" -- \
    ${PLAN_ARGV[@]+"${PLAN_ARGV[@]}"} </dev/null) || status=$?
  TOOLCHAIN_PYTHON=$SANDBOX_PYTHON
  read_helper_answer "$status" "$answer" || return 1
  get_helper_value engine || :
  PLAN_SANDBOX=("by $REPLY" "${PLAN_SANDBOX[@]}")
}

# Usage: find_sandbox_python
# Sets SANDBOX_PYTHON to the interpreter that makes the sandbox: one that nothing which runs in it can change. Executes
# nothing. Status 1, after a diagnostic, when there is none.
find_sandbox_python() {
  local prefix minor i file
  for prefix in /usr /usr/local /opt/homebrew /run/current-system/sw; do
    for minor in 14 13 12 11 10 9; do
      file=$prefix/bin/python3.$minor
      # (A system can have an interpreter with half of the standard library.)
      if [[ -x $file && -f $prefix/lib/python3.$minor/ctypes/__init__.py ]]; then
        SANDBOX_PYTHON=$file
        return 0
      fi
    done
  done
  list_interpreters
  for ((i = 0; i < ${#INTERPRETER_PATHS[@]}; i++)); do
    file=${INTERPRETER_PATHS[i]}
    case ${INTERPRETER_VERSIONS[i]} in
      3.9 | 3.9.* | 3.[1-9][0-9] | 3.[1-9][0-9].*)
        if [[ $file == /* && $file != "${PLAN_PROJECT:-$PWD}"/* && ${INTERPRETER_MANAGERS[i]} != system ]]; then
          SANDBOX_PYTHON=$file
          return 0
        fi
        ;;
    esac
  done
  fail E_SANDBOX_PYTHON "there is no Python that could make a sandbox" \
    why "it takes Python 3.9 or newer of the system, or of uv, pyenv, asdf or mise: not that of the project" fix "pyve python install 3.13"
  return 1
}
