# shellcheck shell=bash
# What in an environment names its own place, its name or its interpreter: activate scripts, console scripts,
# pyvenv.cfg and pyve.state. Written from the texts of a template (lib/template.sh), without a process.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/venv_scripts.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F script_head >/dev/null || . "${BASH_SOURCE[0]%/*}/script_head.sh"
declare -F quote_word >/dev/null || . "${BASH_SOURCE[0]%/*}/text.sh"
declare -F read_file >/dev/null || . "${BASH_SOURCE[0]%/*}/raw_text.sh"

# What stands in a template's texts for the environment's path and for its name.
DIRECTORY_MARK=$'\x1e'
PROMPT_MARK=$'\x1f'

# Usage: render_scripts <folder> <final place>
# Writes pip's console scripts into <folder>/bin.
render_scripts() {
  # The mode comes with the copy; the text is then written over it.
  cp -p "$TEMPLATE/text/script"/* "$1/bin/" && write_pip_scripts "$1" "$2"
}

# Usage: write_pip_scripts <folder> <final place>
# The same, whatever mode they have. Adds their paths to the array VENV_SCRIPTS.
write_pip_scripts() {
  local file head
  script_head "$2"
  head=$REPLY
  for file in "$TEMPLATE/text/script"/*; do
    read_file "$file"
    write_new "$1/bin/${file##*/}" "$head$REPLY" || return 1
    VENV_SCRIPTS+=("$1/bin/${file##*/}")
  done
}

# Usage: render_activate <write> <folder> <final place> <name>
# Writes the activate scripts into <folder>/bin by `<write> <file> <text>`.
render_activate() {
  local write=$1 target=$2 file text
  for file in "$TEMPLATE/text/bin"/*; do
    read_file "$file"
    text=$REPLY
    quote_activation "$file" "$3" "$4"
    replace_mark "$text" "$DIRECTORY_MARK" "$QUOTED_PLACE"
    replace_mark "$REPLY" "$PROMPT_MARK" "$QUOTED_NAME"
    "$write" "$target/bin/${file##*/}" "$REPLY" || return 1
  done
}

# Usage: quote_activation <activate script> <place> <name>
# Sets QUOTED_PLACE and QUOTED_NAME to both as the shell needs them that the script, a path, is for; what a shell would
# execute or expand in its prompt is taken out of the name.
quote_activation() {
  local quote=quote_word
  case $1 in
    *.csh) quote=quote_csh_word ;;
    *.fish) quote=quote_fish_word ;;
    *.ps1) quote=quote_powershell_word ;;
  esac
  "$quote" "$2"
  QUOTED_PLACE=$REPLY
  "$quote" "${3//[\$\`\\!%[:cntrl:]]/_}"
  QUOTED_NAME=$REPLY
}

# Usage: render_settings <folder> <name>
# Writes pyvenv.cfg of an environment that is called <name>.
render_settings() {
  local text
  read_file "$TEMPLATE/text/pyvenv.cfg"
  text=$REPLY
  quote_setting "$2"
  replace_mark "$text" "$PROMPT_MARK" "$REPLY"
  write_new "$1/pyvenv.cfg" "$REPLY"
}

# Usage: quote_setting <name>
# Sets REPLY to the name as pyvenv.cfg has it.
quote_setting() {
  replace_all "${1//[[:cntrl:]]/ }" "'" "\\'"
  REPLY="'$REPLY'"
}

# Usage: write_environment_state <folder> <final place>
# Records in the environment what it was made from.
write_environment_state() {
  get_environment_text "$2"
  write_new "$1/pyve.state" "$REPLY"
}

# Usage: get_environment_text <final place>
# Sets REPLY to what pyve.state says about how the environment was made.
# shellcheck disable=SC2153 # PYTHON and its kin are set by lib/interpreter.sh
get_environment_text() {
  REPLY="format=1"$'\n'"path=${1//$'\n'/\\n}"$'\n'"python=$PYTHON"$'\n'"version=$PYTHON_VERSION"$'\n'"stdlib=$PYTHON_STDLIB"$'\n'
}

# Usage: write_new <file> <text>
# Writes a file that nobody reads yet. Status 1, and nothing said, when that fails.
write_new() {
  { printf '%s' "$2" >"$1"; } 2>/dev/null
}
