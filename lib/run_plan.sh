# shellcheck shell=bash
# shellcheck disable=SC2034 # a plan is filled by rooms and read by lib/run_explain.sh, lib/profile.sh and lib/sandbox.sh
# The one way to a program of the user's: a room says what is to be executed, and start_planned executes it in
# Pyve's place, or, for `pyve explain ROOM ...`, shows it.
#
# A plan:
#   PLAN_ROOM         the command of Pyve
#   PLAN_BACKEND      venv or micromamba: the environment is entered; "": nothing is but what stands below
#   PLAN_ENVIRONMENT  its absolute path, "" for none
#   PLAN_PROJECT      the folder of the project, "" for none
#   PLAN_NAME         what VIRTUAL_ENV_PROMPT gets, when that is not the name of the project's folder
#   PLAN_PYTHON       the interpreter, as far as the room knows it
#   PLAN_ARGV         the command and its arguments (an array, as all that follow)
#   PLAN_SETS         variables, "NAME=value"; they are set after the environment is entered
#   PLAN_HIDDEN       names of those whose values are not shown
#   PLAN_UNSETS       names of variables
#   PLAN_PATHS        folders that PATH gets in front of all others, the first first
#   PLAN_FOLDER       the folder to work in, "" for the one where Pyve was called (no array)
#   PLAN_PROFILE      the profile that is in force (no array)
#   PLAN_FLAGS        flags for the interpreter, where the command is one
#   PLAN_SANDBOX      lines on what the sandbox allows; none without a sandbox
#   PLAN_WRAP         the words that stand before the command's own: the program that makes the sandbox
#   PLAN_WHY          lines "subject<tab>value<tab>1, or empty when it was rejected<tab>why"
#   PLAN_STEPS        what has to be made first; only `pyve explain` comes as far as start_planned with one

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/run_plan.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F restore_caller_environment >/dev/null || . "${BASH_SOURCE[0]%/*}/caller.sh"

# Usage: begin_plan <room>
# Begins an empty plan.
begin_plan() {
  PLAN_ROOM=$1 PLAN_BACKEND="" PLAN_ENVIRONMENT="" PLAN_PROJECT="" PLAN_NAME="" PLAN_PYTHON="" PLAN_FOLDER="" PLAN_PROFILE=""
  PLAN_ARGV=() PLAN_SETS=() PLAN_HIDDEN=() PLAN_UNSETS=() PLAN_PATHS=() PLAN_FLAGS=() PLAN_SANDBOX=() PLAN_WRAP=()
  PLAN_WHY=() PLAN_STEPS=()
}

# Usage: is_explaining
# True when `pyve explain` asks what would be done: nothing is to be made, written or started.
is_explaining() {
  [[ -n ${PYVE_EXPLAIN-} ]]
}

# Usage: plan_chosen <subject> <value> <why>
# Keeps why something is as it is ("interpreter" /usr/bin/python3 "requires-python of the script"). One line each.
plan_chosen() {
  PLAN_WHY+=("${1//[$'\t\n']/ }"$'\t'"${2//[$'\t\n']/ }"$'\t1\t'"${3//[$'\t\n']/ }")
}

# Usage: plan_rejected <subject> <value> <why not>
# Keeps what was considered and not taken.
plan_rejected() {
  PLAN_WHY+=("${1//[$'\t\n']/ }"$'\t'"${2//[$'\t\n']/ }"$'\t\t'"${3//[$'\t\n']/ }")
}

# Usage: forget_choice <subject> <value>
# Takes back what plan_chosen has kept of it, when something goes before it after all.
forget_choice() {
  local line
  local -a kept=()
  for line in ${PLAN_WHY[@]+"${PLAN_WHY[@]}"}; do
    [[ $line == "$1"$'\t'"$2"$'\t1\t'* ]] || kept+=("$line")
  done
  PLAN_WHY=(${kept[@]+"${kept[@]}"})
}

# Usage: plan_step <text>
# Keeps what a real run would have to make first. For rooms that are explaining.
plan_step() {
  PLAN_STEPS+=("$1")
}

# Usage: begin_making
# Before anything is written on the way to a command of the user's: it is not there for everybody to write, and the
# command gets the umask as it was.
begin_making() {
  if [[ -z ${_pyve_umask-} ]]; then
    _pyve_umask=$(umask)
    umask o-w
  fi
}

# Usage: is_python_name <name>
# True for what a Python interpreter is called: python, python3, python3.13t, pypy3; not for python3-config.
is_python_name() {
  [[ $1 =~ ^(python|pypy)([0-9]+(\.[0-9]+)?[dmt]*)?$ ]]
}

# Usage: plan_project_environment
# Takes the environment that find_environment has found for the plan.
plan_project_environment() {
  PLAN_BACKEND=$ENVIRONMENT_BACKEND PLAN_ENVIRONMENT=$ENVIRONMENT PLAN_PROJECT=$PROJECT_ROOT
}

