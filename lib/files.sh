# shellcheck shell=bash
# Files that Pyve writes: always beside the target first, then moved over it; and a record of
# what Pyve made in a project, so that it removes only that.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/files.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
declare -F read_file >/dev/null || . "${BASH_SOURCE[0]%/*}/raw_text.sh"

# The change of several things that is going on: "1", or ""; where it is noted, what it is about, and whether the notes were
# made durable. See lib/journal.sh. (A room may read this file once more.)
if ! declare -F load_journal >/dev/null; then
  _change_open="" _change_folder="" _change_lines=() _change_synced=""
fi

# What Pyve wrote in a project: a line "<cksum> <size> <file>" each. Ignored by git.
MADE_RECORD=".pyve/state"

# Usage: write_file <file> <text>
# Replaces the file's text in one step. An existing file keeps its mode, and is not touched when
# it says the same already. Status 1, and the old file, when that fails.
write_file() {
  local file=$1 text=$2 temporary="$1.pyve-new.$$" is_there=""
  if [[ -L $file ]]; then
    load_fixes
    propose_move "$file"
    fail E_FILE_LINK "$file is a symbolic link, and Pyve does not write through links" \
      why "what it points to may be outside the project" fix "$REPLY"
    return 1
  fi
  if [[ -e $file && ! -f $file ]]; then
    load_fixes
    propose_move "$file"
    fail E_FILE_WRITE "cannot write $file" why "it is there, and it is not a file" fix "$REPLY"
    return 1
  fi
  if [[ -f $file ]]; then
    read_file "$file"
    if [[ -n $READ_CUT ]]; then
      # (The text was made from what was read.)
      load_fixes
      propose_move "$file"
      fail E_FILE_KIND "$file is no text, so it is not changed" why "it has a NUL byte, or more than 1048576 characters" fix "$REPLY"
      return 1
    fi
    if [[ $REPLY == "$text" ]]; then
      return 0
    fi
    if ! cp -p -- "$file" "$temporary" 2>/dev/null; then
      fail_write "$file"
      return 1
    fi
    is_there=1
  fi
  if [[ -n $_change_open ]]; then
    load_journal
    if ! keep_written "$file" "$text"; then
      rm -f -- "$temporary" 2>/dev/null || :
      return 1
    fi
  fi
  # (A power cut must not leave an empty file in the place of one that had something in it.)
  if ! { printf '%s' "$text" >"$temporary" && { [[ -z $is_there ]] || sync_files "$temporary"; } && mv -f -- "$temporary" "$file"; } 2>/dev/null; then
    rm -f -- "$temporary" 2>/dev/null || :
    fail_write "$file"
    return 1
  fi
}

# Usage: load_journal
# Reads lib/journal.sh, which only changes of several things need.
load_journal() {
  # shellcheck source=/dev/null # read when needed; it reads this file back
  declare -F keep_files >/dev/null || . "${BASH_SOURCE[0]%/*}/journal.sh"
}

# Usage: sync_files <file or folder>...
# Has the system write them to the disk, as far as it can be asked to.
sync_files() {
  # (With names that is no wish for everything, but not every system's sync takes names.)
  if [[ $OSTYPE != linux* ]] || ! sync -- "$@" 2>/dev/null; then
    sync 2>/dev/null || :
  fi
}

# Usage: load_fixes
# Reads lib/fixes.sh, which only failures need.
load_fixes() {
  # shellcheck source=/dev/null # read when something is wrong
  declare -F propose_move >/dev/null || . "${BASH_SOURCE[0]%/*}/fixes.sh"
}

# Usage: fail_write <file>
# Says that the file cannot be written, and why as far as it can be seen. Status 1.
fail_write() {
  local folder=${1%/*} why="the disk may be full: make room, and try again"
  [[ $folder != "$1" ]] || folder=.
  load_fixes
  if [[ -e $folder && ! -d $folder ]]; then
    why="$folder is there, and it is not a folder"
  elif [[ ! -d $folder ]]; then
    why="the folder $folder does not exist"
  elif [[ ! -w $folder ]]; then
    why="no permission to write in $folder, or the file system is read-only"
  elif [[ -e $1 && ! -w $1 ]]; then
    why="the file is write-protected"
  fi
  propose_access "$1"
  if [[ -z $REPLY && -d $folder ]]; then
    propose_access "$folder"
  fi
  fail E_FILE_WRITE "cannot write $1" why "$why" ${REPLY:+fix "$REPLY"}
}

# Usage: record_made <file>
# Remembers that Pyve wrote <file> of this project, with the digest of what it wrote.
record_made() {
  local digest text
  # Without a digest the file counts as not made by Pyve, and is never removed.
  digest=$(cksum <"$1" 2>/dev/null) || return 0
  read_file "$MADE_RECORD"
  forget_line "$1" "$REPLY"
  text=$REPLY
  [[ -d .pyve ]] || mkdir -p .pyve || return 1
  write_file "$MADE_RECORD" "$text$digest $1"$'\n'
}

# Usage: forget_line <file> <record>
# Sets REPLY to the text of a record without the line about <file>.
forget_line() {
  local line out=""
  while IFS= read -r line; do
    if [[ -n $line && ${line#* * } != "$1" ]]; then
      out+=$line$'\n'
    fi
  done <<<"$2"
  REPLY=$out
}

# Usage: is_made <file>
# True when Pyve wrote <file> of this project and nobody has changed it since. Otherwise REPLY
# says why not.
is_made() {
  local line digest
  read_file "$MADE_RECORD"
  while IFS= read -r line; do
    if [[ -n $line && ${line#* * } == "$1" ]]; then
      REPLY="it was changed after Pyve wrote it"
      digest=$({ cksum <"$1"; } 2>/dev/null) || return 1
      [[ "$digest $1" == "$line" ]]
      return
    fi
  done <<<"$REPLY"
  REPLY="Pyve did not write it"
  return 1
}
