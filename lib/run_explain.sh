# shellcheck shell=bash
# shellcheck disable=SC2153 # ENVIRONMENT and its kin are set by lib/project_state.sh
# `pyve explain ROOM ...`: what would be executed, and why. The environment of the command is not described from
# memory: a subshell enters it as a real run does, and says what is other than before.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/run_explain.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F answer_json >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
declare -F json_list >/dev/null || . "${BASH_SOURCE[0]%/*}/json.sh"
declare -F quote_words >/dev/null || . "${BASH_SOURCE[0]%/*}/cli.sh"
declare -F enter_plan >/dev/null || . "${BASH_SOURCE[0]%/*}/run_plan.sh"
declare -F get_caller_variable >/dev/null || . "${BASH_SOURCE[0]%/*}/caller.sh"
declare -F config_get >/dev/null || . "${BASH_SOURCE[0]%/*}/config.sh"
declare -F get_recorded >/dev/null || . "${BASH_SOURCE[0]%/*}/project_state.sh"
declare -F is_ci >/dev/null || . "${BASH_SOURCE[0]%/*}/frozen.sh"
declare -F fits_caller >/dev/null || . "${BASH_SOURCE[0]%/*}/conda_activation.sh"
declare -F is_activation_current >/dev/null || . "${BASH_SOURCE[0]%/*}/conda_activation.sh"
declare -F parse_activation >/dev/null || . "${BASH_SOURCE[0]%/*}/conda_activation.sh"

