# Summary: Remove requirements, then lock and sync
# Group: Dependencies
# Agent: write destructive network
# Usage: pyve remove NAME... [--dev | --group NAME | --extra NAME] [--dry-run]
# About: Takes what the project asks for out of its manifest, from extras and groups, too; then locks, then makes the
# About: environment equal the lock. All of it or nothing: when something fails, every file is what it was.
# About: What only a dependency needs is not removed; why tells who needs it.
# About: --script takes it out of the metadata of a script (PEP 723), and locks again where FILE.lock is there.
# Option: --dev            From the group dev only
# Option: --group NAME     From this dependency group only
# Option: --extra NAME     From this extra only
# Option: --pip            For conda: from the section for pip only
# Option: --script FILE    From the metadata of a script
# Option: --dry-run        Show what would be written, and change nothing
# Option: --no-sync        Leave the environment as it is
# Option: --offline        Take what is in the cache
# Example: pyve remove requests
# Example: pyve remove --dev pytest
# Example: pyve remove --script job.py rich
# Exit: 0 removed; 1 nothing was changed
# States: any -> consistent

cmd_remove() {
  local CALLER="" where
  local -a words=() EDIT_FILES=() EDIT_TARGETS=() EDIT_STAGED=()
  need utils cli text backend_detect micromamba_core project_lock fixes helper manifest_change
  parse_options "$@" || return 1
  if ((${#ARGS[@]} == 0)); then
    fail E_USAGE_ARGUMENT "pyve remove needs the names of what to remove" fix "pyve help remove"
    return 1
  elif [[ -n $opt_script ]]; then
    need script_lock
    edit_script remove "$opt_script" "${ARGS[@]}"
    return
  fi
  choose_where || return 1
  where=$REPLY
  open_project || return 1
  if [[ $REPLY == micromamba ]]; then
    need conda_change
    change_conda remove "${ARGS[@]}"
    return
  fi
  need venv_lock
  [[ -z $where ]] || words+=(--where "$where")
  lock_project && plan_edit remove ${words[@]+"${words[@]}"} -- "${ARGS[@]}" || return 1
  if [[ -n $opt_dry_run ]]; then
    preview_edit
    return
  fi
  apply_edit pylock.toml && follow_edit || return 1
  answer_edit false
  log_success "Removed from ${EDIT_FILES[*]-}"
  tell_lock_changes
  [[ -n $opt_no_sync ]] || tell_sync
}
