# shellcheck shell=bash
# Several files and environments of a project changed as one: all of them, or none. Only with the project's lock, in
# the project's folder.
#
# Before anything changes, .pyve/tmp/kept.PID/list says what is going to, a line for each:
#
#   (first line)      TAB "journal" TAB <inode of this file>   so that no list is believed that came with a repository
#   <file>            a file; what it held is kept.PID/<number of the line, from 0>, and that is not there when there was
#                     no file; what was written is kept.PID/new.<number>, where that is known
#   TAB "moved" TAB <path>                         moved to kept.PID/<number of the line>
#   TAB "environment" TAB <path> TAB <folder in .pyve/tmp> TAB used|fresh TAB <inode>   swapped with that folder, which
#                     has the inode
#   TAB "conda" TAB <name> TAB used|fresh          made anew; the old one is .pyve/envs/.old.<name>
#
# Removing the list is what makes the change. A list that is still there is undone, from its end: at exit, or by the
# next command.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/journal.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
declare -F write_file >/dev/null || . "${BASH_SOURCE[0]%/*}/files.sh"
declare -F lock_project >/dev/null || . "${BASH_SOURCE[0]%/*}/project_lock.sh"

# Usage: begin_change
# From here to commit_change, everything is one change. Costs nothing until something changes.
begin_change() {
  [[ -z $_change_open ]] || return 0
  [[ -n $_change_folder ]] || at_exit undo_change
  _change_open=1 _change_folder=$PWD/.pyve/tmp/kept.$$ _change_lines=() _change_synced=""
}

