# shellcheck shell=bash
# What `pyve` and `pyve status` print of a project's facts: for people, for programs, and in one line.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/project_report.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F find_state >/dev/null || . "${BASH_SOURCE[0]%/*}/project_facts.sh"

# Usage: print_state
# Prints the facts, in their order, and the next command. After find_state.
print_state() {
  local fact found text=${PROJECT_ROOT##*/}
  text=${text:-/}
  # What files are called gives no orders to the terminal.
  text="${text//[[:cntrl:]]/?}: $PROJECT_STATE"$'\n'
  for fact in ${PROJECT_FACTS[@]+"${PROJECT_FACTS[@]}"}; do
    found=${fact#*$'\t'}
    printf -v found '  %-12s %s\n' "${fact%%$'\t'*}" "${found//[[:cntrl:]]/?}"
    text+=$found
  done
  load_redact
  redact "$text"$'\n'"Next: ${NEXT//[[:cntrl:]]/?}"
  print_text "$REPLY"$'\n'
}

# Usage: print_brief
# Prints a line of words: state, backend, version of Python, state of the lock, and to its end the next command. "-" stands
# for what is not known. After find_state.
print_brief() {
  local backend=$MANIFEST_BACKEND
  [[ $PROJECT_STATE != uninitialized ]] || backend="-"
  load_redact
  redact "$PROJECT_STATE $backend ${ENVIRONMENT_PYTHON:--} $LOCK_STATE ${NEXT//[[:cntrl:]]/?}"
  print_text "$REPLY"$'\n'
}

# Usage: add_details
# Adds to PROJECT_FACTS what `pyve status` says and `pyve` alone does not. After find_state.
add_details() {
  local text
  find_interpreter
  if [[ -n $INTERPRETER ]]; then
    add_fact 7 Interpreter "$INTERPRETER ($INTERPRETER_MANAGER)"
  fi
  if [[ $PROJECT_STATE != uninitialized ]]; then
    text=${MANIFEST_FILES[*]-}
    add_fact 3 Manifest "${text:-none}"
    [[ $LOCK_STATE != none ]] || add_fact 4 Lock "none (unlocked)"
  fi
  find_engine
  [[ -z $ENGINE ]] || add_fact 5 Engine "$ENGINE${ENGINE_VERSION:+ $ENGINE_VERSION}"
  case $ENVRC in
    none) text="no .envrc" ;;
    ours) text=".envrc by pyve init" ;;
    changed) text=".envrc by pyve init, changed since" ;;
    foreign) text=".envrc that Pyve did not write" ;;
  esac
  if [[ -z $ENVRC_INSTALLED ]]; then
    text+="; direnv is not installed"
  elif [[ $ENVRC != none && -z $ENVRC_ALLOWED ]]; then
    text+="; not allowed"
  elif [[ $ENVRC != none ]]; then
    text+="; allowed"
  fi
  add_fact 8 direnv "$text"
  [[ -z $BUSY ]] || add_fact 10 Busy "process $BUSY is changing this project"
  ((${#LEFTOVERS[@]} == 0)) || add_fact 11 Leftovers "${LEFTOVERS[*]} (of a killed command; the next one that changes something clears them)"
}

# Usage: find_engine
# Sets ENGINE and ENGINE_VERSION to what the conda environment was made with; to the engine that the config names, and
# "", when there is none yet; to "" for other backends.
find_engine() {
  ENGINE="" ENGINE_VERSION=""
  [[ $ENVIRONMENT_BACKEND == micromamba ]] || return 0
  get_recorded engine_version
  ENGINE_VERSION=$REPLY
  get_recorded engine
  ENGINE=$REPLY
  if [[ -z $ENGINE ]]; then
    config_get micromamba.engine
    [[ $REPLY == auto ]] || ENGINE=$REPLY
  fi
}

# Usage: answer_state
# Gives the facts to the JSON answer, all keys always. After find_state.
answer_state() {
  local text backend config=missing
  load_json
  find_interpreter
  find_engine
  answer project "$PROJECT_ROOT"
  answer state "$PROJECT_STATE"
  answer next "$NEXT"
  json_list ${PROJECT_WHY[@]+"${PROJECT_WHY[@]}"}
  answer_json why "$REPLY"
  answer backend "$MANIFEST_BACKEND"
  if [[ -f $PROJECT_ROOT/.pyve/config ]]; then
    [[ -r $PROJECT_ROOT/.pyve/config ]] && config=readable || config=unreadable
  fi
  json_object state "$config" -file "${PROJECT_ROOT%/}/.pyve/config"
  answer_json config "$REPLY"
  json_list ${MANIFEST_FILES[@]+"${MANIFEST_FILES[@]}"}
  text=$REPLY
  ((${#MANIFEST_FILES[@]})) && backend=present || backend=missing
  json_object state "$backend" :files "$text"
  answer_json manifest "$REPLY"
  json_list ${LOCK_FILES[@]+"${LOCK_FILES[@]}"}
  text=$REPLY
  json_object state "$LOCK_STATE" -basis "$LOCK_BASIS" :files "$text"
  answer_json lock "$REPLY"
  text=null
  if [[ -n $ENVIRONMENT_MADE_FROM ]]; then
    json_object file "$ENVIRONMENT_MADE_FROM" state "$ENVIRONMENT_MADE_FROM_STATE"
    text=$REPLY
  fi
  json_object state "$ENVIRONMENT_CONDITION" path "$ENVIRONMENT" -python "$ENVIRONMENT_PYTHON" -made_at "$ENVIRONMENT_PLACE" :made_from "$text"
  answer_json environment "$REPLY"
  json_object -path "$INTERPRETER" -version "${INTERPRETER:+$ENVIRONMENT_PYTHON}" -manager "$INTERPRETER_MANAGER" -wanted "$INTERPRETER_WANTED"
  answer_json interpreter "$REPLY"
  text=null
  if [[ $ENVIRONMENT_BACKEND == micromamba ]]; then
    json_object -name "$ENGINE" -version "$ENGINE_VERSION"
    text=$REPLY
  fi
  answer_json engine "$text"
  text=null
  if [[ $ENVRC != none && -n $ENVRC_INSTALLED ]]; then
    [[ -n $ENVRC_ALLOWED ]] && text=true || text=false
  fi
  [[ -n $ENVRC_INSTALLED ]] && REPLY=true || REPLY=false
  json_object :installed "$REPLY" envrc "$ENVRC" :allowed "$text"
  answer_json direnv "$REPLY"
  [[ -n $SHELL_ENTERED ]] && REPLY=true || REPLY=false
  json_object :in_environment "$REPLY" -by "$SHELL_ENTERED"
  answer_json shell "$REPLY"
  json_list ${LEFTOVERS[@]+"${LEFTOVERS[@]}"}
  answer_json leftovers "$REPLY"
  answer_json busy "${BUSY:-null}"
}
