# Summary: Print what may stand at the end of a command line
# Group: Plumbing
# Usage: pyve complete [WORD]...
# About: For completion scripts: a line for each candidate, with a tab and its meaning. The last WORD
# About: is the one to be completed; "" when it has not been begun. Starts no process.
# Example: pyve complete init --p
# Exit: 0

cmd_complete() {
  need help completion
  list_completions "$@"
}
