# shellcheck shell=bash
# The project's .env as a file: who can read it, and whether git has it. Nothing here reads what is
# in it, and nothing is written through a link.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/env_file.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F log_info >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"

# Usage: read_mode <file>
# Sets REPLY to the mode of the file that a link leads to, as ls shows it: "-rw-------". Status 1
# when that cannot be seen.
read_mode() {
  REPLY=$(LC_ALL=C ls -ldL -- "$1" 2>/dev/null) || return 1
  REPLY=${REPLY:0:10}
}

# Usage: is_private <file>
# True when only its owner can do anything with the file. REPLY: its mode.
is_private() {
  read_mode "$1" && [[ $REPLY == ????------ ]]
}

# Usage: is_in_git
# True when the current folder, or one above it, has a .git, and there is a git to ask.
is_in_git() {
  local folder=$PWD
  while [[ ! -e $folder/.git ]]; do
    [[ -n $folder ]] || return 1
    folder=${folder%/*}
  done
  type -P git >/dev/null
}

# Usage: is_tracked <file>
# True when git has the file of this folder in its index.
is_tracked() {
  # (A file system monitor is a program that the project's settings name.)
  is_in_git && git -c core.fsmonitor=false ls-files --error-unmatch -- "$1" >/dev/null 2>&1 </dev/null
}

# Usage: is_left_to_git <file>
# True when git would take the file of this folder in: no pattern ignores it.
is_left_to_git() {
  local status=0
  is_in_git || return 1
  git -c core.fsmonitor=false check-ignore -q -- "$1" >/dev/null 2>&1 </dev/null || status=$?
  ((status == 1))
}

# Usage: write_env_file <copy the template?>
# Makes .env with mode 600, from ~/.local/.env when that is asked for. One that is there keeps its
# content, and others lose access to it; only an empty one is filled from the template. .gitignore
# is to be written before.
write_env_file() {
  local file=${ENV_FILE_NAME:-.env} template=""
  if [[ -n $1 ]]; then
    find_env_template "$file" || return 1
    template=$REPLY
  fi
  if [[ -e $file || -L $file ]]; then
    check_env_file "$file"
    if is_tracked "$file"; then
      warn W_ENV_TRACKED "git tracks $file, and a file that is tracked is never ignored" \
        why "what is in it goes into every commit; earlier commits keep what they have" fix "git rm --cached $file"
    fi
    if [[ ! -f $file || -L $file || -s $file || -z $template ]]; then
      [[ -z $template ]] || warn W_ENV_TEMPLATE "the template ~/.local/.env was not copied, because $file is there" \
        why "a file that is not empty is never overwritten; what is missing in it is to be copied by hand"
      return 0
    fi
  fi
  warn_unless_ignored "$file"
  if [[ -n $template ]]; then
    copy_env_template "$template" "$file"
  else
    # -C: what has come there in the meantime is not emptied.
    [[ -z $_change_open ]] || { load_journal && keep_written "$file" ""; } || return 1
    (umask 077 && set -C && : >"$file") 2>/dev/null || fail_write "$file"
  fi
}

# Usage: find_env_template <file>
# Sets REPLY to the user's template, or to "" when there is none, and says so. Status 1 when it
# cannot be read.
find_env_template() {
  local template=${HOME:-}/.local/.env
  REPLY=""
  if [[ ! -e $template ]]; then
    warn W_ENV_TEMPLATE "there is no ~/.local/.env to copy to $1" why "--local-env asks for it"
  elif [[ ! -f $template ]]; then
    warn W_ENV_TEMPLATE "the template ~/.local/.env is not a file, so nothing is copied to $1" why "--local-env asks for it"
  elif [[ ! -r $template ]]; then
    fail E_FILE_READ "cannot read ~/.local/.env" why "no permission; --local-env copies it to $1" fix "chmod u+r $(printf '%q' "$template")"
    return 1
  else
    is_private "$template" || warn W_ENV_MODE "the template ~/.local/.env can be read by others" fix "chmod 600 $(printf '%q' "$template")"
    REPLY=$template
  fi
}

# Usage: copy_env_template <template> <file>
# Copies the template, with mode 600, in one step. What a killed copy leaves is in .pyve/tmp, which
# git ignores and the next command clears.
copy_env_template() {
  local temporary=.pyve/tmp/env.$$
  if ! (umask 077 && mkdir -p .pyve/tmp && set -C && cat -- "$1" >"$temporary" && mv -f "$temporary" "$2") 2>/dev/null; then
    rm -f "$temporary"
    fail_write "$2"
    return 1
  fi
  is_private "$2" || warn_env_mode "$2"
  log_success "Copied ~/.local/.env to $2"
}

# Usage: check_env_file <file>
# Says what the .env that is there is, and takes access to it from others.
check_env_file() {
  local mode
  if [[ -L $1 && ! -e $1 ]]; then
    warn W_ENV_LINK "$1 is a symbolic link to nothing" why "Pyve does not write through links" fix "mv $1 $1.old"
  elif [[ -d $1 ]]; then
    warn W_ENV_FOLDER "$1 is a folder, so no variables are loaded" why "they would be read from a file of that name" fix "mv $1 $1.old"
  elif [[ ! -f $1 ]]; then
    warn W_ENV_FOLDER "$1 is not a file, so no variables are loaded" fix "mv $1 $1.old"
  elif is_private "$1"; then
    log_info "$1 is there already and keeps its content"
  elif [[ -L $1 ]]; then
    warn W_ENV_MODE "$1 is a symbolic link, and what it points to can be read by others" \
      why "Pyve changes nothing through a link" fix "chmod 600 $1"
  else
    mode=$REPLY
    if chmod 600 "$1" 2>/dev/null && is_private "$1"; then
      log_info "$1 could be read by others (${mode:1}); its mode is 600 now. It keeps its content"
    else
      warn_env_mode "$1"
    fi
  fi
}

# Usage: warn_env_mode <file>
# Says that others can read the file, and that this cannot be changed.
warn_env_mode() {
  local why="the file system is read-only, or it keeps no modes"
  [[ -O $1 ]] || why="it belongs to another user"
  warn W_ENV_MODE "$1 can be read by others, and its mode cannot be changed" why "$why" \
    why "keep the project on a file system of your own that has modes"
}

# Usage: warn_unless_ignored <file>
# Says when .gitignore takes the file in again, behind the line that ignores it.
warn_unless_ignored() {
  local text pattern
  read_file .gitignore
  text=$'\n'${REPLY//$'\r'/}$'\n'
  text=$'\n'${text##*$'\n'"$1"$'\n'}
  for pattern in "!$1" "!/$1" "!$1*" "!/$1*" "!*$1" "!**/$1"; do
    if has_line "$pattern" "$text"; then
      warn W_ENV_NOT_IGNORED "git does not ignore $1" why ".gitignore has the line $pattern; take it out"
      return 0
    fi
  done
}
