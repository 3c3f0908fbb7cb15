#!/usr/bin/env bats
# lib/backend_detect.sh: which backend a project gets.

bats_require_minimum_version 1.5.0
load ../helpers/test_helper

setup() {
  setup_project
  load_lib backend_detect
}

# Usage: configure <text>
configure() {
  mkdir -p .pyve
  printf '%s\n' "$1" >.pyve/config
}

@test "an empty folder speaks for no backend" {
  assert_equal "$(detect_backend_from_files)" none
}

@test "pyproject.toml and requirements.txt speak for venv" {
  touch pyproject.toml
  assert_equal "$(detect_backend_from_files)" venv
  rm pyproject.toml
  touch requirements.txt
  assert_equal "$(detect_backend_from_files)" venv
}

@test "environment.yml and conda-lock.yml speak for micromamba" {
  touch environment.yml
  assert_equal "$(detect_backend_from_files)" micromamba
  rm environment.yml
  touch conda-lock.yml
  assert_equal "$(detect_backend_from_files)" micromamba
}

@test "files of both kinds are ambiguous" {
  local conda python
  for conda in environment.yml conda-lock.yml; do
    for python in pyproject.toml requirements.txt; do
      touch "$conda" "$python"
      assert_equal "$(detect_backend_from_files)" ambiguous
      rm "$conda" "$python"
    done
  done
}

@test "folders that are called like such files speak for nothing" {
  mkdir pyproject.toml environment.yml
  assert_equal "$(detect_backend_from_files)" none
}

@test "the command line goes before the config, the config before the files, the files before the default" {
  assert_equal "$(get_backend_priority)" venv
  touch environment.yml
  assert_equal "$(get_backend_priority)" micromamba
  assert_equal "$(get_backend_priority "")" micromamba
  configure "backend: venv"
  assert_equal "$(get_backend_priority)" venv
  assert_equal "$(get_backend_priority micromamba)" micromamba
}

@test "auto means: what comes next" {
  touch environment.yml
  assert_equal "$(get_backend_priority auto)" micromamba
  configure "backend: auto"
  assert_equal "$(get_backend_priority auto)" micromamba
  assert_equal "$(get_backend_priority)" micromamba
  configure "backend: venv"
  assert_equal "$(get_backend_priority auto)" venv
}

@test "ambiguous files give venv, with a warning on stderr that names both" {
  touch environment.yml requirements.txt
  run -0 --separate-stderr get_backend_priority
  assert_equal "$output" venv
  assert_contains "$stderr" "WARNING: "
  assert_contains "$stderr" environment.yml
  assert_contains "$stderr" requirements.txt
}

@test "nothing is ambiguous for who has said what to take" {
  touch environment.yml requirements.txt
  run -0 --separate-stderr get_backend_priority micromamba
  assert_equal "$output$stderr" micromamba
  configure "backend: micromamba"
  run -0 --separate-stderr get_backend_priority
  assert_equal "$output$stderr" micromamba
}

@test "find_backend says where the answer comes from" {
  find_backend
  assert_equal "$REPLY from $BACKEND_SOURCE" "venv from default"
  touch pyproject.toml
  find_backend
  assert_equal "$REPLY from $BACKEND_SOURCE" "venv from pyproject.toml"
  configure "backend: micromamba"
  find_backend
  assert_equal "$REPLY from $BACKEND_SOURCE" "micromamba from .pyve/config"
  find_backend venv
  assert_equal "$REPLY from $BACKEND_SOURCE" "venv from --backend"
}

@test "venv, micromamba and auto are backends, nothing else is" {
  local word
  for word in venv micromamba auto; do
    run -0 --separate-stderr validate_backend "$word"
    assert_equal "$output$stderr" ""
  done
  for word in "" conda VENV "venv " "venv micromamba" '*' none ambiguous; do
    run -1 --separate-stderr validate_backend "$word"
    assert_contains "$stderr" "there are venv, micromamba and auto"
  done
  run -1 validate_backend
}

@test "validate_config_file has nothing to say about a good config, or none" {
  run -0 validate_config_file
  configure $'backend: venv\nvenv:\n  directory: my-env\nunknown: 1'
  run -0 validate_config_file
  assert_equal "$output" ""
}

@test "validate_config_file names each mistake" {
  configure $'backend: conda\nvenv:\n  directory: .git'
  run -1 validate_config_file
  assert_contains "$output" "'conda'"
  assert_contains "$output" "'.git'"
}

@test "validate_config_file reports a config that cannot be read" {
  [ "$(id -u)" -ne 0 ] || skip "root may read everything"
  configure "backend: venv"
  chmod 000 .pyve/config
  run -1 validate_config_file
  chmod 600 .pyve/config
  assert_contains "$output" E_CONFIG_READ
}

@test "pyve config shows what was detected" {
  touch environment.yml
  run -0 pyve config
  [[ $output =~ "Backend (detected)":\ +micromamba ]]
  [[ $output =~ "Backend (config)":\ +"not set" ]]
}
