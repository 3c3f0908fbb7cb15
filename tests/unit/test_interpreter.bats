#!/usr/bin/env bats
# Which Python a project wants, which are here, and the one that is taken.
#
# shellcheck disable=SC2016 # the text of stand-ins is expanded when they run
# shellcheck disable=SC2030,SC2031 # each test is a process, and begins with setup
# shellcheck disable=SC2034 # settings are read by the module

bats_require_minimum_version 1.5.0

load ../helpers/test_helper
load ../helpers/managers

setup() {
  setup_project
  find_real_python
  isolate_path
  load_lib interpreter
  VERSION_MANAGER=""
}

# Usage: assert_satisfies <status> <version> <specifiers>
assert_satisfies() {
  local status=0
  version_satisfies "$2" "$3" || status=$?
  if [[ $status != "$1" ]]; then
    printf 'version_satisfies %s "%s": %s, not %s\n' "$2" "$3" "$status" "$1" >&2
    return 1
  fi
}

# Usage: assert_requires <expected> (stdin: a pyproject.toml)
assert_requires() {
  cat >pyproject.toml
  read_requires_python
  assert_equal "$REPLY" "$1"
}

# Usage: use_pyenv [<case branches>]
# pyenv is the manager in use.
use_pyenv() {
  make_manager pyenv "${1:-}"
}

# --- specifiers

@test "specifiers: every operator of PEP 440" {
  local row
  while IFS='|' read -r status version specifiers; do
    [[ -z $status ]] || assert_satisfies "$status" "$version" "$specifiers"
  done <<'END'
0|3.12.4|
0|3.12.4|  
0|3.12.4|>=3.9
0|3.12.4|>= 3.9 , < 4
0|3.9.0|>=3.9
0|3.9|>=3.9.0
1|3.8.18|>=3.9
1|3.12.4|>=3.13
0|3.10.0|>=3.9
1|3.9.9|>=3.10
0|3.12.4|>=3
0|3.12.4|<3.13
1|3.13.0|<3.13
1|3.14.0rc1|<3.14
0|3.14.0rc1|<3.14.0rc2
0|3.13.9|<3.14
0|3.12.4|<=3.12.4
1|3.12.4|<=3.12
0|3.12.0|<=3.12
1|3.12.0|>3.12
0|3.12.1|>3.12
0|3.13.0|>3.12.4
0|3.12.0|==3.12
1|3.12.4|==3.12
0|3.12.4|==3.12.*
0|3.12.4|==3.*
1|3.13.0|==3.12.*
1|3.1.2|==3.12.*
1|3.12.4|!=3.12.*
0|3.11.4|!=3.12.*
1|3.12.4|!=3.12.4
0|3.12.5|!=3.12.4
0|3.12.4|~=3.9
1|4.0.0|~=3.9
1|3.8.0|~=3.9
0|3.9.18|~=3.9.2
1|3.9.1|~=3.9.2
1|3.10.0|~=3.9.2
0|3.12.4|===3.12.4
1|3.12.4|===3.12
0|3.12.4|>=3.9,!=3.10.*,!=3.11.*,<4
1|3.10.2|>=3.9,!=3.10.*,<4
0|3.12.4|>=3.9,
0|3.14.0rc1|>=3.13
1|3.14.0rc1|>=3.14
0|3.14.0rc1|>=3.14.0a3
0|3.14.0b2|>3.14.0a9
0|3.10.0|>=3.10.dev0
0|3.08.09|==3.8.9
2|3.12.4|^3.9
2|3.12.4|3.9
2|3.12.4|>=3.9 <4
2|3.12.4|>=
2|3.12.4|>=x
2|3.12.4|>=3.9.*
2|3.12.4|~=3
2|3.12.4|~=3.*
2|3.12.4|<3,>=nonsense
2|3.12.4|=>3.9
2|3.12.4|>=3.9;rm
2|3.12.4|==3.9rc1.*
2|nonsense|>=3.9
2||>=3.9
END
}

@test "specifiers agree with packaging, where it is here, on thousands of pairs" {
  local packaging
  packaging=$("$REAL_PYTHON" -c 'import pip._vendor.packaging.specifiers as s; print(s.__name__)' 2>/dev/null) || skip "no pip to compare with"
  "$REAL_PYTHON" - >pairs <<'END'
import pip._vendor.packaging.specifiers as s
versions = ["3", "3.9", "3.9.0", "3.9.18", "3.10.0", "3.12.4", "3.14.0rc1", "3.14.0", "3.14.0b2", "4.0"]
targets = ["3", "3.9", "3.9.0", "3.9.18", "3.10", "3.12.4", "3.14", "3.14.0rc1", "3.14.0a1", "4"]
specifiers = [o + t for o in ("<", "<=", ">", ">=", "==", "!=", "~=") for t in targets]
specifiers += [o + t + ".*" for o in ("==", "!=") for t in targets if t.replace(".", "").isdigit()]
specifiers += [a + "," + b for a in specifiers[::9] for b in specifiers[::17]]
for specifier in specifiers:
    for version in versions:
        try:
            answer = 0 if s.SpecifierSet(specifier).contains(version, prereleases=True) else 1
        except s.InvalidSpecifier:
            answer = 2
        print(answer, version, specifier)
END
  # In a shell of its own: bats traces every command, and these are many.
  run -0 bash -c '. "$1/lib/interpreter.sh"
    count=0
    while read -r expected version specifiers; do
      status=0
      version_satisfies "$version" "$specifiers" || status=$?
      if [[ $status != "$expected" ]]; then
        printf "%s %s: %s, not %s\n" "$version" "$specifiers" "$status" "$expected"
      fi
      count=$((count + 1))
    done <pairs
    ((count > 1000)) || printf "only %s pairs\n" "$count"' _ "$PYVE_TREE"
  assert_equal "$output" ""
}

