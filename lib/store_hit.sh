# shellcheck shell=bash
# The shortest way to the environment of a known lock: `pyve sync` in a new worktree or clone, when the store has the
# environment and everything that decides what it has to be is as it was the last time, to the letter. No Python, no
# look at the lock but its digest, and hardly anything of Pyve is read. Whenever something is unusual, nothing is done,
# and the long way does it.
#
# After the long way, remember_hit writes on what grounds it was decided, and what: one text for each lock, in the
# store's recall/, which may be cleared at any time.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/store_hit.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F find_store >/dev/null || . "${BASH_SOURCE[0]%/*}/store.sh"
declare -F exec_sha256_with_text >/dev/null || . "${BASH_SOURCE[0]%/*}/digest.sh"
declare -F get_trusted_text >/dev/null || . "${BASH_SOURCE[0]%/*}/trust.sh"
declare -F lock_project >/dev/null || . "${BASH_SOURCE[0]%/*}/project_lock.sh"

# Files that may say what a project asks for: any that comes, goes or changes is a reason for the long way.
_hit_sources=(pylock.toml pyproject.toml requirements.in requirements.txt uv.toml setup.py setup.cfg)
# Files whose text decides which environment it is to be, or that a sync would write.
_hit_texts=(.pyve/config .tool-versions .python-version .gitignore)
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

# Usage: sync_at_once [argument]...
# What `pyve sync` with these arguments does, where the project in the current folder is as it was remembered, and has
# no environment. Status 1, with nothing done, when it is not so.
sync_at_once() {
  local word
  for word; do
    [[ $word == --frozen || $word == --locked || $word == --offline ]] || return 1
  done
  [[ -z ${PYVE_JSON-}${PYVE_VERBOSE-}${PYVE_LOG-}${PYVE_TRACE-} ]] && find_store && [[ -O $STORE && -d $STORE/recall ]] &&
    [[ $PWD != *[[:cntrl:]:]* && -O .pyve/config && -w . && ! -L .pyve && ! -L .pyve/lock && ! -d .pyve/tmp && ! -L .env && ! -s .env ]] &&
    begin_hit && recall_hit && lock_project && make_hit
}

# Usage: begin_hit
# Has a process make the digests of what the project is made from, and of what entering it applies. Status 1 when there
# is no lock, or something unusual in its place.
begin_hit() {
  local file
  _hit_files=()
  for file in "${_hit_sources[@]}"; do
    if [[ -f $file && -r $file ]]; then
      _hit_files+=("$file")
    elif [[ -e $file || -L $file ]]; then
      return 1
    fi
  done
  [[ ${_hit_files[0]-} == pylock.toml ]] && has_sha256sum_for "${_hit_files[@]}" && get_trusted_text "$PWD" || return 1
  exec 5< <(exec_sha256_with_text "$REPLY" "${_hit_files[@]}")
}

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
  [[ $_hit_lock =~ ^[0-9a-f]{64}$ && $TRUST_DIGEST =~ ^[0-9a-f]{64}$ ]]
}

# Usage: get_hit_grounds
# Sets REPLY to all that decides which environment the project of the current folder is to have.
get_hit_grounds() {
  local file grounds=$_hit_context$_hit_digests
  for file in "${_hit_texts[@]}"; do
    read_file "$file"
    [[ ! -L $file ]] || REPLY=" link "
    grounds+=$'\x1d'$REPLY
  done
  REPLY=$grounds$'\x1d\n'
}

