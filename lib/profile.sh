# shellcheck shell=bash
# shellcheck disable=SC2034 # results are handed back in globals that rooms read
# Profiles: how a program is run. run.profiles of the config says
#
#   run:
#     profiles:
#       dev:
#         env:
#           LOG_LEVEL: debug     variables
#         env_file: .env.dev     more of them, as a .env has them
#         flags:                 for the interpreter
#           - -X dev
#         groups:                the dependency groups that the environment has, or none
#           - dev
#         watch: true            start again when files change
#
# dev, prod and bench are there without a word; what the config says of them goes before, one by one.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/profile.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F config_get >/dev/null || . "${BASH_SOURCE[0]%/*}/config.sh"
declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
declare -F plan_chosen >/dev/null || . "${BASH_SOURCE[0]%/*}/run_plan.sh"

GIVEN_PROFILES=(dev prod bench)
# What is said of a value that is none.
FLAG_FORM="it is a list of flags of Python: -X NAME, -W ACTION, or of the letters b B d E I O P q R s S u v x"
GROUP_FORM="it is a list of names of dependency groups, or none"

# Usage: list_profiles
# Sets the array PROFILES to the names of all profiles, the given ones, then those of the loaded config, and
# PROFILE_SUMMARIES to a line on each. No process.
list_profiles() {
  local key name
  PROFILES=("${GIVEN_PROFILES[@]}")
  PROFILE_SUMMARIES=("with the checks and warnings of Python's development mode" "without the groups of development"
    "as alike from run to run as can be")
  for key in ${_config_keys[@]+"${_config_keys[@]}"}; do
    [[ $key == run.profiles.* ]] || continue
    name=${key#run.profiles.}
    name=${name%%.*}
    if [[ " ${PROFILES[*]} " != *" $name "* ]]; then
      PROFILES+=("$name")
      PROFILE_SUMMARIES+=("of the config")
    fi
  done
}

# Usage: read_profile <name>
# Sets PROFILE_NAMES, PROFILE_VALUES (variables) and PROFILE_FLAGS (words), PROFILE_GROUPS ("" as the environment is, none, or
# names), PROFILE_WATCH ("1" or ""), PROFILE_FILE (the env file, as the config says it), by the loaded config.
# PROFILE_SOURCES: lines "field<tab>given|config". Status 1, after a diagnostic, for a name that is no profile's, and for
# what a profile cannot say.
read_profile() {
  local profile=$1 i key
  list_profiles
  if [[ " ${PROFILES[*]} " != *" $profile "* || $profile == *[!A-Za-z0-9_-]* ]]; then
    fail_unknown_profile "$profile"
    return 1
  fi
  give_profile "$profile"
  for ((i = 0; i < ${#_config_keys[@]}; i++)); do
    key=${_config_keys[i]}
    [[ $key == "run.profiles.$profile."* ]] || continue
    key=${key#run.profiles."$profile".}
    REPLY=${_config_values[i]}
    case $key in
      env)
        if [[ -n $REPLY ]]; then
          fail_profile_key "$profile" env "it is a mapping of names to values, a line each, and not: $REPLY"
          return 1
        fi
        ;;
      env.*)
        check_profile_name "$profile" "${key#env.}" || return 1
        set_profile_variable "${key#env.}" "${_config_values[i]}" config
        ;;
      env_file) PROFILE_FILE=$REPLY ;;
      flags)
        if ! find_flag_words "$REPLY"; then
          fail_profile_value "$profile" flags "$REPLY" "$FLAG_FORM"
          return 1
        fi
        PROFILE_FLAGS=(${FLAG_WORDS[@]+"${FLAG_WORDS[@]}"})
        ;;
      groups)
        if ! find_group_names "$REPLY"; then
          fail_profile_value "$profile" groups "$REPLY" "$GROUP_FORM"
          return 1
        fi
        PROFILE_GROUPS=$GROUP_NAMES
        ;;
      watch)
        if ! parse_boolean "$REPLY"; then
          fail_profile_value "$profile" watch "${_config_values[i]}" "it is true or false"
          return 1
        fi
        PROFILE_WATCH=$REPLY
        ;;
      *)
        fail_profile_key "$profile" "$key"
        return 1
        ;;
    esac
    [[ $key == env* && $key != env_file ]] || PROFILE_SOURCES+=$key$'\tconfig\n'
  done
}

