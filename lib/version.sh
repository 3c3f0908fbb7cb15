# shellcheck shell=bash
# Versions, and what an installation in a project has to look like.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/version.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F log_warning >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"
declare -F validate_config_file >/dev/null || . "${BASH_SOURCE[0]%/*}/backend_detect.sh"
declare -F is_private >/dev/null || . "${BASH_SOURCE[0]%/*}/env_file.sh"

# Usage: compare_versions <version> <version>
# Prints "equal", "greater" or "less": what the first is, compared to the second. Missing parts
# count as 0.
compare_versions() {
  compare_release "$1" "$2"
  case $REPLY in
    0) printf 'equal\n' ;;
    1) printf 'greater\n' ;;
    *) printf 'less\n' ;;
  esac
}

# Usage: compare_release <version> <version>
# The same in REPLY, as 0, 1 or -1. Of a part such as "3rc1" only the number in front counts.
compare_release() {
  local left=${1#v} right=${2#v} a b
  while [[ -n $left || -n $right ]]; do
    a=${left%%.*} b=${right%%.*}
    [[ $left == *.* ]] && left=${left#*.} || left=""
    [[ $right == *.* ]] && right=${right#*.} || right=""
    a=${a%%[!0-9]*} b=${b%%[!0-9]*}
    if ((10#${a:-0} != 10#${b:-0})); then
      ((10#${a:-0} > 10#${b:-0})) && REPLY=1 || REPLY=-1
      return 0
    fi
  done
  REPLY=0
}

# Usage: validate_pyve_version
# Compares the version recorded in .pyve/config with this one. True when they agree, nothing is
# recorded, or PYVE_SKIP_VERSION_CHECK=1; otherwise REPLY says what differs, status 1.
validate_pyve_version() {
  local recorded
  config_load || :
  config_get pyve_version
  recorded=$REPLY
  REPLY=""
  if [[ -z $recorded || ${PYVE_SKIP_VERSION_CHECK-} == 1 ]]; then
    return 0
  fi
  compare_release "$recorded" "${VERSION-}"
  case $REPLY in
    0)
      REPLY=""
      return 0
      ;;
    1) REPLY="the project was set up by Pyve $recorded, newer than this ${VERSION-}" ;;
    *) REPLY="the project was set up by Pyve $recorded, this is ${VERSION-}" ;;
  esac
  return 1
}

# Usage: validate_installation_structure
# True when .pyve and its config are there; otherwise REPLY says what is missing.
validate_installation_structure() {
  if [[ ! -d .pyve ]]; then
    REPLY="Missing .pyve directory"
    return 1
  fi
  if ! config_file_exists; then
    REPLY="Missing .pyve/config"
    return 1
  fi
  REPLY=""
}

# Usage: validate_venv_structure
# True when the venv directory of the config (or the default one) is there and has an interpreter;
# otherwise REPLY says what is missing.
validate_venv_structure() {
  local folder
  config_load || :
  config_get venv.directory
  folder=${REPLY:-${DEFAULT_VENV_DIR:-.venv}}
  if [[ ! -d $folder ]]; then
    REPLY="Virtual environment not found: $folder"
    return 1
  fi
  if [[ ! -x $folder/bin/python ]]; then
    REPLY="$folder: missing Python executable"
    return 1
  fi
  REPLY=""
}

# Usage: validate_micromamba_structure
# True when the environment file and the environment of the config are there; otherwise REPLY
# says what is missing.
validate_micromamba_structure() {
  local file name
  config_load || :
  config_get micromamba.env_file
  file=${REPLY:-environment.yml}
  if [[ ! -f $file && ! -f conda-lock.yml ]]; then
    REPLY="Missing $file"
    return 1
  fi
  config_get micromamba.env_name
  name=$REPLY
  if [[ -n $name && ! -d .pyve/envs/$name ]]; then
    REPLY="Environment not found: .pyve/envs/$name"
    return 1
  fi
  REPLY=""
}

# Usage: validate_conda_env
# Reports whether the conda environment of the loaded config works.
validate_conda_env() {
  local fix="pyve init --force"
  declare -F inspect_conda_env >/dev/null || . "${BASH_SOURCE[0]%/*}/micromamba_env.sh"
  config_get micromamba.env_name
  if inspect_conda_env "$REPLY"; then
    validation_line ok "Python: ${ENV_PYTHON_VERSION:-none in the environment}"
    return 0
  fi
  [[ $CONDA_PROBLEM != moved ]] || fix="pyve init --update"
  validation_line error "Environment: $REPLY" "$fix"
}

# Usage: validation_line <ok|warning|error> <text> [fix]
# Prints one line of the report, and counts it.
validation_line() {
  case $1 in
    ok) log_success "$2" ;;
    warning)
      validation_warnings=$((validation_warnings + 1))
      warn W_VALIDATE "$2" ${3:+fix "$3"}
      ;;
    error)
      validation_errors=$((validation_errors + 1))
      fail E_VALIDATE "$2" ${3:+fix "$3"} || :
      ;;
  esac
}

# Usage: run_full_validation
# Reports on version, structure, backend, environment, Python and .env of the project in the
# current folder, a line each. Status 0 when all is well, 1 with errors, 2 with warnings only.
run_full_validation() {
  local backend file version
  validation_warnings=0 validation_errors=0
  if ! validate_installation_structure; then
    validation_line error "$REPLY" "pyve init"
    return 1
  fi
  validation_line ok "Structure: .pyve and its config"
  if ! validate_config_file 2>/dev/null; then
    config_get backend
    if [[ -n $REPLY ]] && ! validate_backend "$REPLY" 2>/dev/null; then
      validation_line error "Unknown backend: $REPLY" "pyve init --force --backend venv"
    else
      config_get venv.directory
      if [[ -n $REPLY ]] && ! validate_venv_dir_name "$REPLY" 2>/dev/null; then
        validation_line error "Configuration: '$REPLY' cannot be the venv directory" "pyve init --force .venv"
      fi
      config_get prompt.show
      if [[ -n $REPLY ]] && ! parse_boolean "$REPLY"; then
        validation_line error "Configuration: prompt.show is '$REPLY'; it is true or false"
      fi
    fi
  fi
  if validate_pyve_version; then
    config_get pyve_version
    validation_line ok "Version: ${REPLY:-not recorded}"
  else
    validation_line warning "Version: $REPLY" "pyve init --update"
  fi
  config_get backend
  backend=$REPLY
  case $backend in
    "") validation_line error "No backend specified" "pyve init --update" ;;
    venv)
      validation_line ok "Backend: venv"
      if validate_venv_structure; then
        config_get venv.directory
        validation_line ok "Environment: ${REPLY:-${DEFAULT_VENV_DIR:-.venv}}"
        file=${REPLY:-${DEFAULT_VENV_DIR:-.venv}}/bin/python
        if version=$("$file" -I -S -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>&1 </dev/null); then
          config_get python.version
          if [[ -n $REPLY && $version != "$REPLY" && $version != "$REPLY".* ]]; then
            validation_line warning "Python: $version, but the config says $REPLY" "pyve init --force"
          else
            validation_line ok "Python: $version"
          fi
        else
          validation_line error "Python: $file does not run" "pyve init --force"
        fi
      else
        validation_line error "$REPLY" "pyve init --force"
      fi
      ;;
    micromamba)
      validation_line ok "Backend: micromamba"
      if ! validate_micromamba_structure; then
        validation_line error "$REPLY" "pyve doctor"
      else
        validation_line ok "Environment file and environment"
        validate_conda_env
      fi
      ;;
  esac
  file=${ENV_FILE_NAME:-.env}
  if [[ ! -f $file ]]; then
    validation_line warning "Missing $file" "pyve init --update"
  elif ! is_private "$file"; then
    validation_line warning "$file can be read by others" "chmod 600 $file"
  else
    validation_line ok "$file: mode 600"
  fi
  if ((validation_errors)); then
    return 1
  elif ((validation_warnings)); then
    return 2
  fi
}

# Usage: write_config_with_version
# Makes .pyve/config with the version of Pyve, keeping what an existing one says.
write_config_with_version() {
  config_set pyve_version "${VERSION-}"
}

# Usage: update_config_version
# Brings the version in an existing .pyve/config up to date. Status 1 when there is none.
update_config_version() {
  if ! config_file_exists; then
    return 1
  fi
  config_set pyve_version "${VERSION-}"
}
