# shellcheck shell=bash
# What happens when another Pyve is at work in a project, or one was killed there: who waits for whom, and how what
# was left half done is undone. All work in the project's folder.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/leftovers.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
declare -F load_fixes >/dev/null || . "${BASH_SOURCE[0]%/*}/files.sh"
declare -F config_get >/dev/null || . "${BASH_SOURCE[0]%/*}/config.sh"
declare -F lock_project >/dev/null || . "${BASH_SOURCE[0]%/*}/project_lock.sh"

# The lock that is waited for, since when, and when it was said last (seconds of this process).
_waited_for="" _waiting_since=0 _waiting_told=0
# True when a command that only reads clears up.
_only_reads=""

# --- whose lock it is

# Usage: read_owner <text of a lock>
# Sets OWNER_ID to "<process>:<start time>", OWNER_ELSEWHERE to the name of the machine when it is not this one ("another
# container" for one on this machine), else to "", and OWNER_COMMAND. Status 1 when it is the text of no lock.
read_owner() {
  local shape='^([0-9]+:[A-Za-z0-9-]+)(:([A-Za-z0-9._-]+):([a-f0-9-]*):([0-9]*):([a-z-]*))?$' machine boot first
  OWNER_ID="" OWNER_ELSEWHERE="" OWNER_COMMAND=""
  [[ $1 =~ $shape ]] || return 1
  OWNER_ID=${BASH_REMATCH[1]} OWNER_COMMAND=${BASH_REMATCH[6]}
  machine=${BASH_REMATCH[3]} boot=${BASH_REMATCH[4]} first=${BASH_REMATCH[5]}
  [[ -n $machine ]] || return 0
  find_machine
  if [[ $machine != "${REPLY%%:*}" ]]; then
    OWNER_ELSEWHERE=$machine
  elif [[ :$boot:$first != "${REPLY#"$machine"}" && $REPLY == "$machine:$boot:"* ]]; then
    OWNER_ELSEWHERE="another container"
  elif [[ $REPLY != "$machine:$boot:"* ]]; then
    # The machine was started anew since: nothing of that time runs.
    OWNER_ID=""
  fi
}

# Usage: is_owner_there <text of a lock>
# True when the process that it names is at work; also when that is another machine's, of which nothing can be told from
# here. Sets what read_owner sets.
is_owner_there() {
  read_owner "$1" || return 1
  [[ -n $OWNER_ELSEWHERE ]] || is_alive "$OWNER_ID"
}

# Usage: describe_owner
# After read_owner: sets REPLY to the owner in words.
describe_owner() {
  local who="another Pyve"
  [[ -z $OWNER_COMMAND ]] || who="pyve $OWNER_COMMAND"
  case $OWNER_ELSEWHERE in
    "") REPLY="$who (process ${OWNER_ID%%:*})" ;;
    "another container") REPLY="$who (process ${OWNER_ID%%:*} of another container)" ;;
    *) REPLY="$who (process ${OWNER_ID%%:*} on ${OWNER_ELSEWHERE%.*})" ;;
  esac
}

# --- waiting

# Usage: queue_for_lock <text of the new lock>
# For lock_project, when the lock is there: waits until it is free, or takes it from a process that is gone. Status 1,
# after a diagnostic, when it cannot be had.
queue_for_lock() {
  local owner tries=0
  while [[ -e .pyve/lock && ! -L .pyve/lock ]] || ! ln -sn "$1" .pyve/lock 2>/dev/null; do
    if [[ ! -L .pyve/lock ]]; then
      # Given back in this moment, perhaps with all of .pyve; or it never could be made.
      if [[ -e .pyve/lock ]] || ! mkdir -p .pyve 2>/dev/null || [[ ! -w .pyve ]]; then
        load_fixes
        if [[ -e .pyve/lock ]]; then
          propose_move .pyve/lock
        else
          propose_access "$PWD/.pyve"
        fi
        fail E_FILE_WRITE "cannot make the lock .pyve/lock" why "no permission to write in $PWD/.pyve, or something else is there" \
          ${REPLY:+fix "$REPLY"}
        return 1
      fi
      tries=$((tries + 1))
      if ((tries > 100)); then
        fail E_FILE_WRITE "cannot make the lock .pyve/lock" why "the disk may be full: make room, and try again"
        return 1
      fi
      continue
    fi
    owner=$(readlink .pyve/lock 2>/dev/null) || continue
    # (Over a network, making it may succeed and yet be answered as a failure.)
    [[ $owner != "$1" ]] || break
    if [[ -n ${PYVE_NO_WAIT-} && ${PYVE_NO_WAIT-} != 0 ]] && is_owner_there "$owner"; then
      fail_busy
      return 1
    fi
    wait_for_lock .pyve/lock "$owner" "$1" ""
  done
  if [[ $_waited_for == .pyve/lock ]]; then
    log_verbose "The project is free after $((SECONDS - _waiting_since)) s"
  fi
}

