# shellcheck shell=bash
# Whose a lock is, and whether a project has anything that a killed command has left: as far as every command asks. See
# lib/project_lock.sh.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/lock_name.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

# The text of this process's lock; "taking", while it is not known whether the lock is there, or "held"; and the folder of
# the project that is locked. (A room may read this file once more.)
if ! declare -F find_lock_name >/dev/null; then
  _project_locked="" _project_lock_state="" _project_folder=""
fi

# Usage: process_identity <pid>
# Sets REPLY to "<pid>:<start time>", so that a recycled pid is not mistaken for the same
# process; status 1 when there is no such process.
process_identity() {
  local line
  if [[ -r /proc/self/stat ]]; then
    read_process "/proc/$1/stat" || return 1
    # State Z: dead, and only waiting for its parent.
    [[ ${PROCESS_FIELDS[0]} != Z ]] || return 1
    REPLY=$1:${PROCESS_FIELDS[19]}
  else
    kill -0 "$1" 2>/dev/null || return 1
    line=$(ps -o lstart= -p "$1") || return 1
    REPLY=$1:${line//[![:alnum:]]/-}
  fi
}

# Usage: read_process <file of /proc>
# Sets the array PROCESS_FIELDS to what stands behind the name of the process. Status 1 when it cannot be read.
read_process() {
  local IFS=' '
  local -a parts
  # The second field, the name in parentheses, may hold anything: count from behind it.
  { IFS=')' read -r -a parts <"$1"; } 2>/dev/null && ((${#parts[@]})) || return 1
  # shellcheck disable=SC2206 # a letter, and numbers
  PROCESS_FIELDS=(${parts[${#parts[@]} - 1]})
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
  if [[ -r /proc/sys/kernel/hostname ]]; then
    IFS= read -r name </proc/sys/kernel/hostname || :
  else
    # (On a Mac, what follows the first dot changes with the network.)
    name=${name%%.*}
  fi
  # Two machines may have one name.
  [[ ! -r /etc/machine-id ]] || IFS= read -r id </etc/machine-id || :
  [[ ! -r /proc/sys/kernel/random/boot_id ]] || IFS= read -r boot </proc/sys/kernel/random/boot_id || :
  ! read_process /proc/1/stat || first=${PROCESS_FIELDS[19]-}
  REPLY=${name//[!A-Za-z0-9._-]/-}${id:+.${id:0:8}}:${boot:0:8}:$first
}

# Usage: find_lock_name
# Sets REPLY to the text of the lock that this process takes.
find_lock_name() {
  local me
  process_identity "$$"
  me=$REPLY
  find_machine
  REPLY=$me:$REPLY:${PYVE_COMMAND-}
}

# Usage: find_project_links
# Sets the array PROJECT_LINKS to those folders of the project in the current folder that are links: what is written below
# them is the project's, and a repository may bring links in their places.
find_project_links() {
  local link
  PROJECT_LINKS=()
  for link in .pyve .pyve/tmp .pyve/testenv .pyve/testenv/venv .pyve/bin .pyve/envs .pyve/envs/*; do
    [[ ! -L $link ]] || PROJECT_LINKS+=("$link")
  done
}

# Usage: has_leftovers
# True when there is something in the project that only a killed command can have left. Without the lock it may be that of
# a command that is at work now.
has_leftovers() {
  local file
  for file in .pyve/tmp/* .pyve/*.pyve-new.* .pyve/lock.* .pyve/tmp.gone.* .pyve/envs/.old.* ./.*.pyve-new.*; do
    [[ ! -e $file && ! -L $file ]] || return 0
  done
  return 1
}
