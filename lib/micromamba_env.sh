# shellcheck shell=bash
# Conda environments: what they are called, and how micromamba makes them.
#
# A conda prefix cannot be moved, so it is made in its final place, .pyve/envs/<name>, with a mark beside
# it, .pyve/envs/.making.<name>, as long as it is not whole. One that is replaced waits at
# .pyve/envs/.old.<name>. Whatever is killed in between, the next command tells which one is whole:
#
#   mark  .old  prefix
#   no    no    yes     whole
#   yes   no    any     half made: removed
#   any   yes   no      the old one is put back
#   yes   yes   yes     half made: removed, and the old one is put back
#   no    yes   yes     whole: the old one is removed
#
# Names of environments begin with a letter or "_", so none is like these two.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/micromamba_env.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F log_info >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"
declare -F lock_project >/dev/null || . "${BASH_SOURCE[0]%/*}/project_lock.sh"
declare -F sha256_of_file >/dev/null || . "${BASH_SOURCE[0]%/*}/digest.sh"
declare -F run_long >/dev/null || . "${BASH_SOURCE[0]%/*}/progress.sh"
declare -F find_micromamba >/dev/null || . "${BASH_SOURCE[0]%/*}/micromamba_core.sh"
declare -F find_environment_files >/dev/null || . "${BASH_SOURCE[0]%/*}/micromamba_file.sh"
declare -F find_lock_state >/dev/null || . "${BASH_SOURCE[0]%/*}/micromamba_lock.sh"
declare -F repeat_command >/dev/null || . "${BASH_SOURCE[0]%/*}/fixes.sh"
declare -F logged >/dev/null || . "${BASH_SOURCE[0]%/*}/debug_log.sh"

CONDA_ENVS=".pyve/envs"
_making=""

# --- names

# Usage: sanitize_environment_name <text>
# Prints the text as a name: lower case, a hyphen for all but letters, digits, "_" and "-", none doubled
# or at an end, "env-" before a digit, at most 255 characters. Prints nothing, with status 1, when nothing
# is left.
sanitize_environment_name() {
  clean_environment_name "${1-}" || return 1
  printf '%s\n' "$REPLY"
}

