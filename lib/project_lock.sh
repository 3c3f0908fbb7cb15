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

# The text of this process's lock; "taking", while it is not known whether the lock is there, or "held"; and the folder of
# the project that is locked. (A room may read this file once more.)
if ! declare -F load_leftovers >/dev/null; then
  _project_locked="" _project_lock_state="" _project_folder=""
fi

# Usage: process_identity <pid>
# Sets REPLY to "<pid>:<start time>", so that a recycled pid is not mistaken for the same
# process; status 1 when there is no such process.
process_identity() {
  local line
  local -a fields
  if [[ -r /proc/self/stat ]]; then
    { IFS= read -r line <"/proc/$1/stat"; } 2>/dev/null || return 1
    # The second field, the name in parentheses, may hold anything: count from behind it.
    IFS=' ' read -r -a fields <<<"${line##*) }"
    # State Z: dead, and only waiting for its parent.
    [[ ${fields[0]} != Z ]] || return 1
    REPLY=$1:${fields[19]}
  else
    kill -0 "$1" 2>/dev/null || return 1
    line=$(ps -o lstart= -p "$1") || return 1
    REPLY=$1:${line//[![:alnum:]]/-}
  fi
}

# Usage: is_alive <identity>
# True when the process that process_identity named is still running.
is_alive() {
  [[ $1 =~ ^[0-9]+: ]] && process_identity "${1%%:*}" && [[ $REPLY == "$1" ]]
}

# Usage: find_machine
# Sets REPLY to "<machine>:<boot>:<container>", as far as they can be told without a process: where the number of a
# process means something. Processes of another container may have the name of the machine, but not the first process.
find_machine() {
  local name=${HOSTNAME:-unknown} id="" boot="" first=""
  local -a fields
  if [[ -r /proc/sys/kernel/hostname ]]; then
    IFS= read -r name </proc/sys/kernel/hostname || :
  else
    # (On a Mac, what follows the first dot changes with the network.)
    name=${name%%.*}
  fi
  # Two machines may have one name.
  [[ ! -r /etc/machine-id ]] || IFS= read -r id </etc/machine-id || :
  [[ ! -r /proc/sys/kernel/random/boot_id ]] || IFS= read -r boot </proc/sys/kernel/random/boot_id || :
  if { IFS= read -r first </proc/1/stat; } 2>/dev/null; then
    IFS=' ' read -r -a fields <<<"${first##*) }"
    first=${fields[19]-}
  fi
  REPLY=${name//[!A-Za-z0-9._-]/-}${id:+.${id:0:8}}:${boot:0:8}:$first
}

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
  # What is written below these is the project's: a repository may bring links in their places.
  for link in .pyve .pyve/tmp .pyve/testenv .pyve/testenv/venv .pyve/bin .pyve/envs .pyve/envs/*; do
    if [[ -L $link ]]; then
      load_owner
      check_link "$PWD" "$link" || return 1
    fi
  done
  process_identity "$$"
  me=$REPLY
  find_machine
  me+=:$REPLY:${PYVE_COMMAND-}
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

# Usage: has_leftovers
# True when there is something in the project that only a killed command can have left. Only with the lock.
has_leftovers() {
  compgen -G ".pyve/tmp/*" >/dev/null || compgen -G ".pyve/*.pyve-new.*" >/dev/null || compgen -G ".pyve/lock.*" >/dev/null ||
    compgen -G ".pyve/tmp.gone.*" >/dev/null || compgen -G ".pyve/envs/.old.*" >/dev/null || compgen -G "./.*.pyve-new.*" >/dev/null
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
