# shellcheck shell=bash
# What `pyve init` does in a project of the conda backend.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/conda_project.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F make_conda_env >/dev/null || . "${BASH_SOURCE[0]%/*}/conda_engine.sh"
declare -F find_activation >/dev/null || . "${BASH_SOURCE[0]%/*}/conda_activation.sh"

# Usage: prepare_conda <name or ""> <engine or ""> <bootstrap?> <project|user|""> <strict?>
# Checks all that an environment is made from: sets CONDA_NAME, CONDA_SOURCE (the lock, else the environment
# file) and the engine. Status 1, with a diagnostic and nothing changed.
prepare_conda() {
  local extra=base
  validate_environment_file && find_environment_name "$1" || return 1
  CONDA_NAME=$REPLY
  # (While it is made, a file ".making.NAME" is beside it.)
  if ((${#CONDA_NAME} > 240)); then
    choose_init_command
    fail E_ENV_NAME "the name of the environment is too long for a folder" \
      why "it has ${#CONDA_NAME} characters ($ENV_NAME_SOURCE); 240 are allowed" fix "$REPLY --env-name ${CONDA_NAME:0:20}"
    return 1
  fi
  choose_engine "$2" "$3" "$4" && need_conda_platform || return 1
  check_lock_platform "$REPLY" && validate_lock_file_status "${5:+true}" || return 1
  find_environment_files
  CONDA_SOURCE=$REPLY
  # Better a mistake in it, with line and column, than what an engine makes of it. With an engine of its own,
  # a machine needs no tools of Pyve's for that, though.
  if [[ $CONDA_SOURCE == "$CONDA_MANIFEST" ]] && { [[ $CONDA_ENGINE == rattler ]] || has_toolchain base; }; then
    # (The engine's toolchain serves, too: two need not be made.)
    [[ $CONDA_ENGINE != rattler ]] || extra=conda
    call_helper "$extra" environment_file environment --file "$CONDA_SOURCE" || return 1
    tell_helper_warnings
  fi
}

# Usage: check_lock_platform <platform>
# True when there is no lock, or it is for this machine, too. Otherwise says how it comes to be.
check_lock_platform() {
  local platform=$1 line inside="" have="" command="pyve lock --platform $1"
  find_environment_files || return 0
  [[ -n $CONDA_LOCK && -r $CONDA_LOCK ]] || return 0
  while IFS= read -r line; do
    case $line in
      package:*) break ;;
      "  platforms:"*) inside=1 ;;
      *"- "*)
        line=${line#*- }
        line=${line%$'\r'}
        line=${line//[\"\']/}
        [[ -n $inside ]] || continue
        [[ $line != "$platform" ]] || return 0
        have+=${have:+, }$line
        command+=" --platform $line"
        ;;
      *) inside="" ;;
    esac
  done <"$CONDA_LOCK"
  # What is written in another way is for the engine to judge.
  [[ -n $have ]] || return 0
  fail E_LOCK_PLATFORM "$CONDA_LOCK is not for this machine, $platform" why "it is for $have" fix "$command"
}

# Usage: ensure_conda_env <fresh|update|force>
# Makes CONDA_NAME, or keeps one that works. One that was moved with its project is made again, with the
# same packages. Status 1, and what was there before, when that fails.
ensure_conda_env() {
  local why
  clear_half_environments || return 1
  if [[ $1 == force ]] || ! check_micromamba_env_exists "$CONDA_NAME"; then
    check_conda_path && make_conda_env "$CONDA_NAME" "$CONDA_SOURCE"
    return
  fi
  if inspect_conda_env "$CONDA_NAME"; then
    log_info "$CONDA_ENVS/$CONDA_NAME is there already${ENV_PYTHON_VERSION:+ (Python $ENV_PYTHON_VERSION)} and is kept"
    return 0
  fi
  why=$REPLY
  if [[ $CONDA_PROBLEM == moved ]]; then
    log_info "The environment works only where it was made; it is made again here, with the same packages"
    check_conda_path && make_conda_env "$CONDA_NAME" "$CONDA_ENVS/$CONDA_NAME"
    return
  fi
  fail E_CONDA_ENV_BROKEN "the environment $CONDA_ENVS/$CONDA_NAME does not work" why "$why" fix "pyve init --force"
}

# Usage: check_conda_path
# True when the engine makes environments that work in the current folder; otherwise says why not.
check_conda_path() {
  if [[ $CONDA_ENGINE != rattler && $PWD == *[\'\"\\\$\`]* ]]; then
    choose_init_command
    fail E_CONDA_PATH "$CONDA_ENGINE makes no environment that works in this folder" \
      why "its path has a quote, a dollar or a backslash, which break the Python in it: $PWD" fix "$REPLY --engine rattler"
    return 1
  fi
}

# Usage: finish_conda_project
# What belongs to an environment that has just been made or kept: the distutils shim and the record of its
# activation. Status 1, with a diagnostic, when the environment cannot be entered.
finish_conda_project() {
  local prefix=$PWD/$CONDA_ENVS/$CONDA_NAME
  if [[ -x $prefix/bin/python ]]; then
    pyve_install_distutils_shim_for_python "$prefix/bin/python" || return 1
  fi
  find_activation "$prefix" "$CONDA_NAME"
}

# Usage: remove_other_conda_envs <name to keep or "">
# Removes the environments of this project that the config does not name any more.
remove_other_conda_envs() {
  local folder
  for folder in "$CONDA_ENVS"/*; do
    if [[ -d $folder && ${folder##*/} != "$1" ]]; then
      remove_environment env "$PWD/$folder" && log_success "Removed $folder" || return 1
    fi
  done
}
