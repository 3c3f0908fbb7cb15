# shellcheck shell=bash
# `pyve sync` by way of the shared store: the entry is found or filled, an environment is laid out from it beside the one
# in use, and swapped in. Parts of lib/venv_sync.sh, whose variables (_sync_*, SYNC_*) these functions share.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/store_sync.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F lay_out_environment >/dev/null || . "${BASH_SOURCE[0]%/*}/store.sh"
declare -F lay_out_project >/dev/null || . "${BASH_SOURCE[0]%/*}/store_project.sh"
declare -F remember_hit >/dev/null || . "${BASH_SOURCE[0]%/*}/store_hit.sh"
declare -F get_sync_note >/dev/null || . "${BASH_SOURCE[0]%/*}/sync_state.sh"
declare -F get_allowed_words >/dev/null || . "${BASH_SOURCE[0]%/*}/venv_sync.sh"
declare -F record_sync >/dev/null || . "${BASH_SOURCE[0]%/*}/venv_sync.sh"
declare -F read_sync_answer >/dev/null || . "${BASH_SOURCE[0]%/*}/venv_sync.sh"
declare -F call_helper >/dev/null || . "${BASH_SOURCE[0]%/*}/helper.sh"
declare -F run_long >/dev/null || . "${BASH_SOURCE[0]%/*}/progress.sh"
declare -F read_uv_line >/dev/null || . "${BASH_SOURCE[0]%/*}/requirements.sh"
declare -F config_get >/dev/null || . "${BASH_SOURCE[0]%/*}/config.sh"
declare -F swap_in >/dev/null || . "${BASH_SOURCE[0]%/*}/venv_env.sh"

