# shellcheck shell=bash
# SHA-256, by whichever tool this system has. What is quickest where there is sha256sum is in lib/digest_files.sh.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/digest.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F logged_exec >/dev/null || . "${BASH_SOURCE[0]%/*}/debug_log.sh"
declare -F has_sha256sum_for >/dev/null || . "${BASH_SOURCE[0]%/*}/digest_files.sh"

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

# Usage: sha256_of_files <file>...
# Sets the array DIGESTS to the SHA-256 of each, in lower-case hex, "" where there is none; by one process where
# that will do.
sha256_of_files() {
  local out line name DIGEST_QUIET=1
  DIGESTS=()
  if has_sha256sum_for "$@" && out=$(logged_exec sha256sum -- "$@"); then
    while IFS= read -r line; do
      # (Before a name with a backslash in it stands one.)
      line=${line#\\}
      DIGESTS+=("${line%% *}")
    done <<<"$out"
    return 0
  fi
  for name; do
    REPLY=""
    if [[ -f $name && -r $name ]]; then
      sha256_of_file "$name" || :
    fi
    DIGESTS+=("$REPLY")
  done
}

# Usage: print_sha256_of_files <file>...
# In a subshell, which ends with it: prints a line for each, in which the SHA-256 stands before the first blank (and
# behind a backslash, when the name has one); an empty line where there is none.
print_sha256_of_files() {
  if has_sha256sum_for "$@"; then
    logged_exec sha256sum -- "$@"
  fi
  sha256_of_files "$@"
  printf '%s\n' ${DIGESTS[@]+"${DIGESTS[@]}"}
}

# Usage: run_sha256
# In a subshell: prints a line about stdin that holds its SHA-256.
run_sha256() {
  if type -P sha256sum >/dev/null; then
    logged_exec sha256sum
  elif type -P shasum >/dev/null; then
    logged_exec shasum -a 256
  elif type -P openssl >/dev/null; then
    logged_exec openssl dgst -sha256
  else
    logged_exec python3 -I -S -B -c 'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())'
  fi
}

# Usage: check_digest <line>
# Sets REPLY to the SHA-256 in a line of any of the tools. Status 1, with a diagnostic (unless
# DIGEST_QUIET is set), without one.
check_digest() {
  local LC_ALL=C
  if [[ ! $1 =~ (^|[^0-9a-f])([0-9a-f]{64})([^0-9a-f]|$) ]]; then
    REPLY=""
    if [[ -n ${DIGEST_QUIET-} ]]; then
      return 1
    fi
    if ! type -P sha256sum shasum openssl python3 >/dev/null; then
      declare -F propose_install >/dev/null || . "${BASH_SOURCE[0]%/*}/fixes.sh"
      propose_install coreutils
    fi
    # shellcheck source=/dev/null # read when something is wrong
    declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
    fail E_DIGEST "no SHA-256 could be made" \
      why "it takes one of sha256sum, shasum, openssl and python3, and a file that can be read" ${REPLY:+fix "$REPLY"}
    return 1
  fi
  REPLY=${BASH_REMATCH[2]}
}
