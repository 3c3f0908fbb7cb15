# shellcheck shell=bash
# shellcheck disable=SC2034 # what is found is read by the rooms
# FILE.lock, the lock of a script with inline metadata (PEP 723), in the format of a pylock.toml (PEP 751); and changes in
# that metadata, with the lock as one.
#
# Both are made in ${XDG_CACHE_HOME:-~/.cache}/pyve/scripts/.work.PID: new and lock are what the script and its lock are to
# hold, old and old.lock what they held. While they are put in their places, one after the other, "change" names these: a
# command that finds it after a kill puts the lock where the script is already.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/script_lock.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F read_script_block >/dev/null || . "${BASH_SOURCE[0]%/*}/script_metadata.sh"
declare -F find_cached_root >/dev/null || . "${BASH_SOURCE[0]%/*}/private_env.sh"
declare -F fail_cached_place >/dev/null || . "${BASH_SOURCE[0]%/*}/cached_env.sh"
declare -F quote_word >/dev/null || . "${BASH_SOURCE[0]%/*}/text.sh"
declare -F quote_words >/dev/null || . "${BASH_SOURCE[0]%/*}/cli.sh"
declare -F call_helper >/dev/null || . "${BASH_SOURCE[0]%/*}/helper.sh"
declare -F run_long >/dev/null || . "${BASH_SOURCE[0]%/*}/progress.sh"
declare -F has_lock_uv >/dev/null || . "${BASH_SOURCE[0]%/*}/lock_engine.sh"
declare -F read_lock_answer >/dev/null || . "${BASH_SOURCE[0]%/*}/venv_lock_write.sh"
declare -F choose_interpreter_for >/dev/null || . "${BASH_SOURCE[0]%/*}/interpreter.sh"
declare -F log_success >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"
declare -F sync_files >/dev/null || . "${BASH_SOURCE[0]%/*}/journal.sh"

_script_work=""

# Usage: begin_script_work
# Sets SCRIPT_WORK to an empty folder for nobody else to read: indexes with their passwords may be written there. Status 1
# after a diagnostic.
begin_script_work() {
  if ! find_cached_root; then
    fail_cached_place
    return 1
  fi
  SCRIPT_WORK=${CACHED_ROOT%/environments}/scripts/.work.$$
  [[ -n $_script_work ]] || at_exit clear_script_work
  _script_work=$SCRIPT_WORK
  clear_left_work
  if ! { rm -rf "$SCRIPT_WORK" && (umask 077 && mkdir -p "$SCRIPT_WORK/solve"); } 2>/dev/null; then
    fail E_FILE_WRITE "cannot make the folder $SCRIPT_WORK" why "no permission, or no space left: then make room, and try again"
    return 1
  fi
}

# Usage: clear_script_work
# Removes that folder; also at exit.
clear_script_work() {
  [[ -z $_script_work ]] || { finish_script_change "$_script_work" && rm -rf "$_script_work"; } 2>/dev/null || :
}

# Usage: clear_left_work
# After find_cached_root: removes such folders of killed commands, and ends the changes that these have begun.
clear_left_work() {
  local folder
  for folder in "${CACHED_ROOT%/environments}"/scripts/.work.*; do
    kill -0 "${folder##*.}" 2>/dev/null || { finish_script_change "$folder" && rm -rf "$folder"; } 2>/dev/null || :
  done
}

