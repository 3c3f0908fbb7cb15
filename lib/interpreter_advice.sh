# shellcheck shell=bash
# What is said, and proposed, when there is no interpreter as it was asked for.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/interpreter_advice.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
declare -F list_interpreters >/dev/null || . "${BASH_SOURCE[0]%/*}/interpreter.sh"

# Usage: _describe_found
# Sets REPLY to the interpreters of list_interpreters as one phrase, the newest first.
_describe_found() {
  local i label out="" count=0
  _rank_interpreters best ""
  while _next_interpreter; do
    i=$REPLY
    _ranks[i]=-1
    label=${INTERPRETER_VERSIONS[i]}
    if [[ -z $label || ${INTERPRETER_MANAGERS[i]} == system ]]; then
      label=${label:+$label at }${INTERPRETER_PATHS[i]}
    else
      label+=" (${INTERPRETER_MANAGERS[i]})"
    fi
    count=$((count + 1))
    if ((count > 8)); then
      out+=", ..."
      break
    fi
    out+=${out:+, }$label
  done
  REPLY=${out:-none}
}

# Usage: nearest_version <wish> [series]
# Sets REPLY to the series of the interpreter of list_interpreters that is nearest to <wish> and satisfies
# requires-python, but not to <series>; to "" when there is none.
nearest_version() {
  local wish=$1 i version minor wanted distance best=9999 found="" form='^3\.([0-9]+)'
  wanted=99
  [[ ! $wish =~ $form ]] || wanted=${BASH_REMATCH[1]}
  for ((i = 0; i < ${#INTERPRETER_PATHS[@]}; i++)); do
    version=${INTERPRETER_VERSIONS[i]}
    [[ $version =~ $form && $version != *[a-z]* ]] || continue
    minor=${BASH_REMATCH[1]}
    _is_too_old "$version" && continue
    [[ 3.$minor != "${2-}" ]] || continue
    if [[ $version == *.*.* ]]; then
      version_satisfies "$version" "${REQUIRES_PYTHON-}" || continue
    else
      may_satisfy "$version" "${REQUIRES_PYTHON-}" || continue
    fi
    # Of two that are equally far the newer one.
    distance=$((minor >= wanted ? 2 * (minor - wanted) : 2 * (wanted - minor) + 1))
    if ((distance < best)); then
      best=$distance
      found=3.$minor
    fi
  done
  REPLY=$found
}

# Usage: _series_of <version>
# Sets REPLY to "3.12" for 3.12.4 and for 3.12.
_series_of() {
  REPLY=$1
  [[ $1 != *.*.* ]] || REPLY=${1%.*}
}

# Usage: propose_version <version>
# Sets REPLY to the command that was given, asking for this Python.
propose_version() {
  if [[ ${PYVE_COMMAND-} == python-version ]]; then
    REPLY="pyve python-version $1"
  elif [[ ${PYVE_COMMAND-} == python ]]; then
    REPLY="pyve python ${PYTHON_ACTION:-use} $1"
  elif [[ -n $_choice_asks ]]; then
    # (What asks for a Python is no project: shown is what there is.)
    REPLY="pyve python list"
  else
    load_fixes
    choose_init_command
    REPLY+=" --python-version $1"
  fi
}

# Usage: _default_series
# Sets REPLY to a series to name in advice: that of the default version.
_default_series() {
  REPLY=${DEFAULT_PYTHON_VERSION:-3.14.3}
  [[ $REPLY != *.*.* ]] || REPLY=${REPLY%.*}
}

# Usage: propose_near_version <wish>
# Sets REPLY to the command that was given, asking for the Python here that is nearest to <wish>; for the
# default one where there is none.
propose_near_version() {
  list_interpreters
  nearest_version "$1"
  [[ -n $REPLY ]] || _default_series
  propose_version "$REPLY"
}

# Usage: fail_too_old <version> <who asks for it, as a sentence>
# Status 1, after E_PYTHON_TOO_OLD.
fail_too_old() {
  propose_near_version "$1"
  fail E_PYTHON_TOO_OLD "Python $1 is too old for Pyve" \
    why "$2; Pyve makes environments for Python 3.$_interpreter_oldest_minor and newer" fix "$REPLY"
}

# Usage: print_near_version <wish>
# Prints the series that propose_near_version would ask for.
print_near_version() {
  list_interpreters
  nearest_version "$1"
  [[ -n $REPLY ]] || _default_series
  printf '%s\n' "$REPLY"
}

# Usage: _explain_missing <what> <wish>
# Fails with E_PYTHON_MISSING: <what> is not here, what was looked at, and how to get it.
_explain_missing() {
  local what=$1 wish=$2 note
  local -a lines=()
  if [[ -n ${VERSION_MANAGER:-} && ${PYVE_PYTHON_DOWNLOADS:-} == never ]]; then
    lines+=(why "looked at asdf, pyenv, mise, uv and PATH; PYVE_PYTHON_DOWNLOADS=never forbids $VERSION_MANAGER to install one")
  elif [[ -n ${VERSION_MANAGER:-} ]]; then
    lines+=(why "looked at asdf, pyenv, mise, uv and PATH; $VERSION_MANAGER may have one to install")
  else
    lines+=(why "looked at asdf, pyenv, mise, uv and PATH; no version manager is here to install one")
  fi
  _describe_found
  lines+=(why "found: $REPLY")
  for note in ${_rejected[@]+"${_rejected[@]}"}; do
    lines+=(why "not taken: $note")
  done
  nearest_version "$wish"
  if [[ -n $REPLY && $PYTHON_WISH_KIND == version && -z $_choice_asks ]]; then
    propose_version "$REPLY"
    lines+=(fix "$REPLY")
  fi
  _advise_install "$wish"
  [[ -z $REPLY ]] || lines+=(fix "$REPLY")
  fail E_PYTHON_MISSING "$what" "${lines[@]}"
}

# Usage: advise_fitting <specifiers>
# Sets ADVICE to what is said where no Python here is among these, as fail takes it: what is here, and the command that
# installs one, where there is one.
advise_fitting() {
  local lower="or lower the limit: requires-python in pyproject.toml, lock.python in .pyve/config"
  detect_version_manager || :
  list_interpreters
  _describe_found
  ADVICE=(why "found: $REPLY")
  if [[ -z $VERSION_MANAGER ]]; then
    ADVICE+=(why "no version manager is here to install another one: install uv or pyenv" why "$lower")
    return 0
  fi
  # (Apart, so that a diagnostic does not count: it is another one that is being told.)
  if ! REPLY=$(_pick_installable "$1" >/dev/null 2>&1 && printf '%s' "$REPLY"); then
    ADVICE+=(why "$VERSION_MANAGER does not say which Pythons it can install" why "$lower" fix "pyve python list --available")
    return 0
  elif [[ -z $REPLY ]]; then
    ADVICE+=(why "$VERSION_MANAGER can install no stable Python that fits; its list may be old" why "$lower")
    return 0
  fi
  _advise_install "$REPLY"
  ADVICE+=(fix "$REPLY")
}

# Usage: _advise_install <version>
# Sets REPLY to a command that installs Python <version> ("" or a specifier: some version).
_advise_install() {
  local wish=$1
  if ! version_key "$wish"; then
    _default_series
    wish=$REPLY
  fi
  case ${VERSION_MANAGER:-} in
    ?*) REPLY="pyve python install $wish" ;;
    *)
      REPLY=""
      if ((${#INTERPRETER_PATHS[@]} > 0)); then
        # (uv comes with Pyve's toolchain, for which any Python will do.)
        REPLY="pyve python install $wish"
      elif [[ ${OSTYPE:-} == darwin* ]]; then
        [[ $wish != *.*.* ]] || wish=${wish%.*}
        REPLY="brew install python@$wish"
      elif type -P apt-get >/dev/null; then
        REPLY="apt-get install python3 python3-venv"
      elif type -P dnf >/dev/null; then
        REPLY="dnf install python3"
      elif type -P pacman >/dev/null; then
        REPLY="pacman -S python"
      elif type -P apk >/dev/null; then
        REPLY="apk add python3"
      fi
      if [[ -n $REPLY && $REPLY != brew* && $REPLY != pyve* ]]; then
        load_fixes
        as_root "$REPLY"
      fi
      ;;
  esac
}
