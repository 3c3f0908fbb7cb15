#!/usr/bin/env bats
# The shared store as bash sees it: where it is, who uses what of it, and when what was remembered counts.

load ../helpers/test_helper

bats_require_minimum_version 1.5.0
setup() {
  setup_project
  load_lib output config sync_state store
  find_store
  ENTRY=$STORE/envs/abc
  mkdir -p "$ENTRY" "$PROJECT/.venv"
  : >"$ENTRY/entry"
  : >"$ENTRY/token"
}

@test "the store is in the cache of the user, or where PYVE_STORE says" {
  assert_equal "$STORE" "$HOME/.cache/pyve/store/v1"
  XDG_CACHE_HOME=/elsewhere find_store
  assert_equal "$STORE" /elsewhere/pyve/store/v1
  XDG_CACHE_HOME=relative find_store
  assert_equal "$STORE" "$HOME/.cache/pyve/store/v1"
  PYVE_STORE=/mine/ find_store
  assert_equal "$STORE" /mine/v1
}

@test "there is no store without a HOME, and none whose path a .pth file cannot hold" {
  HOME="" run -1 find_store
  PYVE_STORE=relative run -1 find_store
  PYVE_STORE=$'/a\nb' run -1 find_store
}

@test "an environment is known by its token, wherever it was moved" {
  run -1 is_owned "$ENTRY" "$PROJECT/.venv"
  ln "$ENTRY/token" "$PROJECT/.venv/pyve.token"
  is_owned "$ENTRY" "$PROJECT/.venv"
  mv "$PROJECT/.venv" "$PROJECT/moved"
  is_owned "$ENTRY" "$PROJECT/moved"
  cp -R "$PROJECT/moved" "$PROJECT/copied"
  run -1 is_owned "$ENTRY" "$PROJECT/copied"
}

@test "where a token cannot be linked, the record tells whose an entry is" {
  own_entry "$ENTRY" "$PROJECT/.venv"
  assert_equal "$(cat "$STORE_OWNER")" "$PROJECT/.venv"
  is_owned "$ENTRY" "$PROJECT/.venv"
  run -1 is_owned "$ENTRY" "$PROJECT/other"
  disown_entry
  run -1 is_owned "$ENTRY" "$PROJECT/.venv"
}

@test "a copied environment is made known, once" {
  printf 'format=1\nstore=%s\n' "$ENTRY" >"$PROJECT/.venv/pyve.state"
  mend_ownership "$PROJECT/.venv"
  [[ $PROJECT/.venv/pyve.token -ef $ENTRY/token ]]
  local -a records=("$STORE/owners"/*)
  assert_equal "${#records[@]}" 1
  mend_ownership "$PROJECT/.venv"
  records=("$STORE/owners"/*)
  assert_equal "${#records[@]}" 1
}

@test "scripts are written with the head of their own environment" {
  mkdir -p "$PROJECT/.venv/bin"
  VENV_SCRIPTS=()
  # shellcheck disable=SC2016 # it is data
  printf '\x1eone\nimport sys\nprint(1)\n\x1etwo words\n* $(touch here)\n' >"$ENTRY/scripts"
  write_entry_scripts "$ENTRY" "$PROJECT/.venv" /short/.venv
  assert_equal "$(cat "$PROJECT/.venv/bin/one")" $'#!/short/.venv/bin/python\nimport sys\nprint(1)'
  assert_equal "$(cat "$PROJECT/.venv/bin/two words")" $'#!/short/.venv/bin/python\n* $(touch here)'
  assert_equal "${#VENV_SCRIPTS[@]}" 2
  [[ ! -e here ]]
  : >"$ENTRY/scripts"
  write_entry_scripts "$ENTRY" "$PROJECT/.venv" /short/.venv
  assert_equal "${#VENV_SCRIPTS[@]}" 2
}

@test "the name of what was chosen is the same in whatever order it is said" {
  load_lib text files helper venv_sync store_sync
  config_parse $'sync:\n  own:\n    - zeta\n    - alpha\n  allow_startup: [beta]\n'
  _sync_selection="--group=docs --extra=all" _sync_words=(--offline --only-binary)
  get_store_words
  assert_equal "$REPLY" "--extra=all,--group=docs,allow=beta,only-binary,own=alpha,own=zeta"
  assert_equal "${STORE_WORDS[*]}" "--allow-startup beta --own zeta --own alpha"
  config_parse ""
  _sync_selection="" _sync_words=()
  get_store_words
  assert_equal "$REPLY" default
  _sync_selection="--extra=$(printf 'x%.0s' {1..200})"
  get_store_words
  assert_equal "$REPLY" ""
}

@test "a full environment is left alone, and one of another kind is made anew" {
  find_sync_place
  _sync_mode="" && choose_sync_mode
  assert_equal "$_sync_mode" store
  is_of_mode "$SYNC_PLACE"
  _sync_mode=copy
  run -1 is_of_mode "$SYNC_PLACE"
  printf 'copy=1\n' >.venv/pyve.state
  is_of_mode "$SYNC_PLACE"
  _sync_mode="" && choose_sync_mode
  assert_equal "$_sync_mode" copy
  printf 'store=%s\n' "$ENTRY" >.venv/pyve.state
  config_parse "store: off"
  _sync_mode="" && choose_sync_mode
  assert_equal "$_sync_mode" plain
  run -1 is_of_mode "$SYNC_PLACE"
}
