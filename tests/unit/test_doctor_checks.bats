#!/usr/bin/env bats
# lib/doctor: what needs no project: machines of programs, scripts' interpreters, words, names.

bats_require_minimum_version 1.5.0
load ../helpers/test_helper

setup() {
  setup_project
  load_lib doctor/checks doctor/interpreter doctor/report
}

# Usage: write_bytes <file> <octal bytes, with blanks between>
write_bytes() {
  local byte
  : >"$1"
  for byte in $2; do
    # shellcheck disable=SC2059 # the format is the byte
    printf "\\$byte" >>"$1"
  done
  # What follows does not matter.
  printf 'x%.0s' {1..60} >>"$1"
}

@test "the machine of a program is read from its first bytes, ELF and Mach-O, of either byte order" {
  local bytes machine
  while IFS='|' read -r bytes machine; do
    write_bytes program "$bytes"
    read_machine program || REPLY="none"
    assert_equal "$bytes $REPLY" "$bytes $machine"
  done <<'END'
177 105 114 106 2 1 1 0 0 0 0 0 0 0 0 0 3 0 76 0|x86_64
177 105 114 106 2 1 1 0 0 0 0 0 0 0 0 0 2 0 267 0|aarch64
177 105 114 106 1 1 1 0 0 0 0 0 0 0 0 0 2 0 3 0|i386
177 105 114 106 1 1 1 0 0 0 0 0 0 0 0 0 2 0 76 0|x32
177 105 114 106 1 1 1 0 0 0 0 0 0 0 0 0 2 0 50 0|arm
177 105 114 106 2 2 1 0 0 0 0 0 0 0 0 0 0 2 0 26|s390x
177 105 114 106 2 1 1 0 0 0 0 0 0 0 0 0 2 0 25 0|ppc64le
177 105 114 106 2 2 1 0 0 0 0 0 0 0 0 0 0 2 0 25|ppc64
177 105 114 106 2 1 1 0 0 0 0 0 0 0 0 0 2 0 363 0|riscv64
317 372 355 376 7 0 0 1 3 0 0 0 2 0 0 0 0 0 0 0|x86_64
317 372 355 376 14 0 0 1 0 0 0 0 2 0 0 0 0 0 0 0|arm64
312 376 272 276 0 0 0 2 1 0 0 7 0 0 0 3 0 0 100 0 0 0 100 0 0 0 0 16 1 0 0 14 0 0 0 0|x86_64 arm64
43 41 57 142 151 156 57 163 150 12|none
0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0|none
END
  : >empty
  run -1 read_machine empty
  run -1 read_machine "not there"
  run -1 read_machine .
}

@test "a program of this machine is one of this machine" {
  if read_machine "$REAL_PYTHON"; then
    is_own_machine "$REPLY"
  fi
  is_own_machine "$(uname -m)"
  is_own_machine "s390x $(uname -m)"
  run -1 is_own_machine "another machine"
}

@test "the interpreter of a script is found in a plain first line and in the detour of a long one" {
  local long="/x/it's a \"long\" place/.venv/bin/python"
  printf '#!/x/bin/python3.12\nprint(1)\n' >plain
  printf '#! /x/bin/python3 -E\nprint(1)\n' >spaced
  printf '#!/x/bin/python\r\n' >windows
  printf "#!/bin/sh\n'''exec' %s \"\$0\" \"\$@\"\n' '''\n" "'/x/it'\\''s a \"long\" place/.venv/bin/python'" >quoted
  printf "#!/bin/sh\n'''exec' \"/x/a place/bin/python3\" \"\$0\" \"\$@\"\n' '''\n" >double
  local file expected
  while IFS='|' read -r file expected; do
    find_script_interpreter "$file"
    assert_equal "$file $REPLY" "$file $expected"
  done <<END
plain|/x/bin/python3.12
spaced|/x/bin/python3
windows|/x/bin/python
quoted|$long
double|/x/a place/bin/python3
END
}

