# shellcheck shell=bash
# Where micromamba is and what it answers: the project's own, the user's, or one on PATH. What looks
# like a program may be half a download, or made for another machine: it counts when it answers.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/micromamba_core.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
declare -F repeat_command >/dev/null || . "${BASH_SOURCE[0]%/*}/fixes.sh"
declare -F logged >/dev/null || . "${BASH_SOURCE[0]%/*}/debug_log.sh"

MICROMAMBA_BROKEN=()

# Usage: probe_micromamba <path>
# Executes `<path> --version`. Sets REPLY to the version; or to why there is none, with status 1,
# when it does not run or does not answer within PYVE_PROBE_TIMEOUT seconds (20).
probe_micromamba() {
  local path=$1 limit=${PYVE_PROBE_TIMEOUT:-20} started=$SECONDS
  local text="" line noise="" status=0 child="" before=${!-}
  local form='^(micromamba[[:space:]]+)?([0-9]+(\.[0-9]+)+[0-9A-Za-z.+-]*)[[:space:]]*$'
  [[ $limit =~ ^[1-9][0-9]{0,4}$ ]] || limit=20
  if [[ ! -e $path ]]; then
    REPLY="there is no such file"
    [[ ! -L $path ]] || REPLY="it is a link to a file that is gone"
    return 1
  fi
  if [[ ! -f $path || ! -x $path ]]; then
    REPLY="it is not an executable file"
    return 1
  fi
  if [[ ! -s $path ]]; then
    REPLY="it is empty"
    return 1
  fi
  {
    child=${!-}
    IFS= read -r -d '' -t "$limit" text || status=$?
  } < <(logged_exec "$path" --version 2>&1 </dev/null)
  [[ $child != "$before" ]] || child=""
  if ((status > 128 || SECONDS - started >= limit)); then
    if [[ -n $child ]]; then
      kill -9 "$child" 2>/dev/null || :
      wait "$child" 2>/dev/null || :
    fi
    REPLY="it did not answer within $limit seconds"
    return 1
  fi
  while IFS= read -r line; do
    if [[ $line =~ $form ]]; then
      REPLY=${BASH_REMATCH[2]}
      return 0
    fi
    noise=${noise:-$line}
  done <<<"$text"
  # The shell's own words about a failed exec begin with its file and line.
  noise=${noise#*: line *: }
  REPLY=${noise//[[:cntrl:]]/?}
  REPLY=${REPLY:-it does not tell its version}
  return 1
}

# Usage: find_micromamba
# Sets REPLY and MICROMAMBA_FOUND to the absolute path of the first micromamba that answers,
# MICROMAMBA_FOUND_VERSION to its version and MICROMAMBA_FOUND_LOCATION to project, user or system.
# Status 1, and "", "" and not_found, when none does. MICROMAMBA_BROKEN: "<path>: <why>" of those
# that came before it and do not work.
find_micromamba() {
  local folder rest=${PATH-} tried=$'\n'
  MICROMAMBA_FOUND="" MICROMAMBA_FOUND_VERSION="" MICROMAMBA_FOUND_LOCATION=not_found
  MICROMAMBA_BROKEN=()
  try_micromamba project "$PWD/.pyve/bin/micromamba" && return 0
  if [[ -n ${HOME-} ]]; then
    try_micromamba user "${HOME%/}/.pyve/bin/micromamba" && return 0
  fi
  while [[ -n $rest ]]; do
    folder=${rest%%:*}
    rest=${rest#"$folder"}
    rest=${rest#:}
    [[ $folder == /* ]] || folder=$PWD${folder:+/$folder}
    try_micromamba system "${folder%/}/micromamba" && return 0
  done
  REPLY=""
  return 1
}

# Usage: try_micromamba <location> <path>
# Takes the file, if it answers: sets REPLY and MICROMAMBA_FOUND and its kin. Status 1 if it does not;
# once for each path that is in `tried`.
try_micromamba() {
  if [[ $tried == *$'\n'"$2"$'\n'* || (! -e $2 && ! -L $2) || (-d $2 && $1 == system) ]]; then
    return 1
  fi
  tried+=$2$'\n'
  if ! probe_micromamba "$2"; then
    MICROMAMBA_BROKEN+=("$2: $REPLY")
    log_verbose "not taken: $2: $REPLY"
    return 1
  fi
  MICROMAMBA_FOUND=$2 MICROMAMBA_FOUND_VERSION=$REPLY MICROMAMBA_FOUND_LOCATION=$1
  REPLY=$2
}

# Usage: get_micromamba_path
# Prints the path of the micromamba that Pyve uses. Prints nothing, with status 1, when there is none.
get_micromamba_path() {
  find_micromamba || return 1
  printf '%s\n' "$MICROMAMBA_FOUND"
}

# Usage: check_micromamba_available
# True when there is a micromamba that answers.
check_micromamba_available() {
  find_micromamba
}

# Usage: get_micromamba_version
# Prints its version ("1.5.3"). Prints nothing, with status 1, when there is none.
get_micromamba_version() {
  find_micromamba || return 1
  printf '%s\n' "$MICROMAMBA_FOUND_VERSION"
}

# Usage: get_micromamba_location
# Prints "project", "user", "system" or "not_found".
get_micromamba_location() {
  find_micromamba || :
  printf '%s\n' "$MICROMAMBA_FOUND_LOCATION"
}

# Usage: find_conda_platform
# Sets REPLY to conda's name of this machine's platform ("linux-64"). Status 1, and what uname says
# in REPLY, for one that micromamba is not made for.
find_conda_platform() {
  local system machine
  system=$(uname -s) && machine=$(uname -m) || return 1
  case $system-$machine in
    Linux-x86_64 | Linux-amd64) REPLY=linux-64 ;;
    Linux-aarch64 | Linux-arm64) REPLY=linux-aarch64 ;;
    Linux-ppc64le) REPLY=linux-ppc64le ;;
    Darwin-x86_64) REPLY=osx-64 ;;
    Darwin-arm64) REPLY=osx-arm64 ;;
    *)
      REPLY="$system $machine"
      return 1
      ;;
  esac
}

# Usage: need_conda_platform
# As find_conda_platform; status 1 with a diagnostic.
need_conda_platform() {
  local machine
  find_conda_platform && return 0
  machine=$REPLY
  choose_init_command
  fail E_CONDA_PLATFORM "there are no conda packages for this machine" \
    why "uname says $machine; there are linux-64, linux-aarch64, linux-ppc64le, osx-64 and osx-arm64" \
    fix "${REPLY/--update/--force} --backend venv"
}

# Usage: find_package_command
# Sets REPLY to the command by which a package manager of this machine installs micromamba. Most are
# asked whether they have it, in what they know without the network. Status 1, and the managers
# in REPLY, when none has.
find_package_command() {
  local asked=""
  if type -P brew >/dev/null; then
    REPLY="brew install micromamba"
    return 0
  fi
  if type -P conda >/dev/null; then
    REPLY="conda install -n base -c conda-forge micromamba"
    return 0
  fi
  if type -P apt-get >/dev/null; then
    asked+=" apt-get"
    as_root "apt-get install micromamba"
    ! LC_ALL=C apt-cache show micromamba >/dev/null 2>&1 </dev/null || return 0
  fi
  if type -P dnf >/dev/null; then
    asked+=" dnf"
    as_root "dnf install micromamba"
    ! dnf -q -C info micromamba >/dev/null 2>&1 </dev/null || return 0
  fi
  if type -P pacman >/dev/null; then
    asked+=" pacman"
    as_root "pacman -S micromamba"
    ! pacman -Si micromamba >/dev/null 2>&1 </dev/null || return 0
  fi
  if type -P apk >/dev/null; then
    asked+=" apk"
    as_root "apk add micromamba"
    [[ -z $(apk search -e micromamba 2>/dev/null </dev/null) ]] || return 0
  fi
  REPLY=${asked# }
  return 1
}

# Usage: describe_context <context>
# Sets REPLY to why micromamba is needed, for a person: <context> as it is, or "Detected: " and the file
# that it names.
describe_context() {
  REPLY=$1
  if [[ $1 =~ ^[^:]+\.ya?ml$ ]]; then
    REPLY="Detected: $1"
  fi
}

# Usage: error_micromamba_not_found [context]
# Says that micromamba is needed and not here, and how to get it. <context> is why it is needed, or the file
# that asks for it. Always status 1.
error_micromamba_not_found() {
  local item
  local -a lines=()
  describe_context "${1-}"
  [[ -z $REPLY ]] || lines+=(why "$REPLY")
  lines+=(why "looked for .pyve/bin/micromamba, ~/.pyve/bin/micromamba and micromamba on PATH")
  for item in ${MICROMAMBA_BROKEN[@]+"${MICROMAMBA_BROKEN[@]}"}; do
    lines+=(why "does not work: $item")
  done
  lines+=(fix "pyve init --auto-bootstrap" fix "pyve init --auto-bootstrap --bootstrap-to project")
  if find_package_command; then
    lines+=(fix "$REPLY")
  fi
  fail E_MICROMAMBA_MISSING "Backend 'micromamba' required but not found" "${lines[@]}"
}
