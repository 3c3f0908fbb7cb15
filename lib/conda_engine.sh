# shellcheck shell=bash
# The engines that make conda environments: micromamba, mamba or conda when they are here, else the built-in
# one (py-rattler in Pyve's toolchain). One is chosen; then all answer the same calls.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/conda_engine.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F find_micromamba >/dev/null || . "${BASH_SOURCE[0]%/*}/micromamba_core.sh"
declare -F begin_conda_env >/dev/null || . "${BASH_SOURCE[0]%/*}/micromamba_env.sh"
declare -F call_helper >/dev/null || . "${BASH_SOURCE[0]%/*}/helper.sh"
declare -F repeat_command >/dev/null || . "${BASH_SOURCE[0]%/*}/fixes.sh"
declare -F install_into >/dev/null || . "${BASH_SOURCE[0]%/*}/requirements.sh"
declare -F logged >/dev/null || . "${BASH_SOURCE[0]%/*}/debug_log.sh"

# The file with the lines for pip, and the warnings of helpers that were said.
_pip_section=""
_warnings_told=$'\n'
# Folders with archives that are taken in place of those that a lock names, and "1" when nothing else may be asked.
CONDA_ARCHIVES=()
CONDA_OFFLINE=""

# --- choosing

# Usage: choose_engine <auto|micromamba|mamba|conda|rattler|""> [<--auto-bootstrap?> [project|user]]
# Sets CONDA_ENGINE, CONDA_ENGINE_PATH ("" for rattler) and CONDA_ENGINE_VERSION. What is wished for comes first, then
# micromamba.engine of the loaded config, then auto: the first of micromamba, mamba and conda that answers,
# else rattler. micromamba is fetched only when it is asked for: by --auto-bootstrap, or in a dialogue.
# Status 1, with a diagnostic, when what is wished for is not to be had.
choose_engine() {
  local wish=$1 bootstrap=${2-} place=${3-}
  if [[ -z $wish ]]; then
    config_get micromamba.engine
    wish=${REPLY:-auto}
  fi
  CONDA_ENGINE_PATH="" CONDA_ENGINE_VERSION=""
  case $wish in
    auto | micromamba)
      if find_micromamba; then
        take_micromamba
      elif [[ -n $bootstrap ]]; then
        bootstrap_with auto "$place"
      elif [[ $wish == micromamba ]]; then
        bootstrap_with interactive ""
      else
        find_conda_program mamba || find_conda_program conda || CONDA_ENGINE=rattler
      fi
      ;;
    mamba | conda)
      if ! find_conda_program "$wish"; then
        fail_engine E_ENGINE_MISSING "there is no $wish on PATH that answers" "$REPLY"
        return 1
      fi
      ;;
    rattler) CONDA_ENGINE=rattler ;;
    *)
      fail_engine E_ENGINE_UNKNOWN "'$wish' is not an engine for conda environments" \
        "there are auto, micromamba, mamba, conda and rattler (built in)"
      return 1
      ;;
  esac
}

# Usage: fail_engine <code> <message> <why>
# Says that the engine that is wished for is not to be had, who wishes for it, and how to go on without. Status 1.
fail_engine() {
  local command="pyve lock" asks="--engine"
  [[ -n ${opt_engine-} ]] || asks="micromamba.engine of .pyve/config"
  if [[ ${PYVE_COMMAND-} != lock ]]; then
    choose_init_command
    command=$REPLY
  fi
  fail "$1" "$2" why "$3" why "$asks asks for it" fix "$command --engine auto"
}

# Usage: take_micromamba
# Takes the micromamba that find_micromamba has found.
take_micromamba() {
  CONDA_ENGINE=micromamba CONDA_ENGINE_PATH=$MICROMAMBA_FOUND CONDA_ENGINE_VERSION=$MICROMAMBA_FOUND_VERSION
}

