# shellcheck shell=bash
# Checks of `pyve doctor`: the Python distributions in the environment. They are read by one helper, in
# the environment's own interpreter, which executes nothing of them.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/doctor/packages.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F read_helper_answer >/dev/null || . "${BASH_SOURCE[0]%/*}/../helper.sh"
declare -F logged >/dev/null || . "${BASH_SOURCE[0]%/*}/../debug_log.sh"
declare -F get_environment_state >/dev/null || . "${BASH_SOURCE[0]%/*}/../venv_env.sh"

# The checks that have asked, with a blank around each: whoever asks again (after a fix) wants to know it anew.
_inspected_by=" "
# The answer: names and values, same index; and whether there is one.
_inspected_keys=() _inspected_values=() _inspected=""

# Usage: inspect_packages
# Asks the helper, once for all checks. Status 1 when there is no environment that could be looked at, or no
# answer.
inspect_packages() {
  local answer tools=""
  local -a words=()
  [[ -n $DOCTOR_HAS_ENV && -n $DOCTOR_PYTHON ]] || return 1
  # (What is missing then is one thing, and another check says it.)
  get_environment_state "$DOCTOR_ENV" store
  [[ -z $REPLY || -e $REPLY/entry ]] || return 1
  if [[ $_inspected_by != " " && $_inspected_by != *" $DOCTOR_CHECK "* ]]; then
    _inspected_by+="$DOCTOR_CHECK "
    [[ -n $_inspected ]]
    return
  fi
  _inspected_by+="$DOCTOR_CHECK "
  _inspected="" _inspected_keys=() _inspected_values=()
  case $DOCTOR_VERSION in
    3.[0-8] | 3.[0-8].* | 2.*) return 1 ;;
  esac
  find_toolchain_packages && tools=$REPLY
  words=(--prefix "$DOCTOR_ENV" --project "$PROJECT_ROOT" ${tools:+--tools "$tools"})
  if [[ $DOCTOR_BACKEND == venv && -f pylock.toml ]]; then
    words+=(--lock "${PROJECT_ROOT%/}/pylock.toml")
  fi
  answer=$(logged "$DOCTOR_PYTHON" -E -s -S -B -X utf8 "$PYVE_ROOT/helpers/inspect_environment.py" --format lines "${words[@]}" 2>/dev/null </dev/null) || return 1
  read_helper_answer 0 "$answer"
  _inspected_keys=(${HELPER_KEYS[@]+"${HELPER_KEYS[@]}"}) _inspected_values=(${HELPER_VALUES[@]+"${HELPER_VALUES[@]}"})
  _inspected=1
}

# Usage: find_toolchain_packages
# Sets REPLY to the site-packages folder of a toolchain that is there. Status 1 when there is none.
find_toolchain_packages() {
  local folder
  REPLY=$({ find_toolchain_root && find_toolchain base && printf '%s' "${TOOLCHAIN_PYTHON%/bin/python}"; } 2>/dev/null) || return 1
  for folder in "$REPLY"/lib/python3*/site-packages; do
    if [[ -d $folder ]]; then
      REPLY=$folder
      return 0
    fi
  done
  return 1
}