# Usage: start_planned
# Executes PLAN_ARGV in Pyve's place, with the caller's environment and what the plan changes in it; with --json as a
# child, and in `pyve explain` not at all. Its own status when that fails.
start_planned() {
  if ((${#PLAN_FLAGS[@]})); then
    declare -F insert_flags >/dev/null || . "${BASH_SOURCE[0]%/*}/profile.sh"
    insert_flags
  fi
  if [[ $PLAN_BACKEND == micromamba ]]; then
    declare -F find_activation >/dev/null || . "${BASH_SOURCE[0]%/*}/conda_activation.sh"
  fi
  if [[ -n ${PYVE_EXPLAIN-} ]]; then
    declare -F explain_plan >/dev/null || . "${BASH_SOURCE[0]%/*}/run_explain.sh"
    [[ $PLAN_BACKEND != micromamba ]] || explain_activation "$PLAN_ENVIRONMENT" "${PLAN_ENVIRONMENT##*/}"
    explain_plan
    return
  elif [[ $PLAN_BACKEND == micromamba ]] && ! find_activation "$PLAN_ENVIRONMENT" "${PLAN_ENVIRONMENT##*/}"; then
    trap finish EXIT
    return 1
  fi
  enter_plan || return 1
  # From here on a variable of ours would be one of the command's: the plan is among the words.
  set -- "${_pyve_plan_words[@]}"
  if [[ -n $PYVE_JSON ]]; then
    check_command "${@:_pyve_plan_wraps+1}" || return
    run_for_json "$@" || :
    # (What the sandbox has to say of the command, when that has ended.)
    if [[ -n ${_pyve_sandbox_report-} ]]; then
      declare -F read_sandbox_report >/dev/null || . "${BASH_SOURCE[0]%/*}/sandbox.sh"
      read_sandbox_report
    fi
    return "$_pyve_status"
  fi
  if [[ -z $_pyve_exec_status ]]; then
    check_command "${@:_pyve_plan_wraps+1}" || return
    shopt -s execfail
    if [[ ${PYVE_LOG-} == debug ]]; then
      declare -F log_exec >/dev/null || . "${BASH_SOURCE[0]%/*}/debug_log.sh"
      log_exec "$@"
    fi
    # (With -e, bash ends at once where the system cannot execute the file.)
    set +e
    exec -- "$@"
    set -e
  fi
  check_command "${@:_pyve_plan_wraps+1}" || return
  declare -F fail_start >/dev/null || . "${BASH_SOURCE[0]%/*}/run_failures.sh"
  fail_start "${@:_pyve_plan_wraps+1}"
}

# Usage: enter_plan
# Gives this process the environment of the command: the caller's, with what the plan changes. Sets _pyve_plan_words to
# what is executed, of which _pyve_plan_wraps belong to the sandbox, and _pyve_plan_environment. (Names that begin with
# _pyve are the only ones of Pyve's that the caller's environment cannot change; of the plan nothing is certain
# afterwards.)
enter_plan() {
  _pyve_plan_words=(${PLAN_WRAP[@]+"${PLAN_WRAP[@]}"} ${PLAN_ARGV[@]+"${PLAN_ARGV[@]}"})
  _pyve_plan_wraps=${#PLAN_WRAP[@]} _pyve_plan_environment=$PLAN_ENVIRONMENT
  _pyve_plan_sets=(${PLAN_SETS[@]+"${PLAN_SETS[@]}"})
  _pyve_plan_unsets=(${PLAN_UNSETS[@]+"${PLAN_UNSETS[@]}"})
  _pyve_plan_paths=(${PLAN_PATHS[@]+"${PLAN_PATHS[@]}"})
  set -- "$PLAN_BACKEND" "$PLAN_ENVIRONMENT" "${PLAN_NAME:-$PLAN_PROJECT}" "$PLAN_FOLDER" "$PWD"
  restore_caller_environment
  # (For helpers of Pyve's that have run before.)
  unset -v PYVE_AGAIN
  [[ -z ${_pyve_build_sandbox-} ]] || unset -v PYVE_BUILD_SANDBOX
  case $1 in
    micromamba) enter_conda_environment "$2" "${2##*/}" ;;
    venv) enter_environment "$2" "$3" ;;
  esac
  for _pyve_plan_word in ${_pyve_plan_unsets[@]+"${_pyve_plan_unsets[@]}"}; do
    unset -v "$_pyve_plan_word"
  done
  for _pyve_plan_word in ${_pyve_plan_sets[@]+"${_pyve_plan_sets[@]}"}; do
    # (bash complains about a locale that the machine does not have.)
    export "${_pyve_plan_word?}" 2>/dev/null
  done
  for ((_pyve_plan_word = ${#_pyve_plan_paths[@]} - 1; _pyve_plan_word >= 0; _pyve_plan_word--)); do
    [[ $PATH == "${_pyve_plan_paths[_pyve_plan_word]}:"* ]] || PATH=${_pyve_plan_paths[_pyve_plan_word]}:$PATH
  done
  # (PWD is the caller's again, which is not where Pyve has gone.)
  [[ $PWD == "$5" ]] || PWD=$5
  if [[ -n $4 && $4 != "$PWD" ]]; then
    CDPATH="" cd -- "$4" || return 1
    unset -v OLDPWD
    [[ -z ${_pyve_was_OLDPWD+set} ]] || export OLDPWD="$_pyve_was_OLDPWD"
  fi
}

# Usage: check_command <command> [argument]...
# Status 127, with a diagnostic, when there is no such command; 126 when it cannot be one.
check_command() {
  if is_executable_command "$1"; then
    find_lost_program "$_pyve_file" || return 0
    declare -F fail_start >/dev/null || . "${BASH_SOURCE[0]%/*}/run_failures.sh"
    fail_start "$@"
    return
  fi
  declare -F fail_run >/dev/null || . "${BASH_SOURCE[0]%/*}/run_failures.sh"
  fail_command "$@"
}

# Usage: find_lost_program <file>
# Sets REPLY to the program that the first line of a script names, when that cannot be executed. Otherwise status 1.
# (The variables of the caller's are safe.)
find_lost_program() {
  local _line=""
  { IFS= read -r _line <"$1" || :; } 2>/dev/null
  [[ $_line == "#!"* ]] || return 1
  _line=${_line#"#!"}
  _line=${_line#"${_line%%[![:blank:]]*}"}
  _line=${_line%%[[:blank:]]*}
  [[ ! -f $_line || ! -x $_line ]] && REPLY=$_line
}
