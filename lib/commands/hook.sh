# Summary: Print the hook that enters and leaves environments on cd
# Group: Environment
# Usage: pyve hook bash|zsh|fish
# Usage: pyve hook --trust | --distrust
# About: Without direnv: put the line of the example into the file that your shell reads at its start.
# About: Coming into a project then sets what its .envrc would set, .env included, and leaving it
# About: restores every variable. Only projects are entered that pyve init or --trust has recorded, as
# About: they are now: when .pyve/config or .env changes, the hook stays out until --trust. Where
# About: direnv is at work in the shell and the project has an .envrc, the hook leaves it to direnv.
# Option: --trust          Let the hook enter this project as it is now
# Option: --distrust       Take that back
# Option: --export SHELL   Print what the hook is to do now (the hook itself calls this)
# Example: eval "$(pyve hook bash)"
# Example: pyve hook fish | source
# Exit: 0 done; 1 failed, or there is no project
# States: any -> the same

cmd_hook() {
  if [[ ${1-} == --export ]]; then
    # Values are bytes; and a change of the locale back and forth costs more than all the rest.
    LC_ALL=C
    need text config hook
    case ${2-} in
      bash | zsh | fish)
        print_changes "$2" "${3-}"
        return 0
        ;;
    esac
  fi
  need utils cli trust
  parse_options "$@" && expect_arguments 1 || return 1
  if [[ -n $opt_trust$opt_distrust ]]; then
    change_trust
    return
  fi
  case ${opt_export:-${ARGS[0]-}} in
    bash | zsh | fish) print_hook "${ARGS[0]}" ;;
    "")
      fail E_USAGE_SHELL "pyve hook needs the name of a shell" why "bash, zsh and fish have hooks" fix "pyve hook bash"
      ;;
    *)
      suggest "${opt_export:-${ARGS[0]}}" bash zsh fish
      fail E_USAGE_SHELL "there is no hook for '${opt_export:-${ARGS[0]}}'" why "bash, zsh and fish have hooks" \
        fix "pyve ${REPLY:+hook }${REPLY:-help hook}"
      ;;
  esac
}

# Usage: print_hook <bash|zsh|fish>
# Prints the shell's part, with the path of this Pyve in it.
print_hook() {
  local text
  need install_tree
  # (A shell may outlive several updates.)
  find_stable_root
  if [[ $1 == fish ]]; then
    quote_fish_word "$REPLY/pyve.sh"
    text="set -g __pyve_program $REPLY"$'\n'
  else
    quote_word "$REPLY/pyve.sh"
    text="_pyve_program=$REPLY"$'\n'
  fi
  read_file "$PYVE_ROOT/lib/shell/prompt.$1"
  text+=$REPLY
  read_file "$PYVE_ROOT/lib/shell/hook.$1"
  text+=$REPLY
  if [[ -n $PYVE_JSON ]]; then
    answer text "$text"
  else
    print_text "$text"
  fi
}

# Usage: change_trust
# Records the project of the current folder, or takes the record back.
change_trust() {
  if [[ -n $opt_trust && -n $opt_distrust ]]; then
    fail E_USAGE_CONFLICT "--trust and --distrust exclude each other" fix "pyve hook --trust"
    return 1
  fi
  if ! find_project; then
    fail E_NOT_INITIALIZED "there is no project here" why "neither $PWD nor a folder above it has a .pyve/config" fix "pyve init"
    return 1
  fi
  answer project "$PROJECT_ROOT"
  if [[ -n $opt_distrust ]]; then
    answer_json trusted false
    if distrust_project "$PROJECT_ROOT"; then
      log_success "The shell hook does not enter $PROJECT_ROOT any more"
    else
      log_info "$PROJECT_ROOT was not trusted"
    fi
    return 0
  fi
  trust_project "$PROJECT_ROOT" || return 1
  answer_json trusted true
  log_success "The shell hook enters $PROJECT_ROOT from now on"
}
