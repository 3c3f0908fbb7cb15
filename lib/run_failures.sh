# shellcheck shell=bash
# Why a command of the user's could not be started, and what may be meant or missing.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/run_failures.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
declare -F quote_word >/dev/null || . "${BASH_SOURCE[0]%/*}/text.sh"

# Usage: fail_command <command> [argument]...
# For what is_executable_command says no to. Status 127 when there is no such command, 126 when it cannot be one.
fail_command() {
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
  local file word meant env=${PYVE_ENV_PATH:-${VIRTUAL_ENV-}} message
  local -a names=()
  declare -F suggest >/dev/null || . "${BASH_SOURCE[0]%/*}/cli.sh"
  message="there is no command '${1//[[:cntrl:]]/?}', neither in the environment nor on PATH"
  if [[ -z $env ]]; then
    fail_run E_COMMAND_NOT_FOUND "there is no command '${1//[[:cntrl:]]/?}' on PATH"
    return 0
  fi
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
  quote_word "$file"
  if [[ -d $file ]]; then
    fail_run E_COMMAND_NOT_EXECUTABLE "$1 is not executable" why "it is a folder"
    return 0
  fi
  { IFS= read -r -n 4 start <"$file"; } 2>/dev/null || :
  if [[ $start == "#!"* || $start == $'\177ELF' ]]; then
    fail_run E_COMMAND_NOT_EXECUTABLE "$1 is not executable" why "it has no permission to be executed" fix "chmod +x $REPLY"
  else
    fail_run E_COMMAND_NOT_EXECUTABLE "$1 is not executable" \
      why "it is there, but has no permission to be executed, and does not begin as a program or a script (#!) does"
  fi
}

# Usage: fail_run <code> <message> [why <text>]... [fix <command>]...
# As fail, for the room that does without the exit trap until something is wrong.
fail_run() {
  trap finish EXIT
  fail "$@" || :
}
