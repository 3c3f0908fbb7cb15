#!/usr/bin/env bats
# The text of rc files: our lines in, our lines out, and whether the file can be written.
#
# shellcheck disable=SC2016 # rc files are to expand what is written into them
# shellcheck disable=SC2012 # ls -l is the portable way to see a mode; the names are the test's own
# shellcheck disable=SC2030,SC2031 # each test is a process, and begins with setup

bats_require_minimum_version 1.5.0
load ../helpers/test_helper

setup() {
  setup_project
  load_lib rc_file
  OSTYPE=linux-gnu
  TREE=$HOME/.local/share/pyve/app
  compose_rc_lines bash "$TREE"
  LINES_OF_BASH=$REPLY
}

# Usage: survives_round_trip <text as printf format>
# Lines in, lines in again, lines out: the text is as before.
survives_round_trip() {
  local before once
  # shellcheck disable=SC2059 # the format is the test's own
  printf -v before "$1"
  add_rc_lines "$before" "$LINES_OF_BASH"
  once=$REPLY
  assert_contains "$once" "${LINES_OF_BASH%$'\n'}"
  add_rc_lines "$once" "$LINES_OF_BASH"
  assert_equal "$REPLY" "$once"
  remove_rc_lines "$once"
  assert_equal "$REPLY" "$before"
}

@test "the module can be read alone, in strict mode, and not be run" {
  run -0 env -i PATH="$PATH" bash -c 'set -euo pipefail; . "$1/lib/rc_file.sh"; declare -F write_file' _ "$PYVE_TREE"
  assert_equal "$output" write_file
  run -1 bash "$PYVE_TREE/lib/rc_file.sh"
  assert_contains "$output" "is sourced by pyve.sh"
}

@test "a text comes back byte for byte" {
  survives_round_trip ''
  survives_round_trip '\n'
  survives_round_trip 'alias x=y\n\n'
  survives_round_trip 'no line end'
  survives_round_trip ' \n  a blank in front'
  survives_round_trip 'caf\351 \\\\ %% $x `y` [a] *\r\n\t  end  '
  survives_round_trip 'echo "# Added by pyve installer, they say"\n'
}

@test "the lines go above SDKMAN's marker" {
  local marker='#THIS MUST BE AT THE END OF THE FILE FOR SDKMAN TO WORK!!!'
  survives_round_trip "$marker"
  survives_round_trip "a\n$marker\nexport SDKMAN_DIR=x"
  add_rc_lines "a"$'\n'"$marker"$'\n' "$LINES_OF_BASH"
  assert_equal "$REPLY" "a"$'\n'"$LINES_OF_BASH$marker"$'\n'
}

@test "what was written below our lines stays below a line end" {
  add_rc_lines one "$LINES_OF_BASH"
  remove_rc_lines "$REPLY"$'two\n'
  assert_equal "$REPLY" $'one\ntwo\n'
}

@test "lines in place stay there; outdated ones and those of version 1.1 are replaced" {
  local text=$'a\n'$LINES_OF_BASH$'b\n'
  add_rc_lines "$text" "$LINES_OF_BASH"
  assert_equal "$REPLY" "$text"
  text=$'a\n. /old/prompt.bash # Added by pyve installer\nexport PATH="$HOME/.local/bin:$PATH"  # Added by pyve installer \nb\n'
  add_rc_lines "$text" "$LINES_OF_BASH"
  assert_equal "$REPLY" $'a\nb\n'"$LINES_OF_BASH"
}

@test "every shell has its own file, and other shells none" {
  find_rc_file bash
  assert_equal "$REPLY" "$HOME/.bashrc"
  find_rc_file zsh
  assert_equal "$REPLY" "$HOME/.zshrc"
  ZDOTDIR="$HOME/z dot" find_rc_file zsh
  assert_equal "$REPLY" "$HOME/z dot/.zshrc"
  find_rc_file fish
  assert_equal "$REPLY" "$HOME/.config/fish/conf.d/pyve.fish"
  XDG_CONFIG_HOME="$HOME/c" find_rc_file fish
  assert_equal "$REPLY" "$HOME/c/fish/conf.d/pyve.fish"
  find_rc_file dash
  assert_equal "$REPLY" ""
}

