# Summary: Remove what Pyve made in the project
# Group: Environment
# Usage: pyve purge [VENV_DIR] [--keep-testenv]
# About: Removes the environment, the test environment, .pyve, the .envrc and the version file that
# About: Pyve wrote, and .env when it is empty. What was changed or not made by Pyve stays.
# Option: --keep-testenv   Keep the environment of the test runner
# Option: -y, --yes        Ask nothing
# Example: pyve purge --keep-testenv
# Exit: 0 removed, or there was nothing; 1 nothing was removed
# States: any -> uninitialized
# Alias: --purge -p

cmd_purge() {
  local venv
  need utils cli project_lock journal venv_env trust
  parse_options "$@" && expect_arguments 1 || return 1
  config_load || :
  config_get venv.directory
  venv=${ARGS[0]-${REPLY:-$DEFAULT_VENV_DIR}}
  answer project "$PWD"
  validate_venv_dir_name "$venv" || return 1
  if [[ ! -d .pyve && ! -f $venv/pyvenv.cfg && (${#ARGS[@]} == 0 || ! -e $venv) ]]; then
    answer_json removed false
    log_info "nothing to remove: $PWD has no .pyve and no $venv"
    return 0
  fi
  check_purge "$venv" && lock_project || return 1
  # All of it goes, or nothing.
  begin_change
  remove_environment venv "$PWD/$venv" || return 1
  purge_written_files || return 1
  purge_gitignore "$venv" || return 1
  purge_pyve_folder || return 1
  commit_change
  (distrust_project "$PWD") 2>/dev/null || :
  answer_json removed true
  log_success "Removed Pyve from this project"
}

# Usage: check_purge <venv directory>
# Checks everything that could go wrong before anything is removed.
check_purge() {
  if [[ -e $1 && ! -L $1 && ! -f $1/pyvenv.cfg ]]; then
    fail E_VENV_FOREIGN "$1 is not an environment, so it is not removed" \
      why "it has no pyvenv.cfg; nothing else was removed either" fix "pyve purge .venv"
    return 1
  fi
  if [[ ! -w . || (-d .pyve && ! -w .pyve) ]]; then
    fail E_FILE_WRITE "cannot remove anything in $PWD" why "no permission to write, or the file system is read-only" fix "chmod u+w ."
    return 1
  fi
}

# Usage: purge_written_files
# Removes the files that Pyve wrote and nobody changed; says what is kept, and why.
purge_written_files() {
  local file
  for file in .envrc .tool-versions .python-version; do
    [[ -e $file || -L $file ]] || continue
    if is_made "$file"; then
      take_away "$file" || return 1
      log_success "Removed $file"
    else
      log_info "Kept $file: $REPLY"
    fi
  done
  if [[ -e $ENV_FILE_NAME ]]; then
    if [[ -f $ENV_FILE_NAME && ! -L $ENV_FILE_NAME ]] && is_file_empty "$ENV_FILE_NAME"; then
      take_away "$ENV_FILE_NAME" || return 1
    else
      log_info "Kept $ENV_FILE_NAME: it is not empty"
    fi
  fi
}

# Usage: purge_gitignore <venv directory>
# Takes the lines about files that are gone out of .gitignore.
purge_gitignore() {
  local pattern
  [[ -f .gitignore ]] || return 0
  for pattern in "$1" "$ENV_FILE_NAME" .envrc; do
    if [[ ! -e $pattern ]]; then
      remove_pattern_from_gitignore "$pattern" || return 1
    fi
  done
}

# Usage: purge_pyve_folder
# Removes what Pyve keeps in .pyve; anything else in there stays.
purge_pyve_folder() {
  local left
  # (The log of pyve mcp, helpers/pyve_mcp/journal.py, too.)
  for left in .pyve/config "$MADE_RECORD" .pyve/mcp.jsonl .pyve/mcp.old.jsonl .pyve/envs .pyve/bin; do
    take_away "$left" || return 1
  done
  if [[ -n $opt_keep_testenv ]]; then
    log_info "Kept the test environment"
  else
    remove_environment testenv "$PWD/.pyve/$TESTENV_DIR_NAME" || return 1
  fi
  for left in .pyve/* .pyve/.[!.]*; do
    case $left in
      ".pyve/*" | ".pyve/.[!.]*" | .pyve/lock | .pyve/tmp | ".pyve/$TESTENV_DIR_NAME") ;;
      *) log_info "Kept $left: Pyve did not make it" ;;
    esac
  done
}