# Usage: clean_environment_name <text>
# The same in REPLY.
clean_environment_name() {
  local name=$1 upper=ABCDEFGHIJKLMNOPQRSTUVWXYZ lower=abcdefghijklmnopqrstuvwxyz i LC_ALL=C
  # What is cut off below, in bytes; long texts are not worth more work.
  name=${name:0:1000}
  for ((i = 0; i < 26; i++)); do
    name=${name//${upper:i:1}/${lower:i:1}}
  done
  name=${name//[!a-z0-9_-]/-}
  while [[ $name == *--* ]]; do
    name=${name//--/-}
  done
  name=${name#-}
  name=${name%-}
  [[ $name != [0-9]* ]] || name=env-$name
  name=${name:0:255}
  REPLY=${name%-}
  [[ -n $REPLY ]]
}

# Usage: is_reserved_environment_name <name>
# True for a name that conda's tools use for something else.
is_reserved_environment_name() {
  case ${1-} in
    [bB][aA][sS][eE] | [rR][oO][oO][tT] | [dD][eE][fF][aA][uU][lL][tT]) return 0 ;;
    [cC][oO][nN][dD][aA] | [mM][aA][mM][bB][aA] | [mM][iI][cC][rR][oO][mM][aA][mM][bB][aA]) return 0 ;;
  esac
  return 1
}

# Usage: validate_environment_name <name>
# True for a name that an environment may have; otherwise says what is wrong with it.
validate_environment_name() {
  local name=${1-} LC_ALL=C fix=""
  if [[ $name =~ ^[A-Za-z_][A-Za-z0-9._-]*$ ]] && ((${#name} <= 255)) && ! is_reserved_environment_name "$name"; then
    return 0
  fi
  if clean_environment_name "$name"; then
    ! is_reserved_environment_name "$REPLY" || REPLY=env-$REPLY
    fix=$REPLY
  fi
  choose_init_command
  fix=${fix:0:60}
  set -- fix "$REPLY --env-name ${fix:-my-project}"
  if [[ -z $name ]]; then
    fail E_ENV_NAME "the name of the environment is empty" why "letters, digits, '.', '_' and '-' are allowed in it" "$@"
  elif is_reserved_environment_name "$name"; then
    fail E_ENV_NAME "'$name' is a reserved name and cannot be an environment's" \
      why "base, root, default, conda, mamba and micromamba mean something else to conda's tools" "$@"
  elif ((${#name} > 255)); then
    fail E_ENV_NAME "the name of the environment is too long" why "it has ${#name} characters; 240 are allowed" "$@"
  else
    fail E_ENV_NAME "'$name' is not a name for an environment" \
      why "letters, digits, '.', '_' and '-' are allowed, and a letter or '_' in front" "$@"
  fi
}

# Usage: resolve_environment_name [name given on the command line]
# Prints the environment's name: the one given, else micromamba.env_name of the config, else name: of the
# environment file, else the folder's. Status 1, with a diagnostic, for a reserved one.
resolve_environment_name() {
  find_environment_name "${1-}" || return 1
  printf '%s\n' "$REPLY"
}

# Usage: find_environment_name [name given on the command line]
# The same in REPLY; ENV_NAME_SOURCE says where it is from. A name that cannot be one is made one, a
# reserved one only when it is just the folder's.
find_environment_name() {
  local raw=${1-}
  ENV_NAME_SOURCE="--env-name"
  if [[ -z $raw ]]; then
    config_load || :
    config_get micromamba.env_name
    raw=$REPLY
    ENV_NAME_SOURCE=".pyve/config"
  fi
  if [[ -z $raw ]]; then
    find_environment_files || :
    if [[ -n $CONDA_MANIFEST ]]; then
      ENV_NAME_SOURCE=$CONDA_MANIFEST
      read_environment_file "$CONDA_MANIFEST" || :
      raw=$ENVFILE_NAME
      if ((ENVFILE_NAME_STATUS == 2)); then
        clean_environment_name "${PWD##*/}" || REPLY="env"
        warn W_ENV_FILE_FORM "the name in $CONDA_MANIFEST was not read" \
          why "it, or the file, is written in a way that takes a YAML parser" fix "pyve init --env-name $REPLY"
      fi
    fi
  fi
  if [[ -z $raw ]]; then
    ENV_NAME_SOURCE="the folder's name"
    clean_environment_name "${PWD##*/}" || REPLY="env"
    ! is_reserved_environment_name "$REPLY" || REPLY=env-$REPLY
    return 0
  fi
  REPLY=$raw
  if [[ ! $raw =~ ^[A-Za-z_][A-Za-z0-9._-]*$ ]] || ((${#raw} > 255)); then
    if clean_environment_name "$raw"; then
      log_verbose "The name '$raw' ($ENV_NAME_SOURCE) becomes $REPLY"
    else
      REPLY=$raw
    fi
  fi
  raw=$REPLY
  validate_environment_name "$raw" || return 1
  REPLY=$raw
}

# --- what is there

# Usage: check_micromamba_env_exists <name>
# True when .pyve/envs/<name> is there, and not half made.
check_micromamba_env_exists() {
  [[ -n ${1-} && -d $CONDA_ENVS/$1 ]] && ! is_half_made "$1"
}

# Usage: is_half_made <name>
# True when making the environment has not come to its end. (The second mark is that of the built-in
# engine.)
is_half_made() {
  [[ -e $CONDA_ENVS/.making.$1 || -e $CONDA_ENVS/$1/.pyve-unfinished ]]
}

# Usage: verify_micromamba_env <name>
# True when the environment works; otherwise says what is wrong with it. Sets what inspect_conda_env sets.
verify_micromamba_env() {
  local why
  if inspect_conda_env "${1-}"; then
    return 0
  fi
  why=$REPLY
  if [[ $CONDA_PROBLEM == missing ]]; then
    fail E_ENV_MISSING "the environment ${1-} is not there" why "$why" fix "pyve init"
  else
    fail E_CONDA_ENV_BROKEN "the environment $CONDA_ENVS/$1 does not work" why "$why" fix "pyve init --force"
  fi
}

# Usage: inspect_conda_env <name>
# Looks whether the environment is whole, in its place, and has a Python that answers (if any). Sets
# ENV_PYTHON_VERSION ("" without Python) and CONDA_PACKAGE_COUNT. Status 1 when it does not work: REPLY says
# why, CONDA_PROBLEM is missing, half, foreign, moved or python.
inspect_conda_env() {
  local prefix=$PWD/$CONDA_ENVS/${1-} out file
  ENV_PYTHON_VERSION="" CONDA_PACKAGE_COUNT=0 CONDA_PROBLEM=""
  if [[ -n ${1-} ]] && is_half_made "$1"; then
    CONDA_PROBLEM=half
    REPLY="making it was broken off"
    return 1
  fi
  if [[ -z ${1-} || ! -d $prefix ]]; then
    CONDA_PROBLEM=missing
    REPLY="there is no folder $prefix"
    return 1
  fi
  if [[ ! -d $prefix/conda-meta ]]; then
    CONDA_PROBLEM=foreign
    REPLY="it has no conda-meta, so no conda tool made it, or it is damaged"
    return 1
  fi
  for file in "$prefix"/conda-meta/*.json; do
    [[ ! -f $file ]] || CONDA_PACKAGE_COUNT=$((CONDA_PACKAGE_COUNT + 1))
  done
  declare -F is_environment_moved >/dev/null || . "${BASH_SOURCE[0]%/*}/venv_env.sh"
  if is_environment_moved "$prefix"; then
    CONDA_PROBLEM=moved
    REPLY="it was made at $REPLY, and a conda environment works only where it was made"
    return 1
  fi
  if [[ ! -x $prefix/bin/python ]]; then
    for file in "$prefix"/conda-meta/python-[0-9]*.json; do
      if [[ -f $file ]]; then
        CONDA_PROBLEM=python
        REPLY="its Python is gone: $prefix/bin/python is no program"
        return 1
      fi
    done
  elif out=$(logged "$prefix/bin/python" -I -S -B -c 'import sys, encodings; print("%d.%d.%d" % sys.version_info[:3])' 2>&1 </dev/null); then
    ENV_PYTHON_VERSION=$out
  else
    CONDA_PROBLEM=python
    REPLY="its Python does not run: ${out##*$'\n'}"
    return 1
  fi
  REPLY=""
}

# --- making

# Usage: create_micromamba_env <name> [file]
# Makes the environment from the file (default: conda-lock.yml, else environment.yml) in .pyve/envs/<name>.
# One that is there is kept. Status 1, with a diagnostic and nothing left, when it cannot be made.
create_micromamba_env() {
  validate_environment_name "${1-}" && clear_half_environments || return 1
  if check_micromamba_env_exists "$1"; then
    log_info "$CONDA_ENVS/$1 is there already and is kept"
    return 0
  fi
  build_micromamba_env "$@"
}

# Usage: replace_micromamba_env <name> [file]
# The same, in place of one that is there; that one comes back when the new one cannot be made.
replace_micromamba_env() {
  validate_environment_name "${1-}" && build_micromamba_env "$@"
}

# Usage: build_micromamba_env <name> [file]
# For the two above: what every engine does, with micromamba.
build_micromamba_env() {
  local name=$1 file=${2-} CONDA_ENGINE="" CONDA_ENGINE_PATH="" CONDA_ENGINE_VERSION=""
  if [[ -z $file ]]; then
    validate_environment_file || return 1
    file=${CONDA_LOCK:-$CONDA_MANIFEST}
  else
    check_environment_file "$file" || return 1
  fi
  if ! find_micromamba; then
    error_micromamba_not_found "the environment is made from ${file##*/}"
    return 1
  fi
  declare -F make_conda_env >/dev/null || . "${BASH_SOURCE[0]%/*}/conda_engine.sh"
  declare -F take_micromamba >/dev/null || . "${BASH_SOURCE[0]%/*}/conda_engine.sh"
  take_micromamba
  make_conda_env "$name" "$file"
}

# Usage: run_marked <name> <command> [argument]...
# Runs the command in a process of its own, which is noted in the mark of <name>, so that nobody clears up
# under its feet.
run_marked() (
  mark=$CONDA_ENVS/.making.$1
  shift
  # The parent of this substitution is the process that becomes the command.
  pid=$(exec sh -c 'printf "%s" "$PPID"')
  if process_identity "$pid"; then
    printf '%s\n' "$REPLY" >>"$mark" || exit 1
  fi
  logged_exec "$@"
)

# Usage: begin_conda_env <name>
# Clears up, makes the mark, and moves aside what is there. abandon_conda_env or finish_conda_env must follow.
begin_conda_env() {
  local name=$1
  clear_half_environments || return 1
  if ! mkdir -p "$CONDA_ENVS" 2>/dev/null; then
    fail_write "$CONDA_ENVS/$name"
    return 1
  fi
  process_identity "$$" || return 1
  [[ -n $_making ]] || at_exit abandon_conda_env
  if [[ -n $_change_open ]]; then
    load_journal
    note_conda_env "$name" || return 1
  fi
  if [[ -e $CONDA_ENVS/$name || -L $CONDA_ENVS/$name ]]; then
    if ! mv -- "$CONDA_ENVS/$name" "$CONDA_ENVS/.old.$name" 2>/dev/null; then
      fail_write "$CONDA_ENVS/$name"
      return 1
    fi
  fi
  _making=$name
  if ! { printf '%s\n' "$REPLY" >"$CONDA_ENVS/.making.$name"; } 2>/dev/null; then
    abandon_conda_env
    fail_write "$CONDA_ENVS/.making.$name"
    return 1
  fi
}

# Usage: finish_conda_env
# The environment is whole: from now on it is the one. Within a change, the old one is kept until that is committed.
finish_conda_env() {
  local name=$_making
  rm -f -- "$CONDA_ENVS/.making.$name" || return 1
  _making=""
  # (What cannot be removed is a leftover, for the next command.)
  [[ -n $_change_open ]] || rm -rf -- "$CONDA_ENVS/.old.$name" 2>/dev/null || :
}

# Usage: abandon_conda_env
# Removes what was made so far, and puts back what was there. Also at exit.
abandon_conda_env() {
  local name=$_making
  [[ -n $name ]] || return 0
  _making=""
  settle_conda_env "$name"
  rmdir "$CONDA_ENVS" 2>/dev/null || :
}

# Usage: settle_conda_env <name>
# Brings the three paths of a name to one of the states that are whole, by the table above. Status 1 when
# that fails.
settle_conda_env() {
  local mark=$CONDA_ENVS/.making.$1 old=$CONDA_ENVS/.old.$1 prefix=$CONDA_ENVS/$1
  if is_half_made "$1"; then
    rm -rf -- "$prefix" && rm -f -- "$mark" || return 1
  fi
  if [[ -e $old || -L $old ]]; then
    if [[ -e $prefix || -L $prefix ]]; then
      rm -rf -- "$old"
    else
      mv -- "$old" "$prefix"
    fi
  fi
}

# Usage: clear_half_environments
# Settles what killed commands left in .pyve/envs, waiting for a micromamba of theirs that is still at
# work. Only with the project's lock, or alone. Status 1, with a diagnostic, when something cannot be removed.
clear_half_environments() {
  local left name identity told=""
  for left in "$CONDA_ENVS"/.making.* "$CONDA_ENVS"/.old.* "$CONDA_ENVS"/*/.pyve-unfinished; do
    [[ -e $left || -L $left ]] || continue
    name=${left%/.pyve-unfinished}
    name=${name##*/}
    name=${name#.making.}
    name=${name#.old.}
    # Names that Pyve gives are the only ones that it removes.
    [[ $name =~ ^[A-Za-z_][A-Za-z0-9._-]*$ ]] || continue
    if [[ -f $CONDA_ENVS/.making.$name ]]; then
      while IFS= read -r identity; do
        while [[ $identity != "$$":* ]] && is_alive "$identity"; do
          if [[ -n ${PYVE_NO_WAIT-} && ${PYVE_NO_WAIT-} != 0 ]]; then
            fail E_PROJECT_BUSY "a program that a killed command has started is still at work in this project" \
              why "process ${identity%%:*} is making $CONDA_ENVS/$name" why "without --no-wait and PYVE_NO_WAIT, Pyve waits for it"
            return 1
          fi
          if [[ -z $told ]]; then
            printf 'Waiting for process %s, which is making %s.\n' "${identity%%:*}" "$CONDA_ENVS/$name" >&2
            told=1
          fi
          sleep 0.2
        done
      done <"$CONDA_ENVS/.making.$name"
    fi
    if ! settle_conda_env "$name" 2>/dev/null; then
      fail E_FILE_WRITE "cannot remove what a killed command left in $CONDA_ENVS/$name" why "no permission, or it is in use"
      return 1
    fi
  done
}

# Usage: write_conda_state <prefix> <file> [digest]
# Records in the environment what it was made from (the digest: of the file then, when it is made again), and
# by which engine (CONDA_ENGINE and CONDA_ENGINE_VERSION, when they are set, else micromamba). For a lock that fits
# its manifest (CONDA_LOCK_FITS), the digest of that, too. Status 1, and nothing said, when that cannot be written.
write_conda_state() {
  local engine=${CONDA_ENGINE:-micromamba} version=${CONDA_ENGINE_VERSION-} digest=${3-} manifest="" text
  [[ $engine != micromamba ]] || version=${version:-$MICROMAMBA_FOUND_VERSION}
  if [[ -z $digest && -f $2 ]]; then
    sha256_of_file "$2" || return 1
    digest=$REPLY
    if [[ -n ${CONDA_LOCK_FITS-} && $2 == "$CONDA_LOCK" ]]; then
      sha256_of_file "$CONDA_MANIFEST" || return 1
      manifest="manifest_sha256=$REPLY"$'\n'
    fi
  fi
  printf -v text 'format=1\npath=%s\nname=%s\nbackend=micromamba\nengine=%s\nengine_version=%s\nfile=%s\nfile_sha256=%s\n%s' \
    "${1//$'\n'/\\n}" "${1##*/}" "$engine" "$version" "${2//$'\n'/\\n}" "$digest" "$manifest"
  if ! { printf '%s' "$text" >"$1/pyve.state.new" && mv -f "$1/pyve.state.new" "$1/pyve.state"; } 2>/dev/null; then
    rm -f -- "$1/pyve.state.new"
    return 1
  fi
}
