#!/usr/bin/env bats
# shellcheck disable=SC2016 # code and hostile texts in single quotes are meant to stay as they are
# lib/help.sh: what is shown comes from the rooms' headers, and from nowhere else.

bats_require_minimum_version 1.5.0
load ../helpers/test_helper

setup() {
  setup_project
}

@test "the overview lists every command there is, with its summary, below a group" {
  local file name summary
  run -0 --separate-stderr pyve help
  assert_equal "$stderr" ""
  for file in "$PYVE_TREE/lib/commands"/*.sh; do
    name=${file##*/}
    name=${name%.sh}
    IFS= read -r summary <"$file"
    # Plumbing is for programs.
    ! grep -q '^# Group: Plumbing$' "$file" || continue
    assert_contains "$output" "  $name "
    assert_contains "$output" "${summary#"# Summary: "}"
  done
  assert_contains "$output" $'\nEnvironment\n'
  assert_contains "$output" $'\nPyve itself\n'
}

@test "the help of a command shows usage, options, examples and exit status" {
  run -0 --separate-stderr pyve help init
  assert_contains "$output" "Usage: pyve init [VENV_DIR]"
  assert_contains "$output" "Usage: pyve init --update | --force"
  assert_contains "$output" "--python-version VER"
  assert_contains "$output" "-y, --yes"
  assert_contains "$output" "Examples:"
  assert_contains "$output" "Exit status:"
  assert_contains "$output" "Also spelt: --init -i"
}

@test "every option of the specification is in its command's help" {
  local option
  run -0 pyve help init
  for option in --backend --local-env --no-direnv --force --update --python-version --yes --deps; do
    assert_contains "$output" "$option"
  done
  run -0 pyve help purge
  assert_contains "$output" --keep-testenv
  run -0 pyve help testenv
  for option in --init --install --purge; do
    assert_contains "$output" "$option"
  done
}

@test "help COMMAND, COMMAND --help, COMMAND -h and help --COMMAND say the same" {
  local file name expected
  for file in "$PYVE_TREE/lib/commands"/*.sh; do
    name=${file##*/}
    name=${name%.sh}
    expected=$(pyve help "$name")
    assert_equal "$(pyve "$name" --help)" "$expected"
    assert_equal "$(pyve "$name" -h)" "$expected"
    assert_equal "$(pyve help "--$name")" "$expected"
  done
  assert_equal "$(pyve help -i)" "$(pyve help init)"
}

@test "help for a command that does not exist fails with a guess" {
  run -1 --separate-stderr pyve help inti
  assert_equal "$output" ""
  assert_contains "$stderr" "did you mean 'init'?"
  run -1 pyve help ../utils
}

@test "a new room is in the help without being registered anywhere" {
  local agents
  mkdir tree
  cp -R "$PYVE_TREE/pyve.sh" "$PYVE_TREE/lib" tree/
  cat >tree/lib/commands/hello.sh <<'END'
# Summary: Say hello
# Group: Agents
# Usage: pyve hello [NAME]
# Option: -l, --loud  With force
# Example: pyve hello you
# Exit: 0 always

cmd_hello() {
  printf 'hello %s\n' "${1-}"
}
END
  run -0 tree/pyve.sh help
  assert_contains "$output" $'\nAgents\n'
  agents=${output#*$'\nAgents\n'}
  assert_contains $'\n'"${agents%%$'\n\n'*}" $'\n  hello           Say hello'
  run -0 tree/pyve.sh hello --help
  assert_contains "$output" "-l, --loud"
  assert_contains "$output" "With force"
  run -0 tree/pyve.sh hello you
  assert_equal "$output" "hello you"
}

@test "split_option tells form and text apart" {
  load_lib headers
  split_option "-r, --requirement FILE  Requirements file"
  assert_equal "$option_form|$option_text" "-r, --requirement FILE|Requirements file"
  split_option "--force   Anew"
  assert_equal "$option_form|$option_text" "--force|Anew"
}

@test "the document has a section on every command" {
  load_lib markdown
  local file name
  run -0 show_markdown
  for file in "$PYVE_TREE/lib/commands"/*.sh; do
    name=${file##*/}
    assert_contains "$output" "### pyve ${name%.sh}"$'\n'
  done
  assert_contains "$output" '| `-y, --yes` |'
}

@test "docs/commands.md is what the headers say" {
  load_lib markdown
  [[ -f $PYVE_TREE/docs/commands.md ]] || skip "docs/commands.md has not been made yet (make docs)"
  show_markdown >made.md
  # The file ends with one line end.
  printf '%s\n' "$(cat made.md)" | diff - "$PYVE_TREE/docs/commands.md"
}

@test "help starts no Python and needs no HOME" {
  mkdir bin
  printf '#!/bin/sh\necho called >>"%s/called"\n' "$PWD" >bin/python
  chmod +x bin/python
  cp bin/python bin/python3
  run -0 env -i PATH="$PWD/bin:$PATH" "$PYVE_TREE/pyve.sh" help init
  run -0 env -i PATH="$PWD/bin:$PATH" "$PYVE_TREE/pyve.sh" --version
  [ ! -e called ]
}

@test "headers are ASCII, so that help may count bytes" {
  local file line
  local LC_ALL=C
  for file in "$PYVE_TREE/lib/commands"/*.sh; do
    while IFS= read -r line && [[ $line == "#"* ]]; do
      [[ $line != *[!\ -~]* ]] || assert_equal "${file##*/}: $line" ASCII
    done <"$file"
  done
}
