#!/usr/bin/env bats
# Version managers: which one, what it has, installing through it, the version files.
#
# shellcheck disable=SC2016 # the text of stand-ins is expanded when they run
# shellcheck disable=SC2030,SC2031 # each test is a process, and begins with setup
# shellcheck disable=SC2034 # settings are read by the module

bats_require_minimum_version 1.5.0

load ../helpers/test_helper
load ../helpers/managers

setup() {
  setup_project
  isolate_path
  load_lib env_detect
  VERSION_MANAGER=""
}

# --- finding managers

@test "no manager: detection fails quietly and leaves VERSION_MANAGER empty" {
  VERSION_MANAGER=stale
  run -1 detect_version_manager
  assert_equal "$output" ""
  detect_version_manager || true
  assert_equal "$VERSION_MANAGER" ""
}

@test "managers are preferred in the order asdf, pyenv, mise, uv" {
  local manager
  for manager in uv mise pyenv asdf; do
    make_manager "$manager" ""
    [[ $manager != asdf ]] || mkdir -p "$HOME/.asdf/plugins/python"
    detect_version_manager
    assert_equal "$VERSION_MANAGER" "$manager"
    assert_equal "$(calls_of "$manager")" ""
  done
}

@test "asdf without its python plugin is passed over" {
  make_manager asdf ""
  make_manager pyenv ""
  mkdir -p "$HOME/.asdf/plugins/nodejs"
  detect_version_manager
  assert_equal "$VERSION_MANAGER" pyenv
}

@test "asdf's plugin is looked for in ASDF_DATA_DIR" {
  make_manager asdf ""
  export ASDF_DATA_DIR="$BATS_TEST_TMPDIR/asdf data"
  mkdir -p "$ASDF_DATA_DIR/plugins/python"
  detect_version_manager
  assert_equal "$VERSION_MANAGER" asdf
}

@test "managers in their usual folders are found without a profile" {
  write_script "$HOME/.pyenv/bin/pyenv" 'exit 0'
  detect_version_manager
  assert_equal "$VERSION_MANAGER" pyenv
  assert_equal "$PYENV_ROOT" "$HOME/.pyenv"
  write_script "$HOME/.asdf/bin/asdf" 'exit 0'
  mkdir -p "$HOME/.asdf/plugins/python"
  detect_version_manager
  assert_equal "$VERSION_MANAGER" asdf
}

@test "source_shell_profiles runs no rc file, and twice is as good as once" {
  local rc
  for rc in .bashrc .bash_profile .profile .zshrc; do
    printf 'touch "%s/ran"\n' "$HOME" >"$HOME/$rc"
  done
  mkdir -p "$HOME/.asdf/bin" "$HOME/.local/bin" "$HOME/.cargo/bin"
  printf 'touch "%s/ran"\n' "$HOME" >"$HOME/.asdf/asdf.sh"
  source_shell_profiles
  [[ ! -e $HOME/ran ]]
  assert_equal "$PATH" "$STAND_INS:$TOOLS:$HOME/.asdf/bin:$HOME/.local/bin:$HOME/.cargo/bin"
  local before=$PATH
  source_shell_profiles
  assert_equal "$PATH" "$before"
}

@test "source_shell_profiles keeps what the user has set" {
  export PYENV_ROOT="$BATS_TEST_TMPDIR/my pyenv" ASDF_DIR="$BATS_TEST_TMPDIR/my asdf"
  mkdir -p "$HOME/.pyenv/bin" "$PYENV_ROOT/bin" "$ASDF_DIR/bin"
  source_shell_profiles
  assert_equal "$PYENV_ROOT" "$BATS_TEST_TMPDIR/my pyenv"
  assert_contains "$PATH" "$BATS_TEST_TMPDIR/my asdf/bin:$BATS_TEST_TMPDIR/my pyenv/bin"
  refute_contains "$PATH" "$HOME/.pyenv"
}

# --- what is installed

@test "an installed version is found by its number and by its series" {
  make_manager pyenv ""
  make_pyenv_python 3.12.4
  make_pyenv_python 3.12.10
  make_pyenv_python 3.1.3
  is_python_version_installed 3.12
  assert_equal "$REPLY" "$HOME/.pyenv/versions/3.12.10/bin/python3"
  assert_equal "$FOUND_VERSION" 3.12.10
  is_python_version_installed 3.12.4
  assert_equal "$FOUND_VERSION" 3.12.4
  run -1 is_python_version_installed 3.12.1
  run -1 is_python_version_installed 3.11
  run -1 is_python_version_installed ""
  run -1 is_python_version_installed '*'
  assert_equal "$(calls_of pyenv)$(executed)" ""
}

