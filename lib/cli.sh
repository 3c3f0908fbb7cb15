# shellcheck shell=bash
# The command line of a room, read by the `# Option:` lines of its own header.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/cli.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F quote_word >/dev/null || . "${BASH_SOURCE[0]%/*}/text.sh"
declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"

ARGS=()
_option_long=()
_option_short=()
_option_takes=()
# What parse_options was given, and what stands behind that in the command line.
_option_words=()
_option_behind=()

# Usage: read_option_header <file>
# Fills _option_long (name without dashes), _option_short ("-f" or "") and _option_takes (the
# value's name or "") from a room's header, and sets every opt_<name> to "".
read_option_header() {
  local line shape='^# Option:[[:space:]]+((-[A-Za-z]),[[:space:]]+)?--([a-z][a-z-]*)([[:space:]]([A-Z][A-Z_|.]*))?([[:space:]]|$)'
  _option_long=()
  _option_short=()
  _option_takes=()
  while IFS= read -r line && [[ $line == "#"* ]]; do
    if [[ $line =~ $shape ]]; then
      _option_short+=("${BASH_REMATCH[2]}")
      _option_long+=("${BASH_REMATCH[3]}")
      _option_takes+=("${BASH_REMATCH[5]}")
      printf -v "opt_${BASH_REMATCH[3]//-/_}" '%s' ""
    fi
  done <"$1"
}

