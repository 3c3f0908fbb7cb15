# shellcheck shell=bash
# What the bash of `pyve shell` reads: the user's own .bashrc, then the environment again, because a
# .bashrc may put other folders in front of PATH; then the prompt. PYVE_SHELL_NAMES are the variables
# that Pyve has set.

_pyve_bin=${PATH%%:*}
_pyve_saved=()
for _pyve_name in $PYVE_SHELL_NAMES; do
  _pyve_saved+=("$_pyve_name=${!_pyve_name-}")
done
unset PYVE_SHELL_NAMES
if [[ -r ~/.bashrc ]]; then
  # shellcheck source=/dev/null # the user's
  . ~/.bashrc
fi
unset PYTHONHOME
export "${_pyve_saved[@]}"
# (Not [[: it would overlook a difference with nocasematch.)
if [ "${PATH%%:*}" != "$_pyve_bin" ]; then
  PATH=$_pyve_bin:$PATH
fi
unset _pyve_bin _pyve_saved _pyve_name
# shellcheck source=/dev/null # beside this file
. "${BASH_SOURCE[0]%/*}/prompt.bash"
