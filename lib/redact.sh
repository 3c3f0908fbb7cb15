# shellcheck shell=bash
# Keeps secrets out of what people read: helpers/pyve_core/errors.py does the same for the helpers, and
# tests/helpers/redaction_cases.json says for both what that means. Quick work on a machine without secrets
# reads no more than this file.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/redact.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

# What is looked for, the longest first: all of it, and what needs neither % nor \ in the text.
_redact_secrets=()
_redact_plain=()
# For which PROJECT_ROOT and folder the secrets were gathered, "" before; the .env files that were read.
_redact_gathered_for=""
_redact_files=$'\n'

# Usage: redact <text>
# Sets REPLY to the text without secrets, which become ***: user and password, /t/TOKEN/ and parameters like
# `token=` of URLs; what follows `Authorization:`; the values of environment variables *_TOKEN, *_PASSWORD,
# *_SECRET and *_KEY; passwords of URLs in the environment and in .netrc; the values of the project's .env and
# of ~/.local/.env. No process.
redact() {
  if [[ $_redact_gathered_for != "${PROJECT_ROOT-}:$PWD" ]]; then
    look_for_secrets
  fi
  REPLY=$1
  if ((${#1} >= 6)) && { ((${#_redact_secrets[@]} > 0)) || [[ $1 == *://* || $1 == *uthorization* ]]; }; then
    declare -F redact_text >/dev/null || . "${BASH_SOURCE[0]%/*}/redact_text.sh"
    redact_text "$1"
  fi
}

# Usage: redact_lines
# Copies stdin to stdout without secrets, line by line as they come. Ctrl-C does not end it: it is for the
# program before it, whose last words are still to be read; but where Python was when it came tells nobody anything.
redact_lines() {
  local line REPLY is_last="" trace=""
  trap '' INT
  while [[ -z $is_last ]]; do
    IFS= read -r line || is_last=1
    redact "$line"
    [[ -n $is_last ]] || REPLY+=$'\n'
    if [[ -z $trace && $line != "Traceback (most recent call last):" ]]; then
      printf '%s' "$REPLY"
      continue
    fi
    trace+=$REPLY
    case $line in
      KeyboardInterrupt | KeyboardInterrupt:*) trace="" ;;
      # (What is indented belongs to it.)
      " "* | "Traceback (most recent call last):") ;;
      *)
        printf '%s' "$trace"
        trace=""
        ;;
    esac
  done
  printf '%s' "$trace"
}

# Usage: show_redacted <command> [argument]...
# Runs a command with all of its output on stderr, without secrets. Status: that of the command.
show_redacted() {
  local -a ended
  "$@" 2>&1 | redact_lines >&2 && ended=("${PIPESTATUS[@]}") || ended=("${PIPESTATUS[@]}")
  return "${ended[0]}"
}

# Usage: redact_stderr <command> [argument]...
# Runs a command; what it says on stderr comes without secrets, and its stdout is as it is. Status: that of
# the command.
redact_stderr() {
  local -a ended
  {
    "$@" 2>&1 >&8 8>&- | redact_lines >&2 8>&- && ended=("${PIPESTATUS[@]}") || ended=("${PIPESTATUS[@]}")
  } 8>&1
  return "${ended[0]}"
}

# Usage: look_for_secrets
# Gathers secrets where redact says, and only once at each place.
look_for_secrets() {
  local text=$'\x01' folder=${PROJECT_ROOT-}
  if [[ -z $_redact_gathered_for ]]; then
    # (read drops the NULs between the variables. Elsewhere than on Linux there is no such file.)
    [[ ! -r /proc/self/environ ]] || IFS= read -r -d $'\x01' text </proc/self/environ || :
    case $text in
      *://*@* | *TOKEN=* | *PASSWORD=* | *PASSWD=* | *PASS=* | *SECRET=* | *KEY=* | *_token=* | *_password=* | *_secret=* | *_key=* | *$'\x01'*)
        load_secrets
        gather_from_environment
        ;;
    esac
    if [[ -f ${NETRC:-${HOME:-/}/.netrc} || -f ${HOME:-/}/_netrc ]]; then
      load_secrets
      gather_from_netrc
    fi
    look_for_dotenv "${HOME:-/}/.local"
  fi
  _redact_gathered_for="${PROJECT_ROOT-}:$PWD"
  if [[ -z $folder ]]; then
    folder=$PWD
    while [[ -n $folder && ! -f $folder/.pyve/config ]]; do
      folder=${folder%/*}
    done
  fi
  look_for_dotenv "${folder:-$PWD}"
}

# Usage: look_for_dotenv <folder>
# Gathers the values of the folder's .env, once.
look_for_dotenv() {
  if [[ -s $1/${ENV_FILE_NAME:-.env} && $_redact_files != *$'\n'"$1"$'\n'* ]]; then
    _redact_files+=$1$'\n'
    load_secrets
    gather_from_dotenv "$1"
  fi
}

# Usage: load_secrets
# Reads lib/redact_secrets.sh, which most work does without.
load_secrets() {
  declare -F add_secret >/dev/null || . "${BASH_SOURCE[0]%/*}/redact_secrets.sh"
}
