# What Pyve adds to an interactive zsh: the prompt's prefix, and completion. Sourced from an rc
# file. No process is started, and the completions are not read before they are needed.

typeset -g _pyve_shell_folder=${${(%):-%x}:A:h}
if [[ -r $_pyve_shell_folder/prompt.zsh ]]; then
  source "$_pyve_shell_folder/prompt.zsh"
fi

# Usage: _pyve_load
# Puts the real _pyve in place of the one below. Status 1 when it is gone.
_pyve_load() {
  local -a fpath
  fpath=("$_pyve_shell_folder/completions")
  [[ -r $_pyve_shell_folder/completions/_pyve ]] || return 1
  unfunction _pyve
  autoload -Uz +X _pyve
}

# Usage: _pyve_start_completion
# Before every prompt, until compinit has run, wherever that is; then makes _pyve known and goes.
_pyve_start_completion() {
  emulate -L zsh
  (( ${+functions[compdef]} )) || return 0
  precmd_functions=(${precmd_functions:#_pyve_start_completion})
  # Another completion of pyve, the user's own, say, stays.
  if (( ! ${+_comps[pyve]} )) && [[ -r $_pyve_shell_folder/completions/_pyve ]]; then
    _pyve() {
      _pyve_load && _pyve "$@"
    }
    compdef _pyve pyve pyve.sh
  fi
}

if [[ -o interactive ]]; then
  zmodload zsh/parameter
  typeset -ga precmd_functions
  if (( ! ${precmd_functions[(I)_pyve_start_completion]} )); then
    precmd_functions+=(_pyve_start_completion)
  fi
fi
