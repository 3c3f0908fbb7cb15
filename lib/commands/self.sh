# Summary: Install Pyve for this user, remove it, or print completions
# Group: Pyve itself
# Usage: pyve self
# Usage: pyve self install
# Usage: pyve self uninstall [--yes]
# Usage: pyve self completions SHELL
# Argument: install  Install Pyve for this user, or refresh the installation
# Argument: uninstall  Remove what install made
# Argument: completions  Print the completion script of bash, zsh or fish
# About: install puts the completions of all three shells, and the man page, where they look for them,
# About: and loads them from your shell's start-up file, too: nothing more is to be done. The scripts
# About: that completions prints are for other places.
# Option: -y, --yes  uninstall: do not ask
# Example: ./pyve.sh self install
# Example: source <(pyve self completions bash)
# Example: pyve self completions fish | source
# Exit: 0 done, cancelled, or nothing to do; 1 something stands in the way, or an unknown word

cmd_self() {
  local word
  need utils cli
  parse_options "$@" || return 1
  word=${ARGS[0]-}
  if [[ $word == completions ]]; then
    expect_arguments 2 || return 1
    print_completions "${ARGS[1]-}"
    return
  fi
  case $word in
    install | uninstall)
      expect_arguments 1 || return 1
      need self_install
      ;;
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
      suggest "$word" install uninstall completions
      if [[ -n $REPLY ]]; then
        word=$REPLY
        quote_words pyve self "$word" "${ARGS[@]:1}"
        fail E_USAGE_COMMAND "'pyve self ${ARGS[0]}' is not a pyve command" why "did you mean '$word'?" fix "$REPLY"
      else
        fail E_USAGE_COMMAND "'pyve self $word' is not a pyve command" \
          why "self knows: install, uninstall, completions" fix "pyve help self"
      fi
      return 1
      ;;
  esac
  "${word}_pyve"
}

# Usage: print_completions <shell>
# Prints the completion script of bash, zsh or fish. Status 1 for anything else.
print_completions() {
  local file=$PYVE_ROOT/lib/shell/completions
  case $1 in
    bash | fish) file+=/pyve.$1 ;;
    zsh) file+=/_pyve ;;
    "")
      fail E_USAGE_SHELL "pyve self completions needs the name of a shell" why "it knows: bash, zsh, fish" \
        fix "pyve self completions bash"
      return 1
      ;;
    *)
      suggest "$1" bash zsh fish
      fail E_USAGE_SHELL "there are no completions for '$1'" why "there are some for: bash, zsh, fish" \
        fix "pyve self completions ${REPLY:-bash}"
      return 1
      ;;
  esac
  need files
  read_file "$file"
  if [[ -n $PYVE_JSON ]]; then
    answer script "$REPLY"
  else
    print_text "$REPLY"
  fi
}
