# shellcheck shell=bash
# What may stand at the end of a command line, for the completion scripts of bash, zsh and fish.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/completion.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F read_header >/dev/null || . "${BASH_SOURCE[0]%/*}/help.sh"

# Usage: list_completions [word]...
# Prints what may stand in the last place of `pyve <word>...`, a line each: candidate, tab, text.
list_completions() {
  local last="" item i name=${1-}
  if (($# <= 1)); then
    read_all_headers
    for ((i = 0; i < ${#help_names[@]}; i++)); do
      if [[ ${help_names[i]} == "$name"* ]]; then
        printf '%s\t%s\n' "${help_names[i]}" "${help_summaries[i]}"
      fi
    done
    return 0
  fi
  last=${!#}
  [[ $name =~ ^[a-z][a-z-]*$ && -f $PYVE_ROOT/lib/commands/$name.sh ]] || return 0
  read_header "$PYVE_ROOT/lib/commands/$name.sh"
  for item in ${header_option[@]+"${header_option[@]}"}; do
    split_option "$item"
    option_form=${option_form##*, }
    option_form=${option_form%% *}
    if [[ $option_form == "$last"* ]]; then
      printf '%s\t%s\n' "$option_form" "$option_text"
    fi
  done
}
