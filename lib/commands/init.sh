# Summary: Make the project's environment
# Group: Environment
# Usage: pyve init [VENV_DIR] [--python-version VER] [--backend TYPE] [--deps] [--no-direnv] [--local-env]
# Usage: pyve init --update | --force
# About: Picks an interpreter (flag, .pyve/config, .tool-versions, .python-version, requires-python,
# About: default), makes the environment, and writes .envrc, .env, .gitignore and .pyve/config.
# About: What is already there is kept. Nothing is installed unless you say so.
# Option: --python-version VER  Python to use, as 3.12 or 3.12.4
# Option: --backend TYPE   venv, micromamba or auto
# Option: --deps           Install requirements*.txt and the project itself (editable)
# Option: --local-env      Copy ~/.local/.env to .env
# Option: --no-direnv      Do not write .envrc
# Option: --update         Refresh an existing environment in place, keeping its packages
# Option: --force          Make the environment anew, in place of the existing one
# Option: --allow-synced-dir  Work in a folder that a cloud drive synchronises
# Option: -y, --yes        Take the default answer to every question
# Example: pyve init
# Example: pyve init --python-version 3.12 --deps
# Example: pyve init --no-direnv && pyve run python app.py
# Exit: 0 done or cancelled; 1 nothing was changed, or not all could be done
# States: uninitialized, consistent, broken -> consistent
# Alias: --init -i

cmd_init() {
  local mode venv name backend wish
  need utils cli backend_detect env_detect python_wish probe interpreter distutils_shim project_lock venv_env testenv activation
  parse_options "$@" && expect_arguments 1 && check_init_input || return 1
  choose_init_mode || return 1
  [[ $mode != cancel ]] || return 0
  choose_init_backend && choose_init_folder && check_init_files || return 1
  lock_project || return 1
  if [[ $mode == update ]]; then
    update_environment || return 1
  else
    make_environment || return 1
  fi
  write_project_files && make_testenv || return 1
  tell_next_step
}

