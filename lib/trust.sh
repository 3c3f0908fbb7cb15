# shellcheck shell=bash
# Which projects the shell hook may enter: those that `pyve init` or `pyve hook --trust` has recorded.
#
# A record is a file in <state>/pyve/trust. Its name is a digest of the project's path and of all that
# would be applied, the texts of .pyve/config and .env; the path is its only line. The file
# "stamp" changes with every record, so that shells look again without starting a process.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/trust.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
declare -F read_file >/dev/null || . "${BASH_SOURCE[0]%/*}/raw_text.sh"
declare -F sha256_of_text >/dev/null || . "${BASH_SOURCE[0]%/*}/digest.sh"
declare -F get_trusted_text >/dev/null || . "${BASH_SOURCE[0]%/*}/trust_record.sh"

# Usage: digest_project <project>
# Reads the project, and sets TRUST_PATH (without links) and TRUST_DIGEST. Status 1 when the folder is gone
# or no digest can be made.
digest_project() {
  TRUST_DIGEST=""
  get_trusted_text "$1" && sha256_of_text "$REPLY" || return 1
  TRUST_DIGEST=$REPLY
}

# Usage: is_trusted
# True when what digest_project has read is on record.
is_trusted() {
  find_trust_folder && [[ -f $REPLY/$TRUST_DIGEST ]]
}

# Usage: was_trusted
# True when there is a record of the path that digest_project has read, with other contents.
was_trusted() {
  local _file
  find_trust_folder || return 1
  for _file in "$REPLY"/*; do
    read_file "$_file"
    if [[ $REPLY == "$TRUST_PATH"$'\n' ]]; then
      return 0
    fi
  done
  return 1
}

# Usage: trust_project <project>
# Records the project as it is now, in place of older records of its path. Status 1, with a
# diagnostic, when that cannot be written.
trust_project() {
  digest_project "$1" || return 1
  if ! record_trust "$1"; then
    REPLY=""
    # shellcheck source=/dev/null # read when something is wrong
    declare -F load_fixes >/dev/null || . "${BASH_SOURCE[0]%/*}/files.sh"
    if [[ -n $TRUST_FOLDER ]]; then
      load_fixes
      propose_access "$TRUST_FOLDER/$TRUST_DIGEST"
    fi
    fail E_TRUST_WRITE "cannot record that $1 is trusted" \
      why "Pyve records there which projects the shell hook may enter: ${TRUST_FOLDER:-HOME is not set}" ${REPLY:+fix "$REPLY"}
    return 1
  fi
}

# Usage: record_trust <project>
# The same, and nothing is said. (The text of a record is for finding older ones only: it need not be written
# in one step.)
record_trust() {
  local DIGEST_QUIET=1
  TRUST_FOLDER=""
  digest_project "$1" && write_trust
}

# Usage: distrust_project <project>
# Removes every record of the project's path. Status 1 when there was none.
distrust_project() {
  local folder
  digest_project "$1" && { was_trusted || is_trusted; } && find_trust_folder || return 1
  folder=$REPLY
  rm -f -- "$folder/$TRUST_DIGEST" || return 1
  remove_records "$folder" "" && stamp_records "$folder"
}
