# Summary: List, install, choose and remove interpreters
# Group: Environment
# Agent: read
# Agent: write install use pin
# Agent: never remove
# Usage: pyve python list [VER] [--available] [--manager NAME]
# Usage: pyve python install [VER]... [--manager NAME] [--mirror URL] [--offline] [--reinstall]
# Usage: pyve python use VER [--no-sync] [--offline] [--frozen | --no-frozen] [--force]
# Usage: pyve python which [VER]
# Usage: pyve python pin [VER]
# Usage: pyve python remove VER [--manager NAME] [--force]
# Argument: list  What asdf, pyenv, mise, uv and the system have, in one table
# Argument: install  Install a version, or the one that the project asks for
# Argument: use  Pin a version, lock anew where the lock is not for it, and make the environment anew
# Argument: which  Print the path of the interpreter of the project, or of a version
# Argument: pin  Write the version into version file and config, or show what is pinned
# Argument: remove  Have the manager remove an interpreter that nothing uses; asks first
# Argument: NAME asdf|pyenv|mise|uv
# About: What installs is the manager in use, the first of asdf, pyenv, mise and uv; where there is none, the uv of Pyve's
# About: own toolchain, which fetches python-build-standalone. Its archives have to have the SHA-256 that is known for
# About: them, also when they come from a mirror: --mirror, UV_PYTHON_INSTALL_MIRROR, or python.mirror in the config.
# About: use is all or nothing: pin, lock and environment stay what they were when one of them fails.
# Option: --available      list: what could be installed, the newest of each series
# Option: --manager NAME   list, install, remove: the version manager to ask, in place of the one in use
# Option: --mirror URL     install: fetch from here, such as file:///srv/pythons (uv)
# Option: --offline        install, use: ask no network
# Option: --reinstall      install: also when it is there already
# Option: --no-sync        use: leave the environment as it is
# Option: --frozen         use: never solve; fail where the lock is not for that Python; in CI always
# Option: --no-frozen      use: lock anew, in CI, too
# Option: --force          use, remove: also when something is lost by that
# Option: -y, --yes        Ask nothing
# Example: pyve python list
# Example: pyve python install 3.13
# Example: pyve python use 3.12
# Exit: 0 done; 1 no such version, or nothing was changed
# States: any -> uninitialized, needs-lock, needs-env, consistent, broken

cmd_python() {
  local word
  need utils cli env_detect python_wish probe interpreter backend_detect text
  parse_options "$@" || return 1
  word=${ARGS[0]-}
  case $word in
    list | install | use | "which" | pin | remove) ;;
    *)
      fail_unknown_word list install use which pin remove
      return
      ;;
  esac
  check_python_words "$word" && check_python_options "$word" || return 1
  find_project || :
  CDPATH="" cd -- "$PROJECT_ROOT" || return 1
  config_load || :
  # shellcheck disable=SC2034 # read by what proposes a command where a Python is missing, and says who asks for one
  PYTHON_ACTION=$word PYTHON_ASKED_BY="pyve python $word"
  answer action "$word"
  # shellcheck disable=SC2034 # for lib/utils.sh: stdout has the table, or the path, only
  [[ $word != list && $word != "which" ]] || PYVE_TALK_FD=2
  case $word in
    list)
      need python_list python_pin
      if [[ -n ${ARGS[1]-} ]]; then
        check_version_word "${ARGS[1]}" || return 1
      fi
      if [[ -n $opt_available ]]; then
        list_installable "${ARGS[1]-}" "$opt_manager"
      else
        list_pythons "${ARGS[1]-}" "$opt_manager"
      fi
      ;;
    install) install_pythons ;;
    use) use_in_project "${ARGS[1]}" ;;
    which) print_python "${ARGS[1]-}" ;;
    pin) pin_python "${ARGS[1]-}" ;;
    remove)
      need python_remove
      remove_python "${ARGS[1]}" "$opt_manager"
      ;;
  esac
}

# Usage: check_python_words <word>
# Status 1, with a diagnostic, when there are too many words, or too few.
check_python_words() {
  if [[ $1 != install ]]; then
    expect_arguments 2 || return 1
  fi
  if [[ ($1 == use || $1 == remove) && -z ${ARGS[1]-} ]]; then
    fail E_USAGE_ARGUMENT "pyve python $1 needs a version" why "as in pyve python $1 3.12; pyve python list shows what is here" \
      fix "pyve python list"
    return 1
  fi
}

