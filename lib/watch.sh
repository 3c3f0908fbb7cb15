# shellcheck shell=bash
# Starting Pyve's own commands again and again, whenever files change. What watches is helpers/watch_files.py, in
# Pyve's toolchain; what it starts is Pyve, so that each start sees the environment, the lock and the config as they
# are then.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/watch.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
declare -F ensure_toolchain >/dev/null || . "${BASH_SOURCE[0]%/*}/toolchain.sh"
declare -F read_helper_answer >/dev/null || . "${BASH_SOURCE[0]%/*}/helper.sh"
declare -F find_project >/dev/null || . "${BASH_SOURCE[0]%/*}/config.sh"
declare -F restore_caller_environment >/dev/null || . "${BASH_SOURCE[0]%/*}/caller.sh"
declare -F logged >/dev/null || . "${BASH_SOURCE[0]%/*}/debug_log.sh"
declare -F quote_words >/dev/null || . "${BASH_SOURCE[0]%/*}/cli.sh"

# What the rooms set: the paths that are watched in place of the project; "1" to clear the screen before each start;
# "1" to look at files now and then, in place of being told by the system; the seconds between TERM and KILL.
WATCH_ON=() WATCH_CLEAR="" WATCH_POLL="" WATCH_KILL_AFTER=""

# Usage: start_watching <word>...
# Takes Pyve's place with a watcher that starts `pyve <word>...` in the current folder, now and whenever something has
# changed; with --json it is a child, and this returns the status of the command. Status 1 after a diagnostic.
start_watching() {
  local path
  local -a words=() program=()
  find_watched_paths || return 1
  ensure_toolchain watch || return 1
  words=(--folder "$PROJECT_ROOT" --here "$PWD" --seconds "${WATCH_KILL_AFTER:-5}")
  for path in ${_watch_paths[@]+"${_watch_paths[@]}"}; do
    words+=(--on "$path")
  done
  [[ -z $WATCH_CLEAR ]] || words+=(--clear)
  [[ -z $WATCH_POLL ]] || words+=(--poll)
  [[ -z $PYVE_QUIET ]] || words+=(--quiet)
  if get_caller_variable LC_CTYPE; then
    words+=(--locale "$REPLY")
  fi
  compose_polling "$@"
  words+=(--again "$REPLY" -- "$PYVE_ROOT/pyve.sh" "$@")
  program=("$TOOLCHAIN_PYTHON" -E -s -X "pycache_prefix=${TOOLCHAIN_PYTHON%/bin/python}/bytecode" -X utf8
    "$PYVE_ROOT/helpers/watch_files.py")
  if [[ -n $PYVE_JSON ]]; then
    watch_for_json "${program[@]}" --format lines --form "$PYVE_JSON" "${words[@]}"
    return
  fi
  set -- "${program[@]}" --form text "${words[@]}"
  # From here on a variable of ours would be one of the command's.
  restore_caller_environment
  [[ ${PYVE_LOG-} != debug ]] || log_exec "$@"
  exec "$@"
}

# Usage: find_watched_paths
# Sets PROJECT_ROOT to what is watched when nothing is named, and the array _watch_paths to absolute paths for WATCH_ON.
# Status 1, with a diagnostic, when one is not there.
find_watched_paths() {
  local path
  _watch_paths=()
  find_project || :
  for path in ${WATCH_ON[@]+"${WATCH_ON[@]}"}; do
    if [[ ! -e $path ]]; then
      fail E_WATCH_PATH "there is no ${path//[[:cntrl:]]/?} that could be watched" why "the current folder is $PWD"
      return 1
    fi
    [[ $path == /* ]] || path=$PWD/$path
    _watch_paths+=("$path")
  done
}

# Usage: compose_polling <word>...
# Sets REPLY to the command line that watches in the same way by polling.
compose_polling() {
  local path
  local -a line=(pyve watch --poll)
  [[ -z $WATCH_CLEAR ]] || line+=(--clear)
  [[ -z $WATCH_KILL_AFTER ]] || line+=(--kill-after "$WATCH_KILL_AFTER")
  for path in ${WATCH_ON[@]+"${WATCH_ON[@]}"}; do
    line+=(--on "$path")
  done
  if [[ $1 == run ]]; then
    line+=("${@:2}")
  else
    line+=(-- pyve "$@")
  fi
  quote_words "${line[@]}"
}

# Usage: watch_for_json <program> [argument]...
# Runs the watcher as a child, and takes what it answers into the document. Status: that of the command.
watch_for_json() {
  local answer="" status=0 i level=""
  # Ctrl-C is for the command; the document comes after it.
  trap : INT
  answer=$(restore_caller_environment && logged_exec "$@") || status=$?
  read_helper_answer "$status" "$answer" || return
  # (Not before: when a signal ends Pyve, the watcher has to be ended, too.)
  _has_run=1
  for ((i = 0; i < ${#HELPER_KEYS[@]}; i++)); do
    level=${HELPER_KEYS[i]}
    case $level in
      said) keep_watch_event "${HELPER_VALUES[i]}" ;;
      warning.*.code) warn "${HELPER_VALUES[i]}" "${HELPER_VALUES[i + 1]}" why "${HELPER_VALUES[i + 2]}" why "${HELPER_VALUES[i + 3]}" ;;
    esac
  done
  set_from_helper status=code answer=starts
  answer_json starts "$answer"
  return "$status"
}

# Usage: keep_watch_event <message>
# Keeps what the watcher has said for the document. With --format=jsonl it has written the line for it itself, when it
# happened.
keep_watch_event() {
  load_json
  json_string "$1"
  _json_events+=("{\"event\": \"info\", \"message\": $REPLY}")
}
