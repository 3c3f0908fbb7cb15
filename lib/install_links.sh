# shellcheck shell=bash
# The links that an installation puts where shells look for completions and man for its pages: from
# below the data folder (_si_data/..) into the tree (_si_app).

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/install_links.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F log_info >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"
declare -F can_make >/dev/null || . "${BASH_SOURCE[0]%/*}/rc_file.sh"
declare -F add_record >/dev/null || . "${BASH_SOURCE[0]%/*}/install_record.sh"

# Each link, below the data folder, and what it leads to, below the tree.
_INSTALL_LINKS=(
  "bash-completion/completions/pyve lib/shell/completions/pyve.bash"
  "zsh/site-functions/_pyve lib/shell/completions/_pyve"
  "fish/vendor_completions.d/pyve.fish lib/shell/completions/pyve.fish"
  "man/man1/pyve.1 docs/pyve.1"
)

# Usage: is_our_link <path>
# True for a link into the installed tree, also when that is gone.
is_our_link() {
  local target
  [[ -L $1 ]] || return 1
  target=$(readlink "$1") || return 1
  [[ $target == "$_si_app"/* || $target == ../../pyve/app/* ]]
}

# Usage: plan_links <tree>
# Adds the links that an installation of <tree> is going to make, and their folders, to _si_record.
plan_links() {
  local item place
  for item in "${_INSTALL_LINKS[@]}"; do
    place=${_si_data%/*}/${item% *}
    if [[ -f $1/${item#* } ]] && is_free_for_link "$place" && can_make "${place%/*}"; then
      record_missing_folders "${place%/*}"
      add_record "link $place"
    fi
  done
}

# Usage: is_free_for_link <path>
# True when nothing is there, or a link of ours.
is_free_for_link() {
  [[ ! -e $1 && ! -L $1 ]] || is_our_link "$1"
}

# Usage: make_links
# Makes the links that are on record, each in one step. What is not ours stays, and a link that
# cannot be made stops nothing; both are told.
make_links() {
  local item place file target
  for item in "${_INSTALL_LINKS[@]}"; do
    place=${_si_data%/*}/${item% *}
    file=$_si_app/${item#* }
    [[ -f $file ]] || continue
    if ! is_free_for_link "$place"; then
      log_info "Kept $place: it is not Pyve's"
      continue
    fi
    target=$file
    if mkdir -p -- "${place%/*}" 2>/dev/null && [[ ${place%/*}/../../pyve/app -ef $_si_app ]]; then
      # So that a home folder can be moved.
      target=../../pyve/app/${item#* }
    fi
    if [[ -L $place && $(readlink "$place") == "$target" ]]; then
      continue
    fi
    if ! { rm -f -- "$place" && ln -s -- "$target" "$place"; } 2>/dev/null; then
      log_info "Could not make $place: no permission, or a file is in the way"
    fi
  done
}

# Usage: remove_links
# Removes the links that are on record, and those in their usual places; what is not ours stays.
# Status 1 when one cannot be removed.
remove_links() {
  local item place
  list_recorded link
  for item in "${_INSTALL_LINKS[@]}"; do
    _si_paths+=("${_si_data%/*}/${item% *}")
  done
  for place in "${_si_paths[@]}"; do
    if is_our_link "$place"; then
      rm -f -- "$place" || return 1
    fi
  done
}
