# Shows $PYVE_PROMPT_PREFIX before the prompt of fish. Sourced from conf.d.
#
# fish_prompt is wrapped once, before the first prompt: config.fish, which may define it, is read
# after conf.d. No process per prompt.

if status is-interactive; and not functions -q __pyve_original_fish_prompt
    function __pyve_wrap_prompt --on-event fish_prompt
        functions -e __pyve_wrap_prompt
        functions -q fish_prompt; or return
        functions -q __pyve_original_fish_prompt; and return
        functions -c fish_prompt __pyve_original_fish_prompt
        function fish_prompt --description 'The prompt, after the environment that Pyve made active'
            # First of all, because it may show the status of the last command.
            set -l __pyve_lines (__pyve_original_fish_prompt)
            if test -n "$PYVE_PROMPT_PREFIX"; and test -z "$VIRTUAL_ENV_DISABLE_PROMPT"; and test "$STARSHIP_SHELL" != fish
                # No line breaks, no orders to the terminal.
                printf '%s' (string replace -ra '[[:cntrl:]]' '' -- "$PYVE_PROMPT_PREFIX")
            end
            string join -- \n $__pyve_lines
        end
    end
end
