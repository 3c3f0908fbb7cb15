# shellcheck shell=bash
# shellcheck disable=SC2034 # what is found here is read by lib/tool_run.sh
# The tools that format, lint and type-check a project: which one it is, in which version, and with which words it is started.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/tool_checks.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F plan_tool >/dev/null || . "${BASH_SOURCE[0]%/*}/tool_run.sh"
declare -F locate_environment >/dev/null || . "${BASH_SOURCE[0]%/*}/project_state.sh"
declare -F config_get >/dev/null || . "${BASH_SOURCE[0]%/*}/config.sh"
declare -F write_file >/dev/null || . "${BASH_SOURCE[0]%/*}/files.sh"
declare -F log_info >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"

# Usage: check_project_with <fmt|lint|typecheck> [argument]...
# What these rooms do: starts the tool in Pyve's place. The arguments are the tool's, behind those of Pyve's own.
check_project_with() {
  local job=$1 name=""
  shift
  TOOL_FROM="" TOOL_PYTHON="" TOOL_REFRESH="" TOOL_NEWER="" TOOL_OFFLINE="" TOOL_WITH=()
  take_check_options "$@" || return 1
  set -- ${COMMAND_WORDS[@]+"${COMMAND_WORDS[@]}"}
  find_project || find_project_of_others
  config_load "$PROJECT_ROOT/.pyve/config" || :
  begin_plan "$job"
  choose_check_tool "$job" || return 1
  name=$TOOL_NAME
  if ! compose_check_words "$job" "$name" "$@"; then
    PYVE_TALK_FD=2
    log_info "There is no Python code in $PROJECT_ROOT"
    return 0
  fi
  plan_tool "$name" ${CHECK_WORDS[@]+"${CHECK_WORDS[@]}"} || return
  if ! has_paths "$@"; then
    PLAN_FOLDER=$PROJECT_ROOT
  fi
  start_planned
}

