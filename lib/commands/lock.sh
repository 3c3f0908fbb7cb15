# Summary: Write conda-lock.yml, or say whether it is current
# Group: Dependencies
# Agent: write idempotent network
# Usage: pyve lock [--platform PLATFORM]... [--upgrade NAME]... [--engine ENGINE] [--offline]
# Usage: pyve lock --check
# Argument: ENGINE auto|micromamba|mamba|conda|rattler
# Argument: PLATFORM linux-64|linux-aarch64|osx-64|osx-arm64
# About: For projects of the conda backend: solves environment.yml for every platform and writes the lock in
# About: conda-lock's format, version 1. Platforms: those given, else lock.platforms of the config, else those
# About: of the lock that is there, else this machine's. What is locked and current stays as it is.
# Option: --platform PLATFORM...  Platform to lock, such as linux-64 or osx-arm64
# Option: --upgrade NAME...  Let NAME move to its newest allowed version
# Option: --check          Compare only; write nothing; ask no network
# Option: --engine ENGINE  Solver: auto, micromamba, mamba, conda or rattler
# Option: --offline        Take what is in the cache
# Example: pyve lock --platform linux-64 --platform osx-arm64
# Example: pyve lock --check
# Exit: 0 current or written; 1 stale, missing, or it cannot be solved
# States: any -> the same

cmd_lock() {
  local platform name lock
  local -a platforms=() words=()
  need utils cli text backend_detect micromamba_core micromamba_file conda_engine project_lock fixes
  parse_options "$@" && expect_arguments 0 || return 1
  find_project || :
  CDPATH="" cd -- "$PROJECT_ROOT" || return 1
  config_load || :
  find_backend ""
  if [[ $REPLY != micromamba ]]; then
    fail E_BACKEND_UNSUPPORTED "this version of Pyve locks conda projects only" why "this one is for the backend $REPLY" \
      why "a project is one for conda when it has an environment.yml, or 'backend: micromamba' in .pyve/config"
    return 1
  fi
  find_environment_files || :
  if [[ -z $CONDA_MANIFEST ]]; then
    quote_word "$PWD/environment.yml"
    # (One line, because a list in brackets is YAML, too.)
    quote_word "printf '%s\n' 'channels: [conda-forge]' 'dependencies: [python]' >$REPLY"
    fail E_ENV_FILE_MISSING "there is no environment.yml to lock" why "in $PWD" fix "sh -c $REPLY"
    return 1
  fi
  lock=${CONDA_LOCK:-conda-lock.yml}
  choose_platforms "$lock" || return 1
  for platform in "${platforms[@]}"; do
    words+=(--platform "$platform")
  done
  if [[ -n $opt_check ]]; then
    check_lock "$lock"
    return
  fi
  while IFS= read -r name; do
    [[ -z $name ]] || words+=(--upgrade "$name")
  done <<<"$opt_upgrade"
  [[ -z $opt_offline ]] || words+=(--offline)
  write_lock "$lock"
}

# Usage: choose_platforms <lock>
# Sets platforms.
choose_platforms() {
  local list=$opt_platform
  if [[ -z $list ]]; then
    config_get lock.platforms
    list=$REPLY
  fi
  if [[ -z $list && -f $1 ]]; then
    call_helper base environment_file lock --file "$1" || return 1
    get_helper_values platforms
    platforms=(${HELPER_FOUND[@]+"${HELPER_FOUND[@]}"})
  fi
  while IFS= read -r platform; do
    # (A list in one line of the config: [linux-64, osx-arm64].)
    platform=${platform//[][,\"\']/ }
    for platform in $platform; do
      if [[ ! $platform =~ ^[a-z0-9]+-[a-z0-9_]+$ ]]; then
        find_conda_platform || REPLY=linux-64
        fail E_PLATFORM "'$platform' is not a platform" why "conda's names are such as linux-64, linux-aarch64, osx-64 and osx-arm64" \
          fix "pyve lock --platform $REPLY"
        return 1
      fi
      platforms+=("$platform")
    done
  done <<<"$list"
  if ((${#platforms[@]} == 0)); then
    need_conda_platform || return 1
    platforms=("$REPLY")
  fi
}

# Usage: check_lock <lock>
# Says whether the lock is current. Status 1, with a diagnostic, when it is not.
check_lock() {
  local why again="pyve lock" platform
  # What is compared is what is to be written.
  while IFS= read -r platform; do
    [[ -z $platform ]] || again+=" --platform $platform"
  done <<<"$opt_platform"
  call_helper conda-lock conda_lock_file lock --file "$CONDA_MANIFEST" "${words[@]}" --engine rattler --output "$1" --check || return 1
  get_helper_value status || :
  answer status "$REPLY"
  case $REPLY in
    current)
      log_success "$1 is current"
      return 0
      ;;
    missing)
      fail E_LOCK_MISSING "there is no $1" why "$CONDA_MANIFEST has not been locked yet" fix "$again"
      return 1
      ;;
  esac
  get_helper_values why
  set --
  for why in ${HELPER_FOUND[@]+"${HELPER_FOUND[@]}"}; do
    set -- "$@" why "$why"
  done
  fail E_LOCK_STALE "$lock is stale" "$@" fix "$again"
}

# Usage: write_lock <lock>
# Solves and writes.
write_lock() {
  local file=.pyve/tmp/lock.$$ status=0 engine item
  choose_engine "$opt_engine" || return 1
  engine=${CONDA_ENGINE_PATH:-rattler}
  lock_project && mkdir -p .pyve/tmp || return 1
  prepare_helper conda-lock conda_lock_file --answer "$file" lock --file "$CONDA_MANIFEST" "${words[@]}" --engine "$engine" --output "$1" || return 1
  run_long "Locking for ${platforms[*]}" read_engine_line "${HELPER_COMMAND[@]}" || status=$?
  take_helper_answer "$status" "$file" || return 1
  tell_helper_warnings
  get_helper_values upgraded
  for item in ${HELPER_FOUND[@]+"${HELPER_FOUND[@]}"}; do
    log_info "$item"
  done
  answer file "$PWD/$1"
  if [[ -n $PYVE_JSON ]]; then
    json_list "${platforms[@]}"
    answer_json platforms "$REPLY"
  fi
  get_helper_value changed || :
  if [[ -n $REPLY ]]; then
    answer_json changed true
    log_success "Wrote $1 (${platforms[*]})"
  else
    answer_json changed false
    log_success "$1 is current and stays as it is"
  fi
}
