# shellcheck shell=bash
# conda-lock.yml, the lock of the conda backend: writing it, and whether it is current. All work in the project's
# folder, with the config loaded.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/conda_lock.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
declare -F log_info >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"
declare -F config_get >/dev/null || . "${BASH_SOURCE[0]%/*}/config.sh"
declare -F run_long >/dev/null || . "${BASH_SOURCE[0]%/*}/progress.sh"
declare -F lock_project >/dev/null || . "${BASH_SOURCE[0]%/*}/project_lock.sh"
declare -F find_conda_platform >/dev/null || . "${BASH_SOURCE[0]%/*}/micromamba_core.sh"
declare -F find_environment_files >/dev/null || . "${BASH_SOURCE[0]%/*}/micromamba_file.sh"
declare -F choose_engine >/dev/null || . "${BASH_SOURCE[0]%/*}/conda_engine.sh"
declare -F prepare_helper >/dev/null || . "${BASH_SOURCE[0]%/*}/helper.sh"
declare -F read_locked >/dev/null || . "${BASH_SOURCE[0]%/*}/locked.sh"

# Usage: lock_conda
# pyve lock, with its options parsed, in the project's folder.
lock_conda() {
  local option name lock
  local -a words=() platforms=()
  for option in exclude_newer pre index; do
    name=opt_$option
    if [[ -n ${!name} ]]; then
      fail E_USAGE_CONFLICT "--${option//_/-} is for projects of the venv backend" why "this one is for conda" fix "pyve lock"
      return 1
    fi
  done
  open_conda_lock || return 1
  if [[ -n $opt_check ]]; then
    check_lock "$lock"
    return
  fi
  if [[ -n $opt_upgrade ]]; then
    add_upgrades "$lock"
  fi
  write_lock "$lock"
}

# Usage: open_conda_lock
# Finds out what is to be locked: sets lock, platforms and words. Status 1, with a diagnostic, when it is nothing.
open_conda_lock() {
  local platform
  find_environment_files || :
  if [[ -z $CONDA_MANIFEST ]]; then
    fail_no_environment_file "there is no environment.yml to lock"
    return 1
  fi
  lock=${CONDA_LOCK:-conda-lock.yml}
  choose_platforms "$lock" || return 1
  for platform in "${platforms[@]}"; do
    words+=(--platform "$platform")
  done
  [[ -z $opt_offline ]] || words+=(--offline)
  # (What pyve migrate wants to keep.)
  [[ -z ${CONDA_PREFERENCES-} ]] || words+=(--preferences "$CONDA_PREFERENCES")
}

