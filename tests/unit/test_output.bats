#!/usr/bin/env bats
# shellcheck disable=SC1003 # a lone backslash is meant
# shellcheck disable=SC2016 # code and hostile texts in single quotes are meant to stay as they are
# shellcheck disable=SC2059 # the formats are the tests' own
# lib/output.sh: what Pyve says to a person, and the one JSON document.

bats_require_minimum_version 1.5.0
load ../helpers/test_helper

setup() {
  setup_project
  load_lib output
  load_lib json
}

# Usage: json <expression>
# Checks stdin, one JSON document as d, with a Python expression.
json() {
  "$REAL_PYTHON" -I -c 'import json, sys
d = json.loads(sys.stdin.buffer.read().decode("utf-8"))
assert eval(sys.argv[1]), d' "$1"
}

@test "a failure says what, why and what to type, on stderr, with status 1" {
  run -1 --separate-stderr fail E_X "it broke" why "because" why "and because" fix "pyve init"
  assert_equal "$output" ""
  assert_equal "$stderr" "ERROR: it broke [E_X]
  why: because
  why: and because
  fix: pyve init"
}

@test "a warning has the same form and status 0" {
  run -0 --separate-stderr warn W_X "take care" fix "pyve doctor"
  assert_equal "$output" ""
  assert_equal "$stderr" "WARNING: take care [W_X]
  fix: pyve doctor"
}

@test "a message is printed as it is" {
  run -1 --separate-stderr fail E_X '100% \n -e' why '%s\t'
  assert_equal "$stderr" 'ERROR: 100% \n -e [E_X]
  why: %s\t'
}

@test "log_verbose speaks on stderr, with --verbose only" {
  run -0 log_verbose hidden
  assert_equal "$output" ""
  PYVE_VERBOSE=1
  run -0 --separate-stderr log_verbose shown
  assert_equal "$stderr" shown
  assert_equal "$output" ""
}

@test "without --json no document is printed" {
  run -0 --separate-stderr pyve version
  assert_equal "$output" "pyve 2.0.0"
  assert_equal "$stderr" ""
}

@test "json_string gives valid JSON for every text" {
  find_real_python
  local text i
  for ((i = 1; i < 128; i++)); do
    printf -v text '\\x%02x' "$i"
    printf -v text "<$text>"
    json_string "$text"
    printf '%s\0%s\0' "$text" "$REPLY"
  done >pairs
  for text in '\' '"' '\"' '\\n' '</script>' "it's" 'ünï ☃ 𝄞' '&' '\&' '' ' ' $'\x01\x02\x01' $'a\r\nb'; do
    json_string "$text"
    printf '%s\0%s\0' "$text" "$REPLY"
  done >>pairs
  "$REAL_PYTHON" -I -c 'import json
parts = open("pairs", encoding="utf-8", newline="").read().split("\0")[:-1]
assert len(parts) > 270
for text, encoded in zip(parts[::2], parts[1::2]):
    assert json.loads(encoded) == text, (text, encoded)'
}

@test "json_string works in a locale without UTF-8, too" {
  find_real_python
  LC_ALL=C json_string $'ünï\x01"'
  printf '%s' "$REPLY" | json 'd == "\u00fcn\u00ef\u0001\""'
}

@test "bytes that are no UTF-8 do not make the document unreadable" {
  find_real_python
  run pyve --json $'bad\xff\xfename'
  pyve --json $'bad\xff\xfename' 2>/dev/null | json 'd["exit_code"] == 1'
}

@test "json_argv splits a command line as a shell would" {
  find_real_python
  json_argv "pyve  init --force 'a b' it\\'s '' x"
  printf '%s' "$REPLY" | json "d == ['pyve', 'init', '--force', 'a b', \"it's\", '', 'x']"
  json_argv ""
  assert_equal "$REPLY" "[]"
  json_argv 'echo "$(touch pwned)" `x`'
  printf '%s' "$REPLY" | json "d[0] == 'echo' and len(d) == 4"
  [ ! -e pwned ]
}

@test "a proposed command that removes something is marked as destructive" {
  run -0 is_destructive "pyve init --force"
  run -0 is_destructive "pyve purge"
  run -0 is_destructive "rm x"
  run -0 is_destructive "pyve remove x"
  run -0 is_destructive "pyve -C a remove x"
  run -1 is_destructive "pyve init"
  run -1 is_destructive "pyve doctor"
}

# --- the document

