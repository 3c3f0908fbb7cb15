#!/usr/bin/env bats
# shellcheck disable=SC2016 # code and hostile texts in single quotes are meant to stay as they are
# The command line: commands, options, global options, wrong words. Nothing is done when
# anything is wrong.

bats_require_minimum_version 1.5.0
load ../helpers/test_helper

setup() {
  setup_project
}

# Usage: assert_untouched
# The project is as empty as it was.
assert_untouched() {
  assert_equal "$(find . -mindepth 1)" ""
}

# Usage: assert_refused <code> <argument>...
# pyve ends with status 1 and this code, says nothing on stdout, and touches nothing.
assert_refused() {
  local code=$1
  shift
  run -1 --separate-stderr pyve "$@" </dev/null
  assert_equal "$output" ""
  assert_contains "$stderr" "[$code]"
  assert_untouched
}

@test "an unknown command is refused, and nothing is done" {
  assert_refused E_USAGE_COMMAND frobnicate
  assert_contains "$stderr" "pyve help"
}

@test "a misspelt command is answered with the one that was meant" {
  local word meant
  while read -r word meant; do
    assert_refused E_USAGE_COMMAND "$word"
    assert_contains "$stderr" "did you mean '$meant'?"
  done <<'END'
inti init
ini init
--inti init
prge purge
--purg purge
docter doctor
valdate validate
rnu run
instal install
--uninstal uninstall
tesetnv testenv
confg config
END
}

@test "a word that resembles no command is answered without a guess" {
  assert_refused E_USAGE_COMMAND zzzzzzzz
  refute_contains "$stderr" "did you mean"
}

@test "words that are no names of rooms open no file" {
  local word
  for word in ../utils commands/init .. / 'a b' '' '-x' '---' 'init.sh' '$(touch pwned)' '*' $'init\n'; do
    [[ -n $word ]] || continue
    assert_refused E_USAGE_COMMAND "$word"
  done
}

@test "a misspelt option is refused with the one that was meant, and nothing is done" {
  local line words meant
  while IFS='|' read -r line meant; do
    read -r -a words <<<"$line"
    assert_refused E_USAGE_OPTION "${words[@]}"
    assert_contains "$stderr" "did you mean '$meant'?"
  done <<'END'
init --froce|--force
init --no-dierenv|--no-direnv
--init --updat|--update
purge --keep-tesetnv|--keep-testenv
init --pyton-version 3.12|--python-version
testenv --intall|--install
doctor --jsn|--json
END
}

@test "an option that does not exist is refused by every room" {
  local file room
  for file in "$PYVE_TREE/lib/commands"/*.sh; do
    room=${file##*/}
    room=${room%.sh}
    # These take any word, or hand it on.
    [[ " complete fmt lint test typecheck " != *" $room "* ]] || continue
    assert_refused E_USAGE_OPTION "$room" --no-such-option-at-all
  done
}

@test "an option without the value it needs is refused" {
  assert_refused E_USAGE_VALUE init --python-version
  assert_refused E_USAGE_VALUE init --backend
  assert_refused E_USAGE_VALUE init --backend --force
  assert_refused E_USAGE_VALUE testenv --install -r
  assert_refused E_USAGE_VALUE init --backend=
  assert_refused E_USAGE_VALUE init --python-version=
}

@test "a value for an option that takes none is refused" {
  assert_refused E_USAGE_VALUE init --force=yes
  assert_refused E_USAGE_VALUE purge --keep-testenv=1
}

@test "a value may follow with a blank or an equals sign" {
  assert_refused E_BACKEND_UNKNOWN init --backend nonsense
  assert_refused E_BACKEND_UNKNOWN init --backend=nonsense
}

@test "an argument too many is refused" {
  assert_refused E_USAGE_ARGUMENT init one two
  assert_refused E_USAGE_ARGUMENT purge one two
  assert_refused E_USAGE_ARGUMENT doctor one
  assert_refused E_USAGE_ARGUMENT validate one
  assert_refused E_USAGE_ARGUMENT version one
  assert_refused E_USAGE_ARGUMENT config one
  assert_refused E_USAGE_ARGUMENT python-version 3.11 3.12
}

