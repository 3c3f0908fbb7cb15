# Summary: Say what imports cost, where they lead, and what is missing
# Group: Scripts and tools
# Agent: run
# Usage: pyve imports time [--top N] [--svg FILE] [--] COMMAND [ARGUMENT]...
# Usage: pyve imports find NAME
# Usage: pyve imports lazy [--allow NAME]... [--runs N] [--] COMMAND [ARGUMENT]...
# Usage: pyve imports unused
# Usage: pyve imports missing
# Argument: time  Run a command, and say where its start-up time goes
# Argument: find  The file and the distribution that an import takes, and what it hides
# Argument: lazy  Try a command with modules that are loaded when they are first used, and measure the gain
# Argument: unused  What the project asks for and does not import (by deptry)
# Argument: missing  What the project imports and does not ask for (by deptry)
# Argument: COMMAND programs
# About: For time and lazy, the options of pyve run stand here, too, before COMMAND. What COMMAND prints goes to stderr.
# About: lazy takes the modules of imports.lazy in the config, or those of --allow. Nothing is lazy unless it is named:
# About: with imports.lazy set, pyve run loads these modules lazily. The command has to work in the same way, and each
# About: module has to be importable. unused and missing read [tool.deptry] in pyproject.toml, too.
# Option: --top N          time: so many rows of each table (default: 20)
# Option: --svg FILE       time: write a flame picture; "-" is stdout
# Option: --allow NAME...  lazy: load this module lazily; may be given again
# Option: --runs N         lazy: how often each way is run (default: 5)
# Example: pyve imports time --svg start.svg python -c 'import json'
# Example: pyve imports find yaml
# Example: pyve imports lazy --allow decimal python -c 'import decimal'
# Example: pyve imports missing
# Exit: time: the command's own; others: 0 done, nothing found; 1 something was found, or is wrong
# States: needs-lock, needs-env, consistent -> the same

cmd_imports() {
  local word
  need cli utils config imports run_words
  PYVE_TALK_FD=2
  while [[ ${1-} == -* ]]; do
    take_global_option "$@" || return 1
    if ((REPLY == 0)); then
      _option_words=("$@")
      read_option_header "$PYVE_ROOT/lib/commands/imports.sh"
      fail_unknown_option "$1"
      return 1
    fi
    shift "$REPLY"
  done
  word=${1-}
  case $word in
    time | lazy)
      shift
      IMPORTS_TOP=20 IMPORTS_SVG="" IMPORTS_ALLOW="" IMPORTS_RUNS=5
      take_run_words "take_${word}_option" "$@" || return 1
      if [[ -z $RUN_HAS_COMMAND ]]; then
        fail E_RUN_COMMAND "pyve imports $word needs a command" fix "pyve imports $word python -c 'import json'"
        return 1
      fi
      "imports_$word"
      ;;
    find | unused | missing)
      parse_options "$@" || return 1
      imports_in_environment "$word"
      ;;
    *)
      ARGS=("$@")
      fail_unknown_word time find lazy unused missing
      ;;
  esac
}

# Usage: imports_in_environment <find|unused|missing>
# Does what takes no command.
imports_in_environment() {
  local name
  for name in top svg allow runs; do
    word=opt_$name
    if [[ -n ${!word} ]]; then
      fail E_USAGE_CONFLICT "--$name is for pyve imports time or lazy" why "given: pyve imports $1" fix "pyve help imports"
      return 1
    fi
  done
  if [[ $1 == find ]]; then
    expect_arguments 2 || return 1
    if [[ -z ${ARGS[1]-} ]]; then
      fail E_USAGE_ARGUMENT "pyve imports find needs the name of a module" fix "pyve imports find json"
      return 1
    fi
  else
    expect_arguments 1 || return 1
  fi
  need_environment || return 1
  case $1 in
    find) find_import "${ARGS[1]}" ;;
    *) check_imports "$1" ;;
  esac
}

# Usage: take_time_option <word>...
# Takes an option of pyve imports time; REPLY: how many words it has taken. Status 1 after a diagnostic.
take_time_option() {
  REPLY=0
  case $1 in
    --top | --top=*)
      take_own_value "$@" || return 1
      if [[ ! $REPLY_VALUE =~ ^[1-9][0-9]{0,5}$ ]]; then
        fail E_USAGE_VALUE "--top takes a number of rows" why "given: $REPLY_VALUE" fix "pyve help imports"
        return 1
      fi
      IMPORTS_TOP=$REPLY_VALUE
      ;;
    --svg | --svg=*)
      take_own_value "$@" || return 1
      IMPORTS_SVG=$REPLY_VALUE
      ;;
  esac
}

# Usage: take_lazy_option <word>...
# Takes an option of pyve imports lazy; REPLY: how many words it has taken. Status 1 after a diagnostic.
take_lazy_option() {
  REPLY=0
  case $1 in
    --allow | --allow=*)
      take_own_value "$@" || return 1
      if [[ ! $REPLY_VALUE =~ ^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$ ]]; then
        fail E_USAGE_VALUE "--allow takes the name of a module" why "given: ${REPLY_VALUE//[[:cntrl:]]/?}" fix "pyve help imports"
        return 1
      fi
      IMPORTS_ALLOW+=${IMPORTS_ALLOW:+ }$REPLY_VALUE
      ;;
    --runs | --runs=*)
      take_own_value "$@" || return 1
      if [[ ! $REPLY_VALUE =~ ^[1-9][0-9]{0,2}$ ]]; then
        fail E_USAGE_VALUE "--runs takes a number of runs" why "given: $REPLY_VALUE" fix "pyve help imports"
        return 1
      fi
      IMPORTS_RUNS=$REPLY_VALUE
      ;;
  esac
}

# Usage: imports_time
# Does pyve imports time, or shows what it would execute.
imports_time() {
  if [[ -n ${PYVE_EXPLAIN-} ]]; then
    explain_as_run
    return
  fi
  time_imports "$IMPORTS_TOP" "$IMPORTS_SVG" "${RUN_WORDS[@]}"
}

# Usage: imports_lazy
# Does pyve imports lazy, or shows what it would execute.
imports_lazy() {
  if [[ -z $IMPORTS_ALLOW ]]; then
    find_project || :
    config_load "$PROJECT_ROOT/.pyve/config" || :
    read_lazy_names
    IMPORTS_ALLOW=$REPLY
  fi
  if [[ -z $IMPORTS_ALLOW ]]; then
    quote_words pyve imports time "${RUN_WORDS[@]}"
    fail E_IMPORTS_LAZY_NONE "no module is to be loaded lazily" \
      why "imports.lazy in the config names none, and --allow was not given" why "pyve imports time shows which ones take long" fix "$REPLY"
    return 1
  fi
  if [[ -n ${PYVE_EXPLAIN-} ]]; then
    explain_as_run
    return
  fi
  try_lazy_imports "$IMPORTS_RUNS" "$IMPORTS_ALLOW" "${RUN_WORDS[@]}"
}

# Usage: explain_as_run
# For pyve explain: shows what pyve run would execute with these words.
explain_as_run() {
  PYVE_COMMAND=run
  # shellcheck source=/dev/null # the room of run
  . "$PYVE_ROOT/lib/commands/run.sh"
  cmd_run "${RUN_WORDS[@]}"
}
