#!/usr/bin/env bash
# Write all pins anew: helpers/requirements/*.txt, what Pyve's toolchain is made of, and requirements-dev.txt; and
# see that they can be installed, with hashes, by every supported Python on every supported platform.
#
# Usage: scripts/renew-pins.sh [--keep | --check]
#
# Without an option each distribution goes to its newest version; with --keep only where the .in files ask for it.
# --check writes nothing, and looks whether the pins as they are still hold. Asks the index (as uv is set to). All files are
# written, or none. Exit: 0 all is well; 1 something is not.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly FOLDER=helpers/requirements

# Which extra is compiled with which others as constraints, in this order, so that what several of them have is one
# version: "extra: constraint...". (For Python 3.9, which conda-lock does without, locks has older versions than
# conda-lock: it cannot be held to these. For newer Pythons they are the same, which check_equal sees to.)
readonly ORDER='conda-lock:
conda: conda-lock
base: conda-lock
mcp: base
locks: base
sbom: locks
watch: base
imports: locks'
readonly DEV=requirements-dev

# What wheels have to be there for, in the words of uv.
readonly PLATFORMS='x86_64-manylinux_2_28
aarch64-manylinux_2_28
x86_64-unknown-linux-musl
aarch64-unknown-linux-musl
x86_64-apple-darwin
aarch64-apple-darwin'

# Usage: stop <message> <why>
stop() {
  printf 'ERROR: %s\n  why: %s\n' "$1" "$2" >&2
  exit 1
}

# Usage: find_uv
# Sets UV to the uv that works here: the one of .dev, or one on PATH.
find_uv() {
  UV=uv
  [[ ! -x .dev/bin/uv ]] || UV=.dev/bin/uv
  "$UV" --version >/dev/null 2>&1 || stop "there is no uv" "it compiles the pins: make dev, or pip install uv"
}

# Usage: read_note <extra> <name>
# Sets REPLY to what the line "# <name>: ..." of the extra's .in file says, or to "".
read_note() {
  REPLY=$(sed -n "s/^# $2: //p" "$FOLDER/$1.in" | head -n 1)
}

# Usage: list_pythons <extra>
# Sets PYTHONS to the series that the extra is for: "3.9 3.10 ...", from its note ">=3.9,<3.15".
list_pythons() {
  local shape='^>=3\.([0-9]+),<3\.([0-9]+)$' minor
  read_note "$1" Python
  [[ $REPLY =~ $shape ]] || stop "$FOLDER/$1.in does not say its Pythons" "expected is: # Python: >=3.9,<3.15"
  PYTHONS=""
  for ((minor = BASH_REMATCH[1]; minor < BASH_REMATCH[2]; minor++)); do
    PYTHONS+=${PYTHONS:+ }3.$minor
  done
}

# Usage: compile_one <folder> <name> <Python> [constraint]...
# Compiles <name>.in, in the folder, to <name>.txt.
compile_one() {
  local folder=$1 name=$2 python=$3 constraint
  local -a words=()
  shift 3
  for constraint; do
    words+=(-c "$constraint.txt")
  done
  [[ -n $KEEP ]] || words+=(--upgrade)
  printf 'Compiling %s\n' "$name" >&2
  (
    cd "$folder"
    # (Written as people write it by hand: the comments in the file name the files.)
    "$UV" pip compile -q --universal --python-version "$python" --generate-hashes --no-emit-index-url --no-header \
      --no-progress ${words[@]+"${words[@]}"} "$name.in" -o "$name.txt" >/dev/null
  ) || stop "$name.in cannot be compiled" "see the lines above; all files are as they were"
}

