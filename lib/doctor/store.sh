# shellcheck shell=bash
# Checks of `pyve doctor`: what the environment has from the shared store.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/doctor/store.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F get_environment_state >/dev/null || . "${BASH_SOURCE[0]%/*}/../venv_env.sh"
declare -F find_tools >/dev/null || . "${BASH_SOURCE[0]%/*}/locks.sh"
declare -F logged >/dev/null || . "${BASH_SOURCE[0]%/*}/../debug_log.sh"
declare -F read_helper_answer >/dev/null || . "${BASH_SOURCE[0]%/*}/../helper.sh"

# Usage: has_stored
# True when the environment was made from the store: sets STORED to its part there, and STORED_ROOT to the folder of
# the store.
has_stored() {
  [[ -n $DOCTOR_INITIALIZED && $DOCTOR_BACKEND == venv && -d $DOCTOR_ENV ]] || return 1
  get_environment_state "$DOCTOR_ENV" store
  STORED=$REPLY STORED_ROOT=${REPLY%/envs/*}
  [[ $STORED == /*/envs/* ]]
}

# Usage: check_store_gone
# Whether what the environment was made from is still in the store.
check_store_gone() {
  has_stored || return 0
  if [[ -f $STORED/entry ]]; then
    passed "Store: $DOCTOR_NAME shares its packages"
  else
    found E_STORE_GONE "Store: $DOCTOR_NAME has lost its packages" why "$STORED is not there any more" auto "pyve sync"
  fi
}

# Usage: check_store_unsafe
# Whether somebody else can write into the store.
check_store_unsafe() {
  local unsafe word
  has_stored && [[ -d $STORED_ROOT ]] || return 0
  unsafe=$(find -H "${STORED_ROOT%/*}" "$STORED_ROOT" "$STORED_ROOT"/* -prune \( -perm -0020 -o -perm -0002 \) -print 2>/dev/null) || :
  unsafe=${unsafe%%$'\n'*}
  if [[ ! -O ${STORED_ROOT%/*} || ! -O $STORED_ROOT ]]; then
    found E_STORE_UNSAFE "Store: it belongs to another user" why "${STORED_ROOT%/*}; programs of the project are run from it" \
      why "name a folder of your own in PYVE_STORE, then run pyve sync"
  elif [[ -n $unsafe ]]; then
    quote_word "${STORED_ROOT%/*}"
    word=$REPLY
    found E_STORE_UNSAFE "Store: others can write into it" why "$unsafe; programs of the project are run from it" auto "chmod -R go-w $word"
  fi
}

# Usage: check_store_owner
# Whether the store knows that this environment uses it.
check_store_owner() {
  local record line
  has_stored && [[ -f $STORED/entry && ! $DOCTOR_ENV/pyve.token -ef $STORED/token ]] || return 0
  for record in "$STORED_ROOT/owners/${STORED##*/}".*; do
    [[ -f $record && -r $record ]] || continue
    IFS= read -r line <"$record" || :
    [[ $line != "${DOCTOR_ENV//$'\n'/\\n}" ]] || return 0
  done
  found W_STORE_OWNER "Store: it does not know of $DOCTOR_NAME" \
    why "pyve store gc may remove what the environment has from it; it may be a copy of another one" auto "pyve sync"
}

# Usage: check_store_damaged
# Whether what the environment has from the store is as it was made. Silent without a toolchain, which nothing can be
# in the store without.
check_store_damaged() {
  local answer damaged harmless status=0 value
  local -a parts=()
  has_stored && [[ -f $STORED/entry ]] && find_tools && ! was_found store-unsafe || return 0
  answer=$(logged "$REPLY" -E -s -B -X utf8 "$PYVE_ROOT/helpers/manage_store.py" --format lines \
    verify "${STORED##*/}" --store "$STORED_ROOT" 2>/dev/null </dev/null) || status=$?
  ((status == 0)) || return 0
  read_helper_answer 0 "$answer"
  set_from_helper damaged=damaged harmless=harmless
  get_helper_values why
  for value in ${HELPER_FOUND[@]+"${HELPER_FOUND[@]}"}; do
    parts+=(why "$value")
  done
  value=${STORED##*/}
  count_things "${damaged:-0}" "fault"
  if ((${damaged:-0} > 0)); then
    found E_STORE_DAMAGED "Store: what $DOCTOR_NAME has from it is damaged: $REPLY" "${parts[@]}" auto "pyve store repair ${value:0:12}"
  elif ((${harmless:-0} > 0)); then
    count_things "$harmless" "file"
    noted "Store: $REPLY of bytecode were added by root; pyve store repair removes them"
  fi
}
