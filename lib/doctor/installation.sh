# shellcheck shell=bash
# Checks of `pyve doctor`: the installation that this Pyve is in, where it is in one, and the tools that it has installed.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/doctor/installation.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F has_install_leftovers >/dev/null || . "${BASH_SOURCE[0]%/*}/../install_tree.sh"
declare -F is_private_env >/dev/null || . "${BASH_SOURCE[0]%/*}/../cached_env.sh"

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

# Usage: check_installed_tools
# Whether the environments of installed tools work.
check_installed_tools() {
  local data=${XDG_DATA_HOME-} file name count=0 broken=0
  [[ $data == /* ]] || data=${HOME-}/.local/share
  for file in "$data"/pyve/tools/*/tool; do
    [[ -f $file ]] || continue
    count=$((count + 1))
    file=${file%/tool}
    name=${file##*/}
    if ! is_private_env "$file/venv"; then
      broken=$((broken + 1))
      found W_TOOL_BROKEN "Tools: the environment of $name does not work" \
        why "its Python is gone, or its folder was moved: $file/venv" fix "pyve tool upgrade --reinstall $name"
    fi
  done
  ((count == 0 || broken > 0)) || passed "Tools: $count installed"
}
