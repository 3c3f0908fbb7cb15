# shellcheck shell=bash
# Fetching all that a lock names into a folder, for machines that have no network: `pyve prefetch`, and
# `pyve sync --download`.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/prefetch.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F run_long >/dev/null || . "${BASH_SOURCE[0]%/*}/progress.sh"
declare -F call_helper >/dev/null || . "${BASH_SOURCE[0]%/*}/helper.sh"
declare -F find_venv_lock_state >/dev/null || . "${BASH_SOURCE[0]%/*}/venv_lock.sh"
declare -F refresh_lock >/dev/null || . "${BASH_SOURCE[0]%/*}/frozen.sh"
declare -F find_conda_platform >/dev/null || . "${BASH_SOURCE[0]%/*}/micromamba_core.sh"
declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
declare -F fail_write >/dev/null || . "${BASH_SOURCE[0]%/*}/files.sh"
declare -F answer_sync_list >/dev/null || . "${BASH_SOURCE[0]%/*}/sync_state.sh"
declare -F quote_word >/dev/null || . "${BASH_SOURCE[0]%/*}/text.sh"
declare -F log_success >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"

_prefetch_python=""

# Usage: prefetch_project <folder> <backend>
# In the root of a project, with the config loaded and the options of the room (opt_platform, opt_python, opt_extra,
# opt_group, opt_no_dev, opt_only_binary, opt_no_build, opt_no_install_project, opt_frozen) parsed: fetches the files
# of its lock, and says so. Status 1 after a diagnostic; what was fetched before stays.
prefetch_project() {
  local folder=$1 file status=0
  if [[ -e $folder && ! -d $folder ]]; then
    # (Not to be moved: it may be the manifest.)
    quote_word "$folder.d"
    fail E_FILE_WRITE "cannot write into $folder" why "it is there, and it is not a folder" fix "pyve prefetch $REPLY"
    return 1
  fi
  # (Not in the project: its lock is not held, so that another command would take it for a leftover. Without a name, it is
  # gone however this ends.)
  # shellcheck disable=SC2094 # two descriptors of one file: what is written by one is read by the other
  if ! { file=$(mktemp "${TMPDIR:-/tmp}/pyve.XXXXXX") && exec 6>"$file" 7<"$file" && rm -f -- "$file"; } 2>/dev/null; then
    fail_write "${TMPDIR:-/tmp}/pyve"
    return 1
  fi
  if [[ $2 == micromamba ]]; then
    prepare_conda_prefetch "$folder" || return 1
  else
    refresh_lock && prepare_venv_prefetch "$folder" || return 1
  fi
  run_long "Fetching" read_prefetch_line "${HELPER_COMMAND[@]}" || status=$?
  take_helper_answer "$status" /dev/fd/7 || return 1
  exec 6>&- 7<&-
  tell_prefetch "$folder"
  [[ $2 != micromamba ]] || warn_conda_builds "$folder"
}