# Usage: wait_for_lock <lock> <its owner> <new owner> <what is waited for, "" for the project>
# Waits a moment while the owner is alive, and says now and then what for. Takes the lock away from one that is gone.
wait_for_lock() {
  local text=$4
  if ! is_owner_there "$2"; then
    take_over_lock "$1" "$2" "$3" || :
    return 0
  fi
  if [[ $_waited_for != "$1" ]]; then
    _waited_for=$1 _waiting_since=$SECONDS _waiting_told=$SECONDS
    if [[ -z $text ]]; then
      describe_owner
      text="Waiting for $REPLY to finish."
    fi
    if [[ -n $OWNER_ELSEWHERE ]]; then
      quote_word "$PWD/$1"
      text+=" Whether that still runs cannot be seen from here; if it does not: rm $REPLY"
    fi
    printf '%s\n' "$text" >&2
    record_event info "$text"
  elif ((SECONDS - _waiting_told >= 10)); then
    describe_owner
    printf 'Still waiting for %s: %d s.\n' "$REPLY" "$((SECONDS - _waiting_since))" >&2
    _waiting_told=$SECONDS
  fi
  sleep 0.2
}

# Usage: fail_busy
# After read_owner: says that another Pyve is at work in the project. Status 1.
fail_busy() {
  local who fix
  local -a more=()
  describe_owner
  who=$REPLY
  load_fixes
  repeat_command ${_pyve_was_PYVE_NO_WAIT+PYVE_NO_WAIT}
  fix=$REPLY
  if [[ -n $OWNER_ELSEWHERE ]]; then
    quote_word "$PWD/.pyve/lock"
    more=(why "whether that still runs cannot be seen from here; if it does not: rm $REPLY")
  fi
  # (Without the option it waits.)
  fail E_PROJECT_BUSY "another Pyve is at work in this project" why "$who has its lock, $PWD/.pyve/lock" \
    ${more[@]+"${more[@]}"} why "without --no-wait and PYVE_NO_WAIT, Pyve waits until it has finished" \
    fix "${fix/ --no-wait/}"
}

# Usage: fail_pyve_folder
# Says that .pyve cannot be made. Status 1.
fail_pyve_folder() {
  load_fixes
  propose_access "$PWD/.pyve/tmp"
  fail E_FILE_WRITE "cannot make the folder .pyve" \
    why "no permission to write in $PWD, the file system is read-only, or .pyve is a file" ${REPLY:+fix "$REPLY"}
}

# Usage: take_over_lock <lock> <dead owner> <new owner>
# Removes the lock of a process that is gone. Only one process can do that for one owner: it
# is the one that manages to make the mark.
take_over_lock() {
  local mark="$1.${2//[!A-Za-z0-9:-]/-}" marker
  mark=${mark:0:200}
  if ! ln -sn "$3" "$mark" 2>/dev/null; then
    marker=$(readlink "$mark" 2>/dev/null) || return 1
    if ! is_owner_there "$marker" && mv -f "$mark" "$mark.$$" 2>/dev/null; then
      # (Somebody may have been faster, and made it his own.)
      [[ $(readlink "$mark.$$") == "$marker" ]] || ln -sn "$(readlink "$mark.$$")" "$mark" 2>/dev/null || :
      rm -f "$mark.$$"
    fi
    return 1
  fi
  if [[ $(readlink "$1" 2>/dev/null) == "$2" ]]; then
    rm -f "$1"
  fi
  rm -f "$mark"
}

