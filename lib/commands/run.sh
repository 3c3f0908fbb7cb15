# Summary: Run a command or a script in the project's environment
# Group: Environment
# Agent: run network
# Usage: pyve run [OPTION]... [--] COMMAND [ARGUMENT]...
# Argument: COMMAND programs
# Argument: PATH files
# Argument: PROFILE profiles
# About: Works from any folder of the project. PATH and VIRTUAL_ENV are set, so that child
# About: processes find the environment too; the command takes Pyve's place, so that signals, exit
# About: status, stdin and the terminal are its own. Options go before COMMAND.
# About: In CI a lock that is stale, or an environment that pyve sync did not make from it, is a failure.
# About: COMMAND can also be a script (FILE.py), - (a script on stdin), -c CODE, -m MODULE, a URL, or
# About: git+URL@COMMIT#PATH. A script with a "# /// script" block gets an environment of its own; any other, the project's.
# About: A profile (--profile, else PYVE_PROFILE) sets variables, flags and groups: pyve help profile.
# About: pyve explain run ... says what would be executed, and executes nothing.
# Option: --frozen  Fail when the lock is missing, stale, or not that of the environment
# Option: --no-frozen  Do not look at the lock, in CI either
# Option: --profile PROFILE  Run with that profile: dev, prod, bench or one of the config
# Option: --with REQ...  Add a requirement for this run
# Option: --python VER  The interpreter for the script
# Option: --script  The first word is a script, whatever it is called
# Option: --ephemeral  Write nothing into the folder: no lock, no bytecode
# Option: --at REV  The code, the lock and the environment of another commit
# Option: --allow-floating  Run what a URL or a branch has at the moment
# Option: --sandbox  Only the project can be written; no home, no network
# Option: --ro  In the sandbox: the project cannot be written either
# Option: --net  In the sandbox: with network
# Option: --allow-read PATH...  In the sandbox: a file or folder that can be read, too
# Option: --allow-write PATH...  In the sandbox: a file or folder that can be written, too
# Option: --allow-env NAME...  In the sandbox: a variable that is kept
# Option: --memory SIZE  In the sandbox: the most memory, such as 2G
# Option: --cpu SECONDS  In the sandbox: the most processor time
# Option: --time SECONDS  In the sandbox: the longest time
# Option: --processes COUNT  In the sandbox: the most processes
# Option: --sandbox-engine NAME  In the sandbox: bubblewrap or landlock
# Option: --audit  In the sandbox: say at the end what was refused
# Example: pyve run python -c 'import sys; print(sys.prefix)'
# Example: pyve run -- pytest -q
# Example: pyve run --profile bench python slow.py
# Example: pyve run --with rich script.py
# Exit: the command's own; 1 no environment, or --frozen fails; 126 not executable; 127 not found
# States: needs-lock, needs-env, consistent -> the same

