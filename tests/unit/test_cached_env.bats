#!/usr/bin/env bats
# Environments that belong to no project, as bash sees them: what tells one from another, and when one can be used.

load ../helpers/test_helper

bats_require_minimum_version 1.5.0
setup() {
  setup_project
  load_lib output cached_env
  unset -v UV_INDEX UV_DEFAULT_INDEX PIP_INDEX_URL PIP_FIND_LINKS PIP_NO_INDEX UV_NO_INDEX UV_FIND_LINKS XDG_CACHE_HOME XDG_CONFIG_HOME
}

# Usage: key_of <argument of compose_cached_request>...
# Prints the name of the environment.
key_of() {
  compose_cached_request "$@"
  find_cached_env || :
  printf '%s\n' "$CACHED_KEY"
}

# Usage: make_environment <folder>
# Makes what is_private_env takes for one.
make_environment() {
  mkdir -p "$1/venv/bin"
  ln -s "$(type -P true)" "$1/venv/bin/python"
  : >"$1/stdlib"
  printf 'format=1\npath=%s\nstdlib=%s\n' "$1/venv" "$1/stdlib" >"$1/venv/pyve.state"
  : >"$1/used"
}

@test "what is asked for, and where it is looked for, tells one environment from another" {
  local one
  one=$(key_of tool --requirement ruff)
  [[ $one =~ ^[0-9a-f]{32}$ ]]
  assert_equal "$(key_of tool --requirement ruff)" "$one"
  assert_equal "$(key_of tool --requirement ruff --name other --offline)" "$one"
  for more in "--requirement idna" "--python 3.12" "--exclude-newer 7d" "--only-binary" "--base /x" "--select --no-dev"; do
    # shellcheck disable=SC2086 # words
    [[ $(key_of tool --requirement ruff $more) != "$one" ]]
  done
  [[ $(key_of script --requirement ruff) != "$one" ]]
  [[ $(UV_INDEX=elsewhere key_of tool --requirement ruff) != "$one" ]]
  mkdir -p "$HOME/.config/uv"
  printf 'prerelease = "allow"\n' >"$HOME/.config/uv/uv.toml"
  [[ $(key_of tool --requirement ruff) != "$one" ]]
}

@test "two requirements are not one with a line end in it" {
  [[ $(key_of tool --requirement $'a\nrequirement=b') != "$(key_of tool --requirement a --requirement b)" ]]
}

@test "a lock says what is in an environment, whatever the settings" {
  local one
  printf 'lock\n' >lock.toml
  one=$(key_of script --lock "$PWD/lock.toml")
  [[ $one =~ ^[0-9a-f]{32}-[0-9a-f]{16}$ ]]
  assert_equal "$(UV_INDEX=elsewhere key_of script --lock "$PWD/lock.toml")" "$one"
  printf 'other\n' >lock.toml
  [[ $(key_of script --lock "$PWD/lock.toml") != "$one" ]]
}

@test "a folder that is being written is known by its project file" {
  local one
  mkdir "my tool"
  printf '[project]\n' >"my tool/pyproject.toml"
  one=$(key_of tool --requirement "-e $PWD/my tool")
  printf 'import x\n' >"my tool/code.py"
  assert_equal "$(key_of tool --requirement "-e $PWD/my tool")" "$one"
  printf '[project]\nname = "x"\n' >"my tool/pyproject.toml"
  [[ $(key_of tool --requirement "-e $PWD/my tool") != "$one" ]]
}

@test "a file that is asked for by a URL is known by what is in it" {
  local url one item
  mkdir "my wheels"
  url="file://${PWD// /%20}/my%20wheels/%c3%a9.whl"
  for item in "$url" "x @ $url#sha256=00" "x @ $url?a=b ; python_version > '3'"; do
    printf 'one' >"my wheels/é.whl"
    one=$(key_of tool --requirement "$item")
    printf 'two' >"my wheels/é.whl"
    [[ $(key_of tool --requirement "$item") != "$one" ]]
  done
}

