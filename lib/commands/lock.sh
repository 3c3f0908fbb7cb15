# Summary: Write the lock of the project, or say whether it is current
# Group: Dependencies
# Agent: write idempotent network
# Usage: pyve lock [--upgrade [NAME]...] [--platform PLATFORM]... [--offline]
# Usage: pyve lock [--exclude-newer WHEN] [--pre] [--index URL]...
# Usage: pyve lock [--engine ENGINE]
# Usage: pyve lock --check
# Usage: pyve lock --script FILE [--check] [--upgrade [NAME]...]
# Usage: pyve lock diff [OLD] [--markdown]
# Argument: diff  Show what changed in the lock, compared with OLD: a revision of git (default: HEAD), or a file
# Argument: OLD files
# Argument: FILE files
# Argument: ENGINE auto|uv|pip|micromamba|mamba|conda|rattler
# Argument: PLATFORM linux-64|linux-aarch64|osx-64|osx-arm64
# About: With the venv backend: solves what pyproject.toml, requirements.in or requirements.txt asks for, for all
# About: platforms and Pythons at once, and writes pylock.toml (PEP 751), which pip and uv install, too. With the
# About: conda backend: solves environment.yml for every platform, and writes conda-lock.yml. Platforms: those given,
# About: else lock.platforms of the config, else those of the lock that is there, else all of them (conda: this
# About: machine's). lock.python limits the Pythons, and lock.cooldown is an --exclude-newer for every time. What is
# About: locked and still fits stays as it is, also of both sides of a lock in which git left conflict marks.
# About: A script with inline metadata (PEP 723) has a lock of its own, FILE.lock, which pyve run takes as it is.
# About: Engine of a venv project: --engine, else lock.engine of the config, else uv, and pip where there is no uv. pip
# About: locks for this machine and the Python of the project only, and the lock says so.
# Option: --platform PLATFORM...  Platform to lock, such as linux-64 or osx-arm64
# Option: --upgrade        Let the packages named, or all, move to their newest allowed versions
# Option: --script FILE    Lock what a script asks for, into FILE.lock
# Option: --check          Compare only; write nothing; ask no network
# Option: --exclude-newer WHEN  Nothing uploaded after a date, or for less than a time such as 7d (venv)
# Option: --pre            Versions before a release are welcome (venv)
# Option: --index URL...   A further index, asked first, for this time (venv)
# Option: --engine ENGINE  Solver: auto, uv or pip (venv); auto, micromamba, mamba, conda or rattler (conda)
# Option: --offline        Take what is in the cache
# Option: --markdown       diff: as a table for a pull request
# Example: pyve lock --platform linux-64 --platform osx-arm64
# Example: pyve lock --upgrade requests
# Example: pyve lock --check
# Example: pyve lock --script job.py
# Example: pyve lock diff origin/main --markdown
# Exit: 0 current or written; 1 stale, missing, or it cannot be solved
# States: any -> uninitialized, needs-env, consistent, broken

cmd_lock() {
  local name word
  local -a words=() given=()
  need utils cli text backend_detect
  # (--upgrade=NAME is how a value is written elsewhere.)
  for word; do
    case $word in
      --upgrade=?*) given+=(--upgrade "${word#*=}") ;;
      *) given+=("$word") ;;
    esac
  done
  parse_options ${given[@]+"${given[@]}"} || return 1
  if [[ ${ARGS[0]-} == diff && -z $opt_upgrade ]]; then
    need lock_diff
    lock_diff ${ARGS[1]+"${ARGS[@]:1}"}
    return
  fi
  if [[ -z $opt_upgrade ]]; then
    expect_arguments 0 || return 1
  elif [[ -n $opt_check ]]; then
    fail E_USAGE_CONFLICT "--check and --upgrade exclude each other" why "--check writes nothing" fix "pyve lock --check"
    return 1
  fi
  if [[ -n $opt_markdown ]]; then
    fail E_USAGE_CONFLICT "--markdown is for pyve lock diff" why "the lock itself is always TOML or YAML" fix "pyve lock diff --markdown"
    return 1
  fi
  if [[ -n $opt_script ]]; then
    collect_lock_words
    need script_lock
    lock_script "$opt_script"
    return
  fi
  find_project || :
  CDPATH="" cd -- "$PROJECT_ROOT" || return 1
  config_load || :
  find_backend ""
  if [[ $REPLY == micromamba ]]; then
    need conda_lock
    lock_conda
  else
    lock_venv
  fi
}