# Usage: bootstrap_with <auto|interactive> [project|user]
# Fetches micromamba, and takes it. Status 1, with a diagnostic, when there is none then.
bootstrap_with() {
  declare -F bootstrap_micromamba_auto >/dev/null || . "${BASH_SOURCE[0]%/*}/micromamba_bootstrap.sh"
  declare -F bootstrap_micromamba_interactive >/dev/null || . "${BASH_SOURCE[0]%/*}/micromamba_bootstrap.sh"
  if [[ $1 == auto ]]; then
    bootstrap_micromamba_auto ${2:+"$2"} || return 1
  elif is_interactive; then
    bootstrap_micromamba_interactive "environment.yml" || return 1
  fi
  if ! find_micromamba; then
    error_micromamba_not_found "the engine is micromamba"
    return 1
  fi
  take_micromamba
}

# Usage: find_conda_program <mamba|conda>
# Takes the program of that name on PATH when it answers. Otherwise status 1; REPLY says why.
find_conda_program() {
  local path out
  if ! path=$(type -P "$1"); then
    REPLY="there is no such program"
    return 1
  fi
  out=$(logged "$path" --version 2>&1 </dev/null) || out=""
  if [[ ! $out =~ ^(mamba\ +|conda\ +)?([0-9]+\.[0-9.]+) ]]; then
    REPLY="$path --version does not tell a version"
    return 1
  fi
  CONDA_ENGINE=$1 CONDA_ENGINE_PATH=$path CONDA_ENGINE_VERSION=${BASH_REMATCH[2]}
}

# --- making