# Usage: list_inspected <key>
# Sets the array INSPECTED to what the helper has answered under the key.
list_inspected() {
  local i
  INSPECTED=()
  for ((i = 0; i < ${#_inspected_keys[@]}; i++)); do
    if [[ ${_inspected_keys[i]} == "$1" ]]; then
      INSPECTED+=("${_inspected_values[i]}")
    fi
  done
}

# Usage: split_item <item>
# Sets the array PIECES to the parts of an item, which have tabs between them; empty ones too.
split_item() {
  local rest=$1
  PIECES=()
  while [[ $rest == *$'\t'* ]]; do
    PIECES+=("${rest%%$'\t'*}")
    rest=${rest#*$'\t'}
  done
  PIECES+=("$rest")
}

# Usage: shorten_path <path>
# Sets REPLY to the path as it is from the project's root.
shorten_path() {
  REPLY=${1#"${PROJECT_ROOT%/}/"}
}

# Usage: check_packages_damaged
# Distributions without their records, and folders that pip renamed and did not remove.
check_packages_damaged() {
  local item word path rest=""
  local -a left=() shown=() installs=() folders=()
  inspect_packages || return 0
  list_inspected damaged
  for item in ${INSPECTED[@]+"${INSPECTED[@]}"}; do
    split_item "$item"
    shorten_path "${PIECES[3]}"
    path=$REPLY
    file_here "$path"
    word=$REPLY
    case ${PIECES[0]} in
      leftover)
        left+=("$word")
        shown+=(why "$path")
        ;;
      no-metadata) folders+=("$path"$'\t'"METADATA, so nobody can say what it is"$'\t'"${PIECES[1]}"$'\t'"${PIECES[2]}") ;;
      *) folders+=("$path"$'\t'"RECORD, so pip cannot remove or replace it"$'\t'"${PIECES[1]}"$'\t'"${PIECES[2]}") ;;
    esac
  done
  if ((${#left[@]})); then
    count_things "${#left[@]}" "leftover"
    found W_PACKAGES_LEFTOVER "Packages: $REPLY of an interrupted pip" "${shown[@]}" destructive "rm -rf ${left[*]}"
  fi
  for item in ${folders[@]+"${folders[@]}"}; do
    split_item "$item"
    file_here "${PIECES[0]}"
    word=$REPLY
    installs=()
    quote_word "${PIECES[2]}==${PIECES[3]}"
    rest="${PIECES[2]} ${PIECES[3]}"
    if [[ ${PIECES[3]} =~ ^[0-9] ]]; then
      propose_install_again "$word" "$REPLY"
      installs=(destructive "$REPLY")
    else
      installs=(destructive "rm -rf $word")
    fi
    found W_PACKAGES_DAMAGED "Packages: ${rest% } is not whole" why "${PIECES[0]} has no ${PIECES[1]}" "${installs[@]}"
  done
}

# Usage: propose_install_again <folder as a word> <requirement as a word>
# Sets REPLY to the command that removes a .dist-info folder and installs the distribution again.
propose_install_again() {
  local script
  place_command "pyve run python -m pip install --no-deps --force-reinstall $2"
  script="rm -rf $1 && $REPLY"
  quote_word "$script"
  REPLY="sh -c $REPLY"
}

# Usage: check_packages_duplicate
# Distributions of which the environment has two versions: which of them is imported, is chance.
check_packages_duplicate() {
  local item i words
  local -a parts=()
  inspect_packages || return 0
  list_inspected duplicate
  for item in ${INSPECTED[@]+"${INSPECTED[@]}"}; do
    split_item "$item"
    words=""
    parts=(why "versions: ${PIECES[1]}")
    for ((i = 2; i < ${#PIECES[@]}; i++)); do
      shorten_path "${PIECES[i]}"
      parts+=(why "$REPLY is not what is on disk")
      file_here "$REPLY"
      words+=" $REPLY"
    done
    if [[ -n $words ]]; then
      parts+=(destructive "rm -rf$words")
    fi
    found W_PACKAGES_DUPLICATE "Packages: ${PIECES[0]} is installed more than once" "${parts[@]}"
  done
}

# Usage: check_packages_broken
# Requirements of distributions that are not installed, or in a version that does not do.
check_packages_broken() {
  local item command="" kind=auto code=E_PACKAGES_MISSING text
  local -a whys=() missing wrong
  inspect_packages || return 0
  list_inspected missing
  missing=(${INSPECTED[@]+"${INSPECTED[@]}"})
  list_inspected wrong
  wrong=(${INSPECTED[@]+"${INSPECTED[@]}"})
  if ((${#missing[@]} + ${#wrong[@]} == 0)); then
    list_inspected unjudged
    if [[ -n ${INSPECTED[0]-} ]]; then
      noted "Dependencies: nothing is missing; their versions were not compared, because there is no pip"
    else
      passed "Dependencies: what each package needs is there"
    fi
    return 0
  fi
  for item in ${missing[@]+"${missing[@]}"}; do
    split_item "$item"
    whys+=(why "${PIECES[0]} needs ${PIECES[1]}, which is not installed")
  done
  for item in ${wrong[@]+"${wrong[@]}"}; do
    split_item "$item"
    whys+=(why "${PIECES[0]} needs ${PIECES[1]}, and ${PIECES[2]} ${PIECES[3]} is installed")
    kind=fix
  done
  list_inspected install
  for item in ${INSPECTED[@]+"${INSPECTED[@]}"}; do
    quote_word "$item"
    command+=" $REPLY"
  done
  if ((${#missing[@]} == 0)); then
    code=W_PACKAGES_WRONG
    count_things "${#wrong[@]}" "requirement"
    text="Dependencies: $REPLY not met by the version that is installed"
  else
    count_things "${#missing[@]}" "requirement"
    text="Dependencies: $REPLY not installed"
  fi
  if [[ -n $command ]]; then
    whys+=("$kind" "pyve run python -m pip install$command")
  fi
  found "$code" "$text" "${whys[@]}"
}

# Usage: check_packages_startup
# What Python executes whenever it starts, but for what is known to be harmless; what the config allows is noted.
check_packages_startup() {
  local item what path allowed
  local -a parts=()
  inspect_packages || return 0
  config_get sync.allow_startup
  allowed=" ${REPLY//$'\n'/ } "
  list_inspected startup
  for item in ${INSPECTED[@]+"${INSPECTED[@]}"}; do
    split_item "$item"
    shorten_path "${PIECES[1]}"
    path=$REPLY
    what="runs at each start of Python"
    if [[ ${PIECES[0]} == note || (-n ${PIECES[2]} && $allowed == *" ${PIECES[2]% *} "*) ]]; then
      noted "Packages: ${path##*/} of ${PIECES[2]} $what"
      continue
    fi
    parts=()
    [[ -z ${PIECES[3]} ]] || parts+=(why "it has the line: ${PIECES[3]}")
    if [[ -n ${PIECES[2]} ]]; then
      parts+=(why "it came with ${PIECES[2]}; look at it before you trust that")
    else
      parts+=(why "it belongs to no package, or was changed after that was installed")
    fi
    file_here "$path"
    found W_PACKAGES_STARTUP "Packages: $path $what" "${parts[@]}" destructive "rm -f $REPLY"
  done
}
