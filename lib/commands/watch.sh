# Summary: Run a command, and run it again when files change
# Group: Scripts and tools
# Usage: pyve watch [--clear] [--on FILE]... [--kill-after SECONDS] [--poll] [--] [COMMAND] [ARGUMENT]...
# Argument: COMMAND programs
# About: The command is started as by pyve run, whose options stand here, too, before it; each start is a new one, so that
# About: a new environment or config counts at once. Without COMMAND: what watch.command in the config says, else pyve test.
# About: All files of the project are watched but those that git ignores; what is named by --on is watched in any case.
# About: Many changes at once are one restart. A command that still runs is ended, with all processes of its group: by TERM,
# About: then by KILL. It has the terminal; Ctrl-C ends it and the watcher, which ends as the command has ended.
# Option: --clear                 Clear the screen before each start
# Option: --on FILE...            Watch this file or folder, and not the project; may be given again
# Option: --kill-after SECONDS    How long a command may take to end before it is killed (default: 5)
# Option: --poll                  Look at the files now and then, where the system does not tell (network drives)
# Example: pyve watch python -m http.server
# Example: pyve watch --on src --clear -- python -m pytest -q
# Exit: the command's own; 1 nothing to watch or to run

cmd_watch() {
  local room=run
  need cli utils config watch run_words
  PYVE_TALK_FD=2
  WATCH_ON=() WATCH_CLEAR="" WATCH_POLL="" WATCH_KILL_AFTER=""
  take_run_words take_watch_option "$@" || return 1
  if [[ -z $RUN_HAS_COMMAND ]]; then
    find_project || :
    config_load "$PROJECT_ROOT/.pyve/config" || :
    config_get watch.command
    if [[ -n ${REPLY//[[:space:]]/} ]]; then
      add_configured_command "$REPLY" || return 1
    else
      room="test"
    fi
  fi
  if [[ -n ${PYVE_EXPLAIN-} ]]; then
    PYVE_COMMAND=$room
    # shellcheck source=/dev/null # run or test
    . "$PYVE_ROOT/lib/commands/$room.sh"
    "cmd_$room" ${RUN_WORDS[@]+"${RUN_WORDS[@]}"}
    return
  fi
  start_watching "$room" ${RUN_WORDS[@]+"${RUN_WORDS[@]}"}
}

# Usage: take_watch_option <word>...
# Takes an option of watch; REPLY: how many words it has taken. Status 1 after a diagnostic.
take_watch_option() {
  REPLY=1
  case $1 in
    --clear) WATCH_CLEAR=1 ;;
    --poll) WATCH_POLL=1 ;;
    --on | --on=*)
      take_own_value "$@" || return 1
      WATCH_ON+=("$REPLY_VALUE")
      ;;
    --kill-after | --kill-after=*)
      take_own_value "$@" || return 1
      if [[ ! $REPLY_VALUE =~ ^[0-9]{1,6}(\.[0-9]{1,3})?$ ]]; then
        fail E_USAGE_VALUE "--kill-after takes a number of seconds" why "given: $REPLY_VALUE" fix "pyve help watch"
        return 1
      fi
      WATCH_KILL_AFTER=$REPLY_VALUE
      ;;
    *) REPLY=0 ;;
  esac
}

# Usage: add_configured_command <lines>
# Adds the words of watch.command to RUN_WORDS: the items of a list; a text is split at its blanks. Status 1 after
# E_CONFIG_VALUE.
add_configured_command() {
  local word text=$1
  local -a words=()
  RUN_WORDS+=(--)
  # (A list may be in one line of the config: [python, app.py].)
  if [[ $text == "["*"]" && $text != *$'\n'* ]]; then
    if ! split_list "$text"; then
      fail_configured_command "$text" "no list can be read there"
      return 1
    fi
    text=$REPLY
  elif [[ $text == *[\"\'\\]* && $text != *$'\n'* ]]; then
    fail_configured_command "$text" "a text is split at its blanks, whatever quotes it has"
    return 1
  elif [[ $text != *$'\n'* ]]; then
    IFS=$' \t' read -r -a words <<<"$text"
    RUN_WORDS+=(${words[@]+"${words[@]}"})
    return 0
  fi
  while IFS= read -r word; do
    [[ -z $word ]] || RUN_WORDS+=("$word")
  done <<<"$text"
}

# Usage: fail_configured_command <value> <reason>
# Status 0, after E_CONFIG_VALUE.
fail_configured_command() {
  fail E_CONFIG_VALUE "watch.command in .pyve/config is '${1//[[:cntrl:]]/?}'" why "$2" \
    why "write it as a list in the file, as in command: [pytest, -k, \"not slow\"]" || :
}
