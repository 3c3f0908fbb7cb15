# shellcheck shell=bash
# What the shell hook is to change when a shell comes into a project, or leaves one.
#
# The shell keeps, exported, PYVE_HOOK_ROOT (the project), PYVE_HOOK_DIGEST (what was applied) and PYVE_HOOK_DIFF:
# how each changed variable was before, a line each, "+NAME=value" or "-NAME". In values, % and
# line ends are written %25 and %0A. Locals begin with an underscore: a local would hide an
# environment variable of its name.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/hook.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F quote_word >/dev/null || . "${BASH_SOURCE[0]%/*}/text.sh"
declare -F get_caller_variable >/dev/null || . "${BASH_SOURCE[0]%/*}/caller.sh"
declare -F plan_activation >/dev/null || . "${BASH_SOURCE[0]%/*}/entry.sh"
declare -F is_trusted >/dev/null || . "${BASH_SOURCE[0]%/*}/trust.sh"

# How the variables were before, and how they are to be: a name, its value, "1" when it is set. The place
# of NAME is in _pyve_before_NAME and _pyve_after_NAME.
_before_names=() _before_values=() _before_set=()
_after_names=() _after_values=() _after_set=()

# Usage: print_changes <bash|zsh|fish> <project>
# Prints the commands that bring the shell from where it is into the project ("": into none). What
# keeps it out is said on stderr.
print_changes() {
  local _root=$2 _i
  decode_before "${PYVE_HOOK_DIFF-}"
  use_outer_environment
  if [[ -n $_root ]]; then
    if ! digest_project "$_root"; then
      _root=""
    elif ! is_trusted; then
      tell_untrusted "$_root"
      _root=""
    fi
  fi
  if [[ -n $_root ]]; then
    # Without links, as direnv has it.
    _root=$TRUST_PATH
    if [[ $_root == "${PYVE_HOOK_ROOT-}" && $TRUST_DIGEST == "${PYVE_HOOK_DIGEST-}" ]]; then
      return 0
    fi
  fi
  if [[ -n $_root ]] && ! plan_after "$_root"; then
    _root=""
  fi
  # While a project is entered, what leads out again comes first: a shell may stumble over a value.
  if [[ -n $_root ]]; then
    encode_before
    print_change "$1" PYVE_HOOK_DIFF 1 "$REPLY"
    print_change "$1" PYVE_HOOK_DIGEST 1 "$TRUST_DIGEST"
    print_change "$1" PYVE_HOOK_ROOT 1 "$_root"
  fi
  for ((_i = 0; _i < ${#_before_names[@]}; _i++)); do
    if ! find_place after "${_before_names[_i]}"; then
      print_change "$1" "${_before_names[_i]}" "${_before_set[_i]}" "${_before_values[_i]}"
    fi
  done
  for ((_i = 0; _i < ${#_after_names[@]}; _i++)); do
    print_change "$1" "${_after_names[_i]}" "${_after_set[_i]}" "${_after_values[_i]}"
  done
  if [[ -z $_root ]]; then
    print_change "$1" PYVE_HOOK_DIFF "" ""
    print_change "$1" PYVE_HOOK_DIGEST "" ""
    print_change "$1" PYVE_HOOK_ROOT "" ""
  fi
}

# Usage: list_changes <project>
# Sets CHANGES to what brings this process into the project, a word each: "NAME=value", or "NAME"
# to be unset. Status 1, with a line on stderr, when it cannot be entered.
list_changes() {
  local _i
  CHANGES=()
  decode_before "${PYVE_HOOK_DIFF-}"
  read_project "$1"
  plan_after "$1" || return 1
  for ((_i = 0; _i < ${#_before_names[@]}; _i++)); do
    CHANGES+=("${_before_names[_i]}${_before_set[_i]:+=${_before_values[_i]}}")
  done
  for ((_i = 0; _i < ${#_after_names[@]}; _i++)); do
    CHANGES+=("${_after_names[_i]}${_after_set[_i]:+=${_after_values[_i]}}")
  done
  CHANGES+=(PYVE_HOOK_DIFF PYVE_HOOK_DIGEST PYVE_HOOK_ROOT)
}

# Usage: list_after
# Sets REPLY to the names that plan_after sets, with blanks between them, but PATH; and AFTER_TEXT to
# commands of fish that set them.
list_after() {
  local _i _names=""
  AFTER_TEXT=""
  for ((_i = 0; _i < ${#_after_names[@]}; _i++)); do
    if [[ -z ${_after_set[_i]} ]]; then
      AFTER_TEXT+="set -e ${_after_names[_i]}"$'\n'
    elif [[ ${_after_names[_i]} != PATH ]]; then
      _names+="${_names:+ }${_after_names[_i]}"
      quote_fish_word "${_after_values[_i]}"
      AFTER_TEXT+="set -gx ${_after_names[_i]} $REPLY 2>/dev/null"$'\n'
    else
      quote_fish_word "${_after_values[_i]%%:*}"
      AFTER_TEXT+="set -g __pyve_bin $REPLY"$'\n'
    fi
  done
  REPLY=$_names
}

# Usage: escape_value <text>
# Sets REPLY to <text> in one line: % and line ends are written %25 and %0A.
escape_value() {
  replace_all "$1" "%" "%25"
  replace_all "$REPLY" $'\n' "%0A"
}

# Usage: tell_untrusted <project>
# Says that the hook stays out, and what to type.
tell_untrusted() {
  local _what="is not trusted yet"
  if was_trusted; then
    _what="changed since it was trusted (.pyve/config, ${ENV_FILE_NAME:-.env} or what activation sets)"
  fi
  printf 'pyve: %s %s. To enter its environment: pyve hook --trust\n' "${1//[[:cntrl:]]/?}" "$_what" >&2
}

# --- before

# Usage: use_outer_environment
# For what Pyve does itself: what a project has set does not lead it to other records and programs.
use_outer_environment() {
  local _name
  for _name in HOME XDG_STATE_HOME PATH; do
    if get_before "$_name"; then
      export "$_name=$REPLY"
    elif [[ $_name != PATH ]]; then
      unset -v "$_name"
    fi
  done
}

# Usage: decode_before <diff>
# Fills _before_* from the text of PYVE_HOOK_DIFF.
decode_before() {
  local _line _value
  for _line in "${!_pyve_before_@}" "${!_pyve_after_@}"; do
    unset -v "$_line"
  done
  _before_names=() _before_values=() _before_set=()
  while IFS= read -r _line; do
    if [[ $_line =~ ^\+([A-Za-z_][A-Za-z0-9_]*)= ]]; then
      _value=${_line#*=}
      replace_all "$_value" "%0A" $'\n'
      replace_all "$REPLY" "%25" "%"
      keep_place before "${BASH_REMATCH[1]}" "${#_before_names[@]}"
      _before_names+=("${BASH_REMATCH[1]}")
      _before_values+=("$REPLY")
      _before_set+=(1)
    elif [[ $_line =~ ^-([A-Za-z_][A-Za-z0-9_]*)$ ]]; then
      keep_place before "${BASH_REMATCH[1]}" "${#_before_names[@]}"
      _before_names+=("${BASH_REMATCH[1]}")
      _before_values+=("")
      _before_set+=("")
    fi
  done <<<"$1"
}

# Usage: encode_before
# Sets REPLY to the text of PYVE_HOOK_DIFF for what plan_after has planned: how the variables that
# it changes were before.
encode_before() {
  local _i _out=""
  for ((_i = 0; _i < ${#_after_names[@]}; _i++)); do
    if ! get_before "${_after_names[_i]}"; then
      [[ -z ${_after_set[_i]} ]] || _out+="-${_after_names[_i]}"$'\n'
    elif [[ -z ${_after_set[_i]} || $REPLY != "${_after_values[_i]}" ]]; then
      escape_value "$REPLY"
      _out+="+${_after_names[_i]}=$REPLY"$'\n'
    fi
  done
  REPLY=$_out
}

# Usage: get_before <name>
# Sets REPLY to the variable as it is outside of any project. Status 1 when it is not set there.
get_before() {
  if find_place before "$1"; then
    [[ -n ${_before_set[REPLY]} ]] || return 1
    REPLY=${_before_values[REPLY]}
  else
    get_caller_variable "$1"
  fi
}

# --- after

# Usage: plan_after <project>
# Fills _after_* with what entering the project sets: the same as its .envrc. Status 1, with a line
# on stderr, when there is nothing that can be entered.
plan_after() {
  local _i _name
  config_parse "$TRUST_CONFIG"
  config_get backend
  case $REPLY in
    micromamba)
      config_get micromamba.env_name
      check_folder "$1" "$REPLY" && plan_conda "${1%/}/.pyve/envs/$REPLY" "$REPLY" || return 1
      ;;
    "" | auto | venv)
      config_get venv.directory
      check_folder "$1" "${REPLY:-${DEFAULT_VENV_DIR:-.venv}}" || return 1
      plan_activation venv "${1%/}/$REPLY" "${1##*/}"
      ;;
    *)
      printf 'pyve: %s is not entered: there is no backend %s\n' "${1//[[:cntrl:]]/?}" "${REPLY//[[:cntrl:]]/?}" >&2
      return 1
      ;;
  esac
  for ((_i = 0; _i < ${#PLAN_NAMES[@]}; _i++)); do
    if [[ -n ${PLAN_SET[_i]} ]]; then
      set_after "${PLAN_NAMES[_i]}" "${PLAN_VALUES[_i]}"
    else
      unset_after "${PLAN_NAMES[_i]}"
    fi
  done
  get_before PATH || :
  compose_path "$REPLY"
  set_after PATH "$REPLY"
  [[ -n $TRUST_ENV ]] || return 0
  declare -F parse_dotenv >/dev/null || . "${BASH_SOURCE[0]%/*}/dotenv.sh"
  if ! parse_dotenv "$TRUST_ENV" get_after; then
    printf 'pyve: line %s of %s cannot be read, so nothing of it is used\n' "$DOTENV_BAD_LINE" "${ENV_FILE_NAME:-.env}" >&2
    return 0
  fi
  for ((_i = 0; _i < ${#DOTENV_NAMES[@]}; _i++)); do
    _name=${DOTENV_NAMES[_i]}
    if is_settable "$_name"; then
      set_after "$_name" "${DOTENV_VALUES[_i]}"
    fi
  done
}

# Usage: check_folder <project> <name>
# Sets REPLY to the name that the config gives an environment. Status 1, with a line on stderr, when it
# may lead elsewhere.
check_folder() {
  REPLY=$2
  if [[ $2 == *[!A-Za-z0-9._-]* || $2 == . || $2 == .. || -z $2 ]]; then
    printf 'pyve: %s is not entered: no environment can have the name %s\n' "${1//[[:cntrl:]]/?}" "${2//[[:cntrl:]]/?}" >&2
    return 1
  fi
}

# Usage: plan_conda <prefix> <name>
# plan_activation for a conda environment, by the record of its activation; as in .envrc, nothing is run.
# Status 1, with a line on stderr, when there is no record.
plan_conda() {
  local _i
  declare -F parse_activation >/dev/null || . "${BASH_SOURCE[0]%/*}/conda_activation.sh"
  for ((_i = 0; _i < ${#TRUST_RECORD_FILES[@]}; _i++)); do
    if [[ ${TRUST_RECORD_FILES[_i]} == "$1/pyve.activation" ]]; then
      parse_activation "${TRUST_RECORDS[_i]}"
      plan_activation micromamba "$1" "$2"
      return 0
    fi
  done
  printf 'pyve: the environment %s is not there. To make it: pyve init --update\n' "${1//[[:cntrl:]]/?}" >&2
  return 1
}

# Usage: is_settable <name>
# True for what a .env may set: the names that direnv would set, but those of the hook.
is_settable() {
  case $1 in
    PYVE_HOOK_* | _pyve* | __pyve*) return 1 ;;
  esac
  declare -F is_loadable_name >/dev/null || . "${BASH_SOURCE[0]%/*}/dotenv.sh"
  is_loadable_name "$1"
}

# Usage: set_after <name> <value>
# Plans a value; the last one counts.
set_after() {
  if ! find_place after "$1"; then
    REPLY=${#_after_names[@]}
    keep_place after "$1" "$REPLY"
  fi
  _after_names[REPLY]=$1
  _after_values[REPLY]=$2
  _after_set[REPLY]=1
}

# Usage: unset_after <name>
# Plans that the variable is not set.
unset_after() {
  set_after "$1" ""
  if find_place after "$1"; then
    _after_set[REPLY]=""
  fi
}

# Usage: get_after <name>
# Sets REPLY to the variable as it is inside the project. Status 1 when it is not set there.
get_after() {
  if find_place after "$1"; then
    [[ -n ${_after_set[REPLY]} ]] || return 1
    REPLY=${_after_values[REPLY]}
  else
    get_before "$1"
  fi
}

# Usage: keep_place <before|after> <name> <place>
# Notes the place of a name in the arrays.
keep_place() {
  printf -v "_pyve_$1_$2" '%s' "$3"
}

# Usage: find_place <before|after> <name>
# Sets REPLY to the place of the name in the arrays. Status 1 when it is not there.
find_place() {
  local _slot=_pyve_$1_$2
  REPLY=${!_slot-}
  [[ -n $REPLY ]]
}

# --- the shell's words

# Usage: print_change <bash|zsh|fish> <name> <"1" when it is to be set> <value>
# Prints a command of the hook.
print_change() {
  # Values are bytes; in a locale of characters bash may take time over them, or stumble.
  local LC_ALL=C _word=_pyve
  [[ $1 != fish ]] || _word=__pyve
  if [[ -z $3 ]]; then
    printf '%s_unset %s;\n' "$_word" "$2"
  elif [[ $1 == fish ]]; then
    quote_fish_word "$4"
    printf '%s_set %s %s;\n' "$_word" "$2" "$REPLY"
  else
    quote_word "$4"
    printf '%s_set %s %s;\n' "$_word" "$2" "$REPLY"
  fi
}
