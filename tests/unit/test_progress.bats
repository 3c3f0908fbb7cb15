#!/usr/bin/env bats
# shellcheck disable=SC2016 # code and hostile texts in single quotes are meant to stay as they are
# lib/progress.sh and the readers of lib/requirements.sh: long work, told as it goes on. (What needs
# a real terminal is in tests/integration/test_progress.py.)

bats_require_minimum_version 1.5.0
load ../helpers/test_helper

setup() {
  setup_project
  load_lib utils progress json
  PROGRESS_INTERVAL=100
}

# Usage: long <command>...
# Runs it as long work.
long() {
  run_long "Making it" read_any_line "$@"
}

# Usage: steps_of <reader>
# Prints what the reader makes of each line of stdin, when that changes.
steps_of() {
  local line _step="" _notice _dropped before=""
  while IFS= read -r line; do
    _notice="" _dropped=""
    "$1" "$line"
    [[ $_step == "$before" ]] || printf '%s\n' "$_step"
    before=$_step
    [[ -z $_notice ]] || printf '! %s\n' "$line"
  done
}

# --- the output

@test "what succeeds shows nothing on a pipe" {
  run -0 --separate-stderr long sh -c 'echo out; echo err >&2'
  assert_equal "$output$stderr" ""
}

@test "what fails shows all that it said, in order, and keeps its status" {
  run -7 --separate-stderr long sh -c 'echo one; echo two >&2; printf "  three"; exit 7'
  assert_equal "$output" ""
  assert_equal "$stderr" $'one\ntwo\n  three'
}

@test "a program that cannot be started fails as in the shell" {
  run -127 --separate-stderr long /no/such/program
  assert_contains "$stderr" "/no/such/program"
}

@test "output without a line end, with carriage returns, and odd bytes is kept as it is" {
  printf 'a\\n%%s\rb\x1b[31m\xff\nlast' >expected
  run_long x read_any_line sh -c 'cat expected; exit 1' 2>actual || true
  diff expected actual
}

@test "nothing is on stdin, so that a question is no trap" {
  run -1 long sh -c 'read -r answer' <<<"yes"
}

@test "--verbose shows the output as it comes, on stderr" {
  PYVE_VERBOSE=1 run -0 --separate-stderr long sh -c 'echo out; echo err >&2'
  assert_equal "$output" ""
  assert_equal "$stderr" $'out\nerr'
}

@test "LONG_LOG gets the output, whether the program succeeds or not" {
  LONG_LOG=log run -0 long echo fine
  assert_equal "$(cat log)" fine
  LONG_LOG=log run -3 --separate-stderr long sh -c 'echo bad; exit 3'
  assert_equal "$(cat log)" bad
  assert_equal "$stderr" ""
}

@test "a program is not told to use colour" {
  export FORCE_COLOR=1 CLICOLOR_FORCE=1
  run -1 --separate-stderr long sh -c 'echo "${FORCE_COLOR-no}${CLICOLOR_FORCE-no}$NO_COLOR"; exit 1'
  assert_equal "$stderr" "nono1"
}

@test "a program that leaves another one behind, with its output open, is not waited for" {
  mkfifo gate
  run -0 long sh -c 'sh -c "read -r line <gate" & echo started'
  # The one left behind is still there to read.
  printf '\n' >gate
}

@test "variables before the function reach the program" {
  SETTING=here run -1 --separate-stderr long sh -c 'echo "$SETTING"; exit 1'
  assert_equal "$stderr" here
}

# --- the lines

@test "on a pipe a line says now and then what is done, how far it is and for how long" {
  PROGRESS_INTERVAL=0
  run -0 --separate-stderr long sh -c 'echo "half way..."; echo "  nearly  "; echo'
  assert_equal "$output" ""
  assert_equal "${stderr_lines[0]}" "Making it: half way, 0 s"
  assert_equal "${stderr_lines[1]}" "Making it: nearly, 0 s"
}

