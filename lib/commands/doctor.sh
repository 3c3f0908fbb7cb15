# Summary: Say what is wrong with the environment, and how to mend it
# Group: Environment
# Usage: pyve doctor
# About: Executes the environment's interpreter and its pip; a line for each thing looked at.
# Example: pyve doctor
# Exit: 0 all is well; 1 no environment, or one that does not work; 2 warnings only
# States: any -> the same

cmd_doctor() {
  local venv name backend
  need utils cli backend_detect version env_detect project_lock venv_env
  parse_options "$@" && expect_arguments 0 || return 1
  find_project || :
  CDPATH="" cd -- "$PROJECT_ROOT" || return 1
  clear_leftovers "$PWD"
  config_load || :
  config_get backend
  backend=${REPLY:-venv}
  config_get venv.directory
  venv=${REPLY:-$DEFAULT_VENV_DIR} name=${PWD##*/}
  if [[ $backend == micromamba ]]; then
    need conda_doctor
    config_get micromamba.env_name
    name=$REPLY venv=$CONDA_ENVS/$REPLY
  fi
  if [[ ! -e $venv && ! -L $venv ]]; then
    doctor_line error "Environment: $venv is not there; the project is not initialized" "pyve init"
    return 1
  fi
  doctor_line ok "Backend: $backend"
  if [[ $backend == micromamba ]]; then
    doctor_conda
  else
    doctor_environment
  fi
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
  local REPLY
  record_event "$1" "$2"
  if [[ $1 == warning ]]; then
    warn W_DOCTOR "$2" ${3:+fix "$3"} 2>/dev/null
  elif [[ $1 == error ]]; then
    fail E_DOCTOR "$2" ${3:+fix "$3"} 2>/dev/null || :
  fi
  if [[ -z $PYVE_QUIET || $1 == warning || $1 == error ]]; then
    choose_mark "$1"
    talk "$2" "$1" "$REPLY "
    [[ -z ${3-} ]] || talk "$3" command "    fix: "
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
  local file
  for file in .tool-versions .python-version; do
    [[ ! -f $file ]] || doctor_line ok "Version file: $file"
  done
  if [[ $backend == micromamba ]]; then
    doctor_conda_lock
  elif [[ -f pylock.toml ]]; then
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
  doctor_env_file
  if validate_pyve_version; then
    return 0
  fi
  doctor_line warning "Version: $REPLY" "pyve init --update"
}

# Usage: doctor_env_file
# Looks at .env: who can read it, whether git has it, and what shells, direnv and python-dotenv read
# differently. Nothing of what is in it is printed.
doctor_env_file() {
  local file=$ENV_FILE_NAME text i count
  need env_file
  if [[ ! -e $file && ! -L $file ]]; then
    doctor_line note "$file: not there"
    return 0
  elif [[ ! -f $file ]]; then
    doctor_line warning "$file: it is a folder or a link to nothing, so no variables are loaded" "ls -ld $file"
    return 0
  elif ! is_private "$file"; then
    doctor_line warning "$file: others can read it" "chmod 600 $file"
  elif [[ $REPLY == ?rw------- ]]; then
    doctor_line ok "$file: mode 600"
  else
    doctor_line ok "$file: others cannot read it"
  fi
  if is_tracked "$file"; then
    doctor_line warning "$file: git tracks it, so what is in it goes into every commit" "git rm --cached $file"
  elif is_left_to_git "$file"; then
    doctor_line warning "$file: git does not ignore it" "pyve init --update"
  fi
  if [[ ! -r $file ]]; then
    doctor_line warning "$file: it cannot be read" "ls -l $file"
    return 0
  fi
  need dotenv dotenv_check
  if IFS= read -r -d '' text <"$file"; then
    doctor_line warning "$file: it has a NUL byte, and only the lines before that were looked at"
  fi
  if ! parse_dotenv "$text"; then
    doctor_line warning "$file line $DOTENV_BAD_LINE: direnv refuses the whole file because of this line"
  fi
  find_dotenv_differences "$text"
  count=${#DOTENV_LINES[@]}
  for ((i = 0; i < count && i < 10; i++)); do
    doctor_line warning "$file line ${DOTENV_LINES[i]}: ${DOTENV_REASONS[i]}"
  done
  if ((count > 10)); then
    doctor_line warning "$file: and $((count - 10)) more that shells, direnv and python-dotenv read differently"
  fi
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
