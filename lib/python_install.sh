# shellcheck shell=bash
# Installing a Python: which manager does it, and how uv, which fetches python-build-standalone, is kept to archives
# whose SHA-256 is known.
#
# uv compares each archive with the digest of its own list. A list that somebody else names (UV_PYTHON_DOWNLOADS_JSON_URL,
# python-downloads-json-url in a uv.toml) may lack digests, and uv then compares nothing: Pyve hands uv a copy without
# such entries.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/python_install.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
declare -F find_managed_python >/dev/null || . "${BASH_SOURCE[0]%/*}/env_detect.sh"
declare -F config_get >/dev/null || . "${BASH_SOURCE[0]%/*}/config.sh"
declare -F write_file >/dev/null || . "${BASH_SOURCE[0]%/*}/files.sh"
declare -F quote_word >/dev/null || . "${BASH_SOURCE[0]%/*}/text.sh"
declare -F run_long >/dev/null || . "${BASH_SOURCE[0]%/*}/progress.sh"
declare -F fetch_url >/dev/null || . "${BASH_SOURCE[0]%/*}/download.sh"
declare -F logged_exec >/dev/null || . "${BASH_SOURCE[0]%/*}/debug_log.sh"

_downloads_helper=${BASH_SOURCE[0]%/*}/../helpers/python_downloads.py

# The uv that is run, where it is not the one on PATH.
UV_PROGRAM=""
# What --mirror and --offline of the room say.
PYTHON_MIRROR="" PYTHON_OFFLINE=""
# A private folder for a log and a list, what uv is told as list, and how many of its entries were left out.
_install_work="" _install_list="" _install_dropped=0

# Usage: choose_installer [manager]
# Sets VERSION_MANAGER to the manager that installs: the one that is named, else the one in use, else uv; and UV_PROGRAM
# where that is the one of Pyve's toolchain. Status 1 after E_PYTHON_INSTALL.
choose_installer() {
  local wish=${1-}
  UV_PROGRAM=""
  source_shell_profiles
  case $wish in
    "")
      ! detect_version_manager || return 0
      ;;
    *)
      VERSION_MANAGER=$wish
      ! has_manager "$wish" || return 0
      if [[ $wish != uv ]]; then
        fail E_PYTHON_INSTALL "no Python can be installed with $wish" why "there is no $wish here" why "uv comes with Pyve" \
          fix "$(print_install_command --manager uv)"
        return 1
      fi
      ;;
  esac
  use_own_uv
}

# Usage: check_manager_name <word>
# Status 1, after E_USAGE_VALUE, for what is no manager that Pyve knows.
check_manager_name() {
  case $1 in
    asdf | pyenv | mise | uv) ;;
    *)
      fail E_USAGE_VALUE "'$1' is no version manager that Pyve knows" why "there are asdf, pyenv, mise and uv" \
        fix "$(print_install_command)"
      return 1
      ;;
  esac
}

# Usage: check_installer <version, or "">
# Status 1, after E_USAGE_CONFLICT, when --mirror or --offline is for another manager than the one that installs.
check_installer() {
  [[ $VERSION_MANAGER != uv && -n $PYTHON_MIRROR$PYTHON_OFFLINE ]] || return 0
  local fix="pyve python install --manager uv --offline $1"
  [[ ${PYTHON_ACTION-} != install ]] || fix=$(print_install_command --manager uv)
  fail E_USAGE_CONFLICT "--mirror and --offline are for uv" why "the manager that installs here is $VERSION_MANAGER" fix "$fix"
}

# Usage: take_python <version>
# choose_interpreter, for who was told to take this version: where it is missing, and no manager is here, the uv of Pyve's
# toolchain installs it. Status 1 after a diagnostic.
take_python() {
  if [[ ${PYVE_PYTHON_DOWNLOADS-} != never ]] && ! has_python "$1"; then
    choose_installer && check_installer "$1" || return 1
    log_info "Python $1 is not installed: installing it with $VERSION_MANAGER"
    install_python_version "$1" || return 1
  fi
  choose_interpreter "$1"
}

# Usage: has_python <version>
# Status 0 when an interpreter of that version is here, also one that does not work.
has_python() {
  declare -F find_wished_python >/dev/null || . "${BASH_SOURCE[0]%/*}/interpreter.sh"
  (
    find_wished_python "$1" || ((${#_broken[@]} > 0))
  ) >/dev/null 2>&1
}

# Usage: find_own_uv
# Sets UV_PROGRAM to the uv of Pyve's toolchain, and VERSION_MANAGER to uv, where both are there. Says nothing; status 1
# otherwise.
find_own_uv() {
  declare -F ensure_toolchain >/dev/null || . "${BASH_SOURCE[0]%/*}/toolchain.sh"
  has_toolchain locks && ensure_toolchain locks || return 1
  [[ -x ${TOOLCHAIN_PYTHON%/*}/uv ]] || return 1
  UV_PROGRAM=${TOOLCHAIN_PYTHON%/*}/uv VERSION_MANAGER=uv
}

# Usage: use_own_uv
# Sets UV_PROGRAM to the uv of Pyve's toolchain, which is made if need be. Status 1 after a diagnostic.
use_own_uv() {
  declare -F ensure_toolchain >/dev/null || . "${BASH_SOURCE[0]%/*}/toolchain.sh"
  ensure_toolchain locks || return 1
  find_own_uv ||
    fail E_PYTHON_INSTALL "there is nothing here to install a Python with" \
      why "none of asdf (with its python plugin), pyenv, mise and uv is on PATH, and Pyve's toolchain has no uv" \
      why "install uv or pyenv"
}

# Usage: print_install_command [word]...
# Prints the command that was given, as text to paste, with the words in place of --manager and its value.
print_install_command() {
  local word last=""
  local -a words=(pyve)
  for word in "${PYVE_WORDS[@]}"; do
    [[ $word == --manager || $word == --manager=* || $last == --manager ]] || words+=("$word")
    last=$word
  done
  declare -F quote_words >/dev/null || . "${BASH_SOURCE[0]%/*}/cli.sh"
  quote_words "${words[@]}" "$@"
  printf '%s\n' "$REPLY"
}

# Usage: run_uv_python <argument>...
# For run_long and logged: runs uv with what it needs to install an interpreter. Outside of the project, whose uv.toml
# could name a list of downloads of its own; and nothing is put into ~/.local/bin.
run_uv_python() (
  words=(-u UV_PYTHON -u UV_PROJECT -u UV_WORKING_DIR -u UV_MANAGED_PYTHON -u UV_NO_MANAGED_PYTHON -u UV_PYTHON_PREFERENCE
    UV_PYTHON_INSTALL_BIN=0 UV_NO_PROGRESS=1 NO_COLOR=1)
  [[ -z ${UV_PYTHON_INSTALL_DIR-} || $UV_PYTHON_INSTALL_DIR == /* ]] || words+=("UV_PYTHON_INSTALL_DIR=$PWD/$UV_PYTHON_INSTALL_DIR")
  [[ -z $PYTHON_MIRROR ]] || words+=("UV_PYTHON_INSTALL_MIRROR=$PYTHON_MIRROR")
  [[ -z $PYTHON_OFFLINE ]] || words+=(UV_OFFLINE=1)
  [[ -z $_install_list ]] || words+=("UV_PYTHON_DOWNLOADS_JSON_URL=$_install_list")
  program=$(type -P "${UV_PROGRAM:-uv}") || exit 127
  [[ $program == /* ]] || program=$PWD/$program
  CDPATH="" cd / || exit 1
  logged_exec env "${words[@]}" "$program" "$@"
)

# Usage: install_by_uv <version>
# Has uv install the version. What it says is shown when it fails. Status 1 after E_PYTHON_DIGEST, E_PYTHON_OFFLINE or
# E_PYTHON_INSTALL; nothing half is left then.
install_by_uv() {
  local full=$1 status=0 before="" log
  local -a command=(python install)
  ! find_managed_python uv "$full" || before=$REPLY
  make_install_work && choose_mirror && choose_download_list || return 1
  [[ -z $PYTHON_REINSTALL ]] || command+=(--reinstall)
  command+=("$full")
  LONG_LOG=$_install_work/log run_long "Installing Python $full with uv" read_any_line run_uv_python "${command[@]}" || status=$?
  ((status < 128)) || return "$status"
  read_file "$_install_work/log"
  log=$REPLY
  [[ $status == 0 && -z ${PYVE_VERBOSE-} ]] || print_text "$log"$'\n' 2
  ((status != 0)) || return 0
  clear_half_install "$full" "$before"
  explain_uv "$full" "uv ${command[*]}" "$status" "$log"
}

# Usage: make_install_work
# Makes a private folder, which goes at exit. Status 1 after a diagnostic.
make_install_work() {
  [[ -z $_install_work ]] || return 0
  if ! _install_work=$(mktemp -d "${TMPDIR:-/tmp}/pyve.XXXXXX" 2>/dev/null); then
    _install_work=""
    fail_write "${TMPDIR:-/tmp}/pyve"
    return 1
  fi
  at_exit clear_install_work
}

# Usage: clear_install_work
# At exit: removes the folder of make_install_work.
clear_install_work() {
  [[ -z $_install_work ]] || rm -rf -- "$_install_work"
  _install_work=""
}

# Usage: choose_mirror
# Sets PYTHON_MIRROR to where archives come from, when it is not uv's own place: --mirror, else UV_PYTHON_INSTALL_MIRROR,
# else python.mirror of the config. Status 1 after E_USAGE_VALUE.
choose_mirror() {
  local source=--mirror
  if [[ -z $PYTHON_MIRROR ]]; then
    [[ -z ${UV_PYTHON_INSTALL_MIRROR-} ]] || return 0
    config_get python.mirror
    PYTHON_MIRROR=$REPLY source="python.mirror of .pyve/config"
  fi
  case $PYTHON_MIRROR in
    "" | file:///* | https://?* | http://?*) ;;
    *)
      redact_url "$PYTHON_MIRROR"
      fail E_USAGE_VALUE "'$REPLY' is no mirror" \
        why "$source has it; a mirror is file:///folder, https://... or http://..., with the folders of python-build-standalone below it" \
        fix "pyve help python"
      return 1
      ;;
  esac
}

# Usage: find_download_list
# Sets REPLY to the list of downloads that the user has named, an address or a path, or to "" for uv's own.
find_download_list() {
  local file line shape="^[[:space:]]*python-downloads-json-url[[:space:]]*=[[:space:]]*[\"']([^\"']+)[\"']"
  REPLY=${UV_PYTHON_DOWNLOADS_JSON_URL-}
  [[ -z $REPLY && -z ${UV_NO_CONFIG-} ]] || return 0
  for file in "${UV_CONFIG_FILE-}" "${XDG_CONFIG_HOME:-${HOME-}/.config}/uv/uv.toml" /etc/uv/uv.toml; do
    [[ -n $file && -f $file && -r $file ]] || continue
    while IFS= read -r line || [[ -n $line ]]; do
      if [[ $line =~ $shape ]]; then
        REPLY=${BASH_REMATCH[1]}
        return 0
      fi
    done <"$file"
  done
  REPLY=""
}

# Usage: choose_download_list
# Where the user has named a list of downloads: sets _install_list to a copy with the entries that have a digest.
# Status 1 after E_PYTHON_OFFLINE or E_PYTHON_DIGEST.
choose_download_list() {
  local url shown python said again DOWNLOAD_LABEL="the list of Pythons" DOWNLOAD_LIMIT=65536
  _install_list="" _install_dropped=0
  find_download_list
  url=$REPLY
  [[ -n $url ]] || return 0
  make_install_work || return 1
  case $url in
    *://*) ;;
    /*) url=file://${url//%/%25} ;;
    *) url=file://${PWD//%/%25}/${url//%/%25} ;;
  esac
  redact_url "$url"
  shown=$REPLY
  repeat_without_list
  again=$REPLY
  if [[ $url != file://* ]] && is_offline; then
    fail E_PYTHON_OFFLINE "the list of Pythons cannot be fetched" why "it is $shown, and the network is not to be used" \
      why "UV_PYTHON_DOWNLOADS_JSON_URL or a uv.toml names it" fix "$again"
    return 1
  elif ! fetch_url "$url" "$_install_work/list.json" "$_install_work/fetch"; then
    fail E_PYTHON_OFFLINE "the list of Pythons cannot be fetched" why "it is $shown: $REPLY" \
      why "UV_PYTHON_DOWNLOADS_JSON_URL or a uv.toml names it" fix "$again"
    return 1
  elif ! find_fetch_python; then
    fail E_PYTHON_DIGEST "the digests of $shown cannot be looked at" why "that needs a Python, and none is here" \
      why "without a list of its own, uv has the digests in itself" fix "$again"
    return 1
  fi
  python=$REPLY
  if ! said=$(logged "$python" -I -S -B "$_downloads_helper" "$_install_work/list.json" "$_install_work/checked.json" 2>&1 </dev/null); then
    fail E_PYTHON_DIGEST "$shown is no list of downloads that can be used" why "${said##*$'\n'}" \
      why "UV_PYTHON_DOWNLOADS_JSON_URL or a uv.toml names it" fix "$again"
    return 1
  fi
  _install_dropped=$said _install_list=$_install_work/checked.json
}

# Usage: is_offline
# Status 0 when the network is not to be used: --offline, or UV_OFFLINE as uv reads it.
is_offline() {
  [[ -n $PYTHON_OFFLINE ]] && return 0
  case ${UV_OFFLINE-} in
    "" | 0 | false | f | no | n | off | False | FALSE) return 1 ;;
  esac
}

# Usage: repeat_without_list
# Sets REPLY to the command that was given, so that uv takes its own list of downloads.
repeat_without_list() {
  load_fixes
  if [[ -n ${UV_PYTHON_DOWNLOADS_JSON_URL-} ]]; then
    repeat_command UV_PYTHON_DOWNLOADS_JSON_URL
  else
    repeat_command
    REPLY="env UV_NO_CONFIG=1 $REPLY"
  fi
}

# Usage: clear_half_install <version> <interpreter that was there before>
# After a failure: has uv remove what came since, which is not whole.
clear_half_install() {
  local folder
  find_managed_python uv "$1" && [[ $REPLY != "$2" ]] || return 0
  folder=${REPLY%/bin/*}
  logged run_uv_python python uninstall "${folder##*/}" >/dev/null 2>&1 </dev/null || :
}

