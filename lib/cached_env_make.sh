# shellcheck shell=bash
# shellcheck disable=SC2034 # the variables of others that are set here are read by them
# Making what lib/cached_env.sh finds, and the environments of installed tools: a folder of its own, below Pyve's, is
# locked as a project is, gets a pylock.toml by the same solver, and venv/ by way of the same store. What a killed command
# left there is cleared in the same way, too.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/cached_env_make.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F is_private_env >/dev/null || . "${BASH_SOURCE[0]%/*}/cached_env.sh"
declare -F probe_interpreter >/dev/null || . "${BASH_SOURCE[0]%/*}/probe.sh"
declare -F choose_interpreter_for >/dev/null || . "${BASH_SOURCE[0]%/*}/interpreter.sh"
declare -F version_satisfies >/dev/null || . "${BASH_SOURCE[0]%/*}/python_wish.sh"
declare -F ensure_template >/dev/null || . "${BASH_SOURCE[0]%/*}/template.sh"
declare -F build_environment >/dev/null || . "${BASH_SOURCE[0]%/*}/venv_env.sh"
declare -F lock_project >/dev/null || . "${BASH_SOURCE[0]%/*}/project_lock.sh"
declare -F config_parse >/dev/null || . "${BASH_SOURCE[0]%/*}/config.sh"
declare -F write_file >/dev/null || . "${BASH_SOURCE[0]%/*}/files.sh"
declare -F load_fixes >/dev/null || . "${BASH_SOURCE[0]%/*}/fixes.sh"
declare -F write_venv_lock >/dev/null || . "${BASH_SOURCE[0]%/*}/venv_lock_write.sh"
declare -F choose_sync_mode >/dev/null || . "${BASH_SOURCE[0]%/*}/sync_state.sh"
declare -F record_sync >/dev/null || . "${BASH_SOURCE[0]%/*}/venv_sync.sh"
declare -F sync_by_store >/dev/null || . "${BASH_SOURCE[0]%/*}/store_sync.sh"
declare -F begin_change >/dev/null || . "${BASH_SOURCE[0]%/*}/journal.sh"
declare -F quote_word >/dev/null || . "${BASH_SOURCE[0]%/*}/text.sh"
declare -F log_info >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"

# Usage: build_private_env <folder> <store|copy> [again]
# Makes <folder>/venv of what compose_cached_request was told, with the lock beside it; store: its packages stay in the
# store; copy: it needs the store no more. One that is whole stays, unless "again" is said, or _cached_refresh asks for a
# new lock. A lock that is there is kept, where it fits. Status 1 after a diagnostic.
build_private_env() {
  local _private_mode=$2 _private_again=${3-} _private_before=$PWD status=0
  # (What the caller has locked, read and begun is about another folder.)
  local _project_locked="" _project_lock_state="" _project_folder=""
  local _change_open="" _change_folder="" _change_synced=""
  local -a _config_keys=() _config_values=() _change_lines=()
  if ! (umask 077 && mkdir -p "$1/.pyve") 2>/dev/null || ! CDPATH="" cd -- "$1" 2>/dev/null; then
    propose_access "$1"
    fail E_FILE_WRITE "cannot make the folder $1" why "no permission, or no space left: then make room, and try again" ${REPLY:+fix "$REPLY"}
    return 1
  fi
  build_private_here || status=$?
  undo_change
  unlock_project
  CDPATH="" cd -- "$_private_before" || return 1
  return "$status"
}

# Usage: build_private_here
# What build_private_env does in the folder.
build_private_here() {
  local place=XDG_CACHE_HOME
  declare -F check_kept >/dev/null || . "${BASH_SOURCE[0]%/*}/owner.sh"
  [[ $_private_mode != copy ]] || place=XDG_DATA_HOME
  check_kept "$PWD" "$place" "the environment of $_cached_name" && lock_project || return 1
  if [[ -z $_cached_refresh$_private_again ]] && is_private_env "$PWD/venv" && is_same_request; then
    # (Another Pyve has made it while this one was waiting.)
    [[ -n $_cached_chosen ]] || probe_interpreter "$PWD/venv/bin/python" || :
    write_private_request
    return
  fi
  # (The lock is that of a folder called so, for whatever environment there is.)
  config_parse "venv:"$'\n'"  directory: none"
  if [[ -n $_cached_chosen ]]; then
    [[ -n $PYTHON_ID ]] || probe_interpreter "$PYTHON" || return 1
  else
    choose_private_python || return 1
  fi
  # What was whole before is so again when this fails: the lock, what it was made for, and the environment are one.
  [[ ! -f request ]] || begin_change
  write_private_lock && ensure_template || return 1
  if [[ -z $_cached_refresh || -n $_private_again$_cached_base ]] || ! is_made_of_lock; then
    # (Until it is noted as used, it is not taken for whole.)
    [[ -f request && -z $_cached_base ]] || rm -f used
    fill_private_env && write_base_line || return 1
  fi
  write_private_request && commit_change
}

# Usage: is_made_of_lock
# After write_private_lock has solved: true when venv/ is whole, of this very lock, and of the interpreter in PYTHON.
is_made_of_lock() {
  is_private_env "$PWD/venv" || return 1
  get_sync_note venv lock-sha256
  [[ $REPLY == "${VENV_LOCK_SHA256-}" ]] || return 1
  get_sync_note venv python
  [[ $REPLY == "$PYTHON" ]]
}

