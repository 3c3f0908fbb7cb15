# shellcheck shell=bash
# Why a command of the user's could not be started, and what may be meant or missing.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/run_failures.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
declare -F quote_word >/dev/null || . "${BASH_SOURCE[0]%/*}/text.sh"
declare -F find_lost_program >/dev/null || . "${BASH_SOURCE[0]%/*}/run_plan.sh"

# Usage: fail_command <command> [argument]...
# For what is_executable_command says no to. Status 127 when there is no such command, 126 when it cannot be one.
fail_command() {
  if [[ -e $1 && $1 == */* ]] || { [[ $1 != */* ]] && type -P -- "$1" >/dev/null; }; then
    fail_not_executable "$1" "$(type -P -- "$1" || :)"
    return 126
  fi
  if [[ $1 == */* ]]; then
    fail_run E_COMMAND_NOT_FOUND "${1//[[:cntrl:]]/?} does not exist" why "the current folder is $PWD"
  else
    fail_not_found "$@"
  fi
  return 127
}

# Usage: fail_not_found <command> [argument]...
# Says that neither the environment nor PATH has the command, and what may be meant or missing.
fail_not_found() {
  local file word meant env=${_pyve_plan_environment-} message
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
  elif [[ ! $1 =~ ^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$ ]]; then
    # No distribution has such a name.
    fail_run E_COMMAND_NOT_FOUND "$message" why "the environment is $env"
  elif brings_command "${env%/*}/pyproject.toml" "$1"; then
    fail_run E_COMMAND_NOT_FOUND "$message" why "the project itself brings it, but is not installed in ${env##*/}" fix "pyve sync"
  elif [[ -f ${env%/*}/pyproject.toml || -f ${env%/*}/requirements.in || -f ${env%/*}/requirements.txt ]]; then
    # (What pip alone installs is in no manifest and no lock.)
    fail_run E_COMMAND_NOT_FOUND "$message" why "the environment is $env" fix "pyve add $1"
  else
    fail_run E_COMMAND_NOT_FOUND "$message" why "the environment is $env" fix "pyve run python -m pip install $1"
  fi
}

# Usage: brings_command <pyproject.toml> <command>
# True when [project.scripts] of the file names the command.
brings_command() {
  local text
  declare -F read_file >/dev/null || . "${BASH_SOURCE[0]%/*}/raw_text.sh"
  read_file "$1"
  text=$'\n'$REPLY
  [[ $text == *$'\n[project.scripts]'* ]] || return 1
  text=${text#*$'\n[project.scripts]'}
  text=${text%%$'\n['*}
  [[ $text =~ $'\n'[[:blank:]]*[\"\']?"$2"[\"\']?[[:blank:]]*= ]]
}

# Usage: fail_not_executable <command> <file that PATH has for it, or "">
# Says why the file is no command, and how to run it where that can be told.
fail_not_executable() {
  local start="" file=${2:-$1} message="${1//[[:cntrl:]]/?} is not executable"
  quote_word "$file"
  if [[ -d $file ]]; then
    fail_run E_COMMAND_NOT_EXECUTABLE "$message" why "it is a folder"
    return 0
  fi
  { IFS= read -r -n 4 start <"$file"; } 2>/dev/null || :
  if [[ $start == "#!"* || $start == $'\177ELF' ]]; then
    fail_run E_COMMAND_NOT_EXECUTABLE "$message" why "it has no permission to be executed" fix "chmod +x $REPLY"
  else
    fail_run E_COMMAND_NOT_EXECUTABLE "$message" \
      why "it is there, but has no permission to be executed, and does not begin as a program or a script (#!) does"
  fi
}

# Usage: fail_start <command> [argument]...
# After is_executable_command: says why the system does not execute the file. Status 126.
fail_start() {
  local file=$_pyve_file name=""
  local -a parts=(why "it may be a program for another kind of machine, or damaged")
  if find_lost_program "$file"; then
    name=${REPLY##*/}
    parts=(why "its first line names ${REPLY//[[:cntrl:]]/?}, which is not there, or cannot be executed")
    if [[ $name == *$'\r' ]]; then
      name=${name%$'\r'}
      parts=(why "its lines end as on Windows: there is no ${REPLY%$'\r'} with a carriage return behind it")
      # (Python does not mind.)
      is_python_name "$name" || name=""
    fi
  fi
  [[ $file == "$1" ]] || parts+=(why "it is $file")
  if [[ -n ${_pyve_plan_environment-} && $file == "$_pyve_plan_environment"/* ]]; then
    parts+=(fix "pyve doctor")
  elif [[ -n $name ]] && is_executable_command "$name"; then
    declare -F quote_words >/dev/null || . "${BASH_SOURCE[0]%/*}/cli.sh"
    quote_words pyve run "$name" "$file" "${@:2}"
    parts+=(fix "$REPLY")
  fi
  fail_run E_COMMAND_NOT_EXECUTABLE "${1//[[:cntrl:]]/?} could not be started" "${parts[@]}"
  return 126
}

# Usage: fail_run <code> <message> [why <text>]... [fix <command>]...
# As fail, for the room that does without the exit trap until something is wrong.
fail_run() {
  trap finish EXIT
  fail "$@" || :
}
