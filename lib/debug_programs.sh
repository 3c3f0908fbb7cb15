# shellcheck shell=bash
# shellcheck disable=SC2120 # they are called wherever Pyve calls the program of that name
# What lib/debug_log.sh does with PYVE_LOG=debug: functions in the place of programs.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/debug_programs.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F redact >/dev/null || . "${BASH_SOURCE[0]%/*}/redact.sh"
declare -F quote_word >/dev/null || . "${BASH_SOURCE[0]%/*}/text.sh"

# What is shown goes to the stderr that Pyve was started with, wherever that of the program goes.
exec 19>&2

# Usage: logged <command> [argument]...
# Runs the command, and logs it unless it is a function: then its programs are logged.
logged() {
  local _log_status=0 _log_started
  if declare -F -- "$1" >/dev/null; then
    "$@"
    return
  fi
  read_log_clock
  if is_helper_command "$@"; then
    PYVE_LOG_FD=19 "$@" || _log_status=$?
  else
    "$@" 19>&- || _log_status=$?
  fi
  write_log_line "$_log_started" "$_log_status" "$@"
  return "$_log_status"
}

# Usage: logged_exec <program> [argument]...
# In a subshell: runs the program, logs it, and ends the subshell with its status.
logged_exec() {
  local _log_status=0 _log_started
  read_log_clock
  if is_helper_command "$@"; then
    (
      export PYVE_LOG_FD=19
      exec -- "$@"
    ) || _log_status=$?
  else
    (exec -- "$@" 19>&-) || _log_status=$?
  fi
  write_log_line "$_log_started" "$_log_status" "$@"
  exit "$_log_status"
}

# Usage: is_helper_command <program> [argument]...
# True for a helper of Pyve's, which logs what it starts itself (helpers/pyve_core/debug_log.py).
is_helper_command() {
  [[ " $* " == *"/helpers/"*.py\ * ]]
}

# Usage: log_exec <program> [argument]...
# Logs a program that takes Pyve's place, so that nobody will see how it ends.
log_exec() {
  write_log_line "" "" "$@"
  exec 19>&-
}

# Usage: log_program <program> [argument]...
# Runs a program and not the function of its name, and logs it.
log_program() {
  local _log_status=0 _log_started
  read_log_clock
  command -- "$@" 19>&- || _log_status=$?
  write_log_line "$_log_started" "$_log_status" "$@"
  return "$_log_status"
}

# Usage: read_log_clock
# Sets _log_started to the time: microseconds, or whole seconds before bash 5.
read_log_clock() {
  _log_started=${EPOCHREALTIME-$SECONDS}
  _log_started=${_log_started//[.,]/}
}

# Usage: write_log_line <started> <status> <command> [argument]...
# Shows the command, so that it can be pasted. Without <started> it has only begun.
write_log_line() {
  local REPLY word line="" started=$1 status=$2 _log_started
  shift 2
  for word; do
    redact "$word"
    quote_word "$REPLY"
    line+=" $REPLY"
  done
  if [[ -z $started ]]; then
    line="debug: exec:$line"
  else
    read_log_clock
    if [[ -n ${EPOCHREALTIME-} ]]; then
      printf -v started '%04d' "$(((_log_started - started) / 1000))"
      started=${started%???}.${started:${#started}-3}
    else
      started=$((_log_started - started))
    fi
    line="debug: $started s, status $status:$line"
  fi
  { printf '%s\n' "$line" >&19; } 2>/dev/null || :
}

# Usage: <program> [argument]...
# The programs that lib/ and its rooms call by name; tests/unit/test_debug_log.py finds one that is missing.
apk() { log_program apk "$@"; }
apt-cache() { log_program apt-cache "$@"; }
apt-get() { log_program apt-get "$@"; }
asdf() { log_program asdf "$@"; }
brew() { log_program brew "$@"; }
cat() { log_program cat "$@"; }
chmod() { log_program chmod "$@"; }
cksum() { log_program cksum "$@"; }
cmp() { log_program cmp "$@"; }
cp() { log_program cp "$@"; }
curl() { log_program curl "$@"; }
date() { log_program date "$@"; }
dd() { log_program dd "$@"; }
df() { log_program df "$@"; }
direnv() { log_program direnv "$@"; }
dnf() { log_program dnf "$@"; }
du() { log_program du "$@"; }
env() { log_program env "$@"; }
find() { log_program find "$@"; }
getconf() { log_program getconf "$@"; }
git() { log_program git "$@"; }
grep() { log_program grep "$@"; }
head() { log_program head "$@"; }
id() { log_program id "$@"; }
ln() { log_program ln "$@"; }
ls() { log_program ls "$@"; }
mkdir() { log_program mkdir "$@"; }
mkfifo() { log_program mkfifo "$@"; }
mktemp() { log_program mktemp "$@"; }
mv() { log_program mv "$@"; }
openssl() { log_program openssl "$@"; }
pacman() { log_program pacman "$@"; }
ps() { log_program ps "$@"; }
python3() { log_program python3 "$@"; }
readlink() { log_program readlink "$@"; }
rm() { log_program rm "$@"; }
rmdir() { log_program rmdir "$@"; }
sed() { log_program sed "$@"; }
sh() { log_program sh "$@"; }
sha256sum() { log_program sha256sum "$@"; }
shasum() { log_program shasum "$@"; }
sleep() { log_program sleep "$@"; }
sort() { log_program sort "$@"; }
ssh-keygen() { log_program ssh-keygen "$@"; }
stty() { log_program stty "$@"; }
sw_vers() { log_program sw_vers "$@"; }
sync() { log_program sync "$@"; }
sysctl() { log_program sysctl "$@"; }
tail() { log_program tail "$@"; }
tar() { log_program tar "$@"; }
tr() { log_program tr "$@"; }
uname() { log_program uname "$@"; }
uv() { log_program uv "$@"; }
wc() { log_program wc "$@"; }
wget() { log_program wget "$@"; }
xattr() { log_program xattr "$@"; }
