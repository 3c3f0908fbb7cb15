# shellcheck shell=bash
# Giving a project another interpreter: its pin, its lock where that is not for it, and its environment, as one change.
# All work in the project's folder, with the config loaded.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/python_use.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
declare -F choose_interpreter >/dev/null || . "${BASH_SOURCE[0]%/*}/interpreter.sh"
declare -F write_pin >/dev/null || . "${BASH_SOURCE[0]%/*}/python_pin.sh"
declare -F take_python >/dev/null || . "${BASH_SOURCE[0]%/*}/python_install.sh"
declare -F lock_project >/dev/null || . "${BASH_SOURCE[0]%/*}/project_lock.sh"
declare -F begin_change >/dev/null || . "${BASH_SOURCE[0]%/*}/journal.sh"
declare -F find_venv_lock_state >/dev/null || . "${BASH_SOURCE[0]%/*}/venv_lock.sh"
declare -F write_venv_lock >/dev/null || . "${BASH_SOURCE[0]%/*}/venv_lock_write.sh"
declare -F refresh_lock >/dev/null || . "${BASH_SOURCE[0]%/*}/frozen.sh"
declare -F find_sync_place >/dev/null || . "${BASH_SOURCE[0]%/*}/sync_state.sh"
declare -F sync_by_store >/dev/null || . "${BASH_SOURCE[0]%/*}/store_sync.sh"
declare -F load_store >/dev/null || . "${BASH_SOURCE[0]%/*}/venv_sync.sh"
declare -F list_installed >/dev/null || . "${BASH_SOURCE[0]%/*}/installed_names.sh"
declare -F build_environment >/dev/null || . "${BASH_SOURCE[0]%/*}/venv_env.sh"
declare -F is_replaceable >/dev/null || . "${BASH_SOURCE[0]%/*}/project_files.sh"
declare -F ensure_template >/dev/null || . "${BASH_SOURCE[0]%/*}/template.sh"
declare -F log_success >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"
declare -F quote_words >/dev/null || . "${BASH_SOURCE[0]%/*}/cli.sh"
declare -F json_list >/dev/null || . "${BASH_SOURCE[0]%/*}/json.sh"

# Usage: use_python <wish>
# Pins the Python (3.12 or 3.12.4; installed if need be), locks where the lock is not for it, and makes the environment
# anew. Of the options of the room count opt_frozen, opt_offline and opt_no_sync. Status 1 after a
# diagnostic; everything is then what it was.
use_python() {
  local wish=$1 made="" VENV_LOCK_CHANGED=""
  # shellcheck disable=SC2034 # for lib/python_install.sh
  PYTHON_OFFLINE=$opt_offline
  find_sync_place
  # (The lock first: nothing is fetched for a project that cannot be written.)
  check_limits "$wish" && is_replaceable "${SYNC_PLACE#"$PWD/"}" && lock_project || return 1
  take_python "$wish" && check_limits "$PYTHON_VERSION" && ensure_template || return 1
  begin_change
  write_pin "$PYTHON_VERSION" "$wish" "$PYTHON_MANAGER" && lock_for_python || return 1
  rebuild_environment && commit_change || return 1
  answer version "$PYTHON_VERSION"
  answer python "$PYTHON"
  answer manager "$PYTHON_MANAGER"
  answer environment "$SYNC_PLACE"
  [[ -n $VENV_LOCK_CHANGED ]] && REPLY=true || REPLY=false
  answer_json locked "$REPLY"
  answer_json made "${made:-false}"
  if [[ -n $PYVE_JSON ]]; then
    json_list "${PIN_FILES[@]}"
    answer_json files "$REPLY"
  fi
  log_success "This project has Python $PYTHON_VERSION now ($PYTHON_MANAGER: $PYTHON)"
  if [[ -z $made && ! -e $SYNC_PLACE/pyvenv.cfg ]]; then
    log_info "It has no environment yet: pyve init"
  fi
}

# Usage: check_limits <version>
# Status 1, after E_PYTHON_LIMIT, when requires-python or lock.python of the config exclude the version (of a series: all
# of its releases).
check_limits() {
  local limit source
  read_requires_python
  limit=$REPLY source="requires-python in pyproject.toml"
  if [[ -z $limit ]] || is_in_limit "$1" "$limit"; then
    config_get lock.python
    limit=$REPLY source="lock.python in .pyve/config"
    if [[ -z $limit ]] || is_in_limit "$1" "$limit"; then
      return 0
    fi
  fi
  declare -F nearest_version >/dev/null || . "${BASH_SOURCE[0]%/*}/interpreter_advice.sh"
  list_interpreters
  REQUIRES_PYTHON=$limit
  nearest_version "$1"
  [[ -z $REPLY ]] || propose_version "$REPLY"
  fail E_PYTHON_LIMIT "Python $1 is not one that this project allows" why "$source is '${limit//[[:cntrl:]]/?}'" \
    why "change that first, or take another Python" ${REPLY:+fix "$REPLY"}
}

