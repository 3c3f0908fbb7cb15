# Summary: Fetch all that the lock names into a folder
# Group: Dependencies
# Agent: write idempotent network
# Usage: pyve prefetch DIR [--platform PLATFORM]... [--python VERSION]... [--extra NAME]... [--group NAME]...
# Argument: DIR files
# Argument: PLATFORM linux-64|linux-aarch64|osx-64|osx-arm64|win-64
# About: For machines without a network: there, pyve sync --offline --find-links DIR makes the environment from
# About: the folder alone. In it come all wheels that fit the platforms and Pythons, source distributions of what
# About: has none, repositories of git, and what building these and the project itself needs (for that their build
# About: backends are asked; setuptools is not). Each file is verified by the digest that the lock has; those that
# About: are in the folder already stay. pyve sync --download DIR does the same.
# About: conda: the archives of conda-lock.yml.
# Option: --platform PLATFORM...  For this platform, such as osx-arm64; default: this machine's
# Option: --python VERSION...  For this Python; default: that of the environment, or would be
# Option: --extra NAME...  Add an extra of the project
# Option: --group NAME...  Add a dependency group
# Option: --no-dev         Leave out the groups that come unasked, such as dev
# Option: --only-binary    Fail when a package has no wheel
# Option: --no-build       As --only-binary, and without what the project itself needs
# Option: --no-install-project  Leave out what building the project itself needs
# Option: --frozen         Fail when the lock is missing or stale; in CI always
# Option: --no-frozen      Make a lock that is missing or stale first, in CI, too
# Example: pyve prefetch wheels
# Example: pyve prefetch /media/stick --platform linux-64 --platform osx-arm64 --python 3.12
# Exit: 0 the folder has all of it; 1 something is missing, and the folder has no file that is not whole
# States: any -> uninitialized, needs-env, consistent, broken

cmd_prefetch() {
  local folder
  need utils cli text files backend_detect frozen prefetch
  parse_options "$@" && expect_arguments 1 && choose_frozen || return 1
  folder=${ARGS[0]-}
  if [[ -z $folder ]]; then
    fail E_USAGE_ARGUMENT "pyve prefetch needs a folder" fix "pyve prefetch wheels"
    return 1
  fi
  [[ $folder == /* ]] || folder=$PWD/$folder
  find_project || :
  CDPATH="" cd -- "$PROJECT_ROOT" || return 1
  config_load || :
  find_backend ""
  prefetch_project "$folder" "$REPLY"
}
