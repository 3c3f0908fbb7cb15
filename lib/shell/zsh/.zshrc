# What the zsh of `pyve shell` reads: the machine's zshrc, the user's own, then the environment again.

if [[ -n $_pyve_user_zdotdir ]]; then
  ZDOTDIR=$_pyve_user_zdotdir
else
  unset ZDOTDIR
fi
if [[ $_pyve_global_rcs == on ]]; then
  setopt global_rcs
  # As it was built, zsh knows one of them.
  if [[ -r /etc/zshrc ]]; then
    source /etc/zshrc
  elif [[ -r /etc/zsh/zshrc ]]; then
    source /etc/zsh/zshrc
  fi
fi
unset _pyve_user_zdotdir _pyve_global_rcs
if [[ -r ${ZDOTDIR:-$HOME}/.zshrc ]]; then
  source "${ZDOTDIR:-$HOME}/.zshrc"
fi
_pyve_enter
