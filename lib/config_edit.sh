# shellcheck shell=bash
# Values of .pyve/config that a person sets by `pyve config set`; lib/config.sh has what commands set themselves.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/config_edit.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F config_set >/dev/null || . "${BASH_SOURCE[0]%/*}/config.sh"
declare -F list_config_keys >/dev/null || . "${BASH_SOURCE[0]%/*}/config_check.sh"
declare -F write_file >/dev/null || . "${BASH_SOURCE[0]%/*}/files.sh"
declare -F quote_word >/dev/null || . "${BASH_SOURCE[0]%/*}/text.sh"
declare -F log_success >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"
declare -F record_trust >/dev/null || . "${BASH_SOURCE[0]%/*}/trust.sh"

# Usage: cut_config_key <text> <key>
# Takes <key> ("a", "a.b", "a.b.c") with its value, also a list, out of the config <text>. Sets CONFIG_BEFORE and
# CONFIG_AFTER to what stands before and after it, or, where it is not there, to what stands before and after the place
# for it; CONFIG_INDENT to the blanks in front of it, and CONFIG_MISSING to its name, with the sections that have to be
# written first ("b.c"). REPLY, CONFIG_FOUND: "1" when the key was there. Status 1 for a section in one line, with a diagnostic.
cut_config_key() {
  local key=$2 line rest path i indent depth=0 best="" best_at=-1 best_indent=0 start=-1 stop=0 state=""
  local shape='^([A-Za-z0-9_.-]+)[[:space:]]*:(.*)$'
  local -a lines=() indents=() paths=()
  CONFIG_BEFORE="" CONFIG_AFTER="" CONFIG_INDENT="" CONFIG_MISSING=$key REPLY=""
  if [[ -n ${1//[[:space:]]/} ]]; then
    while IFS= read -r line; do
      lines+=("$line")
    done <<<"${1%$'\n'}"
  fi
  # state: "" before the value, cut in it, "end" behind it.
  for ((i = 0; i < ${#lines[@]}; i++)); do
    line=${lines[i]}
    rest=${line#"${line%%[! ]*}"}
    [[ -n ${line//[[:space:]]/} && $rest != "#"* ]] || continue
    indent=$((${#line} - ${#rest}))
    if [[ $state == cut ]]; then
      # Items of a list may stand as far left as their key.
      if ((indent > ${#CONFIG_INDENT})) || { ((indent == ${#CONFIG_INDENT})) && [[ $rest == - || $rest == -[[:space:]]* ]]; }; then
        stop=$((i + 1))
        continue
      fi
      state="end"
    fi
    [[ -z $state && $rest =~ $shape ]] || continue
    while ((depth > 0 && indents[depth - 1] >= indent)); do
      depth=$((depth - 1))
    done
    path=${BASH_REMATCH[1]}
    rest=${BASH_REMATCH[2]//[[:space:]]/}
    CONFIG_MISSING=$path
    ((depth == 0)) || path=${paths[depth - 1]}.$path
    indents[depth]=$indent
    paths[depth]=$path
    depth=$((depth + 1))
    if [[ $path == "$key" ]]; then
      printf -v CONFIG_INDENT '%*s' "$indent" ""
      state="cut" start=$i stop=$((i + 1)) REPLY=1
    elif [[ $key == "$path".* ]] && ((${#path} > ${#best})); then
      if [[ -n $rest && $rest != "#"* ]]; then
        fail E_CONFIG_FORM "cannot change $2 in .pyve/config" \
          why "'$path' is written in one line; Pyve changes only blocks, a key in a line of its own"
        return 1
      fi
      best=$path best_at=$i best_indent=$indent
    fi
  done
  CONFIG_FOUND=$REPLY
  if [[ -z $REPLY ]]; then
    CONFIG_MISSING=${key#"${best:+$best.}"}
    find_section_end
    start=$stop
  fi
  for ((i = 0; i < ${#lines[@]}; i++)); do
    if ((i < start)); then
      CONFIG_BEFORE+=${lines[i]}$'\n'
    elif ((i >= stop)); then
      CONFIG_AFTER+=${lines[i]}$'\n'
    fi
  done
}

# Usage: find_section_end
# For cut_config_key: sets stop to the line behind the section that the key belongs into, and CONFIG_INDENT to how deep
# its keys stand.
find_section_end() {
  local i own=""
  stop=${#lines[@]}
  ((best_at >= 0)) || return 0
  printf -v CONFIG_INDENT '%*s' "$((best_indent + 2))" ""
  stop=$((best_at + 1))
  for ((i = best_at + 1; i < ${#lines[@]}; i++)); do
    rest=${lines[i]#"${lines[i]%%[! ]*}"}
    [[ -n ${lines[i]//[[:space:]]/} && $rest != "#"* ]] || continue
    indent=$((${#lines[i]} - ${#rest}))
    ((indent > best_indent)) || break
    # Its first key says how deep the others stand.
    [[ -n $own ]] || printf -v CONFIG_INDENT '%*s' "$indent" ""
    own=1 stop=$((i + 1))
  done
}

# Usage: drop_empty_sections
# Removes the sections at the end of CONFIG_BEFORE that have nothing in them any more.
drop_empty_sections() {
  local line indent next=${CONFIG_AFTER%%[! ]*} out=$CONFIG_BEFORE
  while [[ $out == *$'\n' ]]; do
    line=${out%$'\n'}
    line=${line##*$'\n'}
    indent=${line%%[! ]*}
    if [[ ! $line =~ ^\ *[A-Za-z0-9_.-]+:[[:space:]]*$ ]] || ((${#indent} >= ${#CONFIG_INDENT})); then
      break
    fi
    [[ -z $CONFIG_AFTER ]] || ((${#next} <= ${#indent})) || break
    out=${out%"$line"$'\n'}
    CONFIG_INDENT=$indent
  done
  CONFIG_BEFORE=$out
}

# Usage: format_config_key <list|text> <key> [value]...
# Sets REPLY to the config text that cut_config_key has taken apart, with <key> as a list of the values, or with the one
# that it has; without values, without the key, and without its sections where they are empty then.
format_config_key() {
  local form=$1 key=$2 out value rest=$CONFIG_MISSING
  shift 2
  if (($# == 0)); then
    [[ $key != *.* ]] || drop_empty_sections
    out=$CONFIG_BEFORE
    # (The empty line that stood between it and what is before.)
    [[ -n $CONFIG_AFTER || $out != *$'\n\n' ]] || out=${out%$'\n'}
    REPLY=$out$CONFIG_AFTER
    return 0
  fi
  out=$CONFIG_BEFORE
  # (A key that was there is written as it was.)
  if [[ $rest == *.* && -z $CONFIG_FOUND ]]; then
    [[ -n $CONFIG_INDENT || -z $out ]] || out+=$'\n'
    while [[ $rest == *.* ]]; do
      out+="$CONFIG_INDENT${rest%%.*}:"$'\n'
      rest=${rest#*.}
      CONFIG_INDENT+="  "
    done
  fi
  if [[ $form == text ]]; then
    format_config_value "$key" "$1"
    REPLY="$out$CONFIG_INDENT$rest: $REPLY"$'\n'$CONFIG_AFTER
    return 0
  fi
  out+="$CONFIG_INDENT$rest:"$'\n'
  for value; do
    format_config_value "$key" "$value"
    out+="$CONFIG_INDENT  - $REPLY"$'\n'
  done
  REPLY=$out$CONFIG_AFTER
}

# Usage: change_config_list <key> [value]...
# Writes <key> of .pyve/config of the current folder as a list of the values, or removes it. REPLY: "1" when it was there.
# Status 1 when it cannot be written.
change_config_list() {
  change_config_key list "$@"
}

# Usage: change_config_key <list|text> <key> [value]...
# What change_config_list does; text: the key has one value.
change_config_key() {
  local text="" found
  if [[ -f .pyve/config ]]; then
    IFS= read -r -d '' text <.pyve/config || :
  fi
  cut_config_key "$text" "$2" || return 1
  found=$REPLY
  format_config_key "$@"
  text=$REPLY
  mkdir -p .pyve && write_file .pyve/config "$text" && config_load || return 1
  REPLY=$found
}

# Usage: expect_config_key_name <key>
# Sets CONFIG_KIND to the kind of a known key's value. Status 1, with a diagnostic, for what is no key.
expect_config_key_name() {
  local key=$1 word="" shown
  list_config_keys
  if find_config_key "$key" && [[ $REPLY != section ]]; then
    CONFIG_KIND=$REPLY
    return 0
  fi
  suggest_config_key "$key"
  if [[ -n $REPLY ]]; then
    word=$REPLY
    find_config_key "$word"
    [[ $REPLY != section ]] || word=""
  fi
  replace_config_key "$word"
  printf -v shown '%s, ' "${CONFIG_KEYS[@]}"
  fail E_CONFIG_KEY "the config has no key '$key'" why "its keys are ${shown%, }" ${REPLY:+fix "$REPLY"}
}

# Usage: replace_config_key <key>
# Sets REPLY to the command as it was given, with another key; to "" without one.
replace_config_key() {
  local -a words=(pyve "$PYVE_COMMAND" "${ARGS[0]}" "$1")
  REPLY=""
  [[ -n $1 ]] || return 0
  quote_words "${words[@]}" ${ARGS[2]+"${ARGS[@]:2}"}
}

# Usage: show_config_value <key>
# `pyve config get`: prints the value, an item of a list in each line. Status 1 when there is none.
show_config_value() {
  expect_config_key_name "$1" || return 1
  config_get "$1"
  answer key "$1"
  if [[ -z $REPLY ]]; then
    fail E_CONFIG_UNSET "the config does not say $1" why "what Pyve does then is the default"
    return 1
  fi
  answer value "$REPLY"
  if [[ -z $PYVE_JSON ]]; then
    load_redact
    redact "$REPLY"
    print_text "$REPLY"$'\n'
  fi
}

# Usage: keep_trusted <command> [argument]...
# Runs a command that changes the config. A project that the shell hook may enter stays one: its owner is at work.
keep_trusted() {
  local trusted=""
  if (digest_project "$PWD" && is_trusted) 2>/dev/null; then
    trusted=1
  fi
  "$@" || return 1
  [[ -z $trusted ]] || (record_trust "$PWD") || :
}

# Usage: set_config_values <key> <value>...
# `pyve config set`: all values of a list, or the one that the key has.
set_config_values() {
  local key=$1 value near=""
  shift
  expect_config_key_name "$key" || return 1
  for value; do
    if [[ $value == *[[:cntrl:]]* || -z $value ]]; then
      fail E_CONFIG_VALUE "'$key' cannot have that value" why "a value is a text in one line, without control characters"
      return 1
    elif ! can_be_config_value "$key" "$value"; then
      near=$REPLY
      if [[ -n $CONFIG_MEANT ]]; then
        quote_words pyve config set "$key" "$CONFIG_MEANT"
      else
        REPLY=""
      fi
      fail E_CONFIG_VALUE "'$key' cannot be '$value'" why "$near" ${REPLY:+fix "$REPLY"}
      return 1
    fi
  done
  case $CONFIG_KIND in
    list | packages | platforms | flags | groups) change_config_list "$key" "$@" || return 1 ;;
    *)
      if (($# != 1)); then
        quote_words pyve config set "$key" "$1"
        fail E_USAGE_ARGUMENT "'$key' has one value" why "$# were given" fix "$REPLY"
        return 1
      fi
      if [[ $key == *.*.* ]]; then
        change_config_key text "$key" "$1" || return 1
      else
        config_set "$key" "$1" || return 1
      fi
      ;;
  esac
  answer key "$key"
  join_values "$@"
  answer value "$REPLY"
  log_success "$key: ${REPLY//$'\n'/, }"
}

# Usage: join_values <value>...
# Sets REPLY to the values, one a line.
join_values() {
  local IFS=$'\n'
  REPLY=$*
}

# Usage: unset_config_value <key>
# `pyve config unset`: removes the key, so that the default is in force.
unset_config_value() {
  expect_config_key_name "$1" || return 1
  answer key "$1"
  config_get "$1"
  answer value "$REPLY"
  change_config_list "$1" || return 1
  if [[ -n $REPLY ]]; then
    log_success "Removed $1 from the config"
  else
    log_info "The config does not say $1"
  fi
}
