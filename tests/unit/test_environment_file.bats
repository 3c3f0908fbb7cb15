#!/usr/bin/env bats
# shellcheck disable=SC2016 # hostile texts are meant to stay as they are
# shellcheck disable=SC2030,SC2031 # bats runs every test in a process of its own
# lib/micromamba_file.sh: what environment.yml says, as far as bash can read it.

bats_require_minimum_version 1.5.0
load ../helpers/test_helper

setup() {
  setup_project
  load_lib micromamba_file
}

# Usage: write_yaml <line>...
# Writes environment.yml.
write_yaml() {
  printf '%b\n' "$@" >environment.yml
}

# Usage: name_and_channels
# Prints "<status> <name> <status> <channels>" of environment.yml.
name_and_channels() {
  local channel out=""
  read_environment_file environment.yml || :
  for channel in ${ENVFILE_CHANNELS[@]+"${ENVFILE_CHANNELS[@]}"}; do
    out+="($channel)"
  done
  printf '%s\n' "$ENVFILE_NAME_STATUS $ENVFILE_NAME $ENVFILE_CHANNELS_STATUS $out"
}

# Usage: assert_yaml <expected> <line>...
# Checks what is read from these lines.
assert_yaml() {
  write_yaml "${@:2}"
  run -0 name_and_channels
  assert_equal "${*:2} => $output" "${*:2} => $1"
}

# --- which file

@test "conda-lock.yml goes before environment.yml" {
  run -1 detect_environment_file
  assert_equal "$output" ""
  : >environment.yml
  run -0 detect_environment_file
  assert_equal "$output" environment.yml
  : >conda-lock.yml
  run -0 detect_environment_file
  assert_equal "$output" conda-lock.yml
}

@test "the config may name the environment file, or the lock" {
  mkdir .pyve
  printf 'micromamba:\n  env_file: dev.yml\n' >.pyve/config
  : >environment.yml
  run -1 detect_environment_file
  : >dev.yml
  run -0 detect_environment_file
  assert_equal "$output" dev.yml
  printf 'micromamba:\n  env_file: linux-lock.yml\n' >.pyve/config
  : >linux-lock.yml
  run -0 detect_environment_file
  assert_equal "$output" linux-lock.yml
}

# --- what is in it

@test "name and channels are read from the forms that files have" {
  assert_yaml "0 demo 0 (conda-forge)(bioconda)" "name: demo" "channels:" "  - conda-forge" "  - bioconda" "dependencies:" "  - python=3.12"
  assert_yaml "0 demo 0 (conda-forge)" "channels:" "- conda-forge" "dependencies:" "- python" "name: demo"
  assert_yaml "0 demo 0 (a)(b c)(d)" "name: 'demo'" 'channels: [a, "b c", '"'d'"']' "dependencies: [python]"
  assert_yaml "0 it's 1 " "name: 'it''s'"
  assert_yaml "0 my demo 1 " 'name: "my demo"   # a comment'
  assert_yaml "0 a#b 1 " "name: a#b # a comment"
  assert_yaml "0 demo 1 " "name :\\tdemo"
  assert_yaml "0 demo 1 " '"name": demo'
  assert_yaml "0 2024 1 " "name: 2024"
  assert_yaml "1  1 " "dependencies: [python]"
  assert_yaml "1  1 " "name:" "channels:" "dependencies:"
  assert_yaml "1  1 " "name: # none" "channels: [ ]  # none"
  assert_yaml "1  1 " "name: null" "channels: ~"
  assert_yaml "1  0 (https://me:x@host/t/tk-1/ch)(file:///a%20b)(x::y)" "channels:" "  - https://me:x@host/t/tk-1/ch" "" "  # between" "  - file:///a%20b  # here" "  - 'x::y'"
  assert_yaml "0 demo 0 (a)" "%%YAML 1.2" "---" "name: demo" "channels:" "   - a" "..." "name: other"
}

@test "a byte order mark, CRLF, no last line end, blanks and comments do not matter" {
  printf '\xef\xbb\xbf# comment\r\n\r\nname: demo\r\nchannels:\r\n  - conda-forge\r\ndependencies:\r\n  - python' >environment.yml
  run -0 name_and_channels
  assert_equal "$output" "0 demo 0 (conda-forge)"
  printf 'name: demo' >environment.yml
  run -0 name_and_channels
  assert_equal "$output" "0 demo 1 "
}

@test "what belongs to other keys is not taken for name or channels" {
  assert_yaml "0 demo 0 (a)" "variables:" "  name: wrong" "  TEXT: |" "    name: wrong" "    channels: [x]" "name: demo" "channels: [a]" \
    "dependencies:" "  - pip:" "    - name: wrong" "    - -r requirements.txt" "prefix: /home/x/name: y"
}

