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
declare -F list_test_plugins >/dev/null || . "${BASH_SOURCE[0]%/*}/test_tools.sh"
declare -F get_sync_note >/dev/null || . "${BASH_SOURCE[0]%/*}/sync_state.sh"

# Same index: what was asked for, and its environments.
_python_labels=() _python_projects=() _python_testenvs=()

# Usage: run_test_pythons <folder to work in> <profile, or ""> <JUnit file, or ""> <argument>...
# Runs the tests with each of opt_python, and tells what they came to. The highest status of any.
run_test_pythons() {
  local here=$1 profile=$2 junit=$3 i status worst=0
  local -a children=()
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
    plan_test_python 0 "$profile" "$here" "" "$@" && start_planned
    return
  fi
  _has_run=1
  for ((i = 0; i < ${#_python_labels[@]}; i++)); do
    (
      PYVE_JSON=""
      plan_test_python "$i" "$profile" "$here" "${junit:+$TEST_RUN/$i.xml}" "$@" && start_planned
    ) >"$TEST_RUN/$i.output" 2>&1 </dev/null &
    children+=("$!")
  done
  for ((i = 0; i < ${#children[@]}; i++)); do
    status=0
    wait "${children[i]}" || status=$?
    add_test_run "${_python_labels[i]}" "$status" "$TEST_RUN/$i" "$TEST_RUN/$i.xml"
    ((status <= worst)) || worst=$status
    if ((status)) || [[ -n $PYVE_VERBOSE ]]; then
      printf '%s\n' "--- Python ${_python_labels[i]}" >&2
      load_redact
      redact_lines <"$TEST_RUN/$i.output" >&2
    fi
  done
  [[ -z $junit ]] || answer junit "$junit"
  tell_tests "${_python_testenvs[0]}/bin/python" --table ${junit:+--junit "$junit"} || return 1
  return "$worst"
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
  for word in "${TEST_TOOLS[@]}"; do
    tools+=(--requirement "$word")
  done
  for version in ${opt_python//,/ }; do
    compose_cached_request test --python "$version" --lock "$PROJECT_ROOT/pylock.toml" --root "$PROJECT_ROOT" --project \
      --name "the project for Python $version" ${selected[@]+"${selected[@]}"}
    have_cached_env || return 1
    place=$CACHED_ENV
    _python_labels+=("$version")
    _python_projects+=("$place")
    for site in "$place"/lib/python3*/site-packages; do
      compose_cached_request test --python "$version" --base "$site" --name "the test tools for Python $version" ${tools[@]+"${tools[@]}"}
    done
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
# Sets the array TEST_TOOLS to the requirements of the test environment: what requirements-dev.txt says, else pytest, and
# the plugins that the options need.
list_test_tools() {
  local line file=$PROJECT_ROOT/requirements-dev.txt
  list_test_plugins
  TEST_TOOLS=()
  if [[ -f $file ]]; then
    while IFS= read -r line || [[ -n $line ]]; do
      line=${line%%[[:space:]]#*}
      line=${line%%[[:space:]]--hash*}
      line=${line%\\}
      line=${line#"${line%%[![:space:]]*}"}
      line=${line%"${line##*[![:space:]]}"}
      [[ -z $line || $line == "#"* || $line == -* ]] || TEST_TOOLS+=("$line")
    done <"$file"
  fi
  if [[ $opt_backend == pytest && " ${TEST_TOOLS[*]-} " != *" pytest"[\ =\<\>~!\;@\[]* ]]; then
    TEST_TOOLS+=(pytest)
  fi
  for line in ${TEST_PLUGINS[@]+"${TEST_PLUGINS[@]}"}; do
    [[ " ${TEST_TOOLS[*]-} " == *" $line"[\ =\<\>~!\;@\[]* ]] || TEST_TOOLS+=("$line")
  done
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
