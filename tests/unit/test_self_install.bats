#!/usr/bin/env bats
# Installing into a home and taking it back: tree, link, record, and what a killed run leaves.
#
# shellcheck disable=SC2016 # rc files are to expand what is written into them
# shellcheck disable=SC2012 # ls -l is the portable way to see a mode; the names are the test's own
# shellcheck disable=SC2030,SC2031 # each test is a process, and begins with setup

bats_require_minimum_version 1.5.0
load ../helpers/test_helper

setup() {
  setup_project
  load_lib self_install
  PYVE_ROOT="$BATS_TEST_TMPDIR/a tree"
  mkdir -p "$PYVE_ROOT/lib/shell" "$PYVE_ROOT/helpers/__pycache__" "$PYVE_ROOT/tests" \
    "$PYVE_ROOT/examples" "$PYVE_ROOT/.git" "$PYVE_ROOT/new thing" "$PYVE_ROOT/docs"
  cp -R "$PYVE_TREE/lib/shell/completions" "$PYVE_ROOT/lib/shell/"
  cp "$PYVE_TREE/docs/pyve.1" "$PYVE_ROOT/docs/"
  printf '#!/usr/bin/env bash\nexit 0\n' >"$PYVE_ROOT/pyve.sh"
  chmod +x "$PYVE_ROOT/pyve.sh"
  : >"$PYVE_ROOT/helpers/__pycache__/x.pyc"
  SHELL=/bin/bash
  OSTYPE=linux-gnu
  DATA=$HOME/.local/share/pyve
  APP=$DATA/app
  LINK=$HOME/.local/bin/pyve
}

# Usage: remove_pyve
# uninstall without the question.
remove_pyve() {
  PYVE_YES=1 uninstall_pyve
}

# Usage: home_holds [name]...
# True when HOME holds just these files and folders.
home_holds() {
  local IFS=$'\n'
  assert_equal "$(ls -A "$HOME")" "$*"
}

@test "the module can be read alone, in strict mode, and not be run" {
  run -0 env -i PATH="$PATH" bash -c 'set -euo pipefail; . "$1/lib/self_install.sh"; declare -F add_rc_lines' _ "$PYVE_TREE"
  assert_equal "$output" add_rc_lines
  run -1 bash "$PYVE_TREE/lib/self_install.sh"
  assert_contains "$output" "is sourced by pyve.sh"
}

@test "install copies everything but what begins with a dot, tests, examples and droppings" {
  install_pyve
  [ -x "$APP/pyve.sh" ] && [ -d "$APP/new thing" ] && [ -d "$APP/lib/shell" ]
  [ ! -e "$APP/.git" ] && [ ! -e "$APP/tests" ] && [ ! -e "$APP/examples" ]
  [ ! -e "$APP/helpers/__pycache__" ]
}

@test "install works in a home without rc files, and uninstall leaves it empty" {
  install_pyve
  [ -f "$HOME/.bashrc" ]
  assert_equal "$(readlink "$LINK")" ../share/pyve/app/pyve.sh
  assert_equal "$(ls -l "$HOME/.local/.env" | cut -c1-10)" "-rw-------"
  [ ! -s "$HOME/.local/.env" ]
  remove_pyve
  home_holds
}

@test "an rc file, an empty one, too, and one behind a link come back byte for byte" {
  printf 'no line end' >"$HOME/.bashrc"
  : >"$HOME/.profile"
  ln -s zshrc "$HOME/.zshrc"
  install_pyve
  cp "$HOME/.bashrc" "$BATS_TEST_TMPDIR/installed"
  install_pyve
  cmp "$HOME/.bashrc" "$BATS_TEST_TMPDIR/installed"
  SHELL=/bin/zsh install_pyve
  rm "$HOME/.profile"
  : >"$HOME/.bash_login"
  OSTYPE=darwin22 install_pyve
  [ -s "$HOME/zshrc" ] && [ -s "$HOME/.bash_login" ]
  remove_pyve
  home_holds .bash_login .bashrc .zshrc
  [ ! -s "$HOME/.bash_login" ]
  assert_equal "$(od -c "$HOME/.bashrc")" "$(printf 'no line end' | od -c)"
}

