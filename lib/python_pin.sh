# shellcheck shell=bash
# The pin of a project: which Python its version file and its config ask for. All work in the project's folder, with the
# config loaded.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/python_pin.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
declare -F set_local_python_version >/dev/null || . "${BASH_SOURCE[0]%/*}/env_detect.sh"
declare -F resolve_python_wish >/dev/null || . "${BASH_SOURCE[0]%/*}/python_wish.sh"
declare -F config_set >/dev/null || . "${BASH_SOURCE[0]%/*}/config.sh"
declare -F config_file_exists >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"
declare -F record_made >/dev/null || . "${BASH_SOURCE[0]%/*}/files.sh"

# Usage: check_version_word <word>
# Status 1, after E_PYTHON_VERSION_INVALID, unless the word is a version: 3.N or 3.N.N.
check_version_word() {
  [[ ! $1 =~ ^3\.[0-9]{1,4}(\.[0-9]{1,4}((a|b|rc)[0-9]{1,2})?)?$ ]] || return 0
  declare -F propose_near_version >/dev/null || . "${BASH_SOURCE[0]%/*}/interpreter_advice.sh"
  propose_near_version "$1"
  fail E_PYTHON_VERSION_INVALID "'$1' is not a Python version" why "expected 3.N or 3.N.N" fix "$REPLY"
}

# Usage: check_pin_wish <word>
# Status 1, after E_PYTHON_VERSION_INVALID or E_PYTHON_TOO_OLD, unless the word is a version that can be pinned.
check_pin_wish() {
  check_version_word "$1" || return 1
  declare -F _is_too_old >/dev/null || . "${BASH_SOURCE[0]%/*}/interpreter.sh"
  _is_too_old "$1" || return 0
  load_interpreter_advice
  fail_too_old "$1" "${PYTHON_ASKED_BY:---python-version} asks for it"
}

# Usage: write_pin <version> <wish> <manager>
# Only with the project's lock, within a change: writes the version into the version file of the manager (asdf, pyenv,
# mise, uv, system), and into any other version file of the project that would be read before it; and the wish, which may
# be a series, into the config, where there is one. Sets the array PIN_FILES. Status 1 after a diagnostic.
write_pin() {
  local file existed VERSION_MANAGER=$3
  [[ $3 != system ]] || VERSION_MANAGER=pyenv
  file=$(get_version_file_name)
  PIN_FILES=("$file")
  read_tool_versions
  [[ -z $REPLY || $file == .tool-versions ]] || PIN_FILES+=(.tool-versions)
  [[ ! -f .python-version || $file == .python-version ]] || PIN_FILES+=(.python-version)
  for file in "${PIN_FILES[@]}"; do
    existed=""
    if [[ -e $file ]] && ! is_made "$file"; then
      existed=1
    fi
    case $file:$VERSION_MANAGER in
      .tool-versions:asdf | .tool-versions:mise) ;;
      .tool-versions:*) VERSION_MANAGER=mise ;;
      *) VERSION_MANAGER=pyenv ;;
    esac
    set_local_python_version "$1" || return 1
    [[ -n $existed ]] || record_made "$file" || return 1
  done
  if config_file_exists; then
    config_set python.version "$2" || return 1
  fi
}

# Usage: show_pin
# Prints which Python the project asks for, and where. Status 1 after E_PYTHON_VERSION_INVALID.
show_pin() {
  resolve_python_wish || return 1
  answer version "$PYTHON_WISH"
  answer source "$PYTHON_WISH_SOURCE"
  [[ -n $PYVE_JSON ]] || say 1 plain "" "$PYTHON_WISH ($PYTHON_WISH_SOURCE)"
}
