# shellcheck shell=bash
# Installing distributions into environments, by uv or by the environment's own pip.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/requirements.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F run_long >/dev/null || . "${BASH_SOURCE[0]%/*}/progress.sh"
declare -F copy_tree >/dev/null || . "${BASH_SOURCE[0]%/*}/venv_env.sh"
declare -F find_build_sandbox >/dev/null || . "${BASH_SOURCE[0]%/*}/build_sandbox.sh"
declare -F logged >/dev/null || . "${BASH_SOURCE[0]%/*}/debug_log.sh"

# Usage: install_into <environment> <argument for pip install>...
# Installs into an environment that nobody uses yet, through uv when it is there, else its own
# pip, and tells how far that is. Status 1, with all that the tool said and a diagnostic, when it fails.
install_into() {
  local environment=$1 status=0 tool=pip what
  local -a command mark=()
  shift
  # While a conda environment is made, nobody is to clear it away under the feet of a tool that goes on.
  [[ -z ${_making-} ]] || mark=(run_marked "$_making")
  describe_requirements "$@"
  what="Installing ${INSTALL_WHAT:-$REPLY}"
  find_build_sandbox
  check_wheels_only "$@" || return 1
  set -- ${BUILD_WORDS[@]+"${BUILD_WORDS[@]}"} "$@"
  if type -P uv >/dev/null; then
    tool="uv pip"
    VIRTUAL_ENV="" run_long "$what" read_uv_line ${mark[@]+"${mark[@]}"} \
      uv pip install --python "$environment/bin/python" "$@" || status=$?
  else
    command=("$environment/bin/python" -m pip install --disable-pip-version-check)
    if has_raw_progress "$environment"; then
      command+=(--progress-bar raw)
    else
      command+=(--progress-bar off)
    fi
    count_requirements "$@"
    _pip_expected=$REPLY _pip_seen=" " _pip_count=0 _pip_file="" _pip_place="1 so far"
    PIP_REQUIRE_VIRTUALENV="" PIP_USER="" PIP_TARGET="" PIP_PREFIX="" PIP_QUIET="" PIP_ROOT_USER_ACTION=ignore \
      run_long "$what" read_pip_line ${mark[@]+"${mark[@]}"} "${command[@]}" "$@" || status=$?
  fi
  if ((status != 0)); then
    load_fixes
    repeat_command
    fail E_INSTALL_REQUIREMENTS "the requirements could not be installed" \
      why "$tool install ${INSTALL_WHAT:-$*} ended with status $status; its own words are above" \
      why "correct the requirements, or try again when the index can be reached" fix "${INSTALL_FIX:-$REPLY}"
    return 1
  fi
}

# Usage: add_requirements <kind> <environment> <argument for pip install>...
# Installs into an environment that is in use: into a copy of it, which takes its place when
# everything is there. <kind> is venv or testenv. Only with the lock. Status 1, and the old
# environment, when that fails.
add_requirements() {
  local kind=$1 place=$2 new=$PWD/.pyve/tmp/new.$1.$$
  # swap_in needs an interpreter; this one is as good as any.
  local PYTHON=${PYTHON:-$2/bin/python}
  shift 2
  if [[ -L $place ]]; then
    # What it points to may be on another disk: it stays where it is.
    install_into "$place" "$@"
    return
  fi
  mkdir -p .pyve/tmp && copy_tree "$place" "$new" || return 1
  if ! install_into "$new" "$@" ||
    ! logged "$new/bin/python" -I "$PYVE_ROOT/helpers/relocate_environment.py" "$new" "$new" "$place"; then
    rm -rf "$new"
    return 1
  fi
  swap_in "$kind" "$new" "$place"
}

