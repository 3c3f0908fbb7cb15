#!/usr/bin/env bats
# shellcheck disable=SC2016 # code and hostile texts in single quotes are meant to stay as they are
# lib/activation.sh: the .envrc for direnv, and the .env beside it.

bats_require_minimum_version 1.5.0
load ../helpers/test_helper

setup() {
  setup_project
  load_lib utils activation
  ENV_FILE_NAME=.env
}

# Usage: mode_of <file>
mode_of() {
  local line
  line=$(ls -ld "$1")
  printf '%s\n' "${line:0:10}"
}

# Usage: load_envrc <shell code>
# Runs the code where .envrc has been read as direnv does, with stand-ins for its functions.
load_envrc() {
  PATH=/usr/bin:/bin bash -c 'set -eu
    PATH_add() { PATH=$1:$PATH; }
    watch_file() { printf "watch %s\n" "$1" >>direnv-calls; }
    dotenv() { printf "dotenv %s\n" "$1" >>direnv-calls; }
    source .envrc
    '"$1"
}

# Usage: hostile_names
# Names of projects that shells like to misread, one a line.
hostile_names() {
  cat <<'END'
plain
my project
it's
say "hi"
$(touch pwned)
`touch pwned`
a;touch pwned
a&b
a|b>c
!wow!
-dash
ünï ☃
back\slash
$HOME
${x}
*
#hash
END
}

@test "the .envrc sets what the environment needs, by absolute paths" {
  write_envrc .venv demo
  run -0 load_envrc 'printf "%s\n" "$PYVE_BACKEND" "$PYVE_ENV_NAME" "$PYVE_PROMPT_PREFIX" "$VIRTUAL_ENV" "$VIRTUAL_ENV_PROMPT" "$UV_PROJECT_ENVIRONMENT" "$ASDF_PYTHON_PLUGIN_DISABLE_RESHIM" "${PATH%%:*}"'
  assert_equal "$output" "venv
demo
(venv:demo) 
$PWD/.venv
demo
$PWD/.venv
1
$PWD/.venv/bin"
}

@test "the .envrc unsets PYTHONHOME, watches the config, and leaves the prompt alone" {
  write_envrc .venv demo
  PYTHONHOME=/wrong run -0 load_envrc 'printf "%s\n" "${PYTHONHOME-unset} ${PS1-unset}"'
  assert_equal "$output" "unset unset"
  assert_contains "$(cat direnv-calls)" "watch .pyve/config"
  refute_contains "$(cat .envrc)" activate
  refute_contains "$(cat .envrc)" PS1
}

@test "the .envrc loads .env only when there is something in it" {
  write_envrc .venv demo
  load_envrc :
  refute_contains "$(cat direnv-calls)" dotenv
  : >.env
  load_envrc :
  refute_contains "$(cat direnv-calls)" dotenv
  printf 'A=1\n' >.env
  load_envrc :
  assert_contains "$(cat direnv-calls)" "dotenv .env"
}

@test "a project of any name gets an .envrc that names it and executes nothing" {
  local name
  while IFS= read -r name; do
    rm -f .envrc
    write_envrc .venv "$name" >/dev/null
    assert_equal "$(load_envrc 'printf "%s" "$PYVE_ENV_NAME"')" "$name"
    assert_equal "$(load_envrc 'printf "%s" "$VIRTUAL_ENV_PROMPT$PYVE_PROMPT_PREFIX"')" "$name(venv:$name) "
  done < <(hostile_names)
  rm -f .envrc
  write_envrc .venv $'two\nlines'
  assert_equal "$(load_envrc 'printf "%s" "$PYVE_ENV_NAME"')" $'two\nlines'
  [ ! -e pwned ]
}

@test "direnv itself loads it" {
  type -P direnv >/dev/null || skip "direnv is not on this machine"
  export XDG_DATA_HOME="$HOME/data" XDG_CONFIG_HOME="$HOME/config"
  mkdir -p .venv/bin
  printf '#!/bin/sh\necho from the environment\n' >.venv/bin/probe
  chmod +x .venv/bin/probe
  printf 'SECRET="x y"\n' >.env
  write_envrc .venv "${PWD##*/}"
  direnv allow .
  run -0 --separate-stderr direnv exec . bash -c 'probe; printf "%s\n" "$VIRTUAL_ENV" "$SECRET" "$PYVE_ENV_NAME"'
  assert_equal "$output" "from the environment
$PWD/.venv
x y
my project"
}

