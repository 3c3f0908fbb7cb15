#!/usr/bin/env bats
# What a tool is called on the command line, and what that asks for.

load ../helpers/test_helper

bats_require_minimum_version 1.5.0
setup() {
  setup_project
  load_lib output tool_request
  PYVE_COMMAND=x
}

# Usage: asks <word> <requirement> [name]
# See that the word asks for that.
asks() {
  read_tool_word "$1"
  assert_equal "$TOOL_REQUIREMENT" "$2"
  assert_equal "$TOOL_NAME" "${3-ruff}"
}

@test "a name may have a version, extras and specifiers" {
  asks ruff ruff
  assert_equal "$TOOL_PLAIN" 1
  asks ruff@0.6 "ruff==0.6.*"
  assert_equal "$TOOL_PLAIN" ""
  asks ruff@1 "ruff==1.*"
  asks ruff@0.6.9 "ruff==0.6.9"
  asks ruff@0.6.* "ruff==0.6.*"
  asks ruff@1.0rc1 "ruff==1.0rc1"
  asks ruff@1.post2 "ruff==1.post2"
  asks ruff@1!2.3+a.b "ruff==1!2.3+a.b"
  asks 'ruff>=0.6,<0.7' 'ruff>=0.6,<0.7'
  asks 'ruff == 0.6' 'ruff == 0.6'
  asks 'ruff[a,b]@0.6' 'ruff[a,b]==0.6.*'
  asks 'ruff @ https://x/ruff.whl' 'ruff @ https://x/ruff.whl'
  asks Foo_.Bar Foo_.Bar foo-bar
  asks ruff@latest ruff
  assert_equal "$TOOL_LATEST" 1
}

@test "a path is absolute, and a folder is editable" {
  mkdir "my tool"
  : >a.whl
  asks "./my tool" "-e $PWD/my tool" ""
  asks . "-e $PWD" ""
  asks ./a.whl "$PWD/a.whl" ""
  asks /x/a.whl /x/a.whl ""
}

@test "the command tells the name of what a URL leads to" {
  read_tool_word git+https://x/r@abc draft
  assert_equal "$TOOL_REQUIREMENT" "draft @ git+https://x/r@abc"
}

@test "what is no name, or more than one line, is refused" {
  local word
  for word in "" - -r "a b" $'a\n-r x' "a #x" "a@b" "a@-1" "a/../b" "ruff@0.6;x" "[x]" ruff@0.x ruff@1.; do
    run -1 read_tool_word "$word"
    [[ $output == *E_USAGE_ARGUMENT* ]]
  done
}

@test "the command is what asks, and no file" {
  PYVE_WORDS=(x ruff@99)
  adapt_tool_why "requirements.in, line 1: ruff==99.*"
  assert_equal "$REPLY" "ruff==99.*, asked for by: pyve x ruff@99"
  adapt_tool_why "requirements.in, line 1: 'x=9' is no requirement" message
  assert_equal "$REPLY" "'x=9' is no requirement"
  adapt_tool_why "the smallest change that gives a solution: x==9 becomes x==1 (requirements.in, line 1)"
  assert_equal "$REPLY" "the smallest change that gives a solution: x==9 becomes x==1"
  adapt_tool_why "the smallest change that gives a solution: x is removed (requirements.in, line 1)"
  assert_equal "$REPLY" ""
}

@test "a fix for a project becomes one for the command that was given" {
  PYVE_WORDS=(x --with "alpha==9" ruff@99 "a b")
  read_tool_word "alpha==9"
  read_tool_word ruff@99
  adapt_tool_fix "pyve add ruff==0.6.9"
  assert_equal "$REPLY" "pyve x --with alpha==9 ruff==0.6.9 'a b'"
  adapt_tool_fix "pyve add 'alpha>=1'"
  assert_equal "$REPLY" "pyve x --with 'alpha>=1' ruff@99 'a b'"
  adapt_tool_fix "pyve add other==1"
  assert_equal "$REPLY" ""
  adapt_tool_fix "pyve lock --exclude-newer 7d"
  assert_equal "$REPLY" ""
  adapt_tool_fix "chmod u+r x"
  assert_equal "$REPLY" "chmod u+r x"
}
