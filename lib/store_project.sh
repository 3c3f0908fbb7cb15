# shellcheck shell=bash
# The project itself in an environment from the store: the few texts of its editable install, which the store keeps with
# a mark where the project's folder is named.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/store_project.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F read_file >/dev/null || . "${BASH_SOURCE[0]%/*}/raw_text.sh"
declare -F write_scripts >/dev/null || . "${BASH_SOURCE[0]%/*}/script_head.sh"

# Usage: has_kept_project <key>
# True when the store keeps the project in the current folder under that name: the same pyproject.toml, and the same
# modules at the top.
has_kept_project() {
  local folder=$STORE/projects/$1 tops
  [[ -n $1 && $PWD != *[!A-Za-z0-9/._-]* && -f $folder/texts && -O $folder/texts && -f $folder/tops ]] || return 1
  read_file "$folder/tops"
  tops=${REPLY%$'\n'}
  list_tops
  [[ $REPLY == "$tops" ]]
}

# Usage: list_tops
# Sets REPLY to the files that say which modules the project in the current folder has, a line each.
list_tops() {
  local LC_ALL=C pattern file
  REPLY=""
  for pattern in '*.py' '*/__init__.py' 'src/*.py' 'src/*/__init__.py'; do
    # shellcheck disable=SC2086 # a pattern
    for file in $pattern; do
      [[ ! -e $file ]] || REPLY+=$file$'\n'
    done
  done
  REPLY=${REPLY%$'\n'}
}

# Usage: lay_out_project <environment> <final place>
# Writes the project in the current folder into an environment that nobody uses yet, from STORE_PROJECT_KEY.
lay_out_project() {
  local folder=$STORE/projects/$STORE_PROJECT_KEY site="" text part file IFS=$'\x1e'
  local -a parts=() folders=()
  for site in "$1"/lib/python3*/site-packages; do
    break
  done
  IFS= read -r -d '' text <"$folder/texts" || :
  set -f
  # shellcheck disable=SC2206 # split on purpose
  parts=($text)
  set +f
  for part in "${parts[@]:1}"; do
    file=${part%%$'\n'*}
    [[ /$file/ != */../* && $file != /* ]] || return 1
    [[ $file != */* ]] || folders+=("$site/${file%/*}")
  done
  ((${#folders[@]} == 0)) || mkdir -p "${folders[@]}" || return 1
  for part in "${parts[@]:1}"; do
    replace_mark "${part#*$'\n'}." $'\x1f' "$PWD"
    printf '%s' "${REPLY%.}" >"$site/${part%%$'\n'*}" || return 1
  done
  VENV_SCRIPTS=()
  script_head "$2"
  write_scripts "$folder/scripts" "$1/bin" "$REPLY" && { ((${#VENV_SCRIPTS[@]} == 0)) || chmod a+x "${VENV_SCRIPTS[@]}"; }
}
