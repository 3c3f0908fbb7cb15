# Summary: Say where the project stands, and the command that leads on
# Group: Environment
# Usage: pyve status [--brief] [--check]
# About: State of manifest, lock and environment, interpreter, engine and direnv, from files alone: nothing is
# About: changed or cleared away, no Python is started where the files agree, and no network is asked.
# About: The states:
# About:   uninitialized   there is no .pyve/config yet
# About:   needs-lock      the lock is not what the manifest asks for any more
# About:   needs-env       the environment is not there, or not what lock and config ask for
# About:   consistent      all agree; no lock at all is no fault ("unlocked")
# About:   broken          the environment is there, but does not work
# About: Next is the command that leads on; one after the other they lead to consistent.
# About: --brief prints the state, the backend, the version of Python, the state of the lock (none, current,
# About: stale, alone, platform-missing, unreadable or unknown) and, to the end of the line, the next command; "-"
# About: stands for what is not known.
# Option: --brief          One line of words, for prompts and scripts
# Option: --check          Status 1 unless the project is consistent
# Example: pyve status
# Example: read -r state backend python lock next <<<"$(pyve status --brief)"
# Example: pyve status --check --quiet && make deploy
# Exit: 0 said, whatever the state is; 1 with --check: not consistent
# States: any -> the same
# Agent: read idempotent

cmd_status() {
  local why opt_brief="" opt_check=""
  need project_report
  # Prompts ask for nothing else, and often.
  if (($# == 1)) && [[ $1 == --brief ]]; then
    opt_brief=1
  elif (($#)); then
    need cli
    parse_options "$@" && expect_arguments 0 || return 1
  fi
  find_state
  if [[ -n $PYVE_JSON ]]; then
    answer_state
  elif [[ -n $opt_brief ]]; then
    print_brief
  elif [[ -z $PYVE_QUIET ]]; then
    add_details
    print_state
  fi
  if [[ -n $opt_check && $PROJECT_STATE != consistent ]]; then
    set --
    for why in ${PROJECT_WHY[@]+"${PROJECT_WHY[@]}"}; do
      set -- "$@" why "$why"
    done
    fail E_NOT_CONSISTENT "the project is not consistent: $PROJECT_STATE" "$@" fix "$NEXT"
  fi
}