@test "what takes a YAML parser is said to, not guessed" {
  local line
  for line in "name: &x demo" "name: *x" "name: !!str demo" "name: |" "name: >-" "name: {a: b}" "name: [a]" 'name: "a\\tb"' \
    "name: 1.10" "name: yes" "name: 0x1f" "name: 2024-01-01" "name: 1e5" "name: .inf" "name: a: b" "name: - x" "name: demo\n  more" \
    "name:\n  demo" "name: 'open\n  end'" "name: demo\nname: other" "name: @x" "name: \`x\`" "name: %x"; do
    write_yaml "$line" "dependencies: [python]"
    run -2 parse_environment_name
    assert_equal "$line: $output" "$line: "
  done
  for line in "channels: conda-forge" "channels: &x [a]" "channels: [a,\n  b]" "channels: [[a]]" "channels: [a: b]" 'channels: ["a\\n"]' \
    "channels:\n  - a\n   - b" "channels:\n  - a\n    more" "channels:\n  - - a" "channels:\n  - a: b" "channels:\n  - *x" "channels:\n  x: y" \
    "channels:\n  -" "channels:\n  - a\n  -" "channels: [a, ,b]" "channels: [null]"; do
    write_yaml "$line" "dependencies: [python]"
    run -2 parse_environment_channels
    assert_equal "$line: $output" "$line: "
  done
  for line in "{name: demo}" "- name: demo" "  name: demo" "? name\n: demo" "<<: *x" "--- {name: demo}" "name: demo\n---\nname: b" \
    "other: [a,\nname: demo]" 'other: "a\nname: demo"' "\tname: demo"; do
    write_yaml "$line"
    run -2 parse_environment_name
    assert_equal "$line: $output" "$line: "
  done
}

@test "nothing in the file is evaluated" {
  assert_yaml '0 $(touch pwned) 0 (`touch pwned`)($HOME)' 'name: $(touch pwned)' 'channels:' "  - '\`touch pwned\`'" '  - $HOME'
  [ ! -e pwned ]
}

@test "each channel is printed in a line of its own; the file may be named" {
  mkdir sub
  printf 'name: other\nchannels: [a, b]\n' >"sub/my env.yml"
  run -0 parse_environment_channels "sub/my env.yml"
  assert_equal "$output" $'a\nb'
  run -0 parse_environment_name "sub/my env.yml"
  assert_equal "$output" other
  run -1 parse_environment_name missing.yml
  run -1 parse_environment_name
  assert_equal "$output" ""
}

# --- whether it will do

@test "a file with dependencies is valid; without either file it is said what to write" {
  run -1 validate_environment_file
  assert_contains "$output" "[E_ENV_FILE_MISSING]"
  write_yaml "name: demo" "dependencies:" "  - python"
  run -0 validate_environment_file
  assert_equal "$output" ""
  rm environment.yml
  printf 'version: 1\n' >conda-lock.yml
  run -0 validate_environment_file
  assert_equal "$output" ""
}

@test "a file without dependencies is warned about" {
  write_yaml "name: demo"
  run -0 validate_environment_file
  assert_contains "$output" "[W_ENV_FILE_DEPENDENCIES]"
}

@test "empty, unreadable, binary and tabbed files are refused with the reason" {
  : >environment.yml
  run -1 validate_environment_file
  assert_contains "$output" "[E_ENV_FILE_EMPTY]"
  printf '\xff\xfen\x00a\x00' >environment.yml
  run -1 validate_environment_file
  assert_contains "$output" "[E_ENV_FILE_FORM]"
  write_yaml "name: demo" "dependencies:" "\t- python"
  run -1 validate_environment_file
  assert_contains "$output" "[E_ENV_FILE_FORM]"
  assert_contains "$output" "line 3"
  rm environment.yml
  ln -s gone environment.yml
  run -1 validate_environment_file
  assert_contains "$output" "[E_ENV_FILE_READ]"
  assert_contains "$output" "a link to a file that is gone"
  rm environment.yml
  mkdir environment.yml
  run -1 validate_environment_file
  assert_contains "$output" "[E_ENV_FILE_READ]"
  rmdir environment.yml
  write_yaml "name: demo" "dependencies: [python]"
  : >conda-lock.yml
  run -1 validate_environment_file
  assert_contains "$output" "conda-lock.yml is empty"
  if [[ $(id -u) != 0 ]]; then
    printf x >conda-lock.yml
    chmod 000 conda-lock.yml
    run -1 validate_environment_file
    assert_contains "$output" "[E_ENV_FILE_READ]"
  fi
}
