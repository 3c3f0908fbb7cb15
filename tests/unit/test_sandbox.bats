#!/usr/bin/env bats
# shellcheck disable=SC1003,SC2016 # backslashes, and what looks like code, are meant to stay as they are
# shellcheck disable=SC2030,SC2031 # bats runs every test in a process of its own
# shellcheck disable=SC2034 # the modules read the plan and the options
# lib/sandbox.sh and lib/build_sandbox.sh: the options become a profile, and what cannot be is refused.

bats_require_minimum_version 1.5.0
load ../helpers/test_helper

setup() {
  setup_project
  load_lib output sandbox build_sandbox
  PYVE_COMMAND=x PYVE_EXPLAIN="" PYVE_JSON="" PLAN_FOLDER="" PLAN_PROJECT="" PLAN_ENVIRONMENT=""
  PLAN_PATHS=() PLAN_SETS=() PLAN_ARGV=(true) PLAN_SANDBOX=() PLAN_WRAP=()
  opt_sandbox=1
}

# Usage: profile
# Prints the profile that the plan hands over.
profile() {
  printf '%s' "${PLAN_WRAP[${#PLAN_WRAP[@]} - 2]}"
}

@test "the options become lines of a profile, and relative paths absolute ones" {
  PLAN_PROJECT=/p PLAN_ENVIRONMENT=/p/.venv PLAN_PATHS=(/q) PLAN_SETS=("NAME=value with = sign")
  SANDBOX_WRITE=("/w x")
  opt_ro=1 opt_net=1 opt_audit=1 opt_sandbox_engine=landlock
  opt_allow_read=$'/a b\nc' opt_allow_env=$'ONE\nTWO' opt_memory=2G opt_cpu=5 opt_time=60 opt_processes=7
  plan_sandbox
  run profile
  assert_equal "$output" "engine landlock
project /p
folder $PWD
environment /p/.venv
ro on
net on
audit on
read /q
write /w x
read /a b
read $PWD/c
env ONE
env TWO
env NAME
sets 1
memory 2147483648
cpu 5
time 60
processes 7"
  assert_equal "${PLAN_WRAP[1]} ${PLAN_WRAP[2]} ${PLAN_WRAP[3]}" "-I -S -E"
  assert_contains "${PLAN_SANDBOX[*]}" "the project is read only"
  # The variable is the command's, and not for what makes the sandbox; but it is shown as it is.
  assert_equal "${PLAN_SETS[*]}" "PYVE_SANDBOX_SET_0=NAME=value with = sign"
  PLAN_SETS=(NAME=value PATH=/q) PYVE_EXPLAIN=1
  plan_sandbox 2>/dev/null || :
  assert_equal "${PLAN_SETS[*]}" "NAME=value PATH=/q"
}

@test "a line end and a backslash in a path do not make a line of their own" {
  PLAN_PROJECT=$'/p\nnet on\\'
  plan_sandbox
  run profile
  assert_contains "$output" "project /p\\nnet on\\\\"
  [[ $'\n'$output != *$'\nnet on'* ]]
}

@test "without a project the current folder is open" {
  plan_sandbox
  run profile
  assert_contains "$output" "project $PWD"
}

@test "an option of the sandbox without --sandbox is refused" {
  opt_sandbox="" opt_allow_write=/x
  run -1 plan_sandbox
  assert_contains "$output" "[E_SANDBOX_OPTION]"
  assert_contains "$output" "--allow-write"
}

@test "a variable is kept by its name, and a value is not shown" {
  opt_allow_env=NAME=secret
  run -1 plan_sandbox
  assert_contains "$output" "[E_SANDBOX_OPTION]"
  assert_contains "$output" "NAME=..."
  [[ $output != *secret* ]]
}

@test "limits are whole numbers above 0, and sizes have a unit or none" {
  local value
  _sandbox_profile=""
  for value in "" 0 -1 1.5 x 2X 09 "1 2" '$(x)' 'a[0]' 99999999G; do
    run -1 add_sandbox_limit memory "$value"
    assert_contains "$output" "[E_SANDBOX_LIMIT]"
  done
  for value in 1G 0 x 1k; do
    run -1 add_sandbox_limit time "$value"
  done
  add_sandbox_limit memory 512k
  add_sandbox_limit memory 3
  assert_equal "$_sandbox_profile" $'memory 524288\nmemory 3\n'
}

@test "a stdin that is a folder is refused" {
  run -1 plan_sandbox <"$PWD"
  assert_contains "$output" "[E_SANDBOX_DESCRIPTOR]"
}

