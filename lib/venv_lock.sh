# shellcheck shell=bash
# shellcheck disable=SC2034 # what is found is read by the rooms
# pylock.toml, the lock of the venv backend: whether it is there and fits what the project asks for.
# All work in the project's folder, with the config loaded.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/venv_lock.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
declare -F config_get >/dev/null || . "${BASH_SOURCE[0]%/*}/config.sh"
declare -F sha256_of_files >/dev/null || . "${BASH_SOURCE[0]%/*}/digest.sh"
declare -F logged >/dev/null || . "${BASH_SOURCE[0]%/*}/debug_log.sh"

VENV_LOCK=pylock.toml
_project_python=""
# The folder for which begin_venv_lock was called last, until find_venv_lock_state has what it found.
_lock_begun=""
_lost_packages=""

# --- what is there

# Usage: find_venv_lock_state [folder]
# Sets VENV_LOCK_STATE to what pylock.toml is to the project in the folder (default: the current one): none (there is
# no lock), current, stale, alone (nothing says what the project asks for), foreign (another tool's, which does not say
# what it was made from), conflicted (git left marks in it), unreadable; or unknown: the files were changed, perhaps
# only their comments, so that judge_venv_lock has to ask the helper. Also VENV_LOCK_FILES, what it was made from, and
# VENV_LOCK_PLATFORMS, with blanks around each (" " for all), and VENV_LOCK_SHA256 of the lock itself and VENV_LOCK_NOTE of
# those files, see read_lock_digests. Starts no Python, and writes nothing.
find_venv_lock_state() {
  local root=${1:-.}
  VENV_LOCK_STATE=none VENV_LOCK_WHYS=() VENV_LOCK_SHA256="" VENV_LOCK_NOTE=""
  [[ $_lock_begun == "$root" ]] || VENV_LOCK_FILES=() VENV_LOCK_PLATFORMS=" "
  if [[ ! -f $root/$VENV_LOCK ]]; then
    [[ ! -e $root/$VENV_LOCK && ! -L $root/$VENV_LOCK ]] || VENV_LOCK_STATE=unreadable
    return 0
  elif [[ ! -r $root/$VENV_LOCK ]]; then
    VENV_LOCK_STATE=unreadable
    return 0
  fi
  [[ $_lock_begun == "$root" ]] || begin_venv_lock "$root"
  read_lock_digests
  # (With what an environment was synced, it was read in full.)
  get_synced "$root" lock-sha256
  if [[ -z $REPLY || $REPLY != "$VENV_LOCK_SHA256" ]] && grep -q '^<<<<<<<' "$root/$VENV_LOCK" 2>/dev/null; then
    VENV_LOCK_STATE=conflicted VENV_LOCK_FILES=() VENV_LOCK_PLATFORMS=" "
    return 0
  fi
  if [[ -z $_head_version ]]; then
    VENV_LOCK_STATE=unreadable
    return 0
  elif [[ -z $_head_digest ]]; then
    VENV_LOCK_STATE=foreign
  else
    VENV_LOCK_STATE=unknown
  fi
  has_manifest "$root" || VENV_LOCK_STATE=alone
  [[ $VENV_LOCK_STATE == unknown && -z $_head_odd ]] || return 0
  ! may_other_files_count "$root" || return 0
  do_files_agree "$root" || return 0
  set_lock_words
  if do_settings_agree; then
    VENV_LOCK_STATE=current
  else
    VENV_LOCK_STATE=stale
  fi
}

# Usage: begin_venv_lock [folder]
# For find_venv_lock_state, which does it where nobody has: reads the head of the lock, and has a process make the
# digests, which takes as long as all the rest.
begin_venv_lock() {
  local root=${1:-.} file
  VENV_LOCK_FILES=() VENV_LOCK_PLATFORMS=" " _lock_sources=() _lost_packages=""
  [[ -f $root/$VENV_LOCK && -r $root/$VENV_LOCK ]] || return 0
  read_venv_lock_head "$root/$VENV_LOCK"
  set -- "$root/$VENV_LOCK"
  for file in ${VENV_LOCK_FILES[@]+"${VENV_LOCK_FILES[@]}"}; do
    if [[ -f $root/$file ]]; then
      _lock_sources+=("$file")
      set -- "$@" "$root/$file"
    fi
  done
  exec 5< <(print_sha256_of_files "$@" 2>/dev/null)
  _lock_begun=$root
}

