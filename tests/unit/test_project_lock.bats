#!/usr/bin/env bats
# shellcheck disable=SC2016 # code and hostile texts in single quotes are meant to stay as they are
# shellcheck disable=SC2012 # the number of an inode is what ls is asked for; find has no portable way
# shellcheck disable=SC2030,SC2031 # bats runs every test in a process of its own
# lib/project_lock.sh: one command at a time, and what a killed one left.

bats_require_minimum_version 1.5.0
load ../helpers/test_helper

setup() {
  setup_project
  load_lib utils project_lock
  OWNER=""
}

teardown() {
  if [[ -n $OWNER ]]; then
    kill "$OWNER" 2>/dev/null || :
    wait "$OWNER" 2>/dev/null || :
  fi
}

# Usage: start_owner
# Starts a process that does nothing, and lets it own the lock. Sets OWNER.
start_owner() {
  sleep 60 3>&- &
  OWNER=$!
  process_identity "$OWNER"
  mkdir -p .pyve
  ln -s "$REPLY" .pyve/lock
}

# Usage: in_bash <code>
# Runs code as a Pyve of its own would, with the modules read.
in_bash() {
  bash -c 'set -euo pipefail; DEFAULT_VENV_DIR=.venv PYVE_COMMAND=demo; . "$1/lib/utils.sh"; . "$1/lib/project_lock.sh"; trap finish EXIT
    '"$1" - "$PYVE_TREE" 3>&-
}

@test "the lock is taken, and given back with everything that is empty" {
  run -0 in_bash 'lock_project; readlink .pyve/lock; test -L .pyve/lock'
  assert_contains "$output" ":"
  [ ! -e .pyve ]
}

@test "the lock is given back when the command fails, too" {
  run -1 in_bash 'lock_project; false'
  [ ! -e .pyve ]
}

@test "the lock is given back after an interruption" {
  run in_bash 'lock_project; kill -TERM $$; sleep 1'
  [ ! -L .pyve/lock ] || {
    # Not given back, but it does not stand in the way either.
    run -0 in_bash 'lock_project'
    refute_contains "$output" Waiting
  }
}

@test "taking the lock twice in one command is once" {
  run -0 in_bash 'lock_project; lock_project'
  refute_contains "$output" Waiting
}

@test "a command waits for a living owner, says so once, and goes on when it has ended" {
  start_owner
  in_bash 'lock_project; echo mine' >out 2>err &
  local waiter=$!
  local i
  for ((i = 0; i < 100; i++)); do
    [[ ! -s err ]] || break
    sleep 0.05
  done
  sleep 0.5
  [ ! -s out ]
  assert_equal "$(cat err)" "Waiting for another Pyve (process $OWNER) to finish."
  kill "$OWNER"
  wait "$OWNER" || :
  wait "$waiter"
  assert_equal "$(cat out)" mine
  OWNER=""
}

@test "who is waited for is said, by name, and again every ten seconds" {
  start_owner
  rm .pyve/lock
  process_identity "$OWNER"
  local me=$REPLY
  find_machine
  ln -s "$me:$REPLY:sync" .pyve/lock
  run -0 in_bash 'sleep() { SECONDS=$((SECONDS + 11)); count=$((${count-0} + 1)); ((count < 3)) || rm -f .pyve/lock; }; lock_project'
  assert_equal "$output" "Waiting for pyve sync (process $OWNER) to finish.
Still waiting for pyve sync (process $OWNER): 11 s.
Still waiting for pyve sync (process $OWNER): 22 s."
}

@test "with PYVE_NO_WAIT nobody waits, and nothing is touched" {
  start_owner
  mkdir .pyve/tmp
  PYVE_NO_WAIT=1 run -1 in_bash 'lock_project'
  assert_contains "$output" E_PROJECT_BUSY
  assert_contains "$output" "process $OWNER"
  [ -L .pyve/lock ] && [ -d .pyve/tmp ]
  rm .pyve/lock
  PYVE_NO_WAIT=1 run -0 in_bash 'lock_project'
  # Not when it says no.
  ln -s 999999999:1 .pyve/lock || { mkdir .pyve && ln -s 999999999:1 .pyve/lock; }
  PYVE_NO_WAIT=1 run -0 in_bash 'lock_project'
}

