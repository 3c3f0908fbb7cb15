# shellcheck shell=bash
# The environment of the venv backend made equal to pylock.toml, by uv; all of it or nothing.
#
# Mostly by way of the shared store (lib/store_sync.sh); what follows here makes full environments. What is in use is never
# worked on: a copy of hard links is, which then takes its place in one step. (Only where the environment is a link to
# another place, that is worked on itself.) In pyve.state stand the digest of the lock,
# what was chosen of it and the digest of what the project itself was installed from, and in pyve.packages the names
# of what is installed: while all that is as it was, there is nothing to do, and no Python is started to find that
# out.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/venv_sync.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F check_link >/dev/null || . "${BASH_SOURCE[0]%/*}/owner.sh"
declare -F run_long >/dev/null || . "${BASH_SOURCE[0]%/*}/progress.sh"
declare -F copy_tree >/dev/null || . "${BASH_SOURCE[0]%/*}/venv_env.sh"
declare -F call_helper >/dev/null || . "${BASH_SOURCE[0]%/*}/helper.sh"
declare -F logged >/dev/null || . "${BASH_SOURCE[0]%/*}/debug_log.sh"
declare -F needs_no_sync >/dev/null || . "${BASH_SOURCE[0]%/*}/sync_state.sh"
declare -F find_venv_lock_state >/dev/null || . "${BASH_SOURCE[0]%/*}/venv_lock.sh"
declare -F read_uv_line >/dev/null || . "${BASH_SOURCE[0]%/*}/requirements.sh"
declare -F write_project_files >/dev/null || . "${BASH_SOURCE[0]%/*}/project_files.sh"

# The environment that is being made, where there was none.
_sync_half=""

# Usage: sync_environment [option]...
# Makes the environment of the project in the current folder equal to its pylock.toml, and makes one when there
# is none. Only with the project's lock, and with the config loaded. Options: --extra NAME, --group NAME, --no-dev
# (none of these: what was chosen the last time; --default: what the lock has as default), --also-extra NAME and
# --also-group NAME (beside what was chosen the last time), --no-install-project,
# --offline, --find-links DIR, --only-binary, --no-build (nor the project itself), --copy, --no-store, --dry-run (finds
# out, changes nothing). Sets the arrays SYNC_ADDED and SYNC_REMOVED (lines "name version") and SYNC_CHANGED ("name old new");
# SYNC_PROJECT: new, keep, remove or "" for the project itself; SYNC_MADE: "1" when the environment was made; SYNC_DONE:
# "1" when anything was changed (or would be). Status 1 after a diagnostic; then all is as it was.
sync_environment() {
  local _sync_selection="" _sync_also="" _sync_keeps=1 _sync_dry="" _sync_wants_project=1 _sync_mode="" _sync_local="" _sync_tries=0
  local -a _sync_words=()
  SYNC_ADDED=() SYNC_CHANGED=() SYNC_REMOVED=() SYNC_PROJECT="" SYNC_MADE="" SYNC_DONE=""
  read_sync_options "$@"
  if [[ ! -f pylock.toml ]]; then
    if [[ -e pylock.toml ]]; then
      load_fixes
      propose_move pylock.toml
      fail E_LOCK_FILE_READ "pylock.toml cannot be read" why "it is not a file" fix "$REPLY"
    else
      fail E_LOCK_MISSING "there is no pylock.toml" why "in $PWD" fix "pyve lock"
    fi
    return 1
  fi
  find_sync_place
  check_link "$PWD" "$SYNC_PLACE" || return 1
  digest_sync_sources "${VENV_LOCK_SHA256-}" || return 1
  if [[ ! -e $SYNC_PLACE/pyvenv.cfg && ! -L $SYNC_PLACE ]]; then
    sync_fresh_environment
    return
  fi
  if is_environment_moved "$SYNC_PLACE" && [[ -z $_sync_dry ]]; then
    check_environment "$SYNC_PLACE" && probe_interpreter "$SYNC_PLACE/bin/python" && ensure_template &&
      mend_environment "$SYNC_PLACE" "$PWD" || fail_environment "$PWD" "$SYNC_PLACE" || return 1
  fi
  if [[ -n $_sync_keeps ]]; then
    get_sync_note "$SYNC_PLACE" selection
    _sync_selection=$REPLY
  fi
  extend_selection
  choose_sync_mode
  if [[ $_sync_mode == store && -z $_sync_dry ]]; then
    mend_ownership "$SYNC_PLACE"
  fi
  if has_sync_state "$SYNC_PLACE"; then
    return 0
  fi
  sync_used_environment
}

