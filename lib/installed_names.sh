# shellcheck shell=bash
# The names of what is installed in an environment, as its folders tell them, and whether any is gone. No process.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/installed_names.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

# Usage: list_installed <environment>
# Sets REPLY to the names of what is installed in it, a line each, as the folders that stand for it are called
# (*.dist-info, *.egg-info, *.egg-link).
list_installed() {
  # (This is the quickest that was found, and `pyve status` waits for it: one pattern, and one text.)
  local IFS=$'\n' LC_ALL=C kind="*.[de]*-[il]n*[ok]" folder found
  local -a folders=("$1"/lib/python3*/site-packages)
  REPLY=""
  for folder in "${folders[@]}"; do
    # shellcheck disable=SC2086 # a pattern
    printf -v found '%s\n' "$folder"/$kind
    # (A pattern that nothing fits stands for itself.)
    [[ $found == "$folder/$kind"$'\n' ]] || REPLY+=${found//"$folder/"/}
  done
  REPLY=${REPLY%$'\n'}
}

# Usage: has_lost_packages <environment>
# True when something that was in it when it was synced is gone. What came to it since does not count.
has_lost_packages() {
  local packages="" line
  [[ -r $1/pyve.packages ]] || return 1
  IFS= read -r -d '' packages <"$1/pyve.packages" || :
  list_installed "$1"
  [[ $packages != "$REPLY"$'\n' ]] || return 1
  while IFS= read -r line; do
    [[ -z $line || $'\n'$REPLY$'\n' == *$'\n'"$line"$'\n'* ]] || return 0
  done <<<"$packages"
  return 1
}