# Usage: add_upgrades <lock>
# Adds to words what is to be upgraded: the packages named, else all that the lock has.
add_upgrades() {
  if ((${#ARGS[@]} == 0)) && [[ -r $1 ]]; then
    read_locked "$1"
    ARGS=(${LOCKED_NAMES[@]+"${LOCKED_NAMES[@]}"})
  fi
  for name in ${ARGS[@]+"${ARGS[@]}"}; do
    [[ " ${words[*]} " == *" --upgrade $name "* ]] || words+=(--upgrade "$name")
  done
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
    call_helper base environment_file lock --sides --file "$1" || return 1
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
  local item
  solve_conda_lock "$1" || return 1
  for item in ${CONDA_LOCK_CHANGES[@]+"${CONDA_LOCK_CHANGES[@]}"}; do
    log_info "$item"
  done
  answer file "$PWD/$1"
  if [[ -n $PYVE_JSON ]]; then
    load_json
    json_list "${platforms[@]}"
    answer_json platforms "$REPLY"
    json_list ${CONDA_LOCK_CHANGES[@]+"${CONDA_LOCK_CHANGES[@]}"}
    answer_json changes "$REPLY"
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

# Usage: solve_conda_lock <lock> [--preview]
# Has the helper lock, with words and platforms, and reads its answer. Sets CONDA_LOCK_CHANGES to a line for each package
# that changes, when there was a lock. With --preview nothing is written.
solve_conda_lock() {
  local file=.pyve/tmp/lock.$$ status=0
  choose_engine "$opt_engine" || return 1
  lock_project && mkdir -p .pyve/tmp || return 1
  if [[ -n $_change_open && ${2-} != --preview ]]; then
    load_journal
    keep_files "$1" || return 1
  fi
  prepare_helper conda-lock conda_lock_file --answer "$file" lock --file "$CONDA_MANIFEST" "${words[@]}" \
    --engine "${CONDA_ENGINE_PATH:-rattler}" --output "$@" || return 1
  # (What the helper writes goes by way of this folder; see helpers/pyve_core/durable.py.)
  # So do its temporary files: in a folder of the system's, those of a killed one would stay.
  PYVE_STAGE=$PWD/.pyve/tmp TMPDIR=$PWD/.pyve/tmp run_long "Locking for ${platforms[*]}" read_engine_line "${HELPER_COMMAND[@]}" || status=$?
  take_helper_answer "$status" "$file" || return 1
  tell_helper_warnings
  get_helper_values upgraded
  CONDA_LOCK_CHANGES=(${HELPER_FOUND[@]+"${HELPER_FOUND[@]}"})
}

# Usage: lock_conda_again [--upgrade]
# Writes conda-lock.yml as pyve lock does, with what ARGS names, or everything, free to move.
lock_conda_again() {
  # shellcheck disable=SC2034 # the options of pyve lock, for its functions
  local opt_platform="" opt_upgrade=${1-} opt_check="" opt_engine="" opt_exclude_newer="" opt_pre="" opt_index="" opt_offline=${opt_offline-}
  lock_conda
}

# Usage: lock_conda_quietly [--upgrade]
# As lock_conda_again, without what that gives to the JSON answer.
lock_conda_quietly() {
  local count=0
  [[ -z $PYVE_JSON ]] || count=${#_json_detail[@]}
  lock_conda_again ${1+"$1"} || return 1
  [[ -z $PYVE_JSON ]] || forget_answers "$count"
}

# Usage: answer_conda_changes
# Gives what solve_conda_lock changed in conda-lock.yml to the JSON answer.
answer_conda_changes() {
  [[ -n $PYVE_JSON ]] || return 0
  load_json
  json_list ${CONDA_LOCK_CHANGES[@]+"${CONDA_LOCK_CHANGES[@]}"}
  answer_json locked "$REPLY"
}

# Usage: forget_answers <number>
# Takes out of the JSON answer what was added behind the first entries.
forget_answers() {
  _json_detail=(${_json_detail[@]+"${_json_detail[@]:0:$1}"})
}

# Usage: preview_conda_lock [--upgrade | FILE]
# Sets CONDA_LOCK_CHANGES to what pyve lock would change; writes nothing. --upgrade: with what ARGS names, or everything,
# free to move. FILE is to be read in the place of environment.yml. Status 1 after a diagnostic.
preview_conda_lock() {
  # shellcheck disable=SC2034 # options of the rooms, for the functions here
  local opt_platform="" opt_engine="" name lock
  local -a words=() platforms=()
  open_conda_lock || return 1
  case ${1-} in
    --upgrade) add_upgrades "$lock" ;;
    ?*) CONDA_MANIFEST=$1 ;;
  esac
  solve_conda_lock "$lock" --preview
}

# Usage: fail_no_environment_file <message>
# Says that there is nothing to lock. Status 1.
fail_no_environment_file() {
  quote_word "$PWD/environment.yml"
  # (One line, because a list in brackets is YAML, too.)
  quote_word "printf '%s\n' 'channels: [conda-forge]' 'dependencies: [python]' >$REPLY"
  fail E_ENV_FILE_MISSING "$1" why "in $PWD" fix "sh -c $REPLY"
}
