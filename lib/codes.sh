# shellcheck shell=bash
# shellcheck disable=SC2034 # results are handed back in globals that other files read
# The registry of codes: what each one says, how it comes about and what mends it. It is kept in
# lib/data/codes, a file for each area; `pyve explain` and docs/errors.md are made from it, and
# diagnostics take from it what their caller does not say.
#
# A file has blocks with an empty line between them; lines that begin with # are comments, but for
# "# Area:" (the title) and "# About:" (an introduction) at its top. A block:
#
#   E_LOCK_STALE
#   Message: the lock is older than ...   what is said when the caller has no words of its own
#   Means: What this says.                may go on in further lines
#   Cause: How it comes about.            a line for each cause
#   Fix: pyve lock                        a command that mends it; a line for each, the best one first
#   Remedy: Change the value by hand.     one sentence, where no command mends it
#   Check: lock-stale                     the check of `pyve doctor` that finds it

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/codes.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

# Usage: find_code_files
# Sets the array CODE_FILES to the files of the registry.
find_code_files() {
  CODE_FILES=("${PYVE_ROOT:-${BASH_SOURCE[0]%/*}/..}"/lib/data/codes/*.txt)
}

# Usage: find_code_areas
# Sets the array CODE_FILES to the files of the registry in the order in which people read them: from the
# command line over the environment to Pyve itself, and what is not named here behind that.
find_code_areas() {
  local _area _file _known=" "
  local -a _ordered=()
  find_code_files
  for _area in usage project status environment run profile scripts tools sandbox tests watch imports python dotenv files activation \
    locks environment-yml conda micromamba store doctor doctor-project mcp toolchain install internal; do
    for _file in "${CODE_FILES[@]}"; do
      if [[ ${_file##*/} == "$_area.txt" ]]; then
        _ordered+=("$_file")
        _known+="$_area.txt "
      fi
    done
  done
  for _file in "${CODE_FILES[@]}"; do
    [[ $_known == *" ${_file##*/} "* ]] || _ordered+=("$_file")
  done
  CODE_FILES=("${_ordered[@]}")
}

# Usage: find_code <code>
# Sets CODE_MESSAGE, CODE_MEANS, CODE_REMEDY, CODE_CHECK ("" where there is none), CODE_LEVEL
# (error, warning, info), CODE_FILE, and the arrays CODE_CAUSES and CODE_FIXES. Status 1, and all of
# them empty, when there is no such code.
find_code() {
  local _file _text _hint=${1#?_} _was_off=""
  local -a _likely=()
  CODE_MESSAGE="" CODE_MEANS="" CODE_REMEDY="" CODE_CHECK="" CODE_LEVEL="" CODE_FILE=""
  CODE_CAUSES=() CODE_FIXES=()
  [[ $1 == [EWI]_* && $1 != *[!A-Z0-9_]* ]] || return 1
  find_code_files
  # Most files are called as the codes in them are: E_CONDA_... in conda.txt. They are looked into first.
  shopt -q nocasematch || _was_off=1
  shopt -s nocasematch
  for _file in "${CODE_FILES[@]}"; do
    [[ ${_file##*/} != "${_hint%%_*}"* ]] || _likely+=("$_file")
  done
  [[ -z $_was_off ]] || shopt -u nocasematch
  for _file in ${_likely[@]+"${_likely[@]}"} "${CODE_FILES[@]}"; do
    _text=""
    { IFS= read -r -d '' _text <"$_file" || :; } 2>/dev/null
    if [[ $'\n'$_text$'\n' == *$'\n'"$1"$'\n'* ]]; then
      CODE_FILE=$_file
      read_code_block "$1"
      return 0
    fi
  done
  return 1
}

# Usage: describe_level <code>
# Sets REPLY to error, warning or info, by the code's first letter.
describe_level() {
  case $1 in
    E_*) REPLY=error ;;
    W_*) REPLY=warning ;;
    *) REPLY=info ;;
  esac
}

# Usage: read_code_block <code>
# Sets what find_code sets, from the lines of CODE_FILE behind the code, up to the first empty one.
read_code_block() {
  local _line _found="" REPLY
  describe_level "$1"
  CODE_LEVEL=$REPLY
  while IFS= read -r _line || [[ -n $_line ]]; do
    if [[ -z $_found ]]; then
      [[ $_line != "$1" ]] || _found=1
      continue
    fi
    case $_line in
      "") return 0 ;;
      "Message: "*) CODE_MESSAGE=${_line#*: } ;;
      "Means: "*) CODE_MEANS+=${CODE_MEANS:+ }${_line#*: } ;;
      "Cause: "*) CODE_CAUSES+=("${_line#*: }") ;;
      "Fix: "*) CODE_FIXES+=("${_line#*: }") ;;
      "Remedy: "*) CODE_REMEDY=${_line#*: } ;;
      "Check: "*) CODE_CHECK=${_line#*: } ;;
    esac
  done <"$CODE_FILE"
}

# Usage: list_codes [file]
# Sets the array CODES to all codes of the registry, or of one of its files, in their order there, and
# CODE_MESSAGES to what they say (same index); with a file also AREA_TITLE and AREA_ABOUT.
list_codes() {
  local _file _line _area=${1-}
  CODES=() CODE_MESSAGES=() AREA_TITLE="" AREA_ABOUT=""
  if [[ -n $_area ]]; then
    CODE_FILES=("$_area")
    _area=${_area##*/}
    AREA_TITLE=${_area%.txt}
  else
    find_code_files
  fi
  for _file in "${CODE_FILES[@]}"; do
    [[ -r $_file ]] || continue
    while IFS= read -r _line || [[ -n $_line ]]; do
      case $_line in
        [EWI]_*) CODES+=("$_line") ;;
        "Message: "*) CODE_MESSAGES+=("${_line#*: }") ;;
        "# Area: "*) AREA_TITLE=${_line#*: } ;;
        "# About: "*) AREA_ABOUT+=${AREA_ABOUT:+ }${_line#*: } ;;
      esac
    done <"$_file"
  done
}

# Usage: list_codes_of_check <check>
# Sets the array CODES to the codes that a check of `pyve doctor` finds.
list_codes_of_check() {
  local _file _line _code=""
  CODES=()
  find_code_files
  for _file in "${CODE_FILES[@]}"; do
    [[ -r $_file ]] || continue
    while IFS= read -r _line || [[ -n $_line ]]; do
      case $_line in
        [EWI]_*) _code=$_line ;;
        "Check: $1") CODES+=("$_code") ;;
      esac
    done <"$_file"
  done
}