# Usage: recall_hit
# Sets PYTHON and its kin, TEMPLATE, STORE_ENTRY, _hit_venv, _hit_note and _hit_project to what was remembered, when nothing speaks against it.
recall_hit() {
  local memory="" line place folder IFS=$'\n'
  read_hit_digests && place=$STORE/recall/$_hit_lock && [[ -f $place && -O $place && -r $place ]] || return 1
  IFS= read -r -d '' memory <"$place" || :
  get_hit_grounds
  # (As a pattern, a long text takes bash more time than everything else here.)
  [ "${memory:0:${#REPLY}}" = "$REPLY" ] || return 1
  # (What is installed, or has gone, changes its folder.)
  for folder in "${_hit_folders[@]}"; do
    [[ ! $folder -nt $place ]] || return 1
  done
  set -f
  for line in ${memory:${#REPLY}}; do
    case $line in
      watch=*)
        if [[ ${line#*=} -nt $place ]]; then
          set +f
          return 1
        fi
        ;;
      entry=*) STORE_ENTRY=$STORE/envs/${line#*=} ;;
      venv=*) _hit_venv=${line#*=} ;;
      note=*) _hit_note=${line#*=} ;;
      project=*) _hit_project=${line#*=} ;;
      kept=*) STORE_PROJECT_KEY=${line#*=} ;;
      source=*) PYTHON_SOURCE=${line#*=} ;;
      python=*) PYTHON=${line#*=} ;;
      version=*) PYTHON_VERSION=${line#*=} ;;
      stdlib=*) PYTHON_STDLIB=${line#*=} ;;
      template=*) TEMPLATE=${line#*=} ;;
    esac
  done
  set +f
  [[ -x $PYTHON && -e $PYTHON_STDLIB && -f $TEMPLATE/complete && ! -e $_hit_venv && ! -L $_hit_venv ]] && has_entry "$STORE_ENTRY" &&
    { [[ -z $STORE_PROJECT_KEY ]] || recall_project; }
}

# Usage: recall_project
# For recall_hit: true when the store still has the project itself, as it is here.
recall_project() {
  declare -F has_kept_project >/dev/null || . "${BASH_SOURCE[0]%/*}/store_project.sh"
  has_kept_project "$STORE_PROJECT_KEY"
}

# Usage: make_hit
# After recall_hit, with the project's lock: makes the environment, and what a sync writes beside it. Status 1, and
# nothing is left, when that does not work.
make_hit() {
  local place=$PWD/$_hit_venv new=.pyve/tmp/tree name=${PWD##*/}
  [[ ! -e $place && ! -L $place ]] || return 1
  if ! own_entry "$STORE_ENTRY" "$place" || ! { lay_out_environment "$STORE_ENTRY" .pyve/tmp "$place" "$name" &&
    note_installed "$new" "$place" &&
    printf 'lock-sha256=%s\nselection=\nproject=%s\nlock-files=%s\n' "$_hit_lock" "$_hit_project" "$_hit_note" >>"$new/pyve.state" &&
    has_entry "$STORE_ENTRY" && mv "$new" "$place"; } 2>/dev/null; then
    disown_entry
    rm -rf "$new"
    return 1
  fi
  # -C: what has come there in the meantime is not emptied.
  umask 077
  set -C
  { : >.env; } 2>/dev/null || :
  set +C
  write_trust || :
  tell_hit
}

# Usage: note_installed <folder> <final place>
# For make_hit: installs the project itself, and notes in pyve.packages what is not in the store.
note_installed() {
  REPLY=""
  if [[ -n $STORE_PROJECT_KEY ]]; then
    declare -F lay_out_project >/dev/null || . "${BASH_SOURCE[0]%/*}/store_project.sh"
    lay_out_project "$1" "$2" || return 1
  fi
  if [[ -n $STORE_PROJECT_KEY || -d $STORE_ENTRY/copy ]]; then
    declare -F list_installed >/dev/null || . "${BASH_SOURCE[0]%/*}/installed_names.sh"
    list_installed "$1"
  fi
  printf '%s\n' "$REPLY" >"$1/pyve.packages"
}

# Usage: tell_hit
# Says what make_hit has done.
tell_hit() {
  local packages="" count mark IFS=$'\n'
  local -a lines
  read_file "$STORE_ENTRY/packages"
  packages=${REPLY%$'\n'}
  set -f
  # shellcheck disable=SC2206 # lines
  lines=($packages)
  set +f
  count=${#lines[@]}
  if ! is_plain 1; then
    declare -F log_success >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"
    declare -F tell_sync >/dev/null || . "${BASH_SOURCE[0]%/*}/sync_state.sh"
    log_success "Made $_hit_venv with Python $PYTHON_VERSION ($PYTHON_SOURCE: $PYTHON)"
    # shellcheck disable=SC2034 # tell_sync reads them
    SYNC_PLACE=$PWD/$_hit_venv SYNC_ADDED=("${lines[@]}") SYNC_CHANGED=() SYNC_REMOVED=() SYNC_PROJECT=${STORE_PROJECT_KEY:+new} SYNC_DONE=1
    tell_sync
  elif [[ -z ${PYVE_QUIET-} ]]; then
    choose_mark ok
    mark=$REPLY
    REPLY="$mark Made $_hit_venv with Python $PYTHON_VERSION ($PYTHON_SOURCE: $PYTHON)"$'\n'
    [[ -z $packages ]] || REPLY+="INFO: + ${packages//$'\n'/$'\n'INFO: + }"$'\n'
    [[ -z $STORE_PROJECT_KEY ]] || REPLY+="INFO: + the project itself (editable)"$'\n'
    print_text "$REPLY$mark Synced $_hit_venv with pylock.toml: $count added"$'\n'
  fi
}

# Usage: remember_hit <entry> <environment> <note> <name of the project in the store, or "">
# After a sync that made the environment from the entry: writes what sync_at_once needs to do the same elsewhere. The
# interpreter that choose_interpreter took has to be in PYTHON and its kin.
remember_hit() {
  local place manager text
  declare -F python_install_dir >/dev/null || . "${BASH_SOURCE[0]%/*}/manager_folders.sh"
  find_store && begin_hit && read_hit_digests || return 0
  get_hit_grounds
  text=$REPLY
  text+="entry=${1##*/}"$'\n'"venv=${2#"$PWD/"}"$'\n'"note=$3"$'\n'"project=$SYNC_SOURCE"$'\n'"kept=$4"$'\n'
  text+="python=$PYTHON"$'\n'"version=$PYTHON_VERSION"$'\n'"stdlib=$PYTHON_STDLIB"$'\n'"template=$TEMPLATE"$'\n'"source=$PYTHON_SOURCE"$'\n'
  text+="watch=${PYTHON%/*}"$'\n'"watch=${PYTHON_STDLIB%/*}"$'\n'
  for manager in asdf pyenv mise uv; do
    python_install_dir "$manager"
    text+="watch=$REPLY"$'\n'
  done
  place=$STORE/recall/$_hit_lock
  { { [[ -d $STORE/recall ]] || mkdir -m 700 "$STORE/recall"; } && printf '%s' "$text" >"$place.new.$$" && mv -f "$place.new.$$" "$place"; } 2>/dev/null || :
}