# Usage: is_in_limit <version> <specifiers>
# Status 0 when the version, or a release of the series, is in the set, or that cannot be told.
is_in_limit() {
  local status=0
  if [[ $1 != *.*.* ]] && may_satisfy "$1" "$2"; then
    return 0
  fi
  version_satisfies "$1" "$2" || status=$?
  ((status != 1))
}

# Usage: lock_for_python
# Within a change: makes pylock.toml where there is none, where it is stale, and where it is not for the Python that was
# chosen. Without a manifest there is nothing to lock. Status 1 after a diagnostic.
lock_for_python() {
  local limit="" engine="" line
  # What set_lock_words takes in place of the environment's own, which is on its way out.
  local NEXT_PYTHON=$PYTHON NEXT_PYTHON_VERSION=$PYTHON_VERSION NEXT_PYTHON_PIP=$TEMPLATE/pip/pip
  local PYTHON PYTHON_VERSION PYTHON_MANAGER PYTHON_SOURCE PYTHON_ID PYTHON_STDLIB PYTHON_HAS_VENV PYTHON_HAS_ENSUREPIP
  local PYTHON_PIP_WHEEL PYTHON_PRERELEASE PYTHON_BUILD PYTHON_IMPLEMENTATION TEMPLATE=$TEMPLATE
  find_venv_lock_state
  [[ $VENV_LOCK_STATE != none ]] || has_manifest . || return 0
  # A foreign lock, and one that nothing goes with, stay as they are.
  if [[ -f $VENV_LOCK && -r $VENV_LOCK ]]; then
    while IFS= read -r line && [[ $line != "[[packages]]"* ]]; do
      case $line in
        "requires-python = "*) limit=${line#*= } ;;
        "engine = "*) engine=${line#*= } ;;
      esac
    done <"$VENV_LOCK"
    limit=${limit//[\"\']/}
  fi
  case $VENV_LOCK_STATE in
    unreadable)
      # (It says what is wrong with it.)
      judge_venv_lock
      return
      ;;
    foreign | alone)
      if [[ -n $limit ]] && ! is_in_limit "$NEXT_PYTHON_VERSION" "$limit"; then
        fail E_PYTHON_LIMIT "pylock.toml is not for Python $NEXT_PYTHON_VERSION" why "it is for '${limit//[[:cntrl:]]/?}'" \
          why "Pyve did not make it from what this project asks for: have its maker lock for this Python, or take another one"
        return 1
      fi
      return 0
      ;;
    none) ;;
    *)
      if [[ $VENV_LOCK_STATE == current && -z $opt_frozen ]] && ! is_lock_fit; then
        log_info "pylock.toml is not for Python $NEXT_PYTHON_VERSION: locking anew"
        write_venv_lock ${opt_offline:+--offline} --python ">=${NEXT_PYTHON_VERSION%.*}"
        return
      elif [[ $VENV_LOCK_STATE == current ]] && ! is_lock_fit; then
        fail E_LOCK_STALE "pylock.toml is not for Python $NEXT_PYTHON_VERSION" why "it is for '${limit//[[:cntrl:]]/?}'" \
          ${FROZEN_WHY:+why "$FROZEN_WHY"} fix "pyve python use --no-frozen $wish"
        return 1
      fi
      ;;
  esac
  refresh_lock
}

# Usage: is_lock_fit
# For lock_for_python: true when the lock is for the Python that comes. Of its caller: limit, engine.
is_lock_fit() {
  local now=""
  [[ -z $limit ]] || is_in_limit "$NEXT_PYTHON_VERSION" "$limit" || return 1
  # pip locks for one Python.
  [[ $engine == *pip* ]] || return 0
  get_sync_note "$SYNC_PLACE" version
  now=$REPLY
  [[ -n $now && ${now%.*} == "${NEXT_PYTHON_VERSION%.*}" ]]
}

