# shellcheck shell=bash
# All that `pyve status` says of a project: manifest, lock, environment, interpreter, engine, direnv, and the
# state that follows from them. Reads files only, and writes none. No Python is started but the helper that
# compares a conda lock with its manifest, when their times say that the lock may be stale.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/project_facts.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F answer >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
declare -F locate_environment >/dev/null || . "${BASH_SOURCE[0]%/*}/project_state.sh"
declare -F logged >/dev/null || . "${BASH_SOURCE[0]%/*}/debug_log.sh"

# Usage: find_state
# Sets PROJECT_STATE to uninitialized, needs-lock, needs-env, consistent or broken, PROJECT_WHY to why it is not
# consistent, NEXT to the command that leads on from there, PROJECT_FACTS to lines "label<tab>text" about the
# project, and what the functions below set.
find_state() {
  local usable="" here=""
  PROJECT_FACTS=() PROJECT_WHY=()
  locate_environment && usable=1
  if [[ ! $PROJECT_ROOT -ef ${PYVE_CALLED_FROM:-$PWD} ]]; then
    declare -F quote_word >/dev/null || . "${BASH_SOURCE[0]%/*}/text.sh"
    quote_word "$PROJECT_ROOT"
    here="-C $REPLY "
  fi
  begin_direnv
  find_manifest
  begin_lock
  find_leftovers
  if [[ ! -f $PROJECT_ROOT/.pyve/config ]]; then
    find_direnv
    judge_uninitialized "$here"
    return 0
  fi
  judge_environment "$usable"
  if [[ -n ${_lock_begun-} && $ENVIRONMENT_CONDITION == works ]]; then
    look_for_lost_packages
  fi
  find_lock
  [[ $MANIFEST_BACKEND != venv || $LOCK_STATE != current ]] || judge_synced
  find_direnv
  judge_project "$here"
}

# Usage: add_fact <place> <label> <text>
# Adds a line for people; those with small numbers come first.
add_fact() {
  PROJECT_FACTS[$1]=$2$'\t'$3
}

# Usage: load_conda_facts
# Reads lib/conda_facts.sh, which other projects do without.
load_conda_facts() {
  declare -F compare_conda_lock >/dev/null || . "${BASH_SOURCE[0]%/*}/conda_facts.sh"
}

# --- what is there

# Usage: find_manifest
# Sets MANIFEST_FILES to the files of the project that say what it needs, those of its backend (by the config, else
# by what is there: MANIFEST_BACKEND) only.
find_manifest() {
  local root=${PROJECT_ROOT%/} file text conda python=()
  config_get micromamba.env_file
  conda=${REPLY:-environment.yml}
  # (The config may name a lock there.)
  [[ $conda != *-lock.y*ml ]] || conda=environment.yml
  if [[ -f $root/pyproject.toml && -r $root/pyproject.toml ]]; then
    IFS= read -r -d '' text <"$root/pyproject.toml" || :
    # (A quick look comes before the slow one.)
    if [[ $text == *project*]* && $'\n'$text =~ $'\n'[[:blank:]]*\[[[:blank:]]*project[[:blank:]]*\] ]]; then
      python+=(pyproject.toml)
    fi
  fi
  for file in setup.py requirements.in requirements.txt; do
    [[ ! -f $root/$file ]] || python+=("$file")
  done
  MANIFEST_FILES=()
  MANIFEST_BACKEND=$ENVIRONMENT_BACKEND
  if [[ ! -f $root/.pyve/config ]]; then
    MANIFEST_BACKEND=venv
    if [[ (-f $root/environment.yml || -f $root/conda-lock.yml) && ! -f $root/pyproject.toml && ! -f $root/requirements.txt ]]; then
      MANIFEST_BACKEND=micromamba
    fi
  fi
  if [[ $MANIFEST_BACKEND == venv ]]; then
    MANIFEST_FILES=(${python[@]+"${python[@]}"})
  elif [[ -f $root/$conda ]]; then
    MANIFEST_FILES=("$conda")
  fi
}

# Usage: begin_lock
# Lets a process make the digests that find_lock needs for pylock.toml, if it does.
begin_lock() {
  if [[ $MANIFEST_BACKEND == venv && -f ${PROJECT_ROOT%/}/pylock.toml ]]; then
    declare -F begin_venv_lock >/dev/null || . "${BASH_SOURCE[0]%/*}/venv_lock.sh"
    begin_venv_lock "${PROJECT_ROOT%/}"
  fi
}

