# shellcheck shell=bash
# Installing Pyve for a user, and taking the installation back exactly.
#
# What an installation is: the tree in <data>/pyve/app, the link ~/.local/bin/pyve, two tagged
# lines in the shell's rc file, the template ~/.local/.env, and <data>/pyve/install.state: the
# record of the folders, files and line ends that were made for them. A record line is
#   dir|file|rc|newline <path>
# (rc: our lines are in this file; newline: its last line end is ours) and is written before what
# it records happens, so that an interrupted run can be taken back.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/self_install.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F log_info >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"

# Ends every line that Pyve puts into an rc file; version 1.1 used it, too.
RC_TAG="# Added by pyve installer"
SDKMAN_MARKER="THIS MUST BE AT THE END OF THE FILE FOR SDKMAN TO WORK"

_si_source="" _si_data="" _si_app="" _si_bin="" _si_link="" _si_env="" _si_record=""
_si_shell="" _si_rc="" _si_path_line="" _si_hook_line=""
_si_records=()
_si_rc_files=()

# --- where things are

# Usage: find_install_paths
# Sets _si_source (this tree, links resolved), _si_data (<data>/pyve), _si_app, _si_bin, _si_link,
# _si_env and _si_record. Status 1 when HOME is no folder to install into.
find_install_paths() {
  local home=${HOME-} data=${XDG_DATA_HOME-}
  if [[ $home != /* || ! -d $home || $home$data == *$'\n'* ]]; then
    fail E_INSTALL_HOME "HOME is not a folder that Pyve can be installed in" why "HOME is '$home'"
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
  _si_record=$_si_data/install.state
  _si_bin=${home%/}/.local/bin
  _si_link=$_si_bin/pyve
  _si_env=${home%/}/.local/.env
}

# Usage: find_rc_file <shell>
# Sets _si_shell to bash, zsh, fish or "", and _si_rc to the file that this shell reads when a
# person opens it.
find_rc_file() {
  local file
  _si_rc=""
  case ${1##*/} in
    bash | bash-*)
      _si_shell=bash
      _si_rc=$HOME/.bashrc
      if [[ $OSTYPE == darwin* ]]; then
        # Terminals open login shells there. They read only the first of these, so that a new
        # .bash_profile would switch off a .profile that is in use.
        _si_rc=$HOME/.bash_profile
        for file in .bash_profile .bash_login .profile; do
          if [[ -e $HOME/$file || -L $HOME/$file ]]; then
            _si_rc=$HOME/$file
            break
          fi
        done
      fi
      ;;
    zsh | zsh-*)
      _si_shell=zsh
      _si_rc=${ZDOTDIR:-$HOME}/.zshrc
      ;;
    fish | fish-*)
      _si_shell=fish
      _si_rc=${XDG_CONFIG_HOME:-$HOME/.config}/fish/conf.d/pyve.fish
      ;;
    *) _si_shell="" ;;
  esac
}

# Usage: find_known_rc_files
# Fills _si_rc_files with every file that may hold lines of ours: those on record, those of
# all shells, and those that version 1.1 used.
find_known_rc_files() {
  local file item seen
  local candidates=()
  for item in ${_si_records[@]+"${_si_records[@]}"}; do
    if [[ $item == "rc "* ]]; then
      candidates+=("${item#rc }")
    fi
  done
  for file in .bashrc .bash_profile .bash_login .profile .zshrc .zprofile .zshenv; do
    candidates+=("$HOME/$file")
  done
  candidates+=("${ZDOTDIR:-$HOME}/.zshrc" "${XDG_CONFIG_HOME:-$HOME/.config}/fish/conf.d/pyve.fish")
  candidates+=("$HOME/.config/fish/config.fish")
  _si_rc_files=()
  for file in "${candidates[@]}"; do
    seen=""
    for item in ${_si_rc_files[@]+"${_si_rc_files[@]}"}; do
      # Two names of one file are one file.
      if [[ $item == "$file" || $item -ef $file ]]; then
        seen=1
      fi
    done
    [[ -n $seen ]] || _si_rc_files+=("$file")
  done
}

