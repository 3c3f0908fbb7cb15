# shellcheck shell=bash
# Bringing an installation to another release, and back.
#
# A release is a folder, here or on a server, with an archive pyve-<version>.tar.gz for each version, SHA256SUMS with
# the digests of the archives, and SHA256SUMS.sig: a signature (ssh-keygen -Y sign, namespace pyve-release) of that
# file by one of the keys in lib/data/release-signers. Nothing of an archive is looked at before the signature is
# good and the digest is right, and nothing of the installation changes before the new tree has answered.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/self_update.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F use_tree >/dev/null || . "${BASH_SOURCE[0]%/*}/install_tree.sh"
declare -F install_pyve >/dev/null || . "${BASH_SOURCE[0]%/*}/self_install.sh"
declare -F compare_release >/dev/null || . "${BASH_SOURCE[0]%/*}/version.sh"
declare -F fetch_url >/dev/null || . "${BASH_SOURCE[0]%/*}/download.sh"
declare -F sha256_of_file >/dev/null || . "${BASH_SOURCE[0]%/*}/digest.sh"
declare -F read_helper_answer >/dev/null || . "${BASH_SOURCE[0]%/*}/helper.sh"
declare -F repeat_command >/dev/null || . "${BASH_SOURCE[0]%/*}/fixes.sh"
declare -F quote_word >/dev/null || . "${BASH_SOURCE[0]%/*}/text.sh"
declare -F logged >/dev/null || . "${BASH_SOURCE[0]%/*}/debug_log.sh"

# Who signs releases, and in which of ssh-keygen's namespaces.
_update_signer="pyve-release"

# Where releases are, the same for a person, the folder that they are fetched into, the versions that SHA256SUMS
# has, and their digests (same index).
_update_source="" _update_shown="" _update_work=""
_update_versions=() _update_digests=()

# Usage: update_pyve <source or ""> <version or ""> <check or ""> <offline or "">
# Brings the installation that this tree is in to the newest release of the source, or to the version; with check,
# says only whether there is a newer one. Status 1, and the installation as it was, when that fails.
update_pyve() {
  local source=$1 wanted=$2 check=$3 offline=$4 status=0
  find_installation || return 1
  choose_source "$source" "$offline" || return 1
  check_verifier || return 1
  if [[ -n $wanted && ! $wanted =~ ^[0-9]+(\.[0-9]+)*$ ]]; then
    fail E_RELEASE_VERSION "'$wanted' is not a version of Pyve" why "expected is one such as ${VERSION-}"
    return 1
  fi
  begin_update || return 1
  install_release "$wanted" "$check" || status=1
  end_update
  return "$status"
}

# Usage: roll_back_pyve
# Lets the installation use the tree that was in use before. Status 1, and all as it was, when there is none.
roll_back_pyve() {
  local name status=0 from=${VERSION-}
  find_installation || return 1
  begin_update || return 1
  if ! find_previous_tree; then
    fail E_RELEASE_ROLLBACK "there is no other Pyve here to go back to" \
      why "an update keeps the version that was in use before it, and going back uses that up" fix "pyve self update"
    status=1
  else
    name=$REPLY
    if ! does_tree_run "$_si_data/versions/$name"; then
      fail E_INSTALL_COPY "the Pyve that was in use before does not run any more" why "it is in $_si_data/versions/$name"
      status=1
    else
      tell_switch "$name" "$REPLY" "$from" || status=1
    fi
  fi
  end_update
  return "$status"
}

# Usage: tell_switch <name> <its version> <version before>
# Goes back to a tree, and says so.
tell_switch() {
  if ! use_tree "$1"; then
    fail E_INSTALL_WRITE "cannot change the link $_si_app" why "see the line above; the next run puts it right" fix "pyve self install"
    return 1
  fi
  answer version "$2"
  answer previous "$3"
  answer_json updated true
  log_success "Pyve $2 is in use again (it was $3)"
}

# --- what is installed

