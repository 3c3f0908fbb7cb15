# shellcheck shell=bash
# The records of lib/trust.sh: what stands in them, and how one is written. Nothing is said, and no process is started where
# all is usual.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/trust_record.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F read_file >/dev/null || . "${BASH_SOURCE[0]%/*}/raw_text.sh"

# Usage: find_trust_folder
# Sets REPLY to the folder of the records. Status 1 when HOME does not say where.
find_trust_folder() {
  local _state=${XDG_STATE_HOME-}
  if [[ $_state != /* ]]; then
    _state=${HOME-}/.local/state
  fi
  REPLY=$_state/pyve/trust
  [[ $_state == /* && $_state != /.local/state ]]
}

# Usage: read_project <project>
# Reads once what entering the project applies: sets TRUST_CONFIG and TRUST_ENV to the texts of its .pyve/config
# and .env, and TRUST_RECORDS and TRUST_RECORD_FILES to those of the activations of its conda environments. Status 1 when
# its .env has more than 262,144 characters.
read_project() {
  local _file
  read_file "$1/.pyve/config"
  TRUST_CONFIG=$REPLY
  read_file "$1/${ENV_FILE_NAME:-.env}"
  TRUST_ENV=$REPLY
  # (A part of a .env is not what its author meant; and it would not fit into the environment.)
  ((${#REPLY} <= 262144)) && [[ -z $READ_CUT || -n $REPLY ]] || return 1
  TRUST_RECORDS=() TRUST_RECORD_FILES=()
  for _file in "$1"/.pyve/envs/*/pyve.activation; do
    if [[ -f $_file ]]; then
      read_file "$_file"
      TRUST_RECORDS+=("$REPLY")
      TRUST_RECORD_FILES+=("$_file")
    fi
  done
}

# Usage: get_trusted_text <project>
# Reads the project, and sets TRUST_PATH (without links), and REPLY to the text that stands for all that entering it
# applies. Status 1 when the folder is gone, or not named from the root.
get_trusted_text() {
  local _path=$1 _text _texts=""
  TRUST_PATH=$1
  [[ $1 == /* ]] || return 1
  while [[ -n $_path ]]; do
    if [[ -L $_path ]]; then
      TRUST_PATH=$(CDPATH="" cd -P -- "$1" 2>/dev/null && printf '%s.' "$PWD") || return 1
      TRUST_PATH=${TRUST_PATH%.}
      break
    fi
    _path=${_path%/*}
  done
  [[ -d $1 ]] || return 1
  read_project "$TRUST_PATH" || return 1
  # Each line of config and records after a blank: no text can be taken for a part of another.
  for _text in "$TRUST_CONFIG" ${TRUST_RECORDS[@]+"${TRUST_RECORDS[@]}"}; do
    replace_all "$_text" $'\n' $'\n '
    _texts+=$'\n '$REPLY$'\n.'
  done
  # Nor a path for another.
  replace_all "$TRUST_PATH" "\\" "\\\\"
  replace_all "$REPLY" $'\n' "\\n"
  REPLY="pyve 1 ${#TRUST_RECORDS[@]} $REPLY$_texts"$'\n'"$TRUST_ENV"
}

# Usage: write_trust
# For record_trust: TRUST_PATH and TRUST_DIGEST are known.
write_trust() {
  find_trust_folder || return 1
  TRUST_FOLDER=$REPLY
  [[ -d $TRUST_FOLDER ]] || (umask 077 && mkdir -p "$TRUST_FOLDER") 2>/dev/null || return 1
  # (One that a killed Pyve has left empty would be found by no path.)
  read_file "$TRUST_FOLDER/$TRUST_DIGEST"
  if [[ $REPLY != "$TRUST_PATH"$'\n' ]]; then
    { printf '%s\n' "$TRUST_PATH" >"$TRUST_FOLDER/$TRUST_DIGEST"; } 2>/dev/null || return 1
  fi
  remove_records "$TRUST_FOLDER" "$TRUST_DIGEST" && stamp_records "$TRUST_FOLDER"
}

# Usage: remove_records <folder> <digest to keep>
# Removes the records of TRUST_PATH, and those of projects that are gone.
remove_records() {
  local folder=$1 file
  for file in "$folder"/*; do
    [[ ${file##*/} != stamp && ${file##*/} != "$2" && -f $file ]] || continue
    read_file "$file"
    if [[ $REPLY == "$TRUST_PATH"$'\n' || ! -e ${REPLY%$'\n'} ]]; then
      rm -f -- "$file" || return 1
    fi
  done
}

# Usage: stamp_records <folder>
# Changes the stamp.
stamp_records() {
  { printf '%s\n' "$$.$RANDOM.$RANDOM" >"$1/stamp"; } 2>/dev/null
}
