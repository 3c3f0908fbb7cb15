# shellcheck shell=bash
# Profiles for people and programs: pyve profile.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/profile_show.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F read_profile >/dev/null || . "${BASH_SOURCE[0]%/*}/profile.sh"
declare -F answer_json >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
declare -F json_object >/dev/null || . "${BASH_SOURCE[0]%/*}/json.sh"

# Usage: find_source <field>
# Sets REPLY to given, config or "": who says this field of the profile that was read.
find_source() {
  local line
  REPLY=""
  while IFS= read -r line; do
    [[ ${line%%$'\t'*} != "$1" ]] || REPLY=${line#*$'\t'}
  done <<<"$PROFILE_SOURCES"
}

# Usage: list_fields
# Sets FIELD_NAMES, FIELD_VALUES and FIELD_SOURCES to what the profile that was read says, a variable each.
list_fields() {
  local i line
  FIELD_NAMES=() FIELD_VALUES=() FIELD_SOURCES=()
  for ((i = 0; i < ${#PROFILE_NAMES[@]}; i++)); do
    add_field "env.${PROFILE_NAMES[i]}" "${PROFILE_VALUES[i]}"
  done
  add_field env_file "$PROFILE_FILE"
  line="${PROFILE_FLAGS[*]-}"
  add_field flags "$line"
  add_field groups "$PROFILE_GROUPS"
  find_source watch
  if [[ -n $REPLY ]]; then
    [[ -n $PROFILE_WATCH ]] && line=true || line=false
    add_field watch "$line"
  fi
}

# Usage: add_field <name> <value>
# For list_fields: adds one that the profile says.
add_field() {
  find_source "$1"
  [[ -n $REPLY ]] || return 0
  FIELD_NAMES+=("$1")
  FIELD_VALUES+=("$2")
  FIELD_SOURCES+=("$REPLY")
}

# Usage: describe_field <index>
# Sets REPLY to "NAME = value" of FIELD_NAMES and FIELD_VALUES.
describe_field() {
  compose_field "${FIELD_NAMES[$1]}" "${FIELD_VALUES[$1]}"
}

# Usage: compose_field <name> <value>
# Sets REPLY to "NAME = value" as a person may see it: without secrets, and with nothing that a terminal would obey.
compose_field() {
  load_redact
  redact "$2"
  REPLY="$1 = ${REPLY:-\"\"}"
  REPLY=${REPLY//[[:cntrl:]]/?}
}

# Usage: show_profiles
# `pyve profile list`.
show_profiles() {
  local name line text="" out="" i active=${PYVE_PROFILE-}
  list_profiles
  for name in "${PROFILES[@]}"; do
    read_profile "$name" || return 1
    list_fields
    text=""
    for ((i = 0; i < ${#FIELD_NAMES[@]}; i++)); do
      describe_field "$i"
      REPLY=${REPLY#env.}
      text+=${text:+, }${REPLY/ = /=}
    done
    if [[ -n $PYVE_JSON ]]; then
      give_fields
      line=$REPLY
      [[ $name == "$active" ]] && REPLY=true || REPLY=false
      text=$REPLY
      is_given "$name" && REPLY=true || REPLY=false
      json_object name "$name" :given "$REPLY" :active "$text" :fields "$line"
      out+=${out:+, }$REPLY
    else
      [[ $name == "$active" ]] && line="$name *" || line=$name
      printf -v line '%-8s  %s\n' "$line" "$text"
      print_text "$line"
    fi
  done
  answer_json profiles "[$out]"
}

# Usage: is_given <name>
# True for a profile that is there without a word in the config.
is_given() {
  [[ " ${GIVEN_PROFILES[*]} " == *" $1 "* ]]
}

# Usage: give_fields
# Sets REPLY to the fields as a JSON array.
give_fields() {
  local i out=""
  for ((i = 0; i < ${#FIELD_NAMES[@]}; i++)); do
    json_object field "${FIELD_NAMES[i]}" value "${FIELD_VALUES[i]}" source "${FIELD_SOURCES[i]}"
    out+=${out:+, }$REPLY
  done
  REPLY="[$out]"
}

# Usage: show_profile <name>
# `pyve profile show`.
show_profile() {
  local i line
  read_profile "$1" || return 1
  list_fields
  answer name "$1"
  if [[ -n $PYVE_JSON ]]; then
    give_fields
    answer_json fields "$REPLY"
    return 0
  fi
  for ((i = 0; i < ${#FIELD_NAMES[@]}; i++)); do
    describe_field "$i"
    printf -v line '%-32s (%s)\n' "$REPLY" "${FIELD_SOURCES[i]}"
    print_text "$line"
  done
  if ((${#FIELD_NAMES[@]} == 0)); then
    print_text "The profile '$1' says nothing."$'\n'
  fi
}

# Usage: diff_profiles <name> <other name, or "">
# `pyve profile diff`.
diff_profiles() {
  local i k line out="" first=$1 second=$2
  local -a names=() values=()
  if [[ -n $second ]]; then
    read_profile "$first" && list_fields || return 1
    names=(${FIELD_NAMES[@]+"${FIELD_NAMES[@]}"})
    values=(${FIELD_VALUES[@]+"${FIELD_VALUES[@]}"})
    read_profile "$second" || return 1
  else
    # (Against a run without a profile.)
    second=$first first=""
    read_profile "$second" || return 1
  fi
  list_fields
  REPLY=null
  [[ -z $first ]] || json_string "$first"
  answer_json from "$REPLY"
  answer to "$second"
  for ((i = 0; i < ${#names[@]}; i++)); do
    for ((k = 0; k < ${#FIELD_NAMES[@]}; k++)); do
      [[ ${FIELD_NAMES[k]} != "${names[i]}" ]] || break
    done
    if ((k == ${#FIELD_NAMES[@]})); then
      add_difference "${names[i]}" before "${values[i]}" -after ""
    elif [[ ${FIELD_VALUES[k]} != "${values[i]}" ]]; then
      add_difference "${names[i]}" before "${values[i]}" after "${FIELD_VALUES[k]}"
    fi
  done
  for ((k = 0; k < ${#FIELD_NAMES[@]}; k++)); do
    for ((i = 0; i < ${#names[@]}; i++)); do
      [[ ${FIELD_NAMES[k]} != "${names[i]}" ]] || break
    done
    ((i < ${#names[@]})) || add_difference "${FIELD_NAMES[k]}" -before "" after "${FIELD_VALUES[k]}"
  done
  answer_json changes "[$out]"
  if [[ -z $PYVE_JSON$out ]]; then
    print_text "No difference."$'\n'
  fi
}

# Usage: add_difference <field> <before key> <before> <after key> <after>
# For diff_profiles: adds it to out, or prints it. A key with "-" in front stands for a field that is not said there.
add_difference() {
  if [[ -n $PYVE_JSON ]]; then
    # (What is said and empty is no null.)
    if [[ $2 == -* ]]; then
      json_object field "$1" :before null after "$5"
    elif [[ $4 == -* ]]; then
      json_object field "$1" before "$3" :after null
    else
      json_object field "$1" before "$3" after "$5"
    fi
    out+=${out:+, }$REPLY
    return 0
  fi
  out=1
  if [[ $2 != -* ]]; then
    compose_field "$1" "$3"
    print_text "- $REPLY"$'\n'
  fi
  if [[ $4 != -* ]]; then
    compose_field "$1" "$5"
    print_text "+ $REPLY"$'\n'
  fi
}
