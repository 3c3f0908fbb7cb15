# shellcheck shell=bash
# shellcheck disable=SC2034,SC2153,SC2154 # plans are read by lib/run_plan.sh; opt_* and TOOL_LIST are set elsewhere
# What `pyve tool` does, beyond its command line.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/tool_room.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F plan_tool >/dev/null || . "${BASH_SOURCE[0]%/*}/tool_run.sh"
declare -F read_tool >/dev/null || . "${BASH_SOURCE[0]%/*}/tool_store.sh"
declare -F parse_leading_options >/dev/null || . "${BASH_SOURCE[0]%/*}/run_options.sh"
declare -F json_object >/dev/null || . "${BASH_SOURCE[0]%/*}/json.sh"

# Descriptions of tools, for programs.
_tool_objects=()

# Usage: install_tools
# Installs ARGS. Status 1 when one of them failed.
install_tools() {
  local word status=0
  for word in "${ARGS[@]}"; do
    install_tool "$word" || status=1
  done
  answer_tools
  tell_path
  return "$status"
}

# Usage: install_tool <word>
# Installs what the word asks for. Status 1 after a diagnostic; what was installed before is then as it was.
install_tool() {
  local name requirement item was=""
  local -a others=()
  read_tool_word "$1" || return 1
  if [[ -z $TOOL_NAME ]] && ! find_name_of_files; then
    fail_tool_name "$1"
    return 1
  fi
  name=$TOOL_NAME requirement=$TOOL_REQUIREMENT
  while IFS= read -r item; do
    [[ -n $item ]] || continue
    read_tool_word "$item" || return 1
    others+=("$TOOL_REQUIREMENT")
  done <<<"$opt_with"
  [[ $opt_python != */* || $opt_python == /* ]] || opt_python=$PWD/$opt_python
  ! read_tool "$name" || was=$TOOL_VERSION
  TOOL_REQUIREMENT=$requirement TOOL_OTHERS=(${others[@]+"${others[@]}"}) TOOL_WISH=$opt_python
  build_tool "$name" ${opt_exclude_newer:+--exclude-newer "$opt_exclude_newer"} ${opt_offline:+--offline} && finish_tool "$name" "$was" Installed
}

# Usage: finish_tool <name> <version before, or ""> <word>
# After build_tool: links the commands, notes what was done, and says it. Status 1, with a diagnostic, when nothing can be
# linked; a tool that is new is then not installed.
finish_tool() {
  local name=$1 before=$2 what=$3 place is_new="" python=""
  [[ -f $TOOL_ROOT/$name/tool ]] || is_new=1
  list_tool_commands "$TOOL_ROOT/$name/venv" "$name"
  if ((${#TOOL_COMMANDS[@]} == 0)); then
    fail E_TOOL_COMMAND "$name brings no command at all" why "it is a library: a project adds it to what it needs" fix "pyve add $name"
    return 1
  fi
  list_foreign_links "$name"
  if ((${#TOOL_FOREIGN[@]})); then
    place=${TOOL_FOREIGN[0]}
    propose_move "$place"
    if [[ -n $is_new ]]; then
      fail E_TOOL_LINK "$place is there, and pyve tool did not make it for $name" why "only what Pyve made is replaced" fix "$REPLY"
      return 1
    fi
    warn W_TOOL_LINK "${place##*/} of $name is not linked" why "$place is there, and pyve tool did not make it for $name" fix "$REPLY"
  fi
  if ! link_commands "$name"; then
    if [[ -n $is_new ]]; then
      remove_launchers "$name" || :
      rm -f "$TOOL_ROOT/$name/tool"
    fi
    return 1
  fi
  read_tool "$name"
  describe_tool "$name" works
  [[ -z $opt_python ]] || python=" (Python $TOOL_PYTHON_VERSION)"
  if [[ $what == Upgraded && $before == "$TOOL_VERSION" ]]; then
    case $TOOL_REQUIREMENT in
      */*) place="what is at ${TOOL_REQUIREMENT#-e }" ;;
      *[=\<\>~!]*) place="the newest of $TOOL_REQUIREMENT" ;;
      *) place="the newest" ;;
    esac
    log_success "$name $TOOL_VERSION$python is $place${VENV_LOCK_CHANGED:+; what it needs was upgraded}"
  elif [[ -z $before || $before == "$TOOL_VERSION" ]]; then
    log_success "$what $name $TOOL_VERSION$python: ${TOOL_LINKED[*]-}"
  else
    log_success "$what $name $before -> $TOOL_VERSION$python: ${TOOL_LINKED[*]-}"
  fi
}

# Usage: describe_tool <name> <works|broken>
# After read_tool: keeps what is known of it for programs, and sets TOOL_PYTHON_VERSION to that of its interpreter.
describe_tool() {
  local links works=true
  get_environment_state "$TOOL_FOLDER/venv" version
  TOOL_PYTHON_VERSION=$REPLY
  [[ -n ${PYVE_JSON-} ]] || return 0
  [[ $2 == works ]] || works=false
  json_list ${TOOL_LINKED[@]+"${TOOL_LINKED[@]}"}
  links=$REPLY
  json_object name "$1" version "$TOOL_VERSION" requirement "$TOOL_REQUIREMENT" python "$TOOL_PYTHON_VERSION" :commands "$links" :works "$works" folder "$TOOL_FOLDER"
  _tool_objects+=("$REPLY")
}

# Usage: answer_tools
# Gives what describe_tool has kept.
answer_tools() {
  local item list=""
  for item in ${_tool_objects[@]+"${_tool_objects[@]}"}; do
    list+=${list:+, }$item
  done
  answer_json tools "[$list]"
}

# Usage: tell_path
# Warns when the commands of tools are not found by their names.
tell_path() {
  if ((_error_count == 0)) && [[ :${PATH-}: != *:"$TOOL_BIN":* ]]; then
    quote_word "$TOOL_BIN"
    warn W_TOOL_PATH "$TOOL_BIN is not on PATH" why "the commands of installed tools are there" \
      why "a line for the file that your shell reads when it starts: export PATH=$REPLY:\"\$PATH\""
  fi
}

# Usage: show_tools
# Lists what is installed, and warns of what does not work.
show_tools() {
  local name state command
  list_tools
  for name in ${TOOL_LIST[@]+"${TOOL_LIST[@]}"}; do
    read_tool "$name" || continue
    state=works
    is_private_env "$TOOL_FOLDER/venv" || state=broken
    describe_tool "$name" "$state"
    [[ -n $PYVE_JSON ]] || print_text "$name ${TOOL_VERSION:-?} (Python ${TOOL_PYTHON_VERSION:-?}): ${TOOL_LINKED[*]-}"$'\n'
    [[ $state == works ]] || warn_broken_tool "$name"
    for command in ${TOOL_LINKED[@]+"${TOOL_LINKED[@]}"}; do
      is_launcher "$TOOL_BIN/$command" "$name" || warn_unlinked_command "$name" "$command"
    done
  done
  answer_tools
  ((${#TOOL_LIST[@]})) || log_info "No tool is installed: pyve tool install NAME"
}

# Usage: warn_broken_tool <name>
# Says that the environment of an installed tool does not work.
warn_broken_tool() {
  warn W_TOOL_BROKEN "the environment of $1 does not work" why "its Python is gone, or its folder was moved: $TOOL_ROOT/$1/venv" \
    why "it is made anew when one of its commands is started" fix "pyve tool upgrade --reinstall $1"
}

# Usage: warn_unlinked_command <name> <command>
# Says that a command of an installed tool is not in its place.
warn_unlinked_command() {
  local place=$TOOL_BIN/$2
  if [[ -e $place || -L $place ]]; then
    propose_move "$place"
    warn W_TOOL_LINK "$2 of $1 is not linked" why "$place is there, and pyve tool did not make it for $1" fix "$REPLY"
  else
    warn W_TOOL_LINK "$2 of $1 is not linked" why "$place is gone" fix "pyve tool upgrade --reinstall $1"
  fi
}

# Usage: upgrade_tools
# Upgrades ARGS, or all that are installed. Status 1 when one of them failed.
upgrade_tools() {
  local name status=0
  local -a names=()
  for name in ${ARGS[@]+"${ARGS[@]}"}; do
    read_installed_tool "$name" || return 1
    names+=("$TOOL_NAME")
  done
  if ((${#names[@]} == 0)); then
    list_tools
    names=(${TOOL_LIST[@]+"${TOOL_LIST[@]}"})
  fi
  [[ $opt_python != */* || $opt_python == /* ]] || opt_python=$PWD/$opt_python
  for name in ${names[@]+"${names[@]}"}; do
    upgrade_tool "$name" || status=1
  done
  answer_tools
  ((${#names[@]})) || log_info "No tool is installed: pyve tool install NAME"
  return "$status"
}

# Usage: upgrade_tool <name>
# Status 1 after a diagnostic; the tool is then as it was.
upgrade_tool() {
  local before what=Upgraded
  local -a words=(--refresh)
  read_tool "$1" || return 1
  before=$TOOL_VERSION
  replace_gone_python "$1"
  TOOL_WISH=${opt_python:-$TOOL_WISH}
  if [[ -n $opt_reinstall ]]; then
    words=(--again) what=Reinstalled
  fi
  build_tool "$1" "${words[@]}" ${opt_exclude_newer:+--exclude-newer "$opt_exclude_newer"} ${opt_offline:+--offline} &&
    finish_tool "$1" "$before" "$what"
}

# Usage: remove_tools
# Removes ARGS, all of them or none.
remove_tools() {
  local name gone
  local -a names=()
  for name in "${ARGS[@]}"; do
    # (Nobody installs something in order to remove it.)
    read_installed_tool "$name" "pyve tool list" || return 1
    names+=("$TOOL_NAME")
  done
  for name in "${names[@]}"; do
    read_tool "$name" || continue
    describe_tool "$name" works
    remove_launchers "$name" || return 1
    # (Without its record it is not installed any more.)
    gone=$TOOL_ROOT/.gone.$name.$$
    if ! { rm -f "$TOOL_FOLDER/tool" && mv "$TOOL_FOLDER" "$gone" && rm -rf "$gone"; } 2>/dev/null; then
      propose_access "$TOOL_FOLDER"
      fail E_FILE_WRITE "cannot remove $TOOL_FOLDER" why "no permission, or it is in use" ${REPLY:+fix "$REPLY"}
      return 1
    fi
    log_success "Removed $name"
  done
  answer_tools
}

# Usage: run_tool [argument]...
# Runs a command of an installed tool, whose environment is mended first when it does not work.
run_tool() {
  local name command
  parse_leading_options "$@" && set -- ${COMMAND_WORDS[@]+"${COMMAND_WORDS[@]}"} && find_tool_root || return 1
  if (($# == 0)); then
    fail E_USAGE_ARGUMENT "pyve tool run needs a command" fix "pyve help tool"
    return 1
  fi
  begin_plan tool
  command=$1
  if [[ -n $opt_from ]]; then
    read_installed_tool "$opt_from" || return 1
    name=$TOOL_NAME
  elif ! find_tool_of "$command"; then
    plan_tool "$@" && start_planned
    return
  else
    name=$REPLY
    read_tool "$name"
  fi
  mend_tool "$name" || return 1
  [[ -z ${PYVE_EXPLAIN-} ]] || plan_chosen tool "$TOOL_FOLDER/venv" "pyve tool install has installed $name"
  plan_tool_command "$TOOL_FOLDER/venv" "$name" "$@" && start_planned
}

# Usage: find_tool_of <command>
# Sets REPLY to the installed tool of that name, or that has linked such a command. Status 1 when there is none.
find_tool_of() {
  local name linked
  list_tools
  for name in ${TOOL_LIST[@]+"${TOOL_LIST[@]}"}; do
    read_tool "$name" || continue
    for linked in ${TOOL_LINKED[@]+"${TOOL_LINKED[@]}"}; do
      if [[ $linked == "$1" ]]; then
        REPLY=$name
        return 0
      fi
    done
  done
  return 1
}
