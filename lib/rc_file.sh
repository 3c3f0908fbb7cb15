# shellcheck shell=bash
# The file that a shell reads at its start: where it is, and our tagged lines in it, added and
# taken out again byte for byte.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/rc_file.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F quote_word >/dev/null || . "${BASH_SOURCE[0]%/*}/text.sh"
declare -F write_file >/dev/null || . "${BASH_SOURCE[0]%/*}/files.sh"

# Ends every line that Pyve puts into an rc file; version 1.1 used it, too.
RC_TAG="# Added by pyve installer"
SDKMAN_MARKER="THIS MUST BE AT THE END OF THE FILE FOR SDKMAN TO WORK"

# What plan_rc_lines and find_tagged_files found.
RC_FILE="" RC_LINES="" RC_TEXT=""
RC_FILES=()

# --- where it is

# Usage: find_rc_file <shell>
# Sets REPLY to the file that bash, zsh or fish reads when a person opens it; to "" for any other.
find_rc_file() {
  local file
  REPLY=""
  case $1 in
    bash)
      REPLY=$HOME/.bashrc
      if [[ $OSTYPE == darwin* ]]; then
        # Terminals open login shells there. They read only the first of these, so that a new
        # .bash_profile would switch off a .profile that is in use.
        REPLY=$HOME/.bash_profile
        for file in .bash_profile .bash_login .profile; do
          if [[ -e $HOME/$file || -L $HOME/$file ]]; then
            REPLY=$HOME/$file
            break
          fi
        done
      fi
      ;;
    zsh) REPLY=${ZDOTDIR:-$HOME}/.zshrc ;;
    fish) REPLY=${XDG_CONFIG_HOME:-$HOME/.config}/fish/conf.d/pyve.fish ;;
  esac
}

# Usage: find_tagged_files [file]...
# Fills RC_FILES with those that hold a line of ours: of the named files, and of all that shells
# read (SHELL may have been another one at the time of the installation).
find_tagged_files() {
  local file other text
  for file in .bashrc .bash_profile .bash_login .profile .zshrc .zprofile; do
    set -- "$@" "$HOME/$file"
  done
  RC_FILES=()
  for file in "$@" "${ZDOTDIR:-$HOME}/.zshrc" "${XDG_CONFIG_HOME:-$HOME/.config}/fish/conf.d/pyve.fish"; do
    for other in ${RC_FILES[@]+"${RC_FILES[@]}"}; do
      [[ ! $file -ef $other ]] || continue 2
    done
    read_file "$file"
    text=$REPLY
    remove_rc_lines "$text"
    if [[ $REPLY != "$text" ]]; then
      RC_FILES+=("$file")
    fi
  done
}

