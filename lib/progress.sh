# shellcheck shell=bash
# Long work by other programs: their output is kept back, and one line says how far they are.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/progress.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F log_info >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"
declare -F find_width >/dev/null || . "${BASH_SOURCE[0]%/*}/terminal.sh"
declare -F end_descendants >/dev/null || . "${BASH_SOURCE[0]%/*}/descendants.sh"
declare -F logged >/dev/null || . "${BASH_SOURCE[0]%/*}/debug_log.sh"

# Where nothing moves, a line is printed no oftener than this, in tenths of a second.
PROGRESS_INTERVAL=100
# What takes less than this shows nothing on a terminal.
PROGRESS_DELAY=3

# Before the status of the program, which is the last line that it seems to print.
_progress_end=$'\x1e'
_progress_running=""

# Usage: run_long <what> <reader> <command>...
# Runs a command that may take long, with nothing on stdin, and tells on stderr what is done, how
# far it is and for how long: by a line that moves on a terminal, else by a line now and then.
# `<reader> <line>` is called for each line of the command's output; it sets _step to what the line
# says about how far the work is, _notice to 1 for a line that has to be shown in the end, and
# _dropped to 1 for one that is not worth keeping. When the command fails, all of its output is shown
# on stderr; or, when LONG_LOG names a file, written there in any case. With --verbose the output
# appears as it comes. Status: that of the command.
run_long() {
  local what=$1 reader=$2 manner=none status=0
  shift 2
  if [[ -n ${PYVE_VERBOSE-} && -z ${LONG_LOG-} ]]; then
    load_redact
    logged "$@" 2>&1 </dev/null | redact_lines >&2 || status=$?
    return "$status"
  fi
  if can_move; then
    manner=move
    find_width 2
    _progress_width=$REPLY
  elif [[ -z ${PYVE_QUIET-} ]]; then
    manner=tell
  fi
  if [[ ${PYVE_JSON-} == jsonl ]]; then
    manner=emit
    load_json
  fi
  [[ -n $_progress_running ]] || { at_exit end_long_work && mark_descendants; }
  _progress_running=$manner
  run_to_the_end "$@" 2>&1 </dev/null | watch_output "$what" "$reader" "$manner" || status=$?
  _progress_running=over
  return "$status"
}

# Usage: run_to_the_end <command>...
# Runs the command, and prints its status behind its output.
run_to_the_end() {
  local status=0
  # Colour is for people; what reads this is watch_output.
  unset FORCE_COLOR CLICOLOR_FORCE
  export PYVE_STARTED_BY
  NO_COLOR=1 logged "$@" || status=$?
  printf '\n%s%d\n' "$_progress_end" "$status"
}

