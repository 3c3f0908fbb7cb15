# Summary: Make, fill or remove the environment of the test runner
# Group: Scripts and tools
# Agent: write idempotent destructive network
# Usage: pyve testenv --init | --install [-r FILE | PACKAGE...] | --purge
# Argument: PACKAGE packages
# About: Test tools live in an environment of their own, .pyve/testenv/venv, on top of the
# About: project's packages. It has the project's interpreter, and is made anew when that changes.
# Option: --init           Make it, if it is not there
# Option: --install        Install pytest, the requirements given with -r, or what is named
# Option: -r, --requirement FILE  Requirements file for --install
# Option: --purge          Remove it
# Example: pyve testenv --install -r requirements-dev.txt
# Example: pyve testenv --install pytest-xdist
# Exit: 0 done; 1 failed
# States: any -> the same

cmd_testenv() {
  local action word
  need utils cli env_detect python_wish probe interpreter distutils_shim project_lock journal venv_env testenv
  parse_options "$@" || return 1
  if [[ -z $opt_init$opt_install$opt_purge ]]; then
    case ${ARGS[0]-} in
      init | install | purge)
        printf -v "opt_${ARGS[0]}" 1
        ARGS=(${ARGS[1]+"${ARGS[@]:1}"})
        ;;
    esac
  fi
  [[ -n $opt_install && -z $opt_requirement ]] || expect_arguments 0 || return 1
  for word in ${ARGS[@]+"${ARGS[@]}"}; do
    # (pip would take it for an option.)
    if [[ $word == -* ]]; then
      fail E_USAGE_ARGUMENT "pyve testenv does not know what to do with '$word'" why "it is no package" fix "pyve testenv --install"
      return 1
    fi
  done
  [[ -n ${ARGS[0]-} ]] || ARGS=(pytest)
  action=${opt_init:+init}${opt_install:+install}${opt_purge:+purge}
  case $action in
    init | install | purge) ;;
    *)
      fail E_USAGE_CONFLICT "pyve testenv needs one of --init, --install and --purge" fix "pyve testenv --init"
      return 1
      ;;
  esac
  if [[ -n $opt_requirement && $action != install ]]; then
    quote_word "$opt_requirement"
    fail E_USAGE_CONFLICT "-r goes with --install" why "given: --$action -r $REPLY" fix "pyve testenv --install -r $REPLY"
    return 1
  fi
  if [[ -n $opt_requirement ]]; then
    [[ $opt_requirement == /* ]] || opt_requirement=$PWD/$opt_requirement
    if [[ ! -f $opt_requirement ]]; then
      fail_no_requirements "$opt_requirement"
      return 1
    fi
  fi
  find_project || :
  CDPATH="" cd -- "$PROJECT_ROOT" || return 1
  answer action "$action"
  answer environment "$PWD/.pyve/$TESTENV_DIR_NAME/venv"
  if [[ $action == purge ]]; then
    if [[ ! -d .pyve/$TESTENV_DIR_NAME ]]; then
      log_info "there is no test environment"
      return 0
    fi
    lock_project && remove_environment testenv "$PWD/.pyve/$TESTENV_DIR_NAME" && log_success "Removed the test environment"
    return
  fi
  find_tested_environment && lock_project || return 1
  # (Its line that leads to the project's packages is written when it is in its place.)
  begin_change
  ensure_testenv "$ENVIRONMENT" || return 1
  commit_change
  if [[ $action == install ]]; then
    if [[ -n $opt_requirement ]]; then
      install_in_testenv -r "$opt_requirement" || return 1
      log_success "Installed ${opt_requirement##*/} into the test environment"
    else
      install_in_testenv "${ARGS[@]}" || return 1
      log_success "Installed ${ARGS[*]} into the test environment"
    fi
  else
    log_success "The test environment is there: $TESTENV_PATH"
  fi
}

# Usage: fail_no_requirements <file>
# Says that there is no such requirements file, and which one may be meant. Status 1.
fail_no_requirements() {
  local folder=${1%/*} file
  local -a names=()
  for file in "$folder"/*.txt "$folder"/*.in; do
    [[ ! -f $file ]] || names+=("${file##*/}")
  done
  suggest "${1##*/}" ${names[@]+"${names[@]}"}
  if [[ -n $REPLY ]]; then
    file=$REPLY
    [[ $folder == "$PWD" ]] || file=$folder/$file
    quote_word "$file"
    fail E_FILE_MISSING "there is no file $1" why "did you mean $file?" fix "pyve testenv --install -r $REPLY"
  else
    fail E_FILE_MISSING "there is no file $1" why "pyve testenv --install without -r installs pytest" fix "pyve testenv --install"
  fi
}
