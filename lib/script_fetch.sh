# shellcheck shell=bash
# Scripts that are elsewhere: at a URL, or in a git repository. What a commit, or a digest, says for certain is fetched once;
# what may be another thing tomorrow only when that is asked for, and never in CI.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/script_fetch.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

declare -F find_checkout >/dev/null || . "${BASH_SOURCE[0]%/*}/checkout.sh"
declare -F fetch_url >/dev/null || . "${BASH_SOURCE[0]%/*}/download.sh"
declare -F is_ci >/dev/null || . "${BASH_SOURCE[0]%/*}/frozen.sh"
declare -F quote_word >/dev/null || . "${BASH_SOURCE[0]%/*}/text.sh"
declare -F log_info >/dev/null || . "${BASH_SOURCE[0]%/*}/utils.sh"
declare -F sha256_of_file >/dev/null || . "${BASH_SOURCE[0]%/*}/digest.sh"
declare -F plan_step >/dev/null || . "${BASH_SOURCE[0]%/*}/run_plan.sh"

# The largest script that is fetched, in units of 1,024 bytes.
_script_limit=10240

# Usage: fetch_script <URL>
# Sets REPLY to the file of a script that is at https://..., or in a repository, git+https://HOST/REPO@COMMIT#PATH. In an
# explanation nothing is fetched, and the file may not be there. Status 1 after a diagnostic.
fetch_script() {
  if [[ $1 == *[[:cntrl:][:space:]\"\\]* ]]; then
    fail_script_url "it has a blank, a quote or another sign that no URL has"
    return 1
  fi
  case $1 in
    git+*) fetch_from_git "$1" ;;
    *) fetch_from_web "$1" ;;
  esac
}

# Usage: fail_script_url <why>
# Says that the URL of a script is none. Status 1.
fail_script_url() {
  fail E_SCRIPT_URL "the address of the script cannot be used" why "$1" \
    why "it is https://HOST/PATH.py, or git+https://HOST/REPOSITORY@COMMIT#PATH.py, with a full commit"
}

# Usage: check_floating <shown> <why>
# Status 1, with a diagnostic, unless what may change is allowed.
check_floating() {
  local again
  if is_ci; then
    fail E_SCRIPT_FLOATING "$1 may be another script tomorrow" why "$2" why "in CI, only what is certain is run: name a full commit, or #sha256=DIGEST"
    return 1
  elif [[ -z $RUN_FLOATING ]]; then
    declare -F quote_words >/dev/null || . "${BASH_SOURCE[0]%/*}/cli.sh"
    quote_words pyve run --allow-floating "${PYVE_WORDS[@]:1}"
    again=$REPLY
    fail E_SCRIPT_FLOATING "$1 may be another script tomorrow" why "$2" why "a full commit in it, or #sha256=DIGEST behind it, makes it certain" fix "$again"
    return 1
  fi
}

# Usage: fetch_from_web <URL>
# For fetch_script.
fetch_from_web() {
  local url=${1%%#*} digest="" shown name form='(^|[&])sha256=([0-9a-f]{64})([&]|$)' commit='/([0-9a-f]{40}|[0-9a-f]{64})/' certain=""
  redact_url "$url"
  shown=$REPLY
  if [[ $1 == *"#"* ]]; then
    if [[ ! ${1#*#} =~ $form ]]; then
      fail_script_url "behind # stands sha256= and 64 hexadecimal digits"
      return 1
    fi
    digest=${BASH_REMATCH[2]}
  fi
  [[ $url != https://* || ! ${url%%\?*} =~ $commit ]] || certain=1
  if [[ -z $digest$certain ]]; then
    check_floating "$shown" "nothing in the URL says which one it is" || return 1
  fi
  name=${url%%\?*}
  name=${name##*/}
  name=${name//[!A-Za-z0-9._-]/_}
  [[ $name == [A-Za-z0-9_]* ]] || name=script.py
  find_checkout "url $1" || return 1
  REPLY=$CHECKOUT/tree/$name
  use_checkout
  # (It was verified when it came.)
  if [[ -n $digest$certain && -f $REPLY ]]; then
    ! is_explaining || plan_chosen script "$REPLY" "it was fetched before"
    return 0
  elif is_explaining; then
    [[ -n $digest$certain ]] || REPLY=$name
    plan_step "$shown is fetched: $REPLY"
    return 0
  fi
  begin_checkout && download_script "$url" "$shown" "$digest" "$name" || return 1
  # (What may change gets a place by what it is now: another run may still be reading what it was.)
  if [[ -z $digest$certain ]]; then
    sha256_of_file "$CHECKOUT_WORK/tree/$name" && find_checkout "file $REPLY $name" || return 1
  fi
  place_checkout || return 1
  REPLY=$CHECKOUT/tree/$name
}

# Usage: download_script <URL> <shown> <digest, or ""> <name>
# Fetches it into the tree of CHECKOUT_WORK. Status 1 after a diagnostic.
download_script() {
  local DOWNLOAD_LABEL=$2 DOWNLOAD_LIMIT=$_script_limit OBTAIN_CODE="" file=$CHECKOUT_WORK/tree/$4 why
  if ! fetch_url "$1" "$file" "$CHECKOUT_WORK/log"; then
    why=$REPLY
    case $OBTAIN_CODE in
      E_*) ;;
      *) OBTAIN_CODE=E_SCRIPT_FETCH ;;
    esac
    fail "$OBTAIN_CODE" "$2 cannot be fetched" why "$why"
    return 1
  fi
  if [[ -n $3 ]]; then
    sha256_of_file "$file" || return 1
    if [[ $REPLY != "$3" ]]; then
      fail E_SCRIPT_DIGEST "$2 is not the script that was meant" why "its SHA-256 is $REPLY" why "the URL says $3"
      return 1
    fi
  fi
  IFS= read -r -d '' -n 512 why <"$file" || :
  # (Nothing of Python's begins so.)
  if [[ $why =~ ^[[:space:]]*\< ]]; then
    fail E_SCRIPT_FETCH "$2 is a web page, and no script" why "it begins with <; where pages show a file, they have a link to what it holds, often called raw"
    return 1
  fi
}

# Usage: fetch_from_git <git+URL>
# For fetch_script.
fetch_from_git() {
  local url=${1#git+} path="" commit="" shown tree log sha='^([0-9a-f]{40}|[0-9a-f]{64})$' rest why
  [[ $url != *"#"* ]] || path=${url#*#}
  url=${url%%#*}
  rest=${url#*://}
  # (An @ in front of the path belongs to the user.)
  if [[ $rest == */*@* ]]; then
    commit=${url##*@}
    url=${url%@*}
  fi
  case $url in
    https://?* | http://?* | ssh://?* | file:///?*) ;;
    *)
      fail_script_url "repositories are at https://, ssh:// or file:///"
      return 1
      ;;
  esac
  case /$path/ in
    // | *//* | */../* | */./* | */.git/*)
      fail_script_url "behind # stands the path of the script in the repository"
      return 1
      ;;
  esac
  redact_url "$url"
  shown=$REPLY
  check_git || return 1
  if [[ ! $commit =~ $sha ]]; then
    why="no commit is named"
    [[ -z $commit ]] || why="'${commit//[[:cntrl:]]/?}' is no full commit"
    check_floating "git+$shown" "$why" || return 1
    if is_explaining; then
      plan_step "the commit that $shown has as ${commit:-HEAD} is fetched"
      REPLY=$path
      return 0
    fi
    find_remote_commit "$url" "$shown" "${commit:-HEAD}" || return 1
    commit=$REPLY
  fi
  find_checkout "git $url $commit" || return 1
  tree=$CHECKOUT/tree
  use_checkout
  if [[ ! -d $tree ]]; then
    if is_explaining; then
      plan_step "commit $commit of $shown is fetched: $tree"
      REPLY=$tree/$path
      return 0
    fi
    begin_checkout || return 1
    log_info "Fetching commit ${commit:0:12} of $shown"
    if ! log=$(clone_commit "$url" "$commit" 2>&1); then
      log=${log##*$'\n'}
      fail E_SCRIPT_FETCH "commit ${commit:0:12} of $shown cannot be fetched" why "git: ${log//[[:cntrl:]]/?}"
      return 1
    fi
    warn_about_tree "$CHECKOUT_WORK/tree" "$commit"
    place_checkout || return 1
  fi
  check_path_inside "$tree" "$path" "$commit"
}

# Usage: find_remote_commit <URL> <shown> <name>
# Sets REPLY to the commit that a branch or a tag of the repository is now. Status 1 after a diagnostic.
find_remote_commit() {
  local listed="" line ref
  if [[ $3 != -* ]] && ! listed=$(run_git ls-remote --quiet -- "$1" "$3" "$3^{}" 2>&1); then
    listed=${listed##*$'\n'}
    fail E_SCRIPT_FETCH "$2 cannot be reached" why "git: ${listed//[[:cntrl:]]/?}"
    return 1
  fi
  # (All whose names end so are listed: the first is meant in the order that git has; and of a tag with a text, its commit.)
  for ref in {,refs/,refs/tags/,refs/heads/}"$3"{"^{}",}; do
    while IFS= read -r line; do
      if [[ ${line#*$'\t'} == "$ref" && ${line%%$'\t'*} =~ ^[0-9a-f]{40,64}$ ]]; then
        REPLY=${line%%$'\t'*}
        return 0
      fi
    done <<<"$listed"
  done
  fail E_SCRIPT_FETCH "$2 has no branch and no tag '${3//[[:cntrl:]]/?}'" why "git ls-remote does not list it; of a commit, all its digits are needed"
}

# Usage: clone_commit <URL> <commit>
# Fetches a commit, and checks it out in CHECKOUT_WORK/tree. Prints what git says.
clone_commit() {
  local tree=$CHECKOUT_WORK/tree
  run_git init --quiet --template= -- "$tree" || return 1
  # (Some servers give no commit by its name.)
  run_git -C "$tree" fetch --quiet --no-tags --depth 1 -- "$1" "$2" 2>/dev/null ||
    run_git -C "$tree" fetch --quiet --no-tags -- "$1" '+refs/*:refs/pyve/*' || return 1
  run_git -C "$tree" checkout --quiet --detach "$2"
}

# Usage: check_path_inside <tree> <path> <commit>
# Sets REPLY to the script. Status 1, with a diagnostic, when it is not there, or a link leads out of the tree.
check_path_inside() {
  local folder=$1/$2 real
  folder=${folder%/*}
  if [[ ! -f $1/$2 ]]; then
    fail E_SCRIPT_URL "commit ${3:0:12} has no file '$2'" why "the part of the address behind # is the path of the script in the repository"
    return 1
  fi
  real=$(CDPATH="" cd -P -- "$folder" && printf '%s/' "$PWD") || real=""
  if [[ -L $1/$2 || $real != "$(CDPATH="" cd -P -- "$1" && printf '%s/' "$PWD")"* ]]; then
    fail E_SCRIPT_URL "'$2' of commit ${3:0:12} is a link" why "what it leads to may be outside of the repository"
    return 1
  fi
  REPLY=$1/$2
}
