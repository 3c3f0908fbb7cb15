# shellcheck shell=bash
# Checks of `pyve doctor`: the project, and whether its environment is there, whole and in its place.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/doctor/environment.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F is_owner_there >/dev/null || . "${BASH_SOURCE[0]%/*}/../leftovers.sh"
declare -F check_environment >/dev/null || . "${BASH_SOURCE[0]%/*}/../venv_env.sh"
declare -F read_machine >/dev/null || . "${BASH_SOURCE[0]%/*}/machine.sh"

# Usage: look_at_environment
# For prepare_doctor: sets DOCTOR_ENV (an absolute path), DOCTOR_NAME (as it is called in lines),
# DOCTOR_HAS_ENV ("1" when it works), DOCTOR_PYTHON (its python, or ""), DOCTOR_VERSION (of that), and
# DOCTOR_PROBLEM to why it does not work: leftovers, missing, foreign, half, moved, gone, architecture or
# broken; "" when it does, or is none of our concern. DOCTOR_REASON says it in words.
look_at_environment() {
  DOCTOR_HAS_ENV="" DOCTOR_PYTHON="" DOCTOR_VERSION="" DOCTOR_PROBLEM="" DOCTOR_REASON="" DOCTOR_CHANGED=""
  if [[ $DOCTOR_BACKEND == micromamba ]]; then
    declare -F look_at_conda >/dev/null || . "${BASH_SOURCE[0]%/*}/conda.sh"
    look_at_conda
  else
    look_at_venv
  fi
}

# Usage: look_at_venv
# look_at_environment for the venv backend.
look_at_venv() {
  config_get venv.directory
  DOCTOR_NAME=${REPLY:-${DEFAULT_VENV_DIR:-.venv}}
  DOCTOR_ENV=${PROJECT_ROOT%/}/$DOCTOR_NAME
  [[ $DOCTOR_NAME != /* ]] || DOCTOR_ENV=$DOCTOR_NAME
  if [[ ! -e $DOCTOR_ENV ]]; then
    DOCTOR_PROBLEM=missing
    DOCTOR_REASON="there is no folder $DOCTOR_ENV"
    [[ ! -L $DOCTOR_ENV ]] || DOCTOR_REASON="it is a link to a folder that is gone"
    ! is_environment_hidden || DOCTOR_PROBLEM=leftovers
  elif [[ ! -d $DOCTOR_ENV ]]; then
    DOCTOR_PROBLEM=foreign DOCTOR_REASON="it is no folder"
  elif ! check_environment "$DOCTOR_ENV"; then
    DOCTOR_REASON=$REPLY
    classify_interpreter
  elif [[ ! -f $DOCTOR_ENV/pyvenv.cfg ]]; then
    DOCTOR_PROBLEM=foreign
    DOCTOR_REASON="its pyvenv.cfg is gone, so its python takes itself for the one that it was made with, and pip installs there"
  else
    DOCTOR_HAS_ENV=1 DOCTOR_PYTHON=$DOCTOR_ENV/bin/python DOCTOR_VERSION=$ENV_PYTHON_VERSION
  fi
}

# Usage: classify_interpreter
# Sets DOCTOR_PROBLEM when the environment's python does not run: gone, architecture or broken.
classify_interpreter() {
  local python=$DOCTOR_ENV/bin/python
  DOCTOR_PROBLEM=broken
  get_environment_state "$DOCTOR_ENV" stdlib
  if [[ ! -e $python || (-n $REPLY && ! -e $REPLY) ]]; then
    DOCTOR_PROBLEM=gone
  elif read_machine "$python" && ! is_own_machine "$REPLY"; then
    DOCTOR_PROBLEM=architecture
    DOCTOR_REASON="its interpreter is made for $REPLY, and this machine is $OWN_MACHINE"
  fi
}

# Usage: is_environment_hidden
# True when a killed command has moved the environment away, and it is still whole.
is_environment_hidden() {
  local old
  for old in .pyve/tmp/old.* .pyve/tmp.gone.*/old.*; do
    if [[ -d $old ]]; then
      find_old_place "$old"
      [[ $PWD/$REPLY != "$DOCTOR_ENV" ]] || return 0
    fi
  done
  return 1
}

# Usage: is_lock_held
# True when another Pyve is at work in the project. REPLY: its process.
is_lock_held() {
  local owner
  [[ -L .pyve/lock ]] || return 1
  owner=$(readlink .pyve/lock 2>/dev/null) || return 1
  is_owner_there "$owner" || return 1
  REPLY=${owner%%:*}
}

# --- the project

# Usage: check_config_present
check_config_present() {
  local what=".pyve/config"
  if [[ -n $DOCTOR_INITIALIZED ]]; then
    passed "Structure: .pyve and its config"
    return 0
  fi
  [[ -d .pyve ]] || what=".pyve directory"
  found E_NOT_INITIALIZED "Structure: Missing $what: the project is not initialized" \
    why "$PROJECT_ROOT and the folders above it have no .pyve/config" fix "pyve init"
}

# Usage: check_pyve_version
check_pyve_version() {
  [[ -n $DOCTOR_INITIALIZED ]] || return 0
  if validate_pyve_version; then
    config_get pyve_version
    passed "Version: ${REPLY:-not recorded}"
  else
    found W_PYVE_VERSION "Version: $REPLY" why "pyve_version in .pyve/config; what Pyve writes into a project may differ" auto "pyve init --update"
  fi
}

# Usage: check_backend
check_backend() {
  [[ -n $DOCTOR_INITIALIZED ]] && ! was_found config-readable && ! was_found config-syntax || return 0
  config_get backend
  case $REPLY in
    "")
      found E_BACKEND_MISSING "Backend: No backend specified" why ".pyve/config has no value for backend" auto "pyve init --update"
      ;;
    venv | micromamba | auto) passed "Backend: $DOCTOR_BACKEND" ;;
  esac
}