@test "--json prints one document with every part of the envelope" {
  find_real_python
  pyve --json version >out
  json 'set(d) == {"version", "command", "status", "exit_code", "duration_ms", "detail", "events", "diagnostics"}' <out
  json 'd["version"] == 1 and d["command"] == "version" and d["status"] == "ok" and d["exit_code"] == 0' <out
  json 'd["detail"] == {"version": "2.0.0"} and d["events"] == [] and d["diagnostics"] == []' <out
  json 'isinstance(d["duration_ms"], int) and 0 <= d["duration_ms"] < 60000' <out
  assert_equal "$(wc -l <out | tr -d ' ')" 1
}

@test "--json may stand before or behind the command, and be spelt --format=json" {
  find_real_python
  pyve version --json | json 'd["status"] == "ok"'
  pyve --format=json version | json 'd["status"] == "ok"'
  pyve version --format=json | json 'd["status"] == "ok"'
}

@test "a failure prints a document, too, with the diagnostic a person sees on stderr" {
  find_real_python
  run -1 --separate-stderr pyve --json doctor
  printf '%s' "$output" | json 'd["status"] == "error" and d["exit_code"] == 1'
  printf '%s' "$output" | json 'd["diagnostics"][0]["code"] == "E_NOT_INITIALIZED" and d["diagnostics"][0]["level"] == "error"'
  printf '%s' "$output" | json 'd["diagnostics"][0]["fix"] == [{"command": ["pyve", "init"], "risk": "safe", "automatic": False}]'
}

@test "each room answers with one document, whether it succeeds or fails" {
  find_real_python
  local room
  for room in config doctor validate help version purge "help init" "run no-such-command" python-version self \
    "init --bogus" "testenv --init" "test" "init --backend nonsense" "purge a b" "python-version nonsense"; do
    # shellcheck disable=SC2086 # words
    pyve --json $room </dev/null >out 2>/dev/null || :
    json 'd["version"] == 1 and (d["status"] == "error") == (d["exit_code"] not in (0, 2))' <out || {
      printf 'room: %s\n' "$room"
      return 1
    }
    json 'd["status"] != "error" or len(d["diagnostics"]) >= 1' <out
  done
}

@test "an unknown command or option answers with a document" {
  find_real_python
  run -1 --separate-stderr pyve --json instal
  printf '%s' "$output" | json 'd["diagnostics"][0]["code"] == "E_USAGE_COMMAND" and d["command"] == "instal"'
  run -1 --separate-stderr pyve --json init --froce
  printf '%s' "$output" | json 'd["diagnostics"][0]["code"] == "E_USAGE_OPTION"'
}

@test "an unknown option of run answers with a document" {
  find_real_python
  run -1 --separate-stderr pyve --json run --bogus
  printf '%s' "$output" | json 'd["diagnostics"][0]["code"] == "E_USAGE_OPTION"'
}

@test "a folder that cannot be entered answers with a document" {
  find_real_python
  run -1 --separate-stderr pyve --json -C "no such folder" doctor
  printf '%s' "$output" | json 'd["diagnostics"][0]["code"] == "E_USAGE_DIRECTORY"'
}

@test "quotes and control characters in what was typed end up in the document" {
  find_real_python
  local odd=$'say "hi"\\ \t\n\x01\x7f\r é'
  pyve --json "$odd" 2>/dev/null >out || :
  "$REAL_PYTHON" -I -c 'import json, sys
d = json.load(open("out", encoding="utf-8", newline=""))
assert d["command"] == sys.argv[1], d["command"]
assert sys.argv[1] in d["diagnostics"][0]["message"]' "$odd"
}

@test "quotes in a value of the config end up in the document" {
  find_real_python
  mkdir .pyve
  printf 'backend: "say \\"hi\\" \\\\ \x01"\n' >.pyve/config
  pyve --json config >out
  json 'd["detail"]["backend"] == "say \"hi\" \\ \x01"' <out
}

@test "a project folder with quotes in its name ends up in the document" {
  find_real_python
  setup_project $'it\'s "my" \\ project\n'
  mkdir .pyve
  printf 'backend: venv\n' >.pyve/config
  pyve --json config >out
  "$REAL_PYTHON" -I -c 'import json, os
d = json.load(open("out", encoding="utf-8", newline=""))
assert d["detail"]["config_file"] == os.getcwd() + "/.pyve/config", d'
}

@test "with --json nothing but the document is on stdout, also for commands that talk" {
  find_real_python
  mkdir .pyve
  printf 'backend: venv\n' >.pyve/config
  pyve --json purge 2>/dev/null >out
  assert_equal "$(wc -l <out | tr -d ' ')" 1
  json 'any(e["event"] == "success" for e in d["events"])' <out
}