@test "writing the .envrc again says nothing and changes nothing" {
  write_envrc .venv demo
  touch -t 200001010000 .envrc
  run -0 write_envrc .venv demo
  assert_equal "$output" ""
  [ -z "$(find .envrc -newer "$PYVE_TREE/pyve.sh")" ]
}

@test "an .envrc of the user is kept, and it is said" {
  printf 'mine\n' >.envrc
  run -0 write_envrc .venv demo
  assert_contains "$output" "stays as it is"
  assert_equal "$(cat .envrc)" mine
}

@test "an .envrc that the user changed is kept" {
  write_envrc .venv demo
  printf 'mine\n' >>.envrc
  write_envrc .venv other
  assert_contains "$(cat .envrc)" mine
  assert_contains "$(cat .envrc)" demo
}

@test "an .envrc that nobody changed follows the project" {
  write_envrc .venv demo
  write_envrc other-env demo
  assert_contains "$(cat .envrc)" other-env
  is_made .envrc
}

@test "an .envrc that is a link is not written through" {
  printf 'mine\n' >elsewhere
  ln -s elsewhere .envrc
  run -0 write_envrc .venv demo
  assert_equal "$(cat elsewhere)" mine
  rm elsewhere
  run -0 write_envrc .venv demo
  [ -L .envrc ] && [ ! -e elsewhere ]
}

# --- .env

@test "the .env is made empty, for nobody else to read" {
  umask 000
  write_env_file ""
  assert_equal "$(mode_of .env)" "-rw-------"
  [ ! -s .env ]
}

@test "an .env that is there keeps its content, and others can no longer read it" {
  printf 'SECRET=1\n' >.env
  chmod 644 .env
  run -0 write_env_file 1
  refute_contains "$output" SECRET
  assert_equal "$(cat .env)" "SECRET=1"
  assert_equal "$(mode_of .env)" "-rw-------"
}

@test "--local-env copies the template of the user, for nobody else to read" {
  mkdir -p "$HOME/.local"
  printf 'KEY=value\n' >"$HOME/.local/.env"
  chmod 644 "$HOME/.local/.env"
  umask 000
  run -0 write_env_file 1
  refute_contains "$output" value
  assert_equal "$(cat .env)" "KEY=value"
  assert_equal "$(mode_of .env)" "-rw-------"
}

@test "without --local-env the template is not copied" {
  mkdir -p "$HOME/.local"
  printf 'KEY=value\n' >"$HOME/.local/.env"
  write_env_file ""
  [ ! -s .env ]
}

@test "--local-env without a template warns, and makes an empty .env" {
  run -0 --separate-stderr write_env_file 1
  assert_contains "$stderr" "WARNING: "
  [ -f .env ] && [ ! -s .env ]
}

@test "an .env that is a link stays one" {
  printf 'KEY=value\n' >elsewhere
  ln -s elsewhere .env
  run -0 write_env_file ""
  [ -L .env ]
  assert_equal "$(cat elsewhere)" "KEY=value"
}

@test "nothing is left beside the .env when the template cannot be read" {
  [ "$(id -u)" -ne 0 ] || skip "root may read everything"
  mkdir -p "$HOME/.local"
  printf 'KEY=value\n' >"$HOME/.local/.env"
  chmod 000 "$HOME/.local/.env"
  run -1 write_env_file 1
  chmod 600 "$HOME/.local/.env"
  assert_contains "$output" "ERROR: "
  assert_equal "$(find . -name '.env*')" ""
}

# --- the prompt

@test "the prompt hooks show the prefix once, and nothing of it is executed" {
  local shell
  for shell in bash zsh; do
    [[ -f $PYVE_TREE/lib/shell/prompt.$shell ]] || skip "no prompt hook for $shell"
    bash -n "$PYVE_TREE/lib/shell/prompt.bash"
  done
  PYVE_PROMPT_PREFIX='(venv:$(touch pwned)`touch pwned`) ' run bash --norc -ic '. "$1"; eval "${PROMPT_COMMAND-}"; eval "${PROMPT_COMMAND-}"; printf "%s\n" "${PS1@P}"' - "$PYVE_TREE/lib/shell/prompt.bash" </dev/null
  [ ! -e pwned ]
}
