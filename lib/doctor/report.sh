# shellcheck shell=bash
# `pyve doctor --report FILE`: what a bug report needs, in one text file, without secrets.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/doctor/report.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F logged >/dev/null || . "${BASH_SOURCE[0]%/*}/../debug_log.sh"

# Usage: check_report_file <file>
# Sets REPORT_FILE to the absolute path. Asks before another file is replaced. Status 1, with a diagnostic, when
# it cannot be written or is to stay.
check_report_file() {
  local folder
  REPORT_FILE=$1
  [[ $1 == /* ]] || REPORT_FILE=$DOCTOR_START/$1
  folder=${REPORT_FILE%/*}
  if [[ -d $REPORT_FILE || ! -d ${folder:-/} || ! -w ${folder:-/} || -L $REPORT_FILE ]]; then
    fail E_REPORT_WRITE "the report cannot be written to $1" \
      why "it is a folder or a link, its folder is not there, or nobody may write in it" fix "pyve doctor --report /tmp/pyve-report.md"
    return 1
  fi
  if [[ -e $REPORT_FILE ]] && ! { can_ask && prompt_yes_no "$1 is there. Replace it?"; }; then
    quote_word "$1.new"
    fail E_REPORT_EXISTS "$1 is there, and was not replaced" why "the report is written to a file of its own" fix "pyve doctor --report $REPLY"
    return 1
  fi
}

# Usage: write_report <file as it was given>
# Writes the report to REPORT_FILE, with mode 600. Status 1, with a diagnostic, when that fails.
write_report() {
  local temporary=$REPORT_FILE.pyve-new.$$
  compose_report
  hide_names "$REPLY"
  if ! (umask 077 && printf '%s' "$REPLY" >"$temporary" && mv -f -- "$temporary" "$REPORT_FILE") 2>/dev/null; then
    rm -f -- "$temporary" 2>/dev/null || :
    fail E_REPORT_WRITE "the report cannot be written to $1" why "the disk may be full" fix "pyve doctor --report /tmp/pyve-report.md"
    return 1
  fi
  answer report "$REPORT_FILE"
  log_success "Wrote $1; look through it before you pass it on"
}

# Usage: hide_names <text>
# Sets REPLY to the text without secrets (redact), and without the names of user and machine: the home folder is
# written ~.
hide_names() {
  local text name
  load_redact
  redact "$1"
  text=$REPLY
  if [[ ${HOME-} == /?* ]]; then
    replace_all "$text" "${HOME%/}" "~"
    text=$REPLY
  fi
  for name in "${HOSTNAME-}" "${HOSTNAME%%.*}" "${USER-}" "${LOGNAME-}"; do
    # (What is a word of its own in a report says nothing about anybody.)
    case $name in
      "" | ? | ?? | ??? | root | user | test | admin | home | localhost | venv | pyve* | python*) ;;
      *)
        replace_name "$text" "$name"
        text=$REPLY
        ;;
    esac
  done
  REPLY=$text
}

# Usage: replace_name <text> <name>
# Sets REPLY to the text with <name>, where it stands as a word of its own, as ***.
replace_name() {
  local rest=$1 out="" before after
  while [[ $rest == *"$2"* ]]; do
    before=${rest%%"$2"*}
    rest=${rest#*"$2"}
    after=${rest:0:1}
    out+=$before
    if [[ (-z $before$out || ${out: -1} != [A-Za-z0-9_]) && $after != [A-Za-z0-9_] ]]; then
      out+="***"
    else
      out+=$2
    fi
  done
  REPLY=$out$rest
}

# Usage: add_section <title>
add_section() {
  _report+=$'\n'"## $1"$'\n\n'
}

# Usage: add_fact <name> <value>
add_fact() {
  local value=${2//[$'\n\r']/ }
  _report+="- $1: ${value:-none}"$'\n'
}

# Usage: add_block <text>
# Adds the text as it is, as a block of code.
add_block() {
  local line
  while IFS= read -r line || [[ -n $line ]]; do
    _report+="    ${line//$'\r'/}"$'\n'
  done <<<"$1"
}

# Usage: compose_report
# Sets REPLY to the text of the report.
compose_report() {
  local i text
  local -a parts
  _report="# Report of pyve doctor"$'\n'
  add_section "Pyve and the machine"
  add_fact "Pyve" "${VERSION-}"
  add_fact "bash" "$BASH_VERSION"
  add_fact "System" "$(uname -srm 2>/dev/null)"
  add_fact "Distribution" "$(name_distribution)"
  add_fact "Shell" "${SHELL-}"
  add_fact "Locale" "${LC_ALL:-${LC_CTYPE:-${LANG-}}}"
  add_fact "Terminal" "${TERM-}${CI:+ (CI)}"
  add_section "The project"
  add_fact "Folder" "$PROJECT_ROOT"
  add_fact "Backend" "$DOCTOR_BACKEND"
  add_fact "Environment" "$DOCTOR_NAME${DOCTOR_PROBLEM:+ ($DOCTOR_PROBLEM: $DOCTOR_REASON)}"
  add_fact "Python" "$DOCTOR_VERSION"
  list_project_files
  add_fact "Files" "$REPLY"
  if [[ -n $DOCTOR_INITIALIZED ]]; then
    add_section ".pyve/config"
    read_file .pyve/config
    add_block "${REPLY:-(cannot be read, or empty)}"
  fi
  if [[ -r $DOCTOR_ENV/pyve.state && -f $DOCTOR_ENV/pyve.state ]]; then
    add_section "State of the environment"
    read_file "$DOCTOR_ENV/pyve.state"
    add_block "$REPLY"
  fi
  add_section "Checks"
  for ((i = 0; i < ${#CHECK_IDS[@]}; i++)); do
    [[ -z ${CHECK_MESSAGES[i]} ]] || _report+="- ${CHECK_STATUSES[i]} \`${CHECK_IDS[i]}\`: ${CHECK_MESSAGES[i]//[[:cntrl:]]/ }"$'\n'
  done
  add_section "What was found"
  ((${#FOUND_CODES[@]})) || _report+="Nothing."$'\n'
  for ((i = 0; i < ${#FOUND_CODES[@]}; i++)); do
    _report+="- ${FOUND_CODES[i]} (\`${FOUND_CHECKS[i]}\`): ${FOUND_MESSAGES[i]//[[:cntrl:]]/ }"$'\n'
    split_parts "$i"
    add_parts
  done
  add_section "Tools"
  list_tools
  add_section "Variables"
  list_variables
  REPLY=$_report
}

# Usage: add_parts
# Adds the parts of a finding, the caller's array.
add_parts() {
  local j
  for ((j = 0; j + 1 < ${#parts[@]}; j += 2)); do
    case ${parts[j]} in
      why) _report+="  - why: ${parts[j + 1]//[[:cntrl:]]/ }"$'\n' ;;
      fix | auto | destructive) _report+="  - fix: ${parts[j + 1]//[[:cntrl:]]/ }"$'\n' ;;
    esac
  done
}

# Usage: name_distribution
# Prints what the system calls itself.
name_distribution() {
  local line
  if [[ -r /etc/os-release ]]; then
    while IFS= read -r line; do
      if [[ $line == PRETTY_NAME=* ]]; then
        line=${line#*=}
        printf '%s' "${line//\"/}"
      fi
    done </etc/os-release
  elif type -P sw_vers >/dev/null; then
    printf 'macOS %s' "$(sw_vers -productVersion 2>/dev/null)"
  fi
}

# Usage: list_project_files
# Sets REPLY to the files of the project that Pyve goes by.
list_project_files() {
  local file
  REPLY=""
  for file in pyproject.toml setup.py requirements*.txt requirements.in environment.yml conda-lock.yml pylock*.toml uv.lock \
    poetry.lock Pipfile.lock pdm.lock .tool-versions .python-version .envrc "${ENV_FILE_NAME:-.env}" .gitignore .git; do
    [[ ! -e $file ]] || REPLY+=${REPLY:+, }$file
  done
}

# Usage: list_tools
# Adds the tools that Pyve may use, where they are and what they call their version.
list_tools() {
  local tool path version
  for tool in python3 uv direnv git asdf pyenv mise micromamba mamba conda; do
    path=$(type -P "$tool") || continue
    case $path in
      # A shim may start anything.
      */shims/*) version="a shim" ;;
      *)
        version=$(logged "$path" --version 2>/dev/null </dev/null) || version="does not answer"
        version=${version%%$'\n'*}
        ;;
    esac
    add_fact "$tool" "$path ($version)"
  done
}

# Usage: list_variables
# Adds the variables that change what Pyve and Python do: the values of paths and switches, of all others only
# that they are set.
list_variables() {
  local name
  for name in $(compgen -e); do
    case $name in
      PATH | VIRTUAL_ENV | CONDA_PREFIX | CONDA_DEFAULT_ENV | PYTHONPATH | PYTHONHOME | DIRENV_DIR | PYENV_ROOT | PYENV_VERSION | \
        ASDF_DIR | ASDF_DATA_DIR | PYVE_TEMPLATES | PYVE_TOOLCHAIN | PYVE_BACKEND | PYVE_SHELL | XDG_*_HOME | UV_CACHE_DIR)
        add_fact "$name" "${!name}"
        ;;
      PYVE_* | PYTHON* | PIP_* | UV_* | CONDA_* | MAMBA_* | DIRENV_* | LD_LIBRARY_PATH | LD_PRELOAD | DYLD_* | *_proxy | *_PROXY)
        add_fact "$name" "(set)"
        ;;
    esac
  done
}
