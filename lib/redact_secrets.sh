# shellcheck shell=bash
# Finding the secrets that lib/redact.sh replaces.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/redact_secrets.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F quote_word >/dev/null || . "${BASH_SOURCE[0]%/*}/text.sh"

# So many bytes of a .env are looked at.
_dotenv_most=262144
# As they were found; and, by their length, the places in that list.
_redact_found=()
_redact_places=()

# Usage: is_secret_name <name>
# True for the name of a variable whose value is secret.
is_secret_name() {
  case $1 in
    *_TOKEN | *_PASSWORD | *_PASSWD | *_PASS | *_SECRET | *_KEY | TOKEN | PASSWORD | SECRET | *APIKEY) ;;
    *_token | *_password | *_secret | *_key) ;;
    *) return 1 ;;
  esac
}

# Usage: gather_from_environment
# Adds the secrets of the environment that Pyve was started with.
gather_from_environment() {
  _gather _gather_from_environment
}

# Usage: gather_from_netrc
# Adds the passwords of $NETRC, or of ~/.netrc and ~/_netrc.
gather_from_netrc() {
  _gather _gather_from_netrc
}

# Usage: gather_from_dotenv <folder>
# Adds the values of the folder's .env: all but short ones, numbers, booleans and what exists as a file.
gather_from_dotenv() {
  _gather _gather_from_dotenv "$1"
}

# Usage: _gather <function> [argument]...
# Calls the function with the locale C and without looking for files, and sorts what it has found.
_gather() {
  local _redact_glob=+f _redact_is_new="" IFS=$' \t\n' REPLY
  [[ $- != *f* ]] || _redact_glob=-f
  set -f
  # When bash goes back to a locale that the machine does not have, it complains on stderr.
  _gather_in_c "$@" 2>/dev/null
  [[ -z $_redact_is_new ]] || _sort_secrets
  set "$_redact_glob"
}

# Usage: _gather_in_c <function> [argument]...
_gather_in_c() {
  local LC_ALL=C
  "$@"
}

# Usage: _gather_from_environment
_gather_from_environment() {
  local _redact_entry=""
  if [[ -r /proc/self/environ ]]; then
    while IFS= read -r -d '' _redact_entry; do
      _gather_from_variable "${_redact_entry%%=*}" "${_redact_entry#*=}"
    done </proc/self/environ
    return 0
  fi
  # There is no way to ask for those that are exported without a process; Pyve's own have other names.
  for _redact_entry in ${!A@} ${!B@} ${!C@} ${!D@} ${!E@} ${!F@} ${!G@} ${!H@} ${!I@} ${!J@} ${!K@} ${!L@} ${!M@} \
    ${!N@} ${!O@} ${!P@} ${!Q@} ${!R@} ${!S@} ${!T@} ${!U@} ${!V@} ${!W@} ${!X@} ${!Y@} ${!Z@} ${!a@} ${!b@} \
    ${!c@} ${!d@} ${!e@} ${!f@} ${!g@} ${!h@} ${!i@} ${!j@} ${!k@} ${!l@} ${!m@} ${!n@} ${!o@} ${!p@} ${!q@} \
    ${!r@} ${!s@} ${!t@} ${!u@} ${!v@} ${!w@} ${!x@} ${!y@} ${!z@} ${!_@}; do
    case $_redact_entry in
      _redact_* | _pyve_was_* | _json_*) ;;
      *) [[ -z ${!_redact_entry-} ]] || _gather_from_variable "$_redact_entry" "${!_redact_entry}" ;;
    esac
  done
}

