# shellcheck shell=bash
# Where a project stands: its environment as far as files tell. Starts no Python.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/project_state.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F config_get >/dev/null || . "${BASH_SOURCE[0]%/*}/config.sh"

# Usage: find_environment
# Sets PROJECT_ROOT, and by its config ENVIRONMENT_BACKEND, ENVIRONMENT (an absolute path), ENVIRONMENT_PLACE (where
# it was made) and ENVIRONMENT_PYTHON (its version), "" when it does not say. Status 1 when it cannot be used;
# fail_no_environment says why.
find_environment() {
  local stdlib="" line
  ENVIRONMENT="" ENVIRONMENT_PLACE="" ENVIRONMENT_PYTHON="" ENVIRONMENT_BACKEND=venv
  find_project || :
  config_load "$PROJECT_ROOT/.pyve/config" || :
  if [[ -L $PROJECT_ROOT/.pyve/lock || -d $PROJECT_ROOT/.pyve/tmp ]]; then
    declare -F restore_old_environments >/dev/null || . "${BASH_SOURCE[0]%/*}/venv_env.sh"
    declare -F clear_leftovers >/dev/null || . "${BASH_SOURCE[0]%/*}/project_lock.sh"
    clear_leftovers "$PROJECT_ROOT"
  fi
  config_get backend
  if [[ $REPLY == micromamba ]]; then
    ENVIRONMENT_BACKEND=micromamba
    config_get micromamba.env_name
    ENVIRONMENT=${PROJECT_ROOT%/}/.pyve/envs/$REPLY
  else
    config_get venv.directory
    ENVIRONMENT=${PROJECT_ROOT%/}/${REPLY:-${DEFAULT_VENV_DIR:-.venv}}
  fi
  if [[ -f $ENVIRONMENT/pyve.state ]]; then
    while IFS= read -r line; do
      case $line in
        path=*) ENVIRONMENT_PLACE=${line#path=} ;;
        stdlib=*) stdlib=${line#stdlib=} ;;
        version=*) ENVIRONMENT_PYTHON=${line#version=} ;;
      esac
    done <"$ENVIRONMENT/pyve.state"
  elif [[ -f $ENVIRONMENT/pyvenv.cfg ]]; then
    while IFS= read -r line; do
      [[ ! $line =~ ^version(_info)?\ *=\ *([0-9]+\.[0-9]+\.[0-9]+) ]] || ENVIRONMENT_PYTHON=${BASH_REMATCH[2]}
    done <"$ENVIRONMENT/pyvenv.cfg"
  fi
  if [[ $ENVIRONMENT_BACKEND == micromamba ]]; then
    for line in "$ENVIRONMENT"/conda-meta/python-[0-9]*.json; do
      [[ ! $line =~ /python-([0-9.]+)-[^/]*$ ]] || ENVIRONMENT_PYTHON=${BASH_REMATCH[1]}
    done
    # A prefix works only where it was made.
    [[ -d $ENVIRONMENT/conda-meta && (-z $ENVIRONMENT_PYTHON || -x $ENVIRONMENT/bin/python) && ! -e $ENVIRONMENT/.pyve-unfinished &&
      ! -e ${ENVIRONMENT%/*}/.making.${ENVIRONMENT##*/} ]] && ! is_place_changed
    return
  fi
  [[ -x $ENVIRONMENT/bin/python && (-z $stdlib || -e $stdlib) ]]
}

# Usage: fail_no_environment
# Says why find_environment found none that can be used. Status 1.
fail_no_environment() {
  local here=""
  declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
  declare -F fail_environment >/dev/null || . "${BASH_SOURCE[0]%/*}/venv_env.sh"
  if [[ $ENVIRONMENT_BACKEND == venv ]]; then
    fail_environment "$PROJECT_ROOT" "$ENVIRONMENT"
    return 1
  fi
  if [[ ! $PROJECT_ROOT -ef $PWD ]]; then
    quote_word "$PROJECT_ROOT"
    here="-C $REPLY "
  fi
  if [[ ! -d $ENVIRONMENT ]]; then
    fail E_ENV_MISSING "there is no environment in this project" why "$ENVIRONMENT is not there" fix "pyve ${here}init --update"
  elif is_place_changed; then
    fail E_ENV_MOVED "the environment works only where it was made" \
      why "that was $ENVIRONMENT_PLACE; the project was moved or copied since" fix "pyve ${here}init --update"
  elif [[ -n $ENVIRONMENT_PYTHON && ! -x $ENVIRONMENT/bin/python ]]; then
    fail E_INTERPRETER_GONE "the environment $ENVIRONMENT does not work any more" \
      why "its Python is gone: $ENVIRONMENT/bin/python is no program" fix "pyve ${here}init --force"
  else
    fail E_CONDA_ENV_BROKEN "the environment $ENVIRONMENT is not whole" \
      why "making it was broken off, or it is no conda environment" fix "pyve ${here}init --force"
  fi
}

# Usage: is_place_changed
# True when the environment that find_environment found was made at another place.
is_place_changed() {
  [[ -n $ENVIRONMENT_PLACE && $ENVIRONMENT_PLACE != "${ENVIRONMENT//$'\n'/\\n}" && ! $ENVIRONMENT_PLACE -ef $ENVIRONMENT ]]
}

