# shellcheck shell=bash
# What locks of any tool pin, as far as can be read without a parser: in the form in which their tools write
# them. What is written otherwise is not found, and nobody relies on it being so.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/locked.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F find_conda_platform >/dev/null || . "${BASH_SOURCE[0]%/*}/micromamba_core.sh"

# Beyond so many lines, and one with more bytes, a lock is not read.
_locked_most=200000
_locked_limit=33554432

# Usage: read_locked <lock>
# Sets LOCKED_NAMES (as PEP 503 writes them) and LOCKED_VERSIONS to what a lock of any known kind pins.
read_locked() {
  LOCKED_NAMES=() LOCKED_VERSIONS=()
  is_lock_small "$1" || return 0
  case $1 in
    *.toml | uv.lock | poetry.lock | pdm.lock) read_locked_toml "$1" ;;
    *.yml | *.yaml) read_locked_conda "$1" ;;
    *.txt | *.in) read_locked_requirements "$1" ;;
    *) read_locked_pipfile "$1" ;;
  esac
}

# Usage: is_lock_small <file>
# True when the file has no more bytes than any lock, or nothing here can count them.
is_lock_small() {
  local size
  size=$(wc -c 2>/dev/null <"$1") || return 0
  ((size <= _locked_limit))
}

# Usage: add_locked <name> <version>
# For read_locked: adds one package, unless it has no version.
add_locked() {
  local name=$1 LC_ALL=C
  [[ -n $1 && -n $2 ]] || return 0
  if [[ $name == *[A-Z_.]* ]]; then
    lower_case "$name"
    name=${REPLY//[_.]/-}
    while [[ $name == *--* ]]; do
      name=${name//--/-}
    done
  fi
  LOCKED_NAMES+=("$name")
  LOCKED_VERSIONS+=("$2")
}

# Usage: lower_case <text>
# Sets REPLY to the text with small letters. Without a process, also in bash 3.2.
lower_case() {
  local small=abcdefghijklmnopqrstuvwxyz large=ABCDEFGHIJKLMNOPQRSTUVWXYZ i char out="" before
  for ((i = 0; i < ${#1}; i++)); do
    char=${1:i:1}
    if [[ $char == [A-Z] ]]; then
      before=${large%%"$char"*}
      char=${small:${#before}:1}
    fi
    out+=$char
  done
  REPLY=$out
}

# Usage: read_locked_toml <file>
# For read_locked: [[package]] or [[packages]] with name and version, as uv, Poetry, PDM and PEP 751 write them.
read_locked_toml() {
  local line name="" version="" inside="" count=0
  while IFS= read -r line || [[ -n $line ]]; do
    count=$((count + 1))
    ((count <= _locked_most)) || break
    case $line in
      "[[package]]"* | "[[packages]]"*)
        add_locked "$name" "$version"
        name="" version="" inside=1
        ;;
      "["*) inside="" ;;
      "name = "*) [[ -z $inside ]] || name=${line#name = } ;;
      "version = "*) [[ -z $inside ]] || version=${line#version = } ;;
      *) continue ;;
    esac
    name=${name//[\"\'$'\r']/}
    version=${version//[\"\'$'\r']/}
  done <"$1"
  add_locked "$name" "$version"
}

# Usage: read_locked_conda <file>
# For read_locked: conda-lock.yml, for this machine when that can be told.
read_locked_conda() {
  local line name="" version="" here="" platform="" count=0 value
  find_conda_platform && here=$REPLY
  while IFS= read -r line || [[ -n $line ]]; do
    count=$((count + 1))
    ((count <= _locked_most)) || break
    value=${line#*: }
    value=${value//[\"\'$'\r']/}
    case $line in
      "- name: "*)
        [[ $platform != "$here" ]] || add_locked "$name" "$version"
        name=$value version="" platform=$here
        ;;
      "  version: "*) version=$value ;;
      "  platform: "*) platform=$value ;;
    esac
  done <"$1"
  [[ $platform != "$here" ]] || add_locked "$name" "$version"
}

# Usage: read_locked_requirements <file>
# For read_locked: lines "name==version".
read_locked_requirements() {
  local line count=0 pin='^([A-Za-z0-9][A-Za-z0-9._-]*)(\[[^]]*\])?[[:space:]]*==[[:space:]]*([A-Za-z0-9.!+_-]+)[[:space:]\;\\]*'
  while IFS= read -r line || [[ -n $line ]]; do
    count=$((count + 1))
    ((count <= _locked_most)) || break
    if [[ $line =~ $pin ]]; then
      add_locked "${BASH_REMATCH[1]}" "${BASH_REMATCH[3]}"
    fi
  done <"$1"
}

# Usage: read_locked_pipfile <file>
# For read_locked: Pipfile.lock, JSON as Pipenv writes it.
read_locked_pipfile() {
  local line count=0 name="" open='^        "([^"]+)": \{' version='^            "version": "==([^"]+)"'
  while IFS= read -r line || [[ -n $line ]]; do
    count=$((count + 1))
    ((count <= _locked_most)) || break
    if [[ $line =~ $open ]]; then
      name=${BASH_REMATCH[1]}
    elif [[ $line =~ $version ]]; then
      add_locked "$name" "${BASH_REMATCH[1]}"
    fi
  done <"$1"
}

# Usage: read_conda_lock
# Sets LOCKED_NAMES and LOCKED_VERSIONS ("version-build") to the conda packages of CONDA_LOCK for this machine,
# LOCKED_OPTIONAL to the names, with blanks between them, of those that are in another category than main, and
# LOCKED_PIP_NAMES and LOCKED_PIP_VERSIONS to those of main that pip installs.
read_conda_lock() {
  local line name="" version="" file="" manager="" platform="" category="" here count=0 value
  LOCKED_NAMES=() LOCKED_VERSIONS=() LOCKED_OPTIONAL="" LOCKED_PIP_NAMES=() LOCKED_PIP_VERSIONS=()
  find_conda_platform && is_lock_small "$CONDA_LOCK" || return 0
  here=$REPLY
  while IFS= read -r line || [[ -n $line ]]; do
    count=$((count + 1))
    ((count <= _locked_most)) || break
    case $line in
      "- name: "*)
        add_conda_locked
        name=${line#*: } version="" file="" manager="" platform="" category=main
        ;;
      "  version: "*) version=${line#*: } ;;
      "  manager: "*) manager=${line#*: } ;;
      "  platform: "*) platform=${line#*: } ;;
      "  category: "*) category=${line#*: } ;;
      "  url: "*)
        value=${line#*: }
        file=${value##*/}
        ;;
    esac
  done <"$CONDA_LOCK"
  add_conda_locked
}

# Usage: add_conda_locked
# For read_conda_lock: adds the package that has been read, when it is one for this machine.
add_conda_locked() {
  name=${name//[\"\'$'\r']/} file=${file//[\"\'$'\r']/} manager=${manager//[\"\'$'\r']/}
  platform=${platform//[\"\'$'\r']/} category=${category//[\"\'$'\r']/}
  file=${file%%[?#]*}
  file=${file%.conda}
  file=${file%.tar.bz2}
  if [[ -n $name && $manager == conda && $platform == "$here" && $file == "$name"-* ]]; then
    LOCKED_NAMES+=("$name")
    LOCKED_VERSIONS+=("${file#"$name"-}")
    [[ $category == main ]] || LOCKED_OPTIONAL+=" $name"
  elif [[ -n $name && $manager == pip && $platform == "$here" && $category == main* ]]; then
    LOCKED_PIP_NAMES+=("$name")
    LOCKED_PIP_VERSIONS+=("${version//[\"\'$'\r']/}")
  fi
}

# Usage: compare_with_conda_lock <environment>
# Compares a conda environment with CONDA_LOCK: conda's packages by the names of their archives and records, which hold
# name, version and build; pip's by the names of their .dist-info. Sets DRIFT to what is different, a line each, and
# DRIFT_PACKAGES to how many packages conda has installed. Status 1 when the lock cannot be read here.
compare_with_conda_lock() {
  local i name file rest build have=$'\n' locked=$'\n'
  local -a names=() builds=()
  DRIFT=() DRIFT_PACKAGES=0
  read_conda_lock
  ((${#LOCKED_NAMES[@]} > 0)) || return 1
  for file in "$1"/conda-meta/*-*-*.json; do
    [[ -f $file ]] || continue
    file=${file##*/}
    file=${file%.json}
    build=${file##*-}
    rest=${file%-*}
    names+=("${rest%-*}")
    builds+=("${rest##*-}-$build")
    have+="${rest%-*}=${rest##*-}-$build"$'\n'
  done
  DRIFT_PACKAGES=${#names[@]}
  for ((i = 0; i < ${#LOCKED_NAMES[@]}; i++)); do
    name=${LOCKED_NAMES[i]}
    locked+="$name=${LOCKED_VERSIONS[i]}"$'\n'
    if [[ " $LOCKED_OPTIONAL " != *" $name "* ]]; then
      note_difference "$name" "${LOCKED_VERSIONS[i]}"
    fi
  done
  for ((i = 0; i < ${#names[@]}; i++)); do
    if [[ $locked != *$'\n'"${names[i]}="* ]]; then
      DRIFT+=("${names[i]} ${builds[i]} is installed, and not locked")
    fi
  done
  ((${#LOCKED_PIP_NAMES[@]} > 0)) || return 0
  LOCKED_NAMES=() LOCKED_VERSIONS=() have=$'\n'
  for file in "$1"/lib/python3*/site-packages/*.dist-info; do
    file=${file##*/}
    file=${file%.dist-info}
    add_locked "${file%%-*}" "${file#*-}"
  done
  for ((i = 0; i < ${#LOCKED_NAMES[@]}; i++)); do
    have+="${LOCKED_NAMES[i]}=${LOCKED_VERSIONS[i]}"$'\n'
  done
  for ((i = 0; i < ${#LOCKED_PIP_NAMES[@]}; i++)); do
    LOCKED_NAMES=() LOCKED_VERSIONS=()
    add_locked "${LOCKED_PIP_NAMES[i]}" "${LOCKED_PIP_VERSIONS[i]}"
    ((${#LOCKED_NAMES[@]} == 0)) || note_difference "${LOCKED_NAMES[0]}" "${LOCKED_VERSIONS[0]}"
  done
}

# Usage: note_difference <name> <version that is locked>
# For compare_with_conda_lock: adds to DRIFT that the package is not as it is locked, unless it is. Reads have, lines
# "name=version" of what is installed.
note_difference() {
  local rest
  if [[ $have == *$'\n'"$1=$2"$'\n'* ]]; then
    return 0
  elif [[ $have == *$'\n'"$1="* ]]; then
    rest=${have#*$'\n'"$1="}
    DRIFT+=("$1 $2 is locked, ${rest%%$'\n'*} is installed")
  else
    DRIFT+=("$1 $2 is locked, and not installed")
  fi
}