# Usage: make_conda_env <name> <file> [old prefix]
# Makes .pyve/envs/<name> with the chosen engine, in place of what is there: from environment.yml or
# conda-lock.yml, or with the packages of a prefix, exactly. Status 1, with a diagnostic and what was there
# before, when that fails.
make_conda_env() {
  local name=$1 source=$2 prefix=$PWD/$CONDA_ENVS/$1 status=0 origin digest="" what=${2##*/}
  CONDA_PIP_LINES=() CONDA_PIP_NO_DEPS=""
  [[ $source == /* ]] || source=$PWD/$source
  origin=${source#"$PWD"/}
  begin_conda_env "$name" || return 1
  # What was there has been moved aside.
  [[ $source != "$prefix" ]] || source=$PWD/$CONDA_ENVS/.old.$name
  if [[ -d $source ]]; then
    what="the list of its packages"
    get_environment_state "$source" file
    origin=$REPLY
    get_environment_state "$source" file_sha256
    digest=$REPLY
  fi
  log_start "Making $CONDA_ENVS/$name from $what with $CONDA_ENGINE${CONDA_ENGINE_VERSION:+ $CONDA_ENGINE_VERSION}"
  case $CONDA_ENGINE in
    rattler) create_with_rattler "$name" "$prefix" "$source" || status=1 ;;
    *) create_with_program "$name" "$prefix" "$source" || status=1 ;;
  esac
  if ((status == 0)) && [[ ! -d $prefix/conda-meta ]]; then
    fail_creation "$CONDA_ENGINE made no environment" "it ended well, but $prefix is no conda environment"
    status=1
  fi
  if ((status == 0)); then
    if ! install_pip_lines "$prefix"; then
      status=1
    elif ! write_conda_state "$prefix" "$origin" "$digest"; then
      fail_write "$prefix/pyve.state"
      status=1
    fi
  fi
  if ((status == 0)) && ! finish_conda_env; then
    fail_write "$prefix"
    status=1
  fi
  if ((status != 0)); then
    abandon_conda_env
    return 1
  fi
  verify_micromamba_env "$name" || return 1
  count_things "$CONDA_PACKAGE_COUNT" package
  log_success "Made $CONDA_ENVS/$name (${ENV_PYTHON_VERSION:+Python $ENV_PYTHON_VERSION, }$REPLY)"
}

# Usage: create_with_rattler <name> <prefix> <source>
# The built-in engine. Sets CONDA_PIP_LINES to what pip is to install, CONDA_PIP_NO_DEPS to "1" when that is all.
create_with_rattler() {
  local answer=.pyve/tmp/engine.$$ status=0 source=$3 folder
  local -a words=()
  # Diagnostics name the file as the user does.
  [[ -d $source || $source != "$PWD/"* ]] || source=./${source#"$PWD/"}
  mkdir -p .pyve/tmp || return 1
  for folder in ${CONDA_ARCHIVES[@]+"${CONDA_ARCHIVES[@]}"}; do
    words+=(--archives "$folder")
  done
  [[ -z $CONDA_OFFLINE ]] || words+=(--offline)
  prepare_helper conda conda_engine --answer "$answer" create --prefix "$2" --from "$source" ${words[@]+"${words[@]}"} || return 1
  run_long "Making the environment" read_engine_line run_marked "$1" "${HELPER_COMMAND[@]}" || status=$?
  take_helper_answer "$status" "$answer" || return 1
  CONDA_ENGINE_VERSION=""
  get_helper_value engine_version && CONDA_ENGINE_VERSION=$REPLY
  get_helper_values pip
  CONDA_PIP_LINES=(${HELPER_FOUND[@]+"${HELPER_FOUND[@]}"})
  get_helper_value pip_no_deps && CONDA_PIP_NO_DEPS=$REPLY
  tell_helper_warnings
  get_helper_values link_scripts_skipped
  if ((${#HELPER_FOUND[@]})); then
    warn W_LINK_SCRIPTS "scripts that packages run when they are installed were not run" why "of: ${HELPER_FOUND[*]}" \
      why "they may do anything; micromamba and conda run them" \
      fix "pyve init --force --engine micromamba --auto-bootstrap"
  fi
  if [[ -d $3 ]]; then
    call_helper base conda_engine list --prefix "$3" || return 1
    get_pip_requirements
  fi
}

# Usage: get_pip_requirements
# After the helper has listed a prefix: sets CONDA_PIP_LINES to what pip has installed there.
get_pip_requirements() {
  local i
  for ((i = 0; i < ${#HELPER_KEYS[@]}; i++)); do
    if [[ ${HELPER_KEYS[i]} == packages.*.requirement && -n ${HELPER_VALUES[i]} ]]; then
      CONDA_PIP_LINES+=("${HELPER_VALUES[i]}")
      CONDA_PIP_NO_DEPS=1
    fi
  done
}

# Usage: tell_helper_warnings
# Says what the helper that was called last warns of, unless it has been said.
tell_helper_warnings() {
  local text
  get_helper_values warnings
  for text in ${HELPER_FOUND[@]+"${HELPER_FOUND[@]}"}; do
    text=${text//"$PWD/"/}
    [[ $_warnings_told != *$'\n'"$text"$'\n'* ]] || continue
    _warnings_told+=$text$'\n'
    warn W_ENVIRONMENT_FILE "$text"
  done
}

# Usage: create_with_program <name> <prefix> <source>
# micromamba, mamba or conda. They install a pip: section by themselves; from a lock or a prefix they get the
# list of its archives, unless they read locks.
create_with_program() {
  local name=$1 prefix=$2 source=$3 status=0 _all_here="" list=.pyve/tmp/explicit.$$.txt
  local -a words=(create --yes --prefix "$prefix" --file)
  if [[ -d $source ]]; then
    write_explicit_list "$list" conda_engine list --prefix "$source" || return 1
    get_pip_requirements
    source=$list
  elif is_lock_name "${source##*/}" && [[ $CONDA_ENGINE != micromamba || ${#CONDA_ARCHIVES[@]} -gt 0 ]]; then
    need_conda_platform || return 1
    write_explicit_list "$list" environment_file lock --file "$source" --platform "$REPLY" --packages || return 1
    source=$list
  elif [[ $CONDA_ENGINE == conda || ($CONDA_ENGINE == mamba && $CONDA_ENGINE_VERSION == [01].*) ]]; then
    words=(env create --prefix "$prefix" --file)
  fi
  # (Not every program takes files of this machine for no network.)
  [[ -z $CONDA_OFFLINE || -n $_all_here ]] || words=("${words[@]:0:${#words[@]}-1}" --offline --file)
  CONDA_ALWAYS_YES=true MAMBA_ALWAYS_YES=true run_long "Making the environment" read_any_line \
    run_marked "$name" "$CONDA_ENGINE_PATH" "${words[@]}" "$source" || status=$?
  rm -f "$list"
  if ((status != 0)); then
    fail_creation "$CONDA_ENGINE could not make the environment" "it ended with status $status; its own words are above"
    return 1
  fi
}

# Usage: fail_creation <message> <why>
# Says that a program made no environment. The built-in engine may make it, or it says better what is wrong. Status 1.
fail_creation() {
  choose_init_command
  fail E_CONDA_CREATE "$1" why "$2" why "the engine is $CONDA_ENGINE_PATH" fix "$REPLY --engine rattler"
}

# Usage: write_explicit_list <file> <helper> [argument]...
# Writes the list of archives that conda's programs install without solving, from the packages that the helper
# tells; those of pip go into CONDA_PIP_LINES. Sets _all_here to "1" when all archives are on this machine.
write_explicit_list() {
  local file=$1 i key number="" name="" url="" md5="" sha256="" kind="" text="@EXPLICIT"$'\n'
  call_helper base "${@:2}" || return 1
  _all_here=1
  for ((i = 0; i <= ${#HELPER_KEYS[@]}; i++)); do
    key=${HELPER_KEYS[i]-packages.end.}
    [[ $key == packages.* ]] || continue
    key=${key#packages.}
    if [[ ${key%%.*} != "$number" ]]; then
      if [[ $kind == pip ]]; then
        find_archive "$url"
        [[ -z $url ]] || CONDA_PIP_LINES+=("$name @ $REPLY${sha256:+ --hash=sha256:$sha256}")
        CONDA_PIP_NO_DEPS=1
      elif [[ -n $url ]]; then
        find_archive "$url"
        url=$REPLY
        [[ $url == file://* ]] || _all_here=""
        text+="$url${md5:+#$md5}"$'\n'
      fi
      number=${key%%.*} name="" url="" md5="" sha256="" kind=""
    fi
    case ${key#*.} in
      name) name=${HELPER_VALUES[i]} ;;
      url) url=${HELPER_VALUES[i]} ;;
      md5) md5=${HELPER_VALUES[i]} ;;
      sha256) sha256=${HELPER_VALUES[i]} ;;
      manager | kind) kind=${HELPER_VALUES[i]} ;;
    esac
  done
  mkdir -p .pyve/tmp && write_file "$file" "$text"
}

# Usage: find_archive <URL>
# Sets REPLY to where an archive lies in CONDA_ARCHIVES, as a file URL; else to the URL itself.
find_archive() {
  local folder file=${1%%[?#]*} place
  REPLY=$1
  place=${file%/*}
  for folder in ${CONDA_ARCHIVES[@]+"${CONDA_ARCHIVES[@]}"}; do
    for file in "$folder/${place##*/}/${file##*/}" "$folder/${file##*/}"; do
      if [[ -n $REPLY && -f $file ]]; then
        file=${file//%/%25}
        file=${file//#/%23}
        file=${file//\?/%3F}
        REPLY=file://${file// /%20}
        return 0
      fi
    done
  done
}

# Usage: read_engine_line <line>
# For run_long: what a line of the built-in engine says about how far it is.
read_engine_line() {
  case $1 in
    solving* | fetching* | linking* | waiting*) _step=$1 _dropped=1 ;;
  esac
}

# Usage: install_pip_lines <prefix>
# Installs CONDA_PIP_LINES, the pip: section, with uv or the environment's own pip. Status 1, with all that it
# said, when that fails.
install_pip_lines() {
  local file=.requirements.pyve-new.$$ status=0 line text="" again
  local -a options=()
  ((${#CONDA_PIP_LINES[@]})) || return 0
  for line in "${CONDA_PIP_LINES[@]}"; do
    text+=$line$'\n'
  done
  # In the project's folder: what lines name (-r, -e) is meant from there.
  [[ -n $_pip_section ]] || at_exit clear_pip_section
  _pip_section=$file
  write_file "$file" "$text" || return 1
  [[ -z $CONDA_PIP_NO_DEPS ]] || options=(--no-deps)
  repeat_command
  again=$REPLY
  INSTALL_WHAT="the pip: section" INSTALL_FIX=$again install_into "$1" ${options[@]+"${options[@]}"} -r "./$file" || status=1
  rm -f "$file"
  return "$status"
}

# Usage: clear_pip_section
# At exit: removes the file that install_pip_lines has written, when that was broken off.
clear_pip_section() {
  rm -f "$_pip_section"
}
