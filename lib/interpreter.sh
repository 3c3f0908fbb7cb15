# shellcheck shell=bash
# shellcheck disable=SC2034 # results are handed back in globals that other files read
# Which interpreters are here, and the one to take. They are found by looking at folders; only the
# one that is going to be used is executed, because what looks like an interpreter may be a dead
# link.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/interpreter.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F log_info >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"
declare -F version_key >/dev/null || . "${BASH_SOURCE[0]%/*}/env_detect.sh"
declare -F version_satisfies >/dev/null || . "${BASH_SOURCE[0]%/*}/python_wish.sh"
declare -F probe_interpreter >/dev/null || . "${BASH_SOURCE[0]%/*}/probe.sh"

# The oldest Python that Pyve makes environments for: 3.<this>.
_interpreter_oldest_minor=9

# How the choice that is being made goes about a Python that is missing: "1" when a person is asked before it is installed,
# and when nothing is installed at all.
_choice_asks="" _choice_installs_nothing=""

# --- what is here

# Usage: _add_interpreter <path> <version> <manager>
# Adds an interpreter to the list, unless the same file is there already.
_add_interpreter() {
  local known
  for known in ${INTERPRETER_PATHS[@]+"${INTERPRETER_PATHS[@]}"}; do
    if [[ $1 -ef $known ]]; then
      return 0
    fi
  done
  INTERPRETER_PATHS+=("$1")
  INTERPRETER_VERSIONS+=("$2")
  INTERPRETER_MANAGERS+=("$3")
}

# Usage: _is_real_bin <dir>
# Status 0 when <dir>, an entry of PATH, may hold interpreters that are nobody's shim and do not
# belong to an environment.
_is_real_bin() {
  case $1 in
    /*/shims | /*/shims/*) return 1 ;;
    /*) ;;
    *) return 1 ;;
  esac
  if [[ -f $1/../pyvenv.cfg ]]; then
    return 1
  fi
  [[ $1 != */envs/*/bin || ! -d $1/../conda-meta ]]
}

# Usage: _is_apple_stub <path>
# Status 0 for macOS' /usr/bin/python3 without the developer tools: it opens a dialogue.
_is_apple_stub() {
  [[ ${OSTYPE:-} == darwin* && $1 == /usr/bin/python* &&
    ! -d /Library/Developer/CommandLineTools/usr/bin && ! -d /Applications/Xcode.app ]]
}

# Usage: list_interpreters [manager or ""]
# Fills the arrays INTERPRETER_PATHS, INTERPRETER_VERSIONS (3.12.4; 3.12 where only the series
# is known without executing; or "") and INTERPRETER_MANAGERS (asdf, pyenv, mise, uv, system),
# each file once; those of a manager only, where one is named. Executes nothing.
list_interpreters() {
  INTERPRETER_PATHS=() INTERPRETER_VERSIONS=() INTERPRETER_MANAGERS=()
  local manager i folder file rest numbered='/python(3\.[0-9]{1,3})$'
  for manager in asdf pyenv mise uv; do
    [[ -z ${1-} || $1 == "$manager" ]] || continue
    list_managed_pythons "$manager"
    # Real versions first: an alias ("3", "latest", "3.12") of one is then the same file.
    for ((i = 0; i < ${#MANAGED_PATHS[@]}; i++)); do
      if [[ -n ${MANAGED_VERSIONS[i]} ]]; then
        _add_interpreter "${MANAGED_PATHS[i]}" "${MANAGED_VERSIONS[i]}" "$manager"
      fi
    done
    for ((i = 0; i < ${#MANAGED_PATHS[@]}; i++)); do
      if [[ -z ${MANAGED_VERSIONS[i]} ]]; then
        _add_interpreter "${MANAGED_PATHS[i]}" "" "$manager"
      fi
    done
  done
  rest=${PATH:-}
  [[ -z ${1-} ]] || rest=""
  while [[ -n $rest ]]; do
    folder=${rest%%:*}
    rest=${rest#"$folder"}
    rest=${rest#:}
    _is_real_bin "$folder" || continue
    for file in "$folder"/python3.* "$folder/python3" "$folder/python"; do
      [[ -f $file && -x $file ]] || continue
      _is_apple_stub "$file" && continue
      if [[ $file =~ $numbered ]]; then
        _add_interpreter "$file" "${BASH_REMATCH[1]}" system
      elif [[ ${file##*/} == python || ${file##*/} == python3 ]]; then
        _add_interpreter "$file" "" system
      fi
    done
  done
  return 0
}