@test "--quiet tells nothing, and a failure's output all the same" {
  PROGRESS_INTERVAL=0
  PYVE_QUIET=1 run -1 --separate-stderr long sh -c 'echo bad; exit 1'
  assert_equal "$stderr" bad
}

@test "--json has nothing of it on stdout" {
  PROGRESS_INTERVAL=0
  PYVE_JSON=1 run -0 --separate-stderr long echo fine
  assert_equal "$output" ""
}

@test "what a program says is shown without what would command a terminal" {
  PROGRESS_INTERVAL=0
  run -0 --separate-stderr long printf 'overwritten\rtitle \033]0;x\007\n'
  assert_equal "${stderr_lines[0]}" "Making it: title ?]0;x?, 0 s"
}

@test "the end of a program that was broken off, or fails, is no step of its work" {
  local PYVE_JSON=jsonl
  run -1 --separate-stderr long sh -c 'echo Reading; echo "Traceback (most recent call last):"; sleep 1.2; echo "  File x"; sleep 1.2; echo KeyboardInterrupt; exit 1'
  assert_contains "$output" '"step": "Reading"'
  [[ $output != *Traceback* && $output != *KeyboardInterrupt* ]]
  assert_contains "$stderr" "KeyboardInterrupt"
}

@test "a minute is a minute" {
  local what=Working _step="" elapsed
  elapsed=599 describe_progress
  assert_equal "$REPLY" "Working, 59 s"
  elapsed=754 describe_progress
  assert_equal "$REPLY" "Working, 1 min 15 s"
}