@test "all shells' files are taken back, whatever SHELL and ZDOTDIR are then" {
  mkdir "$HOME/z dot"
  SHELL=/usr/bin/zsh ZDOTDIR="$HOME/z dot" install_pyve
  SHELL=/usr/bin/fish install_pyve
  install_pyve
  printf 'export PATH="$HOME/.local/bin:$PATH"  # Added by pyve installer\nb\n' >"$HOME/.zprofile"
  grep -q init.zsh "$HOME/z dot/.zshrc"
  grep -q init.fish "$HOME/.config/fish/conf.d/pyve.fish"
  remove_pyve
  home_holds .zprofile "z dot"
  [ -z "$(ls -A "$HOME/z dot")" ]
  assert_equal "$(cat "$HOME/.zprofile")" b
}

@test "an unknown shell gets the line to add by hand, status 0" {
  SHELL=/bin/dash run -0 install_pyve
  assert_contains "$output" 'export PATH="$HOME/.local/bin:$PATH"'
  SHELL=/bin/tcsh run -0 install_pyve
  assert_contains "$output" 'set path'
  home_holds .local
}

@test "an rc file that cannot be written stops install before anything is changed" {
  mkdir "$HOME/.bashrc"
  run -1 install_pyve
  assert_contains "$output" "[E_RC_WRITE]"
  assert_contains "$output" $'\ncase ":$PATH:"'
  assert_contains "$output" init.bash
  home_holds .bashrc
}

@test "a write-protected rc file stops install and uninstall, and is fine when nothing is to do" {
  [ "$(id -u)" -ne 0 ] || skip "root can write everywhere"
  printf 'x\n' >"$HOME/.bashrc"
  chmod 444 "$HOME/.bashrc"
  run -1 install_pyve
  assert_contains "$output" "[E_RC_WRITE]"
  [ ! -e "$HOME/.local" ]
  chmod 644 "$HOME/.bashrc"
  install_pyve
  chmod 444 "$HOME/.bashrc"
  install_pyve
  run -1 remove_pyve
  assert_contains "$output" "[E_RC_WRITE]"
  [ -L "$LINK" ] && [ -d "$APP" ]
}

@test "a foreign file or link named pyve is refused, and nothing is changed" {
  mkdir -p "$HOME/.local/bin"
  : >"$LINK"
  run -1 install_pyve
  assert_contains "$output" "[E_INSTALL_FOREIGN]"
  ln -sf /bin/sh "$LINK"
  run -1 install_pyve
  assert_contains "$output" "[E_INSTALL_FOREIGN]"
  home_holds .local
  [ ! -e "$HOME/.local/share" ]
}

@test "a link into another tree of Pyve is taken over by install, and kept by uninstall" {
  mkdir -p "$HOME/.local/bin"
  ln -s "$PYVE_ROOT/pyve.sh" "$LINK"
  install_pyve
  assert_equal "$(readlink "$LINK")" ../share/pyve/app/pyve.sh
  ln -sf "$PYVE_ROOT/pyve.sh" "$LINK"
  run -0 remove_pyve
  [ -L "$LINK" ]
  assert_contains "$output" "Kept $LINK"
}

@test "a dead link to an installation that was deleted by hand is removed" {
  install_pyve
  rm -rf "$DATA"
  remove_pyve
  [ ! -L "$LINK" ]
}

@test "the link is absolute for another data folder, or when ~/.local/bin is a link" {
  XDG_DATA_HOME="$HOME/d \$a'ta" install_pyve
  assert_equal "$(readlink "$LINK")" "$HOME/d \$a'ta/pyve/app/pyve.sh"
  XDG_DATA_HOME="$HOME/d \$a'ta" remove_pyve
  mkdir -p "$HOME/x/y" "$HOME/.local"
  ln -s ../x/y "$HOME/.local/bin"
  install_pyve
  assert_equal "$(readlink "$LINK")" "$APP/pyve.sh"
  remove_pyve
  [ ! -L "$LINK" ] && [ -L "$HOME/.local/bin" ]
}

