# Activates a conda prefix in a bash of its own and prints what that changed, for
# lib/conda_activation.sh, which says in what form.
#
# Usage: bash --noprofile --norc activate_conda.bash <prefix> <name> <its variables, +NAME=value or -NAME a line>
#
# Scripts of packages are sourced here: they may change options and variables at will, so every name is
# one that nobody uses, and nothing is assumed afterwards.

__pyve_prefix=$1 __pyve_names=() __pyve_values=() __pyve_line="" __pyve_i=0 __pyve_value=""
# A mark that no folder has shows what a script puts before and behind the caller's folders.
__pyve_mark="/pyve-path-of-the-caller" __pyve_path=$PATH
# Names first, so that the list of names does not have the array in it.
for __pyve_line in $(compgen -e); do
  case $__pyve_line in
    __pyve_* | PATH | _ | SHLVL | PWD | OLDPWD) ;;
    *)
      __pyve_names+=("$__pyve_line")
      __pyve_values+=("${!__pyve_line}")
      ;;
  esac
done
PATH=$__pyve_prefix/bin:$__pyve_mark:$PATH
export CONDA_PREFIX=$__pyve_prefix CONDA_DEFAULT_ENV=$2 CONDA_SHLVL=1 CONDA_PROMPT_MODIFIER="($2) "
while IFS= read -r __pyve_line; do
  case $__pyve_line in
    +*)
      __pyve_value=${__pyve_line#*=}
      __pyve_value=${__pyve_value//%0A/$'\n'}
      __pyve_value=${__pyve_value//%25/%}
      __pyve_line=${__pyve_line#+}
      export "${__pyve_line%%=*}=$__pyve_value"
      ;;
    -*)
      unset -v "${__pyve_line#-}"
      # Said here, too, because it may not have been set.
      printf -- '%s\n' "$__pyve_line"
      ;;
  esac
done <<<"${3-}"
set --
for __pyve_line in "$__pyve_prefix/etc/conda/activate.d"/*.sh; do
  if [[ -r $__pyve_line ]]; then
    # So that the one that does not come back is known.
    printf '\036%s\n' "$__pyve_line" >&2
    # shellcheck source=/dev/null # of the environment's packages
    \. "$__pyve_line" >&2
  fi
done
\set +eux
\unalias -a
unset IFS

# Usage: __pyve_find <name>
# Sets __pyve_i to its place among the names before. Status 1 when it was not set then.
__pyve_find() {
  for ((__pyve_i = 0; __pyve_i < ${#__pyve_names[@]}; __pyve_i++)); do
    [[ ${__pyve_names[__pyve_i]} != "$1" ]] || return 0
  done
  return 1
}

# Usage: __pyve_print <mark and name> <value>
# Prints a line of the record.
__pyve_print() {
  __pyve_value=${2//%/%25}
  printf '%s=%s\n' "$1" "${__pyve_value//$'\n'/%0A}"
}

__pyve_now=" "
for __pyve_line in $(compgen -e); do
  case $__pyve_line in
    __pyve_* | PATH | _ | SHLVL | PWD | OLDPWD) continue ;;
  esac
  __pyve_now+="$__pyve_line "
  if ! __pyve_find "$__pyve_line"; then
    __pyve_print "+$__pyve_line" "${!__pyve_line}"
  elif [[ ${__pyve_values[__pyve_i]} != "${!__pyve_line}" ]]; then
    __pyve_print "+$__pyve_line" "${!__pyve_line}"
    __pyve_print "=$__pyve_line" "${__pyve_values[__pyve_i]}"
  fi
done
for ((__pyve_i = 0; __pyve_i < ${#__pyve_names[@]}; __pyve_i++)); do
  if [[ $__pyve_now != *" ${__pyve_names[__pyve_i]} "* ]]; then
    printf -- '-%s\n' "${__pyve_names[__pyve_i]}"
    __pyve_print "=${__pyve_names[__pyve_i]}" "${__pyve_values[__pyve_i]}"
  fi
done
__pyve_line=${PATH#*":$__pyve_mark:"}
if [[ $PATH == *":$__pyve_mark:$__pyve_path"* ]]; then
  __pyve_print front "${PATH%%":$__pyve_mark:"*}"
  __pyve_print back "${__pyve_line#"$__pyve_path"}"
else
  # A script has put together a PATH of its own, of which only this is known.
  __pyve_print path "${PATH//"$__pyve_mark:"/}"
fi
printf 'end\n'
