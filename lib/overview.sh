# shellcheck shell=bash
# The overview of all commands: `pyve help`.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/overview.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F begin_page >/dev/null || . "${BASH_SOURCE[0]%/*}/help.sh"

# Usage: show_overview
# Prints all commands, grouped: on a terminal on one screen if at all possible. For that, blank lines
# go first, then the summaries of the groups at the end.
show_overview() {
  local height=23 i at head usage foot gap open between="" around="" lines=0
  # By the place of the group in order.
  local -a blocks=() names=() titles=()
  # (As in show_command_help.)
  local LC_ALL=C
  begin_page
  if [[ -t 1 ]]; then
    declare -F find_height >/dev/null || load_terminal
    find_height 1
    # One line is for the prompt below.
    height=$((REPLY - 1))
  fi
  read_groups
  _page=""
  add_entry "" 0 "Pyve makes a Python project's environment exist, and says what is wrong with it."
  head=$_page _page=""
  tie_brackets "pyve [-C DIR] [-q] [-v] [--json] COMMAND [ARGUMENT]..."
  add_entry "Usage: " 0 "$REPLY"
  usage=$_page _page=""
  add_entry "" 0 "Begin${TIE}with:${TIE}pyve${TIE}init      More${TIE}on${TIE}a${TIE}command:${TIE}pyve${TIE}help${TIE}COMMAND"
  foot=$_page
  fit_overview
  ((gap < 1)) || between=$'\n'
  ((gap < 2)) || around=$'\n'
  ((gap >= 0)) || head=""
  _page=$head$around$usage
  i=0
  for at in "${!titles[@]}"; do
    i=$((i + 1))
    embolden "${titles[at]}"
    if ((i <= open)); then
      _page+=$between$REPLY$'\n'${blocks[at]}
    else
      # The names of these groups stand together.
      ((i > open + 1)) || _page+=$between
      add_names "$at"
    fi
  done
  print_text "$_page$around$foot"
}

# Usage: read_groups
# For show_overview: sets titles, blocks (lines with the commands) and names of the groups. One file is read, and
# not the headers of all rooms, as long as it was made from as many as there are.
read_groups() {
  local IFS=$'\n' text="" line at=-1
  local -a list rooms=("$PYVE_ROOT/lib/commands"/*.sh)
  [[ ! -r $PYVE_ROOT/lib/data/commands.txt ]] || IFS= read -r -d '' text <"$PYVE_ROOT/lib/data/commands.txt" || :
  if [[ $text != "${#rooms[@]}"$'\n'* ]]; then
    load_headers
    group_commands
    text=$REPLY
  fi
  set -f
  # shellcheck disable=SC2206 # split at the line ends
  list=(${text#*$'\n'})
  set +f
  for line in "${list[@]}"; do
    if [[ $line == "["* ]]; then
      at=$((at + 1))
      line=${line#?}
      titles[at]=${line%?} blocks[at]="" names[at]=""
      continue
    fi
    set -- "${line:2:15}" "${line:18}"
    set -- "${1%%" "*}" "$2"
    names[at]+=" $1"
    if ((${#line} > _page_width)); then
      _page=""
      add_entry "  $1" 18 "$2"
      blocks[at]+=$_page
    else
      blocks[at]+=$line$'\n'
    fi
  done
}

# Usage: add_names <place>
# For show_overview: adds a group of which only the names of the commands are shown.
add_names() {
  embolden "${titles[$1]}"
  if ((_page_width < 60 && 20 + ${#names[$1]} > _page_width)); then
    add_line "$REPLY"
    add_text 4 4 "${names[$1]# }"
  else
    add_entry "${titles[$1]}" 20 "${names[$1]# }" "$REPLY"
  fi
}

# Usage: fit_overview
# Sets open to how many groups can be shown with their summaries, and gap to 2 (blank lines
# everywhere), 1 (between groups), 0, or -1 (without the first sentence either), so that the page has at most
# height lines. For show_overview, whose locals it uses.
fit_overview() {
  local frame
  local -a opened=() closed=()
  count_lines "$head$usage$foot"
  frame=$REPLY
  count_lines "${blocks[*]}"
  open=${#titles[@]}
  lines=$((frame + REPLY + open))
  # With everything, more or less tight. A pipe gets that in any case: it can be searched and scrolled.
  for gap in 2 1; do
    if ((lines + open + (gap > 1 ? 2 : 0) <= height)); then
      return 0
    fi
  done
  [[ -t 1 ]] || return 0
  for at in "${!titles[@]}"; do
    count_lines "${blocks[at]}"
    opened[at]=$((REPLY + 1)) _page=""
    add_names "$at"
    count_lines "$_page"
    closed[at]=$REPLY
  done
  for (( ; open >= 0; open--)); do
    for gap in 2 1 0 -1; do
      count_lines "$usage$foot"
      ((gap < 0)) || REPLY=$frame
      i=0 lines=$((REPLY + (gap > 1 ? 2 : 0)))
      for at in "${!titles[@]}"; do
        i=$((i + 1))
        if ((i <= open)); then
          lines=$((lines + opened[at] + (gap > 0)))
        else
          lines=$((lines + closed[at] + (i == open + 1 && gap > 0)))
        fi
      done
      ((lines > height)) || return 0
    done
  done
  open=0 gap=-1
}

# Usage: count_lines <text>
# Sets REPLY to the number of lines in the text that are not empty.
count_lines() {
  local IFS=$'\n'
  local -a parts
  set -f
  # shellcheck disable=SC2206 # split at the line ends
  parts=($1)
  set +f
  REPLY=${#parts[@]}
}
