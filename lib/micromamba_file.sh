# shellcheck shell=bash
# environment.yml as far as bash can read it: name and channels, in the forms that nearly all files
# have. What is beyond them (anchors, values over several lines, escapes, numbers as names, several
# documents) is said to be so, never guessed; a YAML parser has to be asked then.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/micromamba_file.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F repeat_command >/dev/null || . "${BASH_SOURCE[0]%/*}/fixes.sh"
declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
declare -F config_get >/dev/null || . "${BASH_SOURCE[0]%/*}/config.sh"

# --- which files

# Usage: find_environment_files
# Sets CONDA_MANIFEST to the environment file of the project in the current folder (the one that the config
# names, else environment.yml) and CONDA_LOCK to conda-lock.yml; each to "" when it is not there. REPLY:
# the one that environments are made from, the lock before the manifest. Status 1 when there is neither.
find_environment_files() {
  local file
  config_load || :
  config_get micromamba.env_file
  file=${REPLY:-environment.yml}
  CONDA_MANIFEST="" CONDA_LOCK=""
  if [[ -e conda-lock.yml || -L conda-lock.yml ]]; then
    CONDA_LOCK=conda-lock.yml
  fi
  if is_lock_name "$file"; then
    [[ ! -e $file && ! -L $file ]] || CONDA_LOCK=$file
    file=environment.yml
  fi
  if [[ -e $file || -L $file ]]; then
    CONDA_MANIFEST=$file
  fi
  REPLY=${CONDA_LOCK:-$CONDA_MANIFEST}
  [[ -n $REPLY ]]
}

# Usage: is_lock_name <file>
# True when micromamba takes a file of this name for a lock.
is_lock_name() {
  [[ $1 == *-lock.yml || $1 == *-lock.yaml ]]
}

# Usage: detect_environment_file
# Prints the file that the environment is made from: conda-lock.yml, else environment.yml. Prints
# nothing, with status 1, when there is neither.
detect_environment_file() {
  find_environment_files || return 1
  printf '%s\n' "$REPLY"
}

# --- what is in them

# Usage: parse_environment_name [file]
# Prints the name: of an environment file (default: the project's). Prints nothing, with status 1, when
# there is no file or it has no name, and with status 2 when it takes a YAML parser to read it.
parse_environment_name() {
  choose_environment_file "${1-}" || return 1
  read_environment_file "$REPLY" || (($? == 2)) || return 1
  ((ENVFILE_NAME_STATUS == 0)) || return "$ENVFILE_NAME_STATUS"
  printf '%s\n' "$ENVFILE_NAME"
}

# Usage: parse_environment_channels [file]
# Prints the channels: of an environment file (default: the project's), one a line. Prints nothing, with
# status 1, when there is no file or it has none, and with status 2 when it takes a YAML parser.
parse_environment_channels() {
  choose_environment_file "${1-}" || return 1
  read_environment_file "$REPLY" || (($? == 2)) || return 1
  ((ENVFILE_CHANNELS_STATUS == 0)) || return "$ENVFILE_CHANNELS_STATUS"
  printf '%s\n' "${ENVFILE_CHANNELS[@]}"
}

# Usage: choose_environment_file [file]
# Sets REPLY to the file, or to the project's environment file. Status 1 when there is none.
choose_environment_file() {
  REPLY=${1-}
  if [[ -z $REPLY ]]; then
    find_environment_files || :
    REPLY=$CONDA_MANIFEST
  fi
  [[ -n $REPLY ]]
}

# Usage: read_environment_file <file>
# Sets ENVFILE_NAME and the array ENVFILE_CHANNELS; and for each a status, ENVFILE_NAME_STATUS and
# ENVFILE_CHANNELS_STATUS: 0 it is there, 1 it is not, 2 it takes a YAML parser. ENVFILE_KEYS: the keys at
# the top, with a blank around each. ENVFILE_TAB: the number of the first line that begins with a tab, or
# "". Status 1 when the file cannot be read; 2 when it takes a YAML parser to know even its keys.
read_environment_file() {
  local text="" line key="" value="" number=0 begun="" indent="" LC_ALL=C
  local form='^("[^"\]*"|'"'[^']*'"'|[A-Za-z_][A-Za-z0-9_.-]*)[[:blank:]]*:([[:blank:]]+(.*))?$'
  ENVFILE_NAME="" ENVFILE_NAME_STATUS=1 ENVFILE_CHANNELS=() ENVFILE_CHANNELS_STATUS=1
  ENVFILE_KEYS=" " ENVFILE_TAB=""
  [[ -f $1 && -r $1 ]] || return 1
  IFS= read -r -d '' text <"$1" || :
  text=${text#$'\xef\xbb\xbf'}
  while IFS= read -r line; do
    number=$((number + 1))
    line=${line%$'\r'}
    value=${line#"${line%%[![:blank:]]*}"}
    if [[ -z $value || $value == "#"* ]]; then
      continue
    fi
    case $line in
      "---" | "---"[[:blank:]]*)
        value=${line#---}
        value=${value#"${value%%[![:blank:]]*}"}
        if [[ -n $begun || (-n $value && $value != "#"*) ]]; then
          refuse_environment_file
          return 2
        fi
        begun=1
        ;;
      "..." | "..."[[:blank:]]*) break ;;
      %*)
        [[ -z $begun ]] || {
          refuse_environment_file
          return 2
        }
        ;;
      $'\t'* | " "*$'\t'*[![:blank:]]*)
        # A tab in the indentation, or somewhere behind.
        if [[ ${line%%[! ]*} != "${line%%[![:blank:]]*}" ]]; then
          ENVFILE_TAB=$number
          refuse_environment_file
          return 2
        fi
        read_environment_item
        ;;
      " "* | "-" | "-"[[:blank:]]*) read_environment_item ;;
      *)
        begun=1
        if [[ ! $line =~ $form ]]; then
          refuse_environment_file
          return 2
        fi
        key=${BASH_REMATCH[1]}
        value=${BASH_REMATCH[3]}
        key=${key#[\"\']}
        key=${key%[\"\']}
        if is_open_value "$value" || [[ $ENVFILE_KEYS == *" $key "* ]]; then
          refuse_environment_file
          return 2
        fi
        ENVFILE_KEYS+="$key "
        indent=""
        case $key in
          name) read_environment_value "$value" ;;
          channels) read_channels_value "$value" ;;
        esac
        ;;
    esac
  done <<<"$text"
}

