# shellcheck shell=bash
# shellcheck disable=SC2034 # the plan is read by lib/run_plan.sh
# What `pyve run` does that is no ordinary command: scripts, from a file, stdin, a URL or a repository; code and modules;
# and what --with, --python, --ephemeral and --at change.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/run_script.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F read_script_block >/dev/null || . "${BASH_SOURCE[0]%/*}/script_metadata.sh"
declare -F compose_cached_request >/dev/null || . "${BASH_SOURCE[0]%/*}/cached_env.sh"
declare -F begin_making >/dev/null || . "${BASH_SOURCE[0]%/*}/run_plan.sh"
declare -F log_info >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"
declare -F quote_word >/dev/null || . "${BASH_SOURCE[0]%/*}/text.sh"
declare -F locate_environment >/dev/null || . "${BASH_SOURCE[0]%/*}/project_state.sh"

# Usage: plan_script <word>...
# Plans what the words, the command line behind the options of `pyve run`, stand for. Status 1 after a diagnostic; 127 or
# 126 when there is nothing that could be executed.
plan_script() {
  PYVE_TALK_FD=2 SCRIPT_LOCAL=""
  RUN_WORDS=("$@")
  if [[ -n $RUN_AT ]]; then
    declare -F enter_commit >/dev/null || . "${BASH_SOURCE[0]%/*}/run_at.sh"
    enter_commit "$RUN_AT" || return 1
    # (What is not there yet can only be said.)
    if [[ -n $COMMIT_IS_MISSING ]]; then
      PLAN_ARGV=("$@")
      return 0
    fi
  fi
  # (Behind "--" these are commands.)
  if [[ -n $RUN_IS_PLAIN && $1 == -* && -z $RUN_SCRIPT ]]; then
    plan_in_project "$@"
    return
  fi
  case $1 in
    -)
      plan_stdin "${@:2}"
      return
      ;;
    -c | -m)
      if (($# < 2)); then
        fail E_RUN_COMMAND "pyve run $1 needs what to run" why "behind -c stands code, behind -m the name of a module" fix "pyve run python"
        return 1
      fi
      plan_python "$@"
      return
      ;;
    file://*) set -- "${1#file://}" "${@:2}" ;;
    http://* | https://* | git+*)
      declare -F fetch_script >/dev/null || . "${BASH_SOURCE[0]%/*}/script_fetch.sh"
      fetch_script "$1" || return 1
      # (What was not fetched can only be said.)
      if [[ ! -f $REPLY ]]; then
        PLAN_ARGV=(python "$REPLY" "${@:2}")
        return 0
      fi
      set -- "$REPLY" "${@:2}"
      ;;
    *)
      if [[ -z $RUN_SCRIPT ]] && ! is_script "$1"; then
        plan_in_project "$@"
        return
      fi
      ;;
  esac
  plan_file "$@"
}

# Usage: plan_file <script> [argument]...
# Plans a script: with metadata in an environment of its own, without any in that of the project.
plan_file() {
  local file=$1
  if [[ ! -f $file || ! -r $file ]]; then
    if [[ -e $file ]]; then
      fail E_SCRIPT_METADATA "$file is no script that can be read" why "it is no file, or there is no permission to read it"
      return 1
    fi
    fail E_COMMAND_NOT_FOUND "$file does not exist" why "the current folder is $PWD"
    return 127
  fi
  # (Python would take it for an option.)
  [[ $file != -* ]] || file=./$file
  read_script_block "$file"
  if [[ $SCRIPT_STATE == none ]]; then
    plan_python "$file" "${@:2}"
    return
  fi
  plan_own_environment "$file" || return
  plan_private "${file##*/}" "$file" "${@:2}"
}

# Usage: plan_stdin [argument]...
# Plans a script on stdin. It is read to its end, since its metadata may be there, and handed on.
plan_stdin() {
  local file status=0
  if [[ -t 0 ]]; then
    plan_python - "$@"
    return
  fi
  # (A descriptor that is closed would be the next one that is opened.)
  [[ -e /dev/fd/0 ]] || exec </dev/null
  if ! file=$(mktemp "${TMPDIR:-/tmp}/pyve.XXXXXX" 2>/dev/null); then
    fail_stdin
    return 1
  fi
  # (Byte for byte, which no variable of the shell's is; and in a file that nobody has to remove.)
  # shellcheck disable=SC2094 # it is read when all of it is written
  {
    rm -f -- "$file"
    if cat >&6 2>/dev/null; then
      plan_kept_stdin "$@" || status=$?
    else
      fail_stdin
      status=1
    fi
    exec 0<&8
  } 6>"$file" 7<"$file" 8<"$file" 9<"$file"
  return "$status"
}

