# Summary: Show the version of Pyve
# Group: Pyve itself
# Usage: pyve version
# Exit: 0
# Alias: --version -v

cmd_version() {
  if (($#)); then
    need cli
    parse_options "$@" || return 1
    expect_arguments 0 || return 1
  fi
  answer version "$VERSION"
  [[ -n $PYVE_JSON ]] || print_text "pyve $VERSION"$'\n'
}
