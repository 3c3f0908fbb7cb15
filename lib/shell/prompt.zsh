# Shows $PYVE_PROMPT_PREFIX before the prompt of zsh. Sourced from an rc file.
#
# With PROMPT_SUBST on, PS1 gets a reference, and zsh expands a prompt once; with it off, PS1
# gets the text. Either way % (and ! with PROMPT_BANG) is doubled, so that the text is shown as
# it is, whatever a project is called. No process per prompt.

_pyve_prompt_hook() {
  local subst=${options[promptsubst]} percent=${options[promptpercent]} bang=${options[promptbang]}
  emulate -L zsh
  local prefix='' piece=''
  if [[ -z ${VIRTUAL_ENV_DISABLE_PROMPT-} && ${STARSHIP_SHELL-} != zsh ]] &&
    (( ! ${+functions[p10k]} && ! ${#${(k)parameters[(I)POWERLEVEL9K_*]}} )); then
    prefix=${PYVE_PROMPT_PREFIX-}
    # No line breaks, no orders to the terminal.
    prefix=${prefix//[[:cntrl:]]/}
  fi
  if [[ $percent == on ]]; then
    prefix=${prefix//\%/%%}
  fi
  if [[ $bang == on ]]; then
    prefix=${prefix//\!/!!}
  fi
  if [[ -n $prefix ]]; then
    piece=$prefix
    if [[ $subst == on ]]; then
      piece='${_pyve_prompt-}'
    fi
  fi
  typeset -g _pyve_prompt=$prefix
  local old=${_pyve_prompt_piece-} ps1=${PS1-}
  if [[ -n $old && $old != "$piece" && $ps1 == *"$old"* ]]; then
    ps1=${ps1%%"$old"*}${ps1#*"$old"}
  fi
  if [[ -n $piece && $ps1 != *"$piece"* ]]; then
    ps1=$piece$ps1
  fi
  if [[ $ps1 != "${PS1-}" ]]; then
    PS1=$ps1
  fi
  if [[ -n $piece ]]; then
    typeset -g _pyve_prompt_piece=$piece
  fi
}

if [[ -o interactive ]]; then
  zmodload zsh/parameter
  typeset -ga precmd_functions
  if (( ! ${precmd_functions[(I)_pyve_prompt_hook]} )); then
    precmd_functions+=(_pyve_prompt_hook)
  fi
fi
