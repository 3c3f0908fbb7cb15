# shellcheck shell=bash
# What a terminal can show: colour, width, and text that wraps at words.
#
# Read only when there is a terminal, or somebody forces colour (see say in lib/output.sh), and
# by what lays text out, such as help.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/terminal.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F say >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"

_terminal_columns=""
_terminal_lines=""

# Usage: has_color <1|2>
# True when that stream gets colour. NO_COLOR goes before CLICOLOR_FORCE and FORCE_COLOR, and
# these before what the stream is. stdout of --json is for a program.
has_color() {
  if [[ -n ${NO_COLOR-} || (-n ${PYVE_JSON-} && $1 == 1) ]]; then
    return 1
  fi
  if [[ ${CLICOLOR_FORCE:-0} != 0 || ${FORCE_COLOR:-0} != 0 ]]; then
    return 0
  fi
  [[ -t $1 && ${TERM:-dumb} != dumb && -z ${CI-} && ${CLICOLOR-} != 0 ]]
}

# Usage: paint <1|2> <style> <text>
# Sets REPLY to the text in the style's colour, as far as that stream has colour. Styles: error,
# warning, ok, bold, command; others are plain.
paint() {
  local code
  case $2 in
    error) code="1;31" ;;
    warning) code=33 ;;
    ok) code=32 ;;
    bold | command) code=1 ;;
    *) code="" ;;
  esac
  REPLY=$3
  if [[ -n $code && -n $3 ]] && has_color "$1"; then
    REPLY=$'\033['${code}m$3$'\033[0m'
  fi
}

# Usage: find_width <1|2>
# Sets REPLY to the columns of that stream: what COLUMNS in the environment says, else what the
# terminal says, else 80.
find_width() {
  REPLY=80
  if [[ $_wanted_columns =~ ^[0-9]{2,4}$ ]] && ((10#$_wanted_columns >= 20)); then
    REPLY=$((10#$_wanted_columns))
  elif [[ -t $1 ]]; then
    ask_terminal "$1"
    REPLY=${_terminal_columns:-80}
  fi
}

# Usage: find_height <1|2>
# Sets REPLY to the lines of that stream, in the same way; else 24.
find_height() {
  REPLY=24
  if [[ $_wanted_lines =~ ^[0-9]{1,4}$ ]] && ((10#$_wanted_lines >= 5)); then
    REPLY=$((10#$_wanted_lines))
  elif [[ -t $1 ]]; then
    ask_terminal "$1"
    REPLY=${_terminal_lines:-24}
  fi
}

# Usage: ask_terminal <1|2>
# Sets _terminal_columns and _terminal_lines to what the terminal says, asking it once.
ask_terminal() {
  # bash sets these two itself when a child ends, if it knows the terminal: no program is needed.
  local COLUMNS="" LINES="" size
  [[ -z $_terminal_columns ]] || return 0
  shopt -s checkwinsize
  (
    :
    :
  )
  if [[ -z $COLUMNS ]]; then
    size=$(stty size <&"$1" 2>/dev/null) || size=""
    COLUMNS=${size#* } LINES=${size% *}
  fi
  _terminal_columns=80 _terminal_lines=24
  if [[ $COLUMNS =~ ^[1-9][0-9]*$ && $LINES =~ ^[1-9][0-9]*$ ]]; then
    # Narrower than this no text can be laid out.
    _terminal_columns=$((COLUMNS < 20 ? 20 : COLUMNS)) _terminal_lines=$LINES
  fi
}

# Usage: say_styled <1|2> <style> <lead> <text>
# What say does where the stream is not plain.
say_styled() {
  local stream=$1 style=$2 lead=$3 text=$4 rest=""
  # Without a terminal (colour by force) there is no width, and the text stays as it is.
  if [[ -t $stream ]]; then
    clean_text "$text"
    text=$REPLY
  fi
  if [[ $style == command ]]; then
    paint "$stream" command "$text"
    print_text "$lead$REPLY"$'\n' "$stream"
    return 0
  fi
  # Text that begins with a blank has been laid out already.
  if [[ -t $stream && $text != [[:space:]]* ]]; then
    find_width "$stream"
    if ((${#lead} + ${#text} > REPLY)); then
      rest=$REPLY
      tie_words "$text"
      wrap_text "$rest" "${#lead}" "${#lead}" "$REPLY"
      text=$REPLY
    fi
  fi
  paint "$stream" "$style" "$lead"
  print_text "$REPLY$text"$'\n' "$stream"
}

# Usage: wrap_prompt <prompt>
# Sets REPLY to a question as stderr shows it.
wrap_prompt() {
  local text blank=""
  [[ $1 != *" " ]] || blank=" "
  clean_text "${1% }"
  if [[ -t 2 ]]; then
    tie_words "$REPLY"
    text=$REPLY
    find_width 2
    # A few columns are for the answer.
    wrap_text "$((REPLY - 4))" 0 0 "$text"
  fi
  REPLY+=$blank
}

# Usage: clean_text <text>
# Sets REPLY to the text without control characters, which a terminal would obey; ? stands for each.
clean_text() {
  local line out="" rest=$1
  REPLY=$1
  [[ $1 == *[[:cntrl:]]* ]] || return 0
  while [[ $rest == *$'\n'* ]]; do
    line=${rest%%$'\n'*}
    rest=${rest#*$'\n'}
    out+=${line//[[:cntrl:]]/?}$'\n'
  done
  REPLY=$out${rest//[[:cntrl:]]/?}
}

# Usage: tie_words <text>
# Sets REPLY to the text with TIE for each blank in what somebody may paste: paths below the places
# that Pyve knows, 'quoted words', and the command behind "Next: ".
tie_words() {
  local text=$1 place tied out="" quoted="(^|[[:space:](])('[^']*[[:space:]][^']*')([[:space:].,;:)]|$)"
  for place in "$PWD" "${PROJECT_ROOT-}" "${HOME-}" "${PYVE_ROOT-}"; do
    if [[ $place == *" "* && $text == *"$place"* ]]; then
      replace_all "$text" "$place" "${place// /$TIE}"
      text=$REPLY
    fi
  done
  while [[ $text =~ $quoted ]]; do
    place=${BASH_REMATCH[2]}
    tied=${text%%"$place"*}
    out+=$tied${place// /$TIE}
    text=${text#*"$place"}
  done
  text=$out$text
  if [[ $text == *"Next: "* ]]; then
    out=${text##*"Next: "}
    text=${text%"$out"}${out// /$TIE}
  fi
  REPLY=$text
}