@test "the lock of another machine or container is never taken over, that of an earlier start of this one is" {
  local name boot first
  find_machine
  IFS=: read -r name boot first <<<"$REPLY"
  mkdir .pyve
  ln -s "999999999:1:elsewhere:$boot:$first:sync" .pyve/lock
  PYVE_NO_WAIT=1 run -1 in_bash 'lock_project'
  assert_contains "$output" "process 999999999 on elsewhere"
  rm .pyve/lock
  ln -s "999999999:1:$name:$boot:1$first:sync" .pyve/lock
  PYVE_NO_WAIT=1 run -1 in_bash 'lock_project'
  assert_contains "$output" "of another container"
  clear_leftovers "$PWD"
  [ -L .pyve/lock ]
  rm .pyve/lock
  ln -s "999999999:1:$name:00000000:1$first:sync" .pyve/lock
  PYVE_NO_WAIT=1 run -0 in_bash 'lock_project'
  [ ! -e .pyve ]
}

@test "a lock that was made although making it failed, as over a network, is ours" {
  run -0 in_bash 'ln() { command ln "$@"; return 1; }; lock_project; echo mine'
  assert_equal "$output" mine
  [ ! -e .pyve ]
}

@test "a lock is taken by two processes, and given back by one" {
  mkdir .pyve
  : >.pyve/config
  run -0 in_bash 'count=0; trap "" DEBUG; mkdir() { count=$((count + 1)); command mkdir "$@"; }; ln() { count=$((count + 1)); command ln "$@"; }
    rm() { count=$((count + 1)); command rm "$@"; }; lock_project; unlock_project; echo "$count"'
  assert_equal "$output" 3
  # Without a place for what is half made, one is enough.
  run -0 in_bash 'PATH=${PATH}; mkdir() { exit 9; }; lock_project bare; [[ ! -e .pyve/tmp ]]; unlock_project'
}

@test "a command goes on when the owner gives the lock back" {
  start_owner
  in_bash 'lock_project; echo mine' >out 2>/dev/null &
  local waiter=$!
  sleep 0.3
  [ ! -s out ]
  rm .pyve/lock
  wait "$waiter"
  assert_equal "$(cat out)" mine
}

@test "the lock of a process that is gone is taken over without waiting" {
  start_owner
  kill -9 "$OWNER"
  wait "$OWNER" || :
  run -0 in_bash 'lock_project; echo mine'
  assert_equal "$output" mine
  [ ! -e .pyve ]
}

@test "a process that is dead and not yet buried does not hold the lock" {
  [[ -r /proc/self/stat ]] || skip "no /proc on this machine"
  # The child of a process that never waits for it.
  bash -c 'sleep 0.01 & printf "%s\n" $! >child; exec sleep 60' 3>&- &
  OWNER=$!
  local i
  for ((i = 0; i < 100; i++)); do
    [[ -s child && $(cat "/proc/$(cat child)/stat" 2>/dev/null) == *") Z "* ]] && break
    sleep 0.05
  done
  run -1 process_identity "$(cat child)"
}

@test "a recycled process number is not taken for the owner" {
  start_owner
  local identity
  identity=$(readlink .pyve/lock)
  rm .pyve/lock
  ln -s "$OWNER:1${identity##*:}" .pyve/lock
  run -0 in_bash 'lock_project; echo mine'
  assert_equal "$output" mine
}

@test "a lock that names nothing sensible is taken over" {
  local text
  mkdir .pyve
  for text in nonsense 0:0 -1:5 999999999:1 ../../x 'a b' '$(touch pwned)' 1; do
    ln -s -- "$text" .pyve/lock
    run -0 in_bash 'lock_project; echo mine'
    assert_equal "$output" mine
    rm -rf .pyve
    mkdir .pyve
  done
  [ ! -e pwned ]
}

@test "a lock that is a link to a folder is no door to it" {
  mkdir .pyve ../elsewhere
  ln -s ../../elsewhere .pyve/lock
  run in_bash 'lock_project; echo mine'
  assert_equal "$(ls -A ../elsewhere)" ""
}

