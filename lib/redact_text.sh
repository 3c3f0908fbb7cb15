# shellcheck shell=bash
# Replacing secrets in a text, for lib/redact.sh.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/redact_text.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

# Usage: redact_text <text>
# What redact does with a text that may hold a secret. (In the locale C bytes are compared, and long texts
# take no time; when bash goes back to a locale that the machine does not have, it complains on stderr.)
redact_text() {
  if ((${#1} < 2000)); then
    _redact_text "$1"
  else
    _redact_long_text "$1" 2>/dev/null
  fi
}

# Usage: _redact_long_text <text>
_redact_long_text() {
  local LC_ALL=C
  _redact_text "$1"
}

# Usage: _redact_text <text>
_redact_text() {
  local text=$1 secret
  if [[ $text == *[%\\]* ]]; then
    for secret in ${_redact_secrets[@]+"${_redact_secrets[@]}"}; do
      if [[ $text == *"$secret"* ]]; then
        text=${text//"$secret"/***}
      fi
    done
  else
    for secret in ${_redact_plain[@]+"${_redact_plain[@]}"}; do
      if [[ $text == *"$secret"* ]]; then
        text=${text//"$secret"/***}
      fi
    done
  fi
  REPLY=$text
  [[ $REPLY != *uthorization* ]] || _redact_headers "$REPLY"
  [[ $REPLY != *://* ]] || _redact_urls "$REPLY"
}

# Usage: _redact_headers <text>
# Sets REPLY to the text without what stands behind `Authorization: Basic` and the like.
_redact_headers() {
  local rest=$1 out="" shape="^(['\"]?[:=][[:blank:]]*['\"]?([A-Za-z]+[[:blank:]]+)?)[^[:space:]'\"]+"
  while [[ $rest == *uthorization* ]]; do
    out+=${rest%%uthorization*}uthorization
    rest=${rest#*uthorization}
    if [[ $rest =~ $shape ]]; then
      out+="${BASH_REMATCH[1]}***"
      rest=${rest:${#BASH_REMATCH[0]}}
    fi
  done
  REPLY=$out$rest
}

# Usage: _redact_urls <text>
# Sets REPLY to the text without the secrets of its URLs.
_redact_urls() {
  local mark text part head word after token out noglob=+f IFS
  local -a parts
  # bash splits quickly at one character, so at one that the text does not have.
  for mark in $'\x1d' $'\x1c' $'\x1e' $'\x1f' $'\x02' $'\x03' $'\x04' $'\x05' ""; do
    [[ $1 == *"$mark"* ]] || break
  done
  [[ -n $mark ]] || mark=$'\x1d'
  text=${1//"$mark"/}
  [[ $- != *f* ]] || noglob=-f
  set -f
  IFS=$mark
  # (An empty part at the end would be dropped: it has an x while bash splits.)
  # shellcheck disable=SC2206 # split on purpose
  parts=(${text//:\/\//$mark}x)
  set "$noglob"
  out=${parts[0]}
  # Each part but the first stands behind "://".
  for part in "${parts[@]:1}"; do
    if [[ $part == *@* ]]; then
      head=${part%%[/[:space:]\'\"]*}
      if [[ $head == *@* ]]; then
        part="***@${head##*@}${part:${#head}}"
      elif [[ $head == *:* && ${head##*:} == *[!0-9]* && $head != \[* ]]; then
        # No port: a password with a slash in it.
        word=${part%%[[:space:]\'\"]*}
        [[ $word != *@* ]] || part="***@${word##*@}${part:${#word}}"
      fi
    fi
    if [[ $part == */t/* ]]; then
      word=${part%%[[:space:]\'\"]*}
      if [[ $word == */t/[!/]* ]]; then
        head=${word%%/t/[!/]*}
        after=${word:${#head}+3}
        token=${after%%/*}
        part="$head/t/***${after:${#token}}${part:${#word}}"
      fi
    fi
    if [[ $part == *[?\&\;#]*=* ]]; then
      word=${part%%[[:space:]\'\"]*}
      _redact_parameters "$word"
      part=$REPLY${part:${#word}}
    fi
    out+=://$part
  done
  REPLY=${out%x}
}

# Usage: _redact_parameters <url>
# Sets REPLY to the URL without the values of those parameters whose names say that they are secret.
_redact_parameters() {
  local rest=$1 out="" before name value
  while [[ $rest == *[?\&\;#]* ]]; do
    before=${rest%%[?\&\;#]*}
    out+=${rest:0:${#before}+1}
    rest=${rest:${#before}+1}
    name=${rest%%[=?\&\;#]*}
    if [[ ${rest:${#name}:1} == "=" ]] && is_secret_parameter "$name"; then
      value=${rest:${#name}+1}
      value=${value%%[\&#]*}
      rest=${rest:${#name}+1+${#value}}
      out+=$name=${value:+***}
    fi
  done
  REPLY=$out$rest
}

# Usage: is_secret_parameter <name>
# True for the name of a URL's parameter that holds a secret.
is_secret_parameter() {
  case $1 in
    *[Tt][Oo][Kk][Ee][Nn] | *[Kk][Ee][Yy] | *[Ss][Ee][Cc][Rr][Ee][Tt] | *[Ss][Ii][Gg][Nn][Aa][Tt][Uu][Rr][Ee]) ;;
    *[Pp][Aa][Ss][Ss][Ww][Oo][Rr][Dd] | *[Pp][Aa][Ss][Ss][Ww][Dd] | *[Cc][Rr][Ee][Dd][Ee][Nn][Tt][Ii][Aa][Ll]) ;;
    [Ss][Ii][Gg] | [Pp][Ww][Dd] | [Jj][Ww][Tt] | [Aa][Uu][Tt][Hh]) ;;
    *) return 1 ;;
  esac
}
