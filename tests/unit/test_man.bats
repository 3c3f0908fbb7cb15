#!/usr/bin/env bats
# lib/man.sh: the manual page, made from the rooms' headers.
#
# shellcheck disable=SC2016 # code in single quotes is meant to stay as it is

bats_require_minimum_version 1.5.0
load ../helpers/test_helper

setup() {
  setup_project
}

# Usage: need_program <name>
# Skips the test, and says so, where there is no such program.
need_program() {
  type -P "$1" >/dev/null || skip "$1 is not installed: the manual page is not tried with it"
}

# Usage: show_page
# Sets PAGE to docs/pyve.1 as a person sees it, 80 columns wide, without bold type.
show_page() {
  need_program groff
  PAGE=$(GROFF_NO_SGR=1 groff -man -Tascii -P-bcou -rLL=80n "$PYVE_TREE/docs/pyve.1")
}

@test "the module can be read alone, in strict mode, and not be run" {
  run -0 env -i PATH="$PATH" bash -c 'set -euo pipefail; . "$1/lib/man.sh"; declare -F read_header' _ "$PYVE_TREE"
  assert_equal "$output" read_header
  run -1 bash "$PYVE_TREE/lib/man.sh"
  assert_contains "$output" "is sourced by pyve.sh"
}

@test "the page is the same on every machine and every day" {
  load_lib man
  run -0 show_man 2.0.0
  assert_contains "$output" $'\n.TH PYVE 1 "" "Pyve 2.0.0" "User Commands"\n'
  refute_contains "$output" "$HOME"
  refute_contains "$output" "$PYVE_TREE"
  refute_contains "$output" "$(date +%Y)"
}

@test "docs/pyve.1 is what the headers say, with the version of pyve.sh" {
  load_lib man
  run -0 pyve --version
  show_man "${output##* }" | diff - "$PYVE_TREE/docs/pyve.1"
}

@test "every section, every command and every option is in it" {
  local file line name
  show_page
  for name in NAME SYNOPSIS DESCRIPTION COMMANDS "GLOBAL OPTIONS" ENVIRONMENT FILES "EXIT STATUS" EXAMPLES "SEE ALSO"; do
    assert_contains $'\n'"$PAGE" $'\n'"$name"$'\n'
  done
  load_lib headers
  for file in "$PYVE_TREE/lib/commands"/*.sh; do
    read_header "$file"
    name=${file##*/}
    assert_contains "$PAGE" "       pyve ${name%.sh}"
    for line in ${header_option[@]+"${header_option[@]}"}; do
      split_option "$line"
      assert_contains "$PAGE" "              $option_form"
    done
  done
  assert_contains "$PAGE" "       -C DIR"
  assert_contains "$PAGE" "Also spelt: --init, -i."
  assert_contains "$PAGE" $'\n''           eval "$(pyve hook bash)"'
}

@test "every variable that is told of is one that Pyve looks at" {
  load_lib man
  local item name
  cp -R "$PYVE_TREE/lib" "$PYVE_TREE/helpers" .
  rm lib/man.sh
  for item in "${MAN_ENVIRONMENT[@]}"; do
    for name in ${item%%"  "*}; do
      grep -q -r -w "${name%,}" lib helpers || {
        printf 'nothing looks at %s\n' "$name" >&2
        return 1
      }
    done
  done
}

@test "texts are shown as they are, whatever roff thinks of them" {
  load_lib man
  need_program groff
  local text
  for text in '.so /etc/passwd' "'br" 'a\fBb\e \\ .' "it's \"q\" \`x\` ^ ~ -- --x" '.TH' '%$#{}' '\*(xx \n(.g'; do
    run -0 groff -ww -man -Tascii -P-cbou -rLL=200n <<<".TH X 1 \"\" \"\" \"\"
.SH Y
$(print_man_text "$text")"
    read -ra expected <<<"$text" || true
    assert_contains "$output" "$text"
  done
}

@test "long texts are broken, and a dot never comes to stand at the start of a line" {
  load_lib man
  run -0 print_man_text "$(printf 'word .dot %.0s' {1..40})" "and .more"
  refute_contains $'\n'"$output" $'\n.'
  local line
  for line in "${lines[@]}"; do
    ((${#line} <= 80))
  done
}

@test "usage: what is typed is bold, what is replaced is in italics" {
  load_lib man
  format_man_usage 'pyve x [--a B_C] one|two D... | -e'
  assert_equal "$REPLY" '\fBpyve\fR \fBx\fR [\fB\-\-a\fR \fIB_C\fR] \fBone\fR|\fBtwo\fR \fID\fR... | \fB\-e\fR'
}

@test "groff has nothing to say about it" {
  need_program groff
  run -0 groff -man -ww -Tutf8 -z "$PYVE_TREE/docs/pyve.1"
  assert_equal "$output" ""
}

@test "man has nothing to say about it" {
  need_program man
  # (man of busybox, say, has no such options.)
  man --version 2>/dev/null | grep man-db || skip "this man is not man-db: the manual page is not tried with it"
  run -0 --separate-stderr env LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings -l "$PYVE_TREE/docs/pyve.1"
  assert_equal "$stderr" ""
  assert_contains "$output" "SYNOPSIS"
}

@test "mandoc has nothing to say about it, but that there is no date" {
  need_program mandoc
  run mandoc -T lint "$PYVE_TREE/docs/pyve.1"
  run grep -v 'missing date' <<<"$output"
  assert_equal "$output" ""
}

@test "a stale page is found" {
  local tree="$BATS_TEST_TMPDIR/tree"
  mkdir "$tree"
  cp -R "$PYVE_TREE/pyve.sh" "$PYVE_TREE/lib" "$PYVE_TREE/scripts" "$PYVE_TREE/docs" "$tree/"
  "$tree/scripts/gen-docs.sh"
  run -0 "$tree/scripts/gen-docs.sh" --check
  printf '# Summary: Say hello\n# Group: Agents\n# Usage: pyve hello\n' >"$tree/lib/commands/hello.sh"
  run -1 "$tree/scripts/gen-docs.sh" --check
  assert_equal "$output" $'docs/commands.md is not current; run: make docs\nlib/data/commands.txt is not current; run: make docs\ndocs/pyve.1 is not current; run: make docs'
  "$tree/scripts/gen-docs.sh"
  printf '.\n' >>"$tree/docs/pyve.1"
  run -1 "$tree/scripts/gen-docs.sh" --check
  assert_equal "$output" "docs/pyve.1 is not current; run: make docs"
}
