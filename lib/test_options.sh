# shellcheck shell=bash
# shellcheck disable=SC2034 # what was asked for is read by the room and its modules
# The options of `pyve test`: they stand before the arguments of the test runner, to which all else belongs.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/test_options.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F read_option_header >/dev/null || . "${BASH_SOURCE[0]%/*}/cli.sh"
declare -F logged >/dev/null || . "${BASH_SOURCE[0]%/*}/debug_log.sh"

# Usage: take_test_options [argument]...
# Sets opt_<name> for the options at the front, TEST_OPTIONS to them and TEST_WORDS to what follows: the arguments of the
# test runner. An option that is not Pyve's is one of these. Status 1, with a diagnostic, for a value that is missing.
take_test_options() {
  local name word i found
  local -a flags=()
  _option_words=("$@")
  read_option_header "$PYVE_ROOT/lib/commands/test.sh"
  TEST_OPTIONS=() TEST_WORDS=() TEST_IS_ASKED=""
  while (($#)); do
    word=$1
    if [[ $word == -- ]]; then
      shift
      break
    elif [[ $word == --json || $word == --format || $word == --format=* || $word == -C || $word == --no-wait ]]; then
      take_global_option "$@" || return 1
      shift "$REPLY"
      continue
    fi
    # (Such flags of pytest may stand between.)
    if [[ $word =~ ^-[lqsvx]+$ || $word =~ ^--(lf|ff|nf|sw|last-failed|failed-first|verbose|quiet|exitfirst|pdb)$ ]]; then
      flags+=("$word")
      shift
      continue
    fi
    # (pytest-xdist takes -n4, too.)
    [[ $word != -n?* ]] || set -- -n "${word#-n}" "${@:2}"
    name=${1%%=*} found=""
    for ((i = 0; i < ${#_option_long[@]}; i++)); do
      if [[ $name == "--${_option_long[i]}" || (-n ${_option_short[i]} && $1 == "${_option_short[i]}") ]]; then
        found=$i
        break
      fi
    done
    [[ -n $found ]] || break
    take_test_value "$found" "$@" || return 1
    TEST_OPTIONS+=("${@:1:REPLY}")
    shift "$REPLY"
    name=${_option_long[found]}
    [[ $name == *frozen ]] || TEST_IS_ASKED=1
  done
  TEST_WORDS=(${flags[@]+"${flags[@]}"} "$@")
}

# Usage: take_test_value <number of the option> <word>...
# Sets opt_<name> by the option at the front of the words, and REPLY to how many words that were.
take_test_value() {
  local number=$1 option=opt_${_option_long[$1]//-/_} takes=${_option_takes[$1]} value=1 count=1
  shift
  if [[ -n $takes ]]; then
    if [[ $1 == --*=* ]]; then
      value=${1#*=}
    elif (($# < 2)) || [[ $2 == -?* ]]; then
      fail E_USAGE_VALUE "$1 needs a value: $1 $takes" fix "pyve help test"
      return 1
    else
      value=$2 count=2
    fi
  elif [[ $option == opt_changed ]]; then
    # Its value may be left out: then what follows is a file, an option, or nothing.
    value=HEAD
    if [[ $1 == --*=* ]]; then
      value=${1#*=}
    elif (($# > 1)) && [[ $2 != -* && -n $2 && ! -e ${2%%::*} ]]; then
      value=$2 count=2
    fi
  elif [[ $1 == --*=* ]]; then
    replace_option_word "$1" "${1%%=*}"
    fail E_USAGE_VALUE "${1%%=*} takes no value" why "given: $1" fix "$REPLY"
    return 1
  fi
  if [[ -z $value ]]; then
    fail E_USAGE_VALUE "the value of ${1%%=*} is empty" fix "pyve help test"
    return 1
  fi
  [[ $takes != *... || -z ${!option} ]] || value=${!option}$'\n'$value
  printf -v "$option" '%s' "$value"
  REPLY=$count
}

# Usage: check_test_options
# Status 1, with a diagnostic, for a value that is none, and for options that exclude each other.
check_test_options() {
  local word
  opt_backend=${opt_backend:-pytest}
  case $opt_backend in
    pytest) ;;
    unittest) check_unittest_options || return 1 ;;
    *)
      suggest "$opt_backend" pytest unittest
      fail_test_choice --backend "$opt_backend" "pytest or unittest" "${REPLY:-pytest}" || return 1
      ;;
  esac
  [[ -z $opt_snapshot || $opt_snapshot == update ]] || fail_test_choice --snapshot "$opt_snapshot" "update" update || return 1
  [[ -z $opt_numprocesses || $opt_numprocesses =~ ^([0-9]{1,4}|auto|logical)$ ]] ||
    fail_test_choice -n "$opt_numprocesses" "a number, auto or logical" auto || return 1
  [[ -z $opt_retries || $opt_retries =~ ^[0-9]{1,4}$ ]] || fail_test_choice --retries "$opt_retries" "a number" 2 || return 1
  [[ -z $opt_timeout || $opt_timeout =~ ^[0-9]{1,7}(\.[0-9]{1,3})?$ ]] ||
    fail_test_choice --timeout "$opt_timeout" "a number of seconds" 60 || return 1
  if [[ -n $opt_shard ]]; then
    [[ $opt_shard =~ ^([0-9]{1,6})/([0-9]{1,6})$ ]] && ((10#${BASH_REMATCH[1]} >= 1 && 10#${BASH_REMATCH[1]} <= 10#${BASH_REMATCH[2]})) ||
      fail_test_choice --shard "$opt_shard" "I/N, with I from 1 to N" 1/2 || return 1
  fi
  for word in ${opt_python//,/ }; do
    [[ $word =~ ^[0-9]+(\.[0-9]+){0,2}([a-z]+[0-9]+)?$ ]] || fail_test_choice --python "$opt_python" "versions, as in 3.11,3.12" 3.12 || return 1
  done
  if [[ -n $opt_timings && ! -e $opt_timings && -n $opt_shard ]]; then
    fail_without_option E_TEST_TIMINGS "there is no $opt_timings" "a shard reads the durations of tests from it, and each machine needs the same ones" \
      "without --timings, tests are split by their names" --timings
    return 1
  fi
  if [[ -n $opt_timings && -z $opt_shard && -n $opt_python ]]; then
    fail_without_option E_USAGE_CONFLICT "--timings and --python exclude each other, but for a shard" \
      "durations are written by a run with one interpreter" "" --timings
    return 1
  elif [[ -n $opt_discover && -n $opt_python ]]; then
    fail_without_option E_USAGE_CONFLICT "--discover and --python exclude each other" "tests are looked for with one interpreter" "" --python
    return 1
  elif [[ -n $opt_watch && -n $opt_discover ]]; then
    fail_without_option E_USAGE_CONFLICT "--discover and --watch exclude each other" "--discover runs nothing" "" --watch
    return 1
  fi
}

# Usage: check_unittest_options
# Status 1, with a diagnostic, for an option that only plugins of pytest can do.
check_unittest_options() {
  local name word
  for name in numprocesses retries snapshot; do
    word=opt_$name
    [[ -n ${!word} ]] || continue
    word=--$name
    [[ $name != numprocesses ]] || word=-n
    fail_without_option E_TEST_BACKEND "unittest cannot do $word" "a plugin of pytest does it; pytest runs tests of unittest, too" "" --backend
    return 1
  done
}

# Usage: fail_test_choice <option> <given> <what is allowed> <an example>
# Says that the value is none. Status 1.
fail_test_choice() {
  local i
  local -a words=("${TEST_OPTIONS[@]}")
  for ((i = 0; i < ${#words[@]}; i++)); do
    case ${words[i]} in
      "$1=$2" | "--numprocesses=$2") words[i]=${words[i]%%=*}=$4 ;;
      "$2") ((i > 0)) && [[ ${words[i - 1]} == -* ]] && words[i]=$4 ;;
    esac
  done
  quote_words pyve test "${words[@]}" ${TEST_WORDS[@]+"${TEST_WORDS[@]}"}
  fail E_USAGE_CHOICE "$1 takes $3" why "given: $2" fix "$REPLY"
}

# Usage: fail_without_option <code> <message> <why> <why, or ""> <option>
# Says so, and proposes the same command without the option and its value. Status 1.
fail_without_option() {
  local code=$1 message=$2 first=$3 second=$4
  drop_test_option "$5"
  fail "$code" "$message" why "$first" ${second:+why "$second"} fix "$REPLY"
}

# Usage: drop_test_option <option>
# Sets REPLY to the command line as it was given, without that option and its value.
drop_test_option() {
  local i name takes=""
  local -a words=()
  for ((i = 0; i < ${#_option_long[@]}; i++)); do
    [[ $1 != "--${_option_long[i]}" ]] || takes=${_option_takes[i]}
  done
  for ((i = 0; i < ${#TEST_OPTIONS[@]}; i++)); do
    name=${TEST_OPTIONS[i]}
    if [[ $name == "$1" ]]; then
      [[ -z $takes && ($1 != --changed || ${TEST_OPTIONS[i + 1]--} == -*) ]] || i=$((i + 1))
    elif [[ $name != "$1="* ]]; then
      words+=("$name")
    fi
  done
  quote_words pyve test ${words[@]+"${words[@]}"} ${TEST_WORDS[@]+"${TEST_WORDS[@]}"}
}

# Usage: check_test_revision
# For --changed, in the project: status 1, with a diagnostic, when there is no such commit. Sets opt_changed to its name.
check_test_revision() {
  local commit="" said="" why="git has no commit of that name here"
  if ! commit=$(logged git -C "$PROJECT_ROOT" rev-parse --verify --quiet --end-of-options "$opt_changed^{commit}" 2>/dev/null </dev/null); then
    if ! type -P git >/dev/null; then
      why="git is not installed"
    elif ! said=$(logged git -C "$PROJECT_ROOT" rev-parse --is-shallow-repository 2>&1 </dev/null); then
      why="the project is in no git repository"
      # (Such as one that belongs to somebody else.)
      [[ $said == *"not a git repository"* ]] || why="git says: ${said%%$'\n'*}"
    elif [[ $opt_changed == HEAD ]]; then
      why="nothing has been committed yet"
    elif [[ $said == true ]]; then
      why="git has no commit of that name here: only the newest were fetched, and git fetch --unshallow brings the others"
    fi
    fail_without_option E_TEST_REVISION "there is nothing to compare with: $opt_changed" "$why" "--changed runs the tests that a change since a commit may affect" --changed
    return 1
  fi
  opt_changed=$commit
}
