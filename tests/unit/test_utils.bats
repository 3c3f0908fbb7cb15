#!/usr/bin/env bats
# shellcheck disable=SC2016 # code and hostile texts in single quotes are meant to stay as they are
# shellcheck disable=SC2059 # the formats are the tests' own
# lib/utils.sh: logging, dialogues, .gitignore, input checks.

bats_require_minimum_version 1.5.0
load ../helpers/test_helper

setup() {
  setup_project
  load_lib utils
}

# Usage: mode_of <file>
# Prints the permissions as ls shows them.
mode_of() {
  local line
  line=$(ls -ld "$1")
  printf '%s\n' "${line:0:10}"
}

# Usage: ignore <text as printf format>
# Makes .gitignore.
ignore() {
  printf "$1" >.gitignore
}

# Usage: assert_ignored <text as printf format>
# Compares .gitignore byte for byte.
assert_ignored() {
  printf "$1" >"$BATS_TEST_TMPDIR/expected"
  diff -u "$BATS_TEST_TMPDIR/expected" .gitignore
}

# Usage: make_ignored
# What init does to .gitignore.
make_ignored() {
  local pattern
  write_gitignore_template
  for pattern in .venv .env .envrc; do
    insert_pattern_in_gitignore_section "$pattern" "$GITIGNORE_VENV_SECTION"
  done
}

# Usage: ask <printf format of the input>
# Runs prompt_yes_no with this on a pipe.
ask() {
  printf "$1" | prompt_yes_no "Really?"
}

# --- logging

@test "log_info speaks on stdout, and is silent with --quiet" {
  run --separate-stderr log_info "a  message with 100% \\n"
  assert_equal "$output" "INFO: a  message with 100% \\n"
  assert_equal "$stderr" ""
  PYVE_QUIET=1
  run --separate-stderr log_info hidden
  assert_equal "$output$stderr" ""
}

@test "log_success marks its line with a tick on stdout, and is silent with --quiet" {
  run --separate-stderr log_success "it is done"
  assert_equal "$output" "✓ it is done"
  assert_equal "$stderr" ""
  PYVE_QUIET=1
  run log_success hidden
  assert_equal "$output" ""
}

@test "log_warning and log_error speak on stderr, also with --quiet" {
  PYVE_QUIET=1
  run --separate-stderr log_warning careful
  assert_equal "$stderr" "WARNING: careful"
  assert_equal "$output" ""
  run --separate-stderr log_error broken
  assert_equal "$stderr" "ERROR: broken"
  assert_equal "$output" ""
}

@test "with --json the talk goes to stderr, so that stdout is the document's" {
  PYVE_JSON=1
  run --separate-stderr log_info hello
  assert_equal "$output" ""
  assert_equal "$stderr" "INFO: hello"
  run --separate-stderr log_success fine
  assert_equal "$output" ""
}

@test "a message that looks like an option is printed as it is" {
  run log_info -n
  assert_equal "$output" "INFO: -n"
}

# --- dialogues

@test "prompt_yes_no takes y and yes in any case as yes" {
  local word
  for word in y Y yes YES Yes; do
    run -0 ask "$word\n"
  done
}

@test "prompt_yes_no takes n and no in any case as no" {
  local word
  for word in n N no NO No; do
    run -1 ask "$word\n"
  done
}

@test "prompt_yes_no takes an empty answer as no" {
  run -1 ask '\n'
}

@test "prompt_yes_no takes the end of input as no, at once" {
  run -1 ask ''
  run -1 prompt_yes_no "Really?" </dev/null
}

@test "prompt_yes_no reads an answer that has blanks around it or no line end" {
  run -0 ask '  yes \t\r\n'
  run -0 ask 'y'
}

@test "prompt_yes_no asks again after a wrong answer, and gives up after the third" {
  run -0 ask 'maybe\ny\n'
  assert_contains "$output" "Please answer"
  run -1 ask 'maybe\nperhaps\nyesno\ny\n'
}

@test "prompt_yes_no asks on stderr and says what the default is" {
  run -1 --separate-stderr ask 'n\n'
  assert_equal "$output" ""
  assert_contains "$stderr" "Really? [y/N]"
}

