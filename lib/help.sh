# shellcheck shell=bash
# Help on a command, laid out from the header of its room; and what pages of help are made with.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/help.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F say >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"

# A page that is being laid out: its text, and how wide that may be.
_page="" _page_width=80

# Usage: show_command_help <name>
# Prints what the header of one room says.
show_command_help() {
  # Headers are ASCII; bash is quicker when it may take a byte for a character.
  local item term words=() LC_ALL=C
  load_headers
  begin_page
  read_header "$PYVE_ROOT/lib/commands/$1.sh"
  add_text 0 2 "pyve $1: $header_summary"
  embolden "pyve $1:"
  _page=$REPLY${_page#"pyve $1:"}
  add_line ""
  for item in "${header_usage[@]}"; do
    if ((${#item} + 7 <= _page_width)); then
      _page+="Usage: $item"$'\n'
    else
      # The rest is indented by that much; on a narrow screen a pair of brackets has to fit beside it.
      term="pyve $1"
      ((_page_width >= 50)) || term=pyve
      tie_brackets "${item#"$term"}"
      add_entry "Usage: $term" 0 "$REPLY"
    fi
  done
  add_about
  for item in ${header_argument[@]+"${header_argument[@]}"}; do
    # (Those in capitals are for completion.)
    [[ $item == [A-Z]* || $item != *"  "* ]] || words+=("$item")
  done
  if ((${#words[@]})); then
    add_heading "Arguments:"
    add_list "${words[@]}"
  fi
  if ((${#header_option[@]})); then
    add_heading "Options:"
    add_list "${header_option[@]}"
  fi
  if ((${#header_example[@]})); then
    add_heading "Examples:"
    # Examples are there to be pasted: they are not wrapped.
    printf -v item '  %s\n' "${header_example[@]}"
    _page+=$item
  fi
  if ((${#header_exit[@]})); then
    add_heading "Exit status:"
    for item in "${header_exit[@]}"; do
      add_exit "$item"
    done
  fi
  if ((${#header_alias[@]})); then
    add_line ""
    add_entry "Also spelt: " 0 "${header_alias[*]}"
  fi
  print_text "$_page"
}

# Usage: load_headers
# Reads lib/headers.sh, without which the overview of all commands is shown.
load_headers() {
  # shellcheck source=/dev/null # read when needed
  declare -F read_header >/dev/null || . "${BASH_SOURCE[0]%/*}/headers.sh"
}

# Usage: begin_page
# Finds the width. Wide terminals are not used up: long lines are hard to read.
begin_page() {
  _page="" _page_width=80
  if ! is_plain 1 || [[ -n $_wanted_columns ]]; then
    declare -F find_width >/dev/null || load_terminal
    find_width 1
    _page_width=$((REPLY > 100 ? 100 : REPLY))
  fi
}

# Usage: add_line <text>
# Adds a line as it is.
add_line() {
  _page+=$1$'\n'
}

# Usage: embolden <text>
# Sets REPLY to the text, bold where stdout has that.
embolden() {
  REPLY=$1
  if ! is_plain 1; then
    declare -F paint >/dev/null || load_terminal
    paint 1 bold "$1"
  fi
}

# Usage: add_heading <text>
# Adds an empty line and a heading.
add_heading() {
  embolden "$1"
  _page+=$'\n'$REPLY$'\n'
}

# Usage: add_text <indent> <hanging indent> <text>
# Adds a text that wraps.
add_text() {
  if (($1 + ${#3} <= _page_width)); then
    REPLY=${3//"$TIE"/ }
  else
    wrap_text "$_page_width" "$1" "$2" "$3"
  fi
  printf -v REPLY '%*s%s\n' "$1" "" "$REPLY"
  _page+=$REPLY
}

# Usage: add_entry <term> <column> <text> [term as it is shown]
# Adds a term and, from <column> on (0: right behind it), what it means; below it where there is no room.
add_entry() {
  local column=$2 shown=${4-$1} rest pad=""
  if ((${#1} >= column)); then
    column=${#1}
    [[ $1 == *" " || $2 == 0 ]] || column=$((column + 1))
  fi
  rest=$3
  if ((column + ${#3} > _page_width)); then
    if ((_page_width - column < 20)); then
      add_line "$shown"
      add_text 6 6 "$3"
      return 0
    fi
    wrap_text "$_page_width" "$column" "$column" "$3"
    rest=$REPLY
  fi
  printf -v pad '%*s' $((column - ${#1})) ""
  rest=$shown$pad$rest
  _page+=${rest//"$TIE"/ }$'\n'
}

# Usage: add_list <item>...
# Adds items "term  meaning", such as options: in two columns, or on a narrow page the meaning below.
add_list() {
  local item term text
  for item; do
    term=${item%%  *}
    text=${item#"$term"}
    text=${text#"${text%%[! ]*}"}
    if ((${#term} < 24 && 27 + ${#text} <= _page_width && _page_width > 60)); then
      printf -v item '  %-25s%s\n' "$term" "$text"
      _page+=$item
    elif ((_page_width > 60)); then
      add_entry "  $term" 27 "$text"
    else
      add_line "  $term"
      add_text 6 6 "$text"
    fi
  done
}

# Usage: add_exit <text>
# Adds a line about exit statuses; in several where it is too long.
add_exit() {
  local rest=$1
  if ((${#rest} + 2 > _page_width)); then
    while [[ $rest == *"; "* ]]; do
      add_text 2 4 "${rest%%"; "*}"
      rest=${rest#*"; "}
    done
  fi
  add_text 2 4 "$rest"
}

# Usage: add_about
# Adds the paragraphs that tell about the command; lines that begin with a blank stay as they are.
add_about() {
  local line paragraph=""
  ((${#header_about[@]})) || return 0
  add_line ""
  if [[ "${header_about[*]/#/$'\n'}" != *$'\n '* ]]; then
    add_text 0 0 "${header_about[*]}"
    return 0
  fi
  for line in "${header_about[@]}"; do
    if [[ $line == " "* ]]; then
      [[ -z $paragraph ]] || add_text 0 0 "$paragraph"
      paragraph=""
      add_line "$line"
    else
      paragraph+=${paragraph:+ }$line
    fi
  done
  [[ -z $paragraph ]] || add_text 0 0 "$paragraph"
}

# Usage: tie_brackets <text>
# Sets REPLY to a usage line with TIE for the blanks inside of [brackets], where it must not break.
tie_brackets() {
  local rest=$1 out="" part
  while [[ $rest == *"["*"]"* ]]; do
    part="[${rest#*"["}"
    part=${part%%"]"*}"]"
    out+=${rest%%"["*}${part// /$TIE}
    rest=${rest#*"$part"}
  done
  REPLY=$out$rest
}
