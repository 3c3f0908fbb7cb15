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
# when it is not there; in an explanation a step says so, and COMMIT_IS_MISSING is then "1". Status 1 after a diagnostic.
enter_commit() {
  local top commit="" prefix folder tree item
  COMMIT_IS_MISSING=""
  check_git || return 1
  if ! top=$(git rev-parse --show-toplevel 2>/dev/null && printf .); then
    top=$(git rev-parse --show-toplevel 2>&1) || :
    top=${top#fatal: }
    top=${top%%$'\n'*}
    fail E_SCRIPT_GIT "$PWD is in no git repository that can be used" why "git: ${top//[[:cntrl:]]/?}" \
      why "--at takes the code of a commit: call it from a folder of the repository"
    return 1
  fi
  top=${top%$'\n'.}
  prefix=$(git rev-parse --show-prefix && printf .) || return 1
  prefix=${prefix%$'\n'.}
  [[ $1 == -* ]] || commit=$(git rev-parse --verify --quiet "$1^{commit}") || commit=""
  if [[ -z $commit ]]; then
    fail E_SCRIPT_REVISION "there is no commit '${1//[[:cntrl:]]/?}' in $top" why "it may not have been fetched yet: name a commit, a branch or a tag that git log shows"
    return 1
  fi
  find_project || PROJECT_ROOT=$PWD
  # (git says where folders really are.)
  folder=$(CDPATH="" cd -P -- "$PROJECT_ROOT" && printf '%s.' "$PWD") || return 1
  folder=${folder%.}/
  case $folder in
    "${top%/}"/*) folder=${folder#"${top%/}/"} ;;
    *) folder=$prefix ;;
  esac
  find_checkout "$top"$'\n'"$commit" || return 1
  # (What asks for the name of its folder gets the same one.)
  tree=$CHECKOUT/tree/${top##*/}
  tree=${tree%/}
  for item in "${GIT_VARIABLES[@]}"; do
    [[ -z ${!item+set} ]] || PLAN_UNSETS+=("$item")
  done
  ! is_explaining || plan_chosen commit "$commit" "--at $1"
  PLAN_FOLDER=$tree/$prefix
  use_checkout
  if [[ -d $tree ]]; then
    restore_tree "$tree" "$commit" told || return 1
  elif is_explaining; then
    plan_step "commit $commit is checked out: $tree"
    plan_step "the environment of that commit is made from its lock"
    COMMIT_IS_MISSING=1
    return 0
  else
    check_out "$top" "$commit" "$tree" || return 1
  fi
  [[ -d $PLAN_FOLDER ]] || PLAN_FOLDER=$tree/$folder
  PLAN_FOLDER=${PLAN_FOLDER%/}
  if [[ ! -d $PLAN_FOLDER ]]; then
    fail E_SCRIPT_REVISION "commit ${commit:0:12} has no folder ${folder%/}" why "the project is there now, and was not then: name a later commit"
    return 1
  fi
  if is_commit_ready "$tree/$folder"; then
    CDPATH="" cd -- "$PLAN_FOLDER" || return 1
  elif is_explaining; then
    plan_step "the environment of that commit is made from its lock"
    COMMIT_IS_MISSING=1
  else
    prepare_commit "$tree/$folder" "$commit" "$PROJECT_ROOT" && restore_tree "$tree" "$commit" "" && CDPATH="" cd -- "$PLAN_FOLDER" || return 1
  fi
}

# Usage: check_out <repository> <commit> <where it is going to be>
# Makes the checkout. Status 1 after a diagnostic.
check_out() {
  local tree=${3#"$CHECKOUT/tree"} log
  begin_checkout || return 1
  tree=$CHECKOUT_WORK/tree$tree
  log_info "Checking out commit ${2:0:12} (the working tree stays as it is)"
  if ! log=$(clone_repository "$1" "$tree" "$2" 2>&1); then
    fail_checkout "$2" "$log" "$3"
    return 1
  fi
  warn_about_tree "$tree" "$2"
  place_checkout
}

# Usage: clone_repository <repository> <folder> <commit>
# Clones it, and checks the commit out. Prints what git says.
clone_repository() {
  # (A clone that shares the objects takes no room, and what asks git for its version gets the right one.)
  run_git clone --quiet --shared --no-checkout --template= -- "$1" "$2" || return 1
  # (A shallow repository shares nothing, and gives its branches only.)
  run_git -C "$2" cat-file -e "$3^{commit}" 2>/dev/null ||
    run_git -C "$2" fetch --quiet --no-tags -- "$1" '+refs/*:refs/pyve/*' || return 1
  run_git -C "$2" checkout --quiet --detach "$3"
}

# Usage: fail_checkout <commit> <what git said> <where it was to be>
# Says that a commit cannot be checked out. Status 1.
fail_checkout() {
  local log=${2##*$'\n'}
  fail E_SCRIPT_FETCH "commit ${1:0:12} cannot be checked out" why "git: ${log//[[:cntrl:]]/?}" why "the folder was to be $3"
}

# Usage: restore_tree <checkout> <commit> <told, or "">
# Puts the files of the commit back that a command of before, or making its environment, has changed; what it wrote beside
# them stays. In an explanation a step says so. Status 1 after a diagnostic.
restore_tree() {
  local log status=0
  run_git -C "$1" diff --quiet --no-ext-diff --no-textconv --ignore-submodules "$2" -- 2>/dev/null || status=$?
  # (Other than 1: git cannot tell, as when the repository is not there any more.)
  ((status == 1)) || return 0
  if is_explaining; then
    plan_step "the files of the commit that were changed in $1 are put back"
    return 0
  fi
  [[ -z $3 ]] || log_info "Putting back the files of commit ${2:0:12} that the last command has changed"
  if ! log=$(run_git -C "$1" checkout --quiet --force --detach "$2" 2>&1); then
    fail_checkout "$2" "$log" "$1"
  fi
}

# Usage: is_commit_ready <folder of the project in the checkout>
# True when the environment of the commit was made, and is there. Notes are lines in CHECKOUT/ready: several projects may be
# in one repository.
is_commit_ready() {
  local PROJECT_ROOT ENVIRONMENT ENVIRONMENT_BACKEND ENVIRONMENT_STATE ENVIRONMENT_PLACE ENVIRONMENT_PYTHON text="" here=$PWD status=0
  { IFS= read -r -d '' text <"$CHECKOUT/ready" || :; } 2>/dev/null
  [[ $'\n'$text == *$'\n'"${1//$'\n'//}"$'\n'* && -d $1 ]] || return 1
  CDPATH="" cd -- "$1" && locate_environment || status=1
  CDPATH="" cd -- "$here" || status=1
  return "$status"
}

# Usage: prepare_commit <folder of the project in the checkout> <commit> <the project as it is now>
# Makes the environment of the commit, from its lock. Status 1 after a diagnostic.
prepare_commit() {
  local root=${1%/} status=0
  local -a words=(sync)
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
  if ((status == 0)) && printf '%s\n' "${1//$'\n'//}" >>"$CHECKOUT/ready"; then
    return 0
  fi
  fail E_SCRIPT_COMMIT "the environment of commit ${2:0:12} cannot be made" why "what is wrong is said above; the commit is checked out at $root" \
    why "its lock may be stale, or name files that no index has any more: then take another commit"
}
