# shellcheck shell=bash
# shellcheck disable=SC2034 # the plan is read by lib/run_plan.sh
# `pyve run --at REV`: the code, the lock and the environment of another commit. It is checked out in a clone, in Pyve's
# cache, that has its objects from the user's repository; neither that, nor its index, nor the working tree is written.
# Beside tree/, CHECKOUT has git/, a copy of the clone's .git by which Pyve tells what was changed in the tree: the .git
# there belongs to the commands that ran in it, also to those that are confined, and what it says is executed by git.
# runs/ has a note for each process that was started there, with the text of its lock.

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
declare -F lock_project >/dev/null || . "${BASH_SOURCE[0]%/*}/project_lock.sh"
declare -F read_file >/dev/null || . "${BASH_SOURCE[0]%/*}/files.sh"
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
  if ! is_explaining; then
    take_checkout "$top" "$commit" "$tree" told || return 1
  elif [[ -d $tree ]]; then
    is_tree_whole "$commit" "$tree" || plan_step "the files of the commit that were changed in $tree are put back"
  else
    plan_step "commit $commit is checked out: $tree"
    plan_step "the environment of that commit is made from its lock"
    COMMIT_IS_MISSING=1
    return 0
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
    prepare_commit "$tree/$folder" "$commit" "$PROJECT_ROOT" && take_checkout "$top" "$commit" "$tree" "" && CDPATH="" cd -- "$PLAN_FOLDER" || return 1
  fi
}

# Usage: take_checkout <repository> <commit> <checkout> <told, or "">
# Makes the checkout, or what it was when it was made; one Pyve at a time does so. Notes that this process uses it. Status
# 1 after a diagnostic.
take_checkout() {
  # (What the caller has locked is another folder.)
  local _project_locked="" _project_lock_state="" _project_folder="" before=$PWD status=0
  # (Where nothing can be written, nothing was changed.)
  [[ ! -d $3 || -w $CHECKOUT ]] || return 0
  begin_making
  if ! (umask 077 && mkdir -p "$CHECKOUT/runs") 2>/dev/null || ! CDPATH="" cd -- "$CHECKOUT" 2>/dev/null; then
    declare -F propose_access >/dev/null || . "${BASH_SOURCE[0]%/*}/fixes.sh"
    propose_access "$CHECKOUT"
    fail E_FILE_WRITE "cannot make the folder $CHECKOUT" why "no permission, or no space left: then make room, and try again" ${REPLY:+fix "$REPLY"}
    return 1
  fi
  if ! lock_project bare; then
    status=1
  else
    printf '%s' "$_project_locked" >"runs/$$" || :
    if [[ -d $3 ]]; then
      restore_tree "$@" || status=1
    else
      check_out "$1" "$2" "$3" || status=1
    fi
    ((status == 0)) || rm -f "runs/$$"
    unlock_project
  fi
  ((status == 0)) || rmdir runs "$CHECKOUT" 2>/dev/null || :
  CDPATH="" cd -- "$before" || return 1
  return "$status"
}

# Usage: check_out <repository> <commit> <where it is going to be>
# Makes the checkout. With the lock. Status 1 after a diagnostic.
check_out() {
  local tree=${3#"$CHECKOUT/tree"} log
  begin_checkout || return 1
  tree=$CHECKOUT_WORK/tree$tree
  log_info "Checking out commit ${2:0:12} (the working tree stays as it is)"
  if ! log=$(clone_repository "$1" "$tree" "$2" 2>&1 && cp -R "$tree/.git" "$CHECKOUT_WORK/git" 2>&1); then
    fail_checkout "$2" "$log" "$3"
    return 1
  fi
  warn_about_tree "$tree" "$2"
  # (What is there is of a checkout that is gone, or that never was whole.)
  if ! log=$(rm -rf "$CHECKOUT/git" "$CHECKOUT"/gone.* 2>&1 && mv "$CHECKOUT_WORK/git" "$CHECKOUT/git" 2>&1); then
    fail_checkout "$2" "$log" "$3"
    return 1
  fi
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

# Usage: restore_tree <repository> <commit> <checkout> <told, or "">
# Puts back what a command of before, or making its environment, has changed of the commit; what it wrote beside that stays.
# While another command still runs there, nothing is put back. With the lock, in CHECKOUT. Status 1 after a diagnostic.
restore_tree() {
  local log="" aside=$CHECKOUT/gone.$$
  ! is_tree_whole "$2" "$3" || return 0
  if is_checkout_used; then
    [[ -z $4 ]] || warn W_SCRIPT_CHANGED "the files of commit ${2:0:12} are not all as they were" \
      why "process $REPLY, which pyve run --at has started, still runs, and may have changed them: $3" why "they are put back when it has ended"
    return 0
  fi
  [[ -z $4 ]] || log_info "Putting back the files of commit ${2:0:12} that the last command has changed"
  # (Of a git that was killed.)
  rm -f "$CHECKOUT/git/index.lock"
  if { is_git_same "$3" || { rm -rf "$3/.git" && cp -R "$CHECKOUT/git" "$3/.git"; }; } 2>/dev/null &&
    log=$(git_of_tree "$3" checkout --quiet --force --detach "$2" 2>&1); then
    return 0
  fi
  # What has become of it, git cannot put right.
  if [[ -z $4 ]] || ! mv "$CHECKOUT/tree" "$aside" 2>/dev/null; then
    fail_checkout "$2" "$log" "$3"
    return 1
  fi
  rm -f "$CHECKOUT/ready"
  remove_checkout "$aside"
  check_out "$1" "$2" "$3"
}

# Usage: is_tree_whole <commit> <checkout>
# True when the files of the commit are as they were checked out, and so is the repository that the checkout has.
is_tree_whole() {
  is_git_same "$2" && git_of_tree "$2" diff --quiet --no-ext-diff --no-textconv --ignore-submodules "$1" -- 2>/dev/null
}

# Usage: is_git_same <checkout>
# True when .git of the checkout leads nowhere else, and says nothing else, than when it was made.
is_git_same() {
  local item text
  [[ -d $1/.git && ! -L $1/.git && ! -e $1/.git/hooks && ! -e $1/.git/commondir ]] || return 1
  for item in config HEAD; do
    [[ -f $CHECKOUT/git/$item && -f $1/.git/$item && ! -L $1/.git/$item ]] || return 1
    read_file "$CHECKOUT/git/$item"
    text=$REPLY
    read_file "$1/.git/$item"
    [[ $REPLY == "$text" && -z $READ_CUT ]] || return 1
  done
}

# Usage: git_of_tree <checkout> <word>...
# Runs git on the checkout, by the repository that only Pyve has written.
git_of_tree() {
  run_git -C "$1" --git-dir="$CHECKOUT/git" --work-tree="$1" -c core.fsmonitor=false -c submodule.recurse=false "${@:2}"
}

# Usage: is_checkout_used
# True when another command still runs that was started in CHECKOUT, the current folder; sets REPLY to its process. Forgets
# those that do not. (Of other machines and containers nothing can be told: theirs do not count.)
is_checkout_used() {
  local file used=""
  load_leftovers
  for file in runs/*; do
    [[ -f $file && $file != "runs/$$" ]] || continue
    read_file "$file"
    if read_owner "$REPLY" && [[ -z $OWNER_ELSEWHERE ]] && is_alive "$OWNER_ID"; then
      used=${file##*/}
    else
      rm -f "$file"
    fi
  done
  REPLY=$used
  [[ -n $used ]]
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