cmd_run() {
  # (A local variable would hide one of the caller's from the command.)
  RUN_FROZEN="" RUN_PROFILE=${PYVE_PROFILE-} RUN_SANDBOX="" RUN_IS_PLAIN="" RUN_FROM=$PWD
  RUN_WITH="" RUN_PYTHON="" RUN_SCRIPT="" RUN_EPHEMERAL="" RUN_AT="" RUN_FLOATING=""
  while (($#)); do
    case $1 in
      --)
        RUN_IS_PLAIN=1
        shift
        break
        ;;
      - | -c | -m) break ;;
      --frozen | --no-frozen)
        RUN_FROZEN=$1
        shift
        ;;
      -*)
        take_global_option "$@" || return 1
        if ((REPLY == 0)); then
          need output run_options
          take_run_options "$@" || return 1
          set -- ${COMMAND_WORDS[@]+"${COMMAND_WORDS[@]}"}
          break
        fi
        shift "$REPLY"
        ;;
      *) break ;;
    esac
  done
  need run_plan
  if (($# == 0)); then
    need run_failures
    fail_run E_RUN_COMMAND "pyve run needs a command" fix "pyve run python"
    return 1
  fi
  begin_plan run
  if [[ -n $RUN_PROFILE ]]; then
    need profile
    use_profile "$RUN_PROFILE" || return 1
    if [[ -n $PROFILE_WATCH && -z ${PYVE_WATCHED-}${PYVE_EXPLAIN-} ]]; then
      watch_instead
      return
    fi
  fi
  if [[ -n $RUN_WITH$RUN_PYTHON$RUN_SCRIPT$RUN_EPHEMERAL$RUN_AT$RUN_FLOATING ]] || is_script "$1"; then
    need output run_script
    trap finish EXIT
    plan_script "$@" || return
  else
    plan_command "$@" || return
  fi
  if [[ -n $RUN_SANDBOX ]]; then
    need sandbox
    plan_sandbox || return
  fi
  start_planned
}

# Usage: is_script <first word>
# True when the word is no command, but a script, or what says that one follows.
is_script() {
  # (Behind "--" these are commands.)
  [[ -z $RUN_IS_PLAIN || $1 != -* ]] || return 1
  case $1 in
    - | -c | -m | http://* | https://* | file://* | git+*) return 0 ;;
    *.py | *.pyw) ;;
    *) return 1 ;;
  esac
  if [[ $1 == */* ]]; then
    # (One that can be executed says itself by what, unless it has a block.)
    [[ ! -x $1 ]] || has_script_block "$1"
    return
  fi
  # A program of the environment may be called like this, too.
  need config project_state
  locate_environment || :
  [[ ! -x $ENVIRONMENT/bin/$1 ]] && ! is_executable_command "$1"
}

# Usage: has_script_block <file>
# True when the file has a "# /// script" line near its top. (That it is well-formed is seen later.)
has_script_block() {
  local text=""
  { IFS= read -r -d '' -n 65536 text <"$1" || :; } 2>/dev/null
  [[ $'\n'$text =~ $'\n''# /// script'[[:blank:]$'\r']*$'\n' ]]
}

# Usage: plan_command <command> [argument]...
# Plans a command in the project's environment. Status 1, with a diagnostic, when there is none that can be used.
plan_command() {
  need config project_state
  if ! find_environment; then
    need output
    trap finish EXIT
    need utils venv_env
    fail_no_environment
    return 1
  fi
  if [[ $ENVIRONMENT_BACKEND == venv ]] && is_place_changed; then
    need output
    warn W_ENV_MOVED "the environment was made at $ENVIRONMENT_PLACE" \
      why "the project was moved or copied; commands inside still name the old place" fix "pyve init --update"
    find_moved_script "$ENVIRONMENT" "$ENVIRONMENT_PLACE" "$1"
    if [[ -n $REPLY ]]; then
      set -- "$ENVIRONMENT/bin/python" "$REPLY" "${@:2}"
    fi
  fi
  if [[ $RUN_FROZEN == --frozen || (-n ${CI-} && -z $RUN_FROZEN) ]]; then
    check_lock_for_run || return 1
  fi
  plan_project_environment
  PLAN_ARGV=("$@")
  if [[ -n ${PYVE_EXPLAIN-} ]]; then
    need run_explain
    explain_project_environment
  fi
  if [[ -n $RUN_PROFILE && -n $PROFILE_GROUPS ]]; then
    need profile_groups
    plan_profile_groups || return 1
  fi
  config_get imports.lazy
  if [[ -n $REPLY ]]; then
    need output lazy_imports
    plan_lazy_imports || return 1
  fi
}

# Usage: check_lock_for_run
# With --frozen, and in CI: status 1, with a diagnostic, when the lock or the environment is not as it should be.
check_lock_for_run() {
  need frozen
  [[ -n $RUN_FROZEN ]] || is_ci || return 0
  trap finish EXIT
  check_frozen "${RUN_FROZEN:+1}"
}

# Usage: find_moved_script <environment> <place where it was made> <command>
# Sets REPLY to the script of the environment that starts with an interpreter at the old place, or
# to "".
find_moved_script() {
  local file=$1/bin/$3 first="" second=""
  REPLY=""
  if [[ $3 != */* && -f $file && ! -L $file ]]; then
    {
      IFS= read -r first || :
      IFS= read -r second || :
    } <"$file" 2>/dev/null
    if [[ $first == "#!$2/bin/"* || $second == *"exec"*"$2/bin/"* ]]; then
      REPLY=$file
    fi
  fi
}
