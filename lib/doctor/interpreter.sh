# shellcheck shell=bash
# Checks of `pyve doctor`: the environment's interpreter, the programs in its bin, and its pip.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/doctor/interpreter.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F lock_project >/dev/null || . "${BASH_SOURCE[0]%/*}/../project_lock.sh"
declare -F probe_interpreter >/dev/null || . "${BASH_SOURCE[0]%/*}/../probe.sh"
declare -F ensure_template >/dev/null || . "${BASH_SOURCE[0]%/*}/../venv_env.sh"
declare -F logged >/dev/null || . "${BASH_SOURCE[0]%/*}/../debug_log.sh"

# Usage: check_interpreter_gone
check_interpreter_gone() {
  local what="does not work: its interpreter is gone"
  [[ -n $DOCTOR_INITIALIZED && $DOCTOR_PROBLEM == gone ]] || return 0
  [[ -e $DOCTOR_ENV/bin/python || -L $DOCTOR_ENV/bin/python ]] || what+=" (missing Python executable)"
  [[ $DOCTOR_BACKEND == venv ]] || what="does not work: its Python is gone"
  found E_INTERPRETER_GONE "Environment: $DOCTOR_NAME $what" why "$DOCTOR_REASON" destructive "pyve init --force"
}

# Usage: check_architecture
check_architecture() {
  [[ -n $DOCTOR_INITIALIZED ]] || return 0
  if [[ $DOCTOR_PROBLEM == architecture ]]; then
    found E_INTERPRETER_MACHINE "Environment: $DOCTOR_NAME is for another kind of machine" why "$DOCTOR_REASON" destructive "pyve init --force"
  elif [[ -n $DOCTOR_PYTHON ]] && read_machine "$DOCTOR_PYTHON" && ! is_own_machine "$REPLY"; then
    # It runs all the same, translated: some need that.
    noted "Machine: the interpreter is made for $REPLY, and this machine is $OWN_MACHINE"
  fi
}

# Usage: check_interpreter_broken
check_interpreter_broken() {
  [[ -n $DOCTOR_INITIALIZED && $DOCTOR_PROBLEM == broken ]] || return 0
  found E_INTERPRETER_BROKEN "Environment: $DOCTOR_NAME does not work: its interpreter does not run" \
    why "${DOCTOR_REASON#its interpreter does not run: }" destructive "pyve init --force"
}

# Usage: find_maker_version
# Sets REPLY to the version of Python that the environment was made with, "" when nothing tells.
find_maker_version() {
  local line file left
  if [[ $DOCTOR_BACKEND == micromamba ]]; then
    REPLY=""
    for file in "$DOCTOR_ENV"/conda-meta/python-[0-9]*.json; do
      [[ ! $file =~ /python-([0-9.]+)-[^/]*$ ]] || REPLY=${BASH_REMATCH[1]}
    done
    return 0
  fi
  get_environment_state "$DOCTOR_ENV" version
  [[ -z $REPLY && -r $DOCTOR_ENV/pyvenv.cfg ]] || return 0
  left=1000
  while ((left-- > 0)) && { IFS= read -r line || [[ -n $line ]]; }; do
    if [[ $line =~ ^version(_info)?\ *=\ *([0-9]+\.[0-9]+\.[0-9]+) ]]; then
      REPLY=${BASH_REMATCH[2]}
    fi
  done <"$DOCTOR_ENV/pyvenv.cfg"
}

