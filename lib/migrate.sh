# shellcheck shell=bash
# Taking over a project of another tool: its plan, and carrying that out.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/migrate.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F apply_edit >/dev/null || . "${BASH_SOURCE[0]%/*}/manifest_change.sh"
declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
declare -F log_info >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"
declare -F call_helper >/dev/null || . "${BASH_SOURCE[0]%/*}/helper.sh"
declare -F write_venv_lock >/dev/null || . "${BASH_SOURCE[0]%/*}/venv_lock_write.sh"
declare -F find_backend_files >/dev/null || . "${BASH_SOURCE[0]%/*}/backend_detect.sh"
declare -F config_get >/dev/null || . "${BASH_SOURCE[0]%/*}/config.sh"

# Usage: plan_migration <argument of helpers/migrate_project.py>...
# Asks what is to be written. Sets what take_edit sets, and MIGRATE_SOURCE, MIGRATE_TARGET, MIGRATE_SAME ("1" when
# nothing has to be migrated), MIGRATE_READ, MIGRATE_OTHERS, MIGRATE_NOTES, MIGRATE_UNANSWERED, MIGRATE_PINS and
# MIGRATE_PREFERENCES. Status 1 after a diagnostic.
plan_migration() {
  call_helper locks migrate_project plan "$@" || return 1
  take_edit
  set_from_helper MIGRATE_SOURCE=source MIGRATE_TARGET=target MIGRATE_SAME=same MIGRATE_PINS=pins \
    MIGRATE_PREFERENCES=preferences
  MIGRATE_PINS=${MIGRATE_PINS:-0}
  get_helper_values read
  MIGRATE_READ=(${HELPER_FOUND[@]+"${HELPER_FOUND[@]}"})
  get_helper_values others
  MIGRATE_OTHERS=(${HELPER_FOUND[@]+"${HELPER_FOUND[@]}"})
  get_helper_values note
  MIGRATE_NOTES=(${HELPER_FOUND[@]+"${HELPER_FOUND[@]}"})
  get_helper_values unanswered
  MIGRATE_UNANSWERED=(${HELPER_FOUND[@]+"${HELPER_FOUND[@]}"})
}

# Usage: show_migration
# Shows the plan.
show_migration() {
  local count="${#MIGRATE_UNANSWERED[@]}"
  answer_migration true
  if [[ -n $MIGRATE_SAME ]]; then
    log_success "Nothing to migrate: Pyve reads ${MIGRATE_READ[*]} as it is"
    return 0
  fi
  if [[ -z $PYVE_JSON && -n $EDIT_DIFF ]]; then
    print_text "$EDIT_DIFF"
  fi
  tell_source
  if ((${#EDIT_FILES[@]} == 0)); then
    log_info "No file has to change for that"
  fi
  case $MIGRATE_PINS in
    0) ;;
    1) log_info "1 version is kept where it is allowed" ;;
    *) log_info "$MIGRATE_PINS versions are kept where they are allowed" ;;
  esac
  if ((count)) && [[ -z $opt_partial ]]; then
    log_info "Nothing was written; --partial --apply writes all but what has no answer"
  else
    log_info "Nothing was written; --apply does it"
  fi
}