# Usage: resolve_links <path>
# Sets REPLY to the path behind a chain of symbolic links, whether it exists or not. Status 1
# when the chain has no end.
resolve_links() {
  local path=$1 target count=0
  while [[ -L $path ]]; do
    count=$((count + 1))
    ((count <= 40)) || return 1
    target=$(readlink "$path") || return 1
    [[ $target == /* ]] || target=${path%/*}/$target
    path=$target
  done
  REPLY=$path
}

# Usage: can_make <folder>
# True when <folder> is there and writable, or can be made.
can_make() {
  local folder=$1
  while [[ ! -e $folder && ! -L $folder && $folder == /?* ]]; do
    folder=${folder%/*}
    folder=${folder:-/}
  done
  [[ -d $folder && -w $folder && -x $folder ]]
}

# Usage: can_write <file>
# True when <file>, or the file that it links to, can be written or made.
can_write() {
  resolve_links "$1" || return 1
  if [[ -e $REPLY ]]; then
    [[ -f $REPLY && -r $REPLY && -w $REPLY ]]
  else
    can_make "${REPLY%/*}"
  fi
}

# --- lines in rc files

# Usage: quote_path <shell> <path>
# Sets REPLY to <path> as one word of bash, zsh or fish. What is below HOME is written with
# $HOME, so that an rc file can be shared between machines.
quote_path() {
  local shell=$1 path=$2 front=""
  if [[ $path == "$HOME"/* ]]; then
    front="\"\$HOME\""
    path=${path#"$HOME"}
  fi
  if [[ ! $path =~ ^[A-Za-z0-9_./-]+$ ]]; then
    if [[ $shell == fish ]]; then
      # There a backslash counts between single quotes.
      replace_all "$path" "\\" "\\\\"
      replace_all "$REPLY" "'" "\\'"
    else
      replace_all "$path" "'" "'\\''"
    fi
    path="'$REPLY'"
  fi
  REPLY=$front$path
}

# Usage: replace_all <text> <from> <to>
# Sets REPLY to <text> with every <from> replaced. (In \${text//from/to}, what backslashes and
# ampersands in <to> mean depends on the version of bash.)
replace_all() {
  local text=$1 out=""
  while [[ $text == *"$2"* ]]; do
    out+=${text%%"$2"*}$3
    text=${text#*"$2"}
  done
  REPLY=$out$text
}

# Usage: compose_rc_lines <shell>
# Sets _si_path_line and _si_hook_line to the lines for bash, zsh or fish ("" is any other: only
# the first, for a POSIX shell). Both do nothing when they are not needed any more.
compose_rc_lines() {
  local hook
  quote_path "$1" "$_si_app/lib/shell/prompt.$1"
  hook=$REPLY
  # shellcheck disable=SC2016 # the rc file is to expand them, not this script
  _si_path_line='case ":$PATH:" in *":$HOME/.local/bin:"*) ;; *) export PATH="$HOME/.local/bin:$PATH" ;; esac'" $RC_TAG"
  case $1 in
    bash) _si_hook_line="if [ -n \"\${BASH_VERSION-}\" ] && [ -r $hook ]; then . $hook; fi $RC_TAG" ;;
    zsh) _si_hook_line="if [ -r $hook ]; then . $hook; fi $RC_TAG" ;;
    fish)
      # shellcheck disable=SC2016 # the rc file is to expand them, not this script
      _si_path_line='contains -- "$HOME/.local/bin" $PATH; or set -gx PATH "$HOME/.local/bin" $PATH'" $RC_TAG"
      _si_hook_line="if test -r $hook; source $hook; end $RC_TAG"
      ;;
    *) _si_hook_line="" ;;
  esac
}

# Usage: is_tagged <line>
# True when the line ends in our tag.
is_tagged() {
  local line=${1%"${1##*[![:space:]]}"}
  [[ $line == *"$RC_TAG" ]]
}

# Usage: is_path_line <line>
# True when the line puts ~/.local/bin on PATH.
is_path_line() {
  [[ $1 == *PATH*.local/bin* || $1 == *path*.local/bin* ]]
}

# Usage: add_rc_lines <text>
# Sets REPLY to the text of an rc file with our two lines: above SDKMAN's marker, else at the
# end. Lines of ours that are there already stay in place, and an outdated one is replaced.
# _si_newline: 1 when the text lacked its last line end, "" when not, keep when lines were there.
add_rc_lines() {
  local text=$1 line eol out="" above="" below="" tagged="" has_path="" has_hook="" marker="" missing=""
  while [[ -n $text ]]; do
    line=${text%%$'\n'*}
    eol=$'\n'
    [[ $text == *$'\n'* ]] || eol=""
    text=${text:${#line}+${#eol}}
    if [[ -z $marker && $line == *"$SDKMAN_MARKER"* ]]; then
      marker=1
      above=$out
      out=""
    fi
    if is_tagged "$line"; then
      if is_path_line "$line"; then
        has_path=1
      elif [[ $line == "$RC_TAG"* ]]; then
        # An older form: the tag on a line of its own, above the PATH line.
        if is_path_line "${text%%$'\n'*}"; then
          has_path=1
        fi
      elif [[ -n $has_hook ]]; then
        continue
      else
        has_hook=1
        line=$_si_hook_line
      fi
      tagged=1
    fi
    out+=$line$eol
  done
  if [[ -n $marker ]]; then
    below=$out
  else
    above=$out
  fi
  [[ -n $has_path ]] || missing+=$_si_path_line$'\n'
  [[ -n $has_hook || -z $_si_hook_line ]] || missing+=$_si_hook_line$'\n'
  _si_newline=keep
  if [[ -n $missing ]]; then
    [[ -n $tagged ]] || _si_newline=""
    if [[ -n $above && $above != *$'\n' ]]; then
      above+=$'\n'
      _si_newline=1
    fi
  fi
  REPLY=$above$missing$below
}

# Usage: remove_rc_lines <text> <newline>
# Sets REPLY to the text of an rc file without our lines. With <newline> "1" the line end that
# add_rc_lines had to add goes, too, unless something has been written below since.
remove_rc_lines() {
  local text=$1 newline=$2 line eol out="" last="" next
  while [[ -n $text ]]; do
    line=${text%%$'\n'*}
    eol=$'\n'
    [[ $text == *$'\n'* ]] || eol=""
    text=${text:${#line}+${#eol}}
    if is_tagged "$line"; then
      last=1
      next=${text%%$'\n'*}
      if [[ $line == "$RC_TAG"* ]] && ! is_tagged "$next" && is_path_line "$next"; then
        eol=$'\n'
        [[ $text == *$'\n'* ]] || eol=""
        text=${text:${#next}+${#eol}}
      fi
    else
      last=""
      out+=$line$eol
    fi
  done
  if [[ -n $last && $newline == 1 ]]; then
    out=${out%$'\n'}
  fi
  REPLY=$out
}

# Usage: has_rc_lines <file>
# True when the file holds a line of ours.
has_rc_lines() {
  read_file "$1"
  [[ $REPLY == *"$RC_TAG"* ]] || return 1
  local text=$REPLY
  remove_rc_lines "$text" ""
  [[ $REPLY != "$text" ]]
}

# Usage: is_plain_text <file>
# True when read_file sees the whole file: bash cannot hold a NUL.
is_plain_text() {
  local LC_ALL=C size
  [[ -e $1 ]] || return 0
  read_file "$1"
  size=$(wc -c <"$1") || return 1
  ((${#REPLY} == size))
}

# Usage: write_through <file> <text>
# Replaces the text of a file or of what it links to, in one step, and keeps link and mode. A
# file with several names (hard links) or in a folder that is not ours is written in place.
write_through() {
  local file text=$2 temporary
  resolve_links "$1" || return 1
  file=$REPLY
  if [[ -e $file ]]; then
    if [[ ! -w ${file%/*} || -n $(find "$file" -prune -links +1 2>/dev/null) ]]; then
      printf '%s' "$text" >"$file"
      return
    fi
    # What an interrupted run left.
    for temporary in "$file".pyve-new.*; do
      if [[ -f $temporary ]] && ! is_running "${temporary##*.}"; then
        rm -f -- "$temporary"
      fi
    done
  fi
  write_file "$file" "$text"
}

# --- the record

# Usage: read_install_record
# Fills _si_records with the lines of install.state.
read_install_record() {
  local line
  _si_records=()
  if [[ -r $_si_record ]]; then
    while IFS= read -r line; do
      if [[ $line == *" /"* ]]; then
        _si_records+=("$line")
      fi
    done <"$_si_record"
  fi
}

# Usage: has_record <line>
# True when the record has exactly this line.
has_record() {
  local item
  for item in ${_si_records[@]+"${_si_records[@]}"}; do
    if [[ $item == "$1" ]]; then
      return 0
    fi
  done
  return 1
}

# Usage: add_record <line>
# Adds a line, once, to _si_records.
add_record() {
  has_record "$1" || _si_records+=("$1")
}

# Usage: drop_record <line>
# Removes a line from _si_records.
drop_record() {
  local item
  local kept=()
  for item in ${_si_records[@]+"${_si_records[@]}"}; do
    [[ $item == "$1" ]] || kept+=("$item")
  done
  _si_records=(${kept[@]+"${kept[@]}"})
}

# Usage: write_install_record
# Writes _si_records to install.state.
write_install_record() {
  local text="# What pyve self install made, for pyve self uninstall."$'\n' item
  for item in ${_si_records[@]+"${_si_records[@]}"}; do
    text+=$item$'\n'
  done
  write_file "$_si_record" "$text"
}

# Usage: record_missing_folders <folder>
# Records <folder> and those above it that are not there yet, the outermost first.
record_missing_folders() {
  local folder=$1
  local missing=()
  while [[ ! -e $folder && $folder == /?* ]]; do
    missing=("$folder" ${missing[@]+"${missing[@]}"})
    folder=${folder%/*}
  done
  for folder in ${missing[@]+"${missing[@]}"}; do
    add_record "dir $folder"
  done
}

# --- one at a time, and what interrupted runs left

# Usage: is_running <pid>
# True when another process with this number is there.
is_running() {
  [[ $1 =~ ^[0-9]+$ && $1 != "$$" ]] && kill -0 "$1" 2>/dev/null
}

# Usage: lock_installation
# Makes <data>/pyve/install.lock, a link whose text is our process number: made and read in one
# step each. Status 1 while another run is at work.
lock_installation() {
  local lock=$_si_data/install.lock owner tries
  for tries in 1 2 3; do
    if ln -s "$$" "$lock" 2>/dev/null; then
      at_exit unlock_installation
      return 0
    fi
    owner=$(readlink "$lock" 2>/dev/null) || owner=""
    if is_running "$owner"; then
      quote_word "$lock"
      fail E_INSTALL_BUSY "another pyve is installing or uninstalling" \
        why "process $owner holds $lock" \
        why "if that process is something else, remove the lock and try again" \
        fix "rm $REPLY"
      return 1
    fi
    log_verbose "removing the lock of an interrupted run (attempt $tries)"
    rm -f -- "$lock"
  done
  fail E_INSTALL_WRITE "cannot make $lock" why "no permission, or the disk is full"
}

# Usage: unlock_installation
# Removes the lock if it is ours.
unlock_installation() {
  local owner
  owner=$(readlink "$_si_data/install.lock" 2>/dev/null) || return 0
  if [[ $owner == "$$" ]]; then
    rm -f -- "$_si_data/install.lock"
  fi
}

# Usage: clear_leftovers
# Finishes or undoes what an interrupted run left beside app/: an old tree comes back when there
# is no other, and unfinished ones go. Call it with the lock held.
clear_leftovers() {
  local tree
  for tree in "$_si_data"/app.old.*; do
    if [[ ! -e $_si_app && -f $tree/pyve.sh ]]; then
      log_verbose "bringing back $tree"
      mv -- "$tree" "$_si_app" || return 1
    fi
  done
  # From an interrupted swap: the link leads elsewhere for that moment.
  if [[ -f $_si_app/pyve.sh ]] && has_leftovers && is_pyve_link; then
    write_link || return 1
  fi
  for tree in "$_si_data"/app.old.* "$_si_data"/app.new.* "$_si_data"/install.state.pyve-new.* "$_si_bin"/pyve.pyve-new.*; do
    if [[ -e $tree || -L $tree ]]; then
      log_verbose "removing $tree"
      rm -rf -- "$tree" || return 1
    fi
  done
}

# Usage: has_leftovers
# True when an interrupted run left a tree beside app/.
has_leftovers() {
  local tree
  for tree in "$_si_data"/app.old.* "$_si_data"/app.new.*; do
    if [[ -e $tree ]]; then
      return 0
    fi
  done
  return 1
}

# --- the link

# Usage: is_pyve_link
# True when ~/.local/bin/pyve is a link into a tree of Pyve, or a dead one that was.
is_pyve_link() {
  [[ -L $_si_link ]] || return 1
  resolve_links "$_si_link" || return 1
  [[ ${REPLY##*/} == pyve.sh ]] || return 1
  [[ ! -e $REPLY ]] || [[ -f $REPLY && -d ${REPLY%/*}/lib ]]
}

# Usage: is_installed_link
# True when ~/.local/bin/pyve leads into the installed tree, or to where version 1.1 put itself.
is_installed_link() {
  is_pyve_link || return 1
  case $REPLY in
    "$_si_app/pyve.sh" | "$_si_bin/../share/pyve/app/pyve.sh" | "$_si_bin/pyve.sh" | "$_si_bin/./pyve.sh") return 0 ;;
  esac
  [[ $REPLY -ef $_si_app/pyve.sh ]] || has_leftovers
}

# Usage: write_link [target]
# Points ~/.local/bin/pyve at the installed tree, or at <target>, in one step. A relative link
# where that is right, so that a home folder can be moved.
write_link() {
  local target=${1-} old="" temporary=$_si_link.pyve-new.$$
  if [[ -z $target ]]; then
    target=$_si_app/pyve.sh
    if [[ $_si_app == "${HOME%/}/.local/share/pyve/app" && $_si_bin/../share/pyve/app -ef $_si_app ]]; then
      target=../share/pyve/app/pyve.sh
    fi
  fi
  if [[ -L $_si_link ]]; then
    old=$(readlink "$_si_link") || old=""
  fi
  if [[ $old != "$target" ]]; then
    rm -f -- "$temporary"
    if ! { ln -s "$target" "$temporary" && mv -f -- "$temporary" "$_si_link"; } 2>/dev/null; then
      rm -f -- "$temporary"
      fail E_INSTALL_WRITE "cannot make the link $_si_link" why "no permission, or the disk is full"
      return 1
    fi
  fi
}

# --- install

# Usage: install_pyve
# Installs this tree for the user, or refreshes the installation. Everything is checked first.
# Status 1, with nothing changed, when a check fails.
install_pyve() {
  local rc_text="" rc_file="" rc_changed=""
  find_install_paths || return 1
  find_rc_file "${SHELL-}"
  compose_rc_lines "$_si_shell"
  check_install || return 1
  if [[ -n $_si_rc ]]; then
    check_rc_file || return 1
    rc_file=$REPLY
    read_file "$rc_file"
    rc_text=$REPLY
    add_rc_lines "$rc_text"
    if [[ $REPLY != "$rc_text" ]]; then
      rc_changed=1
      rc_text=$REPLY
    fi
  fi

  read_install_record
  record_missing_folders "$_si_data"
  record_missing_folders "$_si_bin"
  if [[ ! -e $_si_env && ! -L $_si_env ]]; then
    add_record "file $_si_env"
  fi
  if [[ -n $rc_changed ]]; then
    add_record "rc $_si_rc"
    if [[ ! -e $rc_file ]]; then
      record_missing_folders "${rc_file%/*}"
      add_record "file $rc_file"
    fi
    case $_si_newline in
      1) add_record "newline $_si_rc" ;;
      "") drop_record "newline $_si_rc" ;;
    esac
  fi
  if ! mkdir -p -- "$_si_data" "$_si_bin"; then
    fail E_INSTALL_WRITE "cannot make $_si_data" why "see the line above"
    return 1
  fi
  lock_installation || return 1
  if ! make_installation "$rc_changed" "$rc_file" "$rc_text"; then
    unlock_installation
    return 1
  fi
  unlock_installation
  tell_installed "$rc_changed"
}

# Usage: make_installation <rc changed> <rc file> <rc text>
# Writes the record, the tree, the link, ~/.local/.env and, when <rc changed>, the rc file. Call it
# with the lock held. Status 1 when something cannot be written.
make_installation() {
  local rc_changed=$1 rc_file=$2 rc_text=$3
  clear_leftovers || return 1
  write_install_record || return 1
  if [[ $_si_app -ef $_si_source ]]; then
    log_verbose "running from $_si_app: nothing to copy"
  else
    copy_tree || return 1
  fi
  write_link || return 1
  if [[ ! -e $_si_env && ! -L $_si_env ]]; then
    (umask 077 && set -C && : >"$_si_env") 2>/dev/null || warn E_INSTALL_ENV "cannot make $_si_env" \
      why "pyve init --local-env makes an empty .env without it"
  fi
  if [[ -n $rc_changed ]] && ! { mkdir -p -- "${rc_file%/*}" && write_through "$rc_file" "$rc_text"; }; then
    fail_rc_write "the file could not be written"
    return 1
  fi
}

# Usage: check_install
# Status 1, with a message, when the tree, the link or a folder stands in the way.
check_install() {
  local folder entry
  if [[ ! -f $_si_source/pyve.sh || ! -d $_si_source/lib ]]; then
    fail E_INSTALL_SOURCE "$_si_source is not a whole Pyve" why "pyve.sh and lib/ belong together"
    return 1
  fi
  if [[ -e $_si_link || -L $_si_link ]] && ! is_pyve_link; then
    quote_word "$_si_link"
    fail E_INSTALL_FOREIGN "$_si_link is there, and is not Pyve's" \
      why "only a link into a Pyve tree is replaced" \
      fix "mv $REPLY $REPLY.old"
    return 1
  fi
  for folder in "$_si_data" "$_si_bin"; do
    if ! can_make "$folder"; then
      fail E_INSTALL_WRITE "cannot write in $folder" \
        why "no permission, a file is in the way, or the file system is read-only"
      return 1
    fi
  done
  if [[ -e $_si_app && ! -d $_si_app ]]; then
    fail E_INSTALL_WRITE "$_si_app is not a folder" why "Pyve's tree belongs there"
    return 1
  fi
  # A copy that contains itself has no end.
  for entry in "$_si_source"/*; do
    if is_copied "${entry##*/}" && [[ $_si_data/ == "$entry"/* && ! $_si_app -ef $_si_source ]]; then
      fail E_INSTALL_HOME "the data folder is inside the tree to install" why "$_si_data is below $_si_source"
      return 1
    fi
  done
}

# Usage: check_rc_file
# Sets REPLY to the real file behind _si_rc. Status 1, with the lines to add by hand, when
# something has to be written there and cannot.
check_rc_file() {
  local file
  if ! resolve_links "$_si_rc"; then
    fail_rc_write "it is a link that leads nowhere"
    return 1
  fi
  file=$REPLY
  read_file "$file"
  if [[ -n $REPLY || ! -e $file ]]; then
    local text=$REPLY
    add_rc_lines "$text"
    if [[ $REPLY == "$text" ]]; then
      REPLY=$file
      return 0
    fi
  fi
  if ! can_write "$file"; then
    fail_rc_write "no permission, not a regular file, or the file system is read-only"
    return 1
  fi
  if ! is_plain_text "$file"; then
    fail_rc_write "it holds NUL bytes, which would get lost"
    return 1
  fi
  REPLY=$file
}

# Usage: fail_rc_write <why>
# Says that the rc file cannot be written, and which lines to add by hand. Status 1.
fail_rc_write() {
  fail E_RC_WRITE "cannot write $_si_rc" why "$1" \
    why "make it writable, or add these lines by hand and run this again:" \
    why "$_si_path_line" why "$_si_hook_line"
}

# Usage: is_copied <name>
# True when this entry at the root of the tree belongs into an installation: all but what only
# developers need, and what builds and test runs drop.
is_copied() {
  case $1 in
    .* | tests | examples | __pycache__ | build | dist | coverage | htmlcov | node_modules) return 1 ;;
    *.egg-info | *.pyc | *.log | *.tmp | *~) return 1 ;;
  esac
}

