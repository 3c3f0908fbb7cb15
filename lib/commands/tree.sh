# Summary: Show the lock as a tree, or as a picture
# Group: Dependencies
# Usage: pyve tree [NAME]... [--invert] [--depth N] [--platform PLATFORM]
# Usage: pyve tree [NAME]... [--invert] [--depth N] [--platform PLATFORM] (--dot | --svg FILE)
# Argument: PLATFORM linux-64|linux-aarch64|osx-64|osx-arm64|all
# About: What the manifest asks for, by extras and groups, and below each package what it needs; for NAME only what is
# About: below that one. What is below a package is shown once, and (*) where it comes again. The lock is pylock.toml
# About: or conda-lock.yml; nothing has to be installed.
# Option: --invert         Turn it round: below each package, what needs it
# Option: --depth N        Show so many levels below the top
# Option: --dot            Print it in the language of Graphviz
# Option: --svg FILE       Write a picture; "-" is stdout
# Option: --platform PLATFORM  Of a conda lock: the platform to look at; all for all (default: this machine's)
# Example: pyve tree --depth 1
# Example: pyve tree idna --invert
# Example: pyve tree --svg packages.svg
# Exit: 0 shown; 1 a package is not in the lock, or there is no lock
# States: any -> the same
# Agent: read idempotent
# Agent: write --svg

cmd_tree() {
  local folder=$PWD opt_invert="" opt_depth="" opt_dot="" opt_svg="" opt_platform=""
  local -a words=()
  need utils cli stored_lock
  parse_options "$@" || return 1
  if [[ -n $opt_depth && ! $opt_depth =~ ^[0-9]{1,6}$ ]]; then
    fail E_USAGE_VALUE "--depth takes a number of levels" why "given: $opt_depth" fix "pyve tree --depth 1"
    return 1
  fi
  if [[ -n $opt_dot && -n $opt_svg ]]; then
    fail E_USAGE_CONFLICT "--dot and --svg do not go together" why "each asks for another picture" fix "pyve tree --dot"
    return 1
  fi
  words=(${ARGS[@]+"${ARGS[@]}"})
  open_lock && add_platform "$opt_platform" || return 1
  [[ -z $opt_invert ]] || STORED_WORDS+=(--invert)
  [[ -z $opt_depth ]] || STORED_WORDS+=(--depth "$((10#$opt_depth))")
  [[ -z $opt_dot ]] || STORED_WORDS+=(--dot)
  [[ -z $opt_svg ]] || STORED_WORDS+=(--svg)
  choose_output "$opt_svg" "$folder"
  show_lock tree ${words[@]+"${words[@]}"} || return
  tell_output
}
