# shellcheck shell=bash
# What in an environment names its own place, its name or its interpreter: activate scripts, console scripts,
# pyvenv.cfg and pyve.state. Written from the texts of a template (lib/template.sh), without a process.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/venv_scripts.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F quote_word >/dev/null || . "${BASH_SOURCE[0]%/*}/text.sh"
declare -F read_file >/dev/null || . "${BASH_SOURCE[0]%/*}/files.sh"

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
# Writes the activate scripts into <folder>/bin by `<write> <file> <text>`. Place and name are
# quoted as each shell needs it; what a shell would execute or expand in its prompt is taken out
# of the name.
render_activate() {
  local write=$1 target=$2 place=$3 name=${4//[\$\`\\!%[:cntrl:]]/_} file text quote
  for file in "$TEMPLATE/text/bin"/*; do
    read_file "$file"
    text=$REPLY
    case $file in
      *.csh) quote=quote_csh_word ;;
      *.fish) quote=quote_fish_word ;;
      *.ps1) quote=quote_powershell_word ;;
      *) quote=quote_word ;;
    esac
    "$quote" "$place"
    replace_mark "$text" "$DIRECTORY_MARK" "$REPLY"
    text=$REPLY
    "$quote" "$name"
    replace_mark "$text" "$PROMPT_MARK" "$REPLY"
    "$write" "$target/bin/${file##*/}" "$REPLY" || return 1
  done
}

# Usage: render_settings <folder> <name>
# Writes pyvenv.cfg of an environment that is called <name>.
render_settings() {
  local text
  read_file "$TEMPLATE/text/pyvenv.cfg"
  text=$REPLY
  replace_all "${2//[[:cntrl:]]/ }" "'" "\\'"
  replace_mark "$text" "$PROMPT_MARK" "'$REPLY'"
  write_new "$1/pyvenv.cfg" "$REPLY"
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

# Usage: script_head <environment>
# Sets REPLY to the first lines of a console script: a plain #! line where the system can
# read it, else a detour by sh that Python reads as a string.
script_head() {
  local python=$1/bin/python
  if [[ $python =~ ^[^[:space:]]+$ ]] && ((${#python} <= 120)); then
    REPLY="#!$python"$'\n'
  else
    quote_word "$python"
    if [[ $python == *\\* ]]; then
      # Python would take a backslash for an escape, perhaps a malformed one; octal is none.
      replace_all "$python" "\\" "\\0134"
      replace_all "$REPLY" "'" "\\0047"
      REPLY="\"\$(printf '%b' '$REPLY')\""
    fi
    REPLY="#!/bin/sh"$'\n'"'''exec' $REPLY \"\$0\" \"\$@\""$'\n'"' '''"$'\n'
  fi
}

# Usage: write_new <file> <text>
# Writes a file that nobody reads yet. Status 1, and nothing said, when that fails.
write_new() {
  { printf '%s' "$2" >"$1"; } 2>/dev/null
}
