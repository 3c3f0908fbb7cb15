#!/usr/bin/env bats
# shellcheck disable=SC1003 # a lone backslash is meant
# shellcheck disable=SC2016 # code and hostile texts in single quotes are meant to stay as they are
# .pyve/config: reading, and changing without harm.

bats_require_minimum_version 1.5.0
load ../helpers/test_helper

setup() {
  setup_project
  load_lib utils
}

# Usage: configure <<<text
# Makes .pyve/config from stdin.
configure() {
  mkdir -p .pyve
  cat >.pyve/config
}

# Usage: assert_value <key> <expected>
assert_value() {
  config_load
  config_get "$1"
  assert_equal "$REPLY" "$2"
}

@test "read_config_value prints top-level and nested values" {
  configure <<'END'
pyve_version: "1.1.3"
backend: venv

micromamba:
  env_name: demo

python:
  version: "3.11"

venv:
  directory: .venv
END
  assert_equal "$(read_config_value pyve_version)" 1.1.3
  assert_equal "$(read_config_value backend)" venv
  assert_equal "$(read_config_value micromamba.env_name)" demo
  assert_equal "$(read_config_value python.version)" 3.11
  assert_equal "$(read_config_value venv.directory)" .venv
}

@test "read_config_value prints nothing, with success, for what is not there" {
  run -0 read_config_value backend
  assert_equal "$output" ""
  configure <<<'backend: venv'
  run -0 read_config_value venv.directory
  assert_equal "$output" ""
  run -0 read_config_value back
  assert_equal "$output" ""
  run -0 read_config_value backen.
  assert_equal "$output" ""
}

@test "a nested key is not found at the top, nor in another section" {
  configure <<'END'
venv:
  directory: .venv
other:
  version: 9
END
  assert_equal "$(read_config_value directory)" ""
  assert_equal "$(read_config_value other.directory)" ""
  assert_equal "$(read_config_value python.version)" ""
  assert_equal "$(read_config_value venv.version)" ""
}

@test "the section itself has no value" {
  configure <<'END'
venv:
  directory: .venv
END
  assert_value venv ""
}

@test "values keep inner blanks and lose those around them" {
  configure <<'END'
plain:    a  b   
double: "  a  b  "  
single: '  a  b  '
END
  assert_value plain "a  b"
  assert_value double "  a  b  "
  assert_value single "  a  b  "
}

@test "quotes of both kinds and escapes are understood" {
  configure <<'END'
a: "say \"hi\" \\ there"
b: 'it''s'
c: it's
d: say "hi"
e: "a\nb\tc"
f: ""
g: ''
h: "it's"
END
  assert_value a 'say "hi" \ there'
  assert_value b "it's"
  assert_value c "it's"
  assert_value d 'say "hi"'
  assert_value e $'a\nb\tc'
  assert_value f ""
  assert_value g ""
  assert_value h "it's"
}

@test "comments are no part of a value, unless they are quoted or no comment" {
  configure <<'END'
# a: commented
a: one # two
b: "one # two" # three
c: one#two
d: # nothing
  # indented: comment
e: 'x' # y
END
  assert_value a one
  assert_value b "one # two"
  assert_value c one#two
  assert_value d ""
  assert_value e x
  assert_value indented ""
}

@test "a value with a colon is whole" {
  configure <<'END'
url: https://example.org:80/x
END
  assert_value url https://example.org:80/x
}

@test "a list gives one item a line, indented or not" {
  configure <<'END'
micromamba:
  channels:
    - conda-forge
    - "my # channel"   # comment
    - defaults
  env_name: demo
plain:
- a
- b
END
  assert_value micromamba.channels $'conda-forge\nmy # channel\ndefaults'
  assert_value micromamba.env_name demo
  assert_value plain $'a\nb'
}

@test "keys nested three deep are told apart" {
  configure <<'END'
a:
  b:
    c: deep
  c: middle
c: top
END
  assert_value a.b.c deep
  assert_value a.c middle
  assert_value c top
}

@test "any width of indentation will do" {
  configure <<'END'
venv:
        directory: eight
python:
 version: one
END
  assert_value venv.directory eight
  assert_value python.version one
}

@test "lines that end with CRLF, and a last line without an end, are read" {
  mkdir .pyve
  printf 'backend: venv\r\nvenv:\r\n  directory: "my-env"\r\npython:\r\n  version: 3.12' >.pyve/config
  assert_value backend venv
  assert_value venv.directory my-env
  assert_value python.version 3.12
}

