# shellcheck shell=bash
# What makes a shell enter the environment: the .envrc for direnv, and the .env beside it.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/activation.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F log_info >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"
declare -F plan_activation >/dev/null || . "${BASH_SOURCE[0]%/*}/entry.sh"
declare -F write_env_file >/dev/null || . "${BASH_SOURCE[0]%/*}/env_file.sh"

# Usage: envrc_lines <backend> <environment below the project> <name>
# Sets REPLY to the lines of .envrc that enter the environment, by the loaded config: the same variables as
# those of plan_activation. No program is started but direnv's own dotenv, where there is something
# to load; watching an empty .env would cost a fifth of the time that direnv takes for all the rest.
envrc_lines() {
  local i lines="" paths=""
  plan_activation "$1" "$PWD/$2" "$3"
  for ((i = 0; i < ${#PLAN_NAMES[@]}; i++)); do
    if [[ -z ${PLAN_SET[i]} ]]; then
      lines+="unset ${PLAN_NAMES[i]}"$'\n'
    else
      quote_envrc_value "${PLAN_VALUES[i]}" "$PWD/$2"
      lines+="export ${PLAN_NAMES[i]}=$REPLY"$'\n'
    fi
  done
  if [[ -n $PLAN_PATH ]]; then
    quote_envrc_value "$PLAN_PATH" "$PWD/$2"
    paths="export PATH=$REPLY"
  elif [[ $PLAN_FRONT$PLAN_BACK == "$PWD/$2/bin" ]]; then
    paths="PATH_add \"\$PWD/$2/bin\""
  else
    quote_envrc_value "$PLAN_FRONT:" "$PWD/$2"
    paths="export PATH=$REPLY\"\$PATH\""
    quote_envrc_value "$PLAN_BACK" "$PWD/$2"
    [[ -z $PLAN_BACK ]] || paths+=$REPLY
  fi
  REPLY="$lines$paths
if [ -f ${ENV_FILE_NAME:-.env} ] && [ -s ${ENV_FILE_NAME:-.env} ]; then
  dotenv ${ENV_FILE_NAME:-.env}
fi
"
}

# Usage: quote_envrc_value <text> <environment>
# Sets REPLY to <text> as a word of bash, in which the environment's path is written with $PWD: so the file
# does not name the place of the project.
quote_envrc_value() {
  local rest=$1 out=""
  while [[ $rest == *"$2"* ]]; do
    if [[ -n ${rest%%"$2"*} ]]; then
      quote_word "${rest%%"$2"*}"
      out+=$REPLY
    fi
    # (Names of environments need no quoting.)
    out+="\"\$PWD/${2#"$PWD"/}\""
    rest=${rest#*"$2"}
  done
  if [[ -n $rest || -z $out ]]; then
    quote_word "$rest"
    out+=$REPLY
  fi
  REPLY=$out
}

# Usage: envrc_text <backend> <environment below the project> <name>
# Sets REPLY to the .envrc of a project.
envrc_text() {
  envrc_lines "$@"
  # shellcheck disable=SC2016 # the backticks are for the reader
  REPLY='# Written by pyve. `pyve purge` removes it, unless it was changed.'$'\n'$REPLY
}

# Usage: write_envrc <backend> <environment below the project> <name>
# Writes the .envrc. One that Pyve did not write, or that was changed, is kept; the lines to add are
# shown, unless it has them. ENVRC_KEPT: "1" then.
write_envrc() {
  local text old line missing=""
  ENVRC_KEPT=""
  envrc_text "$@"
  text=$REPLY
  if [[ -e .envrc || -L .envrc ]]; then
    read_file .envrc
    old=$REPLY
    if [[ $old == "$text" ]]; then
      return 0
    fi
    if ! is_made .envrc; then
      ENVRC_KEPT=1
      envrc_lines "$@"
      text=${REPLY%$'\n'}
      while IFS= read -r line; do
        has_line "$line" "$old" || missing=1
      done <<<"$text"
      if [[ -z $missing ]]; then
        log_info ".envrc is there already and stays as it is; it enters the environment"
      else
        log_info ".envrc is there already and stays as it is. For direnv to enter the environment, add these lines:"
        [[ -n ${PYVE_QUIET-} ]] || talk "$text"
      fi
      return 0
    fi
  fi
  write_file .envrc "$text" && record_made .envrc || return 1
  log_success "Wrote .envrc"
}
