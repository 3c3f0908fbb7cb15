# shellcheck shell=bash
# shellcheck disable=SC2034 # what a scan finds is read by its callers
# What is wrong in a .pyve/config: form, keys and values, each with line and column. lib/config.sh reads the
# same file without a word about what it does not understand, because every command waits for it.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/config_check.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F parse_config_value >/dev/null || . "${BASH_SOURCE[0]%/*}/config.sh"
declare -F suggest >/dev/null || . "${BASH_SOURCE[0]%/*}/cli.sh"

# Configs have a few hundred bytes. What is longer is something else, and is not read to its end.
CONFIG_MOST_BYTES=16384
CONFIG_MOST_COLUMNS=1000

CONFIG_KEYS=()
_config_data=${BASH_SOURCE[0]%/*}/data/config-keys.tsv
# The entry of the last scan that is a list.
_config_scan_list=""

# --- what there is

# Usage: list_config_keys
# Sets the arrays CONFIG_KEYS, CONFIG_KINDS and CONFIG_MEANINGS, same index, from lib/data/config-keys.tsv.
list_config_keys() {
  local key kind meaning
  CONFIG_KEYS=() CONFIG_KINDS=() CONFIG_MEANINGS=()
  while IFS=$'\t' read -r key kind meaning; do
    if [[ -n $meaning && $key != "#"* ]]; then
      CONFIG_KEYS+=("$key")
      CONFIG_KINDS+=("$kind")
      CONFIG_MEANINGS+=("$meaning")
    fi
  done <"$_config_data"
}

# Usage: find_config_key <key>
# Sets REPLY to the kind of a known key's value, or to "section" for what only has keys below it. Status 1,
# and "", for a key that means nothing. After list_config_keys.
find_config_key() {
  local i key
  generalize_config_key "$1"
  key=$REPLY
  REPLY=""
  for ((i = 0; i < ${#CONFIG_KEYS[@]}; i++)); do
    if [[ ${CONFIG_KEYS[i]} == "$key" ]]; then
      REPLY=${CONFIG_KINDS[i]}
      return 0
    elif [[ ${CONFIG_KEYS[i]} == "$key".* ]]; then
      REPLY=section
    fi
  done
  [[ -n $REPLY ]]
}

# Usage: generalize_config_key <key>
# Sets REPLY to the key with * for what people name themselves: run.profiles.*.env.* for run.profiles.dev.env.DEBUG.
generalize_config_key() {
  local name=${1#run.profiles.}
  REPLY=$1
  if [[ $1 == run.profiles.[A-Za-z0-9_-]* ]]; then
    name=${name%%.*}
    REPLY="run.profiles.*${1#"run.profiles.$name"}"
    if [[ $REPLY == 'run.profiles.*.env.'[A-Za-z_]* && ${REPLY#'run.profiles.*.env.'} != *.* ]]; then
      REPLY='run.profiles.*.env.*'
    fi
  fi
}

# Usage: suggest_config_key <key>
# Sets REPLY to the known key that was probably meant, or to "". After list_config_keys.
suggest_config_key() {
  local key=$1 known last
  local -a sections=() keys=()
  for known in "${CONFIG_KEYS[@]}"; do
    # (Of a key with a name that people choose, the name is taken from what is given.)
    last=$known
    if [[ $known == 'run.profiles.*.'* ]]; then
      [[ $key == run.profiles.?*.* && $known != *'.*' ]] || continue
      known=${key#run.profiles.}
      known="run.profiles.${known%%.*}.${last##*.}"
    fi
    keys+=("$known")
  done
  # Right, but in another section, or in none.
  for known in "${keys[@]}"; do
    if [[ ${known##*.} == "${key##*.}" && $known == *.* ]]; then
      REPLY=$known
      return 0
    fi
    [[ $known != *.* ]] || sections+=("${known%%.*}")
  done
  if [[ $key == *.* ]]; then
    suggest "$key" "${keys[@]}"
  else
    suggest "$key" "${keys[@]}" "${sections[@]}"
  fi
}

# --- the file

# Usage: check_config_file <file>
# Status 0 when it is a text that can be scanned. Otherwise REPLY says why it is none, with status 1 when it
# cannot be read and 2 when it can, but is no config.
check_config_file() {
  local text="" LC_ALL=C
  if [[ ! -f $1 ]]; then
    REPLY="it is a folder, or something else that is no file"
    return 1
  elif [[ ! -r $1 ]]; then
    REPLY="no permission"
    return 1
  fi
  if IFS= read -r -d '' -n "$((CONFIG_MOST_BYTES + 1))" text <"$1" && ((${#text} <= CONFIG_MOST_BYTES)); then
    REPLY="it has a NUL byte, behind ${#text} others; Pyve reads no further than that"
    return 2
  elif ((${#text} > CONFIG_MOST_BYTES)); then
    REPLY="it has more than $CONFIG_MOST_BYTES bytes"
    return 2
  elif [[ $text == $'\xff\xfe'* || $text == $'\xfe\xff'* ]]; then
    REPLY="it begins as UTF-16 does, and Pyve reads UTF-8"
    return 2
  fi
  REPLY=""
}

# --- its form

# Usage: scan_config <file>
# Reads a file for which check_config_file is true. What is wrong in its form: CONFIG_FAULT_LINES, _COLUMNS,
# _TEXTS (what), and _MENDS (the line as it must be, "-" for one to remove, "" when that is not certain).
# What it says: CONFIG_ENTRY_KEYS ("venv.directory"), _LINES, _COLUMNS (of the value) and _VALUES, as
# config_parse reads them; a key that is there again is only in CONFIG_TWICE ("key<tab>first line<tab>line").
scan_config() {
  local line rest indent key item value number=0 depth=0 base last=-1
  local -a indents=() paths=()
  CONFIG_FAULT_LINES=() CONFIG_FAULT_COLUMNS=() CONFIG_FAULT_TEXTS=() CONFIG_FAULT_MENDS=()
  CONFIG_ENTRY_KEYS=() CONFIG_ENTRY_LINES=() CONFIG_ENTRY_COLUMNS=() CONFIG_ENTRY_VALUES=() CONFIG_TWICE=()
  _config_scan_list=""
  [[ ${#CONFIG_KEYS[@]} -gt 0 ]] || list_config_keys
  while IFS= read -r line || [[ -n $line ]]; do
    number=$((number + 1))
    line=${line%$'\r'}
    if ((number == 1)) && [[ $line == $'\xef\xbb\xbf'* ]]; then
      note_config_fault 1 "a byte order mark stands before the first key, which is not read because of it" "${line#$'\xef\xbb\xbf'}"
      line=${line#$'\xef\xbb\xbf'}
    fi
    if ((${#line} > CONFIG_MOST_COLUMNS)); then
      note_config_fault "$((CONFIG_MOST_COLUMNS + 1))" "the line is longer than $CONFIG_MOST_COLUMNS characters" ""
      continue
    fi
    rest=${line#"${line%%[! ]*}"}
    indent=$((${#line} - ${#rest}))
    case $rest in
      "" | "#"*) continue ;;
      "---" | "---"[[:blank:]]* | "%"*)
        ((${#CONFIG_ENTRY_KEYS[@]} > 0)) || continue
        ;;
      $'\t'*)
        scan_config_tab
        continue
        ;;
    esac
    value=${rest//$'\t'/}
    if [[ $value == *[[:cntrl:]]* ]]; then
      value=${line%%[[:cntrl:]]*}
      [[ $rest == *$'\t'* ]] || note_config_fault "$((${#value} + 1))" "there is a control character" ""
      [[ $rest != *$'\t'* ]] || note_config_fault "$((indent + 1))" "there is a control character" ""
    fi
    case $rest in
      - | -[[:space:]]*) scan_config_item ;;
      *:* | *=*) scan_config_key ;;
      *) note_config_fault "$((indent + 1))" "this is neither a key with a colon nor the item of a list" "" ;;
    esac
  done <"$1"
}

# Usage: note_config_fault <column> <text> <line as it must be, or "">
# For scan_config: keeps what is wrong in the line of that number.
note_config_fault() {
  CONFIG_FAULT_LINES+=("$number")
  CONFIG_FAULT_COLUMNS+=("$1")
  CONFIG_FAULT_TEXTS+=("$2")
  CONFIG_FAULT_MENDS+=("$3")
}

# Usage: scan_config_tab
# For scan_config: a line with a tab in its indentation.
scan_config_tab() {
  local text=${rest#"${rest%%[![:space:]]*}"} blanks="" tabs
  if [[ -z $text || $text == "#"* ]]; then
    return 0
  fi
  tabs=${rest%"$text"}
  if ((indent == 0)) && [[ -z ${tabs//$'\t'/} ]]; then
    # As deep as its neighbours, else two blanks for each.
    printf -v blanks '%*s' "$((2 * ${#tabs}))" ""
    if ((${#tabs} == 1 && depth > 1)); then
      printf -v blanks '%*s' "${indents[1]}" ""
    fi
    blanks+=$text
  fi
  note_config_fault "$((indent + 1))" "a tab stands in the indentation, where only blanks may be; the line is not read" "$blanks"
}

# Usage: scan_config_item
# For scan_config: an item of a list.
scan_config_item() {
  if ((depth == 0)); then
    note_config_fault "$((indent + 1))" "there is no key that this item could belong to" ""
    return 0
  fi
  if ((indent < indents[depth - 1])); then
    note_config_fault "$((indent + 1))" "the item stands further left than its key, ${paths[depth - 1]}" ""
  fi
  item=${rest#-}
  scan_config_value
  if ((last >= 0)); then
    value=${CONFIG_ENTRY_VALUES[last]}
    if [[ -n $value && ${_config_scan_list} != "$last" ]]; then
      note_config_fault "$((indent + 1))" "'${paths[depth - 1]}' has a value already, and cannot be a list" ""
      return 0
    fi
    _config_scan_list=$last
    CONFIG_ENTRY_VALUES[last]=$value${value:+$'\n'}$REPLY
  fi
}

# Usage: scan_config_key
# For scan_config: a line with a colon, or with what stands for one.
scan_config_key() {
  local popped="" path known
  key=${rest%%:*}
  item=${rest#*:}
  if [[ $rest != *:* || $key == *=* ]]; then
    key=${rest%%=*}
    item=${rest#*=}
    key=${key%"${key##*[![:space:]]}"}
    item=${item#"${item%%[![:space:]]*}"}
    known=""
    expect_config_key && known="${line%%[! ]*}$key: $item"
    value=${line%%=*}
    note_config_fault "$((${#value} + 1))" "a key is followed by a colon, not by '='" "$known"
    return 0
  fi
  key=${key%"${key##*[![:space:]]}"}
  case $key in
    "")
      note_config_fault "$((indent + 1))" "there is no key before the colon" ""
      return 0
      ;;
    [\"\']*[\"\'])
      note_config_fault "$((indent + 1))" "keys are written without quotes; this one is not read" "${line%%[! ]*}${key:1:${#key}-2}:$item"
      return 0
      ;;
    *[!A-Za-z0-9_.-]*)
      known=${key%%[!A-Za-z0-9_.-]*}
      note_config_fault "$((indent + ${#known} + 1))" "a key has letters, digits, '_', '.' and '-' in it; this one is not read" ""
      return 0
      ;;
  esac
  case $item in
    "" | [[:space:]]*) ;;
    *)
      known=""
      expect_config_key && known="${line%%[! ]*}$key: $item"
      note_config_fault "$((indent + ${#rest} - ${#item} + 1))" "a blank is missing behind the colon; the line is not read" "$known"
      return 0
      ;;
  esac
  while ((depth > 0 && indents[depth - 1] >= indent)); do
    depth=$((depth - 1))
    popped=${indents[depth]}
  done
  if [[ -n $popped ]] && ((popped != indent)); then
    note_config_fault "$((indent + 1))" "the indentation is that of no line above; there it is $popped" ""
  fi
  path=$key
  if ((depth > 0)); then
    path=${paths[depth - 1]}.$key
    if [[ -z $popped ]] && ((last >= 0)) && [[ -n ${CONFIG_ENTRY_VALUES[last]} ]]; then
      note_config_fault "$((indent + 1))" "it is indented below '${paths[depth - 1]}', which has a value" ""
    fi
  fi
  indents[depth]=$indent
  paths[depth]=$path
  depth=$((depth + 1))
  scan_config_value
  for ((last = 0; last < ${#CONFIG_ENTRY_KEYS[@]}; last++)); do
    if [[ ${CONFIG_ENTRY_KEYS[last]} == "$path" ]]; then
      CONFIG_TWICE+=("$path"$'\t'"${CONFIG_ENTRY_LINES[last]}"$'\t'"$number")
      # Items below it are not those of the first.
      last=-1
      return 0
    fi
  done
  value=${item#"${item%%[![:space:]]*}"}
  CONFIG_ENTRY_KEYS+=("$path")
  CONFIG_ENTRY_LINES+=("$number")
  CONFIG_ENTRY_COLUMNS+=("$((${#line} - ${#value} + 1))")
  CONFIG_ENTRY_VALUES+=("$REPLY")
}

# Usage: expect_config_key
# For scan_config: true when the key of a line that is not as it should be is known at its place.
expect_config_key() {
  if ((indent == 0 || depth == 0)); then
    find_config_key "$key"
  else
    find_config_key "${paths[0]}.$key"
  fi
}

# Usage: scan_config_value
# For scan_config: checks the form of the value `item`, which ends the line. Sets REPLY to the value.
scan_config_value() {
  local text=${item#"${item%%[![:space:]]*}"} column after=""
  local double='^"([^"\]|\\.)*"(.*)$' single="^'([^']|'')*'(.*)\$" block='^[|>][-+0-9]*([[:space:]]|$)'
  column=$((${#line} - ${#text} + 1))
  case $text in
    '"'*) [[ $text =~ $double ]] && after=${BASH_REMATCH[2]} || after=open ;;
    "'"*) [[ $text =~ $single ]] && after=${BASH_REMATCH[2]} || after=open ;;
    "&"* | "!"* | "*"*) note_config_fault "$column" "anchors, aliases and tags are not read" "" ;;
    *)
      if [[ $text =~ $block ]]; then
        note_config_fault "$column" "texts over several lines are not read" ""
      fi
      ;;
  esac
  if [[ $after == open ]]; then
    note_config_fault "$column" "the quote is not closed in this line" ""
  elif [[ -n ${after//[[:space:]]/} && $after != [[:space:]]*"#"* ]]; then
    note_config_fault "$((${#line} - ${#after} + 1))" "there is more behind the closing quote" ""
  elif [[ $after == [[:space:]]*"#"* ]]; then
    after=${after%%"#"*}
    [[ -z ${after//[[:space:]]/} ]] || note_config_fault "$((column + 1))" "there is more behind the closing quote" ""
  fi
  parse_config_value "$item"
}

# --- its values

# Usage: can_be_config_value <key> <value>
# True when a known key may have the value; "" is the same as no value. Otherwise REPLY says what it may be,
# and CONFIG_MEANT is the value that was probably meant, or "". After list_config_keys.
can_be_config_value() {
  local value=$2 kind word
  CONFIG_MEANT=""
  find_config_key "$1" || return 0
  kind=$REPLY
  REPLY=""
  [[ -n $value ]] || return 0
  case $kind in
    text | list | version) return 0 ;;
    section)
      REPLY="it is a section: its keys stand in lines of their own below it"
      return 1
      ;;
    *"|"*)
      [[ "|$kind|" != *"|$value|"* || $value == *"|"* ]] || return 0
      # shellcheck disable=SC2086 # words
      suggest "$value" ${kind//|/ }
      CONFIG_MEANT=$REPLY
      REPLY="it is one of ${kind//|/, }"
      return 1
      ;;
    boolean)
      parse_boolean "$value" && return 0
      suggest "$value" true false yes no on off
      CONFIG_MEANT=$REPLY
      REPLY="it is true or false"
      return 1
      ;;
    flags | groups)
      declare -F read_profile_flags >/dev/null || . "${BASH_SOURCE[0]%/*}/profile.sh"
      # (They say what is wrong themselves; here the reason is enough.)
      if [[ $kind == flags ]]; then
        find_flag_words "$value" && return 0
        REPLY=$FLAG_FORM
      else
        find_group_names "$value" && return 0
        REPLY=$GROUP_FORM
      fi
      return 1
      ;;
    platforms)
      value=${value//[][,\"\']/ }
      for word in $value; do
        [[ ! $word =~ ^[a-z0-9]+-[a-z0-9_]+$ ]] || continue
        REPLY="it is a list of conda's names for platforms, such as linux-64 and osx-arm64"
        return 1
      done
      return 0
      ;;
    packages)
      value=${value//[][,\"\']/ }
      for word in $value; do
        [[ ! $word =~ ^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$ ]] || continue
        REPLY="it is a list of names of packages"
        return 1
      done
      return 0
      ;;
  esac
  check_config_name "$kind" "$value"
}

# Usage: check_config_name <folder|name|file|python> <value>
# For can_be_config_value.
check_config_name() {
  local value=$2
  case $1 in
    folder)
      declare -F validate_venv_dir_name >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"
      (validate_venv_dir_name "$value") >/dev/null 2>&1 && return 0
      REPLY="it is a name with letters, digits, '.', '_' and '-' in it, and none that the project uses for something else"
      ;;
    name)
      [[ ! $value =~ ^[A-Za-z_][A-Za-z0-9._-]*$ ]] || return 0
      REPLY="it has letters, digits, '.', '_' and '-' in it, and a letter or '_' in front"
      ;;
    file)
      [[ $value == *[[:cntrl:]]* ]] || return 0
      REPLY="it is the name of a file"
      ;;
    python)
      [[ ! $value =~ ^3(\.[0-9]{1,3}(\.[0-9]{1,3}((a|b|rc)[0-9]{1,2})?)?)?$ ]] || return 0
      if [[ $value == /* || $value == path:/* ]]; then
        [[ ! -e ${value#path:} ]] || return 0
        REPLY="there is no such interpreter"
        return 1
      fi
      declare -F _take_wish >/dev/null || . "${BASH_SOURCE[0]%/*}/python_wish.sh"
      if [[ ! $value =~ ^[0-9.]+$ ]] && (_take_wish "$value" config) >/dev/null 2>&1; then
        return 0
      fi
      REPLY="it is a version of Python 3 (3.12 or 3.12.4), the name of an installed interpreter, or the absolute path of one"
      ;;
  esac
  return 1
}