@test "an unknown option of run is refused, and the command behind it is not run" {
  assert_refused E_USAGE_OPTION run --bogus touch pwned
}

@test "every command can be spelt as a flag" {
  local file room
  for file in "$PYVE_TREE/lib/commands"/*.sh; do
    room=${file##*/}
    room=${room%.sh}
    run -0 pyve "--$room" --help
    assert_contains "$output" "pyve $room"
  done
}

@test "the short spellings open the same rooms" {
  assert_equal "$(pyve -v)" "$(pyve version)"
  assert_equal "$(pyve --version)" "$(pyve version)"
  assert_equal "$(pyve -h)" "$(pyve help)"
  assert_equal "$(pyve --help)" "$(pyve help)"
  assert_equal "$(pyve -c)" "$(pyve config)"
  assert_equal "$(pyve --config)" "$(pyve config)"
  assert_equal "$(pyve -i --help)" "$(pyve help init)"
  assert_equal "$(pyve -p --help)" "$(pyve help purge)"
}

@test "-C works in another folder, before or behind the command" {
  mkdir -p "other place/.pyve"
  printf 'backend: venv\n' >"other place/.pyve/config"
  run -0 pyve -C "other place" config
  assert_contains "$output" "other place/.pyve/config"
  run -0 pyve config -C "other place"
  assert_contains "$output" "other place/.pyve/config"
}

@test "-C takes a folder that begins with a dash, and CDPATH does not lead it astray" {
  mkdir -p -- "-odd/.pyve" elsewhere/sub/.pyve sub
  printf 'backend: venv\n' >"-odd/.pyve/config"
  printf 'backend: venv\n' >elsewhere/sub/.pyve/config
  run -0 pyve -C ./-odd config
  assert_contains "$output" "-odd/.pyve/config"
  CDPATH=$PWD/elsewhere run -0 --separate-stderr pyve -C sub config
  refute_contains "$output" elsewhere
}

@test "-C without a folder, or with one that is not there, is refused" {
  assert_refused E_USAGE_DIRECTORY -C
  assert_refused E_USAGE_DIRECTORY -C nowhere init
  assert_refused E_USAGE_DIRECTORY init -C nowhere
}

@test "--quiet leaves out the talk, not the errors" {
  run -0 pyve -q purge
  assert_equal "$output" ""
  run -0 pyve purge --quiet
  assert_equal "$output" ""
  run -1 pyve -q frobnicate
  assert_contains "$output" ERROR
}

@test "-v alone is the version, with a command it is --verbose" {
  assert_equal "$(pyve -v)" "pyve 2.0.0"
  assert_equal "$(pyve -v version)" "pyve 2.0.0"
}

@test "the command's help is shown instead of doing it" {
  run -0 pyve init --help
  assert_contains "$output" "Usage: pyve init"
  run -0 pyve purge -h
  assert_contains "$output" "Usage: pyve purge"
  run -0 pyve run --help
  assert_contains "$output" "Usage: pyve run"
  run -0 pyve init --force --help
  assert_contains "$output" "Usage: pyve init"
  assert_untouched
}

@test "pyve finds its files through a chain of links, relative ones too" {
  mkdir -p "bin dir" "other dir"
  ln -s "$PYVE_TREE/pyve.sh" "other dir/real"
  ln -s "../other dir/real" "bin dir/pyve"
  ln -s "bin dir/pyve" link
  run -0 ./link version
  assert_equal "$output" "pyve 2.0.0"
  PATH="$PWD/bin dir:$PATH" run -0 command pyve --version
  assert_equal "$output" "pyve 2.0.0"
}

@test "pyve works when it is called by a relative path and with CDPATH set" {
  ln -s "$PYVE_TREE" tree
  CDPATH=/tmp:. run -0 tree/pyve.sh version
  assert_equal "$output" "pyve 2.0.0"
  cd tree
  run -0 bash pyve.sh version
  assert_equal "$output" "pyve 2.0.0"
}

