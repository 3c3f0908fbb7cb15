# shellcheck shell=bash
# Reading a file, and replacing in a text, without a process and without saying anything: for what has to be quick.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/raw_text.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

# Usage: read_file <file>
# Sets REPLY to the file's text, up to its first NUL; to "" when it cannot be read, or has more than 1,048,576 characters:
# nothing that Pyve reads itself is that large. READ_CUT: "1" when REPLY is not all that is in it.
read_file() {
  REPLY="" READ_CUT=""
  # (A read that comes to the end of the file fails.)
  if [[ -f $1 && -r $1 ]] && IFS= read -r -d '' -n 1048577 REPLY <"$1"; then
    READ_CUT=1
    ((${#REPLY} <= 1048576)) || REPLY=""
  fi
}

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
