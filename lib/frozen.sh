# shellcheck shell=bash
# The lock taken as it is: with --frozen, and in CI, nothing is solved, and a lock that is missing or stale is a
# failure. `pyve sync` and `pyve prefetch` make such a lock otherwise; `pyve run` and `pyve test` then do not look at it.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/frozen.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
declare -F find_venv_lock_state >/dev/null || . "${BASH_SOURCE[0]%/*}/venv_lock.sh"

# What is added to a failure that nobody asked for but CI.
_ci_why="CI is set, so that the lock is taken as it is, as with --frozen; --no-frozen does without that"

# Usage: is_ci
# True when CI is set, to anything but false or 0.
is_ci() {
  case ${CI-} in
    "" | 0 | false | False | FALSE) return 1 ;;
  esac
}

# Usage: choose_frozen
# Sets opt_frozen to "1" where the lock is taken as it is: by --frozen, --locked, or CI without --no-frozen; and
# FROZEN_WHY to the reason when that is CI alone. Status 1, with a diagnostic, for options that exclude each other.
choose_frozen() {
  local word
  local -a words=()
  FROZEN_WHY=""
  if [[ -n ${opt_no_frozen-} && -n $opt_frozen${opt_locked-} ]]; then
    declare -F quote_words >/dev/null || . "${BASH_SOURCE[0]%/*}/cli.sh"
    for word in "${PYVE_WORDS[@]}"; do
      [[ $word == --no-frozen ]] || words+=("$word")
    done
    quote_words pyve "${words[@]}"
    fail E_USAGE_CONFLICT "--frozen and --no-frozen exclude each other" fix "$REPLY"
    return 1
  elif [[ -n ${opt_locked-} ]]; then
    opt_frozen=1
  elif [[ -z $opt_frozen && -z ${opt_no_frozen-} ]] && is_ci; then
    opt_frozen=1 FROZEN_WHY=$_ci_why
  fi
}

# Usage: refresh_lock [known]
# Sees that pylock.toml is current: makes it, or, with opt_frozen and opt_dry_run, says that it is not. Only with the
# project's lock; "known": find_venv_lock_state was called just before it was taken. Status 1 after a diagnostic.
refresh_lock() {
  [[ -n ${1-} ]] || find_venv_lock_state
  if [[ $VENV_LOCK_STATE == unknown ]]; then
    judge_venv_lock || return 1
  fi
  case $VENV_LOCK_STATE in
    current | foreign | alone | unreadable) return 0 ;;
  esac
  if [[ -z $opt_frozen && -z ${opt_dry_run-} ]]; then
    declare -F log_verbose >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"
    log_verbose "pylock.toml is ${VENV_LOCK_STATE/none/not there}; it is made first"
    declare -F write_venv_lock >/dev/null || . "${BASH_SOURCE[0]%/*}/venv_lock_write.sh"
    write_venv_lock ${opt_offline:+--offline}
    return
  fi
  if [[ $VENV_LOCK_STATE == none ]]; then
    fail E_LOCK_MISSING "there is no pylock.toml" why "in $PWD" ${FROZEN_WHY:+why "$FROZEN_WHY"} fix "pyve lock"
    return 1
  fi
  fail_stale_lock
}

