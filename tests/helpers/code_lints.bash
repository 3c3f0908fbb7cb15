# What is wrong in the registry of codes: `bash code_lints.bash LINT [TREE]` prints a line for each fault.
# (A process of its own, because bats makes loops slow.)

set -euo pipefail

PYVE_TREE=$(CDPATH="" cd -- "${BASH_SOURCE[0]%/*}/../.." && pwd)
# shellcheck source=lib/codes.sh
. "$PYVE_TREE/lib/codes.sh"
# shellcheck source=lib/headers.sh
. "$PYVE_TREE/lib/headers.sh"
# shellcheck source=lib/doctor/list.sh
. "$PYVE_TREE/lib/doctor/list.sh"

# Usage: lint_lines
# Every line is one that Pyve reads, and stands where it may.
lint_lines() {
  local file line previous
  find_code_files
  for file in "${CODE_FILES[@]}"; do
    previous=""
    while IFS= read -r line || [[ -n $line ]]; do
      case $line in
        "" | "#"*) ;;
        [EWI]_*)
          [[ $line =~ ^[EWI]_[A-Z0-9]+(_[A-Z0-9]+)*$ && -z $previous ]] || printf '%s: %s\n' "${file##*/}" "$line"
          ;;
        "Message: "* | "Means: "* | "Cause: "* | "Fix: "* | "Remedy: "* | "Check: "*)
          [[ -n $previous && $previous != "#"* ]] || printf '%s: no code before: %s\n' "${file##*/}" "$line"
          [[ $line != *[![:print:]]* && $line != *" " && $line != *"\`"* && $line != *"  "* ]] ||
            printf '%s: %s\n' "${file##*/}" "$line"
          ;;
        *) printf '%s: %s\n' "${file##*/}" "$line" ;;
      esac
      previous=$line
    done <"$file"
    list_codes "$file"
    [[ -n $AREA_TITLE && ${file##*/} != "$AREA_TITLE.txt" ]] || printf '%s: no # Area:\n' "${file##*/}"
    # shellcheck disable=SC2153 # list_codes has set it
    ((${#CODES[@]} == ${#CODE_MESSAGES[@]})) || printf '%s: not one message for each code\n' "${file##*/}"
  done
}

# Usage: lint_blocks
# Every code says what it means, how it comes about and what mends it.
lint_blocks() {
  local code text
  list_codes
  for code in ${CODES[@]+"${CODES[@]}"}; do
    find_code "$code" || continue
    [[ -n $CODE_MESSAGE && $CODE_MESSAGE != *. ]] || printf '%s: Message: %s\n' "$code" "$CODE_MESSAGE"
    [[ -n $CODE_MEANS ]] || printf '%s: no Means\n' "$code"
    ((${#CODE_CAUSES[@]})) || printf '%s: no Cause\n' "$code"
    [[ -n $CODE_REMEDY || ${#CODE_FIXES[@]} -gt 0 ]] || printf '%s: neither Fix nor Remedy\n' "$code"
    for text in "$CODE_MEANS" ${CODE_CAUSES[@]+"${CODE_CAUSES[@]}"} ${CODE_REMEDY:+"$CODE_REMEDY"}; do
      [[ -z $text || $text == [A-Za-z.-]*. ]] || printf '%s: no sentence: %s\n' "$code" "$text"
    done
  done
}

# Usage: lint_checks
# A check that a code names is one of doctor's.
lint_checks() {
  local code check known="|"
  for check in "${DOCTOR_CHECKS[@]}"; do
    known+="${check%% *}|"
  done
  list_codes
  for code in ${CODES[@]+"${CODES[@]}"}; do
    find_code "$code" || continue
    [[ -z $CODE_CHECK || $known == *"|$CODE_CHECK|"* ]] || printf '%s: there is no check %s\n' "$code" "$CODE_CHECK"
  done
}

# Usage: explain_command <command line>
# Prints what is wrong with a command line that begins with pyve, or nothing.
explain_command() {
  local word name="" options=" " line
  local -a words
  read -ra words <<<"$1"
  for line in "${GLOBAL_OPTIONS[@]}"; do
    split_option "$line"
    options+="$option_short $option_long "
  done
  set -- "${words[@]:1}"
  while (($#)); do
    word=$1
    shift
    if [[ $word == -- ]]; then
      return 0
    elif [[ $word == -* ]]; then
      [[ $options == *" ${word%%=*} "* ]] || printf 'pyve %s has no option %s\n' "$name" "$word"
      [[ $word != -C || $# == 0 ]] || shift
    elif [[ -z $name ]]; then
      name=$word
      if [[ ! -f $PYVE_TREE/lib/commands/$name.sh ]]; then
        printf 'there is no pyve %s\n' "$name"
        return 0
      fi
      read_header "$PYVE_TREE/lib/commands/$name.sh"
      for line in ${header_option[@]+"${header_option[@]}"}; do
        split_option "$line"
        options+="$option_short $option_long "
      done
      # What follows is the command's own.
      [[ $name != run && $name != test ]] || return 0
    fi
  done
}

# Usage: lint_fixes
# A fix is one command that can be pasted; Pyve's own commands are there, with their options.
lint_fixes() {
  local code fix rest
  list_codes
  for code in ${CODES[@]+"${CODES[@]}"}; do
    find_code "$code" || continue
    for fix in ${CODE_FIXES[@]+"${CODE_FIXES[@]}"}; do
      # (NAME, FILE and the like stand for something, so they cannot be pasted.)
      [[ ! " $fix " =~ \ [A-Z]{3,}\  && $fix != *[\;\|\&\<\>\`]* && $fix != *"..."* ]] ||
        printf '%s: not to be pasted: %s\n' "$code" "$fix"
      rest=$fix
      while [[ $rest =~ ^(env|-u\ [A-Z0-9_]+|[A-Z0-9_]+=[^ ]*)\ (.*)$ ]]; do
        rest=${BASH_REMATCH[2]}
      done
      if [[ $rest == pyve || $rest == "pyve "* ]]; then
        rest=$(explain_command "$rest")
        [[ -z $rest ]] || printf '%s: %s\n' "$code" "$rest"
      fi
    done
    # Those in a text are recognised by an option.
    rest="$CODE_MEANS ${CODE_CAUSES[*]-} $CODE_REMEDY"
    while [[ $rest =~ pyve\ ([a-z-]+)((\ --[a-z-]+)+)(.*)$ ]]; do
      rest=${BASH_REMATCH[4]}
      fix=$(explain_command "pyve ${BASH_REMATCH[1]}${BASH_REMATCH[2]}")
      [[ -z $fix ]] || printf '%s: %s\n' "$code" "$fix"
    done
  done
}

PYVE_ROOT=${2:-$PYVE_TREE}
"lint_$1"
