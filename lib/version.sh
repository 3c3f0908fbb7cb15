# shellcheck shell=bash
# Versions, and what an installation in a project has to look like.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/version.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F log_warning >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"

# Usage: compare_versions <version> <version>
# Prints "equal", "greater" or "less": what the first is, compared to the second. Missing parts
# count as 0.
compare_versions() {
  compare_release "$1" "$2"
  case $REPLY in
    0) printf 'equal\n' ;;
    1) printf 'greater\n' ;;
    *) printf 'less\n' ;;
  esac
}

# Usage: compare_release <version> <version>
# The same in REPLY, as 0, 1 or -1. Of a part such as "3rc1" only the number in front counts.
compare_release() {
  local left=${1#v} right=${2#v} a b
  while [[ -n $left || -n $right ]]; do
    a=${left%%.*} b=${right%%.*}
    [[ $left == *.* ]] && left=${left#*.} || left=""
    [[ $right == *.* ]] && right=${right#*.} || right=""
    a=${a%%[!0-9]*} b=${b%%[!0-9]*}
    if ((10#${a:-0} != 10#${b:-0})); then
      ((10#${a:-0} > 10#${b:-0})) && REPLY=1 || REPLY=-1
      return 0
    fi
  done
  REPLY=0
}

# Usage: validate_pyve_version
# Compares the version recorded in .pyve/config with this one. True when they agree, nothing is
# recorded, or PYVE_SKIP_VERSION_CHECK=1; otherwise REPLY says what differs, status 1.
validate_pyve_version() {
  local recorded
  config_load || :
  config_get pyve_version
  recorded=$REPLY
  REPLY=""
  if [[ -z $recorded || ${PYVE_SKIP_VERSION_CHECK-} == 1 ]]; then
    return 0
  fi
  compare_release "$recorded" "${VERSION-}"
  case $REPLY in
    0)
      REPLY=""
      return 0
      ;;
    1) REPLY="the project was set up by Pyve $recorded, newer than this ${VERSION-}" ;;
    *) REPLY="the project was set up by Pyve $recorded, this is ${VERSION-}" ;;
  esac
  return 1
}

# Usage: validate_installation_structure
# True when .pyve and its config are there; otherwise REPLY says what is missing.
validate_installation_structure() {
  if [[ ! -d .pyve ]]; then
    REPLY="Missing .pyve directory"
    return 1
  fi
  if ! config_file_exists; then
    REPLY="Missing .pyve/config"
    return 1
  fi
  REPLY=""
}

# Usage: validate_venv_structure
# True when the venv directory of the config (or the default one) is there and has an interpreter;
# otherwise REPLY says what is missing.
validate_venv_structure() {
  local folder
  config_load || :
  config_get venv.directory
  folder=${REPLY:-${DEFAULT_VENV_DIR:-.venv}}
  if [[ ! -d $folder ]]; then
    REPLY="Virtual environment not found: $folder"
    return 1
  fi
  if [[ ! -x $folder/bin/python ]]; then
    REPLY="$folder: missing Python executable"
    return 1
  fi
  REPLY=""
}

# Usage: validate_micromamba_structure
# True when the environment file and the environment of the config are there; otherwise REPLY
# says what is missing.
validate_micromamba_structure() {
  local file name
  config_load || :
  config_get micromamba.env_file
  file=${REPLY:-environment.yml}
  if [[ ! -f $file && ! -f conda-lock.yml ]]; then
    REPLY="Missing $file"
    return 1
  fi
  config_get micromamba.env_name
  name=$REPLY
  if [[ -n $name && ! -d .pyve/envs/$name ]]; then
    REPLY="Environment not found: .pyve/envs/$name"
    return 1
  fi
  REPLY=""
}

# Usage: run_full_validation
# Runs the structural checks of `pyve doctor` on the project of the current folder, a line each; what is wrong is
# said as a diagnostic. Status 0 when all is well, 1 with errors, 2 with warnings only.
run_full_validation() {
  local line
  # shellcheck source=/dev/null # read when needed; it reads this file back
  declare -F run_checks >/dev/null || . "${BASH_SOURCE[0]%/*}/doctor/checks.sh"
  DOCTOR_STYLE=validate
  prepare_doctor || return 1
  for line in "${DOCTOR_CHECKS[@]}"; do
    [[ $line != *" structural "* ]] || run_check "${line%% *}"
  done
  answer_checks
  judge_findings
}

# Usage: write_config_with_version
# Makes .pyve/config with the version of Pyve, keeping what an existing one says.
write_config_with_version() {
  config_set pyve_version "${VERSION-}"
}

# Usage: update_config_version
# Brings the version in an existing .pyve/config up to date. Status 1 when there is none.
update_config_version() {
  if ! config_file_exists; then
    return 1
  fi
  config_set pyve_version "${VERSION-}"
}
