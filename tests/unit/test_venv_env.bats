#!/usr/bin/env bats
# shellcheck disable=SC2016 # code and hostile texts in single quotes are meant to stay as they are
# shellcheck disable=SC2030,SC2031 # bats runs every test in a process of its own
# shellcheck disable=SC2164 # a failed cd ends the test
# lib/venv_env.sh: environments made from a template, swapped in whole, mended when moved.

bats_require_minimum_version 1.5.0
load ../helpers/test_helper

# The template and the environments in folders of every name are made once: making them is most
# of the time that these tests take. Tests only read those environments.
setup_file() {
  local BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR name
  find_real_python
  export REAL_PYTHON
  setup_project
  load_lib utils project_lock venv_env
  probe_interpreter "$REAL_PYTHON"
  ensure_template
  while IFS= read -r name; do
    mkdir -- "$PROJECT/$name"
    cd -- "$PROJECT/$name"
    build
  done < <(hostile_names)
}

setup() {
  setup_project
  load_lib utils project_lock venv_env
  # No version manager of the machine, no uv: the environment's own pip does the work.
  mkdir "$BATS_TEST_TMPDIR/bin"
  ln -s "$REAL_PYTHON" "$BATS_TEST_TMPDIR/bin/python3"
  PATH=$BATS_TEST_TMPDIR/bin:/usr/bin:/bin
  export PYVE_PYTHON_DOWNLOADS=never
  probe_interpreter "$REAL_PYTHON"
  ensure_template
}

# Usage: build [name]
# Makes .venv in the current folder.
build() {
  build_environment venv "$PWD/.venv" "${1:-${PWD##*/}}"
  rm -rf .pyve/tmp
}

# Usage: make_project
# An environment with what init writes about it, without the time that takes.
make_project() {
  build
  config_set pyve_version "$VERSION" backend venv venv.directory .venv
  (umask 077 && : >.env)
}

# Usage: hostile_names
# Names of folders that shells like to misread, one a line.
hostile_names() {
  cat <<'END'
plain
two words
it's
say "hi"
$(touch pwned)
`touch pwned`
a&b
!wow!!
-dash
ünï ☃
back\slash
a\x41
two\\back
end\
$HOME
#hash
semi;touch pwned
a'b"c
%d%s
*star?[x]
~tilde
=equals
END
}

# Usage: list_hostile
# Sets FOLDERS to the folders of the environments that setup_file made.
list_hostile() {
  local name
  FOLDERS=()
  while IFS= read -r name; do
    FOLDERS+=("$BATS_FILE_TMPDIR/my project/$name")
  done < <(hostile_names)
}

# Usage: assert_nothing_executed
assert_nothing_executed() {
  assert_equal "$(find "$BATS_TEST_TMPDIR" "$BATS_FILE_TMPDIR" -name pwned)" ""
}

# Usage: expected_activation
# What each shell prints for FOLDERS: place, first of PATH, prompt name, then after deactivate.
expected_activation() {
  local folder
  for folder in "${FOLDERS[@]}"; do
    printf '%s\n' "$folder/.venv" "$folder/.venv/bin" "$folder/.venv/bin/python" "restored"
  done
}

# Usage: make_wheel <name> [line of code]
# Makes a wheel with a module and a console script of this name in the current folder. Sets WHEEL.
make_wheel() {
  WHEEL=$PWD/$1-1.0-py3-none-any.whl
  "$REAL_PYTHON" -I - "$WHEEL" "$1" "${2-}" <<'END'
import sys, zipfile
path, name, code = sys.argv[1:]
info = name + "-1.0.dist-info/"
files = {
    name + ".py": "import sys\ndef main():\n    print('hello from', sys.prefix)\n" + code + "\n",
    info + "METADATA": "Metadata-Version: 2.1\nName: %s\nVersion: 1.0\n" % name,
    info + "WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    info + "entry_points.txt": "[console_scripts]\n%s = %s:main\n" % (name, name),
}
with zipfile.ZipFile(path, "w") as archive:
    for file, text in files.items():
        archive.writestr(file, text)
    archive.writestr(info + "RECORD", "".join(file + ",,\n" for file in [*files, info + "RECORD"]))
END
}

# Usage: digest_tree <folder>
# Prints a line for each file: checksum, mode and name.
digest_tree() {
  (cd "$1" && find . -type f -exec cksum {} + && find . -exec ls -ld {} + | cut -c1-10) | LC_ALL=C sort
}

