# shellcheck shell=bash
# What `pyve doctor` and `pyve validate` look at in a project of the conda backend.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/conda_doctor.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F make_conda_env >/dev/null || . "${BASH_SOURCE[0]%/*}/conda_engine.sh"
declare -F is_activation_current >/dev/null || . "${BASH_SOURCE[0]%/*}/conda_activation.sh"

# Usage: doctor_conda
# Looks at engine, environment, name, Python, packages and activation. Reads `venv` and `name` of its caller.
doctor_conda() {
  local wanted
  doctor_engine
  if ! inspect_conda_env "$name"; then
    case $CONDA_PROBLEM in
      moved) doctor_line error "Environment: $REPLY" "pyve init --update" ;;
      *) doctor_line error "Environment: $venv does not work: $REPLY" "pyve init --force" ;;
    esac
    return 0
  fi
  doctor_line ok "Environment: $venv"
  doctor_line ok "Name: $name"
  if [[ -n $ENV_PYTHON_VERSION ]]; then
    doctor_line ok "Python: $ENV_PYTHON_VERSION"
  else
    doctor_line note "Python: none in the environment"
  fi
  doctor_line ok "Packages: $CONDA_PACKAGE_COUNT"
  if ! is_activation_current "$PWD/$venv"; then
    doctor_line note "Activation: no current record; the next pyve run makes it"
  fi
  get_environment_state "$venv" file_sha256
  wanted=$REPLY
  get_environment_state "$venv" file
  if [[ -n $wanted && -f $REPLY ]]; then
    local file=$REPLY
    if sha256_of_file "$file" && [[ $REPLY != "$wanted" ]]; then
      doctor_line warning "Environment: $file was changed after it was made" "pyve init --force"
    fi
  fi
}

# Usage: doctor_engine
# Says which engine would make an environment now, where it is, and its version.
doctor_engine() {
  config_get micromamba.engine
  if [[ $REPLY != rattler ]] && find_micromamba; then
    doctor_line ok "Micromamba: $MICROMAMBA_FOUND ($MICROMAMBA_FOUND_LOCATION, $MICROMAMBA_FOUND_VERSION)"
  elif [[ $REPLY == micromamba ]]; then
    doctor_line warning "Micromamba: not found, but the config asks for it" "pyve init --update --auto-bootstrap"
  elif [[ $REPLY != rattler ]] && { find_conda_program mamba || find_conda_program conda; }; then
    doctor_line ok "Engine: $CONDA_ENGINE_PATH ($CONDA_ENGINE $CONDA_ENGINE_VERSION)"
  else
    doctor_line ok "Engine: rattler, built in"
  fi
}

# Usage: doctor_conda_lock
# Looks at environment.yml and conda-lock.yml.
doctor_conda_lock() {
  local state
  find_lock_state
  state=$REPLY
  if [[ -n $CONDA_MANIFEST ]]; then
    doctor_line ok "Environment file: $CONDA_MANIFEST"
  fi
  if [[ -n $CONDA_MANIFEST && -n $CONDA_LOCK ]]; then
    case $LOCK_STATUS in
      platform-missing) state=$LOCK_STATUS ;;
      unreadable) state=$LOCK_STATUS ;;
    esac
  fi
  case $state in
    platform-missing)
      find_conda_platform || :
      doctor_line error "Lock: $CONDA_LOCK is not for this machine, $REPLY" "pyve lock --platform $REPLY"
      ;;
    unreadable) doctor_line error "Lock: $CONDA_LOCK or $CONDA_MANIFEST cannot be read" "pyve lock --check" ;;
    current) doctor_line ok "Lock: $CONDA_LOCK, up to date" ;;
    stale) doctor_line warning "Lock: $CONDA_LOCK is stale: $CONDA_MANIFEST was changed after it" "pyve lock" ;;
    alone) doctor_line ok "Lock: $CONDA_LOCK" ;;
    missing) doctor_line note "Lock: missing; pyve lock makes conda-lock.yml" ;;
    none) doctor_line error "Environment file: neither environment.yml nor conda-lock.yml is there" ;;
  esac
}