@test "what is no script of a Python has none" {
  printf '#!/usr/bin/env python3\n' >by-env
  printf '#!/bin/sh\necho hello\n' >of-sh
  printf '#!/usr/bin/perl\n' >perl
  # uv makes scripts that find their interpreter beside themselves.
  # shellcheck disable=SC2016 # as it stands there
  printf '#!/bin/sh\n'"'''exec'"' "$(dirname -- "$(realpath -- "$0")")"/'"'python'"' "$0" "$@"\n'"' '''"'\n' >relocatable
  write_bytes binary "177 105 114 106 0 1 2 3"
  : >empty
  printf 'no line end' >text
  local file
  for file in by-env of-sh perl relocatable binary empty text; do
    run -1 find_script_interpreter "$file"
  done
}

@test "a command line is split as a shell would, without expanding anything" {
  local IFS='|'
  split_words "a  b'c d' \"e \\\" \$f\" g\\ h '' 'it'\\''s'"
  assert_equal "${WORDS[*]}" "a|bc d|e \" \$f|g h||it's"
  split_words ""
  assert_equal "${#WORDS[@]}" 0
}

@test "what quote_word makes is one word" {
  local text
  for text in plain "two words" "it's" 'a\b' '$x `y`' $'line\nend' "" "*"; do
    quote_word "$text"
    split_words "x $REPLY y"
    assert_equal "${#WORDS[@]} ${WORDS[1]}" "3 $text"
  done
}

@test "a name is replaced where it stands as a word of its own" {
  replace_name "anna hanna anna2 (anna) /srv/anna/x anna" anna
  assert_equal "$REPLY" "*** hanna anna2 (***) /srv/***/x ***"
  replace_name "nothing here" anna
  assert_equal "$REPLY" "nothing here"
}

@test "commands get the folder of the project only where Pyve was called from elsewhere" {
  PROJECT_ROOT="/my project" DOCTOR_ELSEWHERE=""
  place_command "pyve init"
  assert_equal "$REPLY" "pyve init"
  file_here .env
  assert_equal "$REPLY" .env
  DOCTOR_ELSEWHERE="'/my project'"
  place_command "pyve init"
  assert_equal "$REPLY" "pyve -C '/my project' init"
  place_command "pyve -C /x init"
  assert_equal "$REPLY" "pyve -C /x init"
  place_command "git status"
  assert_equal "$REPLY" "git status"
  file_here .env
  assert_equal "$REPLY" "'/my project/.env'"
}

@test "a lock that is larger than any is not read" {
  . "$PYVE_ROOT/lib/doctor/locks.sh"
  for file in Pipfile.lock pylock.toml requirements.txt conda-lock.yml; do
    case $file in
      Pipfile.lock) printf '        "alpha": {\n            "version": "==1.0"\n' >"$file" ;;
      pylock.toml) printf '[[packages]]\nname = "alpha"\nversion = "1.0"\n' >"$file" ;;
      requirements.txt) printf 'alpha==1.0\n' >"$file" ;;
      *) printf 'version: 1\nmetadata:\n  platforms:\n  - %s\npackage:\n' "$(find_conda_platform && printf '%s' "$REPLY")" >"$file" ;;
    esac
    CONDA_LOCK=$file
    read_locked "$file"
    [[ $file == conda* ]] || assert_equal "${LOCKED_NAMES[*]} ${LOCKED_VERSIONS[*]}" "alpha 1.0"
    [[ $file != conda* ]] || read_lock_head
    # A hole: it takes no room.
    dd if=/dev/zero of="$file" bs=1 count=1 seek=33554432 conv=notrunc 2>/dev/null
    read_locked "$file"
    assert_equal "${#LOCKED_NAMES[@]}" 0
    run -1 read_lock_head
  done
  find_tools() { return 1; }
  run -1 judge_lock
  judge_lock || assert_equal "$REPLY" "it is larger than any lock"
}

@test "modules of the doctor are sourced, not run" {
  local file
  for file in "$PYVE_TREE"/lib/doctor/*.sh; do
    run -1 bash "$file"
    assert_contains "$output" "is sourced by pyve.sh, not run"
  done
}
