# shellcheck shell=bash
# shellcheck disable=SC2034 # what is read is read by the room
# Tools that are installed for a user: each in ${XDG_DATA_HOME:-~/.local/share}/pyve/tools/<name>, with its own lock
# (pylock.toml) and interpreter (venv/), which the shared store is not needed for. "tool", the record of what was asked for
# and which commands were linked, is written last. In ~/.local/bin stands a small sh program for each command: it starts
# the command at once, and by way of Pyve when the Python of the tool is gone, so that its environment is made anew first.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/tool_store.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F compose_cached_request >/dev/null || . "${BASH_SOURCE[0]%/*}/cached_env.sh"
declare -F get_environment_state >/dev/null || . "${BASH_SOURCE[0]%/*}/venv_env.sh"
declare -F build_private_env >/dev/null || . "${BASH_SOURCE[0]%/*}/cached_env_make.sh"
declare -F list_tool_commands >/dev/null || . "${BASH_SOURCE[0]%/*}/tool_request.sh"
declare -F log_info >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"
declare -F write_file >/dev/null || . "${BASH_SOURCE[0]%/*}/files.sh"
declare -F quote_word >/dev/null || . "${BASH_SOURCE[0]%/*}/text.sh"
declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
declare -F propose_access >/dev/null || . "${BASH_SOURCE[0]%/*}/fixes.sh"
declare -F lock_project >/dev/null || . "${BASH_SOURCE[0]%/*}/project_lock.sh"
declare -F plan_step >/dev/null || . "${BASH_SOURCE[0]%/*}/run_plan.sh"

# The text of the lock of all tools.
_tools_locked=""

# The second line of what stands for a command in ~/.local/bin.
_launcher_mark="# Made by pyve tool, for"

