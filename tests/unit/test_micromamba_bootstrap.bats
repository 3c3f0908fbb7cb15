#!/usr/bin/env bats
# shellcheck disable=SC2016 # code in single quotes is for another bash
# shellcheck disable=SC2030,SC2031 # bats runs every test in a process of its own
# lib/micromamba_bootstrap.sh and lib/micromamba_download.sh: micromamba is installed whole and verified,
# or not at all.

bats_require_minimum_version 1.5.0
load ../helpers/test_helper
load ../helpers/managers
load ../helpers/bootstrap

# --- what is got, and from where

@test "the table has a version, sources with https, and a digest for each platform" {
  local table=$PYVE_TREE/lib/data/micromamba.tsv platform
  run -0 grep -cE $'^version\t[0-9]+\.[0-9]+\.[0-9]+-[0-9]+$' "$table"
  assert_equal "$output" 1
  run -0 grep -E '^source' "$table"
  refute_contains "${output//$'\t'https:\/\//}" "://"
  for platform in linux-64 linux-aarch64 linux-ppc64le osx-64 osx-arm64; do
    run -0 grep -cE "^$platform"$'\t[0-9a-f]{64}$' "$table"
    assert_equal "$output" 1
  done
  run -0 grep -c '' <(grep -vE '^#|^(version|source|linux-64|linux-aarch64|linux-ppc64le|osx-64|osx-arm64)'$'\t' "$table" || echo none)
  assert_equal "$output" 1
}

