# Summary: Look after the environments that projects share
# Group: Store
# Usage: pyve store info
# Usage: pyve store verify [DIGEST]...
# Usage: pyve store repair [DIGEST]... [--drop] [--offline] [--find-links PLACE]...
# Usage: pyve store gc [--max-size SIZE] [--older-than TIME] [--dry-run]
# Argument: info  What is in the store, what it takes on the disk, and which projects use it
# Argument: verify  Compare every file with what was put there
# Argument: repair  Mend what verify finds: fetch what is damaged again, verified by the lock's hashes
# Argument: gc  Remove what no project uses, and environments of tools and scripts that were not used for 30 days
# Argument: DIGEST  One environment only: the first digits of its name, at least six
# About: The store holds environments that are made once, and never changed: ${XDG_CACHE_HOME:-~/.cache}/pyve/store,
# About: or the folder that PYVE_STORE names. gc keeps what a project points at, wherever that was moved to; without
# About: limits it removes all that is not in use. All of these are safe while other commands run. docs/store.md tells
# About: more.
# Option: --max-size SIZE  gc: remove the longest unused, until the store takes no more than this, such as 5G
# Option: --older-than TIME  gc: remove what was not in use for this long, such as 30d
# Option: --dry-run        gc: only say what would be removed
# Option: --drop           repair: remove what cannot be mended; pyve sync makes it anew
# Option: --offline        repair: ask no index
# Option: --find-links PLACE...  repair: take files from this folder or page, too
# Example: pyve store info
# Example: pyve store verify
# Example: pyve store gc --max-size 5G --older-than 30d --dry-run
# Exit: 0 done, or every file is as it was; 1 something is damaged, cannot be mended, or stands in the way
# States: any -> the same

cmd_store() {
  local word
  need utils cli store_room
  parse_options "$@" || return 1
  word=${ARGS[0]-}
  case $word in
    info | verify | repair | gc) ;;
    *)
      fail_unknown_word info verify repair gc
      return
      ;;
  esac
  case $word in
    info | gc) expect_arguments 1 || return 1 ;;
  esac
  check_store_options "$word" && manage_store "$word"
}

# Usage: check_store_options <word>
# Status 1, with a diagnostic, when an option was given that is for another word.
check_store_options() {
  local pair name
  for pair in max_size:gc older_than:gc dry_run:gc drop:repair offline:repair find_links:repair; do
    name=opt_${pair%:*}
    if [[ -n ${!name} && ${pair#*:} != "$1" ]]; then
      name=${pair%:*}
      fail E_USAGE_CONFLICT "--${name//_/-} is for pyve store ${pair#*:}" why "given: pyve store $1" fix "pyve store $1"
      return 1
    fi
  done
}