# Usage: find_tool_root
# Sets TOOL_ROOT to the folder of all installed tools, and TOOL_BIN to that of their commands. Status 1, with a diagnostic,
# where there can be none.
find_tool_root() {
  local data=${XDG_DATA_HOME-} home
  [[ $data == /* ]] || data=${HOME:+$HOME/.local/share}
  TOOL_ROOT=$data/pyve/tools TOOL_BIN=${HOME-}/.local/bin
  if [[ ${HOME-} != /* || $data != /* || $TOOL_ROOT$HOME == *[[:cntrl:]]* ]]; then
    home=$(unset HOME && printf '%s' ~)
    quote_word "HOME=$home"
    home=$REPLY
    repeat_command
    fail E_CACHE_PLACE "there is no place for installed tools" why "HOME is not set, or is no absolute path without control characters" \
      fix "env -u XDG_DATA_HOME $home ${REPLY#env }"
    return 1
  fi
}

# Usage: lock_tools
# Lets no other Pyve install, upgrade or remove tools until this one ends, and clears what a killed one left half done: what
# has no record is not installed. Status 1 after a diagnostic.
lock_tools() {
  local before=$PWD
  if ! (umask 077 && mkdir -p "$TOOL_ROOT") 2>/dev/null || ! CDPATH="" cd -- "$TOOL_ROOT" 2>/dev/null; then
    propose_access "$TOOL_ROOT"
    fail E_FILE_WRITE "cannot make the folder $TOOL_ROOT" why "no permission, or no space left: then make room, and try again" ${REPLY:+fix "$REPLY"}
    return 1
  fi
  declare -F check_kept >/dev/null || . "${BASH_SOURCE[0]%/*}/owner.sh"
  check_kept "$TOOL_ROOT" XDG_DATA_HOME "the folder of installed tools" || return 1
  # (The locks of the tools themselves come and go meanwhile.)
  at_exit unlock_tools
  lock_project bare || return 1
  _tools_locked=$_project_locked _project_locked="" _project_lock_state="" _project_folder=""
  clear_half_tools
  CDPATH="" cd -- "$before" || return 1
}

# Usage: clear_half_tools
# With the lock: removes what belongs to no installed tool. A tool has a record, which is written when all else is there.
clear_half_tools() {
  local folder
  for folder in "$TOOL_ROOT"/* "$TOOL_ROOT"/.gone.*; do
    [[ ! -d $folder || -L $folder || -f $folder/tool ]] || rm -rf -- "$folder" 2>/dev/null || :
  done
  rm -f -- "$TOOL_BIN"/.*.pyve-tool.* 2>/dev/null || :
}

# Usage: unlock_tools
# At exit: clears what has come to nothing, and gives the lock back.
unlock_tools() {
  local _project_locked=$_tools_locked _project_lock_state=held _project_folder=$TOOL_ROOT
  [[ -n $_tools_locked ]] || return 0
  clear_half_tools
  unlock_project
  _tools_locked=""
}

# Usage: list_tools
# Sets the array TOOL_LIST to the normalised names of the installed tools.
list_tools() {
  local file
  TOOL_LIST=()
  for file in "$TOOL_ROOT"/*/tool; do
    [[ ! -f $file ]] || { file=${file%/tool} && TOOL_LIST+=("${file##*/}"); }
  done
}

# Usage: read_tool <name>
# Sets TOOL_FOLDER, TOOL_REQUIREMENT, TOOL_WISH (the interpreter that was asked for, or ""), the arrays TOOL_OTHERS (what
# was asked for beside it) and TOOL_LINKED (its commands), and TOOL_VERSION, by the record. Status 1 when it is not
# installed.
read_tool() {
  local line folder
  TOOL_FOLDER=$TOOL_ROOT/$1 TOOL_REQUIREMENT="" TOOL_WISH="" TOOL_VERSION="" TOOL_OTHERS=() TOOL_LINKED=()
  [[ -f $TOOL_FOLDER/tool && -O $TOOL_FOLDER/tool ]] || return 1
  while IFS= read -r line; do
    case $line in
      requirement=*) TOOL_REQUIREMENT=${line#*=} ;;
      with=*) TOOL_OTHERS+=("${line#*=}") ;;
      python=*) TOOL_WISH=${line#*=} ;;
      command=*) TOOL_LINKED+=("${line#*=}") ;;
    esac
  done <"$TOOL_FOLDER/tool"
  for folder in "$TOOL_FOLDER"/venv/lib/python3*/site-packages/*.dist-info; do
    folder=${folder##*/}
    folder=${folder%.dist-info}
    normalize_tool_name "${folder%%-*}"
    [[ $REPLY != "$1" ]] || TOOL_VERSION=${folder#*-}
  done
}