# Usage: read_lock_digests
# After begin_venv_lock: sets VENV_LOCK_SHA256 to the digest of the lock, and VENV_LOCK_NOTE to those of the files that it
# was made from and that are there, "digest  name" with tabs between; to "" when one of them cannot be read.
read_lock_digests() {
  local file line=""
  _lock_begun="" VENV_LOCK_NOTE=""
  IFS= read -r line <&5 || :
  line=${line#\\}
  VENV_LOCK_SHA256=${line%% *}
  for file in ${_lock_sources[@]+"${_lock_sources[@]}"}; do
    line=""
    IFS= read -r line <&5 || :
    # (Before a name with a backslash in it stands one.)
    line=${line#\\}
    if [[ -z ${line%% *} ]]; then
      VENV_LOCK_NOTE=""
      break
    fi
    VENV_LOCK_NOTE+="${VENV_LOCK_NOTE:+$'\t'}${line%% *}  $file"
  done
  exec 5<&-
}

# Usage: do_files_agree <folder>
# True when the files that the lock was made from are those of which it records the digest. Where the environment was
# synced with this lock and these files, that is known; else a process makes one more digest.
do_files_agree() {
  local DIGEST_QUIET=1
  [[ -n $VENV_LOCK_NOTE ]] || return 1
  get_synced "$1" lock-sha256
  if [[ $REPLY == "$VENV_LOCK_SHA256" ]]; then
    get_synced "$1" lock-files
    [[ $REPLY != "$VENV_LOCK_NOTE" ]] || return 0
  fi
  sha256_of_text "${VENV_LOCK_NOTE//$'\t'/$'\n'}" && [[ $REPLY == "$_head_digest" ]]
}

# Usage: get_synced <folder> <key>
# Sets REPLY to what the environment of the project in the folder notes of the last sync, or to "": lock-sha256, the digest
# of the lock, or lock-files, what VENV_LOCK_NOTE was then.
get_synced() {
  if [[ -n ${ENVIRONMENT_STATE-} ]]; then
    # (Of locate_environment.)
    get_recorded "$2"
    return 0
  fi
  declare -F get_sync_note >/dev/null || . "${BASH_SOURCE[0]%/*}/sync_state.sh"
  config_get venv.directory
  get_sync_note "$1/${REPLY:-${DEFAULT_VENV_DIR:-.venv}}" "$2"
}

# Usage: is_venv_lock_kept [word]...
# True when write_venv_lock with these words would leave the lock as it is, as far as can be told without a Python: it is
# current, and whole, since an environment was synced with it. Needs no lock of the project, and writes nothing.
is_venv_lock_kept() {
  local word
  for word; do
    case $word in
      --upgrade | --upgrade-all | --index | --adding | --preferences | --engine) return 1 ;;
    esac
  done
  [[ ! -L .pyve/lock && ! -d .pyve/tmp ]] || return 1
  find_venv_lock_state
  [[ $VENV_LOCK_STATE == current ]] || return 1
  get_synced . lock-sha256
  [[ -n $REPLY && $REPLY == "$VENV_LOCK_SHA256" ]] || return 1
  set_lock_words "$@"
  do_settings_agree
}

# Usage: has_manifest <folder>
# True when there is a file that says what a project asks for.
has_manifest() {
  [[ -e $1/requirements.in || -e $1/requirements.txt ]] || has_toml_table "$1/pyproject.toml" project ||
    has_toml_table "$1/pyproject.toml" dependency-groups
}

# Usage: has_toml_table <file> <name>
# True when the file has a line "[name]".
has_toml_table() {
  local text=""
  [[ -f $1 && -r $1 ]] || return 1
  IFS= read -r -d '' text <"$1" || :
  # (A quick look comes before the slow one.)
  [[ $text == *"$2"*]* && $'\n'$text =~ $'\n'[[:blank:]]*\[[[:blank:]]*$2[[:blank:]]*\] ]]
}

# Usage: may_other_files_count <folder>
# True when there is a file that the lock was not made from, and that may say now what the project asks for.
may_other_files_count() {
  local file known=" ${VENV_LOCK_FILES[*]-} "
  for file in pyproject.toml uv.toml; do
    [[ ! -e $1/$file || $known == *" $file "* ]] || return 0
  done
  ! has_toml_table "$1/pyproject.toml" project || return 1
  [[ $known != *" requirements.in "* ]] || return 1
  [[ -e $1/requirements.in || (-e $1/requirements.txt && $known != *" requirements.txt "*) ]]
}

