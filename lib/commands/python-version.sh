# Summary: Pin the Python version of the project, or show it
# Group: Environment
# Agent: write idempotent network
# Usage: pyve python-version [VER]
# About: Installs the version through the manager in use when it is missing, and writes the version file
# About: and the config. The environment stays as it is: pyve python use makes it anew, too.
# Example: pyve python-version 3.12
# Exit: 0 done; 1 no such version
# States: any -> the same
# Alias: --python-version

cmd_python_version() {
  local wish
  need utils cli env_detect python_wish probe interpreter project_lock journal python_pin
  parse_options "$@" && expect_arguments 1 || return 1
  wish=${ARGS[0]-}
  find_project || :
  CDPATH="" cd -- "$PROJECT_ROOT" || return 1
  config_load || :
  if [[ -z $wish ]]; then
    show_pin
    return
  fi
  # shellcheck disable=SC2034 # for lib/python_wish.sh
  PYTHON_ASKED_BY="pyve python-version"
  check_pin_wish "$wish" && choose_interpreter "$wish" && lock_project || return 1
  begin_change
  write_pin "$PYTHON_VERSION" "$wish" "$PYTHON_MANAGER" && commit_change || return 1
  answer version "$PYTHON_VERSION"
  answer file "$PWD/${PIN_FILES[0]}"
  log_success "Pinned Python $PYTHON_VERSION in ${PIN_FILES[*]}"
  config_get venv.directory
  if [[ -d ${REPLY:-$DEFAULT_VENV_DIR} ]]; then
    log_info "The environment still has its own Python. To make it anew: pyve python use $wish"
  fi
}
