# shellcheck shell=bash
# Checks of `pyve doctor`: locks by themselves, and beside each other.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/doctor/locks.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F find_lock_state >/dev/null || . "${BASH_SOURCE[0]%/*}/../micromamba_lock.sh"
declare -F read_locked >/dev/null || . "${BASH_SOURCE[0]%/*}/../locked.sh"
declare -F inspect_packages >/dev/null || . "${BASH_SOURCE[0]%/*}/packages.sh"
declare -F logged >/dev/null || . "${BASH_SOURCE[0]%/*}/../debug_log.sh"

# The locks that may stand in a project: file and whose it is.
LOCK_FORMATS=(
  "pylock.toml the lock of Python's packaging tools (PEP 751)"
  "conda-lock.yml conda-lock's"
  "uv.lock uv's"
  "poetry.lock Poetry's"
  "pdm.lock PDM's"
  "Pipfile.lock Pipenv's"
  "requirements.txt pip's"
)

# --- conda-lock.yml by itself

# Usage: has_conda_lock
# True in a project of the conda backend that has a lock: sets CONDA_LOCK and CONDA_MANIFEST.
has_conda_lock() {
  [[ $DOCTOR_BACKEND == micromamba && -n $DOCTOR_INITIALIZED ]] || return 1
  find_environment_files || :
  [[ -n $CONDA_LOCK ]]
}