# Usage: read_venv_lock_head <pylock.toml>
# Reads [tool.pyve], which stands before the packages: sets VENV_LOCK_FILES, VENV_LOCK_PLATFORMS, _head_digest, _head_newer,
# _head_python and _head_pre; _head_odd to "1" when it is not written as Pyve writes it; and _head_version to "1" when it
# has a lock-version, as every lock has.
read_venv_lock_head() {
  local line inside="" list="" key value left=5000
  _head_digest="" _head_newer="" _head_python="" _head_pre="" _head_odd="" _head_version=""
  # (The head of a lock has few lines, whatever comes behind it.)
  while ((left-- > 0)) && { IFS= read -r line || [[ -n $line ]]; }; do
    line=${line%$'\r'}
    case $line in
      "[[packages]]") break ;;
      "[tool.pyve]")
        inside=1
        continue
        ;;
      "["*) inside="" ;;
      "") continue ;;
    esac
    case $line in
      *lock-version*=*\"* | *lock-version*=*\'*) _head_version=1 ;;
    esac
    [[ -n $inside ]] || continue
    if [[ -n $list ]]; then
      case $line in
        "]") list="" ;;
        *) add_head_item "$list" "${line#    }" ;;
      esac
      continue
    fi
    key=${line%% = *} value=${line#* = }
    case $key in
      files | platforms)
        case $value in
          "[") list=$key ;;
          "[]") ;;
          "["*"]") add_head_item "$key" "${value:1:${#value}-2}" ;;
          *) _head_odd=1 ;;
        esac
        ;;
      files-sha256) _head_digest=${value//\"/} ;;
      exclude-newer) _head_newer=${value//\"/} ;;
      python) _head_python=${value//\"/} ;;
      prerelease) _head_pre=$value ;;
    esac
  done <"$1"
  [[ -z $list ]] && ((left >= 0)) || _head_odd=1
}

# Usage: add_head_item <files|platforms> <item as TOML>
# For read_venv_lock_head.
add_head_item() {
  local item=${2%,}
  if [[ $item != \"*\" || $item == *\\* ]]; then
    _head_odd=1
    return 0
  fi
  item=${item:1:${#item}-2}
  case $1 in
    files) VENV_LOCK_FILES+=("$item") ;;
    platforms) VENV_LOCK_PLATFORMS+="$item " ;;
  esac
}

# Usage: do_settings_agree
# True when the lock was made with the settings of set_lock_words; after read_venv_lock_head.
do_settings_agree() {
  local platform
  if [[ $_wish_platforms != " " ]]; then
    for platform in $_wish_platforms; do
      [[ $VENV_LOCK_PLATFORMS == *" $platform "* ]] || return 1
    done
    for platform in $VENV_LOCK_PLATFORMS; do
      [[ $_wish_platforms == *" $platform "* ]] || return 1
    done
  fi
  [[ -z $_wish_python || $_wish_python == "$_head_python" ]] &&
    [[ -z $_wish_newer || $_wish_newer == "$_head_newer" ]] &&
    [[ -z $_wish_pre || $_head_pre == true ]]
}

# Usage: set_lock_words [word]...
# Sets the array LOCK_WORDS to what helpers/lock_packages.py is told: the words (see write_venv_lock), and from the
# config (lock.platforms, lock.python, lock.cooldown) what they do not say.
set_lock_words() {
  local platform
  _wish_platforms=" " _wish_python="" _wish_newer="" _wish_pre="" LOCK_WORDS=()
  while (($#)); do
    case $1 in
      --platform) _wish_platforms+="$2 " ;;
      --python) _wish_python=$2 ;;
      --exclude-newer) _wish_newer=$2 ;;
      --pre) _wish_pre=1 ;;
      --upgrade | --index | --adding | --edited | --staged | --preferences | --engine)
        LOCK_WORDS+=("$1" "$2")
        shift
        ;;
      *) LOCK_WORDS+=("$1") ;;
    esac
    case $1 in
      --platform | --python | --exclude-newer) shift ;;
    esac
    shift
  done
  if [[ $_wish_platforms == " " ]]; then
    config_get lock.platforms
    # (A list in one line of the config: [linux-64, osx-arm64].)
    for platform in ${REPLY//[][,\"\']/ }; do
      _wish_platforms+="$platform "
    done
  fi
  if [[ -z $_wish_python ]]; then
    config_get lock.python
    _wish_python=$REPLY
  fi
  if [[ -z $_wish_newer ]]; then
    config_get lock.cooldown
    _wish_newer=$REPLY
  fi
  for platform in $_wish_platforms; do
    LOCK_WORDS+=(--platform "$platform")
  done
  [[ -z $_wish_python ]] || LOCK_WORDS+=(--python "$_wish_python")
  [[ -z $_wish_newer ]] || LOCK_WORDS+=(--exclude-newer "$_wish_newer")
  [[ -z $_wish_pre ]] || LOCK_WORDS+=(--pre)
  add_python_words
}

