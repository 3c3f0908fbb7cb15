# Summary: Move what is locked to newer versions, then sync
# Group: Dependencies
# Agent: write network
# Usage: pyve upgrade [NAME]... [--dry-run]
# About: Locks anew (pylock.toml, or conda-lock.yml for conda) without keeping the versions of the packages that are
# About: named, or of any when none is; then makes the environment equal the lock. The manifest stays as it is, and so do
# About: its limits: pyve outdated shows what they keep back. When something fails, lock and environment are what they
# About: were.
# Option: --dry-run        Show what would change in the lock, and change nothing
# Option: --no-sync        Leave the environment as it is
# Option: --offline        Take what is in the cache
# Option: --pre            Versions before a release are welcome
# Option: --exclude-newer WHEN  Nothing that was uploaded later: a date, or 7d
# Option: --index URL      A further index, asked first, for this time
# Example: pyve upgrade
# Example: pyve upgrade requests urllib3
# Exit: 0 upgraded, or nothing to upgrade; 1 nothing was changed
# States: any -> consistent

cmd_upgrade() {
  local CALLER="" name
  local -a words=() held=()
  need utils cli text backend_detect micromamba_core project_lock fixes helper manifest_change
  parse_options "$@" && open_project || return 1
  if [[ $REPLY == micromamba ]]; then
    need conda_change
    upgrade_conda
    return
  fi
  need venv_lock
  lock_project || return 1
  if ((${#ARGS[@]})) && [[ -f pylock.toml ]]; then
    call_helper locks edit_manifest known --root "$PWD" -- "${ARGS[@]}" || return 1
    get_helper_values held
    held=(${HELPER_FOUND[@]+"${HELPER_FOUND[@]}"})
  fi
  for name in ${ARGS[@]+"${ARGS[@]}"}; do
    words+=(--upgrade "$name")
  done
  ((${#words[@]})) || words=(--upgrade-all)
  keep_files pylock.toml || return 1
  if [[ -n $opt_dry_run ]]; then
    preview_lock "${words[@]}" || return 1
    answer_json dry_run true
    tell_held
    tell_lock_changes "Nothing to upgrade"
    return 0
  fi
  follow_edit "${words[@]}" || return 1
  answer_json dry_run false
  tell_held
  tell_lock_changes "Nothing to upgrade"
  [[ -n $opt_no_sync ]] || tell_sync
}

# Usage: tell_held
# Says why nothing moved, where the manifest is why.
tell_held() {
  local line
  [[ -z $VENV_LOCK_CHANGED ]] || return 0
  for line in ${held[@]+"${held[@]}"}; do
    log_info "$line"
  done
}
