# shellcheck shell=bash
# shellcheck disable=SC2034 # results are handed back in globals that other files read
# Which Python a project wants: what its files and the user say, and how versions compare.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/python_wish.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F log_info >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"
declare -F version_key >/dev/null || . "${BASH_SOURCE[0]%/*}/env_detect.sh"

# What a person gave a Python by, where that is not --python-version or --python: "pyve python use".
PYTHON_ASKED_BY=""
# The word behind "pyve python", in that room.
PYTHON_ACTION=""

# --- versions and specifiers

# Usage: parse_version <version>
# Splits a PEP 440 version: sets the array RELEASE to its numbers and RELEASE_RANK to an integer
# that orders dev < a < b < rc < final < post within one release. Status 2 when it is malformed.
# Epochs are malformed here; .devN after a pre-release is ignored (no interpreter has either).
parse_version() {
  local form='^[vV]?([0-9]{1,9}(\.[0-9]{1,9})*)'
  form+='([-_.]?(a|b|c|rc|alpha|beta|pre|preview)[-_.]?([0-9]{0,9}))?'
  form+='([-_.]?post[-_.]?([0-9]{0,9}))?([-_.]?dev[-_.]?([0-9]{0,9}))?(\+[A-Za-z0-9.]+)?$'
  [[ $1 =~ $form ]] || return 2
  local phase=${BASH_REMATCH[4]} serial=${BASH_REMATCH[5]} part
  local numbers=${BASH_REMATCH[1]}
  if [[ -n ${BASH_REMATCH[6]} ]]; then
    phase=post serial=${BASH_REMATCH[7]}
  elif [[ -z $phase && -n ${BASH_REMATCH[8]} ]]; then
    phase=dev serial=${BASH_REMATCH[9]}
  fi
  case $phase in
    dev) RELEASE_RANK=0 ;;
    a | alpha) RELEASE_RANK=1 ;;
    b | beta) RELEASE_RANK=2 ;;
    c | rc | pre | preview) RELEASE_RANK=3 ;;
    post) RELEASE_RANK=5 ;;
    *) RELEASE_RANK=4 ;;
  esac
  RELEASE_RANK=$((RELEASE_RANK * 10000000000 + 10#${serial:-0}))
  RELEASE=()
  while [[ -n $numbers ]]; do
    part=${numbers%%.*}
    RELEASE+=("$((10#$part))")
    numbers=${numbers#"$part"}
    numbers=${numbers#.}
  done
}

# Usage: version_satisfies <version> <specifiers>
# Status 0 when <version> is in the PEP 440 specifier set (">=3.9, !=3.10.*, <4"; empty: any
# version), 1 when it is not, 2 when either is malformed. Starts no process.
version_satisfies() {
  local version=$1 rest=$2 item operator target wildcard answer=0 order same i count
  local form='^(===|==|~=|!=|<=|>=|<|>)[[:space:]]*([^[:space:]]+)$'
  parse_version "$version" || return 2
  local -a release=("${RELEASE[@]}")
  local rank=$RELEASE_RANK final=40000000000
  while [[ -n $rest ]]; do
    item=${rest%%,*}
    rest=${rest#"$item"}
    rest=${rest#,}
    item=${item#"${item%%[![:space:]]*}"}
    item=${item%"${item##*[![:space:]]}"}
    [[ -n $item ]] || continue
    [[ $item =~ $form ]] || return 2
    operator=${BASH_REMATCH[1]}
    target=${BASH_REMATCH[2]}
    if [[ $operator == === ]]; then
      [[ $version == "$target" ]] || answer=1
      continue
    fi
    wildcard=""
    if [[ $target == *.\* ]]; then
      [[ $operator == == || $operator == != ]] || return 2
      wildcard=1
      target=${target%.\*}
    fi
    parse_version "$target" || return 2
    if [[ -n $wildcard ]] && ((RELEASE_RANK != final)); then
      return 2
    fi
    if [[ $operator == '~=' ]] && ((${#RELEASE[@]} < 2)); then
      return 2
    fi
    # How many leading numbers agree, and how the whole compares: -1, 0 or 1.
    count=${#RELEASE[@]}
    ((${#release[@]} > count)) && count=${#release[@]}
    order=0 same=$count
    for ((i = 0; i < count; i++)); do
      if ((${release[i]:-0} != ${RELEASE[i]:-0})); then
        same=$i order=1
        ((${release[i]:-0} < ${RELEASE[i]:-0})) && order=-1
        break
      fi
    done
    if ((order == 0 && rank != RELEASE_RANK)); then
      order=1
      ((rank < RELEASE_RANK)) && order=-1
    fi
    case $operator in
      ==)
        if [[ -n $wildcard ]]; then
          ((same >= ${#RELEASE[@]})) || answer=1
        else
          ((order == 0)) || answer=1
        fi
        ;;
      !=)
        if [[ -n $wildcard ]]; then
          ((same < ${#RELEASE[@]})) || answer=1
        else
          ((order != 0)) || answer=1
        fi
        ;;
      '>=') ((order >= 0)) || answer=1 ;;
      '<=') ((order <= 0)) || answer=1 ;;
      '>')
        # 3.9.post1 is not "after" 3.9 for an exclusive comparison.
        ((order > 0 && ! (same == count && rank > final && RELEASE_RANK == final))) || answer=1
        ;;
      '<')
        # Nor is 3.14.0rc1 "before" 3.14, unless that is a pre-release itself.
        ((order < 0 && ! (same == count && rank < final && RELEASE_RANK >= final))) || answer=1
        ;;
      '~=') ((order >= 0 && same >= ${#RELEASE[@]} - 1)) || answer=1 ;;
    esac
  done
  return "$answer"
}

# --- what the project says

# Usage: _scan_toml <text>
# Follows <text>, a line or the rest of one, through strings, comments and brackets: updates
# _toml_open (the delimiter of a multi-line string that stays open, or "") and _toml_depth
# (open brackets).
_scan_toml() {
  local rest=$1 special='[]["'\''#{}]' quoted='^"([^"\]|\\.)*"' skipped
  while [[ -n $rest ]]; do
    if [[ -n $_toml_open ]]; then
      if [[ $_toml_open == '"""' ]]; then
        rest=${rest//\\\\/}
        rest=${rest//\\\"/}
      fi
      [[ $rest == *"$_toml_open"* ]] || return 0
      rest=${rest#*"$_toml_open"}
      # Up to two quotes before the delimiter belong to the string.
      rest=${rest#"${_toml_open:0:1}"}
      rest=${rest#"${_toml_open:0:1}"}
      _toml_open=""
      continue
    fi
    # shellcheck disable=SC2295 # a pattern on purpose
    skipped=${rest%%$special*}
    rest=${rest:${#skipped}}
    case $rest in
      '"""'* | "'''"*)
        _toml_open=${rest:0:3}
        rest=${rest:3}
        ;;
      '"'*)
        [[ $rest =~ $quoted ]] || return 0
        rest=${rest:${#BASH_REMATCH[0]}}
        ;;
      "'"*)
        rest=${rest:1}
        [[ $rest == *"'"* ]] || return 0
        rest=${rest#*"'"}
        ;;
      '['* | '{'*)
        _toml_depth=$((_toml_depth + 1))
        rest=${rest:1}
        ;;
      ']'* | '}'*)
        ((_toml_depth == 0)) || _toml_depth=$((_toml_depth - 1))
        rest=${rest:1}
        ;;
      *) return 0 ;;
    esac
  done
  return 0
}

# Usage: _read_toml_string <text>
# Sets REPLY to the string that <text>, what follows a "=", begins with. What is no plain
# string comes back as it is written, so that whoever reads it can refuse it by name.
_read_toml_string() {
  local text=$1 double='^"([^"\]*)"' single="^'([^']*)'"
  case $text in
    '"""'*) REPLY=${text:3} && REPLY=${REPLY%%'"""'*} ;;
    "'''"*) REPLY=${text:3} && REPLY=${REPLY%%"'''"*} ;;
    *)
      if [[ $text =~ $double || $text =~ $single ]]; then
        REPLY=${BASH_REMATCH[1]}
      else
        REPLY=${text%%[[:space:]]#*}
        REPLY=${REPLY%"${REPLY##*[![:space:]]}"}
      fi
      ;;
  esac
}

# Usage: read_requires_python [<file>]
# Sets REPLY to requires-python of the [project] table of <file> (pyproject.toml), "" when it
# has none. Reads TOML as far as that needs; starts no process.
read_requires_python() {
  local file=${1:-pyproject.toml} text line table="" rest
  local key="(requires-python|\"requires-python\"|'requires-python')" blank='[[:space:]]*'
  local project="(project|\"project\"|'project')"
  local header="^\[$blank$project$blank\]" here="^$key$blank=$blank(.*)\$"
  local dotted="^$project$blank\.$blank$key$blank=$blank(.*)\$"
  local inline="^$project$blank=$blank\{(.*,)?$blank$key$blank=$blank(.*)\$"
  read_file "$file"
  text=${REPLY#$'\xef\xbb\xbf'}
  REPLY=""
  [[ $text == *requires-python* ]] || return 0
  _toml_open="" _toml_depth=0
  while [[ -n $text ]]; do
    line=${text%%$'\n'*}
    rest=${text#"$line"}
    text=${rest#$'\n'}
    line=${line%$'\r'}
    if [[ -z $_toml_open && $_toml_depth == 0 ]]; then
      line=${line#"${line%%[![:space:]]*}"}
      if [[ $line == '['* ]]; then
        table=other
        [[ $line =~ $header ]] && table=project
        continue
      fi
      rest=""
      if [[ $table == project && $line =~ $here ]]; then
        rest=${BASH_REMATCH[2]}
      elif [[ -z $table && $line =~ $dotted ]]; then
        rest=${BASH_REMATCH[3]}
      elif [[ -z $table && $line =~ $inline ]]; then
        rest=${BASH_REMATCH[4]}
      fi
      if [[ -n $rest ]]; then
        # A multi-line string may go on below; its first line end is no part of it.
        case $rest in
          '"""' | "'''") rest+=$text ;;
          '"""'* | "'''"*) rest+=$'\n'$text ;;
        esac
        _read_toml_string "$rest"
        return 0
      fi
    elif [[ -n $_toml_open && $line != *"$_toml_open"* ]]; then
      continue
    fi
    case $line in
      *[][{}]* | *'"""'* | *"'''"*) _scan_toml "$line" ;;
    esac
  done
  REPLY=""
}

# Usage: _plain_version <word>
# Sets REPLY to what a word of a version file asks for: the version without the decoration that
# tools put around it (cpython-3.12, python3.12, latest:3.12, uv's long names); "" for "system"
# and "latest", which ask for nothing in particular; any other word as it is.
_plain_version() {
  local decorated='^(c?python[-@:]?|latest:|prefix:)([0-9].*)$'
  local long='^([0-9]+(\.[0-9]+)*((a|b|rc)[0-9]+)?)-(linux|macos|darwin|freebsd|windows)'
  REPLY=$1
  if [[ $REPLY =~ $decorated ]]; then
    REPLY=${BASH_REMATCH[2]}
    if [[ $REPLY =~ $long ]]; then
      REPLY=${BASH_REMATCH[1]}
    fi
  fi
  case $REPLY in
    system | latest) REPLY="" ;;
  esac
}

# Usage: _first_version <words>
# Sets REPLY to the first of the words, split at blanks, that asks for something; else "".
_first_version() {
  local rest=$1 word
  while
    rest=${rest#"${rest%%[![:space:]]*}"}
    [[ -n $rest ]]
  do
    word=${rest%%[[:space:]]*}
    rest=${rest#"$word"}
    _plain_version "$word"
    if [[ -n $REPLY ]]; then
      return 0
    fi
  done
  REPLY=""
}

# Usage: read_tool_versions [<file>]
# Sets REPLY to the first Python version that <file> (.tool-versions) asks for; "" when none.
read_tool_versions() {
  local text line form='^[[:space:]]*python[[:space:]]+(.*)$'
  read_file "${1:-.tool-versions}"
  text=${REPLY#$'\xef\xbb\xbf'}
  REPLY=""
  while IFS= read -r line; do
    line=${line%%#*}
    if [[ $line =~ $form ]]; then
      _first_version "${BASH_REMATCH[1]}"
      return 0
    fi
  done <<<"$text"
  REPLY=""
}

# Usage: read_python_version_file [<file>]
# Sets REPLY to the first version that <file> (.python-version) asks for; "" when none.
read_python_version_file() {
  local text line
  read_file "${1:-.python-version}"
  text=${REPLY#$'\xef\xbb\xbf'}
  REPLY=""
  while IFS= read -r line; do
    _first_version "${line%%#*}"
    if [[ -n $REPLY ]]; then
      return 0
    fi
  done <<<"$text"
  REPLY=""
}

# Usage: _take_wish <value> <source> [person]
# Sets PYTHON_WISH, PYTHON_WISH_KIND (version, path or name), PYTHON_WISH_SOURCE, and for a name
# or path _wish_path and _wish_manager. Status 1 after E_PYTHON_VERSION_INVALID.
_take_wish() {
  local value=$1 source=$2 manager path=""
  local name='^[A-Za-z0-9][A-Za-z0-9._+-]*$'
  PYTHON_WISH=$value PYTHON_WISH_SOURCE=$source PYTHON_WISH_KIND=version
  _wish_path="" _wish_manager=""
  if version_key "$value"; then
    return 0
  fi
  path=$value
  [[ $path != path:/* ]] || path=${path#path:}
  # A relative path may come from a person, never from a file that came with the project.
  if [[ $path != /* && $path == */* && -n ${3-} ]]; then
    path=$PWD/$path
  fi
  if [[ $path == /* ]]; then
    if [[ -d $path ]] && python_in_prefix "$path"; then
      path=$REPLY
    fi
    if [[ -e $path || -L $path ]] && [[ ! -d $path ]]; then
      PYTHON_WISH=$path PYTHON_WISH_KIND=path _wish_path=$path _wish_manager=system
      for manager in asdf pyenv mise uv; do
        python_install_dir "$manager"
        [[ $path != "$REPLY"/* ]] || _wish_manager=$manager
      done
      return 0
    fi
  elif [[ $value =~ $name ]]; then
    for manager in ${VERSION_MANAGER:-} asdf pyenv mise uv; do
      python_install_dir "$manager"
      if python_in_prefix "$REPLY/$value"; then
        PYTHON_WISH_KIND=name _wish_path=$REPLY _wish_manager=$manager
        return 0
      fi
    done
  fi
  PYTHON_WISH="" PYTHON_WISH_KIND=""
  # shellcheck source=/dev/null # read when needed; it reads this file back
  declare -F propose_near_version >/dev/null || . "${BASH_SOURCE[0]%/*}/interpreter_advice.sh"
  propose_near_version "$value"
  fail E_PYTHON_VERSION_INVALID "$source asks for '${value//[[:cntrl:]]/?}', which is no Python that is known here" \
    why "accepted: a version (3.12 or 3.12.4), the name of an installed interpreter, or the absolute path of one" \
    fix "$REPLY"
}

# Usage: resolve_python_wish [<flag value>]
# Finds out which Python the project in the current directory wants: flag, .pyve/config,
# .tool-versions, .python-version, requires-python, default. Sets PYTHON_WISH (a version such as
# 3.12 or 3.12.4, a name, a path, a specifier set, or ""), PYTHON_WISH_KIND (version, name, path,
# specifier, default), PYTHON_WISH_SOURCE (where it is from, as a phrase) and REQUIRES_PYTHON.
# Warns W_PYTHON_REQUIRES when the wish contradicts requires-python.
# Status 1 after E_PYTHON_VERSION_INVALID.
resolve_python_wish() {
  local flag=${1:-} wish="" source="" person=""
  config_load || true
  read_requires_python
  _begin_wish "$REPLY" "requires-python in pyproject.toml"
  config_get python.version
  wish=$REPLY source=.pyve/config
  if [[ -n $flag ]]; then
    wish=$flag source=${PYTHON_ASKED_BY:---python-version} person=1
  fi
  if [[ -z $wish ]]; then
    read_tool_versions
    wish=$REPLY source=.tool-versions
  fi
  if [[ -z $wish ]]; then
    read_python_version_file
    wish=$REPLY source=.python-version
  fi
  _settle_wish "$wish" "$source" "$person"
}

# Usage: resolve_given_wish <wish> <specifiers> <whose specifiers, as a phrase>
# The same for what belongs to no project: no file counts. The wish is what a person gave, by --python, or "".
resolve_given_wish() {
  _begin_wish "$2" "${3:-requires-python}"
  _settle_wish "$1" "${PYTHON_ASKED_BY:---python}" person
}

# Usage: _begin_wish <specifiers> <whose they are, as a phrase>
# Empties what resolve_python_wish sets, and takes what requires-python says.
_begin_wish() {
  PYTHON_WISH="" PYTHON_WISH_KIND=default PYTHON_WISH_SOURCE=default
  _wish_path="" _wish_manager="" _requires_warned=""
  REQUIRES_PYTHON=$1 _requires_phrase=$2
}

# Usage: _settle_wish <wish, or ""> <where it is from> [person]
# For resolve_python_wish: takes the wish, else the specifiers of _begin_wish.
_settle_wish() {
  local status=0
  if [[ -n $1 ]]; then
    _take_wish "$1" "$2" "${3-}" || return 1
    if [[ $PYTHON_WISH_KIND == version ]]; then
      _check_requires "$PYTHON_WISH"
    fi
    return 0
  fi
  [[ -n $REQUIRES_PYTHON ]] || return 0
  version_satisfies 3.12.0 "$REQUIRES_PYTHON" || status=$?
  if ((status == 2)); then
    fail E_PYTHON_VERSION_INVALID "$_requires_phrase is '${REQUIRES_PYTHON//[[:cntrl:]]/?}', which cannot be read" \
      why "accepted: version specifiers such as '>=3.9' or '>=3.10,<3.14'; correct it there" || return 1
  fi
  PYTHON_WISH=$REQUIRES_PYTHON PYTHON_WISH_KIND=specifier PYTHON_WISH_SOURCE=$_requires_phrase
}

# Usage: _check_requires <version>
# Warns, once for each resolve_python_wish, when <version> (a series: every release of it) does
# not satisfy requires-python.
_check_requires() {
  local version=$1 status=0
  [[ -n $REQUIRES_PYTHON && -z $_requires_warned ]] || return 0
  if [[ $version == *.*.* ]]; then
    version_satisfies "$version" "$REQUIRES_PYTHON" || status=$?
  elif may_satisfy "$version" "$REQUIRES_PYTHON"; then
    return 0
  else
    version_satisfies "$version" "$REQUIRES_PYTHON" || status=$?
  fi
  if ((status == 1)); then
    _requires_warned=1
    warn W_PYTHON_REQUIRES "Python $version does not satisfy requires-python '$REQUIRES_PYTHON'" \
      why "$PYTHON_WISH_SOURCE asks for it, and goes first; $_requires_phrase asks for another: change one of them"
  elif ((status == 2)); then
    _requires_warned=1
    warn W_PYTHON_REQUIRES "$_requires_phrase cannot be read" \
      why "it is '${REQUIRES_PYTHON//[[:cntrl:]]/?}'; $PYTHON_WISH_SOURCE goes first" \
      why "accepted: version specifiers such as '>=3.9' or '>=3.10,<3.14'; correct it there"
  fi
}

# Usage: may_satisfy <series> <specifiers>
# Status 0 when some release of a series ("3.12") may be in the specifier set. May say yes
# without reason, never no.
may_satisfy() {
  version_satisfies "$1.0" "$2" || version_satisfies "$1.999" "$2" || [[ $2 == *"$1."* || $1 != *.* ]]
}