# Usage: add_python_words
# Adds to LOCK_WORDS which Python is the project's: the one that its environment is going to have (NEXT_PYTHON, of pyve
# python use), that of its environment, else the version that the config asks for.
add_python_words() {
  local folder python="" line state="" left
  if [[ -n ${NEXT_PYTHON-} ]]; then
    LOCK_WORDS+=(--interpreter "$NEXT_PYTHON" --interpreter-version "$NEXT_PYTHON_VERSION" --pip "$NEXT_PYTHON_PIP"
      --project-python "$NEXT_PYTHON_VERSION")
    _project_python=$NEXT_PYTHON_VERSION
    return 0
  fi
  config_get venv.directory
  folder=${REPLY:-${DEFAULT_VENV_DIR:-.venv}}
  if [[ -x $folder/bin/python && -r $folder/pyvenv.cfg ]]; then
    left=1000
    while ((left-- > 0)) && IFS= read -r line; do
      [[ ! $line =~ ^version(_info)?\ *=\ *([0-9]+\.[0-9]+(\.[0-9]+)?) ]] || python=${BASH_REMATCH[2]}
    done <"$folder/pyvenv.cfg"
    if [[ -z $python && -r $folder/pyve.state ]]; then
      left=1000
      while ((left-- > 0)) && IFS= read -r line; do
        [[ $line != version=* ]] || python=${line#*=}
      done <"$folder/pyve.state"
    fi
    [[ -z $python ]] || LOCK_WORDS+=(--interpreter "$PWD/$folder/bin/python" --interpreter-version "$python")
  fi
  config_get python.version
  [[ -n $python || ! $REPLY =~ ^3\.[0-9]+ ]] || python=$REPLY
  [[ -z $python ]] || LOCK_WORDS+=(--project-python "$python")
  _project_python=$python
}

# shellcheck disable=SC2120 # the room gives some
# Usage: judge_venv_lock [word]...
# As find_venv_lock_state, for a lock that is made with these words; what that cannot tell, the helper does:
# VENV_LOCK_STATE is none, current or stale, and VENV_LOCK_WHYS says what changed. Status 1, with a diagnostic, when
# the lock or what it was made from cannot be read.
judge_venv_lock() {
  find_venv_lock_state
  set_lock_words "$@"
  if [[ $VENV_LOCK_STATE == current || $VENV_LOCK_STATE == stale ]] && do_settings_agree; then
    VENV_LOCK_STATE=current
    return 0
  fi
  declare -F call_helper >/dev/null || . "${BASH_SOURCE[0]%/*}/helper.sh"
  call_helper locks lock_packages check --output "$VENV_LOCK" ${LOCK_WORDS[@]+"${LOCK_WORDS[@]}"} || return 1
  get_helper_value status || :
  VENV_LOCK_STATE=${REPLY/missing/none}
  get_helper_values why
  VENV_LOCK_WHYS=(${HELPER_FOUND[@]+"${HELPER_FOUND[@]}"})
}

# Usage: judge_locked_project
# For find_lock of lib/project_facts.sh: sets LOCK_STATE and LOCK_BASIS, and VENV_LOCK_WHYS. The helper is asked only when
# the files were changed and its toolchain is there; else what was changed counts as stale.
judge_locked_project() {
  local root=${PROJECT_ROOT%/}
  find_venv_lock_state "$root"
  LOCK_BASIS=""
  case $VENV_LOCK_STATE in
    alone | unreadable) LOCK_STATE=$VENV_LOCK_STATE ;;
    foreign) LOCK_STATE=unknown ;;
    conflicted)
      LOCK_STATE=stale LOCK_BASIS=content
      VENV_LOCK_WHYS=("git left conflict marks in it")
      ;;
    current | stale)
      LOCK_STATE=$VENV_LOCK_STATE LOCK_BASIS=digest
      [[ $LOCK_STATE == current ]] || VENV_LOCK_WHYS=("the config asks for another one")
      ;;
    unknown)
      LOCK_STATE=stale LOCK_BASIS=digest
      ask_about_lock
      ;;
  esac
  [[ $LOCK_STATE != current ]] || is_lock_for_here || LOCK_STATE="platform-missing"
}