# Usage: refuse_environment_file
# For read_environment_file: notes that it takes a YAML parser.
refuse_environment_file() {
  ENVFILE_NAME="" ENVFILE_NAME_STATUS=2 ENVFILE_CHANNELS=() ENVFILE_CHANNELS_STATUS=2
}

# Usage: read_environment_value <text behind "name:">
# For read_environment_file.
read_environment_value() {
  ENVFILE_NAME_STATUS=0
  parse_yaml_scalar "$1" || ENVFILE_NAME_STATUS=$?
  ENVFILE_NAME=$REPLY
}

# Usage: read_channels_value <text behind "channels:">
# For read_environment_file: a list in one line, or the beginning of one in lines of their own.
read_channels_value() {
  local status=0
  if [[ $1 == "["* ]]; then
    split_yaml_list "$1" || ENVFILE_CHANNELS_STATUS=2
    if ((${#ENVFILE_CHANNELS[@]} > 0 && ENVFILE_CHANNELS_STATUS == 1)); then
      ENVFILE_CHANNELS_STATUS=0
    fi
    indent=closed
  else
    parse_yaml_scalar "$1" || status=$?
    ((status == 1)) || ENVFILE_CHANNELS_STATUS=2
  fi
}

# Usage: read_environment_item
# For read_environment_file: a line that begins with a blank or a dash and belongs to the last key.
read_environment_item() {
  local blanks=${line%%[! ]*} status=0 item
  case $key in
    name)
      # The value goes on, or begins, in this line.
      ENVFILE_NAME="" ENVFILE_NAME_STATUS=2
      ;;
    channels)
      item=${line#"$blanks"}
      if [[ $item == "-" || $item == "-"[[:blank:]]* ]] && [[ -z $indent || $indent == "$blanks-" ]]; then
        indent=$blanks-
        parse_yaml_scalar "${item#-}" || status=$?
      else
        status=2
      fi
      if ((status != 0 || ENVFILE_CHANNELS_STATUS == 2)); then
        ENVFILE_CHANNELS=() ENVFILE_CHANNELS_STATUS=2
      else
        ENVFILE_CHANNELS+=("$REPLY")
        ENVFILE_CHANNELS_STATUS=0
      fi
      ;;
    "")
      # The whole document is a list, or indented.
      refuse_environment_file
      ;;
  esac
}

# Usage: is_open_value <text>
# True when the value goes on in the next line, in quotes or brackets.
is_open_value() {
  local double='^"([^"\]|\\.)*"[[:blank:]]*(#.*)?$' single="^'([^']|'')*'[[:blank:]]*(#.*)?\$" rest
  case $1 in
    '"'*) [[ ! $1 =~ $double ]] ;;
    "'"*) [[ ! $1 =~ $single ]] ;;
    "["* | "{"*)
      rest=${1%%[[:blank:]]#*}
      rest=${rest%"${rest##*[![:blank:]]}"}
      [[ ($1 == "["* && $rest != *"]") || ($1 == "{"* && $rest != *"}") ]]
      ;;
    *) return 1 ;;
  esac
}

