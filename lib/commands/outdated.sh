# Summary: Show which locked packages have newer versions
# Group: Dependencies
# Agent: read idempotent network
# Usage: pyve outdated
# About: For each package of pylock.toml (conda: conda-lock.yml) that is not the newest: what is locked, what pyve upgrade
# About: would make of it, the newest there is for the project's Python (conda: in its channels), and what the project
# About: asks for, which may keep it back.
# Option: --offline        Take what is in the cache
# Option: --pre            Versions before a release count, too
# Option: --exclude-newer WHEN  Nothing that was uploaded later: a date, or 7d
# Option: --index URL      A further index, asked first, for this time
# Example: pyve outdated
# Exit: 0 shown; 1 there is no lock, or an index does not answer
# States: any -> the same

cmd_outdated() {
  local CALLER="" text count
  need utils cli text backend_detect micromamba_core fixes helper manifest_change venv_lock
  parse_options "$@" && expect_arguments 0 && open_project || return 1
  if [[ $REPLY == micromamba ]]; then
    need conda_change
    list_outdated_conda || return 1
  else
    set_solving_words
    set_lock_words ${SOLVING_WORDS[@]+"${SOLVING_WORDS[@]}"}
    need lock_python lock_engine
    add_other_python
    add_engine_words || return 1
    call_helper locks edit_manifest outdated --root "$PWD" "${LOCK_WORDS[@]}" || return 1
  fi
  get_helper_value text || :
  text=$REPLY
  get_helper_value count || :
  count=$REPLY
  if [[ -n $PYVE_JSON ]]; then
    get_helper_value json || :
    answer_json packages "$REPLY"
    get_helper_values upgradable
    json_list ${HELPER_FOUND[@]+"${HELPER_FOUND[@]}"}
    answer_json upgradable "$REPLY"
  elif ((count == 0)); then
    log_success "All packages are the newest"
  else
    print_text "$text"
    get_helper_values upgradable
    if ((${#HELPER_FOUND[@]})); then
      log_info "Next: pyve upgrade"
    else
      log_info "What the project asks for allows no newer ones"
    fi
  fi
}