# --- requires-python

@test "requires-python is read from the project table, in every spelling" {
  assert_requires ">=3.9" <<<$'[project]\nname = "x"\nrequires-python = ">=3.9"  # comment'
  assert_requires ">=3.9" <<<$'[project]\nrequires-python=\'>=3.9\'#comment'
  assert_requires ">=3.9" <<<$'[ project ] # here\n  "requires-python" = ">=3.9"'
  assert_requires ">=3.9" <<<$'["project"]\nrequires-python = """>=3.9"""'
  assert_requires ">=3.9" <<<$'[project]\nrequires-python = """\n>=3.9"""\n'
  assert_requires ">=3.9" <<<$'project.requires-python = ">=3.9"\n[tool.x]'
  assert_requires ">=3.9" <<<$'project . "requires-python" = ">=3.9"'
  assert_requires ">=3.9" <<<$'project = { name = "x", requires-python = ">=3.9" }'
  assert_requires ">=3.9" <<<$'\xef\xbb\xbf[project]\r\nname = "x"\r\nrequires-python = ">=3.9"\r'
  printf '[project]\nrequires-python = ">=3.9"' | assert_requires ">=3.9"
  assert_requires "" <<<$'[project]\nrequires-python = ""'
}

@test "requires-python is not taken from anywhere else" {
  assert_requires "" <<<$'[tool.x]\nrequires-python = ">=3.1"'
  assert_requires "" <<<$'[project.urls]\nrequires-python = ">=3.1"'
  assert_requires "" <<<$'[[project]]\nrequires-python = ">=3.1"'
  assert_requires "" <<<$'requires-python = ">=3.1"'
  assert_requires "" <<<$'[tool.x]\nproject.requires-python = ">=3.1"'
  assert_requires "" <<<$'[project]\n# requires-python = ">=3.1"\nxrequires-python = ">=3.1"\nrequires-python-x = ">=3.1"'
  assert_requires "" <<<$'[tool.x]\ntext = """\n[project]\nrequires-python = ">=3.1"\n"""'
  assert_requires ">=3.9" <<<$'[project]\ndescription = """\nrequires-python = ">=3.1"\n\\"""\n[tool]\n"""\nrequires-python = ">=3.9"'
  assert_requires ">=3.9" <<<$'[project]\nreadme = \'\'\'\n[tool.x]\nrequires-python = ">=3.1"\'\'\'\nrequires-python = ">=3.9"'
  assert_requires ">=3.9" <<<$'[project]\nx = [\n  ["project"], # ] \'\'\'\n  "a[b]", \'[\',\n]\nrequires-python = ">=3.9"'
  assert_requires ">=3.9" <<<$'[project]\nx = "# \\" [" # """\ny = ""\nrequires-python = ">=3.9"'
  assert_requires ">=3.9" <<<$'[project]\nx = ["""a""""]\nz = "requires-python"\nrequires-python = ">=3.9"'
  rm pyproject.toml
  read_requires_python
  assert_equal "$REPLY" ""
  mkdir pyproject.toml
  read_requires_python
  assert_equal "$REPLY" ""
}

@test "a value that is no plain string is handed back so that it can be refused by name" {
  printf '[project]\nrequires-python = ">=3\\u002e9"\n' >pyproject.toml
  run -1 resolve_python_wish
  assert_contains "$output" "[E_PYTHON_VERSION_INVALID]"
  assert_contains "$output" "requires-python in pyproject.toml"
  printf '[project]\nrequires-python = "^3.9"\n' >pyproject.toml
  run -1 resolve_python_wish
  assert_contains "$output" "^3.9"
}

# --- version files

@test ".tool-versions: the first python version that asks for something" {
  local row
  while IFS='|' read -r text expected; do
    [[ -n $text ]] || continue
    printf '%b' "$text" >.tool-versions
    read_tool_versions
    assert_equal "$REPLY" "$expected" || { printf 'for: %s\n' "$text" >&2 && return 1; }
  done <<'END'
python 3.12.4\n|3.12.4
nodejs 20\n  python\t3.12   # comment\n|3.12
python 3.12.4|3.12.4
python 3.12.4 3.11.7 system\n|3.12.4
python system 3.11.7\n|3.11.7
python system\n|
# python 3.11\n|
python-extra 3.11\n|
nodejs 20\r\npython 3.12\r\n|3.12
\357\273\277python 3.12\n|3.12
python latest:3.12\n|3.12
python latest\n|
python pypy3.10-7.3.15\n|pypy3.10-7.3.15
nodejs 20\n|
END
  rm .tool-versions
  read_tool_versions
  assert_equal "$REPLY" ""
}

@test ".python-version: the first line that asks for something, without decoration" {
  local text expected
  while IFS='|' read -r text expected; do
    [[ -n $text ]] || continue
    printf '%b' "$text" >.python-version
    read_python_version_file
    assert_equal "$REPLY" "$expected" || { printf 'for: %s\n' "$text" >&2 && return 1; }
  done <<'END'
3.12.4\n|3.12.4
3.12|3.12
\n# comment\n  3.12 # why\n3.11\n|3.12
system\n3.11.7\n|3.11.7
3.12.4\r\n3.11\r\n|3.12.4
\357\273\2773.12\n|3.12
cpython-3.12\n|3.12
cpython-3.12.4-linux-x86_64-gnu\n|3.12.4
cpython@3.12\n|3.12
python3.12\n|3.12
python-3.12.4\n|3.12.4
3.12-dev\n|3.12-dev
my-env\n|my-env
\n\n|
END
  : >.python-version
  read_python_version_file
  assert_equal "$REPLY" ""
}

