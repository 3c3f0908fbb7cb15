# shellcheck shell=bash
# What Pyve adds to an interactive bash (3.2 to 5.x): the prompt's prefix, and completion. Sourced
# from an rc file. No process is started, and the completions are not read before they are needed.

if [[ ${BASH_SOURCE[0]} == */* && -r ${BASH_SOURCE[0]%/*}/prompt.bash ]]; then
  . "${BASH_SOURCE[0]%/*}/prompt.bash"
fi

# Another completion of pyve, the user's own, say, stays.
if [[ $- == *i* && ${BASH_SOURCE[0]} == /* ]] && ! complete -p pyve >/dev/null 2>&1; then
  _pyve_completions=${BASH_SOURCE[0]%/*}/completions
  _pyve() {
    # (It has a _pyve of its own.)
    if [[ -r $_pyve_completions/pyve.bash ]]; then
      . "$_pyve_completions/pyve.bash"
      _pyve "$@"
    fi
  }
  complete -F _pyve pyve pyve.sh 2>/dev/null || :
fi