# Usage: load_store
# Reads lib/store_sync.sh, which full environments do without.
load_store() {
  # shellcheck source=/dev/null # read when needed; it uses what is here
  declare -F sync_by_store >/dev/null || . "${BASH_SOURCE[0]%/*}/store_sync.sh"
}

# Usage: record_sync <environment>
# Writes what the environment was made from into it.
record_sync() {
  local line text="" state="" project=$SYNC_SOURCE
  [[ -n $_sync_wants_project ]] || project=none
  [[ ! -r $1/pyve.state ]] || IFS= read -r -d '' state <"$1/pyve.state" || :
  while IFS= read -r line; do
    case $line in
      lock-sha256=* | selection=* | project=* | local=* | lock-files=* | "") ;;
      *) text+=$line$'\n' ;;
    esac
  done <<<"$state"
  text+="lock-sha256=$SYNC_LOCK_SHA256"$'\n'"selection=$_sync_selection"$'\n'"project=$project"$'\n'
  # (A folder that is installed as a copy may change while the lock does not: has_sync_state is then not true.)
  [[ -z $_sync_local ]] || text+="local=1"$'\n'
  get_lock_note
  [[ -z $REPLY ]] || text+="lock-files=$REPLY"$'\n'
  if [[ -n ${_change_open-} && $1 == "$SYNC_PLACE" ]]; then
    load_journal
    keep_files "$1/pyve.state" "$1/pyve.packages" || return 1
  fi
  list_installed "$1"
  # Both may be links to those of the environment that is still in use: each gets a file of its own.
  { printf '%s\n' "$REPLY" >"$1/pyve.packages.new" && mv "$1/pyve.packages.new" "$1/pyve.packages" &&
    printf '%s' "$text" >"$1/pyve.state.new" && mv "$1/pyve.state.new" "$1/pyve.state"; } 2>/dev/null || {
    fail_environment_write "$1"
    return 1
  }
}

# Usage: get_lock_note
# For record_sync: sets REPLY to the digests of the files that the lock was made from, as VENV_LOCK_NOTE has them, to ""
# when the lock is not current, or another one by now.
get_lock_note() {
  [[ ${VENV_LOCK_STATE-} == current && $VENV_LOCK_SHA256 == "$SYNC_LOCK_SHA256" && -n $VENV_LOCK_NOTE ]] || find_venv_lock_state
  REPLY=""
  [[ $VENV_LOCK_STATE != current || $VENV_LOCK_SHA256 != "$SYNC_LOCK_SHA256" ]] || REPLY=$VENV_LOCK_NOTE
}

# Usage: prepare_sync <plan|apply> <environment> [answer file]
# Prepares the helper, for the lock of the current folder, or of _sync_root.
prepare_sync() {
  local action=$1 environment=$2 project=new word state=""
  local -a words=()
  get_sync_note "$environment" project
  state=$REPLY
  if [[ -z $_sync_wants_project ]]; then
    project=none
  elif [[ -n $SYNC_SOURCE && $state == "$SYNC_SOURCE" ]]; then
    project=keep
  fi
  for word in $_sync_selection; do
    case $word in
      --no-dev) words+=(--no-dev) ;;
      *) words+=("${word%%=*}" "${word#*=}") ;;
    esac
  done
  get_allowed_words
  prepare_helper locks sync_environment ${3:+--answer "$3"} "$action" --environment "$environment" --place "$SYNC_PLACE" --root "${_sync_root:-$PWD}" ${_sync_root:+--lock "$PWD/pylock.toml"} --project "$project" \
    ${words[@]+"${words[@]}"} ${_sync_words[@]+"${_sync_words[@]}"} ${ALLOWED_WORDS[@]+"${ALLOWED_WORDS[@]}"}
}