# Usage: find_state
# Sets PROJECT_STATE to uninitialized, needs-env, broken or consistent, NEXT to the command that
# leads on from there, and PROJECT_FACTS to lines "label<tab>text" about the project.
find_state() {
  local file found="" usable="" here=""
  PROJECT_FACTS=()
  find_environment && usable=1
  if [[ ! $PROJECT_ROOT -ef $PWD ]]; then
    declare -F quote_word >/dev/null || . "${BASH_SOURCE[0]%/*}/text.sh"
    quote_word "$PROJECT_ROOT"
    here="-C $REPLY "
  fi
  if [[ ! -f $PROJECT_ROOT/.pyve/config ]]; then
    PROJECT_STATE=uninitialized
    NEXT="pyve init"
    for file in pyproject.toml setup.py requirements*.txt environment.yml conda-lock.yml pylock.toml .tool-versions .python-version; do
      [[ ! -f $file ]] || found+=${found:+, }$file
    done
    PROJECT_FACTS+=("Found"$'\t'"${found:-no project files yet}")
    [[ ! -f $ENVIRONMENT/pyvenv.cfg ]] || PROJECT_FACTS+=("Environment"$'\t'"${ENVIRONMENT##*/}, not made by Pyve; pyve init takes it over")
    return 0
  fi
  config_get backend
  PROJECT_FACTS+=("Backend"$'\t'"${REPLY:-venv}")
  if [[ -n $usable$ENVIRONMENT_PLACE ]] && is_place_changed; then
    PROJECT_STATE=broken
    NEXT="pyve ${here}init --update"
    PROJECT_FACTS+=("Environment"$'\t'"${ENVIRONMENT#"$PROJECT_ROOT"/}, made at $ENVIRONMENT_PLACE and moved since")
  elif [[ -n $usable ]]; then
    PROJECT_STATE=consistent
    PROJECT_FACTS+=("Environment"$'\t'"${ENVIRONMENT#"$PROJECT_ROOT"/}${ENVIRONMENT_PYTHON:+, Python $ENVIRONMENT_PYTHON}")
    find_way_in
    NEXT=$REPLY
  elif [[ -e $ENVIRONMENT || -L $ENVIRONMENT ]]; then
    PROJECT_STATE=broken
    NEXT="pyve ${here}init --force"
    PROJECT_FACTS+=("Environment"$'\t'"${ENVIRONMENT#"$PROJECT_ROOT"/} does not work any more; pyve doctor says why")
  else
    PROJECT_STATE=needs-env
    NEXT="pyve ${here}init --update"
    PROJECT_FACTS+=("Environment"$'\t'"${ENVIRONMENT#"$PROJECT_ROOT"/} is not there")
  fi
  for file in pylock.toml conda-lock.yml; do
    [[ ! -f $PROJECT_ROOT/$file ]] || PROJECT_FACTS+=("Lock"$'\t'"$file")
  done
}

# Usage: find_way_in
# Sets REPLY to the command with which to go on in a project whose environment works; notes in
# PROJECT_FACTS whether this shell is in it.
find_way_in() {
  if [[ ${VIRTUAL_ENV-} -ef $ENVIRONMENT || ${CONDA_PREFIX-} -ef $ENVIRONMENT ]]; then
    PROJECT_FACTS+=("This shell"$'\t'"is in the environment")
    REPLY="python"
    return 0
  fi
  PROJECT_FACTS+=("This shell"$'\t'"is not in the environment")
  REPLY="pyve shell"
  if [[ -f $PROJECT_ROOT/.envrc ]] && type -P direnv >/dev/null && ! is_envrc_allowed; then
    REPLY="direnv allow"
  fi
}

# Usage: is_envrc_allowed
# True when direnv may load the .envrc of PROJECT_ROOT: it keeps a file named by a digest of path and
# text. (Then this shell lacks direnv's hook.) Leaves REPLY alone.
is_envrc_allowed() {
  local REPLY text=""
  declare -F sha256_of_text >/dev/null || . "${BASH_SOURCE[0]%/*}/digest.sh"
  IFS= read -r -d '' text <"$PROJECT_ROOT/.envrc" || :
  # (sha256_of_text puts a line end behind the text.)
  sha256_of_text "${PROJECT_ROOT%/}/.envrc"$'\n'"${text%$'\n'}" 2>/dev/null || return 1
  [[ -e ${XDG_DATA_HOME:-${HOME-}/.local/share}/direnv/allow/$REPLY ]]
}

# Usage: show_state
# Prints where the project of the current folder stands, and the next command.
show_state() {
  local fact found
  declare -F answer >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
  find_state
  answer project "$PROJECT_ROOT"
  answer state "$PROJECT_STATE"
  answer next "$NEXT"
  [[ -z ${PYVE_JSON-} ]] || return 0
  fact=${PROJECT_ROOT##*/}
  fact=${fact:-/}
  # What files are called gives no orders to the terminal.
  printf '%s: %s\n' "${fact//[[:cntrl:]]/?}" "$PROJECT_STATE"
  for fact in "${PROJECT_FACTS[@]}"; do
    found=${fact#*$'\t'}
    printf '  %-12s %s\n' "${fact%%$'\t'*}" "${found//[[:cntrl:]]/?}"
  done
  printf '\nNext: %s\nAll commands: pyve help\n' "${NEXT//[[:cntrl:]]/?}"
}
