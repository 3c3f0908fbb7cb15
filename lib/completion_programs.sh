# shellcheck shell=bash
# Programs that pyve run can start, for lib/completion.sh.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/completion_programs.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F _offer >/dev/null || . "${BASH_SOURCE[0]%/*}/completion.sh"
declare -F config_get >/dev/null || . "${BASH_SOURCE[0]%/*}/config.sh"

# Usage: _offer_programs
# Offers the programs of the environment, then those on PATH. The latter only for a word that has
# been begun, because there are thousands of them; a path is the shell's to complete.
_offer_programs() {
  local start=${_words[_last]} rest=${PATH-} seen=/
  if [[ $start == */* || $start == "~"* ]]; then
    _order files "${#_lead}"
    return 0
  fi
  _find_environment
  _offer_programs_in "$REPLY/bin" "${REPLY#"${PROJECT_ROOT%/}/"}/bin"
  while [[ -n $rest && -n $start ]]; do
    _offer_programs_in "${rest%%:*}" "${rest%%:*}"
    [[ $rest == *:* ]] || break
    rest=${rest#*:}
  done
}

# Usage: _offer_programs_in <folder> <its name for people>
# Offers the programs in a folder that begin with <start> and are not <seen> yet.
_offer_programs_in() {
  local file name
  for file in "${1:-.}/$start"*; do
    name=${file##*/}
    if [[ -f $file && -x $file && $name != -* && $seen != *"/$name/"* ]]; then
      seen+=$name/
      _offer "$name" "${2//[[:cntrl:]]/?}"
    fi
  done
}

# Usage: _find_environment
# Sets REPLY to the folder of the project's environment, whether it is there or not.
_find_environment() {
  local root
  find_project || :
  root=${PROJECT_ROOT%/}
  config_load "$root/.pyve/config" || :
  config_get backend
  if [[ $REPLY == micromamba ]]; then
    config_get micromamba.env_name
    REPLY=$root/.pyve/envs/$REPLY
  else
    config_get venv.directory
    REPLY=$root/${REPLY:-${DEFAULT_VENV_DIR:-.venv}}
  fi
}
