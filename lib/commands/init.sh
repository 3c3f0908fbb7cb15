# Summary: Make the project's environment
# Group: Environment
# Agent: write idempotent destructive network
# Usage: pyve init [VENV_DIR] [--python-version VER] [--backend TYPE] [--deps] [--no-direnv | --allow] [--local-env]
# Usage: pyve init [--backend micromamba] [--env-name NAME] [--engine ENGINE] [--strict]
# Usage: pyve init --update | --force
# Argument: ENGINE auto|micromamba|mamba|conda|rattler
# Argument: PLACE project|user
# About: Picks an interpreter (flag, .pyve/config, .tool-versions, .python-version, requires-python,
# About: default), makes the environment, and writes .envrc, .env, .gitignore and .pyve/config.
# About: What is already there is kept. Nothing is installed unless you say so.
# About: With the micromamba backend the environment holds what conda-lock.yml, else environment.yml, says; it
# About: is made by micromamba, mamba or conda, or by the built-in engine where there is none of them.
# Option: --python-version VER  Python to use, as 3.12 or 3.12.4
# Option: --backend TYPE   venv, micromamba or auto
# Option: --deps           Install requirements*.txt and the project itself (editable)
# Option: --local-env      Copy ~/.local/.env to .env
# Option: --no-direnv      Do not write .envrc
# Option: --allow          Run direnv allow on the .envrc
# Option: --env-name NAME  Name of the conda environment
# Option: --engine ENGINE  Maker of conda environments: auto, micromamba, mamba, conda or rattler
# Option: --auto-bootstrap  Fetch micromamba when there is none
# Option: --bootstrap-to PLACE  Where to: project or user
# Option: --strict         Stop when conda-lock.yml is missing or stale
# Option: --update         Refresh an existing environment in place, keeping its packages
# Option: --force          Make the environment anew, in place of the existing one
# Option: --allow-synced-dir  Work in a folder that a cloud drive synchronises
# Option: -y, --yes        Take the default answer to every question
# Example: pyve init
# Example: pyve init --python-version 3.12 --deps
# Example: pyve init --no-direnv && pyve run python app.py
# Exit: 0 done or cancelled; 1 nothing was changed, or not all could be done
# States: any -> needs-lock, needs-env, consistent
# Alias: --init -i

cmd_init() {
  local mode venv name backend wish deps_answer=""
  need utils cli backend_detect env_detect python_wish probe interpreter distutils_shim project_lock journal venv_env testenv activation trust project_files
  parse_options "$@" && expect_arguments 1 && check_init_input || return 1
  choose_init_mode || return 1
  [[ $mode != cancel ]] || return 0
  choose_init_backend || return 1
  [[ $mode != cancel ]] || return 0
  if [[ $backend == micromamba ]]; then
    init_conda
    return
  fi
  choose_init_folder && check_project_files || return 1
  lock_project || return 1
  # All of it, or nothing.
  begin_change
  if [[ $mode == update ]]; then
    update_environment || return 1
  else
    make_environment || return 1
  fi
  write_project_files venv "$venv" "$name" "$wish" && make_testenv || return 1
  if [[ $mode == force && -d .pyve/envs ]]; then
    need micromamba_env conda_project
    remove_other_conda_envs "" || return 1
  fi
  commit_change
  tell_next_step
}

