# shellcheck shell=bash
# shellcheck disable=SC2034 # what is found is read by the rooms
# Environments that belong to no project: of tools, of scripts, of other interpreters. Each is named by a digest of all
# that decides what is in it, and lies in ${XDG_CACHE_HOME:-~/.cache}/pyve/environments/<digest>: venv/, which comes into
# its place in one step when it is whole, pylock.toml, what it was made from, request, what was asked for, and used, whose
# time is that of the last use. To find one takes no Python and one process; lib/cached_env_make.sh makes them.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/cached_env.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F is_private_env >/dev/null || . "${BASH_SOURCE[0]%/*}/private_env.sh"
declare -F sha256_of_text >/dev/null || . "${BASH_SOURCE[0]%/*}/digest.sh"
declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"

# Changes when what is in such an environment, or its name, changes.
CACHED_FORMAT=1

# Usage: compose_cached_request <kind> [option]...
# Sets CACHED_TEXT to the text by which an environment is found. Starts nothing, but for the digest of a file that is asked
# for. The kind is such as tool or script; the options say what is to be in it:
#   --python WISH        "" (the newest here), a version, the path of an interpreter, or specifiers (">=3.11,<4")
#   --whose PHRASE       whose specifiers these are
#   --chosen             the interpreter that choose_interpreter has left in PYTHON and its kin
#   --requirement TEXT   a line such as requirements.in has; may be given again
#   --manifest TEXT      in place of these: the text of a pyproject.toml
#   --lock FILE          in place of both: the lock that is installed as it is
#   --root DIR           where relative paths of that lock begin, and with --project, the project that is installed, too
#   --select WORD        an --extra=NAME or --group=NAME of the lock, or --no-dev; may be given again
#   --base DIR           a folder of packages that is seen behind its own
#   --exclude-newer WHEN, --offline, --only-binary   as for pyve lock and pyve sync
#   --name NAME          what it is called in messages
compose_cached_request() {
  local item
  clear_cached_request "$1"
  shift
  take_cached_options "$@"
  CACHED_TEXT="format=$CACHED_FORMAT"$'\n'"kind=$CACHED_KIND"$'\n'"platform=$OSTYPE-$HOSTTYPE"$'\n'
  if [[ -n $_cached_chosen ]]; then
    CACHED_TEXT+="interpreter=$PYTHON_ID"$'\n'
  else
    CACHED_TEXT+="python=$_cached_wish"$'\n'
  fi
  CACHED_TEXT+="root=$_cached_root"$'\n'"project=$_cached_project"$'\n'"select=$_cached_select"$'\n'"base=$_cached_base"$'\n'"binary=$_cached_binary"$'\n'
  # (A lock says which files these are, whatever the settings.)
  [[ -z $_cached_lock ]] || return 0
  CACHED_TEXT+="newer=$_cached_newer"$'\n'
  for item in "${_cached_settings[@]}"; do
    [[ -z ${!item-} ]] || CACHED_TEXT+="$item=${!item}"$'\n'
  done
  item=${XDG_CONFIG_HOME:-${HOME-}/.config}/uv/uv.toml
  if [[ -f $item ]]; then
    declare -F write_file >/dev/null || . "${BASH_SOURCE[0]%/*}/files.sh"
    read_file "$item"
    CACHED_TEXT+="uv=$REPLY"$'\x1d\n'
  fi
  for item in ${_cached_requirements[@]+"${_cached_requirements[@]}"}; do
    CACHED_TEXT+="requirement=$item"$'\x1d\n'
    case $item in
      "-e "*) add_folder_text "${item#-e }" ;;
      # (A wheel that was built anew is another one, by the same name.)
      /*) add_file_text "$item" ;;
      file:///* | *" @ file:///"*)
        path_of_url "${item#*file://}"
        add_file_text "$REPLY"
        ;;
    esac
  done
  CACHED_TEXT+="manifest=$_cached_manifest"
}

# Usage: add_folder_text <folder>
# For compose_cached_request: adds what says of a folder's project what it needs and brings, to CACHED_TEXT.
add_folder_text() {
  local file
  declare -F write_file >/dev/null || . "${BASH_SOURCE[0]%/*}/files.sh"
  for file in pyproject.toml setup.cfg setup.py; do
    read_file "$1/$file"
    [[ -z $REPLY ]] || CACHED_TEXT+="$file=$REPLY"$'\x1d\n'
  done
}

# Usage: path_of_url <what stands behind file:// in a requirement>
# Sets REPLY to the path: without what follows it, the digest say, and with the characters that %XX stand for.
path_of_url() {
  local rest=${1%%[[:space:]];*} hex char
  rest=${rest%%;[[:space:]]*}
  rest=${rest%%[#?]*}
  REPLY=""
  while [[ $rest =~ ^([^%]*)%([0-9A-Fa-f][0-9A-Fa-f])(.*)$ ]]; do
    hex=${BASH_REMATCH[2]} rest=${BASH_REMATCH[3]} REPLY+=${BASH_REMATCH[1]}
    printf -v char '%b' "\\x$hex"
    REPLY+=$char
  done
  REPLY+=$rest
}

# Usage: add_file_text <path>
# For compose_cached_request: adds the digest of a wheel or sdist to CACHED_TEXT; nothing for what is not there.
add_file_text() {
  [[ ! -f $1 || ! -r $1 ]] || ! sha256_of_file "$1" || CACHED_TEXT+="sha256=$REPLY"$'\n'
}

# Usage: clear_cached_request <kind>
# Forgets what was asked for before.
clear_cached_request() {
  CACHED_KIND=$1 CACHED_TEXT=""
  _cached_wish="" _cached_chosen="" _cached_manifest="" _cached_lock="" _cached_root="" _cached_project="" _cached_base=""
  _cached_newer="" _cached_offline="" _cached_binary="" _cached_select="" _cached_name=$1 _cached_refresh=""
  _cached_requirements=() _cached_whose=requires-python
}

# Usage: take_cached_options [option]...
# For compose_cached_request and make_cached_env.
take_cached_options() {
  while (($#)); do
    case $1 in
      --chosen) _cached_chosen=1 ;;
      --project) _cached_project=1 ;;
      --offline) _cached_offline=1 ;;
      --only-binary) _cached_binary=1 ;;
      --refresh) _cached_refresh=1 ;;
      --python) _cached_wish=$2 ;;
      --requirement) _cached_requirements+=("$2") ;;
      --manifest) _cached_manifest=$2 ;;
      --lock) _cached_lock=$2 ;;
      --root) _cached_root=$2 ;;
      --select) _cached_select+="${_cached_select:+ }$2" ;;
      --base) _cached_base=$2 ;;
      --whose) _cached_whose=$2 ;;
      --exclude-newer) _cached_newer=$2 ;;
      --name) _cached_name=$2 ;;
    esac
    case $1 in
      --chosen | --project | --offline | --only-binary | --refresh) shift ;;
      *) shift 2 ;;
    esac
  done
}

# Usage: find_cached_env [text]
# Finds the environment of the text (default: CACHED_TEXT, with the lock that it was composed with; where a text is given,
# all that compose_cached_request takes has to be told to make_cached_env). Sets CACHED_KEY,
# CACHED_FOLDER, CACHED_ENV and CACHED_LOCK, the paths of the environment and of its lock, whether they are there or not.
# Status 0 when the environment can be used, which is noted; 1 when it has to be made; 2, after a diagnostic, when there
# is no place for it.
find_cached_env() {
  local text=${1-${CACHED_TEXT-}} file=""
  if (($#)); then
    clear_cached_request cached
  else
    file=$_cached_lock
  fi
  if ! find_cached_root; then
    fail_cached_place
    return 2
  fi
  digest_cached "$text" "$file" || return 2
  CACHED_FOLDER=$CACHED_ROOT/$CACHED_KEY
  CACHED_ENV=$CACHED_FOLDER/venv CACHED_LOCK=$CACHED_FOLDER/pylock.toml
  use_cached_env "$CACHED_FOLDER"
}

# Usage: digest_cached <text> <file, or "">
# Sets CACHED_KEY to what stands for both. Status 1 after a diagnostic.
digest_cached() {
  local text="" file=""
  if [[ -n $2 ]] && has_sha256sum_for "$2"; then
    {
      read -r file _ || :
      read -r text _ || :
    } < <(exec_sha256_with_text "$1" "$2")
    file=${file#\\}
  else
    sha256_of_text "$1" || return 1
    text=$REPLY
    if [[ -n $2 ]]; then
      sha256_of_file "$2" || return 1
      file=$REPLY
    fi
  fi
  if [[ ${#text} != 64 || ($2 && ${#file} != 64) ]]; then
    check_digest ""
    return 1
  fi
  # (Short enough that the first line of a script can hold the path of the interpreter.)
  CACHED_KEY=${text:0:32}${file:+-${file:0:16}}
}

# Usage: make_cached_env [option]...
# After find_cached_env: makes the environment, or waits for the Pyve that does. The options are those of
# compose_cached_request, for what its text left open, and --refresh, which solves anew. It talks where PYVE_TALK_FD says.
# Sets PYTHON and its kin to the interpreter. Status 1 after a diagnostic; what was there before then stays.
make_cached_env() {
  declare -F build_private_env >/dev/null || . "${BASH_SOURCE[0]%/*}/cached_env_make.sh"
  take_cached_options "$@"
  build_private_env "$CACHED_FOLDER" store
}

# Usage: fail_cached_place
# Says that there is no place for such environments. Status 1.
fail_cached_place() {
  local home="" why="HOME is not set"
  declare -F repeat_command >/dev/null || . "${BASH_SOURCE[0]%/*}/fixes.sh"
  declare -F quote_word >/dev/null || . "${BASH_SOURCE[0]%/*}/text.sh"
  [[ -z ${HOME-} ]] || why="the path of the cache, below HOME or XDG_CACHE_HOME, is not absolute, or has a control character in it"
  home=$(unset HOME && printf '%s' ~)
  quote_word "HOME=$home"
  home=$REPLY
  repeat_command
  fail E_CACHE_PLACE "there is no place for the environments of tools and scripts" why "$why" fix "env -u XDG_CACHE_HOME $home ${REPLY#env }"
}
