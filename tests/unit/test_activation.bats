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
  write_envrc venv .venv demo
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

@test "the .envrc unsets PYTHONHOME, starts no program, and leaves the prompt alone" {
  write_envrc venv .venv demo
  PYTHONHOME=/wrong run -0 load_envrc 'printf "%s\n" "${PYTHONHOME-unset} ${PS1-unset}"'
  assert_equal "$output" "unset unset"
  # Nothing to watch, either: that would cost direnv more time than all the rest.
  [ ! -e direnv-calls ]
  refute_contains "$(cat .envrc)" activate
  refute_contains "$(cat .envrc)" PS1
  refute_contains "$(cat .envrc)" '$('
  refute_contains "$(cat .envrc)" "$PWD"
}

@test "the .envrc loads .env only when there is something in it" {
  write_envrc venv .venv demo
  load_envrc :
  : >.env
  load_envrc :
  [ ! -e direnv-calls ]
  printf 'A=1\n' >.env
  load_envrc :
  assert_contains "$(cat direnv-calls)" "dotenv .env"
}

@test "a project of any name gets an .envrc that names it and executes nothing" {
  local name
  while IFS= read -r name; do
    rm -f .envrc
    write_envrc venv .venv "$name" >/dev/null
    assert_equal "$(load_envrc 'printf "%s" "$PYVE_ENV_NAME"')" "$name"
    assert_equal "$(load_envrc 'printf "%s" "$VIRTUAL_ENV_PROMPT$PYVE_PROMPT_PREFIX"')" "$name(venv:$name) "
  done < <(hostile_names)
  rm -f .envrc
  write_envrc venv .venv $'two\nlines'
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
  write_envrc venv .venv "${PWD##*/}"
  direnv allow .
  run -0 --separate-stderr direnv exec . bash -c 'probe; printf "%s\n" "$VIRTUAL_ENV" "$SECRET" "$PYVE_ENV_NAME"'
  assert_equal "$output" "from the environment
$PWD/.venv
x y
my project"
}

@test "writing the .envrc again says nothing and changes nothing" {
  write_envrc venv .venv demo
  touch -t 200001010000 .envrc
  run -0 write_envrc venv .venv demo
  assert_equal "$output" ""
  [ -z "$(find .envrc -newer "$PYVE_TREE/pyve.sh")" ]
}

@test "an .envrc of the user is kept, and the lines to add are shown, once" {
  local shown
  printf 'mine\n' >.envrc
  run -0 write_envrc venv .venv demo
  assert_contains "$output" "stays as it is"
  assert_contains "$output" 'export VIRTUAL_ENV="$PWD/.venv"'
  assert_equal "$(grep -c 'export VIRTUAL_ENV=' <<<"$output")" 1
  assert_equal "$(cat .envrc)" mine
  PYVE_QUIET=1 run -0 write_envrc venv .venv demo
  assert_equal "$output" ""
  # Who adds them is asked no more.
  shown=$(write_envrc venv .venv demo)
  printf '%s\n' "${shown#*$'\n'}" >>.envrc
  run -0 write_envrc venv .venv demo
  assert_contains "$output" "it enters the environment"
  refute_contains "$output" "export"
  sed -i.old 's/^mine$/# mine/' .envrc
  assert_equal "$(load_envrc 'printf "%s" "$VIRTUAL_ENV"')" "$PWD/.venv"
}

@test "an .envrc that the user changed is kept" {
  write_envrc venv .venv demo
  printf 'mine\n' >>.envrc
  write_envrc venv .venv other
  assert_contains "$(cat .envrc)" mine
  assert_contains "$(cat .envrc)" demo
}

@test "an .envrc that nobody changed follows the project" {
  write_envrc venv .venv demo
  write_envrc venv other-env demo
  assert_contains "$(cat .envrc)" other-env
  is_made .envrc
}

@test "an .envrc that is a link is not written through" {
  printf 'mine\n' >elsewhere
  ln -s elsewhere .envrc
  run -0 write_envrc venv .venv demo
  assert_equal "$(cat elsewhere)" mine
  rm elsewhere
  run -0 write_envrc venv .venv demo
  [ -L .envrc ] && [ ! -e elsewhere ]
}

@test "an .envrc follows what the config says about the prompt" {
  write_envrc venv .venv demo
  config_parse $'prompt:\n  format: "<{env_name}>"'
  write_envrc venv .venv demo
  assert_equal "$(load_envrc 'printf "%s" "$PYVE_PROMPT_PREFIX"')" "<demo> "
  config_parse $'prompt:\n  show: false'
  write_envrc venv .venv demo
  assert_equal "$(load_envrc 'printf "%s" "$PYVE_PROMPT_PREFIX"')" ""
  is_made .envrc
}

