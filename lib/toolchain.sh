# shellcheck shell=bash
# Pyve's own Python environment, in which those helpers run that need distributions from an index.
#
# It is below ${XDG_DATA_HOME:-~/.local/share}/pyve/toolchain (PYVE_TOOLCHAIN names another folder), in
# a folder that is named by the digest of what it was made from, and shared by all projects. Nothing of
# it is ever on a project's PATH. What an extra holds is in helpers/requirements/<extra>.in, and, with
# hashes, in the .txt beside it. Made when it is first needed, by lib/toolchain_build.sh; inside, the file
# "complete" says what it was made from, and that it is whole.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/toolchain.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
declare -F repeat_command >/dev/null || . "${BASH_SOURCE[0]%/*}/fixes.sh"
declare -F write_file >/dev/null || . "${BASH_SOURCE[0]%/*}/files.sh"
declare -F sha256_of_file >/dev/null || . "${BASH_SOURCE[0]%/*}/digest.sh"

# Changes when what a toolchain is made of changes, beside the requirements.
TOOLCHAIN_FORMAT=1

# The extra that TOOLCHAIN_PYTHON was last found for.
_toolchain_extra=""
# What was digested already: names and digests, same index.
_toolchain_digested=() _toolchain_digests=()

# Usage: ensure_toolchain [extra]
# Sets TOOLCHAIN_PYTHON to the interpreter of a toolchain that holds the extra: base (the default; what
# reads project files), conda (and the built-in engine), conda-lock (and what writes conda-lock.yml). It
# is made when there is none, from an index. Status 1 after a diagnostic.
ensure_toolchain() {
  local extra=${1:-base}
  if [[ $_toolchain_extra == "$extra" && -x $TOOLCHAIN_PYTHON ]]; then
    return 0
  fi
  if [[ ! $extra =~ ^[a-z][a-z-]*$ || ! -f $PYVE_ROOT/helpers/requirements/$extra.txt ]]; then
    fail E_TOOLCHAIN_EXTRA "Pyve has no toolchain with the extra '$extra'" \
      why "there is no helpers/requirements/$extra.txt in $PYVE_ROOT" why "that Pyve is damaged; install it again"
    return 1
  fi
  find_toolchain_root || return 1
  if ! find_toolchain "$extra"; then
    declare -F make_toolchain >/dev/null || . "${BASH_SOURCE[0]%/*}/toolchain_build.sh"
    make_toolchain "$extra" || return 1
  fi
  if [[ ! -O ${TOOLCHAIN_PYTHON%/bin/python} ]]; then
    # shellcheck source=/dev/null # read when needed
    declare -F check_kept >/dev/null || . "${BASH_SOURCE[0]%/*}/owner.sh"
    check_kept "${TOOLCHAIN_PYTHON%/bin/python}" PYVE_TOOLCHAIN "Pyve's toolchain" || return 1
  fi
  _toolchain_extra=$extra
}

# Usage: has_toolchain <extra>
# True when one that holds the extra is there already. Nothing is said.
has_toolchain() {
  (find_toolchain_root && find_toolchain "$1") >/dev/null 2>&1
}

