# shellcheck shell=bash
# <data>/pyve/install.state: the record of what an installation made.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/install_record.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F write_file >/dev/null || . "${BASH_SOURCE[0]%/*}/files.sh"
declare -F has_line >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"

# <data>/pyve, the tree in it, the text of the record, and what list_recorded found.
_si_data="" _si_app="" _si_record=""
_si_paths=()

# Usage: read_record
# Sets _si_record to the text of install.state.
read_record() {
  read_file "$_si_data/install.state"
  _si_record=${REPLY:-"# What pyve self install made, for pyve self uninstall."$'\n'}
}

# Usage: add_record <line>
# Adds a line, once, to _si_record.
add_record() {
  has_line "$1" "$_si_record" || _si_record+=$1$'\n'
}

# Usage: list_recorded <kind>
# Fills _si_paths with the paths of this kind on record, the last first.
list_recorded() {
  local line
  _si_paths=()
  while IFS= read -r line; do
    [[ $line != "$1 "* ]] || _si_paths=("${line#"$1 "}" ${_si_paths[@]+"${_si_paths[@]}"})
  done <<<"$_si_record"
}

# Usage: record_missing_folders <folder>
# Records <folder> and those above it that are not there yet, the outermost first.
record_missing_folders() {
  if [[ ! -e $1 && $1 == /?* ]]; then
    record_missing_folders "${1%/*}"
    add_record "dir $1"
  fi
}
