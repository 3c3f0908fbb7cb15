# shellcheck shell=bash
# One command at a time changes a project. What is only needed when another one is in the way, or was killed, is in
# lib/leftovers.sh.
#
# The lock is a link, .pyve/lock, because making one is one step on every file system, also over NFS. Its text says
# whose it is: "<process>:<start time>:<machine>:<boot>:<container>:<command>".

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/project_lock.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
declare -F find_lock_name >/dev/null || . "${BASH_SOURCE[0]%/*}/lock_name.sh"

# Usage: load_leftovers
# Reads lib/leftovers.sh, which a command does without where nobody was before it.
load_leftovers() {
  # shellcheck source=/dev/null # read when needed; it reads this file back
  declare -F clear_tmp >/dev/null || . "${BASH_SOURCE[0]%/*}/leftovers.sh"
}

# Usage: load_owner
# Reads lib/owner.sh, which is needed only where there are links.
load_owner() {
  # shellcheck source=/dev/null # read when needed
  declare -F check_link >/dev/null || . "${BASH_SOURCE[0]%/*}/owner.sh"
}

# Usage: lock_project [bare]
# Takes the lock of the project in the current folder, waiting for another Pyve if need be (and
# saying so), then clears what a killed command left. Given back at exit. .pyve/tmp is then there and empty; with "bare" it
# need not be there.
# Status 1, after a diagnostic, when .pyve cannot be written, or, with PYVE_NO_WAIT, when another Pyve is at work.
lock_project() {
  local me link
  [[ $_project_lock_state != held ]] || return 0
  find_project_links
  for link in ${PROJECT_LINKS[@]+"${PROJECT_LINKS[@]}"}; do
    load_owner
    check_link "$PWD" "$link" || return 1
  done
  find_lock_name
  me=$REPLY
  # Known before the lock is there: a signal may come at any moment.
  [[ -n $_project_lock_state ]] || at_exit unlock_project
  _project_locked=$me _project_folder=$PWD _project_lock_state=taking
  if [[ ! -d .pyve ]] && ! mkdir -p .pyve/tmp 2>/dev/null; then
    _project_lock_state=""
    rmdir .pyve 2>/dev/null || :
    load_leftovers
    fail_pyve_folder
    return 1
  fi
  # -n: a link in the lock's place is no door to the folder that it names.
  if [[ -e .pyve/lock && ! -L .pyve/lock ]] || ! ln -sn "$me" .pyve/lock 2>/dev/null; then
    load_leftovers
    if ! queue_for_lock "$me"; then
      _project_lock_state=""
      return 1
    fi
  fi
  _project_lock_state=held
  if has_leftovers; then
    load_leftovers
    clear_tmp || return 1
  fi
  if [[ ! -d .pyve/tmp && ${1-} != bare ]] && ! mkdir .pyve/tmp 2>/dev/null; then
    load_leftovers
    fail_pyve_folder
    return 1
  fi
}

# Usage: unlock_project
# Clears up, gives the lock back, and removes .pyve when nothing is in it.
unlock_project() {
  local part
  [[ -n $_project_lock_state ]] || return 0
  if [[ $_project_folder != "$PWD" ]]; then
    CDPATH="" cd -- "$_project_folder" || return 1
  fi
  if [[ $_project_lock_state == taking && $(readlink .pyve/lock 2>/dev/null) != "$_project_locked" ]]; then
    _project_lock_state=""
    rmdir .pyve/tmp .pyve 2>/dev/null || :
    return 0
  fi
  # (What was being written when a signal came.)
  for part in .pyve/*.pyve-new."$$" ./.*.pyve-new."$$"; do
    [[ ! -e $part ]] || rm -f "$part"
  done
  for part in .pyve/envs ".pyve/${TESTENV_DIR_NAME:-testenv}"; do
    [[ ! -d $part ]] || compgen -G "$part/*" >/dev/null || rmdir "$part" 2>/dev/null || :
  done
  # What is there but the lock stays when it cannot be put back: the next command tries again.
  if compgen -G ".pyve/tmp/kept.*/list" >/dev/null; then
    rm -f .pyve/lock 2>/dev/null || :
  elif ! compgen -G ".pyve/tmp/old.*" >/dev/null || { load_leftovers && restore_old_environments .pyve/tmp; }; then
    rm -rf .pyve/tmp .pyve/lock 2>/dev/null || :
  else
    rm -f .pyve/lock 2>/dev/null || :
  fi
  _project_lock_state=""
  compgen -G ".pyve/*" >/dev/null || rmdir .pyve 2>/dev/null || :
}

# Usage: clear_leftovers <project>
# For commands that only read: clears what a killed command left, unless another Pyve is at work
# or the project cannot be written.
clear_leftovers() {
  if [[ ! -L $1/.pyve/lock ]] && ! compgen -G "$1/.pyve/tmp*" >/dev/null; then
    return 0
  fi
  load_leftovers
  clear_unless_busy "$1"
}