@test "no text of the config becomes code in an .envrc" {
  local text
  while IFS= read -r text; do
    config_parse "prompt:"$'\n'"  format: '${text//\'/\'\'} {env_name}'"
    rm -f .envrc
    write_envrc venv .venv demo >/dev/null
    assert_equal "$(load_envrc 'printf "%s" "$PYVE_PROMPT_PREFIX"')" "$text demo "
  done < <(hostile_names)
  [ ! -e pwned ]
}

@test "init --allow lets direnv load what Pyve wrote, and nothing else" {
  local direnv
  offer_python
  direnv=$(type -P direnv) || skip "NOT TESTED: direnv is not on this machine"
  export DIRENV_LOG_FORMAT=""
  run -0 pyve init --yes --allow
  assert_contains "$output" "direnv may load .envrc"
  refute_contains "$output" "Next: direnv allow"
  run -0 "$direnv" exec . bash -c 'printf "%s\n" "$VIRTUAL_ENV"'
  assert_equal "$output" "$PWD/.venv"
  # One that Pyve did not write is for the user to judge.
  pyve -q purge --yes
  printf 'export MINE=1\n' >.envrc
  run -0 --separate-stderr pyve init --yes --allow
  assert_contains "$stderr" "[W_ENVRC_FOREIGN]"
  assert_contains "$stderr" "fix: direnv allow"
  run ! "$direnv" exec . true
  assert_equal "$(cat .envrc)" "export MINE=1"
}

@test "init --update brings a changed prompt into .envrc, and says what direnv needs" {
  offer_python
  pyve -q init --yes
  printf 'prompt:\n  format: "[{env_name}]"\n' >>.pyve/config
  run -0 pyve init --update
  assert_contains "$(cat .envrc)" "[my project]"
  assert_contains "$output" "Wrote .envrc"
}

@test "init --no-direnv writes no .envrc, and --allow has nothing to say then" {
  offer_python
  run -0 pyve init --yes --no-direnv
  [ ! -e .envrc ]
  refute_contains "$output" "direnv allow"
  run -1 --separate-stderr pyve init --no-direnv --allow
  assert_contains "$stderr" "[E_USAGE_CONFLICT]"
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
  assert_contains "$output" "no permission"
  assert_equal "$(find . -name '.env*')" ""
}

@test "the .env is for its owner alone, whatever the umask" {
  local mask
  mkdir -p "$HOME/.local"
  printf 'KEY=value\n' >"$HOME/.local/.env"
  for mask in 000 022 027 077 177 777; do
    (umask "$mask" && write_env_file "")
    assert_equal "$(mode_of .env)" "-rw-------"
    rm .env
    (umask 000 && mkdir -p .pyve/tmp && umask "$mask" && write_env_file 1)
    assert_equal "$(mode_of .env)" "-rw-------"
    rm -r .env .pyve
  done
}

@test "every mode that lets others do something is narrowed, and that is said" {
  local mode
  printf 'CANARY=1\n' >.env
  for mode in 604 640 644 660 666 601 610 620 777 755; do
    chmod "$mode" .env
    run -0 write_env_file ""
    assert_contains "$output" "could be read by others"
    assert_contains "$output" "its mode is 600 now"
    refute_contains "$output" CANARY
    assert_equal "$(mode_of .env)" "-rw-------"
  done
  run -0 write_env_file ""
  refute_contains "$output" "could be read"
}

@test "a mode that is narrower stays" {
  printf 'KEY=value\n' >.env
  chmod 400 .env
  run -0 write_env_file ""
  refute_contains "$output" "could be read"
  assert_equal "$(mode_of .env)" "-r--------"
}

@test "a mode that cannot be changed is said, and is no failure" {
  printf 'KEY=value\n' >.env
  chmod 644 .env
  # shellcheck disable=SC2329 # in the place of the program
  chmod() { return 1; }
  run -0 --separate-stderr write_env_file ""
  assert_contains "$stderr" "cannot be changed [W_ENV_MODE]"
  # A file system that keeps no modes says yes to everything.
  # shellcheck disable=SC2329 # in the place of the program
  chmod() { return 0; }
  run -0 --separate-stderr write_env_file ""
  assert_contains "$stderr" "cannot be changed [W_ENV_MODE]"
  refute_contains "$output" "is 600 now"
}

@test "what an .env links to is not changed; that others can read it is said" {
  printf 'CANARY=1\n' >elsewhere
  chmod 644 elsewhere
  ln -s elsewhere .env
  mkdir -p "$HOME/.local"
  printf 'CANARY=2\n' >"$HOME/.local/.env"
  run -0 --separate-stderr write_env_file 1
  assert_contains "$stderr" "is a symbolic link, and what it points to can be read by others [W_ENV_MODE]"
  assert_contains "$stderr" "was not copied"
  refute_contains "$output$stderr" CANARY
  assert_equal "$(mode_of elsewhere)" "-rw-r--r--"
  assert_equal "$(cat elsewhere)" CANARY=1
  chmod 600 elsewhere
  run -0 --separate-stderr write_env_file ""
  assert_equal "$stderr" ""
}

