# Summary: Show the configuration in force, and where it comes from
# Group: Environment
# Agent: read
# Usage: pyve config
# Exit: 0 shown; 1 an unknown option
# States: any -> the same
# Alias: --config -c

cmd_config() {
  local file="" backend venv python detected name text="" files=()
  need utils cli backend_detect micromamba_core
  parse_options "$@" && expect_arguments 0 || return 1
  find_project || :
  CDPATH="" cd -- "$PROJECT_ROOT" || return 1
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