@test "every manager's own folder is looked at, and only the current manager's" {
  local manager
  mkdir -p "$HOME/.asdf/plugins/python"
  make_asdf_python 3.10.1
  make_pyenv_python 3.11.2
  make_mise_python 3.12.3
  make_uv_python 3.13.4
  for manager in asdf:3.10.1 pyenv:3.11.2 mise:3.12.3 uv:3.13.4; do
    VERSION_MANAGER=${manager%:*}
    is_python_version_installed "${manager#*:}"
    run -1 is_python_version_installed 3.9.9
  done
  VERSION_MANAGER=uv
  run -1 is_python_version_installed 3.11.2
}

@test "a stable release goes before a pre-release" {
  VERSION_MANAGER=pyenv
  make_pyenv_python 3.14.0rc2
  make_pyenv_python 3.14.0rc1
  is_python_version_installed 3.14
  assert_equal "$FOUND_VERSION" 3.14.0rc2
  make_pyenv_python 3.14.0
  is_python_version_installed 3.14
  assert_equal "$FOUND_VERSION" 3.14.0
  make_pyenv_python 3.15.0a1
  is_python_version_installed 3
  assert_equal "$FOUND_VERSION" 3.14.0
}

@test "folders that are no CPython release count for no version" {
  VERSION_MANAGER=pyenv
  make_pyenv_python 3.13.0t
  make_pyenv_python pypy3.10-7.3.15
  make_pyenv_python 3.12-dev
  mkdir -p "$HOME/.pyenv/versions/3.11.1"
  run -1 is_python_version_installed 3.13
  run -1 is_python_version_installed 3.10
  run -1 is_python_version_installed 3.12
  run -1 is_python_version_installed 3.11.1
  run -1 is_python_version_installed 3
}

@test "without a manager nothing is installed or available" {
  run -1 is_python_version_installed 3.12
  run -1 is_python_version_available 3.12
}

# --- what is available

@test "pyenv: available versions are read from its list" {
  make_manager pyenv "'install --list') printf 'Available versions:\n  2.7.18\n  3.12.1\n  3.12.10\n  3.12-dev\n  3.13.0t\n  3.15.0a1\n  miniconda3-3.12-1\n' ;;"
  is_python_version_available 3.12
  assert_equal "$REPLY" 3.12.10
  is_python_version_available 3.12.1
  run -1 is_python_version_available 3.12.2
  run -1 is_python_version_available 3.13
  is_python_version_available 3.15
  assert_equal "$REPLY" 3.15.0a1
  run -1 is_python_version_available miniconda3-3.12-1
}

@test "asdf, mise and uv are asked in their own words" {
  make_manager asdf "'list all python') printf '3.12.1\n3.12.2\n' ;;"
  make_manager mise "'ls-remote python') printf '3.12.1\n3.12.3\n' ;;"
  make_manager uv "'python list --all-versions --only-downloads') printf 'cpython-3.12.4-linux-x86_64-gnu    <download available>\ncpython-3.12.9+freethreaded-linux-x86_64-gnu  <download available>\npypy-3.12.8-linux-x86_64-gnu /x\n' ;;"
  VERSION_MANAGER=asdf
  is_python_version_available 3.12
  assert_equal "$REPLY" 3.12.2
  VERSION_MANAGER=mise
  is_python_version_available 3.12
  assert_equal "$REPLY" 3.12.3
  VERSION_MANAGER=uv
  is_python_version_available 3.12
  assert_equal "$REPLY" 3.12.4
}

@test "a manager that fails to list makes nothing available" {
  make_manager pyenv "*) echo 3.12.1; exit 7 ;;"
  run -1 is_python_version_available 3.12
  assert_equal "$output" ""
}

# --- installing

@test "install goes through each manager's own command, and keeps its talk back unless --verbose" {
  local manager
  make_manager asdf "'install python 3.12.4') echo talk; cp -R '$HOME/ready' '$HOME/.asdf/installs/python/3.12.4' ;;"
  make_manager pyenv "'install -s 3.12.4') echo talk; cp -R '$HOME/ready' '$HOME/.pyenv/versions/3.12.4' ;;"
  make_manager mise "'install python@3.12.4') echo talk; cp -R '$HOME/ready' '$HOME/.local/share/mise/installs/python/3.12.4' ;;"
  make_manager uv "'python install 3.12.4') echo talk; cp -R '$HOME/ready' '$HOME/.local/share/uv/python/cpython-3.12.4-linux-x86_64-gnu' ;;"
  make_python "$HOME/ready/bin/python3" 3.12.4
  for manager in asdf pyenv mise uv; do
    VERSION_MANAGER=$manager
    python_install_dir "$manager"
    mkdir -p "$REPLY"
    install_python_version 3.12.4 >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
    assert_equal "$FOUND_VERSION" 3.12.4
    [[ -x $REPLY ]]
    assert_equal "$(cat "$BATS_TEST_TMPDIR/out")" ""
    assert_equal "$(cat "$BATS_TEST_TMPDIR/err")" ""
    PYVE_VERBOSE=1 install_python_version 3.12.4 >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
    assert_equal "$(cat "$BATS_TEST_TMPDIR/out")" ""
    assert_contains "$(cat "$BATS_TEST_TMPDIR/err")" talk
    # The result was executed.
    assert_contains "$(executed)" "$REPLY"
  done
}