# Usage: copy_tree
# Copies _si_source to _si_app: built beside it, tried, then swapped in. While app/ is away, the
# link leads to the tree that is being installed, so that `pyve` is there at every moment.
copy_tree() {
  local entry new=$_si_app.new.$$ old=$_si_app.old.$$
  if ! copy_entries "$new"; then
    rm -rf -- "$new"
    fail E_INSTALL_COPY "cannot copy Pyve to $_si_data" why "see the lines above; the disk may be full"
    return 1
  fi
  if ! "${BASH:-bash}" "$new/pyve.sh" --version >/dev/null 2>&1 </dev/null; then
    rm -rf -- "$new"
    fail E_INSTALL_COPY "the copy of Pyve does not run" why "pyve --version failed in it"
    return 1
  fi
  if [[ -e $_si_app || -L $_si_app ]]; then
    if [[ -L $_si_link ]]; then
      write_link "$_si_source/pyve.sh" || return 1
    fi
    mv -- "$_si_app" "$old" || return 1
  fi
  if ! mv -- "$new" "$_si_app"; then
    fail E_INSTALL_COPY "cannot put the new tree in place" why "the old one comes back on the next run"
    return 1
  fi
  write_link || return 1
  rm -rf -- "$old"
}

# Usage: copy_entries <folder>
# Copies what belongs into an installation to the new <folder>; everything is writable for the
# owner there, so that it can be removed again.
copy_entries() {
  local entry
  mkdir -- "$1" || return 1
  for entry in "$_si_source"/*; do
    if is_copied "${entry##*/}"; then
      cp -R -P -- "$entry" "$1/" || return 1
    fi
  done
  chmod -R u+rwX "$1" || return 1
  find "$1" \( -name __pycache__ -o -name '*.pyc' -o -name '.*_cache' -o -name .DS_Store \) -prune -exec rm -rf -- {} +
}