@test "builds are confined as the config says, and PYVE_BUILD_SANDBOX goes before it" {
  unset -v PYVE_BUILD_SANDBOX
  config_parse ""
  find_build_sandbox
  assert_equal "${PYVE_BUILD_SANDBOX-}${BUILD_WORDS[*]-}${_pyve_build_sandbox-}" ""
  PYVE_BUILD_SANDBOX=off
  config_parse $'build:\n  sandbox: on\n'
  find_build_sandbox
  assert_equal "${BUILD_WORDS[*]-}" ""
  unset -v PYVE_BUILD_SANDBOX
  find_build_sandbox
  assert_equal "$PYVE_BUILD_SANDBOX ${BUILD_WORDS[*]}" "on --only-binary :all:"
  # (enter_plan then takes away from the command what the caller has not said.)
  assert_equal "${_pyve_build_sandbox-}" 1
}

@test "where builds are confined, what is installed without a lock names a distribution or a wheel" {
  local line
  mkdir -p sub folder.whl
  : >real.whl
  BUILD_WORDS=(--only-binary :all:)
  # (What a path could be taken for, but installers take for something else.)
  mkdir -p "sub/good.txt -e ." "git+https:/host"
  : >"sub/good.txt"
  : >"sub/good.txt -e ./evil"
  : >"git+https:/host/a.whl"
  for line in "-e ." "--edit ./evil" "--no-binary evil" "--pre --no-bin evil" "--only-binary :none:" ./evil /evil evil/ . \
    evil.zip evil.ZIP "evil.tar.gz[x]" "evil @ ./evil" "git+https://host/evil" "git+https://host/evil.whl" ./folder.whl \
    "https://host/evil.tar.gz" "https://host/evil#x.whl" "evil --config-settings a=b" '${EVIL}' "-i url --no-binary evil" \
    "--find-links . -e ." "-r http://host/more.txt" "-r missing.txt" \
    '# harmless \'$'\n-e ./evil' "-e ./evil" 'package # why \'$'\n-e ./evil' $'# x\f-e ./evil' $'# x\v-e ./evil' $'# x\r-e ./evil' $'# x\x1e-e ./evil' \
    $'# x\xc2\x85-e ./evil' $'# x\xe2\x80\xa8-e ./evil' 'package #\'$'\x01\n-e ./evil' '-e ./evil \' "https://host/evil.tar.gz?y=.whl" \
    "x @ https://host/evil.tar.gz?z.whl" "https://host/a.whl;b.tar.gz" "https://host/evil.tar.gz ; y.whl" "https://host/evil.tar.gz @ x.whl" \
    "-r good.txt -e ./evil" "-r=good.txt" '-r "good.txt"' "-r go\\od.txt" '-r ${X}' "git+https://host/a.whl"; do
    printf '# first\npackage\n%s\n' "$line" >sub/lines.txt
    printf -- '-r sub/lines.txt\n' >all.txt
    run -1 check_wheels_only -r all.txt
    assert_contains "$output" "[E_SANDBOX_OPTION]"
  done
  for line in '-\\\ne ./evil\n' '-e ./evil \\' 'package #\\\0\n-e ./evil\n' '# -*- coding: utf-7 -*-\n' 'package\n#coding=utf-7\n'; do
    # shellcheck disable=SC2059 # lines, as they are in the file
    printf -- "$line" >all.txt
    run -1 check_wheels_only -r all.txt
  done
  run -1 check_wheels_only -e .
  assert_contains "$output" "'-e .' would be"
  run -1 check_wheels_only ./evil pytest
  assert_contains "$output" "'./evil' would be"
  printf '%s\n' "# none, né \\" "" "a" "A.b_c-d[e, f] >= 1.0, <2 ; python_version > '3'  # why" "b==1 \\" \
    "  --hash=sha256:00ff \\" "  --hash=sha256:11ee" "./real.whl" "c @ https://host/c-1-py3-none-any.whl" "--pre" \
    "https://host/c.whl; python_version > '3'" "--requirement=good.txt" "f \\" "# none" $'g\r' \
    "--index-url https://host/simple" "-f ./links" "d~=1.0" "e (>=2)" >sub/lines.txt
  printf -- '-c sub/lines.txt' >all.txt
  check_wheels_only --no-deps -r all.txt "pytest>=8" pytest
  # Without a sandbox for builds everything is as ever.
  BUILD_WORDS=()
  check_wheels_only -e .
}
