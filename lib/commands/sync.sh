# Summary: Make the environment equal to the lock
# Group: Dependencies
# Agent: write idempotent destructive network
# Usage: pyve sync [--extra NAME]... [--group NAME]... [--no-dev] [--frozen] [--offline] [--find-links DIR]... [--dry-run]
# Usage: pyve sync [--copy | --no-store]
# Usage: pyve sync --download DIR [--extra NAME]... [--group NAME]... [--no-dev]
# Argument: DIR files
# About: Adds, changes and removes packages until the environment has what pylock.toml says, and verifies the
# About: hash of each file. pip stays, and so do setuptools and wheel where they come with the environment. The
# About: project itself is installed editable, without its dependencies, which the lock has. All of it or nothing:
# About: when something fails, the environment is what it was. One that is missing is made, as by pyve init.
# About: A lock that is missing or stale is made first, as by pyve lock; not with --frozen, and not in CI.
# About: The packages are in a store that all projects share, and the environment leads to them; what pip installs
# About: into it goes on top. store: off in the config makes full environments, and --copy one that later syncs keep so.
# About: conda: an environment that is not what conda-lock.yml says is made anew from it.
# Option: --extra NAME...  Add an extra of the project
# Option: --group NAME...  Add a dependency group
# Option: --no-dev         Leave out the groups that come unasked, such as dev
# Option: --frozen         Never solve: fail when the lock is missing or stale; in CI always
# Option: --locked         Fail when the lock would be changed: that is, when it is missing or stale
# Option: --no-frozen      Make a lock that is missing or stale first, in CI, too
# Option: --offline        Take what is in the cache
# Option: --find-links DIR...  Take the files that the lock names from this folder, or page of links (a URL)
# Option: --download DIR   Fetch what the lock names into DIR, and sync nothing: as pyve prefetch DIR
# Option: --only-binary    Build no package; sync.only_binary of the config says so for always
# Option: --no-build       Build no package, nor the project itself, which is then not installed
# Option: --no-install-project  Do not install the project itself
# Option: --copy           Link all files into the environment, for tools that have to see them there
# Option: --no-store       Make a full environment, without the store
# Option: --dry-run        Say what would be changed, and change nothing
# Example: pyve sync
# Example: pyve sync --group docs --extra postgres
# Example: pyve sync --frozen --offline --find-links ./wheels
# Exit: 0 the environment is what the lock says; 1 nothing was changed
# States: any -> consistent

cmd_sync() {
  local here=$PWD known=""
  local -a words=()
  # In a new worktree or clone (where git has left out .env) the environment may be had at once.
  # (Where pyve.sh has read what can do so, it was tried.)
  if [[ -f .pyve/config && -f pylock.toml && ! -e .venv ]] && ! declare -F sync_at_once >/dev/null; then
    need sync_warm
    ! sync_at_once "$@" || known=1
    watch_ending
    [[ -z $known ]] || return 0
  fi
  need utils cli text files backend_detect venv_lock sync_state frozen
  parse_options "$@" && expect_arguments 0 && choose_frozen || return 1
  if [[ -n $opt_no_dev && $'\n'$opt_group$'\n' == *$'\n'dev$'\n'* ]]; then
    fail E_USAGE_CONFLICT "--no-dev and --group dev exclude each other" fix "pyve sync --group dev"
    return 1
  elif [[ -n $opt_copy && -n $opt_no_store ]]; then
    fail E_USAGE_CONFLICT "--copy and --no-store exclude each other" why "--copy links the files of the store" fix "pyve sync --copy"
    return 1
  fi
  collect_sync_words || return 1
  [[ -z $opt_dry_run ]] || answer_json dry_run true
  find_project || :
  CDPATH="" cd -- "$PROJECT_ROOT" || return 1
  config_load || :
  if [[ -n $opt_download ]]; then
    download_instead "$here"
    return
  fi
  find_backend ""
  if [[ $REPLY == micromamba ]]; then
    need env_detect probe interpreter distutils_shim project_lock venv_env fixes helper conda_sync owner
    check_writers "$PWD" || return 1
    sync_conda
    return
  fi
  find_venv_lock_state
  # What is as it should be is left alone, also by others: no lock is taken.
  if [[ $VENV_LOCK_STATE != current || -L .pyve/lock || -d .pyve/tmp ]] || ! needs_no_sync --default ${words[@]+"${words[@]}"}; then
    need env_detect python_wish probe interpreter distutils_shim project_lock journal venv_env activation trust fixes helper venv_sync
    # (Of what another Pyve works on, or has left half done, nothing is known yet.)
    [[ $VENV_LOCK_STATE != current || -L .pyve/lock || -d .pyve/tmp ]] || known=1
    # (pyve.sh has left it out for the quick ways, which start nothing that the config names.)
    need owner
    check_writers "$PWD" && lock_project && begin_change && refresh_lock "$known" && sync_environment --default ${words[@]+"${words[@]}"} || return 1
    commit_change
  fi
  [[ -z $SYNC_MADE ]] || answer_json made true
  tell_sync "$opt_dry_run"
}

# Usage: collect_sync_words
# Sets words to the options for sync_environment. Status 1, with a diagnostic, for a folder that is not there.
collect_sync_words() {
  local item name
  for name in extra group find_links; do
    item=opt_$name
    while IFS= read -r item; do
      [[ -n $item ]] || continue
      if [[ $name == find_links ]]; then
        item=${item#file://}
        if [[ $item == http://* || $item == https://* ]]; then
          refuse_offline_page "$item" || return 1
          words+=(--find-links "$item")
          continue
        fi
        [[ $item == /* ]] || item=$PWD/$item
        if [[ ! -d $item ]]; then
          quote_word "$item"
          fail E_USAGE_DIRECTORY "--find-links needs a folder" why "$item is none" fix "mkdir -p $REPLY"
          return 1
        fi
      fi
      words+=("--${name//_/-}" "$item")
    done <<<"${!item}"
  done
  [[ -z $opt_no_dev ]] || words+=(--no-dev)
  [[ -z $opt_offline ]] || words+=(--offline)
  [[ -z $opt_only_binary ]] || words+=(--only-binary)
  [[ -z $opt_no_build ]] || words+=(--no-build)
  [[ -z $opt_no_install_project ]] || words+=(--no-install-project)
  [[ -z $opt_copy ]] || words+=(--copy)
  [[ -z $opt_no_store ]] || words+=(--no-store)
  [[ -z $opt_dry_run ]] || words+=(--dry-run)
}

# Usage: refuse_offline_page <URL>
# Status 1, with a diagnostic, when --offline is given, too.
refuse_offline_page() {
  if [[ -n $opt_offline ]]; then
    quote_word "$1"
    fail E_USAGE_CONFLICT "--offline and a page of links exclude each other" why "the page is $1" \
      why "a folder can be given with both; pyve prefetch fills one" fix "pyve sync --find-links $REPLY"
    return 1
  fi
}

# Usage: download_instead <folder called from>
# For --download: fetches what the lock names, in place of syncing.
download_instead() {
  local name
  for name in offline dry_run find_links; do
    name=opt_$name
    if [[ -n ${!name} ]]; then
      name=${name#opt_}
      quote_word "$opt_download"
      fail E_USAGE_CONFLICT "--download and --${name//_/-} exclude each other" why "--download only fills a folder" \
        fix "pyve sync --download $REPLY"
      return 1
    fi
  done
  need prefetch
  find_backend ""
  [[ $opt_download == /* ]] || opt_download=$1/$opt_download
  prefetch_project "$opt_download" "$REPLY"
}