# --- what a killed command left

# Usage: find_old_place <environment that was moved away>
# Sets REPLY to where in the project it belongs.
find_old_place() {
  local line
  if [[ -f $1/pyve.state ]]; then
    while IFS= read -r line; do
      if [[ $line == "path=$PWD/"* && /$line/ != */../* ]]; then
        REPLY=${line#"path=$PWD/"}
        return 0
      fi
    done <"$1/pyve.state"
  fi
  if [[ $1 == */old.testenv.* ]]; then
    REPLY=.pyve/${TESTENV_DIR_NAME:-testenv}/venv
  else
    config_load || :
    config_get venv.directory
    REPLY=${REPLY:-${DEFAULT_VENV_DIR:-.venv}}
  fi
}

# Usage: restore_old_environments <folder>
# Puts back what was moved away to <folder> and not replaced. Only with the lock.
restore_old_environments() {
  local old target
  for old in "$1"/old.*; do
    [[ -d $old ]] || continue
    find_old_place "$old"
    target=$PWD/$REPLY
    if [[ -e $target ]]; then
      continue
    fi
    if ! { mkdir -p "${target%/*}" && mv "$old" "$target"; } 2>/dev/null; then
      load_fixes
      propose_access "$target"
      fail E_ENV_RESTORE "the environment $target could not be put back" \
        why "a killed command had moved it to $PWD/$old" ${REPLY:+fix "$REPLY"}
      return 1
    fi
  done
}

# Usage: clear_tmp
# Undoes what a killed command had begun, and removes what else it left. Only with the lock.
clear_tmp() {
  local old name tries number=0
  for old in .pyve/*.pyve-new.* .pyve/lock.* ./.*.pyve-new.*; do
    if [[ -e $old || -L $old ]]; then
      rm -f "$old"
    fi
  done
  # A child of the killed command may still be at work in there: taken away in one step, it cannot
  # swap in anything any more.
  if compgen -G ".pyve/tmp/*" >/dev/null; then
    while [[ -e .pyve/tmp.gone.$$.$number || -L .pyve/tmp.gone.$$.$number ]]; do
      number=$((number + 1))
    done
    if ! { mv .pyve/tmp ".pyve/tmp.gone.$$.$number" && mkdir -p .pyve/tmp; } 2>/dev/null; then
      fail_pyve_folder
      return 1
    fi
  fi
  for old in .pyve/tmp.gone.*; do
    [[ -d $old && ! -L $old ]] || continue
    if compgen -G "$old/kept.*" >/dev/null; then
      declare -F undo_left_changes >/dev/null || . "${BASH_SOURCE[0]%/*}/journal.sh"
      undo_left_changes "$old" || return 1
      remove_empty_folders
    fi
    restore_old_environments "$old" || return 1
  done
  # The conda environments that have taken the place of these are whole.
  for old in .pyve/envs/.old.*; do
    name=${old##*/.old.}
    if [[ (-e $old || -L $old) && -e .pyve/envs/$name && ! -e .pyve/envs/.making.$name && ! -e .pyve/envs/$name/.pyve-unfinished ]]; then
      rm -rf -- "$old"
    fi
  done
  for old in .pyve/tmp.gone.*; do
    for tries in 1 2 3 4 5; do
      if [[ ! -e $old ]] || rm -rf "$old" 2>/dev/null; then
        break
      fi
      sleep 0.1
    done
  done
}

# Usage: clear_unless_busy <project>
# For clear_leftovers.
clear_unless_busy() {
  local owner
  if [[ -L $1/.pyve/lock ]]; then
    owner=$(readlink "$1/.pyve/lock") || return 0
    if is_owner_there "$owner"; then
      return 0
    fi
  fi
  [[ -w $1/.pyve ]] || return 0
  (
    CDPATH="" cd -- "$1" || exit 0
    _cleanups=() _only_reads=1
    lock_project && unlock_project
  ) || :
}
