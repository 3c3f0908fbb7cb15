# shellcheck shell=bash
# Making Pyve's toolchain: beside its place, then moved there in one step; one Pyve at a time.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/toolchain_build.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F find_toolchain >/dev/null || . "${BASH_SOURCE[0]%/*}/toolchain.sh"
declare -F choose_interpreter >/dev/null || . "${BASH_SOURCE[0]%/*}/interpreter.sh"
declare -F find_pip_wheels >/dev/null || . "${BASH_SOURCE[0]%/*}/template.sh"
declare -F lock_project >/dev/null || . "${BASH_SOURCE[0]%/*}/project_lock.sh"
declare -F wait_for_lock >/dev/null || . "${BASH_SOURCE[0]%/*}/leftovers.sh"
declare -F run_long >/dev/null || . "${BASH_SOURCE[0]%/*}/progress.sh"
declare -F logged >/dev/null || . "${BASH_SOURCE[0]%/*}/debug_log.sh"

# Settings of pip that say where distributions come from; every other setting could lead them to
# another place, or let others in.
_toolchain_pip_settings=" PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_FIND_LINKS PIP_NO_INDEX PIP_CERT PIP_CLIENT_CERT
  PIP_PROXY PIP_TRUSTED_HOST PIP_TIMEOUT PIP_DEFAULT_TIMEOUT PIP_RETRIES PIP_CACHE_DIR PIP_NO_CACHE_DIR
  PIP_CONFIG_FILE PIP_KEYRING_PROVIDER PIP_USE_FEATURE "
# Settings of uv that do the same.
_toolchain_uv_hindrances="UV_PYTHON UV_SYSTEM_PYTHON UV_CONSTRAINT UV_OVERRIDE UV_EXCLUDE UV_BUILD_CONSTRAINT
  UV_NO_VERIFY_HASHES UV_NO_BINARY UV_NO_BINARY_PACKAGE UV_EXCLUDE_NEWER UV_RESOLUTION UV_PRERELEASE UV_PROJECT
  UV_WORKING_DIRECTORY UV_WORKING_DIR UV_ENV_FILE UV_TORCH_BACKEND UV_REQUIRE_HASHES UV_BREAK_SYSTEM_PACKAGES
  UV_DRY_RUN"

# The lock that this process has, and what it is making.
_toolchain_lock="" _toolchain_fresh=""

# Usage: make_toolchain <extra>
# Makes a toolchain in TOOLCHAIN_ROOT that holds the extra, unless another Pyve was faster, and sets
# TOOLCHAIN_PYTHON. What is no longer wanted there is removed. Status 1 after a diagnostic, and nothing left.
make_toolchain() {
  local extra=$1 status=0
  # What choosing an interpreter sets is the caller's.
  local PYTHON="" PYTHON_VERSION="" PYTHON_IMPLEMENTATION="" PYTHON_ID="" PYTHON_STDLIB="" PYTHON_HAS_VENV=""
  local PYTHON_HAS_ENSUREPIP="" PYTHON_PIP_WHEEL="" PYTHON_PRERELEASE="" PYTHON_BUILD="" PYTHON_MANAGER=""
  local PROBE_SOON="" _recalled=""
  local -a INTERPRETER_PATHS=() INTERPRETER_VERSIONS=() INTERPRETER_MANAGERS=() PIP_WHEELS=()
  local -a _ranks=() _rejected=() _broken=()
  lock_toolchains || return 1
  if ! find_toolchain "$extra"; then
    clear_dead_toolchains
    if ! choose_toolchain_python "$extra" || ! build_toolchain "$extra"; then
      status=1
    fi
  fi
  unlock_toolchains
  return "$status"
}

# --- one at a time

# Usage: lock_toolchains
# Takes the lock of TOOLCHAIN_ROOT, waiting for another Pyve if need be. Given back at exit at the latest.
# Status 1 when the folder cannot be written.
lock_toolchains() {
  local me owner lock=$TOOLCHAIN_ROOT/lock tries=0
  process_identity "$$"
  me=$REPLY
  if ! mkdir -p "$TOOLCHAIN_ROOT" 2>/dev/null; then
    fail_toolchain_write
    return 1
  fi
  [[ -n $_toolchain_lock ]] || at_exit unlock_toolchains
  while ! ln -sn "$me" "$lock" 2>/dev/null; do
    if owner=$(readlink "$lock" 2>/dev/null); then
      wait_for_lock "$lock" "$owner" "$me" "Waiting for another Pyve (process ${owner%%:*}), which makes Pyve's toolchain."
      continue
    fi
    tries=$((tries + 1))
    if [[ ! -w $TOOLCHAIN_ROOT || -e $lock ]] || ((tries > 50)); then
      fail_toolchain_write
      return 1
    fi
  done
  _toolchain_lock=$lock
}

