# shellcheck shell=bash
# shellcheck disable=SC2034 # what is found is read by the callers
# Code that is no file of the user's: of another commit, of a repository, of a URL. Each is in a folder of its own,
# ${XDG_CACHE_HOME:-~/.cache}/pyve/checkouts/<digest>: tree/, into which it comes in one step, and beside it Pyve's notes;
# "used" has the time of its last use, and those that nobody has used for 30 days go when another one is made.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/checkout.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F logged >/dev/null || . "${BASH_SOURCE[0]%/*}/debug_log.sh"
declare -F sha256_of_text >/dev/null || . "${BASH_SOURCE[0]%/*}/digest.sh"
declare -F find_cached_root >/dev/null || . "${BASH_SOURCE[0]%/*}/private_env.sh"
declare -F fail_cached_place >/dev/null || . "${BASH_SOURCE[0]%/*}/cached_env.sh"
declare -F begin_making >/dev/null || . "${BASH_SOURCE[0]%/*}/run_plan.sh"
declare -F at_exit >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"

# What git takes from the environment of a hook, say, and would use in place of the repository that is meant.
GIT_VARIABLES=(GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_PREFIX GIT_COMMON_DIR GIT_NAMESPACE GIT_OBJECT_DIRECTORY
  GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_INTERNAL_SUPER_PREFIX GIT_SHALLOW_FILE GIT_GRAFT_FILE GIT_QUARANTINE_PATH)
_checkout_work=""

# Usage: find_checkout <what it is of>
# Sets CHECKOUT to the folder for it. Status 1 after a diagnostic.
find_checkout() {
  if ! find_cached_root; then
    fail_cached_place
    return 1
  fi
  sha256_of_text "$1" || return 1
  CHECKOUT=${CACHED_ROOT%/environments}/checkouts/${REPLY:0:32}
}

# Usage: use_checkout
# Notes that CHECKOUT is used now (but not where it is only told what would be done). Before the look: `pyve store gc` looks
# at the note last. No process.
use_checkout() {
  { [[ -z ${PYVE_EXPLAIN-} && -O $CHECKOUT/used ]] && : >"$CHECKOUT/used"; } 2>/dev/null || :
}

# Usage: begin_checkout
# Sets CHECKOUT_WORK to a folder that has an empty tree/ in it, beside where that is going to be; what was not used for long
# goes. Status 1 after a diagnostic.
begin_checkout() {
  local place=${CHECKOUT%/*} file
  begin_making
  CHECKOUT_WORK=$place/.new.$$
  if ! { rm -rf "$CHECKOUT_WORK" && (umask 077 && mkdir -p "$CHECKOUT_WORK/tree"); } 2>/dev/null; then
    declare -F propose_access >/dev/null || . "${BASH_SOURCE[0]%/*}/fixes.sh"
    propose_access "$place"
    fail E_FILE_WRITE "cannot make the folder $CHECKOUT_WORK" why "no permission, or no space left: then make room, and try again" ${REPLY:+fix "$REPLY"}
    return 1
  fi
  [[ -n $_checkout_work ]] || at_exit clear_checkout
  _checkout_work=$CHECKOUT_WORK
  # (Also what a killed command has left.)
  for file in "$place"/.new.*; do
    kill -0 "${file##*.}" 2>/dev/null || rm -rf "$file"
  done
  while IFS= read -r -d '' file; do
    [[ $file == "$CHECKOUT/used" ]] || remove_checkout "${file%/used}"
  done < <(find "$place" -maxdepth 2 -name used -mtime +30 -print0 2>/dev/null)
}

# Usage: remove_checkout <folder>
# Removes it; first what says that it can be used.
remove_checkout() {
  rm -f "$1/used" && chmod -R u+w "$1" 2>/dev/null
  rm -rf "$1" 2>/dev/null || :
}

# Usage: clear_checkout
# Removes what is not in its place yet.
clear_checkout() {
  [[ -z $_checkout_work ]] || rm -rf "$_checkout_work" 2>/dev/null || :
}

# Usage: place_checkout
# Moves the tree of CHECKOUT_WORK into CHECKOUT, unless another Pyve was first. Status 1 after a diagnostic.
place_checkout() {
  local part=$CHECKOUT_WORK/part.$$
  # (mv puts a folder into one that is there: under a name that nothing else has.)
  if { mv "$CHECKOUT_WORK/tree" "$part" && mkdir -p "$CHECKOUT" && { [[ -e $CHECKOUT/tree ]] || mv "$part" "$CHECKOUT/tree"; } && : >"$CHECKOUT/used"; } 2>/dev/null; then
    rm -rf "$CHECKOUT/tree/part.$$" "$CHECKOUT_WORK"
    return 0
  fi
  fail E_FILE_WRITE "cannot write $CHECKOUT" why "no permission, or no space left: then make room, and try again"
}

# Usage: run_git <word>...
# Runs git with the user's settings, but on no other repository than the one that is meant, without hooks, and asks nobody.
run_git() (
  unset -v "${GIT_VARIABLES[@]}"
  export GIT_ALLOW_PROTOCOL=file:git:http:https:ssh GIT_LFS_SKIP_SMUDGE=1
  [[ -t 0 && -t 2 ]] || export GIT_TERMINAL_PROMPT=0
  logged_exec git -c core.hooksPath=/dev/null -c advice.detachedHead=false -c init.defaultBranch=main "$@" </dev/null
)

# Usage: check_git
# Status 1, with a diagnostic, when there is no git.
check_git() {
  type -P git >/dev/null && return 0
  declare -F propose_install >/dev/null || . "${BASH_SOURCE[0]%/*}/fixes.sh"
  propose_install git
  fail E_SCRIPT_GIT "git is not here" why "what is to be run is in a git repository" ${REPLY:+fix "$REPLY"}
}

# Usage: warn_about_tree <folder> <commit>
# Warns of what is not in a checkout: submodules, and files in Git LFS.
warn_about_tree() {
  local listed
  listed=$(run_git -C "$1" ls-tree -r "$2" 2>/dev/null) || listed=""
  if [[ $'\n'$listed == *$'\n'"160000 "* ]]; then
    warn W_SCRIPT_PARTIAL "the submodules of commit ${2:0:12} are empty folders" why "only what the commit itself has is taken"
  fi
  if run_git -C "$1" grep -q -e 'filter=lfs' "$2" -- '.gitattributes' '*/.gitattributes' 2>/dev/null; then
    warn W_SCRIPT_PARTIAL "files of commit ${2:0:12} that are in Git LFS are pointers" why "what they point to is not fetched"
  fi
}