# Usage: get_allowed_words
# Sets the array ALLOWED_WORDS to which packages the config allows what is otherwise refused, as options of the helpers.
get_allowed_words() {
  local item word
  ALLOWED_WORDS=()
  for item in startup record; do
    config_get "sync.allow_$item"
    # (A list may be in one line of the config: [a, b].)
    for word in ${REPLY//[][,\"\']/ }; do
      ALLOWED_WORDS+=("--allow-$item" "$word")
    done
  done
}

# Usage: read_sync_answer
# Sets SYNC_* to what the helper has answered.
read_sync_answer() {
  get_helper_values added
  SYNC_ADDED=(${HELPER_FOUND[@]+"${HELPER_FOUND[@]}"})
  get_helper_values changed
  SYNC_CHANGED=(${HELPER_FOUND[@]+"${HELPER_FOUND[@]}"})
  get_helper_values removed
  SYNC_REMOVED=(${HELPER_FOUND[@]+"${HELPER_FOUND[@]}"})
  get_helper_value project || :
  SYNC_PROJECT=$REPLY
  get_helper_value local || :
  _sync_local=$REPLY
  if ((${#SYNC_ADDED[@]} + ${#SYNC_CHANGED[@]} + ${#SYNC_REMOVED[@]} > 0)) || [[ $SYNC_PROJECT == new || $SYNC_PROJECT == remove ]]; then
    SYNC_DONE=1
  fi
}

# Usage: plan_sync <environment>
# Finds out what would be changed.
plan_sync() {
  local answer="" status=0
  prepare_sync plan "$1" || return 1
  load_redact
  answer=$(redact_stderr logged "${HELPER_COMMAND[@]}" </dev/null) || status=$?
  read_helper_answer "$status" "$answer" || return 1
  read_sync_answer
}

# Usage: apply_sync <environment>
# Does it, in an environment that nobody uses yet.
apply_sync() {
  local file=$PWD/.pyve/tmp/sync.$$ status=0
  mkdir -p .pyve/tmp && prepare_sync apply "$1" "$file" || return 1
  run_long "Syncing with pylock.toml" read_uv_line "${HELPER_COMMAND[@]}" || status=$?
  take_helper_answer "$status" "$file" || return 1
  rm -f "$file"
  read_sync_answer
}

# Usage: sync_used_environment
# For sync_environment: the environment SYNC_PLACE is there. Status 1, with a diagnostic, also when it does not work.
sync_used_environment() {
  local status=0
  if [[ $_sync_mode != plain ]]; then
    sync_used_by_store || status=$?
    ((status == 3)) || return "$status"
  fi
  sync_used_plainly
}

# Usage: sync_used_by_store
# For sync_used_environment. Status 3 when the store cannot be used.
sync_used_by_store() {
  load_store
  if ! { probe_interpreter "$SYNC_PLACE/bin/python" && ensure_template; }; then
    ((_error_count > 0)) || is_environment_whole || :
    return 1
  fi
  if [[ -n $_sync_dry ]]; then
    plan_store "$SYNC_PLACE"
    return
  fi
  sync_by_store "$SYNC_PLACE" || return
  remember_if_usual "$SYNC_PLACE"
}

# Usage: sync_used_plainly
# For sync_used_environment: without the store.
sync_used_plainly() {
  local new=$PWD/.pyve/tmp/new.venv.$$ PYTHON=${PYTHON:-$SYNC_PLACE/bin/python} checked
  get_sync_note "$SYNC_PLACE" store
  if [[ -n $REPLY && ! -L $SYNC_PLACE ]]; then
    leave_store "$new"
    return
  fi
  if [[ -n $_sync_dry ]]; then
    is_environment_whole && plan_sync "$SYNC_PLACE"
    return
  fi
  if [[ -L $SYNC_PLACE ]]; then
    # What it points to may be on another disk: it stays where it is.
    is_environment_whole && forget_store "$SYNC_PLACE" && apply_sync "$SYNC_PLACE" && record_sync "$SYNC_PLACE"
    return
  fi
  # (That its Python starts is seen while it is copied.)
  check_environment "$SYNC_PLACE" >/dev/null 2>&1 &
  checked=$!
  mkdir -p .pyve/tmp && copy_tree "$SYNC_PLACE" "$new" || return 1
  if ! wait "$checked"; then
    rm -rf "$new"
    is_environment_whole || return 1
    copy_tree "$SYNC_PLACE" "$new" || return 1
  fi
  if ! apply_sync "$new" || { [[ -n $SYNC_DONE ]] && ! record_sync "$new"; }; then
    rm -rf "$new"
    return 1
  fi
  if [[ -z $SYNC_DONE ]]; then
    # It was so already, but for what is noted of it.
    rm -rf "$new"
    record_sync "$SYNC_PLACE"
    return
  fi
  swap_in venv "$new" "$SYNC_PLACE"
}

# Usage: leave_store <new folder>
# For sync_used_plainly: the environment uses the store; a full one is made from nothing, and takes its place.
leave_store() {
  local recorded
  get_sync_note "$SYNC_PLACE" lock-sha256
  recorded=$REPLY
  if ! { probe_interpreter "$SYNC_PLACE/bin/python" && ensure_template; }; then
    ((_error_count > 0)) || is_environment_whole || :
    return 1
  fi
  if [[ -n $_sync_dry ]]; then
    SYNC_DONE=1
    [[ $recorded == "$SYNC_LOCK_SHA256" ]] || { clone_environment "$1" "$1" "${PWD##*/}" && plan_sync "$1"; } || return 1
    rm -rf "$1"
    return 0
  fi
  load_store
  if ! mkdir -p .pyve/tmp || ! clone_environment "$1" "$SYNC_PLACE" "${PWD##*/}" || ! install_distutils_shim "$1" "$PYTHON_VERSION" ||
    ! apply_sync "$1" || ! carry_files "$SYNC_PLACE" "$1" || ! record_sync "$1"; then
    rm -rf "$1"
    ((_error_count > 0)) || fail_environment_write "$1"
    return 1
  fi
  # What was in the store's environment is not new.
  [[ $recorded != "$SYNC_LOCK_SHA256" ]] || SYNC_ADDED=()
  SYNC_DONE=1
  swap_in venv "$1" "$SYNC_PLACE"
}

# Usage: rebuild_plainly
# Makes SYNC_PLACE anew from the lock, without a store and with nothing of what may be there: beside it, then swapped in.
# Status 1 after a diagnostic.
rebuild_plainly() {
  local new=$PWD/.pyve/tmp/new.venv.$$
  if ! mkdir -p .pyve/tmp || ! clone_environment "$new" "$SYNC_PLACE" "${PWD##*/}" ||
    ! install_distutils_shim "$new" "$PYTHON_VERSION" || ! apply_sync "$new" || ! record_sync "$new"; then
    rm -rf "$new"
    ((_error_count > 0)) || fail_environment_write "$SYNC_PLACE"
    return 1
  fi
  swap_in venv "$new" "$SYNC_PLACE"
}

# Usage: forget_store <environment>
# Makes an environment that uses the store one that does not, in its place: with what is its own only.
forget_store() {
  local file text="" line
  get_sync_note "$1" store
  [[ -n $REPLY ]] || return 0
  for file in "$1"/bin/*; do
    if [[ -L $file && $file -ef $REPLY/bin/${file##*/} ]]; then
      rm -f "$file"
    fi
  done
  read_file "$1/pyve.state"
  while IFS= read -r line; do
    [[ -z $line || $line == store=* || $line == lock-sha256=* ]] || text+=$line$'\n'
  done <<<"$REPLY"
  write_file "$1/pyve.state" "$text" && rm -f "$1"/lib/python3*/site-packages/_pyve_store.pth "$1/pyve.token"
}

# Usage: is_environment_whole
# True when the Python of SYNC_PLACE starts; else says why it does not.
is_environment_whole() {
  check_environment "$SYNC_PLACE" || fail_environment "$PWD" "$SYNC_PLACE"
}

# Usage: sync_fresh_environment
# For sync_environment: there is no environment yet. With --dry-run, one that nobody sees is asked.
sync_fresh_environment() {
  local status=0 new=$PWD/.pyve/tmp/new.venv.$$
  # (pyve sync writes no .envrc.)
  local folder=${SYNC_PLACE#"$PWD/"} name=${PWD##*/} wish="" opt_no_direnv=1 opt_local_env=""
  [[ -z $_sync_keeps ]] || _sync_selection=""
  extend_selection
  choose_sync_mode
  SYNC_MADE=1
  if [[ -n $_sync_dry ]]; then
    choose_interpreter "" && ensure_template && mkdir -p .pyve/tmp || return 1
    SYNC_DONE=1
    if [[ $_sync_mode != plain ]]; then
      load_store
      plan_store ""
      return
    fi
    clone_environment "$new" "$new" "${PWD##*/}" && settle_interpreter && plan_sync "$new" || status=1
    rm -rf "$new"
    return "$status"
  fi
  is_replaceable "$folder" && check_project_files || return 1
  if [[ $_sync_mode != plain ]]; then
    load_store
    make_by_store "$folder" "$name" || status=$?
    ((status == 3)) || return "$status"
    _sync_mode=plain
  fi
  at_exit clear_half_sync
  _sync_half=$SYNC_PLACE
  if ! make_empty_environment || ! apply_sync "$SYNC_PLACE" || ! record_sync "$SYNC_PLACE"; then
    clear_half_sync
    return 1
  fi
  _sync_half=""
  log_success "Made $folder with Python $PYTHON_VERSION ($PYTHON_SOURCE: $PYTHON)"
  SYNC_DONE=1
  write_project_files venv "$folder" "$name" "$wish"
}

# Usage: make_by_store <folder> <name>
# For sync_fresh_environment: makes SYNC_PLACE, which is the folder of the project called name, from the store, and what
# stands beside it. Status 3 when the store cannot be used.
make_by_store() {
  local PROBE_SOON=${PROBE_SOON-1} status=0 wish
  choose_interpreter "" && ensure_template || return 1
  if ! settle_interpreter; then
    PROBE_SOON=""
    choose_interpreter "" && ensure_template || return 1
  fi
  choose_series
  wish=$REPLY
  sync_by_store "" || status=$?
  ((status == 0)) || return "$status"
  log_success "Made $1 with Python $PYTHON_VERSION ($PYTHON_SOURCE: $PYTHON)"
  write_project_files venv "$1" "$2" "$wish" && remember_if_usual ""
}

# Usage: choose_series
# After choose_interpreter: sets REPLY to the version of Python for the config: the one that was asked for, or the series.
choose_series() {
  REPLY=${PYTHON_VERSION%.*}
  [[ $PYTHON_WISH_KIND != version ]] || REPLY=$PYTHON_WISH
}

# Usage: clear_half_sync
# Also at exit: removes the environment that was being made, when that has not come to its end.
clear_half_sync() {
  [[ -z $_sync_half ]] || remove_environment venv "$_sync_half" || return 1
  _sync_half=""
}

# Usage: make_empty_environment
# For sync_fresh_environment: makes SYNC_PLACE, with nothing in it but pip, for the project called name. Sets wish, the
# version for the config.
make_empty_environment() {
  local status=0 PROBE_SOON=${PROBE_SOON-1}
  choose_interpreter "" && ensure_template || return 1
  choose_series
  wish=$REPLY
  build_environment venv "$SYNC_PLACE" "$name" || status=$?
  if ((status == 3)); then
    PROBE_SOON=""
    make_empty_environment
    return
  fi
  return "$status"
}