@test "of a key that stands twice the first counts, for reading and for writing" {
  configure <<'END'
backend: one
backend: two
END
  assert_value backend one
  config_set backend three
  assert_value backend three
}

@test "an empty file and one with nothing but comments are read as empty" {
  configure </dev/null
  run -0 config_load
  configure <<<'# nothing'
  assert_value backend ""
}

@test "config_load says by its status that there is no config, and forgets the last one" {
  configure <<<'backend: venv'
  config_load
  rm .pyve/config
  run -1 config_load
  config_load || :
  config_get backend
  assert_equal "$REPLY" ""
}

@test "what a config says is never executed" {
  configure <<'END'
backend: $(touch pwned)
venv:
  directory: `touch pwned`
python:
  version: "$(touch pwned); touch pwned & touch pwned"
a[$(touch pwned)]: 1
x: ${HOME}
y: !!python/object/apply:os.system ["touch pwned"]
END
  assert_value backend '$(touch pwned)'
  assert_value venv.directory '`touch pwned`'
  assert_value x '${HOME}'
  config_get 'a[$(touch pwned)]'
  config_set backend "$(read_config_value backend)" venv.directory "$(read_config_value venv.directory)"
  assert_value backend '$(touch pwned)'
  run pyve config
  run pyve validate
  run pyve run true
  run pyve doctor
  [ ! -e pwned ]
}

@test "a hostile venv directory of the config is refused by init, purge and validate" {
  local value
  for value in ../outside /etc '$(touch pwned)' '-rf' 'a b'; do
    mkdir -p .pyve
    printf 'backend: venv\nvenv:\n  directory: "%s"\n' "$value" >.pyve/config
    run -1 pyve init --yes
    run -1 pyve purge
    run -1 pyve validate
    [ -f .pyve/config ]
  done
  [ ! -e pwned ]
}

@test "config_set makes the file, and nests dotted keys" {
  config_set pyve_version 2.0.0 backend venv venv.directory .venv python.version 3.12
  assert_equal "$(cat .pyve/config)" 'pyve_version: "2.0.0"
backend: venv

venv:
  directory: .venv

python:
  version: "3.12"'
}

@test "every kind of value comes back as it was set" {
  local value
  for value in plain "two words" '"quoted"' "it's" 'back\slash' '\n' $'tab\tbed' $'two\nlines' $'cr\r' "" " " "# no comment" \
    "a # b" "a: b" "- x" true No null "3.10" 1e3 '$(touch pwned)' '`x`' '&' 'a&b\&' "ünï" '~' '{a: b}' '[a]' '*x' '!x' '%x' '@x' '"' "'" '\' '\"'; do
    config_set section.key "$value" top "$value"
    assert_value section.key "$value"
    assert_value top "$value"
  done
}

@test "values that YAML would take for something else are quoted in the file" {
  local value
  for value in 3.10 true no NULL OFF "a: b" "# x"; do
    config_set key "$value"
    assert_contains "$(cat .pyve/config)" "\"$value\""
  done
}

@test "the file is YAML that a YAML reader understands the same way" {
  find_real_python
  "$REAL_PYTHON" -c 'import yaml' 2>/dev/null || skip "PyYAML is not on this machine"
  config_set a 'say "hi" \ there' b.c $'tab\tbed' d "# x" e 3.10
  run -0 "$REAL_PYTHON" -c 'import yaml; d = yaml.safe_load(open(".pyve/config")); assert d == {"a": "say \"hi\" \\ there", "b": {"c": "tab\tbed"}, "d": "# x", "e": "3.10"}, d'
}

@test "comments, order, blank lines and unknown keys stay on an update" {
  configure <<'END'
# My config
pyve_version: "1.0.0"   # set by a robot

custom: [1, 2]
backend: venv

# about the venv
venv:
  # the folder
  directory: old # comment
  extra: kept

micromamba:
  channels:
    - a
    - b
END
  config_set pyve_version 2.0.0 venv.directory new
  assert_equal "$(cat .pyve/config)" '# My config
pyve_version: "2.0.0"   # set by a robot

custom: [1, 2]
backend: venv

# about the venv
venv:
  # the folder
  directory: new # comment
  extra: kept

micromamba:
  channels:
    - a
    - b'
}

