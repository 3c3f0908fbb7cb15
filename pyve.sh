#!/bin/bash
#
# Pyve: the one front door to a Python project's environment.
#
# This is only the door: it finds its own root, reads the global options and opens one
# room, lib/commands/<name>.sh. What rooms share is in lib/; each piece is read when needed.
set -euo pipefail

# "1" when the caller has exported functions: here they stand among Pyve's own.
_pyve_has_functions=""
! compgen -A function >/dev/null || _pyve_has_functions=1

# Usage: enter_environment <environment> <project>
# Sets the variables that make a command, and the processes that it starts, find the environment.
enter_environment() {
  unset PYTHONHOME
  export VIRTUAL_ENV=$1 VIRTUAL_ENV_PROMPT=${2##*/} UV_PROJECT_ENVIRONMENT=$1
  export PYVE_BACKEND=venv PYVE_ENV_NAME=${2##*/} ASDF_PYTHON_PLUGIN_DISABLE_RESHIM=1
  [[ $PATH == "$1/bin:"* ]] || PATH=$1/bin:$PATH
}

# Usage: is_executable_command <command>
# True when a file of that name on PATH, or at that path, may be executed: _pyve_file.
is_executable_command() {
  local folder=$PATH: status=1 IFS=:
  _pyve_file=$1
  if [[ $1 == */* ]]; then
    [[ -f $1 && -x $1 ]]
    return
  fi
  # (A folder's name may look like a pattern; and an empty one at the end, the current folder, would be lost.)
  set -f
  for folder in $folder; do
    if [[ -x ${folder:-.}/$1 && -f ${folder:-.}/$1 ]]; then
      _pyve_file=${folder:-.}/$1 status=0
      break
    fi
  done
  set +f
  return "$status"
}

# Usage: find_pyve_root
# Sets PYVE_ROOT to the absolute folder of the real pyve.sh. A link is recognised without a
# process where an installation puts it; any other chain of links costs one readlink a link.
find_pyve_root() {
  local script=${BASH_SOURCE[0]} folder candidate target
  [[ $script == */* ]] || script=./$script
  if [[ -L $script ]]; then
    folder=${script%/*}
    for candidate in "$folder/../share/pyve/app" "${XDG_DATA_HOME:-${HOME:-}/.local/share}/pyve/app"; do
      if [[ $candidate/pyve.sh -ef $script ]]; then
        script=$candidate/pyve.sh
        break
      fi
    done
  fi
  while [[ -L $script ]]; do
    target=$(readlink "$script")
    [[ $target == /* ]] || target=${script%/*}/$target
    script=$target
  done
  PYVE_ROOT=${script%/*}
  [[ $PYVE_ROOT == /* ]] || PYVE_ROOT=$PWD/$PYVE_ROOT
  PYVE_ROOT=${PYVE_ROOT%/.}
  if [[ -L $PYVE_ROOT ]]; then
    # The tree itself, so that this run keeps its files when the link is moved to another version. It may have been
    # moved since bash opened this script, which bash keeps open as 255.
    target=$PYVE_ROOT
    for candidate in "${PYVE_ROOT%/*}"/versions/*; do
      if [[ $candidate/pyve.sh -ef /dev/fd/255 ]]; then
        target=$candidate
        break
      elif [[ $candidate -ef $PYVE_ROOT ]]; then
        target=$candidate
      fi
    done
    PYVE_ROOT=$target
  fi
}

# Usage: run_at_once [command] [argument]...
# The short way of `pyve run`, where nothing is unusual: it comes before everything else, so that
# nothing else has to be read. Status 0 when the environment is entered and the command can be
# executed. Otherwise the config is not as Pyve writes it, the environment is not in its place, or
# the command is none on PATH; lib/commands/run.sh then looks with care.
run_at_once() {
  local root=$PWD text="" line section="" backend="" venv="" name="" IFS=$'\n'
  local -a lines
  # (A trace, a log of commands, profiles and scripts are things of the long way.)
  [[ ${1--} != -* && $1 != */* && $1 != *.pyw && -n $1 && -z ${PYVE_TRACE-}${PYVE_LOG-}${PYVE_PROFILE-} ]] || return 1
  while [[ ! -f $root/.pyve/config ]]; do
    root=${root%/*}
    [[ -n $root ]] || return 1
  done
  [[ ! -L $root/.pyve/lock && ! -d $root/.pyve/tmp && -r $root/.pyve/config ]] || return 1
  # (What belongs to somebody else is looked at with care.)
  [[ -O $root/.pyve/config && -O $root/.pyve ]] || return 1
  # (In CI, a lock has to be current.)
  [[ -z ${CI-} || (! -e $root/pylock.toml && ! -e $root/conda-lock.yml) ]] || return 1
  # (It fails where the file ends; what goes on is no config.)
  ! IFS= read -r -d '' -n 16385 text <"$root/.pyve/config" || return 1
  # (Lazy imports are a thing of the long way, too.)
  [[ $'\n'$text != *$'\nimports:'* ]] || return 1
  set -f
  # shellcheck disable=SC2206 # split at the line ends; a read for each line costs more
  lines=($text)
  set +f
  for line in ${lines[@]+"${lines[@]}"}; do
    case $line in
      "#"*) ;;
      "  directory: "*)
        if [[ $section == venv: ]]; then
          venv=${line#*: }
          break
        fi
        ;;
      "  env_name: "*) [[ $section != micromamba: ]] || name=${line#*: } ;;
      " "*) ;;
      backend:*) backend=${backend:-$line} ;;
      *) section=$line ;;
    esac
  done
  if [[ $backend == "backend: micromamba" && -n $name && $name != *[!A-Za-z0-9._-]* ]]; then
    unset IFS
    find_pyve_root
    . "$PYVE_ROOT/lib/conda_activation.sh"
    [[ -O $root/.pyve/envs/$name ]] && enter_conda_at_once "$root/.pyve/envs" "$name" && is_executable_command "$1"
    return
  fi
  # (A backend below the folder is unusual enough.)
  [[ $backend == "backend: venv" && -n $venv && $venv != *[!A-Za-z0-9._-]* ]] || return 1
  venv=$root/$venv
  [[ -x $venv/bin/python && -r $venv/pyve.state && -O $venv ]] || return 1
  IFS= read -r -d '' -n 65536 text <"$venv/pyve.state" || :
  line=${text#*$'\n'path=}
  [[ ${line%%$'\n'*} == "$venv" ]] || return 1
  line=${text#*$'\n'stdlib=}
  [[ -e ${line%%$'\n'*} ]] || return 1
  if [[ $text == *$'\n'store=* ]]; then
    line=${text#*$'\n'store=}
    [[ -e ${line%%$'\n'*}/entry ]] || return 1
  fi
  enter_environment "$venv" "$root"
  is_executable_command "$1"
}

_pyve_exec_status=""
if [[ ${1-} == run && (${2-} != *.py || ! -f $2) ]] && run_at_once "${@:2}"; then
  # (Not in the function: its variables would hide the caller's. With -e, bash ends at once where the system cannot execute
  # the file.)
  shopt -s execfail
  set +e
  exec -- "${@:2}"
  _pyve_exec_status=$?
  set -e
fi

# Usage: run_script_at_once <script>
# The short way of `pyve run FILE.py`: see lib/script_warm.sh. Sets _pyve_script_python. Status 1 when the long way has to
# look.
run_script_at_once() {
  local PYVE_ROOT REPLY
  find_pyve_root
  . "$PYVE_ROOT/lib/script_warm.sh"
  find_script_at_once "$1"
}

# Usage: run_tool_at_once [word] [argument]...
# The short way of `pyve x`: see lib/tool_warm.sh. Sets _pyve_program. Status 1 when the long way has to look.
run_tool_at_once() {
  local PYVE_ROOT REPLY
  find_pyve_root
  . "$PYVE_ROOT/lib/tool_warm.sh"
  find_tool_at_once "$@"
}

if [[ ${1-} == run && ${2-} == [!-]*.py && -f $2 ]] && run_script_at_once "$2"; then
  shopt -s execfail
  set +e
  exec -- "$_pyve_script_python" "${@:2}"
  _pyve_exec_status=$?
elif [[ ${1-} == x ]] && run_tool_at_once "${@:2}"; then
  shopt -s execfail
  set +e
  exec -- "$_pyve_program" "${@:3}"
  _pyve_exec_status=$?
fi
set -e

# bash -p reads no functions from the environment, and hands them on as they are.
if [[ -n $_pyve_has_functions && $- != *p* ]]; then
  exec "$BASH" -p -- "${BASH_SOURCE[0]}" "$@"
fi

# What the caller exported under Pyve's own names belongs to the commands that Pyve starts.
for _pyve_name in REPLY VERSION DEFAULT_PYTHON_VERSION DEFAULT_VENV_DIR ENV_FILE_NAME TESTENV_DIR_NAME \
  PYVE_ROOT PYVE_QUIET PYVE_VERBOSE PYVE_JSON PYVE_YES PYVE_COMMAND PYVE_CALLED_FROM PYVE_FOLDER PYVE_WORDS PYVE_NO_WAIT PYVE_EXPLAIN; do
  if [[ -n ${!_pyve_name+set} ]]; then
    printf -v "_pyve_was_$_pyve_name" '%s' "${!_pyve_name}"
  fi
done

VERSION="2.0.0"
DEFAULT_PYTHON_VERSION="3.14.3"
DEFAULT_VENV_DIR=".venv"
ENV_FILE_NAME=".env"
TESTENV_DIR_NAME="testenv"

PYVE_QUIET="" PYVE_VERBOSE="" PYVE_JSON="" PYVE_YES=""
# "1" while a command is only explained: see lib/run_plan.sh.
PYVE_EXPLAIN=""
PYVE_COMMAND=""
# Where Pyve was called, and the folder that -C gives.
PYVE_CALLED_FROM=$PWD PYVE_FOLDER="" _pyve_has_folder=""
# The command and its arguments, as they were given.
PYVE_WORDS=()
_pyve_loaded=" "

# In a new worktree or clone (where git has left out .env) the environment may be had at once: see lib/sync_warm.sh.
if [[ ${1-} == sync && -f .pyve/config && -f pylock.toml && ! -e .venv ]]; then
  find_pyve_root
  . "$PYVE_ROOT/lib/sync_warm.sh"
  ! sync_at_once "${@:2}" || exit 0
fi

# Usage: need <module>...
# Reads lib/<module>.sh, each once.
need() {
  local module
  for module; do
    if [[ $_pyve_loaded != *" $module "* ]]; then
      _pyve_loaded+="$module "
      # shellcheck source=/dev/null # the module is named by the room
      . "$PYVE_ROOT/lib/$module.sh"
    fi
  done
}

# Usage: take_global_option <argument>...
# Applies the global option at the front, if there is one. REPLY: how many arguments it was
# (0: none). Status 1 when its value is missing or bad.
take_global_option() {
  REPLY=1
  case $1 in
    -q | --quiet) PYVE_QUIET=1 ;;
    -v | --verbose) PYVE_VERBOSE=1 ;;
    --no-wait) PYVE_NO_WAIT=1 ;;
    --json)
      need output
      begin_json json
      ;;
    --format | --format=*) take_format "$@" || return 1 ;;
    -C)
      if (($# < 2)) || [[ ! -d $2 ]] || ! CDPATH="" cd -- "$2" 2>/dev/null; then
        need output
        trap finish EXIT
        PYVE_COMMAND=${_pyve_named-}
        fail E_USAGE_DIRECTORY "-C needs a folder that can be entered" why "given: ${2-nothing}"
        return 1
      fi
      # (Behind the command: its project has not been looked at yet.)
      [[ -z $PYVE_COMMAND ]] || check_project "$PYVE_COMMAND" || return 1
      PYVE_FOLDER=$2
      [[ -z $_pyve_has_folder ]] || PYVE_FOLDER=$PWD
      _pyve_has_folder=1
      REPLY=2
      ;;
    *) REPLY=0 ;;
  esac
}

# Usage: take_format <option> [argument]...
# Applies --format=json or --format=jsonl, the value behind "=" or as the next word. REPLY as for
# take_global_option. Status 1 for another value.
take_format() {
  local form=${1#--format=} words=1
  need output
  if [[ $1 == --format ]]; then
    form=${2-} words=2
  fi
  case $form in
    json | jsonl) begin_json "$form" ;;
    *)
      trap finish EXIT
      fail E_USAGE_CHOICE "--format takes json or jsonl" why "given: ${form:-nothing}" fix "pyve help"
      return 1
      ;;
  esac
  REPLY=$words
}

# Usage: check_project <command>
# Status 1, with a diagnostic, when the command would use a project that is another user's, or that everybody can
# write, or a config that is none. (Where only the owner counts, no process is started.)
check_project() {
  local root=$PWD text
  case $1 in
    complete | explain | help | hook | install | schema | self | tool | uninstall | version | x) return 0 ;;
  esac
  while [[ ! -f $root/.pyve/config ]]; do
    # (These two never look above the current folder.)
    [[ $root == */* && $1 != init && $1 != purge ]] || return 0
    root=${root%/*}
  done
  if [[ ! -O $root/.pyve/config || ! -O $root/.pyve ]]; then
    need output owner
    trap finish EXIT
    check_owner_of "$root" "$root/.pyve/config" "$root/.pyve" || return 1
  fi
  # (A read that comes to its end fails; otherwise there is a NUL, or more than a config can have.)
  if [[ $1 != doctor && -r $root/.pyve/config ]] && IFS= read -r -d '' -n 16385 text <"$root/.pyve/config"; then
    need output
    trap finish EXIT
    fail E_CONFIG_BINARY "$root/.pyve/config is no config" why "it has a NUL byte, or more than 16384 characters"
    return 1
  fi
  case $1 in
    run | status | sync) return 0 ;;
  esac
  need output owner
  check_writers "$root"
}

# Usage: open_room <name> [argument]...
# Reads the command's file and hands over to it.
open_room() {
  PYVE_COMMAND=$1
  PYVE_WORDS=("$@")
  [[ -z $PYVE_JSON ]] || emit_start
  check_project "$1" || return 1
  # Nothing that Pyve makes is there for everybody to write; commands of the user's get the umask as it was.
  case $1 in
    # (run and x do so when they make something: begin_making.)
    complete | help | run | shell | status | version | x) ;;
    fmt | imports | lint | test | testenv | tool | typecheck | watch)
      _pyve_umask=$(umask)
      umask o-w
      ;;
    *) umask o-w ;;
  esac
  # shellcheck source=/dev/null # one of lib/commands
  . "$PYVE_ROOT/lib/commands/$1.sh"
  "cmd_${1//-/_}" "${@:2}"
}

# Usage: look_for_json [argument]...
# Begins JSON when its option stands anywhere among Pyve's own words, so that what fails before it is read
# answers with JSON, too.
look_for_json() {
  local word before="" name=""
  for word; do
    case $before:$word in
      -C:*) ;;
      *:--) return 0 ;;
      *:--json)
        need output
        begin_json json
        ;;
      *:--format=json | *:--format=jsonl | --format:json | --format:jsonl)
        need output
        begin_json "${word#--format=}"
        ;;
      *:-*) ;;
      *)
        # What follows belongs to a command of the user's, or to a command line that is to be completed.
        ! hands_over "$name" || return 0
        if [[ $name == explain ]] && hands_over "$word"; then
          name=$word
        else
          case $name:$word in
            tool:run | imports:time | imports:lazy) name=x ;;
          esac
        fi
        name=${name:-$word}
        _pyve_named=${_pyve_named-$name}
        [[ $name != test && $name != complete ]] || return 0
        ;;
    esac
    before=$word
  done
}

# Usage: hands_over <command>
# True for a command whose arguments, from the first that is no option on, are the command line of a program.
hands_over() {
  case $1 in
    run | test | x | watch | fmt | lint | typecheck) return 0 ;;
  esac
  return 1
}

# Usage: main [argument]...
main() {
  local _pyve_command _pyve_word
  find_pyve_root
  [[ ${PYVE_LOG-} != debug ]] || need debug_log
  if [[ ${PYVE_TRACE:-0} != 0 ]]; then
    need output
    begin_trace
  fi
  look_for_json "$@"
  while (($#)) && [[ $1 != -v || $# -gt 1 ]]; do
    take_global_option "$@"
    ((REPLY)) || break
    shift "$REPLY"
  done
  case ${1-} in
    run | shell | test | hook | x | tool | watch | fmt | lint | typecheck | imports | explain)
      need caller
      keep_caller_environment
      ;;
  esac
  # run hands over to its command, and complete has no more to say than its answer.
  if [[ (${1-} != run && ${1-} != complete) || -n $PYVE_JSON ]]; then
    need output
    # (A file that is opened where stdout is closed would become stdout.)
    { : 8>&1; } 2>/dev/null || exec >/dev/null
    watch_ending
  fi
  if [[ -z ${1-} ]]; then
    PYVE_COMMAND=status
    check_project status || return 1
    need project_state
    show_state
    return
  fi
  case ${1-} in
    -h) _pyve_command=help ;;
    -v) _pyve_command=version ;;
    -i) _pyve_command=init ;;
    -p) _pyve_command=purge ;;
    -c) _pyve_command=config ;;
    *) _pyve_command=${1#--} ;;
  esac
  _pyve_word=$1
  shift
  if [[ ! $_pyve_command =~ ^[a-z][a-z-]*$ || ! -f $PYVE_ROOT/lib/commands/$_pyve_command.sh ]]; then
    need cli
    PYVE_COMMAND=$_pyve_command
    fail_unknown_command "$_pyve_word" "$@"
    return 1
  fi
  if wants_help "$_pyve_command" "$@"; then
    set -- "$_pyve_command"
    _pyve_command=help
  fi
  open_room "$_pyve_command" "$@"
}

# Usage: wants_help <command> [argument]...
# True when --help or -h is meant for Pyve and not for a command that Pyve will run.
wants_help() {
  local name=$1 word count=0
  shift
  for word; do
    case $word in
      -h | --help) return 0 ;;
      --) return 1 ;;
      *)
        if hands_over "$name"; then
          # (Among options it matters which of them take a value. The other rooms hand on what they do not know.)
          [[ $word == -* && " run watch x " == *" $name "* && " $* " == *" -"[h-]* ]] || return 1
          need run_options
          is_help_asked "$name" "${@:count+1}"
          return
        fi
        case $name:$word in
          explain:*) name=$word ;;
          tool:run | imports:time | imports:lazy) name=x ;;
        esac
        ;;
    esac
    count=$((count + 1))
  done
  return 1
}

main "$@"
