# shellcheck shell=bash
# What makes a shell enter the environment: the .envrc for direnv, and the .env beside it.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/activation.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F log_info >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"

# Usage: envrc_text <venv directory> <name>
# Sets REPLY to the .envrc of a venv project: nothing in it starts a process, but direnv's own
# dotenv where there is something to load.
envrc_text() {
  local prefix name
  quote_word "(venv:$2) "
  prefix=$REPLY
  quote_word "$2"
  name=$REPLY
  IFS= read -r -d '' REPLY <<ENVRC || :
# Written by pyve. \`pyve purge\` removes it, unless it was changed.
export PYVE_BACKEND=venv
export PYVE_ENV_NAME=$name
export PYVE_PROMPT_PREFIX=$prefix
export VIRTUAL_ENV="\$PWD/$1"
export VIRTUAL_ENV_PROMPT=$name
export UV_PROJECT_ENVIRONMENT="\$VIRTUAL_ENV"
export ASDF_PYTHON_PLUGIN_DISABLE_RESHIM=1
unset PYTHONHOME
PATH_add "\$VIRTUAL_ENV/bin"
watch_file .pyve/config
if [ -s ${ENV_FILE_NAME:-.env} ]; then
  dotenv ${ENV_FILE_NAME:-.env}
else
  watch_file ${ENV_FILE_NAME:-.env}
fi
ENVRC
}

# Usage: write_envrc <venv directory> <name>
# Writes the .envrc. One that Pyve did not write, or that was changed, is kept; it says so.
write_envrc() {
  envrc_text "$1" "$2"
  local text=$REPLY
  if [[ -e .envrc || -L .envrc ]]; then
    read_file .envrc
    if [[ $REPLY == "$text" ]]; then
      return 0
    fi
    if ! is_made .envrc; then
      log_info ".envrc is there already and stays as it is"
      return 0
    fi
  fi
  write_file .envrc "$text" && record_made .envrc || return 1
  log_success "Wrote .envrc"
}

# Usage: write_env_file <copy the template?>
# Makes .env with mode 600, from ~/.local/.env when that is asked for. One that is there keeps its
# content; its mode is narrowed.
write_env_file() {
  local file=${ENV_FILE_NAME:-.env} template=${HOME:-}/.local/.env wide temporary
  if [[ -e $file || -L $file ]]; then
    wide=$(find "$file" -prune -type f ! -perm 600 2>/dev/null) || wide=""
    if [[ -n $wide ]]; then
      if chmod 600 "$file" 2>/dev/null; then
        log_info "$file could be read by others; its mode is 600 now"
      else
        log_warning "$file can be read by others, and its mode cannot be changed"
      fi
    fi
    log_info "$file is there already and keeps its content"
    return 0
  fi
  if [[ -n $1 && ! -f $template ]]; then
    log_warning "there is no ~/.local/.env to copy; $file is empty"
  fi
  if [[ -z $1 || ! -f $template ]]; then
    (umask 077 && set -C && : >"$file") 2>/dev/null || fail_write "$file"
    return
  fi
  temporary=$file.pyve-new.$$
  if ! (umask 077 && cat -- "$template" >"$temporary" && mv -f "$temporary" "$file") 2>/dev/null; then
    rm -f "$temporary"
    fail_write "$file"
    return 1
  fi
  log_success "Copied ~/.local/.env to $file"
}