# Usage: check_python_options <word>
# Status 1, with a diagnostic, when an option was given that is for another word.
check_python_options() {
  local pair name
  for pair in available:list manager:list,install,remove mirror:install offline:install,use reinstall:install no_sync:use \
    frozen:use no_frozen:use force:use,remove; do
    name=opt_${pair%:*}
    if [[ -n ${!name} && ,${pair#*:}, != *,"$1",* ]]; then
      name=${pair%:*} pair=${pair#*:}
      fail E_USAGE_CONFLICT "--${name//_/-} is for pyve python ${pair//,/, }" why "given: pyve python $1" fix "pyve help python"
      return 1
    fi
  done
  if [[ -n $opt_manager ]]; then
    need python_install
    check_manager_name "$opt_manager"
  fi
}

# Usage: install_pythons
# Installs the versions of ARGS, or what the project asks for. Status 1 after a diagnostic; what was installed before that
# stays.
install_pythons() {
  local wish parts=""
  need python_install python_pin
  # shellcheck disable=SC2034 # for lib/python_install.sh
  PYTHON_MIRROR=$opt_mirror PYTHON_OFFLINE=$opt_offline PYTHON_REINSTALL=$opt_reinstall
  [[ -z $opt_mirror || -n $opt_manager ]] || opt_manager=uv
  choose_installer "$opt_manager" && check_installer "" || return 1
  [[ $VERSION_MANAGER != uv ]] || choose_mirror || return 1
  ARGS=("${ARGS[@]:1}")
  if ((${#ARGS[@]} == 0)); then
    choose_wished_version || return 1
    ARGS=("$REPLY")
  fi
  for wish in "${ARGS[@]}"; do
    check_version_word "$wish" || return 1
  done
  for wish in "${ARGS[@]}"; do
    install_one "$wish" || return 1
  done
  answer manager "$VERSION_MANAGER"
  answer_json installed "[$parts]"
}

# Usage: install_one <version>
# For install_pythons: installs it, unless it is there. Adds it to parts, of its caller.
install_one() {
  local new=true wish=$1 PYTHON_REINSTALL=$opt_reinstall
  [[ $VERSION_MANAGER != asdf ]] || mend_asdf_pythons
  if [[ -z $opt_reinstall ]] && is_python_version_installed "$wish"; then
    # (What is there, not another release of the series.)
    wish=$FOUND_VERSION
    if ! probe_interpreter "$REPLY"; then
      PYTHON_REINSTALL=1
    elif ! version_matches "$wish" "$PYTHON_VERSION"; then
      # shellcheck disable=SC2034 # for lib/python_install.sh
      REPLY="it says it is Python $PYTHON_VERSION" PYTHON_REINSTALL=1
    else
      new=false
    fi
    [[ $new == false ]] || log_info "The Python $wish that is there is made anew: $REPLY"
  fi
  if [[ $new == false ]]; then
    log_success "Python $PYTHON_VERSION is there already ($VERSION_MANAGER: $PYTHON)"
  else
    install_python_version "$wish" && probe_installed "$REPLY" || return 1
    log_success "Installed Python $PYTHON_VERSION ($VERSION_MANAGER: $PYTHON)"
  fi
  [[ -n $PYVE_JSON ]] || return 0
  json_string "$PYTHON"
  parts+="${parts:+, }{\"version\": \"$PYTHON_VERSION\", \"path\": $REPLY, \"new\": $new}"
}

# Usage: probe_installed <interpreter>
# Status 1, after E_PYTHON_BROKEN, when what was just installed does not work.
probe_installed() {
  probe_interpreter "$1" ||
    fail E_PYTHON_BROKEN "Python was installed, but cannot be used" why "$1: $REPLY" fix "pyve python list"
}

# Usage: choose_wished_version
# Sets REPLY to the version that the project asks for; without a wish to the default, or the newest that the manager has.
# Status 1 after a diagnostic.
choose_wished_version() {
  resolve_python_wish || return 1
  REPLY=$PYTHON_WISH
  case $PYTHON_WISH_KIND in
    version) return 0 ;;
    name | path)
      fail E_PYTHON_VERSION_INVALID "what this project asks for is here, and no version: $PYTHON_WISH" \
        why "$PYTHON_WISH_SOURCE asks for it" fix "pyve python which"
      return 1
      ;;
  esac
  _pick_installable "$PYTHON_WISH" || return 1
  [[ -n $REPLY ]] || fail E_PYTHON_INSTALL "$VERSION_MANAGER can install no stable Python that satisfies '$PYTHON_WISH'" \
    why "its list may be old" fix "pyve python list --available"
}

# Usage: refuse_conda <version>
# Status 1, after E_USAGE_CONFLICT, in a project of the conda backend.
refuse_conda() {
  find_backend ""
  [[ $REPLY == micromamba ]] || return 0
  quote_word "python=$1"
  fail E_USAGE_CONFLICT "the Python of a conda environment is one of its packages" why "this project has the backend micromamba" \
    fix "pyve add $REPLY"
}

# Usage: use_in_project <version>
# pyve python use.
use_in_project() {
  need python_pin
  check_pin_wish "$1" && refuse_conda "$1" || return 1
  need frozen env_file activation trust fixes helper python_use owner
  choose_frozen && check_writers "$PWD" && use_python "$1"
}

# Usage: print_python [version]
# pyve python which. Installs nothing.
print_python() {
  local from environment
  need python_list
  find_environment_python
  environment=$REPLY
  if [[ -z ${1-} && -n $environment ]]; then
    if ! probe_interpreter "$environment"; then
      need venv_env fixes
      fail_environment "$PWD" "${environment%/bin/python}"
      return 1
    fi
    find_manager_of "$PYTHON"
    PYTHON_MANAGER=$REPLY from="the environment of this project"
  else
    if [[ -z ${1-} ]] && find_backend "" && [[ $REPLY == micromamba ]]; then
      need venv_env fixes
      config_get micromamba.env_name
      fail_environment "$PWD" "$PWD/.pyve/envs/${REPLY:-${PWD##*/}}"
      return 1
    fi
    find_wished_python "${1-}" || return 1
    from=$PYTHON_SOURCE
  fi
  answer version "$PYTHON_VERSION"
  answer path "$PYTHON"
  answer manager "$PYTHON_MANAGER"
  answer source "$from"
  log_verbose "Python $PYTHON_VERSION ($PYTHON_MANAGER), from $from"
  [[ -n $PYVE_JSON ]] || print_text "$PYTHON"$'\n'
}

# Usage: pin_python [version]
# pyve python pin: pins it, whether it is installed or not; without one, shows the pin.
pin_python() {
  local version=$1 manager
  need python_pin project_lock journal
  if [[ -z $version ]]; then
    show_pin
    return
  fi
  check_pin_wish "$version" && refuse_conda "$version" || return 1
  detect_version_manager || :
  # As version managers understand it: the release that is here.
  if (find_wished_python "$version") >/dev/null 2>&1; then
    find_wished_python "$version" || return 1
    version=$PYTHON_VERSION manager=$PYTHON_MANAGER
  else
    manager=${VERSION_MANAGER:-system}
    log_info "Python $version is not here: pyve python install"
  fi
  # (It warns where requires-python excludes it.)
  resolve_python_wish "$version" && lock_project || return 1
  begin_change
  write_pin "$version" "$1" "$manager" && commit_change || return 1
  answer version "$version"
  if [[ -n $PYVE_JSON ]]; then
    json_list "${PIN_FILES[@]}"
    answer_json files "$REPLY"
  fi
  log_success "Pinned Python $version in ${PIN_FILES[*]}"
  tell_other_environment "$version"
}

# Usage: tell_other_environment <version>
# Says so where the environment has another Python.
tell_other_environment() {
  declare -F find_environment_python >/dev/null || need python_list
  find_environment_python
  if [[ -n $REPLY ]] && { ! probe_interpreter "$REPLY" || ! version_matches "$1" "$PYTHON_VERSION"; }; then
    log_info "The environment still has its own Python. To make it anew: pyve python use $1"
  fi
}
