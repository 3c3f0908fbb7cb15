# shellcheck shell=bash
# The variables that make a shell enter an environment: the same for .envrc, hook and subshell.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/entry.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F quote_word >/dev/null || . "${BASH_SOURCE[0]%/*}/text.sh"
declare -F config_get >/dev/null || . "${BASH_SOURCE[0]%/*}/config.sh"

# Usage: compose_prompt_prefix <backend> <name>
# Sets REPLY to what stands in front of the prompt, by prompt.show and prompt.format of the loaded
# config; a blank ends it. "" when nothing is to stand there.
compose_prompt_prefix() {
  local format
  config_get prompt.show
  if parse_boolean "${REPLY:-true}" && [[ -z $REPLY ]]; then
    return 0
  fi
  config_get prompt.format
  format=${REPLY:-"({backend}:{env_name})"}
  replace_all "$format" "{backend}" "$1"
  # The name comes last: what it holds is not looked into.
  replace_all "$REPLY" "{env_name}" "$2"
  [[ $REPLY == *[[:space:]] ]] || REPLY+=" "
}

# Usage: plan_activation <backend> <environment> <name>
# Sets the arrays PLAN_NAMES, PLAN_VALUES and PLAN_SET ("1", or "" to unset) to what makes a shell enter
# <environment>, an absolute path; PLAN_FRONT and PLAN_BACK to what PATH gets before and behind the caller's
# folders, or PLAN_PATH to the whole of it. For micromamba, parse_activation or find_activation has been called.
plan_activation() {
  local i
  compose_prompt_prefix "$1" "$3"
  PLAN_NAMES=(PYVE_BACKEND PYVE_ENV_NAME PYVE_PROMPT_PREFIX)
  PLAN_VALUES=("$1" "$3" "$REPLY")
  PLAN_SET=(1 1 1)
  PLAN_PATH=""
  if [[ $1 == micromamba ]]; then
    PLAN_NAMES+=(PYVE_ENV_PATH VIRTUAL_ENV VIRTUAL_ENV_PROMPT PYTHONHOME)
    PLAN_VALUES+=("$2" "" "" "")
    PLAN_SET+=(1 "" "" "")
    for ((i = 0; i < ${#ACT_NAMES[@]}; i++)); do
      PLAN_NAMES+=("${ACT_NAMES[i]}")
      PLAN_VALUES+=("${ACT_VALUES[i]}")
      PLAN_SET+=("${ACT_SET[i]}")
    done
    PLAN_FRONT=$ACT_FRONT PLAN_BACK=$ACT_BACK PLAN_PATH=$ACT_PATH
  else
    PLAN_NAMES+=(VIRTUAL_ENV VIRTUAL_ENV_PROMPT UV_PROJECT_ENVIRONMENT ASDF_PYTHON_PLUGIN_DISABLE_RESHIM PYTHONHOME)
    PLAN_VALUES+=("$2" "$3" "$2" 1 "")
    PLAN_SET+=(1 1 1 1 "")
    PLAN_FRONT=$2/bin PLAN_BACK=""
  fi
}

# Usage: compose_path <PATH of the caller>
# Sets REPLY to PATH inside the environment of the last plan.
compose_path() {
  REPLY=${PLAN_PATH:-$PLAN_FRONT${1:+:$1}$PLAN_BACK}
}