# Usage: finish_script_change <folder>
# Ends the change that was begun there, if any: the lock follows the script, unless somebody has changed one of them since.
finish_script_change() {
  local script="" lock="" part
  [[ -f $1/change ]] || return 0
  {
    IFS= read -r -d '' script || :
    IFS= read -r -d '' lock || :
  } <"$1/change"
  for part in "$script" "$lock"; do
    [[ $part == /* ]] || return 0
    rm -f -- "${part%/*}/.${part##*/}.pyve-new.${1##*.}"
  done
  part=${lock%/*}/.${lock##*/}.pyve-new.$$
  if cmp -s "$1/new" "$script" && cmp -s "$1/old.lock" "$lock"; then
    cp -p -- "$1/lock" "$part" && mv -f -- "$part" "$lock" || return 1
  fi
  rm -f "$1/change"
}

# Usage: name_script <file>
# Sets SCRIPT_FILE to the script, so that no program takes it for an option, and SCRIPT_STATE as read_script_block does.
# Status 1, with a diagnostic, when it is no file that can be read.
name_script() {
  SCRIPT_FILE=$1
  [[ $SCRIPT_FILE != -* ]] || SCRIPT_FILE=./$SCRIPT_FILE
  if [[ ! -f $SCRIPT_FILE || ! -r $SCRIPT_FILE ]]; then
    fail E_SCRIPT_METADATA "$SCRIPT_FILE is no script that can be read" why "it is not there, is no file, or there is no permission to read it; the current folder is $PWD"
    return 1
  fi
  read_script_block "$SCRIPT_FILE"
}

# Usage: lock_script <file>
# `pyve lock --script FILE`: words are what the options say. Status 1 after a diagnostic.
lock_script() {
  local quoted place
  name_script "$1" || return 1
  quote_word "$SCRIPT_FILE"
  quoted=$REPLY
  if [[ $SCRIPT_STATE == none ]]; then
    fail E_SCRIPT_METADATA "$SCRIPT_FILE has no metadata that could be locked" why "it is a block of comments that begins with: # /// script" \
      fix "pyve add --script $quoted"
    return 1
  fi
  VENV_LOCK=$SCRIPT_FILE.lock
  if [[ -n $opt_check ]]; then
    finish_left_edits || :
    call_helper locks lock_packages check --script "$SCRIPT_FILE" --output "$VENV_LOCK" ${words[@]+"${words[@]}"} || return 1
    get_helper_value status || :
    VENV_LOCK_STATE=${REPLY/missing/none}
    get_helper_values why
    VENV_LOCK_WHYS=(${HELPER_FOUND[@]+"${HELPER_FOUND[@]}"})
    quote_words pyve lock --script "$SCRIPT_FILE" ${words[@]+"${words[@]}"}
    tell_lock_state "$REPLY"
    return
  fi
  begin_script_work && write_script_lock "$VENV_LOCK" ${words[@]+"${words[@]}"} || return 1
  clear_script_work
  place=$VENV_LOCK
  [[ $place == /* ]] || place=$PWD/$place
  tell_made_lock "$place"
}

# Usage: write_script_lock <lock> [word of helpers/lock_packages.py]...
# Solves what SCRIPT_FILE asks for, and writes the lock. Sets what write_venv_lock sets. Status 1 after a diagnostic.
write_script_lock() {
  local lock=$1 requires status=0 engine="" word last="" staged=""
  shift
  for word; do
    case $last in
      --engine) engine=$word ;;
      --staged) staged=$word ;;
    esac
    last=$word
  done
  call_helper locks script_metadata read --script "${staged:-$SCRIPT_FILE}" || return 1
  get_helper_value requires || :
  requires=$REPLY
  choose_interpreter_for "" "$requires" "requires-python of ${SCRIPT_FILE##*/}" || return 1
  # shellcheck disable=SC2153 # choose_interpreter_for sets them
  set -- "$@" --interpreter "$PYTHON" --interpreter-version "$PYTHON_VERSION" --project-python "$PYTHON_VERSION"
  if [[ $engine == pip ]] || { [[ $engine != uv ]] && ! has_lock_uv; }; then
    declare -F ensure_template >/dev/null || . "${BASH_SOURCE[0]%/*}/template.sh"
    ensure_template || return 1
    set -- "$@" --pip "$TEMPLATE/pip/pip"
  fi
  prepare_helper locks lock_packages --answer "$SCRIPT_WORK/answer" lock --workspace "$SCRIPT_WORK/solve" --script "$SCRIPT_FILE" --output "$lock" "$@" ||
    return 1
  run_long "Locking" read_lock_line "${HELPER_COMMAND[@]}" || status=$?
  take_helper_answer "$status" "$SCRIPT_WORK/answer" || return 1
  read_lock_answer
}

# Usage: edit_script <add|remove> <file> [requirement or name]...
# `pyve add --script` and `pyve remove --script`: the metadata, and with it a lock that is there. Status 1 after a
# diagnostic; the script and its lock are then as they were.
edit_script() {
  local work=$1 tries=5 status
  check_script_options && name_script "$2" || return 1
  shift 2
  declare -F answer_edit >/dev/null || . "${BASH_SOURCE[0]%/*}/manifest_change.sh"
  # (Somebody else may change it in the meantime.)
  while ((tries-- > 0)); do
    status=0
    try_script_edit "$work" "$@" || status=$?
    ((status == 3)) || return "$status"
  done
  fail E_SCRIPT_METADATA "$SCRIPT_FILE is being changed by something else all the time" why "nothing was changed here"
}

# Usage: try_script_edit <add|remove> [requirement or name]...
# For edit_script. Status 3: the script was changed in the meantime.
try_script_edit() {
  local work=$1 digest changed lock=$SCRIPT_FILE.lock python="" name
  local -a solving=()
  shift
  begin_script_work || return 1
  if [[ $work == add && $SCRIPT_STATE == none ]]; then
    choose_interpreter_for "" "" "" || return 1
    python=">=${PYTHON_VERSION%.*}"
  fi
  call_helper locks script_metadata "$work" --script "$SCRIPT_FILE" --stage "$SCRIPT_WORK/new" ${python:+--python "$python"} -- "$@" || return 1
  set_from_helper digest=sha256 changed=changed EDIT_DIFF=diff
  EDIT_FILES=()
  [[ -z $changed ]] || EDIT_FILES=("$SCRIPT_FILE")
  get_helper_values adding
  for name in ${HELPER_FOUND[@]+"${HELPER_FOUND[@]}"}; do
    solving+=(--adding "$name")
  done
  if [[ -e $lock || -L $lock ]]; then
    set_solving_words
    { cp "$lock" "$SCRIPT_WORK/lock" && cp "$lock" "$SCRIPT_WORK/old.lock"; } 2>/dev/null || :
    write_script_lock "$SCRIPT_WORK/lock" --staged "$SCRIPT_WORK/new" ${SOLVING_WORDS[@]+"${SOLVING_WORDS[@]}"} ${solving[@]+"${solving[@]}"} || return 1
  else
    lock=""
  fi
  if [[ -n ${opt_dry_run-} ]]; then
    show_edit
    tell_script_lock "$lock"
    return 0
  fi
  place_edit "$lock" "$digest" || return
  answer_edit false
  if ((${#EDIT_FILES[@]} == 0)); then
    log_success "The metadata has all of it already"
  elif [[ $work == add ]]; then
    log_success "Added to $SCRIPT_FILE"
  else
    log_success "Removed from $SCRIPT_FILE"
  fi
  tell_script_lock "$lock"
}

# Usage: tell_script_lock <lock, or "">
# Says what has changed in it.
tell_script_lock() {
  local verb=Wrote
  [[ -n $1 ]] || return 0
  [[ -z ${opt_dry_run-} ]] || verb="Would write"
  if [[ -n $PYVE_JSON ]]; then
    load_json
    # shellcheck disable=SC2153 # of read_lock_answer
    json_list ${VENV_LOCK_CHANGES[@]+"${VENV_LOCK_CHANGES[@]}"}
    answer_json locked "$REPLY"
  elif [[ -n $VENV_LOCK_CHANGED ]]; then
    log_success "$verb $1${VENV_LOCK_COUNT:+ ($VENV_LOCK_COUNT)}"
  fi
}

# Usage: place_edit <lock, or ""> <digest of the script before>
# Puts the new script, and its new lock, in the places of the old ones: both, or none. Status 1 after a diagnostic; 3: the
# script was changed in the meantime.
place_edit() {
  local script part lock="" lock_part="" status=0
  stage_beside "$SCRIPT_WORK/new" "$SCRIPT_FILE" || return 1
  script=$SCRIPT_TARGET part=$SCRIPT_PART
  if [[ -n $1 ]]; then
    if ! stage_beside "$SCRIPT_WORK/lock" "$1"; then
      rm -f -- ${part:+"$part"}
      return 1
    fi
    lock=$SCRIPT_TARGET lock_part=$SCRIPT_PART
  fi
  # (As late as possible.)
  if ! { sha256_of_file "$SCRIPT_FILE" && [[ $REPLY == "$2" ]]; }; then
    status=3
  elif [[ -n $lock ]] && ! note_script_change "$script" "$lock"; then
    fail_place "$SCRIPT_WORK/change"
    status=1
  elif [[ -n $part ]] && ! mv -f -- "$part" "$script" 2>/dev/null; then
    fail_place "$script"
    status=1
  elif [[ -n $lock_part ]] && ! mv -f -- "$lock_part" "$lock" 2>/dev/null; then
    [[ -z $part ]] || { cp -p -- "$SCRIPT_WORK/old" "$part" && mv -f -- "$part" "$script"; } 2>/dev/null || :
    fail_place "$lock"
    status=1
  fi
  rm -f -- "$SCRIPT_WORK/change" ${part:+"$part"} ${lock_part:+"$lock_part"} 2>/dev/null || :
  return "$status"
}

# Usage: note_script_change <script> <lock>
# Notes what place_edit is going to change, so that it can be ended by somebody else.
note_script_change() {
  local file=$SCRIPT_WORK/change
  { cp -p -- "$1" "$SCRIPT_WORK/old" && printf '%s\0%s\0' "$1" "$2" >"$file.part" && sync_files "$SCRIPT_WORK"/{old,old.lock,lock} "$file.part" &&
    mv "$file.part" "$file"; } 2>/dev/null
}

# Usage: stage_beside <new file> <old file>
# Sets SCRIPT_TARGET to the old file, or what a link leads to, and SCRIPT_PART to a copy of the new one beside it, or to ""
# when nothing is new in it. Status 1 after a diagnostic.
stage_beside() {
  local target=$2 next file left=40
  [[ $target == /* ]] || target=$PWD/$target
  while [[ -L $target ]] && ((left-- > 0)); do
    next=$(readlink "$target")
    [[ $next == /* ]] || next=${target%/*}/$next
    target=$next
  done
  next=${target%/*}/.${target##*/}.pyve-new
  for file in "$next".*; do
    kill -0 "${file##*.}" 2>/dev/null || rm -f -- "$file" 2>/dev/null || :
  done
  SCRIPT_TARGET=$target SCRIPT_PART=""
  ! cmp -s "$1" "$target" || return 0
  if ! { cp -p -- "$1" "$next.$$" && sync_files "$next.$$"; } 2>/dev/null; then
    rm -f -- "$next.$$" 2>/dev/null || :
    fail_place "$target"
    return 1
  fi
  SCRIPT_PART=$next.$$
}

# Usage: fail_place <file>
# Says that it cannot be written. Status 1.
fail_place() {
  fail E_FILE_WRITE "cannot write $1" why "no permission to write in its folder, or no space left"
}

# Usage: check_script_options
# Status 1, with a diagnostic, when options were given that are for projects.
check_script_options() {
  local name
  for name in dev group extra pip editable; do
    name=opt_$name
    if [[ -n ${!name-} ]]; then
      fail E_USAGE_CONFLICT "--script and --${name#opt_} exclude each other" why "the metadata of a script is one list of requirements" fix "pyve help $PYVE_COMMAND"
      return 1
    fi
  done
}
