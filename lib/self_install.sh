# shellcheck shell=bash
# Installing Pyve for a user, and taking the installation back exactly.
#
# What an installation is: the tree that <data>/pyve/app leads to (lib/install_tree.sh), the link
# ~/.local/bin/pyve, the links of lib/install_links.sh, two tagged lines in the shell's rc file, the template ~/.local/.env, and
# <data>/pyve/install.state: the record of the folders, files and links that were made, and of the
# rc files that were changed. A line
#   dir|file|link|rc <path>
# is written before what it records happens, so that a run that was killed can be taken back.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/self_install.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F log_info >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"
declare -F find_rc_file >/dev/null || . "${BASH_SOURCE[0]%/*}/rc_file.sh"
declare -F add_record >/dev/null || . "${BASH_SOURCE[0]%/*}/install_record.sh"
declare -F make_links >/dev/null || . "${BASH_SOURCE[0]%/*}/install_links.sh"
declare -F use_tree >/dev/null || . "${BASH_SOURCE[0]%/*}/install_tree.sh"

# --- install

# Usage: install_pyve
# Installs this tree for the user, or refreshes the installation. Everything is checked first.
# Status 1, with nothing changed, when a check fails.
install_pyve() {
  local status=0
  find_install_paths || return 1
  check_install || return 1
  plan_rc_lines "${SHELL-}" "$_si_app" || return 1
  plan_record
  if ! mkdir -p -- "$_si_data" "$_si_bin"; then
    load_fixes
    propose_access "$_si_data"
    fail E_INSTALL_WRITE "cannot make $_si_data" why "see the line above" ${REPLY:+fix "$REPLY"}
    return 1
  fi
  lock_installation || return 1
  make_installation || status=1
  unlock_installation
  ((status == 0)) || return 1
  tell_installed
}

# Usage: check_install
# Status 1, with a message, when the tree, the link or a folder stands in the way.
check_install() {
  if [[ ! -f $_si_source/pyve.sh || ! -d $_si_source/lib ]]; then
    fail E_INSTALL_SOURCE "$_si_source is not a whole Pyve" why "pyve.sh and lib/ belong together; fetch Pyve anew"
    return 1
  fi
  if [[ -e $_si_link || -L $_si_link ]] && ! is_pyve_link; then
    quote_word "$_si_link"
    fail E_INSTALL_FOREIGN "$_si_link is there, and is not Pyve's" \
      why "only a link into a Pyve tree is replaced" \
      fix "mv $REPLY $REPLY.old"
    return 1
  fi
  # A copy that contains itself has no end; what begins with a dot is not copied.
  if [[ $_si_data == "$_si_source"/[!.]* ]]; then
    fail E_INSTALL_HOME "the data folder is inside the tree to install" why "$_si_data is below $_si_source"
    return 1
  fi
  check_folders
}

# Usage: check_folders
# Status 1, with a message, when <data>/pyve or ~/.local/bin cannot be written.
check_folders() {
  local folder
  for folder in "$_si_data" "$_si_bin"; do
    if ! can_make "$folder"; then
      load_fixes
      if [[ (-e $folder || -L $folder) && ! -d $folder ]]; then
        propose_move "$folder"
      else
        propose_access "$folder"
      fi
      fail E_INSTALL_WRITE "cannot write in $folder" \
        why "no permission, a file is in the way, or the file system is read-only" ${REPLY:+fix "$REPLY"}
      return 1
    fi
  done
}

# Usage: plan_record
# Sets _si_record to the record with all that this installation is going to make.
plan_record() {
  read_record
  record_missing_folders "$_si_data"
  record_missing_folders "$_si_bin"
  plan_links "$_si_source"
  if [[ ! -e $_si_env && ! -L $_si_env ]]; then
    add_record "file $_si_env"
  fi
  if [[ -n $RC_TEXT ]]; then
    add_record "rc $RC_FILE"
    resolve_links "$RC_FILE"
    if [[ ! -e $REPLY ]]; then
      add_record "file $REPLY"
      record_missing_folders "${REPLY%/*}"
    fi
  fi
}

# Usage: make_installation
# Writes the record, the tree, the links, ~/.local/.env and the rc file. Needs the lock. Status 1
# when something cannot be written.
make_installation() {
  mend_installation && write_file "$_si_data/install.state" "$_si_record" || return 1
  if [[ $_si_app -ef $_si_source ]]; then
    write_link || return 1
  else
    replace_tree && write_link || return 1
  fi
  make_links
  if [[ ! -e $_si_env && ! -L $_si_env ]]; then
    (umask 077 && : >"$_si_env") 2>/dev/null || warn_env_template
  fi
  if [[ -n $RC_TEXT ]] && ! write_rc_file "$RC_FILE" "$RC_TEXT"; then
    fail_rc_write "see the lines above"
    return 1
  fi
}

# Usage: warn_env_template
# Says that ~/.local/.env could not be made.
warn_env_template() {
  load_fixes
  propose_access "$_si_env"
  warn W_INSTALL_ENV "cannot make $_si_env" \
    why "pyve init --local-env makes an empty .env without it" ${REPLY:+fix "$REPLY"}
}

