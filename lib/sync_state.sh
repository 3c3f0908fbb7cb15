# shellcheck shell=bash
# Whether the environment of the venv backend is what pylock.toml says, as far as its own notes tell: without a
# Python, and with one process. lib/venv_sync.sh writes these notes.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/sync_state.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F config_get >/dev/null || . "${BASH_SOURCE[0]%/*}/config.sh"
declare -F sha256_of_files >/dev/null || . "${BASH_SOURCE[0]%/*}/digest.sh"
declare -F list_installed >/dev/null || . "${BASH_SOURCE[0]%/*}/installed_names.sh"
declare -F log_info >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"
declare -F log_success >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"

# The files that the project itself is installed from.
SYNC_PROJECT_FILES=(pyproject.toml setup.py setup.cfg)

# Usage: needs_no_sync [option]...
# True when sync_environment with these options has nothing to do; best after find_venv_lock_state, which has the digest
# of the lock. Needs no lock, and writes nothing.
needs_no_sync() {
  local _sync_selection="" _sync_also="" _sync_keeps=1 _sync_dry="" _sync_wants_project=1 _sync_mode=""
  local -a _sync_words=()
  SYNC_ADDED=() SYNC_CHANGED=() SYNC_REMOVED=() SYNC_PROJECT="" SYNC_MADE="" SYNC_DONE=""
  read_sync_options "$@"
  find_sync_place
  [[ -f pylock.toml && -f $SYNC_PLACE/pyve.packages && ! -L $SYNC_PLACE ]] || return 1
  get_sync_note "$SYNC_PLACE" path
  [[ $REPLY == "${SYNC_PLACE//$'\n'/\\n}" ]] && digest_sync_sources "${VENV_LOCK_SHA256-}" || return 1
  if [[ -n $_sync_keeps ]]; then
    get_sync_note "$SYNC_PLACE" selection
    _sync_selection=$REPLY
  fi
  choose_sync_mode
  has_sync_state "$SYNC_PLACE"
}

# Usage: choose_sync_mode
# After read_sync_options and find_sync_place: sets _sync_mode to what kind of environment it is to be: store (its packages
# are in the store), copy (the store's files are linked into it) or plain (the store has nothing to do with it).
choose_sync_mode() {
  if [[ -z $_sync_mode ]]; then
    get_sync_note "$SYNC_PLACE" copy
    _sync_mode=${REPLY:+copy}
    config_get store
    if [[ -n $REPLY ]] && parse_boolean "$REPLY" && [[ -z $REPLY ]]; then
      _sync_mode=plain
    fi
    _sync_mode=${_sync_mode:-store}
  fi
  if [[ $_sync_mode != plain ]]; then
    declare -F lay_out_environment >/dev/null || . "${BASH_SOURCE[0]%/*}/store.sh"
    # (What a link leads to, perhaps on another disk, stays where it is.)
    [[ ! -L $SYNC_PLACE ]] && find_store || _sync_mode=plain
  fi
}

# Usage: get_sync_note <environment> <key>
# Sets REPLY to what its pyve.state says, or to "".
get_sync_note() {
  local state=""
  [[ ! -r $1/pyve.state ]] || IFS= read -r -d '' state <"$1/pyve.state" || :
  REPLY=""
  if [[ $'\n'$state == *$'\n'"$2="* ]]; then
    REPLY=$'\n'$state
    REPLY=${REPLY#*$'\n'"$2="}
    REPLY=${REPLY%%$'\n'*}
  fi
}

# Usage: read_sync_options [option]...
# For sync_environment: sets its variables _sync_*, by the config (sync.only_binary) and the options. The selection is kept as the words that choose it.
read_sync_options() {
  config_get sync.only_binary
  if [[ -n $REPLY ]] && parse_boolean "$REPLY" && [[ -n $REPLY ]]; then
    _sync_words+=(--only-binary)
  fi
  while (($#)); do
    case $1 in
      --extra | --group)
        _sync_keeps="" _sync_selection+="${_sync_selection:+ }$1=$2"
        shift
        ;;
      --no-dev) _sync_keeps="" _sync_selection+="${_sync_selection:+ }--no-dev" ;;
      --default) _sync_keeps="" ;;
      --also-extra | --also-group)
        _sync_also+="${_sync_also:+ }--${1#--also-}=$2"
        shift
        ;;
      --no-install-project) _sync_wants_project="" ;;
      --no-build)
        _sync_wants_project=""
        _sync_words+=(--only-binary)
        ;;
      --find-links)
        _sync_words+=(--find-links "$2")
        shift
        ;;
      --dry-run) _sync_dry=1 ;;
      --copy) _sync_mode=copy ;;
      --no-store) _sync_mode=plain ;;
      --offline | --only-binary) _sync_words+=("$1") ;;
    esac
    shift
  done
}