# Usage: unlock_toolchains
# Removes what is half made, and gives the lock back.
unlock_toolchains() {
  if [[ -n $_toolchain_fresh ]]; then
    remove_toolchain_folder "$_toolchain_fresh"
    rm -f "$_toolchain_fresh.log"
    _toolchain_fresh=""
  fi
  if [[ -n $_toolchain_lock ]]; then
    rm -f "$_toolchain_lock"
    _toolchain_lock=""
  fi
}

# Usage: clear_dead_toolchains
# Removes what a killed Pyve left. Only with the lock.
clear_dead_toolchains() {
  local left
  for left in "$TOOLCHAIN_ROOT"/new.* "$TOOLCHAIN_ROOT"/gone.* "$TOOLCHAIN_ROOT"/[0-9a-f]*; do
    if [[ -f $left ]]; then
      rm -f "$left"
    elif [[ -d $left && ! -f $left/complete ]]; then
      remove_toolchain_folder "$left"
    fi
  done
}

# Usage: remove_toolchain_folder <folder>
# Removes a folder of TOOLCHAIN_ROOT: away from its place in one step, because a child of a killed Pyve may
# still be writing in there.
remove_toolchain_folder() {
  local gone="$TOOLCHAIN_ROOT/gone.$$.${1##*/}" tries
  [[ -e $1 ]] || return 0
  mv "$1" "$gone" 2>/dev/null || gone=$1
  for tries in 1 2 3 4 5; do
    if rm -rf "$gone" 2>/dev/null; then
      break
    fi
    sleep 0.1
  done
}

# Usage: remove_old_toolchains
# Removes the toolchains that this Pyve made from other requirements, those of a Pyve that is gone, unless this one
# has the same requirements, and those whose interpreter is gone. Those of another Pyve on this machine stay. Only
# with the lock.
remove_old_toolchains() {
  local state folder
  for state in "$TOOLCHAIN_ROOT"/[0-9a-f]*/complete; do
    [[ -f $state ]] || continue
    folder=${state%/complete}
    read_toolchain_state "$state"
    if ! is_toolchain_usable "$folder" ||
      { ! is_toolchain_current && [[ ! -f $STATE_ROOT/pyve.sh || $STATE_ROOT -ef $PYVE_ROOT ]]; }; then
      remove_toolchain_folder "$folder"
    fi
  done
}

# --- the interpreter