@test "what a killed installation by asdf has put aside goes back, or goes" {
  local place=$HOME/.asdf/installs/python
  make_manager asdf "'install python 3.12.4') : ;;"
  make_asdf_python 3.12.4
  VERSION_MANAGER=asdf
  # (No process has such a number.)
  mv "$place/3.12.4" "$place/.pyve-old.3.12.4.99999999"
  install_python_version 3.12.4
  assert_equal "$REPLY $(ls -A "$place")" "$place/3.12.4/bin/python3 3.12.4"
  # The new one was half there; then it had come.
  mv "$place/3.12.4" "$place/.pyve-old.3.12.4.99999999"
  mkdir -p "$place/3.12.4/lib"
  mend_asdf_pythons
  [[ -x $place/3.12.4/bin/python3 && ! -d $place/3.12.4/lib ]]
  mkdir "$place/.pyve-old.3.12.4.99999999" "$place/.pyve-old.3.12.4.$PPID"
  mend_asdf_pythons
  assert_equal "$(ls -A "$place")" ".pyve-old.3.12.4.$PPID"$'\n'3.12.4
}

@test "a series becomes its newest release for pyenv and asdf, and is handed on to mise and uv" {
  make_manager pyenv "'install --list') printf '3.12.1\n3.12.10\n' ;; 'install -s 3.12.10') : ;;"
  make_manager asdf "'list all python') printf '3.12.1\n3.12.10\n' ;; 'install python 3.12.10') : ;;"
  make_manager mise "'install python@3.12') : ;;"
  make_manager uv "'python install 3.12') : ;;"
  make_pyenv_python 3.12.10
  make_asdf_python 3.12.10
  make_mise_python 3.12.10
  make_uv_python 3.12.10
  local manager
  for manager in asdf pyenv mise uv; do
    VERSION_MANAGER=$manager
    install_python_version 3.12
    assert_equal "$FOUND_VERSION" 3.12.10
  done
}

@test "install says which command failed, with its status" {
  make_manager pyenv "'install -s 3.12.4') echo 'BUILD FAILED'; exit 5 ;;"
  run -1 install_python_version 3.12.4
  assert_contains "$output" "BUILD FAILED"
  assert_contains "$output" "[E_PYTHON_INSTALL]"
  assert_contains "$output" "'pyenv install -s 3.12.4' ended with status 5"
  assert_contains "$output" "fix: pyenv install -s 3.12.4"
}

@test "a manager that reports success without installing is not believed" {
  make_manager pyenv "'install -s 3.12.4') : ;;"
  run -1 install_python_version 3.12.4
  assert_contains "$output" "[E_PYTHON_INSTALL]"
  assert_contains "$output" "holds no Python 3.12.4"
}

@test "an interpreter that was installed but does not run is a failure" {
  make_manager pyenv "'install -s 3.12.4') : ;;"
  write_script "$HOME/.pyenv/versions/3.12.4/bin/python3" 'exit 3'
  run -1 install_python_version 3.12.4
  assert_contains "$output" "[E_PYTHON_INSTALL]"
  assert_contains "$output" "ended with status 3"
}

@test "install refuses what is no version, and works without a manager only as a clear error" {
  run -1 install_python_version '3.12; rm -rf /'
  assert_contains "$output" "[E_PYTHON_INSTALL]"
  run -1 install_python_version 3.12.4
  assert_contains "$output" "no version manager is here"
}

@test "install of a series that the manager does not know says so" {
  make_manager pyenv "'install --list') printf '3.12.1\n' ;;"
  run -1 install_python_version 3.99
  assert_contains "$output" "pyenv knows no Python 3.99"
  assert_contains "$output" "fix: pyenv update"
}

@test "ensure does not call the manager for a version that is there" {
  make_manager pyenv ""
  make_pyenv_python 3.12.4
  ensure_python_version_installed 3.12
  assert_equal "$REPLY" "$HOME/.pyenv/versions/3.12.4/bin/python3"
  assert_equal "$(calls_of pyenv)" ""
}

@test "ensure installs what is missing and says so" {
  make_manager pyenv "'install -s 3.12.4') mkdir -p '$HOME/.pyenv/versions'; cp -R '$HOME/ready' '$HOME/.pyenv/versions/3.12.4' ;;"
  make_python "$HOME/ready/bin/python3" 3.12.4
  run -0 ensure_python_version_installed 3.12.4
  assert_contains "$output" "INFO: Python 3.12.4 is not installed: installing it with pyenv"
  assert_equal "$(calls_of pyenv)" "install -s 3.12.4"
}

