# What the fish of `pyve shell` reads after the user's own config.fish: the environment again, because
# that may have put other folders in front of PATH; then the prompt. PYVE_SHELL_TEXT are quoted
# assignments, and the folder that belongs in front.

eval "$PYVE_SHELL_TEXT"
set -e PYVE_SHELL_TEXT
if test "$PATH[1]" != "$__pyve_bin"
    set -gx PATH "$__pyve_bin" $PATH
end
set -e __pyve_bin
source (string replace -r '[^/]*$' '' -- (status filename))prompt.fish
