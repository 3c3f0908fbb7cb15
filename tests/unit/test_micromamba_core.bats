#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031 # bats runs every test in a process of its own
# lib/micromamba_core.sh: which micromamba is used, and what is said when there is none.

bats_require_minimum_version 1.5.0
load ../helpers/test_helper
load ../helpers/managers

setup() {
  setup_project
  isolate_path
  load_lib micromamba_core
}

# Usage: add_micromamba <folder> [version]
# Puts a micromamba there that answers with the version.
add_micromamba() {
  write_script "$1/micromamba" "[ \"\$*\" = --version ] || exit 98; echo '${2:-1.5.3}'"
}

# Usage: stub_uname <system> <machine>
stub_uname() {
  write_script "$STAND_INS/uname" "case \$1 in -s) echo '$1' ;; -m) echo '$2' ;; *) exit 98 ;; esac"
}

# --- where it is

@test "without a micromamba nothing is printed, and the status is 1" {
  run -1 get_micromamba_path
  assert_equal "$output" ""
  run -1 get_micromamba_version
  assert_equal "$output" ""
  run -1 check_micromamba_available
  assert_equal "$output" ""
  run -0 get_micromamba_location
  assert_equal "$output" not_found
}

@test "the project's micromamba goes before the user's, and that before PATH" {
  add_micromamba "$STAND_INS" 3.0.0
  run -0 get_micromamba_path
  assert_equal "$output" "$STAND_INS/micromamba"
  assert_equal "$(get_micromamba_location) $(get_micromamba_version)" "system 3.0.0"
  add_micromamba "$HOME/.pyve/bin" 2.0.0
  run -0 get_micromamba_path
  assert_equal "$output" "$HOME/.pyve/bin/micromamba"
  assert_equal "$(get_micromamba_location) $(get_micromamba_version)" "user 2.0.0"
  add_micromamba .pyve/bin 1.5.3
  run -0 get_micromamba_path
  assert_equal "$output" "$PWD/.pyve/bin/micromamba"
  assert_equal "$(get_micromamba_location) $(get_micromamba_version)" "project 1.5.3"
  check_micromamba_available
}

@test "find_micromamba says all of it at once" {
  add_micromamba "$HOME/.pyve/bin" 2.8.1
  find_micromamba
  assert_equal "$REPLY|$MICROMAMBA_FOUND|$MICROMAMBA_FOUND_VERSION|$MICROMAMBA_FOUND_LOCATION|${#MICROMAMBA_BROKEN[@]}" \
    "$HOME/.pyve/bin/micromamba|$HOME/.pyve/bin/micromamba|2.8.1|user|0"
}

@test "a second folder on PATH is looked at when the first has a micromamba that does not answer" {
  write_script "$STAND_INS/micromamba" "exit 1"
  add_micromamba "$BATS_TEST_TMPDIR/other folder" 1.5.3
  PATH="$PATH:$BATS_TEST_TMPDIR/other folder"
  find_micromamba
  assert_equal "$MICROMAMBA_FOUND" "$BATS_TEST_TMPDIR/other folder/micromamba"
  assert_equal "${#MICROMAMBA_BROKEN[@]}" 1
}

@test "PATH may have empty and relative folders in it" {
  PATH="$PATH::sub"
  add_micromamba sub 2.1.0
  run -0 get_micromamba_path
  assert_equal "$output" "$PWD/sub/micromamba"
  add_micromamba . 2.2.0
  run -0 get_micromamba_version
  assert_equal "$output" 2.2.0
}

@test "without HOME the project's and PATH's are looked at" {
  unset HOME
  run -1 get_micromamba_path
  add_micromamba .pyve/bin
  run -0 get_micromamba_location
  assert_equal "$output" project
}

# --- what counts as one

@test "what does not answer is passed over, and remembered with the reason" {
  mkdir -p .pyve/bin "$HOME/.pyve/bin"
  : >.pyve/bin/micromamba
  chmod +x .pyve/bin/micromamba
  printf '\x7fELFnonsense' >"$HOME/.pyve/bin/micromamba"
  chmod +x "$HOME/.pyve/bin/micromamba"
  add_micromamba "$STAND_INS" 2.0.5
  find_micromamba
  assert_equal "$MICROMAMBA_FOUND_LOCATION" system
  assert_equal "${#MICROMAMBA_BROKEN[@]}" 2
  assert_equal "${MICROMAMBA_BROKEN[0]}" "$PWD/.pyve/bin/micromamba: it is empty"
  assert_contains "${MICROMAMBA_BROKEN[1]}" "$HOME/.pyve/bin/micromamba: "
  assert_contains "${MICROMAMBA_BROKEN[1]}" "cannot execute binary file"
}

@test "a file that is not executable, a dead link, a folder and an error are no micromamba" {
  local why=none
  mkdir -p .pyve/bin
  printf '#!/bin/sh\necho 1.5.3\n' >.pyve/bin/micromamba
  run -1 probe_micromamba .pyve/bin/micromamba
  run -1 get_micromamba_path
  ln -sf /no/such/file .pyve/bin/micromamba
  probe_micromamba .pyve/bin/micromamba || why=$REPLY
  assert_equal "$why" "it is a link to a file that is gone"
  rm .pyve/bin/micromamba
  mkdir .pyve/bin/micromamba
  run -1 get_micromamba_path
  rmdir .pyve/bin/micromamba
  write_script .pyve/bin/micromamba "echo 'error while loading shared libraries: libx.so' >&2; exit 127"
  probe_micromamba .pyve/bin/micromamba || why=$REPLY
  assert_equal "$why" "error while loading shared libraries: libx.so"
  write_script .pyve/bin/micromamba "echo '<html>1.5.3</html>'"
  run -1 get_micromamba_version
}

