# shellcheck shell=bash
# Fetching a file: with curl, wget or Python, whichever is here, or from a file:// URL. Nothing larger than asked
# for is written, a URL with a password in it is shown to nobody, and what went wrong is told to the caller, who
# has the codes for it.
#
# Settings of the caller's: DOWNLOAD_LABEL, what is fetched, for a person; DOWNLOAD_LIMIT, the largest file that is
# accepted, in units of 1,024 bytes.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/download.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"
declare -F write_file >/dev/null || . "${BASH_SOURCE[0]%/*}/files.sh"
declare -F run_long >/dev/null || . "${BASH_SOURCE[0]%/*}/progress.sh"
declare -F logged >/dev/null || . "${BASH_SOURCE[0]%/*}/debug_log.sh"

_fetch_helper=${BASH_SOURCE[0]%/*}/../helpers/fetch.py

# Usage: redact_url <url>
# Sets REPLY to the URL without what may be a secret: user and password, /t/TOKEN/, the query.
redact_url() {
  local url=$1 scheme="" rest token='^(.*/t/)[^/]+(/.*)$'
  if [[ $url == *://* ]]; then
    scheme=${url%%://*}://
  fi
  rest=${url#"$scheme"}
  rest=${rest%%[?#]*}
  if [[ ${rest%%/*} == *@* ]]; then
    rest="***@${rest#*@}"
  fi
  if [[ $rest =~ $token ]]; then
    rest="${BASH_REMATCH[1]}***${BASH_REMATCH[2]}"
  fi
  REPLY=$scheme$rest
}

# Usage: refuse <code> <reason>
# Sets OBTAIN_CODE and REPLY. Always status 0.
refuse() {
  OBTAIN_CODE=$1
  REPLY=$2
}

# Usage: is_disk_full <work folder>
# True when nothing can be written there. (A log may be empty for the same reason.)
is_disk_full() {
  ! { printf '%1024s' "" >"$1/space"; } 2>/dev/null
}

# Usage: describe_limit
# Sets REPLY to the largest size that is accepted, for a person.
describe_limit() {
  REPLY="$DOWNLOAD_LIMIT KiB"
  ((DOWNLOAD_LIMIT < 1024)) || REPLY="$((DOWNLOAD_LIMIT / 1024)) MiB"
}

# Usage: begin_work
# From here on this subshell, and what it executes, makes no file that is larger than the limit, and
# says its errors in English.
begin_work() {
  local now
  export LC_ALL=C
  unset TAR_OPTIONS
  now=$(ulimit -f)
  if [[ $now == unlimited ]] || ((now > DOWNLOAD_LIMIT)); then
    ulimit -f "$DOWNLOAD_LIMIT" 2>/dev/null || :
  fi
}

# Usage: fetch_url <url> <file> <log file>
# Fetches the URL with the first of curl, wget and Python that is here. Only https, unless the user
# named a URL of http; redirects are followed. Status 1 when that fails: REPLY is the reason, and OBTAIN_CODE
# the code of the diagnostic, or one of the words address (the URL names no file), unavailable and large, for
# which the caller has codes.
fetch_url() {
  local url=$1 file=$2 log=$3 status=0 schemes=https fetch
  [[ $url != http://* ]] || schemes=http,https
  : >"$log" || {
    refuse E_FILE_WRITE "no file can be made in ${log%/*}"
    return 1
  }
  case $url in
    file://*)
      copy_file_url "$url" "$file" "$log"
      return
      ;;
  esac
  if type -P curl >/dev/null; then
    fetch=fetch_with_curl
  elif type -P wget >/dev/null; then
    fetch=fetch_with_wget
  elif find_fetch_python; then
    fetch=fetch_with_python
  else
    refuse E_DOWNLOADER_MISSING "there is nothing here to download with: no curl, no wget, no Python with ssl"
    return 1
  fi
  LONG_LOG=$log run_long "Downloading $DOWNLOAD_LABEL" read_any_line "$fetch" "$REPLY" || status=$?
  explain_fetch "$status" "$url" "$file" "$log"
}

# Usage: fetch_with_curl
# Does fetch_url's work in a process of its own. Status 3: the download failed; 4: the file cannot be
# written; 5: it would be too large.
fetch_with_curl() (
  config="url = \"$url\""
  begin_work
  # The URL, which may hold a password, goes through stdin: everybody can read arguments.
  curl --silent --show-error --fail --location --max-redirs 10 --proto "=$schemes" --proto-redir "=$schemes" \
    --connect-timeout 20 --speed-limit 1000 --speed-time 30 --retry 1 --max-filesize $((DOWNLOAD_LIMIT * 1024)) \
    --output "$file" --config - <<<"$config" || case $? in
    23 | 153) exit 4 ;;
    63) exit 5 ;;
    *) exit 3 ;;
  esac
)

# Usage: fetch_with_wget
# The same with GNU's wget, or another one: those of busybox know few options.
fetch_with_wget() (
  options=(-q)
  version=$(wget --version 2>/dev/null </dev/null) || version=""
  if [[ $version == "GNU Wget"* ]]; then
    options=(-nv --tries=2 --timeout=30 --max-redirect=10)
  fi
  begin_work
  if [[ $schemes == https ]]; then
    # A redirect to plain http leads nowhere: wget has no option that forbids it.
    export http_proxy=http://127.0.0.1:0
    [[ -n ${https_proxy-} ]] || export no_proxy=""
  fi
  wget "${options[@]}" -O "$file" "$url" || case $? in
    3 | 153) exit 4 ;;
    *) exit 3 ;;
  esac
)

# Usage: fetch_with_python <interpreter>
# The same with Python.
fetch_with_python() (
  begin_work
  logged_exec "$1" -I -S -B "$_fetch_helper" get "$file" $((DOWNLOAD_LIMIT * 1024)) "$schemes" <<<"$url"
)

# Usage: copy_file_url <url> <file> <log file>
# Copies what a file:// URL names. Status 1 as fetch_url.
copy_file_url() {
  local path=${1#file://} status=0 bad='%(00|[^0-9A-Fa-f]|.[^0-9A-Fa-f]|.?$)'
  path=${path#localhost}
  path=${path%%[?#]*}
  if [[ $path != /* || $path =~ $bad ]]; then
    refuse address "it names no file: expected is file:///absolute/path, with % only before two hexadecimal digits"
    return 1
  fi
  replace_all "$path" "%" "\\x"
  printf -v path '%b' "$REPLY"
  if [[ ! -f $path || ! -r $path ]]; then
    refuse unavailable "the file $path is not there, or cannot be read"
    return 1
  fi
  (
    begin_work
    cat -- "$path" || case $? in
      153) exit 4 ;;
      *) exit 3 ;;
    esac
  ) >"$2" 2>"$3" || status=$?
  explain_fetch "$status" "$1" "$2" "$3"
}

# Usage: explain_fetch <status> <url> <file> <log file>
# Status 0 when <status> is 0. Otherwise sets OBTAIN_CODE and REPLY to what went wrong, as far as size
# and log tell; status 1.
explain_fetch() {
  local status=$1 url=$2 log size=0
  ((status != 0)) || return 0
  read_file "$4"
  log=${REPLY%$'\n'}
  # (What curl says may have a paragraph of advice behind it.)
  if [[ $log == *"curl: ("* ]]; then
    log="curl: (${log##*curl: (}"
    log=${log%%$'\n'*}
  fi
  log=${log##*$'\n'}
  redact_url "$url"
  replace_all "$log" "$url" "$REPLY"
  log=$REPLY
  [[ ! -f $3 ]] || size=$(wc -c <"$3") || size=0
  if ((status == 5 || size >= DOWNLOAD_LIMIT * 1024)); then
    describe_limit
    refuse large "what is served is larger than $REPLY"
  elif ((status == 4)) || [[ $log == *"No space left"* || $log == *"File too large"* ]] || is_disk_full "${3%/*}"; then
    refuse E_DISK_FULL "there is no space left in ${3%/*/*}, or a limit on the size of files"
  else
    log=${log#curl: \(*\) }
    log=${log//[[:cntrl:]]/?}
    refuse unavailable "${log:-the download ended with status $status}"
  fi
  return 1
}

# Usage: find_fetch_python
# Sets REPLY to an interpreter of this machine that can download: the one that Pyve chose already, or
# the first found. Status 1 when there is none.
find_fetch_python() {
  local path
  declare -F list_interpreters >/dev/null || . "${BASH_SOURCE[0]%/*}/interpreter.sh"
  list_interpreters
  for path in ${PYTHON:+"$PYTHON"} ${INTERPRETER_PATHS[@]+"${INTERPRETER_PATHS[@]}"}; do
    if logged "$path" -I -S -B -c 'import sys, ssl; sys.exit(sys.version_info < (3, 7))' >/dev/null 2>&1 </dev/null; then
      REPLY=$path
      return 0
    fi
  done
  return 1
}
