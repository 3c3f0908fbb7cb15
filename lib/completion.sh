# shellcheck shell=bash
# What may stand in the last place of a command line, for the completion scripts of bash, zsh and
# fish. All of it is read from the headers of the rooms; nothing here starts a process.
#
# The answer has a line for each candidate: the word, a tab, and what it means. A line without a
# tab is an order that the shell carries out itself:
#   :files N     file names; the first N characters of the word are no part of the name
#   :folders N   the same for folders
#   :command N   the words from N on (pyve is word 0) are a command line of their own

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/completion.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F read_header >/dev/null || . "${BASH_SOURCE[0]%/*}/headers.sh"

# The command line, and which of its words is the one to be completed: the last.
_words=()
_last=0

# How candidates must begin; what goes before each of them ("--backend="); and the answer.
_filter="" _lead="" _answer=""

# --- giving answers

# Usage: _offer <candidate> [text]
# Adds a candidate to the answer, if it begins as the word does and can be typed.
_offer() {
  if [[ $1 == "$_filter"* && -n $1 && $1 != *[[:cntrl:]]* ]]; then
    _answer+=$_lead$1$'\t'${2-}$'\n'
  fi
}

# Usage: _order <files|folders|command> <number>
# Adds an order to the shell, once.
_order() {
  [[ $'\n'$_answer == *$'\n'":$1 $2"$'\n'* ]] || _answer+=":$1 $2"$'\n'
}

# --- commands

