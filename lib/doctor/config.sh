# shellcheck shell=bash
# Checks of `pyve doctor`: .pyve/config.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/doctor/config.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F scan_config >/dev/null || . "${BASH_SOURCE[0]%/*}/../config_check.sh"
declare -F write_file >/dev/null || . "${BASH_SOURCE[0]%/*}/../files.sh"
declare -F logged >/dev/null || . "${BASH_SOURCE[0]%/*}/../debug_log.sh"

# What of the same kind is told one by one; of more only the number.
_config_scan_most=10
# What to do about a line that only a person can mend.
_config_form="write it as 'key: value', below its section with two blanks in front"

# Usage: can_scan_config
# True when there is a config that can be scanned.
can_scan_config() {
  [[ -e .pyve/config || -L .pyve/config ]] && check_config_file .pyve/config
}

# Usage: find_init_again
# Sets REPLY to the command that sets the project up as it is now, without its config.
find_init_again() {
  local folder words=""
  local -a names=()
  for folder in .pyve/envs/*; do
    [[ ! -d $folder ]] || names+=("${folder##*/}")
  done
  if ((${#names[@]} > 0)); then
    quote_word "${names[0]}"
    words=" --backend micromamba --env-name $REPLY"
  elif [[ -f ${DEFAULT_VENV_DIR:-.venv}/pyvenv.cfg ]]; then
    words=" --backend venv"
  fi
  [[ -e .envrc ]] || words+=" --no-direnv"
  REPLY="pyve init$words"
}

# Usage: check_config_readable
# Whether .pyve/config is a file that can be read, and text.
check_config_readable() {
  local status=0 why command word
  if [[ ! -e .pyve/config && ! -L .pyve/config ]]; then
    return 0
  fi
  check_config_file .pyve/config || status=$?
  why=$REPLY
  if ((status == 0)); then
    passed "Config: .pyve/config"
    return 0
  fi
  file_here .pyve/config
  word=$REPLY
  if ((status == 1)) && [[ -f .pyve/config ]]; then
    command="chmod u+r $word"
    [[ -O .pyve/config ]] || command="sudo chmod a+r $word"
    if [[ -O .pyve/config ]]; then
      found E_CONFIG_READ "Config: .pyve/config cannot be read" why "$why" auto "$command"
    else
      found E_CONFIG_READ "Config: .pyve/config cannot be read" why "$why; it belongs to another user" fix "$command"
    fi
    return 0
  fi
  # What is there goes aside, and the project is set up as it is on disk.
  find_free_name .pyve/config
  if ((status == 1)); then
    found E_CONFIG_READ "Config: .pyve/config cannot be read" why "$why" \
      destructive "pyve doctor --fix --only config-readable" why "the fix keeps it as $REPLY, and makes another"
  else
    found E_CONFIG_BINARY "Config: .pyve/config is no config" why "$why" \
      destructive "pyve doctor --fix --only config-readable" why "the fix keeps it as $REPLY, and makes another"
  fi
}

# Usage: mend_config_readable
# Puts a config that is none aside, and lets init make another, by what is on disk.
mend_config_readable() {
  local -a words=()
  find_init_again
  read_words "$REPLY"
  find_free_name .pyve/config
  mv -f .pyve/config "$REPLY" || return 1
  # init takes the project's lock itself.
  unlock_project
  logged "$PYVE_ROOT/pyve.sh" --quiet "${words[@]}" --yes >&2 </dev/null
}

# Usage: read_words <pyve command>
# Sets the caller's array words to the words behind "pyve" of a command that find_init_again made.
read_words() {
  local IFS=" "
  set -f
  # shellcheck disable=SC2206 # names of environments have no blanks in them
  words=(${1#pyve })
  set +f
}

# Usage: check_config_syntax
# Whether .pyve/config is written as Pyve reads it: what is not, is not in force.
check_config_syntax() {
  local i count text line
  can_scan_config || return 0
  scan_config .pyve/config
  count=${#CONFIG_FAULT_LINES[@]}
  for ((i = 0; i < count && i < _config_scan_most; i++)); do
    read_config_line "${CONFIG_FAULT_LINES[i]}"
    show_config_line
    line=$REPLY
    text="Config: .pyve/config line ${CONFIG_FAULT_LINES[i]}, column ${CONFIG_FAULT_COLUMNS[i]}: ${CONFIG_FAULT_TEXTS[i]}"
    if [[ -n ${CONFIG_FAULT_MENDS[i]} ]]; then
      found E_CONFIG_SYNTAX "$text" why "$line" auto "pyve doctor --fix --only config-syntax" \
        with "line=${CONFIG_FAULT_LINES[i]}" with "column=${CONFIG_FAULT_COLUMNS[i]}"
    else
      found E_CONFIG_SYNTAX "$text" why "$line" why "$_config_form" with "line=${CONFIG_FAULT_LINES[i]}" with "column=${CONFIG_FAULT_COLUMNS[i]}"
    fi
  done
  if ((count > _config_scan_most)); then
    found E_CONFIG_SYNTAX "Config: .pyve/config has $((count - _config_scan_most)) more mistakes of that kind"
  fi
  tell_config_twice
}

# Usage: show_config_line
# Sets REPLY to CONFIG_LINE for a person.
show_config_line() {
  REPLY=${CONFIG_LINE//[[:cntrl:]]/ }
  REPLY="the line is: ${REPLY#"${REPLY%%[! ]*}"}"
  ((${#REPLY} <= 80)) || REPLY="${REPLY:0:77}..."
}

# Usage: tell_config_twice
# Says which keys are there twice, after scan_config.
tell_config_twice() {
  local item key first again number=0
  for item in ${CONFIG_TWICE[@]+"${CONFIG_TWICE[@]}"}; do
    number=$((number + 1))
    if ((number > _config_scan_most)); then
      found E_CONFIG_DUPLICATE "Config: .pyve/config has $((${#CONFIG_TWICE[@]} - _config_scan_most)) more keys that are there already"
      return 0
    fi
    key=${item%%$'\t'*} again=${item##*$'\t'} first=${item#*$'\t'}
    first=${first%%$'\t'*}
    if is_twice_the_same "$first" "$again"; then
      found E_CONFIG_DUPLICATE "Config: .pyve/config line $again: $key is there already, in line $first" \
        why "both lines say the same" auto "pyve doctor --fix --only config-syntax" with "line=$again"
    else
      found E_CONFIG_DUPLICATE "Config: .pyve/config line $again: $key is there already, in line $first" \
        why "line $first is in force, line $again is not; remove one of them" with "line=$again"
    fi
  done
}

# Usage: is_twice_the_same <line number> <line number>
# True when both lines of the config are the same, and have a value: nothing below belongs to them.
is_twice_the_same() {
  local one
  read_config_line "$1"
  one=$CONFIG_LINE
  read_config_line "$2"
  [[ $one == "$CONFIG_LINE" && ${one#*:} == *[![:space:]]* ]]
}

# Usage: mend_config_syntax
# Writes the lines as they must be where that is certain.
mend_config_syntax() {
  local i item first again
  local -a lines=() texts=()
  can_scan_config || return 1
  scan_config .pyve/config
  for ((i = 0; i < ${#CONFIG_FAULT_LINES[@]}; i++)); do
    if [[ -n ${CONFIG_FAULT_MENDS[i]} ]]; then
      lines+=("${CONFIG_FAULT_LINES[i]}")
      texts+=("${CONFIG_FAULT_MENDS[i]}")
    fi
  done
  for item in ${CONFIG_TWICE[@]+"${CONFIG_TWICE[@]}"}; do
    again=${item##*$'\t'} first=${item#*$'\t'}
    if is_twice_the_same "${first%%$'\t'*}" "$again"; then
      lines+=("$again")
      texts+=("-")
    fi
  done
  ((${#lines[@]} > 0)) && change_config_lines
}

# Usage: change_config_lines
# Writes .pyve/config with each of the caller's lines (numbers) as its texts say, same index; "-" takes one
# away. All else stays, line ends too.
change_config_lines() {
  local line number=0 out="" i new end
  while IFS= read -r line || [[ -n $line ]]; do
    number=$((number + 1))
    end=$'\n' new=$line
    if [[ $line == *$'\r' ]]; then
      end=$'\r\n'
      new=${line%$'\r'}
    fi
    for ((i = 0; i < ${#lines[@]}; i++)); do
      if ((lines[i] == number)); then
        new=${texts[i]}
        break
      fi
    done
    [[ $new == "-" ]] || out+=$new$end
  done <.pyve/config
  write_file .pyve/config "$out"
}

# Usage: check_config_unknown_key
# Keys that mean nothing to Pyve: most are typing errors. Not those below one that has been named.
check_config_unknown_key() {
  local i key told=" " line number=0
  can_scan_config || return 0
  scan_config .pyve/config
  for ((i = 0; i < ${#CONFIG_ENTRY_KEYS[@]}; i++)); do
    key=${CONFIG_ENTRY_KEYS[i]} line=${CONFIG_ENTRY_LINES[i]}
    if find_config_key "$key" || { [[ $key == *.* && $told == *" ${key%.*} "* ]] && told+="$key "; }; then
      continue
    fi
    told+="$key "
    number=$((number + 1))
    if ((number > _config_scan_most)); then
      found W_CONFIG_UNKNOWN_KEY "Config: .pyve/config has more keys that mean nothing to Pyve"
      return 0
    fi
    read_config_line "$line"
    suggest_config_key "$key"
    if [[ -z $REPLY ]]; then
      found W_CONFIG_UNKNOWN_KEY "Config: .pyve/config line $line, column $CONFIG_COLUMN: '$key' means nothing to Pyve" \
        with "line=$line" with "column=$CONFIG_COLUMN"
    elif can_rename_key "$key" "$REPLY"; then
      found W_CONFIG_UNKNOWN_KEY "Config: .pyve/config line $line, column $CONFIG_COLUMN: '$key' means nothing to Pyve" \
        why "did you mean '$REPLY'?" auto "pyve doctor --fix --only config-unknown-key" with "line=$line" with "column=$CONFIG_COLUMN"
    else
      found W_CONFIG_UNKNOWN_KEY "Config: .pyve/config line $line, column $CONFIG_COLUMN: '$key' means nothing to Pyve" \
        why "did you mean '$REPLY'? Correct it, or move it to its section" with "line=$line" with "column=$CONFIG_COLUMN"
    fi
  done
}

# Usage: read_config_line <line number>
# Sets CONFIG_LINE to the line of .pyve/config, and CONFIG_COLUMN to where it begins.
read_config_line() {
  local line number=0
  CONFIG_LINE="" CONFIG_COLUMN=1
  while IFS= read -r line || [[ -n $line ]]; do
    number=$((number + 1))
    if ((number == $1)); then
      CONFIG_LINE=${line%$'\r'}
      line=${line%%[! ]*}
      CONFIG_COLUMN=$((${#line} + 1))
      return 0
    fi
  done <.pyve/config
}

# Usage: can_rename_key <key> <key that was meant>
# True when the second is in the same section, and not in the config yet. Leaves REPLY alone.
can_rename_key() {
  local i
  if [[ $1 == *.* || $2 == *.* ]]; then
    [[ $1 == *.* && $2 == *.* && ${1%.*} == "${2%.*}" ]] || return 1
  fi
  for ((i = 0; i < ${#CONFIG_ENTRY_KEYS[@]}; i++)); do
    [[ ${CONFIG_ENTRY_KEYS[i]} != "$2" ]] || return 1
  done
}

# Usage: mend_config_unknown_key
# Writes the keys that were meant where there is no doubt.
mend_config_unknown_key() {
  local i line number key
  local -a lines=() texts=()
  can_scan_config || return 1
  scan_config .pyve/config
  for ((i = 0; i < ${#CONFIG_ENTRY_KEYS[@]}; i++)); do
    key=${CONFIG_ENTRY_KEYS[i]}
    if find_config_key "$key"; then
      continue
    fi
    suggest_config_key "$key"
    if [[ -n $REPLY ]] && can_rename_key "$key" "$REPLY"; then
      read_config_line "${CONFIG_ENTRY_LINES[i]}"
      line=$CONFIG_LINE
      lines+=("${CONFIG_ENTRY_LINES[i]}")
      texts+=("${line%%[! ]*}${REPLY##*.}:${line#*:}")
    fi
  done
  ((${#lines[@]} > 0)) && change_config_lines
}

# Usage: plan_config_value <key> <value that was probably meant>
# Sets REPLY to the value that a key with an impossible one must have, or to "" where that is not certain.
plan_config_value() {
  local folder
  local -a names=()
  REPLY=$2
  for folder in .pyve/envs/*; do
    [[ ! -d $folder/conda-meta ]] || names+=("${folder##*/}")
  done
  case $1 in
    backend)
      # What is on disk says more than how a word is written.
      if ((${#names[@]} > 0)) && [[ ! -f ${DEFAULT_VENV_DIR:-.venv}/pyvenv.cfg ]]; then
        REPLY=micromamba
      elif ((${#names[@]} == 0)) && [[ -f ${DEFAULT_VENV_DIR:-.venv}/pyvenv.cfg ]]; then
        REPLY=venv
      fi
      ;;
    micromamba.env_name) ((${#names[@]} != 1)) || REPLY=${names[0]} ;;
    venv.directory) [[ ! -f ${DEFAULT_VENV_DIR:-.venv}/pyvenv.cfg ]] || REPLY=${DEFAULT_VENV_DIR:-.venv} ;;
  esac
}

# Usage: check_config_value
# Whether each known key has a value that it can have.
check_config_value() {
  local i key value why line column message
  local -a parts
  can_scan_config || return 0
  scan_config .pyve/config
  for ((i = 0; i < ${#CONFIG_ENTRY_KEYS[@]}; i++)); do
    key=${CONFIG_ENTRY_KEYS[i]} value=${CONFIG_ENTRY_VALUES[i]}
    if can_be_config_value "$key" "$value"; then
      continue
    fi
    why=$REPLY line=${CONFIG_ENTRY_LINES[i]} column=${CONFIG_ENTRY_COLUMNS[i]}
    parts=(why "$why")
    [[ -z $CONFIG_MEANT ]] || parts+=(why "did you mean '$CONFIG_MEANT'?")
    propose_config_value "$key"
    value=${value//[[:cntrl:]]/?}
    message="$key is '${value:0:60}'"
    [[ $key != backend ]] || message="Unknown backend '${value:0:60}'"
    found E_CONFIG_VALUE "Config: .pyve/config line $line, column $column: $message" "${parts[@]}" \
      with "key=$key" with "line=$line" with "column=$column"
  done
}

# Usage: propose_config_value <key>
# For check_config_value: adds the command that mends the value to the caller's parts, where there is one.
propose_config_value() {
  plan_config_value "$1" "$CONFIG_MEANT"
  if [[ -n $REPLY ]]; then
    parts+=(auto "pyve doctor --fix --only config-value")
  elif [[ $1 == python.version && $DOCTOR_BACKEND == venv && -n ${DOCTOR_VERSION-} ]]; then
    parts+=(fix "pyve init --update --python-version ${DOCTOR_VERSION%.*}")
  elif [[ $1 == venv.directory ]]; then
    parts+=(why "${DEFAULT_VENV_DIR:-.venv} is what most projects have")
  fi
}

# Usage: mend_config_value
# Writes the values that are certain in place of impossible ones.
mend_config_value() {
  local i key
  local -a lines=() texts=()
  can_scan_config || return 1
  scan_config .pyve/config
  for ((i = 0; i < ${#CONFIG_ENTRY_KEYS[@]}; i++)); do
    key=${CONFIG_ENTRY_KEYS[i]}
    if can_be_config_value "$key" "${CONFIG_ENTRY_VALUES[i]}"; then
      continue
    fi
    plan_config_value "$key" "$CONFIG_MEANT"
    [[ -n $REPLY ]] || continue
    format_config_value "$key" "$REPLY"
    # A word of YAML for a boolean needs no quotes here.
    [[ $key != prompt.show ]] || REPLY=$CONFIG_MEANT
    set -- "$REPLY"
    read_config_line "${CONFIG_ENTRY_LINES[i]}"
    find_config_comment "${CONFIG_LINE#*:}"
    lines+=("${CONFIG_ENTRY_LINES[i]}")
    texts+=("${CONFIG_LINE%%:*}: $1$REPLY")
  done
  ((${#lines[@]} > 0)) && change_config_lines
}