# Usage: check_leftovers
check_leftovers() {
  local file list="" count=0
  [[ -d .pyve ]] || return 0
  if is_lock_held; then
    noted "Leftovers: not looked for, because another Pyve (process $REPLY) is at work in this project"
    return 0
  fi
  for file in .pyve/lock .pyve/lock.* .pyve/tmp/* .pyve/tmp.gone.* .pyve/*.pyve-new.* .*.pyve-new.* \
    .pyve/envs/.making.* .pyve/envs/.old.*; do
    [[ -e $file || -L $file ]] || continue
    # What goes on with an environment that is half made is told of the environment.
    [[ $DOCTOR_PROBLEM != half || $file != .pyve/envs/.* ]] || continue
    count=$((count + 1))
    ((count > 5)) || list+=${list:+, }$file
  done
  ((count <= 5)) || list+=" and $((count - 5)) more"
  if [[ $DOCTOR_PROBLEM == leftovers ]]; then
    found E_LEFTOVERS "Environment: $DOCTOR_NAME is not in its place: a command that was killed has moved it away" \
      why "it is whole, and is put back; there are: $list" auto "pyve doctor --fix --only leftovers"
  elif ((count)); then
    found W_LEFTOVERS "Leftovers: a command that was killed has left files" why "$list" auto "pyve doctor --fix --only leftovers"
  fi
}

# Usage: mend_leftovers
# Removes the conda environments that a killed command has left half made; the rest was put back, or removed, when
# the project's lock was taken. Status 1 when that fails.
mend_leftovers() {
  [[ -d .pyve/envs ]] || return 0
  declare -F clear_half_environments >/dev/null || . "$_doctor_folder/../micromamba_env.sh"
  clear_half_environments
}

# --- the environment

# Usage: check_environment_missing
check_environment_missing() {
  [[ -n $DOCTOR_INITIALIZED && $DOCTOR_PROBLEM != leftovers ]] || return 0
  if [[ $DOCTOR_PROBLEM == missing && $DOCTOR_BACKEND == venv ]]; then
    found E_ENV_MISSING "Environment: Virtual environment not found: $DOCTOR_NAME" why "$DOCTOR_REASON" auto "pyve init --update"
  elif [[ $DOCTOR_PROBLEM == missing ]]; then
    tell_missing_conda
  elif [[ -n $DOCTOR_HAS_ENV ]]; then
    passed "Environment: $DOCTOR_NAME"
    if [[ $DOCTOR_BACKEND == venv ]]; then
      passed "Name: ${PROJECT_ROOT##*/}"
    else
      passed "Name: ${DOCTOR_ENV##*/}"
    fi
  fi
}

