# Completion of pyve for fish 3. What is offered comes from `pyve complete`; `pyve help complete`
# says in which form.

function __pyve_complete --description 'What may stand at the cursor'
    set -l words (commandline -opc)
    set -l raw (commandline -ct)
    set -l word (string unescape -- $raw); or set word (string replace -r '^["\']' '' -- $raw)
    set -l program (string replace -r '^~/' "$HOME/" -- $words[1])
    # An alias, say.
    command -q -- $program; or set program pyve
    command -q -- $program; or return
    # The word goes whole, and fish chooses what matches.
    for line in (command $program complete --all -- $words[2..-1] "$word" 2>/dev/null </dev/null)
        set -l number (string replace -r '^:[a-z]+ ' '' -- $line)
        switch $line
            case "*"\t"*"
                printf '%s\n' $line
            case ':files *'
                __pyve_complete_path $number "$word"
            case ':folders *'
                __pyve_complete_path $number "$word" | string match -r '^[^\t]*/(?:\t.*)?$'
            case ':command *'
                complete -C (string join ' ' -- (string escape -- $words[(math $number + 1)..-1]) "$raw")
        end
    end
end

function __pyve_complete_path --description 'Names of files, for a word with so many other characters in front'
    set -l lead (string sub -l $argv[1] -- $argv[2])
    set -l start (string sub -s (math $argv[1] + 1) -- $argv[2])
    set -l quoted (string escape -- $start)
    # A tilde in front must not be quoted.
    string match -q -- '~/*' $start; and set quoted '~/'(string escape -- (string sub -s 3 -- $start))
    for name in (complete -C "'' $quoted")
        printf '%s\n' $lead$name
    end
end

complete -c pyve -f -k -a '(__pyve_complete)'
