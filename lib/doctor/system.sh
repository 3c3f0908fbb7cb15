# shellcheck shell=bash
# Checks of `pyve doctor`: the machine around the project. They read what the system shows; nothing is tried
# by writing.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/doctor/system.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F write_file >/dev/null || . "${BASH_SOURCE[0]%/*}/../files.sh"
declare -F compare_release >/dev/null || . "${BASH_SOURCE[0]%/*}/../version.sh"
declare -F find_micromamba >/dev/null || . "${BASH_SOURCE[0]%/*}/../micromamba_core.sh"
declare -F logged >/dev/null || . "${BASH_SOURCE[0]%/*}/../debug_log.sh"

# Less than this is too little for an environment and the packages that it is made from: kilobytes.
_least_space=512000
# Clocks of file servers differ by less: seconds.
_most_skew=120

# --- where the project is

# Usage: find_synced_drive <folder>
# Sets REPLY to the cloud drive that synchronises the folder, as far as its path tells. Status 1 when none does.
find_synced_drive() {
  REPLY=""
  case $1/ in
    *"/Library/Mobile Documents/"* | */iCloud*Drive/*) REPLY="iCloud Drive" ;;
    */Dropbox/* | *"/Dropbox ("*) REPLY="Dropbox" ;;
    */OneDrive/* | *"/OneDrive - "*) REPLY="OneDrive" ;;
    *"/Google Drive/"* | *"/GoogleDrive-"*) REPLY="Google Drive" ;;
    *"/Library/CloudStorage/"*) REPLY="a cloud drive" ;;
  esac
  [[ -n $REPLY ]]
}

# Usage: check_synced_folder
# Whether a cloud drive synchronises the project.
check_synced_folder() {
  local place
  place=$(pwd -P 2>/dev/null) || place=$PWD
  if find_synced_drive "$PWD" || find_synced_drive "$place"; then
    found W_FOLDER_SYNCED "Folder: $REPLY synchronises it" why "$place" why "environments break when files change by themselves"
  fi
}

# Usage: read_kernel
# Sets REPLY to what the system says about its kernel, or to "".
read_kernel() {
  REPLY=""
  [[ ! -r /proc/version ]] || IFS= read -r REPLY </proc/version || :
}

# Usage: list_mounts
# Sets MOUNTS to the lines of the system's table of mounts: device, folder, type, options.
list_mounts() {
  local line
  MOUNTS=()
  [[ -r /proc/mounts ]] || return 0
  while IFS= read -r line; do
    MOUNTS+=("$line")
  done </proc/mounts
}

# Usage: find_mount <folder>
# Sets REPLY to where the file system of the folder is mounted, and MOUNT_TYPE to its type. Status 1 when that
# is not to be seen.
find_mount() {
  local line place best=""
  MOUNT_TYPE=""
  list_mounts
  for line in ${MOUNTS[@]+"${MOUNTS[@]}"}; do
    place=${line#* }
    line=${place#* }
    place=${place%% *}
    # Blanks are written as octal numbers.
    if [[ $place == *\\* ]]; then
      printf -v place '%b' "${place//\\/\\0}"
    fi
    if [[ $1/ == "${place%/}/"* ]] && ((${#place} >= ${#best})); then
      best=$place
      MOUNT_TYPE=${line%% *}
    fi
  done
  REPLY=$best
  [[ -n $REPLY ]]
}

# Usage: check_windows_mount
# Whether the project is on a drive of Windows, under WSL.
check_windows_mount() {
  local place
  read_kernel
  case $REPLY in
    *[Mm]icrosoft* | *WSL*) ;;
    *) return 0 ;;
  esac
  place=$(pwd -P 2>/dev/null) || place=$PWD
  find_mount "$place" || return 0
  case $MOUNT_TYPE:$REPLY in
    drvfs:* | 9p:/mnt/[a-z] | 9p:/mnt/[a-z]/* | virtiofs:/mnt/[a-z] | fuseblk:/mnt/*)
      found W_FOLDER_WINDOWS "Folder: it is on a drive of Windows, $REPLY" why "it is of type $MOUNT_TYPE: $place"
      ;;
  esac
}

# Usage: is_same_entry <name> <name>
# True when both names are the same thing.
is_same_entry() {
  [[ -e $2 && ! -L $2 && $1 -ef $2 ]]
}

# Usage: check_case_insensitive
# Whether the project's file system tells capitals from small letters.
check_case_insensitive() {
  local name other=""
  for name in .pyve pyproject.toml environment.yml; do
    [[ -e $name ]] || continue
    case $name in
      .pyve) other=.PYVE ;;
      pyproject.toml) other=PYPROJECT.TOML ;;
      *) other=ENVIRONMENT.YML ;;
    esac
    break
  done
  [[ -n $other ]] && is_same_entry "$name" "$other" || return 0
  if [[ $OSTYPE == darwin* || $OSTYPE == msys* || $OSTYPE == cygwin* ]]; then
    noted "Folder: its file system does not tell capitals from small letters, as is usual here"
    return 0
  fi
  found W_FOLDER_CASE "Folder: its file system does not tell capitals from small letters" why "$name and $other are the same"
}

# --- space and time

# Usage: find_existing <folder>
# Sets REPLY to the folder, or to the nearest one above it that is there.
find_existing() {
  REPLY=$1
  while [[ -n $REPLY && ! -d $REPLY ]]; do
    REPLY=${REPLY%/*}
  done
  REPLY=${REPLY:-/}
}

# Usage: check_disk_space
# How much space is left for the project, for what Pyve keeps, and for what engines keep.
check_disk_space() {
  local folder out line device rest free told=" " i
  local -a folders=("$PROJECT_ROOT") names=("the project")
  if [[ ${HOME-} == /* || ${XDG_DATA_HOME-} == /* ]]; then
    find_existing "${XDG_DATA_HOME:-${HOME-}/.local/share}/pyve"
    folders+=("$REPLY") names+=("what Pyve keeps")
  fi
  if [[ ${HOME-} == /* || ${XDG_CACHE_HOME-} == /* ]]; then
    find_existing "${XDG_CACHE_HOME:-${HOME-}/.cache}/pyve"
    folders+=("$REPLY") names+=("caches")
  fi
  out=$(LC_ALL=C df -Pk -- "${folders[@]}" 2>/dev/null) || out=$(LC_ALL=C df -Pk "${folders[@]}" 2>/dev/null) || :
  i=-2
  rest=$out
  while [[ -n $rest ]]; do
    line=${rest%%$'\n'*}
    rest=${rest#"$line"}
    rest=${rest#$'\n'}
    i=$((i + 1))
    # Device, blocks, used, free, per cent, place: the line of each folder, in their order.
    [[ $line =~ ^(.*[^[:space:]])[[:space:]]+[0-9]+[[:space:]]+[0-9-]+[[:space:]]+([0-9]+)[[:space:]]+[0-9-]+%?[[:space:]]+/ ]] || continue
    device=${BASH_REMATCH[1]} free=${BASH_REMATCH[2]}
    if ((i < 0 || i >= ${#folders[@]} || free >= _least_space)) || [[ $told == *" $device "* ]]; then
      continue
    fi
    told+="$device "
    folder=${folders[i]}
    found W_DISK_SPACE "Disk: $((free / 1024)) MB are left for ${names[i]}" why "$folder is on $device; an environment may take more"
  done
}

# Usage: get_now
# Sets REPLY to the seconds since 1970. Status 1 when that cannot be told.
get_now() {
  REPLY=$(date +%s 2>/dev/null) && [[ $REPLY =~ ^[0-9]+$ ]]
}

# Usage: get_file_time <file>
# Sets REPLY to when the file was changed, in seconds since 1970. Status 1 when that cannot be told.
get_file_time() {
  local file=$1
  # A bare number would be a time for the date of BSD.
  [[ $file == /* ]] || file=./$file
  REPLY=$(date -r "$file" +%s 2>/dev/null) && [[ $REPLY =~ ^[0-9]+$ ]]
}

# Usage: check_clock_skew
# Whether files are newer than now.
check_clock_skew() {
  local file newest="" limit words="" own
  local -a parts=() late=()
  get_now || return 0
  limit=$((REPLY + _most_skew))
  own=$PYVE_ROOT/pyve.sh
  if get_file_time "$own" && ((REPLY > limit)); then
    parts=()
    if type -P timedatectl >/dev/null; then
      parts=(fix "sudo timedatectl set-ntp true")
    fi
    found W_CLOCK_BEHIND "Clock: it is behind: Pyve's own files are $(((REPLY - limit + _most_skew) / 60)) minutes newer than now" why "$own" ${parts[@]+"${parts[@]}"}
    return 0
  fi
  # The newest is found without a process; only when that one is too new, each is looked at.
  local -a files=()
  for file in .pyve/config .envrc pyproject.toml requirements.txt requirements.in environment.yml conda-lock.yml pylock.toml \
    "$DOCTOR_ENV/pyvenv.cfg" "$DOCTOR_ENV/pyve.state" "$DOCTOR_ENV/conda-meta/history"; do
    if [[ -f $file ]]; then
      files+=("$file")
      [[ -n $newest && ! $file -nt $newest ]] || newest=$file
    fi
  done
  [[ -n $newest ]] && get_file_time "$newest" && ((REPLY > limit)) || return 0
  for file in "${files[@]}"; do
    if get_file_time "$file" && ((REPLY > limit)); then
      late+=("$file")
      file=${file#"${PROJECT_ROOT%/}/"}
      count_things "$(((REPLY - limit + _most_skew) / 60))" minute
      parts+=(why "$file is $REPLY newer than now")
      file_here "$file"
      words+=" $REPLY"
    fi
  done
  found W_CLOCK_FILES "Clock: files are from the future: ${#late[@]}" "${parts[@]}" fix "touch$words"
}

# --- tools

# Usage: find_tool_version <direnv|uv|micromamba>
# Sets TOOL_PATH and TOOL_VERSION of the tool that Pyve would use. Status 1 when there is none that answers.
find_tool_version() {
  local out
  TOOL_PATH="" TOOL_VERSION=""
  if [[ $1 == micromamba ]]; then
    # Only a project of that backend uses it.
    [[ $DOCTOR_BACKEND == micromamba ]] && find_micromamba || return 1
    TOOL_PATH=$MICROMAMBA_FOUND TOOL_VERSION=$MICROMAMBA_FOUND_VERSION
    return 0
  fi
  TOOL_PATH=$(type -P "$1") || return 1
  case $1 in
    direnv) out=$(logged "$TOOL_PATH" version 2>/dev/null </dev/null) || return 1 ;;
    *) out=$(logged "$TOOL_PATH" --version 2>/dev/null </dev/null) || return 1 ;;
  esac
  [[ $out =~ (^|[[:space:]]|v)([0-9]+\.[0-9]+(\.[0-9]+)?) ]] || return 1
  TOOL_VERSION=${BASH_REMATCH[2]}
}

# Usage: is_version_within <version> <first or -> <first that is not>
# True when the version is one of those.
is_version_within() {
  compare_release "$1" "$3"
  [[ $REPLY == -1 ]] || return 1
  [[ $2 != - ]] || return 0
  compare_release "$1" "$2"
  [[ $REPLY != -1 ]]
}

# Usage: check_tools_faulty
# Whether direnv, uv and micromamba have versions that are known to be faulty.
check_tools_faulty() {
  local tool first below what source last="" known=""
  local -a fix=()
  while IFS=$'\t' read -r tool first below what source; do
    [[ -n $source && $tool != "#"* ]] || continue
    if [[ $tool != "$last" ]]; then
      last=$tool known=""
      find_tool_version "$tool" && known=1
    fi
    if [[ -n $known ]] && is_version_within "$TOOL_VERSION" "$first" "$below"; then
      propose_upgrade "$tool"
      fix=()
      [[ -z $REPLY ]] || fix=(fix "$REPLY")
      found W_TOOL_FAULTY "Tools: $tool $TOOL_VERSION: $what" why "it is $TOOL_PATH; from $below on it is otherwise" \
        why "source: $source" ${fix[@]+"${fix[@]}"}
    fi
  done <"$PYVE_ROOT/lib/data/faulty.tsv"
}

# Usage: propose_upgrade <tool>
# Sets REPLY to the command that installs a later version of the tool that find_tool_version found, or to ""
# where that is not known.
propose_upgrade() {
  local real=$TOOL_PATH script
  [[ ! -L $real ]] || real=$(readlink "$real")
  REPLY=""
  case $1:$real in
    *:*/Cellar/* | *:/opt/homebrew/* | *:/home/linuxbrew/*) REPLY="brew upgrade $1" ;;
    uv:*/.local/bin/uv | uv:*/.cargo/bin/uv) REPLY="uv self update" ;;
    micromamba:*/.pyve/bin/micromamba)
      # Pyve's own: it brings the one that it knows.
      quote_word "$real"
      script="rm -f $REPLY"
      REPLY="pyve init --update --auto-bootstrap"
      [[ $MICROMAMBA_FOUND_LOCATION != project ]] || REPLY+=" --bootstrap-to project"
      place_command "$REPLY"
      quote_word "$script && $REPLY"
      REPLY="sh -c $REPLY"
      ;;
    micromamba:*)
      quote_word "$TOOL_PATH"
      REPLY+=" self-update"
      ;;
  esac
}