# Usage: fail_stdin
# Says that a script on stdin cannot be kept. Status 1.
fail_stdin() {
  fail E_FILE_WRITE "the script on stdin cannot be kept" why "no permission to write in ${TMPDIR:-/tmp}, or no space left: then make room, and try again"
}

# Usage: plan_kept_stdin [argument]...
# For plan_stdin: the script can be read from the descriptors 7, for the helper, and 9.
plan_kept_stdin() {
  local text=""
  IFS= read -r -d '' text <&9 || :
  read_text_block "$text"
  if [[ $SCRIPT_STATE == none ]]; then
    plan_python - "$@"
    return
  fi
  plan_own_environment - || return
  plan_private stdin - "$@"
}

# Usage: plan_private <name> <argument of Python>...
# Plans Python with these arguments in the environment CACHED_ENV, which belongs to no project.
plan_private() {
  PLAN_BACKEND=venv PLAN_ENVIRONMENT=$CACHED_ENV PLAN_PROJECT="" PLAN_NAME=$1 PLAN_PYTHON=$CACHED_ENV/bin/python
  PLAN_ARGV=("$CACHED_ENV/bin/python" "${@:2}")
  # (uv would change it.)
  PLAN_UNSETS+=(UV_PROJECT_ENVIRONMENT)
  [[ -z $RUN_EPHEMERAL ]] || PLAN_SETS+=(PYTHONDONTWRITEBYTECODE=1)
  # (What a script has beside it, wherever that is.)
  if [[ -n ${RUN_SANDBOX-} && -f $2 && $2 == */* ]]; then
    SANDBOX_READ+=("$(CDPATH="" cd -- "${2%/*}" && printf '%s' "$PWD")")
  fi
}

# Usage: plan_own_environment <script, or - for what can be read from descriptor 7>
# After read_script_block: sets CACHED_ENV to the environment that its metadata asks for, which is made when it is not there.
# Status 1 after a diagnostic.
plan_own_environment() {
  local lock="" place=${1%/*} remember=1
  if [[ $1 != - && $RUN_FROZEN != --no-frozen && -e $1.lock ]]; then
    lock=$1.lock
    [[ $lock == /* ]] || lock=$PWD/$lock
  elif [[ $RUN_FROZEN == --frozen ]]; then
    fail_script_unlocked "$1"
    return 1
  fi
  [[ $place == /* ]] || place=$PWD/${place##"$1"}
  # (With a lock and --with, an environment stands behind another one, which has to be noted as used, too.)
  [[ -z $lock || (-z $RUN_WITH && -f $lock && -r $lock) ]] || remember=""
  [[ $SCRIPT_STATE == block ]] || remember=""
  if [[ -n $remember ]]; then
    compose_script_key "$SCRIPT_BLOCK" "$RUN_PYTHON" "$RUN_WITH" "$lock" || return 1
    if recall_script "$1"; then
      ! is_explaining || plan_chosen environment "$CACHED_ENV" "what it asks for, and ${lock:-the settings}, are as the last time"
      return 0
    fi
  fi
  if [[ -n $lock ]] && ! is_explaining && finish_left_edits && [[ -n $remember ]]; then
    compose_script_key "$SCRIPT_BLOCK" "$RUN_PYTHON" "$RUN_WITH" "$lock" || return 1
  fi
  find_own_environment "$1" "$lock" "${place%/}" || return 1
  is_explaining || [[ -z $remember || -n $SCRIPT_LOCAL ]] || remember_script "$1"
}

# Usage: fail_script_unlocked <script, or ->
# Says that there is no lock, and --frozen was given. Status 1.
fail_script_unlocked() {
  local why="--frozen takes what a lock says, and solves nothing"
  if [[ $1 == - ]]; then
    fail E_USAGE_CONFLICT "--frozen is for scripts in a file" why "$why; one on stdin has no lock beside it" fix "$(repeat_without --frozen "")"
  else
    quote_word "$1"
    fail E_LOCK_MISSING "there is no lock for $1" why "$why" fix "pyve lock --script $REPLY"
  fi
}

# Usage: find_own_environment <script, or - for descriptor 7> <lock, or ""> <its folder>
# For plan_own_environment, by way of the helper.
find_own_environment() {
  local item manifest requires whose="requires-python of ${1##*/}"
  local -a words=() options=()
  ! is_reader_missing || return 0
  begin_making
  declare -F call_helper >/dev/null || . "${BASH_SOURCE[0]%/*}/helper.sh"
  _script_named=""
  if [[ $1 == - ]]; then
    words=(--text 7)
  else
    _script_named=$1
    words=(--script "$1")
  fi
  # (Beside a lock, they are in an environment of their own.)
  if [[ -z $2 ]]; then
    while IFS= read -r item; do
      [[ -z $item ]] || words+=(--with "$item")
    done <<<"$RUN_WITH"
  fi
  call_helper locks script_metadata read "${words[@]}" || return 1
  set_from_helper manifest=manifest requires=requires SCRIPT_LOCAL=local
  if [[ -n $2 ]]; then
    check_script_lock "$1" "$2" || return 1
    options=(--lock "$2" --root "$3")
  else
    options=(--manifest "$manifest")
  fi
  if [[ -n $RUN_PYTHON ]]; then
    choose_script_python "$1" "$requires" || return 1
    options+=(--chosen)
  else
    options+=(--python "$requires" --whose "$whose")
  fi
  obtain_environment script --name "${1/#-/stdin}" "${options[@]}" || return 1
  if [[ -n $2 && -n $RUN_WITH ]]; then
    declare -F stack_environment >/dev/null || . "${BASH_SOURCE[0]%/*}/run_with.sh"
    stack_environment "$CACHED_ENV" "$2"
  fi
}

# Usage: is_reader_missing
# True in an explanation where the helper cannot be asked: a step says so, and CACHED_ENV stands for what is not known.
is_reader_missing() {
  is_explaining || return 1
  declare -F has_toolchain >/dev/null || . "${BASH_SOURCE[0]%/*}/toolchain.sh"
  ! has_toolchain locks && find_cached_root || return 1
  plan_step "Pyve's toolchain is made, which reads what is asked for"
  CACHED_ENV="$CACHED_ROOT/(not known yet)"
}

# Usage: obtain_environment <kind> [option of compose_cached_request]...
# Sets CACHED_ENV to the environment that belongs to no project; it is made when it is not there, or in an explanation,
# a step says so. Status 1 after a diagnostic.
obtain_environment() {
  local status=0
  compose_cached_request "$@"
  # (Folders of this machine change; a memory would not know.)
  [[ -z $SCRIPT_LOCAL ]] || CACHED_TEXT+=$'\n'"local=$SCRIPT_LOCAL"
  find_cached_env || status=$?
  case $status in
    0) ! is_explaining || plan_chosen environment "$CACHED_ENV" "it was made for the same request before" ;;
    1)
      if is_explaining; then
        plan_step "an environment is made: $CACHED_ENV"
        return 0
      fi
      begin_making
      # (The files that were solved are none of the user's.)
      HELPER_WHY_FILTER=adapt_script_why HELPER_FIX_FILTER=adapt_script_fix
      make_cached_env || return 1
      HELPER_WHY_FILTER="" HELPER_FIX_FILTER=""
      ;;
    *) return 1 ;;
  esac
}