# Usage: find_project_of_others
# Where no project of Pyve's is: sets PROJECT_ROOT to the nearest folder of the repository that has a pyproject.toml, to the
# current one where there is none, or no repository.
find_project_of_others() {
  local folder=$PWD found=""
  PROJECT_ROOT=$PWD
  while [[ $folder == /* ]]; do
    [[ -n $found || ! -f $folder/pyproject.toml ]] || found=$folder
    if [[ -e $folder/.git ]]; then
      PROJECT_ROOT=${found:-$PWD}
      return 0
    fi
    folder=${folder%/*}
  done
}

# Usage: take_check_options [argument]...
# Reads Pyve's own options at the front; COMMAND_WORDS: what is left for the tool.
take_check_options() {
  while (($#)); do
    case $1 in
      --refresh) TOOL_REFRESH=1 ;;
      --offline) TOOL_OFFLINE=1 ;;
      --with=?*) TOOL_WITH+=("${1#--with=}") ;;
      --with)
        if (($# < 2)); then
          fail E_USAGE_VALUE "--with needs a value: --with REQ" fix "pyve help $PYVE_COMMAND"
          return 1
        fi
        TOOL_WITH+=("$2")
        shift
        ;;
      --)
        shift
        break
        ;;
      -*)
        take_global_option "$@" || return 1
        ((REPLY)) || break
        shift "$((REPLY - 1))"
        ;;
      *) break ;;
    esac
    shift
  done
  COMMAND_WORDS=("$@")
}

# Usage: choose_check_tool <fmt|lint|typecheck>
# Sets TOOL_FROM to what is asked for, and TOOL_NAME: what the config says (tools.<job>; further items of a list are what the
# tool is to find, too), else the tool that the project has settings for, else ruff or mypy; in the version of the project's
# lock, when that has it. Status 1 after a diagnostic.
choose_check_tool() {
  local item where
  config_get "tools.$1"
  # (What is no list is refused as it is written.)
  [[ $REPLY != "["*"]" ]] || split_list "$REPLY" || :
  while IFS= read -r item; do
    item=${item#"${item%%[![:blank:]]*}"}
    item=${item%"${item##*[![:blank:]]}"}
    [[ -n $item ]] || continue
    _tool_where=tools.$1
    read_tool_word "$item" || return 1
    # (What a path or a URL holds, nobody can tell by its name.)
    if [[ -z $TOOL_FROM && -z $TOOL_NAME ]]; then
      fail_tool_word "$item"
      return 1
    fi
    _tool_where=""
    if [[ -z $TOOL_FROM ]]; then
      TOOL_FROM=$item where="tools.$1 of .pyve/config"
    else
      TOOL_WITH+=("$item")
    fi
  done <<<"$REPLY"
  if [[ -z $TOOL_FROM ]]; then
    find_configured_tool "$1"
    TOOL_FROM=$REPLY where=$CHECK_REASON
  fi
  read_tool_word "$TOOL_FROM" || return 1
  _tool_words=()
  [[ -z ${PYVE_EXPLAIN-} ]] || plan_chosen tool "$TOOL_FROM" "$where"
  [[ -n $TOOL_PLAIN ]] || return 0
  if find_locked_version "$TOOL_NAME"; then
    TOOL_FROM=$TOOL_NAME==$REPLY
    log_verbose "$TOOL_NAME $REPLY, as the project's lock says"
    [[ -z ${PYVE_EXPLAIN-} ]] || plan_chosen tool "$TOOL_FROM" "the project's lock has this version"
  fi
}

# Usage: has_settings_for <tool> [file]...
# True when one of the files is there, or pyproject.toml of the project has a table for the tool.
has_settings_for() {
  local tool=$1 file
  shift
  for file; do
    [[ ! -f $PROJECT_ROOT/$file ]] || return 0
  done
  read_file "$PROJECT_ROOT/pyproject.toml"
  [[ $REPLY == *"tool.$tool"* && $'\n'$REPLY =~ $'\n'[[:blank:]]*\[[[:blank:]]*tool\.${tool}[].[:blank:]] ]]
}

# Usage: has_section <name> <file>...
# True when one of these files of the project has a line "[name]".
has_section() {
  local name=$1 file
  shift
  for file; do
    read_file "$PROJECT_ROOT/$file"
    [[ $'\n'$REPLY != *$'\n'"[$name]"* ]] || return 0
  done
  return 1
}

# Usage: find_configured_tool <fmt|lint|typecheck>
# Sets REPLY to the tool that the project has settings for, else to the usual one, and CHECK_REASON to why.
find_configured_tool() {
  CHECK_REASON="the project has settings for it"
  case $1 in
    fmt)
      if has_settings_for ruff ruff.toml .ruff.toml; then
        REPLY=ruff
      elif has_settings_for black; then
        REPLY=black
      elif has_settings_for yapf .style.yapf; then
        REPLY=yapf
      else
        REPLY=ruff CHECK_REASON="the usual one: the project has settings for none"
      fi
      ;;
    lint)
      if has_settings_for ruff ruff.toml .ruff.toml; then
        REPLY=ruff
      elif has_settings_for flake8 .flake8 || has_section flake8 setup.cfg tox.ini; then
        REPLY=flake8
      elif has_settings_for pylint .pylintrc pylintrc pylintrc.toml; then
        REPLY=pylint
      else
        REPLY=ruff CHECK_REASON="the usual one: the project has settings for none"
      fi
      ;;
    *)
      if has_settings_for mypy mypy.ini .mypy.ini || has_section mypy setup.cfg; then
        REPLY=mypy
      elif has_settings_for basedpyright; then
        REPLY=basedpyright
      elif has_settings_for pyright pyrightconfig.json; then
        REPLY=pyright
      elif has_settings_for ty ty.toml; then
        REPLY=ty
      elif has_settings_for pyrefly pyrefly.toml; then
        REPLY=pyrefly
      else
        REPLY=mypy CHECK_REASON="the usual one: the project has settings for none"
      fi
      ;;
  esac
}

# Usage: find_locked_version <normalised name>
# Sets REPLY to the version that the project's lock has of it. Status 1 when it has none, or several.
find_locked_version() {
  local line found="" lock=$PROJECT_ROOT/pylock.toml head='name = "'$1'"' key='version = "'
  if [[ ! -f $lock ]]; then
    lock=$PROJECT_ROOT/conda-lock.yml head="- name: $1" key="  version: "
  fi
  [[ -f $lock && -r $lock ]] || return 1
  while IFS= read -r line; do
    [[ $line == "$key"* ]] || continue
    line=${line#"$key"}
    line=${line//[\"\' ]/}
    [[ -z $found || $found == "$line" ]] || return 1
    found=$line
  done < <(grep -F -x -A 1 -e "$head" -- "$lock" 2>/dev/null || :)
  REPLY=$found
  [[ $found =~ ^[0-9][A-Za-z0-9.!+_-]*$ ]]
}

# Usage: has_paths [argument]...
# True when one of the arguments is a path, or "-" for stdin: a word that is no option, nor, as far as can be told, the value
# of one.
has_paths() {
  local word before=""
  for word; do
    if [[ $word == - ]]; then
      return 0
    elif [[ $word != -* ]]; then
      case $before in
        --config | --config-file | --rcfile | --style) ;;
        --?*=* | -- | [!-]* | "") return 0 ;;
        *)
          if [[ -e $word || $word == */* || $word == *.py || $word == *.pyi ]]; then
            return 0
          fi
          ;;
      esac
    fi
    before=$word
  done
  return 1
}

