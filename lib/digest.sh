# shellcheck shell=bash
# SHA-256, by whichever tool this system has.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/digest.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"

# Usage: sha256_of_text <text>
# Sets REPLY to the SHA-256 of <text> with a line end behind it, in lower-case hex. Status 1, with a
# diagnostic, when no tool here can tell.
sha256_of_text() {
  local out
  out=$(run_sha256 <<<"$1") || out=""
  check_digest "$out"
}

# Usage: sha256_of_file <file>
# Sets REPLY to the SHA-256 of the file, in lower-case hex. Status 1, with a diagnostic, when the
# file cannot be read or no tool here can tell.
sha256_of_file() {
  local out
  out=$(run_sha256 <"$1") || out=""
  check_digest "$out"
}

# Usage: run_sha256
# Prints a line about stdin that holds its SHA-256.
run_sha256() {
  if type -P sha256sum >/dev/null; then
    sha256sum
  elif type -P shasum >/dev/null; then
    shasum -a 256
  elif type -P openssl >/dev/null; then
    openssl dgst -sha256
  else
    python3 -I -S -c 'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())'
  fi
}

# Usage: check_digest <line>
# Sets REPLY to the SHA-256 in a line of any of the tools. Status 1, with a diagnostic, without one.
check_digest() {
  local LC_ALL=C
  if [[ ! $1 =~ (^|[^0-9a-f])([0-9a-f]{64})([^0-9a-f]|$) ]]; then
    REPLY=""
    fail E_DIGEST "no SHA-256 could be made" \
      why "it takes one of sha256sum, shasum, openssl and python3, and a file that can be read"
    return 1
  fi
  REPLY=${BASH_REMATCH[2]}
}
