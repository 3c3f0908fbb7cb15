# Summary: Add requirements, then lock and sync
# Group: Dependencies
# Agent: write idempotent network
# Usage: pyve add REQUIREMENT... [--dev | --group NAME | --extra NAME] [--editable PATH]... [--dry-run]
# Usage: pyve add --script FILE [REQUIREMENT]... [--dry-run]
# Argument: FILE files
# About: Writes into pyproject.toml with [project], else requirements.in or requirements.txt (environment.yml for
# About: conda), keeping its comments and form; then locks, then makes the environment equal the lock. All of it or
# About: nothing: when something fails, every file is what it was.
# About: A REQUIREMENT is a name, with extras, versions and a marker if need be; NAME @ URL, also of a git
# About: repository; or a path. One that is there already gets the new version. The group or extra that it is added to
# About: is installed, too.
# About: --script writes into the metadata of a script (PEP 723) instead, and locks again where FILE.lock is there.
# Option: --dev            Into the group dev
# Option: --group NAME     Into a dependency group
# Option: --extra NAME     Into an extra of the project
# Option: --pip            For conda: into the section for pip
# Option: -e, --editable PATH...  A folder that is to be installed editable
# Option: --script FILE    Into the metadata of a script
# Option: --dry-run        Show what would be written, and change nothing
# Option: --no-sync        Leave the environment as it is
# Option: --offline        Take what is in the cache
# Option: --pre            Versions before a release are welcome
# Option: --exclude-newer WHEN  Nothing that was uploaded later: a date, or 7d
# Option: --index URL      A further index, asked first, for this time
# Example: pyve add 'requests>=2.31' 'rich[jupyter]'
# Example: pyve add --dev pytest
# Example: pyve add --editable ../library
# Example: pyve add --script job.py rich
# Exit: 0 added; 1 nothing was changed
# States: any -> consistent

cmd_add() {
  local CALLER="" where path
  local -a words=() EDIT_FILES=() EDIT_TARGETS=() EDIT_STAGED=() EDIT_NAMES=() EDIT_SELECTION=()
  need utils cli text backend_detect micromamba_core project_lock fixes helper manifest_change
  parse_options "$@" || return 1
  if [[ -n $opt_script ]]; then
    need script_lock
    edit_script add "$opt_script" ${ARGS[@]+"${ARGS[@]}"}
    return
  fi
  choose_where || return 1
  where=$REPLY
  if [[ -z ${ARGS[*]-}$opt_editable ]]; then
    fail E_USAGE_ARGUMENT "pyve add needs to know what to add" fix "pyve help add"
    return 1
  fi
  open_project || return 1
  if [[ $REPLY == micromamba ]]; then
    need conda_change
    change_conda add ${ARGS[@]+"${ARGS[@]}"}
    return
  fi
  need venv_lock
  words=(--folder "$CALLER")
  if [[ -n $where ]]; then
    words+=(--where "$where")
    # What was added is to be there.
    EDIT_SELECTION=("--also-${where%%:*}" "${where#*:}")
  fi
  while IFS= read -r path; do
    [[ -z $path ]] || words+=(--editable "$path")
  done <<<"$opt_editable"
  lock_project && plan_edit add "${words[@]}" -- ${ARGS[@]+"${ARGS[@]}"} || return 1
  words=()
  for path in ${EDIT_NAMES[@]+"${EDIT_NAMES[@]}"}; do
    words+=(--adding "$path")
  done
  if [[ -n $opt_dry_run ]]; then
    preview_edit ${words[@]+"${words[@]}"}
    return
  fi
  apply_edit pylock.toml && follow_edit ${words[@]+"${words[@]}"} || return 1
  answer_edit false
  if ((${#EDIT_FILES[@]})); then
    log_success "Added to ${EDIT_FILES[*]}"
  else
    log_success "The manifest has all of it already"
  fi
  tell_lock_changes
  [[ -n $opt_no_sync ]] || tell_sync
}