# Usage: parse_yaml_scalar <text>
# Sets REPLY to the string that the text, the rest of a line, stands for. Status 1 when it is empty or
# null; 2 when it is no string, or in a form that takes a YAML parser.
parse_yaml_scalar() {
  local text=$1
  local double='^"([^"\]*)"[[:blank:]]*([[:blank:]]#.*)?$' single="^'(([^']|'')*)'[[:blank:]]*([[:blank:]]#.*)?\$"
  local words='^([yY]|[nN]|[yY][eE][sS]|[nN][oO]|[tT][rR][uU][eE]|[fF][aA][lL][sS][eE]|[oO][nN]|[oO][fF][fF])$'
  local numbers='^[-+]?\.?[0-9][0-9a-fA-FxXoO_.:+TtZz -]*$|^[-+]?\.(inf|Inf|INF|nan|NaN|NAN)$'
  REPLY=""
  text=${text#"${text%%[![:blank:]]*}"}
  case $text in
    "" | "#"*) return 1 ;;
    '"'*)
      [[ $text =~ $double ]] || return 2
      REPLY=${BASH_REMATCH[1]}
      [[ $REPLY != *[[:cntrl:]]* ]] || return 2
      return 0
      ;;
    "'"*)
      [[ $text =~ $single ]] || return 2
      replace_all "${BASH_REMATCH[1]}" "''" "'"
      [[ $REPLY != *[[:cntrl:]]* ]] || return 2
      return 0
      ;;
  esac
  text=${text%%[[:blank:]]#*}
  text=${text%"${text##*[![:blank:]]}"}
  case $text in
    "~" | null | Null | NULL) return 1 ;;
    [\[\]{}\&\*\!\|\>%@\`,]* | [-?:] | [-?:][[:blank:]]* | *:[[:blank:]]* | *: | *[[:cntrl:]]*) return 2 ;;
  esac
  if [[ $text =~ $words || ($text =~ $numbers && ! $text =~ ^(0|[1-9][0-9]*)$) ]]; then
    return 2
  fi
  REPLY=$text
}

# Usage: split_yaml_list <text>
# Fills ENVFILE_CHANNELS with the strings of a list in one line, [a, "b"]. Status 2 when it takes a YAML
# parser.
split_yaml_list() {
  local rest=$1 item
  local form="^[[:blank:]]*(\"[^\"\\]*\"|'[^']*'|[^][{},\"'[:blank:]]([^][{},]*[^][{},[:blank:]])?)[[:blank:]]*(,|\$)(.*)\$"
  rest=${rest%%[[:blank:]]#*}
  rest=${rest%"${rest##*[![:blank:]]}"}
  [[ $rest == "["*"]" ]] || return 2
  rest=${rest#"["}
  rest=${rest%"]"}
  ENVFILE_CHANNELS=()
  while [[ -n ${rest//[[:blank:]]/} ]]; do
    if [[ ! $rest =~ $form ]]; then
      ENVFILE_CHANNELS=()
      return 2
    fi
    item=${BASH_REMATCH[1]}
    rest=${BASH_REMATCH[4]}
    if ! parse_yaml_scalar "$item"; then
      ENVFILE_CHANNELS=()
      return 2
    fi
    ENVFILE_CHANNELS+=("$REPLY")
  done
}

# --- whether they will do

# Usage: validate_environment_file
# True when the project has an environment file (or only a lock) that can be read and has something in it;
# otherwise says what is wrong.
validate_environment_file() {
  local file command
  if ! find_environment_files; then
    choose_init_command
    command=$REPLY
    config_get micromamba.env_file
    fail E_ENV_FILE_MISSING "there is no ${REPLY:-environment.yml} and no conda-lock.yml in this project" \
      why "the micromamba backend makes the environment from one of them" \
      why "environment.yml has at least: channels: [conda-forge], dependencies: [python]" fix "${command/--update/--force} --backend venv"
    return 1
  fi
  for file in ${CONDA_LOCK:+"$CONDA_LOCK"} ${CONDA_MANIFEST:+"$CONDA_MANIFEST"}; do
    check_environment_file "$file" || return 1
  done
}

# Usage: check_environment_file <file>
# The same for one file.
check_environment_file() {
  local file=$1 text="" status=0 LC_ALL=C
  if [[ ! -f $file ]]; then
    REPLY="it is not a file"
    [[ ! -L $file || -e $file ]] || REPLY="it is a link to a file that is gone"
    fail E_ENV_FILE_READ "cannot read $file" why "$REPLY" why "put a file in its place"
    return 1
  fi
  if ! { IFS= read -r -d '' text <"$file" || [[ -r $file ]]; } 2>/dev/null; then
    propose_reading "$file"
    fail E_ENV_FILE_READ "cannot read $file" why "no permission" fix "$REPLY"
    return 1
  fi
  if [[ $text == $'\xff\xfe'* || $text == $'\xfe\xff'* ]]; then
    fail E_ENV_FILE_FORM "$file is not UTF-8 text" why "it begins as UTF-16 does; save it as UTF-8"
    return 1
  fi
  if [[ -z ${text//[[:space:]]/} ]]; then
    fail E_ENV_FILE_EMPTY "$file is empty" why "nothing can be made from it"
    return 1
  fi
  if is_lock_name "$file"; then
    return 0
  fi
  read_environment_file "$file" || status=$?
  if [[ -n $ENVFILE_TAB ]]; then
    fail E_ENV_FILE_FORM "$file is not valid YAML" why "line $ENVFILE_TAB begins with a tab; YAML is indented with blanks only"
    return 1
  fi
  if ((status == 0)) && [[ $ENVFILE_KEYS != *" dependencies "* ]]; then
    warn W_ENV_FILE_DEPENDENCIES "$file names no dependencies" why "an environment made from it would be empty"
  fi
}
