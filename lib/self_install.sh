# shellcheck shell=bash
# Installing Pyve for a user, and taking the installation back exactly.
#
# What an installation is: the tree in <data>/pyve/app, the link ~/.local/bin/pyve, the links of
# lib/install_links.sh, two tagged lines in the shell's rc file, the template ~/.local/.env, and
# <data>/pyve/install.state: the record of the folders, files and links that were made, and of the
# rc files that were changed. A line
#   dir|file|link|rc <path>
# is written before what it records happens, so that a run that was killed can be taken back.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/self_install.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F log_info >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"
declare -F process_identity >/dev/null || . "${BASH_SOURCE[0]%/*}/project_lock.sh"
declare -F find_rc_file >/dev/null || . "${BASH_SOURCE[0]%/*}/rc_file.sh"
declare -F add_record >/dev/null || . "${BASH_SOURCE[0]%/*}/install_record.sh"
declare -F make_links >/dev/null || . "${BASH_SOURCE[0]%/*}/install_links.sh"
declare -F logged >/dev/null || . "${BASH_SOURCE[0]%/*}/debug_log.sh"

_si_source="" _si_bin="" _si_link="" _si_env=""

# Usage: find_install_paths
# Sets _si_source (this tree, links resolved), _si_data (<data>/pyve), _si_app, _si_bin, _si_link
# and _si_env. Status 1 when HOME is no folder to install into.
find_install_paths() {
  local home=${HOME-} data=${XDG_DATA_HOME-}
  if [[ $home != /* || ! -d $home || $home$data == *$'\n'* ]]; then
    fail E_INSTALL_HOME "HOME is not a folder that Pyve can be installed in" why "HOME is '$home'; set it to your home folder"
    return 1
  fi
  # The base directory specification: a path that is not absolute is ignored.
  if [[ $data != /* ]]; then
    data=${home%/}/.local/share
  fi
  _si_source=${PYVE_ROOT:-${BASH_SOURCE[0]%/*}/..}
  _si_source=$(CDPATH="" cd -P -- "$_si_source" && pwd -P) || return 1
  _si_data=${data%/}/pyve
  _si_app=$_si_data/app
  _si_bin=${home%/}/.local/bin
  _si_link=$_si_bin/pyve
  _si_env=${home%/}/.local/.env
}

# --- one at a time

# Usage: lock_installation
# Makes <data>/pyve/install.lock, a link whose text is our process: made and read in one step
# each. Given back at exit. Status 1 while another run is at work.
lock_installation() {
  local lock=$_si_data/install.lock owner
  owner=$(readlink "$lock" 2>/dev/null) || owner=""
  if [[ -n $owner ]] && is_alive "$owner"; then
    fail E_INSTALL_BUSY "another pyve is installing or uninstalling" why "process ${owner%%:*} holds $lock; wait until it has ended"
    return 1
  fi
  [[ -z $owner ]] || rm -f -- "$lock"
  process_identity "$$" || return 1
  if ! ln -s "$REPLY" "$lock" 2>/dev/null; then
    load_fixes
    propose_access "$lock"
    [[ -n $REPLY || ! -e $lock ]] || propose_move "$lock"
    fail E_INSTALL_WRITE "cannot make $lock" why "no permission, no space, or another pyve was faster" ${REPLY:+fix "$REPLY"}
    return 1
  fi
  at_exit unlock_installation
}

# Usage: unlock_installation
# Removes the lock if it is ours.
unlock_installation() {
  if [[ $(readlink "$_si_data/install.lock" 2>/dev/null) == "$$":* ]]; then
    rm -f -- "$_si_data/install.lock"
  fi
}

# --- the link

# Usage: is_pyve_link
# True when ~/.local/bin/pyve is a link into a tree of Pyve, or a dead one that was.
is_pyve_link() {
  [[ -L $_si_link ]] && resolve_links "$_si_link" && [[ ${REPLY##*/} == pyve.sh ]] || return 1
  [[ ! -e $REPLY || (-f $REPLY && -d ${REPLY%/*}/lib) ]]
}

# Usage: is_installed_link
# True when ~/.local/bin/pyve leads into the installed tree.
is_installed_link() {
  [[ -L $_si_link ]] || return 1
  case $(readlink "$_si_link") in
    "$_si_app/pyve.sh" | ../share/pyve/app/pyve.sh) return 0 ;;
  esac
  [[ $_si_link -ef $_si_app/pyve.sh ]]
}

# Usage: write_link [target]
# Points ~/.local/bin/pyve at the installed tree, or at <target>, in one step. A relative link
# where that is right, so that a home folder can be moved.
write_link() {
  local target=${1-} temporary=$_si_link.pyve-new
  if [[ -z $target && $_si_bin/../share/pyve/app -ef $_si_app ]]; then
    target=../share/pyve/app/pyve.sh
  fi
  if ! { rm -f -- "$temporary" && ln -s "${target:-$_si_app/pyve.sh}" "$temporary" && mv -f -- "$temporary" "$_si_link"; }; then
    load_fixes
    propose_access "$_si_link"
    fail E_INSTALL_WRITE "cannot make the link $_si_link" why "see the line above" ${REPLY:+fix "$REPLY"}
    return 1
  fi
}

# --- the tree

# Usage: mend_installation
# Puts right what a run that was killed left: files; app.part, which is never needed; and app.old,
# which is the tree when there is no other. The link may lead elsewhere then. Needs the lock.
mend_installation() {
  local file
  list_recorded rc
  for file in ${_si_paths[@]+"${_si_paths[@]}"}; do
    ! resolve_links "$file" || rm -f -- "$REPLY".pyve-new.* || return 1
  done
  if [[ -e $_si_app.old || -L $_si_app.old || -e $_si_app.part ]]; then
    [[ -e $_si_app || ! -e $_si_app.old ]] || mv -- "$_si_app.old" "$_si_app" || return 1
    if [[ -e $_si_app ]] && is_pyve_link; then
      write_link || return 1
    fi
  fi
  rm -rf -- "$_si_app.old" "$_si_app.part" "$_si_link.pyve-new" "$_si_data"/install.state.pyve-new.*
}

# Usage: copy_tree <folder>
# Copies what belongs into an installation to the new <folder>: all but what only developers
# need, and what builds and test runs drop. The owner may write there, and so remove it again.
copy_tree() {
  local entry
  mkdir -- "$1" || return 1
  for entry in "$_si_source"/*; do
    case ${entry##*/} in
      tests | examples | build | dist | coverage | htmlcov | *.egg-info) ;;
      *) cp -R -P -- "$entry" "$1/" || return 1 ;;
    esac
  done
  chmod -R u+rwX "$1" || return 1
  if [[ ! -x /bin/bash ]]; then
    # pyve.sh names /bin/bash, because a detour by env would double the time of `pyve run`.
    read_file "$1/pyve.sh"
    printf '%s' "#!/usr/bin/env bash"$'\n'"${REPLY#*$'\n'}" >"$1/pyve.sh" || return 1
  fi
  find "$1" \( -name __pycache__ -o -name '.*_cache' -o -name .DS_Store \) -prune -exec rm -rf -- {} +
}

