# shellcheck shell=bash
# The short way of `pyve sync`, for pyve.sh: the environment of a known lock, in a new worktree or clone, when the store
# has it and everything that decides what it has to be is as it was the last time, to the letter. No Python, no look at the
# lock but its digest, and hardly anything of Pyve is read: nothing here says what is wrong. Whenever something is
# unusual, nothing is done, and the long way does it.
#
# Here is what has to be read before the digests are being made; lib/sync_known.sh goes on while they are.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/sync_warm.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F read_file >/dev/null || . "${BASH_SOURCE[0]%/*}/raw_text.sh"
declare -F get_trusted_text >/dev/null || . "${BASH_SOURCE[0]%/*}/trust_record.sh"
declare -F has_sha256sum_for >/dev/null || . "${BASH_SOURCE[0]%/*}/digest_files.sh"

# Files that may say what a project asks for: any that comes, goes or changes is a reason for the long way.
_hit_sources=(pylock.toml pyproject.toml requirements.in requirements.txt uv.toml setup.py setup.cfg)

# Usage: sync_at_once [argument]...
# What `pyve sync` with these arguments does, where the project in the current folder is as it was remembered, and has
# no environment. Status 1, with nothing done, when it is not so; traps of EXIT and INT may then be gone.
sync_at_once() {
  local word PYVE_COMMAND=sync _hit_work="" _hit_is_silent="" _hit_has_made=""
  for word; do
    [[ $word == --frozen || $word == --locked || $word == --offline ]] || return 1
  done
  [[ -z ${PYVE_JSON-}${PYVE_VERBOSE-}${PYVE_LOG-}${PYVE_TRACE-} ]] &&
    [[ $PWD != *[[:cntrl:]:]* && -O .pyve/config && -O .pyve && -w . && ! -L .pyve && ! -e .pyve/lock && ! -L .pyve/lock ]] &&
    [[ ! -d .pyve/tmp && ! -L .env && ! -s .env ]] && { : >&1; } 2>/dev/null && begin_hit || return 1
  umask o-w
  # (Each is read while a process is at work.)
  declare -F find_store >/dev/null || . "${BASH_SOURCE[0]%/*}/store_place.sh"
  declare -F find_lock_name >/dev/null || . "${BASH_SOURCE[0]%/*}/lock_name.sh"
  if find_store && [[ -O $STORE && -d $STORE/recall ]] && begin_hit_lock; then
    declare -F make_hit >/dev/null || . "${BASH_SOURCE[0]%/*}/sync_known.sh"
    if recall_hit && make_hit; then
      return 0
    fi
    undo_hit
  fi
  end_silence
  exec 5<&- 6<&-
  return 1
}

# Usage: begin_hit
# Has a process make the digests of what the project is made from, and of what entering it applies. Status 1 when there
# is no lock, or something unusual in its place.
begin_hit() {
  local file
  _hit_files=()
  for file in "${_hit_sources[@]}"; do
    if [[ -f $file && -r $file ]]; then
      _hit_files+=("$file")
    elif [[ -e $file || -L $file ]]; then
      return 1
    fi
  done
  [[ ${_hit_files[0]-} == pylock.toml ]] && has_sha256sum_for "${_hit_files[@]}" && get_trusted_text "$PWD" || return 1
  exec 5< <(exec_sha256_with_text "$REPLY" "${_hit_files[@]}")
}

# Usage: begin_hit_lock
# Has a process take the project's lock, and make .pyve/tmp with the folders in which texts are written, where nobody has
# left anything: _hit_work is its number. Status 1 when there is something unusual.
begin_hit_lock() {
  find_project_links
  ((${#PROJECT_LINKS[@]} == 0)) && ! has_leftovers || return 1
  find_lock_name
  _project_locked=$REPLY _project_folder=$PWD _project_lock_state=taking
  # Whatever ends Pyve from here on: what it has begun is cleared up, as by any other command.
  trap end_hit EXIT
  trap 'load_hit_ending; interrupt; exit 130' INT
  # What does not work here is done once more by the long way, which says what is wrong.
  exec 7>&2 || exec 7>/dev/null
  exec 2>/dev/null
  _hit_is_silent=1
  # -n: a link in the lock's place is no door to the folder that it names.
  {
    ln -sn "$_project_locked" .pyve/lock || exit 3
    exec mkdir .pyve/tmp .pyve/tmp/tree .pyve/tmp/tree/bin
  } &
  _hit_work=$!
}

# Usage: end_silence
# Opens stderr again.
end_silence() {
  [[ -z $_hit_is_silent ]] || exec 2>&7 7>&-
  _hit_is_silent=""
}

# Usage: has_hit_lock
# Waits until begin_hit_lock is done. Status 1 when that has not worked: then nothing of it is there.
has_hit_lock() {
  local status=0
  [[ -n $_hit_work ]] || return 0
  wait "$_hit_work" || status=$?
  _hit_work=""
  # (What is in .pyve/tmp, if that is there, is not this process's.)
  if ((status != 0 && status != 3)) && [[ $(readlink .pyve/lock) == "$_project_locked" ]]; then
    rm -f .pyve/lock
  fi
  _project_lock_state=""
  ((status == 0)) || return 1
  _project_lock_state=held
}

# Usage: undo_hit
# Gives the lock back, with nothing left.
undo_hit() {
  ! has_hit_lock || [[ $_project_lock_state != held ]] || rm -rf .pyve/tmp .pyve/lock
  _project_lock_state=""
  trap - EXIT INT
}

# Usage: drop_hit_file
# Removes what make_hit has made outside of .pyve, unless the environment is there.
drop_hit_file() {
  [[ -z $_hit_has_made || -e $_hit_venv ]] || rm -f "$_hit_has_made"
  _hit_has_made=""
}

# Usage: load_hit_ending
# Reads what a command that does not simply succeed needs at its end.
load_hit_ending() {
  end_silence
  # shellcheck source=/dev/null # read when needed
  declare -F finish >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
  # shellcheck source=/dev/null # read when needed
  declare -F unlock_project >/dev/null || . "${BASH_SOURCE[0]%/*}/project_lock.sh"
  _watches_ending=1
  at_exit unlock_project
  at_exit drop_hit_file
}

# Usage: end_hit
# The exit trap: what ends Pyve here is a signal.
end_hit() {
  local status=$? depth=${#FUNCNAME[@]}
  trap '' HUP TERM INT
  set +e
  load_hit_ending
  finish "$status" "$depth"
}