@test "on macOS a .profile in use is not switched off by a new .bash_profile" {
  OSTYPE=darwin22
  find_rc_file bash
  assert_equal "$REPLY" "$HOME/.bash_profile"
  : >"$HOME/.profile"
  find_rc_file bash
  assert_equal "$REPLY" "$HOME/.profile"
}

@test "a path with quotes, dollars and backslashes is read back by each shell" {
  local shell ok path="$HOME/d \$a'\"\\\`&!/app"
  for shell in bash zsh fish; do
    command -v "$shell" >/dev/null || continue
    quote_rc_path "$shell" "$path"
    assert_contains "$REPLY" '"$HOME"'
    ok=$("$shell" -c "printf '%s' $REPLY")
    assert_equal "$ok" "$path"
    quote_rc_path "$shell" "/else/it's"
    ok=$("$shell" -c "printf '%s' $REPLY")
    assert_equal "$ok" "/else/it's"
  done
}

@test "a shell without a prompt of ours gets the line for PATH only" {
  compose_rc_lines dash "$TREE"
  run -0 env -i HOME="$HOME" PATH=/usr/bin:/bin sh -c "$REPLY$REPLY"'echo "$PATH"'
  assert_equal "$output" "$HOME/.local/bin:/usr/bin:/bin"
}

@test "files with lines of ours are found once each, wherever they are" {
  printf '%s' "$LINES_OF_BASH" | tee "$HOME/.zprofile" >"$HOME/my rc"
  printf '# not ours\n' >"$HOME/.zshrc"
  ln -s .zprofile "$HOME/.profile"
  find_tagged_files "$HOME/my rc" "$HOME/gone"
  assert_equal "${#RC_FILES[@]}" 2
  assert_equal "${RC_FILES[0]}" "$HOME/my rc"
  assert_equal "${RC_FILES[1]}" "$HOME/.profile"
}

@test "a link is written through, and keeps link and mode" {
  mkdir "$HOME/dotfiles"
  printf 'x' >"$HOME/dotfiles/rc"
  chmod 640 "$HOME/dotfiles/rc"
  ln -s dotfiles/rc "$HOME/.bashrc"
  write_rc_file "$HOME/.bashrc" "new"
  assert_equal "$(readlink "$HOME/.bashrc")" dotfiles/rc
  assert_equal "$(ls -l "$HOME/dotfiles/rc" | cut -c1-10)" "-rw-r-----"
  assert_equal "$(cat "$HOME/dotfiles/rc")" new
  assert_equal "$(ls -A "$HOME/dotfiles")" rc
}

@test "a file with two names keeps both" {
  printf 'x\n' >"$HOME/other"
  ln "$HOME/other" "$HOME/.bashrc"
  write_rc_file "$HOME/.bashrc" "new"
  assert_equal "$(cat "$HOME/other")" new
}

@test "what keeps Pyve from writing is found before" {
  find_obstacle "$HOME/new/folder/rc"
  assert_equal "$REPLY" ""
  mkdir "$HOME/folder"
  find_obstacle "$HOME/folder"
  assert_contains "$REPLY" "not a regular file"
  printf 'a\0b\n' >"$HOME/nul"
  find_obstacle "$HOME/nul"
  assert_contains "$REPLY" NUL
  ln -s loop "$HOME/loop"
  find_obstacle "$HOME/loop"
  assert_contains "$REPLY" "leads nowhere"
  printf 'caf\351 \303\251\n' >"$HOME/bytes"
  find_obstacle "$HOME/bytes"
  assert_equal "$REPLY" ""
}