# Usage: adapt_script_why <text> [message]
# Sets REPLY to a reason, or a message, about the made manifest as one about who asked: the script, or --with. (See
# HELPER_WHY_FILTER.)
adapt_script_why() {
  local file=$1 who=${_cached_name##*/}
  [[ $CACHED_KIND == script && $who != python ]] || who=--with
  while [[ $file =~ (pyproject\.toml|requirements\.in)(,\ line\ [0-9]+)? ]]; do
    file=${file/"${BASH_REMATCH[0]}"/$who}
  done
  REPLY=$file
}

# Usage: adapt_script_fix <command>
# Sets REPLY to what a fix for a project comes to for a script in a file, or "". (See HELPER_FIX_FILTER.)
adapt_script_fix() {
  local rest=""
  REPLY=$1
  case $1 in
    "pyve add "*) rest="add|${1#pyve add }" ;;
    "pyve remove "*) rest="remove|${1#pyve remove }" ;;
    *pyve\ *) REPLY="" ;;
  esac
  [[ -n $rest ]] || return 0
  REPLY=""
  if [[ $CACHED_KIND == script && -n ${_script_named-} && -z $RUN_WITH ]]; then
    quote_word "$_script_named"
    REPLY="pyve ${rest%%|*} --script $REPLY ${rest#*|}"
  fi
}

# Usage: check_script_lock <script> <lock>
# Status 1, with a diagnostic, when the lock is not for what the metadata says now.
check_script_lock() {
  local line
  local -a whys=()
  call_helper locks lock_packages check --script "$1" --output "$2" || return 1
  get_helper_value status || :
  [[ $REPLY != current ]] || return 0
  get_helper_values why
  for line in ${HELPER_FOUND[@]+"${HELPER_FOUND[@]}"}; do
    whys+=(why "$line")
  done
  quote_word "$1"
  fail E_LOCK_STALE "${2##*/} is stale" ${whys[@]+"${whys[@]}"} fix "pyve lock --script $REPLY"
}

