# shellcheck shell=bash
# Checks of `pyve doctor`: whether this shell is in the environment, or will be: direnv, .envrc, VIRTUAL_ENV, PATH.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/doctor/activation.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F check_direnv_installed >/dev/null || . "${BASH_SOURCE[0]%/*}/../env_detect.sh"
declare -F sha256_of_text >/dev/null || . "${BASH_SOURCE[0]%/*}/../digest.sh"
declare -F envrc_lines >/dev/null || . "${BASH_SOURCE[0]%/*}/../activation.sh"

# Usage: is_on_path <folder>
# True when PATH has the folder.
is_on_path() {
  local rest=${PATH-}: folder
  while [[ -n $rest ]]; do
    folder=${rest%%:*}
    rest=${rest#*:}
    [[ -z $folder || ! $folder -ef $1 ]] || return 0
  done
  return 1
}

# --- direnv

# Usage: find_rc_mention <word>...
# True when a file that the shell of SHELL reads at its start has one of the words. Status 2 for a shell that
# is not known.
find_rc_mention() {
  local file word home=${HOME-} zsh=${ZDOTDIR:-${HOME-}} fish=${XDG_CONFIG_HOME:-${HOME-}/.config}/fish
  local -a files
  case ${SHELL##*/} in
    bash)
      files=("$home"/.bashrc "$home"/.bash_profile "$home"/.bash_login "$home"/.profile "$home"/.bash_aliases
        /etc/bash.bashrc /etc/bashrc /etc/profile /etc/profile.d/*.sh)
      ;;
    zsh) files=("$zsh"/.zshrc "$zsh"/.zshenv "$zsh"/.zprofile "$home"/.zshenv /etc/zshrc /etc/zshenv /etc/zsh/zshrc /etc/zsh/zshenv) ;;
    fish) files=("$fish"/config.fish "$fish"/conf.d/*.fish /etc/fish/config.fish /etc/fish/conf.d/*.fish) ;;
    *) return 2 ;;
  esac
  for file in "${files[@]}"; do
    read_file "$file"
    for word; do
      [[ $REPLY != *"$word"* ]] || return 0
    done
  done
  return 1
}

# Usage: check_direnv_hook
check_direnv_hook() {
  local status=0
  [[ -n $DOCTOR_INITIALIZED ]] || return 0
  if ! check_direnv_installed; then
    noted "direnv: not installed; pyve run works without it"
    return 0
  elif [[ ! -f .envrc ]]; then
    noted "direnv: installed, but there is no .envrc"
    return 0
  fi
  # (bash makes up a SHELL that nobody has exported.)
  if [[ -z ${CI-}${DIRENV_DIR-}${DIRENV_DIFF-} && -n ${HOME-} && -n ${SHELL-} && $(declare -p SHELL) =~ ^declare\ -[A-Za-z]*x ]] &&
    ! is_on_path "$DOCTOR_ENV/bin"; then
    find_rc_mention direnv "pyve hook" || status=$?
  fi
  if ((status != 1)); then
    passed "direnv: .envrc is there"
    return 0
  fi
  compose_hook_command "${SHELL##*/}"
  found W_DIRENV_HOOK "direnv: this shell does not have its hook, so .envrc has no effect" \
    why "direnv is installed and the project has an .envrc, but no file that ${SHELL##*/} reads at its start names direnv" fix "$REPLY"
}

# Usage: compose_hook_command <shell>
# Sets REPLY to the command that adds direnv's hook to the shell's own file.
compose_hook_command() {
  # shellcheck disable=SC2016 # the shell that runs it is to expand it
  case $1 in
    zsh) REPLY='printf "\n%s\n" "eval \"\$(direnv hook zsh)\"" >>"${ZDOTDIR:-$HOME}/.zshrc"' ;;
    fish) REPLY='mkdir -p "${XDG_CONFIG_HOME:-$HOME/.config}/fish" && printf "\n%s\n" "direnv hook fish | source" >>"${XDG_CONFIG_HOME:-$HOME/.config}/fish/config.fish"' ;;
    *) REPLY='printf "\n%s\n" "eval \"\$(direnv hook bash)\"" >>"$HOME/.bashrc"' ;;
  esac
  REPLY="sh -c '$REPLY'"
}

# Usage: may_load_envrc
# True when direnv may load the project's .envrc. It keeps a file that is named by a digest of path and text; what
# a whitelist in its settings allows, only direnv itself can tell.
may_load_envrc() {
  local text settings=${DIRENV_CONFIG:-${XDG_CONFIG_HOME:-${HOME-}/.config}/direnv}
  read_file .envrc
  text=$REPLY
  # (Not by sha256_of_text, which puts a line end behind the text.)
  text=$(run_sha256 < <(printf '%s\n%s' "${PROJECT_ROOT%/}/.envrc" "$text")) || text=""
  if DIGEST_QUIET=1 check_digest "$text" && [[ -e ${XDG_DATA_HOME:-${HOME-}/.local/share}/direnv/allow/$REPLY ]]; then
    return 0
  fi
  read_file "$settings/direnv.toml"
  text=$REPLY
  read_file "$settings/config.toml"
  [[ $text$REPLY == *whitelist* ]] || return 1
  text=$(direnv status 2>/dev/null </dev/null) || return 1
  [[ $text =~ "Found RC allowed "(true|0) ]]
}

