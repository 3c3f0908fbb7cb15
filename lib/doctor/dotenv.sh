# shellcheck shell=bash
# Checks of `pyve doctor`: .env, who can read it, whether git has it, and what is read differently. Nothing of
# what is in it is said.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/doctor/dotenv.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F is_private >/dev/null || . "${BASH_SOURCE[0]%/*}/../env_file.sh"

# Usage: has_dotenv
# True when the project has a .env that is a file. Sets file to its name.
has_dotenv() {
  file=${ENV_FILE_NAME:-.env}
  [[ -n $DOCTOR_INITIALIZED && -f $file ]]
}

# Usage: check_dotenv_file
check_dotenv_file() {
  local file kept text command
  if has_dotenv; then
    if [[ ! -r $file ]]; then
      tell_unreadable_dotenv
    elif IFS= read -r -d '' text <"$file"; then
      found W_DOTENV_NUL "$file: it has a NUL byte, and only the lines before that are looked at" why "shells and direnv stop there or drop it"
    fi
    return 0
  fi
  [[ -n $DOCTOR_INITIALIZED ]] || return 0
  if [[ ! -e $file && ! -L $file ]]; then
    if [[ $DOCTOR_STYLE == validate ]]; then
      found W_DOTENV_MISSING "Missing $file" why "pyve init makes an empty one, with mode 600" auto "pyve init --update"
    else
      noted "$file: not there"
    fi
    return 0
  fi
  kept=$file.kept
  while [[ -e $kept || -L $kept ]]; do
    kept+=+
  done
  command="mv $file $kept"
  if [[ -n $DOCTOR_ELSEWHERE ]]; then
    file_here "$file"
    command="mv $REPLY"
    file_here "$kept"
    command+=" $REPLY"
  fi
  found W_DOTENV_FILE "$file: it is a folder or a link to nothing, so no variables are loaded" \
    why "variables are read from a file of that name" destructive "$command"
}

# Usage: tell_unreadable_dotenv
# For check_dotenv_file: the file is there, and cannot be read.
tell_unreadable_dotenv() {
  file_here "$file"
  if [[ -O $file ]]; then
    found W_DOTENV_READ "$file: it cannot be read" why "its mode lets nobody read it" auto "chmod 600 $REPLY"
  else
    found W_DOTENV_READ "$file: it cannot be read" why "it belongs to another user" fix "sudo chown \"$(id -un 2>/dev/null)\" $REPLY"
  fi
}

# Usage: check_dotenv_mode
check_dotenv_mode() {
  local file
  has_dotenv || return 0
  if ! read_mode "$file"; then
    noted "$file: its mode cannot be seen"
  elif ! is_private "$file"; then
    file_here "$file"
    if [[ -L $file ]]; then
      found W_ENV_MODE "$file: others can read what it points to" \
        why "passwords and tokens are kept there; Pyve changes nothing through a link" fix "chmod 600 $REPLY"
    elif [[ $DOCTOR_STYLE == validate ]]; then
      found W_ENV_MODE "$file can be read by others" why "passwords and tokens are kept there" auto "chmod 600 $REPLY"
    else
      found W_ENV_MODE "$file: others can read it" why "passwords and tokens are kept there" auto "chmod 600 $REPLY"
    fi
  elif [[ $REPLY == ?rw------- ]]; then
    passed "$file: mode 600"
  else
    passed "$file: others cannot read it"
  fi
}

# Usage: check_dotenv_ignored
check_dotenv_ignored() {
  local file
  has_dotenv && ! is_tracked "$file" && is_left_to_git "$file" || return 0
  found W_ENV_NOT_IGNORED "$file: git does not ignore it" why "one git add takes what is in it into a commit" auto "pyve init --update"
}

# Usage: check_dotenv_tracked
check_dotenv_tracked() {
  local file
  has_dotenv && is_tracked "$file" || return 0
  found W_ENV_TRACKED "$file: git tracks it, so what is in it goes into every commit" \
    why "a file that is tracked is never ignored; earlier commits keep what they have" \
    destructive "git ${DOCTOR_ELSEWHERE:+-C $DOCTOR_ELSEWHERE }rm --cached $file"
}

# Usage: check_dotenv_differences
check_dotenv_differences() {
  local file text i count
  has_dotenv && [[ -r $file ]] || return 0
  declare -F parse_dotenv >/dev/null || . "$_doctor_folder/../dotenv.sh"
  declare -F find_dotenv_differences >/dev/null || . "$_doctor_folder/../dotenv_check.sh"
  read_file "$file"
  text=$REPLY
  if ! parse_dotenv "$text"; then
    found W_DOTENV_DIFFERENCE "$file line $DOTENV_BAD_LINE: direnv refuses the whole file because of this line"
  fi
  find_dotenv_differences "$text"
  count=${#DOTENV_LINES[@]}
  for ((i = 0; i < count && i < 10; i++)); do
    found W_DOTENV_DIFFERENCE "$file line ${DOTENV_LINES[i]}: ${DOTENV_REASONS[i]}"
  done
  if ((count > 10)); then
    found W_DOTENV_DIFFERENCE "$file: and $((count - 10)) more that shells, direnv and python-dotenv read differently"
  fi
}
