# What the tests of micromamba's bootstrap share: `load ../helpers/bootstrap`, after test_helper and managers.
#
# shellcheck shell=bash
# shellcheck disable=SC2016 # code in single quotes is for another bash

MOUNTED=""

setup() {
  setup_project
  MACHINE_PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
  isolate_path
  add_tools tar bzip2 gzip xz zstd dd sha256sum openssl id mount umount
  SERVED="$BATS_TEST_TMPDIR/served files"
  mkdir -p "$SERVED"
  write_script "$SERVED/micromamba" "[ \"\$*\" = --version ] || exit 98; echo 2.9.0"
  export PYVE_MICROMAMBA_URL="file://${SERVED// /%20}/micromamba"
  sha256 "$SERVED/micromamba"
  export PYVE_MICROMAMBA_SHA256=$REPLY
}

teardown() {
  if [[ -n $MOUNTED ]]; then
    umount "$MOUNTED"
  fi
}

# Usage: add_tools <name>...
# Links those that this machine has into the PATH of the test.
add_tools() {
  local tool path
  for tool; do
    path=$(PATH=$MACHINE_PATH type -P "$tool") || continue
    ln -sf "$path" "$TOOLS/$tool"
  done
}

# Usage: sha256 <file>
# Sets REPLY.
sha256() {
  # shellcheck source=/dev/null # below the tree
  . "$PYVE_TREE/lib/digest.sh"
  sha256_of_file "$1"
}

# Usage: strictly <code> [argument]...
# Runs code as a Pyve of its own would, with the modules read.
strictly() {
  bash -c 'set -euo pipefail; PYVE_COMMAND=demo PYVE_JSON="" PYVE_QUIET="" PYVE_VERBOSE=""; . "$1/lib/utils.sh"
    trap finish EXIT; . "$1/lib/micromamba_bootstrap.sh"; shift; '"$1" - "$PYVE_TREE" "${@:2}" 3>&-
}

# Usage: install_micromamba <project|user>
install_micromamba() {
  strictly 'bootstrap_install_micromamba "$1"' "$1"
}

# Usage: make_tarball <name> [compressor]
# Makes $SERVED/<name> with ./bin/micromamba in it, as conda packages have it, and lets it be served.
make_tarball() {
  local folder=$BATS_TEST_TMPDIR/package
  mkdir -p "$folder/bin" "$folder/info"
  cp "$SERVED/micromamba" "$folder/bin/micromamba"
  printf '{}\n' >"$folder/info/index.json"
  tar -C "$folder" -cf "$SERVED/plain.tar" ./info ./bin
  "${2:-cat}" <"$SERVED/plain.tar" >"$SERVED/$1"
  serve "$1"
}

# Usage: can_compress <program>
# True when it is there and compresses; the xz of busybox only unpacks.
can_compress() {
  type -P "$1" >/dev/null && "$1" </dev/null >/dev/null 2>&1
}

# Usage: serve <name>
# Lets a file of $SERVED be what is downloaded.
serve() {
  export PYVE_MICROMAMBA_URL="file://${SERVED// /%20}/$1"
}

# Usage: make_hostile_tarball <Python code>
# Makes and serves a tarball: the code adds to `tar` (a tarfile.TarFile) with add(name, type=..., link=...,
# data=...).
make_hostile_tarball() {
  PATH=$MACHINE_PATH find_real_python
  "$REAL_PYTHON" -I - "$SERVED/hostile.tar.gz" "$SERVED/micromamba" "$1" <<'PYTHON'
import io
import sys
import tarfile

GOOD = open(sys.argv[2], "rb").read()
with tarfile.open(sys.argv[1], "w:gz", format=tarfile.PAX_FORMAT) as tar:
    def add(name, type=tarfile.REGTYPE, link="", data=b""):
        member = tarfile.TarInfo(name)
        member.type, member.linkname, member.size, member.mode = type, link, len(data), 0o755
        member.devmajor, member.devminor = 1, 3
        tar.addfile(member, io.BytesIO(data))
    exec(sys.argv[3])
PYTHON
  serve hostile.tar.gz
}

# Usage: assert_nothing_left
# Nothing but what was there before the failed installation.
assert_nothing_left() {
  assert_equal "$(find . "$HOME" -mindepth 1)" ""
}
