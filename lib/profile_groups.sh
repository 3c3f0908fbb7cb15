# shellcheck shell=bash
# The dependency groups of a profile. Where the project's environment has others, the command gets an environment of
# its own, from the same lock; the project's stays as it is.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/profile_groups.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F has_toml_table >/dev/null || . "${BASH_SOURCE[0]%/*}/venv_lock.sh"
declare -F plan_chosen >/dev/null || . "${BASH_SOURCE[0]%/*}/run_plan.sh"
declare -F compose_cached_request >/dev/null || . "${BASH_SOURCE[0]%/*}/cached_env.sh"
declare -F get_recorded >/dev/null || . "${BASH_SOURCE[0]%/*}/project_state.sh"

# Usage: choose_profile_selection
# Sets the array _profile_words to what chooses PROFILE_GROUPS from a lock, in the words of pyve sync.
choose_profile_selection() {
  local group
  _profile_words=()
  # (dev comes unasked.)
  [[ " $PROFILE_GROUPS " == *" dev "* ]] || _profile_words+=(--no-dev)
  for group in $PROFILE_GROUPS; do
    [[ $group == none || $group == dev ]] || _profile_words+=("--group=$group")
  done
}

# Usage: has_profile_selection
# True when the environment that was located has what _profile_words choose.
has_profile_selection() {
  local word recorded
  get_recorded lock-sha256
  [[ -n $REPLY ]] || return 1
  get_recorded selection
  recorded=" $REPLY "
  # (The group dev by name is the same as without a word.)
  recorded=${recorded/ --group=dev / }
  for word in ${_profile_words[@]+"${_profile_words[@]}"}; do
    [[ $recorded == *" $word "* ]] || return 1
    recorded=${recorded/ "$word" / }
  done
  [[ -z ${recorded//[[:blank:]]/} ]]
}

# Usage: plan_profile_groups
# Gives the plan, which has the project's environment, one with the groups that the profile names. Status 1, after a
# diagnostic, when there is no lock to take them from.
plan_profile_groups() {
  local shown="the profile '$PLAN_PROFILE'" status=0 word
  local -a words=() _profile_words=()
  if [[ $PLAN_BACKEND == micromamba ]]; then
    [[ $PROFILE_GROUPS != none ]] || return 0
    trap finish EXIT
    fail E_PROFILE_GROUPS "$shown names dependency groups, and a conda project has none" \
      fix "pyve config unset run.profiles.$PLAN_PROFILE.groups"
    return 1
  fi
  choose_profile_selection
  if has_profile_selection; then
    [[ -z ${PYVE_EXPLAIN-} ]] || plan_chosen groups "$PROFILE_GROUPS" "$shown says so, and the environment has no others"
    return 0
  fi
  if [[ ! -f $PLAN_PROJECT/pylock.toml ]]; then
    if [[ $PROFILE_GROUPS == none ]] && ! has_toml_table "$PLAN_PROJECT/pyproject.toml" dependency-groups; then
      [[ -z ${PYVE_EXPLAIN-} ]] || plan_chosen groups none "the project has no dependency groups"
      return 0
    fi
    trap finish EXIT
    fail E_PROFILE_GROUPS "$shown chooses dependency groups, and there is no lock to take them from" \
      why "$PLAN_PROJECT/pylock.toml is not there" fix "pyve lock"
    return 1
  fi
  for word in ${_profile_words[@]+"${_profile_words[@]}"}; do
    words+=(--select "$word")
  done
  get_recorded python
  compose_cached_request profile --python "${REPLY:-$PLAN_ENVIRONMENT/bin/python}" --whose "the project's environment" \
    --lock "$PLAN_PROJECT/pylock.toml" --root "$PLAN_PROJECT" --project --name "$shown" ${words[@]+"${words[@]}"}
  # (The project itself is installed, too: what it says of its scripts and metadata.)
  add_folder_text "$PLAN_PROJECT"
  find_cached_env || status=$?
  [[ $status != 2 ]] || return 1
  if [[ -n ${PYVE_EXPLAIN-} ]]; then
    forget_choice environment "$PLAN_ENVIRONMENT"
    plan_rejected environment "$PLAN_ENVIRONMENT" "it has other dependency groups than $shown"
    plan_chosen environment "$CACHED_ENV" "$shown has the groups: $PROFILE_GROUPS"
    [[ $status == 0 ]] || plan_step "the environment $CACHED_ENV is made from pylock.toml, with the groups: $PROFILE_GROUPS"
  elif [[ $status == 1 ]]; then
    trap finish EXIT
    begin_making
    declare -F make_cached_env >/dev/null || . "${BASH_SOURCE[0]%/*}/cached_env_make.sh"
    PYVE_TALK_FD=2
    make_cached_env || return 1
  fi
  PLAN_ENVIRONMENT=$CACHED_ENV
}
