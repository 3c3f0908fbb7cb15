# Summary: Show all commands, or what one of them does
# Group: Pyve itself
# Usage: pyve help [COMMAND]
# Usage: pyve COMMAND --help
# Example: pyve help init
# Exit: 0 shown; 1 there is no such command
# Alias: --help -h

cmd_help() {
  local name
  need help
  if (($# == 0)) && [[ -z $PYVE_JSON ]]; then
    need overview
    show_overview
    return 0
  fi
  if (($# == 1)) && [[ -z $PYVE_JSON && -n $1 && $1 != *[!a-z-]* && -f $PYVE_ROOT/lib/commands/$1.sh ]]; then
    # The usual case needs no more than this.
    show_command_help "$1"
    return 0
  fi
  need cli
  name=${1-}
  if [[ $name == -[ipc] || ($name == --* && -f $PYVE_ROOT/lib/commands/${name#--}.sh) ]]; then
    # A command by one of its flag spellings.
    set -- -- "${name#--}" "${@:2}"
  fi
  parse_options "$@" || return 1
  expect_arguments 1 || return 1
  name=${ARGS[0]-}
  case $name in
    -i) name=init ;;
    -p) name=purge ;;
    -c) name=config ;;
  esac
  if [[ -z $name ]]; then
    need overview
    set -- show_overview
  elif [[ $name =~ ^[a-z][a-z-]*$ && -f $PYVE_ROOT/lib/commands/$name.sh ]]; then
    set -- show_command_help "$name"
  else
    fail_unknown_page "$name"
    return 1
  fi
  if [[ -n $PYVE_JSON ]]; then
    answer text "$("$@")"
  else
    "$@"
  fi
}

# Usage: fail_unknown_page <name>
# Says that there is no such command, with the page of the nearest one. Status 1.
fail_unknown_page() {
  local file name names=()
  for file in "$PYVE_ROOT/lib/commands"/*.sh; do
    name=${file##*/}
    names+=("${name%.sh}")
  done
  suggest "$1" "${names[@]}"
  fail E_USAGE_COMMAND "'$1' is not a pyve command" ${REPLY:+why "did you mean '$REPLY'?"} fix "pyve help${REPLY:+ $REPLY}"
}
