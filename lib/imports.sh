# shellcheck shell=bash
# What pyve imports asks its helpers, and what it says about the answers.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/imports.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F logged >/dev/null || . "${BASH_SOURCE[0]%/*}/debug_log.sh"
declare -F log_success >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"
declare -F quote_words >/dev/null || . "${BASH_SOURCE[0]%/*}/cli.sh"
declare -F call_helper >/dev/null || . "${BASH_SOURCE[0]%/*}/helper.sh"
declare -F find_environment >/dev/null || . "${BASH_SOURCE[0]%/*}/project_state.sh"
declare -F find_environment_files >/dev/null || . "${BASH_SOURCE[0]%/*}/micromamba_file.sh"
declare -F clean_text >/dev/null || . "${BASH_SOURCE[0]%/*}/terminal.sh"
declare -F json_object >/dev/null || . "${BASH_SOURCE[0]%/*}/json.sh"
declare -F find_lazy_folder >/dev/null || . "${BASH_SOURCE[0]%/*}/lazy_imports.sh"
declare -F restore_caller_environment >/dev/null || . "${BASH_SOURCE[0]%/*}/caller.sh"

# Usage: need_environment
# Sets what find_environment sets. Status 1, with a diagnostic, when there is no environment.
need_environment() {
  if ! find_environment; then
    fail_no_environment
    return 1
  fi
}

# Usage: ask_with_caller <program> [argument]...
# Runs a program that answers as a helper does, with the caller's environment, and with stdin. Ctrl-C is for what it
# starts. Status 1 after a diagnostic.
ask_with_caller() {
  local answer="" status=0
  trap : INT
  # (A profile may say that pyve run watches, which would not come to an end.)
  answer=$(restore_caller_environment && export PYVE_WATCHED=1 && logged_exec "$@") || status=$?
  trap 'interrupt; exit 130' INT
  # (A helper that the environment's Python has run, and not Pyve's own.)
  if ((status > 0 && status < 128)) && [[ -z ${TOOLCHAIN_PYTHON-} && $answer != code$'\t'* ]]; then
    fail E_HELPER "the helper $HELPER_NAME.py ended with status $status and no answer" \
      why "the environment's Python may be damaged; what it said stands above" fix "pyve doctor"
    return 1
  fi
  read_helper_answer "$status" "$answer"
}

