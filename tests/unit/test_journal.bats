#!/usr/bin/env bats
# shellcheck disable=SC2016 # code and hostile texts in single quotes are meant to stay as they are
# shellcheck disable=SC2012 # the number of an inode is what ls is asked for; find has no portable way
# lib/journal.sh: a change of several files and environments is made whole, or not at all.

bats_require_minimum_version 1.5.0
load ../helpers/test_helper

setup() {
  setup_project
  export DEFAULT_VENV_DIR=.venv
  OUTSIDE=$BATS_TEST_TMPDIR/outside
}

# Usage: in_bash <code>
# Runs code as a Pyve of its own would, with the modules read and the project locked.
in_bash() {
  bash -c 'set -euo pipefail; PYVE_COMMAND=demo; . "$1/lib/utils.sh"; . "$1/lib/project_lock.sh"; . "$1/lib/journal.sh"; . "$1/lib/venv_env.sh"
    PYVE_ROOT=$1 PYTHON=$(type -P python3); trap finish EXIT; lock_project
    '"$1" - "$PYVE_TREE" 3>&-
}

# Usage: killed <code>
# The same, and the process is killed at its end.
killed() {
  run in_bash "$1"'
    kill -9 $$'
  [ -L .pyve/lock ]
}

# Usage: recover
# What the next command does. It clears up, too.
recover() {
  in_bash ":"
  [ ! -e .pyve/lock ] && [ ! -e .pyve/tmp ]
  ! compgen -G ".pyve/tmp.gone.*" >/dev/null
  ! compgen -G ".*.pyve-new.*" >/dev/null
}

# Usage: make_env <folder> <text>
# Makes something that is taken for an environment.
make_env() {
  mkdir -p "$1/bin"
  printf '%s' "$2" >"$1/what"
  printf 'format=1\npath=%s\n' "$PWD/.venv" >"$1/pyve.state"
}

# Usage: show
# Prints all that is in the project.
show() {
  local file
  while IFS= read -r file; do
    printf '%s=%s\n' "$file" "$(cat "$file")"
  done < <(find . -type f ! -path './.pyve/tmp*' | LC_ALL=C sort)
}

# What changes all kinds of things.
ALL='
  begin_change
  keep_files a sub/b new
  printf 2 >a; printf 2 >sub/b; printf 2 >new
  write_file written 2
  write_file made 2
  make_env() { mkdir -p "$1/bin"; printf %s "$2" >"$1/what"; printf "format=1\n" >"$1/pyve.state"; }
  make_env .pyve/tmp/new.venv.$$ 2
  swap_in venv "$PWD/.pyve/tmp/new.venv.$$" "$PWD/.venv"
  make_env .pyve/tmp/new.testenv.$$ 2
  mkdir -p .pyve/testenv
  swap_in testenv "$PWD/.pyve/tmp/new.testenv.$$" "$PWD/.pyve/testenv/venv"
  take_away folder gone
'

# Usage: make_old
# Makes what ALL changes.
make_old() {
  mkdir -p sub folder
  printf 1 | tee a sub/b written folder/c gone >/dev/null
  make_env .venv 1
}

@test "what was not committed is put back at exit: files, environments, what was taken away" {
  make_old
  local before
  before=$(show)
  run -1 in_bash "$ALL false"
  assert_equal "$(show)" "$before"
  [ ! -e .pyve/tmp ]
}

@test "what was not committed before a kill is put back by the next command" {
  make_old
  local before
  before=$(show)
  killed "$ALL"
  [[ $(cat a .venv/what) == 22 ]]
  recover
  assert_equal "$(show)" "$before"
}

@test "what cannot be put back at once is put back by the next command" {
  printf old >a
  local before
  before=$(show)
  run -1 in_bash 'begin_change
    take_away a
    mv() { return 1; }
    false'
  assert_contains "$output" "could not be put back"
  [ ! -e .pyve/lock ] && [ -e .pyve/tmp ] && [ ! -e a ]
  recover
  assert_equal "$(show)" "$before"
}

@test "what was committed stays, and nothing else does" {
  make_old
  run -0 in_bash "$ALL commit_change"
  assert_equal "$(cat a sub/b new written made .venv/what .pyve/testenv/venv/what)" 2222222
  [ ! -e folder ] && [ ! -e gone ] && [ ! -e .pyve/tmp ]
}

@test "what was committed stays after a kill, too" {
  make_old
  killed "$ALL commit_change"
  recover
  assert_equal "$(cat a sub/b new written made .venv/what .pyve/testenv/venv/what)" 2222222
  [ ! -e folder ] && [ ! -e gone ]
}

