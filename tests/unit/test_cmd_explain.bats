#!/usr/bin/env bats
# shellcheck disable=SC2016 # hostile texts in single quotes are meant to stay as they are
# lib/commands/explain.sh: what a code means, for people and for programs.

bats_require_minimum_version 1.5.0
load ../helpers/test_helper

setup() {
  setup_project
}

@test "explain shows what a code says, what it means, how it comes about and what mends it" {
  run -0 --separate-stderr pyve explain E_ENV_MOVED
  assert_equal "$stderr" ""
  assert_equal "${lines[0]}" "E_ENV_MOVED: the environment works only where it was made"
  assert_contains "$output" "How it comes about:"$'\n'"  - The project's folder"
  assert_contains "$output" "What mends it:"$'\n'"  pyve init --update"
}

@test "explain names the check of doctor that finds it, and what is to be done by hand" {
  run -0 pyve explain W_LOCK_STALE
  assert_contains "$output" $'What finds it:\n  pyve doctor --only lock-stale'
  run -0 pyve explain E_PATH_COLON
  assert_contains "$output" $'What mends it:\n  Rename the folder, or move the project'
  refute_contains "$output" "What finds it"
}

@test "a code may be written small, with dashes, and without its letter" {
  local expected word
  expected=$(pyve explain E_ENV_MISSING)
  for word in e_env_missing E-ENV-MISSING ENV_MISSING env-missing Env_Missing; do
    run -0 pyve explain "$word"
    assert_equal "$output" "$expected"
  done
  run -0 pyve explain -- env-missing
  assert_equal "$output" "$expected"
}

@test "a name that several codes have shows them all" {
  run -0 pyve explain lock-stale
  assert_contains "$output" "E_LOCK_STALE: "
  assert_contains "$output" $'\n\nW_LOCK_STALE: '
}

@test "the id of a check stands for the codes that it finds" {
  run -0 pyve explain environment-moved
  assert_contains "$output" "E_ENV_MOVED: "
  assert_contains "$output" $'\n\nW_ENV_MOVED: '
  refute_contains "$output" "E_ENV_MISSING: "
}