# Usage: explain_uv <version> <command> <status> <what uv said>
# Says why uv installed nothing. Status 1.
explain_uv() {
  local full=$1 log=$4 again="pyve python install $1" source="" host fix=""
  local answered='HTTP status [a-z]+ error \(([0-9]{3}[A-Za-z ]*)\)' settings=$'Failed to parse: `?([^`\n]+)' refused='at path "([^"]+)/[^"/]+"'
  local digests='Expected:[[:space:]]+([0-9a-f]{64})[[:space:]]+Computed:[[:space:]]+([0-9a-f]{64})'
  local -a whys=()
  if [[ -n $PYTHON_MIRROR ]]; then
    redact_url "$PYTHON_MIRROR"
    source=$REPLY
    config_get python.mirror
    [[ $REPLY != "$PYTHON_MIRROR" ]] || again="pyve config unset python.mirror"
  elif [[ -n ${UV_PYTHON_INSTALL_MIRROR-} ]]; then
    redact_url "$UV_PYTHON_INSTALL_MIRROR"
    source=$REPLY again="env -u UV_PYTHON_INSTALL_MIRROR $again"
  fi
  find_failed_host "$log"
  host=${REPLY:-its place}
  case $log in
    *"Hash mismatch"* | *"Failed to extract archive"*)
      if [[ $log =~ $digests ]]; then
        whys=(why "its SHA-256 is ${BASH_REMATCH[2]}, and should be ${BASH_REMATCH[1]}")
      else
        whys=(why "it is no archive, or was cut off")
      fi
      fail E_PYTHON_DIGEST "the archive of Python $full is not the right one; nothing was installed" "${whys[@]}" \
        ${source:+why "it came from the mirror $source"} fix "$again"
      ;;
    *"downloads are not allowed"*)
      fail E_PYTHON_INSTALL "could not install Python $full" \
        why "uv may fetch none: UV_PYTHON_DOWNLOADS, or python-downloads of a uv.toml, is never" \
        fix "env UV_PYTHON_DOWNLOADS=manual pyve python install $full"
      ;;
    *"No download found"*)
      if ((_install_dropped > 0)); then
        fail E_PYTHON_DIGEST "no archive of Python $full can be verified; nothing was installed" \
          why "the list of downloads that UV_PYTHON_DOWNLOADS_JSON_URL or a uv.toml names has no SHA-256 for it" \
          fix "$(repeat_without_list && printf '%s' "$REPLY")"
      else
        fail E_PYTHON_INSTALL "uv knows no Python $full" why "its list may be older than the release" fix "pyve python list --available"
      fi
      ;;
    *"Failed to parse: "*)
      load_fixes
      repeat_command
      [[ $log =~ $settings ]] || :
      fail E_PYTHON_INSTALL "could not install Python $full" why "uv cannot read its settings: ${BASH_REMATCH[1]-}" \
        fix "env UV_NO_CONFIG=1 $REPLY"
      ;;
    *"failed to query metadata of file"* | *"No such file or directory"*"file://"* | *"(404 Not Found)"*)
      fail E_PYTHON_INSTALL "could not install Python $full" why "${source:-$host} does not have it" ${source:+fix "$again"}
      ;;
    *"Permission denied"* | *"Read-only file system"*)
      python_install_dir uv
      [[ ! $log =~ $refused ]] || REPLY=${BASH_REMATCH[1]}
      fail_write_below "$REPLY"
      ;;
    *"Network connectivity is disabled"* | *"error sending request"* | *"Failed to download"* | *"Failed to fetch"* | *"timed out"*)
      whys=(why "$host cannot be reached")
      if [[ $log == *"Network connectivity is disabled"* ]]; then
        whys=(why "the network is not to be used (--offline or UV_OFFLINE)")
      elif [[ $log =~ $answered ]]; then
        whys=(why "$host answers ${BASH_REMATCH[1]}")
      elif [[ $log == *"invalid peer certificate"* ]]; then
        whys=(why "the certificate of $host is not one that uv trusts")
        if [[ -n ${UV_SYSTEM_CERTS-} ]]; then
          whys+=(why "it takes those of the system, and those in the file that SSL_CERT_FILE names")
        else
          load_fixes
          repeat_command
          fix="env UV_SYSTEM_CERTS=1 UV_NATIVE_TLS=1 $REPLY"
        fi
      fi
      fail E_PYTHON_OFFLINE "Python $full cannot be fetched; nothing was installed" "${whys[@]}" \
        ${source:+why "the mirror is $source"} \
        why "a mirror, also a folder of this machine, is taken: --mirror file:///folder, UV_PYTHON_INSTALL_MIRROR, or python.mirror in .pyve/config" \
        ${fix:+fix "$fix"}
      ;;
    *)
      # (The uv of Pyve's toolchain is no command to paste.)
      [[ -n $UV_PROGRAM ]] || again=$2
      fail E_PYTHON_INSTALL "could not install Python $full" why "'$2' ended with status $3; its messages are above" fix "$again"
      ;;
  esac
}

# Usage: fail_write_below <folder>
# Says that nothing can be written there; the folder need not be there. Status 1.
fail_write_below() {
  local place=$1
  while [[ ! -d $place && $place == /?* ]]; do
    place=${place%/*}
  done
  load_fixes
  propose_access "$1"
  fail E_FILE_WRITE "cannot write $1" why "no permission to write in ${place:-/}, or the file system is read-only" \
    ${REPLY:+fix "$REPLY"}
}

# Usage: find_failed_host <what uv said>
# Sets REPLY to the host of the first address in it, without user and password, or to "".
find_failed_host() {
  local shape="https?://([^/@\` ]*@)?([^/@\` ]+)"
  REPLY=""
  [[ ! $1 =~ $shape ]] || REPLY=${BASH_REMATCH[2]}
}
