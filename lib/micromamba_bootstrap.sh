# shellcheck shell=bash
# Installing micromamba for a project (.pyve/bin) or a user (~/.pyve/bin), after a dialogue or without.
#
# Which version, from where and with which digest is in lib/data/micromamba.tsv. Settings:
#   PYVE_MICROMAMBA_URL       a mirror, https, http or file; {platform}, {version} and {release} are filled in
#   PYVE_MICROMAMBA_SHA256    the digest to expect, of the executable or of the tarball that is served
#   PYVE_MICROMAMBA_VERSION   another version; needs PYVE_MICROMAMBA_SHA256, too

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/micromamba_bootstrap.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F log_info >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"
declare -F lock_project >/dev/null || . "${BASH_SOURCE[0]%/*}/project_lock.sh"
declare -F find_backend_files >/dev/null || . "${BASH_SOURCE[0]%/*}/backend_detect.sh"
declare -F obtain_micromamba >/dev/null || . "${BASH_SOURCE[0]%/*}/micromamba_download.sh"

# The folder that an installation in progress works in.
_bootstrap_work=""

# Usage: get_micromamba_download_url
# Prints where micromamba for this machine is downloaded from; status 1, with a diagnostic, when there
# is none for it.
get_micromamba_download_url() {
  choose_micromamba_release || return 1
  redact_url "${RELEASE_SOURCES[0]}"
  printf '%s\n' "$REPLY"
}

