# shellcheck shell=bash
# shellcheck disable=SC2034 # the plan is read by lib/run_plan.sh
# `pyve run --ephemeral`: a command that writes nothing into the project, not even its environment.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/run_ephemeral.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F obtain_environment >/dev/null || . "${BASH_SOURCE[0]%/*}/run_script.sh"
declare -F refresh_lock >/dev/null || . "${BASH_SOURCE[0]%/*}/frozen.sh"
declare -F choose_interpreter >/dev/null || . "${BASH_SOURCE[0]%/*}/interpreter.sh"

# Usage: plan_ephemeral <command> [argument]...
# Plans a command so that nothing is written into the project: without an environment of its own, it gets one in the cache,
# of its lock, which sees the modules of the project.
plan_ephemeral() {
  local source word
  local -a words=() _profile_words=()
  PLAN_SETS+=(PYTHONDONTWRITEBYTECODE=1)
  if locate_environment; then
    plan_command "$@"
    return
  fi
  if [[ $ENVIRONMENT_BACKEND != venv || ! -f $PROJECT_ROOT/pylock.toml ]]; then
    fail E_LOCK_MISSING "there is no environment, and no pylock.toml to make one of elsewhere" why "--ephemeral writes nothing into the folder" fix "pyve lock"
    return 1
  fi
  check_lock_alone || return 1
  source=$PROJECT_ROOT
  [[ ! -d $source/src ]] || source+=/src
  if is_explaining; then
    plan_rejected environment "$ENVIRONMENT" "it is not there"
  fi
  if [[ -n $RUN_PROFILE && -n $PROFILE_GROUPS ]]; then
    declare -F choose_profile_selection >/dev/null || . "${BASH_SOURCE[0]%/*}/profile_groups.sh"
    choose_profile_selection
    for word in ${_profile_words[@]+"${_profile_words[@]}"}; do
      words+=(--select "$word")
    done
  fi
  choose_project_python || return 1
  obtain_environment run --chosen --lock "$PROJECT_ROOT/pylock.toml" --root "$PROJECT_ROOT" --base "$source" --name "${PROJECT_ROOT##*/}" \
    ${words[@]+"${words[@]}"} || return 1
  PLAN_BACKEND=venv PLAN_ENVIRONMENT=$CACHED_ENV PLAN_PROJECT=$PROJECT_ROOT PLAN_PYTHON=$CACHED_ENV/bin/python
  PLAN_ARGV=("$@")
  PLAN_UNSETS+=(UV_PROJECT_ENVIRONMENT)
}

# Usage: check_lock_alone
# For an environment that is made from the project's lock elsewhere: status 1, with a diagnostic, when --frozen is given, or
# CI is set, and the lock is stale.
check_lock_alone() {
  local before=$PWD status=0 opt_frozen=$RUN_FROZEN opt_no_frozen="" opt_dry_run="" FROZEN_WHY=""
  [[ $RUN_FROZEN != --no-frozen ]] || return 0
  choose_frozen
  [[ -n $opt_frozen ]] || return 0
  CDPATH="" cd -- "$PROJECT_ROOT" || return 1
  refresh_lock || status=1
  CDPATH="" cd -- "$before" || return 1
  return "$status"
}

# Usage: choose_project_python
# As choose_interpreter for the project, from whatever folder of it.
choose_project_python() {
  local before=$PWD status=0
  CDPATH="" cd -- "$PROJECT_ROOT" || return 1
  if is_explaining; then
    local PYVE_PYTHON_DOWNLOADS=never
  fi
  choose_interpreter "" || status=1
  CDPATH="" cd -- "$before" || return 1
  return "$status"
}
