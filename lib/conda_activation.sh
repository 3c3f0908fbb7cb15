# shellcheck shell=bash
# What activation does in a conda environment, recorded once so that entering it starts nothing.
#
# An activation sets CONDA_PREFIX and its kin, puts folders in front of PATH, sets the environment's own
# variables, and sources etc/conda/activate.d/*.sh, which may do anything. lib/shell/activate_conda.bash
# does that in a bash of its own, with little in its environment, and prints what changed. That is kept
# in <prefix>/pyve.activation, a line each:
#   front=<folders> back=<:folders>   what PATH gets before and behind the caller's folders
#   path=<folders>                    instead of both: the PATH that a script has put together
#   +NAME=value    -NAME              variables that are set and unset
#   =NAME=value                       how a variable of these was before
#   ?NAME                             a variable that a script asks for
# In values % and line ends are written %25 and %0A. The record holds as long as it is newer than what it was
# made from. Where the caller has one of these variables, with a value of their own (think of
# LD_LIBRARY_PATH), the activation is run in the caller's environment instead.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/conda_activation.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

# Usage: is_activation_current <prefix>
# True when the record is newer than everything that it was made from.
is_activation_current() {
  local _record=$1/pyve.activation _file
  [[ -f $_record ]] || return 1
  for _file in "$1/conda-meta/history" "$1/conda-meta/state" "$1/etc/conda/env_vars.d" "$1/etc/conda/activate.d" \
    "$1/etc/conda/activate.d"/*.sh; do
    if [[ -e $_file && ! $_record -nt $_file ]]; then
      return 1
    fi
  done
}

# Usage: find_activation <prefix> <name>
# Sets ACT_NAMES, ACT_VALUES and ACT_SET ("1" or "") to what activation does to variables, ACT_FRONT and
# ACT_BACK to what it adds to PATH, or ACT_PATH to the whole of it. Status 1, with a diagnostic, when the
# activation fails.
find_activation() {
  local _text=""
  if is_activation_current "$1"; then
    IFS= read -r -d '' _text <"$1/pyve.activation" || :
  else
    run_activation "$1" "$2" clean || return 1
    _text=$REPLY
    find_asked_names "$1"
    _text+=$REPLY
    keep_activation "$1" "$_text"
  fi
  parse_activation "$_text"
  if ! fits_caller; then
    run_activation "$1" "$2" "" || return 1
    parse_activation "$REPLY"
  fi
}

# Usage: keep_activation <prefix> <text of a record>
# Writes the record. A project that the shell hook could enter before stays one. (In a prefix that cannot be
# written, activation is run each time.)
keep_activation() {
  local _project=${1%/.pyve/envs/*} _trusted=""
  declare -F digest_project >/dev/null || . "${BASH_SOURCE[0]%/*}/trust.sh"
  declare -F is_trusted >/dev/null || . "${BASH_SOURCE[0]%/*}/trust.sh"
  declare -F record_trust >/dev/null || . "${BASH_SOURCE[0]%/*}/trust.sh"
  if (digest_project "$_project" && is_trusted) 2>/dev/null; then
    _trusted=1
  fi
  if ! { printf '%s' "$2" >"$1/pyve.activation.$$" && mv -f "$1/pyve.activation.$$" "$1/pyve.activation"; } 2>/dev/null; then
    rm -f "$1/pyve.activation.$$" 2>/dev/null || :
  elif [[ -n $_trusted ]]; then
    record_trust "$_project" || :
  fi
}

# Usage: find_asked_names <prefix>
# Sets REPLY to lines "?NAME" with the variables that the scripts of the prefix ask for or unset, as far as
# their texts tell.
find_asked_names() {
  local _file _text _rest _names=" " _word
  for _file in "$1/etc/conda/activate.d"/*.sh; do
    _text=""
    [[ ! -r $_file ]] || IFS= read -r -d '' _text <"$_file" || :
    _rest=$_text
    while [[ $_rest =~ \$\{?[\#!]?([A-Za-z_][A-Za-z0-9_]*) ]]; do
      _names+="${BASH_REMATCH[1]} "
      _rest=${_rest#*"${BASH_REMATCH[0]}"}
    done
    _rest=$_text
    while [[ $_rest =~ (^|[[:space:];&])unset[[:blank:]]+([A-Za-z0-9_[:blank:]-]+) ]]; do
      _names+="${BASH_REMATCH[2]} "
      _rest=${_rest#*"${BASH_REMATCH[0]}"}
    done
  done
  REPLY=""
  for _word in $_names; do
    case $_word in
      # What every activation has, or sets itself.
      CONDA_* | PATH | HOME | TMPDIR | TERM | LANG | [0-9]* | -* | *-*) ;;
      *) [[ $'\n'$REPLY == *$'\n?'"$_word"$'\n'* ]] || REPLY+="?$_word"$'\n' ;;
    esac
  done
}

# Usage: parse_activation <text of a record>
# Fills the ACT_ variables, _act_before with words "NAME=value" of what was before, and _act_asked with the
# names that a script asks for.
parse_activation() {
  local _line _value IFS=$'\n'
  local -a _lines
  ACT_NAMES=() ACT_VALUES=() ACT_SET=() ACT_FRONT="" ACT_BACK="" ACT_PATH=""
  _act_before=() _act_asked=()
  set -f
  # shellcheck disable=SC2206 # split at line ends, without a read for each line
  _lines=($1)
  set +f
  for _line in ${_lines[@]+"${_lines[@]}"}; do
    _value=${_line#*=}
    if [[ $_line == [+=]*=*%* || $_line == [fbp]*=*%* ]]; then
      [[ $_line != =* ]] || _value=${_line#=}
      _value=${_value//%0A/$'\n'}
      _value=${_value//%25/%}
    fi
    case $_line in
      front=*) ACT_FRONT=$_value ;;
      back=*) ACT_BACK=$_value ;;
      path=*) ACT_PATH=$_value ;;
      +[A-Za-z_]*=*)
        _line=${_line#+}
        ACT_NAMES+=("${_line%%=*}")
        ACT_VALUES+=("$_value")
        ACT_SET+=(1)
        ;;
      -[A-Za-z_]*)
        ACT_NAMES+=("${_line#-}")
        ACT_VALUES+=("")
        ACT_SET+=("")
        ;;
      =*) _act_before+=("${_value#=}") ;;
      \?*) _act_asked+=("${_line#\?}") ;;
    esac
  done
}

# Usage: fits_caller
# True when the parsed record says what an activation in the caller's environment would do: every
# variable that it changes or asks for is as it was before, or as it is afterwards.
fits_caller() {
  local _name _i _before
  for _name in ${ACT_NAMES[@]+"${ACT_NAMES[@]}"} ${_act_asked[@]+"${_act_asked[@]}"}; do
    if [[ $_name == CONDA_* || -z ${!_name+set} ]] || ! is_exported "$_name"; then
      continue
    fi
    for ((_i = 0; _i < ${#ACT_NAMES[@]}; _i++)); do
      if [[ ${ACT_NAMES[_i]} == "$_name" && -n ${ACT_SET[_i]} && ${!_name} == "${ACT_VALUES[_i]}" ]]; then
        continue 2
      fi
    done
    for _before in ${_act_before[@]+"${_act_before[@]}"}; do
      [[ $_before != "$_name=${!_name}" ]] || continue 2
    done
    return 1
  done
}

# Usage: is_exported <name>
# True for a variable that children of this process get.
is_exported() {
  local _attributes
  if ((BASH_VERSINFO[0] > 4 || (BASH_VERSINFO[0] == 4 && BASH_VERSINFO[1] >= 4))); then
    _attributes=${!1@a}
  else
    _attributes=$(declare -p "$1" 2>/dev/null) || return 1
    _attributes=${_attributes#declare -}
    _attributes=${_attributes%% *}
  fi
  [[ $_attributes == *x* ]]
}

# Usage: run_activation <prefix> <name> <clean?>
# Sets REPLY to the text of a record, made in a clean environment or in the caller's. Status 1, with a
# diagnostic, when a script ends the shell.
run_activation() {
  local _variables="" _python=$1/bin/python _out="" _said
  local -a _env=(env)
  declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
  declare -F logged >/dev/null || . "${BASH_SOURCE[0]%/*}/debug_log.sh"
  [[ -x $_python ]] || _python=python3
  if [[ -f $1/conda-meta/state || -d $1/etc/conda/env_vars.d ]]; then
    if ! _variables=$(logged "$_python" -I -S -B "$PYVE_ROOT/helpers/conda_variables.py" "$1" 2>&1 </dev/null); then
      _variables=${_variables%$'\n'}
      fail E_CONDA_STATE "the variables of the environment cannot be read" why "${_variables##*$'\n'}" fix "pyve init --force"
      return 1
    fi
  fi
  if [[ -n $3 ]]; then
    _env=(env -i PATH="$PATH" HOME="${HOME-}" TMPDIR="${TMPDIR:-/tmp}" TERM="${TERM:-dumb}" LANG="${LANG:-C}")
  fi
  # What was said on stderr comes behind what was said on stdout: a file for it would stay when this is killed.
  _out=$({
    _said=$(logged "${_env[@]}" "$BASH" --noprofile --norc "$PYVE_ROOT/lib/shell/activate_conda.bash" \
      "$1" "$2" "$_variables" </dev/null 2>&1 >&4 4>&-) || :
    printf '\035%s' "${_said//$'\035'/}"
  } 4>&1) || :
  _said=${_out##*$'\035'}
  _out=${_out%$'\035'*}
  _out=${_out%$'\n'}
  if [[ $_out != *$'\n'end ]]; then
    fail_activation "$1" "$_said"
    return 1
  fi
  REPLY=$_out$'\n'
}

# Usage: fail_activation <prefix> <what was said on stderr>
# Says which script ends the shell, what it said, and how to pass over it. Status 1.
fail_activation() {
  local _script="" _rest=$2 _file
  local -a _lines=()
  declare -F quote_word >/dev/null || . "${BASH_SOURCE[0]%/*}/text.sh"
  if [[ $_rest == *$'\036'* ]]; then
    _rest=${_rest##*$'\036'}
    _script=${_rest%%$'\n'*}
    _rest=${_rest#*$'\n'}
  fi
  _rest=${_rest%$'\n'}
  [[ -z $_rest ]] || _lines=(why "it says: ${_rest##*$'\n'}")
  if [[ -n $_script ]]; then
    for _file in "$1"/conda-meta/*.json; do
      if [[ -f $_file ]] && grep -qF "\"etc/conda/activate.d/${_script##*/}\"" "$_file"; then
        _file=${_file##*/}
        _lines+=(why "it is a part of the package ${_file%.json}")
      fi
    done
    quote_word "$_script.off"
    _file=$REPLY
    quote_word "$_script"
    _lines=(why "this script ends the shell: $_script" ${_lines[@]+"${_lines[@]}"} fix "mv $REPLY $_file")
  else
    _lines+=(fix "pyve init --force")
  fi
  fail E_CONDA_ACTIVATION "the activation of $1 does not come to its end" "${_lines[@]}"
}

