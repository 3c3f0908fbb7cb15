# Summary: Serve Pyve's commands to AI agents (Model Context Protocol)
# Group: Agents
# Usage: pyve mcp [--allow-write] [--allow-run]
# Usage: pyve mcp install [CLIENT] [--allow-write] [--allow-run] [--dry-run]
# Argument: install  Tell a client of the server
# Argument: CLIENT claude-code|claude-desktop|cursor|gemini|vscode|windsurf
# About: Speaks the protocol on stdin and stdout until the client ends it; clients start it themselves. Tools
# About: are the commands that read; with --allow-write those that change the project, too; with --allow-run
# About: also run and test. They work in the folders that the client names as its roots, else in the folder
# About: where the server was started. Each call is noted in .pyve/mcp.jsonl.
# About: install writes the configuration file of a client that Pyve knows, for the project it is called in,
# About: and prints what belongs into that of any other.
# Option: --allow-write    Offer the commands that change the project
# Option: --allow-run      Offer run and test, which execute what they are told
# Option: --dry-run        install: print what would be written
# Example: pyve mcp install claude-code --allow-write
# Exit: 0 the client has ended it, or the file is written; 1 it cannot be
# States: any -> the same

cmd_mcp() {
  local flags=() project=$PWD word words=""
  need utils cli config toolchain helper
  parse_options "$@" || return 1
  if [[ -n $opt_allow_run && -z $opt_allow_write ]]; then
    for word in ${ARGS[@]+"${ARGS[@]}"}; do
      quote_word "$word"
      words+=" $REPLY"
    done
    fail E_MCP_ALLOW "" why "what is run can change anything, so it is asked for beside --allow-write" \
      fix "pyve mcp$words --allow-write --allow-run"
    return 1
  fi
  [[ -z $opt_allow_write ]] || flags+=(--allow-write)
  [[ -z $opt_allow_run ]] || flags+=(--allow-run)
  if [[ ${ARGS[0]-} == install ]]; then
    expect_arguments 2 || return 1
    if find_project; then
      project=$PROJECT_ROOT
    fi
    install_mcp "${ARGS[1]-}" "$project" ${flags[@]+"${flags[@]}"}
    return
  fi
  expect_arguments 0 || return 1
  if [[ -n $opt_dry_run ]]; then
    fail E_USAGE_OPTION "--dry-run is for pyve mcp install" fix "pyve mcp install --dry-run"
    return 1
  fi
  if [[ -n $PYVE_JSON ]]; then
    fail E_MCP_JSON "" fix "pyve --json mcp install"
    return 1
  fi
  # stdout belongs to the protocol, also while the toolchain is made.
  exec 7>&1 1>&2
  ensure_toolchain mcp || return 1
  if [[ -t 0 ]]; then
    printf 'This is for programs: it waits for messages of the Model Context Protocol. Ctrl-C ends it.\n' >&2
  fi
  trap - EXIT INT
  need install_tree
  # (A server may outlive several updates.)
  find_stable_root
  set -- "$TOOLCHAIN_PYTHON" -E -s -B -X utf8 "$PYVE_ROOT/helpers/mcp_server.py" serve --root "$REPLY" \
    --version "$VERSION" ${flags[@]+"${flags[@]}"}
  [[ ${PYVE_LOG-} != debug ]] || { need debug_log && log_exec "$@"; }
  exec "$@" >&7 7>&-
}

# Usage: install_mcp <client or ""> <project> [flag]...
# Writes the client's configuration, or prints what belongs into it.
install_mcp() {
  local client=$1 project=$2 file text changed
  local -a values=(install --client "$1" --project "$2" --command)
  shift 2
  find_own_command "$client"
  values+=("$REPLY" "$@")
  if [[ -n $opt_dry_run ]]; then
    values+=(--dry-run)
  fi
  # (The toolchain is needed at the start of the server, where the client would have to wait for it.)
  call_helper mcp mcp_server "${values[@]}" || return 1
  get_helper_value text || :
  text=$REPLY
  get_helper_value changed || :
  changed=$REPLY
  get_helper_value file || :
  file=$REPLY
  answer client "$client"
  answer file "$file"
  answer text "$text"
  if [[ -n $changed ]]; then
    answer_json changed true
  else
    answer_json changed false
  fi
  if [[ -z $file ]]; then
    tell_by_hand "$client"
  elif [[ -z $changed ]]; then
    log_success "$file has the entry already"
    return 0
  elif [[ -z $opt_dry_run ]]; then
    log_success "Wrote $file"
    log_info "Start $client anew, so that it reads it."
    return 0
  else
    log_info "This would be written to $file:"
  fi
  [[ -n $PYVE_JSON ]] || print_text "$text"
}

# Usage: tell_by_hand <client or "">
# Says that the entry has to be put into a file by hand. The helper's answer is that of install.
tell_by_hand() {
  local known="" name near
  get_helper_values known
  for name in ${HELPER_FOUND[@]+"${HELPER_FOUND[@]}"}; do
    known+=${known:+, }$name
  done
  get_helper_value near || :
  near=$REPLY
  if [[ -n $near ]]; then
    warn W_MCP_CLIENT "Pyve does not know a client named '$1'" why "did you mean '$near'?" fix "pyve mcp install $near"
  elif [[ -n $1 ]]; then
    warn W_MCP_CLIENT "Pyve does not know where $1 keeps its configuration" why "it knows those of $known" \
      why "what is printed is the form that most clients read" fix "pyve mcp install"
  else
    log_info "Put this into the configuration of the client (pyve mcp install CLIENT does it for $known):" >&2
  fi
}

# Usage: find_own_command <client>
# Sets REPLY to how a client starts this Pyve: the name alone in files that go with the project to other
# people, where `pyve` on PATH is this one; otherwise its path.
find_own_command() {
  local found
  found=$(type -P pyve) || found=""
  if [[ -n $found && $found -ef $PYVE_ROOT/pyve.sh ]]; then
    case $1 in
      claude-code | cursor | gemini | vscode) REPLY=pyve ;;
      *) [[ $found == /* ]] && REPLY=$found || REPLY=$PWD/$found ;;
    esac
  else
    need install_tree
    find_stable_root
    REPLY+=/pyve.sh
  fi
}
