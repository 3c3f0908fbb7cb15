# shellcheck shell=bash
# conda-lock.yml: whether it is there and fits environment.yml, and what to say and ask when it does not.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/micromamba_lock.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F log_info >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"
declare -F find_micromamba >/dev/null || . "${BASH_SOURCE[0]%/*}/micromamba_core.sh"
declare -F find_environment_files >/dev/null || . "${BASH_SOURCE[0]%/*}/micromamba_file.sh"

# Usage: is_interactive
# True when there may be somebody to answer: a dialogue is allowed (no CI, no --yes), and stdin is a
# terminal or a pipe.
is_interactive() {
  can_ask && [[ -t 0 || -p /dev/stdin ]]
}

# Usage: get_file_mtime_formatted <file>
# Prints when the file was changed, as "2026-01-05 10:30:00" in local time. Prints "unknown", with status
# 1, when that cannot be told.
get_file_mtime_formatted() {
  local file=${1-} text=""
  if [[ -n $file && -e $file ]]; then
    # A bare number would be a time for the date of BSD.
    [[ $file == /* ]] || file=./$file
    text=$(date -r "$file" '+%Y-%m-%d %H:%M:%S' 2>/dev/null) || text=""
  fi
  if [[ -z $text ]]; then
    printf 'unknown\n'
    return 1
  fi
  printf '%s\n' "$text"
}

# Usage: find_lock_state
# Sets REPLY to what the lock is to the environment file: current, stale, missing (no lock), alone (no
# environment file) or none (neither). Sets CONDA_MANIFEST and CONDA_LOCK as find_environment_files does.
find_lock_state() {
  find_environment_files || :
  case ${CONDA_MANIFEST:+manifest}${CONDA_LOCK:+lock} in
    manifestlock)
      if does_lock_fit "$CONDA_MANIFEST" "$CONDA_LOCK"; then
        REPLY=current
      else
        REPLY=stale
      fi
      ;;
    manifest) REPLY=missing ;;
    lock) REPLY=alone ;;
    *) REPLY=none ;;
  esac
}

# Usage: does_lock_fit <environment file> <lock>
# True when the lock was made from the environment file as it is now. By the content hash that the lock
# records for this machine's platform; by the time of the last change, which says too much after a
# git checkout, only when it records none, or no helper is to be had that can tell. Sets LOCK_STATUS to what
# the helper says (platform-missing is one), "unreadable" when it cannot read them, "" without it.
does_lock_fit() {
  local extra=base
  LOCK_STATUS=""
  if grep -q '^<<<<<<< ' "$2" 2>/dev/null; then
    # (git left the marks of a merge conflict in it.)
    LOCK_STATUS=unreadable
    return 1
  fi
  declare -F call_helper >/dev/null || . "${BASH_SOURCE[0]%/*}/helper.sh"
  declare -F get_helper_value >/dev/null || . "${BASH_SOURCE[0]%/*}/helper.sh"
  declare -F has_toolchain >/dev/null || . "${BASH_SOURCE[0]%/*}/toolchain.sh"
  # (Some ways to write an environment file only conda-lock understands.)
  ! has_toolchain conda-lock || extra=conda-lock
  if has_toolchain "$extra" && find_conda_platform; then
    # (Apart, so that a diagnostic of the helper does not count as one of the command.)
    LOCK_STATUS=$(call_helper "$extra" environment_file status --file "$1" --lock "$2" --platform "$REPLY" 2>/dev/null &&
      get_helper_value status && printf '%s' "$REPLY") || LOCK_STATUS=unreadable
    case $LOCK_STATUS in
      current) return 0 ;;
      stale) return 1 ;;
    esac
  fi
  [[ ! $1 -nt $2 ]]
}

# Usage: is_lock_file_stale
# True when environment.yml was changed after conda-lock.yml. Not when one of them is missing.
is_lock_file_stale() {
  find_lock_state
  [[ $REPLY == stale ]]
}

# Usage: warn_stale_lock_file
# Says that the lock may be stale, since when, and how to make it anew. After find_lock_state.
warn_stale_lock_file() {
  local changed locked
  # Without a time there is still the warning.
  changed=$(get_file_mtime_formatted "$CONDA_MANIFEST") || :
  locked=$(get_file_mtime_formatted "$CONDA_LOCK") || :
  warn W_LOCK_STALE "Lock file may be stale" why "$CONDA_MANIFEST: modified $changed" why "$CONDA_LOCK: modified $locked" \
    why "using $CONDA_LOCK for reproducibility" fix "pyve lock"
}

# Usage: info_missing_lock_file
# Says that there is no lock, and how to make one. After find_lock_state.
info_missing_lock_file() {
  log_info "There is no conda-lock.yml, so the same packages are not certain next time. To make one: pyve lock"
}

# Usage: validate_lock_file_status [true|false]
# True when the environment may be made. With true (--strict) only from a lock that is current, or that is
# alone. Otherwise a missing one is mentioned and a stale one asked about, when somebody may answer
# (is_interactive); nothing is said when not. Status 1, with a diagnostic, also after the answer no. Sets
# CONDA_LOCK_FITS to "1" when the lock was made from the manifest as it is.
validate_lock_file_status() {
  local strict=${1:-false} state
  find_lock_state
  state=$REPLY CONDA_LOCK_FITS=""
  [[ $state != current ]] || CONDA_LOCK_FITS=1
  case $state in
    current | alone) return 0 ;;
    none) validate_environment_file || return 1 ;;
  esac
  if [[ $strict == true && $state == stale ]]; then
    fail E_LOCK_STALE "$CONDA_LOCK is stale" why "$CONDA_MANIFEST was changed after it" \
      why "${FROZEN_WHY:-only a lock that is current will do (--strict, --frozen)}" fix "pyve lock"
    return 1
  elif [[ $strict == true ]]; then
    fail E_LOCK_MISSING "there is no conda-lock.yml" why "--strict makes environments from a lock only" fix "pyve lock"
    return 1
  fi
  is_interactive || return 0
  if [[ $state == missing ]]; then
    info_missing_lock_file
    return 0
  fi
  warn_stale_lock_file
  if ! prompt_yes_no "Continue anyway?" y; then
    fail E_LOCK_STALE "stopped, because $CONDA_LOCK may be stale; nothing was changed" \
      why "$CONDA_MANIFEST was changed after it" fix "pyve lock"
    return 1
  fi
}
