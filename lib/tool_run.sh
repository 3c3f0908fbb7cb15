# shellcheck shell=bash
# shellcheck disable=SC2034 # plans are read by lib/run_plan.sh
# Running a tool: the environment that it has, or gets, and the plan that starts its command.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/tool_run.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F begin_plan >/dev/null || . "${BASH_SOURCE[0]%/*}/run_plan.sh"
declare -F find_cached_env >/dev/null || . "${BASH_SOURCE[0]%/*}/cached_env.sh"
declare -F read_tool_word >/dev/null || . "${BASH_SOURCE[0]%/*}/tool_request.sh"
declare -F write_tool_memo >/dev/null || . "${BASH_SOURCE[0]%/*}/tool_warm.sh"
declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"

# What the options of a room say of the tool.
TOOL_FROM="" TOOL_PYTHON="" TOOL_REFRESH="" TOOL_NEWER="" TOOL_OFFLINE=""
TOOL_WITH=()

# Usage: plan_tool <tool> [argument]...
# Fills the plan with the tool's command, from its environment, which is made when there is none. Status 1 after a
# diagnostic.
plan_tool() {
  local command=$1 word=$1 name environment
  if [[ -z $TOOL_FROM$TOOL_PYTHON && $word =~ ^python@([0-9][0-9a-z.]*)$ ]]; then
    TOOL_PYTHON=${BASH_REMATCH[1]} command=python
  fi
  if [[ -n $TOOL_FROM ]]; then
    read_tool_word "$TOOL_FROM" "$command" || return 1
    if [[ $command == */* || $command == -* || $command == *[[:cntrl:]]* ]]; then
      fail_tool_word "$command"
      return 1
    fi
  else
    case $command in
      git+* | *://* | . | .. | */*)
        declare -F quote_word >/dev/null || . "${BASH_SOURCE[0]%/*}/text.sh"
        quote_word "$command"
        fail E_USAGE_ARGUMENT "which command of '${command//[[:cntrl:]]/?}' is to be run?" why "pyve x --from PLACE COMMAND tells" fix "pyve help x"
        return 1
        ;;
    esac
    read_tool_word "$command" || return 1
    [[ $command =~ ^[A-Za-z0-9._-]+ ]]
    command=${BASH_REMATCH[0]}
  fi
  name=$TOOL_NAME
  if [[ -n $TOOL_PLAIN && -z $TOOL_PYTHON$TOOL_REFRESH$TOOL_NEWER && ${#TOOL_WITH[@]} -eq 0 ]] && find_installed_tool "$name"; then
    environment=$REPLY
    is_private_env "$environment" || mend_installed_tool "$name" || return 1
    [[ -z ${PYVE_EXPLAIN-} ]] || plan_chosen tool "$environment" "pyve tool install has installed $name"
  else
    find_tool_env "${name:-$command}" || return 1
    environment=$CACHED_ENV
  fi
  plan_tool_command "$environment" "$name" "$command" "${@:2}" || return
  if [[ $PLAN_ROOM == x && -z ${PYVE_EXPLAIN-}$TOOL_FROM$TOOL_PYTHON$TOOL_NEWER && ${#TOOL_WITH[@]} -eq 0 ]]; then
    write_tool_memo "$word" "$name" "${PLAN_ARGV[0]}"
  fi
}

# Usage: find_installed_tool <normalised name>
# Sets REPLY to the environment of an installed tool. Status 1 when there is none. No process.
find_installed_tool() {
  local data=${XDG_DATA_HOME-}
  [[ $data == /* ]] || data=${HOME-}/.local/share
  REPLY=$data/pyve/tools/$1/venv
  [[ -n $1 && -f $data/pyve/tools/$1/tool && -O $data/pyve/tools/$1/tool ]]
}

# Usage: mend_installed_tool <normalised name>
# Makes the environment of an installed tool anew, from its lock. Status 1 after a diagnostic.
mend_installed_tool() {
  declare -F mend_tool >/dev/null || . "${BASH_SOURCE[0]%/*}/tool_store.sh"
  find_tool_root && read_tool "$1" && mend_tool "$1"
}

# Usage: find_tool_env <name of the distribution, or the command>
# After read_tool_word: sets CACHED_ENV to an environment with the tool, which is made when there is none. Status 1 after a
# diagnostic.
find_tool_env() {
  local status=0 item refresh=${TOOL_REFRESH:-$TOOL_LATEST}
  local -a words=(--name "$1" --whose --python)
  # (`pyve x --with rich python` is the interpreter, with packages.)
  [[ $TOOL_REQUIREMENT == python ]] || words+=(--requirement "$TOOL_REQUIREMENT")
  add_tool_folder
  for item in ${TOOL_WITH[@]+"${TOOL_WITH[@]}"}; do
    read_tool_word "$item" || return 1
    add_tool_folder
    words+=(--requirement "$TOOL_REQUIREMENT")
  done
  if [[ -n $TOOL_PYTHON ]]; then
    [[ $TOOL_PYTHON != */* || $TOOL_PYTHON == /* ]] || TOOL_PYTHON=$PWD/$TOOL_PYTHON
    words+=(--python "$TOOL_PYTHON")
  fi
  [[ -z $TOOL_NEWER ]] || words+=(--exclude-newer "$TOOL_NEWER")
  [[ -z $TOOL_OFFLINE ]] || words+=(--offline)
  compose_cached_request tool "${words[@]}"
  find_cached_env || status=$?
  if [[ -n ${PYVE_EXPLAIN-} ]]; then
    explain_tool_env "$status" "$refresh"
    return
  fi
  case $status in
    0) [[ -n $refresh ]] || return 0 ;;
    1) ;;
    *) return 1 ;;
  esac
  make_tool_env "$1" "$refresh"
}

# Usage: add_tool_folder
# After read_tool_word: a folder that is being worked on is to be seen in a sandbox, too.
add_tool_folder() {
  [[ $TOOL_REQUIREMENT != "-e "* ]] || SANDBOX_READ+=("${TOOL_REQUIREMENT#-e }")
}

# Usage: explain_tool_env <status of find_cached_env> <whether it is to be locked anew>
# For find_tool_env in `pyve explain`.
explain_tool_env() {
  (($1 < 2)) || return 1
  if (($1)); then
    plan_rejected environment "$CACHED_ENV" "it is not there, or its interpreter is gone"
    plan_step "lock $CACHED_FOLDER/requirements.in, and install it into $CACHED_ENV"
  elif [[ -n $2 ]]; then
    plan_step "lock $CACHED_FOLDER/requirements.in anew, and install that into $CACHED_ENV"
  else
    plan_chosen environment "$CACHED_ENV" "it was made from these requirements, with these settings"
  fi
}

# Usage: make_tool_env <name> <1, to lock anew, or "">
# After find_cached_env: makes it.
make_tool_env() {
  local was=""
  declare -F log_info >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"
  # (stdout is the tool's.)
  PYVE_TALK_FD=2 HELPER_FIX_FILTER=adapt_tool_fix HELPER_WHY_FILTER=adapt_tool_why
  begin_making
  [[ ! -r $CACHED_LOCK ]] || was=$(<"$CACHED_LOCK")
  make_cached_env ${2:+--refresh} || return 1
  if [[ -z $was ]]; then
    if [[ $1 == python ]]; then
      set -- "an environment" "$2"
    fi
    log_info "Installed $1 for this and later runs (Python $PYTHON_VERSION)"
  elif [[ $was != "$(<"$CACHED_LOCK")" ]]; then
    log_info "Installed newer versions for $1 (Python $PYTHON_VERSION)"
  fi
}

# Usage: plan_tool_command <environment> <normalised name of the distribution, or ""> <command> [argument]...
# Fills the plan with the command of the environment. Status 1, with a diagnostic, when it has none of that name.
plan_tool_command() {
  local environment=$1 name=$2 command=$3 file
  file=$environment/bin/$command
  shift 3
  PLAN_ARGV=("$file" "$@") PLAN_PATHS=("$environment/bin") PLAN_ENVIRONMENT=$environment PLAN_PYTHON=$environment/bin/python PLAN_UNSETS=(PYTHONHOME)
  [[ ! -x $file || -d $file ]] || return 0
  # (What is not made yet has no commands.)
  [[ -z ${PYVE_EXPLAIN-} || -d $environment ]] || return 0
  fail_tool_command "$environment" "$name" "$command" "$@"
}

# Usage: fail_tool_command <environment> <normalised name, or ""> <command> [argument]...
# Says that there is no such command, and which there are. Status 1.
fail_tool_command() {
  local name=$2 command=$3 word list="" fix="" from=""
  list_tool_commands "$1" "$name"
  declare -F suggest >/dev/null || . "${BASH_SOURCE[0]%/*}/cli.sh"
  suggest "$command" ${TOOL_COMMANDS[@]+"${TOOL_COMMANDS[@]}"}
  word=${REPLY:-${TOOL_COMMANDS[0]-}}
  for from in ${TOOL_COMMANDS[@]+"${TOOL_COMMANDS[@]}"}; do
    list+="${list:+, }$from"
  done
  if [[ -n $word ]]; then
    from=${TOOL_FROM:-${_tool_words[0]-}}
    if [[ -n $from ]]; then
      quote_words pyve x --from "$from" "$word" "${@:4}"
    else
      quote_words pyve tool run --from "$name" "$word" "${@:4}"
    fi
    fix=$REPLY
    fail E_TOOL_COMMAND "${name:-it} brings no command '$command'" why "it brings: $list" fix "$fix"
  elif [[ -n $name ]]; then
    fail E_TOOL_COMMAND "$name brings no command at all" why "it is a library: a project adds it to what it needs" fix "pyve add $name"
  else
    fail E_TOOL_COMMAND "there is no command '$command' in what was installed" why "it brings no command at all"
  fi
}