# Usage: choose_script_python <script> <its requires-python, or "">
# Sets PYTHON and its kin to the interpreter that --python asks for. Status 1, with a diagnostic, when there is none, or the
# script excludes it.
choose_script_python() {
  declare -F choose_interpreter_for >/dev/null || . "${BASH_SOURCE[0]%/*}/interpreter.sh"
  if is_explaining; then
    local PYVE_PYTHON_DOWNLOADS=never
  fi
  choose_interpreter_for "$RUN_PYTHON" "" --python || return 1
  [[ -n $2 ]] && ! version_satisfies "$PYTHON_VERSION" "$2" || return 0
  fail E_SCRIPT_PYTHON "Python $PYTHON_VERSION does not fit ${1##*/}" why "its requires-python is $2" why "--python asks for $RUN_PYTHON" \
    fix "$(repeat_without --python 1)"
}

# Usage: repeat_without <option of Pyve's> <1: it has a value|"">
# Prints the command as it was typed, without that option.
repeat_without() {
  local word skip="" left=$((${#PYVE_WORDS[@]} - ${#RUN_WORDS[@]}))
  local -a words=()
  for word in "${PYVE_WORDS[@]}"; do
    left=$((left - 1))
    if [[ -n $skip ]]; then
      skip=""
    elif [[ $word == "$1" ]] && ((left >= 0)); then
      skip=$2
    elif [[ $word != "$1"=* ]] || ((left < 0)); then
      words+=("$word")
    fi
  done
  declare -F quote_words >/dev/null || . "${BASH_SOURCE[0]%/*}/cli.sh"
  quote_words pyve "${words[@]}"
  printf '%s\n' "$REPLY"
}

# Usage: plan_python <argument of Python>...
# Plans the project's Python with these arguments; where there is no project at all, an environment of its own.
plan_python() {
  local item
  local -a words=()
  if is_projectless; then
    if [[ $RUN_WITH == */* ]] && is_reader_missing; then
      plan_private python "$@"
      return
    elif [[ $RUN_WITH == */* ]]; then
      # (A path, or a URL, of which the helper tells the name.)
      begin_making
      read_additions "" "" || return 1
      words=(--manifest "$REPLY")
    else
      while IFS= read -r item; do
        [[ -z $item ]] || words+=(--requirement "$item")
      done <<<"$RUN_WITH"
    fi
    ! is_explaining || plan_rejected environment "$PWD" "it is in no project"
    obtain_environment script --python "$RUN_PYTHON" --whose --python --name python ${words[@]+"${words[@]}"} || return 1
    plan_private python "$@"
    return
  fi
  plan_in_project python "$@" || return
  # (By its path, as on the short way.)
  if [[ $PLAN_BACKEND == venv && ${PLAN_ARGV[0]} == python && -x $PLAN_ENVIRONMENT/bin/python ]]; then
    PLAN_ARGV[0]=$PLAN_ENVIRONMENT/bin/python
  fi
}

# Usage: read_additions <--lock|--installed|""> <file or folder whose versions are kept, or "">
# Sets REPLY to a manifest of what --with asks for, and SCRIPT_LOCAL. Status 1 after a diagnostic.
read_additions() {
  local item
  local -a words=()
  while IFS= read -r item; do
    [[ -z $item ]] || words+=(--with "$item")
  done <<<"$RUN_WITH"
  declare -F call_helper >/dev/null || . "${BASH_SOURCE[0]%/*}/helper.sh"
  call_helper locks script_metadata read --script "" "${words[@]}" ${1:+"$1" "$2"} || return 1
  set_from_helper item=manifest SCRIPT_LOCAL=local
  REPLY=$item
}

# Usage: is_projectless
# True when the current folder is in no project: no config, no environment, nothing that says what a project needs.
is_projectless() {
  declare -F has_manifest >/dev/null || . "${BASH_SOURCE[0]%/*}/venv_lock.sh"
  ! find_project && ! locate_environment && ! has_manifest "$PROJECT_ROOT" && [[ ! -e $PROJECT_ROOT/environment.yml ]]
}

# Usage: plan_in_project <command> [argument]...
# Plans a command in the project's environment, with what the options change in it.
plan_in_project() {
  if [[ -n $RUN_PYTHON ]]; then
    fail E_USAGE_CONFLICT "--python is for scripts with metadata, and where there is no project" \
      why "the project's environment has its own interpreter; pyve python use changes it" fix "$(repeat_without --python 1)"
    return 1
  fi
  if [[ -n $RUN_WITH && $1 != python ]] && is_projectless; then
    plan_python "$@"
    # (The command is not Python.)
    PLAN_ARGV=("$@")
    return
  fi
  if [[ -n $RUN_EPHEMERAL ]]; then
    declare -F plan_ephemeral >/dev/null || . "${BASH_SOURCE[0]%/*}/run_ephemeral.sh"
    plan_ephemeral "$@" || return
  else
    plan_command "$@" || return
  fi
  [[ -n $RUN_WITH ]] || return 0
  declare -F plan_with >/dev/null || . "${BASH_SOURCE[0]%/*}/run_with.sh"
  plan_with
}
