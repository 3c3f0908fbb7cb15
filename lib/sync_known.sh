# shellcheck shell=bash
# The second half of lib/sync_warm.sh, read while the digests are being made: what was noted about the lock, and making the
# environment. While programs link the folders, the texts are put together.
#
# On what grounds it was decided, and what, lib/store_hit.sh has noted after the long way: a text for each lock, in the
# store's recall/, which may be cleared at any time. Behind the grounds and a mark stand lines, in the order in which
# recall_hit reads them, and behind those, each after a mark, the pieces of the files that name the environment's place.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/sync_known.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F begin_hit >/dev/null || . "${BASH_SOURCE[0]%/*}/sync_warm.sh"
declare -F find_store >/dev/null || . "${BASH_SOURCE[0]%/*}/store_place.sh"
declare -F read_file >/dev/null || . "${BASH_SOURCE[0]%/*}/raw_text.sh"
declare -F write_trust >/dev/null || . "${BASH_SOURCE[0]%/*}/trust_record.sh"
declare -F write_scripts >/dev/null || . "${BASH_SOURCE[0]%/*}/script_head.sh"
declare -F is_plain >/dev/null || . "${BASH_SOURCE[0]%/*}/streams.sh"

# Variables that decide which interpreter is chosen, and where things are.
_hit_variables=(HOME XDG_DATA_HOME XDG_CACHE_HOME XDG_STATE_HOME PYVE_STORE PYVE_TEMPLATES PYVE_PYTHON_DOWNLOADS
  PYVE_DISABLE_DISTUTILS_SHIM PYENV_ROOT ASDF_DIR ASDF_DATA_DIR MISE_DATA_DIR UV_PYTHON_INSTALL_DIR)

# Usage: find_hit_context
# Sets _hit_context to what of the caller's environment counts, and the array _hit_folders to where programs are. Before
# anything has added to PATH.
find_hit_context() {
  local folder name path="" IFS=:
  _hit_folders=()
  set -f
  for folder in ${PATH-}; do
    # (The environment of the project in which somebody works is not where interpreters are looked for.)
    if [[ ! -f $folder/../pyvenv.cfg ]]; then
      path+=:$folder
      _hit_folders+=("$folder")
    fi
  done
  set +f
  _hit_context="pyve=${VERSION-}"$'\n'"path=$path"$'\n'
  for name in "${_hit_variables[@]}"; do
    _hit_context+="$name=${!name-}"$'\n'
  done
}
find_hit_context

# Files whose text decides which environment it is to be, or that a sync would write.
_hit_texts=(.pyve/config .tool-versions .python-version .gitignore)