# Usage: find_lock
# Sets LOCK_FILES, and LOCK_STATE: none, current, stale, alone (it has no manifest), platform-missing (it is not for this
# machine), unreadable, or unknown; LOCK_BASIS says by what: digest, time, content or "".
find_lock() {
  local root=${PROJECT_ROOT%/} file
  LOCK_FILES=() LOCK_STATE=none LOCK_BASIS=""
  if [[ $MANIFEST_BACKEND == micromamba ]]; then
    config_get micromamba.env_file
    [[ $REPLY == *-lock.yml || $REPLY == *-lock.yaml ]] || REPLY="conda-lock.yml"
    if [[ ! -f $root/$REPLY ]]; then
      return 0
    fi
    LOCK_FILES=("$REPLY")
    LOCK_STATE=alone
    if ((${#MANIFEST_FILES[@]})); then
      load_conda_facts
      compare_conda_lock "$root/${MANIFEST_FILES[0]}" "$root/${LOCK_FILES[0]}"
    fi
    return 0
  fi
  for file in "$root"/pylock.toml "$root"/pylock.*.toml; do
    if [[ -f $file ]]; then
      LOCK_FILES+=("${file##*/}")
      LOCK_STATE=unknown
    fi
  done
  if [[ -e $root/pylock.toml || -L $root/pylock.toml ]]; then
    declare -F judge_locked_project >/dev/null || . "${BASH_SOURCE[0]%/*}/venv_lock.sh"
    judge_locked_project
  fi
}

# Usage: find_interpreter
# Sets INTERPRETER to the path of what the environment was made with, INTERPRETER_MANAGER (asdf, pyenv, mise, uv,
# conda or system) and INTERPRETER_WANTED, the version that the config asks for; "" where that is not known.
find_interpreter() {
  local line left
  INTERPRETER="" INTERPRETER_MANAGER="" INTERPRETER_WANTED=""
  config_get python.version
  [[ $ENVIRONMENT_BACKEND != venv ]] || INTERPRETER_WANTED=$REPLY
  if [[ $ENVIRONMENT_BACKEND == micromamba ]]; then
    if [[ -n $ENVIRONMENT_PYTHON ]]; then
      INTERPRETER=$ENVIRONMENT/bin/python INTERPRETER_MANAGER=conda
    fi
    return 0
  fi
  get_recorded python
  if [[ -z $REPLY && -f $ENVIRONMENT/pyvenv.cfg && -r $ENVIRONMENT/pyvenv.cfg ]]; then
    left=1000
    while ((left-- > 0)) && IFS= read -r line; do
      [[ ! $line =~ ^home\ *=\ *(/.*[^[:space:]]) ]] || REPLY=${BASH_REMATCH[1]}/python3
    done <"$ENVIRONMENT/pyvenv.cfg"
  fi
  [[ -n $REPLY ]] || return 0
  INTERPRETER=$REPLY
  declare -F find_manager_of >/dev/null || . "${BASH_SOURCE[0]%/*}/manager_folders.sh"
  find_manager_of "$INTERPRETER"
  INTERPRETER_MANAGER=$REPLY
}

# Usage: begin_direnv
# Sets ENVRC and ENVRC_INSTALLED, see find_direnv, and lets a process make the digest that this needs, if it does:
# that takes as long as all the rest.
begin_direnv() {
  local record="" root=${PROJECT_ROOT%/}
  ENVRC=none ENVRC_INSTALLED="" _envrc_text="" _envrc_asked=""
  ! type -P direnv >/dev/null || ENVRC_INSTALLED=1
  [[ -e $root/.envrc ]] || return 0
  ENVRC=foreign
  [[ ! -r $root/.pyve/state ]] || IFS= read -r -d '' record <"$root/.pyve/state" || :
  [[ ! -r $root/.envrc ]] || IFS= read -r -d '' _envrc_text <"$root/.envrc" || :
  if [[ $'\n'$record =~ $'\n'[0-9]+\ ([0-9]+)\ \.envrc$'\n' ]]; then
    # (Its size will do: a checksum would cost a process.)
    count_bytes "$_envrc_text"
    ((BASH_REMATCH[1] == REPLY)) && ENVRC=ours || ENVRC=changed
  fi
  if [[ -n $ENVRC_INSTALLED && ${DIRENV_DIR-} != "-$PROJECT_ROOT" ]]; then
    declare -F run_sha256 >/dev/null || . "${BASH_SOURCE[0]%/*}/digest.sh"
    _envrc_asked=1
    # direnv's own digest: of path and text. (What <<< gives has a line end behind it.)
    if [[ $_envrc_text == *$'\n' ]]; then
      exec 7< <(run_sha256 <<<"$root/.envrc"$'\n'"${_envrc_text%$'\n'}" 2>/dev/null)
    else
      exec 7< <(run_sha256 < <(printf '%s\n%s' "$root/.envrc" "$_envrc_text") 2>/dev/null)
    fi
  fi
}

# Usage: find_direnv
# After begin_direnv. ENVRC is what .envrc is: none, ours, changed (since Pyve wrote it) or foreign; ENVRC_INSTALLED "1"
# when there is a direnv. Sets ENVRC_ALLOWED to "1" when that may load it (then a shell that is not in the environment
# lacks direnv's hook), and SHELL_ENTERED to what has brought this shell into the environment: direnv, hook, shell (pyve
# shell), other, or "" when nothing has.
find_direnv() {
  local DIGEST_QUIET=1
  ENVRC_ALLOWED="" SHELL_ENTERED=""
  if [[ ${VIRTUAL_ENV-} -ef $ENVIRONMENT || ${CONDA_PREFIX-} -ef $ENVIRONMENT ]]; then
    SHELL_ENTERED=other
    if [[ ${DIRENV_DIR-} == "-$PROJECT_ROOT" ]]; then
      SHELL_ENTERED=direnv
    elif [[ ${PYVE_SHELL-} == "$PROJECT_ROOT" ]]; then
      SHELL_ENTERED=shell
    elif [[ ${PYVE_HOOK_ROOT-} == "$PROJECT_ROOT" ]]; then
      SHELL_ENTERED=hook
    fi
  fi
  if [[ -n $_envrc_asked ]]; then
    # It keeps a file named by the digest.
    IFS= read -r -d '' REPLY <&7 || :
    exec 7<&-
    if check_digest "$REPLY" && [[ -e ${XDG_DATA_HOME:-${HOME-}/.local/share}/direnv/allow/$REPLY ]]; then
      ENVRC_ALLOWED=1
    fi
  elif [[ $ENVRC != none && -n $ENVRC_INSTALLED ]]; then
    # (What direnv has loaded, it may load.)
    ENVRC_ALLOWED=1
  fi
}

# Usage: count_bytes <text>
# Sets REPLY to its length in bytes.
count_bytes() {
  local LC_ALL=C
  REPLY=${#1}
}

# Usage: find_leftovers
# Sets LEFTOVERS to what killed commands left in the project (paths below it), and BUSY to the number of a process
# that is changing it now, or to "".
find_leftovers() {
  local root=${PROJECT_ROOT%/} file owner
  LEFTOVERS=() BUSY=""
  if [[ -L $root/.pyve/lock ]]; then
    declare -F is_owner_there >/dev/null || . "${BASH_SOURCE[0]%/*}/leftovers.sh"
    owner=$(readlink "$root/.pyve/lock") || owner=""
    if is_owner_there "$owner"; then
      BUSY=${owner%%:*}
      return 0
    fi
    LEFTOVERS+=(.pyve/lock)
  fi
  for file in "$root"/.pyve/tmp "$root"/.pyve/tmp.gone.* "$root"/.pyve/*.pyve-new.* "$root"/.pyve/lock.* "$root"/.*.pyve-new.* \
    "$root"/.pyve/envs/.making.* "$root"/.pyve/envs/.old.* "$root"/.pyve/envs/*/.pyve-unfinished; do
    if [[ -e $file || -L $file ]]; then
      LEFTOVERS+=("${file#"$root"/}")
    fi
  done
}

# --- what follows

# Usage: judge_uninitialized <"-C project " or "">
# For find_state: the project has no .pyve/config.
judge_uninitialized() {
  local file found="" root=${PROJECT_ROOT%/}
  PROJECT_STATE=uninitialized
  NEXT="pyve ${1}init"
  ENVIRONMENT_CONDITION=missing
  ENVIRONMENT_MADE_FROM="" ENVIRONMENT_MADE_FROM_STATE="" LOCK_SHA256="" MANIFEST_SHA256=""
  LOCK_FILES=() LOCK_STATE=none LOCK_BASIS=""
  PROJECT_WHY=("there is no .pyve/config in $PROJECT_ROOT or above it")
  for file in pyproject.toml setup.py "$root"/requirements*.in "$root"/requirements*.txt environment.yml conda-lock.yml pylock.toml \
    .tool-versions .python-version; do
    file=${file##*/}
    [[ ! -f $root/$file ]] || found+=${found:+, }$file
  done
  find_lock
  # (There is nothing yet with which it would have to agree.)
  [[ $LOCK_STATE == none ]] || LOCK_STATE=unknown LOCK_BASIS=""
  add_fact 0 Found "${found:-no project files yet}"
  if [[ -f $ENVIRONMENT/pyvenv.cfg ]]; then
    ENVIRONMENT_CONDITION=foreign
    add_fact 6 Environment "${ENVIRONMENT##*/}, not made by Pyve; pyve init takes it over"
  fi
}

# Usage: judge_environment <"1" when it can be used>
# Sets ENVIRONMENT_CONDITION: works, outdated (it works, but is not what config or lock ask for now), missing, unfinished,
# moved, emptied (what it has from the store is gone) or broken; and for conda ENVIRONMENT_MADE_FROM, a file, and ENVIRONMENT_MADE_FROM_STATE: current, changed, missing or
# unknown, and the digests LOCK_SHA256 and MANIFEST_SHA256.
judge_environment() {
  ENVIRONMENT_CONDITION=works
  ENVIRONMENT_MADE_FROM="" ENVIRONMENT_MADE_FROM_STATE="" LOCK_SHA256="" MANIFEST_SHA256=""
  if [[ $ENVIRONMENT == */ || (! -e $ENVIRONMENT && ! -L $ENVIRONMENT) ]]; then
    ENVIRONMENT_CONDITION=missing
    return 0
  elif [[ $ENVIRONMENT_BACKEND == micromamba ]] && is_environment_unfinished; then
    ENVIRONMENT_CONDITION=unfinished
  elif is_place_changed; then
    ENVIRONMENT_CONDITION=moved
  elif [[ -z $1 ]]; then
    ENVIRONMENT_CONDITION=broken
    ! is_store_gone || ENVIRONMENT_CONDITION=emptied
  fi
  if [[ $ENVIRONMENT_BACKEND == micromamba ]]; then
    load_conda_facts
    judge_source
  else
    config_get python.version
    if [[ $ENVIRONMENT_CONDITION == works && -n $ENVIRONMENT_PYTHON && $REPLY =~ ^[0-9]+(\.[0-9]+)*$ &&
      $ENVIRONMENT_PYTHON != "$REPLY" && $ENVIRONMENT_PYTHON != "$REPLY".* ]]; then
      ENVIRONMENT_CONDITION=outdated
      PROJECT_WHY+=("the environment has Python $ENVIRONMENT_PYTHON, and the config asks for $REPLY")
    fi
  fi
}

# Usage: judge_project <"-C project " or "">
# Sets PROJECT_STATE, NEXT and what is left of the facts.
judge_project() {
  local place=${ENVIRONMENT#"${PROJECT_ROOT%/}/"} text word
  config_get backend
  add_fact 2 Backend "${REPLY:-venv}"
  if [[ ! -r $PROJECT_ROOT/.pyve/config ]]; then
    PROJECT_STATE=broken NEXT="pyve ${1}doctor"
    PROJECT_WHY+=("$PROJECT_ROOT/.pyve/config cannot be read")
    add_fact 1 Config "cannot be read"
    return 0
  elif [[ $REPLY != "" && $REPLY != auto && $REPLY != venv && $REPLY != micromamba ]]; then
    PROJECT_STATE=broken NEXT="pyve ${1}doctor"
    PROJECT_WHY+=("there is no backend $REPLY")
    return 0
  fi
  describe_lock
  text=$REPLY
  case $ENVIRONMENT_CONDITION in
    moved)
      PROJECT_STATE=broken NEXT="pyve ${1}init --update"
      PROJECT_WHY+=("the environment was made at $ENVIRONMENT_PLACE")
      add_fact 6 Environment "$place, made at $ENVIRONMENT_PLACE and moved since"
      ;;
    broken)
      PROJECT_STATE=broken NEXT="pyve ${1}init --force"
      PROJECT_WHY+=("$place does not work any more")
      add_fact 6 Environment "$place does not work any more; pyve doctor says why"
      ;;
    emptied)
      PROJECT_STATE=needs-env NEXT="pyve ${1}sync"
      PROJECT_WHY+=("the packages of the environment are not in the store any more")
      add_fact 6 Environment "$place, whose packages are not in the store any more"
      ;;
    missing | unfinished)
      PROJECT_STATE=needs-env NEXT="pyve ${1}init --update"
      [[ $MANIFEST_BACKEND != venv || $LOCK_STATE != current ]] || NEXT="pyve ${1}sync"
      if [[ $ENVIRONMENT_CONDITION == missing ]]; then
        PROJECT_WHY+=("$ENVIRONMENT is not there")
        add_fact 6 Environment "$place is not there"
      else
        PROJECT_WHY+=("making $place was broken off")
        add_fact 6 Environment "$place, of which the making was broken off"
      fi
      ;;
    outdated)
      PROJECT_STATE=needs-env NEXT="pyve ${1}init --force"
      [[ ${PROJECT_WHY[0]} != "the environment was "*"synced with "*pylock.toml* ]] || NEXT="pyve ${1}sync"
      add_fact 6 Environment "$place${ENVIRONMENT_PYTHON:+, Python $ENVIRONMENT_PYTHON}: ${PROJECT_WHY[0]}"
      ;;
    works)
      PROJECT_STATE=consistent
      add_fact 6 Environment "$place${ENVIRONMENT_PYTHON:+, Python $ENVIRONMENT_PYTHON}"
      ;;
  esac
  case $PROJECT_STATE:$LOCK_STATE in
    broken:*) ;;
    *:stale | *:unreadable | *:platform-missing)
      PROJECT_STATE=needs-lock NEXT="pyve ${1}lock"
      # (What cannot be read cannot be locked either.)
      [[ $MANIFEST_BACKEND:$LOCK_STATE != venv:stale || -z ${VENV_LOCK_BROKEN-} ]] || NEXT="pyve ${1}doctor"
      PROJECT_WHY=("${LOCK_FILES[0]}: $text" ${PROJECT_WHY[@]+"${PROJECT_WHY[@]}"})
      if [[ $LOCK_STATE == platform-missing ]]; then
        declare -F find_conda_platform >/dev/null || . "${BASH_SOURCE[0]%/*}/micromamba_core.sh"
        ! find_conda_platform || NEXT+=" --platform $REPLY"
        if [[ $MANIFEST_BACKEND == venv ]]; then
          for word in $VENV_LOCK_PLATFORMS; do
            NEXT+=" --platform $word"
          done
        fi
      fi
      ;;
  esac
  if [[ $PROJECT_STATE == consistent ]]; then
    # (From a folder in the project they need no -C.)
    [[ -n ${PYVE_FOLDER-} ]] || set -- ""
    find_way_in "$1"
    NEXT=$REPLY
  fi
  ((${#LOCK_FILES[@]} == 0)) || add_fact 4 Lock "${LOCK_FILES[*]}${text:+, $text}"
}

# Usage: describe_lock
# Sets REPLY to LOCK_STATE in words, to "" where there is nothing to say.
describe_lock() {
  case $LOCK_STATE in
    none) REPLY="none (unlocked)" ;;
    current) REPLY="up to date" ;;
    stale)
      REPLY="${MANIFEST_FILES[0]-} was changed after it"
      if [[ $MANIFEST_BACKEND == venv && ${#VENV_LOCK_WHYS[@]} -gt 0 ]]; then
        REPLY="stale: ${VENV_LOCK_WHYS[0]}"
        [[ -z ${VENV_LOCK_BROKEN-} ]] || REPLY="what it was made from cannot be read: ${VENV_LOCK_WHYS[0]}"
      fi
      ;;
    platform-missing) REPLY="not for this machine" ;;
    unreadable) REPLY="it, or ${MANIFEST_FILES[0]:-what it was made from}, cannot be read" ;;
    *) REPLY="" ;;
  esac
}

# Usage: find_way_in <"-C project " or "">
# Sets REPLY to the command with which to go on in a project whose environment works; notes in
# PROJECT_FACTS whether this shell is in it. After find_direnv.
find_way_in() {
  if [[ -n $SHELL_ENTERED ]]; then
    add_fact 9 "This shell" "is in the environment"
    REPLY="python"
    return 0
  fi
  add_fact 9 "This shell" "is not in the environment"
  REPLY="pyve ${1}shell"
  if [[ $ENVRC != none && -n $ENVRC_INSTALLED && -z $ENVRC_ALLOWED ]]; then
    REPLY=${1#-C }
    REPLY="direnv allow${REPLY:+ ${REPLY% }}"
  fi
}