# Usage: check_direnv_allowed
check_direnv_allowed() {
  local command="direnv allow"
  # In CI nobody enters the folder, unless direnv is what runs there.
  [[ -n $DOCTOR_INITIALIZED && -f .envrc && -n ${HOME-} && (-z ${CI-} || -n ${DIRENV_DIR-}) ]] && check_direnv_installed || return 0
  ! may_load_envrc || return 0
  if [[ -n $DOCTOR_ELSEWHERE ]]; then
    command+=" $DOCTOR_ELSEWHERE"
  fi
  if is_made .envrc; then
    found W_DIRENV_ALLOW "direnv: it may not load .envrc yet" why "direnv asks once for each .envrc, and again when it changes; this one is as Pyve wrote it" auto "$command"
  else
    found W_DIRENV_ALLOW "direnv: it may not load .envrc yet" why "$REPLY, so what is in it is for you to judge" fix "$command"
  fi
}

# Usage: is_entered_by_envrc
# True when the .envrc seems to enter the environment: it names it, or leaves it to something else.
is_entered_by_envrc() {
  local word
  read_file .envrc
  for word in "$DOCTOR_NAME" "layout " "source_env" "source_up" "use " "PYVE_" "pyve "; do
    [[ $REPLY != *"$word"* ]] || return 0
  done
  return 1
}

# Usage: check_envrc_foreign
check_envrc_foreign() {
  [[ -n $DOCTOR_INITIALIZED && -n $DOCTOR_HAS_ENV && -f .envrc && -r .envrc ]] || return 0
  ! is_entered_by_envrc || return 0
  if is_made .envrc; then
    found W_ENVRC "direnv: the .envrc is for another environment" why "it does not name $DOCTOR_NAME" auto "pyve init --update"
  else
    found W_ENVRC "direnv: the .envrc does not enter the environment" \
      why "$REPLY, and it does not name $DOCTOR_NAME; the lines that do are added at its end" destructive "pyve doctor --fix --only envrc-foreign"
  fi
}

# Usage: mend_envrc_foreign
# Adds the lines that enter the environment to the .envrc. Status 1 when that fails.
mend_envrc_foreign() {
  local old
  read_file .envrc
  old=$REPLY
  [[ -z $old || $old == *$'\n' ]] || old+=$'\n'
  if [[ $DOCTOR_BACKEND == micromamba ]]; then
    declare -F find_activation >/dev/null || . "$_doctor_folder/../conda_activation.sh"
    find_activation "$DOCTOR_ENV" "${DOCTOR_ENV##*/}" || return 1
    envrc_lines micromamba "$DOCTOR_NAME" "${DOCTOR_ENV##*/}"
  else
    envrc_lines venv "$DOCTOR_NAME" "${PROJECT_ROOT##*/}"
  fi
  write_file .envrc "$old$REPLY"
}

# --- this shell

# Usage: check_virtualenv_foreign
check_virtualenv_foreign() {
  local other="" name=""
  [[ -n $DOCTOR_INITIALIZED ]] || return 0
  if [[ -n ${VIRTUAL_ENV-} ]]; then
    other=$VIRTUAL_ENV name=VIRTUAL_ENV
  elif [[ $DOCTOR_BACKEND == micromamba && -n ${CONDA_PREFIX-} && ${CONDA_DEFAULT_ENV-} != base ]]; then
    other=$CONDA_PREFIX name=CONDA_PREFIX
  fi
  # (The environment of the test runner is one of this project.)
  if [[ -z $other || $other -ef $DOCTOR_ENV || $other -ef .pyve/${TESTENV_DIR_NAME:-testenv}/venv ]]; then
    return 0
  fi
  found W_VIRTUALENV_FOREIGN "Shell: it is in another environment, $other" \
    why "$name names it, and uv, pip and editors go by that; pyve run and pyve shell do not" fix "pyve shell"
}

# Usage: find_program_in_front <shims|others>
# In a shell that is in the environment: sets REPLY to the first python, python3 or pip that PATH finds before the
# environment's, a shim or any other. Status 1 when there is none, or this shell is not in it.
find_program_in_front() {
  local rest=${PATH-}: folder name bin=$DOCTOR_ENV/bin
  if [[ ! ${VIRTUAL_ENV:-/} -ef $DOCTOR_ENV && ! ${CONDA_PREFIX:-/} -ef $DOCTOR_ENV ]] && ! is_on_path "$bin"; then
    return 1
  fi
  while [[ -n $rest ]]; do
    folder=${rest%%:*}
    rest=${rest#*:}
    [[ -n $folder ]] || folder=.
    [[ ! $folder -ef $bin ]] || return 1
    for name in python python3 pip; do
      if [[ -x $folder/$name && ! -d $folder/$name && -e $bin/$name ]]; then
        REPLY=$folder/$name
        case $folder in
          */shims | */shims/*) [[ $1 == shims ]] && return 0 ;;
          *) [[ $1 == others ]] && return 0 ;;
        esac
        return 1
      fi
    done
  done
  return 1
}

# Usage: check_path_order
check_path_order() {
  [[ -n $DOCTOR_INITIALIZED && -n $DOCTOR_HAS_ENV ]] || return 0
  if find_program_in_front others; then
    found W_PATH_ORDER "PATH: $REPLY is found before the environment's" \
      why "this shell is in the environment, but $DOCTOR_NAME/bin is not the first folder in PATH that has a ${REPLY##*/}" fix "pyve shell"
  fi
}