# Usage: read_lock_head
# Reads the head of CONDA_LOCK as conda-lock writes it: sets LOCK_VERSION, and the array LOCK_PLATFORMS. Status 1
# when it is written in another way, or wrong, or larger than any lock.
read_lock_head() {
  local line inside="" section="" packages=""
  LOCK_VERSION="" LOCK_PLATFORMS=()
  is_lock_small "$CONDA_LOCK" || return 1
  while IFS= read -r line || [[ -n $line ]]; do
    line=${line%$'\r'}
    case $line in
      package:*) packages=1 ;;
      version:*) LOCK_VERSION=${line#version:} ;;
      metadata:*) section=metadata ;;
      "  platforms:"*) inside=1 ;;
      "  - "* | "    - "*)
        [[ -n $inside && $section == metadata ]] || continue
        line=${line#*- }
        LOCK_PLATFORMS+=("${line//[\"\' ]/}")
        ;;
      " "* | "#"* | "") [[ $line == "   "* || $line == "#"* || -z $line ]] || inside="" ;;
      *) inside="" ;;
    esac
    # Packages may come first; they are half a megabyte, and only their place matters here.
    [[ -z $packages || -z $section || -z $LOCK_VERSION ]] || break
  done <"$CONDA_LOCK"
  LOCK_VERSION=${LOCK_VERSION//[\"\' ]/}
  [[ $LOCK_VERSION == 1 && -n $packages && ${#LOCK_PLATFORMS[@]} -gt 0 ]]
}

# Usage: check_lock_unreadable
# Whether the lock is a file that can be read, and a lock.
check_lock_unreadable() {
  local why="" word
  if [[ $DOCTOR_BACKEND == venv ]]; then
    check_pylock_unreadable
    return
  fi
  has_conda_lock || return 0
  file_here "$CONDA_LOCK"
  word=$REPLY
  if [[ -f $CONDA_LOCK && ! -r $CONDA_LOCK ]]; then
    tell_lock_permission "$CONDA_LOCK" "$word"
    return 0
  elif [[ ! -f $CONDA_LOCK ]]; then
    why="it is not a file"
    [[ ! -L $CONDA_LOCK ]] || why="it is a link to a file that is gone"
  elif [[ ! -s $CONDA_LOCK ]]; then
    why="it is empty"
  elif ! judge_lock; then
    why=$REPLY
  fi
  [[ -n $why ]] || return 0
  if [[ -n $CONDA_MANIFEST ]] && grep -q '^>>>>>>> ' "$CONDA_LOCK" 2>/dev/null; then
    # (Both of its sides count.)
    place_command "pyve lock"
    found E_LOCK_FILE "Lock: $CONDA_LOCK cannot be used" why "$why" fix "$REPLY"
  elif [[ -n $CONDA_MANIFEST ]]; then
    find_free_name "$CONDA_LOCK"
    file_here "$REPLY"
    word="mv -f $word $REPLY"
    place_command "pyve lock"
    quote_word "$word && $REPLY"
    found E_LOCK_FILE "Lock: $CONDA_LOCK cannot be used" why "$why" fix "sh -c $REPLY"
  else
    found E_LOCK_DAMAGED "Lock: $CONDA_LOCK cannot be used" why "$why" why "there is no environment.yml to make it again from"
  fi
}

# Usage: tell_lock_permission <file> <the same as a word>
# Says that a lock cannot be read.
tell_lock_permission() {
  if [[ -O $1 ]]; then
    found E_LOCK_FILE_READ "Lock: $1 cannot be read" why "no permission" auto "chmod u+r $2"
  else
    found E_LOCK_FILE_READ "Lock: $1 cannot be read" why "no permission; it belongs to another user" fix "sudo chmod a+r $2"
  fi
}

# Usage: judge_lock
# True when CONDA_LOCK is a lock as far as can be told. Otherwise REPLY says why it is none: in the helper's words,
# when there is a toolchain.
judge_lock() {
  local answer status=0
  if find_tools; then
    answer=$(logged "$REPLY" -E -s -B -X utf8 "$PYVE_ROOT/helpers/environment_file.py" --format lines lock --file "$CONDA_LOCK" --packages 2>/dev/null </dev/null) || status=$?
    ((status == 1)) || return 0
    read_helper_answer 0 "$answer"
    get_helper_value why || :
    answer=$REPLY
    get_helper_value message || REPLY="it is no lock of conda-lock"
    REPLY+=${answer:+; $answer}
    return 1
  fi
  if ! is_lock_small "$CONDA_LOCK"; then
    REPLY="it is larger than any lock"
    return 1
  elif ! read_lock_head && [[ -z $LOCK_VERSION || ${#LOCK_PLATFORMS[@]} -eq 0 ]]; then
    REPLY="it does not look like a lock of conda-lock: it names no version and no platforms"
    return 1
  fi
}

# Usage: find_tools
# Sets REPLY to the interpreter of a toolchain that is there. Status 1 when there is none; nothing is made.
find_tools() {
  REPLY=$({ find_toolchain_root && find_toolchain base && printf '%s' "$TOOLCHAIN_PYTHON"; } 2>/dev/null) && [[ -n $REPLY ]]
}

# Usage: check_pylock_unreadable
# The same for pylock.toml.
check_pylock_unreadable() {
  local word why=""
  [[ -n $DOCTOR_INITIALIZED && (-e pylock.toml || -L pylock.toml) ]] || return 0
  file_here pylock.toml
  word=$REPLY
  if [[ -f pylock.toml && ! -r pylock.toml ]]; then
    tell_lock_permission pylock.toml "$word"
    return 0
  elif [[ ! -f pylock.toml ]]; then
    why="it is not a file"
    [[ ! -L pylock.toml ]] || why="it is a link to a file that is gone"
  elif inspect_packages; then
    list_inspected lock_invalid
    if [[ -n ${INSPECTED[0]-} ]]; then
      list_inspected lock_fault
      why=${INSPECTED[0]}
    fi
  fi
  [[ -n $why ]] || return 0
  declare -F has_manifest >/dev/null || . "$PYVE_ROOT/lib/venv_lock.sh"
  if [[ ! -f pylock.toml ]] || ! has_manifest .; then
    found E_LOCK_DAMAGED "Lock: pylock.toml cannot be used" why "$why"
  elif ! grep -q '^<<<<<<<' pylock.toml; then
    # (Of git's marks lock-stale speaks.)
    found E_LOCK_FILE "Lock: pylock.toml cannot be used" why "$why" fix "pyve lock"
  fi
}

# Usage: check_lock_platform
# Whether the lock has packages for this machine.
check_lock_platform() {
  local platform word have="" command
  if [[ $DOCTOR_BACKEND == venv ]]; then
    check_venv_lock_platform
    return 0
  fi
  has_conda_lock && [[ -r $CONDA_LOCK && -f $CONDA_LOCK ]] || return 0
  find_conda_platform || return 0
  platform=$REPLY
  # What is written in another way is for the engine to judge.
  read_lock_head || ((${#LOCK_PLATFORMS[@]})) || return 0
  command="pyve lock --platform $platform"
  for word in "${LOCK_PLATFORMS[@]}"; do
    [[ $word != "$platform" ]] || return 0
    have+=${have:+, }$word
    command+=" --platform $word"
  done
  found E_LOCK_PLATFORM "Lock: $CONDA_LOCK is not for this machine, $platform" why "it is for $have" fix "$command"
}

# Usage: check_venv_lock_platform
# The same for pylock.toml.
check_venv_lock_platform() {
  local platform command word
  [[ -n $DOCTOR_INITIALIZED && -f pylock.toml && -r pylock.toml ]] || return 0
  declare -F is_lock_for_here >/dev/null || . "$PYVE_ROOT/lib/venv_lock.sh"
  find_venv_lock_state
  ! is_lock_for_here || return 0
  platform=$REPLY
  command="pyve lock --platform $platform"
  for word in $VENV_LOCK_PLATFORMS; do
    command+=" --platform $word"
  done
  found E_LOCK_PLATFORM "Lock: pylock.toml is not for this machine, $platform" why "it is for${VENV_LOCK_PLATFORMS% }" fix "$command"
}

# Usage: check_lock_stale
# Whether the lock was made from the environment file as it is now.
check_lock_stale() {
  local changed locked
  [[ -n $DOCTOR_INITIALIZED ]] || return 0
  if [[ $DOCTOR_BACKEND == venv ]]; then
    check_venv_lock_stale
    return 0
  fi
  find_lock_state
  case $REPLY in
    current)
      # shellcheck disable=SC2153 # of does_lock_fit
      case $LOCK_STATUS in
        # lock-platform and lock-unreadable have said it.
        platform-missing | unreadable) return 0 ;;
      esac
      passed "Lock: $CONDA_LOCK, up to date"
      ;;
    alone) passed "Lock: $CONDA_LOCK" ;;
    missing) noted "Lock: missing; pyve lock makes conda-lock.yml" ;;
    stale)
      case $LOCK_STATUS in
        platform-missing | unreadable) return 0 ;;
      esac
      changed=$(get_file_mtime_formatted "$CONDA_MANIFEST") || :
      locked=$(get_file_mtime_formatted "$CONDA_LOCK") || :
      found W_LOCK_STALE "Lock: $CONDA_LOCK is stale: $CONDA_MANIFEST was changed after it" \
        why "$CONDA_MANIFEST is of $changed, $CONDA_LOCK of $locked" fix "pyve lock"
      ;;
  esac
}

# Usage: check_venv_lock_stale
# The same for pylock.toml.
check_venv_lock_stale() {
  local LOCK_STATE="" LOCK_BASIS why
  local -a parts=()
  if [[ ! -f pylock.toml ]]; then
    noted "Lock: none (unlocked)"
    return 0
  fi
  declare -F judge_locked_project >/dev/null || . "$PYVE_ROOT/lib/venv_lock.sh"
  judge_locked_project
  case $LOCK_STATE in
    # lock-platform and lock-unreadable have said it.
    platform-missing | unreadable) ;;
    current) passed "Lock: pylock.toml, up to date" ;;
    stale)
      for why in ${VENV_LOCK_WHYS[@]+"${VENV_LOCK_WHYS[@]}"}; do
        parts+=(why "$why")
      done
      if [[ -n ${VENV_LOCK_BROKEN-} ]]; then
        found E_MANIFEST "Lock: what pylock.toml was made from cannot be read" "${parts[@]}"
        return 0
      fi
      ((${#parts[@]})) || parts=(why "${VENV_LOCK_FILES[*]} changed, and there is no toolchain that could tell what")
      found W_LOCK_STALE "Lock: pylock.toml is stale" "${parts[@]}" fix "pyve lock"
      ;;
    *) passed "Lock: pylock.toml" ;;
  esac
}

# --- several locks

# Usage: check_locks_at_odds
# Locks of several tools whose versions contradict each other, and files that speak for the other backend.
check_locks_at_odds() {
  local line file first="" others=""
  [[ -n $DOCTOR_INITIALIZED ]] || return 0
  check_backend_files
  for line in "${LOCK_FORMATS[@]}"; do
    file=${line%% *}
    if [[ ! -f $file || ! -r $file || ($file == requirements.txt && ! -f requirements.in) ]]; then
      continue
    fi
    # The one of the backend goes before all others.
    if [[ $DOCTOR_BACKEND == micromamba && $file == conda-lock.yml && -n $first ]]; then
      others="$first${others:+ $others}"
      first=$file
    elif [[ -z $first ]]; then
      first=$file
    else
      others+=${others:+ }$file
    fi
  done
  check_requirements_pair
  [[ -n $others ]] || return 0
  for file in $others; do
    compare_locks "$first" "$file"
  done
}

# Usage: describe_lock <file>
# Sets REPLY to whose lock the file is.
describe_lock() {
  local line
  REPLY=""
  for line in "${LOCK_FORMATS[@]}"; do
    [[ $line != "$1 "* ]] || REPLY=${line#* }
  done
}

# Usage: is_own_lock <file>
# True for the lock of the project's backend.
is_own_lock() {
  case $DOCTOR_BACKEND:$1 in
    venv:pylock.toml | micromamba:conda-lock.yml) return 0 ;;
  esac
  return 1
}

# Usage: compare_locks <file> <file>
# Says where the two name different versions of one package. The first is the one that goes before.
compare_locks() {
  local one=$1 other=$2 i name version text count=0 shown="" rest
  local -a parts=()
  read_locked "$one"
  text=$'\n'
  for ((i = 0; i < ${#LOCKED_NAMES[@]}; i++)); do
    text+="${LOCKED_NAMES[i]}=${LOCKED_VERSIONS[i]}"$'\n'
  done
  read_locked "$other"
  for ((i = 0; i < ${#LOCKED_NAMES[@]}; i++)); do
    name=${LOCKED_NAMES[i]} version=${LOCKED_VERSIONS[i]}
    # A lock may have several versions of a package, for several platforms or Pythons.
    if [[ $text != *$'\n'"$name="* || $text == *$'\n'"$name=$version"$'\n'* || $shown == *" $name "* ]]; then
      continue
    fi
    count=$((count + 1))
    shown+=" $name "
    rest=${text#*$'\n'"$name="}
    if ((count <= 5)); then
      parts+=(why "$name: ${rest%%$'\n'*} in $one, $version in $other")
    fi
  done
  describe_lock "$other"
  if ((count == 0)); then
    noted "Lock: $other is $REPLY; it agrees with $one"
    return 0
  fi
  ((count <= 5)) || parts+=(why "and $((count - 5)) more")
  if is_own_lock "$one"; then
    parts+=(why "Pyve goes by $one; $other is $REPLY, and other tools go by it")
  else
    parts+=(why "$other is $REPLY; Pyve goes by neither")
  fi
  file_here "$other"
  parts+=(destructive "rm $REPLY")
  count_things "$count" "version"
  found W_LOCKS_AT_ODDS "Lock: $one and $other contradict each other in $REPLY" "${parts[@]}"
}

# Usage: check_requirements_pair
# requirements.txt that was compiled from a requirements.in which asks for more, or otherwise.
check_requirements_pair() {
  local line name pins=$'\n' i count=0 shape='^([A-Za-z0-9][A-Za-z0-9._-]*)'
  local -a parts=()
  [[ -f requirements.in && -f requirements.txt && -r requirements.in && -r requirements.txt ]] && is_lock_small requirements.in || return 0
  read_locked requirements.txt
  # (Without any pin it was not compiled.)
  ((${#LOCKED_NAMES[@]} > 0)) || return 0
  for ((i = 0; i < ${#LOCKED_NAMES[@]}; i++)); do
    pins+="${LOCKED_NAMES[i]}=${LOCKED_VERSIONS[i]}"$'\n'
  done
  LOCKED_NAMES=() LOCKED_VERSIONS=()
  while IFS= read -r line || [[ -n $line ]]; do
    # One with a marker may not be for this machine.
    [[ $line =~ $shape && $line != *";"* && $line != *"@"* ]] || continue
    add_locked "${BASH_REMATCH[1]}" "any"
    name=${LOCKED_NAMES[${#LOCKED_NAMES[@]} - 1]}
    if [[ $pins != *$'\n'"$name="* ]]; then
      count=$((count + 1))
      ((count > 5)) || parts+=(why "$name is in requirements.in, and requirements.txt has no version of it")
    fi
  done <requirements.in
  read_locked requirements.in
  for ((i = 0; i < ${#LOCKED_NAMES[@]}; i++)); do
    name=${LOCKED_NAMES[i]}
    if [[ $pins == *$'\n'"$name="* && $pins != *$'\n'"$name=${LOCKED_VERSIONS[i]}"$'\n'* ]]; then
      count=$((count + 1))
      line=${pins#*$'\n'"$name="}
      ((count > 5)) || parts+=(why "$name: ${LOCKED_VERSIONS[i]} in requirements.in, ${line%%$'\n'*} in requirements.txt")
    fi
  done
  ((count > 0)) || return 0
  parts+=(why "pyve init --deps installs requirements.txt")
  propose_compile
  [[ -z $REPLY ]] || parts+=(fix "$REPLY")
  found W_LOCKS_AT_ODDS "Lock: requirements.txt does not hold what requirements.in asks for" "${parts[@]}"
}

# Usage: propose_compile
# Sets REPLY to the command that makes requirements.txt again, by the tool that made it; "" when that is not here.
propose_compile() {
  local line text="" count=0 source target
  while IFS= read -r line && ((count < 12)); do
    count=$((count + 1))
    [[ $line != "#"* ]] || text+=$line$'\n'
  done <requirements.txt
  file_here requirements.in
  source=$REPLY
  file_here requirements.txt
  target=$REPLY
  REPLY=""
  if [[ $text != *pip-compile* ]] && type -P uv >/dev/null; then
    REPLY="uv pip compile -o $target $source"
  elif type -P pip-compile >/dev/null; then
    REPLY="pip-compile -o $target $source"
  fi
}

# Usage: check_backend_files
# Files that speak for the other backend than that of the config, and none for this one.
check_backend_files() {
  local file own="" other=""
  for file in pyproject.toml setup.py setup.cfg pylock.toml uv.lock poetry.lock pdm.lock Pipfile requirements.txt requirements.in; do
    [[ ! -f $file ]] || own+="${own:+, }$file"
  done
  for file in environment.yml conda-lock.yml; do
    [[ ! -f $file ]] || other+="${other:+, }$file"
  done
  if [[ $DOCTOR_BACKEND == venv && -n $other && -z $own ]]; then
    found W_BACKEND_FILES "Backend: venv, but the project has only $other, which are files of conda" \
      why "the environment of this backend has nothing of what they ask for" destructive "pyve init --force --backend micromamba"
  elif [[ $DOCTOR_BACKEND == micromamba && -n $own && -z $other ]]; then
    config_get micromamba.env_file
    [[ -z $REPLY || ! -f $REPLY ]] || return 0
    found W_BACKEND_FILES "Backend: micromamba, but the project has only $own, and no environment.yml" \
      why "the environment of this backend is made from environment.yml or conda-lock.yml" destructive "pyve init --force --backend venv"
  fi
}
