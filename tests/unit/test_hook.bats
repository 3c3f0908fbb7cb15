#!/usr/bin/env bats
# shellcheck disable=SC2034 # variables are read by the functions under test
# lib/hook.sh and `pyve hook`: what the shell hook is told to do.

bats_require_minimum_version 1.5.0
load ../helpers/test_helper

setup() {
  setup_project
  load_lib caller hook
  ENV_FILE_NAME=.env
}

# Usage: odd_values
# Sets VALUES to values that are easily lost or changed.
odd_values() {
  VALUES=("" " " "a b" $'a\nb' $'\n' $'a\n\n' "%" "%25" "%0A" "%250A" "100% %s %n" "\\" "\\n" "it's" '"' '$x `y` $(z)'
    $'\x01\x1b[31m\x7f' $'\xff\xfe' "ünï ☃" "-n" "=" "a=b" "+x=y" $'-NAME\n+OTHER=x')
}

@test "what was before survives the way through the shell, whatever it is" {
  local -a values names
  local i text
  odd_values
  decode_before ""
  for ((i = 0; i < ${#VALUES[@]}; i++)); do
    printf -v "_pyve_was_ODD_$i" '%s' "${VALUES[i]}"
    set_after "ODD_$i" "changed"
  done
  set_after NEW 1
  unset_after GONE
  unset_after ODD_2
  encode_before
  text=$REPLY
  decode_before "$text"
  assert_equal "${#_before_names[@]}" "$((${#VALUES[@]} + 1))"
  for ((i = 0; i < ${#VALUES[@]}; i++)); do
    get_before "ODD_$i"
    assert_equal "$REPLY." "${VALUES[i]}."
  done
  run -1 get_before NEW
  run -1 get_before GONE
}

@test "a diff that somebody else wrote changes nothing that has no name" {
  decode_before $'+A=1\nrubbish\n+=x\n+1A=x\n+B C=x\n-\n-x y\n+D\n-E\n+F=%zz%2\n+$(touch pwned)=x\n-$(touch pwned)'
  assert_equal "${_before_names[*]}" "A E F"
  assert_equal "${_before_values[*]}" "1  %zz%2"
  [ ! -e pwned ]
}

@test "the variables of a project are planned over those from outside" {
  _pyve_was_PATH=/usr/bin _pyve_was_A=outside
  decode_before $'+A=before\n-B'
  get_before A
  assert_equal "$REPLY" before
  run -1 get_before B
  set_after A first
  set_after A second
  get_after A
  assert_equal "$REPLY" second
  assert_equal "${_after_names[*]}" A
  unset_after A
  run -1 get_after A
  get_after PATH
  assert_equal "$REPLY" /usr/bin
}

@test "a project cannot set what belongs to the shell, to direnv or to the hook" {
  local name
  for name in "" 1A a.b "a b" 'a$(touch pwned)' 'a;b' é _ PS1 PWD OLDPWD SHELL SHELLOPTS SHLVL UID EUID PPID BASHOPTS \
    DIRENV_DIFF DIRENV_DIR PYVE_HOOK_DIFF PYVE_HOOK_ROOT _pyve_program __pyve_program _pyve_was_A BASH_FUNC_x; do
    run -1 is_settable "$name"
  done
  for name in A a _a A1 PATH HOME VIRTUAL_ENV PYVE_PROMPT_PREFIX name text i status USERNAME DATABASE_URL; do
    is_settable "$name"
  done
}

@test "what is printed is one quoted command for each variable" {
  local value shell
  odd_values
  for value in "${VALUES[@]}"; do
    # The command must come out in the shell as the value that went in.
    shell='_pyve_set() { printf "%s=%s." "$1" "$2"; }; eval "$1"'
    assert_equal "$(bash -c "$shell" - "$(print_change bash NAME 1 "$value")")" "NAME=$value."
    if type -P zsh >/dev/null; then
      assert_equal "$(zsh -fc "$shell" - "$(print_change zsh NAME 1 "$value")")" "NAME=$value."
    fi
  done
  assert_equal "$(print_change bash NAME "" "")" "_pyve_unset NAME;"
  assert_equal "$(print_change fish NAME "" "")" "__pyve_unset NAME;"
}

@test "fish gets every value as it is, too" {
  type -P fish >/dev/null || skip "NOT TESTED: fish is not on this machine"
  local value text="" expected=""
  odd_values
  for value in "${VALUES[@]}"; do
    text+=$(print_change fish NAME 1 "$value")
    expected+="NAME=$value."
  done
  assert_equal "$(printf '%s' "$text" | LC_ALL=C.UTF-8 fish -N -c 'function __pyve_set; printf "%s=%s." $argv; end; source')" "$expected"
}

@test "the hook is printed for bash, zsh and fish, with the path of this Pyve" {
  local shell
  mkdir -p "$BATS_TEST_TMPDIR/it's a \$tree"
  cp -R "$PYVE_TREE/pyve.sh" "$PYVE_TREE/lib" "$BATS_TEST_TMPDIR/it's a \$tree/"
  for shell in bash zsh fish; do
    type -P "$shell" >/dev/null || continue
    "$BATS_TEST_TMPDIR/it's a \$tree/pyve.sh" hook "$shell" >"$BATS_TEST_TMPDIR/hook"
    "$shell" -n "$BATS_TEST_TMPDIR/hook"
    # shellcheck disable=SC2016 # expanded by the shell
    run -0 "$shell" -c 'source $argv[1] 2>/dev/null || . "$1"; printf "%s\n" $__pyve_program "$_pyve_program"' "$BATS_TEST_TMPDIR/hook" "$BATS_TEST_TMPDIR/hook"
    assert_contains "$output" "$BATS_TEST_TMPDIR/it's a \$tree/pyve.sh"
  done
}

@test "a hook that does not exist is named, with those that do" {
  run -1 --separate-stderr pyve hook
  assert_contains "$stderr" "[E_USAGE_SHELL]"
  assert_equal "$output" ""
  run -1 --separate-stderr pyve hook tcsh
  assert_contains "$stderr" "no hook for 'tcsh'"
  assert_contains "$stderr" "bash, zsh and fish"
  run -1 --separate-stderr pyve hook bash zsh
  assert_equal "$output" ""
  run -1 --separate-stderr pyve hook --export
  assert_equal "$output" ""
  run -1 --separate-stderr pyve hook --export tcsh
  assert_equal "$output" ""
}

@test "hook --json is one document" {
  run -0 --separate-stderr pyve hook bash --json
  assert_equal "${#lines[@]}" 1
  assert_contains "$output" '"text": "_pyve_program='
  run -1 --separate-stderr pyve hook --json
  assert_equal "${#lines[@]}" 1
  assert_contains "$output" "E_USAGE_SHELL"
}

@test "outside of any project there is nothing to do, and nothing is said" {
  run -0 --separate-stderr pyve hook --export bash ""
  assert_equal "$stderr" ""
  refute_contains "$output" "_set"
  run -0 --separate-stderr pyve hook --export bash "$PWD/gone"
  assert_equal "$stderr" ""
  refute_contains "$output" "_set"
}

@test "an untrusted project is named without control characters" {
  local folder="$BATS_TEST_TMPDIR/"$'\e]0;x\a\nfolder'
  mkdir -p "$folder/.pyve"
  printf 'backend: venv\n' >"$folder/.pyve/config"
  run -0 --separate-stderr pyve hook --export bash "$folder"
  refute_contains "$output" "_set"
  [[ ! $stderr =~ [[:cntrl:]] ]]
  assert_contains "$stderr" "pyve hook --trust"
}

@test "a backend that this Pyve does not know is not entered, and that is said" {
  mkdir .pyve
  printf 'backend: \e[31mpoetry\n' >.pyve/config
  pyve -q hook --trust
  run -0 --separate-stderr pyve hook --export bash "$PWD"
  refute_contains "$output" "_set"
  assert_contains "$stderr" "poetry"
  refute_contains "$stderr" $'\e'
}

@test "an environment outside of the project is not entered, nor one that splits PATH" {
  local name
  mkdir .pyve
  for name in ../x a/b a:b 'a b' . .. '$(touch pwned)' $'\\e[31m'; do
    printf 'backend: venv\nvenv:\n  directory: "%s"\n' "$name" >.pyve/config
    pyve -q hook --trust
    run -0 --separate-stderr pyve hook --export bash "$PWD"
    refute_contains "$output" "_set"
    assert_contains "$stderr" "is not entered"
    refute_contains "$stderr" $'\e'
    assert_equal "${#stderr_lines[@]}" 1
  done
  [ ! -e pwned ]
}

@test "as many variables as you like are set" {
  local i
  mkdir .pyve
  printf 'backend: venv\n' >.pyve/config
  for ((i = 0; i < 1500; i++)); do
    printf 'VARIABLE_%d=%d\n' "$i" "$i"
  done >.env
  pyve -q hook --trust
  pyve hook --export bash "$PWD" >"$BATS_TEST_TMPDIR/out"
  assert_equal "$(grep -c '^_pyve_set VARIABLE_' "$BATS_TEST_TMPDIR/out")" 1500
}

@test "a conda environment is entered by its record, through a link, too" {
  local folder
  mkdir -p .pyve/envs/data
  printf 'backend: micromamba\nmicromamba:\n  env_name: data\n' >.pyve/config
  run -0 --separate-stderr pyve hook --export bash "$PWD"
  pyve -q hook --trust
  run -0 --separate-stderr pyve hook --export bash "$PWD"
  assert_contains "$stderr" "pyve init --update"
  printf 'front=%s\n+CONDA_PREFIX=%s\n' "$PWD/.pyve/envs/data/bin" "$PWD/.pyve/envs/data" >.pyve/envs/data/pyve.activation
  pyve -q hook --trust
  ln -s "$PWD" "$BATS_TEST_TMPDIR/link"
  for folder in "$PWD" "$BATS_TEST_TMPDIR/link"; do
    run -0 --separate-stderr pyve hook --export bash "$folder"
    assert_equal "$stderr" ""
    assert_contains "$output" "_pyve_set CONDA_PREFIX '$PWD/.pyve/envs/data';"
    assert_contains "$output" "_pyve_set PYVE_PROMPT_PREFIX '(micromamba:data) ';"
    assert_contains "$output" "_pyve_set PATH '$PWD/.pyve/envs/data/bin:"
  done
}
