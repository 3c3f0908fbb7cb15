# shellcheck shell=bash
# Whose project it is. A .pyve/config decides which programs are started; so that of another user, or one that
# everybody can write, counts only where that was allowed, as with git's safe.directory.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/owner.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
declare -F quote_word >/dev/null || . "${BASH_SOURCE[0]%/*}/text.sh"
declare -F repeat_command >/dev/null || . "${BASH_SOURCE[0]%/*}/fixes.sh"

# Usage: is_safe_directory <project>
# True when PYVE_SAFE_DIRECTORY, folders with colons between them, names the project, a folder above it with /* behind
# it, or * for all.
is_safe_directory() {
  local word IFS=:
  set -f
  for word in ${PYVE_SAFE_DIRECTORY-}; do
    if [[ $word == "*" || $word == "$1" || $word -ef $1 ]] || { [[ $word == /*"/*" ]] && [[ $1/ == "${word%"*"}"* ]]; }; then
      set +f
      return 0
    fi
  done
  set +f
  return 1
}

# Usage: find_owner <file>
# Sets REPLY to the number of the user that the file belongs to, to "" when that cannot be told.
find_owner() {
  local line
  local -a fields=()
  line=$(LC_ALL=C ls -dn -- "$1" 2>/dev/null) || line=""
  IFS=' ' read -r -a fields <<<"${line%%$'\n'*}"
  REPLY=${fields[2]-}
  [[ $REPLY =~ ^[0-9]+$ ]] || REPLY=""
}

# Usage: check_owner_of <project> <file>...
# True when each file belongs to this user, to root, or, under sudo, to who called it, or when the project is allowed.
# Otherwise status 1, with a diagnostic.
check_owner_of() {
  local root=$1 file owner
  shift
  for file; do
    if [[ -O $file || (! -e $file && ! -L $file) ]]; then
      continue
    fi
    find_owner "$file"
    owner=$REPLY
    if [[ $owner == 0 || $owner == "$EUID" ]] || { ((EUID == 0)) && [[ -n ${SUDO_UID-} && $owner == "$SUDO_UID" ]]; } ||
      is_safe_directory "$root"; then
      continue
    fi
    fail_unsafe "$root" "$file belongs to another user (${owner:-unknown}), and you are ${EUID}"
    return 1
  done
}

# Usage: check_kept <folder> <variable> <what>
# True when what Pyve keeps in a folder below HOME, or in the one that a variable names, is this user's or root's.
# Otherwise status 1, with a diagnostic: programs of all projects are started from it.
check_kept() {
  local folder=$1 name=$2 owner again
  [[ ! -O $folder ]] || return 0
  find_owner "$folder"
  owner=$REPLY
  if [[ $owner == 0 ]] || { ((EUID == 0)) && [[ -n ${SUDO_UID-} && $owner == "$SUDO_UID" ]]; } || is_safe_directory "$folder"; then
    return 0
  fi
  repeat_command "$name"
  again=${REPLY#env -u "$name" }
  quote_word "$name=${folder%/*}.$EUID"
  fail E_CACHE_UNSAFE "$3 is not used: somebody else may have changed it" \
    why "$folder belongs to another user (${owner:-unknown}), and you are $EUID" \
    why "programs of all projects are started from it; $name names another folder" fix "env $REPLY $again"
}

# Usage: is_environment_safe
# True when the environment that locate_environment found belongs to whom check_owner_of takes; says nothing.
is_environment_safe() {
  [[ -O $ENVIRONMENT ]] || (check_owner_of "$PROJECT_ROOT" "$ENVIRONMENT") >/dev/null 2>&1
}

# Usage: check_writers <project>
# True when nobody but its owner and their group can write the project's config, or when the project is allowed.
# Otherwise status 1, with a diagnostic.
check_writers() {
  local root=$1 file mode
  for file in "$root/.pyve" "$root/.pyve/config"; do
    # (A link's own mode says nothing.)
    mode=$(LC_ALL=C ls -dnL -- "$file" 2>/dev/null) || continue
    if [[ $mode == ????????w* && $mode != ?????????[tT]* ]] && ! is_safe_directory "$root"; then
      quote_word "$file"
      fail_unsafe "$root" "everybody on this machine can write $file" "chmod o-w $REPLY"
      return 1
    fi
  done
}

# Usage: check_link <project> <file or folder>
# True when it is no link, or one that stays in the project, or when the project is allowed. Otherwise status 1, with a
# diagnostic: a repository may bring links, and nothing is written where they lead.
check_link() {
  local root=$1 path=$2 base target=""
  [[ -L $path ]] && ! is_safe_directory "$root" || return 0
  base=$(CDPATH="" cd -P -- "$root" 2>/dev/null && printf '%s.' "$PWD") || base=""
  if [[ -d $path ]]; then
    target=$(CDPATH="" cd -P -- "$path" 2>/dev/null && printf '%s.' "$PWD") || target=""
  fi
  if [[ -n $base && $target == "${base%.}"/?* ]]; then
    return 0
  fi
  propose_move "$path"
  fail E_FILE_LINK "$path is a symbolic link, and Pyve does not write through links" \
    why "it leads out of the project; where that is meant, PYVE_SAFE_DIRECTORY names the project" fix "$REPLY"
}

# Usage: fail_unsafe <project> <reason> [command]
# Says that the project is not used. Status 1.
fail_unsafe() {
  local root=$1 again
  repeat_command
  again=${REPLY#pyve }
  if [[ -n ${PYVE_FOLDER-} ]]; then
    quote_word "$PYVE_FOLDER"
    again="-C $REPLY $again"
  fi
  quote_word "$root"
  fail E_CONFIG_UNSAFE "the project $root is not used: somebody else may have written what it says" why "$2" \
    why "its config decides which programs are started; PYVE_SAFE_DIRECTORY names the projects that are used all the same" \
    ${3:+fix "$3"} fix "env PYVE_SAFE_DIRECTORY=$REPLY pyve $again"
}