@test "installing from the installed tree refreshes link and rc lines, and keeps the tree" {
  install_pyve
  rm "$LINK" "$HOME/.bashrc"
  PYVE_ROOT=$APP
  install_pyve
  [ -x "$LINK" ] && [ -x "$APP/pyve.sh" ]
  grep -q init.bash "$HOME/.bashrc"
}

@test "a second install replaces the tree and leaves what is beside it" {
  install_pyve
  mkdir "$DATA/toolchain"
  : >"$APP/gone"
  : >"$PYVE_ROOT/added"
  install_pyve
  [ ! -e "$APP/gone" ] && [ -e "$APP/added" ]
  run -0 remove_pyve
  assert_equal "$(ls -A "$DATA")" toolchain
}

@test "a read-only source makes a copy that can be removed" {
  chmod -R a-w "$PYVE_ROOT"
  install_pyve
  chmod -R u+w "$PYVE_ROOT"
  remove_pyve
  home_holds
}

@test "a copy that does not run leaves the old tree" {
  install_pyve
  printf 'exit 3\n' >"$PYVE_ROOT/pyve.sh"
  run -1 install_pyve
  assert_contains "$output" "[E_INSTALL_COPY]"
  assert_equal "$(tail -n 1 "$APP/pyve.sh")" "exit 0"
  assert_equal "$(ls -A "$DATA" "$DATA/versions")" "$DATA:"$'\napp\ninstall.state\nversions\n\n'"$DATA/versions:"$'\n'"$VERSION-1"
}

# Usage: stop_in_the_swap
# Leaves what a kill leaves while app is away, where a link cannot be replaced in one step.
stop_in_the_swap() {
  install_pyve
  mkdir "$DATA/versions/.new.999999" "$DATA/update.999999"
  mv "$APP" "$APP.pyve-new"
  ln -sf "$DATA/versions/$VERSION-1/pyve.sh" "$LINK"
  ln -s 999999:1 "$DATA/install.lock"
  : >"$DATA/install.state.pyve-new.999999"
  : >"$HOME/.bashrc.pyve-new.999999"
}

@test "install puts right what a killed install left, also when it fails itself" {
  stop_in_the_swap
  printf 'exit 3\n' >"$PYVE_ROOT/pyve.sh"
  run -1 install_pyve
  assert_equal "$(ls -A "$DATA" "$DATA/versions")" "$DATA:"$'\napp\ninstall.state\nversions\n\n'"$DATA/versions:"$'\n'"$VERSION-1"
  assert_equal "$(readlink "$LINK")" ../share/pyve/app/pyve.sh
  home_holds .bashrc .local
}

@test "uninstall clears up after a killed install" {
  stop_in_the_swap
  remove_pyve
  home_holds
  # Just before: the link has been turned, and app is there still.
  install_pyve
  ln -sf "$DATA/versions/$VERSION-1/pyve.sh" "$LINK"
  remove_pyve
  home_holds
}

# Usage: make_old_installation
# Makes what Pyve installed when app was a folder.
make_old_installation() {
  install_pyve
  rm "$APP"
  mv "$DATA/versions/$VERSION-1" "$APP"
  rmdir "$DATA/versions"
}

@test "an installation whose app is a folder becomes one with versions, also after a kill" {
  local way
  for way in whole away; do
    make_old_installation
    : >"$APP/gone"
    if [ "$way" = away ]; then
      mv "$APP" "$APP.old"
      mkdir "$APP.part"
      ln -sf "$PYVE_ROOT/pyve.sh" "$LINK"
    fi
    install_pyve
    [ -L "$APP" ] && [ -x "$APP/pyve.sh" ] && [ ! -e "$APP/gone" ]
    assert_equal "$(readlink "$LINK")" ../share/pyve/app/pyve.sh
    assert_equal "$(ls -A "$DATA")" $'app\ninstall.state\nversions'
    remove_pyve
    home_holds
  done
}

@test "install keeps the tree that was in use before, and no other" {
  local number
  for number in 1 2 3; do
    install_pyve
  done
  assert_equal "$(ls -A "$DATA/versions")" "$VERSION-2"$'\n'"$VERSION-3"
  assert_equal "$(readlink "$APP")" "versions/$VERSION-3"
}

