# shellcheck shell=bash
# `pyve doctor --fix`: applies the fixes of what was found.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/doctor/mend.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F run_check >/dev/null || . "${BASH_SOURCE[0]%/*}/checks.sh"
declare -F lock_project >/dev/null || . "${BASH_SOURCE[0]%/*}/../project_lock.sh"
declare -F logged >/dev/null || . "${BASH_SOURCE[0]%/*}/../debug_log.sh"

# True after a fix was applied: what was found before it may be gone. And whether any was.
_mended_since="" _mended_any=""

# Usage: mend_findings [id]...
# Applies the fixes that lose nothing, then asks for those that remove something, and runs the checks again (all of
# them when none is named), because what was mended may have hidden other faults; those are mended, too. Says what
# is left, which is then what was found.
mend_findings() {
  local check kind round tried=" " before=" "
  DOCTOR_STYLE=silent _mended_any=""
  for round in 1 2 3; do
    _mended_since=""
    for kind in auto destructive; do
      for check in ${FOUND_CHECKS[@]+"${FOUND_CHECKS[@]}"}; do
        if [[ $tried != *" $kind:$check "* ]]; then
          tried+="$kind:$check "
          [[ $before == *" $check "* ]] || before+="$check "
          mend_check "$check" "$kind"
        fi
      done
    done
    [[ $_mended_any == "$round" ]] || break
    prepare_doctor && run_checks "$@"
  done
  DOCTOR_STYLE=doctor
  for check in $before; do
    was_found "$check" || set_outcome "$check" fixed
  done
  tell_left
}

# Usage: tell_left
# Says what is left after --fix, and gives its diagnostics.
tell_left() {
  local i
  if [[ -n $_mended_any && ${#FOUND_CHECKS[@]} -gt 0 && -z ${PYVE_QUIET-} ]]; then
    talk "Left:" plain ""
  fi
  for ((i = 0; i < ${#FOUND_CHECKS[@]}; i++)); do
    # (When nothing was done, it has just been said.)
    if [[ -n $_mended_any ]]; then
      tell_finding "$i"
    else
      give_diagnostic "$i" 2>/dev/null
    fi
  done
}

# Usage: set_outcome <check> <status>
# Changes what the check came to.
set_outcome() {
  local i
  for ((i = 0; i < ${#CHECK_IDS[@]}; i++)); do
    [[ ${CHECK_IDS[i]} != "$1" ]] || CHECK_STATUSES[i]=$2
  done
}

# Usage: recheck <id>
# Runs the check again, with all that it goes by seen anew.
recheck() {
  prepare_doctor && run_check "$1"
}

# Usage: list_fixes <check> <auto|destructive>
# Sets FIXES to the commands of that kind that the check has given, each once.
list_fixes() {
  local i j known kind
  local -a parts
  FIXES=()
  for ((i = 0; i < ${#FOUND_CHECKS[@]}; i++)); do
    [[ ${FOUND_CHECKS[i]} == "$1" ]] || continue
    split_parts "$i"
    for ((j = 0; j + 1 < ${#parts[@]}; j += 2)); do
      kind=${parts[j]}
      [[ $kind != fix ]] || ! is_destructive "${parts[j + 1]}" || kind=destructive
      [[ $kind == "$2" ]] || continue
      for known in ${FIXES[@]+"${FIXES[@]}"}; do
        [[ $known != "${parts[j + 1]}" ]] || continue 2
      done
      FIXES+=("${parts[j + 1]}")
    done
  done
}

# Usage: find_untried <check> <auto|destructive> <tried>
# Sets REPLY to the first fix of that kind that the check gives now and that is not in <tried>. Status 1 when there
# is none.
find_untried() {
  local command
  local -a FIXES
  list_fixes "$1" "$2"
  for command in ${FIXES[@]+"${FIXES[@]}"}; do
    if [[ $3 != *"$_part_mark$command$_part_mark"* ]]; then
      REPLY=$command
      return 0
    fi
  done
  return 1
}

# Usage: mend_check <check> <auto|destructive>
# Applies the fixes of that kind, one after the other, while what the check found is still there. Reads round of
# mend_findings.
mend_check() {
  local command shown tried=$_part_mark status
  if [[ -n $_mended_since ]]; then
    recheck "$1" || return 0
    if ! was_found "$1"; then
      tell_step ok "$1: mended with it"
      return 0
    fi
  fi
  while find_untried "$1" "$2" "$tried"; do
    command=$REPLY
    tried+=$command$_part_mark status=0
    show_command "$command"
    shown=$REPLY
    if [[ $2 == destructive ]] && ! can_ask; then
      tell_step note "$1: left to you, because it removes something: $shown"
      continue
    elif [[ $2 == destructive ]] && ! prompt_yes_no "$1: run it? $shown"; then
      tell_step note "$1: left as it is"
      continue
    fi
    tell_step note "$1: $shown"
    apply_fix "$1" "$command" || status=$?
    ((status == 0)) || tell_step warning "$1: that ended with status $status"
    _mended_since=1 _mended_any=$round
    recheck "$1" || return 0
    if ! was_found "$1"; then
      tell_step ok "$1: mended"
      return 0
    fi
  done
}

# Usage: tell_step <note|warning|ok> <text>
# Says what --fix does.
tell_step() {
  local REPLY
  record_event "$1" "$2"
  if [[ -z ${PYVE_QUIET-} || $1 == warning ]]; then
    choose_mark "$1"
    talk "$2" "$1" "$REPLY "
  fi
}

# Usage: apply_fix <check> <command>
# Runs a fix where Pyve was called. Status: that of the command.
apply_fix() {
  local mend=mend_${1//-/_} status=0
  if [[ $2 == "pyve "*"doctor --fix --only $1" ]]; then
    # One command at a time changes a project.
    CDPATH="" cd -- "$PROJECT_ROOT" && lock_project && "$mend" || status=$?
    unlock_project
    return "$status"
  fi
  split_words "$2"
  ((${#WORDS[@]})) || return 1
  # pyve is this one, whatever PATH has.
  if [[ ${WORDS[0]} == pyve ]]; then
    WORDS[0]=$PYVE_ROOT/pyve.sh
  elif [[ ${WORDS[0]} == sh && ${#WORDS[@]} == 3 ]]; then
    quote_word "$PYVE_ROOT/pyve.sh"
    replace_all "${WORDS[2]}" "&& pyve " "&& $REPLY "
    WORDS[2]=$REPLY
  fi
  (
    CDPATH="" cd -- "$DOCTOR_START" 2>/dev/null || :
    # It has been asked already.
    export PYVE_FORCE_YES=1
    [[ -z ${PYVE_NO_WAIT-} ]] || export PYVE_NO_WAIT
    # stdout belongs to the report.
    if [[ -n ${PYVE_VERBOSE-} ]]; then
      logged_exec "${WORDS[@]}" >&2 </dev/null
    fi
    logged_exec "${WORDS[@]}" >/dev/null </dev/null
  ) || status=$?
  return "$status"
}