@test "an .env that links to nothing is not written through" {
  ln -s "$HOME/elsewhere" .env
  mkdir -p "$HOME/.local"
  printf 'KEY=value\n' >"$HOME/.local/.env"
  run -0 --separate-stderr write_env_file 1
  assert_contains "$stderr" "symbolic link to nothing"
  [ ! -e "$HOME/elsewhere" ] && [ -L .env ]
}

@test "an .env that is a folder or a pipe is left, and it is said" {
  mkdir .env
  run -0 --separate-stderr write_env_file ""
  assert_contains "$stderr" "is a folder"
  rmdir .env
  mkfifo .env
  run -0 --separate-stderr write_env_file 1
  assert_contains "$stderr" "is not a file"
  [ -p .env ]
}

@test "an empty .env is filled from the template, any other keeps what it has" {
  mkdir -p "$HOME/.local"
  printf 'KEY=value\n' >"$HOME/.local/.env"
  write_env_file ""
  write_env_file 1
  assert_equal "$(cat .env)" "KEY=value"
  printf '\n' >.env
  run -0 --separate-stderr write_env_file 1
  assert_contains "$stderr" "was not copied"
  assert_equal "$(wc -c <.env | tr -d ' ')" 1
}

@test "a template is copied byte for byte, also when it is no text" {
  mkdir -p "$HOME/.local"
  printf 'A=\0\xff\r\n$(touch pwned)`touch pwned`' >"$HOME/.local/.env"
  run -0 write_env_file 1
  cmp .env "$HOME/.local/.env"
  [ ! -e pwned ]
}

@test "a template that others can read is said; one that is a folder counts as none" {
  mkdir -p "$HOME/.local"
  printf 'KEY=value\n' >"$HOME/.local/.env"
  chmod 644 "$HOME/.local/.env"
  run -0 --separate-stderr write_env_file 1
  assert_contains "$stderr" "fix: chmod 600 $(printf '%q' "$HOME/.local/.env")"
  rm .env "$HOME/.local/.env"
  mkdir "$HOME/.local/.env"
  run -0 --separate-stderr write_env_file 1
  assert_contains "$stderr" "is not a file"
  [ -f .env ] && [ ! -s .env ]
}

@test "a copy that is killed leaves no .env, and its part where git does not look" {
  mkdir -p "$HOME/.local"
  printf 'KEY=value\n' >"$HOME/.local/.env"
  run -137 bash -c '. "$1/lib/activation.sh"; mv() { kill -KILL "$$" "$BASHPID"; }; write_env_file 1' - "$PYVE_TREE"
  [ ! -e .env ]
  set -- .pyve/tmp/env.*
  [ -s "$1" ]
  assert_equal "$(find . -name '*env*' ! -path './.pyve/tmp/*')" ""
}

@test "an .env that git tracks is warned of, with the command that ends it" {
  type -P git >/dev/null || skip "git is not on this machine"
  git init -q .
  mkdir sub
  cd sub || return 1
  printf 'CANARY=1\n' >.env
  run -0 --separate-stderr write_env_file ""
  assert_equal "$stderr" ""
  git add -f .env
  run -0 --separate-stderr write_env_file ""
  assert_contains "$stderr" "[W_ENV_TRACKED]"
  assert_contains "$stderr" "fix: git rm --cached .env"
  refute_contains "$output$stderr" CANARY
  git rm -q --cached .env
  run -0 --separate-stderr write_env_file ""
  assert_equal "$stderr" ""
}

@test "git is asked only where there is a repository and an .env from before" {
  mkdir "$HOME/bin"
  printf '#!/bin/sh\ntouch "%s/asked"\n' "$HOME" >"$HOME/bin/git"
  chmod +x "$HOME/bin/git"
  PATH=$HOME/bin:$PATH
  write_env_file ""
  write_env_file ""
  [ ! -e "$HOME/asked" ]
  mkdir .git
  rm .env
  write_env_file ""
  [ ! -e "$HOME/asked" ]
  write_env_file ""
  [ -e "$HOME/asked" ]
}

@test "a .gitignore that takes .env in again is warned of" {
  printf '.env\n!.env\n' >.gitignore
  run -0 --separate-stderr write_env_file ""
  assert_contains "$stderr" "[W_ENV_NOT_IGNORED]"
  rm .env
  printf '!.env\n.env\n' >.gitignore
  run -0 --separate-stderr write_env_file ""
  assert_equal "$stderr" ""
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