@test "where mv cannot replace a link to a folder, pyve is there at every moment" {
  install_pyve
  move_link() { false; }
  rm() {
    command rm "$@"
    [ -x "$LINK" ]
  }
  mv() {
    command mv "$@"
    [ -x "$LINK" ]
  }
  install_pyve
  assert_equal "$(readlink "$LINK")" ../share/pyve/app/pyve.sh
  assert_equal "$(readlink "$APP")" "versions/$VERSION-2"
}

@test "a killed uninstall can be repeated, up to its very end" {
  printf x >"$HOME/.bashrc"
  install_pyve
  find_install_paths
  read_record
  RC_FILES=("$HOME/.bashrc")
  unmake_installation
  ln -s 999999:1 "$DATA/install.lock"
  remove_pyve
  home_holds .bashrc
  assert_equal "$(wc -c <"$HOME/.bashrc" | tr -d ' ')" 1
  mkdir -p "$DATA"
  remove_pyve
  home_holds .bashrc
}

@test "two runs at once: the second says so" {
  install_pyve
  sleep 30 3>&- &
  process_identity "$!"
  ln -s "$REPLY" "$DATA/install.lock"
  run -1 install_pyve
  assert_contains "$output" "[E_INSTALL_BUSY]"
  run -1 remove_pyve
  kill "$!"
  assert_contains "$output" "[E_INSTALL_BUSY]"
  [ -x "$LINK" ]
}

# Usage: list_links [data folder]
# Sets LINKS to the places of the links for completions and the manual page.
list_links() {
  local data=${1:-$HOME/.local/share}
  LINKS=("$data/bash-completion/completions/pyve" "$data/zsh/site-functions/_pyve"
    "$data/fish/vendor_completions.d/pyve.fish" "$data/man/man1/pyve.1")
}

@test "completions and the manual page are linked where shells and man look for them" {
  local link
  list_links
  install_pyve
  for link in "${LINKS[@]}"; do
    [ -L "$link" ] && [ -s "$link" ]
    assert_contains "$(readlink "$link")" ../../pyve/app/
    assert_contains "$(cat "$DATA/install.state")" $'\n'"link $link"$'\n'
  done
  cmp "${LINKS[0]}" "$PYVE_ROOT/lib/shell/completions/pyve.bash"
  cmp "${LINKS[1]}" "$PYVE_ROOT/lib/shell/completions/_pyve"
  cmp "${LINKS[2]}" "$PYVE_ROOT/lib/shell/completions/pyve.fish"
  cmp "${LINKS[3]}" "$PYVE_ROOT/docs/pyve.1"
  cp "$DATA/install.state" "$BATS_TEST_TMPDIR/state"
  rm "${LINKS[0]}"
  ln -sf "$APP/gone" "${LINKS[1]}"
  install_pyve
  cmp "$DATA/install.state" "$BATS_TEST_TMPDIR/state"
  [ -s "${LINKS[0]}" ] && [ -s "${LINKS[1]}" ]
  remove_pyve
  home_holds
}

@test "the links are absolute where the data folder has links of its own" {
  list_links
  mkdir -p "$HOME/dotfiles/deep/er" "$HOME/.local/share"
  ln -s "$HOME/dotfiles/deep/er" "$HOME/.local/share/man"
  install_pyve
  assert_equal "$(readlink "${LINKS[3]}")" "$APP/docs/pyve.1"
  remove_pyve
  [ -d "$HOME/dotfiles/deep/er" ] && [ -L "$HOME/.local/share/man" ]
  [ -z "$(ls -A "$HOME/dotfiles/deep/er")" ]
}

@test "a completion or a page that is not ours stays, and so do its neighbours" {
  list_links
  mkdir -p "${LINKS[0]%/*}" "${LINKS[1]%/*}" "${LINKS[3]}"
  printf 'mine\n' >"${LINKS[0]}"
  ln -s /usr/share/else "${LINKS[1]}"
  : >"${LINKS[1]%/*}/_other"
  printf 'a file\n' >"$HOME/.local/share/fish"
  run -0 install_pyve
  assert_contains "$output" "Kept ${LINKS[0]}: it is not Pyve's"
  assert_contains "$output" "Kept ${LINKS[1]}: it is not Pyve's"
  assert_contains "$output" "Could not make ${LINKS[2]}"
  assert_contains "$output" "Kept ${LINKS[3]}: it is not Pyve's"
  refute_contains "$(cat "$DATA/install.state")" "link "
  remove_pyve
  assert_equal "$(cat "${LINKS[0]}")" mine
  assert_equal "$(readlink "${LINKS[1]}")" /usr/share/else
  assert_equal "$(cat "$HOME/.local/share/fish")" "a file"
  [ -d "${LINKS[3]}" ] && [ -e "${LINKS[1]%/*}/_other" ]
}

