#!/usr/bin/env bats
# lib/completion*.sh: what may stand at the end of a command line, as
# `pyve complete` answers it.
#
# shellcheck disable=SC2016 # code and hostile names in single quotes are meant to stay as they are

bats_require_minimum_version 1.5.0
load ../helpers/test_helper

setup() {
  setup_project
}

# Usage: complete_words [word]...
# Sets ANSWER to what `pyve complete` says, with every tab as "|"; nothing may come on stderr.
complete_words() {
  run -0 --separate-stderr pyve complete -- "$@"
  assert_equal "$stderr" ""
  ANSWER=${output//$'\t'/|}
}

# Usage: list_candidates [word]...
# Sets ANSWER to the candidates alone.
list_candidates() {
  local line
  complete_words "$@"
  ANSWER=""
  while IFS= read -r line; do
    ANSWER+=${ANSWER:+$'\n'}${line%%$'\t'*}
  done <<<"$output"
}

# Usage: make_room <name>
# Makes TREE, a copy of Pyve, and in it a room with the header on stdin.
make_room() {
  TREE="$BATS_TEST_TMPDIR/a tree"
  mkdir -p "$TREE"
  cp -R "$PYVE_TREE/pyve.sh" "$PYVE_TREE/lib" "$TREE/"
  cat - >"$TREE/lib/commands/$1.sh"
  PYVE_TREE=$TREE
}

# Usage: make_environment <folder> [program]...
make_environment() {
  local name
  mkdir -p -- "$1/bin"
  printf 'home = /usr\nversion = 3.12.4\n' >"$1/pyvenv.cfg"
  for name in "${@:2}"; do
    printf '#!/bin/sh\n' >"$1/bin/$name"
    chmod +x -- "$1/bin/$name"
  done
}

# Usage: make_interpreters <folder> <version>...
# Interpreters that tell when they are started, each in a folder of its version.
make_interpreters() {
  local version
  for version in "${@:2}"; do
    mkdir -p "$1/$version/bin"
    printf '#!/bin/sh\n: >"%s/started"\n' "$BATS_TEST_TMPDIR" >"$1/$version/bin/python3"
    chmod +x "$1/$version/bin/python3"
  done
}

@test "the modules can be read alone, in strict mode, and not be run" {
  local module
  for module in completion completion_values completion_pythons completion_programs headers; do
    run -0 env -i PATH="$PATH" bash -c 'set -euo pipefail; . "$1/lib/$2.sh"; declare -F split_option' _ "$PYVE_TREE" "$module"
    assert_equal "$output" split_option
    run -1 bash "$PYVE_TREE/lib/$module.sh"
    assert_contains "$output" "is sourced by pyve.sh"
  done
}

@test "commands come with their summaries, and plumbing is not offered" {
  complete_words ini
  assert_equal "$ANSWER" "init|Make the project's environment"
  list_candidates ""
  assert_contains "$ANSWER" $'\npurge\n'
  assert_contains "$ANSWER" $'\nself\n'
  refute_contains "$ANSWER" complete
  complete_words nonsense
  assert_equal "$ANSWER" ""
}

@test "without --, as before" {
  run -0 pyve complete ini
  assert_equal "$output" $'init\tMake the project'\''s environment'
  run -0 pyve complete init --fo
  assert_contains "$output" --force
  run -0 pyve complete
  assert_contains "$output" $'init\t'
}

@test "commands after global options, and the global options themselves" {
  list_candidates -C / ini
  assert_equal "$ANSWER" init
  list_candidates -q --json -v ini
  assert_equal "$ANSWER" init
  list_candidates --format=json ini
  assert_equal "$ANSWER" init
  list_candidates --format jsonl ini
  assert_equal "$ANSWER" init
  list_candidates --format js
  assert_equal "$ANSWER" $'json\njsonl'
  complete_words --j
  assert_equal "$ANSWER" "--json|Answer with one JSON document on stdout"
  list_candidates -
  assert_equal "$ANSWER" $'-C\n--quiet\n-q\n--verbose\n-v\n--no-wait\n--json\n--format\n--help\n-h'
  list_candidates -q -
  refute_contains "$ANSWER" quiet
  complete_words -C ""
  assert_equal "$ANSWER" ":folders 0"
  complete_words init -C x
  assert_equal "$ANSWER" ":folders 0"
}

@test "options of a command, long and short, with their texts" {
  complete_words init --forc
  assert_equal "$ANSWER" "--force|Make the environment anew, in place of the existing one"
  list_candidates init -
  assert_contains "$ANSWER" $'\n--yes\n-y\n'
  assert_contains "$ANSWER" $'\n--json\n'
  list_candidates init --
  refute_contains "$ANSWER" $'\n-y\n'
  complete_words nonsense --
  assert_equal "$ANSWER" ""
  complete_words ../../x --
  assert_equal "$ANSWER" ""
}

@test "an option that is there is not offered again, nor in its other spelling" {
  list_candidates init --force -y --backend venv --
  refute_contains "$ANSWER" --force
  refute_contains "$ANSWER" --yes
  refute_contains "$ANSWER" --backend
  assert_contains "$ANSWER" --deps
  list_candidates init --backend=venv --back
  assert_equal "$ANSWER" ""
  list_candidates -q -C / init --verbose --
  refute_contains "$ANSWER" --quiet
  refute_contains "$ANSWER" --verbose
  assert_contains "$ANSWER" --json
  # Here it is a value.
  list_candidates testenv -r --install --i
  assert_equal "$ANSWER" $'--init\n--install'
}

@test "a command is known by its other spellings" {
  list_candidates --init --forc
  assert_equal "$ANSWER" --force
  list_candidates -i --forc
  assert_equal "$ANSWER" --force
  list_candidates -p --keep
  assert_equal "$ANSWER" --keep-testenv
  list_candidates --help ini
  assert_equal "$ANSWER" init
}

@test "an option that stands in other Usage lines only is not offered" {
  list_candidates self install --y
  assert_equal "$ANSWER" ""
  list_candidates self uninstall --y
  assert_equal "$ANSWER" --yes
  list_candidates init .venv --up
  assert_equal "$ANSWER" ""
}

@test "values by the name they have in the header" {
  list_candidates init --backend ""
  assert_equal "$ANSWER" $'venv\nmicromamba\nauto'
  complete_words init --backend=m
  assert_equal "$ANSWER" "--backend=micromamba|A conda environment, made by micromamba"
  complete_words testenv -r ""
  assert_equal "$ANSWER" ":files 0"
  complete_words testenv --install --requirement=re
  assert_equal "$ANSWER" ":files 14"
  complete_words init --force=x
  assert_equal "$ANSWER" ""
  list_candidates self completions ""
  assert_equal "$ANSWER" $'bash\nzsh\nfish'
  list_candidates help ini
  assert_equal "$ANSWER" init
  complete_words help init ""
  assert_equal "$ANSWER" ""
  complete_words test ""
  assert_equal "$ANSWER" ":files 0"
  complete_words test -- -
  assert_equal "$ANSWER" ":files 0"
  complete_words test a b c
  assert_equal "$ANSWER" ":files 0"
}

@test "an empty word with nothing else to say gets the command's own options" {
  list_candidates testenv ""
  assert_equal "$ANSWER" $'--init\n--install\n--requirement\n-r\n--purge'
  list_candidates validate ""
  assert_equal "$ANSWER" ""
}

@test "Python versions of all managers and of PATH, the newest first, without starting one" {
  local bin="$BATS_TEST_TMPDIR/bin"
  make_interpreters "$HOME/.pyenv/versions" 3.10.2 3.9.19 3.14.0rc1 3.8.1 pypy3.10-7.3.15
  make_interpreters "$HOME/.asdf/installs/python" 3.12.4
  make_interpreters "$HOME/.local/share/mise/installs/python" 3.11.9 3.12.4
  make_interpreters "$HOME/.local/share/uv/python" cpython-3.13.1-linux-x86_64-gnu
  mkdir "$bin"
  printf '#!/bin/sh\n: >"%s/started"\n' "$BATS_TEST_TMPDIR" | tee "$bin/python3" "$bin/python3.9" "$bin/pyenv" "$bin/uv" >"$bin/mise"
  chmod +x "$bin"/*
  run -0 --separate-stderr env PATH="$bin" /bin/bash "$PYVE_TREE/pyve.sh" complete -- init --python-version ""
  assert_equal "$stderr" ""
  assert_equal "${output//$'\t'/|}" "3.13.1|uv
3.12.4|asdf
3.11.9|mise
3.10.2|pyenv
3.9.19|pyenv
3.9|$bin/python3.9
3.14.0rc1|pyenv"
  [ ! -e "$BATS_TEST_TMPDIR/started" ]
  run -0 env PATH="$bin" /bin/bash "$PYVE_TREE/pyve.sh" complete -- python-version 3.12
  assert_equal "$output" $'3.12.4\tasdf'
  run -0 env PATH="$bin" /bin/bash "$PYVE_TREE/pyve.sh" complete -- python use 3.12
  assert_equal "$output" $'3.12.4\tasdf'
}

@test "what an interpreter once said of itself is remembered, unless it has changed since" {
  local bin="$BATS_TEST_TMPDIR/bin" memory
  mkdir "$bin"
  printf '#!/bin/sh\n' >"$bin/python3"
  chmod +x "$bin/python3"
  memory="$HOME/.cache/pyve/interpreters/${bin//\//%}%python3"
  mkdir -p "${memory%/*}"
  printf 'version=3.12.7\nimplementation=cpython\ncomplete=1\n' >"$memory"
  touch -t 202001010000 "$bin/python3"
  run -0 env PATH="$bin" /bin/bash "$PYVE_TREE/pyve.sh" complete -- init --python-version ""
  assert_equal "$output" $'3.12.7\t'"$bin/python3"
  touch -t 202001010000 "$memory"
  touch -t 202101010000 "$bin/python3"
  run -0 env PATH="$bin" /bin/bash "$PYVE_TREE/pyve.sh" complete -- init --python-version ""
  assert_equal "$output" ""
}

@test "environments of the folder, whatever their names are" {
  make_environment .venv
  make_environment "my env"
  make_environment "it's \$x \"é\" a:b"
  make_environment "-lead"
  make_environment $'line\nend'
  mkdir src
  ln -s nowhere gone
  complete_words purge ""
  assert_equal "$ANSWER" 'it'\''s $x "é" a:b|Python 3.12.4
my env|Python 3.12.4
.venv|Python 3.12.4'
  list_candidates init m
  assert_equal "$ANSWER" "my env"
  # Before --, it would be taken for an option.
  list_candidates purge -- -
  assert_equal "$ANSWER" "-lead"
  list_candidates purge -
  refute_contains "$ANSWER" -lead
  mkdir elsewhere
  list_candidates -C elsewhere purge .
  assert_equal "$ANSWER" ""
}

@test "run offers the environment's programs, then those on PATH that begin as the word does" {
  make_environment "an env:é" black blacken
  : >"an env:é/bin/blackest"
  mkdir -p .pyve sub bin2 bin3
  printf 'backend: venv\nvenv:\n  directory: "an env:é"\n' >.pyve/config
  printf '#!/bin/sh\n' | tee bin2/black bin2/blast bin2/white >bin3/blast
  chmod +x bin2/* bin3/*
  cd sub
  PATH="$PROJECT/bin2:$PROJECT/bin3" run -0 /bin/bash "$PYVE_TREE/pyve.sh" complete -- run ""
  assert_equal "${output//$'\t'/|}" $'black|an env:é/bin\nblacken|an env:é/bin'
  PATH="$PROJECT/bin2:$PROJECT/bin3" run -0 /bin/bash "$PYVE_TREE/pyve.sh" complete -- -q run -- bla
  assert_equal "${output//$'\t'/|}" $'black|an env:é/bin\nblacken|an env:é/bin\nblast|'"$PROJECT/bin2"
  complete_words run ./b
  assert_equal "$ANSWER" ":files 0"
  cd /
  list_candidates -C "$PROJECT/sub" run blacke
  assert_equal "$ANSWER" blacken
}

@test "run offers the scripts here, too" {
  mkdir -p "a folder"
  : >job.py
  : >job.txt
  : >"a folder/job two.py"
  : >-odd.py
  list_candidates run jo
  assert_contains "$ANSWER" job.py
  refute_contains "$ANSWER" job.txt
  list_candidates run "a folder/"
  assert_contains "$ANSWER" "a folder/job two.py"
  list_candidates run ""
  refute_contains "$ANSWER" odd
}

@test "what follows the program is the shell's to complete" {
  complete_words run ls -l ""
  assert_equal "$ANSWER" ":command 2"
  complete_words -C / run -- ls --color=a
  assert_equal "$ANSWER" ":command 5"
  complete_words --json run --verbose ls init --
  assert_equal "$ANSWER" ":command 4"
}

@test "the environment of a conda project" {
  make_environment .pyve/envs/science tool
  printf 'backend: micromamba\nmicromamba:\n  env_name: science\n' >.pyve/config
  complete_words run to
  assert_contains "$ANSWER" "tool|.pyve/envs/science/bin"
}

@test "a broken config, no project, no HOME and a folder that is not there do no harm" {
  mkdir .pyve
  printf '\0\n: [ {"x\n\t- -\nvenv: \n' >.pyve/config
  list_candidates run ""
  list_candidates ini
  assert_equal "$ANSWER" init
  chmod 000 .pyve/config
  complete_words run ""
  list_candidates -C /not/there ini
  assert_equal "$ANSWER" init
  complete_words -C /not/there run ""
  run -0 --separate-stderr env -i PATH="/usr/bin:/bin" "$PYVE_TREE/pyve.sh" complete -- init --python-version 9
  assert_equal "$output$stderr" ""
  complete_words '$(touch made)' '`touch made`' ""
  complete_words init '--$(touch made)='
  complete_words ""
  [ ! -e made ]
}

@test "with --all, what does not begin as the word does is offered, too" {
  run -0 pyve complete --all -- inx
  assert_contains "$output" $'purge\t'
  run -0 pyve complete --all -- init --backend=z
  assert_contains "$output" $'--backend=venv\t'
  run -0 pyve complete --all -- init --zz
  assert_contains "$output" $'--force\t'
}

@test "self completions prints the script of a shell" {
  run -0 --separate-stderr pyve self completions bash
  assert_equal "$output" "$(cat "$PYVE_TREE/lib/shell/completions/pyve.bash")"
  run -0 pyve self completions zsh
  assert_equal "$output" "$(cat "$PYVE_TREE/lib/shell/completions/_pyve")"
  run -0 pyve self completions fish
  assert_equal "$output" "$(cat "$PYVE_TREE/lib/shell/completions/pyve.fish")"
  run -0 pyve --json self completions fish
  assert_contains "$output" '"script": "# Completion of pyve for fish'
  run -1 --separate-stderr pyve self completions
  assert_contains "$stderr" "bash, zsh, fish"
  run -1 --separate-stderr pyve self completions zhs
  assert_equal "$output" ""
  assert_contains "$stderr" "pyve self completions zsh"
  run -1 pyve self completions bash zsh
  run -1 --separate-stderr pyve self completion
  assert_contains "$stderr" "did you mean 'completions'?"
  run -1 --separate-stderr pyve self other
  assert_contains "$stderr" "install, update, uninstall, completions"
}

@test "the completion scripts are right in their own shells, and loading init twice is harmless" {
  local shell file
  for shell in bash zsh fish; do
    command -v "$shell" >/dev/null || continue
    file="$PYVE_TREE/lib/shell/completions/pyve.$shell"
    [ "$shell" != zsh ] || file="$PYVE_TREE/lib/shell/completions/_pyve"
    "$shell" -n "$file"
    run -0 --separate-stderr "$shell" -c ". '$PYVE_TREE/lib/shell/init.$shell'; . '$PYVE_TREE/lib/shell/init.$shell'; echo loaded"
    assert_equal "$output$stderr" loaded
  done
}

@test "with --json the answer is in the document" {
  run -0 pyve --json complete -- ini
  assert_contains "$output" '"text": "init\tMake the project'
  assert_equal "${#lines[@]}" 1
}

@test "a new room is completed by its header alone" {
  make_room hello <<'END'
# Summary: Say hello
# Group: Agents
# Usage: pyve hello NAME | --all
# Usage: pyve hello list|show FILE... [--tag TAG]...
# Usage: pyve hello play|stop COLOUR COMMAND [ARGUMENT]...
# Usage: pyve hello with [OPTION]... INSTALLED PATH
# Argument: NAME ann|bob
# Argument: TAG folders
# Argument: list  List what there is
# Argument: COLOUR red|dark blue
# Argument: COMMAND programs
# Option: --all  Everyone
# Option: -t, --tag TAG  A tag
# Option: --once  Once only
# Option: --more FILE...  As often as you like

END
  complete_words hel
  assert_contains "$ANSWER" "hello|Say hello"
  complete_words hello ""
  assert_equal "$ANSWER" $'ann|\nbob|\nlist|List what there is\nshow|\nplay|\nstop|\nwith|'
  list_candidates hello --
  assert_contains "$ANSWER" $'--all\n--tag\n--once\n--more\n'
  complete_words hello list ""
  assert_equal "$ANSWER" ":files 0"
  complete_words hello list a b c
  assert_equal "$ANSWER" ":files 0"
  list_candidates hello list a --tag x --once --
  assert_contains "$ANSWER" $'--tag\n'
  refute_contains "$ANSWER" --once
  refute_contains "$ANSWER" --all
  list_candidates hello list a --more x --mo
  assert_equal "$ANSWER" --more
  complete_words hello list a --more x --more ""
  assert_equal "$ANSWER" ":files 0"
  complete_words hello list a -t ""
  assert_equal "$ANSWER" ":folders 0"
  complete_words hello list a --tag=x
  assert_equal "$ANSWER" ":folders 6"
  list_candidates hello play d
  assert_equal "$ANSWER" "dark blue"
  complete_words hello play red ls x
  assert_equal "$ANSWER" ":command 4"
  # OPTION stands for the options, and is no argument; tools are what is installed.
  mkdir -p "$HOME/.local/share/pyve/tools/black" "$HOME/.local/share/pyve/tools/ruff"
  list_candidates hello with ""
  assert_equal "$ANSWER" $'black\nruff'
  complete_words hello with --once ruff ""
  assert_equal "$ANSWER" ":files 0"
}

@test "profiles are offered: the given ones, and those of the config" {
  mkdir -p .pyve deep
  printf 'run:\n  profiles:\n    slow:\n      flags:\n        - -v\n' >.pyve/config
  cd deep
  complete_words run --profile ""
  assert_contains "$ANSWER" $'\nbench|as alike'
  list_candidates run --profile=
  assert_equal "$ANSWER" $'--profile=dev\n--profile=prod\n--profile=bench\n--profile=slow'
  list_candidates profile show s
  assert_equal "$ANSWER" slow
}

@test "no process is started, and no Python" {
  type -P strace >/dev/null || skip "strace is not installed: cannot see which processes are started"
  local words
  make_environment .venv tool
  for words in i "init --b" "init --backend v" "run t" "purge ." "init --python-version 3" "test x"; do
    # shellcheck disable=SC2086 # several words
    strace -f -qq -e trace=process -o "$BATS_TEST_TMPDIR/trace" "$PYVE_TREE/pyve.sh" complete -- $words >/dev/null
    run -1 grep -E '(^|[^_])(clone|fork|vfork)[0-9]*\(' "$BATS_TEST_TMPDIR/trace"
    assert_equal "$(grep -c 'execve(' "$BATS_TEST_TMPDIR/trace")" 1
  done
}

# Usage: check_header <file>
# True when completion understands every option and every argument line of the room.
check_header() {
  local line name usage
  read_header "$1"
  for line in ${header_option[@]+"${header_option[@]}"}; do
    split_option "$line"
    if [[ -z $option_long || -z $option_text || $option_form == "$line" ]]; then
      printf 'not understood in %s: %s\n' "$1" "$line" >&2
      return 1
    fi
  done
  usage="${header_usage[*]} ${header_option[*]-} "
  for line in ${header_argument[@]+"${header_argument[@]}"}; do
    name=${line%%[[:space:]]*}
    assert_contains " ${usage//[][|.]/ } " " $name "
  done
}

@test "every option and every argument of every room is one that completion understands" {
  load_lib completion
  local file
  for file in "$PYVE_TREE/lib/commands"/*.sh; do
    check_header "$file"
  done
}
