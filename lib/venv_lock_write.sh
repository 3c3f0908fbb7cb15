# shellcheck shell=bash
# shellcheck disable=SC2034 # what is found is read by the rooms
# Writing pylock.toml, the lock of the venv backend. Works in the project's folder, with the config loaded.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/venv_lock_write.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
declare -F quote_word >/dev/null || . "${BASH_SOURCE[0]%/*}/text.sh"
declare -F set_lock_words >/dev/null || . "${BASH_SOURCE[0]%/*}/venv_lock.sh"

_lock_workspace=""

# Usage: write_venv_lock [word]...
# Solves, and writes pylock.toml. Words: --upgrade-all, --upgrade NAME, --platform P, --python LIMIT, --exclude-newer
# WHEN, --pre, --index URL, --engine auto|uv|pip, --offline, --adding NAME (what the command itself adds to the manifest), --edited NAME
# --staged FILE (what a file of the manifest is to hold), --preferences FILE (a lock whose versions are kept). What is not given is as the config says, else as in the lock that
# is there.
# Sets VENV_LOCK_CHANGED to "1" or "", VENV_LOCK_CHANGES to a line for each package that changed, VENV_LOCK_COUNT to
# these in words, VENV_LOCK_FIRST to "1" when there was none, VENV_LOCK_PACKAGES to the number of all, and
# VENV_LOCK_SHA256. Status 1 after a diagnostic; the old lock is then as it was.
write_venv_lock() {
  local answer=.pyve/tmp/lock.$$ status=0
  declare -F prepare_helper >/dev/null || . "${BASH_SOURCE[0]%/*}/helper.sh"
  declare -F run_long >/dev/null || . "${BASH_SOURCE[0]%/*}/progress.sh"
  declare -F lock_project >/dev/null || . "${BASH_SOURCE[0]%/*}/project_lock.sh"
  VENV_LOCK_CHANGED="" VENV_LOCK_CHANGES=() VENV_LOCK_COUNT="" VENV_LOCK_FIRST="" VENV_LOCK_PACKAGES=0 VENV_LOCK_SHA256="" VENV_LOCK_NOTE=""
  set_lock_words "$@"
  lock_project || return 1
  if [[ -n $_change_open && $VENV_LOCK != .pyve/tmp/* ]]; then
    load_journal
    keep_files "$VENV_LOCK" || return 1
  fi
  [[ -n $_lock_workspace ]] || at_exit clear_lock_workspace
  _lock_workspace=.pyve/tmp/solve.$$
  # Indexes with their passwords are written there.
  if ! { rm -rf "$_lock_workspace" && mkdir -p .pyve/tmp && (umask 077 && mkdir "$_lock_workspace"); } 2>/dev/null; then
    fail E_FILE_WRITE "cannot make the folder $_lock_workspace" why "no permission to write in $PWD/.pyve, or the disk is full"
    return 1
  fi
  declare -F add_other_python >/dev/null || . "${BASH_SOURCE[0]%/*}/lock_python.sh"
  declare -F add_engine_words >/dev/null || . "${BASH_SOURCE[0]%/*}/lock_engine.sh"
  add_other_python
  add_engine_words || return 1
  prepare_helper locks lock_packages --answer "$answer" lock --workspace "$_lock_workspace" --output "$VENV_LOCK" ${LOCK_WORDS[@]+"${LOCK_WORDS[@]}"} ||
    return 1
  # (What the helper writes goes by way of this folder; see helpers/pyve_core/durable.py.)
  PYVE_STAGE=$PWD/.pyve/tmp run_long "Locking" read_lock_line "${HELPER_COMMAND[@]}" || status=$?
  clear_lock_workspace
  ((status == 0)) || explain_no_python "$answer"
  take_helper_answer "$status" "$answer" || return 1
  read_lock_answer
}

# Usage: read_lock_answer
# Sets the VENV_LOCK_* of write_venv_lock from the answer of the helper, and gives its warnings.
read_lock_answer() {
  local item again="pyve lock --engine uv"
  if [[ -n ${SCRIPT_FILE-} ]]; then
    quote_word "$SCRIPT_FILE"
    again="pyve lock --script $REPLY --engine uv"
  fi
  set_from_helper VENV_LOCK_CHANGED=changed VENV_LOCK_COUNT=count VENV_LOCK_FIRST=first VENV_LOCK_PACKAGES=packages \
    VENV_LOCK_SHA256=sha256
  VENV_LOCK_PACKAGES=${VENV_LOCK_PACKAGES:-0}
  get_helper_values platforms
  VENV_LOCK_PLATFORMS=" ${HELPER_FOUND[*]-}${HELPER_FOUND[*]:+ }"
  get_helper_values changes
  VENV_LOCK_CHANGES=(${HELPER_FOUND[@]+"${HELPER_FOUND[@]}"})
  get_helper_values warnings
  for item in ${HELPER_FOUND[@]+"${HELPER_FOUND[@]}"}; do
    case $item in
      *"pip has solved"*) warn W_RESOLVE "$item" why "uv locks for all platforms and Pythons at once: $again" ;;
      *) warn W_RESOLVE "$item" ;;
    esac
  done
}

# Usage: read_lock_line <line>
# For run_long: what the helper says about how far it is.
read_lock_line() {
  case $1 in
    solving*) _step=$1 _dropped=1 ;;
  esac
}

# Usage: clear_lock_workspace
# Removes the folder in which a lock was solved.
clear_lock_workspace() {
  [[ -z $_lock_workspace ]] || rm -rf "$_lock_workspace"
}