# Usage: compile_all <folder>
# Compiles everything to <folder>, which has copies of all .in and .txt files.
compile_all() {
  local line name constraints first
  while IFS= read -r line; do
    name=${line%%:*} constraints=${line#*:}
    list_pythons "$name"
    first=${PYTHONS%% *}
    # shellcheck disable=SC2086 # a list of names, split on purpose
    compile_one "$1" "$name" "$first" $constraints
  done <<<"$ORDER"
  compile_one "$1" "$DEV" 3.9
}

# Usage: check_hashes <file>
# Status 1 when a pin is none (name==version), or has no SHA-256.
check_hashes() {
  awk -v file="$1" '
    function judge() { if (name != "" && !hashed) { print "ERROR: " file ": " name " has no hash"; bad = 1 } }
    /^[^ #]/ {
      judge()
      name = $1
      hashed = 0
      if (name !~ /^[A-Za-z0-9._-]+(\[[A-Za-z0-9,._-]+\])?==[^ ]+$/) {
        print "ERROR: " file ": " $0 " is no pin"
        bad = 1
      }
      next
    }
    /^ +--hash=sha256:[0-9a-f]+( \\)?$/ { if (length($1) == 78) hashed = 1; next }
    /^ *#|^ *$/ { next }
    { print "ERROR: " file ": " $0; bad = 1 }
    END { judge(); exit bad }
  ' "$1"
}

# Usage: check_equal <folder>
# Status 1 when two extras pin a distribution at different versions for the same Pythons.
check_equal() {
  local line
  (
    cd "$1"
    while IFS= read -r line; do
      # Name, markers, version.
      sed -n "s/^\([a-z0-9][^ =]*\)==\([^ ]*\) *;* *\([^\\]*\).*/\1 [\3] \2/p" "${line%%:*}.txt" |
        sed 's/ *\]/]/; s/ \\//'
    done <<<"$ORDER" | LC_ALL=C sort -u | awk '
      { key = $0; sub(/ [^ ]*$/, "", key); if (key == last) { print "ERROR: two versions of " key; bad = 1 } last = key }
      END { exit bad }'
  )
}

# Usage: check_wheels <folder> <extra>
# Status 1 when a pin of the extra has no wheel for one of its Pythons on a platform. Nothing is downloaded but what
# indexes say about wheels.
check_wheels() {
  local python platform status=0 said
  list_pythons "$2"
  for platform in $PLATFORMS; do
    for python in $PYTHONS; do
      if ! said=$("$UV" pip install -q --dry-run --no-deps --require-hashes --only-binary :all: --target "$1/none" \
        --python-version "$python" --python-platform "$platform" --no-progress -r "$1/$2.txt" 2>&1); then
        printf 'ERROR: %s on Python %s, %s\n%s\n' "$2" "$python" "$platform" "$said"
        status=1
      fi
    done
  done
  return "$status"
}

# Usage: check_known <folder> <folder compiled with the same pins>
# Status 1 when the index has a file of a pinned distribution whose hash is not pinned: it came later, and may be the
# one wheel for some machine.
check_known() {
  local line name status=0
  while IFS= read -r line; do
    name=${line%%:*}.txt
    if ! diff <(grep -o 'sha256:[0-9a-f]*' "$1/$name" | LC_ALL=C sort -u) \
      <(grep -o 'sha256:[0-9a-f]*' "$2/$name" | LC_ALL=C sort -u) >/dev/null; then
      printf 'ERROR: %s: the index has other files of these versions: make pins\n' "$name"
      status=1
    fi
  done <<<"$ORDER"$'\n'"$DEV:"
  return "$status"
}

# Usage: check_all <folder>
# Runs all checks on what is in the folder. Status 1 when one fails; all are run.
check_all() {
  local line status=0
  while IFS= read -r line; do
    check_hashes "$1/${line%%:*}.txt" || status=1
  done <<<"$ORDER"$'\n'"$DEV:"
  check_equal "$1" || status=1
  while IFS= read -r line; do
    printf 'Looking for the wheels of %s\n' "${line%%:*}" >&2
    check_wheels "$1" "${line%%:*}" || status=1
  done <<<"$ORDER"
  return "$status"
}

# Usage: main [--keep|--check]
main() {
  local file fresh status=0
  KEEP="" CHECK=""
  case ${1-} in
    "") ;;
    --keep) KEEP=1 ;;
    --check) CHECK=1 ;;
    *) stop "'$1' is no option" "there are --keep and --check" ;;
  esac
  # uv trusts only certificates of its own unless told (older ones know the first name).
  export UV_NATIVE_TLS=1 UV_SYSTEM_CERTS=1
  find_uv
  [[ $UV != */* ]] || UV=$PWD/$UV
  fresh=$(mktemp -d)
  FRESH=$fresh
  trap 'rm -rf "$FRESH"' EXIT
  cp "$FOLDER"/*.in "$FOLDER"/*.txt "$DEV.in" "$DEV.txt" "$fresh/"
  if [[ -n $CHECK ]]; then
    KEEP=1
    mkdir "$fresh/kept"
    cp "$fresh"/*.in "$fresh"/*.txt "$fresh/kept/"
    compile_all "$fresh/kept"
    check_known "$fresh" "$fresh/kept" || status=1
  else
    compile_all "$fresh"
  fi
  check_all "$fresh" || status=1
  if ((status != 0)); then
    stop "the pins are not what every supported machine can install" "see the lines above${CHECK:-; all files are as they were}"
  fi
  [[ -z $CHECK ]] || {
    printf 'All pins have hashes, and wheels for each Python and platform.\n'
    return 0
  }
  for file in "$fresh"/*.txt; do
    case ${file##*/} in
      "$DEV.txt") cp "$file" "$DEV.txt.new" ;;
      *) cp "$file" "$FOLDER/${file##*/}.new" ;;
    esac
  done
  for file in "$FOLDER"/*.txt.new "$DEV.txt.new"; do
    mv "$file" "${file%.new}"
  done
  printf 'Wrote %s/*.txt and %s.txt\n' "$FOLDER" "$DEV"
}

main "$@"