@test "a folder or file in place of the lock is an error, no endless wait" {
  mkdir -p .pyve
  : >.pyve/lock
  run -1 in_bash 'lock_project'
  assert_contains "$output" E_FILE_WRITE
  rm .pyve/lock
  mkdir .pyve/lock
  run -1 in_bash 'lock_project'
  assert_contains "$output" E_FILE_WRITE
  [ -d .pyve/lock ]
  assert_equal "$(ls -A .pyve/lock)" ""
}

@test "a file in place of .pyve is an error" {
  : >.pyve
  run -1 in_bash 'lock_project'
  assert_contains "$output" E_FILE_WRITE
}

@test "a folder that cannot be written is an error, no endless wait" {
  [ "$(id -u)" -ne 0 ] || skip "root may write everywhere"
  mkdir .pyve
  chmod 500 .pyve
  run -1 in_bash 'lock_project'
  chmod 700 .pyve
  assert_contains "$output" E_FILE_WRITE
}

@test "of many commands at once only one is inside at a time" {
  local i pids=()
  for i in 1 2 3 4 5 6; do
    in_bash 'lock_project; mkdir inside && sleep 0.02 && rmdir inside && echo ok' >"out.$i" 2>/dev/null &
    pids+=("$!")
  done
  wait "${pids[@]}"
  assert_equal "$(cat out.*)" $'ok\nok\nok\nok\nok\nok'
}

@test "of many commands that find a dead owner only one is inside at a time" {
  local i pids=()
  mkdir .pyve
  ln -s 999999999:1 .pyve/lock
  for i in 1 2 3 4 5 6; do
    in_bash 'lock_project; mkdir inside && sleep 0.02 && rmdir inside && echo ok' >"out.$i" 2>/dev/null &
    pids+=("$!")
  done
  wait "${pids[@]}"
  assert_equal "$(cat out.*)" $'ok\nok\nok\nok\nok\nok'
  [ ! -e .pyve ]
}

@test "a mark that a killed command left does not keep the lock from being taken over" {
  mkdir .pyve
  ln -s 999999999:1 .pyve/lock
  ln -s 999999998:1 .pyve/lock.999999999:1
  run -0 in_bash 'lock_project; echo mine'
  assert_equal "$output" mine
  [ ! -e .pyve ]
}

# --- leftovers

@test "what a killed command left is cleared by the next one" {
  mkdir -p .pyve/tmp/new.venv/bin .pyve/tmp/gone.venv
  touch .pyve/config .pyve/config.pyve-new.123 .gitignore.pyve-new.1 .env.pyve-new.1 .envrc.pyve-new.1 \
    .python-version.pyve-new.1 .tool-versions.pyve-new.1 "mine.pyve-new.txt"
  in_bash 'lock_project'
  assert_equal "$(find . -mindepth 1 | LC_ALL=C sort)" "./.pyve
./.pyve/config
./mine.pyve-new.txt"
}

@test "an old environment that was moved away is put back when the new one never came" {
  mkdir -p .pyve/tmp/old.venv.77 .pyve/tmp/new.venv
  : >.pyve/tmp/old.venv.77/kept
  in_bash 'lock_project'
  [ -f .venv/kept ]
  [ ! -e .pyve/tmp ]
}

@test "an old environment goes back to the folder that the config names" {
  mkdir -p .pyve/tmp/old.venv.77
  printf 'venv:\n  directory: my-env\n' >.pyve/config
  : >.pyve/tmp/old.venv.77/kept
  in_bash 'lock_project'
  [ -f my-env/kept ]
}

@test "an old environment is removed when the new one is there" {
  mkdir -p .pyve/tmp/old.venv.77 .venv
  : >.pyve/tmp/old.venv.77/old
  : >.venv/new
  in_bash 'lock_project'
  [ -f .venv/new ] && [ ! -e .venv/old ]
  [ ! -e .pyve ]
}

@test "an old test environment is put back, too" {
  mkdir -p .pyve/tmp/old.testenv.77 .pyve/testenv
  : >.pyve/tmp/old.testenv.77/kept
  in_bash 'lock_project'
  [ -f .pyve/testenv/venv/kept ]
}

@test "an old environment that cannot be put back is not thrown away" {
  mkdir -p .pyve/tmp/old.testenv.77
  : >.pyve/tmp/old.testenv.77/kept
  run in_bash 'lock_project || exit 1'
  [ -n "$(find . -name kept)" ]
}