# Usage: within <seconds> <command>...
# Runs the command; status 99 when it does not end in time.
within() {
  local limit=$(($1 * 20)) i pid
  shift
  "$@" 3>&- &
  pid=$!
  for ((i = 0; i < limit; i++)); do
    if ! kill -0 "$pid" 2>/dev/null; then
      wait "$pid"
      return
    fi
    sleep 0.05
  done
  kill -9 "$pid"
  wait "$pid" 2>/dev/null || :
  return 99
}

# --- making

@test "an environment has the layout of PEP 405, and works at its place" {
  build
  assert_contains "$(cat .venv/pyvenv.cfg)" "home = "
  assert_contains "$(cat .venv/pyvenv.cfg)" "include-system-site-packages = false"
  run -0 .venv/bin/python -c 'import sys; print(sys.prefix); print(sys.base_prefix != sys.prefix); print(sys.executable)'
  assert_equal "$output" "$PWD/.venv
True
$PWD/.venv/bin/python"
  [ -x .venv/bin/python3 ] && [ -x ".venv/bin/python${PYTHON_VERSION%.*}" ]
}

@test "the environment's interpreter is the real one, no shim and no link to another environment" {
  build
  local target
  target=$("$REAL_PYTHON" -I -c 'import os, sys; print(os.path.realpath(sys.argv[1]))' .venv/bin/python)
  assert_equal "$target" "$("$REAL_PYTHON" -I -c 'import os, sys; print(os.path.realpath(sys.argv[1]))' "$PYTHON")"
  refute_contains "$target" shims
}

@test "pip works as a module and as each of its scripts, and sees only this environment" {
  build
  run -0 --separate-stderr .venv/bin/python -m pip --version
  assert_contains "$output" "(python ${PYTHON_VERSION%.*})"
  local script
  for script in pip pip3; do
    run -0 --separate-stderr ".venv/bin/$script" --version
    assert_contains "$output" "(python ${PYTHON_VERSION%.*})"
  done
  run -0 --separate-stderr .venv/bin/pip --disable-pip-version-check list --format=freeze
  [[ $output == pip==* && $output != *$'\n'* ]]
}

@test "pip installs into it and uninstalls from it" {
  build
  make_wheel demo
  run -0 .venv/bin/pip install --no-index --disable-pip-version-check "$WHEEL"
  run -0 .venv/bin/demo
  assert_equal "$output" "hello from $PWD/.venv"
  run -0 .venv/bin/pip uninstall --yes --disable-pip-version-check demo
  [ ! -e .venv/bin/demo ]
}

@test "another pip that is installed into it goes before the one it came with, there only" {
  build
  mkdir ../other
  (cd ../other && build)
  make_wheel pip
  run -0 .venv/bin/python -m pip install --no-index --disable-pip-version-check "$WHEEL"
  run -0 .venv/bin/python -c 'import pip; print(pip.__file__)'
  assert_contains "$output" "$PWD/.venv/lib/"
  run -0 .venv/bin/pip
  assert_equal "$output" "hello from $PWD/.venv"
  run -0 ../other/.venv/bin/pip --version
}

@test "when the templates are gone doctor says what mends pip, and that loses no package" {
  export PYVE_TEMPLATES=$BATS_TEST_TMPDIR/templates
  ensure_template
  make_project
  fill_environment
  rm -rf "$PYVE_TEMPLATES"
  # It may work all the same.
  if ! .venv/bin/pip --version; then
    run pyve doctor
    assert_contains "$output" "fix: pyve init --update"
    run -0 pyve init --update --no-direnv
  fi
  run -0 .venv/bin/pip --version
  run -0 .venv/bin/demo
}

@test "a package that is installed by a user is not seen in it" {
  build
  local site
  site=$("$REAL_PYTHON" -c 'import site; print(site.getusersitepackages())')
  [[ $site == "$HOME"* ]]
  mkdir -p "$site"
  printf 'x = 1\n' >"$site/of_the_user.py"
  run ! .venv/bin/python -c 'import of_the_user'
}

