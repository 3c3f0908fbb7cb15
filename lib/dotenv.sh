# shellcheck shell=bash
# The .env of a project, read as `direnv dotenv` reads it (direnv 2.32, github.com/direnv/go-dotenv),
# in bash alone: no process, no file, and nothing of it is ever executed.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/dotenv.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

# Local names begin with _dotenv_: a value may name any exported variable, and a local one of the
# same name would hide it. Texts are cut by length and split by IFS, and arrays are walked, not
# indexed, so that in every bash a long value costs time in proportion to its length.

# Usage: parse_dotenv <text> [function]
# Sets DOTENV_NAMES and DOTENV_VALUES to what the text defines: a name stands where it came first,
# with the value that came last. $NAME, ${NAME} and ${NAME:-default} are replaced from the names
# before, then from the environment: the exported variables, or what `function NAME` sets REPLY to
# (status 1: not set). Status 1 when direnv refuses the text; DOTENV_BAD_LINE is then the number of
# the line.
parse_dotenv() {
  local _dotenv_lookup=${2:-_find_exported} _dotenv_lc_all="" _dotenv_status=0 _dotenv_glob=+f REPLY=""
  [[ $- != *f* ]] || _dotenv_glob=-f
  # The work is done with the locale C; a value may ask for the caller's.
  if "$_dotenv_lookup" LC_ALL; then
    _dotenv_lc_all=$REPLY
  fi
  DOTENV_NAMES=() DOTENV_VALUES=() DOTENV_BAD_LINE=""
  set -f
  # When bash goes back to a locale that the machine does not have, it complains on stderr.
  _read_dotenv_text "$1" 2>/dev/null || _dotenv_status=$?
  set "$_dotenv_glob"
  return "$_dotenv_status"
}

# Usage: is_loadable_name <name>
# True when a variable of that name reaches the environment by `dotenv` in an .envrc. The others no
# shell can have, or bash computes itself or never changes, or direnv uses itself or leaves alone.
is_loadable_name() {
  case $1 in
    "" | [0-9]* | *[!A-Za-z0-9_]*) return 1 ;;
    BASHOPTS | BASHPID | BASH_ALIASES | BASH_ARGC | BASH_ARGV | BASH_CMDS | BASH_COMMAND | BASH_FUNC_* | BASH_LINENO) return 1 ;;
    BASH_REMATCH | BASH_SOURCE | BASH_VERSINFO | COMP_WORDBREAKS | DIRSTACK | EPOCHREALTIME | EPOCHSECONDS | EUID) return 1 ;;
    FUNCNAME | GROUPS | HISTCMD | LINENO | OLDPWD | PIPESTATUS | PPID | PS1 | PWD | RANDOM) return 1 ;;
    REPLY | SHELL | SHELLOPTS | SHLVL | SRANDOM | UID | _ | __fish*) return 1 ;;
    DIRENV_BASH | DIRENV_CONFIG | DIRENV_DIFF | DIRENV_DIR | DIRENV_DUMP_FILE_PATH | DIRENV_FILE) return 1 ;;
    DIRENV_IN_ENVRC | DIRENV_REQUIRED | DIRENV_WATCHES) return 1 ;;
    direnv | path | rcfile | rcpath | rcpath_base | rcpath_dir | ret) return 1 ;;
  esac
}

# Usage: keep_loadable_names
# Drops what is_loadable_name says no to from DOTENV_NAMES and DOTENV_VALUES.
keep_loadable_names() {
  local name index=0
  local -a names values
  names=() values=()
  for name in ${DOTENV_NAMES[@]+"${DOTENV_NAMES[@]}"}; do
    if is_loadable_name "$name"; then
      names+=("$name")
      values+=("${DOTENV_VALUES[index]}")
    fi
    index=$((index + 1))
  done
  DOTENV_NAMES=(${names[@]+"${names[@]}"})
  DOTENV_VALUES=(${values[@]+"${values[@]}"})
}