@test "a kill while it is put back does no harm, wherever that is" {
  local step before
  make_old
  before=$(show)
  for step in 1 2 3 4 5 6 7 8; do
    killed "$ALL"
    # Dies at the n-th mv of the next command.
    COUNT=$step run bash -c '
      mv() { COUNT=$((COUNT - 1)); ((COUNT > 0)) || kill -9 $$; command mv "$@"; }
      set -euo pipefail; PYVE_COMMAND=demo; . "$1/lib/utils.sh"; . "$1/lib/project_lock.sh"; trap finish EXIT; lock_project' - "$PYVE_TREE" 3>&-
    recover
    assert_equal "$(show)" "$before"
  done
}

@test "where two folders cannot be exchanged in one step, the old environment comes back as well" {
  make_old
  local before kill
  before=$(show)
  printf '#!/bin/sh\nexit 3\n' >"$BATS_TEST_TMPDIR/python"
  chmod +x "$BATS_TEST_TMPDIR/python"
  # Between the two steps, and after them.
  for kill in 'mv() { command mv "$@"; [[ $1 != *.venv ]] || kill -9 $$; };' ''; do
    killed "$kill begin_change; mkdir -p .pyve/tmp/new.venv.\$\$; cp -R .venv/. .pyve/tmp/new.venv.\$\$; printf 2 >.pyve/tmp/new.venv.\$\$/what
      PYTHON=$BATS_TEST_TMPDIR/python; swap_in venv \"\$PWD/.pyve/tmp/new.venv.\$\$\" \"\$PWD/.venv\""
    recover
    assert_equal "$(show)" "$before"
  done
}

@test "a program of a killed command that goes on reaches nothing any more" {
  make_old
  killed 'begin_change
    mkdir -p .pyve/tmp/new.venv.$$; printf 2 >.pyve/tmp/new.venv.$$/what; note_environment "$PWD/.pyve/tmp/new.venv.$$" "$PWD/.venv"
    printf %s "$PWD/.pyve/tmp/new.venv.$$" >../new'
  recover
  # As a late exchange would do.
  run -1 python3 "$PYVE_TREE/helpers/exchange.py" "$(cat ../new)" .venv
  assert_equal "$(cat .venv/what)" 1
}

@test "what somebody has changed since is left alone" {
  printf 1 >a
  printf 1 >lock
  killed 'begin_change; keep_written a 2; printf 2 >a; keep_files lock; printf 2 >lock'
  printf 'mine' >a
  recover
  assert_equal "$(cat a)" mine
}

@test "a file that is made within a change, and then filled by somebody, stays" {
  killed 'begin_change; keep_written .env ""; : >.env'
  printf 'SECRET=1\n' >.env
  recover
  assert_equal "$(cat .env)" SECRET=1
}

@test "a mode, a name and a link stay what they were" {
  printf 1 >"-rf \$(touch x) é"
  chmod 640 ./-rf*
  ln -s -- "-rf \$(touch x) é" link
  killed 'begin_change; keep_files "$PWD/link"; printf 2 >"$PWD/link"; chmod 600 ./-rf*'
  recover
  assert_equal "$(cat link)" 1
  [ -L link ] && [ ! -e x ]
  [[ $(ls -l ./-rf*) == -rw-r-----* ]]
}

@test "a link that leads out of the project: at exit put back, by the next command not followed" {
  mkdir "$OUTSIDE"
  printf 1 >"$OUTSIDE/a"
  ln -s "$OUTSIDE/a" a
  run -1 in_bash 'begin_change; keep_files a; printf 2 >a; false'
  assert_equal "$(cat "$OUTSIDE/a")" 1
  killed 'begin_change; keep_files a; printf 2 >a'
  recover
  assert_equal "$(cat "$OUTSIDE/a")" 2
}

# Usage: plant <line>...
# Leaves a list that this machine could have made.
plant() {
  mkdir -p .pyve/tmp/kept.7 .pyve/tmp/new.venv.7
  : >.pyve/tmp/kept.7/list
  printf '\tjournal\t%s\n' "$(ls -i .pyve/tmp/kept.7/list | awk '{ print $1 }')" >>.pyve/tmp/kept.7/list
  printf '%s\n' "$@" >>.pyve/tmp/kept.7/list
}

@test "a list that came with a repository is not believed" {
  mkdir -p .pyve/tmp/kept.7
  printf 1 >a
  printf 2 >.pyve/tmp/kept.7/0
  printf '\tjournal\t1\na\n' >.pyve/tmp/kept.7/list
  recover
  assert_equal "$(cat a)" 1
  mkdir -p .pyve/tmp/kept.7
  printf 2 >.pyve/tmp/kept.7/0
  printf 'a\n' >.pyve/tmp/kept.7/list
  recover
  assert_equal "$(cat a)" 1
}

