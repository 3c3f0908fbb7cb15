#!/usr/bin/env bats
# What is wrong in a .pyve/config: form, keys and values, with line and column; also in hostile files.

bats_require_minimum_version 1.5.0
load ../helpers/test_helper

setup() {
  setup_project
  load_lib utils config_check
  list_config_keys
}

# Usage: scan <text with the escapes of printf %b>
# Writes the config and scans it, as doctor does.
scan() {
  printf '%b' "$1" >config
  check_config_file config && scan_config config
}

# Usage: faults
# Prints what the last scan found, "line:column text" each.
faults() {
  local i
  for ((i = 0; i < ${#CONFIG_FAULT_LINES[@]}; i++)); do
    printf '%s:%s %s\n' "${CONFIG_FAULT_LINES[i]}" "${CONFIG_FAULT_COLUMNS[i]}" "${CONFIG_FAULT_TEXTS[i]}"
  done
}

# Usage: entries
# Prints what the last scan read, "key=value" each.
entries() {
  local i
  for ((i = 0; i < ${#CONFIG_ENTRY_KEYS[@]}; i++)); do
    printf '%s=%s\n' "${CONFIG_ENTRY_KEYS[i]}" "${CONFIG_ENTRY_VALUES[i]}"
  done
}

@test "what Pyve writes, and what its documents show, has no faults" {
  scan 'pyve_version: "2.0.0"\nbackend: venv\n\nvenv:\n  directory: .venv\n\npython:\n  version: "3.12"\n'
  assert_equal "$(faults)" ""
  scan '---\n# a comment: with a colon\nbackend: micromamba # why\n\nlock:\n  platforms: [linux-64, osx-arm64]\nmicromamba:\n  env_name: x\n  channels:\n  - conda-forge\n  -  "a b"\nprompt:\n  show: true\n  format: "({backend}:{env_name}) "\n'
  assert_equal "$(faults)" ""
  assert_equal "${#CONFIG_TWICE[@]}" 0
  scan ''
  assert_equal "$(faults)$(entries)" ""
}

@test "a scan reads what config_load reads, key by key" {
  local i n
  for n in 'backend: venv\nvenv:\n    directory: x\n' "a: 'it''s' # no\nb: \"q\\\\\"q\"\nc:\n  d:\n    e: 1\n  f: 2\n" \
    'x: a # b\ny:   c#d   \nz: #e\nlist:\n  - 1\n  - "2"\nl:\n- 3\nm: n\n' 'a: b\r\nc:\r\n  d: e\r\n' \
    'prompt:\n  format: [{backend}:{env_name}]\n  show: no\n' 'ü: 1\nbackend: \xff\xfe\n' 'key: value\twith a tab\nb: "\ttab"\n'; do
    scan "$n"
    config_load config
    assert_equal "${#CONFIG_ENTRY_KEYS[@]}" "${#_config_keys[@]}"
    for ((i = 0; i < ${#_config_keys[@]}; i++)); do
      assert_equal "${CONFIG_ENTRY_KEYS[i]}=${CONFIG_ENTRY_VALUES[i]}" "${_config_keys[i]}=${_config_values[i]}"
    done
  done
}

@test "every mistake has its line and column" {
  local case
  while IFS='|' read -r case expected; do
    scan "$case"
    assert_equal "$case: $(faults)" "$case: $expected"
  done <<'END'
backend: venv\nvenv:\n\tdirectory: x\n|3:1 a tab stands in the indentation, where only blanks may be; the line is not read
venv:\n  \tdirectory: x\n|2:3 a tab stands in the indentation, where only blanks may be; the line is not read
backend:venv\n|1:9 a blank is missing behind the colon; the line is not read
backend = venv\n|1:9 a key is followed by a colon, not by '='
backend\n|1:1 this is neither a key with a colon nor the item of a list
a: b\n  what?\n|2:3 this is neither a key with a colon nor the item of a list
"backend": venv\n|1:1 keys are written without quotes; this one is not read
back end: venv\n|1:5 a key has letters, digits, '_', '.' and '-' in it; this one is not read
: venv\n|1:1 there is no key before the colon
backend: "venv\n|1:10 the quote is not closed in this line
backend: 'venv\n|1:10 the quote is not closed in this line
backend: "venv" x\n|1:16 there is more behind the closing quote
backend: &a venv\n|1:10 anchors, aliases and tags are not read
prompt:\n  format: >-\n|2:11 texts over several lines are not read
- venv\n|1:1 there is no key that this item could belong to
backend: venv\n- x\n|2:1 'backend' has a value already, and cannot be a list
lock:\n  platforms:\n - linux-64\n|3:2 the item stands further left than its key, lock.platforms
backend: venv\n  directory: x\n|2:3 it is indented below 'backend', which has a value
venv:\n    directory: x\n  other: y\n|3:3 the indentation is that of no line above; there it is 4
backend: ve\x01nv\n|1:12 there is a control character
END
}

@test "a mistake in the form of a block does not hide the next one" {
  scan 'backend:venv\nprompt:\n\tshow: true\nvenv\n'
  assert_equal "$(faults | cut -d' ' -f1 | tr '\n' ' ')" "1:9 3:1 4:1 "
}

@test "a byte order mark is named, and the rest is read" {
  scan '\xef\xbb\xbfbackend: venv\nvenv:\n  directory: x\n'
  assert_contains "$(faults)" "1:1 a byte order mark"
  assert_contains "$(entries)" "backend=venv"
}

@test "CRLF and text in other scripts are no mistakes" {
  scan 'backend: venv\r\nprompt:\r\n  format: "(\xc3\xbc\xe2\x9c\x93) "\r\n'
  assert_equal "$(faults)" ""
  assert_contains "$(entries)" "prompt.format=(ü✓) "
}

@test "keys that are there twice are told with both lines" {
  scan 'backend: venv\nvenv:\n  directory: a\n  directory: b\nbackend: venv\n'
  assert_equal "${CONFIG_TWICE[0]}" $'venv.directory\t3\t4'
  assert_equal "${CONFIG_TWICE[1]}" $'backend\t1\t5'
  assert_contains "$(entries)" "venv.directory=a"
}

@test "a file that is no config is refused before it is scanned" {
  printf 'backend: venv\0\nvenv:\n' >config
  run -2 check_config_file config
  check_config_file config || assert_contains "$REPLY" "NUL"
  printf '\xff\xfeb\0a\0' >config
  run -2 check_config_file config
  head -c 100000 /dev/zero | tr '\0' x >config
  run -2 check_config_file config
  check_config_file config || assert_contains "$REPLY" "more than 16384 bytes"
  mkdir folder
  run -1 check_config_file folder
  run -1 check_config_file missing
  : >config
  check_config_file config
  head -c 16384 /dev/zero | tr '\0' '\n' >config
  check_config_file config
}

@test "long lines and many lines are told, and take no time to speak of" {
  local long
  printf -v long '%015000d' 0
  scan "backend: $long\nvenv:\n  directory: x\n"
  assert_equal "$(faults)" "1:1001 the line is longer than 1000 characters"
  assert_contains "$(entries)" "venv.directory=x"
  printf '%s\n' "$long" | tr 0 '\t' >config
  scan_config config
  assert_equal "${#CONFIG_FAULT_LINES[@]}" 1
}

@test "nothing in a config is ever evaluated" {
  # shellcheck disable=SC2016 # not to be expanded
  scan '$(touch pwned): x\nbackend: $(touch pwned)`touch pwned`\nx[$(touch pwned)]: y\nvenv:\n  directory: a[$(touch pwned)]\n'
  can_be_config_value venv.directory 'a[$(touch pwned)]' || :
  can_be_config_value backend '$(touch pwned)' || :
  can_be_config_value python.version '$(touch pwned)' || :
  can_be_config_value lock.platforms '$(touch pwned) *' || :
  [[ ! -e pwned ]]
}

@test "a mend is offered only where there is no doubt" {
  scan 'backend:venv\n'
  assert_equal "${CONFIG_FAULT_MENDS[0]}" "backend: venv"
  scan 'venv:\n  directory:x\n'
  assert_equal "${CONFIG_FAULT_MENDS[0]}" "  directory: x"
  scan 'backend = venv\n'
  assert_equal "${CONFIG_FAULT_MENDS[0]}" "backend: venv"
  scan 'venv:\n\tdirectory: x\n'
  assert_equal "${CONFIG_FAULT_MENDS[0]}" "  directory: x"
  scan 'prompt:\n    show: true\n\tformat: x\n'
  assert_equal "${CONFIG_FAULT_MENDS[0]}" "    format: x"
  scan 'C:/folder\nx=y\n'
  assert_equal "${CONFIG_FAULT_MENDS[0]}${CONFIG_FAULT_MENDS[1]}" ""
}

@test "known keys, and those that were meant" {
  local word expected
  while read -r word expected; do
    suggest_config_key "$word"
    assert_equal "$word $REPLY" "$word $expected"
  done <<'END'
bakend backend
venv.dirctory venv.directory
directory venv.directory
micromamba.engin micromamba.engine
venv.engine micromamba.engine
promt prompt
platforms lock.platforms
quite.different 
run.profiles.dev.flag run.profiles.dev.flags
run.profiles.dev.enf_file run.profiles.dev.env_file
END
  for word in run run.profiles run.profiles.dev run.profiles.a-b_1.env; do
    find_config_key "$word"
    assert_equal "$REPLY" section
  done
  find_config_key run.profiles.dev.env.LOG_LEVEL
  assert_equal "$REPLY" text
  run -1 find_config_key run.profiles.dev.env.A.B
  run -1 find_config_key run.profiles.dev.x
  find_config_key venv
  assert_equal "$REPLY" section
  find_config_key venv.directory
  assert_equal "$REPLY" folder
  run -1 find_config_key ven
}

@test "the values that each key may have" {
  local key value
  while read -r key value; do
    can_be_config_value "$key" "$value" || fail "refused: $key $value"
  done <<'END'
backend venv
backend auto
venv.directory .venv
python.version 3
python.version 3.12
python.version 3.14.0rc1
python.version /bin/sh
prompt.show no
prompt.format $(x)
micromamba.engine rattler
micromamba.env_name my-env_1.0
lock.platforms [linux-64, "osx-arm64"]
pyve_version 1.1.3
run.profiles.dev.flags -X dev
run.profiles.dev.flags -W error::DeprecationWarning
run.profiles.dev.flags -bb -s
run.profiles.dev.groups docs
run.profiles.dev.env.A $(x)
something else
END
  while read -r key value; do
    if can_be_config_value "$key" "$value"; then
      printf 'taken: %s %s\n' "$key" "$value" >&2
      return 1
    fi
    [[ -n $REPLY ]]
  done <<'END'
backend conda
backend venv|auto
venv.directory a/b
venv.directory .git
python.version 2.7
python.version 3,12
python.version 3.x
python.version /no/such/python
prompt.show maybe
micromamba.engine mamab
micromamba.env_name a b
lock.platforms linux
run.profiles.dev.flags -c pass
run.profiles.dev.flags -m
run.profiles.dev.flags x
run.profiles.dev.groups ../x
run.profiles.dev.watch maybe
venv .venv
END
  can_be_config_value micromamba.engine mamab || assert_equal "$CONFIG_MEANT" mamba
  can_be_config_value backend ""
}
