# Summary: Open a shell in the project's environment
# Group: Environment
# Usage: pyve shell [SHELL]
# About: A shell of its own, yours ($SHELL) or the one that is named, in which the environment and
# About: the variables of .env are set; it reads your start-up files. exit leads back. Works from any
# About: folder of the project. When stdin is no terminal, the shell reads its commands there.
# Example: pyve shell
# Example: pyve shell zsh
# Exit: the shell's own; 1 no environment, or no such shell
# States: needs-lock, needs-env, consistent -> the same

cmd_shell() {
  local program folder=$PYVE_ROOT/lib/shell
  local -a words extra=()
  need utils cli text config hook project_state
  parse_options "$@" && expect_arguments 1 || return 1
  find_shell "${ARGS[0]-}" || return 1
  program=$REPLY
  if ! find_environment; then
    fail_no_environment
    return 1
  fi
  if [[ ${PYVE_SHELL-} == "$PROJECT_ROOT" ]]; then
    fail E_SHELL_NESTED "this shell is in the environment already" why "pyve shell has opened it; exit leads back"
    return 1
  fi
  if [[ -t 0 && -t 2 && -n ${DIRENV_DIFF-} ]] && type -P direnv >/dev/null; then
    # On leaving the folder direnv would take back what it has set. In the new shell it begins anew.
    set -- "$PYVE_ROOT/pyve.sh" ${PYVE_QUIET:+-q} shell "$@"
    become 0 direnv exec / "$@"
  fi
  if [[ $ENVIRONMENT_BACKEND == micromamba ]]; then
    need conda_activation
    # (Renews the record where that is needed.)
    find_activation "$ENVIRONMENT" "${ENVIRONMENT##*/}" || return 1
  fi
  list_changes "$PROJECT_ROOT" || return 1
  list_after
  words=("$program")
  case ${program##*/} in
    bash)
      if [[ -t 0 && -t 2 ]]; then
        extra=("PYVE_SHELL_NAMES=$REPLY")
        words+=(--rcfile "$folder/subshell.bash")
      fi
      ;;
    zsh) extra=("PYVE_SHELL_NAMES=$REPLY" "PYVE_ZDOTDIR=${ZDOTDIR-}" "ZDOTDIR=$folder/zsh") ;;
    fish)
      extra=("PYVE_SHELL_TEXT=$AFTER_TEXT")
      quote_fish_word "$folder/subshell.fish"
      words+=(--init-command "source $REPLY")
      ;;
  esac
  if [[ -t 0 && -t 2 && -z $PYVE_QUIET ]]; then
    printf 'In the environment of %s; exit leads back.\n' "${PROJECT_ROOT##*/}" >&2
  fi
  become "$((${#CHANGES[@]} + ${#extra[@]} + 2))" "${CHANGES[@]}" ${extra[@]+"${extra[@]}"} \
    "PYVE_SHELL=$PROJECT_ROOT" "SHELL=$program" "${words[@]}"
}

# Usage: find_shell <name or path>
# Sets REPLY to the shell to open: the one named, else $SHELL, else bash or sh. Status 1, with a
# diagnostic, when there is no such program.
find_shell() {
  local name=${1:-${SHELL-}} why="it is not a program that can be executed"
  [[ -n $1 ]] || why="SHELL names it"
  if [[ -z $name ]]; then
    name=$(type -P bash) || name=/bin/sh
  fi
  if ! REPLY=$(type -P -- "$name"); then
    fail E_SHELL_MISSING "there is no shell '$name'" why "$why" fix "pyve shell bash"
    return 1
  fi
  [[ $REPLY == /* ]] || REPLY=$PWD/$REPLY
}

# Usage: check_first_line <program>
# Status 1, with a diagnostic, when it is a script whose first line names a program that is not there. (A child
# that cannot be started ends like one that did not find a command.)
check_first_line() {
  REPLY=""
  IFS= read -r REPLY <"$1" 2>/dev/null || :
  if [[ $REPLY == "#!"* ]]; then
    REPLY=${REPLY#"#!"}
    REPLY=${REPLY#"${REPLY%%[! ]*}"}
    REPLY=${REPLY%%[[:space:]]*}
    if [[ ! -x $REPLY ]]; then
      fail E_SHELL_START "$1 could not be started" why "its first line names $REPLY, which is not there" fix "pyve shell bash"
      return 1
    fi
  fi
}

# Usage: become <count> <change>... <word>...
# Applies that many changes ("NAME=value", or "NAME" to unset it) to the caller's environment, and
# executes the words in Pyve's place. It has no variable of its own, so that any name may be set.
become() {
  restore_caller_environment
  while [[ $1 != 0 ]]; do
    # (An array of that name would not be exported.)
    unset -v "${2%%=*}"
    if [[ $2 == *=* ]]; then
      export "${2?}"
    fi
    set -- "$(($1 - 1))" "${@:3}"
  done
  shift
  if [[ -n $PYVE_JSON ]]; then
    check_first_line "$1" || return 1
    run_for_json "$@"
    return
  fi
  shopt -s execfail
  [[ ${PYVE_LOG-} != debug ]] || { need debug_log && log_exec "$@"; }
  exec -- "$@" || fail E_SHELL_START "$1 could not be started" why "it is there, but it does not run" fix "pyve shell bash"
}
