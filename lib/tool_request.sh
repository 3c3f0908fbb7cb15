# shellcheck shell=bash
# shellcheck disable=SC2034 # what is read is read by the rooms
# What a tool is called on the command line, and what that asks an index for: ruff, ruff@0.6, black[jupyter], a path.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/tool_request.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F fail >/dev/null || . "${BASH_SOURCE[0]%/*}/output.sh"

# The words that asked for something, as they were given.
_tool_words=()
# The key of the config that the word comes from, or "".
_tool_where=""

# Usage: read_tool_word <word> [command]
# Sets TOOL_REQUIREMENT to what the word asks for, TOOL_NAME to the normalised name of the distribution ("" where only its
# files tell), TOOL_LATEST to "1" when the newest one is asked for (NAME@latest), and TOOL_PLAIN to "1" when nothing but a name
# was given. A command tells the name of what a URL leads to. Status 1 after a diagnostic.
read_tool_word() {
  local word=$1 rest shape='^([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)(\[[A-Za-z0-9,._ -]*\])?(.*)$'
  local part='[._-]?(a|b|c|rc|alpha|beta|pre|preview|post|rev|r|dev)[._-]?[0-9]*' dots
  # (PEP 440)
  local version="^@(([0-9]+!)?[0-9]+(\\.[0-9]+)*($part)*(\\+[A-Za-z0-9]+([._-][A-Za-z0-9]+)*)?)(\\.\\*)?\$"
  TOOL_NAME="" TOOL_REQUIREMENT="" TOOL_LATEST="" TOOL_PLAIN=""
  _tool_words+=("$word")
  if [[ $word == *[[:cntrl:]]* || $word == *" #"* ]]; then
    fail_tool_word "$word"
    return 1
  fi
  case $word in
    git+* | http://* | https://* | file://*)
      TOOL_REQUIREMENT=$word
      [[ ! ${2-} =~ ^[A-Za-z0-9][A-Za-z0-9._-]*$ ]] || TOOL_REQUIREMENT="$2 @ $word"
      return 0
      ;;
    . | .. | ./* | ../* | /*)
      TOOL_REQUIREMENT=$word
      [[ $word == /* ]] || TOOL_REQUIREMENT=$PWD/${word#./}
      # (A folder is being worked on: its code is that of the moment.)
      [[ ! -d $word ]] || TOOL_REQUIREMENT="-e ${TOOL_REQUIREMENT%/.}"
      # (It becomes a line of a file.)
      if [[ $TOOL_REQUIREMENT == *[[:cntrl:]]* || $TOOL_REQUIREMENT == *" #"* || $TOOL_REQUIREMENT == *"\${"* ]]; then
        fail E_USAGE_ARGUMENT "nothing can be installed from '${word//[[:cntrl:]]/?}'" \
          why "its path has a control character, ' #' or '\${' in it, which files of requirements have no way to write" fix "pyve help ${PYVE_COMMAND:-x}"
        return 1
      fi
      return 0
      ;;
  esac
  if [[ ! $word =~ $shape ]]; then
    fail_tool_word "$word"
    return 1
  fi
  normalize_tool_name "${BASH_REMATCH[1]}"
  [[ $word =~ $shape ]]
  TOOL_NAME=$REPLY TOOL_REQUIREMENT=${BASH_REMATCH[1]}${BASH_REMATCH[3]} rest=${BASH_REMATCH[4]}
  case $rest in
    "") [[ -n ${BASH_REMATCH[3]} ]] || TOOL_PLAIN=1 ;;
    @latest) TOOL_LATEST=1 ;;
    @[0-9]*)
      if [[ ! $rest =~ $version ]]; then
        fail_tool_word "$word"
        return 1
      fi
      # (0.6 is the newest 0.6.x; 0.6.9 is that one.)
      dots=${BASH_REMATCH[1]//[!.]/}
      rest=${rest#@}
      [[ $rest == *[!0-9.]* ]] || ((${#dots} > 1)) || rest+=".*"
      TOOL_REQUIREMENT+="==$rest"
      ;;
    [=\<\>!~]* | " "[=\<\>!~@]*) TOOL_REQUIREMENT+=$rest ;;
    *)
      fail_tool_word "$word"
      return 1
      ;;
  esac
}

# Usage: find_name_of_files
# After read_tool_word, for a path or a URL: sets TOOL_NAME to the normalised name of what is there, by the name of a wheel or
# sdist, or by the pyproject.toml of a folder. Status 1 when these do not tell.
find_name_of_files() {
  local place=${TOOL_REQUIREMENT#-e } name text line=$'\n[ \t]*name[ \t]*=[ \t]*["\']([A-Za-z0-9][A-Za-z0-9._-]*)["\']'
  name=${place##*/}
  name=${name%%[?#]*}
  case $name in
    *.whl) name=${name%%-*} ;;
    *-*.tar.gz) name=${name%-*} ;;
    *)
      declare -F write_file >/dev/null || . "${BASH_SOURCE[0]%/*}/files.sh"
      read_file "$place/pyproject.toml"
      text=$'\n'$REPLY
      [[ $text == *$'\n[project]'* ]] || return 1
      text=${text#*$'\n[project]'}
      [[ ${text%%$'\n['*} =~ $line ]] || return 1
      name=${BASH_REMATCH[1]}
      ;;
  esac
  [[ $name =~ ^[A-Za-z0-9][A-Za-z0-9._-]*$ ]] || return 1
  normalize_tool_name "$name"
  TOOL_NAME=$REPLY
}

