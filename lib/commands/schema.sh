# Summary: Print the JSON Schema of what --json prints
# Group: Agents
# Usage: pyve schema
# About: JSON Schema (draft 2020-12) of the document of --json, of each line of --format=jsonl ($defs/event), and of
# About: "detail" for each command ($defs/detail-COMMAND). The same file is docs/schema/pyve-v1.json. It grows by
# About: keys; what has a meaning keeps it as long as "version" is 1.
# Example: pyve schema >pyve-v1.json
# Exit: 0 printed; 1 an unknown option, or the file is missing
# States: any -> the same
# Agent: read idempotent

cmd_schema() {
  local file=$PYVE_ROOT/docs/schema/pyve-v1.json text
  need files cli
  parse_options "$@" && expect_arguments 0 || return 1
  read_file "$file"
  text=$REPLY
  if [[ -z $text ]]; then
    fail E_INSTALL_SOURCE "$PYVE_ROOT is not a whole Pyve" why "docs/schema/pyve-v1.json is missing or cannot be read"
    return 1
  fi
  if [[ -n $PYVE_JSON ]]; then
    # (In one line. There is no line end in its strings.)
    answer_json schema "${text//$'\n'/ }"
  else
    print_text "$text"
  fi
}