@test "an environment is used only when it is whole, and its use is noted" {
  local folder=$HOME/.cache/pyve/environments/abc
  run -1 use_cached_env "$folder"
  make_environment "$folder"
  touch -t 202001010000 "$folder/used" "$folder/stdlib"
  use_cached_env "$folder"
  [[ $folder/used -nt $folder/stdlib ]]
  rm "$folder/stdlib"
  run -1 use_cached_env "$folder"
  : >"$folder/stdlib"
  use_cached_env "$folder"
  printf 'store=%s\n' "$HOME/store/envs/gone" >>"$folder/venv/pyve.state"
  run -1 use_cached_env "$folder"
}

@test "one that was moved, or whose Python is gone, is none" {
  local folder=$HOME/.cache/pyve/environments/abc
  make_environment "$folder"
  is_private_env "$folder/venv"
  mv "$folder" "$HOME/moved"
  run -1 is_private_env "$HOME/moved/venv"
  mv "$HOME/moved" "$folder"
  rm "$folder/venv/bin/python"
  ln -s gone "$folder/venv/bin/python"
  run -1 is_private_env "$folder/venv"
}

@test "who only explains notes no use" {
  local folder
  compose_cached_request tool --requirement ruff
  find_cached_env || :
  make_environment "$CACHED_FOLDER"
  folder=$CACHED_FOLDER
  PYVE_EXPLAIN=1
  touch -t 202001010000 "$folder/used"
  find_cached_env
  [[ $folder/stdlib -nt $folder/used ]]
}

@test "without a cache folder there is no place" {
  compose_cached_request tool --requirement ruff
  HOME="" PYVE_COMMAND=x run -2 find_cached_env
  [[ $output == *E_CACHE_PLACE* ]]
  XDG_CACHE_HOME=/elsewhere find_cached_root
  assert_equal "$CACHED_ROOT" /elsewhere/pyve/environments
}

@test "a warm start of a tool needs no process, and every doubt leads to the long way" {
  local folder=$HOME/.cache/pyve/environments/abc before=$PATH
  load_lib tool_warm
  make_environment "$folder"
  ln -s "$(type -P true)" "$folder/venv/bin/ruff"
  write_tool_memo ruff@0.6 ruff "$folder/venv/bin/ruff"
  # shellcheck disable=SC2123 # no program can be found
  PATH=/nothing
  PYTHONHOME=/x
  find_tool_at_once ruff@0.6 check
  [[ $_pyve_program == "$folder/venv/bin/ruff" && $PATH == "$folder/venv/bin:/nothing" && -z ${PYTHONHOME+set} ]]
  PATH=$before
  run -1 find_tool_at_once ruff
  run -1 find_tool_at_once --with x ruff@0.6
  run -1 find_tool_at_once ../.tools/ruff@0.6
  UV_INDEX=elsewhere run -1 find_tool_at_once ruff@0.6
  PYVE_LOG=debug run -1 find_tool_at_once ruff@0.6
  mkdir -p "$HOME/.local/share/pyve/tools/ruff"
  : >"$HOME/.local/share/pyve/tools/ruff/tool"
  run -1 find_tool_at_once ruff@0.6
  rm "$HOME/.local/share/pyve/tools/ruff/tool"
  find_tool_at_once ruff@0.6
  rm "$folder/stdlib"
  run -1 find_tool_at_once ruff@0.6
}

@test "nothing that may be a password is noted" {
  load_lib tool_warm
  UV_INDEX=https://me:secret@index/ write_tool_memo ruff ruff /x/bin/ruff
  [[ ! -e $HOME/.cache/pyve/environments/.tools/ruff ]]
  write_tool_memo ruff ruff /x/bin/ruff
  [[ -f $HOME/.cache/pyve/environments/.tools/ruff ]]
}
