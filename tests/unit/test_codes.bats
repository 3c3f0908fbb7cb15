#!/usr/bin/env bats
# shellcheck disable=SC2016 # texts in single quotes are meant to stay as they are
# lib/codes.sh and lib/data/codes: every code that Pyve uses is told about, and what is told is so.

bats_require_minimum_version 1.5.0
load ../helpers/test_helper

setup() {
  setup_project
  load_lib codes
}

# Usage: search_pyve <argument of grep>...
# Greps in Pyve's own files.
search_pyve() {
  find "$PYVE_TREE/pyve.sh" "$PYVE_TREE/lib" "$PYVE_TREE/helpers" -type f \
    '(' -name '*.sh' -o -name '*.bash' -o -name '*.zsh' -o -name '*.fish' -o -name '*.py' ')' \
    -exec grep "$@" {} +
}

# Usage: list_used_codes
# Prints the codes in Pyve's own files, each once. (What ends in _ is the beginning of several.)
list_used_codes() {
  search_pyve -hv '^[[:space:]]*#' | grep -oE '(^|[^A-Za-z0-9_])[EWI]_[A-Z0-9_]{3,}' | grep -oE '[EWI]_[A-Z0-9_]+$' |
    grep -v '_$' | sort -u
}

# Usage: expect_nothing <what it would be> <text>
# Fails, and shows it, when the text is not empty.
expect_nothing() {
  if [[ -n $2 ]]; then
    printf '%s:\n%s\n' "$1" "$2" >&2
    return 1
  fi
}

@test "every code that Pyve uses is in the registry, once, and every code there is used" {
  list_codes
  printf '%s\n' "${CODES[@]}" | sort >"$BATS_TEST_TMPDIR/registry"
  list_used_codes >"$BATS_TEST_TMPDIR/used"
  [ "$(wc -l <"$BATS_TEST_TMPDIR/used")" -gt 100 ]
  expect_nothing "twice in lib/data/codes" "$(uniq -d "$BATS_TEST_TMPDIR/registry")"
  expect_nothing "used, and not in lib/data/codes" "$(comm -23 "$BATS_TEST_TMPDIR/used" "$BATS_TEST_TMPDIR/registry")"
  expect_nothing "in lib/data/codes, and used nowhere" "$(comm -13 "$BATS_TEST_TMPDIR/used" "$BATS_TEST_TMPDIR/registry")"
}