# Usage: list_sources
# Sets the array CHECK_PLACES to the Python files and the folders at the top of the project, for tools that would go into
# environments, too: without those, and what is hidden.
list_sources() {
  local place
  CHECK_PLACES=()
  for place in "$PROJECT_ROOT"/*; do
    if [[ -d $place ]]; then
      [[ ! -f $place/pyvenv.cfg && ! -d $place/conda-meta && $place != */node_modules && $place != */__pycache__ ]] || continue
    elif [[ $place != *.py && $place != *.pyi ]]; then
      continue
    fi
    CHECK_PLACES+=("./${place##*/}")
  done
}

# Usage: compose_check_words <fmt|lint|typecheck> <tool> [argument]...
# Sets the array CHECK_WORDS to the words behind the tool's command: what makes it do the job, the arguments, and what the
# project has where a tool wants to be told. Status 1 where that is nothing.
compose_check_words() {
  local job=$1 tool=$2
  local -a everything=()
  shift 2
  CHECK_WORDS=()
  case $job:$tool in
    fmt:ruff) CHECK_WORDS=(format) ;;
    lint:ruff) CHECK_WORDS=(check) ;;
    fmt:yapf) is_told "$@" || CHECK_WORDS=(--in-place --recursive) ;;
    lint:pylint) CHECK_WORDS=(--recursive=y) ;;
    typecheck:ty | typecheck:pyrefly) CHECK_WORDS=(check) ;;
  esac
  if [[ $job == typecheck ]]; then
    add_environment_words "$tool"
  else
    leave_environments_out "$tool"
  fi
  case $job:$tool in
    fmt:black) everything=(.) ;;
    typecheck:mypy) has_mypy_targets || everything=(.) ;;
    fmt:yapf | lint:pylint | lint:flake8)
      list_sources
      everything=(${CHECK_PLACES[@]+"${CHECK_PLACES[@]}"})
      if ((${#everything[@]} == 0)) && ! has_paths "$@"; then
        return 1
      fi
      ;;
  esac
  CHECK_WORDS+=("$@")
  has_paths "$@" || CHECK_WORDS+=(${everything[@]+"${everything[@]}"})
}

# Usage: leave_environments_out <tool>
# Adds to CHECK_WORDS what keeps a tool out of environments that it would not know for one by their names: without git, not
# all look at .gitignore, and what is in them may be links of what all projects have.
leave_environments_out() {
  local names="" list="" name
  local -a found=()
  [[ ! -d $PROJECT_ROOT/.pyve/envs ]] || found=(.pyve)
  config_get venv.directory
  if [[ $REPLY =~ ^[A-Za-z0-9._-]+$ && $REPLY != .venv && $REPLY != venv && -d $PROJECT_ROOT/$REPLY ]]; then
    found+=("$REPLY")
  fi
  for name in ${found[@]+"${found[@]}"}; do
    names+="${names:+|}${name//./\\.}" list+="${list:+,}\"$name\""
  done
  [[ -n $names ]] || return 0
  case $1 in
    ruff)
      # (It has not always had this.)
      [[ $TOOL_FROM =~ (==|@)0\.(0|1|2\.0|2\.1)(\.|$) ]] || CHECK_WORDS+=(--config "extend-exclude=[$list]")
      ;;
    black)
      # (In place of what the settings say: so the one of both that they do not have, if there is one.)
      list_black_settings
      name=--extend-exclude
      if [[ $REPLY == *extend[-_]exclude* ]]; then
        [[ $REPLY != *force[-_]exclude* ]] || return 0
        name=--force-exclude
      fi
      CHECK_WORDS+=("$name" "/($names)/")
      ;;
  esac
}

