# shellcheck shell=bash
# The interpreters of this machine, and those that can be installed, as a table. Nothing is written.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/python_list.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
declare -F list_interpreters >/dev/null || . "${BASH_SOURCE[0]%/*}/interpreter.sh"
declare -F load_python_install >/dev/null || . "${BASH_SOURCE[0]%/*}/env_detect.sh"
declare -F probe_interpreter >/dev/null || . "${BASH_SOURCE[0]%/*}/probe.sh"
declare -F log_info >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"
declare -F config_get >/dev/null || . "${BASH_SOURCE[0]%/*}/config.sh"

# Usage: find_environment_python
# Sets REPLY to the interpreter of the project's environment, to "" where there is none. In the project's folder.
find_environment_python() {
  local folder
  config_get venv.directory
  folder=$PWD/${REPLY:-${DEFAULT_VENV_DIR:-.venv}}
  config_get backend
  if [[ $REPLY == micromamba ]]; then
    config_get micromamba.env_name
    folder=$PWD/.pyve/envs/${REPLY:-${PWD##*/}}
  fi
  REPLY=""
  [[ ! -e $folder/bin/python && ! -L $folder/bin/python ]] || REPLY=$folder/bin/python
}

# Usage: list_pythons <version, or ""> <manager, or "">
# Prints the interpreters that are here, the newest first; with a version (3.12, 3.12.4), or a manager, only those.
list_pythons() {
  local wish=$1 manager=$2 i version notes environment chosen="" parts=""
  local -a rows=()
  find_environment_python
  environment=$REPLY
  find_chosen_python
  chosen=$REPLY
  list_interpreters "$manager"
  ask_unnamed_pythons
  order_pythons
  for i in ${ORDER[@]+"${ORDER[@]}"}; do
    version=${INTERPRETER_VERSIONS[i]}
    [[ -z $wish ]] || version_matches "$wish" "$version" || continue
    describe_python "$i"
    notes=$REPLY
    rows+=("${version:--}"$'\t'"${INTERPRETER_MANAGERS[i]}"$'\t'"${INTERPRETER_PATHS[i]}"$'\t'"$notes")
    add_python_part "$i"
  done
  answer_json interpreters "[$parts]"
  tell_pin
  if [[ -n $PYVE_JSON ]]; then
    return 0
  elif ((${#rows[@]} == 0)); then
    log_info "${manager:-This machine} has no Python${wish:+ $wish}: pyve python install${wish:+ $wish}${manager:+ --manager $manager} installs one"
    return 0
  fi
  print_rows VERSION MANAGER PATH "" "${rows[@]}"
}

# Usage: find_chosen_python
# Sets REPLY to the interpreter that the project would get now, to "" where it is not here. Installs nothing.
find_chosen_python() {
  # (Apart, so that a diagnostic does not count: here it is no fault.)
  REPLY=$(find_wished_python >/dev/null 2>&1 && printf '%s' "$PYTHON") || REPLY=""
}

# Usage: ask_unnamed_pythons
# After list_interpreters: executes those whose full version cannot be told from their place. Sets the arrays PYTHON_FAULTS
# (why it does not work, or "") and PYTHON_KINDS (cpython, free-threaded, pypy, or "" for one that was not asked), same
# index.
ask_unnamed_pythons() {
  local i
  PYTHON_FAULTS=() PYTHON_KINDS=()
  for ((i = 0; i < ${#INTERPRETER_PATHS[@]}; i++)); do
    PYTHON_FAULTS[i]="" PYTHON_KINDS[i]=""
    if [[ ! -e ${INTERPRETER_PATHS[i]} ]]; then
      PYTHON_FAULTS[i]="it is a link to a file that is gone"
    elif [[ ${INTERPRETER_VERSIONS[i]} != *.*.* ]]; then
      if probe_interpreter "${INTERPRETER_PATHS[i]}"; then
        INTERPRETER_VERSIONS[i]=$PYTHON_VERSION PYTHON_KINDS[i]=$PYTHON_IMPLEMENTATION
        [[ $PYTHON_BUILD != *free-threading* ]] || PYTHON_KINDS[i]=free-threaded
      else
        PYTHON_FAULTS[i]=$REPLY
      fi
    fi
  done
}

# Usage: order_pythons
# Sets the array ORDER to the numbers of the interpreters, the newest version first; of equals in the order in which
# managers go.
order_pythons() {
  local i j key
  local -a keys=()
  ORDER=()
  for ((i = 0; i < ${#INTERPRETER_PATHS[@]}; i++)); do
    version_key "${INTERPRETER_VERSIONS[i]}" || REPLY=-1
    key=$REPLY
    for ((j = ${#keys[@]}; j > 0 && keys[j - 1] < key; j--)); do
      keys[j]=${keys[j - 1]} ORDER[j]=${ORDER[j - 1]}
    done
    keys[j]=$key ORDER[j]=$i
  done
}

# Usage: describe_python <number>
# Sets REPLY to what is to be said about an interpreter, "" for nothing. Of list_pythons: environment, chosen.
describe_python() {
  local path=${INTERPRETER_PATHS[$1]} version=${INTERPRETER_VERSIONS[$1]} text=""
  [[ -z $environment || ! $path -ef $environment ]] || text="this project's environment"
  [[ -z $chosen || ! $path -ef $chosen ]] || text+="${text:+, }this project's choice"
  [[ -z ${PYTHON_KINDS[$1]} || ${PYTHON_KINDS[$1]} == cpython ]] || text+="${text:+, }${PYTHON_KINDS[$1]}"
  if [[ -n ${PYTHON_FAULTS[$1]} ]]; then
    text+="${text:+, }broken: ${PYTHON_FAULTS[$1]}"
  elif _is_too_old "$version"; then
    text+="${text:+, }too old for Pyve"
  elif [[ $version == *[a-z]* ]]; then
    text+="${text:+, }pre-release"
  fi
  REPLY=$text
}

# Usage: add_python_part <number>
# Adds an interpreter to parts, of list_pythons, as JSON.
add_python_part() {
  local i=$1 part status=usable
  [[ -n $PYVE_JSON ]] || return 0
  load_json
  if [[ -n ${PYTHON_FAULTS[i]} ]]; then
    status=broken
  elif _is_too_old "${INTERPRETER_VERSIONS[i]}"; then
    status=too-old
  fi
  json_string "${INTERPRETER_VERSIONS[i]}"
  part="{\"version\": $REPLY"
  json_string "${INTERPRETER_MANAGERS[i]}"
  part+=", \"manager\": $REPLY"
  json_string "${INTERPRETER_PATHS[i]}"
  part+=", \"path\": $REPLY, \"status\": \"$status\""
  [[ -n $environment && ${INTERPRETER_PATHS[i]} -ef $environment ]] && REPLY=true || REPLY=false
  part+=", \"environment\": $REPLY"
  [[ -n $chosen && ${INTERPRETER_PATHS[i]} -ef $chosen ]] && REPLY=true || REPLY=false
  part+=", \"chosen\": $REPLY}"
  parts+="${parts:+, }$part"
}

# Usage: tell_pin
# Says what the project asks for, where it asks for something that is not here, or cannot be used. Of list_pythons: chosen.
tell_pin() {
  local found i state="is not here: pyve python install"
  # (A file that cannot be read is no fault of the table's.)
  found=$(resolve_python_wish 2>/dev/null && printf '%s\n%s' "$PYTHON_WISH" "$PYTHON_WISH_SOURCE") || found=""
  answer wish "${found%%$'\n'*}"
  answer source "${found#*$'\n'}"
  [[ -n $found && -n ${found%%$'\n'*} && -z $chosen ]] || return 0
  for ((i = 0; i < ${#INTERPRETER_PATHS[@]}; i++)); do
    if [[ -n ${PYTHON_FAULTS[i]} ]] && version_matches "${found%%$'\n'*}" "${INTERPRETER_VERSIONS[i]}"; then
      state="does not work: pyve python install makes it anew"
    fi
  done
  ! _is_too_old "${found%%$'\n'*}" || state="is too old for Pyve"
  log_info "Python ${found%%$'\n'*}, from ${found#*$'\n'}, $state"
}

# Usage: list_installable <version, or ""> <manager, or "">
# Prints the releases that can be installed: the newest of each series; with a version all that fit. Status 1 after
# E_PYTHON_INSTALL, E_PYTHON_OFFLINE or E_PYTHON_DIGEST.
list_installable() {
  local wish=$1 version status=0 series last="" parts="" mark i
  local -a rows=() versions=()
  load_python_install
  if [[ -n $2 ]]; then
    choose_installer "$2" || return 1
  elif ! detect_version_manager && ! find_own_uv; then
    fail E_PYTHON_INSTALL "it is not known which Pythons could be installed" \
      why "none of asdf (with its python plugin), pyenv, mise and uv is here" fix "pyve python install"
    return 1
  fi
  list_available_pythons || status=$?
  if ((status == 1)); then
    load_redact
    redact "$AVAILABLE_SAID"
    [[ -z $REPLY ]] || print_text "$REPLY"$'\n' 2
    case $VERSION_MANAGER in
      asdf | mise) REPLY="it needs the network for that${REPLY:+; its messages are above}" ;;
      *) REPLY="it has failed${REPLY:+; its messages are above}" ;;
    esac
    fail E_PYTHON_INSTALL "$VERSION_MANAGER does not say which Pythons it can install" why "$REPLY" fix "pyve python list"
  fi
  ((status == 0)) || return 1
  versions=(${AVAILABLE_VERSIONS[@]+"${AVAILABLE_VERSIONS[@]}"})
  list_managed_pythons "$VERSION_MANAGER"
  # (The order of an interpreter's list is by version; and the list is long, so that each is looked at once.)
  INTERPRETER_PATHS=(${versions[@]+"${versions[@]}"}) INTERPRETER_VERSIONS=(${versions[@]+"${versions[@]}"})
  drop_unwanted "$wish"
  order_pythons
  answer manager "$VERSION_MANAGER"
  for i in ${ORDER[@]+"${ORDER[@]}"}; do
    version=${INTERPRETER_VERSIONS[i]}
    series=${version%.*}
    [[ -n $wish || $series != "$last" ]] || continue
    last=$series mark=""
    [[ " ${MANAGED_VERSIONS[*]-} " != *" $version "* ]] || mark=installed
    rows+=("$version"$'\t'"$VERSION_MANAGER"$'\t'"$mark")
    [[ -n $mark ]] && REPLY=true || REPLY=false
    parts+="${parts:+, }{\"version\": \"$version\", \"manager\": \"$VERSION_MANAGER\", \"installed\": $REPLY}"
  done
  answer_json available "[$parts]"
  if [[ -n $PYVE_JSON ]]; then
    return 0
  elif ((${#rows[@]} == 0)); then
    log_info "$VERSION_MANAGER can install no Python${wish:+ $wish}; its list may be old"
    return 0
  fi
  print_rows VERSION MANAGER "" "${rows[@]}"
}

# Usage: drop_unwanted <version, or "">
# Leaves in INTERPRETER_VERSIONS and INTERPRETER_PATHS what fits the version; without one, what Pyve makes environments
# for, and no pre-releases but those of a series that has nothing else.
drop_unwanted() {
  local version stable=" " kept=()
  for version in ${INTERPRETER_VERSIONS[@]+"${INTERPRETER_VERSIONS[@]}"}; do
    [[ $version == *[a-z]* ]] || stable+="${version%.*} "
  done
  for version in ${INTERPRETER_VERSIONS[@]+"${INTERPRETER_VERSIONS[@]}"}; do
    if [[ -n $1 ]]; then
      version_matches "$1" "$version" || continue
    elif _is_too_old "$version" || [[ $version == *[a-z]* && $stable == *" ${version%.*} "* ]]; then
      continue
    fi
    kept+=("$version")
  done
  INTERPRETER_VERSIONS=(${kept[@]+"${kept[@]}"}) INTERPRETER_PATHS=(${kept[@]+"${kept[@]}"})
}

# Usage: print_rows <title>... "" <row>...
# Prints a table on stdout: titles up to the empty one, whose column (if rows have one) has none; fields of a row are
# separated by tabs.
print_rows() {
  local -a titles=() widths=() fields
  local row field text="" i
  while [[ -n $1 ]]; do
    titles+=("$1")
    shift
  done
  shift
  printf -v row '%s\t' "${titles[@]}"
  set -- "$row" "$@"
  for row; do
    i=0
    while [[ $row == *$'\t'* ]]; do
      field=${row%%$'\t'*}
      row=${row#*$'\t'}
      ((${#field} <= ${widths[i]:-0})) || widths[i]=${#field}
      i=$((i + 1))
    done
  done
  for row; do
    i=0 fields=()
    while [[ $row == *$'\t'* ]]; do
      printf -v field '%-*s' "${widths[i]:-0}" "${row%%$'\t'*}"
      fields+=("${field//[[:cntrl:]]/?}")
      row=${row#*$'\t'}
      i=$((i + 1))
    done
    fields+=("${row//[[:cntrl:]]/?}")
    printf -v field '%s  ' "${fields[@]}"
    text+=${field%"${field##*[![:space:]]}"}$'\n'
  done
  load_redact
  redact "$text"
  print_text "$REPLY"
}
