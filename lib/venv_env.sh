# shellcheck shell=bash
# Environments of the venv backend: made from a template, swapped in whole, mended when moved.
#
# An environment is a copy, by hard links, of a template (lib/template.sh), with the few files that name their own
# place written anew. pip itself stays in the template: one .pth line leads to it, and a pip installed into the
# environment goes before it. Inside, pyve.state says what an environment was made from.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/venv_env.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
declare -F log_info >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"
declare -F list_interpreters >/dev/null || . "${BASH_SOURCE[0]%/*}/interpreter.sh"
declare -F ensure_template >/dev/null || . "${BASH_SOURCE[0]%/*}/template.sh"
declare -F pyve_write_sitecustomize_shim >/dev/null || . "${BASH_SOURCE[0]%/*}/distutils_shim.sh"
declare -F logged >/dev/null || . "${BASH_SOURCE[0]%/*}/debug_log.sh"
declare -F render_activate >/dev/null || . "${BASH_SOURCE[0]%/*}/venv_scripts.sh"

# Usage: clone_environment <new folder> <final place> <name>
# Makes an environment from TEMPLATE in <new folder> that works at <final place>, an absolute
# path, and is called <name>. Status 1 when it fails; what was made then stays for the caller.
clone_environment() {
  local target=$1 place=$2 name=$3
  copy_tree "$TEMPLATE/tree" "$target" || return 1
  render_activate write_new "$target" "$place" "$name" && render_scripts "$target" "$place" || return 1
  render_settings "$target" "$name" && write_environment_state "$target" "$place"
}

# Usage: copy_tree <from> <to>
# Copies a folder with the cheapest means this system has: hard links, clones of the file
# system, or bytes.
copy_tree() {
  if cp -al "$1" "$2" 2>/dev/null; then
    return 0
  fi
  rm -rf "$2"
  if [[ $OSTYPE == darwin* ]] && cp -cRp "$1" "$2" 2>/dev/null; then
    return 0
  fi
  rm -rf "$2"
  if ! cp -Rp "$1" "$2" 2>/dev/null; then
    fail_environment_write "$2"
    return 1
  fi
}

# Usage: fail_environment_write <folder>
# Says that there is no place for an environment. Status 1.
fail_environment_write() {
  load_fixes
  propose_access "$1"
  fail E_FILE_WRITE "cannot make the environment $1" \
    why "no permission, or no space left: then make room, and try again" ${REPLY:+fix "$REPLY"}
}