@test "no dialogue is allowed in CI or with --yes" {
  run -0 can_ask
  CI=true run -1 can_ask
  PYVE_YES=1 run -1 can_ask
}

@test "a pipe is no terminal with a person" {
  run -1 on_terminal </dev/null
}

@test "read_answer takes blanks from both ends and nothing from within" {
  read_answer "? " <<<$'  a  b\t ' 2>/dev/null
  assert_equal "$REPLY" "a  b"
}

@test "an answer is never executed" {
  run -1 ask '$(touch pwned)\n`touch pwned`\n;touch pwned\n'
  [ ! -e pwned ]
}

# --- .gitignore: one line

@test "gitignore_has_pattern finds a whole line only" {
  ignore 'a.venv\n.venv/\n #.venv\n'
  run -1 gitignore_has_pattern .venv
  ignore 'x\n.venv\ny\n'
  run -0 gitignore_has_pattern .venv
}

@test "gitignore_has_pattern takes a pattern literally" {
  ignore '__pycache__\n'
  run -1 gitignore_has_pattern '*'
  run -1 gitignore_has_pattern '__py.ache__'
  ignore '*.egg-info\n[ab]?\n'
  run -0 gitignore_has_pattern '*.egg-info'
  run -0 gitignore_has_pattern '[ab]?'
  run -1 gitignore_has_pattern 'a1'
}

@test "gitignore_has_pattern finds the last line without a line end, and lines that end with CRLF" {
  ignore 'a\n.venv'
  run -0 gitignore_has_pattern .venv
  ignore 'a\r\n.venv\r\nb\r\n'
  run -0 gitignore_has_pattern .venv
}

@test "gitignore_has_pattern says no when there is no .gitignore, and makes none" {
  run -1 gitignore_has_pattern .venv
  [ ! -e .gitignore ]
}

@test "append_pattern_to_gitignore makes the file, and adds a line once" {
  append_pattern_to_gitignore .venv
  append_pattern_to_gitignore .venv
  assert_ignored '.venv\n'
}

@test "append_pattern_to_gitignore ends a last line that has no line end" {
  ignore 'build'
  append_pattern_to_gitignore .venv
  assert_ignored 'build\n.venv\n'
}

@test "insert_pattern_in_gitignore_section puts the line at the end of its section" {
  ignore '# one\na\n\n# Pyve virtual environment\nx\n\nmine\n'
  insert_pattern_in_gitignore_section .venv '# Pyve virtual environment'
  assert_ignored '# one\na\n\n# Pyve virtual environment\nx\n.venv\n\nmine\n'
}

@test "insert_pattern_in_gitignore_section works for a section that ends the file" {
  ignore 'mine\n\n# Pyve virtual environment'
  insert_pattern_in_gitignore_section .venv '# Pyve virtual environment'
  assert_ignored 'mine\n\n# Pyve virtual environment\n.venv\n'
}

@test "insert_pattern_in_gitignore_section leaves a line alone that is anywhere in the file" {
  ignore '.venv\n# Pyve virtual environment\nx\n'
  insert_pattern_in_gitignore_section .venv '# Pyve virtual environment'
  assert_ignored '.venv\n# Pyve virtual environment\nx\n'
}

@test "insert_pattern_in_gitignore_section appends when there is no such section" {
  ignore 'mine'
  insert_pattern_in_gitignore_section .venv '# Pyve virtual environment'
  assert_ignored 'mine\n.venv\n'
}

@test "insert_pattern_in_gitignore_section fills the first of two sections of that name" {
  ignore '# s\na\n\n# s\nb\n'
  insert_pattern_in_gitignore_section new '# s'
  assert_ignored '# s\na\nnew\n\n# s\nb\n'
}

@test "remove_pattern_from_gitignore removes every line that is exactly this, and nothing else" {
  ignore '.env\n.env.local\n\n # .env\n.env\nx.env\n'
  remove_pattern_from_gitignore .env
  assert_ignored '.env.local\n\n # .env\nx.env\n'
}

@test "remove_pattern_from_gitignore removes a CRLF line, and keeps the line ends of the others" {
  ignore 'a\r\n.env\r\nb\r\n'
  remove_pattern_from_gitignore .env
  assert_ignored 'a\r\nb\r\n'
}

