#!/usr/bin/env bash
# Measure which lines of lib/ the bats suite runs, with kcov.
#
# Usage: scripts/coverage.sh [file.bats]...
#
# Prints each file's share and the total, and leaves a browsable report in .dev/coverage/report.
# Tests see TEST_COVERAGE=1, for the few that cannot hold while every line is traced.
# Exit: 0 at least PYVE_COVERAGE_MIN (90) per cent; 1 less.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# Absolute: what kcov hands down to each bash has to hold in whatever folder a test enters.
readonly OUT="$PWD/.dev/coverage"

# Usage: require_kcov
require_kcov() {
  if type -P kcov >/dev/null; then
    return 0
  fi
  printf '%s\n' "ERROR: kcov is not installed" \
    "  why: shell coverage is measured with kcov (38 or newer)" \
    "  fix: apt-get install kcov      Debian 13 and newer, Ubuntu 24.04 and newer" \
    "  fix: apt-get install -t bookworm-backports kcov      Debian 12, with backports enabled" \
    "  fix: brew install kcov bash    macOS (the system's bash 3.2 cannot be traced)" >&2
  return 1
}

# Usage: trace_files <file>...
# One traced bats per file, as many at a time as there are processors. Each writes a folder of its
# own, so that none waits for another. A few tests cannot hold while every line is traced (bash
# under `set -u` stumbles over kcov's PS4); they are named, and `make test` is what judges them.
trace_files() {
  local jobs file
  jobs=$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN 2>/dev/null || printf '2\n')
  # shellcheck disable=SC2016 # expanded by the inner shell
  printf '%s\0' "$@" |
    TEST_COVERAGE=1 xargs -0 -n 1 -P "$jobs" bash -c '
      out=$0 root=$1 name=${2##*/}
      kcov --bash-method=PS4 --include-path="$root/lib" --bash-parse-files-in-dir="$root/lib" \
        --exclude-pattern=.zsh,.fish \
        "$out/parts/$name" "$root/.dev/bin/bats" --tap "$2" >"$out/logs/$name" 2>&1 </dev/null' \
      "$OUT" "$PWD" || :
  for file in "$@"; do
    printf '%s ' "${file##*/}"
    awk '/^ok /{p++} /^not ok /{f++} END{printf "%d passed, %d failed\n", p, f}' \
      "$OUT/logs/${file##*/}"
    awk '/^not ok /{print "  " $0}' "$OUT/logs/${file##*/}"
  done
}

# Usage: print_report
# Reads kcov's merged report. Status 1 when the total is below the minimum.
print_report() {
  .dev/bin/python -E -s - "$PWD" "$OUT" "${PYVE_COVERAGE_MIN:-90}" <<'PYTHON'
import json
import pathlib
import sys

root, out, minimum = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), float(sys.argv[3])
reports = sorted(out.glob("report/kcov-merged/coverage.json"))
if not reports:
    sys.exit("ERROR: kcov wrote no merged report")
rows, covered, total = [], 0, 0
for entry in json.loads(reports[0].read_text())["files"]:
    hit, lines = int(entry["covered_lines"]), int(entry["total_lines"])
    path = pathlib.Path(entry["file"])
    name = str(path.relative_to(root)) if root in path.parents else str(path)
    rows.append((name, hit, lines))
    covered, total = covered + hit, total + lines
for name, hit, lines in sorted(rows):
    print(f"{100 * hit / max(lines, 1):6.1f} %  {hit:5d} of {lines:5d}  {name}")
share = 100 * covered / max(total, 1)
print(f"{share:6.1f} %  {covered:5d} of {total:5d}  lib/ in total (at least {minimum:g} % wanted)")
print(f"Line by line: {out.relative_to(root)}/report/kcov-merged/index.html")
sys.exit(share < minimum)
PYTHON
}

# Usage: main [file.bats]...
main() {
  local status=0
  require_kcov || return 1
  shopt -s nullglob
  if (($# == 0)); then
    set -- tests/unit/*.bats
  fi
  if (($# == 0)); then
    printf 'ERROR: there is no bats file in tests/unit\n' >&2
    return 1
  fi
  rm -rf "$OUT"
  mkdir -p "$OUT/parts" "$OUT/logs"
  trace_files "$@"
  kcov --merge "$OUT/report" "$OUT"/parts/* >/dev/null
  print_report || status=1
  return "$status"
}

main "$@"
