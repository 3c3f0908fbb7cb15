#!/usr/bin/env bats
# Options of Pyve's that stand before a command of the user's.

bats_require_minimum_version 1.5.0
load ../helpers/test_helper

setup() {
  setup_project
  mkdir -p root/lib/commands
  printf '%s\n' '# Summary: x' '# Option: -f, --flag  Says so' '# Option: --name NAME...  Names' >root/lib/commands/demo.sh
  load_lib output run_options
  PYVE_ROOT=$PWD/root PYVE_COMMAND=demo PYVE_JSON="" PYVE_FOLDER=""
}

# Usage: take_global_option <argument>...
# As that of pyve.sh.
take_global_option() {
  case $1 in
    -q) REPLY=1 ;;
    -C) REPLY=2 ;;
    *) REPLY=0 ;;
  esac
}

@test "options end at the first word that is none, and the rest is the command's" {
  parse_leading_options -f --name a --name=b -q -C /x prog --flag -- "a b" --name
  assert_equal "$opt_flag|$opt_name|${#COMMAND_WORDS[@]}" $'1|a\nb|5'
  assert_equal "${COMMAND_WORDS[*]}" "prog --flag -- a b --name"
  assert_equal "${COMMAND_WORDS[3]}$COMMAND_IS_PLAIN" "a b"
}

@test "what stands behind -- is the command, and so is what begins one" {
  parse_leading_options --flag -- -c x
  assert_equal "$COMMAND_IS_PLAIN ${COMMAND_WORDS[*]}" "1 -c x"
  LEADING_STOPS="- -c -m"
  parse_leading_options --flag -c 'code --flag' --
  assert_equal "$COMMAND_IS_PLAIN|${COMMAND_WORDS[0]}|${COMMAND_WORDS[1]}|${COMMAND_WORDS[2]}" "|-c|code --flag|--"
  parse_leading_options -
  assert_equal "${COMMAND_WORDS[*]}" -
  parse_leading_options
  assert_equal "${#COMMAND_WORDS[@]}" 0
}

@test "an option that is wrong is refused, with the whole command line in the fix" {
  run -1 parse_leading_options --flg prog "a b"
  [[ $output == *"fix: pyve demo --flag prog 'a b'"* ]]
  run -1 parse_leading_options --name
  [[ $output == *"[E_USAGE_VALUE]"* ]]
  run -1 parse_leading_options --name --flag prog
  [[ $output == *"[E_USAGE_VALUE]"* ]]
}

@test "help that stands among the options is Pyve's, behind the command it is the command's" {
  PYVE_ROOT=$BATS_TEST_DIRNAME/../..
  is_help_asked run --frozen --help
  is_help_asked run --profile dev -h -- x
  is_help_asked watch --on . --with x --help
  run -1 is_help_asked run --profile --help
  run -1 is_help_asked run --frozen -m json.tool --help
  run -1 is_help_asked run --frozen -- --help
  run -1 is_help_asked x --with rich ruff --help
  run -1 is_help_asked run --profile
}

@test "flags of a profile stand behind the interpreter and what the script's first line says" {
  local line
  load_lib output config run_plan profile
  mkdir -p env/bin
  ln -s /bin/sh env/bin/python
  while IFS='|' read -r line expected; do
    begin_plan run
    PLAN_ENVIRONMENT=$PWD/env
    printf '%s\n' "${line//ENV/$PLAN_ENVIRONMENT}" >env/bin/tool
    chmod +x env/bin/tool
    PLAN_ARGV=(tool a) PLAN_FLAGS=(-b)
    insert_flags
    line=${PLAN_ARGV[*]}
    assert_equal "${line//$PLAN_ENVIRONMENT/ENV}" "$expected"
  done <<'CASES'
#!ENV/bin/python|ENV/bin/python -b ENV/bin/tool a
#!ENV/bin/python3.13 -sE |ENV/bin/python -sE -b ENV/bin/tool a
#!ENV/bin/python-other|tool a
#!/usr/bin/python|tool a
CASES
  for line in python python3 /x/python3.13t pypy3 python2.7; do
    PLAN_ARGV=("$line" a) PLAN_FLAGS=(-b)
    insert_flags
    assert_equal "${PLAN_ARGV[*]}" "$line -b a"
  done
  for line in python3-config python3.11-config pythonw ipython python3.x; do
    PLAN_ARGV=("$line" a) PLAN_FLAGS=(-b)
    insert_flags
    assert_equal "${PLAN_ARGV[*]}" "$line a"
  done
}