# Usage: find_bootstrap_folder <project|user>
# Sets REPLY to the folder that micromamba is installed in. Status 1, with a diagnostic, when it cannot
# be.
find_bootstrap_folder() {
  local folder
  case ${1-} in
    project) REPLY=$PWD/.pyve/bin ;;
    user)
      if [[ ${HOME-} != /* || ! -d $HOME ]]; then
        fail E_MICROMAMBA_LOCATION "micromamba cannot be installed for the user" why "HOME is '${HOME-}', which is no folder" \
          fix "pyve init --auto-bootstrap --bootstrap-to project"
        return 1
      fi
      REPLY=${HOME%/}/.pyve/bin
      ;;
    *)
      fail E_MICROMAMBA_LOCATION "'${1-}' is no place to install micromamba in" why "there are project and user" \
        fix "pyve init --auto-bootstrap --bootstrap-to user"
      return 1
      ;;
  esac
  if [[ -d $REPLY/micromamba ]]; then
    folder=$REPLY/micromamba
    propose_move "$folder"
    fail E_FILE_WRITE "cannot write $folder" why "it is a folder" fix "$REPLY"
    return 1
  fi
  if [[ $1 == project && -L .pyve/bin ]]; then
    folder=$REPLY
    propose_move "$folder"
    fail E_FILE_LINK "$folder is a symbolic link, and Pyve does not write through links" \
      why "what it points to may be outside the project" fix "$REPLY"
    return 1
  fi
}

# Usage: bootstrap_install_micromamba <project|user>
# Installs the micromamba of lib/data/micromamba.tsv (or of the user's settings) there: downloads it
# beside its place, verifies it, lets it answer, and moves it in one step. Whatever fails, what was there
# stays, and nothing else is left. Status 1, with a diagnostic, then.
bootstrap_install_micromamba() {
  local folder url code="" version source
  local -a whys=()
  find_bootstrap_folder "${1-}" || return 1
  folder=$REPLY
  choose_micromamba_release || return 1
  if is_micromamba_release "$folder/micromamba"; then
    log_info "micromamba $REPLY is in $folder already"
    return 0
  fi
  open_bootstrap_work "$folder" || return 1
  for url in "${RELEASE_SOURCES[@]}"; do
    redact_url "$url"
    source=$REPLY
    log_start "Downloading $RELEASE_LABEL from $source"
    if obtain_micromamba "$url" "$_bootstrap_work"; then
      version=$REPLY
      place_micromamba "$folder" || return 1
      if ((${#whys[@]})); then
        warn W_MICROMAMBA_SOURCE "not every source gave micromamba" "${whys[@]}"
      fi
      log_success "Installed micromamba $version in $folder"
      return 0
    fi
    if [[ -z $OBTAIN_CODE ]]; then
      close_bootstrap_work
      return 1
    fi
    whys+=(why "$source: $REPLY")
    code=${code:-$OBTAIN_CODE}
    case $OBTAIN_CODE in
      E_DISK_FULL | E_FILE_WRITE | E_DOWNLOADER_MISSING)
        code=$OBTAIN_CODE
        break
        ;;
    esac
    rm -rf -- "${_bootstrap_work:?}"/*
  done
  close_bootstrap_work
  fail_bootstrap "$code" "${whys[@]}"
}

# Usage: is_micromamba_release <file>
# True when the file is the executable of RELEASE_DIGEST, and answers. REPLY: its version.
is_micromamba_release() {
  [[ -f $1 && -x $1 ]] && sha256_of_file "$1" 2>/dev/null && [[ $REPLY == "$RELEASE_DIGEST" ]] && probe_micromamba "$1"
}

# Usage: fail_bootstrap <code> [why <text>]...
# Says why micromamba was not installed, and what to do. Status 1.
fail_bootstrap() {
  local code=$1
  local -a fixes=() settings=()
  shift
  list_micromamba_settings
  repeat_command ${settings[@]+"${settings[@]}"}
  case $code in
    E_DISK_FULL)
      fail "$code" "$RELEASE_LABEL could not be installed" "$@" why "make room there; micromamba takes 20 MB" || return 1
      ;;
    E_FILE_WRITE) propose_access "$folder" ;;
    E_DOWNLOADER_MISSING) propose_install curl ;;
    E_MICROMAMBA_DIGEST)
      set -- "$@" why "something on the way changed it, or the source holds another build; nothing was installed"
      ;;
  esac
  # With settings of the user's it is their source, version or digest that does not do.
  if [[ $code == E_MICROMAMBA_DOWNLOAD || $code != E_MICROMAMBA_* || ${#settings[@]} -gt 0 ]]; then
    fixes=(${REPLY:+fix "$REPLY"})
  fi
  if ((${#settings[@]} == 0)); then
    set -- "$@" why "PYVE_MICROMAMBA_URL may name another source: a mirror, or a file:///..."
  fi
  choose_init_command
  fail "$code" "$RELEASE_LABEL could not be installed" "$@" ${fixes[@]+"${fixes[@]}"} fix "$REPLY --engine rattler"
}

# --- the work folder

# Usage: open_bootstrap_work <folder>
# Makes a work folder in <folder> (made, too, when it is missing), and removes those of Pyves that were
# killed. Sets _bootstrap_work. Status 1, with a diagnostic, when nothing can be written there.
open_bootstrap_work() {
  local folder=$1 identity number tries
  process_identity "$$" || return 1
  identity=$REPLY
  at_exit close_bootstrap_work
  for ((tries = 0; tries < 5; tries++)); do
    mkdir -p -- "$folder" 2>/dev/null || :
    clear_micromamba_leftovers "$folder"
    for number in 1 2 3 4 5 6 7 8 9; do
      _bootstrap_work=$folder/.micromamba.pyve-new.$identity.$number
      if mkdir -- "$_bootstrap_work" 2>/dev/null; then
        return 0
      fi
      # Another bootstrap of this process; or one that failed has just removed the folder: once more.
      [[ -d $_bootstrap_work ]] || break
    done
  done
  close_bootstrap_work
  # What cannot be written is the first thing that is missing.
  [[ ! -d $folder ]] || folder+=/micromamba
  [[ -d ${folder%/*} ]] || folder=${folder%/*}
  fail_write "$folder"
}

# Usage: place_micromamba <folder>
# Moves the verified executable to its place, in one step. Status 1, with a diagnostic, when it cannot be.
place_micromamba() {
  if ! mv -f -- "$_bootstrap_work/micromamba" "$1/micromamba" 2>/dev/null; then
    close_bootstrap_work
    fail_write "$1/micromamba"
    return 1
  fi
  close_bootstrap_work
}

# Usage: close_bootstrap_work
# Removes the work folder, and those above it that were made for it or are empty for another reason.
close_bootstrap_work() {
  local work=$_bootstrap_work folder
  [[ -n $work ]] || return 0
  _bootstrap_work=""
  rm -rf -- "$work"
  folder=${work%/*}
  rmdir -- "$folder" "${folder%/*}" 2>/dev/null || :
}

# Usage: clear_micromamba_leftovers <folder>
# Removes the work folders in <folder> (.pyve/bin or ~/.pyve/bin) whose Pyve is gone.
clear_micromamba_leftovers() {
  local left identity
  for left in "$1"/.micromamba.pyve-new.*; do
    identity=${left##*.pyve-new.}
    if [[ -d $left && ! -L $left ]] && ! is_alive "${identity%.*}"; then
      rm -rf -- "$left"
    fi
  done
}

# --- dialogue and none

# Usage: bootstrap_micromamba_auto [project|user]
# Installs micromamba without asking; for the user, unless told otherwise. Sets what find_micromamba sets.
bootstrap_micromamba_auto() {
  bootstrap_install_micromamba "${1:-user}" && find_bootstrapped
}

# Usage: find_bootstrapped
# Sets what find_micromamba sets, now that there is one.
find_bootstrapped() {
  find_micromamba || error_micromamba_not_found
}

# Usage: bootstrap_micromamba_interactive [context]
# Says that micromamba is missing (and why it is needed: <context>), and offers to install it. With
# --yes the default is taken; in CI, at the end of input and after "abort" nothing is downloaded, and it
# is said what to do. Status 1 then. Sets what find_micromamba sets.
bootstrap_micromamba_interactive() {
  local context=${1-} package status=0
  if [[ -z $context ]]; then
    find_backend_files
    context=$CONDA_FILE
  fi
  describe_context "$context"
  context=$REPLY
  if ! can_ask; then
    if [[ -n ${PYVE_YES-} ]]; then
      bootstrap_micromamba_auto project
    else
      error_micromamba_not_found "$context"
    fi
    return
  fi
  package="Install via the system package manager"
  if find_package_command; then
    package+=": $REPLY"
  fi
  say 2 error "ERROR: " "Backend 'micromamba' required but not found."$'\n'
  [[ -z $context ]] || say 2 plain "" "$context"
  say 2 plain "" $'Required: micromamba\n\nInstallation options:'
  ask_choice "Choice" 1 "Install to project sandbox: .pyve/bin/micromamba" "Install to user sandbox: ~/.pyve/bin/micromamba" \
    "$package" "Abort and install manually" || status=$?
  if ((status == 1)); then
    REPLY=4
  elif ((status)); then
    return 1
  fi
  case $REPLY in
    1) bootstrap_micromamba_auto project ;;
    2) bootstrap_micromamba_auto user ;;
    3) advise_package "$context" ;;
    *) error_micromamba_not_found "$context" ;;
  esac
}

# Usage: advise_package [context]
# Says with which command the package manager of this machine installs micromamba. Always status 1: it is
# not installed yet.
advise_package() {
  local -a lines=()
  [[ -z ${1-} ]] || lines+=(why "$1")
  if find_package_command; then
    lines+=(fix "$REPLY" fix "pyve init")
  else
    lines+=(why "no package manager here has it${REPLY:+ (asked: $REPLY)}" fix "pyve init --auto-bootstrap")
  fi
  fail E_MICROMAMBA_MISSING "micromamba has to be installed first" "${lines[@]}"
}
