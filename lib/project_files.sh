# shellcheck shell=bash
# What stands in a project beside its environment: version file, .gitignore, .envrc, .env and config. All work in the
# project's folder, with the config loaded.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/project_files.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
declare -F write_gitignore_template >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"
declare -F config_set >/dev/null || . "${BASH_SOURCE[0]%/*}/config.sh"
declare -F record_made >/dev/null || . "${BASH_SOURCE[0]%/*}/files.sh"
declare -F write_env_file >/dev/null || . "${BASH_SOURCE[0]%/*}/env_file.sh"
declare -F write_envrc >/dev/null || . "${BASH_SOURCE[0]%/*}/activation.sh"
declare -F record_trust >/dev/null || . "${BASH_SOURCE[0]%/*}/trust.sh"
declare -F set_local_python_version >/dev/null || . "${BASH_SOURCE[0]%/*}/env_detect.sh"

# Usage: is_replaceable <folder>
# True when the folder is an environment, a link to one, empty, or not there.
is_replaceable() {
  local content
  if [[ ! -e $1 || -L $1 || -f $1/pyvenv.cfg ]]; then
    return 0
  fi
  content=$(ls -A -- "$1") || return 1
  if [[ ! -d $1 || -n $content ]]; then
    fail E_VENV_FOREIGN "$1 is there, and it is not an environment" \
      why "it has no pyvenv.cfg; Pyve does not touch what it did not make" fix "pyve init .venv-pyve"
    return 1
  fi
}

# Usage: check_project_files
# Checks that what write_project_files is going to write can be written, before anything is made. Status 1, with a
# diagnostic, when it cannot.
check_project_files() {
  local file
  if [[ -n ${opt_local_env-} && -f ${HOME-}/.local/.env && ! -r ${HOME-}/.local/.env ]]; then
    fail E_FILE_READ "cannot read ~/.local/.env" why "no permission; nothing was changed" fix "chmod u+r $(printf '%q' "$HOME/.local/.env")"
    return 1
  fi
  for file in .gitignore .pyve/config; do
    if [[ -L $file || (-e $file && ! -f $file) ]]; then
      fail E_FILE_WRITE "cannot write $file" why "it is there, and it is not a plain file; nothing was changed" fix "mv $file $file.old"
      return 1
    fi
  done
  if [[ ! -w . ]]; then
    fail E_FILE_WRITE "cannot write in $PWD" why "no permission, or the file system is read-only; nothing was changed" fix "chmod u+w ."
    return 1
  fi
}

# Usage: write_project_files <venv|micromamba> <folder of the environment> <name> [Python version for the config]
# Writes version file, .gitignore, .envrc, .env and config; keeps what is there. Of the options of the room count
# opt_no_direnv, opt_local_env and, for conda, opt_engine. For venv after choose_interpreter. Status 1 after a diagnostic.
write_project_files() {
  local backend=$1 folder=$2 name=$3 version=${4-}
  if [[ $backend == venv ]]; then
    write_version_file && write_gitignore_template "$folder" "$ENV_FILE_NAME" .envrc || return 1
  else
    write_gitignore_template "$ENV_FILE_NAME" .envrc || return 1
  fi
  if [[ -z ${opt_no_direnv-} ]]; then
    write_envrc "$backend" "$folder" "$name" || return 1
  fi
  write_env_file "${opt_local_env-}" || return 1
  if [[ $backend == venv ]]; then
    # shellcheck disable=SC2153 # VERSION is set by pyve.sh
    config_set pyve_version "$VERSION" backend venv venv.directory "$folder" python.version "$version" || return 1
  else
    config_set pyve_version "$VERSION" backend micromamba micromamba.env_name "$name" \
      ${opt_engine:+micromamba.engine "$opt_engine"} || return 1
  fi
  # Where no record can be kept, the hook will ask; nothing else depends on it.
  record_trust "$PWD" || log_verbose "The shell hook will not enter this project: no record can be written"
}

# Usage: write_version_file
# Writes the version file of the manager that has the interpreter, when there is none.
write_version_file() {
  local file
  if [[ -f .tool-versions || -f .python-version ]]; then
    log_verbose "A version file is there and stays as it is"
  elif [[ $PYTHON_MANAGER != system ]]; then
    # A manager that does not have the version would complain about the file.
    VERSION_MANAGER=$PYTHON_MANAGER
    set_local_python_version "$PYTHON_VERSION" || return 1
    file=.python-version
    [[ -f $file ]] || file=.tool-versions
    record_made "$file" || return 1
    log_success "Wrote $file ($PYTHON_VERSION)"
  fi
}
