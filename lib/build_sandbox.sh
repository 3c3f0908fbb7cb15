# shellcheck shell=bash
# shellcheck disable=SC2034 # BUILD_WORDS is read by those who install
# Whether what packages execute when they are built is confined: build.sandbox in the config, or PYVE_BUILD_SANDBOX.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/build_sandbox.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F config_get >/dev/null || . "${BASH_SOURCE[0]%/*}/config.sh"
declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"

# Usage: find_build_sandbox
# Exports PYVE_BUILD_SANDBOX for the helpers, as the config that was read says; what the caller has set goes before.
# Sets the array BUILD_WORDS to the options for an installer that runs hooks by itself, pip or uv: where builds are
# to be confined, it takes wheels only.
find_build_sandbox() {
  local REPLY
  BUILD_WORDS=()
  if [[ -z ${PYVE_BUILD_SANDBOX-} ]]; then
    config_get build.sandbox
    if [[ -n $REPLY ]]; then
      # (So that enter_plan takes it away again: for a Pyve in another project it would be the caller's word.)
      _pyve_build_sandbox=1
      export PYVE_BUILD_SANDBOX=$REPLY
    fi
  fi
  [[ ${PYVE_BUILD_SANDBOX:-off} == off ]] || BUILD_WORDS=(--only-binary :all:)
}