@test "no line leads out of the project, or into git's folder" {
  local line tab=$'\t'
  mkdir -p "$OUTSIDE/env" .git/hooks
  printf mine | tee "$OUTSIDE/a" "$OUTSIDE/env/what" .git/hooks/post-checkout >/dev/null
  ln -s "$OUTSIDE" door
  for line in "$OUTSIDE/a" ../outside/a door/a .git/hooks/post-checkout .GIT/hooks/post-checkout ./.git/hooks/post-checkout sub/.git/x \
    "${tab}moved$tab../outside/new" "${tab}moved${tab}door/new" "${tab}moved$tab.git/hooks/pre-commit" "${tab}moved$tab$OUTSIDE/new" \
    "${tab}environment$tab../outside/env${tab}new.venv.7${tab}fresh$tab$(ls -di "$OUTSIDE/env" | awk '{ print $1 }')" \
    "${tab}environment${tab}door/env${tab}new.venv.7${tab}fresh$tab$(ls -di "$OUTSIDE/env" | awk '{ print $1 }')" \
    "${tab}environment${tab}.venv$tab../../../outside/env${tab}used${tab}1" \
    "${tab}conda$tab../../../outside${tab}fresh" "${tab}conda$tab..${tab}fresh" "${tab}nonsense" "$tab" "" \
    "${tab}environment" "${tab}moved" "${tab}conda"; do
    plant "$line"
    printf theirs >.pyve/tmp/kept.7/0
    recover
    assert_equal "$(cat "$OUTSIDE/a" "$OUTSIDE/env/what" .git/hooks/post-checkout)" mineminemine
    assert_equal "$(ls -A "$OUTSIDE" .git/hooks | tr '\n' ' ')" ".git/hooks: post-checkout  $OUTSIDE: a env "
    [ ! -e .venv ]
  done
}

@test "a link in the place of the list, or of its folder, is not followed" {
  mkdir -p .pyve/tmp "$OUTSIDE/kept.7"
  printf 1 >a
  : >"$OUTSIDE/kept.7/list"
  printf '\tjournal\t%s\na\n' "$(ls -i "$OUTSIDE/kept.7/list" | awk '{ print $1 }')" >>"$OUTSIDE/kept.7/list"
  ln -s "$OUTSIDE/kept.7" .pyve/tmp/kept.7
  recover
  mkdir -p .pyve/tmp/kept.7
  ln -s "$OUTSIDE/kept.7/list" .pyve/tmp/kept.7/list
  recover
  assert_equal "$(cat a)" 1
  [ -s "$OUTSIDE/kept.7/list" ]
}

@test "what has come in the place of what was taken away stays" {
  make_old
  killed 'begin_change; take_away folder'
  # What has come in its place stays.
  mkdir folder
  recover
  [ ! -e folder/c ]
}

@test "a change that changes nothing starts no process and leaves nothing" {
  run -0 in_bash 'PATH=; begin_change; commit_change; PATH=/usr/bin:/bin'
  [ ! -e .pyve ]
}

@test "a conda environment that was made anew is put back, whole or half made" {
  local part
  for part in 'finish_conda_env' ':'; do
    mkdir -p .pyve/envs/demo/conda-meta
    printf 1 >.pyve/envs/demo/what
    killed ". \"\$1/lib/micromamba_env.sh\"; begin_change; begin_conda_env demo; mkdir -p .pyve/envs/demo/conda-meta; printf 2 >.pyve/envs/demo/what; $part"
    recover
    assert_equal "$(cat .pyve/envs/demo/what)" 1
    assert_equal "$(ls -A .pyve/envs)" demo
    rm -rf .pyve/envs
    # There was none.
    killed ". \"\$1/lib/micromamba_env.sh\"; begin_change; begin_conda_env demo; mkdir -p .pyve/envs/demo/conda-meta; $part"
    recover
    [ ! -e .pyve/envs/demo ]
  done
}

@test "a conda environment that was made anew stays once it is committed" {
  mkdir -p .pyve/envs/demo/conda-meta
  printf 1 >.pyve/envs/demo/what
  run -0 in_bash '. "$1/lib/micromamba_env.sh"; begin_change; begin_conda_env demo; mkdir -p .pyve/envs/demo/conda-meta; printf 2 >.pyve/envs/demo/what; finish_conda_env; commit_change'
  assert_equal "$(cat .pyve/envs/demo/what)" 2
  assert_equal "$(ls -A .pyve/envs)" demo
}