# --- the wish

@test "the wish comes from the flag, the config, the files, requires-python, in this order" {
  resolve_python_wish
  assert_equal "$PYTHON_WISH|$PYTHON_WISH_KIND|$PYTHON_WISH_SOURCE" "|default|default"
  printf '[project]\nrequires-python = ">=3.9"\n' >pyproject.toml
  resolve_python_wish
  assert_equal "$PYTHON_WISH|$PYTHON_WISH_KIND|$PYTHON_WISH_SOURCE" ">=3.9|specifier|requires-python in pyproject.toml"
  printf '3.10\n' >.python-version
  resolve_python_wish
  assert_equal "$PYTHON_WISH|$PYTHON_WISH_KIND|$PYTHON_WISH_SOURCE" "3.10|version|.python-version"
  printf 'python 3.11.7\n' >.tool-versions
  resolve_python_wish
  assert_equal "$PYTHON_WISH|$PYTHON_WISH_SOURCE" "3.11.7|.tool-versions"
  mkdir .pyve
  printf 'python:\n  version: "3.12"\n' >.pyve/config
  resolve_python_wish
  assert_equal "$PYTHON_WISH|$PYTHON_WISH_SOURCE" "3.12|.pyve/config"
  resolve_python_wish 3.13.1
  assert_equal "$PYTHON_WISH|$PYTHON_WISH_SOURCE|$PYTHON_WISH_KIND" "3.13.1|--python-version|version"
}

@test "a wish that is no version is refused with its source, the value and what is accepted" {
  run -1 resolve_python_wish 'three'
  assert_contains "$output" "--python-version asks for 'three'"
  assert_contains "$output" "[E_PYTHON_VERSION_INVALID]"
  assert_contains "$output" "accepted: a version (3.12 or 3.12.4)"
  printf '$(touch evil)\n' >.python-version
  run -1 resolve_python_wish
  assert_contains "$output" ".python-version asks for"
  printf 'python 3.x\n' >.tool-versions
  run -1 resolve_python_wish
  assert_contains "$output" ".tool-versions asks for '3.x'"
  mkdir .pyve
  printf 'python:\n  version: "3.12 "\n' >.pyve/config
  run -1 resolve_python_wish
  assert_contains "$output" ".pyve/config asks for"
  local bad
  for bad in 3.12.4.5 .. ../../bin/python '*' '-3' '3.12 3.11' '3.12.4rc' 3.; do
    run -1 resolve_python_wish "$bad"
    assert_contains "$output" "[E_PYTHON_VERSION_INVALID]"
  done
  [[ ! -e evil ]]
}

@test "a relative path is taken from the flag, not from a file of the project" {
  make_python ./bin/python3 3.12.4
  resolve_python_wish ./bin/python3
  assert_equal "$PYTHON_WISH_KIND|$PYTHON_WISH" "path|$PWD/./bin/python3"
  printf './bin/python3\n' >.python-version
  run -1 resolve_python_wish
  assert_contains "$output" "[E_PYTHON_VERSION_INVALID]"
}

@test "a wish against requires-python warns, and goes on" {
  printf '[project]\nrequires-python = ">=3.11"\n' >pyproject.toml
  run -0 resolve_python_wish 3.10
  assert_contains "$output" "WARNING: Python 3.10 does not satisfy requires-python '>=3.11' [W_PYTHON_REQUIRES]"
  run -0 resolve_python_wish 3.10.4
  assert_contains "$output" "[W_PYTHON_REQUIRES]"
  run -0 resolve_python_wish 3.11
  assert_equal "$output" ""
  printf '[project]\nrequires-python = ">=3.11.4"\n' >pyproject.toml
  run -0 resolve_python_wish 3.11
  assert_equal "$output" ""
  printf '[project]\nrequires-python = "^3"\n' >pyproject.toml
  run -0 resolve_python_wish 3.11
  assert_contains "$output" "cannot be read"
}

@test "a series that turns out not to satisfy requires-python warns once it is known" {
  use_pyenv
  make_pyenv_python 3.11.2
  printf '[project]\nrequires-python = ">=3.11.4"\n' >pyproject.toml
  run -0 choose_interpreter 3.11
  assert_contains "$output" "Python 3.11.2 does not satisfy"
  printf '[project]\nrequires-python = ">=3.12"\n' >pyproject.toml
  run -0 choose_interpreter 3.11
  assert_equal "$(grep -c W_PYTHON_REQUIRES <<<"$output")" 1
}

# --- what is here

