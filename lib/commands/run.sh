# Summary: Run a command in the project's environment
# Group: Environment
# Usage: pyve run [--] COMMAND [ARGUMENT]...
# About: Works from any folder of the project. PATH and VIRTUAL_ENV are set, so that child
# About: processes find the environment too; the command takes Pyve's place, so that signals, exit
# About: status, stdin and the terminal are its own. Options go before COMMAND.
# Example: pyve run python -c 'import sys; print(sys.prefix)'
# Example: pyve run -- pytest -q
# Exit: the command's own; 1 no environment; 126 not executable; 127 not found
# States: consistent, needs-lock -> the same

cmd_run() {
  while (($#)); do
    if [[ $1 == -- ]]; then
      shift
      break
    fi
    [[ $1 == -* ]] || break
    take_global_option "$@" || return 1
    if ((REPLY == 0)); then
      need cli
      read_option_header "$PYVE_ROOT/lib/commands/run.sh"
      fail_unknown_option "$1"
      return 1
    fi
    shift "$REPLY"
  done
  need config
  if (($# == 0)); then
    fail_run 1 E_RUN_COMMAND "pyve run needs a command" fix "pyve run python"
    return 1
  fi
  find_project || :
  config_load "$PROJECT_ROOT/.pyve/config" || :
  config_get backend
  if [[ $REPLY == micromamba ]]; then
    fail_run 1 E_BACKEND_UNSUPPORTED "this version of Pyve runs venv environments only" \
      why "$PROJECT_ROOT/.pyve/config says backend: micromamba" fix "pyve init --force --backend venv"
    return 1
  fi
  config_get venv.directory
  local venv=${PROJECT_ROOT%/}/${REPLY:-$DEFAULT_VENV_DIR} line path="" stdlib="" script=""
  if [[ -L $PROJECT_ROOT/.pyve/lock || -d $PROJECT_ROOT/.pyve/tmp ]]; then
    need output utils venv_env project_lock
    clear_leftovers "$PROJECT_ROOT"
  fi
  if [[ -f $venv/pyve.state ]]; then
    while IFS= read -r line; do
      case $line in
        path=*) path=${line#path=} ;;
        stdlib=*) stdlib=${line#stdlib=} ;;
      esac
    done <"$venv/pyve.state"
  fi
  if [[ ! -x $venv/bin/python || (-n $stdlib && ! -e $stdlib) ]]; then
    need output
    trap finish EXIT
    need utils venv_env
    fail_environment "$PROJECT_ROOT" "$venv"
    return 1
  fi
  unset PYTHONHOME
  export VIRTUAL_ENV=$venv VIRTUAL_ENV_PROMPT=${PROJECT_ROOT##*/} UV_PROJECT_ENVIRONMENT=$venv
  export PYVE_BACKEND=venv PYVE_ENV_NAME=${PROJECT_ROOT##*/} ASDF_PYTHON_PLUGIN_DISABLE_RESHIM=1
  if [[ $PATH != "$venv/bin:"* ]]; then
    PATH=$venv/bin:$PATH
  fi
  if [[ -n $path && $path != "${venv//$'\n'/\\n}" && ! $path -ef $venv ]]; then
    need output
    warn W_ENV_MOVED "the environment was made at $path" \
      why "the project was moved or copied; commands inside still name the old place" fix "pyve init --update"
    find_moved_script "$venv" "$path" "$1"
    script=$REPLY
  fi
  if [[ -n $script ]]; then
    shift
    set -- "$venv/bin/python" "$script" "$@"
  fi
  if [[ $1 != */* ]] && ! type -P -- "$1" >/dev/null; then
    fail_not_found "$1"
    return
  fi
  if [[ $1 == */* && ! -e $1 ]]; then
    fail_run 127 E_COMMAND_NOT_FOUND "$1 does not exist" why "the current folder is $PWD"
    return 127
  fi
  if [[ -d $1 || ($1 == */* && ! -x $1) ]]; then
    fail_run 126 E_COMMAND_NOT_EXECUTABLE "$1 is not executable"
    return 126
  fi
  shopt -s execfail
  exec -- "$@"
  local status=$?
  fail_run "$status" E_COMMAND_NOT_EXECUTABLE "$1 could not be started" why "the program named in its first line may be gone" fix "pyve doctor"
  return "$status"
}

# Usage: fail_run <status> <code> <message> [why <text>]... [fix <command>]...
# As fail, for the room that does without the exit trap until something is wrong.
fail_run() {
  shift
  need output
  trap finish EXIT
  fail "$@" || :
}

# Usage: fail_not_found <command>
# Says that there is no such command, or that it cannot be executed. Status 127 or 126.
fail_not_found() {
  local folder found=""
  local IFS=:
  for folder in $PATH; do
    if [[ -f $folder/$1 ]]; then
      found=$folder/$1
      break
    fi
  done
  if [[ -n $found ]]; then
    fail_run 126 E_COMMAND_NOT_EXECUTABLE "$found is not executable"
    return 126
  fi
  fail_run 127 E_COMMAND_NOT_FOUND "there is no command '$1', neither in the environment nor on PATH" \
    why "the environment is $VIRTUAL_ENV" fix "pyve run python -m pip install $1"
  return 127
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