# Usage: read_requirement_note <extra> <name>
# Sets REPLY to what the line "# <name>: ..." of the extra's requirements says, or to "".
read_requirement_note() {
  local line
  read_file "$PYVE_ROOT/helpers/requirements/$1.in"
  while IFS= read -r line; do
    if [[ $line == "# $2: "* ]]; then
      REPLY=${line#"# $2: "}
      return 0
    fi
  done <<<"$REPLY"
  REPLY=""
}

# Usage: choose_toolchain_python <extra>
# Sets PYTHON and its kin to the newest interpreter here for which the extra's distributions are made, and
# that belongs to no project. Status 1, with a diagnostic, when there is none.
choose_toolchain_python() {
  local wish note
  local -a lines=()
  read_requirement_note "$1" Python
  wish=$REPLY
  list_interpreters
  drop_interpreters is_private_python
  while _pick_best "$wish"; do
    if [[ $PYTHON_BUILD != *free-threading* ]]; then
      log_verbose "Pyve's toolchain uses Python $PYTHON_VERSION: $PYTHON"
      return 0
    fi
    _reject "$PYTHON" "it is a free-threaded build"
    drop_interpreters is_chosen_python
  done
  detect_version_manager || :
  describe_interpreters
  lines=(why "Pyve's own tools need a Python that satisfies '$wish', and never take one of a project" why "found: $REPLY")
  for note in ${_rejected[@]+"${_rejected[@]}"}; do
    lines+=(why "not taken: $note")
  done
  load_interpreter_advice
  _advise_install ""
  [[ -z $REPLY ]] || lines+=(fix "$REPLY")
  fail E_TOOLCHAIN_PYTHON "no Python here can be used for Pyve's toolchain" "${lines[@]}"
}

# Usage: describe_interpreters
# Sets REPLY to the interpreters of the list, also those that are too old, as one phrase.
describe_interpreters() {
  local i out=""
  for ((i = 0; i < ${#INTERPRETER_PATHS[@]} && i < 8; i++)); do
    out+=${out:+, }${INTERPRETER_VERSIONS[i]:+${INTERPRETER_VERSIONS[i]} at }${INTERPRETER_PATHS[i]}
  done
  ((${#INTERPRETER_PATHS[@]} <= 8)) || out+=", ..."
  REPLY=${out:-none}
}

# Usage: drop_interpreters <test>
# Takes every interpreter out of the list for which `<test> <path>` is true.
drop_interpreters() {
  local i
  local -a paths=() versions=() managers=()
  for ((i = 0; i < ${#INTERPRETER_PATHS[@]}; i++)); do
    if ! "$1" "${INTERPRETER_PATHS[i]}"; then
      paths+=("${INTERPRETER_PATHS[i]}")
      versions+=("${INTERPRETER_VERSIONS[i]}")
      managers+=("${INTERPRETER_MANAGERS[i]}")
    fi
  done
  INTERPRETER_PATHS=(${paths[@]+"${paths[@]}"})
  INTERPRETER_VERSIONS=(${versions[@]+"${versions[@]}"})
  INTERPRETER_MANAGERS=(${managers[@]+"${managers[@]}"})
}

# Usage: is_private_python <path>
# True when the interpreter belongs to a project, or to a conda environment that is not conda's own.
is_private_python() {
  local folder=${1%/*} project=${PROJECT_ROOT:-$PWD}
  if [[ -d $folder/../conda-meta && ! -d $folder/../condabin ]]; then
    return 0
  fi
  # (A home folder can be a project, too; what is installed in there is not its own.)
  [[ $1 == "$project"/* && ${HOME-}/ != "$project"/* ]]
}

# Usage: is_chosen_python <path>
# True when the path is the interpreter that was picked last.
is_chosen_python() {
  [[ $1 -ef $PYTHON ]]
}

# --- making it

# Usage: build_toolchain <extra>
# Makes the toolchain with PYTHON, moves it to its place, and sets TOOLCHAIN_PYTHON. Only with the lock.
# Status 1 after a diagnostic.
build_toolchain() {
  local extra=$1 place requirements status=0 LONG_LOG what
  digest_requirements "$extra" || return 1
  requirements=$REPLY
  sha256_of_text "$TOOLCHAIN_FORMAT $extra $requirements $PYTHON_ID $PYTHON" || return 1
  place=$TOOLCHAIN_ROOT/${REPLY:0:16}
  _toolchain_fresh=$TOOLCHAIN_ROOT/new.$$
  LONG_LOG=$_toolchain_fresh.log
  case $extra in
    base) what="Preparing Pyve's own tools (once)" ;;
    *) what="Preparing Pyve's own tools for $extra (once)" ;;
  esac
  record_event info "$what"
  if [[ -z ${PYVE_QUIET-} ]] && ! can_move; then
    printf '%s\n' "$what" >&2
  fi
  if ! { mkdir "$_toolchain_fresh" && : >"$LONG_LOG"; } 2>/dev/null; then
    fail_toolchain_write
    return 1
  fi
  find_pip_wheels
  run_long "$what" read_toolchain_line fill_toolchain "$extra" "$_toolchain_fresh" || status=$?
  if ((status == 130)); then
    # Ctrl-C: there is nothing to explain.
    return 1
  elif ((status != 0)); then
    fail_toolchain "$extra" "$status" "$LONG_LOG"
    return 1
  fi
  remove_toolchain_folder "$place"
  if ! {
    printf 'format=%s\nextra=%s\nrequirements=%s\npython=%s\nversion=%s\nstdlib=%s\nroot=%s\n' "$TOOLCHAIN_FORMAT" \
      "$extra" "$requirements" "$PYTHON" "$PYTHON_VERSION" "$PYTHON_STDLIB" "$PYVE_ROOT" >"$_toolchain_fresh/complete" &&
      mv "$_toolchain_fresh" "$place"
  } 2>/dev/null; then
    fail_toolchain_write
    return 1
  fi
  rm -f "$LONG_LOG"
  _toolchain_fresh=""
  TOOLCHAIN_PYTHON=$place/bin/python
  remove_old_toolchains
}

# Usage: read_toolchain_line <line>
# A reader for run_long: what the line begins with, without the long lists behind it.
read_toolchain_line() {
  local line=${1%% (*}
  read_any_line "${line%%: *}"
}

# Usage: fill_toolchain <extra> <folder>
# Makes the environment in <folder>, and installs the extra. What it prints is for the log. Status 3: the
# environment could not be made; 4: there is no pip; 5: what was installed does not work; otherwise
# that of uv or pip.
fill_toolchain() {
  local extra=$1 folder=$2 file=$PYVE_ROOT/helpers/requirements/$1.txt name script programs
  # A project's folder may hold settings of uv.
  cd "$TOOLCHAIN_ROOT" || return 3
  for name in $(compgen -e PIP_); do
    [[ $_toolchain_pip_settings == *[[:space:]]"$name"[[:space:]]* ]] || unset "$name"
  done
  # shellcheck disable=SC2086 # a list of names, split on purpose
  unset $_toolchain_uv_hindrances VIRTUAL_ENV CONDA_PREFIX PYTHONHOME PYTHONPATH
  logged "$PYTHON" -I -m venv --without-pip --symlinks "$folder" || return 3
  printf 'python %s\n' "$PYTHON_VERSION"
  if type -P uv >/dev/null; then
    uv pip install --python "$folder/bin/python" --require-hashes --only-binary :all: --compile-bytecode \
      -r "$file" || return 1
  else
    find_toolchain_pip "$folder" || return 4
    logged "${_toolchain_pip[@]}" install --no-input --disable-pip-version-check --no-warn-script-location --no-user \
      --progress-bar off --require-hashes --only-binary :all: -r "$file" || return 1
  fi
  # Scripts would name the folder that it was made in. Helpers use modules, and what the extra calls its programs.
  read_requirement_note "$extra" Programs
  programs=$REPLY
  for script in "$folder"/bin/*; do
    [[ $script == */python* || " $programs " == *" ${script##*/} "* ]] || rm -f "$script"
  done
  printf 'Looking whether it works\n'
  read_requirement_note "$extra" Modules
  logged "$folder/bin/python" -E -s -c "import ${REPLY// /, }" || return 5
  for name in $programs; do
    logged "$folder/bin/$name" --version || return 5
  done
}

# Usage: find_toolchain_pip <toolchain>
# Sets the array _toolchain_pip to a pip that installs into it: from a wheel that a Python here brings, or
# the interpreter's own. Status 1 when there is none.
find_toolchain_pip() {
  local wheel
  for wheel in ${PIP_WHEELS[@]+"${PIP_WHEELS[@]}"}; do
    _toolchain_pip=("$1/bin/python" -I "$wheel/pip")
    if logged "${_toolchain_pip[@]}" --version; then
      return 0
    fi
  done
  # pip 22.3 and newer.
  _toolchain_pip=("$PYTHON" -I -m pip --python "$1/bin/python")
  logged "${_toolchain_pip[@]}" --version
}

# --- when it fails

# Usage: fail_toolchain_write
# Says that TOOLCHAIN_ROOT cannot be written. Status 1.
fail_toolchain_write() {
  local folder=$TOOLCHAIN_ROOT why="no permission to write there, or the file system is read-only"
  while [[ -n $folder && ! -e $folder ]]; do
    folder=${folder%/*}
  done
  if [[ -e $folder && ! -d $folder ]]; then
    why="$folder is not a folder"
  elif [[ -w ${folder:-/} ]]; then
    why="the disk may be full"
  fi
  propose_access "$TOOLCHAIN_ROOT/new"
  if [[ -z $REPLY && -n ${PYVE_TOOLCHAIN-} ]]; then
    repeat_command PYVE_TOOLCHAIN
  fi
  fail E_DATA_WRITE "cannot write to $TOOLCHAIN_ROOT, where Pyve keeps its own tools" why "$why" \
    why "the variable PYVE_TOOLCHAIN names another folder for them" ${REPLY:+fix "$REPLY"}
}

# Usage: fail_toolchain <extra> <status of fill_toolchain> <its log>
# Says why there is no toolchain, with what the tool said where that helps. Status 1.
fail_toolchain() {
  local log line last="" again minor=${PYTHON_VERSION%.*}
  local -a other=() venv
  hide_logins "$3"
  log=$REPLY
  [[ -z ${PYVE_VERBOSE-} ]] || printf '%s\n' "$log" >&2
  while IFS= read -r line; do
    [[ -z ${line//[[:space:]]/} || $line == hint:* ]] || last=${line#"${line%%[![:space:]]*}"}
  done <<<"$log"
  # What begins so is followed by the reason.
  last=${last#[Ee]rror: }
  last=${last#ERROR: }
  last=${last#cause: }
  find_other_engine "$1"
  case $log in
    *"No space left on device"* | *"Disk quota exceeded"* | *"os error 28"*)
      fail E_DISK_FULL "there is no space left for Pyve's toolchain" why "$last" \
        why "it takes up to 200 MB in $TOOLCHAIN_ROOT: make room there, or name another folder in PYVE_TOOLCHAIN"
      ;;
    *"DO NOT MATCH THE HASHES"* | *"ash mismatch"* | *"ash does not match"*)
      fail E_TOOLCHAIN_HASH "what the index gave is not what Pyve expects" \
        why "a file for Pyve's toolchain has another SHA-256 than the one in helpers/requirements/$1.txt; nothing was installed" \
        why "$last" why "a proxy or a mirror may have changed it, or it was cut off" fix "$again" ${other[@]+"${other[@]}"}
      ;;
    *"nvalid peer certificate"* | *CERTIFICATE_VERIFY_FAILED* | *UnknownIssuer* | *"unknown issuer"*)
      fail E_TOOLCHAIN_OFFLINE "the index cannot be reached: its certificate is not trusted" why "$last" \
        why "behind a proxy of your own, uv trusts the system's certificates when it is told to" \
        fix "env UV_SYSTEM_CERTS=1 UV_NATIVE_TLS=1 ${again#env }"
      ;;
    *"etwork connectivity is disabled"* | *"etwork was disabled"* | *"dns error"* | *"tcp connect error"* | \
      *"error sending request"* | *"onnection refused"* | *"etwork is unreachable"* | *"name resolution"* | \
      *"NewConnectionError"* | *"Max retries exceeded"* | *"onnection reset"* | *"imed out"* | *"ould not connect"* | \
      *"ProxyError"* | *"ailed to resolve"*)
      fail E_TOOLCHAIN_OFFLINE "the index cannot be reached, and Pyve's own tools for this are not here yet" why "$last" \
        why "they are fetched once; a mirror is taken from the settings of uv or pip" fix "$again" ${other[@]+"${other[@]}"}
      ;;
    *"No module named 'venv'"* | *"No module named venv"*)
      fail E_VENV_MISSING "Python $PYTHON_VERSION ($PYTHON) cannot make environments" why "its venv module is missing" \
        "${venv[@]}"
      ;;
    *"no usable wheels"* | *"has no wheels with a matching"* | *"No matching distribution"* | *"not a supported wheel"* | *"in the provided package locations"* | \
      *"not found in the package registry"* | *"there are no versions of"* | *"there is no version of"*)
      fail E_TOOLCHAIN_WHEEL "the index does not have all of Pyve's own tools for Python $PYTHON_VERSION on this machine" why "$last" \
        why "the index may be out of reach, hold a part only (UV_INDEX_URL, PIP_INDEX_URL, PIP_NO_INDEX), or have nothing for this kind of machine" \
        ${other[@]+"${other[@]}"} fix "$again"
      ;;
    *"Permission denied"* | *"Read-only file system"*)
      fail_toolchain_write
      ;;
    *)
      if (($2 == 4)); then
        fail E_PIP_MISSING "there is no pip and no uv to install Pyve's own tools with" \
          why "Python $PYTHON_VERSION ($PYTHON) comes without pip" "${venv[@]}"
        return 1
      fi
      [[ -n ${PYVE_VERBOSE-} ]] || printf '%s\n' "$log" >&2
      if (($2 == 5)); then
        fail E_TOOLCHAIN_BROKEN "Pyve's own tools were installed, but do not work here" why "$last" \
          why "they are made for the systems that most people have" ${other[@]+"${other[@]}"} fix "$again"
      else
        fail E_TOOLCHAIN_INSTALL "Pyve's own tools could not be installed" why "${last:-exit status $2}" ${other[@]+"${other[@]}"} fix "$again"
      fi
      ;;
  esac
}

# Usage: find_other_engine <extra>
# For a toolchain that could not be made: sets `again` to the command to try once more, and the array `other` to
# a fix by another engine, where the built-in one is what is missing; and `venv` to the fix for an interpreter
# that lacks a part.
find_other_engine() {
  repeat_without_index_settings
  again=$REPLY
  other=() venv=(fix "$again")
  if type -P apt-get >/dev/null; then
    as_root "apt-get install python$minor-venv"
    venv=(fix "$REPLY")
  fi
  if [[ $1 == conda && ${PYVE_COMMAND-} == init ]]; then
    choose_init_command
    other=(fix "$REPLY --engine micromamba --auto-bootstrap")
  fi
}

# Usage: hide_logins <file>
# Sets REPLY to the text of the file with user and password of every URL taken out.
hide_logins() {
  REPLY=$(sed -e 's#://[^/@[:space:]]*@#://***@#g' "$1" 2>/dev/null) || REPLY=""
}
