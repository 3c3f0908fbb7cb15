# shellcheck shell=bash
# Small work on strings, without a process, the same in every bash.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/text.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

# Stands for a blank at which wrap_text must not break a line.
TIE=$'\x1f'

# Usage: replace_all <text> <what> <by>
# Sets REPLY to <text> with every <what> replaced. Not ${text//...}: what `&`, `\` and quotes mean
# in its replacement differs between versions of bash.
replace_all() {
  local rest=$1 out=""
  if ((${#1} > 2000)) && [[ -n $2 && $1 == *"$2"* ]]; then
    # (When bash goes back to a locale that the machine does not have, it complains on stderr.)
    replace_in_pieces "$@" 2>/dev/null
    return 0
  fi
  while [[ -n $2 && $rest == *"$2"* ]]; do
    out+=${rest%%"$2"*}$3
    rest=${rest#*"$2"}
  done
  REPLY=$out$rest
}

# Usage: replace_in_pieces <text> <what> <by>
# What replace_all does, for a long text: bash copies what is left of a text with each cut, so short pieces are cut.
replace_in_pieces() {
  local LC_ALL=C
  local out="" piece="" part at=0 size=${#1} keep=$((${#2} - 1))
  while ((at < size)); do
    piece+=${1:at:1000}
    at=$((at + 1000))
    part=""
    while [[ $piece == *"$2"* ]]; do
      part+=${piece%%"$2"*}$3
      piece=${piece#*"$2"}
    done
    # What <what> may begin in goes on in the next piece.
    if ((at < size && ${#piece} > keep)); then
      part+=${piece:0:${#piece}-keep}
      piece=${piece:${#piece}-keep}
    fi
    out+=$part
  done
  REPLY=$out$piece
}

# Usage: replace_mark <text> <character> <by>
# Sets REPLY to <text> with every such character replaced. Quick on long texts: bash splits at a
# character in one go. <text> must not end in the character.
replace_mark() {
  local by=$3 out part IFS=$2
  local -a parts
  # (Where characters are bytes this is the fastest. Newer shells take a & for what was found.)
  if [[ ${LC_ALL-} == C && $by != *[\&\\]* ]]; then
    REPLY=${1//"$2"/$by}
    return 0
  fi
  set -f
  # shellcheck disable=SC2206 # split on purpose
  parts=($1)
  set +f
  out=${parts[0]-}
  for part in "${parts[@]:1}"; do
    out+=$by$part
  done
  REPLY=$out
}

# Usage: quote_word <text>
# Sets REPLY to <text> as one word that can be pasted into bash, zsh or sh.
quote_word() {
  if [[ $1 =~ ^[A-Za-z0-9_./:@%+,-][A-Za-z0-9_./:@%+,=-]*$ ]]; then
    REPLY=$1
  else
    replace_all "$1" "'" "'\\''"
    REPLY="'$REPLY'"
  fi
}

# Usage: quote_fish_word <text>
# Sets REPLY to <text> as one word of fish.
quote_fish_word() {
  replace_all "$1" "\\" "\\\\"
  replace_all "$REPLY" "'" "\\'"
  REPLY="'$REPLY'"
}

# Usage: quote_csh_word <text>
# Sets REPLY to <text> as one word of csh, where ! and newline are special between quotes, too.
quote_csh_word() {
  replace_all "$1" "'" "'\\''"
  replace_all "$REPLY" "!" "\\!"
  replace_all "$REPLY" $'\n' "\\"$'\n'
  REPLY="'$REPLY'"
}

# Usage: quote_powershell_word <text>
# Sets REPLY to <text> as one word of PowerShell.
quote_powershell_word() {
  replace_all "$1" "'" "''"
  REPLY="'$REPLY'"
}

# Usage: wrap_text <width> <first> <indent> <text>
# Sets REPLY to the text in lines of at most <width> characters, broken at blanks only: a longer word
# stays whole. <first>: how many columns of the first line are taken. <indent>: blanks before each
# other line. A TIE becomes a blank.
wrap_text() {
  local width=$1 first=$2 indent=$3 rest=$4 out="" line room pad
  if ((width - indent < 20)); then
    indent=2
  fi
  printf -v pad '%*s' "$indent" ""
  room=$((width - first))
  ((room > 0)) || room=1
  while ((${#rest} > room)); do
    line=${rest:0:room+1}
    if [[ $line == *" "* ]]; then
      line=${line% *}
    elif [[ $rest == *" "* ]]; then
      line=${rest%% *}
    else
      break
    fi
    rest=${rest:${#line}+1}
    # (Two blanks in a row are rare, and looking for them takes its time.)
    [[ $line != *" " ]] || line=${line%"${line##*[! ]}"}
    [[ $rest != " "* ]] || rest=${rest#"${rest%%[! ]*}"}
    out+=$line$'\n'$pad
    room=$((width - indent))
  done
  REPLY=$out$rest
  [[ $REPLY != *"$TIE"* ]] || REPLY=${REPLY//"$TIE"/ }
}

# Usage: count_things <number> <noun>
# Sets REPLY to "1 noun" or "2 nouns".
count_things() {
  REPLY="$1 $2"
  (($1 == 1)) || REPLY+=s
}
