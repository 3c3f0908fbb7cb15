#!/usr/bin/env bats
# shellcheck disable=SC2016 # code and hostile texts in single quotes are meant to stay as they are
# lib/terminal.sh: colour, width, and text that wraps. (What needs a real terminal is in
# tests/integration/test_terminal.py.)

bats_require_minimum_version 1.5.0
load ../helpers/test_helper

setup() {
  setup_project
  load_lib utils terminal json
  ESCAPE=$'\033'
}

# Usage: is_valid_utf8 <text>
# True when no character of the text has been cut through.
is_valid_utf8() {
  replace_invalid_utf8 "$1"
  [[ $REPLY == "$1" ]]
}

# --- symbols

@test "symbols are those of UTF-8 when the locale says so, or when there is none" {
  local locale
  for locale in C.UTF-8 en_US.utf8 de_DE.UTF-8@euro UTF-8 ""; do
    for name in LC_ALL LC_CTYPE LANG; do
      run -0 env -u LC_ALL -u LC_CTYPE -u LANG "$name=$locale" bash -c '. "$1/lib/utils.sh"; log_success done' - "$PYVE_TREE"
      assert_contains "$output" "✓ done"
    done
  done
  run -0 env -u LC_ALL -u LC_CTYPE -u LANG bash -c '. "$1/lib/utils.sh"; log_success done' - "$PYVE_TREE"
  assert_equal "$output" "✓ done"
}

@test "symbols are ASCII when the locale has another character set" {
  local locale
  for locale in C POSIX en_US.ISO-8859-1 ru_RU.KOI8-R en_US; do
    run -0 --separate-stderr env -u LC_CTYPE -u LANG LC_ALL="$locale" bash -c '. "$1/lib/utils.sh"; log_success done' - "$PYVE_TREE"
    assert_equal "$output" "ok done"
  done
}

@test "LC_ALL goes before LC_CTYPE, and that before LANG" {
  local LC_ALL="" LC_CTYPE="" LANG=C
  choose_mark error
  assert_equal "$REPLY" "x "
  LC_CTYPE=C.UTF-8
  choose_mark error
  assert_equal "$REPLY" "✗"
  LC_ALL=C
  choose_mark warning
  assert_equal "$REPLY" "! "
}

# --- colour

@test "a pipe gets no colour, and none with NO_COLOR whatever forces it" {
  run -1 has_color 1
  run -1 has_color 2
  CLICOLOR_FORCE=1 run -0 has_color 1
  FORCE_COLOR=3 run -0 has_color 2
  CLICOLOR_FORCE=0 FORCE_COLOR="" run -1 has_color 1
  NO_COLOR=1 CLICOLOR_FORCE=1 FORCE_COLOR=1 run -1 has_color 1
  # An empty NO_COLOR is none.
  NO_COLOR="" CLICOLOR_FORCE=1 run -0 has_color 1
}

@test "colour by force reaches the talk and not the document" {
  find_real_python
  export CLICOLOR_FORCE=1
  run -1 --separate-stderr pyve run x --json
  assert_contains "$stderr" "${ESCAPE}[1;31mERROR: ${ESCAPE}[0m"
  refute_contains "$output" "$ESCAPE"
  refute_contains "$output" 'u001b'
  run -0 --separate-stderr pyve help --json
  refute_contains "$output" 'u001b'
  run -0 --separate-stderr pyve help
  assert_contains "$output" "${ESCAPE}[1mEnvironment${ESCAPE}[0m"
}

