# shellcheck shell=bash
# What `pyve store` does, beyond its command line: asking helpers/manage_store.py, and saying what it answers.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/store_room.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
declare -F call_helper >/dev/null || . "${BASH_SOURCE[0]%/*}/helper.sh"
declare -F find_cached_root >/dev/null || . "${BASH_SOURCE[0]%/*}/cached_env.sh"
declare -F lay_out_environment >/dev/null || . "${BASH_SOURCE[0]%/*}/store.sh"
declare -F log_info >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"
declare -F repeat_command >/dev/null || . "${BASH_SOURCE[0]%/*}/fixes.sh"
declare -F quote_word >/dev/null || . "${BASH_SOURCE[0]%/*}/text.sh"

# Usage: need_store
# Sets STORE to the folder of the store. Status 1, with a diagnostic, where there can be none.
need_store() {
  local why="HOME is not set" home
  find_store && return 0
  if [[ -n ${PYVE_STORE-} ]]; then
    fail E_STORE_PLACE "the store has no place" why "PYVE_STORE is no absolute path, or has a control character in it" \
      fix "env -u PYVE_STORE pyve store info"
    return 1
  fi
  [[ -z ${HOME-} ]] || why="the path of the cache, below HOME or XDG_CACHE_HOME, is not absolute, or has a control character in it"
  home=$(unset HOME && printf '%s' ~)
  quote_word "HOME=$home"
  home=$REPLY
  repeat_command
  fail E_STORE_PLACE "the store has no place" why "$why" fix "env -u XDG_CACHE_HOME $home ${REPLY#env }"
}

# Usage: manage_store <info|verify|repair|gc>
# Asks the helper, with the options and ARGS of the room, and gives its answer: to people as text on stdout, to
# programs as parts of "detail". Status 1 after a diagnostic.
manage_store() {
  local word=$1 item
  local -a words=()
  need_store || return 1
  answer action "$word"
  answer store "$STORE"
  words=("${ARGS[@]}" --store "$STORE" --root "$PWD")
  [[ $word != gc ]] || ! find_cached_root || words+=(--cache "${CACHED_ROOT%/*}")
  [[ -z $PYVE_JSON ]] || words+=(--json)
  [[ -z $opt_max_size ]] || words+=(--max-size "$opt_max_size")
  [[ -z $opt_older_than ]] || words+=(--older-than "$opt_older_than")
  [[ -z $opt_dry_run ]] || words+=(--dry-run)
  [[ -z $opt_drop ]] || words+=(--drop)
  [[ -z $opt_offline ]] || words+=(--offline)
  while IFS= read -r item; do
    [[ -z $item ]] || words+=(--find-links "$item")
  done <<<"$opt_find_links"
  call_helper locks manage_store "${words[@]}" || return
  show_helper_answer
  case $word in
    verify) judge_store ;;
    gc) warn_of_store ;;
    repair) name_projects ;;
  esac
}

# Usage: list_whys <key>
# Sets the array WHYS to the values of a key of the helper's answer, each behind the word why.
list_whys() {
  local value
  WHYS=()
  get_helper_values "$1"
  for value in ${HELPER_FOUND[@]+"${HELPER_FOUND[@]}"}; do
    WHYS+=(why "$value")
  done
}

# Usage: judge_store
# Says what is wrong with the store. Status 1 when something is damaged.
judge_store() {
  local damaged harmless
  set_from_helper damaged=damaged harmless=harmless
  list_whys why
  if ((damaged > 0)); then
    count_things "$damaged" "fault"
    fail E_STORE_DAMAGED "the store is damaged: $REPLY" "${WHYS[@]}" fix "pyve store repair"
    return 1
  elif ((harmless > 0)); then
    count_things "$harmless" "file"
    warn W_STORE_BYTECODE "the store has $REPLY of bytecode that Pyve did not put there" "${WHYS[@]}" \
      why "Python as root writes into read-only folders, too; pytest and python -O have bytecode of their own" \
      fix "pyve store repair"
  fi
}

# Usage: warn_of_store
# Says what gc could not do.
warn_of_store() {
  local above
  set_from_helper above=above
  list_whys failed
  if ((${#WHYS[@]} > 0)); then
    fail E_STORE_WRITE "the store cannot be changed" "${WHYS[@]}"
    return 1
  elif [[ -n $above ]]; then
    warn W_STORE_SIZE "the store takes more than $opt_max_size" why "it has $above, and projects use all of that" \
      why "pyve store info names them; pyve purge in one that is not needed lets its environment go"
  fi
}

# Usage: name_projects
# Says where environments have to be made anew, as repair --drop has removed what they were made from.
name_projects() {
  local project
  get_helper_values projects
  for project in ${HELPER_FOUND[@]+"${HELPER_FOUND[@]}"}; do
    quote_word "${project%/*}"
    warn W_STORE_DROPPED "$project has lost its packages" why "what it had from the store could not be mended, and was removed" \
      fix "pyve -C $REPLY sync"
  done
}
