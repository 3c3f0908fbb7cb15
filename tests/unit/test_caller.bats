#!/usr/bin/env bats
# lib/caller.sh: what the caller exports reaches the commands that Pyve starts, whatever its names.

bats_require_minimum_version 1.5.0
load ../helpers/test_helper

setup() {
  setup_project
  mkdir -p .pyve .venv/bin "$HOME/bin"
  printf 'backend: venv\nvenv:\n  directory: .venv\n' >.pyve/config
  printf '#!/bin/sh\n' >.venv/bin/python
  chmod +x .venv/bin/python
}

# What Pyve is documented to set or to read, and what every shell sets or reads itself.
is_known() {
  case $1 in
    PYVE_* | _pyve* | VIRTUAL_ENV | VIRTUAL_ENV_PROMPT | UV_PROJECT_ENVIRONMENT | ASDF_PYTHON_PLUGIN_DISABLE_RESHIM) ;;
    PATH | HOME | PYTHONHOME | SHELL | ZDOTDIR | CONDA_* | MAMBA_* | PIP_* | UV_* | XDG_* | TMPDIR | TERM | LC_* | LANG) ;;
    PWD | OLDPWD | SHLVL | IFS | CDPATH | COLUMNS | LINES | BASH* | OPT* | PS[0-9] | PROMPT_COMMAND | _ | RANDOM) ;;
    SECONDS | EPOCH* | EUID | UID | PPID | LINENO | GROUPS | FUNCNAME | DIRSTACK | HIST* | SHELLOPTS | PIPESTATUS) ;;
    CI | NO_COLOR | CLICOLOR* | FORCE_COLOR | BATS* | DIRENV_* | ASDF_* | PYENV_* | MISE_* | POSIXLY_CORRECT | LD_*) ;;
    *) return 1 ;;
  esac
}

# Usage: export_canaries
# Exports a canary under every name that Pyve's files assign or declare, and under some that they do
# not. Sets NAMES.
export_canaries() {
  local bats_canary bats_word='[A-Za-z_][A-Za-z0-9_]*'
  NAMES=(SOMETHING_ELSE)
  for bats_canary in $(
    cd "$PYVE_TREE" &&
      cat pyve.sh lib/*.sh lib/commands/*.sh |
      grep -v '^ *#' |
        grep -oE "(^|[ ;(\"])$bats_word(\[[^]]*\])?\+?=|(local|declare|export|unset|read|for|printf -v)( -[a-zA-Z]+)*( +$bats_word(=[^ ;]*)?)+" |
        grep -oE "$bats_word" | sort -u
  ); do
    if ! is_known "$bats_canary" && ! declare -F "$bats_canary" >/dev/null; then
      NAMES+=("$bats_canary")
    fi
  done
  for bats_canary in "${NAMES[@]}"; do
    # (bats has an array of the name "lines".)
    unset -v "$bats_canary"
    export "$bats_canary=canary of $bats_canary"
  done
}

# Usage: list_lost <file>
# Prints the names whose canary is not in the file, the output of env.
list_lost() {
  local -a bats_lost=()
  local bats_canary bats_text
  bats_text=$'\n'$(<"$1")$'\n'
  for bats_canary in "${NAMES[@]}"; do
    [[ $bats_text == *$'\n'"$bats_canary=canary of $bats_canary"$'\n'* ]] || bats_lost+=("$bats_canary")
  done
  printf '%s\n' "${#NAMES[@]} names, lost: ${bats_lost[*]-}"
}

# Usage: with_canaries <command> [argument]...
# Runs it with every canary in its environment; prints what did not come out.
with_canaries() (
  export_canaries
  [[ ${#NAMES[@]} -gt 300 ]] || return 1
  "$@" >"$HOME/out" 2>"$HOME/err" || { cat "$HOME/err" && return 1; }
  cat "$HOME/err"
  list_lost "$HOME/out"
)

@test "run hands on what the caller exports" {
  run -0 with_canaries "$PYVE_TREE/pyve.sh" run env
  assert_equal "${output#* }" "names, lost: "
  run -0 with_canaries "$PYVE_TREE/pyve.sh" run -- env
  assert_equal "${output#* }" "names, lost: "
}

@test "shell hands on what the caller exports" {
  run -0 with_canaries bash -c 'echo env | "$0/pyve.sh" shell sh' "$PYVE_TREE"
  assert_equal "${output#* }" "names, lost: "
  printf 'NEW=1\n' >.env
  run -0 with_canaries bash -c 'echo env | "$0/pyve.sh" shell sh' "$PYVE_TREE"
  assert_equal "${output#* }" "names, lost: "
}

@test "the shell hook hands on what the caller exports, coming in and going out" {
  printf 'NEW=$ARGS\n' >.env
  pyve -q hook --trust
  # shellcheck disable=SC2016 # expanded by the inner bash
  local code='eval "$("$0/pyve.sh" hook bash)"; _pyve_hook; [[ $NEW == "canary of ARGS" ]] || exit 3'
  run -0 with_canaries bash -c "$code; env" "$PYVE_TREE"
  assert_equal "${output#* }" "names, lost: "
  run -0 with_canaries bash -c "$code; cd /; _pyve_hook; env" "$PYVE_TREE"
  assert_equal "${output#* }" "names, lost: "
}

@test "what a project sets comes before what the caller exports" {
  printf 'name=theirs\nCHANGES=theirs\nwords=theirs\nprogram=theirs\nPATH=/theirs:$PATH\n' >.env
  export name=mine CHANGES=mine folder=mine
  run -0 bash -c 'echo env | "$0/pyve.sh" shell sh' "$PYVE_TREE"
  assert_contains "$output" $'name=theirs\n'
  assert_contains "$output" $'CHANGES=theirs\n'
  assert_contains "$output" $'words=theirs\n'
  assert_contains "$output" $'program=theirs\n'
  assert_contains "$output" $'folder=mine\n'
  assert_contains "$output" $'PATH=/theirs:'
}

@test "a variable of the caller is found, empty or not, and nothing else is" {
  run -0 env -i EMPTY= LINES_OF=$'a\nb' LC_ALL=C bash -c '
    local_one=1
    . "$0/lib/caller.sh"
    keep_caller_environment
    EMPTY=x
    get_caller_variable EMPTY && printf "<%s>\n" "$REPLY"
    get_caller_variable LINES_OF && printf "<%s>\n" "$REPLY"
    get_caller_variable local_one || echo none
    get_caller_variable NO_SUCH || echo none' "$PYVE_TREE"
  assert_equal "$output" $'<>\n<a\nb>\nnone\nnone'
}