# Usage: check_wheels_only <argument for pip install>...
# Behind find_build_sandbox. Where builds are to be confined: status 1, with a diagnostic, when the arguments, or the
# files that they name, ask for something that is built whatever BUILD_WORDS says, such as a folder (-e).
check_wheels_only() {
  # (Of files, the bytes count.)
  local LC_ALL=C word
  ((${#BUILD_WORDS[@]})) || return 0
  while (($#)); do
    case $1 in
      -r | -c)
        check_wheels_in "${2-}" 0 || return 1
        shift
        ;;
      --no-deps | --upgrade) ;;
      *)
        word=$1
        [[ $1 != -e && $1 != --editable ]] || word+="${2:+ $2}"
        is_for_wheel "$1" || fail_to_confine "$word" || return 1
        ;;
    esac
    shift
  done
}

# Usage: check_wheels_in <requirements file> <depth>
# The same for the lines of a file, and of the files that these name. Where installers may take the text for other lines
# than are seen here, it is refused.
check_wheels_in() {
  local text="" line="" part folder="" before="" status=0
  [[ $1 != */* ]] || folder=${1%/*}/
  # (A path that begins like a URL is fetched.)
  if [[ ! -f $1 || ! -r $1 ]] || (($2 > 9)) || [[ $1 =~ ^[A-Za-z]+: ]]; then
    fail_to_confine "-r $1" || return 1
  fi
  # (With status 0 there is a NUL.)
  IFS= read -r -d '' text <"$1" || status=1
  text=${text//$'\r\n'/$'\n'}
  # (Python ends lines at more than line feeds; 0x85 is such an end, or a part of a letter.)
  case ${text//[$'\t\n']/} in
    *[[:cntrl:]]* | *$'\x85'* | *$'\xe2\x80\xa8'* | *$'\xe2\x80\xa9'*) status=0 ;;
  esac
  if ((status == 0)) || is_encoded "$text"; then
    fail_to_read "$1" || return 1
  fi
  while IFS= read -r part; do
    line=$before$part
    if [[ $part =~ ^[[:space:]]*# ]]; then
      # (A comment goes on nowhere; what it follows ends with it.)
      line="$before $part"
    elif [[ $part == *\\ ]]; then
      # (Is what follows it in the comment?)
      [[ $line != *[[:space:]]#* ]] || fail_to_read "$1" || return 1
      before=${line%\\}
      continue
    fi
    before=""
    check_line "$line" "$folder" "$2" || return 1
  done <<<"$text"
  [[ -z $before ]] || fail_to_read "$1"
}

# Usage: is_encoded <text of a requirements file>
# True when one of the first two lines names an encoding, in which other bytes may be line ends.
is_encoded() {
  local next=${1#*$'\n'} shape='^#[^'$'\n'']*coding[:=]'
  [[ $1 =~ $shape || $next =~ $shape ]]
}

# Usage: check_line <line of a requirements file> <folder of the file, with "/"> <depth of the file>
# Status 1, with a diagnostic, when it asks for more than wheels.
check_line() {
  local line=$1 part
  local blank='[[:space:]]' word="[^[:space:]\"'\$\\\\]" first="[^[:space:]\"'\$\\\\=-]"
  line=${line%%[[:space:]]#*}
  line=${line#"${line%%[![:space:]]*}"}
  line=${line%"${line##*[![:space:]]}"}
  # (An option may be cut short, or stand behind another one: only what is known in full, without quotes and variables,
  # is let through.)
  if [[ $line =~ ^(-[rc]$blank*|--(requirement|constraint)(=|$blank+))($first$word*)$ ]]; then
    part=${BASH_REMATCH[4]}
    if [[ $part =~ ^[A-Za-z]+: ]]; then
      fail_to_confine "$line" || return 1
    fi
    [[ $part == /* ]] || part=$2$part
    check_wheels_in "$part" $(($3 + 1))
    return
  fi
  if [[ $line =~ ^(-i|-f|--index-url|--extra-index-url|--find-links|--trusted-host)(=|$blank+)$first$word*$ || $line =~ ^--(pre|no-index|require-hashes|prefer-binary)$ ]]; then
    return 0
  fi
  [[ -z $line || $line == "#"* ]] || is_for_wheel "$line" || fail_to_confine "$line"
}

# Usage: is_for_wheel <requirement>
# True for one that names a distribution, which --only-binary holds to wheels, or a wheel itself.
is_for_wheel() {
  local text=$1 name
  while [[ $text =~ ^(.*[^[:space:]])[[:space:]]+--hash[=[:space:]][a-z0-9]+:[0-9a-f]+$ ]]; do
    text=${BASH_REMATCH[1]}
  done
  # (";" may be a part of a URL.)
  if [[ $text == *://* ]]; then
    text=${text%%;[[:space:]]*}
  else
    text=${text%%;*}
  fi
  text=${text%"${text##*[![:space:]]}"}
  case $text in
    # (What stands behind # may say that it is something else; a variable is put in later.)
    -* | *[[:space:]]-* | *"#"* | *"\$"*) return 1 ;;
    *.[Ww][Hh][Ll])
      [[ ! $text =~ ^[A-Za-z0-9._-]+[[:space:]]*(\[[A-Za-z0-9._,[:space:]-]*\])?[[:space:]]*@[[:space:]]+([^[:space:]]+)$ ]] || text=${BASH_REMATCH[2]}
      case $text in
        # (What follows these is not in the name of the file.)
        http://*[\;\?[:space:]]* | https://*[\;\?[:space:]]*) return 1 ;;
        http://* | https://*) return 0 ;;
        file:///*%*) return 1 ;;
        file:///*) text=${text#file://} ;;
      esac
      # (A folder can be called so, too; and so can a file as the URL of a repository.)
      [[ ($text == /* || $text != *:*) && -f $text ]]
      return
      ;;
  esac
  # The name of a file comes before that of a distribution.
  name=${text%%[[:space:][<>=!~(]*}
  case $name in
    *.[Tt][Aa][Rr] | *.[Tt][Aa][Rr].* | *.[Tt][BbGgLlXx][Zz] | *.[Zz][Ii][Pp] | *.[Ww][Hh][Ll]) return 1 ;;
  esac
  [[ $text =~ ^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?([[:space:]]*\[[A-Za-z0-9._,[:space:]-]*\])?[[:space:]]*([\<\>=!~\(].*)?$ ]]
}

# Usage: fail_to_read <requirements file>
# Always status 1.
fail_to_read() {
  fail E_SANDBOX_OPTION "what '$1' asks for is not certain" \
    why "it has odd line ends, a NUL, an encoding of its own, or a backslash at the end of a comment or of the file" \
    why "build.sandbox is on: what is installed without a lock has to be a wheel; write it in UTF-8, with a requirement on each line"
  return 1
}

# Usage: fail_to_confine <requirement>
# Always status 1.
fail_to_confine() {
  fail E_SANDBOX_OPTION "'$1' would be built outside of a sandbox" \
    why "build.sandbox is on: what is installed without a lock has to be a wheel" \
    why "pyve lock and pyve sync build in a sandbox; PYVE_BUILD_SANDBOX=off builds without one"
  return 1
}