# Usage: watch_output <what> <reader> <move|tell|emit|none>
# Reads the output of run_to_the_end, and tells how far it is. Status: the one at its end, or 130
# without one.
watch_output() {
  local what=$1 reader=$2 manner=$3 status=130 line kept="" notices="" read_status before
  local _step="" _notice="" _dropped="" is_due="" shown="" elapsed=0 next=$PROGRESS_INTERVAL drawn=-10 started
  local is_cut="" is_resized="" is_trace=""
  # Ctrl-C is for the program; this is here to clear up behind it.
  trap 'is_cut=1' INT
  trap 'is_resized=1' WINCH
  read_clock
  started=$REPLY
  while :; do
    choose_wait
    read_status=0
    before=$SECONDS
    IFS= read -r -t "$REPLY" line || read_status=$?
    read_clock
    elapsed=$((REPLY - started))
    if ((read_status == 0)); then
      if [[ $line == "$_progress_end"* ]]; then
        status=${line#"$_progress_end"}
        break
      fi
      _notice="" _dropped=""
      [[ $line != "Traceback (most recent call last):" ]] || is_trace=1
      # How a program ends that was broken off, or fails, is no step of its work.
      if [[ -z $is_cut$is_trace ]]; then
        # What a bar has overwritten does not count.
        "$reader" "${line##*$'\r'}"
        is_due=1
      fi
      [[ -n $_dropped ]] || kept+=$line$'\n'
      [[ -z $_notice ]] || notices+=$line$'\n'
    elif ((read_status <= 128)) && { ((BASH_VERSINFO[0] >= 4)) || ((SECONDS == before)); }; then
      # The end of the output, without a status: the program's shell was killed. (bash 3.2 says 1
      # when the time is over, too.)
      break
    else
      is_due=1
    fi
    show_progress
  done
  [[ $manner != move || -z $shown ]] || printf '\r\033[K' >&2
  # run_to_the_end ends the last line, in case the program did not.
  kept=${kept%$'\n'}
  load_redact
  redact "$kept"
  kept=$REPLY
  if [[ -n ${LONG_LOG-} ]]; then
    printf '%s' "$kept" >"$LONG_LOG" || :
  elif ((status == 0)); then
    redact "$notices"
    printf '%s' "$REPLY" >&2
  elif [[ -z $is_cut ]]; then
    printf '%s' "$kept" >&2
  fi
  return "$status"
}

# Usage: choose_wait
# Sets REPLY to how many seconds to wait for a line: until there is something to draw.
choose_wait() {
  local tenths=10
  if ((BASH_VERSINFO[0] < 4)); then
    REPLY=1
    return 0
  fi
  if [[ $manner == move && -z $shown ]]; then
    tenths=$((PROGRESS_DELAY - elapsed))
  elif [[ $manner == move && -n $is_due ]]; then
    tenths=1
  fi
  ((tenths > 0)) || tenths=1
  REPLY=$((tenths / 10)).$((tenths % 10))
}

# Usage: show_progress
# Draws or prints the line, when it is time to. For watch_output, whose locals it uses.
show_progress() {
  case $manner in
    move)
      if ((elapsed >= PROGRESS_DELAY && elapsed > drawn)); then
        if [[ -n $is_resized ]]; then
          is_resized="" _terminal_columns=""
          find_width 2
          _progress_width=$REPLY
        fi
        describe_progress
        fit_line "$REPLY" "$((_progress_width - 1))"
        printf '\r%s\033[K' "$REPLY" >&2
        shown=1 is_due="" drawn=$elapsed
      fi
      ;;
    tell)
      if ((elapsed >= next)); then
        describe_progress
        printf '%s\n' "$REPLY" >&2
        next=$((elapsed + PROGRESS_INTERVAL))
      fi
      ;;
    emit)
      # The same words within a second say nothing new.
      if [[ $_step != "$shown" ]] || ((elapsed >= drawn + 10)); then
        emit_progress "$what" "$_step" "$elapsed"
        shown=$_step drawn=$elapsed
      fi
      ;;
  esac
}

# Usage: describe_progress
# Sets REPLY to "<what>: <step>, <time>". For watch_output.
describe_progress() {
  local seconds=$((elapsed / 10)) text
  load_redact
  redact "$what${_step:+: $_step}"
  clean_text "$REPLY"
  text=$REPLY
  if ((seconds >= 60)); then
    REPLY="$text, $((seconds / 60)) min $((seconds % 60)) s"
  else
    REPLY="$text, $seconds s"
  fi
}

# Usage: fit_line <text> <width>
# Sets REPLY to the text, shortened in its middle to that many characters: what it is about and the
# time at its end stay.
fit_line() {
  local text=$1 width=$2 tail head wide="é"
  REPLY=$text
  ((${#text} > width)) || return 0
  tail=${text##*,}
  tail="...,$tail"
  if ((${#tail} >= width)); then
    tail=""
  fi
  head=${text:0:width-${#tail}}
  if ((${#wide} > 1)); then
    # This locale counts bytes: a character may have been cut through.
    while [[ $head == *[$'\x80'-$'\xff'] ]]; do
      head=${head%?}
    done
  fi
  REPLY=$head$tail
}

# Usage: read_clock
# Sets REPLY to tenths of a second since some moment; whole seconds before bash 5.
read_clock() {
  if [[ -n ${EPOCHREALTIME-} ]]; then
    REPLY=${EPOCHREALTIME//[.,]/}
    REPLY=${REPLY%?????}
  else
    REPLY=$((SECONDS * 10))
  fi
}

# Usage: read_any_line <line>
# A reader for run_long: the last line that says something is how far the work is.
read_any_line() {
  local line=${1#"${1%%[![:space:]]*}"}
  line=${line%"${line##*[![:space:]]}"}
  [[ -z $line ]] || _step=${line%"..."}
}

# Usage: end_long_work
# At exit: ends the programs of run_long, when a signal broke it off, and clears the line.
end_long_work() {
  case $_progress_running in
    "" | over) return 0 ;;
  esac
  end_descendants
  [[ $_progress_running != move ]] || printf '\r\033[K' >&2
}
