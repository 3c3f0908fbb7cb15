# shellcheck shell=bash
# One command at a time changes a project; and what a killed one left is cleared by the next.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/project_lock.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
declare -F load_fixes >/dev/null || . "${BASH_SOURCE[0]%/*}/files.sh"
declare -F config_get >/dev/null || . "${BASH_SOURCE[0]%/*}/config.sh"

_project_locked=""
_waited_for=""

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

# Usage: lock_project
# Takes the lock of the project in the current folder, waiting for another Pyve if need be (and
# saying so), then clears what a killed command left. Given back at exit. Status 1 when .pyve
# cannot be written.
lock_project() {
  local me owner tries=0
  [[ -z $_project_locked ]] || return 0
  process_identity "$$"
  me=$REPLY
  if ! mkdir -p .pyve/tmp 2>/dev/null; then
    load_fixes
    propose_access "$PWD/.pyve/tmp"
    fail E_FILE_WRITE "cannot make the folder .pyve" \
      why "no permission to write in $PWD, the file system is read-only, or .pyve is a file" ${REPLY:+fix "$REPLY"}
    return 1
  fi
  # -n: a link in the lock's place is no door to the folder that it names.
  while [[ -e .pyve/lock && ! -L .pyve/lock ]] || ! ln -sn "$me" .pyve/lock 2>/dev/null; do
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
    wait_for_lock .pyve/lock "$owner" "$me" "Waiting for another Pyve (process ${owner%%:*}) to finish with this project."
  done
  _project_locked=$me
  at_exit unlock_project
  clear_tmp
}

# Usage: wait_for_lock <lock> <its owner> <new owner> <what is waited for>
# Waits a moment while the owner is alive, and says once what for. Takes the lock away from one that is gone.
wait_for_lock() {
  if is_alive "$2"; then
    [[ $_waited_for == "$1" ]] || printf '%s\n' "$4" >&2
    _waited_for=$1
    sleep 0.2
  else
    take_over_lock "$1" "$2" "$3" || :
  fi
}

# Usage: take_over_lock <lock> <dead owner> <new owner>
# Removes the lock of a process that is gone. Only one process can do that for one owner: it
# is the one that manages to make the mark.
take_over_lock() {
  local mark="$1.${2//[!A-Za-z0-9:-]/-}" marker
  if ! ln -sn "$3" "$mark" 2>/dev/null; then
    marker=$(readlink "$mark" 2>/dev/null) || return 1
    is_alive "$marker" || rm -f "$mark"
    return 1
  fi
  if [[ $(readlink "$1" 2>/dev/null) == "$2" ]]; then
    rm -f "$1"
  fi
  rm -f "$mark"
}

# Usage: unlock_project
# Clears up, gives the lock back, and removes .pyve when nothing is in it.
unlock_project() {
  [[ -n $_project_locked ]] || return 0
  _project_locked=""
  if restore_old_environments; then
    rm -rf .pyve/tmp .pyve/lock
  else
    rm -f .pyve/lock
  fi
  compgen -G ".pyve/*" >/dev/null || rmdir .pyve 2>/dev/null || :
}

# Usage: find_old_place <environment that was moved away>
# Sets REPLY to where in the project it belongs.
find_old_place() {
  local line
  if [[ -f $1/pyve.state ]]; then
    while IFS= read -r line; do
      if [[ $line == "path=$PWD/"* ]]; then
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

# Usage: restore_old_environments
# Puts back what was moved away and not replaced. Only with the lock.
restore_old_environments() {
  local old target
  for old in .pyve/tmp/old.*; do
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

# Usage: can_put_back <file>
# True when the file, as list_kept_files wrote it, is one of the project, in the current folder: .pyve may come from
# somebody else, with a repository, and must not lead to any other file.
can_put_back() {
  local folder=. here
  [[ -n $1 && $1 != /* && /$1/ != */../* && ! -L $1 && ! -d $1 ]] || return 1
  [[ $1 != */* ]] || folder=./${1%/*}
  here=$(pwd -P) && folder=$(CDPATH="" cd -P -- "$folder" 2>/dev/null && pwd -P) && [[ $folder/ == "$here"/* ]]
}

# Usage: restore_old_manifest
# Puts back what the project asks for, and its lock, where pyve add, remove or migrate was killed between changing it
# and being done. Not where somebody has changed it since. Only with the lock.
restore_old_manifest() {
  local kept made file number new
  for kept in .pyve/tmp/kept.*; do
    [[ -f $kept/list && ! -L $kept ]] || continue
    made=.pyve/tmp/edit.${kept##*.} number=0
    while IFS= read -r file; do
      # (One file, with the name that it has in the project.)
      new=("$made/$number"/*)
      if [[ -f ${new[0]} ]] && can_put_back "$file" && ! cmp -s "${new[0]}" "./$file" && ! cmp -s "$kept/$number" "./$file"; then
        continue 2
      fi
      number=$((number + 1))
    done <"$kept/list"
    number=0
    while IFS= read -r file; do
      if ! can_put_back "$file"; then
        :
      elif [[ -f $kept/$number && ! -L $kept/$number ]]; then
        cmp -s "$kept/$number" "./$file" || mv -f "$kept/$number" "./$file" 2>/dev/null || :
      elif [[ ! -L $kept/$number ]]; then
        rm -f "./$file" 2>/dev/null || :
      fi
      number=$((number + 1))
    done <"$kept/list"
  done
}

# Usage: clear_tmp
# Puts back an environment that a killed command had moved away, and removes what else it left.
# Only with the lock.
clear_tmp() {
  local old tries
  for old in .pyve/*.pyve-new.* .pyve/lock.* ./.*.pyve-new.*; do
    if [[ -e $old || -L $old ]]; then
      rm -f "$old"
    fi
  done
  restore_old_environments || return 1
  restore_old_manifest
  # A child of the killed command may still be at work in there: taken away in one step, it cannot
  # swap in what is half removed.
  if compgen -G ".pyve/tmp/*" >/dev/null; then
    mv .pyve/tmp ".pyve/tmp.gone.$$"
  fi
  for old in .pyve/tmp.gone.*; do
    for tries in 1 2 3 4 5; do
      if [[ ! -e $old ]] || rm -rf "$old" 2>/dev/null; then
        break
      fi
      sleep 0.1
    done
  done
}

# Usage: clear_leftovers <project>
# For commands that only read: clears what a killed command left, unless another Pyve is at work
# or the project cannot be written.
clear_leftovers() {
  local owner
  if [[ -L $1/.pyve/lock ]]; then
    owner=$(readlink "$1/.pyve/lock") || return 0
    if is_alive "$owner"; then
      return 0
    fi
  elif ! compgen -G "$1/.pyve/tmp*" >/dev/null; then
    return 0
  fi
  [[ -w $1/.pyve ]] || return 0
  (
    CDPATH="" cd -- "$1" || exit 0
    _cleanups=()
    lock_project && unlock_project
  ) || :
}