@test "pyve works without HOME and with an empty environment" {
  run -0 env -i PATH="$PATH" "$PYVE_TREE/pyve.sh" version
  assert_equal "$output" "pyve 2.0.0"
  run -0 env -i PATH="$PATH" "$PYVE_TREE/pyve.sh" config
  run -0 env -i PATH="$PATH" "$PYVE_TREE/pyve.sh" help
}

@test "readers write nothing into a folder without a project" {
  local room
  for room in config doctor validate help version "python-version" "run true" purge; do
    # shellcheck disable=SC2086 # words
    run pyve $room </dev/null
    assert_untouched
  done
}

# --- the parts

# Usage: make_room <header line>...
# Makes a tree with one room, demo, that prints what parse_options made of its arguments.
make_room() {
  mkdir -p tree/lib/commands
  cp "$PYVE_TREE/pyve.sh" tree/
  cp "$PYVE_TREE/lib"/*.sh tree/lib/
  {
    printf '# Summary: demo\n# Group: Environment\n# Usage: pyve demo\n'
    printf '# %s\n' "$@"
    printf '\ncmd_demo() {\n  need utils cli\n  parse_options "$@" || return 1\n'
    printf '  printf "flag=%%s name=%%s yes=%%s\\n" "$opt_my_flag" "$opt_name" "$PYVE_YES"\n'
    printf '  printf "<%%s>\\n" ${ARGS[@]+"${ARGS[@]}"}\n}\n'
  } >tree/lib/commands/demo.sh
}

@test "parse_options follows the room's header" {
  make_room 'Option: -f, --my-flag  A flag' 'Option: -n, --name NAME  A value' 'Option: -y, --yes  Yes'
  run -0 tree/pyve.sh demo
  assert_equal "$output" $'flag= name= yes=\n<>'
  run -0 tree/pyve.sh demo a -f "b c" --yes
  assert_equal "$output" $'flag=1 name= yes=1\n<a>\n<b c>'
  run -0 tree/pyve.sh demo --name=x=y --my-flag -
  assert_equal "$output" $'flag=1 name=x=y yes=\n<->'
  run -0 tree/pyve.sh demo -n -
  assert_equal "$output" $'flag= name=- yes=\n<>'
}

@test "behind -- everything is an argument" {
  make_room 'Option: -f, --my-flag  A flag' 'Option: -n, --name NAME  A value'
  run -0 tree/pyve.sh demo -f -- -n --bogus --
  assert_equal "$output" $'flag=1 name= yes=\n<-n>\n<--bogus>\n<-->'
}

@test "options do not come in from the environment" {
  make_room 'Option: -f, --my-flag  A flag' 'Option: -n, --name NAME  A value'
  opt_my_flag=1 opt_name=evil ARGS=x PYVE_YES=1 PYVE_JSON=1 PYVE_QUIET=1 run -0 tree/pyve.sh demo
  assert_equal "$output" $'flag= name= yes=\n<>'
}

@test "suggest finds swapped, missing, additional and wrong letters, and beginnings" {
  load_lib cli
  local word meant
  while read -r word meant; do
    suggest "$word" init purge doctor validate version testenv
    assert_equal "$REPLY" "$meant"
  done <<'END'
inti init
int init
innit init
inot init
valid validate
doktor doctor
END
  suggest banana init purge doctor
  assert_equal "$REPLY" ""
  suggest x init purge
  assert_equal "$REPLY" ""
}

@test "edit_distance counts insertions, deletions, substitutions and swaps" {
  load_lib cli
  local a b distance
  while read -r a b distance; do
    edit_distance "$a" "$b"
    assert_equal "$a $b $REPLY" "$a $b $distance"
    edit_distance "$b" "$a"
    assert_equal "$a $b $REPLY" "$a $b $distance"
  done <<'END'
init init 0
init inti 1
init int 1
kitten sitting 3
ca abc 3
purge urge 1
ab ba 1
END
  edit_distance "" abc
  assert_equal "$REPLY" 3
}
