#!/usr/bin/env bats
# shellcheck disable=SC1003 # a lone backslash is meant
# shellcheck disable=SC2016 # code and hostile texts in single quotes are meant to stay as they are
# shellcheck disable=SC2030,SC2031 # bats runs every test in a process of its own
# lib/files.sh and lib/text.sh: files in one step, the record of what Pyve made, quoting.

bats_require_minimum_version 1.5.0
load ../helpers/test_helper

setup() {
  setup_project
  load_lib text output files
}

# Usage: not_for_root
# Skips where permissions do not bind.
not_for_root() {
  [ "$(id -u)" -ne 0 ] || skip "root may write everywhere"
}

# Usage: list_all
# Prints the names in the current folder, hidden ones too.
list_all() {
  ls -A
}

@test "write_file makes a file with exactly this text" {
  write_file out $'a\nb'
  printf 'a\nb' | cmp - out
  write_file "with space & 'quote'" x
  assert_equal "$(cat "with space & 'quote'")" x
}

@test "write_file keeps the mode of a file that is there, and leaves nothing beside it" {
  printf old >out
  chmod 750 out
  write_file out new
  assert_contains "$(ls -l out)" "-rwxr-x---"
  assert_equal "$(cat out)" new
  assert_equal "$(list_all)" out
}

@test "write_file does not touch a file that says the same already" {
  printf same >out
  touch -t 200001010000 out
  write_file out same
  [ -z "$(find out -newer "$PYVE_TREE/pyve.sh")" ]
}

@test "write_file can make a file empty" {
  printf old >out
  write_file out ""
  [ ! -s out ] && [ -f out ]
}

@test "write_file takes text as it is, also % and backslashes and a leading dash" {
  write_file out '-n %s \n \\ &'
  assert_equal "$(cat out)" '-n %s \n \\ &'
}

@test "write_file does not write through a symbolic link" {
  printf theirs >target
  ln -s target link
  run -1 write_file link mine
  assert_contains "$output" E_FILE_LINK
  assert_equal "$(cat target)" theirs
}

@test "write_file says so when a folder stands in the way, and leaves nothing in it" {
  mkdir out
  run -1 write_file out text
  assert_contains "$output" E_FILE_WRITE
  assert_equal "$(ls -A out)" ""
}

@test "write_file says why when the folder is not there" {
  run -1 write_file missing/out text
  assert_contains "$output" E_FILE_WRITE
  assert_contains "$output" "does not exist"
}

@test "write_file leaves the old file when it may not write" {
  not_for_root
  mkdir closed
  printf old >closed/out
  chmod 500 closed
  run -1 write_file closed/out new
  chmod 700 closed
  assert_contains "$output" "no permission"
  assert_equal "$(cat closed/out)" old
}

@test "write_file leaves the old file when the disk is full" {
  [ -w /dev/full ] || skip "no /dev/full on this machine"
  # A file size limit stands in for a full disk.
  printf old >out
  run bash -c 'trap "" XFSZ; ulimit -f 1; . "$1/lib/files.sh"; write_file out "$(printf %9999d 1)"' - "$PYVE_TREE"
  assert_equal "$status" 1
  assert_contains "$output" E_FILE_WRITE
  assert_equal "$(cat out)" old
  assert_equal "$(list_all)" out
}

@test "read_file gives the whole text with its line ends, and nothing for what cannot be read" {
  printf 'a\n\nb\n\n' >in
  read_file in
  assert_equal "$REPLY" $'a\n\nb\n\n'
  read_file missing
  assert_equal "$REPLY" ""
  mkdir folder
  read_file folder
  assert_equal "$REPLY" ""
}

@test "a file counts as made by Pyve until somebody changes it" {
  printf text >"my file"
  run -1 is_made "my file"
  record_made "my file"
  run -0 is_made "my file"
  printf more >>"my file"
  run -1 is_made "my file"
  is_made "my file" || assert_contains "$REPLY" changed
}

@test "a file that is recorded again counts with its new text, and once only" {
  printf one >out
  printf other >out2
  record_made out
  record_made out2
  printf two >out
  record_made out
  is_made out
  is_made out2
  assert_equal "$(grep -c ' out$' .pyve/state)" 1
}

@test "a name that is part of another is not taken for it" {
  printf x >a
  printf x >"b a"
  record_made "b a"
  run -1 is_made a
}

@test "without a record nothing counts as made" {
  printf x >out
  is_made out || reason=$REPLY
  assert_contains "$reason" "did not write"
}

# --- quoting

@test "replace_all replaces every place, and takes both texts literally" {
  replace_all 'a*b*c' '*' '&\1'
  assert_equal "$REPLY" 'a&\1b&\1c'
  replace_all 'aaa' aa b
  assert_equal "$REPLY" ba
  replace_all 'abc' x y
  assert_equal "$REPLY" abc
  replace_all $'a\nb' $'\n' ''
  assert_equal "$REPLY" ab
}

# Usage: each_hostile_text <function> <text>...
# Calls the function with texts that shells like to misread.
each_hostile_text() {
  local text
  for text in plain 'two words' "it's" "a''b" 'say "hi"' '$(touch pwned)' '`touch pwned`' '$HOME' 'a\b' 'a\\' "\\'" 'a!b' '!!' \
    '&;|<>()' '*?[a]' '~' '#x' '-rf' '--' 'ünï ☃' '' ' ' '%s' '{a,b}' '=x' '^x' "'" $'tab\there'; do
    "$1" "$text"
  done
}

@test "quote_word makes one word for sh and bash of any text" {
  each_hostile_text check_sh
  check_sh $'two\nlines'
  [ ! -e pwned ]
}

check_sh() {
  quote_word "$1"
  assert_equal "$(bash -c "printf %s $REPLY.")" "$1."
  assert_equal "$(sh -c "printf %s $REPLY.")" "$1."
}

@test "quote_word makes one word for zsh of any text" {
  type -P zsh >/dev/null || skip "zsh is not on this machine"
  each_hostile_text check_zsh
  [ ! -e pwned ]
}

check_zsh() {
  quote_word "$1"
  assert_equal "$(zsh -f -c "printf %s $REPLY.")" "$1."
}

@test "quote_fish_word makes one word for fish of any text" {
  type -P fish >/dev/null || skip "fish is not on this machine"
  local script="" expected=""
  each_hostile_text collect_fish
  assert_equal "$(fish --no-config -c "$script")" "$expected"
  [ ! -e pwned ]
}

# One start of fish for all texts.
collect_fish() {
  quote_fish_word "$1"
  script+="printf '%s\n' $REPLY."$'\n'
  expected+=${expected:+$'\n'}$1.
}

@test "quote_csh_word makes one word for csh of any text" {
  type -P tcsh >/dev/null || skip "tcsh is not on this machine"
  each_hostile_text check_csh
  [ ! -e pwned ]
}

check_csh() {
  quote_csh_word "$1"
  printf 'printf %%s %s.\n' "$REPLY" >script.csh
  assert_equal "$(tcsh -f script.csh)" "$1."
}

@test "quote_powershell_word doubles single quotes" {
  quote_powershell_word "it's \$HOME"
  assert_equal "$REPLY" "'it''s \$HOME'"
}
