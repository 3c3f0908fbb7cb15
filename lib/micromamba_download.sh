# shellcheck shell=bash
# Getting the micromamba executable: fetched with curl, wget or Python, one member taken out of a
# tarball, and nothing accepted but what has the digest and answers.
#
# Everything happens in a work folder of the caller's; nothing that comes over the network is made
# executable before its digest is the expected one.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/micromamba_download.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
declare -F repeat_command >/dev/null || . "${BASH_SOURCE[0]%/*}/fixes.sh"
declare -F write_file >/dev/null || . "${BASH_SOURCE[0]%/*}/files.sh"
declare -F fetch_url >/dev/null || . "${BASH_SOURCE[0]%/*}/download.sh"
declare -F sha256_of_file >/dev/null || . "${BASH_SOURCE[0]%/*}/digest.sh"
declare -F find_micromamba >/dev/null || . "${BASH_SOURCE[0]%/*}/micromamba_core.sh"
declare -F logged >/dev/null || . "${BASH_SOURCE[0]%/*}/debug_log.sh"

_micromamba_table=${BASH_SOURCE[0]%/*}/data/micromamba.tsv

# The largest file that is accepted, in units of 1,024 bytes, at each step.
_micromamba_limit=204800

# --- what to get

# Usage: choose_micromamba_release
# Sets RELEASE_VERSION ("2.9.0-0"), RELEASE_LABEL (the same for a person), RELEASE_PLATFORM, RELEASE_DIGEST (of
# the executable, or of what is served) and the array RELEASE_SOURCES (URLs): those of the table, or what
# the user set with PYVE_MICROMAMBA_VERSION, PYVE_MICROMAMBA_SHA256 and PYVE_MICROMAMBA_URL. Status 1, with
# a diagnostic, when that does not fit together.
choose_micromamba_release() {
  local key value pinned="" known="" source again
  local form='^(https|http|file)://[^[:space:][:cntrl:]"\]+$'
  local wanted=${PYVE_MICROMAMBA_VERSION-} given=${PYVE_MICROMAMBA_SHA256-} url=${PYVE_MICROMAMBA_URL-}
  local -a sources=() settings=()
  list_micromamba_settings
  repeat_command ${settings[@]+"${settings[@]}"}
  again=$REPLY
  RELEASE_VERSION="" RELEASE_PLATFORM="" RELEASE_DIGEST="" RELEASE_SOURCES=()
  if ! find_conda_platform; then
    value=$REPLY
    choose_init_command
    fail E_MICROMAMBA_PLATFORM "there is no micromamba for this machine" \
      why "uname says $value; there are linux-64, linux-aarch64, linux-ppc64le, osx-64 and osx-arm64" \
      fix "${REPLY/--update/--force} --backend venv"
    return 1
  fi
  RELEASE_PLATFORM=$REPLY
  while IFS=$'\t' read -r key value; do
    case $key in
      version) pinned=$value ;;
      source) sources+=("$value") ;;
      "$RELEASE_PLATFORM") known=$value ;;
    esac
  done <"$_micromamba_table"
  RELEASE_VERSION=$pinned
  if [[ -n $wanted ]]; then
    if [[ ! $wanted =~ ^[0-9]+(\.[0-9A-Za-z]+)+(-[0-9]+)?$ ]]; then
      fail E_MICROMAMBA_VERSION "PYVE_MICROMAMBA_VERSION is not a version of micromamba" \
        why "it is '$wanted'; expected is one as $pinned" fix "$again"
      return 1
    fi
    [[ $wanted == *-* ]] || wanted+=-0
    RELEASE_VERSION=$wanted
  fi
  if [[ -n $given ]]; then
    given=$(tr A-F a-f <<<"$given")
    if [[ ! $given =~ ^[0-9a-f]{64}$ ]]; then
      fail E_MICROMAMBA_DIGEST_FORM "PYVE_MICROMAMBA_SHA256 is not a SHA-256" \
        why "it is '$given'; it has to be 64 hexadecimal digits" fix "$again"
      return 1
    fi
    RELEASE_DIGEST=$given
  elif [[ $RELEASE_VERSION == "$pinned" ]]; then
    RELEASE_DIGEST=$known
  fi
  if [[ -z $RELEASE_DIGEST ]]; then
    fail E_MICROMAMBA_DIGEST_UNKNOWN "Pyve does not know the SHA-256 of micromamba $RELEASE_VERSION for $RELEASE_PLATFORM" \
      why "it knows version $pinned, and installs nothing that it cannot verify" \
      why "PYVE_MICROMAMBA_SHA256 may tell it" fix "$again"
    return 1
  fi
  RELEASE_LABEL="micromamba $RELEASE_VERSION ($RELEASE_PLATFORM)"
  if [[ -n $given && -z $wanted ]]; then
    # Which version has that digest, only the user knows.
    RELEASE_LABEL="micromamba ($RELEASE_PLATFORM)"
  fi
  if [[ -n $url ]]; then
    sources=("$url")
  fi
  for source in "${sources[@]}"; do
    replace_all "$source" "{platform}" "$RELEASE_PLATFORM"
    replace_all "$REPLY" "{release}" "$RELEASE_VERSION"
    replace_all "$REPLY" "{version}" "${RELEASE_VERSION%-*}"
    if [[ ! $REPLY =~ $form ]]; then
      redact_url "$REPLY"
      fail E_MICROMAMBA_URL "PYVE_MICROMAMBA_URL is not a URL that Pyve can use" \
        why "it is '$REPLY'; expected is https://..., http://... or file:///..., with spaces as %20" fix "$again"
      return 1
    fi
    RELEASE_SOURCES+=("$REPLY")
  done
}

# Usage: list_micromamba_settings
# Adds to `settings` of its caller the variables by which the user chooses another micromamba than Pyve does.
list_micromamba_settings() {
  local name
  for name in PYVE_MICROMAMBA_VERSION PYVE_MICROMAMBA_SHA256 PYVE_MICROMAMBA_URL; do
    [[ -z ${!name-} ]] || settings+=("$name")
  done
}

# --- getting it

# Usage: fetch_micromamba <url> <work folder>
# Fetches what the URL serves to <work folder>/served. Status 1 as obtain_micromamba.
fetch_micromamba() {
  local DOWNLOAD_LABEL=$RELEASE_LABEL DOWNLOAD_LIMIT=$_micromamba_limit
  if fetch_url "$1" "$2/served" "$2/log"; then
    return 0
  fi
  case $OBTAIN_CODE in
    address) OBTAIN_CODE=E_MICROMAMBA_URL ;;
    unavailable) OBTAIN_CODE=E_MICROMAMBA_DOWNLOAD ;;
    large) OBTAIN_CODE=E_MICROMAMBA_ARCHIVE ;;
  esac
  return 1
}

# Usage: obtain_micromamba <url> <work folder>
# Leaves the verified, answering executable of RELEASE_DIGEST at <work folder>/micromamba. Status 1 when
# that fails: OBTAIN_CODE is the code of the diagnostic, REPLY the reason.
obtain_micromamba() {
  local url=$1 work=$2 served
  OBTAIN_CODE=""
  fetch_micromamba "$url" "$work" || return 1
  if [[ ! -s $work/served ]]; then
    refuse E_MICROMAMBA_ARCHIVE "what was served is empty"
    return 1
  fi
  sha256_of_file "$work/served" || return 1
  served=$REPLY
  unpack_micromamba "$work" || return 1
  if [[ $served != "$RELEASE_DIGEST" ]]; then
    sha256_of_file "$work/micromamba" || return 1
    if [[ $REPLY != "$RELEASE_DIGEST" ]]; then
      refuse E_MICROMAMBA_DIGEST "its SHA-256 is $REPLY, expected was $RELEASE_DIGEST"
      return 1
    fi
  fi
  if ! chmod 755 "$work/micromamba"; then
    refuse E_FILE_WRITE "it cannot be made executable"
    return 1
  fi
  if ! probe_micromamba "$work/micromamba"; then
    refuse E_MICROMAMBA_BROKEN "it does not run on this machine: $REPLY"
    return 1
  fi
}

# --- unpacking

# Usage: unpack_micromamba <work folder>
# Makes <work folder>/micromamba of <work folder>/served: of the executable itself, or of the one member
# of that name in a tarball. No other member ever becomes a file. Status 1 as obtain_micromamba.
unpack_micromamba() {
  local work=$1 head="" tool="" LC_ALL=C DOWNLOAD_LIMIT=$_micromamba_limit
  IFS= read -r -d '' -n 512 head <"$work/served" || :
  case $head in
    $'\x7fELF'* | $'\xcf\xfa\xed\xfe'* | $'\xca\xfe\xba\xbe'* | "#!"*)
      mv -f -- "$work/served" "$work/micromamba"
      return
      ;;
    BZh*) tool=bzip2 ;;
    $'\x1f\x8b'*) tool=gzip ;;
    $'\xfd7zXZ'*) tool=xz ;;
    $'\x28\xb5\x2f\xfd'*) tool=zstd ;;
    PK*)
      refuse E_MICROMAMBA_ARCHIVE "it is a zip archive; expected is the executable, or a tarball with bin/micromamba"
      return 1
      ;;
    *)
      head=${head#"${head%%[![:space:]]*}"}
      if [[ $head == "<"* || $head == "{"* ]]; then
        refuse E_MICROMAMBA_ARCHIVE "it is a web page, not a program: a login page of the network, or an error message"
        return 1
      fi
      if [[ $(dd if="$work/served" bs=1 skip=257 count=5 2>/dev/null) != ustar ]]; then
        refuse E_MICROMAMBA_ARCHIVE "it is neither a program nor a tarball"
        return 1
      fi
      tool="cat"
      ;;
  esac
  if type -P tar >/dev/null && type -P "$tool" >/dev/null; then
    unpack_with_tar "$work" "$tool" || return 1
  elif find_fetch_python; then
    unpack_with_python "$work" "$REPLY" || return 1
  else
    refuse E_MICROMAMBA_ARCHIVE "it cannot be unpacked: tar and $tool are needed, or a Python"
    return 1
  fi
  rm -f -- "$work/served" "$work/tar"
  if [[ ! -s $work/micromamba ]]; then
    refuse E_MICROMAMBA_ARCHIVE "bin/micromamba in the tarball is empty, or no file"
    return 1
  fi
}

# Usage: unpack_with_tar <work folder> <program that decompresses>
# Does unpack_micromamba's work: the member's content comes through a pipe, so that names, links and
# devices in the tarball have no effect.
unpack_with_tar() {
  local work=$1 tool=$2 status=0 name count
  local -a option=(-dc)
  [[ $tool != cat ]] || option=()
  (
    begin_work
    logged_exec "$tool" ${option[@]+"${option[@]}"} <"$work/served"
  ) >"$work/tar" 2>"$work/log" || status=$?
  if ((status == 0)); then
    (
      begin_work
      logged_exec tar -tf - <"$work/tar"
    ) >"$work/names" 2>"$work/log" || status=$?
  fi
  if ((status != 0)); then
    explain_unpack "$status" "$work"
    return 1
  fi
  name=$(grep -Ex '(\./)?bin/micromamba' "$work/names") || name=""
  count=$(grep -Ecx '(\./)?bin/micromamba' "$work/names") || :
  if ((count != 1)); then
    refuse E_MICROMAMBA_ARCHIVE "the tarball has ${count/#0/no} bin/micromamba in it; expected is one"
    return 1
  fi
  (
    begin_work
    logged_exec tar -xOf - "$name" <"$work/tar"
  ) >"$work/micromamba" 2>"$work/log" || status=$?
  if ((status != 0)); then
    explain_unpack "$status" "$work"
    return 1
  fi
}

# Usage: unpack_with_python <work folder> <interpreter>
# The same, where tar or the program that decompresses is missing.
unpack_with_python() {
  local work=$1 status=0
  (
    begin_work
    logged_exec "$2" -I -S -B "$_fetch_helper" unpack "$work/served" "$work/micromamba" $((_micromamba_limit * 1024))
  ) >/dev/null 2>"$work/log" </dev/null || status=$?
  if ((status != 0)); then
    explain_unpack "$status" "$work"
    return 1
  fi
}

# Usage: explain_unpack <status> <work folder>
# Sets OBTAIN_CODE and REPLY to why the tarball could not be unpacked.
explain_unpack() {
  local log size=0 file
  read_file "$2/log"
  log=${REPLY%$'\n'}
  log=${log##*$'\n'}
  for file in "$2/tar" "$2/micromamba"; do
    [[ ! -f $file ]] || size=$(wc -c <"$file") || size=0
    if ((size >= _micromamba_limit * 1024)); then
      refuse E_MICROMAMBA_ARCHIVE "what is in the tarball is larger than $((_micromamba_limit / 1024)) MiB"
      return 0
    fi
  done
  if (($1 == 153 || $1 == 4)) || [[ $log == *"No space left"* || $log == *"File too large"* ]] || is_disk_full "$2"; then
    refuse E_DISK_FULL "there is no space left in ${2%/*}, or a limit on the size of files"
  else
    refuse E_MICROMAMBA_ARCHIVE "the tarball is damaged or cut off: ${log//[[:cntrl:]]/?}"
  fi
}