# Usage: _offer_commands
# Offers the commands that are for people, with their summaries.
_offer_commands() {
  local file summary group
  for file in "$PYVE_ROOT/lib/commands/$_filter"*.sh; do
    [[ -f $file ]] || continue
    # Every room's first line is its summary, the second its group.
    {
      IFS= read -r summary || :
      IFS= read -r group || :
    } <"$file"
    if [[ $group != "# Group: Plumbing" ]]; then
      file=${file##*/}
      _offer "${file%.sh}" "${summary#"# Summary: "}"
    fi
  done
}

# --- the options of a command

# Usage: _read_options [option line]...
# Fills _short, _long, _value and _text from the lines given and the global options, and
# _usage_repeated with those that may be repeated.
_read_options() {
  local line
  _short=() _long=() _value=() _text=() _given=() _usage_repeated=" "
  for line in "$@" "${GLOBAL_OPTIONS[@]}"; do
    split_option "$line"
    _short+=("$option_short")
    _long+=("$option_long")
    _value+=("${option_value%...}")
    _text+=("$option_text")
    _given+=("")
    # (`--platform PLATFORM...`)
    [[ $option_value != *... ]] || _usage_repeated+="${option_long:-$option_short} "
  done
}

# Usage: _find_option <word>
# Sets REPLY to the number of the option that <word> ("-y", "--yes") names. Status 1: none.
_find_option() {
  for ((REPLY = 0; REPLY < ${#_long[@]}; REPLY++)); do
    [[ $1 != "${_long[REPLY]}" && $1 != "${_short[REPLY]}" ]] || return 0
  done
  return 1
}

# Usage: _offer_options [count]
# Offers the options, or the first <count>, that fit what is there, and are not there yet or may be
# repeated.
_offer_options() {
  local i name
  for ((i = 0; i < ${1:-${#_long[@]}}; i++)); do
    name=${_long[i]:-${_short[i]}}
    # What no Usage line names fits everywhere.
    if [[ $_usage_named == *" $name "* && $_usage_fitting != *" $name "* ]]; then
      continue
    fi
    if [[ -z ${_given[i]} || $_usage_repeated == *" $name "* ]]; then
      _offer "${_long[i]}" "${_text[i]}"
      _offer "${_short[i]}" "${_text[i]}"
    fi
  done
}

# Usage: _offer_all_options [option line]...
# Offers the options of the lines.
_offer_all_options() {
  local line
  for line; do
    if [[ $line == *"$_filter"* ]]; then
      split_option "$line"
      _offer "$option_long" "$option_text"
      _offer "$option_short" "$option_text"
    fi
  done
}

# --- the Usage lines of a command

# Usage: _read_usage <command> [argument]...
# Reads header_usage. Sets _usage_names to what the next argument may be, after those given
# ("VENV_DIR", "bash|zsh"); _usage_program to the place, from 1, of the argument that is a program,
# when it is among those given; and the words _usage_named (options in any line), _usage_fitting
# (in a line that fits the arguments); adds to _usage_repeated.
_read_usage() {
  local command=$1 line token place i
  shift
  _usage_names=() _usage_program="" _usage_named=" " _usage_fitting=" "
  for line in ${header_usage[@]+"${header_usage[@]}"}; do
    [[ $line == "pyve $command" || $line == "pyve $command "* ]] || continue
    _split_usage "${line#"pyve $command"}"
    _usage_named+=$_line_options
    # A line fits when its own words stand where it has them, and it has room for those given.
    place=0
    for token; do
      if ((place < ${#_line_names[@]})); then
        i=$place
      elif [[ -z $_line_endless ]]; then
        continue 2
      fi
      [[ ${_line_names[i]} == *[A-Z]* || "|${_line_names[i]}|" == *"|$token|"* ]] || continue 2
      place=$((place + 1))
      _find_kind "${_line_names[i]}"
      [[ $REPLY != programs || -n $_usage_program ]] || _usage_program=$place
    done
    _usage_fitting+=$_line_options
    if ((place < ${#_line_names[@]})); then
      _usage_names+=("${_line_names[place]}")
    elif [[ -n $_line_endless ]]; then
      _usage_names+=("${_line_names[${#_line_names[@]} - 1]}")
    fi
  done
}

# Usage: _split_usage <Usage line without the command>
# Sets _line_names to the arguments in it, in their order, _line_endless to 1 when the last may be
# repeated, and _line_options to the options in it; adds to _usage_repeated.
_split_usage() {
  local token more value="" joined="" IFS=$' \t'
  local -a tokens
  _line_names=() _line_endless="" _line_options=" "
  set -f
  # shellcheck disable=SC2206 # split at blanks
  tokens=(${1//[][()]/})
  set +f
  for token in ${tokens[@]+"${tokens[@]}"}; do
    more=""
    if [[ $token == *... ]]; then
      token=${token%...}
      more=1
    fi
    case $token in
      "|")
        joined=1
        continue
        ;;
      # (What it is good for is in the lines of options.)
      "" | -- | OPTION | OPTION_*) ;;
      -*)
        _find_option "${token%%=*}" || continue
        value=${_long[REPLY]:-${_short[REPLY]}}
        _line_options+="$value "
        [[ -z $more ]] || _usage_repeated+="$value "
        [[ -n ${_value[REPLY]} && $token != *=* ]] || value=""
        ;;
      *)
        if [[ -n $value ]]; then
          # It is the value of the option before it.
          [[ -z $more ]] || _usage_repeated+="$value "
          value=""
        else
          if [[ -n $joined && ${#_line_names[@]} -gt 0 ]]; then
            _line_names[${#_line_names[@]} - 1]+="|$token"
          else
            _line_names+=("$token")
          fi
          _line_endless=$more
        fi
        ;;
    esac
    joined=""
  done
}

# Usage: _find_kind <name>
# Sets REPLY to what an argument or an option's value of this name is: as the header says
# (`# Argument: NAME KIND`), else by its name; for a word of the Usage line, to its text.
_find_kind() {
  local line
  for line in ${header_argument[@]+"${header_argument[@]}"}; do
    if [[ ${line%%[[:space:]]*} == "$1" ]]; then
      REPLY=${line#"$1"}
      REPLY=${REPLY#"${REPLY%%[![:space:]]*}"}
      return 0
    fi
  done
  case $1 in
    COMMAND) REPLY=commands ;;
    DIR) REPLY=folders ;;
    FILE | PATH) REPLY=files ;;
    FORM) REPLY="json|jsonl" ;;
    INSTALLED) REPLY=tools ;;
    PROFILE) REPLY=profiles ;;
    SHELL) REPLY="bash|zsh|fish" ;;
    TYPE) REPLY=backends ;;
    VENV_DIR) REPLY=environments ;;
    VER) REPLY=pythons ;;
    *) REPLY="" ;;
  esac
}

# Usage: _offer_value <name> [are leading dashes fine?]
# Offers what an argument or an option's value of this name can be.
_offer_value() {
  declare -F _offer_kind >/dev/null || . "${BASH_SOURCE[0]%/*}/completion_values.sh"
  _find_kind "$1"
  _offer_kind "$REPLY" "${2-}"
}

# --- the command line

# Usage: _enter_folder <DIR of -C>
# Goes there, so that what is offered is of that project. It may not exist.
_enter_folder() {
  local folder=$1
  # The shell has not expanded what is not complete yet.
  case $folder in
    "~" | "~"/*) folder=${HOME-}${folder#"~"} ;;
  esac
  CDPATH="" cd -- "$folder" 2>/dev/null || :
}

# Usage: _name_command <word>
# Sets REPLY to the command that a word names, by any spelling. Status 1: none.
_name_command() {
  case $1 in
    -h) REPLY=help ;;
    -v) REPLY=version ;;
    -i) REPLY=init ;;
    -p) REPLY=purge ;;
    -c) REPLY=config ;;
    *) REPLY=${1#--} ;;
  esac
  [[ $REPLY =~ ^[a-z][a-z-]*$ && -f $PYVE_ROOT/lib/commands/$REPLY.sh ]]
}

# Usage: find_completions [--all] [--] [word]...
# Sets REPLY to the answer for `pyve <word>...`, described above. With --all, candidates need not
# begin as the last word does: for shells that have their own idea of what matches.
find_completions() {
  local all="" word i LC_ALL=C
  if [[ ${1-} == --all ]]; then
    all=1
    shift
  fi
  [[ ${1-} != -- ]] || shift
  (($#)) || set -- ""
  _words=("$@") _last=$(($# - 1)) _answer="" _lead=""
  _usage_named=" " _usage_fitting=" " _usage_repeated=" "
  header_usage=() header_argument=()
  word=${_words[_last]}
  _filter=$word
  [[ -z $all ]] || _filter=""
  [[ ${_words[0]} != -* ]] || _read_options
  for ((i = 0; i < _last; i++)); do
    [[ ${_words[i]} == -* ]] || break
    case ${_words[i]} in
      -C)
        i=$((i + 1))
        ((i < _last)) || break
        _enter_folder "${_words[i]}"
        ;;
      --format) i=$((i + 1)) ;;
      --format=*) ;;
      *)
        _find_option "${_words[i]}" && [[ ${_words[i]} != -h && ${_words[i]} != --help ]] || break
        _given[REPLY]=1
        ;;
    esac
  done
  if ((i < _last)); then
    if _name_command "${_words[i]}"; then
      _complete_command "$REPLY" "$i"
    fi
  elif ((_last > 0)) && [[ ${_words[_last - 1]} == -C ]]; then
    _offer_value DIR
  elif ((_last > 0)) && [[ ${_words[_last - 1]} == --format ]]; then
    _offer_value FORM
  elif [[ $word == -* ]]; then
    _offer_options
  else
    _offer_commands
  fi
  REPLY=$_answer
}

# Usage: _complete_command <command> <its place in _words>
# Offers what may stand in the last place of this command's own arguments and options.
_complete_command() {
  local i name word ended="" strict="" first="" pending=""
  local -a arguments=()
  read_header "$PYVE_ROOT/lib/commands/$1.sh"
  word=${_words[_last]}
  if [[ $_last == 1 && $word == -* && $word != *=* ]]; then
    # Nothing is there yet, so that every option fits: the usual case, and the quick one.
    _offer_all_options ${header_option[@]+"${header_option[@]}"} "${GLOBAL_OPTIONS[@]}"
    return 0
  fi
  _read_options ${header_option[@]+"${header_option[@]}"}
  # What follows the first argument of such a command is not Pyve's.
  [[ ${header_usage[*]-} != *"[--]"* ]] || strict=1
  for ((i = 0; i < _last; i++)); do
    ((i != $2)) || continue
    word=${_words[i]}
    if [[ -n $ended || $word != -?* ]]; then
      first=${first:-$i}
      arguments+=("$word")
      ended=${ended:-$strict}
    elif [[ $word == -- ]]; then
      ended=1
    elif _find_option "${word%%=*}"; then
      _given[REPLY]=1
      name=${_value[REPLY]}
      if [[ -n $name && $word != --*=* ]]; then
        i=$((i + 1))
        ((i < _last)) || pending=$name
        if [[ $word == -C && -z $pending ]] && ((i > $2)); then
          _enter_folder "${_words[i]}"
        fi
      fi
    fi
  done
  word=${_words[_last]}
  _read_usage "$1" ${arguments[@]+"${arguments[@]}"}
  if [[ -n $pending ]]; then
    _offer_value "$pending" 1
  elif [[ -n $_usage_program ]]; then
    # In such a command nothing but its arguments stands between the first of them and the end.
    _order command "$((first + _usage_program))"
  elif [[ -z $ended && $word == --*=* ]]; then
    if _find_option "${word%%=*}" && [[ -n ${_value[REPLY]} ]]; then
      _lead=${word%%=*}=
      _filter=${_filter#"$_lead"}
      _offer_value "${_value[REPLY]}" 1
    fi
  elif [[ -z $ended && $word == -* ]]; then
    _offer_options
  else
    for name in ${_usage_names[@]+"${_usage_names[@]}"}; do
      _offer_argument "$name" "$ended"
    done
    if [[ -z $_answer && -z $word && -z $ended ]]; then
      _offer_options "${#header_option[@]}"
    fi
  fi
}

# Usage: _offer_argument <names in the Usage line, joined by |> <are leading dashes fine?>
# Offers each of them: what stands for a value, and words as they are.
_offer_argument() {
  local name IFS="|"
  for name in $1; do
    if [[ $name == *[A-Z]* ]]; then
      _offer_value "$name" "$2"
    elif [[ $'\n'$_answer != *$'\n'"$name"$'\t'* ]]; then
      _find_kind "$name"
      _offer "$name" "$REPLY"
    fi
  done
}