@test "remove_pattern_from_gitignore does not touch the end of a file without a line end" {
  ignore '.env\nmine'
  remove_pattern_from_gitignore .env
  assert_ignored 'mine'
}

@test "remove_pattern_from_gitignore leaves a file alone that does not have the line" {
  ignore 'a\n\n\n'
  touch -t 200001010000 .gitignore
  remove_pattern_from_gitignore .env
  assert_ignored 'a\n\n\n'
  [ -z "$(find .gitignore -newer "$PYVE_TREE/pyve.sh")" ]
  rm .gitignore
  remove_pattern_from_gitignore .env
  [ ! -e .gitignore ]
}

# --- .gitignore: the template

@test "the template has every section of the specification" {
  local line
  write_gitignore_template
  for line in "# macOS only" .DS_Store "# Python build and test artifacts" __pycache__ '*.egg-info' .coverage \
    coverage.xml htmlcov/ .pytest_cache/ "# Pyve virtual environment"; do
    gitignore_has_pattern "$line"
  done
}

@test "the template ignores what Pyve generates in .pyve, and neither its config nor a lock" {
  local name
  type -P git >/dev/null || skip "git is not on this machine"
  git init -q .
  mkdir -p .pyve/envs/x .pyve/testenv/venv .pyve/bin .pyve/tmp
  touch .pyve/config .pyve/state .pyve/mcp.jsonl .pyve/mcp.old.jsonl .pyve/lock .pyve/envs/x/f .pyve/testenv/venv/f .pyve/bin/micromamba .pyve/tmp/f \
    pylock.toml conda-lock.yml .env .envrc
  mkdir .venv
  touch .venv/f
  make_ignored
  for name in .pyve/state .pyve/mcp.jsonl .pyve/mcp.old.jsonl .pyve/lock .pyve/envs/x/f .pyve/testenv/venv/f .pyve/bin/micromamba .pyve/tmp/f .env .envrc .venv/f; do
    git check-ignore -q "$name"
  done
  for name in .pyve/config pylock.toml conda-lock.yml .gitignore; do
    run -1 git check-ignore -q "$name"
  done
}

@test "writing the template and the entries again changes no byte" {
  make_ignored
  cp .gitignore "$BATS_TEST_TMPDIR/first"
  make_ignored
  cmp .gitignore "$BATS_TEST_TMPDIR/first"
}

@test "the template is idempotent for files of every kind" {
  local text
  for text in 'mine\n' 'mine' '\n\nmine\n\n\nyours\n\n' 'mine\r\n\r\nyours\r\n' '.venv\n' '__pycache__\n.DS_Store\nmine\n' \
    '# macOS only\n.DS_Store\n' '\n' '   \n' '# Pyve virtual environment' 'a\\b\n%%s\n!keep\n' \
    '# Python build and test artifacts\nmine\n\n# Pyve virtual environment\nother\n'; do
    ignore "$text"
    make_ignored
    cp .gitignore "$BATS_TEST_TMPDIR/first"
    make_ignored
    cmp .gitignore "$BATS_TEST_TMPDIR/first"
  done
}

@test "the user's lines and blank lines stay as they are, in their order" {
  local text='\n# my own\nmine  \n\n\n!keep.me\n  indented\n\\#literal\n\n'
  ignore "$text"
  make_ignored
  printf "$text" >"$BATS_TEST_TMPDIR/mine"
  tail -c "$(($(wc -c <"$BATS_TEST_TMPDIR/mine")))" .gitignore | cmp - "$BATS_TEST_TMPDIR/mine"
}

@test "the user's CRLF lines keep their line ends" {
  ignore 'mine\r\n\r\nyours\r\n'
  make_ignored
  assert_contains "$(cat .gitignore)" $'mine\r\n\r\nyours\r'
}

@test "a pattern of the template is not kept twice" {
  ignore '__pycache__\nmine\n.coverage\n'
  make_ignored
  assert_equal "$(grep -c '^__pycache__$' .gitignore)" 1
  assert_equal "$(grep -c '^\.coverage$' .gitignore)" 1
  gitignore_has_pattern mine
}