# Usage: warn_conda_builds <folder>
# Says that what building takes is not in the folder, where the lock has source distributions for pip.
warn_conda_builds() {
  local name what
  get_helper_values builds
  ((${#HELPER_FOUND[@]} > 0)) || return 0
  count_things "${#HELPER_FOUND[@]}" "source distribution"
  what=$REPLY
  set -- "$1"
  for name in "${HELPER_FOUND[@]}"; do
    set -- "$@" why "$name"
  done
  name=$1
  shift
  warn W_PREFETCH "$name lacks what it takes to build $what" "$@" \
    why "a conda-lock.yml does not say what their build backends need, such as setuptools"
}

# Usage: prepare_venv_prefetch <folder>
# Prepares the helper for pylock.toml.
prepare_venv_prefetch() {
  local item name
  local -a words=(--folder "$1" --root "$PWD")
  for name in platform python extra group; do
    item=opt_$name
    while IFS= read -r item; do
      [[ -z $item ]] || words+=("--$name" "$item")
    done <<<"${!item-}"
  done
  if [[ -z ${opt_platform-} ]]; then
    need_prefetch_platform "$1" || return 1
    words+=(--platform "$REPLY")
  fi
  if [[ -z ${opt_python-} ]]; then
    find_prefetch_python
    [[ -z $REPLY ]] || words+=(--python "$REPLY")
    [[ -z $_prefetch_python ]] || words+=(--interpreter "$_prefetch_python")
  fi
  [[ -z $opt_no_dev ]] || words+=(--no-dev)
  [[ -z $opt_no_install_project$opt_no_build ]] || words+=(--no-project)
  config_get sync.only_binary
  if [[ -n $opt_only_binary$opt_no_build ]] || { [[ -n $REPLY ]] && parse_boolean "$REPLY" && [[ -n $REPLY ]]; }; then
    words+=(--only-binary)
  fi
  prepare_helper locks prefetch_packages --answer /dev/fd/6 "${words[@]}"
}

# Usage: find_prefetch_python
# Sets REPLY to the version of Python that the environment has, or that it would have here, and _prefetch_python to its
# path; "" when there is none.
find_prefetch_python() {
  local i found="" PROBE_SOON=""
  _prefetch_python=""
  set_lock_words
  for ((i = 0; i < ${#LOCK_WORDS[@]}; i++)); do
    case ${LOCK_WORDS[i]} in
      --interpreter) _prefetch_python=${LOCK_WORDS[i + 1]} ;;
      --interpreter-version | --project-python) found=${LOCK_WORDS[i + 1]} ;;
    esac
  done
  if [[ -z $found ]]; then
    declare -F choose_interpreter >/dev/null || . "${BASH_SOURCE[0]%/*}/interpreter.sh"
    if choose_interpreter ""; then
      found=$PYTHON_VERSION _prefetch_python=$PYTHON
    fi
  fi
  REPLY=$found
}

# Usage: need_prefetch_platform <folder>
# Sets REPLY to conda's name of this machine's platform. Status 1, with a diagnostic, when it has none.
need_prefetch_platform() {
  local machine
  find_conda_platform && return 0
  machine=$REPLY
  quote_word "$1"
  fail E_PLATFORM "Pyve has no name for this machine's platform" why "uname says $machine" \
    fix "pyve prefetch $REPLY --platform linux-64"
}

# Usage: prepare_conda_prefetch <folder>
# Prepares the helper for conda-lock.yml.
prepare_conda_prefetch() {
  local item
  local -a words=(--folder "$1")
  declare -F find_lock_state >/dev/null || . "${BASH_SOURCE[0]%/*}/micromamba_lock.sh"
  for item in extra group no_dev python; do
    item=opt_$item
    if [[ -n ${!item-} ]]; then
      item=${item#opt_}
      quote_word "$1"
      fail E_USAGE_CONFLICT "--${item//_/-} is not for conda projects" why "a conda-lock.yml is taken whole" fix "pyve prefetch $REPLY"
      return 1
    fi
  done
  find_lock_state
  item=$REPLY
  if [[ -z $CONDA_LOCK ]]; then
    fail E_LOCK_MISSING "there is no conda-lock.yml" why "in $PWD" fix "pyve lock"
    return 1
  elif [[ $item == stale && -n $opt_frozen ]]; then
    fail E_LOCK_STALE "$CONDA_LOCK is stale" why "$CONDA_MANIFEST was changed after it" ${FROZEN_WHY:+why "$FROZEN_WHY"} fix "pyve lock"
    return 1
  elif [[ $item == stale ]]; then
    warn_stale_lock_file
  fi
  words+=(--lock "$CONDA_LOCK")
  while IFS= read -r item; do
    [[ -z $item ]] || words+=(--platform "$item")
  done <<<"${opt_platform-}"
  if [[ -z ${opt_platform-} ]]; then
    need_conda_platform || return 1
    words+=(--platform "${CONDA_SUBDIR:-$REPLY}")
  fi
  prepare_helper locks prefetch_conda --answer /dev/fd/6 "${words[@]}"
}

# Usage: read_prefetch_line <line>
# For run_long: what a line of the helper says about how far it is.
read_prefetch_line() {
  case $1 in
    fetching* | solving*) _step=$1 _dropped=1 ;;
  esac
}

# Usage: tell_prefetch <folder>
# Says what the helper has answered, and how it is used.
tell_prefetch() {
  local folder=$1 key count kept size files pythons=""
  local -a fetched=()
  answer folder "$folder"
  for key in platforms pythons builds; do
    get_helper_values "$key"
    answer_sync_list "$key" ${HELPER_FOUND[@]+"${HELPER_FOUND[@]}"}
    join_words ${HELPER_FOUND[@]+"${HELPER_FOUND[@]}"}
    case $key in
      platforms) pythons="For $REPLY" ;;
      pythons) log_info "$pythons${REPLY:+ with Python $REPLY}" ;;
      builds) [[ -z $REPLY ]] || log_info "To be built there: $REPLY" ;;
    esac
  done
  get_helper_values fetched
  fetched=(${HELPER_FOUND[@]+"${HELPER_FOUND[@]}"})
  answer_sync_list fetched ${fetched[@]+"${fetched[@]}"}
  get_helper_value kept || :
  kept=${REPLY:-0}
  get_helper_value bytes || :
  size=${REPLY:-0}
  answer_json kept "$kept"
  answer_json bytes "$size"
  count=${#fetched[@]}
  format_size "$size"
  if ((count == 0)); then
    size=$REPLY
    count_things "$kept" file
    ((kept == 1)) && files="The one file ($size) is" || files="All $REPLY ($size) are"
    log_success "$files in $folder already"
  else
    size=$REPLY
    count_things "$count" file
    files=$REPLY REPLY=$size
    ((kept == 0)) || REPLY+=", with those that were there already"
    log_success "Fetched $files into $folder ($REPLY)"
  fi
  quote_word "$folder"
  log_info "On the other machine: pyve sync --offline --find-links $REPLY"
}

# Usage: join_words [word]...
# Sets REPLY to the words with commas between them.
join_words() {
  local text
  printf -v text '%s, ' "$@"
  REPLY=${text%, }
}

# Usage: format_size <bytes>
# Sets REPLY to it as people read it: 3.4 MB.
format_size() {
  local unit size=$1 rest=0
  for unit in bytes kB MB GB; do
    if ((size < 1000)) || [[ $unit == GB ]]; then
      break
    fi
    rest=$((size % 1000 / 100)) size=$((size / 1000))
  done
  REPLY="$size $unit"
  [[ $unit == bytes ]] || REPLY="$size.$rest $unit"
}
