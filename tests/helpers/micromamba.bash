#!/usr/bin/env bash
# A stand-in for micromamba: answers as a real one of STAND_IN_VERSION does, makes prefixes that look
# like conda's, and fails for every call that Pyve has no business to make. Copy it to a file of the
# name micromamba.
#
# STAND_IN_VERSION   what --version answers, and whose forms of output are used: 1.5.10, 2.0.5, 2.8.1 (default)
# STAND_IN_LOG       a file that gets each call: one line, its words quoted as bash does
# STAND_IN_PYTHON    the interpreter to link into prefixes (default: one of sh that knows its version only)
# STAND_IN_FAIL      what goes wrong in create: solve (before anything is made), half (in the middle),
#                    wait (makes half, then waits until it is killed), lie (says it went well)
set -euo pipefail

version=${STAND_IN_VERSION:-2.8.1}

# Usage: refuse <text>
# Ends as for a call that is not expected.
refuse() {
  printf 'stand-in for micromamba: %s\n' "$1" >&2
  exit 98
}

# Usage: note_call <argument>...
note_call() {
  if [[ -n ${STAND_IN_LOG-} ]]; then
    printf '%q ' "$@" | sed 's/ $//' >>"$STAND_IN_LOG"
    printf '\n' >>"$STAND_IN_LOG"
  fi
}

# Usage: add_package <prefix> <name> <version> <build>
# Writes what conda records about an installed package.
add_package() {
  printf '{"name": "%s", "version": "%s", "build": "%s", "build_string": "%s", "build_number": 0, "channel": "%s", "subdir": "linux-64", "files": []}\n' \
    "$2" "$3" "$4" "$4" "conda-forge" >"$1/conda-meta/$2-$3-$4.json"
}

# Usage: read_field <file> <key>
# Sets REPLY to a string of a record.
read_field() {
  REPLY=$(sed -n 's/.*"'"$2"'": "\([^"]*\)".*/\1/p' "$1")
}

# Usage: make_environment <argument>...
# micromamba create.
make_environment() {
  local prefix="" file="" yes="" name
  while (($#)); do
    case $1 in
      -p | --prefix)
        prefix=$2
        shift
        ;;
      -f | --file)
        file=$2
        shift
        ;;
      -y | --yes) yes=1 ;;
      -q | --quiet) ;;
      *) refuse "create does not know $1" ;;
    esac
    shift
  done
  [[ $prefix == /* ]] || refuse "create needs an absolute --prefix"
  [[ -n $file && -f $file ]] || refuse "create needs a --file that is there: $file"
  [[ -n $yes ]] || refuse "create would ask"
  [[ ! -t 0 ]] || refuse "create has a terminal to ask on"
  if [[ -e $prefix ]]; then
    printf 'error    libmamba Non-conda folder exists at prefix\n' >&2
    exit 1
  fi
  if [[ ${STAND_IN_FAIL-} == lie ]]; then
    return 0
  fi
  printf 'conda-forge/linux-64                                        Using cache\n'
  if [[ ${STAND_IN_FAIL-} == solve ]]; then
    printf 'error    libmamba Could not solve for environment specs\n    The following package could not be found\n    └─ nosuch =* * does not exist (perhaps a typo or a missing channel).\ncritical libmamba Could not solve for environment specs\n' >&2
    exit 1
  fi
  mkdir -p "$prefix/conda-meta" "$prefix/bin"
  : >"$prefix/conda-meta/history"
  add_package "$prefix" ca-certificates 2026.1.4 hbd8a1cb_0
  case ${STAND_IN_FAIL-} in
    half)
      printf 'critical libmamba Download error: (28) Timeout was reached\n' >&2
      exit 1
      ;;
    wait)
      : >"$prefix/waiting"
      exec sleep 120
      ;;
  esac
  while IFS= read -r name; do
    name=${name//[[:space:]]/}
    name=${name#-}
    case $name in
      python | python[=\<\>]*)
        add_package "$prefix" python 3.12.8 h9e4cc4f_1_cpython
        if [[ -n ${STAND_IN_PYTHON-} ]]; then
          ln -s "$STAND_IN_PYTHON" "$prefix/bin/python"
        else
          printf '#!/bin/sh\nprintf "3.12.8\\n"\n' >"$prefix/bin/python"
          chmod +x "$prefix/bin/python"
        fi
        ;;
    esac
  done <"$file"
  printf 'Transaction finished\n'
}

# Usage: list_packages <argument>...
# micromamba list --json: a bare array, or an object with "packages" in newer ones.
list_packages() {
  local prefix="" json="" file out="" name number build
  while (($#)); do
    case $1 in
      -p | --prefix)
        prefix=$2
        shift
        ;;
      --json) json=1 ;;
      *) refuse "list does not know $1" ;;
    esac
    shift
  done
  [[ -n $json && $prefix == /* ]] || refuse "list needs --json and an absolute --prefix"
  if [[ ! -d $prefix/conda-meta ]]; then
    printf 'critical libmamba The given prefix does not exist\n' >&2
    exit 1
  fi
  for file in "$prefix"/conda-meta/*.json; do
    [[ -f $file ]] || continue
    read_field "$file" name
    name=$REPLY
    read_field "$file" version
    number=$REPLY
    read_field "$file" build_string
    build=$REPLY
    out+=${out:+,}$'\n'"    {\"base_url\": \"\", \"build_number\": 0, \"build_string\": \"$build\", \"channel\": \"conda-forge\", \"dist_name\": \"$name-$number-$build\", \"name\": \"$name\", \"platform\": \"linux-64\", \"version\": \"$number\"}"
  done
  case $version in
    1.* | 2.[0-5].*) printf '[%s\n]\n' "$out" ;;
    *) printf '{"packages": [%s\n]}\n' "$out" ;;
  esac
}

# Usage: run_command <argument>...
# micromamba run.
run_command() {
  [[ ${1-} == -p || ${1-} == --prefix ]] || refuse "run needs --prefix first"
  export CONDA_PREFIX=$2 PATH=$2/bin:$PATH
  shift 2
  [[ -d $CONDA_PREFIX/conda-meta ]] || {
    printf 'critical libmamba The given prefix does not exist: "%s"\n' "$CONDA_PREFIX" >&2
    exit 1
  }
  exec "$@"
}

note_call "$@"
case ${1-} in
  --version)
    (($# == 1)) || refuse "--version takes nothing"
    printf '%s\n' "$version"
    ;;
  create) make_environment "${@:2}" ;;
  list) list_packages "${@:2}" ;;
  run) run_command "${@:2}" ;;
  env)
    [[ "${*:2}" == "list --json" ]] || refuse "env knows list --json only"
    printf '{\n    "envs": [\n        "%s"\n    ]\n}\n' "${MAMBA_ROOT_PREFIX:-$HOME/.local/share/mamba}"
    ;;
  info)
    [[ "${*:2}" == "--json" ]] || refuse "info knows --json only"
    printf '{"base environment": "%s", "channels": ["https://conda.example/conda-forge/linux-64"], "libmamba version": "%s", "micromamba version": "%s", "platform": "linux-64"}\n' \
      "${MAMBA_ROOT_PREFIX:-$HOME/.local/share/mamba}" "$version" "$version"
    ;;
  *) refuse "unexpected call: $*" ;;
esac