# Usage: find_toolchain_root
# Sets TOOLCHAIN_ROOT to the absolute folder that toolchains are in. Status 1 when there is no place.
find_toolchain_root() {
  local home why="HOME is not set"
  if [[ -n ${PYVE_TOOLCHAIN-} ]]; then
    TOOLCHAIN_ROOT=$PYVE_TOOLCHAIN
    [[ $TOOLCHAIN_ROOT == /* ]] || TOOLCHAIN_ROOT=$PWD/$TOOLCHAIN_ROOT
  elif [[ ${XDG_DATA_HOME-} == /* ]]; then
    TOOLCHAIN_ROOT=$XDG_DATA_HOME/pyve/toolchain
  elif [[ ${HOME-} == /* ]]; then
    TOOLCHAIN_ROOT=$HOME/.local/share/pyve/toolchain
  else
    home=$(unset HOME && printf '%s' ~)
    quote_word "HOME=$home"
    home=$REPLY
    [[ -z ${HOME-} ]] || why="HOME is $HOME, which is no absolute path"
    repeat_command
    fail E_DATA_WRITE "there is no place for Pyve's toolchain" why "$why" fix "env $home ${REPLY#env }"
    return 1
  fi
}

# Usage: find_toolchain <extra>
# Sets TOOLCHAIN_PYTHON to that of a complete toolchain in TOOLCHAIN_ROOT that holds the extra, was made
# from the requirements of today, and whose interpreter is still there. Status 1 when there is none.
find_toolchain() {
  local state folder
  list_holders "$1"
  for state in "$TOOLCHAIN_ROOT"/[0-9a-f]*/complete; do
    [[ -f $state ]] || continue
    folder=${state%/complete}
    read_toolchain_state "$state"
    if [[ " $HOLDERS " == *" $STATE_EXTRA "* ]] && is_toolchain_current && is_toolchain_usable "$folder"; then
      TOOLCHAIN_PYTHON=$folder/bin/python
      return 0
    fi
  done
  return 1
}

# Usage: list_holders <extra>
# Sets HOLDERS to the names of the extras that hold everything of this one, itself first.
list_holders() {
  local file name grown=1
  HOLDERS=$1
  while [[ -n $grown ]]; do
    grown=""
    for file in "$PYVE_ROOT"/helpers/requirements/*.in; do
      name=${file##*/}
      name=${name%.in}
      if [[ " $HOLDERS " != *" $name "* ]] && includes_one_of "$file" "$HOLDERS"; then
        HOLDERS+=" $name"
        grown=1
      fi
    done
  done
}

# Usage: includes_one_of <.in file> <extras>
# True when the file has a line "-r <extra>.in" for one of the extras.
includes_one_of() {
  local extra
  read_file "$1"
  for extra in $2; do
    if [[ $'\n'$REPLY == *$'\n'"-r $extra.in"$'\n'* ]]; then
      return 0
    fi
  done
  return 1
}

# Usage: read_toolchain_state <complete>
# Sets STATE_FORMAT, STATE_EXTRA, STATE_REQUIREMENTS (a digest), STATE_STDLIB and STATE_ROOT (the Pyve that
# made it) to what the file says.
read_toolchain_state() {
  local line
  STATE_FORMAT="" STATE_EXTRA="" STATE_REQUIREMENTS="" STATE_STDLIB="" STATE_ROOT=""
  while IFS= read -r line; do
    case $line in
      format=*) STATE_FORMAT=${line#*=} ;;
      extra=*) STATE_EXTRA=${line#*=} ;;
      requirements=*) STATE_REQUIREMENTS=${line#*=} ;;
      stdlib=*) STATE_STDLIB=${line#*=} ;;
      root=*) STATE_ROOT=${line#*=} ;;
    esac
  done <"$1"
}

# Usage: is_toolchain_current
# True when what read_toolchain_state read is a toolchain of the requirements of today.
is_toolchain_current() {
  [[ $STATE_FORMAT == "$TOOLCHAIN_FORMAT" && $STATE_EXTRA =~ ^[a-z][a-z-]*$ ]] || return 1
  [[ -f $PYVE_ROOT/helpers/requirements/$STATE_EXTRA.txt ]] || return 1
  digest_requirements "$STATE_EXTRA" && [[ $STATE_REQUIREMENTS == "$REPLY" ]]
}

# Usage: is_toolchain_usable <toolchain>
# True when the interpreter that it was made with, as read_toolchain_state read it, is still there.
is_toolchain_usable() {
  [[ -x $1/bin/python && -e $STATE_STDLIB ]]
}

# Usage: digest_requirements <extra>
# Sets REPLY to the SHA-256 of the requirements of an extra, digested once.
digest_requirements() {
  local i
  for ((i = 0; i < ${#_toolchain_digested[@]}; i++)); do
    if [[ ${_toolchain_digested[i]} == "$1" ]]; then
      REPLY=${_toolchain_digests[i]}
      return 0
    fi
  done
  sha256_of_file "$PYVE_ROOT/helpers/requirements/$1.txt" || return 1
  _toolchain_digested+=("$1")
  _toolchain_digests+=("$REPLY")
}
