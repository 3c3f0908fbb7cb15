# shellcheck shell=bash
# What a sync notes for the next worktree or clone of a project with the same lock: see lib/sync_warm.sh, which reads it.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/store_hit.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F begin_hit >/dev/null || . "${BASH_SOURCE[0]%/*}/sync_warm.sh"
declare -F get_hit_grounds >/dev/null || . "${BASH_SOURCE[0]%/*}/sync_known.sh"
declare -F find_store >/dev/null || . "${BASH_SOURCE[0]%/*}/store_place.sh"
declare -F read_file >/dev/null || . "${BASH_SOURCE[0]%/*}/raw_text.sh"
declare -F get_environment_text >/dev/null || . "${BASH_SOURCE[0]%/*}/venv_scripts.sh"
declare -F python_install_dir >/dev/null || . "${BASH_SOURCE[0]%/*}/manager_folders.sh"

# Usage: remember_hit <entry> <environment> <note> <name of the project in the store, or "">
# After a sync that made the environment from the entry: writes what sync_at_once needs to do the same elsewhere. The
# interpreter that choose_interpreter took has to be in PYTHON and its kin.
remember_hit() {
  local place manager text shim wanted known="" packages="" count=0 line
  find_store && begin_hit && read_hit_digests && get_hit_grounds && [[ $REPLY != *$'\x1e'* ]] || return 0
  text=$REPLY$'\x1e'
  # (A package may bring a file of that name.)
  read_file "${BASH_SOURCE[0]%/*}/data/distutils_shim.py"
  wanted=$REPLY
  for shim in "$2"/lib/python3*/site-packages/sitecustomize.py; do
    read_file "$shim"
    [[ $REPLY != "$wanted" ]] || known=${shim#"$2/"}
  done
  while IFS= read -r line; do
    packages+="INFO: + $line"$'\n' count=$((count + 1))
  done <"$1/packages"
  [[ -z $4 ]] || packages+="INFO: + the project itself (editable)"$'\n'
  # (store gc looks for this line.)
  text+=$'\n'entry=${1##*/}$'\n'
  for line in "${2#"$PWD/"}" "$4" "$PYTHON" "$PYTHON_VERSION" "$PYTHON_STDLIB" "$PYTHON_SOURCE" "$TEMPLATE" "$known" "$count"; do
    [[ $line != *$'\n'* ]] || return 0
    text+=$line$'\n'
  done
  text+=${PYTHON%/*}$'\n'${PYTHON_STDLIB%/*}$'\n'
  for manager in asdf pyenv mise uv; do
    python_install_dir "$manager"
    text+=$REPLY$'\n'
  done
  text+=$'\n'$packages
  compose_pieces "$1" "$2" "$3" || return 0
  text+=$REPLY
  place=$STORE/recall/$_hit_lock
  { { [[ -d $STORE/recall ]] || mkdir -m 700 "$STORE/recall"; } && printf '%s' "$text" >"$place.new.$$" && mv -f "$place.new.$$" "$place"; } 2>/dev/null || :
}

# Usage: compose_pieces <entry> <environment> <note>
# Sets REPLY to the pieces of the files that name the place of an environment: a mark, a letter, a mark and a text each.
# After "@" a file begins, and after "!" a script: its name, a line, comes first. Other letters stand for what compose_hit
# puts there. Status 1 when a text has such a mark of its own.
compose_pieces() {
  local file pieces="" mark=$'\x1e' letter name
  for file in "$TEMPLATE/text/bin"/*; do
    letter=s name=S
    case $file in
      *.csh) letter=c name=C ;;
      *.fish) letter=f name=F ;;
      *.ps1) letter=p name=P ;;
    esac
    read_file "$file"
    replace_mark "$REPLY" "$DIRECTORY_MARK" "$mark$letter$mark"
    replace_mark "$REPLY" "$PROMPT_MARK" "$mark$name$mark"
    pieces+=$mark@$mark"bin/${file##*/}"$'\n'$REPLY
  done
  read_file "$TEMPLATE/text/pyvenv.cfg"
  replace_mark "$REPLY" "$PROMPT_MARK" "${mark}y$mark"
  pieces+=$mark@${mark}pyvenv.cfg$'\n'$REPLY
  get_environment_text "${mark}r$mark"
  pieces+=$mark@${mark}pyve.state$'\n'${REPLY}store=$1$'\n'
  pieces+="lock-sha256=$_hit_lock"$'\n'"selection="$'\n'"project=$SYNC_SOURCE"$'\n'"lock-files=$3"$'\n'
  read_file "$2/pyve.packages"
  pieces+=$mark@${mark}pyve.packages$'\n'$REPLY
  for file in "$TEMPLATE/text/script"/*; do
    read_file "$file"
    [[ $REPLY != *"$mark"* ]] || return 1
    pieces+="$mark!${mark}bin/${file##*/}"$'\n'$REPLY
  done
  REPLY=$pieces
}