# Usage: give_profile <name>
# For read_profile: begins with what the given profile of that name says, or with nothing.
give_profile() {
  PROFILE_NAMES=() PROFILE_VALUES=() PROFILE_FLAGS=() PROFILE_GROUPS="" PROFILE_WATCH="" PROFILE_FILE="" PROFILE_SOURCES=""
  case $1 in
    dev)
      # Warnings are shown, and checks are made that cost time.
      set_profile_variable PYTHONDEVMODE 1 given
      set_profile_variable PYTHONUNBUFFERED 1 given
      PROFILE_FLAGS=(-b)
      PROFILE_SOURCES+=$'flags\tgiven\n'
      ;;
    prod)
      # No tools of development, and output that is there when the process dies.
      set_profile_variable PYTHONDEVMODE "" given
      set_profile_variable PYTHONUNBUFFERED 1 given
      set_profile_variable PYTHONFAULTHANDLER 1 given
      PROFILE_GROUPS=none
      PROFILE_SOURCES+=$'groups\tgiven\n'
      ;;
    bench)
      # The same order of sets in each run, and nothing that watches the program.
      set_profile_variable PYTHONHASHSEED 0 given
      set_profile_variable PYTHONDEVMODE "" given
      set_profile_variable PYTHONTRACEMALLOC "" given
      set_profile_variable PYTHONASYNCIODEBUG "" given
      PROFILE_FLAGS=(-s)
      PROFILE_SOURCES+=$'flags\tgiven\n'
      ;;
  esac
}