@test "a new key goes into its section, with the indentation in use there" {
  configure <<'END'
venv:
    other: 1

# about python
python:
  version: 3.9
END
  config_set venv.directory .venv
  assert_equal "$(cat .pyve/config)" 'venv:
    other: 1
    directory: .venv

# about python
python:
  version: 3.9'
}

@test "a key of the same name deeper in the section is not taken for it" {
  configure <<'END'
venv:
  options:
    directory: theirs
  directory: ours
END
  config_set venv.directory new
  assert_value venv.directory new
  assert_value venv.options.directory theirs
}

@test "a new key behind a deeper one belongs to its section" {
  configure <<'END'
venv:
  options:
    deep: theirs
END
  config_set venv.directory new
  assert_value venv.directory new
  assert_value venv.options.deep theirs
  assert_value venv.options.directory ""
}

@test "a value with a # in quotes is replaced whole" {
  configure <<<'key: "a # b" # note'
  config_set key new
  assert_equal "$(cat .pyve/config)" 'key: new # note'
}

@test "setting what is there already leaves the file alone" {
  config_set backend venv venv.directory .venv
  touch -t 200001010000 .pyve/config
  config_set backend venv venv.directory .venv
  [ -z "$(find .pyve/config -newer "$PYVE_TREE/pyve.sh")" ]
}

@test "the mode of the config is kept" {
  config_set backend venv
  chmod 640 .pyve/config
  config_set backend auto
  assert_contains "$(ls -l .pyve/config)" "-rw-r-----"
}

@test "a config without a final line end is continued on a line of its own" {
  mkdir .pyve
  printf 'backend: venv' >.pyve/config
  config_set pyve_version 2.0.0
  assert_equal "$(cat .pyve/config)" 'backend: venv
pyve_version: "2.0.0"'
}

@test "a config with CRLF is updated and still read" {
  mkdir .pyve
  printf 'backend: venv\r\nvenv:\r\n  directory: a\r\n' >.pyve/config
  config_set venv.directory b pyve_version 2
  assert_value venv.directory b
  assert_value backend venv
  assert_value pyve_version 2
}

@test "a config that cannot be written is reported, and the old one stays" {
  [ "$(id -u)" -ne 0 ] || skip "root may write everywhere"
  config_set backend venv
  chmod 500 .pyve
  run -1 config_set backend other
  chmod 700 .pyve
  assert_contains "$output" E_FILE_WRITE
  assert_value backend venv
}

@test "find_project finds the nearest project above, whatever its path" {
  config_set backend venv
  mkdir -p "sub/a b" inner/.pyve
  : >inner/.pyve/config
  cd "sub/a b"
  find_project
  assert_equal "$PROJECT_ROOT" "$PROJECT"
  find_project "$PROJECT/inner"
  assert_equal "$PROJECT_ROOT" "$PROJECT/inner"
}

@test "find_project says by its status that there is no project, and names the start" {
  mkdir sub
  cd sub
  run -1 find_project
  find_project || :
  assert_equal "$PROJECT_ROOT" "$PWD"
  find_project / || :
  assert_equal "$PROJECT_ROOT" /
}

@test "a list in one line is split at its commas, and watch.command into its words" {
  local text words
  load_lib output
  # shellcheck source=/dev/null # the room
  . "$PYVE_TREE/lib/commands/watch.sh"
  while IFS='|' read -r text words; do
    RUN_WORDS=()
    add_configured_command "$text"
    assert_equal "$(printf '<%s>' "${RUN_WORDS[@]:1}")" "$words"
  done <<'END'
pytest  -q x[1]|<pytest><-q><x[1]>
[pytest, "tests/test_a.py::test_b[1-2]"]|<pytest><tests/test_a.py::test_b[1-2]>
[ python , -c , "print(1, \"2\")" ]|<python><-c><print(1, "2")>
['it''s, so', x[a,b], a"b,]|<it's, so><x[a,b]><a"b>
END
  split_list "[foo; python_version < '3.9', bar]"
  assert_equal "$REPLY" "foo; python_version < '3.9'"$'\n'bar
  for text in 'pytest -k "not slow"' '[pytest, "a" b]'; do
    RUN_WORDS=()
    run -1 add_configured_command "$text"
    assert_contains "$output" "[E_CONFIG_VALUE]"
  done
}
