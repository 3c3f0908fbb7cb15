# shellcheck shell=bash
# What solves the lock of a venv project: uv, or pip where there is no uv.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/lock_engine.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
declare -F config_get >/dev/null || . "${BASH_SOURCE[0]%/*}/config.sh"

# Usage: add_engine_words
# After set_lock_words, before solving: adds to LOCK_WORDS the engine that the config asks for (lock.engine) where no
# --engine is given; and, when pip may have to solve and the project has no environment, the Python that it would get,
# and its pip. Status 1, with a diagnostic, when there is no such engine, or no such Python.
add_engine_words() {
  local engine="" word last="" asks="--engine"
  for word in ${LOCK_WORDS[@]+"${LOCK_WORDS[@]}"}; do
    [[ $last != --engine ]] || engine=$word
    last=$word
  done
  if [[ -z $engine ]]; then
    config_get lock.engine
    engine=${REPLY:-auto} asks="lock.engine of .pyve/config"
    [[ $engine == auto ]] || LOCK_WORDS+=(--engine "$engine")
  fi
  case $engine in
    uv) return 0 ;;
    auto) ! has_lock_uv || return 0 ;;
    pip) ;;
    *)
      fail E_ENGINE_UNKNOWN "'$engine' is not an engine for the locks of venv projects" \
        why "there are auto, uv and pip" why "$asks asks for it" fix "pyve lock --engine auto"
      return 1
      ;;
  esac
  [[ " ${LOCK_WORDS[*]} " != *" --interpreter "* ]] || return 0
  declare -F choose_interpreter >/dev/null || . "${BASH_SOURCE[0]%/*}/interpreter.sh"
  declare -F ensure_template >/dev/null || . "${BASH_SOURCE[0]%/*}/template.sh"
  choose_interpreter "" && ensure_template || return 1
  LOCK_WORDS+=(--interpreter "$PYTHON" --interpreter-version "$PYTHON_VERSION" --pip "$TEMPLATE/pip/pip")
}

# Usage: has_lock_uv
# True when there is a uv to solve with: on PATH, or in Pyve's own toolchain, which is made if need be.
has_lock_uv() {
  type -P uv >/dev/null && return 0
  declare -F ensure_toolchain >/dev/null || . "${BASH_SOURCE[0]%/*}/toolchain.sh"
  ensure_toolchain locks && [[ -x ${TOOLCHAIN_PYTHON%/*}/uv ]]
}
