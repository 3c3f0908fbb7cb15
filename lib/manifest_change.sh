# shellcheck shell=bash
# Changing what a project needs, with lock and environment: all of it, or nothing.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/manifest_change.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
declare -F keep_files >/dev/null || . "${BASH_SOURCE[0]%/*}/journal.sh"
declare -F call_helper >/dev/null || . "${BASH_SOURCE[0]%/*}/helper.sh"
declare -F lock_project >/dev/null || . "${BASH_SOURCE[0]%/*}/project_lock.sh"
declare -F log_info >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"
declare -F find_backend >/dev/null || . "${BASH_SOURCE[0]%/*}/backend_detect.sh"
declare -F config_get >/dev/null || . "${BASH_SOURCE[0]%/*}/config.sh"
declare -F write_venv_lock >/dev/null || . "${BASH_SOURCE[0]%/*}/venv_lock_write.sh"

# Usage: plan_edit <add|remove> [argument of helpers/edit_manifest.py]...
# Asks what the files are to hold. Sets EDIT_FILES (as people know them), EDIT_TARGETS, EDIT_STAGED, EDIT_DIFF, and
# EDIT_NAMES to what is added.
# Status 1 after a diagnostic. Only with the lock of the project.
plan_edit() {
  local work=$1 folder=$PWD/.pyve/tmp/edit.$$
  shift
  if ! mkdir -p "$folder" 2>/dev/null; then
    fail_write "$folder"
    return 1
  fi
  call_helper locks edit_manifest "$work" --root "$PWD" --stage "$folder" "$@" || return 1
  take_edit
}

# Usage: take_edit
# Sets EDIT_FILES, EDIT_TARGETS, EDIT_STAGED, EDIT_NAMES and EDIT_DIFF from the answer of a helper that plans an edit.
take_edit() {
  get_helper_values files
  EDIT_FILES=(${HELPER_FOUND[@]+"${HELPER_FOUND[@]}"})
  get_helper_values targets
  EDIT_TARGETS=(${HELPER_FOUND[@]+"${HELPER_FOUND[@]}"})
  get_helper_values staged
  EDIT_STAGED=(${HELPER_FOUND[@]+"${HELPER_FOUND[@]}"})
  get_helper_values adding
  EDIT_NAMES=(${HELPER_FOUND[@]+"${HELPER_FOUND[@]}"})
  get_helper_value diff || :
  EDIT_DIFF=$REPLY
}

