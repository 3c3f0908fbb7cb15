# shellcheck shell=bash
# What the arguments and the values of options can be, for lib/completion.sh.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/completion_values.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F _offer >/dev/null || . "${BASH_SOURCE[0]%/*}/completion.sh"

# Usage: _offer_kind <kind> <are leading dashes fine?>
# Offers the words of one kind (those that _find_kind names, or a|b|c).
_offer_kind() {
  local item IFS="|"
  case $1 in
    commands) _offer_commands ;;
    programs)
      declare -F _offer_programs >/dev/null || . "${BASH_SOURCE[0]%/*}/completion_programs.sh"
      _offer_programs
      _offer_scripts
      ;;
    files | folders) _order "$1" "${#_lead}" ;;
    pythons)
      declare -F _offer_pythons >/dev/null || . "${BASH_SOURCE[0]%/*}/completion_pythons.sh"
      _offer_pythons
      ;;
    environments) _offer_environments "$2" ;;
    profiles)
      declare -F list_profiles >/dev/null || . "${BASH_SOURCE[0]%/*}/profile.sh"
      _offer_profiles
      ;;
    tools) _offer_tools ;;
    codes) _offer_codes ;;
    checks) _offer_checks ;;
    backends)
      _offer venv "An environment of Python's own kind, filled by pip"
      _offer micromamba "A conda environment, made by micromamba"
      _offer auto "What the project's files ask for"
      ;;
    *"|"*)
      for item in $1; do
        _offer "$item"
      done
      ;;
  esac
}

# Usage: _offer_codes
# Offers the codes of Pyve's messages: as they are written, or, when the word begins so, in small letters
# and without the letter in front.
_offer_codes() {
  local code i from word small=abcdefghijklmnopqrstuvwxyz capitals=ABCDEFGHIJKLMNOPQRSTUVWXYZ
  local IFS=$' \t\n'
  declare -F list_codes >/dev/null || . "${BASH_SOURCE[0]%/*}/codes.sh"
  list_codes
  for ((i = 0; i < ${#CODES[@]}; i++)); do
    code=${CODES[i]}
    if [[ $_filter == [a-z]* ]]; then
      # (The first letter decides for most of them.)
      from=${small%%"${_filter:0:1}"*}
      [[ ${code:2:1} == "${capitals:${#from}:1}" ]] || continue
      word=""
      for ((from = 2; from < ${#code}; from++)); do
        case ${code:from:1} in
          _) word+="-" ;;
          [A-Z])
            REPLY=${capitals%%"${code:from:1}"*}
            word+=${small:${#REPLY}:1}
            ;;
          *) word+=${code:from:1} ;;
        esac
      done
      code=$word
    fi
    # (An error and a warning may have the same name.)
    [[ $'\n'$_answer == *$'\n'"$code"$'\t'* ]] || _offer "$code" "${CODE_MESSAGES[i]}"
  done
}

# Usage: _offer_checks
# Offers the checks of `pyve doctor`.
_offer_checks() {
  local check rest
  local IFS=$' \t\n'
  declare -p DOCTOR_CHECKS >/dev/null 2>&1 || . "${BASH_SOURCE[0]%/*}/doctor/list.sh"
  for check in "${DOCTOR_CHECKS[@]}"; do
    # "ID MODULE KIND what it looks at"
    rest=${check#* * }
    _offer "${check%% *}" "${rest#* }"
  done
}

# Usage: _offer_profiles
# Offers the profiles of `pyve run` in the project here.
_offer_profiles() {
  local i IFS=$' \t\n'
  find_project || :
  config_load "${PROJECT_ROOT%/}/.pyve/config" || :
  list_profiles
  for ((i = 0; i < ${#PROFILES[@]}; i++)); do
    _offer "${PROFILES[i]}" "${PROFILE_SUMMARIES[i]}"
  done
}

# Usage: _offer_scripts
# Offers the Python files here, or in the folder that the word names.
_offer_scripts() {
  local file
  for file in "$_filter"*.py; do
    [[ $file == -* || ! -f $file ]] || _offer "$file" "A script"
  done
}

# Usage: _offer_tools
# Offers the tools that `pyve tool install` has installed.
_offer_tools() {
  local folder data=${XDG_DATA_HOME-}
  [[ $data == /* ]] || data=${HOME-}/.local/share
  for folder in "$data"/pyve/tools/*/; do
    folder=${folder%/}
    [[ ! -d $folder ]] || _offer "${folder##*/}"
  done
}

# Usage: _offer_environments <are leading dashes fine?>
# Offers the environments in the current folder.
_offer_environments() {
  local folder line version left
  for folder in * .*; do
    [[ -f $folder/pyvenv.cfg && -r $folder/pyvenv.cfg && $folder != . && $folder != .. ]] || continue
    [[ $folder != -* || -n $1 ]] || continue
    version=""
    left=1000
    while ((left-- > 0)) && { IFS= read -r line || [[ -n $line ]]; }; do
      if [[ $line =~ ^version(_info)?\ *=\ *([0-9]+(\.[0-9]+)*) ]]; then
        version="Python ${BASH_REMATCH[2]}"
      fi
    done <"$folder/pyvenv.cfg"
    _offer "$folder" "$version"
  done
}