@test "interpreters are listed by looking, each file once" {
  make_asdf_python 3.9.1
  make_pyenv_python 3.10.2
  make_pyenv_python pypy3.10-7.3.15
  make_mise_python 3.11.3
  ln -s 3.11.3 "$HOME/.local/share/mise/installs/python/latest"
  make_uv_python 3.12.4
  make_python "$STAND_INS/python3.13" 3.13.5
  ln -s python3.13 "$STAND_INS/python3"
  ln -s "$HOME/.pyenv/versions/3.10.2/bin/python3" "$STAND_INS/python3.10"
  ln -s "$STAND_INS" "$BATS_TEST_TMPDIR/again"
  PATH="$BATS_TEST_TMPDIR/again:$PATH"
  : >"$STAND_INS/python3.13-config"
  : >"$STAND_INS/python3.12"
  list_interpreters
  local i out=""
  for ((i = 0; i < ${#INTERPRETER_PATHS[@]}; i++)); do
    out+="${INTERPRETER_MANAGERS[i]}=${INTERPRETER_VERSIONS[i]} "
  done
  assert_equal "$out" "asdf=3.9.1 pyenv=3.10.2 pyenv= mise=3.11.3 uv=3.12.4 system=3.13 "
  assert_equal "$(executed)" ""
}

@test "shims, environments, relative entries and plain files are no interpreters" {
  local place
  for place in .asdf/shims .pyenv/shims .local/share/mise/shims .pyenv/plugins/pyenv-virtualenv/shims venv/bin conda/envs/x/bin; do
    make_python "$HOME/$place/python3.12" 3.12.4
    PATH="$PATH:$HOME/$place"
  done
  : >"$HOME/venv/pyvenv.cfg"
  mkdir -p "$HOME/conda/envs/x/conda-meta" bin
  make_python bin/python3.12 3.12.4
  make_pyenv_python my-env
  : >"$HOME/.pyenv/versions/my-env/pyvenv.cfg"
  mkdir "$STAND_INS/python3.12"
  PATH="$PATH:bin::."
  list_interpreters
  assert_equal "${#INTERPRETER_PATHS[@]}" 0
}

# --- the probe

@test "the probe describes a real interpreter" {
  probe_interpreter "$REAL_PYTHON"
  assert_equal "$PYTHON_VERSION" "$("$REAL_PYTHON" -c 'import platform; print(platform.python_version())')"
  assert_equal "$PYTHON_IMPLEMENTATION" cpython
  [[ -x $PYTHON && $PYTHON == /* && $PYTHON -ef $REAL_PYTHON ]]
  [[ $PYTHON_ID =~ ^cpython-$PYTHON_VERSION-[0-9a-f]{8}$ ]]
  [[ -f $PYTHON_STDLIB && $PYTHON_STDLIB == */os.py ]]
  assert_equal "$PYTHON_HAS_VENV" "$([[ -f ${PYTHON_STDLIB%/*}/venv/__init__.py ]] && echo 1)"
  assert_equal "$PYTHON_HAS_ENSUREPIP" "$([[ -f ${PYTHON_STDLIB%/*}/ensurepip/__init__.py ]] && echo 1)"
  [[ -z $PYTHON_PIP_WHEEL || -f $PYTHON_PIP_WHEEL ]]
  local id=$PYTHON_ID
  probe_interpreter "$REAL_PYTHON"
  assert_equal "$PYTHON_ID" "$id"
}

@test "the probe goes through links, wrappers and environments to the real executable" {
  local real
  probe_interpreter "$REAL_PYTHON"
  real=$PYTHON
  ln -s "$REAL_PYTHON" "$STAND_INS/python3"
  probe_interpreter "$STAND_INS/python3"
  assert_equal "$PYTHON" "$real"
  write_script "$PWD/wrapper" "exec '$REAL_PYTHON' \"\$@\""
  probe_interpreter "$PWD/wrapper"
  assert_equal "$PYTHON" "$real"
  "$REAL_PYTHON" -m venv --without-pip linked || skip "no venv module"
  probe_interpreter "$PWD/linked/bin/python"
  assert_equal "$PYTHON" "$real"
  "$REAL_PYTHON" -m venv --without-pip --copies copied 2>/dev/null || skip "no copies here"
  probe_interpreter "$PWD/copied/bin/python"
  assert_equal "$PYTHON" "$real"
}

@test "an environment's copy of an interpreter leads to its home, and says when that is gone" {
  mkdir -p "$PWD/home/bin" "$PWD/env/bin"
  write_script "$PWD/env/bin/python3" ""
  printf 'home = %s\n' "$PWD/home/bin" >env/pyvenv.cfg
  find_base() {
    "$REAL_PYTHON" -I -S -B -c 'import sys
sys.path.insert(0, sys.argv[1]); import probe_interpreter as p
print(p.find_base(sys.argv[2], 12))' "$PYVE_TREE/helpers" "$PWD/env/bin/python3"
  }
  run -1 find_base
  assert_contains "$output" "the base interpreter in $PWD/home/bin is gone"
  write_script "$PWD/home/bin/python3.12" ""
  run -0 find_base
  [[ $output -ef $PWD/home/bin/python3.12 ]]
}

@test "the probe leaves stdin alone, and is not misled by PYTHONPATH, PYTHONHOME or the current folder" {
  mkdir evil
  printf 'raise SystemExit("hijacked")\n' | tee evil/os.py evil/sitecustomize.py >os.py
  PYTHONPATH=$PWD/evil PYTHONHOME=/nowhere probe_interpreter "$REAL_PYTHON"
  [[ -n $PYTHON ]]
  local rest
  write_script "$PWD/reads" "cat >/dev/null; exec '$REAL_PYTHON' \"\$@\""
  {
    probe_interpreter "$PWD/reads"
    read -r rest
  } <<<"still here"
  assert_equal "$rest" "still here"
}

@test "a failed probe says why and leaves nothing set" {
  probe_interpreter "$REAL_PYTHON"
  local status=0
  probe_interpreter "$PWD/nothing" || status=$?
  assert_equal "$status|$REPLY|$PYTHON$PYTHON_VERSION$PYTHON_ID" "1|there is no such file|"
  ln -s gone dangling
  probe_interpreter "$PWD/dangling" || assert_equal "$REPLY" "it is a link to a file that is gone"
  : >plain
  probe_interpreter "$PWD/plain" || assert_equal "$REPLY" "it is not executable"
  probe_interpreter "$PWD" || assert_equal "$REPLY" "it is not executable"
  write_script "$PWD/says" 'echo; echo "cannot find libpython" >&2; echo more; exit 4'
  probe_interpreter "$PWD/says" || assert_equal "$REPLY" "cannot find libpython"
  write_script "$PWD/trace" 'printf "Traceback (most recent call last):\n  File x\nSyntaxError: bad\n"; exit 1'
  probe_interpreter "$PWD/trace" || assert_equal "$REPLY" "SyntaxError: bad"
  printf '#!/no/such/interpreter\n' >bad
  chmod +x bad
  probe_interpreter "$PWD/bad" || assert_contains "$REPLY" "$PWD/bad"
  assert_equal "$PYTHON" ""
}

@test "a probe that dies silently names the signal or the status" {
  ((BASH_VERSINFO[0] > 4 || (BASH_VERSINFO[0] == 4 && BASH_VERSINFO[1] >= 4))) || skip "bash cannot wait for it"
  write_script "$PWD/dies" 'kill -SEGV $$'
  probe_interpreter "$PWD/dies" || assert_equal "$REPLY" "it was killed by signal SIGSEGV"
  write_script "$PWD/quits" 'exit 7'
  probe_interpreter "$PWD/quits" || assert_equal "$REPLY" "it ended with status 7 and no answer"
}

@test "an interpreter that hangs is given up and killed" {
  write_script "$PWD/hangs" 'echo $$ >pid; exec sleep 60'
  local status=0 started=$SECONDS
  PYVE_PROBE_TIMEOUT=1 probe_interpreter "$PWD/hangs" || status=$?
  assert_equal "$status|$REPLY" "1|it did not answer within 1 seconds"
  ((SECONDS - started < 20))
  run ! kill -0 "$(cat pid)"
}

@test "an answer that is cut short, or names an unsafe folder, is refused" {
  write_script "$PWD/short" 'printf "executable=/x\nversion=3.12.4\nid=cpython-3.12.4-0\n"'
  run -1 probe_interpreter "$PWD/short"
  make_python "$PWD/unsafe" 3.12.4 id=../../evil
  run -1 probe_interpreter "$PWD/unsafe"
  make_python "$PWD/relative" 3.12.4
  sed 's/^executable=.*/executable=python/' relative >relative2
  chmod +x relative2
  run -1 probe_interpreter "$PWD/relative2"
  make_python "$PWD/fine" 3.12.4
  probe_interpreter "$PWD/fine"
}

@test "a path with spaces, quotes and non-ASCII letters survives; a newline is refused" {
  local odd="$PWD/o'dd \$(x) \"é"
  mkdir -p "$odd/bin"
  cp "$REAL_PYTHON" "$odd/bin/python3" 2>/dev/null
  make_python "$odd/python3" 3.12.4
  probe_interpreter "$odd/python3"
  assert_equal "$PYTHON_VERSION" 3.12.4
  run -1 "$REAL_PYTHON" -I -S -B -c 'import sys
sys.path.insert(0, sys.argv[1]); import probe_interpreter as p
p.find_base = lambda *a: "/x\ny"
sys.exit(p.main())' "$PYVE_TREE/helpers"
  assert_contains "$output" "control character"
}

@test "inside a Homebrew Cellar the path that survives an upgrade is kept" {
  local brew="$BATS_TEST_TMPDIR/brew"
  mkdir -p "$brew/Cellar/python@3.12/3.12.4/bin" "$brew/opt"
  : >"$brew/Cellar/python@3.12/3.12.4/bin/python3.12"
  ask() {
    "$REAL_PYTHON" -I -S -B -c 'import sys
sys.path.insert(0, sys.argv[1]); import probe_interpreter as p
print(p.keep_opt_path(sys.argv[2]))' "$PYVE_TREE/helpers" "$1"
  }
  assert_equal "$(ask "$brew/Cellar/python@3.12/3.12.4/bin/python3.12")" "$brew/Cellar/python@3.12/3.12.4/bin/python3.12"
  ln -s ../Cellar/python@3.12/3.12.4 "$brew/opt/python@3.12"
  assert_equal "$(ask "$brew/Cellar/python@3.12/3.12.4/bin/python3.12")" "$brew/opt/python@3.12/bin/python3.12"
  assert_equal "$(ask /usr/bin/python3.12)" /usr/bin/python3.12
}

# --- the choice: an explicit version

@test "an explicit series takes its newest release of the manager in use, executing one" {
  use_pyenv
  make_pyenv_python 3.12.4
  make_pyenv_python 3.12.10
  make_pyenv_python 3.13.0
  make_uv_python 3.12.11
  make_python "$STAND_INS/python3.12" 3.12.12
  choose_interpreter 3.12
  assert_equal "$PYTHON_VERSION|$PYTHON_MANAGER|$PYTHON_SOURCE" "3.12.10|pyenv|--python-version"
  assert_equal "$PYTHON" "$HOME/.pyenv/versions/3.12.10/bin/python3"
  assert_equal "$(executed)" "$PYTHON"
}

@test "then other managers, then PATH" {
  use_pyenv
  make_uv_python 3.12.11
  make_python "$STAND_INS/python3.12" 3.12.12
  choose_interpreter 3.12
  assert_equal "$PYTHON_VERSION|$PYTHON_MANAGER" "3.12.11|uv"
  choose_interpreter 3.12.12
  assert_equal "$PYTHON_VERSION|$PYTHON_MANAGER" "3.12.12|system"
  make_python "$STAND_INS/python3" 3.11.9
  choose_interpreter 3.11
  assert_equal "$PYTHON_VERSION|$PYTHON_MANAGER" "3.11.9|system"
  assert_equal "$(calls_of pyenv)" ""
}

@test "an explicit version that is missing is installed through the manager, which is said" {
  use_pyenv "'install --list') echo 3.12.9 ;; 'install -s 3.12.9') cp -R '$HOME/ready' '$HOME/.pyenv/versions/3.12.9' ;;"
  make_pyenv_python 3.11.1
  make_python "$HOME/ready/bin/python3" 3.12.9
  choose_interpreter 3.12 >out
  assert_equal "$PYTHON_VERSION|$PYTHON_MANAGER" "3.12.9|pyenv"
  assert_contains "$(cat out)" "installing Python 3.12 with pyenv"
}

@test "an explicit version is never replaced by another: E_PYTHON_MISSING names what is here" {
  make_python "$STAND_INS/python3.11" 3.11.9
  make_python "$STAND_INS/python3.13" 3.13.1
  printf '[project]\nrequires-python = "<3.12"\n' >pyproject.toml
  run -1 choose_interpreter 3.12.4
  assert_contains "$output" "ERROR: Python 3.12.4, from --python-version, is not installed [E_PYTHON_MISSING]"
  assert_contains "$output" "no version manager is here"
  assert_contains "$output" "3.11 at $STAND_INS/python3.11"
  assert_contains "$output" "fix: pyve init --python-version 3.11"
  choose_interpreter 3.12.4 2>/dev/null || assert_equal "$PYTHON$PYTHON_VERSION$PYTHON_MANAGER" ""
}

@test "downloads that are forbidden are not made" {
  use_pyenv
  PYVE_PYTHON_DOWNLOADS=never run -1 choose_interpreter 3.12
  assert_contains "$output" "[E_PYTHON_MISSING]"
  assert_contains "$output" "PYVE_PYTHON_DOWNLOADS=never"
  assert_contains "$output" "fix: pyve python install 3.12"
  PYVE_PYTHON_DOWNLOADS=never run -1 choose_interpreter
  assert_contains "$output" "[E_PYTHON_MISSING]"
  assert_equal "$(calls_of pyenv)" ""
}

@test "an installation that fails is E_PYTHON_INSTALL" {
  use_pyenv "'install -s 3.12.4') exit 2 ;;"
  run -1 choose_interpreter 3.12.4
  assert_contains "$output" "[E_PYTHON_INSTALL]"
}

@test "a broken interpreter with the wished version is named, and not reinstalled silently" {
  use_pyenv
  write_script "$HOME/.pyenv/versions/3.12.4/bin/python3" 'echo "error while loading shared libraries: libx.so" >&2; exit 127'
  run -1 choose_interpreter 3.12
  assert_contains "$output" "[E_PYTHON_BROKEN]"
  assert_contains "$output" "$HOME/.pyenv/versions/3.12.4/bin/python3: error while loading shared libraries: libx.so"
  assert_contains "$output"$'\n' "fix: pyve python install 3.12.4"$'\n'
  assert_equal "$(calls_of pyenv)" ""
}

@test "a broken interpreter is made anew by the manager that keeps it" {
  use_pyenv
  write_script "$HOME/.local/share/uv/python/cpython-3.12.4-linux-x86_64-gnu/bin/python3" 'exit 1'
  run -1 choose_interpreter 3.12
  assert_contains "$output" "fix: pyve python install 3.12.4 --manager uv"
}

@test "a broken release is made anew itself, not another one of its series" {
  local place=$HOME/.pyenv/versions/3.12.4 opt_reinstall="" parts="" PYVE_JSON=""
  # shellcheck source=/dev/null # the room
  . "$PYVE_TREE/lib/commands/python.sh"
  make_python "$HOME/ready/bin/python3" 3.12.4
  use_pyenv "'install --list') printf '3.12.4\n3.12.9\n' ;; 'install -f 3.12.4') cp '$HOME/ready/bin/python3' '$place/bin/' ;;"
  VERSION_MANAGER=pyenv
  write_script "$place/bin/python3" 'exit 1'
  run -0 install_one 3.12
  assert_contains "$output" "The Python 3.12.4 that is there is made anew"
  # So is one that says that it is another one.
  make_python "$place/bin/python3" 3.12.3
  run -0 install_one 3.12
  assert_contains "$output" "it says it is Python 3.12.3"
  run -0 install_one 3.12
  assert_contains "$output" "is there already"
}

@test "a list of Pythons that cannot be had is no second failure" {
  load_interpreter_advice
  use_pyenv
  list_available_pythons() {
    fail E_PYTHON_OFFLINE "no list" why "of a test" || return 2
  }
  run -0 advise_fitting ">=3.99"
  assert_equal "$output" ""
  advise_fitting ">=3.99"
  assert_contains "${ADVICE[*]}" "does not say which Pythons it can install"
}

@test "a dangling interpreter is found by executing, and another of the version is taken" {
  use_pyenv
  mkdir -p "$HOME/.pyenv/versions/3.12.4/bin"
  ln -s /gone/python3.12 "$HOME/.pyenv/versions/3.12.4/bin/python3"
  run -1 choose_interpreter 3.12.4
  assert_contains "$output" "it is a link to a file that is gone"
  make_uv_python 3.12.4
  PYVE_VERBOSE=1 run -0 choose_interpreter 3.12.4
  assert_contains "$output" "not taken: $HOME/.pyenv/versions/3.12.4/bin/python3"
}

@test "a folder whose interpreter is another version is not believed" {
  use_pyenv
  make_python "$HOME/.pyenv/versions/3.12.4/bin/python3" 3.12.3
  run -1 choose_interpreter 3.12.4
  assert_contains "$output" "it says it is Python 3.12.3"
}

@test "Python below 3.9 is refused when it is asked for, by version or by path" {
  make_python "$STAND_INS/python3.8" 3.8.18
  make_python "$STAND_INS/python3.10" 3.10.1
  run -1 choose_interpreter 3.8
  assert_contains "$output" "[E_PYTHON_TOO_OLD]"
  assert_contains "$output" "fix: pyve init --python-version 3.10"
  run -1 choose_interpreter "$STAND_INS/python3.8"
  assert_contains "$output" "[E_PYTHON_TOO_OLD]"
  run -1 choose_interpreter 2.7
  assert_contains "$output" "[E_PYTHON_TOO_OLD]"
}

@test "an interpreter can be named by path, by prefix, and by its name in a manager" {
  use_pyenv
  make_pyenv_python 3.12.4
  make_python "$HOME/.pyenv/versions/pypy3.10-7.3.15/bin/python3" 3.10.14 implementation=pypy
  choose_interpreter "$HOME/.pyenv/versions/3.12.4"
  assert_equal "$PYTHON_VERSION|$PYTHON_MANAGER" "3.12.4|pyenv"
  printf 'pypy3.10-7.3.15\n' >.python-version
  choose_interpreter
  assert_equal "$PYTHON_VERSION|$PYTHON_IMPLEMENTATION|$PYTHON_WISH_KIND|$PYTHON_SOURCE" "3.10.14|pypy|name|.python-version"
  write_script "$PWD/broken" 'exit 1'
  run -1 choose_interpreter "$PWD/broken"
  assert_contains "$output" "[E_PYTHON_BROKEN]"
}

# --- the choice: no explicit version

@test "without a wish the newest stable interpreter here is taken, executing one" {
  use_pyenv
  make_pyenv_python 3.11.7
  make_uv_python 3.13.1
  make_pyenv_python 3.14.0rc1
  make_python "$STAND_INS/python3.12" 3.12.9
  choose_interpreter
  assert_equal "$PYTHON_VERSION|$PYTHON_MANAGER|$PYTHON_SOURCE" "3.13.1|uv|default"
  assert_equal "$(executed)" "$PYTHON"
}

@test "3.10 is newer than 3.9, and the manager in use wins a tie" {
  use_pyenv
  make_asdf_python 3.10.1
  make_pyenv_python 3.9.9
  choose_interpreter
  assert_equal "$PYTHON_VERSION" 3.10.1
  make_uv_python 3.10.1
  make_pyenv_python 3.10.1
  choose_interpreter
  assert_equal "$PYTHON_MANAGER" pyenv
}

@test "requires-python limits the choice" {
  make_pyenv_python 3.13.1
  make_pyenv_python 3.11.7
  make_python "$STAND_INS/python3.12" 3.12.3
  printf '[project]\nrequires-python = ">=3.9,<3.13"\n' >pyproject.toml
  choose_interpreter
  assert_equal "$PYTHON_VERSION|$PYTHON_SOURCE" "3.12.3|requires-python in pyproject.toml"
  # Only executing tells that this one is not new enough.
  printf '[project]\nrequires-python = ">=3.11,!=3.12.3,<3.13"\n' >pyproject.toml
  choose_interpreter
  assert_equal "$PYTHON_VERSION" 3.11.7
}

@test "interpreters that do not run, have no venv, are too old or no CPython are passed over" {
  write_script "$HOME/.pyenv/versions/3.14.1/bin/python3" 'exit 1'
  make_pyenv_python 3.13.1 venv=
  make_pyenv_python 3.8.1
  make_python "$HOME/.pyenv/versions/pypy3.10/bin/python3" 3.10.1 implementation=pypy
  make_python "$STAND_INS/python" 2.7.18
  run -1 choose_interpreter
  assert_contains "$output" "no Python here can be used [E_PYTHON_MISSING]"
  assert_contains "$output" "3.13.1/bin/python3: it has no venv module"
  assert_contains "$output" "3.14.1/bin/python3: it ended with status 1 and no answer"
  assert_contains "$output" "it is pypy"
  assert_contains "$output" "2.7.18 is older than 3.9"
  make_pyenv_python 3.9.1
  choose_interpreter
  assert_equal "$PYTHON_VERSION" 3.9.1
}

@test "a pre-release is taken only when there is nothing else" {
  make_pyenv_python 3.15.0a1 prerelease=1
  choose_interpreter
  assert_equal "$PYTHON_VERSION|$PYTHON_PRERELEASE" "3.15.0a1|1"
  make_python "$STAND_INS/python3.16" 3.16.0a2 prerelease=1
  make_python "$STAND_INS/python3" 3.10.2
  choose_interpreter
  assert_equal "$PYTHON_VERSION" 3.10.2
}

@test "when none fits, the default version is installed if it may be" {
  use_pyenv "'install --list') printf '3.14.2\n3.14.3\n3.14.4\n' ;; 'install -s 3.14.3') cp -R '$HOME/ready' '$HOME/.pyenv/versions/3.14.3' ;;"
  make_pyenv_python 3.11.1
  make_python "$HOME/ready/bin/python3" 3.14.3
  printf '[project]\nrequires-python = ">=3.12"\n' >pyproject.toml
  choose_interpreter >out
  assert_equal "$PYTHON_VERSION|$PYTHON_MANAGER" "3.14.3|pyenv"
  assert_contains "$(cat out)" "no Python here satisfies requires-python '>=3.12': installing Python 3.14.3 with pyenv"
}

@test "otherwise the newest that the manager has and requires-python allows" {
  use_pyenv "'install --list') printf '3.12.9\n3.12.10\n3.13.0rc1\n3.14.3\n3.9.1\n' ;; 'install -s 3.12.10') mkdir -p '$HOME/.pyenv/versions'; cp -R '$HOME/ready' '$HOME/.pyenv/versions/3.12.10' ;;"
  make_python "$HOME/ready/bin/python3" 3.12.10
  printf '[project]\nrequires-python = ">=3.9,<3.14"\n' >pyproject.toml
  choose_interpreter >out
  assert_equal "$PYTHON_VERSION" 3.12.10
  # A pre-release is not installed unasked.
  rm -r "$HOME/.pyenv/versions/3.12.10"
  printf '[project]\nrequires-python = ">=3.13.0rc1,<3.14"\n' >pyproject.toml
  run -1 choose_interpreter
  assert_contains "$output" "can install no stable Python"
}

@test "with nothing at all there is one clear error" {
  run -1 choose_interpreter
  assert_contains "$output" "no Python here can be used [E_PYTHON_MISSING]"
  assert_contains "$output" "found: none"
}

# --- for what belongs to no project

@test "choose_interpreter_for looks at no file of the folder, and takes the newest in the specifiers" {
  make_pyenv_python 3.11.1
  make_pyenv_python 3.12.9
  make_pyenv_python 3.13.2
  printf '3.11\n' >.python-version
  printf '[project]\nrequires-python = "<3.12"\n' >pyproject.toml
  choose_interpreter_for "" "" ""
  assert_equal "$PYTHON_VERSION|$PYTHON_SOURCE" "3.13.2|default"
  choose_interpreter_for "" "<3.13" "requires-python in job.py"
  assert_equal "$PYTHON_VERSION|$PYTHON_SOURCE" "3.12.9|requires-python in job.py"
  choose_interpreter_for 3.11 "" "" 2>err
  assert_equal "$PYTHON_VERSION|$PYTHON_SOURCE|$(cat err)" "3.11.1|--python|"
  choose_interpreter_for 3.11 ">=3.12" "requires-python in job.py" 2>err
  assert_contains "$(cat err)" "[W_PYTHON_REQUIRES]"
  assert_contains "$(cat err)" "requires-python in job.py asks for another"
  run -1 choose_interpreter_for "" "three" "requires-python in job.py"
  assert_contains "$output" "requires-python in job.py is 'three', which cannot be read [E_PYTHON_VERSION_INVALID]"
}

@test "a person is asked before a Python is installed for what belongs to no project" {
  use_pyenv "'install --list') echo 3.12.9 ;; 'install -s 3.12.9') cp -R '$HOME/ready' '$HOME/.pyenv/versions/3.12.9' ;;"
  make_pyenv_python 3.11.1
  make_python "$HOME/ready/bin/python3" 3.12.9
  # Nobody is there.
  run -1 choose_interpreter_for "" ">=3.12" "requires-python in job.py" </dev/null
  assert_contains "$output" "no Python here satisfies '>=3.12', requires-python in job.py [E_PYTHON_MISSING]"
  assert_contains "$output" "fix: pyve python install 3.12.9"
  assert_equal "$(calls_of pyenv)" "install --list"
  # Somebody is, and says no, then yes.
  on_terminal() { true; }
  # shellcheck disable=SC2329 # called by what is tested
  prompt_yes_no() {
    printf '%s\n' "$1" >>asked
    [[ -e yes ]]
  }
  run -1 choose_interpreter_for "" ">=3.12" "requires-python in job.py"
  assert_contains "$(cat asked)" "Install Python 3.12.9 with pyenv?"
  : >yes
  choose_interpreter_for "" ">=3.12" "requires-python in job.py"
  assert_equal "$PYTHON_VERSION|$PYTHON_MANAGER" "3.12.9|pyenv"
}

@test "with --yes, in CI and with PYVE_PYTHON_DOWNLOADS=auto nobody is asked; never is never" {
  local setting
  use_pyenv "'install --list') echo 3.12.9 ;; 'install -s 3.12.9') cp -R '$HOME/ready' '$HOME/.pyenv/versions/3.12.9' ;;"
  make_python "$HOME/ready/bin/python3" 3.12.9
  prompt_yes_no() { false; }
  for setting in PYVE_YES=1 CI=1 PYVE_PYTHON_DOWNLOADS=auto; do
    rm -rf "$HOME/.pyenv/versions/3.12.9"
    mkdir -p "$HOME/.pyenv/versions"
    (
      export "${setting?}"
      choose_interpreter_for 3.12 "" "" >out
    )
    assert_contains "$(cat out)" "installing Python 3.12 with pyenv"
  done
  rm -rf "$HOME/.pyenv/versions/3.12.9"
  PYVE_PYTHON_DOWNLOADS=never CI=1 run -1 choose_interpreter_for 3.12 "" ""
  assert_contains "$output" "[E_PYTHON_MISSING]"
}

@test "find_wished_python installs nothing" {
  use_pyenv
  CI=1 run -1 find_wished_python 3.12
  assert_contains "$output" "[E_PYTHON_MISSING]"
  assert_contains "$output" "fix: pyve python install 3.12"
  assert_equal "$(calls_of pyenv)" ""
}

@test "the module works when sourced alone in a strict shell with nothing set" {
  ln -s "$REAL_PYTHON" "$STAND_INS/python3"
  run -0 env -i HOME="$HOME" PATH="$PATH" bash -c 'set -euo pipefail; . "$1/lib/interpreter.sh"
    choose_interpreter; printf "%s\n" "$PYTHON_SOURCE"' _ "$PYVE_TREE"
  assert_equal "$output" default
  run -1 env -i HOME="$HOME" PATH="$TOOLS" bash -c 'set -euo pipefail; . "$1/lib/interpreter.sh"; choose_interpreter' _ "$PYVE_TREE"
  assert_contains "$output" "[E_PYTHON_MISSING]"
  run -1 env -i HOME="$HOME" PATH="$TOOLS" bash -c 'set -euo pipefail; . "$1/lib/interpreter.sh"; choose_interpreter 3.12.4' _ "$PYVE_TREE"
  assert_contains "$output" "[E_PYTHON_MISSING]"
  run -1 bash "$PYVE_TREE/lib/interpreter.sh"
}