# Usage: explain_plan
# Shows the plan that start_planned was given. Status 127 or 126, after a diagnostic, when the command could not be
# started, but what was said of it first; not when something has to be made first.
explain_plan() {
  local status=0
  find_changes
  find_planned_interpreter
  if [[ -n $PYVE_JSON ]]; then
    answer_plan
  else
    show_plan
  fi
  if [[ -z $EXPLAIN_PROGRAM && ${#PLAN_STEPS[@]} -eq 0 ]]; then
    # (Pyve ends here, and may go to the place where the command would look.)
    CDPATH="" cd -- "$EXPLAIN_FOLDER" || return 1
    declare -F fail_command >/dev/null || . "${BASH_SOURCE[0]%/*}/run_failures.sh"
    _pyve_plan_environment=$PLAN_ENVIRONMENT PATH=$EXPLAIN_PATH fail_command "${PLAN_ARGV[@]}" || status=$?
  elif [[ -n $EXPLAIN_PROGRAM ]] && find_lost_program "$EXPLAIN_PROGRAM"; then
    declare -F fail_start >/dev/null || . "${BASH_SOURCE[0]%/*}/run_failures.sh"
    _pyve_file=$EXPLAIN_PROGRAM _pyve_plan_environment=$PLAN_ENVIRONMENT PATH=$EXPLAIN_PATH fail_start "${PLAN_ARGV[@]}" || status=$?
  fi
  return "$status"
}

# Usage: explain_project_environment
# For a plan with the environment that find_environment has found: why it is that one.
explain_project_environment() {
  local other
  config_get backend
  if [[ -f ${PROJECT_ROOT%/}/.pyve/config ]]; then
    plan_chosen project "$PROJECT_ROOT" "it has the nearest .pyve/config, from the current folder upwards"
  else
    plan_chosen project "$PROJECT_ROOT" "the current folder; neither it nor those above have a .pyve/config"
  fi
  plan_chosen environment "$ENVIRONMENT" "the config says backend: ${REPLY:-nothing, which means venv}"
  if get_caller_variable VIRTUAL_ENV && [[ -n $REPLY && ! $REPLY -ef $ENVIRONMENT ]]; then
    other=$REPLY
    plan_rejected environment "$other" "it is active where Pyve was called, but not that of the project"
  fi
  if get_caller_variable CONDA_PREFIX && [[ -n $REPLY && ! $REPLY -ef $ENVIRONMENT ]]; then
    other=$REPLY
    plan_rejected environment "$other" "it is active where Pyve was called, but not that of the project"
  fi
  get_recorded python
  if [[ -n $REPLY ]]; then
    other=$REPLY
    plan_chosen interpreter "$other" "the environment was made with it${ENVIRONMENT_PYTHON:+; its version is $ENVIRONMENT_PYTHON}"
  fi
  if [[ -e ${PROJECT_ROOT%/}/pylock.toml || -e ${PROJECT_ROOT%/}/conda-lock.yml ]]; then
    if [[ $RUN_FROZEN == --frozen ]] || { [[ -z $RUN_FROZEN ]] && is_ci; }; then
      plan_chosen lock "has to be current" "${RUN_FROZEN:-CI}"
    else
      plan_rejected lock "not looked at" "--frozen asks for that, and so does CI"
    fi
  fi
}

# Usage: explain_activation <prefix> <name>
# As find_activation, for a conda environment, but without running the scripts of the environment.
explain_activation() {
  local text=""
  ACT_NAMES=() ACT_VALUES=() ACT_SET=() ACT_FRONT=$1/bin ACT_BACK="" ACT_PATH=""
  if is_activation_current "$1"; then
    IFS= read -r -d '' text <"$1/pyve.activation" || :
    parse_activation "$text"
    ! fits_caller || return 0
  fi
  plan_step "the activation scripts of $1 are run, to see what they change; that is not foreseen here"
}

# Usage: find_changes
# Sets EXPLAIN_PROGRAM to the file that would be executed ("" for none), EXPLAIN_FOLDER to where, EXPLAIN_PATH to PATH,
# EXPLAIN_FRONT and EXPLAIN_BACK to what PATH has before and behind the caller's ("" and the whole of it as EXPLAIN_FRONT,
# when that is not in it), EXPLAIN_NAMES and EXPLAIN_VALUES to the variables that are set anew, and EXPLAIN_GONE to the
# names of those that are taken away.
find_changes() {
  local text line value IFS=$'\n'
  local -a found=()
  EXPLAIN_PROGRAM="" EXPLAIN_FOLDER=$PWD EXPLAIN_PATH=$PATH EXPLAIN_FRONT="" EXPLAIN_BACK=""
  EXPLAIN_NAMES=() EXPLAIN_VALUES=() EXPLAIN_GONE=()
  text=$(
    # (A folder that has to be made first cannot be entered.)
    # shellcheck disable=SC2030,SC2031 # it is to be lost
    [[ -d $PLAN_FOLDER ]] || PLAN_FOLDER=""
    enter_plan
    print_changes
  ) || return 0
  set -f
  for line in $text; do
    value=${line:1}
    value=${value#*=}
    value=${value//%0A/$'\n'}
    value=${value//%25/%}
    case $line in
      @program=*) EXPLAIN_PROGRAM=$value ;;
      @folder=*) EXPLAIN_FOLDER=$value ;;
      @found=*) found+=("$value") ;;
      +PATH=*) EXPLAIN_PATH=$value ;;
      +*)
        line=${line#+}
        EXPLAIN_NAMES+=("${line%%=*}")
        EXPLAIN_VALUES+=("$value")
        ;;
      -*) EXPLAIN_GONE+=("$value") ;;
    esac
  done
  set +f
  # shellcheck disable=SC2031 # the one that was not changed
  [[ -z $PLAN_FOLDER || -d $PLAN_FOLDER ]] || EXPLAIN_FOLDER=${PLAN_FOLDER%/}
  if ((${#PLAN_STEPS[@]})) && [[ ${PLAN_ARGV[0]} != */* ]]; then
    # (What PATH has for it now is not what it will have.)
    EXPLAIN_PROGRAM="" found=()
  fi
  for ((line = 1; line < ${#found[@]}; line++)); do
    [[ ${found[line]} == "${found[0]}" ]] || plan_rejected command "${found[line]}" "PATH has it behind ${found[0]%/*}"
  done
  value=:${_pyve_was_PATH-$PATH}:
  line=:$EXPLAIN_PATH:
  # (Whole folders: /bin is not in /project/.venv/bin.)
  if [[ $line == *"$value"* ]]; then
    EXPLAIN_FRONT=${line%%"$value"*}
    EXPLAIN_FRONT=${EXPLAIN_FRONT#:}
    EXPLAIN_BACK=${line#*"$value"}
    EXPLAIN_BACK=${EXPLAIN_BACK%:}
  else
    EXPLAIN_FRONT=$EXPLAIN_PATH
  fi
}

# Usage: print_changes
# For find_changes, in the environment of the command: prints lines "@program=", "@folder=", "+NAME=value" and "-=NAME".
# (Its names begin with _pyve, as those of others may be the caller's.)
print_changes() {
  if is_executable_command "${_pyve_plan_words[_pyve_plan_wraps]}"; then
    _pyve_plan_word=${_pyve_plan_words[0]}
    [[ $_pyve_plan_word == */* ]] || _pyve_plan_word=$(type -P -- "$_pyve_plan_word" || :)
    print_change "@program" "$_pyve_plan_word"
    _pyve_plan_word=${_pyve_plan_words[_pyve_plan_wraps]}
    if [[ $_pyve_plan_word != */* ]]; then
      # (Those that are found behind the first.)
      while IFS= read -r _pyve_plan_word; do
        print_change "@found" "$_pyve_plan_word"
      done < <(type -aP -- "$_pyve_plan_word" || :)
    fi
  fi
  print_change "@folder" "$PWD"
  for _pyve_plan_word in $(compgen -e); do
    case $_pyve_plan_word in
      # What every process has of its own.
      _ | SHLVL | PWD | OLDPWD | BASHOPTS | SHELLOPTS) continue ;;
    esac
    _pyve_slot=_pyve_was_$_pyve_plan_word
    if [[ -z ${!_pyve_slot+set} || ${!_pyve_slot} != "${!_pyve_plan_word}" || $_pyve_plan_word == PATH ]]; then
      print_change "+$_pyve_plan_word" "${!_pyve_plan_word}"
    fi
  done
  for _pyve_slot in "${!_pyve_was_@}"; do
    _pyve_plan_word=${_pyve_slot#_pyve_was_}
    [[ $_pyve_plan_word == PYVE_* || -n ${!_pyve_plan_word+set} ]] || print_change - "$_pyve_plan_word"
  done
}

# Usage: print_change <key> <value>
# For print_changes: one line of it.
print_change() {
  set -- "$1" "${2//%/%25}"
  printf '%s=%s\n' "$1" "${2//$'\n'/%0A}"
}

# Usage: find_planned_interpreter
# Sets PLAN_PYTHON, unless the room has, to the interpreter that would run the program: the program itself, or the one
# that its first line names; and EXPLAIN_PYTHON to the file that this leads to. "" when it is none of Python's.
find_planned_interpreter() {
  local first="" file
  file=${PLAN_PYTHON:-$EXPLAIN_PROGRAM}
  if ((${#PLAN_WRAP[@]})) && [[ -z $PLAN_PYTHON ]]; then
    file=$(PATH=$EXPLAIN_PATH type -P -- "${PLAN_ARGV[0]}" || :)
  fi
  if [[ -f $file ]] && ! is_python_name "${file##*/}"; then
    { IFS= read -r -d '' -n 1024 first || :; } <"$file" 2>/dev/null
    find_named_interpreter "$first"
    file=$REPLY
  fi
  PLAN_PYTHON=$file EXPLAIN_PYTHON=$file
  while [[ -L $EXPLAIN_PYTHON ]]; do
    file=$(readlink "$EXPLAIN_PYTHON")
    [[ $file == /* ]] || file=${EXPLAIN_PYTHON%/*}/$file
    EXPLAIN_PYTHON=$file
  done
}

# Usage: find_named_interpreter <beginning of a file>
# Sets REPLY to the Python that the first line of a script names, also by way of env, or to "".
find_named_interpreter() {
  local line=${1%%$'\n'*} word
  local -a words=()
  REPLY=""
  if [[ $1 == "#!/bin/sh"$'\n'"'''exec' "* ]]; then
    # (The path is too long for a first line, or has a blank in it.)
    line=${1#*"'''exec' "}
    line=${line%% \"\$0\"*}
    line=${line#[\"\']}
    REPLY=${line%[\"\']}
    return 0
  fi
  [[ $line == "#!"* ]] || return 0
  IFS=$' \t' read -r -a words <<<"${line#"#!"}"
  word=${words[0]-}
  if [[ ${word##*/} == env ]]; then
    for word in "${words[@]:1}"; do
      [[ $word == -* || $word == *=* ]] || break
    done
    word=$(PATH=$EXPLAIN_PATH type -P -- "$word" || :)
  fi
  ! is_python_name "${word##*/}" || REPLY=$word
}

# Usage: show_value <name> <value>
# Sets REPLY to the value as it may be shown.
show_value() {
  if [[ " ${PLAN_HIDDEN[*]-} " == *" $1 "* ]]; then
    REPLY="(hidden)"
  else
    load_redact
    redact "$2"
  fi
}

# Usage: show_row <label> <text>
# Prints a line of the plan for people, or what goes on from the line above ("").
show_row() {
  load_redact
  redact "$2"
  printf -v REPLY '%-12s %s\n' "$1" "${REPLY//[[:cntrl:]]/?}"
  print_text "$REPLY"
}

# Usage: show_plan
# Shows the plan to a person.
show_plan() {
  local i label line subject value chosen why python=""
  [[ -z $EXPLAIN_PYTHON || $EXPLAIN_PYTHON == "$PLAN_PYTHON" ]] || python=" ($EXPLAIN_PYTHON)"
  quote_words ${PLAN_WRAP[@]+"${PLAN_WRAP[@]}"} "${PLAN_ARGV[@]}"
  show_row Command "$REPLY"
  if [[ -z $EXPLAIN_PROGRAM && ${#PLAN_STEPS[@]} -gt 0 ]]; then
    show_row Executes "${PLAN_ARGV[0]}, when what comes first is done"
  else
    show_row Executes "${EXPLAIN_PROGRAM:-nothing: there is no such program}"
  fi
  [[ -z $PLAN_PYTHON ]] || show_row Interpreter "$PLAN_PYTHON$python"
  case $PLAN_BACKEND in
    "") show_row Environment "${PLAN_ENVIRONMENT:-none is entered}" ;;
    *) show_row Environment "$PLAN_ENVIRONMENT ($PLAN_BACKEND)" ;;
  esac
  [[ -z $PLAN_PROJECT ]] || show_row Project "$PLAN_PROJECT"
  [[ -z $PLAN_PROFILE ]] || show_row Profile "$PLAN_PROFILE"
  show_row Folder "$EXPLAIN_FOLDER"
  [[ -z $EXPLAIN_FRONT ]] || show_row PATH "$EXPLAIN_FRONT, then what it was"
  [[ -z $EXPLAIN_BACK ]] || show_row "" "behind that: $EXPLAIN_BACK"
  label=Sets
  for ((i = 0; i < ${#EXPLAIN_NAMES[@]}; i++)); do
    show_value "${EXPLAIN_NAMES[i]}" "${EXPLAIN_VALUES[i]}"
    show_row "$label" "${EXPLAIN_NAMES[i]}=$REPLY"
    label=""
  done
  label=Unsets
  for line in ${EXPLAIN_GONE[@]+"${EXPLAIN_GONE[@]}"}; do
    show_row "$label" "$line"
    label=""
  done
  label=Sandbox
  for line in ${PLAN_SANDBOX[@]+"${PLAN_SANDBOX[@]}"}; do
    show_row "$label" "$line"
    label=""
  done
  label="First"
  for line in ${PLAN_STEPS[@]+"${PLAN_STEPS[@]}"}; do
    show_row "$label" "$line"
    label=""
  done
  label=Because
  for line in ${PLAN_WHY[@]+"${PLAN_WHY[@]}"}; do
    split_reason "$line"
    if [[ -n $chosen ]]; then
      show_row "$label" "$subject $value: $why"
      label=""
    fi
  done
  label="Not taken"
  for line in ${PLAN_WHY[@]+"${PLAN_WHY[@]}"}; do
    split_reason "$line"
    if [[ -z $chosen ]]; then
      show_row "$label" "$subject $value: $why"
      label=""
    fi
  done
}

# Usage: split_reason <line of PLAN_WHY>
# Sets subject, value, chosen and why of its caller.
split_reason() {
  subject=${1%%$'\t'*}
  why=${1#*$'\t'}
  value=${why%%$'\t'*}
  why=${why#*$'\t'}
  chosen=${why%%$'\t'*}
  why=${why#*$'\t'}
}

# Usage: answer_plan
# Gives the plan to the JSON answer: "plan".
answer_plan() {
  local i line subject value chosen why words front back gone sandbox steps sets="" reasons="" environment=null
  json_list ${PLAN_WRAP[@]+"${PLAN_WRAP[@]}"} "${PLAN_ARGV[@]}"
  words=$REPLY
  list_folders "$EXPLAIN_FRONT"
  front=$REPLY
  list_folders "$EXPLAIN_BACK"
  back=$REPLY
  json_list ${EXPLAIN_GONE[@]+"${EXPLAIN_GONE[@]}"}
  gone=$REPLY
  json_list ${PLAN_SANDBOX[@]+"${PLAN_SANDBOX[@]}"}
  sandbox=$REPLY
  json_list ${PLAN_STEPS[@]+"${PLAN_STEPS[@]}"}
  steps=$REPLY
  for ((i = 0; i < ${#EXPLAIN_NAMES[@]}; i++)); do
    show_value "${EXPLAIN_NAMES[i]}" "${EXPLAIN_VALUES[i]}"
    json_object name "${EXPLAIN_NAMES[i]}" value "$REPLY"
    sets+=${sets:+, }$REPLY
  done
  for line in ${PLAN_WHY[@]+"${PLAN_WHY[@]}"}; do
    split_reason "$line"
    [[ -n $chosen ]] && chosen=true || chosen=false
    json_object subject "$subject" value "$value" :chosen "$chosen" why "$why"
    reasons+=${reasons:+, }$REPLY
  done
  if [[ -n $PLAN_ENVIRONMENT ]]; then
    json_object path "$PLAN_ENVIRONMENT" -backend "$PLAN_BACKEND"
    environment=$REPLY
  fi
  json_object command "$PLAN_ROOM" -program "$EXPLAIN_PROGRAM" :argv "$words" folder "$EXPLAIN_FOLDER" \
    -interpreter "$PLAN_PYTHON" -interpreter_file "$EXPLAIN_PYTHON" :environment "$environment" -project "$PLAN_PROJECT" \
    -profile "$PLAN_PROFILE" :path_front "$front" :path_back "$back" :sets "[$sets]" :unsets "$gone" :sandbox "$sandbox" \
    :steps "$steps" :considered "[$reasons]"
  answer_json plan "$REPLY"
}

# Usage: list_folders <part of PATH>
# Sets REPLY to a JSON array of its folders.
list_folders() {
  local IFS=:
  set -f
  # shellcheck disable=SC2086 # split at the colons
  json_list $1
  set +f
}
