#!/usr/bin/env bash
# Make a release of the commit that is checked out: pyve-<version>.tar.gz, SHA256SUMS and SHA256SUMS.sig, which
# `pyve self update` installs. docs/releasing.md says what comes before and after.
#
# Usage: scripts/make-release.sh [folder]
#
# The folder (dist/<version> without one) must not be there. PYVE_RELEASE_KEY names the private key to sign with, or
# its public half when an agent holds it. PYVE_RELEASE_URL, when it is set, is where later releases will be found:
# installations ask there. The same commit gives the same archive, byte for byte, wherever zlib is the same.
# Exit: 0 made, and verified as an installation would; 1 otherwise, and nothing is left.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE

# Usage: stop <message> <why>
stop() {
  printf 'ERROR: %s\n  why: %s\n' "$1" "$2" >&2
  exit 1
}

# Usage: find_python
# Sets PYTHON to an interpreter for scripts/pack_release.py.
find_python() {
  local name
  for name in .dev/bin/python python3; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2>/dev/null; then
      PYTHON=$name
      return 0
    fi
  done
  stop "no Python 3.9 or newer" "it packs the archive"
}

# Usage: read_version
# Sets VERSION to the one that pyve.sh says.
read_version() {
  VERSION=$(./pyve.sh --version)
  VERSION=${VERSION#pyve }
  [[ $VERSION =~ ^[0-9]+(\.[0-9]+)*$ ]] || stop "'$VERSION' is not a version" "VERSION in pyve.sh is numbers with dots between them"
}

# Usage: verify <folder>
# Looks at what was made just as pyve self update does: signed by a key of lib/data/release-signers, digest right.
verify() {
  # shellcheck source=/dev/null # checked by itself
  PYVE_ROOT=$PWD . lib/self_update.sh
  verify_signature "$1/SHA256SUMS" "$1/SHA256SUMS.sig" "$PWD" ||
    stop "an installation would not accept the release" "$REPLY (lib/data/release-signers, release-revoked)"
}

[[ -n ${PYVE_RELEASE_KEY-} ]] || stop "no key to sign with" "PYVE_RELEASE_KEY names the file of the private key"
[[ -r $PYVE_RELEASE_KEY ]] || stop "the key cannot be read" "PYVE_RELEASE_KEY is $PYVE_RELEASE_KEY"
[[ $(git rev-parse --show-toplevel 2>/dev/null) -ef . ]] || stop "this is not a git checkout" "a release is made of a commit"
[[ -z $(git status --porcelain) ]] || stop "the checkout has changes" "a release is made of a commit: commit them, or take them away"
read_version
find_python
target=${1:-dist/$VERSION}
[[ ! -e $target ]] || stop "$target is there already" "a release is made once; remove the folder, or name another one"
mkdir -p "$(dirname "$target")"
fresh=$target.new.$$
trap 'rm -rf "$fresh"' EXIT
mkdir "$fresh"
git ls-files -z |
  "$PYTHON" -I scripts/pack_release.py "$fresh/pyve-$VERSION.tar.gz" --version "$VERSION" --commit "$(git rev-parse HEAD)" \
    --time "$(git log -1 --format=%ct)" --source "${PYVE_RELEASE_URL-}" >"$fresh/SHA256SUMS"
ssh-keygen -q -Y sign -f "$PYVE_RELEASE_KEY" -n pyve-release "$fresh/SHA256SUMS"
verify "$fresh"
mv "$fresh" "$target"
printf 'Made %s\n' "$target"
