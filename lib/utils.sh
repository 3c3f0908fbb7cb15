# shellcheck shell=bash
# What every room needs: logging, dialogues, .gitignore, config values, input checks.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/utils.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
declare -F config_get >/dev/null || . "${BASH_SOURCE[0]%/*}/config.sh"
declare -F write_file >/dev/null || . "${BASH_SOURCE[0]%/*}/files.sh"

# Where log_info and log_success go: 1, or 2 for rooms whose stdout belongs to the answer.
PYVE_TALK_FD=1

GITIGNORE_VENV_SECTION="# Pyve virtual environment"

# --- logging

# Usage: talk <text> [style] [lead]
# Prints a line where the talk goes: stdout, or stderr when stdout carries an answer. Style and lead
# as for say.
talk() {
  if [[ -n ${PYVE_JSON-} || $PYVE_TALK_FD == 2 ]]; then
    say 2 "${2:-plain}" "${3-}" "$1"
  else
    say 1 "${2:-plain}" "${3-}" "$1"
  fi
}

# Usage: log_info <message>
# Prints "INFO: <message>" on stdout; nothing with --quiet.
log_info() {
  record_event info "$1"
  [[ -n ${PYVE_QUIET-} ]] || talk "$1" plain "INFO: "
}

# Usage: log_start <message>
# As log_info, before work that run_long shows: not printed where its moving line says the same.
log_start() {
  if can_move; then
    record_event info "$1"
  else
    log_info "$1"
  fi
}

# Usage: log_success <message>
# Prints "✓ <message>" ("ok" without UTF-8) on stdout; nothing with --quiet.
log_success() {
  local REPLY
  record_event success "$1"
  if [[ -z ${PYVE_QUIET-} ]]; then
    choose_mark ok
    talk "$1" ok "$REPLY "
  fi
}

# Usage: log_warning <message>
# Prints "WARNING: <message>" on stderr.
log_warning() {
  record_event warning "$1"
  say 2 warning "WARNING: " "$1"
}

# Usage: log_error <message>
# Prints "ERROR: <message>" on stderr.
log_error() {
  record_event error "$1"
  say 2 error "ERROR: " "$1"
}

# --- dialogues

# Usage: can_ask
# True when a dialogue is allowed: not with --yes, not in CI.
can_ask() {
  [[ -z ${PYVE_YES-} && -z ${CI-} ]]
}

# Usage: on_terminal
# True when a person is there to answer: a dialogue is allowed, and stdin is a terminal.
on_terminal() {
  can_ask && [[ -t 0 ]]
}

# Usage: can_move
# True when a line on stderr may move: it is a terminal that can, not in CI, and not with --quiet or
# --verbose.
can_move() {
  [[ -t 2 && ${TERM:-dumb} != dumb && -z ${CI-} && -z ${PYVE_QUIET-}${PYVE_VERBOSE-} ]]
}

# Usage: read_answer <prompt>
# Asks on stderr, reads a line from a terminal or a pipe. Sets REPLY to the answer without
# blanks around it; status 1 at the end of input (on a terminal also when something was typed before
# Ctrl-D; the last line of a pipe needs no line end).
read_answer() {
  local answer="" ended="" prompt
  load_redact
  redact "$1"
  prompt=$REPLY
  # (Before the question is to be seen: whoever sees it may press Ctrl-C.)
  _question_open=1
  if is_plain 2; then
    printf '%s' "$prompt" >&2
  else
    declare -F wrap_prompt >/dev/null || load_terminal
    wrap_prompt "$prompt"
    printf '%s' "$REPLY" >&2
  fi
  IFS= read -r answer || ended=1
  _question_open=""
  # Enter has ended the line on a terminal, and nothing else has.
  if [[ ! -t 0 ]]; then
    printf '\n' >&2
  elif [[ -n $ended ]]; then
    printf '\n' >&2
    answer=""
  fi
  answer=${answer#"${answer%%[![:space:]]*}"}
  REPLY=${answer%"${answer##*[![:space:]]}"}
  [[ -z $ended || -n $answer ]]
}

# Usage: prompt_yes_no <prompt> [y]
# Asks "<prompt> [y/N]: ", or "<prompt> [Y/n]: " with y: what Enter means. Status 0 for yes; 1 for no,
# at the end of input, and after three answers that are neither.
prompt_yes_no() {
  local tries choices="y/N"
  [[ ${2-} != y ]] || choices="Y/n"
  for tries in 1 2 3; do
    read_answer "$1 [$choices]: " || return 1
    case ${REPLY:-${2:-n}} in
      [yY] | [yY][eE][sS]) return 0 ;;
      [nN] | [nN][oO]) return 1 ;;
    esac
    if ((tries < 3)); then
      say 2 plain "" "'$REPLY' is neither yes nor no. Please answer y or n."
    else
      say 2 plain "" "'$REPLY' is neither yes nor no. Taken for no."
    fi
  done
  return 1
}

