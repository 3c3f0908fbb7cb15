# Summary: Pin the Python version of the project, or show it
# Group: Environment
# Agent: write idempotent network
# Usage: pyve python-version [VER]
# About: Installs the version through the manager in use when it is missing, and writes the version file
# About: and the config. The environment stays as it is until `pyve init --force`.
# Example: pyve python-version 3.12
# Exit: 0 done; 1 no such version
# States: any -> the same
# Alias: --python-version

cmd_python_version() {
  local wish file existed=""
  need utils cli env_detect python_wish probe interpreter project_lock journal
  parse_options "$@" && expect_arguments 1 || return 1
  wish=${ARGS[0]-}
  find_project || :
  CDPATH="" cd -- "$PROJECT_ROOT" || return 1
  config_load || :
  if [[ -z $wish ]]; then
    resolve_python_wish || return 1
    answer version "$PYTHON_WISH"
    answer source "$PYTHON_WISH_SOURCE"
    [[ -n $PYVE_JSON ]] || say 1 plain "" "$PYTHON_WISH ($PYTHON_WISH_SOURCE)"
    return 0
  fi
  if [[ ! $wish =~ ^3\.[0-9]+(\.[0-9]+)?$ ]]; then
    need interpreter_advice
    fail E_PYTHON_VERSION_INVALID "'$wish' is not a Python version" \
      why "expected 3.N or 3.N.N" fix "pyve python-version $(print_near_version "$wish")"
    return 1
  fi
  choose_interpreter "$wish" || return 1
  lock_project || return 1
  begin_change
  if [[ $PYTHON_MANAGER != system ]]; then
    VERSION_MANAGER=$PYTHON_MANAGER
  else
    VERSION_MANAGER=""
  fi
  file=$(get_version_file_name)
  if [[ -e $file ]] && ! is_made "$file"; then
    existed=1
  fi
  set_local_python_version "$PYTHON_VERSION" || return 1
  if [[ -z $existed ]]; then
    record_made "$file" || return 1
  fi
  if config_file_exists; then
    config_set python.version "$wish" || return 1
  fi
  commit_change
  answer version "$PYTHON_VERSION"
  answer file "$PWD/$file"
  log_success "Pinned Python $PYTHON_VERSION in $file"
  config_get venv.directory
  if [[ -d ${REPLY:-$DEFAULT_VENV_DIR} ]]; then
    log_info "The environment still has its own Python. To make it anew: pyve init --force"
  fi
}