# Usage: init_conda
# The rest of init for the conda backend.
init_conda() {
  need micromamba_core micromamba_file micromamba_lock micromamba_env conda_project
  if ((${#ARGS[@]})); then
    fail E_USAGE_ARGUMENT "the folder of a conda environment is not chosen" why "given: ${ARGS[0]}; it is in $CONDA_ENVS" \
      fix "pyve init --env-name ${ARGS[0]#.}"
    return 1
  fi
  config_get micromamba.env_name
  if [[ $mode == update && -n $opt_env_name && -n $REPLY && $opt_env_name != "$REPLY" && -d $CONDA_ENVS/$REPLY ]]; then
    fail E_UPDATE_NAME "Cannot update in-place: the environment is called $REPLY, not $opt_env_name" \
      why "an environment of another name has to be made anew" fix "pyve init --force --env-name $opt_env_name"
    return 1
  fi
  check_project_files || return 1
  prepare_conda "$opt_env_name" "$opt_engine" "$opt_auto_bootstrap" "$opt_bootstrap_to" "$opt_strict" || return 1
  name=$CONDA_NAME venv=$CONDA_ENVS/$CONDA_NAME
  lock_project || return 1
  begin_change
  ensure_conda_env "$mode" && finish_conda_project || return 1
  write_project_files micromamba "$venv" "$name" || return 1
  remove_replaced_environments || return 1
  # Not made before somebody tests: the Python of each conda environment is an interpreter of its own, for
  # which a template would have to be made.
  if [[ $mode == force || ! -x $TESTENV_PATH/bin/python ]]; then
    remove_environment testenv "$PWD/$TESTENV_PATH" || return 1
  fi
  commit_change
  PYTHON=$PWD/$venv/bin/python PYTHON_VERSION=$ENV_PYTHON_VERSION
  answer engine "$CONDA_ENGINE"
  tell_next_step
}

# Usage: remove_replaced_environments
# After --force: removes environments that were made under another name or by the other backend.
remove_replaced_environments() {
  [[ $mode == force ]] || return 0
  remove_other_conda_envs "$CONDA_NAME" || return 1
  config_get venv.directory
  if [[ -n $REPLY && -f $REPLY/pyvenv.cfg && ! -L $REPLY && -f $REPLY/pyve.state ]]; then
    remove_environment venv "$PWD/$REPLY" && log_success "Removed $REPLY"
  fi
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
  if [[ -n $opt_allow && -n $opt_no_direnv ]]; then
    fail E_USAGE_CONFLICT "--allow and --no-direnv exclude each other" \
      why "--allow is about the .envrc that --no-direnv does not write" fix "pyve init --allow"
    return 1
  fi
  if [[ -n $opt_python_version && ! $opt_python_version =~ ^3\.[0-9]+(\.[0-9]+)?$ ]]; then
    need interpreter_advice
    fail E_PYTHON_VERSION_INVALID "'$opt_python_version' is not a Python version" \
      why "expected 3.N or 3.N.N" fix "pyve init --python-version $(print_near_version "$opt_python_version")"
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
      why "PATH uses ':' between folders; this one is $PWD" why "give the folder another name, or take another one"
    return 1
  fi
  case $PWD/ in
    *"/Library/Mobile Documents/"* | *"/Library/CloudStorage/"* | */Dropbox/* | */OneDrive/* | *"/OneDrive - "* | *"/Google Drive/"* | */iCloud*Drive/*)
      if [[ -z $opt_allow_synced_dir && -z ${PYVE_ALLOW_SYNCED_DIR-} ]]; then
        fail E_SYNCED_DIR "this folder is synchronised by a cloud drive" \
          why "it is $PWD; such drives corrupt environments, so better keep the project elsewhere" fix "pyve init --allow-synced-dir"
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
      say 2 plain "" "Force re-initialization: the environment and its packages are removed and made anew."
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
    say 2 plain "" "This project has been initialized already. What would you like to do?"
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
# Sets backend, asking on a terminal when the files speak for both and nobody has said; mode is cancel
# then at the end of input. Status 1 when this version cannot make it, or an update would change it.
choose_init_backend() {
  local recorded status=0
  config_get backend
  recorded=$REPLY
  if on_terminal && is_backend_open "$opt_backend"; then
    say 2 plain "" "$CONDA_FILE speaks for micromamba and $PYTHON_FILE for venv. Which backend should this project have?"
    ask_choice "Choice" 1 "venv" "micromamba" || status=$?
    ((status != 2)) || return 1
    if ((status == 1)); then
      log_info "cancelled; nothing was changed"
      mode=cancel
      return 0
    fi
    # From here on as if it had been given; it is written to the config.
    ((REPLY == 1)) && opt_backend=venv || opt_backend=micromamba
  fi
  find_backend "$opt_backend"
  backend=$REPLY
  if [[ $mode == update && -n $recorded && $recorded != auto && $backend != "$recorded" ]]; then
    fail E_UPDATE_BACKEND "Cannot update in-place: the backend would change from $recorded to $backend" \
      why "the environment has to be made anew" fix "pyve init --force --backend $backend"
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

# Usage: ask_for_requirements
# Sets REQUIREMENTS to what is to be installed: with --deps, or with a yes on a terminal. Asks once.
# REQUIREMENTS_TEXT: the same for a person.
ask_for_requirements() {
  find_requirements
  REQUIREMENTS_TEXT=$REPLY
  if ((${#REQUIREMENTS[@]} == 0)); then
    [[ -z $opt_deps ]] || log_info "there is nothing to install: no requirements*.txt, pyproject.toml or setup.py"
    return 0
  fi
  if [[ -z $opt_deps ]]; then
    if ! on_terminal || [[ $deps_answer == no ]] || ! prompt_yes_no "Install $REPLY into the environment?"; then
      REQUIREMENTS=()
      deps_answer=no
      return 0
    fi
    opt_deps=1
  fi
  log_start "Installing $REQUIREMENTS_TEXT"
}

# Usage: tell_requirements
# Says what was installed.
tell_requirements() {
  ((${#REQUIREMENTS[@]} == 0)) || log_success "Installed $REQUIREMENTS_TEXT"
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
      install_requirements venv "$PWD/$venv" "${REQUIREMENTS[@]}" || return 1
    fi
    tell_requirements
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
  tell_requirements
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
      install_requirements venv "$PWD/$venv" "${REQUIREMENTS[@]}" || return 1
    fi
    tell_requirements
  fi
  log_success "Updated $venv (Python $ENV_PYTHON_VERSION)"
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
  if [[ $deps_answer == no ]]; then
    log_info "Not installed yet: $REQUIREMENTS_TEXT. pyve sync locks and installs what the project asks for"
  fi
  if [[ -n $opt_no_direnv ]]; then
    log_info "Next: pyve shell, or: pyve run python"
  elif ! check_direnv_installed; then
    log_info "direnv is not installed, so .envrc has no effect yet. Next: pyve shell, or: pyve run python"
  elif [[ -n $opt_allow ]]; then
    allow_envrc
  else
    log_info "Next: direnv allow"
  fi
}

# Usage: allow_envrc
# Runs direnv allow on the .envrc that Pyve wrote; one that it did not write is left to the user.
allow_envrc() {
  local out
  if [[ -n $ENVRC_KEPT ]]; then
    warn W_ENVRC_FOREIGN "direnv allow was not run: Pyve did not write this .envrc" \
      why "what is in it is for you to judge" fix "direnv allow"
  elif ! out=$(direnv allow . 2>&1 </dev/null); then
    fail E_DIRENV_ALLOW "direnv allow failed" why "${out##*$'\n'}" fix "direnv allow"
    return 1
  else
    log_success "direnv may load .envrc"
  fi
}