@test "a pattern that is missing comes back into its section" {
  make_ignored
  remove_pattern_from_gitignore htmlcov/
  cp .gitignore "$BATS_TEST_TMPDIR/without"
  make_ignored
  grep -vx 'htmlcov/' .gitignore | cmp - "$BATS_TEST_TMPDIR/without"
  sed -n '/^# Python build/,/^$/p' .gitignore >"$BATS_TEST_TMPDIR/section"
  grep -q '^htmlcov/$' "$BATS_TEST_TMPDIR/section"
}

@test "lines that the user added to a section of the template stay there" {
  make_ignored
  insert_pattern_in_gitignore_section mine "# macOS only"
  cp .gitignore "$BATS_TEST_TMPDIR/first"
  make_ignored
  cmp .gitignore "$BATS_TEST_TMPDIR/first"
}

@test "the entries sit below the section comment of the template" {
  ignore 'mine\n'
  make_ignored
  sed -n '/^# Pyve virtual environment/,/^$/p' .gitignore >"$BATS_TEST_TMPDIR/section"
  local name
  for name in .venv .env .envrc .pyve/testenv .pyve/envs; do
    grep -qx -- "$name" "$BATS_TEST_TMPDIR/section"
  done
}

@test "the file's mode is kept" {
  local mode
  for mode in 644 664 600 755; do
    ignore 'mine\n'
    chmod "$mode" .gitignore
    local before
    before=$(mode_of .gitignore)
    make_ignored
    remove_pattern_from_gitignore mine
    assert_equal "$(mode_of .gitignore)" "$before"
  done
}

@test "a new .gitignore can be read by others as the umask says" {
  umask 022
  make_ignored
  assert_equal "$(mode_of .gitignore)" "-rw-r--r--"
}

@test "init, purge and init again end where they began" {
  ignore 'mine\n'
  make_ignored
  cp .gitignore "$BATS_TEST_TMPDIR/first"
  remove_pattern_from_gitignore .venv
  remove_pattern_from_gitignore .env
  remove_pattern_from_gitignore .envrc
  make_ignored
  cmp .gitignore "$BATS_TEST_TMPDIR/first"
}

# --- input

@test "ordinary names are fine for a venv directory" {
  local name
  for name in .venv venv my_env-3.12 .v 3env _e; do
    run -0 validate_venv_dir_name "$name"
  done
}

@test "an empty name, and none at all, are refused for a venv directory" {
  run -1 validate_venv_dir_name ""
  assert_contains "$output" "ERROR: "
  run -1 validate_venv_dir_name
}

@test "reserved names are refused for a venv directory, and the message says so" {
  local name
  for name in .env .git .gitignore .tool-versions .python-version .envrc .pyve . ..; do
    run -1 validate_venv_dir_name "$name"
    assert_contains "$output" "reserved"
  done
}

@test "names with separators, blanks or characters of the shell are refused for a venv directory" {
  local name
  for name in a/b /abs ../up 'a b' 'a;b' '$(touch pwned)' '`touch pwned`' 'a*' '-rf' $'a\nb' 'é' 'a:b' 'a"b' "a'b"; do
    LC_ALL=C run -1 validate_venv_dir_name "$name"
  done
  [ ! -e pwned ]
}

@test "a full version is a valid Python version, anything else is not" {
  local version
  for version in 3.12.4 3.9.0 10.20.300; do
    run -0 validate_python_version "$version"
  done
  for version in 3.12 3 3.12.4.5 3.12.x v3.12.4 3.12.4rc1 "" " 3.12.4" $'3.12.4\nx' 3..4 "3.12.4;ls"; do
    run -1 validate_python_version "$version"
    assert_contains "$output" "ERROR: "
  done
  run -1 validate_python_version
}

@test "a file is empty when it is missing or has no bytes; a lone newline is content" {
  run -0 is_file_empty .env
  : >.env
  run -0 is_file_empty .env
  printf '\n' >.env
  run -1 is_file_empty .env
}

@test "config_file_exists is about the current folder" {
  run -1 config_file_exists
  mkdir -p .pyve sub
  : >.pyve/config
  run -0 config_file_exists
  cd sub
  run -1 config_file_exists
}
