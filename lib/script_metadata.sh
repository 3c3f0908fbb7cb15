# shellcheck shell=bash
# shellcheck disable=SC2034 # what is found is read by the callers
# The metadata of scripts (PEP 723), as far as it can be told without Python: where its block is, not what it says; and the
# memory of the environment that a script has had, so that it starts again without a process of ours.
#
# A memory is ${XDG_CACHE_HOME:-~/.cache}/pyve/scripts/<path of the script, with % for />: the folder of the environment,
# that path, and behind it all that this environment depends on.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/script_metadata.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F use_cached_env >/dev/null || . "${BASH_SOURCE[0]%/*}/private_env.sh"

# Changes when what is remembered, or what it stands for, changes.
_script_format=2

# Usage: read_script_block <file>
# Sets SCRIPT_STATE to what the script has: none, block, or unclear (several blocks, or one without an end: the helper says
# what is wrong with it); and SCRIPT_BLOCK to the lines of the block as they are, up to the last of them. Starts nothing.
read_script_block() {
  local text="" LC_ALL=C
  SCRIPT_STATE=none SCRIPT_BLOCK=""
  { IFS= read -r -d '' text <"$1" || :; } 2>/dev/null
  # (Cutting up a long text costs more than to read its lines.)
  [[ $text != *"# /// script"* ]] || read_script_lines <"$1"
}

# Usage: read_text_block <text of a script>
# As read_script_block.
read_text_block() {
  local LC_ALL=C
  SCRIPT_STATE=none SCRIPT_BLOCK=""
  [[ $1 != *"# /// script"* ]] || read_script_lines <<<"$1"
}

# Usage: read_script_lines
# For both, with the script on stdin.
read_script_lines() {
  local line kind="" lines="" part="" begun=""
  while IFS= read -r line || [[ -n $line ]]; do
    [[ -n $begun ]] || line=${line#$'\xef\xbb\xbf'}
    begun=1 line=${line%$'\r'}
    if [[ -n $kind && ($line == "#" || $line == "# "*) ]]; then
      lines+=$line$'\n'
      [[ $line != "# ///" ]] || part=$lines
      continue
    fi
    end_script_block
    kind="" lines="" part=""
    [[ $line != "# /// "* || ! $line =~ ^#\ ///\ ([a-zA-Z0-9-]+)$ ]] || kind=${BASH_REMATCH[1]}
  done
  end_script_block
}

# Usage: end_script_block
# For read_script_lines, behind the lines of a block.
end_script_block() {
  [[ $kind == script ]] || return 0
  if [[ -z $part || $SCRIPT_STATE != none ]]; then
    SCRIPT_STATE=unclear
  else
    SCRIPT_STATE=block SCRIPT_BLOCK=$part
  fi
}

# Usage: compose_script_key <block> <python that was asked for> <lines of --with> <lock, or "">
# Sets SCRIPT_KEY to all that decides which environment the script has. Starts a process only where there is a lock, or
# settings with an @, which may have passwords in them.
compose_script_key() {
  local item lock="" settings=""
  SCRIPT_KEY="$_script_format $OSTYPE-$HOSTTYPE"$'\n'"python=$2"$'\n'"with=${3//$'\n'/ }"$'\n'"$1"
  for item in "${_cached_settings[@]}"; do
    [[ -z ${!item-} ]] || settings+="$item=${!item}"$'\n'
  done
  item=${XDG_CONFIG_HOME:-${HOME-}/.config}/uv/uv.toml
  if [[ -f $item ]]; then
    declare -F write_file >/dev/null || . "${BASH_SOURCE[0]%/*}/files.sh"
    read_file "$item"
    settings+=$REPLY
  fi
  if [[ -n $4 || $settings == *@* ]]; then
    declare -F sha256_of_text >/dev/null || . "${BASH_SOURCE[0]%/*}/digest.sh"
  fi
  if [[ -n $4 ]]; then
    sha256_of_file "$4" || return 1
    lock=$REPLY
  fi
  if [[ $settings == *@* ]]; then
    sha256_of_text "$settings" || return 1
    settings=$REPLY
  fi
  SCRIPT_KEY+="lock=$lock"$'\n'"settings=$settings"$'\n'
}

# Usage: find_script_memory <script>
# Sets SCRIPT_MEMORY to the file that remembers its environment, and SCRIPT_PATH to its absolute path. Status 1 where there
# can be none.
find_script_memory() {
  local path=$1 LC_ALL=C
  [[ $path == /* ]] || path=$PWD/$path
  SCRIPT_PATH=$path
  find_cached_root || return 1
  SCRIPT_MEMORY=${CACHED_ROOT%/environments}/scripts/${path//\//%}
  ((${#path} < 240)) && [[ $path != *[[:cntrl:]]* ]]
}

# Usage: recall_script <script>
# After compose_script_key: sets CACHED_FOLDER and CACHED_ENV to the environment that the script has had, when it is there
# and nothing that it depends on is another. No process.
recall_script() {
  local memory="" place
  find_script_memory "$1" && [[ -f $SCRIPT_MEMORY && -O $SCRIPT_MEMORY && -r $SCRIPT_MEMORY ]] || return 1
  IFS= read -r -d '' memory <"$SCRIPT_MEMORY" || :
  place=${memory%%$'\n'*}
  # (A name may have a % of its own.)
  [[ $memory == "$place"$'\n'"$SCRIPT_PATH"$'\n'"$SCRIPT_KEY" && ${place%/*} == "$CACHED_ROOT" ]] || return 1
  CACHED_FOLDER=$place CACHED_ENV=$place/venv CACHED_LOCK=$place/pylock.toml
  use_cached_env "$place"
}

# Usage: finish_left_edits
# Ends what killed commands have begun to change in scripts and their locks (see lib/script_lock.sh). Status 1 when there was
# nothing.
finish_left_edits() {
  local file
  find_cached_root || return 1
  for file in "${CACHED_ROOT%/environments}"/scripts/.work.*/change; do
    if [[ -f $file ]]; then
      declare -F clear_left_work >/dev/null || . "${BASH_SOURCE[0]%/*}/script_lock.sh"
      clear_left_work
      return
    fi
  done
  return 1
}

# Usage: remember_script <script>
# After find_cached_env: keeps for recall_script what the script has now. That it cannot be kept does not matter.
remember_script() {
  local folder
  find_script_memory "$1" || return 0
  folder=${SCRIPT_MEMORY%/*}
  (
    umask 077
    mkdir -p "$folder" && printf '%s\n' "$CACHED_FOLDER" "$SCRIPT_PATH" "${SCRIPT_KEY%$'\n'}" >"$SCRIPT_MEMORY.$$" && mv -f "$SCRIPT_MEMORY.$$" "$SCRIPT_MEMORY"
  ) 2>/dev/null || :
}