# Usage: tell_installed <rc changed>
# Says what was done and what to do next.
tell_installed() {
  answer tree "$_si_app"
  answer link "$_si_link"
  answer rc_file "$_si_rc"
  log_success "Pyve ${VERSION-} is installed: $_si_link"
  if [[ -z $_si_shell ]]; then
    log_info "Your shell (${SHELL:-unknown}) is not one whose start-up file Pyve writes. Add by hand:"
    # shellcheck disable=SC2016 # the rc file is to expand it, not this script
    case ${SHELL-} in
      *csh*) log_info '  set path = ( "$HOME/.local/bin" $path:q )' ;;
      *) log_info "  ${_si_path_line% "$RC_TAG"}" ;;
    esac
  elif [[ -n $1 ]]; then
    log_info "PATH and prompt are set in $_si_rc"
  else
    log_info "$_si_rc is as it should be"
  fi
  case ":${PATH-}:" in
    *":$_si_bin:"*) log_info "Next: open a new shell (or type: exec \$SHELL) for the prompt, then: pyve help" ;;
    *) log_info "Next: open a new shell (or type: exec \$SHELL), then: pyve help" ;;
  esac
}

# --- uninstall

# Usage: uninstall_pyve
# Takes back what install_pyve did; the projects' environments stay. Asks first unless --yes or
# CI. Status 0 when done, cancelled or not needed; 1, with nothing changed, when a check fails.
uninstall_pyve() {
  local file
  local tagged=()
  find_install_paths || return 1
  # The installed copy knows where it is, also when XDG_DATA_HOME is not what it was.
  if [[ ! -e $_si_app && ! -e $_si_record && ${_si_source##*/} == app && -e ${_si_source%/*}/install.state ]]; then
    _si_data=${_si_source%/*}
    _si_app=$_si_source
    _si_record=$_si_data/install.state
  fi
  read_install_record
  find_known_rc_files
  for file in "${_si_rc_files[@]}"; do
    if has_rc_lines "$file"; then
      tagged+=("$file")
    fi
  done
  if [[ ! -e $_si_app && ! -L $_si_app && ! -e $_si_record && ${#tagged[@]} == 0 ]] &&
    ! is_installed_link && ! has_leftovers; then
    clear_empty_folders
    log_info "Pyve is not installed here: nothing to remove."
    return 0
  fi
  check_uninstall ${tagged[@]+"${tagged[@]}"} || return 1
  if can_ask && ! prompt_yes_no "Remove pyve?"; then
    log_info "Cancelled: nothing was removed."
    return 0
  fi
  # From here on nothing may be read from the installed tree: it may be this one.
  if [[ -d $_si_data ]]; then
    lock_installation || return 1
  fi
  if ! unmake_installation ${tagged[@]+"${tagged[@]}"}; then
    unlock_installation
    return 1
  fi
  remove_made_folders
  tell_uninstalled
}

# Usage: unmake_installation [rc file]...
# Takes our lines out of the rc files, and removes made files, link and tree. The record stays,
# so that a run that was stopped can be repeated. Status 1 when something cannot be removed.
unmake_installation() {
  local file
  for file; do
    restore_rc_file "$file" || return 1
  done
  remove_made_files || return 1
  if is_installed_link; then
    rm -f -- "$_si_link" || return 1
    log_success "Removed $_si_link"
  elif [[ -e $_si_link || -L $_si_link ]]; then
    log_info "Kept $_si_link: it does not lead to the installed Pyve"
  fi
  remove_tree || return 1
  rm -f -- "$_si_record".pyve-new.* "$_si_link".pyve-new.*
}

# Usage: check_uninstall [rc file]...
# Status 1, with a message, when an rc file or the tree cannot be changed.
check_uninstall() {
  local file
  for file; do
    if ! can_write "$file" || ! is_plain_text "$file"; then
      fail E_RC_WRITE "cannot write $file" why "no permission, not a plain text file, or the file system is read-only" \
        why "make it writable, or remove the lines that end in '$RC_TAG' by hand, and run this again"
      return 1
    fi
  done
  if [[ -e $_si_app && ! -w $_si_data ]]; then
    fail E_INSTALL_WRITE "cannot remove $_si_app" why "no permission to write in $_si_data"
    return 1
  fi
  if [[ -L $_si_link && ! -w $_si_bin ]] && is_installed_link; then
    fail E_INSTALL_WRITE "cannot remove $_si_link" why "no permission to write in $_si_bin"
    return 1
  fi
}

# Usage: restore_rc_file <file>
# Takes our lines out of an rc file, and removes the file when it was made for them and nothing
# else is in it.
restore_rc_file() {
  local file=$1 real newline=""
  resolve_links "$file" || return 1
  real=$REPLY
  if has_record "newline $file"; then
    newline=1
  fi
  read_file "$real"
  remove_rc_lines "$REPLY" "$newline"
  if [[ -z $REPLY ]] && has_record "file $real"; then
    rm -f -- "$real" || return 1
    log_success "Removed $real"
    return 0
  fi
  write_through "$real" "$REPLY" || return 1
  log_success "Took Pyve's lines out of $file"
}

# Usage: remove_made_files
# Removes ~/.local/.env and made rc files where they are empty: not a byte in them.
remove_made_files() {
  local item file
  for item in ${_si_records[@]+"${_si_records[@]}"}; do
    file=${item#file }
    if [[ $item == "file "* && -f $file && ! -L $file && ! -s $file ]]; then
      rm -f -- "$file" || return 1
    fi
  done
  # An installation of version 1.1 has no record.
  if [[ ! -e $_si_record && -f $_si_env && ! -L $_si_env && ! -s $_si_env ]]; then
    rm -f -- "$_si_env" || return 1
  fi
  if [[ -s $_si_env ]]; then
    log_info "Kept $_si_env: it is not empty"
  fi
}

# Usage: remove_tree
# Removes app/ and what interrupted runs left beside it. It goes out of the way in one step, so
# that no half of it can be run.
remove_tree() {
  local tree old=$_si_app.old.$$
  if [[ -e $_si_app || -L $_si_app ]]; then
    mv -- "$_si_app" "$old" || return 1
    log_success "Removed $_si_app"
  fi
  for tree in "$_si_data"/app.old.* "$_si_data"/app.new.*; do
    if [[ -e $tree || -L $tree ]]; then
      # From elsewhere: the current folder may be inside.
      (cd / && rm -rf -- "$tree") || return 1
    fi
  done
}

# Usage: remove_made_folders
# Removes the folders on record that are empty, the innermost first, with record and lock.
remove_made_folders() {
  local i item
  local folders=("$_si_data")
  for ((i = ${#_si_records[@]} - 1; i >= 0; i--)); do
    item=${_si_records[i]}
    if [[ $item == "dir "* && $item != "dir $_si_data" ]]; then
      folders+=("${item#dir }")
    fi
  done
  # Those around the record go after it, in as few steps as can be: a run that is stopped here
  # cannot be repeated.
  rmdir -- "${folders[@]}" 2>/dev/null || :
  rm -f -- "$_si_record" "$_si_data/install.lock"
  rmdir -- "${folders[@]}" 2>/dev/null || :
}

# Usage: clear_empty_folders
# Removes what an uninstall leaves that was stopped at its very end: an empty <data>/pyve, with
# the lock, and the empty folders around it.
clear_empty_folders() {
  if [[ -L $_si_data/install.lock ]] && lock_installation; then
    unlock_installation
  fi
  if [[ -d $_si_data ]] && rmdir -- "$_si_data" 2>/dev/null && [[ $_si_data == "$HOME"/.local/share/pyve ]]; then
    (CDPATH="" cd -- "$HOME" && rmdir -p -- .local/share) 2>/dev/null || :
  fi
}

# Usage: tell_uninstalled
# Says what stayed.
tell_uninstalled() {
  if [[ -d $_si_data ]]; then
    log_info "Kept $_si_data: other data of Pyve (its tools, made on need) is in it"
  fi
  if [[ -f $_si_bin/pyve.sh && -d $_si_bin/lib ]]; then
    log_info "Kept $_si_bin/pyve.sh and $_si_bin/lib: an older Pyve's; remove them by hand if you want"
  fi
  log_success "Pyve is removed. Projects and their environments are untouched."
}
