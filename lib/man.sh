# shellcheck shell=bash
# The manual page, docs/pyve.1, made from the headers of the rooms and the lists below.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/man.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F quote_word >/dev/null || . "${BASH_SOURCE[0]%/*}/text.sh"
declare -F read_header >/dev/null || . "${BASH_SOURCE[0]%/*}/headers.sh"

# Variables that a person may set, and files that Pyve reads or writes: name, two blanks, meaning.
MAN_ENVIRONMENT=(
  "CI  When it is set, no question is asked, and no progress is drawn."
  "CLICOLOR_FORCE, FORCE_COLOR  Colour also where the output is no terminal."
  "NO_COLOR  No colour."
  "PYVE_ALLOW_SYNCED_DIR  Work in a folder that a cloud drive synchronises, as --allow-synced-dir."
  "PYVE_CONDA_CACHE  Where the built-in engine keeps conda packages; ~/.cache/pyve/conda if unset."
  "PYVE_DISABLE_DISTUTILS_SHIM  With 1, no distutils shim is put into environments of Python 3.12 and newer."
  "PYVE_FORCE_YES  pyve init --force does not ask."
  "PYVE_LOG  With debug, each program that Pyve starts is shown on stderr, with its time."
  "PYVE_MICROMAMBA_SHA256, PYVE_MICROMAMBA_URL, PYVE_MICROMAMBA_VERSION  Digest, mirror and version of the micromamba to fetch."
  "PYVE_PROBE_TIMEOUT  How many seconds an interpreter may take to say what it is; 20 if unset."
  "PYVE_PROMPT_PREFIX  Set while an environment is active: what the prompt shows in front."
  "PYVE_PYPI_MAPPING  For pyve lock: a file or URL with conda's names of distributions, or none."
  "PYVE_PYTHON_DOWNLOADS  With never, only pyve python install installs an interpreter; with auto, nobody is asked before."
  "PYVE_SKIP_VERSION_CHECK  With 1, pyve validate does not compare versions of Pyve."
  "PYVE_TEMPLATES  The folder of the templates from which environments are cloned."
  "PYVE_TEST_AUTO_INSTALL_PYTEST  With 1, pyve test installs pytest without asking."
  "PYVE_TOOLCHAIN  The folder of the tools that Pyve's own helpers need; ~/.local/share/pyve/toolchain if unset."
  "PYVE_TRACE, PYVE_TRACE_ID  With 1, JSON answers have a trace id, which Pyve hands to those that it starts."
  "VIRTUAL_ENV_DISABLE_PROMPT  The prompt stays as it is."
  "XDG_CACHE_HOME, XDG_CONFIG_HOME, XDG_DATA_HOME, XDG_STATE_HOME  Where the files of a user are, as the base directory specification says."
)
# shellcheck disable=SC2088 # the tilde is to be shown
MAN_FILES=(
  ".pyve/config  The project's configuration: backend, directory of the environment, version of Python."
  ".venv  The environment, if the configuration names no other directory."
  ".pyve/envs  Conda environments, each in a folder of its name."
  "environment.yml, conda-lock.yml  What a conda environment is made from, and what pyve lock writes."
  ".pyve/testenv/venv  The environment of the test runner."
  ".envrc  Made for direnv. One that is there already stays as it is."
  ".env  Variables of the project, for its owner's eyes only. Never printed."
  ".tool-versions, .python-version  The version of Python, as the version manager in use reads it."
  "~/.local/.env  The template that pyve init --local-env copies."
  "~/.local/bin/pyve  Pyve, installed by pyve self install."
  "~/.local/share/pyve  The installation, the templates of environments, and the tools of Pyve's helpers."
  "~/.pyve/bin/micromamba, .pyve/bin/micromamba  The micromamba that Pyve has fetched, for the user or the project."
  "~/.cache/pyve  What can be made again: what interpreters said of themselves, and conda packages."
  "~/.local/state/pyve  The projects that pyve hook may enter."
)

