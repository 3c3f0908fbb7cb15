# Stand-ins for version managers and interpreters: `load ../helpers/managers`.
#
# shellcheck shell=bash
# shellcheck disable=SC2016 # $1 and friends belong to the scripts that are written

# Usage: isolate_path
# PATH becomes two folders: $STAND_INS for what a test puts there, and $TOOLS with links to the
# ordinary tools, so that no interpreter and no manager of this machine is found.
isolate_path() {
  local tool path
  STAND_INS="$BATS_TEST_TMPDIR/stand ins"
  TOOLS="$BATS_TEST_TMPDIR/tools"
  mkdir -p "$STAND_INS" "$TOOLS"
  for tool in awk basename bash cat chmod cksum cmp cp cut date dirname env expr find grep head \
    kill ln ls mkdir mktemp mv od ps readlink rm rmdir sed sh sleep sort tail tee touch tr uname uniq wc; do
    path=$(type -P "$tool") || continue
    ln -s "$path" "$TOOLS/$tool"
  done
  PATH="$STAND_INS:$TOOLS"
}

# Usage: write_script <path> <text>
# Makes an executable sh script.
write_script() {
  mkdir -p "${1%/*}"
  printf '#!/bin/sh\n%s\n' "$2" >"$1"
  chmod +x "$1"
}

# Usage: make_python <path> <version> [<key=value>]...
# Makes a stand-in interpreter that answers the probe as <version> would (with the given lines
# after the usual ones) and counts its executions in $BATS_TEST_TMPDIR/executed.
make_python() {
  local path=$1 version=$2
  shift 2
  write_script "$path" "printf '%s\n' \"\$0\" >>'$BATS_TEST_TMPDIR/executed'
case \"\$*\" in
  '-I -S -B -c ') exit 0 ;;
  '-I -S -B '*/probe_interpreter.py) ;;
  *) echo \"unexpected call: \$*\" >&2; exit 99 ;;
esac
cat <<END
executable=$path
version=$version
implementation=cpython
id=cpython-$version-00000000
stdlib=/lib/os.py
venv=1
ensurepip=1
pip_wheel=
prerelease=
$(printf '%s\n' "$@")
complete=1
END"
}

# Usage: make_asdf_python|make_pyenv_python|make_mise_python|make_uv_python <version> [<line>]...
# Puts a stand-in interpreter where the manager installs its own.
make_asdf_python() { make_python "$HOME/.asdf/installs/python/$1/bin/python3" "$@"; }
make_pyenv_python() { make_python "$HOME/.pyenv/versions/$1/bin/python3" "$@"; }
make_mise_python() { make_python "$HOME/.local/share/mise/installs/python/$1/bin/python3" "$@"; }
make_uv_python() { make_python "$HOME/.local/share/uv/python/cpython-$1-linux-x86_64-gnu/bin/python3" "$@"; }

# Usage: make_manager <name> <case branches>
# Makes a stand-in command that notes its arguments in $BATS_TEST_TMPDIR/<name>.calls, prints to
# stdout and stderr as a real one would, and fails for a call that has no branch.
make_manager() {
  write_script "$STAND_INS/$1" "printf '%s\n' \"\$*\" >>'$BATS_TEST_TMPDIR/$1.calls'
case \"\$*\" in
$2
  *) echo \"unexpected call: $1 \$*\" >&2; exit 98 ;;
esac"
}

# Usage: calls_of <name>
# Prints how a stand-in command was called, one call a line.
calls_of() {
  if [[ -f $BATS_TEST_TMPDIR/$1.calls ]]; then
    cat "$BATS_TEST_TMPDIR/$1.calls"
  fi
}

# Usage: executed
# Prints the interpreters that were executed, one a line.
executed() {
  if [[ -f $BATS_TEST_TMPDIR/executed ]]; then
    cat "$BATS_TEST_TMPDIR/executed"
  fi
}
