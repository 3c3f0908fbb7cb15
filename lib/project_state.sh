# shellcheck shell=bash
# Where a project stands: its environment as far as files tell. Starts no Python.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/project_state.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F config_get >/dev/null || . "${BASH_SOURCE[0]%/*}/config.sh"

# Usage: find_environment
# Clears what a killed command left, and sets what locate_environment sets. Status 1 when the environment
# cannot be used; fail_no_environment says why.
find_environment() {
  find_project || :
  if [[ -z ${PYVE_EXPLAIN-} && (-L $PROJECT_ROOT/.pyve/lock || -d $PROJECT_ROOT/.pyve/tmp) ]]; then
    declare -F clear_leftovers >/dev/null || . "${BASH_SOURCE[0]%/*}/project_lock.sh"
    clear_leftovers "$PROJECT_ROOT"
  fi
  locate_environment || return 1
  if [[ ! -O $ENVIRONMENT ]]; then
    declare -F is_environment_safe >/dev/null || . "${BASH_SOURCE[0]%/*}/owner.sh"
    is_environment_safe
  fi
}

# Usage: locate_environment
# Sets PROJECT_ROOT, and by its config ENVIRONMENT_BACKEND, ENVIRONMENT (an absolute path), ENVIRONMENT_PLACE (where
# it was made), ENVIRONMENT_PYTHON (its version) and ENVIRONMENT_STATE (the text of its pyve.state), "" when it
# does not say. Status 1 when it cannot be used. Reads only.
locate_environment() {
  local stdlib="" store="" line left
  ENVIRONMENT="" ENVIRONMENT_PLACE="" ENVIRONMENT_PYTHON="" ENVIRONMENT_BACKEND=venv ENVIRONMENT_STATE=""
  find_project || :
  config_load "$PROJECT_ROOT/.pyve/config" || :
  config_get backend
  if [[ $REPLY == micromamba ]]; then
    ENVIRONMENT_BACKEND=micromamba
    config_get micromamba.env_name
    ENVIRONMENT=${PROJECT_ROOT%/}/.pyve/envs/$REPLY
  else
    config_get venv.directory
    ENVIRONMENT=${PROJECT_ROOT%/}/${REPLY:-${DEFAULT_VENV_DIR:-.venv}}
  fi
  if [[ -f $ENVIRONMENT/pyve.state && -r $ENVIRONMENT/pyve.state ]]; then
    IFS= read -r -d '' -n 65536 ENVIRONMENT_STATE <"$ENVIRONMENT/pyve.state" || :
    get_recorded path
    ENVIRONMENT_PLACE=$REPLY
    get_recorded stdlib
    stdlib=$REPLY
    get_recorded store
    store=$REPLY
    get_recorded version
    ENVIRONMENT_PYTHON=$REPLY
  elif [[ -f $ENVIRONMENT/pyvenv.cfg && -r $ENVIRONMENT/pyvenv.cfg ]]; then
    left=1000
    while ((left-- > 0)) && IFS= read -r line; do
      [[ ! $line =~ ^version(_info)?\ *=\ *([0-9]+\.[0-9]+\.[0-9]+) ]] || ENVIRONMENT_PYTHON=${BASH_REMATCH[2]}
    done <"$ENVIRONMENT/pyvenv.cfg"
  fi
  if [[ $ENVIRONMENT_BACKEND == micromamba ]]; then
    for line in "$ENVIRONMENT"/conda-meta/python-[0-9]*.json; do
      [[ ! $line =~ /python-([0-9.]+)-[^/]*$ ]] || ENVIRONMENT_PYTHON=${BASH_REMATCH[1]}
    done
    # A prefix works only where it was made.
    [[ -d $ENVIRONMENT/conda-meta && (-z $ENVIRONMENT_PYTHON || -x $ENVIRONMENT/bin/python) ]] &&
      ! is_environment_unfinished && ! is_place_changed
    return
  fi
  [[ -x $ENVIRONMENT/bin/python && (-z $stdlib || -e $stdlib) && (-z $store || -e $store/entry) ]]
}

# Usage: get_recorded <key>
# Sets REPLY to what the pyve.state of the environment that was located says, or to "".
get_recorded() {
  local line IFS=$'\n'
  REPLY=""
  # (Cutting the text up takes a third of the time that ${REPLY##*KEY=} does.)
  set -f
  for line in $ENVIRONMENT_STATE; do
    [[ $line != "$1="* ]] || REPLY=${line#*=}
  done
  set +f
}

# Usage: is_store_gone
# True when the environment that was located works, but for its packages: they are not in the store any more.
is_store_gone() {
  get_recorded store
  [[ -n $REPLY && ! -e $REPLY/entry && -x $ENVIRONMENT/bin/python ]] || return 1
  get_recorded stdlib
  [[ -z $REPLY || -e $REPLY ]]
}

# Usage: is_environment_unfinished
# True when making the conda environment that was located has not come to its end.
is_environment_unfinished() {
  [[ -e $ENVIRONMENT/.pyve-unfinished || -e ${ENVIRONMENT%/*}/.making.${ENVIRONMENT##*/} ]]
}

# Usage: fail_no_environment
# Says why find_environment found none that can be used. Status 1.
fail_no_environment() {
  local here=""
  declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
  declare -F fail_environment >/dev/null || . "${BASH_SOURCE[0]%/*}/venv_env.sh"
  declare -F check_owner_of >/dev/null || . "${BASH_SOURCE[0]%/*}/owner.sh"
  check_owner_of "$PROJECT_ROOT" "$ENVIRONMENT" || return 1
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

# Usage: show_state
# Prints where the project of the current folder stands, and the next command: `pyve` alone.
show_state() {
  declare -F print_state >/dev/null || . "${BASH_SOURCE[0]%/*}/project_report.sh"
  find_state
  if [[ -n ${PYVE_JSON-} ]]; then
    answer_state
  else
    print_state
    print_text "All commands: pyve help"$'\n'
  fi
}
