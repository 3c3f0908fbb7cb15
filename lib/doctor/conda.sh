# shellcheck shell=bash
# Checks of `pyve doctor` for the conda backend.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/doctor/conda.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F inspect_conda_env >/dev/null || . "${BASH_SOURCE[0]%/*}/../micromamba_env.sh"
declare -F is_activation_current >/dev/null || . "${BASH_SOURCE[0]%/*}/../conda_activation.sh"

# Usage: look_at_conda
# look_at_environment for the conda backend.
look_at_conda() {
  local name
  config_get micromamba.env_name
  name=$REPLY
  DOCTOR_NAME=$CONDA_ENVS/$name DOCTOR_ENV=${PROJECT_ROOT%/}/$CONDA_ENVS/$name
  if inspect_conda_env "$name"; then
    DOCTOR_HAS_ENV=1 DOCTOR_VERSION=$ENV_PYTHON_VERSION
    [[ -z $ENV_PYTHON_VERSION ]] || DOCTOR_PYTHON=$DOCTOR_ENV/bin/python
    return 0
  fi
  DOCTOR_REASON=$REPLY DOCTOR_PROBLEM=$CONDA_PROBLEM
  if [[ -z $name ]]; then
    DOCTOR_PROBLEM=missing DOCTOR_REASON=".pyve/config does not say what it is called (micromamba.env_name)"
  elif [[ $DOCTOR_PROBLEM == python ]]; then
    classify_interpreter
  elif [[ ($DOCTOR_PROBLEM == missing || $DOCTOR_PROBLEM == half) && -e $CONDA_ENVS/.old.$name ]]; then
    DOCTOR_PROBLEM=leftovers
  fi
}

# Usage: tell_missing_conda
# For check_environment_missing.
tell_missing_conda() {
  # (Without a file to make it from, that is what is missing.)
  find_environment_files || return 0
  found E_ENV_MISSING "Environment: Environment not found: $DOCTOR_NAME" why "$DOCTOR_REASON" auto "pyve init --update"
}

# Usage: check_environment_file
check_environment_file() {
  local file
  [[ -n $DOCTOR_INITIALIZED && $DOCTOR_BACKEND == micromamba ]] || return 0
  if ! find_environment_files; then
    config_get micromamba.env_file
    file=${REPLY:-environment.yml}
    declare -F is_tracked >/dev/null || . "$_doctor_folder/../env_file.sh"
    if is_tracked "$file"; then
      set -- auto "git ${DOCTOR_ELSEWHERE:+-C $DOCTOR_ELSEWHERE }checkout -- $file"
    else
      set -- destructive "pyve init --force --backend venv"
    fi
    found E_ENV_FILE_MISSING "Environment file: Missing $file: neither it nor conda-lock.yml is there" \
      why "the environment is made from one of them" "$@"
  elif [[ -n $CONDA_MANIFEST ]]; then
    passed "Environment file: $CONDA_MANIFEST"
  fi
}

# Usage: check_engine
check_engine() {
  local wish
  [[ -n $DOCTOR_INITIALIZED && $DOCTOR_BACKEND == micromamba ]] || return 0
  declare -F find_conda_program >/dev/null || . "$_doctor_folder/../conda_engine.sh"
  config_get micromamba.engine
  wish=${REPLY:-auto}
  if [[ $wish == auto || $wish == micromamba ]] && find_micromamba; then
    passed "Micromamba: $MICROMAMBA_FOUND ($MICROMAMBA_FOUND_LOCATION, $MICROMAMBA_FOUND_VERSION)"
  elif [[ $wish == micromamba ]]; then
    found W_ENGINE_MISSING "Micromamba: not found, but the config asks for it" \
      why "it is not in .pyve/bin, ~/.pyve/bin or on PATH; environments cannot be made until it is" fix "pyve init --update --auto-bootstrap" fix "pyve init --update --engine auto"
  elif [[ $wish == auto ]] && { find_conda_program mamba || find_conda_program conda; }; then
    passed "Engine: $CONDA_ENGINE_PATH ($CONDA_ENGINE $CONDA_ENGINE_VERSION)"
  elif [[ $wish == auto || $wish == rattler ]]; then
    passed "Engine: rattler, built in"
  elif [[ $wish != mamba && $wish != conda ]]; then
    # A value that cannot be is told of the config.
    return 0
  elif find_conda_program "$wish"; then
    passed "Engine: $CONDA_ENGINE_PATH ($CONDA_ENGINE $CONDA_ENGINE_VERSION)"
  else
    found W_ENGINE_MISSING "Engine: $wish is not found, but the config asks for it" why "$REPLY" fix "pyve init --update --engine auto"
  fi
}

# Usage: check_environment_outdated
check_environment_outdated() {
  local wanted file
  [[ -n $DOCTOR_INITIALIZED && -n $DOCTOR_HAS_ENV && $DOCTOR_BACKEND == micromamba ]] || return 0
  get_environment_state "$DOCTOR_ENV" file_sha256
  wanted=$REPLY
  get_environment_state "$DOCTOR_ENV" file
  file=$REPLY
  # Of a lock, environment-drift compares the packages themselves.
  [[ -n $wanted && -f $file ]] && ! is_lock_name "$file" && DIGEST_QUIET=1 sha256_of_file "$file" 2>/dev/null || return 0
  [[ $REPLY != "$wanted" ]] || return 0
  found W_ENV_OUTDATED "Environment: $file was changed after it was made" \
    why "what has changed there is not in $DOCTOR_NAME yet" destructive "pyve init --force"
}

# Usage: check_activation_record
check_activation_record() {
  [[ -n $DOCTOR_INITIALIZED && -n $DOCTOR_HAS_ENV && $DOCTOR_BACKEND == micromamba ]] || return 0
  is_activation_current "$DOCTOR_ENV" || noted "Activation: no current record; the next pyve run makes it"
}