# Usage: lock_venv
# For projects of the venv backend: pylock.toml.
lock_venv() {
  need venv_lock
  collect_lock_words
  if [[ -n $opt_check ]]; then
    check_venv_lock
  else
    make_venv_lock
  fi
}

# Usage: collect_lock_words
# Sets words to what the options say to helpers/lock_packages.py.
collect_lock_words() {
  local line option
  for option in platform index; do
    line=opt_$option
    while IFS= read -r line; do
      [[ -z $line ]] || words+=("--$option" "$line")
    done <<<"${!line}"
  done
  [[ -z $opt_exclude_newer ]] || words+=(--exclude-newer "$opt_exclude_newer")
  [[ -z $opt_pre ]] || words+=(--pre)
  [[ -z $opt_engine ]] || words+=(--engine "$opt_engine")
  [[ -z $opt_check ]] || return 0
  [[ -z $opt_offline ]] || words+=(--offline)
  if [[ -n $opt_upgrade ]]; then
    ((${#ARGS[@]})) || words+=(--upgrade-all)
    for name in ${ARGS[@]+"${ARGS[@]}"}; do
      words+=(--upgrade "$name")
    done
  fi
}

# Usage: check_venv_lock
# Says whether pylock.toml is current. Status 1, with a diagnostic, when it is not.
check_venv_lock() {
  local again
  quote_words pyve lock ${words[@]+"${words[@]}"}
  again=$REPLY
  judge_venv_lock ${words[@]+"${words[@]}"} || return 1
  tell_lock_state "$again"
}

# Usage: tell_lock_state <command that makes it anew>
# Gives VENV_LOCK_STATE and VENV_LOCK_WHYS. Status 1, with a diagnostic, unless the lock is current.
tell_lock_state() {
  local again=$1 why
  answer status "${VENV_LOCK_STATE/none/missing}"
  set --
  for why in ${VENV_LOCK_WHYS[@]+"${VENV_LOCK_WHYS[@]}"}; do
    set -- "$@" why "$why"
  done
  case $VENV_LOCK_STATE in
    current) log_success "$VENV_LOCK is current" ;;
    none)
      fail E_LOCK_MISSING "there is no $VENV_LOCK" "$@" fix "$again"
      return 1
      ;;
    *)
      fail E_LOCK_STALE "$VENV_LOCK is stale" "$@" fix "$again"
      return 1
      ;;
  esac
}

# Usage: make_venv_lock
# Writes pylock.toml, and says what has changed.
make_venv_lock() {
  if is_venv_lock_kept ${words[@]+"${words[@]}"}; then
    VENV_LOCK_CHANGED="" VENV_LOCK_CHANGES=()
  else
    need venv_lock_write
    write_venv_lock ${words[@]+"${words[@]}"} || return 1
  fi
  tell_made_lock "$PWD/$VENV_LOCK"
}

# Usage: tell_made_lock <path>
# Gives what was found or written, VENV_LOCK_*.
tell_made_lock() {
  local line
  answer file "$1"
  if [[ -n $PYVE_JSON ]]; then
    # shellcheck disable=SC2086 # words
    json_list $VENV_LOCK_PLATFORMS
    answer_json platforms "$REPLY"
    # shellcheck disable=SC2153 # of write_venv_lock
    json_list ${VENV_LOCK_CHANGES[@]+"${VENV_LOCK_CHANGES[@]}"}
    answer_json changes "$REPLY"
  fi
  if [[ -z $VENV_LOCK_CHANGED ]]; then
    answer_json changed false
    log_success "$VENV_LOCK is current and stays as it is"
    return 0
  fi
  answer_json changed true
  if [[ -z $VENV_LOCK_FIRST ]]; then
    for line in ${VENV_LOCK_CHANGES[@]+"${VENV_LOCK_CHANGES[@]}"}; do
      log_info "$line"
    done
  else
    VENV_LOCK_COUNT=""
  fi
  count_things "$VENV_LOCK_PACKAGES" package
  log_success "Wrote $VENV_LOCK ($REPLY${VENV_LOCK_COUNT:+: $VENV_LOCK_COUNT})"
}
