# shellcheck shell=bash
# Checks of `pyve doctor`: whether the environment is what its lock says.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/doctor/drift.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F has_conda_lock >/dev/null || . "${BASH_SOURCE[0]%/*}/locks.sh"

# Usage: check_environment_drift
# Whether the environment has the packages of its lock, in their versions and builds, and no others.
check_environment_drift() {
  [[ -n $DOCTOR_INITIALIZED ]] || return 0
  if [[ $DOCTOR_BACKEND == micromamba ]]; then
    check_conda_drift
  else
    check_venv_drift
  fi
}

# Usage: check_venv_drift
# pylock.toml against the distributions of the environment.
check_venv_drift() {
  local item installs="" removals="" extra="" command="" count=0
  local -a parts=()
  [[ -f pylock.toml && -r pylock.toml ]] && inspect_packages || return 0
  list_inspected lock_fault
  if [[ -n ${INSPECTED[0]-} ]]; then
    list_inspected lock_invalid
    [[ -n ${INSPECTED[0]-} ]] || noted "Lock: pylock.toml was not compared with the environment: this Python reads no TOML"
    return 0
  fi
  list_inspected drift
  if ((${#INSPECTED[@]} == 0)); then
    list_inspected locked
    count_things "${INSPECTED[0]:-0}" "package"
    passed "Lock: the environment has what pylock.toml says ($REPLY)"
    return 0
  fi
  for item in "${INSPECTED[@]}"; do
    split_item "$item"
    count=$((count + 1))
    case ${PIECES[0]} in
      missing) item="${PIECES[1]} ${PIECES[2]} is locked, and not installed" ;;
      version) item="${PIECES[1]} ${PIECES[2]} is locked, ${PIECES[3]} is installed" ;;
      *) item="${PIECES[1]} ${PIECES[3]} is installed, and not locked" ;;
    esac
    ((count > 8)) || parts+=(why "$item")
    quote_word "${PIECES[1]}${PIECES[2]:+==${PIECES[2]}}"
    if [[ ${PIECES[0]} == extra ]]; then
      removals+=" $REPLY"
    else
      installs+=" $REPLY"
      [[ ${PIECES[0]} == missing ]] || extra=1
    fi
  done
  ((count <= 8)) || parts+=(why "and $((count - 8)) more")
  [[ -z $installs ]] || command="pyve run python -m pip install --no-deps$installs"
  [[ -z $removals ]] || removals="pyve run python -m pip uninstall -y$removals"
  declare -F find_venv_lock_state >/dev/null || . "$PYVE_ROOT/lib/venv_lock.sh"
  find_venv_lock_state
  if [[ $VENV_LOCK_STATE == current ]]; then
    # What pip installs would not count as synced.
    [[ -z $command ]] || command="pyve sync"
    [[ -z $removals ]] || removals="pyve sync" command=""
  fi
  if [[ -n $command && -z $extra ]]; then
    parts+=(auto "$command")
  elif [[ -n $command ]]; then
    parts+=(fix "$command")
  fi
  [[ -z $removals ]] || parts+=(destructive "$removals")
  count_things "$count" "difference"
  found W_ENVIRONMENT_DRIFT "Lock: the environment is not what pylock.toml says: $REPLY" "${parts[@]}"
}

# Usage: check_conda_drift
# conda-lock.yml against conda-meta, and against what pip has installed.
check_conda_drift() {
  local i count
  local -a parts=()
  # (Of a lock that is none, this goes without saying.)
  ! was_found lock-unreadable && has_conda_lock && [[ -f $CONDA_LOCK && -r $CONDA_LOCK && -d $DOCTOR_ENV/conda-meta ]] || return 0
  compare_with_conda_lock "$DOCTOR_ENV" || return 0
  count=${#DRIFT[@]}
  if ((count == 0)); then
    count_things "$DRIFT_PACKAGES" "package"
    passed "Lock: the environment has what $CONDA_LOCK says ($REPLY)"
    return 0
  fi
  for ((i = 0; i < count && i < 8; i++)); do
    parts+=(why "${DRIFT[i]}")
  done
  ((count <= 8)) || parts+=(why "and $((count - 8)) more")
  count_things "$count" "difference"
  found W_ENVIRONMENT_DRIFT "Lock: the environment is not what $CONDA_LOCK says: $REPLY" "${parts[@]}" destructive "pyve init --force"
}
