# shellcheck shell=bash
# docs/commands.md, made from the headers of the rooms, and docs/errors.md, made from the registry of codes.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/markdown.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F read_header >/dev/null || . "${BASH_SOURCE[0]%/*}/headers.sh"
declare -F find_code >/dev/null || . "${BASH_SOURCE[0]%/*}/codes.sh"
declare -F quote_word >/dev/null || . "${BASH_SOURCE[0]%/*}/text.sh"

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
  printf '`--verbose`, `--no-wait` (where another Pyve is at work in the project, that is a failure, not waited for),\n`--json` (or `--format=json`: one JSON document on stdout).\n\n'
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

# Usage: escape_markdown <text>
# Sets REPLY to the text with a backslash before what Markdown would take for markup.
escape_markdown() {
  local mark
  REPLY=$1
  for mark in "\\" "*" "_" "<" "[" "$"; do
    replace_all "$REPLY" "$mark" "\\$mark"
  done
}

# Usage: show_code_markdown <code>
# Prints the section of docs/errors.md on one code.
show_code_markdown() {
  local item fixes=""
  find_code "$1"
  escape_markdown "$CODE_MESSAGE"
  printf '### %s\n\n*%s*\n\n' "$1" "$REPLY"
  escape_markdown "$CODE_MEANS"
  printf '%s\n\nHow it comes about:\n\n' "$REPLY"
  for item in ${CODE_CAUSES[@]+"${CODE_CAUSES[@]}"}; do
    escape_markdown "$item"
    printf '* %s\n' "$REPLY"
  done
  for item in ${CODE_FIXES[@]+"${CODE_FIXES[@]}"}; do
    fixes+="${fixes:+, or }\`$item\`"
  done
  escape_markdown "$CODE_REMEDY"
  printf '\nWhat mends it: %s\n' "$fixes${fixes:+${REPLY:+. }}$REPLY"
  if [[ -n $CODE_CHECK ]]; then
    # shellcheck disable=SC2016 # the backticks are Markdown
    printf '\nWhat finds it: `pyve doctor --only %s`\n' "$CODE_CHECK"
  fi
  printf '\n'
}

# Usage: show_errors_markdown
# Prints docs/errors.md.
show_errors_markdown() {
  local file code links
  local -a files
  # shellcheck disable=SC2016 # the backticks are Markdown
  printf '%s\n' '<!-- Made from lib/data/codes by `make docs`. -->' '' '# Errors and warnings' '' \
    'What Pyve says when something is wrong ends in a code, and goes on with why and with a command to paste:' '' \
    '    ERROR: there is no environment in this project [E_ENV_MISSING]' \
    '      why: .venv is not there' \
    '      fix: pyve init' '' \
    'The code never changes; the words may. Codes that begin with `E_` are errors (exit status 1, if the' \
    'command has no other), `W_` warnings, with which the command goes on, and `I_` is for information.' \
    'With `--json` a diagnostic has the same as `code`, `level`, `message`, `why` and `fix`, which names each' \
    'command as a list of words and says whether it removes something (`"risk": "destructive"`).' '' \
    '`pyve explain E_ENV_MISSING`, or `pyve explain env-missing`, shows what this page says of a code, and' \
    '`pyve explain` lists them all. What `pyve doctor` finds has the id of its check, too.' '' \
    '| area | codes |' '|---|---|'
  find_code_areas
  files=("${CODE_FILES[@]}")
  for file in "${files[@]}"; do
    list_codes "$file"
    links=""
    for code in ${CODES[@]+"${CODES[@]}"}; do
      links+="${links:+, }[$code](#$(printf '%s' "$code" | tr '[:upper:]' '[:lower:]'))"
    done
    [[ -z $links ]] || printf '| %s | %s |\n' "$AREA_TITLE" "$links"
  done
  printf '\n'
  for file in "${files[@]}"; do
    list_codes "$file"
    ((${#CODES[@]})) || continue
    printf '## %s\n\n' "$AREA_TITLE"
    if [[ -n $AREA_ABOUT ]]; then
      escape_markdown "$AREA_ABOUT"
      printf '%s\n\n' "$REPLY"
    fi
    for code in "${CODES[@]}"; do
      show_code_markdown "$code"
    done
  done
}