# Usage: find_installation
# As find_install_paths, for the installation that this tree is in. Status 1, with a diagnostic, when it is in none.
find_installation() {
  find_install_paths || return 1
  if use_own_data; then
    read_record
    return 0
  fi
  quote_word "$_si_source"
  if [[ -e $_si_source/.git ]]; then
    fail E_INSTALL_OTHER "this Pyve is a git checkout, which git updates" why "it is $_si_source" fix "git -C $REPLY pull"
  else
    fail E_INSTALL_OTHER "this Pyve was not installed by pyve self install" \
      why "it is $_si_source, and is updated in the way in which it came there" why "pyve self install puts a copy of it where pyve self update finds it"
  fi
  return 1
}

# Usage: begin_update
# Takes the installation's lock, clears what killed runs left, and makes the work folder. Status 1, with a
# diagnostic, when that cannot be.
begin_update() {
  if [[ ! -w $_si_data || ! -w ${_si_app%/*} ]]; then
    propose_access "$_si_data"
    fail E_INSTALL_WRITE "cannot write in $_si_data" why "no permission, or the file system is read-only" ${REPLY:+fix "$REPLY"}
    return 1
  fi
  lock_installation || return 1
  _update_work=$_si_data/update.$$
  at_exit clear_update
  if ! mend_installation || ! mkdir -p -- "$_si_data/versions" || ! mkdir -- "$_update_work"; then
    fail_update_write "$_update_work"
    end_update
    return 1
  fi
}

# Usage: end_update
# Removes the work folder, and gives the lock back.
end_update() {
  clear_update
  unlock_installation
}

# Usage: clear_update
# Removes what an update works with.
clear_update() {
  [[ -z $_update_work ]] || rm -rf -- "$_update_work" "$_si_data/versions/.new.$$"
  _update_work=""
}

# Usage: fail_update_write <path>
# Says that the installation cannot be written. Status 1.
fail_update_write() {
  local why="no permission, or the file system is read-only"
  [[ ! -w $_si_data ]] || why="the disk may be full: make room, and try again"
  propose_access "$1"
  fail E_INSTALL_WRITE "cannot write $1" why "$why" ${REPLY:+fix "$REPLY"}
}

# --- where releases are

# Usage: choose_source <source or ""> <offline or "">
# Sets _update_source to the URL of the folder with releases: the one given, PYVE_RELEASES, or the one that this
# release names; and _update_shown to the same without a password. Status 1, with a diagnostic, when it cannot be used.
choose_source() {
  local source=$1 origin="--from names it"
  local form='^(https|file)://[^[:space:][:cntrl:]"\?#]+$'
  if [[ -z $source ]]; then
    source=${PYVE_RELEASES-} origin="the variable PYVE_RELEASES names it"
  fi
  if [[ -z $source ]]; then
    get_note "$_si_source/RELEASE" source || :
    source=$REPLY origin="the release that is installed names it"
  fi
  if [[ -z $source ]]; then
    fail E_RELEASE_SOURCE "Pyve does not know where its releases are" \
      why "the one that is installed does not say it: name a folder or a URL with --from, or in PYVE_RELEASES"
    return 1
  fi
  redact_url "$source"
  _update_shown=$REPLY
  if [[ $source != *://* ]]; then
    [[ $source == /* ]] || source=$PWD/$source
    _update_shown=$source
    if [[ ! -d $source ]]; then
      fail E_RELEASE_SOURCE "there is no folder $source" why "$origin; expected is a folder, or a URL of https"
      return 1
    fi
    encode_path "$source"
    source=file://$REPLY
  fi
  if [[ $source == http://* ]]; then
    fail E_RELEASE_SOURCE "releases are not fetched over http" why "$origin: $_update_shown" why "expected is https, file, or a folder"
    return 1
  elif [[ ! $source =~ $form ]]; then
    fail E_RELEASE_SOURCE "that is not a URL that releases can be fetched from" why "$origin: $_update_shown" \
      why "expected is https://... or file:///... without a query, or a folder"
    return 1
  fi
  if [[ -n $offline && $source != file://* ]]; then
    quote_word "$_update_shown"
    fail E_USAGE_CONFLICT "with --offline, releases come from a folder" why "$origin: $_update_shown" fix "pyve self update --from $REPLY"
    return 1
  fi
  _update_source=${source%/}
}

# Usage: encode_path <path>
# Sets REPLY to the path as it stands in a file:// URL.
encode_path() {
  local char out="" i LC_ALL=C
  for ((i = 0; i < ${#1}; i++)); do
    char=${1:i:1}
    case $char in
      [A-Za-z0-9/._~-]) out+=$char ;;
      *)
        printf -v char '%%%02X' "'$char"
        # (A byte above 127 may count as a negative number.)
        out+=%${char:${#char}-2}
        ;;
    esac
  done
  REPLY=$out
}

# Usage: fetch_part <name> <limit in KiB>
# Fetches a file of the release into the work folder. Status 1 after a diagnostic.
fetch_part() {
  local DOWNLOAD_LABEL=$1 DOWNLOAD_LIMIT=$2 again
  if fetch_url "$_update_source/$1" "$_update_work/$1" "$_update_work/log"; then
    return 0
  fi
  set -- "$1" "$REPLY"
  repeat_command
  again=$REPLY
  case $OBTAIN_CODE in
    E_DISK_FULL) fail E_DISK_FULL "there is no space left for $1" why "$2: make room there, and try again" ;;
    E_FILE_WRITE) fail_update_write "$_update_work/$1" ;;
    E_DOWNLOADER_MISSING)
      propose_install curl
      fail E_DOWNLOADER_MISSING "the release cannot be downloaded" why "$2" ${REPLY:+fix "$REPLY"}
      ;;
    large) fail E_RELEASE_ARCHIVE "$1 is not a part of a release of Pyve" why "$2" why "it was asked for at $_update_shown" ;;
    *) fail E_RELEASE_DOWNLOAD "$1 cannot be fetched from $_update_shown" why "$2" fix "$again" ;;
  esac
  return 1
}

# --- who signed

# Usage: check_verifier
# Status 1, with a diagnostic, when there is nothing here to verify a signature with, or no keys to verify it by.
check_verifier() {
  local said
  if [[ ! -s $_si_source/lib/data/release-signers ]]; then
    fail E_INSTALL_SOURCE "$_si_source is not a whole Pyve" \
      why "lib/data/release-signers is missing, so no release can be verified; install Pyve again"
    return 1
  fi
  # (An ssh-keygen without -Y, older than OpenSSH 8.1, says that it does not know the option.)
  if type -P ssh-keygen >/dev/null; then
    said=$(LC_ALL=C ssh-keygen -Y verify 2>&1 </dev/null) || :
    [[ $said == *"nknown option"* || $said == *"llegal option"* || $said == *"nvalid option"* ]] || return 0
    fail E_RELEASE_VERIFIER "this machine's ssh-keygen cannot verify signatures" \
      why "it is older than OpenSSH 8.1, and what cannot be verified is not installed"
    return 1
  fi
  propose_install openssh-client
  [[ $REPLY != *apk* && $REPLY != *pacman* && $REPLY != *brew* ]] || REPLY=${REPLY/openssh-client/openssh}
  [[ $REPLY != *dnf* ]] || REPLY=${REPLY/openssh-client/openssh-clients}
  fail E_RELEASE_VERIFIER "there is no ssh-keygen to verify the release with" \
    why "what cannot be verified is not installed" ${REPLY:+fix "$REPLY"}
}

# Usage: verify_signature <file> <signature> <tree>
# Status 1 when the signature is not one of the file by a key that the tree trusts. REPLY: why, or the key.
verify_signature() {
  local data=$3/lib/data said again
  local -a revoked=()
  [[ ! -f $data/release-revoked ]] || revoked=(-r "$data/release-revoked")
  set -- "$1" "$2" LC_ALL=C ssh-keygen -Y verify -f "$data/release-signers" -I "$_update_signer" -n "$_update_signer" -s "$2"
  if said=$(logged env "${@:3}" ${revoked[@]+"${revoked[@]}"} 2>&1 <"$1"); then
    REPLY=${said##* }
    return 0
  fi
  again=$(env LC_ALL=C ssh-keygen -Y check-novalidate -n "$_update_signer" -s "$2" 2>/dev/null <"$1") || again=""
  if [[ $said == *"has expired"* || $said == *"not yet valid"* ]]; then
    said=${said%%$'\n'*}
    REPLY="the key that signed it is not valid today: ${said#*: }"
  elif [[ $again == Good* ]] && env "${@:3}" >/dev/null 2>&1 <"$1"; then
    REPLY="the key that signed it was revoked: ${again##* }"
  elif [[ $again == Good* ]]; then
    REPLY="it is signed by a key that is not one of Pyve's: ${again##* }"
  else
    said=${said%%$'\n'*}
    REPLY="ssh-keygen says: ${said//[[:cntrl:]]/?}"
  fi
  return 1
}

# Usage: read_sums <file>
# Fills _update_versions and _update_digests from SHA256SUMS; lines about other files are left. Status 1 when a
# version is there twice, or a line about one is none.
read_sums() {
  local line form='^([0-9a-f]{64}) [ *]pyve-([0-9]+(\.[0-9]+)*)\.tar\.gz$' other
  local LC_ALL=C
  _update_versions=() _update_digests=()
  while IFS= read -r line || [[ -n $line ]]; do
    if [[ $line =~ $form ]]; then
      for other in ${_update_versions[@]+"${_update_versions[@]}"}; do
        [[ $other != "${BASH_REMATCH[2]}" ]] || return 1
      done
      _update_versions+=("${BASH_REMATCH[2]}")
      _update_digests+=("${BASH_REMATCH[1]}")
    fi
  done <"$1"
}

# Usage: choose_version <version or "">
# Sets REPLY to the index of the version in _update_versions, or of the newest. Status 1 when it is not there.
choose_version() {
  local i best=""
  for ((i = 0; i < ${#_update_versions[@]}; i++)); do
    if [[ -n $1 ]]; then
      [[ ${_update_versions[i]} != "$1" ]] || best=$i
    elif [[ -z $best ]]; then
      best=$i
    else
      compare_release "${_update_versions[i]}" "${_update_versions[best]}"
      ((REPLY <= 0)) || best=$i
    fi
  done
  REPLY=$best
  [[ -n $best ]]
}

# --- the release

# Usage: install_release <version or ""> <check or "">
# Does update_pyve's work in the work folder. Status 1 after a diagnostic.
install_release() {
  local wanted=$1 check=$2 version digest list=""
  fetch_part SHA256SUMS 1024 && fetch_part SHA256SUMS.sig 64 || return 1
  if ! verify_signature "$_update_work/SHA256SUMS" "$_update_work/SHA256SUMS.sig" "$_si_source"; then
    fail E_RELEASE_SIGNATURE "the release is not signed by Pyve's maintainers" why "$REPLY" \
      why "it was fetched from $_update_shown; nothing of it was used"
    return 1
  fi
  log_verbose "SHA256SUMS is signed with the key $REPLY"
  if ! read_sums "$_update_work/SHA256SUMS"; then
    fail E_RELEASE_ARCHIVE "SHA256SUMS names a version twice" why "it was fetched from $_update_shown"
    return 1
  fi
  if ! choose_version "$wanted"; then
    for version in ${_update_versions[@]+"${_update_versions[@]}"}; do
      list+=${list:+, }$version
    done
    fail E_RELEASE_VERSION "there is no Pyve${wanted:+ $wanted} at $_update_shown" why "SHA256SUMS has: ${list:-no version}" \
      ${wanted:+${list:+fix "pyve self update --check"}}
    return 1
  fi
  version=${_update_versions[REPLY]} digest=${_update_digests[REPLY]}
  judge_version "$version" "$wanted" "$check" || return "$((REPLY))"
  fetch_part "pyve-$version.tar.gz" 65536 || return 1
  sha256_of_file "$_update_work/pyve-$version.tar.gz" || return 1
  if [[ $REPLY != "$digest" ]]; then
    fail E_RELEASE_DIGEST "pyve-$version.tar.gz is not the archive that was signed" \
      why "its SHA-256 is $REPLY, expected was $digest" why "something on the way changed it, or it was cut off; it was not unpacked"
    return 1
  fi
  place_release "$version" "$digest"
}

# Usage: judge_version <version> <wanted or ""> <check or "">
# Status 0 when the version is to be installed. Otherwise status 1, with what there is to say said: REPLY is 0 when
# all is well, 1 after a diagnostic.
judge_version() {
  local order
  compare_release "$1" "${VERSION-}"
  order=$REPLY
  answer available "$1"
  if ((order == 0)); then
    answer version "${VERSION-}"
    answer_json updated false
    log_success "Pyve ${VERSION-} is installed already${2:-: it is the newest at $_update_shown}"
    REPLY=0
    return 1
  elif [[ -n $3 ]]; then
    answer version "${VERSION-}"
    answer_json updated false
    if ((order > 0)); then
      repeat_command
      log_info "Pyve $1 is there; ${VERSION-} is installed. To install it: ${REPLY/ --check/}"
    else
      log_info "Pyve $1 is the newest there; the ${VERSION-} that is installed is newer"
    fi
    REPLY=0
    return 1
  elif ((order < 0)) && [[ -z $2 ]]; then
    fail E_RELEASE_OLDER "the newest Pyve at $_update_shown is $1, older than the ${VERSION-} that is installed" \
      why "somebody may be serving old releases, whose faults are known" why "--version $1 installs it all the same" || :
    REPLY=1
    return 1
  fi
}

# Usage: find_bare_python
# Sets REPLY to an interpreter that can unpack a release. Status 1, with a diagnostic, when there is none here.
find_bare_python() {
  local path
  declare -F list_interpreters >/dev/null || . "${BASH_SOURCE[0]%/*}/interpreter.sh"
  list_interpreters
  for path in ${INTERPRETER_PATHS[@]+"${INTERPRETER_PATHS[@]}"}; do
    if logged "$path" -I -S -B -c 'import sys, tarfile, zlib; sys.exit(sys.version_info < (3, 9))' >/dev/null 2>&1 </dev/null; then
      REPLY=$path
      return 0
    fi
  done
  fail E_PYTHON_MISSING "there is no Python here to unpack the release with" why "it takes one of 3.9 or newer, with zlib"
}

# Usage: place_release <version> <digest>
# Unpacks the archive beside the trees, tries it, and lets the installation use it. Status 1 after a diagnostic.
place_release() {
  local version=$1 digest=$2 answer="" status=0 tree=$_si_data/versions/.new.$$ old=${VERSION-}
  find_bare_python || return 1
  load_redact
  answer=$(redact_stderr logged "$REPLY" -E -s -S -B -X utf8 "$PYVE_ROOT/helpers/unpack_release.py" --format lines \
    "$_update_work/pyve-$version.tar.gz" "$tree" "$version" </dev/null) || status=$?
  HELPER_NAME=unpack_release
  read_helper_answer "$status" "$answer" || return 1
  rm -rf -- "$_update_work"
  if ! fit_tree "$tree" || ! does_tree_run "$tree" || [[ $REPLY != "$version" ]]; then
    fail E_INSTALL_COPY "Pyve $version does not run here; the one in use stays" why "see the lines above, or: it says that it is '$REPLY'"
    return 1
  fi
  if ! place_tree "$tree" "$version" "$_update_shown" "sha256=$digest"; then
    fail E_INSTALL_WRITE "Pyve $version cannot be put into its place" why "see the line above; the next run puts it right" \
      fix "pyve self install"
    return 1
  fi
  plan_links "$_si_app"
  write_file "$_si_data/install.state" "$_si_record" && make_links || return 1
  answer version "$version"
  answer previous "$old"
  answer_json updated true
  log_success "Pyve $version is installed (it was $old)"
  log_info "To go back: pyve self update --rollback"
}