# Usage: fail_tool_name <word>
# Says that nobody can tell the name of the tool at a path or a URL. Status 1.
fail_tool_name() {
  local name=${1%/}
  name=${name##*/}
  name=${name%%[@?#]*}
  name=${name%.git}
  [[ $name =~ ^[A-Za-z0-9][A-Za-z0-9._-]*$ ]] || name=NAME
  declare -F propose_other_word >/dev/null || . "${BASH_SOURCE[0]%/*}/tool_store.sh"
  propose_other_word "$1" "$name @ $1"
  fail E_USAGE_ARGUMENT "the name of the tool has to stand before what only its files tell" why "given: ${1//[[:cntrl:]]/?}" fix "$REPLY"
}

# Usage: fail_tool_word <word>
# Says that the word names no tool. Status 1.
fail_tool_word() {
  if [[ -n $_tool_where ]]; then
    fail E_USAGE_ARGUMENT "'${1//[[:cntrl:]]/?}' names no tool" why "$_tool_where of .pyve/config has it" \
      why "one is such as ruff, ruff@0.6, 'ruff>=0.6' or 'black[jupyter]'" fix "pyve config unset $_tool_where"
    return 1
  fi
  fail E_USAGE_ARGUMENT "'${1//[[:cntrl:]]/?}' names no tool" \
    why "one is such as ruff, ruff@0.6, 'ruff>=0.6', 'black[jupyter]', or with --from a path, a URL or git+URL" fix "pyve help ${PYVE_COMMAND:-x}"
}

# Usage: normalize_tool_name <name>
# Sets REPLY to the name as indexes write it: small letters, and one "-" for each run of "-", "_" and ".".
normalize_tool_name() {
  REPLY=$1
  [[ $REPLY != *[A-Z]* ]] || REPLY=$(LC_ALL=C tr '[:upper:]' '[:lower:]' <<<"$REPLY")
  REPLY=${REPLY//[._]/-}
  while [[ $REPLY == *--* ]]; do
    REPLY=${REPLY//--/-}
  done
}

# Usage: list_tool_commands <environment> <normalised name, or "">
# Sets the array TOOL_COMMANDS to the commands that the distribution brings; those of all in the environment where none is
# named.
list_tool_commands() {
  local site="" folder name file line section store="" known=" "
  TOOL_COMMANDS=()
  if [[ -z $2 ]]; then
    for file in "$1"/bin/*; do
      file=${file##*/}
      case $file in
        python | python[0-9]* | pip | pip[0-9]* | activate | activate.* | Activate.ps1 | "*") ;;
        *) TOOL_COMMANDS+=("$file") ;;
      esac
    done
    return 0
  fi
  [[ ! -r $1/pyve.state ]] || while IFS= read -r line; do
    [[ $line != store=* ]] || store=${line#*=}
  done <"$1/pyve.state"
  for folder in "$1"/lib/python3*/site-packages/*.dist-info ${store:+"$store"/site/*.dist-info}; do
    name=${folder##*/}
    name=${name%.dist-info}
    normalize_tool_name "${name%%-*}"
    [[ $REPLY == "$2" ]] || continue
    [[ ! -r $folder/RECORD ]] || while IFS= read -r line; do
      [[ $line != *../bin/* ]] || known+="${line%%,*}"$'\n'
    done <"$folder/RECORD"
    section=""
    [[ ! -r $folder/entry_points.txt ]] || while IFS= read -r line || [[ -n $line ]]; do
      case $line in
        "["*) section=$line ;;
        *=*)
          name=${line%%=*}
          name=${name%"${name##*[![:blank:]]}"}
          [[ $section != "[console_scripts]"* && $section != "[gui_scripts]"* ]] || known+="/bin/$name"$'\n'
          ;;
      esac
    done <"$folder/entry_points.txt"
  done
  for file in "$1"/bin/*; do
    [[ $known != *"/bin/${file##*/}"$'\n'* || ! -x $file || -d $file ]] || TOOL_COMMANDS+=("${file##*/}")
  done
}

# Usage: adapt_tool_why <text> [message]
# Sets REPLY to what a reason, or a message, about a file of requirements comes to where a tool was asked for: the command
# takes the place of the file, which nobody has written. "" for what is only about the file. (See HELPER_WHY_FILTER.)
adapt_tool_why() {
  local at='^requirements\.in, line [0-9]+: (.*)$' end='^(.*) \(requirements\.in, line [0-9]+\)$' text=$1
  if [[ $text =~ $at ]]; then
    text=${BASH_REMATCH[1]}
    if [[ -z ${2-} ]]; then
      declare -F repeat_command >/dev/null || . "${BASH_SOURCE[0]%/*}/fixes.sh"
      repeat_command
      text+=", asked for by: $REPLY"
    fi
  elif [[ $text =~ $end ]]; then
    text=${BASH_REMATCH[1]}
    # (To ask for nothing is no way out.)
    [[ $text != *" is removed" ]] || text=""
  fi
  REPLY=$text
}

# Usage: adapt_tool_fix <command>
# Sets REPLY to what a fix for a project comes to where a tool was asked for: the command that was given with another
# requirement in it, or "". For helpers that solve (see HELPER_FIX_FILTER).
adapt_tool_fix() {
  local word name="" new i asked="" other="^sh -c 'pyve remove ([A-Za-z0-9._-]+) && pyve add ([A-Za-z0-9._-]+)'\$"
  local -a words=()
  REPLY=$1
  case $1 in
    "pyve add "*) new=${1#pyve add } ;;
    "sh -c 'pyve "*)
      # (Another name.)
      REPLY=""
      [[ $1 =~ $other ]] || return 0
      name=${BASH_REMATCH[1]} new=${BASH_REMATCH[2]}
      ;;
    "pyve lock"* | "pyve sync"* | "pyve remove "* | "pyve upgrade"* | "pyve init"*)
      REPLY=""
      return 0
      ;;
    *) return 0 ;;
  esac
  new=${new//\'/}
  REPLY=""
  [[ $new != *[[:blank:]\"\\]* ]] || return 0
  normalize_tool_name "${name:-${new%%[!A-Za-z0-9._-]*}}"
  name=$REPLY REPLY=""
  for word in ${_tool_words[@]+"${_tool_words[@]}"}; do
    normalize_tool_name "${word%%[!A-Za-z0-9._-]*}"
    [[ $REPLY != "$name" ]] || asked=$word
  done
  REPLY=""
  [[ -n $asked ]] || return 0
  i=""
  for word in "${PYVE_WORDS[@]}"; do
    if [[ -z $i && ($word == "$asked" || $word == --*="$asked") ]]; then
      word=${word%"$asked"}$new i=1
    fi
    words+=("$word")
  done
  [[ -n $i ]] || return 0
  declare -F quote_words >/dev/null || . "${BASH_SOURCE[0]%/*}/cli.sh"
  quote_words pyve "${words[@]}"
}
