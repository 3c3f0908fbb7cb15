# shellcheck shell=bash
# Shows $PYVE_PROMPT_PREFIX before the prompt of bash (3.2 to 5.x). Sourced from an rc file.
#
# PS1 gets a reference, not the text: bash expands a prompt once, so that what the reference
# stands for is shown as it is, whatever a project is called. No process per prompt.

_pyve_prompt_hook() {
  # The next part of PROMPT_COMMAND sees the $? of the last command.
  local status=$? prefix="" piece=""
  # With errexit on, handing on a failure would end the shell.
  case $- in *e*) status=0 ;; esac
  if [[ -z ${VIRTUAL_ENV_DISABLE_PROMPT-} && ${STARSHIP_SHELL-} != bash ]]; then
    prefix=${PYVE_PROMPT_PREFIX-}
    # No line breaks, no orders to the terminal.
    prefix=${prefix//[[:cntrl:]]/}
  fi
  if [[ -n $prefix ]]; then
    # shellcheck disable=SC2016 # the prompt is to expand it
    piece='${_pyve_prompt-}'
    if ! shopt -q promptvars; then
      piece=${prefix//\\/"\\\\"}
    fi
  fi
  _pyve_prompt=$prefix
  PS1=${PS1-}
  if [[ -n ${_pyve_prompt_piece-} && $_pyve_prompt_piece != "$piece" && $PS1 == *"$_pyve_prompt_piece"* ]]; then
    PS1=${PS1%%"$_pyve_prompt_piece"*}${PS1#*"$_pyve_prompt_piece"}
  fi
  if [[ -n $piece && $PS1 != *"$piece"* ]]; then
    PS1=$piece$PS1
  fi
  if [[ -n $piece ]]; then
    _pyve_prompt_piece=$piece
  fi
  return "$status"
}

_pyve_prompt_start() {
  local part attributes=""
  for part in ${PROMPT_COMMAND[@]+"${PROMPT_COMMAND[@]}"}; do
    case $part in *_pyve_prompt_hook*) return 0 ;; esac
  done
  # From 5.1 on every element of an array is run; before, only the first.
  if ((BASH_VERSINFO[0] > 5 || (BASH_VERSINFO[0] == 5 && BASH_VERSINFO[1] >= 1))) &&
    [[ -n ${PROMPT_COMMAND+set}${PROMPT_COMMAND[*]+set} ]]; then
    attributes=${PROMPT_COMMAND@a}
  fi
  if [[ $attributes == *a* ]]; then
    PROMPT_COMMAND+=(_pyve_prompt_hook)
  else
    # A line of its own: what is there may end in a semicolon.
    # shellcheck disable=SC2178,SC2128 # the first element is meant when it is an array
    PROMPT_COMMAND=${PROMPT_COMMAND:+$PROMPT_COMMAND$'\n'}_pyve_prompt_hook
  fi
}

case $- in
  *i*) _pyve_prompt_start ;;
esac
unset -f _pyve_prompt_start
