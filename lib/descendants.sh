# shellcheck shell=bash
# The processes that Pyve has started, and those that they have: ending all of them after a signal.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/descendants.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

# The identity of this process, once something was started with it.
_descendants_mark=""

declare -F lock_project >/dev/null || . "${BASH_SOURCE[0]%/*}/project_lock.sh"

# Usage: mark_descendants
# From here on list_descendants knows by a variable what was started with PYVE_STARTED_BY exported, also when the program
# between has ended.
mark_descendants() {
  process_identity "$$" && PYVE_STARTED_BY=$REPLY && _descendants_mark=$REPLY
}

# Usage: end_descendants
# Ends all processes below this one: asks them to, and after two seconds does not ask any more.
end_descendants() {
  local pid tries
  list_descendants "$$"
  for pid in ${DESCENDANTS[@]+"${DESCENDANTS[@]}"}; do
    kill -TERM "$pid" 2>/dev/null || :
  done
  for ((tries = 0; tries < 20; tries++)); do
    ((${#DESCENDANTS[@]} > 0)) || return 0
    sleep 0.1
    list_descendants "$$"
  done
  for pid in ${DESCENDANTS[@]+"${DESCENDANTS[@]}"}; do
    kill -KILL "$pid" 2>/dev/null || :
  done
}

# Usage: list_descendants <pid>
# Sets DESCENDANTS to the processes below that one, those that are only waited for left out; on Linux also those that are
# below no process of ours any more, by the variable of mark_descendants.
list_descendants() {
  local line pid parent file found=" $1 " grown=1 table="" mine="" orphans=""
  local -a fields
  DESCENDANTS=()
  if [[ -r /proc/self/stat ]]; then
    [[ $_descendants_mark != "$1:"* ]] || mine=$_descendants_mark
    for file in /proc/[0-9]*/stat; do
      { IFS= read -r line <"$file"; } 2>/dev/null || continue
      # Behind the name, which may hold anything: state, parent.
      IFS=' ' read -r -a fields <<<"${line##*) }"
      [[ ${fields[0]-} != Z ]] || continue
      pid=${line%% *}
      table+="$pid ${fields[1]-0}"$'\n'
      # (One whose parent has ended was given to another, mostly the first process.)
      if [[ -n $mine && -O $file && $pid != "$1" ]] && is_marked "$pid" "$mine"; then
        orphans+=" $pid"
      fi
    done
  else
    table=$(ps -A -o pid= -o ppid= 2>/dev/null) || table=""
  fi
  while [[ -n $grown ]]; do
    grown=""
    while read -r pid parent; do
      if [[ -n $pid && $found != *" $pid "* && ($found == *" $parent "* || "$orphans " == *" $pid "*) ]]; then
        found+="$pid "
        # A process that lists is not one that works.
        if kill -0 "$pid" 2>/dev/null; then
          DESCENDANTS+=("$pid")
        fi
        grown=1
      fi
    done <<<"$table"
  done
}

# Usage: is_marked <pid> <identity>
# True when the process was started with the variable of mark_descendants.
is_marked() {
  local item
  {
    while IFS= read -r -d '' item; do
      [[ $item != "PYVE_STARTED_BY=$2" ]] || return 0
    done <"/proc/$1/environ"
  } 2>/dev/null
  return 1
}