# Usage: escape_man <text>
# Sets REPLY to the text as roff prints it, character by character, also at the start of a line.
escape_man() {
  local char i out=""
  for ((i = 0; i < ${#1}; i++)); do
    char=${1:i:1}
    case $char in
      "\\") char="\\e" ;;
      -) char="\\-" ;;
      "'") char="\\(aq" ;;
      '"') char="\\(dq" ;;
      '`') char="\\(ga" ;;
      "^") char="\\(ha" ;;
      "~") char="\\(ti" ;;
    esac
    out+=$char
  done
  [[ $out != .* ]] || out="\\&$out"
  REPLY=$out
}

# Usage: print_man_text <text>...
# Prints the texts as one, in lines that are not too long for editors.
print_man_text() {
  local word line="" IFS=$' \t\n'
  local -a words
  set -f
  # shellcheck disable=SC2206 # split at blanks
  words=($*)
  set +f
  for word in ${words[@]+"${words[@]}"}; do
    escape_man "$word"
    if [[ -n $line ]] && ((${#line} + ${#REPLY} >= 79)); then
      printf '%s\n' "$line"
      line=""
    fi
    # (Only the start of a line needs this.)
    [[ -z $line ]] || REPLY=${REPLY#"\\&"}
    line+=${line:+ }$REPLY
    # A sentence ends a line, so that roff can tell it from an abbreviation.
    if [[ $word == *. ]]; then
      printf '%s\n' "$line"
      line=""
    fi
  done
  [[ -z $line ]] || printf '%s\n' "$line"
}

# Usage: format_man_usage <Usage line>
# Sets REPLY to the line with what is typed in bold and what is to be replaced in italics.
format_man_usage() {
  local rest=$1 out="" word
  while [[ -n $rest ]]; do
    # Brackets, bars, dots and blanks stay as they are.
    word=${rest%%[!][()|. ]*}
    if [[ -z $word ]]; then
      word=${rest%%[][()| ]*}
      word=${word%...}
      rest=${rest#"$word"}
      escape_man "$word"
      if [[ $word == [A-Z]* && $word != *[!A-Z_]* ]]; then
        out+="\\fI$REPLY\\fR"
      else
        out+="\\fB$REPLY\\fR"
      fi
    else
      rest=${rest#"$word"}
      out+=$word
    fi
  done
  REPLY=$out
}

# Usage: format_man_option
# Sets REPLY to what split_option found, in bold and italics.
format_man_option() {
  local name out=""
  for name in "$option_short" "$option_long"; do
    if [[ -n $name ]]; then
      escape_man "$name"
      out+="${out:+, }\\fB$REPLY\\fR"
    fi
  done
  REPLY=$out
  if [[ -n $option_value ]]; then
    REPLY+=" \\fI${option_value%...}\\fR"
    [[ $option_value != *... ]] || REPLY+=...
  fi
}

# Usage: show_man_options [option line]...
# Prints a list of options.
show_man_options() {
  local item
  for item; do
    split_option "$item"
    format_man_option
    printf '.TP\n%s\n' "$REPLY"
    print_man_text "$option_text."
  done
}

# Usage: show_man_list [name, two blanks, meaning]...
# Prints a list of names and their meaning.
show_man_list() {
  local item
  for item; do
    escape_man "${item%%"  "*}"
    printf '.TP\n%s\n' "\\fB${REPLY//, /\\fR, \\fB}\\fR"
    print_man_text "${item#*"  "}"
  done
}

# Usage: show_man_command <name>
# Prints what the header of one room says.
show_man_command() {
  local item tag=.TP
  read_header "$PYVE_ROOT/lib/commands/$1.sh"
  for item in "${header_usage[@]}"; do
    format_man_usage "$item"
    printf '%s\n%s\n' "$tag" "$REPLY"
    tag=.TQ
  done
  print_man_text "$header_summary." ${header_about[@]+"${header_about[@]}"}
  printf '.RS\n'
  for item in ${header_argument[@]+"${header_argument[@]}"}; do
    # A word of the Usage line, with its text; the others say how to complete them.
    if [[ ${item%%[[:space:]]*} != *[A-Z]* ]]; then
      show_man_list "$item."
    fi
  done
  show_man_options ${header_option[@]+"${header_option[@]}"}
  if ((${#header_exit[@]})); then
    printf '.PP\n'
    print_man_text "Exit status: ${header_exit[*]}."
  fi
  if ((${#header_alias[@]})); then
    printf '.PP\n'
    escape_man "${header_alias[*]}"
    printf 'Also spelt: \\fB%s\\fR.\n' "${REPLY// /\\fR, \\fB}"
  fi
  printf '.RE\n'
}

# Usage: show_man_examples
# Prints the examples of all rooms, each below what its command does.
show_man_examples() {
  local group i item break=""
  for group in "${HELP_GROUPS[@]}"; do
    for ((i = 0; i < ${#help_names[@]}; i++)); do
      [[ ${help_groups[i]} == "$group" ]] || continue
      read_header "$PYVE_ROOT/lib/commands/${help_names[i]}.sh"
      ((${#header_example[@]})) || continue
      printf '%s' "$break"
      break=$'.PP\n'
      print_man_text "$header_summary:"
      printf '.PP\n.RS 4\n.EX\n'
      for item in "${header_example[@]}"; do
        escape_man "$item"
        printf '%s\n' "$REPLY"
      done
      printf '.EE\n.RE\n'
    done
  done
}

# Usage: show_man <version>
# Prints the manual page.
show_man() {
  local group i title
  # shellcheck disable=SC2016 # the backticks are text
  printf '.\\" Made from the headers of lib/commands and lib/man.sh by `make docs`.\n'
  printf '.TH PYVE 1 "" "Pyve %s" "User Commands"\n' "$1"
  # Command lines are to be copied: no hyphens of roff's own, no blanks stretched.
  printf '.nh\n.ad l\n'
  printf '.SH NAME\npyve \\- make and mend the environment of a Python project\n'
  printf '.SH SYNOPSIS\n'
  format_man_usage "pyve [-C DIR] [-q] [-v] [--json] COMMAND [ARGUMENT]..."
  printf '%s\n' "$REPLY"
  printf '.SH DESCRIPTION\n'
  print_man_text "Pyve is the one front door to a Python project's environment. One command makes the" \
    "environment exist, the same on a laptop, in CI and for a program; one command says what is wrong" \
    "and mends it. Pyve uses what is there: asdf, pyenv, mise or uv for interpreters, venv and pip or" \
    "micromamba for environments, direnv or its own hook for activation."
  printf '.PP\n'
  print_man_text "Alone in a folder, pyve says where the project stands and what to type next."
  printf '.PP\n'
  print_man_text "What is asked for goes to stdout, everything else to stderr. A failure says what is wrong," \
    "why, and which command mends it. Data is never run: nothing that a project's file says is evaluated."
  printf '.SH COMMANDS\n'
  read_all_headers
  for group in "${HELP_GROUPS[@]}" Plumbing; do
    title=""
    for ((i = 0; i < ${#help_names[@]}; i++)); do
      if [[ ${help_groups[i]} == "$group" ]]; then
        [[ -n $title ]] || printf '.SS %s\n' "$group"
        title=1
        show_man_command "${help_names[i]}"
      fi
    done
  done
  printf '.SH "GLOBAL OPTIONS"\nThey may stand before the command or after it.\n'
  show_man_options "${GLOBAL_OPTIONS[@]}"
  printf '.SH ENVIRONMENT\n'
  show_man_list "${MAN_ENVIRONMENT[@]}"
  printf '.SH FILES\n'
  show_man_list "${MAN_FILES[@]}"
  printf '.SH "EXIT STATUS"\n'
  show_man_list "0  All is well." "1  An error; what it means for a command is said there." \
    "2  Warnings only (validate and doctor)." "126, 127  The command of run or shell cannot be executed, or was not found." \
    "128 + n  It was ended by signal n." "any other  That of the command which run, shell or test started."
  printf '.SH EXAMPLES\n'
  show_man_examples
  printf '.SH "SEE ALSO"\n\\fBdirenv\\fR(1), \\fBpip\\fR(1), \\fBpytest\\fR(1), \\fBpython3\\fR(1)\n'
}
