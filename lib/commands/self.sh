# Summary: Install Pyve for this user, or remove it
# Group: Pyve itself
# Usage: pyve self
# Usage: pyve self install
# Usage: pyve self uninstall [--yes]
# Option: -y, --yes  uninstall: do not ask
# Example: ./pyve.sh self install
# Exit: 0 done, cancelled, or nothing to do; 1 something stands in the way, or an unknown word

cmd_self() {
  local word
  need utils cli
  parse_options "$@" || return 1
  expect_arguments 1 || return 1
  word=${ARGS[0]-}
  case $word in
    install | uninstall) need self_install ;;
    "")
      need help
      if [[ -n $PYVE_JSON ]]; then
        answer text "$(show_command_help self)"
      else
        show_command_help self
      fi
      return 0
      ;;
    *)
      suggest "$word" install uninstall
      if [[ -n $REPLY ]]; then
        fail E_USAGE_COMMAND "'pyve self $word' is not a pyve command" \
          why "did you mean '$REPLY'?" fix "pyve self $REPLY"
      else
        fail E_USAGE_COMMAND "'pyve self $word' is not a pyve command" \
          why "self knows: install, uninstall" fix "pyve help self"
      fi
      return 1
      ;;
  esac
  "${word}_pyve"
}