# Usage: find_other_library
# For an environment that works: sets REPLY to a folder of packages in it that its interpreter does not look
# into, because it was made by another version or build of Python. Status 1 when there is none.
find_other_library() {
  local own folder other=""
  own=$(logged "$DOCTOR_PYTHON" -I -S -B -c 'import sys
print("python%d.%d%s" % (*sys.version_info[:2], "t" if "t" in getattr(sys, "abiflags", "") else ""))' 2>/dev/null </dev/null) || return 1
  [[ $own == python3* && ! -d $DOCTOR_ENV/lib/$own/site-packages ]] || return 1
  for folder in "$DOCTOR_ENV"/lib/python3*/site-packages; do
    [[ ! -d $folder ]] || other=$folder
  done
  REPLY=$other
  [[ -n $other ]]
}

# Usage: check_interpreter_changed
check_interpreter_changed() {
  local folder made
  [[ -n $DOCTOR_INITIALIZED && -n $DOCTOR_PYTHON ]] || return 0
  find_maker_version
  made=$REPLY
  if find_other_library; then
    folder=${REPLY#"$PROJECT_ROOT"/}
    # (Read by check_python_version.)
    DOCTOR_CHANGED=1
    found E_INTERPRETER_CHANGED "Python: another one stands where the environment's was: $DOCTOR_VERSION${made:+, not $made}" \
      why "packages are in $folder, where it does not look" destructive "pyve init --force"
  elif [[ -n $made && $made != "$DOCTOR_VERSION" ]]; then
    noted "Python: $DOCTOR_VERSION now; the environment was made with $made, and goes on working"
  fi
}

# Usage: check_python_version
check_python_version() {
  local file form='^3(\.[0-9]+){0,2}([abrc]+[0-9]+)?$'
  [[ -n $DOCTOR_INITIALIZED && -n $DOCTOR_HAS_ENV ]] || return 0
  config_get python.version
  if [[ -z $DOCTOR_PYTHON ]]; then
    noted "Python: none in the environment"
  elif [[ -n $DOCTOR_CHANGED ]]; then
    :
  elif [[ $DOCTOR_BACKEND == venv && $REPLY =~ $form && $DOCTOR_VERSION != "$REPLY" && $DOCTOR_VERSION != "$REPLY".* ]]; then
    found W_PYTHON_WISH "Python: $DOCTOR_VERSION, but the config asks for $REPLY" \
      why "python.version in .pyve/config was changed after the environment was made" destructive "pyve init --force"
  else
    passed "Python: $DOCTOR_VERSION"
  fi
  for file in .tool-versions .python-version; do
    [[ ! -f $file ]] || passed "Version file: $file"
  done
}

# --- what is in front of it, or beneath it

# Usage: is_shim <path>
# True for a file in a folder of shims, which starts one Python or another by the folder it is called in.
is_shim() {
  [[ $1 == */shims/* ]]
}

# Usage: check_interpreter_shims
check_interpreter_shims() {
  local base="" line left
  [[ -n $DOCTOR_INITIALIZED && -n $DOCTOR_HAS_ENV ]] || return 0
  get_environment_state "$DOCTOR_ENV" python
  base=$REPLY
  if [[ -z $base && -r $DOCTOR_ENV/pyvenv.cfg ]]; then
    left=1000
    while ((left-- > 0)) && { IFS= read -r line || [[ -n $line ]]; }; do
      [[ ! $line =~ ^home\ *=\ *(.*) ]] || base=${BASH_REMATCH[1]}/python
    done <"$DOCTOR_ENV/pyvenv.cfg"
  fi
  if [[ -n $base ]] && is_shim "$base"; then
    found W_INTERPRETER_SHIM "Python: the environment was made with a shim, $base" \
      why "a shim starts another Python when the version that the folder asks for changes" destructive "pyve init --force"
  fi
  declare -F find_program_in_front >/dev/null || . "$_doctor_folder/activation.sh"
  if find_program_in_front shims; then
    found W_INTERPRETER_SHIM "PATH: shims are in front of the environment: $REPLY" \
      why "this shell is in the environment, but a shim is found first, and starts another Python" fix "pyve shell"
  fi
}

# --- what is in its bin

# Usage: check_links_dangling
check_links_dangling() {
  local file name entry
  [[ -n $DOCTOR_INITIALIZED && -n $DOCTOR_HAS_ENV ]] || return 0
  get_environment_state "$DOCTOR_ENV" store
  entry=$REPLY
  for file in "$DOCTOR_ENV/bin"/*; do
    [[ -L $file && ! -e $file ]] || continue
    # (That the store has lost the environment is one thing, and another check says it.)
    [[ -z $entry || -e $entry/entry || $(readlink "$file") != "$entry"/* ]] || continue
    name=${file##*/}
    file_here "$DOCTOR_NAME/bin/$name"
    if [[ $name =~ ^python[0-9.]*$ ]]; then
      found W_LINK_DANGLING "Links: $DOCTOR_NAME/bin/$name leads nowhere" why "it is a link to a file that is gone, and so $name is another one, or none" auto "ln -sf python $REPLY"
    else
      found W_LINK_DANGLING "Links: $DOCTOR_NAME/bin/$name leads nowhere" why "it is a link to a file that is gone" destructive "rm $REPLY"
    fi
  done
}

# Usage: find_script_interpreter <file>
# Sets REPLY to the Python that a script names, in its #! line or in the detour by sh of a long one. Status 1
# for anything else.
find_script_interpreter() {
  local line="" second=""
  REPLY=""
  {
    IFS= read -r -n 2 line || :
    [[ $line == "#!" ]] || return 1
    IFS= read -r -n 4000 line || :
    IFS= read -r -n 4000 second || :
  } <"$1" 2>/dev/null
  line=${line%$'\r'}
  line=${line#"${line%%[! ]*}"}
  if [[ $line == /bin/sh && $second == "'''exec' "* ]]; then
    second=${second#"'''exec' "}
    # shellcheck disable=SC2016 # as it stands in the script
    second=${second%' "$0" "$@"'*}
    [[ $second != *[\$\`]* ]] || return 1
    split_words "$second"
    line=${WORDS[0]-}
  elif [[ ! -x $line && $line == *" "* ]]; then
    # A path may hold blanks; else what follows is for the interpreter.
    [[ -x ${line%% *} || ${line%% *} == */python* ]] && line=${line%% *}
  fi
  REPLY=$line
  [[ $line == /* && ${line##*/} =~ ^pythonw?[0-9.]*$ ]]
}

# Usage: find_dead_scripts
# Sets DEAD_SCRIPTS to the scripts in the environment's bin whose Python is gone, and DEAD_PYTHON to the first
# of those.
find_dead_scripts() {
  local file
  DEAD_SCRIPTS=() DEAD_PYTHON=""
  for file in "$DOCTOR_ENV/bin"/*; do
    if [[ -f $file && -r $file && ! -L $file ]] && find_script_interpreter "$file" && [[ ! -x $REPLY ]]; then
      DEAD_SCRIPTS+=("$file")
      DEAD_PYTHON=${DEAD_PYTHON:-$REPLY}
    fi
  done
}

# Usage: check_scripts_shebang
check_scripts_shebang() {
  local list="" i
  [[ -n $DOCTOR_INITIALIZED && -n $DOCTOR_PYTHON ]] || return 0
  # (Of one that was moved it goes without saying.)
  ! is_environment_moved "$DOCTOR_ENV" || return 0
  find_dead_scripts
  ((${#DEAD_SCRIPTS[@]})) || return 0
  for ((i = 0; i < ${#DEAD_SCRIPTS[@]} && i < 5; i++)); do
    list+=${list:+, }${DEAD_SCRIPTS[i]##*/}
  done
  ((${#DEAD_SCRIPTS[@]} <= 5)) || list+=" and $((${#DEAD_SCRIPTS[@]} - 5)) more"
  found W_SCRIPT_SHEBANG "Scripts: the interpreter of $list in $DOCTOR_NAME/bin is gone" \
    why "their first line names $DEAD_PYTHON" auto "pyve doctor --fix --only scripts-shebang"
}

# Usage: mend_scripts_shebang
# Lets the scripts start the environment's own Python. Status 1 when that fails.
mend_scripts_shebang() {
  find_dead_scripts
  logged "$DOCTOR_PYTHON" -E -s -B "$_doctor_folder/../../helpers/mend_scripts.py" "$DOCTOR_ENV" "${DEAD_SCRIPTS[@]}" </dev/null
}

# --- pip

# Usage: check_base_managed
check_base_managed() {
  local file line left
  [[ -n $DOCTOR_INITIALIZED && -n $DOCTOR_HAS_ENV ]] || return 0
  for file in "$DOCTOR_ENV"/lib/python3*/EXTERNALLY-MANAGED; do
    if [[ -e $file || -L $file ]]; then
      file_here "${file#"$PROJECT_ROOT"/}"
      found W_BASE_MANAGED "pip: a file says that another tool manages this environment" \
        why "it is ${file#"$PROJECT_ROOT"/} (PEP 668): installers that find it may refuse; it is meant for Pythons that a system brings" destructive "rm $REPLY"
    fi
  done
  [[ -r $DOCTOR_ENV/pyvenv.cfg ]] || return 0
  left=1000
  while ((left-- > 0)) && { IFS= read -r line || [[ -n $line ]]; }; do
    if [[ $line =~ ^include-system-site-packages\ *=\ *[Tt][Rr][Uu][Ee] ]]; then
      found W_BASE_MANAGED "Packages: the environment sees those of the Python that it was made with, too" \
        why "include-system-site-packages is true in $DOCTOR_NAME/pyvenv.cfg; what works here may miss packages elsewhere" destructive "pyve init --force"
    fi
  done <"$DOCTOR_ENV/pyvenv.cfg"
}

# Usage: is_template_gone
# True when the environment has its pip from a template that is not there any more. REPLY: where it was.
is_template_gone() {
  local file line=""
  for file in "$DOCTOR_ENV"/lib/python3*/site-packages/pyve_pip.pth; do
    [[ -r $file ]] || continue
    {
      IFS= read -r line || :
    } <"$file"
    REPLY=$line
    [[ $line != /* || -e $line ]] || return 0
  done
  return 1
}

# Usage: check_template_gone
check_template_gone() {
  local place templates=${PYVE_TEMPLATES:-${XDG_DATA_HOME:-${HOME-}/.local/share}/pyve/templates} command="pyve init --update"
  [[ -n $DOCTOR_INITIALIZED && -n $DOCTOR_PYTHON && $DOCTOR_BACKEND == venv ]] || return 0
  is_template_gone && ! has_own_pip || return 0
  place=$REPLY
  # An update makes templates in the usual folder; one that was elsewhere has to be named anew, too.
  [[ $place == "$templates"/* ]] || command="pyve doctor --fix --only template-gone"
  found W_TEMPLATE_GONE "pip: the one that environments share is gone" why "it was in $place" auto "$command"
}

# Usage: mend_template_gone
# Makes the template of the environment's interpreter where templates are now, and lets pip come from there. Status
# 1 when that fails.
mend_template_gone() {
  local file
  probe_interpreter "$DOCTOR_PYTHON" && ensure_template || return 1
  for file in "$DOCTOR_ENV"/lib/python3*/site-packages/pyve_pip.pth; do
    # (Linked with those of other environments: never written in place.)
    rm -f -- "$file" && write_file "$file" "$TEMPLATE/pip"$'\n' || return 1
  done
}

# Usage: has_own_pip
# True when the environment has a pip of its own. Leaves REPLY alone.
has_own_pip() {
  compgen -G "$DOCTOR_ENV/lib/python3*/site-packages/pip/__init__.py" >/dev/null
}

# Usage: check_pip_missing
check_pip_missing() {
  local out
  [[ -n $DOCTOR_INITIALIZED && -n $DOCTOR_PYTHON ]] || return 0
  if [[ $DOCTOR_BACKEND == micromamba ]] && ! compgen -G "$DOCTOR_ENV/conda-meta/pip-[0-9]*.json" >/dev/null && ! has_own_pip; then
    noted "pip: none in the environment"
    return 0
  fi
  if out=$(logged "$DOCTOR_PYTHON" -I -B -m pip --version 2>&1 </dev/null); then
    # (What start-up files say goes before it.)
    out=${out##*$'\n'}
    out=${out#pip }
    passed "pip: ${out%% *}"
    return 0
  fi
  # What is known of it has been said.
  [[ -z $DOCTOR_CHANGED ]] || return 0
  ! is_template_gone || has_own_pip || return 0
  out=${out##*$'\n'}
  find_pip_fix
  found W_PIP_MISSING "pip: it is missing or does not run" why "python -m pip says: ${out//[[:cntrl:]]/ }" "$PIP_FIX_KIND" "$REPLY"
}

# Usage: find_pip_fix
# Sets REPLY to a command that makes pip work again, and PIP_FIX_KIND to auto or destructive: with the pip that
# comes with the interpreter, else with a new environment.
find_pip_fix() {
  local python wheel
  PIP_FIX_KIND=destructive PIP_WHEELS=()
  if [[ $DOCTOR_BACKEND == venv ]] && probe_interpreter "$DOCTOR_PYTHON"; then
    find_pip_wheels
  fi
  wheel=${PIP_WHEELS[0]-}
  if [[ -n $wheel ]]; then
    file_here "$DOCTOR_NAME/bin/python"
    python=$REPLY
    quote_word "$wheel/pip"
    python+=" $REPLY"
    quote_word "$wheel"
    REPLY="$python install --no-index --no-deps --force-reinstall --quiet $REPLY" PIP_FIX_KIND=auto
  else
    REPLY="pyve init --force"
  fi
}

# Usage: check_packages
check_packages() {
  local item name count=0
  [[ -n $DOCTOR_INITIALIZED && -n $DOCTOR_HAS_ENV ]] || return 0
  if [[ $DOCTOR_BACKEND == micromamba ]]; then
    count=$CONDA_PACKAGE_COUNT
  else
    for item in "$DOCTOR_ENV"/lib/python3*/site-packages/*.dist-info; do
      [[ ! -d $item ]] || count=$((count + 1))
    done
    # What it has from the store, but for what was installed over it.
    get_environment_state "$DOCTOR_ENV" store
    for item in "${REPLY:-/dev/null}"/site/*.dist-info; do
      name=${item##*/}
      [[ ! -d $item ]] || compgen -G "$DOCTOR_ENV/lib/python3*/site-packages/${name%%-*}-*.dist-info" >/dev/null || count=$((count + 1))
    done
  fi
  passed "Packages: $count"
}
