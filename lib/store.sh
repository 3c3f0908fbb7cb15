# shellcheck shell=bash
# The shared store: immutable environments by the digest of (lock, interpreter, platform), and how a .venv is laid out
# from one of them. No Python, and as few processes as can be. What fills the store is helpers/store_environment.py.
#
# An entry, envs/<digest>, has site/ (what the one .pth line of a .venv leads to), tree/ (what is linked into a .venv as
# it is: that .pth file, links to programs, the token), copy/ (where it is there: what is copied), and scripts, a text
# that holds the console scripts. Each environment that uses an entry has a record in owners/, and a hard link of the
# entry's token: no entry that is used is ever cleared away.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/store.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F find_store >/dev/null || . "${BASH_SOURCE[0]%/*}/store_place.sh"
declare -F write_scripts >/dev/null || . "${BASH_SOURCE[0]%/*}/script_head.sh"
declare -F render_activate >/dev/null || . "${BASH_SOURCE[0]%/*}/venv_scripts.sh"

# Usage: is_owned <entry> <environment>
# True when the store knows that the environment, an absolute path, uses the entry: its token is the entry's, or, where
# that cannot be, there is a record.
is_owned() {
  local record line
  [[ ! $2/$STORE_TOKEN -ef $1/token ]] || return 0
  for record in "${1%/envs/*}/owners/${1##*/}".*; do
    line=""
    [[ ! -f $record ]] || IFS= read -r line <"$record" || :
    [[ $line != "${2//$'\n'/\\n}" ]] || return 0
  done
  return 1
}

# Usage: mend_ownership <environment>
# Where the store does not know of an environment that uses it, as of a copied one, it is told.
mend_ownership() {
  local state=""
  read_file "$1/pyve.state"
  state=$'\n'$REPLY
  [[ $state == *$'\n'store=* ]] || return 0
  state=${state#*$'\n'store=}
  state=${state%%$'\n'*}
  if [[ $state == */envs/* ]] && has_entry "$state" && ! is_owned "$state" "$1" && own_entry "$state" "$1"; then
    link_token "$state" "$1"
  fi
}

# Usage: lay_out_environment <entry> <folder> <final place> <name>
# Makes <folder>/tree, an environment from TEMPLATE and the entry that works at <final place> and is called <name>:
# all of it but pyve.packages. After choose_interpreter (or what stands for it). Status 1 when it fails; what was made
# then stays for the caller.
lay_out_environment() {
  local entry=$1 new=$2/tree place=$3 name=$4
  local LC_ALL=C
  VENV_SCRIPTS=()
  copy_trees "$TEMPLATE/tree" "$entry/tree" "$2" && link_token "$entry" "$new" && copy_own_files "$entry" "$new" || return 1
  render_activate write_new "$new" "$place" "$name" && write_pip_scripts "$new" "$place" &&
    write_entry_scripts "$entry" "$new" "$place" && chmod a+x "${VENV_SCRIPTS[@]}" &&
    render_settings "$new" "$name" && write_environment_state "$new" "$place" &&
    printf 'store=%s\n' "$entry" >>"$new/pyve.state" && write_shim "$new"
}

# Usage: write_entry_scripts <entry> <folder> <final place>
# Writes the entry's console scripts into <folder>/bin. Adds their paths to the array VENV_SCRIPTS.
write_entry_scripts() {
  script_head "$3"
  write_scripts "$1/scripts" "$2/bin" "$REPLY"
}

# Usage: write_shim <environment>
# Writes the distutils shim where its Python, PYTHON_VERSION, needs it.
write_shim() {
  local minor=${PYTHON_VERSION#*.} file
  minor=${minor%%.*}
  ((minor >= 12)) || return 0
  case ${PYVE_DISABLE_DISTUTILS_SHIM-} in
    1 | true | TRUE | yes | YES) return 0 ;;
  esac
  file=$1/lib/python3.$minor/site-packages/sitecustomize.py
  if [[ -e $file || -L $file ]]; then
    # A package brings one.
    declare -F pyve_write_sitecustomize_shim >/dev/null || . "${BASH_SOURCE[0]%/*}/distutils_shim.sh"
    pyve_write_sitecustomize_shim "${file%/*}"
    return
  fi
  read_file "$PYVE_ROOT/lib/data/distutils_shim.py"
  printf '%s' "$REPLY" >"$file"
}