# Usage: write_base_line
# Lets venv/ of the current folder see the packages of _cached_base behind its own.
write_base_line() {
  local site text=$_cached_base slash=$'\\'
  [[ -n $text ]] || return 0
  # (A text of Python's.)
  replace_all "$text" "$slash" "$slash$slash"
  replace_all "$REPLY" "'" "$slash'"
  replace_all "$REPLY" $'\n' '\n'
  for site in venv/lib/python3*/site-packages; do
    write_file "$site/zz_pyve_base.pth" "import site; site.addsitedir('$REPLY')"$'\n' || return 1
  done
}

# Usage: choose_private_python
# Sets PYTHON and its kin to the interpreter that is asked for.
choose_private_python() {
  case $_cached_wish in
    /*) choose_interpreter_for "$_cached_wish" "" "$_cached_whose" ;;
    *[\<\>=!~]*) choose_interpreter_for "" "$_cached_wish" "$_cached_whose" ;;
    *) choose_interpreter_for "$_cached_wish" "" "$_cached_whose" ;;
  esac
}

# Usage: write_private_lock
# Writes pylock.toml of the current folder, where there is none that fits.
write_private_lock() {
  local text="" item file=requirements.in
  local -a words=(--interpreter "$PYTHON" --interpreter-version "$PYTHON_VERSION" --project-python "$PYTHON_VERSION")
  if [[ -n $_cached_lock ]]; then
    [[ -z $_change_open ]] || keep_files pylock.toml || return 1
    if ! { cp "$_cached_lock" .pyve/tmp/given && chmod u+w .pyve/tmp/given && mv -f .pyve/tmp/given pylock.toml; } 2>/dev/null; then
      propose_access "$PWD"
      fail E_FILE_WRITE "cannot copy $_cached_lock to $PWD" why "no permission, or no space left: then make room, and try again" ${REPLY:+fix "$REPLY"}
      return 1
    fi
    return 0
  fi
  for item in ${_cached_requirements[@]+"${_cached_requirements[@]}"}; do
    text+=$item$'\n'
  done
  if [[ -n $_cached_manifest ]]; then
    file=pyproject.toml text=$_cached_manifest
  fi
  read_file "$file"
  [[ -n $_cached_refresh || $REPLY != "$text" ]] || ! is_lock_for_request || ! does_lock_fit || return 0
  write_file "$file" "$text" || return 1
  [[ $_cached_wish == /* || $_cached_wish != *[\<\>=!~]* || -n $_cached_manifest ]] || words+=(--python "$_cached_wish")
  [[ -z $_cached_newer ]] || words+=(--exclude-newer "$_cached_newer")
  [[ -z $_cached_offline ]] || words+=(--offline)
  [[ ! -f pylock.toml ]] || words+=(--upgrade-all)
  write_venv_lock "${words[@]}"
}

# Usage: is_lock_for_request
# True when the lock that is there was made for the requirements that are asked for, as far as is noted.
is_lock_for_request() {
  local before
  [[ -f request ]] || return 0
  read_file request
  # (For another Python it may fit all the same.)
  before=${REPLY#kind=*$'\n'python=*$'\n'}
  compose_private_request
  [[ $before == "${REPLY#kind=*$'\n'python=*$'\n'}"name=* ]]
}

# Usage: does_lock_fit
# True when there is a lock, and it is for PYTHON_VERSION.
does_lock_fit() {
  local line
  [[ -f pylock.toml && -r pylock.toml ]] || return 1
  while IFS= read -r line && [[ $line != "["* ]]; do
    if [[ $line == "requires-python = "* ]]; then
      line=${line#*= }
      version_satisfies "$PYTHON_VERSION" "${line//\"/}"
      return
    fi
  done <pylock.toml
  return 0
}

# Usage: fill_private_env
# Makes venv/ of the current folder what its pylock.toml says, with the interpreter in PYTHON.
fill_private_env() {
  local _sync_selection=$_cached_select _sync_also="" _sync_keeps="" _sync_dry="" _sync_wants_project=$_cached_project
  local _sync_mode=$_private_mode _sync_local="" _sync_tries=0 _sync_root=$_cached_root status=0
  local -a _sync_words=()
  [[ -z $_cached_offline ]] || _sync_words+=(--offline)
  [[ -z $_cached_binary ]] || _sync_words+=(--only-binary)
  SYNC_ADDED=() SYNC_CHANGED=() SYNC_REMOVED=() SYNC_PROJECT="" SYNC_MADE=1 SYNC_DONE=""
  SYNC_PLACE=$PWD/venv
  # (What no name of the store's fits: the project is not this folder.)
  SYNC_SOURCE=${_cached_project:+elsewhere}
  sha256_of_file pylock.toml || return 1
  SYNC_LOCK_SHA256=$REPLY
  find_store || _sync_mode=plain
  if [[ $_sync_mode != plain ]]; then
    sync_by_store "" || status=$?
    ((status == 3)) || return "$status"
    _sync_mode=plain
  fi
  rebuild_plainly
}

# Usage: compose_private_request
# Sets REPLY to what is asked for, but for the lock that may be given.
compose_private_request() {
  local item
  REPLY="kind=$CACHED_KIND"$'\n'"python=$_cached_wish"$'\n'
  for item in ${_cached_requirements[@]+"${_cached_requirements[@]}"}; do
    REPLY+="requirement=$item"$'\n'
  done
}

# Usage: is_same_request
# True when what is there was made for what is asked for.
is_same_request() {
  local before
  read_file request
  before=$REPLY
  compose_private_request
  [[ $before == "$REPLY"name=* ]]
}

# Usage: write_private_request
# Notes what the environment is for, and that it is used now.
write_private_request() {
  compose_private_request
  write_file request "${REPLY}name=${_cached_name//[[:cntrl:]]/?}"$'\n' || return 1
  # (Without it, the environment is not taken for whole.)
  { : >used; } 2>/dev/null || fail_environment_write "$PWD/used"
}
