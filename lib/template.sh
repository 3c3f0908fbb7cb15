# shellcheck shell=bash
# Templates of environments: made once for each interpreter, by the standard library's venv and the pip wheel that
# comes with it. Environments are copies of them, whose pip stays here: that is why templates are data and not
# cache (PYVE_TEMPLATES names another folder for them).

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/template.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
declare -F log_info >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"
declare -F list_interpreters >/dev/null || . "${BASH_SOURCE[0]%/*}/interpreter.sh"

# Changes when what a template holds changes.
TEMPLATE_FORMAT=6

# Usage: ensure_template
# Sets TEMPLATE to the template for the interpreter that probe_interpreter found (PYTHON,
# PYTHON_ID, ...), making it when it is missing. Status 1, with a diagnostic, when that fails.
ensure_template() {
  local data=${XDG_DATA_HOME:-${HOME:-}/.local/share} fresh LONG_LOG status=0
  TEMPLATE=${PYVE_TEMPLATES:-$data/pyve/templates}/$PYTHON_ID-$TEMPLATE_FORMAT
  if [[ -f $TEMPLATE/complete ]]; then
    [[ -O $TEMPLATE ]] || check_template_owner
    return
  fi
  clear_dead_templates "${TEMPLATE%/*}"
  fresh=$TEMPLATE.new.$$
  LONG_LOG=$fresh.log
  _template_fresh=$fresh
  at_exit clear_fresh_template
  if ! mkdir -p "$fresh" 2>/dev/null; then
    load_fixes
    propose_access "$fresh"
    fail E_DATA_WRITE "cannot make the folder $fresh" \
      why "Pyve keeps templates of environments there; PYVE_TEMPLATES names another folder" ${REPLY:+fix "$REPLY"}
    return 1
  fi
  log_verbose "Making the template of an environment for Python $PYTHON_VERSION (once for each interpreter)"
  find_pip_wheels
  # shellcheck source=/dev/null # read when needed
  declare -F run_long >/dev/null || . "${BASH_SOURCE[0]%/*}/progress.sh"
  run_long "Preparing Python $PYTHON_VERSION (once)" read_any_line \
    "$PYTHON" -I -u "$PYVE_ROOT/helpers/make_template.py" "$fresh" "$TEMPLATE" \
    ${PIP_WHEELS[@]+"${PIP_WHEELS[@]}"} || status=$?
  if ((status != 0)); then
    fail_template "$status" "$LONG_LOG"
    rm -rf "$fresh" "$LONG_LOG"
    return 1
  fi
  # Whoever changes a file of an environment in place must not change it for all others.
  find "$fresh/tree" "$fresh/pip" -type f -exec chmod a-w {} +
  chmod +x "$fresh/text/script"/*
  rm -f "$LONG_LOG"
  printf 'python=%s\n' "$PYTHON" >"$fresh/complete"
  if ! mv "$fresh" "$TEMPLATE" 2>/dev/null || [[ -d $TEMPLATE/${fresh##*/} ]]; then
    # Another Pyve was faster.
    rm -rf "$fresh" "${TEMPLATE:?}/${fresh##*/}"
  fi
  [[ -f $TEMPLATE/complete ]]
}

# Usage: check_template_owner
# Status 1, with a diagnostic, when somebody else may have changed TEMPLATE.
check_template_owner() {
  # shellcheck source=/dev/null # read when needed
  declare -F check_kept >/dev/null || . "${BASH_SOURCE[0]%/*}/owner.sh"
  check_kept "$TEMPLATE" PYVE_TEMPLATES "the template of environments"
}

# Usage: clear_fresh_template
# At exit: removes the template that was being made, when that was broken off.
clear_fresh_template() {
  rm -rf "$_template_fresh" "$_template_fresh.log"
}

# Usage: clear_dead_templates <folder>
# Removes templates that a killed Pyve did not finish.
clear_dead_templates() {
  local left pid
  for left in "$1"/*.new.*; do
    pid=${left##*.new.}
    pid=${pid%.log}
    if [[ -e $left && $pid =~ ^[0-9]+$ ]] && ! kill -0 "$pid" 2>/dev/null; then
      rm -rf "$left"
    fi
  done
}

# Usage: find_pip_wheels
# Sets PIP_WHEELS to the pip wheels on this machine, the interpreter's own first.
find_pip_wheels() {
  local path wheel
  PIP_WHEELS=()
  if [[ -n $PYTHON_PIP_WHEEL ]]; then
    PIP_WHEELS+=("$PYTHON_PIP_WHEEL")
    return 0
  fi
  list_interpreters
  for path in ${INTERPRETER_PATHS[@]+"${INTERPRETER_PATHS[@]}"}; do
    for wheel in "${path%/*}"/../lib/python3.*/ensurepip/_bundled/pip-*.whl; do
      if [[ -f $wheel ]]; then
        PIP_WHEELS+=("$wheel")
      fi
    done
  done
  for wheel in /usr/share/python-wheels/pip-*.whl; do
    if [[ -f $wheel ]]; then
      PIP_WHEELS+=("$wheel")
    fi
  done
}

# Usage: fail_template <status of make_template.py> <its log>
# Says why there is no template. Status 1.
fail_template() {
  local why
  if (($1 == 3)); then
    propose_whole_python
    fail E_PIP_MISSING "Python $PYTHON_VERSION ($PYTHON) comes without pip" \
      why "it has no ensurepip, and no other Python here has a pip wheel that fits it" \
      why "install this Python whole, or take another one" ${REPLY:+fix "$REPLY"}
    return 1
  fi
  read_file "$2"
  why=${REPLY%$'\n'}
  why=${why##*$'\n'}
  if [[ $REPLY == *"No module named 'venv'"* ]]; then
    propose_whole_python
    fail E_VENV_MISSING "Python $PYTHON_VERSION ($PYTHON) cannot make environments" \
      why "its venv module is missing; install this Python whole, or take another one" ${REPLY:+fix "$REPLY"}
  elif [[ $REPLY == *"No space left"* ]]; then
    fail E_DISK_FULL "there is no space left for the template of an environment" why "$why" \
      why "make room on the disk that holds ${TEMPLATE%/*}, and try again"
  else
    propose_other_python
    fail E_TEMPLATE "Python $PYTHON_VERSION ($PYTHON) could not make an environment" why "${why:-exit status $1}" \
      why "install this Python anew, or take another one" ${REPLY:+fix "$REPLY"}
  fi
}

# Usage: propose_whole_python
# Sets REPLY to the command that adds to PYTHON, one of Debian's, what Debian keeps in a package of its own;
# else to one that takes another Python; "" when there is none.
propose_whole_python() {
  load_fixes
  if [[ $PYTHON == /usr/bin/* ]] && type -P apt-get >/dev/null; then
    as_root "apt-get install python${PYTHON_VERSION%.*}-venv"
  else
    propose_other_python
  fi
}

# Usage: propose_other_python
# Sets REPLY to the command that was given, with the Python here that is nearest to PYTHON_VERSION, and of
# another series; to "" when there is none.
propose_other_python() {
  list_interpreters
  load_interpreter_advice
  nearest_version "$PYTHON_VERSION" "${PYTHON_VERSION%.*}"
  [[ -z $REPLY ]] || propose_version "$REPLY"
}