@test "only the lead of a message is coloured, and the command of a fix is bold" {
  export CLICOLOR_FORCE=1
  run -1 --separate-stderr fail E_X "it broke" why "so" fix "pyve init"
  assert_equal "$stderr" "${ESCAPE}[1;31mERROR: ${ESCAPE}[0mit broke [E_X]
  why: so
  fix: ${ESCAPE}[1mpyve init${ESCAPE}[0m"
  run -0 --separate-stderr log_success "done"
  assert_equal "$output" "${ESCAPE}[32m✓ ${ESCAPE}[0mdone"
  run -0 --separate-stderr log_info "so it is"
  assert_equal "$output" "INFO: so it is"
}

# --- width

@test "the width is that of COLUMNS when that is sane, and 80 on a pipe" {
  local value
  for value in "" 0 19 -5 abc 1e3 99999 "80 " 08x; do
    run -0 env COLUMNS="$value" bash -c '. "$1/lib/terminal.sh"; find_width 1; printf %s "$REPLY"' - "$PYVE_TREE"
    assert_equal "$output" 80
  done
  for value in 20 60 132 0100; do
    run -0 env COLUMNS="$value" bash -c '. "$1/lib/terminal.sh"; find_width 1; printf %s "$REPLY"' - "$PYVE_TREE"
    assert_equal "$output" "$((10#$value))"
  done
}

@test "a message on a pipe is never wrapped, also with COLUMNS" {
  local long
  long=$(printf 'word %.0s' {1..60})
  run -1 --separate-stderr env COLUMNS=40 bash -c '. "$1/lib/output.sh"; fail E_X "$2" why "$2"' - "$PYVE_TREE" "$long"
  assert_equal "${#stderr_lines[@]}" 2
}

# --- wrapping

@test "text wraps at blanks, with its lines within the width" {
  local width line text="The quick brown fox jumps over the lazy dog, and a-rather-long-word-that-is-one comes after it."
  for ((width = 32; width < 120; width++)); do
    wrap_text "$width" 7 7 "$text"
    printf '1234567%s\n' "$REPLY" >wrapped
    while IFS= read -r line; do
      ((${#line} <= width)) || [[ $line == *a-rather-long-word-that-is-one* ]]
      [[ $line != *" " ]]
    done <wrapped
    # Nothing is lost, and words are whole.
    assert_equal "$(sed '1s/^1234567//; s/^       *//' wrapped | tr '\n' ' ')" "$text "
  done
}

@test "lines after the first are indented" {
  wrap_text 30 7 7 "one two three four five six seven"
  assert_equal "$REPLY" "one two three four five
       six seven"
}

@test "a word that is longer than the line stays whole" {
  wrap_text 30 0 2 "/a/very/long/path/that/has/no/blank/in/it and more"
  assert_equal "$REPLY" "/a/very/long/path/that/has/no/blank/in/it
  and more"
  wrap_text 30 0 2 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  assert_equal "$REPLY" "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
}

@test "text that just fits is left alone, as is none" {
  wrap_text 30 0 0 "123456789 123456789 1234567890"
  assert_equal "$REPLY" "123456789 123456789 1234567890"
  wrap_text 30 0 0 ""
  assert_equal "$REPLY" ""
}

@test "no character is cut through, whether the locale counts characters or bytes" {
  local locale width text="Çà et là, des mots accentués: ééééééééééééééééééééééééééé 漢字漢字漢字漢字漢字 e\u0301e\u0301 ☃☃☃"
  for locale in C C.UTF-8; do
    local LC_ALL=$locale
    for ((width = 20; width < 60; width++)); do
      wrap_text "$width" 2 2 "$text"
      is_valid_utf8 "$REPLY"
      assert_equal "${REPLY//[$'\n' ]/}" "${text// /}"
    done
  done
}

@test "a path below a known place is not broken at its blanks" {
  local PROJECT_ROOT=$PWD
  mkdir "a b c"
  cd "a b c"
  tie_words "see $PWD/x/y and $PROJECT_ROOT and $HOME/.local for more"
  assert_equal "$REPLY" "see ${PWD// /$TIE}/x/y and ${PROJECT_ROOT// /$TIE} and ${HOME// /$TIE}/.local for more"
}

@test "quoted words and the next command are not broken; an apostrophe is no quote" {
  tie_words "the project's name is 'a b c', it's said. Next: pyve run python"
  assert_equal "$REPLY" "the project's name is 'a${TIE}b${TIE}c', it's said. Next: pyve${TIE}run${TIE}python"
  tie_words "'one two' and ('three four')"
  assert_equal "$REPLY" "'one${TIE}two' and ('three${TIE}four')"
}

@test "what would command a terminal is shown as a question mark" {
  clean_text $'a\033[31mb\007\tc\nd\r'
  assert_equal "$REPLY" $'a?[31mb??c\nd?'
  clean_text 'plain é ☃'
  assert_equal "$REPLY" 'plain é ☃'
}