# Usage: parse_options [argument]...
# Reads the arguments of the room PYVE_COMMAND. Sets opt_<name> to "1" or to the value given (to lines of
# values for an option like `--platform PLATFORM...`, which may be given again), and
# ARGS to the rest. Global options are taken wherever they stand. Status 1 for an unknown
# option, a missing value or a value where none is taken; nothing has been done then.
parse_options() {
  _option_words=("$@" ${_option_behind[@]+"${_option_behind[@]}"})
  local word name value has_value i found
  local rest=()
  read_option_header "$PYVE_ROOT/lib/commands/$PYVE_COMMAND.sh"
  while (($#)); do
    word=$1
    if [[ $word == -- ]]; then
      shift
      rest+=("$@")
      break
    fi
    if [[ $word != -?* ]]; then
      rest+=("$word")
      shift
      continue
    fi
    name=${word%%=*} value="" has_value=""
    if [[ $word == --*=* ]]; then
      value=${word#*=}
      has_value=1
    fi
    found=""
    for ((i = 0; i < ${#_option_long[@]}; i++)); do
      if [[ $name == "--${_option_long[i]}" || $word == "${_option_short[i]}" ]]; then
        found=$i
        break
      fi
    done
    if [[ -z $found ]]; then
      take_global_option "$@" || return 1
      if ((REPLY)); then
        shift "$REPLY"
        continue
      fi
      fail_unknown_option "$name"
      return 1
    fi
    shift
    if [[ -n ${_option_takes[found]} && -z $has_value ]]; then
      if ((! $#)) || [[ $1 == -* && $1 != - ]]; then
        fail E_USAGE_VALUE "$name needs a value: $name ${_option_takes[found]}" fix "pyve help $PYVE_COMMAND"
        return 1
      fi
      value=$1
      shift
    elif [[ -z ${_option_takes[found]} ]]; then
      if [[ -n $has_value ]]; then
        replace_option_word "$word" "$name"
        fail E_USAGE_VALUE "$name takes no value" why "given: $word" fix "$REPLY"
        return 1
      fi
      value=1
    fi
    if [[ -z $value ]]; then
      fail E_USAGE_VALUE "the value of $name is empty" fix "pyve help $PYVE_COMMAND"
      return 1
    fi
    name=opt_${_option_long[found]//-/_}
    if [[ ${_option_takes[found]} == *... && -n ${!name} ]]; then
      value=${!name}$'\n'$value
    fi
    printf -v "$name" '%s' "$value"
  done
  ARGS=(${rest[@]+"${rest[@]}"})
  if [[ -n ${opt_yes-} ]]; then
    PYVE_YES=1
  fi
}

# Usage: expect_arguments <most>
# Status 1, with a message, when parse_options left more than <most> arguments.
expect_arguments() {
  local i takes="it takes no argument" surplus=$((${#ARGS[@]} - $1))
  local -a words=()
  if ((surplus > 0)); then
    # The arguments are among the words in their order; the last ones are too many.
    for ((i = ${#_option_words[@]} - 1; i >= 0; i--)); do
      if ((surplus > 0)) && [[ ${_option_words[i]} == "${ARGS[$1 + surplus - 1]}" ]]; then
        surplus=$((surplus - 1))
      else
        words=("${_option_words[i]}" ${words[@]+"${words[@]}"})
      fi
    done
    case $1 in
      0) ;;
      1) takes="it takes one argument" ;;
      *) takes="it takes $1 arguments" ;;
    esac
    quote_words pyve "$PYVE_COMMAND" ${words[@]+"${words[@]}"}
    fail E_USAGE_ARGUMENT "pyve $PYVE_COMMAND does not know what to do with '${ARGS[$1]}'" \
      why "$takes" fix "$REPLY"
    return 1
  fi
}

# Usage: fail_unknown_command <word> [argument]...
# Says so, with the nearest command there is; for a word that begins with dashes, or the nearest option of Pyve's own.
# Status 1.
fail_unknown_command() {
  local file name given=$1 meant names=()
  local -a options=(json format quiet verbose no-wait)
  shift
  for file in "$PYVE_ROOT/lib/commands"/*.sh; do
    name=${file##*/}
    names+=("${name%.sh}")
  done
  [[ $given != --* ]] || names+=("${options[@]}")
  suggest "${given#--}" "${names[@]}"
  if [[ -n $REPLY ]]; then
    meant=$REPLY
    [[ " ${options[*]} " != *" $meant "* ]] || meant=--$meant
    quote_words pyve "$meant" "$@"
    fail E_USAGE_COMMAND "'$given' is not a pyve command" why "did you mean '$meant'?" fix "$REPLY"
  else
    fail E_USAGE_COMMAND "'$given' is not a pyve command" fix "pyve help"
  fi
}

# Usage: fail_unknown_word <known word>...
# For a command whose first argument is one of these words: says that what was given is none, with the nearest one; where
# nothing was given, shows the command's help. Status 1, 0 for the help.
fail_unknown_word() {
  local given=${ARGS[0]-} known meant
  if [[ -z $given ]]; then
    declare -F show_command_help >/dev/null || . "${BASH_SOURCE[0]%/*}/help.sh"
    if [[ -n $PYVE_JSON ]]; then
      answer text "$(show_command_help "$PYVE_COMMAND")"
    else
      show_command_help "$PYVE_COMMAND"
    fi
    return 0
  fi
  suggest "$given" "$@"
  if [[ -n $REPLY ]]; then
    meant=$REPLY
    quote_words pyve "$PYVE_COMMAND" "$meant" "${ARGS[@]:1}"
    fail E_USAGE_COMMAND "'pyve $PYVE_COMMAND $given' is not a pyve command" why "did you mean '$meant'?" fix "$REPLY"
  else
    printf -v known '%s, ' "$@"
    fail E_USAGE_COMMAND "'pyve $PYVE_COMMAND $given' is not a pyve command" why "$PYVE_COMMAND knows: ${known%, }" \
      fix "pyve help $PYVE_COMMAND"
  fi
}

# Usage: fail_unknown_option <option>
# Says so, with the nearest option that the room has. Status 1.
fail_unknown_option() {
  local name given=$1 meant names=(--quiet --verbose --no-wait --json --format --help)
  if split_option_word "$given"; then
    return 1
  fi
  for name in ${_option_long[@]+"${_option_long[@]}"}; do
    names+=("--$name")
  done
  suggest "$given" "${names[@]}"
  if [[ -n $REPLY ]]; then
    meant=$REPLY
    replace_option_word "$given" "$meant"
    fail E_USAGE_OPTION "pyve $PYVE_COMMAND has no option '$given'" why "did you mean '$meant'?" fix "$REPLY"
  else
    fail E_USAGE_OPTION "pyve $PYVE_COMMAND has no option '$given'" fix "pyve help $PYVE_COMMAND"
  fi
}

# Usage: split_option_word <given>
# Says that an option and its value are one word, as in '-e .', where they are. Status 1 where they are not.
split_option_word() {
  local i word option=${1%%[[:blank:]]*} value
  local -a words=()
  [[ $option != "$1" ]] || return 1
  for ((i = 0; i < ${#_option_long[@]}; i++)); do
    if [[ -n ${_option_takes[i]} && ($option == "--${_option_long[i]}" || $option == "${_option_short[i]}") ]]; then
      value=${1#"$option"}
      value=${value#"${value%%[![:blank:]]*}"}
      for word in "${_option_words[@]}"; do
        [[ $word == "$1" ]] && words+=("--${_option_long[i]}" "$value") || words+=("$word")
      done
      quote_words pyve "$PYVE_COMMAND" "${words[@]}"
      fail E_USAGE_OPTION "pyve $PYVE_COMMAND has no option '$1'" \
        why "$option is one, and '$value' its value: they are two words" fix "$REPLY"
      return 0
    fi
  done
  return 1
}

# Usage: replace_option_word <given> <meant>
# Sets REPLY to the command line that parse_options was given, with one option (and not its value)
# replaced.
replace_option_word() {
  local word
  local -a words=()
  for word in ${_option_words[@]+"${_option_words[@]}"}; do
    if [[ $word == "$1" || $word == "$1="* ]]; then
      word=$2${word#"$1"}
    fi
    words+=("$word")
  done
  quote_words pyve "$PYVE_COMMAND" ${words[@]+"${words[@]}"}
}

# Usage: quote_words <word>...
# Sets REPLY to a command line of these words.
quote_words() {
  local word line=""
  for word; do
    quote_word "$word"
    line+=${line:+ }$REPLY
  done
  REPLY=$line
}

# Usage: suggest <word> <candidate>...
# Sets REPLY to the candidate that was probably meant, or to "".
suggest() {
  local word=$1 candidate best="" best_distance=99 limit
  shift
  limit=$(((${#word} + 2) / 3))
  for candidate; do
    if [[ ${#word} -ge 3 && $candidate == "$word"* ]]; then
      REPLY=1
    else
      edit_distance "$word" "$candidate"
    fi
    if ((REPLY <= limit && REPLY < best_distance)); then
      best=$candidate
      best_distance=$REPLY
    fi
  done
  REPLY=$best
}

# Usage: edit_distance <word> <word>
# Sets REPLY to the optimal string alignment distance (Damerau 1964): insertions, deletions,
# substitutions and swaps of neighbours.
edit_distance() {
  local a=$1 b=$2 i j cost value width
  local -a d=()
  if ((${#a} > 40 || ${#b} > 40)); then
    REPLY=99
    return 0
  fi
  width=$((${#b} + 1))
  for ((j = 0; j < width; j++)); do
    d[j]=$j
  done
  for ((i = 1; i <= ${#a}; i++)); do
    d[i * width]=$i
    for ((j = 1; j < width; j++)); do
      cost=1
      [[ ${a:i-1:1} != "${b:j-1:1}" ]] || cost=0
      value=$((d[(i - 1) * width + j] + 1))
      ((d[i * width + j - 1] + 1 >= value)) || value=$((d[i * width + j - 1] + 1))
      ((d[(i - 1) * width + j - 1] + cost >= value)) || value=$((d[(i - 1) * width + j - 1] + cost))
      if ((i > 1 && j > 1)) && [[ ${a:i-1:1} == "${b:j-2:1}" && ${a:i-2:1} == "${b:j-1:1}" ]]; then
        ((d[(i - 2) * width + j - 2] + 1 >= value)) || value=$((d[(i - 2) * width + j - 2] + 1))
      fi
      d[i * width + j]=$value
    done
  done
  REPLY=${d[${#a} * width + ${#b}]}
}