@test "the URL is that of this machine's platform and of the pinned version" {
  unset PYVE_MICROMAMBA_URL PYVE_MICROMAMBA_SHA256
  make_manager uname "-s) echo Darwin ;; -m) echo arm64 ;;"
  run -0 strictly get_micromamba_download_url
  assert_equal "$output" "$(sed -n 's/{platform}/osx-arm64/; s/{version}/2.9.0/; s/^source	//p' "$PYVE_TREE/lib/data/micromamba.tsv" | head -1)"
  [[ $output == https://*/osx-arm64/2.9.0 ]]
}

@test "there is no URL for a machine that micromamba is not made for" {
  make_manager uname "-s) echo Linux ;; -m) echo riscv64 ;;"
  run -1 --separate-stderr strictly get_micromamba_download_url
  assert_equal "$output" ""
  assert_contains "$stderr" "[E_MICROMAMBA_PLATFORM]"
  assert_contains "$stderr" "Linux riscv64"
  run -1 install_micromamba user
  assert_nothing_left
}

@test "a mirror's URL may have the platform and the version in it, and shows no secret" {
  make_manager uname "-s) echo Linux ;; -m) echo aarch64 ;;"
  PYVE_MICROMAMBA_URL='https://me:secret@mirror.example/t/tk-123/{platform}/{version}/{release}?key=secret' \
    run -0 strictly get_micromamba_download_url
  assert_equal "$output" "https://***@mirror.example/t/***/linux-aarch64/2.9.0/2.9.0-0"
}

@test "another version is taken only with its digest" {
  local digest=$PYVE_MICROMAMBA_SHA256
  unset PYVE_MICROMAMBA_SHA256
  export PYVE_MICROMAMBA_VERSION=2.0.5
  run -1 install_micromamba user
  assert_contains "$output" "[E_MICROMAMBA_DIGEST_UNKNOWN]"
  assert_contains "$output" "PYVE_MICROMAMBA_SHA256 may tell it"
  assert_contains "$output" "fix: env -u PYVE_MICROMAMBA_VERSION "
  assert_nothing_left
  PYVE_MICROMAMBA_SHA256=$(tr a-f A-F <<<"$digest") run -0 install_micromamba user
  assert_contains "$output" "micromamba 2.0.5-0"
  [ -x "$HOME/.pyve/bin/micromamba" ]
}

@test "a mirror without a digest has to have the pinned executable" {
  unset PYVE_MICROMAMBA_SHA256
  run -1 install_micromamba user
  assert_contains "$output" "[E_MICROMAMBA_DIGEST]"
  assert_nothing_left
}

@test "settings that make no sense are refused before anything is made" {
  local value
  for value in latest 2 '2.9; touch pwned' '../2.9.0'; do
    PYVE_MICROMAMBA_VERSION=$value run -1 install_micromamba user
    assert_contains "$output" "[E_MICROMAMBA_VERSION]"
  done
  for value in abc "${PYVE_MICROMAMBA_SHA256}0" "${PYVE_MICROMAMBA_SHA256%?}g" $'\n'; do
    PYVE_MICROMAMBA_SHA256=$value run -1 install_micromamba user
    assert_contains "$output" "[E_MICROMAMBA_DIGEST_FORM]"
  done
  for value in ftp://x/y mirror.example/x /a/path 'https://a b' $'https://a\nb' 'https://a"b' 'file://relative' 'file:///a%zz' 'file:///a%2'; do
    PYVE_MICROMAMBA_URL=$value run -1 install_micromamba user
    assert_contains "$output" "[E_MICROMAMBA_URL]"
  done
  assert_nothing_left
}

# --- installed whole

@test "it is installed for the project and for the user, executable, and nothing else stays" {
  run -0 install_micromamba project
  assert_contains "$output" "Installed micromamba 2.9.0 in $PWD/.pyve/bin"
  assert_equal "$(find . -mindepth 1 | LC_ALL=C sort)" $'./.pyve\n./.pyve/bin\n./.pyve/bin/micromamba'
  cmp "$SERVED/micromamba" .pyve/bin/micromamba
  [[ $(ls -l .pyve/bin/micromamba) == -rwxr-xr-x* ]]
  run -0 install_micromamba user
  cmp "$SERVED/micromamba" "$HOME/.pyve/bin/micromamba"
  assert_equal "$(cd "$HOME" && find . -mindepth 1 | LC_ALL=C sort)" $'./.pyve\n./.pyve/bin\n./.pyve/bin/micromamba'
}

@test "one member of a tarball is installed, however it is compressed" {
  local tool count=0
  for tool in cat bzip2 gzip xz zstd; do
    can_compress "$tool" || continue
    make_tarball "file.$tool" "$tool"
    run -0 install_micromamba user
    cmp "$SERVED/micromamba" "$HOME/.pyve/bin/micromamba"
    assert_equal "$(find "$HOME/.pyve/bin" -mindepth 1)" "$HOME/.pyve/bin/micromamba"
    rm -r "$HOME/.pyve"
    count=$((count + 1))
  done
  ((count >= 2))
}

@test "the digest may be that of the tarball" {
  make_tarball file.gz gzip
  sha256 "$SERVED/file.gz"
  PYVE_MICROMAMBA_SHA256=$REPLY run -0 install_micromamba user
  cmp "$SERVED/micromamba" "$HOME/.pyve/bin/micromamba"
}

@test "Python unpacks where tar or the compressor is missing; without it the error says what is" {
  make_tarball file.bz2 bzip2
  rm "$TOOLS/bzip2"
  run -1 install_micromamba user
  assert_contains "$output" "tar and bzip2 are needed, or a Python"
  assert_nothing_left
  PATH=$MACHINE_PATH find_real_python
  ln -s "$REAL_PYTHON" "$TOOLS/python3"
  run -0 install_micromamba user
  cmp "$SERVED/micromamba" "$HOME/.pyve/bin/micromamba"
  rm -r "$HOME/.pyve"
  add_tools bzip2
  rm "$TOOLS/tar"
  run -0 install_micromamba user
  cmp "$SERVED/micromamba" "$HOME/.pyve/bin/micromamba"
}

@test "what is there already is not downloaded again; another version is replaced" {
  install_micromamba user
  rm "$SERVED/micromamba"
  run -0 install_micromamba user
  assert_contains "$output" "is in $HOME/.pyve/bin already"
  write_script "$SERVED/micromamba" "echo 2.9.1"
  sha256 "$SERVED/micromamba"
  PYVE_MICROMAMBA_SHA256=$REPLY run -0 install_micromamba user
  assert_equal "$("$HOME/.pyve/bin/micromamba" --version)" 2.9.1
}

@test "the second source is tried when the first fails, and that is said" {
  local table=$BATS_TEST_TMPDIR/table
  unset PYVE_MICROMAMBA_URL
  printf 'version\t2.9.0-0\nsource\tfile:///no/such/{release}\nsource\tfile://%s/{version}\n' "${SERVED// /%20}" >"$table"
  cp "$SERVED/micromamba" "$SERVED/2.9.0"
  run -0 strictly '_micromamba_table=$1; bootstrap_install_micromamba user' "$table"
  assert_contains "$output" "WARNING: not every source gave micromamba [W_MICROMAMBA_SOURCE]
  why: file:///no/such/2.9.0-0: the file /no/such/2.9.0-0 is not there"
  cmp "$SERVED/micromamba" "$HOME/.pyve/bin/micromamba"
  rm -r "$HOME/.pyve"
  printf 'nonsense' >"$SERVED/2.9.0"
  run -1 strictly '_micromamba_table=$1; bootstrap_install_micromamba user' "$table"
  assert_contains "$output" "why: file:///no/such/2.9.0-0: "
  assert_contains "$output" "2.9.0: it is neither a program nor a tarball"
  assert_nothing_left
}

# --- at once, and killed

@test "several bootstraps at once all succeed, and leave one micromamba" {
  local i pids=()
  make_tarball file.gz gzip
  for i in 1 2 3 4 5; do
    install_micromamba user >"$BATS_TEST_TMPDIR/out.$i" 2>&1 &
    pids+=("$!")
  done
  for i in "${pids[@]}"; do
    wait "$i"
  done
  cmp "$SERVED/micromamba" "$HOME/.pyve/bin/micromamba"
  assert_equal "$(find "$HOME/.pyve" -mindepth 2)" "$HOME/.pyve/bin/micromamba"
}

@test "several bootstraps at once that fail leave nothing" {
  local i pids=()
  export PYVE_MICROMAMBA_SHA256=${PYVE_MICROMAMBA_SHA256//[0-4]/5}
  for i in 1 2 3 4 5; do
    install_micromamba user >"$BATS_TEST_TMPDIR/out.$i" 2>&1 &
    pids+=("$!")
  done
  for i in "${pids[@]}"; do
    wait "$i" && return 1
  done
  refute_contains "$(cat "$BATS_TEST_TMPDIR"/out.*)" E_FILE_WRITE
  assert_nothing_left
}

@test "a bootstrap that is killed leaves no micromamba, and the next one clears up" {
  export PYVE_MICROMAMBA_URL=https://mirror.example/mm
  write_script "$STAND_INS/curl" "echo \$\$ >'$BATS_TEST_TMPDIR/pid'; exec sleep 60"
  write_script "$HOME/.pyve/bin/micromamba" "echo 1.5.3"
  bash -c 'set -euo pipefail; PYVE_COMMAND=demo; . "$1/lib/utils.sh"; trap finish EXIT; . "$1/lib/micromamba_bootstrap.sh"
    bootstrap_install_micromamba user' - "$PYVE_TREE" >/dev/null 2>&1 3>&- &
  local pid=$! i
  for ((i = 0; i < 100; i++)); do
    [[ ! -s $BATS_TEST_TMPDIR/pid ]] || break
    sleep 0.05
  done
  kill -9 "$pid"
  wait "$pid" || :
  kill "$(cat "$BATS_TEST_TMPDIR/pid")"
  assert_equal "$("$HOME/.pyve/bin/micromamba" --version)" 1.5.3
  assert_contains "$(ls -A "$HOME/.pyve/bin")" .micromamba.pyve-new.
  serve micromamba
  run -0 install_micromamba user
  assert_equal "$("$HOME/.pyve/bin/micromamba" --version)" 2.9.0
  assert_equal "$(ls -A "$HOME/.pyve/bin")" micromamba
}

# --- without a dialogue

@test "auto installs for the user unless told otherwise, asks nothing, and finds it" {
  run -0 strictly 'bootstrap_micromamba_auto </dev/null; echo "$MICROMAMBA_FOUND_LOCATION $MICROMAMBA_FOUND_VERSION"'
  assert_contains "$output" "user 2.9.0"
  run -0 strictly 'bootstrap_micromamba_auto project; echo "$MICROMAMBA_FOUND_LOCATION"'
  assert_contains "$output" project
  run -1 strictly 'bootstrap_micromamba_auto nowhere'
  assert_contains "$output" "[E_MICROMAMBA_LOCATION]"
}

# --- with one

# Usage: choose <answers> [code before]
# Runs the dialogue with these answers in a pipe.
choose() {
  printf '%b' "$1" | strictly "${2-}"'bootstrap_micromamba_interactive; echo "$MICROMAMBA_FOUND_LOCATION"'
}

@test "the dialogue shows what is needed, the four ways, and the default" {
  : >environment.yml
  run -1 --separate-stderr choose '4\n'
  assert_equal "$output" ""
  assert_contains "$stderr" "ERROR: Backend 'micromamba' required but not found.

Detected: environment.yml
Required: micromamba

Installation options:
  1. Install to project sandbox: .pyve/bin/micromamba
  2. Install to user sandbox: ~/.pyve/bin/micromamba
  3. Install via the system package manager
  4. Abort and install manually
Choice [1]: "
}

@test "answers 1, Enter and 2 install; the place is the one chosen" {
  run -0 choose '1\n'
  assert_contains "$output" project
  [ -x .pyve/bin/micromamba ] && [ ! -e "$HOME/.pyve" ]
  rm -r .pyve
  run -0 choose '\n'
  [ -x .pyve/bin/micromamba ] && [ ! -e "$HOME/.pyve" ]
  rm -r .pyve
  run -0 choose '2\n'
  [ -x "$HOME/.pyve/bin/micromamba" ] && [ ! -e .pyve ]
}

@test "answer 3 says the command for this machine, and installs nothing" {
  run -1 choose '3\n'
  assert_contains "$output" "why: no package manager here has it"
  make_manager brew ""
  run -1 choose '3\n'
  assert_contains "$output" "  3. Install via the system package manager: brew install micromamba"
  assert_contains "$output" "fix: brew install micromamba"
  assert_contains "$output" "fix: pyve init"
  assert_nothing_left
}

@test "answer 4 and the end of input say how to install it, and download nothing" {
  local answer
  for answer in '4\n' '4' ''; do
    run -1 choose "$answer"
    assert_contains "$output" "[E_MICROMAMBA_MISSING]"
    assert_contains "$output" "fix: pyve init --auto-bootstrap"
    assert_nothing_left
  done
}

@test "another answer is an invalid choice, and downloads nothing" {
  local answer
  for answer in 5 0 x '1 2' -1 '$(touch pwned)'; do
    run -1 choose "$answer\n"
    assert_contains "$output" "Invalid choice: $answer"
    assert_nothing_left
  done
}

@test "in CI nothing is asked and nothing downloaded; --yes takes the default" {
  CI=true run -1 choose '1\n'
  refute_contains "$output" "Choice"
  assert_contains "$output" "[E_MICROMAMBA_MISSING]"
  assert_nothing_left
  run -0 choose '' 'PYVE_YES=1; '
  refute_contains "$output" "Choice"
  [ -x .pyve/bin/micromamba ]
}

@test "the reason that the caller gives is shown" {
  run -1 strictly 'bootstrap_micromamba_interactive "Detected: my file" </dev/null'
  assert_contains "$output" "Detected: my file"
}
