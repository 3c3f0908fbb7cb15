# Summary: Say who needs a package, and through which others
# Group: Dependencies
# Usage: pyve why NAME [--platform PLATFORM]
# Argument: PLATFORM linux-64|linux-aarch64|osx-64|osx-arm64|all
# About: Reads the lock (pylock.toml or conda-lock.yml) and prints a line for each way to it, the shortest first: what
# About: the manifest asks for, by which extra or group, and each package on the way. Packages of conda and of pip
# About: are shown together. Where a package has several versions, each for other platforms, each has its own lines.
# Option: --platform PLATFORM  Of a conda lock: the platform to look at; all for all (default: this machine's)
# Example: pyve why idna
# Example: pyve --json why idna
# Exit: 0 shown; 1 it is not in the lock, or there is no lock
# States: any -> the same
# Agent: read idempotent

cmd_why() {
  local opt_platform=""
  need utils cli stored_lock
  parse_options "$@" && expect_arguments 1 || return 1
  if [[ -z ${ARGS[0]-} ]]; then
    fail E_USAGE_ARGUMENT "pyve why needs the name of a package" why "pyve tree shows those that are in the lock" fix "pyve tree"
    return 1
  fi
  open_lock && add_platform "$opt_platform" && show_lock why "${ARGS[0]}"
}
