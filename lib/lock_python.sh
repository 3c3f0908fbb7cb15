# shellcheck shell=bash
# Which Python of this machine solves a lock that is not for the project's own.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/lock_python.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F read_requires_python >/dev/null || . "${BASH_SOURCE[0]%/*}/python_wish.sh"
declare -F list_interpreters >/dev/null || . "${BASH_SOURCE[0]%/*}/interpreter.sh"

# The limits of Python that add_other_python found.
_lock_limits=""

# Usage: add_other_python
# After set_lock_words, before solving: adds to LOCK_WORDS the newest Python here that the lock is to be for, where the
# project's own does not fit; and, where there is no environment, the one that it would have.
add_other_python() {
  local limits=$_wish_python line i best="" version
  local -a RELEASE INTERPRETER_PATHS INTERPRETER_VERSIONS INTERPRETER_MANAGERS
  if [[ -f pyproject.toml && -r pyproject.toml ]]; then
    read_requires_python
    limits+=${REPLY:+${limits:+,}$REPLY}
  fi
  if [[ -z $limits && -f $VENV_LOCK && -r $VENV_LOCK ]]; then
    while IFS= read -r line && [[ $line != "["* ]]; do
      [[ $line != "requires-python = "* ]] || limits=${line#*= }
    done <"$VENV_LOCK"
    limits=${limits//\"/}
  fi
  _lock_limits=$limits
  if [[ -z $limits ]]; then
    add_coming_python
    return 0
  fi
  if [[ -n $_project_python ]] && version_satisfies "$_project_python" "$limits"; then
    add_coming_python
    return 0
  fi
  list_interpreters
  for ((i = 0; i < ${#INTERPRETER_PATHS[@]}; i++)); do
    version=${INTERPRETER_VERSIONS[i]}
    if [[ $version == *.*.* ]] && version_satisfies "$version" "$limits" &&
      { [[ -z $best ]] || version_satisfies "$version" ">${INTERPRETER_VERSIONS[best]}"; }; then
      best=$i
    fi
  done
  [[ -z $best ]] || LOCK_WORDS+=(--other "${INTERPRETER_PATHS[best]}" --other-version "${INTERPRETER_VERSIONS[best]}")
}

# Usage: add_coming_python
# For add_other_python: where there is no environment, adds to LOCK_WORDS the Python that one made now would have (uv
# looks for one on PATH only). Nothing is installed.
add_coming_python() {
  local found version
  [[ " ${LOCK_WORDS[*]-} " != *" --interpreter "* ]] || return 0
  declare -F choose_interpreter >/dev/null || . "${BASH_SOURCE[0]%/*}/interpreter.sh"
  # (Apart, so that a diagnostic does not count: the environment's own maker gives it.)
  found=$(
    PYVE_PYTHON_DOWNLOADS=never
    choose_interpreter "" >/dev/null 2>&1 && printf '%s\n%s\n' "$PYTHON_VERSION" "$PYTHON"
  ) || return 0
  version=${found%%$'\n'*}
  LOCK_WORDS+=(--interpreter "${found#*$'\n'}" --interpreter-version "$version")
  if [[ -z $_project_python ]]; then
    _project_python=$version
    LOCK_WORDS+=(--project-python "$version")
  fi
}

# Usage: explain_no_python <file>
# Between a helper that solves and take_helper_answer: where it failed as there is no Python that the lock is for, adds
# to its answer, the file, which Pythons are here, and what installs another one.
explain_no_python() {
  local answer="" i
  local -a ADVICE=() RELEASE INTERPRETER_PATHS INTERPRETER_VERSIONS INTERPRETER_MANAGERS
  [[ ! -r $1 ]] || IFS= read -r -d '' answer <"$1" || :
  [[ $answer == *$'code\tE_RESOLVE_PYTHON\n'* && $answer == *"No interpreter found"* ]] || return 0
  load_interpreter_advice
  advise_fitting "$_lock_limits"
  for ((i = 0; i < ${#ADVICE[@]}; i += 2)); do
    printf '%s\t%s\n' "${ADVICE[i]}" "${ADVICE[i + 1]//\\/\\\\}"
  done >>"$1"
}