# Usage: look_for_lost_packages
# For judge_synced; best before find_venv_lock_state, while the digests are being made.
look_for_lost_packages() {
  declare -F has_lost_packages >/dev/null || . "${BASH_SOURCE[0]%/*}/installed_names.sh"
  _lost_packages=no
  ! has_lost_packages "$ENVIRONMENT" || _lost_packages=yes
}

# Usage: judge_synced
# For find_state: an environment is outdated unless `pyve sync` made it what the lock says.
judge_synced() {
  local recorded
  declare -F get_recorded >/dev/null || . "${BASH_SOURCE[0]%/*}/project_state.sh"
  get_recorded lock-sha256
  recorded=$REPLY
  [[ $ENVIRONMENT_CONDITION == works ]] || return 0
  if [[ -z $recorded ]]; then
    ENVIRONMENT_CONDITION=outdated
    PROJECT_WHY+=("the environment was not yet synced with pylock.toml")
    return 0
  fi
  if [[ -n $VENV_LOCK_SHA256 && $VENV_LOCK_SHA256 != "$recorded" ]]; then
    ENVIRONMENT_CONDITION=outdated
    PROJECT_WHY+=("the environment was synced with another pylock.toml")
    return 0
  fi
  [[ -n $_lost_packages ]] || look_for_lost_packages
  if [[ $_lost_packages == yes ]]; then
    ENVIRONMENT_CONDITION=outdated
    PROJECT_WHY+=("the environment was synced with pylock.toml, and packages were removed since")
  fi
}

# Usage: ask_about_lock
# For judge_locked_project and `pyve doctor`: has the helper compare, when it is to be had, without a word. Sets
# VENV_LOCK_BROKEN to "1" when what the lock was made from cannot be read; VENV_LOCK_WHYS says why.
ask_about_lock() {
  local answer line
  declare -F call_helper >/dev/null || . "${BASH_SOURCE[0]%/*}/helper.sh"
  has_toolchain locks || return 0
  # (Apart, so that a diagnostic of the helper does not count as one of the command.)
  answer=$(
    # shellcheck disable=SC2119 # none but those of the config
    CDPATH="" cd -- "$PROJECT_ROOT" || exit 1
    if ! judge_venv_lock >/dev/null 2>&1; then
      # (The lock may be well, and what it was made from may not.)
      [[ $HELPER_CODE == E_MANIFEST* ]] || exit 1
      get_helper_value message || :
      printf 'broken\n%s\n' "$REPLY"
      exit 0
    fi
    printf '%s\n' "$VENV_LOCK_STATE" ${VENV_LOCK_WHYS[@]+"${VENV_LOCK_WHYS[@]}"}
  ) || answer=unreadable
  LOCK_STATE=${answer%%$'\n'*} LOCK_BASIS=content VENV_LOCK_BROKEN=""
  while IFS= read -r line; do
    [[ -z $line || $line == "$LOCK_STATE" ]] || VENV_LOCK_WHYS+=("$line")
  done <<<"$answer"
  if [[ $LOCK_STATE == broken ]]; then
    LOCK_STATE=stale VENV_LOCK_BROKEN=1
  fi
}

# Usage: is_lock_for_here
# True when the lock is for all platforms, or for this machine's; after find_venv_lock_state.
is_lock_for_here() {
  [[ $VENV_LOCK_PLATFORMS != " " ]] || return 0
  declare -F find_conda_platform >/dev/null || . "${BASH_SOURCE[0]%/*}/micromamba_core.sh"
  ! find_conda_platform || [[ $VENV_LOCK_PLATFORMS == *" $REPLY "* ]]
}