# Usage: read_installed_tool <name> [fix]
# read_tool, for a name that a person gave. Status 1, with a diagnostic, when it is not installed; its fix is to install it,
# unless another one is given.
read_installed_tool() {
  local given=$1
  normalize_tool_name "$given"
  if [[ $given =~ ^[A-Za-z0-9][A-Za-z0-9._-]*$ ]] && read_tool "$REPLY"; then
    TOOL_NAME=${TOOL_FOLDER##*/}
    return 0
  fi
  list_tools
  declare -F suggest >/dev/null || . "${BASH_SOURCE[0]%/*}/cli.sh"
  suggest "$given" ${TOOL_LIST[@]+"${TOOL_LIST[@]}"}
  if [[ -n $REPLY ]]; then
    propose_other_word "$given" "$REPLY"
    fail E_TOOL_UNKNOWN "'${given//[[:cntrl:]]/?}' is not installed" why "installed are: ${TOOL_LIST[*]}" fix "$REPLY"
  else
    quote_word "$given"
    fail E_TOOL_UNKNOWN "'${given//[[:cntrl:]]/?}' is not installed" why "installed are: ${TOOL_LIST[*]-none}" fix "${2:-pyve tool install $REPLY}"
  fi
}

# Usage: propose_other_word <given> <meant>
# Sets REPLY to the command as it was given, with one word replaced.
propose_other_word() {
  local word
  local -a words=()
  for word in "${PYVE_WORDS[@]}"; do
    [[ $word != "$1" ]] || word=$2
    words+=("$word")
  done
  quote_words pyve "${words[@]}"
}

# Usage: is_launcher <file> [tool]
# True for a file that Pyve made in ~/.local/bin for a command of that tool, or of any.
is_launcher() {
  local first="" second=""
  [[ -f $1 && ! -L $1 && -O $1 && -r $1 ]] || return 1
  {
    IFS= read -r first || :
    IFS= read -r second || :
  } <"$1"
  [[ $first == "#!/bin/sh" && ($second == "$_launcher_mark ${2-}" || (-z ${2-} && $second == "$_launcher_mark "*)) ]]
}

# Usage: compose_launcher <tool> <command>
# Sets REPLY to the text of what stands for the command in ~/.local/bin.
compose_launcher() {
  local venv program pyve
  quote_word "$TOOL_ROOT/$1/venv"
  venv=$REPLY
  quote_word "$2"
  program=$REPLY
  quote_word "$PYVE_ROOT/pyve.sh"
  pyve=$REPLY
  REPLY="#!/bin/sh
$_launcher_mark $1
venv=$venv
command=$program
[ -x \"\$venv/bin/python\" ] && [ -x \"\$venv/bin/\$command\" ] && exec \"\$venv/bin/\$command\" \"\$@\"
# The Python of this tool is gone. Pyve makes its environment anew, from its lock, and starts the command then.
for pyve in \"\${HOME-}/.local/bin/pyve\" $pyve; do
  [ -x \"\$pyve\" ] && exec \"\$pyve\" tool run --from $1 -- \"\$command\" \"\$@\"
done
printf '%s: its Python is gone, and so is pyve, which would mend it: pyve tool upgrade --reinstall $1\\n' \"\$command\" >&2
exit 127
"
}

# Usage: list_foreign_links <tool>
# Sets the array TOOL_FOREIGN to those of TOOL_COMMANDS whose place in ~/.local/bin has something else.
list_foreign_links() {
  local command place
  TOOL_FOREIGN=()
  for command in ${TOOL_COMMANDS[@]+"${TOOL_COMMANDS[@]}"}; do
    place=$TOOL_BIN/$command
    [[ ! -e $place && ! -L $place ]] || is_launcher "$place" "$1" || TOOL_FOREIGN+=("$place")
  done
}

# Usage: link_commands <tool>
# Puts TOOL_COMMANDS of the tool into ~/.local/bin, but for those of TOOL_FOREIGN, takes those of TOOL_LINKED away that it
# has no more, and writes the record. TOOL_LINKED is then what is there. Status 1 after a diagnostic.
link_commands() {
  local command foreign=$'\n'
  local -a linked=()
  for command in ${TOOL_FOREIGN[@]+"${TOOL_FOREIGN[@]}"}; do
    foreign+=$command$'\n'
  done
  for command in ${TOOL_COMMANDS[@]+"${TOOL_COMMANDS[@]}"}; do
    [[ $foreign == *$'\n'"$TOOL_BIN/$command"$'\n'* ]] || linked+=("$command")
  done
  remove_launchers "$1" ${linked[@]+"${linked[@]}"} || return 1
  TOOL_LINKED=(${linked[@]+"${linked[@]}"})
  # (The record goes first: what is in ~/.local/bin is always that of a tool which is installed.)
  write_tool_record "$1" || return 1
  mkdir -p "$TOOL_BIN" 2>/dev/null || :
  for command in ${linked[@]+"${linked[@]}"}; do
    write_launcher "$1" "$command" || return 1
  done
}

# Usage: write_launcher <tool> <command>
# Puts the command into ~/.local/bin, in one step, ready to be executed. Status 1 after a diagnostic.
write_launcher() {
  local place=$TOOL_BIN/$2 new=$TOOL_BIN/.$2.pyve-tool.$$ text
  compose_launcher "$1" "$2"
  text=$REPLY
  read_file "$place"
  [[ $REPLY != "$text" || ! -x $place ]] || return 0
  if ! { printf '%s' "$text" >"$new" && chmod 755 "$new" && mv -f -- "$new" "$place"; } 2>/dev/null; then
    rm -f -- "$new" 2>/dev/null || :
    fail_write "$place"
    return 1
  fi
}

# Usage: remove_launchers <tool> [command to keep]...
# Removes what Pyve made in ~/.local/bin for the commands TOOL_LINKED of the tool, but for those. Status 1, with a
# diagnostic, when that fails.
remove_launchers() {
  local command name=$1
  shift
  for command in ${TOOL_LINKED[@]+"${TOOL_LINKED[@]}"}; do
    if [[ " $* " != *" $command "* && $command != */* ]] && is_launcher "$TOOL_BIN/$command" "$name"; then
      if ! rm -f "$TOOL_BIN/$command" 2>/dev/null; then
        fail_write "$TOOL_BIN/$command"
        return 1
      fi
    fi
  done
}

# Usage: write_tool_record <tool>
# Notes what the tool is, by TOOL_REQUIREMENT, TOOL_OTHERS, TOOL_WISH and TOOL_LINKED.
write_tool_record() {
  local text item
  text="name=$1"$'\n'"requirement=$TOOL_REQUIREMENT"$'\n'"python=$TOOL_WISH"$'\n'
  for item in ${TOOL_OTHERS[@]+"${TOOL_OTHERS[@]}"}; do
    text+="with=$item"$'\n'
  done
  for item in ${TOOL_LINKED[@]+"${TOOL_LINKED[@]}"}; do
    text+="command=$item"$'\n'
  done
  write_file "$TOOL_ROOT/$1/tool" "$text"
}

# Usage: mend_tool <tool>
# After read_tool, for a tool that is going to be started: when its environment does not work, it is made anew from the
# tool's lock. Status 1 after a diagnostic.
mend_tool() {
  ! is_private_env "$TOOL_FOLDER/venv" || return 0
  if [[ -n ${PYVE_EXPLAIN-} ]]; then
    plan_step "make $TOOL_FOLDER/venv anew from its lock, as its Python is gone"
    return 0
  fi
  # (stdout is the tool's.)
  PYVE_TALK_FD=2
  log_info "The Python of $1 is gone: its environment is made anew"
  replace_gone_python "$1"
  build_tool "$1"
}

# Usage: replace_gone_python <tool>
# After read_tool: when the path of an interpreter was asked for, and nothing is there any more, TOOL_WISH is the series that
# it was of, which is said. (A manager that upgrades one puts the next one beside it.)
replace_gone_python() {
  local series='^([0-9]+\.[0-9]+)'
  [[ $TOOL_WISH == /* && ! -x $TOOL_WISH ]] || return 0
  get_environment_state "$TOOL_FOLDER/venv" version
  [[ $REPLY =~ $series ]] || return 0
  log_info "$1 was installed with $TOOL_WISH, which is gone: another Python ${BASH_REMATCH[1]} takes its place"
  TOOL_WISH=${BASH_REMATCH[1]}
}

# Usage: build_tool <tool> [option of compose_cached_request]...
# Makes the environment of the tool from TOOL_REQUIREMENT, TOOL_OTHERS and TOOL_WISH, unless it is there and these are the
# same; with --refresh from a new lock, with --again from the one that it has.
build_tool() {
  local name=$1 item again="" HELPER_FIX_FILTER=adapt_tool_fix HELPER_WHY_FILTER=adapt_tool_why
  local -a words=(--name "$name" --whose --python --requirement "$TOOL_REQUIREMENT")
  shift
  for item in ${TOOL_OTHERS[@]+"${TOOL_OTHERS[@]}"}; do
    words+=(--requirement "$item")
  done
  [[ -z $TOOL_WISH ]] || words+=(--python "$TOOL_WISH")
  for item; do
    [[ $item != --again ]] || again=again
    [[ $item == --again ]] || words+=("$item")
  done
  compose_cached_request tool "${words[@]}"
  build_private_env "$TOOL_ROOT/$name" copy "$again"
}