@test "ensure installs nothing when downloads are forbidden" {
  make_manager pyenv ""
  PYVE_PYTHON_DOWNLOADS=never run -1 ensure_python_version_installed 3.12.4
  assert_contains "$output" "[E_PYTHON_MISSING]"
  assert_equal "$(calls_of pyenv)" ""
}

# --- version files

@test "the version file is named after the manager" {
  local pair
  for pair in asdf:.tool-versions mise:.tool-versions pyenv:.python-version uv:.python-version :.python-version; do
    VERSION_MANAGER=${pair%%:*}
    assert_equal "$(get_version_file_name)" "${pair#*:}"
  done
}

@test "set_local_python_version writes .python-version for pyenv, uv and without a manager" {
  VERSION_MANAGER=pyenv
  set_local_python_version 3.12.4
  assert_equal "$(cat .python-version)" 3.12.4
  VERSION_MANAGER=""
  set_local_python_version 3.11
  assert_equal "$(cat .python-version)" 3.11
  [[ ! -e .tool-versions ]]
}

@test "only the python line of .tool-versions changes; lines, comments, order and mode stay" {
  VERSION_MANAGER=asdf
  printf '# tools\nnodejs 20.1.0\npython 3.11.7 system # pinned\n\npython-extra 1\nruby 3.3' >.tool-versions
  chmod 640 .tool-versions
  set_local_python_version 3.12.4
  printf '# tools\nnodejs 20.1.0\npython 3.12.4 # pinned\n\npython-extra 1\nruby 3.3\n' >expected
  cmp .tool-versions expected
  assert_contains "$(ls -l .tool-versions)" "-rw-r-----"
  assert_equal "$(find . -name '*pyve-new*')" ""
}

@test "a .tool-versions with CRLF keeps it, and one without python gets a line" {
  VERSION_MANAGER=mise
  printf 'nodejs 20\r\npython 3.11\r\n' >.tool-versions
  set_local_python_version 3.12
  printf 'nodejs 20\r\npython 3.12\r\n' >expected
  cmp .tool-versions expected
  printf 'nodejs 20\n' >.tool-versions
  set_local_python_version 3.12
  printf 'nodejs 20\npython 3.12\n' >expected
  cmp .tool-versions expected
  rm .tool-versions
  set_local_python_version 3.12
  assert_equal "$(cat .tool-versions)" "python 3.12"
}

@test "asdf gets the full version of a series that is installed" {
  VERSION_MANAGER=asdf
  make_asdf_python 3.12.4
  set_local_python_version 3.12
  assert_equal "$(cat .tool-versions)" "python 3.12.4"
}

@test "writing the same version again leaves the file alone" {
  VERSION_MANAGER=pyenv
  set_local_python_version 3.12.4
  touch -t 202001010000 .python-version
  : >newer
  set_local_python_version 3.12.4
  [[ newer -nt .python-version ]]
}

@test "set_local_python_version refuses what is no version and writes nothing" {
  VERSION_MANAGER=pyenv
  run -1 set_local_python_version $'3.12\nnodejs 1'
  assert_contains "$output" "[E_PYTHON_VERSION_INVALID]"
  run -1 set_local_python_version ""
  [[ ! -e .python-version ]]
}

@test "a version file that cannot be written is an error" {
  VERSION_MANAGER=asdf
  ln -s "$PWD/elsewhere" .tool-versions
  run -1 set_local_python_version 3.12.4
  assert_contains "$output" "ERROR: "
  [[ ! -e elsewhere ]]
}

# --- direnv, and the module alone

@test "direnv counts when it is in PATH" {
  run -1 check_direnv_installed
  make_manager direnv ""
  check_direnv_installed
}

@test "the module works when sourced alone in a strict shell, and refuses to be run" {
  make_pyenv_python 3.12.4
  make_manager pyenv ""
  run -0 env -i HOME="$HOME" PATH="$PATH" bash -c 'set -euo pipefail; . "$1/lib/env_detect.sh"
    detect_version_manager; is_python_version_installed 3.12; printf "%s %s\n" "$VERSION_MANAGER" "$FOUND_VERSION"
    set_local_python_version 3.12; check_direnv_installed || get_version_file_name' _ "$PYVE_TREE"
  assert_equal "$output" $'pyenv 3.12.4\n.python-version'
  run -0 env -i PATH="$PATH" bash -c 'set -euo pipefail; . "$1/lib/env_detect.sh"
    detect_version_manager || source_shell_profiles; is_python_version_installed 3.12 || printf "none\n"' _ "$PYVE_TREE"
  assert_equal "$output" none
  run -1 bash "$PYVE_TREE/lib/env_detect.sh"
}