# Usage: list_black_settings
# Sets REPLY to pyproject.toml of the project without the tables of other tools.
list_black_settings() {
  local line kept="" skips="" table='^[[:blank:]]*\[\[?[[:blank:]]*tool\.([A-Za-z0-9_-]+)'
  read_file "$PROJECT_ROOT/pyproject.toml"
  while IFS= read -r line; do
    if [[ $line =~ $table ]]; then
      skips=1
      [[ ${BASH_REMATCH[1]} != black ]] || skips=""
    fi
    [[ -n $skips ]] || kept+=$line$'\n'
  done <<<"$REPLY"
  REPLY=$kept
}

# Usage: is_told [argument]...
# For yapf: true when it is not to write.
is_told() {
  [[ " $* " == *" --diff "* || " $* " == *" -d "* || " $* " == *" --check "* ]]
}

# Usage: add_environment_words <tool>
# Adds to CHECK_WORDS what has a type checker see the packages of the project's environment.
add_environment_words() {
  locate_environment "$PROJECT_ROOT" || :
  if [[ -z ${ENVIRONMENT-} || ! -x $ENVIRONMENT/bin/python ]]; then
    # (A person may wonder why modules are not found.)
    PYVE_TALK_FD=2
    log_info "There is no environment in this project: what it imports is not seen"
    return 0
  fi
  [[ -z ${PYVE_EXPLAIN-} ]] || plan_chosen packages "$ENVIRONMENT" "the project's environment"
  case $1 in
    mypy) CHECK_WORDS+=(--python-executable "$ENVIRONMENT/bin/python") ;;
    pyright | basedpyright) CHECK_WORDS+=(--pythonpath "$ENVIRONMENT/bin/python") ;;
    ty) CHECK_WORDS+=(--python "$ENVIRONMENT") ;;
    pyrefly) CHECK_WORDS+=(--python-interpreter-path "$ENVIRONMENT/bin/python") ;;
  esac
}

# Usage: has_mypy_targets
# True when mypy's settings, in the file that it takes them from, say what is to be checked.
has_mypy_targets() {
  local file table
  for file in mypy.ini .mypy.ini pyproject.toml setup.cfg; do
    read_file "$PROJECT_ROOT/$file"
    table='[mypy]'
    [[ $file != pyproject.toml ]] || table='[tool.mypy]'
    REPLY=$'\n'$REPLY
    [[ $REPLY == *$'\n'"$table"* ]] || continue
    REPLY=${REPLY#*$'\n'"$table"}
    REPLY=${REPLY%%$'\n['*}
    [[ $REPLY =~ $'\n'[[:blank:]]*(files|modules|packages)[[:blank:]]*[=:] ]]
    return
  done
  return 1
}
