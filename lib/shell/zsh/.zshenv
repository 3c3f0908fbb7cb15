# The zsh of `pyve shell` starts here, because ZDOTDIR names this folder. The user's own files are read
# from where they are, with ZDOTDIR as they expect it; then the environment again, because they may
# have put other folders in front of PATH. PYVE_SHELL_NAMES are the variables that Pyve has set.

typeset -g _pyve_zdotdir=$ZDOTDIR _pyve_bin=${PATH%%:*}
if [[ -n ${PYVE_ZDOTDIR-} ]]; then
  export ZDOTDIR=$PYVE_ZDOTDIR
else
  unset ZDOTDIR
fi
typeset -gA _pyve_saved
for _pyve_name in ${=PYVE_SHELL_NAMES}; do
  _pyve_saved[$_pyve_name]=${(P)_pyve_name-}
done
unset PYVE_SHELL_NAMES PYVE_ZDOTDIR _pyve_name

# Usage: _pyve_enter
# Puts the environment in front again, once.
_pyve_enter() {
  emulate -L zsh
  local _pyve_name
  unset PYTHONHOME
  for _pyve_name in ${(k)_pyve_saved}; do
    export "$_pyve_name=${_pyve_saved[$_pyve_name]}"
  done
  if [[ ${PATH%%:*} != "$_pyve_bin" ]]; then
    PATH=$_pyve_bin:$PATH
  fi
  if [[ -o interactive ]]; then
    source "$_pyve_zdotdir/../prompt.zsh"
  fi
  unset _pyve_saved _pyve_bin _pyve_zdotdir
  unfunction _pyve_enter
}

if [[ -r ${ZDOTDIR:-$HOME}/.zshenv ]]; then
  source "${ZDOTDIR:-$HOME}/.zshenv"
fi
if [[ -o interactive ]]; then
  # .zshrc here is to be read. The machine's own zshrc, which may keep files in ZDOTDIR, has to wait.
  typeset -g _pyve_user_zdotdir=${ZDOTDIR-} _pyve_global_rcs=${options[globalrcs]}
  unsetopt global_rcs
  ZDOTDIR=$_pyve_zdotdir
else
  _pyve_enter
fi
