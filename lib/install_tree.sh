# shellcheck shell=bash
# The trees of an installation, each in a folder of its own: <data>/pyve/versions/<version>-<number>. The link
# <data>/pyve/app leads to the one in use, ~/.local/bin/pyve leads through it, and moving app is the one step that
# changes the version. A pyve that runs goes on with the files of the tree that it was started from.
#
# The file .installed in a tree says, as key=value lines, where it comes from, and which tree was in use before it:
# that one stays, for the pyves that still run from it and for the way back.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/install_tree.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F log_info >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"
declare -F lock_project >/dev/null || . "${BASH_SOURCE[0]%/*}/project_lock.sh"
declare -F sync_files >/dev/null || . "${BASH_SOURCE[0]%/*}/files.sh"
declare -F resolve_links >/dev/null || . "${BASH_SOURCE[0]%/*}/rc_file.sh"
declare -F list_recorded >/dev/null || . "${BASH_SOURCE[0]%/*}/install_record.sh"
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

# Usage: find_stable_root
# Sets REPLY to the path of this tree that leads to Pyve after an update, too, for what is kept: the link app of
# an installation, or the tree itself.
find_stable_root() {
  REPLY=$PYVE_ROOT
  if [[ $PYVE_ROOT == */versions/* && ${PYVE_ROOT%/versions/*}/app -ef $PYVE_ROOT ]]; then
    REPLY=${PYVE_ROOT%/versions/*}/app
  fi
}

# Usage: use_own_data
# Sets _si_data and _si_app to those of the installation that this tree is in, when it is in one. Status 1 when it
# is not.
use_own_data() {
  local data=${_si_source%/*}
  [[ $_si_source != */versions/* ]] || data=${_si_source%/versions/*}
  if [[ ! -e $data/install.state || ! $data/app -ef $_si_source ]]; then
    return 1
  fi
  _si_data=$data
  _si_app=$data/app
}

# --- one at a time

# Usage: lock_installation
# Makes <data>/pyve/install.lock, a link whose text is our process: made and read in one step
# each. Given back at exit. Status 1 while another run is at work.
lock_installation() {
  local lock=$_si_data/install.lock owner me
  process_identity "$$" || return 1
  me=$REPLY
  find_machine
  me+=:$REPLY:${PYVE_COMMAND-}
  owner=$(readlink "$lock" 2>/dev/null) || owner=""
  if [[ -n $owner ]]; then
    load_leftovers
    is_owner_there "$owner" || take_over_lock "$lock" "$owner" "$me" || :
  fi
  if ! ln -sn "$me" "$lock" 2>/dev/null; then
    owner=$(readlink "$lock" 2>/dev/null) || owner=""
    load_leftovers
    if read_owner "$owner"; then
      describe_owner
      fail E_INSTALL_BUSY "another pyve is installing, updating or uninstalling" \
        why "$REPLY holds $lock; wait until it has ended"
      return 1
    fi
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

# --- the link ~/.local/bin/pyve

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
    "$_si_app/pyve.sh" | ../share/pyve/app/pyve.sh | "$_si_data"/versions/*/pyve.sh) return 0 ;;
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

# --- the link app

# Usage: find_current_tree
# Sets REPLY to the name, below versions/, of the tree in use. Status 1 when there is none, or app is a folder.
find_current_tree() {
  REPLY=$(readlink "$_si_app" 2>/dev/null) || REPLY=""
  REPLY=${REPLY#"$_si_data"/}
  if [[ $REPLY != versions/?* || $REPLY == versions/*/* || ! -f $_si_data/$REPLY/pyve.sh ]]; then
    REPLY=""
    return 1
  fi
  REPLY=${REPLY#versions/}
}

# Usage: find_previous_tree
# Sets REPLY to the name of the tree that was in use before the one in use. Status 1 when it is not there.
find_previous_tree() {
  find_current_tree && get_note "$_si_data/versions/$REPLY/.installed" previous &&
    [[ $REPLY != */* && -f $_si_data/versions/$REPLY/pyve.sh && ! $_si_data/versions/$REPLY -ef $_si_app ]] && return 0
  REPLY=""
  return 1
}

# Usage: get_note <file> <key>
# Sets REPLY to what a file of key=value lines says. Status 1, and "", when it says nothing.
get_note() {
  local line
  read_file "$1"
  while IFS= read -r line; do
    if [[ $line == "$2="?* ]]; then
      REPLY=${line#*=}
      return 0
    fi
  done <<<"$REPLY"
  REPLY=""
  return 1
}

# Usage: move_link <link> <place>
# Puts the link into the place of another one, in one step. Status 1 where mv cannot do that: each kind has its
# own word for not going through a link to a folder.
move_link() {
  if [[ ! -L $2 && ! -e $2 ]]; then
    mv -f -- "$1" "$2"
    return
  fi
  mv -fT -- "$1" "$2" 2>/dev/null || mv -fh -- "$1" "$2" 2>/dev/null || return 1
  [[ ! -L $1 ]]
}

# Usage: use_tree <name>
# Lets app lead to versions/<name>, in one step. Where app is a folder, or mv cannot do that, ~/.local/bin/pyve
# leads to the tree itself while app is away. Status 1 when it fails.
use_tree() {
  local fresh=$_si_app.pyve-new
  save_tree "$_si_data/versions/$1"
  rm -rf -- "$fresh" && ln -s -- "versions/$1" "$fresh" || return 1
  if [[ ! -e $_si_app || -L $_si_app ]] && move_link "$fresh" "$_si_app"; then
    sync_files "$_si_data"
    return 0
  fi
  if is_installed_link; then
    write_link "$_si_data/versions/$1/pyve.sh" || return 1
  fi
  if [[ -L $_si_app ]]; then
    rm -f -- "$_si_app" || return 1
  else
    mv -- "$_si_app" "$_si_app.old" || return 1
  fi
  mv -- "$fresh" "$_si_app" || return 1
  if is_installed_link; then
    write_link || return 1
  fi
  sync_files "$_si_data"
  rm -rf -- "$_si_app.old"
}

# Usage: save_tree <folder>
# Has the system write what it keeps in memory of that file system, so that a power cut does not leave empty files
# behind a link that leads to them already. (At once: a file at a time takes longer.) What cannot be done is left.
save_tree() {
  sync -f -- "$1" 2>/dev/null || sync 2>/dev/null || :
}

# --- the trees

# Usage: mend_installation
# Puts right what a run that was killed left: files, trees that are not used, and app, when it was away at that
# moment. ~/.local/bin/pyve may lead elsewhere then. Needs the lock.
mend_installation() {
  local file name was_away=""
  list_recorded rc
  for file in ${_si_paths[@]+"${_si_paths[@]}"}; do
    ! resolve_links "$file" || rm -f -- "$REPLY".pyve-new.* || return 1
  done
  # (What Pyve 2.0 left, whose app was a folder.)
  [[ ! -e $_si_app.old && ! -e $_si_app.part ]] || was_away=1
  if [[ ! -e $_si_app ]]; then
    name=$(readlink "$_si_link" 2>/dev/null) || name=""
    name=${name#"$_si_data"/versions/}
    if [[ $name == ?*/pyve.sh && $name != */*/* && -f $_si_data/versions/$name ]]; then
      rm -f -- "$_si_app" && ln -s -- "versions/${name%/pyve.sh}" "$_si_app" || return 1
    elif [[ -e $_si_app.old ]]; then
      rm -f -- "$_si_app" && mv -- "$_si_app.old" "$_si_app" || return 1
    fi
  fi
  if [[ -e $_si_app ]] && is_pyve_link && { [[ -n $was_away ]] || is_installed_link; }; then
    write_link || return 1
  fi
  rm -rf -- "$_si_app.old" "$_si_app.part" "$_si_app.pyve-new" "$_si_link.pyve-new" "$_si_data"/install.state.pyve-new.* \
    "$_si_data"/update.* "$_si_data"/install.lock.* || return 1
  drop_old_trees
}

# Usage: drop_old_trees
# Removes the trees that are neither in use, nor the one before that, nor the one that this runs from. Needs the
# lock. Status 1 when one cannot be removed.
drop_old_trees() {
  local tree current="" previous="" status=0
  ! find_current_tree || current=$REPLY
  ! find_previous_tree || previous=$REPLY
  # (Before anything is in use, everything is left from a run that was killed.)
  for tree in "$_si_data"/versions/* "$_si_data"/versions/.new.*; do
    if [[ ! -e $tree && ! -L $tree ]] || [[ ${tree##*/} == "$current" || ${tree##*/} == "$previous" || $tree -ef ${PYVE_ROOT-} ]]; then
      continue
    fi
    rm -rf -- "$tree" || status=1
  done
  return "$status"
}

# Usage: has_install_leftovers
# True when a run that was killed has left something that mend_installation removes. REPLY: the first of it.
has_install_leftovers() {
  local path
  for path in "$_si_app.old" "$_si_app.part" "$_si_app.pyve-new" "$_si_link.pyve-new" "$_si_data"/install.state.pyve-new.* \
    "$_si_data"/update.* "$_si_data"/install.lock.* "$_si_data"/versions/.new.*; do
    if [[ -e $path || -L $path ]]; then
      REPLY=$path
      return 0
    fi
  done
  REPLY=""
  return 1
}

# Usage: copy_own_tree <folder>
# Copies what belongs into an installation to the new <folder>: all but what only developers
# need, and what builds and test runs drop. The owner may write there, and so remove it again.
copy_own_tree() {
  local entry
  mkdir -- "$1" || return 1
  for entry in "$_si_source"/*; do
    case ${entry##*/} in
      tests | examples | build | dist | coverage | htmlcov | *.egg-info) ;;
      *) cp -R -P -- "$entry" "$1/" || return 1 ;;
    esac
  done
  chmod -R u+rwX "$1" || return 1
  find "$1" \( -name __pycache__ -o -name '.*_cache' -o -name .DS_Store \) -prune -exec rm -rf -- {} +
}

# Usage: fit_tree <folder>
# Makes the tree start on this machine.
fit_tree() {
  if [[ ! -x /bin/bash ]]; then
    # pyve.sh names /bin/bash, because a detour by env would double the time of `pyve run`.
    read_file "$1/pyve.sh"
    printf '%s' "#!/usr/bin/env bash"$'\n'"${REPLY#*$'\n'}" >"$1/pyve.sh" || return 1
  fi
}

# Usage: does_tree_run <folder>
# True when the pyve.sh in the folder answers. REPLY: the version that it says.
does_tree_run() {
  REPLY=$(logged "${BASH:-bash}" "$1/pyve.sh" --version </dev/null) || return 1
  REPLY=${REPLY#pyve }
}

# Usage: choose_tree_name <version>
# Sets REPLY to the name of a new tree: the version, and a number that no tree has yet, so that a name never means
# another tree to a pyve that runs.
choose_tree_name() {
  local tree number=0 other
  for tree in "$_si_data"/versions/*-*; do
    other=${tree##*-}
    if [[ $other =~ ^[1-9][0-9]{0,8}$ ]] && ((other > number)); then
      number=$other
    fi
  done
  REPLY=$1-$((number + 1))
}

# Usage: place_tree <new tree> <version> <where it is from> [key=value]...
# Moves a tree that is below versions/.new.* to a name of its own, and lets app lead to it. The one in use stays
# beside it. Needs the lock. Status 1, and the old one in use, when that fails.
place_tree() {
  local name previous="" note
  choose_tree_name "$2"
  name=$REPLY
  ! find_current_tree || previous=$REPLY
  note="version=$2"$'\n'"from=${3//[[:cntrl:]]/?}"$'\n'
  [[ -z $previous ]] || note+="previous=$previous"$'\n'
  printf '%s' "$note" >"$1/.installed" || return 1
  ((${#@} < 4)) || printf '%s\n' "${@:4}" >>"$1/.installed" || return 1
  mv -- "$1" "$_si_data/versions/$name" && use_tree "$name" || return 1
  drop_old_trees
}

# Usage: replace_tree
# Puts a copy of _si_source in the place of the tree in use: built beside it, tried, then swapped in. Status 1,
# and the old tree, when that fails.
replace_tree() {
  local part=$_si_data/versions/.new.$$
  if ! mkdir -p -- "$_si_data/versions" || ! copy_own_tree "$part" || ! fit_tree "$part" || ! does_tree_run "$part"; then
    rm -rf -- "$part"
    rmdir -- "$_si_data/versions" 2>/dev/null || :
    fail E_INSTALL_COPY "cannot copy Pyve to $_si_data, or the copy does not run" \
      why "see the lines above; when the disk is full, make room and try again"
    return 1
  fi
  place_tree "$part" "${VERSION:-0}" "$_si_source" || fail E_INSTALL_COPY "cannot put the new tree in place" \
    why "see the lines above; the next run puts it right"
}
