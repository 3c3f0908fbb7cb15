# shellcheck shell=bash
# What `pyve status` looks at in a project of the conda backend only: does the lock fit its manifest, and the
# environment what it was made from.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/conda_facts.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F sha256_of_files >/dev/null || . "${BASH_SOURCE[0]%/*}/digest.sh"
declare -F find_state >/dev/null || . "${BASH_SOURCE[0]%/*}/project_facts.sh"

# Usage: compare_conda_lock <manifest> <lock>
# Sets LOCK_STATE and LOCK_BASIS. The digests that the environment keeps of both tell it when they are as they
# were; else the times of the last change. Those say too much after a git checkout, so when they say that the
# lock is stale, the helper is asked, where it is to be had.
compare_conda_lock() {
  local manifest=$1 lock=$2 recorded fit=""
  LOCK_STATE=current LOCK_BASIS=time
  get_recorded manifest_sha256
  recorded=$REPLY
  get_recorded file_sha256
  if [[ -n $recorded && $LOCK_SHA256 == "$REPLY" && $MANIFEST_SHA256 == "$recorded" ]]; then
    LOCK_BASIS=digest
    return 0
  fi
  if grep -q '^<<<<<<< ' "$lock" 2>/dev/null; then
    LOCK_STATE=stale LOCK_BASIS=content
    return 0
  fi
  if [[ ! $manifest -nt $lock && (-z $recorded || $LOCK_SHA256 != "$REPLY") ]]; then
    return 0
  fi
  # Apart: it works in the project's folder, and what it reads and sets is of no use here.
  fit=$(
    declare -F does_lock_fit >/dev/null || . "${BASH_SOURCE[0]%/*}/micromamba_lock.sh"
    CDPATH="" cd -- "$PROJECT_ROOT" || exit 0
    does_lock_fit "${manifest#"${PROJECT_ROOT%/}/"}" "${lock#"${PROJECT_ROOT%/}/"}" >/dev/null 2>&1 && fit=yes
    # shellcheck disable=SC2153 # of does_lock_fit
    printf '%s' "$LOCK_STATUS:$fit"
  ) || fit=""
  case $fit in
    current:* | stale:* | platform-missing:* | unreadable:*) LOCK_STATE=${fit%:*} LOCK_BASIS=content ;;
    *:yes) ;;
    *) LOCK_STATE=stale ;;
  esac
}

# Usage: has_what_is_locked <file>
# True when the file is a lock, and the environment has the packages that it names now: a comment or a platform more
# does not make an environment outdated.
has_what_is_locked() {
  local CONDA_LOCK=$1
  [[ $1 == *-lock.yml || $1 == *-lock.yaml ]] && [[ -r $1 ]] || return 1
  declare -F compare_with_conda_lock >/dev/null || . "${BASH_SOURCE[0]%/*}/locked.sh"
  compare_with_conda_lock "$ENVIRONMENT" 2>/dev/null && ((${#DRIFT[@]} == 0))
}

# Usage: judge_source
# For judge_environment: what a conda environment was made from.
judge_source() {
  local root=${PROJECT_ROOT%/} file lock digest
  get_recorded file_sha256
  digest=$REPLY
  get_recorded file
  file=$REPLY
  ENVIRONMENT_MADE_FROM=$file
  [[ -n $file ]] || return 0
  ENVIRONMENT_MADE_FROM_STATE=unknown
  config_get micromamba.env_file
  [[ $REPLY == *-lock.yml || $REPLY == *-lock.yaml ]] || REPLY="conda-lock.yml"
  lock=$REPLY
  [[ $file == /* ]] || file=$root/$file
  sha256_of_files "$file" "$root/${MANIFEST_FILES[0]:-environment.yml}" 2>/dev/null
  MANIFEST_SHA256=${DIGESTS[1]}
  [[ $file != "$root/$lock" ]] || LOCK_SHA256=${DIGESTS[0]}
  if [[ ! -e $file ]]; then
    ENVIRONMENT_MADE_FROM_STATE=missing
  elif [[ -n $digest && -n ${DIGESTS[0]} ]]; then
    [[ ${DIGESTS[0]} == "$digest" ]] && ENVIRONMENT_MADE_FROM_STATE=current || ENVIRONMENT_MADE_FROM_STATE=changed
  fi
  [[ $ENVIRONMENT_CONDITION == works ]] || return 0
  if [[ $ENVIRONMENT_MADE_FROM_STATE == changed ]] && ! has_what_is_locked "$file"; then
    ENVIRONMENT_CONDITION=outdated
    PROJECT_WHY+=("$ENVIRONMENT_MADE_FROM was changed after the environment was made from it")
  elif [[ $file != "$root/$lock" && -f $root/$lock ]]; then
    ENVIRONMENT_CONDITION=outdated
    PROJECT_WHY+=("the environment was made from $ENVIRONMENT_MADE_FROM, and $lock came later")
  fi
}