# Usage: check_init_input
# Checks what was typed, and the place, before anything is done.
check_init_input() {
  name=${PWD##*/}
  if [[ -n $opt_force && -n $opt_update ]]; then
    fail E_USAGE_CONFLICT "--force and --update exclude each other" \
      why "--update keeps the environment, --force makes it anew" fix "pyve init --update"
    return 1
  fi
  if [[ -n $opt_python_version && ! $opt_python_version =~ ^3\.[0-9]+(\.[0-9]+)?$ ]]; then
    fail E_PYTHON_VERSION_INVALID "'$opt_python_version' is not a Python version" \
      why "expected 3.N or 3.N.N" fix "pyve init --python-version ${DEFAULT_PYTHON_VERSION%.*}"
    return 1
  fi
  if [[ -n $opt_backend ]]; then
    validate_backend "$opt_backend" || return 1
  fi
  if ((${#ARGS[@]})); then
    validate_venv_dir_name "${ARGS[0]}" || return 1
  fi
  if [[ $PWD == *:* ]]; then
    fail E_PATH_COLON "an environment cannot work in a folder whose path has a ':'" \
      why "PATH uses ':' between folders; this one is $PWD"
    return 1
  fi
  case $PWD/ in
    *"/Library/Mobile Documents/"* | *"/Library/CloudStorage/"* | */Dropbox/* | */OneDrive/* | *"/OneDrive - "* | *"/Google Drive/"* | */iCloud*Drive/*)
      if [[ -z $opt_allow_synced_dir && -z ${PYVE_ALLOW_SYNCED_DIR-} ]]; then
        fail E_SYNCED_DIR "this folder is synchronised by a cloud drive" \
          why "such drives corrupt environments; better keep the project elsewhere" fix "pyve init --allow-synced-dir"
        return 1
      fi
      ;;
  esac
  config_load || :
  validate_config_file
}

# Usage: choose_init_mode
# Sets mode to fresh, update, force or cancel, asking when there is a config and no flag says.
choose_init_mode() {
  mode=fresh
  if [[ -n $opt_force ]]; then
    mode=force
    if config_file_exists && can_ask && [[ -z ${PYVE_FORCE_YES-} ]]; then
      printf 'Force re-initialization: the environment and its packages are removed and made anew.\n' >&2
      if ! prompt_yes_no "Continue?"; then
        log_info "cancelled; nothing was changed"
        mode=cancel
      fi
    fi
  elif ! config_file_exists && [[ -z $opt_update ]]; then
    return 0
  elif ! config_file_exists; then
    fail E_NOT_INITIALIZED "there is nothing to update here" why "$PWD has no .pyve/config" fix "pyve init"
    return 1
  elif [[ -n $opt_update ]] || ! can_ask; then
    mode=update
  else
    local status=0
    printf 'This project has been initialized already. What would you like to do?\n' >&2
    ask_choice "Choice" 1 "Update in place, keeping the environment" "Purge and re-initialize" "Cancel" || status=$?
    ((status != 2)) || return 1
    ((status == 0)) || REPLY=3
    case $REPLY in
      1) mode=update ;;
      2) mode=force ;;
      3)
        log_info "cancelled; nothing was changed"
        mode=cancel
        ;;
    esac
  fi
}

# Usage: choose_init_backend
# Sets backend. Status 1 when this version cannot make it, or an update would change it.
choose_init_backend() {
  local recorded
  config_get backend
  recorded=$REPLY
  find_backend "$opt_backend"
  backend=$REPLY
  if [[ $mode == update && -n $recorded && $recorded != auto && $backend != "$recorded" ]]; then
    fail E_UPDATE_BACKEND "Cannot update in-place: the backend would change from $recorded to $backend" \
      why "the environment has to be made anew" fix "pyve init --force --backend $backend"
    return 1
  fi
  if [[ $backend != venv ]]; then
    fail E_BACKEND_UNSUPPORTED "this version of Pyve makes venv environments only" \
      why "$BACKEND_SOURCE asks for $backend" fix "pyve init --backend venv"
    return 1
  fi
}

# Usage: choose_init_folder
# Sets venv to the venv directory, and checks that what is there may be used or replaced.
choose_init_folder() {
  config_get venv.directory
  venv=${ARGS[0]-}
  if [[ $mode == update && -n $venv && -n $REPLY && $venv != "$REPLY" ]]; then
    fail E_UPDATE_FOLDER "Cannot update in-place: the environment is in $REPLY, not in $venv" \
      why "an environment in another folder has to be made anew" fix "pyve init --force $venv"
    return 1
  fi
  venv=${venv:-${REPLY:-$DEFAULT_VENV_DIR}}
  is_replaceable "$venv" && is_replaceable "${REPLY:-$venv}"
}

# Usage: is_replaceable <folder>
# True when the folder is an environment, a link to one, empty, or not there.
is_replaceable() {
  local content
  if [[ ! -e $1 || -L $1 || -f $1/pyvenv.cfg ]]; then
    return 0
  fi
  content=$(ls -A -- "$1") || return 1
  if [[ ! -d $1 || -n $content ]]; then
    fail E_VENV_FOREIGN "$1 is there, and it is not an environment" \
      why "it has no pyvenv.cfg; Pyve does not touch what it did not make" fix "pyve init .venv-pyve"
    return 1
  fi
}

# Usage: check_init_files
# Checks that what init is going to write can be written, before it makes anything.
check_init_files() {
  local file
  for file in .gitignore .pyve/config; do
    if [[ -L $file || (-e $file && ! -f $file) ]]; then
      fail E_FILE_WRITE "cannot write $file" why "it is there, and it is not a plain file; nothing was changed"
      return 1
    fi
  done
  if [[ ! -w . ]]; then
    fail E_FILE_WRITE "cannot write in $PWD" why "no permission, or the file system is read-only; nothing was changed"
    return 1
  fi
}

# Usage: ask_for_requirements
# Sets REQUIREMENTS to what is to be installed: with --deps, or with a yes on a terminal.
ask_for_requirements() {
  find_requirements
  if ((${#REQUIREMENTS[@]} == 0)); then
    [[ -z $opt_deps ]] || log_info "there is nothing to install: no requirements*.txt, pyproject.toml or setup.py"
    return 0
  fi
  if [[ -z $opt_deps ]]; then
    if ! on_terminal || ! prompt_yes_no "Install $REPLY into the environment?"; then
      REQUIREMENTS=()
      return 0
    fi
  fi
  log_info "Installing $REPLY"
}

# Usage: make_environment
# Makes the environment, or keeps a working one that is there.
make_environment() {
  local old="" status=0 PROBE_SOON=${PROBE_SOON-1}
  if [[ $mode == fresh && (-e $venv/pyvenv.cfg || -L $venv) ]]; then
    if ! check_environment "$PWD/$venv"; then
      fail_environment "$PWD" "$PWD/$venv"
      return 1
    fi
    if [[ -n $opt_python_version && $ENV_PYTHON_VERSION != "$opt_python_version" && $ENV_PYTHON_VERSION != "$opt_python_version".* ]]; then
      fail E_ENV_PYTHON "$venv is there already, with Python $ENV_PYTHON_VERSION" \
        why "--python-version asks for $opt_python_version" fix "pyve init --force --python-version $opt_python_version"
      return 1
    fi
    log_info "$venv is there already (Python $ENV_PYTHON_VERSION) and is kept"
    PROBE_SOON=""
    probe_interpreter "$venv/bin/python" && ensure_template || return 1
    wish=${opt_python_version:-${PYTHON_VERSION%.*}}
    PYTHON_MANAGER=system
    ask_for_requirements
    if ((${#REQUIREMENTS[@]})); then
      install_requirements "$PWD/$venv" "${REQUIREMENTS[@]}" || return 1
    fi
    return 0
  fi
  choose_interpreter "$opt_python_version" && ensure_template || return 1
  wish=${PYTHON_VERSION%.*}
  if [[ $PYTHON_WISH_KIND == version ]]; then
    wish=$PYTHON_WISH
  fi
  ask_for_requirements
  config_get venv.directory
  if [[ $mode == force && -n $REPLY && $REPLY != "$venv" ]]; then
    old=$REPLY
  fi
  build_environment venv "$PWD/$venv" "$name" ${REQUIREMENTS[@]+"${REQUIREMENTS[@]}"} || status=$?
  if ((status == 3)); then
    PROBE_SOON=""
    make_environment
    return
  fi
  ((status == 0)) || return 1
  log_success "Made $venv with Python $PYTHON_VERSION ($PYTHON_SOURCE: $PYTHON)"
  if [[ -n $old ]]; then
    remove_environment venv "$PWD/$old" && log_success "Removed $old"
  fi
}

# Usage: update_environment
# Refreshes the environment in place: makes a missing one, mends one that was moved.
update_environment() {
  if [[ ! -e $venv/pyvenv.cfg && ! -L $venv ]]; then
    mode=fresh
    make_environment
    return
  fi
  if ! check_environment "$PWD/$venv"; then
    fail_environment "$PWD" "$PWD/$venv"
    return 1
  fi
  if [[ -n $opt_python_version && $ENV_PYTHON_VERSION != "$opt_python_version" && $ENV_PYTHON_VERSION != "$opt_python_version".* ]]; then
    fail E_UPDATE_PYTHON "Cannot update in-place: the environment has Python $ENV_PYTHON_VERSION, not $opt_python_version" \
      why "another interpreter needs an environment made anew" fix "pyve init --force --python-version $opt_python_version"
    return 1
  fi
  probe_interpreter "$venv/bin/python" && ensure_template || return 1
  PYTHON_MANAGER=system
  config_get python.version
  wish=${opt_python_version:-${REPLY:-${PYTHON_VERSION%.*}}}
  if is_environment_moved "$PWD/$venv"; then
    mend_environment "$PWD/$venv" "$PWD" || return 1
    log_success "Mended $venv: its files name $PWD now"
  fi
  if [[ -n $opt_deps ]]; then
    ask_for_requirements
    if ((${#REQUIREMENTS[@]})); then
      install_requirements "$PWD/$venv" "${REQUIREMENTS[@]}" || return 1
    fi
  fi
  log_success "Updated $venv (Python $ENV_PYTHON_VERSION)"
}

# Usage: write_project_files
# Writes version file, .gitignore, .envrc, .env and config; keeps what is there.
write_project_files() {
  local file
  if [[ -f .tool-versions || -f .python-version ]]; then
    log_verbose "A version file is there and stays as it is"
  elif [[ $PYTHON_MANAGER != system ]]; then
    # A manager that does not have the version would complain about the file.
    VERSION_MANAGER=$PYTHON_MANAGER
    set_local_python_version "$PYTHON_VERSION" || return 1
    file=.python-version
    [[ -f $file ]] || file=.tool-versions
    record_made "$file" || return 1
    log_success "Wrote $file ($PYTHON_VERSION)"
  fi
  write_gitignore_template "$venv" "$ENV_FILE_NAME" .envrc || return 1
  if [[ -z $opt_no_direnv ]]; then
    write_envrc "$venv" "$name" || return 1
  fi
  write_env_file "$opt_local_env" || return 1
  config_set pyve_version "$VERSION" backend venv venv.directory "$venv" python.version "$wish"
}

# Usage: make_testenv
# Makes the environment of the test runner, from the same interpreter.
make_testenv() {
  if [[ $mode == force ]]; then
    remove_environment testenv "$PWD/$TESTENV_PATH" || return 1
  fi
  ensure_testenv "$PWD/$venv"
}

# Usage: tell_next_step
# Says what to type next.
tell_next_step() {
  answer environment "$PWD/$venv"
  answer python "$PYTHON"
  answer python_version "$PYTHON_VERSION"
  answer mode "$mode"
  if [[ -n $opt_no_direnv ]]; then
    log_info "Next: pyve run python"
  elif check_direnv_installed; then
    log_info "Next: direnv allow"
  else
    log_info "direnv is not installed, so .envrc has no effect yet. Next: pyve run python"
  fi
}
