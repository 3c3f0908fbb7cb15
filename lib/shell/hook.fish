# Enters and leaves environments when the folder changes, in fish. Printed by `pyve hook fish`, which
# sets __pyve_program in front of it.
#
# Before each prompt, and after each cd: walk up to the project, and compare its .pyve/config, its
# .env and the stamp of the trust records with the last time. That is all done by the shell itself;
# Pyve is started only when one of them is another. What it prints are commands of two functions, with
# quoted words.

set -g __pyve_stamp "$HOME/.local/state/pyve/trust/stamp"
if test -n "$XDG_STATE_HOME"
    set -g __pyve_stamp "$XDG_STATE_HOME/pyve/trust/stamp"
end

# What Pyve prints. A name that is read-only here stays as it is.
function __pyve_set
    set -gx $argv[1] $argv[2] 2>/dev/null
end

function __pyve_unset
    set -e -g $argv[1] 2>/dev/null
end

# Brings the shell into the project ("": into none).
function __pyve_go
    $__pyve_program hook --export fish "$argv[1]" | source
end

function __pyve_hook --on-event fish_prompt --on-variable PWD --description 'Enter or leave the environment of the project'
    if test -n "$PYVE_SHELL"; or not test -x "$__pyve_program"
        return
    end
    set -l __pyve_root $PWD
    while test -n "$__pyve_root"; and not test -f "$__pyve_root/.pyve/config"
        set __pyve_root (string replace -r '(?s)/[^/]*\z' '' -- "$__pyve_root" | string collect)
    end
    set -l __pyve_direnv
    if functions -q __direnv_export_eval
        set __pyve_direnv 1
        if test -n "$__pyve_root"; and test -e "$__pyve_root/.envrc"
            set __pyve_root
        end
    end
    set -l __pyve_now
    if test -n "$__pyve_root"
        set __pyve_now $__pyve_root
        for __pyve_file in $__pyve_stamp "$__pyve_root/.pyve/config" "$__pyve_root/.env"
            set -a __pyve_now $__pyve_file
            if test -f "$__pyve_file"; and test -r "$__pyve_file"
                set -l __pyve_text
                read -z __pyve_text <"$__pyve_file"
                set -a __pyve_now "$__pyve_text"
            end
        end
    end
    if not set -q __pyve_last; or test "$__pyve_now" != "$__pyve_last"
        set -g __pyve_last $__pyve_now
        if test -n "$__pyve_direnv"; and test "$__pyve_root" != "$PYVE_HOOK_ROOT"
            # What direnv does belongs below what this does: it must not take note of it.
            test -n "$PYVE_HOOK_ROOT"; and __pyve_go ""
            __direnv_export_eval
        end
        if test -n "$__pyve_root"; or test -n "$PYVE_HOOK_ROOT"
            __pyve_go "$__pyve_root"
        end
    end
end
