# shellcheck shell=bash
# What a stream can show: as much of lib/output.sh as the quickest ways need.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/streams.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

# Usage: is_plain <1|2>
# True for a stream that gets text as it is: no terminal, and nobody forces colour.
is_plain() {
  [[ ! -t $1 && -z ${CLICOLOR_FORCE-} && -z ${FORCE_COLOR-} ]]
}

# Usage: choose_mark <ok|note|warning|error>
# Sets REPLY to the symbol before a line: ✓ · ⚠ ✗, or plain letters where the locale has no UTF-8.
# A locale that is not set at all is taken for UTF-8, as in most containers.
choose_mark() {
  case ${LC_ALL:-${LC_CTYPE:-${LANG:-UTF-8}}}:$1 in
    *[Uu][Tt][Ff]8*:ok | *[Uu][Tt][Ff]-8*:ok) REPLY="✓" ;;
    *[Uu][Tt][Ff]8*:note | *[Uu][Tt][Ff]-8*:note) REPLY="·" ;;
    *[Uu][Tt][Ff]8*:warning | *[Uu][Tt][Ff]-8*:warning) REPLY="⚠" ;;
    *[Uu][Tt][Ff]8*:error | *[Uu][Tt][Ff]-8*:error) REPLY="✗" ;;
    *:ok) REPLY="ok" ;;
    *:note) REPLY="- " ;;
    *:warning) REPLY="! " ;;
    *:error) REPLY="x " ;;
  esac
}
