# shellcheck shell=bash
# shellcheck disable=SC2034 # the plan is read by lib/run_plan.sh
# `pyve run --at REV`: the code, the lock and the environment of another commit. It is checked out in a clone, in Pyve's
# cache, that has its objects from the user's repository; neither that, nor its index, nor the working tree is written.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/run_at.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F logged >/dev/null || . "${BASH_SOURCE[0]%/*}/debug_log.sh"
declare -F find_checkout >/dev/null || . "${BASH_SOURCE[0]%/*}/checkout.sh"
declare -F find_project >/dev/null || . "${BASH_SOURCE[0]%/*}/config.sh"
declare -F locate_environment >/dev/null || . "${BASH_SOURCE[0]%/*}/project_state.sh"
declare -F quote_word >/dev/null || . "${BASH_SOURCE[0]%/*}/text.sh"
declare -F log_info >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"
declare -F plan_step >/dev/null || . "${BASH_SOURCE[0]%/*}/run_plan.sh"
declare -F has_manifest >/dev/null || . "${BASH_SOURCE[0]%/*}/venv_lock.sh"

# Usage: enter_commit <revision>
# Makes the current folder, and PLAN_FOLDER, the same one of the commit's checkout, which is made, with its environment,
# when it is not there; in an explanation a step says so. Status 1 after a diagnostic.
enter_commit() {
  local top commit prefix folder tree item
  check_git || return 1
  if ! top=$(git rev-parse --show-toplevel 2>/dev/null && printf .); then
    fail E_SCRIPT_GIT "$PWD is in no git repository" why "--at takes the code of a commit: call it from a folder of the repository"
    return 1
  fi
  top=${top%$'\n'.}
  prefix=$(git rev-parse --show-prefix && printf .) || return 1
  prefix=${prefix%$'\n'.}
  commit=""
  [[ $1 == -* ]] || commit=$(git rev-parse --verify --quiet "$1^{commit}") || commit=""
  if [[ -z $commit ]]; then
    fail E_SCRIPT_REVISION "there is no commit '${1//[[:cntrl:]]/?}' in $top" why "it may not have been fetched yet: name a commit, a branch or a tag that git log shows"
    return 1
  fi
  find_project || PROJECT_ROOT=$PWD
  folder=${PROJECT_ROOT#"$top"}
  [[ $folder != "$PROJECT_ROOT" ]] || folder=/$prefix
  folder=${folder#/}
  find_checkout "$top"$'\n'"$commit" || return 1
  tree=$CHECKOUT/${top##*/}
  for item in "${GIT_VARIABLES[@]}"; do
    [[ -z ${!item+set} ]] || PLAN_UNSETS+=("$item")
  done
  ! is_explaining || plan_chosen commit "$commit" "--at $1"
  PLAN_FOLDER=$tree/$prefix
  if [[ ! -d $tree ]]; then
    if is_explaining; then
      plan_step "commit $commit is checked out: $tree"
      plan_step "the environment of that commit is made from its lock"
      return 0
    fi
    check_out "$top" "$commit" || return 1
  fi
  use_checkout
  [[ -d $PLAN_FOLDER ]] || PLAN_FOLDER=$tree/$folder
  PLAN_FOLDER=${PLAN_FOLDER%/}
  if [[ ! -d $PLAN_FOLDER ]]; then
    fail E_SCRIPT_REVISION "commit ${commit:0:12} has no folder ${folder%/}" why "the project is there now, and was not then: name a later commit"
    return 1
  fi
  prepare_commit "$tree/$folder" "$commit" "$PROJECT_ROOT" || return 1
  CDPATH="" cd -- "$PLAN_FOLDER" || return 1
}

# Usage: check_out <repository> <commit>
# Makes the checkout. Status 1 after a diagnostic.
check_out() {
  local name=${1##*/} log
  begin_checkout || return 1
  log_info "Checking out commit ${2:0:12} (the working tree stays as it is)"
  # (A clone that shares the objects takes no room, and what asks git for its version gets the right one.)
  if ! log=$(run_git clone --quiet --shared --no-checkout --template= -- "$1" "$CHECKOUT_WORK/$name" 2>&1 &&
    run_git -C "$CHECKOUT_WORK/$name" checkout --quiet --detach "$2" 2>&1); then
    log=${log##*$'\n'}
    fail E_SCRIPT_FETCH "commit ${2:0:12} cannot be checked out" why "git: ${log//[[:cntrl:]]/?}" why "the folder was to be $CHECKOUT"
    return 1
  fi
  warn_about_tree "$CHECKOUT_WORK/$name" "$2"
  place_checkout "$name"
}

# Usage: prepare_commit <folder of the project in the checkout> <commit> <the project as it is now>
# Makes the environment of the commit, from its lock, unless it is there. Status 1 after a diagnostic.
prepare_commit() {
  local PROJECT_ROOT ENVIRONMENT ENVIRONMENT_BACKEND ENVIRONMENT_STATE ENVIRONMENT_PLACE ENVIRONMENT_PYTHON root=${1%/} status=0
  local -a words=(sync)
  if [[ -f $CHECKOUT/ready ]] && CDPATH="" cd -- "$root" && locate_environment; then
    return 0
  elif is_explaining; then
    plan_step "the environment of that commit is made from its lock"
    return 0
  fi
  begin_making
  # (A commit may be older than its project's config.)
  if [[ ! -f $root/.pyve/config && -f $3/.pyve/config ]]; then
    { mkdir -p "$root/.pyve" && cp "$3/.pyve/config" "$root/.pyve/config"; } 2>/dev/null || :
  fi
  if [[ -f $root/pylock.toml || -f $root/conda-lock.yml ]]; then
    words+=(--frozen)
  elif has_manifest "$root" || [[ -f $root/environment.yml ]]; then
    warn W_SCRIPT_UNLOCKED "commit ${2:0:12} has no lock" why "its environment has what its requirements allow today"
    words+=(--no-frozen)
  else
    words=(init)
  fi
  (
    unset -v "${GIT_VARIABLES[@]}"
    export PYVE_YES=1
    logged_exec "$BASH" "$PYVE_ROOT/pyve.sh" --quiet -C "$root" "${words[@]}" </dev/null >&2
  ) || status=$?
  if ((status == 0)) && : >"$CHECKOUT/ready"; then
    return 0
  fi
  fail E_SCRIPT_COMMIT "the environment of commit ${2:0:12} cannot be made" why "what is wrong is said above; the commit is checked out at $root" \
    why "its lock may be stale, or name files that no index has any more: then take another commit"
}
