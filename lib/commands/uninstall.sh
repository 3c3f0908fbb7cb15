# Summary: Remove what install made; projects and environments stay
# Group: Pyve itself
# Usage: pyve uninstall [--yes]
# Option: -y, --yes  Do not ask
# Example: pyve uninstall --yes
# Exit: 0 removed, cancelled, or not installed; 1 something cannot be removed
# Alias: --uninstall

cmd_uninstall() {
  need utils cli self_install
  parse_options "$@" || return 1
  expect_arguments 0 || return 1
  uninstall_pyve
}
