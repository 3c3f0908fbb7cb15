#!/usr/bin/env bats
# shellcheck disable=SC2016 # code and hostile texts in single quotes are meant to stay as they are
# lib/dotenv.sh and lib/dotenv_check.sh: what a .env says, and which of its lines are misread.
# tests/integration/test_dotenv.py compares both with direnv, bash and python-dotenv themselves.

bats_require_minimum_version 1.5.0
load ../helpers/test_helper

setup() {
  setup_project
  load_lib dotenv dotenv_check
  set -u
}

# Usage: value_of <name> <text>
# Prints what the text gives the name, in brackets; "refused: <line>" when all of it is refused.
value_of() {
  local i
  if ! parse_dotenv "$2"; then
    printf 'refused: %s\n' "$DOTENV_BAD_LINE"
    return 0
  fi
  for ((i = 0; i < ${#DOTENV_NAMES[@]}; i++)); do
    [[ ${DOTENV_NAMES[i]} != "$1" ]] || printf '[%s]\n' "${DOTENV_VALUES[i]}"
  done
}

# Usage: differences <text>
# Prints "<line>: <reason>" for each.
differences() {
  local i
  find_dotenv_differences "$1"
  for ((i = 0; i < ${#DOTENV_LINES[@]}; i++)); do
    printf '%s: %s\n' "${DOTENV_LINES[i]}" "${DOTENV_REASONS[i]}"
  done
}

@test "names come in the order of the file, with the value that came last" {
  parse_dotenv $'B=1\nA=2\n\n# C=3\nB=4'
  assert_equal "${DOTENV_NAMES[*]}=${DOTENV_VALUES[*]}" "B A=4 2"
}

@test "an empty text, blank lines and comments define nothing" {
  local text
  for text in "" $'\n' $'\n\n\n' $' \t\n# A=1\n  # B' $'\r\n\r\n'; do
    parse_dotenv "$text"
    assert_equal "${#DOTENV_NAMES[@]}" 0
  done
}

@test "values may be bare, in single or in double quotes, with a comment behind them" {
  assert_equal "$(value_of A 'A=b')" "[b]"
  assert_equal "$(value_of A 'A=')" "[]"
  assert_equal "$(value_of A "A='b  c' # d")" "[b  c]"
  assert_equal "$(value_of A 'A="b  c"#d')" "[b  c]"
  assert_equal "$(value_of A 'A=b#c')" "[b]"
  assert_equal "$(value_of A 'A= # c')" "[]"
  assert_equal "$(value_of A " export  A = 'b' ")" "[b]"
  assert_equal "$(value_of A 'A: b')" "[b]"
  assert_equal "$(value_of export 'export=b')" "[b]"
}

@test "a value ends at the last quote that a line may end after" {
  assert_equal "$(value_of A "A='it's'")" "[it's]"
  assert_equal "$(value_of A "A='b' # it's")" "[b]"
  assert_equal "$(value_of A "A='b' # 'c'")" "[b' # 'c]"
  assert_equal "$(value_of A "A='b' # 'c' d")" "[b]"
  assert_equal "$(value_of A "A='b' # c' # 'd")" "[b' # c]"
  assert_equal "$(value_of A "A='b")" "['b]"
  assert_equal "$(value_of A "A=b'c")" "[b'c]"
}

@test "escapes count in double quotes only" {
  assert_equal "$(value_of A 'A="b\nc"')" $'[b\nc]'
  assert_equal "$(value_of A "A='b\\nc'")" '[b\nc]'
  assert_equal "$(value_of A 'A=b\nc')" '[b\nc]'
  assert_equal "$(value_of A 'A="\"b\" \\ \c"')" '["b" \ c]'
  assert_equal "$(value_of A 'A="\\n"')" $'[\n]'
  assert_equal "$(value_of A 'A="b\\"')" '[b\]'
}

@test "variables are replaced from the lines before, then from the environment" {
  export FROM_ENV="x y" B=env
  assert_equal "$(value_of A 'A=$FROM_ENV')" "[x y]"
  assert_equal "$(value_of A $'B=line\nA="${B}s $B/$FROM_ENV"')" "[lines line/x y]"
  assert_equal "$(value_of A $'A=$B\nB=line')" "[env]"
  assert_equal "$(value_of A "A='\$B'")" '[$B]'
  assert_equal "$(value_of A 'A=$NOWHERE.')" "[.]"
}

@test "a default takes the place of what is unset or empty in the environment" {
  export EMPTY="" FULL=full
  assert_equal "$(value_of A 'A=${EMPTY:-d}${FULL:-d}${NOWHERE:-e}')" "[dfulle]"
  assert_equal "$(value_of A $'B=\nA=${B:-d}')" "[]"
  assert_equal "$(value_of A 'A=${NOWHERE:-${B}}')" "[\${B}]"
}

@test "a dollar that no name follows is treated as Go does" {
  assert_equal "$(value_of A 'A="$ $"')" '[$ $]'
  assert_equal "$(value_of A 'A=a$')" '[a$]'
  assert_equal "$(value_of A 'A=$$x$1y$*z')" '[xyz]'
  assert_equal "$(value_of A 'A=${}b${c')" '[bc]'
  assert_equal "$(value_of A 'A=${b$c}d${e}')" '[d]'
}

@test "only exported variables are seen, and none of Pyve's own" {
  local not_exported=secret
  export lower=seen
  NOT_EXPORTED=secret
  assert_equal "$(value_of A 'A=$NOT_EXPORTED$not_exported$lower')" "[seen]"
  assert_equal "$(value_of A 'A=$_dotenv_value$_dotenv_key$_dotenv_at_A$IFS$OPTIND$BASH_VERSION')" "[]"
}

@test "the caller's locale can be asked for, also while another one does the work" {
  export LC_ALL=C.UTF-8
  assert_equal "$(value_of A 'A=$LC_ALL')" "[C.UTF-8]"
  unset LC_ALL
  assert_equal "$(value_of A 'A=$LC_ALL')" "[]"
  export LC_ALL=xx_YY.nowhere
  run -0 --separate-stderr value_of A 'A=$LC_ALL'
  assert_equal "$output" "[xx_YY.nowhere]"
  assert_equal "$stderr" ""
}

@test "variables may come from a function" {
  # shellcheck disable=SC2329 # called by parse_dotenv
  look_up() {
    [[ $1 == KNOWN ]] && REPLY="of $1"
  }
  export ENVIRONMENT=no
  parse_dotenv 'A=$KNOWN$ENVIRONMENT$PWD$1' look_up
  assert_equal "${DOTENV_VALUES[0]}" "of KNOWN"
}

@test "one bad line makes the whole text invalid, and its number is told" {
  local line
  for line in 'A' 'export A' 'A=b c' '=b' 'A B=c' '-A=b' "A='b'c d" 'A:b' $'\xef\xbb\xbfA=b' 'A+=b' 'A[0]=b'; do
    assert_equal "$(value_of OK $'OK=1\n\n# x\n'"$line"$'\nB=1')" "refused: 4"
  done
  assert_equal "$(value_of OK $'OK=1\r\n\r\nbad\r\n')" "refused: 3"
  assert_equal "$(value_of OK $'OK=1\rbad\n')" "refused: 1"
  parse_dotenv $'OK=1\nbad' || :
  assert_equal "${#DOTENV_NAMES[@]}" 0
}

@test "a carriage return ends a line" {
  parse_dotenv $'A=1\r\nB="2 3"\rC=4\r\n'
  assert_equal "${DOTENV_NAMES[*]} ${DOTENV_VALUES[*]}" "A B C 1 2 3 4"
}

@test "bytes that are no text stay as they are" {
  assert_equal "$(value_of A $'A="\xff\x01\xc3\xa9\x7f\xa0"')" $'[\xff\x01\xc3\xa9\x7f\xa0]'
  assert_equal "$(value_of A $'A=\xc2\xa0b\x0bc')" $'[\xc2\xa0b\x0bc]'
}

@test "nothing in a text is executed or looked up on the disk" {
  touch file1 file2
  local line
  for line in 'A=$(touch${IFS}pwned)' 'A="`touch pwned`"' 'A=*' 'A=${x[$(touch pwned)]}' 'A[$(touch pwned)]=1' \
    'A="${a[`touch pwned`]:-b}"' 'A=${!B}' 'A="\$(touch pwned)"' 'x.$(touch pwned)=1' 'A=$((1+$(touch pwned)))'; do
    parse_dotenv "$line" || :
  done
  assert_equal "$(value_of A 'A=*')" "[*]"
  assert_equal "$(printf '%s ' *)" "file1 file2 "
}

@test "variables that a .env left in the environment cannot reach into Pyve" {
  export _dotenv_at_A='x[$(touch pwned)]' _dotenv_in_a_db='x[$(touch pwned)]' _dotenv_lookup=touch DOTENV_VALUES='x' _dotenv_state=brace
  assert_equal "$(value_of A $'A=1\nB=$A\na.b=2')" "[1]"
  assert_equal "$(value_of a.b $'A=1\na.b=${A}')" "[1]"
  [ ! -e pwned ]
}

@test "names with dots and digits are kept apart" {
  parse_dotenv $'a.b=1\na_b=2\na_db=3\na.b_c=4\na_b.c=5\n1=6\nx=${a.b}${a_b}${a_db}${a.b_c}${a_b.c}$1'
  assert_equal "${#DOTENV_NAMES[@]} ${DOTENV_VALUES[6]}" "7 123456"
}

@test "names that no shell can have, or that belong to the shell, can be dropped" {
  parse_dotenv $'A=1\n1X=2\na.b=3\nUID=4\nPWD=5\nPS1=6\npath=7\nDIRENV_DIR=8\nB=9'
  keep_loadable_names
  assert_equal "${DOTENV_NAMES[*]} ${DOTENV_VALUES[*]}" "A B 1 9"
  parse_dotenv 'UID=1'
  keep_loadable_names
  assert_equal "${#DOTENV_NAMES[@]}" 0
}

@test "it leaves the shell's settings and the caller's variables alone" {
  local before REPLY=kept IFS=:
  before=$(
    shopt -po
    printf '%s' "$IFS"
  )
  parse_dotenv $'A="b $HOME \\n"\nB=* # c'
  assert_equal "$REPLY" kept
  find_dotenv_differences 'A=b c'
  assert_equal "$(
    shopt -po
    printf '%s' "$IFS"
  )" "$before"
  set -f
  parse_dotenv 'A=*'
  find_dotenv_differences 'A=*'
  [[ $- == *f* ]]
}

@test "a long value, and many names, are read whole" {
  local text i
  printf -v text '%50000s' ""
  text=${text// /\$ }
  assert_equal "$(value_of A "A='$text'")" "[$text]"
  parse_dotenv "A=\"$text\""
  assert_equal "${#DOTENV_VALUES[0]}" 100000
  text=""
  for ((i = 0; i < 300; i++)); do
    text+="NAME_$i=\"$i \${NAME_$((i - 1))}\""$'\n'
  done
  parse_dotenv "$text"
  assert_equal "${#DOTENV_NAMES[@]}" 300
  assert_contains "${DOTENV_VALUES[299]}" "299 298 297"
}

# --- differences

@test "what is read alike everywhere is not pointed at" {
  run -0 differences 'KEY=value
export EXPORTED=1

# a comment: with "anything" $(in it)
SINGLE='\''a b # c $ & ; \n "x"'\''
DOUBLE="a b # it'\''s 5$"   # comment
EMPTY=
EMPTY_SINGLE='\'''\''
EMPTY_DOUBLE=""
URL=https://user:pass@host.example:8080/a/b.c?d=e%20f
NUMBER=-3.14
PATHS=/usr/local/bin:/bin
COPY=${KEY}/x-${EXPORTED}
QUOTED_COPY="${KEY} x"
PATH=${PATH}:/opt/bin
HOSTS=*,localhost
LIST=[a,b]
JSON='\''{"a": [1, 2]}'\''
JSON_ESCAPED="{\"a\": 1}"
BASE64=aGVsbG8=
NAME="Jörg ☃"
KEY=again   '
  assert_equal "$output" ""
}

@test "each difference is pointed at, at its line" {
  run -0 differences $'A=1\nB = 2\nC="\n3"\nD=4\nE=$A'
  assert_equal "${#lines[@]}" 3
  assert_contains "${lines[0]}" "2: there are blanks before the ="
  assert_contains "${lines[1]}" "3: the value goes on in the next line"
  assert_contains "${lines[2]}" "6: python-dotenv does not replace \$NAME"
}

@test "the ends of lines of Windows are pointed at once" {
  run -0 differences $'# x\r\n\r\nA=1\r\nB=2\r\nC=3 4\r\n'
  assert_equal "${#lines[@]}" 2
  assert_contains "${lines[0]}" "1: it ends in a carriage return"
  assert_contains "${lines[1]}" "5: the value has blanks"
}

@test "a quote that is never closed is pointed at where it begins" {
  run -0 differences $'A=1\nB="2\nC=3 4\n'
  assert_equal "$output" "2: the quote at the beginning of the value is never closed"
}

@test "no reason says what is in the file" {
  local line
  for line in 'CANARY' 'CANARY: CANARY' 'CANARY = CANARY' 'A=x CANARY' "A='CANARY" 'A=$CANARY' 'A="`CANARY`"' 'CAN.ARY=CANARY' \
    'A=${CANARY:-CANARY}' 'A="CANARY\n"' 'export CANARY' 'A=CANARY#CANARY' 'A=~CANARY' $'A=CANARY\x01' $'A="CANARY\xff"'; do
    run -0 differences "$line"
    assert_contains "$output" "1: "
    refute_contains "$output" CAN
  done
}

@test "looking for differences executes nothing" {
  differences 'A=$(touch pwned)
B="`touch pwned`"
C[$(touch pwned)]=1
D=${E[$(touch pwned)]}' >/dev/null
  [ ! -e pwned ]
}
