# shellcheck shell=bash
# shellcheck disable=SC2034 # the plan is read by lib/run_plan.sh
# What `pyve run --with` adds: an environment of its own, in the cache, that sees another one behind its packages.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/run_with.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F obtain_environment >/dev/null || . "${BASH_SOURCE[0]%/*}/run_script.sh"
declare -F find_store >/dev/null || . "${BASH_SOURCE[0]%/*}/store_place.sh"

# Usage: plan_with
# Adds the requirements of --with to the environment that is planned: in one that sees it behind its own packages.
plan_with() {
  local base=$PLAN_ENVIRONMENT lock="" script
  if [[ ! -x $base/bin/python ]]; then
    fail E_SCRIPT_WITH "--with is for environments with Python" why "$base has none: write python into environment.yml, as pyve add does"
    return 1
  fi
  [[ $PLAN_BACKEND != venv || ! -f ${PLAN_PROJECT:-$PWD}/pylock.toml ]] || lock=${PLAN_PROJECT:-$PWD}/pylock.toml
  stack_environment "$base" "$lock" || return 1
  # A program of the project starts with the project's Python: it is given the other one.
  find_moved_script "$base" "$base" "${PLAN_ARGV[0]}"
  if [[ -n $REPLY && ! -e $CACHED_ENV/bin/${PLAN_ARGV[0]} ]]; then
    script=$REPLY
    PLAN_ARGV=("$CACHED_ENV/bin/python" "$script" ${PLAN_ARGV[1]+"${PLAN_ARGV[@]:1}"})
  elif [[ ${PLAN_ARGV[0]} == "$base/bin/python" ]]; then
    PLAN_ARGV[0]=$CACHED_ENV/bin/python
  fi
  PLAN_PATHS+=("$CACHED_ENV/bin")
  PLAN_PYTHON=$CACHED_ENV/bin/python
  # (A conda environment is still activated.)
  if [[ $PLAN_BACKEND == venv ]]; then
    PLAN_PATHS+=("$base/bin")
    PLAN_NAME=${PLAN_PROJECT##*/} PLAN_ENVIRONMENT=$CACHED_ENV
    PLAN_SETS+=("UV_PROJECT_ENVIRONMENT=$base")
  fi
}

# Usage: open_base <environment> <text of its pyve.state>
# Lets the sandbox read the environment, and what it has from the store: only of the store, since what names it may have been
# written in a sandbox before.
open_base() {
  local entry=${2#*$'\n'store=}
  entry=${entry%%$'\n'*}
  SANDBOX_READ+=("$1")
  if find_store && [[ ${entry%/*} == "$STORE/envs" && ${entry##*/} != .* && -d $entry && ! -L $entry ]]; then
    SANDBOX_READ+=("$entry")
  fi
}

# Usage: stack_environment <environment> <its lock, or "">
# Sets CACHED_ENV to an environment that has what --with asks for, and sees the other one behind it; the versions that the
# lock has, or where there is none, that are installed there, are kept.
stack_environment() {
  local base=$1 state="" site="" kept=--lock bound=$2
  local -a words=()
  { IFS= read -r -d '' -n 65536 state <"$base/pyve.state" || :; } 2>/dev/null
  if [[ -n ${RUN_SANDBOX-} ]]; then
    open_base "$base" "$state"
  fi
  compose_script_key "base=$base"$'\n'"$state" "" "$RUN_WITH" "$2" || return 1
  if recall_script "$base/with"; then
    ! is_explaining || plan_chosen environment "$CACHED_ENV" "it has what --with asks for, and sees $base"
    return 0
  fi
  if is_explaining; then
    plan_step "an environment is made that has what --with asks for, and sees $base"
    CACHED_ENV=$base
    return 0
  fi
  begin_making
  for site in "$base"/lib/python3*/site-packages; do
    [[ -n $2 ]] || kept=--installed bound=$site
  done
  declare -F probe_interpreter >/dev/null || . "${BASH_SOURCE[0]%/*}/probe.sh"
  read_additions "$kept" "$bound" || return 1
  words=(--manifest "$REPLY" --base "$site")
  if ! probe_interpreter "$base/bin/python"; then
    declare -F fail_environment >/dev/null || . "${BASH_SOURCE[0]%/*}/venv_env.sh"
    fail_environment "$PROJECT_ROOT" "$base"
    return 1
  fi
  obtain_environment with --chosen --name "${RUN_WITH//$'\n'/ }" "${words[@]}" || return 1
  [[ -n $SCRIPT_LOCAL ]] || remember_script "$base/with"
}
