# shellcheck shell=bash
# Where version managers keep the interpreters that they installed.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/manager_folders.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

# Usage: python_install_dir <manager>
# Sets REPLY to the folder below which <manager> keeps one folder per interpreter.
python_install_dir() {
  local home=${HOME:-}
  local data=${XDG_DATA_HOME:-$home/.local/share}
  case $1 in
    asdf) REPLY=${ASDF_DATA_DIR:-$home/.asdf}/installs/python ;;
    pyenv) REPLY=${PYENV_ROOT:-$home/.pyenv}/versions ;;
    mise) REPLY=${MISE_DATA_DIR:-$data/mise}/installs/python ;;
    uv) REPLY=${UV_PYTHON_INSTALL_DIR:-$data/uv/python} ;;
    *) REPLY="" && return 1 ;;
  esac
}

# Usage: find_manager_of <interpreter>
# Sets REPLY to the manager (asdf, pyenv, mise, uv) that keeps the interpreter, or to "system".
find_manager_of() {
  local manager
  for manager in asdf pyenv mise uv; do
    if python_install_dir "$manager" && [[ $1 == "$REPLY"/* ]]; then
      REPLY=$manager
      return 0
    fi
  done
  REPLY=system
}