# Usage: extend_selection
# For sync_environment: adds what --also-extra and --also-group name to _sync_selection, where that lacks it.
extend_selection() {
  local word
  for word in $_sync_also; do
    # (The group dev comes unasked.)
    if [[ " $_sync_selection " != *" $word "* && ($word != --group=dev || " $_sync_selection " == *" --no-dev "*) ]]; then
      _sync_selection+="${_sync_selection:+ }$word"
    fi
  done
}

# Usage: find_sync_place
# Sets SYNC_PLACE to the absolute path of the environment, by the config.
find_sync_place() {
  config_get venv.directory
  SYNC_PLACE=$PWD/${REPLY:-$DEFAULT_VENV_DIR}
}

# Usage: digest_sync_sources [SHA-256 of the lock, when it is known]
# Sets SYNC_LOCK_SHA256 to the digest of the lock, and SYNC_SOURCE to what tells whether the project itself is what was
# installed: digests of its files. By one process, for what VENV_LOCK_NOTE does not have already. Status 1 after a
# diagnostic when the lock cannot be read.
digest_sync_sources() {
  local i file note=$'\t'
  local -a files=()
  # (Where the lock is not the one that it is about, neither is the rest.)
  [[ -z ${1-} || -z ${VENV_LOCK_NOTE-} ]] || note=$'\t'$VENV_LOCK_NOTE$'\t'
  [[ -n ${1-} ]] || files=(pylock.toml)
  for file in "${SYNC_PROJECT_FILES[@]}"; do
    [[ ! -f $file || ! -r $file || $note =~ $'\t'[0-9a-f]{64}"  $file"$'\t' ]] || files+=("$file")
  done
  SYNC_LOCK_SHA256=${1-} SYNC_SOURCE=""
  ((${#files[@]} == 0)) || sha256_of_files "${files[@]}"
  for ((i = 0; i < ${#files[@]}; i++)); do
    if [[ ${files[i]} == pylock.toml ]]; then
      SYNC_LOCK_SHA256=${DIGESTS[i]}
    else
      note+="${DIGESTS[i]}  ${files[i]}"$'\t'
    fi
  done
  for file in "${SYNC_PROJECT_FILES[@]}"; do
    [[ ! $note =~ $'\t'([0-9a-f]{32})[0-9a-f]{32}"  $file"$'\t' ]] || SYNC_SOURCE+="${SYNC_SOURCE:+ }$file:${BASH_REMATCH[1]}"
  done
  if [[ -z $SYNC_LOCK_SHA256 ]]; then
    declare -F propose_access >/dev/null || . "${BASH_SOURCE[0]%/*}/fixes.sh"
    propose_access "$PWD/pylock.toml"
    fail E_LOCK_FILE_READ "pylock.toml cannot be read" why "no permission, or no tool here can make a SHA-256" ${REPLY:+fix "$REPLY"}
    return 1
  fi
}

# Usage: has_sync_state <environment>
# True when nothing has changed since it was synced with what digest_sync_sources found, and what was chosen.
has_sync_state() {
  local state="" packages="" project=$SYNC_SOURCE
  [[ -n $_sync_wants_project ]] || project=none
  [[ -r $1/pyve.state && -r $1/pyve.packages && -x $1/bin/python ]] || return 1
  is_of_mode "$1" || return 1
  IFS= read -r -d '' state <"$1/pyve.state" || :
  IFS= read -r -d '' packages <"$1/pyve.packages" || :
  list_installed "$1"
  # (What comes last tells only how the lock was seen to be current.)
  [[ $state != *$'\n'lock-files=* ]] || state=${state%$'\n'lock-files=*}$'\n'
  [[ $'\n'$state == *$'\n'"lock-sha256=$SYNC_LOCK_SHA256"$'\n'"selection=$_sync_selection"$'\n'"project=$project"$'\n' ]] &&
    [[ $packages == "$REPLY"$'\n' ]]
}

# Usage: is_of_mode <environment>
# True when it is of the kind _sync_mode, and, where it uses the store, its entry is there and knows of it. (A full
# environment that is what the lock says is not made anew only to save space.)
is_of_mode() {
  get_sync_note "$1" copy
  if [[ $_sync_mode == copy ]]; then
    [[ -n $REPLY ]]
    return
  fi
  get_sync_note "$1" store
  [[ -n $REPLY ]] || return 0
  [[ $_sync_mode == store ]] || return 1
  declare -F is_owned >/dev/null || . "${BASH_SOURCE[0]%/*}/store.sh"
  [[ $REPLY == "$STORE"/envs/* ]] && has_entry "$REPLY" && is_owned "$REPLY" "$1"
}

# Usage: tell_sync [dry]
# Says what sync_environment has done (dry: would do), and adds it to the JSON answer.
tell_sync() {
  local line dry=${1-} verb=Synced count=""
  answer environment "$SYNC_PLACE"
  answer_sync_list added ${SYNC_ADDED[@]+"${SYNC_ADDED[@]}"}
  answer_sync_list changed ${SYNC_CHANGED[@]+"${SYNC_CHANGED[@]}"}
  answer_sync_list removed ${SYNC_REMOVED[@]+"${SYNC_REMOVED[@]}"}
  answer project "$SYNC_PROJECT"
  if [[ -z $SYNC_DONE ]]; then
    log_success "The environment is what pylock.toml says"
    return 0
  fi
  [[ -z $dry ]] || verb="Would sync"
  for line in ${SYNC_ADDED[@]+"${SYNC_ADDED[@]}"}; do
    log_info "+ $line"
  done
  for line in ${SYNC_CHANGED[@]+"${SYNC_CHANGED[@]}"}; do
    # (name old new)
    if [[ $line == *" ${line##* } ${line##* }" ]]; then
      log_info "~ ${line% *} (installed anew)"
    else
      log_info "~ ${line% *} -> ${line##* }"
    fi
  done
  for line in ${SYNC_REMOVED[@]+"${SYNC_REMOVED[@]}"}; do
    log_info "- $line"
  done
  case $SYNC_PROJECT in
    new) log_info "+ the project itself (editable)" ;;
    remove) log_info "- the project itself" ;;
  esac
  ((${#SYNC_ADDED[@]} == 0)) || count+=", ${#SYNC_ADDED[@]} added"
  ((${#SYNC_CHANGED[@]} == 0)) || count+=", ${#SYNC_CHANGED[@]} changed"
  ((${#SYNC_REMOVED[@]} == 0)) || count+=", ${#SYNC_REMOVED[@]} removed"
  log_success "$verb ${SYNC_PLACE##*/} with pylock.toml${count:+:${count#,}}"
}

# Usage: answer_sync_list <key> [line]...
# Adds a list to the JSON answer.
answer_sync_list() {
  local key=$1
  [[ -n ${PYVE_JSON-} ]] || return 0
  shift
  load_json
  json_list "$@"
  answer_json "$key" "$REPLY"
}