@test "the version is found between other lines, and control characters do not get through" {
  write_script .pyve/bin/micromamba "echo 'warning  libmamba something' >&2; echo 'micromamba 2.0.0rc3'"
  run -0 get_micromamba_version
  assert_equal "$output" 2.0.0rc3
  write_script .pyve/bin/micromamba "printf '\\033[31mbad\\007\\n'"
  local why=none
  probe_micromamba .pyve/bin/micromamba || why=$REPLY
  assert_equal "$why" "?[31mbad?"
}

@test "one that hangs is given up, and ended" {
  write_script .pyve/bin/micromamba "echo \$\$ >'$BATS_TEST_TMPDIR/pid'; echo 1.5.3; exec sleep 60"
  export PYVE_PROBE_TIMEOUT=1
  local why=none
  probe_micromamba .pyve/bin/micromamba || why=$REPLY
  assert_equal "$why" "it did not answer within 1 seconds"
  run kill -0 "$(cat "$BATS_TEST_TMPDIR/pid")"
  [ "$status" -ne 0 ]
}

@test "each file is tried once, however often PATH names its folder" {
  write_script "$STAND_INS/micromamba" "echo x >>'$BATS_TEST_TMPDIR/calls'; exit 1"
  PATH="$PATH:$STAND_INS:$STAND_INS/"
  run -1 get_micromamba_path
  assert_equal "$(wc -l <"$BATS_TEST_TMPDIR/calls" | tr -d ' ')" 1
}

@test "nothing is evaluated: a hostile place is a place" {
  mkdir "$BATS_TEST_TMPDIR/\$(touch pwned)\`touch pwned\`'\""
  cd "$BATS_TEST_TMPDIR/\$(touch pwned)\`touch pwned\`'\""
  add_micromamba .pyve/bin 1.5.3
  run -0 get_micromamba_path
  assert_equal "$output" "$PWD/.pyve/bin/micromamba"
  [ ! -e pwned ]
}

# --- the machine

@test "uname's names become conda's" {
  local line system machine expected
  while read -r system machine expected; do
    stub_uname "$system" "$machine"
    find_conda_platform
    assert_equal "$system $machine $REPLY" "$system $machine $expected"
  done <<'END'
Linux x86_64 linux-64
Linux amd64 linux-64
Linux aarch64 linux-aarch64
Linux arm64 linux-aarch64
Linux ppc64le linux-ppc64le
Darwin x86_64 osx-64
Darwin arm64 osx-arm64
END
  stub_uname Linux riscv64
  find_conda_platform || line=$REPLY
  assert_equal "$line" "Linux riscv64"
}

# --- when there is none

@test "the error says what is needed, where it was looked for, and how to get it" {
  run -1 --separate-stderr error_micromamba_not_found "Detected: environment.yml"
  assert_equal "$output" ""
  assert_contains "$stderr" "ERROR: Backend 'micromamba' required but not found [E_MICROMAMBA_MISSING]"
  assert_contains "$stderr" "why: Detected: environment.yml"
  assert_contains "$stderr" "fix: pyve init --auto-bootstrap"
  run -1 error_micromamba_not_found environment.yml
  assert_contains "$output" "why: Detected: environment.yml"
  run -1 error_micromamba_not_found
  refute_contains "$output" Detected
}

@test "the error names what is there and does not work" {
  write_script .pyve/bin/micromamba "exit 3"
  find_micromamba || :
  run -1 error_micromamba_not_found
  assert_contains "$output" "why: does not work: $PWD/.pyve/bin/micromamba: it does not tell its version"
}

@test "the package manager of this machine is asked whether it has micromamba" {
  local why root=""
  ((EUID == 0)) || root="sudo "
  find_package_command || why=$REPLY
  assert_equal "$why" ""
  make_manager apt-get ""
  make_manager apt-cache "'show micromamba') exit 100 ;;"
  find_package_command || why=$REPLY
  assert_equal "$why" apt-get
  make_manager apt-cache "'show micromamba') echo 'Package: micromamba' ;;"
  find_package_command
  assert_equal "$REPLY" "${root}apt-get install micromamba"
  rm "$STAND_INS"/apt-*
  hash -r
  make_manager dnf "'-q -C info micromamba') exit 0 ;;"
  find_package_command
  assert_equal "$REPLY" "${root}dnf install micromamba"
  rm "$STAND_INS/dnf"
  hash -r
  make_manager pacman "'-Si micromamba') exit 1 ;;"
  make_manager apk "'search -e micromamba') exit 0 ;;"
  find_package_command || why=$REPLY
  assert_equal "$why" "pacman apk"
  make_manager apk "'search -e micromamba') echo micromamba-2.0-r0 ;;"
  find_package_command
  assert_equal "$REPLY" "${root}apk add micromamba"
  make_manager brew ""
  find_package_command
  assert_equal "$REPLY" "brew install micromamba"
  run -1 error_micromamba_not_found
  assert_contains "$output" "fix: brew install micromamba"
}
