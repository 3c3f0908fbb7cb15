# shellcheck shell=bash
# Completion of pyve for bash 3.2 to 5.x, with or without bash-completion. What is offered comes
# from `pyve complete`; `pyve help complete` says in which form.

# Usage: _pyve
# Called by bash. Fills COMPREPLY.
_pyve() {
  local IFS=$' \t\n' REPLY line program answer quote lead
  local -a words
  COMPREPLY=()
  _pyve_split "${COMP_LINE:0:COMP_POINT}"
  program=${words[0]}
  if [[ $program == "~"/* ]]; then
    program=$HOME/${program#"~"/}
  fi
  # An alias, say.
  type -P -- "$program" >/dev/null || program=pyve
  type -P -- "$program" >/dev/null || return 0
  answer=$(command "$program" complete -- "${words[@]:1}" 2>/dev/null </dev/null) || return 0
  # In the order of the answer, where bash can.
  builtin compopt -o nosort 2>/dev/null || :
  while IFS= read -r line; do
    case $line in
      *$'\t'*)
        line=${line%%$'\t'*}
        # What stands before a break (see COMP_WORDBREAKS) is there, and stays.
        if [[ $line == "$lead"* ]]; then
          _pyve_quote "${line#"$lead"}"
          COMPREPLY+=("$REPLY")
        fi
        ;;
      ":files "*) _pyve_list -f "${line#* }" ;;
      ":folders "*) _pyve_list -d "${line#* }" ;;
      ":command "*) _pyve_hand_over "${line#* }" ;;
    esac
  done <<<"$answer"
}

# Usage: _pyve_split <command line>
# Sets words to its words, without their quotes, quote to the quote that is open at the end, and
# lead to the part of the last word that readline does not count to what it completes.
_pyve_split() {
  local text=$1 char next i word="" begun="" before=""
  words=() quote="" lead=""
  for ((i = 0; i < ${#text}; i++)); do
    char=${text:i:1}
    if [[ $char == "\\" && $quote != "'" ]]; then
      i=$((i + 1))
      next=${text:i:1}
      if [[ $quote == '"' && $next != [\"\\\$\`] ]]; then
        word+=$char
      fi
      word+=$next
      begun=1
    elif [[ -n $quote && $char == "$quote" ]]; then
      quote="" lead=$before
    elif [[ -n $quote ]]; then
      word+=$char
    elif [[ $char == [\'\"] ]]; then
      quote=$char before=$lead lead=$word begun=1
    elif [[ $char == [[:space:]] ]]; then
      if [[ -n $begun ]]; then
        words+=("$word")
      fi
      word="" begun="" lead=""
    else
      # These two belong to what they begin.
      if [[ $char == [@\$] && ${COMP_WORDBREAKS-} == *"$char"* ]]; then
        lead=$word
      fi
      word+=$char begun=1
      if [[ $char != [@\$] && ${COMP_WORDBREAKS-} == *"$char"* ]]; then
        lead=$word
      fi
    fi
  done
  words+=("$word")
}

# Usage: _pyve_quote <text>
# Sets REPLY to the text as it is to be typed where the quote in quote is open.
_pyve_quote() {
  local i char
  if [[ -z $quote ]]; then
    printf -v REPLY '%q' "$1"
    return 0
  fi
  REPLY=""
  for ((i = 0; i < ${#1}; i++)); do
    char=${1:i:1}
    if [[ $quote == "'" && $char == "'" ]]; then
      char="'\\''"
    elif [[ $quote == '"' && $char == [\"\\\$\`] ]]; then
      char="\\$char"
    fi
    REPLY+=$char
  done
}

# Usage: _pyve_list -f|-d <number>
# Lets bash complete the name of a file or a folder, which the word is but for so many characters
# in front.
_pyve_list() {
  local name word=${words[${#words[@]} - 1]} option=default
  [[ $1 == -f ]] || option=dirnames
  # Where the name begins at a break, readline does it best.
  if ((${#lead} >= $2)) && builtin compopt -o bashdefault -o "$option" 2>/dev/null; then
    return 0
  fi
  while IFS= read -r name; do
    if [[ -n $name && ${word:0:$2}$name == "$lead"* ]]; then
      name=${word:0:$2}$name
      _pyve_quote "${name#"$lead"}"
      COMPREPLY+=("$REPLY")
    fi
  done <<<"$(compgen "$1" -- "${word:$2}")"
}

# Usage: _pyve_hand_over <number>
# Lets bash complete the command line that begins with this word, in its own way.
_pyve_hand_over() {
  local i index=-1 rest=$COMP_LINE trimmed
  # COMP_WORDS is split at other places, too.
  for ((i = 0; i < COMP_CWORD; i++)); do
    trimmed=${rest#"${rest%%[![:space:]]*}"}
    if ((i == 0)) || [[ $trimmed != "$rest" ]]; then
      index=$((index + 1))
    fi
    rest=$trimmed
    ((index < $1)) || break
    rest=${rest#"${COMP_WORDS[i]}"}
  done
  if declare -F _comp_command_offset >/dev/null; then
    _comp_command_offset "$i"
  elif declare -F _command_offset >/dev/null; then
    _command_offset "$i"
  else
    COMP_POINT=$((COMP_POINT - ${#COMP_LINE} + ${#rest}))
    COMP_LINE=$rest
    COMP_WORDS=("${COMP_WORDS[@]:i}")
    COMP_CWORD=$((COMP_CWORD - i))
    _pyve_complete_other "${words[$1]}"
  fi
}

# Usage: _pyve_complete_other <command>
# Calls the completion function of another command; without one, files are completed.
_pyve_complete_other() {
  local spec function round status option
  for round in 1 2; do
    spec=$(complete -p -- "$1" 2>/dev/null || complete -p -- "${1##*/}" 2>/dev/null || complete -p -D 2>/dev/null)
    [[ $spec =~ \ -F\ ([^\ ]+) ]] || break
    function=${BASH_REMATCH[1]}
    builtin compopt +o nospace 2>/dev/null || :
    while [[ $spec =~ \ -o\ ([a-z]+)(.*)$ ]]; do
      option=${BASH_REMATCH[1]}
      spec=${BASH_REMATCH[2]}
      builtin compopt -o "$option" 2>/dev/null || :
    done
    status=0
    "$function" "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}" || status=$?
    # 124: it has only now read what it needs, and wants to be asked again.
    if ((status != 124 || round == 2)); then
      return 0
    fi
  done
  _pyve_list -f 0
}

if ((BASH_VERSINFO[0] >= 4)); then
  complete -F _pyve pyve pyve.sh
else
  # Before bash 4 a function cannot ask for the completion of files.
  complete -o default -F _pyve pyve pyve.sh
fi
