#!/usr/bin/env bats
# shellcheck disable=SC2016 # code in single quotes is for another bash
# shellcheck disable=SC2030,SC2031 # bats runs every test in a process of its own
# lib/micromamba_download.sh: what is not the executable that was meant is not installed, and leaves nothing.

bats_require_minimum_version 1.5.0
load ../helpers/test_helper
load ../helpers/managers
load ../helpers/bootstrap

@test "a wrong digest installs nothing, and keeps what is there" {
  export PYVE_MICROMAMBA_SHA256=${PYVE_MICROMAMBA_SHA256//[0-4]/5}
  run -1 install_micromamba user
  assert_contains "$output" "[E_MICROMAMBA_DIGEST]"
  assert_contains "$output" "expected was $PYVE_MICROMAMBA_SHA256"
  assert_nothing_left
  make_tarball file.gz gzip
  run -1 install_micromamba user
  assert_contains "$output" "[E_MICROMAMBA_DIGEST]"
  assert_nothing_left
  write_script "$HOME/.pyve/bin/micromamba" "echo 1.5.3"
  run -1 install_micromamba user
  assert_equal "$("$HOME/.pyve/bin/micromamba" --version)" 1.5.3
  assert_equal "$(find "$HOME/.pyve/bin" -mindepth 1)" "$HOME/.pyve/bin/micromamba"
}

@test "nothing is executed before its digest is right" {
  write_script "$SERVED/micromamba" "touch '$BATS_TEST_TMPDIR/executed'; echo 2.9.0"
  run -1 install_micromamba user
  assert_contains "$output" "[E_MICROMAMBA_DIGEST]"
  [ ! -e "$BATS_TEST_TMPDIR/executed" ]
}

@test "an executable that does not answer is not installed, also with the right digest" {
  printf '\x7fELFnot for this machine' >"$SERVED/micromamba"
  sha256 "$SERVED/micromamba"
  PYVE_MICROMAMBA_SHA256=$REPLY run -1 install_micromamba user
  assert_contains "$output" "[E_MICROMAMBA_BROKEN]"
  assert_contains "$output" "does not run on this machine"
  assert_nothing_left
}

@test "a tarball that is cut off is told" {
  local tool
  for tool in bzip2 gzip xz; do
    can_compress "$tool" || continue
    make_tarball "file.$tool" "$tool"
    head -c 60 "$SERVED/file.$tool" >"$SERVED/part"
    serve part
    run -1 install_micromamba user
    assert_contains "$output" "[E_MICROMAMBA_ARCHIVE]"
    assert_contains "$output" "damaged or cut off"
    assert_nothing_left
  done
}

@test "web pages, zip archives, texts and nothing at all are told apart from a program" {
  local line expected
  while IFS='|' read -r line expected; do
    printf '%b' "$line" >"$SERVED/file"
    serve file
    run -1 install_micromamba user
    assert_contains "$output" "[E_MICROMAMBA_ARCHIVE]"
    assert_contains "$output" "$expected"
  done <<'END'
<!DOCTYPE html><html>Please log in</html>|it is a web page
\n  <html>|it is a web page
{"message": "Not Found"}|it is a web page
PK\003\004zip|it is a zip archive
Hello|it is neither a program nor a tarball
|what was served is empty
END
  assert_nothing_left
}

@test "a tarball has no effect but for its one member" {
  make_hostile_tarball '
add("../../evil", data=b"x")
add("'"$BATS_TEST_TMPDIR"'/absolute", data=b"x")
add("link", tarfile.SYMTYPE, "'"$BATS_TEST_TMPDIR"'")
add("link/through", data=b"x")
add("device", tarfile.CHRTYPE)
add("-rf", data=b"x")
add("bin/micromamba", data=GOOD)'
  run -0 install_micromamba user
  cmp "$SERVED/micromamba" "$HOME/.pyve/bin/micromamba"
  assert_equal "$(find "$HOME" -mindepth 1 ! -type d)" "$HOME/.pyve/bin/micromamba"
  [ ! -e "$BATS_TEST_TMPDIR/absolute" ] && [ ! -e "$BATS_TEST_TMPDIR/through" ]
  assert_equal "$(find "$BATS_TEST_TMPDIR" -name evil)" ""
}

@test "hostile tarballs are refused, with tar and with Python" {
  local code
  PATH=$MACHINE_PATH find_real_python
  ln -s "$REAL_PYTHON" "$TOOLS/python3"
  while IFS= read -r code; do
    make_hostile_tarball "$code"
    add_tools tar
    run -1 install_micromamba user
    assert_contains "$code: $output" "[E_MICROMAMBA_"
    refute_contains "$code: $output" E_INTERNAL
    rm "$TOOLS/tar"
    run -1 install_micromamba user
    assert_contains "$code: $output" "[E_MICROMAMBA_"
    assert_nothing_left
  done <<'END'
add("other", data=b"x")
add("bin/micromamba", data=GOOD); add("bin/micromamba", data=GOOD)
add("bin/micromamba", data=b"x"); add("./bin/micromamba", data=GOOD)
add("bin/micromamba", tarfile.SYMTYPE, "/bin/sh")
add("other", data=GOOD); add("bin/micromamba", tarfile.LNKTYPE, "other")
add("bin/micromamba", tarfile.CHRTYPE)
add("bin/micromamba", tarfile.FIFOTYPE)
add("bin/micromamba", tarfile.DIRTYPE); add("bin/micromamba/x", data=GOOD)
add("../bin/micromamba", data=b"x")
add("/bin/micromamba", data=b"x")
add("x\nbin/micromamba", data=GOOD)
add("bin/micromamba", data=b"#!/bin/sh\ntouch pwned\n")
END
  [ ! -e pwned ]
  make_hostile_tarball 'add("bin/micromamba", data=GOOD); add("./bin/micromamba", data=GOOD)'
  add_tools tar
  run -1 install_micromamba user
  assert_contains "$output" "the tarball has 2 bin/micromamba in it; expected is one"
}

@test "what is larger than can be is refused, as it is and unpacked" {
  head -c 300000 /dev/zero >"$SERVED/file"
  serve file
  run -1 strictly '_micromamba_limit=200; bootstrap_install_micromamba user'
  assert_contains "$output" "larger than"
  assert_nothing_left
  gzip -c "$SERVED/file" >"$SERVED/file.gz"
  serve file.gz
  run -1 strictly '_micromamba_limit=200; bootstrap_install_micromamba user'
  assert_contains "$output" "larger than"
  assert_nothing_left
}

@test "a limit on the size of files, or a full disk, is told and leaves nothing" {
  { cat "$SERVED/micromamba" && head -c 300000 /dev/zero; } >"$SERVED/file"
  sha256 "$SERVED/file"
  export PYVE_MICROMAMBA_SHA256=$REPLY
  serve file
  run -1 strictly 'ulimit -f 100; bootstrap_install_micromamba user'
  assert_contains "$output" "[E_DISK_FULL]"
  assert_nothing_left
  mkdir "$HOME/.pyve"
  mount -t tmpfs -o size=100k tmpfs "$HOME/.pyve" 2>/dev/null || skip "the rest is NOT TESTED: no file system can be mounted here"
  MOUNTED=$HOME/.pyve
  run -1 install_micromamba user
  assert_contains "$output" "[E_DISK_FULL]"
  assert_equal "$(find "$HOME/.pyve" -mindepth 1)" ""
  gzip -c "$SERVED/file" >"$SERVED/file.gz"
  serve file.gz
  run -1 install_micromamba user
  assert_contains "$output" "[E_DISK_FULL]"
  assert_equal "$(find "$HOME/.pyve" -mindepth 1)" ""
}

@test "a folder that cannot be written is told" {
  local why="[E_FILE_WRITE]"
  : >"$HOME/.pyve"
  run -1 install_micromamba user
  assert_contains "$output" "$why"
  rm "$HOME/.pyve"
  mkdir -p "$HOME/.pyve/bin/micromamba"
  run -1 install_micromamba user
  assert_contains "$output" "$why"
  rm -r "$HOME/.pyve"
  mkdir "$HOME/.pyve"
  if [[ $(id -u) == 0 ]]; then
    mount -t tmpfs -o ro tmpfs "$HOME/.pyve" 2>/dev/null || skip "the rest is NOT TESTED: no file system can be mounted here"
    MOUNTED=$HOME/.pyve
  else
    chmod 500 "$HOME/.pyve"
  fi
  run -1 install_micromamba user
  assert_contains "$output" "$why"
  assert_contains "$output" "read-only"
}

@test "a place that is none is refused" {
  run -1 strictly 'bootstrap_install_micromamba'
  assert_contains "$output" "[E_MICROMAMBA_LOCATION]"
  run -1 install_micromamba /usr/local/bin
  assert_contains "$output" "[E_MICROMAMBA_LOCATION]"
  HOME=/no/such/home run -1 install_micromamba user
  assert_contains "$output" "[E_MICROMAMBA_LOCATION]"
  mkdir .pyve elsewhere
  ln -s ../elsewhere .pyve/bin
  run -1 install_micromamba project
  assert_contains "$output" "[E_FILE_LINK]"
  assert_equal "$(ls -A elsewhere)" ""
}

# --- the programs that download

@test "curl is told to fail, to follow with https only, and hears of the URL through stdin" {
  export PYVE_MICROMAMBA_URL=https://me:secret@mirror.example/mm
  write_script "$STAND_INS/curl" "printf '%s\n' \"\$@\" >'$BATS_TEST_TMPDIR/args'; cat >'$BATS_TEST_TMPDIR/stdin'
while [ \$# -gt 0 ]; do [ \"\$1\" != --output ] || cp '$SERVED/micromamba' \"\$2\"; shift; done"
  run -0 install_micromamba user
  assert_contains "$output" "from https://***@mirror.example/mm"
  refute_contains "$output" secret
  run -0 cat "$BATS_TEST_TMPDIR/args"
  refute_contains "$output" secret
  assert_contains "$output" --fail
  assert_contains "$output" $'--proto\n=https\n--proto-redir\n=https'
  assert_equal "$(cat "$BATS_TEST_TMPDIR/stdin")" 'url = "https://me:secret@mirror.example/mm"'
}

@test "plain http is followed only when the user names it" {
  export PYVE_MICROMAMBA_URL=http://mirror.example/mm
  write_script "$STAND_INS/curl" "printf '%s\n' \"\$@\" >'$BATS_TEST_TMPDIR/args'; exit 6"
  run -1 install_micromamba user
  assert_contains "$(cat "$BATS_TEST_TMPDIR/args")" "=http,https"
}

@test "a failure of curl is told in its own words, without secrets, and leaves nothing" {
  export PYVE_MICROMAMBA_URL=https://me:secret@mirror.example/mm
  write_script "$STAND_INS/curl" "echo 'curl: (22) The requested URL https://me:secret@mirror.example/mm returned error: 404' >&2; exit 22"
  run -1 install_micromamba user
  assert_contains "$output" "[E_MICROMAMBA_DOWNLOAD]"
  assert_contains "$output" "The requested URL https://***@mirror.example/mm returned error: 404"
  refute_contains "$output" secret
  assert_nothing_left
  write_script "$STAND_INS/curl" "exit 23"
  run -1 install_micromamba user
  assert_contains "$output" "[E_DISK_FULL]"
  write_script "$STAND_INS/curl" "exit 63"
  run -1 install_micromamba user
  assert_contains "$output" "larger than 200 MiB"
  assert_nothing_left
}

@test "wget does it where there is no curl, that of GNU and that of busybox" {
  export PYVE_MICROMAMBA_URL=https://mirror.example/mm
  local log=$BATS_TEST_TMPDIR/args
  write_script "$STAND_INS/wget" "[ \"\$1\" != --version ] || { echo 'GNU Wget 1.21.3 built on linux-gnu.'; exit; }
printf '%s\n' \"\$*\" >'$log'; while [ \"\$1\" != -O ]; do shift; done; cp '$SERVED/micromamba' \"\$2\""
  run -0 install_micromamba user
  assert_contains "$(cat "$log")" "-nv --tries=2 --timeout=30 --max-redirect=10 -O "
  rm -r "$HOME/.pyve"
  write_script "$STAND_INS/wget" "[ \"\$1\" = -q ] || { echo 'wget: unrecognized option' >&2; exit 1; }
printf '%s\n' \"\$*\" >'$log'; while [ \"\$1\" != -O ]; do shift; done; cp '$SERVED/micromamba' \"\$2\""
  run -0 install_micromamba user
  assert_contains "$(cat "$log")" "-q -O "
}

@test "without curl, wget and Python the error says so" {
  local root=""
  export PYVE_MICROMAMBA_URL=https://mirror.example/mm
  make_manager apt-get ""
  run -1 install_micromamba user
  assert_contains "$output" "[E_DOWNLOADER_MISSING]"
  ((EUID == 0)) || root="sudo "
  assert_contains "$output" "fix: ${root}apt-get install curl"
  assert_nothing_left
}