# Usage: read_hit_digests
# After begin_hit: sets _hit_lock to the digest of the lock, TRUST_DIGEST, and the others as _hit_digests.
read_hit_digests() {
  local line file
  _hit_lock="" _hit_digests="" TRUST_DIGEST=""
  for file in "${_hit_files[@]}"; do
    line=""
    IFS= read -r line <&5 || :
    _hit_digests+="${line%% *}  $file"$'\n'
  done
  IFS= read -r line <&5 || line=""
  exec 5<&-
  TRUST_DIGEST=${line%% *}
  _hit_lock=${_hit_digests%% *}
  # (An expression with a number takes bash ten times as long.)
  [[ ${#_hit_lock}:${#TRUST_DIGEST} == 64:64 && $_hit_lock$TRUST_DIGEST != *[!0-9a-f]* ]]
}

# Usage: get_hit_grounds
# Sets REPLY to all that decides which environment the project of the current folder is to have. Status 1 when a file has
# what cannot be remembered.
get_hit_grounds() {
  local file grounds=$_hit_context$_hit_digests
  for file in "${_hit_texts[@]}"; do
    read_file "$file"
    [[ -z $READ_CUT ]] || return 1
    [[ ! -L $file ]] || REPLY=" link "
    grounds+=$'\x1d'$REPLY
  done
  REPLY=$grounds$'\x1d\n'
}

# Usage: recall_hit
# After begin_hit: sets STORE_ENTRY, TEMPLATE, PYTHON and its kin, STORE_PROJECT_KEY, _hit_venv, _hit_shim, _hit_count and
# _hit_told to what was remembered, when nothing speaks against it. The pieces of files are then to be read from 6.
recall_hit() {
  local memory="" line place folder
  read_hit_digests || return 1
  place=$STORE/recall/$_hit_lock
  [[ -f $place && -O $place && -r $place ]] && get_hit_grounds || return 1
  # (What is installed, or has gone, changes its folder.)
  for folder in "${_hit_folders[@]}"; do
    [[ ! $folder -nt $place ]] || return 1
  done
  exec 6<"$place"
  # (As a pattern, a long text takes bash more time than everything else here. Without a mark it is another Pyve's note.)
  IFS= read -r -d $'\x1e' -u 6 memory && [ "$memory" = "$REPLY" ] || return 1
  IFS= read -r -u 6 line && IFS= read -r -u 6 line && [[ $line == entry=* ]] && STORE_ENTRY=$STORE/envs/${line#entry=} &&
    IFS= read -r -u 6 _hit_venv && IFS= read -r -u 6 STORE_PROJECT_KEY && IFS= read -r -u 6 PYTHON && IFS= read -r -u 6 PYTHON_VERSION &&
    IFS= read -r -u 6 PYTHON_STDLIB && IFS= read -r -u 6 PYTHON_SOURCE && IFS= read -r -u 6 TEMPLATE && IFS= read -r -u 6 _hit_shim &&
    IFS= read -r -u 6 _hit_count || return 1
  while IFS= read -r -u 6 line && [[ -n $line ]]; do
    [[ ! $line -nt $place ]] || return 1
  done
  IFS= read -r -d $'\x1e' -u 6 _hit_told || return 1
  [[ -x $PYTHON && -e $PYTHON_STDLIB && -f $TEMPLATE/complete && ! $TEMPLATE/complete -nt $place ]] &&
    [[ -n $_hit_venv && ! -e $_hit_venv && ! -L $_hit_venv ]] && has_entry "$STORE_ENTRY" &&
    { [[ -z $STORE_PROJECT_KEY ]] || recall_project; }
}

# Usage: recall_project
# For recall_hit: true when the store still has the project itself, as it is here.
recall_project() {
  declare -F has_kept_project >/dev/null || . "${BASH_SOURCE[0]%/*}/store_project.sh"
  has_kept_project "$STORE_PROJECT_KEY"
}

# Usage: make_hit
# After recall_hit: makes the environment, and what a sync writes beside it, and gives the lock back. Status 1 when it does
# not work, with nothing but what undo_hit clears away.
make_hit() {
  local place=$PWD/$_hit_venv copying composed=""
  has_hit_lock && own_entry "$STORE_ENTRY" "$place" || return 1
  cp -al "$TEMPLATE/tree" "$STORE_ENTRY/tree" .pyve/tmp &
  copying=$!
  ! { compose_hit "$place" && write_hit; } || composed=1
  # (Without links, as on another disk, or on a Mac, all of it is done once more.)
  if ! wait "$copying" && ! { copy_trees "$TEMPLATE/tree" "$STORE_ENTRY/tree" .pyve/tmp && write_hit; }; then
    composed=""
  fi
  if [[ -z $composed ]] || ! finish_hit "$place"; then
    disown_entry
    drop_hit_file
    return 1
  fi
  write_trust || :
  tell_hit
  # (What cannot be removed is cleared by the next command.)
  rm -rf .pyve/tmp .pyve/lock || :
  trap - EXIT INT
}

# Usage: write_hit
# Writes what compose_hit has put together, and the entry's console scripts, while the folders are being copied.
write_hit() {
  local new=.pyve/tmp/tree i
  for ((i = 0; i < ${#_hit_places[@]}; i++)); do
    printf '%s' "${_hit_written[i]}" >"$new/${_hit_places[i]}" || return 1
  done
  VENV_SCRIPTS=("${_hit_places[@]:_hit_plain}")
  VENV_SCRIPTS=("${VENV_SCRIPTS[@]/#/$new/}")
  write_scripts "$STORE_ENTRY/scripts" "$new/bin" "$_hit_head" && chmod a+x "${VENV_SCRIPTS[@]}"
}

# Usage: finish_hit <final place>
# Makes the environment in .pyve/tmp/tree whole, and swaps it in. Status 1 when that does not work.
finish_hit() {
  local new=.pyve/tmp/tree mask
  link_token "$STORE_ENTRY" "$new" && copy_own_files "$STORE_ENTRY" "$new" && write_shim_at_once "$new" || return 1
  [[ -z $STORE_PROJECT_KEY ]] || lay_out_project "$new" "$1" || return 1
  has_entry "$STORE_ENTRY" && [[ ! -e $1 && ! -L $1 ]] || return 1
  # (Before the environment is there: with that, nothing is left to be done. -C: what has come there in the meantime is not
  # emptied. The umask is asked without a process.)
  umask >.pyve/tmp/umask && IFS= read -r mask <.pyve/tmp/umask || return 1
  umask 077
  set -C
  ! : >.env || _hit_has_made=.env
  set +C
  umask "$mask"
  mv "$new" "$1"
}

# Usage: write_shim_at_once <environment>
# Writes the distutils shim, where the long way has. Status 1 when something else is in its place.
write_shim_at_once() {
  [[ -n $_hit_shim ]] || return 0
  [[ ! -e $1/$_hit_shim && ! -L $1/$_hit_shim ]] || return 1
  read_file "${BASH_SOURCE[0]%/*}/data/distutils_shim.py"
  printf '%s' "$REPLY" >"$1/$_hit_shim"
}

# Usage: compose_hit <final place>
# Puts the files that name the place together from their pieces, in the arrays _hit_places and _hit_written, those that are
# scripts last: _hit_plain is the number of the others. _hit_head is what stands before a script.
compose_hit() {
  local place=$1 head letter body text="" count=0 s c f p S C F P y IFS="" LC_ALL=C
  _hit_places=() _hit_written=() _hit_plain=0
  quote_place "$1" "${PWD##*/}"
  # (Letter and text each for itself: cutting one off costs more than reading it.)
  while read -r -d $'\x1e' -u 6 letter; do
    if [[ $letter == [@!] ]]; then
      ((count == 0)) || _hit_written[count - 1]=$text
      [[ $letter == ! ]] || _hit_plain=$((count + 1))
      read -r -u 6 body
      [[ /$body/ != */../* ]] || return 1
      _hit_places[count++]=$body
      text=""
      [[ $letter == @ ]] || text=$head
      read -r -d $'\x1e' -u 6 body || :
      text+=$body
      continue
    fi
    read -r -d $'\x1e' -u 6 body || :
    case $letter in
      r) text+=$place$body ;;
      y) text+=$y$body ;;
      s) text+=$s$body ;;
      c) text+=$c$body ;;
      f) text+=$f$body ;;
      p) text+=$p$body ;;
      S) text+=$S$body ;;
      C) text+=$C$body ;;
      F) text+=$F$body ;;
      P) text+=$P$body ;;
      *) return 1 ;;
    esac
  done
  exec 6<&-
  ((count > 0)) || return 1
  _hit_written[count - 1]=$text
  _hit_head=$head
}

# Usage: quote_place <final place> <name>
# For compose_hit: sets head, y, and what place and name are in the languages of the activate scripts, as
# lib/venv_scripts.sh writes them: for sh s and S, for csh c and C, for fish f and F, for PowerShell p and P.
quote_place() {
  # (Of most it is known what the others make of them.)
  if [[ $1$2 != *[!A-Za-z0-9/._-]* && -n $2 ]] && ((${#1} < 100)); then
    head="#!$1/bin/python"$'\n'
    y="'$2'"
    s=$1 c="'$1'" f="'$1'" p="'$1'"
    S=$2 C="'$2'" F="'$2'" P="'$2'"
    return 0
  fi
  declare -F quote_activation >/dev/null || . "${BASH_SOURCE[0]%/*}/venv_scripts.sh"
  script_head "$1"
  head=$REPLY
  quote_setting "$2"
  y=$REPLY
  quote_activation activate "$1" "$2"
  s=$QUOTED_PLACE S=$QUOTED_NAME
  quote_activation .csh "$1" "$2"
  c=$QUOTED_PLACE C=$QUOTED_NAME
  quote_activation .fish "$1" "$2"
  f=$QUOTED_PLACE F=$QUOTED_NAME
  quote_activation .ps1 "$1" "$2"
  p=$QUOTED_PLACE P=$QUOTED_NAME
}

# Usage: tell_hit
# Says what make_hit has done.
tell_hit() {
  local line
  [[ -z ${PYVE_QUIET-} ]] || return 0
  if ! is_plain 1; then
    load_hit_ending
    declare -F log_success >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"
    declare -F tell_sync >/dev/null || . "${BASH_SOURCE[0]%/*}/sync_state.sh"
    log_success "Made $_hit_venv with Python $PYTHON_VERSION ($PYTHON_SOURCE: $PYTHON)"
    # shellcheck disable=SC2034 # tell_sync reads them
    SYNC_PLACE=$PWD/$_hit_venv SYNC_ADDED=() SYNC_CHANGED=() SYNC_REMOVED=() SYNC_PROJECT=${STORE_PROJECT_KEY:+new} SYNC_DONE=1
    while IFS= read -r line; do
      SYNC_ADDED+=("$line")
    done <"$STORE_ENTRY/packages"
    tell_sync
    return
  fi
  choose_mark ok
  if ! printf '%s\n%s%s\n' "$REPLY Made $_hit_venv with Python $PYTHON_VERSION ($PYTHON_SOURCE: $PYTHON)" "$_hit_told" \
    "$REPLY Synced $_hit_venv with pylock.toml: $_hit_count added"; then
    load_hit_ending
    trap - EXIT
    _lost_stream=1
    finish 0 0
    exit
  fi
}