# Usage: resolve_links <path>
# Sets REPLY to the path behind a chain of symbolic links, whether it exists or not. Status 1
# when the chain has no end.
resolve_links() {
  local path=$1 target count=0
  while [[ -L $path ]]; do
    count=$((count + 1))
    ((count <= 40)) || return 1
    target=$(readlink "$path") || return 1
    [[ $target == /* ]] || target=${path%/*}/$target
    path=$target
  done
  REPLY=$path
}

# --- our lines

# Usage: quote_rc_path <shell> <path>
# Sets REPLY to <path> as one word of bash, zsh or fish. What is below HOME is written with
# $HOME, so that an rc file can be shared between machines.
quote_rc_path() {
  local path=$2 front=""
  if [[ $path == "$HOME"/* ]]; then
    front="\"\$HOME\""
    path=${path#"$HOME"}
  fi
  if [[ $1 == fish ]]; then
    quote_fish_word "$path"
  else
    quote_word "$path"
  fi
  REPLY=$front$REPLY
}

# Usage: compose_rc_lines <shell> <tree>
# Sets REPLY to the lines for bash, zsh or fish: one for PATH, one for what <tree> adds. Both
# do nothing when they are not needed any more. For any other shell: only the first, as sh reads it.
compose_rc_lines() {
  # shellcheck disable=SC2016 # the rc file is to expand it, not this script
  local path='case ":$PATH:" in *":$HOME/.local/bin:"*) ;; *) export PATH="$HOME/.local/bin:$PATH" ;; esac' hook=""
  quote_rc_path "$1" "$2/lib/shell/init.$1"
  case $1 in
    bash) hook="if [ -n \"\${BASH_VERSION-}\" ] && [ -r $REPLY ]; then . $REPLY; fi" ;;
    zsh) hook="if [ -r $REPLY ]; then . $REPLY; fi" ;;
    fish)
      # shellcheck disable=SC2016 # the rc file is to expand it, not this script
      path='contains -- "$HOME/.local/bin" $PATH; or set -gx PATH "$HOME/.local/bin" $PATH'
      hook="if test -r $REPLY; source $REPLY; end"
      ;;
  esac
  REPLY="$path $RC_TAG"$'\n'${hook:+"$hook $RC_TAG"$'\n'}
}

# Usage: add_rc_lines <text> <lines>
# Sets REPLY to the text of an rc file with our lines: above SDKMAN's marker, else at the end.
# Where they are already, they stay; other lines of ours go. A blank in front of them says that
# the line end above is ours, too.
add_rc_lines() {
  local above lines=$2 below="" front
  if [[ $'\n'$1 == *$'\n'"$lines"* || $1 == *$'\n '"$lines"* ]]; then
    REPLY=$1
    return 0
  fi
  remove_rc_lines "$1"
  above=$REPLY
  if [[ $above == *"$SDKMAN_MARKER"* ]]; then
    front=${above%%"$SDKMAN_MARKER"*}
    front=${front##*$'\n'}
    below=$front$SDKMAN_MARKER${above#*"$SDKMAN_MARKER"}
    above=${above%"$below"}
  elif [[ -n $above && $above != *$'\n' ]]; then
    lines=$'\n '$lines
  fi
  REPLY=$above$lines$below
}

# Usage: remove_rc_lines <text>
# Sets REPLY to the text of an rc file without our lines, and without the line end that
# add_rc_lines had to add, unless something has been written below since.
remove_rc_lines() {
  local rest=$1 line out="" unended=""
  if [[ $rest != *"$RC_TAG"* ]]; then
    REPLY=$rest
    return 0
  fi
  while [[ -n $rest ]]; do
    line=${rest%%$'\n'*}
    [[ $rest != *$'\n'* ]] || line+=$'\n'
    rest=${rest#"$line"}
    if [[ ${line%"${line##*[![:space:]]}"} != *"$RC_TAG" ]]; then
      out+=$line
    elif [[ $line == " "* ]]; then
      unended=$out
    fi
  done
  if [[ $out == "$unended" ]]; then
    out=${out%$'\n'}
  fi
  REPLY=$out
}

# --- changing it

# Usage: can_make <folder>
# True when <folder> is there and writable, or can be made.
can_make() {
  local folder=$1
  while [[ ! -e $folder && ! -L $folder && $folder == /?* ]]; do
    folder=${folder%/*}
    folder=${folder:-/}
  done
  [[ -d $folder && -w $folder && -x $folder ]]
}

# Usage: find_obstacle <file>
# Sets REPLY to what keeps Pyve from writing this file, or what it links to; to "" when nothing does.
find_obstacle() {
  local file size LC_ALL=C
  if ! resolve_links "$1"; then
    REPLY="it is a link that leads nowhere"
    return 0
  fi
  file=$REPLY
  REPLY="no permission, not a regular file, or the file system is read-only"
  if [[ -f $file && -r $file && -w $file ]]; then
    read_file "$file"
    size=$(wc -c <"$file") || return 1
    if ((${#REPLY} == size)); then
      REPLY=""
    else
      REPLY="it holds NUL bytes, which would get lost"
    fi
  elif [[ ! -e $file ]] && can_make "${file%/*}"; then
    REPLY=""
  fi
}

# Usage: plan_rc_lines <path of the shell> <tree>
# Sets RC_FILE ("" for a shell that Pyve does not know), RC_LINES, and RC_TEXT: what is to be written
# there, "" when nothing is. Status 1, with a message, when that will not be possible.
plan_rc_lines() {
  local text
  RC_TEXT=""
  compose_rc_lines "${1##*/}" "$2"
  RC_LINES=$REPLY
  find_rc_file "${1##*/}"
  RC_FILE=$REPLY
  [[ -n $RC_FILE ]] || return 0
  read_file "$RC_FILE"
  text=$REPLY
  add_rc_lines "$text" "$RC_LINES"
  if [[ $REPLY != "$text" ]]; then
    RC_TEXT=$REPLY
    find_obstacle "$RC_FILE"
    [[ -z $REPLY ]] || fail_rc_write "$REPLY"
  fi
}

# Usage: fail_rc_write <why>
# Says that RC_FILE cannot be written, and which lines to add by hand. Status 1.
fail_rc_write() {
  propose_rc_access "$RC_FILE"
  fail E_RC_WRITE "cannot write $RC_FILE" why "$1" \
    why "make it writable, or add these lines by hand and run this again:"$'\n'"${RC_LINES%$'\n'}" ${REPLY:+fix "$REPLY"}
}

# Usage: propose_rc_access <file>
# Sets REPLY to the command after which Pyve can write this file, or what it links to; to "" when there
# is none.
propose_rc_access() {
  load_fixes
  if ! resolve_links "$1" || [[ -e $REPLY && ! -f $REPLY ]]; then
    propose_move "$1"
  else
    propose_access "$REPLY"
  fi
}

# Usage: write_rc_file <file> <text>
# Replaces the text of a file or of what it links to, in one step, and keeps link and mode. A
# file with several names (hard links) or in a folder that is not ours is written in place.
write_rc_file() {
  local file
  resolve_links "$1" || return 1
  file=$REPLY
  if [[ -e $file && (! -w ${file%/*} || -n $(find "$file" -prune -links +1 2>/dev/null)) ]]; then
    printf '%s' "$2" >"$file"
    return
  fi
  mkdir -p -- "${file%/*}" && write_file "$file" "$2"
}