# Usage: rebuild_environment
# Within a change: makes the environment anew with the Python that was chosen; where it has that already, or is missing,
# as pyve sync does. Without a lock one that is missing stays so. Sets made, of its caller, to "true" where it was made.
# Status 1 after a diagnostic.
rebuild_environment() {
  local before="" line name after="" folder=${SYNC_PLACE#"$PWD/"} is_there=""
  [[ -z $opt_no_sync ]] || return 0
  [[ ! -e $SYNC_PLACE/pyvenv.cfg && ! -L $SYNC_PLACE ]] || is_there=1
  if [[ -z $is_there || $SYNC_PLACE/bin/python -ef $PYTHON ]]; then
    sync_as_usual
    return
  fi
  list_packages "$SYNC_PLACE"
  before=$REPLY
  if [[ -f pylock.toml ]]; then
    rebuild_from_lock || return 1
  else
    check_lost_packages "$before" && build_environment venv "$SYNC_PLACE" "${PWD##*/}" || return 1
  fi
  made=true
  log_success "Made $folder with Python $PYTHON_VERSION"
  list_packages "$SYNC_PLACE"
  after=$REPLY
  while IFS= read -r line; do
    name=${line%% *}
    if [[ -n $line && $after != *$'\n'"$name "* ]]; then
      log_info "Not in the lock, so not in the environment any more: $line"
    fi
  done <<<"$before"
}

# Usage: sync_as_usual
# For rebuild_environment: makes the environment what the lock says, where there is a lock.
sync_as_usual() {
  local had_config=""
  [[ -f pylock.toml ]] || return 0
  ! config_file_exists || had_config=1
  sync_environment ${opt_offline:+--offline} || return 1
  if [[ -n $SYNC_MADE ]]; then
    made=true
    # (What was asked for, and not the release that is here now.)
    [[ -n $had_config ]] || config_set python.version "$wish" || return 1
  elif [[ -n $SYNC_DONE ]]; then
    log_success "Synced ${SYNC_PLACE#"$PWD/"} with pylock.toml"
  else
    log_info "${SYNC_PLACE#"$PWD/"} has that Python already"
  fi
}

# Usage: rebuild_from_lock
# For rebuild_environment: what the lock has, and what was chosen at the last sync.
rebuild_from_lock() {
  local _sync_selection="" _sync_also="" _sync_keeps=1 _sync_dry="" _sync_wants_project=1 _sync_mode="" _sync_local="" _sync_tries=0
  local status=0
  local -a _sync_words=()
  SYNC_ADDED=() SYNC_CHANGED=() SYNC_REMOVED=() SYNC_PROJECT="" SYNC_MADE="" SYNC_DONE=""
  read_sync_options ${opt_offline:+--offline}
  digest_sync_sources || return 1
  get_sync_note "$SYNC_PLACE" selection
  _sync_selection=$REPLY
  choose_sync_mode
  if [[ $_sync_mode != plain ]]; then
    # (Without what is there: its packages are those of another Python.)
    sync_by_store "" || status=$?
    ((status == 3)) || return "$status"
    _sync_mode=plain
  fi
  rebuild_plainly
}

# Usage: list_packages <environment>
# Sets REPLY to its packages, beside pip, setuptools and wheel: a line "name version" for each, with a line end before
# the first.
list_packages() {
  local folder store names="" found=$'\n'
  get_sync_note "$1" store
  store=$REPLY
  for folder in "$1"/lib/python3*/site-packages/*.dist-info ${store:+"$store"/site/*.dist-info}; do
    [[ -d $folder ]] || continue
    folder=${folder##*/}
    folder=${folder%.dist-info}
    names=${folder%%-*}
    case $names in
      pip | setuptools | wheel) ;;
      *) found+="$names ${folder#*-}"$'\n' ;;
    esac
  done
  REPLY=$found
}

# Usage: check_lost_packages <packages, as list_packages gives them>
# In a project without lock and manifest: status 1, after E_PYTHON_PACKAGES, when there are packages, which would be gone.
check_lost_packages() {
  local line names=""
  [[ -z $opt_force ]] || return 0
  while IFS= read -r line; do
    [[ -z $line ]] || names+="${names:+ }${line%% *}"
  done <<<"$1"
  [[ -n $names ]] || return 0
  # shellcheck disable=SC2086 # words
  quote_words pyve add --no-sync -- $names
  fail E_PYTHON_PACKAGES "packages of this environment would be lost" why "no manifest names them: $names" \
    why "what a manifest names is installed into the new environment, too" fix "$REPLY" fix "pyve python use --force $wish"
}
