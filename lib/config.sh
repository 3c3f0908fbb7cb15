# shellcheck shell=bash
# The project and its .pyve/config: where it is, what it says, how it is changed.
#
# The file is a small part of YAML: `key: value`, nested by indentation, lists as `- item`,
# comments, plain, 'single' and "double" quoted values. Nothing in it is ever evaluated.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/config.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

_config_keys=()
_config_values=()

# Usage: find_project [folder]
# Sets PROJECT_ROOT to the nearest folder, from <folder> (default: the current one) upwards,
# that has a .pyve/config; status 1, and the starting folder, when there is none.
find_project() {
  local folder=${1:-$PWD}
  PROJECT_ROOT=$folder
  while [[ ! -f $folder/.pyve/config ]]; do
    if [[ $folder != */* || $folder == / ]]; then
      return 1
    fi
    folder=${folder%/*}
    [[ -n $folder ]] || folder=/
  done
  PROJECT_ROOT=${folder%/}
  [[ -n $PROJECT_ROOT ]] || PROJECT_ROOT=/
}

# Usage: parse_config_value <text>
# Sets REPLY to the value that <text>, the part of a line after the colon, stands for.
parse_config_value() {
  if [[ $1 == *[![:ascii:]]* ]]; then
    # (When bash goes back to a locale that the machine does not have, it complains on stderr.)
    parse_config_bytes "$1" 2>/dev/null
  else
    parse_config_text "$1"
  fi
}

# Usage: parse_config_bytes <text>
# What parse_config_value does with a text that may be no UTF-8, at which the patterns of other locales fail.
parse_config_bytes() {
  local LC_ALL=C
  parse_config_text "$1"
}

# Usage: parse_config_text <text>
# What parse_config_value does.
parse_config_text() {
  local text=$1
  local double='^"(([^"\]|\\.)*)"' single="^'(([^']|'')*)'"
  text=${text#"${text%%[![:space:]]*}"}
  case $text in
    '"'*)
      if [[ $text =~ $double ]]; then
        unescape_config_string "${BASH_REMATCH[1]}"
        return 0
      fi
      ;;
    "'"*)
      if [[ $text =~ $single ]]; then
        text=${BASH_REMATCH[1]}
        declare -F quote_word >/dev/null || . "${BASH_SOURCE[0]%/*}/text.sh"
        replace_all "$text" "''" "'"
        return 0
      fi
      ;;
    '#'*)
      REPLY=""
      return 0
      ;;
  esac
  text=${text%%[[:space:]]#*}
  REPLY=${text%"${text##*[![:space:]]}"}
}

# Usage: parse_boolean <value>
# Sets REPLY to "1" for what YAML calls true, to "" for false. Status 1 when it is neither.
parse_boolean() {
  case $1 in
    true | True | TRUE | yes | Yes | YES | on | On | ON | 1) REPLY=1 ;;
    false | False | FALSE | no | No | NO | off | Off | OFF | 0) REPLY="" ;;
    *) return 1 ;;
  esac
}

# Usage: unescape_config_string <text>
# Sets REPLY to <text> with the escapes of a double-quoted value resolved.
unescape_config_string() {
  local rest=$1 out="" char
  while [[ $rest == *\\* ]]; do
    out+=${rest%%\\*}
    rest=${rest#*\\}
    char=${rest:0:1}
    rest=${rest:1}
    case $char in
      n) out+=$'\n' ;;
      t) out+=$'\t' ;;
      r) out+=$'\r' ;;
      *) out+=$char ;;
    esac
  done
  REPLY=$out$rest
}

# Usage: config_load [file]
# Reads the config (default: .pyve/config of the current folder) for config_get. Status 1,
# and an empty config, when there is none, or what is there is larger than one can be.
config_load() {
  local file=${1:-.pyve/config} text="" status=0
  if [[ ! -f $file || ! -r $file ]]; then
    status=1
  elif IFS= read -r -d '' -n 16385 text <"$file" && ((${#text} > 16384)); then
    text="" status=1
  fi
  config_parse "$text"
  return "$status"
}

# Usage: config_parse <text of a config>
# Reads it for config_get.
config_parse() {
  local line rest indent key path="" item list=""
  local -a indents=() paths=() lines=()
  local depth=0 IFS=$'\n'
  _config_keys=()
  _config_values=()
  set -f
  # shellcheck disable=SC2206 # split at line ends, without a read for each line
  lines=($1)
  set +f
  for line in ${lines[@]+"${lines[@]}"}; do
    line=${line%$'\r'}
    rest=${line#"${line%%[! ]*}"}
    case $rest in
      "" | "#"*) continue ;;
      - | -[[:space:]]*)
        if [[ -n $path ]]; then
          parse_config_value "${rest#-}"
          list+=${list:+$'\n'}$REPLY
        fi
        continue
        ;;
      *:) ;;
      *:[[:space:]]*) ;;
      *) continue ;;
    esac
    key=${rest%%:*}
    item=${rest#*:}
    key=${key%"${key##*[![:space:]]}"}
    case $key in
      "" | *[!A-Za-z0-9_.-]*) continue ;;
    esac
    case $item in
      "" | [[:space:]]*) ;;
      *) continue ;;
    esac
    indent=$((${#line} - ${#rest}))
    while ((depth > 0 && indents[depth - 1] >= indent)); do
      depth=$((depth - 1))
    done
    path=$key
    if ((depth > 0)); then
      path=${paths[depth - 1]}.$key
    fi
    indents[depth]=$indent
    paths[depth]=$path
    depth=$((depth + 1))
    if [[ -n $list ]]; then
      _config_values[${#_config_values[@]} - 1]=$list
    fi
    parse_config_value "$item"
    _config_keys+=("$path")
    _config_values+=("$REPLY")
    list=$REPLY
  done
  if [[ -n $list ]]; then
    _config_values[${#_config_values[@]} - 1]=$list
  fi
}

# Usage: config_get <key>
# Sets REPLY to the value at <key> ("venv.directory"; a list gives one item a line), or to "".
config_get() {
  local i
  REPLY=""
  for ((i = 0; i < ${#_config_keys[@]}; i++)); do
    if [[ ${_config_keys[i]} == "$1" ]]; then
      REPLY=${_config_values[i]}
      return 0
    fi
  done
}

# Usage: split_list <list in one line>
# Sets REPLY to the items of "[mypy, 'django-stubs[compatible-mypy]']", each on a line. Status 1 for what is no such list:
# what cannot be read of it is then the last line, as it is written.
split_list() {
  local rest=${1#"["} items="" length
  local item='^[[:blank:]]*("([^"\]|\\.)*"|'"'([^']|'')*'"'|(([^]["'"'"',[:blank:]]|\[[^]]*\])([^],[]|\[[^]]*\])*)?)[[:blank:]]*(,|$)'
  rest=${rest%"]"}
  while [[ -n $rest && $rest =~ $item ]]; do
    length=${#BASH_REMATCH[0]}
    parse_config_value "${BASH_REMATCH[1]}"
    items+=${items:+$'\n'}$REPLY
    rest=${rest:length}
  done
  REPLY=$items${rest:+$'\n'$rest}
  [[ -z $rest ]]
}

# Usage: format_config_value <key> <value>
# Sets REPLY to <value> as it is written in the file: plain where that is safe, else quoted.
format_config_value() {
  local value=$2 words='^(y|Y|n|N|[Tt]rue|TRUE|[Ff]alse|FALSE|[Yy]es|YES|[Nn]o|NO|[Oo]n|ON|[Oo]ff|OFF|[Nn]ull|NULL)$'
  if [[ $value =~ ^[A-Za-z_./][A-Za-z0-9_./-]*$ && ! $value =~ $words ]]; then
    REPLY=$value
    return 0
  fi
  value=${value//\\/\\\\}
  value=${value//\"/\\\"}
  value=${value//$'\n'/\\n}
  value=${value//$'\t'/\\t}
  value=${value//$'\r'/\\r}
  REPLY="\"$value\""
}

# Usage: find_config_comment <text>
# Sets REPLY to the comment, with the blanks before it, at the end of <text>, the part of a
# line after the colon; to "" when there is none.
find_config_comment() {
  local rest=$1
  local quoted="^[[:space:]]*(\"([^\"\\]|\\.)*\"|'([^']|'')*')(.*)\$" comment='([[:space:]]+#.*)$'
  [[ $rest =~ $quoted ]] && rest=${BASH_REMATCH[4]}
  REPLY=""
  if [[ $rest =~ $comment ]]; then
    REPLY=${BASH_REMATCH[1]}
  fi
}

# Usage: set_config_line <text> <key> <value>
# Sets REPLY to the config <text> with <key> ("a" or "a.b") at <value>. Comments, order and
# keys that Pyve does not know stay. Status 1 for a section that is written in one line.
set_config_line() {
  local text=$1 section="" name=$2 line current="" out="" pending="" done="" indent="" rest
  local top='^([A-Za-z0-9_.-]+)[[:space:]]*:(.*)$' nested='^( +)([A-Za-z0-9_.-]+)[[:space:]]*:(.*)$'
  format_config_value "$2" "$3"
  local value=$REPLY
  if [[ $name == *.* ]]; then
    section=${name%%.*}
    name=${name#*.}
  fi
  while IFS= read -r line; do
    if [[ $line =~ $top ]]; then
      if [[ -z $done && -n $section && $current == "$section" ]]; then
        out+="${indent:-  }$name: $value"$'\n'
        done=1
      fi
      indent=""
      current=${BASH_REMATCH[1]}
      rest=${BASH_REMATCH[2]}
      if [[ -n $section && $current == "$section" && -n ${rest//[[:space:]]/} && ${rest//[[:space:]]/} != "#"* ]]; then
        declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
        fail E_CONFIG_FORM "cannot change $2 in .pyve/config" \
          why "'$section' is written in one line; Pyve changes only blocks, a key in a line of its own"
        return 1
      fi
      if [[ -z $section && $current == "$name" && -z $done ]]; then
        find_config_comment "$rest"
        line="$name: $value$REPLY"
        done=1
      fi
      out+=$pending$line$'\n'
      pending=""
    elif [[ -z ${line//[[:space:]]/} || $line == "#"* ]]; then
      # Blank lines and comments between sections belong to the one that follows.
      pending+=$line$'\n'
    else
      if [[ -n $section && $current == "$section" && $line =~ $nested ]]; then
        # The first key says how deep this section's own keys stand.
        indent=${indent:-${BASH_REMATCH[1]}}
        if [[ ${BASH_REMATCH[1]} == "$indent" && ${BASH_REMATCH[2]} == "$name" && -z $done ]]; then
          find_config_comment "${BASH_REMATCH[3]}"
          line="$indent$name: $value$REPLY"
          done=1
        fi
      fi
      out+=$pending$line$'\n'
      pending=""
    fi
  done <<<"${text%$'\n'}"
  if [[ -z ${text//[[:space:]]/} ]]; then
    out="" pending=""
  fi
  if [[ -z $done && -n $section && $current == "$section" ]]; then
    out+="${indent:-  }$name: $value"$'\n'
    done=1
  fi
  out+=$pending
  if [[ -z $done ]]; then
    if [[ -n $section ]]; then
      out+=${out:+$'\n'}"$section:"$'\n'"  $name: $value"$'\n'
    else
      out+="$name: $value"$'\n'
    fi
  fi
  REPLY=$out
}

# Usage: config_set <key> <value> [<key> <value>]...
# Writes the values into .pyve/config of the current folder (made when missing) in one step,
# and reloads it. Status 1 when it cannot be written.
config_set() {
  local text=""
  declare -F write_file >/dev/null || . "${BASH_SOURCE[0]%/*}/files.sh"
  if [[ -f .pyve/config ]]; then
    IFS= read -r -d '' text <.pyve/config || :
  fi
  while (($# >= 2)); do
    set_config_line "$text" "$1" "$2" || return 1
    text=$REPLY
    shift 2
  done
  [[ -d .pyve ]] || mkdir -p .pyve || return 1
  write_file .pyve/config "$text" && config_load
}