@test "warnings only give the status warning" {
  find_real_python
  run -2 --separate-stderr bash -c 'set -euo pipefail; PYVE_JSON=1 PYVE_COMMAND=x; . "$1/lib/output.sh"; trap finish EXIT; warn W_X "care" why "so" fix "rm -rf x" 2>/dev/null; exit 2' - "$PYVE_TREE"
  printf '%s' "$output" | json 'd["status"] == "warning" and d["exit_code"] == 2'
  printf '%s' "$output" | json 'd["diagnostics"][0]["why"] == ["so"] and d["diagnostics"][0]["fix"][0]["risk"] == "destructive"'
}

@test "a step that fails without a word is reported as a mistake in Pyve" {
  run -1 bash -c 'set -euo pipefail; PYVE_COMMAND=demo; . "$1/lib/output.sh"; trap finish EXIT; false' - "$PYVE_TREE"
  assert_contains "$output" E_INTERNAL
  assert_contains "$output" "pyve demo"
}

@test "what was promised for the end is done at the end, the last first" {
  run -3 bash -c 'set -euo pipefail; PYVE_COMMAND=demo; . "$1/lib/output.sh"; trap finish EXIT
    one() { echo one; }; two() { echo two; }; at_exit one; at_exit two; fail E_X "x" 2>/dev/null || exit 3' - "$PYVE_TREE"
  assert_equal "$output" $'two\none'
}

@test "numbers in the document are numbers in a locale with a decimal comma" {
  find_real_python
  EPOCHREALTIME="" LC_ALL=de_DE.UTF-8 pyve --json version | json 'isinstance(d["duration_ms"], int)'
}

@test "--format=jsonl prints a line for each event, the document in the last" {
  find_real_python
  pyve --format=jsonl purge 2>/dev/null >out
  "$REAL_PYTHON" -I -c 'import json
lines = [json.loads(line) for line in open("out", encoding="utf-8")]
assert all(line["version"] == 1 for line in lines)
assert lines[0] == {"version": 1, "event": "start", "command": "purge"}, lines[0]
assert lines[-1]["event"] == "end" and lines[-1]["document"]["command"] == "purge"
assert [line["message"] for line in lines if line["event"] == "step"] == [event["message"] for event in lines[-1]["document"]["events"]]
assert len(lines) > 2'
  run -1 --separate-stderr pyve doctor --format jsonl --bogus
  [[ ${lines[0]} == *'"event": "start", "command": "doctor"'* ]]
  [[ ${lines[1]} == *'"event": "diagnostic", "diagnostic": {"code": "E_USAGE_OPTION"'* ]]
  [[ ${lines[2]} == *'"event": "end"'* ]]
  ((${#lines[@]} == 3))
}

@test "another value of --format is refused" {
  run -1 --separate-stderr pyve --format=yaml version
  [[ -z $output && $stderr == *"given: yaml"*"[E_USAGE_CHOICE]"* || $stderr == *"[E_USAGE_CHOICE]"*"given: yaml"* ]]
  run -1 --separate-stderr pyve --format
  [[ $stderr == *"[E_USAGE_CHOICE]"*"given: nothing"* ]]
}

@test "with PYVE_TRACE one trace id goes through all that is started" {
  find_real_python
  PYVE_TRACE=1 pyve --json version >out
  json 'len(d["trace_id"]) == 32 and set(d["trace_id"]) <= set("0123456789abcdef")' <out
  PYVE_TRACE=1 PYVE_TRACE_ID=0123456789abcdef0123456789abcdef pyve --json version >out
  json 'd["trace_id"] == "0123456789abcdef0123456789abcdef"' <out
  PYVE_TRACE=1 PYVE_TRACE_ID='"}, x' pyve --json version >out
  json 'len(d["trace_id"]) == 32' <out
  PYVE_TRACE=0 pyve --json version >out
  json '"trace_id" not in d' <out
}

@test "run --json runs the command, and its stdout is talk" {
  find_real_python
  mkdir -p .venv/bin .pyve
  printf 'backend: venv\nvenv:\n  directory: .venv\n' >.pyve/config
  ln -s "$REAL_PYTHON" .venv/bin/python
  run -7 --separate-stderr pyve --json run sh -c 'echo said; exit 7' "a'b"
  [[ $stderr == *said* ]]
  printf '%s' "$output" | json 'd["command"] == "run" and d["exit_code"] == 7 and d["status"] == "error" and d["diagnostics"] == []'
  printf '%s' "$output" | json "d['detail']['command'] == ['sh', '-c', 'echo said; exit 7', \"a'b\"]"
  run -127 --separate-stderr pyve --json run no-such-command
  printf '%s' "$output" | json 'd["diagnostics"][0]["code"] == "E_COMMAND_NOT_FOUND" and len(d["diagnostics"]) == 1'
}
