# shellcheck shell=bash
# The short way of `pyve x TOOL`, for a tool that was run before and asks for nothing else: a memo, a text for each word
# that names a tool, says where its environment is, and on what grounds that was found. No process, and hardly anything of
# Pyve is read. Whenever something is unusual, the long way looks with care (lib/tool_run.sh), and writes the memo anew.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/tool_warm.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F is_private_env >/dev/null || . "${BASH_SOURCE[0]%/*}/private_env.sh"

# Usage: find_tool_memo <word>
# Sets TOOL_MEMO to the file for the word, and TOOL_GROUNDS to what has to be in it. Status 1 where there is to be none: the
# word is more than a name and a version, or a setting may hold a password.
find_tool_memo() {
  local item
  [[ $1 =~ ^[A-Za-z0-9][A-Za-z0-9._-]*(@[0-9][A-Za-z0-9.]*)?$ ]] && find_cached_root || return 1
  [[ ! -e ${XDG_CONFIG_HOME:-${HOME-}/.config}/uv/uv.toml ]] || return 1
  TOOL_MEMO=$CACHED_ROOT/.tools/$1
  TOOL_GROUNDS="memo=1"$'\n'"platform=$OSTYPE-$HOSTTYPE"$'\n'
  for item in "${_cached_settings[@]}"; do
    [[ -n ${!item-} ]] || continue
    [[ ${!item} != *@* ]] || return 1
    TOOL_GROUNDS+="$item=${!item}"$'\n'
  done
}

# Usage: find_tool_at_once [word] [argument]...
# Sets _pyve_program to what `pyve x` with these words executes, and PATH to what it gets. Status 1, with nothing done, when
# that has to be looked for.
find_tool_at_once() {
  local TOOL_MEMO TOOL_GROUNDS CACHED_ROOT text="" name data=${XDG_DATA_HOME-}
  [[ -n ${1-} && -z ${PYVE_TRACE-}${PYVE_LOG-}${PYVE_EXPLAIN-} ]] && find_tool_memo "$1" && [[ -f $TOOL_MEMO && -O $TOOL_MEMO ]] || return 1
  IFS= read -r -d '' text <"$TOOL_MEMO" || :
  [[ $text == "$TOOL_GROUNDS"name=* ]] || return 1
  text=${text#"$TOOL_GROUNDS"name=}
  name=${text%%$'\n'*}
  text=${text#*$'\n'program=}
  _pyve_program=${text%%$'\n'*}
  text=${_pyve_program%/bin/*}
  [[ $data == /* ]] || data=${HOME-}/.local/share
  if [[ $text == "$CACHED_ROOT"/*/venv ]]; then
    # (What was installed since goes first.)
    [[ ! -e $data/pyve/tools/$name/tool ]] && use_cached_env "${text%/venv}" || return 1
  else
    [[ $text == "$data/pyve/tools/$name/venv" && -f $data/pyve/tools/$name/tool ]] && is_private_env "$text" || return 1
  fi
  [[ -x $_pyve_program && -f $_pyve_program ]] || return 1
  PATH=${_pyve_program%/*}:$PATH
  unset PYTHONHOME
}

# Usage: write_tool_memo <word> <normalised name> <program>
# Notes for the next time what the word leads to; that it cannot be noted does not matter.
write_tool_memo() {
  find_tool_memo "$1" || return 0
  (
    umask 077
    mkdir -p "${TOOL_MEMO%/*}" && printf '%sname=%s\nprogram=%s\n' "$TOOL_GROUNDS" "$2" "$3" >"$TOOL_MEMO.new.$$" &&
      mv -f "$TOOL_MEMO.new.$$" "$TOOL_MEMO"
  ) 2>/dev/null || :
}
