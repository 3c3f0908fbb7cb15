# shellcheck shell=bash
# Small work on strings, without a process, the same in every bash.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/text.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F replace_all >/dev/null || . "${BASH_SOURCE[0]%/*}/raw_text.sh"

# Stands for a blank at which wrap_text must not break a line.
TIE=$'\x1f'

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
