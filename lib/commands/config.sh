# Summary: Show the configuration in force, and where it comes from
# Group: Environment
# Usage: pyve config
# Exit: 0
# States: any -> the same
# Alias: --config -c

cmd_config() {
  local file backend venv python files=""
  need utils cli backend_detect micromamba_core
  parse_options "$@" && expect_arguments 0 || return 1
  find_project || :
  CDPATH="" cd -- "$PROJECT_ROOT" || return 1
  config_load || :
  file="none (pyve init makes one)"
  if config_file_exists; then
    file=$PWD/.pyve/config
  fi
  config_get backend
  backend=${REPLY:-not set}
  config_get venv.directory
  venv=${REPLY:-not set}
  config_get python.version
  python=${REPLY:-not set}
  find_backend_files
  local detected=$REPLY
  files="${CONDA_FILE:-none}"
  if [[ -f environment.yml && -f conda-lock.yml ]]; then
    files="environment.yml, conda-lock.yml"
  fi
  show_setting version "Pyve version" "$VERSION"
  show_setting default_python "Default Python version" "$DEFAULT_PYTHON_VERSION"
  show_setting default_venv "Default venv directory" "$DEFAULT_VENV_DIR"
  show_setting config_file "Config file" "$file"
  show_setting backend "Backend (config)" "$backend"
  show_setting detected_backend "Backend (detected)" "$detected"
  show_setting venv_directory "Venv directory (config)" "$venv"
  show_setting python_version "Python version (config)" "$python"
  find_micromamba || REPLY="not found"
  show_setting micromamba "Micromamba" "$REPLY"
  show_setting environment_files "Environment files" "$files"
  show_setting install_directory "Install directory" "$PYVE_ROOT"
}

# Usage: show_setting <key> <label> <value>
# Prints one line of the answer.
show_setting() {
  answer "$1" "$3"
  [[ -n $PYVE_JSON ]] || printf '%-25s %s\n' "$2:" "$3"
}
