# shellcheck shell=bash
# Commands that diagnostics propose: each mends what it is proposed for when it is pasted where Pyve was called.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/fixes.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F quote_word >/dev/null || . "${BASH_SOURCE[0]%/*}/text.sh"

# Settings that say where uv and pip get distributions from.
_index_settings="UV_OFFLINE UV_NO_INDEX UV_DEFAULT_INDEX UV_INDEX UV_INDEX_URL UV_EXTRA_INDEX_URL UV_FIND_LINKS
  PIP_NO_INDEX PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_FIND_LINKS"

# Usage: repeat_command [variable to unset]...
# Sets REPLY to the command as it was given, for what may work the next time; without some variables, when
# these are named.
repeat_command() {
  local word out="pyve" env=""
  for word; do
    env+=" -u $word"
  done
  if [[ -z ${PYVE_WORDS+set} || -z ${PYVE_WORDS[0]-} ]]; then
    out+=" ${PYVE_COMMAND:-init}"
  else
    for word in "${PYVE_WORDS[@]}"; do
      quote_word "$word"
      out+=" $REPLY"
    done
  fi
  REPLY=${env:+env$env }$out
}

# Usage: repeat_without_index_settings
# Sets REPLY to the command as it was given, without those settings of the caller's environment that lead uv
# and pip to another index than the usual one.
repeat_without_index_settings() {
  local name
  local -a names=()
  for name in $_index_settings; do
    [[ -z ${!name-} ]] || names+=("$name")
  done
  repeat_command ${names[@]+"${names[@]}"}
}

# Usage: choose_init_command [force]
# Sets REPLY to the words that make init go on here without a question about what it is to do: "pyve init", or
# "pyve init --update" where there is a config; "pyve init --force" when it is forced, or was.
choose_init_command() {
  if [[ -n ${1-} || -n ${opt_force-} ]]; then
    REPLY="pyve init --force"
  elif [[ -f .pyve/config ]]; then
    REPLY="pyve init --update"
  else
    REPLY="pyve init"
  fi
}

# Usage: as_root <command>
# Sets REPLY to the command, with sudo in front where it takes that.
as_root() {
  REPLY=$1
  ((EUID == 0)) || REPLY="sudo $1"
}

# Usage: propose_install <package>
# Sets REPLY to the command that installs an ordinary tool on this machine, or to "".
propose_install() {
  if type -P apt-get >/dev/null; then
    as_root "apt-get install $1"
  elif type -P dnf >/dev/null; then
    as_root "dnf install $1"
  elif type -P apk >/dev/null; then
    as_root "apk add $1"
  elif type -P pacman >/dev/null; then
    as_root "pacman -S $1"
  elif type -P brew >/dev/null; then
    REPLY="brew install $1"
  else
    REPLY=""
  fi
}

# Usage: propose_reading <file>
# Sets REPLY to the command that makes it possible to read a file.
propose_reading() {
  local path=$1
  [[ $path == /* ]] || path=$PWD/$path
  quote_word "$path"
  if [[ -O $path ]]; then
    REPLY="chmod u+r $REPLY"
  else
    as_root "chmod a+r $REPLY"
  fi
}

# Usage: propose_access <path>
# Sets REPLY to the command that makes it possible to write a file or a folder, whether it is there or not:
# permission for what is there of it, or what is in the way of a folder taken out of it. "" when no command
# does it, or nothing is wrong.
propose_access() {
  local path=$1 target
  [[ $path == /* ]] || path=$PWD/$path
  target=$path
  while [[ -n $path && ! -e $path && ! -L $path ]]; do
    path=${path%/*}
  done
  path=${path:-/}
  quote_word "$path"
  if [[ -c $path || -b $path ]]; then
    # (A device, such as /dev/null, is not to be moved.)
    REPLY=""
  elif [[ $path != "$target" && ! -d $path ]]; then
    propose_move "$path"
  elif [[ -w $path || -L $path ]]; then
    REPLY=""
  elif [[ -O $path ]]; then
    REPLY="chmod u+rwX $REPLY"
  elif ((EUID == 0)); then
    REPLY=""
  else
    as_root "chown $EUID $REPLY"
  fi
}

# Usage: propose_move <path>
# Sets REPLY to the command that takes what is there out of the way, to a name that is free.
propose_move() {
  local path=$1 old=$1.old count=1 word
  while [[ -e $old || -L $old ]]; do
    count=$((count + 1))
    old=$path.old$count
  done
  quote_word "$path"
  word=$REPLY
  quote_word "$old"
  REPLY="mv $word $REPLY"
}
