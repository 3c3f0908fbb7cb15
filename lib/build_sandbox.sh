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
  ((${#BUILD_WORDS[@]})) || return 0
  while (($#)); do
    case $1 in
      -r | -c)
        check_wheels_in "${2-}" 0 || return 1
        shift
        ;;
      --no-deps | --upgrade) ;;
      *) is_for_wheel "$1" || fail_to_confine "$1${2:+ $2}" || return 1 ;;
    esac
    shift
  done
}

# Usage: check_wheels_in <requirements file> <depth>
# The same for the lines of a file, and of the files that these name.
check_wheels_in() {
  local line="" part folder=""
  [[ $1 != */* ]] || folder=${1%/*}/
  if [[ ! -f $1 || ! -r $1 ]] || (($2 > 9)); then
    fail_to_confine "-r $1" || return 1
  fi
  while IFS= read -r part || [[ -n $part ]]; do
    line+=${part%$'\r'}
    if [[ $line == *\\ ]]; then
      line=${line%\\}
      continue
    fi
    line=${line%%[[:space:]]#*}
    line=${line#"${line%%[![:space:]]*}"}
    line=${line%"${line##*[![:space:]]}"}
    # (An option may be cut short, or stand behind another one: only what is known in full is let through.)
    if [[ $line =~ ^(-r|-c|--requirement|--constraint)[[:space:]=]*([^[:space:]-].*)$ ]]; then
      part=${BASH_REMATCH[2]}
      [[ $part == /* ]] || part=$folder$part
      check_wheels_in "$part" $(($2 + 1)) || return 1
    elif [[ ! $line =~ ^(-i|-f|--index-url|--extra-index-url|--find-links|--trusted-host)[[:space:]=]+[^[:space:]-][^[:space:]]*$ &&
      ! $line =~ ^--(pre|no-index|require-hashes|prefer-binary)$ ]]; then
      case $line in
        "" | "#"*) ;;
        *) is_for_wheel "$line" || fail_to_confine "$line" || return 1 ;;
      esac
    fi
    line=""
  done <"$1"
}

# Usage: is_for_wheel <requirement>
# True for one that names a distribution, which --only-binary holds to wheels, or a wheel itself.
is_for_wheel() {
  local text=$1 name
  while [[ $text =~ ^(.*[^[:space:]])[[:space:]]+--hash[=[:space:]][a-z0-9]+:[0-9a-f]+$ ]]; do
    text=${BASH_REMATCH[1]}
  done
  text=${text%%;*}
  text=${text%"${text##*[![:space:]]}"}
  case $text in
    # (What stands behind # may say that it is something else.)
    -* | *[[:space:]]-* | *"#"*) return 1 ;;
    *.[Ww][Hh][Ll])
      text=${text##*@[[:space:]]}
      case $text in
        http://* | https://*) return 0 ;;
      esac
      # (A folder can be called so, too.)
      [[ -f ${text#file://} ]]
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

# Usage: fail_to_confine <requirement>
# Always status 1.
fail_to_confine() {
  fail E_SANDBOX_OPTION "'$1' would be built outside of a sandbox" \
    why "build.sandbox is on: what is installed without a lock has to be a wheel" \
    why "pyve lock and pyve sync build in a sandbox; PYVE_BUILD_SANDBOX=off builds without one"
  return 1
}
