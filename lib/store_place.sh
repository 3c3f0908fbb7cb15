# shellcheck shell=bash
# Where the shared store is, whose an entry of it is, and how trees of it are copied: what the quickest way needs of
# lib/store.sh.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/store_place.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

# The file by which an environment and its entry know each other.
STORE_TOKEN=pyve.token

# Usage: find_store
# Sets STORE to the folder of the store, an absolute path. Status 1 where there can be none: no HOME, or a path that a
# .pth file cannot hold.
find_store() {
  local cache=${XDG_CACHE_HOME-}
  [[ $cache == /* ]] || cache=${HOME:+$HOME/.cache}
  STORE=${PYVE_STORE:-${cache:+$cache/pyve/store}}
  [[ $STORE == /* && $STORE != *[[:cntrl:]]* ]] || return 1
  STORE=${STORE%/}/v1
}

# Usage: has_entry <entry>
# True when the entry of the store, an absolute path, is there, and not another user's.
has_entry() {
  [[ -f $1/entry && -O $1/entry ]]
}

# Usage: own_entry <entry> <environment>
# Records that the environment, an absolute path, uses the entry; STORE_OWNER is then the record. To be called before
# anything is built on the entry, and has_entry after it. Status 1 when that cannot be written.
own_entry() {
  local folder=${1%/envs/*}/owners
  STORE_OWNER=$folder/${1##*/}.$$.${RANDOM}${RANDOM}
  [[ -d $folder ]] || (umask 077 && mkdir -p "$folder") 2>/dev/null || return 1
  { printf '%s\n' "${2//$'\n'/\\n}" >"$STORE_OWNER"; } 2>/dev/null
}

# Usage: disown_entry
# Takes the record of own_entry back.
disown_entry() {
  [[ -z $STORE_OWNER ]] || rm -f "$STORE_OWNER"
  STORE_OWNER=""
}

# Usage: copy_trees <tree> <tree> <folder>
# Copies both, one over the other, to <folder>/tree, with the cheapest means that this system has.
copy_trees() {
  if cp -al "$@" 2>/dev/null; then
    return 0
  fi
  rm -rf "$3/tree"
  if [[ $OSTYPE == darwin* ]] && cp -cRp "$@" 2>/dev/null; then
    return 0
  fi
  rm -rf "$3/tree"
  cp -Rp "$@" 2>/dev/null
}

# Usage: link_token <entry> <environment>
# Makes the environment's token the entry's, where copying has made another. Where it cannot be (the project is on
# another disk), the record alone counts, and says so.
link_token() {
  [[ ! $2/$STORE_TOKEN -ef $1/token ]] || return 0
  ln -f "$1/token" "$2/$STORE_TOKEN" 2>/dev/null || printf 'linked=0\n' >>"$STORE_OWNER"
}

# Usage: copy_own_files <entry> <environment>
# Copies what the entry has for each environment of its own, into one that nobody uses yet.
copy_own_files() {
  [[ -d $1/copy ]] || return 0
  # (They are read-only in the store. What has a second name is a file of the store itself, or of the template.)
  cp -R "$1/copy/." "$2/" && find "$2" ! -type l \( -type d -o -links 1 \) -exec chmod u+w {} +
}
