# shellcheck shell=bash
# Help, docs and completion data, all read from the headers of the rooms.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/help.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

# The order of the groups in `pyve help` and in the docs. (The docs have Plumbing too: what is
# called by scripts, not by people.)
HELP_GROUPS=("Environment" "Dependencies" "Scripts and tools" "Store" "Ship" "Agents" "Pyve itself")

# Usage: read_header <file>
# Sets header_summary, header_states, and the arrays header_usage, header_option,
# header_example, header_exit, header_alias, header_about from the comment at the top of a room.
read_header() {
  local line
  header_summary="" header_states=""
  header_usage=() header_option=() header_example=() header_exit=() header_alias=() header_about=()
  while IFS= read -r line && [[ $line == "#"* ]]; do
    case $line in
      "# Summary: "*) header_summary=${line#"# Summary: "} ;;
      "# States: "*) header_states=${line#"# States: "} ;;
      "# Usage: "*) header_usage+=("${line#"# Usage: "}") ;;
      "# Option: "*) header_option+=("${line#"# Option: "}") ;;
      "# Example: "*) header_example+=("${line#"# Example: "}") ;;
      "# Exit: "*) header_exit+=("${line#"# Exit: "}") ;;
      "# Alias: "*) header_alias+=("${line#"# Alias: "}") ;;
      "# About: "*) header_about+=("${line#"# About: "}") ;;
    esac
  done <"$1"
}

# Usage: read_all_headers
# Fills help_names, help_summaries and help_groups, in the order of the names, for every room.
read_all_headers() {
  local file line name
  help_names=() help_summaries=() help_groups=()
  for file in "$PYVE_ROOT/lib/commands"/*.sh; do
    name=${file##*/}
    help_names+=("${name%.sh}")
    # Every room's first line is its summary, the second its group: no need to read on.
    {
      IFS= read -r line || :
      help_summaries+=("${line#"# Summary: "}")
      IFS= read -r line || :
      help_groups+=("${line#"# Group: "}")
    } <"$file"
  done
}

# Usage: show_overview
# Prints all commands, grouped.
show_overview() {
  local group i title
  printf 'Pyve makes a Python project'\''s environment exist, and says what is wrong with it.\n\n'
  printf 'Usage: pyve [-C DIR] [-q] [-v] [--json] COMMAND [ARGUMENT]...\n'
  read_all_headers
  for group in "${HELP_GROUPS[@]}"; do
    title=""
    for ((i = 0; i < ${#help_names[@]}; i++)); do
      if [[ ${help_groups[i]} == "$group" ]]; then
        [[ -n $title ]] || printf '\n%s\n' "$group"
        title=1
        printf '  %-16s %s\n' "${help_names[i]}" "${help_summaries[i]}"
      fi
    done
  done
  printf '\nBegin with: pyve init      More on a command: pyve help COMMAND\n'
}

# Usage: split_option <option line>
# Sets option_form ("-f, --force" or "--backend TYPE") and option_text.
split_option() {
  local shape='^(((-[A-Za-z]), +)?--[a-z][a-z-]*( [A-Z][A-Z_|.]*)?)[[:space:]]+(.*)$'
  option_form=$1 option_text=""
  if [[ $1 =~ $shape ]]; then
    option_form=${BASH_REMATCH[1]}
    option_text=${BASH_REMATCH[5]}
  fi
}

# Usage: show_command_help <name>
# Prints what the header of one room says.
show_command_help() {
  local item
  read_header "$PYVE_ROOT/lib/commands/$1.sh"
  printf 'pyve %s: %s\n\n' "$1" "$header_summary"
  for item in "${header_usage[@]}"; do
    printf 'Usage: %s\n' "$item"
  done
  if ((${#header_about[@]})); then
    printf '\n'
    printf '%s\n' "${header_about[@]}"
  fi
  if ((${#header_option[@]})); then
    printf '\nOptions:\n'
    for item in "${header_option[@]}"; do
      split_option "$item"
      printf '  %-24s %s\n' "$option_form" "$option_text"
    done
  fi
  if ((${#header_example[@]})); then
    printf '\nExamples:\n'
    printf '  %s\n' "${header_example[@]}"
  fi
  if ((${#header_exit[@]})); then
    printf '\nExit status:\n'
    printf '  %s\n' "${header_exit[@]}"
  fi
  if ((${#header_alias[@]})); then
    printf '\nAlso spelt: %s\n' "${header_alias[*]}"
  fi
}

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