# Usage: apply_edit <lock> [file]...
# Begins a change, keeps the files that plan_edit named, the lock and the others, and writes what the first are to hold.
# Status 1 after a diagnostic.
apply_edit() {
  local i file part
  keep_files ${EDIT_TARGETS[@]+"${EDIT_TARGETS[@]}"} "$@" || return 1
  for ((i = 0; i < ${#EDIT_TARGETS[@]}; i++)); do
    file=${EDIT_TARGETS[i]}
    # Another file system may be where a link leads to: beside the target first, so that it changes in one step.
    part=${file%/*}/.${file##*/}.pyve-new.$$
    if ! { find_kept "$file" && cp -p -- "${EDIT_STAGED[i]}" "$_change_folder/new.$REPLY" &&
      cp -p -- "${EDIT_STAGED[i]}" "$part" && sync_files "$part" && mv -f -- "$part" "$file"; } 2>/dev/null; then
      rm -f -- "$part" 2>/dev/null || :
      fail_write "$file"
      return 1
    fi
  done
}

# Usage: show_edit
# Tells what plan_edit found, for --dry-run.
show_edit() {
  answer_edit true
  if [[ -z $PYVE_JSON ]]; then
    if [[ -n $EDIT_DIFF ]]; then
      print_text "$EDIT_DIFF"
    else
      log_info "The manifest stays as it is"
    fi
  fi
}

# Usage: answer_edit <true|false>
# Gives files, diff and dry_run to the JSON answer.
answer_edit() {
  [[ -n $PYVE_JSON ]] || return 0
  load_json
  answer_json dry_run "$1"
  json_list ${EDIT_FILES[@]+"${EDIT_FILES[@]}"}
  answer_json files "$REPLY"
  answer diff "$EDIT_DIFF"
}

# Usage: open_project
# Goes to the project's folder and reads its config. Sets REPLY to its backend, CALLER to the folder of the caller.
# Status 1, after a diagnostic, when an option of the room is not for projects of that backend.
open_project() {
  CALLER=$PWD
  find_project || :
  CDPATH="" cd -- "$PROJECT_ROOT" || return 1
  config_load || :
  find_backend "" && check_backend "$REPLY"
}

# Usage: choose_where
# Sets REPLY to where opt_extra, opt_group, opt_dev say that requirements stand: "", "extra:NAME" or "group:NAME".
# Status 1, after a diagnostic, when they say several things.
choose_where() {
  local count=0 word
  REPLY=""
  for word in "${opt_extra:+extra:$opt_extra}" "${opt_group:+group:$opt_group}" "${opt_dev:+group:dev}"; do
    if [[ -n $word ]]; then
      count=$((count + 1))
      REPLY=$word
    fi
  done
  if ((count > 1)); then
    fail E_USAGE_CONFLICT "only one of --extra, --group and --dev can be given" fix "pyve help $PYVE_COMMAND"
    return 1
  fi
}

# Usage: check_backend <backend>
# Status 1, after a diagnostic, when options were given that are not for this backend.
check_backend() {
  if [[ $1 == micromamba && -n ${opt_extra-}${opt_group-}${opt_dev-}${opt_editable-} ]]; then
    fail E_USAGE_CONFLICT "an environment.yml has neither extras nor groups, and nothing editable" \
      why "this project is one for conda" fix "pyve help $PYVE_COMMAND"
    return 1
  elif [[ $1 == micromamba && -n ${opt_pre-}${opt_exclude_newer-}${opt_index-} ]]; then
    fail E_USAGE_CONFLICT "--pre, --exclude-newer and --index are for projects of the venv backend" \
      why "this project is one for conda" fix "pyve help $PYVE_COMMAND"
    return 1
  elif [[ $1 != micromamba && -n ${opt_pip-} ]]; then
    fail E_USAGE_CONFLICT "--pip is for the section for pip of an environment.yml" \
      why "this project has the backend $1" fix "pyve help $PYVE_COMMAND"
    return 1
  fi
}

# Usage: set_solving_words
# Sets the array SOLVING_WORDS to what the options of the room say to write_venv_lock.
set_solving_words() {
  SOLVING_WORDS=()
  [[ -z ${opt_offline-} ]] || SOLVING_WORDS+=(--offline)
  [[ -z ${opt_pre-} ]] || SOLVING_WORDS+=(--pre)
  [[ -z ${opt_exclude_newer-} ]] || SOLVING_WORDS+=(--exclude-newer "$opt_exclude_newer")
  [[ -z ${opt_index-} ]] || SOLVING_WORDS+=(--index "$opt_index")
}

# Usage: follow_edit [word of write_venv_lock]...
# After apply_edit: locks, and makes the environment equal the lock, unless opt_no_sync; then commits the change.
# EDIT_SELECTION: further options for sync_environment.
# Status 1 after a diagnostic; everything is then put back at exit.
follow_edit() {
  set_solving_words
  write_venv_lock ${SOLVING_WORDS[@]+"${SOLVING_WORDS[@]}"} "$@" || return 1
  if [[ -z ${opt_no_sync-} ]]; then
    if [[ ${opt_index-} == *://*@* ]]; then
      # (Its password is for its files, too, and no lock has that.)
      local -x UV_INDEX="${UV_INDEX:-${UV_EXTRA_INDEX_URL:-${PIP_EXTRA_INDEX_URL-}}} $opt_index"
    fi
    need text files env_detect env_file python_wish probe interpreter distutils_shim venv_env activation trust
    declare -F sync_environment >/dev/null || . "${BASH_SOURCE[0]%/*}/venv_sync.sh"
    sync_environment ${opt_offline:+--offline} ${EDIT_SELECTION[@]+"${EDIT_SELECTION[@]}"} || return 1
  fi
  commit_change
}

# Usage: preview_lock <word of write_venv_lock>...
# As write_venv_lock with the options of the room, on a copy of the lock, so that none is written.
preview_lock() {
  local VENV_LOCK=.pyve/tmp/preview.$$.toml
  if [[ -f pylock.toml ]] && ! { mkdir -p "${VENV_LOCK%/*}" && cp pylock.toml "$VENV_LOCK"; } 2>/dev/null; then
    fail_write "$VENV_LOCK"
    return 1
  fi
  set_solving_words
  write_venv_lock ${SOLVING_WORDS[@]+"${SOLVING_WORDS[@]}"} "$@"
}

# Usage: preview_edit [word of write_venv_lock]...
# For --dry-run: shows what plan_edit found, and how the lock would change. Status 1 after a diagnostic.
preview_edit() {
  local i
  for ((i = 0; i < ${#EDIT_FILES[@]}; i++)); do
    set -- "$@" --edited "${EDIT_FILES[i]}" --staged "${EDIT_STAGED[i]}"
  done
  preview_lock "$@" || return 1
  show_edit
  tell_lock_changes
}

# Usage: tell_lock_changes [what to say when there is nothing]
# Says what write_venv_lock changed: each package where no environment follows that tells it.
tell_lock_changes() {
  local line verb=Wrote count=""
  if [[ -n $PYVE_JSON ]]; then
    # shellcheck disable=SC2153 # of write_venv_lock
    json_list ${VENV_LOCK_CHANGES[@]+"${VENV_LOCK_CHANGES[@]}"}
    answer_json locked "$REPLY"
    return 0
  fi
  if [[ -n ${opt_no_sync-}${opt_dry_run-} ]]; then
    for line in ${VENV_LOCK_CHANGES[@]+"${VENV_LOCK_CHANGES[@]}"}; do
      log_info "$line"
    done
  fi
  if [[ -z $VENV_LOCK_CHANGED ]]; then
    log_success "${1:-pylock.toml stays as it is}"
    return 0
  fi
  [[ -z ${opt_dry_run-} ]] || verb="Would write"
  count_things "$VENV_LOCK_PACKAGES" package
  line=$REPLY
  # (All are new in a first lock.)
  [[ -n $VENV_LOCK_FIRST || -z $VENV_LOCK_COUNT ]] || count=": $VENV_LOCK_COUNT"
  log_success "$verb pylock.toml ($line$count)"
}
