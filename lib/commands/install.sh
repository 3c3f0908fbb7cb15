# Summary: Install Pyve for this user, or refresh the installation
# Group: Pyve itself
# Usage: pyve install
# Example: ./pyve.sh install
# Exit: 0 installed, or refreshed; 1 something stands in the way, and nothing was changed
# Alias: --install

cmd_install() {
  need utils cli self_install
  parse_options "$@" || return 1
  expect_arguments 0 || return 1
  install_pyve
}