@test "without a code all are listed, by area, with what they say" {
  local code i
  run -0 --separate-stderr pyve explain
  assert_equal "$stderr" ""
  load_lib codes
  list_codes
  [ "${#CODES[@]}" -gt 100 ]
  for ((i = 0; i < ${#CODES[@]}; i++)); do
    code=${CODES[i]}
    assert_contains "$output" "  $code "
    assert_contains "$output" "${CODE_MESSAGES[i]%%" "*}"
  done
  assert_equal "${lines[0]}" "The command line"
  assert_contains "$output" $'\n\nThe project and its config\n  E_'
}

@test "an unknown code is an error that names the nearest one" {
  run -1 --separate-stderr pyve explain E_ENV_MISING
  assert_equal "$output" ""
  assert_equal "$stderr" $'ERROR: there is no code \'E_ENV_MISING\' [E_CODE_UNKNOWN]\n  why: did you mean \'E_ENV_MISSING\'?\n  fix: pyve explain E_ENV_MISSING'
  run -1 --separate-stderr pyve explain lock-stlae
  assert_contains "$stderr" "fix: pyve explain E_LOCK_STALE"
  run -1 --separate-stderr pyve explain W_LOK_STALE
  assert_contains "$stderr" "fix: pyve explain W_LOCK_STALE"
  run -1 --separate-stderr pyve explain E_CONDACONFLICT
  assert_contains "$stderr" "fix: pyve explain E_CONDA_CONFLICT"
  run -1 --separate-stderr pyve explain digst
  assert_contains "$stderr" "fix: pyve explain E_DIGEST"
}

@test "what is nothing like a code leads to the list" {
  local word
  for word in "" zzzzz "E_" "*" "E_*" "../usage" "Message: x" "E_ENV_MISSING E_ENV_MOVED" $'E_ENV_MISSING\nx' \
    '$(touch ran)' '`touch ran`' "a'b\"c" "$(printf 'E_%05000d' 7)"; do
    run -1 --separate-stderr pyve explain -- "$word"
    assert_equal "$output" ""
    assert_contains "$stderr" "[E_CODE_UNKNOWN]"
    assert_contains "$stderr" "  fix: pyve explain"
  done
  run -1 --separate-stderr pyve explain $'E_\033[31mX\a\001'
  refute_contains "$stderr" $'\033'
  refute_contains "$stderr" $'\a'
  [ ! -e ran ]
  assert_equal "$(ls -A)" ""
}

@test "two codes at once are too many" {
  run -1 --separate-stderr pyve explain E_ENV_MISSING E_ENV_MOVED
  assert_contains "$stderr" "[E_USAGE_ARGUMENT]"
}

@test "text fits the width, and commands to paste stay whole" {
  local line width
  for width in 20 40 60 100 200; do
    COLUMNS=$width run -0 pyve explain E_CONDA_CREATE
    assert_contains "$output" $'\n  pyve init --engine rattler'
    for line in "${lines[@]}"; do
      [[ $line == "  pyve "* || ${#line} -le $width ]] || {
        printf '%s: %s\n' "$width" "$line" >&2
        return 1
      }
      [ "${#line}" -le 100 ]
    done
  done
  COLUMNS=60 run -0 pyve explain
  for line in "${lines[@]}"; do
    [ "${#line}" -le 60 ]
  done
}

@test "colour marks the code and the commands, only where there is any" {
  CLICOLOR_FORCE=1 run -0 pyve explain E_ENV_MISSING
  assert_contains "$output" $'\033[1mE_ENV_MISSING:\033[0m there is no'
  assert_contains "$output" $'  \033[1mpyve init\033[0m'
  CLICOLOR_FORCE=1 NO_COLOR=1 run -0 pyve explain E_ENV_MISSING
  refute_contains "$output" $'\033'
}

@test "with --json the code's facts are the detail" {
  run -0 --separate-stderr pyve --json explain env-moved
  assert_equal "$stderr" ""
  assert_equal "${#lines[@]}" 1
  assert_contains "$output" '"code": "E_ENV_MOVED", "level": "error", "message": "the environment works only where it was made", "means": "'
  assert_contains "$output" '"causes": ["The project'
  assert_contains "$output" '"fix": [{"command": ["pyve", "init", "--update"], "risk": "safe", "automatic": false}]'
  assert_contains "$output" '"remedy": "", "check": "environment-moved"'
  run -0 pyve explain --json W_LOCK_STALE
  assert_contains "$output" '"level": "warning"'
  assert_contains "$output" '"check": "lock-stale"'
}

@test "with --json a fix that removes something says so" {
  run -0 pyve --json explain E_INTERPRETER_GONE
  assert_contains "$output" '{"command": ["pyve", "init", "--force"], "risk": "destructive", "automatic": false}'
}

# Usage: read_json <expression>
# Prints what a Python expression makes of the JSON document d in $output.
read_json() {
  find_real_python
  printf '%s' "$output" | "$REAL_PYTHON" -I -c "import json, sys; d = json.load(sys.stdin); print($1)"
}

@test "with --json several codes, and the list of all, are in codes" {
  run -0 pyve --json explain lock-stale
  assert_equal "$(read_json '[(c["code"], c["level"], [f["command"] for f in c["fix"]]) for c in d["detail"]["codes"]]')" \
    "[('E_LOCK_STALE', 'error', [['pyve', 'lock']]), ('W_LOCK_STALE', 'warning', [['pyve', 'lock']]), ('E_MANIFEST', 'error', [])]"
  run -0 pyve --json explain
  load_lib codes
  list_codes
  assert_equal "$(read_json 'len(d["detail"]["codes"])')" "${#CODES[@]}"
  assert_equal "$(read_json 'd["detail"]["codes"][0]')" \
    "{'code': 'E_CODE_UNKNOWN', 'level': 'error', 'message': 'there is no such code', 'area': 'The command line'}"
}

@test "with --json an unknown code is a diagnostic" {
  run -1 --separate-stderr pyve --json explain $'no\nsuch "code"\001'
  assert_equal "$(read_json '[(x["code"], x["fix"][0]["command"]) for x in d["diagnostics"]], d["detail"], d["exit_code"]')" \
    "[('E_CODE_UNKNOWN', ['pyve', 'explain'])] {} 1"
}

@test "explain needs no project, no HOME, no PATH and no UTF-8" {
  local expected
  expected=$(pyve explain E_ENV_MISSING)
  assert_equal "$(env -i LC_ALL=C PATH=/nothing "$PYVE_TREE/pyve.sh" explain env-missing)" "$expected"
  assert_equal "$(env -i LC_ALL=C PATH=/nothing "$PYVE_TREE/pyve.sh" --json explain env-missing | wc -l)" 1
}

# Usage: complete_code <word>
# Sets ANSWER to what completion offers for an argument that has been begun so.
complete_code() {
  ANSWER=$(pyve complete -- explain "$1" | cut -f1)
}

@test "codes are completed, in the form in which they have been begun" {
  complete_code E_LOCK_S
  assert_equal "$ANSWER" $'E_LOCK_SOURCE\nE_LOCK_STALE'
  complete_code lock-s
  assert_equal "$ANSWER" $'lock-source\nlock-stale'
  complete_code lock_s
  assert_equal "$ANSWER" ""
  complete_code ""
  assert_contains "$ANSWER" $'E_ENV_MISSING\n'
  assert_contains "$ANSWER" $'\nW_ENV_MOVED'
  run -0 pyve complete -- explain E_LOCK_STALE
  assert_equal "$output" $'E_LOCK_STALE\tthe lock is older than what it was made from'
}

@test "the checks of doctor are completed where an argument is one" {
  load_lib completion
  header_argument=("ID checks")
  _filter=environment-mov _lead="--only=" _answer=""
  _offer_value ID
  assert_equal "$_answer" $'--only=environment-moved\twhether it is where it was made\n'
}