# Usage: tell_source
# Says what is taken over, what is left alone, and what is another in the target.
tell_source() {
  local line
  log_info "From $MIGRATE_SOURCE (${MIGRATE_READ[*]-}) to $MIGRATE_TARGET"
  for line in ${MIGRATE_OTHERS[@]+"${MIGRATE_OTHERS[@]}"}; do
    log_info "$line"
  done
  set --
  for line in ${MIGRATE_NOTES[@]+"${MIGRATE_NOTES[@]}"}; do
    set -- "$@" why "$line"
  done
  (($# == 0)) || warn W_MIGRATE "some of it is said in another way now, or not at all" "$@"
  set --
  for line in ${MIGRATE_UNANSWERED[@]+"${MIGRATE_UNANSWERED[@]}"}; do
    set -- "$@" why "$line"
  done
  (($# == 0)) || warn W_MIGRATE_ANSWER "some of it has no answer in the target${opt_partial:+, and is left out}" "$@"
}

# Usage: apply_migration <target>
# Writes what plan_migration staged, and locks. Status 1 after a diagnostic; the files are then put back at exit.
apply_migration() {
  local lock=pylock.toml
  local -a words=()
  [[ $1 != conda ]] || lock=conda-lock.yml
  apply_edit "$lock" .pyve/config && choose_migrated_backend "$1" || return 1
  if [[ $1 == conda ]]; then
    declare -F lock_conda_quietly >/dev/null || . "${BASH_SOURCE[0]%/*}/conda_lock.sh"
    CONDA_PREFERENCES=$MIGRATE_PREFERENCES
    lock_conda_quietly || return 1
    words=(--conda)
  else
    [[ -z $opt_offline ]] || words+=(--offline)
    write_venv_lock --preferences "$MIGRATE_PREFERENCES" ${words[@]+"${words[@]}"} || return 1
  fi
  if ((MIGRATE_PINS)); then
    [[ $1 == conda ]] || words=()
    call_helper locks migrate_project compare --preferences "$MIGRATE_PREFERENCES" --lock "$lock" ${words[@]+"${words[@]}"} ||
      return 1
    get_helper_values kept
    MIGRATE_KEPT=(${HELPER_FOUND[@]+"${HELPER_FOUND[@]}"})
    get_helper_values changed
    MIGRATE_CHANGED=(${HELPER_FOUND[@]+"${HELPER_FOUND[@]}"})
  fi
  commit_change
}

# Usage: choose_migrated_backend <target>
# Has the config name the backend of the target, where config and files speak for another, or for both.
choose_migrated_backend() {
  local wanted=venv
  [[ $1 != conda ]] || wanted=micromamba
  config_get backend
  if [[ ${REPLY:-auto} == auto ]]; then
    find_backend_files
    [[ $REPLY != none ]] || REPLY=venv
  fi
  [[ $REPLY != "$wanted" ]] || return 0
  if ! config_set backend "$wanted"; then
    fail_write "$PWD/.pyve/config"
    return 1
  fi
  log_info "The backend is $wanted now (.pyve/config)"
}

# Usage: tell_migration
# Says what was written, and what comes next.
tell_migration() {
  local line count
  answer_migration false
  answer next "pyve sync"
  tell_source
  if [[ $MIGRATE_TARGET == conda ]]; then
    # (People were told while it was written.)
    answer_conda_changes
  else
    tell_lock_changes
  fi
  count=$((${#MIGRATE_KEPT[@]} + ${#MIGRATE_CHANGED[@]}))
  if ((count > 0)); then
    count_things "$count" version
    ((count == 1)) && REPLY+=" was" || REPLY+=" were"
    log_info "${#MIGRATE_KEPT[@]} of $REPLY kept"
  fi
  for line in ${MIGRATE_CHANGED[@]+"${MIGRATE_CHANGED[@]}"}; do
    # shellcheck disable=SC2086 # words
    set -- $line
    log_info "$1 $2 ${3:+-> }${3:-is not needed any more}"
  done
  line=${EDIT_FILES[*]-}
  log_success "Migrated from $MIGRATE_SOURCE${line:+ to ${line// /, }}"
  log_info "Next: pyve sync"
}

# Usage: answer_migration <whether it is a plan: true|false>
# Gives the facts to the JSON answer.
answer_migration() {
  [[ -n $PYVE_JSON ]] || return 0
  load_json
  answer_edit "$1"
  answer source "$MIGRATE_SOURCE"
  answer target "$MIGRATE_TARGET"
  json_list ${MIGRATE_READ[@]+"${MIGRATE_READ[@]}"}
  answer_json read "$REPLY"
  json_list ${MIGRATE_NOTES[@]+"${MIGRATE_NOTES[@]}"}
  answer_json notes "$REPLY"
  json_list ${MIGRATE_UNANSWERED[@]+"${MIGRATE_UNANSWERED[@]}"}
  answer_json unanswered "$REPLY"
  json_list ${MIGRATE_KEPT[@]+"${MIGRATE_KEPT[@]}"}
  answer_json kept "$REPLY"
  json_list ${MIGRATE_CHANGED[@]+"${MIGRATE_CHANGED[@]}"}
  answer_json changed "$REPLY"
}
