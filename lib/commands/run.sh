# Summary: Run a command in the project's environment
# Group: Environment
# Agent: run network
# Usage: pyve run [--frozen|--no-frozen] [--] COMMAND [ARGUMENT]...
# Argument: COMMAND programs
# About: Works from any folder of the project. PATH and VIRTUAL_ENV are set, so that child
# About: processes find the environment too; the command takes Pyve's place, so that signals, exit
# About: status, stdin and the terminal are its own. Options go before COMMAND.
# About: In CI a lock that is stale, or an environment that pyve sync did not make from it, is a failure.
# Option: --frozen  Fail when the lock is missing, stale, or not that of the environment
# Option: --no-frozen  Do not look at the lock, in CI either
# Example: pyve run python -c 'import sys; print(sys.prefix)'
# Example: pyve run -- pytest -q
# Exit: the command's own; 1 no environment, or --frozen fails; 126 not executable; 127 not found
# States: needs-lock, needs-env, consistent -> the same

cmd_run() {
  # (A local variable would hide one of the caller's from the command.)
  _pyve_frozen=""
  while (($#)); do
    if [[ $1 == -- ]]; then
      shift
      break
    fi
    [[ $1 == -* ]] || break
    if [[ $1 == --frozen || $1 == --no-frozen ]]; then
      _pyve_frozen=$1
      shift
      continue
    fi
    take_global_option "$@" || return 1
    if ((REPLY == 0)); then
      need cli
      _option_words=("${PYVE_WORDS[@]:1}")
      read_option_header "$PYVE_ROOT/lib/commands/run.sh"
      fail_unknown_option "$1"
      return 1
    fi
    shift "$REPLY"
  done
  if (($# == 0)); then
    fail_run E_RUN_COMMAND "pyve run needs a command" fix "pyve run python"
    return 1
  fi
  need config project_state
  if ! find_environment; then
    need output
    trap finish EXIT
    need utils venv_env
    fail_no_environment
    return 1
  fi
  if [[ $ENVIRONMENT_BACKEND == venv ]] && is_place_changed; then
    need output
    warn W_ENV_MOVED "the environment was made at $ENVIRONMENT_PLACE" \
      why "the project was moved or copied; commands inside still name the old place" fix "pyve init --update"
    find_moved_script "$ENVIRONMENT" "$ENVIRONMENT_PLACE" "$1"
    if [[ -n $REPLY ]]; then
      set -- "$ENVIRONMENT/bin/python" "$REPLY" "${@:2}"
    fi
  fi
  if [[ $ENVIRONMENT_BACKEND == micromamba ]]; then
    need output conda_activation
  fi
  if [[ $_pyve_frozen == --frozen || (-n ${CI-} && -z $_pyve_frozen) ]]; then
    check_lock_for_run || return 1
  fi
  hand_over "$ENVIRONMENT_BACKEND" "$ENVIRONMENT" "$PROJECT_ROOT" "$@"
}

# Usage: check_lock_for_run
# With --frozen, and in CI: status 1, with a diagnostic, when the lock or the environment is not as it should be.
check_lock_for_run() {
  need frozen
  [[ -n $_pyve_frozen ]] || is_ci || return 0
  trap finish EXIT
  check_frozen "${_pyve_frozen:+1}"
}

# Usage: hand_over <backend> <environment> <project> <command> [argument]...
# Executes the command in Pyve's place, with the caller's environment and what makes the project's
# environment active. Its own status when that fails. (It has no variable: the command would see it.)
hand_over() {
  restore_caller_environment
  if [[ $1 == micromamba ]]; then
    if ! find_activation "$2" "${2##*/}"; then
      trap finish EXIT
      return 1
    fi
    enter_conda_environment "$2" "${2##*/}"
  else
    enter_environment "$2" "$3"
  fi
  shift 3
  if [[ -n $PYVE_JSON ]]; then
    check_command "$@" || return
    run_for_json "$@"
    return
  fi
  if [[ -z $_pyve_exec_status ]]; then
    check_command "$@" || return
    shopt -s execfail
    [[ ${PYVE_LOG-} != debug ]] || { need debug_log && log_exec "$@"; }
    exec -- "$@" || _pyve_exec_status=$?
  fi
  check_command "$@" || return
  fail_run E_COMMAND_NOT_EXECUTABLE "$1 could not be started" \
    why "the program that its first line names may be gone, or it is one for another kind of machine" fix "pyve doctor"
  return "$_pyve_exec_status"
}

# Usage: check_command <command> [argument]...
# Status 127, with a diagnostic, when there is no such command; 126 when it cannot be one.
check_command() {
  if is_executable_command "$1"; then
    return 0
  fi
  if [[ -e $1 && $1 == */* ]] || { [[ $1 != */* ]] && type -P -- "$1" >/dev/null; }; then
    fail_not_executable "$1" "$(type -P -- "$1" || :)"
    return 126
  fi
  if [[ $1 == */* ]]; then
    fail_run E_COMMAND_NOT_FOUND "$1 does not exist" why "the current folder is $PWD"
  else
    fail_not_found "$@"
  fi
  return 127
}

# Usage: fail_not_found <command> [argument]...
# Says that neither the environment nor PATH has the command, and what may be meant or missing.
fail_not_found() {
  local file word meant env=${PYVE_ENV_PATH:-$VIRTUAL_ENV} message="there is no command '${1//[[:cntrl:]]/?}', neither in the environment nor on PATH"
  local -a names=()
  need cli text
  for file in "$env"/bin/*; do
    file=${file##*/}
    # (Names of quite another length cannot be near.)
    ((${#file} - ${#1} > 3 || ${#1} - ${#file} > 3)) || names+=("$file")
  done
  suggest "$1" ${names[@]+"${names[@]}"}
  if [[ -n $REPLY ]]; then
    file=$REPLY
    meant="pyve run"
    for word in "$file" "${@:2}"; do
      quote_word "$word"
      meant+=" $REPLY"
    done
    fail_run E_COMMAND_NOT_FOUND "$message" why "did you mean '$file'?" why "the environment is $env" fix "$meant"
  elif [[ -d $env/conda-meta ]]; then
    fail_run E_COMMAND_NOT_FOUND "$message" why "the environment is $env" \
      why "the package that has it belongs into environment.yml" fix "pyve init --force"
  elif [[ $1 =~ ^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$ ]]; then
    fail_run E_COMMAND_NOT_FOUND "$message" why "the environment is $env" fix "pyve run python -m pip install $1"
  else
    # No distribution has such a name.
    fail_run E_COMMAND_NOT_FOUND "$message" why "the environment is $env"
  fi
}

# Usage: fail_not_executable <command> <file that PATH has for it, or "">
# Says why the file is no command, and how to run it where that can be told.
fail_not_executable() {
  local start="" file=${2:-$1}
  need text
  quote_word "$file"
  if [[ -d $file ]]; then
    fail_run E_COMMAND_NOT_EXECUTABLE "$1 is not executable" why "it is a folder"
    return 0
  fi
  { IFS= read -r -n 4 start <"$file"; } 2>/dev/null || :
  if [[ $start == "#!"* || $start == $'\177ELF' ]]; then
    fail_run E_COMMAND_NOT_EXECUTABLE "$1 is not executable" why "it has no permission to be executed" fix "chmod +x $REPLY"
  elif [[ $file == *.py ]]; then
    fail_run E_COMMAND_NOT_EXECUTABLE "$1 is not executable" why "it is a file for python" fix "pyve run python $REPLY"
  else
    fail_run E_COMMAND_NOT_EXECUTABLE "$1 is not executable" \
      why "it is there, but has no permission to be executed, and does not begin as a program or a script (#!) does"
  fi
}

# Usage: fail_run <code> <message> [why <text>]... [fix <command>]...
# As fail, for the room that does without the exit trap until something is wrong.
fail_run() {
  need output
  trap finish EXIT
  fail "$@" || :
}

# Usage: find_moved_script <environment> <place where it was made> <command>
# Sets REPLY to the script of the environment that starts with an interpreter at the old place, or
# to "".
find_moved_script() {
  local file=$1/bin/$3 first="" second=""
  REPLY=""
  if [[ $3 != */* && -f $file && ! -L $file ]]; then
    {
      IFS= read -r first || :
      IFS= read -r second || :
    } <"$file" 2>/dev/null
    if [[ $first == "#!$2/bin/"* || $second == *"exec"*"$2/bin/"* ]]; then
      REPLY=$file
    fi
  fi
}
