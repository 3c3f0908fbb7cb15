# Enters and leaves environments when the folder changes, in zsh. Printed by `pyve hook zsh`, which
# sets _pyve_program in front of it.
#
# Before each prompt, and after each cd: walk up to the project, and compare its .pyve/config, its
# .env and the stamp of the trust records with the last time. That is all done by the shell itself;
# Pyve is started only when one of them is another. What it prints are commands of two functions, with
# quoted words. All names begin with _pyve: a local would hide a variable of the user's with its name.

typeset -g _pyve_stamp=${XDG_STATE_HOME:-$HOME/.local/state}/pyve/trust/stamp

# What Pyve prints. Some names mean something else to zsh (assigning USERNAME would change the user):
# those stay as they are.
_pyve_is_special() {
  emulate -L zsh
  case $1 in
    USERNAME | UID | EUID | GID | EGID) return 0 ;;
  esac
  case ${parameters[$1]-} in
    *readonly* | *array* | *association*) return 0 ;;
    integer* | float*) [[ $2 != <-> ]] ;;
    *) return 1 ;;
  esac
}

_pyve_set() {
  # (eval, because an error would end the functions around this one, too.)
  _pyve_is_special "$1" "$2" || eval 'export "$1=$2"' 2>/dev/null
}

_pyve_unset() {
  _pyve_is_special "$1" 0 || unset "$1"
}

# Usage: _pyve_go <project>
# Brings the shell into the project ("": into none).
_pyve_go() {
  eval "$("$_pyve_program" hook --export zsh "$1")"
}

_pyve_hook() {
  emulate -L zsh
  unsetopt err_exit err_return
  local _pyve_root=$PWD _pyve_now='' _pyve_text='' _pyve_direnv=''
  if [[ -n ${PYVE_SHELL-} || ! -x $_pyve_program ]]; then
    return 0
  fi
  while [[ -n $_pyve_root && ! -f $_pyve_root/.pyve/config ]]; do
    _pyve_root=${_pyve_root%/*}
  done
  if (( ${+functions[_direnv_hook]} )); then
    _pyve_direnv=1
    if [[ -n $_pyve_root && -e $_pyve_root/.envrc ]]; then
      _pyve_root=''
    fi
  fi
  if [[ -n $_pyve_root ]]; then
    _pyve_now=$_pyve_root
    for _pyve_text in "$_pyve_stamp" "$_pyve_root/.pyve/config" "$_pyve_root/.env"; do
      _pyve_now+=$'\n'$_pyve_text
      if [[ -f $_pyve_text && -r $_pyve_text ]]; then
        IFS= read -r -d '' _pyve_text <"$_pyve_text"
        _pyve_now+=$'\n'$_pyve_text
      fi
    done
  fi
  if [[ $_pyve_now != "${_pyve_last-}" || -z ${_pyve_last+set} ]]; then
    typeset -g _pyve_last=$_pyve_now
    if [[ -n $_pyve_direnv && $_pyve_root != "${PYVE_HOOK_ROOT-}" ]]; then
      # What direnv does belongs below what this does: it must not take note of it.
      [[ -z ${PYVE_HOOK_ROOT-} ]] || _pyve_go ''
      _direnv_hook
    fi
    if [[ -n $_pyve_root || -n ${PYVE_HOOK_ROOT-} ]]; then
      _pyve_go "$_pyve_root"
    fi
  fi
  if [[ -n $_pyve_direnv && ${precmd_functions[1]-} != _pyve_hook ]]; then
    _pyve_go_first
  fi
}

# In front: what shows the prompt comes after it, and direnv.
_pyve_go_first() {
  emulate -L zsh
  typeset -ga precmd_functions chpwd_functions
  precmd_functions=(_pyve_hook ${precmd_functions:#_pyve_hook})
  chpwd_functions=(_pyve_hook ${chpwd_functions:#_pyve_hook})
}

zmodload zsh/parameter
_pyve_go_first