# Usage: enter_conda_environment <prefix> <name>
# Brings what find_activation or parse_activation has found into this process.
enter_conda_environment() {
  local _i
  unset -v PYTHONHOME VIRTUAL_ENV VIRTUAL_ENV_PROMPT
  export PYVE_BACKEND=micromamba PYVE_ENV_NAME=$2 PYVE_ENV_PATH=$1
  for ((_i = 0; _i < ${#ACT_NAMES[@]}; _i++)); do
    if [[ -n ${ACT_SET[_i]} ]]; then
      export "${ACT_NAMES[_i]}=${ACT_VALUES[_i]}"
    else
      unset -v "${ACT_NAMES[_i]}"
    fi
  done
  if [[ -n $ACT_PATH ]]; then
    PATH=$ACT_PATH
  elif [[ $PATH != "$ACT_FRONT:"* ]]; then
    PATH=$ACT_FRONT:$PATH$ACT_BACK
  fi
}

# Usage: enter_conda_at_once <folder of environments> <name>
# For the short way of `pyve run`: enters the environment by its record. Status 1 when something is unusual.
enter_conda_at_once() {
  local _prefix=$1/$2 _text="" _place
  [[ ! -e $1/.making.$2 && -d $_prefix/conda-meta && -r $_prefix/pyve.state ]] && is_activation_current "$_prefix" || return 1
  IFS= read -r -d '' _text <"$_prefix/pyve.state" || :
  _place=${_text#*$'\n'path=}
  [[ ${_place%%$'\n'*} == "$_prefix" ]] || return 1
  IFS= read -r -d '' _text <"$_prefix/pyve.activation" || :
  if [[ ! -x $_prefix/bin/python ]]; then
    # It has none, or that is gone: then no other one is to be taken for it.
    for _place in "$_prefix"/conda-meta/python-[0-9]*.json; do
      [[ ! -f $_place ]] || return 1
    done
  fi
  parse_activation "$_text"
  fits_caller || return 1
  enter_conda_environment "$_prefix" "$2"
}
