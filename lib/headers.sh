# shellcheck shell=bash
# shellcheck disable=SC2034 # results are handed back in globals that other files read
# The headers of the rooms: help, documents, man page and completion are made from them alone.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/headers.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

# The order of the groups in `pyve help` and in the docs. (The docs have Plumbing too: what is
# called by scripts, not by people.)
HELP_GROUPS=("Environment" "Dependencies" "Scripts and tools" "Store" "Ship" "Agents" "Pyve itself")

# What every command takes, in the form of a header's `# Option:` lines; -C has no long form.
GLOBAL_OPTIONS=(
  "-C DIR         Work in DIR"
  "-q, --quiet    Say only what is wrong"
  "-v, --verbose  Say more, on stderr"
  "--no-wait      Fail where another Pyve is at work in the project, in place of waiting"
  "--json         Answer with one JSON document on stdout"
  "--format FORM  json, as --json; or jsonl, a line of JSON for each event"
  "-h, --help     Show what the command does"
)

# Usage: read_header <file>
# Sets header_summary, header_states, and the arrays header_usage, header_option,
# header_argument, header_agent, header_example, header_exit, header_alias, header_about from the comment at the top of a room.
read_header() {
  local line
  header_summary="" header_states=""
  header_usage=() header_option=() header_example=() header_exit=() header_alias=() header_about=() header_argument=() header_agent=()
  while IFS= read -r line && [[ $line == "#"* ]]; do
    case $line in
      "# Option: "*) header_option+=("${line#"# Option: "}") ;;
      "# About: "*) header_about+=("${line#"# About: "}") ;;
      "# Example: "*) header_example+=("${line#"# Example: "}") ;;
      "# Usage: "*) header_usage+=("${line#"# Usage: "}") ;;
      "# Argument: "*) header_argument+=("${line#"# Argument: "}") ;;
      "# Summary: "*) header_summary=${line#"# Summary: "} ;;
      "# Exit: "*) header_exit+=("${line#"# Exit: "}") ;;
      "# States: "*) header_states=${line#"# States: "} ;;
      "# Alias: "*) header_alias+=("${line#"# Alias: "}") ;;
      "# Agent: "*) header_agent+=("${line#"# Agent: "}") ;;
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

# Usage: group_commands
# Sets REPLY to the groups of `pyve help`, each a line "[name]" with a line "  command  summary" for each of its
# commands behind it; the first line is the number of all rooms. lib/data/commands.txt keeps it.
group_commands() {
  local group i line
  read_all_headers
  REPLY=${#help_names[@]}$'\n'
  for group in "${HELP_GROUPS[@]}"; do
    line="[$group]"$'\n'
    for ((i = 0; i < ${#help_names[@]}; i++)); do
      if [[ ${help_groups[i]} == "$group" ]]; then
        REPLY+=$line
        printf -v line '  %-15s %s\n' "${help_names[i]}" "${help_summaries[i]}"
      fi
    done
    [[ $line == "["* ]] || REPLY+=$line
  done
}

# Usage: split_option <option line>
# Sets option_form ("-f, --force" or "--backend TYPE"), option_short ("-f" or ""), option_long
# ("--force" or ""), option_value ("TYPE" or "") and option_text.
split_option() {
  local rest=$1 word
  option_form="" option_short="" option_long="" option_value=""
  # (No regular expression: they are slow, and completion splits every option of a command.)
  case $rest in
    -[A-Za-z],* | -[A-Za-z][[:space:]]*)
      option_short=${rest:0:2}
      option_form=$option_short
      rest=${rest:2}
      ;;
  esac
  case $rest in
    --[a-z]* | ,*--[a-z]*)
      rest=${rest#"${rest%%--*}"}
      option_long=${rest%%[[:space:]]*}
      option_form+=${option_form:+, }$option_long
      rest=${rest#"$option_long"}
      ;;
  esac
  word=${rest#[[:space:]]}
  word=${word%%[[:space:]]*}
  if [[ $word == [A-Z]* && $word != *[!A-Z_.\|]* ]]; then
    option_value=$word
    option_form+=" $word"
    rest=${rest#?"$word"}
  fi
  option_text=${rest#"${rest%%[![:space:]]*}"}
}
