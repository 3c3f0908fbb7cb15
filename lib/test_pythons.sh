# shellcheck shell=bash
# The tests of a project with several interpreters, at the same time.
#
# For each there are two cached environments (lib/cached_env.sh): one of the project's lock with the project in it, and
# one of the test tools that sees the first behind its own packages. The project's own environment has no part in it.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/test_pythons.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F find_cached_env >/dev/null || . "${BASH_SOURCE[0]%/*}/cached_env.sh"
declare -F fail_without_option >/dev/null || . "${BASH_SOURCE[0]%/*}/test_options.sh"
declare -F plan_tests >/dev/null || . "${BASH_SOURCE[0]%/*}/test_run.sh"
declare -F get_pytest_version >/dev/null || . "${BASH_SOURCE[0]%/*}/testenv.sh"
declare -F list_test_plugins >/dev/null || . "${BASH_SOURCE[0]%/*}/test_tools.sh"
declare -F get_sync_note >/dev/null || . "${BASH_SOURCE[0]%/*}/sync_state.sh"

# Same index: what was asked for, and its environments.
_python_labels=() _python_projects=() _python_testenvs=()
# Their runs; "1" after Ctrl-C.
_python_children=() _python_cut=""

# Usage: run_test_pythons <folder to work in> <profile, or ""> <JUnit file, or ""> <argument>...
# Runs the tests with each of opt_python, and tells what they came to. The highest status of any.
run_test_pythons() {
  local here=$1 profile=$2 junit=$3 i status worst=0
  local -a steps=()
  shift 3
  if [[ $ENVIRONMENT_BACKEND != venv ]]; then
    fail_without_option E_TEST_PYTHONS "--python works with environments of the venv backend only" \
      "a conda environment has the interpreter that environment.yml names" "" --python
    return 1
  elif [[ ! -f $PROJECT_ROOT/pylock.toml ]]; then
    fail E_LOCK_MISSING "there is no pylock.toml" why "the environments for --python are made from it" fix "pyve lock"
    return 1
  fi
  make_test_pythons || return 1
  if is_explaining; then
    # (What has to be made first is no part of one of the plans.)
    steps=(${PLAN_STEPS[@]+"${PLAN_STEPS[@]}"})
    plan_test_python 0 "$profile" "$here" "" "$@" || return 1
    PLAN_STEPS=(${steps[@]+"${steps[@]}"})
    for ((i = 1; i < ${#_python_labels[@]}; i++)); do
      plan_chosen python "${_python_labels[i]}" "in the same way and at the same time, with ${_python_testenvs[i]}"
    done
    start_planned
    return
  fi
  # Ctrl-C is for the runs: they clear up, and what they came to by then is told.
  trap cut_test_pythons INT
  for ((i = 0; i < ${#_python_labels[@]}; i++)); do
    (
      trap - INT
      PYVE_JSON=""
      plan_test_python "$i" "$profile" "$here" "${junit:+$TEST_RUN/$i.xml}" "$@" && start_planned
    ) >"$TEST_RUN/$i.output" 2>&1 </dev/null &
    _python_children+=("$!")
  done
  for ((i = 0; i < ${#_python_labels[@]}; i++)); do
    wait_for_python "${_python_children[i]}"
    status=$REPLY
    add_test_run "${_python_labels[i]}" "$status" "$TEST_RUN/$i" "$TEST_RUN/$i.xml"
    ((status <= worst)) || worst=$status
    # (Not before: what is broken off by a signal has to end its children.)
    ((i < ${#_python_labels[@]} - 1)) || _has_run=1
    if ((status)) || [[ -n $PYVE_VERBOSE ]]; then
      printf '%s\n' "--- Python ${_python_labels[i]}" >&2
      show_test_output "$TEST_RUN/$i.output"
    fi
  done
  [[ -z $junit ]] || answer junit "$junit"
  tell_tests "${_python_testenvs[0]}/bin/python" --table ${junit:+--junit "$junit"} || return 1
  return "$worst"
}

# Usage: wait_for_python <process>
# Sets REPLY to the status that one of the runs ends with.
wait_for_python() {
  REPLY=0
  wait "$1" || REPLY=$?
  # (Ctrl-C ends the waiting, and not the run.)
  while ((REPLY > 128)) && kill -0 "$1" 2>/dev/null; do
    REPLY=0
    wait "$1" || REPLY=$?
  done
}

# Usage: cut_test_pythons
# On Ctrl-C, which the runs get, too; a second one ends them.
cut_test_pythons() {
  if [[ -n $_python_cut ]]; then
    interrupt
    exit 130
  fi
  _python_cut=1
}

# Usage: make_test_pythons
# Finds the environments for each version in opt_python, or makes them. Status 1 after a diagnostic.
make_test_pythons() {
  local version word place site
  local -a selected=() tools=()
  get_sync_note "$ENVIRONMENT" selection
  for word in $REPLY; do
    selected+=(--select "$word")
  done
  list_test_tools
  for word in ${TEST_TOOLS[@]+"${TEST_TOOLS[@]}"}; do
    tools+=(--requirement "$word")
  done
  for version in ${opt_python//,/ }; do
    # (One of them twice is one.)
    [[ " ${_python_labels[*]-} " != *" $version "* ]] || continue
    compose_cached_request test --python "$version" --lock "$PROJECT_ROOT/pylock.toml" --root "$PROJECT_ROOT" --project \
      --name "the project for Python $version" ${selected[@]+"${selected[@]}"}
    have_cached_env || return 1
    place=$CACHED_ENV
    _python_labels+=("$version")
    _python_projects+=("$place")
    # (Its name is known before it is made, but for a version such as 3.)
    site=$place/lib/python$version/site-packages
    if [[ $version =~ ^[0-9]+\.[0-9]+ ]]; then
      site=$place/lib/python${BASH_REMATCH[0]}/site-packages
    else
      for site in "$place"/lib/python3*/site-packages; do :; done
    fi
    # (The project's own pytest stays the one that is used.)
    REPLY=""
    [[ -z $TEST_PYTEST ]] || get_pytest_version "$place"
    compose_cached_request test --python "$version" --base "$site" --name "the test tools for Python $version" \
      ${tools[@]+"${tools[@]}"} ${TEST_PYTEST:+--requirement "pytest${REPLY:+==$REPLY}"}
    have_cached_env || return 1
    _python_testenvs+=("$CACHED_ENV")
    [[ ! -d $CACHED_ENV ]] || place_test_package "$CACHED_ENV" || return 1
  done
}

# Usage: have_cached_env
# Makes the environment of the last request, where it is not there. Status 1 after a diagnostic.
have_cached_env() {
  local status=0
  find_cached_env || status=$?
  if ((status == 1)) && is_explaining; then
    plan_step "the environment $CACHED_ENV is made"
    return 0
  fi
  ((status != 1)) || HELPER_FIX_FILTER=leave_out_change make_cached_env
}

# Usage: leave_out_change <fix of a helper>
# Sets REPLY to it, but to "" for a change of the project's requirements: the test tools are none of these.
leave_out_change() {
  REPLY=$1
  case $1 in
    "pyve add "* | "pyve remove "* | "pyve upgrade "*) REPLY="" ;;
  esac
}

# Usage: list_test_tools
# Sets the array TEST_TOOLS to the requirements of the test environment: what requirements-dev.txt says, and the plugins
# that the options need; TEST_PYTEST to "1" when pytest is to be added.
list_test_tools() {
  local name
  # (The project's own packages come from its lock.)
  local -a seen=("$PROJECT_ROOT/requirements.txt" "$PROJECT_ROOT/requirements.in")
  TEST_TOOLS=() TEST_PYTEST=""
  add_test_requirements "$PROJECT_ROOT/requirements-dev.txt"
  if [[ $opt_backend == pytest ]] && ! is_test_tool pytest; then
    TEST_PYTEST=1
  fi
  list_test_plugins
  for name in ${TEST_PLUGINS[@]+"${TEST_PLUGINS[@]}"}; do
    is_test_tool "$name" || TEST_TOOLS+=("$name")
  done
}

# Usage: is_test_tool <name>
# True when TEST_TOOLS has it.
is_test_tool() {
  local tool
  for tool in ${TEST_TOOLS[@]+"${TEST_TOOLS[@]}"}; do
    [[ $tool != "$1" && $tool != "$1"[\ =\<\>~!\;@\[]* ]] || return 0
  done
  return 1
}

# Usage: add_test_requirements <file>
# Adds the requirements of a file, where it is there, to TEST_TOOLS, and those of files that it names by -r, but for those in
# seen, of its caller: to this it is added.
add_test_requirements() {
  local line folder=${1%/*} name=${1#"$PROJECT_ROOT/"}
  [[ -f $1 && -r $1 ]] || return 0
  for line in "${seen[@]}"; do
    [[ ! $1 -ef $line ]] || return 0
  done
  seen+=("$1")
  while IFS= read -r line || [[ -n $line ]]; do
    line=${line%$'\r'}
    line=${line%%[[:space:]]#*}
    line=${line%%[[:space:]]--hash*}
    line=${line%\\}
    line=${line#"${line%%[![:space:]]*}"}
    line=${line%"${line##*[![:space:]]}"}
    case $line in
      "" | "#"*) ;;
      -r* | --requirement[=\ ]*)
        line=${line#-r} line=${line#--requirement}
        line=${line#=} line=${line#"${line%%[![:space:]]*}"}
        case $line in
          /*) add_test_requirements "$line" ;;
          *) add_test_requirements "$folder/$line" ;;
        esac
        ;;
      # (The project itself is in the environment below.)
      "-e ." | "-e ./" | "--editable ." | "--editable=." | "--editable ./" | "--editable=./") ;;
      -*) tell_option_left_out "$name" "$line" ;;
      ./* | ../*) TEST_TOOLS+=("$folder/$line") ;;
      *) TEST_TOOLS+=("$line") ;;
    esac
  done <"$1"
}

# Usage: tell_option_left_out <name of the file> <line>
# Says that an option of a requirements file has no effect here; not its value, in which a password may be.
tell_option_left_out() {
  local option=${2%%[[:space:]=]*}
  [[ $option == --* ]] || option=${option:0:2}
  log_info "$1: $option has no effect on the test tools for --python"
}

# Usage: plan_test_python <index> <profile, or ""> <folder to work in> <JUnit file, or ""> <argument>...
# Sets the plan for one of them. Status 1 after a diagnostic.
plan_test_python() {
  local index=$1 profile=$2 here=$3 junit=$4
  shift 4
  begin_plan test
  PLAN_BACKEND=venv PLAN_ENVIRONMENT=${_python_projects[index]} PLAN_PROJECT=$PROJECT_ROOT PLAN_FOLDER=$here
  if [[ -n $profile ]]; then
    declare -F use_profile >/dev/null || . "${BASH_SOURCE[0]%/*}/profile.sh"
    use_profile "$profile" || return 1
  fi
  plan_tests "${_python_testenvs[index]}" ".pyve/testenv/results/$$/$index" "$junit" "$@"
  confine_tests
}
