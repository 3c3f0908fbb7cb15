# shellcheck shell=bash
# shellcheck disable=SC2034 # BUILD_WORDS is read by those who install
# Whether what packages execute when they are built is confined: build.sandbox in the config, or PYVE_BUILD_SANDBOX.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/build_sandbox.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F config_get >/dev/null || . "${BASH_SOURCE[0]%/*}/config.sh"

# Usage: find_build_sandbox
# Exports PYVE_BUILD_SANDBOX for the helpers, as the config that was read says; what the caller has set goes before.
# Sets the array BUILD_WORDS to the options for an installer that runs hooks by itself, pip or uv: where builds are
# to be confined, it takes wheels only.
find_build_sandbox() {
  local REPLY
  BUILD_WORDS=()
  if [[ -z ${PYVE_BUILD_SANDBOX-} ]]; then
    config_get build.sandbox
    [[ -z $REPLY ]] || export PYVE_BUILD_SANDBOX=$REPLY
  fi
  [[ ${PYVE_BUILD_SANDBOX:-off} == off ]] || BUILD_WORDS=(--only-binary :all:)
}
