# shellcheck shell=bash
# shellcheck disable=SC2034 # results are handed back in globals that other files read
# Asking an interpreter what it is, by executing it; and remembering the answer, so that the next
# time it has only to be seen that it still holds.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/probe.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F write_file >/dev/null || . "${BASH_SOURCE[0]%/*}/files.sh"
declare -F version_key >/dev/null || . "${BASH_SOURCE[0]%/*}/env_detect.sh"
declare -F logged >/dev/null || . "${BASH_SOURCE[0]%/*}/debug_log.sh"

_interpreter_helper=${BASH_SOURCE[0]%/*}/../helpers/probe_interpreter.py

# The interpreter whose answer was recalled and is not settled yet.
_recalled=""

# Usage: _forget_python
# Empties what probe_interpreter sets.
_forget_python() {
  PYTHON="" PYTHON_VERSION="" PYTHON_IMPLEMENTATION="" PYTHON_ID="" PYTHON_STDLIB=""
  PYTHON_HAS_VENV="" PYTHON_HAS_ENSUREPIP="" PYTHON_PIP_WHEEL="" PYTHON_PRERELEASE="" PYTHON_BUILD=""
  _recalled=""
}

# Usage: _read_answer <answer of the helper>
# Sets PYTHON and its kin; complete to 1 when the answer is whole; noise and last to the first and
# the last line that is none of the helper's.
_read_answer() {
  local line
  while IFS= read -r line; do
    case $line in
      executable=/*) PYTHON=${line#*=} ;;
      version=[0-9]*) PYTHON_VERSION=${line#*=} ;;
      implementation=*) PYTHON_IMPLEMENTATION=${line#*=} ;;
      id=*) PYTHON_ID=${line#*=} ;;
      stdlib=*) PYTHON_STDLIB=${line#*=} ;;
      venv=*) PYTHON_HAS_VENV=${line#*=} ;;
      ensurepip=*) PYTHON_HAS_ENSUREPIP=${line#*=} ;;
      pip_wheel=*) PYTHON_PIP_WHEEL=${line#*=} ;;
      build=*) PYTHON_BUILD=${line#*=} ;;
      prerelease=*) PYTHON_PRERELEASE=${line#*=} ;;
      complete=1) complete=1 ;;
      "") ;;
      *)
        [[ -n $noise ]] || noise=$line
        last=$line
        ;;
    esac
  done <<<"$answer"
}

# Usage: _find_memory <path>
# Sets REPLY to the file that remembers the answer of the interpreter at <path>.
_find_memory() {
  REPLY=${XDG_CACHE_HOME:-${HOME:-}/.cache}/pyve/interpreters/${1//\//%}
}

# Usage: _remember_interpreter <path> <answer of the helper>
# Keeps the answer for _recall_interpreter; that it cannot be kept does not matter.
_remember_interpreter() {
  local REPLY
  _find_memory "$1"
  { mkdir -p "${REPLY%/*}" && printf '%s' "$2" >"$REPLY.new.$$" && mv -f "$REPLY.new.$$" "$REPLY"; } 2>/dev/null || :
}

# Usage: _recall_interpreter <path>
# Sets PYTHON and its kin from the last answer, when nothing speaks against it, and starts the
# interpreter to see that it still runs and is the same: settle_interpreter asks for the outcome.
_recall_interpreter() {
  local answer complete="" noise="" last=""
  _find_memory "$1"
  [[ -f $REPLY && -O $REPLY && ! $1 -nt $REPLY ]] || return 1
  read_file "$REPLY"
  answer=$REPLY
  _read_answer "$answer"
  if [[ -z $complete || -z $PYTHON_BUILD || ! $1 -ef $PYTHON || ! -e $PYTHON_STDLIB || ! -f $PYTHON_PIP_WHEEL ]]; then
    _forget_python
    return 1
  fi
  _recalled=$1
  exec 8< <(logged_exec "$1" -I -S -B -c 'import sys; print(sys.version.replace("\n", " "))' 2>/dev/null </dev/null)
}

# Usage: settle_interpreter
# Waits for what _recall_interpreter started. Status 1 when the interpreter does not run, or is
# another one now; it is forgotten then, and has to be probed again.
settle_interpreter() {
  local build="" status=0
  [[ -n $_recalled ]] || return 0
  IFS= read -r -t 20 build <&8 || status=1
  exec 8<&-
  if ((status)) || [[ $build != "$PYTHON_BUILD" ]]; then
    _find_memory "$_recalled"
    rm -f "$REPLY"
    status=1
  fi
  _recalled=""
  return "$status"
}

# Usage: probe_interpreter <path>
# Executes <path> and sets PYTHON (the real executable, behind links and environments),
# PYTHON_VERSION (3.12.4), PYTHON_IMPLEMENTATION (cpython, pypy), PYTHON_ID (a folder name that
# stands for exactly this installation), PYTHON_STDLIB (its os.py), PYTHON_HAS_VENV,
# PYTHON_HAS_ENSUREPIP ("1" or ""), PYTHON_PIP_WHEEL (a path or "") and PYTHON_PRERELEASE.
# Status 1, all empty and the reason in REPLY, when it does not run or does not answer within
# PYVE_PROBE_TIMEOUT seconds (20). With PROBE_SOON=1 the answer may be the one of the last time,
# and settle_interpreter must be asked before anything is built on it.
probe_interpreter() {
  local path=$1 limit=${PYVE_PROBE_TIMEOUT:-20} started=$SECONDS
  local answer="" noise="" last="" complete="" status=0 child="" before=${!-}
  _forget_python
  [[ $limit =~ ^[1-9][0-9]{0,4}$ ]] || limit=20
  if [[ ! -e $path ]]; then
    REPLY="there is no such file"
    [[ ! -L $path ]] || REPLY="it is a link to a file that is gone"
    return 1
  fi
  if [[ ! -x $path || -d $path ]]; then
    REPLY="it is not executable"
    return 1
  fi
  if [[ -n ${PROBE_SOON-} ]] && _recall_interpreter "$path"; then
    REPLY=$PYTHON
    return 0
  fi
  # One fork, one exec. The end of the pipe is the end of the process; read has the clock.
  {
    child=${!-}
    IFS= read -r -d '' -t "$limit" answer || status=$?
  } < <(logged_exec "$path" -I -S -B "$_interpreter_helper" 2>&1 </dev/null)
  [[ $child != "$before" ]] || child=""
  _read_answer "$answer"
  if [[ -n $complete && -n $PYTHON && $PYTHON_ID =~ ^[a-z0-9][a-z0-9.-]*$ ]] && version_key "$PYTHON_VERSION"; then
    # An answer that something is missing is not kept: it is what somebody will mend.
    if [[ -n ${PROBE_SOON-} && -n $PYTHON_HAS_VENV && -n $PYTHON_PIP_WHEEL ]]; then
      _remember_interpreter "$path" "$answer"
    fi
    REPLY=$PYTHON
    return 0
  fi
  _forget_python
  if ((status > 128 || SECONDS - started >= limit)); then
    if [[ -n $child ]]; then
      kill -9 "$child" 2>/dev/null || true
      wait "$child" 2>/dev/null || true
    fi
    REPLY="it did not answer within $limit seconds"
    return 1
  fi
  status=0
  if [[ -n $child ]]; then
    # Before bash 4.4 a process substitution cannot be waited for: then the status is 127.
    wait "$child" 2>/dev/null || status=$?
  fi
  [[ $noise != Traceback* ]] || noise=$last
  # The shell's own words about a failed exec begin with its file and line.
  noise=${noise#*: line *: }
  REPLY=${noise//[[:cntrl:]]/?}
  if [[ -z $REPLY ]] && ((status > 128)); then
    REPLY="it was killed by signal SIG$(kill -l "$status" 2>/dev/null || printf '%s' "$((status - 128))")"
  elif [[ -z $REPLY ]]; then
    REPLY="it ended with status $status and no answer"
  fi
  return 1
}
