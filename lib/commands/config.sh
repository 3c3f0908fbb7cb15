# Summary: Show the configuration in force, or change a value
# Group: Environment
# Agent: read
# Agent: never set unset
# Usage: pyve config
# Usage: pyve config get KEY
# Usage: pyve config set KEY VALUE...
# Usage: pyve config unset KEY
# Argument: get  Print the value of a key; what is a list, an item a line
# Argument: set  Write the value of a key, or all values of a list, into .pyve/config
# Argument: unset  Remove a key, so that the default is in force
# Argument: KEY such as sync.allow_startup
# About: Without a word: what is in force, and where it comes from. Comments in the file stay, and so do keys that
# About: Pyve does not know. A value that the key cannot have is refused.
# Example: pyve config get venv.directory
# Example: pyve config set sync.allow_startup coverage setuptools
# Exit: 0 done; 1 no such key or value, nothing to get, or an unknown option
# States: any -> uninitialized, needs-lock, needs-env, consistent, broken
# Alias: --config -c

cmd_config() {
  local word
  need utils cli backend_detect micromamba_core
  parse_options "$@" || return 1
  word=${ARGS[0]-}
  case $word in
    get | set | unset)
      [[ $word == set ]] || expect_arguments 2 || return 1
      if [[ -z ${ARGS[1]-} || ($word == set && -z ${ARGS[2]+set}) ]]; then
        fail E_USAGE_ARGUMENT "pyve config $word needs ${ARGS[1]+a value behind }the key" why "pyve config $word KEY${ARGS[1]+ VALUE...}" \
          fix "pyve help config"
        return 1
      fi
      ;;
    *) expect_arguments 0 || return 1 ;;
  esac
  find_project || :
  CDPATH="" cd -- "$PROJECT_ROOT" || return 1
  if [[ -n $word ]]; then
    need config_edit project_lock
    if [[ $word != get ]]; then
      lock_project || return 1
    fi
    config_load || :
  fi
  case $word in
    get) show_config_value "${ARGS[1]}" ;;
    set) keep_trusted set_config_values "${ARGS[@]:1}" ;;
    unset) keep_trusted unset_config_value "${ARGS[1]}" ;;
    *) show_config ;;
  esac
}

# Usage: show_config
# Shows all that is in force.
show_config() {
  local file="" backend venv python detected name text="" files=()
  config_load || :
  if config_file_exists; then
    file=$PWD/.pyve/config
  fi
  config_get backend
  backend=$REPLY
  config_get venv.directory
  venv=$REPLY
  config_get python.version
  python=$REPLY
  find_backend_files
  detected=$REPLY
  for name in environment.yml conda-lock.yml; do
    if [[ -f $name ]]; then
      files+=("$name")
      text+=${text:+, }$name
    fi
  done
  show_setting version "Pyve version" "$VERSION"
  show_setting default_python "Default Python version" "$DEFAULT_PYTHON_VERSION"
  show_setting default_venv "Default venv directory" "$DEFAULT_VENV_DIR"
  show_setting -config_file "Config file" "$file" "none (pyve init makes one)"
  show_setting -backend "Backend (config)" "$backend" "not set"
  show_setting detected_backend "Backend (detected)" "$detected"
  show_setting -venv_directory "Venv directory (config)" "$venv" "not set"
  show_setting -python_version "Python version (config)" "$python" "not set"
  find_micromamba || REPLY=""
  show_setting -micromamba "Micromamba" "$REPLY" "not found"
  show_setting @environment_files "Environment files" "$text" "none"
  show_setting install_directory "Install directory" "$PYVE_ROOT"
  answer_values
}

# Usage: show_setting <key> <label> <value> [what people read when it is ""]
# Prints one line of the answer. With "-" in front of the key a program reads null for "", with "@" a list.
show_setting() {
  if [[ -z $PYVE_JSON ]]; then
    load_redact
    redact "${3:-${4-}}"
    printf -v REPLY '%-25s %s\n' "$2:" "$REPLY"
    print_text "$REPLY"
  elif [[ $1 == @* ]]; then
    json_list ${files[@]+"${files[@]}"}
    answer_json "${1#@}" "$REPLY"
  elif [[ $1 == -* && -z $3 ]]; then
    answer_json "${1#-}" null
  else
    answer "${1#-}" "$3"
  fi
}

# Usage: answer_values
# Gives all that the config file says to the JSON answer: "values", an object with keys such as "venv.directory". Sections
# are left out, and so is what config_get would not find.
answer_values() {
  local i key out="" seen=" "
  [[ -n $PYVE_JSON ]] || return 0
  for ((i = 0; i < ${#_config_keys[@]}; i++)); do
    key=${_config_keys[i]}
    [[ $seen != *" $key "* && -n ${_config_values[i]} ]] || continue
    seen+="$key "
    json_string "${_config_values[i]}"
    out+="${out:+, }\"$key\": $REPLY"
  done
  answer_json values "{$out}"
}
