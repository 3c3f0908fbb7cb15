# shellcheck shell=bash
# Which backend makes the environment: venv or micromamba.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/backend_detect.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F log_warning >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"

# Usage: detect_backend_from_files
# Prints what the files of the current folder speak for: "venv", "micromamba", "ambiguous"
# (both) or "none".
detect_backend_from_files() {
  find_backend_files
  printf '%s\n' "$REPLY"
}

# Usage: find_backend_files
# The same in REPLY. Sets CONDA_FILE and PYTHON_FILE to the files that speak for each, or to "".
find_backend_files() {
  local file
  CONDA_FILE="" PYTHON_FILE=""
  for file in environment.yml conda-lock.yml; do
    if [[ -f $file && -z $CONDA_FILE ]]; then
      CONDA_FILE=$file
    fi
  done
  for file in pyproject.toml requirements.txt; do
    if [[ -f $file && -z $PYTHON_FILE ]]; then
      PYTHON_FILE=$file
    fi
  done
  case ${CONDA_FILE:+conda}${PYTHON_FILE:+python} in
    condapython) REPLY=ambiguous ;;
    conda) REPLY=micromamba ;;
    python) REPLY=venv ;;
    *) REPLY=none ;;
  esac
}

# Usage: get_backend_priority [backend given on the command line]
# Prints the backend: the one given (unless "auto"), else the config's, else what the files speak
# for, else venv. Files that speak for both give venv, with a warning on stderr.
get_backend_priority() {
  find_backend "${1-}"
  printf '%s\n' "$REPLY"
}

# Usage: find_backend [backend given on the command line]
# The same in REPLY. Sets BACKEND_SOURCE to where the answer comes from.
find_backend() {
  if [[ -n ${1-} && ${1-} != auto ]]; then
    BACKEND_SOURCE="--backend"
    REPLY=$1
    return 0
  fi
  config_load || :
  config_get backend
  if [[ -n $REPLY && $REPLY != auto ]]; then
    BACKEND_SOURCE=".pyve/config"
    return 0
  fi
  find_backend_files
  case $REPLY in
    ambiguous)
      BACKEND_SOURCE="default"
      warn W_BACKEND_AMBIGUOUS "$CONDA_FILE speaks for micromamba and $PYTHON_FILE for venv; taking venv" \
        why "nobody was asked; --backend venv or --backend micromamba decides"
      REPLY=venv
      ;;
    none)
      BACKEND_SOURCE="default"
      REPLY=venv
      ;;
    micromamba) BACKEND_SOURCE=$CONDA_FILE ;;
    venv) BACKEND_SOURCE=$PYTHON_FILE ;;
  esac
}

# Usage: is_backend_open [backend given on the command line]
# True when neither that nor the config names a backend, and the files speak for both: sets
# CONDA_FILE and PYTHON_FILE to them.
is_backend_open() {
  [[ ${1:-auto} == auto ]] || return 1
  config_load || :
  config_get backend
  [[ ${REPLY:-auto} == auto ]] || return 1
  find_backend_files
  [[ $REPLY == ambiguous ]]
}

# Usage: validate_backend <backend>
# True for venv, micromamba and auto; otherwise says what is allowed.
validate_backend() {
  case ${1-} in
    venv | micromamba | auto) return 0 ;;
  esac
  fail E_BACKEND_UNKNOWN "'${1-}' is not a backend" why "there are venv, micromamba and auto" fix "pyve init --backend venv"
}

# Usage: validate_config_file
# Checks what .pyve/config says, when there is one. Status 1 with a diagnostic for each mistake.
validate_config_file() {
  local status=0
  if ! config_file_exists; then
    return 0
  fi
  if ! config_load; then
    load_fixes
    propose_access .pyve/config
    fail E_CONFIG_READ "cannot read .pyve/config" why "no permission" fix "${REPLY:-chmod u+r .pyve/config}"
    return 1
  fi
  config_get backend
  case $REPLY in
    "" | venv | micromamba | auto) ;;
    *) fail_config_value backend "$REPLY" "there are venv, micromamba and auto" || status=1 ;;
  esac
  config_get venv.directory
  # (In a shell of its own: what it says is about names that are typed.)
  if [[ -n $REPLY && $REPLY != .venv ]] && ! (validate_venv_dir_name "$REPLY") 2>/dev/null; then
    fail_config_value venv.directory "$REPLY" "it is the name of one folder of the project, such as .venv" || status=1
  fi
  config_get prompt.show
  if [[ -n $REPLY ]] && ! parse_boolean "$REPLY"; then
    fail_config_value prompt.show "$REPLY" "it is true or false" || status=1
  fi
  return "$status"
}

# Usage: fail_config_value <key> <value> <what is allowed>
# Says what .pyve/config cannot say. Status 1.
fail_config_value() {
  fail E_CONFIG_VALUE "$1 in .pyve/config is '${2//[[:cntrl:]]/?}'" why "$3; change it in the file"
}