@test "environments in folders with any name work: interpreter, pip, console scripts" {
  local folder
  list_hostile
  for folder in "${FOLDERS[@]}"; do
    # A script as short as can be, begun as pip's own are.
    script_head "$folder/.venv"
    assert_equal "$(head -c "${#REPLY}" "$folder/.venv/bin/pip" 2>/dev/null | head -n 1)" "${REPLY%%$'\n'*}"
    printf '%simport sys; print(sys.prefix)' "$REPLY" >script
    chmod +x script
    run -0 --separate-stderr ./script
    assert_equal "$output" "$folder/.venv"
    # Of a backslash in the path Python 3.12 and newer says that it looks like an escape.
    [[ $folder == *\\* ]] || assert_equal "$stderr" ""
  done
  for folder in "${FOLDERS[@]}"; do
    [[ $folder == *[\\\$\"]* ]] || continue
    run -0 "$folder/.venv/bin/pip" --version
  done
  assert_nothing_executed
}

@test "in a place with a short and plain path scripts have a plain #! line" {
  local base
  base=$(mktemp -d "$BATS_RUN_TMPDIR/p.XXXXXX")
  cd "$base"
  build
  local line
  IFS= read -r line <.venv/bin/pip
  assert_equal "$line" "#!$base/.venv/bin/python"
  run -0 .venv/bin/pip --version
}

@test "in a place with a very long path scripts work, too" {
  local long
  printf -v long '%0100d' 7
  mkdir -p "$long/$long"
  cd "$long/$long"
  build
  run -0 .venv/bin/pip --version
}

@test "a folder with a line end in its name is no obstacle" {
  mkdir $'two\nlines'
  cd $'two\nlines'
  build
  run -0 .venv/bin/pip --version
  run -0 bash -c '. .venv/bin/activate && printf "%s" "$VIRTUAL_ENV"'
  assert_equal "$output" "$PWD/.venv"
  run -1 is_environment_moved "$PWD/.venv"
}

# --- activate

@test "activate works in bash, whatever the folder is called, and deactivate restores" {
  list_hostile
  PYTHONHOME=/wrong run -0 --separate-stderr bash --norc -c 'unset VIRTUAL_ENV; PS1="> "
    for folder; do
      before=$PATH
      . "$folder/.venv/bin/activate"
      printf "%s\n" "$VIRTUAL_ENV" "${PATH%%:*}" "$(command -v python)"
      [[ -z ${PYTHONHOME-} && $PS1 == *"> " && $PS1 != "> " ]] || echo "prompt or PYTHONHOME: $PS1"
      deactivate
      [[ $PATH == "$before" && -z ${VIRTUAL_ENV+x} && $PS1 == "> " && $PYTHONHOME == /wrong ]] && echo restored
    done' - "${FOLDERS[@]}"
  assert_equal "$output" "$(expected_activation)"
  assert_equal "$stderr" ""
  assert_nothing_executed
}

@test "activate works in bash with set -eu" {
  build
  run -0 --separate-stderr bash --norc -euc '. .venv/bin/activate; printf "%s\n" "$VIRTUAL_ENV"; deactivate; echo after'
  assert_equal "$output" "$PWD/.venv"$'\nafter'
}

@test "the prompt of an activated bash shows the folder's name and executes nothing of it" {
  ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 404)) || skip "this bash cannot expand a prompt (needs 4.4)"
  list_hostile
  run -0 bash --norc -c 'cd "$1"; shift; for folder; do PS1="> "; . "$folder/.venv/bin/activate"; : "${PS1@P}"; deactivate; done' - \
    "$PWD" "${FOLDERS[@]}"
  assert_nothing_executed
}

@test "activate works in zsh, whatever the folder is called, and deactivate restores" {
  type -P zsh >/dev/null || skip "NOT TESTED: zsh is not on this machine"
  list_hostile
  run -0 --separate-stderr zsh -f -c 'unset VIRTUAL_ENV; PS1="> "
    for folder; do
      before=$PATH
      . "$folder/.venv/bin/activate"
      printf "%s\n" "$VIRTUAL_ENV" "${PATH%%:*}" "$(command -v python)"
      deactivate
      [[ $PATH == "$before" && -z ${VIRTUAL_ENV+x} && $PS1 == "> " ]] && echo restored
    done' - "${FOLDERS[@]}"
  assert_equal "$output" "$(expected_activation)"
  assert_equal "$stderr" ""
  assert_nothing_executed
}

@test "the prompt of an activated zsh executes nothing of the folder's name, with prompt_subst on" {
  type -P zsh >/dev/null || skip "NOT TESTED: zsh is not on this machine"
  list_hostile
  run zsh -f -c 'setopt prompt_subst; cd "$1"; shift; for folder; do PS1="> "; . "$folder/.venv/bin/activate"; print -P "$PS1"; deactivate; done' - \
    "$PWD" "${FOLDERS[@]}"
  assert_nothing_executed
}

@test "activate works in fish, whatever the folder is called, and deactivate restores" {
  type -P fish >/dev/null || skip "NOT TESTED: fish is not on this machine"
  list_hostile
  run -0 --separate-stderr fish --no-config -c 'set -e VIRTUAL_ENV
    for folder in $argv
      set before "$PATH"
      source $folder/.venv/bin/activate.fish
      printf "%s\n" "$VIRTUAL_ENV" $PATH[1] (command -v python)
      fish_prompt >/dev/null
      deactivate
      test "$PATH" = "$before"; and not set -q VIRTUAL_ENV; and echo restored
    end' "${FOLDERS[@]}"
  assert_equal "$output" "$(expected_activation)"
  assert_equal "$stderr" ""
  assert_nothing_executed
}

@test "activate works in csh, whatever the folder is called, and deactivate restores" {
  type -P tcsh >/dev/null || skip "NOT TESTED: tcsh is not on this machine"
  local folder
  list_hostile
  cat >"$BATS_TEST_TMPDIR/script.csh" <<'END'
set prompt = "> "
set before = "$PATH:q"
source "$FOLDER:q/.venv/bin/activate.csh"
printf '%s\n' "$VIRTUAL_ENV:q" "$path[1]:q" "`sh -c 'command -v python'`"
deactivate
if ("$PATH:q" == "$before:q" && ! $?VIRTUAL_ENV && "$prompt:q" == "> ") echo restored
END
  for folder in "${FOLDERS[@]}"; do
    FOLDER=$folder tcsh -f "$BATS_TEST_TMPDIR/script.csh"
  done >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
  diff "$BATS_TEST_TMPDIR/out" <(expected_activation)
  assert_equal "$(cat "$BATS_TEST_TMPDIR/err")" ""
  assert_nothing_executed
}

# --- templates

@test "the template is made once for each interpreter" {
  local before
  before=$(digest_tree "$TEMPLATE")
  ensure_template
  assert_equal "$(digest_tree "$TEMPLATE")" "$before"
  [ -f "$TEMPLATE/complete" ]
}

@test "using an environment does not change the template" {
  local before
  before=$(digest_tree "$TEMPLATE")
  build
  make_wheel demo
  .venv/bin/python -m compileall -q -f .venv/lib
  .venv/bin/pip install --quiet --no-index --disable-pip-version-check "$WHEEL"
  .venv/bin/python -m pip uninstall --quiet --yes --disable-pip-version-check pip demo
  rm -rf .venv
  assert_equal "$(digest_tree "$TEMPLATE")" "$before"
}

@test "the files that all environments share are write-protected" {
  assert_equal "$(find "$TEMPLATE/tree" "$TEMPLATE/pip" -type f -perm -200 ! -name "*.pyc")" ""
}

@test "a file of an environment cannot be changed for all environments by writing in it" {
  [ "$(id -u)" -ne 0 ] || skip "root may write everywhere"
  build
  local file
  file=$(find -L .venv/lib -type f -links +1 | head -n 1)
  [[ -n $file ]] || skip "environments share no file here"
  run ! bash -c 'printf x >>"$1"' - "$file"
}

@test "two commands that make the same template at once both get a whole one" {
  # In a folder with blanks and quotes in its name, too.
  export PYVE_TEMPLATES="$BATS_TEST_TMPDIR/the user's \"cache\""
  local i pids=()
  for i in 1 2; do
    bash -c 'set -euo pipefail; PYVE_ROOT=$1; . "$1/lib/venv_env.sh"; probe_interpreter "$2"; ensure_template
      [[ -x $TEMPLATE/tree/bin/python && -f $TEMPLATE/text/pyvenv.cfg ]] && echo whole' - "$PYVE_TREE" "$REAL_PYTHON" \
      >"out.$i" 3>&- &
    pids+=("$!")
  done
  wait "${pids[@]}"
  assert_equal "$(cat out.*)" $'whole\nwhole'
  ensure_template
  assert_equal "$(ls "${TEMPLATE%/*}")" "${TEMPLATE##*/}"
  build
  run -0 .venv/bin/pip --version
  run -0 bash -c '. .venv/bin/activate && printf "%s" "$VIRTUAL_ENV"'
  assert_equal "$output" "$PWD/.venv"
}

@test "templates that a killed command did not finish are removed by the next one that makes one" {
  export PYVE_TEMPLATES=$BATS_TEST_TMPDIR/templates
  local folder=$PYVE_TEMPLATES
  mkdir -p "$folder/cpython-3.0.0-x-1.new.999999999" "$folder/mine"
  clear_dead_templates "$folder"
  assert_equal "$(ls "$folder")" mine
  mkdir "$folder/x.new.$$"
  clear_dead_templates "$folder"
  [ -d "$folder/x.new.$$" ]
}

@test "a data folder that cannot be written is one clear error" {
  : >"$BATS_TEST_TMPDIR/file"
  PYVE_TEMPLATES=$BATS_TEST_TMPDIR/file run -1 ensure_template
  assert_contains "$output" E_DATA_WRITE
  assert_contains "$output" "fix: "
}

# --- swapping

@test "a new environment takes the old one's place, and nothing is left over" {
  build
  : >.venv/old
  build_environment venv "$PWD/.venv" demo
  [ ! -e .venv/old ]
  assert_equal "$(find .pyve -mindepth 2)" ""
  run -0 .venv/bin/pip --version
}

@test "when the system cannot exchange in one step it is done in two" {
  build
  : >.venv/old
  printf '#!/bin/sh\nexit 3\n' >"$BATS_TEST_TMPDIR/python"
  chmod +x "$BATS_TEST_TMPDIR/python"
  mkdir -p .pyve/tmp/new
  : >.pyve/tmp/new/fresh
  PYTHON=$BATS_TEST_TMPDIR/python swap_in venv "$PWD/.pyve/tmp/new" "$PWD/.venv"
  [ -f .venv/fresh ] && [ ! -e .venv/old ]
  assert_equal "$(find .pyve/tmp -mindepth 1)" ""
}

@test "when the second step fails the old environment is put back" {
  build
  printf '#!/bin/sh\nexit 3\n' >"$BATS_TEST_TMPDIR/python"
  chmod +x "$BATS_TEST_TMPDIR/python"
  mkdir -p .pyve/tmp
  PYTHON=$BATS_TEST_TMPDIR/python run -1 swap_in venv "$PWD/.pyve/tmp/missing" "$PWD/.venv"
  assert_contains "$output" E_FILE_WRITE
  load_leftovers
  clear_tmp
  run -0 .venv/bin/pip --version
}

@test "when a requirement cannot be installed the old environment stays" {
  build
  : >.venv/old
  run -1 build_environment venv "$PWD/.venv" demo --no-index ./no-such-package.whl
  assert_contains "$output" E_INSTALL_REQUIREMENTS
  [ -f .venv/old ]
  assert_equal "$(find .pyve/tmp -mindepth 1)" ""
}

@test "what is installed before the swap works at the final place" {
  make_wheel demo
  build_environment venv "$PWD/.venv" demo --no-index "$WHEEL"
  run -0 .venv/bin/demo
  assert_equal "$output" "hello from $PWD/.venv"
  run -1 is_environment_moved "$PWD/.venv"
  assert_equal "$(grep -rlI "$PWD/.pyve/tmp" .venv || :)" ""
}

@test "a link in the environment's place is replaced, and what it points to stays" {
  mkdir theirs
  : >theirs/kept
  ln -s theirs .venv
  build
  [ ! -L .venv ] && [ -f theirs/kept ]
  run -0 .venv/bin/pip --version
}

@test "remove_environment removes it, or only the link to it" {
  build
  remove_environment venv "$PWD/.venv"
  [ ! -e .venv ]
  mkdir theirs
  : >theirs/kept
  ln -s theirs .venv
  remove_environment venv "$PWD/.venv"
  [ ! -L .venv ] && [ -f theirs/kept ]
  run -0 remove_environment venv "$PWD/.venv"
}

# --- moving

# Usage: fill_environment
# Installs a package, and what an editable installation of the project leaves.
fill_environment() {
  local site
  make_wheel demo
  .venv/bin/pip install --quiet --no-index --disable-pip-version-check "$WHEEL"
  for site in "$PWD"/.venv/lib/python3*/site-packages; do
    mkdir -p src "$site/mine-1.0.dist-info"
    printf 'x = 1\n' >src/mine.py
    printf '%s\n' "$PWD/src" >"$site/__editable__.mine-1.0.pth"
    printf 'Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n' >"$site/mine-1.0.dist-info/METADATA"
    : >"$site/mine-1.0.dist-info/RECORD"
    printf '{"dir_info": {"editable": true}, "url": "%s"}' \
      "$("$REAL_PYTHON" -I -c 'import pathlib; print(pathlib.Path.cwd().as_uri())')" >"$site/mine-1.0.dist-info/direct_url.json"
  done
}

@test "an environment that stays where it was made is not moved" {
  build
  run -1 is_environment_moved "$PWD/.venv"
  ln -s "$PWD" "$BATS_TEST_TMPDIR/other way"
  run -1 is_environment_moved "$BATS_TEST_TMPDIR/other way/.venv"
}

@test "an environment that was moved or copied is noticed, and the old place named" {
  local old=$PWD
  build
  cp -R . "$BATS_TEST_TMPDIR/copy"
  run -0 is_environment_moved "$BATS_TEST_TMPDIR/copy/.venv"
  mv "$PWD" "$BATS_TEST_TMPDIR/moved"
  cd "$BATS_TEST_TMPDIR/moved"
  is_environment_moved "$PWD/.venv"
  assert_equal "$REPLY" "$old/.venv"
}

@test "a moved environment of another tool is noticed by its pip" {
  cd "$BATS_RUN_TMPDIR"
  local base
  base=$(mktemp -d "$BATS_RUN_TMPDIR/o.XXXXXX")
  mkdir -p "$base/env/bin"
  printf '#!/elsewhere/env/bin/python3.12\nimport sys\n' >"$base/env/bin/pip"
  is_environment_moved "$base/env"
  assert_equal "$REPLY" /elsewhere/env
  printf '#!%s/env/bin/python3\n' "$base" >"$base/env/bin/pip"
  run -1 is_environment_moved "$base/env"
}

@test "init --update mends a moved project without losing a package" {
  make_project
  fill_environment
  local old=$PWD before after
  before=$(.venv/bin/python -m pip --disable-pip-version-check freeze --all | grep -v '^-e' | sed 's/ @ .*//')
  mv "$PWD" "$BATS_TEST_TMPDIR/it's \"moved\" & \$(touch pwned)"
  cd "$BATS_TEST_TMPDIR/it's \"moved\" & \$(touch pwned)"
  run -2 pyve doctor
  assert_contains "$output" "$old/.venv"
  assert_contains "$output" "pyve init --update"
  run -0 pyve init --update --no-direnv
  after=$(.venv/bin/python -m pip --disable-pip-version-check freeze --all | grep -v '^-e' | sed 's/ @ .*//')
  assert_equal "$after" "$before"
  run -0 .venv/bin/demo
  assert_equal "$output" "hello from $PWD/.venv"
  run -0 .venv/bin/pip --version
  run -0 .venv/bin/python -c 'import mine; print(mine.__file__)'
  assert_equal "$output" "$PWD/src/mine.py"
  run -0 .venv/bin/python -c 'import importlib.metadata as m, json, pathlib
url = json.loads(m.distribution("mine").read_text("direct_url.json"))["url"]
assert url == pathlib.Path.cwd().as_uri(), url'
  run -0 bash -c '. .venv/bin/activate && printf "%s" "$VIRTUAL_ENV"'
  assert_equal "$output" "$PWD/.venv"
  run pyve doctor
  refute_contains "$output" "was made at"
  # The wheel that demo was installed from is gone with the folder; nothing else names it.
  assert_equal "$(grep -rlIF "$old/" .venv | grep -v 'demo-1.0.dist-info\|\.pyc' || :)" ""
  assert_nothing_executed
}

@test "a moved environment can be mended twice, and moved back" {
  make_project
  fill_environment
  local old=$PWD
  mv "$PWD" "$BATS_TEST_TMPDIR/new place"
  cd "$BATS_TEST_TMPDIR/new place"
  mend_environment "$PWD/.venv" "$PWD"
  mend_environment "$PWD/.venv" "$PWD"
  run -0 .venv/bin/demo
  mv "$PWD" "$old"
  cd "$old"
  mend_environment "$PWD/.venv" "$PWD"
  run -0 .venv/bin/demo
  assert_equal "$output" "hello from $PWD/.venv"
}

@test "run works in a project that was moved, with its console scripts, and says so" {
  make_project
  fill_environment
  mv "$PWD" "$BATS_TEST_TMPDIR/new place"
  cd "$BATS_TEST_TMPDIR/new place"
  run -0 --separate-stderr pyve run demo
  assert_equal "$output" "hello from $PWD/.venv"
  assert_contains "$stderr" W_ENV_MOVED
}

# --- broken ones

@test "a working environment is found to work, and its version is known" {
  build
  check_environment "$PWD/.venv"
  assert_equal "$ENV_PYTHON_VERSION" "$("$REAL_PYTHON" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])')"
}

@test "an interpreter that is gone is named, by doctor and by run, with what to type" {
  make_project
  ln -sf "$BATS_TEST_TMPDIR/gone/python3.99" ".venv/bin/$(readlink .venv/bin/python)"
  run -1 check_environment "$PWD/.venv"
  check_environment "$PWD/.venv" || assert_contains "$REPLY" "$BATS_TEST_TMPDIR/gone/python3.99 is gone"
  run -1 pyve doctor
  assert_contains "$output" "$BATS_TEST_TMPDIR/gone/python3.99"
  assert_contains "$output" "pyve init --force"
  run -1 pyve run python -c 1
  assert_contains "$output" "$BATS_TEST_TMPDIR/gone/python3.99"
  assert_contains "$output" "fix: pyve init --force"
}

@test "an interpreter that is there and does not run is found" {
  make_project
  rm .venv/bin/python
  printf '#!/bin/sh\necho "no libpython" >&2\nexit 127\n' >.venv/bin/python
  chmod +x .venv/bin/python
  check_environment "$PWD/.venv" || reason=$REPLY
  assert_contains "$reason" "no libpython"
  run -1 pyve doctor
}

@test "an environment without an interpreter, and none at all, are told apart" {
  check_environment "$PWD/.venv" || assert_contains "$REPLY" "is not there"
  mkdir -p .venv/bin
  check_environment "$PWD/.venv" || assert_contains "$REPLY" "bin/python is not there"
}

@test "links that go round in a circle are an error, no endless search" {
  mkdir -p .venv/bin
  ln -s python3 .venv/bin/python
  ln -s python .venv/bin/python3
  run within 5 check_environment "$PWD/.venv"
  assert_equal "$status" 1
}

@test "run notices that the standard library of its interpreter is gone" {
  make_project
  sed 's|^stdlib=.*|stdlib=/gone/lib/os.py|' .venv/pyve.state >state
  cat state >.venv/pyve.state
  run -1 pyve run true
  assert_contains "$output" E_INTERPRETER_GONE
}

@test "run says what to type when there is no environment, also from a subfolder" {
  config_set backend venv
  mkdir sub
  cd sub
  run -1 pyve run true
  assert_contains "$output" E_ENV_MISSING
  assert_contains "$output" "pyve -C '$PROJECT' init"
}

# --- what is to be installed

@test "find_requirements finds requirements files and the project itself" {
  find_requirements
  assert_equal "${#REQUIREMENTS[@]}" 0
  touch requirements.txt requirements-dev.txt
  find_requirements
  assert_equal "${REQUIREMENTS[*]}" "-r ./requirements-dev.txt -r ./requirements.txt"
  printf '[tool.ruff]\n' >pyproject.toml
  find_requirements
  refute_contains "${REQUIREMENTS[*]}" "-e"
  printf '[project]\nname = "x"\n' >pyproject.toml
  find_requirements
  assert_contains "${REQUIREMENTS[*]}" "-e ."
}

@test "the distutils shim is in environments of Python 3.12 and newer, and in no others" {
  mkdir -p env/lib/python3.12/site-packages env/lib/python3.11/site-packages
  install_distutils_shim env 3.12.1
  [ -f env/lib/python3.12/site-packages/sitecustomize.py ]
  install_distutils_shim env 3.11.9
  [ ! -e env/lib/python3.11/site-packages/sitecustomize.py ]
}