@test "an old environment goes back to where it was, not to where the config points meanwhile" {
  mkdir -p .pyve/tmp/old.venv.77 .venv
  printf 'venv:\n  directory: .venv\n' >.pyve/config
  printf 'format=1\npath=%s\n' "$PWD/other-env" >.pyve/tmp/old.venv.77/pyve.state
  in_bash 'lock_project'
  [ -f other-env/pyve.state ]
}

@test "a reader clears leftovers of a killed command" {
  mkdir -p .pyve/tmp/old.venv.77
  : >.pyve/tmp/old.venv.77/kept
  ln -s 999999999:1 .pyve/lock
  clear_leftovers "$PWD"
  [ -f .venv/kept ]
  [ ! -e .pyve ]
}

@test "a reader leaves alone what another Pyve is at work on, and does not wait" {
  mkdir -p .pyve/tmp/old.venv.77
  start_owner
  local started=$SECONDS
  clear_leftovers "$PWD"
  ((SECONDS - started < 2))
  [ -d .pyve/tmp/old.venv.77 ]
  [ -L .pyve/lock ]
}

@test "a reader makes nothing in a project without leftovers" {
  clear_leftovers "$PWD"
  [ ! -e .pyve ]
  mkdir .pyve
  clear_leftovers "$PWD"
  [ -d .pyve ]
}

@test "the identity of a process is the same as long as it lives" {
  start_owner
  process_identity "$OWNER"
  local first=$REPLY
  process_identity "$OWNER"
  assert_equal "$REPLY" "$first"
  is_alive "$first"
  [[ $first == "$OWNER":?* ]]
}

@test "the identity is found without /proc, as on a Mac" {
  start_owner
  ps -o lstart= -p "$$" >/dev/null 2>&1 || skip "ps knows no lstart on this machine"
  local answer
  # The other branch is taken when /proc cannot be read.
  eval "$(declare -f process_identity | sed 's|/proc/self/stat|/no/such/file|; s/^process_identity/mac_identity/')"
  mac_identity "$OWNER"
  answer=$REPLY
  mac_identity "$OWNER"
  assert_equal "$REPLY" "$answer"
  [[ $answer == "$OWNER":?* && $answer != *[[:space:]]* ]]
  kill "$OWNER"
  wait "$OWNER" || :
  run -1 mac_identity "$OWNER"
  OWNER=""
}

# Usage: keep <line of the list> <number> [text that was kept]
# Leaves what a killed `pyve add` does.
keep() {
  mkdir -p .pyve/tmp/kept.7
  if [[ ! -e .pyve/tmp/kept.7/list ]]; then
    : >.pyve/tmp/kept.7/list
    printf '\tjournal\t%s\n' "$(ls -i .pyve/tmp/kept.7/list | awk '{ print $1 }')" >>.pyve/tmp/kept.7/list
  fi
  printf '%s\n' "$1" >>.pyve/tmp/kept.7/list
  [[ -z ${3-} ]] || printf '%s' "$3" >".pyve/tmp/kept.7/$2"
}

@test "what a killed command changed in the project is put back, or taken away again" {
  mkdir sub
  printf 'new' | tee requirements.in sub/more.txt pylock.toml >/dev/null
  keep requirements.in 0 old
  keep sub/more.txt 1 older
  keep pylock.toml 2
  run -0 in_bash 'lock_project'
  assert_equal "$(cat requirements.in) $(cat sub/more.txt)" "old older"
  [ ! -e pylock.toml ]
}

@test "no file outside of the project is put back or taken away, whatever came with a repository" {
  local outside=$BATS_TEST_TMPDIR/outside
  mkdir "$outside"
  printf 'mine' | tee "$outside/a" "$outside/b" "$outside/c" "$outside/d" >/dev/null
  ln -s "$outside" folder
  ln -s "$outside/d" link
  keep "$outside/a" 0 theirs
  keep "folder/b" 1 theirs
  keep "../outside/c" 2
  keep "link" 3 theirs
  keep "planted" 4
  ln -s "$outside/a" .pyve/tmp/kept.7/4
  run -0 in_bash 'lock_project'
  assert_equal "$(cat "$outside"/?)" "minemineminemine"
  [ -L link ]
  [ ! -e planted ]
}
