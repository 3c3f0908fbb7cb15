# shellcheck shell=bash
# What why, tree, export and lock diff have in common: the lock of the project, and the helper that reads it.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/stored_lock.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F find_environment_files >/dev/null || . "${BASH_SOURCE[0]%/*}/micromamba_file.sh"
declare -F find_backend >/dev/null || . "${BASH_SOURCE[0]%/*}/backend_detect.sh"
declare -F find_conda_platform >/dev/null || . "${BASH_SOURCE[0]%/*}/micromamba_core.sh"
declare -F quote_words >/dev/null || . "${BASH_SOURCE[0]%/*}/cli.sh"
declare -F call_helper >/dev/null || . "${BASH_SOURCE[0]%/*}/helper.sh"

# Usage: open_lock
# Goes into the project's folder. Sets STORED_BACKEND, STORED_LOCK to the name of the lock (which may not be
# there), STORED_EXTRA to what the toolchain has to hold, and STORED_WORDS to what the helper is told about it.
open_lock() {
  local mark
  find_project || :
  CDPATH="" cd -- "$PROJECT_ROOT" || return 1
  config_load || :
  find_backend ""
  STORED_BACKEND=$REPLY STORED_LOCK=pylock.toml STORED_EXTRA=locks
  STORED_WORDS=(--root "$PWD" --name "${PWD##*/}")
  if [[ $STORED_BACKEND == micromamba ]]; then
    find_environment_files || :
    STORED_LOCK=${CONDA_LOCK:-conda-lock.yml}
    [[ -z $CONDA_MANIFEST ]] || STORED_WORDS+=(--manifest "$CONDA_MANIFEST")
    if find_conda_platform; then
      STORED_WORDS+=(--here "$REPLY")
    fi
  fi
  STORED_WORDS+=(--lock "$STORED_LOCK")
  choose_mark ok
  mark=$REPLY
  [[ $mark != ok ]] || STORED_WORDS+=(--ascii)
  [[ -z $PYVE_JSON ]] || STORED_WORDS+=(--json)
}

# Usage: add_platform <platform>
# Adds to STORED_WORDS the platform of --platform, when there is one. Status 1, with a diagnostic, when the lock is for
# all platforms.
add_platform() {
  [[ -n $1 ]] || return 0
  if [[ $STORED_BACKEND != micromamba ]]; then
    quote_words pyve "$PYVE_COMMAND" ${ARGS[@]+"${ARGS[@]}"}
    fail E_USAGE_CONFLICT "--platform is for conda projects" \
      why "pylock.toml is for all platforms at once, and this project has the backend $STORED_BACKEND" fix "$REPLY"
    return 1
  fi
  STORED_WORDS+=(--platform "$1")
}

# Usage: show_lock <word> [argument]...
# Asks the helper, and gives its answer: to people as text on stdout, to programs as parts of "detail".
show_lock() {
  call_helper "$STORED_EXTRA" show_packages "$@" "${STORED_WORDS[@]}" || return
  get_helper_values stale
  if ((${#HELPER_FOUND[@]})); then
    warn_stale_lock "${HELPER_FOUND[@]}"
  fi
  answer lock "$PWD/$STORED_LOCK"
  show_helper_answer
}

# Usage: warn_stale_lock <what changed>...
# Says that the lock, which was asked for as it is, is not what the manifest asks for any more.
warn_stale_lock() {
  local change
  local -a whys=()
  for change; do
    whys+=(why "$change")
  done
  warn W_LOCK_STALE "$STORED_LOCK is older than what it was made from" "${whys[@]}" fix "pyve lock"
}

# Usage: choose_output <file> <folder>
# Adds to STORED_WORDS where the answer is written: the file, which stands in that folder unless its path is absolute;
# nothing for "" and for "-", which are stdout.
choose_output() {
  local file=$1
  OUTPUT_FILE=""
  case $file in
    "" | - | /dev/stdout) return 0 ;;
    /*) ;;
    *) file=$2/$file ;;
  esac
  OUTPUT_FILE=$file
  STORED_WORDS+=(--output "$file")
}

# Usage: tell_output
# After show_lock, says what was written. Nothing, when it went to stdout.
tell_output() {
  [[ -n $OUTPUT_FILE ]] || return 0
  answer file "$OUTPUT_FILE"
  get_helper_value changed || :
  if [[ -n $REPLY ]]; then
    answer_json changed true
    log_success "Wrote $OUTPUT_FILE"
  else
    answer_json changed false
    log_success "$OUTPUT_FILE is current and stays as it is"
  fi
}