# Usage: set_profile_variable <name> <value> <given|config>
# For read_profile: the last one counts.
set_profile_variable() {
  local i
  for ((i = 0; i < ${#PROFILE_NAMES[@]}; i++)); do
    [[ ${PROFILE_NAMES[i]} != "$1" ]] || break
  done
  PROFILE_NAMES[i]=$1
  PROFILE_VALUES[i]=$2
  PROFILE_SOURCES+="env.$1"$'\t'"$3"$'\n'
}

# Usage: check_profile_name <profile> <name>
# Status 1, after a diagnostic, for a variable that a profile cannot set.
check_profile_name() {
  declare -F is_loadable_name >/dev/null || . "${BASH_SOURCE[0]%/*}/dotenv.sh"
  if is_reserved_name "$2" || ! is_loadable_name "$2"; then
    fail_profile_value "$1" "env.$2" "" "the variable is set by Pyve or by the shell, or its name is none"
    return 1
  fi
}

# Usage: is_reserved_name <name>
# True for a variable that says where the environment is, or is executed by a shell that starts.
is_reserved_name() {
  case $1 in
    PATH | PYVE_* | VIRTUAL_ENV | VIRTUAL_ENV_PROMPT | UV_PROJECT_ENVIRONMENT | PYTHONHOME | BASH_ENV | ENV) return 0 ;;
    CONDA_PREFIX | CONDA_DEFAULT_ENV | CONDA_SHLVL) return 0 ;;
  esac
  return 1
}

# Usage: find_flag_words <lines>
# Sets FLAG_WORDS to the words of flags, one or more in a line. Status 1 for what is none; REPLY is then the line. Only what
# changes how the interpreter works can be said, not what it runs.
find_flag_words() {
  local line
  local -a words
  FLAG_WORDS=()
  while IFS= read -r line; do
    line=${line#"${line%%[![:blank:]]*}"}
    line=${line%"${line##*[![:blank:]]}"}
    if [[ $line =~ ^-[XW][[:blank:]]*([^[:cntrl:]]+)$ ]]; then
      FLAG_WORDS+=("${line:0:2}" "${BASH_REMATCH[1]}")
    elif [[ $line =~ ^(-[bBdEIOPqRsSuvx]+[[:blank:]]*)+$ ]]; then
      IFS=$' \t' read -r -a words <<<"$line"
      FLAG_WORDS+=("${words[@]}")
    elif [[ -n $line ]]; then
      REPLY=$line
      return 1
    fi
  done <<<"$1"
}

# Usage: find_group_names <lines>
# Sets GROUP_NAMES to the names, or to none. Status 1 for what is no name; REPLY is then the line.
find_group_names() {
  local line
  GROUP_NAMES=""
  while IFS= read -r line; do
    [[ -n $line ]] || continue
    if [[ ! $line =~ ^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$ ]]; then
      REPLY=$line
      return 1
    fi
    GROUP_NAMES+=${GROUP_NAMES:+ }$line
  done <<<"$1"
  [[ " $GROUP_NAMES " != *" none "* ]] || GROUP_NAMES=none
}

# Usage: fail_unknown_profile <name>
# Says so, with the nearest there is. Status 1.
fail_unknown_profile() {
  local known near word fix="pyve profile list"
  local -a words=()
  declare -F suggest >/dev/null || . "${BASH_SOURCE[0]%/*}/cli.sh"
  trap finish EXIT
  suggest "$1" "${PROFILES[@]}"
  near=$REPLY
  if [[ -n $near ]]; then
    # (Where the command line names it, the fix is that, corrected.)
    for word in "${PYVE_WORDS[@]}"; do
      case $word in
        "$1" | "--profile=$1") word=${word%"$1"}$near fix="" ;;
      esac
      words+=("$word")
    done
    if [[ -z $fix ]]; then
      quote_words pyve "${words[@]}"
      fix=$REPLY
    fi
  fi
  printf -v known '%s, ' "${PROFILES[@]}"
  fail E_PROFILE_UNKNOWN "there is no profile '${1//[[:cntrl:]]/?}'" ${near:+why "did you mean '$near'?"} \
    why "there are ${known%, }" fix "$fix"
}

# Usage: fail_profile_value <profile> <key> <value> <why>
# Says what a profile cannot say. Status 1.
fail_profile_value() {
  local key="run.profiles.$1.$2"
  trap finish EXIT
  fail E_PROFILE_VALUE "the config has what no profile can say: $key${3:+: $3}" why "$4" fix "pyve config unset $key"
}

# Usage: fail_profile_key <profile> <key> [why]
# Says that a profile has no such key, or why it cannot be so. Status 1.
fail_profile_key() {
  local why=${3-} near=""
  if [[ -z $why ]]; then
    declare -F suggest >/dev/null || . "${BASH_SOURCE[0]%/*}/cli.sh"
    suggest "$2" env env_file flags groups watch
    near=$REPLY why="a profile has env, env_file, flags, groups and watch"
  fi
  trap finish EXIT
  fail E_PROFILE_VALUE "the config has what no profile can say: run.profiles.$1.$2" ${near:+why "did you mean '$near'?"} \
    why "$why" why "the line is to be removed or corrected by hand: ${PROJECT_ROOT%/}/.pyve/config"
}

# Usage: use_profile <name>
# Brings the profile of the project in the current folder, or above it, into the plan: PLAN_PROFILE, PLAN_SETS, PLAN_FLAGS and
# PLAN_HIDDEN, and sets what read_profile sets. Nothing for "". Status 1 after a diagnostic.
use_profile() {
  local i
  PROFILE_GROUPS="" PROFILE_WATCH=""
  [[ -n $1 ]] || return 0
  find_project || :
  config_load "${PROJECT_ROOT%/}/.pyve/config" || :
  read_profile "$1" || return 1
  PLAN_PROFILE=$1
  # (For the Pyves and other programs that the command starts.)
  PLAN_SETS+=("PYVE_PROFILE=$1")
  read_profile_file "$1" || return 1
  for ((i = 0; i < ${#PROFILE_NAMES[@]}; i++)); do
    PLAN_SETS+=("${PROFILE_NAMES[i]}=${PROFILE_VALUES[i]}")
  done
  PLAN_FLAGS=(${PROFILE_FLAGS[@]+"${PROFILE_FLAGS[@]}"})
  if [[ -n ${PYVE_EXPLAIN-} ]]; then
    get_caller_variable PYVE_PROFILE && [[ $REPLY == "$1" ]] && REPLY="PYVE_PROFILE says so" || REPLY="--profile says so"
    plan_chosen profile "$1" "$REPLY"
    [[ -z $PROFILE_WATCH ]] || plan_chosen watch "on" "the profile says that the command is started again whenever files change"
  fi
}

# Usage: read_profile_file <profile>
# For use_profile: brings the variables of PROFILE_FILE into the plan, before those that the profile says itself.
read_profile_file() {
  local file=$PROFILE_FILE text="" i
  [[ -n $file ]] || return 0
  [[ $file == /* ]] || file=${PROJECT_ROOT%/}/$file
  if [[ ! -f $file || ! -r $file ]]; then
    trap finish EXIT
    fail E_PROFILE_FILE "the env file of the profile '$1' cannot be read" why "the config says $PROFILE_FILE, which is $file" \
      fix "pyve config unset run.profiles.$1.env_file"
    return 1
  fi
  declare -F parse_dotenv >/dev/null || . "${BASH_SOURCE[0]%/*}/dotenv.sh"
  if IFS= read -r -d '' -n 1048577 text <"$file" || ((${#text} > 1048576)) || ! parse_dotenv "$text" get_caller_variable; then
    trap finish EXIT
    fail E_PROFILE_FILE "the env file of the profile '$1' is no list of variables" \
      why "$file${DOTENV_BAD_LINE:+, line $DOTENV_BAD_LINE}: NAME=value is what a line has" fix "pyve config unset run.profiles.$1.env_file"
    return 1
  fi
  keep_loadable_names
  for ((i = 0; i < ${#DOTENV_NAMES[@]}; i++)); do
    ! is_reserved_name "${DOTENV_NAMES[i]}" || continue
    PLAN_SETS+=("${DOTENV_NAMES[i]}=${DOTENV_VALUES[i]}")
    PLAN_HIDDEN+=("${DOTENV_NAMES[i]}")
  done
  [[ -z ${PYVE_EXPLAIN-} ]] || plan_chosen "env file" "$file" "the profile says so; its values are not shown"
}

# Usage: watch_instead
# For run, and a profile that says so: this command line of Pyve is started again whenever files change.
watch_instead() {
  trap finish EXIT
  declare -F start_watching >/dev/null || . "${BASH_SOURCE[0]%/*}/watch.sh"
  # (Where a -C in these words is meant from.)
  CDPATH="" cd -- "$RUN_FROM" || return 1
  WATCH_ON=() WATCH_CLEAR="" WATCH_KILL_AFTER=""
  start_watching "${PYVE_WORDS[@]}"
}

# Usage: insert_flags
# For start_planned: puts PLAN_FLAGS behind the interpreter, where the command is one, or a script of the environment.
insert_flags() {
  local command=${PLAN_ARGV[0]} file first="" line folder
  file=$command
  if [[ $command != */* ]]; then
    for folder in ${PLAN_PATHS[@]+"${PLAN_PATHS[@]}"} "${PLAN_ENVIRONMENT:-/nowhere}/bin"; do
      file=$folder/$command
      [[ ! -f $file || ! -x $file ]] || break
    done
  fi
  if is_python_name "${command##*/}"; then
    PLAN_ARGV=("$command" "${PLAN_FLAGS[@]}" "${PLAN_ARGV[@]:1}")
    return 0
  fi
  if [[ -n $PLAN_ENVIRONMENT && -f $file && -r $file && -x $PLAN_ENVIRONMENT/bin/python ]]; then
    { IFS= read -r -d '' -n 1024 first || :; } <"$file" 2>/dev/null
    # (Behind the interpreter may stand one argument, which is what the system makes of all that follows.)
    line=${first%%$'\n'*}
    folder="#!$PLAN_ENVIRONMENT/bin/python"
    if [[ $line == "$folder"* && ${line#"$folder"} =~ ^[0-9.]*[dmt]*([[:blank:]]+(.*[^[:blank:]]))?[[:blank:]]*$ ]] ||
      [[ $first == "#!/bin/sh"$'\n'*"exec"*"$PLAN_ENVIRONMENT/bin/python"* ]]; then
      line=""
      [[ $first == "#!/bin/sh"* ]] || line=${BASH_REMATCH[2]-}
      PLAN_ARGV=("$PLAN_ENVIRONMENT/bin/python" ${line:+"$line"} "${PLAN_FLAGS[@]}" "$file" "${PLAN_ARGV[@]:1}")
      return 0
    fi
  fi
  [[ -z ${PYVE_EXPLAIN-} ]] || plan_rejected flags "${PLAN_FLAGS[*]}" "${command##*/} is neither Python nor a script of the environment"
}
