# shellcheck shell=bash
# Adding to environment.yml and removing from it, with conda-lock.yml and the environment.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/conda_change.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F apply_edit >/dev/null || . "${BASH_SOURCE[0]%/*}/manifest_change.sh"
declare -F log_success >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"
declare -F find_environment_files >/dev/null || . "${BASH_SOURCE[0]%/*}/micromamba_file.sh"
declare -F lock_conda >/dev/null || . "${BASH_SOURCE[0]%/*}/conda_lock.sh"

# Usage: change_conda <add|remove> <name>...
# In the project's folder: edits, locks, and makes the environment anew where it is not what the lock says.
# Status 1 after a diagnostic; at exit every file is then what it was.
change_conda() {
  local work=$1 verb="Added to"
  local -a where=()
  shift
  find_environment_files || :
  if [[ -z $CONDA_MANIFEST ]]; then
    fail_no_environment_file "there is no environment.yml"
    return 1
  fi
  [[ -z $opt_pip ]] || where=(--where pip)
  lock_project && plan_edit "$work" --file "$CONDA_MANIFEST" ${where[@]+"${where[@]}"} -- "$@" || return 1
  if [[ -n $opt_dry_run ]]; then
    preview_conda_lock ${EDIT_STAGED[0]+"${EDIT_STAGED[0]}"} || return 1
    show_edit
    tell_conda_changes
    return 0
  fi
  apply_edit "${CONDA_LOCK:-conda-lock.yml}" || return 1
  lock_conda_quietly || return 1
  answer_edit false
  answer_conda_changes
  [[ -n $opt_no_sync ]] || sync_conda_again || return 1
  commit_change
  [[ $work == add ]] || verb="Removed from"
  if ((${#EDIT_FILES[@]})); then
    log_success "$verb ${EDIT_FILES[*]}"
  else
    log_success "The manifest has all of it already"
  fi
}

# Usage: upgrade_conda
# pyve upgrade for conda: its options are parsed, and the NAMEs are in ARGS.
upgrade_conda() {
  find_environment_files || :
  if [[ -z $CONDA_LOCK ]]; then
    fail E_LOCK_MISSING "there is no conda-lock.yml" why "in $PWD" fix "pyve lock"
    return 1
  fi
  lock_project || return 1
  if [[ -n $opt_dry_run ]]; then
    preview_conda_lock --upgrade || return 1
    tell_conda_upgrade true
    return 0
  fi
  keep_files "$CONDA_LOCK" && lock_conda_quietly --upgrade || return 1
  tell_conda_upgrade false
  [[ -n $opt_no_sync ]] || sync_conda_again || return 1
  commit_change
}

# Usage: tell_conda_upgrade <whether it is a dry run: true|false>
# Says what has changed, or would, in conda-lock.yml.
tell_conda_upgrade() {
  answer_json dry_run "$1"
  if ((${#CONDA_LOCK_CHANGES[@]} == 0)); then
    log_success "Nothing to upgrade"
  elif [[ $1 == false ]]; then
    log_success "Upgraded $CONDA_LOCK"
  fi
  [[ $1 == false && -z $PYVE_JSON ]] || tell_conda_changes
}

# Usage: tell_conda_changes
# For --dry-run: says each package that would change in conda-lock.yml.
tell_conda_changes() {
  local line
  answer_conda_changes
  [[ -z $PYVE_JSON ]] || return 0
  for line in ${CONDA_LOCK_CHANGES[@]+"${CONDA_LOCK_CHANGES[@]}"}; do
    log_info "$line"
  done
  if ((${#CONDA_LOCK_CHANGES[@]})); then
    log_success "Would write ${CONDA_LOCK:-conda-lock.yml}"
  fi
}

# Usage: list_outdated_conda
# Asks the helper what is outdated in conda-lock.yml; its answer is left for get_helper_value. Status 1 after a
# diagnostic.
list_outdated_conda() {
  local opt_platform="" opt_engine="" lock status=0 file=.pyve/tmp/outdated.$$
  # shellcheck disable=SC2034 # platforms is for open_conda_lock
  local -a words=() platforms=()
  open_conda_lock && choose_engine "$opt_engine" || return 1
  lock_project && mkdir -p .pyve/tmp || return 1
  prepare_helper conda-lock conda_outdated --answer "$file" --file "$CONDA_MANIFEST" "${words[@]}" \
    --engine "${CONDA_ENGINE_PATH:-rattler}" --output "$lock" || return 1
  run_long "Looking for newer versions" read_engine_line "${HELPER_COMMAND[@]}" || status=$?
  take_helper_answer "$status" "$file"
}

# Usage: sync_conda_again
# Makes the environment what conda-lock.yml says, as pyve sync does.
sync_conda_again() {
  # shellcheck disable=SC2034 # the options of pyve sync, for its functions
  local opt_frozen="" opt_locked="" opt_extra="" opt_group="" opt_no_dev="" opt_find_links="" opt_only_binary="" opt_no_build=""
  # shellcheck disable=SC2034
  local opt_no_install_project="" opt_offline=${opt_offline-}
  declare -F sync_conda >/dev/null || . "${BASH_SOURCE[0]%/*}/conda_sync.sh"
  sync_conda
}
