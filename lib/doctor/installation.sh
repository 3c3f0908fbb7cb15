# shellcheck shell=bash
# Checks of `pyve doctor`: the installation that this Pyve is in, where it is in one.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/doctor/installation.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F has_install_leftovers >/dev/null || . "${BASH_SOURCE[0]%/*}/../install_tree.sh"

# Usage: check_installation
# Whether an installation or an update that was killed has left something.
check_installation() {
  local owner
  # (Without a fork for the most, who have no leftovers. A HOME that is none is said elsewhere.)
  [[ ${PYVE_ROOT-} == */versions/* && ${HOME-} == /* && -d $HOME ]] && find_install_paths && use_own_data || return 0
  owner=$(readlink "$_si_data/install.lock" 2>/dev/null) || owner=""
  if [[ -n $owner ]]; then
    load_leftovers
    ! is_owner_there "$owner" || return 0
  fi
  if has_install_leftovers; then
    found W_INSTALL_LEFTOVERS "Pyve: an installation or an update of it was killed, and has left files" why "such as $REPLY" auto "pyve self install"
  fi
}