# Usage: _gather_from_variable <name> <value>
# Adds the value when the name says that it is secret, and the passwords of the URLs in it.
_gather_from_variable() {
  if is_secret_name "$1" && ! [[ $2 == /* && -e $2 ]]; then
    add_secret "$2"
  fi
  [[ $2 != *://*@* ]] || _gather_from_urls "$2"
}

# Usage: _gather_from_urls <text>
# Adds the passwords of the URLs in a text, as they are written and decoded.
_gather_from_urls() {
  local rest=$1 login decoded
  while [[ $rest == *://*@* ]]; do
    rest=${rest#*://}
    login=${rest%%[/[:space:]\'\"]*}
    if [[ $login != *@* ]]; then
      # As in redact_text: with a slash it is a path, but for a password behind a colon.
      [[ $login == *:* && ${login##*:} == *[!0-9]* && $login != \[* ]] || continue
      login=${rest%%[[:space:]\'\"]*}
      [[ $login == *@* ]] || continue
    fi
    login=${login%@*}
    # A long name without a password is a token.
    if [[ $login == *:* ]]; then
      login=${login#*:}
    elif ((${#login} < 16)); then
      continue
    fi
    add_secret "$login"
    if [[ $login == *%[0-9A-Fa-f][0-9A-Fa-f]* ]]; then
      decoded=${login//\\/\\\\}
      printf -v decoded '%b' "${decoded//%/\\x}"
      add_secret "$decoded"
    fi
  done
}

# Usage: _gather_from_netrc
_gather_from_netrc() {
  local file line word is_password="" shape='^[[:space:]]*("([^"\]|\\.)*"|[^[:space:]]+)'
  for file in "${NETRC:-${HOME:-/}/.netrc}" "${HOME:-/}/_netrc"; do
    [[ -f $file && -r $file ]] || continue
    while IFS= read -r line || [[ -n $line ]]; do
      while [[ $line =~ $shape ]]; do
        word=${BASH_REMATCH[1]}
        line=${line:${#BASH_REMATCH[0]}}
        if [[ -z $is_password ]]; then
          [[ $word != password && $word != account ]] || is_password=1
          continue
        fi
        is_password=""
        if [[ $word == \"*\" ]]; then
          word=${word:1:${#word}-2}
        fi
        add_secret "$word"
        [[ $word != *\\* ]] || add_secret "${word//\\/}"
      done
    done <"$file"
  done
}

# Usage: _gather_from_dotenv <folder>
_gather_from_dotenv() {
  local file=$1/${ENV_FILE_NAME:-.env} folder=$1 text="" line name value index=0 open="" opened=""
  local -a lines
  [[ -f $file && -r $file ]] || return 0
  # (What is behind that is nowhere loaded by Pyve, and hardly fits into an environment. NULs do not count.)
  while ((${#text} < _dotenv_most)) && { IFS= read -r -d '' -n "$_dotenv_most" line || [[ -n $line ]]; }; do
    text+=$line
  done <"$file"
  IFS=$'\n'
  # shellcheck disable=SC2206 # split at line ends
  lines=($text)
  IFS=$' \t\n'
  for line in ${lines[@]+"${lines[@]}"}; do
    line=${line#"${line%%[![:space:]]*}"}
    line=${line%"${line##*[![:space:]]}"}
    if [[ -n $open ]]; then
      # A value of several lines goes on, for some readers of such files. (For direnv each line stands by itself.)
      [[ $line == -----* ]] || _gather_dotenv_value "$opened" "${line%%"$open"*}"
      [[ $line != *"$open"* ]] || open=""
    fi
    [[ $line != "#"* && $line == *[=:]* ]] || continue
    name=${line%%[=:]*}
    value=${line:${#name}+1}
    value=${value#"${value%%[![:space:]]*}"}
    name=${name#export}
    name=${name#"${name%%[![:space:]]*}"}
    name=${name%"${name##*[![:space:]]}"}
    case $value in
      \"*\"*) value=${value:1} value=${value%\"*} ;;
      \'*\'*) value=${value:1} value=${value%\'*} ;;
      [\"\']*)
        [[ -n $open ]] || open=${value:0:1} opened=$name
        value=${value:1}
        _gather_dotenv_value "$name" "${value%%[[:space:]]#*}"
        ;;
      *[[:space:]]"#"*) _gather_dotenv_value "$name" "${value%%[[:space:]]#*}" ;;
    esac
    _gather_dotenv_value "$name" "$value"
  done
  # What a line stands for may be another text than what it says.
  if [[ $text == *[\\\$]* ]]; then
    declare -F parse_dotenv >/dev/null || . "${BASH_SOURCE[0]%/*}/dotenv.sh"
    local -a DOTENV_NAMES DOTENV_VALUES
    local DOTENV_BAD_LINE=""
    parse_dotenv "$text" || :
    for value in ${DOTENV_VALUES[@]+"${DOTENV_VALUES[@]}"}; do
      _gather_dotenv_value "${DOTENV_NAMES[index]}" "$value"
      index=$((index + 1))
    done
  fi
}

# Usage: _gather_dotenv_value <name> <value>
# Adds the value of a .env, when it may be a secret. For _gather_from_dotenv, whose `folder` it reads.
_gather_dotenv_value() {
  local number='^[+-]?[0-9]+([._][0-9]+)*$'
  [[ $2 != *://*@* ]] || _gather_from_urls "$2"
  if ! is_secret_name "$1"; then
    case $2 in
      [Ee]nabled | [Dd]isabled) return 0 ;;
    esac
    if [[ $2 =~ $number ]]; then
      return 0
    fi
  fi
  if ! [[ -e $2 || -e $folder/$2 ]]; then
    add_secret "$2"
  fi
}

# Usage: add_secret <text>
# From now on redact finds the text, each longer line of it, and the ways in which programs write it. Not
# what is too short, or part of a path that everybody sees.
add_secret() {
  local line rest=$1
  while [[ $rest == *$'\n' ]]; do
    rest=${rest%$'\n'}
  done
  _add_secret "$rest"
  [[ $rest == *$'\n'* ]] || return 0
  rest+=$'\n'
  while [[ -n $rest ]]; do
    line=${rest%%$'\n'*}
    rest=${rest#*$'\n'}
    [[ $line == -----* ]] || _add_secret "${line%$'\r'}"
  done
}

# Usage: _add_secret <text>
_add_secret() {
  local text=$1 escaped
  case $text in
    "" | ? | ?? | ??? | ???? | ?????) return 0 ;;
  esac
  if [[ $text != *[!*]* || "${HOME-}/:${PROJECT_ROOT-}/:$PWD/:${PYVE_ROOT-}/" == *"$text"* ]]; then
    return 0
  fi
  _keep_secret "$text"
  if [[ $text == *[\\$'\n\t\r']* ]]; then
    # As Python shows it, and below as JSON has it.
    replace_all "$text" "\\" "\\\\"
    replace_all "$REPLY" $'\n' "\\n"
    replace_all "$REPLY" $'\r' "\\r"
    replace_all "$REPLY" $'\t' "\\t"
    escaped=$REPLY
    _keep_secret "$escaped"
  else
    escaped=$text
  fi
  if [[ $text == *\"* ]]; then
    replace_all "$escaped" '"' '\"'
    _keep_secret "$REPLY"
  fi
  if [[ $text == *"'"* ]]; then
    replace_all "$text" "'" "'\\''"
    _keep_secret "$REPLY"
    replace_all "$escaped" "'" "\\'"
    _keep_secret "$REPLY"
  fi
  if ((${#text} <= 512)) && [[ $text == *[!A-Za-z0-9._~-]* ]]; then
    _keep_encoded_secret "$text"
  fi
}

# Usage: _keep_encoded_secret <text>
# Keeps a text as it is written in URLs: everything encoded that may be, or less; with %2F or %2f.
_keep_encoded_secret() {
  local rest=$1 same char code upper lower all="" small="" some="" few=""
  while [[ $rest == *[!A-Za-z0-9._~-]* ]]; do
    same=${rest%%[!A-Za-z0-9._~-]*}
    char=${rest:${#same}:1}
    rest=${rest:${#same}+1}
    printf -v code '%d' "'$char"
    printf -v upper '%%%02X' "$((code & 255))"
    printf -v lower '%%%02x' "$((code & 255))"
    all+=$same$upper
    small+=$same$lower
    case $char in
      /) some+=$same$char few+=$same$char ;;
      [\!\$\&\'\(\)*+,\;=:]) some+=$same$upper few+=$same$char ;;
      *) some+=$same$upper few+=$same$upper ;;
    esac
  done
  _keep_secret "$all$rest"
  [[ $all == "$small" ]] || _keep_secret "$small$rest"
  [[ $all == "$some" ]] || _keep_secret "$some$rest"
  [[ $some == "$few" ]] || _keep_secret "$few$rest"
}

# Usage: _keep_secret <text>
# Remembers it. (Looking whether it is there already takes longer than having it twice.)
_keep_secret() {
  _redact_places[${#1}]=${_redact_places[${#1}]-}" ${#_redact_found[@]}"
  _redact_found+=("$1")
  _redact_is_new=1
}

# Usage: _sort_secrets
# Puts the longest first: what contains another secret is replaced as a whole. (Called with set -f.)
_sort_secrets() {
  local i place IFS=" "
  local -a lengths
  _redact_secrets=() _redact_plain=()
  lengths=("${!_redact_places[@]}")
  for ((i = ${#lengths[@]} - 1; i >= 0; i--)); do
    for place in ${_redact_places[lengths[i]]}; do
      _redact_secrets+=("${_redact_found[place]}")
      [[ ${_redact_found[place]} == *[%\\]* ]] || _redact_plain+=("${_redact_found[place]}")
    done
  done
}
