# shellcheck shell=bash
# Version managers (asdf, pyenv, mise, uv): find them, ask them, install through them, write
# the version file they read; and whether direnv is here. Nothing here runs an rc file, and
# what is installed is found by looking at the managers' folders, not by starting them.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/env_detect.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
declare -F log_info >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"
declare -F write_file >/dev/null || . "${BASH_SOURCE[0]%/*}/files.sh"
declare -F python_install_dir >/dev/null || . "${BASH_SOURCE[0]%/*}/manager_folders.sh"
declare -F logged >/dev/null || . "${BASH_SOURCE[0]%/*}/debug_log.sh"

# asdf | pyenv | mise | uv, or "" when there is none; set by detect_version_manager.
VERSION_MANAGER=${VERSION_MANAGER:-}
# "1" when an interpreter is to be installed that is there already; and where the old one was, that was put aside for it.
PYTHON_REINSTALL="" _replaced_python=""

# A Python version: 3, 3.12, 3.12.4 or 3.14.0rc1.
_env_detect_version_re='^([0-9]{1,3})(\.([0-9]{1,4})(\.([0-9]{1,4})((a|b|rc)([0-9]{1,2}))?)?)?$'

# Usage: _append_to_path <dir>
# Puts <dir> at the end of PATH when it is a folder that PATH does not name yet.
_append_to_path() {
  if [[ -d $1 && ":${PATH:-}:" != *":$1:"* ]]; then
    PATH=${PATH:+$PATH:}$1
  fi
}

# Usage: source_shell_profiles
# Makes asdf, pyenv, mise and uv findable in a shell that read no profile: sets ASDF_DIR,
# ASDF_DATA_DIR and PYENV_ROOT where they are unset and the folder is there, and appends the
# managers' folders to PATH. Sources no file, starts no process. Status 0.
source_shell_profiles() {
  local home=${HOME:-}
  if [[ -d ${ASDF_DATA_DIR:-$home/.asdf} ]]; then
    export ASDF_DATA_DIR=${ASDF_DATA_DIR:-$home/.asdf}
  fi
  if [[ -d ${ASDF_DIR:-$home/.asdf} ]]; then
    export ASDF_DIR=${ASDF_DIR:-$home/.asdf}
    _append_to_path "$ASDF_DIR/bin"
  fi
  if [[ -d ${PYENV_ROOT:-$home/.pyenv} ]]; then
    export PYENV_ROOT=${PYENV_ROOT:-$home/.pyenv}
    _append_to_path "$PYENV_ROOT/bin"
  fi
  if [[ -n $home ]]; then
    _append_to_path "$home/.local/bin"
    _append_to_path "$home/.cargo/bin"
  fi
  return 0
}

# Usage: detect_version_manager
# Sets VERSION_MANAGER to the first of: asdf (with its python plugin), pyenv, mise, uv.
# Status 1, and VERSION_MANAGER empty, when there is none. Starts no process.
detect_version_manager() {
  source_shell_profiles
  VERSION_MANAGER=""
  local manager
  for manager in asdf pyenv mise uv; do
    if has_manager "$manager"; then
      VERSION_MANAGER=$manager
      return 0
    fi
  done
  return 1
}

# Usage: has_manager <manager>
# Status 0 when the manager is on PATH (asdf: with its python plugin). Starts no process.
has_manager() {
  type -P "$1" >/dev/null && [[ $1 != asdf || -d ${ASDF_DATA_DIR:-${HOME:-}/.asdf}/plugins/python ]]
}

# Usage: python_in_prefix <dir>
# Sets REPLY to the interpreter of the installation in <dir> (<dir>/bin/python3, else
# <dir>/bin/python); a dangling link counts, so that probing it can say what is wrong.
# Status 1 and REPLY empty when <dir> holds none.
python_in_prefix() {
  local name
  for name in python3 python; do
    REPLY=$1/bin/$name
    if [[ -L $REPLY || (-f $REPLY && -x $REPLY) ]]; then
      return 0
    fi
  done
  REPLY=""
  return 1
}