# Usage: note_change <line>
# Adds a line to the list. Status 1 after a diagnostic.
note_change() {
  local head="" place=$_change_folder
  if ((${#_change_lines[@]} == 0)); then
    if ! { { [[ -d $place ]] || mkdir -p "$place"; } && : >"$place/list" && find_inode "$place/list"; } 2>/dev/null; then
      fail_write "$place/list"
      return 1
    fi
    printf -v head '\tjournal\t%s\n' "$REPLY"
  fi
  if ! { printf '%s%s\n' "$head" "$1" >>"$place/list"; } 2>/dev/null; then
    fail_write "$place/list"
    return 1
  fi
  _change_lines+=("$1")
}

# Usage: name_in_project <absolute path>
# Sets REPLY to the path below the project, or to "" when it is outside of it, or cannot stand in a line.
name_in_project() {
  local path=$1 here
  if [[ $path != "$PWD"/* ]]; then
    here=$(pwd -P && printf x)
    here=${here%$'\n'x}
    path=${path#"$here/"}
  fi
  path=${path#"$PWD/"}
  REPLY=""
  [[ $path == /* || $path == *$'\n'* || $path == $'\t'* ]] || REPLY=$path
}

# Usage: keep_files <file>...
# Keeps what the files hold, or that they are not there: until the change is committed, they can be put back. Begins a
# change where there is none. Status 1, after a diagnostic, when a copy cannot be made.
keep_files() {
  local file copy number
  local -a durable=()
  begin_change
  for file; do
    [[ $file == /* ]] || file=$PWD/$file
    # (What a link leads to is changed, and the link stays.)
    while [[ -L $file ]]; do
      copy=$(readlink "$file") || break
      [[ $copy == /* ]] || copy=${file%/*}/$copy
      file=$copy
    done
    ! find_kept "$file" || continue
    number=${#_change_lines[@]}
    if [[ -e $file ]]; then
      copy=$_change_folder/$number
      if ! { mkdir -p "$_change_folder" && cp -p -- "$file" "$copy"; } 2>/dev/null; then
        fail_write "$copy"
        return 1
      fi
      durable+=("$copy")
    fi
    name_in_project "$file"
    copy=$REPLY
    note_change "$copy" || return 1
    # (At exit one outside of the project is put back, too.)
    _change_lines[number]=${copy:-$file}
  done
  if ((${#durable[@]})); then
    sync_files "${durable[@]}" "$_change_folder/list" "$_change_folder"
    _change_synced=1
  fi
}

# Usage: find_kept <absolute path of a file>
# Sets REPLY to the number of its line. Status 1 when it has none.
find_kept() {
  local i
  for ((i = 0; i < ${#_change_lines[@]}; i++)); do
    if [[ ${_change_lines[i]} == "$1" || $PWD/${_change_lines[i]} == "$1" ]]; then
      REPLY=$i
      return 0
    fi
  done
  return 1
}

# Usage: keep_written <file> <text>
# For write_file, within a change: keeps the file, and what is going to be written, so that it is not put back once
# somebody else has changed it.
keep_written() {
  local file=$1
  [[ $file == /* ]] || file=$PWD/$file
  keep_files "$file" || return 1
  find_kept "$file" || return 0
  if ! { printf '%s' "$2" >"$_change_folder/new.$REPLY"; } 2>/dev/null; then
    fail_write "$_change_folder/new.$REPLY"
    return 1
  fi
}

# Usage: take_away <path>...
# Within a change: moves files and folders of the project out of the way; what is not there is left out. They are removed
# with the commit. Status 1, after a diagnostic, when one cannot be moved.
take_away() {
  local path number
  begin_change
  for path; do
    [[ -e $path || -L $path ]] || continue
    number=${#_change_lines[@]}
    [[ $path == /* ]] || path=$PWD/$path
    name_in_project "$path"
    if [[ -z $REPLY ]] || ! note_change $'\t'"moved"$'\t'"$REPLY"; then
      return 1
    fi
    if ! mv -- "$path" "$_change_folder/$number" 2>/dev/null; then
      fail_write "$path"
      return 1
    fi
  done
}

# Usage: note_environment <new folder> <place>
# For swap_in, within a change: notes that the environment at the place is going to be swapped with the new folder, which
# is one of .pyve/tmp. Status 1 after a diagnostic.
note_environment() {
  local path kind=used
  name_in_project "$2"
  path=$REPLY
  [[ -n $path ]] || return 0
  [[ -e $2 || -L $2 ]] || kind=fresh
  if ! find_inode "$1"; then
    fail_write "$1"
    return 1
  fi
  note_change $'\t'"environment"$'\t'"$path"$'\t'"${1##*/.pyve/tmp/}"$'\t'"$kind"$'\t'"$REPLY"
}

# Usage: find_inode <path>
# Sets REPLY to the number of the inode, which stays the same when the path is moved. Status 1 when there is none.
find_inode() {
  REPLY=$(ls -di -- "$1" 2>/dev/null) || return 1
  REPLY=${REPLY#"${REPLY%%[![:space:]]*}"}
  REPLY=${REPLY%% *}
}

# Usage: note_conda_env <name>
# For begin_conda_env, within a change: notes that the environment is going to be made anew.
note_conda_env() {
  local kind=used
  [[ -e .pyve/envs/$1 || -L .pyve/envs/$1 ]] || kind=fresh
  note_change $'\t'"conda"$'\t'"$1"$'\t'"$kind"
}

# Usage: commit_change
# Everything stays as it is now. Status 1, after a diagnostic, when that cannot be noted; it is then undone.
commit_change() {
  local line
  local -a folders=(.)
  [[ -n $_change_open ]] || return 0
  _change_open=""
  ((${#_change_lines[@]})) || return 0
  if [[ -n $_change_synced ]]; then
    for line in "${_change_lines[@]}"; do
      [[ $line == $'\t'* || $line != */* || " ${folders[*]} " == *" ${line%/*} "* ]] || folders+=("${line%/*}")
    done
    sync_files "${folders[@]}"
  fi
  if ! rm -f "$_change_folder/list" 2>/dev/null; then
    _change_open=1
    fail_write "$_change_folder/list"
    return 1
  fi
  [[ -z $_change_synced ]] || sync_files "$_change_folder"
  for line in "${_change_lines[@]}"; do
    if [[ $line == $'\tconda\t'* ]]; then
      line=${line#$'\tconda\t'}
      # (What cannot be removed is a leftover, for the next command.)
      rm -rf -- ".pyve/envs/.old.${line%%$'\t'*}" 2>/dev/null || :
    fi
  done
  # (What was replaced goes with .pyve/tmp.)
  _change_lines=()
}

# Usage: undo_change
# Also at exit: puts back everything since begin_change, unless it was committed.
undo_change() {
  local here=$PWD
  [[ -n $_change_open ]] || return 0
  _change_open=""
  if ((${#_change_lines[@]})); then
    [[ $_project_folder == "$PWD" || -z $_project_folder ]] || CDPATH="" cd -- "$_project_folder" || return 1
    undo_lines "$PWD/.pyve/tmp" "$_change_folder" "" && rm -f "$_change_folder/list"
    remove_empty_folders
    [[ $PWD == "$here" ]] || CDPATH="" cd -- "$here" || :
  fi
  _change_lines=()
}

# Usage: remove_empty_folders
# Removes the folders that environments of .pyve are in, where none is.
remove_empty_folders() {
  rmdir ".pyve/${TESTENV_DIR_NAME:-testenv}" .pyve/envs 2>/dev/null || :
}

# Usage: undo_left_changes <folder>
# Undoes what killed commands have left half done; <folder> was their .pyve/tmp. Status 1, after a diagnostic, when an
# environment cannot be put back.
undo_left_changes() {
  local kept line
  local -a _change_lines
  for kept in "$1"/kept.*; do
    [[ -f $kept/list && ! -L $kept && ! -L $kept/list ]] || continue
    find_inode "$kept/list" && IFS= read -r -n 100 line <"$kept/list" && [[ $line == $'\tjournal\t'"$REPLY" ]] || continue
    _change_lines=()
    while IFS= read -r line; do
      _change_lines+=("$line")
    done <"$kept/list"
    _change_lines=(${_change_lines[@]+"${_change_lines[@]:1}"})
    undo_lines "$1" "$kept" strict || return 1
    rm -f "$kept/list"
  done
}

# Usage: undo_lines <what is or was .pyve/tmp> <folder of what is kept> <strict|"">
# Undoes _change_lines, the last one first. Strict: what stands in them was read from a file, and somebody may have changed
# the project since. Status 1, after a diagnostic, when an environment cannot be put back.
undo_lines() {
  local i line status=0 keeps_files=""
  [[ -z $3 ]] || ! is_any_file_changed "$2" || keeps_files=1
  for ((i = ${#_change_lines[@]} - 1; i >= 0; i--)); do
    line=${_change_lines[i]}
    case $line in
      "") ;;
      $'\tmoved\t'*) undo_move "${line#$'\tmoved\t'}" "$2/$i" || status=1 ;;
      $'\tenvironment\t'*) undo_environment "$1" "$i" "${line#$'\tenvironment\t'}" || status=1 ;;
      $'\tconda\t'*) undo_conda "${line#$'\tconda\t'}" || status=1 ;;
      $'\t'*) ;;
      *)
        [[ -n $keeps_files ]] || { [[ -n $3 ]] && ! can_put_back "$line"; } || undo_file "$line" "$2/$i" || status=1
        ;;
    esac
  done
  return "$status"
}

# Usage: is_any_file_changed <folder of what is kept>
# True when a file of _change_lines is neither what it was nor what was written then: somebody has changed it since.
is_any_file_changed() {
  local i file
  for ((i = 0; i < ${#_change_lines[@]}; i++)); do
    file=${_change_lines[i]}
    if [[ $file != $'\t'* && -f $1/new.$i && -f $file ]] && can_put_back "$file" && ! cmp -s "$1/new.$i" "./$file" &&
      ! cmp -s "$1/$i" "./$file"; then
      return 0
    fi
  done
  return 1
}

# Usage: can_put_back <file>
# True when the file, as keep_files wrote it, is one of the project, in the current folder, and none of git's: .pyve may
# come from somebody else, and must not lead to any other file.
can_put_back() {
  [[ ! -L $1 && ! -d $1 ]] && is_below_project "$1"
}

# Usage: is_below_project <path>
# True when the path is written as one below the current folder, and no link leads out of that.
is_below_project() {
  local folder=. here
  [[ -n $1 && $1 != /* && /$1/ != */../* && /$1/ != */./* && /$1/ != */[.][gG][iI][tT]/* ]] || return 1
  [[ $1 != */* ]] || folder=./${1%/*}
  here=$(pwd -P && printf x) && folder=$(CDPATH="" cd -P -- "$folder" 2>/dev/null && pwd -P && printf x) || return 1
  [[ ${folder%$'\n'x}/ == "${here%$'\n'x}"/* ]]
}

# Usage: undo_file <file> <what it held>
# Puts the file back, or takes it away. (The copy stays, so that this can be done once more.)
undo_file() {
  local file=$1 part
  [[ $file == /* ]] || file=./$file
  part=${file%/*}/.${file##*/}.pyve-new
  rm -f -- "$part".*
  if [[ ! -e $2 && ! -L $2 ]]; then
    rm -f -- "$file" 2>/dev/null
  elif [[ -L $2 ]] || cmp -s -- "$2" "$file"; then
    return 0
  else
    { cp -p -- "$2" "$part.$$" && mv -f -- "$part.$$" "$file"; } 2>/dev/null
  fi || fail_write "$file"
}

# Usage: undo_move <path> <where it was moved>
# Moves it back, where nothing has come since.
undo_move() {
  [[ -e $2 || -L $2 ]] || return 0
  [[ ! -e $1 && ! -L $1 ]] && is_below_project "$1" || return 0
  [[ -d ${1%/*} || $1 != */* ]] || mkdir -p -- "${1%/*}" 2>/dev/null || :
  if ! mv -- "$2" "./$1" 2>/dev/null; then
    fail_restore "$PWD/$1" "$2"
    return 1
  fi
}

# Usage: undo_environment <what is or was .pyve/tmp> <number> <"path TAB folder TAB used|fresh TAB inode">
# Puts the environment back that was there before.
undo_environment() {
  local tmp=$1 path folder kind inode old="" other process
  IFS=$'\t' read -r path folder kind inode <<<"$3"
  # (What is laid out from the store is one folder further down.)
  process=${folder%/tree}
  is_below_project "$path" && [[ -n $inode && $process != */* && $process != .. ]] || return 0
  # The old one is where the new one was made; or, where two cannot be exchanged in one step, has a name of its own.
  for other in "$tmp/$folder" "$tmp"/old.*."${process##*.}"; do
    if [[ $kind == used && -z $old && (-d $other || -L $other) ]] && find_inode "$other" && [[ $REPLY != "$inode" ]]; then
      old=$other
    fi
  done
  if [[ -e $path || -L $path ]]; then
    # Nothing is taken away that is not the new one, or for which there is nothing to put in its place.
    find_inode "./$path" && [[ $REPLY == "$inode" && ($kind == fresh || -n $old) ]] || return 0
    if ! mv -- "./$path" "$tmp/undone.$2" 2>/dev/null; then
      fail_restore "$PWD/$path" "$tmp"
      return 1
    fi
  fi
  if [[ -n $old ]] && ! mv -- "$old" "./$path" 2>/dev/null; then
    fail_restore "$PWD/$path" "$old"
    return 1
  fi
}

# Usage: undo_conda <"name TAB used|fresh">
# Puts the conda environment back that was there before.
undo_conda() {
  local name=${1%%$'\t'*} mark
  [[ $name =~ ^[A-Za-z_][A-Za-z0-9._-]*$ && ! -L .pyve/envs ]] || return 0
  mark=.pyve/envs/.making.$name
  if [[ ! -e $mark ]] && [[ -e .pyve/envs/.old.$name || (${1#*$'\t'} == fresh && -e .pyve/envs/$name) ]]; then
    # By this mark it is half made, and goes.
    if ! { : >"$mark"; } 2>/dev/null; then
      fail_restore "$PWD/.pyve/envs/$name" "$PWD/.pyve/envs/.old.$name"
      return 1
    fi
  fi
  # (Who only reads does not wait for a program that is still making it.)
  [[ -z ${_only_reads-} ]] || return 0
  declare -F clear_half_environments >/dev/null || . "${BASH_SOURCE[0]%/*}/micromamba_env.sh"
  clear_half_environments
}

# Usage: fail_restore <path> <where it is>
# Says that something cannot be put back. Status 1.
fail_restore() {
  load_fixes
  propose_access "$1"
  fail E_ENV_RESTORE "$1 could not be put back" why "a command that did not come to its end had moved it to $2" ${REPLY:+fix "$REPLY"}
}
