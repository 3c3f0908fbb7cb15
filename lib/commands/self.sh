# Summary: Install Pyve for this user, update or remove it
# Group: Pyve itself
# Usage: pyve self
# Usage: pyve self install
# Usage: pyve self update [--from SOURCE] [--version VERSION] [--check] [--offline]
# Usage: pyve self update --rollback
# Usage: pyve self uninstall [--yes]
# Usage: pyve self completions SHELL
# Argument: install  Install Pyve for this user, or refresh the installation
# Argument: update  Bring the installation to the newest release
# Argument: uninstall  Remove what install made
# Argument: completions  Print the completion script of bash, zsh or fish
# About: install puts the completions of all three shells, and the man page, where they look for them,
# About: and loads them from your shell's start-up file, too: nothing more is to be done. The scripts
# About: that completions prints are for other places.
# About: update installs a release that is signed by Pyve's maintainers, and nothing else; an older one only when
# About: --version names it. The version that was in use stays beside it, and --rollback goes back to it.
# Option: --from SOURCE  update: folder or URL (https, file) of releases; default: PYVE_RELEASES, or as installed
# Option: --version VERSION  update: this version, also an older one
# Option: --check  update: only say whether there is a newer one
# Option: --offline  update: use no network
# Option: --rollback  update: go back to the version that was in use before
# Option: -y, --yes  uninstall: do not ask
# Example: ./pyve.sh self install
# Example: pyve self update --check
# Example: pyve self update --from ./pyve-releases
# Example: source <(pyve self completions bash)
# Example: pyve self completions fish | source
# Exit: 0 done, cancelled, or nothing to do; 1 something stands in the way, or an unknown word

cmd_self() {
  local word
  need utils cli
  parse_options "$@" || return 1
  word=${ARGS[0]-}
  check_self_options "$word" || return 1
  case $word in
    completions)
      expect_arguments 2 || return 1
      print_completions "${ARGS[1]-}"
      ;;
    install | uninstall)
      expect_arguments 1 || return 1
      need self_install
      "${word}_pyve"
      ;;
    update)
      expect_arguments 1 || return 1
      need self_update
      if [[ -n $opt_rollback ]]; then
        roll_back_pyve
      else
        update_pyve "$opt_from" "$opt_version" "$opt_check" "$opt_offline"
      fi
      ;;
    *) fail_unknown_word install update uninstall completions ;;
  esac
}

# Usage: check_self_options <word>
# Status 1, with a diagnostic, when options are given that belong to update and the word is another one, or that
# exclude each other.
check_self_options() {
  local name
  for name in from version check offline rollback; do
    REPLY=opt_$name
    if [[ -n ${!REPLY} && $1 != update ]]; then
      fail E_USAGE_OPTION "--$name is for pyve self update" fix "pyve help self"
      return 1
    elif [[ -n ${!REPLY} && -n $opt_rollback && $name != rollback && $name != offline ]]; then
      fail E_USAGE_CONFLICT "--rollback goes back to the version that is kept here, so --$name has no meaning" fix "pyve self update --rollback"
      return 1
    fi
  done
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
