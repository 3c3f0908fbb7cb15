#!/usr/bin/env bats
# shellcheck disable=SC2016 # code and hostile texts in single quotes are meant to stay as they are
# shellcheck disable=SC2123 # the search path is what is tested
# shellcheck disable=SC2164 # a failed cd ends the test
# Pyve runs on bash 3.2 to 5.x with the tools of Linux, BSD, macOS and busybox, and each file
# keeps to the form that the others rely on.

bats_require_minimum_version 1.5.0
load ../helpers/test_helper

# What must not be in the shell code: extended regular expression | reason. Lines that are
# comments are not looked at.
BANNED='
declare -[A-Za-z]*A|associative arrays came with bash 4.0
(local|declare|typeset) -[A-Za-z]*n[A-Za-z]* |name references came with bash 4.3
declare -[A-Za-z]*g|declare -g came with bash 4.2
(^|[^A-Za-z0-9_])(mapfile|readarray)([^A-Za-z0-9_=-]|$)|mapfile and readarray came with bash 4.0
\$\{[A-Za-z0-9_]+(\[[^]]*\])?(,|\^)|${x,,} and ${x^^} came with bash 4.0
\$\{[A-Za-z0-9_]+(\[[^]]*\])?@[A-Za-z]\}|${x@Q} and its kin came with bash 4.4
\[\[ (! )?-v |[[ -v name ]] came with bash 4.2
(\[\[|&&|\|\|) (! )?-v |[[ -v name ]] came with bash 4.2
&>>|&>> came with bash 4.0
\|&|the pipe |& came with bash 4.0
;;?&([[:space:]]|$)|;& and ;;& came with bash 4.0
(^|[^A-Za-z0-9_])coproc[[:space:]]|coproc came with bash 4.0
wait -n|wait -n came with bash 4.3
\[-[0-9]+\]\}|negative subscripts came with bash 4.2
printf .*%\([^)]*\)T|printf %()T came with bash 4.2
(^|[^A-Za-z0-9_])sed ([^|;]* )?(-[A-Za-z]*i|--in-place)|sed -i wants an argument on BSD and none on GNU: write beside, then mv
(^|[^A-Za-z0-9_])readlink ([^|;]* )?-[A-Za-z]*[fem]|readlink -f is not on older macOS: follow links one by one
(^|[^A-Za-z0-9_])stat (-[A-Za-z]|--)|stat takes -c on GNU and -f on BSD: use find, ls or cksum
(^|[^A-Za-z0-9_])date ([^|;]* )?(-[A-Za-z]*d |--date)|date -d is GNU only
(^|[;&|(]|do|then|else|if|while|!)[[:space:]]*realpath[[:space:]]|realpath is not on older macOS
(^|[;&|(]|do|then|else|if|while|!)[[:space:]]*flock[[:space:]]|flock is not on macOS
(^|[;&|(]|do|then|else|if|while|!)[[:space:]]*timeout[[:space:]]|timeout is not on macOS: read -t
(^|[^A-Za-z0-9_.-])sha256sum([[:space:]]|$)|sha256sum is not on macOS: cksum, or Python
(^|[^A-Za-z0-9_])md5sum([[:space:]]|$)|md5sum is not on macOS
(^|[^A-Za-z0-9_])grep ([^|;]* )?-[A-Za-z]*P|grep -P is GNU only: [[ =~ ]]
\|[[:space:]]*grep [^|]*-[A-Za-z]*q|under pipefail a pipe into grep -q fails at random (SIGPIPE): match in bash
(^|[;&|({]|do|then|else|\$\()[[:space:]]*eval[[:space:]]|data is never code
(^|[;&|({]|do|then|else)[[:space:]]*echo([[:space:]]|$)|echo takes options and escapes differently everywhere: printf
(^|[;&|({]|do|then|else)[[:space:]]*which[[:space:]]|which is not everywhere: type -P
^[[:space:]]*\(\([A-Za-z_]+(\+\+|--)\)\)$|(( n++ )) has status 1 from 0, and ends the program under set -e
(^|[^A-Za-z0-9_])(find|cp|mv|ln|sort|xargs) ([^|;]* )?(-printf|--no-clobber|--reflink|--relative|-V |--no-run-if-empty|-T )|an option of GNU only
(^|[^A-Za-z0-9_])mktemp --|mktemp has no long options on BSD
(^|[[:space:]])(source|\.) <\(|bash 3.2 reads nothing from source <(...)
'

# Usage: list_sources
# Prints every shell file of Pyve, one a line.
list_sources() {
  find "$PYVE_TREE/pyve.sh" "$PYVE_TREE/lib" "$PYVE_TREE/scripts" -name '*.sh' -o -name '*.bash'
}

# Usage: list_modules
list_modules() {
  local file
  for file in "$PYVE_TREE/lib"/*.sh; do
    file=${file##*/}
    printf '%s\n' "${file%.sh}"
  done
}

# Usage: link_tools <folder>
# A folder with links to every tool of this machine.
link_tools() {
  mkdir -p "$1"
  # The first that PATH has wins.
  ln -s /usr/bin/* "$1" 2>/dev/null || :
  ln -s /bin/* "$1" 2>/dev/null || :
  rm -f "$1"/python* "$1"/uv "$1"/direnv "$1"/bash
  ln -s "$BASH" "$1/bash"
  link_python "$1"
}

# Usage: link_busybox <folder>
# A folder with nothing but busybox, bash and Python; skips when there is no busybox.
link_busybox() {
  local applet busybox
  busybox=$(type -P busybox) || skip "NOT TESTED: busybox is not on this machine"
  mkdir -p "$1"
  for applet in $("$busybox" --list); do
    ln -s "$busybox" "$1/$applet"
  done
  rm -f "$1"/{flock,realpath,timeout,sha256sum,bash}
  ln -s "$BASH" "$1/bash"
  # Some builds leave out cksum, which every POSIX system has.
  [[ -e $1/cksum ]] || ln -s "$(type -P cksum)" "$1/cksum"
  link_python "$1"
}

# Usage: link_python <folder>
link_python() {
  find_real_python
  rm -f "$1/python3"
  ln -s "$REAL_PYTHON" "$1/python3"
}

# Usage: replace_tool <folder> <name> <pattern of arguments>
# Puts a stand-in for a tool that refuses some arguments, as another system's would.
replace_tool() {
  local real
  real=$(type -P "$2")
  rm -f "$1/$2"
  printf '#!/bin/sh\nfor word; do case $word in %s) echo "%s: illegal option $word" >&2; exit 64 ;; esac; done\nexec "%s" "$@"\n' \
    "$3" "$2" "$real" >"$1/$2"
  chmod +x "$1/$2"
}

# Usage: live_a_life
# Takes a project through what Pyve does to it, with the tools that PATH has.
live_a_life() {
  local before out
  export PYVE_PYTHON_DOWNLOADS=never
  printf 'mine\r\n\nyours' >.gitignore
  chmod 640 .gitignore
  pyve -q init </dev/null
  [[ $(.venv/bin/pip --version) == pip* ]]
  [[ $(ls -l .gitignore) == -rw-r-----* && $(ls -l .env) == -rw-------* ]]
  before=$(cksum <.gitignore)
  pyve -q init --update
  [[ $(cksum <.gitignore) == "$before" ]]
  : >.venv/mark
  pyve -q init --force --yes
  [[ ! -e .venv/mark ]]
  out=$(pyve doctor)
  [[ $out == *"✓ Environment"* && $out != *✗* ]]
  pyve -q validate
  chmod 644 .env
  pyve -q validate 2>/dev/null && return 1
  pyve config >/dev/null
  mkdir -p sub
  [[ $(cd sub && pyve run python -c 'import sys; print(sys.prefix)') == "$PWD/.venv" ]]
  pyve --json doctor | "$REAL_PYTHON" -m json.tool >/dev/null
  # What a killed command left.
  ln -s 999999999:1 .pyve/lock
  mkdir -p .pyve/tmp
  mv .venv .pyve/tmp/old.venv.1
  pyve -q doctor --fix --yes >/dev/null || :
  [[ -x .venv/bin/python && ! -e .pyve/tmp && ! -L .pyve/lock ]]
  # A move.
  mv "$PWD" "$PWD moved"
  cd "$PWD moved"
  pyve -q init --update
  [[ $(.venv/bin/pip --version) == pip* ]]
  pyve -q purge
  [[ ! -e .venv && ! -e .pyve && ! -e .envrc && ! -e .env ]]
  out=$(cat .gitignore)
  [[ $out == *$'\nmine\r\n\nyours' ]]
}

# Usage: work_on_files
# The functions on .gitignore and config, with the tools that PATH has.
work_on_files() {
  load_lib utils version backend_detect
  printf '# s\na\n' >.gitignore
  append_pattern_to_gitignore b
  insert_pattern_in_gitignore_section c '# s'
  write_gitignore_template
  remove_pattern_from_gitignore a
  [[ $(tail -n 3 .gitignore) == $'# s\nb\nc' ]]
  printf '# x\nvenv:\n  directory: "a b" # c\n' >config
  mkdir -p .pyve
  mv config .pyve/config
  config_set venv.directory new backend venv
  [[ $(cat .pyve/config) == $'# x\nvenv:\n  directory: new # c\nbackend: venv' ]]
  [[ $(read_config_value venv.directory) == new ]]
  [[ $(compare_versions 1.10 1.9) == greater ]]
  record_made .gitignore
  is_made .gitignore
}

# --- the code

@test "no shell file has a construct that is banned, each for its reason" {
  local files=() file line pattern reason found="" hits
  while IFS= read -r file; do
    files+=("$file")
  done < <(list_sources)
  ((${#files[@]} > 30))
  while IFS= read -r line; do
    [[ -n $line ]] || continue
    # The reason is behind the last "|".
    pattern=${line%|*}
    reason=${line##*|}
    # Comments may name it. The prompt hook asks for bash 5.1 before it uses what came with that; the shell
    # hook evaluates what Pyve itself prints, quoted words; there are others beside sha256sum; and the log of
    # programs has a function for each that may be called.
    hits=$(grep -nE -- "$pattern" "${files[@]}" |
      grep -vE '^[^:]*:[0-9]+:[[:space:]]*#|attributes=.\{PROMPT_COMMAND@a\}$|/hook\.bash:[0-9]+:  eval "\$\("\$_pyve_program" hook --export bash "\$1"\)"$|/digest(_files)?\.sh:[0-9]+:.*sha256sum|/debug_programs\.sh:[0-9]+:[a-z0-9]+\(\) \{ log_program ' || :)
    if [[ -n $hits ]]; then
      found+="${hits//$PYVE_TREE\//}"$'\n'"  banned: $reason"$'\n'
    fi
  done <<<"${BANNED//the pipe |&/the pipe of both}"
  if [[ -n $found ]]; then
    printf '%s' "$found"
    return 1
  fi
}

@test "each ban finds what it is meant for" {
  local line sample
  setup_project
  while IFS= read -r line; do
    [[ -z $line ]] || printf '%s\n' "${line%|*}"
  done <<<"${BANNED//the pipe |&/the pipe of both}" >patterns
  while IFS= read -r sample; do
    printf '%s\n' "$sample" >sample
    if ! grep -qE -f patterns sample; then
      printf 'not found: %s\n' "$sample"
      return 1
    fi
  done <<'END'
declare -A table
local -n ref=$1
declare -g x=1
mapfile -t lines <file
readarray lines
x=${name,,}
x=${name^^}
x=${names[0]^}
x=${name@Q}
if [[ -v name ]]; then
if [[ $x == y && -v name ]]; then
make &>>log
make |& tee
x) make ;;&
wait -n
x=${list[-1]}
printf '%(%s)T' -1
sed -i 's/a/b/' file
sed -e s/a/b/ -i file
readlink -f file
stat -c %a file
stat -f %p file
date -d yesterday
x=$(realpath file)
flock 9
timeout 5 make
sha256sum file
grep -P x file
grep -qP x file
make | grep -q x
make | grep -E -q x
eval "$x"
x=$(eval echo)
echo hello
if x; then echo hello; fi
which bash
  ((n++))
find . -printf x
mktemp --directory
source <(make)
END
}

@test "every shell file can be read by this bash" {
  local file
  while IFS= read -r file; do
    run -0 --separate-stderr "$BASH" -n "$file"
    assert_equal "$stderr" ""
  done < <(list_sources)
}

@test "every module of lib refuses to be run by itself, and says what it is for" {
  local module
  while IFS= read -r module; do
    run -1 --separate-stderr bash "$PYVE_TREE/lib/$module.sh"
    assert_equal "$output" ""
    assert_equal "$stderr" "lib/$module.sh is sourced by pyve.sh, not run."
  done < <(list_modules)
}

@test "every module of lib can be sourced alone, strictly and with nothing set, and says nothing" {
  setup_project
  local module
  while IFS= read -r module; do
    run -0 --separate-stderr env -i PATH="$PATH" bash -c 'set -euo pipefail
      . "$1"
      . "$1"
      VERSION=9 DEFAULT_VENV_DIR=x DEFAULT_PYTHON_VERSION=3.1.4
      case $- in *e*u*) ;; *) echo "it changed the shell options" ;; esac' - "$PYVE_TREE/lib/$module.sh"
    assert_equal "$module: $output$stderr" "$module: "
  done < <(list_modules)
  assert_equal "$(ls -A)" ""
}

@test "every module of lib brings the functions of other modules that it calls" {
  local module name other missing="" all defined text strip='s/^[[:space:]]*(then|do|else|if|elif|while|until|!)([[:space:]]|$)//'
  # (The functions of debug_programs.sh stand in for programs.)
  all=$'\n'$(sed -n '/log_program/d; s/^\([a-z_][a-z0-9_]*\)() {.*/\1/p' "$PYVE_TREE/lib"/*.sh)$'\n'
  while IFS= read -r module; do
    defined=$'\n'$(bash -c '. "$1"; compgen -A function' - "$PYVE_TREE/lib/$module.sh")$'\n'
    text=$(<"$PYVE_TREE/lib/$module.sh")
    # What is brought when it is needed: `. ".../other.sh"` in a function, or load_other.
    while IFS= read -r other; do
      [[ ! -f $PYVE_TREE/lib/$other.sh ]] || defined+=$(bash -c '. "$1"; compgen -A function' - "$PYVE_TREE/lib/$other.sh")$'\n'
    done < <(grep -oE '%/\*\}/[a-z_]+\.sh"|\bload_[a-z_]+' <<<"$text" | sed 's/.*load_//; s/.*\///; s/\.sh"$//' | sort -u)
    # The first word of each command.
    while IFS= read -r name; do
      if [[ $all == *$'\n'"$name"$'\n'* && $defined != *$'\n'"$name"$'\n'* && $text != *"declare -F $name >/dev/null ||"* ]]; then
        missing+="lib/$module.sh: $name"$'\n'
      fi
    done < <(grep -vE '^[[:space:]]*#' <<<"$text" | tr ';&|({' '\n' | sed -E "$strip; $strip; $strip" |
      sed -nE 's/^[[:space:]]*([a-z_][a-z0-9_]*)([[:space:])].*)?$/\1/p' | sort -u)
  done < <(list_modules)
  assert_equal "$missing" ""
}

@test "no module keeps what pyve.sh sets from being set afterwards" {
  run grep -nE '^[[:space:]]*(readonly|declare -[a-z]*r)' "$PYVE_TREE/lib"/*.sh "$PYVE_TREE/lib/commands"/*.sh
  assert_equal "$output" ""
}

@test "every room begins with its summary and group, and says usage and exit status" {
  local file name line1 line2 header
  # shellcheck source=/dev/null # below the tree
  . "$PYVE_TREE/lib/headers.sh"
  for file in "$PYVE_TREE/lib/commands"/*.sh; do
    name=${file##*/}
    name=${name%.sh}
    {
      IFS= read -r line1
      IFS= read -r line2
    } <"$file"
    [[ $line1 == "# Summary: "?* && ${#line1} -le 90 && $line1 != *. ]]
    [[ $line2 == "# Group: "?* ]]
    [[ " ${HELP_GROUPS[*]} Plumbing " == *" ${line2#"# Group: "} "* ]]
    header=$(sed -n '/^#/!q;p' "$file")
    assert_contains "$header" "# Usage: pyve $name"
    assert_contains "$header" "# Exit: "
    run -0 grep -c "^cmd_${name//-/_}() {" "$file"
    assert_equal "$output" 1
  done
}

@test "every function of lib says how it is called" {
  run -0 awk '
    /^#/ { comment = comment $0 "\n"; next }
    /^[a-z_][a-z0-9_]*\(\) [{(]/ {
      name = $1
      sub(/\(\).*/, "", name)
      if (name !~ /^cmd_/ && $0 !~ /{ log_program / && index(comment, "# Usage: " name) == 0) print FILENAME ": " name
    }
    { comment = "" }
  ' "$PYVE_TREE/lib"/*.sh "$PYVE_TREE/lib/commands"/*.sh "$PYVE_TREE/lib/doctor"/*.sh
  assert_equal "$output" ""
}

@test "no function has the name of a program" {
  local name found=""
  for name in test python python3 pip uv install env find run source stat date time sort cut link split git direnv asdf pyenv mise kill sleep; do
    # (Those of debug_programs.sh are there for that, with PYVE_LOG only.)
    ! grep -rE --exclude=debug_programs.sh "^$name\(\)" "$PYVE_TREE/pyve.sh" "$PYVE_TREE/lib" >/dev/null || found+="$name "
  done
  assert_equal "$found" ""
}

@test "no shell file names this machine's paths" {
  # (/home/linuxbrew is where Homebrew is on every Linux.)
  run grep -rnE '/root/|/home/([a-km-z]|l[a-hj-z])|/work/|/Users/[a-z]' "$PYVE_TREE/pyve.sh" "$PYVE_TREE/lib"
  assert_equal "$output" ""
}

# --- other systems' tools

@test "a project lives its life with busybox for every tool" {
  setup_project
  link_busybox "$BATS_TEST_TMPDIR/busybox"
  PATH=$BATS_TEST_TMPDIR/busybox
  hash -r
  live_a_life
}

@test "the functions on .gitignore and config work with busybox for every tool" {
  setup_project
  link_busybox "$BATS_TEST_TMPDIR/busybox"
  PATH=$BATS_TEST_TMPDIR/busybox
  hash -r
  work_on_files
}

@test "a project lives its life with the awk of BSD, or mawk" {
  setup_project
  local real tools=$BATS_TEST_TMPDIR/tools
  link_tools "$tools"
  real=$(type -P original-awk || type -P mawk) || skip "NOT TESTED: neither original-awk nor mawk is on this machine"
  rm -f "$tools/awk"
  ln -s "$real" "$tools/awk"
  PATH=$tools
  hash -r
  work_on_files
  run grep -rlw awk "$PYVE_TREE/lib" "$PYVE_TREE/pyve.sh"
  [[ -n $output ]] || skip "nothing more to test: Pyve does not use awk"
  live_a_life
}

@test "a project lives its life without flock, realpath, timeout and sha256sum, and without what GNU adds to other tools" {
  setup_project
  local tools=$BATS_TEST_TMPDIR/tools
  link_tools "$tools"
  rm -f "$tools"/{flock,realpath,timeout,sha256sum,md5sum,sha1sum,tac,nproc,numfmt,shuf,getent,truncate,awk,gawk,mawk}
  # A cp without hard links, and stat, readlink and others as BSD has them.
  replace_tool "$tools" cp '-*l*|--?*'
  replace_tool "$tools" readlink '-[fem]*|--?*'
  replace_tool "$tools" stat '-c|--?*'
  replace_tool "$tools" sed '-i|-r|--?*'
  replace_tool "$tools" date '-d|--?*'
  replace_tool "$tools" find '-printf|-regextype|--?*'
  replace_tool "$tools" grep '-*P*|--?*'
  replace_tool "$tools" ls '--?*'
  replace_tool "$tools" mktemp '--?*'
  replace_tool "$tools" rm '--?*'
  replace_tool "$tools" mv '-T|--?*'
  replace_tool "$tools" ln '-T|-r|--?*'
  PATH=$tools
  hash -r
  live_a_life
  work_on_files
}
