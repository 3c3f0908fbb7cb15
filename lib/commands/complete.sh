# Summary: Print what may stand at the end of a command line
# Group: Plumbing
# Usage: pyve complete [--all] [--] [WORD]...
# About: For completion scripts: a line for each candidate, with a tab and its meaning. The last WORD
# About: is the one to be completed; "" when it has not been begun. A line without a tab is an order
# About: to the shell: ":files N" and ":folders N" (complete names of files or folders; the first N
# About: characters of the word are not part of the name), ":command N" (the words from N on are a
# About: command line of their own; pyve is word 0). With --all, candidates are offered that do
# About: not begin as WORD does, too. Starts no process.
# Example: pyve complete -- init --p
# Exit: 0

cmd_complete() {
  need completion
  find_completions "$@" 2>/dev/null || REPLY=""
  if [[ -n $PYVE_JSON ]]; then
    answer text "$REPLY"
  else
    printf '%s' "$REPLY" 2>/dev/null || :
  fi
}
