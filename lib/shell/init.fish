# What Pyve adds to an interactive fish: the prompt's prefix, and completion. Sourced from conf.d.
# No process is started, and the completions are not read before they are needed.

set -l folder (status filename | string replace -r '/[^/]*$' '')
if test -r $folder/prompt.fish
    source $folder/prompt.fish
end
# The last place: another completion of pyve, the user's own, say, comes first.
if status is-interactive; and test -d $folder/completions; and not contains -- $folder/completions $fish_complete_path
    set -ga fish_complete_path $folder/completions
end