# Usage: _read_dotenv_text <text>
# What parse_dotenv does, while bash does not look for files (set -f).
_read_dotenv_text() {
  local LC_ALL=C
  local _dotenv_line _dotenv_key _dotenv_value _dotenv_slot _dotenv_place _dotenv_number=0 _dotenv_count=0
  local -a _dotenv_parts
  _forget_dotenv_slots
  _split_dotenv "$1" $'\n\r'
  for _dotenv_line in "${_dotenv_parts[@]}"; do
    [[ -n $_dotenv_line ]] || continue
    _dotenv_number=$((_dotenv_number + 1))
    [[ $_dotenv_line != "#"* ]] || continue
    _dotenv_value=$_dotenv_line
    [[ $_dotenv_line != "export "[A-Za-z0-9_.]* ]] || _dotenv_value=${_dotenv_line:7}
    _dotenv_key=${_dotenv_value%%[!A-Za-z0-9_.]*}
    _dotenv_value=${_dotenv_value:${#_dotenv_key}}
    [[ -n $_dotenv_key ]] || _dotenv_value=""
    # The usual lines first, without a function for each.
    case $_dotenv_value in
      =\'*\')
        _dotenv_value=${_dotenv_value:2:${#_dotenv_value}-3}
        ;;
      =\"*\")
        _read_double_quoted "${_dotenv_value:2:${#_dotenv_value}-3}"
        ;;
      "" | [!=]* | *[$' \t\f#"\'$']*)
        if ! _read_dotenv_line "$_dotenv_line"; then
          DOTENV_NAMES=() DOTENV_VALUES=()
          _find_line_number "$1" "$_dotenv_number"
          return 1
        fi
        [[ -n $_dotenv_key ]] || continue
        ;;
      *) _dotenv_value=${_dotenv_value:1} ;;
    esac
    _dotenv_slot=_dotenv_at_$_dotenv_key
    [[ $_dotenv_key != *.* ]] || _find_dotenv_slot "$_dotenv_key"
    _dotenv_place=${!_dotenv_slot-}
    if [[ -z $_dotenv_place ]]; then
      _dotenv_place=$_dotenv_count
      _dotenv_count=$((_dotenv_count + 1))
      local "$_dotenv_slot=$_dotenv_place"
      DOTENV_NAMES[_dotenv_place]=$_dotenv_key
    fi
    DOTENV_VALUES[_dotenv_place]=$_dotenv_value
  done
}

# Usage: _find_line_number <text> <number>
# Sets DOTENV_BAD_LINE to the line of the text that holds its <number>th part between line ends.
_find_line_number() {
  local _dotenv_left=$2 _dotenv_nl=$'\n' _dotenv_mark=$'\nx' _dotenv_part
  local -a _dotenv_lines
  # With an x before each line, no line is empty, and bash drops none.
  _split_dotenv "x${1//$_dotenv_nl/$_dotenv_mark}" "$_dotenv_nl"
  _dotenv_lines=("${_dotenv_parts[@]}")
  DOTENV_BAD_LINE=0
  for _dotenv_line in "${_dotenv_lines[@]}"; do
    DOTENV_BAD_LINE=$((DOTENV_BAD_LINE + 1))
    _split_dotenv "${_dotenv_line:1}" $'\r'
    for _dotenv_part in "${_dotenv_parts[@]}"; do
      [[ -z $_dotenv_part ]] || _dotenv_left=$((_dotenv_left - 1))
    done
    ((_dotenv_left > 0)) || return 0
  done
}

# Usage: _split_dotenv <text> <characters>
# Sets _dotenv_parts to what is between the characters; of line feeds, several are one.
_split_dotenv() {
  local IFS=$2 _dotenv_last
  # An empty part at the end would be dropped: it has an x while bash splits.
  # shellcheck disable=SC2206 # split on purpose
  _dotenv_parts=($1x)
  _dotenv_last=$((${#_dotenv_parts[@]} - 1))
  _dotenv_parts[_dotenv_last]=${_dotenv_parts[_dotenv_last]%x}
}

# Usage: _skip_blanks <text>
# Sets _dotenv_rest to the text from its first character on that is no blank.
_skip_blanks() {
  _dotenv_rest=${1%%[!$' \t\f']*}
  _dotenv_rest=${1:${#_dotenv_rest}}
}

# Usage: _is_line_end <text>
# True when nothing but blanks and a comment is left of a line.
_is_line_end() {
  local _dotenv_rest
  _skip_blanks "$1"
  [[ -z $_dotenv_rest || $_dotenv_rest == "#"* ]]
}

# Usage: _read_dotenv_line <line>
# Sets _dotenv_key and _dotenv_value; the key to "" when the line defines nothing. Status 1 when
# direnv refuses it.
_read_dotenv_line() {
  local _dotenv_rest _dotenv_after
  _dotenv_key=""
  _skip_blanks "$1"
  if [[ -z $_dotenv_rest || $_dotenv_rest == "#"* ]]; then
    return 0
  fi
  if [[ $_dotenv_rest == export[$' \t\f']* ]]; then
    _dotenv_after=$_dotenv_rest
    _skip_blanks "${_dotenv_rest:6}"
    # `export = 1` is a key of that name.
    [[ $_dotenv_rest == [A-Za-z0-9_.]* ]] || _dotenv_rest=$_dotenv_after
  fi
  _dotenv_key=${_dotenv_rest%%[!A-Za-z0-9_.]*}
  [[ -n $_dotenv_key ]] || return 1
  _dotenv_after=${_dotenv_rest:${#_dotenv_key}}
  _skip_blanks "$_dotenv_after"
  [[ $_dotenv_rest == =* || $_dotenv_after == :[$' \t\f']* ]] || return 1
  _skip_blanks "${_dotenv_rest:1}"
  if [[ $_dotenv_rest == \'* ]] && _find_closing_quote "${_dotenv_rest:1}" "'"; then
    return 0
  elif [[ $_dotenv_rest == \"* ]] && _find_closing_quote "${_dotenv_rest:1}" '"'; then
    _read_double_quoted "$_dotenv_value"
    return 0
  fi
  # A quote that nothing closes is a character like any other.
  _dotenv_value=${_dotenv_rest%%[$' \t\f#']*}
  _is_line_end "${_dotenv_rest:${#_dotenv_value}}" || return 1
  [[ $_dotenv_value != *\$* ]] || _expand_dotenv "$_dotenv_value"
}

# Usage: _find_closing_quote <text> <quote>
# Sets _dotenv_value to the text before the last quote that a line may end after: others, escaped
# or not, are part of the value. Status 1 when there is none.
_find_closing_quote() {
  local _dotenv_part _dotenv_rest _dotenv_at=-1 _dotenv_length=-1
  [[ $1 == *"$2"* ]] || return 1
  _dotenv_value=${1%"$2"*}
  if _is_line_end "${1:${#_dotenv_value}+1}"; then
    return 0
  fi
  # There are quotes in a comment, so it is the last one with blanks and # behind it.
  _split_dotenv "$1" "$2"
  for _dotenv_part in "${_dotenv_parts[@]}"; do
    if ((_dotenv_at >= 0)); then
      _skip_blanks "$_dotenv_part"
      [[ $_dotenv_rest != "#"* ]] || _dotenv_length=$_dotenv_at
    fi
    _dotenv_at=$((_dotenv_at + 1 + ${#_dotenv_part}))
  done
  ((_dotenv_length >= 0)) || return 1
  _dotenv_value=${1:0:_dotenv_length}
}

# Usage: _read_double_quoted <text>
# Sets _dotenv_value to what the text between double quotes stands for.
_read_double_quoted() {
  _dotenv_value=$1
  [[ $1 != *\\* ]] || _unescape_dotenv "$1"
  [[ $_dotenv_value != *\$* ]] || _expand_dotenv "$_dotenv_value"
}

# Usage: _unescape_dotenv <text>
# Sets _dotenv_value to the text with \n and \r, wherever they are, made line ends; then without
# the backslash before anything but $.
_unescape_dotenv() {
  local _dotenv_part _dotenv_state=text
  local -a _dotenv_out
  _dotenv_out=()
  _split_dotenv "$1" "\\"
  # Each part but the first stands behind a backslash.
  for _dotenv_part in "${_dotenv_parts[@]}"; do
    case $_dotenv_state:$_dotenv_part in
      text:*) _dotenv_state="" ;;
      *:n*) _dotenv_part=$'\n'${_dotenv_part:1} _dotenv_state="" ;;
      *:r*) _dotenv_part=$'\r'${_dotenv_part:1} _dotenv_state="" ;;
      escape:*) _dotenv_part="\\"$_dotenv_part _dotenv_state="" ;;
      :) _dotenv_state=escape ;;
      :\$*) _dotenv_part="\\"$_dotenv_part ;;
    esac
    _dotenv_out+=("$_dotenv_part")
  done
  [[ -z $_dotenv_state ]] || _dotenv_out+=("\\")
  local IFS=""
  _dotenv_value="${_dotenv_out[*]}"
}

# Usage: _expand_dotenv <text>
# Sets _dotenv_value to the text with its variables replaced, by the rules of Go's os.Expand.
_expand_dotenv() {
  local _dotenv_part _dotenv_name _dotenv_state=text _dotenv_closing=0 _dotenv_braces=""
  local -a _dotenv_out _dotenv_open
  _dotenv_out=()
  _split_dotenv "$1" '$'
  # Each part but the first stands behind a $.
  for _dotenv_part in "${_dotenv_parts[@]}"; do
    [[ $_dotenv_part != *"}"* ]] || _dotenv_closing=$((_dotenv_closing + 1))
    _dotenv_value=""
    case $_dotenv_state:$_dotenv_part in
      text:*) _dotenv_state="" ;;
      brace:*)
        _dotenv_open+=("\$$_dotenv_part")
        if [[ $_dotenv_part == *"}"* ]]; then
          _replace_braces "${_dotenv_open[@]}"
          _dotenv_state=""
        fi
        ;;
      :"{"*"}"*) _replace_braces "$_dotenv_part" ;;
      :"{"*)
        # It may end behind another $. Without an end, ${ goes.
        if [[ -z $_dotenv_braces ]]; then
          _count_closing_braces
        fi
        if ((_dotenv_closing < _dotenv_braces)); then
          _dotenv_open=("$_dotenv_part")
          _dotenv_state=brace
        fi
        _dotenv_part=${_dotenv_part:1}
        ;;
      :[A-Za-z_]*)
        _dotenv_name=${_dotenv_part%%[!A-Za-z0-9_]*}
        _dotenv_part=${_dotenv_part:${#_dotenv_name}}
        _find_variable "$_dotenv_name"
        ;;
      :[-*#@!?0-9]*)
        _find_variable "${_dotenv_part:0:1}"
        _dotenv_part=${_dotenv_part:1}
        ;;
      # $$ is a variable, too; nobody can set it.
      :) _dotenv_state=text ;;
      *) _dotenv_value='$' ;;
    esac
    [[ $_dotenv_state == brace ]] || _dotenv_out+=("$_dotenv_value$_dotenv_part")
  done
  # A $ at the end is one.
  [[ $_dotenv_state != text ]] || _dotenv_out+=('$')
  local IFS=""
  _dotenv_value="${_dotenv_out[*]}"
}

# Usage: _count_closing_braces
# Sets _dotenv_braces to the number of _dotenv_parts with a closing brace.
_count_closing_braces() {
  local _dotenv_part
  _dotenv_braces=0
  for _dotenv_part in "${_dotenv_parts[@]}"; do
    [[ $_dotenv_part != *"}"* ]] || _dotenv_braces=$((_dotenv_braces + 1))
  done
}

# Usage: _replace_braces <part>...
# Sets _dotenv_value to what {NAME} or {NAME:-default} at the beginning of the parts stands for, and
# _dotenv_part to what follows it.
_replace_braces() {
  _join_dotenv "$@"
  _dotenv_part=$_dotenv_value
  _dotenv_name=${_dotenv_part%%"}"*}
  _dotenv_part=${_dotenv_part:${#_dotenv_name}+1}
  _dotenv_name=${_dotenv_name:1}
  if [[ $_dotenv_name == *:-* ]]; then
    _find_variable "${_dotenv_name%%:-*}" "${_dotenv_name#*:-}"
  else
    _find_variable "$_dotenv_name"
  fi
}

# Usage: _join_dotenv <part>...
# Sets _dotenv_value to the parts, one after the other.
_join_dotenv() {
  local IFS=""
  _dotenv_value="$*"
}

# Usage: _find_variable <name> [default]
# Sets _dotenv_value to what an earlier line gave the name, else to the exported variable, else, also
# when that is empty, to the default.
_find_variable() {
  _dotenv_value=""
  if [[ -n $1 && $1 != *[!A-Za-z0-9_.]* ]]; then
    _find_dotenv_slot "$1"
    if [[ -n ${!_dotenv_slot-} ]]; then
      _dotenv_value=${DOTENV_VALUES[${!_dotenv_slot}]}
      return 0
    fi
    case $1 in
      # direnv hides PWD from a .env; _ is another in every process.
      [0-9]* | *.* | PWD | _) ;;
      LC_ALL) _dotenv_value=$_dotenv_lc_all ;;
      *)
        if "$_dotenv_lookup" "$1"; then
          _dotenv_value=$REPLY
        fi
        ;;
    esac
  fi
  [[ -n $_dotenv_value ]] || _dotenv_value=${2-}
}

# Usage: _find_exported <name>
# Sets REPLY to the variable of that name. Status 1 when it is not in the environment that a process
# would get, or empty there.
_find_exported() {
  [[ -n ${!1-} ]] && compgen -e -X "!$1" -- "$1" >/dev/null && REPLY=${!1}
}

# Usage: _find_dotenv_slot <key>
# Sets _dotenv_slot to the name of the variable that holds where the key stands in DOTENV_NAMES.
_find_dotenv_slot() {
  _dotenv_slot=_dotenv_at_$1
  if [[ $1 == *.* ]]; then
    # No two keys may come to share one.
    _dotenv_slot=${1//_/_u}
    _dotenv_slot=_dotenv_in_${_dotenv_slot//./_d}
  fi
}

# Usage: _forget_dotenv_slots
# Unsets the variables of that kind that the environment may have: they would count as numbers.
_forget_dotenv_slots() {
  local IFS=" "
  # shellcheck disable=SC2086 # names of variables
  unset ${!_dotenv_at_@} ${!_dotenv_in_@}
}
