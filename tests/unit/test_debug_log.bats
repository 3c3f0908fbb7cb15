#!/usr/bin/env bats
# shellcheck disable=SC2016 # code in single quotes is for another shell
# shellcheck disable=SC2030,SC2031 # each test has its own environment
# PYVE_LOG=debug: programs are shown with status and time, and work as they do without.

bats_require_minimum_version 1.5.0
load ../helpers/test_helper

setup() {
  setup_project
  unset PYVE_LOG
}

# Usage: in_pyve <code> [argument]...
# Runs code in a shell as Pyve's: its stdout is in the file out, its stderr in err. Its own status.
in_pyve() {
  local status=0
  "$BASH" -c 'set -euo pipefail; PYVE_ROOT=$1; . "$1/lib/debug_log.sh"; shift; '"$1" pyve "$PYVE_TREE" "${@:2}" >out 2>err || status=$?
  ERR=$(sed 's/^debug: [0-9]*\(\.[0-9]\{3\}\)\{0,1\} s, /debug: T s, /' err)
  OUT=$(cat out)
  return "$status"
}

@test "without PYVE_LOG, and with another value, nothing is shown" {
  in_pyve 'mkdir a; logged rm -rf a; (logged_exec ls -d .); log_exec x'
  assert_equal "$OUT|$ERR" ".|"
  PYVE_LOG=info in_pyve 'mkdir a; logged rm -rf a; (logged_exec ls -d .); log_exec x'
  assert_equal "$OUT|$ERR" ".|"
}

@test "a program is shown with status and time, quoted so that it can be pasted" {
  export PYVE_LOG=debug
  in_pyve 'mkdir "a b" "it'\''s"; logged ls -d "a b" "\$x" 2>/dev/null || printf "%s" "$?" >status'
  assert_equal "$OUT" "a b"
  assert_equal "$ERR" "debug: T s, status 0: mkdir 'a b' 'it'\\''s'
debug: T s, status $(<status): ls -d 'a b' '\$x'"
  rmdir "a b" "it's"
  "$BASH" -c "$(sed -n 's/^debug: .*, status 0: //p' err)"
  [[ -d "a b" && -d "it's" ]]
}

@test "status, stdin, stdout and stderr of a program are its own" {
  export PYVE_LOG=debug
  run -7 in_pyve 'logged sh -c "cat; echo talk >&2; exit 7"' <<<"words"
  assert_equal "$(cat out)" words
  [[ $(cat err) == *talk* ]]
  in_pyve 'x=$(printf "b\na\n" | sort | tr a-z A-Z) && printf "%s" "$x"'
  assert_equal "$OUT" $'A\nB'
  in_pyve 'if logged false; then printf yes; else printf "no %d" "$?"; fi; ! grep -q x /dev/null'
  assert_equal "$OUT" "no 1"
  in_pyve 'A=1 logged sh -c '\''printf "<%s>" "$A"'\''; printf "<%s>" "${A-}"'
  assert_equal "$OUT" "<1><>"
  in_pyve 'REPLY=mine; mkdir b; printf "%s" "$REPLY"'
  assert_equal "$OUT" mine
  run -130 in_pyve 'logged sh -c "kill -INT \$\$"'
}

@test "what is shown does not go where a program's stderr goes" {
  export PYVE_LOG=debug
  in_pyve 'x=$(logged sh -c "echo out; echo err >&2" 2>&1); printf "%s" "$x"'
  assert_equal "$OUT" $'out\nerr'
  assert_equal "$ERR" "debug: T s, status 0: sh -c 'echo out; echo err >&2'"
  in_pyve 'x=$(cat 2>&1 <<<in); printf "%s" "$x"'
  assert_equal "$OUT" in
}

@test "no program gets the file of the log, but a helper does" {
  export PYVE_LOG=debug
  printf '{ echo open >&19; } 2>/dev/null || echo closed\n' >look
  in_pyve 'logged bash look; env bash look; (logged_exec bash look)'
  assert_equal "$OUT" $'closed\nclosed\nclosed'
  printf 'echo from the helper >&"$PYVE_LOG_FD"\n' >look
  mkdir helpers
  mv look helpers/x.py
  in_pyve 'logged bash "$PWD/helpers/x.py" 1; (logged_exec bash "$PWD/helpers/x.py" 2)'
  assert_equal "$(grep -c '^from the helper' err)" 2
}

@test "a function behind logged is called, and its programs are shown" {
  export PYVE_LOG=debug
  in_pyve 'f() { mkdir "$1"; }; logged f d; [[ -d d ]]'
  assert_equal "$ERR" "debug: T s, status 0: mkdir d"
}

@test "a program that takes Pyve's place is shown before it" {
  export PYVE_LOG=debug
  in_pyve 'set -- printf "%s" "a b"; log_exec "$@"; exec "$@"'
  assert_equal "$OUT|$ERR" "a b|debug: exec: printf %s 'a b'"
}

@test "secrets are not shown" {
  export PYVE_LOG=debug
  FOO_TOKEN=the-token in_pyve 'logged true the-token "https://user:pw@host/x" "--x=the-token"'
  assert_equal "$ERR" "debug: T s, status 0: true '***' 'https://***@host/x' '--x=***'"
}

@test "a command is logged from its first program on, and its answer is the same" {
  local quiet
  find_real_python
  offer_python
  quiet=$(pyve --json python-version | sed 's/"duration_ms": [0-9]*//')
  PYVE_LOG=debug pyve --json python-version >out 2>err
  assert_equal "$(sed 's/"duration_ms": [0-9]*//' out)" "$quiet"
  pyve -q init --no-direnv
  PYVE_LOG=debug pyve run printf '%s' x >out 2>err
  assert_equal "$(cat out)|$(cat err)" "x|debug: exec: printf %s x"
  PYVE_LOG=debug pyve init --update >out 2>err
  grep -q '^debug: [0-9.]* s, status 0: ln -sn ' err
  assert_equal "$(grep -v '^debug: [0-9.]* s, status [0-9]*: ' err)" ""
}
