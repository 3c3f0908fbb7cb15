# Summary: Say what a code means, or what a command would execute and why
# Group: Agents
# Usage: pyve explain [CODE]
# Usage: pyve explain COMMAND [ARGUMENT]...
# Argument: CODE codes
# Argument: COMMAND run, x, test and others that start a program
# Agent: read idempotent
# About: Every message of Pyve ends in a code in brackets. Without CODE, all codes are listed. CODE may be
# About: written in small letters, with dashes, and without the letter in front of it (E_, W_); the id of a
# About: check of pyve doctor stands for the codes that it finds.
# About: With a command line of Pyve's that starts a program: the program, its arguments, the folder, what changes in
# About: PATH and in the environment, what would have to be made first, and why it is so. Nothing is executed or made.
# Example: pyve explain E_LOCK_STALE
# Example: pyve explain lock-stale
# Example: pyve explain run --profile dev python app.py
# Exit: 0 shown; 1 there is no such code, or the command would fail; 126, 127 as the command
# States: any -> the same

cmd_explain() {
  local code
  # (Options of every command may stand in front of the one that is explained.)
  while [[ ${1-} == -?* && $1 != -- ]]; do
    take_global_option "$@" || return 1
    ((REPLY)) || break
    shift "$REPLY"
  done
  case ${1-} in
    run | test | x | watch | fmt | lint | typecheck)
      explain_command "$@"
      return
      ;;
    tool | imports)
      if has_program "$@"; then
        explain_command "$@"
        return
      fi
      ;;
  esac
  need cli help codes
  if has_arguments "$@" && { [[ $1 =~ ^[a-z][a-z-]*$ && -f $PYVE_ROOT/lib/commands/$1.sh ]] || ! find_asked_codes "$1"; }; then
    fail_unexplained "$@"
    return
  fi
  parse_options "$@" && expect_arguments 1 || return 1
  if ((${#ARGS[@]} == 0)); then
    list_all_codes
    return 0
  fi
  if ! find_asked_codes "${ARGS[0]}"; then
    fail_unknown_code "${ARGS[0]}"
    return 1
  fi
  set -- "${CODES[@]}"
  begin_page
  for code; do
    find_code "$code"
    if [[ -n $PYVE_JSON ]]; then
      answer_code "$code" "$#"
    else
      [[ -z $_page ]] || _page+=$'\n\n'
      add_code "$code"
    fi
  done
  if [[ -z $PYVE_JSON ]]; then
    print_text "$_page"
  elif (($# > 1)); then
    answer_json codes "[$_page]"
  fi
}

# Usage: has_program <tool|imports> [argument]...
# True for the part of the room that starts a program: the others would do their work.
has_program() {
  local room=$1
  shift
  while [[ ${1-} == -?* ]]; do
    case $1 in
      -C | --format) shift ;;
    esac
    shift "$(($# > 0))"
  done
  case $room:${1-} in
    tool:run | imports:time | imports:lazy) return 0 ;;
  esac
  return 1
}

# Usage: has_arguments [word]...
# True for a word that is no option, and behind it more than options of every command.
has_arguments() {
  [[ ${1--} != -* ]] || return 1
  shift
  while (($#)); do
    case $1 in
      -q | --quiet | -v | --verbose | --json | --no-wait | --format=*) ;;
      -C | --format) shift "$(($# > 1))" ;;
      *) return 0 ;;
    esac
    shift
  done
  return 1
}

# Usage: fail_unexplained <word> [argument]...
# Says that the command line starts no program, or that there is no such command. Status 1.
fail_unexplained() {
  local given=$1 fix="pyve help explain"
  local why="that can be explained: run, x, test, watch, fmt, lint, typecheck, tool run, imports time, imports lazy"
  if [[ -f $PYVE_ROOT/lib/commands/$1.sh ]]; then
    quote_words pyve "$@"
    fail E_USAGE_ARGUMENT "$REPLY starts no program of yours" why "$why" fix "$fix"
    return 1
  fi
  shift
  suggest "$given" run x tool test watch fmt lint typecheck imports
  if [[ -n $REPLY ]]; then
    why="did you mean '$REPLY'?"
    quote_words pyve explain "$REPLY" "$@"
    fix=$REPLY
  fi
  fail E_USAGE_ARGUMENT "'${given//[[:cntrl:]]/?}' is no command that could be explained" why "$why" fix "$fix"
}

# Usage: explain_command <room> [argument]...
# Opens the room of a command that starts programs, to hear what it would start.
explain_command() {
  PYVE_EXPLAIN=1 PYVE_COMMAND=$1
  PYVE_WORDS=("$@")
  at_exit answer_as_explain
  check_project "$1" || return 1
  # shellcheck source=/dev/null # one of lib/commands
  . "$PYVE_ROOT/lib/commands/$1.sh"
  "cmd_$1" "${@:2}"
}

# Usage: answer_as_explain
# The JSON answer is that of explain, not of the command that it asks.
answer_as_explain() {
  PYVE_COMMAND=explain
}

# Usage: normalize_code <text>
# Sets REPLY to the text as a code is written: E_LOCK_STALE for e-lock-stale. Status 1 when it cannot be one.
normalize_code() {
  local rest=$1 before small=abcdefghijklmnopqrstuvwxyz capitals=ABCDEFGHIJKLMNOPQRSTUVWXYZ
  REPLY=""
  rest=${rest//-/_}
  [[ -n $rest && ${#rest} -le 40 && $rest != *[!A-Za-z0-9_]* ]] || return 1
  while [[ -n $rest ]]; do
    before=${small%%"${rest:0:1}"*}
    if ((${#before} < 26)); then
      REPLY+=${capitals:${#before}:1}
    else
      REPLY+=${rest:0:1}
    fi
    rest=${rest:1}
  done
}

# Usage: find_asked_codes <text>
# Sets CODES to the codes that are meant. Status 1: none.
find_asked_codes() {
  local name code level
  local -a found=()
  CODES=()
  normalize_code "$1" || return 1
  name=$REPLY
  if find_code "$name"; then
    CODES=("$name")
    return 0
  fi
  for level in E W I; do
    ! find_code "${level}_$name" || found+=("${level}_$name")
  done
  list_codes_of_check "$1"
  for code in ${CODES[@]+"${CODES[@]}"}; do
    [[ $code == ?_"$name" ]] || found+=("$code")
  done
  CODES=(${found[@]+"${found[@]}"})
  ((${#CODES[@]}))
}

# Usage: fail_unknown_code <text>
# Says so, with the nearest code there is. Status 1.
fail_unknown_code() {
  local name="" code word
  local -a near=() alike=()
  list_codes
  if normalize_code "$1"; then
    name=$REPLY
    [[ $name == [EWI]_* ]] || name=E_$name
    for code in "${CODES[@]}"; do
      # Comparing takes its time: those that share a word with it go first, else those that begin so.
      for word in ${name//_/ }; do
        if [[ ${#word} -gt 2 && "_${code}_" == *"_${word}"* ]]; then
          near+=("$code")
          break
        fi
      done
      [[ $code != "${name:0:3}"* ]] || alike+=("$code")
    done
    ((${#near[@]})) || near=(${alike[@]+"${alike[@]}"})
    suggest "$name" ${near[@]+"${near[@]}"}
    name=$REPLY
  fi
  if [[ -n $name ]]; then
    fail E_CODE_UNKNOWN "there is no code '${1//[[:cntrl:]]/?}'" why "did you mean '$name'?" fix "pyve explain $name"
  else
    fail E_CODE_UNKNOWN "there is no code '${1//[[:cntrl:]]/?}'"
  fi
}

# Usage: add_code <code>
# Adds what find_code has found to the page.
add_code() {
  local item start=${#_page}
  add_entry "$1: " 2 "$CODE_MESSAGE"
  embolden "$1:"
  _page=${_page:0:start}$REPLY${_page:start+${#1}+1}
  add_line ""
  add_text 0 0 "$CODE_MEANS"
  add_heading "How it comes about:"
  for item in ${CODE_CAUSES[@]+"${CODE_CAUSES[@]}"}; do
    add_entry "  - " 0 "$item"
  done
  add_heading "What mends it:"
  # Commands are there to be pasted: they are not wrapped.
  for item in ${CODE_FIXES[@]+"${CODE_FIXES[@]}"}; do
    embolden "$item"
    add_line "  $REPLY"
  done
  if [[ -n $CODE_REMEDY ]]; then
    add_text 2 2 "$CODE_REMEDY"
  fi
  if [[ -n $CODE_CHECK ]]; then
    add_heading "What finds it:"
    embolden "pyve doctor --only $CODE_CHECK"
    add_line "  $REPLY"
  fi
}

# Usage: answer_code <code> <how many are asked for>
# Gives what find_code has found to the JSON answer: as its detail, or as one of several on the page.
answer_code() {
  local item argv code=$1 fixes="" causes=""
  for item in ${CODE_CAUSES[@]+"${CODE_CAUSES[@]}"}; do
    json_string "$item"
    causes+=${causes:+, }$REPLY
  done
  for item in ${CODE_FIXES[@]+"${CODE_FIXES[@]}"}; do
    json_argv "$item"
    argv=$REPLY
    is_destructive "$item" && REPLY=destructive || REPLY=safe
    fixes+="${fixes:+, }{\"command\": $argv, \"risk\": \"$REPLY\", \"automatic\": false}"
  done
  set -- "$2" code "$code" level "$CODE_LEVEL" message "$CODE_MESSAGE" means "$CODE_MEANS" remedy "$CODE_REMEDY" check "$CODE_CHECK"
  if (($1 == 1)); then
    shift
    while (($#)); do
      answer "$1" "$2"
      shift 2
    done
    answer_json causes "[$causes]"
    answer_json fix "[$fixes]"
    return 0
  fi
  shift
  item=""
  while (($#)); do
    json_string "$2"
    item+="\"$1\": $REPLY, "
    shift 2
  done
  _page+="${_page:+, }{$item\"causes\": [$causes], \"fix\": [$fixes]}"
}

# Usage: list_all_codes
# Shows every code and what it says, by area.
list_all_codes() {
  local file area list="" i
  local -a files items
  begin_page
  find_code_areas
  files=("${CODE_FILES[@]}")
  for file in "${files[@]}"; do
    list_codes "$file"
    items=()
    if [[ -n $PYVE_JSON ]]; then
      json_string "$AREA_TITLE"
      area=$REPLY
    fi
    for ((i = 0; i < ${#CODES[@]}; i++)); do
      items+=("${CODES[i]}  ${CODE_MESSAGES[i]}")
      if [[ -n $PYVE_JSON ]]; then
        describe_level "${CODES[i]}"
        list+="${list:+, }{\"code\": \"${CODES[i]}\", \"level\": \"$REPLY\", "
        json_string "${CODE_MESSAGES[i]}"
        list+="\"message\": $REPLY, \"area\": $area}"
      fi
    done
    if [[ -z $PYVE_JSON ]] && ((${#items[@]})); then
      [[ -z $_page ]] || add_line ""
      embolden "$AREA_TITLE"
      add_line "$REPLY"
      add_list "${items[@]}"
    fi
  done
  if [[ -n $PYVE_JSON ]]; then
    answer_json codes "[$list]"
  else
    print_text "$_page"
  fi
}