@test "a line that is too long loses its middle, never half a character" {
  local LC_ALL=C.UTF-8 locale width
  fit_line "Installing requirements.txt: collecting something, 12 s" 40
  assert_equal "$REPLY" "Installing requirements.txt: co..., 12 s"
  fit_line "short, 1 s" 40
  assert_equal "$REPLY" "short, 1 s"
  for locale in C C.UTF-8; do
    LC_ALL=$locale
    for ((width = 4; width < 60; width++)); do
      fit_line "Räksmörgås 漢字 ☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃: é é é, 1 s" "$width"
      ((${#REPLY} <= width))
      local fitted=$REPLY
      replace_invalid_utf8 "$fitted"
      assert_equal "$REPLY" "$fitted"
    done
  done
}

@test "the processes below one are found, also those of its children" {
  mkfifo gate
  sh -c 'sh -c "read -r line <gate"; :' &
  local child=$! tries
  for ((tries = 0; tries < 100; tries++)); do
    list_descendants "$$"
    # What bats itself has running below this test counts, too.
    ((${#DESCENDANTS[@]} < 2)) || break
    sleep 0.05
  done
  list_descendants "$child"
  assert_equal "${#DESCENDANTS[@]}" 1
  printf '\n' >gate
  wait "$child"
  list_descendants "$child"
  assert_equal "${#DESCENDANTS[@]}" 0
}

# --- what installers say

@test "pip: which of the requirements that were named, then how many there are so far" {
  load_lib requirements
  _pip_expected=2 _pip_seen=" " _pip_count=0 _pip_file=""
  run -0 steps_of read_pip_line <<'END'
Looking in links: /wheels
Collecting starlette>=0.40 (from -r ./requirements.txt (line 1))
  Downloading starlette-1.10.0-py3-none-any.whl (72 kB)
Processing /wheels/uvicorn-0.54.0-py3-none-any.whl (from -r ./requirements.txt (line 2))
Collecting anyio<5,>=4.0.0 (from starlette>=0.40->-r ./requirements.txt (line 1))
Requirement already satisfied: idna>=2.8 in ./lib/site-packages (from anyio->starlette->-r ./requirements.txt (line 1)) (3.20)
Installing collected packages: idna, uvicorn, anyio, starlette
WARNING: The script uvicorn is installed somewhere
Successfully installed anyio-4.16.0
END
  assert_equal "$output" "collecting starlette (1 of 2)
downloading starlette-1.10.0 (1 of 2)
collecting uvicorn (2 of 2)
collecting anyio (3 so far)
found idna (4 so far)
installing 4 packages
! WARNING: The script uvicorn is installed somewhere"
}

@test "pip: a big download is told in numbers, and these lines are not kept" {
  load_lib requirements
  _pip_expected=1 _pip_seen=" " _pip_count=0 _pip_file=""
  run -0 steps_of read_pip_line <<'END'
Collecting torch
  Downloading https://example.org/whl/torch-2.9.0-cp312-cp312-manylinux_2_28_x86_64.whl (780.4 MB)
Progress 1000 of 780400000
Progress 45000000 of 780400000
Progress 100 of 200
END
  assert_equal "$output" "collecting torch (1 of 1)
downloading torch-2.9.0 (1 of 1)
downloading torch-2.9.0, 0 of 780 MB (1 of 1)
downloading torch-2.9.0, 45 of 780 MB (1 of 1)"
  run_long x read_pip_line sh -c 'echo Progress 1 of 2; echo broken; exit 1' 2>shown || true
  assert_equal "$(cat shown)" broken
}

@test "pip: a project that is built says so" {
  load_lib requirements
  _pip_expected=1 _pip_seen=" " _pip_count=0 _pip_file=""
  run -0 steps_of read_pip_line <<'END'
Obtaining file:///home/me/greeter
  Installing build dependencies: started
  Installing build dependencies: finished with status 'done'
  Preparing editable metadata (pyproject.toml): started
  Building editable for greeter (pyproject.toml): started
  Building editable for greeter (pyproject.toml): finished with status 'done'
END
  assert_equal "$output" "collecting greeter (1 of 1)
installing build dependencies
preparing editable metadata
building editable for greeter"
}

@test "uv: what it has resolved, what it fetches, what it installs" {
  load_lib requirements
  run -0 steps_of read_uv_line <<'END'
Using Python 3.11.2 environment at: .venv
Resolved 12 packages in 74ms
Downloading pygments (1.2MiB)
Prepared 12 packages in 1.2s
Installed 12 packages in 16ms
 + anyio==4.16.0
warning: Failed to hardlink files
END
  assert_equal "$output" "preparing 12 packages
Downloading pygments (1.2MiB)
installing 12 packages
! warning: Failed to hardlink files"
}

@test "requirements are counted where that can be done, and 0 says that it cannot" {
  load_lib requirements
  printf '# a comment\n\nstarlette\n  uvicorn ; python_version > "3"\n--index-url https://example.org\n-e ./here' >some.txt
  count_requirements -r some.txt -e . pytest
  assert_equal "$REPLY" 5
  printf 'starlette\n-r other.txt\n' >nested.txt
  count_requirements -r nested.txt pytest
  assert_equal "$REPLY" 0
  count_requirements -r nothing-here.txt
  assert_equal "$REPLY" 0
}

@test "requirements are named as a person would" {
  load_lib requirements
  describe_requirements -r ./requirements.txt -r "/some where/dev.txt" -e . pytest
  assert_equal "$REPLY" "requirements.txt, dev.txt, the project itself (editable), pytest"
}

@test "pip is asked for numbers only when it is new enough to know how" {
  load_lib requirements
  local site=env/lib/python3.12/site-packages version
  mkdir -p "$site"
  for version in 21.2.3 23.0.1 24.0; do
    mkdir "$site/pip-$version.dist-info"
    run -1 has_raw_progress env
    rmdir "$site"/pip-*
  done
  for version in 24.1 24.1b1 25.3 26.3; do
    mkdir "$site/pip-$version.dist-info"
    run -0 has_raw_progress env
    rmdir "$site"/pip-*
  done
  # Shared with the template.
  mkdir -p "shared pip/pip-26.3.dist-info"
  printf '%s\n' "$PWD/shared pip" >"$site/pyve_pip.pth"
  run -0 has_raw_progress env
  mkdir "$site/pip-23.0.1.dist-info"
  run -1 has_raw_progress env
}
