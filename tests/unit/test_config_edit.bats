#!/usr/bin/env bats
# shellcheck disable=SC2016 # texts in single quotes are meant to stay as they are
# Lists in .pyve/config: set, replaced and removed, with everything else as it was.

bats_require_minimum_version 1.5.0
load ../helpers/test_helper

setup() {
  setup_project
  load_lib utils
  load_lib config_edit
}

# Usage: assert_change <key> [value]... (stdin: the config before, a line ---, the config after)
# Sets the key as a list, or removes it, and compares.
assert_change() {
  local text before
  text=$(
    cat
    printf .
  )
  text=${text%.}
  before=${text%%---$'\n'*}
  mkdir -p .pyve
  printf '%s' "$before" >.pyve/config
  change_config_list "$@"
  assert_equal "$(
    cat .pyve/config
    printf .
  )" "${text#*---$'\n'}."
}

@test "a list is written as a block, in its section or in a new one" {
  assert_change sync.own a b-c <<'END'
backend: venv
---
backend: venv

sync:
  own:
    - a
    - b-c
END
  assert_change sync.own a <<'END'
sync:
    only_binary: true  # why

# about lock
lock:
    python: ">=3.10"
---
sync:
    only_binary: true  # why
    own:
      - a

# about lock
lock:
    python: ">=3.10"
END
  rm -rf .pyve
  change_config_list sync.own a
  config_get sync.own
  assert_equal "$REPLY" a
}

@test "a list takes the place of the one before, however that was written" {
  assert_change lock.platforms linux-64 <<'END'
lock:
  platforms: [osx-64, linux-64]
  python: "3.12"
---
lock:
  platforms:
    - linux-64
  python: "3.12"
END
  assert_change lock.platforms linux-64 <<'END'
lock:
  platforms:
  - osx-64
  # a comment inside goes with it
  - win-64
  # one behind it stays
  python: "3.12"
---
lock:
  platforms:
    - linux-64
  # one behind it stays
  python: "3.12"
END
}

@test "a key of that name in another section is left alone" {
  assert_change sync.own new <<'END'
other:
  own:
    - kept
own: kept
sync:
  deeper:
    own: kept
---
other:
  own:
    - kept
own: kept
sync:
  deeper:
    own: kept
  own:
    - new
END
}

@test "a key is removed with its items, and its section when that is empty" {
  assert_change sync.own <<'END'
backend: venv
sync:
  own:
    - a
    - b
lock:
  python: "3.12"
---
backend: venv
lock:
  python: "3.12"
END
  assert_change sync.own <<'END'
sync:
  # about own
  own: a
  only_binary: true
---
sync:
  # about own
  only_binary: true
END
  assert_change sync.own <<'END'
backend: venv
---
backend: venv
END
}

@test "values are data: what YAML or a shell would read is quoted" {
  # shellcheck disable=SC2016 # as it stands
  assert_change sync.own '$(touch x)' 'a: b' "it's" yes <<'END'
---
sync:
  own:
    - "$(touch x)"
    - "a: b"
    - "it's"
    - "yes"
END
  config_get sync.own
  # shellcheck disable=SC2016 # as it stands
  assert_equal "$REPLY" '$(touch x)'$'\n''a: b'$'\n'"it's"$'\n'yes
}

@test "a section in one line is left as it is, and said to be" {
  mkdir .pyve
  printf 'sync: {own: [a]}\n' >.pyve/config
  run -1 change_config_list sync.own b
  [[ $output == *"[E_CONFIG_FORM]"* ]]
  assert_equal "$(<.pyve/config)" "sync: {own: [a]}"
}

@test "a config that is a link is not written through" {
  mkdir .pyve
  printf 'backend: venv\n' >elsewhere
  ln -s ../elsewhere .pyve/config
  run -1 change_config_list sync.own b
  [[ $output == *"[E_FILE_LINK]"* ]]
  assert_equal "$(<elsewhere)" "backend: venv"
}

@test "a key deep in sections is written into what is there of them, and goes with those that are empty" {
  assert_change run.profiles.dev.flags "-X dev" -b <<'END'
backend: venv
---
backend: venv

run:
  profiles:
    dev:
      flags:
        - "-X dev"
        - "-b"
END
  # What stands there is indented otherwise, has comments, and a neighbour of nearly the same name.
  assert_change run.profiles.dev.groups none <<'END'
run:
    # about profiles
    profiles:
        device:
            groups: kept
        dev:
            env:
                groups: kept
        # about the next

venv:
  directory: .venv
---
run:
    # about profiles
    profiles:
        device:
            groups: kept
        dev:
            env:
                groups: kept
            groups:
              - none
        # about the next

venv:
  directory: .venv
END
  assert_change run.profiles.dev.groups <<'END'
run:
  profiles:
    dev:
      groups:
        - none
venv:
  directory: .venv
---
venv:
  directory: .venv
END
  assert_change run.profiles.dev.groups <<'END'
run:
  profiles:
    dev:
      groups: none
    web:
      watch: true
---
run:
  profiles:
    web:
      watch: true
END
  # A key that is written with its dots in one line is the same key.
  assert_change run.profiles.dev.groups new <<'END'
run:
  profiles.dev.groups: old
---
run:
  profiles.dev.groups:
    - new
END
}

@test "a text deep in sections takes the place of the one before" {
  mkdir .pyve
  printf 'run:\n  profiles:\n    dev:\n      env:\n        A: 1 # why\n      watch: true\n' >.pyve/config
  change_config_key text run.profiles.dev.env.A 'x: y'
  change_config_key text run.profiles.dev.env.B '$(touch x)'
  assert_equal "$(<.pyve/config)" 'run:
  profiles:
    dev:
      env:
        A: "x: y"
        B: "$(touch x)"
      watch: true'
}