# Usage: time_imports <rows> <file for the picture, or ""> <word>...
# Runs `pyve run <word>...` and says what it has imported, and how long that took. Status: that of the command.
time_imports() {
  local rows=$1 svg=$2 code="" has_none=""
  local -a words=(--top "$1")
  shift 2
  if [[ -n $svg ]]; then
    [[ $svg == - || $svg == /* ]] || svg=$PWD/$svg
    # (Before the command runs, which may take long.)
    if [[ $svg != - && (! -d ${svg%/*}/ || ! -w ${svg%/*}/ || -d $svg) ]]; then
      fail E_FILE_WRITE "cannot write $svg" why "its folder has to be there, and to be writable; it cannot be a folder itself"
      return 1
    fi
    quote_words "$@"
    REPLY=${REPLY#-- }
    words+=(--svg "$svg" --title "$REPLY")
  fi
  [[ -z $PYVE_JSON ]] || words+=(--json)
  prepare_helper base import_times "${words[@]}" -- "$PYVE_ROOT/pyve.sh" run "$@" || return 1
  ask_with_caller "${HELPER_COMMAND[@]}" || return
  # From here on a failure is one of the command's.
  _has_run=1
  show_helper_answer
  set_from_helper code=code has_none=has_none
  if [[ -n $has_none ]]; then
    # (pyve run has said that there is no such command.)
    [[ -z $PYVE_JSON && $code == 12[67] ]] || fail E_IMPORTS_NOTHING "the command has imported nothing that Python tells of" \
      why "it ended with status $code" why "it starts no Python, or one that takes no environment variables (-E, -I)" || :
    return "$code"
  fi
  if [[ -n $svg && $svg != - ]]; then
    answer file "$svg"
    log_success "Wrote $svg"
  fi
  return "$code"
}

# Usage: find_import <name>
# Says where a module would be imported from, by the environment's own Python.
find_import() {
  local -a words=(--project "$PROJECT_ROOT")
  [[ -z $PYVE_JSON ]] || words+=(--json)
  HELPER_NAME=find_module
  # (What makes imports lazy would answer in the place of the others.)
  local -x PYVE_NO_LAZY_IMPORTS=1
  ask_with_caller "$PYVE_ROOT/pyve.sh" run --no-frozen -- python -B -X utf8 "$PYVE_ROOT/helpers/find_module.py" --format lines \
    "${words[@]}" "$1" || return
  show_helper_answer
  get_helper_values hidden
  if ((${#HELPER_FOUND[@]})); then
    warn_hidden "$1" "${HELPER_FOUND[@]}"
  fi
}

# Usage: warn_hidden <module> <what it hides>...
# Says that a file of the project stands before a module of the same name.
warn_hidden() {
  local name=$1 item
  local -a whys=()
  shift
  for item; do
    whys+=(why "it hides $item")
  done
  get_helper_value file || :
  warn W_IMPORTS_HIDDEN "import $name takes the project's own file $REPLY" "${whys[@]}" why "rename it, unless that is meant"
}

# Usage: try_lazy_imports <runs> <modules, with blanks between them> <word>...
# Says whether `pyve run <word>...` works with these modules loaded lazily, and what that gains.
try_lazy_imports() {
  local runs=$1 names=$2 folder
  local -a words=()
  shift 2
  find_lazy_folder || return 1
  folder=$REPLY
  make_lazy_folder "$folder" || return 1
  words=(--folder "$folder" --runs "$runs")
  [[ -z $PYVE_JSON ]] || words+=(--json)
  quote_words "$@"
  # shellcheck disable=SC2086 # names of modules
  prepare_helper base lazy_imports --pyve "$PYVE_ROOT/pyve.sh" --rest "$REPLY" "${words[@]}" $names -- "$@" || return 1
  ask_with_caller "${HELPER_COMMAND[@]}" || return
  show_helper_answer
}

# Usage: check_imports <unused|missing>
# Compares what the project imports with what it asks for. Status 1, with a diagnostic, when there is a difference.
check_imports() {
  local i name="" module="" place="" kind="" rows=""
  local -a words=(--root "$PROJECT_ROOT" --python "$ENVIRONMENT/bin/python") names=() whys=()
  if [[ $ENVIRONMENT_BACKEND == micromamba ]]; then
    CDPATH="" cd -- "$PROJECT_ROOT" || return 1
    find_environment_files || :
    words+=(--manifest "$PROJECT_ROOT/${CONDA_MANIFEST:-environment.yml}" --prefix "$ENVIRONMENT")
  else
    words+=(--venv "${ENVIRONMENT#"$PROJECT_ROOT"/}")
  fi
  call_helper imports check_imports "${words[@]}" "$1" || return
  for ((i = 0; i < ${#HELPER_KEYS[@]}; i++)); do
    case ${HELPER_KEYS[i]} in
      finding.*.name) name=${HELPER_VALUES[i]} ;;
      finding.*.module) module=${HELPER_VALUES[i]} ;;
      finding.*.file) place=${HELPER_VALUES[i]} ;;
      finding.*.line) place+=${HELPER_VALUES[i]:+:${HELPER_VALUES[i]}} ;;
      finding.*.kind)
        kind=${HELPER_VALUES[i]}
        add_import_finding
        ;;
    esac
  done
  answer_json "$1" "[$rows]"
  if ((${#names[@]} == 0)); then
    [[ $1 == unused ]] && name="All that the project asks for is imported" || name="All that the project imports is asked for"
    log_success "$name"
    return 0
  fi
  fail_import_findings "$1"
}

# Usage: add_import_finding
# For check_imports: keeps a finding, and prints it.
add_import_finding() {
  local line text=""
  json_object name "$name" -module "$module" -place "$place" kind "$kind"
  rows+=${rows:+, }$REPLY
  case $kind in
    unused) text="not imported" ;;
    missing) text="imported, neither asked for nor installed" ;;
    transitive) text="imported, and only there because something else needs it" ;;
    development) text="imported, and asked for in a group for development only" ;;
  esac
  [[ " ${names[*]-} " == *" $name "* ]] || names+=("$name")
  line="$name"
  [[ -z $module || $module == "$name" ]] || line+=" (import $module)"
  whys+=("$line: $text${place:+, $place}")
  if [[ -z $PYVE_JSON ]]; then
    clean_text "$line  $text${place:+  $place}"
    print_text "$REPLY"$'\n'
  fi
}

# Usage: fail_import_findings <unused|missing>
# For check_imports: says that there are findings. Status 1.
fail_import_findings() {
  local why=""
  local -a lines=()
  for why in "${whys[@]:0:10}"; do
    lines+=(why "$why")
  done
  ((${#whys[@]} <= 10)) || lines+=(why "and ${#whys[@]} in all")
  if [[ $1 == unused ]]; then
    quote_words pyve remove "${names[@]}"
    fail E_IMPORTS_UNUSED "the project asks for what it does not import" "${lines[@]}" fix "$REPLY"
  else
    quote_words pyve add "${names[@]}"
    fail E_IMPORTS_MISSING "the project imports what it does not ask for" "${lines[@]}" fix "$REPLY"
  fi
}