# Usage: get_environment_state <environment> <key>
# Sets REPLY to what pyve.state says, or to "".
get_environment_state() {
  local line
  REPLY=""
  [[ -f $1/pyve.state ]] || return 0
  while IFS= read -r line; do
    if [[ $line == "$2="* ]]; then
      REPLY=${line#*=}
    fi
  done <"$1/pyve.state"
}

# Usage: is_environment_moved <environment>
# True when the environment (an absolute path) was made for another place. REPLY: that place.
is_environment_moved() {
  local line="" script
  get_environment_state "$1" path
  if [[ -z $REPLY && -f $1/bin/pip ]]; then
    # Made by another tool: its pip says where.
    {
      IFS= read -r line || :
    } <"$1/bin/pip"
    script='^#!(/.+)/bin/python[0-9.]*$'
    [[ $line =~ $script ]] || return 1
    REPLY=${BASH_REMATCH[1]}
  fi
  [[ -n $REPLY && $REPLY != "${1//$'\n'/\\n}" && ! $REPLY -ef $1 ]]
}

# Usage: check_environment <environment>
# Executes the environment's interpreter. Sets ENV_PYTHON_VERSION. Status 1 when it does not
# work; REPLY then says why.
check_environment() {
  local python=$1/bin/python out links
  ENV_PYTHON_VERSION=""
  if [[ ! -d $1 ]]; then
    REPLY="$1 is not there"
    return 1
  fi
  if [[ -L $python && ! -e $python ]]; then
    # Follow the links inside the folder to the one that leads out of it.
    for ((links = 0; links < 40; links++)); do
      [[ -L $python ]] || break
      out=$(readlink "$python")
      [[ $out == /* ]] || out=${python%/*}/$out
      python=$out
    done
    REPLY="its interpreter $python is gone"
    return 1
  fi
  if [[ ! -e $python ]]; then
    REPLY="$1/bin/python is not there"
    return 1
  fi
  if ! out=$(logged "$python" -I -S -B -c 'import sys, encodings; print("%d.%d.%d" % sys.version_info[:3])' 2>&1 </dev/null); then
    REPLY="its interpreter does not run: ${out##*$'\n'}"
    return 1
  fi
  get_environment_state "$1" stdlib
  if [[ -n $REPLY && ! -e $REPLY ]]; then
    REPLY="the standard library of its interpreter is gone: $REPLY"
    return 1
  fi
  ENV_PYTHON_VERSION=$out
}

# Usage: fail_environment <project> <environment>
# Says what is wrong with an environment that cannot be used, and what to type. Status 1.
fail_environment() {
  local wish="" here="" update=""
  if [[ ! $1 -ef $PWD ]]; then
    quote_word "$1"
    here="-C $REPLY "
  fi
  check_environment "$2" || :
  if [[ ! -d $2 ]]; then
    # (In a project with a config, init alone would ask what to do.)
    [[ ! -f $1/.pyve/config ]] || update=" --update"
    fail E_ENV_MISSING "there is no environment in this project" why "$REPLY" fix "pyve ${here}init$update"
    return 1
  fi
  wish=$REPLY
  get_environment_state "$2" store
  if [[ -n $REPLY && ! -e $REPLY/entry && -x $2/bin/python ]]; then
    fail E_STORE_GONE "the packages of the environment $2 are not in the store any more" why "$REPLY is gone" fix "pyve ${here}sync"
    return 1
  fi
  fail E_INTERPRETER_GONE "the environment $2 does not work any more" why "$wish" fix "pyve ${here}init --force"
}

# Usage: build_environment <kind> <final place> <name> [requirement argument]...
# Makes an environment in .pyve/tmp and swaps it in for what is at <final place> (absolute). <kind> is
# venv or testenv. With requirements (arguments for pip install) they are installed before the
# swap: when that fails, what was there stays. Status 3, with nothing said, when the interpreter is
# not what it was the last time: it has to be probed again.
build_environment() {
  local kind=$1 place=$2 name=$3
  local new=$PWD/.pyve/tmp/new.$kind.$$
  shift 3
  if ! { [[ -d .pyve/tmp && -d ${place%/*} ]] || mkdir -p .pyve/tmp "${place%/*}"; } || ! clone_environment "$new" "$place" "$name"; then
    rm -rf "$new"
    if ((_error_count == 0)); then
      fail_environment_write "$place"
    fi
    return 1
  fi
  install_distutils_shim "$new" "$PYTHON_VERSION" || return 1
  if ! settle_interpreter; then
    rm -rf "$new"
    return 3
  fi
  if (($#)); then
    load_requirements
    if ! install_into "$new" "$@"; then
      rm -rf "$new"
      return 1
    fi
    logged "$new/bin/python" -I "$PYVE_ROOT/helpers/relocate_environment.py" "$new" "$new" "$place" || return 1
  fi
  swap_in "$kind" "$new" "$place"
}

# Usage: install_distutils_shim <environment> <version of its Python>
# Writes the distutils shim where Python needs it. (The site-packages folder is known; asking the
# interpreter would cost a start.)
install_distutils_shim() {
  local minor
  minor=${2#*.}
  minor=${minor%%.*}
  if ((minor < 12)) || pyve_is_distutils_shim_disabled; then
    return 0
  fi
  pyve_write_sitecustomize_shim "$1/lib/python3.$minor/site-packages"
}

# Usage: swap_in <kind> <new folder> <place>
# Puts the new environment at its place, in one step where the system can, and removes the old.
swap_in() {
  local new=$2 place=$3 old=.pyve/tmp/old.$1.$$ status=0
  if [[ -n $_change_open ]]; then
    load_journal
    note_environment "$new" "$place" || return 1
  fi
  if [[ ! -e $place && ! -L $place ]]; then
    mv "$new" "$place" 2>/dev/null || fail_environment_write "$place"
    return
  fi
  # shellcheck disable=SC2153 # PYTHON is set by lib/interpreter.sh
  logged "$PYTHON" -I -S -B "$PYVE_ROOT/helpers/exchange.py" "$new" "$place" || status=$?
  if ((status == 0)); then
    # (What may have to be put back stays there until the change is committed.)
    [[ -n $_change_open ]] || rm -rf "$new"
    return 0
  fi
  # Two steps: clear_tmp puts the old one back when the second does not come.
  if ! { mv "$place" "$old" && mv "$new" "$place"; } 2>/dev/null; then
    fail E_FILE_WRITE "cannot replace $place" why "it may be a mount point, or in use"
    return 1
  fi
  [[ -n $_change_open ]] || rm -rf "$old"
}

# Usage: remove_environment <kind> <place>
# Lets the environment vanish in one step, then removes it; within a change, when that is committed.
remove_environment() {
  local gone=".pyve/tmp/gone.$1.$$"
  [[ -e $2 || -L $2 ]] || return 0
  if [[ -n $_change_open ]]; then
    load_journal
    take_away "$2"
    return
  fi
  if mkdir -p .pyve/tmp 2>/dev/null && mv "$2" "$gone" 2>/dev/null; then
    rm -rf "$gone"
  else
    rm -rf "$2"
  fi
  if [[ -e $2 || -L $2 ]]; then
    load_fixes
    propose_access "${2%/*}"
    fail E_FILE_WRITE "cannot remove $2" why "no permission, or it is in use" ${REPLY:+fix "$REPLY"}
    return 1
  fi
}

# Usage: find_requirements
# Sets REQUIREMENTS to the arguments for pip install that the project asks for: its
# requirements*.txt, and itself when pyproject.toml or setup.py makes it installable. REPLY: the same
# for a person.
find_requirements() {
  local file text=""
  REQUIREMENTS=()
  for file in requirements*.txt; do
    if [[ -f $file ]]; then
      REQUIREMENTS+=(-r "./$file")
      text+=${text:+, }$file
    fi
  done
  if is_installable; then
    REQUIREMENTS+=(-e .)
    text+=${text:+, }"the project itself (editable)"
  fi
  REPLY=$text
}

# Usage: is_installable
# True when pip can install the project in the current folder.
is_installable() {
  local line
  if [[ -f setup.py ]]; then
    return 0
  fi
  if [[ -f pyproject.toml ]]; then
    while IFS= read -r line || [[ -n $line ]]; do
      if [[ $line =~ ^[[:space:]]*\[(project|build-system)\] ]]; then
        return 0
      fi
    done <pyproject.toml
  fi
  return 1
}

# Usage: load_requirements
# Reads lib/requirements.sh, which an environment without requirements does without.
load_requirements() {
  # shellcheck source=/dev/null # read when needed; it reads this file back
  declare -F install_into >/dev/null || . "${BASH_SOURCE[0]%/*}/requirements.sh"
}

# Usage: install_requirements <kind> <environment> <argument for pip install>...
# Installs into an environment that is in use, as add_requirements says.
install_requirements() {
  declare -F add_requirements >/dev/null || load_requirements
  add_requirements "$@"
}

# Usage: mend_environment <environment> <project>
# Makes an environment that was moved with its project work at its new place, keeping every
# package. TEMPLATE must be the one of its interpreter.
mend_environment() {
  local old kept="" line
  is_environment_moved "$1" || return 0
  old=$REPLY
  # What pyve sync has noted stays.
  read_file "$1/pyve.state"
  while IFS= read -r line; do
    case $line in
      format=* | path=* | python=* | version=* | stdlib=* | "") ;;
      *) kept+=$line$'\n' ;;
    esac
  done <<<"$REPLY"
  logged "$1/bin/python" -I "$PYVE_ROOT/helpers/relocate_environment.py" "$1" "${old//\\n/$'\n'}" "$1" || return 1
  render_activate write_file "$1" "$1" "${2##*/}" || return 1
  get_environment_text "$1"
  write_file "$1/pyve.state" "$REPLY$kept" || return 1
  if [[ $kept == *store=* ]]; then
    declare -F mend_ownership >/dev/null || . "${BASH_SOURCE[0]%/*}/store.sh"
    mend_ownership "$1"
  fi
}