# --- choosing

# Usage: _is_too_old <version>
# Status 0 when <version> is below the oldest Python that Pyve makes environments for.
_is_too_old() {
  local form='^([0-9]+)(\.([0-9]+))?'
  [[ $1 =~ $form ]] || return 1
  ((10#${BASH_REMATCH[1]} < 3 || (10#${BASH_REMATCH[1]} == 3 && 10#${BASH_REMATCH[3]:-99} < _interpreter_oldest_minor)))
}

# Usage: _rank_interpreters version|best <wish>
# Fills _ranks: -1 for an interpreter that is out of the question, else the higher the better.
# "version": the manager in use first, then the other managers, then PATH; within each the
# newest. "best": the newest first, ties by manager; one whose version must be asked for after
# those that are known, pre-releases last.
_rank_interpreters() {
  local mode=$1 wish=$2 i version manager preference class
  _ranks=()
  for ((i = 0; i < ${#INTERPRETER_PATHS[@]}; i++)); do
    _ranks[i]=-1
    version=${INTERPRETER_VERSIONS[i]}
    manager=${INTERPRETER_MANAGERS[i]}
    preference=2
    [[ $manager != system ]] || preference=1
    [[ $manager != "${VERSION_MANAGER:-}" ]] || preference=3
    REPLY=0
    if [[ -n $version ]]; then
      version_key "$version" || continue
    fi
    if [[ $mode == version ]]; then
      if [[ -z $version ]]; then
        # A name that tells no version was given to it on purpose: it goes by its name only.
        [[ $manager == system ]] || continue
        preference=0
      elif [[ $version == *.*.* ]]; then
        version_matches "$wish" "$version" || continue
      else
        version_matches "$wish" "$version" || version_matches "$version" "$wish" || continue
      fi
      _ranks[i]=$((preference * 1000000000000000 + REPLY))
    else
      class=3
      if [[ -z $version ]]; then
        class=2
      elif _is_too_old "$version"; then
        continue
      elif [[ $version == *.*.* ]]; then
        version_satisfies "$version" "$wish" || continue
        [[ $version != *[a-z]* ]] || class=1
      else
        may_satisfy "$version" "$wish" || continue
      fi
      _ranks[i]=$((class * 10000000000000000 + REPLY * 10 + preference))
    fi
  done
}

# Usage: _next_interpreter
# Sets REPLY to the index of the best interpreter that is left in _ranks. Status 1: none is.
_next_interpreter() {
  local i best=-1
  REPLY=""
  for ((i = 0; i < ${#_ranks[@]}; i++)); do
    if ((_ranks[i] > best)); then
      best=${_ranks[i]}
      REPLY=$i
    fi
  done
  [[ -n $REPLY ]]
}

# Usage: _reject <path> <reason>
# Remembers why an interpreter was not taken, and says so with --verbose.
_reject() {
  _rejected+=("$1: $2")
  log_verbose "not taken: $1: $2"
}

# Usage: _note_broken <index> <reason>
# For _pick_version: adds an interpreter to _broken, and sets _broken_version and _broken_manager where it is the first one.
_note_broken() {
  ((${#_broken[@]} > 0)) || _broken_version=${INTERPRETER_VERSIONS[$1]} _broken_manager=${INTERPRETER_MANAGERS[$1]}
  _broken+=("${INTERPRETER_PATHS[$1]}: $2")
}

# Usage: _propose_anew
# After _pick_version: sets REPLY to the command that makes the best one of _broken anew, or, where no manager keeps it that
# is here, installs another one; to "" where there is none.
_propose_anew() {
  REPLY=""
  if [[ $_broken_manager == "$VERSION_MANAGER" ]]; then
    REPLY="pyve python install $_broken_version"
  elif [[ $_broken_manager == uv ]] || { [[ $_broken_manager != system ]] && has_manager "$_broken_manager"; }; then
    REPLY="pyve python install $_broken_version --manager $_broken_manager"
  elif [[ -n $VERSION_MANAGER ]]; then
    REPLY="pyve python install $PYTHON_WISH"
  fi
}

# Usage: _pick_version <version>
# Takes the best installed interpreter that is <version>. Sets what probe_interpreter sets, and
# PYTHON_MANAGER. Status 1 when there is none; _broken then has "path: reason" of those that
# should have been, but do not run.
_pick_version() {
  local wish=$1 i path known
  _rank_interpreters version "$wish"
  while _next_interpreter; do
    i=$REPLY
    _ranks[i]=-1
    path=${INTERPRETER_PATHS[i]}
    known=${INTERPRETER_VERSIONS[i]}
    if ! probe_interpreter "$path"; then
      _reject "$path" "$REPLY"
      # One that only might have been the version is no broken instance of it.
      if [[ -n $known ]] && version_matches "$wish" "$known"; then
        _note_broken "$i" "$REPLY"
      fi
      continue
    fi
    if [[ $PYTHON_IMPLEMENTATION != cpython ]]; then
      _reject "$path" "it is $PYTHON_IMPLEMENTATION; name it to use it"
    elif version_matches "$wish" "$PYTHON_VERSION"; then
      PYTHON_MANAGER=${INTERPRETER_MANAGERS[i]}
      return 0
    elif [[ -n $known ]] && version_matches "$wish" "$known"; then
      _reject "$path" "it says it is Python $PYTHON_VERSION"
      _note_broken "$i" "it says it is Python $PYTHON_VERSION"
    fi
    INTERPRETER_VERSIONS[i]=$PYTHON_VERSION
  done
  _forget_python
  return 1
}

# Usage: _pick_best <specifiers>
# Takes the best installed interpreter in the specifier set ("" for any): the newest stable one
# that runs and has a venv module; a pre-release when there is nothing else. Sets what
# probe_interpreter sets, and PYTHON_MANAGER. Status 1 when there is none.
_pick_best() {
  local wish=$1 i path
  _rank_interpreters best "$wish"
  while _next_interpreter; do
    i=$REPLY
    path=${INTERPRETER_PATHS[i]}
    if ! probe_interpreter "$path"; then
      _reject "$path" "$REPLY"
    elif _is_too_old "$PYTHON_VERSION"; then
      _reject "$path" "Python $PYTHON_VERSION is older than 3.$_interpreter_oldest_minor"
    elif [[ $PYTHON_IMPLEMENTATION != cpython ]]; then
      _reject "$path" "it is $PYTHON_IMPLEMENTATION; name it to use it"
    elif ! version_satisfies "$PYTHON_VERSION" "$wish"; then
      _reject "$path" "Python $PYTHON_VERSION does not satisfy '$wish'"
    elif [[ -z $PYTHON_HAS_VENV ]]; then
      _reject "$path" "it has no venv module"
    elif [[ -n $PYTHON_PRERELEASE ]] && ((_ranks[i] >= 20000000000000000)); then
      # Its name did not tell that it is one: it waits until the stable ones are through.
      version_key "$PYTHON_VERSION" || true
      _ranks[i]=$((10000000000000000 + REPLY * 10))
      continue
    else
      PYTHON_MANAGER=${INTERPRETER_MANAGERS[i]}
      return 0
    fi
    _ranks[i]=-1
  done
  _forget_python
  return 1
}

# Usage: load_interpreter_advice
# Reads what is said when there is no interpreter as it was asked for.
load_interpreter_advice() {
  # shellcheck source=/dev/null # read when needed; it reads this file back
  declare -F nearest_version >/dev/null || . "${BASH_SOURCE[0]%/*}/interpreter_advice.sh"
}

# Usage: _install_and_probe <version>
# Installs <version> through the manager, and takes it.
_install_and_probe() {
  install_python_version "$1" || return 1
  local path=$REPLY
  if ! probe_interpreter "$path"; then
    local why=$REPLY
    load_interpreter_advice
    _series_of "$1"
    nearest_version "$1" "$REPLY"
    [[ -z $REPLY ]] || propose_version "$REPLY"
    fail E_PYTHON_BROKEN "Python $1 was installed, but cannot be used" why "$path: $why" \
      why "install it anew by hand, or take another one" ${REPLY:+fix "$REPLY"} || return 1
  fi
  PYTHON_MANAGER=$VERSION_MANAGER
}

# Usage: _choose_version
# Takes the explicitly wished version, installing it if need be.
_choose_version() {
  local note
  local -a lines=()
  if _is_too_old "$PYTHON_WISH"; then
    load_interpreter_advice
    fail_too_old "$PYTHON_WISH" "$PYTHON_WISH_SOURCE asks for it" || return 1
  fi
  list_interpreters ""
  if _pick_version "$PYTHON_WISH"; then
    return 0
  fi
  if ((${#_broken[@]} > 0)); then
    for note in "${_broken[@]}"; do
      lines+=(why "$note")
    done
    _propose_anew
    [[ -z $REPLY ]] || lines+=(fix "$REPLY")
    load_interpreter_advice
    _series_of "$PYTHON_WISH"
    nearest_version "$PYTHON_WISH" "$REPLY"
    if [[ -n $REPLY ]]; then
      propose_version "$REPLY"
      lines+=(fix "$REPLY")
    fi
    fail E_PYTHON_BROKEN "Python $PYTHON_WISH, from $PYTHON_WISH_SOURCE, does not work" "${lines[@]}" || return 1
  fi
  if ! _may_install "Python $PYTHON_WISH ($PYTHON_WISH_SOURCE) is not installed" "$PYTHON_WISH"; then
    load_interpreter_advice
    _explain_missing "Python $PYTHON_WISH, from $PYTHON_WISH_SOURCE, is not installed" "$PYTHON_WISH" || return 1
  fi
  _install_and_probe "$PYTHON_WISH"
}

# Usage: _choose_path
# Takes the interpreter that was named by its path, or by its name in a version manager.
_choose_path() {
  if ! probe_interpreter "$_wish_path"; then
    local why=$REPLY
    load_interpreter_advice
    propose_near_version ""
    fail E_PYTHON_BROKEN "the interpreter '$PYTHON_WISH', from $PYTHON_WISH_SOURCE, does not work" \
      why "$_wish_path: $why" fix "$REPLY" || return 1
  fi
  PYTHON_MANAGER=$_wish_manager
  if _is_too_old "$PYTHON_VERSION"; then
    load_interpreter_advice
    fail_too_old "$PYTHON_VERSION" "it is $_wish_path, from $PYTHON_WISH_SOURCE" || return 1
  fi
}

# Usage: _choose_best
# Without an explicit wish: takes the best interpreter here that satisfies requires-python, else
# installs one.
_choose_best() {
  local wanted=$PYTHON_WISH version
  list_interpreters ""
  if _pick_best "$wanted"; then
    return 0
  fi
  local what="no Python here can be used"
  [[ -z $wanted ]] || what="no Python here satisfies requires-python '$wanted'"
  [[ -z $wanted || -z $_choice_asks ]] || what="no Python here satisfies '$wanted', $PYTHON_WISH_SOURCE"
  if ! _can_install; then
    load_interpreter_advice
    _explain_missing "$what" "$wanted" || return 1
  fi
  _pick_installable "$wanted" || return 1
  if [[ -z $REPLY ]]; then
    fail E_PYTHON_MISSING "$what" \
      why "$VERSION_MANAGER can install no stable Python that does; its list may be old" || return 1
  fi
  version=$REPLY
  if ! _may_install "$what" "$version"; then
    load_interpreter_advice
    _explain_missing "$what" "$version" || return 1
  fi
  _install_and_probe "$version"
}

# Usage: _pick_installable <specifiers>
# Sets REPLY to the stable version to install: the default when it is in the set and the manager
# has it (or does not say what it has), else the newest that it has in the set; "" for none.
# Status 1 after a diagnostic.
_pick_installable() {
  local wanted=$1 status=0 candidate key best=-1 found="" preferred=${DEFAULT_PYTHON_VERSION:-3.14.3}
  version_satisfies "$preferred" "$wanted" || preferred=""
  list_available_pythons || status=$?
  if ((status)); then
    REPLY=$preferred
    return $((status == 2))
  fi
  for candidate in ${AVAILABLE_VERSIONS[@]+"${AVAILABLE_VERSIONS[@]}"}; do
    if [[ $candidate == "$preferred" ]]; then
      REPLY=$preferred
      return 0
    fi
    # Cheap tests first: the list is long.
    [[ $candidate != *[a-z]* ]] || continue
    version_key "$candidate"
    key=$REPLY
    ((key > best)) || continue
    _is_too_old "$candidate" && continue
    version_satisfies "$candidate" "$wanted" || continue
    best=$key
    found=$candidate
  done
  REPLY=$found
}

# Usage: _can_install
# Status 0 when a missing Python could be installed: there is a manager, or, where somebody is asked, the uv of Pyve's
# toolchain (VERSION_MANAGER and UV_PROGRAM are set then), and nobody forbids it.
_can_install() {
  [[ ${PYVE_PYTHON_DOWNLOADS:-} != never && -z $_choice_installs_nothing ]] || return 1
  if [[ -z $VERSION_MANAGER ]]; then
    [[ -n $_choice_asks ]] || return 1
    load_python_install
    find_own_uv
  fi
}

# Usage: _may_install <what is missing> <version>
# Status 0 when the version may be installed now: it can, and where nobody has asked for an environment (a script or a tool
# needs it) somebody agrees. Without a terminal that is --yes, CI or PYVE_PYTHON_DOWNLOADS=auto.
_may_install() {
  _can_install || return 1
  if [[ -z $_choice_asks || ${PYVE_PYTHON_DOWNLOADS:-} == auto ]] || ! can_ask; then
    log_info "$1: installing Python $2 with $VERSION_MANAGER"
    return 0
  fi
  on_terminal && prompt_yes_no "$1. Install Python $2 with $VERSION_MANAGER?" y
}

# Usage: choose_interpreter [<flag value>]
# Chooses the interpreter for the project in the current directory, as resolve_python_wish says,
# and executes it. Sets all that resolve_python_wish and probe_interpreter set, PYTHON_SOURCE
# (whose wish it was, as a phrase) and PYTHON_MANAGER (asdf, pyenv, mise, uv, system). An explicit
# wish is met exactly, if need be by installing it through the version manager, or fails;
# without one the best that is here is taken. PYVE_PYTHON_DOWNLOADS=never forbids installing.
# Status 1 after E_PYTHON_VERSION_INVALID, _MISSING, _BROKEN, _TOO_OLD, _INSTALL, _DIGEST or _OFFLINE.
choose_interpreter() {
  _choice_asks="" _choice_installs_nothing=""
  detect_version_manager || true
  resolve_python_wish "${1:-}" && _choose_wished
}

# Usage: find_wished_python [<version, name or path>]
# As choose_interpreter, for who only reads: nothing is installed; and what the project says counts only where nothing is
# named.
find_wished_python() {
  _choice_asks="" _choice_installs_nothing=1
  detect_version_manager || true
  if [[ -n ${1-} ]]; then
    resolve_given_wish "$1" "" ""
  else
    resolve_python_wish
  fi && _choose_wished
}

# Usage: choose_interpreter_for <flag value> <specifiers> <whose specifiers, as a phrase>
# The same for what belongs to no project, such as a script or a tool: no file of the current folder counts. The flag
# value is that of --python, or ""; the specifiers are such as ">=3.11", or "". Before one is installed, a person is
# asked.
choose_interpreter_for() {
  _choice_asks=1 _choice_installs_nothing=""
  detect_version_manager || true
  resolve_given_wish "$1" "$2" "$3" && _choose_wished
}

# Usage: _choose_wished
# For choose_interpreter: takes the interpreter that the wish is for.
_choose_wished() {
  _rejected=() _broken=() _ranks=()
  PYTHON_MANAGER=""
  _forget_python
  PYTHON_SOURCE=$PYTHON_WISH_SOURCE
  case $PYTHON_WISH_KIND in
    version) _choose_version || return 1 ;;
    name | path) _choose_path || return 1 ;;
    *) _choose_best || return 1 ;;
  esac
  if [[ $PYTHON_WISH_KIND == version || $PYTHON_WISH_KIND == name || $PYTHON_WISH_KIND == path ]]; then
    _check_requires "$PYTHON_VERSION"
  fi
  log_verbose "Python $PYTHON_VERSION: $PYTHON ($PYTHON_MANAGER; $PYTHON_SOURCE)"
}
