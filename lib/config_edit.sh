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
# Takes <key> ("a" or "a.b") with its value, also a list, out of the config <text>. Sets CONFIG_BEFORE and CONFIG_AFTER
# to what stands before and after it, or, where it is not there, to what stands before and after the place for it;
# CONFIG_INDENT to the blanks in front of it, and CONFIG_HAS_SECTION to "1" when its section is there. REPLY: "1" when
# the key was there. Status 1 for a section in one line, with a diagnostic.
cut_config_key() {
  local text=$1 section="" name=$2 line rest indent current="" state="" pending="" own=""
  local shape='^( *)([A-Za-z0-9_.-]+)[[:space:]]*:(.*)$'
  CONFIG_BEFORE="" CONFIG_AFTER="" CONFIG_INDENT="" CONFIG_HAS_SECTION="" REPLY=""
  if [[ $name == *.* ]]; then
    section=${name%%.*}
    name=${name#*.}
  fi
  # state: "" before the place, "cut" in the value, "end" behind it.
  while IFS= read -r line; do
    if [[ -z ${line//[[:space:]]/} || $line =~ ^[[:space:]]*"#" ]]; then
      pending+=$line$'\n'
      continue
    fi
    indent=${line%%[! ]*}
    rest=${line#"$indent"}
    if [[ $state == cut ]]; then
      # Items of a list may stand as far left as their key.
      if ((${#indent} > ${#CONFIG_INDENT})) || { [[ $indent == "$CONFIG_INDENT" ]] && [[ $rest == - || $rest == -[[:space:]]* ]]; }; then
        pending=""
        continue
      fi
      state="end"
    fi
    if [[ -z $state && $line =~ $shape ]]; then
      if [[ -z $indent ]]; then
        if [[ -n $CONFIG_HAS_SECTION ]]; then
          # The section ends here, without the key.
          state="end"
        fi
        current=${BASH_REMATCH[2]}
        rest=${BASH_REMATCH[3]}
        if [[ -n $section && $current == "$section" && -z $state ]]; then
          rest=${rest//[[:space:]]/}
          if [[ -n $rest && $rest != "#"* ]]; then
            fail E_CONFIG_FORM "cannot change $2 in .pyve/config" \
              why "'$section' is written in one line; Pyve changes only blocks, a key in a line of its own"
            return 1
          fi
          CONFIG_HAS_SECTION=1
          CONFIG_INDENT="  "
          CONFIG_BEFORE+=$pending$line$'\n'
          pending=""
          continue
        elif [[ -z $section && $current == "$name" ]]; then
          state="cut"
        fi
      elif [[ -n $CONFIG_HAS_SECTION ]]; then
        [[ -n $own ]] || CONFIG_INDENT=$indent
        own=1
        if [[ $indent == "$CONFIG_INDENT" && ${BASH_REMATCH[2]} == "$name" ]]; then
          state="cut"
        fi
      fi
      if [[ $state == cut ]]; then
        CONFIG_BEFORE+=$pending
        pending=""
        REPLY=1
        continue
      fi
    fi
    if [[ $state == end ]]; then
      CONFIG_AFTER+=$pending$line$'\n'
    else
      CONFIG_BEFORE+=$pending$line$'\n'
    fi
    pending=""
  done <<<"${1%$'\n'}"
  if [[ -n ${text//[[:space:]]/} ]]; then
    if [[ -n $state ]]; then
      CONFIG_AFTER+=$pending
    else
      CONFIG_BEFORE+=$pending
    fi
  fi
}

# Usage: format_config_key <key> [value]...
# Sets REPLY to the config text that cut_config_key has taken apart, with <key> as a list of the values; without values,
# without the key, and without its section when that is empty then.
format_config_key() {
  local key=$1 out=$CONFIG_BEFORE name=${1#*.} value
  shift
  if (($# == 0)); then
    if [[ $key == *.* && $CONFIG_AFTER != " "* && $out == *"${key%%.*}:"$'\n' ]]; then
      value=${out%"${key%%.*}:"$'\n'}
      [[ -n $value && $value != *$'\n' ]] || out=$value
    fi
    # (The empty line that stood between it and what is before.)
    [[ -n $CONFIG_AFTER || $out != *$'\n\n' ]] || out=${out%$'\n'}
    REPLY=$out$CONFIG_AFTER
    return 0
  fi
  if [[ $key == *.* && -z $CONFIG_HAS_SECTION ]]; then
    out+=${out:+$'\n'}"${key%%.*}:"$'\n'
    CONFIG_INDENT="  "
  fi
  out+="$CONFIG_INDENT$name:"$'\n'
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
  local text="" found
  if [[ -f .pyve/config ]]; then
    IFS= read -r -d '' text <.pyve/config || :
  fi
  cut_config_key "$text" "$1" || return 1
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
    list | packages | platforms) change_config_list "$key" "$@" || return 1 ;;
    *)
      if (($# != 1)); then
        quote_words pyve config set "$key" "$1"
        fail E_USAGE_ARGUMENT "'$key' has one value" why "$# were given" fix "$REPLY"
        return 1
      fi
      config_set "$key" "$1" || return 1
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
