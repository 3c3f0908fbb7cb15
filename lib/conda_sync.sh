# shellcheck shell=bash
# `pyve sync` for the conda backend: an environment that is not what conda-lock.yml says is made anew from it.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/conda_sync.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F prepare_conda >/dev/null || . "${BASH_SOURCE[0]%/*}/conda_project.sh"
declare -F begin_change >/dev/null || . "${BASH_SOURCE[0]%/*}/journal.sh"
declare -F lock_conda >/dev/null || . "${BASH_SOURCE[0]%/*}/conda_lock.sh"
declare -F ensure_toolchain >/dev/null || . "${BASH_SOURCE[0]%/*}/toolchain.sh"
declare -F find_lock_state >/dev/null || . "${BASH_SOURCE[0]%/*}/micromamba_lock.sh"
declare -F compare_with_conda_lock >/dev/null || . "${BASH_SOURCE[0]%/*}/locked.sh"

# Usage: sync_conda
# In the root of a project of the conda backend, with the options of `pyve sync` parsed.
sync_conda() {
  local line place
  need micromamba_core micromamba_file micromamba_lock micromamba_env project_state
  refuse_venv_options && choose_conda_archives || return 1
  # Lock, environment and config change together.
  begin_change
  refresh_conda_lock || return 1
  prepare_conda "" "" "" "" "$opt_frozen" || return 1
  place=$CONDA_ENVS/$CONDA_NAME
  answer environment "$PWD/$place"
  lock_project || return 1
  DRIFT=()
  if [[ ! -d $place ]]; then
    DRIFT=("$place is not there")
  elif ! inspect_conda_env "$CONDA_NAME"; then
    DRIFT=("$REPLY")
  elif ! compare_with_conda_lock "$place"; then
    fail E_LOCK_FILE "nothing for this machine was found in $CONDA_LOCK" why "it may be damaged" fix "pyve lock"
    return 1
  fi
  load_json
  json_list ${DRIFT[@]+"${DRIFT[@]}"}
  answer_json drift "$REPLY"
  if ((${#DRIFT[@]} == 0)); then
    [[ -n $opt_dry_run ]] || note_conda_lock "$place" || return 1
    [[ $PYVE_COMMAND != sync ]] || commit_change
    log_success "The environment is what $CONDA_LOCK says"
    return 0
  fi
  for line in "${DRIFT[@]}"; do
    log_info "$line"
  done
  if [[ -n $opt_dry_run ]]; then
    count_things "${#DRIFT[@]}" difference
    log_success "Would make $place anew from $CONDA_LOCK ($REPLY)"
    return 0
  fi
  log_info "A conda environment is not changed in place: it is made anew from $CONDA_LOCK, as by pyve init --force"
  ensure_conda_env force && finish_conda_project || return 1
  config_set pyve_version "$VERSION" backend micromamba micromamba.env_name "$CONDA_NAME" || return 1
  [[ $PYVE_COMMAND != sync ]] || commit_change
  log_success "Synced $place with $CONDA_LOCK"
}

# Usage: refresh_conda_lock
# Sees that conda-lock.yml is current: makes it, or, with opt_frozen and opt_dry_run, says that it is not. Status 1 after
# a diagnostic.
refresh_conda_lock() {
  local state
  find_lock_state
  if [[ $REPLY == stale && -z $LOCK_STATUS ]]; then
    # (The times of the files say nothing after a git checkout.)
    ensure_toolchain base || return 1
    find_lock_state
  fi
  state=$REPLY
  case $state in
    current | alone) return 0 ;;
    none)
      fail_no_environment_file "there is neither a conda-lock.yml nor an environment.yml"
      return 1
      ;;
  esac
  if [[ -z $opt_frozen && -z ${opt_dry_run-} ]]; then
    log_verbose "conda-lock.yml is ${state/missing/not there}; it is made first"
    lock_project && lock_conda_quietly && find_environment_files
    return
  fi
  if [[ $state == missing ]]; then
    fail E_LOCK_MISSING "there is no conda-lock.yml" why "in $PWD" ${FROZEN_WHY:+why "$FROZEN_WHY"} fix "pyve lock"
  else
    fail E_LOCK_STALE "$CONDA_LOCK is stale" why "$CONDA_MANIFEST was changed after it" ${FROZEN_WHY:+why "$FROZEN_WHY"} \
      fix "pyve lock"
  fi
}

# Usage: note_conda_lock <environment>
# Records that the environment is what CONDA_LOCK says, when it was made from something else. Status 1 after a diagnostic.
note_conda_lock() {
  local made digest CONDA_ENGINE CONDA_ENGINE_VERSION
  get_environment_state "$1" file
  made=$REPLY
  get_environment_state "$1" file_sha256
  digest=$REPLY
  get_environment_state "$1" engine
  CONDA_ENGINE=$REPLY
  get_environment_state "$1" engine_version
  CONDA_ENGINE_VERSION=$REPLY
  if sha256_of_file "$CONDA_LOCK" && [[ $made == "$CONDA_LOCK" && $digest == "$REPLY" ]]; then
    return 0
  fi
  if ! write_conda_state "$PWD/$1" "$CONDA_LOCK"; then
    fail E_FILE_WRITE "cannot write $1/pyve.state" why "no permission, or the disk is full"
    return 1
  fi
}

# Usage: choose_conda_archives
# Sets CONDA_OFFLINE, and CONDA_ARCHIVES to the folders of --find-links. Status 1, with a diagnostic, for a URL.
choose_conda_archives() {
  local i
  CONDA_ARCHIVES=() CONDA_OFFLINE=$opt_offline
  [[ -n $opt_find_links ]] || return 0
  for ((i = 0; i < ${#words[@]}; i++)); do
    [[ ${words[i]} == --find-links ]] || continue
    if [[ ${words[i + 1]} != /* ]]; then
      fail E_USAGE_DIRECTORY "--find-links needs a folder" why "archives of conda are taken from a folder that pyve prefetch has filled" \
        why "given: ${words[i + 1]}" fix "pyve sync"
      return 1
    fi
    CONDA_ARCHIVES+=("${words[i + 1]}")
  done
}

# Usage: refuse_venv_options
# Status 1, with a diagnostic, when an option was given that conda environments do not have.
refuse_venv_options() {
  local name given
  for name in extra group no_dev only_binary no_build no_install_project; do
    given=opt_$name
    if [[ -n ${!given} ]]; then
      fail E_USAGE_CONFLICT "--${name//_/-} is not for conda projects" \
        why "a conda-lock.yml is taken whole, and nothing of it is built" fix "pyve sync"
      return 1
    fi
  done
}