# Usage: get_store_words
# Sets the array STORE_WORDS to what the config says about packages in the store, as options of the helper, and REPLY to
# the name of what was chosen: the last part of the path of an entry's key; to "" when it is too long for one.
get_store_words() {
  local word item="" name="" first i LC_ALL=C
  local -a words=()
  STORE_WORDS=()
  for word in $_sync_selection; do
    words+=("$word")
  done
  for word in ${_sync_words[@]+"${_sync_words[@]}"}; do
    [[ $word != --only-binary ]] || words+=(only-binary)
  done
  get_allowed_words
  STORE_WORDS=(${ALLOWED_WORDS[@]+"${ALLOWED_WORDS[@]}"})
  config_get sync.own
  for word in ${REPLY//[][,\"\']/ }; do
    STORE_WORDS+=(--own "$word")
  done
  for word in ${STORE_WORDS[@]+"${STORE_WORDS[@]}"}; do
    case $word in
      --own) item=own ;;
      --allow-startup) item=allow ;;
      --allow-record) item=record ;;
      *) words+=("$item=$word") ;;
    esac
  done
  # (The smallest first: the same words have one name, in whatever order they were given.)
  while ((${#words[@]} > 0)); do
    first=0
    for ((i = 1; i < ${#words[@]}; i++)); do
      [[ ! ${words[i]} < ${words[first]} ]] || first=$i
    done
    name+=${name:+,}${words[first]}
    words[first]=${words[0]}
    words=("${words[@]:1}")
  done
  REPLY=${name:-default}
  [[ $REPLY != */* ]] && ((${#REPLY} <= 200)) || REPLY=""
}

# Usage: find_store_entry
# Sets STORE_ENTRY to the entry for the lock, the interpreter (PYTHON_ID) and what was chosen, where an earlier sync has
# left the way to it, and nothing but Python could say more. Status 1 when there is none.
find_store_entry() {
  local key digest=""
  STORE_ENTRY=""
  get_store_words
  [[ -n $REPLY ]] || return 1
  key=$STORE/keys/$SYNC_LOCK_SHA256/$PYTHON_ID/$REPLY
  if [[ -n $SYNC_SOURCE && -n $_sync_wants_project ]]; then
    get_project_key
    has_kept_project "$REPLY" || return 1
    STORE_PROJECT=kept STORE_PROJECT_KEY=$REPLY SYNC_PROJECT=new
  fi
  [[ -f $key && -O $key && -r $key ]] || return 1
  IFS= read -r digest <"$key" || :
  [[ $digest =~ ^[0-9a-f]{64}$ ]] && has_entry "$STORE/envs/$digest" && STORE_ENTRY=$STORE/envs/$digest
}

# Usage: find_used_entry <environment>
# Sets STORE_ENTRY to the entry that the environment uses, when that is the one for the lock and what was chosen: what
# was installed on top of it since, and is to go, is then in SYNC_REMOVED and SYNC_CHANGED. No Python. Status 1 otherwise.
find_used_entry() {
  local entry name copied="" known
  get_sync_note "$1" store
  entry=$REPLY
  [[ $entry == "$STORE"/envs/* ]] && has_entry "$entry" && [[ -r $1/pyve.packages ]] || return 1
  get_sync_note "$1" lock-sha256
  [[ $REPLY == "$SYNC_LOCK_SHA256" ]] || return 1
  get_sync_note "$1" local
  [[ -z $REPLY ]] || return 1
  get_store_words
  name=,$REPLY,
  read_file "$entry/entry"
  known=$'\n'$REPLY
  [[ $known == *$'\n'selection=* ]] || return 1
  known=${known#*$'\n'selection=}
  known=,${known%%$'\n'*},
  # (What is there need not be built.)
  [[ ${name/,only-binary,/,} == "${known/,only-binary,/,}" || ${name/,only-binary,/,default,} == "$known" ]] || return 1
  find_own_packages "$entry"
  copied=$REPLY
  read_file "$1/pyve.packages"
  known=${REPLY%$'\n'}
  if [[ $known != "$copied" ]]; then
    # The project itself is in it, too.
    [[ -n $_sync_wants_project ]] && get_project_key && has_kept_project "$REPLY" || return 1
    STORE_PROJECT=kept STORE_PROJECT_KEY=$REPLY SYNC_PROJECT=keep
  elif [[ -n $_sync_wants_project ]]; then
    get_sync_note "$1" project
    [[ $REPLY == "$SYNC_SOURCE" ]] || return 1
  fi
  STORE_ENTRY=$entry
  read_removed "$1" "$known"
}

# Usage: find_own_packages <entry>
# Sets REPLY to what list_installed sees of an environment that was just laid out from it.
find_own_packages() {
  REPLY=""
  [[ ! -d $1/copy ]] || list_installed "$1/copy"
}

# Usage: read_removed <environment> <what it had when it was synced>
# Sets SYNC_REMOVED and SYNC_CHANGED to what was installed into it since.
read_removed() {
  local folder name version locked packages
  read_file "$STORE_ENTRY/packages"
  packages=$'\n'$REPLY
  list_installed "$1"
  while IFS= read -r folder; do
    [[ $folder == *.dist-info && $'\n'$2$'\n' != *$'\n'"$folder"$'\n'* ]] || continue
    folder=${folder%.dist-info}
    name=${folder%%-*} version=${folder#*-}
    [[ $name != *[A-Z]* ]] || name=$(LC_ALL=C tr '[:upper:]' '[:lower:]' <<<"$name")
    name=${name//[._]/-}
    # (pip stays, that of the template.)
    [[ $name != pip ]] || continue
    if [[ $packages == *$'\n'"$name "* ]]; then
      locked=${packages#*$'\n'"$name "}
      SYNC_CHANGED+=("$name $version ${locked%%$'\n'*}")
    else
      SYNC_REMOVED+=("$name $version")
    fi
    SYNC_DONE=1
  done <<<"$REPLY"
}

# Usage: prepare_store <fill|plan|top> <answer file, or ""> [further word of the helper]...
# Prepares helpers/store_environment.py, for the lock of the current folder, or of _sync_root.
prepare_store() {
  local action=$1 answer=$2 word project=new name=""
  local -a words=()
  shift 2
  for word in $_sync_selection; do
    case $word in
      --no-dev) words+=(--no-dev) ;;
      *) words+=("${word%%=*}" "${word#*=}") ;;
    esac
  done
  get_store_words
  name=$REPLY
  [[ -n $_sync_wants_project ]] || project=none
  get_project_key
  prepare_helper locks store_environment ${answer:+--answer "$answer"} "$action" --store "$STORE" --root "${_sync_root:-$PWD}" ${_sync_root:+--lock "$PWD/pylock.toml"} \
    --python "$PYTHON" --python-id "$PYTHON_ID" --python-version "$PYTHON_VERSION" --implementation "$PYTHON_IMPLEMENTATION" \
    --platform "$OSTYPE-$HOSTTYPE" --pip "$TEMPLATE/pip" --key "$name" --project "$project" --project-key "$REPLY" \
    ${words[@]+"${words[@]}"} ${_sync_words[@]+"${_sync_words[@]}"} ${STORE_WORDS[@]+"${STORE_WORDS[@]}"} "$@"
}

# Usage: fill_store <environment that is there, or "">
# Has the helper make the entry, or find it, and say what that changes. Sets STORE_ENTRY, SYNC_* (of the answer),
# STORE_TOP ("1" when something has to be installed on top) and STORE_PROJECT ("kept": the project itself can be had from
# the store). Status 1 after a diagnostic; 3, with the array STORE_UNUSABLE, when the store cannot be used.
fill_store() {
  local file=$PWD/.pyve/tmp/store.$$.answer status=0
  # (The helper knows where.)
  STORE_ENTRY="" STORE_TOP="" STORE_PROJECT="" STORE_UNUSABLE=()
  get_project_key
  STORE_PROJECT_KEY=$REPLY
  mkdir -p .pyve/tmp && prepare_store fill "$file" ${1:+--before "$1"} || return 1
  # (In the system's folder for temporary files, those of a killed one would stay.)
  TMPDIR=$PWD/.pyve/tmp run_long "Syncing with pylock.toml" read_uv_line "${HELPER_COMMAND[@]}" || status=$?
  take_helper_answer "$status" "$file" || return 1
  rm -f "$file"
  get_helper_values unusable
  if ((${#HELPER_FOUND[@]})); then
    STORE_UNUSABLE=("${HELPER_FOUND[@]}")
    return 3
  fi
  read_sync_answer
  set_from_helper STORE_ENTRY=entry STORE_TOP=top STORE_PROJECT=project SYNC_LOCK_SHA256=lock-sha256
  judge_project_change "$1"
}

# Usage: judge_project_change <environment that is there, or "">
# For fill_store: sets SYNC_PROJECT to what happens to the project itself: new, keep, remove or "".
judge_project_change() {
  local file place
  SYNC_PROJECT=""
  if [[ -n $STORE_PROJECT ]]; then
    SYNC_PROJECT=new
    [[ -z $1 ]] || get_sync_note "$1" project
    [[ -z $1 || $REPLY != "$SYNC_SOURCE" ]] || SYNC_PROJECT=keep
  elif [[ -n $1 ]]; then
    for file in "$1"/lib/python3*/site-packages/*.dist-info/direct_url.json; do
      read_file "$file"
      [[ $REPLY == *'"editable"'* && $REPLY == *'"file://'* ]] || continue
      place=${REPLY#*'"file://'}
      place=${place%%'"'*}
      # (In an address, %20 is a blank.)
      printf -v place '%b' "${place//%/\\x}"
      [[ ${place%/} != "$PWD" && ! $place -ef $PWD ]] || SYNC_PROJECT=remove
    done
  fi
}

# Usage: plan_store <environment that is there, or "">
# Finds out what fill_store, and laying out, would change.
plan_store() {
  local answer="" status=0
  prepare_store plan "" ${1:+--before "$1"} || return 1
  load_redact
  answer=$(redact_stderr logged "${HELPER_COMMAND[@]}" </dev/null) || status=$?
  read_helper_answer "$status" "$answer" || return 1
  read_sync_answer
}

# Usage: install_on_top <environment> <final place>
# Installs what cannot come from the store, such as packages that are made from folders.
install_on_top() {
  local file=$PWD/.pyve/tmp/top.$$.answer status=0
  prepare_store top "$file" --environment "$1" --place "$2" || return 1
  TMPDIR=$PWD/.pyve/tmp run_long "Installing what is not shared" read_uv_line "${HELPER_COMMAND[@]}" || status=$?
  take_helper_answer "$status" "$file" || return 1
  rm -f "$file"
}

# Usage: get_project_key
# Sets REPLY to the name under which the store keeps what installs the project itself, "" where it can keep none.
get_project_key() {
  local shape='^pyproject\.toml:([0-9a-f]{32})$'
  REPLY=""
  [[ ! $SYNC_SOURCE =~ $shape ]] || REPLY=${BASH_REMATCH[1]}-$PYTHON_ID
}

# Usage: sync_by_store <environment that is there, or "">
# For sync_environment, after choose_interpreter and ensure_template: makes the environment, of the kind _sync_mode, from
# the store and swaps it in. Status 1 after a diagnostic; 3 when the store cannot be used, which is said.
sync_by_store() {
  local before=$1 work=$PWD/.pyve/tmp/store.$$ new status=0 line
  local -a whys=()
  new=$work/tree
  STORE_TOP="" STORE_PROJECT="" STORE_OWNER=""
  if [[ -z $before ]] && find_store_entry; then
    read_entry_packages "$STORE_ENTRY"
  elif [[ -z $before ]] || ! find_used_entry "$before"; then
    fill_store "$before" || status=$?
    if ((status == 3)); then
      for line in "${STORE_UNUSABLE[@]}"; do
        whys+=(why "$line")
      done
      warn W_STORE_UNUSABLE "the store is not used: a full environment is made" "${whys[@]}"
      return 3
    elif ((status)); then
      return 1
    fi
    [[ -n $before ]] || read_entry_packages "$STORE_ENTRY"
  fi
  if [[ -n $before && $_sync_mode == store && -z $STORE_TOP$SYNC_DONE && (-z $SYNC_PROJECT || $SYNC_PROJECT == keep) ]] && is_laid_out "$STORE_ENTRY" "$before"; then
    record_sync "$before"
    return
  fi
  if ! mkdir -p "$work" 2>/dev/null; then
    fail_environment_write "$SYNC_PLACE"
    return 1
  fi
  if ! own_entry "$STORE_ENTRY" "$SYNC_PLACE" 2>/dev/null || ! lay_out_by_mode "$work" || ! has_entry "$STORE_ENTRY"; then
    disown_entry
    rm -rf "$work" 2>/dev/null || :
    if [[ -d $STORE_ENTRY ]] && has_entry "$STORE_ENTRY"; then
      fail_environment_write "$SYNC_PLACE"
      return 1
    fi
    # (Cleared away while it was being used, as nobody had it a moment before: once more, from the start.)
    _sync_tries=$((${_sync_tries:-0} + 1))
    ((_sync_tries < 5)) || fail E_STORE_GONE "the entry $STORE_ENTRY of the store was removed while it was used" fix "pyve sync" || return 1
    sync_by_store "$before"
    return
  fi
  if [[ -n $STORE_TOP ]] && ! install_on_top "$new" "$SYNC_PLACE"; then
    disown_entry
    rm -rf "$work" 2>/dev/null || :
    return 1
  fi
  if { [[ -n $before ]] && ! carry_files "$before" "$new"; } || ! record_sync "$new"; then
    disown_entry
    rm -rf "$work" 2>/dev/null || :
    return 1
  fi
  [[ $_sync_mode != copy ]] || disown_entry
  swap_in venv "$new" "$SYNC_PLACE" || return 1
  # (Within a change, what may have to be put back is in it.)
  [[ -n ${_change_open-} ]] || rm -rf "$work"
  SYNC_DONE=1
}

# Usage: is_laid_out <entry> <environment>
# True when the environment was made from the entry, and nothing was installed into it, or removed, since.
is_laid_out() {
  local packages=""
  get_sync_note "$2" store
  [[ $REPLY == "$1" && -r $2/pyve.packages ]] || return 1
  read_file "$2/pyve.packages"
  packages=$REPLY
  list_installed "$2"
  [[ $packages == "$REPLY"$'\n' ]]
}

# Usage: lay_out_by_mode <folder>
# For sync_by_store: makes <folder>/tree, an environment that uses the entry, or is a full copy of it.
lay_out_by_mode() {
  {
    lay_out_environment "$STORE_ENTRY" "$1" "$SYNC_PLACE" "${PWD##*/}" &&
      { [[ $STORE_PROJECT != kept ]] || lay_out_project "$1/tree" "$SYNC_PLACE"; } &&
      { [[ $_sync_mode != copy ]] || fill_copy "$STORE_ENTRY" "$1/tree"; }
  } 2>/dev/null
}

# Usage: fill_copy <entry> <environment>
# Makes the environment, which uses the entry, one that needs it no more: with all files in it, as links of the store's.
fill_copy() {
  local site file target text="" line
  for site in "$2"/lib/python3*/site-packages; do
    copy_into "$1/site" "$site" || return 1
    # (What is in the store is read-only; in an environment, files are added and removed.)
    find "$site" -type d -exec chmod u+w {} + && rm -f "$site/_pyve_store.pth" "$2/$STORE_TOKEN" || return 1
  done
  for file in "$2"/bin/*; do
    [[ -L $file && $file -ef $1/bin/${file##*/} ]] || continue
    target=$1/bin/${file##*/}
    rm -f "$file" && { ln "$target" "$file" 2>/dev/null || cp -p "$target" "$file"; } || return 1
  done
  while IFS= read -r line; do
    [[ $line != store=* ]] || line=copy=1
    text+=$line$'\n'
  done <"$2/pyve.state"
  printf '%s' "$text" >"$2/pyve.state"
}

# Usage: copy_into <folder> <other folder>
# Copies what is in the folder to the other, which is there, by the cheapest means that this system has.
copy_into() {
  cp -al "$1/." "$2/" 2>/dev/null || cp -Rfp "$1/." "$2/"
}

# Usage: read_entry_packages <entry>
# Sets SYNC_ADDED to what is in it.
read_entry_packages() {
  local line
  SYNC_ADDED=()
  while IFS= read -r line; do
    SYNC_ADDED+=("$line")
  done <"$1/packages"
}

# Usage: carry_files <old environment> <new one>
# Takes over what somebody else has put into the old one: what is neither in bin nor in site-packages, and belongs to
# no package.
carry_files() {
  local file entry="" recorded=""
  local -a files=()
  get_sync_note "$1" store
  entry=$REPLY
  while IFS= read -r -d '' file; do
    files+=("${file#./}")
  done < <(CDPATH="" cd -- "$1" && find . \( -path ./bin -o -path './lib/python3*/site-packages' -o -path ./pyvenv.cfg -o -path './pyve.*' \) -prune \
    -o \( -type f -o -type l \) -print0 2>/dev/null)
  ((${#files[@]})) || return 0
  recorded=$'\n'$(cat "$1"/lib/python3*/site-packages/*.dist-info/RECORD 2>/dev/null | grep '^"\{0,1\}\.\./\.\./\.\./') || :
  for file in "${files[@]}"; do
    if [[ -e $2/$file || -L $2/$file || $recorded == *$'\n'"../../../$file,"* || $recorded == *$'\n'"\"../../../$file\","* ]] ||
      [[ -n $entry && (-e $entry/tree/$file || -L $entry/tree/$file || -e $entry/copy/$file) ]]; then
      continue
    fi
    [[ $file != */* || -d $2/${file%/*} ]] || mkdir -p "$2/${file%/*}" || return 1
    # (A link of the same file: whoever has it open keeps it.)
    { cp -al "$1/$file" "$2/$file" || cp -Rp "$1/$file" "$2/$file"; } 2>/dev/null || {
      fail_environment_write "$2"
      return 1
    }
  done
}

# Usage: remember_if_usual <environment that was there, or "">
# After sync_by_store, and what stands beside the environment: has the next worktree get this environment at once, where
# nothing but the project's own files has decided what it is.
remember_if_usual() {
  [[ $_sync_mode == store && -z $_sync_selection && -z $STORE_TOP && -z ${_sync_local-} && -n ${VENV_LOCK_NOTE-} ]] || return 0
  [[ ${VENV_LOCK_STATE-} == current && $VENV_LOCK_SHA256 == "$SYNC_LOCK_SHA256" && $_warning_count -eq 0 ]] || return 0
  [[ -n $_sync_wants_project && " ${PYVE_WORDS[*]-} " != *" --only-binary "* ]] || return 0
  (
    if [[ -n $1 ]]; then
      # What is in use was not chosen now; a new one would be.
      id=$PYTHON_ID PYVE_PYTHON_DOWNLOADS=never PROBE_SOON=1
      choose_interpreter "" >/dev/null 2>&1 && settle_interpreter && [[ $PYTHON_ID == "$id" ]] && ((_warning_count == 0)) || exit 0
    fi
    remember_hit "$STORE_ENTRY" "$SYNC_PLACE" "$VENV_LOCK_NOTE" "${STORE_PROJECT:+$STORE_PROJECT_KEY}"
  ) </dev/null || :
}