# Usage: check_environment_whole
check_environment_whole() {
  [[ -n $DOCTOR_INITIALIZED ]] || return 0
  if [[ $DOCTOR_PROBLEM == half ]]; then
    if is_lock_held; then
      noted "Environment: $DOCTOR_NAME is being made by another Pyve (process $REPLY)"
    else
      found E_CONDA_ENV_BROKEN "Environment: $DOCTOR_NAME is half made" \
        why "$DOCTOR_REASON; init clears it and makes it again" auto "pyve init --update"
    fi
  elif [[ $DOCTOR_PROBLEM == foreign && $DOCTOR_BACKEND == micromamba ]]; then
    found E_CONDA_ENV_BROKEN "Environment: $DOCTOR_NAME is no conda environment" why "$DOCTOR_REASON" destructive "pyve init --force"
  elif [[ $DOCTOR_PROBLEM == foreign ]]; then
    tell_foreign_folder
  fi
}

# Usage: tell_foreign_folder
# What has the environment's name is none: it is moved aside, not removed.
tell_foreign_folder() {
  local kept="$DOCTOR_NAME.kept" number=1 from
  while [[ -e $kept || -L $kept ]]; do
    number=$((number + 1)) kept="$DOCTOR_NAME.kept$number"
  done
  quote_word "${PROJECT_ROOT%/}"
  from="mv $DOCTOR_NAME $kept && pyve init --update"
  [[ -z $DOCTOR_ELSEWHERE ]] || from="cd $REPLY && $from"
  quote_word "$from"
  found E_ENV_FOREIGN "Environment: $DOCTOR_NAME is no virtual environment" why "$DOCTOR_REASON" destructive "sh -c $REPLY"
}

# Usage: check_environment_moved
check_environment_moved() {
  [[ -n $DOCTOR_INITIALIZED ]] || return 0
  if [[ $DOCTOR_PROBLEM == moved ]]; then
    found E_ENV_MOVED "Environment: $DOCTOR_REASON" why "init makes it again here, with the same packages" auto "pyve init --update"
  elif [[ -n $DOCTOR_HAS_ENV && $DOCTOR_BACKEND == venv ]] && is_environment_moved "$DOCTOR_ENV"; then
    found W_ENV_MOVED "Place: the environment was made at $REPLY, and its scripts still name that" \
      why "the project was moved or copied; its scripts start the interpreter that is there, or none" auto "pyve init --update"
  fi
}

# Usage: check_testenv
check_testenv() {
  local folder=.pyve/${TESTENV_DIR_NAME:-testenv}/venv
  [[ -n $DOCTOR_INITIALIZED ]] || return 0
  if [[ ! -d $folder ]]; then
    noted "Test runner: no test environment yet; pyve test makes it"
  elif ! check_environment "$PWD/$folder"; then
    # (It has the project's interpreter: when that is gone, this goes without saying.)
    [[ -n $DOCTOR_HAS_ENV || -z $DOCTOR_PROBLEM ]] || return 0
    found W_TESTENV "Test runner: $REPLY" why "the environment of the test runner, $folder, does not work" auto "pyve testenv --init"
  elif compgen -G "$folder/lib/python3*/site-packages/pytest/__init__.py" >/dev/null; then
    passed "Test runner: $folder, with pytest"
  else
    noted "Test runner: $folder, without pytest; pyve test installs it"
  fi
}