# Usage: tell_installed
# Says what was done and what to do next.
tell_installed() {
  answer tree "$_si_app"
  answer link "$_si_link"
  answer rc_file "$RC_FILE"
  log_success "Pyve ${VERSION-} is installed: $_si_link"
  if [[ -n $RC_TEXT ]]; then
    log_info "PATH, prompt and completion are set in $RC_FILE"
  elif [[ -n $RC_FILE ]]; then
    log_info "$RC_FILE is as it should be"
  else
    log_info "Your shell (${SHELL:-unknown}) is not one whose start-up file Pyve writes. Add by hand:"
    # shellcheck disable=SC2016 # the rc file is to expand it, not this script
    case ${SHELL-} in
      *csh*) log_info '  set path = ( "$HOME/.local/bin" $path:q )' ;;
      *) log_info "  ${RC_LINES%" $RC_TAG"*}" ;;
    esac
  fi
  log_info "Next: open a new shell (or type: exec \$SHELL), then: pyve help"
}

# --- uninstall

# Usage: uninstall_pyve
# Takes back what install_pyve did; the projects' environments stay. Asks first unless --yes or
# CI. Status 0 when done, cancelled or not needed; 1, with nothing changed, when a check fails.
uninstall_pyve() {
  find_install_paths || return 1
  # The installed copy knows where it is, also when XDG_DATA_HOME is not what it was.
  if [[ ! -e $_si_app && ! -e $_si_data/install.state ]]; then
    use_own_data || :
  fi
  read_record
  list_recorded rc
  find_tagged_files ${_si_paths[@]+"${_si_paths[@]}"}
  # shellcheck disable=SC2153 # find_tagged_files sets RC_FILES
  if [[ ! -e $_si_app && ! -L $_si_app && ! -e $_si_data/install.state && ! -L $_si_data/install.lock &&
    ${#RC_FILES[@]} == 0 && ! -e $_si_data/versions ]] && ! is_installed_link; then
    # A kill at the very end leaves empty folders.
    (CDPATH="" cd -- "$HOME" && rmdir -p .local/share/pyve) 2>/dev/null || :
    answer_json removed false
    log_info "Pyve is not installed here: nothing to remove."
    return 0
  fi
  check_uninstall || return 1
  if can_ask && ! prompt_yes_no "Remove pyve?"; then
    answer_json removed false
    log_info "Cancelled: nothing was removed."
    return 0
  fi
  if [[ -d $_si_data ]]; then
    lock_installation || return 1
  fi
  if ! unmake_installation; then
    unlock_installation
    fail E_INSTALL_WRITE "Pyve is not removed completely" why "see the lines above" fix "pyve uninstall"
    return 1
  fi
  remove_made_folders
  answer_json removed true
  log_success "Pyve is removed. Projects and their environments are untouched."
}

# Usage: check_uninstall
# Status 1, with a message, when an rc file or a folder cannot be written.
check_uninstall() {
  local file why
  for file in ${RC_FILES[@]+"${RC_FILES[@]}"}; do
    find_obstacle "$file"
    if [[ -n $REPLY ]]; then
      why=$REPLY
      propose_rc_access "$file"
      fail E_RC_WRITE "cannot write $file" why "$why" \
        why "make it writable, or remove the lines that end in '$RC_TAG' by hand, and run this again" ${REPLY:+fix "$REPLY"}
      return 1
    fi
  done
  check_folders
}

# Usage: unmake_installation
# Takes our lines out of RC_FILES, and removes made files, links and tree. The record stays, so that
# a run that was killed can be repeated. Status 1 when something cannot be removed.
unmake_installation() {
  local file
  mend_installation || return 1
  for file in ${RC_FILES[@]+"${RC_FILES[@]}"}; do
    read_file "$file"
    remove_rc_lines "$REPLY"
    write_rc_file "$file" "$REPLY" || return 1
    log_success "Took Pyve's lines out of $file"
  done
  list_recorded file
  for file in ${_si_paths[@]+"${_si_paths[@]}"}; do
    if [[ -f $file && ! -L $file && ! -s $file ]]; then
      rm -f -- "$file" || return 1
    fi
  done
  remove_links || return 1
  if is_installed_link; then
    rm -f -- "$_si_link" || return 1
    log_success "Removed $_si_link"
  elif [[ -e $_si_link || -L $_si_link ]]; then
    log_info "Kept $_si_link: it does not lead to the installed Pyve"
  fi
  if [[ -s $_si_env ]]; then
    log_info "Kept $_si_env: it is not empty"
  fi
  if [[ -e $_si_app || -L $_si_app || -e $_si_data/versions ]]; then
    # Out of the way in one step, so that no half of it can be run.
    if [[ -d $_si_app && ! -L $_si_app ]]; then
      mv -- "$_si_app" "$_si_app.part" || return 1
    fi
    rm -f -- "$_si_app" && rm -rf -- "$_si_app.part" "$_si_data/versions" || return 1
    log_success "Removed $_si_app"
  fi
}

# Usage: remove_made_folders
# Removes record, lock, and the folders on record that are empty. Those around the record are the
# last, in one step: from there on a run that was killed cannot be repeated.
remove_made_folders() {
  list_recorded dir
  rmdir -- ${_si_paths[@]+"${_si_paths[@]}"} 2>/dev/null || :
  rm -f -- "$_si_data"/install.{lock,state}
  rmdir -- "$_si_data" ${_si_paths[@]+"${_si_paths[@]}"} 2>/dev/null || :
  if [[ -d $_si_data ]]; then
    log_info "Kept $_si_data: other data of Pyve (its tools, made on need) is in it"
  fi
}