# Usage: replace_tree
# Puts a copy of _si_source in place of app/: built beside it, tried, then swapped in. Status 1,
# and the old tree, when that fails.
replace_tree() {
  local part=$_si_app.part
  if ! copy_tree "$part" || ! logged "${BASH:-bash}" "$part/pyve.sh" --version >/dev/null </dev/null; then
    rm -rf -- "$part"
    fail E_INSTALL_COPY "cannot copy Pyve to $_si_data, or the copy does not run" \
      why "see the lines above; when the disk is full, make room and try again"
    return 1
  fi
  swap_tree "$part" || fail E_INSTALL_COPY "cannot put the new tree in place" \
    why "see the lines above; the next run puts it right"
}

# Usage: swap_tree <new tree>
# Moves <new tree> to app/. While app/ is away, the link leads to _si_source, so that `pyve` is
# there at every moment.
swap_tree() {
  if [[ -e $_si_app || -L $_si_app ]]; then
    write_link "$_si_source/pyve.sh" && mv -- "$_si_app" "$_si_app.old" || return 1
  fi
  mv -- "$1" "$_si_app" && write_link && rm -rf -- "$_si_app.old"
}

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
    replace_tree || return 1
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
  if [[ ! -e $_si_app && ! -e $_si_data/install.state && -e ${_si_source%/*}/install.state ]]; then
    _si_data=${_si_source%/*}
    _si_app=$_si_data/app
  fi
  read_record
  list_recorded rc
  find_tagged_files ${_si_paths[@]+"${_si_paths[@]}"}
  # shellcheck disable=SC2153 # find_tagged_files sets RC_FILES
  if [[ ! -e $_si_app && ! -L $_si_app && ! -e $_si_data/install.state && ! -L $_si_data/install.lock &&
    ${#RC_FILES[@]} == 0 ]] && ! is_installed_link; then
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
  if [[ -e $_si_app || -L $_si_app ]]; then
    # Out of the way in one step, so that no half of it can be run.
    mv -- "$_si_app" "$_si_app.part" && rm -rf -- "$_si_app.part" || return 1
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