# Usage: fail_stale_lock
# After judge_venv_lock: says what changed since pylock.toml was made. Status 1.
fail_stale_lock() {
  local why
  set --
  for why in ${VENV_LOCK_WHYS[@]+"${VENV_LOCK_WHYS[@]}"}; do
    set -- "$@" why "$why"
  done
  if (($# == 0)) && [[ $VENV_LOCK_STATE == conflicted ]]; then
    set -- why "git left conflict marks in it"
  elif (($# == 0)); then
    set -- why "the config asks for another one (lock.platforms, lock.python or lock.cooldown)"
  fi
  fail E_LOCK_STALE "pylock.toml is stale" "$@" ${FROZEN_WHY:+why "$FROZEN_WHY"} fix "pyve lock"
}

# Usage: check_frozen <1: --frozen was given|"">
# After find_environment: sees that the project's lock is current, and that its environment was not made from another
# one. In CI alone, a project without a lock is none of its business. Status 1 after a diagnostic. Changes nothing.
check_frozen() {
  local here=$PWD status=0 PYVE_TALK_FD=2 FROZEN_WHY=$_ci_why
  [[ -z $1 ]] || FROZEN_WHY=""
  CDPATH="" cd -- "$PROJECT_ROOT" || return 1
  if [[ $ENVIRONMENT_BACKEND == micromamba ]]; then
    check_frozen_conda "$1" || status=1
  else
    check_frozen_venv "$1" || status=1
  fi
  CDPATH="" cd -- "$here" || return 1
  return "$status"
}

# Usage: check_frozen_venv <asked for?>
# For check_frozen, in the project's folder.
check_frozen_venv() {
  local recorded
  find_venv_lock_state
  if [[ $VENV_LOCK_STATE == unknown || $VENV_LOCK_STATE == unreadable ]]; then
    judge_venv_lock || return 1
  fi
  case $VENV_LOCK_STATE in
    none)
      [[ -n $1 ]] || return 0
      fail E_LOCK_MISSING "there is no pylock.toml" why "in $PWD" fix "pyve lock"
      return 1
      ;;
    stale | conflicted)
      fail_stale_lock
      return 1
      ;;
  esac
  declare -F get_recorded >/dev/null || . "${BASH_SOURCE[0]%/*}/project_state.sh"
  get_recorded lock-sha256
  recorded=$REPLY
  if [[ -z $recorded ]]; then
    # (What another tool's lock says, nobody had to sync.)
    [[ $VENV_LOCK_STATE == current ]] || return 0
    fail E_ENV_OUTDATED "the environment was never synced with pylock.toml" why "$ENVIRONMENT" \
      ${FROZEN_WHY:+why "$FROZEN_WHY"} fix "pyve sync"
    return 1
  fi
  sha256_of_file "$VENV_LOCK" && [[ $REPLY != "$recorded" ]] || return 0
  fail E_ENV_OUTDATED "the environment was synced with another pylock.toml" why "$ENVIRONMENT" \
    ${FROZEN_WHY:+why "$FROZEN_WHY"} fix "pyve sync"
}

# Usage: check_frozen_conda <asked for?>
# For check_frozen, in the project's folder.
check_frozen_conda() {
  local state manifest="" line
  declare -F find_lock_state >/dev/null || . "${BASH_SOURCE[0]%/*}/micromamba_lock.sh"
  declare -F get_recorded >/dev/null || . "${BASH_SOURCE[0]%/*}/project_state.sh"
  find_environment_files || :
  if [[ -z $CONDA_LOCK ]]; then
    [[ -n $1 ]] || return 0
    fail E_LOCK_MISSING "there is no conda-lock.yml" why "in $PWD" fix "pyve lock"
    return 1
  fi
  # What the environment was made from says enough, when that has not changed.
  if sha256_of_file "$CONDA_LOCK"; then
    state=$REPLY
    [[ -z $CONDA_MANIFEST ]] || ! sha256_of_file "$CONDA_MANIFEST" || manifest=$REPLY
    get_recorded manifest_sha256
    if [[ $REPLY == "$manifest" ]]; then
      get_recorded file_sha256
      [[ $REPLY != "$state" ]] || return 0
    fi
  fi
  find_lock_state
  if [[ $REPLY == stale && -z $LOCK_STATUS ]]; then
    # (The times of the files say nothing after a git checkout.)
    declare -F ensure_toolchain >/dev/null || . "${BASH_SOURCE[0]%/*}/toolchain.sh"
    ensure_toolchain base || return 1
    find_lock_state
  fi
  if [[ $REPLY == stale ]]; then
    fail E_LOCK_STALE "$CONDA_LOCK is stale" why "$CONDA_MANIFEST was changed after it" ${FROZEN_WHY:+why "$FROZEN_WHY"} fix "pyve lock"
    return 1
  fi
  declare -F compare_with_conda_lock >/dev/null || . "${BASH_SOURCE[0]%/*}/locked.sh"
  compare_with_conda_lock "$ENVIRONMENT" && ((${#DRIFT[@]} > 0)) || return 0
  set --
  for line in "${DRIFT[@]:0:5}"; do
    set -- "$@" why "$line"
  done
  fail E_ENV_OUTDATED "the environment is not what $CONDA_LOCK says" "$@" ${FROZEN_WHY:+why "$FROZEN_WHY"} fix "pyve sync"
}