# Usage: describe_requirements <argument for pip install>...
# Sets REPLY to the arguments as a person would name them.
describe_requirements() {
  local text="" item
  while (($#)); do
    item=$1
    case $1 in
      -r)
        item=${2##*/}
        shift
        ;;
      -e)
        item="the project itself (editable)"
        shift
        ;;
    esac
    text+=${text:+, }$item
    shift
  done
  REPLY=$text
}

# Usage: count_requirements <argument for pip install>...
# Sets REPLY to how many requirements these are, or to 0 where a file names other files.
count_requirements() {
  local count=0 line
  while (($#)); do
    if [[ $1 == -r && ! -r $2 ]]; then
      REPLY=0
      return 0
    elif [[ $1 == -r ]]; then
      while IFS= read -r line || [[ -n $line ]]; do
        line=${line#"${line%%[![:space:]]*}"}
        case $line in
          "" | "#"* | --*) ;;
          -r* | -c* | *\\)
            REPLY=0
            return 0
            ;;
          *) count=$((count + 1)) ;;
        esac
      done <"$2"
      shift
    else
      [[ $1 != -e ]] || shift
      count=$((count + 1))
    fi
    shift
  done
  REPLY=$count
}

# Usage: has_raw_progress <environment>
# True when the environment's pip can tell by numbers how far a download is (24.1 or newer).
has_raw_progress() {
  local folder info version found=""
  local -a folders=("$1"/lib/python3*/site-packages)
  if [[ -f ${folders[0]}/pyve_pip.pth ]]; then
    # A pip of the environment's own goes before the template's.
    IFS= read -r folder <"${folders[0]}/pyve_pip.pth" || :
    folders+=("$folder")
  fi
  for folder in "${folders[@]}"; do
    for info in "$folder"/pip-[0-9]*.dist-info; do
      [[ -n $found || ! -d $info ]] || found=${info##*/pip-}
    done
  done
  version=${found%.dist-info}
  [[ $version =~ ^([0-9]+)\.([0-9]+) ]] &&
    ((BASH_REMATCH[1] > 24 || (BASH_REMATCH[1] == 24 && BASH_REMATCH[2] >= 1)))
}

# Usage: read_pip_line <line>
# A reader for run_long.
read_pip_line() {
  local rest sizes='^Progress ([0-9]+) of ([0-9]+)$'
  case $1 in
    "Progress "*)
      _dropped=1
      if [[ $1 =~ $sizes ]] && ((BASH_REMATCH[2] >= 1000000)); then
        rest="$((BASH_REMATCH[1] / 1000000)) of $((BASH_REMATCH[2] / 1000000)) MB"
        _step="downloading $_pip_file, $rest ($_pip_place)"
      fi
      ;;
    "Collecting "* | "Processing "* | "Obtaining "*) read_pip_requirement collecting "${1#* }" ;;
    "Requirement already satisfied: "*) read_pip_requirement found "${1#*: }" ;;
    "  Downloading "*)
      rest=${1#  Downloading }
      rest=${rest%% *}
      _pip_file=${rest##*/}
      if [[ $_pip_file == *-*-*.whl ]]; then
        # Name and version are enough.
        rest=${_pip_file#*-}
        _pip_file=${_pip_file%%-*}-${rest%%-*}
      fi
      _step="downloading $_pip_file ($_pip_place)"
      ;;
    "  Building "*": started" | "  Installing "*": started" | "  Preparing "*": started" | "  Getting requirements to build "*": started")
      rest=${1#  }
      rest=${rest%%: started*}
      rest=${rest%% (*}
      # "Building wheel for x": no capital within the line.
      case $rest in
        B*) _step="b${rest#?}" ;;
        I*) _step="i${rest#?}" ;;
        P*) _step="p${rest#?}" ;;
        *) _step="g${rest#?}" ;;
      esac
      ;;
    "Installing collected packages: "*)
      rest=${1//[!,]/}
      count_things "$((${#rest} + 1))" package
      _step="installing $REPLY"
      ;;
    WARNING:* | DEPRECATION:*) _notice=1 ;;
  esac
}

# Usage: read_pip_requirement <verb> <requirement and where it comes from>
# Sets _step. Which one of how many is known for what the user asked for; for what that needs, only how
# many there are so far.
read_pip_requirement() {
  local name=${2%% (from *} origin=${2#"${2%% (from *}"}
  name=${name%% in *}
  name=${name##*/}
  name=${name%%-[0-9]*}
  name=${name%%[]<>=!~;[ ]*}
  if [[ $_pip_seen != *" $name "* ]]; then
    _pip_seen+="$name "
    _pip_count=$((_pip_count + 1))
  fi
  _pip_place="$_pip_count so far"
  if [[ -z $origin || ($origin == " (from -r "* && $origin != *"->"*) ]] && ((_pip_count <= _pip_expected)); then
    _pip_place="$_pip_count of $_pip_expected"
  fi
  _step="$1 $name ($_pip_place)"
}

# Usage: read_uv_line <line>
# A reader for run_long.
read_uv_line() {
  local rest=${1#"${1%%[![:space:]]*}"}
  case $rest in
    "Resolved "*" package"*)
      rest=${rest#Resolved }
      _step="preparing ${rest%% in *}"
      ;;
    "Prepared "*" package"*)
      rest=${rest#Prepared }
      _step="installing ${rest%% in *}"
      ;;
    "Downloading "* | "Building "* | "Updating "* | "Uninstalled "*)
      _step="$rest"
      ;;
    warning:*) _notice=1 ;;
  esac
}