# Usage: ask_choice <prompt> <default> <choice>...
# Prints the choices with their numbers, and asks "<prompt> [<default>]: ", all on stderr. Sets REPLY to
# the number chosen. Status 1 at the end of input; 2, with a message, for another answer.
ask_choice() {
  local prompt=$1 default=$2 choice number=0
  shift 2
  for choice; do
    number=$((number + 1))
    say 2 plain "  $number. " "$choice"
  done
  read_answer "$prompt [$default]: " || return 1
  REPLY=${REPLY:-$default}
  if [[ ! $REPLY =~ ^[1-9]$ ]] || ((REPLY > number)); then
    fail E_USAGE_CHOICE "Invalid choice: $REPLY" why "the answer is a number from 1 to $number" || :
    return 2
  fi
}

# --- .gitignore

# Usage: gitignore_has_pattern <pattern>
# True when .gitignore has exactly this line.
gitignore_has_pattern() {
  read_file .gitignore
  has_line "$1" "$REPLY"
}

# Usage: has_line <line> <text>
# True when <text> has exactly this line; line ends may be CRLF.
has_line() {
  local text=$'\n'${2//$'\r'/}$'\n'
  [[ $text == *$'\n'"$1"$'\n'* ]]
}

# Usage: append_pattern_to_gitignore <pattern>
# Adds the line at the end, unless it is there.
append_pattern_to_gitignore() {
  read_file .gitignore
  if has_line "$1" "$REPLY"; then
    return 0
  fi
  if [[ -n $REPLY && $REPLY != *$'\n' ]]; then
    REPLY+=$'\n'
  fi
  write_file .gitignore "$REPLY$1"$'\n'
}

# Usage: insert_pattern_in_gitignore_section <pattern> <section comment>
# Adds the line at the end of the section, unless it is anywhere in the file; at the end of the
# file when there is no such section.
insert_pattern_in_gitignore_section() {
  read_file .gitignore
  if has_line "$2" "$REPLY"; then
    insert_in_section "$1" "$2" "$REPLY"
    write_file .gitignore "$REPLY"
  else
    append_pattern_to_gitignore "$1"
  fi
}

# Usage: insert_in_section <pattern> <section comment> <text>
# Sets REPLY to <text> with the pattern after the last line of the section, unless it has it.
insert_in_section() {
  local pattern=$1 comment=$2 line out="" state=before
  if has_line "$pattern" "$3"; then
    REPLY=$3
    return 0
  fi
  while IFS= read -r line; do
    if [[ $state == inside && (-z ${line//[[:space:]]/} || $line == "#"*) ]]; then
      out+=$pattern$'\n'
      state=after
    fi
    if [[ $state == before && ${line%$'\r'} == "$comment" ]]; then
      state=inside
    fi
    out+=$line$'\n'
  done <<<"${3%$'\n'}"
  if [[ $state == inside ]]; then
    out+=$pattern$'\n'
  fi
  REPLY=$out
}

# Usage: remove_pattern_from_gitignore <pattern>
# Removes every line that is exactly this; the rest stays as it is.
remove_pattern_from_gitignore() {
  local line out=""
  read_file .gitignore
  local text=$REPLY
  has_line "$1" "$text" || return 0
  while IFS= read -r line; do
    if [[ ${line%$'\r'} != "$1" ]]; then
      out+=$line$'\n'
    fi
  done <<<"${text%$'\n'}"
  [[ $text == *$'\n' ]] || out=${out%$'\n'}
  write_file .gitignore "$out"
}

# Usage: gitignore_template
# Sets REPLY to the part of .gitignore that Pyve looks after.
gitignore_template() {
  IFS= read -r -d '' REPLY <<'TEMPLATE' || :
# macOS only
.DS_Store

# Python build and test artifacts
__pycache__
*.egg-info
.coverage
coverage.xml
htmlcov/
.pytest_cache/

# Pyve virtual environment
.pyve/bin
.pyve/envs
.pyve/lock
.pyve/mcp*.jsonl
.pyve/state
.pyve/testenv
.pyve/tmp*
TEMPLATE
}

# Usage: write_gitignore_template [pattern]...
# Brings Pyve's part of .gitignore up to date: sections that are missing come first, patterns
# that are missing go into their section, those given into the one of the environment. The
# user's lines, comments and blank lines stay; a pattern that a new section brings is not kept
# twice. Writing it again changes nothing.
write_gitignore_template() {
  local template text line section="" block="" fresh="" is_new=""
  gitignore_template
  template=$REPLY
  read_file .gitignore
  text=$REPLY
  if [[ -n $text && $text != *$'\n' ]]; then
    text+=$'\n'
  fi
  while IFS= read -r line; do
    case $line in
      "#"*)
        section=$line
        has_line "$section" "$text" && is_new="" || is_new=1
        [[ -z $is_new ]] || block+=${block:+$'\n'}$line$'\n'
        ;;
      "") ;;
      *)
        if [[ -n $is_new ]]; then
          block+=$line$'\n'
          fresh+=$line$'\n'
        else
          insert_in_section "$line" "$section" "$text"
          text=$REPLY
        fi
        ;;
    esac
  done <<<"$template"
  if [[ -n $block && -n $text ]]; then
    local kept=""
    while IFS= read -r line; do
      if [[ -z ${line//[[:space:]]/} ]] || ! has_line "${line%$'\r'}" "$fresh"; then
        kept+=$line$'\n'
      fi
    done <<<"${text%$'\n'}"
    text=$'\n'$kept
  fi
  text=$block$text
  for line; do
    insert_in_section "$line" "$GITIGNORE_VENV_SECTION" "$text"
    text=$REPLY
  done
  write_file .gitignore "$text"
}

# --- config

# Usage: read_config_value <key>
# Prints the value at <key> of .pyve/config ("venv.directory"); an empty line's worth of nothing
# when it is not there.
read_config_value() {
  config_load || :
  config_get "$1"
  printf '%s\n' "$REPLY"
}

# Usage: config_file_exists
# True when the current folder has a .pyve/config.
config_file_exists() {
  [[ -f .pyve/config ]]
}

# --- input

# Usage: validate_venv_dir_name <name>
# True for a name that a venv directory may have; otherwise says what is wrong with it.
validate_venv_dir_name() {
  local name=${1-}
  case $name in
    "")
      fail E_VENV_NAME "the name of the venv directory is empty" fix "pyve ${PYVE_COMMAND:-init} .venv"
      return 1
      ;;
    .env | .git | .gitignore | .tool-versions | .python-version | .envrc | .pyve | . | ..)
      fail E_VENV_NAME "'$name' is a reserved name and cannot be the venv directory" \
        why "the project uses it for something else" fix "pyve ${PYVE_COMMAND:-init} .venv"
      return 1
      ;;
  esac
  if [[ ! $name =~ ^[A-Za-z0-9._][A-Za-z0-9._-]*$ ]]; then
    fail E_VENV_NAME "'$name' is not a name for a venv directory" \
      why "letters, digits, '.', '_' and '-' are allowed, and no '-' in front" fix "pyve ${PYVE_COMMAND:-init} .venv"
    return 1
  fi
}

# Usage: validate_python_version <version>
# True for a full version such as 3.12.4; otherwise says what is expected.
validate_python_version() {
  if [[ ! ${1-} =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]]; then
    fail E_PYTHON_VERSION_INVALID "'${1-}' is not a full Python version" why "expected: #.#.#, as in 3.12.4"
    return 1
  fi
}

# Usage: is_file_empty <file>
# True when the file is missing or has no bytes; a lone newline is content.
is_file_empty() {
  [[ ! -s $1 ]]
}