@test "a link that was replaced since the installation stays, and the folders around it" {
  list_links
  install_pyve
  rm "${LINKS[0]}"
  printf 'mine\n' >"${LINKS[0]}"
  : >"${LINKS[2]%/*}/other.fish"
  remove_pyve
  assert_equal "$(cat "${LINKS[0]}")" mine
  [ -e "${LINKS[2]%/*}/other.fish" ] && [ ! -L "${LINKS[2]}" ]
  [ ! -e "$HOME/.local/share/zsh" ] && [ ! -e "$HOME/.local/share/man" ]
}

@test "the links go from where they were made, also when the data folder is another one then" {
  list_links "$HOME/other data"
  XDG_DATA_HOME="$HOME/other data" install_pyve
  [ -s "${LINKS[0]}" ]
  PYVE_ROOT="$HOME/other data/pyve/app"
  remove_pyve
  home_holds
}

@test "an installation without a record takes its links along, too" {
  list_links
  install_pyve
  rm "$DATA/install.state"
  remove_pyve
  [ ! -L "${LINKS[0]}" ] && [ ! -L "${LINKS[3]}" ]
}

@test "the lines of an earlier version, which named the prompt only, are replaced" {
  install_pyve
  sed 's/init\.bash/prompt.bash/g' "$HOME/.bashrc" >"$HOME/old"
  grep -q prompt.bash "$HOME/old"
  mv "$HOME/old" "$HOME/.bashrc"
  install_pyve
  run -1 grep prompt.bash "$HOME/.bashrc"
  assert_equal "$(grep -c init.bash "$HOME/.bashrc")" 1
  remove_pyve
  home_holds
}

@test "uninstall keeps an .env with a lone newline, and one that was there before" {
  install_pyve
  printf '\n' >"$HOME/.local/.env"
  remove_pyve
  [ -s "$HOME/.local/.env" ]
  : >"$HOME/.local/.env"
  install_pyve
  remove_pyve
  [ -e "$HOME/.local/.env" ]
}

@test "uninstall asks; no and the end of input change nothing" {
  install_pyve
  run -0 uninstall_pyve </dev/null
  assert_contains "$output" "Remove pyve? [y/N]"
  assert_contains "$output" "ancelled"
  run -0 uninstall_pyve <<<"n"
  [ -x "$LINK" ] && [ -s "$HOME/.bashrc" ] && [ -f "$DATA/install.state" ]
  run -0 uninstall_pyve <<<"y"
  home_holds
}

@test "uninstall with nothing installed says so, status 0" {
  printf '# not ours\n' >"$HOME/.bashrc"
  run -0 uninstall_pyve </dev/null
  assert_contains "$output" "nothing to remove"
}

@test "the installed copy finds itself when XDG_DATA_HOME is not what it was" {
  XDG_DATA_HOME="$HOME/other" install_pyve
  PYVE_ROOT="$HOME/other/pyve/app"
  remove_pyve
  home_holds
}

@test "a home inside the tree, an unusable HOME and half a tree are refused" {
  HOME="$PYVE_ROOT/new thing" run -1 install_pyve
  assert_contains "$output" "[E_INSTALL_HOME]"
  HOME=relative run -1 install_pyve
  assert_contains "$output" "[E_INSTALL_HOME]"
  rm "$PYVE_ROOT/pyve.sh"
  run -1 install_pyve
  assert_contains "$output" "[E_INSTALL_SOURCE]"
  home_holds
}

@test "a file where a folder belongs stops install before anything is changed" {
  : >"$HOME/.local"
  run -1 install_pyve
  assert_contains "$output" "[E_INSTALL_WRITE]"
  home_holds .local
}
