# shellcheck shell=bash
# docs/commands.md, made from the headers of the rooms.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/markdown.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F read_header >/dev/null || . "${BASH_SOURCE[0]%/*}/headers.sh"

# Usage: show_command_markdown <name>
# Prints the section of docs/commands.md on one room.
show_command_markdown() {
  local item
  read_header "$PYVE_ROOT/lib/commands/$1.sh"
  # shellcheck disable=SC2016 # the backticks are Markdown
  printf '### pyve %s\n\n%s.\n\n```\n' "$1" "$header_summary"
  printf '%s\n' "${header_usage[@]}"
  printf '```\n'
  if ((${#header_about[@]})); then
    printf '\n'
    printf '%s\n' "${header_about[@]}"
  fi
  if ((${#header_option[@]})); then
    printf '\n| option | meaning |\n|---|---|\n'
    for item in "${header_option[@]}"; do
      split_option "$item"
      # shellcheck disable=SC2016 # the backticks are Markdown
      printf '| `%s` | %s |\n' "${option_form//|/\\|}" "${option_text//|/\\|}"
    done
  fi
  if ((${#header_example[@]})); then
    printf '\nExamples:\n\n```\n'
    printf '%s\n' "${header_example[@]}"
    printf '```\n'
  fi
  if [[ -n $header_states ]]; then
    printf '\nStates: %s.\n' "$header_states"
  fi
  if ((${#header_exit[@]})); then
    printf '\nExit status: %s.\n' "${header_exit[*]}"
  fi
  if ((${#header_alias[@]})); then
    # shellcheck disable=SC2016 # the backticks are Markdown
    printf '\nAlso spelt: `pyve %s`.\n' "${header_alias[*]}"
  fi
  printf '\n'
}

# Usage: show_markdown
# Prints docs/commands.md.
show_markdown() {
  local group i title
  # shellcheck disable=SC2016 # the backticks are Markdown
  printf '<!-- Made from the headers of lib/commands by `make docs`. -->\n\n# Commands\n\n'
  # shellcheck disable=SC2016 # the backticks are Markdown
  printf 'Global options, before or after the command: `-C DIR` (work in DIR), `-q`, `--quiet`, `-v`,\n'
  # shellcheck disable=SC2016 # the backticks are Markdown
  printf '`--verbose`, `--json` (or `--format=json`: one JSON document on stdout).\n\n'
  read_all_headers
  for group in "${HELP_GROUPS[@]}" Plumbing; do
    title=""
    for ((i = 0; i < ${#help_names[@]}; i++)); do
      if [[ ${help_groups[i]} == "$group" ]]; then
        [[ -n $title ]] || printf '## %s\n\n' "$group"
        title=1
        show_command_markdown "${help_names[i]}"
      fi
    done
  done
}
