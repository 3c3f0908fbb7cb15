# shellcheck shell=bash
# Versions of Python that can be asked for, for lib/completion.sh. No interpreter is started.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/completion_pythons.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F _offer >/dev/null || . "${BASH_SOURCE[0]%/*}/completion.sh"
declare -F list_interpreters >/dev/null || . "${BASH_SOURCE[0]%/*}/interpreter.sh"

# Usage: _offer_pythons
# Offers the versions of the interpreters that pyve init would find, the newest first.
_offer_pythons() {
  local i j version key text
  local -a keys=() versions=() texts=()
  list_interpreters
  for ((i = 0; i < ${#INTERPRETER_PATHS[@]}; i++)); do
    version=${INTERPRETER_VERSIONS[i]}
    text=${INTERPRETER_MANAGERS[i]}
    if [[ $version != *.*.* ]]; then
      _find_remembered_version "${INTERPRETER_PATHS[i]}"
      version=${REPLY:-$version}
    fi
    [[ $text != system ]] || text=${INTERPRETER_PATHS[i]}
    if [[ -z $version ]] || _is_too_old "$version" || ! version_key "$version"; then
      continue
    fi
    key=$REPLY
    for ((j = ${#keys[@]}; j > 0 && keys[j - 1] < key; j--)); do
      keys[j]=${keys[j - 1]} versions[j]=${versions[j - 1]} texts[j]=${texts[j - 1]}
    done
    keys[j]=$key versions[j]=$version texts[j]=${text//[[:cntrl:]]/?}
  done
  key=""
  for ((i = 0; i < ${#keys[@]}; i++)); do
    # Of several that have the same version, the first is the one that init takes.
    [[ ${keys[i]} == "$key" ]] || _offer "${versions[i]}" "${texts[i]}"
    key=${keys[i]}
  done
}

# Usage: _find_remembered_version <interpreter>
# Sets REPLY to the version that the interpreter gave when it was last asked, or to "".
_find_remembered_version() {
  local answer
  _find_memory "$1"
  if [[ ! -f $REPLY || $1 -nt $REPLY ]]; then
    REPLY=""
    return 0
  fi
  read_file "$REPLY"
  answer=$'\n'$REPLY
  REPLY=""
  if [[ $answer == *$'\nimplementation=cpython\n'* && $answer == *$'\nversion='* ]]; then
    REPLY=${answer#*$'\nversion='}
    REPLY=${REPLY%%$'\n'*}
  fi
}
