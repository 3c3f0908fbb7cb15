# shellcheck shell=bash
# The lines of a .env that shells (`set -a; . ./.env`), direnv and python-dotenv read differently.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/dotenv_check.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F replace_invalid_utf8 >/dev/null || . "${BASH_SOURCE[0]%/*}/json.sh"
declare -F is_loadable_name >/dev/null || . "${BASH_SOURCE[0]%/*}/dotenv.sh"

# A line is good when it is one of the few forms that all three are known to read alike; each
# function below returns at the first thing that is not. Reasons never quote the file: even a name
# may be a piece of a secret that spans lines.

# Usage: find_dotenv_differences <text>
# Sets DOTENV_LINES (numbers) and DOTENV_REASONS (a sentence for each) to what is read differently.
find_dotenv_differences() {
  local LC_ALL=C line number=0 open="" opened="" returns="" glob=+f
  local -a lines
  DOTENV_LINES=() DOTENV_REASONS=()
  [[ $- != *f* ]] || glob=-f
  set -f
  split_numbered_lines "$1"
  set "$glob"
  for line in "${lines[@]}"; do
    line=${line:1}
    number=$((number + 1))
    if ((number == 1)) && [[ $line == $'\xef\xbb\xbf'* ]]; then
      point_at "$number" "the file begins with a byte order mark, which direnv refuses and a shell takes for part of the line"
      line=${line:3}
    fi
    if [[ $line == *$'\r' ]]; then
      line=${line%$'\r'}
      if [[ -z $returns && $line == *[!$' \t']* ]]; then
        returns=1
        point_at "$number" "it ends in a carriage return, as in Windows; a shell makes that part of the value"
      fi
    fi
    if [[ -n $open ]]; then
      # Inside a value of several lines; what comes after it on its last line is not judged.
      is_quote_open "$line" "$open" || open=""
      continue
    fi
    REPLY=""
    judge_line "$line"
    if [[ -n $REPLY ]]; then
      point_at "$number" "$REPLY"
    fi
    [[ -z $open ]] || opened=${#DOTENV_REASONS[@]}
  done
  if [[ -n $open ]]; then
    DOTENV_REASONS[opened - 1]="the quote at the beginning of the value is never closed"
  fi
}

# Usage: point_at <line> <reason>
point_at() {
  DOTENV_LINES+=("$1")
  DOTENV_REASONS+=("$2")
}

# Usage: split_numbered_lines <text>
# Sets lines to the lines of the text, an x before each: none is empty, so bash drops none.
split_numbered_lines() {
  local IFS=$'\n' mark=$'\nx'
  # shellcheck disable=SC2206 # split on purpose
  lines=(x${1//$IFS/$mark})
}

# Usage: is_quote_open <text> <quote>
# True when the quote does not occur in the text; in double quotes \" is none.
is_quote_open() {
  if [[ $2 == '"' ]]; then
    [[ ${1//\\?/} != *\"* ]]
  else
    [[ $1 != *\'* ]]
  fi
}

# Usage: judge_line <line>
# Sets REPLY to why the line is not read alike, or leaves it; sets open to a quote that the line
# does not close.
judge_line() {
  local rest=$1 key exported="" bytes=$'*[!\x01-\x7f]*' controls=$'*[\x01-\x08\x0b-\x1f\x7f]*'
  # shellcheck disable=SC2053 # a pattern
  if [[ $rest == $bytes ]]; then
    replace_invalid_utf8 "$rest"
    if [[ $REPLY != "$rest" ]]; then
      REPLY="it is not UTF-8, and python-dotenv refuses the whole file"
      return 0
    fi
    REPLY=""
  fi
  skip_spaces "$rest"
  rest=$REPLY REPLY=""
  if [[ -z $rest || $rest == "#"* ]]; then
    [[ $rest != *$'\r'* ]] || REPLY="it has a carriage return in it, where direnv and python-dotenv begin a new line"
    return 0
  fi
  # shellcheck disable=SC2053 # a pattern
  if [[ $rest == $controls ]]; then
    REPLY="it has a control character in it"
    return 0
  fi
  if [[ $rest == export[$' \t']* ]]; then
    exported=1
    skip_spaces "${rest:6}"
    rest=$REPLY REPLY=""
  fi
  key=${rest%%[!A-Za-z0-9_]*}
  rest=${rest:${#key}}
  if [[ $rest != =* || -z $key || $key == [0-9]* ]]; then
    judge_key "$key$rest"
    return 0
  fi
  judge_value "${rest:1}"
  [[ -z $REPLY ]] || return 0
  case $key in
    BASH* | POSIXLY_CORRECT | SECONDS | argv | cdpath | fignore | fpath | history | mailpath | manpath | options | psvar | status | version)
      REPLY="shells use a variable of this name themselves"
      ;;
    *) is_loadable_name "$key" || REPLY="shells or direnv use a variable of this name themselves" ;;
  esac
}

# Usage: skip_spaces <text>
# Sets REPLY to the text without the blanks at its beginning.
skip_spaces() {
  REPLY=${1%%[!$' \t']*}
  REPLY=${1:${#REPLY}}
}

# Usage: judge_key <line>
# Sets REPLY to why the line is no assignment to a shell.
judge_key() {
  local word
  word=${1%%[$' \t']*}
  if [[ $1 != *=* && $1 != *": "* && $1 != *$':\t'* ]]; then
    REPLY="it has no =, so direnv refuses the whole file"
  elif [[ $word == *: ]]; then
    REPLY="it has a colon instead of =, which only direnv understands"
  elif [[ $word == *[!A-Za-z0-9_]*=* || $word == *[!A-Za-z0-9_]* || $word == [0-9]* ]]; then
    REPLY="the name is none that a shell can have"
  else
    REPLY="there are blanks before the =, and a shell takes the name for a command"
  fi
}

# Usage: judge_value <text behind =>
# Sets REPLY to why the value is not read alike.
judge_value() {
  local value=$1 word
  skip_spaces "$value"
  if [[ -z $value || -z $REPLY ]]; then
    REPLY=""
    return 0
  elif [[ $REPLY != "$value" && $REPLY == "#"* ]]; then
    REPLY="a comment comes right after the =, and some versions of python-dotenv take it for the value"
    return 0
  elif [[ $REPLY != "$value" ]]; then
    REPLY="there are blanks after the =, and a shell takes the value for a command"
    return 0
  fi
  REPLY=""
  case $value in
    \'*) judge_single_quoted "${value:1}" ;;
    \"*) judge_double_quoted "${value:1}" ;;
    *)
      word=${value%%[$' \t']*}
      judge_unquoted "$word"
      [[ -z $REPLY ]] || return 0
      skip_spaces "${value:${#word}}"
      if [[ -z $REPLY || $REPLY == "#"* ]]; then
        REPLY=""
      else
        REPLY="the value has blanks and no quotes: direnv refuses the whole file, and a shell runs a command"
      fi
      ;;
  esac
}

# Usage: judge_tail <text behind the closing quote> <quote>
# Sets REPLY to what is wrong with it: only a comment is right, where the value cannot end once more.
judge_tail() {
  local end="$2[[:blank:]]*(#.*)?\$"
  skip_spaces "$1"
  if [[ -n $1 && ($REPLY == "$1" || ($REPLY != "#"* && -n $REPLY)) ]]; then
    REPLY="there is more behind the closing quote"
  elif [[ $REPLY =~ $end ]]; then
    REPLY="there is a quote in the comment, and direnv takes the value to end there"
  else
    REPLY=""
  fi
}

# Usage: judge_single_quoted <text behind the quote>
# Sets REPLY to why the value is not read alike.
judge_single_quoted() {
  local value=${1%%\'*}
  if [[ $1 != *\'* ]]; then
    REPLY="the value goes on in the next line, and direnv refuses the whole file"
    open="'"
  elif [[ $value == *\\\\* || $value == *\\ ]]; then
    REPLY="python-dotenv replaces \\\\ and \\' between single quotes, and the others keep them"
  elif [[ $value == *"\${"*"}"* ]]; then
    REPLY="python-dotenv replaces \${NAME} between single quotes, too"
  else
    judge_tail "${1:${#value}+1}" "'"
  fi
}

# Usage: judge_double_quoted <text behind the quote>
# Sets REPLY to why the value is not read alike.
judge_double_quoted() {
  local plain value
  if is_quote_open "$1" '"'; then
    REPLY="the value goes on in the next line, and direnv refuses the whole file"
    open='"'
    return 0
  fi
  # \" is read alike everywhere, so it gives way to what no name has. A backslash that is left is another one.
  plain=${1//\\\"/::}
  value=${plain%%\"*}
  if [[ $value == *"\`"* || $value == *"\$("* ]]; then
    REPLY="a shell runs what is between backticks or in \$( )"
  elif [[ $value == *\\* ]]; then
    REPLY="a backslash in double quotes (\\n, \\\$, \\\\) means something else to each"
  else
    judge_dollars "$value"
    [[ -n $REPLY ]] || judge_tail "${1:${#value}+1}" '"'
  fi
}

# Usage: judge_unquoted <word>
# Sets REPLY to why the word is not read alike.
judge_unquoted() {
  local spaces
  # What Python strips from the end of a value.
  spaces=$'\xc2\x85|\xc2\xa0|\xe1\x9a\x80|\xe2\x80[\x80-\x8a\xa8\xa9\xaf]|\xe2\x81\x9f|\xe3\x80\x80'
  case $1 in
    *"\`"* | *"\$("*) REPLY="a shell runs what is between backticks or in \$( )" ;;
    *"#"*) REPLY="there is a # and no quotes: direnv takes it for the beginning of a comment" ;;
    *[\'\"]*) REPLY="there is a quote in the value, which only a shell takes away" ;;
    *\\*) REPLY="a shell takes the backslash away, and the others keep it" ;;
    *[\;\&\|\<\>\(\)]*) REPLY="a shell takes one of ; & | < > ( ) for its own; put the value in quotes" ;;
    "~"* | *[:=]"~"*) REPLY="a shell makes ~ the home folder, and the others keep it" ;;
    =*) REPLY="zsh takes what follows the second = for the name of a program" ;;
    *\$*) judge_dollars "$1" ;;
  esac
  if [[ -z $REPLY && -n $exported && ${1//\$\{/} == *"{"*[,.]*"}"* ]]; then
    REPLY="bash replaces braces after export, and the others keep them"
  elif [[ -z $REPLY && $1 =~ $spaces ]]; then
    REPLY="there is a blank of Unicode in it, which python-dotenv takes away; put the value in quotes"
  fi
}

# Usage: judge_dollars <text>
# Sets REPLY to why a $ in it is not read alike: ${NAME} is, and a $ that is followed by none.
judge_dollars() {
  local part IFS='$' glob=+f first=1 name='^\{([A-Za-z_][A-Za-z0-9_]*)\}'
  local -a parts
  [[ $1 == *\$* ]] || return 0
  [[ $- != *f* ]] || glob=-f
  set -f
  # shellcheck disable=SC2206 # split on purpose; the x keeps an empty part at the end
  parts=($1x)
  set "$glob"
  if [[ $1 == *\$ ]]; then
    unset "parts[${#parts[@]}-1]"
  fi
  for part in "${parts[@]}"; do
    if [[ -n $first || $part == [$' \t.,/%']* ]]; then
      first=""
    elif [[ $part =~ $name ]]; then
      case ${BASH_REMATCH[1]} in
        PATH) ;;
        BASH* | COLUMNS | HISTFILE | HOSTNAME | HOSTTYPE | IFS | LINES | MACHTYPE | MAILCHECK | OPT* | OSTYPE | PS? | SECONDS | TERM)
          REPLY="a shell has a variable of the name behind \$ that is not in the environment"
          ;;
        *)
          is_loadable_name "${BASH_REMATCH[1]}" || REPLY="a shell has a variable of the name behind \$ that is not in the environment"
          ;;
      esac
    elif [[ $part == [A-Za-z_]* ]]; then
      REPLY="python-dotenv does not replace \$NAME; write \${NAME}, or single quotes where \$ is meant"
    elif [[ $part =~ ^\{[A-Za-z_][A-Za-z0-9_]*:- ]]; then
      REPLY="\${NAME:-default} is not the same to each when NAME is empty"
    else
      REPLY="what follows the \$ means something to a shell; put the value in single quotes"
    fi
    [[ -z $REPLY ]] || return 0
  done
}