@test "the letter in front of a code is its level wherever it is said" {
  local said='(^|[^A-Za-z0-9_])'
  [ "$(search_pyve -hE "${said}fail E_" | wc -l)" -gt 50 ]
  expect_nothing "no error" "$(search_pyve -HnE "${said}(fail|fail_run|HelperError\\()[ \"]+[WI]_")"
  expect_nothing "no warning" "$(search_pyve -HnE "${said}warn [EI]_")"
  expect_nothing "no information" "$(search_pyve -HnE "${said}note [EW]_")"
  describe_level E_X
  assert_equal "$REPLY" error
  describe_level W_X
  assert_equal "$REPLY" warning
  describe_level I_X
  assert_equal "$REPLY" info
}

# Usage: lint <name> [tree]
# Prints what is wrong in the registry, that of Pyve or of another tree.
lint() {
  bash "$PYVE_TREE/tests/helpers/code_lints.bash" "$@"
}

@test "every line of the registry is one that Pyve reads" {
  expect_nothing "not understood" "$(lint lines)"
}

@test "every code says what it means, how it comes about and what mends it" {
  expect_nothing "not complete" "$(lint blocks)"
}

@test "a check that a code names is one of pyve doctor's" {
  expect_nothing "no such check" "$(lint checks)"
}

@test "a fix is a command that can be pasted, and one of Pyve's is there with its options" {
  expect_nothing "not to be pasted" "$(lint fixes)"
}

@test "a registry with mistakes is found out" {
  mkdir -p tree/lib/data/codes
  cat >tree/lib/data/codes/bad.txt <<'END'
# Area: Bad

E_ONE
Message: one.
Means: no full stop
Fix: pyve init --forces
Fix: pyve nothing
Fix: env A=b -u PYVE_C pyve -C x lock --json --checks
Fix: pip install NAME
Fix: ls | wc
Check: nothing

E_TWO
Says: something
Means: Then pyve init --force --nothing is run.
E_Three
END
  run -0 lint lines "$PWD/tree"
  assert_equal "$output" $'bad.txt: Says: something\nbad.txt: E_Three\nbad.txt: not one message for each code'
  run -0 lint blocks "$PWD/tree"
  assert_contains "$output" "E_ONE: Message: one."
  assert_contains "$output" "E_ONE: no Cause"
  assert_contains "$output" "E_ONE: no sentence: no full stop"
  assert_contains "$output" "E_TWO: neither Fix nor Remedy"
  run -0 lint checks "$PWD/tree"
  assert_equal "$output" "E_ONE: there is no check nothing"
  run -0 lint fixes "$PWD/tree"
  assert_equal "$output" "E_ONE: pyve init has no option --forces
E_ONE: there is no pyve nothing
E_ONE: pyve lock has no option --checks
E_ONE: not to be pasted: pip install NAME
E_ONE: not to be pasted: ls | wc
E_TWO: pyve init has no option --nothing"
}

@test "find_code reads one block, and nothing of the one before" {
  mkdir -p tree/lib/data/codes
  printf '# Area: Things\n# About: First.\n# About: Second.\n\nE_ONE\nMessage: one\nMeans: A\nMeans: and B.\nCause: C: d.\nCause: E.\nFix: pyve init\nFix: pyve lock\nCheck: one\n\nW_TWO\nMessage: two: $(touch ran) \\n `touch ran`\nMeans: X.\nRemedy: Y.' >tree/lib/data/codes/one.txt
  PYVE_ROOT=$PWD/tree
  find_code E_ONE
  assert_equal "$CODE_MESSAGE|$CODE_MEANS|$CODE_REMEDY|$CODE_CHECK|$CODE_LEVEL" "one|A and B.||one|error"
  assert_equal "${#CODE_CAUSES[@]}:${CODE_CAUSES[*]}" "2:C: d. E."
  assert_equal "${#CODE_FIXES[@]}:${CODE_FIXES[*]}" "2:pyve init pyve lock"
  find_code W_TWO
  assert_equal "$CODE_MESSAGE|$CODE_MEANS|$CODE_REMEDY|$CODE_CHECK|$CODE_LEVEL" 'two: $(touch ran) \n `touch ran`|X.|Y.||warning'
  assert_equal "${#CODE_CAUSES[@]}${#CODE_FIXES[@]}" 00
  [ ! -e ran ]
  list_codes
  assert_equal "${CODES[*]}|${CODE_MESSAGES[0]}" "E_ONE W_TWO|one"
  list_codes tree/lib/data/codes/one.txt
  assert_equal "$AREA_TITLE|$AREA_ABOUT|${CODES[*]}" "Things|First. Second.|E_ONE W_TWO"
  list_codes_of_check one
  assert_equal "${CODES[*]}" E_ONE
  list_codes_of_check on
  assert_equal "${#CODES[@]}" 0
}

@test "find_code finds nothing for what is no code, also without a registry" {
  local name
  for name in E_NOTHING "" E_ e_env_missing ENV_MISSING $'E_ENV_MISSING\n' "E_*" "Message: x" "../x" 'E_$(touch ran)'; do
    find_code E_ENV_MISSING
    run -1 find_code "$name"
    find_code "$name" || :
    assert_equal "$CODE_MESSAGE$CODE_MEANS$CODE_LEVEL$CODE_FILE${#CODE_CAUSES[@]}${#CODE_FIXES[@]}" 00
  done
  [ ! -e ran ]
  PYVE_ROOT=$PWD/nothing
  run -1 find_code E_ENV_MISSING
  assert_equal "$output" ""
}

@test "a diagnostic without words of its own has those of the registry" {
  load_lib output codes
  PYVE_JSON="" PYVE_QUIET=""
  run -1 --separate-stderr fail E_LOCK_STALE ""
  assert_equal "$stderr" $'ERROR: the lock is older than what it was made from [E_LOCK_STALE]\n  fix: pyve lock'
  run -1 --separate-stderr fail E_LOCK_STALE "x.yml is stale" why "because" fix "pyve lock --platform linux-64"
  assert_equal "$stderr" $'ERROR: x.yml is stale [E_LOCK_STALE]\n  why: because\n  fix: pyve lock --platform linux-64'
}

@test "docs/errors.md is what the registry says, with a link to every code" {
  bash -c '. "$1/lib/markdown.sh"; PYVE_ROOT=$1; show_errors_markdown' - "$PYVE_TREE" >"$BATS_TEST_TMPDIR/text"
  # (Without the empty lines at the end.)
  printf '%s\n' "$(<"$BATS_TEST_TMPDIR/text")" >"$BATS_TEST_TMPDIR/errors.md"
  diff "$PYVE_TREE/docs/errors.md" "$BATS_TEST_TMPDIR/errors.md" >"$BATS_TEST_TMPDIR/difference" || {
    head -20 "$BATS_TEST_TMPDIR/difference" >&2
    printf 'run: make docs\n' >&2
    return 1
  }
  list_codes
  grep '^### ' "$BATS_TEST_TMPDIR/errors.md" | cut -d' ' -f2 | sort >"$BATS_TEST_TMPDIR/headings"
  assert_equal "$(<"$BATS_TEST_TMPDIR/headings")" "$(printf '%s\n' "${CODES[@]}" | sort)"
  grep -oE '\(#[^)]*\)' "$BATS_TEST_TMPDIR/errors.md" | tr -d '(#)' | sort >"$BATS_TEST_TMPDIR/links"
  assert_equal "$(<"$BATS_TEST_TMPDIR/links")" "$(tr '[:upper:]' '[:lower:]' <"$BATS_TEST_TMPDIR/headings" | sort)"
}

@test "Markdown takes the texts of the registry as they are" {
  # shellcheck source=/dev/null # Pyve's own
  . "$PYVE_TREE/lib/markdown.sh"
  escape_markdown 'a*b _c_ <d> [e] ${F} \g'
  assert_equal "$REPLY" 'a\*b \_c\_ \<d> \[e] \${F} \\g'
}
