# shellcheck shell=bash
# Removing an interpreter through the manager that keeps it, unless an environment needs it.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/python_remove.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F logged >/dev/null || . "${BASH_SOURCE[0]%/*}/debug_log.sh"
declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
declare -F list_interpreters >/dev/null || . "${BASH_SOURCE[0]%/*}/interpreter.sh"
declare -F has_manager >/dev/null || . "${BASH_SOURCE[0]%/*}/env_detect.sh"
declare -F log_success >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"
declare -F run_uv_python >/dev/null || . "${BASH_SOURCE[0]%/*}/python_install.sh"
declare -F lay_out_environment >/dev/null || . "${BASH_SOURCE[0]%/*}/store.sh"
declare -F is_trusted >/dev/null || . "${BASH_SOURCE[0]%/*}/trust.sh"
declare -F find_toolchain_root >/dev/null || . "${BASH_SOURCE[0]%/*}/toolchain.sh"
declare -F config_get >/dev/null || . "${BASH_SOURCE[0]%/*}/config.sh"
declare -F quote_word >/dev/null || . "${BASH_SOURCE[0]%/*}/text.sh"

# Usage: remove_python <version> [manager]
# Removes the one interpreter of a manager that is the version (3.12.4, or 3.12 where there is one release of it), or has
# the name. Status 1 after a diagnostic; nothing was removed then.
remove_python() {
  local path folder
  pick_removable "$1" "${2-}" || return 1
  path=$REPLY folder=${REPLY%/bin/*}
  if [[ -z $opt_force ]]; then
    check_unused "$path" "$1" || return 1
  fi
  if can_ask && ! prompt_yes_no "Remove $folder?"; then
    log_info "Cancelled: nothing was removed. --yes removes it unasked."
    answer_json removed false
    return 0
  fi
  run_remover "$REMOVE_MANAGER" "$folder" || return 1
  answer version "$REMOVE_VERSION"
  answer manager "$REMOVE_MANAGER"
  answer path "$path"
  answer_json removed true
  log_success "Removed Python $REMOVE_VERSION ($REMOVE_MANAGER)"
}

# Usage: pick_removable <wish> <manager, or "">
# Sets REPLY to the interpreter that is meant, REMOVE_VERSION and REMOVE_MANAGER. Status 1 after E_PYTHON_MISSING,
# E_PYTHON_SEVERAL or E_PYTHON_SYSTEM.
pick_removable() {
  local wish=$1 i manager name place=""
  local -a found=() names=() managers=() lines=()
  for manager in asdf pyenv mise uv; do
    [[ -z $2 || $2 == "$manager" ]] || continue
    list_managed_pythons "$manager"
    for ((i = 0; i < ${#MANAGED_PATHS[@]}; i++)); do
      name=${MANAGED_VERSIONS[i]:-${MANAGED_NAMES[i]}}
      # (An alias of another one is a link, and goes with it.)
      [[ ! -L ${MANAGED_PATHS[i]%/bin/*} ]] || continue
      if [[ $name == "$wish" || ${MANAGED_NAMES[i]} == "$wish" ]] || { [[ -n ${MANAGED_VERSIONS[i]} ]] && version_matches "$wish" "$name"; }; then
        found+=("${MANAGED_PATHS[i]}") names+=("$name") managers+=("$manager")
      fi
    done
  done
  if ((${#found[@]} == 1)); then
    REPLY=${found[0]} REMOVE_VERSION=${names[0]} REMOVE_MANAGER=${managers[0]}
    return 0
  fi
  for ((i = 0; i < ${#found[@]}; i++)); do
    quote_word "${names[i]}"
    lines+=(why "${names[i]} (${managers[i]}): ${found[i]}" fix "pyve python remove --manager ${managers[i]} $REPLY")
  done
  if ((${#found[@]} > 1)); then
    fail E_PYTHON_SEVERAL "several Pythons are $wish" "${lines[@]}"
    return 1
  fi
  list_interpreters
  for ((i = 0; i < ${#INTERPRETER_PATHS[@]}; i++)); do
    if [[ ${INTERPRETER_MANAGERS[i]} == system && -z $2 ]] && version_matches "$wish" "${INTERPRETER_VERSIONS[i]}"; then
      place=${INTERPRETER_PATHS[i]}
    fi
  done
  if [[ -n $place ]]; then
    fail E_PYTHON_SYSTEM "Python $wish is not removed: no version manager keeps it" why "it is $place" \
      why "what installed it removes it, as the system's packages do"
  else
    fail E_PYTHON_MISSING "no Python $wish is here that could be removed" why "looked at ${2:-asdf, pyenv, mise and uv}" fix "pyve python list"
  fi
}

# Usage: check_unused <interpreter> <wish>
# Status 1, after E_PYTHON_USED, when an environment that Pyve knows of was made with it.
check_unused() {
  local folder record line left=5
  local -a users=() whys=()
  config_get venv.directory
  users=("$PWD/${REPLY:-${DEFAULT_VENV_DIR:-.venv}}" "$PWD/.pyve/testenv/venv")
  if find_trust_folder; then
    add_recorded "$REPLY/" "/.venv"
    add_recorded "$REPLY/" "/.pyve/testenv/venv"
  fi
  if find_store; then
    add_recorded "$STORE/owners/" ""
  fi
  if (find_toolchain_root) >/dev/null 2>&1; then
    find_toolchain_root
    users+=("$TOOLCHAIN_ROOT"/*/)
  fi
  folder=${XDG_DATA_HOME:-${HOME-}/.local/share}/pyve/tools
  users+=("$folder"/*/ "$folder"/*/venv)
  line=$'\n'
  for folder in "${users[@]}"; do
    folder=${folder%/}
    if [[ -f $folder/pyvenv.cfg && $line != *$'\n'"$folder"$'\n'* ]] && is_made_with "$folder" "$1"; then
      line+=$folder$'\n'
      ((left-- <= 0)) || whys+=(why "$folder was made with it")
    fi
  done
  ((left >= 0)) || whys+=(why "and $((-left)) more")
  ((${#whys[@]} == 0)) ||
    fail E_PYTHON_USED "Python $2 is in use, so it is not removed" "${whys[@]}" fix "$(print_forced_removal)"
}

# Usage: is_made_with <environment> <interpreter>
# Status 0 when the environment stands on the interpreter; its own program may be a copy.
is_made_with() {
  local line
  [[ ! $1/bin/python -ef $2 ]] || return 0
  while IFS= read -r line || [[ -n $line ]]; do
    [[ $line != "home = "* || ! ${line#home = } -ef ${2%/*} ]] || return 0
  done <"$1/pyvenv.cfg"
  return 1
}

# Usage: add_recorded <folder, with a slash> <what comes behind>
# Adds to users, of check_unused, the path that is the first line of each file there.
add_recorded() {
  local record line
  for record in "$1"*; do
    [[ -f $record && -r $record ]] || continue
    line=""
    IFS= read -r line <"$record" || :
    [[ $line != /* ]] || users+=("$line$2")
  done
}

# Usage: print_forced_removal
# Prints the command that was given, with --force.
print_forced_removal() {
  declare -F quote_words >/dev/null || . "${BASH_SOURCE[0]%/*}/cli.sh"
  quote_words pyve "${PYVE_WORDS[@]}" --force
  printf '%s\n' "$REPLY"
}

# Usage: run_remover <manager> <folder of the interpreter>
# Has the manager remove it. Status 1 after E_PYTHON_REMOVE.
run_remover() {
  local name=${2##*/} status=0 said
  local -a command
  source_shell_profiles
  quote_word "$2"
  if [[ $1 != uv ]] && ! has_manager "$1"; then
    fail E_PYTHON_REMOVE "Python $name cannot be removed" why "$1, which keeps it in $2, is not here" destructive "rm -rf $REPLY"
    return 1
  elif [[ $1 == uv ]] && ! has_manager uv; then
    use_own_uv || return 1
  fi
  case $1 in
    asdf) command=(asdf uninstall python "$name") ;;
    pyenv) command=(pyenv uninstall -f "$name") ;;
    mise) command=(mise uninstall "python@$name") ;;
    uv) command=(run_uv_python python uninstall "$name") ;;
  esac
  said=$(logged "${command[@]}" 2>&1 </dev/null) || status=$?
  if [[ -d $2 ]] && ! [[ $status == 0 && ! -e $2/bin ]]; then
    quote_word "$2"
    fail E_PYTHON_REMOVE "Python $name could not be removed" why "$1 ended with status $status${said:+: ${said##*$'\n'}}" \
      destructive "rm -rf $REPLY"
    return 1
  fi
  log_verbose "$said"
}
