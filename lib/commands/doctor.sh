# Summary: Say what is right and wrong with the environment, and how to mend it
# Group: Environment
# Usage: pyve doctor
# About: Executes the environment's interpreter and its pip; a line for each thing looked at.
# Example: pyve doctor
# Exit: 0 all is well; 1 no environment, or one that does not work; 2 warnings only
# States: any -> the same

cmd_doctor() {
  local venv name
  need utils cli backend_detect version env_detect project_lock venv_env
  parse_options "$@" && expect_arguments 0 || return 1
  find_project || :
  CDPATH="" cd -- "$PROJECT_ROOT" || return 1
  clear_leftovers "$PWD"
  config_load || :
  config_get backend
  local backend=${REPLY:-venv}
  config_get venv.directory
  venv=${REPLY:-$DEFAULT_VENV_DIR} name=${PWD##*/}
  if [[ $backend == venv && ! -e $venv && ! -L $venv ]]; then
    doctor_line error "Environment: $venv is not there; the project is not initialized" "pyve init"
    return 1
  fi
  doctor_line ok "Backend: $backend"
  if [[ $backend != venv ]]; then
    doctor_line error "Environment: this version of Pyve looks after venv environments only" "pyve init --force --backend venv"
    return 1
  fi
  doctor_environment
  doctor_files
  doctor_testenv
  if ((_error_count)); then
    return 1
  elif ((_warning_count)); then
    return 2
  fi
}

# Usage: doctor_line <ok|note|warning|error> <text> [fix]
# Prints one line of the report on stdout, and keeps a diagnostic for the JSON answer.
doctor_line() {
  local mark
  case $1 in
    ok) mark="✓" ;;
    note) mark="·" ;;
    warning) mark="⚠" ;;
    error) mark="✗" ;;
  esac
  record_event "$1" "$2"
  if [[ $1 == warning ]]; then
    warn W_DOCTOR "$2" ${3:+fix "$3"} 2>/dev/null
  elif [[ $1 == error ]]; then
    fail E_DOCTOR "$2" ${3:+fix "$3"} 2>/dev/null || :
  fi
  if [[ -z $PYVE_QUIET || $1 == warning || $1 == error ]]; then
    talk "$mark $2"
    [[ -z ${3-} ]] || talk "    fix: $3"
  fi
}

# Usage: doctor_environment
# Looks at the environment: interpreter, place, name, pip, packages.
doctor_environment() {
  local out count=0 item version
  if ! check_environment "$PWD/$venv"; then
    doctor_line error "Environment: $venv does not work: $REPLY" "pyve init --force"
    return 0
  fi
  doctor_line ok "Environment: $venv"
  doctor_line ok "Name: $name"
  config_get python.version
  version=$REPLY
  if [[ -n $version && $ENV_PYTHON_VERSION != "$version" && $ENV_PYTHON_VERSION != "$version".* ]]; then
    doctor_line warning "Python: $ENV_PYTHON_VERSION, but the config asks for $version" "pyve init --force"
  else
    doctor_line ok "Python: $ENV_PYTHON_VERSION"
  fi
  if is_environment_moved "$PWD/$venv"; then
    doctor_line warning "Place: the environment was made at $REPLY, and its scripts still name that" "pyve init --update"
  fi
  if out=$("$venv/bin/python" -I -m pip --version 2>&1 </dev/null); then
    out=${out#pip }
    doctor_line ok "pip: ${out%% *}"
  else
    doctor_line warning "pip: it is missing or does not run" "pyve init --update"
  fi
  for item in "$venv"/lib/python3*/site-packages/*.dist-info; do
    [[ ! -d $item ]] || count=$((count + 1))
  done
  doctor_line ok "Packages: $count"
}

# Usage: doctor_files
# Looks at the files around the environment.
doctor_files() {
  local file wide
  for file in .tool-versions .python-version; do
    [[ ! -f $file ]] || doctor_line ok "Version file: $file"
  done
  if [[ -f pylock.toml ]]; then
    doctor_line ok "Lock: pylock.toml"
  else
    doctor_line note "Lock: none (unlocked)"
  fi
  if ! check_direnv_installed; then
    doctor_line note "direnv: not installed; pyve run works without it"
  elif [[ -f .envrc ]]; then
    doctor_line ok "direnv: .envrc is there"
  else
    doctor_line note "direnv: installed, but there is no .envrc"
  fi
  if [[ ! -f $ENV_FILE_NAME ]]; then
    doctor_line note "$ENV_FILE_NAME: not there"
  else
    wide=$(find "$ENV_FILE_NAME" -prune ! -perm 600 2>/dev/null) || wide=""
    if [[ -n $wide ]]; then
      doctor_line warning "$ENV_FILE_NAME: others can read it" "chmod 600 $ENV_FILE_NAME"
    else
      doctor_line ok "$ENV_FILE_NAME: mode 600"
    fi
  fi
  if validate_pyve_version; then
    return 0
  fi
  doctor_line warning "Version: $REPLY" "pyve init --update"
}

# Usage: doctor_testenv
# Looks at the environment of the test runner.
doctor_testenv() {
  local folder=.pyve/$TESTENV_DIR_NAME/venv
  if [[ ! -d $folder ]]; then
    doctor_line note "Test runner: no test environment yet; pyve test makes it"
  elif ! check_environment "$PWD/$folder"; then
    doctor_line warning "Test runner: $REPLY" "pyve testenv --init"
  elif compgen -G "$folder/lib/python3*/site-packages/pytest/__init__.py" >/dev/null; then
    doctor_line ok "Test runner: $folder, with pytest"
  else
    doctor_line note "Test runner: $folder, without pytest; pyve test installs it"
  fi
}