# Usage: version_key <version>
# Sets REPLY to an integer that orders Python versions: stable before pre-release, then newest
# first when compared as greater; "3.12" (patch unknown) sorts just below 3.12.0.
# Status 1 and REPLY empty when <version> is no version.
version_key() {
  REPLY=""
  [[ $1 =~ $_env_detect_version_re ]] || return 1
  local major=${BASH_REMATCH[1]} minor=${BASH_REMATCH[3]:-0} patch=${BASH_REMATCH[5]}
  local phase=${BASH_REMATCH[7]} serial=${BASH_REMATCH[8]:-0}
  local stable=0 rank
  case $phase in
    a) rank=$((100 + 10#$serial)) ;;
    b) rank=$((200 + 10#$serial)) ;;
    rc) rank=$((300 + 10#$serial)) ;;
    *) rank=999 stable=1 ;;
  esac
  if [[ -n $patch ]]; then
    patch=$((10#$patch + 1))
  else
    patch=0
  fi
  REPLY=$(((((stable * 1000 + 10#$major) * 10000 + 10#$minor) * 10001 + patch) * 1000 + rank))
}

# Usage: version_matches <wish> <version>
# Status 0 when <version> is <wish> itself or, for a <wish> such as 3.12, a release of that series.
version_matches() {
  [[ $2 == "$1" || ($2 == "$1".* && $1 != *[a-z]*) ]]
}

# Usage: list_managed_pythons <manager>
# Fills the arrays MANAGED_NAMES (folder names), MANAGED_VERSIONS (3.12.4, or "" when the name
# is no CPython version: pypy3.10-7.3.15, 3.13.0t, an alias) and MANAGED_PATHS (interpreters).
# Looks at folders only.
list_managed_pythons() {
  MANAGED_NAMES=() MANAGED_VERSIONS=() MANAGED_PATHS=()
  python_install_dir "$1" || return 0
  local root=$REPLY folder name version
  [[ -d $root ]] || return 0
  for folder in "$root"/*; do
    python_in_prefix "$folder" || continue
    # A virtual environment (pyenv-virtualenv keeps them here) is no interpreter of its own.
    [[ -f $folder/pyvenv.cfg ]] && continue
    name=${folder##*/}
    version=$name
    if [[ $1 == uv ]]; then
      version=${name#cpython-}
      [[ $version != "$name" ]] && version=${version%%-*}
    fi
    if [[ $version != *.*.* || ! $version =~ $_env_detect_version_re ]]; then
      version=""
    fi
    MANAGED_NAMES+=("$name")
    MANAGED_VERSIONS+=("$version")
    MANAGED_PATHS+=("$REPLY")
  done
  return 0
}

# Usage: find_managed_python <manager> <version>
# Sets REPLY to the interpreter of <manager> that is <version> (3.12.4), or the newest of the
# series (3.12), and FOUND_VERSION to its full version. Status 1, both empty, when none is.
find_managed_python() {
  local manager=$1 wish=$2 i best=-1 found=""
  FOUND_VERSION=""
  list_managed_pythons "$manager"
  for ((i = 0; i < ${#MANAGED_PATHS[@]}; i++)); do
    [[ -n ${MANAGED_VERSIONS[i]} ]] || continue
    version_matches "$wish" "${MANAGED_VERSIONS[i]}" || continue
    version_key "${MANAGED_VERSIONS[i]}" || continue
    if ((REPLY > best)); then
      best=$REPLY
      found=${MANAGED_PATHS[i]}
      FOUND_VERSION=${MANAGED_VERSIONS[i]}
    fi
  done
  REPLY=$found
  [[ -n $found ]]
}

# Usage: _need_version_manager
# Status 0 when VERSION_MANAGER is set, or can be.
_need_version_manager() {
  [[ -n ${VERSION_MANAGER:-} ]] || detect_version_manager
}

# Usage: is_python_version_installed <version>
# Status 0 when the current manager has <version> (3.12.4), or any 3.12.x for 3.12; REPLY is then
# the interpreter and FOUND_VERSION its version.
is_python_version_installed() {
  REPLY="" FOUND_VERSION=""
  _need_version_manager || return 1
  find_managed_python "$VERSION_MANAGER" "${1:-}"
}

# Usage: list_available_pythons
# Fills the array AVAILABLE_VERSIONS with the CPython releases that the current manager can
# install. Starts the manager; status 1 when that fails, with what it said in AVAILABLE_SAID, or
# there is none; 2 after a diagnostic.
list_available_pythons() {
  AVAILABLE_VERSIONS=() AVAILABLE_SAID=""
  _need_version_manager || return 1
  local answer line
  local -a command
  case $VERSION_MANAGER in
    asdf) command=(asdf list all python) ;;
    pyenv) command=(pyenv install --list) ;;
    mise) command=(mise ls-remote python) ;;
    uv)
      load_python_install
      if ! choose_download_list; then
        ((BASH_SUBSHELL == 0)) || clear_install_work
        return 2
      fi
      command=(run_uv_python python list --all-versions --only-downloads)
      ;;
    *) return 1 ;;
  esac
  if ! answer=$(logged "${command[@]}" 2>&1 </dev/null); then
    AVAILABLE_SAID=$answer
    log_verbose "'${command[*]/run_uv_python/uv}' failed"
    return 1
  fi
  if [[ $VERSION_MANAGER == uv ]] && ((BASH_SUBSHELL)); then
    # (What ends a subshell clears nothing up.)
    clear_install_work
  fi
  while read -r line _; do
    line=${line%$'\r'}
    if [[ $VERSION_MANAGER == uv ]]; then
      [[ $line == cpython-* ]] || continue
      line=${line#cpython-}
      line=${line%%-*}
    fi
    if [[ $line == *.*.* && $line =~ $_env_detect_version_re ]]; then
      AVAILABLE_VERSIONS+=("$line")
    fi
  done <<<"$answer"
  return 0
}

# Usage: is_python_version_available <version>
# Status 0 when the current manager can install <version>, or a release of the series for 3.12;
# REPLY is then the full version, the newest one that fits.
is_python_version_available() {
  REPLY=""
  [[ ${1:-} =~ $_env_detect_version_re ]] || return 1
  list_available_pythons || return 1
  local candidate best=-1 found=""
  for candidate in ${AVAILABLE_VERSIONS[@]+"${AVAILABLE_VERSIONS[@]}"}; do
    version_matches "$1" "$candidate" || continue
    version_key "$candidate" || continue
    if ((REPLY > best)); then
      best=$REPLY
      found=$candidate
    fi
  done
  REPLY=$found
  [[ -n $found ]]
}

# Usage: load_python_install
# Reads lib/python_install.sh, which only installing, and asking uv what there is, need.
load_python_install() {
  # shellcheck source=/dev/null # read when needed; it reads this file back
  declare -F install_by_uv >/dev/null || . "${BASH_SOURCE[0]%/*}/python_install.sh"
}

# Usage: run_installer <manager> <version>
# Has the manager install the version. Status 1 after a diagnostic.
run_installer() {
  local status=0
  local -a command
  if [[ $1 == uv ]]; then
    load_python_install
    install_by_uv "$2"
    return
  fi
  case $1 in
    asdf) command=(asdf install python "$2") ;;
    pyenv) command=(pyenv install -s "$2") ;;
    mise) command=(mise install ${PYTHON_REINSTALL:+--force} "python@$2") ;;
  esac
  [[ $1 != pyenv || -z ${PYTHON_REINSTALL-} ]] || command[2]=-f
  [[ $1 != asdf ]] || mend_asdf_pythons
  if [[ $1 == asdf && -n ${PYTHON_REINSTALL-} ]] && python_install_dir asdf && [[ -d $REPLY/$2 ]]; then
    # (asdf makes nothing anew that is there. The old one goes when the new one has come.)
    if ! mv "$REPLY/$2" "$REPLY/.pyve-old.$2.$$" 2>/dev/null; then
      fail_write "$REPLY/$2"
      return 1
    fi
    _replaced_python=$REPLY/$2
    at_exit put_python_back
  fi
  # shellcheck source=/dev/null # read when needed
  declare -F run_long >/dev/null || . "${BASH_SOURCE[0]%/*}/progress.sh"
  run_long "Installing Python $2 with $1" read_any_line "${command[@]}" || status=$?
  if ((status == 0)) && [[ -n $_replaced_python ]]; then
    rm -rf -- "${_replaced_python%/*}/.pyve-old.$2.$$"
  fi
  put_python_back
  ((status == 0)) ||
    fail E_PYTHON_INSTALL "could not install Python $2" \
      why "'${command[*]}' ended with status $status; its messages are above" fix "${command[*]}"
}

# Usage: mend_asdf_pythons
# What a run_installer that was killed has put aside goes back, unless the new one has come; then it goes.
mend_asdf_pythons() {
  local old new version
  python_install_dir asdf || return 0
  for old in "$REPLY"/.pyve-old.*.*; do
    version=${old##*/.pyve-old.} version=${version%.*}
    [[ -d $old && ! -L $old && $version =~ $_env_detect_version_re ]] || continue
    if [[ ${old##*.} != "$$" ]] && kill -0 "${old##*.}" 2>/dev/null; then
      continue
    fi
    new=${old%/*}/$version
    if [[ ! -x $new/bin/python && ! -x $new/bin/python3 ]]; then
      rm -rf -- "$new" && mv "$old" "$new"
    fi 2>/dev/null || continue
    rm -rf -- "$old" 2>/dev/null || :
  done
}

# Usage: put_python_back
# What run_installer has put aside, and nothing took the place of, goes back.
put_python_back() {
  local old=${_replaced_python%/*}/.pyve-old.${_replaced_python##*/}.$$
  if [[ -n $_replaced_python && -d $old ]]; then
    rm -rf -- "$_replaced_python"
    mv "$old" "$_replaced_python"
  fi
  _replaced_python=""
}

# Usage: install_python_version <version>
# Installs <version> (the newest release of the series for 3.12) through the current manager,
# whose output is shown on stderr when it fails, and executes the result. REPLY is then the
# interpreter and FOUND_VERSION its version. Status 1 after E_PYTHON_INSTALL.
install_python_version() {
  local wish=${1:-} full status=0
  FOUND_VERSION=""
  if [[ ! $wish =~ $_env_detect_version_re ]]; then
    fail E_PYTHON_INSTALL "cannot install Python '$wish'" \
      why "it is not a version such as 3.12 or 3.12.4" || return 1
  fi
  if ! _need_version_manager; then
    fail E_PYTHON_INSTALL "cannot install Python $wish" \
      why "no version manager is here: none of asdf (with its python plugin), pyenv, mise, uv" ||
      return 1
  fi
  local manager=$VERSION_MANAGER
  full=$wish
  # asdf, and pyenv before 2.3, install nothing from a series: name the release.
  if [[ $wish != *.*.* && ($manager == asdf || $manager == pyenv) ]]; then
    if ! is_python_version_available "$wish"; then
      fail E_PYTHON_INSTALL "$manager knows no Python $wish" \
        why "'$manager' lists no release of that series; its list may be old" \
        fix "$([[ $manager == asdf ]] && printf 'asdf plugin update python' || printf 'pyenv update')" ||
        return 1
    fi
    full=$REPLY
  fi
  run_installer "$manager" "$full" || return 1
  if ! find_managed_python "$manager" "$full"; then
    python_install_dir "$manager"
    fail E_PYTHON_INSTALL "could not install Python $full" \
      why "$manager ended with status 0, but $REPLY holds no Python $full" \
      fix "pyve python install --reinstall $full" || return 1
  fi
  local python=$REPLY
  logged "$python" -I -S -B -c '' >&2 </dev/null || status=$?
  if ((status != 0)); then
    fail E_PYTHON_INSTALL "Python $full was installed, but does not run" \
      why "'$python' ended with status $status" || return 1
  fi
  REPLY=$python
}

# Usage: ensure_python_version_installed <version>
# Status 0 when the current manager has <version>, after installing it if need be (a line says
# so). REPLY is the interpreter, FOUND_VERSION its version. Never installs with
# PYVE_PYTHON_DOWNLOADS=never.
ensure_python_version_installed() {
  local wish=${1:-}
  if is_python_version_installed "$wish"; then
    return 0
  fi
  if [[ -n $VERSION_MANAGER && ${PYVE_PYTHON_DOWNLOADS:-} == never ]]; then
    fail E_PYTHON_MISSING "Python $wish is not installed" \
      why "PYVE_PYTHON_DOWNLOADS=never forbids installing it with $VERSION_MANAGER" || return 1
  fi
  if [[ -n $VERSION_MANAGER ]]; then
    log_info "Python $wish is not installed: installing it with $VERSION_MANAGER"
  fi
  install_python_version "$wish"
}

# Usage: get_version_file_name
# Prints .tool-versions (asdf, mise) or .python-version (pyenv, uv, no manager).
get_version_file_name() {
  case ${VERSION_MANAGER:-} in
    asdf | mise) printf '.tool-versions\n' ;;
    *) printf '.python-version\n' ;;
  esac
}

# Usage: set_local_python_version <version>
# Writes <version> to the version file of the current manager in the current directory:
# .tool-versions (its python line only) or .python-version. asdf needs a full version there, so
# 3.12 becomes the newest installed 3.12.x. Status 1, with a message, when that fails.
set_local_python_version() {
  local version=${1:-} file text="" line body ending comment found=""
  if [[ ! $version =~ $_env_detect_version_re ]]; then
    fail E_PYTHON_VERSION_INVALID "'$version' is not a Python version" \
      why "accepted: a version such as 3.12 or 3.12.4" || return 1
  fi
  if _need_version_manager && [[ $VERSION_MANAGER == asdf && $version != *.*.* ]] &&
    find_managed_python asdf "$version"; then
    version=$FOUND_VERSION
  fi
  file=$(get_version_file_name)
  if [[ $file == .tool-versions && -f $file ]]; then
    while IFS= read -r line || [[ -n $line ]]; do
      body=${line%$'\r'}
      ending=${line#"$body"}
      if [[ $body =~ ^[[:space:]]*python([[:space:]]|$) ]]; then
        if [[ -z $found ]]; then
          comment=""
          [[ $body == *'#'* ]] && comment=" #${body#*#}"
          text+="python $version$comment$ending"$'\n'
        fi
        found=1
      else
        text+=$line$'\n'
      fi
    done <"$file"
  fi
  if [[ -z $found ]]; then
    text+="python $version"$'\n'
  fi
  if [[ $file == .python-version ]]; then
    text=$version$'\n'
  fi
  write_file "$file" "$text"
}

# Usage: check_direnv_installed
# Status 0 when direnv is in PATH.
check_direnv_installed() {
  type -P direnv >/dev/null
}
